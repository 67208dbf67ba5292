/*
 * base64.encode, base64.decode.
 *
 * Source: cel-go, ext/encoders.go; RFC 4648, section 4. Read as Go does: line breaks do not count,
 * and the padding may be missing, but not in part.
 */
#include "rules/cel_library.h"

#include <sodium.h>

enum { BYTES_A_STEP = 64 };

static struct cel_value encode(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct span s = args[0].text;
    size_t size = sodium_base64_encoded_len(s.len, sodium_base64_VARIANT_ORIGINAL); /* and a NUL */
    char *mem = cel_spend(cx, size / BYTES_A_STEP + 1) ? cel_room(cx, size) : NULL;
    (void)n_args;
    if (mem == NULL)
        return cel_fault(CEL_ERR_LIMIT);
    sodium_bin2base64(mem, size, (const unsigned char *)s.base, s.len,
                      sodium_base64_VARIANT_ORIGINAL);
    return cel_string(span_of(mem, size - 1));
}

/* The six bits of a digit; -1: it is none. */
static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Whole groups of four, or without any padding two or three digits in the last. */
static bool is_whole(size_t digits, size_t padding)
{
    if (padding > 0)
        return digits % 4 >= 2 && digits % 4 + padding == 4;
    return digits % 4 != 1;
}

/* false: it is no base64. `out` has room for three bytes for each four of `s`. */
static bool decode_into(struct span s, struct text *out)
{
    uint32_t bits = 0;
    size_t digits = 0, padding = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.base[i];
        padding += c == '=';
        if (c == '=' || c == '\n' || c == '\r')
            continue;
        if (padding > 0 || digit(c) < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit(c);
        if (digits++ % 4 > 0) /* the second gives the first byte; the bits left over wait */
            text_char(out, (char)(bits >> (6 - 2 * ((digits - 1) % 4))));
    }
    return is_whole(digits, padding);
}

static struct cel_value decode(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct span s = args[0].text;
    size_t size = s.len / 4 * 3 + 3;
    char *mem = cel_spend(cx, s.len / BYTES_A_STEP + 1) ? cel_room(cx, size) : NULL;
    struct text out;
    (void)n_args;
    if (mem == NULL)
        return cel_fault(CEL_ERR_LIMIT);
    text_init(&out, mem, size);
    if (!decode_into(s, &out))
        return cel_error(CEL_ERR_ARGUMENT, span_str("(this is no base64)"));
    return cel_bytes(text_span(&out));
}

static const struct cel_func functions[] = {
    FUNCTION("base64.encode", encode, STRING, BYTES),
    FUNCTION("base64.decode", decode, BYTES, STRING),
};

LIBRARY(cel_lib_encoders, functions);
