/*
 * list_ranges.h -- which addresses the networks of a list have; versions share nearly all.
 *
 *     all     | 10.0.0.0/8 | 10.1.0.0/16 | 10.1.2.0/24 | 192.0.2.7 |     by where they begin, the
 *                   ^--------'     ^-----------'                         wider first; each knows
 *     gone      1                                                        the next that holds it
 *     added   | 10.9.0.0/16 |
 *
 * Networks hold each other or are apart. So if any has an address, the last that begins there or
 * before does, or one that holds that one: a search, and a few steps up. Of many networks the
 * first two bytes of an IPv4 address say where to search, in 256 KB.
 *
 * A change makes another version, which shares `all`: taken away is a place in `gone`, put in is
 * `added`, sorted likewise. When these two have more than LIST_RANGES_APART_MAX between them a
 * version gets an `all` of its own, merged from the three: 24 bytes a network are copied.
 *
 * Owns:    its memory; `all` by reference. Threads: reads need no lock; versions may be made and
 *          freed on different threads.
 */
#ifndef SLUICE_RULES_LIST_RANGES_H
#define SLUICE_RULES_LIST_RANGES_H

#include "rules/cel_networks.h"

enum { LIST_RANGES_APART_MAX = 4096 }; /* 100 KB, which each change copies */

struct list_network {
    struct cel_address address; /* its first */
    uint8_t bits;
    uint32_t above; /* private: place of the next that holds it, and 1; 0: none does */
};

struct list_range_edit {
    struct list_network network;
    bool in; /* else it goes */
};

struct list_ranges;

/* "10.1.2.3/8" is 10.0.0.0/8; false: it is no network, and *ret is untouched. */
bool list_network_parse(struct span text, struct list_network *ret_network);

/* Of networks that may repeat; they are sorted in place. CHECKs on no memory. O(n log n). */
struct list_ranges *list_ranges_new(struct list_network *networks, size_t n);
/* Another version. Edits are sorted in place; of one network they all say the same. What is in and
 * is put in, or is not and is taken out, changes nothing. O(n log n + LIST_RANGES_APART_MAX), and
 * each time that many have gathered, O(all). */
struct list_ranges *list_ranges_edit(const struct list_ranges *old, struct list_range_edit *edits,
                                     size_t n);
void list_ranges_free(struct list_ranges *r); /* NULL is fine */

/* O(log all), and a step for each network that holds the found one and was taken away. */
bool list_ranges_have(const struct list_ranges *r, const struct cel_address *address);
size_t list_ranges_bytes(const struct list_ranges *r); /* what is shared included */

#endif
