/* What has folded, into the lanes: tiles by the part of them that a window holds, maps, places. */
#include "service/state/fold_reading.h"

/* ---- finding ---- */

int tier_for(const struct layout *l, int64_t reach_ms)
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

bool reading_may_be_folded(struct reading *r, int lane, int64_t ts_ms)
{
    if (r->folded.bytes == 0 || ts_ms > r->folded.known_from_ms)
        return false;
    for (int i = 0; i < r->folded.n_blocks; i++) {
        const struct tile_block *b = &r->folded.blocks[i];
        const struct layout_map *m;
        if (reading_map_layout(r, b->layout->id, &m) != ST_OK || m->lanes[lane].cell < 0 ||
            block_may_have(b, m->lanes[lane].cell, ts_ms))
            return true;
    }
    return false;
}

/* ---- adding ---- */

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
            reading_doubts(r, ls)[w].labels_more[kind] += n.hi - lo;
    }
}

/* What one block's layout has for a lane. */
struct source {
    int events, labels; /* cells, or -1 */
    bool is_bound; /* they have all events, of which those that pass the lane's filter are some */
    bool is_other; /* its values are another column's */
    unsigned lacking; /* parts */
};

static void add_tile(struct reading *r, struct lane_state *ls, int w, const struct source *from,
                     const struct sums *s, int64_t from_ms, int64_t to_ms)
{
    if (s->n == 0 || s->last_ms <= from_ms || s->first_ms > to_ms)
        return;
    if (from->is_bound)
        reading_doubts(r, ls)[w].unknown_n += s->n;
    else if (s->first_ms > from_ms && s->last_ms <= to_ms)
        sums_merge(&ls->sums[w], s);
    else
        add_cut_cell(&ls->sums[w], &reading_doubts(r, ls)[w], s, from_ms, to_ms);
    if (!from->is_bound && from->lacking != 0) {
        struct doubt *d = &reading_doubts(r, ls)[w];
        d->lacking |= from->lacking;
        d->lacking_n += s->n;
    }
}

/* Tiles of another ruleset did not keep the labels that this lane counts. */
static void add_unknown_labels(struct reading *r, struct lane_state *ls, int w)
{
    for (int kind = RECORD_FRAUD; kind < RECORD_KINDS; kind++)
        reading_doubts(r, ls)[w].labels_more[kind] += (int64_t)r->folded.gone;
}

/* Nor anything that bounds its events: any that has folded may be one of them. */
static void add_unknown_tier(struct reading *r, struct lane_state *ls, int w)
{
    reading_doubts(r, ls)[w].unknown_n += (int64_t)r->folded.gone;
    if (ls->labels != NULL)
        add_unknown_labels(r, ls, w);
}

/* A cell of all events that has those parts, or -1. */
static int cell_of_all(const struct layout *l, unsigned parts)
{
    for (int i = 0; i < l->n_cells; i++)
        if (l->cells[i].filter < 0 && (l->cells[i].parts & parts) == parts)
            return i;
    return -1;
}

int reading_label_cell(const struct layout *l, const struct lane_map *m)
{
    return m->cell < 0 ? cell_of_all(l, CELL_LABELS) : m->label_cell;
}

static struct source source_of(const struct lane *lane, const struct layout *l,
                               const struct lane_map *m)
{
    if (m->cell < 0)
        return (struct source){
            .events = cell_of_all(l, 0), .labels = reading_label_cell(l, m), .is_bound = true};
    return (struct source){
        .events = m->cell,
        .labels = reading_label_cell(l, m),
        .is_other = lane->column >= 0 && l->cells[m->cell].column != m->column,
        .lacking = lane->parts & ~(unsigned)CELL_LABELS & ~m->cell_parts,
    };
}

/* Events and their times, of a cell whose values are another column's. */
static void forget_values(struct sums *s)
{
    struct sums events;
    sums_init(&events);
    events.n = s->n;
    events.first_ms = s->first_ms;
    events.last_ms = s->last_ms;
    *s = events;
}

