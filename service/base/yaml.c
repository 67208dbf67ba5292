#include "service/base/yaml.h"

#include "service/base/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

/* One parse under way. Functions that answer false or NULL have added a diagnostic. */
struct parse {
    yaml_parser_t parser;
    struct yaml_file file;
    struct arena *arena;
    struct diag_list *diags;
    enum status failure; /* why, once something answered false */
    int nodes;
    /* libyaml counts characters, we count bytes: where the line last asked for begins. */
    size_t line;
    size_t line_start;
    size_t chars; /* of that line, up to the place last asked for ... */
    size_t at;    /* ... which is here */
    /* When the last event was a text in quotes: where it opens, and behind its closing quote. */
    bool quoted;
    yaml_mark_t quote;
    yaml_mark_t quote_end;
};

static bool fail(struct parse *p, int line, int col, const char *hint, const char *message)
{
    struct diag_at at = {p->file.name, p->file.content, line, col};
    diag_error(p->diags, at, hint, "%s", message);
    p->failure = ST_INVALID;
    return false;
}

static bool fail_no_space(struct parse *p)
{
    struct diag_at at = {.file = p->file.name};
    diag_error(p->diags, at, NULL, "the file needs more memory than is set aside for it");
    p->failure = ST_NO_SPACE;
    return false;
}

/* ---- places ---------------------------------------------------------------------------------- */

static void seek_line(struct parse *p, size_t line)
{
    struct span all = p->file.content;
    if (line != p->line)
        p->chars = 0;
    if (line < p->line)
        p->line = p->line_start = 0;
    for (; p->line < line; p->line++) {
        const char *from = all.base + p->line_start;
        const char *newline = memchr(from, '\n', all.len - p->line_start);
        p->line_start = newline ? (size_t)(newline - all.base) + 1 : all.len;
    }
}

/* Marks mostly come in order, so each goes on from the one before: one long line is not read again
 * for each of its nodes. */
static void place(struct parse *p, yaml_mark_t mark, int *ret_line, int *ret_col)
{
    struct span all = p->file.content;
    seek_line(p, mark.line);
    if (p->chars == 0 || mark.column < p->chars) {
        p->chars = 0;
        p->at = p->line_start;
    }
    for (; p->chars < mark.column && p->at < all.len && all.base[p->at] != '\n'; p->chars++)
        do
            p->at++;
        while (p->at < all.len && ((unsigned char)all.base[p->at] & 0xC0) == 0x80);
    *ret_line = (int)mark.line + 1;
    *ret_col = (int)(p->at - p->line_start) + 1;
}

static bool fail_at(struct parse *p, yaml_mark_t mark, const char *hint, const char *message)
{
    int line, col;
    place(p, mark, &line, &col);
    return fail(p, line, col, hint, message);
}

/* Bytes that are no characters have an offset where other errors have a mark. */
static bool fail_at_offset(struct parse *p, size_t offset, const char *message)
{
    struct span all = p->file.content;
    size_t line = 0, start = 0;
    for (size_t i = 0; i < offset && i < all.len; i++)
        if (all.base[i] == '\n') {
            line++;
            start = i + 1;
        }
    return fail(p, (int)line + 1, (int)(offset - start) + 1, "files are UTF-8 text", message);
}

/* ---- what libyaml does not take -------------------------------------------------------------- */

