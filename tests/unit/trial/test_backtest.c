/* Two rulesets over one history: the same numbers however it is run, labels known as of their time,
 * and only what is asked for is measured. */
#include "service/trial/backtest.h"

#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define LARGE(id, limit) \
    "rules:\n  - {id: " id ", when: amount > " limit ", score: 80, mode: live}\n"

static const char plain[] = "schema:\n"
                            "  transaction_id: {type: string, required: true}\n"
                            "  account_id: {type: string, required: true}\n"
                            "  amount: {type: decimal, required: true}\n"
                            "  timestamp: {type: timestamp, required: true}\n"
                            "features:\n"
                            "  frauds: {by: account_id, aggregate: fraud_count, windows: [30d]}\n"
                            "flag_at: 70\n"
                            "rules: [rules.yaml]\n";

struct bed {
    struct world base, next;
    struct snapshot *baseline, *candidate;
    FILE *events;
    struct backtest_options o;
    struct backtest_result r;
    int patience;
};

static void open_both(struct bed *b, const char *base, const char *base_rules, const char *ruleset,
                      const char *rules)
{
    world_open(&b->base, base, base_rules, NULL);
    world_open(&b->next, ruleset, rules, NULL);
    b->baseline = snapshot_current(b->base.snapshots);
    b->candidate = snapshot_current(b->next.snapshots);
    b->events = tmpfile();
    assert_non_null(b->events);
    b->o =
        (struct backtest_options){.candidate = b->candidate,
                                  .baseline = b->baseline,
                                  .engine = {.dedupe_for_ms = 172800000, .label_wait_ms = 86400000},
                                  .events_fd = fileno(b->events),
                                  .from_ms = INT64_MIN,
                                  .to_ms = INT64_MAX};
}

static void open_worlds(struct bed *b, const char *ruleset, const char *rules)
{
    open_both(b, plain, LARGE("over-100", "100.0"), ruleset, rules);
}

static void close_both(struct bed *b)
{
    backtest_fini(&b->r);
    snapshot_unref(b->baseline);
    snapshot_unref(b->candidate);
    fclose(b->events);
    world_close(&b->base);
    world_close(&b->next);
}

static int open_bed(void **state)
{
    *state = calloc(1, sizeof(struct bed));
    return *state == NULL;
}

static int close_bed(void **state)
{
    close_both(*state);
    free(*state);
    return 0;
}

static void put_txn(struct bed *b, int i, int amount)
{
    fprintf(b->events,
            "{\"transaction_id\":\"t-%d\",\"account_id\":\"a-1\",\"amount\":%d,"
            "\"timestamp\":\"2026-01-%02dT12:00:00Z\"}\n",
            i, amount, 1 + i);
}

static void put_label(struct bed *b, int i, const char *outcome, int day)
{
    fprintf(b->events,
            "{\"kind\":\"label\",\"transaction_id\":\"t-%d\",\"outcome\":\"%s\","
            "\"timestamp\":\"2026-01-%02dT18:00:00Z\"}\n",
            i, outcome, day);
}

/* Ten days, a transaction each of 50, 100, ... 500; t-1 and t-6 are fraud, known two days later. */
static void put_history(struct bed *b)
{
    for (int i = 0; i < 10; i++) {
        put_txn(b, i, 50 * (i + 1));
        if (i == 3 || i == 8)
            put_label(b, i - 2, "fraud", i + 1);
    }
}

static void run(struct bed *b)
{
    fflush(b->events);
    assert_int_equal(backtest_run(&b->o, &b->r), ST_OK);
}

static void rulesets_that_observe_alike_are_observed_once(void **state)
{
    struct bed *b = *state;
    open_worlds(b, plain, LARGE("over-300", "300.0"));
    put_history(b);
    run(b);
    assert_true(b->r.observed_once);
    assert_int_equal(b->r.transactions, 10);
    assert_int_equal(b->r.labels, 2);
    assert_int_equal(b->r.baseline.measure.counts.flagged, 8);
    assert_int_equal(b->r.baseline.measure.counts.frauds, 2);
    assert_int_equal(b->r.baseline.measure.counts.caught, 1);
    assert_int_equal(b->r.candidate.measure.counts.flagged, 4);
    assert_int_equal(b->r.candidate.measure.counts.caught, 1);
    assert_int_equal(b->r.overlap.both.transactions, 4);
    assert_int_equal(b->r.overlap.only_b.transactions, 4);
}

