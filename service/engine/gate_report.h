/*
 * gate_report.h -- what the gate said of a candidate.
 */
#ifndef SLUICE_ENGINE_GATE_REPORT_H
#define SLUICE_ENGINE_GATE_REPORT_H

#include "service/base/text.h"

#include <stdbool.h>

enum { GATE_WHY_MAX = 512 };

struct gate_report {
    bool is_judged;         /* false: there is no gate, or it was told to be quiet */
    bool is_refused;        /* also when it then was forced */
    char why[GATE_WHY_MAX]; /* in words, for people; "" when not judged */
};

/* A JSON object, or null when it was not judged. */
void gate_report_write(const struct gate_report *report, struct text *out);

#endif
