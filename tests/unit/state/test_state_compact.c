#include "service/state/state_compact.h"

#include "service/state/state_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { NOW_MS = 1000, LOGS = 3000, LONG_BYTES = 200 };

static struct state_table *table;
static enum compact_verdict verdict;
static int n_asked;

static void put(const char *key, int64_t expires_ms)
{
    static char value[LONG_BYTES];
    uint64_t hash = table_hash(table, span_str(key));
    struct shard *s = table_shard(table, hash);
    assert_int_equal(shard_make_room(s, 1), ST_OK);
    struct slot *slot = shard_put(s, hash, span_str(key), sizeof value);
    assert_non_null(slot);
    slot_set(slot, span_of(value, sizeof value));
    slot->expires_ms = expires_ms;
}

static enum compact_verdict judge(void *user, struct span key, struct span log,
                                  struct span *ret_log)
{
    (void)user;
    n_asked++;
    assert_true(span_starts(key, span_str("e:")));
    assert_int_equal(log.len, LONG_BYTES);
    *ret_log = span_str("short");
    return verdict;
}

static struct compact_walk walk_with(enum compact_verdict v)
{
    struct compact_walk walk = {0};
    verdict = v;
    n_asked = 0;
    while (state_table_compact(table, &walk, NOW_MS, judge, NULL))
        ;
    return walk;
}

static int set_up(void **state)
{
    static const struct hash_key key;
    char name[32];
    (void)state;
    table = state_table_new(&key, NULL);
    for (int i = 0; i < LOGS; i++) {
        snprintf(name, sizeof name, "e:k:%d", i);
        put(name, i % 3 == 0 ? NOW_MS : NOW_MS + 1);
    }
    put("v:other", INT64_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    state_table_free(table);
    return 0;
}

static void what_has_expired_goes_unasked_and_the_rest_may_stay(void **state)
{
    (void)state;
    struct compact_walk walk = walk_with(COMPACT_KEEP);
    assert_int_equal(walk.removed, LOGS / 3);
    assert_int_equal(walk.looked, n_asked);
    /* one that a removal moves over the end of its shard is met twice */
    assert_in_range(n_asked, LOGS - LOGS / 3, LOGS);
    assert_int_equal(state_table_stats(table).keys, LOGS - LOGS / 3 + 1);
}

static void a_shorter_log_has_a_shorter_block(void **state)
{
    (void)state;
    (void)walk_with(COMPACT_KEEP);
    uint64_t bytes = state_table_stats(table).bytes;
    struct compact_walk walk = walk_with(COMPACT_REPLACE);
    assert_int_equal(walk.replaced, LOGS - LOGS / 3);
    assert_true(bytes - state_table_stats(table).bytes >= walk.replaced * LONG_BYTES / 2);
    uint64_t hash = table_hash(table, span_str("e:k:1"));
    struct slot *slot = shard_find(table_shard(table, hash), hash, span_str("e:k:1"));
    assert_true(span_is(slot_value(slot), "short"));
}

static void what_is_removed_is_gone_and_others_are_still_found(void **state)
{
    (void)state;
    struct compact_walk walk = walk_with(COMPACT_REMOVE);
    assert_int_equal(walk.removed, LOGS);
    assert_int_equal(state_table_stats(table).keys, 1);
    uint64_t hash = table_hash(table, span_str("v:other"));
    assert_non_null(shard_find(table_shard(table, hash), hash, span_str("v:other")));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_has_expired_goes_unasked_and_the_rest_may_stay),
        TEST(a_shorter_log_has_a_shorter_block),
        TEST(what_is_removed_is_gone_and_others_are_still_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
