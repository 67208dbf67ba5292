/*
 * cel.c -- expressions and whole rule sets, run over and over, for cel_rounds.py.
 *
 *     cel TASK.json [RULES.yaml ...]
 *
 * TASK.json: {"expressions": [text ...], "rows": [{name: value} ...]}; what names there are, and
 * of which type, stands in `fields` below. A target is the number of an expression, or, behind
 * the last of them, of a file of rules. On stdin, a line each, answered by one:
 *
 *     check TARGET           what it gives on each row, one after the other
 *     run TARGET COUNT       nanoseconds that COUNT evaluations took; every one is of another row
 *                            than the one before, so that nothing is computed once for many
 *
 * tests/celgo/bench speaks the same way.
 */
#include "rules/cel_share.h"
#include "rules/rules.h"
#include "service/base/check.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    LOAD_BYTES = 256 << 20, /* thousands of rules */
    RUN_BYTES = 4 << 20,
    SCRATCH_BYTES = 64 << 10, /* as a request has */
    TARGETS_MAX = 32,
    ROWS_MAX = 1024,
    N_FIELDS = 7,
};

static const struct cel_name fields[N_FIELDS] = {
    {{"amount", 6}, "tx", &cel_type_double, 0, NULL, NULL, 0},
    {{"currency", 8}, "tx", &cel_type_string, 1, NULL, NULL, 0},
    {{"count", 5}, "tx", &cel_type_int, 2, NULL, NULL, 0},
    {{"mcc", 3}, "tx", &cel_type_int, 3, NULL, NULL, 0},
    {{"card", 4}, "tx", &cel_type_string, 4, NULL, NULL, 0},
    {{"merchant", 8}, "tx", NULL, 5, NULL, NULL, 0}, /* map(string, dyn) */
    {{"recent", 6}, "tx", NULL, 6, NULL, NULL, 0},   /* list(double) */
};

struct target {
    const struct cel_program *program; /* NULL: a rule set */
    struct rules rules;
};

struct bench {
    struct arena *load, *scratch, *run;
    struct cel_name names[N_FIELDS];
    struct cel_env env;
    struct cel_value rows[ROWS_MAX][N_FIELDS];
    size_t n_rows;
    struct target targets[TARGETS_MAX];
    int n_targets;
};

/* ---- rows ----------------------------------------------------------------------------------- */

static struct span text_of(const json_t *j)
{
    return span_of(json_string_value(j), json_string_length(j));
}

static struct cel_value value_of(struct arena *arena, const json_t *j);

static struct cel_value list_of(struct arena *arena, const json_t *j)
{
    struct cel_list *list = arena_must(arena, sizeof *list);
    list->count = json_array_size(j);
    list->items = arena_must(arena, (list->count + 1) * sizeof *list->items);
    for (size_t i = 0; i < list->count; i++)
        list->items[i] = value_of(arena, json_array_get(j, i));
    return cel_list_of(list);
}

static struct cel_value map_of(struct arena *arena, const json_t *j)
{
    struct cel_map *map = arena_must(arena, sizeof *map);
    map->entries = arena_must(arena, (json_object_size(j) + 1) * sizeof *map->entries);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)j, key, value)
    {
        struct cel_entry *entry = &map->entries[map->count++];
        entry->key = cel_string(arena_copy(arena, span_str(key)));
        entry->value = value_of(arena, value);
    }
    return cel_map_of(map);
}

static struct cel_value value_of(struct arena *arena, const json_t *j)
{
    switch (json_typeof(j)) {
    case JSON_INTEGER:
        return cel_int(json_integer_value(j));
    case JSON_REAL:
        return cel_double(json_real_value(j));
    case JSON_STRING:
        return cel_string(arena_copy(arena, text_of(j)));
    case JSON_ARRAY:
        return list_of(arena, j);
    case JSON_OBJECT:
        return map_of(arena, j);
    default:
        return cel_bool(json_is_true(j));
    }
}

static void load_rows(struct bench *b, const json_t *rows)
{
    b->n_rows = json_array_size(rows);
    CHECK(b->n_rows > 1 && b->n_rows <= ROWS_MAX);
    for (size_t i = 0; i < b->n_rows; i++) {
        const char *key;
        json_t *value;
        json_object_foreach(json_array_get(rows, i), key, value)
        {
            const struct cel_name *name = cel_env_find(&b->env, span_str(key));
            CHECK(name != NULL);
            b->rows[i][name->slot] = value_of(b->load, value);
        }
    }
}

/* ---- targets -------------------------------------------------------------------------------- */

static void must_compile(enum status st, const struct diag_list *diags, const char *what)
{
    if (st == ST_OK)
        return;
    fprintf(stderr, "cel: %s: %s\n", what, diags->items[0].message);
    exit(1);
}

