#include "service/trial/rule_test.h"

#include "service/base/check.h"
#include "service/base/yaml_path.h"
#include "service/trial/rule_test_expect.h"
#include "service/txn/reader.h"

#include <stdio.h>
#include <stdlib.h>

#define START_DEFAULT_MS INT64_C(1767614400000) /* 2026-01-05T12:00:00Z, a Monday */
#define TIME_LAST_MS INT64_C(253402300799999)   /* the last that RFC 3339 can say */

/* ---- what may stand in the file ---- */

static const struct shape any = {.kind = SHAPE_ANY};
static const struct shape text = {.kind = SHAPE_TEXT};
static const struct shape when = {.kind = SHAPE_TIME};
static const struct shape after = {.kind = SHAPE_TEXT, .pattern = "^([0-9]+(ms|s|m|h|d))+$"};
static const struct shape times = {.kind = SHAPE_INT, .min = 1, .max = RULE_TEST_EVENTS_MAX};
static const struct shape fields = {.kind = SHAPE_MAPPING, .of = &any};

static const struct shape_key event_keys[] = {
    {"at", &after, false, "After the start: `90s`, `5m`, `7d1h`, `1500ms`."},
    {"every", &after, false, "The same event again and again, so far apart."},
    {"times", &times, false, "How often; 1 when left out."},
    {"expect", &rule_test_expect_shape, false,
     "What must come of it; nothing is asked of what is left out."},
};
static const struct shape event = {.kind = SHAPE_MAPPING, .of = &any, SHAPE_ROW(keys, event_keys)};
static const struct shape events = {
    .kind = SHAPE_LIST, .of = &event, .min = 1, .max = RULE_TEST_EVENTS_MAX};

static const struct shape_key test_keys[] = {
    {"name", &text, true, "A sentence: what is so."},
    {"start", &when, false, "The instant from which `at` counts."},
    {"defaults", &fields, false, "Fields of each event of this test that has no others."},
    {"events", &events, true,
     "In order of arrival: `at`, fields of the schema, and what is expected. `kind: label` with "
     "`transaction_id` and `outcome` is a label."},
};
static const struct shape test = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, test_keys)};
static const struct shape tests = {
    .kind = SHAPE_LIST, .of = &test, .min = 1, .max = RULE_TESTS_MAX};

static const struct shape_key book_keys[] = {
    {"ruleset", &text, true, "The ruleset file, relative to this one."},
    {"defaults", &fields, false, "Fields of each event of each test that has no others."},
    {"tests", &tests, true, "Each starts from nothing."},
};
const struct shape rule_test_shape = {
    .kind = SHAPE_MAPPING, .title = "Tests of a ruleset of Sluice", SHAPE_ROW(keys, book_keys)};

/* Where fields stand. */
enum place { IN_DEFAULTS, IN_TRANSACTION, IN_LABEL };

/* What a label has besides the fields of the schema. Its `timestamp` is `at`. */
static const char *const label_keys[] = {"kind", "outcome", "transaction_timestamp"};
enum { LABEL_KEYS = sizeof label_keys / sizeof *label_keys };
enum { EVENT_KEYS = sizeof event_keys / sizeof *event_keys };

/* ---- what is wrong ---- */

static bool fail(const struct rule_test_load *l, const struct yaml_node *node, const char *hint,
                 const char *message)
{
    diag_error(l->diags, yaml_at(l->yaml, node), hint, "%s", message);
    return false;
}

static bool fail_key(const struct rule_test_load *l, const struct yaml_node *node, const char *hint,
                     const char *message)
{
    diag_error(l->diags, yaml_key_at(l->yaml, node), hint, "%s", message);
    return false;
}

/* The list below `key` of `map`, of 1 to `max`; NULL with a diagnostic. */
static const struct yaml_node *list_of(const struct rule_test_load *l, const struct yaml_node *map,
                                       const char *key, const char *example, int max)
{
    const struct yaml_node *list = yaml_get(map, key);
    char message[64];
    if (list == NULL)
        snprintf(message, sizeof message, "`%s:` is missing", key);
    else if (list->kind != YAML_SEQUENCE || list->count == 0)
        snprintf(message, sizeof message, "`%s:` is a list of one at least", key);
    else if (list->count > max)
        snprintf(message, sizeof message, "more than %d %s", max, key);
    else
        return list;
    fail(l, list != NULL ? list : map, example, message);
    return NULL;
}

/* ---- times ---- */