static char byte_at(struct parse *p, yaml_mark_t mark)
{
    int line, col;
    place(p, mark, &line, &col);
    return p->at < p->file.content.len ? p->file.content.base[p->at] : '\0';
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

/* Does `mark` stand right behind the text in quotes that came last, but for blanks? */
static bool is_behind_quote(struct parse *p, yaml_mark_t mark)
{
    int line, col, end_col;
    if (!p->quoted || mark.line != p->quote_end.line)
        return false;
    place(p, p->quote_end, &line, &end_col);
    const char *end = p->file.content.base + p->at;
    place(p, mark, &line, &col);
    return col >= end_col && strspn(end, " ") >= (size_t)(col - end_col);
}

/*
 * A quote that is not closed takes the lines below with it, up to the next quote or the end of
 * the file, and libyaml complains there. Answers where that quote was opened.
 */
static bool find_unclosed(struct parse *p, yaml_mark_t *ret_open)
{
    const char *context = p->parser.context ? p->parser.context : "";
    bool to_the_end = strcmp(context, "while scanning a quoted scalar") == 0;
    bool as_a_key = strcmp(context, "while scanning a simple key") == 0 &&
                    is_quote(byte_at(p, p->parser.context_mark));
    yaml_mark_t where = to_the_end ? p->parser.context_mark : p->parser.problem_mark;
    if (is_behind_quote(p, where) && p->quote.line < p->quote_end.line)
        *ret_open = p->quote;
    else if (to_the_end || as_a_key)
        *ret_open = p->parser.context_mark;
    else
        return false;
    return true;
}

static bool fail_unclosed(struct parse *p, yaml_mark_t open)
{
    const char *hint =
        byte_at(p, open) == '"' ? "put a \" where the text ends" : "put a ' where the text ends";
    return fail_at(p, open, hint, "the quote opened here is not closed on its line");
}

static const char *hint_for(struct parse *p, const char *problem)
{
    if (is_behind_quote(p, p->parser.problem_mark))
        return byte_at(p, p->quote) == '"'
                   ? "the text in quotes ends before this; a \" within it is written \\\""
                   : "the text in quotes ends before this; a ' within it is written ''";
    if (strstr(problem, "cannot start any token"))
        return "indent with spaces, not tabs; quote a value that starts with @, ` or %";
    if (strstr(problem, "expected alphabetic or numeric character"))
        return "a text that begins with !, & or * stands in single quotes, or below a '>'";
    if (strstr(problem, "tab character"))
        return "indent with spaces, not tabs";
    if (strstr(problem, "did not find expected '-' indicator"))
        return "check the indentation: each item begins with '-', its other keys stand below the "
               "first";
    if (strstr(problem, "mapping values are not allowed"))
        return "quote a value that has ': ' in it; check the indentation";
    if (strstr(problem, "did not find expected key") ||
        strstr(problem, "could not find expected ':'"))
        return "check the indentation: keys of one mapping start in one column, as 'key: value'";
    return NULL;
}

static bool fail_of_libyaml(struct parse *p)
{
    const char *problem = p->parser.problem ? p->parser.problem : "not YAML";
    yaml_mark_t open;
    if (p->parser.error == YAML_MEMORY_ERROR)
        return fail_no_space(p);
    if (p->parser.error == YAML_READER_ERROR)
        return fail_at_offset(p, p->parser.problem_offset, problem);
    if (find_unclosed(p, &open))
        return fail_unclosed(p, open);
    return fail_at(p, p->parser.problem_mark, hint_for(p, problem), problem);
}

/* ---- the tree -------------------------------------------------------------------------------- */

/* The caller deletes the event. */
static bool next_event(struct parse *p, yaml_event_t *ret_event)
{
    if (!yaml_parser_parse(&p->parser, ret_event))
        return fail_of_libyaml(p);
    yaml_scalar_style_t style =
        ret_event->type == YAML_SCALAR_EVENT ? ret_event->data.scalar.style : YAML_ANY_SCALAR_STYLE;
    p->quoted =
        style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    p->quote = ret_event->start_mark;
    p->quote_end = ret_event->end_mark;
    return true;
}

static bool copy_text(struct parse *p, const yaml_event_t *event, struct span *ret_text)
{
    struct span text = span_of(event->data.scalar.value, event->data.scalar.length);
    if (text.len > 0 && memchr(text.base, '\0', text.len))
        return fail_at(p, event->start_mark, NULL, "a text with a NUL character");
    char *copy = arena_try(p->arena, text.len + 1);
    if (copy == NULL)
        return fail_no_space(p);
    memcpy(copy, text.base, text.len);
    copy[text.len] = '\0';
    *ret_text = span_of(copy, text.len);
    return true;
}

static bool refuse_extras(struct parse *p, const yaml_event_t *event)
{
    const char *message = NULL;
    const yaml_char_t *tag = NULL, *anchor = NULL;
    if (event->type == YAML_ALIAS_EVENT) {
        message = "aliases are not supported";
    } else if (event->type == YAML_SCALAR_EVENT) {
        tag = event->data.scalar.tag;
        anchor = event->data.scalar.anchor;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        tag = event->data.sequence_start.tag;
        anchor = event->data.sequence_start.anchor;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        tag = event->data.mapping_start.tag;
        anchor = event->data.mapping_start.anchor;
    }
    if (anchor)
        message = "anchors are not supported";
    else if (tag)
        message = "tags are not supported";
    return message == NULL ||
           fail_at(p, event->start_mark,
                   "write the value out; a text that begins with &, * or ! stands in quotes",
                   message);
}

static size_t leading(struct span text, char c)
{
    size_t n = 0;
    while (n < text.len && text.base[n] == c)
        n++;
    return n;
}

/*
 * A block scalar's body starts below its indicator. Its indentation is what the file has
 * in front of the first line that is not blank, less what of it belongs to the value.
 */
static void place_block(struct parse *p, struct yaml_node *node)
{
    struct span all = p->file.content;
    size_t blank_lines = leading(node->text, '\n');
    struct span value = span_of(node->text.base + blank_lines, node->text.len - blank_lines);
    seek_line(p, (size_t)node->line + blank_lines);
    struct span line = span_of(all.base + p->line_start, all.len - p->line_start);
    size_t in_file = leading(line, ' '), in_value = leading(value, ' ');
    node->body_line = node->line + 1;
    node->body_col = (int)(in_file > in_value ? in_file - in_value : 0) + 1;
}

static bool fill_scalar(struct parse *p, const yaml_event_t *event, struct yaml_node *node)
{
    yaml_scalar_style_t style = event->data.scalar.style;
    if (!copy_text(p, event, &node->text))
        return false;
    node->plain = style == YAML_PLAIN_SCALAR_STYLE;
    node->body_line = node->line;
    node->body_col = node->col + !node->plain;
    if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
        place_block(p, node);
    return true;
}

static struct yaml_node *new_node(struct parse *p, enum yaml_kind kind, yaml_mark_t mark)
{
    struct yaml_node *node = NULL;
    if (++p->nodes > YAML_NODES_MAX) {
        fail_at(p, mark, NULL, "the file has too many values");
        return NULL;
    }
    node = arena_try(p->arena, sizeof *node);
    if (node == NULL) {
        fail_no_space(p);
        return NULL;
    }
    *node = (struct yaml_node){.kind = kind};
    place(p, mark, &node->line, &node->col);
    return node;
}

static bool parse_children(struct parse *p, struct yaml_node *parent, int depth);

/* One value, of which `event` is the first event. NULL: a diagnostic was added. */
static struct yaml_node *parse_node(struct parse *p, const yaml_event_t *event, int depth)
{
    enum yaml_kind kind = event->type == YAML_MAPPING_START_EVENT    ? YAML_MAPPING
                          : event->type == YAML_SEQUENCE_START_EVENT ? YAML_SEQUENCE
                                                                     : YAML_SCALAR;
    if (!refuse_extras(p, event))
        return NULL;
    if (kind != YAML_SCALAR && depth > YAML_DEPTH_MAX) {
        fail_at(p, event->start_mark, NULL, "nested too deeply");
        return NULL;
    }
    struct yaml_node *node = new_node(p, kind, event->start_mark);
    if (node == NULL)
        return NULL;
    bool ok = kind == YAML_SCALAR ? fill_scalar(p, event, node) : parse_children(p, node, depth);
    return ok ? node : NULL;
}

/* The key that `event` is, unless the mapping has it already. */
static bool parse_key(struct parse *p, const yaml_event_t *event, const struct yaml_node *map,
                      struct yaml_node *ret_key)
{
    struct yaml_node key = {0};
    if (!refuse_extras(p, event))
        return false;
    if (event->type != YAML_SCALAR_EVENT)
        return fail_at(p, event->start_mark, NULL, "a key must be a plain or quoted text");
    if (map->count == YAML_KEYS_MAX)
        return fail_at(p, event->start_mark, NULL, "the mapping has too many keys");
    place(p, event->start_mark, &key.key_line, &key.key_col);
    if (!copy_text(p, event, &key.key))
        return false;
    for (const struct yaml_node *n = map->child; n; n = n->next)
        if (span_eq(n->key, key.key)) {
            struct diag_at at = {p->file.name, p->file.content, key.key_line, key.key_col};
            diag_error(p->diags, at, NULL, "the key '%.*s' stands on line %d already",
                       SPAN_ARG(key.key), n->key_line);
            p->failure = ST_INVALID;
            return false;
        }
    *ret_key = key;
    return true;
}

/* One item or one "key: value", of which `event` is the first event. */
static struct yaml_node *parse_child(struct parse *p, const yaml_event_t *event,
                                     const struct yaml_node *parent, int depth)
{
    struct yaml_node key = {0};
    yaml_event_t value;
    if (parent->kind == YAML_SEQUENCE)
        return parse_node(p, event, depth);
    if (!parse_key(p, event, parent, &key) || !next_event(p, &value))
        return NULL;
    struct yaml_node *node = parse_node(p, &value, depth);
    yaml_event_delete(&value);
    if (node) {
        node->key = key.key;
        node->key_line = key.key_line;
        node->key_col = key.key_col;
    }
    return node;
}

/* Everything between the start event of `parent` and its end event. */
static bool parse_children(struct parse *p, struct yaml_node *parent, int depth)
{
    struct yaml_node **tail = &parent->child;
    for (;;) {
        yaml_event_t event;
        if (!next_event(p, &event))
            return false;
        bool end = event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
        struct yaml_node *child = end ? NULL : parse_child(p, &event, parent, depth + 1);
        yaml_event_delete(&event);
        if (child == NULL)
            return end;
        *tail = child;
        tail = &child->next;
        parent->count++;
    }
}

/* stream-start [document-start node document-end] stream-end */
static bool parse_stream(struct parse *p)
{
    for (;;) {
        yaml_event_t event;
        bool ok = true;
        if (!next_event(p, &event))
            return false;
        yaml_event_type_t type = event.type;
        if (type == YAML_DOCUMENT_START_EVENT)
            ok = p->file.root == NULL ||
                 fail_at(p, event.start_mark, "split the file", "a second document in one file");
        else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_END_EVENT &&
                 type != YAML_STREAM_END_EVENT)
            ok = (p->file.root = parse_node(p, &event, 1)) != NULL;
        yaml_event_delete(&event);
        if (!ok || type == YAML_STREAM_END_EVENT)
            return ok;
    }
}

