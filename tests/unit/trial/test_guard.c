/* Before and behind a reload: judged, watched, told once, and only the one that is active. */
#include "service/trial/guard.h"

#include "tests/unit/engine/world.h"
#include "tests/unit/state/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OVER(limit) "rules:\n  - {id: over, when: amount > " limit ", score: 80}\n"

static struct bed {
    struct world active, next;
    struct snapshot *now, *candidate;
    char journal[SCRATCH_PATH_BYTES];
    struct guard *guard;
    struct gate_report report;
    struct gate_rates live;
    struct guard_drift drift;
} bed;

static void live(void *user, uint64_t ruleset, struct gate_rates *ret_rates)
{
    (void)user, (void)ruleset;
    *ret_rates = bed.live;
}

static void accept_some(struct journal *j, int n)
{
    world_open(&bed.active, world_ruleset, OVER("59.5"), j);
    bed.active.score.intake = (struct score_intake){
        .now_ms = INT64_C(1767614400000), .historic = true, .transactions_allowed = true};
    for (int i = 0; i < n; i++) {
        char body[256];
        snprintf(body, sizeof body,
                 "{\"transaction_id\":\"t-%d\",\"account_id\":\"a-1\",\"amount\":%d,"
                 "\"timestamp\":\"2026-01-05T12:%02d:%02dZ\"}",
                 i, i % 100, i / 60, i % 60);
        assert_int_equal(world_score(&bed.active, body), SCORE_DECIDED);
    }
    bed.now = snapshot_current(bed.active.snapshots);
}

static int open_bed(void **state)
{
    struct journal *j;
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES];
    (void)state;
    memset(&bed, 0, sizeof bed);
    scratch_make(bed.journal);
    struct journal_options o = {.dir = bed.journal, .fsync = JOURNAL_NO};
    assert_int_equal(journal_open(&o, &j, &opened, why), ST_OK);
    accept_some(j, 300);
    world_close(&bed.active);
    journal_close(j);
    struct guard_options g = {.gate = {.journal_dir = bed.journal,
                                       .spool_dir = "/tmp",
                                       .engine = {.dedupe_for_ms = 1000, .label_wait_ms = 1000},
                                       .events = 300,
                                       .flag_rate_change = 0.2,
                                       .rule_rate_change = 0.2,
                                       .floor = 2},
                              .drift_change = 0.5,
                              .drift_for_ms = 60000,
                              .live = live};
    bed.guard = guard_new(&g);
    return 0;
}

static int close_bed(void **state)
{
    (void)state;
    guard_free(bed.guard);
    snapshot_unref(bed.now);
    snapshot_unref(bed.candidate);
    world_close(&bed.next);
    scratch_remove(bed.journal);
    return 0;
}

static enum status judge(const char *rules)
{
    world_open(&bed.next, world_ruleset, rules, NULL);
    bed.candidate = snapshot_current(bed.next.snapshots);
    return guard_judge(bed.guard, bed.now, bed.candidate, &bed.report);
}

static void decide(uint64_t n, uint64_t flagged)
{
    bed.live.transactions += n;
    bed.live.flagged += flagged;
    bed.live.fired[0] += flagged;
}

static bool is_told(const char *line)
{
    char bytes[4096];
    struct text out;
    text_init(&out, bytes, sizeof bytes - 1);
    guard_metrics(bed.guard, &out);
    bytes[out.len] = '\0';
    return strstr(bytes, line) != NULL;
}

static void one_that_is_refused_is_told_in_numbers_and_not_watched(void **state)
{
    (void)state;
    assert_int_equal(judge(OVER("9.5")), ST_CONFLICT);
    assert_true(bed.report.is_judged && bed.report.is_refused);
    assert_int_equal(bed.report.transactions, 300);
    assert_int_equal(bed.report.flagged, 270);
    assert_int_equal(bed.report.flagged_before, 120);
    assert_true(is_told("sluice_ruleset_gate_total{result=\"refused\"} 1\n"));
    assert_true(is_told("sluice_ruleset_gate_change 1.25\n"));
    assert_true(is_told("sluice_ruleset_drift_watched 0\n"));
}

static void drift_is_told_once(void **state)
{
    (void)state;
    decide(5000, 5000); /* before it was active: not its doing */
    assert_int_equal(judge(OVER("58.5")), ST_OK);
    guard_activated(bed.guard, bed.candidate, 1000);
    assert_true(is_told("sluice_ruleset_drift_watched 1\n"));
    decide(1000, 410);
    assert_false(guard_look(bed.guard, 2000, &bed.drift));
    decide(3000, 3000);
    assert_true(guard_look(bed.guard, 3000, &bed.drift));
    assert_string_equal(bed.drift.ruleset, bed.candidate->id_text);
    assert_non_null(strstr(bed.drift.words, "of 4000 live transactions, the gate predicted 41 %"));
    assert_false(guard_look(bed.guard, 4000, &bed.drift));
    assert_true(is_told("sluice_ruleset_drift_total 1\n"));
}

static void the_watch_ends_with_its_time_or_the_next_ruleset(void **state)
{
    (void)state;
    assert_int_equal(judge(OVER("58.5")), ST_OK);
    guard_activated(bed.guard, bed.candidate, 1000);
    assert_false(guard_look(bed.guard, 61000, &bed.drift));
    decide(5000, 5000);
    assert_false(guard_look(bed.guard, 61001, &bed.drift));
    guard_activated(bed.guard, bed.candidate, 70000);
    guard_activated(bed.guard, bed.now, 71000); /* nobody has judged this one */
    decide(5000, 5000);
    assert_false(guard_look(bed.guard, 72000, &bed.drift));
    assert_true(is_told("sluice_ruleset_drift_watched 0\n"));
}

/* An outage silences the rules that count, of any ruleset. */
static void what_was_decided_without_state_is_no_drift(void **state)
{
    (void)state;
    assert_int_equal(judge(OVER("58.5")), ST_OK);
    guard_activated(bed.guard, bed.candidate, 1000);
    decide(1000, 410);
    assert_false(guard_look(bed.guard, 2000, &bed.drift));
    decide(50000, 0);
    bed.live.degraded += 49000;
    assert_false(guard_look(bed.guard, 3000, &bed.drift));
    decide(1000, 410);
    assert_false(guard_look(bed.guard, 4000, &bed.drift));
    decide(30000, 30000);
    assert_true(guard_look(bed.guard, 5000, &bed.drift));
    assert_non_null(strstr(bed.drift.words, "of 32000 live transactions"));
}

static void once_the_service_ends_nothing_gets_in_unjudged(void **state)
{
    (void)state;
    guard_stop(bed.guard);
    assert_int_equal(judge(OVER("58.5")), ST_CONFLICT);
    assert_false(bed.report.is_judged);
    assert_string_equal(bed.report.why, "not judged: the service stops");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bed, close_bed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_is_refused_is_told_in_numbers_and_not_watched),
        TEST(drift_is_told_once),
        TEST(what_was_decided_without_state_is_no_drift),
        TEST(once_the_service_ends_nothing_gets_in_unjudged),
        TEST(the_watch_ends_with_its_time_or_the_next_ruleset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
