#include "service/state/coverage.h"

#include "service/base/check.h"
#include "service/base/hash.h"

#include <stdlib.h>

static const char *const label_names[RECORD_KINDS] = {
    [RECORD_FRAUD] = "fraud",
    [RECORD_LEGITIMATE] = "legitimate",
    [RECORD_DECLINED] = "declined",
    [RECORD_REVERSED] = "reversed",
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

struct coverage_key *coverage_find(struct coverage *c, struct span field)
{
    for (int i = 0; i < c->n_keys; i++)
        if (span_eq(c->keys[i].field, field))
            return &c->keys[i];
    return NULL;
}

/* ---- of a plan ---- */

static void put_column(const struct layout_column *column, struct text *out)
{
    text_printf(out, "column %s %.*s", column_kind_text(column->kind), SPAN_ARG(column->name));
}

/* Its text may have 16 KB. */
static void put_filter(struct span filter, struct text *out)
{
    unsigned char digest[HASH_SHA256_BYTES];
    hash_sha256(filter, digest);
    text_str(out, "filter ");
    text_hex_bytes(out, digest, 8);
}

static enum status add_item(struct coverage_key *k, struct text *what, struct arena *arena)
{
    CHECK(k->n_items < COVERAGE_ITEMS_MAX && !what->overflow);
    struct span kept = arena_try_copy(arena, text_span(what));
    if (kept.base == NULL)
        return ST_NO_SPACE;
    k->items[k->n_items++] = (struct coverage_item){kept, COVERAGE_ALWAYS};
    what->len = 0;
    return ST_OK;
}

static enum status add_items(struct coverage_key *k, const struct plan *plan, struct arena *arena)
{
    const struct layout *l = plan_layout(plan);
    char buf[LAYOUT_TEXT_MAX];
    struct text what;
    enum status st = ST_OK;
    text_init(&what, buf, sizeof buf);
    for (int i = 0; i < l->n_columns && st == ST_OK; i++) {
        put_column(&l->columns[i], &what);
        st = add_item(k, &what, arena);
    }
    for (int i = 0; i < l->n_filters && st == ST_OK; i++) {
        put_filter(l->filters[i], &what);
        st = add_item(k, &what, arena);
    }
    for (int kind = RECORD_FRAUD; kind < RECORD_KINDS && st == ST_OK; kind++) {
        if (!plan_counts(plan, (enum record_kind)kind))
            continue;
        text_printf(&what, "label %s", label_names[kind]);
        st = add_item(k, &what, arena);
    }
    return st;
}

enum status coverage_add_plan(struct coverage *c, const struct plan *plan, struct arena *arena)
{
    CHECK(c->n_keys < COVERAGE_KEYS_MAX);
    struct coverage_key *k = &c->keys[c->n_keys];
    *k = (struct coverage_key){.field = plan_layout(plan)->key_field, .n_steps = 1};
    k->steps[0] = (struct coverage_step){plan_horizon_ms(plan), COVERAGE_ALWAYS};
    enum status st = add_items(k, plan, arena);
    c->n_keys += st == ST_OK;
    return st;
}

/* ---- what was there before ---- */

/* `none_ms`: for what reaches further back than the logs were kept. */
static int64_t from_for_reach(const struct coverage_key *k, int64_t reach_ms, int64_t none_ms)
{
    for (int i = 0; i < k->n_steps; i++)
        if (reach_ms <= k->steps[i].reach_ms)
            return k->steps[i].from_ms;
    return none_ms;
}

static void drop_first_step(struct coverage_key *k)
{
    k->n_steps--;
    memmove(&k->steps[0], &k->steps[1], (size_t)k->n_steps * sizeof k->steps[0]);
}

/* Two steps of one time are one, and times ascend. */
static void add_step(struct coverage_key *k, struct coverage_step step)
{
    if (k->n_steps > 0 && k->steps[k->n_steps - 1].from_ms >= step.from_ms) {
        k->steps[k->n_steps - 1].reach_ms = step.reach_ms;
        return;
    }
    if (k->n_steps == COVERAGE_STEPS_MAX) /* the shortest windows wait as long as the next ones */
        drop_first_step(k);
    k->steps[k->n_steps++] = step;
}

/* The next greater end of a step, of either. */
static int64_t next_reach(const struct coverage_key *a, const struct coverage_key *b, int64_t after)
{
    const struct coverage_key *const both[] = {a, b};
    int64_t next = INT64_MAX;
    for (int i = 0; i < 2; i++) {
        for (int s = 0; s < both[i]->n_steps; s++) {
            int64_t reach_ms = both[i]->steps[s].reach_ms;
            if (reach_ms > after && reach_ms < next)
                next = reach_ms;
        }
    }
    return next;
}

static void follow_steps(struct coverage_key *k, const struct coverage_key *before, int64_t now_ms)
{
    const struct coverage_key own = *k;
    int64_t horizon_ms = own.steps[own.n_steps - 1].reach_ms;
    int64_t reach_ms = 0;
    k->n_steps = 0;
    while (reach_ms < horizon_ms) {
        reach_ms = next_reach(&own, before, reach_ms);
        reach_ms = reach_ms < horizon_ms ? reach_ms : horizon_ms;
        int64_t from_ms =
            later(from_for_reach(&own, reach_ms, now_ms), from_for_reach(before, reach_ms, now_ms));
        add_step(k, (struct coverage_step){reach_ms, from_ms});
    }
}

static int64_t item_from(const struct coverage_key *k, struct span what, int64_t none_ms)
{
    for (int i = 0; i < k->n_items; i++)
        if (span_eq(k->items[i].what, what))
            return k->items[i].from_ms;
    return none_ms;
}

static void follow_key(struct coverage_key *k, const struct coverage_key *before, int64_t now_ms)
{
    static const struct coverage_key none;
    if (before == NULL)
        before = &none;
    follow_steps(k, before, now_ms);
    for (int i = 0; i < k->n_items; i++) {
        struct coverage_item *item = &k->items[i];
        item->from_ms = later(item->from_ms, item_from(before, item->what, now_ms));
    }
}

void coverage_follow(struct coverage *c, const struct coverage *before, int64_t now_ms)
{
    for (int i = 0; i < c->n_keys; i++) {
        struct coverage_key *k = &c->keys[i];
        follow_key(k, coverage_find((struct coverage *)(uintptr_t)before, k->field), now_ms);
    }
}

bool coverage_key_has(const struct coverage_key *k, const struct coverage_key *of)
{
    for (int i = 0; i < of->n_steps; i++)
        if (from_for_reach(k, of->steps[i].reach_ms, INT64_MAX) != of->steps[i].from_ms)
            return false;
    for (int i = 0; i < of->n_items; i++)
        if (item_from(k, of->items[i].what, INT64_MAX) != of->items[i].from_ms)
            return false;
    return true;
}

bool coverage_key_exceeds(const struct coverage_key *k, const struct coverage_key *own,
                          int64_t until_ms)
{
    static const struct coverage_key none;
    if (own == NULL)
        own = &none;
    for (int i = 0; i < k->n_steps; i++)
        if (k->steps[i].from_ms < until_ms &&
            from_for_reach(own, k->steps[i].reach_ms, INT64_MAX) == INT64_MAX)
            return true;
    for (int i = 0; i < k->n_items; i++)
        if (k->items[i].from_ms < until_ms &&
            item_from(own, k->items[i].what, INT64_MAX) == INT64_MAX)
            return true;
    return false;
}

void coverage_fill(struct coverage_key *k, int64_t from_ms)
{
    k->steps[0] = (struct coverage_step){k->steps[k->n_steps - 1].reach_ms, from_ms};
    k->n_steps = 1;
    for (int i = 0; i < k->n_items; i++)
        k->items[i].from_ms = from_ms;
}

/* ---- of a feature ---- */

int64_t coverage_from(const struct coverage_key *k, const struct plan *plan, int feature)
{
    const struct layout *l = plan_layout(plan);
    struct plan_need need = plan_feature_need(plan, feature);
    int64_t from_ms = from_for_reach(k, need.reach_ms, COVERAGE_ALWAYS);
    if (need.column >= 0)
        from_ms = later(from_ms, k->items[need.column].from_ms);
    if (need.filter >= 0)
        from_ms = later(from_ms, k->items[l->n_columns + need.filter].from_ms);
    int item = l->n_columns + l->n_filters;
    for (int kind = RECORD_FRAUD; kind < RECORD_KINDS; kind++) {
        if (!plan_counts(plan, (enum record_kind)kind))
            continue;
        if (need.label_kinds >> kind & 1)
            from_ms = later(from_ms, k->items[item].from_ms);
        item++;
    }
    return from_ms;
}

/* ---- as a text ---- */

void coverage_write(const struct coverage *c, struct text *out)
{
    text_str(out, "coverage 1\n");
    for (int i = 0; i < c->n_keys; i++) {
        const struct coverage_key *k = &c->keys[i];
        text_printf(out, "key %.*s\n", SPAN_ARG(k->field));
        for (int s = 0; s < k->n_steps; s++)
            text_printf(out, "keep %lld %lld\n", (long long)k->steps[s].reach_ms,
                        (long long)k->steps[s].from_ms);
        for (int n = 0; n < k->n_items; n++)
            text_printf(out, "item %lld %.*s\n", (long long)k->items[n].from_ms,
                        SPAN_ARG(k->items[n].what));
    }
}

/* Cuts what stands before `end` off the front. */
static struct span cut(struct span *from, char end)
{
    const char *at = from->len > 0 ? memchr(from->base, end, from->len) : NULL;
    size_t n = at != NULL ? (size_t)(at - from->base) : from->len, skip = n + (at != NULL);
    struct span front = span_of(from->base, n);
    *from = span_of(from->base + skip, from->len - skip);
    return front;
}

static bool cut_i64(struct span *from, int64_t *ret_value)
{
    char buf[24];
    char *end = NULL;
    struct span word = cut(from, ' ');
    if (word.len == 0 || word.len >= sizeof buf)
        return false;
    memcpy(buf, word.base, word.len);
    buf[word.len] = '\0';
    *ret_value = strtoll(buf, &end, 10);
    return *end == '\0';
}

static bool parse_keep(struct span line, struct coverage_key *k)
{
    struct coverage_step step;
    if (k->n_steps == COVERAGE_STEPS_MAX || !cut_i64(&line, &step.reach_ms) ||
        !cut_i64(&line, &step.from_ms))
        return false;
    k->steps[k->n_steps++] = step;
    return true;
}

static bool parse_item(struct span line, struct coverage_key *k)
{
    int64_t from_ms;
    if (k->n_items == COVERAGE_ITEMS_MAX || !cut_i64(&line, &from_ms) || line.len == 0)
        return false;
    k->items[k->n_items++] = (struct coverage_item){line, from_ms};
    return true;
}

static bool parse_line(struct span line, struct coverage *c)
{
    struct span word = cut(&line, ' ');
    struct coverage_key *k = c->n_keys > 0 ? &c->keys[c->n_keys - 1] : NULL;
    if (span_is(word, "key") && c->n_keys < COVERAGE_KEYS_MAX && line.len > 0) {
        c->keys[c->n_keys++] = (struct coverage_key){.field = line};
        return true;
    }
    if (k != NULL && span_is(word, "keep"))
        return parse_keep(line, k);
    return k != NULL && span_is(word, "item") && parse_item(line, k);
}

enum status coverage_parse(struct span text, struct coverage *ret_coverage)
{
    ret_coverage->n_keys = 0;
    if (!span_is(cut(&text, '\n'), "coverage 1"))
        return ST_CORRUPT;
    while (text.len > 0) {
        if (!parse_line(cut(&text, '\n'), ret_coverage))
            return ST_CORRUPT;
    }
    return ST_OK;
}
