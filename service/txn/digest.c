#include "service/txn/digest.h"

enum {
    TYPE_CONTAINER = 'c',
    LONG_PART = 0x80, /* added to the type: the value is its hash */
    INDEX_BIT = 1 << 30,
    HEADER_BYTES = 13,
    MESSAGE_MAX = HEADER_BYTES + 2 * DIGEST_PART_MAX,
};

/* `part`, or its hash when it is long, at `to`. Returns the bytes written. */
static size_t put_part(const struct hash_key *key, struct span part, char *to)
{
    if (part.len <= DIGEST_PART_MAX) {
        if (part.len > 0)
            memcpy(to, part.base, part.len);
        return part.len;
    }
    struct hash128 h = hash_quick_u128(key, part);
    memcpy(to, &h, sizeof h);
    return sizeof h;
}

static struct span message(const struct hash_key *key, struct digest_place place, int type,
                           struct span value, char buf[MESSAGE_MAX])
{
    bool is_item = place.index >= 0;
    uint32_t name = is_item ? (uint32_t)place.index | INDEX_BIT : (uint32_t)place.key.len;
    size_t len = HEADER_BYTES;
    memcpy(buf, &place.container, 8);
    memcpy(buf + 8, &name, 4);
    buf[12] = (char)(value.len > DIGEST_PART_MAX ? type | LONG_PART : type);
    if (!is_item)
        len += put_part(key, place.key, buf + len);
    len += put_part(key, value, buf + len);
    return span_of(buf, len);
}

void digest_add(struct hash128 *sum, const struct hash_key *key, struct digest_place place,
                enum digest_type type, struct span value)
{
    char buf[MESSAGE_MAX];
    struct hash128 h = hash_quick_u128(key, message(key, place, (int)type, value, buf));
    sum->lo += h.lo;
    sum->hi += h.hi;
}

uint64_t digest_container(const struct hash_key *key, struct digest_place place)
{
    char buf[MESSAGE_MAX];
    return hash_quick_u64(key, message(key, place, TYPE_CONTAINER, span_of(NULL, 0), buf));
}
