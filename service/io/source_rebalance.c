/*
 * Partitions come and go: declared in source_internal.h.
 *
 *     assigned ──> ours ──revoked──> leaving: nothing of it starts, what is under way finishes,
 *                                    and is committed ──> given back
 *
 * librdkafka waits for the answer to a revocation, and so does the group, but not for ever: after
 * REVOKE_US it is given back as it is, and whoever gets it does the rest again.
 */
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/log.h"
#include "service/io/source_internal.h"

#include <stdlib.h>

enum { REVOKE_US = 10000000 };

/* ---- the table ---- */

static int topic_of(const struct source *s, const char *name)
{
    for (unsigned t = 0; t < SOURCE_TOPICS; t++)
        if (strcmp(source_topic_name(s, t), name) == 0)
            return (int)t;
    return -1;
}

struct source_partition *source_partition_find(const struct source *s, const char *topic,
                                               int32_t id)
{
    int t = topic_of(s, topic);
    return t >= 0 && id >= 0 && id < s->n_ids[t] ? s->partitions[t][id] : NULL;
}

struct source_partition *source_partition_next(const struct source *s, int *at)
{
    int n = s->n_ids[SOURCE_TRANSACTIONS] + s->n_ids[SOURCE_LABELS];
    while (*at < n) {
        int i = (*at)++, before = s->n_ids[SOURCE_TRANSACTIONS];
        struct source_partition *p = i < before ? s->partitions[SOURCE_TRANSACTIONS][i]
                                                : s->partitions[SOURCE_LABELS][i - before];
        if (p != NULL)
            return p;
    }
    return NULL;
}

static void make_room(struct source *s, enum source_topic t, int32_t id)
{
    int n = s->n_ids[t];
    if (id < n)
        return;
    int more = id + 1 > 2 * n ? id + 1 : 2 * n;
    s->partitions[t] = realloc(s->partitions[t], (size_t)more * sizeof *s->partitions[t]);
    CHECK(s->partitions[t] != NULL);
    memset(s->partitions[t] + n, 0, (size_t)(more - n) * sizeof *s->partitions[t]);
    s->n_ids[t] = more;
}

static struct source_partition *add(struct source *s, enum source_topic t, int32_t id)
{
    struct source_partition *p = calloc(1, sizeof *p);
    CHECK(p != NULL);
    *p = (struct source_partition){
        .topic = t, .id = id, .candidate = -1, .stored = -1, .committed = -1};
    offsets_init(&p->offsets, (size_t)s->kafka->unsettled + SOURCE_BACKLOG_MAX + s->n_flights);
    make_room(s, t, id);
    s->partitions[t][id] = p;
    stats_add(&s->stats.partitions, 1);
    return p;
}

static void free_unheld(struct source_partition *p)
{
    if (!p->is_gone || p->held > 0)
        return;
    offsets_fini(&p->offsets);
    free(p);
}

/* Ours no more; what is under way of it finds it gone. */
static void take_out(struct source *s, struct source_partition *p)
{
    s->partitions[p->topic][p->id] = NULL;
    stats_add(&s->stats.partitions, UINT64_MAX); /* one less */
    p->is_gone = true;
    free_unheld(p);
}

void source_partition_drop(struct source_partition *p)
{
    p->held--;
    free_unheld(p);
}

struct source_partition *source_partition_renew(struct source *s, struct source_partition *p)
{
    enum source_topic t = p->topic;
    int32_t id = p->id;
    take_out(s, p);
    return add(s, t, id);
}

void source_partitions_free(struct source *s)
{
    struct source_partition *p;
    for (int at = 0; (p = source_partition_next(s, &at)) != NULL;)
        take_out(s, p);
    for (int t = 0; t < SOURCE_TOPICS; t++)
        free(s->partitions[t]);
}

/* ---- pausing ---- */

static rd_kafka_topic_partition_list_t *all_ours(struct source *s)
{
    struct source_partition *p;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (int at = 0; (p = source_partition_next(s, &at)) != NULL;)
        if (!p->is_leaving)
            rd_kafka_topic_partition_list_add(list, source_topic_name(s, p->topic), p->id);
    return list;
}

