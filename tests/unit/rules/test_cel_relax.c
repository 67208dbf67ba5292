/* Thresholds that are moved: which, where to, and that a guard changes no answer. */
#include "rules/cel_relax.h"

#include "rules/cel_bounds.h"
#include "tests/unit/rules/cel_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

FIXTURE_OF_TESTS

struct condition {
    const struct cel_program *plain, *guarded;
};

static struct condition compile(const char *source)
{
    struct condition c = {0};
    f.diags = (struct diag_list){0};
    enum status st = cel_compile_condition(&f.env, span_str(source), (struct diag_at){0}, f.arena,
                                           &f.diags, &c.plain, &c.guarded);
    if (st != ST_OK)
        print_error("%s: %s\n", source, f.diags.items[0].message);
    assert_int_equal(st, ST_OK);
    return c;
}

static struct cel_value run(const struct cel_program *program, bool *ret_passed)
{
    struct cel_run with = {.scratch = f.scratch, .steps = CEL_STEPS_MAX};
    arena_reset(f.scratch);
    struct cel_value v = cel_run_with(program, f.row, &with);
    *ret_passed = with.passed;
    return v;
}

/* '=': nothing can be moved; else is it a near miss: '+', or not: '-'. */
static char near_of(const char *source)
{
    struct condition c = compile(source);
    bool passed;
    if (c.plain == c.guarded)
        return '=';
    struct cel_value v = run(c.guarded, &passed);
    return passed && v.kind == CEL_BOOL && !v.flag ? '+' : '-';
}

/* amount is 950.5, count 11, inexact 9 to 12, score 0.5. */
static void a_threshold_is_moved_by_a_tenth(void **state)
{
    static const struct {
        const char *source;
        char near;
    } conditions[] = {
        /* a tenth, of a whole number at least 1 */
        {"count > 11", '+'},
        {"count > 12", '+'},
        {"count > 13", '-'},
        {"count >= 12", '+'},
        {"count >= 13", '-'},
        {"count < 11", '+'},
        {"count <= 10", '+'},
        {"count <= 9", '-'},
        {"count < 10", '-'},
        {"12 <= count", '+'},
        {"10 >= count", '+'},
        {"count > 11.5", '+'},
        {"amount > 1000.0", '+'},
        {"amount > 1056.0", '+'},
        {"amount > 1056.2", '-'},
        {"amount < 870.0", '+'},
        {"amount < 860.0", '-'},
        {"amount > 900.0", '-'}, /* it fires */
        /* below zero */
        {"-amount > -900.0", '+'},
        {"-amount > -860.0", '-'},
        {"-count >= -10", '+'},
        /* all at once, in && || and ?: */
        {"amount > 1000.0 && count > 11", '+'},
        {"amount > 1000.0 && currency == 'EUR' && count > 5", '+'},
        {"amount > 1000.0 && currency == 'USD'", '-'},
        {"amount > 5000.0 && count > 11", '-'},
        {"amount > 1000.0 || count > 50", '+'},
        {"(amount > 5000.0 || count > 11) && is_night", '+'},
        {"is_night ? count > 11 : count > 50", '+'},
        {"!is_night ? count > 11 : count > 50", '-'},
        /* a quantity times a number */
        {"amount > score * 2000.0", '+'},
        {"amount > 2200.0 * score", '-'},
        {"score * 2000.0 < amount", '+'},
        {"amount < score * 1800.0", '+'},
        {"amount > -score * -2000.0", '+'},
        {"-amount > -score * 1850.0", '+'},
        {"-amount > -score * 1700.0", '-'},
        {"amount / 100.0 > 10.0", '+'},
        {"double(count) / 2.0 > 6.0", '+'},
        /* what cannot be moved, or must not be */
        {"count == 12", '='},
        {"count != 11", '='},
        {"count in [10, 12]", '='},
        {"currency in ['USD', 'GBP']", '='},
        {"!(count > 20) && count > 11", '+'},
        {"(is_night && (count > 11 || amount > 5000.0)) || count > 50", '+'},
        {"amount > 0.0", '='},
        {"amount > score", '='},
        {"count > count * 2", '='},
        {"!(count <= 11)", '='},
        {"currency > 'F'", '='},
        {"time.getHours() > 12", '='},
        {"size(currency) > 3", '='},
        {"[count].exists(x, x > 11)", '='},
        {"currency.startsWith('U') || count > 11", '='},
        {"count > 11 && currency.startsWith('E')", '+'},
        {"count < 9223372036854775807", '='},
        /* what is no near miss: missing, or inexact */
        {"count > 11 && absent > 5", '-'},
        {"inexact > 12", '-'},
        {"inexact >= 13 && count > 5", '-'},
        {"inexact > 8 && count > 11", '+'},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(conditions); i++) {
        char near = near_of(conditions[i].source);
        if (near != conditions[i].near)
            print_error("%s\n    %c, not %c\n", conditions[i].source, near, conditions[i].near);
        assert_int_equal(near, conditions[i].near);
    }
}

