#include "service/engine/snapshot.h"

#include "rules/cel_share.h"
#include "service/base/check.h"
#include "service/base/hash.h"
#include "service/base/yaml_path.h"
#include "service/engine/bounds.h"
#include "service/engine/budget.h"
#include "service/engine/counterfactual.h"
#include "service/engine/covered.h"
#include "service/engine/meaning.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    NAMES_MAX = SCHEMA_FIELDS_MAX + SNAPSHOT_DERIVED_MAX + FEATURES_MAX + LISTS_MAX + MODELS_MAX,
    FILES_MAX = 1 + LISTS_MAX + 2 * MODELS_MAX + SNAPSHOT_RULE_FILES_MAX,
};

/* ---- what may stand in the file ---- */

static const struct shape expression_shape = {.kind = SHAPE_EXPRESSION, .max = CEL_SOURCE_MAX};
static const struct shape derived_shape = {
    .kind = SHAPE_MAPPING, .max = SNAPSHOT_DERIVED_MAX, .of = &expression_shape};
static const struct shape number_shape = {.kind = SHAPE_NUMBER};
static const struct shape path_shape = {.kind = SHAPE_TEXT};
static const struct shape files_shape = {
    .kind = SHAPE_LIST, .max = SNAPSHOT_RULE_FILES_MAX, .of = &path_shape};

static const struct shape_key keys[] = {
    {"schema", &schema_shape, true, "The fields of a transaction: `name: {type: ...}`."},
    {"derived", &derived_shape, false,
     "`name: CEL` over the fields, the lists and the derived names above it."},
    {"features", &features_shape, false, "What is counted, of whom, over how long."},
    {"lists", &lists_shape, false, "Named lists: `device_id in lists.name`."},
    {"models", &models_shape, false, "Named models: `models.name > 0.9`."},
    {"flag_at", &number_shape, true, "A transaction is flagged from this sum of scores on."},
    {"rules", &files_shape, false, "Files of rules, relative to this one."},
    {"limits", &budget_limits_shape, false, "What a transaction may cost; more is refused."},
};

const struct shape ruleset_shape = {
    .kind = SHAPE_MAPPING, .title = "A ruleset of Sluice", SHAPE_ROW(keys, keys)};

/* What the steps of one load share. */
struct loader {
    const char *path;
    const struct snapshot_options *options;
    struct diag_list *diags;
    struct snapshot *snap;
    struct yaml_file file;
    struct cel_name names[NAMES_MAX];
    struct cel_env env;
    uint64_t meanings[SNAPSHOT_DERIVED_MAX]; /* feature.h */
    struct rule_file rule_files[SNAPSHOT_RULE_FILES_MAX];
    int n_rule_files;
};

/* ---- names: one space for fields, derived fields, features and lists ---- */

static const char *group_of(const struct cel_name *name)
{
    if (name->group != NULL && strcmp(name->group, "models") == 0)
        return "a model";
    return name->constant != NULL ? "a list" : "a field, derived field or feature";
}

static bool is_reserved(struct span name)
{
    return span_is(name, "tx") || span_is(name, "lists") || span_is(name, "models");
}

static bool declare(struct loader *l, struct cel_name name, struct diag_at at)
{
    if (is_reserved(name.name)) {
        diag_error(l->diags, at, "tx, lists and models stand before names", "'%.*s' is reserved",
                   SPAN_ARG(name.name));
        return false;
    }
    for (int i = 0; i < l->env.n_names; i++) {
        if (span_eq(l->names[i].name, name.name)) {
            diag_error(l->diags, at, "names of fields, features, lists and models share one space",
                       "'%.*s' is already the name of %s", SPAN_ARG(name.name),
                       group_of(&l->names[i]));
            return false;
        }
    }
    CHECK(l->env.n_names < NAMES_MAX);
    l->names[l->env.n_names++] = name;
    return true;
}

