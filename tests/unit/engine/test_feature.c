/* Loading `features:`: names, plans, and what is said of mistakes. */
#include "service/engine/feature.h"

#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SCHEMA                                                    \
    "schema:\n"                                                   \
    "  transaction_id: {type: string, required: true, max: 64}\n" \
    "  account_id: {type: string, required: true, max: 64}\n"     \
    "  amount: {type: decimal, required: true}\n"                 \
    "  timestamp: {type: timestamp, required: true}\n"            \
    "  currency: {type: string, max: 3}\n"                        \
    "  weight: {type: number}\n"                                  \
    "  long_name: {type: string, max: 300}\n"                     \
    "flag_at: 70\n"                                               \
    "features:\n"

static struct diag_list diags;

/* Load a ruleset of these features; NULL when it is refused. */
static struct snapshot *load(const char *features)
{
    static char text[8192];
    struct world w = {0};
    struct snapshot *snap = NULL;
    struct snapshot_options options = {.exact_events = 256};
    char command[128];
    diags = (struct diag_list){0};
    snprintf(text, sizeof text, "%s%s", SCHEMA, features);
    world_files(&w, text, NULL);
    enum status st = snapshot_load(w.ruleset, &options, &diags, &snap);
    snprintf(command, sizeof command, "rm -rf '%s'", w.folder);
    assert_int_equal(system(command), 0);
    return st == ST_OK ? snap : NULL;
}

static void refused(const char *features, int line, int col, const char *message)
{
    assert_null(load(features));
    assert_true(diags.count > 0);
    assert_string_equal(diags.items[0].message, message);
    assert_int_equal(diags.items[0].line, line);
    assert_int_equal(diags.items[0].col, col);
}

static void windows_become_features_in_their_order(void **state)
{
    (void)state;
    struct snapshot *s =
        load("  n: {by: account_id, aggregate: count, windows: [1h, 5m], delay: 1d}\n"
             "  a: {by: account_id, aggregate: avg, of: amount, windows: [1d],\n"
             "      where: currency == 'EUR'}\n");
    assert_non_null(s);
    assert_int_equal(s->features.n_features, 3);
    assert_true(span_is(s->features.features[0].name, "n_1h"));
    assert_true(span_is(s->features.features[1].name, "n_5m"));
    assert_true(span_is(s->features.features[2].name, "a_1d"));
    assert_int_equal(s->features.features[0].delay_ms, 86400000);
    assert_true(s->features.features[0].is_int);
    assert_false(s->features.features[2].is_int);
    assert_int_equal(s->features.n_keys, 1);
    assert_int_equal(s->features.keys[0].n_columns, 1);
    assert_int_equal(s->features.keys[0].n_filters, 1);
    assert_int_equal(s->features.horizon_ms, 86400000 + 3600000);
    assert_int_equal(s->features.remember_ms, 0);
    snapshot_unref(s);
}

static void equal_columns_and_filters_are_kept_once(void **state)
{
    (void)state;
    struct snapshot *s = load(
        "  a: {by: account_id, aggregate: avg, of: amount, windows: [1d], where: weight > 1.0}\n"
        "  b: {by: account_id, aggregate: max, of: amount, windows: [1d], where: weight > 1.0}\n"
        "  c: {by: account_id, aggregate: distinct, of: currency, windows: [1d]}\n");
    assert_non_null(s);
    assert_int_equal(s->features.keys[0].n_columns, 2);
    assert_int_equal(s->features.keys[0].n_filters, 1);
    snapshot_unref(s);
}

static void an_aggregated_number_is_marked(void **state)
{
    (void)state;
    struct snapshot *s = load("  a: {by: account_id, aggregate: sum, of: weight, windows: [1d]}\n");
    assert_non_null(s);
    assert_true(s->schema.fields[schema_find(&s->schema, span_str("weight"))].aggregated);
    snapshot_unref(s);
}

static void labels_make_a_horizon_to_remember(void **state)
{
    (void)state;
    struct snapshot *s =
        load("  a: {by: account_id, aggregate: fraud_rate, windows: [1d], delay: 7d}\n");
    assert_non_null(s);
    assert_true(s->features.keys[0].counts_labels);
    assert_int_equal(s->features.remember_ms, INT64_C(8) * 86400000);
    snapshot_unref(s);
}