/* ---- files ----------------------------------------------------------------------------------- */

static bool copy_in(struct parse *p, struct span text, struct span *ret_copy)
{
    char *copy = arena_try(p->arena, text.len + 1);
    if (copy == NULL)
        return fail_no_space(p);
    if (text.len > 0)
        memcpy(copy, text.base, text.len);
    copy[text.len] = '\0';
    *ret_copy = span_of(copy, text.len);
    return true;
}

enum status yaml_parse(const char *name, struct span content, struct arena *arena,
                       struct diag_list *diags, struct yaml_file *ret_file)
{
    struct parse p = {.file = {.name = name}, .arena = arena, .diags = diags};
    struct span name_copy;
    if (content.len > YAML_BYTES_MAX) {
        fail(&p, 0, 0, NULL, "the file is larger than 4 MiB");
        return p.failure;
    }
    if (!copy_in(&p, span_str(name), &name_copy) || !copy_in(&p, content, &p.file.content))
        return p.failure;
    p.file.name = name_copy.base;
    if (!yaml_parser_initialize(&p.parser)) {
        fail_no_space(&p);
        return p.failure;
    }
    yaml_parser_set_encoding(&p.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p.parser, (const yaml_char_t *)p.file.content.base, content.len);
    bool ok = parse_stream(&p);
    yaml_parser_delete(&p.parser);
    if (ok)
        *ret_file = p.file;
    return ok ? ST_OK : p.failure;
}

