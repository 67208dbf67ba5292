/*
 * fuzz_csv.c -- any bytes are rows of CSV, or are refused at a line and column.
 *
 * What is read and written again reads as the same cells.
 */
#include "tests/fuzz/fuzz.h"

#include "service/base/check.h"
#include "service/base/csv.h"
#include "service/base/text.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/seed_text.h"

#include <stdlib.h>
#include <unistd.h>

static void check_row(const struct csv_row *row, uint64_t line_before)
{
    CHECK(row->n_cells >= 1 && row->n_cells <= CSV_CELLS_MAX && row->line > line_before);
    for (int i = 0; i < row->n_cells; i++) {
        const struct csv_cell *cell = &row->cells[i];
        CHECK(cell->text.len <= CSV_ROW_MAX);
        CHECK(cell->col >= 1 && (i == 0 || cell->col > row->cells[i - 1].col));
    }
}

static void write_row(FILE *out, const struct csv_row *row)
{
    for (int i = 0; i < row->n_cells; i++) {
        fputs(i > 0 ? "," : "", out);
        csv_write(out, row->cells[i].text);
    }
    fputc('\n', out);
}

static enum status next(struct csv_reader *r, struct csv_row *ret_row)
{
    struct csv_error error = {0};
    enum status st = csv_next(r, ret_row, &error);
    CHECK(st == ST_OK || st == ST_NOT_FOUND || (error.what != NULL && error.line >= 1));
    return st;
}

/* The rows of `bytes`, written again. Empty: they end with an error, or one cannot be told from
 * none: an empty cell alone, and at the beginning what looks like a mark. */
static struct span written_again(struct span bytes, char **ret_mem)
{
    int fd = memory_file(bytes.base, bytes.len);
    struct csv_reader *r = csv_open(fd);
    struct csv_row row;
    size_t len;
    uint64_t line = 0;
    bool can_be_told = true;
    enum status st;
    FILE *out = open_memstream(ret_mem, &len);
    CHECK(out != NULL);
    while ((st = next(r, &row)) == ST_OK) {
        check_row(&row, line);
        line = row.line;
        can_be_told = can_be_told && (row.n_cells > 1 || row.cells[0].text.len > 0) &&
                      !span_starts(row.cells[0].text, span_str("\xEF\xBB\xBF"));
        write_row(out, &row);
    }
    CHECK(fclose(out) == 0);
    csv_close(r);
    close(fd);
    return span_of(*ret_mem, st == ST_NOT_FOUND && can_be_told ? len : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *once, *twice = NULL;
    struct span first = written_again(span_of(data, size), &once);
    if (first.len > 0)
        CHECK(span_eq(first, written_again(first, &twice)));
    free(once);
    free(twice);
    return 0;
}

static const char *const files[] = {
    "id,amount,note\nt-1,12.5,\"a \"\"b\"\", c\"\r\nt-2,,\n",
    "\xEF\xBB\xBFx,b\n\n1,\"two\nlines\"\n\"\",x",
    "\"a\"",
};

size_t fuzz_seed(size_t i, uint8_t *buf, size_t cap)
{
    return fuzz_seed_text(files, sizeof files / sizeof *files, i, buf, cap);
}

const char *fuzz_word(size_t i)
{
    static const char *const words[] = {"\"",   "\"\"",         ",\"", "\",", "\r\n",
                                        "\n\n", "\xEF\xBB\xBF", ",,",  "\"\n"};
    return i < sizeof words / sizeof *words ? words[i] : NULL;
}

int fuzz_mutations(void)
{
    return 20000; /* the reader has a megabyte */
}
