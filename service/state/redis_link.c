#include "service/state/redis_link.h"

#include "service/base/check.h"
#include "service/state/fold.h"
#include "service/state/redis_reply.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    STALL_LOOK_MS = 100,
    VERSION_MIN = 7,
    READ_BUFFER_KEPT_BYTES = 1 << 20, /* some hundreds of logs arrive in one turn */
    /* Of one reply, the largest that can be asked for; pages it does not touch cost nothing. */
    REPLY_BYTES_MAX = STATE_PEEK_MAX * STATE_FOUND_MAX + (1 << 20),
};
_Static_assert(REPLY_BYTES_MAX > STATE_ENTITIES_MAX * FOLD_LOG_BYTES_MAX, "logs fit too");

/* ---- hiredis on libuv ---- */

/*
 * The adapter that hiredis ships ignores a poll that ends in an error, so that a refused
 * connection is never noticed, and asks the kernel for writability at each command. Here errors
 * are handed on, and what was written in one turn of the loop leaves in `flush`.
 */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct redis_link *l = poll->data;
    if (status < 0)
        events = UV_READABLE | UV_WRITABLE; /* hiredis finds the error */
    if (l != NULL && l->context != NULL && (events & UV_READABLE))
        redisAsyncHandleRead(l->context);
    if (poll->data != NULL && l->context != NULL && (events & UV_WRITABLE))
        redisAsyncHandleWrite(l->context);
}

static void set_events(struct redis_link *l, int events)
{
    if (l->poll == NULL || l->poll_events == events)
        return;
    l->poll_events = events;
    if (events != 0)
        CHECK(uv_poll_start(l->poll, events, on_poll) == 0);
    else
        CHECK(uv_poll_stop(l->poll) == 0);
}

static void add_read(void *user)
{
    struct redis_link *l = user;
    set_events(l, l->poll_events | UV_READABLE);
}

static void del_read(void *user)
{
    struct redis_link *l = user;
    set_events(l, l->poll_events & ~UV_READABLE);
}

/* While connecting, and when the socket took only a part, the kernel must say when to go on. */
static void add_write(void *user)
{
    struct redis_link *l = user;
    l->is_dirty = true;
    if (l->is_flushing || !(l->context->c.flags & REDIS_CONNECTED))
        set_events(l, l->poll_events | UV_WRITABLE);
}

static void del_write(void *user)
{
    struct redis_link *l = user;
    l->is_dirty = false;
    set_events(l, l->poll_events & ~UV_WRITABLE);
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

static void cleanup(void *user)
{
    struct redis_link *l = user;
    if (l->poll == NULL)
        return;
    uv_poll_stop(l->poll);
    l->poll->data = NULL;
    uv_close((uv_handle_t *)l->poll, on_poll_closed);
    l->poll = NULL;
    l->poll_events = 0;
}

static void on_flush(uv_prepare_t *prepare)
{
    struct redis_link *l = prepare->data;
    if (!l->is_dirty || l->context == NULL || !(l->context->c.flags & REDIS_CONNECTED))
        return;
    l->is_dirty = false;
    l->is_flushing = true;
    redisAsyncHandleWrite(l->context);
    l->is_flushing = false;
}

static bool attach(struct redis_link *l)
{
    redisAsyncContext *ac = l->context;
    l->poll = calloc(1, sizeof *l->poll);
    CHECK(l->poll != NULL);
    if (uv_poll_init(l->loop, l->poll, ac->c.fd) != 0) {
        free(l->poll);
        l->poll = NULL;
        return false;
    }
    l->poll->data = l;
    l->poll_events = 0;
    ac->ev.data = l;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = cleanup;
    return true;
}

/* ---- whether it serves ---- */

static void tell_served(struct redis_link *l)
{
    bool is_up = l->context != NULL && redis_link_is_up(l);
    if (is_up == l->told_up || l->is_closing)
        return;
    l->told_up = is_up;
    if (l->options.served != NULL)
        l->options.served(l->options.user, is_up);
}

/* ---- replies ---- */

static bool starts(const redisReply *reply, const char *prefix)
{
    return span_starts(span_of(reply->str, reply->len), span_str(prefix));
}

static void note_error(struct redis_link *l, const redisReply *reply)
{
    if (starts(reply, "OOM"))
        l->stats.errors_oom++;
    else if (starts(reply, "READONLY"))
        l->stats.errors_readonly++;
    else if (starts(reply, "LOADING"))
        l->stats.errors_loading++;
    else if (starts(reply, "BUSY"))
        l->stats.errors_busy++;
    else if (!starts(reply, "EXECABORT")) /* follows one that was counted */
        l->stats.errors_other++;
}

void redis_link_note(struct redis_link *l, const redisReply *reply)
{
    l->waiting_since_ms = (int64_t)uv_now(l->loop);
    if (l->is_stalled) {
        l->is_stalled = false;
        tell_served(l);
    }
    if (reply->type == REDIS_REPLY_ERROR)
        note_error(l, reply);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_ERROR)
            note_error(l, reply->element[i]);
    }
}

