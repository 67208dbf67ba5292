#include "service/state/plan_internal.h"

#include "service/base/text.h"

enum { TIER_TILES = 64 }; /* tiles across one window: the cut tile is at most 1/64 of it */

static unsigned parts_of(enum aggregate a)
{
    switch (a) {
    case AGG_SUM:
        return CELL_SUM;
    case AGG_AVG:
        return CELL_SUM | CELL_RANGE; /* the range bounds what a cut tile can add */
    case AGG_MIN:
    case AGG_MAX:
        return CELL_RANGE;
    case AGG_STDDEV:
        return CELL_SUM | CELL_SQUARES | CELL_RANGE;
    case AGG_DISTINCT:
    case AGG_IS_NEW:
        return CELL_MAP;
    case AGG_SPEED_KMH:
        return CELL_PLACE;
    case AGG_FRAUD_COUNT:
    case AGG_FRAUD_RATE:
    case AGG_DECLINE_COUNT:
    case AGG_REVERSAL_COUNT:
        return CELL_LABELS;
    default:
        return 0;
    }
}

static unsigned kinds_counted(enum aggregate a)
{
    switch (a) {
    case AGG_FRAUD_COUNT:
    case AGG_FRAUD_RATE:
        return 1u << RECORD_FRAUD | 1u << RECORD_LEGITIMATE;
    case AGG_DECLINE_COUNT:
        return 1u << RECORD_DECLINED;
    case AGG_REVERSAL_COUNT:
        return 1u << RECORD_REVERSED;
    default:
        return 0;
    }
}

/* The lane for `f`: one of its delay and filter, and its column; a feature without column takes
 * any. */
static struct lane *find_lane(struct plan *p, const struct plan_feature *f)
{
    for (int i = 0; i < p->n_lanes; i++) {
        struct lane *l = &p->lanes[i];
        if (l->delay_ms != f->delay_ms || l->filter != f->filter)
            continue;
        if (l->column == f->column || f->column < 0)
            return l;
    }
    return NULL;
}

static struct lane *add_lane(struct plan *p, const struct plan_feature *f)
{
    if (p->n_lanes == PLAN_LANES_MAX)
        return NULL;
    struct lane *l = &p->lanes[p->n_lanes++];
    *l = (struct lane){.delay_ms = f->delay_ms, .filter = f->filter, .column = f->column};
    return l;
}

/* Keeps the windows ascending and single. */
static bool add_window(struct lane *l, int64_t window_ms)
{
    int at = 0;
    while (at < l->n_windows && l->windows_ms[at] < window_ms)
        at++;
    if (at < l->n_windows && l->windows_ms[at] == window_ms)
        return true;
    if (l->n_windows == PLAN_WINDOWS_MAX)
        return false;
    memmove(&l->windows_ms[at + 1], &l->windows_ms[at],
            (size_t)(l->n_windows - at) * sizeof l->windows_ms[0]);
    l->windows_ms[at] = window_ms;
    l->n_windows++;
    return true;
}

static int window_index(const struct lane *l, int64_t window_ms)
{
    for (int i = 0; i < l->n_windows; i++) {
        if (l->windows_ms[i] == window_ms)
            return i;
    }
    return -1;
}

/* Features with a column first: those without then join their lanes. */
static const char *make_lanes(const struct plan_spec *spec, struct plan *p)
{
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < spec->n_features; i++) {
            const struct plan_feature *f = &spec->features[i];
            if ((f->column >= 0) != (pass == 0))
                continue;
            struct lane *l = find_lane(p, f);
            if (l == NULL)
                l = add_lane(p, f);
            if (l == NULL)
                return "more than 16 combinations of delay, where and of for one key field";
            if (!add_window(l, f->window_ms))
                return "more than 16 windows for one key field";
            l->parts |= parts_of(f->aggregate);
            l->sure_parts |= f->aggregate == AGG_AVG ? (unsigned)CELL_SUM : parts_of(f->aggregate);
            l->times |= f->aggregate == AGG_SINCE_FIRST || f->aggregate == AGG_SINCE_LAST;
        }
    }
    for (int i = 0; i < spec->n_features; i++) {
        const struct plan_feature *f = &spec->features[i];
        const struct lane *l = find_lane(p, f);
        p->outputs[i] = (struct plan_output){f->aggregate, parts_of(f->aggregate),
                                             (int)(l - p->lanes), window_index(l, f->window_ms)};
        p->counts |= kinds_counted(f->aggregate);
    }
    p->n_outputs = spec->n_features;
    return NULL;
}

