#include "service/state/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void the_later_verdict_supersedes_and_of_two_at_once_fraud(void **state)
{
    (void)state;
    const struct verdict early = {.is_fraud = true, .known_at_ms = 1},
                         late = {.is_fraud = false, .known_at_ms = 2},
                         late_fraud = {.is_fraud = true, .known_at_ms = 2};
    assert_true(verdict_supersedes(&late, &early));
    assert_false(verdict_supersedes(&early, &late));
    assert_true(verdict_supersedes(&late_fraud, &late));
    assert_false(verdict_supersedes(&late, &late_fraud));
    assert_false(verdict_supersedes(&late, &late));
}

static void what_is_taken_back_leaves_nothing(void **state)
{
    (void)state;
    int64_t columns[TALLY_COLUMNS] = {0};
    const struct verdict v = {.is_fraud = true, .known_at_ms = 7, .lag_ms = 5};
    tally_count(columns, &v, 30, false);
    assert_int_equal(columns[TALLY_FRAUD], 1);
    assert_int_equal(columns[TALLY_FRAUD_E4], 30);
    assert_int_equal(columns[TALLY_LAG_MS], 5);
    tally_count(columns, &v, 30, true);
    for (int i = 0; i < TALLY_COLUMNS; i++)
        assert_int_equal(columns[i], 0);
}

static void a_sum_stays_where_it_would_leave_its_range(void **state)
{
    (void)state;
    int64_t columns[TALLY_COLUMNS] = {[TALLY_LEGITIMATE_E4] = INT64_MAX - 1};
    const struct verdict v = {.is_fraud = false};
    tally_count(columns, &v, 2, false);
    assert_int_equal(columns[TALLY_LEGITIMATE_E4], INT64_MAX - 1);
    assert_int_equal(columns[TALLY_LEGITIMATE], 1);
}

static void rows_stand_in_order_of_their_names(void **state)
{
    (void)state;
    static const char *const names[] = {"b", "a", "", "ab", "c", "a"};
    struct tally t;
    tally_init(&t);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (*tally_row(&t, span_str(names[i])))++;
    assert_int_equal(t.n, 5);
    for (int i = 1; i < t.n; i++)
        assert_true(span_cmp(span_of(t.rows[i - 1].name, t.rows[i - 1].name_len),
                             span_of(t.rows[i].name, t.rows[i].name_len)) < 0);
    assert_int_equal(tally_row(&t, span_str("a"))[TALLY_FRAUD], 2);
    tally_fini(&t);
}

static void adding_up_keeps_the_later_use(void **state)
{
    (void)state;
    struct tally t;
    tally_init(&t);
    tally_add(&t, span_str("a"), (int64_t[TALLY_COLUMNS]){1, 2, 3, 4, 5, 60});
    tally_add(&t, span_str("a"), (int64_t[TALLY_COLUMNS]){1, 2, 3, 4, 5, 50});
    const int64_t both[TALLY_COLUMNS] = {2, 4, 6, 8, 10, 60};
    assert_memory_equal(tally_row(&t, span_str("a")), both, sizeof both);
    tally_fini(&t);
}

static void there_is_no_row_over_the_limit(void **state)
{
    (void)state;
    struct tally t;
    char name[TALLY_NAME_MAX + 1];
    tally_init(&t);
    memset(name, 'x', sizeof name);
    assert_null(tally_row(&t, span_of(name, sizeof name)));
    for (int i = 0; i < TALLY_ROWS_MAX; i++) {
        int n = snprintf(name, sizeof name, "%d", i);
        assert_non_null(tally_row(&t, span_of(name, (size_t)n)));
    }
    assert_null(tally_row(&t, span_str("one more")));
    assert_non_null(tally_row(&t, span_str("17")));
    tally_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_later_verdict_supersedes_and_of_two_at_once_fraud),
        cmocka_unit_test(what_is_taken_back_leaves_nothing),
        cmocka_unit_test(a_sum_stays_where_it_would_leave_its_range),
        cmocka_unit_test(rows_stand_in_order_of_their_names),
        cmocka_unit_test(adding_up_keeps_the_later_use),
        cmocka_unit_test(there_is_no_row_over_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