static struct diag_at place(const struct loader *l, int line, int col)
{
    return (struct diag_at){l->file.name, l->file.content, line, col};
}

/* ---- schema and lists ---- */

static const struct cel_type *field_cel_type(enum field_type type)
{
    switch (type) {
    case FIELD_DECIMAL:
    case FIELD_NUMBER:
        return &cel_type_double;
    case FIELD_INTEGER:
        return &cel_type_int;
    case FIELD_BOOL:
        return &cel_type_bool;
    case FIELD_TIMESTAMP:
        return &cel_type_timestamp;
    case FIELD_GEO:
        return &cel_type_map_string_double;
    default:
        return &cel_type_string;
    }
}

/* A private one leaves no trace in sums. */
static int currency_slot(const struct schema *schema)
{
    int slot = schema_find(schema, span_str("currency"));
    const struct field *f = slot >= 0 ? &schema->fields[slot] : NULL;
    return f != NULL && f->type == FIELD_STRING && !f->card && !f->private ? slot : -1;
}

static bool load_schema(struct loader *l)
{
    struct schema *schema = &l->snap->schema;
    bool ok = true;
    if (schema_load(&l->file, yaml_get(l->file.root, "schema"), l->snap->arena, l->diags, schema) !=
        ST_OK)
        return false;
    for (int i = 0; i < schema->count; i++) {
        const struct field *f = &schema->fields[i];
        struct cel_name name = {.name = f->name,
                                .group = "tx",
                                .type = field_cel_type(f->type),
                                .slot = i,
                                .bounds = bounds_of_field(f, l->snap->arena)};
        ok = declare(l, name, place(l, f->line, f->col)) && ok;
    }
    l->snap->currency_slot = currency_slot(schema);
    l->snap->row_lists = schema->count;
    return ok;
}

/* The member called `key`; the mapping itself when it has none. */
static const struct yaml_node *child_of(const struct yaml_node *map, struct span key)
{
    const struct yaml_node *child = map->child;
    while (child != NULL && !span_eq(child->key, key))
        child = child->next;
    return child != NULL ? child : map;
}

static bool load_lists(struct loader *l)
{
    struct lists *lists = arena_must(l->snap->arena, sizeof *lists);
    const struct yaml_node *node = yaml_get(l->file.root, "lists");
    bool ok = true;
    if (lists_load(&l->file, node, l->snap->arena, l->diags, lists) != ST_OK)
        return false;
    for (int i = 0; i < lists->count; i++) {
        const struct list *list = &lists->items[i];
        int slot = l->snap->row_lists + i;
        struct cel_name name = {.name = list->name,
                                .group = "lists",
                                .type = list->type,
                                .slot = slot,
                                .constant = &list->value};
        list_view_list(list->view)->slot = slot;
        ok = declare(l, name, yaml_key_at(&l->file, child_of(node, list->name))) && ok;
    }
    l->snap->lists = lists;
    l->snap->row_derived = l->snap->row_lists + lists->count;
    return ok;
}

/* digest := SHA-256(digest, SHA-256(bytes)) */
static void chain_hash(unsigned char digest[HASH_SHA256_BYTES], struct span bytes)
{
    unsigned char chain[2 * HASH_SHA256_BYTES];
    memcpy(chain, digest, HASH_SHA256_BYTES);
    hash_sha256(bytes, chain + HASH_SHA256_BYTES);
    hash_sha256(span_of(chain, sizeof chain), digest);
}

/* ---- derived fields ---- */

/* Of those that it reads, which stand before it, their meanings are in its own. */
static uint64_t meaning_of_derived(const struct loader *l, struct span source,
                                   const struct cel_program *program)
{
    unsigned char digest[HASH_SHA256_BYTES] = {0};
    uint64_t meaning;
    chain_hash(digest, source);
    for (int i = 0; i < program->n_reads; i++) {
        int derived = program->reads[i] - l->snap->row_derived;
        if (derived >= 0)
            chain_hash(digest, span_of(&l->meanings[derived], sizeof l->meanings[derived]));
    }
    memcpy(&meaning, digest, sizeof meaning);
    return meaning;
}

