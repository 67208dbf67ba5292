#include "service/engine/budget.h"

#include "service/state/fold.h"
#include "service/state/state_redis.h"
#include "service/state/tiles.h"

#include <inttypes.h>

enum { NAMED_MAX = 3 }; /* of a list in a hint */

/* ---- keys ---- */

static void add_tier(struct budget_key *k, const struct layout_tier *tier)
{
    int64_t tiles = tiles_in_tier_max(tier);
    size_t bytes = (size_t)tiles * k->tile_bytes;
    k->tiles_max += tiles;
    if (bytes <= k->dearest_bytes)
        return;
    k->dearest_bytes = bytes;
    k->dearest_grain_ms = tier->grain_ms;
}

static struct budget_key key_of(const struct feature_key *key)
{
    const struct layout *l = plan_layout(key->plan);
    struct fold_size size;
    fold_size_of(key->plan, &size);
    struct budget_key k = {.field = key->field,
                           .record_bytes = size.record_bytes,
                           .bytes_usual = BUDGET_USUAL_EVENTS * size.record_bytes,
                           .bytes_max = size.bytes_max,
                           .n_tiers = l->n_tiers,
                           .tile_bytes = tiles_tile_bytes(l)};
    for (int i = 0; i < l->n_tiers; i++)
        add_tier(&k, &l->tiers[i]);
    return k;
}

static void add_keys(struct budget *b, const struct feature_set *set)
{
    for (int i = 0; i < set->n_keys; i++) {
        struct budget_key k = key_of(&set->keys[i]);
        b->keys[b->n_keys++] = k;
        b->bytes_read_usual += (int64_t)k.bytes_usual;
        b->bytes_read_max += (int64_t)k.bytes_max;
        if ((int64_t)k.bytes_max > b->bytes_per_entity_max)
            b->bytes_per_entity_max = (int64_t)k.bytes_max;
    }
}

static void add_commands(struct budget *b)
{
    int observe = REDIS_COMMANDS_CLAIM + b->n_keys * REDIS_COMMANDS_ENTITY;
    b->redis_commands = observe + REDIS_COMMANDS_ALLOWED;
    b->redis_commands_flagged = observe + REDIS_COMMANDS_FLAGGED;
    b->redis_commands_max =
        b->redis_commands_flagged + b->n_keys * REDIS_COMMANDS_EXPIRY + REDIS_COMMANDS_BEACON;
    b->round_trips = 1;
    b->round_trips_flagged = 2;
}

/* ---- expressions ---- */

/* Keeps the dearest, in order. */
static void add_part(struct budget *b, const char *kind, struct span name, int64_t steps)
{
    b->steps_max += steps;
    if (steps == 0)
        return;
    int at = b->n_dearest;
    while (at > 0 && b->dearest[at - 1].steps < steps)
        at--;
    if (at == BUDGET_DEAREST_MAX)
        return;
    if (b->n_dearest < BUDGET_DEAREST_MAX)
        b->n_dearest++;
    for (int i = b->n_dearest - 1; i > at; i--)
        b->dearest[i] = b->dearest[i - 1];
    b->dearest[at] = (struct budget_part){kind, name, steps};
}

static int64_t cost_of(const struct cel_program *program)
{
    return program != NULL ? program->cost : 0;
}

static int64_t cost_of_rule(const struct rule *rule)
{
    int64_t steps = cost_of(rule->guarded) + cost_of(rule->score_program);
    for (int i = 0; i < rule->reason.count; i++)
        steps += cost_of(rule->reason.pieces[i].program);
    return steps;
}

static void add_expressions(struct budget *b, const struct snapshot *snap)
{
    for (int i = 0; i < snap->rules->count; i++)
        if (snap->rules->rules[i]->mode != RULE_OFF)
            add_part(b, "rule", snap->rules->rules[i]->id, cost_of_rule(snap->rules->rules[i]));
    for (int i = 0; i < snap->n_derived; i++)
        if (snap->derived[i].is_read)
            add_part(b, "derived", snap->derived[i].name, cost_of(snap->derived[i].program));
    for (int i = 0; i < snap->features.n_keys; i++)
        for (int j = 0; j < snap->features.keys[i].n_filters; j++)
            add_part(b, "where of", snap->features.keys[i].field,
                     cost_of(snap->features.keys[i].filters[j]));
}

