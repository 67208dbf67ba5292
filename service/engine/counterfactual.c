#include "service/engine/counterfactual.h"

#include "service/engine/counterfactual_models.h"

#include <math.h>

enum {
    DIGITS_MIN = 4, /* behind the point: a decimal's */
    DIGITS_SHOWN = 6,
    PROBES = 4, /* a half, a tenth, zero, the far end */
    /* Each is half of the one before, of 2^62 decimals, or of some model's edges: there are 2^13 of
     * them in all, so each of 16 models has 2^9, which takes ten. */
    GAPS_MAX = 64 + MODELS_MAX * 10,
};

#define CHANGE_OF_CHOICE 1.0 /* as of a number that becomes zero */

static const double far_end = COUNTERFACTUAL_FAR_END;

/* ---- decimals -------------------------------------------------------------------------------- */

static double power_of_ten(int digits)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    return powers[digits];
}

/* So many digits behind the point that `v` has DIGITS_SHOWN of them in all. */
static int digits_of(double v, const struct counterfactual_name *name)
{
    int digits = DIGITS_MIN;
    if (name->is_int)
        return 0;
    if (v != 0 && fabs(v) < 1)
        digits = DIGITS_SHOWN - 1 - (int)floor(log10(fabs(v)));
    digits = digits < DIGITS_MIN ? DIGITS_MIN : digits;
    digits = digits > name->digits_max ? name->digits_max : digits;
    while (digits > 0 && far_end * power_of_ten(digits) > 0x1p52 &&
           fabs(v) * power_of_ten(digits) > 0x1p52)
        digits--;
    return digits;
}

/* ---- a search -------------------------------------------------------------------------------- */

/* What a rule adds to the decision. */
struct part {
    double score;
    bool fires; /* and is live */
    bool is_changed;
};

/* The decision as a sum that is kept: what rules_tally_add() adds, and takes away again. */
struct sum {
    double score;
    double added; /* of all that went in and out: it bounds what was rounded off */
    int n_flag, n_allow, n_override;
};

struct search {
    const struct snapshot *snap;
    const struct row *row;
    const struct hits *hits;
    struct part parts[RULES_MAX]; /* by rule */
    struct sum sum;
    bool flag;     /* as it was decided */
    bool flag_now; /* as it would be by `parts` */
    bool is_cut;
    /* of one name */
    const struct counterfactual_name *name;
    struct cel_value was;
    struct cel_value derived_were[SNAPSHOT_DERIVED_MAX]; /* [name->n_derived] */
    int64_t steps;                                       /* left */
    double change_max;                                   /* a larger one would not be kept */
    int changed[RULES_MAX]; /* [n_changed]: whose part is another than in the decision */
    /* Those that compute with the name, and are not settled by all else that they read: whatever it
     * is, on this side, on this stretch of it, between two values of that. */
    int computed[RULES_MAX], open[RULES_MAX], active[RULES_MAX], between[RULES_MAX];
    int n_changed, n_computed, n_open, n_active, n_between;
    struct counterfactual_models models; /* those that follow it */
};

/* ---- the sum --------------------------------------------------------------------------------- */

static void add_part(struct search *s, int index, int by)
{
    const struct rule *rule = s->snap->rules->rules[index];
    double score = s->parts[index].score;
    s->sum.score += by * score;
    s->sum.added += fabs(score);
    s->sum.n_flag += rule->force == RULE_FORCE_FLAG ? by : 0;
    s->sum.n_allow += rule->force == RULE_FORCE_ALLOW ? by : 0;
    s->sum.n_override += rule->force == RULE_FORCE_ALLOW_OVERRIDE ? by : 0;
}

/* As rules_run() adds them: in their order, to the last bit. */
static double exact_score(const struct search *s)
{
    double score = 0;
    for (int i = 0; i < s->snap->rules->count; i++) {
        if (s->parts[i].fires)
            score += s->parts[i].score;
    }
    return score;
}

/* rules_tally_flags(). What was rounded off is less than a part in 10^11 of all that was added:
 * no more than some 10,000 sums of 53 bits. */
static bool sum_flags(const struct search *s)
{
    const struct sum *sum = &s->sum;
    double flag_at = s->snap->rules->flag_at;
    bool is_close = fabs(sum->score - flag_at) <= sum->added * 1e-11;
    const struct rules_tally tally = {.score = is_close ? exact_score(s) : sum->score,
                                      .flag = sum->n_flag > 0,
                                      .allow = sum->n_allow > 0,
                                      .override = sum->n_override > 0};
    return rules_tally_flags(&tally, flag_at);
}

