/*
 * gate_report.h -- what the gate said of a candidate.
 *
 *     {"judged":true,"refused":true,"why":"flags 6.1 % of the last 10,000 transactions, ...",
 *      "transactions":10000,"flagged":610,"flagged_before":300}
 */
#ifndef SLUICE_TRIAL_GATE_REPORT_H
#define SLUICE_TRIAL_GATE_REPORT_H

#include "service/base/text.h"

#include <stdbool.h>

enum { GATE_WHY_MAX = 1536 };

struct gate_report {
    bool is_judged;         /* false: there is no gate, or nothing to judge by */
    bool is_refused;        /* also when it then was forced */
    char why[GATE_WHY_MAX]; /* in words, for people; "": it was not asked */
    /* when judged */
    uint64_t transactions, flagged, flagged_before;
};

/* A JSON object, or null when it was not asked. */
void gate_report_write(const struct gate_report *report, struct text *out);

#endif
