#include "models/lightgbm_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBER_BYTES_MAX = 64 }; /* LightGBM writes 24 at most */

/* ---- lines ---- */

struct lightgbm_text lightgbm_text_of(const struct model_file *file)
{
    return (struct lightgbm_text){.file = file, .rest = file->bytes};
}

bool lightgbm_line(struct lightgbm_text *t, struct span *ret_line)
{
    struct span line = t->rest;
    if (line.len == 0)
        return false;
    const char *end = memchr(line.base, '\n', line.len);
    if (end != NULL)
        line.len = (size_t)(end - line.base);
    size_t taken = line.len + (end != NULL);
    t->rest = span_of(t->rest.base + taken, t->rest.len - taken);
    t->line++;
    while (line.len > 0 && (line.base[line.len - 1] == '\r' || line.base[line.len - 1] == ' '))
        line.len--;
    *ret_line = line;
    return true;
}

/* "key" of "key=value", and what is behind it. */
static struct span split_key(struct span line, struct span *ret_value)
{
    const char *equals = line.len > 0 ? memchr(line.base, '=', line.len) : NULL;
    size_t len = equals != NULL ? (size_t)(equals - line.base) : line.len;
    size_t behind = equals != NULL ? len + 1 : len;
    *ret_value = span_of(line.base + behind, line.len - behind);
    return span_of(line.base, len);
}

enum status lightgbm_keep(const struct lightgbm_text *t, struct span line, const char *const *keys,
                          struct lightgbm_value *values)
{
    struct span value, key = split_key(line, &value);
    for (int i = 0; keys[i] != NULL; i++) {
        if (!span_is(key, keys[i]))
            continue;
        if (values[i].line != 0) {
            diag_error(t->file->diags, (struct diag_at){.file = t->file->name, .line = t->line},
                       NULL, "%s stands there again, it was in line %d", keys[i], values[i].line);
            return ST_INVALID;
        }
        int col = (int)(line.len - value.len) + 1;
        values[i] = (struct lightgbm_value){.text = value, .line = t->line, .col = col};
    }
    return ST_OK;
}

/* ---- numbers ---- */

struct span lightgbm_word(struct span *text)
{
    size_t from = 0, to;
    if (text->len == 0) /* its base may be NULL */
        return *text;
    while (from < text->len && text->base[from] == ' ')
        from++;
    for (to = from; to < text->len && text->base[to] != ' ';)
        to++;
    struct span word = span_of(text->base + from, to - from);
    *text = span_of(text->base + to, text->len - to);
    return word;
}

size_t lightgbm_count(struct span text)
{
    size_t n = 0;
    while (lightgbm_word(&text).len > 0)
        n++;
    return n;
}

/* strtod() also takes blanks, hexadecimal, "nan" and "inf". */
static bool has_only_decimals(const char *s)
{
    return s[strspn(s, "+-.eE0123456789")] == '\0';
}

static bool read_number(struct span word, double *ret_v)
{
    char buf[NUMBER_BYTES_MAX + 1];
    char *end;
    if (span_is(word, "inf")) { /* a threshold that only what is missing is not below */
        *ret_v = INFINITY;
        return true;
    }
    if (word.len == 0 || word.len > NUMBER_BYTES_MAX || memchr(word.base, '\0', word.len) != NULL)
        return false;
    memcpy(buf, word.base, word.len);
    buf[word.len] = '\0';
    double v = strtod(buf, &end);
    if (!has_only_decimals(buf) || *end != '\0' || !isfinite(v))
        return false;
    *ret_v = v;
    return true;
}

/* What is wrong with a number; NULL: nothing. */
static const char *fault_of(double v, struct lightgbm_range range)
{
    if (range.is_whole && v != trunc(v))
        return "must be a whole number";
    return v < range.least || v > range.most ? "is out of its range" : NULL;
}

static void complain_of_number(const struct model_file *file, const char *of, const char *key,
                               struct diag_at at, double v, const char *fault,
                               struct lightgbm_range range)
{
    char hint[80] = "";
    if (range.most < DBL_MAX)
        snprintf(hint, sizeof hint, "%.17g to %.17g", range.least, range.most);
    diag_error(file->diags, at, hint[0] ? hint : NULL, "%s%s has %.17g, which %s", of, key, v,
               fault);
}

static enum status read_one(const struct model_file *file, const char *of, const char *key,
                            struct diag_at at, struct span word, struct lightgbm_range range,
                            double *number)
{
    double v;
    if (!read_number(word, &v)) {
        diag_error(file->diags, at, NULL, "%s%s has what is no number", of, key);
        return ST_INVALID;
    }
    const char *fault = fault_of(v, range);
    if (fault != NULL) {
        complain_of_number(file, of, key, at, v, fault, range);
        return ST_INVALID;
    }
    *number = v;
    return ST_OK;
}

enum status lightgbm_numbers(const struct model_file *file, const char *of, const char *key,
                             const struct lightgbm_value *value, struct lightgbm_range range,
                             size_t n, double *numbers)
{
    struct diag_at at = {.file = file->name, .line = value->line};
    struct span rest = value->text;
    size_t there = lightgbm_count(rest);
    if (there != n) {
        diag_error(file->diags, at, NULL, "%s%s has %zu numbers, and must have %zu", of, key, there,
                   n);
        return ST_INVALID;
    }
    for (size_t i = 0; i < n; i++) {
        struct span word = lightgbm_word(&rest);
        at.col = value->col + (int)(word.base - value->text.base);
        enum status st = read_one(file, of, key, at, word, range, &numbers[i]);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}
