/* A candidate at the gate: judged over the journal's last transactions, refused beyond a bound. */
#include "service/trial/gate.h"

#include "tests/unit/engine/world.h"
#include "tests/unit/state/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OVER(limit) "rules:\n  - {id: over, when: amount > " limit ", score: 80}\n"

static const char ruleset[] = "schema:\n"
                              "  transaction_id: {type: string, required: true}\n"
                              "  account_id: {type: string, required: true}\n"
                              "  amount: {type: decimal, required: true}\n"
                              "  timestamp: {type: timestamp, required: true}\n"
                              "flag_at: 70\n"
                              "rules: [rules.yaml]\n";

struct bed {
    struct world active, next;
    struct snapshot *now, *candidate;
    char journal[SCRATCH_PATH_BYTES];
    struct gate_options o;
    struct gate_finding finding;
    struct gate_rates predicted;
};

static int open_bed(void **state)
{
    struct bed *b = calloc(1, sizeof *b);
    scratch_make(b->journal);
    b->o = (struct gate_options){.journal_dir = b->journal,
                                 .spool_dir = "/tmp",
                                 .engine = {.dedupe_for_ms = 1000, .label_wait_ms = 1000},
                                 .events = 400,
                                 .history = 100,
                                 .flag_rate_change = 0.04,
                                 .rule_rate_change = 0.04,
                                 .floor = 2};
    *state = b;
    return 0;
}

static int close_bed(void **state)
{
    struct bed *b = *state;
    snapshot_unref(b->now);
    snapshot_unref(b->candidate);
    world_close(&b->active);
    world_close(&b->next);
    scratch_remove(b->journal);
    free(b);
    return 0;
}

/* Of each hundred transactions of amounts 0 to 99: the journal has `n` of them. */
static void accept_some_by(struct bed *b, const char *rules, int n)
{
    struct journal *j;
    struct journal_opened opened;
    struct journal_options o = {.dir = b->journal, .fsync = JOURNAL_NO};
    char why[JOURNAL_WHY_BYTES], body[256];
    assert_int_equal(journal_open(&o, &j, &opened, why), ST_OK);
    world_open(&b->active, ruleset, rules, j);
    b->active.score.intake = (struct score_intake){
        .now_ms = INT64_C(1767614400000), .historic = true, .transactions_allowed = true};
    for (int i = 0; i < n; i++) {
        snprintf(body, sizeof body,
                 "{\"transaction_id\":\"t-%d\",\"account_id\":\"a-1\",\"amount\":%d,"
                 "\"timestamp\":\"2026-01-05T12:%02d:%02dZ\"}",
                 i, i % 100, i / 60, i % 60);
        assert_int_equal(world_score(&b->active, body), SCORE_DECIDED);
    }
    b->now = snapshot_current(b->active.snapshots);
    world_close(&b->active);
    journal_close(j);
    world_open(&b->active, ruleset, rules, NULL);
}

static void accept_some(struct bed *b, int n)
{
    accept_some_by(b, OVER("59.5"), n);
}

static enum status judge(struct bed *b, const char *rules)
{
    world_open(&b->next, ruleset, rules, NULL);
    b->candidate = snapshot_current(b->next.snapshots);
    return gate_judge(&b->o, b->now, b->candidate, &b->finding, &b->predicted);
}

static void one_that_flags_five_percent_more_is_refused_at_a_bound_of_four(void **state)
{
    struct bed *b = *state;
    accept_some(b, 600);
    assert_int_equal(judge(b, OVER("57.5")), ST_CONFLICT); /* 42 of each hundred, for 40 */
    assert_true(b->finding.is_judged && b->finding.is_refused);
    assert_int_equal(b->finding.flags.before, 160);
    assert_int_equal(b->finding.flags.after, 168);
    assert_int_equal(b->finding.n_beyond, 2);
    assert_string_equal(b->finding.words,
                        "flags 42.0 % of the last 400 transactions, the running ruleset 40.0 %: "
                        "+5 %, the bound is 4 %; beyond its bound is also rule over (+5 %)");
}

/* Rules r-0 to r-(n-1), the i-th of which fires on amounts over 90 - `step` * i. */
static const char *many_rules(int n, int step, char out[4096])
{
    size_t len = (size_t)snprintf(out, 4096, "rules:\n");
    for (int i = 0; i < n; i++)
        len +=
            (size_t)snprintf(out + len, 4096 - len,
                             "  - {id: r-%d, when: amount > %d.5, score: 1}\n", i, 90 - step * i);
    return out;
}

