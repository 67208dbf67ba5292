#include "api/admin.h"

#include "service/base/hash.h"
#include "service/base/pairs.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>

#define SCHEME "Bearer "

/* Of equal length whatever the tokens are, so that the time tells nothing of them. */
static bool same_token(struct span a, struct span b)
{
    unsigned char x[HASH_SHA256_BYTES], y[HASH_SHA256_BYTES];
    hash_sha256(a, x);
    hash_sha256(b, y);
    return sodium_memcmp(x, y, sizeof x) == 0;
}

bool admin_find_key(const char *keys, const char *authorization, char ret_who[ADMIN_WHO_BYTES])
{
    struct span name, token, found = {NULL, 0};
    size_t scheme = sizeof SCHEME - 1;
    if (authorization == NULL || strncasecmp(authorization, SCHEME, scheme) != 0)
        return false;
    struct span sent = span_str(authorization + scheme);
    while (pairs_next(&keys, &name, &token)) {
        bool same = same_token(sent, token);
        found = same && token.len > 0 ? name : found;
    }
    if (found.base == NULL)
        return false;
    snprintf(ret_who, ADMIN_WHO_BYTES, "%.*s", SPAN_ARG(found));
    return true;
}

void admin_write_address(const struct sockaddr *from, char ret_address[ADMIN_ADDRESS_BYTES])
{
    const void *bytes = NULL;
    ret_address[0] = '\0';
    if (from != NULL && from->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)(const void *)from)->sin_addr;
    else if (from != NULL && from->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
    if (bytes != NULL &&
        inet_ntop(from->sa_family, bytes, ret_address, ADMIN_ADDRESS_BYTES) == NULL)
        ret_address[0] = '\0';
}