static void begin_sum(struct search *s)
{
    const struct rule_result *results = s->hits->results;
    s->sum = (struct sum){0};
    for (int i = 0; i < s->snap->rules->count; i++) {
        bool fires = results[i].outcome == RULE_FIRED && !results[i].in_shadow;
        s->parts[i] = (struct part){fires ? results[i].score : 0, fires, false};
        if (fires)
            add_part(s, i, 1);
    }
}

/* true: it was another one. */
static bool set_part(struct search *s, int index, bool fires, double score)
{
    struct part *part = &s->parts[index];
    if (part->fires == fires && (!fires || part->score == score))
        return false;
    if (part->fires)
        add_part(s, index, -1);
    if (!part->is_changed)
        s->changed[s->n_changed++] = index;
    *part = (struct part){fires ? score : 0, fires, true};
    if (fires)
        add_part(s, index, 1);
    return true;
}

/* ---- the row --------------------------------------------------------------------------------- */

static struct cel_value *derived_cell(const struct search *s, int i)
{
    return &s->row->cells[s->snap->row_derived + s->name->derived[i]];
}

static void set_row(struct search *s, struct cel_value v)
{
    s->row->cells[s->name->slot] = v;
    for (int i = 0; i < s->name->n_derived; i++) {
        const struct snapshot_derived *d = &s->snap->derived[s->name->derived[i]];
        arena_reset(s->row->scratch);
        struct cel_value derived = cel_run(d->program, s->row->cells, s->row->scratch);
        if (cel_is_error(derived))
            derived.text = span_of(NULL, 0); /* it may live in the scratch, and nobody reads it */
        *derived_cell(s, i) = derived;
    }
    if (v.kind == CEL_RANGE)
        counterfactual_models_set_range(&s->models);
    else
        counterfactual_models_set(&s->models);
    s->is_cut |= s->models.is_cut;
}

static struct cel_value value_of(const struct counterfactual_name *name, double v)
{
    return name->is_int ? cel_int((int64_t)v) : cel_double(v);
}

static struct cel_value range_of(const struct counterfactual_name *name, double a, double b)
{
    double lo = fmin(a, b), hi = fmax(a, b);
    return name->is_int ? cel_range_int((int64_t)lo, (int64_t)hi) : cel_range_double(lo, hi);
}

/* Back to the decision. */
static void put_back(struct search *s)
{
    s->row->cells[s->name->slot] = s->was;
    for (int i = 0; i < s->name->n_derived; i++)
        *derived_cell(s, i) = s->derived_were[i];
    counterfactual_models_put_back(&s->models);
    for (int i = 0; i < s->n_changed; i++) {
        int index = s->changed[i];
        const struct rule_result *r = &s->hits->results[index];
        set_part(s, index, r->outcome == RULE_FIRED && !r->in_shadow, r->score);
        s->parts[index].is_changed = false;
    }
    s->n_changed = 0;
    s->flag_now = s->flag;
}

/* ---- running rules again --------------------------------------------------------------------- */

/* Counts a run; false: there is none left. */
static bool take_steps(struct search *s, const struct rule *rule)
{
    int cost = rule->when->cost;
    if (s->steps <= 0) {
        s->is_cut = true;
        return false;
    }
    s->steps -= cost > COUNTERFACTUAL_RULE_STEPS ? cost : COUNTERFACTUAL_RULE_STEPS;
    return true;
}

/* true: its part is another one now. */
static bool retry(struct search *s, int index)
{
    const struct rule *rule = s->snap->rules->rules[index];
    double score = 0;
    if (!take_steps(s, rule))
        return false;
    arena_reset(s->row->scratch);
    bool fires = rule_mode_for(rule, s->row->cells) == RULE_LIVE &&
                 rules_fires(rule, s->row->cells, s->row->scratch, &score);
    return set_part(s, index, fires, score);
}

/* The row has a stretch in it: can the rule's part be another somewhere on it? */
static bool may_change(struct search *s, int index)
{
    const struct rule *rule = s->snap->rules->rules[index];
    if (!take_steps(s, rule))
        return true;
    arena_reset(s->row->scratch);
    struct cel_value when = cel_run(rule->when, s->row->cells, s->row->scratch);
    bool is_settled = when.kind == CEL_BOOL && (!when.flag || rule->score_program == NULL);
    return !is_settled || when.flag != s->parts[index].fires;
}

