#include "service/base/decimal.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *written(double v, void (*write)(const struct decimal *, struct text *))
{
    static char buf[DECIMAL_PLAIN_MAX + 1];
    struct decimal d = decimal_of(v);
    struct text t;
    text_init(&t, buf, DECIMAL_PLAIN_MAX);
    write(&d, &t);
    assert_false(t.overflow);
    buf[t.len] = '\0';
    return buf;
}

static void the_fewest_digits_that_read_back_are_written(void **state)
{
    static const struct {
        double v;
        const char *plain, *scientific;
    } cases[] = {
        {0, "0", "0e+00"},
        {-0.0, "-0", "-0e+00"},
        {1, "1", "1e+00"},
        {-1200.5, "-1200.5", "-1.2005e+03"},
        {0.1, "0.1", "1e-01"},
        {0.00001, "0.00001", "1e-05"},
        {1e6, "1000000", "1e+06"},
        {123456789, "123456789", "1.23456789e+08"},
        {0.1 + 0.2, "0.30000000000000004", "3.0000000000000004e-01"},
        {5.6843418860808015e-14, "0.00000000000005684341886080802", "5.684341886080802e-14"},
        {9007199254740993.0, "9007199254740992", "9.007199254740992e+15"},
        {5e-324, NULL, "5e-324"},
        {DBL_MIN, NULL, "2.2250738585072014e-308"},
        {DBL_MAX, NULL, "1.7976931348623157e+308"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(written(cases[i].v, decimal_write_scientific), cases[i].scientific);
        if (cases[i].plain != NULL)
            assert_string_equal(written(cases[i].v, decimal_write_plain), cases[i].plain);
    }
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    srand(1);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
        double v;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v))
            continue;
        assert_true(strtod(written(v, decimal_write_scientific), NULL) == v);
        assert_true(strtod(written(v, decimal_write_plain), NULL) == v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fewest_digits_that_read_back_are_written),
        cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
