#include "rules/lists.h"

#include "rules/cel_utf8.h"
#include "service/base/identifier.h"
#include "service/base/yaml_path.h"
#include "service/txn/card.h"

/* A million keys, and what is undoubled or spelled anew of them; untouched pages are free. */
enum { SCRATCH_BYTES = 256 << 20 };

_Static_assert((int)LIST_ITEM_MAX <= (int)LIST_KEY_MAX, "an item is a key");

/* ---- what may stand under `lists:` ----------------------------------------------------------- */

static const struct shape item_shape = {.kind = SHAPE_TEXT};
static const struct shape items_shape = {.kind = SHAPE_LIST, .of = &item_shape};
static const struct shape path_shape = {.kind = SHAPE_TEXT, .pattern = "."};
static const struct shape redis_shape = {.kind = SHAPE_BOOL};
static const char *const types[] = {
#define X(name, type) name,
    LIST_TYPE_TABLE(X)
#undef X
};
static const struct shape type_shape = {.kind = SHAPE_CHOICE, SHAPE_ROW(choices, types)};

#define TYPE_DOC "What the items are; `string` when left out."

static const struct shape_key file_keys[] = {
    {"file", &path_shape, true,
     "One item a line, relative to the ruleset file; of a `.csv` the first column."},
    {"type", &type_shape, false, TYPE_DOC},
};
static const struct shape_key written_keys[] = {
    {"items", &items_shape, true, "The items."},
    {"type", &type_shape, false, TYPE_DOC},
};
static const struct shape_key redis_keys[] = {
    {"redis", &redis_shape, true,
     "`true`: the list begins empty, and holds what is put into it while the service runs."},
    {"type", &type_shape, true, "What the items are."},
};

static const struct shape file_shape = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, file_keys)};
static const struct shape written_shape = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, written_keys)};
static const struct shape change_shape = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, redis_keys)};
static const struct shape *const written_as[] = {&items_shape, &file_shape, &written_shape,
                                                 &change_shape};
static const struct shape list_shape = {.kind = SHAPE_EITHER, SHAPE_ROW(either, written_as)};

const struct shape lists_shape = {.kind = SHAPE_MAPPING,
                                  .pattern = "^[A-Za-z_][A-Za-z0-9_]{0,63}$",
                                  .max = LISTS_MAX,
                                  .of = &list_shape};

/* What a list is made from: its items, before it is known what they are. */
struct source {
    const struct yaml_file *file;
    const struct yaml_node *node; /* to point at */
    struct arena *arena;
    struct arena *scratch; /* until the list is made */
    struct diag_list *diags;
    enum list_type type;
    struct span *keys; /* [n_keys], in the scratch */
    size_t n_keys;
    struct span content; /* its file's bytes */
};

static struct diag_at place(const struct source *s)
{
    return yaml_at(s->file, s->node);
}

static enum status out_of_space(const struct source *s)
{
    diag_error(s->diags, place(s), NULL, "the list does not fit into the ruleset's memory");
    return ST_NO_SPACE;
}

static enum status room_for_keys(struct source *s, size_t n)
{
    void *mem = NULL;
    if (arena_alloc(s->scratch, (n + 1) * sizeof *s->keys, &mem) != ST_OK)
        return out_of_space(s);
    s->keys = mem;
    return ST_OK;
}

/* Keys in hand, the list. */
static void finish(const struct source *s, struct list *list)
{
    list->view = list_view_new(s->type, s->keys, s->n_keys);
    list->type = s->type == LIST_INT ? &cel_type_list_int : &cel_type_list_string;
    list->value = cel_list_of(list_view_list(list->view));
}

