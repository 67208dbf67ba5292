/*
 * admin.h -- who may change what decides, and see it.
 *
 *     Authorization: Bearer <token> ──> the name of its key, for the audit log
 *
 * Tokens are compared in constant time, with every key.
 *
 * Source: RFC 6750, section 2.1.
 */
#ifndef SLUICE_API_ADMIN_H
#define SLUICE_API_ADMIN_H

#include "service/base/span.h"

#include <stdbool.h>

struct sockaddr;

enum {
    ADMIN_WHO_BYTES = 128,    /* a key's name, or "anonymous@" and an address */
    ADMIN_ADDRESS_BYTES = 64, /* an IPv6 address with its zone */
};

/*
 * The name of the key in `keys` (pairs.h: name=token) whose token the header carries (NULL: none
 * was sent). false: it is none of them. O(keys).
 */
bool admin_find_key(const char *keys, const char *authorization, char ret_who[ADMIN_WHO_BYTES]);

/* The address without its port: "127.0.0.1"; "" when it has none, as a Unix socket's. */
void admin_write_address(const struct sockaddr *from, char ret_address[ADMIN_ADDRESS_BYTES]);

#endif
