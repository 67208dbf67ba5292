#include "service/state/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char good[] =
    "layout 1\nkey account_id\nhorizon 86400000\ncolumn e4 amount\ncolumn hash merchant.country\n"
    "filter amount > 10.0\ncell 0 1 16\ntier 1350000 86400000\n";

static void a_text_becomes_the_layout_it_describes(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    const struct layout *l;
    assert_int_equal(layout_parse(span_str(good), arena, &l), ST_OK);
    assert_int_equal(l->n_columns, 2);
    assert_int_equal(l->columns[1].kind, COLUMN_HASH);
    assert_true(span_is(l->columns[1].name, "merchant.country"));
    assert_int_equal(layout_find_filter(l, span_str("amount > 10.0")), 0);
    assert_int_equal(layout_find_filter(l, span_str("amount > 11.0")), -1);
    assert_int_equal(layout_find_column(l, &(struct layout_column){span_str("amount"), COLUMN_E4}),
                     0);
    assert_int_equal(
        layout_find_column(l, &(struct layout_column){span_str("amount"), COLUMN_HASH}), -1);
    assert_int_equal(l->cells[0].parts, CELL_MAP);
    arena_free(arena);
}

static void texts_that_are_no_layout_are_corrupt(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    const struct layout *l = NULL;
    const char *const bad[] = {"",
                               "layout 2\nkey a\nhorizon 1\n",
                               "layout 1\nkey a\n",
                               "layout 1\nhorizon 1\n",
                               "layout 1\nkey a\nhorizon x\n",
                               "layout 1\nkey a\nhorizon 1\ncolumn e5 amount\n",
                               "layout 1\nkey a\nhorizon 1\ncell 0 -1 0\n",
                               "layout 1\nkey a\nhorizon 1\ncell -1 -1 64\n",
                               "layout 1\nkey a\nhorizon 1\ntier 0 1\n",
                               "layout 1\nkey a\nhorizon 1\nwhat 0 1\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(layout_parse(span_str(bad[i]), arena, &l), ST_CORRUPT);
    assert_null(l);
    arena_free(arena);
}

static void the_id_follows_from_the_text_alone(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    const struct layout *a, *b, *c;
    assert_int_equal(layout_parse(span_str(good), arena, &a), ST_OK);
    assert_int_equal(layout_parse(span_str(good), arena, &b), ST_OK);
    assert_int_equal(layout_parse(span_str("layout 1\nkey a\nhorizon 1\n"), arena, &c), ST_OK);
    assert_int_equal(a->id, b->id);
    assert_int_not_equal(a->id, c->id);
    arena_free(arena);
}

static void a_book_finds_what_was_added_and_is_bounded(void **state)
{
    (void)state;
    static struct layout_book book;
    static struct layout layouts[LAYOUT_BOOK_MAX + 1];
    for (uint32_t i = 0; i < LAYOUT_BOOK_MAX; i++) {
        layouts[i].id = i;
        assert_int_equal(layout_book_add(&book, &layouts[i]), ST_OK);
    }
    layouts[LAYOUT_BOOK_MAX].id = LAYOUT_BOOK_MAX;
    assert_int_equal(layout_book_add(&book, &layouts[LAYOUT_BOOK_MAX]), ST_NO_SPACE);
    assert_int_equal(layout_book_add(&book, &layouts[3]), ST_OK);
    assert_ptr_equal(layout_book_find(&book, 3), &layouts[3]);
    assert_null(layout_book_find(&book, LAYOUT_BOOK_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_becomes_the_layout_it_describes),
        cmocka_unit_test(texts_that_are_no_layout_are_corrupt),
        cmocka_unit_test(the_id_follows_from_the_text_alone),
        cmocka_unit_test(a_book_finds_what_was_added_and_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