/* ---- models ---- */

static void add_models(struct budget *b, const struct model_set *set)
{
    for (int i = 0; i < set->count; i++) {
        int64_t steps = model_steps(&set->items[i].model);
        b->models[b->n_models++] = (struct budget_model){set->items[i].name, steps};
        b->model_steps += steps;
    }
}

void budget_of(const struct snapshot *snap, struct budget *ret_budget)
{
    *ret_budget = (struct budget){.n_keys = 0};
    add_keys(ret_budget, &snap->features);
    add_commands(ret_budget);
    add_expressions(ret_budget, snap);
    add_models(ret_budget, &snap->models);
}

/* ---- for people ---- */

/* "812 bytes", "4.1 KB" */
static void put_bytes(struct text *out, int64_t bytes)
{
    if (bytes < 1024)
        text_printf(out, "%" PRId64 " bytes", bytes);
    else
        text_printf(out, "%.1f KB", (double)bytes / 1024);
}

static void put_parts(const struct budget *b, int max, struct text *out)
{
    for (int i = 0; i < b->n_dearest && i < max; i++)
        text_printf(out, "%s%s %.*s %" PRId64, i > 0 ? ", " : "", b->dearest[i].kind,
                    SPAN_ARG(b->dearest[i].name), b->dearest[i].steps);
}

static void put_models(const struct budget *b, struct text *out)
{
    for (int i = 0; i < b->n_models; i++)
        text_printf(out, "%s%.*s %" PRId64, i > 0 ? ", " : "", SPAN_ARG(b->models[i].name),
                    b->models[i].steps);
}

static void put_key(const struct budget_key *k, int width, struct text *out)
{
    text_printf(out, "  %-*.*s  %zu bytes an event, ", width, SPAN_ARG(k->field), k->record_bytes);
    put_bytes(out, (int64_t)k->bytes_usual);
    text_printf(out, " with %d events, at most ", BUDGET_USUAL_EVENTS);
    put_bytes(out, (int64_t)k->bytes_max);
    text_printf(out, ": %" PRId64 " tiles for %d %s\n", k->tiles_max, k->n_tiers,
                k->n_tiers == 1 ? "window" : "windows");
}

static void put_entities(const struct budget *b, struct text *out)
{
    int width = 0;
    for (int i = 0; i < b->n_keys; i++)
        width = (int)b->keys[i].field.len > width ? (int)b->keys[i].field.len : width;
    if (b->n_keys > 0)
        text_str(out, "an entity keeps\n");
    for (int i = 0; i < b->n_keys; i++)
        put_key(&b->keys[i], width, out);
}

void budget_write(const struct budget *b, struct text *out)
{
    text_printf(out,
                "a transaction costs\n"
                "  %d commands of Redis in one round trip, %d in two when flagged, at most %d\n  ",
                b->redis_commands, b->redis_commands_flagged, b->redis_commands_max);
    put_bytes(out, b->bytes_read_usual);
    text_str(out, " read, at most ");
    put_bytes(out, b->bytes_read_max);
    text_printf(out, "\n  %" PRId64 " steps of expressions at most", b->steps_max);
    text_str(out, b->n_dearest > 0 ? ": " : "");
    put_parts(b, b->n_dearest, out);
    text_char(out, '\n');
    if (b->n_models > 0) {
        text_printf(out, "  %" PRId64 " %s of models: ", b->model_steps,
                    b->model_steps == 1 ? "step" : "steps");
        put_models(b, out);
        text_char(out, '\n');
    }
    put_entities(b, out);
}

/* ---- for programs ---- */