bool snapshot_is_private(const struct snapshot *s, int slot)
{
    int derived = slot - s->row_derived;
    if (slot < s->schema.count)
        return s->schema.fields[slot].private;
    return derived >= 0 && derived < s->n_derived && s->derived[derived].is_private;
}

/* Those that it reads stand before it. */
static bool reads_private(const struct snapshot *s, const struct cel_program *program)
{
    for (int i = 0; i < program->n_reads; i++)
        if (snapshot_is_private(s, program->reads[i]))
            return true;
    return false;
}

static bool load_one_derived(struct loader *l, const struct yaml_node *node)
{
    struct snapshot *s = l->snap;
    const struct cel_program *program;
    struct span source;
    if (s->n_derived == SNAPSHOT_DERIVED_MAX) {
        diag_error(l->diags, yaml_key_at(&l->file, node), NULL, "more than %d derived fields",
                   SNAPSHOT_DERIVED_MAX);
        return false;
    }
    if (!yaml_string(&l->file, node, l->diags, &source) ||
        cel_compile(&l->env, source, yaml_body_at(&l->file, node), s->arena, l->diags, &program) !=
            ST_OK)
        return false;
    struct cel_name name = {.name = node->key,
                            .group = "tx",
                            .type = program->result,
                            .slot = s->row_derived + s->n_derived,
                            .bounds = program->bounds};
    if (!declare(l, name, yaml_key_at(&l->file, node)))
        return false;
    uint64_t meaning = meaning_of_derived(l, source, program);
    l->meanings[s->n_derived] = meaning;
    s->derived[s->n_derived++] = (struct snapshot_derived){.name = node->key,
                                                           .program = program,
                                                           .meaning = meaning,
                                                           .is_private = reads_private(s, program)};
    return true;
}

static bool load_derived(struct loader *l)
{
    const struct yaml_node *node = yaml_get(l->file.root, "derived");
    bool ok = true;
    if (node != NULL && node->kind != YAML_MAPPING) {
        diag_error(l->diags, yaml_at(&l->file, node), NULL,
                   "`derived:` is a mapping of names to expressions");
        return false;
    }
    l->env.unknown_hint = "`derived:` sees fields, lists and the derived names above; no features";
    for (const struct yaml_node *d = node ? node->child : NULL; d != NULL; d = d->next)
        ok = load_one_derived(l, d) && ok;
    l->snap->row_features = l->snap->row_derived + l->snap->n_derived;
    return ok;
}

/* ---- features ---- */

static bool load_features(struct loader *l)
{
    struct snapshot *s = l->snap;
    bool ok = true;
    l->env.unknown_hint = "`where:` sees the transaction only: fields, derived names, lists; "
                          "no features";
    struct feature_meanings meanings = {s->row_derived, s->n_derived, l->meanings};
    if (feature_load(&l->file, yaml_get(l->file.root, "features"), &l->env, &meanings,
                     l->options->exact_events, &s->schema, s->arena, l->diags,
                     &s->features) != ST_OK)
        return false;
    s->row_covered = s->row_features + s->features.n_features;
    for (int i = 0; i < s->features.n_features; i++) {
        const struct feature *f = &s->features.features[i];
        const struct cel_type *type = f->is_int ? &cel_type_int : &cel_type_double;
        struct cel_name name = {.name = f->name,
                                .group = "tx",
                                .type = type,
                                .slot = s->row_features + i,
                                .covered_slot = s->row_covered + i,
                                .bounds = bounds_of_feature(f, s->arena)};
        ok = declare(l, name, place(l, f->line, f->col)) && ok;
    }
    s->row_models = s->row_covered + s->features.n_features;
    l->env.unknown_hint = NULL;
    return ok;
}

