#include "api/conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { REQUEST_US = 1000, IDLE_US = 4000 };

/* A connection and the client's end of it. */
struct pair {
    struct conn conn;
    int client;
};

static void open_pair(struct conns *all, struct pair *p, int64_t now_us)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    *p = (struct pair){.conn = {.fd = ends[0]}, .client = ends[1]};
    conns_add(all, &p->conn, now_us);
}

static void close_pair(struct conns *all, struct pair *p)
{
    conns_remove(all, &p->conn);
    close(p->conn.fd);
    close(p->client);
}

static bool is_shut(const struct pair *p)
{
    char byte;
    return recv(p->client, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

static void a_busy_connection_ends_at_its_deadline_and_not_before(void **state)
{
    struct conns all;
    struct pair a, b;
    (void)state;
    conns_init(&all, REQUEST_US, IDLE_US);
    open_pair(&all, &a, 0);
    open_pair(&all, &b, 0);
    conns_busy(&all, &a.conn, 100);
    conns_busy(&all, &b.conn, 200);
    conns_sweep(&all, 1099);
    assert_false(is_shut(&a));
    conns_sweep(&all, 1100);
    assert_true(is_shut(&a));
    assert_false(is_shut(&b));
    conns_sweep(&all, 1200);
    assert_true(is_shut(&b));
    close_pair(&all, &a);
    close_pair(&all, &b);
    assert_int_equal(all.count, 0);
}

static void an_idle_connection_ends_after_its_longer_time(void **state)
{
    struct conns all;
    struct pair a;
    (void)state;
    conns_init(&all, REQUEST_US, IDLE_US);
    open_pair(&all, &a, 0);
    for (int64_t now = 0; now < IDLE_US; now += 100)
        conns_sweep(&all, now);
    assert_false(is_shut(&a));
    conns_sweep(&all, IDLE_US);
    assert_true(is_shut(&a));
    close_pair(&all, &a);
}

static void one_that_waits_for_state_has_no_deadline_here(void **state)
{
    struct conns all;
    struct pair a;
    (void)state;
    conns_init(&all, REQUEST_US, IDLE_US);
    open_pair(&all, &a, 0);
    conns_busy(&all, &a.conn, 0);
    conns_waiting(&all, &a.conn);
    conns_sweep(&all, 1000000);
    assert_false(is_shut(&a));
    conns_busy(&all, &a.conn, 1000000);
    conns_sweep(&all, 1000000 + REQUEST_US);
    assert_true(is_shut(&a));
    close_pair(&all, &a);
}

static void a_batch_earns_time_by_what_it_moves(void **state)
{
    struct conns all;
    struct pair a;
    (void)state;
    conns_init(&all, REQUEST_US, IDLE_US);
    open_pair(&all, &a, 0);
    conns_busy(&all, &a.conn, 0);
    conns_progress(&all, &a.conn, CONN_PROGRESS_BYTES - 1, 900);
    assert_int_equal(a.conn.due_us, REQUEST_US);
    conns_progress(&all, &a.conn, 1, 900);
    assert_int_equal(a.conn.due_us, 900 + REQUEST_US);
    close_pair(&all, &a);
}

static void draining_shuts_those_that_are_idle_for_long(void **state)
{
    struct conns all;
    struct pair a, b;
    (void)state;
    conns_init(&all, REQUEST_US, IDLE_US);
    open_pair(&all, &a, 0);
    open_pair(&all, &b, 500);
    conns_shut_idle(&all, 500);
    assert_true(is_shut(&a));
    assert_false(is_shut(&b));
    conns_idle(&all, &a.conn, 600); /* the library may still tell: it stays shut */
    conns_busy(&all, &a.conn, 600);
    close_pair(&all, &a);
    close_pair(&all, &b);
}

static void a_problem_by_hand_is_a_whole_reply(void **state)
{
    struct conns all;
    struct pair a;
    char got[2048] = "";
    (void)state;
    conns_init(&all, REQUEST_US, IDLE_US);
    open_pair(&all, &a, 0);
    conn_send_problem(a.conn.fd, PROBLEM_OVERLOADED, NULL, 0);
    assert_true(recv(a.client, got, sizeof got - 1, 0) > 0);
    assert_non_null(strstr(got, "HTTP/1.1 503 Service Unavailable\r\n"));
    assert_non_null(strstr(got, "\r\nRetry-After: 1\r\n"));
    assert_non_null(strstr(got, "\r\n\r\n{\"type\":\"urn:sluice:problem:overloaded\""));
    close_pair(&all, &a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_busy_connection_ends_at_its_deadline_and_not_before),
        cmocka_unit_test(an_idle_connection_ends_after_its_longer_time),
        cmocka_unit_test(one_that_waits_for_state_has_no_deadline_here),
        cmocka_unit_test(a_batch_earns_time_by_what_it_moves),
        cmocka_unit_test(draining_shuts_those_that_are_idle_for_long),
        cmocka_unit_test(a_problem_by_hand_is_a_whole_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