/* The milliseconds of the unit that `rest` begins with, which goes; 0: it is none. */
static int64_t take_unit(struct span *rest)
{
    static const struct {
        const char *suffix;
        int64_t ms;
    } units[] = {
#define X(suffix, ms) {suffix, ms},
        YAML_DURATION_TABLE(X) /* "ms" stands before "m", which it begins with */
#undef X
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct span suffix = span_str(units[i].suffix);
        if (span_starts(*rest, suffix)) {
            *rest = span_of(rest->base + suffix.len, rest->len - suffix.len);
            return units[i].ms;
        }
    }
    return 0;
}

/* "7d1h" */
static bool parse_after(struct span said, int64_t *ret_ms)
{
    int64_t sum = 0;
    while (said.len > 0) {
        int64_t n = 0;
        size_t digits = 0;
        for (; digits < said.len && said.base[digits] >= '0' && said.base[digits] <= '9'; digits++)
            if ((n = n * 10 + said.base[digits] - '0') > YAML_DURATION_MAX_MS)
                return false;
        said = span_of(said.base + digits, said.len - digits);
        int64_t unit = digits > 0 ? take_unit(&said) : 0;
        if (unit == 0 || n > (YAML_DURATION_MAX_MS - sum) / unit)
            return false;
        sum += n * unit;
    }
    *ret_ms = sum;
    return true;
}

/* `at` or `every`; 0 when it is not there. */
static bool read_after(const struct rule_test_load *l, const struct yaml_node *event_node,
                       const char *key, int64_t *ret_ms)
{
    const struct yaml_node *node = yaml_get(event_node, key);
    if (node == NULL)
        return true;
    return (node->kind == YAML_SCALAR && node->text.len > 0 && parse_after(node->text, ret_ms)) ||
           fail(l, node, "90s, 5m, 7d1h, 1500ms; at most 36500d",
                "expected a time after the start");
}

static bool read_start(const struct rule_test_load *l, const struct yaml_node *test_node,
                       int64_t *ret_ms)
{
    const struct yaml_node *node = yaml_get(test_node, "start");
    if (node == NULL)
        return true;
    return (node->kind == YAML_SCALAR && reader_timestamp(node->text, ret_ms)) ||
           fail(l, node, "start: 2026-01-05T12:00:00Z",
                "expected an instant in RFC 3339, with its offset");
}

/* ---- fields ---- */

static bool is_event_key(struct span name)
{
    for (int i = 0; i < EVENT_KEYS; i++)
        if (span_is(name, event_keys[i].name))
            return true;
    return false;
}

static bool is_label_key(struct span name)
{
    for (int i = 0; i < LABEL_KEYS; i++)
        if (span_is(name, label_keys[i]))
            return true;
    return false;
}

static bool refuse_field(const struct rule_test_load *l, const struct yaml_node *node)
{
    const char *names[SCHEMA_FIELDS_MAX + EVENT_KEYS + LABEL_KEYS];
    const struct schema *schema = &l->snap->schema;
    char hint[DIAG_MESSAGE_MAX] = "";
    size_t n = 0;
    for (int i = 0; i < schema->count; i++)
        names[n++] = schema->fields[i].name.base; /* with a NUL behind it */
    for (int i = 0; i < EVENT_KEYS; i++)
        names[n++] = event_keys[i].name;
    for (int i = 0; i < LABEL_KEYS; i++)
        names[n++] = label_keys[i];
    const char *nearest = diag_nearest(node->key, names, n);
    if (nearest != NULL)
        snprintf(hint, sizeof hint, "did you mean '%s'?", nearest);
    diag_error(l->diags, yaml_key_at(l->yaml, node), hint, "the schema has no field '%.*s'",
               SPAN_ARG(node->key));
    return false;
}

/* {lat: 50.85, lon: 4.35} */
static bool is_place(const struct rule_test_load *l, const struct yaml_node *node)
{
    static const char *const known[] = {"lat", "lon"};
    double degrees;
    if (!yaml_only(l->yaml, node, known, 2, l->diags))
        return false;
    for (const struct yaml_node *n = node->child; n != NULL; n = n->next)
        if (!yaml_double(l->yaml, n, l->diags, &degrees))
            return false;
    return true;
}

static bool is_value(const struct rule_test_load *l, const struct field *of,
                     const struct yaml_node *node)
{
    bool is_geo = of != NULL && of->type == FIELD_GEO;
    if (node->kind == YAML_SCALAR)
        return true;
    if (is_geo && node->kind == YAML_MAPPING)
        return is_place(l, node);
    return fail(l, node, is_geo ? "{lat: 50.85, lon: 4.35}" : NULL,
                is_geo ? "expected a place" : "expected a value, not a list or mapping");
}

