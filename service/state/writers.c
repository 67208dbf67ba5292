#include "service/state/writers.h"

#include "service/base/span.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* KEYS: writers, coverage. ARGV: the instance, what it says behind the time, most writers. */
static const char say_script[] =
    "local time = redis.call('TIME')\n"
    "local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
    "if redis.call('HEXISTS', KEYS[1], 'since') == 0 then\n"
    "  local since = redis.call('EXISTS', KEYS[2]) == 1 and now or 0\n"
    "  redis.call('HSET', KEYS[1], 'since', string.format('%.0f', since))\n"
    "end\n"
    "redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %s', now, ARGV[2]))\n"
    "if redis.call('HLEN', KEYS[1]) <= tonumber(ARGV[3]) + 1 then return 1 end\n"
    "local all, gone, seen = redis.call('HGETALL', KEYS[1])\n"
    "for i = 1, #all, 2 do\n"
    "  local ms = all[i] ~= 'since' and tonumber(string.match(all[i + 1], '^%d+'))\n"
    "  if ms and (not seen or ms < seen) then gone, seen = all[i], ms end\n"
    "end\n"
    "if not gone then return 1 end\n"
    "redis.call('HDEL', KEYS[1], gone)\n"
    "if seen > tonumber(redis.call('HGET', KEYS[1], 'since')) then\n"
    "  redis.call('HSET', KEYS[1], 'since', string.format('%.0f', seen))\n"
    "end\n"
    "return 1\n";

/* KEYS: the session. ARGV: what must stand there, how long it lives on (ms; 0: no more). */
static const char session_script[] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
                                     "redis.call('PEXPIRE', KEYS[1], ARGV[2])\n"
                                     "return 1\n";

enum status writers_say(const struct writers_of *of, const struct writer *w)
{
    char from[24] = "-", said[64];
    if (w->from_ms != WRITER_NO_JOURNAL)
        snprintf(from, sizeof from, "%" PRId64, w->from_ms);
    snprintf(said, sizeof said, "%016" PRIx64 " %s", w->ruleset, from);
    return redis_sync_do(of->redis, "EVAL %s 2 %swriters %scoverage %s %s %d", say_script,
                         of->prefix, of->prefix, w->instance, said, (int)WRITERS_MAX);
}

/* ---- the list ---- */

/* What does not read as said is a writer of which nothing is known but that it is there. */
static void take_writer(const char *instance, const char *said, int64_t now_ms, struct writers *w)
{
    struct writer one = {.seen_ms = now_ms, .from_ms = WRITER_NO_JOURNAL};
    char from[24] = "-";
    int n = sscanf(said, "%" SCNd64 " %" SCNx64 " %23s", &one.seen_ms, &one.ruleset, from);
    if (n == 3 && strcmp(from, "-") != 0)
        one.from_ms = strtoll(from, NULL, 10);
    snprintf(one.instance, sizeof one.instance, "%s", instance);
    if (w->n < WRITERS_MAX)
        w->all[w->n++] = one;
}

static enum status take_list(const redisReply *time, const redisReply *all, struct writers *w)
{
    if (time->type != REDIS_REPLY_ARRAY || time->elements != 2 || all->type != REDIS_REPLY_ARRAY)
        return ST_INVALID;
    w->now_ms = strtoll(time->element[0]->str, NULL, 10) * 1000 +
                strtoll(time->element[1]->str, NULL, 10) / 1000;
    w->since_ms = w->now_ms;
    w->n = 0;
    for (size_t i = 0; i + 1 < all->elements; i += 2) {
        const char *name = all->element[i]->str, *said = all->element[i + 1]->str;
        if (strcmp(name, "since") == 0)
            w->since_ms = strtoll(said, NULL, 10);
        else
            take_writer(name, said, w->now_ms, w);
    }
    return ST_OK;
}

enum status writers_list(const struct writers_of *of, struct writers *ret_writers)
{
    redisReply *time, *all;
    enum status st = redis_sync_command(of->redis, &time, "TIME");
    if (st != ST_OK)
        return st;
    st = redis_sync_command(of->redis, &all, "HGETALL %swriters", of->prefix);
    if (st == ST_OK) {
        st = take_list(time, all, ret_writers);
        freeReplyObject(all);
    }
    freeReplyObject(time);
    return st;
}

/* ---- the session ---- */

enum status writers_begin(const struct writers_of *of, const char *session)
{
    redisReply *r;
    enum status st = redis_sync_command(of->redis, &r, "SET %sfill %s NX PX %d", of->prefix,
                                        session, (int)SESSION_LIVE_MS);
    if (st != ST_OK)
        return st;
    st = r->type == REDIS_REPLY_NIL ? ST_CONFLICT : ST_OK;
    freeReplyObject(r);
    return st;
}

static enum status live_on(const struct writers_of *of, const char *session, int ms)
{
    redisReply *r;
    enum status st = redis_sync_command(of->redis, &r, "EVAL %s 1 %sfill %s %d", session_script,
                                        of->prefix, session, ms);
    if (st != ST_OK)
        return st;
    st = r->type == REDIS_REPLY_INTEGER && r->integer == 1 ? ST_OK : ST_CONFLICT;
    freeReplyObject(r);
    return st;
}

enum status writers_go_on(const struct writers_of *of, const char *session)
{
    return live_on(of, session, SESSION_LIVE_MS);
}

/* What cannot be told expires. */
void writers_end(const struct writers_of *of, const char *session)
{
    (void)live_on(of, session, 0);
}

enum status writers_session(const struct writers_of *of, char ret_session[SESSION_BYTES])
{
    redisReply *r;
    enum status st = redis_sync_command(of->redis, &r, "GET %sfill", of->prefix);
    if (st != ST_OK)
        return st;
    snprintf(ret_session, SESSION_BYTES, "%s", r->type == REDIS_REPLY_STRING ? r->str : "");
    freeReplyObject(r);
    return ST_OK;
}
