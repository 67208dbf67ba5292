/* Backtests beside a running service: one at a time, told how far, cancelled, kept for a while. */
#include "service/trial/backtest_jobs.h"

#include "tests/unit/engine/world.h"
#include "tests/unit/state/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OVER(limit) "rules:\n  - {id: over, when: amount > " limit ", score: 80}\n"

static struct bed {
    struct world active, next;
    char journal[SCRATCH_PATH_BYTES];
    struct backtest_jobs *jobs;
    char id[BACKTEST_JOB_ID_BYTES];
    char text[1 << 20];
} bed;

static _Atomic int dropped;

static void drop(const char *path)
{
    assert_non_null(strstr(path, "ruleset.yaml"));
    dropped++;
}

static void accept_some(int n)
{
    struct journal *j;
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES], body[256];
    struct journal_options o = {.dir = bed.journal, .fsync = JOURNAL_NO};
    assert_int_equal(journal_open(&o, &j, &opened, why), ST_OK);
    world_open(&bed.active, world_ruleset, OVER("59.5"), j);
    bed.active.score.intake = (struct score_intake){
        .now_ms = INT64_C(1767614400000), .historic = true, .transactions_allowed = true};
    for (int i = 0; i < n; i++) {
        snprintf(body, sizeof body,
                 "{\"transaction_id\":\"t-%d\",\"account_id\":\"a-1\",\"amount\":%d,"
                 "\"timestamp\":\"2026-01-05T12:%02d:%02dZ\"}",
                 i, i % 100, i / 60 % 60, i % 60);
        assert_int_equal(world_score(&bed.active, body), SCORE_DECIDED);
    }
    world_close(&bed.active);
    journal_close(j);
    world_open(&bed.active, world_ruleset, OVER("59.5"), NULL);
}

static int open_bed(void **state)
{
    (void)state;
    memset(&bed, 0, sizeof bed);
    dropped = 0;
    scratch_make(bed.journal);
    accept_some(200);
    world_files(&bed.next, world_ruleset, OVER("79.5"));
    struct backtest_jobs_options o = {.snapshots = bed.active.snapshots,
                                      .engine = {.dedupe_for_ms = 1000, .label_wait_ms = 1000},
                                      .exact_events = 256,
                                      .journal_dir = bed.journal,
                                      .spool_dir = "/tmp",
                                      .spool_bytes = 1 << 30};
    bed.jobs = backtest_jobs_new(&o);
    return 0;
}

static int close_bed(void **state)
{
    char command[128];
    (void)state;
    backtest_jobs_free(bed.jobs);
    world_close(&bed.active);
    snprintf(command, sizeof command, "rm -rf '%s'", bed.next.folder);
    assert_int_equal(system(command), 0);
    scratch_remove(bed.journal);
    return 0;
}

static enum status begin(void)
{
    struct backtest_job job = {
        .path = bed.next.ruleset, .drop = drop, .from_ms = INT64_MIN, .to_ms = INT64_MAX};
    return backtest_jobs_start(bed.jobs, &job, bed.id);
}

static bool says(const char *part)
{
    struct text out;
    text_init(&out, bed.text, sizeof bed.text - 1);
    assert_int_equal(backtest_jobs_write(bed.jobs, bed.id, &out), ST_OK);
    bed.text[out.len] = '\0';
    return strstr(bed.text, part) != NULL;
}

static void wait_for_end(void)
{
    for (int i = 0; i < 20000 && says("\"state\":\"running\""); i++)
        usleep(1000);
}

static void a_job_ends_with_its_result(void **state)
{
    (void)state;
    assert_int_equal(begin(), ST_OK);
    wait_for_end();
    assert_true(says("\"state\":\"done\",\"progress\":1,\"result\":{\"candidate\":{\"ruleset\":"));
    assert_true(says("\"transactions\":200,\"flagged\":40,"));
    assert_true(says("\"transactions\":200,\"flagged\":80,"));
    assert_int_equal(dropped, 1);
    assert_int_equal(backtest_jobs_cancel(bed.jobs, bed.id), ST_OK); /* forgotten */
    assert_int_equal(backtest_jobs_bytes(bed.jobs, bed.id), 0);
    assert_int_equal(backtest_jobs_cancel(bed.jobs, bed.id), ST_NOT_FOUND);
}

