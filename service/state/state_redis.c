#include "service/state/state_redis.h"

#include "service/base/check.h"
#include "service/base/text.h"
#include "service/state/claim.h"
#include "service/state/redis_link.h"
#include "service/state/redis_scripts.h"
#include "service/state/redis_wire.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* 2^64 over the golden ratio (Knuth, TAOCP 3, 6.4): what it multiplies is spread over all bits. */
#define HASH_SPREAD UINT64_C(0x9E3779B97F4A7C15)

enum {
    /* Keys whose expiry was set lately: half a million, in 8 MB when all are in use. With fewer
     * places than keys the expiry is set again and again. */
    REFRESHED_SETS = 1 << 17,
    REFRESHED_WAYS = 4,
    BEACON_EVERY_MS = 10,
    REFRESH_SHARE = 12,     /* again after a twelfth of 1.2 horizons: a tenth of the horizon */
    CLAIM_KEY_MAX = 2 + 16, /* "x:" and 16 hex; "v:" likewise */
};

/* When a key's expiry was last set by this connection. */
struct refreshed {
    uint32_t tag; /* the other half of the key's hash */
    int64_t at_ms;
};

struct refreshed_set {
    struct refreshed ways[REFRESHED_WAYS];
};

struct state_redis {
    struct state base;
    struct redis_link link;
    struct redis_wire wire;
    struct span prefix;
    int64_t beacon_ms;               /* of the loop's clock: when it was last sent */
    struct refreshed_set *refreshed; /* [REFRESHED_SETS], by the key's hash */
};

static struct state_redis *self_of(const struct state *s)
{
    return (struct state_redis *)(uintptr_t)s;
}

/* ---- commands ---- */

static struct span claim_key(uint64_t txn_hash, char out[CLAIM_KEY_MAX])
{
    struct text t;
    text_init(&t, out, CLAIM_KEY_MAX);
    text_str(&t, "x:");
    text_hex(&t, txn_hash, 16);
    return text_span(&t);
}

static void begin(struct state_redis *s, const char *name, int n_args)
{
    redis_wire_begin(&s->wire, n_args);
    redis_wire_text(&s->wire, name);
}

static void put_key(struct state_redis *s, struct span key)
{
    redis_wire_joined(&s->wire, s->prefix, key);
}

static void put_claim_key(struct state_redis *s, uint64_t txn_hash)
{
    char bytes[CLAIM_KEY_MAX];
    put_key(s, claim_key(txn_hash, bytes));
}

static void put_verdict_key(struct state_redis *s, uint64_t txn_hash)
{
    char bytes[CLAIM_KEY_MAX];
    struct span key = claim_key(txn_hash, bytes);
    bytes[0] = 'v';
    put_key(s, key);
}

static void put_hash(struct state_redis *s, uint64_t txn_hash)
{
    char bytes[CLAIM_KEY_MAX];
    struct span key = claim_key(txn_hash, bytes);
    redis_wire_arg(&s->wire, span_of(key.base + 2, key.len - 2));
}

static void issue(struct state_redis *s, redisCallbackFn *reply, void *user)
{
    redis_link_send(&s->link, redis_wire_command(&s->wire), reply, user);
}

/* At least a second: Redis refuses an expiry of 0. */
static int64_t seconds(int64_t ms)
{
    return ms > 1000 ? (ms + 999) / 1000 : 1;
}

/* ---- replies ---- */

static struct span bytes_of(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? span_of(reply->str, reply->len) : span_of(NULL, 0);
}

static bool is_value(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_NIL;
}

static bool has_error(const redisReply *array)
{
    for (size_t i = 0; i < array->elements; i++) {
        if (array->element[i]->type == REDIS_REPLY_ERROR)
            return true;
    }
    return false;
}

static enum state_claim claim_of(struct span value)
{
    if (value.len == 0)
        return STATE_CLAIM_NONE;
    if (claim_is_decided(value))
        return STATE_CLAIM_DECIDED;
    return claim_is_parked(value) ? STATE_CLAIM_PARKED : STATE_CLAIM_UNDECIDED;
}

