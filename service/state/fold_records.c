/* Records of a log, each into its class of each lane. Nearly all of them go the plain way, in runs;
 * the rest one by one. */
#include "service/state/fold_reading.h"

/* ---- one record ---- */

/* An event whose filter was not recorded, or that may be a duplicate of a folded one: in or out. */
static void add_doubtful(struct reading *r, struct lane_state *ls, const struct lane_map *m,
                         const struct record *rec, int from_window)
{
    struct doubt *doubts = reading_doubts(r, ls);
    bool has_value = m->column >= 0 && (rec->bits >> m->column & 1);
    for (int w = from_window; w < ls->lane->n_windows; w++) {
        struct doubt *d = &doubts[w];
        if (m->filter_bit == MAP_UNKNOWN) {
            d->unknown_n++;
            continue;
        }
        d->maybe.n++;
        d->counted.n++;
        sums_add_time(&d->maybe, rec->ts_ms);
        if (has_value) {
            sums_add_value(&d->maybe, record_column(rec, m->column), ls->lane->parts);
            sums_add_value(&d->counted, record_column(rec, m->column), ls->lane->parts);
        }
    }
    if (has_value && m->filter_bit != MAP_UNKNOWN && (ls->lane->parts & CELL_MAP))
        lane_note_value(ls, (uint64_t)record_column(rec, m->column), rec->ts_ms, false, false);
    if (has_value && (ls->lane->parts & CELL_PLACE) && rec->ts_ms > ls->place_doubt_ms)
        ls->place_doubt_ms = rec->ts_ms;
}

static void add_unknown_value(struct reading *r, struct lane_state *ls, int from_window)
{
    struct doubt *doubts = reading_doubts(r, ls);
    for (int w = from_window; w < ls->lane->n_windows; w++)
        doubts[w].unknown_values++;
}

static inline void add_value(struct lane_state *ls, struct sums *s, int64_t value, int64_t ts_ms,
                             bool own)
{
    unsigned parts = ls->lane->sure_parts;
    sums_add_value(s, value, parts);
    if (parts & CELL_MAP)
        lane_note_value(ls, (uint64_t)value, ts_ms, own, true);
    if (parts & CELL_PLACE)
        lane_note_place(ls, value, ts_ms, own);
}

/* The own value and place count where the own event does not, or perhaps twice: a tile that has the
 * value at the own event's time may then have it from there. */
static void note_own(struct lane_state *ls, const struct lane_map *m, const struct record *rec,
                     bool perhaps_twice)
{
    if ((ls->lane->parts & (CELL_MAP | CELL_PLACE)) == 0)
        return;
    int64_t value = record_column(rec, m->column);
    const struct value_seen *v =
        ls->lane->parts & CELL_MAP ? value_set_get(&ls->values, (uint64_t)value) : NULL;
    ls->own_has_value = true;
    if (v != NULL) {
        bool sure = !perhaps_twice || v->sure_ms < rec->ts_ms;
        ls->own_sure_ms = sure ? v->sure_ms : INT64_MIN;
        ls->own_maybe_ms = sure || v->maybe_ms > v->sure_ms ? v->maybe_ms : v->sure_ms;
    }
    ls->place.own_located = true;
    ls->place.own_place = value;
}

/* A retry's first record: in the tiles, or perhaps. */
static bool own_may_be_folded(struct reading *r, int lane, int64_t ts_ms)
{
    return r->own_has_folded || (r->query->own_is_retry && reading_may_be_folded(r, lane, ts_ms));
}

/* One event more, or not. */
static void add_own_perhaps(struct reading *r, struct lane_state *ls, int from_window)
{
    struct doubt *doubts = reading_doubts(r, ls);
    for (int w = from_window; w < ls->lane->n_windows; w++) {
        doubts[w].unknown_n++;
        doubts[w].own_among_sure = true;
    }
}

