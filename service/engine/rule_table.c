#include "service/engine/rule_table.h"

#include "service/base/check.h"

#include <stdlib.h>

const char *rule_hint_text(enum rule_hint hint)
{
    static const char *const texts[] = {
#define X(name, text) text,
        RULE_HINT_TABLE(X)
#undef X
    };
    return texts[hint];
}

/* ---- what the engines counted ---- */

static void add_fired(struct rule_line *line, const struct engine_stats *stats)
{
    int i = line->rule->index;
    uint64_t fired = stats_get(&stats->fired[i]), held = stats_get(&stats->held[i]);
    bool is_shadow = line->rule->mode != RULE_LIVE;
    line->fired += is_shadow ? 0 : fired;
    line->shadow_fired += is_shadow ? fired : held;
    line->near_misses += stats_get(&stats->near[i]);
}

static void add_engine(struct rule_table *t, const struct engine *e)
{
    const struct engine_stats *stats = e->stats;
    t->unattributed += stats_get(&stats->labels_unattributed);
    if (stats_get(&e->cofire->ruleset) == t->snap->id)
        t->transactions += stats_get(&e->cofire->transactions);
    if (stats_get(&stats->fired_ruleset) != t->snap->id)
        return;
    for (int i = 0; i < t->n_current; i++)
        add_fired(&t->lines[i], stats);
}

/* ---- what labels say ---- */

static void add_labels(struct rule_labels *l, struct span currency, const int64_t *columns)
{
    int64_t n[TALLY_COLUMNS];
    for (int i = 0; i < TALLY_COLUMNS; i++) /* a row that was dropped once may have less */
        n[i] = columns[i] > 0 ? columns[i] : 0;
    l->fraud += n[TALLY_FRAUD];
    l->legitimate += n[TALLY_LEGITIMATE];
    l->lag_ms += n[TALLY_LAG_MS];
    if (l->n_money < RULE_CURRENCIES_MAX)
        l->money[l->n_money++] =
            (struct rule_money){currency, n[TALLY_FRAUD_E4], n[TALLY_LEGITIMATE_E4]};
}

static int by_id(const void *a, const void *b)
{
    return span_cmp(((const struct rule_line *)a)->id, ((const struct rule_line *)b)->id);
}

static int by_rule_id(const void *a, const void *b)
{
    return span_cmp((*(const struct rule *const *)a)->id, (*(const struct rule *const *)b)->id);
}

static struct rule_line *line_of(struct rule_table *t, const struct rule *const *sorted,
                                 struct span id)
{
    const struct rule key = {.id = id}, *wanted = &key;
    const struct rule *const *found =
        bsearch(&wanted, sorted, (size_t)t->n_current, sizeof *sorted, by_rule_id);
    if (found != NULL)
        return &t->lines[(*found)->index];
    for (int i = t->n_current; i < t->n; i++)
        if (span_eq(t->lines[i].id, id))
            return &t->lines[i];
    t->lines[t->n] = (struct rule_line){.id = id};
    return &t->lines[t->n++];
}

/* What is said of another file than the ruleset's, nobody asks for. */
static void add_model_row(struct rule_table *t, const struct verdict_row *name,
                          const int64_t *columns)
{
    int i = model_set_find(&t->snap->models, name->model);
    if (i < 0 || !span_is(name->hash, t->snap->models.items[i].model.hash))
        return;
    struct rule_model *m = &t->models[i];
    add_labels(name->kind == VERDICT_ROW_ABOVE ? &m->above : &m->below, name->currency, columns);
}

static void add_row(struct rule_table *t, const struct rule *const *sorted,
                    const struct tally_row *row)
{
    struct verdict_row name;
    if (!verdict_row_read(span_of(row->name, row->name_len), &name))
        return;
    if (name.model.len > 0)
        add_model_row(t, &name, row->columns);
    bool is_rules = name.kind == VERDICT_ROW_LIVE || name.kind == VERDICT_ROW_SHADOW;
    struct rule_line *line = is_rules ? line_of(t, sorted, name.rule) : NULL;
    if (name.kind == VERDICT_ROW_FLAGGED)
        add_labels(&t->flagged, name.currency, row->columns);
    else if (name.kind == VERDICT_ROW_ALLOWED)
        add_labels(&t->allowed, name.currency, row->columns);
    else if (line != NULL)
        add_labels(name.kind == VERDICT_ROW_LIVE ? &line->live : &line->shadow, name.currency,
                   row->columns);
}

static void add_tally(struct rule_table *t, const struct tally *tally)
{
    const struct rule *sorted[RULES_MAX];
    for (int i = 0; i < t->n_current; i++)
        sorted[i] = t->lines[i].rule;
    qsort(sorted, (size_t)t->n_current, sizeof *sorted, by_rule_id);
    for (int i = 0; i < tally->n; i++)
        add_row(t, sorted, &tally->rows[i]);
    qsort(t->lines + t->n_current, (size_t)(t->n - t->n_current), sizeof *t->lines, by_id);
}

