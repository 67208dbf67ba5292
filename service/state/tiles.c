#include "service/state/tiles.h"

/* Reads or writes one field after the other; bounds are checked once for a whole block part. */
struct cursor {
    const char *p;
    const char *end;
};

static bool has(const struct cursor *c, size_t bytes)
{
    return (size_t)(c->end - c->p) >= bytes;
}

static void get(struct cursor *c, void *field, size_t bytes)
{
    memcpy(field, c->p, bytes);
    c->p += bytes;
}

static void put(char **out, const void *field, size_t bytes)
{
    memcpy(*out, field, bytes);
    *out += bytes;
}

#define GET(c, field) get((c), &(field), sizeof(field))
#define PUT(out, field) put((out), &(field), sizeof(field))

/* ---- cells ---- */

enum {
    CELL_LABEL_BYTES = 4 * 8 + 3 * 8,
    MAP_HEAD_BYTES = 16,
    MAP_VALUE_BYTES = 24,
    PLACE_BYTES = 16,
    TIER_HEAD_BYTES = 16
};

static size_t cell_bytes(unsigned parts)
{
    return 24u + (parts & CELL_SUM ? 32u : 0u) + (parts & CELL_SQUARES ? 16u : 0u) +
           (parts & CELL_RANGE ? 16u : 0u) + (parts & CELL_LABELS ? (size_t)CELL_LABEL_BYTES : 0u);
}

static size_t tile_bytes(const struct layout *l)
{
    size_t bytes = 8;
    for (int i = 0; i < l->n_cells; i++)
        bytes += cell_bytes(l->cells[i].parts);
    return bytes;
}

static void cell_init(struct tile_cell *cell)
{
    *cell = (struct tile_cell){
        .labels_first_ms = INT64_MAX, .labels_last_ms = INT64_MIN, .labels_known_ms = INT64_MIN};
    sums_init(&cell->sums);
}

static void cell_get(struct cursor *c, unsigned parts, struct tile_cell *cell)
{
    uint32_t n, values;
    cell_init(cell);
    GET(c, n);
    GET(c, values);
    cell->sums.n = n;
    cell->sums.values = values;
    GET(c, cell->sums.first_ms);
    GET(c, cell->sums.last_ms);
    if (parts & CELL_SUM) {
        GET(c, cell->sums.negative);
        GET(c, cell->sums.positive);
    }
    if (parts & CELL_SQUARES)
        GET(c, cell->sums.squares);
    if (parts & CELL_RANGE) {
        GET(c, cell->sums.min);
        GET(c, cell->sums.max);
    }
    if (parts & CELL_LABELS) {
        get(c, &cell->labels[RECORD_FRAUD], 4 * sizeof(struct label_range));
        GET(c, cell->labels_first_ms);
        GET(c, cell->labels_last_ms);
        GET(c, cell->labels_known_ms);
    }
}

static void cell_put(char **out, unsigned parts, const struct tile_cell *cell)
{
    uint32_t n = (uint32_t)cell->sums.n, values = (uint32_t)cell->sums.values;
    PUT(out, n);
    PUT(out, values);
    PUT(out, cell->sums.first_ms);
    PUT(out, cell->sums.last_ms);
    if (parts & CELL_SUM) {
        PUT(out, cell->sums.negative);
        PUT(out, cell->sums.positive);
    }
    if (parts & CELL_SQUARES)
        PUT(out, cell->sums.squares);
    if (parts & CELL_RANGE) {
        PUT(out, cell->sums.min);
        PUT(out, cell->sums.max);
    }
    if (parts & CELL_LABELS) {
        put(out, &cell->labels[RECORD_FRAUD], 4 * sizeof(struct label_range));
        PUT(out, cell->labels_first_ms);
        PUT(out, cell->labels_last_ms);
        PUT(out, cell->labels_known_ms);
    }
}

static char *tile_at(const struct tile_block *b, const struct tile_tier *t, int i)
{
    return t->tiles + (size_t)i * b->tile_bytes;
}

static size_t cell_offset(const struct layout *l, int cell)
{
    size_t offset = 8;
    for (int i = 0; i < cell; i++)
        offset += cell_bytes(l->cells[i].parts);
    return offset;
}

int64_t tile_index(const struct tile_block *b, const struct tile_tier *t, int i)
{
    int64_t index;
    memcpy(&index, tile_at(b, t, i), sizeof index);
    return index;
}