/* Of `from`, which may be `to` itself, those that may change between `a` and `b`. */
static int narrow(struct search *s, const int *from, int n, double a, double b, int *to)
{
    int kept = 0;
    if (n > 0)
        set_row(s, range_of(s->name, a, b));
    for (int i = 0; i < n; i++) {
        if (may_change(s, from[i]))
            to[kept++] = from[i];
    }
    return kept;
}

/* Is it the other decision at `v`, where `turn` (which may be NULL) has just been passed? Past the
 * limit nothing is. */
static bool turns_at(struct search *s, double v, const struct counterfactual_side *plan,
                     const struct counterfactual_turn *turn)
{
    bool is_changed = false;
    set_row(s, value_of(s->name, v));
    for (int i = 0; turn != NULL && i < turn->count; i++)
        is_changed |= retry(s, plan->rules[turn->first + i]);
    for (int i = 0; i < s->n_active; i++)
        is_changed |= retry(s, s->active[i]);
    if (is_changed)
        s->flag_now = sum_flags(s);
    return s->flag_now != s->flag && !s->is_cut;
}

/* ---- one side -------------------------------------------------------------------------------- */

/* Values to look at on one side, the nearest first: turns, and where a name is computed with,
 * probes. */
struct side {
    const struct counterfactual_side *plan;
    double from, far; /* the value that it is, and the end */
    int sign;         /* -1: below it; 1: above */
    double probes[PROBES];
    int n_probes, next_probe, next_turn;
};

static bool is_nearer(const struct side *side, double a, double b)
{
    return side->sign > 0 ? a < b : a > b;
}

/* In its place; what is not on the side is left out. */
static void add_probe(struct side *side, double v)
{
    int at = side->n_probes;
    if (!is_nearer(side, side->from, v) || is_nearer(side, side->far, v))
        return;
    for (; at > 0 && is_nearer(side, v, side->probes[at - 1]); at--)
        side->probes[at] = side->probes[at - 1];
    side->probes[at] = v;
    side->n_probes++;
}

static void add_probes(struct side *side, bool is_int)
{
    double v = side->from;
    double near = side->sign > 0 ? 2 * v : v / 2, next = side->sign > 0 ? 10 * v : v / 10;
    add_probe(side, is_int ? trunc(near) : near);
    add_probe(side, is_int ? trunc(next) : next);
    add_probe(side, 0);
    add_probe(side, side->far);
}

/* Past the turns that lie between the value and the other end. */
static void skip_turns(struct side *side)
{
    int lo = 0, hi = side->plan->n_turns;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (is_nearer(side, side->from, side->plan->turns[mid].at))
            hi = mid;
        else
            lo = mid + 1;
    }
    side->next_turn = lo;
}

static struct side side_of(const struct search *s, int sign)
{
    double end = sign > 0 ? s->name->hi : s->name->lo;
    struct side side = {.plan = sign > 0 ? &s->name->up : &s->name->down, .sign = sign};
    side.from = s->was.kind == CEL_INT ? (double)s->was.i64 : s->was.f64;
    side.far = fabs(end) < far_end ? end : sign * far_end;
    skip_turns(&side);
    return side;
}

/* The next value of the side; false: there is none. *ret_turn: NULL, it is a probe alone. */
static bool next_value(struct side *side, double *ret_at,
                       const struct counterfactual_turn **ret_turn)
{
    const struct counterfactual_turn *turn = &side->plan->turns[side->next_turn];
    bool has_turn = side->next_turn < side->plan->n_turns && !is_nearer(side, side->far, turn->at);
    bool has_probe = side->next_probe < side->n_probes;
    if (has_turn && (!has_probe || !is_nearer(side, side->probes[side->next_probe], turn->at))) {
        side->next_turn++;
        *ret_at = turn->at;
        *ret_turn = turn;
        return true;
    }
    if (!has_probe)
        return false;
    *ret_at = side->probes[side->next_probe++];
    *ret_turn = NULL;
    return true;
}

/* It grows outward, past zero too. */
static double change(double is, double would)
{
    if (is * would < 0)
        return 1 + fabs(would) / (fabs(would) + fabs(is));
    return fabs(would - is) / fmax(fabs(would), fabs(is));
}

