#include "service/engine/counterfactual_plan.h"

#include "rules/cel_bounds.h"
#include "rules/cel_thresholds.h"
#include "service/base/decode.h"

#include <math.h>
#include <stdlib.h>

enum {
    DIGITS_MIN = 4, /* behind the point: a decimal's */
    DIGITS_MAX = 9,
    NAMES_MAX = SCHEMA_FIELDS_MAX + FEATURES_MAX,
};

/* A threshold that a rule compares the name with. */
struct edge {
    double number;
    bool turns_above; /* cel_thresholds.h */
    int rule;
};

/* What a derived field does with the name, by way of others too. */
struct derived_use {
    bool depends;     /* on the name */
    bool is_computed; /* it does something else than to compare it */
    int first, count; /* of preparing.derived_thresholds */
};

/* One name under preparation. */
struct preparing {
    const struct snapshot *snap;
    struct arena *arena;
    struct counterfactual_name name;
    bool is_code, is_category; /* to a rule; to a model */
    int *rules, *computed;
    double *scores;
    struct derived_use derived[SNAPSHOT_DERIVED_MAX];
    bool is_followed_by[MODELS_MAX];
    struct cel_threshold derived_thresholds[COUNTERFACTUAL_EDGES_MAX];
    struct cel_threshold thresholds[COUNTERFACTUAL_EDGES_MAX]; /* of one rule */
    struct edge edges[COUNTERFACTUAL_EDGES_MAX];
    double values[COUNTERFACTUAL_EDGES_MAX];
    int turn_of[COUNTERFACTUAL_EDGES_MAX];
    int n_derived_thresholds, n_edges;
};

/* ---- decimals -------------------------------------------------------------------------------- */

/* As a decimal with the fewest digits that `v` has. */
static double next_decimal(double v, int by)
{
    double unit = 1e4;
    for (int digits = DIGITS_MIN; digits < DIGITS_MAX && rint(v * unit) / unit != v; digits++)
        unit *= 10;
    double k = rint(v * unit), next = (k + by) / unit;
    return fabs(k) < 0x1p52 && (by > 0 ? next > v : next < v)
               ? next
               : nextafter(v, by > 0 ? INFINITY : -INFINITY);
}

/* ---- how a name is read ---------------------------------------------------------------------- */

/* The derived field that a slot is, or NULL. */
static const struct derived_use *use_of(const struct preparing *p, int slot)
{
    int derived = slot - p->snap->row_derived;
    bool depends = derived >= 0 && derived < p->snap->n_derived && p->derived[derived].depends;
    return depends ? &p->derived[derived] : NULL;
}

/* Is the slot the score of a model that follows the name? */
static bool is_following(const struct preparing *p, int slot)
{
    int model = slot - p->snap->row_models;
    return model >= 0 && model < p->snap->models.count && p->is_followed_by[model];
}

/* Does it read the name, or what depends on it? */
static bool is_concerned(const struct preparing *p, const struct cel_program *program)
{
    for (int i = 0; program != NULL && i < program->n_reads; i++) {
        int slot = program->reads[i];
        if (slot == p->name.slot || use_of(p, slot) != NULL || is_following(p, slot))
            return true;
    }
    return false;
}

/* Adds what `program` does with the name; NULL: nothing. */
static void add_uses(struct preparing *p, const struct cel_program *program,
                     struct cel_thresholds *found)
{
    if (program == NULL)
        return;
    cel_thresholds_add(found, program, p->name.slot);
    for (int i = 0; i < program->n_reads; i++) {
        const struct derived_use *use = use_of(p, program->reads[i]);
        found->is_computed |= is_following(p, program->reads[i]);
        if (use == NULL)
            continue;
        found->is_computed |= use->is_computed || use->count > found->room - found->count;
        for (int k = 0; k < use->count && found->count < found->room; k++)
            found->items[found->count++] = p->derived_thresholds[use->first + k];
    }
}