static void put_keys_json(const struct budget *b, struct text *out)
{
    for (int i = 0; i < b->n_keys; i++) {
        const struct budget_key *k = &b->keys[i];
        text_printf(out, "%s{\"field\":", i > 0 ? "," : "");
        text_json_string(out, k->field);
        text_printf(out,
                    ",\"record_bytes\":%zu,\"bytes_usual\":%zu,\"bytes_max\":%zu,\"tiers\":%d,"
                    "\"tiles_max\":%" PRId64 "}",
                    k->record_bytes, k->bytes_usual, k->bytes_max, k->n_tiers, k->tiles_max);
    }
}

static void put_parts_json(const struct budget *b, struct text *out)
{
    for (int i = 0; i < b->n_dearest; i++) {
        text_printf(out, "%s{\"kind\":\"%s\",\"name\":", i > 0 ? "," : "", b->dearest[i].kind);
        text_json_string(out, b->dearest[i].name);
        text_printf(out, ",\"steps\":%" PRId64 "}", b->dearest[i].steps);
    }
}

static void put_models_json(const struct budget *b, struct text *out)
{
    for (int i = 0; i < b->n_models; i++) {
        text_printf(out, "%s{\"name\":", i > 0 ? "," : "");
        text_json_string(out, b->models[i].name);
        text_printf(out, ",\"steps\":%" PRId64 "}", b->models[i].steps);
    }
}

void budget_write_json(const struct budget *b, struct text *out)
{
    text_printf(out,
                "{\"redis_commands\":{\"allowed\":%d,\"flagged\":%d,\"max\":%d},"
                "\"round_trips\":{\"allowed\":%d,\"flagged\":%d},"
                "\"bytes_read\":{\"usual\":%" PRId64 ",\"max\":%" PRId64 "},"
                "\"bytes_per_entity_max\":%" PRId64 ",\"entities\":[",
                b->redis_commands, b->redis_commands_flagged, b->redis_commands_max, b->round_trips,
                b->round_trips_flagged, b->bytes_read_usual, b->bytes_read_max,
                b->bytes_per_entity_max);
    put_keys_json(b, out);
    text_printf(out, "],\"evaluation_steps_max\":%" PRId64 ",\"dearest\":[", b->steps_max);
    put_parts_json(b, out);
    text_printf(out, "],\"model_steps\":%" PRId64 ",\"models\":[", b->model_steps);
    put_models_json(b, out);
    text_str(out, "]}");
}

/* ---- limits ---- */

static int64_t commands_of(const struct budget *b)
{
    return b->redis_commands_max;
}

static int64_t bytes_read_of(const struct budget *b)
{
    return b->bytes_read_max;
}

static int64_t bytes_per_entity_of(const struct budget *b)
{
    return b->bytes_per_entity_max;
}

static int64_t steps_of(const struct budget *b)
{
    return b->steps_max;
}

static int64_t model_steps_of(const struct budget *b)
{
    return b->model_steps;
}

/* What the hints say: what of it costs most. */
static void tell_keys(const struct budget *b, const struct snapshot *snap, struct text *out)
{
    (void)snap;
    text_printf(out, "each key field takes %d:", REDIS_COMMANDS_ENTITY + REDIS_COMMANDS_EXPIRY);
    for (int i = 0; i < b->n_keys; i++)
        text_printf(out, "%s %.*s", i > 0 ? "," : "", SPAN_ARG(b->keys[i].field));
}

static const struct budget_key *largest_key(const struct budget *b)
{
    const struct budget_key *largest = &b->keys[0];
    for (int i = 1; i < b->n_keys; i++)
        if (b->keys[i].bytes_max > largest->bytes_max)
            largest = &b->keys[i];
    return largest;
}

/* Features of the key field whose window has that tier. */
static void put_features(const struct snapshot *snap, const struct budget_key *k, struct text *out)
{
    int n = 0;
    for (int i = 0; i < snap->features.n_features; i++) {
        const struct feature *f = &snap->features.features[i];
        bool is_of_key = span_eq(snap->features.keys[f->key].field, k->field);
        if (!is_of_key || plan_grain_ms(f->window_ms) != k->dearest_grain_ms)
            continue;
        if (n < NAMED_MAX)
            text_printf(out, "%s%.*s", n > 0 ? ", " : "", SPAN_ARG(f->name));
        n++;
    }
    if (n > NAMED_MAX)
        text_printf(out, " and %d more", n - NAMED_MAX);
}

