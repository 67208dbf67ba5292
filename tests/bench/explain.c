/*
 * explain.c -- what it costs to say why, and how nearly: transactions over 1,000 rules, decided and
 * written plainly, and with explain=true.
 *
 *     explain ROUNDS             one object of JSON: medians, in microseconds, of rounds by turns
 *     explain ROUNDS RULESET     the same over a ruleset of one's own
 *
 * The rules share some thirty names: comparisons of one to four of them by && and ||, products,
 * quotients, a derived field. A field of type number is about normal. Nothing but the decision is
 * measured: no state, no HTTP.
 */
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/engine/decide.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    RULES = 1000,
    ROWS = 64, /* of each kind */
    ROUNDS_MAX = 1001,
    RUN_BYTES = 8 << 20,
};

static const char ruleset[] =
    "schema:\n"
    "  transaction_id: {type: string, required: true}\n"
    "  account_id:     {type: string, required: true}\n"
    "  amount:         {type: decimal, required: true}\n"
    "  timestamp:      {type: timestamp, required: true}\n"
    "  device_id:      {type: string}\n"
    "  terminal_id:    {type: string}\n"
    "  items:          {type: integer}\n"
    "  currency:       {type: string}\n"
    "derived:\n"
    "  each: amount / double(items)\n"
    "features:\n"
    "  a_n:   {by: account_id, aggregate: count, windows: [5m, 1h, 1d, 7d]}\n"
    "  a_sum: {by: account_id, aggregate: sum, of: amount, windows: [5m, 1h, 1d, 7d]}\n"
    "  a_avg: {by: account_id, aggregate: avg, of: amount, windows: [1d, 7d, 30d]}\n"
    "  d_n:   {by: device_id, aggregate: count, windows: [5m, 1h, 1d, 7d]}\n"
    "  d_sum: {by: device_id, aggregate: sum, of: amount, windows: [1h, 1d]}\n"
    "  t_n:   {by: terminal_id, aggregate: count, windows: [5m, 1h, 1d, 7d]}\n"
    "  t_sum: {by: terminal_id, aggregate: sum, of: amount, windows: [1h, 1d]}\n"
    "  t_avg: {by: terminal_id, aggregate: avg, of: amount, windows: [1d, 7d]}\n"
    "flag_at: 70\n"
    "rules: [rules.yaml]\n";

static const char *const counts[] = {"a_n_5m", "a_n_1h", "a_n_1d", "a_n_7d", "d_n_5m", "d_n_1h",
                                     "d_n_1d", "d_n_7d", "t_n_5m", "t_n_1h", "t_n_1d", "t_n_7d"};
static const char *const moneys[] = {"amount",   "each",     "a_sum_5m", "a_sum_1h",
                                     "a_sum_1d", "a_sum_7d", "d_sum_1h", "d_sum_1d",
                                     "t_sum_1h", "t_sum_1d", "a_avg_1d", "t_avg_1d"};
static const char *const averages[] = {"a_avg_1d", "a_avg_7d", "a_avg_30d", "t_avg_1d", "t_avg_7d"};

#define ANY(array) (array)[next_random() % (sizeof(array) / sizeof *(array))]

static uint32_t next_random(void)
{
    static uint32_t seed = 7;
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

/* Between 1 and `most`, the small ones as often as the large ones. */
static double spread(double most)
{
    return exp(log(most) * (next_random() % 10000) / 10000);
}

/* ---- the rules ------------------------------------------------------------------------------- */

static void write_condition(FILE *f, int shape)
{
    const char *n = ANY(counts), *m = ANY(counts), *money = ANY(moneys);
    int few = (int)(4 * spread(1000)), more = (int)(8 * spread(1000));
    double much = 50 * spread(1000);
    switch (shape) {
    case 0:
        fprintf(f, "(%s > %d || %s > %d) && currency == 'EUR'", n, few, m, more);
        return;
    case 1:
        fprintf(f, "amount > %s * %.1f && %s > %d", ANY(averages), 2 + spread(100), n, few);
        return;
    case 2:
        fprintf(f, "%s > %d && double(%s) / double(items) > %.1f", n, few, m, 2 + spread(100));
        return;
    case 3:
        fprintf(f, "%s > %d && (%s > %d ? %s > %.2f : amount > %.2f)", n, few, m, more, money, much,
                2 * much);
        return;
    default:
        fprintf(f, "%s > %d && %s > %.2f", n, few, money, much);
    }
}

static void write_rules(const char *path)
{
    FILE *f = fopen(path, "w");
    CHECK(f != NULL);
    fprintf(f, "rules:\n");
    for (int i = 0; i < RULES; i++) {
        fprintf(f, "  - {id: rule-%d, score: %d, when: \"", i, 20 + 10 * (i % 8));
        write_condition(f, i % 8);
        fprintf(f, "\"}\n");
    }
    CHECK(fclose(f) == 0);
}

static struct snapshot *load(const char *path)
{
    const struct snapshot_options options = {.exact_events = 256};
    struct diag_list diags = {0};
    struct snapshot *snap;
    if (snapshot_load(path, &options, &diags, &snap) != ST_OK) {
        fprintf(stderr, "%s\n", diags.items[0].message);
        exit(1);
    }
    return snap;
}

static struct snapshot *load_own(void)
{
    char folder[] = "/tmp/sluice-explain-XXXXXX", path[64], rules[64];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/ruleset.yaml", folder);
    snprintf(rules, sizeof rules, "%s/rules.yaml", folder);
    FILE *f = fopen(path, "w");
    CHECK(f != NULL && fputs(ruleset, f) >= 0 && fclose(f) == 0);
    write_rules(rules);
    struct snapshot *snap = load(path);
    unlink(path);
    unlink(rules);
    rmdir(folder);
    return snap;
}

/* ---- the rows -------------------------------------------------------------------------------- */

struct sample {
    struct txn_value fields[SCHEMA_FIELDS_MAX];
    struct window_value values[FEATURES_MAX];
};

/* How far past the lowest thresholds its numbers are. */
struct kind {
    const char *name; /* how many rules fire, about */
    double size;
};

static const struct kind kinds[] = {
    {"none", 0.03}, {"one or two", 0.09}, {"ten", 0.2}, {"a hundred", 1.2}, {"most", 1e5}};

static int64_t whole(double least)
{
    return (int64_t)(least * spread(30));
}

static double about_normal(void)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (next_random() % 10000) / 1e4;
    return sum;
}

