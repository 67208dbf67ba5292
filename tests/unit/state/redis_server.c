#include "tests/unit/state/redis_server.h"

#include "service/base/check.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    START_STEPS = 25000, /* of 0.2 ms: five seconds and what the work takes */
    STEP_US = 200,
    WAIT_MS = 5000, /* of a command */
};

static void run_server(const struct redis_server *s)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* not left behind by a test that crashes */
    CHECK(freopen("/dev/null", "w", stdout) != NULL);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", s->socket_path, "--save",
           "", "--dir", s->folder, "--maxmemory-policy", "noeviction", (char *)NULL);
    _exit(127);
}

bool redis_server_start(struct redis_server *s)
{
    scratch_make(s->folder);
    snprintf(s->socket_path, sizeof s->socket_path, "%s/r.sock", s->folder);
    s->control = NULL;
    s->pid = fork();
    CHECK(s->pid >= 0);
    if (s->pid == 0)
        run_server(s);
    for (int i = 0; i < START_STEPS && waitpid(s->pid, NULL, WNOHANG) == 0; i++) {
        s->control = redisConnectUnix(s->socket_path);
        if (s->control != NULL && s->control->err == 0)
            return true;
        redisFree(s->control);
        s->control = NULL;
        usleep(STEP_US);
    }
    return false;
}

struct redis_address redis_server_address(const struct redis_server *s, int db)
{
    struct redis_address a = {.is_unix = true, .db = db};
    snprintf(a.host, sizeof a.host, "%.107s", s->socket_path);
    return a;
}

struct redis_sync *redis_server_begin(struct redis_server *s)
{
    if (s->control == NULL)
        skip();
    const struct redis_address a = redis_server_address(s, 0);
    freeReplyObject(redisCommand(s->control, "FLUSHALL"));
    return redis_sync_new(&a, WAIT_MS);
}

void redis_server_stop(struct redis_server *s)
{
    if (s->control != NULL) {
        redisFree(s->control);
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    scratch_remove(s->folder);
}
