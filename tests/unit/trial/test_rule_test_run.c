/* Rule tests that are run: each from nothing, and what is not as expected is told. */
#include "service/trial/rule_test_run.h"

#include "tests/unit/trial/rule_test_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct engine_options options = {.dedupe_for_ms = INT64_C(48) * 3600000,
                                              .label_wait_ms = INT64_C(24) * 3600000};

struct ran {
    struct book book;
    struct arena *arena;
    struct rule_test_result results[4];
};

static void run_all(struct ran *r)
{
    assert_int_equal(r->book.status, ST_OK);
    r->arena = arena_new(4 * RULE_TEST_RESULT_BYTES);
    for (int i = 0; i < r->book.file.n_tests; i++)
        rule_test_run(&r->book.file, &r->book.file.tests[i], &options, r->arena, &r->results[i]);
}

static void run(struct ran *r, const char *content)
{
    book_open(&r->book, NULL, content);
    run_all(r);
}

/* Over other rules than the world's. */
static void run_over(struct ran *r, const char *rules, const char *content)
{
    struct snapshot_options o = {.exact_events = 16};
    struct book *b = &r->book;
    book_open(b, NULL, content);
    assert_int_equal(b->status, ST_OK);
    rule_test_unload(&b->file);
    world_write(&b->world, "rules.yaml", rules);
    b->status = rule_test_load(b->path, &o, b->arena, &b->world.diags, &b->file);
    run_all(r);
}

static void end(struct ran *r)
{
    arena_free(r->arena);
    book_close(&r->book);
}

static const char defaults[] = "defaults: {account_id: a-1, amount: 10}\n";

static void each_test_starts_from_nothing(void **state)
{
    (void)state;
    struct ran r;
    char content[512];
    snprintf(content, sizeof content, "%stests:\n%s%s", defaults,
             "  - {name: one, events: [{at: 0s, times: 2}, {expect: {fired: [burst]}}]}\n",
             "  - {name: two, events: [{at: 0s, times: 2, expect: {fired: []}}]}\n");
    run(&r, content);
    assert_null(r.results[0].failures);
    assert_null(r.results[1].failures);
    end(&r);
}

static void a_difference_tells_its_place_and_both_sides(void **state)
{
    (void)state;
    struct ran r;
    char content[512];
    snprintf(content, sizeof content, "%stests:\n%s", defaults,
             "  - name: one\n"
             "    events:\n"
             "      - {at: 0s, every: 1m, times: 3,\n"
             "         expect: {features: {account_tx_count_5m: 2}}}\n");
    run(&r, content);
    assert_int_equal(r.results[0].n_failures, 2); /* the first has 1, the third 3 */
    const struct rule_test_failure *f = r.results[0].failures->next;
    assert_int_equal(f->event_number, 1);
    assert_int_equal(f->time, 3);
    assert_true(f->ts_ms == INT64_C(1767614520000));
    assert_true(span_is(f->transaction_id, "t-3"));
    assert_true(span_is(f->fired, "burst 80"));
    assert_int_equal(f->n_differences, 1);
    assert_string_equal(f->differences->kind, "feature");
    assert_true(span_is(f->differences->name, "account_tx_count_5m"));
    assert_true(span_is(f->differences->expected, "2"));
    assert_true(span_is(f->differences->actual, "3"));
    assert_int_equal(f->differences->line, 7);
    end(&r);
}

static void failures_beyond_the_limit_are_counted(void **state)
{
    (void)state;
    struct ran r;
    char content[512];
    int told = 0;
    snprintf(content, sizeof content, "%stests:\n%s", defaults,
             "  - {name: one, events: [{every: 1d, times: 5000, expect: {decision: flag}}]}\n");
    run(&r, content);
    for (const struct rule_test_failure *f = r.results[0].failures; f != NULL; f = f->next)
        told++;
    assert_int_equal(told, RULE_TEST_FAILURES_MAX);
    assert_int_equal(r.results[0].n_failures, 5000);
    assert_true(r.arena->used_bytes < RULE_TEST_RESULT_BYTES);
    end(&r);
}

/* The same question again and again: a list may ask twice. */
static void differences_beyond_the_limit_are_counted(void **state)
{
    (void)state;
    struct ran r;
    char content[4096], *at = content;
    int told = 0;
    at += sprintf(at, "%stests:\n  - {name: one, events: [{times: 21, expect: {fired: [", defaults);
    for (int i = 0; i < RULE_TEST_DIFFERENCES_MAX + 5; i++)
        at = stpcpy(at, "watched, ");
    stpcpy(at, "watched]}}]}\n");
    run(&r, content);
    const struct rule_test_failure *f = r.results[0].failures;
    for (const struct rule_test_difference *d = f->differences; d != NULL; d = d->next)
        told++;
    assert_int_equal(told, RULE_TEST_DIFFERENCES_MAX);
    assert_int_equal(f->n_differences, RULE_TEST_DIFFERENCES_MAX + 6);
    assert_true(r.arena->used_bytes < RULE_TEST_RESULT_BYTES);
    end(&r);
}