static void pause_all(struct source *s)
{
    rd_kafka_topic_partition_list_t *list = all_ours(s);
    rd_kafka_pause_partitions(s->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

void source_pause(struct source *s, const char *why)
{
    if (!s->is_paused && s->phase == SOURCE_RUNNING) {
        stats_add(&s->stats.pauses, 1);
        log_info("Kafka paused", LOG_TEXT("why", why));
    }
    if (!s->is_paused)
        pause_all(s);
    s->is_paused = true;
    s->paused_why = why;
}

void source_resume(struct source *s)
{
    rd_kafka_topic_partition_list_t *list = all_ours(s);
    log_info("Kafka goes on", LOG_INT("partitions", list->cnt));
    s->is_paused = false;
    s->paused_why = NULL;
    rd_kafka_resume_partitions(s->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- the answers ---- */

static bool is_cooperative(const struct source *s)
{
    const char *protocol = rd_kafka_rebalance_protocol(s->rk);
    return protocol != NULL && strcmp(protocol, "COOPERATIVE") == 0;
}

static void answer_assign(struct source *s, const rd_kafka_topic_partition_list_t *list)
{
    if (is_cooperative(s))
        rd_kafka_error_destroy(rd_kafka_incremental_assign(s->rk, list));
    else
        rd_kafka_assign(s->rk, list);
}

static void answer_revoke(struct source *s, const rd_kafka_topic_partition_list_t *list)
{
    if (is_cooperative(s))
        rd_kafka_error_destroy(rd_kafka_incremental_unassign(s->rk, list));
    else
        rd_kafka_assign(s->rk, NULL);
}

static void assigned(struct source *s, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        int t = topic_of(s, list->elems[i].topic);
        CHECK(t >= 0);
        if (source_partition_find(s, list->elems[i].topic, list->elems[i].partition) == NULL)
            add(s, (enum source_topic)t, list->elems[i].partition);
    }
    answer_assign(s, list);
    if (s->is_paused || s->phase != SOURCE_RUNNING)
        pause_all(s);
    s->has_assigned = true;
    log_info("Kafka assigned", LOG_INT("partitions", list->cnt),
             LOG_INT("all", (int64_t)s->stats.partitions));
}

/* The library keeps a pause beyond the assignment: who gets the partition again would not read. */
static void give_back(struct source *s, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resume_partitions(s->rk, list);
    for (int i = 0; i < list->cnt; i++) {
        struct source_partition *p =
            source_partition_find(s, list->elems[i].topic, list->elems[i].partition);
        if (p != NULL)
            take_out(s, p);
    }
    answer_revoke(s, list);
    log_info("Kafka revoked", LOG_INT("partitions", list->cnt),
             LOG_INT("left", (int64_t)s->stats.partitions));
}

static void start_leaving(struct source *s, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        struct source_partition *p =
            source_partition_find(s, list->elems[i].topic, list->elems[i].partition);
        if (p != NULL)
            p->is_leaving = true;
    }
    source_drop_backlog(s, false);
}

static bool is_settled(struct source *s, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        const struct source_partition *p =
            source_partition_find(s, list->elems[i].topic, list->elems[i].partition);
        if (p != NULL && (p->held > 0 || !source_is_committed(p)))
            return false;
    }
    return true;
}

void source_revoke_on(struct source *s)
{
    if (s->revoking == NULL)
        return;
    bool is_late = clock_mono_us() - s->revoking_since_us > REVOKE_US;
    bool is_lost = rd_kafka_assignment_lost(s->rk);
    if (!is_lost && !is_late && !is_settled(s, s->revoking)) {
        source_commit(s, true);
        return;
    }
    if (is_late && !is_lost)
        log_warning("Kafka partitions given back unfinished", LOG_TEXT("so", "others do it again"));
    rd_kafka_topic_partition_list_t *list = s->revoking;
    s->revoking = NULL;
    give_back(s, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static void revoked(struct source *s, rd_kafka_topic_partition_list_t *list)
{
    start_leaving(s, list);
    if (rd_kafka_assignment_lost(s->rk)) {
        give_back(s, list);
        return;
    }
    s->revoking = rd_kafka_topic_partition_list_copy(list);
    s->revoking_since_us = clock_mono_us();
    rd_kafka_pause_partitions(s->rk, list);
    source_revoke_on(s);
}

void source_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *user)
{
    struct source *s = user;
    (void)rk;
    stats_add(&s->stats.rebalances, 1);
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        assigned(s, list);
    else if (err == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
        revoked(s, list);
    else
        rd_kafka_assign(s->rk, NULL);
    source_again(s);
}
