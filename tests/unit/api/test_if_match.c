#include "api/if_match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ID "9f2c41d07be83a56"
#define OTHER "0123456789abcdef"

static const struct {
    const char *header, *ids; /* ids NULL: it is refused */
} cases[] = {
    {"*", "*"},
    {"\"" ID "\"", ID},
    {"\"" ID "\", \"" OTHER "\"", ID " " OTHER},
    {",, \"" ID "\"\t,, \"" OTHER "\" ,", ID " " OTHER},
    {"W/\"" ID "\"", ""},
    {"W/\"" ID "\", \"" OTHER "\"", OTHER},
    {"\"\"", ""},
    {"\"of something else\xC3\xA9\"", NULL}, /* a blank is in no ETag */
    {"\"of-something,else\xC3\xA9\"", ""},
    {"\"9F2C41D07BE83A56\"", ""},
    {"\"" ID "0\"", ""},
    {"", NULL},
    {" , ,", NULL},
    {ID, NULL},
    {"\"" ID, NULL},
    {"\"" ID "\" \"" OTHER "\"", NULL},
    {"\"" ID "\"x", NULL},
    {"*, \"" ID "\"", NULL},
    {"w/\"" ID "\"", NULL},
    {"W \"" ID "\"", NULL},
    {"\"a\x7F\"", NULL},
};

static void each_header_names_its_rulesets_or_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char bytes[128] = "";
        struct text ids;
        text_init(&ids, bytes, strlen(cases[i].header) + 1);
        enum status st = if_match_read(span_str(cases[i].header), &ids);
        assert_int_equal(st, cases[i].ids != NULL ? ST_OK : ST_INVALID);
        assert_false(ids.overflow);
        bytes[ids.len] = '\0';
        if (cases[i].ids != NULL)
            assert_string_equal(bytes, cases[i].ids);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_header_names_its_rulesets_or_is_refused),
    };
    return cmocka_run_group_tests_name("api/if_match", tests, NULL, NULL);
}