static void found_one(struct state_op *op, struct span value)
{
    op->outcome = claim_of(value);
    op->n_found = value.len > 0;
    if (op->found != NULL)
        op->found[0] = value;
}

static void finish(struct state_redis *s, struct state_op *op, enum status st)
{
    s->link.stats.inflight--;
    op->done(op, st);
}

/*
 * A log that is new though its expiry was set lately has none: it was erased since, or the server
 * was emptied. Without one it would stay for ever.
 */
static void expire_new_logs(struct state_redis *s, const struct state_op *op)
{
    for (int i = 0; i < op->n_entities; i++) {
        const struct state_entity *e = &op->entities[i];
        if (e->record.len == 0 || e->refresh || e->log.len > e->record.len)
            continue;
        begin(s, "EXPIRE", 3);
        put_key(s, e->key);
        redis_wire_int(&s->wire, seconds(e->ttl_ms));
        issue(s, NULL, NULL);
    }
}

/* What stood before the beacon was set: it rides last of all, or alone. */
static const redisReply *beacon_before(const struct state_op *op, const redisReply *reply)
{
    return op->verb == STATE_OBSERVE ? reply->element[reply->elements - 1] : reply;
}

/* The reply of a verb, when it is no error. */
typedef enum status take_fn(struct state_op *op, const redisReply *reply);

static void answer(redisAsyncContext *ac, const redisReply *reply, struct state_op *op,
                   take_fn *take)
{
    struct redis_link *l = ac->data;
    struct state_redis *s = (struct state_redis *)((char *)l - offsetof(struct state_redis, link));
    if (reply == NULL) { /* the connection is lost */
        finish(s, op, ST_UNAVAILABLE);
        return;
    }
    redis_link_note(l, reply);
    enum status st = reply->type == REDIS_REPLY_ERROR ? ST_UNAVAILABLE : take(op, reply);
    if (st == ST_OK && op->verb == STATE_OBSERVE && redis_link_is_up(l))
        expire_new_logs(s, op);
    if (st == ST_OK && op->tells_beacon)
        redis_link_beacon(l, op->beacon, beacon_before(op, reply));
    if (st == ST_CORRUPT) {
        /* no reply to what was asked: the two are out of step */
        st = ST_UNAVAILABLE;
        if (redis_link_is_up(l))
            redisAsyncDisconnect(ac);
    }
    finish(s, op, st);
}

#define REPLY_CALLBACK(name)                                            \
    static void on_##name(redisAsyncContext *ac, void *reply, void *op) \
    {                                                                   \
        answer(ac, reply, op, take_##name);                             \
    }

static enum status take_nothing(struct state_op *op, const redisReply *reply)
{
    (void)op;
    (void)reply;
    return ST_OK;
}

static enum status take_found_one(struct state_op *op, const redisReply *reply)
{
    found_one(op, bytes_of(reply));
    return ST_OK;
}

static enum status take_fold(struct state_op *op, const redisReply *reply)
{
    (void)op;
    return reply->type == REDIS_REPLY_INTEGER && reply->integer == 1 ? ST_OK : ST_CONFLICT;
}

/* "1767614400000-0", an entry of a stream. */
static struct state_alert entry_of(const redisReply *reply)
{
    struct state_alert entry = {0};
    char *rest = NULL;
    if (reply->type != REDIS_REPLY_STRING || reply->len == 0)
        return entry;
    entry.ms = strtoull(reply->str, &rest, 10);
    entry.seq = *rest == '-' ? strtoull(rest + 1, NULL, 10) : 0;
    return entry;
}

/* MULTI of SET and XADD. */
static enum status take_settled(struct state_op *op, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return ST_CORRUPT;
    if (has_error(reply))
        return ST_UNAVAILABLE;
    op->is_settled = true;
    op->kept = entry_of(reply->element[1]);
    return ST_OK;
}

static enum status take_settled_plain(struct state_op *op, const redisReply *reply)
{
    (void)reply;
    op->is_settled = true;
    return ST_OK;
}

/* The script's list. */
static enum status take_settled_undecided(struct state_op *op, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2)
        return ST_CORRUPT;
    op->is_settled = reply->element[0]->integer == 1;
    op->kept = entry_of(reply->element[1]);
    found_one(op, reply->elements > 2 ? bytes_of(reply->element[2]) : span_of(NULL, 0));
    return ST_OK;
}