/* A field of the schema, or what a label has besides. */
static bool read_field(const struct rule_test_load *l, const struct yaml_node *node,
                       enum place place, struct rule_test_field *ret_field)
{
    int slot = schema_find(&l->snap->schema, node->key);
    bool is_kind = place != IN_DEFAULTS && span_is(node->key, "kind");
    if (slot < 0 && !is_label_key(node->key))
        return refuse_field(l, node);
    if (slot < 0 && place != IN_LABEL && !is_kind)
        return fail_key(l, node, "kind: label", "this is a member of labels alone");
    if (slot == SCHEMA_TIMESTAMP)
        return fail_key(l, node, "at: 5m", "an event's time is `start` and what `at` adds");
    *ret_field = (struct rule_test_field){slot >= 0 ? &l->snap->schema.fields[slot] : NULL, node};
    return is_value(l, ret_field->of, node);
}

/* The members of `node`, but for an event's own keys; `node` may be NULL: none. */
static bool read_fields(const struct rule_test_load *l, const struct yaml_node *node,
                        enum place place, struct rule_test_fields *ret_fields)
{
    bool ok = true;
    if (node == NULL)
        return true;
    if (node->kind != YAML_MAPPING)
        return fail(l, node, "{account_id: a-1, amount: 30.00}", "expected a mapping of fields");
    struct rule_test_field *items = rule_test_alloc(l, (size_t)(node->count + 1) * sizeof *items);
    int n = 0;
    for (const struct yaml_node *f = node->child; items != NULL && f != NULL; f = f->next)
        if (place == IN_DEFAULTS || !is_event_key(f->key))
            ok = read_field(l, f, place, &items[n++]) && ok;
    *ret_fields = (struct rule_test_fields){items, n};
    return ok && items != NULL;
}

/* ---- events ---- */

static bool read_kind(const struct rule_test_load *l, const struct yaml_node *node,
                      bool *ret_is_label)
{
    const struct yaml_node *kind = yaml_get(node, "kind");
    if (kind == NULL)
        return true;
    if (kind->kind != YAML_SCALAR ||
        !(span_is(kind->text, "label") || span_is(kind->text, "transaction")))
        return fail(l, kind, NULL, "expected label or transaction");
    *ret_is_label = span_is(kind->text, "label");
    return true;
}

static bool has_what_a_label_needs(const struct rule_test_load *l, const struct yaml_node *node)
{
    return (yaml_get(node, "transaction_id") != NULL && yaml_get(node, "outcome") != NULL) ||
           fail(l, node, "{at: 1d, kind: label, transaction_id: t-1, outcome: fraud}",
                "a label has `transaction_id` and `outcome`");
}

static bool read_times(const struct rule_test_load *l, const struct yaml_node *node,
                       struct rule_test_event *e)
{
    const struct yaml_node *times_node = yaml_get(node, "times");
    int64_t n = 1;
    if (times_node != NULL && !yaml_int(l->yaml, times_node, 1, RULE_TEST_EVENTS_MAX, l->diags, &n))
        return false;
    e->times = (int)n;
    return read_after(l, node, "at", &e->at_ms) && read_after(l, node, "every", &e->every_ms);
}

static bool read_event(const struct rule_test_load *l, const struct yaml_node *node,
                       struct rule_test_event *e)
{
    const struct yaml_node *expect = yaml_get(node, "expect");
    e->node = node;
    if (node->kind != YAML_MAPPING)
        return fail(l, node, "{at: 10s, amount: 30.00}", "an event is a mapping");
    bool ok = read_times(l, node, e);
    ok = read_kind(l, node, &e->is_label) && ok;
    ok = read_fields(l, node, e->is_label ? IN_LABEL : IN_TRANSACTION, &e->fields) && ok;
    ok = (!e->is_label || has_what_a_label_needs(l, node)) && ok;
    if (expect == NULL)
        return ok;
    return rule_test_expect(l, expect, e->is_label, &e->asks, &e->n_asks) == ST_OK && ok;
}

/* Can the time of its last be written? */
static bool is_in_time(const struct rule_test *t, const struct rule_test_event *e)
{
    int64_t room = TIME_LAST_MS - t->start_ms - e->at_ms;
    return room >= 0 && (e->every_ms == 0 || (e->times - 1) <= room / e->every_ms);
}

