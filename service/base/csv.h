/*
 * csv.h -- rows of a CSV file (RFC 4180), one at a time, however long the file.
 *
 *     id,amount,note\n
 *     t-1,12.5,"a ""b"", c"\n   ──>   cells  {t-1, col 1} {12.5, col 5} {a "b", c; col 10, quoted}
 *
 * Rows end with LF or CRLF, the last one perhaps with nothing; a quoted cell may hold both, commas,
 * and quotes twice. Rows without a byte are passed over, and so is a byte order mark before the
 * first.
 *
 * Owns:    its buffer, CSV_ROW_MAX and a read more; the file is the caller's. Cells live until the
 *          next row.
 * Threads: of who opened it.
 */
#ifndef SLUICE_BASE_CSV_H
#define SLUICE_BASE_CSV_H

#include "service/base/span.h"
#include "service/base/status.h"

#include <stdint.h>
#include <stdio.h>

enum {
    CSV_ROW_MAX = 1 << 20, /* bytes of a row: a thousand columns of a kilobyte */
    CSV_CELLS_MAX = 4096,  /* of a row */
};

struct csv_cell {
    struct span text; /* without its quotes */
    int col;          /* where it begins in its row, in bytes from 1 */
};

struct csv_row {
    const struct csv_cell *cells;
    int n_cells;
    uint64_t line; /* on which it begins, from 1 */
};

/* What is wrong with a file, and where. */
struct csv_error {
    const char *what; /* static storage */
    uint64_t line;
    int col; /* 0: the whole row */
};

struct csv_reader;

struct csv_reader *csv_open(int fd);
void csv_close(struct csv_reader *r);

/*
 * The next row, of at least one cell. Errors: ST_NOT_FOUND: there is none; ST_INVALID, ST_TOO_LARGE
 * (the row), *ret_error says where; ST_IO (errno says why). Nothing can be read after an error.
 */
MUST_USE enum status csv_next(struct csv_reader *r, struct csv_row *ret_row,
                              struct csv_error *ret_error);

/* A cell, quoted when it must be. Errors of writing show in ferror(out). */
void csv_write(FILE *out, struct span cell);

#endif
