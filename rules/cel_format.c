#include "rules/cel_format.h"

#include "rules/cel_parse.h"
#include "rules/cel_time.h"
#include "rules/cel_utf8.h"
#include "service/base/decimal.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PRECISION = 6,         /* where none is written */
    ROOM_BYTES = 128,      /* of an answer at first; it doubles */
    BYTES_A_STEP = 64,     /* as in cel_lib_strings.c */
    SCALAR_TEXT_MAX = 48,  /* a timestamp with nanoseconds has 30 */
    FIXED_TEXT_MAX = 1400, /* 309 digits, a point and CEL_PRECISION_MAX digits */
};

/* ---- the answer while it is written --------------------------------------------------------- */

struct out {
    struct cel_context *cx;
    struct text text;
    struct cel_value error; /* or CEL_MISSING: none */
};

static void fail(struct out *o, enum cel_error_code code, const char *about)
{
    if (o->error.kind == CEL_MISSING)
        o->error = cel_error(code, span_str(about));
}

static bool grow(struct out *o, size_t more)
{
    size_t cap = 2 * o->text.cap + ROOM_BYTES;
    while (cap - o->text.len < more)
        cap *= 2;
    char *mem = cel_spend(o->cx, cap / BYTES_A_STEP + 1) ? cel_room(o->cx, cap) : NULL;
    if (mem == NULL) {
        fail(o, CEL_ERR_LIMIT, "");
        return false;
    }
    struct span written = text_span(&o->text);
    text_init(&o->text, mem, cap);
    text_put(&o->text, written);
    return true;
}

static void put(struct out *o, struct span s)
{
    if (s.len <= o->text.cap - o->text.len || grow(o, s.len))
        text_put(&o->text, s);
}

static void put_str(struct out *o, const char *s)
{
    put(o, span_str(s));
}

/* ---- numbers -------------------------------------------------------------------------------- */

/* false: it has digits. */
static bool put_special(struct out *o, double v)
{
    if (!isfinite(v))
        put_str(o, isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity");
    return !isfinite(v);
}

/* Without an exponent and without needless digits, however large or small: 0.000000002 */
static void put_plain(struct out *o, double v)
{
    char buf[DECIMAL_PLAIN_MAX];
    if (put_special(o, v))
        return;
    struct decimal d = decimal_of(v);
    struct text t;
    text_init(&t, buf, sizeof buf);
    decimal_write_plain(&d, &t);
    put(o, text_span(&t));
}

static double double_of(struct cel_value v)
{
    return v.kind == CEL_INT ? (double)v.i64 : v.kind == CEL_UINT ? (double)v.u64 : v.f64;
}

/* Digits of a base up to 16, behind a minus where it is below zero. */
static void put_based(struct out *o, struct cel_value v, unsigned base, const char *digits)
{
    char buf[65], *at = buf + sizeof buf;
    bool negative = v.kind == CEL_INT && v.i64 < 0;
    uint64_t left = v.kind == CEL_BOOL ? v.flag : negative ? 0 - v.u64 : v.u64;
    do {
        *--at = digits[left % base];
        left /= base;
    } while (left > 0);
    if (negative)
        *--at = '-';
    put(o, span_of(at, (size_t)(buf + sizeof buf - at)));
}

/* ---- %s: any value -------------------------------------------------------------------------- */

static void put_value(struct out *o, const struct cel_value *v, int depth);

/* What is no UTF-8 becomes one U+FFFD, however long: cel-spec, extensions/strings. */
static void put_bytes(struct out *o, struct span bytes)
{
    size_t pos = 0, good = 0; /* bytes[good..pos) is to be written */
    bool was_bad = false;
    while (pos < bytes.len) {
        size_t at = pos;
        bool bad = cel_utf8_next(bytes, &pos) < 0;
        if (bad) {
            put(o, span_of(bytes.base + good, at - good));
            put_str(o, was_bad ? "" : "\xef\xbf\xbd");
            good = pos;
        }
        was_bad = bad;
    }
    put(o, span_of(bytes.base + good, pos - good));
}

/* Seconds as a double has them: what is past 2^53 ns may lose its last digits. */
static void put_duration(struct out *o, int64_t ns)
{
    const int64_t second = 1000000000;
    int64_t whole = ns / second, rest = ns % second;
    put_plain(o, (double)whole + (double)rest / 1e9);
    put_str(o, "s");
}

static void put_list(struct out *o, const struct cel_list *list, int depth)
{
    put_str(o, "[");
    for (size_t i = 0; i < list->count && o->error.kind == CEL_MISSING; i++) {
        put_str(o, i ? ", " : "");
        put_value(o, &list->items[i], depth);
    }
    put_str(o, "]");
}

/* A map's entry, by the text of its key. */
struct line {
    struct span key;
    const struct cel_value *value;
};

static void merge(const struct line *from, size_t n, size_t half, struct line *to)
{
    size_t a = 0, b = half < n ? half : n, middle = b;
    for (size_t i = 0; i < n; i++) {
        bool first = a < middle && (b == n || span_cmp(from[a].key, from[b].key) <= 0);
        to[i] = from[first ? a++ : b++];
    }
}

/* Bottom-up merge sort, for qsort() may allocate. The sorted ones are `lines` or `other`. */
static struct line *sorted(struct line *lines, struct line *other, size_t n)
{
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width)
            merge(lines + at, n - at < 2 * width ? n - at : 2 * width, width, other + at);
        struct line *swap = lines;
        lines = other;
        other = swap;
    }
    return lines;
}