static void lists_that_were_changed_otherwise_are_not_observed_at_once(void **state)
{
    static const uint64_t ids[][2] = {{7, 0}, {7, 8}, {7, 7}};
    struct bed *b = *state;
    open_worlds(b, plain, LARGE("over-300", "300.0"));
    put_history(b);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const struct snapshot_lists base = {.id = ids[i][0]}, next = {.id = ids[i][1]};
        b->o.baseline = snapshot_with_lists(b->baseline, &base);
        b->o.candidate = snapshot_with_lists(b->candidate, &next);
        backtest_fini(&b->r);
        run(b);
        assert_int_equal(b->r.observed_once, ids[i][0] == ids[i][1]);
        snapshot_unref(b->o.baseline);
        snapshot_unref(b->o.candidate);
    }
}

/* Features that are the same but for their order, or the definition of a derived name, are filled
 * apart; and whoever is whose, the numbers are of each ruleset's own. */
#define SPENT(derived, features)                         \
    "schema:\n"                                          \
    "  transaction_id: {type: string, required: true}\n" \
    "  account_id: {type: string, required: true}\n"     \
    "  amount: {type: decimal, required: true}\n"        \
    "  timestamp: {type: timestamp, required: true}\n"   \
    "derived:\n  weight: '" derived "'\n"                \
    "features:\n" features "flag_at: 70\nrules: [rules.yaml]\n"
#define SUM "  spent: {by: account_id, aggregate: sum, of: weight, windows: [30d]}\n"
#define COUNT "  count: {by: account_id, aggregate: count, windows: [30d]}\n"

static const char spent_rules[] =
    "rules:\n  - {id: spent, when: spent_30d > 900.0, score: 80, mode: live}\n";

static void features_in_another_order_or_of_a_name_that_means_something_else(void **state)
{
    struct bed *b = *state;
    static const struct {
        const char *ruleset;
        bool once;
        uint64_t flagged; /* of sums 50, 150, 300, 500, 750, 1050, 1400, 1800, 2250, 2750 */
    } nexts[] = {
        {SPENT("double(amount)", SUM COUNT), true, 5},
        {SPENT("double(amount)", COUNT SUM), false, 5},
        {SPENT("double(amount) * 2.0", SUM COUNT), false, 7},
    };
    for (int i = 0; i < 3; i++) {
        open_both(b, SPENT("double(amount)", SUM COUNT), spent_rules, nexts[i].ruleset,
                  spent_rules);
        put_history(b);
        run(b);
        assert_int_equal(b->r.observed_once, nexts[i].once);
        assert_int_equal(b->r.baseline.measure.counts.flagged, 5);
        assert_int_equal(b->r.candidate.measure.counts.flagged, nexts[i].flagged);
        if (i < 2)
            close_both(b);
    }
}

/* The same rules, and a feature more: a pass each. */
static void rulesets_that_do_not_come_to_the_same_numbers(void **state)
{
    struct bed *b = *state;
    open_worlds(b,
                "schema:\n"
                "  transaction_id: {type: string, required: true}\n"
                "  account_id: {type: string, required: true}\n"
                "  amount: {type: decimal, required: true}\n"
                "  timestamp: {type: timestamp, required: true}\n"
                "features:\n"
                "  frauds: {by: account_id, aggregate: fraud_count, windows: [30d]}\n"
                "  n: {by: account_id, aggregate: count, windows: [30d]}\n"
                "flag_at: 70\n"
                "rules: [rules.yaml]\n",
                LARGE("over-300", "300.0"));
    put_history(b);
    run(b);
    assert_false(b->r.observed_once);
    assert_int_equal(b->r.baseline.measure.counts.flagged, 8);
    assert_int_equal(b->r.candidate.measure.counts.flagged, 4);
    assert_int_equal(b->r.candidate.measure.counts.caught, 1);
    assert_int_equal(b->r.candidate.measure.rules[0].fired, 4);
    assert_int_equal(b->r.overlap.both.transactions, 4);
}

static void a_decision_sees_the_labels_known_at_its_time(void **state)
{
    struct bed *b = *state;
    open_worlds(b, plain, "rules:\n  - {id: known, when: frauds_30d > 0, score: 80, mode: live}\n");
    put_history(b); /* known from day 4, behind t-3: so t-4 to t-9 */
    run(b);
    assert_int_equal(b->r.candidate.measure.rules[0].fired, 6);
    assert_int_equal(b->r.candidate.measure.rules[0].frauds, 1);
}