static enum status cannot_read(const char *path, const char *why, struct diag_list *diags)
{
    struct diag_at at = {.file = path};
    diag_error(diags, at, NULL, "cannot read the file: %s", why);
    return ST_IO;
}

enum status yaml_load(const char *path, struct arena *arena, struct diag_list *diags,
                      struct yaml_file *ret_file)
{
    enum status st;
    char *content = NULL;
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return cannot_read(path, strerror(errno), diags);
    content = malloc(YAML_BYTES_MAX + 1); /* one more than fits, so that more is noticed */
    size_t len = content ? fread(content, 1, YAML_BYTES_MAX + 1, in) : 0;
    if (content == NULL || ferror(in))
        st = cannot_read(path, strerror(errno), diags);
    else
        st = yaml_parse(path, span_of(content, len), arena, diags, ret_file);
    free(content);
    fclose(in);
    return st;
}

/* ---- asking ---------------------------------------------------------------------------------- */

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (map == NULL || map->kind != YAML_MAPPING)
        return NULL;
    for (const struct yaml_node *n = map->child; n; n = n->next)
        if (span_is(n->key, key))
            return n;
    return NULL;
}

struct diag_at yaml_at(const struct yaml_file *file, const struct yaml_node *node)
{
    return (struct diag_at){file->name, file->content, node->line, node->col};
}

struct diag_at yaml_key_at(const struct yaml_file *file, const struct yaml_node *node)
{
    return (struct diag_at){file->name, file->content, node->key_line, node->key_col};
}

struct diag_at yaml_body_at(const struct yaml_file *file, const struct yaml_node *node)
{
    return (struct diag_at){file->name, file->content, node->body_line, node->body_col};
}

static void unknown_key(const struct yaml_file *file, const struct yaml_node *node,
                        const char *const *known, size_t n, struct diag_list *diags)
{
    char hint[DIAG_MESSAGE_MAX];
    struct text t;
    const char *nearest = diag_nearest(node->key, known, n);
    text_init(&t, hint, sizeof hint - 1);
    if (nearest) {
        text_printf(&t, "did you mean '%s'?", nearest);
    } else {
        text_str(&t, "known here:");
        for (size_t i = 0; i < n; i++)
            text_printf(&t, " %s", known[i]);
    }
    hint[t.len] = '\0';
    diag_error(diags, yaml_key_at(file, node), hint, "unknown key '%.*s'", SPAN_ARG(node->key));
}