/* ---- what is odd ---- */

/* Each has fired wherever this one has: the first of them, in the rules' order. A loop may take
 * another ruleset while this looks, so an index may be of one with more rules. */
static const struct rule *covering(const struct rule_table *t, int index,
                                   const struct engine *const *engines, int n_engines)
{
    uint16_t with[COFIRE_MAX] = {0}, first = 0;
    bool has_fired = false;
    for (int i = 0; i < n_engines; i++)
        if (stats_get(&engines[i]->cofire->ruleset) == t->snap->id)
            cofire_join(engines[i]->cofire, index, &has_fired, with);
    for (int i = 0; i < COFIRE_MAX; i++)
        if (with[i] != 0 && with[i] <= t->n_current && (first == 0 || with[i] < first))
            first = with[i];
    return first == 0 ? NULL : t->snap->rules->rules[first - 1];
}

static void add_hint(struct rule_table *t, struct rule_line *line,
                     const struct engine *const *engines, int n_engines)
{
    uint64_t fired = line->fired + line->shadow_fired;
    if (line->rule->mode == RULE_OFF)
        return;
    if (fired == 0 && t->transactions >= RULE_NEVER_MIN)
        line->hint = RULE_HINT_NEVER_FIRES;
    else if (fired >= t->transactions && t->transactions >= RULE_ALWAYS_MIN)
        line->hint = RULE_HINT_ALWAYS_FIRES;
    else if (fired >= RULE_COVERED_MIN)
        line->covered_by = covering(t, line->rule->index, engines, n_engines);
    if (line->covered_by != NULL)
        line->hint = RULE_HINT_COVERED_BY;
}

/* ---- the table ---- */

void rule_table_init(struct rule_table *t, const struct snapshot *snap,
                     const struct engine *const *engines, int n_engines, const struct tally *tally)
{
    *t = (struct rule_table){.snap = snap, .n_current = snap->rules->count};
    t->lines = calloc((size_t)t->n_current + (size_t)tally->n + 1, sizeof *t->lines);
    CHECK(t->lines != NULL);
    for (t->n = 0; t->n < t->n_current; t->n++)
        t->lines[t->n] = (struct rule_line){.id = snap->rules->rules[t->n]->id,
                                            .rule = snap->rules->rules[t->n]};
    for (int i = 0; i < n_engines; i++)
        add_engine(t, engines[i]);
    add_tally(t, tally);
    for (int i = 0; i < t->n_current; i++)
        add_hint(t, &t->lines[i], engines, n_engines);
}

void rule_table_fini(struct rule_table *t)
{
    free(t->lines);
    *t = (struct rule_table){0};
}

/* ---- shares ---- */

static bool share(int64_t part, int64_t whole, int64_t least, double *ret_share)
{
    if (whole < least || whole == 0)
        return false;
    *ret_share = (double)part / (double)whole;
    return true;
}

static int64_t all_frauds(const struct rule_table *t)
{
    return t->flagged.fraud + t->allowed.fraud;
}

bool rule_precision(const struct rule_line *line, double *ret_share)
{
    int64_t fraud = line->live.fraud + line->shadow.fraud;
    int64_t legitimate = line->live.legitimate + line->shadow.legitimate;
    return share(fraud, fraud + legitimate, RULE_PRECISION_MIN, ret_share);
}

bool rule_recall(const struct rule_table *t, const struct rule_line *line, double *ret_share)
{
    return share(line->live.fraud + line->shadow.fraud, all_frauds(t), RULE_RECALL_MIN, ret_share);
}

bool rule_model_precision(const struct rule_model *m, double *ret_share)
{
    return share(m->above.fraud, m->above.fraud + m->above.legitimate, RULE_PRECISION_MIN,
                 ret_share);
}

bool rule_model_recall(const struct rule_model *m, double *ret_share)
{
    return share(m->above.fraud, m->above.fraud + m->below.fraud, RULE_RECALL_MIN, ret_share);
}

bool rule_table_precision(const struct rule_table *t, double *ret_share)
{
    return share(t->flagged.fraud, t->flagged.fraud + t->flagged.legitimate, RULE_PRECISION_MIN,
                 ret_share);
}

bool rule_table_recall(const struct rule_table *t, double *ret_share)
{
    return share(t->flagged.fraud, all_frauds(t), RULE_RECALL_MIN, ret_share);
}

bool rule_mean_lag_ms(const struct rule_labels *a, const struct rule_labels *b, int64_t *ret_ms)
{
    int64_t n = a->fraud + a->legitimate + b->fraud + b->legitimate;
    if (n == 0)
        return false;
    *ret_ms = (a->lag_ms + b->lag_ms) / n;
    return true;
}