void tile_cell(const struct tile_block *b, const struct tile_tier *t, int i, int cell,
               struct tile_cell *ret_cell)
{
    const char *tile = tile_at(b, t, i);
    struct cursor c = {tile + cell_offset(b->layout, cell), tile + b->tile_bytes};
    cell_get(&c, b->layout->cells[cell].parts, ret_cell);
}

static void tile_cell_store(const struct tile_block *b, const struct tile_tier *t, int i, int cell,
                            const struct tile_cell *from)
{
    char *out = tile_at(b, t, i) + cell_offset(b->layout, cell);
    cell_put(&out, b->layout->cells[cell].parts, from);
}

int tile_search(const struct tile_block *b, const struct tile_tier *t, int64_t index)
{
    int lo = 0, hi = t->n;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (tile_index(b, t, mid) < index)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

bool block_cell_at(const struct tile_block *b, int tier, int cell, int64_t ts_ms,
                   struct tile_cell *ret_cell)
{
    const struct tile_tier *t = &b->tiers[tier];
    int64_t index = tile_index_of(ts_ms, b->layout->tiers[tier].grain_ms);
    int i = tile_search(b, t, index);
    if (i == t->n || tile_index(b, t, i) != index)
        return false;
    tile_cell(b, t, i, cell, ret_cell);
    return true;
}

bool block_may_have(const struct tile_block *b, int cell, int64_t ts_ms)
{
    for (int tier = 0; tier < b->layout->n_tiers; tier++) {
        struct tile_cell c;
        if (ts_ms <= b->tiers[tier].dropped_before_ms)
            continue;
        return block_cell_at(b, tier, cell, ts_ms, &c) && c.sums.n > 0 &&
               c.sums.first_ms <= ts_ms && ts_ms <= c.sums.last_ms;
    }
    return false;
}

bool folded_has(const struct folded *f, uint64_t txn, int64_t ts_ms)
{
    if (ts_ms > f->frontier_ms)
        return false;
    for (uint32_t i = 0; i < f->n_recent; i++) {
        if (f->recent[i].txn == txn)
            return true;
    }
    return false;
}

bool folded_may_have(const struct folded *f, int64_t ts_ms)
{
    if (ts_ms > f->known_from_ms)
        return false;
    for (int i = 0; i < f->n_blocks; i++) {
        for (int cell = 0; cell < f->blocks[i].layout->n_cells; cell++) {
            if (block_may_have(&f->blocks[i], cell, ts_ms))
                return true;
        }
    }
    return false;
}

struct tile_value tile_map_value(const struct tile_map *m, uint32_t i)
{
    struct tile_value v;
    if (m->values != NULL)
        return m->values[i];
    memcpy(&v, m->borrowed + (size_t)i * MAP_VALUE_BYTES, sizeof v);
    return v;
}

/* ---- reading ---- */

static enum status read_tier(struct cursor *c, const struct tile_block *b, struct tile_tier *t)
{
    uint32_t n, zero;
    if (!has(c, TIER_HEAD_BYTES))
        return ST_CORRUPT;
    GET(c, n);
    GET(c, zero);
    GET(c, t->dropped_before_ms);
    if (n > INT32_MAX || !has(c, (size_t)n * b->tile_bytes))
        return ST_CORRUPT;
    t->n = (int)n;
    t->cap = 0;
    t->tiles = (char *)(uintptr_t)c->p; /* borrowed: never written while cap is 0 */
    c->p += (size_t)n * b->tile_bytes;
    return ST_OK;
}

static enum status read_map(struct cursor *c, struct tile_map *m)
{
    if (!has(c, MAP_HEAD_BYTES))
        return ST_CORRUPT;
    GET(c, m->n);
    GET(c, m->spilled);
    GET(c, m->spilled_last_ms);
    if (m->n > TILES_MAP_MAX || !has(c, (size_t)m->n * MAP_VALUE_BYTES))
        return ST_CORRUPT;
    m->values = NULL;
    m->borrowed = c->p;
    c->p += (size_t)m->n * MAP_VALUE_BYTES;
    return ST_OK;
}

static enum status read_place(struct cursor *c, struct tile_place *place)
{
    if (!has(c, PLACE_BYTES))
        return ST_CORRUPT;
    GET(c, place->ts_ms);
    GET(c, place->place);
    return ST_OK;
}

static enum status read_block_parts(struct cursor *c, struct tile_block *b)
{
    const struct layout *l = b->layout;
    enum status st = ST_OK;
    for (int i = 0; st == ST_OK && i < l->n_tiers; i++)
        st = read_tier(c, b, &b->tiers[i]);
    for (int i = 0; st == ST_OK && i < l->n_cells; i++) {
        if (l->cells[i].parts & CELL_MAP)
            st = read_map(c, &b->maps[i]);
    }
    for (int i = 0; st == ST_OK && i < l->n_cells; i++) {
        if (l->cells[i].parts & CELL_PLACE)
            st = read_place(c, &b->places[i]);
    }
    return st;
}

static void block_init(struct tile_block *b, const struct layout *l)
{
    *b = (struct tile_block){.layout = l, .tile_bytes = tile_bytes(l)};
    for (int i = 0; i < l->n_tiers; i++)
        b->tiers[i].dropped_before_ms = INT64_MIN;
    for (int i = 0; i < l->n_cells; i++) {
        b->maps[i].spilled_last_ms = INT64_MIN;
        b->places[i].ts_ms = INT64_MIN;
    }
}

static enum status read_block(struct cursor *c, const struct layout_book *book,
                              struct tile_block *b)
{
    uint32_t id, bytes;
    if (!has(c, 8))
        return ST_CORRUPT;
    GET(c, id);
    GET(c, bytes);
    if (bytes < 8 || !has(c, bytes - 8))
        return ST_CORRUPT;
    const struct layout *l = layout_book_find(book, id);
    if (l == NULL)
        return ST_NOT_FOUND;
    block_init(b, l);
    struct cursor part = {c->p, c->p + bytes - 8};
    enum status st = read_block_parts(&part, b);
    if (st != ST_OK)
        return st;
    c->p += bytes - 8;
    return part.p == part.end ? ST_OK : ST_CORRUPT;
}

static enum status new_blocks(struct folded *f, struct arena *scratch)
{
    void *mem = arena_try(scratch, TILES_BLOCKS_MAX * sizeof(struct tile_block));
    if (mem == NULL)
        return ST_NO_SPACE;
    f->blocks = mem;
    return ST_OK;
}

static enum status read_blocks(struct cursor *c, const struct layout_book *book, int n,
                               struct arena *scratch, struct folded *f)
{
    enum status st = new_blocks(f, scratch);
    for (f->n_blocks = 0; st == ST_OK && f->n_blocks < n; f->n_blocks++)
        st = read_block(c, book, &f->blocks[f->n_blocks]);
    return st;
}

/* Not the recent ones: their number says that there are none, and a kilobyte need
 * not be cleared. */
static void folded_init(struct folded *f)
{
    f->bytes = 0;
    f->generation = f->gone = f->folded_at = 0;
    f->newest_ms = f->dropped_before_ms = f->frontier_ms = f->known_from_ms = INT64_MIN;
    f->n_recent = f->retained = 0;
    f->n_blocks = 0;
    f->blocks = NULL;
}

enum status folded_read(struct span log, const struct layout_book *book, struct arena *scratch,
                        struct folded *ret_folded)
{
    if (log.len == 0 || (unsigned char)log.base[0] != TILES_MAGIC) {
        folded_init(ret_folded);
        return ST_OK;
    }
    struct folded f;
    folded_init(&f);
    uint16_t n_blocks;
    uint32_t bytes;
    if (log.len < TILES_HEADER_BYTES || log.base[1] != TILES_VERSION)
        return ST_CORRUPT;
    struct cursor c = {log.base + 2, log.base + log.len};
    GET(&c, n_blocks);
    GET(&c, bytes);
    if (bytes < TILES_HEADER_BYTES || bytes > log.len || n_blocks > TILES_BLOCKS_MAX)
        return ST_CORRUPT;
    f.bytes = bytes;
    c.end = log.base + bytes;
    GET(&c, f.generation);
    GET(&c, f.gone);
    GET(&c, f.folded_at);
    GET(&c, f.newest_ms);
    GET(&c, f.dropped_before_ms);
    GET(&c, f.frontier_ms);
    GET(&c, f.known_from_ms);
    GET(&c, f.retained);
    GET(&c, f.n_recent);
    if (f.n_recent > TILES_RECENT_MAX || !has(&c, f.n_recent * sizeof f.recent[0]))
        return ST_CORRUPT;
    get(&c, f.recent, f.n_recent * sizeof f.recent[0]);
    enum status st = n_blocks > 0 ? read_blocks(&c, book, n_blocks, scratch, &f) : ST_OK;
    if (st != ST_OK)
        return st;
    if (c.p != c.end)
        return ST_CORRUPT;
    *ret_folded = f;
    return ST_OK;
}

/* ---- writing ---- */

static size_t block_bytes(const struct tile_block *b)
{
    const struct layout *l = b->layout;
    size_t bytes = 8;
    for (int i = 0; i < l->n_tiers; i++)
        bytes += TIER_HEAD_BYTES + (size_t)b->tiers[i].n * b->tile_bytes;
    for (int i = 0; i < l->n_cells; i++) {
        if (l->cells[i].parts & CELL_MAP)
            bytes += MAP_HEAD_BYTES + (size_t)b->maps[i].n * MAP_VALUE_BYTES;
        if (l->cells[i].parts & CELL_PLACE)
            bytes += PLACE_BYTES;
    }
    return bytes;
}

size_t tiles_tile_bytes(const struct layout *l)
{
    return tile_bytes(l);
}

/* Those that the kept time touches, whose two ends may lie within one each. */
int64_t tiles_in_tier_max(const struct layout_tier *tier)
{
    return (tier->keep_ms + tier->grain_ms - 1) / tier->grain_ms + 1;
}

size_t tiles_bytes_max(const struct layout *l)
{
    size_t bytes = TILES_HEADER_BYTES + TILES_RECENT_MAX * sizeof(struct tile_recent) + 8;
    for (int i = 0; i < l->n_tiers; i++)
        bytes += TIER_HEAD_BYTES + (size_t)tiles_in_tier_max(&l->tiers[i]) * tile_bytes(l);
    for (int i = 0; i < l->n_cells; i++) {
        bytes +=
            l->cells[i].parts & CELL_MAP ? MAP_HEAD_BYTES + TILES_MAP_MAX * MAP_VALUE_BYTES : 0;
        bytes += l->cells[i].parts & CELL_PLACE ? PLACE_BYTES : 0;
    }
    return bytes;
}

size_t folded_bytes(const struct folded *f)
{
    size_t bytes = TILES_HEADER_BYTES + f->n_recent * sizeof f->recent[0];
    for (int i = 0; i < f->n_blocks; i++)
        bytes += block_bytes(&f->blocks[i]);
    return bytes;
}

static void write_map(const struct tile_map *m, char **out)
{
    PUT(out, m->n);
    PUT(out, m->spilled);
    PUT(out, m->spilled_last_ms);
    for (uint32_t i = 0; i < m->n; i++) {
        struct tile_value v = tile_map_value(m, i);
        PUT(out, v);
    }
}

static void write_block(const struct tile_block *b, char **out)
{
    const struct layout *l = b->layout;
    uint32_t bytes = (uint32_t)block_bytes(b), zero = 0;
    PUT(out, l->id);
    PUT(out, bytes);
    for (int i = 0; i < l->n_tiers; i++) {
        uint32_t n = (uint32_t)b->tiers[i].n;
        PUT(out, n);
        PUT(out, zero);
        PUT(out, b->tiers[i].dropped_before_ms);
        if (n > 0)
            put(out, b->tiers[i].tiles, (size_t)n * b->tile_bytes);
    }
    for (int i = 0; i < l->n_cells; i++) {
        if (l->cells[i].parts & CELL_MAP)
            write_map(&b->maps[i], out);
    }
    for (int i = 0; i < l->n_cells; i++) {
        if (l->cells[i].parts & CELL_PLACE)
            PUT(out, b->places[i]);
    }
}

void folded_write(const struct folded *f, char *out)
{
    uint8_t magic = TILES_MAGIC, version = TILES_VERSION;
    uint16_t n_blocks = (uint16_t)f->n_blocks;
    uint32_t bytes = (uint32_t)folded_bytes(f);
    PUT(&out, magic);
    PUT(&out, version);
    PUT(&out, n_blocks);
    PUT(&out, bytes);
    PUT(&out, f->generation);
    PUT(&out, f->gone);
    PUT(&out, f->folded_at);
    PUT(&out, f->newest_ms);
    PUT(&out, f->dropped_before_ms);
    PUT(&out, f->frontier_ms);
    PUT(&out, f->known_from_ms);
    PUT(&out, f->retained);
    PUT(&out, f->n_recent);
    put(&out, f->recent, f->n_recent * sizeof f->recent[0]);
    for (int i = 0; i < f->n_blocks; i++)
        write_block(&f->blocks[i], &out);
}

/* ---- folding a record in ---- */

static void later(int64_t *a, int64_t b)
{
    *a = b > *a ? b : *a;
}

/* The block that has been there longest makes room: its events are then in no tile. */
static void drop_first_block(struct folded *f)
{
    const struct tile_block *b = &f->blocks[0];
    for (int t = 0; t < b->layout->n_tiers; t++) {
        const struct tile_tier *tier = &b->tiers[t];
        int64_t grain_ms = b->layout->tiers[t].grain_ms;
        later(&f->dropped_before_ms, tier->dropped_before_ms);
        if (tier->n > 0)
            later(&f->dropped_before_ms, (tile_index(b, tier, tier->n - 1) + 1) * grain_ms - 1);
    }
    f->n_blocks--;
    memmove(&f->blocks[0], &f->blocks[1], (size_t)f->n_blocks * sizeof f->blocks[0]);
}

static enum status find_block(struct folded *f, const struct layout *l, struct arena *scratch,
                              struct tile_block **ret_block)
{
    for (int i = 0; i < f->n_blocks; i++) {
        if (f->blocks[i].layout == l) {
            *ret_block = &f->blocks[i];
            return ST_OK;
        }
    }
    if (f->blocks == NULL && new_blocks(f, scratch) != ST_OK)
        return ST_NO_SPACE;
    if (f->n_blocks == TILES_BLOCKS_MAX)
        drop_first_block(f);
    struct tile_block *b = &f->blocks[f->n_blocks++];
    block_init(b, l);
    *ret_block = b;
    return ST_OK;
}

static enum status make_room(const struct tile_block *b, struct tile_tier *t, struct arena *scratch)
{
    if (t->n < t->cap)
        return ST_OK;
    int cap = t->n + (t->n > 32 ? t->n : 32);
    char *tiles = arena_try(scratch, (size_t)cap * b->tile_bytes);
    if (tiles == NULL)
        return ST_NO_SPACE;
    if (t->n > 0)
        memcpy(tiles, t->tiles, (size_t)t->n * b->tile_bytes);
    t->tiles = tiles;
    t->cap = cap;
    return ST_OK;
}

/* The tile with `index`, made when it is not there. */
static enum status find_tile(const struct tile_block *b, struct tile_tier *t, int64_t index,
                             struct arena *scratch, int *ret_i)
{
    int i = tile_search(b, t, index);
    bool there = i < t->n && tile_index(b, t, i) == index;
    if ((!there || t->cap == 0) && make_room(b, t, scratch) != ST_OK)
        return ST_NO_SPACE;
    if (!there) {
        char *at = tile_at(b, t, i);
        memmove(at + b->tile_bytes, at, (size_t)(t->n - i) * b->tile_bytes);
        memcpy(at, &index, sizeof index);
        t->n++;
        struct tile_cell empty;
        cell_init(&empty);
        for (int c = 0; c < b->layout->n_cells; c++)
            tile_cell_store(b, t, i, c, &empty);
    }
    *ret_i = i;
    return ST_OK;
}

/*
 * A label for a transaction of this cell. When the cell has labels of that group already, this
 * one may speak of a transaction that is counted: a further fraud label is then one more or none,
 * and `legitimate` takes one back or none.
 */
static void add_label(struct tile_cell *cell, const struct record *r)
{
    struct label_range *own = &cell->labels[r->kind];
    struct label_range *fraud = &cell->labels[RECORD_FRAUD];
    bool about_fraud = r->kind == RECORD_FRAUD || r->kind == RECORD_LEGITIMATE;
    bool alone =
        about_fraud ? fraud->hi == 0 && cell->labels[RECORD_LEGITIMATE].hi == 0 : own->hi == 0;
    own->hi++;
    own->lo += alone;
    if (r->kind == RECORD_LEGITIMATE && fraud->lo > 0)
        fraud->lo--;
    cell->labels_first_ms = r->ts_ms < cell->labels_first_ms ? r->ts_ms : cell->labels_first_ms;
    later(&cell->labels_last_ms, r->ts_ms);
    later(&cell->labels_known_ms, r->known_at_ms);
}

static void add_to_cell(struct tile_cell *cell, const struct layout_cell *what,
                        const struct record *r)
{
    if (r->kind != RECORD_TRANSACTION) {
        if (what->parts & CELL_LABELS)
            add_label(cell, r);
        return;
    }
    cell->sums.n++;
    sums_add_time(&cell->sums, r->ts_ms);
    if (what->column < 0 || !(r->bits >> what->column & 1))
        return;
    sums_add_value(&cell->sums, record_column(r, what->column), what->parts);
}

static bool passes(const struct layout *l, const struct layout_cell *cell, const struct record *r)
{
    return cell->filter < 0 || (r->bits >> (l->n_columns + cell->filter) & 1);
}

static enum status add_to_tier(const struct tile_block *b, struct tile_tier *t,
                               const struct layout_tier *tier, const struct record *r,
                               struct arena *scratch)
{
    int64_t index = tile_index_of(r->ts_ms, tier->grain_ms);
    int i;
    if (find_tile(b, t, index, scratch, &i) != ST_OK)
        return ST_NO_SPACE;
    for (int c = 0; c < b->layout->n_cells; c++) {
        const struct layout_cell *what = &b->layout->cells[c];
        struct tile_cell cell;
        if (!passes(b->layout, what, r))
            continue;
        tile_cell(b, t, i, c, &cell);
        add_to_cell(&cell, what, r);
        tile_cell_store(b, t, i, c, &cell);
    }
    return ST_OK;
}

static enum status own_map(struct tile_map *m, struct arena *scratch)
{
    if (m->values != NULL)
        return ST_OK;
    struct tile_value *values = arena_try(scratch, TILES_MAP_MAX * sizeof *values);
    if (values == NULL)
        return ST_NO_SPACE;
    if (m->n > 0)
        memcpy(values, m->borrowed, m->n * sizeof *values);
    m->values = values;
    return ST_OK;
}

static enum status add_to_map(struct tile_map *m, uint64_t hash, int64_t ts_ms,
                              struct arena *scratch)
{
    if (own_map(m, scratch) != ST_OK)
        return ST_NO_SPACE;
    for (uint32_t i = 0; i < m->n; i++) {
        struct tile_value *v = &m->values[i];
        if (v->hash != hash)
            continue;
        v->first_ms = ts_ms < v->first_ms ? ts_ms : v->first_ms;
        later(&v->last_ms, ts_ms);
        return ST_OK;
    }
    if (m->n < TILES_MAP_MAX) {
        m->values[m->n++] = (struct tile_value){hash, ts_ms, ts_ms};
        return ST_OK;
    }
    m->spilled++;
    later(&m->spilled_last_ms, ts_ms);
    return ST_OK;
}

static enum status add_once_per_block(struct tile_block *b, const struct record *r,
                                      struct arena *scratch)
{
    for (int c = 0; c < b->layout->n_cells; c++) {
        const struct layout_cell *what = &b->layout->cells[c];
        if (what->column < 0 || !(r->bits >> what->column & 1) || !passes(b->layout, what, r))
            continue;
        int64_t value = record_column(r, what->column);
        if ((what->parts & CELL_MAP) &&
            add_to_map(&b->maps[c], (uint64_t)value, r->ts_ms, scratch) != ST_OK)
            return ST_NO_SPACE;
        if ((what->parts & CELL_PLACE) && r->ts_ms >= b->places[c].ts_ms)
            b->places[c] = (struct tile_place){r->ts_ms, value};
    }
    return ST_OK;
}

static void remember(struct folded *f, const struct record *r)
{
    if (f->n_recent == TILES_RECENT_MAX) {
        later(&f->known_from_ms, f->recent[0].ts_ms);
        memmove(&f->recent[0], &f->recent[1], (TILES_RECENT_MAX - 1) * sizeof f->recent[0]);
        f->n_recent--;
    }
    f->recent[f->n_recent++] = (struct tile_recent){r->txn, r->ts_ms};
}

enum status folded_add(struct folded *f, const struct layout_book *book, const struct record *r,
                       struct arena *scratch)
{
    struct tile_block *b;
    const struct layout *l = layout_book_find(book, r->layout);
    if (l == NULL)
        return ST_NOT_FOUND;
    enum status st = find_block(f, l, scratch, &b);
    for (int t = 0; st == ST_OK && t < l->n_tiers; t++)
        st = add_to_tier(b, &b->tiers[t], &l->tiers[t], r, scratch);
    if (st == ST_OK && r->kind == RECORD_TRANSACTION) {
        st = add_once_per_block(b, r, scratch);
        remember(f, r);
    }
    later(&f->frontier_ms, record_age_key(r));
    f->gone++;
    return st;
}

/* ---- pruning ---- */

/* The newest time that the tile's events and labels have. */
static int64_t tile_last_ms(const struct tile_block *b, const struct tile_tier *t, int i)
{
    int64_t last_ms = INT64_MIN;
    for (int c = 0; c < b->layout->n_cells; c++) {
        struct tile_cell cell;
        tile_cell(b, t, i, c, &cell);
        later(&last_ms, cell.sums.last_ms);
        later(&last_ms, cell.labels_last_ms);
    }
    return last_ms;
}

static void prune_tier(const struct tile_block *b, struct tile_tier *t, int64_t oldest_ms)
{
    int gone = 0;
    while (gone < t->n && tile_last_ms(b, t, gone) <= oldest_ms)
        later(&t->dropped_before_ms, tile_last_ms(b, t, gone++));
    t->tiles += (size_t)gone * b->tile_bytes;
    t->n -= gone;
    t->cap = t->cap > gone ? t->cap - gone : 0;
}

static bool map_is_stale(const struct tile_map *m, int64_t oldest_ms)
{
    if (m->spilled > 0 && m->spilled_last_ms <= oldest_ms)
        return true;
    for (uint32_t i = 0; i < m->n; i++) {
        if (tile_map_value(m, i).last_ms <= oldest_ms)
            return true;
    }
    return false;
}

/* What goes is told by the log's mark: the tile of the same event may stay for another one. */
static enum status prune_map(struct tile_map *m, int64_t oldest_ms, int64_t *dropped_before_ms,
                             struct arena *scratch)
{
    if (!map_is_stale(m, oldest_ms))
        return ST_OK;
    if (own_map(m, scratch) != ST_OK)
        return ST_NO_SPACE;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        if (m->values[i].last_ms > oldest_ms)
            m->values[kept++] = m->values[i];
        else
            later(dropped_before_ms, m->values[i].last_ms);
    }
    m->n = kept;
    if (m->spilled_last_ms <= oldest_ms) {
        later(dropped_before_ms, m->spilled_last_ms);
        m->spilled = 0;
        m->spilled_last_ms = INT64_MIN;
    }
    return ST_OK;
}

