#include "service/release/published.h"

#include "rules/cel_utf8.h"
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIELDS = 4 }; /* id seq who judged */

/* EXEC, if all before it were taken. */
static enum status finish_multi(const struct published *p, enum status st)
{
    if (st == ST_OK)
        return redis_sync_do(p->redis, "EXEC");
    if (st == ST_INVALID && redis_sync_do(p->redis, "DISCARD") != ST_OK)
        return ST_UNAVAILABLE;
    return st;
}

enum status published_put(const struct published *p, const struct published_note *note,
                          struct span bundle)
{
    enum status st = redis_sync_do(p->redis, "MULTI");
    if (st != ST_OK)
        return st;
    st = redis_sync_do(
        p->redis, "HSET %sruleset id %s who %s judged %d at_ms %" PRId64 " bundle %b", p->prefix,
        note->id, note->who, note->judged, clock_wall_ms(), bundle.base, bundle.len);
    if (st == ST_OK)
        st = redis_sync_do(p->redis, "HINCRBY %sruleset seq 1", p->prefix);
    return finish_multi(p, st);
}

static struct span text_of(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING ? span_of(r->str, r->len) : span_of(NULL, 0);
}

/* Whoever may write to Redis wrote it, and it goes into JSON and onto terminals: what is no text
 * for those becomes '?'. */
static void clean(char *who)
{
    bool is_text = cel_utf8_is_valid(span_str(who));
    for (char *c = who; *c != '\0'; c++)
        if ((*c & 0x80) != 0 ? !is_text : *c < 0x20 || *c == 0x7F)
            *c = '?';
}

/* The reply of HMGET id seq who judged ... ST_CORRUPT: a field is missing, or is none of ours. */
static enum status read_note(const redisReply *r, struct published_note *ret_note)
{
    struct published_note note = {.judged = false};
    struct span id = text_of(r->element[0]), who = text_of(r->element[2]);
    if (r->element[0]->type == REDIS_REPLY_NIL && r->element[1]->type == REDIS_REPLY_NIL)
        return ST_NOT_FOUND;
    snprintf(note.id, sizeof note.id, "%.*s", SPAN_ARG(id));
    snprintf(note.who, sizeof note.who, "%.*s", SPAN_ARG(who));
    clean(note.who);
    note.judged = span_is(text_of(r->element[3]), "1");
    if (!version_is_id(note.id) || id.len != strlen(note.id) ||
        !decode_u64(text_of(r->element[1]), 10, &note.seq))
        return ST_CORRUPT;
    *ret_note = note;
    return ST_OK;
}

static bool has_fields(const redisReply *r, size_t n)
{
    return r->type == REDIS_REPLY_ARRAY && r->elements == n;
}

enum status published_look(const struct published *p, struct published_note *ret_note)
{
    redisReply *r;
    enum status st =
        redis_sync_command(p->redis, &r, "HMGET %sruleset id seq who judged", p->prefix);
    if (st != ST_OK)
        return st;
    st = has_fields(r, FIELDS) ? read_note(r, ret_note) : ST_CORRUPT;
    freeReplyObject(r);
    return st;
}

enum status published_take(const struct published *p, struct published_note *ret_note,
                           char **ret_bundle, size_t *ret_len)
{
    struct published_note note;
    redisReply *r;
    enum status st =
        redis_sync_command(p->redis, &r, "HMGET %sruleset id seq who judged bundle", p->prefix);
    if (st != ST_OK)
        return st;
    st = has_fields(r, FIELDS + 1) ? read_note(r, &note) : ST_CORRUPT;
    if (st == ST_OK && r->element[FIELDS]->type != REDIS_REPLY_STRING)
        st = ST_CORRUPT;
    if (st == ST_OK) {
        struct span bundle = text_of(r->element[FIELDS]);
        *ret_bundle = malloc(bundle.len + 1);
        CHECK(*ret_bundle != NULL);
        memcpy(*ret_bundle, bundle.base, bundle.len);
        *ret_len = bundle.len;
        *ret_note = note;
    }
    freeReplyObject(r);
    return st;
}

/* ---- nodes ---- */

enum status published_say(const struct published *p, const char *id, struct span json)
{
    enum status st = redis_sync_do(p->redis, "SET %snode:%s %b EX %d", p->prefix, id, json.base,
                                   json.len, NODE_LIVE_S);
    if (st == ST_OK)
        st = redis_sync_do(p->redis, "SADD %snodes %s", p->prefix, id);
    return st;
}

enum status published_leave(const struct published *p, const char *id)
{
    enum status st = redis_sync_do(p->redis, "DEL %snode:%s", p->prefix, id);
    if (st == ST_OK)
        st = redis_sync_do(p->redis, "SREM %snodes %s", p->prefix, id);
    return st;
}

/* What one says goes into the list; one that says nothing any more leaves the set. */
static enum status add_node(const struct published *p, const redisReply *id, FILE *to, int *n)
{
    redisReply *said;
    enum status st =
        redis_sync_command(p->redis, &said, "GET %snode:%b", p->prefix, id->str, (size_t)id->len);
    if (st != ST_OK)
        return st;
    struct span json = text_of(said);
    if (json.base == NULL)
        st = redis_sync_do(p->redis, "SREM %snodes %b", p->prefix, id->str, (size_t)id->len);
    else
        fprintf(to, "%s%.*s", (*n)++ > 0 ? "," : "", SPAN_ARG(json));
    freeReplyObject(said);
    return st;
}

enum status published_nodes(const struct published *p, char **ret_json)
{
    redisReply *ids;
    size_t len;
    char *json = NULL;
    int n = 0;
    enum status st = redis_sync_command(p->redis, &ids, "SMEMBERS %snodes", p->prefix);
    if (st != ST_OK)
        return st;
    FILE *to = open_memstream(&json, &len);
    CHECK(to != NULL);
    fputc('[', to);
    for (size_t i = 0; ids->type == REDIS_REPLY_ARRAY && i < ids->elements && i < NODES_MAX; i++)
        if (st == ST_OK && ids->element[i]->type == REDIS_REPLY_STRING)
            st = add_node(p, ids->element[i], to, &n);
    fputc(']', to);
    CHECK(fclose(to) == 0);
    freeReplyObject(ids);
    if (st == ST_OK)
        *ret_json = json;
    else
        free(json);
    return st;
}
