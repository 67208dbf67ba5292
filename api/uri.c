#include "api/uri.h"

#include "service/base/check.h"
#include "service/base/decode.h"

/* How many bytes the UTF-8 sequence of this first byte has; 0: no sequence starts so. */
static size_t sequence_len(unsigned char c)
{
    if (c < 0x80)
        return 1;
    if (c >= 0xC2 && c <= 0xDF)
        return 2;
    if (c >= 0xE0 && c <= 0xEF)
        return 3;
    return c >= 0xF0 && c <= 0xF4 ? 4 : 0;
}

/* The second byte rules out overlong forms, surrogates and what is beyond U+10FFFF (Unicode,
 * table 3-7). */
static bool second_byte_fits(unsigned char first, unsigned char second)
{
    unsigned char min = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char max = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    return second >= min && second <= max;
}

static bool is_clean_utf8(struct span s)
{
    const unsigned char *p = (const unsigned char *)s.base, *end = p + s.len;
    while (p < end) {
        size_t n = sequence_len(*p);
        if (n == 0 || n > (size_t)(end - p) || *p < 0x20 || *p == 0x7F)
            return false;
        if (n > 1 && !second_byte_fits(p[0], p[1]))
            return false;
        for (size_t i = 2; i < n; i++)
            if ((p[i] & 0xC0) != 0x80)
                return false;
        p += n;
    }
    return true;
}

enum status uri_decode(struct span raw, struct arena *arena, struct span *ret_text)
{
    struct text out;
    char *room = arena_try(arena, raw.len + 1);
    if (room == NULL)
        return ST_NO_SPACE;
    text_init(&out, room, raw.len);
    if (!decode_percent(raw, &out) || !is_clean_utf8(text_span(&out)))
        return ST_INVALID;
    *ret_text = text_span(&out);
    return ST_OK;
}

struct span uri_path(struct span target)
{
    if (target.len > 0 && target.base[0] != '/') {
        const char *authority = memmem(target.base, target.len, "://", 3);
        size_t skip = authority ? (size_t)(authority - target.base) + 3 : target.len;
        const char *slash = memchr(target.base + skip, '/', target.len - skip);
        if (authority != NULL && slash != NULL)
            target = span_of(slash, target.len - (size_t)(slash - target.base));
    }
    const char *query = target.len ? memchr(target.base, '?', target.len) : NULL;
    return query ? span_of(target.base, (size_t)(query - target.base)) : target;
}

bool uri_match(const char *pattern, struct span path, struct span ret_params[URI_PARAMS_MAX])
{
    struct span params[URI_PARAMS_MAX] = {{0}};
    int n = 0;
    size_t i = 0;
    for (const char *p = pattern; *p != '\0'; p++) {
        if (*p != '{') {
            if (i == path.len || path.base[i++] != *p)
                return false;
            continue;
        }
        size_t from = i;
        while (i < path.len && path.base[i] != '/')
            i++;
        if (i == from)
            return false;
        CHECK(n < URI_PARAMS_MAX);
        params[n++] = span_of(path.base + from, i - from);
        p += strcspn(p, "}");
    }
    if (i != path.len)
        return false;
    memcpy(ret_params, params, sizeof params);
    return true;
}
