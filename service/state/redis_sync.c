#include "service/state/redis_sync.h"

#include "service/base/check.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct redis_sync {
    struct redis_address address;
    struct timeval timeout;
    redisContext *context; /* NULL: not connected */
    char why[REDIS_SYNC_WHY_BYTES];
};

struct redis_sync *redis_sync_new(const struct redis_address *address, int timeout_ms)
{
    struct redis_sync *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    s->address = *address;
    s->timeout = (struct timeval){timeout_ms / 1000, timeout_ms % 1000 * 1000};
    return s;
}

static void disconnect(struct redis_sync *s)
{
    if (s->context != NULL)
        redisFree(s->context);
    s->context = NULL;
}

void redis_sync_free(struct redis_sync *s)
{
    if (s == NULL)
        return;
    disconnect(s);
    sodium_memzero(&s->address, sizeof s->address);
    free(s);
}

const char *redis_sync_why(const struct redis_sync *s)
{
    return s->why;
}

static enum status fail(struct redis_sync *s, enum status st, const char *what, const char *why)
{
    snprintf(s->why, sizeof s->why, "%s%s%s", what, what[0] != '\0' ? ": " : "", why);
    return st;
}

/* The first error among `reply` and, of an EXEC, the commands in it; NULL: none. */
static const redisReply *error_in(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR)
        return reply;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        if (reply->element[i]->type == REDIS_REPLY_ERROR)
            return reply->element[i];
    return NULL;
}

/* Takes the reply of a command. Without one the connection is in an unknown place: it ends. */
static enum status judge(struct redis_sync *s, redisReply *reply, const char *what,
                         redisReply **ret_reply)
{
    if (reply == NULL) {
        enum status st = fail(s, ST_UNAVAILABLE, what, s->context->errstr);
        disconnect(s);
        return st;
    }
    const redisReply *error = error_in(reply);
    if (error != NULL) {
        enum status st = fail(s, ST_INVALID, what, error->str);
        freeReplyObject(reply);
        return st;
    }
    *ret_reply = reply;
    return ST_OK;
}

static enum status expect_ok(struct redis_sync *s, redisReply *reply, const char *what)
{
    redisReply *kept;
    enum status st = judge(s, reply, what, &kept);
    if (st == ST_OK)
        freeReplyObject(kept);
    return st;
}

static enum status authenticate(struct redis_sync *s)
{
    const struct redis_address *a = &s->address;
    if (a->password[0] == '\0')
        return ST_OK;
    redisReply *reply = a->user[0] != '\0'
                            ? redisCommand(s->context, "AUTH %s %s", a->user, a->password)
                            : redisCommand(s->context, "AUTH %s", a->password);
    return expect_ok(s, reply, "cannot authenticate");
}

static enum status select_database(struct redis_sync *s)
{
    if (s->address.db == 0)
        return ST_OK;
    return expect_ok(s, redisCommand(s->context, "SELECT %d", s->address.db),
                     "cannot select the database");
}

static enum status reach(struct redis_sync *s)
{
    const struct redis_address *a = &s->address;
    s->context = a->is_unix ? redisConnectUnixWithTimeout(a->host, s->timeout)
                            : redisConnectWithTimeout(a->host, a->port, s->timeout);
    if (s->context == NULL)
        return fail(s, ST_UNAVAILABLE, "cannot connect", "out of memory");
    if (s->context->err != 0)
        return fail(s, ST_UNAVAILABLE, "cannot connect", s->context->errstr);
    redisSetTimeout(s->context, s->timeout);
    return ST_OK;
}

static enum status connect_if_needed(struct redis_sync *s)
{
    if (s->context != NULL)
        return ST_OK;
    enum status st = reach(s);
    if (st == ST_OK)
        st = authenticate(s);
    if (st == ST_OK)
        st = select_database(s);
    if (st != ST_OK)
        disconnect(s);
    return st == ST_OK ? ST_OK : ST_UNAVAILABLE; /* also with a wrong password */
}

static enum status run(struct redis_sync *s, redisReply **ret_reply, const char *format,
                       va_list args)
{
    enum status st = connect_if_needed(s);
    if (st != ST_OK)
        return st;
    return judge(s, redisvCommand(s->context, format, args), "", ret_reply);
}

enum status redis_sync_command(struct redis_sync *s, redisReply **ret_reply, const char *format,
                               ...)
{
    va_list args;
    va_start(args, format);
    enum status st = run(s, ret_reply, format, args);
    va_end(args);
    return st;
}

enum status redis_sync_do(struct redis_sync *s, const char *format, ...)
{
    redisReply *reply;
    va_list args;
    va_start(args, format);
    enum status st = run(s, &reply, format, args);
    va_end(args);
    if (st == ST_OK)
        freeReplyObject(reply);
    return st;
}
