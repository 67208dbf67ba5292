#include "api/offload.h"

#include "api/http_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A worker without a daemon: its loop and its requests. */
struct world {
    struct http_worker worker;
    pthread_t worked_on, answered_on;
    int worked, answered;
};

static int set_up(void **state)
{
    static struct world w;
    w = (struct world){.worker = {.n_free = 0}};
    assert_int_equal(uv_loop_init(&w.worker.loop), 0);
    assert_int_equal(requests_open(&w.worker), ST_OK);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    assert_int_equal(w->worker.n_free, HTTP_REQUESTS_MAX);
    requests_close(&w->worker);
    return uv_loop_close(&w->worker.loop);
}

static void work(void *user)
{
    struct world *w = user;
    w->worked_on = pthread_self();
    __atomic_add_fetch(&w->worked, 1, __ATOMIC_SEQ_CST);
}

static void answer(struct request *r, void *user)
{
    struct world *w = user;
    w->answered_on = pthread_self();
    w->answered++;
    request_reply(r, 204, NULL, (struct span){NULL, 0});
}

static void work_runs_off_the_loop_and_the_answer_on_it(void **state)
{
    struct world *w = *state;
    struct request *r = request_take(&w->worker);
    assert_int_equal(request_offload(r, work, answer, w), ST_OK);
    assert_int_equal(w->answered, 0);
    assert_int_equal(r->reply.status, 0);
    uv_run(&w->worker.loop, UV_RUN_DEFAULT);
    assert_int_equal(w->worked, 1);
    assert_int_equal(w->answered, 1);
    assert_false(pthread_equal(w->worked_on, pthread_self()));
    assert_true(pthread_equal(w->answered_on, pthread_self()));
    assert_int_equal(r->reply.status, 204);
    request_drop(r);
}

static void a_request_whose_client_has_left_is_kept_until_its_work_is_done(void **state)
{
    struct world *w = *state;
    struct request *r = request_take(&w->worker);
    assert_int_equal(request_offload(r, work, answer, w), ST_OK);
    request_drop(r); /* as exchange_completed does */
    assert_int_equal(w->worker.n_free, HTTP_REQUESTS_MAX - 1);
    uv_run(&w->worker.loop, UV_RUN_DEFAULT);
    assert_int_equal(w->answered, 1);
}

static void one_more_than_the_limit_is_answered_503_and_never_run(void **state)
{
    struct world *w = *state;
    struct request *all[OFFLOADS_MAX + 1];
    for (int i = 0; i <= OFFLOADS_MAX; i++) {
        all[i] = request_take(&w->worker);
        enum status wanted = i < OFFLOADS_MAX ? ST_OK : ST_NO_SPACE;
        assert_int_equal(request_offload(all[i], work, answer, w), wanted);
    }
    assert_int_equal(all[OFFLOADS_MAX]->reply.status, 503);
    uv_run(&w->worker.loop, UV_RUN_DEFAULT);
    assert_int_equal(w->worked, OFFLOADS_MAX);
    assert_int_equal(w->answered, OFFLOADS_MAX);
    for (int i = 0; i <= OFFLOADS_MAX; i++)
        request_drop(all[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(work_runs_off_the_loop_and_the_answer_on_it),
        TEST(a_request_whose_client_has_left_is_kept_until_its_work_is_done),
        TEST(one_more_than_the_limit_is_answered_503_and_never_run),
    };
    return cmocka_run_group_tests_name("api/offload", tests, NULL, NULL);
}