/* In room for a thousand bytes, of 32 that are known at all. */
static void rules_that_fired_end_in_dots_where_the_room_does(void **state)
{
    (void)state;
    struct ran r;
    struct span fired;
    char rules[4096] = "rules:\n", *at = rules + strlen(rules);
    for (int i = 0; i < 32; i++)
        at += sprintf(at,
                      "  - {id: a-name-as-long-as-one-may-well-be-in-a-house-of-rules-%02d, "
                      "when: amount > 1.0, score: 1}\n",
                      i);
    char content[256];
    snprintf(content, sizeof content, "%stests:\n  - {name: one, events: [{expect: {score: 0}}]}\n",
             defaults);
    run_over(&r, rules, content);
    fired = r.results[0].failures->fired;
    assert_true(fired.len > 900 && fired.len <= 1024);
    assert_memory_equal(fired.base + fired.len - strlen(" 1, ..."), " 1, ...", strlen(" 1, ..."));
    end(&r);
}

static void past_exact_events_a_feature_has_bounds(void **state)
{
    (void)state; /* the book's exact_events is 16; the window's edge lies in a tile */
    struct ran r;
    char content[512];
    snprintf(content, sizeof content, "%stests:\n%s", defaults,
             "  - name: one\n"
             "    events:\n"
             "      - {at: 0s, every: 1s, times: 300}\n"
             "      - {at: 400s, expect: {features: {account_tx_count_5m: {exact: true}}}}\n");
    run(&r, content);
    assert_int_equal(r.results[0].n_failures, 1);
    assert_true(span_is(r.results[0].failures->differences->actual, "not exact"));
    end(&r);
}

/* Its score of an amount of 10 is 0.9375. */
static const char fraud_yaml[] = "model: linear\n"
                                 "link: identity\n"
                                 "intercept: 0.875\n"
                                 "inputs:\n"
                                 "  amount: {weight: 0.00625}\n";

/* Over the world's ruleset with that model. */
static void run_with_model(struct ran *r, const char *model, const char *expect)
{
    struct snapshot_options o = {.exact_events = 16};
    struct book *b = &r->book;
    char content[512], ruleset[4096];
    snprintf(
        content, sizeof content,
        "%stests:\n  - name: one\n    events:\n      - {at: 0s, expect: {models: {fraud: %s}}}\n",
        defaults, expect);
    snprintf(ruleset, sizeof ruleset, "%smodels: {fraud: {file: fraud.yaml}}\n", world_ruleset);
    book_open(b, ruleset, content);
    assert_int_not_equal(b->status, ST_OK); /* its file is not there yet */
    world_write(&b->world, "fraud.yaml", model);
    b->world.diags = (struct diag_list){0};
    b->status = rule_test_load(b->path, &o, b->arena, &b->world.diags, &b->file);
    run_all(r);
}

static void a_model_says_what_is_expected_of_it(void **state)
{
    (void)state;
    static const char *const so[] = {"0.9375", "{at_least: 0.9, below: 0.95}",
                                     "{score: 0.9375009, missing: 0}", "{at_least: 0.9375}", "{}"};
    for (size_t i = 0; i < sizeof so / sizeof *so; i++) {
        struct ran r;
        run_with_model(&r, fraud_yaml, so[i]);
        assert_int_equal(r.results[0].n_failures, 0);
        end(&r);
    }
}

static void a_model_that_says_another_thing_is_told_with_its_score(void **state)
{
    (void)state;
    static const struct {
        const char *expect, *kind, *expected, *actual;
    } cases[] = {
        {"0.937502", "model", "0.937502", "0.9375"},
        {"null", "model", "no score", "0.9375"},
        {"{at_least: 0.94}", "model", ">= 0.94", "0.9375"},
        {"{below: 0.5}", "model", "< 0.5", "0.9375"},
        {"{below: 0.9375}", "model", "< 0.9375", "0.9375"},
        {"{missing: 1}", "missing inputs of", "1", "0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ran r;
        run_with_model(&r, fraud_yaml, cases[i].expect);
        assert_int_equal(r.results[0].n_failures, 1);
        const struct rule_test_difference *d = r.results[0].failures->differences;
        assert_string_equal(d->kind, cases[i].kind);
        assert_true(span_is(d->name, "fraud"));
        assert_true(span_is(d->expected, cases[i].expected));
        assert_true(span_is(d->actual, cases[i].actual));
        assert_null(d->next);
        end(&r);
    }
}

/* The country is not there, and the model has nothing to say without it. */
static void a_model_without_a_score_is_only_null(void **state)
{
    (void)state;
    static const char needs[] = "model: linear\n"
                                "inputs:\n"
                                "  country: {categories: {BE: 1}}\n";
    static const struct {
        const char *expect;
        int n_failures;
    } cases[] = {{"null", 0},
                 {"{score: null, missing: 1}", 0},
                 {"0", 1},
                 {"{below: 1}", 1},
                 {"{at_least: 0}", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ran r;
        run_with_model(&r, needs, cases[i].expect);
        assert_int_equal(r.results[0].n_failures, cases[i].n_failures);
        if (cases[i].n_failures > 0)
            assert_true(span_is(r.results[0].failures->differences->actual, "no score"));
        end(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_test_starts_from_nothing),
        cmocka_unit_test(a_difference_tells_its_place_and_both_sides),
        cmocka_unit_test(failures_beyond_the_limit_are_counted),
        cmocka_unit_test(differences_beyond_the_limit_are_counted),
        cmocka_unit_test(rules_that_fired_end_in_dots_where_the_room_does),
        cmocka_unit_test(past_exact_events_a_feature_has_bounds),
        cmocka_unit_test(a_model_says_what_is_expected_of_it),
        cmocka_unit_test(a_model_that_says_another_thing_is_told_with_its_score),
        cmocka_unit_test(a_model_without_a_score_is_only_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
