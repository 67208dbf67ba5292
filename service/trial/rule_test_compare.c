#include "service/trial/rule_test_compare.h"

#include "rules/cel_utf8.h"
#include "service/engine/decision.h"

#include <math.h>
#include <stdio.h>

enum {
    TEXT_MAX = 600, /* bytes of one side of a difference: a reason has TEMPLATE_RENDERED_MAX */
    FIRED_MAX = 1024,
};

/* One event's questions, while they are answered. */
struct comparing {
    const struct snapshot *snap;
    const struct score *score;
    struct arena *arena;
    struct rule_test_failure *failure;
    struct rule_test_difference **end;
};

/* ---- differences ---- */

static void differ(struct comparing *c, const struct rule_test_ask *ask, struct span name,
                   const struct text *expected, const struct text *actual)
{
    static const char *const kinds[] = {
#define X(kind, text) text,
        RULE_TEST_ASK_TABLE(X)
#undef X
    };
    if (c->failure->n_differences++ >= RULE_TEST_DIFFERENCES_MAX)
        return;
    struct rule_test_difference *d = arena_must(c->arena, sizeof *d);
    *d = (struct rule_test_difference){.kind = kinds[ask->kind],
                                       .name = name,
                                       .line = ask->at->line,
                                       .col = ask->at->col,
                                       .expected = arena_copy(c->arena, text_span(expected)),
                                       .actual = arena_copy(c->arena, text_span(actual))};
    *c->end = d;
    c->end = &d->next;
}

/* Two texts of one difference, in room of their own. */
struct sides {
    struct text expected, actual;
    char bytes[2][TEXT_MAX];
};

static void sides_init(struct sides *s)
{
    text_init(&s->expected, s->bytes[0], TEXT_MAX);
    text_init(&s->actual, s->bytes[1], TEXT_MAX);
}

/* As much of it as there is room for. */
static void put_cut(struct text *out, struct span s)
{
    text_put(out, cel_utf8_cut(s, out->cap - out->len));
}

/* ---- rules ---- */

static const struct rule *rule_of(const struct comparing *c, int index)
{
    return c->snap->rules->rules[index];
}

static const struct hits *hits_of(const struct comparing *c)
{
    return &score_decision(c->score)->hits;
}

static bool has_fired(const struct comparing *c, int index, bool live)
{
    const struct rule_result *result = &hits_of(c)->results[index];
    return result->outcome == RULE_FIRED && result->in_shadow != live;
}

/* "did not fire", "fired in shadow", "missing: currency" */
static void put_outcome(const struct comparing *c, int index, struct text *out)
{
    const struct rule_result *result = &hits_of(c)->results[index];
    switch (result->outcome) {
    case RULE_NOT_RUN:
        text_str(out, "is off");
        break;
    case RULE_NOT_FIRED:
        text_str(out, "did not fire");
        break;
    case RULE_FIRED:
        text_str(out, has_fired(c, index, true) ? "fired" : "fired in shadow");
        break;
    case RULE_MISSING:
        text_printf(out, "did not fire: %.*s is missing", SPAN_ARG(result->why));
        break;
    case RULE_ERROR:
        text_str(out, "did not fire: ");
        put_cut(out, result->why);
        break;
    }
}

static void differ_in_rule(struct comparing *c, const struct rule_test_ask *ask, int index,
                           const char *expected)
{
    struct sides s;
    sides_init(&s);
    text_str(&s.expected, expected);
    put_outcome(c, index, &s.actual);
    differ(c, ask, rule_of(c, index)->id, &s.expected, &s.actual);
}

static void answer_fired(struct comparing *c, const struct rule_test_ask *ask)
{
    if (!has_fired(c, ask->index, true))
        differ_in_rule(c, ask, ask->index, "fires");
}

static void answer_not_fired(struct comparing *c, const struct rule_test_ask *ask)
{
    if (has_fired(c, ask->index, true))
        differ_in_rule(c, ask, ask->index, "does not fire");
}

static void answer_none_fired(struct comparing *c, const struct rule_test_ask *ask)
{
    for (int i = 0; i < c->snap->rules->count; i++)
        if (has_fired(c, i, true))
            differ_in_rule(c, ask, i, "does not fire");
}