/* A key as text of its own: a bool, an int or a uint is written beside the answer. */
static struct span key_text(struct out *o, const struct cel_value *key)
{
    struct out aside = {.cx = o->cx};
    if (key->kind == CEL_STRING)
        return key->text;
    put_value(&aside, key, 0);
    if (aside.error.kind != CEL_MISSING)
        o->error = aside.error;
    return text_span(&aside.text);
}

static void put_map(struct out *o, const struct cel_map *map, int depth)
{
    size_t n = map->count;
    struct line *lines = cel_spend(o->cx, 8 * n) ? cel_room(o->cx, 2 * n * sizeof *lines) : NULL;
    if (lines == NULL) {
        fail(o, CEL_ERR_LIMIT, "");
        return;
    }
    for (size_t i = 0; i < n; i++)
        lines[i] = (struct line){key_text(o, &map->entries[i].key), &map->entries[i].value};
    lines = sorted(lines, lines + n, n);
    put_str(o, "{");
    for (size_t i = 0; i < n && o->error.kind == CEL_MISSING; i++) {
        put_str(o, i ? ", " : "");
        put(o, lines[i].key);
        put_str(o, ": ");
        put_value(o, lines[i].value, depth);
    }
    put_str(o, "}");
}

static void put_time(struct out *o, struct cel_value v)
{
    char buf[SCALAR_TEXT_MAX];
    struct text t;
    text_init(&t, buf, sizeof buf);
    cel_time_write(v, &t);
    put(o, text_span(&t));
}

static void put_nested(struct out *o, const struct cel_value *v, int depth)
{
    if (depth >= CEL_DEPTH_MAX)
        fail(o, CEL_ERR_LIMIT, "of depth");
    else if (v->kind == CEL_LIST)
        put_list(o, v->list, depth + 1);
    else
        put_map(o, v->map, depth + 1);
}

static void put_value(struct out *o, const struct cel_value *v, int depth)
{
    if (!cel_spend(o->cx, 1))
        fail(o, CEL_ERR_LIMIT, "");
    switch (v->kind) {
    case CEL_NULL:
        put_str(o, "null");
        break;
    case CEL_BOOL:
        put_str(o, v->flag ? "true" : "false");
        break;
    case CEL_INT:
    case CEL_UINT:
        put_based(o, *v, 10, "0123456789");
        break;
    case CEL_DOUBLE:
        put_plain(o, v->f64);
        break;
    case CEL_STRING:
    case CEL_TYPE:
        put(o, v->text);
        break;
    case CEL_BYTES:
        put_bytes(o, v->text);
        break;
    case CEL_TIMESTAMP:
        put_time(o, *v);
        break;
    case CEL_DURATION:
        put_duration(o, v->i64);
        break;
    case CEL_LIST:
    case CEL_MAP:
        put_nested(o, v, depth);
        break;
    default:
        fail(o, CEL_ERR_ARGUMENT, "%s cannot write it");
    }
}

/* ---- clauses -------------------------------------------------------------------------------- */

struct piece {
    struct span text;        /* as it stands; or */
    const struct verb *verb; /* not NULL: a clause */
    int precision;
};

typedef void put_fn(struct out *o, const struct cel_value *v, const struct piece *p);

struct verb {
    char letter;
    const char *takes;
    unsigned kinds; /* bits of enum cel_kind */
    put_fn *put;
};

static void put_as_string(struct out *o, const struct cel_value *v, const struct piece *p)
{
    (void)p;
    put_value(o, v, 0);
}

