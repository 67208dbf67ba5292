#include "service/engine/feature.h"

#include "service/base/identifier.h"

#include <stdio.h>

/* What the functions below share while one `features:` is read. */
struct loader {
    const struct yaml_file *file;
    const struct cel_env *env;
    const struct feature_meanings *meanings;
    struct schema *schema;
    struct arena *arena;
    struct diag_list *diags;
    struct feature_set *set;
    struct plan_spec specs[FEATURE_KEY_FIELDS_MAX];
};

/* One declaration, before its windows make features of it. */
struct declared {
    const struct yaml_node *node;
    enum aggregate aggregate;
    int key;
    int column;
    int filter;
    int64_t delay_ms;
};

static const char *const aggregate_names[] = {
#define X(name, text, of, is_int) text,
    AGGREGATE_TABLE(X)
#undef X
};

static const char aggregate_list[] = "one of"
#define X(name, text, of, is_int) " " text
    AGGREGATE_TABLE(X)
#undef X
    ;

static const char aggregate_of[] = {
#define X(name, text, of, is_int) of,
    AGGREGATE_TABLE(X)
#undef X
};

static const bool aggregate_is_int[] = {
#define X(name, text, of, is_int) is_int,
    AGGREGATE_TABLE(X)
#undef X
};

const char *feature_aggregate_text(enum aggregate aggregate)
{
    return aggregate_names[aggregate];
}

/* ---- what may stand there ---- */

static const struct shape name_shape = {.kind = SHAPE_TEXT};
static const struct shape aggregate_shape = {.kind = SHAPE_CHOICE,
                                             SHAPE_ROW(choices, aggregate_names)};
static const struct shape where_shape = {.kind = SHAPE_EXPRESSION, .max = CEL_SOURCE_MAX};
static const struct shape duration_shape = {.kind = SHAPE_DURATION};
static const struct shape windows_shape = {.kind = SHAPE_LIST, .of = &duration_shape, .min = 1};

static const struct shape_key feature_keys[] = {
    {"by", &name_shape, true,
     "The field whose values are counted apart: a `string`, an `ip` or an `integer`."},
    {"aggregate", &aggregate_shape, true, "What is computed over the window."},
    {"of", &name_shape, false, "The field or derived name that is aggregated."},
    {"where", &where_shape, false,
     "CEL over the transaction: only those for which it is true count. It sees no features."},
    {"windows", &windows_shape, true,
     "How far back: `[5m, 1h, 30d]`. Each makes a feature, named with its window: `name_5m`."},
    {"delay", &duration_shape, false, "The window ends so long before the transaction: `7d`."},
};

static const struct shape_case feature_cases[] = {
#define X(name, text, of, is_int) \
    {"aggregate", text, (of) == '-' ? NULL : "of", (of) == '-' ? "of" : NULL},
    AGGREGATE_TABLE(X)
#undef X
};

static const struct shape feature_shape = {
    .kind = SHAPE_MAPPING, SHAPE_ROW(keys, feature_keys), SHAPE_ROW(cases, feature_cases)};

const struct shape features_shape = {.kind = SHAPE_MAPPING,
                                     .pattern = "^[A-Za-z_][A-Za-z0-9_]*$",
                                     .max = FEATURES_MAX,
                                     .of = &feature_shape};

/* ---- names of fields ---- */

static const char *nearest_field(const struct loader *l, struct span wrong)
{
    const char *names[SCHEMA_FIELDS_MAX];
    for (int i = 0; i < l->schema->count; i++)
        names[i] = l->schema->fields[i].name.base;
    return diag_nearest(wrong, names, (size_t)l->schema->count);
}

static void unknown_field(struct loader *l, const struct yaml_node *node, struct span name)
{
    const char *nearest = nearest_field(l, name);
    char hint[DIAG_MESSAGE_MAX];
    if (nearest != NULL)
        snprintf(hint, sizeof hint, "did you mean '%s'?", nearest);
    else
        snprintf(hint, sizeof hint, "fields are declared under `schema:` and `derived:`");
    diag_error(l->diags, yaml_at(l->file, node), hint, "unknown field '%.*s'", SPAN_ARG(name));
}

/* The scalar under `key` of a declaration; its absence is an error. */
static bool need_text(struct loader *l, const struct yaml_node *node, const char *key,
                      const struct yaml_node **ret_node, struct span *ret_text)
{
    *ret_node = yaml_get(node, key);
    if (*ret_node == NULL) {
        const char *hint = strcmp(key, "by") == 0   ? "by: account_id"
                           : strcmp(key, "of") == 0 ? "of: amount"
                                                    : "aggregate: count";
        diag_error(l->diags, yaml_key_at(l->file, node), hint, "feature '%.*s' has no `%s:`",
                   SPAN_ARG(node->key), key);
        return false;
    }
    return yaml_string(l->file, *ret_node, l->diags, ret_text);
}

