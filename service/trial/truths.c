#include "service/trial/truths.h"

#include "service/trial/long_sort.h"

#include <stdlib.h>

void truths_fini(struct truths *t)
{
    free(t->labels);
    free(t->places);
    *t = (struct truths){0};
}

static enum status make_room(struct truths *t)
{
    if (t->n < t->cap)
        return ST_OK;
    if (t->n == TRUTHS_MAX)
        return ST_TOO_LARGE;
    size_t wanted = t->cap == 0 ? 1024 : 2 * t->cap; /* comes to TRUTHS_MAX */
    struct truth_label *grown = realloc(t->labels, wanted * sizeof *grown);
    if (grown == NULL)
        return ST_NO_SPACE;
    t->labels = grown;
    t->cap = wanted;
    return ST_OK;
}

enum status truths_add(struct truths *t, uint64_t txn_hash, enum outcome outcome,
                       int64_t known_at_ms)
{
    if (outcome != OUTCOME_FRAUD && outcome != OUTCOME_LEGITIMATE)
        return ST_OK;
    enum status st = make_room(t);
    if (st != ST_OK)
        return st;
    t->labels[t->n++] = (struct truth_label){
        .txn_hash = txn_hash,
        .known_at_ms = known_at_ms,
        .truth = outcome == OUTCOME_FRAUD ? TRUTH_FRAUD : TRUTH_LEGITIMATE,
    };
    return ST_OK;
}

/* The one that counts stands last of its transaction's. */
static int by_weight(const void *a, const void *b)
{
    const struct truth_label *x = a, *y = b;
    if (x->txn_hash != y->txn_hash)
        return x->txn_hash < y->txn_hash ? -1 : 1;
    if (x->known_at_ms != y->known_at_ms)
        return x->known_at_ms < y->known_at_ms ? -1 : 1;
    return (x->truth > y->truth) - (x->truth < y->truth);
}

static void keep_the_last(struct truths *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->n; i++) {
        bool is_last = i + 1 == t->n || t->labels[i + 1].txn_hash != t->labels[i].txn_hash;
        if (is_last)
            t->labels[kept++] = t->labels[i];
    }
    t->n = kept;
}

static enum status make_places(struct truths *t)
{
    size_t n = 2;
    while (n < 2 * t->n)
        n *= 2;
    t->places = calloc(n, sizeof *t->places);
    if (t->places == NULL)
        return ST_NO_SPACE;
    t->mask = n - 1;
    for (size_t i = 0; i < t->n; i++) {
        size_t at = t->labels[i].txn_hash & t->mask;
        while (t->places[at] != 0)
            at = (at + 1) & t->mask;
        t->places[at] = (uint32_t)(i + 1);
    }
    return ST_OK;
}

enum status truths_settle(struct truths *t, const struct patience *p)
{
    enum status st = long_sort(t->labels, t->n, sizeof *t->labels, by_weight, p);
    if (st != ST_OK)
        return st;
    keep_the_last(t);
    return make_places(t);
}

const struct truth_label *truths_find(const struct truths *t, uint64_t txn_hash)
{
    for (size_t at = txn_hash & t->mask; t->places[at] != 0; at = (at + 1) & t->mask) {
        const struct truth_label *label = &t->labels[t->places[at] - 1];
        if (label->txn_hash == txn_hash)
            return label;
    }
    return NULL;
}