static enum status take_alerts(struct state_op *op, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2 != 1)
        return ST_CORRUPT;
    op->cursor = entry_of(reply->element[0]);
    op->n_found = 0;
    for (size_t i = 1; i + 1 < reply->elements && op->n_found < op->n_alerts; i += 2) {
        op->alerts[op->n_found] = entry_of(reply->element[i]);
        op->found[op->n_found++] = bytes_of(reply->element[i + 1]);
    }
    return ST_OK;
}

static enum status take_park(struct state_op *op, const redisReply *reply)
{
    found_one(op, bytes_of(reply));
    return reply->type == REDIS_REPLY_INTEGER ? ST_TOO_LARGE : ST_OK;
}

static enum status take_peek(struct state_op *op, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != (size_t)op->n_hashes)
        return ST_CORRUPT;
    if (has_error(reply))
        return ST_UNAVAILABLE;
    for (int i = 0; i < op->n_hashes; i++)
        op->found[i] = bytes_of(reply->element[i]);
    op->n_found = op->n_hashes;
    return ST_OK;
}

static enum status take_logs(struct state_op *op, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != (size_t)op->n_entities)
        return ST_CORRUPT;
    if (has_error(reply))
        return ST_UNAVAILABLE;
    for (int i = 0; i < op->n_entities; i++)
        op->entities[i].log = bytes_of(reply->element[i]);
    return ST_OK;
}

/* Strings of a list, `step` apart: values of a hash, or all. */
static enum status take_strings(struct state_op *op, const redisReply *reply, size_t from,
                                size_t step)
{
    if (reply->type != REDIS_REPLY_ARRAY)
        return ST_CORRUPT;
    op->n_found = 0;
    for (size_t i = from; i < reply->elements && op->n_found < STATE_PEEK_MAX; i += step)
        op->found[op->n_found++] = bytes_of(reply->element[i]);
    return ST_OK;
}

static enum status take_expired(struct state_op *op, const redisReply *reply)
{
    return take_strings(op, reply, 0, 1);
}

static enum status take_layouts(struct state_op *op, const redisReply *reply)
{
    return take_strings(op, reply, 1, 2);
}

enum { EXPIRES = 2 }; /* commands that refresh a log's expiry */

/* Elements in the order of the commands of send_observe(). */
static enum status take_observed(struct state_op *op, const redisReply *reply)
{
    size_t at = 0, claim = op->claim.len > 0;
    size_t expected = claim + (size_t)op->n_entities + (op->verdict != NULL);
    for (int i = 0; i < op->n_entities; i++)
        expected += (op->entities[i].record.len > 0) + (op->entities[i].refresh ? EXPIRES : 0u);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < expected)
        return ST_CORRUPT;
    if (has_error(reply))
        return ST_UNAVAILABLE;
    op->outcome = STATE_CLAIM_NONE;
    if (claim && !is_value(reply->element[at]))
        return ST_CORRUPT;
    if (claim)
        found_one(op, bytes_of(reply->element[at++]));
    for (int i = 0; i < op->n_entities; i++) {
        at += op->entities[i].record.len > 0;
        if (!is_value(reply->element[at]))
            return ST_CORRUPT;
        op->entities[i].log = bytes_of(reply->element[at++]);
        at += op->entities[i].refresh ? EXPIRES : 0u;
    }
    if (op->verdict != NULL)
        op->verdict_is_news = reply->element[at]->integer == 1;
    return ST_OK;
}

