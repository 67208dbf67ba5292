#include "service/state/state_redis.h"

#include "service/base/check.h"
#include "service/state/claim.h"
#include "tests/unit/state/redis_server.h"
#include "tests/unit/state/state_suite.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    WAIT_STEPS = 25000, /* of 0.2 ms: five seconds and what the work takes */
    STEP_US = 200,
    RETRY_STEPS = 1000, /* longer than the first attempts to connect again */
    LOAD_OPS = 2000,
    TTL_MS = 3600 * 1000,
};

/* As a process does that starts for the first time. */
static enum status probe(const struct state_redis_options *o, struct hash_key *ret_key,
                         char *ret_why)
{
    hash_key_random(ret_key);
    return state_redis_probe(o, ret_key, ret_why);
}

static const int64_t now_ms = INT64_C(1767614400000); /* 2026-01-05T12:00:00Z */

/* ---- a server of our own ---- */

static struct redis_server server;

static int64_t tell(const char *command)
{
    redisReply *r = redisCommand(server.control, command);
    CHECK(r != NULL && r->type != REDIS_REPLY_ERROR);
    int64_t n = r->type == REDIS_REPLY_INTEGER ? r->integer : 0;
    freeReplyObject(r);
    return n;
}

static struct state_redis_options options(const char *prefix, int db)
{
    struct state_redis_options o = {.connect_timeout_ms = REDIS_CONNECT_TIMEOUT_MS};
    o.address = redis_server_address(&server, db);
    snprintf(o.prefix, sizeof o.prefix, "%s", prefix);
    return o;
}

/* ---- the tested state, on a loop ---- */

static uv_loop_t loop;

static void run_until(const bool *done)
{
    for (int i = 0; i < WAIT_STEPS && !*done; i++) {
        if (uv_run(&loop, UV_RUN_NOWAIT) >= 0 && !*done)
            usleep(STEP_US);
    }
}

static void pump(struct state_suite *suite, const bool *done)
{
    (void)suite;
    run_until(done);
}

static void wait_available(const struct state *s)
{
    for (int i = 0; i < WAIT_STEPS && !state_available(s); i++) {
        uv_run(&loop, UV_RUN_NOWAIT);
        usleep(STEP_US);
    }
    assert_true(state_available(s));
}

static void wait_connects(const struct state *s, uint64_t connects)
{
    for (int i = 0; i < WAIT_STEPS && state_redis_stats(s).connects < connects; i++) {
        uv_run(&loop, UV_RUN_NOWAIT);
        usleep(STEP_US);
    }
    assert_int_equal(state_redis_stats(s).connects, connects);
}

static void run_past_retries(void)
{
    for (int i = 0; i < RETRY_STEPS; i++) {
        uv_run(&loop, UV_RUN_NOWAIT);
        usleep(STEP_US);
    }
}

static struct state *open_at(const char *prefix, int db)
{
    struct state_redis_options o = options(prefix, db);
    struct hash_key key;
    char why[REDIS_WHY_BYTES];
    assert_int_equal(probe(&o, &key, why), ST_OK);
    struct state *s = state_redis_open(&o, &key, &loop);
    wait_available(s);
    return s;
}

static struct state *open_empty(struct state_suite *suite)
{
    (void)suite;
    tell("FLUSHALL");
    CHECK(uv_loop_init(&loop) == 0);
    return open_at("p:", 0);
}

static void close_redis(struct state_suite *suite, struct state *s)
{
    (void)suite;
    state_close(s);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop) == 0);
}

static int set_up(void **state)
{
    *state = open_empty(NULL);
    return 0;
}

static int tear_down(void **state)
{
    close_redis(NULL, *state);
    return 0;
}

/* ---- one append ---- */

struct append {
    struct state_op op;
    struct state_entity entity;
    enum status st;
    int times_done;
    bool done;
};

static void appended(struct state_op *op, enum status st)
{
    struct append *a = op->user;
    a->st = st;
    a->times_done++;
    a->done = true;
}

static void fill_append(struct append *a)
{
    *a = (struct append){0};
    a->entity = (struct state_entity){
        .key = span_str("e:k:v"), .record = span_str("0123456789"), .ttl_ms = TTL_MS};
    a->op = (struct state_op){.verb = STATE_OBSERVE,
                              .now_ms = now_ms,
                              .ttl_ms = TTL_MS,
                              .entities = &a->entity,
                              .n_entities = 1,
                              .done = appended,
                              .user = a};
}

static void submit_append(struct state *s, struct append *a)
{
    fill_append(a);
    state_submit(s, &a->op);
}

static enum status append_at(struct state *s, int64_t at_ms)
{
    static struct append a;
    fill_append(&a);
    a.op.now_ms = at_ms;
    state_submit(s, &a.op);
    run_until(&a.done);
    assert_int_equal(a.times_done, 1);
    return a.st;
}