static void sums_of_mixed_currencies_are_warned_of(void **state)
{
    (void)state;
    struct snapshot *s = load("  a: {by: account_id, aggregate: sum, of: amount, windows: [1d]}\n");
    assert_non_null(s);
    assert_int_equal(diags.count, 2); /* the other one: there are no rules */
    assert_int_equal(diags.items[0].level, DIAG_WARNING);
    assert_string_equal(diags.items[0].message, "feature 'a' sums amounts of mixed currencies");
    snapshot_unref(s);
    s = load("  a: {by: account_id, aggregate: sum, of: amount, windows: [1d],\n"
             "      where: currency == 'EUR'}\n");
    assert_non_null(s);
    assert_int_equal(diags.count, 1);
    snapshot_unref(s);
}

static void mistakes_are_shown_where_they_are(void **state)
{
    (void)state;
    refused("  a: {by: acount_id, aggregate: count, windows: [1d]}\n", 11, 11,
            "unknown field 'acount_id'");
    assert_string_equal(diags.items[0].hint, "did you mean 'account_id'?");
    refused("  a: {by: amount, aggregate: count, windows: [1d]}\n", 11, 11,
            "'amount' is a decimal");
    refused("  a: {by: long_name, aggregate: count, windows: [1d]}\n", 11, 11,
            "values of a key field have at most 256 bytes");
    refused("  a: {by: account_id, aggregate: coun, windows: [1d]}\n", 11, 34,
            "unknown aggregate 'coun'");
    assert_string_equal(diags.items[0].hint, "did you mean 'count'?");
    refused("  a: {by: account_id, aggregate: sum, of: currency, windows: [1d]}\n", 11, 43,
            "sum needs a number; 'currency' is none");
    refused("  a: {by: account_id, aggregate: speed_kmh, of: amount, windows: [1d]}\n", 11, 49,
            "speed_kmh needs a geo field; 'amount' is none");
    refused("  a: {by: account_id, aggregate: count, of: amount, windows: [1d]}\n", 11, 41,
            "count takes no `of:`");
    refused("  a: {by: account_id, aggregate: count}\n", 11, 3,
            "feature 'a' needs a list of `windows:`");
    refused("  a: {by: account_id, aggregate: count, windows: [1d], where: amount}\n", 11, 63,
            "`where:` must be true or false");
    refused("  a: {aggregate: count, windows: [1d]}\n", 11, 3, "feature 'a' has no `by:`");
    refused("  a: {by: account_id, aggregate: count, windows: [0s]}\n", 11, 51,
            "a window is longer than nothing, and with its delay at most 3660d");
    refused("  a: {by: account_id, aggregate: count, windows: [10m, 1d, 10m]}\n", 11, 60,
            "the window 10m stands twice");
    refused("  1a: {by: account_id, aggregate: count, windows: [1d]}\n", 11, 3,
            "'1a' is no name for a feature");
}

static void a_feature_in_where_is_an_unknown_name(void **state)
{
    (void)state;
    assert_null(load("  n: {by: account_id, aggregate: count, windows: [1d]}\n"
                     "  a: {by: account_id, aggregate: count, windows: [1h], where: n_1d > 1}\n"));
    assert_non_null(strstr(diags.items[0].message, "n_1d"));
}

static void what_is_over_budget_is_refused(void **state)
{
    (void)state;
    char text[4096];
    int n = snprintf(text, sizeof text, "  n: {by: account_id, aggregate: count, windows: [");
    for (int i = 1; i <= LAYOUT_TIERS_MAX + 1; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s%dh", i > 1 ? ", " : "", i);
    snprintf(text + n, sizeof text - (size_t)n, "]}\n");
    assert_null(load(text));
    assert_non_null(strstr(diags.items[0].message, "over budget: more than 16 windows"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_become_features_in_their_order),
        cmocka_unit_test(equal_columns_and_filters_are_kept_once),
        cmocka_unit_test(an_aggregated_number_is_marked),
        cmocka_unit_test(labels_make_a_horizon_to_remember),
        cmocka_unit_test(sums_of_mixed_currencies_are_warned_of),
        cmocka_unit_test(mistakes_are_shown_where_they_are),
        cmocka_unit_test(a_feature_in_where_is_an_unknown_name),
        cmocka_unit_test(what_is_over_budget_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
