#include "rules/cel_parse.h"

#include "rules/cel_hint.h"
#include "rules/cel_lex.h"
#include "rules/cel_macro.h"
#include "rules/cel_source.h"

#include <stdarg.h>
#include <stdio.h>

struct parser {
    struct cel_unit *unit;
    struct cel_lexer lexer;
    struct cel_token token;    /* the next one */
    size_t before, before_end; /* the one before it, source[before, before_end) */
    int depth;                 /* of the descent */
};

void cel_unit_error(struct cel_unit *unit, size_t offset, const char *hint, const char *format, ...)
{
    char message[DIAG_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    unit->failed = true;
    diag_error(unit->diags, cel_source_at(unit->at, unit->source, offset), hint, "%s", message);
}

size_t cel_unit_room(const struct cel_unit *unit)
{
    return CEL_ROOM_BYTES + CEL_ROOM_BYTES_A_BYTE * unit->source.len;
}

bool cel_unit_has_room(struct cel_unit *unit)
{
    const struct arena *a = unit->arena;
    if (a->cap_bytes - a->used_bytes > cel_unit_room(unit))
        return true;
    cel_unit_error(unit, 0, NULL, "the ruleset is too large: out of space");
    return false;
}

void *cel_unit_alloc(struct cel_unit *unit, size_t size)
{
    void *mem = NULL;
    if (arena_alloc(unit->arena, size, &mem) != ST_OK && !unit->failed)
        cel_unit_error(unit, 0, NULL, "out of space");
    return mem;
}

/* ---- tokens ------------------------------------------------------------------------------- */

static const char *token_text(enum cel_token_kind kind)
{
    static const char *const texts[] = {[CEL_TOK_END] = "the end",
                                        [CEL_TOK_IDENT] = "a name",
                                        [CEL_TOK_IN] = "in",
#define X(name, text) [name] = "'" text "'",
                                        CEL_PUNCTUATION_TABLE(X)
#undef X
    };
    return texts[kind];
}

/* YAML joins the lines of a folded text, so that a comment would take those behind it along. */
static void refuse_swallowing(struct cel_unit *unit, size_t comment, size_t end)
{
    while (end > comment + 1 && strchr(" \t\r", unit->source.base[end - 1]) != NULL)
        end--;
    if (cel_source_at(unit->at, unit->source, comment).line !=
        cel_source_at(unit->at, unit->source, end - 1).line)
        cel_unit_error(unit, comment, "begin the text with '|' instead of '>', or put it above",
                       "this comment goes on over the next line: YAML joins them");
}

static void advance(struct parser *p)
{
    p->before = p->token.offset;
    p->before_end = p->token.end;
    size_t comment_end = p->lexer.comment_end;
    p->token = cel_lex_next(&p->lexer);
    if (p->lexer.comment_end != comment_end)
        refuse_swallowing(p->unit, p->lexer.comment, p->lexer.comment_end);
    if (p->token.kind == CEL_TOK_ERROR)
        cel_unit_error(p->unit, p->token.offset, p->token.hint, "%s", p->token.message);
}

static bool accept(struct parser *p, enum cel_token_kind kind)
{
    if (p->token.kind != kind)
        return false;
    advance(p);
    return true;
}

/* One mistake a text: what follows the first is guesswork. Always NULL. */
static struct cel_node *fail(struct parser *p, const char *hint, const char *message)
{
    if (!p->unit->failed)
        cel_unit_error(p->unit, p->token.offset, hint, "%s", message);
    return NULL;
}

static struct cel_node *fail_expected(struct parser *p, const char *what)
{
    struct span seen =
        span_of(p->unit->source.base + p->token.offset, p->token.end - p->token.offset);
    if (p->unit->failed)
        return NULL;
    struct span before = span_of(p->unit->source.base + p->before, p->before_end - p->before);
    const char *word = cel_lex_word_hint(before); /* not x: a name, and then another */
    if (word != NULL) {
        cel_unit_error(p->unit, p->before, word, "'%.*s' means nothing here", SPAN_ARG(before));
        return NULL;
    }
    const char *hint = cel_hint_token(p->unit, before, p->token.offset, seen);
    if (strcmp(what, "':'") == 0)
        hint = "it is written condition ? a : b, and {\"key\": value}";
    if (p->token.kind == CEL_TOK_END)
        cel_unit_error(p->unit, p->token.offset, hint,
                       p->before_end == 0 ? "the expression is empty"
                                          : "the expression ends where %s is missing",
                       what);
    else
        cel_unit_error(p->unit, p->token.offset, hint, "'%.*s' stands where %s is missing",
                       SPAN_ARG(seen), what);
    return NULL;
}

static struct cel_node *fail_reserved(struct parser *p)
{
    const char *hint = cel_lex_word_hint(p->token.text);
    if (!p->unit->failed)
        cel_unit_error(p->unit, p->token.offset, hint != NULL ? hint : "choose another name",
                       "the word '%.*s' is reserved", SPAN_ARG(p->token.text));
    return NULL;
}

static bool expect(struct parser *p, enum cel_token_kind kind)
{
    if (accept(p, kind))
        return true;
    fail_expected(p, token_text(kind));
    return false;
}

/* ---- nodes -------------------------------------------------------------------------------- */

static struct cel_node *node_new(struct parser *p, enum cel_node_kind kind, size_t offset)
{
    struct cel_node *n = cel_unit_alloc(p->unit, sizeof *n);
    if (n != NULL)
        *n = (struct cel_node){.kind = kind, .offset = offset, .start = offset, .height = 1};
    return n;
}

static void raise_height(struct cel_node *n, const struct cel_node *child)
{
    if (child->height >= n->height)
        n->height = child->height + 1;
}

static struct cel_node *too_deep(struct parser *p, size_t offset)
{
    if (!p->unit->failed)
        cel_unit_error(p->unit, offset, "split it into derived fields, or use a list",
                       "the expression is nested deeper than %d", CEL_DEPTH_MAX);
    return NULL;
}

/* `n` unless it became too high. */
static struct cel_node *within_depth(struct parser *p, struct cel_node *n)
{
    if (n == NULL || n->height <= CEL_DEPTH_MAX)
        return n;
    return too_deep(p, n->offset);
}

static struct cel_node *call_new(struct parser *p, size_t offset, struct span name,
                                 struct cel_node *const *args, int n_args)
{
    struct cel_node *n = node_new(p, CEL_NODE_CALL, offset);
    if (n == NULL)
        return NULL;
    n->name = name;
    n->end = p->before_end;
    n->n_args = n_args;
    n->args = cel_unit_alloc(p->unit, (size_t)n_args * sizeof *args);
    if (n->args == NULL)
        return NULL;
    for (int i = 0; i < n_args; i++) {
        n->args[i] = args[i];
        raise_height(n, args[i]);
    }
    if (n_args > 0 && args[0]->start < n->start)
        n->start = args[0]->start;
    return within_depth(p, n);
}

/* ---- the grammar -------------------------------------------------------------------------- */

static struct cel_node *parse_expr(struct parser *p);

enum { ARGS_GROW = 16 };

/* Nodes in a row, before their number is known. */
struct node_list {
    struct cel_node **items;
    int count, room;
};

static bool list_push(struct parser *p, struct node_list *list, struct cel_node *n)
{
    if (n == NULL)
        return false;
    if (list->count == list->room) {
        int room = list->room ? 2 * list->room : ARGS_GROW;
        struct cel_node **items = cel_unit_alloc(p->unit, (size_t)room * sizeof *items);
        if (items == NULL)
            return false;
        if (list->count > 0)
            memcpy(items, list->items, (size_t)list->count * sizeof *items);
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = n;
    return true;
}

/* [ "?" ] Expr, of a list or map literal. */
static struct cel_node *parse_entry(struct parser *p, bool may_be_optional)
{
    bool is_optional = may_be_optional && accept(p, CEL_TOK_QUESTION);
    struct cel_node *n = parse_expr(p);
    if (n != NULL)
        n->is_optional_entry = is_optional;
    return n;
}

/* ExprList = [ Expr { "," Expr } [ "," ] ] close; the last comma, and "?", for a list only. */
static bool parse_list(struct parser *p, enum cel_token_kind close, struct node_list *ret_list)
{
    while (p->token.kind != close) {
        if (!list_push(p, ret_list, parse_entry(p, close == CEL_TOK_RBRACKET)))
            return false;
        if (!accept(p, CEL_TOK_COMMA))
            break;
        if (p->token.kind == close && close == CEL_TOK_RPAREN) {
            fail_expected(p, "an argument");
            return false;
        }
    }
    return expect(p, close);
}

static struct cel_node *take_args(struct parser *p, struct cel_node *n,
                                  const struct node_list *list)
{
    n->args = list->items;
    n->n_args = list->count;
    for (int i = 0; i < list->count; i++)
        raise_height(n, list->items[i]);
    return within_depth(p, n);
}

/* "[" ExprList "]" */
static struct cel_node *parse_list_literal(struct parser *p)
{
    struct cel_node *n = node_new(p, CEL_NODE_LIST, p->token.offset);
    struct node_list list = {0};
    advance(p);
    if (n == NULL || !parse_list(p, CEL_TOK_RBRACKET, &list))
        return NULL;
    return take_args(p, n, &list);
}

/* "{" [ [ "?" ] Expr ":" Expr { "," [ "?" ] Expr ":" Expr } [ "," ] ] "}" */
static struct cel_node *parse_map_literal(struct parser *p)
{
    struct cel_node *n = node_new(p, CEL_NODE_MAP, p->token.offset);
    struct node_list list = {0};
    advance(p);
    while (n != NULL && p->token.kind != CEL_TOK_RBRACE) {
        bool is_optional = accept(p, CEL_TOK_QUESTION);
        if (!list_push(p, &list, parse_expr(p)) || !expect(p, CEL_TOK_COLON) ||
            !list_push(p, &list, parse_expr(p)))
            return NULL;
        list.items[list.count - 1]->is_optional_entry = is_optional;
        if (!accept(p, CEL_TOK_COMMA))
            break;
    }
    if (n == NULL || !expect(p, CEL_TOK_RBRACE))
        return NULL;
    return take_args(p, n, &list);
}

/* What stands in parentheses behind a name makes it a call, or a macro. */
static struct cel_node *parse_call(struct parser *p, struct cel_node *target, struct span name,
                                   size_t offset, bool is_rooted)
{
    struct node_list args = {0};
    advance(p);
    if (!parse_list(p, CEL_TOK_RPAREN, &args))
        return NULL;
    struct cel_node *n = node_new(p, CEL_NODE_CALL, offset);
    if (n == NULL)
        return NULL;
    n->name = name;
    n->is_rooted = is_rooted;
    n->left = target;
    if (target != NULL) {
        n->start = target->start;
        raise_height(n, target);
    }
    n = take_args(p, n, &args);
    return n ? within_depth(p, cel_macro_expand(p->unit, n)) : NULL;
}

/* [ "." ] IDENT [ "(" ExprList ")" ] */
static struct cel_node *parse_name(struct parser *p)
{
    size_t offset = p->token.offset;
    bool is_rooted = accept(p, CEL_TOK_DOT);
    struct cel_token name = p->token;
    if (name.kind != CEL_TOK_IDENT)
        return fail_expected(p, "a name");
    if (name.is_reserved)
        return fail_reserved(p);
    advance(p);
    if (p->token.kind == CEL_TOK_LPAREN)
        return parse_call(p, NULL, name.text, offset, is_rooted);
    struct cel_node *n = node_new(p, CEL_NODE_IDENT, offset);
    if (n != NULL) {
        n->name = name.text;
        n->is_rooted = is_rooted;
    }
    return n;
}

static struct cel_node *parse_literal(struct parser *p)
{
    if (p->token.is_min_magnitude)
        return fail(p, "write a 'u' behind it for a uint, or a decimal point for a double",
                    "the number does not fit into an int");
    struct cel_node *n = node_new(p, CEL_NODE_CONST, p->token.offset);
    if (n != NULL)
        n->value = p->token.value;
    advance(p);
    return n;
}

/* Primary = [ "." ] IDENT [ "(" ExprList ")" ] | "(" Expr ")" | List | Map | LITERAL */
static struct cel_node *parse_primary(struct parser *p)
{
    size_t offset = p->token.offset;
    switch (p->token.kind) {
    case CEL_TOK_LITERAL:
        return parse_literal(p);
    case CEL_TOK_IDENT:
    case CEL_TOK_DOT:
        return parse_name(p);
    case CEL_TOK_LBRACKET:
        return parse_list_literal(p);
    case CEL_TOK_LBRACE:
        return parse_map_literal(p);
    case CEL_TOK_LPAREN: {
        advance(p);
        struct cel_node *n = parse_expr(p);
        if (n == NULL || !expect(p, CEL_TOK_RPAREN))
            return NULL;
        n->start = offset;
        return n;
    }
    default:
        return fail_expected(p, "a value");
    }
}

/* "." SELECTOR [ "(" ExprList ")" ] | ".?" SELECTOR */
static struct cel_node *parse_select(struct parser *p, struct cel_node *left)
{
    advance(p);
    bool is_optional = accept(p, CEL_TOK_QUESTION);
    struct cel_token name = p->token;
    bool word = name.kind == CEL_TOK_IDENT || name.kind == CEL_TOK_QUOTED;
    if (!word)
        return fail_expected(p, "a field's name");
    advance(p);
    if (name.kind == CEL_TOK_IDENT && p->token.kind == CEL_TOK_LPAREN && !is_optional)
        return parse_call(p, left, name.text, name.offset, false);
    struct cel_node *n = node_new(p, CEL_NODE_SELECT, name.offset);
    if (n == NULL)
        return NULL;
    n->name = name.text;
    n->is_optional = is_optional;
    n->left = left;
    n->start = left->start;
    raise_height(n, left);
    return within_depth(p, n);
}

/* "[" [ "?" ] Expr "]" */
static struct cel_node *parse_index(struct parser *p, struct cel_node *left)
{
    size_t offset = p->token.offset;
    advance(p);
    bool is_optional = accept(p, CEL_TOK_QUESTION);
    struct cel_node *index = parse_expr(p);
    if (index == NULL || !expect(p, CEL_TOK_RBRACKET))
        return NULL;
    struct cel_node *args[] = {left, index};
    return call_new(p, offset, span_str(is_optional ? "_[?_]" : "_[_]"), args, 2);
}

/* Member = Primary { "." SELECTOR [ "(" ExprList ")" ] | ".?" SELECTOR | "[" [ "?" ] Expr "]" } */
static struct cel_node *parse_member(struct parser *p)
{
    struct cel_node *n = parse_primary(p);
    while (n != NULL) {
        n->end = p->before_end;
        if (p->token.kind == CEL_TOK_DOT)
            n = parse_select(p, n);
        else if (p->token.kind == CEL_TOK_LBRACKET)
            n = parse_index(p, n);
        else if (p->token.kind == CEL_TOK_LBRACE &&
                 (n->kind == CEL_NODE_IDENT || n->kind == CEL_NODE_SELECT))
            return fail(p, "write a map: {\"name\": value}", "there are no message types here");
        else
            break;
    }
    return n;
}

/* A literal behind "-" is one negative literal, so that the least int can be written. */
static struct cel_node *parse_negative(struct parser *p, size_t offset)
{
    p->token.is_min_magnitude = false;
    if (p->token.value.kind == CEL_INT)
        p->token.value.i64 = p->token.value.i64 == INT64_MIN ? INT64_MIN : -p->token.value.i64;
    else
        p->token.value.f64 = -p->token.value.f64;
    struct cel_node *n = parse_member(p);
    if (n != NULL && n->kind == CEL_NODE_CONST)
        n->offset = n->start = offset;
    return n;
}

/* Unary = Member | "!" { "!" } Member | "-" { "-" } Member */
static struct cel_node *parse_unary(struct parser *p)
{
    enum cel_token_kind sign = p->token.kind;
    size_t offset = p->token.offset;
    if (sign != CEL_TOK_NOT && sign != CEL_TOK_MINUS)
        return parse_member(p);
    if (++p->depth > CEL_DEPTH_MAX)
        return too_deep(p, p->token.offset);
    advance(p);
    bool number = p->token.kind == CEL_TOK_LITERAL &&
                  (p->token.value.kind == CEL_INT || p->token.value.kind == CEL_DOUBLE);
    struct cel_node *n;
    if (sign == CEL_TOK_MINUS && number) {
        n = parse_negative(p, offset);
    } else {
        struct cel_node *inner = parse_unary(p);
        n = inner ? call_new(p, offset, span_str(sign == CEL_TOK_NOT ? "!_" : "-_"), &inner, 1)
                  : NULL;
    }
    p->depth--;
    return n;
}

/* All precedence on one page: the higher binds tighter, and all go from left to right. */
static const struct binary {
    enum cel_token_kind token;
    int precedence;
    const char *name;
} binaries[] = {
    {CEL_TOK_OR, 1, "_||_"},   {CEL_TOK_AND, 2, "_&&_"},    {CEL_TOK_LT, 3, "_<_"},
    {CEL_TOK_LE, 3, "_<=_"},   {CEL_TOK_GT, 3, "_>_"},      {CEL_TOK_GE, 3, "_>=_"},
    {CEL_TOK_EQ, 3, "_==_"},   {CEL_TOK_NE, 3, "_!=_"},     {CEL_TOK_IN, 3, "@in"},
    {CEL_TOK_PLUS, 4, "_+_"},  {CEL_TOK_MINUS, 4, "_-_"},   {CEL_TOK_STAR, 5, "_*_"},
    {CEL_TOK_SLASH, 5, "_/_"}, {CEL_TOK_PERCENT, 5, "_%_"},
};

static const struct binary *binary_of(enum cel_token_kind token)
{
    for (size_t i = 0; i < sizeof binaries / sizeof *binaries; i++) {
        if (binaries[i].token == token)
            return &binaries[i];
    }
    return NULL;
}

/* Binary(min) = Unary { OPERATOR Binary(its precedence + 1) }, operators of precedence >= min */
static struct cel_node *parse_binary(struct parser *p, int min_precedence)
{
    struct cel_node *left = parse_unary(p);
    while (left != NULL) {
        const struct binary *op = binary_of(p->token.kind);
        if (op == NULL || op->precedence < min_precedence)
            break;
        size_t offset = p->token.offset;
        advance(p);
        struct cel_node *right = parse_binary(p, op->precedence + 1);
        if (right == NULL)
            return NULL;
        struct cel_node *args[] = {left, right};
        left = call_new(p, offset, span_str(op->name), args, 2);
    }
    return left;
}

/* Ternary = Binary [ "?" Binary ":" Expr ] */
static struct cel_node *parse_ternary(struct parser *p)
{
    struct cel_node *args[3] = {parse_binary(p, 1)};
    size_t offset = p->token.offset;
    if (args[0] == NULL || !accept(p, CEL_TOK_QUESTION))
        return args[0];
    args[1] = parse_binary(p, 1);
    if (args[1] == NULL || !expect(p, CEL_TOK_COLON))
        return NULL;
    args[2] = parse_expr(p);
    return args[2] ? call_new(p, offset, span_str("_?_:_"), args, 3) : NULL;
}

/* Expr = Ternary */
static struct cel_node *parse_expr(struct parser *p)
{
    if (++p->depth > CEL_DEPTH_MAX)
        return too_deep(p, p->token.offset);
    struct cel_node *n = parse_ternary(p);
    p->depth--;
    return n;
}

struct cel_node *cel_parse(struct cel_unit *unit)
{
    struct parser p = {.unit = unit, .lexer = {.source = unit->source, .arena = unit->arena}};
    if (unit->source.len > CEL_SOURCE_MAX) {
        cel_unit_error(unit, 0, NULL, "the expression is longer than %d bytes", CEL_SOURCE_MAX);
        return NULL;
    }
    advance(&p);
    struct cel_node *n = parse_expr(&p);
    if (n != NULL && p.token.kind != CEL_TOK_END)
        return fail_expected(&p, "an operator");
    return unit->failed ? NULL : n;
}
