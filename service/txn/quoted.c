#include "service/txn/quoted.h"

#include "service/base/decode.h"

/* ---- UTF-8 ----------------------------------------------------------------------------------- */

static bool in(const char *p, const char *end, unsigned from, unsigned to)
{
    return p < end && (unsigned char)*p >= from && (unsigned char)*p <= to;
}

/*
 * Bytes of the character at `p`, by the table of RFC 3629, section 4; 0: it is none.
 *     C2..DF tail | E0 A0..BF tail | E1..EC tail tail | ED 80..9F tail | EE..EF tail tail
 *     F0 90..BF tail tail | F1..F3 tail tail tail | F4 80..8F tail tail
 */
static size_t utf8_len(const char *p, const char *end)
{
    unsigned char c = (unsigned char)*p;
    size_t len = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    unsigned from = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    unsigned to = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (c < 0xC2 || c > 0xF4 || !in(p + 1, end, from, to))
        return 0;
    for (size_t i = 2; i < len; i++)
        if (!in(p + i, end, 0x80, 0xBF))
            return 0;
    return len;
}

static char *utf8_put(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    int tails = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    *out++ = (char)(lead[tails] | c >> (6 * tails));
    while (tails-- > 0)
        *out++ = (char)(0x80 | (c >> (6 * tails) & 0x3F));
    return out;
}

/* ---- escapes --------------------------------------------------------------------------------- */

/* The four hex digits at `p`, or -1. */
static int32_t hex4(const char *p, const char *end)
{
    uint64_t v;
    return end - p >= 4 && decode_u64(span_of(p, 4), 16, &v) ? (int32_t)v : -1;
}

static bool is_high_surrogate(int32_t c)
{
    return c >= 0xD800 && c <= 0xDBFF;
}

static bool is_low_surrogate(int32_t c)
{
    return c >= 0xDC00 && c <= 0xDFFF;
}

/* The second half of a pair, "\uDC00" to "\uDFFF" at `p`, or -1. */
static int32_t low_surrogate(const char *p, const char *end)
{
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    int32_t low = hex4(p + 2, end);
    return is_low_surrogate(low) ? low : -1;
}

/* Moves *at, which stands on a backslash, behind the escape. */
static const char *scan_escape(const char **at, const char *end)
{
    const char *p = *at + 1;
    if (p == end)
        return "the string does not end";
    if (*p != 'u') {
        if (*p == '\0' || strchr("\"\\/bfnrt", *p) == NULL)
            return "no such escape";
        *at = p + 1;
        return NULL;
    }
    int32_t c = hex4(p + 1, end);
    if (c < 0)
        return "\\u needs four hex digits";
    if (c == 0)
        return "the character U+0000 is not accepted";
    if (is_low_surrogate(c) || (is_high_surrogate(c) && low_surrogate(p + 5, end) < 0))
        return "half of a surrogate pair";
    *at = p + (is_high_surrogate(c) ? 11 : 5);
    return NULL;
}

/* Moves *at behind a character that is not plain and does not end the string. */
static const char *scan_special(const char **at, const char *end)
{
    if (**at == '\\')
        return scan_escape(at, end);
    if ((unsigned char)**at < 0x20)
        return "a control character must be escaped";
    size_t len = utf8_len(*at, end);
    *at += len;
    return len > 0 ? NULL : "not UTF-8";
}

const char *quoted_scan(const char **at, const char *end, struct quoted *ret_quoted)
{
    const char *from = *at;
    bool escaped = false;
    for (;;) {
        *at = quoted_skip_plain(*at, end);
        if (*at == end)
            return "the string does not end";
        if (**at == '"')
            break;
        escaped |= **at == '\\';
        const char *wrong = scan_special(at, end);
        if (wrong)
            return wrong;
    }
    *ret_quoted = (struct quoted){span_of(from, (size_t)(*at - from)), escaped};
    ++*at;
    return NULL;
}

struct span quoted_unescape(struct span raw, char *out)
{
    static const char values[] = {
        ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
    const char *p = raw.base, *end = raw.base + raw.len;
    char *to = out;
    while (p < end) {
        if (*p != '\\') {
            *to++ = *p++;
            continue;
        }
        char c = p[1];
        p += 2;
        if (c == 'u') {
            int32_t unit = hex4(p, end);
            p += 4;
            if (is_high_surrogate(unit)) {
                unit = 0x10000 + ((unit - 0xD800) << 10) + low_surrogate(p, end) - 0xDC00;
                p += 6;
            }
            to = utf8_put(to, (uint32_t)unit);
        } else {
            bool letter = c >= 'a'; /* else a quote, a slash, a backslash: itself */
            *to++ = letter ? values[(unsigned char)c] : c;
        }
    }
    return span_of(out, (size_t)(to - out));
}