/* Is it a value as a whole, that points nowhere? */
static bool is_scalar(const struct cel_type *type)
{
    enum cel_type_kind kind = type->kind;
    return kind == CEL_T_BOOL || kind == CEL_T_INT || kind == CEL_T_UINT || kind == CEL_T_DOUBLE ||
           kind == CEL_T_TIMESTAMP || kind == CEL_T_DURATION;
}

static void use_derived(struct preparing *p, int i)
{
    int first = p->n_derived_thresholds;
    struct cel_thresholds found = {.items = &p->derived_thresholds[first],
                                   .room = COUNTERFACTUAL_EDGES_MAX - first};
    add_uses(p, p->snap->derived[i].program, &found);
    p->is_code |= found.is_code;
    p->derived[i] = (struct derived_use){true, found.is_computed, first, found.count};
    p->n_derived_thresholds += found.count;
}

/* false: there is no room, or one would have to be kept that is more than a number. */
static bool prepare_derived(struct preparing *p)
{
    int *derived = arena_try(p->arena, (size_t)(p->snap->n_derived + 1) * sizeof *derived);
    if (derived == NULL)
        return false;
    for (int i = 0; i < p->snap->n_derived; i++) {
        const struct snapshot_derived *d = &p->snap->derived[i];
        p->derived[i] = (struct derived_use){0};
        if (!d->is_read || !is_concerned(p, d->program))
            continue;
        if (!is_scalar(d->program->result))
            return false;
        use_derived(p, i);
        derived[p->name.n_derived++] = i;
    }
    p->name.derived = derived;
    return true;
}

/* ---- models that follow it ------------------------------------------------------------------- */

static bool is_fed_by_it(const struct preparing *p, const struct bound_model *m, int input)
{
    int slot = m->sources[input].slot;
    return slot == p->name.slot || use_of(p, slot) != NULL;
}

static int64_t nodes_of(const struct model *m)
{
    int64_t nodes = m->n_inputs;
    for (uint32_t i = 0; m->forest != NULL && i < m->forest->n_trees; i++)
        nodes += m->forest->trees[i].depth;
    return nodes;
}

static bool is_category(const struct bound_model *m, int input)
{
    return m->model.inputs[input].is_category || m->sources[input].categories != NULL;
}

/* true: it follows, by inputs[model.n_inputs]. */
static bool follow(struct preparing *p, const struct bound_model *m, int *inputs,
                   struct counterfactual_model *ret_model)
{
    int n = 0;
    bool has_category = false;
    for (int i = 0; i < m->model.n_inputs; i++) {
        if (!is_fed_by_it(p, m, i))
            continue;
        has_category |= is_category(m, i);
        p->is_category |= is_category(m, i) && m->sources[i].slot == p->name.slot;
        inputs[n++] = i;
    }
    *ret_model = (struct counterfactual_model){.model = (int)(m - p->snap->models.items),
                                               .inputs = inputs,
                                               .n_inputs = n,
                                               .nodes = nodes_of(&m->model),
                                               .is_profiled = n == 1 && !has_category &&
                                                              m->model.forest != NULL &&
                                                              m->model.n_outputs == 1};
    return n > 0;
}

/* Takes the room of the inputs that follow. false: there is none. */
static bool follow_in_arena(struct preparing *p, const struct bound_model *m,
                            struct counterfactual_model *models)
{
    size_t mark = p->arena->used_bytes;
    int *inputs = arena_try(p->arena, (size_t)(m->model.n_inputs + 1) * sizeof *inputs);
    if (inputs == NULL)
        return false;
    if (!follow(p, m, inputs, &models[p->name.n_models])) {
        p->arena->used_bytes = mark;
        return true;
    }
    p->name.n_models++;
    p->is_followed_by[m - p->snap->models.items] = true;
    return true;
}

