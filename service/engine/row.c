#include "service/engine/row.h"

/* {"lat": .., "lon": ..} */
static struct cel_value geo_cell(struct geo geo, struct arena *arena)
{
    struct place {
        struct cel_map map;
        struct cel_entry entries[2];
    };
    struct place *p = arena_try(arena, sizeof *p);
    if (p == NULL)
        return cel_error(CEL_ERR_LIMIT, span_str("room"));
    p->entries[0] = (struct cel_entry){cel_string(span_str("lat")), cel_double(geo.lat_deg)};
    p->entries[1] = (struct cel_entry){cel_string(span_str("lon")), cel_double(geo.lon_deg)};
    p->map = (struct cel_map){.count = 2, .entries = p->entries};
    return cel_map_of(&p->map);
}

/* The nearest double. Past 2^53 units an int64 would be rounded before it is divided, too. */
static double money(int64_t e4)
{
    const int64_t whole_max = INT64_C(1) << 53;
    if (e4 < -whole_max || e4 > whole_max)
        return (double)((long double)e4 / 10000.0L);
    return (double)e4 / 10000.0;
}

static struct cel_value field_cell(enum field_type type, const struct txn_value *v,
                                   struct arena *arena)
{
    if (!v->present)
        return (struct cel_value){.kind = CEL_MISSING};
    switch (type) {
    case FIELD_DECIMAL:
        return cel_double(money(v->i64));
    case FIELD_NUMBER:
        return cel_double(v->f64);
    case FIELD_INTEGER:
        return cel_int(v->i64);
    case FIELD_BOOL:
        return cel_bool(v->flag);
    case FIELD_TIMESTAMP:
        return cel_timestamp_ms(v->i64);
    case FIELD_GEO:
        return geo_cell(v->geo, arena);
    default:
        return cel_string(v->text);
    }
}

/* Room for the largest is taken first, and the rest given back: how full the arena is shows in
 * no value. */
static enum status set_derived(struct row *row, const struct snapshot *snap)
{
    struct arena kept;
    char *block = arena_try(row->arena, ROW_KEPT_BYTES);
    if (block == NULL)
        return ST_NO_SPACE;
    arena_init(&kept, block, ROW_KEPT_BYTES);
    for (int i = 0; i < snap->n_derived; i++) {
        if (!snap->derived[i].is_read)
            continue;
        arena_reset(row->scratch);
        struct cel_value v = cel_run(snap->derived[i].program, row->cells, row->scratch);
        row->cells[snap->row_derived + i] = cel_keep(v, row->scratch, &kept);
    }
    row->arena->used_bytes = (size_t)(block - row->arena->base) + kept.used_bytes;
    return ST_OK;
}

enum status row_init(struct row *row, const struct snapshot *snap, const struct txn_value *fields,
                     struct arena *scratch, struct arena *arena)
{
    void *cells;
    enum status st = arena_alloc(arena, (size_t)snap->row_count * sizeof(struct cel_value), &cells);
    if (st != ST_OK)
        return st;
    *row = (struct row){cells, arena, scratch};
    for (int i = 0; i < snap->n_fields_read; i++) {
        int slot = snap->fields_read[i];
        row->cells[slot] = field_cell(snap->schema.fields[slot].type, &fields[slot], arena);
    }
    for (int i = 0; i < snap->n_lists_read; i++) {
        int list = snap->lists_read[i];
        row->cells[snap->row_lists + list] = snap->lists->items[list].value;
    }
    for (int i = 0; i < snap->n_covered_read; i++) /* until features say otherwise */
        row->cells[snap->row_covered + snap->covered_read[i]] = cel_bool(true);
    return snap->n_derived > 0 ? set_derived(row, snap) : ST_OK;
}

/* An inexact value; lo and hi of an int feature are whole numbers (scale 1). */
static struct cel_value range_cell(const struct window_value *v, bool is_int)
{
    if (v->maybe_missing)
        return cel_error(CEL_ERR_INEXACT, span_of(NULL, 0));
    if (is_int)
        return cel_range_int(v->lo.i64, v->hi.i64);
    return cel_range_double(window_lo_double(v), window_hi_double(v));
}

static struct cel_value feature_cell(const struct window_value *v, bool is_int)
{
    if (v->missing)
        return v->maybe_missing ? cel_error(CEL_ERR_INEXACT, span_of(NULL, 0))
                                : (struct cel_value){.kind = CEL_MISSING};
    if (!v->exact)
        return range_cell(v, is_int);
    return is_int ? cel_int(v->value.i64) : cel_double(window_value_double(v));
}

void row_set_features(struct row *row, const struct snapshot *snap,
                      const struct window_value *values)
{
    for (int i = 0; i < snap->n_features_read; i++) {
        int f = snap->features_read[i];
        row->cells[snap->row_features + f] =
            feature_cell(&values[f], snap->features.features[f].is_int);
    }
    for (int i = 0; i < snap->n_covered_read; i++) {
        int f = snap->covered_read[i];
        row->cells[snap->row_covered + f] = cel_bool(!values[f].uncovered);
    }
}
