#include "service/engine/counterfactual.h"

#include "rules/cel_bounds.h"
#include "rules/cel_thresholds.h"

#include <math.h>
#include <stdlib.h>

enum {
    DIGITS_MIN = 4, /* behind the point: a decimal's */
    DIGITS_MAX = 9, /* of a value close to zero */
    DIGITS_SHOWN = 6,
    NAMES_MAX = SCHEMA_FIELDS_MAX + FEATURES_MAX,
    PROBES = 4, /* a half, a tenth, zero, the far end */
};

/* Where what has no bound ends: past all money, and each whole number up to it is a double. */
static const double far_end = 1e11;

/* ---- decimals -------------------------------------------------------------------------------- */

static double power_of_ten(int digits)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    return powers[digits];
}

/* So many digits behind the point that `v` has DIGITS_SHOWN of them in all. */
static int digits_of(double v, bool is_int)
{
    int digits = DIGITS_MIN;
    if (is_int)
        return 0;
    if (v != 0 && fabs(v) < 1)
        digits = DIGITS_SHOWN - 1 - (int)floor(log10(fabs(v)));
    digits = digits < DIGITS_MIN ? DIGITS_MIN : digits > DIGITS_MAX ? DIGITS_MAX : digits;
    while (digits > 0 && far_end * power_of_ten(digits) > 0x1p52 &&
           fabs(v) * power_of_ten(digits) > 0x1p52)
        digits--;
    return digits;
}

/* The fewest that `v` is a decimal of. */
static int digits_exact(double v)
{
    int digits = DIGITS_MIN;
    while (digits < DIGITS_MAX && rint(v * power_of_ten(digits)) / power_of_ten(digits) != v)
        digits++;
    return digits;
}

static double next_decimal(double v, int by)
{
    int digits = digits_exact(v);
    double k = rint(v * power_of_ten(digits)), next = (k + by) / power_of_ten(digits);
    return fabs(k) < 0x1p52 && (by > 0 ? next > v : next < v)
               ? next
               : nextafter(v, by > 0 ? INFINITY : -INFINITY);
}

/* ---- the plan: how a name is read ------------------------------------------------------------ */

/* One name under preparation. */
struct preparing {
    const struct snapshot *snap;
    struct arena *arena;
    struct counterfactual_name name;
    bool depends[SNAPSHOT_DERIVED_MAX]; /* derived fields, on the name */
    struct cel_thresholds found;
    struct cel_threshold thresholds[COUNTERFACTUAL_TURNS_MAX];
};

/* Does it read the name, or what depends on it? */
static bool is_concerned(const struct preparing *p, const struct cel_program *program)
{
    const struct snapshot *s = p->snap;
    for (int i = 0; program != NULL && i < program->n_reads; i++) {
        int slot = program->reads[i], derived = slot - s->row_derived;
        if (slot == p->name.slot || (derived >= 0 && derived < s->n_derived && p->depends[derived]))
            return true;
    }
    return false;
}

static void note(struct preparing *p, const struct cel_program *program)
{
    if (program != NULL)
        cel_thresholds_add(&p->found, program, p->name.slot);
}

/* Is it a value as a whole, that points nowhere? */
static bool is_scalar(const struct cel_type *type)
{
    enum cel_type_kind kind = type->kind;
    return kind == CEL_T_BOOL || kind == CEL_T_INT || kind == CEL_T_UINT || kind == CEL_T_DOUBLE ||
           kind == CEL_T_TIMESTAMP || kind == CEL_T_DURATION;
}

/* A number that a rule gets by a derived one is computed with. false: it is no number. */
static bool prepare_derived(struct preparing *p)
{
    int *derived = arena_try(p->arena, (size_t)(p->snap->n_derived + 1) * sizeof *derived);
    if (derived == NULL)
        return false;
    for (int i = 0; i < p->snap->n_derived; i++) {
        const struct snapshot_derived *d = &p->snap->derived[i];
        p->depends[i] = d->is_read && is_concerned(p, d->program);
        if (!p->depends[i])
            continue;
        if (!is_scalar(d->program->result))
            return false;
        note(p, d->program);
        derived[p->name.n_derived++] = i;
    }
    p->name.derived = derived;
    return true;
}