/* A column's letter and a row's name, and its sum. */
static void add_sum(struct tally *t, struct span field, const redisReply *sum)
{
    static const char letters[] = {
#define X(name, letter) letter[0],
        TALLY_COLUMN_TABLE(X)
#undef X
    };
    int64_t columns[TALLY_COLUMNS] = {0};
    const char *letter = field.len > 0 ? memchr(letters, field.base[0], sizeof letters) : NULL;
    if (letter == NULL || sum->type != REDIS_REPLY_STRING)
        return;
    columns[letter - letters] = strtoll(sum->str, NULL, 10);
    tally_add(t, span_of(field.base + 1, field.len - 1), columns);
}

static enum status take_tally(struct state_op *op, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY)
        return ST_CORRUPT;
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        add_sum(op->tally, bytes_of(reply->element[i]), reply->element[i + 1]);
    return ST_OK;
}

REPLY_CALLBACK(nothing)
REPLY_CALLBACK(settled)
REPLY_CALLBACK(settled_plain)
REPLY_CALLBACK(settled_undecided)
REPLY_CALLBACK(alerts)
REPLY_CALLBACK(found_one)
REPLY_CALLBACK(fold)
REPLY_CALLBACK(park)
REPLY_CALLBACK(peek)
REPLY_CALLBACK(logs)
REPLY_CALLBACK(expired)
REPLY_CALLBACK(layouts)
REPLY_CALLBACK(observed)
REPLY_CALLBACK(tally)

/* ---- an observation ---- */

/* The tag's place, or the one that has stood for longest. */
static struct refreshed *find_refreshed(struct refreshed_set *set, uint32_t tag)
{
    struct refreshed *oldest = &set->ways[0];
    for (int i = 0; i < REFRESHED_WAYS; i++) {
        struct refreshed *r = &set->ways[i];
        if (r->tag == tag)
            return r;
        if (r->at_ms < oldest->at_ms)
            oldest = r;
    }
    return oldest;
}

/* Has this connection set the key's expiry lately, to as long? If not, it is about to. A longer
 * one, of a ruleset that was loaded since, is another entry. */
static bool refresh_is_due(struct state_redis *s, const struct state_entity *e, int64_t now_ms)
{
    uint64_t hash = hash_u64(&s->base.hash_key, e->key) + (uint64_t)e->ttl_ms * HASH_SPREAD;
    uint32_t tag = (uint32_t)(hash >> 32) | 1;
    struct refreshed *r = find_refreshed(&s->refreshed[hash % REFRESHED_SETS], tag);
    if (r->tag == tag && now_ms >= r->at_ms && now_ms - r->at_ms < e->ttl_ms / REFRESH_SHARE)
        return false;
    *r = (struct refreshed){tag, now_ms};
    return true;
}

static void send_expire(struct state_redis *s, const struct state_entity *e, const char *when)
{
    begin(s, "EXPIRE", 4);
    put_key(s, e->key);
    redis_wire_int(&s->wire, seconds(e->ttl_ms));
    redis_wire_text(&s->wire, when);
    issue(s, NULL, NULL);
}

static void send_entity(struct state_redis *s, struct state_op *op, struct state_entity *e)
{
    if (e->record.len > 0) {
        begin(s, "APPEND", 3);
        put_key(s, e->key);
        redis_wire_arg(&s->wire, e->record);
        issue(s, NULL, NULL);
    }
    begin(s, "GETRANGE", 4);
    put_key(s, e->key);
    redis_wire_text(&s->wire, "0");
    redis_wire_text(&s->wire, "-1");
    issue(s, NULL, NULL);
    e->refresh = e->record.len > 0 && refresh_is_due(s, e, op->now_ms);
    if (e->refresh) {
        send_expire(s, e, "NX"); /* where there is none */
        send_expire(s, e, "GT"); /* never earlier: another ruleset may need the log for longer */
    }
}

