#include "rules/rules.h"

#include "rules/cel_share.h"

#include <math.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>

enum {
    WHYS_BYTES = 16 << 10, /* texts of some hundred errors; the answer holds no more */
};

/* ---- load ------------------------------------------------------------------------------------ */

static int by_id(const void *a, const void *b)
{
    const struct rule *x = *(const struct rule *const *)a, *y = *(const struct rule *const *)b;
    int c = span_cmp(x->id, y->id);
    return c ? c : (x->index > y->index) - (x->index < y->index);
}

/* Every id once; the later of two is told. O(n log n). */
static bool ids_are_unique(const struct rule *const *rules, int count, struct diag_list *diags)
{
    const struct rule *sorted[RULES_MAX];
    bool unique = true;
    for (int i = 0; i < count; i++)
        sorted[i] = rules[i];
    qsort(sorted, (size_t)count, sizeof *sorted, by_id);
    for (int i = 1; i < count; i++) {
        const struct rule *first = sorted[i - 1], *second = sorted[i];
        if (!span_eq(first->id, second->id))
            continue;
        unique = false;
        diag_error(diags, second->at, "each id stands once in the whole rule set",
                   "the rule '%.*s' is in %s:%d already", SPAN_ARG(second->id),
                   first->at.file ? first->at.file : "", first->at.line);
    }
    return unique;
}

enum status rules_load(struct rule_file *files, int n_files, struct cel_share *share,
                       double flag_at, struct arena *arena, struct diag_list *diags,
                       struct rules *ret_rules)
{
    int count = 0, n = 0, n_shared = 0;
    void *mem = NULL;
    for (int i = 0; i < n_files; i++)
        count += files[i].count;
    if (count > RULES_MAX) {
        diag_error(diags, (struct diag_at){0}, NULL, "there are %d rules; at most %d are allowed",
                   count, RULES_MAX);
        return ST_INVALID;
    }
    if (arena_alloc(arena, (size_t)(count + 1) * sizeof(struct rule *), &mem) != ST_OK) {
        diag_error(diags, (struct diag_at){0}, NULL, "the ruleset is too large: out of space");
        return ST_NO_SPACE;
    }
    const struct rule **rules = mem;
    for (int i = 0; i < n_files; i++) {
        for (int j = 0; j < files[i].count; j++) {
            files[i].rules[j].index = n;
            rules[n++] = &files[i].rules[j];
        }
    }
    if (!ids_are_unique(rules, count, diags))
        return ST_INVALID;
    enum status st = share != NULL ? cel_share_emit(share, diags, &n_shared) : ST_OK;
    if (st != ST_OK)
        return st;
    *ret_rules =
        (struct rules){.rules = rules, .count = count, .n_shared = n_shared, .flag_at = flag_at};
    return ST_OK;
}

/* ---- run ------------------------------------------------------------------------------------- */

/* A run under way: the hits, and where the next of each list goes. */
struct run {
    const struct cel_value *row;
    struct arena *scratch;  /* for what one expression computes */
    struct cel_value *memo; /* [rules->n_shared] */
    struct arena *arena;
    struct arena whys; /* explain: texts of errors */
    struct hits hits;
    int *indexes;  /* what fired, from the front */
    int *near_end; /* near misses, from the back: no rule is in both */
    struct hit **fired_end, **shadow_end;
    struct rules_tally tally;
};

static struct span error_text(struct cel_value error, struct arena *arena)
{
    char buf[DIAG_MESSAGE_MAX];
    struct text t;
    text_init(&t, buf, sizeof buf);
    cel_error_write(error, &t);
    char *mem = arena_try(arena, t.len + 1);
    if (mem == NULL)
        return span_of(NULL, 0);
    memcpy(mem, buf, t.len);
    return span_of(mem, t.len);
}

/* What is missing is a name of the program, and stays. */
static void add_error(struct run *run, struct cel_value error, struct rule_result *result)
{
    bool is_missing = error.code == CEL_ERR_MISSING;
    run->hits.n_missing += is_missing;
    run->hits.n_errors += !is_missing;
    if (result == NULL)
        return;
    result->outcome = is_missing ? RULE_MISSING : RULE_ERROR;
    result->why = is_missing ? error.text : error_text(error, &run->whys);
}