static enum status append_one(struct state *s)
{
    return append_at(s, now_ms);
}

/* ---- what only Redis does ---- */

static void a_server_that_evicts_is_refused_with_its_sentence(void **state)
{
    (void)state;
    struct state_redis_options o = options("p:", 0);
    struct hash_key key;
    char why[REDIS_WHY_BYTES];
    tell("CONFIG SET maxmemory-policy allkeys-lru");
    enum status st = probe(&o, &key, why);
    tell("CONFIG SET maxmemory-policy noeviction");
    assert_int_equal(st, ST_UNSUPPORTED);
    assert_non_null(strstr(why, "maxmemory-policy must be noeviction"));
}

static void a_wrong_password_is_told_and_the_right_one_enters(void **state)
{
    (void)state;
    struct state_redis_options o = options("p:", 0);
    struct hash_key key;
    char why[REDIS_WHY_BYTES];
    tell("ACL SETUSER ann on >secret ~* +@all");
    snprintf(o.address.user, sizeof o.address.user, "ann");
    snprintf(o.address.password, sizeof o.address.password, "wrong");
    assert_int_equal(probe(&o, &key, why), ST_UNAVAILABLE);
    assert_non_null(strstr(why, "cannot authenticate: "));
    assert_null(strstr(why, "wrong "));
    snprintf(o.address.password, sizeof o.address.password, "secret");
    assert_int_equal(probe(&o, &key, why), ST_OK);
}

static void a_server_that_is_not_there_is_unavailable(void **state)
{
    (void)state;
    struct state_redis_options o = options("p:", 0);
    struct hash_key key;
    char why[REDIS_WHY_BYTES];
    strcat(o.address.host, "x");
    assert_int_equal(probe(&o, &key, why), ST_UNAVAILABLE);
    assert_non_null(strstr(why, "cannot connect"));
}

static void instances_of_a_prefix_share_the_hash_key(void **state)
{
    (void)state;
    struct state_redis_options same = options("p:", 0), other = options("q:", 0);
    struct hash_key a, b, c;
    char why[REDIS_WHY_BYTES];
    assert_int_equal(probe(&same, &a, why), ST_OK);
    assert_int_equal(probe(&same, &b, why), ST_OK);
    assert_int_equal(probe(&other, &c, why), ST_OK);
    assert_memory_equal(a.bytes, b.bytes, sizeof a.bytes);
    assert_memory_not_equal(a.bytes, c.bytes, sizeof a.bytes);
}

/* Port 1 is nobody's: the name is found, the connection refused, again and again. */
static struct state *open_refused(void)
{
    static const struct hash_key key;
    struct state_redis_options o = {.address = {.host = "localhost", .port = 1},
                                    .connect_timeout_ms = REDIS_CONNECT_TIMEOUT_MS};
    return state_redis_open(&o, &key, &loop);
}

static void a_refused_connection_to_a_name_is_tried_again_and_closes(void **state)
{
    (void)state;
    struct state *s = open_refused();
    run_past_retries();
    assert_false(state_available(s));
    assert_int_equal(append_one(s), ST_UNAVAILABLE);
    state_close(s);
}

static void a_state_closes_while_its_name_is_looked_up(void **state)
{
    (void)state;
    state_close(open_refused());
}

static void keys_go_below_the_prefix_and_into_the_database(void **state)
{
    (void)state;
    struct state *s = open_at("q:", 3);
    assert_int_equal(append_one(s), ST_OK);
    assert_int_equal(tell("EXISTS q:e:k:v"), 0);
    tell("SELECT 3");
    assert_int_equal(tell("STRLEN q:e:k:v"), 10);
    tell("SELECT 0");
    state_close(s);
}

static void a_log_expires_after_its_time(void **state)
{
    assert_int_equal(append_one(*state), ST_OK);
    int64_t left_s = tell("TTL p:e:k:v");
    assert_in_range(left_s, TTL_MS / 1000 - 10, TTL_MS / 1000);
}

static void an_expiry_is_set_again_after_a_twelfth_of_its_time(void **state)
{
    assert_int_equal(append_one(*state), ST_OK);
    tell("EXPIRE p:e:k:v 100");
    assert_int_equal(append_at(*state, now_ms + TTL_MS / 12 - 1), ST_OK);
    assert_in_range(tell("TTL p:e:k:v"), 1, 100);
    assert_int_equal(append_at(*state, now_ms + TTL_MS / 12), ST_OK);
    assert_in_range(tell("TTL p:e:k:v"), TTL_MS / 1000 - 10, TTL_MS / 1000);
}

