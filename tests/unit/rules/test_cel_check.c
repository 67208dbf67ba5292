#include "tests/unit/rules/cel_fixture.h"

#include "rules/cel_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

FIXTURE_OF_TESTS

/* A text, and what is said about it: place and message, perhaps a hint. */
struct mistake {
    const char *source;
    int col;
    const char *message, *hint;
};

static void all_are_refused(const struct mistake *mistakes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct mistake *m = &mistakes[i];
        assert_null(fixture_compile(&f, m->source));
        assert_string_equal(f.diags.items[0].message, m->message);
        assert_string_equal(f.diags.items[0].hint, m->hint ? m->hint : "");
        assert_int_equal(f.diags.items[0].col, m->col);
    }
}

static void a_diagnostic_shows_the_place_and_what_to_do(void **state)
{
    (void)state;
    assert_string_equal(fixture_diags(&f, "count > 10 && amont > 2"),
                        "r.yaml:1:15: unknown name 'amont'\n"
                        "    count > 10 && amont > 2\n"
                        "                  ^\n"
                        "did you mean 'amount'?\n");
    assert_string_equal(fixture_diags(&f, "amount * 2 > 10.0"),
                        "r.yaml:1:8: '*' does not work on double and int\n"
                        "    amount * 2 > 10.0\n"
                        "           ^\n"
                        "write 2.0\n");
}

static void unknown_names_get_the_nearest_one(void **state)
{
    static const struct mistake mistakes[] = {
        {"tx.amuont > 10", 4, "unknown name 'tx.amuont'", "did you mean 'tx.amount'?"},
        {"1 > merchant.contry", 14, "unknown name 'merchant.contry'",
         "did you mean 'merchant.country'?"},
        {"lists.codez", 7, "unknown name 'lists.codez'", "did you mean 'lists.codes'?"},
        {"lists.watched", 7, "unknown name 'lists.watched'",
         "there are lists.countries, lists.codes"},
        {"a.b.c", 1, "unknown name 'a.b.c'", NULL},
        {"[1].map(x, y)", 12, "unknown name 'y'", "a text is written in quotes: \"y\""},
        {"has(tx.amuont)", 8, "unknown name 'tx.amuont'", "did you mean 'tx.amount'?"},
        {"currency.contain('x')", 10, "unknown function 'contain'", "did you mean 'contains'?"},
        {"contains(currency, 'E')", 1, "unknown function 'contains'",
         "it is written x.contains(...)"},
        {"currency.double()", 10, "unknown function 'double'", "it is written double(x)"},
    };
    (void)state;
    all_are_refused(mistakes, COUNT(mistakes));
}

static void a_feature_without_its_window_is_shown_with_one(void **state)
{
    static const struct cel_name names[] = {
        {.name = {"big_sum_1d", 10}, .group = "tx", .type = &cel_type_double}};
    (void)state;
    f.env.names = names;
    f.env.n_names = 1;
    f.env.unknown_hint = "there is nothing else";
    static const struct mistake mistakes[] = {
        {"big_sum > 4.0", 1, "unknown name 'big_sum'",
         "a feature is named with its window: big_sum_1d"},
        {"big_sum_2d > 4.0", 1, "unknown name 'big_sum_2d'", "did you mean 'big_sum_1d'?"},
        {"big > 4.0", 1, "unknown name 'big'", "there is nothing else"},
        {"lists.big", 7, "unknown name 'lists.big'",
         "there are no lists; they are declared under `lists:`"},
    };
    all_are_refused(mistakes, COUNT(mistakes));
}

static void words_of_other_languages_get_the_operator(void **state)
{
    static const struct mistake mistakes[] = {
        {"is_night and count > 1", 10, "'and' stands where an operator is missing",
         "for 'and' write &&"},
        {"(is_night OR count > 1)", 11, "'OR' stands where ')' is missing", "for 'or' write ||"},
        {"not is_night", 1, "'not' means nothing here", "for 'not' write !, as in !(a in b)"},
        {"not (is_night)", 1, "unknown function 'not'", "for 'not' write !, as in !(a in b)"},
    };
    (void)state;
    all_are_refused(mistakes, COUNT(mistakes));
}

