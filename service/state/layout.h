/*
 * layout.h -- what the records and tiles of one key field hold.
 *
 * A layout is content: its id is the first 32 bits of the SHA-256 of its text, and its text is
 * published in the state beside the logs, so that an instance with another ruleset can read
 * them. The text, one item a line, in this order:
 *
 *     layout 1
 *     key account_id
 *     horizon 2592000000
 *     column e4 amount                 column 0: kind, name
 *     column hash merchant.country     column 1
 *     filter amount > 100.0            filter 0: source text, line ends as spaces
 *     cell -1 0 3                      filter or -1, column or -1, parts (enum cell_part)
 *     tier 1350000 86400000            grain_ms, keep_ms
 *
 * Owns: the arena given to layout_parse. Read-only afterwards; any thread.
 */
#ifndef SLUICE_STATE_LAYOUT_H
#define SLUICE_STATE_LAYOUT_H

#include "service/base/arena.h"
#include "service/state/record.h"

enum {
    LAYOUT_CELLS_MAX = 24,
    LAYOUT_TIERS_MAX = 16, /* distinct windows of one key field */
    LAYOUT_FILTERS_MAX = 16,
    LAYOUT_TEXT_MAX = 16 << 10,
};

/* X(name, text, units to one) */
#define COLUMN_TABLE(X)                                               \
    X(COLUMN_E4, "e4", 10000)   /* decimal */                         \
    X(COLUMN_E6, "e6", 1000000) /* number, rounded to six decimals */ \
    X(COLUMN_E0, "e0", 1)       /* integer */                         \
    X(COLUMN_HASH, "hash", 0)   /* keyed 64-bit hash of any value */  \
    X(COLUMN_GEO, "geo", 0)     /* two int32, latitude and longitude in 1e-7 degrees */

enum column_kind {
#define X(name, text, scale) name,
    COLUMN_TABLE(X)
#undef X
};

const char *column_kind_text(enum column_kind kind);
/* Units to one; 0 for hashes and places. */
int32_t column_kind_scale(enum column_kind kind);

struct layout_column {
    struct span name;
    enum column_kind kind;
};

/* What a cell keeps beside the number of events and the times of the first and the last. */
enum cell_part {
    CELL_SUM = 1, /* sums of the negative and of the positive values */
    CELL_SQUARES = 2,
    CELL_RANGE = 4,  /* smallest and largest value */
    CELL_LABELS = 8, /* corrections by kind, and the latest known_at */
    CELL_MAP = 16,   /* value hash -> first and last time; once per block, not per tile */
    CELL_PLACE = 32, /* the newest located event; once per block */
    CELL_PARTS_ALL = 63,
};

struct layout_cell {
    int filter; /* index, or -1: every event */
    int column; /* index, or -1: none */
    unsigned parts;
};

struct layout_tier {
    int64_t grain_ms;
    int64_t keep_ms;
};

struct layout {
    uint32_t id;
    struct span text;
    struct span key_field;
    int64_t horizon_ms;
    struct layout_column columns[RECORD_COLUMNS_MAX];
    struct span filters[LAYOUT_FILTERS_MAX];
    struct layout_cell cells[LAYOUT_CELLS_MAX];
    struct layout_tier tiers[LAYOUT_TIERS_MAX];
    int n_columns, n_filters, n_cells, n_tiers;
};

/* Errors: ST_CORRUPT when `text` is not a layout; ST_NO_SPACE. */
MUST_USE enum status layout_parse(struct span text, struct arena *arena,
                                  const struct layout **ret_layout);

/* Index of the equal column (name and kind) or filter (text), or -1. */
int layout_find_column(const struct layout *l, const struct layout_column *column);
int layout_find_filter(const struct layout *l, struct span text);

/*
 * The layouts this process knows, its own and those read from the state, by id. Bounded; grows
 * only. Threads: one writer at a time may add (the caller locks), readers need no lock.
 */
enum { LAYOUT_BOOK_MAX = 1024 };

struct layout_book {
    const struct layout *entries[LAYOUT_BOOK_MAX];
    int count; /* published with release order after the entry */
};

const struct layout *layout_book_find(const struct layout_book *book, uint32_t id);
/* Adding a known id is fine and does nothing. Errors: ST_NO_SPACE. */
MUST_USE enum status layout_book_add(struct layout_book *book, const struct layout *layout);

#endif