/* Is n (op) t, where both are numbers of fortieths? */
static bool holds(const char *op, long n, long t)
{
    bool or_equal = op[1] == '=';
    return op[0] == '>' ? n > t || (or_equal && n == t) : n < t || (or_equal && n == t);
}

/* Each quarter from seven below the moved threshold to seven above it. */
static void assert_near_within_a_tenth(const char *op, bool mirrored, bool is_whole, long t)
{
    static const char *const mirrors[] = {"<", ">"};
    char source[64];
    const char *name = is_whole ? "count" : "amount";
    if (mirrored)
        snprintf(source, sizeof source, "%ld %s%s %s", t, mirrors[op[0] == '<'],
                 op[1] == '=' ? "=" : "", name);
    else
        snprintf(source, sizeof source, "%s %s %ld", name, op, t);
    struct condition c = compile(source);
    long tenth = 4 * labs(t) > 40 ? 4 * labs(t) : 40;
    long at = 40 * t, moved = op[0] == '>' ? at - tenth : at + tenth;
    for (long n = moved / 40 * 40 - 280; n <= moved / 40 * 40 + 280; n += is_whole ? 40 : 10) {
        bool passed;
        f.row[FIXTURE_count] = cel_int(n / 40);
        f.row[FIXTURE_amount] = cel_double((double)n / 40);
        struct cel_value v = run(c.guarded, &passed);
        bool expected = holds(op, n, moved) && !holds(op, n, at);
        if ((passed && !v.flag) != expected)
            print_error("%s at %g\n", source, (double)n / 40);
        assert_int_equal(passed && !v.flag, expected);
        assert_int_equal(v.flag, holds(op, n, at));
    }
}

static void what_lies_within_the_tenth_is_near_whatever_the_numbers(void **state)
{
    static const char *const operators[] = {"<", "<=", ">", ">="};
    (void)state;
    for (long t = -120; t <= 120; t++) {
        size_t mark = f.arena->used_bytes;
        for (int way = 0; way < 4 * 4; way++)
            assert_near_within_a_tenth(operators[way / 4], way & 1, way & 2, t);
        f.arena->used_bytes = mark;
    }
}

static void a_threshold_that_everything_would_be_past_stays(void **state)
{
    struct cel_bounds never_negative = cel_bounds_any;
    (void)state;
    never_negative.lo = 0;
    f.names[FIXTURE_count].bounds = &never_negative;
    f.env.is_strict = true;
    assert_int_equal(near_of("count >= 1"), '=');
    assert_int_equal(near_of("count > 0"), '=');
    assert_int_equal(near_of("count > 1"), '-');
    assert_int_equal(near_of("count > 11 && count > 0"), '+');
}

/* ---- over whatever conditions and rows ------------------------------------------------------- */

static uint64_t seed = 4711;

static int below(int n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((seed >> 33) % (uint64_t)n);
}

static const char *any(const char *const *of, int n)
{
    return of[below(n)];
}

static void put_quantity(struct text *out, int depth)
{
    static const char *const names[] = {"amount",        "score",          "inexact_avg",
                                        "double(count)", "double(absent)", "double(inexact)",
                                        "-amount"};
    static const char *const operators[] = {" + ", " - ", " * ", " / "};
    if (depth > 0 && below(3) == 0) {
        text_char(out, '(');
        put_quantity(out, depth - 1);
        text_str(out, any(operators, 4));
        put_quantity(out, depth - 1);
        text_char(out, ')');
        return;
    }
    text_str(out, any(names, 7));
}

