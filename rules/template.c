#include "rules/template.h"

#include "rules/cel_source.h"
#include "rules/cel_utf8.h"

#include <stdio.h>

struct compiler {
    const struct cel_env *env;
    struct span source;
    struct diag_at at;
    struct arena *arena;
    struct diag_list *diags;
    struct template_piece pieces[TEMPLATE_PIECES_MAX];
    int count;
};

static enum status refuse(struct compiler *c, size_t offset, const char *hint, const char *message)
{
    diag_error(c->diags, cel_source_at(c->at, c->source, offset), hint, "%s", message);
    return ST_INVALID;
}

static enum status add(struct compiler *c, size_t offset, struct template_piece piece)
{
    if (c->count == TEMPLATE_PIECES_MAX)
        return refuse(c, offset, NULL, "the reason has too many pieces");
    c->pieces[c->count++] = piece;
    return ST_OK;
}

static char at(const struct compiler *c, size_t i)
{
    return i < c->source.len ? c->source.base[i] : '\0';
}

/* How far an expression goes. */
struct extent {
    size_t end;    /* its closing brace; the source's length: it has none */
    size_t format; /* the colon before its format; `end`: it has none */
};

/* `depth`: within so many braces; `inside`: brackets of all kinds; `choices`: `?` of a choice,
 * whose colon has not come. The one in `a.?b` is none. */
static struct extent extent_of(const struct compiler *c, size_t start)
{
    struct extent e = {.end = c->source.len};
    size_t colon = 0;
    int depth = 0, inside = 0, choices = 0;
    char quote = '\0';
    for (size_t i = start; i < c->source.len && e.end == c->source.len; i++) {
        char ch = at(c, i);
        if (quote != '\0') {
            i += ch == '\\';
            quote = ch == quote ? '\0' : quote;
        } else if (ch == '"' || ch == '\'') {
            quote = ch;
        } else if (ch == '}' && depth-- == 0) {
            e.end = i;
        } else if (ch == '{' || ch == '[' || ch == '(') {
            depth += ch == '{';
            inside++;
        } else if (ch == '}' || ch == ']' || ch == ')') {
            inside--;
        } else if (inside == 0 && ch == '?') {
            choices += i == start || at(c, i - 1) != '.';
        } else if (inside == 0 && ch == ':') {
            choices--;
            colon = i;
        }
    }
    e.format = choices < 0 ? colon : e.end;
    return e;
}

static enum status read_format(struct compiler *c, struct extent e, struct template_format *format)
{
    struct span text = span_of(c->source.base + e.format + 1, e.end - e.format - 1);
    char message[DIAG_MESSAGE_MAX];
    if (template_format_read(text, format))
        return ST_OK;
    snprintf(message, sizeof message, "'%.*s' is no format", SPAN_ARG(text));
    return refuse(c, e.format + 1, "a format is one of " TEMPLATE_FORMATS, message);
}

/* As far as can be told before it is run. */
static bool may_be_number(const struct cel_type *type)
{
    return type->kind == CEL_T_DYN || cel_type_is_number(type);
}

static enum status refuse_format(struct compiler *c, size_t offset, const struct cel_type *type)
{
    char message[DIAG_MESSAGE_MAX];
    struct text t;
    text_init(&t, message, sizeof message - 1);
    text_str(&t, "a format is for numbers, and this is ");
    cel_type_write(type, &t);
    message[t.len] = '\0';
    return refuse(c, offset, "leave the format out, or give it a number", message);
}

static enum status add_expression(struct compiler *c, size_t start, size_t *ret_end)
{
    struct extent e = extent_of(c, start);
    if (e.end == c->source.len)
        return refuse(c, start - 1, "write {{ for a brace", "the { has no }");
    struct template_piece piece = {.text = span_of(c->source.base + start, e.format - start)};
    struct diag_at where = cel_source_at(c->at, c->source, start);
    enum status st = e.format < e.end ? read_format(c, e, &piece.format) : ST_OK;
    if (st == ST_OK)
        st = cel_compile(c->env, piece.text, where, c->arena, c->diags, &piece.program);
    if (st != ST_OK)
        return st;
    if (e.format < e.end && !may_be_number(piece.program->result))
        return refuse_format(c, start, piece.program->result);
    *ret_end = e.end + 1;
    return add(c, start, piece);
}

