#include "rules/cel_regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static int match(const char *pattern, struct span text)
{
    const struct regex *re;
    int64_t steps = 1000000;
    const char *wrong = regex_compile(span_str(pattern), arena, &re);
    if (wrong != NULL)
        print_error("%s: %s\n", pattern, wrong);
    assert_null(wrong);
    return regex_match(re, text, arena, &steps);
}

struct pattern {
    const char *pattern, *text;
    int matches;
};

static void patterns_match_as_in_re2(void **state)
{
    static const struct pattern patterns[] = {
        {"", "", 1},
        {"", "x", 1},
        {"a", "", 0},
        {"ubb", "hubba", 1},
        {"^ubb", "hubba", 0},
        {"gr(a|e)y", "grey", 1},
        {"gr(?:a|e)y", "groy", 0},
        {"^a*$", "aaa", 1},
        {"^a+$", "", 0},
        {"^ab?c$", "ac", 1},
        {"^(ab){2,3}$", "abab", 1},
        {"^(ab){2,3}$", "ab", 0},
        {"^(ab){2,}$", "abababab", 1},
        {"^a{3}$", "aaaa", 0},
        {"^a{,3}$", "a{,3}", 1},
        {"^[a-c]+$", "abcab", 1},
        {"^[^a-c]+$", "xyz", 1},
        {"[]]", "]", 1},
        {"[a-]", "-", 1},
        {"^\\d{3}-\\d{4}$", "555-1234", 1},
        {"^\\w+\\s\\W$", "ab !", 1},
        {"^[\\d_]+$", "1_2", 1},
        {"^[^\\D5]$", "5", 0},
        {"^[[:alpha:]]+$", "aZ", 1},
        {"^[[:^alpha:]]+$", "12", 1},
        {".", "\n", 0},
        {"(?s).", "\n", 1},
        {"(?i)eur", "EuR", 1},
        {"(?i:e)ur", "EUr", 0},
        {"(?i)[a-f]", "C", 1},
        {"a$", "a\nb", 0},
        {"(?m)a$", "a\nb", 1},
        {"(?m)^b", "a\nb", 1},
        {"\\bcat\\b", "the cat sat", 1},
        {"\\bcat\\b", "concat", 0},
        {"\\Bat", "cat", 1},
        {"\\Aa\\z", "a", 1},
        {"^\u00e9.\u00e9$", "\u00e9\u20ac\u00e9", 1},
        {"^[\u00e0-\u00ff]$", "\u00e9", 1},
        {"\\x41\\x{42}\\.", "AB.", 1},
        {"(a|\U0001F600){2}", "\U0001F600\U0001F600", 1},
        {"(?P<name>a)b", "ab", 1},
        {"a|b|", "", 1},
        {"^(){2}(a{0})*(|b){2}$", "bb", 1},
        {"a**|b", "", -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(patterns); i++) {
        const struct pattern *p = &patterns[i];
        if (p->matches >= 0)
            assert_int_equal(match(p->pattern, span_str(p->text)), p->matches);
    }
}

static void what_is_no_pattern_says_why(void **state)
{
    static const char *const wrong[] = {
        "(a",  "a)",         "[a",     "*a",    "a**",     "a{2}{3}*", "\\",      "\\q",
        "\\1", "(?=a)",      "(?<!a)", "[b-a]", "[[:x:]]", "\\pL",     "a{1001}", "(a{1000}){1000}",
        "(?",  "\\x{110000}"};
    const struct regex *re;
    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_non_null(regex_compile(span_str(wrong[i]), arena, &re));
}

static void a_hostile_pattern_takes_linear_time(void **state)
{
    char text[20000];
    const struct regex *re;
    int64_t steps = 1000000;
    (void)state;
    memset(text, 'a', sizeof text);
    /* a backtracking matcher needs 2^20000 tries */
    assert_null(regex_compile(span_str("^(a|a)*(a*)*b$"), arena, &re));
    assert_int_equal(regex_match(re, span_of(text, sizeof text), arena, &steps), 0);
    assert_true(steps > 900000);
    steps = 10;
    assert_int_equal(regex_match(re, span_of(text, sizeof text), arena, &steps), -1);
}

static void nothing_however_often_is_nothing(void **state)
{
    static const char *const nothing[] = {
        "^((((){1000}){1000}){1000}){1000}$",
        "^((((a{0}){1000}){1000}){1000}){1000}$",
        "^(((((?i)){1000,}){1000,}){1000,}){1000,}$",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(nothing); i++) {
        assert_int_equal(match(nothing[i], span_str("")), 1);
        assert_int_equal(match(nothing[i], span_str("a")), 0);
    }
}

static void a_match_gives_its_scratch_back(void **state)
{
    const struct regex *re;
    int64_t steps = 1000;
    struct arena none = {0};
    (void)state;
    assert_null(regex_compile(span_str("a+"), arena, &re));
    size_t used = arena->used_bytes;
    assert_int_equal(regex_match(re, span_str("xay"), arena, &steps), 1);
    assert_int_equal(arena->used_bytes, used);
    assert_int_equal(regex_match(re, span_str("xay"), &none, &steps), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(patterns_match_as_in_re2),
        TEST(what_is_no_pattern_says_why),
        TEST(a_hostile_pattern_takes_linear_time),
        TEST(nothing_however_often_is_nothing),
        TEST(a_match_gives_its_scratch_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
