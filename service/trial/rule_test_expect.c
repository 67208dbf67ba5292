#include "service/trial/rule_test_expect.h"

#include "service/base/check.h"

#include <stdio.h>

/* ---- what may stand there ---- */

static const struct shape text = {.kind = SHAPE_TEXT};
static const struct shape number = {.kind = SHAPE_NUMBER};
static const struct shape flag = {.kind = SHAPE_BOOL};
static const struct shape null = {.kind = SHAPE_NULL};
static const struct shape ids = {.kind = SHAPE_LIST, .of = &text};
static const struct shape texts = {.kind = SHAPE_MAPPING, .of = &text};
static const char *const decisions[] = {"allow", "flag"};
static const struct shape decision = {.kind = SHAPE_CHOICE, SHAPE_ROW(choices, decisions)};
const char *const rule_test_statuses[] = {"recorded", "duplicate", "parked", NULL};
static const struct shape status = {
    .kind = SHAPE_CHOICE, .choices = rule_test_statuses, .n_choices = 3};

static const struct shape *const number_or_null[] = {&number, &null};
static const struct shape value = {.kind = SHAPE_EITHER, SHAPE_ROW(either, number_or_null)};
static const struct shape_key part_keys[] = {
    {"value", &value, false, "A number; `null`: missing."},
    {"exact", &flag, false, "Is it exact? Past `exact_events` it may have bounds instead."},
    {"lo", &number, false, "Its lower bound."},
    {"hi", &number, false, "Its upper bound."},
};
static const struct shape parts = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, part_keys)};
static const struct shape *const any_feature[] = {&number, &null, &parts};
static const struct shape feature = {.kind = SHAPE_EITHER, SHAPE_ROW(either, any_feature)};
static const struct shape features = {.kind = SHAPE_MAPPING, .of = &feature};

static const struct shape count = {.kind = SHAPE_INT, .min = 0, .max = MODEL_INPUTS_MAX};
static const struct shape_key score_keys[] = {
    {"score", &value, false, "A number; `null`: it has none."},
    {"at_least", &number, false, "Its score is this or more."},
    {"below", &number, false, "Its score is less."},
    {"missing", &count, false, "How many of its inputs are missing."},
};
static const struct shape scored = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, score_keys)};
static const struct shape *const any_model[] = {&number, &null, &scored};
static const struct shape model = {.kind = SHAPE_EITHER, SHAPE_ROW(either, any_model)};
static const struct shape models = {.kind = SHAPE_MAPPING, .of = &model};

static const struct shape_key expect_keys[] = {
    {"decision", &decision, false, "What is decided."},
    {"score", &number, false, "The sum of the scores."},
    {"fired", &ids, false, "Live rules that must fire; `[]` says that none does."},
    {"not_fired", &ids, false, "Live rules that must not fire."},
    {"shadow", &ids, false, "The shadow rules that fire, all of them, in any order."},
    {"reasons", &texts, false, "`rule: text`: the reason that a rule that fires gives."},
    {"features", &features, false,
     "`name: value`; `null`: missing; `name: {value: 9, exact: false, lo: 8, hi: 12}`."},
    {"models", &models, false,
     "`name: score`, within a millionth; `null`: it has none; `name: {at_least: 0.9, missing: 0}`; "
     "`name: {below: 0.1}`."},
    {"status", &status, false, "Of a label: what becomes of it."},
};
const struct shape rule_test_expect_shape = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, expect_keys)};

/* ---- asking ---- */

/* The questions of one event, while they are read. */
struct asking {
    const struct rule_test_load *l;
    struct rule_test_ask *asks;
    int count, room;
    bool failed;
};

void *rule_test_alloc(const struct rule_test_load *l, size_t size_bytes)
{
    void *mem;
    if (arena_alloc(l->arena, size_bytes, &mem) == ST_OK)
        return mem;
    diag_error(l->diags, (struct diag_at){.file = l->yaml->name}, "split the file",
               "the file needs more memory than is set aside for it");
    return NULL;
}

