#include "service/state/coverage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { HOUR_MS = 3600000, DAY_MS = 24 * HOUR_MS };

static struct arena *arena;

static int make_arena(void **state)
{
    (void)state;
    arena = arena_new(4 << 20);
    return 0;
}

static int drop_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* A count over each window, an average of amounts over the first, and what `add` adds. */
static const struct plan *plan_of(const int64_t *windows_ms, int n,
                                  void (*add)(struct plan_spec *spec))
{
    static struct plan_spec spec;
    const struct plan *plan;
    const char *why = NULL;
    spec = (struct plan_spec){.key_field = span_str("account_id"), .exact_events = 256};
    spec.columns[spec.n_columns++] = (struct layout_column){span_str("amount"), COLUMN_E4};
    for (int i = 0; i < n; i++)
        spec.features[spec.n_features++] =
            (struct plan_feature){AGG_COUNT, -1, -1, windows_ms[i], 0};
    spec.features[spec.n_features++] = (struct plan_feature){AGG_AVG, 0, -1, windows_ms[0], 0};
    if (add != NULL)
        add(&spec);
    assert_int_equal(plan_compile(&spec, arena, &plan, &why), ST_OK);
    return plan;
}

static void add_filter(struct plan_spec *spec)
{
    spec->filters[spec->n_filters++] = span_str("amount > 100.0");
    spec->features[spec->n_features++] = (struct plan_feature){AGG_COUNT, -1, 0, HOUR_MS, 0};
}

static void add_column(struct plan_spec *spec)
{
    spec->columns[spec->n_columns++] = (struct layout_column){span_str("country"), COLUMN_HASH};
    spec->features[spec->n_features++] = (struct plan_feature){AGG_DISTINCT, 1, -1, HOUR_MS, 0};
}

static void add_labels(struct plan_spec *spec)
{
    spec->features[spec->n_features++] = (struct plan_feature){AGG_FRAUD_COUNT, -1, -1, HOUR_MS, 0};
    spec->features[spec->n_features++] =
        (struct plan_feature){AGG_DECLINE_COUNT, -1, -1, HOUR_MS, 0};
}

static struct coverage *coverage_of(const struct plan *plan)
{
    struct coverage *c = arena_must(arena, sizeof *c);
    assert_int_equal(coverage_add_plan(c, plan, arena), ST_OK);
    return c;
}

static const int64_t day[] = {DAY_MS};
static const int64_t hour_day_month[] = {HOUR_MS, DAY_MS, 30 * (int64_t)DAY_MS};

static void what_nothing_went_before_is_always_there(void **state)
{
    (void)state;
    const struct plan *plan = plan_of(hour_day_month, 3, add_labels);
    struct coverage *c = coverage_of(plan);
    for (int i = 0; i < plan_feature_count(plan); i++)
        assert_int_equal(coverage_from(&c->keys[0], plan, i), COVERAGE_ALWAYS);
}

/* The last features of `add` are there from `now` on, all before them always. */
static void assert_added(void (*add)(struct plan_spec *), int n_added)
{
    const struct plan *plan = plan_of(day, 1, add);
    struct coverage *c = coverage_of(plan);
    coverage_follow(c, coverage_of(plan_of(day, 1, NULL)), 1000);
    int n = plan_feature_count(plan);
    for (int i = 0; i < n; i++)
        assert_int_equal(coverage_from(&c->keys[0], plan, i),
                         i < n - n_added ? COVERAGE_ALWAYS : 1000);
}

static void a_filter_a_column_and_labels_are_there_since_they_were_added(void **state)
{
    (void)state;
    assert_added(add_filter, 1);
    assert_added(add_column, 1);
    assert_added(add_labels, 2);
}

static void a_key_field_is_there_since_it_was_added(void **state)
{
    (void)state;
    const struct plan *plan = plan_of(day, 1, NULL);
    struct coverage *c = coverage_of(plan);
    coverage_follow(c, &(struct coverage){.n_keys = 0}, 1000);
    assert_int_equal(coverage_from(&c->keys[0], plan, 0), 1000);
    assert_int_equal(coverage_from(&c->keys[0], plan, 1), 1000);
}

static void only_windows_longer_than_logs_were_kept_begin_anew(void **state)
{
    (void)state;
    const struct plan *plan = plan_of(hour_day_month, 3, NULL);
    struct coverage *c = coverage_of(plan);
    coverage_follow(c, coverage_of(plan_of(day, 1, NULL)), 1000);
    assert_int_equal(coverage_from(&c->keys[0], plan, 0), COVERAGE_ALWAYS);
    assert_int_equal(coverage_from(&c->keys[0], plan, 1), COVERAGE_ALWAYS);
    assert_int_equal(coverage_from(&c->keys[0], plan, 2), 1000);
}