static bool read_events(const struct rule_test_load *l, const struct yaml_node *list,
                        struct rule_test *t)
{
    struct rule_test_event *all = rule_test_alloc(l, (size_t)list->count * sizeof *all);
    int64_t sum = 0;
    bool ok = all != NULL;
    t->events = all;
    for (const struct yaml_node *n = list->child; all != NULL && n != NULL; n = n->next) {
        struct rule_test_event *e = &all[t->n_events++];
        bool good = read_event(l, n, e);
        if (good && !is_in_time(t, e))
            good = fail(l, n, NULL, "the event lies behind the year 9999");
        sum += e->times;
        ok = good && ok;
    }
    if (sum <= RULE_TEST_EVENTS_MAX)
        return ok;
    diag_error(l->diags, yaml_at(l->yaml, list), "`sluice replay` scores streams",
               "more than %d events in one test, repetitions counted", RULE_TEST_EVENTS_MAX);
    return false;
}

/* ---- tests ---- */

static bool read_name(const struct rule_test_load *l, const struct yaml_node *node,
                      struct span *ret_name)
{
    const struct yaml_node *name = yaml_get(node, "name");
    if (name == NULL)
        return fail(l, node, "name: the eleventh is flagged", "a test has a `name:`");
    return yaml_string(l->yaml, name, l->diags, ret_name);
}

static bool read_test(const struct rule_test_load *l, const struct yaml_node *node,
                      struct rule_test *t)
{
    *t = (struct rule_test){.node = node, .start_ms = START_DEFAULT_MS};
    if (!shape_only(l->yaml, node, &test, l->diags))
        return false;
    const struct yaml_node *list =
        list_of(l, node, "events", "events: [{at: 0s, amount: 30.00}]", RULE_TEST_EVENTS_MAX);
    bool ok = read_name(l, node, &t->name);
    ok = read_start(l, node, &t->start_ms) && ok;
    ok = read_fields(l, yaml_get(node, "defaults"), IN_DEFAULTS, &t->defaults) && ok;
    return list != NULL && read_events(l, list, t) && ok;
}

static bool read_tests(const struct rule_test_load *l, const struct yaml_node *list,
                       struct rule_test_file *f)
{
    struct rule_test *all = rule_test_alloc(l, (size_t)list->count * sizeof *all);
    bool ok = read_fields(l, yaml_get(f->yaml.root, "defaults"), IN_DEFAULTS, &f->defaults);
    f->tests = all;
    for (const struct yaml_node *n = list->child; all != NULL && n != NULL; n = n->next)
        ok = read_test(l, n, &all[f->n_tests++]) && ok;
    return ok && all != NULL;
}

/* ---- the file and its ruleset ---- */

static enum status load_ruleset(const struct rule_test_load *l, const struct snapshot_options *o,
                                struct snapshot **ret_snap)
{
    const struct yaml_node *node = yaml_get(l->yaml->root, "ruleset");
    char path[FILES_PATH_MAX];
    if (node == NULL)
        fail(l, l->yaml->root, "ruleset: ruleset.yaml", "the file names no `ruleset:`");
    if (node == NULL || !yaml_path(l->yaml, node, l->diags, path))
        return ST_INVALID;
    if (!yaml_path_opens(l->yaml, node, path, l->diags))
        return ST_IO;
    return snapshot_load(path, o, l->diags, ret_snap);
}

static enum status load_book(struct rule_test_load *l, const struct snapshot_options *o,
                             struct rule_test_file *f)
{
    const struct yaml_node *root = f->yaml.root;
    if (root == NULL) {
        diag_error(l->diags, (struct diag_at){.file = f->yaml.name}, NULL, "the file is empty");
        return ST_INVALID;
    }
    if (!shape_only(l->yaml, root, &rule_test_shape, l->diags))
        return ST_INVALID;
    const struct yaml_node *list =
        list_of(l, root, "tests", "tests: [{name: ..., events: ...}]", RULE_TESTS_MAX);
    enum status st = load_ruleset(l, o, &f->snap);
    if (st != ST_OK)
        return st;
    l->snap = f->snap;
    return list != NULL && read_tests(l, list, f) ? ST_OK : ST_INVALID;
}

enum status rule_test_load(const char *path, const struct snapshot_options *o, struct arena *arena,
                           struct diag_list *diags, struct rule_test_file *ret_file)
{
    struct rule_test_file f = {.snap = NULL};
    struct rule_test_load l = {.yaml = &f.yaml, .arena = arena, .diags = diags};
    enum status st = yaml_load(path, arena, diags, &f.yaml);
    if (st == ST_OK)
        st = load_book(&l, o, &f);
    if (st == ST_OK)
        *ret_file = f;
    else
        snapshot_unref(f.snap);
    return st;
}

void rule_test_unload(struct rule_test_file *file)
{
    snapshot_unref(file->snap);
    file->snap = NULL;
}
