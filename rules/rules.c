#include "rules/rules.h"

#include <math.h>
#include <stdlib.h>

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

enum status rules_load(struct rule_file *files, int n_files, double flag_at, struct arena *arena,
                       struct diag_list *diags, struct rules *ret_rules)
{
    int count = 0, n = 0;
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
    *ret_rules = (struct rules){.rules = rules, .count = count, .flag_at = flag_at};
    return ST_OK;
}

/* ---- run ------------------------------------------------------------------------------------- */

/* A run under way: the hits, and where the next of each list goes. */
struct run {
    const struct cel_value *row;
    struct arena *arena;
    struct hits hits;
    struct hit **fired_end, **shadow_end;
    struct rule_error **errors_end;
    bool force_flag, force_allow, force_override;
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

static enum status add_error(struct run *run, const struct rule *rule, struct cel_value error,
                             struct rule_result *result)
{
    struct rule_error *e = arena_try(run->arena, sizeof *e);
    if (e == NULL)
        return ST_NO_SPACE;
    *e = (struct rule_error){.rule = rule,
                             .text = error_text(error, run->arena),
                             .code = (enum cel_error_code)error.code};
    *run->errors_end = e;
    run->errors_end = &e->next;
    run->hits.n_errors++;
    if (result != NULL)
        *result = e->code == CEL_ERR_MISSING ? (struct rule_result){RULE_MISSING, error.text}
                                             : (struct rule_result){RULE_ERROR, e->text};
    return ST_OK;
}

static void count_live(struct run *run, const struct hit *hit)
{
    run->hits.score += hit->score;
    run->force_flag |= hit->rule->force == RULE_FORCE_FLAG;
    run->force_allow |= hit->rule->force == RULE_FORCE_ALLOW;
    run->force_override |= hit->rule->force == RULE_FORCE_ALLOW_OVERRIDE;
}

static enum status add_hit(struct run *run, const struct rule *rule, double score)
{
    bool live = rule->mode == RULE_LIVE;
    struct hit *hit = arena_try(run->arena, sizeof *hit);
    if (hit == NULL)
        return ST_NO_SPACE;
    *hit = (struct hit){.rule = rule, .score = score};
    enum status st = template_render(&rule->reason, run->row, run->arena, &hit->reason);
    if (st != ST_OK)
        return st;
    struct hit ***end = live ? &run->fired_end : &run->shadow_end;
    **end = hit;
    *end = &hit->next;
    run->hits.n_fired += live;
    run->hits.n_shadow += !live;
    if (live)
        count_live(run, hit);
    return ST_OK;
}

/* The score as a double; an error value when it is none, or not finite. */
static struct cel_value score_of(const struct rule *rule, const struct cel_value *row,
                                 struct arena *arena)
{
    struct cel_value v = cel_double(rule->score);
    if (rule->score_program != NULL)
        v = cel_run(rule->score_program, row, arena);
    if (v.kind == CEL_INT)
        v = cel_double((double)v.i64);
    if (v.kind == CEL_UINT)
        v = cel_double((double)v.u64);
    if (v.kind == CEL_RANGE)
        return cel_error(CEL_ERR_INEXACT, span_str("score"));
    if (v.kind == CEL_DOUBLE && !isfinite(v.f64))
        return cel_error(CEL_ERR_RANGE, span_str("score"));
    if (v.kind != CEL_DOUBLE && !cel_is_error(v))
        return cel_error(CEL_ERR_NO_OVERLOAD, span_str("score"));
    return v;
}

static enum status run_rule(struct run *run, const struct rule *rule, struct rule_result *result)
{
    size_t mark = run->arena->used_bytes;
    struct cel_value when = cel_run(rule->when, run->row, run->arena);
    if (when.kind == CEL_BOOL)
        run->arena->used_bytes = mark; /* a bool points to nothing */
    if (when.kind == CEL_BOOL && !when.flag) {
        if (result != NULL)
            *result = (struct rule_result){.outcome = RULE_NOT_FIRED};
        return ST_OK;
    }
    if (when.kind != CEL_BOOL && !cel_is_error(when))
        when = cel_error(CEL_ERR_NO_OVERLOAD, span_str("condition"));
    struct cel_value score = cel_is_error(when) ? when : score_of(rule, run->row, run->arena);
    if (cel_is_error(score))
        return add_error(run, rule, score, result);
    if (result != NULL)
        *result = (struct rule_result){.outcome = RULE_FIRED};
    return add_hit(run, rule, score.f64);
}

/* The table in rules.h, line by line. */
static bool decide(const struct run *run, double flag_at)
{
    if (run->force_override)
        return false;
    if (run->force_flag)
        return true;
    if (run->force_allow)
        return false;
    return run->hits.score >= flag_at;
}

enum status rules_run(const struct rules *rules, const struct cel_value *row, bool explain,
                      struct arena *arena, struct hits *ret_hits)
{
    struct run run = {.row = row, .arena = arena};
    void *results = NULL;
    run.fired_end = &run.hits.fired;
    run.shadow_end = &run.hits.shadow;
    run.errors_end = &run.hits.errors;
    if (explain) {
        size_t bytes = (size_t)(rules->count + 1) * sizeof(struct rule_result);
        if (arena_alloc(arena, bytes, &results) != ST_OK)
            return ST_NO_SPACE;
        run.hits.results = results;
    }
    for (int i = 0; i < rules->count; i++) {
        const struct rule *rule = rules->rules[i];
        if (rule->mode == RULE_OFF)
            continue;
        enum status st = run_rule(&run, rule, explain ? &run.hits.results[i] : NULL);
        if (st != ST_OK)
            return st;
    }
    run.hits.flag = decide(&run, rules->flag_at);
    *ret_hits = run.hits;
    return ST_OK;
}
