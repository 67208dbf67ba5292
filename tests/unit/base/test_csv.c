#include "service/base/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a file of these bytes ---- */

struct opened {
    FILE *file;
    struct csv_reader *reader;
    struct csv_row row;
    struct csv_error error;
};

static void open_bytes(struct opened *o, const void *bytes, size_t n)
{
    *o = (struct opened){.file = tmpfile()};
    assert_non_null(o->file);
    assert_int_equal(fwrite(bytes, 1, n, o->file), n);
    assert_int_equal(fflush(o->file), 0);
    assert_int_equal(lseek(fileno(o->file), 0, SEEK_SET), 0);
    o->reader = csv_open(fileno(o->file));
}

static void open_text(struct opened *o, const char *text)
{
    open_bytes(o, text, strlen(text));
}

static void close_it(struct opened *o)
{
    csv_close(o->reader);
    fclose(o->file);
}

static enum status next(struct opened *o)
{
    return csv_next(o->reader, &o->row, &o->error);
}

static void assert_cell(const struct opened *o, int i, const char *text, int col)
{
    assert_true(i < o->row.n_cells);
    assert_true(span_is(o->row.cells[i].text, text));
    assert_int_equal(o->row.cells[i].col, col);
}

static void assert_refused(const char *text, enum status status, int line, int col)
{
    struct opened o;
    open_text(&o, text);
    enum status st = next(&o);
    while (st == ST_OK)
        st = next(&o);
    assert_int_equal(st, status);
    assert_int_equal(o.error.line, line);
    assert_int_equal(o.error.col, col);
    close_it(&o);
}

/* ---- tests ---- */

static void cells_are_what_stands_between_commas(void **state)
{
    struct opened o;
    (void)state;
    open_text(&o, "id,amount,\nt-1, 12.5 ,x\n");
    assert_int_equal(next(&o), ST_OK);
    assert_int_equal(o.row.n_cells, 3);
    assert_cell(&o, 1, "amount", 4);
    assert_cell(&o, 2, "", 11);
    assert_int_equal(next(&o), ST_OK);
    assert_cell(&o, 1, " 12.5 ", 5);
    assert_int_equal(o.row.line, 2);
    assert_int_equal(next(&o), ST_NOT_FOUND);
    assert_int_equal(next(&o), ST_NOT_FOUND);
    close_it(&o);
}

static void quoted_cells_hold_commas_quotes_and_lines(void **state)
{
    struct opened o;
    (void)state;
    open_text(&o, "\"a \"\"b\"\", c\",\"\",\"two\nlines\",x\n\"last\"");
    assert_int_equal(next(&o), ST_OK);
    assert_int_equal(o.row.n_cells, 4);
    assert_cell(&o, 0, "a \"b\", c", 1);
    assert_cell(&o, 1, "", 14);
    assert_cell(&o, 2, "two\nlines", 17);
    assert_cell(&o, 3, "x", 29);
    assert_int_equal(next(&o), ST_OK);
    assert_cell(&o, 0, "last", 1);
    assert_int_equal(o.row.line, 3);
    close_it(&o);
}

static void crlf_a_mark_and_empty_rows_are_passed_over(void **state)
{
    struct opened o;
    (void)state;
    open_text(&o, "\xEF\xBB\xBFid\r\n\r\n\nx,\r\n\n");
    assert_int_equal(next(&o), ST_OK);
    assert_cell(&o, 0, "id", 1);
    assert_int_equal(next(&o), ST_OK);
    assert_int_equal(o.row.n_cells, 2);
    assert_cell(&o, 1, "", 3);
    assert_int_equal(o.row.line, 4);
    assert_int_equal(next(&o), ST_NOT_FOUND);
    close_it(&o);
}

static void an_empty_file_has_no_row(void **state)
{
    struct opened o;
    (void)state;
    open_text(&o, "");
    assert_int_equal(next(&o), ST_NOT_FOUND);
    close_it(&o);
}

static void a_wrong_quote_is_shown_where_it_stands(void **state)
{
    (void)state;
    assert_refused("a,b\n1,2\"\n", ST_INVALID, 2, 4);
    assert_refused("a,b\n\"1\" ,2\n", ST_INVALID, 2, 4);
    assert_refused("a\n\n1,\"2\n3,4\n", ST_INVALID, 3, 3);
}