static void what_else_is_beyond_is_named_what_moved_most_first_and_then_counted(void **state)
{
    static const struct {
        int n;
        const char *words;
    } cases[] = {
        {3, "rule r-2 fires on 13.0 % of the last 400 transactions, the running ruleset's on "
            "9.0 %: +44.4 %, the bound is 4 %; beyond its bound is also rule r-1 (+22.2 %)"},
        {4, "rule r-3 fires on 15.0 % of the last 400 transactions, the running ruleset's on "
            "9.0 %: +66.7 %, the bound is 4 %; beyond their bounds are also rule r-2 (+44.4 %), "
            "rule r-1 (+22.2 %)"},
        {12, "rule r-11 fires on 31.0 % of the last 400 transactions, the running ruleset's on "
             "9.0 %: +244 %, the bound is 4 %; beyond their bounds are also rule r-10 (+222 %), "
             "rule r-9 (+200 %), rule r-8 (+178 %), rule r-7 (+156 %), rule r-6 (+133 %), "
             "rule r-5 (+111 %), rule r-4 (+88.9 %), rule r-3 (+66.7 %) and 2 more"},
    };
    struct bed *b = *state;
    char before[4096], after[4096];
    for (int i = 0; i < 3; i++) {
        accept_some_by(b, many_rules(12, 0, before), 600);
        assert_int_equal(judge(b, many_rules(cases[i].n, 2, after)), ST_CONFLICT);
        assert_int_equal(b->finding.n_beyond, cases[i].n - 1);
        assert_string_equal(b->finding.words, cases[i].words);
        if (i < 2) {
            close_bed((void **)&b);
            open_bed((void **)&b);
        }
    }
    *state = b;
}

static void one_behind_a_forced_ruleset_is_told_the_ways(void **state)
{
    struct bed *b = *state;
    accept_some(b, 600);
    b->now->was_forced = true;
    assert_int_equal(judge(b, OVER("89.5")), ST_CONFLICT);
    assert_non_null(strstr(b->finding.words,
                           "; the running ruleset was itself forced past the gate: roll back to "
                           "the one before it, or force this one, too"));
}

static void the_same_one_passes_at_a_bound_of_six_and_is_predicted(void **state)
{
    struct bed *b = *state;
    accept_some(b, 600);
    b->o.flag_rate_change = b->o.rule_rate_change = 0.06;
    assert_int_equal(judge(b, OVER("57.5")), ST_OK);
    assert_true(b->finding.is_judged && !b->finding.is_refused);
    assert_string_equal(b->finding.words, "flags 42.0 % of the last 400 transactions, the running "
                                          "ruleset 40.0 %: +5 %, the bound is 6 %");
    assert_true(b->predicted.ruleset == b->candidate->id);
    assert_int_equal(b->predicted.transactions, 400);
    assert_int_equal(b->predicted.flagged, 168);
    assert_int_equal(b->predicted.fired[0], 168);
}

static void fewer_transactions_than_the_floor_are_no_change(void **state)
{
    struct bed *b = *state;
    accept_some(b, 600);
    b->o.floor = 8;
    assert_int_equal(judge(b, OVER("57.5")), ST_OK);
}

static void a_rule_that_falls_silent_is_told_by_its_name(void **state)
{
    struct bed *b = *state;
    accept_some(b, 600);
    assert_int_equal(judge(b, "rules:\n  - {id: over, when: amount > 1000.0, score: 80}\n"
                              "  - {id: other, when: amount > 59.5, score: 80}\n"),
                     ST_CONFLICT);
    assert_string_equal(b->finding.words,
                        "rule over fires on 0 % of the last 400 transactions, the running "
                        "ruleset's on 40.0 %: -100 %, the bound is 4 %");
}

static void a_rule_that_is_switched_off_shows_in_the_flag_rate_alone(void **state)
{
    struct bed *b = *state;
    accept_some(b, 600);
    assert_int_equal(judge(b, "rules:\n  - {id: over, when: amount > 59.5, score: 80, mode: off}\n"
                              "  - {id: other, when: amount > 59.5, score: 80}\n"),
                     ST_OK);
}

/* It flags nothing of them, and of little that is no change. */
static void one_whose_schema_takes_less_is_refused(void **state)
{
    struct bed *b = *state;
    char strict[sizeof ruleset + 64];
    accept_some(b, 600);
    snprintf(strict, sizeof strict, "schema:\n  device_id: {type: string, required: true}\n%s",
             ruleset + sizeof "schema:\n" - 1);
    b->o.flag_rate_change = b->o.rule_rate_change = 10;
    world_open(&b->next, strict, OVER("59.5"), NULL);
    b->candidate = snapshot_current(b->next.snapshots);
    assert_int_equal(gate_judge(&b->o, b->now, b->candidate, &b->finding, &b->predicted),
                     ST_CONFLICT);
    assert_string_equal(b->finding.words, "refuses 100.0 % of the last 400 transactions, which "
                                          "were accepted: its schema takes less");
}

