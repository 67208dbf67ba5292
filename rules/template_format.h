/*
 * template_format.h -- how a reason writes a number: "{terminal_risk_7d:%} fraud".
 *
 *     %      percent, one decimal at most      0.31 is "31 %", 0.123 "12.3 %"
 *     .1%    percent, so many decimals         0.31 is "31.0 %"
 *     .2f    so many decimals                  950.5 is "950.50"
 *
 * An inexact number is written by its ends, "9 %..12 %"; what is no number, as cel_value_write()
 * has it. Digits are of the number's nearest double.
 *
 * Threads: pure.
 */
#ifndef SLUICE_RULES_TEMPLATE_FORMAT_H
#define SLUICE_RULES_TEMPLATE_FORMAT_H

#include "rules/cel_value.h"

enum { TEMPLATE_DECIMALS_MAX = 6 }; /* whoever wants more is no reader of a reason */

#define TEMPLATE_FORMATS "%, .0% to .6%, .0f to .6f" /* as a hint names them */

enum template_style { TEMPLATE_AS_IT_IS, TEMPLATE_PERCENT, TEMPLATE_FIXED };

struct template_format {
    enum template_style style;
    int decimals;
    bool trims; /* a last decimal that is 0 is left out */
};

/* false: `text` is none of them. */
bool template_format_read(struct span text, struct template_format *ret_format);

/* Nothing, and out->overflow, where it does not fit. */
void template_format_write(const struct template_format *f, struct cel_value v, struct text *out);

#endif