/* The first ten bytes of the log become four; what came after them stays. */
static enum status fold_first(struct state *s, int64_t ttl_ms)
{
    struct append a;
    fill_append(&a);
    a.op.verb = STATE_FOLD;
    a.op.entities[0].ttl_ms = ttl_ms;
    a.op.fold = (struct state_fold){.old_bytes = 10,
                                    .last_record_bytes = 10,
                                    .last_record = span_str("0123456789"),
                                    .bytes = span_str("fold")};
    state_submit(s, &a.op);
    run_until(&a.done);
    assert_int_equal(a.times_done, 1);
    return a.st;
}

static void a_fold_leaves_the_expiry_as_it_is_unless_it_is_to_be_longer(void **state)
{
    const int64_t ttls_ms[] = {0, 50000, TTL_MS};
    for (int i = 0; i < 3; i++) {
        tell("DEL p:e:k:v");
        assert_int_equal(append_one(*state), ST_OK);
        assert_int_equal(append_one(*state), ST_OK);
        tell("EXPIRE p:e:k:v 100");
        assert_int_equal(fold_first(*state, ttls_ms[i]), ST_OK);
        assert_int_equal(tell("STRLEN p:e:k:v"), 4 + 10);
        int64_t left_s = tell("TTL p:e:k:v");
        if (ttls_ms[i] < TTL_MS)
            assert_in_range(left_s, 90, 100);
        else
            assert_in_range(left_s, TTL_MS / 1000 - 10, TTL_MS / 1000);
    }
}

static void a_connection_lost_under_load_ends_each_operation_once_and_comes_back(void **state)
{
    struct append *all = calloc(LOAD_OPS, sizeof *all);
    CHECK(all != NULL);
    for (int i = 0; i < LOAD_OPS; i++)
        submit_append(*state, &all[i]);
    tell("CLIENT KILL TYPE normal SKIPME yes");
    int64_t n_ok = 0;
    for (int i = 0; i < LOAD_OPS; i++) {
        run_until(&all[i].done);
        assert_int_equal(all[i].times_done, 1);
        assert_true(all[i].st == ST_OK || all[i].st == ST_UNAVAILABLE);
        n_ok += all[i].st == ST_OK;
    }
    wait_available(*state);
    assert_int_equal(append_one(*state), ST_OK);
    assert_true(tell("STRLEN p:e:k:v") >= 10 * (n_ok + 1));
    assert_true(n_ok < LOAD_OPS);
    struct state_redis_stats stats = state_redis_stats(*state);
    assert_int_equal(stats.connects, 2);
    assert_int_equal(stats.inflight, 0);
    free(all);
}

static struct state *tried_again_on;
static struct append second_try;

static void try_again(struct state_op *op, enum status st)
{
    appended(op, st);
    if (st != ST_OK)
        submit_append(tried_again_on, &second_try);
}

static void an_operation_submitted_while_its_connection_is_lost_is_answered(void **state)
{
    struct append first;
    tried_again_on = *state;
    fill_append(&first);
    first.op.done = try_again;
    tell("CLIENT PAUSE 200 WRITE"); /* so that it is under way ... */
    state_submit(*state, &first.op);
    uv_run(&loop, UV_RUN_NOWAIT);
    tell("CLIENT KILL TYPE normal SKIPME yes"); /* ... when the connection is lost */
    run_until(&first.done);
    assert_int_equal(first.st, ST_UNAVAILABLE);
    run_until(&second_try.done);
    assert_int_equal(second_try.times_done, 1);
    tell("CLIENT UNPAUSE");
    wait_available(*state);
    assert_int_equal(state_redis_stats(*state).inflight, 0);
}

static void a_log_made_again_after_it_was_erased_expires_too(void **state)
{
    assert_int_equal(append_one(*state), ST_OK);
    tell("DEL p:e:k:v");
    assert_int_equal(append_one(*state), ST_OK);
    assert_int_equal(append_one(*state), ST_OK); /* behind the expiry, which nobody waits for */
    assert_true(tell("TTL p:e:k:v") > 0);
}

static void an_emptied_server_gets_the_hash_key_again(void **state)
{
    assert_int_equal(append_one(*state), ST_OK);
    tell("FLUSHALL");
    tell("CLIENT KILL TYPE normal SKIPME yes");
    wait_connects(*state, 2);
    assert_int_equal(tell("STRLEN p:hash-key"), sizeof(struct hash_key));
}

static void a_server_with_another_hash_key_is_not_used(void **state)
{
    tell("SET p:hash-key 0123456789abcdef");
    tell("CLIENT KILL TYPE normal SKIPME yes");
    run_past_retries();
    assert_false(state_available(*state));
    assert_int_equal(state_redis_stats(*state).connects, 1);
    assert_int_equal(append_one(*state), ST_UNAVAILABLE);
}

