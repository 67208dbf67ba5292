#include "tests/unit/rules/cel_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

FIXTURE_OF_TESTS

static void all_hold(const struct program *programs, size_t n)
{
    fixture_all_hold(&f, programs, n);
}

static void numbers_are_added_within_their_type(void **state)
{
    static const struct program programs[] = {
        {"1 + 2 * 3", "7"},
        {"(1 + 2) * 3", "9"},
        {"7 / 2", "3"},
        {"-7 / 2", "-3"},
        {"-7 % 3", "-1"},
        {"7.0 / 2.0", "3.5"},
        {"7u / 2u", "3"},
        {"10 - 3 - 2", "5"},
        {"- -3", "3"},
        {"-(3)", "-3"},
        {"1 / 0", "error: division by zero"},
        {"1 % 0", "error: division by zero"},
        {"1u / 0u", "error: division by zero"},
        {"1.0 / 0.0 > 1e308", "true"},
        {"0.0 / 0.0 == 0.0 / 0.0", "false"},
        {"9223372036854775807 + 1", "error: overflow"},
        {"-9223372036854775808 - 1", "error: overflow"},
        {"9223372036854775807 * 2", "error: overflow"},
        {"-9223372036854775808 / -1", "error: overflow"},
        {"-(-9223372036854775808)", "error: overflow"},
        {"18446744073709551615u + 1u", "error: overflow"},
        {"0u - 1u", "error: overflow"},
        {"0x1F", "31"},
        {"1e3", "1000"},
        {".5 + .25", "0.75"},
    };
    (void)state;
    all_hold(programs, COUNT(programs));
}