static struct rule_test_ask *ask(struct asking *a, enum rule_test_ask_kind kind,
                                 const struct yaml_node *at, int index)
{
    CHECK(a->count < a->room);
    struct rule_test_ask *q = &a->asks[a->count++];
    *q = (struct rule_test_ask){.kind = kind, .at = at, .index = index};
    return q;
}

static bool fail(struct asking *a, struct diag_at at, const char *hint, const char *message)
{
    diag_error(a->l->diags, at, hint, "%s", message);
    a->failed = true;
    return false;
}

static bool is_kind(struct asking *a, const struct yaml_node *node, enum yaml_kind kind,
                    const char *example)
{
    return node->kind == kind ||
           fail(a, yaml_at(a->l->yaml, node), example,
                kind == YAML_SEQUENCE ? "expected a list" : "expected a mapping of 'key: value'");
}

/* ---- names ---- */

/* `what` is not there; said with the nearest of `names`. */
static void refuse_name(struct asking *a, struct diag_at at, const char *what, struct span name,
                        const char *const *names, int n)
{
    char hint[DIAG_MESSAGE_MAX] = "";
    const char *nearest = diag_nearest(name, names, (size_t)n);
    if (nearest != NULL)
        snprintf(hint, sizeof hint, "did you mean '%s'?", nearest);
    diag_error(a->l->diags, at, hint, "there is no %s '%.*s'", what, SPAN_ARG(name));
    a->failed = true;
}

/* The rule's index, or -1 with a diagnostic. */
static int find_rule(struct asking *a, struct span id, struct diag_at at)
{
    const struct rules *rules = a->l->snap->rules;
    const char *names[RULES_MAX];
    for (int i = 0; i < rules->count; i++) {
        if (span_eq(rules->rules[i]->id, id))
            return i;
        names[i] = rules->rules[i]->id.base; /* with a NUL behind it */
    }
    refuse_name(a, at, "rule", id, names, rules->count);
    return -1;
}

static int find_feature(struct asking *a, struct span name, struct diag_at at)
{
    const struct feature_set *set = &a->l->snap->features;
    const char *names[FEATURES_MAX];
    for (int i = 0; i < set->n_features; i++) {
        if (span_eq(set->features[i].name, name))
            return i;
        names[i] = set->features[i].name.base;
    }
    refuse_name(a, at, "feature", name, names, set->n_features);
    return -1;
}

static int find_model(struct asking *a, struct span name, struct diag_at at)
{
    const struct model_set *set = &a->l->snap->models;
    const char *names[MODELS_MAX];
    int index = model_set_find(set, name);
    if (index >= 0)
        return index;
    for (int i = 0; i < set->count; i++)
        names[i] = set->items[i].name.base;
    refuse_name(a, at, "model", name, names, set->count);
    return -1;
}

/* ---- one function a key ---- */

static void ask_decision(struct asking *a, const struct yaml_node *node)
{
    struct span said;
    if (!yaml_string(a->l->yaml, node, a->l->diags, &said))
        a->failed = true;
    else if (!span_is(said, "allow") && !span_is(said, "flag"))
        fail(a, yaml_at(a->l->yaml, node), NULL, "expected allow or flag");
    else
        ask(a, ASK_DECISION, node, -1)->flag = span_is(said, "flag");
}

static void ask_number(struct asking *a, enum rule_test_ask_kind kind, const struct yaml_node *node,
                       int index)
{
    double v;
    if (yaml_double(a->l->yaml, node, a->l->diags, &v))
        ask(a, kind, node, index)->number = v;
    else
        a->failed = true;
}

static void ask_score(struct asking *a, const struct yaml_node *node)
{
    ask_number(a, ASK_SCORE, node, -1);
}

/* A list of ids; each is a question of `kind`. */
static void ask_rules(struct asking *a, enum rule_test_ask_kind kind, const struct yaml_node *node)
{
    if (!is_kind(a, node, YAML_SEQUENCE, "fired: [account-burst]"))
        return;
    for (const struct yaml_node *n = node->child; n != NULL; n = n->next) {
        struct span id;
        int index = -1;
        if (yaml_string(a->l->yaml, n, a->l->diags, &id))
            index = find_rule(a, id, yaml_at(a->l->yaml, n));
        if (index >= 0)
            ask(a, kind, n, index);
        else
            a->failed = true;
    }
}