/* What a score can be at least and at most, when it is `v`. */
static void score_bounds(struct cel_value v, double *ret_lo, double *ret_hi)
{
    *ret_lo = -RULE_SCORE_MAX;
    *ret_hi = RULE_SCORE_MAX;
    if (v.kind == CEL_RANGE) {
        *ret_lo = v.is_int ? (double)v.lo_i64 : v.lo;
        *ret_hi = v.is_int ? (double)v.hi_i64 : v.hi;
    } else if (v.kind == CEL_INT || v.kind == CEL_DOUBLE) {
        *ret_lo = *ret_hi = v.kind == CEL_INT ? (double)v.i64 : v.f64;
    }
}

/* Over the row's stretch. */
static bool fires_throughout(const struct search *s, const struct rule *rule)
{
    arena_reset(s->row->scratch);
    struct cel_value when = cel_run(rule->when, s->row->cells, s->row->scratch);
    return when.kind == CEL_BOOL && when.flag;
}

/* By how much, at most, it moves the score towards the other decision, over the row's stretch. */
static double most_of(struct search *s, int index)
{
    const struct rule *rule = s->snap->rules->rules[index];
    const struct part *part = &s->parts[index];
    double lo = rule->score, hi = rule->score;
    if (rule->force != RULE_FORCE_NONE)
        return INFINITY;
    if (rule_mode_for(rule, s->row->cells) != RULE_LIVE)
        return 0;
    if (rule->score_program != NULL) {
        arena_reset(s->row->scratch);
        score_bounds(cel_run(rule->score_program, s->row->cells, s->row->scratch), &lo, &hi);
    }
    if (!fires_throughout(s, rule)) {
        lo = fmin(lo, 0);
        hi = fmax(hi, 0);
    }
    return s->flag ? part->score - lo : hi - part->score;
}

/* Can the rules of [between] together move the score over flag_at? */
static bool may_turn_between(struct search *s)
{
    double distance = fabs(s->sum.score - s->snap->rules->flag_at), most = 0;
    if (s->sum.n_flag + s->sum.n_allow + s->sum.n_override > 0)
        return true;
    for (int i = 0; i < s->n_between; i++)
        most += most_of(s, s->between[i]);
    return most >= distance * 0.999999;
}

/* As many digits as before the gap, or the fewer with which its decimals can be counted: from 0.005
 * to the far end there are more than 2^63 of eight. */
static double unit_of_gap(double before, double at, const struct counterfactual_name *name)
{
    int digits = digits_of(before, name);
    while (digits > 0 && fabs(at - before) * power_of_ten(digits) > 0x1p62)
        digits--;
    return power_of_ten(digits);
}

/* Decimals from the `first` to the `last`-th, counted outward. */
struct gap {
    int64_t first, last;
};

/* What decimals are counted from, and how many there are to one. */
struct decimals {
    double zero, unit;
    int sign;
};

static double decimal(const struct decimals *d, int64_t k)
{
    return (d->zero + d->sign * (double)k) / d->unit;
}

/* The last of the nearer half: of a model's thresholds, while there are some, else of decimals. */
static int64_t middle_of(const struct search *s, const struct decimals *d, struct gap gap)
{
    double near = decimal(d, gap.first), far = decimal(d, gap.last);
    struct counterfactual_split split = counterfactual_models_split(&s->models, near, far);
    int64_t lo = gap.first, hi = gap.last;
    if (split.of == NULL)
        return lo + (hi - lo) / 2;
    while (hi - lo > 1) {
        int64_t mid = lo + (hi - lo) / 2;
        if (counterfactual_split_is_past(&split, decimal(d, mid)) == (d->sign > 0))
            hi = mid;
        else
            lo = mid;
    }
    return lo;
}

/*
 * Between two values that were looked at: the nearest decimal where it turns, or false. What is
 * settled over a gap has no turn there; the others are halved, the nearer half first.
 */