static void tell_windows(const struct budget *b, const struct snapshot *snap, struct text *out)
{
    const struct budget_key *k = largest_key(b);
    if (b->n_keys == 0)
        return;
    text_printf(out, "%.*s takes %zu: %" PRId64 " tiles of %zu bytes for %d window%s (most: ",
                SPAN_ARG(k->field), k->bytes_max, k->tiles_max, k->tile_bytes, k->n_tiers,
                k->n_tiers == 1 ? "" : "s");
    put_features(snap, k, out);
    text_printf(out, "), and records of %zu", k->record_bytes);
}

static void tell_parts(const struct budget *b, const struct snapshot *snap, struct text *out)
{
    (void)snap;
    text_str(out, "most: ");
    put_parts(b, NAMED_MAX, out);
}

static void tell_models(const struct budget *b, const struct snapshot *snap, struct text *out)
{
    (void)snap;
    text_str(out, "levels of trees, and inputs of linear models: ");
    put_models(b, out);
}

static const struct shape limit_shape = {.kind = SHAPE_INT, .min = 0, .max = INT32_MAX};

/* X(key, what it is, in words; of what, value, what costs most) */
#define LIMIT_TABLE(X)                                                                         \
    X("redis_commands", "a transaction takes", "commands of Redis", commands_of, tell_keys)    \
    X("bytes_read", "a transaction reads", "bytes", bytes_read_of, tell_windows)               \
    X("bytes_per_entity", "an entity keeps", "bytes", bytes_per_entity_of, tell_windows)       \
    X("evaluation_steps", "a transaction takes", "steps of expressions", steps_of, tell_parts) \
    X("model_steps", "a transaction takes", "steps of models", model_steps_of, tell_models)

static const struct {
    const char *key, *does, *unit;
    int64_t (*value)(const struct budget *b);
    void (*tell)(const struct budget *b, const struct snapshot *snap, struct text *out);
} limits[] = {
#define X(key, does, unit, value, tell) {key, does, unit, value, tell},
    LIMIT_TABLE(X)
#undef X
};

static const struct shape_key limit_keys[] = {
#define X(key, does, unit, value, tell) \
    {key, &limit_shape, false, "How many " unit " " does " at most; `sluice check` says them."},
    LIMIT_TABLE(X)
#undef X
};

const struct shape budget_limits_shape = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, limit_keys)};

static bool check_one(const struct snapshot *snap, const struct budget *b,
                      const struct yaml_file *file, const struct yaml_node *node, size_t i,
                      struct diag_list *diags)
{
    char hint[DIAG_MESSAGE_MAX];
    struct text t;
    int64_t allowed, is = limits[i].value(b);
    if (!yaml_int(file, node, 0, INT32_MAX, diags, &allowed))
        return false;
    if (is <= allowed)
        return true;
    text_init(&t, hint, sizeof hint - 1);
    limits[i].tell(b, snap, &t);
    hint[t.len] = '\0';
    diag_error(diags, yaml_at(file, node), hint,
               "%s %" PRId64 " %s at most, and %" PRId64 " are allowed here", limits[i].does, is,
               limits[i].unit, allowed);
    return false;
}

bool budget_limits_check(const struct snapshot *snap, const struct yaml_file *file,
                         const struct yaml_node *node, struct diag_list *diags)
{
    struct budget b;
    bool ok = shape_only(file, node, &budget_limits_shape, diags);
    if (!ok)
        return false;
    budget_of(snap, &b);
    for (const struct yaml_node *n = node->child; n != NULL; n = n->next)
        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
            if (span_is(n->key, limits[i].key))
                ok = check_one(snap, &b, file, n, i, diags) && ok;
    return ok;
}