static void put_as_fixed(struct out *o, const struct cel_value *v, const struct piece *p)
{
    char buf[FIXED_TEXT_MAX];
    double d = double_of(*v);
    bool scientific = p->verb->letter == 'e';
    if (put_special(o, d))
        return;
    snprintf(buf, sizeof buf, scientific ? "%.*e" : "%.*f", p->precision, d);
    put_str(o, buf);
}

static void put_as_hex(struct out *o, const struct cel_value *v, const struct piece *p)
{
    const char *digits = p->verb->letter == 'x' ? "0123456789abcdef" : "0123456789ABCDEF";
    if (v->kind == CEL_INT || v->kind == CEL_UINT) {
        put_based(o, *v, 16, digits);
        return;
    }
    for (size_t i = 0; i < v->text.len && o->error.kind == CEL_MISSING; i++) {
        unsigned char c = (unsigned char)v->text.base[i];
        put(o, span_of((char[]){digits[c >> 4], digits[c & 15]}, 2));
    }
}

static void put_as_octal(struct out *o, const struct cel_value *v, const struct piece *p)
{
    (void)p;
    put_based(o, *v, 8, "01234567");
}

static void put_as_binary(struct out *o, const struct cel_value *v, const struct piece *p)
{
    (void)p;
    put_based(o, *v, 2, "01");
}

#define BIT(kind) (1U << (kind))
#define WHOLE (BIT(CEL_INT) | BIT(CEL_UINT))
#define NUMBER (WHOLE | BIT(CEL_DOUBLE))
#define ANY                                                                      \
    (NUMBER | BIT(CEL_NULL) | BIT(CEL_BOOL) | BIT(CEL_STRING) | BIT(CEL_BYTES) | \
     BIT(CEL_TIMESTAMP) | BIT(CEL_DURATION) | BIT(CEL_LIST) | BIT(CEL_MAP) | BIT(CEL_TYPE))

static const struct verb verbs[] = {
    {'s', "%s takes whatever has a text", ANY, put_as_string},
    {'d', "%d takes an int, a uint or a double", NUMBER, put_as_string},
    {'f', "%f takes an int, a uint or a double", NUMBER, put_as_fixed},
    {'e', "%e takes an int, a uint or a double", NUMBER, put_as_fixed},
    {'x', "%x takes an int, a uint, a string or bytes", WHOLE | BIT(CEL_STRING) | BIT(CEL_BYTES),
     put_as_hex},
    {'X', "%X takes an int, a uint, a string or bytes", WHOLE | BIT(CEL_STRING) | BIT(CEL_BYTES),
     put_as_hex},
    {'o', "%o takes an int or a uint", WHOLE, put_as_octal},
    {'b', "%b takes an int, a uint or a bool", WHOLE | BIT(CEL_BOOL), put_as_binary},
};

static const struct verb *find_verb(char letter)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (verbs[i].letter == letter)
            return &verbs[i];
    }
    return NULL;
}

/* A precision at f[*pos], if there is one. NULL, or what is wrong. */
static const char *read_precision(struct span f, size_t *pos, int *ret_precision)
{
    int precision = 0;
    if (*pos == f.len || f.base[*pos] != '.')
        return NULL;
    size_t from = ++*pos;
    for (; *pos < f.len && isdigit((unsigned char)f.base[*pos]); ++*pos) {
        if (precision <= CEL_PRECISION_MAX)
            precision = 10 * precision + (f.base[*pos] - '0');
    }
    if (*pos == from)
        return "a precision is a number: %.2f";
    if (precision > CEL_PRECISION_MAX)
        return "a precision is at most 1000";
    *ret_precision = precision;
    return NULL;
}

static const char *read_clause(struct span f, size_t *pos, struct piece *ret_piece)
{
    struct piece piece = {.precision = PRECISION};
    size_t i = *pos + 1;
    const char *wrong = read_precision(f, &i, &piece.precision);
    if (wrong != NULL)
        return wrong;
    if (i == f.len)
        return "the format ends within a clause; %% is a percent sign";
    piece.verb = find_verb(f.base[i]);
    if (piece.verb == NULL)
        return "a clause is one of %s %d %f %e %x %X %o %b; %% is a percent sign";
    *pos = i + 1;
    *ret_piece = piece;
    return NULL;
}