static struct target *new_target(struct bench *b)
{
    CHECK(b->n_targets < TARGETS_MAX);
    return &b->targets[b->n_targets++];
}

static void load_expressions(struct bench *b, const json_t *expressions)
{
    static struct diag_list diags;
    for (size_t i = 0; i < json_array_size(expressions); i++) {
        struct span text = text_of(json_array_get(expressions, i));
        enum status st = cel_compile(&b->env, text, (struct diag_at){0}, b->load, &diags,
                                     &new_target(b)->program);
        must_compile(st, &diags, text.base);
    }
}

static void load_rules(struct bench *b, const char *path)
{
    static struct diag_list diags;
    struct rule_file *file = arena_must(b->load, sizeof *file);
    b->env.share = cel_share_new(b->load);
    must_compile(rule_file_load(path, &b->env, b->load, &diags, file), &diags, path);
    must_compile(rules_load(file, 1, b->env.share, 1e9, b->load, &diags, &new_target(b)->rules),
                 &diags, path);
}

static void load(struct bench *b, const char *path)
{
    json_error_t error;
    json_t *task = json_load_file(path, 0, &error);
    if (task == NULL) {
        fprintf(stderr, "cel: %s: %s\n", path, error.text);
        exit(1);
    }
    memcpy(b->names, fields, sizeof fields);
    b->names[5].type = cel_type_map(b->load, &cel_type_string, &cel_type_dyn);
    b->names[6].type = cel_type_list(b->load, &cel_type_double);
    b->env = (struct cel_env){.names = b->names, .n_names = N_FIELDS};
    load_rows(b, json_object_get(task, "rows"));
    load_expressions(b, json_object_get(task, "expressions"));
    json_decref(task);
}

/* ---- runs ----------------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct hits run_rules(struct bench *b, const struct target *target, size_t row)
{
    struct hits hits;
    arena_reset(b->run);
    CHECK(rules_run(&target->rules, b->rows[row], false, b->scratch, b->run, &hits) == ST_OK);
    return hits;
}

/* Of an expression its value; of rules how many fire, and the sum of their places. */
static void check(struct bench *b, const struct target *target)
{
    for (size_t row = 0; row < b->n_rows; row++) {
        if (target->program == NULL) {
            struct hits hits = run_rules(b, target, row);
            long sum = 0;
            for (int i = 0; i < hits.n_fired; i++)
                sum += hits.indexes[i];
            printf("%d:%ld ", hits.n_fired, sum);
            continue;
        }
        arena_reset(b->scratch);
        struct cel_value v = cel_run(target->program, b->rows[row], b->scratch);
        printf("%s ", v.kind != CEL_BOOL ? "error" : v.flag ? "true" : "false");
    }
    printf("\n");
}

/* The sum keeps a compiler from leaving evaluations out. */
static int64_t time_program(struct bench *b, const struct cel_program *program, long count)
{
    volatile long sum = 0;
    long trues = 0;
    size_t row = 0;
    int64_t started = now_ns();
    for (long i = 0; i < count; i++) {
        arena_reset(b->scratch);
        trues += cel_is_true(cel_run(program, b->rows[row], b->scratch));
        row = row + 1 == b->n_rows ? 0 : row + 1;
    }
    sum = trues;
    (void)sum;
    return now_ns() - started;
}

static int64_t time_rules(struct bench *b, const struct target *target, long count)
{
    int64_t started = now_ns();
    for (long i = 0; i < count; i++)
        run_rules(b, target, (size_t)i % b->n_rows);
    return now_ns() - started;
}

static void answer(struct bench *b, const char *line)
{
    int number = 0;
    long count = 0;
    bool runs = sscanf(line, "run %d %ld", &number, &count) == 2;
    CHECK(runs || sscanf(line, "check %d", &number) == 1);
    CHECK(number >= 0 && number < b->n_targets);
    const struct target *target = &b->targets[number];
    if (!runs)
        check(b, target);
    else if (target->program != NULL)
        printf("%lld\n", (long long)time_program(b, target->program, count));
    else
        printf("%lld\n", (long long)time_rules(b, target, count));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct bench b;
    char line[64];
    if (argc < 2) {
        fputs("usage: cel TASK.json [RULES.yaml ...]\n", stderr);
        return 2;
    }
    b.load = arena_new(LOAD_BYTES);
    b.scratch = arena_new(SCRATCH_BYTES);
    b.run = arena_new(RUN_BYTES);
    load(&b, argv[1]);
    for (int i = 2; i < argc; i++)
        load_rules(&b, argv[i]);
    while (fgets(line, sizeof line, stdin))
        answer(&b, line);
    arena_free(b.run);
    arena_free(b.scratch);
    arena_free(b.load);
    return 0;
}
