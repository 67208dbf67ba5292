#include "service/trial/backtest_report.h"

/* ---- the rows ---- */

static double transactions(const struct measure *m)
{
    return (double)m->counts.transactions;
}

static double flagged(const struct measure *m)
{
    return (double)m->counts.flagged;
}

static double flag_rate(const struct measure *m)
{
    return measure_ratio(m->counts.flagged, m->counts.transactions);
}

static double frauds(const struct measure *m)
{
    return (double)m->counts.frauds;
}

static double caught(const struct measure *m)
{
    return (double)m->counts.caught;
}

static double recall(const struct measure *m)
{
    return measure_ratio(m->counts.caught, m->counts.frauds);
}

static double precision(const struct measure *m)
{
    return measure_precision(&m->counts, m->counts.caught, m->counts.flagged);
}

/* Without any label all that is flagged would seem to be wrong. */
static double false_per_day(const struct measure *m)
{
    uint64_t wrong = m->counts.flagged - m->counts.caught;
    return m->counts.labelled == 0 ? (double)NAN : (double)wrong / m->days;
}

static double stopped(const struct measure *m)
{
    return measure_money(&m->counts, m->counts.stopped_e4);
}

static double disturbed(const struct measure *m)
{
    return measure_money(&m->counts, m->counts.disturbed_e4);
}

static double auc_roc(const struct measure *m)
{
    return m->auc_roc;
}

static double average_precision(const struct measure *m)
{
    return m->average_precision;
}

const struct backtest_row backtest_rows[BACKTEST_ROWS] = {
    {"transactions", transactions, BACKTEST_COUNT, BACKTEST_NEITHER},
    {"flagged", flagged, BACKTEST_COUNT, BACKTEST_NEITHER},
    {"flag rate", flag_rate, BACKTEST_SHARE, BACKTEST_NEITHER},
    {"labelled fraud", frauds, BACKTEST_COUNT, BACKTEST_NEITHER},
    {"fraud caught", caught, BACKTEST_COUNT, BACKTEST_MORE},
    {"recall", recall, BACKTEST_SHARE, BACKTEST_MORE},
    {"precision", precision, BACKTEST_SHARE, BACKTEST_MORE},
    {"false positives a day", false_per_day, BACKTEST_RATE, BACKTEST_LESS},
    {"fraud money stopped", stopped, BACKTEST_MONEY, BACKTEST_MORE},
    {"good money disturbed", disturbed, BACKTEST_MONEY, BACKTEST_LESS},
    {"AUC ROC of the score", auc_roc, BACKTEST_AREA, BACKTEST_MORE},
    {"average precision", average_precision, BACKTEST_AREA, BACKTEST_MORE},
};

/* ---- how they are written ---- */

void backtest_put_count(struct text *out, uint64_t n)
{
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    for (int i = 0; i < len; i++) {
        text_char(out, digits[i]);
        if (i + 1 < len && (len - i - 1) % 3 == 0)
            text_char(out, ',');
    }
}

static void put_number(struct text *out, double value)
{
    uint64_t whole = (uint64_t)(fabs(value) + 0.5);
    if (value < 0 && whole > 0)
        text_char(out, '-');
    backtest_put_count(out, whole);
}

void backtest_put(struct text *out, const struct backtest_row *row, double value)
{
    if (isnan(value))
        text_char(out, '-');
    else if (row->kind == BACKTEST_COUNT || row->kind == BACKTEST_MONEY)
        put_number(out, value);
    else if (row->kind == BACKTEST_SHARE)
        text_printf(out, value > 0 && value < 0.01 ? "%.3f %%" : "%.1f %%", value * 100);
    else
        text_printf(out, row->kind == BACKTEST_AREA ? "%.3f" : "%.1f", value);
}

void backtest_put_change(struct text *out, const struct backtest_row *row, double candidate,
                         double baseline)
{
    double difference = candidate - baseline;
    if (isnan(difference) || candidate == baseline)
        return;
    if (row->kind == BACKTEST_SHARE)
        text_printf(out, fabs(difference) < 0.001 ? "%+.3f pp" : "%+.1f pp", difference * 100);
    else if (row->kind == BACKTEST_AREA)
        text_printf(out, "%+.3f", difference);
    else if (baseline == 0)
        text_str(out, "from 0");
    else
        text_printf(out, "%+.1f %%", difference / fabs(baseline) * 100);
}

/* ---- rules of both ---- */

static int index_of(const struct rules *rules, struct span id)
{
    for (int i = 0; i < rules->count; i++)
        if (span_eq(rules->rules[i]->id, id))
            return i;
    return -1;
}

bool backtest_next_pair(const struct backtest_report *r, int *at, struct backtest_pair *ret_pair)
{
    const struct rules *ours = r->candidate->rules, *theirs = r->baseline->rules;
    if (*at < ours->count) {
        const struct rule *rule = ours->rules[*at];
        *ret_pair = (struct backtest_pair){rule, *at, index_of(theirs, rule->id)};
        ++*at;
        return true;
    }
    for (int i = *at - ours->count; i < theirs->count; i++) {
        ++*at;
        if (index_of(ours, theirs->rules[i]->id) >= 0)
            continue;
        *ret_pair = (struct backtest_pair){theirs->rules[i], -1, i};
        return true;
    }
    return false;
}

void backtest_put_mode(struct text *out, const struct rule *rule)
{
    text_str(out, rule_mode_text(rule->mode));
    if (rule->rollout.share_e4 == ROLLOUT_ALL_E4)
        return;
    text_char(out, ' ');
    rollout_write(rule->rollout.share_e4, out);
}

bool backtest_forces(const struct rules *rules)
{
    for (int i = 0; i < rules->count; i++) {
        if (rules->rules[i]->mode == RULE_LIVE && rules->rules[i]->force != RULE_FORCE_NONE)
            return true;
    }
    return false;
}