static void lane_add(struct reading *r, int lane, const struct record *rec,
                     const struct layout_map *map, bool own)
{
    struct lane_state *ls = &r->lanes[lane];
    const struct lane *l = ls->lane;
    const struct lane_map *m = &map->lanes[lane];
    int64_t age_ms = ls->to_ms - rec->ts_ms;
    bool passes = m->filter_bit < 0 || (rec->bits >> m->filter_bit & 1);
    bool has_value = m->column >= 0 && (rec->bits >> m->column & 1);
    int c = age_ms < 0 ? l->n_windows : lane_class_of(l, age_ms, 0);
    if (c == l->n_windows || !passes) {
        if (own && has_value)
            note_own(ls, m, rec, false);
        return;
    }
    if (own && own_may_be_folded(r, lane, rec->ts_ms)) {
        if (has_value)
            note_own(ls, m, rec, true);
        add_own_perhaps(r, ls, c);
        return;
    }
    if (m->filter_bit == MAP_UNKNOWN || (!own && reading_may_be_folded(r, lane, rec->ts_ms))) {
        add_doubtful(r, ls, m, rec, c);
        return;
    }
    struct sums *s = &ls->sums[c];
    s->n++;
    if (!own && l->times) /* since_first and since_last leave the transaction itself out */
        sums_add_time(s, rec->ts_ms);
    if (has_value)
        add_value(ls, s, record_column(rec, m->column), rec->ts_ms, own);
    else if (m->column == MAP_UNKNOWN)
        add_unknown_value(r, ls, c);
}

/* Was the identity in the log before `until`? Steps over records by length and hash alone: they
 * were decoded before. */
static bool stood_before(const struct reading *r, const struct record *rec, const char *until)
{
    const char *p = r->scan.start;
    while (p < until) {
        uint16_t bytes;
        uint64_t txn;
        struct record earlier;
        memcpy(&bytes, p + 2, sizeof bytes);
        memcpy(&txn, p + 16, sizeof txn);
        if (txn == rec->txn && record_decode(span_of(p, bytes), &earlier) == ST_OK &&
            record_same(&earlier, rec))
            return true;
        p += bytes;
    }
    return false;
}

static enum scan_verdict judge(struct reading *r, const struct record *rec, const char *bytes)
{
    if (rec->ts_ms < reading_late_before(r))
        return SCAN_LATE;
    if (scan_mark(&r->scan, record_identity_hash(rec)) && stood_before(r, rec, bytes))
        return SCAN_DUPLICATE;
    if (rec->kind == RECORD_TRANSACTION && folded_has(&r->folded, rec->txn, rec->ts_ms))
        return SCAN_DUPLICATE;
    if (rec->kind == RECORD_TRANSACTION)
        reading_note_newest(r, rec->ts_ms);
    r->events++;
    return SCAN_EVENT;
}

static enum status add_record(struct reading *r, const struct record *rec, const char *bytes,
                              bool own)
{
    const struct layout_map *map;
    enum status st = reading_map_layout(r, rec->layout, &map);
    if (st != ST_OK)
        return st;
    enum scan_verdict verdict = judge(r, rec, bytes);
    r->records++;
    r->duplicates += verdict == SCAN_DUPLICATE;
    if (own) {
        r->own_found = true;
        r->own_nonce = rec->nonce;
        r->own_late = verdict == SCAN_LATE;
        r->own_has_folded = verdict == SCAN_DUPLICATE; /* an earlier attempt's record */
    } else if (verdict != SCAN_EVENT) {
        return ST_OK;
    }
    if (rec->kind != RECORD_TRANSACTION)
        return reading_keep_label(r, rec, map);
    for (int i = 0; i < r->plan->n_lanes; i++)
        lane_add(r, i, rec, map, own);
    return ST_OK;
}

/* ---- the plain way: another transaction's record, of the own layout, that is in no tile ---- */

static inline uint64_t load_u64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void lane_add_plain(struct lane_state *ls, const char *bytes, int64_t ts_ms,
                                  uint32_t bits)
{
    const struct lane *l = ls->lane;
    int64_t age_ms = ls->to_ms - ts_ms;
    if (age_ms < 0 || (l->filter_mask & ~bits))
        return;
    int c = ls->near = lane_class_of(l, age_ms, ls->near);
    if (c == l->n_windows)
        return;
    struct sums *s = &ls->sums[c];
    s->n++;
    if (l->times)
        sums_add_time(s, ts_ms);
    if (bits & l->column_mask)
        add_value(ls, s, (int64_t)load_u64(bytes + l->column_offset), ts_ms, false);
}