struct told {
    int times;
    const char *why;
};

static void keep_refused(void *user, const char *why)
{
    struct told *t = user;
    t->times++;
    t->why = why;
}

static void what_a_server_is_refused_for_is_told_once_until_it_changes(void **state)
{
    (void)state;
    struct told told = {0};
    struct state_redis_options o = options("p:", 0);
    struct hash_key key;
    char why[REDIS_WHY_BYTES];
    assert_int_equal(probe(&o, &key, why), ST_OK);
    o.refused = keep_refused;
    o.user = &told;
    tell("CONFIG SET maxmemory-policy allkeys-lru");
    struct state *s = state_redis_open(&o, &key, &loop);
    run_past_retries();
    assert_false(state_available(s));
    assert_int_equal(told.times, 1);
    assert_non_null(strstr(told.why, "maxmemory-policy must be noeviction"));
    tell("CONFIG SET maxmemory-policy noeviction");
    wait_available(s);
    assert_int_equal(told.times, 2);
    assert_null(told.why);
    state_close(s);
}

static void an_error_inside_a_transaction_is_unavailable_and_counted(void **state)
{
    tell("HSET p:e:k:v field value");
    assert_int_equal(append_one(*state), ST_UNAVAILABLE);
    assert_true(state_redis_stats(*state).errors_other > 0);
}

static void a_full_server_is_unavailable_and_counted_and_then_used_again(void **state)
{
    tell("CONFIG SET maxmemory 1mb");
    enum status st = append_one(*state);
    tell("CONFIG SET maxmemory 0");
    assert_int_equal(st, ST_UNAVAILABLE);
    assert_true(state_redis_stats(*state).errors_oom > 0);
    assert_int_equal(tell("EXISTS p:e:k:v"), 0);
    assert_int_equal(append_one(*state), ST_OK);
}

static enum status void_one(struct state *s)
{
    struct append a = {.entity = {.key = span_str("e:k:v"), .record = span_str("0123456789")}};
    a.op = (struct state_op){.verb = STATE_VOID,
                             .now_ms = now_ms,
                             .entities = &a.entity,
                             .n_entities = 1,
                             .done = appended,
                             .user = &a};
    state_submit(s, &a.op);
    run_until(&a.done);
    assert_int_equal(a.times_done, 1);
    return a.st;
}

struct connected {
    struct watermark *acknowledged;
    struct state *state;
    uint64_t times, beacon;
    bool is_kept;
};

static void on_connected(void *user, uint64_t beacon, bool is_kept)
{
    struct connected *c = user;
    c->times++;
    c->beacon = beacon;
    c->is_kept = is_kept;
}

/* A state that has told its server that frames up to 7 have reached it. */
static void open_with_beacon(struct connected *c)
{
    static struct append a;
    struct state_redis_options o = options("b:", 0);
    struct hash_key key;
    char why[REDIS_WHY_BYTES];
    *c = (struct connected){.acknowledged = watermark_new(7)};
    assert_int_equal(state_redis_probe(&o, &key, why), ST_OK);
    snprintf(o.instance, sizeof o.instance, "i");
    o.acknowledged = c->acknowledged;
    c->state = state_redis_open(&o, &key, &loop);
    state_redis_on_connect(c->state, on_connected, c);
    wait_available(c->state);
    assert_int_equal(c->times, 1);
    assert_false(c->is_kept); /* nobody knew it before */
    fill_append(&a);
    a.op.journal_seq = 8;
    state_submit(c->state, &a.op);
    run_until(&a.done);
    assert_int_equal(a.st, ST_OK);
}

static void close_with_beacon(struct connected *c)
{
    state_close(c->state);
    uv_run(&loop, UV_RUN_NOWAIT);
    watermark_free(c->acknowledged);
}

static void a_server_that_lost_only_the_connection_has_kept_all(void **state)
{
    (void)state;
    struct connected c;
    open_with_beacon(&c);
    tell("CLIENT KILL TYPE normal SKIPME yes");
    wait_connects(c.state, 2);
    assert_int_equal(c.times, 2);
    assert_int_equal(c.beacon, 7);
    assert_true(c.is_kept);
    close_with_beacon(&c);
}

static void a_server_whose_beacon_is_behind_has_not(void **state)
{
    (void)state;
    struct connected c;
    open_with_beacon(&c);
    tell("SET b:beacon:i 6");
    tell("CLIENT KILL TYPE normal SKIPME yes");
    wait_connects(c.state, 2);
    assert_int_equal(c.beacon, 6);
    assert_false(c.is_kept);
    close_with_beacon(&c);
}