bool yaml_only(const struct yaml_file *file, const struct yaml_node *map, const char *const *known,
               size_t n, struct diag_list *diags)
{
    bool ok = true;
    if (map->kind != YAML_MAPPING) {
        diag_error(diags, yaml_at(file, map), NULL, "expected a mapping of 'key: value'");
        return false;
    }
    for (const struct yaml_node *child = map->child; child; child = child->next) {
        size_t i = 0;
        while (i < n && !span_is(child->key, known[i]))
            i++;
        if (i == n) {
            unknown_key(file, child, known, n, diags);
            ok = false;
        }
    }
    return ok;
}

/* ---- typed scalars --------------------------------------------------------------------------- */

/* The text of a scalar without quotes; NULL for anything else. */
static const char *plain_text(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->plain && node->text.len > 0 ? node->text.base : NULL;
}

static bool expected(const struct yaml_file *file, const struct yaml_node *node,
                     struct diag_list *diags, const char *hint, const char *what)
{
    diag_error(diags, yaml_at(file, node), hint, "expected %s", what);
    return false;
}

bool yaml_is_null(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->plain &&
           (node->text.len == 0 || span_is(node->text, "~") || span_is(node->text, "null"));
}

bool yaml_string(const struct yaml_file *file, const struct yaml_node *node,
                 struct diag_list *diags, struct span *ret_value)
{
    if (node->kind != YAML_SCALAR || yaml_is_null(node))
        return expected(
            file, node, diags,
            node->kind != YAML_SCALAR ? "a text that begins with [ or { stands in quotes" : NULL,
            "a text");
    *ret_value = node->text;
    return true;
}

bool yaml_int(const struct yaml_file *file, const struct yaml_node *node, int64_t min, int64_t max,
              struct diag_list *diags, int64_t *ret_value)
{
    const char *text = plain_text(node);
    char *end = NULL;
    errno = 0;
    long long v = text ? strtoll(text, &end, 10) : 0;
    if (text == NULL || end != text + node->text.len || errno != 0 || v < min || v > max) {
        diag_error(diags, yaml_at(file, node), NULL,
                   "expected an integer from %" PRId64 " to %" PRId64, min, max);
        return false;
    }
    *ret_value = v;
    return true;
}

bool yaml_double(const struct yaml_file *file, const struct yaml_node *node,
                 struct diag_list *diags, double *ret_value)
{
    const char *text = plain_text(node);
    char *end = NULL;
    errno = 0;
    /* strtod also reads hexadecimal, "inf" and "nan": only decimal digits may be there. */
    bool decimal = text && strspn(text, "+-.0123456789eE") == node->text.len;
    double v = decimal ? strtod(text, &end) : 0;
    if (!decimal || end != text + node->text.len || (errno == ERANGE && (v > 1 || v < -1)))
        return expected(file, node, diags, NULL, "a number");
    *ret_value = v;
    return true;
}

bool yaml_bool(const struct yaml_file *file, const struct yaml_node *node, struct diag_list *diags,
               bool *ret_value)
{
    const char *text = plain_text(node);
    bool yes = text && strcmp(text, "true") == 0;
    if (!yes && !(text && strcmp(text, "false") == 0))
        return expected(file, node, diags, NULL, "true or false");
    *ret_value = yes;
    return true;
}

static int64_t unit_ms(const char *suffix)
{
#define X(name, ms)                \
    if (strcmp(suffix, name) == 0) \
        return ms;
    YAML_DURATION_TABLE(X)
#undef X
    return 0;
}

bool yaml_duration_ms(const struct yaml_file *file, const struct yaml_node *node,
                      struct diag_list *diags, int64_t *ret_ms)
{
    const char *text = plain_text(node);
    size_t digits = text ? strspn(text, "0123456789") : 0;
    int64_t unit = digits > 0 ? unit_ms(text + digits) : 0;
    errno = 0;
    long long count = unit > 0 ? strtoll(text, NULL, 10) : 0;
    if (unit == 0 || errno != 0 || count > YAML_DURATION_MAX_MS / unit)
        return expected(file, node, diags, "a number and ms, s, m, h or d; at most 36500d",
                        "a duration like 250ms, 90s, 5m, 1h or 7d");
    *ret_ms = count * unit;
    return true;
}
