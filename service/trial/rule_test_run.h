/*
 * rule_test_run.h -- one rule test: its events through an engine of its own, and what came of them
 * beside what was expected.
 *
 *     test ──> events ──> messages ──> score_start, as from outside ──> asks ──> failures
 *
 * The engine's state is in memory and empty at the start; time is the events' own.
 *
 * Owns:    a result lives in the arena it was made in.
 * Threads: one test is run by one thread.
 */
#ifndef SLUICE_TRIAL_RULE_TEST_RUN_H
#define SLUICE_TRIAL_RULE_TEST_RUN_H

#include "service/engine/engine.h"
#include "service/trial/rule_test.h"

enum {
    RULE_TEST_FAILURES_MAX = 20,      /* events of one test that are told; the rest is counted */
    RULE_TEST_DIFFERENCES_MAX = 40,   /* of one event, likewise */
    RULE_TEST_RESULT_BYTES = 2 << 20, /* those, and one under way: 54 KB each */
};

/* One thing that is not as expected. */
struct rule_test_difference {
    const char *kind; /* "decision", "rule"; static */
    struct span name; /* of the rule or feature; empty: it has none */
    int line, col;    /* of what was expected, in the file of tests */
    struct span expected, actual;
    struct rule_test_difference *next;
};

/* One event of which something is not as expected. */
struct rule_test_failure {
    const struct rule_test_event *event;
    int event_number; /* within the test, from 1 */
    int time;         /* which of its times, from 1 */
    int64_t ts_ms;
    struct span transaction_id; /* empty: it was refused before that was read */
    bool is_decided;            /* else a label, or refused */
    struct span fired;          /* "account-burst 80, in shadow: night"; empty: nothing fired */
    struct rule_test_difference *differences;
    int n_differences; /* those beyond RULE_TEST_DIFFERENCES_MAX included */
    struct rule_test_failure *next;
};

struct rule_test_result {
    const struct rule_test *test;
    struct rule_test_failure *failures; /* in the order of the events; NULL: it passed */
    int n_failures;                     /* those beyond RULE_TEST_FAILURES_MAX included */
    int64_t elapsed_us;
};

/* `arena` has room for RULE_TEST_RESULT_BYTES. CHECKs on no memory. */
void rule_test_run(const struct rule_test_file *file, const struct rule_test *test,
                   const struct engine_options *options, struct arena *arena,
                   struct rule_test_result *ret_result);

#endif