static void send_claim(struct state_redis *s, const struct state_op *op)
{
    begin(s, "SET", 7);
    put_claim_key(s, op->txn_hash);
    redis_wire_arg(&s->wire, op->claim);
    redis_wire_text(&s->wire, "NX");
    redis_wire_text(&s->wire, "GET");
    redis_wire_text(&s->wire, "EX");
    redis_wire_int(&s->wire, seconds(op->ttl_ms));
    issue(s, NULL, NULL);
}

/* Each MULTI could tell it; a few frames more to look at after a lost connection cost less. */
static bool beacon_is_due(const struct state_redis *s)
{
    return s->link.options.acknowledged != NULL &&
           (int64_t)uv_now(s->link.loop) - s->beacon_ms >= BEACON_EVERY_MS;
}

static void put_beacon(struct state_redis *s, struct state_op *op)
{
    char key[sizeof s->link.options.instance + 8];
    s->beacon_ms = (int64_t)uv_now(s->link.loop);
    op->tells_beacon = true;
    op->beacon = watermark_get(s->link.options.acknowledged);
    begin(s, "SET", 4);
    snprintf(key, sizeof key, "beacon:%s", s->link.options.instance);
    put_key(s, span_str(key));
    redis_wire_int(&s->wire, (int64_t)op->beacon);
    redis_wire_text(&s->wire, "GET");
}

static void begin_script(struct state_redis *s, const char *script, int n_keys, int n_args)
{
    begin(s, "EVAL", 3 + n_keys + n_args);
    redis_wire_text(&s->wire, script);
    redis_wire_int(&s->wire, n_keys);
}

static void send_judge(struct state_redis *s, const struct state_op *op)
{
    const struct state_verdict *v = op->verdict;
    CHECK(op->claim.len == 0 && v->n_rows <= TALLY_NAMES_MAX);
    begin_script(s, redis_script_judge, 2, 7 + v->n_rows);
    put_verdict_key(s, op->txn_hash);
    put_key(s, span_str("tally"));
    redis_wire_text(&s->wire, v->verdict.is_fraud ? "f" : "l");
    redis_wire_int(&s->wire, v->verdict.known_at_ms);
    redis_wire_int(&s->wire, v->verdict.lag_ms);
    redis_wire_int(&s->wire, v->amount_e4);
    redis_wire_int(&s->wire, 1000 * seconds(v->ttl_ms));
    redis_wire_int(&s->wire, op->now_ms);
    redis_wire_int(&s->wire, TALLY_ROWS_MAX);
    for (int i = 0; i < v->n_rows; i++)
        redis_wire_arg(&s->wire, v->rows[i]);
    issue(s, NULL, NULL);
}

static void send_observe(struct state_redis *s, struct state_op *op)
{
    begin(s, "MULTI", 1);
    issue(s, NULL, NULL);
    if (op->claim.len > 0)
        send_claim(s, op);
    for (int i = 0; i < op->n_entities; i++)
        send_entity(s, op, &op->entities[i]);
    if (op->verdict != NULL)
        send_judge(s, op);
    if (op->journal_seq > 0 && beacon_is_due(s)) {
        put_beacon(s, op);
        issue(s, NULL, NULL);
    }
    begin(s, "EXEC", 1);
    issue(s, on_observed, op);
}

/* ---- the other verbs ---- */

/* None stands any more: the server was emptied since it was made. A new one would hide from the
 * journal that the records are gone, too. */
static void put_settled_claim(struct state_redis *s, const struct state_op *op)
{
    begin(s, "SET", 6);
    put_claim_key(s, op->txn_hash);
    redis_wire_arg(&s->wire, op->claim);
    redis_wire_text(&s->wire, "XX");
    redis_wire_text(&s->wire, "EX");
    redis_wire_int(&s->wire, seconds(op->ttl_ms));
}

static const char *owner_of(const struct state_redis *s, const struct state_op *op)
{
    return op->alert_is_nobodys ? "" : s->link.options.owner;
}