/* As judge() and add_record(), for what a plain record can be. */
static inline void add_plain(struct reading *r, const char *bytes, uint64_t txn, int64_t ts_ms)
{
    uint32_t bits;
    bool late = ts_ms < reading_late_before(r);
    r->records++;
    if (late)
        return;
    if (scan_mark(&r->scan, txn) &&
        stood_before(r, &(struct record){.kind = RECORD_TRANSACTION, .txn = txn}, bytes)) {
        r->duplicates++;
        return;
    }
    reading_note_newest(r, ts_ms);
    r->events++;
    memcpy(&bits, bytes + 28, sizeof bits);
    for (int i = 0; i < r->plan->n_lanes; i++)
        lane_add_plain(&r->lanes[i], bytes, ts_ms, bits);
}

/* ---- runs: plain records in order of time, none of them seen before ---- */

struct run {
    const char *base;
    size_t step, n; /* bytes of a record; records */
};

static inline int64_t run_ts(const struct run *run, size_t i)
{
    return (int64_t)load_u64(run->base + i * run->step + 8);
}

/* How many of the first `n` records are not younger than `edge_ms`. */
static size_t run_until(const struct run *run, size_t n, int64_t edge_ms)
{
    size_t from = 0;
    while (from < n) {
        size_t middle = from + (n - from) / 2;
        if (run_ts(run, middle) <= edge_ms)
            from = middle + 1;
        else
            n = middle;
    }
    return from;
}

/* Records [from, to) of the run, all in one class, each with its own filter bit and value. */
static void add_one_by_one(struct lane_state *ls, struct sums *s, const struct run *run,
                           size_t from, size_t to)
{
    const struct lane *l = ls->lane;
    const char *end = run->base + to * run->step;
    for (const char *p = run->base + from * run->step; p < end; p += run->step) {
        uint32_t bits;
        memcpy(&bits, p + 28, sizeof bits);
        if (l->filter_mask & ~bits)
            continue;
        int64_t ts_ms = (int64_t)load_u64(p + 8);
        s->n++;
        if (l->times)
            sums_add_time(s, ts_ms);
        if (bits & l->column_mask)
            add_value(ls, s, (int64_t)load_u64(p + l->column_offset), ts_ms, false);
    }
}

/* As add_one_by_one, for the lanes of most features: sums without filter, at hand in registers. */
static void add_totals(const struct lane *l, struct sums *s, const struct run *run, size_t from,
                       size_t to)
{
    int64_t values = 0;
    int128 negative = 0, positive = 0;
    const char *end = run->base + to * run->step;
    for (const char *p = run->base + from * run->step; p < end; p += run->step) {
        uint32_t bits;
        memcpy(&bits, p + 28, sizeof bits);
        if ((bits & l->column_mask) == 0)
            continue;
        int64_t value = (int64_t)load_u64(p + l->column_offset);
        values++;
        if (value < 0)
            negative += value;
        else
            positive += value;
    }
    s->n += (int64_t)(to - from);
    s->values += values;
    s->negative += negative;
    s->positive += positive;
}

static void add_segment(struct lane_state *ls, struct sums *s, const struct run *run, size_t from,
                        size_t to)
{
    const struct lane *l = ls->lane;
    bool by_one = l->filter_mask != 0 || l->times || (l->sure_parts & ~(unsigned)CELL_SUM);
    if (from == to)
        return;
    if (by_one)
        add_one_by_one(ls, s, run, from, to);
    else if (l->column_mask != 0)
        add_totals(l, s, run, from, to);
    else
        s->n += (int64_t)(to - from);
}

/* The run falls into one segment for each class: their edges are searched, not walked to. */
static void lane_add_run(struct lane_state *ls, const struct run *run)
{
    const struct lane *l = ls->lane;
    size_t to = run_until(run, run->n, ls->to_ms);
    for (int c = 0; c < l->n_windows && to > 0; c++) {
        size_t from = run_until(run, to, ls->to_ms - l->windows_ms[c]);
        add_segment(ls, &ls->sums[c], run, from, to);
        to = from;
    }
}

/*
 * The longest run from here, marked as seen; up to a fold point, another layout, the own record.
 * What comes late is no run's: the first record must not be, and those behind it are no older.
 */