void rules_tally_add(struct rules_tally *t, const struct rule *rule, double score)
{
    t->score += score;
    t->flag |= rule->force == RULE_FORCE_FLAG;
    t->allow |= rule->force == RULE_FORCE_ALLOW;
    t->override |= rule->force == RULE_FORCE_ALLOW_OVERRIDE;
}

/* The table in rules.h, line by line. */
bool rules_tally_flags(const struct rules_tally *t, double flag_at)
{
    if (t->override)
        return false;
    if (t->flag)
        return true;
    if (t->allow)
        return false;
    return t->score >= flag_at;
}

static enum status show_hit(struct run *run, const struct rule *rule, bool live, double score)
{
    struct hit ***end = live ? &run->fired_end : &run->shadow_end;
    struct hit *hit = arena_try(run->arena, sizeof *hit);
    if (hit == NULL)
        return ST_NO_SPACE;
    *hit = (struct hit){.rule = rule, .score = score};
    enum status st =
        template_render(&rule->reason, run->row, run->scratch, run->arena, &hit->reason);
    if (st != ST_OK)
        return st;
    **end = hit;
    *end = &hit->next;
    return ST_OK;
}

static enum status add_hit(struct run *run, const struct rule *rule, double score)
{
    struct hits *hits = &run->hits;
    bool live = rule_mode_for(rule, run->row) == RULE_LIVE;
    run->indexes[hits->n_fired + hits->n_shadow] = rule->index;
    if (live)
        rules_tally_add(&run->tally, rule, score);
    if (hits->results != NULL)
        hits->results[rule->index].in_shadow = !live;
    int before = live ? hits->n_fired++ : hits->n_shadow++;
    return before < RULES_SHOWN_MAX ? show_hit(run, rule, live, score) : ST_OK;
}

static struct cel_value evaluate(const struct run *run, const struct cel_program *program)
{
    struct cel_run with = {.scratch = run->scratch, .steps = CEL_STEPS_MAX, .memo = run->memo};
    return cel_run_with(program, run->row, &with);
}

/* The score as a double; an error value when it is none, or over the limit. */
static struct cel_value score_of(const struct run *run, const struct rule *rule)
{
    struct cel_value v = cel_double(rule->score);
    if (rule->score_program != NULL)
        v = evaluate(run, rule->score_program);
    if (v.kind == CEL_INT)
        v = cel_double((double)v.i64);
    if (v.kind == CEL_UINT)
        v = cel_double((double)v.u64);
    if (v.kind == CEL_RANGE)
        return cel_error(CEL_ERR_INEXACT, span_str("score"));
    if (v.kind == CEL_DOUBLE && !(fabs(v.f64) <= RULE_SCORE_MAX))
        return cel_error(CEL_ERR_RANGE, span_str("score"));
    if (v.kind != CEL_DOUBLE && !cel_is_error(v))
        return cel_error(CEL_ERR_NO_OVERLOAD, span_str("score"));
    return v;
}

static bool is_false(struct cel_value v)
{
    return v.kind == CEL_BOOL && !v.flag;
}

/* It may be the guard that went over the limit. */
static struct cel_value without_guard(const struct run *run, const struct rule *rule,
                                      struct cel_value when, size_t mark)
{
    if (when.code != CEL_ERR_LIMIT || !rule_has_near(rule))
        return when;
    run->scratch->used_bytes = mark;
    return evaluate(run, rule->when);
}

/* What is not simply false. `mark`: of the scratch, before the condition was run. */
static enum status conclude(struct run *run, const struct rule *rule, struct cel_value when,
                            size_t mark, struct rule_result *result)
{
    if (cel_is_error(when))
        when = without_guard(run, rule, when, mark);
    if (when.kind != CEL_BOOL && !cel_is_error(when))
        when = cel_error(CEL_ERR_NO_OVERLOAD, span_str("condition"));
    bool fires = cel_is_true(when);
    struct cel_value score = fires ? score_of(run, rule) : when;
    if (cel_is_error(score))
        add_error(run, score, result);
    else if (result != NULL)
        *result = (struct rule_result){.outcome = fires ? RULE_FIRED : RULE_NOT_FIRED,
                                       .score = fires ? score.f64 : 0};
    run->scratch->used_bytes = mark; /* nothing of what was computed on the way is kept */
    return fires && !cel_is_error(score) ? add_hit(run, rule, score.f64) : ST_OK;
}