/* The decision and its alert: both are kept, or none. */
static void send_settle(struct state_redis *s, struct state_op *op)
{
    if (op->alert.len == 0) {
        put_settled_claim(s, op);
        issue(s, on_settled_plain, op);
        return;
    }
    begin(s, "MULTI", 1);
    issue(s, NULL, NULL);
    put_settled_claim(s, op);
    issue(s, NULL, NULL);
    begin(s, "XADD", 7);
    put_key(s, span_str("outbox"));
    redis_wire_text(&s->wire, "*");
    redis_wire_text(&s->wire, "o");
    redis_wire_text(&s->wire, owner_of(s, op));
    redis_wire_text(&s->wire, "a");
    redis_wire_arg(&s->wire, op->alert);
    issue(s, NULL, NULL);
    begin(s, "EXEC", 1);
    issue(s, on_settled, op);
}

static void send_settle_undecided(struct state_redis *s, struct state_op *op)
{
    bool has_alert = op->alert.len > 0;
    begin_script(s, redis_script_settle_undecided, 2, has_alert ? 4 : 2);
    put_claim_key(s, op->txn_hash);
    put_key(s, span_str("outbox"));
    redis_wire_arg(&s->wire, op->claim);
    redis_wire_int(&s->wire, 1000 * seconds(op->ttl_ms));
    if (has_alert) {
        redis_wire_text(&s->wire, owner_of(s, op));
        redis_wire_arg(&s->wire, op->alert);
    }
    issue(s, on_settled_undecided, op);
}

static void send_peek(struct state_redis *s, struct state_op *op)
{
    begin(s, "MGET", 1 + op->n_hashes);
    for (int i = 0; i < op->n_hashes; i++)
        put_claim_key(s, op->hashes[i]);
    issue(s, on_peek, op);
}

static void put_entity_keys(struct state_redis *s, const struct state_op *op)
{
    for (int i = 0; i < op->n_entities; i++)
        put_key(s, op->entities[i].key);
}

static void send_read(struct state_redis *s, struct state_op *op)
{
    begin(s, "MGET", 1 + op->n_entities);
    put_entity_keys(s, op);
    issue(s, on_logs, op);
}

static void send_fold(struct state_redis *s, struct state_op *op)
{
    const struct state_fold *f = &op->fold;
    int64_t ttl_ms = op->entities[0].ttl_ms;
    begin_script(s, redis_script_fold, 1, 5);
    put_key(s, op->entities[0].key);
    redis_wire_arg(&s->wire, f->old_generation == 0
                                 ? span_of(NULL, 0)
                                 : span_of(&f->old_generation, sizeof f->old_generation));
    redis_wire_int(&s->wire, (int64_t)f->old_bytes);
    redis_wire_arg(&s->wire, f->last_record);
    redis_wire_arg(&s->wire, f->bytes);
    redis_wire_int(&s->wire, ttl_ms > 0 ? seconds(ttl_ms) : 0);
    issue(s, on_fold, op);
}

static void send_void(struct state_redis *s, struct state_op *op)
{
    begin_script(s, redis_script_void, op->n_entities, op->n_entities);
    put_entity_keys(s, op);
    for (int i = 0; i < op->n_entities; i++)
        redis_wire_arg(&s->wire, op->entities[i].record);
    issue(s, on_nothing, op);
}

static void send_erase(struct state_redis *s, struct state_op *op)
{
    begin(s, "DEL", 1 + op->n_entities);
    put_entity_keys(s, op);
    issue(s, on_nothing, op);
}

static void send_park(struct state_redis *s, struct state_op *op)
{
    char empty[CLAIM_PARKED_BYTES];
    struct text t;
    text_init(&t, empty, sizeof empty);
    claim_encode(&(struct claim){.state = 'p'}, &t);
    uint32_t length = (uint32_t)op->claim.len;
    begin_script(s, redis_script_park, 2, 6);
    put_claim_key(s, op->txn_hash);
    put_key(s, span_str("parked"));
    redis_wire_arg(&s->wire, text_span(&t));
    redis_wire_joined(&s->wire, span_of(&length, sizeof length), op->claim);
    redis_wire_int(&s->wire, op->now_ms + op->ttl_ms);
    redis_wire_int(&s->wire, STATE_PARKED_MAX);
    redis_wire_int(&s->wire, STATE_FOUND_MAX);
    put_hash(s, op->txn_hash);
    issue(s, on_park, op);
}

