/* One event's way through the engine, over the memory backend: what it is answered, and when. */
#include "service/engine/score.h"

#include "service/engine/decision.h"

#include "tests/unit/engine/world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SECOND = 1000, MINUTE = 60000, DAY = 86400000 };

#if defined(__SANITIZE_ADDRESS__)
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

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

static void a_first_transaction_is_allowed_and_counts_itself(void **state)
{
    struct world *w = *state;
    assert_int_equal(world_score(w, world_txn("t-1", 0)), SCORE_DECIDED);
    assert_false(w->score.flagged);
    assert_false(w->score.replayed);
    assert_false(w->score.degraded);
    assert_true(world_feature(w, "account_tx_count_5m") == 1);
    assert_true(world_feature(w, "account_avg_1d") == 10);
    assert_true(isnan(world_feature(w, "terminal_tx_count_1d")));
}

static void the_decision_is_there_for_who_looks_and_of_a_retry_is_none(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn("t-1", 0));
    world_score(w, world_txn("t-2", 1));
    world_score(w, world_txn("t-3", 2));
    const struct decision *d = score_decision(&w->score);
    assert_true(d->flag && d->score == 80);
    assert_int_equal(d->hits.n_fired, 1);
    assert_int_equal(d->hits.results[0].outcome, RULE_FIRED);
    world_score(w, world_txn("t-3", 2));
    assert_true(w->score.replayed);
    assert_null(score_decision(&w->score));
}

static void the_compact_answer_is_as_documented(void **state)
{
    struct world *w = *state;
    char expected[512];
    struct snapshot *snap = snapshot_current(w->snapshots);
    w->score.intake.detail = DECISION_PLAIN;
    assert_int_equal(world_score(w, world_txn("t-1", 0)), SCORE_DECIDED);
    snprintf(expected, sizeof expected,
             "{\"transaction_id\":\"t-1\",\"decision\":\"allow\",\"score\":0,\"reasons\":[],"
             "\"ruleset\":\"%s\",\"degraded\":[]}",
             snap->id_text);
    assert_string_equal(w->answer, expected);
    world_score(w, world_txn("t-2", 1));
    world_score(w, world_txn("t-3", 2));
    assert_true(w->score.flagged);
    snprintf(expected, sizeof expected,
             "{\"transaction_id\":\"t-3\",\"decision\":\"flag\",\"score\":80,\"reasons\":["
             "{\"rule\":\"burst\",\"title\":\"Burst\",\"score\":80,\"severity\":\"high\","
             "\"reason\":\"3 in 5 minutes\"}],\"ruleset\":\"%s\",\"degraded\":[]}",
             snap->id_text);
    assert_string_equal(w->answer, expected);
    snapshot_unref(snap);
}

static void windows_are_open_at_the_old_edge(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn("t-1", 0));
    world_score(w, world_txn("t-2", 5 * MINUTE - 1));
    assert_true(world_feature(w, "account_tx_count_5m") == 2);
    world_score(w, world_txn("t-3", 5 * MINUTE));
    assert_true(world_feature(w, "account_tx_count_5m") == 2);
    assert_true(world_feature(w, "account_tx_count_1d") == 3);
}

static void a_retry_gets_the_same_bytes_and_changes_nothing(void **state)
{
    struct world *w = *state;
    char first[sizeof w->answer];
    world_score(w, world_txn("t-1", 0));
    strcpy(first, w->answer);
    world_score(w, world_txn("t-2", 1));
    assert_int_equal(world_score(w, world_txn("t-1", 0)), SCORE_DECIDED);
    assert_true(w->score.replayed);
    assert_string_equal(w->answer, first);
    world_score(w, world_txn("t-3", 2));
    assert_true(world_feature(w, "account_tx_count_1d") == 3);
    assert_int_equal(w->engine.stats->replayed, 1);
}

static void a_retry_may_spell_the_body_differently(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn("t-1", 0));
    world_score(w, "{ \"timestamp\":\"2026-01-05T12:00:00Z\", \"amount\":\"10\", "
                   "\"account_id\":\"a-1\",\"transaction_id\":\"t-1\" }");
    assert_int_equal(w->score.kind, SCORE_DECIDED);
    assert_true(w->score.replayed);
}