static void answer_shadow(struct comparing *c, const struct rule_test_ask *ask)
{
    if (!has_fired(c, ask->index, false))
        differ_in_rule(c, ask, ask->index, "fires in shadow");
}

static bool is_among(const struct rule_test_ask *ask, int rule)
{
    for (int i = 0; i < ask->n_rules; i++)
        if (ask->rules[i] == rule)
            return true;
    return false;
}

static void answer_no_other_shadow(struct comparing *c, const struct rule_test_ask *ask)
{
    for (int i = 0; i < c->snap->rules->count; i++)
        if (has_fired(c, i, false) && !is_among(ask, i))
            differ_in_rule(c, ask, i, "does not fire");
}

/* Among those that are shown; NULL: none of that rule is. */
static const struct hit *find_hit(const struct comparing *c, int index)
{
    const struct hit *const lists[] = {hits_of(c)->fired, hits_of(c)->shadow};
    for (int i = 0; i < 2; i++)
        for (const struct hit *h = lists[i]; h != NULL; h = h->next)
            if (h->rule->index == index)
                return h;
    return NULL;
}

static void answer_reason(struct comparing *c, const struct rule_test_ask *ask)
{
    const struct hit *hit = find_hit(c, ask->index);
    struct sides s;
    if (hit != NULL && span_eq(hit->reason, ask->text))
        return;
    sides_init(&s);
    put_cut(&s.expected, ask->text);
    if (hit != NULL)
        put_cut(&s.actual, hit->reason);
    else
        put_outcome(c, ask->index, &s.actual);
    differ(c, ask, rule_of(c, ask->index)->id, &s.expected, &s.actual);
}

/* ---- the decision ---- */

static const char *decision_text(bool flag)
{
    return flag ? "flag" : "allow";
}

static void answer_decision(struct comparing *c, const struct rule_test_ask *ask)
{
    struct sides s;
    bool flag = score_decision(c->score)->flag;
    if (flag == ask->flag)
        return;
    sides_init(&s);
    text_str(&s.expected, decision_text(ask->flag));
    text_str(&s.actual, decision_text(flag));
    differ(c, ask, span_of(NULL, 0), &s.expected, &s.actual);
}

/* Within `tolerance`, absolute or relative. */
static bool is_near(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * fmax(1, fmax(fabs(a), fabs(b)));
}

/* What is written in decimal and what was computed in binary, a few operations later. */
static bool is_same(double a, double b)
{
    return is_near(a, b, 1e-9);
}

static void differ_in_number(struct comparing *c, const struct rule_test_ask *ask, struct span name,
                             double actual)
{
    struct sides s;
    sides_init(&s);
    text_double(&s.expected, ask->number);
    text_double(&s.actual, actual);
    differ(c, ask, name, &s.expected, &s.actual);
}

static void answer_score(struct comparing *c, const struct rule_test_ask *ask)
{
    double score = score_decision(c->score)->score;
    if (!is_same(score, ask->number))
        differ_in_number(c, ask, span_of(NULL, 0), score);
}

/* ---- features ---- */

static const struct window_value *value_of(const struct comparing *c,
                                           const struct rule_test_ask *ask)
{
    return &score_features(c->score)[ask->index];
}

static struct span feature_name(const struct comparing *c, const struct rule_test_ask *ask)
{
    return c->snap->features.features[ask->index].name;
}

static void put_value(const struct window_value *v, struct text *out)
{
    if (v->missing)
        text_str(out, "missing");
    else if (v->scale > 0)
        text_fixed(out, v->value.i64, v->scale);
    else
        text_double(out, v->value.f64);
}

static void answer_value(struct comparing *c, const struct rule_test_ask *ask)
{
    const struct window_value *v = value_of(c, ask);
    struct sides s;
    if (ask->flag ? v->missing : !v->missing && is_same(window_value_double(v), ask->number))
        return;
    sides_init(&s);
    if (ask->flag)
        text_str(&s.expected, "missing");
    else
        text_double(&s.expected, ask->number);
    put_value(v, &s.actual);
    differ(c, ask, feature_name(c, ask), &s.expected, &s.actual);
}

static void answer_exact(struct comparing *c, const struct rule_test_ask *ask)
{
    struct sides s;
    bool exact = value_of(c, ask)->exact;
    if (exact == ask->flag)
        return;
    sides_init(&s);
    text_str(&s.expected, ask->flag ? "exact" : "not exact");
    text_str(&s.actual, exact ? "exact" : "not exact");
    differ(c, ask, feature_name(c, ask), &s.expected, &s.actual);
}