static void a_server_that_was_emptied_has_not(void **state)
{
    (void)state;
    struct connected c;
    open_with_beacon(&c);
    tell("FLUSHALL");
    tell("SET b:beacon:i 7");
    tell("CLIENT KILL TYPE normal SKIPME yes");
    wait_connects(c.state, 2);
    assert_false(c.is_kept);
    close_with_beacon(&c);
}

static void a_server_with_another_history_has_not(void **state)
{
    (void)state;
    struct connected c;
    open_with_beacon(&c);
    tell("REPLICAOF 127.0.0.1 1"); /* a replica, and a master again */
    tell("REPLICAOF NO ONE");
    tell("CLIENT KILL TYPE normal SKIPME yes");
    wait_connects(c.state, 2);
    assert_int_equal(c.beacon, 7);
    assert_false(c.is_kept);
    close_with_beacon(&c);
}

static void told(struct state_op *op, enum status st)
{
    assert_int_equal(st, ST_OK);
    *(bool *)op->user = true;
}

static void the_beacon_can_be_told_alone(void **state)
{
    (void)state;
    struct connected c;
    bool done = false;
    struct state_op op = {.verb = STATE_BEACON, .done = told, .user = &done};
    open_with_beacon(&c);
    assert_int_equal(watermark_end(c.acknowledged, 8), ST_OK);
    state_submit(c.state, &op);
    run_until(&done);
    tell("CLIENT KILL TYPE normal SKIPME yes");
    wait_connects(c.state, 2);
    assert_int_equal(c.beacon, 8);
    close_with_beacon(&c);
}

static void scripts_flushed_away_change_nothing(void **state)
{
    for (int i = 0; i < 2; i++) {
        assert_int_equal(append_one(*state), ST_OK);
        tell("SCRIPT FLUSH");
        assert_int_equal(void_one(*state), ST_OK);
        assert_int_equal(tell("STRLEN p:e:k:v"), 0);
    }
}

/* ---- alerts ---- */

enum { ALERTS = 8, FOUND_BYTES = 64 };

/* One operation, and what it answered of alerts, copied. */
struct alerting {
    struct state_op op;
    enum status st;
    bool done;
    struct state_alert entries[STATE_PEEK_MAX];
    struct span found[STATE_PEEK_MAX];
    char records[ALERTS][FOUND_BYTES];
};

static struct alerting alerting;

static void alerted(struct state_op *op, enum status st)
{
    struct alerting *a = op->user;
    a->st = st;
    a->done = true;
    bool has_taken = st == ST_OK && op->verb == STATE_TAKE_ALERTS;
    for (int i = 0; has_taken && i < op->n_found && i < ALERTS; i++)
        snprintf(a->records[i], FOUND_BYTES, "%.*s", SPAN_ARG(op->found[i]));
}

static enum status alert_op(struct state *s, struct state_op op)
{
    struct alerting *a = &alerting;
    a->op = op;
    a->op.now_ms = now_ms;
    a->op.ttl_ms = TTL_MS;
    a->op.done = alerted;
    a->op.user = a;
    a->op.found = a->found;
    a->done = false;
    state_submit(s, &a->op);
    run_until(&a->done);
    assert_true(a->done);
    return a->st;
}

static enum status take_alerts(struct state *s, int room, unsigned epoch, struct state_alert cursor)
{
    return alert_op(s, (struct state_op){.verb = STATE_TAKE_ALERTS,
                                         .alerts = alerting.entries,
                                         .n_alerts = room,
                                         .take_epoch = epoch,
                                         .cursor = cursor});
}

/* How many it takes, from the beginning. */
static int taken(struct state *s, int room)
{
    assert_int_equal(take_alerts(s, room, 0, (struct state_alert){0}), ST_OK);
    return alerting.op.n_found;
}

static struct span claim_with(char *out, char state, uint32_t nonce)
{
    struct text t;
    struct claim c = {.state = state, .nonce = nonce, .rest = span_str("answer")};
    text_init(&t, out, 256);
    claim_encode(&c, &t);
    assert_false(t.overflow);
    return text_span(&t);
}

static enum status settle(struct state *s, enum state_verb verb, uint64_t txn, const char *alert)
{
    char claim[256];
    return alert_op(s, (struct state_op){.verb = verb,
                                         .txn_hash = txn,
                                         .claim = claim_with(claim, 'd', 1),
                                         .alert = span_str(alert)});
}

static void settle_nobodys(struct state *s, uint64_t txn, const char *alert)
{
    char claim[256];
    struct state_op op = {.verb = STATE_SETTLE,
                          .txn_hash = txn,
                          .claim = claim_with(claim, 'd', 1),
                          .alert = span_str(alert),
                          .alert_is_nobodys = true};
    assert_int_equal(alert_op(s, op), ST_OK);
}