static bool prepare_rules(struct preparing *p)
{
    const struct rules *rules = p->snap->rules;
    int *indexes = arena_try(p->arena, (size_t)(rules->count + 1) * sizeof *indexes);
    if (indexes == NULL)
        return false;
    for (int i = 0; i < rules->count; i++) {
        const struct rule *rule = rules->rules[i];
        if (rule->mode != RULE_LIVE ||
            !(is_concerned(p, rule->when) || is_concerned(p, rule->score_program)))
            continue;
        note(p, rule->when);
        note(p, rule->score_program);
        p->name.weight += fabs(rule->score);
        p->name.is_weighed &= rule->score_program == NULL && rule->force == RULE_FORCE_NONE;
        indexes[p->name.n_rules++] = i;
    }
    p->name.rules = indexes;
    return p->name.n_rules > 0;
}

/* ---- the plan: where it turns ---------------------------------------------------------------- */

static struct counterfactual_turn turn_of(const struct cel_threshold *t, bool is_int)
{
    double n = t->number;
    if (is_int && t->turns_above)
        return (struct counterfactual_turn){floor(n), floor(n) + 1};
    if (is_int)
        return (struct counterfactual_turn){ceil(n) - 1, ceil(n)};
    if (t->turns_above)
        return (struct counterfactual_turn){n, next_decimal(n, 1)};
    return (struct counterfactual_turn){next_decimal(n, -1), n};
}

static int by_value(const void *a, const void *b)
{
    const struct counterfactual_turn *x = a, *y = b;
    return x->below != y->below ? (x->below > y->below) - (x->below < y->below)
                                : (x->above > y->above) - (x->above < y->above);
}

static bool prepare_turns(struct preparing *p)
{
    size_t bytes = (size_t)(p->found.count + 1) * sizeof(struct counterfactual_turn);
    struct counterfactual_turn *turns = arena_try(p->arena, bytes);
    if (turns == NULL)
        return false;
    for (int i = 0; i < p->found.count; i++) {
        if (fabs(p->found.items[i].number) <= far_end)
            turns[p->name.n_turns++] = turn_of(&p->found.items[i], p->name.is_int);
    }
    qsort(turns, (size_t)p->name.n_turns, sizeof *turns, by_value);
    p->name.turns = turns;
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
    bool is_number = name->type->kind == CEL_T_INT || name->type->kind == CEL_T_DOUBLE;
    if (!is_number || name->constant != NULL || !(is_field || is_feature))
        return false;
    return is_feature || !(is_key(s, name->slot) || s->schema.fields[name->slot].private);
}

