#include "rules/lists.h"

#include "rules/cel_utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- what may stand under `lists:` ----------------------------------------------------------- */

static const struct shape item_shape = {.kind = SHAPE_TEXT};
static const struct shape items_shape = {.kind = SHAPE_LIST, .of = &item_shape};
static const struct shape path_shape = {.kind = SHAPE_TEXT, .pattern = "."};
static const char *const types[] = {"string", "int"};
static const struct shape type_shape = {.kind = SHAPE_CHOICE, SHAPE_ROW(choices, types)};

static const struct shape_key file_keys[] = {
    {"file", &path_shape, true,
     "One item a line, relative to the ruleset file; of a `.csv` the first column."},
    {"type", &type_shape, false, "What the items are; `string` when left out."},
};

static const struct shape file_shape = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, file_keys)};
static const struct shape *const written_as[] = {&items_shape, &file_shape};
static const struct shape list_shape = {.kind = SHAPE_EITHER, SHAPE_ROW(either, written_as)};

const struct shape lists_shape = {.kind = SHAPE_MAPPING,
                                  .pattern = "^[A-Za-z_][A-Za-z0-9_]{0,63}$",
                                  .max = LISTS_MAX,
                                  .of = &list_shape};

/* What a list is made from: its items, before they are known to be strings or ints. */
struct source {
    const struct yaml_file *file;
    const struct yaml_node *node; /* to point at */
    struct arena *arena;
    struct diag_list *diags;
};

static struct diag_at place(const struct source *s)
{
    return yaml_at(s->file, s->node);
}

static bool parse_int(struct span text, int64_t *ret_value)
{
    char buf[24], *end; /* "-9223372036854775808" has 20 */
    if (text.len == 0 || text.len >= sizeof buf)
        return false;
    memcpy(buf, text.base, text.len);
    buf[text.len] = '\0';
    if (strspn(buf, "+-0123456789") != text.len)
        return false;
    errno = 0;
    *ret_value = strtoll(buf, &end, 10);
    return errno == 0 && *end == '\0' && end[-1] >= '0';
}

static enum status out_of_space(const struct source *s)
{
    diag_error(s->diags, place(s), NULL, "the list does not fit into the ruleset's memory");
    return ST_NO_SPACE;
}

/* Texts in hand, the list: its values, its index, without what stands in it twice. */
static enum status finish(const struct source *s, struct cel_value *items, size_t count,
                          bool as_ints, struct list *list)
{
    void *mem = NULL;
    bool repeated;
    if (arena_alloc(s->arena, sizeof(struct cel_list), &mem) != ST_OK)
        return out_of_space(s);
    struct cel_list *made = mem;
    *made = (struct cel_list){.count = count, .items = items};
    made->index = cel_index_build(s->arena, items, count, sizeof *items, &repeated);
    if (made->index == NULL)
        return out_of_space(s);
    list->type = as_ints ? &cel_type_list_int : &cel_type_list_string;
    list->value = cel_list_of(made);
    return ST_OK;
}

/* ---- inline: [XX, YY] ------------------------------------------------------------------------ */

static bool is_int_node(const struct yaml_node *item)
{
    int64_t value;
    return item->kind == YAML_SCALAR && item->plain && parse_int(item->text, &value);
}

static bool all_ints(const struct yaml_node *node)
{
    for (const struct yaml_node *item = node->child; item != NULL; item = item->next) {
        if (!is_int_node(item))
            return false;
    }
    return node->count > 0;
}

static enum status load_inline(const struct source *s, struct list *list)
{
    bool as_ints = all_ints(s->node), good = true;
    size_t i = 0;
    void *mem = NULL;
    if (arena_alloc(s->arena, ((size_t)s->node->count + 1) * sizeof(struct cel_value), &mem))
        return out_of_space(s);
    struct cel_value *items = mem;
    for (const struct yaml_node *item = s->node->child; item != NULL; item = item->next, i++) {
        struct span text;
        int64_t value = 0;
        if (as_ints && parse_int(item->text, &value))
            items[i] = cel_int(value);
        else if (yaml_string(s->file, item, s->diags, &text))
            items[i] = cel_string(text);
        else
            good = false;
    }
    return good ? finish(s, items, i, as_ints, list) : ST_INVALID;
}