/* false: there is no room. */
static bool prepare_models(struct preparing *p)
{
    const struct model_set *set = &p->snap->models;
    struct counterfactual_model *models =
        arena_try(p->arena, (size_t)(set->count + 1) * sizeof *models);
    if (models == NULL)
        return false;
    for (int i = 0; i < set->count; i++)
        if (set->items[i].is_judged_by && !follow_in_arena(p, &set->items[i], models))
            return false;
    p->name.models = models;
    return true;
}

/* ---- choices --------------------------------------------------------------------------------- */

/* The categories that a model knows the name by, to `choices`, which may be NULL; how many. */
static int add_categories(const struct preparing *p, const struct bound_model *m,
                          struct cel_value *choices)
{
    int n = 0;
    for (int i = 0; i < m->model.n_inputs; i++) {
        const struct model_source *source = &m->sources[i];
        for (int k = 0; k < source->n_categories && source->slot == p->name.slot; k++) {
            struct span name = source->categories[k].name;
            uint64_t number = 0;
            if (p->name.is_int && (!decode_u64(name, 10, &number) || number > INT64_MAX))
                continue;
            if (choices != NULL)
                choices[n] = p->name.is_int ? cel_int((int64_t)number) : cel_string(name);
            n++;
        }
    }
    return n;
}

static int add_choices(const struct preparing *p, enum cel_type_kind kind,
                       struct cel_value *choices)
{
    int n = 0;
    if (kind == CEL_T_BOOL) {
        for (; n < 2 && choices != NULL; n++)
            choices[n] = cel_bool(n == 1);
        return 2;
    }
    for (int i = 0; i < p->name.n_models; i++) {
        const struct bound_model *m = &p->snap->models.items[p->name.models[i].model];
        n += add_categories(p, m, choices != NULL ? choices + n : NULL);
    }
    return n;
}

/* false: there is no room, or it is no quantity, and nothing else is known of it. */
static bool prepare_choices(struct preparing *p, enum cel_type_kind kind)
{
    if (!p->is_category && (kind == CEL_T_INT || kind == CEL_T_DOUBLE))
        return true;
    int n = add_choices(p, kind, NULL);
    struct cel_value *choices = arena_try(p->arena, (size_t)(n + 1) * sizeof *choices);
    if (choices == NULL)
        return false;
    p->name.n_choices = add_choices(p, kind, choices);
    p->name.choices = choices;
    return n > 0;
}

/* ---- rules that read it ---------------------------------------------------------------------- */

static void use_rule(struct preparing *p, const struct rule *rule)
{
    struct cel_thresholds found = {.items = p->thresholds, .room = COUNTERFACTUAL_EDGES_MAX};
    add_uses(p, rule->when, &found);
    add_uses(p, rule->score_program, &found);
    p->is_code |= found.is_code;
    for (int i = 0; i < found.count && p->n_edges < COUNTERFACTUAL_EDGES_MAX; i++) {
        const struct cel_threshold *t = &found.items[i];
        if (fabs(t->number) <= COUNTERFACTUAL_FAR_END)
            p->edges[p->n_edges++] = (struct edge){t->number, t->turns_above, rule->index};
    }
    if (found.is_computed || p->n_edges == COUNTERFACTUAL_EDGES_MAX)
        p->computed[p->name.n_computed++] = rule->index;
}

static bool make_room(struct preparing *p)
{
    size_t n = (size_t)p->snap->rules->count + 1;
    p->name.rules = p->rules = arena_try(p->arena, n * sizeof *p->rules);
    p->name.computed = p->computed = arena_try(p->arena, n * sizeof *p->computed);
    p->name.scores = p->scores = arena_try(p->arena, n * sizeof *p->scores);
    return p->rules != NULL && p->computed != NULL && p->scores != NULL;
}

/* false: there is no room, or none. */
static bool prepare_rules(struct preparing *p)
{
    const struct rules *rules = p->snap->rules;
    if (!make_room(p))
        return false;
    for (int i = 0; i < rules->count; i++) {
        const struct rule *rule = rules->rules[i];
        if (rule->mode != RULE_LIVE ||
            !(is_concerned(p, rule->when) || is_concerned(p, rule->score_program)))
            continue;
        use_rule(p, rule);
        p->name.is_weighed &= rule->score_program == NULL && rule->force == RULE_FORCE_NONE;
        p->scores[p->name.n_rules] = rule->score;
        p->rules[p->name.n_rules++] = i;
    }
    return p->name.n_rules > 0 && (p->name.n_choices > 0 || !p->is_code);
}