static void on_other_reply(redisAsyncContext *ac, void *reply, void *user)
{
    (void)user;
    if (reply != NULL)
        redis_link_note(ac->data, reply);
}

void redis_link_send(struct redis_link *l, struct span command, redisCallbackFn *reply, void *user)
{
    l->stats.commands++;
    int rc = redisAsyncFormattedCommand(l->context, reply != NULL ? reply : on_other_reply, user,
                                        command.base, command.len);
    CHECK(rc == REDIS_OK);
}

/* ---- what a server must be ---- */

static struct span info_value(struct span info, const char *name)
{
    const char *at = memmem(info.base, info.len, name, strlen(name));
    if (at == NULL)
        return span_of(NULL, 0);
    at += strlen(name);
    const char *end = memchr(at, '\r', (size_t)(info.base + info.len - at));
    return span_of(at, end != NULL ? (size_t)(end - at) : 0);
}

const char *redis_info_refuses(struct span info)
{
    struct span version = info_value(info, "redis_version:");
    struct span policy = info_value(info, "maxmemory_policy:");
    if (version.len == 0 || atoi(version.base) < VERSION_MIN)
        return "Redis 7.0 or later is needed";
    if (policy.len > 0 && !span_is(policy, "noeviction"))
        return "maxmemory-policy must be noeviction, or windows lose events silently: "
               "CONFIG SET maxmemory-policy noeviction";
    return NULL;
}

/* ---- the handshake ---- */

static void start_timer(struct redis_link *l, int64_t ms);

static void refuse(struct redis_link *l, const char *why)
{
    if (l->refused == NULL)
        l->refused = why;
}

static void on_ok(redisAsyncContext *ac, void *reply, void *user)
{
    struct redis_link *l = ac->data;
    if (reply == NULL)
        return;
    redis_link_note(l, reply);
    if (((redisReply *)reply)->type == REDIS_REPLY_ERROR)
        refuse(l, user);
}

/* Which life of which server, and of which data set; "": it does not say. */
static void note_server(struct redis_link *l, struct span info)
{
    struct span run = info_value(info, "run_id:"), set = info_value(info, "master_replid:");
    l->server[0] = '\0';
    if (run.len > 0)
        snprintf(l->server, sizeof l->server, "%.*s %.*s", SPAN_ARG(run), SPAN_ARG(set));
}

static void on_info(redisAsyncContext *ac, void *user_reply, void *user)
{
    struct redis_link *l = ac->data;
    redisReply *reply = user_reply;
    (void)user;
    if (reply == NULL)
        return;
    redis_link_note(l, reply);
    const char *why = reply->type == REDIS_REPLY_STRING
                          ? redis_info_refuses(span_of(reply->str, reply->len))
                          : "INFO was refused: the user needs it";
    if (why != NULL)
        refuse(l, why);
    else
        note_server(l, span_of(reply->str, reply->len));
}

/* Ours was set where none stood: the server was emptied, and its logs will be ours again. Then it
 * is not the one that we knew. */
static void on_hash_key(redisAsyncContext *ac, void *user_reply, void *user)
{
    struct redis_link *l = ac->data;
    redisReply *reply = user_reply;
    (void)user;
    if (reply == NULL)
        return;
    redis_link_note(l, reply);
    if (reply->type == REDIS_REPLY_NIL) { /* a beacon that stands was set after that */
        l->last_server[0] = '\0';
        l->is_emptied = true;
    }
    if (reply->type == REDIS_REPLY_ERROR)
        refuse(l, "the hash key cannot be read or written");
    else if (reply->type == REDIS_REPLY_STRING &&
             !span_eq(span_of(reply->str, reply->len), span_of(l->key.bytes, sizeof l->key.bytes)))
        refuse(l, "its hash key is another one: start again, to take it over");
}

