/*
 * cel_networks.h -- is an address in one of many networks?
 *
 *     10.0.0.0/8  10.1.0.0/16  192.0.2.7     as they are written
 *
 *     | 4 10.0.0.0    | 4 192.0.2.7 |        sorted, and one within another left out: then the
 *     | 4 10.255.25.. | 4 192.0.2.7 |        last that begins at the address or before has it,
 *                                            or none does
 *
 * An address that is IPv4 mapped into IPv6 (::ffff:192.0.2.1) is the IPv4 address; both families
 * are apart, so ::/0 has no IPv4 address.
 *
 * Source: RFC 4632, section 3.1; RFC 4291, sections 2.3 and 2.5.5.2.
 */
#ifndef SLUICE_RULES_CEL_NETWORKS_H
#define SLUICE_RULES_CEL_NETWORKS_H

#include "rules/cel_value.h"

/* 4 or 6, and the address in network order; of version 4 four bytes, then zeros. */
struct cel_address {
    uint8_t bytes[17];
};

struct cel_network {
    struct cel_address first, last;
};

/* false: it is none; *ret is then untouched. */
bool cel_address_parse(struct span text, struct cel_address *ret_address);
/* "10.1.2.3/8": the address as it stands, and how many of its bits name the network; an address
 * alone: all of them. */
bool cel_prefix_parse(struct span text, struct cel_address *ret_address, int *ret_bits);
/* "10.0.0.0/8", "2001:db8::/32"; an address alone is a network of one. Bits behind the prefix do
 * not count. */
bool cel_network_parse(struct span text, struct cel_network *ret_network);
struct cel_address cel_address_of(struct cel_value ip);

bool cel_network_has(const struct cel_network *network, const struct cel_address *address);

/* In place; *count may become less. Allocates: for load time. O(n log n). */
void cel_networks_sort(struct cel_network *networks, size_t *count);
/* In those that cel_networks_sort() left. O(log n). */
bool cel_networks_have(const struct cel_network *networks, size_t count,
                       const struct cel_address *address);

#endif
