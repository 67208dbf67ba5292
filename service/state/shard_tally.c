#include "service/state/shard_tally.h"

#include "service/base/check.h"

enum {
    VERDICT_BYTES = 1 + 8 + 8,
    COLUMNS_BYTES = 8 * TALLY_COLUMNS,
};

/* Below the eight bits that name the shard; "tally", so that a claim's neighbours are spread. */
#define TALLY_PLACE UINT64_C(0x0074616c6c790000)

static const char verdict_key[] = "v", tally_key[] = "tally";

static uint64_t tally_hash(uint64_t shard_index)
{
    return shard_index << 56 | TALLY_PLACE;
}

static struct span read_value(const struct slot *slot, int64_t now_ms)
{
    return slot_is_live(slot, now_ms) ? slot_value(slot) : span_of(NULL, 0);
}

/* ---- the packed rows ---- */

struct packed_row {
    struct span name;
    char *columns; /* where they stand, unaligned */
};

static bool next_row(struct span *rest, struct packed_row *ret_row)
{
    uint8_t len;
    struct span name, columns;
    if (!span_take_raw(rest, &len, sizeof len) || !span_take(rest, len, &name) ||
        !span_take(rest, COLUMNS_BYTES, &columns))
        return false;
    *ret_row = (struct packed_row){name, (char *)(uintptr_t)columns.base};
    return true;
}

static int64_t used_ms(const struct packed_row *row)
{
    int64_t columns[TALLY_COLUMNS];
    memcpy(columns, row->columns, sizeof columns);
    return columns[TALLY_USED_MS];
}

/* Its end moves up. */
static void drop_row(struct slot *slot, const struct packed_row *row)
{
    char *from = row->columns + COLUMNS_BYTES, *to = row->columns - row->name.len - 1;
    char *end = slot->block + slot->key_len + slot->len;
    memmove(to, from, (size_t)(end - from));
    slot->len -= (uint32_t)(from - to);
}

/* Of TALLY_ROWS_MAX the one unused for longest goes. */
static void keep_limit(struct slot *slot)
{
    struct span rest = slot_value(slot);
    struct packed_row row, oldest = {0};
    int n = 0;
    while (next_row(&rest, &row)) {
        if (n++ == 0 || used_ms(&row) < used_ms(&oldest))
            oldest = row;
    }
    if (n >= TALLY_ROWS_MAX)
        drop_row(slot, &oldest);
}

static void append_row(struct slot *slot, struct span name)
{
    static const char zeros[COLUMNS_BYTES];
    uint8_t len = (uint8_t)name.len;
    keep_limit(slot);
    slot_append(slot, span_of(&len, sizeof len));
    slot_append(slot, name);
    slot_append(slot, span_of(zeros, sizeof zeros));
}

/* Found, or made. */
static char *row_columns(struct slot *slot, struct span name)
{
    struct span rest = slot_value(slot);
    struct packed_row row;
    while (next_row(&rest, &row))
        if (span_eq(row.name, name))
            return row.columns;
    append_row(slot, name);
    return slot->block + slot->key_len + slot->len - COLUMNS_BYTES;
}

/* ---- room ---- */

static size_t rows_bytes(const struct state_verdict *v)
{
    size_t bytes = 0;
    for (int i = 0; i < v->n_rows; i++)
        bytes += 1 + v->rows[i].len + COLUMNS_BYTES;
    return bytes;
}

enum status shard_tally_reserve(struct shard *s, uint64_t txn_hash, const struct state_verdict *v)
{
    uint64_t place = tally_hash(txn_hash >> 56);
    size_t more = rows_bytes(v);
    CHECK(v->n_rows <= TALLY_NAMES_MAX);
    struct slot *verdict = shard_put(s, txn_hash, span_str(verdict_key), VERDICT_BYTES);
    struct slot *tally = shard_put(s, place, span_str(tally_key), more);
    if (verdict == NULL || tally == NULL)
        return ST_NO_SPACE;
    enum status st = slot_reserve(s, verdict, VERDICT_BYTES, false);
    return st == ST_OK ? slot_reserve(s, tally, tally->len + more, true) : st;
}

/* ---- judging ---- */

static bool read_verdict(struct span value, struct verdict *ret_verdict)
{
    uint8_t is_fraud;
    struct verdict v;
    if (!span_take_raw(&value, &is_fraud, sizeof is_fraud) ||
        !span_take_raw(&value, &v.known_at_ms, sizeof v.known_at_ms) ||
        !span_take_raw(&value, &v.lag_ms, sizeof v.lag_ms))
        return false;
    v.is_fraud = is_fraud != 0;
    *ret_verdict = v;
    return true;
}

static void set_verdict(struct slot *slot, const struct verdict *v, int64_t expires_ms)
{
    uint8_t is_fraud = v->is_fraud;
    slot->len = 0;
    slot_append(slot, span_of(&is_fraud, sizeof is_fraud));
    slot_append(slot, span_of(&v->known_at_ms, sizeof v->known_at_ms));
    slot_append(slot, span_of(&v->lag_ms, sizeof v->lag_ms));
    slot->expires_ms = expires_ms;
}

static void count_row(struct slot *slot, struct span name, const struct state_verdict *v,
                      const struct verdict *stood, int64_t now_ms)
{
    int64_t columns[TALLY_COLUMNS];
    char *at = row_columns(slot, name);
    memcpy(columns, at, sizeof columns);
    if (stood != NULL)
        tally_count(columns, stood, v->amount_e4, true);
    tally_count(columns, &v->verdict, v->amount_e4, false);
    columns[TALLY_USED_MS] = now_ms;
    memcpy(at, columns, sizeof columns);
}

bool shard_tally_judge(struct shard *s, uint64_t txn_hash, const struct state_verdict *v,
                       int64_t now_ms)
{
    struct verdict stood;
    struct slot *slot = shard_find(s, txn_hash, span_str(verdict_key));
    struct slot *tally = shard_find(s, tally_hash(txn_hash >> 56), span_str(tally_key));
    bool stands = read_verdict(read_value(slot, now_ms), &stood);
    if (stands && !verdict_supersedes(&v->verdict, &stood))
        return false;
    set_verdict(slot, &v->verdict, v->ttl_ms > 0 ? now_ms + v->ttl_ms : INT64_MAX);
    tally->expires_ms = INT64_MAX;
    for (int i = 0; i < v->n_rows; i++)
        count_row(tally, v->rows[i], v, stands ? &stood : NULL, now_ms);
    return true;
}

void shard_tally_read(const struct shard *s, uint64_t index, struct tally *t)
{
    struct packed_row row;
    struct span rest =
        read_value(shard_find(s, tally_hash(index), span_str(tally_key)), INT64_MAX - 1);
    while (next_row(&rest, &row)) {
        int64_t columns[TALLY_COLUMNS];
        memcpy(columns, row.columns, sizeof columns);
        tally_add(t, row.name, columns);
    }
}
