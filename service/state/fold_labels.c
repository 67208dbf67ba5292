/* Labels of a log: the latest for each transaction and subject counts, in the windows of its
 * transaction. */
#include "service/state/fold_reading.h"

enum status reading_keep_label(struct reading *r, const struct record *rec,
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

/* Of the same subject. */
static bool has_labels(const struct tile_cell *c, enum record_kind kind)
{
    return kind <= RECORD_LEGITIMATE
               ? c->labels[RECORD_FRAUD].hi + c->labels[RECORD_LEGITIMATE].hi > 0
               : c->labels[kind].hi > 0;
}

/* May tiles of this window count labels of the same subject at that time? Then it may be one of
 * them, or superseded by one. */
static bool label_may_be_folded(struct reading *r, int lane, int w, const struct label *label)
{
    const struct lane *l = &r->plan->lanes[lane];
    if (label->ts_ms <= r->folded.dropped_before_ms)
        return true;
    for (int i = 0; i < r->folded.n_blocks; i++) {
        const struct tile_block *b = &r->folded.blocks[i];
        const struct layout_map *m;
        struct tile_cell c;
        if (reading_map_layout(r, b->layout->id, &m) != ST_OK || b->layout->n_cells == 0)
            continue;
        int cell = reading_label_cell(b->layout, &m->lanes[lane]);
        int tier = tier_for(b->layout, l->windows_ms[w] + l->delay_ms);
        if (cell < 0 || label->ts_ms <= b->tiers[tier].dropped_before_ms)
            return true; /* nobody knows */
        if (block_cell_at(b, tier, cell, label->ts_ms, &c) && has_labels(&c, label->kind))
            return true;
    }
    return false;
}

static void count_label(struct reading *r, int lane, int w, const struct label *label)
{
    struct lane_state *ls = &r->lanes[lane];
    bool doubtful = label_may_be_folded(r, lane, w, label);
    if (label->map->lanes[lane].filter_bit == MAP_UNKNOWN)
        reading_doubts(r, ls)[w].labels_more[label->kind]++;
    else if (label->kind == RECORD_LEGITIMATE && doubtful)
        reading_doubts(r, ls)[w].labels_less[RECORD_FRAUD]++;
    else if (doubtful)
        reading_doubts(r, ls)[w].labels_more[label->kind]++;
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
    for (int w = lane_class_of(l, age_ms, 0); w < l->n_windows; w++)
        count_label(r, lane, w, label);
}

enum status reading_add_labels(struct reading *r)
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