static void numbers_of_any_types_are_compared_by_value(void **state)
{
    static const struct program programs[] = {
        {"1 == 1.0", "true"},
        {"1 < 1.5", "true"},
        {"2u > 1", "true"},
        {"-1 < 0u", "true"},
        {"1u == 1", "true"},
        {"amount > 950", "true"},
        {"amount > 951", "false"},
        {"count >= 10.5", "true"},
        {"18446744073709551615u > 9223372036854775807", "true"},
        {"dyn(1) == 'a'", "false"},
        {"dyn(1) != 'a'", "true"},
        {"dyn(1) < 'a'", "error: no such overload"},
        {"[1, 2] == [1, 2]", "true"},
        {"[1, 2] == [2, 1]", "false"},
        {"{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "true"},
        {"{'a': 1} == {'a': 2}", "false"},
        {"'a' < 'b' && 'B' < 'a' && b'a' < b'b'", "true"},
        {"false < true", "true"},
        {"null == null", "true"},
        {"'x' == null", "false"},
    };
    (void)state;
    all_hold(programs, COUNT(programs));
}

static void logic_absorbs_errors_from_either_side(void **state)
{
    static const struct program programs[] = {
        {"false && 1 / 0 > 0", "false"},
        {"1 / 0 > 0 && false", "false"},
        {"true || 1 / 0 > 0", "true"},
        {"1 / 0 > 0 || true", "true"},
        {"1 / 0 > 0 && true", "error: division by zero"},
        {"true && absent > 0", "error: missing absent"},
        {"absent > 0 || count > 10", "true"},
        {"absent > 0 && 1 / 0 > 0", "error: missing absent"},
        {"!(absent > 0)", "error: missing absent"},
        {"dyn(1) && true", "error: no such overload"},
        {"dyn(1) && false", "false"},
        {"true ? 1 : 1 / 0", "1"},
        {"false ? 1 / 0 : 2", "2"},
        {"absent > 0 ? 1 : 2", "error: missing absent"},
        {"dyn(1) ? 1 : 2", "error: no such overload"},
        {"false ? 1 : true ? 2 : 3", "2"},
    };
    (void)state;
    all_hold(programs, COUNT(programs));
}

static void names_are_found_bare_and_by_their_group(void **state)
{
    static const struct program programs[] = {
        {"amount", "950.5"},
        {"tx.amount", "950.5"},
        {"merchant.country", "BE"},
        {"tx.merchant.country", "BE"},
        {"models.score", "0.5"},
        {"score", "0.5"},
        {"merchant.country in lists.countries", "true"},
        {"currency in countries", "false"},
        {"2 in lists.codes && 2.0 in lists.codes && !(4 in codes)", "true"},
        {"size(lists.codes) + lists.codes[0]", "4"},
        {"location.lat", "50.5"},
        {"tx.location['lon']", "4.25"},
        {"location.height", "error: no such key height"},
        {"merchant.country.size()", "2"},
        {"anything[1]", "2"},
        {"anything.name", "error: no such overload"},
    };
    (void)state;
    all_hold(programs, COUNT(programs));
}

static void has_asks_without_an_error(void **state)
{
    static const struct program programs[] = {
        {"has(tx.amount)", "true"},
        {"has(tx.absent)", "false"},
        {"has(absent)", "false"},
        {"has(merchant.country)", "true"},
        {"has(tx.merchant.country)", "true"},
        {"has(location.lat)", "true"},
        {"has(location.height)", "false"},
        {"has({'a': 1}.a) && !has({'a': 1}.b)", "true"},
        {"!has(tx.absent) || absent > 0", "true"},
        {"has(tx.absent) && absent > 0", "false"},
    };
    (void)state;
    all_hold(programs, COUNT(programs));
}

static void has_of_something_missing_is_false(void **state)
{
    (void)state;
    f.row[FIXTURE_location] = (struct cel_value){0};
    f.row[FIXTURE_score] = cel_error(CEL_ERR_MISSING, span_str("x"));
    assert_string_equal(fixture_text(&f, "has(location.lat)"), "false");
    assert_string_equal(fixture_text(&f, "location.lat"), "error: missing location");
    assert_string_equal(fixture_text(&f, "has(score)"), "false");
}

static void an_inexact_number_is_decided_when_both_ends_agree(void **state)
{
    static const struct program programs[] = {
        {"inexact > 8", "true"},
        {"inexact > 9", "error: inexact"},
        {"inexact >= 9", "true"},
        {"inexact > 12", "false"},
        {"inexact >= 12", "error: inexact"},
        {"inexact <= 12", "true"},
        {"inexact < 9", "false"},
        {"8 < inexact", "true"},
        {"13 > inexact", "true"},
        {"inexact > 8.5", "true"},
        {"inexact == 8", "false"},
        {"inexact == 10", "error: inexact"},
        {"inexact != 13", "true"},
        {"inexact + 1 > 9", "true"},
        {"inexact * 2 > 24", "false"},
        {"inexact - inexact >= -3", "true"},
        {"100 / inexact", "8..11"},
        {"1 / (inexact - 10)", "error: inexact"},
        {"inexact % 2", "error: inexact"},
        {"-inexact", "-12..-9"},
        {"inexact_avg < 3.0", "true"},
        {"inexact_avg * 2.0 > 2.9", "true"},
        {"inexact_avg > inexact", "false"},
        {"double(inexact) / 3.0 < 4.1", "true"},
        {"int(inexact_avg)", "1..2"},
        {"string(inexact)", "error: inexact"},
        {"inexact in [1, 2]", "error: inexact"},
        {"[inexact]", "error: inexact"},
        {"inexact > 9 || count > 10", "true"},
    };
    (void)state;
    all_hold(programs, COUNT(programs));
}

static void macros_go_through_lists_and_maps(void **state)
{
    static const struct program programs[] = {
        {"[1, 2, 3].all(x, x > 0)", "true"},
        {"[1, 2, 3].all(x, x > 1)", "false"},
        {"[].all(x, x > 1)", "true"},
        {"[0, 1].all(x, 1 / x > 0)", "error: division by zero"},
        {"[0, 1].all(x, 1 / x > 1)", "false"},
        {"[0, 1].exists(x, 1 / x > 0)", "true"},
        {"[1, 2].exists(x, x == 3)", "false"},
        {"[1, 2, 2].exists_one(x, x == 1)", "true"},
        {"[1, 2, 2].exists_one(x, x == 2)", "false"},
        {"[1, 2].map(x, x * x)", "[1, 4]"},
        {"[1, 2, 3].map(x, x > 1, x * 10)", "[20, 30]"},
        {"[1, 2, 3].filter(x, x != 2)", "[1, 3]"},
        {"{'a': 1, 'b': 2}.map(k, k + '!')", "[a!, b!]"},
        {"{'a': 1}.exists(k, k == 'a')", "true"},
        {"[[1, 2], [3]].map(l, l.map(x, x + size(l)))", "[[3, 4], [4]]"},
        {"[1, 2].exists(x, [2, 3].exists(y, x == y))", "true"},
        {"[1].map(count, count + 1)", "[2]"},
        {"lists.countries.exists(c, c == merchant.country)", "true"},
        {"dyn(1).map(x, x)", "error: no such overload"},
        {"[1, absent]", "error: missing absent"},
        {"[1, absent].exists(x, true)", "error: missing absent"},
        {"[1, 2] + [3]", "[1, 2, 3]"},
        {"{'a': count}['a'] + 1", "12"},
        {"{1: 'x', 1u: 'y'}", "error: repeated key"},
        {"[1, 2][2]", "error: index out of bounds"},
        {"[1, 2][-1]", "error: index out of bounds"},
        {"[1, 2][dyn(1.0)]", "2"},
        {"[1, 2][dyn(0.5)]", "error: invalid argument"},
    };
    (void)state;
    all_hold(programs, COUNT(programs));
}

static void macros_with_two_variables_see_index_and_value(void **state)
{
    static const struct program programs[] = {
        {"[5, 6].exists(i, v, i == 1 && v == 6)", "true"},
        {"{'a': 1, 'b': 2}.all(k, v, k == 'a' || v == 2)", "true"},
        {"[1, 1].existsOne(i, v, v == i)", "true"},
        {"[1, 1].exists_one(i, v, v == 1)", "false"},
        {"[4, 5].transformList(i, v, i + v)", "[4, 6]"},
        {"[4, 5].transformList(i, v, i > 0, v)", "[5]"},
        {"{'a': 1, 'b': 2}.transformMap(k, v, v * 2)", "{a: 2, b: 4}"},
        {"{'a': 1, 'b': 2}.transformMap(k, v, k == 'b', v)", "{b: 2}"},
        {"['x', 'y'].transformMapEntry(i, v, {v: i})", "{x: 0, y: 1}"},
        {"['x', 'y'].transformMapEntry(i, v, i > 0, {v: i})", "{y: 1}"},
        {"['x', 'x'].transformMapEntry(i, v, {v: i})", "error: repeated key"},
        {"lists.codes.transformMap(i, v, v).size()", "3"},
    };
    (void)state;
    all_hold(programs, COUNT(programs));
}

static void a_name_may_stand_for_a_value(void **state)
{
    static const struct program programs[] = {
        {"cel.bind(x, count + 1, x * x)", "144"},
        {"cel.bind(x, 1, cel.bind(x, x + 1, x + 1))", "3"},
        {"cel.bind(x, 1, [1, 2].map(y, x + y))", "[2, 3]"},
        {"[1, 2].map(y, cel.bind(x, y * y, x + y))", "[2, 6]"},
        {"cel.bind(x, absent, true)", "true"},
        {"cel.bind(x, absent, x > 1)", "error: missing absent"},
    };
    (void)state;
    all_hold(programs, COUNT(programs));
}

static void optionals_are_values_that_may_not_be_there(void **state)
{
    static const struct program programs[] = {
        {"tx.?currency.orValue('none')", "EUR"},
        {"tx.?absent.orValue(7)", "7"},
        {"tx.?absent.hasValue()", "false"},
        {"tx.?inexact.orValue(0) > 8", "true"},
        {"tx.?inexact == optional.of(10)", "error: inexact"},
        {"location.?lat.orValue(0.0)", "50.5"},
        {"location.?height", "optional.none()"},
        {"[1, 2][?1]", "optional.of(2)"},
        {"[1, 2][?2].or(optional.of(5)).value()", "5"},
        {"{'a': {'b': 1}}.?a.b", "optional.of(1)"},
        {"{'a': {'b': 1}}.?a.c.hasValue()", "false"},
        {"has({'a': {'b': 1}}.?a.b)", "true"},
        {"has({}.?a.b)", "false"},
        {"optional.none().value()", "error: no value of optional.none()"},
        {"optional.of(1).orValue(1 / 0)", "1"},
        {"optional.none().orValue(1 / 0)", "error: division by zero"},
        {"optional.ofNonZeroValue('')", "optional.none()"},
        {"optional.of(2).optMap(x, x * x)", "optional.of(4)"},
        {"optional.none().optMap(x, x + 1)", "optional.none()"},
        {"{'a': {'b': 3}}.?a.optFlatMap(a, a.?b).optMap(b, b + 1).value()", "4"},
        {"[?optional.of(1), ?optional.none(), 3]", "[1, 3]"},
        {"{?'a': optional.of(1), ?'b': optional.none()}", "{a: 1}"},
        {"optional.unwrap([optional.of(1), optional.none()])", "[1]"},
        {"[optional.of(1), optional.none()].unwrapOpt()", "[1]"},
        {"optional.of(1) == optional.of(1) && optional.none() != optional.of(1)", "true"},
        {"type(optional.of(1)) == optional_type", "true"},
        {"dyn(1).?a", "error: no such overload"},
    };
    (void)state;
    all_hold(programs, COUNT(programs));
}

static void strings_have_their_functions(void **state)
{
    static const struct program programs[] = {
        {"'a' + \"b\"", "ab"},
        {"size('caf\u00e9')", "4"},
        {"'hello'.contains('ell') && !'hello'.contains('elf')", "true"},
        {"'hello'.startsWith('he') && 'hello'.endsWith('lo')", "true"},
        {"currency.matches('^E.R$')", "true"},
        {"matches(currency, 'X')", "false"},
        {"currency.matches(currency + '|x')", "true"},
        {"currency.matches(currency + '(')",
         "error: invalid argument invalid pattern at character 1: missing ): EUR("},
        {"'tacocat'.indexOf('c')", "2"},
        {"'tacocat'.indexOf('c', 3)", "4"},
        {"'tacocat'.lastIndexOf('c')", "4"},
        {"'h\u00e9llo'.charAt(1)", "\u00e9"},
        {"'h\u00e9llo'.substring(1, 3)", "\u00e9l"},
        {"'hello'.substring(3)", "lo"},
        {"'hello'.substring(4, 3)", "error: index out of bounds"},
        {"'TacoCat'.lowerAscii() + 'x'.upperAscii()", "tacocatX"},
        {"'  trim\\n '.trim()", "trim"},
        {"'a,b,,c'.split(',')", "[a, b, , c]"},
        {"'a,b,c'.split(',', 2)", "[a, b,c]"},
        {"'abc'.split('')", "[a, b, c]"},
        {"['a', 'b'].join('-')", "a-b"},
        {"'hello hello'.replace('he', 'we')", "wello wello"},
        {"'hello hello'.replace('he', 'we', 1)", "wello hello"},
        {"'ab'.replace('', '_')", "_a_b_"},
        {"'caf\u00e9'.reverse()", "\u00e9fac"},
    };
    (void)state;
    all_hold(programs, COUNT(programs));
}

static void values_are_converted(void **state)
{
    static const struct program programs[] = {
        {"int('-42') + int(3.9) + int(2u)", "-37"},
        {"int('x')", "error: invalid argument"},
        {"int('9223372036854775808')", "error: invalid argument"},
        {"int(1e19)", "error: out of range"},
        {"uint(5) + uint('7')", "12"},
        {"uint(-1)", "error: out of range"},
        {"double('1.5e3')", "1500"},
        {"double('0x10')", "error: invalid argument"},
        {"double(count)", "11"},
        {"string(1.5) + string(true) + string(7u) + string(b'x')", "1.5true7x"},
        {"string(1.0 / 0.0)", "+Inf"},
        {"string(b'\\xff')", "error: invalid argument"},
        {"bytes('\u00e9') == b'\\xc3\\xa9'", "true"},
        {"bool('true') && !bool('0')", "true"},
        {"type(1) == int && type(amount) == double && type(type(1)) == type", "true"},
        {"type(time) == google.protobuf.Timestamp", "true"},
    };
    (void)state;
    all_hold(programs, COUNT(programs));
}

static void times_have_parts_and_differences(void **state)
{
    static const struct program programs[] = {
        {"time", "2026-01-05T12:00:10Z"},
        {"time.getHours()", "12"},
        {"time.getHours('+02:00')", "14"},
        {"time.getHours('-08:30')", "3"},
        {"time.getFullYear()", "2026"},
        {"time.getMonth()", "0"},
        {"time.getDate()", "5"},
        {"time.getDayOfMonth()", "4"},
        {"time.getDayOfWeek()", "1"},
        {"time.getDayOfYear()", "4"},
        {"time.getMinutes() + time.getSeconds() + time.getMilliseconds()", "10"},
        {"time.getHours('x' + currency)", "error: invalid argument time zone"},
        {"time + duration('1h') > timestamp('2026-01-05T13:00:09Z')", "true"},
        {"time - timestamp('2026-01-05T12:00:00Z')", "10s"},
        {"time - duration('10s') == timestamp('2026-01-05T12:00:00Z')", "true"},
        {"duration('1h30m').getMinutes()", "90"},
        {"duration('1500ms') + duration('-1s')", "0.5s"},
        {"string(duration('-1.5h'))", "-5400s"},
        {"int(timestamp('1970-01-01T00:00:01+00:00'))", "1"},
        {"timestamp(0)", "1970-01-01T00:00:00Z"},
        {"timestamp('2026-02-29T00:00:00Z')", "error: invalid argument"},
        {"timestamp('9999-12-31T23:59:59Z') + duration('1s')", "error: out of range"},
        {"duration('10000000h')", "error: out of range"},
        {"duration('1 h')", "error: invalid argument"},
    };
    (void)state;
    all_hold(programs, COUNT(programs));
}

static void a_zone_of_the_database_knows_summer_time(void **state)
{
    (void)state;
    if (fixture_compile(&f, "time.getHours('Europe/Berlin')") == NULL)
        skip(); /* no tz database on this system */
    static const struct program programs[] = {
        {"time.getHours('Europe/Berlin')", "13"},
        {"timestamp('2026-07-05T12:00:00Z').getHours('Europe/Berlin')", "14"},
        {"timestamp('2050-07-05T12:00:00Z').getHours('Europe/Berlin')", "14"},
        {"timestamp('2050-12-05T12:00:00Z').getHours('Europe/Berlin')", "13"},
        {"timestamp('2050-12-05T12:00:00Z').getMinutes('Asia/Kathmandu')", "45"},
    };
    all_hold(programs, COUNT(programs));
}

static void a_program_says_what_it_reads(void **state)
{
    (void)state;
    const struct cel_program *p = fixture_compile(&f, "count > 1 && amount > 2 || count < 0");
    assert_int_equal(p->n_reads, 2);
    assert_int_equal(p->reads[0], FIXTURE_count);
    assert_int_equal(p->reads[1], FIXTURE_amount);
    assert_ptr_equal(p->result, &cel_type_bool);
    assert_true(p->cost < 20);
    assert_in_range(fixture_compile(&f, "[count, 1].all(x, x > 0)")->cost, 10, 40);
}

static void nested_loops_stop_at_the_budget(void **state)
{
    (void)state;
    assert_string_equal(fixture_text(&f,
                                     "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b,"
                                     "[1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d,"
                                     "[1,2,3,4,5,6,7,8,9,10].all(e, true)))))"),
                        "error: over the limit of steps or room");
}

enum { ENTRIES = 900 };

/* {0: 0, 1: 1 ...}, and `behind` it. */
static const char *large_map(const char *behind)
{
    static char source[CEL_SOURCE_MAX];
    struct text t;
    text_init(&t, source, sizeof source - 1);
    text_char(&t, '{');
    for (int i = 0; i < ENTRIES; i++)
        text_printf(&t, "%s%d: %d", i ? ", " : "", i, i);
    text_printf(&t, "}%s", behind);
    source[t.len] = '\0';
    return source;
}

static void a_map_may_have_many_entries(void **state)
{
    struct arena *small = f.arena;
    (void)state;
    f.arena = arena_new(256 << 20);
    assert_string_equal(fixture_text(&f, large_map("[count + 800]")), "811");
    assert_string_equal(fixture_text(&f, large_map("[count + 890]")), "error: no such key");
    assert_string_equal(
        fixture_text(&f, large_map(".transformMap(k, v, v + count).exists(k, v, v == 910)")),
        "true");
    assert_string_equal(
        fixture_text(&f, "lists.range(count).map(i, lists.range(900)"
                         ".transformMapEntry(j, v, {string(v): i}).size() == 900).size()"),
        "error: over the limit of steps or room");
    assert_string_equal(
        fixture_text(&f, "lists.range(900).transformMapEntry(j, v, {string(v): count})['899']"),
        "11");
    assert_string_equal(
        fixture_text(&f, "lists.range(900).transformMapEntry(j, v, {v % 899: count}).size()"),
        "error: repeated key");
    arena_free(f.arena);
    f.arena = small;
}

/* Steps are some 10 ns each; a text of 60,000 bytes takes more than a few. */
static void going_through_a_long_text_takes_steps(void **state)
{
    static const char *const sources[] = {
        "currency.trim() == ''", "currency.charAt(59999) == 'a'",
        "currency.substring(59999) == 'a'", "currency.indexOf('a', 59999) == 59999",
        "currency in ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']"};
    static char text[60000];
    (void)state;
    memset(text, 'a', sizeof text);
    f.row[FIXTURE_currency] = cel_string(span_of(text, sizeof text));
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct cel_run run = {.scratch = f.scratch, .steps = CEL_STEPS_MAX};
        assert_int_equal(cel_run_with(fixture_compile(&f, sources[i]), f.row, &run).kind, CEL_BOOL);
        assert_in_range(CEL_STEPS_MAX - run.steps, 3000, 20000);
    }
}

