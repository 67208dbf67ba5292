#include "service/cli/eval_text.h"

#include "tests/unit/rules/cel_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct fixture f;

/* An expression, and how a person reads its value. */
struct reading {
    const char *source, *text;
};

static const char *text_of(const char *source)
{
    struct text t;
    text_init(&t, f.text, sizeof f.text - 1);
    eval_text_write(fixture_eval(&f, source), &t);
    f.text[t.len] = '\0';
    return f.text;
}

static void all_read_so(const struct reading *readings, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_string_equal(text_of(readings[i].source), readings[i].text);
}

static void a_number_shows_its_type(void **state)
{
    static const struct reading readings[] = {
        {"3", "3"},
        {"3u", "3u"},
        {"3.0", "3.0"},
        {"-0.0", "-0.0"},
        {"1.5e300", "1.5e+300"},
        {"0.0 / 0.0", "double(\"NaN\")"},
        {"null", "null"},
        {"1 < 2", "true"},
        {"type(1)", "int"},
    };
    (void)state;
    all_read_so(readings, COUNT(readings));
}

static void a_text_alone_has_no_quotes_and_within_has(void **state)
{
    static const struct reading readings[] = {
        {"'a\"b'", "a\"b"},
        {"['a\"b', 'c']", "[\"a\\\"b\", \"c\"]"},
        {"{'k': ['v']}", "{\"k\": [\"v\"]}"},
        {"time", "2026-01-05T12:00:10Z"},
        {"[time]", "[timestamp(\"2026-01-05T12:00:10Z\")]"},
        {"duration('1500ms')", "1.5s"},
        {"[duration('1500ms')]", "[duration(\"1.5s\")]"},
        {"b'\\x00a\"'", "b\"\\x00a\\\"\""},
        {"optional.of('x')", "optional.of(\"x\")"},
        {"optional.none()", "optional.none()"},
    };
    (void)state;
    all_read_so(readings, COUNT(readings));
}

static void what_is_nested_without_end_is_not_written(void **state)
{
    struct cel_value v;
    struct cel_list list = {.count = 1, .items = &v};
    struct text t;
    (void)state;
    v = cel_list_of(&list);
    text_init(&t, f.text, sizeof f.text);
    eval_text_write(v, &t);
    assert_true(t.overflow);
}

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_fini(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_shows_its_type),
        cmocka_unit_test(a_text_alone_has_no_quotes_and_within_has),
        cmocka_unit_test(what_is_nested_without_end_is_not_written),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