/* ---- by: the key field ---- */

static bool can_be_key(enum field_type type)
{
    return type == FIELD_STRING || type == FIELD_IP || type == FIELD_INTEGER;
}

static int find_key(const struct feature_set *set, int slot)
{
    for (int i = 0; i < set->n_keys; i++)
        if (set->keys[i].slot == slot)
            return i;
    return -1;
}

static int add_key(struct loader *l, int slot)
{
    int key = l->set->n_keys++;
    struct span field = l->schema->fields[slot].name;
    l->set->keys[key] = (struct feature_key){.slot = slot, .field = field};
    l->specs[key].key_field = field;
    return key;
}

static bool read_by(struct loader *l, struct declared *d)
{
    const struct yaml_node *node;
    struct span name;
    if (!need_text(l, d->node, "by", &node, &name))
        return false;
    int slot = schema_find(l->schema, name);
    if (slot < 0) {
        unknown_field(l, node, name);
        return false;
    }
    if (!can_be_key(l->schema->fields[slot].type)) {
        diag_error(l->diags, yaml_at(l->file, node), "a key is a string, an ip or an integer",
                   "'%.*s' is a %s", SPAN_ARG(name), field_type_text(l->schema->fields[slot].type));
        return false;
    }
    if (l->schema->fields[slot].max_bytes > FEATURE_KEY_BYTES_MAX) {
        diag_error(l->diags, yaml_at(l->file, node), "give the field a smaller `max:`",
                   "values of a key field have at most %d bytes", FEATURE_KEY_BYTES_MAX);
        return false;
    }
    d->key = find_key(l->set, slot);
    if (d->key < 0 && l->set->n_keys == FEATURE_KEY_FIELDS_MAX) {
        diag_error(l->diags, yaml_at(l->file, node), "each one is a log per transaction",
                   "more than %d key fields", FEATURE_KEY_FIELDS_MAX);
        return false;
    }
    if (d->key < 0)
        d->key = add_key(l, slot);
    return true;
}

/* ---- aggregate ---- */

static bool read_aggregate(struct loader *l, struct declared *d)
{
    const struct yaml_node *node;
    struct span name;
    if (!need_text(l, d->node, "aggregate", &node, &name))
        return false;
    for (int i = 0; i < AGGREGATES; i++) {
        if (span_is(name, aggregate_names[i])) {
            d->aggregate = (enum aggregate)i;
            return true;
        }
    }
    const char *nearest = diag_nearest(name, aggregate_names, AGGREGATES);
    char hint[DIAG_MESSAGE_MAX];
    snprintf(hint, sizeof hint, nearest ? "did you mean '%s'?" : "%s",
             nearest ? nearest : aggregate_list);
    diag_error(l->diags, yaml_at(l->file, node), hint, "unknown aggregate '%.*s'", SPAN_ARG(name));
    return false;
}

/* ---- what derived names mean ---- */

/* " #9f2c41d07be83a56", if the slot is a derived field's. */
static void put_meaning(const struct loader *l, int slot, struct text *out)
{
    int i = slot - l->meanings->first_slot;
    if (i < 0 || i >= l->meanings->n)
        return;
    text_str(out, " #");
    text_hex(out, l->meanings->hashes[i], 16);
}

/* `text`, as layouts name it, with the meaning of each derived field among `slots`. false: the
 * ruleset is too large, and a diagnostic says so. */
static bool name_it(struct loader *l, const struct yaml_node *node, struct span text,
                    const int *slots, int n_slots, struct span *ret_name)
{
    char bytes[LAYOUT_TEXT_MAX];
    struct text out;
    text_init(&out, bytes, sizeof bytes);
    text_put(&out, text);
    for (int i = 0; i < n_slots; i++)
        put_meaning(l, slots[i], &out);
    struct span name = out.len == text.len ? text : arena_try_copy(l->arena, text_span(&out));
    if (name.base == NULL || out.overflow) {
        diag_error(l->diags, yaml_at(l->file, node), NULL,
                   "the ruleset is too large: out of space");
        return false;
    }
    *ret_name = name;
    return true;
}

/* ---- of: the column ---- */