static void a_candidate_that_is_loaded_is_measured_and_given_back(void **state)
{
    struct diag_list diags = {.count = 0};
    struct backtest_job job = {.from_ms = INT64_MIN, .to_ms = INT64_MAX};
    (void)state;
    assert_int_equal(backtest_jobs_load(bed.jobs, bed.next.ruleset, &diags, &job.candidate), ST_OK);
    snapshot_ref(job.candidate);
    assert_int_equal(backtest_jobs_start(bed.jobs, &job, bed.id), ST_OK);
    wait_for_end();
    assert_true(says("\"transactions\":200,\"flagged\":40,"));
    backtest_jobs_free(bed.jobs); /* waits for its thread */
    bed.jobs = NULL;
    snapshot_unref(job.candidate); /* the last one: else the sanitizer tells */
}

static void a_broken_candidate_says_where(void **state)
{
    (void)state;
    world_write(&bed.next, "rules.yaml", "rules:\n  - {id: x, when: amuont > 1.0, score: 1}\n");
    assert_int_equal(begin(), ST_OK);
    wait_for_end();
    assert_true(says("\"state\":\"failed\""));
    assert_true(says("the candidate cannot be loaded"));
    assert_true(says("rules.yaml:2:19: unknown name 'amuont'"));
    assert_int_equal(dropped, 1);
}

static void a_journal_that_is_too_long_names_the_key(void **state)
{
    (void)state;
    struct backtest_jobs_options o = {.snapshots = bed.active.snapshots,
                                      .exact_events = 256,
                                      .journal_dir = bed.journal,
                                      .spool_dir = "/tmp",
                                      .spool_bytes = 1000};
    backtest_jobs_free(bed.jobs);
    bed.jobs = backtest_jobs_new(&o);
    assert_int_equal(begin(), ST_OK);
    wait_for_end();
    assert_true(says("\"state\":\"failed\""));
    assert_true(says("the journal has more events than backtest.spool_bytes allows"));
}

static void only_so_many_are_kept(void **state)
{
    char first[BACKTEST_JOB_ID_BYTES];
    (void)state;
    for (int i = 0; i <= BACKTEST_JOBS_KEPT; i++) {
        assert_int_equal(begin(), ST_OK);
        if (i == 0)
            memcpy(first, bed.id, sizeof first);
        wait_for_end();
    }
    assert_int_equal(backtest_jobs_bytes(bed.jobs, first), 0);
    assert_true(backtest_jobs_bytes(bed.jobs, bed.id) > 0);
}

static void without_a_journal_there_is_nothing_to_test_on(void **state)
{
    struct backtest_jobs_options o = {.journal_dir = ""};
    struct backtest_jobs *jobs = backtest_jobs_new(&o);
    struct backtest_job job = {.path = "x"};
    char id[BACKTEST_JOB_ID_BYTES], path[BACKTEST_JOB_PATH_MAX + 1];
    (void)state;
    assert_int_equal(backtest_jobs_start(jobs, &job, id), ST_NOT_FOUND);
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    job.path = path;
    assert_int_equal(backtest_jobs_start(jobs, &job, id), ST_TOO_LARGE);
    backtest_jobs_free(jobs);
}

/* Also before the first transaction is replayed: while the journal is copied. */
static void one_that_is_cancelled_stops_on_its_way(void **state)
{
    bool is_cancelled = false;
    (void)state;
    for (int i = 0; i < 100 && !is_cancelled; i++) { /* it may be quicker than the cancelling */
        assert_int_equal(begin(), ST_OK);
        assert_int_equal(backtest_jobs_cancel(bed.jobs, bed.id), ST_OK);
        if (backtest_jobs_bytes(bed.jobs, bed.id) == 0)
            continue; /* it had ended, and is forgotten */
        wait_for_end();
        is_cancelled = says("\"state\":\"cancelled\"");
    }
    assert_true(is_cancelled);
}

/* Its end waits for the job, which is told to give up. */
static void the_end_takes_a_running_job_along(void **state)
{
    (void)state;
    assert_int_equal(begin(), ST_OK);
    backtest_jobs_free(bed.jobs);
    bed.jobs = NULL;
    assert_int_equal(dropped, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bed, close_bed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_ends_with_its_result),
        TEST(a_candidate_that_is_loaded_is_measured_and_given_back),
        TEST(a_broken_candidate_says_where),
        TEST(a_journal_that_is_too_long_names_the_key),
        TEST(only_so_many_are_kept),
        TEST(without_a_journal_there_is_nothing_to_test_on),
        TEST(one_that_is_cancelled_stops_on_its_way),
        TEST(the_end_takes_a_running_job_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
