/* state_redis_probe: the blocking look at a server, at start; declared in state_redis.h. */
#include "service/state/redis_link.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

static enum status cannot(char *ret_why, const char *what, const char *why)
{
    snprintf(ret_why, REDIS_WHY_BYTES, "%s: %s", what, why);
    return ST_UNAVAILABLE;
}

static redisContext *connect_to(const struct state_redis_options *o)
{
    struct timeval wait = {o->connect_timeout_ms / 1000, o->connect_timeout_ms % 1000 * 1000};
    redisContext *c = o->address.is_unix
                          ? redisConnectUnixWithTimeout(o->address.host, wait)
                          : redisConnectWithTimeout(o->address.host, o->address.port, wait);
    if (c != NULL && c->err == 0)
        redisSetTimeout(c, wait);
    return c;
}

/* NULL after an error, which ret_why then tells. */
static redisReply *checked(redisContext *c, void *reply, const char *what, char *ret_why)
{
    redisReply *r = reply;
    if (r == NULL)
        cannot(ret_why, what, c->errstr);
    else if (r->type == REDIS_REPLY_ERROR)
        cannot(ret_why, what, r->str);
    else
        return r;
    freeReplyObject(r);
    return NULL;
}

static enum status enter(redisContext *c, const struct redis_address *a, char *ret_why)
{
    redisReply *r = NULL;
    if (a->password[0] != '\0') {
        void *reply = a->user[0] != '\0' ? redisCommand(c, "AUTH %s %s", a->user, a->password)
                                         : redisCommand(c, "AUTH %s", a->password);
        r = checked(c, reply, "cannot authenticate", ret_why);
        if (r == NULL)
            return ST_UNAVAILABLE;
        freeReplyObject(r);
    }
    if (a->db != 0) {
        r = checked(c, redisCommand(c, "SELECT %d", a->db), "cannot select the database", ret_why);
        if (r == NULL)
            return ST_UNAVAILABLE;
        freeReplyObject(r);
    }
    return ST_OK;
}

static enum status look_at_server(redisContext *c, char *ret_why)
{
    redisReply *r = checked(c, redisCommand(c, "INFO"), "cannot ask for INFO", ret_why);
    if (r == NULL)
        return ST_UNAVAILABLE;
    const char *why = redis_info_refuses(span_of(r->str, r->len));
    freeReplyObject(r);
    if (why == NULL)
        return ST_OK;
    snprintf(ret_why, REDIS_WHY_BYTES, "%s", why);
    return ST_UNSUPPORTED;
}

/* The first instance's key, or that of the first to meet a server that was emptied: what its
 * journal holds was hashed with it. Everybody else finds it. */
static enum status share_key(redisContext *c, const char *prefix, struct hash_key *shared,
                             char *ret_why)
{
    struct hash_key key = *shared;
    void *reply = redisCommand(c, "SET %shash-key %b NX GET", prefix, key.bytes, sizeof key.bytes);
    redisReply *r = checked(c, reply, "cannot read the hash key", ret_why);
    if (r == NULL)
        return ST_UNAVAILABLE;
    bool stood = r->type == REDIS_REPLY_STRING;
    enum status st = stood && r->len != sizeof key.bytes ? ST_UNSUPPORTED : ST_OK;
    if (st != ST_OK)
        snprintf(ret_why, REDIS_WHY_BYTES, "%shash-key is not 16 bytes: another program's?",
                 prefix);
    else if (stood)
        memcpy(key.bytes, r->str, sizeof key.bytes);
    freeReplyObject(r);
    if (st == ST_OK)
        *shared = key;
    return st;
}

enum status state_redis_probe(const struct state_redis_options *o, struct hash_key *key,
                              char *ret_why)
{
    redisContext *c = connect_to(o);
    if (c == NULL)
        return cannot(ret_why, "cannot connect", "out of memory");
    enum status st = c->err == 0 ? ST_OK : cannot(ret_why, "cannot connect", c->errstr);
    if (st == ST_OK)
        st = enter(c, &o->address, ret_why);
    if (st == ST_OK)
        st = look_at_server(c, ret_why);
    if (st == ST_OK)
        st = share_key(c, o->prefix, key, ret_why);
    redisFree(c);
    return st;
}
