/*
 * What may be committed: declared in source_internal.h.
 *
 *     candidate: how far each partition is finished, and with it the newest frame of the journal
 *                and the newest alert      ──both safe──> stored ──each second──> committed
 *
 * The journal's frame of a message was written before the message was finished, and so was its
 * alert put; so a candidate is safe when the newest of both are.
 */
#include "service/base/clock.h"
#include "service/io/source_internal.h"

enum { CANDIDATE_EVERY_US = 100000, COMMIT_EVERY_US = 1000000 };

static bool is_behind(const struct source_partition *p)
{
    return offsets_done(&p->offsets) > p->stored;
}

static bool take_candidate(struct source *s)
{
    struct source_partition *p;
    bool any = false;
    for (int at = 0; (p = source_partition_next(s, &at)) != NULL;) {
        any |= is_behind(p);
        p->candidate = offsets_done(&p->offsets);
    }
    s->candidate_seq = s->engine->journal != NULL ? journal_last_seq(s->engine->journal) : 0;
    s->candidate_alert = s->options.outbox != NULL ? outbox_last(s->options.outbox) : 0;
    return any;
}

static bool is_safe(const struct source *s)
{
    bool kept =
        s->engine->journal == NULL || journal_safe_seq(s->engine->journal) >= s->candidate_seq;
    return kept &&
           (s->options.outbox == NULL || outbox_settled(s->options.outbox) >= s->candidate_alert);
}

static void store_candidate(struct source *s)
{
    struct source_partition *p;
    for (int at = 0; (p = source_partition_next(s, &at)) != NULL;)
        if (p->candidate > p->stored)
            p->stored = p->candidate;
    s->has_candidate = false;
}

static void turn_candidate(struct source *s, bool at_once)
{
    int64_t now_us = clock_mono_us();
    if (s->has_candidate && is_safe(s))
        store_candidate(s);
    if (s->has_candidate || (!at_once && now_us - s->candidate_at_us < CANDIDATE_EVERY_US))
        return;
    s->has_candidate = take_candidate(s);
    s->candidate_at_us = now_us;
    if (s->has_candidate && is_safe(s))
        store_candidate(s);
}

static rd_kafka_topic_partition_list_t *to_commit(struct source *s)
{
    struct source_partition *p;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (int at = 0; (p = source_partition_next(s, &at)) != NULL;)
        if (p->stored > p->committed)
            rd_kafka_topic_partition_list_add(list, source_topic_name(s, p->topic), p->id)->offset =
                p->stored;
    return list;
}

static void start_commit(struct source *s)
{
    rd_kafka_topic_partition_list_t *list = to_commit(s);
    s->commit_at_us = clock_mono_us();
    if (list->cnt > 0) {
        s->is_committing = rd_kafka_commit(s->rk, list, 1) == RD_KAFKA_RESP_ERR_NO_ERROR;
        if (!s->is_committing)
            stats_add(&s->stats.commits_failed, 1);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

void source_commit(struct source *s, bool at_once)
{
    turn_candidate(s, at_once);
    if (!s->is_committing && (at_once || clock_mono_us() - s->commit_at_us >= COMMIT_EVERY_US))
        start_commit(s);
}

void source_on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                      rd_kafka_topic_partition_list_t *list, void *user)
{
    struct source *s = user;
    (void)rk;
    s->is_committing = false;
    stats_add(err == RD_KAFKA_RESP_ERR_NO_ERROR ? &s->stats.commits : &s->stats.commits_failed, 1);
    for (int i = 0; list != NULL && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &list->elems[i];
        struct source_partition *p = source_partition_find(s, at->topic, at->partition);
        if (p != NULL && err == RD_KAFKA_RESP_ERR_NO_ERROR &&
            at->err == RD_KAFKA_RESP_ERR_NO_ERROR && at->offset <= p->stored)
            p->committed = at->offset;
    }
}

bool source_is_committed(const struct source_partition *p)
{
    return offsets_done(&p->offsets) == p->committed;
}