static bool search_gap(struct search *s, const struct side *side, double before, double at,
                       double *ret_at)
{
    double unit = unit_of_gap(before, at, s->name);
    double end = side->sign > 0 ? ceil(at * unit) : floor(at * unit);
    struct decimals d = {side->sign > 0 ? floor(before * unit) : ceil(before * unit), unit,
                         side->sign};
    struct gap gaps[GAPS_MAX];
    gaps[0] = (struct gap){1, (int64_t)fabs(end - d.zero) - 1};
    for (int n = gaps[0].last >= 1; n > 0 && !s->is_cut;) {
        struct gap gap = gaps[--n];
        double near = decimal(&d, gap.first), far = decimal(&d, gap.last);
        if (change(side->from, near) > s->change_max)
            return false;
        s->n_between = narrow(s, s->active, s->n_active, near, far, s->between);
        if (s->n_between == 0 || !may_turn_between(s))
            continue;
        if (gap.first == gap.last) {
            *ret_at = near;
            if (turns_at(s, near, NULL, NULL))
                return true;
            continue;
        }
        int64_t mid = middle_of(s, &d, gap);
        gaps[n++] = (struct gap){mid + 1, gap.last};
        gaps[n++] = (struct gap){gap.first, mid};
    }
    return false;
}

/* The stretch up to the next probe: who can change there? */
static void begin_stretch(struct search *s, const struct side *side, double before)
{
    if (side->next_probe < side->n_probes)
        s->n_active =
            narrow(s, s->open, s->n_open, before, side->probes[side->next_probe], s->active);
}

