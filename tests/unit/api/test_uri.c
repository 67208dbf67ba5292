#include "api/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static char block[256];

static enum status decode(const char *raw, struct span *ret_text)
{
    static struct arena arena;
    arena_init(&arena, block, sizeof block);
    return uri_decode(span_str(raw), &arena, ret_text);
}

static void percent_pairs_become_bytes(void **state)
{
    struct span text;
    (void)state;
    assert_int_equal(decode("a%2Fb%20%c3%A9", &text), ST_OK);
    assert_true(span_is(text, "a/b \xc3\xa9"));
    assert_int_equal(decode("", &text), ST_OK);
    assert_int_equal((int)text.len, 0);
}

static void what_is_no_clean_text_is_refused(void **state)
{
    static const char *const wrong[] = {
        "%",     "%4",           "a%zz",      "%00",          "a%0Ab",
        "%7f",   "%80",          "%c3",       "%c0%80",       "%ed%a0%80",
        "\xff.", "%f5%80%80%80", "%e0%80%80", "%f0%80%80%80", "%f4%90%80%80",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct span text = span_str("before");
        if (decode(wrong[i], &text) != ST_INVALID)
            fail_msg("accepted: %s", wrong[i]);
        assert_true(span_is(text, "before"));
    }
}

static void a_full_arena_is_no_space(void **state)
{
    char small[4];
    struct arena arena;
    struct span text;
    (void)state;
    arena_init(&arena, small, sizeof small);
    assert_int_equal(uri_decode(span_str("abcdefgh"), &arena, &text), ST_NO_SPACE);
}

static void the_path_is_what_stands_before_the_query_and_after_the_host(void **state)
{
    (void)state;
    assert_true(span_is(uri_path(span_str("/a/b?c=/d")), "/a/b"));
    assert_true(span_is(uri_path(span_str("http://h:1/a?b")), "/a"));
    assert_true(span_is(uri_path(span_str("*")), "*"));
    assert_true(span_is(uri_path(span_str("h:1")), "h:1"));
    assert_true(span_is(uri_path(span_str("http://h")), "http://h"));
}

static void a_parameter_takes_one_whole_segment(void **state)
{
    struct span p[URI_PARAMS_MAX];
    (void)state;
    assert_true(uri_match("/v1/entities/{field}/{value}", span_str("/v1/entities/a/b%2Fc"), p));
    assert_true(span_is(p[0], "a"));
    assert_true(span_is(p[1], "b%2Fc"));
    assert_false(uri_match("/v1/entities/{field}/{value}", span_str("/v1/entities/a"), p));
    assert_false(uri_match("/v1/entities/{field}/{value}", span_str("/v1/entities/a/"), p));
    assert_false(uri_match("/v1/entities/{field}/{value}", span_str("/v1/entities/a/b/c"), p));
    assert_false(uri_match("/livez", span_str("/livez/"), p));
    assert_false(uri_match("/livez", span_str("/live"), p));
    assert_true(uri_match("/livez", span_str("/livez"), p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percent_pairs_become_bytes),
        cmocka_unit_test(what_is_no_clean_text_is_refused),
        cmocka_unit_test(a_full_arena_is_no_space),
        cmocka_unit_test(the_path_is_what_stands_before_the_query_and_after_the_host),
        cmocka_unit_test(a_parameter_takes_one_whole_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