static void what_stands_before_from_fills_the_windows_only(void **state)
{
    struct bed *b = *state;
    open_worlds(b, plain, "rules:\n  - {id: known, when: frauds_30d > 0, score: 80, mode: live}\n");
    put_history(b);
    b->o.from_ms = INT64_C(1767960000000); /* 2026-01-09T12:00:00Z: t-8 and t-9 */
    run(b);
    assert_int_equal(b->r.transactions, 10);
    assert_int_equal(b->r.candidate.measure.counts.transactions, 2);
    assert_int_equal(b->r.candidate.measure.counts.flagged, 2);
    backtest_fini(&b->r);
    b->o.from_ms = INT64_MIN;
    b->o.to_ms = INT64_C(1767960000000);
    run(b);
    assert_int_equal(b->r.candidate.measure.counts.transactions, 8);
    backtest_fini(&b->r);
    b->o.to_ms = INT64_MAX;
    b->o.last_n = 3;
    run(b);
    assert_int_equal(b->r.candidate.measure.counts.transactions, 3);
    assert_int_equal(b->r.baseline.measure.counts.transactions, 3);
    assert_int_equal(b->r.candidate.measure.rules[0].fired, 3);
}

static void note_refused(void *user, uint64_t line, const struct reader_error *error)
{
    (void)error;
    *(uint64_t *)user = line;
}

static void retries_count_once_and_bad_lines_are_told(void **state)
{
    struct bed *b = *state;
    uint64_t line = 0;
    open_worlds(b, plain, LARGE("over-300", "300.0"));
    put_txn(b, 0, 400);
    put_txn(b, 0, 400);
    put_txn(b, 0, 401); /* another body */
    fputs("{]\n", b->events);
    b->o.refused = note_refused;
    b->o.user = &line;
    run(b);
    assert_int_equal(b->r.transactions, 1);
    assert_int_equal(b->r.candidate.measure.counts.flagged, 1);
    assert_int_equal(b->r.baseline.refused, 2);
    assert_int_equal(line, 4);
}

static void nothing_at_all_is_measured_too(void **state)
{
    struct bed *b = *state;
    open_worlds(b, plain, LARGE("over-300", "300.0"));
    run(b);
    assert_int_equal(b->r.candidate.measure.counts.transactions, 0);
    assert_int_equal(b->r.candidate.measure.n_points, 0);
}

static bool give_up(void *user, const struct backtest_progress *p)
{
    (void)user, (void)p;
    return false;
}

static void it_can_be_given_up(void **state)
{
    struct bed *b = *state;
    open_worlds(b, plain, LARGE("over-300", "300.0"));
    for (int i = 0; i < 20000; i++)
        put_txn(b, i % 28, 1);
    fflush(b->events);
    b->o.progress = give_up;
    assert_int_equal(backtest_run(&b->o, &b->r), ST_CONFLICT);
    assert_null(b->r.candidate.measure.rules);
}

/* When all is read, it is asked at every step of both sides. */
static bool give_up_behind(void *user, const struct backtest_progress *p)
{
    struct bed *b = user;
    return p->bytes < p->bytes_all || b->patience-- > 0;
}

static void it_can_be_given_up_while_it_is_measured(void **state)
{
    struct bed *b = *state;
    enum status st = ST_CONFLICT;
    int steps = 0;
    open_worlds(b, plain, LARGE("over-300", "300.0"));
    put_history(b);
    fflush(b->events);
    b->o.progress = give_up_behind;
    b->o.user = b;
    for (; st != ST_OK && steps < 100; steps++) {
        b->patience = steps;
        st = backtest_run(&b->o, &b->r);
        assert_true(st == ST_OK || st == ST_CONFLICT);
    }
    assert_true(steps >= 6 && steps < 100); /* of two sides: labels, truths, counts at least */
}

static void decisions_of_the_candidate_are_written(void **state)
{
    struct bed *b = *state;
    char line[512];
    open_worlds(b, plain, LARGE("over-300", "300.0"));
    put_txn(b, 0, 400);
    b->o.decisions = tmpfile();
    run(b);
    rewind(b->o.decisions);
    assert_non_null(fgets(line, sizeof line, b->o.decisions));
    assert_non_null(strstr(line, "\"transaction_id\":\"t-0\",\"decision\":\"flag\",\"score\":80"));
    assert_non_null(strstr(line, "over-300"));
    assert_null(fgets(line, sizeof line, b->o.decisions));
    fclose(b->o.decisions);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bed, close_bed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rulesets_that_observe_alike_are_observed_once),
        TEST(lists_that_were_changed_otherwise_are_not_observed_at_once),
        TEST(features_in_another_order_or_of_a_name_that_means_something_else),
        TEST(rulesets_that_do_not_come_to_the_same_numbers),
        TEST(a_decision_sees_the_labels_known_at_its_time),
        TEST(what_stands_before_from_fills_the_windows_only),
        TEST(retries_count_once_and_bad_lines_are_told),
        TEST(nothing_at_all_is_measured_too),
        TEST(it_can_be_given_up),
        TEST(it_can_be_given_up_while_it_is_measured),
        TEST(decisions_of_the_candidate_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