static void unlike_types_are_refused(void **state)
{
    static const struct mistake mistakes[] = {
        {"2 * amount", 3, "'*' does not work on int and double", "write 2.0"},
        {"amount / count", 8, "'/' does not work on double and int", "write double(count)"},
        {"amount + tx.count", 8, "'+' does not work on double and int", "write double(tx.count)"},
        {"currency > 5", 10, "'>' does not compare string with int", "write \"5\""},
        {"978 == currency", 5, "'==' does not compare int with string", "write \"978\""},
        {"currency == amount", 10, "'==' does not compare string with double",
         "both sides are of one type, or both are numbers"},
        {"count in currency", 10, "'in' looks in a list or a map, and this is string",
         "a list is written [a, b]"},
        {"currency in lists.codes", 10, "string cannot be in list(int)",
         "write the list's items in quotes"},
        {"amount && true", 1, "'&&' wants bool here, and this is double",
         "each side is a whole comparison: a > 1 || b > 1"},
        {"!count", 2, "'!' wants bool here, and this is int", "write a comparison, as amount > 0"},
        {"-currency", 1, "'-' does not work on string", "there is -int, -double, -duration"},
        {"count ? 1 : 2", 1, "the condition of ?: is int, not bool",
         "write a comparison, as amount > 0"},
        {"is_night ? 1 : 'a'", 10, "the two sides of ?: are int and string",
         "make both the same type, as in c ? 80.0 : 40.5"},
        {"currency.contains(5)", 19, "string.contains() does not take (int)",
         "there is string.contains(string)"},
        {"size(count)", 6, "size() does not take (int)",
         "there is size(string), size(bytes), size(list), size(map)"},
        {"currency.name", 10, "a value of type string has no field 'name'", NULL},
        {"lists.codes['a']", 13, "an element of a list is found by int, not by string",
         "the first is [0]"},
        {"count.all(x, true)", 7, "int has no elements to go through",
         "it works on lists and maps"},
        {"{1.5: 2}", 2, "double cannot be a key", "a key is a bool, int, uint or string"},
    };
    (void)state;
    all_are_refused(mistakes, COUNT(mistakes));
}

static void constant_patterns_and_zones_are_tried_at_once(void **state)
{
    static const struct mistake mistakes[] = {
        {"currency.matches('(a')", 18, "invalid pattern at character 1: missing ): (a", NULL},
        {"time.getHours('Mars/Phobos')", 15,
         "this is no time zone: write \"UTC\", \"+02:00\", or a name as \"Europe/Berlin\"", NULL},
    };
    (void)state;
    all_are_refused(mistakes, COUNT(mistakes));
}

static void one_mistake_is_told_once_and_two_are_two(void **state)
{
    (void)state;
    assert_null(fixture_compile(&f, "amont * 2 > 3 && !(amont + 1)"));
    assert_int_equal(f.diags.errors, 2);
    assert_null(fixture_compile(&f, "(amont * 2 + 1 > 3) == (1 < 2)"));
    assert_int_equal(f.diags.errors, 1);
}

static void a_place_in_a_folded_block_is_found_in_the_file(void **state)
{
    static const char file[] = "rules:\n"
                               "  - when: >\n"
                               "      count > 1\n"
                               "      && amont > 2\n";
    const struct diag_at at = {"r.yaml", span_str(file), 3, 7};
    const struct cel_program *program;
    struct span folded = span_str("count > 1 && amont > 2\n");
    (void)state;
    assert_int_equal(cel_compile(&f.env, folded, at, f.arena, &f.diags, &program), ST_INVALID);
    assert_int_equal(f.diags.items[0].line, 4);
    assert_int_equal(f.diags.items[0].col, 10);
    assert_string_equal(f.diags.items[0].source, "      && amont > 2");
}