/* Lanes that differ in delay alone share a cell. */
static int cell_of(struct layout_cell *cells, int *n, const struct lane *l)
{
    int i = 0;
    while (i < *n && (cells[i].filter != l->filter || cells[i].column != l->column))
        i++;
    if (i == LAYOUT_CELLS_MAX)
        return -1;
    if (i == *n)
        cells[(*n)++] = (struct layout_cell){l->filter, l->column, 0};
    cells[i].parts |= l->parts;
    return i;
}

int64_t plan_grain_ms(int64_t window_ms)
{
    return window_ms / TIER_TILES > 0 ? window_ms / TIER_TILES : 1;
}

/* One tier for each window length, kept as long as the feature with the longest
 * delay looks back. */
static bool add_tier(struct layout_tier *tiers, int *n, const struct plan_feature *f)
{
    int64_t grain_ms = plan_grain_ms(f->window_ms);
    int64_t keep_ms = f->window_ms + f->delay_ms;
    int i = 0;
    while (i < *n && tiers[i].grain_ms < grain_ms)
        i++;
    if (i == *n || tiers[i].grain_ms != grain_ms) {
        if (*n == LAYOUT_TIERS_MAX)
            return false;
        memmove(&tiers[i + 1], &tiers[i], (size_t)(*n - i) * sizeof tiers[0]);
        tiers[i] = (struct layout_tier){grain_ms, 0};
        (*n)++;
    }
    if (tiers[i].keep_ms < keep_ms)
        tiers[i].keep_ms = keep_ms;
    return true;
}

static void put_filter(struct text *out, struct span filter)
{
    text_str(out, "filter ");
    for (size_t i = 0; i < filter.len; i++) {
        unsigned char c = (unsigned char)filter.base[i];
        text_char(out, c < 0x20 ? ' ' : (char)c);
    }
    text_char(out, '\n');
}

static const char *write_layout(const struct plan_spec *spec, struct plan *p, struct text *out)
{
    struct layout_cell cells[LAYOUT_CELLS_MAX];
    struct layout_tier tiers[LAYOUT_TIERS_MAX];
    int n_cells = 0, n_tiers = 0;
    int64_t horizon_ms = 0;
    for (int i = 0; i < p->n_lanes; i++) {
        p->lanes[i].cell = cell_of(cells, &n_cells, &p->lanes[i]);
        if (p->lanes[i].cell < 0)
            return "more than 24 combinations of where and of for one key field";
    }
    for (int i = 0; i < spec->n_features; i++) {
        const struct plan_feature *f = &spec->features[i];
        if (!add_tier(tiers, &n_tiers, f))
            return "more than 16 windows for one key field";
        if (f->window_ms + f->delay_ms > horizon_ms)
            horizon_ms = f->window_ms + f->delay_ms;
    }
    text_printf(out, "layout 1\nkey %.*s\nhorizon %lld\n", SPAN_ARG(spec->key_field),
                (long long)horizon_ms);
    for (int i = 0; i < spec->n_columns; i++)
        text_printf(out, "column %s %.*s\n", column_kind_text(spec->columns[i].kind),
                    SPAN_ARG(spec->columns[i].name));
    for (int i = 0; i < spec->n_filters; i++)
        put_filter(out, spec->filters[i]);
    for (int i = 0; i < n_cells; i++)
        text_printf(out, "cell %d %d %u\n", cells[i].filter, cells[i].column, cells[i].parts);
    for (int i = 0; i < n_tiers; i++)
        text_printf(out, "tier %lld %lld\n", (long long)tiers[i].grain_ms,
                    (long long)tiers[i].keep_ms);
    return out->overflow ? "filters too long for one key field (16 KB)" : NULL;
}

/* Where each lane looks in a record of the own layout. */
static void place_lanes(const struct plan_spec *spec, struct plan *p)
{
    for (int i = 0; i < p->n_lanes; i++) {
        struct lane *l = &p->lanes[i];
        l->filter_mask = l->filter < 0 ? 0 : UINT32_C(1) << (spec->n_columns + l->filter);
        l->column_mask = l->column < 0 ? 0 : UINT32_C(1) << l->column;
        l->scale = l->column < 0 ? 0 : column_kind_scale(spec->columns[l->column].kind);
        l->column_offset = RECORD_FIXED_BYTES + (l->column < 0 ? 0 : 8 * (size_t)l->column);
    }
}