static void put_leaf(struct text *out)
{
    static const char *const comparisons[] = {" < ", " <= ", " > ", " >= ", " == "};
    static const char *const ints[] = {"count", "absent", "inexact", "-count", "count - inexact"};
    static const char *const numbers[] = {"-20", "-1", "0", "1", "3", "10", "11", "12", "100"};
    static const char *const doubles[] = {"-20.0", "-0.5", "0.0", "0.1", "1.0", "4.0", "900.0"};
    static const char *const others[] = {"is_night",
                                         "!is_night",
                                         "currency == 'EUR'",
                                         "currency in ['EUR', 'USD']",
                                         "has(tx.absent)",
                                         "size(currency) > 2",
                                         "[1, 2].exists(x, x > count)"};
    switch (below(5)) {
    case 0:
        text_str(out, any(others, 7));
        return;
    case 1:
    case 2:
        text_str(out, any(ints, 5));
        text_str(out, any(comparisons, 5));
        text_str(out, any(numbers, 9));
        return;
    default:
        put_quantity(out, 2);
        text_str(out, any(comparisons, 5));
        if (below(3) == 0) {
            put_quantity(out, 1);
            text_str(out, " * ");
        }
        text_str(out, any(doubles, 7));
    }
}

static void put_condition(struct text *out, int depth)
{
    int way = depth > 0 ? below(6) : 5;
    if (way == 5) {
        put_leaf(out);
        return;
    }
    text_str(out, way == 3 ? "!(" : "(");
    put_condition(out, depth - 1);
    if (way != 3) {
        text_str(out, way == 0 ? " || " : way == 4 ? " ? " : " && ");
        put_condition(out, depth - 1);
    }
    if (way == 4) {
        text_str(out, " : ");
        put_condition(out, depth - 1);
    }
    text_char(out, ')');
}

static double any_double(void)
{
    static const double odd[] = {NAN, INFINITY, -INFINITY, 0, -0.0, 1e-310, 900, 990, 4.4, 3.6};
    int n = below(20);
    return n < (int)COUNT(odd) ? odd[n] : (below(4000) - 1000) / 4.0;
}

static struct cel_value any_number(bool is_int)
{
    int way = below(6), i = below(40) - 15;
    if (way == 0)
        return (struct cel_value){.kind = CEL_MISSING};
    if (way == 1)
        return is_int ? cel_range_int(i, i + below(9)) : cel_range_double(i / 2.0, i + below(900));
    if (way == 2)
        return cel_error(CEL_ERR_INEXACT, span_str("x"));
    return is_int ? cel_int(i) : cel_double(any_double());
}

static void fill_row(void)
{
    static const int ints[] = {FIXTURE_count, FIXTURE_absent, FIXTURE_inexact};
    static const int doubles[] = {FIXTURE_amount, FIXTURE_score, FIXTURE_inexact_avg};
    for (int i = 0; i < 3; i++) {
        f.row[ints[i]] = any_number(true);
        f.row[doubles[i]] = any_number(false);
    }
    f.row[FIXTURE_is_night] = cel_bool(below(2));
}

static void assert_same(const char *source, struct cel_value a, struct cel_value b)
{
    bool same = a.kind == b.kind && (a.kind == CEL_BOOL ? a.flag == b.flag : a.code == b.code) &&
                (a.kind == CEL_BOOL || span_eq(a.text, b.text));
    if (!same)
        print_error("differs behind its guard: %s\n", source);
    assert_true(same);
}

static void a_guard_changes_no_answer(void **state)
{
    enum { CONDITIONS = 4000, ROWS = 40 };
    long guarded = 0, near = 0, stopped = 0;
    (void)state;
    for (int i = 0; i < CONDITIONS; i++) {
        char source[8192] = {0};
        struct text out;
        size_t mark = f.arena->used_bytes;
        text_init(&out, source, sizeof source - 1);
        put_condition(&out, 4);
        struct condition c = compile(source);
        for (int row = 0; row < ROWS && c.plain != c.guarded; row++) {
            bool passed, none;
            fill_row();
            struct cel_value got = run(c.guarded, &passed), expected = run(c.plain, &none);
            assert_same(source, got, expected);
            guarded++;
            stopped += !passed;
            near += passed && got.kind == CEL_BOOL && !got.flag;
        }
        f.arena->used_bytes = mark;
    }
    assert_true(guarded > 20000 && stopped > 10000 && near > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_threshold_is_moved_by_a_tenth),
        TEST(what_lies_within_the_tenth_is_near_whatever_the_numbers),
        TEST(a_threshold_that_everything_would_be_past_stays),
        TEST(a_guard_changes_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