/* It fires as often, and decides less: the flag rate says so, the rule's is as it was, and as often
 * is what drift.h then expects of it. */
static void a_rollout_shows_in_the_flag_rate_alone(void **state)
{
    struct bed *b = *state;
    accept_some(b, 600);
    assert_int_equal(judge(b, "rules:\n  - {id: over, when: amount > 59.5, score: 80, "
                              "rollout: 0%}\n"),
                     ST_CONFLICT);
    assert_int_equal(b->finding.n_beyond, 1);
    assert_string_equal(b->finding.words,
                        "flags 0 % of the last 400 transactions, the running ruleset 40.0 %: "
                        "-100 %, the bound is 4 %");
    assert_int_equal(b->predicted.flagged, 0);
    assert_int_equal(b->predicted.fired[0], 160);
}

static void too_little_history_is_not_judged(void **state)
{
    struct bed *b = *state;
    accept_some(b, 99);
    assert_int_equal(judge(b, OVER("1.0")), ST_OK);
    assert_false(b->finding.is_judged);
    assert_string_equal(b->finding.words,
                        "not judged: the journal has 99 transactions, 100 at least are needed");
}

static void without_a_journal_or_events_the_gate_stands_open(void **state)
{
    struct bed *b = *state;
    accept_some(b, 1);
    b->o.journal_dir = "";
    assert_int_equal(judge(b, OVER("1.0")), ST_OK);
    assert_string_equal(b->finding.words, "not judged: there is no journal");
    b->o.journal_dir = "/tmp/sluice-no-such-journal";
    assert_int_equal(gate_judge(&b->o, b->now, b->candidate, &b->finding, &b->predicted), ST_OK);
    assert_non_null(strstr(b->finding.words, "not judged: /tmp/sluice-no-such-journal: No such"));
    b->o.events = 0;
    assert_int_equal(gate_judge(&b->o, b->now, b->candidate, &b->finding, &b->predicted), ST_OK);
    assert_string_equal(b->finding.words, "not judged: the gate is open");
}

/* Given up at the first question: while the journal is copied; at a later one: while it replays. */
static bool asked_so_often(void *user)
{
    int *left = user;
    return (*left)-- > 0;
}

static void one_that_nobody_waits_for_does_not_get_in(void **state)
{
    struct bed *b = *state;
    accept_some(b, 600);
    b->o.goes_on = asked_so_often;
    int left = 0;
    b->o.user = &left;
    assert_int_equal(judge(b, OVER("59.5")), ST_CONFLICT);
    assert_false(b->finding.is_judged || b->finding.is_refused);
    assert_string_equal(b->finding.words, "not judged: the service stops");
    left = 1000;
    assert_int_equal(gate_judge(&b->o, b->now, b->candidate, &b->finding, &b->predicted), ST_OK);
    assert_true(b->finding.is_judged && left < 1000);
}

static void changes_are_relative_and_from_nothing_without_end(void **state)
{
    struct gate_change c = {.before = 100, .after = 106, .change = 0.06, .bound = 0.05};
    (void)state;
    assert_true(fabs(gate_change_of(200, 210) - 0.05) < 1e-12);
    assert_true(gate_change_of(0, 0) == 0);
    assert_true(isinf(gate_change_of(0, 1)));
    assert_true(gate_is_beyond(&c, 5));
    assert_false(gate_is_beyond(&c, 6));
    c.bound = 0.06;
    assert_false(gate_is_beyond(&c, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bed, close_bed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_flags_five_percent_more_is_refused_at_a_bound_of_four),
        TEST(what_else_is_beyond_is_named_what_moved_most_first_and_then_counted),
        TEST(one_behind_a_forced_ruleset_is_told_the_ways),
        TEST(the_same_one_passes_at_a_bound_of_six_and_is_predicted),
        TEST(fewer_transactions_than_the_floor_are_no_change),
        TEST(a_rule_that_falls_silent_is_told_by_its_name),
        TEST(a_rule_that_is_switched_off_shows_in_the_flag_rate_alone),
        TEST(one_whose_schema_takes_less_is_refused),
        TEST(a_rollout_shows_in_the_flag_rate_alone),
        TEST(too_little_history_is_not_judged),
        TEST(one_that_nobody_waits_for_does_not_get_in),
        TEST(without_a_journal_or_events_the_gate_stands_open),
        cmocka_unit_test(changes_are_relative_and_from_nothing_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
