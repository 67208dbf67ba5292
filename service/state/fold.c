/*
 * The fold as a definition: records are taken in order, and at each fold point the oldest go into
 * tiles. fold_apply() does that in memory; fold_write() encodes what is left.
 */
#include "service/state/fold_internal.h"

#include "service/base/check.h"
#include "service/state/scan.h"

#include <stdlib.h>

uint64_t fold_next_point(const struct folded *f)
{
    return f->folded_at + FOLD_STEP;
}

/* ---- what is still a record ---- */

struct live {
    struct record record;
    const char *bytes;
    int64_t age_key;
    uint32_t position; /* in the log, counting records */
};

struct folding {
    const struct plan *plan;
    const struct layout_book *book;
    struct arena *scratch;
    struct folded folded;
    struct scan scan;
    struct live *live; /* in log order */
    int n_live, cap_live;
    struct live **by_age; /* room for cap_live */
    int removed;          /* duplicates, late ones and losers */
    const struct fold_attempt *known;
    int n_known;
    struct fold_attempt *doubts; /* NULL: not asked for */
    int n_doubts;
    uint32_t young_from; /* records from this position on came after the last fold */
    uint32_t standing;   /* records before this position stood when the header was made */
};

static uint64_t count_events(const struct folding *f)
{
    return f->folded.gone + (uint64_t)f->n_live;
}

static const struct fold_attempt *find_known(const struct folding *f, const struct record *r)
{
    for (int i = 0; i < f->n_known && r->kind == RECORD_TRANSACTION; i++) {
        if (f->known[i].txn == r->txn && f->known[i].nonce == r->nonce)
            return &f->known[i];
    }
    return NULL;
}

static bool is_loser(const struct folding *f, const struct record *r)
{
    const struct fold_attempt *known = find_known(f, r);
    return known != NULL && known->lost;
}

/* A transaction that may be a duplicate of a folded one. */
static bool is_doubtful(const struct folding *f, const struct record *r)
{
    return r->kind == RECORD_TRANSACTION && folded_may_have(&f->folded, r->ts_ms);
}

static bool is_duplicate(struct folding *f, const struct record *r)
{
    if (r->kind == RECORD_TRANSACTION && folded_has(&f->folded, r->txn, r->ts_ms))
        return true;
    if (!scan_mark(&f->scan, record_identity_hash(r)))
        return false;
    for (int i = 0; i < f->n_live; i++) {
        if (record_same(&f->live[i].record, r))
            return true;
    }
    return false;
}

/* ---- one fold point ---- */

static int compare_age(const void *a, const void *b)
{
    const struct live *x = *(struct live *const *)a, *y = *(struct live *const *)b;
    if (x->age_key != y->age_key)
        return x->age_key < y->age_key ? -1 : 1;
    return x->position < y->position ? -1 : x->position > y->position;
}

static void drop_out_of_horizon(struct folding *f)
{
    int64_t horizon_ms = f->plan->layout->horizon_ms;
    int64_t oldest_ms = f->folded.newest_ms - horizon_ms - horizon_ms / FOLD_MARGIN;
    int kept = 0;
    for (int i = 0; i < f->n_live; i++) {
        int64_t ts_ms = f->live[i].record.ts_ms;
        if (ts_ms > oldest_ms) {
            f->live[kept++] = f->live[i];
            continue;
        }
        f->folded.gone++;
        if (ts_ms > f->folded.dropped_before_ms)
            f->folded.dropped_before_ms = ts_ms;
    }
    f->n_live = kept;
}

static void note_doubt(struct folding *f, const struct live *l, bool doubtful)
{
    bool young = l->position >= f->young_from && l->record.kind == RECORD_TRANSACTION;
    if (f->doubts != NULL && (young || doubtful) && f->n_doubts < FOLD_DOUBTS_MAX)
        f->doubts[f->n_doubts++] = (struct fold_attempt){l->record.txn, l->record.nonce, false};
}

/* Those that went into tiles have lost their bytes. */
static void close_up(struct folding *f)
{
    int kept = 0;
    for (int i = 0; i < f->n_live; i++) {
        if (f->live[i].bytes != NULL)
            f->live[kept++] = f->live[i];
    }
    f->n_live = kept;
}

