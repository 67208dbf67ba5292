#include "rules/cel_share.h"
#include "tests/unit/rules/cel_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { PROGRAMS_MAX = 8, MEMO_MAX = 8 };

static struct fixture f;
static const struct cel_program *programs[PROGRAMS_MAX];
static struct cel_value memo[MEMO_MAX];
static int n_shared;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    f.env.share = cel_share_new(f.arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_fini(&f);
    return 0;
}

/* Compiles all of them, to the NULL, and finds what they share. */
static void share(const char *const *sources)
{
    for (int i = 0; sources[i] != NULL; i++) {
        programs[i] = fixture_compile(&f, sources[i]);
        assert_non_null(programs[i]);
    }
    assert_int_equal(cel_share_emit(f.env.share, &f.diags, &n_shared), ST_OK);
    assert_true(n_shared <= MEMO_MAX);
    memset(memo, 0, sizeof memo);
}

static struct cel_value run(int i)
{
    struct cel_run with = {.scratch = f.scratch, .steps = CEL_STEPS_MAX, .memo = memo};
    arena_reset(f.scratch);
    return cel_run_with(programs[i], f.row, &with);
}

static void a_part_of_two_expressions_is_computed_once(void **state)
{
    (void)state;
    share((const char *const[]){"double(count) / amount > 0.5 && is_night",
                                "double(count) / amount > 0.001", NULL});
    assert_int_equal(n_shared, 1);
    assert_false(cel_is_true(run(0)));
    assert_int_equal(memo[0].kind, CEL_DOUBLE);
    memo[0] = cel_double(0.0); /* as if: seen, not computed again */
    assert_false(cel_is_true(run(1)));
}

static void without_a_memo_the_answer_is_the_same(void **state)
{
    (void)state;
    share((const char *const[]){"double(count) / amount > 0.001", "double(count) / amount < 0.001",
                                NULL});
    assert_true(cel_is_true(cel_run(programs[0], f.row, f.scratch)));
    assert_false(cel_is_true(cel_run(programs[1], f.row, f.scratch)));
    assert_true(cel_is_true(run(0)));
    assert_false(cel_is_true(run(1)));
}

static void what_is_as_quick_as_a_look_is_not_shared(void **state)
{
    (void)state;
    share((const char *const[]){"count > 5", "count > 5", "count > 5 || amount > 3.0",
                                "currency in ['EUR']", "currency in ['EUR']", NULL});
    assert_int_equal(n_shared, 0);
}

static void parts_differ_by_a_name_a_constant_or_its_type(void **state)
{
    (void)state;
    share((const char *const[]){"currency.lowerAscii().size() > 1",
                                "currency.upperAscii().size() > 1", "(count + 1) * (count + 2) > 5",
                                "(count + 1) * (count + 3) > 5", "[anything] == [1, 2]",
                                "[anything] == [1.0, 2.0]", NULL});
    assert_int_equal(n_shared, 0);
}

static void constants_of_every_kind_keep_a_part_the_same(void **state)
{
    static const char *const parts[] = {
        "(count + 41) * (count + 42) > 5",
        "amount * 1.5 + amount * 2.5 > 7.5",
        "uint(count) * 3u + uint(count) * 4u > 5u",
        "currency.replace('a', 'b') == 'cd'",
        "bytes(currency).size() + bytes('ab').size() > 7",
        "timestamp('2026-01-05T12:00:00Z') + duration('5s') == dyn([count])[0]",
        "duration('5s') + duration(string(count) + 's') > duration('1h')",
    };
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        share((const char *const[]){parts[i], parts[i], NULL});
        assert_true(n_shared >= 1);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
    }
}

static void a_loop_is_the_same_whatever_its_variable_is_called(void **state)
{
    (void)state;
    share((const char *const[]){"[count, 1].exists(x, x > 7)", "[count, 1].exists(y, y > 7)",
                                "[count, 1].exists(x, x > 8)", NULL});
    assert_true(n_shared >= 1);
    for (int i = 0; i < 3; i++)
        assert_true(cel_is_true(run(i)));
}

static void a_variable_of_a_loop_around_it_keeps_a_part_from_being_shared(void **state)
{
    (void)state;
    share((const char *const[]){"[count, 3].exists(x, (x + 1) * (x + 1) == 16)",
                                "[1, count].exists(x, (x + 1) * (x + 1) == 4)", NULL});
    assert_int_equal(n_shared, 0);
    assert_true(cel_is_true(run(0)));
    assert_true(cel_is_true(run(1)));
}

static void what_is_missing_is_remembered_and_a_built_text_is_not(void **state)
{
    (void)state;
    share((const char *const[]){"(absent + 1) * (absent + 2) > 1",
                                "(absent + 1) * (absent + 2) < 1",
                                "(currency + 'x').lowerAscii() == 'eurx'",
                                "(currency + 'x').lowerAscii() != 'eurx'", NULL});
    assert_int_equal(n_shared, 2);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(run(0).code, CEL_ERR_MISSING);
        assert_int_equal(run(1).code, CEL_ERR_MISSING);
        assert_true(cel_is_true(run(2)));
        assert_false(cel_is_true(run(3)));
    }
}

static void a_part_within_a_shared_part_is_not_kept_twice(void **state)
{
    (void)state;
    share(
        (const char *const[]){"size(string(count * 3)) > 1", "size(string(count * 3)) < 1", NULL});
    assert_int_equal(n_shared, 1);
    share((const char *const[]){"string(count * 3) == '33'", NULL});
    assert_true(cel_is_true(run(0)));
}

/* Out of steps lists are equal to none; that is no answer for the expressions behind. */
static void what_was_cut_short_is_not_remembered(void **state)
{
    (void)state;
    share((const char *const[]){"[anything, 1] == dyn([[1, 2, 3], 1])",
                                "[anything, 1] == dyn([[1, 2, 3], 1]) && is_night", NULL});
    assert_int_equal(n_shared, 1);
    struct cel_run few = {.scratch = f.scratch, .steps = 2, .memo = memo};
    assert_int_equal(cel_run_with(programs[0], f.row, &few).code, CEL_ERR_LIMIT);
    assert_true(cel_is_true(run(1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_part_of_two_expressions_is_computed_once),
        TEST(without_a_memo_the_answer_is_the_same),
        TEST(what_is_as_quick_as_a_look_is_not_shared),
        TEST(parts_differ_by_a_name_a_constant_or_its_type),
        TEST(constants_of_every_kind_keep_a_part_the_same),
        TEST(a_loop_is_the_same_whatever_its_variable_is_called),
        TEST(a_variable_of_a_loop_around_it_keeps_a_part_from_being_shared),
        TEST(what_is_missing_is_remembered_and_a_built_text_is_not),
        TEST(a_part_within_a_shared_part_is_not_kept_twice),
        TEST(what_was_cut_short_is_not_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
