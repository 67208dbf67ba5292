#include "service/trial/backtest_rulings.h"

#include "service/trial/long_sort.h"

#include <stdlib.h>

void rulings_fini(struct rulings *r)
{
    free(r->entries);
    free(r->fired);
    free(r->labels);
    *r = (struct rulings){0};
}

/* Room for `more` behind `n` items of `size` bytes, `max` at most. */
static enum status grow(void **items, size_t size, size_t n, size_t more, size_t *cap, size_t max)
{
    if (n + more <= *cap)
        return ST_OK;
    if (n + more > max)
        return ST_TOO_LARGE;
    size_t wanted = *cap == 0 ? 1024 : 2 * *cap;
    if (wanted < n + more)
        wanted = n + more;
    if (wanted > max)
        wanted = max;
    void *grown = realloc(*items, wanted * size);
    if (grown == NULL)
        return ST_NO_SPACE;
    *items = grown;
    *cap = wanted;
    return ST_OK;
}

static enum status make_room(struct rulings *r, size_t n_fired)
{
    enum status st = grow((void **)&r->entries, sizeof *r->entries, r->n_entries, 1,
                          &r->cap_entries, RULINGS_ENTRIES_MAX);
    if (st != ST_OK)
        return st;
    return grow((void **)&r->fired, sizeof *r->fired, r->n_fired, n_fired, &r->cap_fired,
                RULINGS_FIRED_MAX);
}

enum status rulings_add(struct rulings *r, const struct ruling *e, int64_t ts_ms, const int *fired)
{
    enum status st = make_room(r, e->n_fired);
    if (st != ST_OK)
        return st;
    if (r->n_entries == 0 || ts_ms < r->first_ms)
        r->first_ms = ts_ms;
    if (r->n_entries == 0 || ts_ms > r->last_ms)
        r->last_ms = ts_ms;
    r->entries[r->n_entries++] = *e;
    for (int i = 0; i < e->n_fired; i++)
        r->fired[r->n_fired++] = (uint16_t)fired[i];
    return ST_OK;
}

enum status rulings_label(struct rulings *r, uint64_t txn_hash, enum outcome outcome,
                          int64_t known_at_ms)
{
    if (outcome != OUTCOME_FRAUD && outcome != OUTCOME_LEGITIMATE)
        return ST_OK;
    enum status st = grow((void **)&r->labels, sizeof *r->labels, r->n_labels, 1, &r->cap_labels,
                          RULINGS_LABELS_MAX);
    if (st != ST_OK)
        return st;
    r->labels[r->n_labels++] = (struct ruling_label){
        .txn_hash = txn_hash,
        .known_at_ms = known_at_ms,
        .truth = outcome == OUTCOME_FRAUD ? TRUTH_FRAUD : TRUTH_LEGITIMATE,
    };
    return ST_OK;
}

void rulings_keep_from(struct rulings *r, uint32_t event)
{
    size_t n = 0, fired = 0;
    while (n < r->n_entries && r->entries[n].event < event)
        fired += r->entries[n++].n_fired;
    r->n_entries -= n;
    r->n_fired -= fired;
    if (r->n_entries > 0)
        memmove(r->entries, r->entries + n, r->n_entries * sizeof *r->entries);
    if (r->n_fired > 0)
        memmove(r->fired, r->fired + fired, r->n_fired * sizeof *r->fired);
}

/* ---- the truth ---- */

/* The one that counts stands last of its transaction's. */
static int by_weight(const void *a, const void *b)
{
    const struct ruling_label *x = a, *y = b;
    if (x->txn_hash != y->txn_hash)
        return x->txn_hash < y->txn_hash ? -1 : 1;
    if (x->known_at_ms != y->known_at_ms)
        return x->known_at_ms < y->known_at_ms ? -1 : 1;
    return (x->truth > y->truth) - (x->truth < y->truth);
}

static void keep_the_last(struct rulings *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n_labels; i++) {
        bool is_last = i + 1 == r->n_labels || r->labels[i + 1].txn_hash != r->labels[i].txn_hash;
        if (is_last)
            r->labels[kept++] = r->labels[i];
    }
    r->n_labels = kept;
}

/* Open addressing: places[hash & mask] is 1 + an index into the labels, or 0. At most half full. */
struct finder {
    uint32_t *places;
    size_t mask;
};

static enum status finder_make(const struct rulings *r, struct finder *ret_finder)
{
    size_t n = 2;
    while (n < 2 * r->n_labels)
        n *= 2;
    struct finder f = {.places = calloc(n, sizeof *f.places), .mask = n - 1};
    if (f.places == NULL)
        return ST_NO_SPACE;
    for (size_t i = 0; i < r->n_labels; i++) {
        size_t at = r->labels[i].txn_hash & f.mask;
        while (f.places[at] != 0)
            at = (at + 1) & f.mask;
        f.places[at] = (uint32_t)(i + 1);
    }
    *ret_finder = f;
    return ST_OK;
}

static enum ruling_truth find(const struct finder *f, const struct rulings *r, uint64_t txn_hash)
{
    for (size_t at = txn_hash & f->mask; f->places[at] != 0; at = (at + 1) & f->mask) {
        const struct ruling_label *label = &r->labels[f->places[at] - 1];
        if (label->txn_hash == txn_hash)
            return label->truth;
    }
    return TRUTH_UNKNOWN;
}

static enum status find_all(struct rulings *r, const struct finder *f, const struct patience *p)
{
    for (size_t i = 0; i < r->n_entries; i++) {
        if (patience_ends(p, i))
            return ST_CONFLICT;
        r->entries[i].truth = (uint8_t)find(f, r, r->entries[i].txn_hash);
    }
    return ST_OK;
}

enum status rulings_settle(struct rulings *r, const struct patience *p)
{
    struct finder f;
    enum status st = long_sort(r->labels, r->n_labels, sizeof *r->labels, by_weight, p);
    if (st != ST_OK)
        return st;
    keep_the_last(r);
    st = finder_make(r, &f);
    if (st != ST_OK)
        return st;
    st = find_all(r, &f, p);
    free(f.places);
    return st;
}
