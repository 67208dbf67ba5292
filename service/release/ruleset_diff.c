#include "service/release/ruleset_diff.h"

#include "service/base/check.h"

#include <stdlib.h>

/* What the steps of one comparison share. */
struct differ {
    struct arena *arena;
    struct ruleset_diff diff;
    struct diff_entry **last;
    bool is_full;
    struct diff_entry nowhere; /* what does not fit is written there */
};

/* The trees of one ruleset: its file, and every rule of its files in one row. */
struct tree {
    const struct snapshot *snap;
    const struct yaml_node *root;
    const struct yaml_node **rules; /* [n_rules], mappings with an id */
    int n_rules;
};

/* ---- entries ---- */

static struct diff_entry *add(struct differ *d, enum diff_kind kind, enum diff_change change,
                              struct span name)
{
    void *mem;
    if (arena_alloc(d->arena, sizeof(struct diff_entry), &mem) != ST_OK) {
        d->is_full = true;
        return &d->nowhere;
    }
    struct diff_entry *e = mem;
    e->kind = kind;
    e->change = change;
    e->name = name;
    *d->last = e;
    d->last = &e->next;
    d->diff.count++;
    return e;
}

/* ---- nodes ---- */

/* At most YAML_DEPTH_MAX deep. */
static bool same(const struct yaml_node *a, const struct yaml_node *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (a->kind != b->kind || a->count != b->count || !span_eq(a->text, b->text))
        return false;
    const struct yaml_node *x = a->child, *y = b->child;
    for (; x != NULL && y != NULL; x = x->next, y = y->next)
        if (!span_eq(x->key, y->key) || !same(x, y))
            return false;
    return x == y;
}

/* In one line: a value of several is shown as one, and what would steer a terminal is a blank. */
static void write_scalar(struct span s, struct text *out)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.base[i];
        text_char(out, c < 0x20 || c == 0x7F ? ' ' : s.base[i]);
    }
}

/* At most YAML_DEPTH_MAX deep. */
static void write_node(const struct yaml_node *node, struct text *out)
{
    if (node->kind == YAML_SCALAR) {
        write_scalar(node->text, out);
        return;
    }
    text_char(out, node->kind == YAML_MAPPING ? '{' : '[');
    for (const struct yaml_node *c = node->child; c != NULL && !out->overflow; c = c->next) {
        if (node->kind == YAML_MAPPING) {
            text_put(out, c->key);
            text_str(out, ": ");
        }
        write_node(c, out);
        if (c->next != NULL)
            text_str(out, ", ");
    }
    text_char(out, node->kind == YAML_MAPPING ? '}' : ']');
}

/* Not in the middle of a character. */
static void cut_short(struct text *out)
{
    if (!out->overflow)
        return;
    while (out->len > 0 && ((unsigned char)out->base[out->len - 1] & 0xC0) == 0x80)
        out->len--;
    if (out->len > 0 && (unsigned char)out->base[out->len - 1] >= 0xC0)
        out->len--;
}

static struct span shown(struct differ *d, const struct yaml_node *node)
{
    char bytes[DIFF_SHOWN_MAX];
    struct text out;
    if (node == NULL)
        return span_of(NULL, 0);
    text_init(&out, bytes, sizeof bytes);
    write_node(node, &out);
    cut_short(&out);
    struct span copy = arena_try_copy(d->arena, text_span(&out));
    d->is_full |= copy.base == NULL;
    return copy;
}

static void add_value(struct differ *d, enum diff_kind kind, struct span name, struct span key,
                      const struct yaml_node *before, const struct yaml_node *after)
{
    struct diff_entry *e = add(d, kind, DIFF_CHANGED, name);
    e->key = key;
    e->before = shown(d, before);
    e->after = shown(d, after);
}

static const struct yaml_node *child_of(const struct yaml_node *map, struct span key)
{
    const struct yaml_node *c = map != NULL ? map->child : NULL;
    while (c != NULL && !span_eq(c->key, key))
        c = c->next;
    return c;
}

/* Two things of one name: a line for each key that is another. */
static void compare_things(struct differ *d, enum diff_kind kind, struct span name,
                           const struct yaml_node *a, const struct yaml_node *b)
{
    if (same(a, b))
        return;
    if (a->kind != YAML_MAPPING || b->kind != YAML_MAPPING) {
        add_value(d, kind, name, span_of(NULL, 0), a, b);
        return;
    }
    for (const struct yaml_node *x = a->child; x != NULL; x = x->next)
        if (!same(x, child_of(b, x->key)))
            add_value(d, kind, name, x->key, x, child_of(b, x->key));
    for (const struct yaml_node *y = b->child; y != NULL; y = y->next)
        if (child_of(a, y->key) == NULL)
            add_value(d, kind, name, y->key, NULL, y);
}