/* ---- models ---- */

static bool load_models(struct loader *l)
{
    struct snapshot *s = l->snap;
    const struct model_names names = {&l->env, s->row_features, s->features.n_features};
    bool ok = true;
    if (model_set_load(&l->file, yaml_get(l->file.root, "models"), &names, s->arena, l->diags,
                       &s->models) != ST_OK)
        return false;
    s->row_count = s->row_models + s->models.count;
    for (int i = 0; i < s->models.count; i++) {
        const struct bound_model *m = &s->models.items[i];
        struct cel_bounds *bounds = arena_must(s->arena, sizeof *bounds);
        *bounds = bound_model_bounds(m);
        struct cel_name name = {.name = m->name,
                                .group = "models",
                                .type = &cel_type_double,
                                .slot = s->row_models + i,
                                .bounds = bounds};
        ok = declare(l, name, m->at) && ok;
    }
    return ok;
}

/* ---- rules ---- */

static bool load_rule_file(struct loader *l, const struct yaml_node *node)
{
    char path[FILES_PATH_MAX];
    if (!yaml_path(&l->file, node, l->diags, path))
        return false;
    if (l->n_rule_files == SNAPSHOT_RULE_FILES_MAX) {
        diag_error(l->diags, yaml_at(&l->file, node), NULL, "more than %d files of rules",
                   SNAPSHOT_RULE_FILES_MAX);
        return false;
    }
    if (!yaml_path_opens(&l->file, node, path, l->diags))
        return false;
    if (rule_file_load(path, &l->env, l->snap->arena, l->diags, &l->rule_files[l->n_rule_files]) !=
        ST_OK)
        return false;
    l->n_rule_files++;
    return true;
}

static bool read_flag_at(struct loader *l, double *ret_flag_at)
{
    const struct yaml_node *node = yaml_get(l->file.root, "flag_at");
    if (node != NULL && !yaml_double(&l->file, node, l->diags, ret_flag_at))
        return false;
    if (node != NULL && *ret_flag_at <= 0)
        diag_warning(l->diags, yaml_at(&l->file, node), "flag_at: 70",
                     "every transaction is flagged: its score is at least 0 before any rule");
    if (node != NULL)
        return true;
    diag_error(l->diags, place(l, 1, 1), "flag_at: 70", "the ruleset has no `flag_at:`");
    return false;
}

/* `node` may be NULL: no file of rules is named at all. */
static void warn_of_no_rule(struct loader *l, const struct yaml_node *node)
{
    struct diag_at at = node != NULL ? yaml_key_at(&l->file, node) : place(l, 1, 1);
    diag_warning(l->diags, at, "rules: [velocity.yaml]",
                 "there is no rule: nothing can be flagged");
}

static bool reads_slot(const struct cel_program *program, int slot)
{
    for (int i = 0; program != NULL && i < program->n_reads; i++)
        if (program->reads[i] == slot)
            return true;
    return false;
}

/* What a live rule reads of models: a challenger decides nothing. */
static bool check_models_of(struct loader *l, const struct rule *rule)
{
    bool ok = true;
    for (int i = 0; i < l->snap->models.count && rule->mode == RULE_LIVE; i++) {
        struct bound_model *m = &l->snap->models.items[i];
        int slot = l->snap->row_models + i;
        if (!reads_slot(rule->when, slot) && !reads_slot(rule->score_program, slot))
            continue;
        m->is_judged_by = true;
        if (m->role == MODEL_CHAMPION)
            continue;
        diag_error(l->diags, rule->at, "mode: shadow, or make the model a champion",
                   "the rule '%.*s' is live, and models.%.*s is a challenger", SPAN_ARG(rule->id),
                   SPAN_ARG(m->name));
        ok = false;
    }
    return ok;
}