/* The handshake is over. Each attempt comes to the same: it is told once. */
static void tell_refused(struct redis_link *l)
{
    if (l->refused == l->told)
        return;
    l->told = l->refused;
    if (l->options.refused != NULL)
        l->options.refused(l->options.user, l->refused);
}

static void on_beacon(redisAsyncContext *ac, void *user_reply, void *user)
{
    struct redis_link *l = ac->data;
    redisReply *reply = user_reply;
    (void)user;
    if (reply == NULL)
        return;
    redis_link_note(l, reply);
    bool stood = reply->type == REDIS_REPLY_STRING;
    l->has_beacon = stood || reply->type == REDIS_REPLY_NIL; /* then ours stands now */
    l->beacon = stood && !l->is_emptied ? strtoull(reply->str, NULL, 10) : 0;
    tell_refused(l);
    if (l->refused != NULL) {
        redisAsyncDisconnect(ac);
        return;
    }
    bool is_known = l->last_server[0] != '\0' && strcmp(l->server, l->last_server) == 0;
    l->is_kept = is_known && !l->is_emptied && l->beacon >= l->told_beacon;
    memcpy(l->last_server, l->server, sizeof l->server);
    l->is_up = true;
    l->is_emptied = false;
    l->retry_ms = REDIS_RETRY_MIN_MS;
    l->stats.connects++;
    start_timer(l, STALL_LOOK_MS);
    tell_served(l);
    if (l->up != NULL)
        l->up(l->up_user, l->beacon, l->is_kept);
}

void redis_link_beacon(struct redis_link *l, uint64_t beacon, const redisReply *before)
{
    if (before->type == REDIS_REPLY_NIL && l->has_beacon && !l->is_emptied) {
        l->is_emptied = true;
        redisAsyncDisconnect(l->context);
    }
    l->has_beacon = true;
    l->told_beacon = beacon;
}

static void send_handshake(struct redis_link *l)
{
    const struct redis_address *a = &l->options.address;
    redisAsyncContext *ac = l->context;
    l->refused = NULL;
    if (a->password[0] != '\0' && a->user[0] != '\0')
        redisAsyncCommand(ac, on_ok, "AUTH was refused", "AUTH %s %s", a->user, a->password);
    else if (a->password[0] != '\0')
        redisAsyncCommand(ac, on_ok, "AUTH was refused", "AUTH %s", a->password);
    if (a->db != 0)
        redisAsyncCommand(ac, on_ok, "SELECT was refused", "SELECT %d", a->db);
    redisAsyncCommand(ac, on_info, NULL, "INFO");
    redisAsyncCommand(ac, on_hash_key, NULL, "SET %shash-key %b NX GET", l->options.prefix,
                      l->key.bytes, sizeof l->key.bytes);
    redisAsyncCommand(ac, on_beacon, NULL, "SET %sbeacon:%s 0 NX GET", l->options.prefix,
                      l->options.instance);
}

/* ---- made and lost ---- */

static void connect_later(struct redis_link *l)
{
    if (l->is_closing)
        return;
    int64_t jitter_ms = randombytes_uniform((uint32_t)l->retry_ms / 2 + 1);
    start_timer(l, l->retry_ms / 2 + jitter_ms);
    l->retry_ms = 2 * l->retry_ms < REDIS_RETRY_MAX_MS ? 2 * l->retry_ms : REDIS_RETRY_MAX_MS;
}

static void is_down(struct redis_link *l)
{
    l->stats.disconnects += l->is_up;
    l->is_up = l->is_stalled = l->is_dirty = false;
    l->context = NULL;
    tell_served(l);
    connect_later(l);
}

/* hiredis tells of the end only where there was a connection. */
static void drop(struct redis_link *l)
{
    bool told = l->context->c.flags & REDIS_CONNECTED;
    redisAsyncFree(l->context);
    if (!told)
        is_down(l);
}

static void on_connected(const redisAsyncContext *ac, int status)
{
    struct redis_link *l = ac->data;
    if (status != REDIS_OK)
        is_down(l); /* hiredis frees the context */
    else
        send_handshake(l);
}

static void on_disconnected(const redisAsyncContext *ac, int status)
{
    (void)status;
    is_down(ac->data);
}