static void add_tier(struct reading *r, struct lane_state *ls, int w, const struct tile_block *b,
                     const struct lane_map *m, int64_t from_ms, int64_t to_ms)
{
    int tier = tier_for(b->layout, ls->lane->windows_ms[w] + ls->lane->delay_ms);
    const struct tile_tier *t = &b->tiers[tier];
    int64_t grain_ms = b->layout->tiers[tier].grain_ms;
    int64_t last = tile_index_of(to_ms, grain_ms);
    const struct source from = source_of(ls->lane, b->layout, m);
    if (from.events < 0) {
        add_unknown_tier(r, ls, w);
        return;
    }
    if (ls->labels != NULL && from.labels < 0)
        add_unknown_labels(r, ls, w);
    for (int i = tile_search(b, t, tile_index_of(from_ms + 1, grain_ms));
         i < t->n && tile_index(b, t, i) <= last; i++) {
        struct tile_cell c;
        tile_cell(b, t, i, from.events, &c);
        if (from.is_other)
            forget_values(&c.sums);
        add_tile(r, ls, w, &from, &c.sums, from_ms, to_ms);
        if (ls->labels == NULL || from.labels < 0)
            continue;
        if (from.labels != from.events)
            tile_cell(b, t, i, from.labels, &c);
        add_cell_labels(r, ls, w, &c, from.is_bound, from_ms, to_ms);
    }
    if (t->dropped_before_ms > from_ms)
        reading_doubts(r, ls)[w].lost_n = (int64_t)r->folded.gone;
}

void reading_add_tiles(struct reading *r)
{
    for (int lane = 0; lane < r->plan->n_lanes; lane++) {
        struct lane_state *ls = &r->lanes[lane];
        int64_t to_ms = ls->to_ms;
        for (int w = 0; w < ls->lane->n_windows; w++) {
            int64_t from_ms = to_ms - ls->lane->windows_ms[w];
            for (int i = 0; i < r->folded.n_blocks; i++) {
                const struct layout_map *m;
                const struct tile_block *b = &r->folded.blocks[i];
                if (b->layout->n_cells > 0 && reading_map_layout(r, b->layout->id, &m) == ST_OK)
                    add_tier(r, ls, w, b, &m->lanes[lane], from_ms, to_ms);
            }
            if (r->folded.dropped_before_ms > from_ms)
                reading_doubts(r, ls)[w].lost_n = (int64_t)r->folded.gone;
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
        lane_note_value(ls, v.hash, v.last_ms <= to_ms ? v.last_ms : v.first_ms, false, true);
        if (v.last_ms > to_ms) /* one of the events between may be the latest within the window */
            lane_note_value(ls, v.hash, to_ms, false, false);
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
        lane_note_place(ls, p->place, p->ts_ms, false);
    else if (to_ms > ls->place_doubt_ms)
        ls->place_doubt_ms = to_ms;
}

void reading_add_maps_and_places(struct reading *r)
{
    for (int lane = 0; lane < r->plan->n_lanes; lane++) /* a dropped event may be the latest */
        r->lanes[lane].place_doubt_ms = r->folded.dropped_before_ms;
    for (int i = 0; i < r->folded.n_blocks; i++) {
        const struct tile_block *b = &r->folded.blocks[i];
        const struct layout_map *m;
        if (reading_map_layout(r, b->layout->id, &m) != ST_OK)
            continue;
        for (int lane = 0; lane < r->plan->n_lanes; lane++) {
            struct lane_state *ls = &r->lanes[lane];
            if (m->lanes[lane].cell_parts & ls->lane->parts & CELL_MAP)
                add_map(ls, &b->maps[m->lanes[lane].cell], ls->to_ms);
            if (m->lanes[lane].cell_parts & ls->lane->parts & CELL_PLACE)
                add_folded_place(ls, &b->places[m->lanes[lane].cell], ls->to_ms);
        }
    }
}