static void answer_bound(struct comparing *c, const struct rule_test_ask *ask)
{
    const struct window_value *v = value_of(c, ask);
    bool is_lo = ask->kind == ASK_LO;
    double bound = is_lo ? window_lo_double(v) : window_hi_double(v);
    bool none = v->missing || (is_lo ? v->unbounded_lo : v->unbounded_hi);
    struct sides s;
    if (!none && is_same(bound, ask->number))
        return;
    sides_init(&s);
    text_double(&s.expected, ask->number);
    if (none)
        text_str(&s.actual, "none");
    else
        text_double(&s.actual, bound);
    differ(c, ask, feature_name(c, ask), &s.expected, &s.actual);
}

/* ---- models ---- */

static const struct model_result *model_of(const struct comparing *c,
                                           const struct rule_test_ask *ask)
{
    return &score_decision(c->score)->models[ask->index];
}

/* Its score is not what `sign` and the number of the question say; no score is none of them. */
static void differ_in_model(struct comparing *c, const struct rule_test_ask *ask, const char *sign)
{
    double score = model_of(c, ask)->score;
    struct sides s;
    sides_init(&s);
    text_str(&s.expected, ask->flag ? "no score" : sign);
    if (!ask->flag)
        text_double(&s.expected, ask->number);
    if (isnan(score))
        text_str(&s.actual, "no score");
    else
        text_double(&s.actual, score);
    differ(c, ask, c->snap->models.items[ask->index].name, &s.expected, &s.actual);
}

/* As far as a score is the trainer's own: tests/parity. */
static void answer_model(struct comparing *c, const struct rule_test_ask *ask)
{
    double score = model_of(c, ask)->score;
    if (ask->flag ? !isnan(score) : !is_near(score, ask->number, 1e-6))
        differ_in_model(c, ask, "");
}

static void answer_model_at_least(struct comparing *c, const struct rule_test_ask *ask)
{
    if (!(model_of(c, ask)->score >= ask->number))
        differ_in_model(c, ask, ">= ");
}

static void answer_model_below(struct comparing *c, const struct rule_test_ask *ask)
{
    if (!(model_of(c, ask)->score < ask->number))
        differ_in_model(c, ask, "< ");
}

static void answer_model_missing(struct comparing *c, const struct rule_test_ask *ask)
{
    int n_missing = model_of(c, ask)->n_missing;
    if (n_missing != (int)ask->number)
        differ_in_number(c, ask, c->snap->models.items[ask->index].name, n_missing);
}

/* ---- labels ---- */

/* The answer ends in "status":"recorded"}. */
static const char *status_of(const struct comparing *c)
{
    struct span answer = c->score->answer;
    for (int i = 0; rule_test_statuses[i] != NULL; i++) {
        char end[32];
        int len = snprintf(end, sizeof end, "\"%s\"}", rule_test_statuses[i]);
        if (answer.len >= (size_t)len &&
            memcmp(answer.base + answer.len - len, end, (size_t)len) == 0)
            return rule_test_statuses[i];
    }
    return "unknown";
}

static void answer_status(struct comparing *c, const struct rule_test_ask *ask)
{
    struct sides s;
    const char *status = status_of(c);
    if (span_is(ask->text, status))
        return;
    sides_init(&s);
    text_put(&s.expected, ask->text);
    text_str(&s.actual, status);
    differ(c, ask, span_of(NULL, 0), &s.expected, &s.actual);
}

/* ---- one event ---- */

static void (*const answers[])(struct comparing *c, const struct rule_test_ask *ask) = {
    [ASK_DECISION] = answer_decision,
    [ASK_SCORE] = answer_score,
    [ASK_FIRED] = answer_fired,
    [ASK_NOT_FIRED] = answer_not_fired,
    [ASK_NONE_FIRED] = answer_none_fired,
    [ASK_SHADOW] = answer_shadow,
    [ASK_NO_OTHER_SHADOW] = answer_no_other_shadow,
    [ASK_REASON] = answer_reason,
    [ASK_VALUE] = answer_value,
    [ASK_EXACT] = answer_exact,
    [ASK_LO] = answer_bound,
    [ASK_HI] = answer_bound,
    [ASK_MODEL] = answer_model,
    [ASK_MODEL_AT_LEAST] = answer_model_at_least,
    [ASK_MODEL_BELOW] = answer_model_below,
    [ASK_MODEL_MISSING] = answer_model_missing,
    [ASK_STATUS] = answer_status,
};