/* An item as it is written, which must be one of the type; false with a diagnostic. */
static bool take_item(struct source *s, struct diag_at at, struct span text)
{
    static const char *const hints[] = {
        [LIST_STRING] = NULL,
        [LIST_INT] = NULL,
        [LIST_NETWORK] = "write 10.0.0.0/8, 2001:db8::/32, or an address",
    };
    static const char *const wrong[] = {
        [LIST_STRING] = "this is no text",
        [LIST_INT] = "this is no integer, and the list is of `type: int`",
        [LIST_NETWORK] = "this is no network, and the list is of `type: network`",
    };
    char buf[LIST_KEY_BYTES];
    struct span key;
    if (text.len > LIST_ITEM_MAX) {
        diag_error(s->diags, at, NULL, "the item is longer than %d bytes", LIST_ITEM_MAX);
        return false;
    }
    if (!cel_utf8_is_valid(text)) {
        at.content = span_of(NULL, 0); /* is not shown: it may go into JSON */
        diag_error(s->diags, at, "save the file as UTF-8", "the item is not UTF-8");
        return false;
    }
    if (card_stands_in(text)) {
        at.content = span_of(NULL, 0); /* nor does the number go anywhere */
        diag_error(
            s->diags, at,
            "take it out; a field with `card: true` is a keyed hash, as card:0123456789abcdef",
            "the item looks like a card's number");
        return false;
    }
    if (!list_key(s->type, text, buf, &key)) {
        diag_error(s->diags, at, hints[s->type], "%s", wrong[s->type]);
        return false;
    }
    if (key.base == buf)
        key = arena_try_copy(s->scratch, key);
    if (key.base == NULL) {
        (void)out_of_space(s);
        return false;
    }
    s->keys[s->n_keys++] = key;
    return true;
}

/* ---- inline: [XX, YY] ------------------------------------------------------------------------ */

static bool is_int_node(const struct yaml_node *item)
{
    char buf[LIST_KEY_BYTES];
    struct span key;
    return item->kind == YAML_SCALAR && item->plain && list_key(LIST_INT, item->text, buf, &key);
}

static bool all_ints(const struct yaml_node *node)
{
    for (const struct yaml_node *item = node->child; item != NULL; item = item->next) {
        if (!is_int_node(item))
            return false;
    }
    return node->count > 0;
}

static enum status load_items(struct source *s, struct list *list)
{
    bool good = true;
    enum status st = room_for_keys(s, (size_t)s->node->count);
    if (st != ST_OK)
        return st;
    for (const struct yaml_node *item = s->node->child; item != NULL; item = item->next) {
        struct span text;
        good = yaml_string(s->file, item, s->diags, &text) &&
               take_item(s, yaml_at(s->file, item), text) && good;
    }
    if (good)
        finish(s, list);
    return good ? ST_OK : ST_INVALID;
}

static enum status load_inline(struct source *s, struct list *list)
{
    s->type = all_ints(s->node) ? LIST_INT : LIST_STRING;
    return load_items(s, list);
}

/* ---- from a file ----------------------------------------------------------------------------- */

static struct span trimmed(struct span s)
{
    while (s.len > 0 &&
           (s.base[s.len - 1] == ' ' || s.base[s.len - 1] == '\t' || s.base[s.len - 1] == '\r'))
        s.len--;
    while (s.len > 0 && (s.base[0] == ' ' || s.base[0] == '\t'))
        s = span_of(s.base + 1, s.len - 1);
    return s;
}

/* The item of a line: all of it up to a comment, or a CSV's first column. */
static struct span plain_item(struct span line, bool csv)
{
    for (size_t i = 0; i < line.len; i++) {
        bool comment = line.base[i] == '#' && (i == 0 || strchr(" \t", line.base[i - 1]) != NULL);
        if (comment || (csv && line.base[i] == ',')) {
            line.len = i;
            break;
        }
    }
    return trimmed(line);
}

/* Behind the quote that closes the one at line.base[0]; 0: none does. A `""` is a quote within. */
static size_t behind_quotes(struct span line)
{
    size_t i = 1;
    while (i < line.len) {
        if (line.base[i++] != '"')
            continue;
        if (i == line.len || line.base[i] != '"')
            return i;
        i++;
    }
    return 0;
}

/* `text` with each `""` in it as one quote. */
static enum status undouble(struct arena *arena, struct span *text)
{
    void *mem = NULL;
    size_t n = 0;
    if (text->len == 0 || memchr(text->base, '"', text->len) == NULL)
        return ST_OK;
    if (arena_alloc(arena, text->len, &mem) != ST_OK)
        return ST_NO_SPACE;
    char *item = mem;
    for (size_t i = 0; i < text->len; i++) {
        item[n++] = text->base[i];
        i += text->base[i] == '"';
    }
    *text = span_of(item, n);
    return ST_OK;
}

/* A CSV's first column in quotes (RFC 4180): commas, blanks and # in them are its own. */
static enum status quoted_item(const struct source *s, struct diag_at at, struct span line,
                               struct span *ret_item)
{
    size_t end = behind_quotes(line);
    struct span rest = trimmed(span_of(line.base + end, line.len - end));
    if (end == 0 || (rest.len > 0 && rest.base[0] != ',' && rest.base[0] != '#')) {
        diag_error(s->diags, at, "write \"\" for a quote within quotes",
                   end == 0 ? "the line's first column has no closing quote"
                            : "a comma is expected behind the closing quote");
        return ST_INVALID;
    }
    *ret_item = span_of(line.base + 1, end - 2);
    return undouble(s->scratch, ret_item) == ST_OK ? ST_OK : out_of_space(s);
}