/* Of a rule that is run. */
static bool is_read(const struct loader *l, int model)
{
    for (int i = 0; i < l->snap->rules->count; i++) {
        const struct rule *rule = l->snap->rules->rules[i];
        int slot = l->snap->row_models + model;
        if (rule->mode != RULE_OFF &&
            (reads_slot(rule->when, slot) || reads_slot(rule->score_program, slot)))
            return true;
    }
    return false;
}

/* Of two that have no thresholds it is not counted whether they agree. */
static void warn_of_challenger(struct loader *l, const struct bound_model *m)
{
    const struct bound_model *champion = &l->snap->models.items[m->challenges];
    const struct bound_model *without = isnan(m->threshold) ? m : champion;
    if (isnan(without->threshold))
        diag_warning(l->diags, without->at, "threshold: 0.9",
                     "whether '%.*s' and '%.*s' agree is not counted: '%.*s' has no threshold",
                     SPAN_ARG(m->name), SPAN_ARG(champion->name), SPAN_ARG(without->name));
}

/* What is most probably forgotten. */
static void warn_of_model(struct loader *l, int model)
{
    char hint[DIAG_MESSAGE_MAX];
    const struct bound_model *m = &l->snap->models.items[model];
    if (m->role == MODEL_CHALLENGER)
        warn_of_challenger(l, m);
    if (m->role == MODEL_CHALLENGER || is_read(l, model))
        return;
    snprintf(hint, sizeof hint, "a rule with `when: models.%.*s > 0.9`, or `role: challenger`",
             SPAN_ARG(m->name));
    diag_warning(l->diags, m->at, hint, "no rule reads the score of '%.*s': it moves no decision",
                 SPAN_ARG(m->name));
}

static bool check_models(struct loader *l)
{
    bool ok = true;
    for (int i = 0; i < l->snap->rules->count; i++)
        ok = check_models_of(l, l->snap->rules->rules[i]) && ok;
    for (int i = 0; ok && i < l->snap->models.count; i++)
        warn_of_model(l, i);
    return ok;
}

static bool load_rules(struct loader *l)
{
    const struct yaml_node *node = yaml_get(l->file.root, "rules");
    void *mem = NULL;
    double flag_at;
    bool ok = true;
    if (!read_flag_at(l, &flag_at))
        return false;
    if (arena_alloc(l->snap->arena, sizeof(struct rules), &mem) != ST_OK) {
        diag_error(l->diags, place(l, 1, 1), NULL, "the ruleset is too large: out of space");
        return false;
    }
    if (node != NULL && node->kind != YAML_SEQUENCE) {
        diag_error(l->diags, yaml_at(&l->file, node), "rules: [velocity.yaml]",
                   "`rules:` is a list of files");
        return false;
    }
    l->env.share = cel_share_new(l->snap->arena);
    for (const struct yaml_node *f = node ? node->child : NULL; f != NULL; f = f->next)
        ok = load_rule_file(l, f) && ok;
    l->snap->rules = mem;
    if (!ok || rules_load(l->rule_files, l->n_rule_files, l->env.share, flag_at, l->snap->arena,
                          l->diags, mem) != ST_OK)
        return false;
    l->env.share = NULL; /* what is compiled from now on is no rule */
    if (l->snap->rules->count == 0)
        warn_of_no_rule(l, node);
    return check_models(l);
}

/* ---- what a row must hold ---- */

struct reads {
    bool
        slots[SCHEMA_FIELDS_MAX + LISTS_MAX + SNAPSHOT_DERIVED_MAX + 2 * FEATURES_MAX + MODELS_MAX];
};

static void mark(struct reads *r, const struct cel_program *program)
{
    for (int i = 0; program != NULL && i < program->n_reads; i++)
        r->slots[program->reads[i]] = true;
}

static void mark_text(struct reads *r, const struct template *text)
{
    for (int i = 0; i < text->count; i++)
        mark(r, text->pieces[i].program);
}

