#include "service/trial/backtest_rulings.h"

#include <stdlib.h>

void rulings_fini(struct rulings *r)
{
    free(r->entries);
    free(r->fired);
    free(r->scores);
    truths_fini(&r->truths);
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

enum status rulings_score(struct rulings *r, const double *scores)
{
    size_t more = (size_t)r->n_models, n = (r->n_entries - 1) * more;
    enum status st =
        grow((void **)&r->scores, sizeof *r->scores, n, more, &r->cap_scores, RULINGS_SCORES_MAX);
    if (st == ST_OK && more > 0)
        memcpy(r->scores + n, scores, more * sizeof *scores);
    return st;
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
    size_t width = (size_t)r->n_models;
    if (r->n_entries * width > 0)
        memmove(r->scores, r->scores + n * width, r->n_entries * width * sizeof *r->scores);
}

/* ---- the truth ---- */

enum status rulings_settle(struct rulings *r, const struct patience *p)
{
    enum status st = truths_settle(&r->truths, p);
    for (size_t i = 0; st == ST_OK && i < r->n_entries; i++) {
        const struct truth_label *label = truths_find(&r->truths, r->entries[i].txn_hash);
        r->entries[i].truth = label != NULL ? (uint8_t)label->truth : TRUTH_UNKNOWN;
        if (patience_ends(p, i))
            st = ST_CONFLICT;
    }
    return st;
}
