#include "service/trial/backtest_report.h"

enum { CELL_BYTES = 64, POINTS_SHOWN = 12 };

static const struct backtest_row share = {.kind = BACKTEST_SHARE};
static const struct backtest_row money = {.kind = BACKTEST_MONEY};
static const struct backtest_row area = {.kind = BACKTEST_AREA};

/* One value, right in `width`. */
static void put_cell(struct text *out, int width, const struct backtest_row *row, double value)
{
    char bytes[CELL_BYTES];
    struct text cell;
    text_init(&cell, bytes, sizeof bytes);
    backtest_put(&cell, row, value);
    text_printf(out, "%*s%.*s", width - (int)cell.len, "", (int)cell.len, bytes);
}

static void put_count(struct text *out, int width, uint64_t n)
{
    char bytes[CELL_BYTES];
    struct text cell;
    text_init(&cell, bytes, sizeof bytes);
    backtest_put_count(&cell, n);
    text_printf(out, "%*s%.*s", width - (int)cell.len, "", (int)cell.len, bytes);
}

static void put_change(struct text *out, const struct backtest_row *row, double candidate,
                       double baseline)
{
    char bytes[CELL_BYTES];
    struct text cell;
    text_init(&cell, bytes, sizeof bytes);
    backtest_put_change(&cell, row, candidate, baseline);
    if (cell.len > 0)
        text_printf(out, "%*s%.*s", 14 - (int)cell.len, "", (int)cell.len, bytes);
}

static void put_numbers(const struct backtest_report *r, struct text *out)
{
    text_printf(out, "%-23s%18s%18s%14s\n", "", "candidate", "baseline", "change");
    text_printf(out, "%-23s%18s%18s\n", "ruleset", r->candidate->id_text, r->baseline->id_text);
    for (int i = 0; i < BACKTEST_ROWS; i++) {
        const struct backtest_row *row = &backtest_rows[i];
        double ours = row->of(&r->result->candidate.measure);
        double theirs = row->of(&r->result->baseline.measure);
        text_printf(out, "%-23s", row->title);
        put_cell(out, 18, row, ours);
        put_cell(out, 18, row, theirs);
        put_change(out, row, ours, theirs);
        text_char(out, '\n');
    }
}

static void put_shares(struct text *out, const char *title, const struct measure_shares *s)
{
    text_printf(out, "%-23s", title);
    put_count(out, 18, s->transactions);
    put_count(out, 18, s->frauds);
    put_cell(out, 14, &money, (double)s->fraud_e4 / 10000);
    text_char(out, '\n');
}

static void put_overlap(const struct backtest_report *r, struct text *out)
{
    const struct measure_overlap *o = &r->result->overlap;
    text_printf(out, "\n%-23s%18s%18s%14s\n", "flagged by", "transactions", "fraud among them",
                "its money");
    put_shares(out, "both", &o->both);
    put_shares(out, "the candidate alone", &o->only_a);
    put_shares(out, "the baseline alone", &o->only_b);
}

/* "live", "shadow new", "live 10% gone" */
static void put_standing(struct text *out, const struct backtest_pair *p)
{
    char bytes[CELL_BYTES];
    struct text cell;
    text_init(&cell, bytes, sizeof bytes);
    backtest_put_mode(&cell, p->rule);
    text_str(&cell, p->candidate < 0 ? " gone" : p->baseline < 0 ? " new" : "");
    text_printf(out, "%-15.*s", (int)cell.len, bytes);
}

static void put_rule(const struct backtest_report *r, const struct backtest_pair *p,
                     struct text *out)
{
    const struct backtest_side *side =
        p->candidate >= 0 ? &r->result->candidate : &r->result->baseline;
    const struct measure_rule *now =
        backtest_rule(side, p->candidate >= 0 ? p->candidate : p->baseline);
    const struct measure_rule *before = backtest_rule(&r->result->baseline, p->baseline);
    text_printf(out, "%-32.*s ", SPAN_ARG(p->rule->id));
    put_standing(out, p);
    if (p->candidate >= 0)
        put_count(out, 11, now->fired);
    else
        text_printf(out, "%11s", "-");
    if (before != NULL)
        put_count(out, 11, before->fired);
    else
        text_printf(out, "%11s", "-");
    put_cell(out, 11, &share, measure_precision(&side->measure.counts, now->frauds, now->fired));
    put_cell(out, 10, &share, measure_ratio(now->frauds, side->measure.counts.frauds));
    put_cell(out, 13, &money, measure_money(&side->measure.counts, now->caught_e4));
    put_count(out, 10, now->alone);
    text_char(out, '\n');
}