static void mark_rule(struct reads *r, const struct rule *rule)
{
    if (rule->mode == RULE_OFF)
        return;
    if (rule->rollout.share_e4 < ROLLOUT_ALL_E4)
        r->slots[rule->rollout.slot] = true;
    mark(r, rule->when);
    mark(r, rule->score_program);
    mark_text(r, &rule->reason);
}

/* Columns of plain fields are taken from the transaction itself, those of derived ones from the
 * row. */
static void mark_key(struct reads *r, const struct snapshot *s, const struct feature_key *key)
{
    for (int i = 0; i < key->n_filters; i++)
        mark(r, key->filters[i]);
    for (int i = 0; i < key->n_columns; i++)
        if (key->columns[i].slot >= s->row_derived)
            r->slots[key->columns[i].slot] = true;
}

static void mark_model(struct reads *r, const struct bound_model *m)
{
    for (int i = 0; i < m->model.n_inputs; i++) {
        r->slots[m->sources[i].slot] = true;
        if (m->reasons.texts != NULL && m->reasons.texts[i] != NULL)
            mark_text(r, m->reasons.texts[i]);
    }
}

static void find_reads(struct snapshot *s, bool all)
{
    struct reads r;
    memset(&r, all, sizeof r);
    for (int i = 0; i < s->rules->count; i++)
        mark_rule(&r, s->rules->rules[i]);
    for (int i = 0; i < s->features.n_keys; i++)
        mark_key(&r, s, &s->features.keys[i]);
    for (int i = 0; i < s->models.count; i++)
        mark_model(&r, &s->models.items[i]);
    for (int i = s->n_derived - 1; i >= 0; i--) { /* it reads only derived fields before it */
        s->derived[i].is_read = r.slots[s->row_derived + i];
        if (s->derived[i].is_read)
            mark(&r, s->derived[i].program);
    }
    for (int i = 0; i < s->schema.count; i++)
        if (r.slots[i])
            s->fields_read[s->n_fields_read++] = i;
    for (int i = 0; i < s->lists->count; i++)
        if (r.slots[s->row_lists + i])
            s->lists_read[s->n_lists_read++] = i;
    for (int i = 0; i < s->features.n_features; i++)
        if (r.slots[s->row_features + i])
            s->features_read[s->n_features_read++] = i;
    for (int i = 0; i < s->features.n_features; i++)
        if (r.slots[s->row_covered + i])
            s->covered_read[s->n_covered_read++] = i;
}

/* ---- the name of it all ---- */

static void hash_files(struct loader *l)
{
    struct snapshot *s = l->snap;
    unsigned char digests[FILES_MAX][HASH_SHA256_BYTES];
    unsigned char whole[HASH_SHA256_BYTES];
    size_t n = 0;
    hash_sha256(l->file.content, digests[n++]);
    for (int i = 0; i < s->lists->count; i++)
        if (s->lists->items[i].content.base != NULL) /* an empty file, too: which one is it? */
            hash_sha256(s->lists->items[i].content, digests[n++]);
    for (int i = 0; i < s->models.count; i++) {
        hash_sha256(s->models.items[i].content, digests[n++]);
        if (s->models.items[i].baseline != NULL)
            hash_sha256(s->models.items[i].baseline_content, digests[n++]);
    }
    for (int i = 0; i < l->n_rule_files; i++)
        hash_sha256(l->rule_files[i].yaml.content, digests[n++]);
    hash_sha256(span_of(digests, n * HASH_SHA256_BYTES), whole);
    struct text text;
    text_init(&text, s->id_text, sizeof s->id_text);
    text_hex_bytes(&text, whole, 8);
    s->id_text[16] = '\0';
    memcpy(s->decided_by, s->id_text, sizeof s->decided_by);
    for (int i = 0; i < 8; i++)
        s->id = s->id << 8 | whole[i];
}

/* ---- the files it is made of ---- */