/* ---- where it turns -------------------------------------------------------------------------- */

/* As money has them: four digits. */
static double decimal_past(double n, int sign, bool is_at)
{
    double k = n * 1e4;
    if (rint(k) / 1e4 == n)
        return is_at ? n : (rint(k) + sign) / 1e4;
    return (sign > 0 ? ceil(k) : floor(k)) / 1e4;
}

/* The first value past the threshold, upward or downward. */
static double value_past(const struct edge *e, int sign, const struct counterfactual_name *name)
{
    double n = e->number;
    bool is_int = name->is_int;
    bool is_at = e->turns_above == (sign < 0); /* the threshold itself is past it */
    if (is_int && sign > 0)
        return is_at ? ceil(n) : floor(n) + 1;
    if (is_int)
        return is_at ? floor(n) : ceil(n) - 1;
    if (name->digits_max == DIGITS_MIN)
        return decimal_past(n, sign, is_at);
    return is_at ? n : next_decimal(n, sign);
}

static bool is_past(const struct edge *e, int sign, double v)
{
    double by = sign * (v - e->number);
    return e->turns_above == (sign < 0) ? by >= 0 : by > 0;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int descending(const void *a, const void *b)
{
    return ascending(b, a);
}

/* The values past all thresholds, each once, outward; returns how many. */
static int collect_values(struct preparing *p, int sign)
{
    int n = 0;
    for (int i = 0; i < p->n_edges; i++)
        p->values[i] = value_past(&p->edges[i], sign, &p->name);
    qsort(p->values, (size_t)p->n_edges, sizeof *p->values, sign > 0 ? ascending : descending);
    for (int i = 0; i < p->n_edges; i++) {
        if (n == 0 || p->values[i] != p->values[n - 1])
            p->values[n++] = p->values[i];
    }
    return n;
}

/* Decimals of one threshold may step over another's: it is the first value past it that counts. */
static int first_past(const struct preparing *p, int n, const struct edge *e, int sign)
{
    int lo = 0, hi = n - 1;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (is_past(e, sign, p->values[mid]))
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

/* false: there is no room. */
static bool prepare_side(struct preparing *p, int sign, struct counterfactual_side *ret_side)
{
    int n = collect_values(p, sign), first = 0;
    struct counterfactual_turn *turns = arena_try(p->arena, (size_t)(n + 1) * sizeof *turns);
    int *rules = arena_try(p->arena, (size_t)(p->n_edges + 1) * sizeof *rules);
    if (turns == NULL || rules == NULL)
        return false;
    for (int i = 0; i < n; i++)
        turns[i] = (struct counterfactual_turn){.at = p->values[i]};
    for (int i = 0; i < p->n_edges; i++) {
        p->turn_of[i] = first_past(p, n, &p->edges[i], sign);
        turns[p->turn_of[i]].count++;
    }
    for (int i = 0; i < n; i++) {
        turns[i].first = first;
        first += turns[i].count;
        turns[i].count = 0;
    }
    for (int i = 0; i < p->n_edges; i++) {
        struct counterfactual_turn *t = &turns[p->turn_of[i]];
        rules[t->first + t->count++] = p->edges[i].rule;
    }
    *ret_side = (struct counterfactual_side){turns, rules, n};
    return true;
}

/* ---- the plan -------------------------------------------------------------------------------- */

static bool is_key(const struct snapshot *s, int slot)
{
    for (int i = 0; i < s->features.n_keys; i++) {
        if (s->features.keys[i].slot == slot)
            return true;
    }
    return slot == SCHEMA_ACCOUNT_ID || slot == SCHEMA_TRANSACTION_ID;
}

static bool may_change(const struct snapshot *s, const struct cel_name *name)
{
    bool is_field = name->slot >= 0 && name->slot < s->schema.count;
    bool is_feature = name->slot >= s->row_features && name->slot < s->row_covered;
    enum cel_type_kind kind = name->type->kind;
    bool is_known =
        kind == CEL_T_INT || kind == CEL_T_DOUBLE || kind == CEL_T_BOOL || kind == CEL_T_STRING;
    if (!is_known || name->constant != NULL || !(is_field || is_feature))
        return false;
    return is_feature || !(is_key(s, name->slot) || s->schema.fields[name->slot].private);
}

static int digits_of(const struct snapshot *s, int slot)
{
    bool is_decimal = slot < s->schema.count && s->schema.fields[slot].type == FIELD_DECIMAL;
    return is_decimal ? DIGITS_MIN : DIGITS_MAX;
}

/* Is the transaction itself in the feature, with the name's value or because of it? */
static bool is_in_feature(const struct preparing *p, const struct feature *f)
{
    const struct feature_key *key = &p->snap->features.keys[f->key];
    const struct plan_need need = plan_feature_need(key->plan, f->in_plan);
    int slot = need.column >= 0 ? key->columns[need.column].slot : -1;
    if (f->delay_ms > 0)
        return false;
    return (slot >= 0 && (slot == p->name.slot || use_of(p, slot) != NULL)) ||
           (need.filter >= 0 && is_concerned(p, key->filters[need.filter]));
}

static bool moves_features(const struct preparing *p)
{
    const struct snapshot *s = p->snap;
    for (int i = 0; i < s->n_features_read; i++)
        if (is_in_feature(p, &s->features.features[s->features_read[i]]))
            return true;
    return false;
}

/* false: it changes nothing, or may not be changed; what it took of the arena is given back. */
static bool prepare(struct preparing *p, const struct cel_name *name)
{
    size_t mark = p->arena->used_bytes;
    p->name = (struct counterfactual_name){.slot = name->slot,
                                           .is_int = name->type->kind == CEL_T_INT,
                                           .digits_max = digits_of(p->snap, name->slot),
                                           .is_weighed = true,
                                           .lo = -INFINITY,
                                           .hi = INFINITY};
    memset(p->is_followed_by, 0, sizeof p->is_followed_by);
    p->is_code = p->is_category = false;
    p->n_edges = p->n_derived_thresholds = 0;
    if (name->bounds != NULL) {
        p->name.lo = name->bounds->lo;
        p->name.hi = name->bounds->hi;
    }
    if (prepare_derived(p) && prepare_models(p) && prepare_choices(p, name->type->kind) &&
        prepare_rules(p) && prepare_side(p, 1, &p->name.up) && prepare_side(p, -1, &p->name.down)) {
        p->name.moves_features = moves_features(p);
        return true;
    }
    p->arena->used_bytes = mark;
    return false;
}

enum status counterfactual_prepare(const struct snapshot *snap, struct arena *arena,
                                   const struct counterfactual_plan **ret_plan)
{
    struct counterfactual_plan *plan = arena_try(arena, sizeof *plan);
    struct counterfactual_name *names = arena_try(arena, NAMES_MAX * sizeof *names);
    struct preparing *p = malloc(sizeof *p);
    int n = 0, n_moving = 0;
    if (plan == NULL || names == NULL || p == NULL) {
        free(p);
        return ST_NO_SPACE;
    }
    p->snap = snap;
    p->arena = arena;
    for (int i = 0; i < snap->env.n_names; i++) {
        if (!may_change(snap, &snap->env.names[i]) || !prepare(p, &snap->env.names[i]))
            continue;
        n_moving += p->name.n_models > 0;
        names[n++] = p->name;
    }
    free(p);
    *plan = (struct counterfactual_plan){names, n, n_moving};
    *ret_plan = plan;
    return ST_OK;
}
