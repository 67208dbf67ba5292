/*
 * Reading a log: one pass over the records, each into its class of each lane; then the tiles, the
 * labels, and the values. A log without header and without fold point takes the straight way.
 */
#include "service/state/evidence.h"
#include "service/state/fold_internal.h"
#include "service/state/scan.h"
#include "service/state/value_set.h"

#include "service/base/check.h"

/* One lane at work. */
struct lane_state {
    const struct lane *lane;
    int64_t to_ms;                   /* t - delay: the windows' upper edge */
    int near;                        /* class of the last plain record */
    struct sums *sums;               /* [n_windows], by class, then cumulated */
    int64_t (*labels)[RECORD_KINDS]; /* the same */
    struct doubt *doubts;            /* [n_windows]; NULL: nothing is in doubt */
    struct value_set values;         /* with CELL_MAP */
    int64_t spilled_last_ms;         /* of values that no map had room for */
    uint32_t spilled;
    bool own_has_value;
    int64_t own_sure_ms, own_maybe_ms; /* when the own value was last seen before */
    struct evidence_place place;       /* with CELL_PLACE: the latest located event */
    int64_t place_doubt_ms;            /* other located events may stand up to here */
};

struct label {
    uint64_t txn;
    enum record_kind kind;
    int64_t ts_ms, known_at_ms;
    uint32_t bits;
    const struct layout_map *map;
};

struct reading {
    const struct plan *plan;
    const struct layout_book *book;
    const struct fold_query *query;
    struct arena *scratch;
    struct folded folded;
    struct scan scan;
    struct layout_map *maps;    /* of the layouts met so far; nearly always one */
    struct lane_state *lanes;   /* [plan->n_lanes] */
    struct doubt *spare_doubts; /* room for every window of every lane */
    struct label *labels;
    int n_labels, cap_labels;
    uint64_t events;        /* distinct records so far, the gone ones included */
    uint64_t next_point;    /* the next fold point, in events */
    int64_t late_before_ms; /* newest - horizon; INT64_MIN: nothing is late yet */
    int duplicates, records;
    bool own_found, own_late, own_has_folded;
    uint32_t own_nonce;
};

/* ---- mapping layouts ---- */

/* Errors: ST_NOT_FOUND: not in the book; ST_NO_SPACE. */
static enum status map_layout(struct reading *r, uint32_t id, const struct layout_map **ret_map)
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

/* The lane's doubts, made when first needed. */
static struct doubt *doubts_of(struct reading *r, struct lane_state *ls)
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

static inline void note_newest(struct reading *r, int64_t ts_ms)
{
    if (ts_ms > r->scan.newest_ms) {
        r->scan.newest_ms = ts_ms;
        r->late_before_ms = ts_ms - r->scan.horizon_ms;
    }
}

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
    note_newest(r, r->folded.newest_ms);
    return lanes_init(r, records.len);
}

/* ---- tiles: finding ---- */

/* The finest tier that is kept long enough to answer for `reach_ms`, else the one kept longest. */
static int pick_tier(const struct layout *l, int64_t reach_ms)
{
    int best = 0;
    for (int i = 0; i < l->n_tiers; i++) {
        if (l->tiers[i].keep_ms >= reach_ms)
            return i;
        if (l->tiers[i].keep_ms > l->tiers[best].keep_ms)
            best = i;
    }
    return best;
}

static bool may_be_folded(struct reading *r, int lane, int64_t ts_ms)
{
    if (r->folded.bytes == 0 || ts_ms > r->folded.known_from_ms)
        return false;
    for (int i = 0; i < r->folded.n_blocks; i++) {
        const struct tile_block *b = &r->folded.blocks[i];
        const struct layout_map *m;
        if (map_layout(r, b->layout->id, &m) != ST_OK || m->lanes[lane].cell < 0 ||
            block_may_have(b, m->lanes[lane].cell, ts_ms))
            return true;
    }
    return false;
}

/* ---- records ---- */

static void note_value(struct lane_state *ls, uint64_t hash, int64_t ts_ms, bool own, bool sure)
{
    struct value_seen *v = value_set_put(&ls->values, hash);
    if (own) {
        ls->own_has_value = true;
        ls->own_sure_ms = v->sure_ms;
        ls->own_maybe_ms = v->maybe_ms;
    }
    int64_t *seen = sure ? &v->sure_ms : &v->maybe_ms;
    *seen = ts_ms > *seen ? ts_ms : *seen;
}