static void a_place_behind_an_escape_of_yaml_is_found(void **state)
{
    static const char file[] = "when: 'currency == ''EUR'' && amont'\n";
    const struct diag_at at = {"r.yaml", span_str(file), 1, 8};
    const struct cel_program *program;
    struct span text = span_str("currency == 'EUR' && amont");
    (void)state;
    assert_int_equal(cel_compile(&f.env, text, at, f.arena, &f.diags, &program), ST_INVALID);
    assert_int_equal(f.diags.items[0].col, 31);
}

struct typed {
    const char *source, *type;
};

static void types_are_inferred(void **state)
{
    static const struct typed cases[] = {
        {"count + 1", "int"},
        {"amount * 2.0", "double"},
        {"[1, 2]", "list(int)"},
        {"[1, 'a']", "list(dyn)"},
        {"[]", "list(dyn)"},
        {"[[], [1]]", "list(list(int))"},
        {"{'a': 1}", "map(string, int)"},
        {"{'a': 1}.a", "int"},
        {"lists.codes.map(x, string(x))", "list(string)"},
        {"lists.codes.filter(x, x > 1)[0]", "int"},
        {"location.lat", "double"},
        {"anything", "dyn"},
        {"anything + 1", "int"},
        {"dyn(1)", "dyn"},
        {"time - time", "duration"},
        {"is_night ? 1 : 2", "int"},
        {"currency.split(',')", "list(string)"},
        {"has(tx.absent)", "bool"},
        {"type(1)", "type"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct cel_program *p = fixture_compile(&f, cases[i].source);
        char buf[256] = {0};
        struct text t;
        assert_non_null(p);
        text_init(&t, buf, sizeof buf - 1);
        cel_type_write(p->result, &t);
        assert_string_equal(buf, cases[i].type);
    }
}

static void unchecked_mistakes_become_error_values(void **state)
{
    (void)state;
    f.env.unchecked = true;
    assert_string_equal(fixture_text(&f, "nobody"), "error: unknown name nobody");
    assert_string_equal(fixture_text(&f, "nobody || true"), "true");
    assert_string_equal(fixture_text(&f, "f(1) || true"), "true");
    assert_string_equal(fixture_text(&f, "count + 'a'"), "error: no such overload");
    assert_string_equal(fixture_text(&f, "amount * 2"), "error: no such overload");
}

/* Each {a: a} has a type twice as large; fifty of them would have more parts than one can count. */
static void a_type_that_doubles_each_time_is_given_up(void **state)
{
    enum { TIMES = 50 };
    char source[TIMES * 40];
    struct text t;
    (void)state;
    text_init(&t, source, sizeof source - 1);
    text_str(&t, "cel.bind(a0, [1], ");
    for (int i = 0; i < TIMES; i++)
        text_printf(&t, "cel.bind(a%d, {a%d: a%d}, ", i + 1, i, i);
    text_printf(&t, "a%d", TIMES);
    for (int i = 0; i <= TIMES; i++)
        text_char(&t, ')');
    source[t.len] = '\0';
    f.env.unchecked = true;
    const struct cel_program *program = fixture_compile(&f, source);
    f.env.unchecked = false;
    assert_non_null(program);
}

/* Nobody counted them: the checker does not look, and a function has four at most. */
static void unchecked_calls_may_have_no_arguments_or_too_many(void **state)
{
    static const int counts[] = {5, 255, 256, 257, 600}; /* an instruction has a byte for it */
    char source[2048];
    (void)state;
    f.env.unchecked = true;
    assert_string_equal(fixture_text(&f, "count.or()"), "error: no such overload");
    assert_string_equal(fixture_text(&f, "count.orValue()"), "error: no such overload");
    assert_string_equal(fixture_text(&f, "optional.of(1).or(1, 2)"), "error: no such overload");
    for (size_t c = 0; c < COUNT(counts); c++) {
        struct text t;
        text_init(&t, source, sizeof source - 1);
        text_str(&t, "size(count");
        for (int i = 1; i < counts[c]; i++)
            text_str(&t, ",1");
        text_char(&t, ')');
        source[t.len] = '\0';
        assert_string_equal(fixture_text(&f, source), "error: no such overload");
    }
}

/* Each variable is two of the next; the first was looked at while it was small. */
static void a_type_that_doubles_behind_a_node_is_given_up(void **state)
{
    enum { TIMES = 60 };
    char source[8192];
    struct text t;
    (void)state;
    text_init(&t, source, sizeof source - 1);
    for (int i = 0; i <= TIMES; i++)
        text_printf(&t, "cel.bind(a%d, [], ", i);
    text_str(&t, "[is_night ? a0[0] : dyn(true");
    for (int i = 0; i < TIMES; i++)
        text_printf(&t, " && a%d == [{a%d[0]: a%d[0]}]", i, i + 1, i + 1);
    text_str(&t, ")]");
    for (int i = 0; i <= TIMES; i++)
        text_char(&t, ')');
    source[t.len] = '\0';
    assert_non_null(fixture_compile(&f, source));
}

/* With what stands before it the name is longer than any that is declared. */
static void an_unknown_function_of_a_very_long_name_is_told(void **state)
{
    char source[400], method[300];
    (void)state;
    memset(method, 'm', sizeof method);
    snprintf(source, sizeof source, "maths.%.*s(1)", (int)sizeof method, method);
    assert_null(fixture_compile(&f, source));
    assert_int_equal(f.diags.errors, 1);
    assert_memory_equal(f.diags.items[0].message, "unknown function 'mmm", 21);
}

/* The fixture's env, with count as a feature. */
static const struct cel_program *compile_with_feature(const char *source)
{
    static struct cel_name names[64];
    const struct cel_program *program = NULL;
    struct cel_env env = f.env;
    memcpy(names, f.names, (size_t)env.n_names * sizeof names[0]);
    for (int i = 0; i < env.n_names; i++)
        if (span_is(names[i].name, "count"))
            names[i].covered_slot = FIXTURE_is_night;
    env.names = names;
    f.diags = (struct diag_list){0};
    struct diag_at at = {.file = "r.yaml", .line = 1, .col = 1};
    if (cel_compile(&env, span_str(source), at, f.arena, &f.diags, &program) != ST_OK)
        return NULL;
    return program;
}

static void covered_is_of_the_name_of_a_feature(void **state)
{
    (void)state;
    const struct cel_program *program = compile_with_feature("covered(count) && covered(tx.count)");
    assert_non_null(program);
    assert_int_equal(program->n_reads, 1);
    assert_int_equal(program->reads[0], FIXTURE_is_night);
    assert_true(cel_is_true(cel_run(program, f.row, f.scratch)));
    static const char *const wrong[] = {"covered(amount)", "covered(count > 1)", "covered(1)",
                                        "[1].exists(count, covered(count))"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_null(compile_with_feature(wrong[i]));
        assert_string_equal(f.diags.items[0].message, "covered() takes the name of a feature");
    }
    assert_null(compile_with_feature("covered(cuont)"));
    assert_string_equal(f.diags.items[0].message, "unknown name 'cuont'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_diagnostic_shows_the_place_and_what_to_do),
        TEST(unknown_names_get_the_nearest_one),
        TEST(a_feature_without_its_window_is_shown_with_one),
        TEST(words_of_other_languages_get_the_operator),
        TEST(unlike_types_are_refused),
        TEST(constant_patterns_and_zones_are_tried_at_once),
        TEST(one_mistake_is_told_once_and_two_are_two),
        TEST(a_place_in_a_folded_block_is_found_in_the_file),
        TEST(a_place_behind_an_escape_of_yaml_is_found),
        TEST(types_are_inferred),
        TEST(unchecked_mistakes_become_error_values),
        TEST(unchecked_calls_may_have_no_arguments_or_too_many),
        TEST(a_type_that_doubles_each_time_is_given_up),
        TEST(a_type_that_doubles_behind_a_node_is_given_up),
        TEST(an_unknown_function_of_a_very_long_name_is_told),
        TEST(covered_is_of_the_name_of_a_feature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
