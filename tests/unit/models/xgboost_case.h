/*
 * xgboost_case.h -- a small model of XGBoost, as it is in a file of version 3.2.
 *
 *     tree 0   amount < 10 ─┬─ country is FR ─┬─ no: -0.5      missing amount: left
 *                           └─ 0.5            └─ yes: 1        missing country: no
 *     tree 1   amount < 100 ── -0.25, 0.25                     missing amount: right
 *
 * base_score is 0.25, the objective binary:logistic, the countries DE, FR and US.
 */
#ifndef SLUICE_TESTS_XGBOOST_CASE_H
#define SLUICE_TESTS_XGBOOST_CASE_H

#include "service/base/text.h"

extern const char xgboost_case[];

/* The same in UBJSON. */
void xgboost_case_ubjson(struct text *out);

#endif