static void note_place(struct lane_state *ls, int64_t place, int64_t ts_ms, bool own)
{
    struct evidence_place *p = &ls->place;
    if (own) {
        p->own_located = true;
        p->own_place = place;
    } else if (!p->found || ts_ms >= p->ts_ms) {
        p->found = true;
        p->place = place;
        p->ts_ms = ts_ms;
    }
}

/* An event whose filter was not recorded, or that may be a duplicate of a folded one: in or out. */
static void add_doubtful(struct reading *r, struct lane_state *ls, const struct lane_map *m,
                         const struct record *rec, int from_window)
{
    struct doubt *doubts = doubts_of(r, ls);
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
        note_value(ls, (uint64_t)record_column(rec, m->column), rec->ts_ms, false, false);
    if (has_value && (ls->lane->parts & CELL_PLACE) && rec->ts_ms > ls->place_doubt_ms)
        ls->place_doubt_ms = rec->ts_ms;
}

static void add_unknown_value(struct reading *r, struct lane_state *ls, int from_window)
{
    struct doubt *doubts = doubts_of(r, ls);
    for (int w = from_window; w < ls->lane->n_windows; w++)
        doubts[w].unknown_values++;
}

static inline void add_value(struct lane_state *ls, struct sums *s, int64_t value, int64_t ts_ms,
                             bool own)
{
    unsigned parts = ls->lane->sure_parts;
    sums_add_value(s, value, parts);
    if (parts & CELL_MAP)
        note_value(ls, (uint64_t)value, ts_ms, own, true);
    if (parts & CELL_PLACE)
        note_place(ls, value, ts_ms, own);
}

/* The smallest window that holds an event of this age, or n_windows. `near` is the class of the
 * event before: logs are nearly in order of time, so it is mostly the answer. */
static inline int class_of(const struct lane *l, int64_t age_ms, int near)
{
    int c = near;
    while (c < l->n_windows && age_ms >= l->windows_ms[c])
        c++;
    while (c > 0 && age_ms < l->windows_ms[c - 1])
        c--;
    return c;
}

/* The own value and place count where the own event does not, or perhaps twice. A tile that has the
 * value at the own event's time may have it from there. */
static void note_own(struct lane_state *ls, const struct lane_map *m, const struct record *rec)
{
    if ((ls->lane->parts & (CELL_MAP | CELL_PLACE)) == 0)
        return;
    int64_t value = record_column(rec, m->column);
    const struct value_seen *v =
        ls->lane->parts & CELL_MAP ? value_set_get(&ls->values, (uint64_t)value) : NULL;
    ls->own_has_value = true;
    if (v != NULL) {
        bool sure = v->sure_ms < rec->ts_ms;
        ls->own_sure_ms = sure ? v->sure_ms : INT64_MIN;
        ls->own_maybe_ms = sure || v->maybe_ms > v->sure_ms ? v->maybe_ms : v->sure_ms;
    }
    ls->place.own_located = true;
    ls->place.own_place = value;
}

/* A retry's first record: in the tiles, or perhaps. */
static bool own_may_be_folded(struct reading *r, int lane, int64_t ts_ms)
{
    return r->own_has_folded || (r->query->own_is_retry && may_be_folded(r, lane, ts_ms));
}