static enum status fold_oldest(struct folding *f)
{
    int transactions = 0, exact = f->plan->exact_events;
    for (int i = 0; i < f->n_live; i++) {
        f->by_age[i] = &f->live[i];
        transactions += f->live[i].record.kind == RECORD_TRANSACTION;
    }
    int corrections = f->n_live - transactions;
    if (transactions <= exact && corrections <= exact)
        return ST_OK;
    qsort(f->by_age, (size_t)f->n_live, sizeof f->by_age[0], compare_age);
    for (int i = 0; i < f->n_live && (transactions > exact || corrections > exact); i++) {
        struct live *l = f->by_age[i];
        bool doubtful = is_doubtful(f, &l->record);
        note_doubt(f, l, doubtful);
        transactions -= l->record.kind == RECORD_TRANSACTION;
        corrections -= l->record.kind != RECORD_TRANSACTION;
        if (doubtful && find_known(f, &l->record) == NULL)
            continue; /* stays a record, past exact_events */
        enum status st = folded_add(&f->folded, f->book, &l->record, f->scratch);
        if (st != ST_OK)
            return st;
        l->bytes = NULL;
    }
    close_up(f);
    return ST_OK;
}

static enum status apply_point(struct folding *f)
{
    uint64_t k = count_events(f);
    bool dated = f->scan.newest_ms != INT64_MIN; /* corrections alone date nothing */
    f->folded.newest_ms = f->scan.newest_ms;
    if (dated)
        drop_out_of_horizon(f);
    enum status st = k > (uint64_t)f->plan->exact_events + FOLD_STEP ? fold_oldest(f) : ST_OK;
    if (st == ST_OK && dated)
        st = folded_prune(&f->folded, f->scratch);
    f->folded.folded_at = k;
    f->folded.retained = (uint32_t)f->n_live;
    return st;
}

/* ---- the whole log ---- */

static enum status take_record(struct folding *f, const struct record *r, const char *bytes,
                               uint32_t position)
{
    /* What stood at the last fold point was not late when it came. */
    bool stood = position < f->standing;
    if ((!stood && scan_is_late(&f->scan, r)) || is_loser(f, r) || is_duplicate(f, r)) {
        f->removed++;
        f->folded.retained -= stood;
        return ST_OK;
    }
    CHECK(f->n_live < f->cap_live);
    f->live[f->n_live++] = (struct live){*r, bytes, record_age_key(r), position};
    if (r->kind == RECORD_TRANSACTION && r->ts_ms > f->scan.newest_ms)
        f->scan.newest_ms = r->ts_ms;
    return count_events(f) == fold_next_point(&f->folded) ? apply_point(f) : ST_OK;
}

static enum status take_records(struct folding *f)
{
    enum status st = ST_OK;
    for (uint32_t position = 0; st == ST_OK && f->scan.p < f->scan.end; position++) {
        struct record r;
        const char *bytes = f->scan.p;
        st = record_decode(span_of(bytes, (size_t)(f->scan.end - bytes)), &r);
        if (st != ST_OK)
            return st;
        f->scan.p += r.bytes;
        st = take_record(f, &r, bytes, position);
    }
    return st;
}

/* How many records there are, and how long the last one is. */
static enum status measure(struct span records, int *ret_n, size_t *ret_last_bytes)
{
    int n = 0;
    size_t last = 0;
    while (records.len > 0) {
        struct record r;
        if (record_decode(records, &r) != ST_OK)
            return ST_CORRUPT;
        last = r.bytes;
        records = span_of(records.base + last, records.len - last);
        n++;
    }
    *ret_n = n;
    *ret_last_bytes = last;
    return ST_OK;
}

