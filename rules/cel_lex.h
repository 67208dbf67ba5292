/*
 * cel_lex.h -- from text to tokens, one at a time.
 *
 *     amount > 100.0 && "x"     ->  IDENT > DOUBLE && STRING END
 *
 * Literals come with their value: a string is unescaped into the arena, an integer is read when
 * it fits. A sign is an operator of its own; the parser joins "-" and the one integer literal that
 * has no positive, 9223372036854775808.
 *
 * Source: the CEL specification, "Syntax".
 */
#ifndef SLUICE_RULES_CEL_LEX_H
#define SLUICE_RULES_CEL_LEX_H

#include "rules/cel_value.h"

/* X(name, text): the operators and punctuation, longest first where one begins another. */
#define CEL_PUNCTUATION_TABLE(X) \
    X(CEL_TOK_EQ, "==")          \
    X(CEL_TOK_NE, "!=")          \
    X(CEL_TOK_LE, "<=")          \
    X(CEL_TOK_GE, ">=")          \
    X(CEL_TOK_AND, "&&")         \
    X(CEL_TOK_OR, "||")          \
    X(CEL_TOK_LT, "<")           \
    X(CEL_TOK_GT, ">")           \
    X(CEL_TOK_NOT, "!")          \
    X(CEL_TOK_PLUS, "+")         \
    X(CEL_TOK_MINUS, "-")        \
    X(CEL_TOK_STAR, "*")         \
    X(CEL_TOK_SLASH, "/")        \
    X(CEL_TOK_PERCENT, "%")      \
    X(CEL_TOK_QUESTION, "?")     \
    X(CEL_TOK_COLON, ":")        \
    X(CEL_TOK_DOT, ".")          \
    X(CEL_TOK_COMMA, ",")        \
    X(CEL_TOK_LPAREN, "(")       \
    X(CEL_TOK_RPAREN, ")")       \
    X(CEL_TOK_LBRACKET, "[")     \
    X(CEL_TOK_RBRACKET, "]")     \
    X(CEL_TOK_LBRACE, "{")       \
    X(CEL_TOK_RBRACE, "}")

enum cel_token_kind {
    CEL_TOK_END,
    CEL_TOK_ERROR,
    CEL_TOK_IDENT,   /* also a reserved word: is_reserved */
    CEL_TOK_QUOTED,  /* `foo.txt`, a field's name that is no identifier */
    CEL_TOK_LITERAL, /* number, string, bytes, true, false, null */
    CEL_TOK_IN,
#define X(name, text) name,
    CEL_PUNCTUATION_TABLE(X)
#undef X
};

struct cel_token {
    enum cel_token_kind kind;
    size_t offset, end;     /* bytes of the source, [offset, end) */
    struct span text;       /* CEL_TOK_IDENT, _IN; CEL_TOK_QUOTED: without the quotes */
    bool is_reserved;       /* no variable may have this name; a field may */
    bool is_min_magnitude;  /* the literal 9223372036854775808, good behind a "-" only */
    struct cel_value value; /* CEL_TOK_LITERAL */
    const char *message;    /* CEL_TOK_ERROR: what is wrong, static */
    const char *hint;       /* may be NULL */
};

struct cel_lexer {
    struct span source;
    size_t pos;
    struct arena *arena;         /* takes unescaped strings */
    size_t comment, comment_end; /* the last one that was skipped, [comment, comment_end) */
};

/* The next token; at the end, CEL_TOK_END for ever. O(token). */
struct cel_token cel_lex_next(struct cel_lexer *lexer);

/* What a word that is an operator elsewhere is here, "for 'and' write &&"; NULL: it is none. */
const char *cel_lex_word_hint(struct span word);

/* The i-th word that no variable may have for a name; NULL: there are no more. */
const char *cel_lex_reserved(size_t i);

#endif
