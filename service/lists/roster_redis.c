#include "service/lists/roster_redis.h"

#include "service/base/check.h"
#include "service/base/decode.h"
#include "service/base/hash.h"
#include "service/state/redis_sync.h"

#include <stdio.h>
#include <stdlib.h>

enum { WAIT_MS = 250, SCAN_COUNT = 1000 };

struct roster_redis {
    struct redis_sync *sync;
    char prefix[128];
    char rest[LIST_LINE_MAX]; /* of a line that is written */
};

/*
 * KEYS n log names hash epoch; ARGV mode epoch name value rest. The number comes first, so that a
 * line can begin with it. %.0f: Lua writes 1e+15 otherwise.
 */
static const char keep_script[] =
    "if ARGV[1]=='restore' and redis.call('HEXISTS',KEYS[4],ARGV[4])==1 then return 0 end "
    "redis.call('SET',KEYS[5],ARGV[2],'NX') "
    "local n=redis.call('INCR',KEYS[1]) "
    "local line=string.format('{\"n\":%.0f,',n)..ARGV[5] "
    "redis.call('XADD',KEYS[2],'MAXLEN','~',100000,string.format('%.0f-0',n),'j',line) "
    "redis.call('SADD',KEYS[3],ARGV[3]) "
    "if ARGV[1]=='forget' then redis.call('HDEL',KEYS[4],ARGV[4]) "
    "else redis.call('HSET',KEYS[4],ARGV[4],line) end "
    "return n";

static const char expire_script[] = "if redis.call('HGET',KEYS[1],ARGV[1])==ARGV[2] then "
                                    "return redis.call('HDEL',KEYS[1],ARGV[1]) end return 0";

struct roster_redis *roster_redis_new(const struct redis_address *address, const char *prefix)
{
    struct roster_redis *rr = calloc(1, sizeof *rr);
    CHECK(rr != NULL);
    CHECK(strlen(prefix) < sizeof rr->prefix);
    memcpy(rr->prefix, prefix, strlen(prefix) + 1);
    rr->sync = redis_sync_new(address, REDIS_SYNC_TIMEOUT_MS);
    return rr;
}

void roster_redis_free(struct roster_redis *rr)
{
    if (rr == NULL)
        return;
    redis_sync_free(rr->sync);
    free(rr);
}

/* ---- writing -------------------------------------------------------------------------------- */

static struct span value_of(const struct list_line *line, char buf[LIST_KEY_MAX])
{
    struct text value;
    text_init(&value, buf, LIST_KEY_MAX);
    list_key_write(line->type, line->change.key, &value);
    return text_span(&value);
}

static enum status run_keep(struct roster_redis *rr, const char *mode, const struct list_line *line,
                            redisReply **ret_reply)
{
    char value_bytes[LIST_KEY_MAX], epoch[HASH_ID_DIGITS + 1];
    struct span value = value_of(line, value_bytes);
    struct text rest;
    uint64_t random[2] = {hash_random_u64(), hash_random_u64()};
    snprintf(epoch, sizeof epoch, "%016llx%016llx", (unsigned long long)random[0],
             (unsigned long long)random[1]);
    text_init(&rest, rr->rest, sizeof rr->rest);
    list_line_write_rest(line, &rest);
    CHECK(!rest.overflow);
    const char *p = rr->prefix;
    char name[LIST_NAME_MAX + 1];
    snprintf(name, sizeof name, "%.*s", SPAN_ARG(line->list));
    return redis_sync_command(rr->sync, ret_reply,
                              "EVAL %s 5 %slists:n %slists:log %slists:names %slist:%s "
                              "%slists:epoch %s %s %s %b %b",
                              keep_script, p, p, p, p, name, p, mode, epoch, name, value.base,
                              value.len, rest.base, rest.len);
}

enum status roster_redis_keep(struct roster_redis *rr, const struct list_line *line,
                              uint64_t *ret_n)
{
    redisReply *reply;
    if (run_keep(rr, line->forget ? "forget" : "keep", line, &reply) != ST_OK)
        return ST_UNAVAILABLE;
    bool is_number = reply->type == REDIS_REPLY_INTEGER && reply->integer > 0;
    if (is_number)
        *ret_n = (uint64_t)reply->integer;
    freeReplyObject(reply);
    return is_number ? ST_OK : ST_UNAVAILABLE;
}

enum status roster_redis_restore(struct roster_redis *rr, const struct list_line *line)
{
    redisReply *reply;
    enum status st = run_keep(rr, "restore", line, &reply);
    if (st != ST_OK)
        return ST_UNAVAILABLE;
    freeReplyObject(reply);
    return ST_OK;
}