static void send_take_parked(struct state_redis *s, struct state_op *op)
{
    begin_script(s, redis_script_take_parked, 2, 3);
    put_claim_key(s, op->txn_hash);
    put_key(s, span_str("parked"));
    redis_wire_arg(&s->wire, op->claim);
    redis_wire_int(&s->wire, 1000 * seconds(op->ttl_ms));
    put_hash(s, op->txn_hash);
    issue(s, on_found_one, op);
}

static void send_expire_parked(struct state_redis *s, struct state_op *op)
{
    begin_script(s, redis_script_expire_parked, 1, 3);
    put_key(s, span_str("parked"));
    redis_wire_int(&s->wire, op->now_ms);
    redis_wire_int(&s->wire, STATE_PEEK_MAX);
    put_key(s, span_str("x:"));
    issue(s, on_expired, op);
}

static void send_layout(struct state_redis *s, struct state_op *op)
{
    char id[8];
    struct text t;
    text_init(&t, id, sizeof id);
    text_hex(&t, op->layout_id, 8);
    begin(s, "HSET", 4);
    put_key(s, span_str("layouts"));
    redis_wire_arg(&s->wire, text_span(&t));
    redis_wire_arg(&s->wire, op->claim);
    issue(s, on_nothing, op);
}

static void send_layouts(struct state_redis *s, struct state_op *op)
{
    begin(s, "HGETALL", 2);
    put_key(s, span_str("layouts"));
    issue(s, on_layouts, op);
}

static void send_coverage(struct state_redis *s, struct state_op *op)
{
    if (op->claim.len == 0) {
        begin(s, "GET", 2);
        put_key(s, span_str("coverage"));
        issue(s, on_found_one, op);
        return;
    }
    begin_script(s, redis_script_coverage, 1, 2);
    put_key(s, span_str("coverage"));
    redis_wire_arg(&s->wire, op->expected);
    redis_wire_arg(&s->wire, op->claim);
    issue(s, on_settled_undecided, op);
}

static void send_beacon(struct state_redis *s, struct state_op *op)
{
    CHECK(s->link.options.acknowledged != NULL);
    put_beacon(s, op);
    issue(s, on_nothing, op);
}

static void put_entry(struct state_redis *s, struct state_alert entry)
{
    char id[48];
    snprintf(id, sizeof id, "%" PRIu64 "-%" PRIu64, entry.ms, entry.seq);
    redis_wire_text(&s->wire, id);
}

static void send_take_alerts(struct state_redis *s, struct state_op *op)
{
    const char *owner = s->link.options.owner;
    char taker[sizeof s->link.options.owner + 16];
    int n = snprintf(taker, sizeof taker, "alive:%s.%u", owner, op->take_epoch);
    CHECK(n > 0 && (size_t)n < sizeof taker);
    begin_script(s, redis_script_take_alerts, 3, 6);
    put_key(s, span_str("outbox"));
    put_key(s, span_of(taker, (sizeof "alive:" - 1) + strlen(owner)));
    put_key(s, span_str(taker));
    redis_wire_text(&s->wire, taker + sizeof "alive:" - 1);
    redis_wire_int(&s->wire, REDIS_OWNER_ALIVE_MS);
    put_key(s, span_str("alive:"));
    put_entry(s, (struct state_alert){op->cursor.ms, op->cursor.seq + (op->cursor.ms > 0)});
    redis_wire_int(&s->wire, STATE_PEEK_MAX);
    redis_wire_int(&s->wire, op->n_alerts);
    issue(s, on_alerts, op);
}

static void send_drop_alerts(struct state_redis *s, struct state_op *op)
{
    begin(s, "XDEL", 2 + op->n_alerts);
    put_key(s, span_str("outbox"));
    for (int i = 0; i < op->n_alerts; i++)
        put_entry(s, op->alerts[i]);
    issue(s, on_nothing, op);
}