static void another_body_under_the_same_id_is_a_conflict_and_leaves_no_trace(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn("t-1", 0));
    assert_int_equal(world_score(w, world_txn_of("t-1", "a-2", "m-1", 0)), SCORE_CONFLICT);
    assert_string_equal(w->score.error.pointer, "/transaction_id");
    world_score(w, world_txn_of("t-2", "a-2", "m-1", 1));
    assert_true(world_feature(w, "account_tx_count_1d") == 1);
    assert_true(world_feature(w, "terminal_tx_count_1d") == 1);
    assert_int_equal(w->engine.stats->conflicts, 1);
}

static void after_its_claim_has_expired_the_record_still_says_that_it_came_before(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn("t-1", 0));
    world_score(w, world_txn("t-2", 1));
    w->score.intake.now_ms += INT64_C(31) * DAY; /* remembered for its labels: 30 days */
    assert_int_equal(world_score(w, world_txn("t-1", 0)), SCORE_DECIDED);
    world_score(w, world_txn("t-3", 2));
    assert_true(world_feature(w, "account_tx_count_1d") <= 3);
}

static void the_future_is_refused_at_live_intake_alone(void **state)
{
    struct world *w = *state;
    w->score.intake.historic = false;
    assert_int_equal(world_score(w, world_txn("t-1", 5 * MINUTE)), SCORE_DECIDED);
    assert_int_equal(world_score(w, world_txn("t-2", 5 * MINUTE + 1)), SCORE_REFUSED);
    assert_string_equal(w->score.error.pointer, "/timestamp");
    assert_int_equal(w->score.error.fault, READER_SCHEMA);
    w->score.intake.historic = true;
    assert_int_equal(world_score(w, world_txn("t-2", 5 * MINUTE + 1)), SCORE_DECIDED);
}

static void a_late_one_is_scored_and_counted_and_not_stored(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn("t-1", 0));
    assert_int_equal(world_score(w, world_txn("t-2", -INT64_C(2) * DAY)), SCORE_DECIDED);
    assert_int_equal(w->engine.stats->late, 1);
    world_score(w, world_txn("t-3", 1));
    assert_true(world_feature(w, "account_tx_count_1d") == 2);
}

static void out_of_order_ones_see_what_is_before_them(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn("t-1", 10 * SECOND));
    world_score(w, world_txn("t-2", 5 * SECOND));
    assert_true(world_feature(w, "account_tx_count_1d") == 1);
    world_score(w, world_txn("t-3", 20 * SECOND));
    assert_true(world_feature(w, "account_tx_count_1d") == 3);
}

static void derived_fields_lists_and_filters_work_together(void **state)
{
    struct world *w = *state;
    world_score(w, "{\"transaction_id\":\"t-1\",\"account_id\":\"a-1\",\"amount\":1000.01,"
                   "\"timestamp\":\"2026-01-05T12:00:00Z\",\"country\":\"KP\"}");
    assert_true(w->score.flagged);
    assert_true(world_says(w, "\"score\":30"));
    assert_true(world_feature(w, "account_large_1d") == 1);
    assert_true(world_says(
        w, "{\"rule\":\"watched\",\"result\":\"fired\",\"values\":{\"country\":\"KP\"}}"));
    world_score(w, world_txn("t-2", 1));
    assert_false(w->score.flagged);
    assert_true(world_feature(w, "account_large_1d") == 1);
    assert_true(world_says(w, "{\"rule\":\"watched\",\"result\":\"missing\","
                              "\"missing\":\"country\",\"values\":{\"country\":null}}"));
}

static void a_shadow_rule_is_shown_and_counts_nowhere(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn("t-1", INT64_C(14) * 60 * MINUTE)); /* 02:00 */
    assert_false(w->score.flagged);
    assert_true(world_says(w, "\"score\":0,\"reasons\":[],\"shadow\":[{\"rule\":\"night\""));
}