static void what_was_shortened_and_lengthened_again_begins_anew(void **state)
{
    (void)state;
    const struct plan *plan = plan_of(hour_day_month, 3, NULL);
    struct coverage *shorter = coverage_of(plan_of(day, 1, NULL));
    coverage_follow(shorter, coverage_of(plan), 1000);
    struct coverage *longer = coverage_of(plan);
    coverage_follow(longer, shorter, 2000);
    assert_int_equal(coverage_from(&longer->keys[0], plan, 1), COVERAGE_ALWAYS);
    assert_int_equal(coverage_from(&longer->keys[0], plan, 2), 2000);
}

static void of_two_instances_the_later_one_counts_and_twice_is_once(void **state)
{
    (void)state;
    const struct plan *plan = plan_of(day, 1, add_filter);
    const struct coverage *before = coverage_of(plan_of(day, 1, NULL));
    struct coverage *a = coverage_of(plan), *b = coverage_of(plan);
    coverage_follow(a, before, 1000);
    coverage_follow(b, before, 3000);
    coverage_follow(a, b, 5000);
    assert_int_equal(coverage_from(&a->keys[0], plan, 2), 3000);
    coverage_follow(a, b, 9000);
    assert_int_equal(coverage_from(&a->keys[0], plan, 2), 3000);
    assert_true(coverage_key_has(&a->keys[0], &b->keys[0]));
}

static void what_was_filled_is_there_from_then_on(void **state)
{
    (void)state;
    const struct plan *plan = plan_of(hour_day_month, 3, add_filter);
    struct coverage *c = coverage_of(plan);
    coverage_follow(c, coverage_of(plan_of(day, 1, NULL)), 1000);
    coverage_fill(&c->keys[0], 10);
    for (int i = 0; i < plan_feature_count(plan); i++)
        assert_int_equal(coverage_from(&c->keys[0], plan, i), 10);
}

static void changes_over_the_limit_make_short_windows_wait_and_never_lie(void **state)
{
    (void)state;
    struct coverage *c = NULL;
    const struct plan *plan = NULL;
    for (int i = 1; i <= COVERAGE_STEPS_MAX + 3; i++) {
        int64_t window_ms = i * (int64_t)HOUR_MS;
        struct coverage *next = coverage_of(plan = plan_of(&window_ms, 1, NULL));
        if (c != NULL)
            coverage_follow(next, c, i * 1000);
        c = next;
    }
    assert_int_equal(c->keys[0].n_steps, COVERAGE_STEPS_MAX);
    assert_int_equal(c->keys[0].steps[0].reach_ms, 4 * HOUR_MS);
    assert_int_equal(c->keys[0].steps[0].from_ms, 4000);
    assert_int_equal(coverage_from(&c->keys[0], plan, 0), (COVERAGE_STEPS_MAX + 3) * 1000);
}

static void a_text_says_it_all(void **state)
{
    (void)state;
    static char bytes[COVERAGE_TEXT_MAX];
    struct text out;
    const struct plan *plan = plan_of(hour_day_month, 3, add_filter);
    struct coverage *c = coverage_of(plan);
    coverage_follow(c, coverage_of(plan_of(day, 1, NULL)), 1000);
    text_init(&out, bytes, sizeof bytes);
    coverage_write(c, &out);
    static const char expected[] = "coverage 1\nkey account_id\n"
                                   "keep 86400000 -9223372036854775808\nkeep 2592000000 1000\n"
                                   "item -9223372036854775808 column e4 amount\n"
                                   "item 1000 filter ";
    assert_memory_equal(out.base, expected, sizeof expected - 1);
    static struct coverage again;
    assert_int_equal(coverage_parse(text_span(&out), &again), ST_OK);
    assert_true(coverage_key_has(&again.keys[0], &c->keys[0]));
    assert_true(coverage_key_has(&c->keys[0], &again.keys[0]));
}

static void texts_that_are_no_coverage_are_corrupt(void **state)
{
    (void)state;
    static struct coverage c;
    static const char *const bad[] = {"",
                                      "coverage 2\n",
                                      "coverage 1\nkeep 1 2\n",
                                      "coverage 1\nkey \n",
                                      "coverage 1\nkey a\nkeep 1\n",
                                      "coverage 1\nkey a\nitem x column e4 b\n",
                                      "coverage 1\nkey a\nitem 5\n",
                                      "coverage 1\nkey a\nwhat 5\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(coverage_parse(span_str(bad[i]), &c), ST_CORRUPT);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_arena, drop_arena)
    const struct CMUnitTest tests[] = {
        TEST(what_nothing_went_before_is_always_there),
        TEST(a_filter_a_column_and_labels_are_there_since_they_were_added),
        TEST(a_key_field_is_there_since_it_was_added),
        TEST(only_windows_longer_than_logs_were_kept_begin_anew),
        TEST(what_was_shortened_and_lengthened_again_begins_anew),
        TEST(of_two_instances_the_later_one_counts_and_twice_is_once),
        TEST(what_was_filled_is_there_from_then_on),
        TEST(changes_over_the_limit_make_short_windows_wait_and_never_lie),
        TEST(a_text_says_it_all),
        TEST(texts_that_are_no_coverage_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
