/*
 * Reading a log: one pass over the records; then the tiles, the labels, and the values. A log
 * without header and without fold point takes the straight way.
 */
#include "service/state/fold_reading.h"

/* ---- mapping layouts ---- */

enum status reading_map_layout(struct reading *r, uint32_t id, const struct layout_map **ret_map)
{
    struct layout_map *m = r->maps;
    while (m != NULL && m->id != id)
        m = m->next;
    if (m == NULL) {
        const struct layout *l = layout_book_find(r->book, id);
        if (l == NULL)
            return ST_NOT_FOUND;
        m = arena_try(r->scratch, sizeof *m);
        if (m == NULL)
            return ST_NO_SPACE;
        plan_map_layout(r->plan, l, m);
        m->next = r->maps;
        r->maps = m;
    }
    *ret_map = m;
    return ST_OK;
}

/* ---- doubts ---- */

static void doubt_init(struct doubt *d)
{
    *d = (struct doubt){.n_lo = 0};
    sums_init(&d->maybe);
    sums_init(&d->counted);
}

struct doubt *reading_doubts(struct reading *r, struct lane_state *ls)
{
    if (ls->doubts == NULL) {
        ls->doubts = r->spare_doubts;
        r->spare_doubts += ls->lane->n_windows;
        for (int i = 0; i < ls->lane->n_windows; i++)
            doubt_init(&ls->doubts[i]);
    }
    return ls->doubts;
}

/* ---- start ---- */

static enum status lane_init(struct reading *r, struct lane_state *ls, const struct lane *lane,
                             size_t n_records)
{
    size_t n = (size_t)lane->n_windows;
    ls->lane = lane;
    ls->to_ms = r->query->t_ms - lane->delay_ms;
    ls->near = 0;
    ls->labels = NULL;
    ls->doubts = NULL;
    ls->spilled = 0;
    ls->own_has_value = false;
    ls->own_sure_ms = ls->own_maybe_ms = ls->spilled_last_ms = ls->place_doubt_ms = INT64_MIN;
    ls->place = (struct evidence_place){.found = false};
    ls->sums = arena_try(r->scratch, n * sizeof *ls->sums);
    if (ls->sums == NULL)
        return ST_NO_SPACE;
    for (size_t i = 0; i < n; i++)
        sums_init(&ls->sums[i]);
    if (lane->parts & CELL_LABELS) {
        ls->labels = arena_try(r->scratch, n * sizeof *ls->labels);
        if (ls->labels == NULL)
            return ST_NO_SPACE;
        memset(ls->labels, 0, n * sizeof *ls->labels);
    }
    if (lane->parts & CELL_MAP)
        return value_set_init(&ls->values, n_records, r->scratch);
    return ST_OK;
}

static size_t values_in_maps(const struct folded *f)
{
    size_t n = 0;
    for (int i = 0; i < f->n_blocks; i++) {
        for (int c = 0; c < f->blocks[i].layout->n_cells; c++)
            n += f->blocks[i].maps[c].n;
    }
    return n;
}

static enum status lanes_init(struct reading *r, size_t records_bytes)
{
    const struct plan *plan = r->plan;
    size_t most_values = records_bytes / RECORD_FIXED_BYTES + values_in_maps(&r->folded) + 1,
           windows = 0;
    for (int i = 0; i < plan->n_lanes; i++)
        windows += (size_t)plan->lanes[i].n_windows;
    r->lanes = arena_try(r->scratch, (size_t)plan->n_lanes * sizeof *r->lanes);
    r->spare_doubts = arena_try(r->scratch, windows * sizeof *r->spare_doubts);
    if (r->lanes == NULL || r->spare_doubts == NULL)
        return ST_NO_SPACE;
    enum status st = ST_OK;
    for (int i = 0; st == ST_OK && i < plan->n_lanes; i++)
        st = lane_init(r, &r->lanes[i], &plan->lanes[i], most_values);
    return st;
}