/* A process, by the name its alerts have; below the prefix of the test's own state. */
static struct state *open_owner(const char *owner)
{
    struct state_redis_options o = options("p:", 0);
    struct hash_key key;
    char why[REDIS_WHY_BYTES];
    assert_int_equal(probe(&o, &key, why), ST_OK);
    snprintf(o.owner, sizeof o.owner, "%s", owner);
    struct state *s = state_redis_open(&o, &key, &loop);
    wait_available(s);
    return s;
}

static bool stream_has(const char *owner, const char *record)
{
    redisReply *r = redisCommand(server.control, "XRANGE p:outbox - +");
    bool has = false;
    CHECK(r != NULL && r->type == REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < r->elements; i++) {
        redisReply **fields = r->element[i]->element[1]->element;
        has = has || (strcmp(fields[1]->str, owner) == 0 && strcmp(fields[3]->str, record) == 0);
    }
    freeReplyObject(r);
    return has;
}

static void observe(struct state *s, uint64_t txn, struct span claim)
{
    struct state_op op = {.verb = STATE_OBSERVE, .txn_hash = txn, .claim = claim};
    assert_int_equal(alert_op(s, op), ST_OK);
}

static void a_decision_and_its_alert_are_kept_together(void **state)
{
    char claim[256];
    (void)state;
    struct state *s = open_owner("one");
    observe(s, 1, claim_with(claim, 'u', 1));
    observe(s, 2, claim_with(claim, 'u', 1));
    assert_int_equal(settle(s, STATE_SETTLE, 1, "an alert"), ST_OK);
    assert_true(alerting.op.is_settled);
    assert_true(alerting.op.kept.ms > 0);
    assert_true(stream_has("one", "an alert"));
    assert_int_equal(tell("XLEN p:outbox"), 1);
    assert_int_equal(tell("EXISTS p:x:0000000000000001"), 1);
    assert_true(tell("TTL p:x:0000000000000001") > 0);
    assert_int_equal(settle(s, STATE_SETTLE, 2, ""), ST_OK); /* what is not flagged has none */
    assert_int_equal(alerting.op.kept.ms, 0);
    assert_int_equal(tell("XLEN p:outbox"), 1);
    state_close(s);
}

/* Emptied between the two: a decided claim would keep the journal from bringing the records. */
static void a_decision_makes_no_claim_where_none_stands(void **state)
{
    assert_int_equal(settle(*state, STATE_SETTLE, 1, ""), ST_OK);
    assert_int_equal(tell("EXISTS p:x:0000000000000001"), 0);
}

static void a_full_server_keeps_neither(void **state)
{
    tell("CONFIG SET maxmemory 1mb");
    enum status at_once = settle(*state, STATE_SETTLE, 1, "an alert");
    bool was_settled = alerting.op.is_settled;
    enum status late = settle(*state, STATE_SETTLE_UNDECIDED, 2, "an alert");
    tell("CONFIG SET maxmemory 0");
    assert_int_equal(at_once, ST_UNAVAILABLE);
    assert_int_equal(late, ST_UNAVAILABLE);
    assert_false(was_settled || alerting.op.is_settled);
    assert_int_equal(tell("EXISTS p:outbox p:x:0000000000000001 p:x:0000000000000002"), 0);
}

static void a_late_decision_brings_its_alert_only_if_it_is_settled(void **state)
{
    char claim[256];
    (void)state;
    struct state *s = open_owner("one");
    assert_int_equal(settle(s, STATE_SETTLE_UNDECIDED, 1, "first"), ST_OK); /* nothing stood */
    assert_true(alerting.op.is_settled && alerting.op.kept.ms > 0);
    assert_int_equal(settle(s, STATE_SETTLE_UNDECIDED, 1, "second"), ST_OK); /* that stands */
    assert_true(!alerting.op.is_settled && alerting.op.kept.ms == 0);
    observe(s, 2, claim_with(claim, 'u', 9));
    assert_int_equal(settle(s, STATE_SETTLE_UNDECIDED, 2, "third"), ST_OK);
    assert_true(alerting.op.is_settled && alerting.op.kept.ms > 0);
    struct span other = claim_with(claim, 'u', 9);
    claim[CLAIM_DIGEST_AT] ^= 1; /* of another body */
    observe(s, 3, other);
    assert_int_equal(settle(s, STATE_SETTLE_UNDECIDED, 3, "fourth"), ST_OK);
    assert_true(!alerting.op.is_settled && alerting.op.kept.ms == 0);
    assert_int_equal(tell("XLEN p:outbox"), 2);
    assert_true(stream_has("one", "first") && stream_has("one", "third"));
    state_close(s);
}