static void ask_fired(struct asking *a, const struct yaml_node *node)
{
    ask_rules(a, ASK_FIRED, node);
    if (node->kind == YAML_SEQUENCE && node->count == 0)
        ask(a, ASK_NONE_FIRED, node, -1);
}

static void ask_not_fired(struct asking *a, const struct yaml_node *node)
{
    ask_rules(a, ASK_NOT_FIRED, node);
}

static void ask_shadow(struct asking *a, const struct yaml_node *node)
{
    int first = a->count;
    ask_rules(a, ASK_SHADOW, node);
    int n = a->count - first;
    int *rules = rule_test_alloc(a->l, (size_t)(n + 1) * sizeof *rules);
    if (rules == NULL) {
        a->failed = true;
        return;
    }
    for (int i = 0; i < n; i++)
        rules[i] = a->asks[first + i].index;
    struct rule_test_ask *q = ask(a, ASK_NO_OTHER_SHADOW, node, -1);
    q->rules = rules;
    q->n_rules = n;
}

static void ask_reasons(struct asking *a, const struct yaml_node *node)
{
    if (!is_kind(a, node, YAML_MAPPING, "reasons: {account-burst: 11 payments in 5 minutes}"))
        return;
    for (const struct yaml_node *n = node->child; n != NULL; n = n->next) {
        struct span said;
        int index = find_rule(a, n->key, yaml_key_at(a->l->yaml, n));
        if (!yaml_string(a->l->yaml, n, a->l->diags, &said))
            a->failed = true;
        else if (index >= 0)
            ask(a, ASK_REASON, n, index)->text = said;
    }
}

static void ask_value(struct asking *a, enum rule_test_ask_kind kind, const struct yaml_node *node,
                      int index)
{
    if (yaml_is_null(node))
        ask(a, kind, node, index)->flag = true;
    else
        ask_number(a, kind, node, index);
}

static void ask_exact(struct asking *a, const struct yaml_node *node, int index)
{
    bool v;
    if (yaml_bool(a->l->yaml, node, a->l->diags, &v))
        ask(a, ASK_EXACT, node, index)->flag = v;
    else
        a->failed = true;
}

/* {value: 9, exact: false, lo: 8, hi: 12} */
static void ask_parts(struct asking *a, const struct yaml_node *node, int index)
{
    const struct yaml_node *v = yaml_get(node, "value"), *exact = yaml_get(node, "exact");
    const struct yaml_node *lo = yaml_get(node, "lo"), *hi = yaml_get(node, "hi");
    if (!shape_only(a->l->yaml, node, &parts, a->l->diags)) {
        a->failed = true;
        return;
    }
    if (v != NULL)
        ask_value(a, ASK_VALUE, v, index);
    if (exact != NULL)
        ask_exact(a, exact, index);
    if (lo != NULL)
        ask_number(a, ASK_LO, lo, index);
    if (hi != NULL)
        ask_number(a, ASK_HI, hi, index);
}

static void ask_features(struct asking *a, const struct yaml_node *node)
{
    if (!is_kind(a, node, YAML_MAPPING, "features: {account_tx_count_5m: 11}"))
        return;
    for (const struct yaml_node *n = node->child; n != NULL; n = n->next) {
        int index = find_feature(a, n->key, yaml_key_at(a->l->yaml, n));
        if (index >= 0 && n->kind == YAML_MAPPING)
            ask_parts(a, n, index);
        else if (index >= 0)
            ask_value(a, ASK_VALUE, n, index);
    }
}

static void ask_model_missing(struct asking *a, const struct yaml_node *node, int index)
{
    int64_t n;
    if (yaml_int(a->l->yaml, node, 0, MODEL_INPUTS_MAX, a->l->diags, &n))
        ask(a, ASK_MODEL_MISSING, node, index)->number = (double)n;
    else
        a->failed = true;
}