static void long_files_come_row_by_row(void **state)
{
    enum { ROWS = 300000 };
    struct opened o = {.file = tmpfile()};
    char text[16];
    (void)state;
    for (int i = 0; i < ROWS; i++)
        fprintf(o.file, "%d,\"%d,\"\n", i, i);
    assert_int_equal(fflush(o.file), 0);
    assert_int_equal(lseek(fileno(o.file), 0, SEEK_SET), 0);
    o.reader = csv_open(fileno(o.file));
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(next(&o), ST_OK);
        assert_int_equal(o.row.n_cells, 2);
        assert_int_equal(o.row.line, i + 1);
        snprintf(text, sizeof text, "%d,", i);
        assert_true(span_is(o.row.cells[1].text, text));
    }
    assert_int_equal(next(&o), ST_NOT_FOUND);
    close_it(&o);
}

static void a_row_has_a_limit(void **state)
{
    struct opened o;
    char *bytes = malloc(2 * CSV_ROW_MAX);
    (void)state;
    assert_non_null(bytes);
    memset(bytes, 'x', 2 * CSV_ROW_MAX);
    bytes[CSV_ROW_MAX - 1] = '\n'; /* as long as it may be, and one that is a byte too long */
    bytes[2 * CSV_ROW_MAX - 1] = 'x';
    open_bytes(&o, bytes, 2 * CSV_ROW_MAX);
    assert_int_equal(next(&o), ST_OK);
    assert_int_equal(o.row.cells[0].text.len, CSV_ROW_MAX - 1);
    assert_int_equal(next(&o), ST_OK);
    close_it(&o);
    bytes[CSV_ROW_MAX - 1] = 'x';
    bytes[CSV_ROW_MAX] = '\n';
    open_bytes(&o, bytes, 2 * CSV_ROW_MAX);
    assert_int_equal(next(&o), ST_TOO_LARGE);
    assert_int_equal(o.error.line, 1);
    close_it(&o);
    free(bytes);
}

static void columns_have_a_limit(void **state)
{
    struct opened o;
    char commas[CSV_CELLS_MAX + 1];
    (void)state;
    memset(commas, ',', sizeof commas);
    open_bytes(&o, commas, CSV_CELLS_MAX - 1);
    assert_int_equal(next(&o), ST_OK);
    assert_int_equal(o.row.n_cells, CSV_CELLS_MAX);
    close_it(&o);
    open_bytes(&o, commas, CSV_CELLS_MAX);
    assert_int_equal(next(&o), ST_TOO_LARGE);
    assert_int_equal(o.error.col, CSV_CELLS_MAX + 1);
    close_it(&o);
}

static void what_is_written_is_read_back(void **state)
{
    static const char *const texts[] = {"plain", "a,b", "a \"b\"", "two\nlines", ""};
    struct opened o = {.file = tmpfile()};
    (void)state;
    for (int i = 0; i < 5; i++) {
        csv_write(o.file, span_str(texts[i]));
        fputc(i < 4 ? ',' : '\n', o.file);
    }
    assert_int_equal(fflush(o.file), 0);
    assert_int_equal(lseek(fileno(o.file), 0, SEEK_SET), 0);
    o.reader = csv_open(fileno(o.file));
    assert_int_equal(next(&o), ST_OK);
    assert_int_equal(o.row.n_cells, 5);
    for (int i = 0; i < 5; i++)
        assert_true(span_is(o.row.cells[i].text, texts[i]));
    close_it(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_what_stands_between_commas),
        cmocka_unit_test(quoted_cells_hold_commas_quotes_and_lines),
        cmocka_unit_test(crlf_a_mark_and_empty_rows_are_passed_over),
        cmocka_unit_test(an_empty_file_has_no_row),
        cmocka_unit_test(a_wrong_quote_is_shown_where_it_stands),
        cmocka_unit_test(long_files_come_row_by_row),
        cmocka_unit_test(a_row_has_a_limit),
        cmocka_unit_test(columns_have_a_limit),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