static enum status folding_init(struct folding *f, struct span log, size_t *ret_last_bytes)
{
    int n;
    if (log.len > FOLD_LOG_BYTES_MAX)
        return ST_CORRUPT;
    enum status st = folded_read(log, f->book, f->scratch, &f->folded);
    if (st != ST_OK)
        return st;
    struct span records = span_of(log.base + f->folded.bytes, log.len - f->folded.bytes);
    st = measure(records, &n, ret_last_bytes);
    if (st != ST_OK)
        return st;
    f->live = arena_try(f->scratch, (size_t)n * sizeof *f->live);
    f->by_age = arena_try(f->scratch, (size_t)n * sizeof(struct live *));
    if (f->live == NULL || f->by_age == NULL)
        return ST_NO_SPACE;
    f->cap_live = n;
    bool has_header = f->folded.bytes > 0;
    f->standing = f->folded.retained;
    f->young_from = has_header ? f->folded.retained : (uint32_t)(n > FOLD_STEP ? n - FOLD_STEP : 0);
    scan_init(&f->scan, records, f->plan->layout->horizon_ms, f->folded.newest_ms);
    return ST_OK;
}

static enum status encode(struct folding *f, uint64_t generation, struct span *ret_bytes)
{
    size_t header = 0, bytes = 0;
    for (int i = 0; i < f->n_live; i++)
        bytes += f->live[i].record.bytes;
    if (f->folded.folded_at > 0) {
        f->folded.generation = generation;
        header = folded_bytes(&f->folded);
    }
    char *out = arena_try(f->scratch, header + bytes);
    if (out == NULL)
        return ST_NO_SPACE;
    if (header > 0)
        folded_write(&f->folded, out);
    *ret_bytes = span_of(out, header + bytes);
    out += header;
    for (int i = 0; i < f->n_live; i++) {
        memcpy(out, f->live[i].bytes, f->live[i].record.bytes);
        out += f->live[i].record.bytes;
    }
    return ST_OK;
}

enum status fold_write(const struct plan *plan, const struct layout_book *book, struct span log,
                       const struct fold_attempt *known, int n_known, uint64_t generation,
                       struct arena *scratch, struct fold_written *ret_written)
{
    struct folding f = {
        .plan = plan, .book = book, .scratch = scratch, .known = known, .n_known = n_known};
    struct fold_written w = {.old_bytes = log.len};
    CHECK(generation != 0);
    enum status st = folding_init(&f, log, &w.last_record_bytes);
    if (st == ST_OK) {
        w.old_generation = f.folded.generation;
        st = take_records(&f);
    }
    if (st == ST_OK)
        st = encode(&f, generation, &w.bytes);
    if (st == ST_OK)
        *ret_written = w;
    return st;
}

enum status fold_doubts(const struct plan *plan, const struct layout_book *book, struct span log,
                        struct arena *scratch, struct fold_attempt ret_doubts[FOLD_DOUBTS_MAX],
                        int *ret_count)
{
    struct folding f = {.plan = plan, .book = book, .scratch = scratch, .doubts = ret_doubts};
    size_t last_bytes;
    enum status st = folding_init(&f, log, &last_bytes);
    if (st == ST_OK)
        st = take_records(&f);
    if (st == ST_OK)
        *ret_count = f.n_doubts;
    return st;
}

size_t fold_header_bytes(struct span log)
{
    uint32_t bytes;
    if (log.len < TILES_HEADER_BYTES || (unsigned char)log.base[0] != TILES_MAGIC)
        return 0;
    memcpy(&bytes, log.base + 4, sizeof bytes);
    return bytes <= log.len ? bytes : 0;
}

uint64_t fold_generation(struct span log)
{
    uint64_t generation = 0;
    if (fold_header_bytes(log) > 0)
        memcpy(&generation, log.base + 8, sizeof generation);
    return generation;
}

/* ---- sizes ---- */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/*
 * Nothing folds before the first multiple of FOLD_STEP that is past exact_events + FOLD_STEP. From
 * then on exact_events stay, of corrections as many again, and a step's more come.
 */
void fold_size_of(const struct plan *plan, struct fold_size *ret_size)
{
    size_t exact = (size_t)plan->exact_events, record = plan->plain_bytes;
    size_t correction = plan->counts != 0 ? RECORD_FIXED_BYTES + 8 : 0;
    size_t longest = larger(record, correction);
    size_t before = ((exact + FOLD_STEP) / FOLD_STEP + 1) * FOLD_STEP * longest;
    size_t after = exact * (record + correction) + FOLD_STEP * longest;
    *ret_size =
        (struct fold_size){.record_bytes = record,
                           .correction_bytes = correction,
                           .bytes_max = tiles_bytes_max(plan->layout) + larger(before, after)};
}