static enum status prune_block(struct folded *f, struct tile_block *b, struct arena *scratch)
{
    enum status st = ST_OK;
    for (int t = 0; t < b->layout->n_tiers; t++)
        prune_tier(b, &b->tiers[t], f->newest_ms - b->layout->tiers[t].keep_ms);
    for (int c = 0; st == ST_OK && c < b->layout->n_cells; c++)
        st = prune_map(&b->maps[c], f->newest_ms - b->layout->horizon_ms, &f->dropped_before_ms,
                       scratch);
    return st;
}

/* Nothing is left of it that a window could reach; stale values were pruned before. */
static bool block_is_over(const struct tile_block *b, int64_t oldest_ms)
{
    for (int t = 0; t < b->layout->n_tiers; t++) {
        if (b->tiers[t].n > 0)
            return false;
    }
    for (int c = 0; c < b->layout->n_cells; c++) {
        if (b->maps[c].n > 0 || b->maps[c].spilled > 0 || b->places[c].ts_ms > oldest_ms)
            return false;
    }
    return true;
}

enum status folded_prune(struct folded *f, struct arena *scratch)
{
    int kept = 0;
    for (int i = 0; i < f->n_blocks; i++) {
        struct tile_block *b = &f->blocks[i];
        enum status st = prune_block(f, b, scratch);
        if (st != ST_OK)
            return st;
        if (block_is_over(b, f->newest_ms - b->layout->horizon_ms)) {
            for (int t = 0; t < b->layout->n_tiers; t++)
                later(&f->dropped_before_ms, b->tiers[t].dropped_before_ms);
            continue;
        }
        if (kept != i)
            f->blocks[kept] = *b;
        kept++;
    }
    f->n_blocks = kept;
    return ST_OK;
}
