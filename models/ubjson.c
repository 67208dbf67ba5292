#include "models/ubjson.h"

#include <math.h>
#include <stdint.h>

/* An array or object whose values are being read; it belongs to the one around it. */
struct open {
    json_t *of;
    bool is_counted;
    size_t left; /* when it is counted */
};

struct reader {
    struct span in; /* what is still to be read */
    size_t values_left, nested_left, names_left;
    json_t *root;
    struct open open[UBJSON_DEPTH_MAX];
    int depth;
    enum status st;
    const char *problem; /* NULL: none */
};

static const char cut_off[] = "the file ends in the middle";
static const char no_memory[] = "there is no memory for its values";

static bool fail(struct reader *r, enum status st, const char *problem)
{
    if (r->problem == NULL) {
        r->st = st;
        r->problem = problem;
    }
    return false;
}

bool ubjson_is(struct span bytes)
{
    return bytes.len > 1 && bytes.base[0] == '{' && strchr("iUIlLN", bytes.base[1]) != NULL &&
           bytes.base[1] != '\0';
}

/* ---- numbers ---- */

/* How many bytes a number of this type takes; 0: it is no number's. */
static size_t bytes_of(char type)
{
    switch (type) {
    case 'i':
    case 'U':
        return 1;
    case 'I':
        return 2;
    case 'l':
    case 'd':
        return 4;
    case 'L':
    case 'D':
        return 8;
    default:
        return 0;
    }
}

static uint64_t big_endian(struct span raw)
{
    uint64_t v = 0;
    for (size_t i = 0; i < raw.len; i++)
        v = v << 8 | (unsigned char)raw.base[i];
    return v;
}

static int64_t as_integer(char type, uint64_t bits)
{
    switch (type) {
    case 'i':
        return (int8_t)bits;
    case 'I':
        return (int16_t)bits;
    case 'l':
        return (int32_t)bits;
    default: /* U, L */
        return (int64_t)bits;
    }
}

static double as_real(char type, uint64_t bits)
{
    uint32_t half = (uint32_t)bits;
    float narrow;
    double wide;
    memcpy(&narrow, &half, sizeof narrow);
    memcpy(&wide, &bits, sizeof wide);
    return type == 'd' ? (double)narrow : wide;
}

static json_t *number(char type, struct span raw)
{
    uint64_t bits = big_endian(raw);
    if (type != 'd' && type != 'D')
        return json_integer(as_integer(type, bits));
    double v = as_real(type, bits);
    return isfinite(v) ? json_real(v) : json_null();
}

/* ---- lengths, texts ---- */

static bool take(struct reader *r, size_t n, struct span *ret_part)
{
    return span_take(&r->in, n, ret_part) || fail(r, ST_INVALID, cut_off);
}

/* The next byte that is not N. */
static bool take_mark(struct reader *r, char *ret_mark)
{
    struct span part;
    do {
        if (!take(r, 1, &part))
            return false;
    } while (part.base[0] == 'N');
    *ret_mark = part.base[0];
    return true;
}

/* An integer behind its type. What it counts takes a byte each at least. */
static bool take_length(struct reader *r, char type, size_t *ret_length)
{
    struct span raw;
    if (bytes_of(type) == 0 || type == 'd' || type == 'D')
        return fail(r, ST_INVALID, "a length is expected");
    if (!take(r, bytes_of(type), &raw))
        return false;
    int64_t length = as_integer(type, big_endian(raw));
    if (length < 0)
        return fail(r, ST_INVALID, "a length below 0");
    if ((uint64_t)length > r->in.len)
        return fail(r, ST_INVALID, cut_off);
    *ret_length = (size_t)length;
    return true;
}

static bool take_text(struct reader *r, char type, struct span *ret_text)
{
    size_t length;
    return take_length(r, type, &length) && take(r, length, ret_text);
}

/* ---- values ---- */

static bool count_value(struct reader *r)
{
    if (r->values_left == 0)
        return fail(r, ST_TOO_LARGE, "more values than a model may have");
    r->values_left--;
    return true;
}

static bool count_nested(struct reader *r)
{
    if (r->nested_left == 0)
        return fail(r, ST_TOO_LARGE, "more arrays and objects than a model may have");
    r->nested_left--;
    return true;
}

static bool take_name(struct reader *r, char type, struct span *ret_name)
{
    if (r->names_left == 0)
        return fail(r, ST_TOO_LARGE, "more names than a model may have");
    r->names_left--;
    return take_text(r, type, ret_name);
}

/* `value` goes to what is open, behind `name` if that is an object; it is taken, NULL is wrong. */
static bool put(struct reader *r, struct span name, json_t *value)
{
    if (value == NULL)
        return fail(r, ST_NO_SPACE, no_memory);
    if (r->depth == 0) {
        r->root = value;
        return true;
    }
    struct open *top = &r->open[r->depth - 1];
    top->left -= top->is_counted;
    if (json_is_array(top->of))
        return json_array_append_new(top->of, value) == 0 || fail(r, ST_NO_SPACE, no_memory);
    if (json_object_getn(top->of, name.base, name.len) != NULL) {
        json_decref(value);
        return fail(r, ST_INVALID, "a name is there twice");
    }
    return json_object_setn_new(top->of, name.base, name.len, value) == 0 ||
           fail(r, ST_INVALID, "a name is not UTF-8");
}

