#include "rules/cel_regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int match(const char *pattern, const char *text)
{
    struct regex_report report;
    int64_t steps = 1000000;
    struct regex *re = regex_new(pattern, strlen(pattern), REGEX_LOAD_BYTES, &report);
    if (re == NULL)
        print_error("%s: %s\n", pattern, report.wrong);
    assert_non_null(re);
    int answer = regex_match(re, text, strlen(text), &steps);
    regex_free(re);
    return answer;
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
        {"(?i)\u00e9", "\u00c9", 1},
        {"^\\p{L}+$", "Stra\u00dfe", 1},
        {"^\\pL+$", "a1", 0},
        {"^\\p{Greek}\\P{Greek}$", "\u03b1a", 1},
        {"^\\Qa.b\\E$", "a.b", 1},
        {"^\\p{L}{50}$", "a", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(patterns); i++) {
        const struct pattern *p = &patterns[i];
        if (match(p->pattern, p->text) != p->matches)
            print_error("%s on %s\n", p->pattern, p->text);
        assert_int_equal(match(p->pattern, p->text), p->matches);
    }
}

static void what_is_no_pattern_says_why_and_where(void **state)
{
    static const struct {
        const char *pattern, *wrong;
        size_t at; /* SIZE_MAX: not known */
    } wrongs[] = {
        {"abc[a", "missing ]: [a", 3},
        {"(a", "missing ): (a", 0},
        {"a)", "unexpected ): a)", 0},
        {"*a", "no argument for repetition operator: *", 0},
        {"a*(*b)", "no argument for repetition operator: *", SIZE_MAX}, /* which of the two? */
        {"xa**", "bad repetition operator: **", 2},
        {"a\\q", "invalid escape sequence: \\q", 1},
        {"\\1", "invalid escape sequence: \\1", 0},
        {"x(?=a)", "invalid perl operator: (?=", 1},
        {"[b-a]", "invalid character class range: b-a", 1},
        {"[[:x:]]", "invalid character class range: [:x:]", 1},
        {"\\p{Greeek}", "invalid character class range: \\p{Greeek}", 0},
        {"a{1001}", "invalid repetition size: {1001}", 1},
        {"(\\pL{500}){2}", "pattern too large - compile failed", SIZE_MAX},
    };
    struct regex_report report;
    (void)state;
    for (size_t i = 0; i < COUNT(wrongs); i++) {
        const char *pattern = wrongs[i].pattern;
        assert_null(regex_new(pattern, strlen(pattern), REGEX_LOAD_BYTES, &report));
        assert_string_equal(report.wrong, wrongs[i].wrong);
        assert_true(report.wrong_at == wrongs[i].at);
    }
}

static void a_long_complaint_is_cut_between_characters(void **state)
{
    char pattern[1002] = "(";
    struct regex_report report;
    (void)state;
    for (size_t i = 1; i + 3 <= sizeof pattern; i += 2)
        memcpy(pattern + i, "\xc3\xa9", 3);
    assert_null(regex_new(pattern, 999, REGEX_LOAD_BYTES, &report));
    size_t len = strlen(report.wrong);
    assert_in_range(len, REGEX_WRONG_MAX - 4, REGEX_WRONG_MAX - 1);
    assert_int_equal((unsigned char)report.wrong[len - 1], 0xa9);
}

static void a_hostile_pattern_takes_linear_time(void **state)
{
    char text[20000];
    struct regex_report report;
    int64_t steps = 1000000;
    const char *pattern = "^(a|a)*(a*)*b$";
    (void)state;
    memset(text, 'a', sizeof text);
    /* a backtracking matcher needs 2^20000 tries */
    struct regex *re = regex_new(pattern, strlen(pattern), REGEX_LOAD_BYTES, &report);
    assert_int_equal(regex_match(re, text, sizeof text, &steps), 0);
    assert_true(steps > 990000);
    steps = 10;
    assert_int_equal(regex_match(re, text, sizeof text, &steps), -1);
    regex_free(re);
}

static void a_pattern_costs_what_it_is_worth(void **state)
{
    struct regex_report small, large, too_large;
    (void)state;
    regex_free(regex_new("^[A-Z]{2}$", 10, REGEX_RUN_BYTES, &small));
    regex_free(regex_new("\\pL", 3, REGEX_RUN_BYTES, &large));
    assert_null(regex_new("\\pL{50}", 7, REGEX_RUN_BYTES, &too_large));
    assert_in_range(small.steps, 300, 1000);
    assert_in_range(large.steps, 20000, 50000);
    assert_true(too_large.steps > 100000);
}

static void an_empty_text_may_have_no_address(void **state)
{
    struct regex_report report;
    int64_t steps = 1000;
    (void)state;
    struct regex *re = regex_new(NULL, 0, REGEX_RUN_BYTES, &report);
    assert_int_equal(regex_match(re, NULL, 0, &steps), 1);
    regex_free(re);
    regex_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_as_in_re2),
        cmocka_unit_test(what_is_no_pattern_says_why_and_where),
        cmocka_unit_test(a_long_complaint_is_cut_between_characters),
        cmocka_unit_test(a_hostile_pattern_takes_linear_time),
        cmocka_unit_test(a_pattern_costs_what_it_is_worth),
        cmocka_unit_test(an_empty_text_may_have_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
