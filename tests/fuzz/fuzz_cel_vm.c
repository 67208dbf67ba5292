/*
 * fuzz_cel_vm.c -- what compiles may be run, over any row, and answers as its type says.
 *
 * Of each program, over rows with everything, with inexact numbers and with nothing:
 *   - the answer is of the program's type, or an error; the same each time; the row is as before;
 *   - slots that the program does not name in `reads` have no part in it;
 *   - with little room, or few steps, it is the same, or CEL_ERR_LIMIT; kept, it needs the scratch
 *     no longer;
 *   - where all types are exact (is_exact_type() has those that are not, with the reason), none is
 *     "no such overload";
 *   - an answer from inexact numbers holds for each number that may be the true one;
 *   - compiled unchecked it answers the same; so it does where its parts are shared with another;
 *   - so it does when each literal is a variable of that value: what the compiler folds, the
 *     machine would have answered.
 */
#include "tests/fuzz/cel_world.h"
#include "tests/fuzz/fuzz.h"

#include "rules/cel_check.h"
#include "rules/cel_lex.h"
#include "rules/cel_share.h"
#include "service/base/check.h"

#include <stdio.h>

enum {
    SCRATCH_BYTES = 256 << 10,
    LITTLE_BYTES = 200,      /* a short list and its header */
    FEW_STEPS = 60,          /* some rounds of a loop */
    LOOKED_AT_MAX = 1000,    /* values within an answer, for their types */
    LITERAL_BYTES = 1 << 20, /* of the worst source: short strings, each in a piece of its own */
};

struct answer {
    struct cel_value value; /* may point into the scratch of its run: its kind and code are good */
    uint64_t hash;
};

static struct span source; /* of this input */
static struct arena *scratch;

/* ---- compiling ------------------------------------------------------------------------------- */

static struct cel_name names[CEL_WORLD_SLOTS];
static struct cel_env env;

static const struct cel_program *compile(struct span text, bool unchecked)
{
    static struct diag_list diags;
    const struct cel_program *program = NULL;
    const struct diag_at at = {.file = "fuzz", .line = 1, .col = 1};
    memset(&diags, 0, sizeof diags);
    env.unchecked = unchecked;
    enum status st = cel_compile(&env, text, at, cel_world_arena(text.len), &diags, &program);
    CHECK((st == ST_OK) == (diags.errors == 0));
    cel_world_check_diags(&diags, text);
    return program;
}

/*
 * Types for which the checker promises an overload when run. Not dyn and what comes from it; nor
 * null, which it lets stand for a timestamp, a duration or a wrapper that is not there, as the
 * specification has it ("Gradual Type Checking"), though no function takes it.
 */
static bool is_exact_type(const struct cel_type *t)
{
    bool exact = t->kind != CEL_T_DYN && t->kind != CEL_T_VAR && t->kind != CEL_T_PARAM &&
                 t->kind != CEL_T_ABSTRACT && t->kind != CEL_T_WRAPPER && t->kind != CEL_T_NULL;
    for (int i = 0; i < t->n_params && t->kind != CEL_T_TYPE; i++)
        exact = exact && is_exact_type(t->params[i]);
    return exact;
}

static void look_for_dyn(const struct cel_node *n, void *data)
{
    bool *exact = data;
    *exact = *exact && is_exact_type(n->type);
}

/* Does the checker know all types of it exactly? */
static bool is_exact(struct span text)
{
    static struct diag_list diags;
    bool exact = true;
    struct cel_unit unit = {.env = &env,
                            .source = text,
                            .at = {.file = "fuzz", .line = 1, .col = 1},
                            .arena = cel_world_arena(text.len),
                            .diags = &diags};
    memset(&diags, 0, sizeof diags);
    env.unchecked = false;
    struct cel_node *root = cel_parse(&unit);
    if (root == NULL || cel_check(&unit, root) != ST_OK)
        return false;
    cel_world_walk(root, look_for_dyn, &exact);
    return exact;
}

/* ---- running --------------------------------------------------------------------------------- */

static struct answer run(const struct cel_program *program, const struct cel_value *row)
{
    arena_reset(scratch);
    struct answer a = {.value = cel_run(program, row, scratch)};
    a.hash = cel_world_value_hash(a.value);
    return a;
}

static bool is_limit(struct answer a)
{
    return a.value.kind == CEL_ERROR && a.value.code == CEL_ERR_LIMIT;
}

static void show(const char *what, struct cel_value v)
{
    char bytes[4096];
    struct text out;
    text_init(&out, bytes, sizeof bytes);
    if (v.kind == CEL_ERROR)
        cel_error_write(v, &out);
    else
        cel_value_write(v, &out);
    fprintf(stderr, "%s: %.*s (kind %d)\n", what, SPAN_ARG(text_span(&out)), v.kind);
}

