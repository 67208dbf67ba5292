#include "service/engine/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char bytes[4096];

static struct text empty(void)
{
    struct text out;
    memset(bytes, 0, sizeof bytes);
    text_init(&out, bytes, sizeof bytes - 1);
    return out;
}

static void a_value_comes_with_its_help_and_type(void **state)
{
    struct text out = empty();
    (void)state;
    metrics_value(&out, "sluice_x_total", "counter", "How many", UINT64_MAX);
    assert_string_equal(bytes, "# HELP sluice_x_total How many\n"
                               "# TYPE sluice_x_total counter\n"
                               "sluice_x_total 18446744073709551615\n");
}

static void a_latency_is_cumulative_and_in_seconds(void **state)
{
    struct text out = empty();
    struct latency one = {0}, total = {0};
    (void)state;
    latency_note(&one, 50);
    latency_note(&one, 51);
    latency_note(&one, 2000000);
    latency_add(&total, &one);
    latency_add(&total, &one);
    metrics_latency(&out, "t_seconds", "", &total);
    assert_non_null(strstr(bytes, "t_seconds_bucket{le=\"0.00005\"} 2\n"
                                  "t_seconds_bucket{le=\"0.0001\"} 4\n"));
    assert_non_null(strstr(bytes, "t_seconds_bucket{le=\"1\"} 4\n"
                                  "t_seconds_bucket{le=\"+Inf\"} 6\n"
                                  "t_seconds_sum 4.000202\n"
                                  "t_seconds_count 6\n"));
}

static void its_labels_stand_in_every_sample(void **state)
{
    struct text out = empty();
    struct latency none = {0};
    (void)state;
    metrics_latency(&out, "t_seconds", "route=\"/x\"", &none);
    assert_non_null(strstr(bytes, "t_seconds_bucket{route=\"/x\",le=\"0.00005\"} 0\n"));
    assert_non_null(
        strstr(bytes, "t_seconds_sum{route=\"/x\"} 0\nt_seconds_count{route=\"/x\"} 0\n"));
}

static void a_label_is_written_with_its_escapes(void **state)
{
    struct text out = empty();
    (void)state;
    metrics_label(&out, span_str("a\"b\\c\nd"));
    assert_true(span_is(text_span(&out), "a\\\"b\\\\c\\nd"));
}

static void a_number_that_is_not_finite_has_its_word(void **state)
{
    struct text out = empty();
    (void)state;
    metrics_number(&out, 0.25);
    text_char(&out, ' ');
    metrics_number(&out, HUGE_VAL);
    text_char(&out, ' ');
    metrics_number(&out, -HUGE_VAL);
    text_char(&out, ' ');
    metrics_number(&out, (double)NAN);
    assert_true(span_is(text_span(&out), "0.25 +Inf -Inf NaN"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_comes_with_its_help_and_type),
        cmocka_unit_test(a_latency_is_cumulative_and_in_seconds),
        cmocka_unit_test(its_labels_stand_in_every_sample),
        cmocka_unit_test(a_label_is_written_with_its_escapes),
        cmocka_unit_test(a_number_that_is_not_finite_has_its_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
