/*
 * redis_address.h -- where a Redis server is: redis://[user:password@]host[:port][/db],
 * redis+unix:///path[?db=N], rediss://... (TLS).
 */
#ifndef SLUICE_STATE_REDIS_ADDRESS_H
#define SLUICE_STATE_REDIS_ADDRESS_H

#include "service/base/span.h"
#include "service/base/status.h"

struct redis_address {
    char host[256];     /* or the socket's path */
    char user[128];     /* "": the default user */
    char password[256]; /* "": none */
    int port;           /* 6379 when not given */
    int db;
    bool is_unix;
};

/*
 * User and password may be percent-encoded. Errors: ST_INVALID, ST_UNSUPPORTED (TLS: hiredis here
 * has none); *ret_why is then static text that says what is wrong.
 */
MUST_USE enum status redis_address_parse(struct span url, struct redis_address *ret_address,
                                         const char **ret_why);

#endif