static struct run find_run(struct reading *r)
{
    const size_t step = r->plan->plain_bytes, left = (size_t)(r->scan.end - r->scan.p);
    const int64_t standing = (int64_t)r->folded.retained - r->records;
    size_t to_point = (size_t)(r->next_point - r->events) * step;
    if (standing > 0 && (size_t)standing * step < to_point)
        to_point = (size_t)standing * step; /* behind them records may be late */
    const uint64_t head = r->plan->plain_head;
    const uint64_t own_txn = r->query->own_txn;
    const bool has_own = r->query->has_own;
    const char *p = r->scan.p, *const end = p + (to_point < left ? to_point : left);
    int64_t oldest_ms = reading_late_before(r);
    if (oldest_ms <= r->folded.frontier_ms)
        oldest_ms = r->folded.frontier_ms + 1; /* older ones may be in a tile */
    while ((size_t)(end - p) >= step && load_u64(p) == head) {
        __builtin_prefetch(p + FOLD_FETCH_BYTES);
        int64_t ts_ms = (int64_t)load_u64(p + 8);
        uint64_t txn = load_u64(p + 16);
        if (ts_ms < oldest_ms || (txn == own_txn && has_own) || scan_mark(&r->scan, txn))
            break;
        oldest_ms = ts_ms;
        p += step;
    }
    return (struct run){r->scan.p, step, (size_t)(p - r->scan.p) / step};
}

static void add_run(struct reading *r, const struct run *run)
{
    if (run->n == 0)
        return;
    for (int i = 0; i < r->plan->n_lanes; i++)
        lane_add_run(&r->lanes[i], run);
    reading_note_newest(r, run_ts(run, run->n - 1));
    r->records += (int)run->n;
    r->events += run->n;
    r->scan.p += run->n * run->step;
}

/* A plain record out of the order of time, or one that may be a duplicate. */
static bool add_straggler(struct reading *r)
{
    const size_t step = r->plan->plain_bytes;
    const char *p = r->scan.p;
    if (reading_is_fold_due(r) || (size_t)(r->scan.end - p) < step ||
        load_u64(p) != r->plan->plain_head)
        return false;
    int64_t ts_ms = (int64_t)load_u64(p + 8);
    uint64_t txn = load_u64(p + 16);
    if ((r->query->has_own && txn == r->query->own_txn) || ts_ms <= r->folded.frontier_ms)
        return false;
    add_plain(r, p, txn, ts_ms);
    r->scan.p += step;
    return true;
}

/* Records that are out of the horizon, and not the own one: many a log starts with some. */
static void skip_late(struct reading *r)
{
    const size_t step = r->plan->plain_bytes;
    const uint64_t head = r->plan->plain_head;
    const uint64_t own_txn = r->query->own_txn;
    const bool has_own = r->query->has_own;
    const char *p = r->scan.p, *const end = r->scan.end;
    const int64_t late_before_ms = reading_late_before(r);
    while ((size_t)(end - p) >= step && load_u64(p) == head &&
           (int64_t)load_u64(p + 8) < late_before_ms && !(load_u64(p + 16) == own_txn && has_own)) {
        p += step;
        r->records++;
    }
    r->scan.p = p;
}

/* Takes plain records as long as there are some, up to a fold point. */
static void read_plain(struct reading *r)
{
    skip_late(r);
    do {
        struct run run = find_run(r);
        add_run(r, &run);
    } while (add_straggler(r));
}

/* ---- all records ---- */

enum status reading_take_records(struct reading *r)
{
    for (;;) {
        read_plain(r);
        struct record rec;
        const char *bytes = r->scan.p;
        if (reading_is_fold_due(r))
            return ST_CONFLICT;
        if (bytes == r->scan.end)
            return ST_OK;
        enum status st = record_decode(span_of(bytes, (size_t)(r->scan.end - bytes)), &rec);
        if (st != ST_OK)
            return st;
        r->scan.p += rec.bytes;
        bool own =
            r->query->has_own && rec.kind == RECORD_TRANSACTION && rec.txn == r->query->own_txn;
        st = add_record(r, &rec, bytes, own);
        if (st != ST_OK || own)
            return st;
    }
}