static void send_tally(struct state_redis *s, struct state_op *op)
{
    begin(s, "HGETALL", 2);
    put_key(s, span_str("tally"));
    issue(s, on_tally, op);
}

typedef void send_fn(struct state_redis *s, struct state_op *op);

static send_fn *const verbs[] = {
    [STATE_OBSERVE] = send_observe,
    [STATE_SETTLE] = send_settle,
    [STATE_SETTLE_UNDECIDED] = send_settle_undecided,
    [STATE_PEEK] = send_peek,
    [STATE_READ] = send_read,
    [STATE_FOLD] = send_fold,
    [STATE_VOID] = send_void,
    [STATE_ERASE] = send_erase,
    [STATE_PARK] = send_park,
    [STATE_TAKE_PARKED] = send_take_parked,
    [STATE_EXPIRE_PARKED] = send_expire_parked,
    [STATE_LAYOUT_PUT] = send_layout,
    [STATE_LAYOUTS] = send_layouts,
    [STATE_COVERAGE] = send_coverage,
    [STATE_BEACON] = send_beacon,
    [STATE_TAKE_ALERTS] = send_take_alerts,
    [STATE_DROP_ALERTS] = send_drop_alerts,
    [STATE_TALLY] = send_tally,
};

/* ---- the backend ---- */

static enum status refuses(const struct state_redis *s, const struct state_op *op)
{
    if (!redis_link_is_up(&s->link) || s->link.stats.inflight >= STATE_INFLIGHT_MAX)
        return ST_UNAVAILABLE;
    if (op->n_entities > STATE_ENTITIES_MAX || op->n_hashes > STATE_PEEK_MAX ||
        op->claim.len > STATE_FOUND_MAX || op->n_alerts > STATE_PEEK_MAX)
        return ST_TOO_LARGE;
    for (int i = 0; i < op->n_entities; i++) {
        if (s->prefix.len + op->entities[i].key.len > STATE_KEY_BYTES_MAX)
            return ST_TOO_LARGE;
    }
    return ST_OK;
}

static void submit(struct state *state, struct state_op *op)
{
    struct state_redis *s = self_of(state);
    enum status st = refuses(s, op);
    if (st != ST_OK) {
        op->done(op, st);
        return;
    }
    s->link.stats.inflight++;
    op->tells_beacon = op->is_settled = op->verdict_is_news = false;
    op->kept = (struct state_alert){0};
    verbs[op->verb](s, op);
}

static bool available(const struct state *state)
{
    return redis_link_is_up(&self_of(state)->link);
}

static void on_closed(void *user)
{
    struct state_redis *s = user;
    redis_wire_fini(&s->wire);
    free(s->refreshed);
    free(s);
}

static void close_state(struct state *state)
{
    redis_link_close(&self_of(state)->link);
}

static const struct state_backend backend = {
    .name = "redis", .submit = submit, .available = available, .close = close_state};

struct state *state_redis_open(const struct state_redis_options *o, const struct hash_key *key,
                               uv_loop_t *loop)
{
    struct state_redis *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    s->base = (struct state){.backend = &backend, .hash_key = *key};
    s->refreshed = calloc(REFRESHED_SETS, sizeof *s->refreshed);
    CHECK(s->refreshed != NULL);
    redis_wire_init(&s->wire);
    s->link = (struct redis_link){
        .options = *o, .key = *key, .loop = loop, .closed = on_closed, .closed_user = s};
    s->prefix = span_str(s->link.options.prefix);
    redis_link_open(&s->link);
    return &s->base;
}

void state_redis_on_connect(struct state *s, void (*up)(void *user, uint64_t beacon, bool is_kept),
                            void *user)
{
    struct redis_link *l = &self_of(s)->link;
    l->up = up;
    l->up_user = user;
    if (l->is_up)
        up(user, l->beacon, l->is_kept);
}

struct state_redis_stats state_redis_stats(const struct state *s)
{
    return self_of(s)->link.stats;
}