/* false: it changes nothing, or may not be changed; what it took of the arena is given back. */
static bool prepare(struct preparing *p, const struct cel_name *name)
{
    size_t mark = p->arena->used_bytes;
    p->name = (struct counterfactual_name){.slot = name->slot,
                                           .is_int = name->type->kind == CEL_T_INT,
                                           .is_weighed = true,
                                           .lo = -INFINITY,
                                           .hi = INFINITY};
    p->found = (struct cel_thresholds){.items = p->thresholds, .room = COUNTERFACTUAL_TURNS_MAX};
    if (name->bounds != NULL) {
        p->name.lo = name->bounds->lo;
        p->name.hi = name->bounds->hi;
    }
    if (prepare_derived(p) && prepare_rules(p) && !p->found.is_code && prepare_turns(p)) {
        p->name.is_computed = p->found.is_computed;
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
    struct preparing *p = arena_try(arena, sizeof *p);
    int n = 0;
    if (plan == NULL || names == NULL || p == NULL)
        return ST_NO_SPACE;
    *p = (struct preparing){.snap = snap, .arena = arena};
    for (int i = 0; i < snap->env.n_names; i++) {
        if (may_change(snap, &snap->env.names[i]) && prepare(p, &snap->env.names[i]))
            names[n++] = p->name;
    }
    *plan = (struct counterfactual_plan){names, n};
    *ret_plan = plan;
    return ST_OK;
}

/* ---- a search -------------------------------------------------------------------------------- */

/* A live rule that fired. */
struct fired {
    int rule;
    double score;
};

struct search {
    const struct snapshot *snap;
    const struct row *row;
    bool flag; /* as it was decided */
    double score;
    bool is_forced; /* one of those that fired says allow, or flag */
    struct fired fired[RULES_MAX];
    int n_fired;
    /* of one name */
    const struct counterfactual_name *name;
    struct cel_value was;
    struct cel_value derived_were[SNAPSHOT_DERIVED_MAX]; /* [name->n_derived] */
    int64_t steps;                                       /* left */
};

static void note_fired(struct search *s, const struct hits *hits)
{
    const struct rules *rules = s->snap->rules;
    for (int i = 0; i < rules->count; i++) {
        if (hits->results[i].outcome != RULE_FIRED || hits->results[i].in_shadow)
            continue;
        s->fired[s->n_fired++] = (struct fired){i, hits->results[i].score};
        s->is_forced |= rules->rules[i]->force != RULE_FORCE_NONE;
    }
}

static struct cel_value *derived_cell(const struct search *s, int i)
{
    return &s->row->cells[s->snap->row_derived + s->name->derived[i]];
}

static void set_derived(const struct search *s)
{
    for (int i = 0; i < s->name->n_derived; i++) {
        const struct snapshot_derived *d = &s->snap->derived[s->name->derived[i]];
        arena_reset(s->row->scratch);
        struct cel_value v = cel_run(d->program, s->row->cells, s->row->scratch);
        if (cel_is_error(v))
            v.text = span_of(NULL, 0); /* it may live in the scratch, and nobody reads it */
        *derived_cell(s, i) = v;
    }
}

static void begin_name(struct search *s, const struct counterfactual_name *name, int64_t steps)
{
    s->name = name;
    s->was = s->row->cells[name->slot];
    s->steps = steps;
    for (int i = 0; i < name->n_derived; i++)
        s->derived_were[i] = *derived_cell(s, i);
}

static void put_back(const struct search *s)
{
    s->row->cells[s->name->slot] = s->was;
    for (int i = 0; i < s->name->n_derived; i++)
        *derived_cell(s, i) = s->derived_were[i];
}

/* A rule that reads the name, run again. */
static void retry(struct search *s, int index, struct rules_tally *tally)
{
    const struct rule *rule = s->snap->rules->rules[index];
    double score;
    int cost = rule->when->cost;
    s->steps -= cost > COUNTERFACTUAL_RULE_STEPS ? cost : COUNTERFACTUAL_RULE_STEPS;
    arena_reset(s->row->scratch);
    if (rule_mode_for(rule, s->row->cells) == RULE_LIVE &&
        rules_fires(rule, s->row->cells, s->row->scratch, &score))
        rules_tally_add(tally, rule, score);
}

/* In the order of the rules, so that the sum is that of a real run to the last bit. */
static bool flags(struct search *s)
{
    struct rules_tally tally = {0};
    const struct counterfactual_name *name = s->name;
    for (int i = 0, k = 0; i < s->n_fired || k < name->n_rules;) {
        bool again = k < name->n_rules && (i == s->n_fired || name->rules[k] <= s->fired[i].rule);
        if (again) {
            i += i < s->n_fired && name->rules[k] == s->fired[i].rule;
            retry(s, name->rules[k++], &tally);
        } else {
            rules_tally_add(&tally, s->snap->rules->rules[s->fired[i].rule], s->fired[i].score);
            i++;
        }
    }
    return rules_tally_flags(&tally, s->snap->rules->flag_at);
}

static struct cel_value value_of(const struct counterfactual_name *name, double v)
{
    return name->is_int ? cel_int((int64_t)v) : cel_double(v);
}

/* Is it the other decision at `v`? Past the limit of steps nothing is. */
static bool turns_at(struct search *s, double v)
{
    if (s->steps <= 0)
        return false;
    s->row->cells[s->name->slot] = value_of(s->name, v);
    set_derived(s);
    return flags(s) != s->flag;
}

/* ---- one side -------------------------------------------------------------------------------- */

/* Values to look at on one side, the nearest first. */
struct side {
    double from, far; /* the value that it is, and the end */
    int sign;         /* -1: below it; 1: above */
    double at[COUNTERFACTUAL_TURNS_MAX + PROBES];
    int n;
};

static bool is_nearer(const struct side *side, double a, double b)
{
    return side->sign > 0 ? a < b : a > b;
}

/* In its place; what is not on the side is left out. */
static void add_value(struct side *side, double v)
{
    int at = side->n;
    if (!is_nearer(side, side->from, v) || is_nearer(side, side->far, v))
        return;
    for (; at > 0 && is_nearer(side, v, side->at[at - 1]); at--)
        side->at[at] = side->at[at - 1];
    side->at[at] = v;
    side->n++;
}

/* Turns ascend: those above are met in their order, those below from the end. */
static void fill_side(struct side *side, const struct counterfactual_name *name)
{
    double v = side->from;
    double near = side->sign > 0 ? 2 * v : v / 2, next = side->sign > 0 ? 10 * v : v / 10;
    for (int i = 0; i < name->n_turns; i++)
        add_value(side,
                  side->sign > 0 ? name->turns[i].above : name->turns[name->n_turns - 1 - i].below);
    if (!name->is_computed)
        return;
    add_value(side, name->is_int ? trunc(near) : near);
    add_value(side, name->is_int ? trunc(next) : next);
    add_value(side, 0);
    add_value(side, side->far);
}

/* It turns somewhere in (before, at]: the nearest decimal to `before` where it does, by halving. */
static double halve(struct search *s, double before, double at)
{
    double unit = power_of_ten(digits_of(before, s->name->is_int));
    double no = at > before ? floor(before * unit) : ceil(before * unit);
    double yes = at > before ? ceil(at * unit) : floor(at * unit);
    while (fabs(yes - no) > 1) {
        double mid = trunc(no + (yes - no) / 2);
        if (turns_at(s, mid / unit)) {
            yes = mid;
            at = mid / unit;
        } else {
            no = mid;
        }
    }
    return at;
}

/* The nearest value of the side at which it turns; false: there is none. */
static bool search_side(struct search *s, struct side *side, double *ret_at)
{
    double before = side->from;
    fill_side(side, s->name);
    for (int i = 0; i < side->n; i++) {
        if (turns_at(s, side->at[i])) {
            *ret_at = s->name->is_computed ? halve(s, before, side->at[i]) : side->at[i];
            return true;
        }
        before = side->at[i];
    }
    return false;
}

/* ---- one name, all names --------------------------------------------------------------------- */

static double number_of(struct cel_value v)
{
    return v.kind == CEL_INT ? (double)v.i64 : v.f64;
}

static double change_of(const struct counterfactual *c)
{
    double is = number_of(c->is), would = number_of(c->would);
    return fabs(would - is) / fmax(fabs(would), fabs(is));
}

/* Into its place, of the nearest; the last goes when there are too many. */
static void keep(struct counterfactuals *found, const struct counterfactual *c)
{
    int at = found->count;
    while (at > 0 && change_of(c) < change_of(&found->items[at - 1]))
        at--;
    if (at == COUNTERFACTUALS_MAX)
        return;
    if (found->count < COUNTERFACTUALS_MAX)
        found->count++;
    memmove(&found->items[at + 1], &found->items[at],
            (size_t)(found->count - 1 - at) * sizeof *found->items);
    found->items[at] = *c;
}

/* false: that side has none. */
static bool try_side(struct search *s, int sign, struct counterfactual *ret_c)
{
    const struct counterfactual_name *name = s->name;
    double end = sign > 0 ? name->hi : name->lo, at;
    struct side side = {.from = number_of(s->was), .sign = sign};
    side.far = fabs(end) < far_end ? end : sign * far_end;
    if (!search_side(s, &side, &at))
        return false;
    bool holds = at == side.far || turns_at(s, side.far);
    *ret_c = (struct counterfactual){.slot = name->slot,
                                     .is = s->was,
                                     .would = value_of(name, at),
                                     .sign = !holds     ? '='
                                             : sign > 0 ? '>'
                                                        : '<'};
    return true;
}

/* Can all that reads it together move the score over flag_at? Most names mostly cannot. */
static bool may_turn(const struct search *s)
{
    double distance = fabs(s->score - s->snap->rules->flag_at);
    return s->is_forced || !s->name->is_weighed || s->name->weight >= distance * 0.999999;
}

static void try_name(struct search *s, struct counterfactuals *found)
{
    struct counterfactual below, above;
    bool is_number = s->was.kind == CEL_INT || s->was.kind == CEL_DOUBLE;
    if (!is_number || !(fabs(number_of(s->was)) < far_end) || !may_turn(s))
        return;
    bool has_below = try_side(s, -1, &below), has_above = try_side(s, 1, &above);
    put_back(s);
    if (has_below && (!has_above || change_of(&below) <= change_of(&above)))
        keep(found, &below);
    else if (has_above)
        keep(found, &above);
}

void counterfactual_find(const struct snapshot *snap, const struct row *row,
                         const struct hits *hits, struct counterfactuals *ret_found)
{
    const struct counterfactual_plan *plan = snap->counterfactuals;
    struct search s; /* 40 KB, most of which nobody looks at */
    int64_t left = COUNTERFACTUAL_STEPS_MAX;
    s.snap = snap;
    s.row = row;
    s.flag = hits->flag;
    s.score = hits->score;
    s.is_forced = false;
    s.n_fired = 0;
    note_fired(&s, hits);
    ret_found->count = 0;
    for (int i = 0; i < plan->n_names; i++) {
        int64_t share = left / (plan->n_names - i);
        begin_name(&s, &plan->names[i], share);
        try_name(&s, ret_found);
        left -= share - s.steps;
    }
}