/* The name of a time zone must be a literal: no file is read while a rule runs. */
static bool is_unread_zone(struct answer a)
{
    return a.value.kind == CEL_ERROR && a.value.code == CEL_ERR_ARGUMENT &&
           span_is(a.value.text, "time zone");
}

/* The two are the same, or one of them went over its limit. */
static void check_same(struct answer a, const struct cel_program *other, enum cel_world_row row,
                       const char *how)
{
    struct answer b = run(other, cel_world_row(row));
    if (a.hash == b.hash || is_limit(a) || is_limit(b) || is_unread_zone(b))
        return;
    fprintf(stderr, "row %d, %s: %.*s\n", row, how, SPAN_ARG(source));
    if (a.value.kind <= CEL_DOUBLE || a.value.kind == CEL_ERROR)
        show("first", a.value);
    show("then", b.value);
    CHECK(a.hash == b.hash);
}

/* ---- the type of an answer ------------------------------------------------------------------- */

static bool fits(const struct cel_type *t, struct cel_value v, int *left);

static bool all_fit(const struct cel_type *t, const struct cel_value *values, size_t count,
                    size_t stride, int *left)
{
    for (size_t i = 0; i<count && * left> 0; i++)
        if (!fits(t, values[i * stride], left))
            return false;
    return true;
}

/* To the last value in it, or until *left of them were looked at. */
static bool fits(const struct cel_type *t, struct cel_value v, int *left)
{
    CHECK(v.kind != CEL_MISSING && v.kind != CEL_HANDLE);
    if ((*left)-- <= 0)
        return true;
    if (!cel_type_takes(t, v))
        return false;
    switch (t->kind) {
    case CEL_T_LIST:
        return all_fit(t->params[0], v.list->items, v.list->count, 1, left);
    case CEL_T_MAP:
        return v.map->count == 0 ||
               (all_fit(t->params[0], &v.map->entries[0].key, v.map->count, 2, left) &&
                all_fit(t->params[1], &v.map->entries[0].value, v.map->count, 2, left));
    case CEL_T_OPTIONAL:
        return v.some == NULL || fits(t->params[0], *v.some, left);
    default:
        return true;
    }
}

static void check_type(const struct cel_program *program, struct cel_value v)
{
    int left = LOOKED_AT_MAX;
    bool good = v.kind == CEL_ERROR || fits(program->result, v, &left);
    if (!good)
        show("not of the program's type", v);
    CHECK(good);
}

/* ---- inexact numbers ------------------------------------------------------------------------- */

static bool holds(struct cel_value range, struct cel_value exact)
{
    if (range.is_int)
        return exact.kind == CEL_INT && exact.i64 >= range.lo_i64 && exact.i64 <= range.hi_i64;
    /* a NaN is in no range, and in none but the whole line may one come about */
    return exact.kind == CEL_DOUBLE && !(exact.f64 < range.lo) && !(exact.f64 > range.hi);
}

/* What was answered from ranges must be true of each number in them. */
static void check_sound(struct answer ranged, struct answer exact)
{
    uint8_t kind = ranged.value.kind;
    if (kind == CEL_ERROR || kind == CEL_LIST || kind == CEL_MAP || kind == CEL_OPTIONAL ||
        is_limit(exact))
        return;
    bool good = kind == CEL_RANGE ? holds(ranged.value, exact.value) : ranged.hash == exact.hash;
    if (good)
        return;
    fprintf(stderr, "%.*s\n", SPAN_ARG(source));
    show("from ranges", ranged.value);
    show("from a number in them", exact.value);
    CHECK(good);
}

/* ---- one program ----------------------------------------------------------------------------- */

/* The row without what the program does not read. */
static void copy_read(const struct cel_program *program, const struct cel_value *row,
                      struct cel_value *ret_row)
{
    memset(ret_row, 0, CEL_WORLD_SLOTS * sizeof *ret_row);
    for (int i = 0; i < program->n_reads; i++) {
        int slot = program->reads[i];
        CHECK(slot >= 0 && slot < CEL_WORLD_SLOTS);
        ret_row[slot] = row[slot];
    }
}

static uint64_t row_hash(const struct cel_value *row)
{
    uint64_t h = 0;
    for (int i = 0; i < CEL_WORLD_SLOTS; i++)
        h = h * 31 + cel_world_value_hash(row[i]);
    return h;
}

