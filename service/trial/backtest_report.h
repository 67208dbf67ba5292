/*
 * backtest_report.h -- a backtest's result, told: as JSON, as text, as one HTML page.
 *
 * The page is whole in itself: no script, nothing fetched, charts as SVG in it, light and dark by
 * the reader's own setting.
 *
 * Threads: pure.
 */
#ifndef SLUICE_TRIAL_BACKTEST_REPORT_H
#define SLUICE_TRIAL_BACKTEST_REPORT_H

#include "service/base/text.h"
#include "service/trial/backtest.h"

/* The longest: two rulesets of RULES_MAX rules with what they came to. */
enum { BACKTEST_REPORT_BYTES = 16 << 20 };

struct backtest_report {
    const struct backtest_result *result;
    const struct snapshot *candidate, *baseline;
    const char *events; /* where they came from, as the user named it */
};

/* out->overflow when there is less room than BACKTEST_REPORT_BYTES and it does not fit. */
void backtest_json(const struct backtest_report *r, struct text *out);
void backtest_text(const struct backtest_report *r, struct text *out);
void backtest_html(const struct backtest_report *r, struct text *out);

/* ---- of all three ---- */

/* One of the two, by what every table has of it. */
struct backtest_row {
    const char *title;
    /* NAN: there is none */
    double (*of)(const struct measure *m);
    /* How it is written, and what its change means. */
    enum {
        BACKTEST_COUNT, /* 1,234 and a relative change */
        BACKTEST_MONEY,
        BACKTEST_SHARE, /* 12.3 % and a change in points */
        BACKTEST_RATE,  /* 1.23 and a relative change */
        BACKTEST_AREA,  /* 0.763 and a difference */
    } kind;
    enum { BACKTEST_NEITHER, BACKTEST_MORE, BACKTEST_LESS } better;
};

enum { BACKTEST_ROWS = 12 };
extern const struct backtest_row backtest_rows[BACKTEST_ROWS];

/* A value of that kind, "-" for NAN; and what the candidate's differs from the baseline's by, ""
 * where they are alike or one is NAN. */
void backtest_put(struct text *out, const struct backtest_row *row, double value);
void backtest_put_change(struct text *out, const struct backtest_row *row, double candidate,
                         double baseline);
/* 1,234,567 */
void backtest_put_count(struct text *out, uint64_t n);

/* A rule of either ruleset, by its id; an index of -1: it is not in that one. */
struct backtest_pair {
    const struct rule *rule; /* the candidate's, where it is there */
    int candidate, baseline;
};

/* The next of them: the candidate's in their order, then those only the baseline has. *at begins
 * at 0. false: no more. O(rules). */
bool backtest_next_pair(const struct backtest_report *r, int *at, struct backtest_pair *ret_pair);

/* Has a live rule a `decision:`, which the curve leaves out? */
bool backtest_forces(const struct rules *rules);

/* "shadow", "live 10%" */
void backtest_put_mode(struct text *out, const struct rule *rule);

/* NULL for -1. */
static inline const struct measure_rule *backtest_rule(const struct backtest_side *side, int index)
{
    return index < 0 ? NULL : &side->measure.rules[index];
}

#endif
