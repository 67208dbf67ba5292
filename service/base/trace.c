#include "service/base/trace.h"

#include "service/base/hash.h"
#include "service/base/text.h"

enum { TRACE_AT = 3, PARENT_AT = 36, FLAGS_AT = 53, TRACE_DIGITS = 32, PARENT_DIGITS = 16 };

static bool is_hex(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.base[i] >= '0' && s.base[i] <= '9') || (s.base[i] >= 'a' && s.base[i] <= 'f')))
            return false;
    return true;
}

static bool is_id(struct span s)
{
    size_t zeros = 0;
    while (zeros < s.len && s.base[zeros] == '0')
        zeros++;
    return is_hex(s) && zeros < s.len;
}

bool trace_parent_is_valid(struct span h)
{
    if (h.len < TRACE_PARENT_BYTES || h.base[2] != '-' || h.base[TRACE_AT + TRACE_DIGITS] != '-' ||
        h.base[PARENT_AT + PARENT_DIGITS] != '-')
        return false;
    bool is_version_0 = h.base[0] == '0' && h.base[1] == '0';
    bool ends_well =
        h.len == TRACE_PARENT_BYTES || (!is_version_0 && h.base[TRACE_PARENT_BYTES] == '-');
    return ends_well && is_hex(span_of(h.base, 2)) && !span_is(span_of(h.base, 2), "ff") &&
           is_id(span_of(h.base + TRACE_AT, TRACE_DIGITS)) &&
           is_id(span_of(h.base + PARENT_AT, PARENT_DIGITS)) &&
           is_hex(span_of(h.base + FLAGS_AT, 2));
}

struct span trace_parent_pass(struct span header, char *room)
{
    struct text out;
    if (header.len == 0)
        return header;
    if (trace_parent_is_valid(header)) /* of a later version we know as much as of ours */
        return span_of(header.base, TRACE_PARENT_BYTES);
    text_init(&out, room, TRACE_PARENT_BYTES);
    text_str(&out, "00-");
    text_hex(&out, hash_random_u64(), 16);
    text_hex(&out, hash_random_u64() | 1, 16); /* neither id may be zero */
    text_char(&out, '-');
    text_hex(&out, hash_random_u64() | 1, 16);
    text_str(&out, "-00");
    return text_span(&out);
}