static bool find_files(struct loader *l)
{
    const struct snapshot_options *o = l->options;
    struct snapshot_files *files = &l->snap->files;
    if (snapshot_files_find(&l->file, l->path, o->is_confined, l->snap->arena, l->diags, files) !=
        ST_OK)
        return false;
    for (int i = 1; o->named != NULL && i < files->count; i++)
        o->named(o->user, files->items[i].path);
    return true;
}

/* In the order of snapshot_files_find(). */
static void keep_contents(struct loader *l)
{
    struct snapshot_file *file = l->snap->files.items + 1;
    const struct yaml_node *lists = yaml_get(l->file.root, "lists");
    const struct yaml_node *node = lists != NULL ? lists->child : NULL;
    for (int i = 0; i < l->snap->lists->count; i++, node = node->next)
        if (yaml_get(node, "file") != NULL)
            (file++)->content = l->snap->lists->items[i].content;
    for (int i = 0; i < l->snap->models.count; i++) {
        (file++)->content = l->snap->models.items[i].content;
        if (l->snap->models.items[i].baseline != NULL)
            (file++)->content = l->snap->models.items[i].baseline_content;
    }
    for (int i = 0; i < l->n_rule_files; i++)
        (file++)->content = l->rule_files[i].yaml.content;
    CHECK(file == l->snap->files.items + l->snap->files.count);
}

/* ---- what is observed ---- */

static size_t start_of_line(struct span content, int line)
{
    const char *at = content.base, *end = content.base + content.len;
    for (int i = 1; i < line && at < end; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline == NULL ? end : newline + 1;
    }
    return (size_t)(at - content.base);
}

/* Sections that decide over what is observed, and not what is. */
static bool only_judges(const struct yaml_node *section)
{
    return span_is(section->key, "rules") || span_is(section->key, "flag_at") ||
           span_is(section->key, "limits") || span_is(section->key, "models");
}

/* Where it ends. In a flow mapping the next one may begin in this one's last line: that whole line
 * is taken, so that two snapshots rather differ. */
static size_t end_of_section(struct span content, const struct yaml_node *section)
{
    const struct yaml_node *next = section->next;
    if (next == NULL)
        return content.len;
    return start_of_line(content, next->key_line + (next->key_col > 1));
}

static void hash_observed(struct loader *l)
{
    struct span content = l->file.content;
    unsigned char digest[HASH_SHA256_BYTES] = {0};
    for (const struct yaml_node *n = l->file.root->child; n != NULL; n = n->next) {
        size_t from = start_of_line(content, n->key_line);
        if (!only_judges(n))
            chain_hash(digest, span_of(content.base + from, end_of_section(content, n) - from));
    }
    for (int i = 0; i < l->snap->lists->count; i++)
        chain_hash(digest, l->snap->lists->items[i].content);
    memcpy(&l->snap->observed_id, digest, sizeof l->snap->observed_id);
}

/* ---- what it costs ---- */

/* Last of all: it looks at everything. */
static bool load_limits(struct loader *l)
{
    const struct yaml_node *node = yaml_get(l->file.root, "limits");
    return node == NULL || budget_limits_check(l->snap, &l->file, node, l->diags);
}

/* ---- the whole ---- */

static bool load(struct loader *l)
{
    if (l->file.root == NULL) {
        diag_error(l->diags, place(l, 1, 1), NULL, "the ruleset is empty");
        return false;
    }
    if (!shape_only(&l->file, l->file.root, &ruleset_shape, l->diags))
        return false;
    return find_files(l) && load_schema(l) && load_lists(l) && load_derived(l) &&
           load_features(l) && load_models(l) && load_rules(l);
}

