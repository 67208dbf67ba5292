#include "rules/template.h"

#include "rules/cel_utf8.h"
#include "tests/unit/rules/cel_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

FIXTURE_OF_TESTS

static enum status compile(const char *source, struct template *ret_template)
{
    return template_compile(&f.env, span_str(source), (struct diag_at){.file = "r.yaml"}, f.arena,
                            &f.diags, ret_template);
}

static struct span render(const char *source)
{
    struct template t;
    struct span out;
    assert_int_equal(compile(source, &t), ST_OK);
    assert_int_equal(template_render(&t, f.row, f.scratch, f.scratch, &out), ST_OK);
    return out;
}

static void assert_text(const char *source, const char *text)
{
    struct span got = render(source);
    if (!span_is(got, text))
        print_error("%s gives %.*s\n", source, SPAN_ARG(got));
    assert_true(span_is(got, text));
}

static void expressions_stand_between_braces(void **state)
{
    static const struct {
        const char *source, *text;
    } cases[] = {
        {"{count} payments in 5 minutes", "11 payments in 5 minutes"},
        {"{amount} {currency}", "950.5 EUR"},
        {"at {time.getHours()} h, {merchant.country}", "at 12 h, BE"},
        {"{{literally}} {count}{count}", "{literally} 1111"},
        {"{absent} of {1 / 0}", "? of ?"},
        {"{'}' + \"{\"}", "}{"},
        {"{{'a': 1}}", "{'a': 1}"},
        {"{ {'a': count}.a }", "11"},
        {"{inexact}", "9..12"},
        {"{lists.codes}", "[1, 2, 3]"},
        {"{time}", "2026-01-05T12:00:10Z"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_text(cases[i].source, cases[i].text);
}

static void a_number_is_written_as_its_format_says(void **state)
{
    static const struct {
        const char *source, *text;
    } cases[] = {
        {"had {score:%} fraud", "had 50 % fraud"},
        {"{amount:.2f} {currency}", "950.50 EUR"},
        {"{count:.1f}{count:.0%}", "11.01100 %"},
        {"{inexact:%} {inexact_avg:.0f}", "900 %..1200 % 2..2"},
        {"{absent:%} {1 / 0:.2f}", "? ?"},
        {"{anything:.2f}", "[1, 2, 3]"},
        {"{anything[0]:.2f}", "1.00"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_text(cases[i].source, cases[i].text);
}

static void a_colon_of_the_language_is_no_format(void **state)
{
    static const struct {
        const char *source, *text;
    } cases[] = {
        {"{is_night ? 'late' : 'early'}", "late"},
        {"{is_night ? score : 1.0:%}", "50 %"},
        {"{is_night ? (is_night ? 1 : 2) : 3}", "1"},
        {"{!is_night ? 1 : is_night ? 2 : 3:.1f}", "2.0"},
        {"{':%' + \":\"}", ":%:"},
        {"{ {'a': count}.a:.1f}", "11.0"},
        {"{ {'a': score}['a']:%}", "50 %"},
        {"{(is_night ? score : 1.0):%}", "50 %"},
        {"{location.?lat.orValue(0.0):.1f}", "50.5"},
        {"{is_night ?.5 :.25}", "0.5"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_text(cases[i].source, cases[i].text);
}

static void a_long_reason_is_cut_between_characters(void **state)
{
    char text[TEMPLATE_RENDERED_MAX + 200];
    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t i = 1; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\u00e9", 2); /* odd offsets: the limit falls within a character */
    f.row[FIXTURE_currency] = cel_string(span_of(text, sizeof text - 1));
    struct span out = render("{currency} and more");
    assert_int_equal(out.len, TEMPLATE_RENDERED_MAX - 1);
    assert_true(cel_utf8_is_valid(out));
}

static void mistakes_are_pointed_at(void **state)
{
    static const struct {
        const char *source, *message;
        int col;
    } cases[] = {
        {"a {count", "the { has no }", 3},
        {"a } b", "the } has no {", 3},
        {"{amont} b", "unknown name 'amont'", 2},
        {"x {count +} b", "the expression ends where a value is missing", 11},
        {"{}", "the expression is empty", 2},
        {"{score:}", "'' is no format", 8},
        {"{score: %}", "' %' is no format", 8},
        {"{score:.7f}", "'.7f' is no format", 8},
        {"{is_night ? score : 1.0:pct}", "'pct' is no format", 25},
        {"{score : 1.0}", "' 1.0' is no format", 9},
        {"{:%}", "the expression is empty", 2},
        {"x {currency:%}", "a format is for numbers, and this is string", 4},
    };
    struct template t;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(&f.diags, 0, sizeof f.diags);
        assert_int_equal(compile(cases[i].source, &t), ST_INVALID);
        assert_string_equal(f.diags.items[0].message, cases[i].message);
        assert_int_equal(f.diags.items[0].col, cases[i].col);
    }
}

static void the_number_of_pieces_has_a_limit(void **state)
{
    char source[3 * (TEMPLATE_PIECES_MAX + 1) + 1] = {0};
    struct template t;
    (void)state;
    for (int i = 0; i <= TEMPLATE_PIECES_MAX; i++)
        memcpy(source + 3 * i, "{1}", 3);
    assert_int_equal(compile(source, &t), ST_INVALID);
    source[3 * TEMPLATE_PIECES_MAX] = '\0';
    assert_int_equal(compile(source, &t), ST_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(expressions_stand_between_braces),
        TEST(a_number_is_written_as_its_format_says),
        TEST(a_colon_of_the_language_is_no_format),
        TEST(a_long_reason_is_cut_between_characters),
        TEST(mistakes_are_pointed_at),
        TEST(the_number_of_pieces_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
