/*
 * models_text.h -- what GET /v1/models answers, as tables for people.
 *
 *     MODEL  ROLE       FORMAT   INPUTS  THRESHOLD  SCORED  ABOVE ...   ROWS  SCORE PSI  STATE ...
 *     fraud  champion   xgboost      18        0.5   1,200     12 ...  1,200      0.013  drifted
 *
 *     fraud: 1,200 transactions of the last 1d against those of training
 *     INPUT      PSI  MISSING  IN TRAINING  STATE
 *     amount   1.204    0.000        0.000  drifted
 *     (score)  0.013    0.000        0.000  stable
 */
#ifndef SLUICE_CLI_MODELS_TEXT_H
#define SLUICE_CLI_MODELS_TEXT_H

#include <jansson.h>
#include <stdio.h>

/* What is not there is shown as nothing: the answer may be of another version. */
void models_text(const json_t *answer, FILE *out);

#endif
