/*
 * fuzz_cel.c -- any text may be compiled; what compiles may be run, over any row.
 *
 * The input is the expression. It is compiled checked and unchecked, run over a row that has every
 * kind of value, missing ones and ranges among them, and rendered; then the same with everything
 * missing. Nothing may crash, overrun, or go past the budget.
 */
#include "rules/cel.h"
#include "service/base/check.h"

enum {
    ARENA_BYTES = 40 << 20, /* what the longest source may ask for */
    SCRATCH_BYTES = 64 << 10,
};

static struct cel_value row[8];

static const struct cel_name names[] = {
    {{"amount", 6}, "tx", &cel_type_double, 0, NULL},
    {{"count", 5}, "tx", &cel_type_int, 1, NULL},
    {{"currency", 8}, "tx", &cel_type_string, 2, NULL},
    {{"time", 4}, "tx", &cel_type_timestamp, 3, NULL},
    {{"x", 1}, "tx", &cel_type_int, 4, NULL},
    {{"y", 1}, "tx", &cel_type_double, 5, NULL},
    {{"merchant.country", 16}, "tx", &cel_type_string, 6, NULL},
    {{"any", 3}, "tx", &cel_type_dyn, 7, NULL},
};

static void fill_row(void)
{
    row[0] = cel_double(950.5);
    row[1] = cel_int(11);
    row[2] = cel_string(span_str("EUR"));
    row[3] = cel_timestamp_ms(INT64_C(1767614410000));
    row[4] = cel_range_int(9, 12);
    row[5] = cel_range_double(-1.5, 2.5);
    row[7] = cel_bytes(span_str("\xff"));
}

static void run(const struct cel_program *program, struct arena *scratch)
{
    static const struct cel_value nothing[sizeof row / sizeof *row];
    char buf[256];
    struct text out;
    arena_reset(scratch);
    text_init(&out, buf, sizeof buf);
    cel_value_write(cel_run(program, row, scratch), &out);
    arena_reset(scratch);
    text_init(&out, buf, sizeof buf);
    cel_value_write(cel_run(program, nothing, scratch), &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *arena, *scratch;
    static struct diag_list diags;
    struct cel_env env = {.names = names, .n_names = sizeof names / sizeof *names};
    if (arena == NULL) {
        arena = arena_new(ARENA_BYTES);
        scratch = arena_new(SCRATCH_BYTES);
        fill_row();
    }
    for (int unchecked = 0; unchecked < 2; unchecked++) {
        const struct cel_program *program = NULL;
        const struct diag_at at = {.file = "fuzz", .line = 1, .col = 1};
        arena_reset(arena);
        memset(&diags, 0, sizeof diags);
        env.unchecked = unchecked;
        enum status st = cel_compile(&env, span_of(data, size), at, arena, &diags, &program);
        CHECK((st == ST_OK) == (diags.errors == 0));
        if (st == ST_OK)
            run(program, scratch);
    }
    return 0;
}
