#include "service/base/background.h"

#include "service/base/check.h"

#include <pthread.h>
#include <sched.h>
#include <stddef.h>

struct job {
    void (*work)(void *user);
    void *user;
};

static void *run(void *user)
{
    const struct job *job = user;
    const struct sched_param none = {.sched_priority = 0};
    (void)sched_setscheduler(0, SCHED_IDLE, &none); /* of this thread; a sandbox may forbid it */
    job->work(job->user);
    return NULL;
}

void background_run(void (*work)(void *user), void *user)
{
    struct job job = {work, user};
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, &job) == 0)
        CHECK(pthread_join(thread, NULL) == 0);
    else
        work(user);
}