static void put_rules(const struct backtest_report *r, struct text *out)
{
    struct backtest_pair pair;
    int at = 0;
    text_printf(out, "\n%-32s %-15s%11s%11s%11s%10s%13s%10s\n", "rule", "mode", "fired", "baseline",
                "precision", "recall", "caught", "alone");
    while (backtest_next_pair(r, &at, &pair))
        put_rule(r, &pair, out);
}

static void put_model(const struct bound_model *model, const char *side, const struct measure *m,
                      int i, struct text *out)
{
    const struct measure_model *mm = &m->models[i];
    bool has_threshold = !isnan(model->threshold);
    double precision = measure_precision(&m->counts, mm->caught, mm->above);
    double recall = measure_ratio(mm->caught, mm->frauds);
    text_printf(out, "%-32.*s %-15s%-11s", SPAN_ARG(model->name), model_role_text(model->role),
                side);
    put_count(out, 11, mm->scored);
    put_cell(out, 10, &area, mm->auc_roc);
    put_cell(out, 12, &area, mm->average_precision);
    put_cell(out, 11, &share, has_threshold ? precision : (double)NAN);
    put_cell(out, 10, &share, has_threshold ? recall : (double)NAN);
    text_char(out, '\n');
}

/* Each of the candidate's, and below it the baseline's of the same name; then those that only the
 * baseline has. */
static void put_models(const struct backtest_report *r, struct text *out)
{
    const struct model_set *ours = &r->candidate->models, *theirs = &r->baseline->models;
    if (ours->count + theirs->count > 0)
        text_printf(out, "\n%-32s %-15s%-11s%11s%10s%12s%11s%10s\n", "model", "role", "of",
                    "scored", "AUC ROC", "average pr.", "precision", "recall");
    for (int i = 0; i < ours->count; i++) {
        int before = model_set_find(theirs, ours->items[i].name);
        put_model(&ours->items[i], "candidate", &r->result->candidate.measure, i, out);
        if (before >= 0)
            put_model(&theirs->items[before], "baseline", &r->result->baseline.measure, before,
                      out);
    }
    for (int i = 0; i < theirs->count; i++)
        if (model_set_find(ours, theirs->items[i].name) < 0)
            put_model(&theirs->items[i], "baseline", &r->result->baseline.measure, i, out);
}

static void put_point(const struct measure *m, const struct measure_point *p, struct text *out)
{
    text_printf(out, "%-23.6g", p->score);
    put_count(out, 18, p->flagged);
    put_cell(out, 18, &share, measure_precision(&m->counts, p->caught, p->flagged));
    put_cell(out, 14, &share, measure_ratio(p->caught, m->counts.frauds));
    put_cell(out, 13, &money, measure_money(&m->counts, p->stopped_e4));
    text_char(out, '\n');
}

static void put_curve(const struct backtest_report *r, struct text *out)
{
    const struct measure *m = &r->result->candidate.measure;
    int step = m->n_points <= POINTS_SHOWN ? 1 : (m->n_points + POINTS_SHOWN - 1) / POINTS_SHOWN;
    text_printf(out, "\n%-23s%18s%18s%14s%13s\n", "candidate, flag_at", "flagged", "precision",
                "recall", "stopped");
    for (int i = 0; i < m->n_points; i += step)
        put_point(m, &m->points[i], out);
    if (backtest_forces(r->candidate->rules))
        text_str(out, "By scores alone, without the rules that have a `decision:`.\n");
}

/* What would mislead whoever reads the numbers alone. */
static void put_notes(const struct backtest_report *r, struct text *out)
{
    const struct measure_counts *c = &r->result->baseline.measure.counts;
    if (r->candidate->id == r->baseline->id)
        text_str(out, "\nThe candidate is the baseline.\n");
    if (c->transactions > 0 && c->labelled == 0)
        text_str(out, "\nNo transaction is labelled: what needs labels is left out.\n");
    if (r->result->several_currencies)
        text_str(out, "\nAmounts are in several currencies, and are added as numbers.\n");
}

void backtest_text(const struct backtest_report *r, struct text *out)
{
    put_numbers(r, out);
    put_overlap(r, out);
    put_rules(r, out);
    put_models(r, out);
    put_curve(r, out);
    put_notes(r, out);
}
