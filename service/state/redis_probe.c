/* state_redis_probe: the blocking look at a server, at start; declared in state_redis.h. */
#include "service/state/redis_link.h"

#include "service/state/redis_sync.h"

#include <stdio.h>

static enum status cannot(char *ret_why, const char *what, const char *why)
{
    snprintf(ret_why, REDIS_WHY_BYTES, "%s: %s", what, why);
    return ST_UNAVAILABLE;
}

static enum status look_at_server(struct redis_sync *s, char *ret_why)
{
    redisReply *r;
    enum status st = redis_sync_command(s, &r, "INFO");
    if (st == ST_INVALID)
        return cannot(ret_why, "cannot ask for INFO", redis_sync_why(s));
    if (st != ST_OK) {
        snprintf(ret_why, REDIS_WHY_BYTES, "%s", redis_sync_why(s));
        return st;
    }
    const char *why = redis_info_refuses(span_of(r->str, r->len));
    freeReplyObject(r);
    if (why == NULL)
        return ST_OK;
    snprintf(ret_why, REDIS_WHY_BYTES, "%s", why);
    return ST_UNSUPPORTED;
}

/* The first instance's key, or that of the first to meet a server that was emptied: what its
 * journal holds was hashed with it. Everybody else finds it. */
static enum status share_key(struct redis_sync *s, const char *prefix, struct hash_key *shared,
                             char *ret_why)
{
    struct hash_key key = *shared;
    redisReply *r;
    if (redis_sync_command(s, &r, "SET %shash-key %b NX GET", prefix, key.bytes,
                           sizeof key.bytes) != ST_OK)
        return cannot(ret_why, "cannot read the hash key", redis_sync_why(s));
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
    struct redis_sync *s = redis_sync_new(&o->address, o->connect_timeout_ms);
    enum status st = look_at_server(s, ret_why);
    if (st == ST_OK)
        st = share_key(s, o->prefix, key, ret_why);
    redis_sync_free(s);
    return st;
}
