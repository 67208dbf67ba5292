/*
 * test_report.h -- what `sluice test` says, for people, for programs, and for the machinery of CI.
 *
 *     text    FAILED my/ruleset_test.yaml:4: the eleventh is flagged
 *                 line 8: event 2 at 10s (2026-01-05T12:00:10Z), t-11; nothing fired
 *                                         expected    actual
 *                     decision            flag        allow
 *                     rule account-burst  fires       did not fire
 *             3 passed, 1 failed
 *     json    one object a test, a line each, and one with the counts
 *     junit   <testsuites>, in the form that JUnit's Ant task made common
 *
 * Threads: of the command line's one.
 */
#ifndef SLUICE_CLI_TEST_REPORT_H
#define SLUICE_CLI_TEST_REPORT_H

#include "service/trial/rule_test_run.h"

#include <stdio.h>

/* One file of tests, and what came of it. */
struct test_suite {
    const char *path;
    int number;                        /* of the file, from 0 */
    const struct rule_test_file *file; /* NULL: it could not be loaded */
    const struct diag_list *diags;     /* why not */
    const struct rule_test_result *results;
    int n_results, n_failed;
    int64_t started_ms; /* wall clock */
};

struct test_totals {
    int passed, failed;
    int unread; /* files */
};

struct test_report_format {
    const char *name;
    void (*begin)(FILE *out);
    void (*suite)(FILE *out, const struct test_suite *suite, bool colours);
    void (*end)(FILE *out, const struct test_totals *totals);
};

extern const struct test_report_format test_report_text, test_report_json, test_report_junit;

/* What happened to one event, as text below its test: place, what fired, and a table. */
void test_report_failure(FILE *out, const struct rule_test_failure *failure, bool colours);

#endif