/* Where it may not go on as it likes. */
static void check_limits(const struct cel_program *program, const struct cel_value *row,
                         struct answer wanted)
{
    static _Alignas(16) char bytes[LITTLE_BYTES];
    struct arena little;
    arena_init(&little, bytes, sizeof bytes);
    struct answer a = {.value = cel_run(program, row, &little)};
    a.hash = cel_world_value_hash(a.value);
    CHECK(is_limit(a) || is_limit(wanted) || a.hash == wanted.hash);
    arena_reset(&little);
    arena_reset(scratch);
    struct cel_run few = {.scratch = scratch, .steps = FEW_STEPS};
    a.value = cel_run_with(program, row, &few);
    a.hash = cel_world_value_hash(a.value);
    CHECK(is_limit(a) || is_limit(wanted) || a.hash == wanted.hash);
}

/* Of an answer that was kept nothing is in the scratch. */
static void check_kept(struct answer a)
{
    static struct arena *kept;
    if (kept == NULL)
        kept = arena_new(SCRATCH_BYTES);
    arena_reset(kept);
    struct answer b = {.value = cel_keep(a.value, scratch, kept)};
    size_t used_bytes = scratch->used_bytes;
    arena_reset(scratch);
    memset(scratch->base, 0xa5, used_bytes);
    b.hash = cel_world_value_hash(b.value);
    CHECK(b.hash == a.hash || is_limit(b));
}

/* All that can be seen of a program by itself. */
static void check_program(const struct cel_program *program, bool exact,
                          struct answer ret_answers[static CEL_WORLD_ROWS])
{
    struct cel_value read[CEL_WORLD_SLOTS];
    for (int i = 0; i < CEL_WORLD_ROWS; i++) {
        const struct cel_value *row = cel_world_row((enum cel_world_row)i);
        uint64_t before = row_hash(row);
        struct answer a = run(program, row);
        check_type(program, a.value);
        ret_answers[i] = a;
        check_kept(a);
        copy_read(program, row, read);
        CHECK(run(program, read).hash == a.hash);
        check_limits(program, row, a);
        CHECK(row_hash(row) == before);
        if (exact && i > CEL_WORLD_RANGES)
            CHECK(a.value.kind != CEL_ERROR || a.value.code != CEL_ERR_NO_OVERLOAD);
        if (i > CEL_WORLD_RANGES)
            check_sound(ret_answers[CEL_WORLD_RANGES], a);
    }
}

/* ---- literals as variables ------------------------------------------------------------------- */

static const struct cel_type *literal_type(enum cel_kind kind)
{
    static const struct cel_type *const types[] = {
        [CEL_NULL] = &cel_type_null,     [CEL_BOOL] = &cel_type_bool,
        [CEL_INT] = &cel_type_int,       [CEL_UINT] = &cel_type_uint,
        [CEL_DOUBLE] = &cel_type_double, [CEL_STRING] = &cel_type_string,
        [CEL_BYTES] = &cel_type_bytes,
    };
    return types[kind];
}

/* The `i`-th variable has this value, in all rows. */
static struct span declare(int i, struct cel_value v)
{
    static char texts[CEL_WORLD_FREE_MAX][16];
    int slot = CEL_WORLD_FREE + i;
    snprintf(texts[i], sizeof texts[i], "k_%d", i);
    names[slot] =
        (struct cel_name){span_str(texts[i]), NULL, literal_type(v.kind), slot, NULL, NULL, 0};
    for (int row = 0; row < CEL_WORLD_ROWS; row++)
        cel_world_row((enum cel_world_row)row)[slot] = v;
    return span_str(texts[i]);
}

/* -1 is one literal, and -k_0 binds weaker: behind a sign a number stays. */
static bool stays(const struct cel_token *t, enum cel_token_kind before)
{
    bool number = t->value.kind == CEL_INT || t->value.kind == CEL_DOUBLE;
    return t->is_min_magnitude || (before == CEL_TOK_MINUS && number);
}

/* Writes the source with variables for its literals. How many; 0 also when it has k_ itself. */
static int with_variables(struct text *out)
{
    static char bytes[LITERAL_BYTES];
    struct arena literals;
    struct cel_token t;
    enum cel_token_kind before = CEL_TOK_END;
    int n = 0;
    arena_init(&literals, bytes, sizeof bytes);
    struct cel_lexer lexer = {.source = source, .arena = &literals};
    for (; (t = cel_lex_next(&lexer)).kind > CEL_TOK_ERROR; before = t.kind) {
        struct span text = span_of(source.base + t.offset, t.end - t.offset);
        if (t.kind == CEL_TOK_IDENT && span_starts(text, span_str("k_")))
            return 0;
        if (t.kind == CEL_TOK_LITERAL && n < CEL_WORLD_FREE_MAX && !stays(&t, before))
            text = declare(n++, t.value);
        text_put(out, text);
        text_char(out, ' ');
    }
    return out->overflow || t.kind != CEL_TOK_END ? 0 : n;
}