/* Field by field: the bitmap and the recent names are kilobytes that need no clearing here. */
static enum status reading_init(struct reading *r, const struct plan *plan,
                                const struct layout_book *book, const struct fold_query *query,
                                struct arena *scratch)
{
    struct span log = query->log;
    r->plan = plan;
    r->book = book;
    r->query = query;
    r->scratch = scratch;
    r->maps = plan->own_map;
    r->labels = NULL;
    r->n_labels = r->cap_labels = 0;
    r->duplicates = r->records = 0;
    r->own_found = r->own_late = r->own_has_folded = false;
    r->own_nonce = 0;
    if (log.len > FOLD_LOG_BYTES_MAX)
        return ST_CORRUPT;
    enum status st = folded_read(log, r->book, r->scratch, &r->folded);
    if (st != ST_OK)
        return st;
    struct span records = span_of(log.base + r->folded.bytes, log.len - r->folded.bytes);
    r->events = r->folded.gone;
    r->next_point = fold_next_point(&r->folded);
    scan_init(&r->scan, records, r->plan->layout->horizon_ms, INT64_MIN);
    r->late_before_ms = INT64_MIN;
    reading_note_newest(r, r->folded.newest_ms);
    return lanes_init(r, records.len);
}

/* ---- values ---- */

static void cumulate(struct lane_state *ls)
{
    for (int w = 1; w < ls->lane->n_windows; w++)
        sums_merge(&ls->sums[w], &ls->sums[w - 1]);
}

static struct evidence_values values_in(const struct lane_state *ls, int64_t from_ms)
{
    struct evidence_values v = {.own_has_value = ls->own_has_value,
                                .own_seen = ls->own_sure_ms > from_ms,
                                .own_maybe_seen = ls->own_maybe_ms > from_ms};
    for (uint64_t i = 0; i <= ls->values.mask; i++) {
        const struct value_seen *s = &ls->values.slots[i];
        if (s->hash == 0)
            continue;
        v.sure += s->sure_ms > from_ms;
        v.maybe += s->sure_ms <= from_ms && s->maybe_ms > from_ms;
    }
    if (ls->spilled_last_ms > from_ms) {
        v.maybe += ls->spilled;
        v.own_maybe_seen = true;
    }
    return v;
}

static struct evidence_place place_in(const struct lane_state *ls, int64_t from_ms)
{
    struct evidence_place p = ls->place;
    p.found = p.found && p.ts_ms > from_ms;
    p.sure = ls->place_doubt_ms <= from_ms || (p.found && p.ts_ms > ls->place_doubt_ms);
    return p;
}

/* For one aggregate of the lane. NULL: nothing is in doubt. */
static const struct doubt *doubt_for(const struct lane_state *ls, const struct plan_output *out,
                                     struct doubt *room)
{
    const struct doubt *d = ls->doubts != NULL ? &ls->doubts[out->window] : NULL;
    if (d == NULL || (d->lacking & out->parts) == 0)
        return d;
    *room = *d;
    room->unknown_values += d->lacking_n;
    return room;
}

static void put_output(const struct reading *r, const struct plan_output *out,
                       struct window_value *ret_value)
{
    const struct lane_state *ls = &r->lanes[out->lane];
    const struct lane *l = ls->lane;
    int64_t to_ms = ls->to_ms, from_ms = to_ms - l->windows_ms[out->window];
    struct doubt room;
    struct evidence e = {
        .t_ms = r->query->t_ms,
        .from_ms = from_ms,
        .to_ms = to_ms,
        .scale = l->scale,
        .sure = &ls->sums[out->window],
        .labels = ls->labels != NULL ? ls->labels[out->window] : NULL,
        .doubt = doubt_for(ls, out, &room),
    };
    if (out->aggregate == AGG_SPEED_KMH) {
        struct evidence_place p = place_in(ls, from_ms);
        evidence_speed(&e, &p, ret_value);
    } else if (out->aggregate == AGG_DISTINCT || out->aggregate == AGG_IS_NEW) {
        struct evidence_values v = values_in(ls, from_ms);
        if (out->aggregate == AGG_DISTINCT)
            evidence_distinct(&e, &v, ret_value);
        else
            evidence_is_new(&e, &v, ret_value);
    } else {
        evidence_value(out->aggregate, &e, ret_value);
    }
}