static void set_plain_record(struct plan *p)
{
    char bytes[RECORD_BYTES_MAX];
    const int64_t columns[RECORD_COLUMNS_MAX] = {0};
    p->plain_bytes =
        record_encode(&(struct record){.kind = RECORD_TRANSACTION, .layout = p->layout->id},
                      columns, p->layout->n_columns, bytes);
    memcpy(&p->plain_head, bytes, sizeof p->plain_head);
}

/* All cells of one filter have the same events and labels: those of other columns, too. */
static void map_cells(const struct layout *l, int filter, int column, struct lane_map *m)
{
    for (int i = 0; i < l->n_cells; i++) {
        const struct layout_cell *c = &l->cells[i];
        if (c->filter != filter)
            continue;
        if (m->cell < 0 || c->column == column)
            m->cell = i;
        if (c->column == column)
            m->cell_parts = c->parts & ~(unsigned)CELL_LABELS;
        if (c->parts & CELL_LABELS)
            m->label_cell = i;
    }
}

static void map_lane(const struct layout *own, const struct lane *lane, const struct layout *l,
                     struct lane_map *m)
{
    int filter = lane->filter < 0 ? MAP_NONE : layout_find_filter(l, own->filters[lane->filter]);
    int column = lane->column < 0 ? MAP_NONE : layout_find_column(l, &own->columns[lane->column]);
    bool filter_known = lane->filter < 0 || filter >= 0;
    bool column_known = lane->column < 0 || column >= 0;
    *m = (struct lane_map){.filter_bit = MAP_NONE,
                           .column = column_known ? column : MAP_UNKNOWN,
                           .cell = -1,
                           .label_cell = -1};
    if (!filter_known)
        m->filter_bit = MAP_UNKNOWN;
    else if (filter >= 0)
        m->filter_bit = l->n_columns + filter;
    if (filter_known)
        map_cells(l, filter, column_known ? column : MAP_UNKNOWN, m);
}

void plan_map_layout(const struct plan *plan, const struct layout *l, struct layout_map *ret_map)
{
    *ret_map = (struct layout_map){.id = l->id, .layout = l};
    for (int i = 0; i < plan->n_lanes; i++)
        map_lane(plan->layout, &plan->lanes[i], l, &ret_map->lanes[i]);
}

enum status plan_compile(const struct plan_spec *spec, struct arena *arena,
                         const struct plan **ret_plan, const char **ret_why)
{
    char layout_text[LAYOUT_TEXT_MAX];
    struct text out;
    void *mem = NULL;
    text_init(&out, layout_text, sizeof layout_text);
    if (arena_alloc(arena, sizeof(struct plan), &mem) != ST_OK)
        return ST_NO_SPACE;
    struct plan *p = mem;
    p->exact_events = spec->exact_events;
    const char *why = NULL;
    if (spec->n_columns + spec->n_filters > RECORD_BITS_MAX)
        why = "more than 32 columns and filters for one key field";
    if (why == NULL)
        why = make_lanes(spec, p);
    place_lanes(spec, p);
    if (why == NULL)
        why = write_layout(spec, p, &out);
    if (why != NULL) {
        *ret_why = why;
        return ST_TOO_LARGE;
    }
    enum status st = layout_parse(text_span(&out), arena, &p->layout);
    if (st != ST_OK)
        return st;
    set_plain_record(p);
    if (arena_alloc(arena, sizeof *p->own_map, &mem) != ST_OK)
        return ST_NO_SPACE;
    p->own_map = mem;
    plan_map_layout(p, p->layout, p->own_map);
    *ret_plan = p;
    return ST_OK;
}

const struct layout *plan_layout(const struct plan *plan)
{
    return plan->layout;
}

int plan_feature_count(const struct plan *plan)
{
    return plan->n_outputs;
}

int64_t plan_horizon_ms(const struct plan *plan)
{
    return plan->layout->horizon_ms;
}

bool plan_counts(const struct plan *plan, enum record_kind kind)
{
    return plan->counts >> kind & 1;
}

struct plan_need plan_feature_need(const struct plan *plan, int feature)
{
    enum { OF_COLUMN = CELL_SUM | CELL_SQUARES | CELL_RANGE | CELL_MAP | CELL_PLACE };
    const struct plan_output *out = &plan->outputs[feature];
    const struct lane *l = &plan->lanes[out->lane];
    /* A feature without a column shares the lane of one that has it. */
    bool has_column = parts_of(out->aggregate) & OF_COLUMN;
    return (struct plan_need){.column = has_column ? l->column : -1,
                              .filter = l->filter,
                              .label_kinds = kinds_counted(out->aggregate),
                              .reach_ms = l->windows_ms[out->window] + l->delay_ms};
}
