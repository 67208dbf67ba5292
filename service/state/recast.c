#include "service/state/recast.h"

#include "service/state/fold.h"

/* Where a layout has what another one names. */
struct recast {
    const struct layout *from, *to;
    int columns[RECORD_COLUMNS_MAX];
    int filters[LAYOUT_FILTERS_MAX];
    bool has_all;
};

static struct recast recast_of(const struct layout *from, const struct layout *to)
{
    struct recast r = {.from = from, .to = to, .has_all = true};
    for (int i = 0; i < to->n_columns; i++) {
        r.columns[i] = layout_find_column(from, &to->columns[i]);
        r.has_all &= r.columns[i] >= 0;
    }
    for (int i = 0; i < to->n_filters; i++) {
        r.filters[i] = layout_find_filter(from, to->filters[i]);
        r.has_all &= r.filters[i] >= 0;
    }
    return r;
}

static uint32_t bit_of(uint32_t bits, int from, int to)
{
    return (bits >> from & 1) << to;
}

static size_t write_record(const struct recast *x, struct record r, char *out)
{
    int64_t columns[RECORD_COLUMNS_MAX];
    uint32_t bits = 0;
    bool is_plain = r.kind == RECORD_TRANSACTION;
    for (int i = 0; is_plain && i < x->to->n_columns; i++) {
        columns[i] = record_column(&r, x->columns[i]);
        bits |= bit_of(r.bits, x->columns[i], i);
    }
    for (int i = 0; i < x->to->n_filters; i++)
        bits |= bit_of(r.bits, x->from->n_columns + x->filters[i], x->to->n_columns + i);
    r.layout = x->to->id;
    r.bits = bits;
    return record_encode(&r, columns, is_plain ? x->to->n_columns : 0, out);
}

/* Answers how long it is in `out`. */
static size_t recast_one(const struct recast *x, const struct record *r, struct span bytes,
                         char *out)
{
    size_t whole = RECORD_FIXED_BYTES + 8 * (size_t)x->from->n_columns;
    bool is_whole = r->kind != RECORD_TRANSACTION || r->bytes == whole;
    if (x->has_all && x->from != x->to && is_whole)
        return write_record(x, *r, out);
    memcpy(out, bytes.base, r->bytes);
    return r->bytes;
}

/* Records of one layout mostly stand behind one another. */
static enum status find_recast(const struct plan *plan, const struct layout_book *book,
                               uint32_t layout, struct recast *x)
{
    if (x->from != NULL && x->from->id == layout)
        return ST_OK;
    const struct layout *to = plan_layout(plan);
    const struct layout *from = layout == to->id ? to : layout_book_find(book, layout);
    if (from == NULL)
        return ST_NOT_FOUND;
    *x = recast_of(from, to);
    return ST_OK;
}

enum status recast_log(const struct plan *plan, const struct layout_book *book, struct span log,
                       struct arena *arena, struct span *ret_log)
{
    struct recast x = {.from = NULL};
    size_t at = fold_header_bytes(log), len = at;
    char *out = arena_try(arena, log.len + RECORD_BYTES_MAX);
    if (out == NULL)
        return ST_NO_SPACE;
    if (at > 0)
        memcpy(out, log.base, at);
    while (at < log.len) {
        struct span left = span_of(log.base + at, log.len - at);
        struct record r;
        enum status st = record_decode(left, &r);
        if (st == ST_OK)
            st = find_recast(plan, book, r.layout, &x);
        if (st != ST_OK)
            return st;
        len += recast_one(&x, &r, left, out + len);
        at += r.bytes;
    }
    *ret_log = span_of(out, len);
    return ST_OK;
}