/* The nearest value of the side at which it turns; false: there is none, or none that is kept. */
static bool search_side(struct search *s, struct side *side, double *ret_at)
{
    double before = side->from, at;
    const struct counterfactual_turn *turn;
    s->n_active = 0;
    s->n_open = narrow(s, s->computed, s->n_computed, side->from, side->far, s->open);
    if (s->n_open > 0)
        add_probes(side, s->name->is_int);
    begin_stretch(s, side, before);
    while (!s->is_cut && next_value(side, &at, &turn)) {
        if (s->n_active > 0 && search_gap(s, side, before, at, ret_at))
            return true;
        if (change(side->from, at) > s->change_max)
            return false;
        *ret_at = at;
        if (turns_at(s, at, side->plan, turn))
            return true;
        before = at;
        if (turn == NULL)
            begin_stretch(s, side, before);
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
    return c->is_choice ? CHANGE_OF_CHOICE : change(number_of(c->is), number_of(c->would));
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

/* What is left of the limits, or one name's share of it. */
struct means {
    int64_t steps, nodes;
};

static void begin_name(struct search *s, const struct counterfactual_name *name,
                       const struct means *means)
{
    s->name = name;
    s->was = s->row->cells[name->slot];
    s->steps = means->steps;
    s->is_cut = false;
    for (int i = 0; i < name->n_derived; i++)
        s->derived_were[i] = *derived_cell(s, i);
    counterfactual_models_begin(&s->models, name, means->nodes);
}

/* Can all that reads it together move the score over flag_at? Most names mostly cannot. */
static bool may_turn(const struct search *s)
{
    const struct counterfactual_name *name = s->name;
    double distance = fabs(s->sum.score - s->snap->rules->flag_at), most = 0;
    if (!name->is_weighed || s->sum.n_flag + s->sum.n_allow + s->sum.n_override > 0)
        return true;
    for (int i = 0; i < name->n_rules; i++) {
        double score = name->scores[i];
        bool adds = s->parts[name->rules[i]].fires ? score < 0 : score > 0;
        most += adds != s->flag ? fabs(score) : 0;
    }
    return most >= distance * 0.999999;
}

/* false: that side has none, or none that would be kept. */
static bool try_side(struct search *s, int sign, struct counterfactual *ret_c)
{
    struct side side = side_of(s, sign);
    double at = 0;
    bool found = search_side(s, &side, &at);
    put_back(s);
    if (!found)
        return false;
    *ret_c = (struct counterfactual){.slot = s->name->slot,
                                     .is = s->was,
                                     .would = value_of(s->name, at),
                                     .sign = '=',
                                     .moves_features = s->name->moves_features};
    s->change_max = fmin(s->change_max, change_of(ret_c));
    return true;
}

/* Is it the other decision with this value, all that reads it being run again? */
static bool turns_with(struct search *s, struct cel_value v)
{
    set_row(s, v);
    for (int i = 0; i < s->name->n_rules; i++)
        retry(s, s->name->rules[i]);
    bool turns = !s->is_cut && sum_flags(s) != s->flag;
    put_back(s);
    return turns;
}

static bool is_same(const struct cel_value *a, const struct cel_value *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == CEL_STRING ? span_eq(a->text, b->text)
           : a->kind == CEL_BOOL ? a->flag == b->flag
                                 : a->i64 == b->i64;
}

static void try_choices(struct search *s, struct counterfactuals *found)
{
    bool is_known = s->was.kind == CEL_BOOL || s->was.kind == CEL_STRING || s->was.kind == CEL_INT;
    if (!is_known || CHANGE_OF_CHOICE >= s->change_max)
        return;
    for (int i = 0; i < s->name->n_choices && !s->is_cut; i++) {
        const struct cel_value *choice = &s->name->choices[i];
        if (is_same(choice, &s->was) || !turns_with(s, *choice))
            continue;
        keep(found, &(struct counterfactual){.slot = s->name->slot,
                                             .is = s->was,
                                             .would = *choice,
                                             .sign = '=',
                                             .is_choice = true,
                                             .moves_features = s->name->moves_features});
        return;
    }
}

static void try_number(struct search *s, struct counterfactuals *found)
{
    struct counterfactual below, above;
    bool is_number = s->was.kind == CEL_INT || s->was.kind == CEL_DOUBLE;
    if (!is_number || !(fabs(number_of(s->was)) < far_end))
        return;
    counterfactual_models_sweep(&s->models);
    double lo = fmax(s->name->lo, -far_end), hi = fmin(s->name->hi, far_end);
    s->n_computed = narrow(s, s->name->computed, s->name->n_computed, lo, hi, s->computed);
    bool has_below = try_side(s, -1, &below), has_above = try_side(s, 1, &above);
    if (has_below && (!has_above || change_of(&below) <= change_of(&above)))
        keep(found, &below);
    else if (has_above)
        keep(found, &above);
}

static void try_name(struct search *s, struct counterfactuals *found)
{
    if (!may_turn(s))
        return;
    s->change_max = found->count == COUNTERFACTUALS_MAX
                        ? change_of(&found->items[COUNTERFACTUALS_MAX - 1])
                        : INFINITY;
    if (s->name->n_choices > 0)
        try_choices(s, found);
    else
        try_number(s, found);
}

/* Does it hold at the far end of its side too? Then it is "<=" or ">=". */
static void set_sign(struct search *s, struct counterfactual *c)
{
    const double would = number_of(c->would);
    const int sign = would > number_of(c->is) ? 1 : -1;
    const struct side side = side_of(s, sign);
    if (would == side.far || turns_with(s, value_of(s->name, side.far)))
        c->sign = sign > 0 ? '>' : '<';
}

/* What its search has left, back to the others. */
static void give_back(const struct search *s, const struct means *share, struct means *left)
{
    left->steps -= share->steps - s->steps;
    left->nodes -= share->nodes - s->models.nodes;
}

static void set_signs(struct search *s, struct means *left, struct counterfactuals *found)
{
    const struct counterfactual_plan *plan = s->snap->counterfactuals;
    for (int i = 0; i < plan->n_names; i++) {
        for (int k = 0; k < found->count; k++) {
            if (found->items[k].slot != plan->names[i].slot || found->items[k].is_choice)
                continue;
            struct means share = *left;
            begin_name(s, &plan->names[i], &share);
            set_sign(s, &found->items[k]);
            found->is_cut |= s->is_cut;
            give_back(s, &share, left);
        }
    }
}

static void try_names(struct search *s, struct means *left, struct counterfactuals *found)
{
    const struct counterfactual_plan *plan = s->snap->counterfactuals;
    int n_moving = plan->n_moving;
    for (int i = 0; i < plan->n_names; i++) {
        bool moves = plan->names[i].n_models > 0;
        struct means share = {left->steps / (plan->n_names - i),
                              moves ? left->nodes / n_moving : 0};
        n_moving -= moves;
        begin_name(s, &plan->names[i], &share);
        try_name(s, found);
        found->is_cut |= s->is_cut;
        give_back(s, &share, left);
    }
}

void counterfactual_find(const struct snapshot *snap, const struct window_value *values,
                         const struct row *row, const struct hits *hits,
                         struct counterfactuals *ret_found)
{
    struct search s; /* 220 KB, most of which nobody looks at */
    struct means left = {COUNTERFACTUAL_STEPS_MAX, COUNTERFACTUAL_NODES_MAX};
    s.snap = snap;
    s.row = row;
    s.hits = hits;
    s.flag = s.flag_now = hits->flag;
    s.n_changed = 0;
    counterfactual_models_init(&s.models, snap, row, values);
    begin_sum(&s);
    *ret_found = (struct counterfactuals){0};
    try_names(&s, &left, ret_found);
    set_signs(&s, &left, ret_found);
}