/* {at_least: 0.9, below: 0.95, missing: 0} */
static void ask_model_parts(struct asking *a, const struct yaml_node *node, int index)
{
    const struct yaml_node *score = yaml_get(node, "score"), *missing = yaml_get(node, "missing");
    const struct yaml_node *least = yaml_get(node, "at_least"), *below = yaml_get(node, "below");
    if (!shape_only(a->l->yaml, node, &scored, a->l->diags)) {
        a->failed = true;
        return;
    }
    if (score != NULL)
        ask_value(a, ASK_MODEL, score, index);
    if (least != NULL)
        ask_number(a, ASK_MODEL_AT_LEAST, least, index);
    if (below != NULL)
        ask_number(a, ASK_MODEL_BELOW, below, index);
    if (missing != NULL)
        ask_model_missing(a, missing, index);
}

static void ask_models(struct asking *a, const struct yaml_node *node)
{
    if (!is_kind(a, node, YAML_MAPPING, "models: {fraud: {at_least: 0.9}}"))
        return;
    for (const struct yaml_node *n = node->child; n != NULL; n = n->next) {
        int index = find_model(a, n->key, yaml_key_at(a->l->yaml, n));
        if (index >= 0 && n->kind == YAML_MAPPING)
            ask_model_parts(a, n, index);
        else if (index >= 0)
            ask_value(a, ASK_MODEL, n, index);
    }
}

static void ask_status(struct asking *a, const struct yaml_node *node)
{
    struct span said;
    if (!yaml_string(a->l->yaml, node, a->l->diags, &said)) {
        a->failed = true;
        return;
    }
    for (int i = 0; rule_test_statuses[i] != NULL; i++)
        if (span_is(said, rule_test_statuses[i])) {
            ask(a, ASK_STATUS, node, -1)->text = said;
            return;
        }
    fail(a, yaml_at(a->l->yaml, node), NULL, "expected recorded, duplicate or parked");
}

/* In the order of expect_keys. */
static const struct {
    const char *key;
    void (*read)(struct asking *a, const struct yaml_node *node);
    bool of_label; /* of a label alone, or of a transaction alone */
} readers[] = {
    {"decision", ask_decision, false}, {"score", ask_score, false},
    {"fired", ask_fired, false},       {"not_fired", ask_not_fired, false},
    {"shadow", ask_shadow, false},     {"reasons", ask_reasons, false},
    {"features", ask_features, false}, {"models", ask_models, false},
    {"status", ask_status, true},
};

static void read_one(struct asking *a, const struct yaml_node *node, bool is_label)
{
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        if (!span_is(node->key, readers[i].key))
            continue;
        if (readers[i].of_label == is_label)
            readers[i].read(a, node);
        else
            fail(a, yaml_key_at(a->l->yaml, node),
                 is_label
                     ? "`expect: {status: recorded}`; what it changes is seen at the next event"
                     : NULL,
                 is_label ? "a label is not decided upon" : "only a label has a status");
    }
}

/* Each scalar below the node asks once at most, and each list or mapping once more. */
static int asks_at_most(const struct yaml_node *node)
{
    int n = 0;
    for (const struct yaml_node *key = node->child; key != NULL; key = key->next) {
        n += 1 + key->count;
        for (const struct yaml_node *item = key->child; item != NULL; item = item->next)
            n += item->count;
    }
    return n;
}

enum status rule_test_expect(const struct rule_test_load *l, const struct yaml_node *node,
                             bool is_label, const struct rule_test_ask **ret_asks, int *ret_count)
{
    struct asking a = {.l = l, .room = asks_at_most(node)};
    if (!shape_only(l->yaml, node, &rule_test_expect_shape, l->diags))
        return ST_INVALID;
    a.asks = rule_test_alloc(l, (size_t)(a.room + 1) * sizeof *a.asks);
    if (a.asks == NULL)
        return ST_NO_SPACE;
    for (const struct yaml_node *n = node->child; n != NULL; n = n->next)
        read_one(&a, n, is_label);
    if (a.failed)
        return ST_INVALID;
    *ret_asks = a.asks;
    *ret_count = a.count;
    return ST_OK;
}
