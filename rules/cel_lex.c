#include "rules/cel_lex.h"

#include "rules/cel_utf8.h"
#include "service/base/decode.h"
#include "service/base/identifier.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

static int at(const struct cel_lexer *lx, size_t ahead)
{
    size_t i = lx->pos + ahead;
    return i < lx->source.len ? (unsigned char)lx->source.base[i] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static void skip_blank(struct cel_lexer *lx)
{
    for (;;) {
        int c = at(lx, 0);
        if (c == '/' && at(lx, 1) == '/') {
            lx->comment = lx->pos;
            while (at(lx, 0) >= 0 && at(lx, 0) != '\n')
                lx->pos++;
            lx->comment_end = lx->pos;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
            lx->pos++;
        } else {
            return;
        }
    }
}

static struct cel_token failed(struct cel_token t, size_t offset, const char *message,
                               const char *hint)
{
    t.kind = CEL_TOK_ERROR;
    t.offset = offset;
    t.message = message;
    t.hint = hint;
    return t;
}

/* ---- numbers ------------------------------------------------------------------------------ */

static struct cel_token lex_double(struct cel_token t, struct span text)
{
    char buf[512]; /* longer literals say nothing more */
    if (text.len >= sizeof buf)
        return failed(t, t.offset, "the number is too long", NULL);
    memcpy(buf, text.base, text.len);
    buf[text.len] = '\0';
    t.kind = CEL_TOK_LITERAL;
    t.value = cel_double(strtod(buf, NULL));
    if (!isfinite(t.value.f64))
        return failed(t, t.offset, "the number does not fit into a double",
                      "the largest is about 1.8e308");
    return t;
}

static struct cel_token lex_integer(struct cel_token t, struct span digits, int base,
                                    bool is_unsigned)
{
    uint64_t v;
    if (!decode_u64(digits, base, &v))
        return failed(t, t.offset, "the number does not fit into 64 bits",
                      "with a decimal point it is a double");
    t.kind = CEL_TOK_LITERAL;
    if (is_unsigned) {
        t.value = cel_uint(v);
    } else if (v <= INT64_MAX) {
        t.value = cel_int((int64_t)v);
    } else if (v == (uint64_t)INT64_MAX + 1) {
        t.is_min_magnitude = true;
        t.value = cel_int(INT64_MIN);
    } else {
        return failed(t, t.offset, "the number does not fit into an int",
                      "write a 'u' behind it for a uint, or a decimal point for a double");
    }
    return t;
}

static size_t digits_from(const struct cel_lexer *lx, size_t n, bool hex)
{
    while (hex ? at(lx, n) >= 0 && isxdigit(at(lx, n)) : is_digit(at(lx, n)))
        n++;
    return n;
}

/* The length of a fraction or exponent at `n`, counted from lx->pos. */
static size_t fraction_from(const struct cel_lexer *lx, size_t n)
{
    if (at(lx, n) == '.' && is_digit(at(lx, n + 1)))
        n = digits_from(lx, n + 1, false);
    if (at(lx, n) == 'e' || at(lx, n) == 'E') {
        size_t sign = at(lx, n + 1) == '+' || at(lx, n + 1) == '-';
        if (is_digit(at(lx, n + 1 + sign)))
            n = digits_from(lx, n + 1 + sign, false);
    }
    return n;
}

/* What a letter behind a number may have been meant for: 1_000, 5m, 0x. */
static const char *hint_behind_number(const struct cel_lexer *lx)
{
    if (at(lx, 0) == '_')
        return "a number is written without _";
    if (at(lx, 0) == 'x' || at(lx, 0) == 'X')
        return "behind 0x stand digits and a to f";
    if (strchr("smhd", at(lx, 0)) != NULL && (!identifier_goes_on(at(lx, 1)) || at(lx, 1) == 's'))
        return "a duration is written duration(\"5m\")";
    return NULL;
}

/*
 * INT_LIT   = DIGIT+ | "0x" HEXDIGIT+
 * UINT_LIT  = INT_LIT ("u" | "U")
 * FLOAT_LIT = DIGIT* "." DIGIT+ EXPONENT? | DIGIT+ EXPONENT
 */
static struct cel_token lex_number(struct cel_lexer *lx, struct cel_token t)
{
    const char *base = lx->source.base + lx->pos;
    bool hex = at(lx, 0) == '0' && (at(lx, 1) == 'x' || at(lx, 1) == 'X') && at(lx, 2) >= 0 &&
               isxdigit(at(lx, 2));
    size_t skip = hex ? 2 : 0;
    size_t n = digits_from(lx, skip, hex);
    size_t whole = hex ? n : fraction_from(lx, n);
    if (whole > n || n == 0) {
        t = lex_double(t, span_of(base, whole));
        n = whole;
    } else {
        bool is_unsigned = at(lx, n) == 'u' || at(lx, n) == 'U';
        t = lex_integer(t, span_of(base + skip, n - skip), hex ? 16 : 10, is_unsigned);
        n += is_unsigned;
    }
    lx->pos += n;
    if (t.kind == CEL_TOK_LITERAL && identifier_goes_on(at(lx, 0)))
        return failed(t, lx->pos, "a name may not begin right behind a number",
                      hint_behind_number(lx));
    return t;
}

/* ---- strings ------------------------------------------------------------------------------ */

/* How a string is written: r"..." b'''...''' */
struct quoting {
    char quote;
    size_t width; /* 1, or 3 */
    bool is_raw, is_bytes;
};

static bool at_quote(const struct cel_lexer *lx, const struct quoting *q)
{
    for (size_t i = 0; i < q->width; i++) {
        if (at(lx, i) != q->quote)
            return false;
    }
    return true;
}

/* `n` digits of base 8 or 16 at lx->pos; -1: they are not there. */
static int64_t escape_digits(struct cel_lexer *lx, int n, int base)
{
    int64_t v = 0;
    for (int i = 0; i < n; i++) {
        int d = decode_hex_digit(at(lx, 0));
        if (d < 0 || d >= base)
            return -1;
        v = v * base + d;
        lx->pos++;
    }
    return v;
}

static int64_t escape_simple(int c)
{
    static const char from[] = "abfnrtv\\'\"`?";
    static const char to[] = "\a\b\f\n\r\t\v\\'\"`?";
    const char *p = c > 0 ? strchr(from, c) : NULL;
    return p ? (unsigned char)to[p - from] : -1;
}

/*
 * ESCAPE = "\" [abfnrtv\?"'`] | "\" [xX] HEX{2} | "\u" HEX{4} | "\U" HEX{8} | "\" [0-3] OCT{2}
 * lx->pos stands behind the backslash. The code point, or -1.
 */
static int64_t lex_escape(struct cel_lexer *lx, bool is_bytes)
{
    int c = at(lx, 0);
    if (c >= '0' && c <= '3')
        return escape_digits(lx, 3, 8);
    lx->pos++;
    if (c == 'x' || c == 'X')
        return escape_digits(lx, 2, 16);
    if ((c == 'u' || c == 'U') && !is_bytes)
        return escape_digits(lx, c == 'u' ? 4 : 8, 16);
    return escape_simple(c);
}

/* The length of a string's content, from lx->pos to its closing quotes; false: there are none. */
static bool content_length(struct cel_lexer lx, const struct quoting *q, size_t *ret_len)
{
    size_t start = lx.pos;
    for (; !at_quote(&lx, q); lx.pos++) {
        int c = at(&lx, 0);
        if (c < 0 || (q->width == 1 && (c == '\n' || c == '\r')))
            return false;
        lx.pos += c == '\\' && !q->is_raw; /* the next one is escaped */
    }
    *ret_len = lx.pos - start;
    return true;
}

/*
 * Writes the content of `len` bytes at lx->pos, unescaped; false, and lx->pos there, at an escape
 * that is none, or is one of no character.
 */
static bool unescape(struct cel_lexer *lx, const struct quoting *q, size_t len, struct text *out,
                     bool *ret_is_escape)
{
    for (size_t end = lx->pos + len; lx->pos < end;) {
        char c = lx->source.base[lx->pos++];
        if (c != '\\' || q->is_raw) {
            text_char(out, c);
            continue;
        }
        size_t escape = lx->pos - 1;
        int64_t code = lex_escape(lx, q->is_bytes);
        if (code < 0 || (!q->is_bytes && !cel_utf8_is_char(code))) {
            lx->pos = escape;
            *ret_is_escape = code >= 0;
            return false;
        }
        if (q->is_bytes)
            text_char(out, (char)code);
        else
            cel_utf8_put(out, (uint32_t)code);
    }
    return true;
}

static struct cel_token lex_string(struct cel_lexer *lx, struct cel_token t, struct quoting q)
{
    q.quote = (char)at(lx, 0);
    q.width = at(lx, 1) == q.quote && at(lx, 2) == q.quote ? 3 : 1;
    lx->pos += q.width;
    size_t len;
    if (!content_length(*lx, &q, &len))
        return failed(t, t.offset, "the string does not end",
                      q.quote == '"' ? "write \" at its end" : "write ' at its end");
    char *mem = arena_try(lx->arena, len + 1); /* unescaped it is not longer */
    if (mem == NULL)
        return failed(t, t.offset, "out of space", NULL);
    struct text out;
    text_init(&out, mem, len);
    bool is_escape;
    if (!unescape(lx, &q, len, &out, &is_escape))
        return is_escape ? failed(t, lx->pos, "there is no such character",
                                  "code points end at \\U0010ffff; \\ud800 to \\udfff are none")
                         : failed(t, lx->pos, "there is no such escape",
                                  "write \\\\ for a backslash, or r\"...\" for a raw string");
    lx->pos += q.width;
    if (!q.is_bytes && !cel_utf8_is_valid(text_span(&out)))
        return failed(t, t.offset, "the string is not UTF-8", NULL);
    t.kind = CEL_TOK_LITERAL;
    t.value = q.is_bytes ? cel_bytes(text_span(&out)) : cel_string(text_span(&out));
    return t;
}

/* A string's prefix: any of r R b B, each once, before a quote. */
static bool lex_prefix(struct cel_lexer *lx, struct quoting *q)
{
    size_t n = 0;
    struct quoting seen = {0};
    for (; n < 2; n++) {
        int c = tolower(at(lx, n));
        if (c == 'r' && !seen.is_raw)
            seen.is_raw = true;
        else if (c == 'b' && !seen.is_bytes)
            seen.is_bytes = true;
        else
            break;
    }
    if (at(lx, n) != '"' && at(lx, n) != '\'')
        return false;
    lx->pos += n;
    *q = seen;
    return true;
}

/* ---- names and the rest ------------------------------------------------------------------- */

static const char *const reserved[] = {
    "as",  "break", "const",   "continue",  "else",   "for", "function", "if",   "import",
    "let", "loop",  "package", "namespace", "return", "var", "void",     "while"};

enum { RESERVED = sizeof reserved / sizeof *reserved };

const char *cel_lex_reserved(size_t i)
{
    return i < RESERVED ? reserved[i] : NULL;
}

static bool is_reserved(struct span word)
{
    for (size_t i = 0; i < RESERVED; i++) {
        if (span_is(word, reserved[i]))
            return true;
    }
    return false;
}

static struct cel_token lex_word(struct cel_lexer *lx, struct cel_token t)
{
    size_t n = 0;
    while (identifier_goes_on(at(lx, n)))
        n++;
    t.text = span_of(lx->source.base + lx->pos, n);
    lx->pos += n;
    t.kind = CEL_TOK_LITERAL;
    if (span_is(t.text, "true"))
        t.value = cel_bool(true);
    else if (span_is(t.text, "false"))
        t.value = cel_bool(false);
    else if (span_is(t.text, "null"))
        t.value = cel_null();
    else
        t.kind = span_is(t.text, "in") ? CEL_TOK_IN : CEL_TOK_IDENT;
    t.is_reserved = is_reserved(t.text);
    return t;
}

static struct cel_token lex_quoted(struct cel_lexer *lx, struct cel_token t)
{
    size_t n = 1;
    while (identifier_goes_on(at(lx, n)) || at(lx, n) == '.' || at(lx, n) == '-' ||
           at(lx, n) == '/' || at(lx, n) == ' ')
        n++;
    if (at(lx, n) != '`' || n == 1)
        return failed(t, t.offset, "the quoted field name does not end",
                      "between ` and ` stand letters, digits and _ . - / and blanks");
    t.kind = CEL_TOK_QUOTED;
    t.text = span_of(lx->source.base + lx->pos + 1, n - 1);
    lx->pos += n + 1;
    return t;
}

/* Signs of other languages, the longer before what begins them, and what to write. */
static const struct sign {
    const char *text, *hint;
} foreign[] = {
    {"===", "for equality write =="},
    {"!==", "for 'not equal' write !="},
    {"<>", "for 'not equal' write !="},
    {"=", "for equality write =="},
    {"&", "for 'and' write &&"},
    {"|", "for 'or' write ||"},
    {";", "there is one expression, and no ; behind it"},
    {"@", "a name stands as it is: amount"},
    {"$", "a name stands as it is: amount"},
    {"#", "a comment begins with //"},
    {"\xe2\x80\x9c", "write plain quotes: \"text\""}, /* U+201C, and its like */
    {"\xe2\x80\x9d", "write plain quotes: \"text\""},
    {"\xe2\x80\x9e", "write plain quotes: \"text\""},
    {"\xe2\x80\x98", "write plain quotes: \"text\""},
    {"\xe2\x80\x99", "write plain quotes: \"text\""},
    {"\xe2\x89\xa5", "write >="},
    {"\xe2\x89\xa4", "write <="},
    {"\xe2\x89\xa0", "write !="},
};

static const char *hint_character(struct span rest)
{
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (span_starts(rest, span_str(foreign[i].text)))
            return foreign[i].hint;
    }
    return rest.base[0] & 0x80 ? "outside of texts there are plain letters only" : NULL;
}

