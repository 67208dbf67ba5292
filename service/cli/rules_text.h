/*
 * rules_text.h -- what GET /v1/rules answers, as a table for people.
 *
 *     RULE     MODE  SEVERITY  FIRED  PER 10K  NEAR  FRAUD  LEGIT  PRECISION  RECALL  CAUGHT  ...
 *     burst    live  high      1,204     12.0    83     96      4       0.96    0.41  EUR 9,100.00
 */
#ifndef SLUICE_CLI_RULES_TEXT_H
#define SLUICE_CLI_RULES_TEXT_H

#include <jansson.h>
#include <stdio.h>

/* What is not there is shown as nothing: the answer may be of another version. */
void rules_text(const json_t *answer, FILE *out);

#endif
