#include "rules/template_format.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char buf[400];

static struct span written(const char *format, struct cel_value v)
{
    struct template_format f = {0};
    struct text out;
    assert_true(template_format_read(span_str(format), &f));
    text_init(&out, buf, sizeof buf);
    template_format_write(&f, v, &out);
    assert_false(out.overflow);
    return text_span(&out);
}

static void a_number_has_the_decimals_that_were_asked_for(void **state)
{
    static const struct {
        const char *format;
        double v;
        const char *text;
    } cases[] = {
        {"%", 0.31, "31 %"},     {"%", 0.123, "12.3 %"},
        {"%", 0.1236, "12.4 %"}, {"%", 1, "100 %"},
        {"%", 0, "0 %"},         {"%", 0.0004, "0 %"},
        {"%", -0.0004, "0 %"},   {"%", -0.5, "-50 %"},
        {"%", 0.1, "10 %"},      {".0%", 0.126, "13 %"},
        {".1%", 0.31, "31.0 %"}, {".6%", 0.5, "50.000000 %"},
        {".0f", 1999.6, "2000"}, {".2f", 950.5, "950.50"},
        {".2f", -0.001, "0.00"}, {".6f", 0.1234567, "0.123457"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span got = written(cases[i].format, cel_double(cases[i].v));
        if (!span_is(got, cases[i].text))
            print_error("%s of %g is %.*s\n", cases[i].format, cases[i].v, SPAN_ARG(got));
        assert_true(span_is(got, cases[i].text));
    }
}

static void whole_numbers_and_inexact_ones_are_numbers_too(void **state)
{
    (void)state;
    assert_true(span_is(written(".1f", cel_int(-3)), "-3.0"));
    assert_true(span_is(written("%", (struct cel_value){.kind = CEL_UINT, .u64 = 2}), "200 %"));
    assert_true(span_is(written(".0f", cel_range_int(9, 12)), "9..12"));
    assert_true(span_is(written("%", cel_range_double(0.09, 0.125)), "9 %..12.5 %"));
}

static void what_is_no_number_stands_as_without_a_format(void **state)
{
    (void)state;
    assert_true(span_is(written("%", (struct cel_value){.kind = CEL_MISSING}), "?"));
    assert_true(span_is(written(".2f", cel_bool(true)), "true"));
    assert_true(span_is(written(".2f", cel_double(NAN)), "null"));
    assert_true(span_is(written("%", cel_double(1e308)), "null"));
}

static void the_largest_number_fits(void **state)
{
    (void)state;
    assert_int_equal(written(".6f", cel_double(-1.7e308)).len, 1 + 309 + 7);
}

static void what_is_no_format_is_told(void **state)
{
    static const char *const cases[] = {"",     "%%", ".7f", ".7%",  "2f",  ".2", ".2d",
                                        ".10f", "f",  " %",  ".2f ", "./f", "d",  ","};
    struct template_format f = {.decimals = 9};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_false(template_format_read(span_str(cases[i]), &f));
    assert_int_equal(f.decimals, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_has_the_decimals_that_were_asked_for),
        cmocka_unit_test(whole_numbers_and_inexact_ones_are_numbers_too),
        cmocka_unit_test(what_is_no_number_stands_as_without_a_format),
        cmocka_unit_test(the_largest_number_fits),
        cmocka_unit_test(what_is_no_format_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