static void put_hit(const struct hit *h, bool in_shadow, struct text *out)
{
    text_printf(out, "%s%.*s ", out->len > 0 ? ", " : "", SPAN_ARG(h->rule->id));
    text_double(out, h->score);
    text_str(out, in_shadow ? " (shadow)" : "");
}

/* "account-burst 80, night 1 (shadow)"; those that there is no room for are dots. */
static void put_fired(const struct comparing *c, struct text *out)
{
    static const char more[] = ", ...";
    const struct hit *const lists[] = {hits_of(c)->fired, hits_of(c)->shadow};
    out->cap -= sizeof more - 1;
    for (int i = 0; i < 2; i++)
        for (const struct hit *h = lists[i]; h != NULL && !out->overflow; h = h->next) {
            size_t mark = out->len;
            put_hit(h, i == 1, out);
            out->len = out->overflow ? mark : out->len;
        }
    out->cap += sizeof more - 1;
    text_str(out, out->overflow ? more : "");
}

static struct span fired_text(const struct comparing *c)
{
    char buf[FIRED_MAX];
    struct text t;
    text_init(&t, buf, sizeof buf);
    put_fired(c, &t);
    return arena_copy(c->arena, text_span(&t));
}

/* The event itself did not become what was asked about. */
static void differ_in_all(struct comparing *c, const struct yaml_node *at,
                          const struct text *actual)
{
    struct rule_test_ask ask = {.kind = ASK_EVENT, .at = at};
    struct sides s;
    sides_init(&s);
    text_str(&s.expected, "is taken");
    differ(c, &ask, span_of(NULL, 0), &s.expected, actual);
}

static void tell_refused(struct comparing *c, const struct yaml_node *at, const char *pointer,
                         const char *detail)
{
    struct sides s;
    sides_init(&s);
    text_printf(&s.actual, "is refused: at %s: %s", pointer[0] != '\0' ? pointer : "/", detail);
    differ_in_all(c, at, &s.actual);
}

/* The first answer stands in the claim, and tells less than is asked. */
static void tell_replayed(struct comparing *c, const struct yaml_node *at)
{
    struct sides s;
    sides_init(&s);
    text_str(&s.actual, "is a retry: it gets the answer of the event that had its id first");
    differ_in_all(c, at, &s.actual);
}

static void compare(struct comparing *c, const struct rule_test_event *event)
{
    const struct score *s = c->score;
    switch (s->kind) {
    case SCORE_DECIDED:
        if (event->n_asks > 0 && score_decision(s) == NULL) {
            tell_replayed(c, event->node);
            break;
        }
        /* fall through */
    case SCORE_LABELLED:
    case SCORE_PARKED:
        for (int i = 0; i < event->n_asks; i++)
            answers[event->asks[i].kind](c, &event->asks[i]);
        break;
    case SCORE_REFUSED:
    case SCORE_CONFLICT:
        tell_refused(c, event->node, s->error.pointer, s->error.detail);
        break;
    case SCORE_UNAVAILABLE:
    case SCORE_OVERLOADED:
        tell_refused(c, event->node, "", "it needs more room than an event may have");
        break;
    }
}

bool rule_test_compare(const struct snapshot *snap, const struct score *score,
                       const struct rule_test_event *event, struct arena *arena,
                       struct rule_test_failure *ret_failure)
{
    struct rule_test_failure f = {.event = event};
    struct comparing c = {
        .snap = snap, .score = score, .arena = arena, .failure = &f, .end = &f.differences};
    compare(&c, event);
    if (f.n_differences == 0)
        return true;
    if (score->kind != SCORE_REFUSED && score->kind != SCORE_OVERLOADED)
        f.transaction_id = arena_copy(arena, score_transaction_id(score));
    f.is_decided = score->kind == SCORE_DECIDED && score_decision(score) != NULL;
    if (f.is_decided)
        f.fired = fired_text(&c);
    *ret_failure = f;
    return false;
}
