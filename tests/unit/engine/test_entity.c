/* A look at one entity, and its erasure. */
#include "service/engine/entity.h"

#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct look {
    struct entity_query query;
    int told, released;
};

static int open_world(void **state)
{
    struct world *w = malloc(sizeof *w);
    world_open(w, world_ruleset, world_rules, NULL);
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static void told(struct entity_query *q)
{
    ((struct look *)q->user)->told++;
}

static void released(struct entity_query *q)
{
    ((struct look *)q->user)->released++;
}

static enum status look(struct world *w, void (*verb)(struct entity_query *), const char *field,
                        const char *value, int64_t at_ms)
{
    struct look l = {.query = {.engine = &w->engine,
                               .arena = w->arena,
                               .field = span_str(field),
                               .value = span_str(value),
                               .now_ms = w->score.intake.now_ms,
                               .at_ms = w->score.intake.now_ms + at_ms,
                               .done = told,
                               .released = released}};
    l.query.user = &l;
    arena_reset(w->arena);
    verb(&l.query);
    assert_int_equal(l.told, 1);
    assert_int_equal(l.released, 1);
    memcpy(w->answer, l.query.answer.base ? l.query.answer.base : "", l.query.answer.len);
    w->answer[l.query.answer.len] = '\0';
    return l.query.status;
}

static void its_features_are_those_of_its_key_alone(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn_of("t-1", "a-1", "m-1", 0));
    assert_int_equal(look(w, entity_read, "terminal_id", "m-1", 0), ST_OK);
    assert_true(span_starts(span_str(w->answer),
                            span_str("{\"field\":\"terminal_id\",\"value\":\"m-1\","
                                     "\"at\":\"2026-01-05T12:00:00Z\",\"features\":{"
                                     "\"terminal_tx_count_1d\":{\"value\":1,\"exact\":true},"
                                     "\"terminal_frauds_30d\":{\"value\":0,\"exact\":true}},")));
}

static void it_is_seen_as_of_a_time(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn("t-1", 0));
    world_score(w, world_txn("t-2", 1000));
    look(w, entity_read, "account_id", "a-1", 999);
    assert_true(world_feature(w, "account_tx_count_5m") == 1);
    look(w, entity_read, "account_id", "a-1", 1000);
    assert_true(world_feature(w, "account_tx_count_5m") == 2);
    look(w, entity_read, "account_id", "a-1", 300000);
    assert_true(world_feature(w, "account_tx_count_5m") == 1);
}

static void one_that_was_never_seen_counts_nothing(void **state)
{
    struct world *w = *state;
    assert_int_equal(look(w, entity_read, "account_id", "nobody", 0), ST_OK);
    assert_true(world_feature(w, "account_tx_count_5m") == 0);
}

static void a_field_that_is_no_key_is_not_found(void **state)
{
    struct world *w = *state;
    assert_int_equal(look(w, entity_read, "country", "KP", 0), ST_NOT_FOUND);
    assert_int_equal(look(w, entity_erase, "country", "KP", 0), ST_NOT_FOUND);
}

static void a_value_that_no_message_can_have_is_refused(void **state)
{
    struct world *w = *state;
    char value[FEATURE_KEY_BYTES_MAX + 2];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    assert_int_equal(look(w, entity_read, "account_id", value, 0), ST_INVALID);
}

static void what_is_erased_is_gone_and_answers_stay(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn("t-1", 0));
    assert_int_equal(look(w, entity_erase, "account_id", "a-1", 0), ST_OK);
    look(w, entity_read, "account_id", "a-1", 0);
    assert_true(world_feature(w, "account_tx_count_5m") == 0);
    world_score(w, world_txn("t-1", 0));
    assert_true(w->score.replayed);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(its_features_are_those_of_its_key_alone),
        TEST(it_is_seen_as_of_a_time),
        TEST(one_that_was_never_seen_counts_nothing),
        TEST(a_field_that_is_no_key_is_not_found),
        TEST(a_value_that_no_message_can_have_is_refused),
        TEST(what_is_erased_is_gone_and_answers_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