/* ---- from a file ----------------------------------------------------------------------------- */

/* `name`, relative to the folder of `beside`, as a C string in the arena; NULL: it is full. */
static const char *path_beside(struct arena *arena, const char *beside, struct span name)
{
    const char *slash = strrchr(beside, '/');
    size_t folder = slash && name.base[0] != '/' ? (size_t)(slash - beside) + 1 : 0;
    char *path = arena_try(arena, folder + name.len + 1);
    if (path == NULL)
        return NULL;
    memcpy(path, beside, folder);
    memcpy(path + folder, name.base, name.len);
    path[folder + name.len] = '\0';
    return path;
}

/* A file's bytes in the arena. */
static enum status read_file(const struct source *s, const char *path, struct span *ret_content)
{
    FILE *in = fopen(path, "rb");
    void *mem = NULL;
    long size = -1;
    enum status st = ST_OK;
    if (in != NULL && fseek(in, 0, SEEK_END) == 0)
        size = ftell(in);
    if (in == NULL || size < 0 || fseek(in, 0, SEEK_SET) != 0) {
        diag_error(s->diags, place(s), NULL, "%s: %s", path, strerror(errno));
        st = ST_IO;
    } else if (size > LIST_FILE_MAX) {
        diag_error(s->diags, place(s), NULL, "%s: larger than %d bytes", path, LIST_FILE_MAX);
        st = ST_INVALID;
    } else if (arena_alloc(s->arena, (size_t)size + 1, &mem) != ST_OK) {
        st = out_of_space(s);
    } else if (fread(mem, 1, (size_t)size, in) != (size_t)size) {
        diag_error(s->diags, place(s), NULL, "%s: cannot be read", path);
        st = ST_IO;
    }
    if (in != NULL)
        fclose(in);
    if (st == ST_OK)
        *ret_content = span_of(mem, (size_t)size);
    return st;
}

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
    return undouble(s->arena, ret_item) == ST_OK ? ST_OK : out_of_space(s);
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

/* One item of a file's line into `ret_item`; false with a diagnostic. */
static bool take_item(const struct source *s, struct diag_at at, struct span text, bool as_ints,
                      struct cel_value *ret_item)
{
    int64_t value;
    if (text.len > LIST_ITEM_MAX) {
        diag_error(s->diags, at, NULL, "the item is longer than %d bytes", LIST_ITEM_MAX);
        return false;
    }
    if (!cel_utf8_is_valid(text)) {
        at.content = span_of(NULL, 0); /* is not shown: it may go into JSON */
        diag_error(s->diags, at, "save the file as UTF-8", "the item is not UTF-8");
        return false;
    }
    if (as_ints && !parse_int(text, &value)) {
        diag_error(s->diags, at, NULL, "this is no integer, and the list is of `type: int`");
        return false;
    }
    *ret_item = as_ints ? cel_int(value) : cel_string(text);
    return true;
}

static enum status load_lines(const struct source *s, const char *path, bool as_ints,
                              struct list *list)
{
    size_t name_len = strlen(path), count = 0;
    bool csv = name_len > 4 && strcmp(path + name_len - 4, ".csv") == 0;
    const struct span bom = span_str("\xEF\xBB\xBF"); /* what Excel begins a UTF-8 file with */
    struct line_reader r = {.content = list->content,
                            .pos = span_starts(list->content, bom) ? bom.len : 0};
    struct span line, text;
    void *mem = NULL;
    size_t lines = count_lines(list->content);
    if (lines > LIST_ITEMS_MAX) {
        diag_error(s->diags, place(s), NULL, "%s: more than %d lines", path, LIST_ITEMS_MAX);
        return ST_INVALID;
    }
    if (arena_alloc(s->arena, lines * sizeof(struct cel_value), &mem) != ST_OK)
        return out_of_space(s);
    while (next_line(&r, &line)) {
        struct diag_at at = {.file = path, .content = list->content, .line = r.line, .col = 1};
        enum status st = item_of(s, at, line, csv, &text);
        if (st != ST_OK)
            return st;
        if (text.len > 0 && !take_item(s, at, text, as_ints, (struct cel_value *)mem + count++))
            return ST_INVALID;
    }
    return finish(s, mem, count, as_ints, list);
}