/* Worth rewriting: the own record completed a fold point, or a third of the records are
 * duplicates. */
static bool wants_fold(const struct reading *r)
{
    enum { DUPLICATES_MIN = 32 }; /* fewer are not worth a write */
    return reading_is_fold_due(r) ||
           (r->duplicates >= DUPLICATES_MIN && 3 * r->duplicates > r->records);
}

static enum status finish(struct reading *r, struct window_value *values,
                          struct fold_seen *ret_seen)
{
    for (int lane = 0; lane < r->plan->n_lanes; lane++)
        cumulate(&r->lanes[lane]);
    enum status st = reading_add_labels(r);
    if (st != ST_OK)
        return st;
    if (r->folded.bytes > 0)
        reading_add_tiles(r);
    for (int i = 0; i < r->plan->n_outputs; i++)
        put_output(r, &r->plan->outputs[i], &values[i]);
    *ret_seen = (struct fold_seen){.own_found = r->own_found,
                                   .own_nonce = r->own_nonce,
                                   .own_late = r->own_late,
                                   .wants_fold = wants_fold(r)};
    return ST_OK;
}

/* ---- a log that passed a fold point ---- */

/* Where the own record starts; the end when it is not there. */
static enum status find_own(const struct fold_query *q, size_t header, size_t *ret_offset,
                            size_t *ret_bytes)
{
    size_t at = header;
    while (at < q->log.len) {
        struct record rec;
        enum status st = record_decode(span_of(q->log.base + at, q->log.len - at), &rec);
        if (st != ST_OK)
            return st;
        if (q->has_own && rec.kind == RECORD_TRANSACTION && rec.txn == q->own_txn) {
            *ret_offset = at;
            *ret_bytes = rec.bytes;
            return ST_OK;
        }
        at += rec.bytes;
    }
    *ret_offset = q->log.len;
    *ret_bytes = 0;
    return ST_OK;
}

/* The log as it would stand if every fold before the own record had been written back. */
static enum status fold_ahead(const struct reading *r, struct span *ret_log)
{
    const struct fold_query *q = r->query;
    size_t own_at, own_bytes;
    struct fold_written w;
    enum status st = find_own(q, r->folded.bytes, &own_at, &own_bytes);
    if (st == ST_OK)
        st = fold_write(r->plan, r->book, span_of(q->log.base, own_at), NULL, 0, 1, r->scratch, &w);
    if (st != ST_OK)
        return st;
    char *log = arena_try(r->scratch, w.bytes.len + own_bytes);
    if (log == NULL)
        return ST_NO_SPACE;
    memcpy(log, w.bytes.base, w.bytes.len);
    memcpy(log + w.bytes.len, q->log.base + own_at, own_bytes);
    *ret_log = span_of(log, w.bytes.len + own_bytes);
    return ST_OK;
}

enum status fold_read(const struct plan *plan, const struct layout_book *book,
                      const struct fold_query *query, struct arena *scratch,
                      struct window_value *values, struct fold_seen *ret_seen)
{
    struct reading r;
    enum status st = reading_init(&r, plan, book, query, scratch);
    if (st != ST_OK)
        return st;
    if (r.folded.bytes > 0)
        reading_add_maps_and_places(&r);
    st = reading_take_records(&r);
    if (st == ST_OK)
        return finish(&r, values, ret_seen);
    if (st != ST_CONFLICT)
        return st;
    struct fold_query folded_query = *query;
    st = fold_ahead(&r, &folded_query.log);
    if (st == ST_OK)
        st = fold_read(plan, book, &folded_query, scratch, values, ret_seen);
    return st;
}