static void fill(struct sample *s, const struct snapshot *snap, double size)
{
    *s = (struct sample){0};
    for (int i = 0; i < snap->schema.count; i++) {
        struct txn_value *v = &s->fields[i];
        v->present = true;
        if (snap->schema.fields[i].type == FIELD_STRING)
            v->text = span_str("EUR");
        else if (snap->schema.fields[i].type == FIELD_NUMBER)
            v->f64 = about_normal();
        else if (snap->schema.fields[i].type == FIELD_INTEGER)
            v->i64 = 1 + whole(1);
        else
            v->i64 = whole(50 * size) * 10000 + 1;
    }
    for (int i = 0; i < snap->features.n_features; i++) {
        bool is_int = snap->features.features[i].is_int;
        s->values[i] = (struct window_value){.exact = true, .scale = is_int ? 1 : 10000};
        s->values[i].value.i64 = is_int ? whole(4 * size) : whole(50 * size) * 10000 + 1;
    }
}

/* ---- rounds ---------------------------------------------------------------------------------- */

struct bed {
    struct snapshot *snap;
    struct arena *scratch, *arena;
    struct sample samples[ROWS];
    struct decision decision;
    char answer[DECISION_BYTES_MAX];
    size_t answer_bytes;
};

static void decide_one(struct bed *b, struct sample *s, enum decision_detail detail)
{
    struct observed seen = {.values = s->values};
    struct row row;
    struct text out;
    arena_reset(b->arena);
    arena_reset(b->scratch);
    CHECK(row_init(&row, b->snap, s->fields, b->scratch, b->arena) == ST_OK);
    CHECK(decide(b->snap, &seen, &row, detail, &b->decision) == ST_OK);
    text_init(&out, b->answer, sizeof b->answer);
    decision_write(&b->decision, b->snap, span_str("t-1"), s->values, detail, &out);
    b->answer_bytes = out.len;
}

/* Microseconds a transaction. */
static double measure(struct bed *b, enum decision_detail detail)
{
    int64_t begun_us = clock_mono_us();
    for (int i = 0; i < ROWS; i++)
        decide_one(b, &b->samples[i], detail);
    return (double)(clock_mono_us() - begun_us) / ROWS;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *at, int n)
{
    qsort(at, (size_t)n, sizeof *at, by_size);
    return at[n / 2];
}

/* Of all rows: how many fired, were flagged, were told what would turn them, and not all of it. */
static void print_counts(struct bed *b)
{
    double fired = 0, flagged = 0, told = 0, cut = 0, bytes = 0;
    for (int i = 0; i < ROWS; i++) {
        decide_one(b, &b->samples[i], DECISION_EXPLAINED);
        fired += b->decision.hits.n_fired;
        flagged += b->decision.flag;
        told += b->decision.counterfactuals.count;
        cut += b->decision.counterfactuals.is_cut;
        bytes += (double)b->answer_bytes;
    }
    printf("\"fired\": %.1f, \"flagged\": %.2f, \"told\": %.1f, \"cut\": %.2f, \"bytes\": %.0f}",
           fired / ROWS, flagged / ROWS, told / ROWS, cut / ROWS, bytes / ROWS);
}

static void measure_kind(struct bed *b, const struct kind *kind, int rounds)
{
    double plain[ROUNDS_MAX], rules[ROUNDS_MAX], explained[ROUNDS_MAX], ratios[ROUNDS_MAX];
    for (int i = 0; i < ROWS; i++)
        fill(&b->samples[i], b->snap, kind->size);
    for (int i = 0; i < rounds; i++) {
        plain[i] = measure(b, DECISION_PLAIN);
        rules[i] = measure(b, DECISION_RULES);
        explained[i] = measure(b, DECISION_EXPLAINED);
        ratios[i] = explained[i] / plain[i];
    }
    printf("{\"kind\": \"%s\", \"plain_us\": %.1f, \"rules_us\": %.1f, \"explained_us\": %.1f, "
           "\"ratio\": %.1f, ",
           kind->name, median(plain, rounds), median(rules, rounds), median(explained, rounds),
           median(ratios, rounds));
    print_counts(b);
}

int main(int argc, char **argv)
{
    static struct bed b;
    int rounds = argc == 2 || argc == 3 ? atoi(argv[1]) : 0;
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: explain ROUNDS (1 to %d) [RULESET]\n", ROUNDS_MAX);
        return 2;
    }
    b.snap = argc == 3 ? load(argv[2]) : load_own();
    b.scratch = arena_new(ROW_SCRATCH_BYTES);
    b.arena = arena_new(RUN_BYTES);
    printf("{\"rules\": %d, \"kinds\": [", b.snap->rules->count);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        printf(i > 0 ? ", " : "");
        measure_kind(&b, &kinds[i], rounds);
    }
    printf("]}\n");
    return 0;
}