/* As many accounts of 1,000 are in; *ret_held: for as many the rule is told as shadow. */
static int live_of_a_thousand(struct world *w, int *ret_held)
{
    int live = 0;
    *ret_held = 0;
    for (int i = 0; i < 1000; i++) {
        char id[32], account[32];
        snprintf(id, sizeof id, "t-%d", i);
        snprintf(account, sizeof account, "a-%d", i);
        world_score(w, world_txn_of(id, account, "m-1", i));
        live += w->score.flagged;
        *ret_held += world_says(w, "\"score\":0,\"reasons\":[],\"shadow\":[{\"rule\":\"all\"");
    }
    return live;
}

static void a_rollout_is_live_for_its_accounts_and_shadow_for_the_others(void **state)
{
    struct world w;
    int held, live;
    (void)state;
    world_open(&w, world_ruleset,
               "rules:\n  - {id: all, when: amount > 1.0, score: 100, rollout: 30%}\n", NULL);
    live = live_of_a_thousand(&w, &held);
    assert_in_range(live, 250, 350);
    assert_int_equal(live + held, 1000);
    assert_int_equal(w.engine.stats->fired[0], live);
    assert_int_equal(w.engine.stats->held[0], held);
    world_close(&w);
}

static void what_the_reader_refuses_is_refused(void **state)
{
    struct world *w = *state;
    assert_int_equal(world_score(w, "{"), SCORE_REFUSED);
    assert_int_equal(w->score.error.fault, READER_NOT_JSON);
    assert_int_equal(world_score(w, "{\"transaction_id\":\"t-1\"}"), SCORE_REFUSED);
    assert_int_equal(w->score.error.fault, READER_SCHEMA);
    assert_int_equal(w->engine.stats->refused, 2);
}

static void a_kind_that_may_not_come_this_way_is_refused(void **state)
{
    struct world *w = *state;
    w->score.intake.labels_allowed = false;
    assert_int_equal(world_score(w, world_label("t-1", "fraud", 0)), SCORE_REFUSED);
    w->score.intake.labels_allowed = true;
    w->score.intake.transactions_allowed = false;
    assert_int_equal(world_score(w, world_txn("t-1", 0)), SCORE_REFUSED);
    assert_string_equal(w->score.error.pointer, "/kind");
}