static void check_variables(const struct answer *answers)
{
    static char bytes[CEL_SOURCE_MAX];
    struct text out;
    text_init(&out, bytes, sizeof bytes);
    int n = with_variables(&out);
    env.n_names = CEL_WORLD_FREE + n;
    const struct cel_program *program = n > 0 ? compile(text_span(&out), false) : NULL;
    for (int i = 0; program != NULL && i < CEL_WORLD_ROWS; i++)
        check_same(answers[i], program, (enum cel_world_row)i, "with variables for literals");
    env.n_names = CEL_WORLD_FREE;
}

/* ---- parts shared with another --------------------------------------------------------------- */

static const struct cel_program *share_compile(struct cel_share *share, struct arena *arena,
                                               struct span text)
{
    static struct diag_list diags;
    const struct cel_program *program = NULL;
    const struct diag_at at = {.file = "fuzz", .line = 1, .col = 1};
    memset(&diags, 0, sizeof diags);
    env.unchecked = false;
    env.share = share;
    enum status st = cel_compile(&env, text, at, arena, &diags, &program);
    env.share = NULL;
    return st == ST_OK ? program : NULL;
}

/* With the values of a row that the other has computed, and without any. */
static void check_remembered(const struct cel_program *one, const struct cel_program *both,
                             int n_shared, const struct answer *answers)
{
    static struct cel_value memo[CEL_SHARED_MAX];
    CHECK(n_shared >= 0 && n_shared <= CEL_SHARED_MAX);
    for (int i = 0; i < CEL_WORLD_ROWS; i++) {
        const struct cel_value *row = cel_world_row((enum cel_world_row)i);
        memset(memo, 0, (size_t)n_shared * sizeof *memo);
        arena_reset(scratch);
        struct cel_run run = {.scratch = scratch, .steps = CEL_STEPS_MAX, .memo = memo};
        (void)cel_run_with(both, row, &run);
        run.steps = CEL_STEPS_MAX;
        struct answer a = {.value = cel_run_with(one, row, &run)};
        a.hash = cel_world_value_hash(a.value);
        if (a.hash != answers[i].hash && !is_limit(a) && !is_limit(answers[i]))
            show("remembered", a.value);
        CHECK(a.hash == answers[i].hash || is_limit(a) || is_limit(answers[i]));
        check_same(answers[i], one, (enum cel_world_row)i, "shared, without a memo");
    }
}

/* The program beside one that has it twice. */
static void check_shared(const struct answer *answers)
{
    static struct diag_list diags;
    char bytes[CEL_SOURCE_MAX / 4];
    struct text twice;
    int n_shared;
    text_init(&twice, bytes, sizeof bytes);
    text_str(&twice, "[dyn(");
    text_put(&twice, source);
    text_str(&twice, "\n), dyn(");
    text_put(&twice, source);
    text_str(&twice, "\n)]");
    if (twice.overflow)
        return;
    struct arena *arena = cel_world_arena(4 * twice.len);
    struct cel_share *share = cel_share_new(arena);
    const struct cel_program *both = share_compile(share, arena, text_span(&twice));
    const struct cel_program *one = both ? share_compile(share, arena, source) : NULL;
    memset(&diags, 0, sizeof diags);
    if (one != NULL && cel_share_emit(share, &diags, &n_shared) == ST_OK)
        check_remembered(one, both, n_shared, answers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answer answers[CEL_WORLD_ROWS], unchecked_answers[CEL_WORLD_ROWS];
    if (scratch == NULL) {
        scratch = arena_new(SCRATCH_BYTES);
        cel_world_env(names, &env);
    }
    source = span_of(data, size);
    if (size > CEL_SOURCE_MAX)
        return 0;
    bool exact = is_exact(source);
    const struct cel_program *checked = compile(source, false);
    if (checked != NULL)
        check_program(checked, exact, answers);
    bool good = checked != NULL;
    const struct cel_program *unchecked = compile(source, true);
    if (unchecked != NULL)
        check_program(unchecked, false, unchecked_answers);
    CHECK(!good || unchecked != NULL);
    for (int i = 0; good && i < CEL_WORLD_ROWS; i++)
        check_same(answers[i], unchecked, (enum cel_world_row)i, "unchecked");
    if (good) {
        check_shared(answers);
        check_variables(answers);
    }
    return 0;
}

size_t fuzz_seed(size_t i, uint8_t *buf, size_t cap)
{
    return cel_world_seed(i, buf, cap);
}

const char *fuzz_word(size_t i)
{
    return cel_world_word(i);
}