static void a_full_arena_is_an_error_value(void **state)
{
    char block[64];
    struct arena small;
    (void)state;
    arena_init(&small, block, sizeof block);
    const struct cel_program *p = fixture_compile(&f, "[count, count, count, count].size()");
    struct cel_value v = cel_run(p, f.row, &small);
    assert_true(cel_is_error(v));
    assert_int_equal(v.code, CEL_ERR_LIMIT);
}

/* AddressSanitizer's; its header does not come with every compiler. */
int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void *, size_t),
                                              void (*free_hook)(const volatile void *));

static int mallocs;

static void count_malloc(const volatile void *mem, size_t size)
{
    (void)mem;
    (void)size;
    mallocs++;
}

static void ignore_free(const volatile void *mem)
{
    (void)mem;
}

static void a_run_allocates_nothing(void **state)
{
    (void)state;
    const struct cel_program *p = fixture_compile(
        &f, "[1, 2, count].map(x, string(x) + currency).exists(s, s.matches('1E.*R'))"
            " && time.getHours('+01:00') == 13 && merchant.country in lists.countries");
    assert_true(__sanitizer_install_malloc_and_free_hooks(count_malloc, ignore_free) > 0);
    assert_true(cel_is_true(cel_run(p, f.row, f.scratch))); /* RE2 makes its states once */
    mallocs = 0;
    arena_free(arena_new(64));
    assert_int_equal(mallocs, 2); /* it does count */
    assert_true(cel_is_true(cel_run(p, f.row, f.scratch)));
    assert_int_equal(mallocs, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_are_added_within_their_type),
        TEST(numbers_of_any_types_are_compared_by_value),
        TEST(logic_absorbs_errors_from_either_side),
        TEST(names_are_found_bare_and_by_their_group),
        TEST(has_asks_without_an_error),
        TEST(has_of_something_missing_is_false),
        TEST(an_inexact_number_is_decided_when_both_ends_agree),
        TEST(macros_go_through_lists_and_maps),
        TEST(macros_with_two_variables_see_index_and_value),
        TEST(a_name_may_stand_for_a_value),
        TEST(optionals_are_values_that_may_not_be_there),
        TEST(strings_have_their_functions),
        TEST(values_are_converted),
        TEST(times_have_parts_and_differences),
        TEST(a_zone_of_the_database_knows_summer_time),
        TEST(a_program_says_what_it_reads),
        TEST(nested_loops_stop_at_the_budget),
        TEST(a_map_may_have_many_entries),
        TEST(going_through_a_long_text_takes_steps),
        TEST(a_full_arena_is_an_error_value),
        TEST(a_run_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
