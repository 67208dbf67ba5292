#include "service/state/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { HOUR_MS = 3600000, DAY_MS = 24 * HOUR_MS };

static struct plan_spec one_count(void)
{
    struct plan_spec spec = {
        .key_field = span_str("account_id"), .exact_events = 256, .n_features = 1};
    spec.features[0] = (struct plan_feature){AGG_COUNT, -1, -1, DAY_MS, 0};
    return spec;
}

static struct span layout_text(const struct plan_spec *spec, struct arena *arena)
{
    const struct plan *plan;
    const char *why = NULL;
    assert_int_equal(plan_compile(spec, arena, &plan, &why), ST_OK);
    return plan_layout(plan)->text;
}

static void assert_text(struct span text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.base, expected, text.len);
}

static void a_count_needs_no_column_and_one_tier(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct plan_spec spec = one_count();
    assert_text(
        layout_text(&spec, arena),
        "layout 1\nkey account_id\nhorizon 86400000\ncell -1 -1 0\ntier 1350000 86400000\n");
    arena_free(arena);
}

static void features_of_one_delay_and_filter_share_a_cell(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct plan_spec spec = one_count();
    spec.columns[spec.n_columns++] = (struct layout_column){span_str("amount"), COLUMN_E4};
    spec.features[spec.n_features++] = (struct plan_feature){AGG_AVG, 0, -1, HOUR_MS, 0};
    assert_text(layout_text(&spec, arena),
                "layout 1\nkey account_id\nhorizon 86400000\ncolumn e4 amount\ncell -1 0 5\n"
                "tier 56250 3600000\ntier 1350000 86400000\n");
    arena_free(arena);
}

static void a_delay_lengthens_the_horizon_and_what_its_tier_keeps(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct plan_spec spec = one_count();
    spec.features[0] = (struct plan_feature){AGG_FRAUD_RATE, -1, -1, DAY_MS, 7 * (int64_t)DAY_MS};
    const struct plan *plan;
    const char *why = NULL;
    assert_int_equal(plan_compile(&spec, arena, &plan, &why), ST_OK);
    assert_int_equal(plan_horizon_ms(plan), 8 * (int64_t)DAY_MS);
    assert_int_equal(plan_layout(plan)->tiers[0].keep_ms, 8 * (int64_t)DAY_MS);
    assert_true(plan_counts(plan, RECORD_FRAUD));
    assert_true(plan_counts(plan, RECORD_LEGITIMATE));
    assert_false(plan_counts(plan, RECORD_DECLINED));
    arena_free(arena);
}

static void a_filter_of_several_lines_is_one_line_of_the_layout(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct plan_spec spec = one_count();
    spec.filters[spec.n_filters++] = span_str("amount > 10.0\n&& true");
    spec.features[0].filter = 0;
    assert_text(layout_text(&spec, arena),
                "layout 1\nkey account_id\nhorizon 86400000\nfilter amount > 10.0 && true\n"
                "cell 0 -1 0\ntier 1350000 86400000\n");
    arena_free(arena);
}

static void more_than_sixteen_windows_are_refused_with_a_sentence(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct plan_spec spec = one_count();
    const struct plan *plan = NULL;
    const char *why = NULL;
    spec.n_features = PLAN_WINDOWS_MAX + 1;
    for (int i = 0; i < spec.n_features; i++)
        spec.features[i] = (struct plan_feature){AGG_COUNT, -1, -1, (i + 1) * (int64_t)HOUR_MS, 0};
    assert_int_equal(plan_compile(&spec, arena, &plan, &why), ST_TOO_LARGE);
    assert_string_equal(why, "more than 16 windows for one key field");
    assert_null(plan);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_count_needs_no_column_and_one_tier),
        cmocka_unit_test(features_of_one_delay_and_filter_share_a_cell),
        cmocka_unit_test(a_delay_lengthens_the_horizon_and_what_its_tier_keeps),
        cmocka_unit_test(a_filter_of_several_lines_is_one_line_of_the_layout),
        cmocka_unit_test(more_than_sixteen_windows_are_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