static void alerts_of_the_dead_and_of_nobody_are_taken_once(void **state)
{
    (void)state;
    struct state *one = open_owner("one"), *two = open_owner("two");
    settle(one, STATE_SETTLE, 1, "of one");
    settle_nobodys(one, 2, "of nobody");
    assert_int_equal(taken(one, ALERTS), 1); /* its own are not for it */
    assert_string_equal(alerting.records[0], "of nobody");
    assert_true(alerting.op.alerts[0].ms > 0);
    assert_true(stream_has("one.0", "of nobody"));
    assert_int_equal(taken(two, ALERTS), 0); /* their owner lives */
    assert_int_equal(tell("DEL p:alive:one"), 1);
    assert_int_equal(taken(two, ALERTS), 1);
    assert_string_equal(alerting.records[0], "of one");
    assert_int_equal(taken(two, ALERTS), 0);
    assert_int_equal(tell("DEL p:alive:one.0"), 1); /* and the name it took under */
    assert_int_equal(taken(two, ALERTS), 1);
    assert_string_equal(alerting.records[0], "of nobody");
    assert_int_equal(tell("XLEN p:outbox"), 2);
    state_close(one);
    state_close(two);
}

static void a_process_that_asks_lives_for_a_while(void **state)
{
    (void)state;
    struct state *s = open_owner("one");
    assert_int_equal(taken(s, 0), 0);
    int64_t left_ms = tell("PTTL p:alive:one");
    assert_true(left_ms > 0 && left_ms <= REDIS_OWNER_ALIVE_MS);
    assert_int_equal(tell("EXISTS p:alive:one.0"), 1);
    state_close(s);
}

static void no_more_are_taken_than_there_is_room_for(void **state)
{
    struct state_alert cursor;
    for (uint64_t i = 0; i < 5; i++) {
        char record[2] = {(char)('a' + i), '\0'};
        settle_nobodys(*state, i + 1, record);
    }
    struct state *s = open_owner("one");
    assert_int_equal(taken(s, 0), 0);
    assert_int_equal(taken(s, 2), 2);
    assert_string_equal(alerting.records[0], "a");
    assert_string_equal(alerting.records[1], "b");
    cursor = alerting.op.cursor;
    assert_true(cursor.ms > 0); /* there is more */
    assert_int_equal(take_alerts(s, ALERTS, 0, cursor), ST_OK);
    assert_int_equal(alerting.op.n_found, 3);
    assert_string_equal(alerting.records[0], "c");
    assert_int_equal(alerting.op.cursor.ms, 0);
    assert_int_equal(taken(s, ALERTS), 0);
    state_close(s);
}

/* One page of entries whose owner lives, and behind it one of nobody. */
static void a_look_goes_on_behind_its_cursor(void **state)
{
    struct state *s = open_owner("one");
    (void)state;
    assert_int_equal(taken(s, 0), 0);
    for (int i = 0; i < STATE_PEEK_MAX; i++)
        freeReplyObject(redisCommand(server.control, "XADD p:outbox * o one a %d", i));
    settle_nobodys(s, 1, "last");
    assert_int_equal(taken(s, ALERTS), 0);
    assert_true(alerting.op.cursor.ms > 0);
    assert_int_equal(take_alerts(s, ALERTS, 0, alerting.op.cursor), ST_OK);
    assert_int_equal(alerting.op.n_found, 1);
    assert_string_equal(alerting.records[0], "last");
    assert_int_equal(alerting.op.cursor.ms, 0);
    state_close(s);
}

/* What it took under the name it had then it does not know of. */
static void a_lost_answer_is_taken_again_under_another_name(void **state)
{
    (void)state;
    struct state *s = open_owner("one");
    settle_nobodys(s, 1, "lost");
    assert_int_equal(taken(s, ALERTS), 1);
    assert_int_equal(take_alerts(s, ALERTS, 1, (struct state_alert){0}), ST_OK);
    assert_int_equal(alerting.op.n_found, 0);       /* the name lives for a while */
    assert_int_equal(tell("DEL p:alive:one.0"), 1); /* that is over */
    assert_int_equal(take_alerts(s, ALERTS, 1, (struct state_alert){0}), ST_OK);
    assert_int_equal(alerting.op.n_found, 1);
    assert_true(stream_has("one.1", "lost"));
    assert_int_equal(tell("XLEN p:outbox"), 1);
    state_close(s);
}

