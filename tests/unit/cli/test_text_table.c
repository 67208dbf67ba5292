#include "service/cli/text_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct text_column columns[] = {{"NAME", false}, {"N", true}, {"HINT", false}};

static void assert_prints(char (*cells)[TEXT_CELL_BYTES], size_t n_rows, const char *expected)
{
    char bytes[1024] = "";
    FILE *out = fmemopen(bytes, sizeof bytes, "w");
    assert_non_null(out);
    text_table_print(columns, 3, cells, n_rows, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(bytes, expected);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    (void)state;
    char cells[][TEXT_CELL_BYTES] = {"a", "1,204", "", "longer", "7", "odd"};
    assert_prints(cells, 2,
                  "NAME        N  HINT\n"
                  "a       1,204\n"
                  "longer      7  odd\n");
}

static void headings_stand_over_nothing(void **state)
{
    (void)state;
    assert_prints(NULL, 0, "NAME  N  HINT\n");
}

static void a_character_is_one_wide_whatever_its_bytes(void **state)
{
    (void)state;
    char cells[][TEXT_CELL_BYTES] = {"caf\xc3\xa9", "1", "x", "cafe", "2", "y"};
    assert_prints(cells, 2, "NAME  N  HINT\ncaf\xc3\xa9  1  x\ncafe  2  y\n");
}

static void counts_have_commas_and_shares_three_digits(void **state)
{
    (void)state;
    char cell[TEXT_CELL_BYTES];
    text_cell_count(cell, 1234567);
    assert_string_equal(cell, "1,234,567");
    text_cell_count(cell, -100);
    assert_string_equal(cell, "-100");
    json_t *half = json_real(0.5), *none = json_null();
    text_cell_share(cell, half);
    assert_string_equal(cell, "0.500");
    text_cell_share(cell, none);
    assert_string_equal(cell, "-");
    text_cell_share(cell, NULL);
    assert_string_equal(cell, "-");
    json_decref(half);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(headings_stand_over_nothing),
        cmocka_unit_test(a_character_is_one_wide_whatever_its_bytes),
        cmocka_unit_test(counts_have_commas_and_shares_three_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
