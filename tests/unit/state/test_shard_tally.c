#include "service/state/shard_tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct hash_key key;

static int open_table(void **state)
{
    *state = state_table_new(&key, NULL);
    return 0;
}

static int close_table(void **state)
{
    state_table_free(*state);
    return 0;
}

static bool judge(struct shard *s, uint64_t txn, const char *row, int64_t now_ms)
{
    const struct span name = span_str(row);
    struct state_verdict v = {.verdict = {.is_fraud = true, .known_at_ms = now_ms},
                              .amount_e4 = 10,
                              .ttl_ms = 1000,
                              .rows = &name,
                              .n_rows = 1};
    assert_int_equal(shard_make_room(s, SHARD_TALLY_SLOTS), ST_OK);
    assert_int_equal(shard_tally_reserve(s, txn, &v), ST_OK);
    return shard_tally_judge(s, txn, &v, now_ms);
}

static void of_too_many_rows_the_one_unused_for_longest_goes(void **state)
{
    struct state_table *table = *state;
    struct shard *s = &table->shards[0];
    struct tally t;
    char row[16];
    tally_init(&t);
    for (int i = 0; i < TALLY_ROWS_MAX; i++) {
        (void)snprintf(row, sizeof row, "%d", i);
        assert_true(judge(s, (uint64_t)i + 1, row, i + 1));
    }
    assert_true(judge(s, TALLY_ROWS_MAX + 1, "0", TALLY_ROWS_MAX + 1)); /* used again */
    assert_true(judge(s, TALLY_ROWS_MAX + 2, "new", TALLY_ROWS_MAX + 2));
    shard_tally_read(s, 0, &t);
    assert_int_equal(t.n, TALLY_ROWS_MAX);
    assert_int_equal(tally_row(&t, span_str("0"))[TALLY_FRAUD], 2);
    assert_int_equal(tally_row(&t, span_str("new"))[TALLY_FRAUD], 1);
    assert_null(tally_row(&t, span_str("1")));
    tally_fini(&t);
}

static void a_verdict_that_is_forgotten_is_not_taken_back(void **state)
{
    struct state_table *table = *state;
    struct shard *s = &table->shards[0];
    struct tally t;
    tally_init(&t);
    assert_true(judge(s, 1, "a", 1));
    assert_true(judge(s, 1, "a", 1000));
    shard_tally_read(s, 0, &t);
    assert_int_equal(tally_row(&t, span_str("a"))[TALLY_FRAUD], 1);
    assert_true(judge(s, 1, "a", 2000)); /* its time was over */
    shard_tally_read(s, 0, &t);
    assert_int_equal(tally_row(&t, span_str("a"))[TALLY_FRAUD], 1 + 2);
    tally_fini(&t);
}

static void rows_are_no_logs(void **state)
{
    struct state_table *table = *state;
    judge(&table->shards[0], 1, "a", 1);
    struct state_table_stats stats = state_table_stats(table);
    assert_int_equal(stats.claims, 0);
    assert_int_equal(stats.keys, 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_table, close_table)
    const struct CMUnitTest tests[] = {
        TEST(of_too_many_rows_the_one_unused_for_longest_goes),
        TEST(a_verdict_that_is_forgotten_is_not_taken_back),
        TEST(rows_are_no_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