enum status roster_redis_expire(struct roster_redis *rr, const struct list_line *line)
{
    char value_bytes[LIST_KEY_MAX], name[LIST_NAME_MAX + 1];
    struct span value = value_of(line, value_bytes);
    struct text whole;
    text_init(&whole, rr->rest, sizeof rr->rest);
    list_line_write(line, &whole);
    snprintf(name, sizeof name, "%.*s", SPAN_ARG(line->list));
    return redis_sync_do(rr->sync, "EVAL %s 1 %slist:%s %b %b", expire_script, rr->prefix, name,
                         value.base, value.len, whole.base, whole.len);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void show(const redisReply *text, roster_visit *visit, void *user, uint64_t *n_wrong)
{
    struct list_line line;
    void *owner;
    if (text->type != REDIS_REPLY_STRING ||
        list_line_read(span_of(text->str, text->len), &line, &owner) != ST_OK) {
        ++*n_wrong;
        return;
    }
    visit(user, &line);
    list_line_free(owner);
}

/* "12-0" */
static uint64_t number_of(const redisReply *id)
{
    uint64_t n = 0;
    const char *dash = id->type == REDIS_REPLY_STRING ? memchr(id->str, '-', id->len) : NULL;
    if (dash == NULL || !decode_u64(span_of(id->str, (size_t)(dash - id->str)), 10, &n))
        return 0;
    return n;
}

/* [id, ["j", line]] each, of which the first must be the one behind cursor->n. */
static enum roster_read read_entries(const redisReply *entries, struct roster_cursor *cursor,
                                     roster_visit *visit, void *user, uint64_t *n_wrong)
{
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];
        if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
            number_of(entry->element[0]) != cursor->n + 1)
            return ROSTER_READ_BEHIND;
        cursor->n++;
        const redisReply *fields = entry->element[1];
        if (fields->type == REDIS_REPLY_ARRAY && fields->elements == 2)
            show(fields->element[1], visit, user, n_wrong);
        else
            ++*n_wrong;
    }
    return ROSTER_READ_ON;
}

/* What n and epoch are now. */
static enum roster_read read_place(struct roster_redis *rr, struct roster_cursor *ret)
{
    redisReply *reply;
    const char *p = rr->prefix;
    struct roster_cursor now = {.n = 0};
    if (redis_sync_command(rr->sync, &reply, "MGET %slists:n %slists:epoch", p, p) != ST_OK)
        return ROSTER_READ_AWAY;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) {
        const redisReply *n = reply->element[0], *epoch = reply->element[1];
        if (n->type == REDIS_REPLY_STRING)
            (void)!decode_u64(span_of(n->str, n->len), 10, &now.n);
        if (epoch->type == REDIS_REPLY_STRING)
            snprintf(now.epoch, sizeof now.epoch, "%s", epoch->str);
    }
    freeReplyObject(reply);
    *ret = now;
    return ROSTER_READ_ON;
}

enum roster_read roster_redis_read(struct roster_redis *rr, struct roster_cursor *cursor,
                                   roster_visit *visit, void *user, uint64_t *n_wrong)
{
    struct roster_cursor now = {.n = 0};
    redisReply *reply;
    enum roster_read done = ROSTER_READ_ON;
    if (redis_sync_command(rr->sync, &reply, "XREAD COUNT %d BLOCK %d STREAMS %slists:log %llu-0",
                           ROSTER_READ_MAX, WAIT_MS, rr->prefix,
                           (unsigned long long)cursor->n) != ST_OK)
        return ROSTER_READ_AWAY;
    bool has_some = reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
                    reply->element[0]->type == REDIS_REPLY_ARRAY &&
                    reply->element[0]->elements == 2;
    /* Another Redis may have gone as far: its epoch is looked at before what it says is taken. */
    if (read_place(rr, &now) == ROSTER_READ_AWAY)
        done = ROSTER_READ_AWAY;
    else if (strcmp(now.epoch, cursor->epoch) != 0)
        done = cursor->epoch[0] != '\0' ? ROSTER_READ_EMPTY : ROSTER_READ_BEHIND;
    else if (has_some)
        done = read_entries(reply->element[0]->element[1], cursor, visit, user, n_wrong);
    else if (now.n < cursor->n || (now.n > cursor->n && cursor->is_ahead))
        done = ROSTER_READ_BEHIND;
    cursor->is_ahead = !has_some && now.n > cursor->n;
    freeReplyObject(reply);
    return done;
}

/* One step of HSCAN; *cursor is "0" at the end. */
static enum status scan_step(struct roster_redis *rr, const char *name, char cursor[24],
                             roster_visit *visit, void *user, uint64_t *n_wrong)
{
    redisReply *reply;
    if (redis_sync_command(rr->sync, &reply, "HSCAN %slist:%s %s COUNT %d", rr->prefix, name,
                           cursor, SCAN_COUNT) != ST_OK)
        return ST_UNAVAILABLE;
    snprintf(cursor, 24, "0");
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        reply->element[0]->type == REDIS_REPLY_STRING &&
        reply->element[1]->type == REDIS_REPLY_ARRAY) {
        snprintf(cursor, 24, "%s", reply->element[0]->str);
        for (size_t i = 1; i < reply->element[1]->elements; i += 2)
            show(reply->element[1]->element[i], visit, user, n_wrong);
    }
    freeReplyObject(reply);
    return ST_OK;
}

static enum status scan(struct roster_redis *rr, const char *name, roster_visit *visit, void *user,
                        uint64_t *n_wrong)
{
    char cursor[24] = "0";
    enum status st;
    do {
        st = scan_step(rr, name, cursor, visit, user, n_wrong);
    } while (st == ST_OK && strcmp(cursor, "0") != 0);
    return st;
}

enum status roster_redis_read_all(struct roster_redis *rr, struct roster_cursor *ret_cursor,
                                  roster_visit *visit, void *user, uint64_t *n_wrong)
{
    struct roster_cursor place; /* taken first: what comes meanwhile is read again */
    redisReply *names;
    enum status st = ST_OK;
    if (read_place(rr, &place) == ROSTER_READ_AWAY ||
        redis_sync_command(rr->sync, &names, "SMEMBERS %slists:names", rr->prefix) != ST_OK)
        return ST_UNAVAILABLE;
    for (size_t i = 0; names->type == REDIS_REPLY_ARRAY && i < names->elements && st == ST_OK; i++)
        if (names->element[i]->type == REDIS_REPLY_STRING)
            st = scan(rr, names->element[i]->str, visit, user, n_wrong);
    freeReplyObject(names);
    if (st == ST_OK)
        *ret_cursor = place;
    return st;
}
