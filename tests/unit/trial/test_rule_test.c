/* Files of rule tests: what is read of them. What is refused is pinned in tests/messages. */
#include "service/trial/rule_test.h"

#include "tests/unit/trial/rule_test_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void a_file_is_read_whole(void **state)
{
    (void)state;
    struct book b;
    book_open(&b, NULL,
              "defaults: {account_id: a-1}\n"
              "tests:\n"
              "  - name: one\n"
              "    start: 1970-01-02T00:00:00+01:00\n"
              "    defaults: {amount: 5, country: BE}\n"
              "    events:\n"
              "      - {at: 1d2h3m4s5ms, every: 90s, times: 3}\n"
              "      - {expect: {fired: [burst, large], features: {account_avg_1d: null}}}\n"
              "      - {kind: label, transaction_id: t-1, outcome: fraud}\n"
              "  - {name: two, events: [{at: 5m}]}\n");
    assert_int_equal(b.status, ST_OK);
    assert_int_equal(b.file.n_tests, 2);
    assert_int_equal(b.file.defaults.count, 1);
    const struct rule_test *t = &b.file.tests[0];
    assert_true(span_is(t->name, "one"));
    assert_true(t->start_ms == 82800000);
    assert_int_equal(t->defaults.count, 2);
    assert_int_equal(t->n_events, 3);
    assert_true(t->events[0].at_ms == 93784005);
    assert_true(t->events[0].every_ms == 90000);
    assert_int_equal(t->events[0].times, 3);
    assert_int_equal(t->events[1].times, 1);
    assert_int_equal(t->events[1].n_asks, 3);
    assert_int_equal(t->events[1].asks[1].kind, ASK_FIRED);
    assert_int_equal(t->events[1].asks[1].index, 1);
    assert_true(t->events[1].asks[2].flag); /* missing */
    assert_true(t->events[2].is_label);
    assert_true(b.file.tests[1].start_ms == INT64_C(1767614400000));
    book_close(&b);
}

static void a_file_that_is_refused_holds_no_ruleset(void **state)
{
    (void)state; /* a reference too many is a leak, which the sanitizer tells */
    struct book b;
    book_open(&b, NULL, "tests: [{name: n, events: [{at: 0s, amuont: 5}]}]\n");
    assert_int_equal(b.status, ST_INVALID);
    assert_int_equal(b.world.diags.errors, 1);
    assert_int_equal(b.world.diags.items[0].line, 2);
    book_close(&b);
}

static void a_ruleset_that_is_not_there_is_told_where_it_is_named(void **state)
{
    (void)state;
    struct book b;
    struct rule_test_file file;
    struct snapshot_options options = {.exact_events = 16};
    book_open(&b, NULL, "tests: [{name: n, events: [{at: 0s}]}]\n");
    assert_int_equal(b.status, ST_OK);
    world_write(&b.world, "a_test.yaml", "ruleset: no.yaml\ntests: [{name: n, events: [{}]}]\n");
    assert_int_equal(rule_test_load(b.path, &options, b.arena, &b.world.diags, &file), ST_IO);
    assert_int_equal(b.world.diags.items[0].col, 10);
    book_close(&b);
}

/* `n` times `item`, between two texts. */
static char *repeat(const char *head, const char *item, int n, const char *tail)
{
    char *all = malloc(strlen(head) + strlen(item) * (size_t)n + strlen(tail) + 1), *at = all;
    assert_non_null(all);
    at = stpcpy(at, head);
    for (int i = 0; i < n; i++)
        at = stpcpy(at, item);
    stpcpy(at, tail);
    return all;
}

static void as_many_tests_as_there_may_be_and_no_more(void **state)
{
    (void)state;
    for (int more = 0; more <= 1; more++) {
        struct book b;
        char *content =
            repeat("tests:\n", "  - {name: n, events: [{at: 0s}]}\n", RULE_TESTS_MAX + more, "");
        book_open(&b, NULL, content);
        assert_int_equal(b.status, more ? ST_INVALID : ST_OK);
        book_close(&b);
        free(content);
    }
}

static void as_many_events_as_there_may_be_and_no_more(void **state)
{
    (void)state;
    for (int more = 0; more <= 1; more++) {
        struct book b;
        char content[128];
        snprintf(content, sizeof content,
                 "tests: [{name: n, events: [{times: %d}, {times: %d}]}]\n",
                 RULE_TEST_EVENTS_MAX - 1, 1 + more);
        book_open(&b, NULL, content);
        assert_int_equal(b.status, more ? ST_INVALID : ST_OK);
        book_close(&b);
    }
}

/* The century of a duration, and sums that are more. */
static void no_time_overflows(void **state)
{
    (void)state;
    static const struct {
        const char *at;
        enum status status;
    } cases[] = {{"36500d", ST_OK},
                 {"36501d", ST_INVALID},
                 {"36499d24h", ST_OK},
                 {"36500d1ms", ST_INVALID},
                 {"99999999999999999999d", ST_INVALID},
                 {"5", ST_INVALID},
                 {"m", ST_INVALID},
                 {"1m5", ST_INVALID},
                 {"-5m", ST_INVALID},
                 {"1ms1m", ST_OK}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct book b;
        char content[128];
        snprintf(content, sizeof content, "tests: [{name: n, events: [{at: %s}]}]\n", cases[i].at);
        book_open(&b, NULL, content);
        assert_int_equal(b.status, cases[i].status);
        book_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_whole),
        cmocka_unit_test(a_file_that_is_refused_holds_no_ruleset),
        cmocka_unit_test(a_ruleset_that_is_not_there_is_told_where_it_is_named),
        cmocka_unit_test(as_many_tests_as_there_may_be_and_no_more),
        cmocka_unit_test(as_many_events_as_there_may_be_and_no_more),
        cmocka_unit_test(no_time_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
