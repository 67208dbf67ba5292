#include "rules/cel_utf8.h"

int32_t cel_utf8_next(struct span s, size_t *pos)
{
    const unsigned char *p = (const unsigned char *)s.base + *pos;
    size_t left = s.len - *pos;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (n == 0 || n > left || p[0] > 0xf4) {
        *pos += 1;
        return -1;
    }
    int32_t code = n == 1 ? p[0] : p[0] & (0x7f >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            *pos += 1;
            return -1;
        }
        code = code << 6 | (p[i] & 0x3f);
    }
    bool good = code >= least[n] && cel_utf8_is_char(code);
    *pos += good ? n : 1;
    return good ? code : -1;
}

void cel_utf8_put(struct text *out, uint32_t code)
{
    char buf[4];
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--) {
        buf[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    buf[0] = (char)(leads[n] | code);
    text_put(out, span_of(buf, n));
}

bool cel_utf8_is_valid(struct span s)
{
    for (size_t pos = 0; pos < s.len;) {
        if (cel_utf8_next(s, &pos) < 0)
            return false;
    }
    return true;
}

size_t cel_utf8_count(struct span s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += !cel_utf8_continues(s.base[i]);
    return n;
}

struct span cel_utf8_cut(struct span s, size_t max)
{
    if (s.len <= max)
        return s;
    while (max > 0 && cel_utf8_continues(s.base[max]))
        max--;
    return span_of(s.base, max);
}