/* A text up to the next brace that is not doubled. */
static enum status add_text(struct compiler *c, size_t start, size_t *ret_end)
{
    size_t end = start;
    while (end < c->source.len && at(c, end) != '{' && at(c, end) != '}')
        end++;
    bool doubled = end < c->source.len && at(c, end + 1) == at(c, end);
    if (at(c, end) == '}' && !doubled)
        return refuse(c, end, "write }} for a brace", "the } has no {");
    size_t keep = end + doubled; /* the first of the two braces belongs to the text */
    *ret_end = keep + doubled;
    if (keep == start)
        return ST_OK;
    return add(c, start,
               (struct template_piece){.text = span_of(c->source.base + start, keep - start)});
}

static enum status out_of_space(struct compiler *c)
{
    refuse(c, 0, NULL, "the ruleset is too large: out of space");
    return ST_NO_SPACE;
}

/* Into the arena, texts too: the caller's bytes may go. */
static enum status keep_pieces(struct compiler *c, struct template *ret_template)
{
    void *mem = NULL;
    size_t bytes = (size_t)c->count * sizeof *c->pieces;
    for (int i = 0; i < c->count; i++) {
        c->pieces[i].text = arena_try_copy(c->arena, c->pieces[i].text);
        if (c->pieces[i].text.base == NULL)
            return out_of_space(c);
    }
    if (arena_alloc(c->arena, bytes + 1, &mem) != ST_OK)
        return out_of_space(c);
    memcpy(mem, c->pieces, bytes);
    *ret_template = (struct template){.pieces = mem, .count = c->count};
    return ST_OK;
}

enum status template_compile(const struct cel_env *env, struct span source, struct diag_at where,
                             struct arena *arena, struct diag_list *diags,
                             struct template *ret_template)
{
    struct cel_env alone = *env; /* a reason is rendered apart from the run of its rule */
    alone.share = NULL;
    struct compiler c = {.env = &alone, .at = where, .arena = arena, .diags = diags};
    c.source = source;
    size_t pos = 0;
    while (pos < source.len) {
        bool expression = at(&c, pos) == '{' && at(&c, pos + 1) != '{';
        enum status st = expression ? add_expression(&c, pos + 1, &pos) : add_text(&c, pos, &pos);
        if (st != ST_OK)
            return st;
    }
    return keep_pieces(&c, ret_template);
}

/* As much of it as fits, in whole characters. */
static void put_cut(struct text *out, struct span s)
{
    size_t room = out->cap - out->len;
    out->overflow |= s.len > room;
    text_put(out, cel_utf8_cut(s, room));
}

static void put_value(struct text *out, const struct template_format *format, struct cel_value v)
{
    if (v.kind == CEL_STRING)
        put_cut(out, v.text);
    else
        template_format_write(format, v, out);
}

enum status template_render(const struct template *t, const struct cel_value *row,
                            struct arena *scratch, struct arena *arena, struct span *ret_text)
{
    char buf[TEMPLATE_RENDERED_MAX];
    struct text out;
    const size_t mark_bytes = scratch->used_bytes;
    text_init(&out, buf, sizeof buf);
    for (int i = 0; i < t->count && !out.overflow; i++) {
        const struct template_piece *p = &t->pieces[i];
        if (p->program == NULL)
            put_cut(&out, p->text);
        else
            put_value(&out, &p->format, cel_run(p->program, row, scratch));
        scratch->used_bytes = mark_bytes; /* the value is in `buf` */
    }
    char *mem = arena_try(arena, out.len + 1);
    if (mem == NULL)
        return ST_NO_SPACE;
    memcpy(mem, buf, out.len);
    *ret_text = span_of(mem, out.len);
    return ST_OK;
}
