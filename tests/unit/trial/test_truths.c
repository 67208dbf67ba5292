/* Which label is the truth about a transaction. */
#include "service/trial/truths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_latest_label_by_its_own_time_is_the_truth(void **state)
{
    struct truths t = {0};
    (void)state;
    assert_int_equal(truths_add(&t, 1, OUTCOME_LEGITIMATE, 20), ST_OK);
    assert_int_equal(truths_add(&t, 1, OUTCOME_FRAUD, 10), ST_OK);
    assert_int_equal(truths_add(&t, 2, OUTCOME_FRAUD, 10), ST_OK);
    assert_int_equal(truths_add(&t, 2, OUTCOME_LEGITIMATE, 10), ST_OK); /* a tie: fraud */
    assert_int_equal(truths_add(&t, 3, OUTCOME_DECLINED, 10), ST_OK);   /* says nothing of it */
    assert_int_equal(truths_settle(&t, NULL), ST_OK);
    assert_int_equal(truths_find(&t, 1)->truth, TRUTH_LEGITIMATE);
    assert_int_equal(truths_find(&t, 1)->known_at_ms, 20);
    assert_int_equal(truths_find(&t, 2)->truth, TRUTH_FRAUD);
    assert_null(truths_find(&t, 3));
    assert_null(truths_find(&t, 4));
    truths_fini(&t);
}

static void many_labels_are_all_found(void **state)
{
    enum { N = 10000 };
    struct truths t = {0};
    (void)state;
    for (uint64_t i = 0; i < N; i += 3) /* all in one place of the table */
        assert_int_equal(truths_add(&t, i << 32, OUTCOME_FRAUD, (int64_t)i), ST_OK);
    assert_int_equal(truths_settle(&t, NULL), ST_OK);
    for (uint64_t i = 0; i < N; i++) {
        const struct truth_label *found = truths_find(&t, i << 32);
        assert_int_equal(found != NULL, i % 3 == 0);
        assert_true(found == NULL || found->known_at_ms == (int64_t)i);
    }
    truths_fini(&t);
}

static void without_labels_nothing_is_known(void **state)
{
    struct truths t = {0};
    (void)state;
    assert_int_equal(truths_settle(&t, NULL), ST_OK);
    assert_null(truths_find(&t, 1));
    truths_fini(&t);
}

static bool gives_up(void *user)
{
    (void)user;
    return false;
}

static void who_has_no_patience_ends_it(void **state)
{
    struct truths t = {0};
    struct patience p = {.goes_on = gives_up};
    (void)state;
    assert_int_equal(truths_add(&t, 2, OUTCOME_FRAUD, 0), ST_OK);
    assert_int_equal(truths_add(&t, 1, OUTCOME_FRAUD, 0), ST_OK);
    assert_int_equal(truths_settle(&t, &p), ST_CONFLICT);
    truths_fini(&t);
}

/* Pages that are never touched cost nothing: what says that it is full is. */
static void labels_over_the_limit_are_refused(void **state)
{
    struct truths t = {.n = TRUTHS_MAX, .cap = TRUTHS_MAX};
    (void)state;
    assert_int_equal(truths_add(&t, 1, OUTCOME_FRAUD, 0), ST_TOO_LARGE);
    assert_int_equal(truths_add(&t, 1, OUTCOME_REVERSED, 0), ST_OK);
    assert_int_equal(t.n, TRUTHS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_label_by_its_own_time_is_the_truth),
        cmocka_unit_test(many_labels_are_all_found),
        cmocka_unit_test(without_labels_nothing_is_known),
        cmocka_unit_test(who_has_no_patience_ends_it),
        cmocka_unit_test(labels_over_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
