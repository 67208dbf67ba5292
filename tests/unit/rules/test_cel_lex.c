#include "rules/cel_lex.h"

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

static struct cel_token first(const char *source)
{
    struct cel_lexer lexer = {.source = span_str(source), .arena = arena};
    return cel_lex_next(&lexer);
}

static void punctuation_is_read_longest_first(void **state)
{
    static const enum cel_token_kind kinds[] = {
        CEL_TOK_LE, CEL_TOK_LT,  CEL_TOK_EQ,     CEL_TOK_NE,    CEL_TOK_NOT,    CEL_TOK_AND,
        CEL_TOK_OR, CEL_TOK_DOT, CEL_TOK_LBRACE, CEL_TOK_COLON, CEL_TOK_RBRACE, CEL_TOK_END,
    };
    struct cel_lexer lexer = {.source = span_str("<= < == != ! && || . { : }"), .arena = arena};
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++)
        assert_int_equal(cel_lex_next(&lexer).kind, kinds[i]);
    assert_int_equal(cel_lex_next(&lexer).kind, CEL_TOK_END); /* for ever */
}

static void blanks_and_comments_are_passed_over(void **state)
{
    struct cel_lexer lexer = {.source = span_str(" // no\n\t a // yes"), .arena = arena};
    (void)state;
    struct cel_token t = cel_lex_next(&lexer);
    assert_int_equal(t.kind, CEL_TOK_IDENT);
    assert_int_equal(t.offset, 9);
    assert_int_equal(t.end, 10);
    assert_int_equal(cel_lex_next(&lexer).kind, CEL_TOK_END);
}

static void numbers_have_their_types(void **state)
{
    (void)state;
    assert_int_equal(first("42").value.kind, CEL_INT);
    assert_int_equal(first("42").value.i64, 42);
    assert_int_equal(first("0xFf").value.i64, 255);
    assert_int_equal(first("42u").value.kind, CEL_UINT);
    assert_int_equal(first("0x10U").value.u64, 16);
    assert_int_equal(first("1.5").value.kind, CEL_DOUBLE);
    assert_true(first("2e-1").value.f64 == 0.2);
    assert_true(first(".5").value.f64 == 0.5);
    assert_int_equal(first("1.foo").end, 1); /* an int, and a selection */
    assert_true(first("9223372036854775808").is_min_magnitude);
    assert_true(first("18446744073709551615u").value.u64 == UINT64_MAX);
}

struct text_case {
    const char *source, *value;
};

static void strings_are_unescaped(void **state)
{
    static const struct text_case cases[] = {
        {"'a'", "a"},
        {"\"it's\"", "it's"},
        {"'\\n\\t\\\\\\'\\\"\\`\\?'", "\n\t\\'\"`?"},
        {"'\\x41\\101\\u00e9\\U0001F600'", "AA\u00e9\U0001F600"},
        {"r'\\n'", "\\n"},
        {"R\"\\\"", "\\"},
        {"'''a'b\n\"c'''", "a'b\n\"c"},
        {"\"\"\"x\\\"\"\"\"", "x\""},
        {"''", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cel_token t = first(cases[i].source);
        assert_int_equal(t.kind, CEL_TOK_LITERAL);
        assert_int_equal(t.value.kind, CEL_STRING);
        assert_true(span_is(t.value.text, cases[i].value));
    }
}

static void bytes_take_any_byte(void **state)
{
    (void)state;
    struct cel_token t = first("b'\\xff\\000\\u'");
    assert_int_equal(t.kind, CEL_TOK_ERROR); /* no \u in bytes */
    t = first("rb'\\x'");
    assert_int_equal(t.value.kind, CEL_BYTES);
    assert_true(span_is(t.value.text, "\\x"));
    t = first("b'\\xff\\000'");
    assert_true(span_eq(t.value.text, span_of("\xff\0", 2)));
}

static void words_are_names_literals_or_reserved(void **state)
{
    (void)state;
    assert_int_equal(first("true").value.kind, CEL_BOOL);
    assert_int_equal(first("null").value.kind, CEL_NULL);
    assert_int_equal(first("in").kind, CEL_TOK_IN);
    assert_int_equal(first("inner").kind, CEL_TOK_IDENT);
    assert_false(first("inner").is_reserved);
    assert_true(first("while").is_reserved);
    assert_true(span_is(first("`a.b-c`").text, "a.b-c"));
    assert_int_equal(first("rb").kind, CEL_TOK_IDENT);
}

struct fault {
    const char *source, *message;
    size_t offset;
};

static void what_is_no_token_says_why(void **state)
{
    static const struct fault faults[] = {
        {"'abc", "the string does not end", 0},
        {"'a\nb'", "the string does not end", 0},
        {"'a\\q'", "there is no such escape", 2},
        {"'\\ud800'", "there is no such character", 1},
        {"'\\x4'", "there is no such escape", 1},
        {"'\xff'", "the string is not UTF-8", 0},
        {"1a", "a name may not begin right behind a number", 1},
        {"99999999999999999999", "the number does not fit into 64 bits", 0},
        {"9223372036854775809", "the number does not fit into an int", 0},
        {"`a", "the quoted field name does not end", 0},
        {"@", "this character means nothing here", 0},
        {"\xc3\xa9", "this character means nothing here", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(faults); i++) {
        struct cel_token t = first(faults[i].source);
        assert_int_equal(t.kind, CEL_TOK_ERROR);
        assert_string_equal(t.message, faults[i].message);
        assert_int_equal(t.offset, faults[i].offset);
    }
    assert_string_equal(first("= 1").hint, "for equality write ==");
    assert_string_equal(first("=== 1").hint, "for equality write ==");
    assert_string_equal(first("<> 1").hint, "for 'not equal' write !=");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(punctuation_is_read_longest_first),
        TEST(blanks_and_comments_are_passed_over),
        TEST(numbers_have_their_types),
        TEST(strings_are_unescaped),
        TEST(bytes_take_any_byte),
        TEST(words_are_names_literals_or_reserved),
        TEST(what_is_no_token_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