/* The column kind of a number, or -1: not a number. Derived fields lie behind the schema's. */
static int number_kind(const struct loader *l, const struct cel_name *field)
{
    if (field->slot >= l->schema->count) {
        if (field->type->kind == CEL_T_INT)
            return COLUMN_E0;
        return field->type->kind == CEL_T_DOUBLE ? COLUMN_E6 : -1;
    }
    switch (l->schema->fields[field->slot].type) {
    case FIELD_DECIMAL:
        return COLUMN_E4;
    case FIELD_INTEGER:
        return COLUMN_E0;
    case FIELD_NUMBER:
        return COLUMN_E6;
    default:
        return -1;
    }
}

static bool is_geo(const struct loader *l, const struct cel_name *field)
{
    return field->slot < l->schema->count && l->schema->fields[field->slot].type == FIELD_GEO;
}

/* The column kind that the aggregate needs of the field, or -1. */
static int kind_for(const struct loader *l, enum aggregate a, const struct cel_name *field)
{
    switch (aggregate_of[a]) {
    case 'n':
        return number_kind(l, field);
    case 'g':
        return is_geo(l, field) ? (int)COLUMN_GEO : -1;
    default:
        return COLUMN_HASH;
    }
}

/* The key's column of that source, made when it is not there; -1: too many. */
static int put_column(struct loader *l, int key, struct feature_source source, struct span name)
{
    struct feature_key *k = &l->set->keys[key];
    struct plan_spec *spec = &l->specs[key];
    for (int i = 0; i < k->n_columns; i++)
        if (k->columns[i].slot == source.slot && k->columns[i].kind == source.kind)
            return i;
    if (k->n_columns == RECORD_COLUMNS_MAX)
        return -1;
    k->columns[k->n_columns] = source;
    spec->columns[k->n_columns] = (struct layout_column){name, source.kind};
    spec->n_columns = ++k->n_columns;
    return k->n_columns - 1;
}

static void mark_aggregated(struct loader *l, const struct cel_name *field)
{
    if (field->slot < l->schema->count)
        l->schema->fields[field->slot].aggregated = true;
}

static bool read_field_of(struct loader *l, struct declared *d, const struct yaml_node *node,
                          struct span text)
{
    static const char *const needs[] = {['n'] = "a number", ['g'] = "a geo field"};
    const struct cel_name *field = cel_env_find(l->env, text);
    if (field == NULL || field->constant != NULL) {
        unknown_field(l, node, text);
        return false;
    }
    int kind = kind_for(l, d->aggregate, field);
    if (kind < 0) {
        diag_error(l->diags, yaml_at(l->file, node), NULL, "%s needs %s; '%.*s' is none",
                   aggregate_names[d->aggregate], needs[(int)aggregate_of[d->aggregate]],
                   SPAN_ARG(text));
        return false;
    }
    struct feature_source source = {field->slot, (enum column_kind)kind};
    struct span name;
    if (!name_it(l, node, field->name, &field->slot, 1, &name))
        return false;
    d->column = put_column(l, d->key, source, name);
    if (d->column < 0) {
        diag_error(l->diags, yaml_at(l->file, node), NULL, "more than %d columns for one key field",
                   RECORD_COLUMNS_MAX);
        return false;
    }
    if (kind == COLUMN_E6)
        mark_aggregated(l, field);
    return true;
}

static bool read_of(struct loader *l, struct declared *d)
{
    const struct yaml_node *node = yaml_get(d->node, "of");
    struct span text;
    d->column = -1;
    if (aggregate_of[d->aggregate] != '-')
        return need_text(l, d->node, "of", &node, &text) && read_field_of(l, d, node, text);
    if (node == NULL)
        return true;
    diag_error(l->diags, yaml_key_at(l->file, node), "leave it out", "%s takes no `of:`",
               aggregate_names[d->aggregate]);
    return false;
}

/* ---- where: the filter ---- */

static bool compile_filter(struct loader *l, const struct yaml_node *node, struct span text,
                           const struct cel_program **ret_program)
{
    const struct cel_program *program;
    if (cel_compile(l->env, text, yaml_body_at(l->file, node), l->arena, l->diags, &program) !=
        ST_OK)
        return false;
    if (program->result->kind != CEL_T_BOOL && program->result->kind != CEL_T_DYN) {
        diag_error(l->diags, yaml_at(l->file, node), "it says which transactions count",
                   "`where:` must be true or false");
        return false;
    }
    *ret_program = program;
    return true;
}

static int find_filter(const struct plan_spec *spec, struct span text)
{
    for (int i = 0; i < spec->n_filters; i++)
        if (span_eq(spec->filters[i], text))
            return i;
    return -1;
}

