/* What is computed at load: seen in the listing of the program. */
#include "rules/cel_listing.h"
#include "tests/unit/rules/cel_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

FIXTURE_OF_TESTS

/* The instructions of a program, without their places: "CONST 3; RETURN". */
static const char *code_of(const char *source)
{
    static char code[2048];
    char listing[8192] = {0}, *line, *rest = listing;
    struct text out;
    size_t len = 0;
    text_init(&out, listing, sizeof listing - 1);
    cel_listing_write(fixture_compile(&f, source), &f.env, 0, &out);
    code[0] = '\0';
    while ((line = strsep(&rest, "\n")) != NULL) {
        char op[64], operands[256] = "";
        if (sscanf(line, " %*d %63s %255[^\n]", op, operands) < 1)
            continue;
        len += (size_t)snprintf(code + len, sizeof code - len, "%s%s%s%s", len ? "; " : "", op,
                                operands[0] ? " " : "", operands);
    }
    return code;
}

static void what_needs_no_row_is_a_constant(void **state)
{
    static const struct {
        const char *source, *code;
    } cases[] = {
        {"1 + 2 * 3", "CONST 7; RETURN"},
        {"amount > 2.0 * 500.0", "COMPARE_SLOT amount > 1000.0; RETURN"},
        {"duration('1h') + duration('30m') == duration('90m')", "CONST true; RETURN"},
        {"[1, 2, 3].map(x, x * x).exists(x, x == 4)", "CONST true; RETURN"},
        {"currency in ['a', 'b'].map(c, c.upperAscii())", "IN_SLOT currency [A, B]; RETURN"},
        {"{'a': {'b': [5]}}.a.b[0]", "CONST 5; RETURN"},
        {"optional.of(1).orValue(2)", "CONST 1; RETURN"},
        {"'x'.matches('^x$')", "CONST true; RETURN"},
        {"cel.bind(x, 2, x * x)", "CONST 4; RETURN"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(code_of(cases[i].source), cases[i].code);
}

static void logic_with_a_constant_is_what_is_left(void **state)
{
    static const struct {
        const char *source, *code;
    } cases[] = {
        {"true && is_night", "SLOT is_night; RETURN"},
        {"is_night && true", "SLOT is_night; RETURN"},
        {"is_night && 1 > 2", "CONST false; RETURN"},
        {"count > 1 || 2 > 1", "CONST true; RETURN"},
        {"1 > 2 ? count : 3", "CONST 3; RETURN"},
        {"1 < 2 ? count : 3", "SLOT count; RETURN"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(code_of(cases[i].source), cases[i].code);
}

static void what_would_fail_is_left_to_fail(void **state)
{
    static const struct {
        const char *source, *code, *value;
    } cases[] = {
        {"1 / 0", "CONST 1; CONST 0; DIVIDE; RETURN", "error: division by zero"},
        {"[1, 2][4 + 1]", "CONST [1, 2]; CONST 5; AT; RETURN", "error: index out of bounds"},
        {"true && anything", "CONST true; JUMP_IF_FALSE -> 4; SLOT anything; AND; RETURN",
         "error: no such overload"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(code_of(cases[i].source), cases[i].code);
        assert_string_equal(fixture_text(&f, cases[i].source), cases[i].value);
    }
    assert_string_equal(fixture_text(&f, "1 / 0 > 0 || true"), "true");
}

static void a_name_and_a_constant_are_compared_at_once(void **state)
{
    static const struct {
        const char *source, *code;
    } cases[] = {
        {"100 < count && currency == 'EUR' && !is_night",
         "COMPARE_SLOT count > 100; AND_SLOT currency == \"EUR\" -> 3; AND_SLOT is_night == false "
         "-> 3; RETURN"},
        {"count > 1 || amount <= 5.5",
         "COMPARE_SLOT count > 1; OR_SLOT amount <= 5.5 -> 2; RETURN"},
        {"has(location.lat) && location.lat > 50.0",
         "HAS_IN_SLOT location \"lat\"; JUMP_IF_FALSE -> 5; SELECT_SLOT location \"lat\"; "
         "COMPARE_CONST > 50.0; AND; RETURN"},
        {"lists.codes.exists(x, x > 2)", "CONST true; RETURN"},
        {"[count].exists(x, x > 2)",
         "LIST 1; SLOT count; APPEND; ITERATE -> 11; CONST false; RESERVE; NEXT stack[0] -> 9; "
         "COMPARE_LOCAL stack[3] > 2; UNTIL_TRUE stack[2] -> 6; LOCAL stack[2]; LEAVE stack[0]; "
         "RETURN"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(code_of(cases[i].source), cases[i].code);
}

static void folding_has_a_budget(void **state)
{
    static const char ten[] = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]";
    char source[512];
    (void)state;
    snprintf(source, sizeof source,
             "%s.all(a, %s.all(b, %s.all(c, %s.all(d, %s.all(e, a + b + c + d + e < 99)))))", ten,
             ten, ten, ten, ten);
    const struct cel_program *p = fixture_compile(&f, source);
    assert_non_null(p);
    assert_true(p->n_code > 10);
    assert_int_equal(cel_run(p, f.row, f.scratch).code, CEL_ERR_LIMIT);
}

/* [a, a] of what cel.bind names: forty lists as they are built, 2^40 as a copy. */
static void a_list_that_doubles_each_time_is_left_to_the_run(void **state)
{
    enum { TIMES = 40, KEPT_MAX = 1 << 20 };
    char source[TIMES * 40];
    struct text t;
    (void)state;
    text_init(&t, source, sizeof source - 1);
    text_str(&t, "cel.bind(a0, [0], ");
    for (int i = 0; i < TIMES; i++)
        text_printf(&t, "cel.bind(a%d, [a%d, a%d], ", i + 1, i, i);
    text_printf(&t, "a%d", TIMES);
    for (int i = 0; i <= TIMES; i++)
        text_char(&t, ')');
    source[t.len] = '\0';
    size_t before = f.arena->used_bytes;
    const struct cel_program *program = fixture_compile(&f, source);
    assert_non_null(program);
    assert_true(f.arena->used_bytes - before < KEPT_MAX);
    struct cel_value v = cel_run(program, f.row, f.scratch);
    assert_int_equal(v.kind, CEL_LIST);
    assert_int_equal(v.list->count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_needs_no_row_is_a_constant),
        TEST(logic_with_a_constant_is_what_is_left),
        TEST(what_would_fail_is_left_to_fail),
        TEST(a_name_and_a_constant_are_compared_at_once),
        TEST(folding_has_a_budget),
        TEST(a_list_that_doubles_each_time_is_left_to_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