/* {file: devices.txt, type: string} */
static enum status load_from_file(struct source s, struct list *list)
{
    const struct yaml_node *file = yaml_get(s.node, "file"), *type = yaml_get(s.node, "type");
    struct span name, type_name = span_str("string");
    if (!shape_only(s.file, s.node, &file_shape, s.diags))
        return ST_INVALID;
    if (file == NULL) {
        diag_error(s.diags, place(&s), NULL, "a list needs its items, or `file:`");
        return ST_INVALID;
    }
    if (!yaml_string(s.file, file, s.diags, &name) ||
        (type != NULL && !yaml_string(s.file, type, s.diags, &type_name)))
        return ST_INVALID;
    if (!span_is(type_name, types[0]) && !span_is(type_name, types[1])) {
        diag_error(s.diags, yaml_at(s.file, type), NULL, "the type is `string` or `int`");
        return ST_INVALID;
    }
    s.node = file;
    if (name.len == 0) {
        diag_error(s.diags, place(&s), NULL, "the file's name is empty");
        return ST_INVALID;
    }
    const char *path = path_beside(s.arena, s.file->name, name);
    if (path == NULL)
        return out_of_space(&s);
    enum status st = read_file(&s, path, &list->content);
    return st == ST_OK ? load_lines(&s, path, span_is(type_name, "int"), list) : st;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool is_name(struct span s)
{
    if (s.len == 0 || s.len > 64 || (s.base[0] >= '0' && s.base[0] <= '9'))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.base[i];
        if (c != '_' && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
            !(c >= 'A' && c <= 'Z'))
            return false;
    }
    return true;
}

static enum status load_one(struct source s, struct list *list)
{
    list->name = s.node->key;
    if (!is_name(list->name)) {
        diag_error(s.diags, yaml_key_at(s.file, s.node), "write letters, digits and _",
                   "'%.*s' cannot be a list's name", SPAN_ARG(list->name));
        return ST_INVALID;
    }
    if (s.node->kind == YAML_SEQUENCE)
        return load_inline(&s, list);
    if (s.node->kind == YAML_MAPPING)
        return load_from_file(s, list);
    diag_error(s.diags, place(&s), "write [a, b, c] or {file: name.txt}",
               "a list is expected here");
    return ST_INVALID;
}

enum status lists_load(const struct yaml_file *file, const struct yaml_node *node,
                       struct arena *arena, struct diag_list *diags, struct lists *ret_lists)
{
    struct lists lists = {0};
    enum status worst = ST_OK;
    void *mem = NULL;
    if (node == NULL) {
        *ret_lists = lists;
        return ST_OK;
    }
    struct source s = {file, node, arena, diags};
    if (node->kind != YAML_MAPPING || node->count > LISTS_MAX) {
        diag_error(diags, place(&s), NULL,
                   node->kind != YAML_MAPPING ? "`lists:` holds names and their items"
                                              : "there are more than 256 lists");
        return ST_INVALID;
    }
    if (arena_alloc(arena, (size_t)(node->count + 1) * sizeof *lists.items, &mem) != ST_OK)
        return out_of_space(&s);
    lists.items = mem;
    for (s.node = node->child; s.node != NULL; s.node = s.node->next) {
        enum status st = load_one(s, &lists.items[lists.count++]);
        worst = st == ST_OK ? worst : st;
    }
    if (worst == ST_OK)
        *ret_lists = lists;
    return worst;
}

const struct list *lists_find(const struct lists *lists, struct span name)
{
    for (int i = 0; i < lists->count; i++) {
        if (span_eq(lists->items[i].name, name))
            return &lists->items[i];
    }
    return NULL;
}
