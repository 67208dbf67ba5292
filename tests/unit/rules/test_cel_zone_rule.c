#include "rules/cel_zone_rule.h"

#include "tests/unit/rules/zone_oracle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct cel_zone_rule rule_of(const char *text)
{
    struct cel_zone_rule rule;
    if (!cel_zone_rule_parse(span_str(text), &rule))
        fail_msg("%s", text);
    return rule;
}

static void every_form_of_a_rule_agrees_with_the_c_library(void **state)
{
    static const char *const texts[] = {
        "UTC0",
        "<+0530>-5:30",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "EST5EDT,M3.2.0,M11.1.0",
        "AEST-10AEDT,M10.1.0,M4.1.0/3",         /* south */
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", /* half an hour */
        "IST-1GMT0,M10.5.0,M3.5.0/1",           /* winter time */
        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",      /* before midnight */
        "IST-2IDT,M3.4.4/26,M10.5.0",           /* past midnight */
        "ABC3DEF2:30:15,J60/1:30,J300",
        "ABC-3DEF,59,299/24",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct cel_zone_rule rule = rule_of(texts[i]);
        oracle_set(texts[i]);
        ORACLE_EACH(t)
        {
            if (cel_zone_rule_offset(&rule, t) != oracle_offset(t))
                fail_msg("%s at %lld: %d, not %d", texts[i], (long long)t,
                         cel_zone_rule_offset(&rule, t), oracle_offset(t));
        }
    }
}

static void summer_time_all_year_has_no_gap_at_new_year(void **state)
{
    struct cel_zone_rule rule = rule_of("EST5EDT,0/0,J365/25"); /* RFC 8536, section 3.3.1 */
    (void)state;
    ORACLE_EACH(t)
    assert_int_equal(cel_zone_rule_offset(&rule, t), -4 * 3600);
}

static void a_time_may_be_in_the_year_before_or_behind(void **state)
{
    const int64_t new_year_s = 1767225600; /* 2026 */
    struct cel_zone_rule early = rule_of("AAA0BBB,0/-48,J180"),
                         late = rule_of("AAA0BBB,J180,J365/48");
    (void)state;
    assert_int_equal(cel_zone_rule_offset(&early, new_year_s - 48 * 3600 - 1), 0);
    assert_int_equal(cel_zone_rule_offset(&early, new_year_s - 48 * 3600), 3600);
    assert_int_equal(cel_zone_rule_offset(&late, new_year_s + 23 * 3600 - 1), 3600);
    assert_int_equal(cel_zone_rule_offset(&late, new_year_s + 23 * 3600), 0);
}

static void what_is_no_rule_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "CET",
        "CE-1",
        "<+03-3",
        "<+3>-3",
        "CET-25",
        "CET-1:60",
        "CET-1CEST",
        "CET-1CEST,",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M3.5.0,M13.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M3.5,M10.5.0",
        "CET-1CEST,J0,J300",
        "CET-1CEST,0,366",
        "CET-1CEST,M3.5.0,M10.5.0/168",
        "CET-1CEST,M3.5.0,M10.5.0/",
        "CET-1CEST,M3.5.0,M10.5.0 ",
        "CET-1,M3.5.0,M10.5.0",
    };
    struct cel_zone_rule rule = {.standard_s = 7};
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (cel_zone_rule_parse(span_str(texts[i]), &rule))
            fail_msg("%s", texts[i]);
        assert_int_equal(rule.standard_s, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_a_rule_agrees_with_the_c_library),
        cmocka_unit_test(summer_time_all_year_has_no_gap_at_new_year),
        cmocka_unit_test(a_time_may_be_in_the_year_before_or_behind),
        cmocka_unit_test(what_is_no_rule_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
