/*
 * rules_text.h -- what GET /v1/rules answers, as a table for people.
 *
 *     RULE     MODE      SEVERITY  FIRED  PER 10K  NEAR  FRAUD  LEGIT  PRECISION  RECALL ...
 *     burst    live 10%  high        120      1.2    83     96      4       0.96    0.41 ...
 *              shadow              1,084     10.8           80      4
 *
 * What a rule did live and what it did as a shadow are never added up: a rule that fired both ways
 * has a second line.
 */
#ifndef SLUICE_CLI_RULES_TEXT_H
#define SLUICE_CLI_RULES_TEXT_H

#include <jansson.h>
#include <stdio.h>

/* What is not there is shown as nothing: the answer may be of another version. */
void rules_text(const json_t *answer, FILE *out);

#endif
