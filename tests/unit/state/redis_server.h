/*
 * redis_server.h -- a redis-server of a test's own, on a socket in a scratch folder.
 */
#ifndef SLUICE_TESTS_UNIT_STATE_REDIS_SERVER_H
#define SLUICE_TESTS_UNIT_STATE_REDIS_SERVER_H

#include "service/state/redis_sync.h"
#include "tests/unit/state/scratch.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

struct redis_server {
    char folder[SCRATCH_PATH_BYTES];
    char socket_path[SCRATCH_PATH_BYTES + 16];
    pid_t pid;
    redisContext *control; /* a blocking connection beside the tested one; NULL: it does not run */
};

/* false: redis-server is not installed or does not start. It ends with the test's process. */
bool redis_server_start(struct redis_server *ret_server);
struct redis_address redis_server_address(const struct redis_server *s, int db);

/* Emptied, and connected to: free the connection. Skips the test where no server runs. */
struct redis_sync *redis_server_begin(struct redis_server *s);
void redis_server_stop(struct redis_server *s); /* also after a start that failed */

#endif