static bool read_where(struct loader *l, struct declared *d)
{
    const struct yaml_node *node = yaml_get(d->node, "where");
    struct plan_spec *spec = &l->specs[d->key];
    struct feature_key *key = &l->set->keys[d->key];
    const struct cel_program *program;
    struct span text, name;
    d->filter = -1;
    if (node == NULL)
        return true;
    if (!yaml_string(l->file, node, l->diags, &text) || !compile_filter(l, node, text, &program) ||
        !name_it(l, node, text, program->reads, program->n_reads, &name))
        return false;
    d->filter = find_filter(spec, name);
    if (d->filter >= 0)
        return true;
    if (spec->n_filters == LAYOUT_FILTERS_MAX) {
        diag_error(l->diags, yaml_at(l->file, node), NULL, "more than %d filters for one key field",
                   LAYOUT_FILTERS_MAX);
        return false;
    }
    d->filter = key->n_filters++;
    key->filters[d->filter] = program;
    spec->filters[d->filter] = name;
    spec->n_filters = key->n_filters;
    return true;
}

/* ---- windows and delay ---- */

static bool read_delay(struct loader *l, struct declared *d)
{
    const struct yaml_node *node = yaml_get(d->node, "delay");
    d->delay_ms = 0;
    return node == NULL || yaml_duration_ms(l->file, node, l->diags, &d->delay_ms);
}

/* NULL base: the arena is full. */
static struct span window_name(struct loader *l, struct span name, struct span window)
{
    char text[2 * DIAG_MESSAGE_MAX];
    struct text out;
    text_init(&out, text, sizeof text);
    text_put(&out, name);
    text_char(&out, '_');
    text_put(&out, window);
    return arena_try_copy(l->arena, text_span(&out));
}

static bool has_room(struct loader *l, const struct yaml_node *at, const struct plan_spec *spec)
{
    if (l->set->n_features < FEATURES_MAX && spec->n_features < PLAN_FEATURES_MAX)
        return true;
    diag_error(l->diags, yaml_at(l->file, at), "each window of a feature counts",
               "more than %d features, or %d of one key field", FEATURES_MAX, PLAN_FEATURES_MAX);
    return false;
}

static bool read_window(struct loader *l, const struct declared *d, const struct yaml_node *node)
{
    struct plan_spec *spec = &l->specs[d->key];
    int64_t window_ms;
    if (!yaml_duration_ms(l->file, node, l->diags, &window_ms) || !has_room(l, node, spec))
        return false;
    if (window_ms == 0 || window_ms + d->delay_ms > FEATURE_HORIZON_MAX_MS) {
        diag_error(l->diags, yaml_at(l->file, node), NULL,
                   "a window is longer than nothing, and with its delay at most 3660d");
        return false;
    }
    struct span name = window_name(l, d->node->key, node->text);
    if (name.base == NULL) {
        diag_error(l->diags, yaml_at(l->file, node), NULL,
                   "the ruleset is too large: out of space");
        return false;
    }
    l->set->features[l->set->n_features++] =
        (struct feature){.name = name,
                         .aggregate = d->aggregate,
                         .key = d->key,
                         .in_plan = spec->n_features,
                         .window_ms = window_ms,
                         .delay_ms = d->delay_ms,
                         .is_int = aggregate_is_int[d->aggregate],
                         .line = d->node->key_line,
                         .col = d->node->key_col};
    spec->features[spec->n_features++] =
        (struct plan_feature){d->aggregate, d->column, d->filter, window_ms, d->delay_ms};
    return true;
}

/* Each stands once, for it names a feature. */
static bool is_first(struct loader *l, const struct yaml_node *windows,
                     const struct yaml_node *node)
{
    for (const struct yaml_node *w = windows->child; w != node; w = w->next) {
        if (span_eq(w->text, node->text)) {
            diag_error(l->diags, yaml_at(l->file, node), "leave it out once",
                       "the window %.*s stands twice", SPAN_ARG(node->text));
            return false;
        }
    }
    return true;
}

static bool read_windows(struct loader *l, const struct declared *d)
{
    const struct yaml_node *node = yaml_get(d->node, "windows");
    bool ok = true;
    if (node == NULL || node->kind != YAML_SEQUENCE || node->count == 0) {
        diag_error(l->diags, node ? yaml_at(l->file, node) : yaml_key_at(l->file, d->node),
                   "windows: [5m, 1h, 1d]", "feature '%.*s' needs a list of `windows:`",
                   SPAN_ARG(d->node->key));
        return false;
    }
    for (const struct yaml_node *w = node->child; w != NULL; w = w->next)
        ok = is_first(l, node, w) && read_window(l, d, w) && ok;
    return ok;
}

