/*
 * tiles.h -- the folded part of a log: its header and its blocks of tiles.
 *
 *      0      1         2          4       8            16     24
 *     +------+---------+----------+-------+------------+------+-----------+
 *     | 0xA5 | version | n_blocks | bytes | generation | gone | folded_at |
 *     | u8   | u8      | u16      | u32   | u64        | u64  | u64       |
 *     +------+---------+----------+-------+------------+------+-----------+
 *     32: newest_ms i64, dropped_before_ms i64, frontier_ms i64, known_from_ms i64,
 *         retained u32, n_recent u32; then n_recent times (txn u64, ts_ms i64); then blocks
 *
 *     block: layout u32, bytes u32
 *            for each tier of the layout:  n u32, 0 u32, dropped_before_ms i64, n tiles
 *            for each cell with CELL_MAP:  n u32, spilled u32, spilled_last_ms i64,
 *                                          n times (hash u64, first_ms i64, last_ms i64)
 *            for each cell with CELL_PLACE: ts_ms i64 (INT64_MIN: none), place i64
 *
 *     tile:  index i64 (its time divided by the tier's grain), then the cells
 *     cell:  n u32, values u32, first_ms i64, last_ms i64
 *            CELL_SUM: negative i128, positive i128     CELL_SQUARES: u128
 *            CELL_RANGE: min i64, max i64
 *            CELL_LABELS: (lo u32, hi u32) for fraud, legitimate, declined, reversed;
 *                         first_ms i64, last_ms i64 (of transactions), known_ms i64 (the latest)
 *
 * Each tier holds every folded record that is younger than its keep; only tiles that are not
 * empty are there, in order of index. Records fold into a block of their own layout, so that
 * rulesets mix. A label's count is a range, because a tile no longer knows whose labels it has.
 *
 * Owns: nothing. A struct folded borrows the log's bytes; what is changed is copied to `scratch`.
 */
#ifndef SLUICE_STATE_TILES_H
#define SLUICE_STATE_TILES_H

#include "service/state/layout.h"
#include "service/state/sums.h"

enum {
    TILES_MAGIC = 0xA5,
    TILES_VERSION = 1,
    TILES_HEADER_BYTES = 72,
    TILES_BLOCKS_MAX = 32, /* layouts in one log; the oldest goes when one more comes */
    TILES_RECENT_MAX =
        64, /* folded transactions that are still known by name: one FOLD_STEP of them */
    TILES_MAP_MAX = 128, /* values of one field that one entity remembers past its records */
};

struct label_range {
    uint32_t lo, hi;
};

/* One cell of one tile, decoded. */
struct tile_cell {
    struct sums sums;
    struct label_range labels[RECORD_KINDS]; /* by record_kind; [0] is unused */
    int64_t labels_first_ms, labels_last_ms; /* INT64_MAX and INT64_MIN when there are none */
    int64_t labels_known_ms;
};

struct tile_tier {
    int n, cap;                /* cap 0: borrowed */
    int64_t dropped_before_ms; /* the newest time that went with a tile; INT64_MIN: none did */
    char *tiles;
};

struct tile_value {
    uint64_t hash;
    int64_t first_ms, last_ms;
};

/* The bounded map of a field's values. `spilled` events had a value for which there was no room. */
struct tile_map {
    uint32_t n, spilled;
    int64_t spilled_last_ms;
    struct tile_value *values; /* NULL: borrowed, see tile_map_value() */
    const char *borrowed;
};

struct tile_place {
    int64_t ts_ms;
    int64_t place;
};

struct tile_block {
    const struct layout *layout;
    size_t tile_bytes;
    struct tile_tier tiers[LAYOUT_TIERS_MAX];
    struct tile_map maps[LAYOUT_CELLS_MAX];
    struct tile_place places[LAYOUT_CELLS_MAX];
};

/* A folded transaction that is still known by name, so that its duplicates are. */
struct tile_recent {
    uint64_t txn;
    int64_t ts_ms;
};

struct folded {
    size_t bytes; /* of header and blocks in the log that was read; 0: there is no header */
    uint64_t generation;
    uint64_t gone;      /* distinct records that are no longer records */
    uint64_t folded_at; /* the last fold point that was applied */
    int64_t newest_ms;
    int64_t dropped_before_ms; /* the newest event time that is in no tile any more */
    int64_t frontier_ms;       /* the largest max(ts, known_at) among the folded */
    int64_t known_from_ms;     /* folded transactions after this time are all among the recent */
    uint32_t n_recent;
    struct tile_recent recent[TILES_RECENT_MAX]; /* in the order they folded */
    uint32_t retained; /* records that stood right behind the header when it was made */
    int n_blocks;
    struct tile_block *blocks; /* room for TILES_BLOCKS_MAX, in scratch; NULL without header */
};

/*
 * Read the header at the front of `log`, or answer an empty one. Errors: ST_CORRUPT;
 * ST_NOT_FOUND: a layout that the book has not; ST_NO_SPACE.
 */
MUST_USE enum status folded_read(struct span log, const struct layout_book *book,
                                 struct arena *scratch, struct folded *ret_folded);

/*
 * What a log's header and tiles take at most while one ruleset alone writes there: every tile of
 * every tier is there, and every map is full. One block is in it; each ruleset with another layout
 * has one of its own until its horizon is over.
 */
size_t tiles_bytes_max(const struct layout *l);
/* Of one tile; and how many tiles a tier has at most. */
size_t tiles_tile_bytes(const struct layout *l);
int64_t tiles_in_tier_max(const struct layout_tier *tier);

/* Bytes that folded_write will make. */
size_t folded_bytes(const struct folded *f);
/* Encode to `out`, which has folded_bytes() room. */
void folded_write(const struct folded *f, char *out);

/* The record goes into the tiles of its layout (in the book, else ST_NOT_FOUND). ST_NO_SPACE:
 * scratch is full. */
MUST_USE enum status folded_add(struct folded *f, const struct layout_book *book,
                                const struct record *r, struct arena *scratch);
/* Drop tiles, values and blocks that are out of their horizon. ST_NO_SPACE: scratch is full. */
MUST_USE enum status folded_prune(struct folded *f, struct arena *scratch);

/* Is this very transaction in a tile, by name? O(TILES_RECENT_MAX) for times that may be. */
bool folded_has(const struct folded *f, uint64_t txn, int64_t ts_ms);
/*
 * Could a transaction of this time, not known by name, be in a tile? Asked of the finest tier that
 * still has the time.
 */
bool folded_may_have(const struct folded *f, int64_t ts_ms);
/* The same of one cell of one block, whatever is known by name. */
bool block_may_have(const struct tile_block *b, int cell, int64_t ts_ms);
/* The cell of the tile of `tier` in which `ts_ms` lies; false: there is no such tile. */
bool block_cell_at(const struct tile_block *b, int tier, int cell, int64_t ts_ms,
                   struct tile_cell *ret_cell);

/* The index of the tile that holds `ts_ms`. */
static inline int64_t tile_index_of(int64_t ts_ms, int64_t grain_ms)
{
    return ts_ms / grain_ms - (ts_ms % grain_ms < 0);
}

/* The i-th tile of a tier: its index, and one cell decoded. */
int64_t tile_index(const struct tile_block *b, const struct tile_tier *t, int i);
void tile_cell(const struct tile_block *b, const struct tile_tier *t, int i, int cell,
               struct tile_cell *ret_cell);
/* Position of the first tile whose index is not below `index`. O(log n). */
int tile_search(const struct tile_block *b, const struct tile_tier *t, int64_t index);
struct tile_value tile_map_value(const struct tile_map *m, uint32_t i);

#endif
