#include "api/offload.h"

#include "api/http_worker.h"
#include "service/base/check.h"

#include <stdlib.h>

struct offload {
    uv_work_t work;
    struct request *request;
    void (*run)(void *user);
    void (*after)(struct request *r, void *user);
    void *user;
};

static void run(uv_work_t *work)
{
    struct offload *o = work->data;
    o->run(o->user);
}

static void ran(uv_work_t *work, int status)
{
    struct offload *o = work->data;
    struct request *r = o->request;
    CHECK(status == 0); /* nobody cancels */
    r->worker->offloads--;
    o->after(r, o->user);
    free(o);
    request_drop(r);
}

enum status request_offload(struct request *r, void (*work)(void *user),
                            void (*after)(struct request *r, void *user), void *user)
{
    struct http_worker *w = r->worker;
    struct offload *o = w->offloads < OFFLOADS_MAX ? malloc(sizeof *o) : NULL;
    if (o == NULL) {
        request_problem(r, PROBLEM_OVERLOADED, NULL);
        return ST_NO_SPACE;
    }
    *o = (struct offload){.request = r, .run = work, .after = after, .user = user};
    o->work.data = o;
    CHECK(uv_queue_work(&w->loop, &o->work, run, ran) == 0);
    request_hold(r);
    w->offloads++;
    return ST_OK;
}
