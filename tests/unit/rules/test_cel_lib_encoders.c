#include "tests/unit/rules/cel_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

FIXTURE_OF_TESTS

static void base64_goes_both_ways(void **state)
{
    /* RFC 4648, section 10 */
    static const struct program programs[] = {
        {"base64.encode(b'')", ""},
        {"base64.encode(b'f')", "Zg=="},
        {"base64.encode(b'fo')", "Zm8="},
        {"base64.encode(b'foo')", "Zm9v"},
        {"base64.encode(b'foob')", "Zm9vYg=="},
        {"base64.encode(b'fooba')", "Zm9vYmE="},
        {"base64.encode(b'foobar')", "Zm9vYmFy"},
        {"base64.encode(b'\\xfb\\xff\\x00')", "+/8A"},
        {"['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar']"
         ".all(x, string(base64.decode(base64.encode(bytes(x)))) == x)",
         "true"},
        {"base64.decode('+/8A') == b'\\xfb\\xff\\x00'", "true"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void padding_may_be_missing_and_line_breaks_do_not_count(void **state)
{
    static const struct program programs[] = {
        {"string(base64.decode('Zg'))", "f"},
        {"string(base64.decode('Zm8'))", "fo"},
        {"string(base64.decode('Zm9vYg'))", "foob"},
        {"string(base64.decode('Zm9v\\r\\nYg=\\n=\\n'))", "foob"},
        {"string(base64.decode('Zh=='))", "f"}, /* the bits left over may be anything */
    };
    (void)state;
    ALL_HOLD(programs);
}

static void what_is_no_base64_is_an_error(void **state)
{
    static const struct program programs[] = {
        {"['Z', 'Zg=', 'Zm8==', 'Zm9v=', 'Zm9v====', '=', 'Zg==Zg==', 'Zm 9', 'Zm-_', 'Zm9v\\x00',"
         " 'Zg=a', 'é'].exists(x, size(base64.decode(x)) >= 0)",
         "error: invalid argument (this is no base64)"},
        {"base64.decode('Zg=')", "error: invalid argument (this is no base64)"},
        {"base64.decode(dyn(b'Zg=='))", "error: no such overload"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void a_text_that_the_arena_has_no_room_for_is_over_the_limit(void **state)
{
    static char big[300 << 10];
    (void)state;
    memset(big, 'a', sizeof big);
    f.row[FIXTURE_currency] = cel_string(span_of(big, sizeof big));
    assert_string_equal(fixture_text(&f, "size(base64.encode(bytes(currency)))"),
                        "error: over the limit of steps or room");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(base64_goes_both_ways),
        TEST(padding_may_be_missing_and_line_breaks_do_not_count),
        TEST(what_is_no_base64_is_an_error),
        TEST(a_text_that_the_arena_has_no_room_for_is_over_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
