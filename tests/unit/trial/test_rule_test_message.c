/* Events of rule tests as messages: each field where its path says, and as its type asks. */
#include "service/trial/rule_test_message.h"

#include "tests/unit/trial/rule_test_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char pathed[] =
    "schema:\n"
    "  transaction_id: {type: string, required: true, path: /Pmt/0/Id~1x}\n"
    "  account_id:     {type: string, required: true}\n"
    "  amount:         {type: decimal, required: true}\n"
    "  timestamp:      {type: timestamp, required: true, path: /Pmt/0/At}\n"
    "  merchant.country: {type: string}\n"
    "  rate:           {type: number}\n"
    "  count:          {type: integer}\n"
    "  here:           {type: geo}\n"
    "  present:        {type: bool}\n"
    "flag_at: 70\n"
    "features: {n: {by: account_id, aggregate: count, windows: [5m]}}\n"
    "rules: []\n";

/* The message of the only test's `number`-th event is this. */
static void assert_message(const char *ruleset, const char *content, int number,
                           const char *expected)
{
    struct book b;
    book_open(&b, ruleset, content);
    assert_int_equal(b.status, ST_OK);
    const struct rule_test *t = &b.file.tests[0];
    struct rule_test_moment m = {
        .test = t, .event = &t->events[number - 1], .number = number, .ts_ms = t->start_ms + 1500};
    char *message = rule_test_message(&b.file, &m);
    if (expected == NULL)
        assert_null(message);
    else
        assert_string_equal(message, expected);
    free(message);
    book_close(&b);
}

static void fields_stand_where_their_paths_say(void **state)
{
    (void)state;
    assert_message(pathed,
                   "tests: [{name: n, events: [{account_id: 7, amount: 0.10, merchant.country: NO,"
                   " rate: 1e-3, count: 12, here: {lat: 1.5, lon: -2}, present: false}]}]\n",
                   1,
                   "{\"Pmt\":[{\"Id/x\":\"t-1\",\"At\":\"2026-01-05T12:00:01.500Z\"}],"
                   "\"account_id\":\"7\",\"amount\":\"0.10\",\"merchant\":{\"country\":\"NO\"},"
                   "\"rate\":0.001,\"count\":12,\"here\":{\"lat\":1.5,\"lon\":-2.0},"
                   "\"present\":false}");
}

static void the_nearest_default_counts_and_null_takes_one_away(void **state)
{
    (void)state;
    assert_message(
        NULL,
        "defaults: {account_id: a, amount: 1, country: BE}\n"
        "tests: [{name: n, defaults: {amount: 2}, events: [{country: null,"
        " transaction_id: x}]}]\n",
        1,
        "{\"transaction_id\":\"x\",\"account_id\":\"a\",\"amount\":\"2\",\"country\":null,"
        "\"timestamp\":\"2026-01-05T12:00:01.500Z\"}");
}

static void a_label_has_its_own_members_only_and_by_name(void **state)
{
    (void)state;
    assert_message(pathed,
                   "defaults: {account_id: a, amount: 1}\n"
                   "tests: [{name: n, events: [{}, {kind: label, transaction_id: t-1,"
                   " outcome: fraud, merchant.country: BE}]}]\n",
                   2,
                   "{\"kind\":\"label\",\"transaction_id\":\"t-1\",\"outcome\":\"fraud\","
                   "\"merchant.country\":\"BE\",\"timestamp\":\"2026-01-05T12:00:01.500Z\"}");
}

static void what_is_no_value_of_the_type_is_sent_as_a_text(void **state)
{
    (void)state; /* so that the reader refuses it, in its words */
    assert_message(pathed, "tests: [{name: n, events: [{rate: fast, count: 1.5, present: yes}]}]\n",
                   1,
                   "{\"Pmt\":[{\"Id/x\":\"t-1\",\"At\":\"2026-01-05T12:00:01.500Z\"}],"
                   "\"rate\":\"fast\",\"count\":\"1.5\",\"present\":\"yes\"}");
}

static void paths_through_an_array_and_an_object_do_not_go_together(void **state)
{
    (void)state;
    static const char both[] = "schema:\n"
                               "  transaction_id: {type: string, required: true}\n"
                               "  account_id:     {type: string, required: true}\n"
                               "  amount:         {type: decimal, required: true}\n"
                               "  timestamp:      {type: timestamp, required: true}\n"
                               "  first:          {type: string, path: /a/0}\n"
                               "  other:          {type: string, path: /a/b}\n"
                               "flag_at: 70\n"
                               "rules: []\n";
    assert_message(both, "tests: [{name: n, events: [{first: x, other: y}]}]\n", 1, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_stand_where_their_paths_say),
        cmocka_unit_test(the_nearest_default_counts_and_null_takes_one_away),
        cmocka_unit_test(a_label_has_its_own_members_only_and_by_name),
        cmocka_unit_test(what_is_no_value_of_the_type_is_sent_as_a_text),
        cmocka_unit_test(paths_through_an_array_and_an_object_do_not_go_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
