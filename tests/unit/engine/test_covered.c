#include "service/engine/covered.h"
#include "tests/unit/engine/world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define START_MS INT64_C(1767614400000) /* 2026-01-05T12:00:00Z */

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

static struct world w;

static int open_world(void **state)
{
    (void)state;
    world_open(&w, world_ruleset, world_rules, NULL);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static const char asking_rules[] =
    "rules:\n"
    "  - {id: covered, when: covered(account_tx_count_1d), score: 1}\n"
    "  - {id: warm, when: covered(extra_1h), score: 2}\n"
    "  - {id: often, when: extra_1h > 1, score: 4}\n"
    "  - {id: seldom, when: extra_1h < 9, score: 8}\n";

static void reload(const char *ruleset, int64_t at_ms)
{
    struct snapshot_options options = {.exact_events = 256, .now_ms = START_MS + at_ms};
    world_write(&w, "ruleset.yaml", ruleset);
    world_write(&w, "rules.yaml", asking_rules);
    w.diags = (struct diag_list){0};
    assert_int_equal(snapshot_offer(w.snapshots, w.ruleset, &options, "test", &w.diags), ST_OK);
}

/* The ruleset with `feature` besides, put in place at `at_ms`. */
static void reload_with(const char *feature, int64_t at_ms)
{
    static char text[8192];
    const char *lists = strstr(world_ruleset, "lists:\n");
    snprintf(text, sizeof text, "%.*s  %s\n%s", (int)(lists - world_ruleset), world_ruleset,
             feature, lists);
    reload(text, at_ms);
}

static int64_t from_of(const char *name)
{
    struct snapshot *s = snapshot_current(w.snapshots);
    int64_t from_ms = 0;
    for (int i = 0; i < s->features.n_features; i++)
        if (span_is(s->features.features[i].name, name))
            from_ms = covered_from_ms(s, i);
    snapshot_unref(s);
    return from_ms;
}

static void what_was_there_from_the_start_is_covered(void **state)
{
    (void)state;
    world_score(&w, world_txn("t-1", 0));
    assert_false(world_says(&w, "\"covered\""));
    assert_int_equal(from_of("account_tx_count_1d"), COVERAGE_ALWAYS);
}

static void a_feature_of_a_new_key_is_bounded_until_its_window_is_covered(void **state)
{
    (void)state;
    world_score(&w, world_txn("t-1", 0));
    reload_with("extra: {by: country, aggregate: count, windows: [1h]}", MINUTE_MS);
    const char *body = "{\"transaction_id\":\"t-2\",\"account_id\":\"a-1\",\"amount\":1,"
                       "\"timestamp\":\"2026-01-05T12:02:00Z\",\"country\":\"BE\"}";
    world_score(&w, body);
    assert_true(
        world_says(&w, "\"extra_1h\":{\"value\":1,\"exact\":false,\"lo\":1,\"covered\":false}"));
    assert_true(world_says(&w, "\"score\":1,"));
    /* as late as its first transactions may be ahead of the clock, and its window behind that */
    body = "{\"transaction_id\":\"t-3\",\"account_id\":\"a-1\",\"amount\":1,"
           "\"timestamp\":\"2026-01-05T13:10:59.998Z\",\"country\":\"BE\"}";
    world_score(&w, body);
    assert_true(world_says(&w, "\"covered\":false"));
    body = "{\"transaction_id\":\"t-4\",\"account_id\":\"a-1\",\"amount\":1,"
           "\"timestamp\":\"2026-01-05T13:11:00Z\",\"country\":\"BE\"}";
    world_score(&w, body);
    assert_true(world_says(&w, "\"extra_1h\":{\"value\":2,\"exact\":true}"));
    assert_true(world_says(&w, "\"score\":15,"));
}

static void a_bound_that_decides_a_rule_decides_it(void **state)
{
    (void)state;
    reload_with("extra: {by: country, aggregate: count, windows: [1h]}", 0);
    for (int i = 0; i < 3; i++) {
        char body[256];
        snprintf(body, sizeof body,
                 "{\"transaction_id\":\"t-%d\",\"account_id\":\"a-1\",\"amount\":1,"
                 "\"timestamp\":\"2026-01-05T12:02:00Z\",\"country\":\"BE\"}",
                 i);
        world_score(&w, body);
    }
    assert_true(world_says(&w, "\"rule\":\"often\",\"result\":\"fired\""));
    assert_true(world_says(&w, "\"rule\":\"seldom\",\"result\":\"error\",\"error\":\"inexact\""));
}

static void a_filter_and_labels_that_are_added_are_not_covered_at_once(void **state)
{
    (void)state;
    world_score(&w, world_txn("t-1", 0));
    reload_with("extra: {by: account_id, aggregate: count, windows: [1h], where: amount > 1.0}", 0);
    world_score(&w, world_txn("t-2", 1));
    assert_true(
        world_says(&w, "\"extra_1h\":{\"value\":1,\"exact\":false,\"lo\":1,\"covered\":false}"));
    reload_with("extra: {by: account_id, aggregate: reversal_count, windows: [1h]}", 0);
    world_score(&w, world_txn("t-3", 2));
    assert_true(
        world_says(&w, "\"extra_1h\":{\"value\":0,\"exact\":false,\"lo\":0,\"covered\":false}"));
}

/* The ruleset with a derived `risk` that reads another one, and features of both kinds over it. */
static void reload_with_risk(const char *base, const char *risk, int64_t at_ms)
{
    static char text[8192];
    const char *features = strstr(world_ruleset, "features:\n") + strlen("features:\n");
    snprintf(text, sizeof text,
             "%.*s  base: '%s'\n  risk: '%s'\n"
             "features:\n"
             "  spent: {by: account_id, aggregate: sum, of: risk, windows: [1h]}\n"
             "  high: {by: account_id, aggregate: count, windows: [1h], where: risk > 2.0}\n"
             "  plain: {by: account_id, aggregate: sum, of: amount, windows: [1h]}\n"
             "  extra: {by: account_id, aggregate: count, windows: [1h]}\n%s",
             (int)(features - world_ruleset) - (int)strlen("features:\n"), world_ruleset, base,
             risk, features);
    reload(text, at_ms);
}

static void a_derived_name_that_means_something_else_is_another_column_and_filter(void **state)
{
    (void)state;
    static const char *const ways[][2] = {{"double(amount)", "base * 3.0"},
                                          {"double(amount) * 0.5", "base * 3.0"}};
    int64_t plain_ms = 0;
    world_score(&w, world_txn("t-1", 0));
    reload_with_risk("double(amount)", "base * 2.0", 0);
    world_score(&w, world_txn("t-2", 1));
    int64_t first_ms = from_of("spent_1h");
    assert_true(first_ms > START_MS);
    reload_with_risk("double(amount)", "base * 2.0", HOUR_MS); /* nothing is new */
    assert_int_equal(from_of("spent_1h"), first_ms);
    assert_int_equal(from_of("high_1h"), first_ms);
    plain_ms = from_of("plain_1h");
    for (int i = 0; i < 2; i++) { /* itself, and what it reads */
        reload_with_risk(ways[i][0], ways[i][1], (2 + i) * HOUR_MS);
        assert_int_equal(from_of("spent_1h"), first_ms + (2 + i) * HOUR_MS);
        assert_int_equal(from_of("high_1h"), first_ms + (2 + i) * HOUR_MS);
        assert_int_equal(from_of("plain_1h"), plain_ms);
    }
}

static void a_shorter_window_of_what_is_there_is_covered_at_once(void **state)
{
    (void)state;
    world_score(&w, world_txn("t-1", 0));
    reload_with("extra: {by: account_id, aggregate: count, windows: [1h]}", MINUTE_MS);
    world_score(&w, world_txn("t-2", 2 * MINUTE_MS));
    assert_true(world_says(&w, "\"extra_1h\":{\"value\":2,\"exact\":true}"));
}

static void a_longer_one_only_once_it_is_long_since(void **state)
{
    (void)state;
    world_score(&w, world_txn("t-1", 0));
    reload_with("extra: {by: account_id, aggregate: count, windows: [1h, 40d]}", MINUTE_MS);
    assert_int_equal(from_of("extra_1h"), COVERAGE_ALWAYS);
    assert_int_equal(from_of("extra_40d"), START_MS + MINUTE_MS + COVERED_SKEW_MS);
}

static void a_field_that_is_not_there_is_missing_and_no_bound(void **state)
{
    (void)state;
    reload_with("extra: {by: country, aggregate: count, windows: [1h]}", 0);
    world_score(&w, world_txn("t-1", 0));
    assert_true(world_says(&w, "\"extra_1h\":{\"value\":null,\"exact\":true,\"covered\":false}"));
}

static void a_snapshot_that_is_loaded_later_learns_it_from_the_state(void **state)
{
    (void)state;
    reload_with("extra: {by: country, aggregate: count, windows: [1h]}", MINUTE_MS);
    world_score(&w, world_txn("t-1", 2 * MINUTE_MS));
    /* another process: the same table, and a ruleset that nothing went before */
    struct snapshot_options options = {.exact_events = 256, .now_ms = START_MS + HOUR_MS};
    struct snapshot *fresh;
    assert_int_equal(snapshot_load(w.ruleset, &options, &w.diags, &fresh), ST_OK);
    struct snapshot_slot *slot = snapshot_slot_new(fresh);
    struct engine other = w.engine;
    other.snapshots = slot;
    engine_open(&other);
    struct engine mine = w.engine;
    w.engine = other;
    world_score(&w, world_txn("t-2", 2 * MINUTE_MS));
    int last = fresh->features.n_features - 1;
    assert_int_equal(covered_from_ms(fresh, last), START_MS + MINUTE_MS + COVERED_SKEW_MS);
    assert_int_equal(covered_from_ms(fresh, 0), COVERAGE_ALWAYS);
    other = w.engine;
    w.engine = mine;
    engine_close(&other);
    snapshot_slot_free(slot);
}

static void what_is_taken_out_and_put_back_begins_anew(void **state)
{
    (void)state;
    reload_with("extra: {by: country, aggregate: count, windows: [1h]}", 0);
    world_score(&w, world_txn("t-1", MINUTE_MS));
    reload_with("other: {by: account_id, aggregate: count, windows: [1h]}\n"
                "  extra: {by: account_id, aggregate: count, windows: [1h]}",
                HOUR_MS);
    world_score(&w, world_txn("t-2", HOUR_MS));
    reload_with("extra: {by: country, aggregate: count, windows: [1h]}", 2 * HOUR_MS);
    assert_int_equal(from_of("extra_1h"), START_MS + 2 * HOUR_MS + COVERED_SKEW_MS);
}

/* What stands in the state, put there by another instance. */
static void stands_then(const char *stands, bool differs, const char *name, int64_t from_ms)
{
    static char room[COVERAGE_TEXT_MAX];
    struct text out;
    struct snapshot *s = snapshot_current(w.snapshots);
    text_init(&out, room, sizeof room);
    assert_int_equal(covered_take(s, span_str(stands), START_MS, &out), differs);
    if (differs)
        covered_told(s);
    assert_int_equal(from_of(name), from_ms);
    snapshot_unref(s);
}

static void once_told_the_state_is_believed_and_what_it_lacks_is_told_again(void **state)
{
    (void)state;
    static char room[COVERAGE_TEXT_MAX], filled[COVERAGE_TEXT_MAX];
    struct text out;
    reload_with("extra: {by: country, aggregate: count, windows: [1h]}", 0);
    struct snapshot *s = snapshot_current(w.snapshots);
    text_init(&out, room, sizeof room);
    assert_true(covered_take(s, span_of(NULL, 0), START_MS, &out));
    covered_told(s);
    snapshot_unref(s);
    char *copy = filled;
    snprintf(copy, sizeof filled, "%.*s", SPAN_ARG(text_span(&out)));
    stands_then(filled, false, "extra_1h", START_MS + COVERED_SKEW_MS);
    /* filled in by another: keep 3600000 FROM, of the last key */
    char *keep = strstr(strstr(filled, "key country"), "keep 3600000 ");
    snprintf(keep, 64, "keep 3600000 7\n");
    stands_then(filled, false, "extra_1h", 7);
    *strstr(filled, "key country") = '\0';
    stands_then(filled, true, "extra_1h", START_MS + COVERED_SKEW_MS);
}

/* What another instance has put there besides ours, that would count from `from_ms` on. */
static void besides_ours(int64_t from_ms, const char *what, bool goes)
{
    static char room[COVERAGE_TEXT_MAX], more[COVERAGE_TEXT_MAX];
    struct text out;
    struct snapshot *s = snapshot_current(w.snapshots);
    text_init(&out, room, sizeof room);
    (void)covered_take(s, span_of(NULL, 0), START_MS, &out);
    covered_told(s);
    text_char(&out, '\0');
    snprintf(more, sizeof more, what, room, (long long)from_ms);
    text_init(&out, room, sizeof room);
    assert_int_equal(covered_take(s, span_str(more), START_MS, &out), goes);
    if (goes)
        assert_false(span_eq(text_span(&out), span_str(more)));
    assert_int_equal(from_of("account_tx_count_1d"), COVERAGE_ALWAYS);
    snapshot_unref(s);
}

static void what_others_write_and_we_do_not_goes_before_it_counts(void **state)
{
    (void)state;
    static const char *const texts[] = {"%skey country\nkeep 3600000 %lld\n",
                                        "%sitem %lld filter 0011223344556677\n",
                                        "%skeep 9999999999999 %lld\n"};
    for (int i = 0; i < 3; i++) {
        besides_ours(START_MS + COVERED_SKEW_MS, texts[i], false);
        besides_ours(START_MS + MINUTE_MS, texts[i], true);
        besides_ours(COVERAGE_ALWAYS, texts[i], true);
    }
}

static void a_text_that_cannot_be_read_names_nothing(void **state)
{
    (void)state;
    stands_then("coverage 2\n", true, "account_tx_count_1d", START_MS + COVERED_SKEW_MS);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(what_was_there_from_the_start_is_covered),
        TEST(a_feature_of_a_new_key_is_bounded_until_its_window_is_covered),
        TEST(a_bound_that_decides_a_rule_decides_it),
        TEST(a_filter_and_labels_that_are_added_are_not_covered_at_once),
        TEST(a_derived_name_that_means_something_else_is_another_column_and_filter),
        TEST(a_shorter_window_of_what_is_there_is_covered_at_once),
        TEST(a_longer_one_only_once_it_is_long_since),
        TEST(a_field_that_is_not_there_is_missing_and_no_bound),
        TEST(a_snapshot_that_is_loaded_later_learns_it_from_the_state),
        TEST(what_is_taken_out_and_put_back_begins_anew),
        TEST(what_others_write_and_we_do_not_goes_before_it_counts),
        TEST(a_text_that_cannot_be_read_names_nothing),
        TEST(once_told_the_state_is_believed_and_what_it_lacks_is_told_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