/* === and <> would be read as two operators, and what is said then helps nobody. */
static bool is_foreign_operator(struct span rest)
{
    return span_starts(rest, span_str("===")) || span_starts(rest, span_str("!==")) ||
           span_starts(rest, span_str("<>"));
}

static struct cel_token lex_punctuation(struct cel_lexer *lx, struct cel_token t)
{
    static const struct {
        enum cel_token_kind kind;
        const char *text;
    } table[] = {
#define X(name, text) {name, text},
        CEL_PUNCTUATION_TABLE(X)
#undef X
    };
    struct span rest = span_of(lx->source.base + lx->pos, lx->source.len - lx->pos);
    for (size_t i = 0; i < sizeof table / sizeof *table && !is_foreign_operator(rest); i++) {
        if (span_starts(rest, span_str(table[i].text))) {
            t.kind = table[i].kind;
            lx->pos += strlen(table[i].text);
            return t;
        }
    }
    return failed(t, t.offset, "this character means nothing here", hint_character(rest));
}

const char *cel_lex_word_hint(struct span word)
{
    static const struct {
        const char *word, *hint;
    } words[] = {
        {"and", "for 'and' write &&"},
        {"AND", "for 'and' write &&"},
        {"or", "for 'or' write ||"},
        {"OR", "for 'or' write ||"},
        {"not", "for 'not' write !, as in !(a in b)"},
        {"NOT", "for 'not' write !, as in !(a in b)"},
        {"IN", "write 'in'"},
        {"is", "what may be missing is asked for with has(tx.NAME)"},
        {"IS", "what may be missing is asked for with has(tx.NAME)"},
        {"like", "write x.contains(\"a\"), x.startsWith(\"a\") or x.matches(\"^a.*\")"},
        {"LIKE", "write x.contains(\"a\"), x.startsWith(\"a\") or x.matches(\"^a.*\")"},
        {"between", "write x >= 1 && x <= 10"},
        {"BETWEEN", "write x >= 1 && x <= 10"},
        {"if", "write condition ? a : b"},
        {"else", "write condition ? a : b"},
        {"let", "a value gets a name under `derived:`"},
        {"var", "a value gets a name under `derived:`"},
        {"const", "a value gets a name under `derived:`"},
        {"return", "leave it out: the expression is the answer"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (span_is(word, words[i].word))
            return words[i].hint;
    return NULL;
}

struct cel_token cel_lex_next(struct cel_lexer *lx)
{
    skip_blank(lx);
    struct cel_token t = {.kind = CEL_TOK_END, .offset = lx->pos, .end = lx->pos};
    struct quoting q;
    int c = at(lx, 0);
    if (c < 0)
        return t;
    if (is_digit(c) || (c == '.' && is_digit(at(lx, 1))))
        t = lex_number(lx, t);
    else if (lex_prefix(lx, &q))
        t = lex_string(lx, t, q);
    else if (identifier_starts(c))
        t = lex_word(lx, t);
    else if (c == '`')
        t = lex_quoted(lx, t);
    else
        t = lex_punctuation(lx, t);
    t.end = lx->pos;
    return t;
}