/* Takes `ac`, a connection begun; NULL: there was no memory for one. */
static void go_on_with(struct redis_link *l, redisAsyncContext *ac)
{
    if (ac == NULL || ac->err != 0) {
        if (ac != NULL)
            redisAsyncFree(ac);
        connect_later(l);
        return;
    }
    ac->data = l;
    ac->c.reader->maxbuf = READ_BUFFER_KEPT_BYTES;
    redis_reply_use(ac->c.reader, l->replies);
    l->context = ac;
    l->waiting_since_ms = (int64_t)uv_now(l->loop);
    if (!attach(l)) {
        drop(l);
        return;
    }
    redisAsyncSetDisconnectCallback(ac, on_disconnected);
    redisAsyncSetConnectCallback(ac, on_connected);
    start_timer(l, l->options.connect_timeout_ms);
}

static void let_go(struct redis_link *l)
{
    if (--l->open_handles > 0)
        return;
    arena_free(l->replies);
    if (l->closed != NULL)
        l->closed(l->closed_user);
}

/* IPv4 first, as hiredis does: "localhost" is often both, and Redis listens on 127.0.0.1. */
static const struct addrinfo *choose(const struct addrinfo *found)
{
    for (const struct addrinfo *a = found; a != NULL; a = a->ai_next) {
        if (a->ai_family == AF_INET)
            return a;
    }
    return found;
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct redis_link *l = lookup->data;
    char ip[INET6_ADDRSTRLEN];
    if (!l->is_closing) {
        if (status == 0 && uv_ip_name(choose(found)->ai_addr, ip, sizeof ip) == 0)
            go_on_with(l, redisAsyncConnect(ip, l->options.address.port));
        else
            connect_later(l);
    }
    uv_freeaddrinfo(found);
    let_go(l);
}

/* hiredis would look a name up on the loop, which a name server that is away holds for seconds. */
static void look_up(struct redis_link *l)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    l->lookup.data = l;
    if (uv_getaddrinfo(l->loop, &l->lookup, on_looked_up, l->options.address.host, NULL, &hints) ==
        0)
        l->open_handles++;
    else
        connect_later(l);
}

static void make_connection(struct redis_link *l)
{
    if (l->options.address.is_unix)
        go_on_with(l, redisAsyncConnectUnix(l->options.address.host));
    else
        look_up(l);
}

/* No reply for long though some are due: first nothing more is sent, then the
 * connection is lost. */
static void look_for_stall(struct redis_link *l)
{
    int64_t now_ms = (int64_t)uv_now(l->loop);
    if (l->stats.inflight == 0)
        l->waiting_since_ms = now_ms;
    int64_t waited_ms = now_ms - l->waiting_since_ms;
    l->is_stalled = waited_ms > REDIS_STALL_MS;
    tell_served(l);
    if (waited_ms > REDIS_GIVE_UP_MS)
        drop(l);
    else
        start_timer(l, STALL_LOOK_MS);
}

static void on_timer(uv_timer_t *timer)
{
    struct redis_link *l = timer->data;
    if (l->context == NULL)
        make_connection(l);
    else if (l->is_up)
        look_for_stall(l);
    else /* neither connected nor refused in time */
        drop(l);
}

static void start_timer(struct redis_link *l, int64_t ms)
{
    if (!l->is_closing)
        CHECK(uv_timer_start(&l->timer, on_timer, (uint64_t)ms, 0) == 0);
}

/* ---- public ---- */

void redis_link_open(struct redis_link *l)
{
    CHECK(uv_prepare_init(l->loop, &l->flush) == 0 && uv_timer_init(l->loop, &l->timer) == 0);
    l->flush.data = l->timer.data = l;
    l->open_handles = 2;
    l->retry_ms = REDIS_RETRY_MIN_MS;
    l->replies = arena_new(REPLY_BYTES_MAX);
    CHECK(uv_prepare_start(&l->flush, on_flush) == 0);
    make_connection(l);
}

static void on_handle_closed(uv_handle_t *handle)
{
    let_go(handle->data);
}

void redis_link_close(struct redis_link *l)
{
    l->is_closing = true;
    if (l->context != NULL)
        drop(l);
    uv_cancel((uv_req_t *)&l->lookup); /* if there is one that has not begun */
    uv_close((uv_handle_t *)&l->flush, on_handle_closed);
    uv_close((uv_handle_t *)&l->timer, on_handle_closed);
}