static void a_kind_that_does_not_belong_is_told_before_what_else_is_wrong(void **state)
{
#define TO_SCORE "transactions go to /v1/score or a batch; a label says \"kind\":\"label\""
#define TO_LABELS "labels go to /v1/labels or a batch"
    static const struct {
        bool labels;
        const char *body, *pointer, *detail;
    } cases[] = {
        {true, "{\"transaction_id\":\"t-1\",\"outcome\":\"fraud\"}", "/kind",
         "is missing; write \"kind\":\"label\""},
        {true, "{\"transaction_id\":1}", "/kind", "is missing; write \"kind\":\"label\""},
        {true, "{\"kind\":\"transaction\",\"outcome\":\"fraud\"}", "/kind", TO_SCORE},
        {true, "{\"kind\":\"refund\"}", "/kind", "must be \"transaction\" or \"label\""},
        {true, "{\"kind\":\"label\"}", "/transaction_id", "the field transaction_id is missing"},
        {true, "{\"4111111111111111\":1}", "", "has a key that looks like a card number"},
        {false, "{\"kind\":\"label\"}", "/kind", TO_LABELS},
        {false, "{\"outcome\":\"fraud\"}", "/transaction_id",
         "the field transaction_id is missing"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        w->score.intake.labels_allowed = cases[i].labels;
        w->score.intake.transactions_allowed = !cases[i].labels;
        assert_int_equal(world_score(w, cases[i].body), SCORE_REFUSED);
        assert_string_equal(w->score.error.pointer, cases[i].pointer);
        assert_string_equal(w->score.error.detail, cases[i].detail);
    }
}

/* With `n` keys that have to be unescaped, and so take room a second time. */
static const char *large_body(int id, int n)
{
    static char body[READER_BODY_MAX + 1];
    size_t at = (size_t)snprintf(body, sizeof body,
                                 "{\"transaction_id\":\"t-%d\",\"account_id\":\"a-1\",\"amount\":1,"
                                 "\"timestamp\":\"2026-01-05T12:00:00Z\"",
                                 id);
    for (int i = 0; i < n; i++)
        at += (size_t)snprintf(body + at, sizeof body - at, ",\"%0120d\\n\":0", i);
    snprintf(body + at, sizeof body - at, "}");
    return body;
}

/* All fire; their scores add up to the account's count. */
static const char *as_many_rules_as_there_may_be(void)
{
    static char yaml[RULES_MAX * 64];
    size_t at = (size_t)snprintf(yaml, sizeof yaml, "rules:\n");
    for (int i = 0; i < RULES_MAX; i++)
        at += (size_t)snprintf(yaml + at, sizeof yaml - at,
                               "  - {id: r%d, when: 'true', score: %s}\n", i,
                               i == 0 ? "account_tx_count_5m" : "0");
    return yaml;
}

static void an_event_without_room_to_decide_is_refused_and_leaves_no_trace(void **state)
{
    struct world w;
    int n_decided = 0, n_refused = 0;
    char score[32];
    (void)state;
    world_open(&w, world_ruleset, as_many_rules_as_there_may_be(), NULL);
    for (int n = 10; n < 500; n += 10) {
        enum score_answer kind = world_score(&w, large_body(n, n));
        n_decided += kind == SCORE_DECIDED;
        n_refused += kind == SCORE_REFUSED && w.score.error.fault == READER_TOO_LARGE;
    }
    assert_true(n_decided > 0 && n_refused > 0);
    assert_int_equal(n_decided + n_refused, 49);
    assert_int_equal(world_score(&w, world_txn("last", 1)), SCORE_DECIDED);
    snprintf(score, sizeof score, ",\"score\":%d,", n_decided + 1);
    assert_true(world_says(&w, score));
    world_close(&w);
}

#define DIGITS "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
/* 1,000 texts of a kilobyte, 1 KB of them in the source. */
#define TOO_LARGE \
    "size(" DIGITS ".map(x, " DIGITS ".map(y, " DIGITS ".map(z, account_id + '%01000d')))) > 0"

static void an_expression_over_its_room_is_an_error_of_its_own(void **state)
{
    static char ruleset[8 << 10];
    struct world w;
    (void)state;
    snprintf(ruleset, sizeof ruleset,
             "schema:\n"
             "  transaction_id: {type: string, required: true}\n"
             "  account_id: {type: string, required: true}\n"
             "  amount: {type: decimal, required: true}\n"
             "  timestamp: {type: timestamp, required: true}\n"
             "derived:\n"
             "  too_large: \"" TOO_LARGE "\"\n"
             "  is_small: amount < 100.0\n"
             "features:\n"
             "  large: {by: account_id, aggregate: count, windows: [1d], where: \"" TOO_LARGE
             "\"}\n"
             "  small: {by: account_id, aggregate: count, windows: [1d], where: is_small}\n"
             "flag_at: 70\n"
             "rules: [rules.yaml]\n",
             0, 0);
    world_open(&w, ruleset,
               "rules:\n"
               "  - {id: a, when: too_large, score: 1}\n"
               "  - {id: b, when: is_small && large_1d == 0, score: small_1d}\n",
               NULL);
    assert_int_equal(world_score(&w, world_txn("t-1", 0)), SCORE_DECIDED);
    assert_true(world_says(&w, "\"score\":1,"));
    assert_true(world_says(&w, "\"error\":\"over the limit of steps or room"));
    w.score.intake.detail = DECISION_PLAIN;
    assert_int_equal(world_score(&w, world_txn("t-2", 1)), SCORE_DECIDED);
    assert_true(world_says(&w, "\"score\":2,"));
    world_close(&w);
}

static void derived_texts_lists_and_maps_outlive_their_making(void **state)
{
    struct world w;
    (void)state;
    world_open(
        &w,
        "schema:\n"
        "  transaction_id: {type: string, required: true}\n"
        "  account_id: {type: string, required: true}\n"
        "  amount: {type: decimal, required: true}\n"
        "  timestamp: {type: timestamp, required: true}\n"
        "derived:\n"
        "  twice: account_id + '/' + account_id\n"
        "  both: \"[twice, account_id + '!', '']\"\n"
        "  named: \"{'both': both, 'none': [], 'nothing': {}, 'n' + 'ew': twice + '?'}\"\n"
        "features:\n"
        "  count: {by: account_id, aggregate: count, windows: [1d], where: size(twice) == 7}\n"
        "flag_at: 70\n"
        "rules: [rules.yaml]\n",
        "rules:\n"
        "  - {id: a, when: 'true', score: 1, reason: '{twice} {both} {named}'}\n",
        NULL);
    assert_int_equal(world_score(&w, world_txn("t-1", 0)), SCORE_DECIDED);
    assert_true(world_says(&w, "\"a-1/a-1 [a-1/a-1, a-1!, ] {both: [a-1/a-1, a-1!, ], none: [], "
                               "nothing: {}, new: a-1/a-1?}\""));
    assert_true(world_feature(&w, "count_1d") == 1);
    world_close(&w);
}

static void a_busy_entity_is_folded_and_stays_counted(void **state)
{
    struct world *w = *state;
    char id[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(id, sizeof id, "t-%d", i);
        assert_int_equal(world_score(w, world_txn(id, (int64_t)i * SECOND)), SCORE_DECIDED);
    }
    assert_true(world_feature(w, "account_tx_count_1d") == 1000);
    assert_true(w->engine.stats->folds > 0);
    assert_int_equal(w->engine.stats->corrupt, 0);
}

static void nothing_is_allocated_from_start_to_done(void **state)
{
#if defined(__SANITIZE_ADDRESS__)
    struct world *w = *state;
    char id[32];
    for (int i = 0; i < 40; i++) { /* the table has grown by then */
        snprintf(id, sizeof id, "t-%d", i);
        world_score(w, world_txn(id, i));
    }
    size_t before = __sanitizer_get_current_allocated_bytes();
    for (int i = 40; i < 50; i++) {
        snprintf(id, sizeof id, "t-%d", i);
        world_score(w, world_txn(id, i));
    }
    assert_int_equal(__sanitizer_get_current_allocated_bytes(), before);
#else
    (void)state;
    skip();
#endif
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(a_first_transaction_is_allowed_and_counts_itself),
        TEST(the_decision_is_there_for_who_looks_and_of_a_retry_is_none),
        TEST(the_compact_answer_is_as_documented),
        TEST(windows_are_open_at_the_old_edge),
        TEST(a_retry_gets_the_same_bytes_and_changes_nothing),
        TEST(a_retry_may_spell_the_body_differently),
        TEST(another_body_under_the_same_id_is_a_conflict_and_leaves_no_trace),
        TEST(after_its_claim_has_expired_the_record_still_says_that_it_came_before),
        TEST(the_future_is_refused_at_live_intake_alone),
        TEST(a_late_one_is_scored_and_counted_and_not_stored),
        TEST(out_of_order_ones_see_what_is_before_them),
        TEST(derived_fields_lists_and_filters_work_together),
        TEST(a_shadow_rule_is_shown_and_counts_nowhere),
        cmocka_unit_test(a_rollout_is_live_for_its_accounts_and_shadow_for_the_others),
        TEST(what_the_reader_refuses_is_refused),
        TEST(a_kind_that_may_not_come_this_way_is_refused),
        TEST(a_kind_that_does_not_belong_is_told_before_what_else_is_wrong),
        TEST(an_event_without_room_to_decide_is_refused_and_leaves_no_trace),
        TEST(an_expression_over_its_room_is_an_error_of_its_own),
        TEST(derived_texts_lists_and_maps_outlive_their_making),
        TEST(a_busy_entity_is_folded_and_stays_counted),
        TEST(nothing_is_allocated_from_start_to_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
