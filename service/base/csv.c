#include "service/base/csv.h"

#include "service/base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_BYTES = 256 << 10 };

/*
 *     bytes | rows that were given | at: not given yet .... | end | free
 *
 * A row that is cut off at the end is moved to the front, and what follows it is read.
 */
struct csv_reader {
    int fd;
    bool is_at_end; /* of the file */
    size_t at, end;
    uint64_t line; /* of what stands at `at` */
    struct csv_cell cells[CSV_CELLS_MAX];
    char bytes[CSV_ROW_MAX + READ_BYTES];
};

/* One row that is taken apart: `from` reads, `to` writes what quoted cells are without quotes. */
struct cursor {
    char *start, *from, *end;
    int n_cells, n_lines;
    struct csv_error *error;
    uint64_t line;
};

struct csv_reader *csv_open(int fd)
{
    struct csv_reader *r = malloc(sizeof *r); /* its bytes are written before they are read */
    CHECK(r != NULL);
    r->fd = fd;
    r->is_at_end = false;
    r->at = r->end = 0;
    r->line = 1;
    return r;
}

void csv_close(struct csv_reader *r)
{
    free(r);
}

/* ---- bytes ---- */

static enum status read_more(struct csv_reader *r)
{
    ssize_t n;
    memmove(r->bytes, r->bytes + r->at, r->end - r->at);
    r->end -= r->at;
    r->at = 0;
    do
        n = read(r->fd, r->bytes + r->end, sizeof r->bytes - r->end);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return ST_IO;
    r->end += (size_t)n;
    r->is_at_end = n == 0;
    return ST_OK;
}

/* Where the row ends, behind its LF; `seen` bytes of it are known to be without an end. NULL: it
 * goes on behind what was read. An LF within quotes is none: quotes are counted. */
static char *row_end(const struct csv_reader *r, size_t *seen, bool *is_quoted)
{
    const char *p = r->bytes + r->at + *seen, *end = r->bytes + r->end;
    bool quoted = *is_quoted;
    for (; p < end; p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (*p == '\n' && !quoted)
            return (char *)p + 1;
    }
    *seen = r->end - r->at;
    *is_quoted = quoted;
    return NULL;
}

/* The bytes of the next row, its LF among them; empty: there is none. */
static enum status take_row(struct csv_reader *r, struct cursor *ret_cursor)
{
    size_t seen = 0;
    bool is_quoted = false;
    char *end = row_end(r, &seen, &is_quoted);
    while (end == NULL && !r->is_at_end) {
        if (seen > CSV_ROW_MAX)
            return ST_TOO_LARGE;
        enum status st = read_more(r);
        if (st != ST_OK)
            return st;
        end = row_end(r, &seen, &is_quoted);
    }
    ret_cursor->start = ret_cursor->from = r->bytes + r->at;
    ret_cursor->end = end != NULL ? end : r->bytes + r->end;
    r->at = (size_t)(ret_cursor->end - r->bytes);
    return ret_cursor->end - ret_cursor->start > CSV_ROW_MAX ? ST_TOO_LARGE : ST_OK;
}

static void pass_mark(struct csv_reader *r)
{
    static const char mark[] = "\xEF\xBB\xBF";
    if (r->end - r->at >= 3 && memcmp(r->bytes + r->at, mark, 3) == 0)
        r->at += 3;
}

/* ---- cells ---- */

static enum status wrong(struct cursor *c, const char *what, const char *at)
{
    *c->error = (struct csv_error){what, c->line + (uint64_t)c->n_lines, (int)(at - c->start) + 1};
    return ST_INVALID;
}

