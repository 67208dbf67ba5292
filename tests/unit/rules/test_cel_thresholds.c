#include "rules/cel_thresholds.h"

#include "tests/unit/rules/cel_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

FIXTURE_OF_TESTS
static struct cel_threshold items[2];
static struct cel_thresholds found;

static void look(const char *source)
{
    const struct cel_program *program = fixture_compile(&f, source);
    assert_non_null(program);
    found = (struct cel_thresholds){.items = items, .room = 2};
    cel_thresholds_add(&found, program, FIXTURE_count);
}

static void comparisons_with_numbers_are_thresholds(void **state)
{
    (void)state;
    look("amount > 5.0 && count > 10 && (is_night || 3 >= count)");
    assert_int_equal(found.count, 2);
    assert_true(items[0].number == 10 && items[0].turns_above);
    assert_true(items[1].number == 3 && items[1].turns_above);
    assert_false(found.is_computed || found.is_code);
    look("count >= 7 || count < 4.5");
    assert_true(items[0].number == 7 && !items[0].turns_above);
    assert_true(items[1].number == 4.5 && !items[1].turns_above);
}

static void what_is_compared_for_equality_is_a_code(void **state)
{
    static const char *const codes[] = {"count == 5411", "5411 != count", "count in [1, 2]",
                                        "count in lists.codes"};
    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        look(codes[i]);
        assert_true(found.is_code && !found.is_computed && found.count == 0);
    }
}

static void what_else_is_done_with_a_name_is_computed(void **state)
{
    static const char *const others[] = {"double(count) > amount", "count + 1 > 5",
                                         "count > absent", "tx.?count.orValue(3) > 2"};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        look(others[i]);
        assert_true(found.is_computed && !found.is_code);
    }
    look("amount > 5.0 && has(tx.count)");
    assert_false(found.is_computed || found.is_code || found.count > 0);
}

static void what_has_no_room_is_computed(void **state)
{
    (void)state;
    look("count > 10 || count > 20 || count > 30");
    assert_int_equal(found.count, 2);
    assert_true(found.is_computed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(comparisons_with_numbers_are_thresholds),
        TEST(what_is_compared_for_equality_is_a_code),
        TEST(what_else_is_done_with_a_name_is_computed),
        TEST(what_has_no_room_is_computed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