/* ---- one declaration ---- */

static bool is_sum_of_amounts(const struct loader *l, const struct declared *d)
{
    return d->column >= 0 && l->set->keys[d->key].columns[d->column].kind == COLUMN_E4;
}

static void warn_of_mixed_currencies(struct loader *l, const struct declared *d)
{
    const struct plan_spec *spec = &l->specs[d->key];
    if (!is_sum_of_amounts(l, d) || schema_find(l->schema, span_str("currency")) < 0)
        return;
    if (d->filter >= 0 && memmem(spec->filters[d->filter].base, spec->filters[d->filter].len,
                                 "currency", strlen("currency")) != NULL)
        return;
    diag_warning(l->diags, yaml_key_at(l->file, d->node), "fix one: where: currency == \"EUR\"",
                 "feature '%.*s' sums amounts of mixed currencies", SPAN_ARG(d->node->key));
}

static bool check_name(struct loader *l, const struct yaml_node *node)
{
    if (identifier_is(node->key, DIAG_MESSAGE_MAX))
        return true;
    diag_error(l->diags, yaml_key_at(l->file, node), "letters, digits and _, no digit first",
               "'%.*s' is no name for a feature", SPAN_ARG(node->key));
    return false;
}

static bool read_feature(struct loader *l, const struct yaml_node *node)
{
    struct declared d = {.node = node};
    if (!check_name(l, node) || !shape_only(l->file, node, &feature_shape, l->diags))
        return false;
    if (!read_by(l, &d) || !read_aggregate(l, &d) || !read_of(l, &d) || !read_where(l, &d) ||
        !read_delay(l, &d) || !read_windows(l, &d))
        return false;
    warn_of_mixed_currencies(l, &d);
    return true;
}

/* ---- plans ---- */

static bool counts_labels(const struct plan *plan)
{
    for (int kind = RECORD_FRAUD; kind < RECORD_KINDS; kind++)
        if (plan_counts(plan, (enum record_kind)kind))
            return true;
    return false;
}

static bool compile_plan(struct loader *l, const struct yaml_node *node, int key)
{
    struct feature_key *k = &l->set->keys[key];
    const char *why = "the arena is full";
    if (plan_compile(&l->specs[key], l->arena, &k->plan, &why) != ST_OK) {
        diag_error(l->diags, yaml_key_at(l->file, node), "what one transaction may cost is limited",
                   "features by '%.*s' are over budget: %s", SPAN_ARG(k->field), why);
        return false;
    }
    int64_t horizon_ms = plan_horizon_ms(k->plan);
    k->counts_labels = counts_labels(k->plan);
    if (horizon_ms > l->set->horizon_ms)
        l->set->horizon_ms = horizon_ms;
    if (k->counts_labels && horizon_ms > l->set->remember_ms)
        l->set->remember_ms = horizon_ms;
    return true;
}

static bool load(struct loader *l, const struct yaml_node *node, int exact_events)
{
    bool ok = true;
    if (node->kind != YAML_MAPPING) {
        diag_error(l->diags, yaml_at(l->file, node), NULL, "`features:` is a mapping of names");
        return false;
    }
    for (const struct yaml_node *f = node->child; f != NULL; f = f->next)
        ok = read_feature(l, f) && ok;
    for (int i = 0; ok && i < l->set->n_keys; i++) {
        l->specs[i].exact_events = exact_events;
        ok = compile_plan(l, node, i);
    }
    return ok;
}

enum status feature_load(const struct yaml_file *file, const struct yaml_node *node,
                         const struct cel_env *env, const struct feature_meanings *meanings,
                         int exact_events, struct schema *schema, struct arena *arena,
                         struct diag_list *diags, struct feature_set *ret_set)
{
    if (node == NULL) {
        memset(ret_set, 0, sizeof *ret_set);
        return ST_OK;
    }
    void *set_mem = NULL, *mem = NULL;
    if (arena_alloc(arena, sizeof(struct feature_set), &set_mem) != ST_OK ||
        arena_alloc(arena, sizeof(struct loader), &mem) != ST_OK) {
        diag_error(diags, yaml_at(file, node), NULL, "the ruleset is too large: out of space");
        return ST_NO_SPACE;
    }
    struct feature_set *set = set_mem;
    struct loader *l = mem;
    *l = (struct loader){.file = file,
                         .env = env,
                         .meanings = meanings,
                         .schema = schema,
                         .arena = arena,
                         .diags = diags,
                         .set = set};
    if (!load(l, node, exact_events))
        return ST_INVALID;
    *ret_set = *set;
    return ST_OK;
}