static void add_near(struct run *run, const struct rule *rule, struct rule_result *result)
{
    *--run->near_end = rule->index;
    run->hits.near = run->near_end;
    run->hits.n_near++;
    if (result != NULL)
        result->is_near = true;
}

static enum status run_rule(struct run *run, const struct rule *rule, struct rule_result *result)
{
    enum status st = ST_OK;
    struct cel_run with = {.scratch = run->scratch,
                           .steps = CEL_STEPS_MAX,
                           .memo = run->memo,
                           .mark = run->scratch->used_bytes};
    struct cel_value when = cel_run_with(rule->guarded, run->row, &with);
    if (!is_false(when))
        st = conclude(run, rule, when, with.mark, result);
    else if (result != NULL)
        result->outcome = RULE_NOT_FIRED;
    if (with.passed && is_false(when))
        add_near(run, rule, result);
    run->scratch->used_bytes = with.mark;
    return st;
}

bool rules_fires(const struct rule *rule, const struct cel_value *row, struct arena *scratch,
                 double *ret_score)
{
    const struct run run = {.row = row, .scratch = scratch};
    if (!cel_is_true(evaluate(&run, rule->when)))
        return false;
    struct cel_value score = score_of(&run, rule);
    if (cel_is_error(score))
        return false;
    *ret_score = score.f64;
    return true;
}

/* As the arena does. */
static size_t rounded(size_t bytes)
{
    const size_t align = alignof(max_align_t);
    return (bytes + align - 1) / align * align;
}

size_t rules_run_bytes(const struct rules *rules, bool explain)
{
    size_t rows = (size_t)rules->count + 1;
    size_t hit = rounded(sizeof(struct hit)) + rounded(TEMPLATE_RENDERED_MAX + 1);
    size_t explained = explain ? rounded(rows * sizeof(struct rule_result)) + WHYS_BYTES : 0;
    size_t memo = rounded((size_t)rules->n_shared * sizeof(struct cel_value) + 1);
    return 2 * RULES_SHOWN_MAX * hit + rounded(rows * sizeof(int)) + memo + explained;
}

static enum status make_room_to_explain(struct run *run, size_t rows)
{
    void *results;
    char *whys = arena_try(run->arena, WHYS_BYTES);
    if (whys == NULL ||
        arena_alloc(run->arena, rows * sizeof(struct rule_result), &results) != ST_OK)
        return ST_NO_SPACE;
    arena_init(&run->whys, whys, WHYS_BYTES);
    run->hits.results = results;
    return ST_OK;
}

/* Room for what is kept of every rule. */
static enum status make_room(struct run *run, const struct rules *rules, bool explain)
{
    size_t rows = (size_t)rules->count + 1;
    void *memo; /* zeroed: nothing is computed yet */
    run->indexes = arena_try(run->arena, rows * sizeof *run->indexes);
    if (run->indexes == NULL ||
        arena_alloc(run->arena, (size_t)rules->n_shared * sizeof *run->memo + 1, &memo) != ST_OK)
        return ST_NO_SPACE;
    run->memo = memo;
    run->near_end = run->indexes + rows;
    run->hits.indexes = run->indexes;
    run->fired_end = &run->hits.fired;
    run->shadow_end = &run->hits.shadow;
    return explain ? make_room_to_explain(run, rows) : ST_OK;
}

enum status rules_run(const struct rules *rules, const struct cel_value *row, bool explain,
                      struct arena *scratch, struct arena *arena, struct hits *ret_hits)
{
    struct run run = {.row = row, .scratch = scratch, .arena = arena};
    enum status st = make_room(&run, rules, explain);
    for (int i = 0; i < rules->count && st == ST_OK; i++)
        if (rules->rules[i]->mode != RULE_OFF)
            st = run_rule(&run, rules->rules[i], explain ? &run.hits.results[i] : NULL);
    if (st != ST_OK)
        return st;
    run.hits.score = run.tally.score;
    run.hits.flag = rules_tally_flags(&run.tally, rules->flag_at);
    *ret_hits = run.hits;
    return ST_OK;
}