static void what_is_dropped_is_gone_and_nothing_else(void **state)
{
    (void)state;
    struct state *s = open_owner("one");
    struct state_alert entries[3];
    for (uint64_t i = 0; i < 3; i++) {
        char record[2] = {(char)('a' + i), '\0'};
        settle(s, STATE_SETTLE, i + 1, record);
        entries[i] = alerting.op.kept;
    }
    entries[1].seq += 1000; /* what is not there */
    struct state_op op = {.verb = STATE_DROP_ALERTS, .alerts = entries, .n_alerts = 3};
    assert_int_equal(alert_op(s, op), ST_OK);
    assert_int_equal(tell("XLEN p:outbox"), 1);
    assert_true(stream_has("one", "b"));
    state_close(s);
}

static void what_is_dropped_after_another_took_it_is_not_gone(void **state)
{
    (void)state;
    struct state *one = open_owner("one"), *two = open_owner("two");
    settle(one, STATE_SETTLE, 1, "a");
    struct state_alert entry = alerting.op.kept;
    assert_int_equal(taken(two, ALERTS), 1); /* one has never said that it lives */
    struct state_op op = {.verb = STATE_DROP_ALERTS, .alerts = &entry, .n_alerts = 1};
    assert_int_equal(alert_op(one, op), ST_OK);
    assert_true(stream_has("two.0", "a"));
    state_close(one);
    state_close(two);
}

static void no_server_to_test_with(void **state)
{
    (void)state;
    print_message("redis-server is not installed or does not start\n");
    skip();
}

#define REDIS_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest none[] = {cmocka_unit_test(no_server_to_test_with)};
    const struct CMUnitTest tests[] = {
        REDIS_TEST(a_server_that_evicts_is_refused_with_its_sentence),
        REDIS_TEST(a_wrong_password_is_told_and_the_right_one_enters),
        REDIS_TEST(a_server_that_is_not_there_is_unavailable),
        REDIS_TEST(instances_of_a_prefix_share_the_hash_key),
        REDIS_TEST(a_refused_connection_to_a_name_is_tried_again_and_closes),
        REDIS_TEST(a_state_closes_while_its_name_is_looked_up),
        REDIS_TEST(keys_go_below_the_prefix_and_into_the_database),
        REDIS_TEST(a_log_expires_after_its_time),
        REDIS_TEST(an_expiry_is_set_again_after_a_twelfth_of_its_time),
        REDIS_TEST(a_fold_leaves_the_expiry_as_it_is_unless_it_is_to_be_longer),
        REDIS_TEST(a_connection_lost_under_load_ends_each_operation_once_and_comes_back),
        REDIS_TEST(an_operation_submitted_while_its_connection_is_lost_is_answered),
        REDIS_TEST(a_log_made_again_after_it_was_erased_expires_too),
        REDIS_TEST(an_emptied_server_gets_the_hash_key_again),
        REDIS_TEST(a_server_with_another_hash_key_is_not_used),
        REDIS_TEST(what_a_server_is_refused_for_is_told_once_until_it_changes),
        REDIS_TEST(an_error_inside_a_transaction_is_unavailable_and_counted),
        REDIS_TEST(a_full_server_is_unavailable_and_counted_and_then_used_again),
        REDIS_TEST(a_server_that_lost_only_the_connection_has_kept_all),
        REDIS_TEST(a_server_whose_beacon_is_behind_has_not),
        REDIS_TEST(a_server_that_was_emptied_has_not),
        REDIS_TEST(a_server_with_another_history_has_not),
        REDIS_TEST(the_beacon_can_be_told_alone),
        REDIS_TEST(scripts_flushed_away_change_nothing),
        REDIS_TEST(a_decision_and_its_alert_are_kept_together),
        REDIS_TEST(a_decision_makes_no_claim_where_none_stands),
        REDIS_TEST(a_full_server_keeps_neither),
        REDIS_TEST(a_late_decision_brings_its_alert_only_if_it_is_settled),
        REDIS_TEST(alerts_of_the_dead_and_of_nobody_are_taken_once),
        REDIS_TEST(a_process_that_asks_lives_for_a_while),
        REDIS_TEST(no_more_are_taken_than_there_is_room_for),
        REDIS_TEST(a_look_goes_on_behind_its_cursor),
        REDIS_TEST(a_lost_answer_is_taken_again_under_another_name),
        REDIS_TEST(what_is_dropped_is_gone_and_nothing_else),
        REDIS_TEST(what_is_dropped_after_another_took_it_is_not_gone),
    };
    int failed;
    signal(SIGPIPE, SIG_IGN); /* as the service does: a write to a lost connection is an error */
    if (redis_server_start(&server)) {
        struct state_suite suite = {.open = open_empty, .close = close_redis, .pump = pump};
        failed = state_suite_run("state/state_redis", &suite);
        failed += cmocka_run_group_tests_name("state/state_redis, its own", tests, NULL, NULL);
    } else {
        failed = cmocka_run_group_tests_name("state/state_redis", none, NULL, NULL);
    }
    redis_server_stop(&server);
    return failed;
}
