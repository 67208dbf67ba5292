#include "rules/cel_networks.h"

#include "service/base/decode.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum { FOUR_BITS = 32, SIX_BITS = 128 };

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* ::ffff:0:0/96 */

bool cel_address_parse(struct span text, struct cel_address *ret_address)
{
    char buf[INET6_ADDRSTRLEN];
    struct cel_address a = {.bytes = {4}};
    if (text.len == 0 || text.len >= sizeof buf || memchr(text.base, '\0', text.len) != NULL)
        return false;
    memcpy(buf, text.base, text.len);
    buf[text.len] = '\0';
    if (inet_pton(AF_INET, buf, a.bytes + 1) != 1) {
        a.bytes[0] = 6;
        if (inet_pton(AF_INET6, buf, a.bytes + 1) != 1)
            return false;
    }
    if (a.bytes[0] == 6 && memcmp(a.bytes + 1, mapped, sizeof mapped) == 0) {
        struct cel_address four = {.bytes = {4}};
        memcpy(four.bytes + 1, a.bytes + 1 + sizeof mapped, 4);
        a = four;
    }
    *ret_address = a;
    return true;
}

struct cel_address cel_address_of(struct cel_value ip)
{
    struct cel_address a = {.bytes = {ip.code}};
    memcpy(a.bytes + 1, ip.ip, ip.code == 4 ? 4 : 16);
    return a;
}

/* The bits from `prefix` to `width`, all zero in `first` and all one in `last`. */
static void spread(struct cel_network *n, int prefix, int width)
{
    for (int bit = prefix; bit < width; bit++) {
        uint8_t mask = (uint8_t)(0x80 >> bit % 8);
        n->first.bytes[1 + bit / 8] &= (uint8_t)~mask;
        n->last.bytes[1 + bit / 8] |= mask;
    }
}

static int width(const struct cel_address *a)
{
    return a->bytes[0] == 4 ? FOUR_BITS : SIX_BITS;
}

bool cel_prefix_parse(struct span text, struct cel_address *ret_address, int *ret_bits)
{
    struct cel_address a;
    const char *slash = text.len > 0 ? memchr(text.base, '/', text.len) : NULL;
    struct span address = span_of(text.base, slash ? (size_t)(slash - text.base) : text.len);
    bool is_six = address.len > 0 && memchr(address.base, ':', address.len) != NULL;
    if (!cel_address_parse(address, &a))
        return false;
    uint64_t bits = (uint64_t)width(&a);
    if (slash != NULL) {
        struct span digits = span_of(slash + 1, text.len - address.len - 1);
        bool is_mapped = is_six && bits == FOUR_BITS; /* which 96 bits would not be counted? */
        if (is_mapped || !decode_u64(digits, 10, &bits) || bits > (uint64_t)width(&a) ||
            (digits.len > 1 && digits.base[0] == '0'))
            return false;
    }
    *ret_address = a;
    *ret_bits = (int)bits;
    return true;
}

bool cel_network_parse(struct span text, struct cel_network *ret_network)
{
    struct cel_network n;
    int bits;
    if (!cel_prefix_parse(text, &n.first, &bits))
        return false;
    n.last = n.first;
    spread(&n, bits, width(&n.first));
    *ret_network = n;
    return true;
}

static int compare(const struct cel_address *a, const struct cel_address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

bool cel_network_has(const struct cel_network *network, const struct cel_address *address)
{
    return compare(&network->first, address) <= 0 && compare(address, &network->last) <= 0;
}

/* The wider first, of those that begin at one address. */
static int by_place(const void *a, const void *b)
{
    const struct cel_network *x = a, *y = b;
    int order = compare(&x->first, &y->first);
    return order != 0 ? order : compare(&y->last, &x->last);
}

void cel_networks_sort(struct cel_network *networks, size_t *count)
{
    size_t n = 0;
    if (*count == 0)
        return;
    qsort(networks, *count, sizeof *networks, by_place);
    for (size_t i = 0; i < *count; i++) { /* prefixes do not overlap but by holding each other */
        if (n == 0 || !cel_network_has(&networks[n - 1], &networks[i].first))
            networks[n++] = networks[i];
    }
    *count = n;
}

bool cel_networks_have(const struct cel_network *networks, size_t count,
                       const struct cel_address *address)
{
    size_t low = 0, high = count; /* the first that begins behind the address is in [low, high] */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (compare(&networks[mid].first, address) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low > 0 && cel_network_has(&networks[low - 1], address);
}