static enum status item_of(const struct source *s, struct diag_at at, struct span line, bool csv,
                           struct span *ret_item)
{
    struct span text = trimmed(line);
    if (csv && text.len > 0 && text.base[0] == '"')
        return quoted_item(s, at, text, ret_item);
    *ret_item = plain_item(line, csv);
    return ST_OK;
}

static size_t count_lines(struct span content)
{
    size_t n = 0;
    for (size_t i = 0; i < content.len; i++)
        n += content.base[i] == '\n' || i + 1 == content.len; /* the last may go without */
    return n;
}

struct line_reader {
    struct span content;
    size_t pos;
    int line;
};

static bool next_line(struct line_reader *r, struct span *ret_line)
{
    if (r->pos >= r->content.len)
        return false;
    const char *start = r->content.base + r->pos;
    const char *nl = memchr(start, '\n', r->content.len - r->pos);
    size_t len = nl ? (size_t)(nl - start) : r->content.len - r->pos;
    r->pos += len + 1;
    r->line++;
    *ret_line = span_of(start, len);
    return true;
}

static enum status load_lines(struct source *s, const char *path, struct list *list)
{
    size_t name_len = strlen(path);
    bool csv = name_len > 4 && strcmp(path + name_len - 4, ".csv") == 0;
    const struct span bom = span_str("\xEF\xBB\xBF"); /* what Excel begins a UTF-8 file with */
    struct line_reader r = {.content = s->content,
                            .pos = span_starts(s->content, bom) ? bom.len : 0};
    struct span line, text;
    size_t lines = count_lines(s->content);
    if (lines > LIST_ITEMS_MAX) {
        diag_error(s->diags, place(s), NULL, "%s: more than %d lines", path, LIST_ITEMS_MAX);
        return ST_INVALID;
    }
    enum status st = room_for_keys(s, lines);
    while (st == ST_OK && next_line(&r, &line)) {
        struct diag_at at = {.file = path, .content = s->content, .line = r.line, .col = 1};
        st = item_of(s, at, line, csv, &text);
        if (st == ST_OK && text.len > 0 && !take_item(s, at, text))
            st = ST_INVALID;
    }
    if (st == ST_OK)
        finish(s, list);
    return st;
}

/* {file: devices.txt} */
static enum status load_file(struct source *s, const struct yaml_node *file, struct list *list)
{
    char path[FILES_PATH_MAX];
    s->node = file;
    if (!yaml_path(s->file, file, s->diags, path))
        return ST_INVALID;
    enum status st =
        yaml_path_read(s->file, file, path, LIST_FILE_MAX, s->arena, s->diags, &s->content);
    if (st != ST_OK)
        return st;
    list->content = s->content;
    return load_lines(s, path, list);
}

/* ---- as a mapping --------------------------------------------------------------------------- */

/* {items: [...]} */
static enum status load_written(struct source *s, const struct yaml_node *items, struct list *list)
{
    if (items->kind != YAML_SEQUENCE) {
        diag_error(s->diags, yaml_at(s->file, items), "write [a, b, c]", "`items:` is a list");
        return ST_INVALID;
    }
    s->node = items;
    return load_items(s, list);
}

/* {redis: true}: nothing yet. */
static enum status load_empty(struct source *s, const struct yaml_node *redis, struct list *list)
{
    bool is_so = false;
    if (!yaml_bool(s->file, redis, s->diags, &is_so))
        return ST_INVALID;
    if (!is_so || yaml_get(s->node, "type") == NULL) {
        diag_error(s->diags, yaml_at(s->file, redis), "write {redis: true, type: string}",
                   is_so ? "a list that begins empty needs its `type:`"
                         : "`redis:` is true, or left out");
        return ST_INVALID;
    }
    finish(s, list);
    return ST_OK;
}

static bool read_type(struct source *s, const struct yaml_node *node)
{
    struct span name;
    if (node == NULL)
        return true;
    if (!yaml_string(s->file, node, s->diags, &name))
        return false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (span_is(name, types[i])) {
            s->type = (enum list_type)i;
            return true;
        }
    }
    diag_error(s->diags, yaml_at(s->file, node), NULL, "the type is `string`, `int` or `network`");
    return false;
}