/* ---- sections of named things ---- */

static void compare_section(struct differ *d, enum diff_kind kind, const struct yaml_node *a,
                            const struct yaml_node *b)
{
    for (const struct yaml_node *x = a != NULL ? a->child : NULL; x != NULL; x = x->next) {
        const struct yaml_node *y = child_of(b, x->key);
        if (y == NULL)
            add(d, kind, DIFF_REMOVED, x->key);
        else
            compare_things(d, kind, x->key, x, y);
    }
    for (const struct yaml_node *y = b != NULL ? b->child : NULL; y != NULL; y = y->next)
        if (child_of(a, y->key) == NULL)
            add(d, kind, DIFF_ADDED, y->key);
}

static bool is_section(struct span key)
{
    static const char *const sections[] = {"schema", "derived", "features",
                                           "lists",  "models",  "rules"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (span_is(key, sections[i]))
            return true;
    return false;
}

static void compare_settings(struct differ *d, const struct yaml_node *a, const struct yaml_node *b)
{
    for (const struct yaml_node *x = a->child; x != NULL; x = x->next)
        if (!is_section(x->key) && !same(x, child_of(b, x->key)))
            add_value(d, DIFF_SETTING, x->key, span_of(NULL, 0), x, child_of(b, x->key));
    for (const struct yaml_node *y = b->child; y != NULL; y = y->next)
        if (!is_section(y->key) && child_of(a, y->key) == NULL)
            add_value(d, DIFF_SETTING, y->key, span_of(NULL, 0), NULL, y);
}

/* ---- rules ---- */

static struct span id_of(const struct yaml_node *rule)
{
    const struct yaml_node *id = yaml_get(rule, "id");
    return id != NULL ? id->text : span_of(NULL, 0);
}

static int by_id(const void *a, const void *b)
{
    struct span x = id_of(*(const struct yaml_node *const *)a);
    struct span y = id_of(*(const struct yaml_node *const *)b);
    int order = memcmp(x.base, y.base, x.len < y.len ? x.len : y.len);
    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

/* Both rows are sorted: a merge. */
static void compare_rules(struct differ *d, const struct tree *a, const struct tree *b)
{
    int i = 0, k = 0;
    while (i < a->n_rules || k < b->n_rules) {
        int order = i == a->n_rules ? 1 : k == b->n_rules ? -1 : by_id(&a->rules[i], &b->rules[k]);
        if (order < 0)
            add(d, DIFF_RULE, DIFF_REMOVED, id_of(a->rules[i++]));
        else if (order > 0)
            add(d, DIFF_RULE, DIFF_ADDED, id_of(b->rules[k++]));
        else {
            compare_things(d, DIFF_RULE, id_of(a->rules[i]), a->rules[i], b->rules[k]);
            i++;
            k++;
        }
    }
}

/* ---- items of lists ---- */

struct lines {
    struct span *items;
    size_t count;
};

static int by_bytes(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    int order =
        x->len > 0 && y->len > 0 ? memcmp(x->base, y->base, x->len < y->len ? x->len : y->len) : 0;
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* A list's file in sorted lines; a comment is a line like another. On the heap. */
static struct lines sorted_lines(struct span content)
{
    struct lines l = {NULL, 0};
    size_t max = 1;
    for (size_t i = 0; i < content.len; i++)
        max += content.base[i] == '\n';
    l.items = calloc(max, sizeof *l.items);
    CHECK(l.items != NULL);
    while (content.len > 0) {
        const char *nl = memchr(content.base, '\n', content.len);
        size_t len = nl != NULL ? (size_t)(nl - content.base) : content.len;
        size_t skip = nl != NULL ? len + 1 : len;
        if (len > 0)
            l.items[l.count++] = span_of(content.base, len);
        content = span_of(content.base + skip, content.len - skip);
    }
    qsort(l.items, l.count, sizeof *l.items, by_bytes);
    return l;
}

static void count_items(struct span before, struct span after, int64_t *ret_added,
                        int64_t *ret_removed)
{
    int64_t added = 0, removed = 0;
    struct lines a = sorted_lines(before), b = sorted_lines(after);
    size_t i = 0, k = 0;
    while (i < a.count || k < b.count) {
        int order = i == a.count ? 1 : k == b.count ? -1 : by_bytes(&a.items[i], &b.items[k]);
        removed += order < 0;
        added += order > 0;
        i += order <= 0;
        k += order >= 0;
    }
    free(a.items);
    free(b.items);
    *ret_added = added;
    *ret_removed = removed;
}

static void compare_lists(struct differ *d, const struct snapshot *from, const struct snapshot *to)
{
    for (int i = 0; i < from->lists->count; i++) {
        const struct list *a = &from->lists->items[i];
        const struct list *b = lists_find(to->lists, a->name);
        if (b == NULL || span_eq(a->content, b->content))
            continue;
        int64_t added, removed;
        count_items(a->content, b->content, &added, &removed);
        if (added + removed == 0) /* another order */
            continue;
        struct diff_entry *e = add(d, DIFF_LIST, DIFF_CHANGED, a->name);
        e->items_added = added;
        e->items_removed = removed;
    }
}

/* ---- models ---- */

static void compare_hashes(struct differ *d, struct span model, const char *key, const char *a,
                           const char *b)
{
    if (strcmp(a, b) == 0)
        return;
    struct diff_entry *e = add(d, DIFF_MODEL, DIFF_CHANGED, model);
    e->key = span_str(key);
    e->before = span_str(a);
    e->after = span_str(b);
}

/* Files of another content: which model decides is told by its hash, as decisions do. */
static void compare_models(struct differ *d, const struct snapshot *from, const struct snapshot *to)
{
    for (int i = 0; i < from->models.count; i++) {
        const struct bound_model *a = &from->models.items[i];
        int at = model_set_find(&to->models, a->name);
        const struct bound_model *b = at >= 0 ? &to->models.items[at] : NULL;
        if (b == NULL)
            continue;
        compare_hashes(d, a->name, "hash", a->model.hash, b->model.hash);
        if (a->baseline != NULL && b->baseline != NULL)
            compare_hashes(d, a->name, "baseline_hash", a->baseline_hash, b->baseline_hash);
    }
}

/* ---- files ---- */

static struct span name_of(const struct snapshot_file *file)
{
    return span_str(file->name != NULL ? file->name : file->path);
}

/* The first of that name; NULL: there is none. */
static const struct snapshot_file *find_file(const struct snapshot *snap, struct span name)
{
    for (int i = 0; i < snap->files.count; i++)
        if (span_eq(name_of(&snap->files.items[i]), name))
            return &snap->files.items[i];
    return NULL;
}

static void compare_files(struct differ *d, const struct snapshot *from, const struct snapshot *to)
{
    for (int i = 0; i < from->files.count; i++) {
        const struct snapshot_file *a = &from->files.items[i], *b = find_file(to, name_of(a));
        if (find_file(from, name_of(a)) != a)
            continue; /* named twice */
        if (b == NULL)
            add(d, DIFF_FILE, DIFF_REMOVED, name_of(a));
        else if (!span_eq(a->content, b->content))
            add(d, DIFF_FILE, DIFF_CHANGED, name_of(a));
    }
    for (int i = 0; i < to->files.count; i++) {
        const struct snapshot_file *b = &to->files.items[i];
        if (find_file(to, name_of(b)) == b && find_file(from, name_of(b)) == NULL)
            add(d, DIFF_FILE, DIFF_ADDED, name_of(b));
    }
}

/* ---- the whole ---- */

static enum status parse(const struct snapshot_file *file, struct arena *arena,
                         struct yaml_file *ret_file)
{
    struct diag_list diags = {.count = 0};
    enum status st = yaml_parse(file->path, file->content, arena, &diags, ret_file);
    CHECK(st == ST_OK || st == ST_NO_SPACE); /* it was loaded */
    return st;
}

static bool names_file(const struct yaml_node *root, const struct snapshot *snap, int i)
{
    const struct yaml_node *rules = yaml_get(root, "rules");
    return rules != NULL && i >= snap->files.count - rules->count;
}

static enum status plant(const struct snapshot *snap, struct arena *arena, struct tree *ret_tree)
{
    struct tree t = {.snap = snap};
    struct yaml_file file;
    void *mem;
    enum status st = parse(&snap->files.items[0], arena, &file);
    if (st == ST_OK)
        st = arena_alloc(arena, ((size_t)snap->rules->count + 1) * sizeof *t.rules, &mem);
    if (st != ST_OK)
        return st;
    t.root = file.root;
    t.rules = mem;
    for (int i = 1; i < snap->files.count && st == ST_OK; i++) {
        if (!names_file(t.root, snap, i))
            continue;
        st = parse(&snap->files.items[i], arena, &file);
        const struct yaml_node *rules = st == ST_OK ? yaml_get(file.root, "rules") : NULL;
        for (const struct yaml_node *r = rules ? rules->child : NULL; r != NULL; r = r->next)
            t.rules[t.n_rules++] = r;
    }
    if (t.n_rules > 0)
        qsort(t.rules, (size_t)t.n_rules, sizeof *t.rules, by_id);
    *ret_tree = t;
    return st;
}

enum status ruleset_diff_make(const struct snapshot *from, const struct snapshot *to,
                              struct arena *arena, struct ruleset_diff *ret_diff)
{
    struct differ d = {.arena = arena, .diff = {.from = from, .to = to}};
    struct tree a, b;
    enum status st = plant(from, arena, &a);
    if (st == ST_OK)
        st = plant(to, arena, &b);
    if (st != ST_OK)
        return st;
    d.last = &d.diff.first;
    compare_settings(&d, a.root, b.root);
    compare_section(&d, DIFF_FIELD, yaml_get(a.root, "schema"), yaml_get(b.root, "schema"));
    compare_section(&d, DIFF_DERIVED, yaml_get(a.root, "derived"), yaml_get(b.root, "derived"));
    compare_section(&d, DIFF_FEATURE, yaml_get(a.root, "features"), yaml_get(b.root, "features"));
    compare_section(&d, DIFF_LIST, yaml_get(a.root, "lists"), yaml_get(b.root, "lists"));
    compare_lists(&d, from, to);
    compare_section(&d, DIFF_MODEL, yaml_get(a.root, "models"), yaml_get(b.root, "models"));
    compare_models(&d, from, to);
    compare_rules(&d, &a, &b);
    if (d.diff.count == 0 && strcmp(from->id_text, to->id_text) != 0)
        compare_files(&d, from, to);
    if (d.is_full)
        return ST_NO_SPACE;
    *ret_diff = d.diff;
    return ST_OK;
}

/* ---- told ---- */

static const char *kind_text(enum diff_kind kind)
{
    static const char *const texts[] = {
#define X(name, text) text,
        DIFF_KIND_TABLE(X)
#undef X
    };
    return texts[kind];
}

static void put_value(struct text *out, const char *verb, struct span value)
{
    if (value.base == NULL)
        text_printf(out, " %s not there", verb);
    else
        text_printf(out, " %s `%.*s`", verb, SPAN_ARG(value));
}

static void put_entry(struct text *out, const struct diff_entry *e)
{
    if (e->kind != DIFF_SETTING)
        text_printf(out, "%s ", kind_text(e->kind));
    text_put(out, e->name);
    if (e->change != DIFF_CHANGED) {
        text_str(out, e->change == DIFF_ADDED ? " is new" : " is gone");
    } else if (e->kind == DIFF_FILE) {
        text_str(out, " differs in order, comments or `engine:` alone");
    } else if (e->items_added + e->items_removed > 0) {
        text_printf(out, ": %lld item%s more, %lld less", (long long)e->items_added,
                    e->items_added == 1 ? "" : "s", (long long)e->items_removed);
    } else {
        if (e->key.len > 0)
            text_printf(out, ": %.*s", SPAN_ARG(e->key));
        put_value(out, "was", e->before);
        text_char(out, ',');
        put_value(out, "is", e->after);
    }
    text_char(out, '\n');
}

void ruleset_diff_text(const struct ruleset_diff *diff, struct text *out)
{
    for (const struct diff_entry *e = diff->first; e != NULL; e = e->next)
        put_entry(out, e);
}

static void put_member(struct text *out, const char *name, struct span value)
{
    text_printf(out, ",\"%s\":", name);
    if (value.base == NULL)
        text_str(out, "null");
    else
        text_json_string(out, value);
}

void ruleset_diff_json(const struct ruleset_diff *diff, struct text *out)
{
    static const char *const changes[] = {"added", "removed", "changed"};
    text_printf(out, "{\"from\":\"%s\",\"to\":\"%s\",\"changes\":[", diff->from->id_text,
                diff->to->id_text);
    for (const struct diff_entry *e = diff->first; e != NULL; e = e->next) {
        text_printf(out, "%s{\"kind\":\"%s\"", e != diff->first ? "," : "", kind_text(e->kind));
        put_member(out, "name", e->name);
        put_member(out, "change", span_str(changes[e->change]));
        put_member(out, "key", e->key);
        put_member(out, "before", e->before);
        put_member(out, "after", e->after);
        text_printf(out, ",\"items_added\":%lld,\"items_removed\":%lld}", (long long)e->items_added,
                    (long long)e->items_removed);
    }
    text_str(out, "]}");
}