static enum status load_into(struct snapshot *s, const char *path, const struct snapshot_options *o,
                             struct diag_list *diags)
{
    struct loader *l = arena_must(s->arena, sizeof *l);
    l->path = arena_copy(s->arena, span_str(path)).base;
    l->options = o;
    l->diags = diags;
    l->snap = s;
    l->env.names = l->names;
    l->env.cost_max = CEL_COST_MAX;
    l->env.is_strict = true;
    if (o->named != NULL)
        o->named(o->user, l->path);
    enum status st = yaml_load(l->path, s->arena, diags, &l->file);
    if (st != ST_OK)
        return st;
    if (!load(l))
        return ST_INVALID;
    if (covered_new(&s->features, s->arena, &s->covered) != ST_OK) {
        diag_error(diags, place(l, 1, 1), NULL, "the ruleset is too large: out of space");
        return ST_NO_SPACE;
    }
    find_reads(s, o->reads_all);
    if (!load_limits(l))
        return ST_INVALID;
    s->env = l->env;
    s->env.share = NULL;      /* it was for the rules, and is done */
    s->env.is_strict = false; /* whoever tries something may try 1 < 0 */
    if (counterfactual_prepare(s, s->arena, &s->counterfactuals) != ST_OK) {
        diag_error(diags, place(l, 1, 1), NULL, "the ruleset is too large: out of space");
        return ST_NO_SPACE;
    }
    meanings_compare(s, diags);
    hash_files(l);
    keep_contents(l);
    hash_observed(l);
    s->loaded_at_ms = o->now_ms;
    return ST_OK;
}

enum status snapshot_load(const char *path, const struct snapshot_options *o,
                          struct diag_list *diags, struct snapshot **ret_snapshot)
{
    struct arena *arena = arena_new(SNAPSHOT_ARENA_BYTES);
    struct snapshot *s = arena_must(arena, sizeof *s);
    s->arena = arena;
    s->refs = 1;
    snprintf(s->loaded_by, sizeof s->loaded_by, "start");
    enum status st = load_into(s, path, o, diags);
    if (st != ST_OK) {
        arena_free(arena);
        return st;
    }
    *ret_snapshot = s;
    return ST_OK;
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    return s;
}

bool snapshot_is_last(const struct snapshot *s)
{
    return __atomic_load_n(&s->refs, __ATOMIC_ACQUIRE) == 1;
}

const struct snapshot *snapshot_loaded(const struct snapshot *s)
{
    return s->loaded != NULL ? s->loaded : s;
}

/* The lists of `s` with these views. */
static const struct lists *lists_with(const struct snapshot *s, struct list_view **views)
{
    struct lists *lists = malloc(sizeof *lists + (size_t)s->lists->count * sizeof *lists->items);
    CHECK(lists != NULL);
    *lists = (struct lists){(struct list *)(void *)(lists + 1), s->lists->count};
    for (int i = 0; i < lists->count; i++) {
        lists->items[i] = s->lists->items[i];
        lists->items[i].view = list_view_ref(views[i]);
        lists->items[i].value = cel_list_of(list_view_list(views[i]));
    }
    return lists;
}

struct snapshot *snapshot_with_lists(struct snapshot *s, const struct snapshot_lists *lists)
{
    struct snapshot *made = malloc(sizeof *made);
    CHECK(made != NULL);
    *made = *s;
    made->loaded = snapshot_ref(s->loaded != NULL ? s->loaded : s);
    made->refs = 1;
    made->lists = lists_with(s, lists->views);
    made->lists_id = lists->id;
    memcpy(made->decided_by, lists->decided_by, sizeof made->decided_by);
    return made;
}

static void release_lists(struct snapshot *s)
{
    for (int i = 0; i < s->lists->count; i++)
        list_view_unref(s->lists->items[i].view);
    free((void *)(uintptr_t)s->lists);
}

void snapshot_unref(struct snapshot *s)
{
    if (s == NULL || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    if (s->loaded == NULL) {
        arena_free(s->arena);
        return;
    }
    struct snapshot *loaded = s->loaded;
    release_lists(s);
    free(s);
    snapshot_unref(loaded);
}