/* What stands at f[*pos], and *pos behind it; *pos < f.len. NULL, or what is wrong. */
static const char *read_piece(struct span f, size_t *pos, struct piece *ret_piece)
{
    struct span rest = span_of(f.base + *pos, f.len - *pos);
    const char *stop = memchr(rest.base, '%', rest.len);
    if (stop == rest.base && !span_starts(rest, span_str("%%")))
        return read_clause(f, pos, ret_piece);
    size_t len = stop == rest.base ? 1 : stop ? (size_t)(stop - rest.base) : rest.len;
    *ret_piece = (struct piece){.text = span_of(rest.base, len)};
    *pos += stop == rest.base ? 2 : len;
    return NULL;
}

/* ---- run ------------------------------------------------------------------------------------ */

static void put_piece(struct out *o, const struct piece *p, const struct cel_list *args,
                      size_t *taken)
{
    if (p->verb == NULL) {
        put(o, p->text);
    } else if (*taken == args->count) {
        fail(o, CEL_ERR_ARGUMENT, "format has fewer values than clauses");
    } else {
        const struct cel_value *v = &args->items[(*taken)++];
        if (p->verb->kinds & BIT(v->kind))
            p->verb->put(o, v, p);
        else
            fail(o, CEL_ERR_ARGUMENT, p->verb->takes);
    }
}

struct cel_value cel_format(struct cel_context *cx, struct span format, const struct cel_list *args)
{
    struct out o = {.cx = cx};
    size_t taken = 0;
    if (!cel_spend(cx, format.len / BYTES_A_STEP + 1))
        fail(&o, CEL_ERR_LIMIT, "");
    for (size_t pos = 0; pos < format.len && o.error.kind == CEL_MISSING;) {
        struct piece piece;
        const char *wrong = read_piece(format, &pos, &piece);
        if (wrong != NULL)
            fail(&o, CEL_ERR_ARGUMENT, wrong);
        else
            put_piece(&o, &piece, args, &taken);
    }
    return o.error.kind == CEL_MISSING ? cel_string(text_span(&o.text)) : o.error;
}

/* ---- at load -------------------------------------------------------------------------------- */

/* The kind of a type's values; all of them for a type that is not known yet. */
static unsigned kinds_of(const struct cel_type *t)
{
    if (t->kind == CEL_T_WRAPPER)
        t = t->params[0];
    enum cel_kind kind = cel_type_values(t);
    if (kind != CEL_MISSING)
        return BIT(kind);
    return t->kind == CEL_T_ABSTRACT ? 0 : ~0U;
}

/* The first in a list or map written out, at any depth, that %s cannot write; or NULL. */
static const struct cel_node *without_text(const struct cel_node *n)
{
    if ((kinds_of(n->type) & ANY) == 0)
        return n;
    if (n->kind != CEL_NODE_LIST && n->kind != CEL_NODE_MAP)
        return NULL;
    for (int i = 0; i < n->n_args; i++) {
        const struct cel_node *bad = without_text(n->args[i]);
        if (bad != NULL)
            return bad;
    }
    return NULL;
}

/* false, with a diagnostic: the value does not fit its clause. */
static bool review_value(struct cel_unit *unit, const struct verb *verb, const struct cel_node *v)
{
    char name[128];
    struct text t;
    const struct cel_node *bad = (kinds_of(v->type) & verb->kinds) == 0 ? v : NULL;
    if (verb->letter == 's')
        bad = without_text(v);
    if (bad == NULL)
        return true;
    text_init(&t, name, sizeof name);
    cel_type_write(bad->type, &t);
    cel_unit_error(unit, bad->start, NULL, "%s, not %.*s", verb->takes, SPAN_ARG(text_span(&t)));
    return false;
}

void cel_format_review(struct cel_unit *unit, const struct cel_node *call)
{
    const struct cel_node *format = call->left, *list = call->args[0];
    int taken = 0;
    if (format->kind != CEL_NODE_CONST || list->kind != CEL_NODE_LIST)
        return;
    struct span f = format->value.text;
    for (size_t pos = 0; pos < f.len;) {
        struct piece piece;
        const char *wrong = read_piece(f, &pos, &piece);
        if (wrong != NULL) {
            cel_unit_error(unit, format->start, NULL, "%s", wrong);
            return;
        }
        if (piece.verb == NULL)
            continue;
        if (taken == list->n_args) {
            cel_unit_error(unit, list->start, "each clause takes one",
                           "more clauses than values (%d)", taken);
            return;
        }
        if (!review_value(unit, piece.verb, list->args[taken++]))
            return;
    }
    if (taken < list->n_args)
        cel_unit_error(unit, list->args[taken]->start, "each clause takes one",
                       "more values (%d) than clauses (%d)", list->n_args, taken);
}