/* One event more, or not. */
static void add_own_perhaps(struct reading *r, struct lane_state *ls, int from_window)
{
    struct doubt *doubts = doubts_of(r, ls);
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
    int c = age_ms < 0 ? l->n_windows : class_of(l, age_ms, 0);
    if (c == l->n_windows || !passes) {
        if (own && has_value)
            note_own(ls, m, rec);
        return;
    }
    if (own && own_may_be_folded(r, lane, rec->ts_ms)) {
        if (has_value)
            note_own(ls, m, rec);
        add_own_perhaps(r, ls, c);
        return;
    }
    if (m->filter_bit == MAP_UNKNOWN || (!own && may_be_folded(r, lane, rec->ts_ms))) {
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

static enum status add_label(struct reading *r, const struct record *rec,
                             const struct layout_map *map)
{
    if (rec->known_at_ms > r->query->t_ms || r->plan->counts == 0)
        return ST_OK;
    if (r->n_labels == r->cap_labels) {
        int cap = r->cap_labels ? 2 * r->cap_labels : 32;
        struct label *more = arena_try(r->scratch, (size_t)cap * sizeof *more);
        if (more == NULL)
            return ST_NO_SPACE;
        if (r->n_labels > 0)
            memcpy(more, r->labels, (size_t)r->n_labels * sizeof *more);
        r->labels = more;
        r->cap_labels = cap;
    }
    r->labels[r->n_labels++] =
        (struct label){rec->txn, rec->kind, rec->ts_ms, rec->known_at_ms, rec->bits, map};
    return ST_OK;
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
    if (rec->ts_ms < r->late_before_ms)
        return SCAN_LATE;
    if (scan_mark(&r->scan, record_identity_hash(rec)) && stood_before(r, rec, bytes))
        return SCAN_DUPLICATE;
    if (rec->kind == RECORD_TRANSACTION && folded_has(&r->folded, rec->txn, rec->ts_ms))
        return SCAN_DUPLICATE;
    if (rec->kind == RECORD_TRANSACTION)
        note_newest(r, rec->ts_ms);
    r->events++;
    return SCAN_EVENT;
}

static enum status add_record(struct reading *r, const struct record *rec, const char *bytes,
                              bool own)
{
    const struct layout_map *map;
    enum status st = map_layout(r, rec->layout, &map);
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
        return add_label(r, rec, map);
    for (int i = 0; i < r->plan->n_lanes; i++)
        lane_add(r, i, rec, map, own);
    return ST_OK;
}

static bool fold_is_due(const struct reading *r)
{
    return r->events == r->next_point;
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
    int c = ls->near = class_of(l, age_ms, ls->near);
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
    r->records++;
    if (ts_ms < r->late_before_ms)
        return;
    if (scan_mark(&r->scan, txn) &&
        stood_before(r, &(struct record){.kind = RECORD_TRANSACTION, .txn = txn}, bytes)) {
        r->duplicates++;
        return;
    }
    note_newest(r, ts_ms);
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
    const size_t to_point = (size_t)(r->next_point - r->events) * step;
    const uint64_t head = r->plan->plain_head;
    const uint64_t own_txn = r->query->own_txn;
    const bool has_own = r->query->has_own;
    const char *p = r->scan.p, *const end = p + (to_point < left ? to_point : left);
    int64_t oldest_ms = r->late_before_ms;
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
    note_newest(r, run_ts(run, run->n - 1));
    r->records += (int)run->n;
    r->events += run->n;
    r->scan.p += run->n * run->step;
}

/* A plain record out of the order of time, or one that may be a duplicate. */
static bool add_straggler(struct reading *r)
{
    const size_t step = r->plan->plain_bytes;
    const char *p = r->scan.p;
    if (fold_is_due(r) || (size_t)(r->scan.end - p) < step || load_u64(p) != r->plan->plain_head)
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
    while ((size_t)(end - p) >= step && load_u64(p) == head &&
           (int64_t)load_u64(p + 8) < r->late_before_ms &&
           !(load_u64(p + 16) == own_txn && has_own)) {
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

/* ST_CONFLICT: a fold point was passed; the log must be read folded. */
static enum status read_records(struct reading *r)
{
    for (;;) {
        read_plain(r);
        struct record rec;
        const char *bytes = r->scan.p;
        if (fold_is_due(r))
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

/* ---- tiles: adding ---- */

/* `first` and `last` lie on different sides of an edge of the window. */
static void add_cut_cell(struct sums *sure, struct doubt *d, const struct sums *cell,
                         int64_t from_ms, int64_t to_ms)
{
    bool first_in = cell->first_ms > from_ms, last_in = cell->last_ms <= to_ms;
    int64_t n_lo = first_in + last_in, n_hi = cell->n - !first_in - !last_in;
    int64_t without = cell->n - cell->values;
    int64_t values_hi = cell->values < n_hi ? cell->values : n_hi;
    d->n_lo += n_lo;
    d->values_lo += n_lo > without ? n_lo - without : 0;
    struct sums part = *cell;
    part.n = n_hi;
    part.values = values_hi;
    part.first_ms = first_in ? cell->first_ms : from_ms + 1;
    part.last_ms = last_in ? cell->last_ms : to_ms;
    sums_merge(&d->maybe, &part);
    if (last_in)
        sums_merge(&d->counted, &part);
    if (first_in)
        sums_add_time(sure, cell->first_ms);
    if (last_in)
        sums_add_time(sure, cell->last_ms);
}

static void add_cell_labels(struct reading *r, struct lane_state *ls, int w,
                            const struct tile_cell *cell, bool is_bound, int64_t from_ms,
                            int64_t to_ms)
{
    if (cell->labels_last_ms <= from_ms || cell->labels_first_ms > to_ms)
        return;
    bool whole = !is_bound && cell->labels_first_ms > from_ms && cell->labels_last_ms <= to_ms &&
                 cell->labels_known_ms <= r->query->t_ms;
    for (int kind = RECORD_FRAUD; kind < RECORD_KINDS; kind++) {
        struct label_range n = cell->labels[kind];
        uint32_t lo = whole ? n.lo : 0;
        ls->labels[w][kind] += lo;
        if (n.hi > lo)
            doubts_of(r, ls)[w].labels_more[kind] += n.hi - lo;
    }
}

/* `is_bound`: the cell has all events, of which those that pass the lane's filter are some. */
static void add_tile(struct reading *r, struct lane_state *ls, int w, const struct tile_cell *cell,
                     bool is_bound, bool has_parts, int64_t from_ms, int64_t to_ms)
{
    const struct sums *s = &cell->sums;
    if (ls->labels != NULL)
        add_cell_labels(r, ls, w, cell, is_bound, from_ms, to_ms);
    if (s->n == 0 || s->last_ms <= from_ms || s->first_ms > to_ms)
        return;
    if (is_bound)
        doubts_of(r, ls)[w].unknown_n += s->n;
    else if (s->first_ms > from_ms && s->last_ms <= to_ms)
        sums_merge(&ls->sums[w], s);
    else
        add_cut_cell(&ls->sums[w], &doubts_of(r, ls)[w], s, from_ms, to_ms);
    if (!is_bound && !has_parts)
        doubts_of(r, ls)[w].unknown_values += s->n;
}

/* Tiles of another ruleset did not keep the labels that this lane counts. */
static void add_unknown_labels(struct reading *r, struct lane_state *ls, int w)
{
    for (int kind = RECORD_FRAUD; kind < RECORD_KINDS; kind++)
        doubts_of(r, ls)[w].labels_more[kind] += (int64_t)r->folded.gone;
}

/* Nor anything that bounds its events: any that has folded may be one of them. */
static void add_unknown_tier(struct reading *r, struct lane_state *ls, int w)
{
    doubts_of(r, ls)[w].unknown_n += (int64_t)r->folded.gone;
    if (ls->labels != NULL)
        add_unknown_labels(r, ls, w);
}

/* The cell of all events, or -1. */
static int cell_of_all(const struct layout *l)
{
    for (int i = 0; i < l->n_cells; i++)
        if (l->cells[i].filter < 0)
            return i;
    return -1;
}

static void add_tier(struct reading *r, struct lane_state *ls, int w, const struct tile_block *b,
                     const struct lane_map *m, int64_t from_ms, int64_t to_ms)
{
    int tier = pick_tier(b->layout, ls->lane->windows_ms[w] + ls->lane->delay_ms);
    const struct tile_tier *t = &b->tiers[tier];
    int64_t grain_ms = b->layout->tiers[tier].grain_ms;
    int64_t last = tile_index_of(to_ms, grain_ms);
    bool is_bound = m->cell < 0;
    int cell = is_bound ? cell_of_all(b->layout) : m->cell;
    if (cell < 0) {
        add_unknown_tier(r, ls, w);
        return;
    }
    if (ls->labels != NULL && !(b->layout->cells[cell].parts & CELL_LABELS))
        add_unknown_labels(r, ls, w);
    for (int i = tile_search(b, t, tile_index_of(from_ms + 1, grain_ms));
         i < t->n && tile_index(b, t, i) <= last; i++) {
        struct tile_cell c;
        tile_cell(b, t, i, cell, &c);
        add_tile(r, ls, w, &c, is_bound, m->cell_has_parts, from_ms, to_ms);
    }
    if (t->dropped_before_ms > from_ms)
        doubts_of(r, ls)[w].lost_n = (int64_t)r->folded.gone;
}

static void add_tiles(struct reading *r)
{
    for (int lane = 0; lane < r->plan->n_lanes; lane++) {
        struct lane_state *ls = &r->lanes[lane];
        int64_t to_ms = ls->to_ms;
        for (int w = 0; w < ls->lane->n_windows; w++) {
            int64_t from_ms = to_ms - ls->lane->windows_ms[w];
            for (int i = 0; i < r->folded.n_blocks; i++) {
                const struct layout_map *m;
                const struct tile_block *b = &r->folded.blocks[i];
                if (b->layout->n_cells > 0 && map_layout(r, b->layout->id, &m) == ST_OK)
                    add_tier(r, ls, w, b, &m->lanes[lane], from_ms, to_ms);
            }
            if (r->folded.dropped_before_ms > from_ms)
                doubts_of(r, ls)[w].lost_n = (int64_t)r->folded.gone;
        }
    }
}

/* Values of folded events, before the records add theirs. */
static void add_map(struct lane_state *ls, const struct tile_map *map, int64_t to_ms)
{
    for (uint32_t i = 0; i < map->n; i++) {
        struct tile_value v = tile_map_value(map, i);
        if (v.first_ms > to_ms)
            continue;
        note_value(ls, v.hash, v.last_ms <= to_ms ? v.last_ms : v.first_ms, false, true);
        if (v.last_ms > to_ms) /* one of the events between may be the latest within the window */
            note_value(ls, v.hash, to_ms, false, false);
    }
    ls->spilled += map->spilled;
    ls->spilled_last_ms =
        map->spilled_last_ms > ls->spilled_last_ms ? map->spilled_last_ms : ls->spilled_last_ms;
}

static void add_folded_place(struct lane_state *ls, const struct tile_place *p, int64_t to_ms)
{
    if (p->ts_ms == INT64_MIN)
        return;
    if (p->ts_ms <= to_ms)
        note_place(ls, p->place, p->ts_ms, false);
    else if (to_ms > ls->place_doubt_ms)
        ls->place_doubt_ms = to_ms;
}

static void add_maps_and_places(struct reading *r)
{
    for (int i = 0; i < r->folded.n_blocks; i++) {
        const struct tile_block *b = &r->folded.blocks[i];
        const struct layout_map *m;
        if (map_layout(r, b->layout->id, &m) != ST_OK)
            continue;
        for (int lane = 0; lane < r->plan->n_lanes; lane++) {
            struct lane_state *ls = &r->lanes[lane];
            if (!m->lanes[lane].cell_has_parts)
                continue;
            if (ls->lane->parts & CELL_MAP)
                add_map(ls, &b->maps[m->lanes[lane].cell], ls->to_ms);
            if (ls->lane->parts & CELL_PLACE)
                add_folded_place(ls, &b->places[m->lanes[lane].cell], ls->to_ms);
        }
    }
}

/* ---- labels ---- */

static bool same_subject(const struct label *a, const struct label *b)
{
    bool a_fraud = a->kind <= RECORD_LEGITIMATE, b_fraud = b->kind <= RECORD_LEGITIMATE;
    return a->txn == b->txn && a_fraud == b_fraud && (a_fraud || a->kind == b->kind);
}

/* The latest by known_at; of two at once, fraud. */
static bool supersedes(const struct label *a, const struct label *b)
{
    if (a->known_at_ms != b->known_at_ms)
        return a->known_at_ms > b->known_at_ms;
    return a->kind == RECORD_FRAUD;
}

/* Keeps one label for each transaction and subject, in place. */
static enum status resolve_labels(struct reading *r)
{
    size_t slots = 16;
    while (slots < 2 * (size_t)r->n_labels)
        slots *= 2;
    int *table = arena_try(r->scratch, slots * sizeof *table); /* index + 1 */
    if (table == NULL)
        return ST_NO_SPACE;
    memset(table, 0, slots * sizeof *table);
    int kept = 0;
    for (int i = 0; i < r->n_labels; i++) {
        const struct label label = r->labels[i];
        size_t at = label.txn & (slots - 1);
        while (table[at] != 0 && !same_subject(&r->labels[table[at] - 1], &label))
            at = (at + 1) & (slots - 1);
        if (table[at] == 0) {
            r->labels[kept] = label;
            table[at] = ++kept;
        } else if (supersedes(&label, &r->labels[table[at] - 1])) {
            r->labels[table[at] - 1] = label;
        }
    }
    r->n_labels = kept;
    return ST_OK;
}

/* Do tiles of this window count labels of the same subject at that time? Then it may be one of
 * them. */
static bool label_may_be_folded(struct reading *r, int lane, int w, const struct label *label)
{
    const struct lane *l = &r->plan->lanes[lane];
    for (int i = 0; i < r->folded.n_blocks; i++) {
        const struct tile_block *b = &r->folded.blocks[i];
        const struct layout_map *m;
        struct tile_cell c;
        if (map_layout(r, b->layout->id, &m) != ST_OK || m->lanes[lane].cell < 0)
            continue;
        int tier = pick_tier(b->layout, l->windows_ms[w] + l->delay_ms);
        if (!block_cell_at(b, tier, m->lanes[lane].cell, label->ts_ms, &c))
            continue;
        if (label->kind <= RECORD_LEGITIMATE
                ? c.labels[RECORD_FRAUD].hi + c.labels[RECORD_LEGITIMATE].hi > 0
                : c.labels[label->kind].hi > 0)
            return true;
    }
    return false;
}

static void count_label(struct reading *r, int lane, int w, const struct label *label)
{
    struct lane_state *ls = &r->lanes[lane];
    bool doubtful = label_may_be_folded(r, lane, w, label);
    if (label->map->lanes[lane].filter_bit == MAP_UNKNOWN)
        doubts_of(r, ls)[w].labels_more[label->kind]++;
    else if (label->kind == RECORD_LEGITIMATE && doubtful)
        doubts_of(r, ls)[w].labels_less[RECORD_FRAUD]++;
    else if (doubtful)
        doubts_of(r, ls)[w].labels_more[label->kind]++;
    else
        ls->labels[w][label->kind]++;
}

static void lane_count_label(struct reading *r, int lane, const struct label *label)
{
    const struct lane *l = r->lanes[lane].lane;
    int64_t age_ms = r->lanes[lane].to_ms - label->ts_ms;
    int filter_bit = label->map->lanes[lane].filter_bit;
    if (age_ms < 0 || (filter_bit >= 0 && !(label->bits >> filter_bit & 1)))
        return;
    for (int w = class_of(l, age_ms, 0); w < l->n_windows; w++)
        count_label(r, lane, w, label);
}

static enum status add_labels(struct reading *r)
{
    if (r->n_labels == 0)
        return ST_OK;
    enum status st = resolve_labels(r);
    if (st != ST_OK)
        return st;
    for (int i = 0; i < r->n_labels; i++) {
        for (int lane = 0; lane < r->plan->n_lanes; lane++) {
            if (r->lanes[lane].labels != NULL)
                lane_count_label(r, lane, &r->labels[i]);
        }
    }
    return ST_OK;
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

static void put_output(const struct reading *r, const struct plan_output *out,
                       struct window_value *ret_value)
{
    const struct lane_state *ls = &r->lanes[out->lane];
    const struct lane *l = ls->lane;
    int64_t to_ms = ls->to_ms, from_ms = to_ms - l->windows_ms[out->window];
    struct evidence e = {
        .t_ms = r->query->t_ms,
        .from_ms = from_ms,
        .to_ms = to_ms,
        .scale = l->scale,
        .sure = &ls->sums[out->window],
        .labels = ls->labels != NULL ? ls->labels[out->window] : NULL,
        .doubt = ls->doubts != NULL ? &ls->doubts[out->window] : NULL,
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
    return fold_is_due(r) || (r->duplicates >= DUPLICATES_MIN && 3 * r->duplicates > r->records);
}

static enum status finish(struct reading *r, struct window_value *values,
                          struct fold_seen *ret_seen)
{
    for (int lane = 0; lane < r->plan->n_lanes; lane++)
        cumulate(&r->lanes[lane]);
    enum status st = add_labels(r);
    if (st != ST_OK)
        return st;
    if (r->folded.bytes > 0)
        add_tiles(r);
    for (int i = 0; i < r->plan->n_outputs; i++)
        put_output(r, &r->plan->outputs[i], &values[i]);
    *ret_seen = (struct fold_seen){.own_found = r->own_found,
                                   .own_nonce = r->own_nonce,
                                   .own_late = r->own_late,
                                   .wants_fold = wants_fold(r),
                                   .newest_ms = r->scan.newest_ms};
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
        add_maps_and_places(&r);
    st = read_records(&r);
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