static bool put_open(struct reader *r, struct span name, struct open open)
{
    if (r->depth == UBJSON_DEPTH_MAX) {
        json_decref(open.of);
        return fail(r, ST_TOO_LARGE, "nested too deep");
    }
    if (!put(r, name, open.of))
        return false;
    r->open[r->depth++] = open;
    return true;
}

static json_t *numbers(char type, struct span raw)
{
    json_t *array = json_array();
    struct span one;
    while (array != NULL && span_take(&raw, bytes_of(type), &one))
        if (json_array_append_new(array, number(type, one)) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

/* $ d # L n, and n numbers. */
static bool put_numbers(struct reader *r, struct span name)
{
    char type, mark;
    size_t n;
    struct span raw;
    if (!take_mark(r, &type) || !take_mark(r, &mark))
        return false;
    if (bytes_of(type) == 0 || mark != '#')
        return fail(r, ST_INVALID, "an array's type is no number's, or its count is not there");
    if (!take_mark(r, &mark) || !take_length(r, mark, &n))
        return false;
    if (n > r->values_left)
        return fail(r, ST_TOO_LARGE, "more values than a model may have");
    r->values_left -= n;
    if (!take(r, n * bytes_of(type), &raw))
        return false;
    return put(r, name, numbers(type, raw));
}

static bool put_array(struct reader *r, struct span name)
{
    char next = r->in.len > 0 ? r->in.base[0] : '\0', mark;
    struct span part;
    size_t n;
    if (next != '$' && next != '#')
        return put_open(r, name, (struct open){.of = json_array()});
    if (!take(r, 1, &part))
        return false;
    if (next == '$')
        return put_numbers(r, name);
    return take_mark(r, &mark) && take_length(r, mark, &n) &&
           put_open(r, name, (struct open){.of = json_array(), .is_counted = true, .left = n});
}

static bool put_text(struct reader *r, struct span name)
{
    char type;
    struct span text;
    if (!take_mark(r, &type) || !take_text(r, type, &text))
        return false;
    json_t *value = json_stringn(text.base, text.len);
    return value != NULL ? put(r, name, value) : fail(r, ST_INVALID, "a text is not UTF-8");
}

static bool put_number(struct reader *r, struct span name, char type)
{
    struct span raw;
    if (bytes_of(type) == 0)
        return fail(r, ST_INVALID, "this is the mark of no value that is read");
    return take(r, bytes_of(type), &raw) && put(r, name, number(type, raw));
}

static bool put_value(struct reader *r, struct span name, char mark)
{
    if (!count_value(r) || ((mark == '{' || mark == '[') && !count_nested(r)))
        return false;
    switch (mark) {
    case '{':
        return put_open(r, name, (struct open){.of = json_object()});
    case '[':
        return put_array(r, name);
    case 'S':
        return put_text(r, name);
    case 'Z':
        return put(r, name, json_null());
    case 'T':
        return put(r, name, json_true());
    case 'F':
        return put(r, name, json_false());
    default:
        return put_number(r, name, mark);
    }
}

/* One value, or the end of what is open. */
static bool step(struct reader *r)
{
    struct open *top = &r->open[r->depth - 1];
    struct span name = {0};
    char mark;
    if (top->is_counted && top->left == 0) {
        r->depth--;
        return true;
    }
    if (!take_mark(r, &mark))
        return false;
    if (!top->is_counted && mark == (json_is_object(top->of) ? '}' : ']')) {
        r->depth--;
        return true;
    }
    if (json_is_object(top->of) && !(take_name(r, mark, &name) && take_mark(r, &mark)))
        return false;
    return put_value(r, name, mark);
}

static bool read_all(struct reader *r)
{
    char mark;
    if (!take_mark(r, &mark))
        return false;
    if (mark != '{')
        return fail(r, ST_INVALID, "it does not begin with an object");
    if (!put_value(r, (struct span){0}, mark))
        return false;
    while (r->depth > 0)
        if (!step(r))
            return false;
    return r->in.len == 0 || fail(r, ST_INVALID, "there are bytes behind its end");
}

enum status ubjson_read(struct span bytes, size_t values_max, json_t **ret_object,
                        struct ubjson_error *ret_error)
{
    struct reader r = {.in = bytes,
                       .values_left = values_max,
                       .nested_left = UBJSON_NESTED_MAX,
                       .names_left = UBJSON_NAMES_MAX};
    if (!read_all(&r)) {
        *ret_error = (struct ubjson_error){r.problem, bytes.len - r.in.len};
        json_decref(r.root);
        return r.st;
    }
    *ret_object = r.root;
    return ST_OK;
}