static enum status load_mapping(struct source *s, struct list *list)
{
    static const struct form {
        const char *key;
        const struct shape *shape;
        enum status (*load)(struct source *s, const struct yaml_node *node, struct list *list);
    } forms[] = {
        {"file", &file_shape, load_file},
        {"items", &written_shape, load_written},
        {"redis", &change_shape, load_empty},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const struct yaml_node *node = yaml_get(s->node, forms[i].key);
        if (node == NULL)
            continue;
        if (!shape_only(s->file, s->node, forms[i].shape, s->diags) ||
            !read_type(s, yaml_get(s->node, "type")))
            return ST_INVALID;
        return forms[i].load(s, node, list);
    }
    if (shape_only(s->file, s->node, &file_shape, s->diags))
        diag_error(s->diags, place(s), "{file: devices.txt}",
                   "a list needs its `items:`, a `file:`, or `redis: true`");
    return ST_INVALID;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static enum status load_one(struct source s, struct list *list)
{
    list->name = s.node->key;
    if (!identifier_is(list->name, LIST_NAME_MAX)) {
        diag_error(s.diags, yaml_key_at(s.file, s.node), "write letters, digits and _",
                   "'%.*s' cannot be a list's name", SPAN_ARG(list->name));
        return ST_INVALID;
    }
    if (s.node->kind == YAML_SEQUENCE)
        return load_inline(&s, list);
    if (s.node->kind == YAML_MAPPING)
        return load_mapping(&s, list);
    diag_error(s.diags, place(&s), "write [a, b, c] or {file: name.txt}",
               "a list is expected here");
    return ST_INVALID;
}

static void release_views(void *of)
{
    struct lists *lists = of;
    for (int i = 0; i < lists->count; i++)
        list_view_unref(lists->items[i].view);
}

/* What owns the views, in the arena; NULL: it is full. */
static struct lists *make_room(struct arena *arena, int count)
{
    struct lists *owner = arena_try(arena, sizeof *owner);
    struct list *items = arena_try(arena, (size_t)(count + 1) * sizeof *items);
    size_t mark = arena->used_bytes;
    if (owner == NULL || items == NULL || arena_try(arena, 2 * sizeof(struct arena)) == NULL)
        return NULL;
    arena->used_bytes = mark; /* was for arena_on_end(), which takes less */
    memset(items, 0, (size_t)(count + 1) * sizeof *items);
    *owner = (struct lists){.items = items};
    arena_on_end(arena, release_views, owner);
    return owner;
}

/* Every list of the mapping `s->node`, one after the other in the same scratch. */
static enum status load_all(struct source s, struct lists *lists)
{
    enum status worst = ST_OK;
    size_t bytes = 0;
    for (s.node = s.node->child; s.node != NULL; s.node = s.node->next) {
        struct list *list = &lists->items[lists->count++];
        arena_reset(s.scratch);
        enum status st = load_one(s, list);
        bytes += st == ST_OK ? list_view_bytes(list->view) : 0;
        if (bytes > LISTS_BYTES_MAX)
            return out_of_space(&s);
        worst = st == ST_OK ? worst : st;
    }
    return worst;
}

enum status lists_load(const struct yaml_file *file, const struct yaml_node *node,
                       struct arena *arena, struct diag_list *diags, struct lists *ret_lists)
{
    if (node == NULL) {
        *ret_lists = (struct lists){0};
        return ST_OK;
    }
    struct source s = {.file = file, .node = node, .arena = arena, .diags = diags};
    if (node->kind != YAML_MAPPING || node->count > LISTS_MAX) {
        diag_error(diags, place(&s), NULL,
                   node->kind != YAML_MAPPING ? "`lists:` holds names and their items"
                                              : "there are more than 256 lists");
        return ST_INVALID;
    }
    struct lists *lists = make_room(arena, node->count);
    if (lists == NULL)
        return out_of_space(&s);
    s.scratch = arena_new(SCRATCH_BYTES);
    enum status st = load_all(s, lists);
    arena_free(s.scratch);
    if (st == ST_OK)
        *ret_lists = *lists;
    return st;
}

const struct list *lists_find(const struct lists *lists, struct span name)
{
    for (int i = 0; i < lists->count; i++) {
        if (span_eq(lists->items[i].name, name))
            return &lists->items[i];
    }
    return NULL;
}