/* Behind the opening quote, to behind the closing one. */
static enum status take_quoted(struct cursor *c, struct span *ret_text)
{
    char *begin = c->from, *to = c->from;
    for (; c->from < c->end; c->from++) {
        if (*c->from == '"' && (c->from + 1 == c->end || c->from[1] != '"'))
            break;
        if (*c->from == '"')
            c->from++;
        c->n_lines += *c->from == '\n';
        *to++ = *c->from;
    }
    if (c->from == c->end) {
        c->n_lines = 0;
        return wrong(c, "a quote is opened, and the file ends before another closes it", begin - 1);
    }
    c->from++;
    *ret_text = span_of(begin, (size_t)(to - begin));
    return ST_OK;
}

static enum status take_plain(struct cursor *c, struct span *ret_text)
{
    char *begin = c->from;
    while (c->from < c->end && *c->from != ',' && *c->from != '"')
        c->from++;
    if (c->from < c->end && *c->from == '"')
        return wrong(c,
                     "a quote within a cell; one that has quotes stands in quotes, and has "
                     "each of them twice",
                     c->from);
    *ret_text = span_of(begin, (size_t)(c->from - begin));
    return ST_OK;
}

static enum status take_cell(struct csv_reader *r, struct cursor *c)
{
    struct csv_cell cell = {.col = (int)(c->from - c->start) + 1};
    bool is_quoted = c->from < c->end && *c->from == '"';
    if (c->n_cells == CSV_CELLS_MAX) {
        (void)wrong(c, "more columns than 4096", c->from);
        return ST_TOO_LARGE;
    }
    c->from += is_quoted;
    enum status st = is_quoted ? take_quoted(c, &cell.text) : take_plain(c, &cell.text);
    if (st != ST_OK)
        return st;
    if (c->from < c->end && *c->from != ',')
        return wrong(c, "a comma or the end of the row has to follow a quoted cell", c->from);
    r->cells[c->n_cells++] = cell;
    return ST_OK;
}

static enum status take_cells(struct csv_reader *r, struct cursor *c)
{
    enum status st = take_cell(r, c);
    while (st == ST_OK && c->from < c->end) {
        c->from++; /* the comma */
        st = take_cell(r, c);
    }
    return st;
}

static void drop_line_end(struct cursor *c)
{
    if (c->end > c->start && c->end[-1] == '\n')
        c->end--;
    if (c->end > c->start && c->end[-1] == '\r')
        c->end--;
}

/* ---- rows ---- */

/* The next row that has a byte. */
static enum status take_filled_row(struct csv_reader *r, struct cursor *c)
{
    do {
        if (c->end != NULL)
            r->line++;
        enum status st = take_row(r, c);
        if (st == ST_TOO_LARGE)
            *c->error =
                (struct csv_error){"a row has at most 1 MiB; is a quote not closed?", r->line, 0};
        if (st != ST_OK)
            return st;
        if (c->start == c->end)
            return ST_NOT_FOUND;
        drop_line_end(c);
    } while (c->start == c->end);
    return ST_OK;
}

enum status csv_next(struct csv_reader *r, struct csv_row *ret_row, struct csv_error *ret_error)
{
    struct cursor c = {.error = ret_error};
    enum status st = ST_OK;
    if (r->line == 1 && r->end == 0) {
        st = read_more(r);
        pass_mark(r);
    }
    if (st == ST_OK)
        st = take_filled_row(r, &c);
    if (st != ST_OK)
        return st;
    c.line = r->line;
    st = take_cells(r, &c);
    if (st != ST_OK)
        return st;
    *ret_row = (struct csv_row){.cells = r->cells, .n_cells = c.n_cells, .line = c.line};
    r->line += (uint64_t)c.n_lines + 1;
    return ST_OK;
}

void csv_write(FILE *out, struct span cell)
{
    bool plain = true;
    for (size_t i = 0; i < cell.len && plain; i++)
        plain = cell.base[i] == '\0' || strchr("\",\r\n", cell.base[i]) == NULL;
    if (plain) {
        fwrite(cell.base, 1, cell.len, out);
        return;
    }
    fputc('"', out);
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.base[i] == '"')
            fputc('"', out);
        fputc(cell.base[i], out);
    }
    fputc('"', out);
}
