/* What others may see of sources: declared in source.h and source_internal.h. */
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/engine/metrics.h"
#include "service/io/source_internal.h"

#include <stdlib.h>

/* ---- lag ---- */

/* As the last fetch saw it; nothing is asked of a broker here. */
static bool lag_of(const struct source *s, const struct source_partition *p, int64_t *ret_lag)
{
    int64_t low, high, done = offsets_done(&p->offsets);
    rd_kafka_resp_err_t err =
        rd_kafka_get_watermark_offsets(s->rk, source_topic_name(s, p->topic), p->id, &low, &high);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0)
        return false;
    if (done < 0) /* nothing is finished: as far as what was given to us */
        done = p->held > 0 ? offsets_at(&p->offsets, p->offsets.first) : high;
    *ret_lag = high > done ? high - done : 0;
    return true;
}

static void make_room(struct source *s, int n)
{
    if (n <= s->lags_cap)
        return;
    s->lags = realloc(s->lags, (size_t)n * sizeof *s->lags);
    CHECK(s->lags != NULL);
    s->lags_cap = n;
}

void source_note_lags(struct source *s)
{
    struct source_partition *p;
    int64_t lag;
    pthread_mutex_lock(&s->lags_lock);
    make_room(s, (int)s->stats.partitions);
    s->n_lags = 0;
    for (int at = 0; (p = source_partition_next(s, &at)) != NULL;)
        if (lag_of(s, p, &lag))
            s->lags[s->n_lags++] = (struct source_lag){p->topic, p->id, lag};
    pthread_mutex_unlock(&s->lags_lock);
    s->lags_at_us = clock_mono_us();
}

/* A topic's name needs no escapes: Kafka takes letters, digits and ._- alone. */
static void put_lags(struct source *const *sources, int n, struct text *out)
{
    metrics_type(out, "sluice_kafka_lag", "gauge",
                 "Messages of a partition that are not finished yet");
    for (int i = 0; i < n; i++) {
        struct source *s = sources[i];
        pthread_mutex_lock(&s->lags_lock);
        for (int k = 0; k < s->n_lags; k++)
            text_printf(out, "sluice_kafka_lag{topic=\"%s\",partition=\"%d\"} %lld\n",
                        source_topic_name(s, s->lags[k].topic), s->lags[k].partition,
                        (long long)s->lags[k].lag);
        pthread_mutex_unlock(&s->lags_lock);
    }
}

/* ---- sums ---- */

static uint64_t sum(struct source *const *sources, int n, size_t offset)
{
    uint64_t total = 0;
    for (int i = 0; i < n; i++) {
        const char *stats = (const char *)&sources[i]->stats;
        total += stats_get((const uint64_t *)(const void *)(stats + offset));
    }
    return total;
}

static uint64_t sum_outlet(struct source *const *sources, int n, size_t offset)
{
    uint64_t total = 0;
    for (int i = 0; i < n; i++) {
        const char *stats = (const char *)outlet_stats(sources[i]->outlet);
        total += stats_get((const uint64_t *)(const void *)(stats + offset));
    }
    return total;
}

static void put_counters(struct source *const *sources, int n, struct text *out)
{
#define X(member, name, help)                 \
    metrics_value(out, name, "counter", help, \
                  sum(sources, n, offsetof(struct source_stats, member)));
    SOURCE_STATS_TABLE(X)
#undef X
}

static void put_messages(struct source *const *sources, int n, struct text *out)
{
    metrics_type(out, "sluice_kafka_messages_total", "counter", "Messages taken");
    for (unsigned t = 0; t < SOURCE_TOPICS; t++)
        if (source_topic_name(sources[0], t)[0] != '\0')
            text_printf(out, "sluice_kafka_messages_total{topic=\"%s\"} %llu\n",
                        source_topic_name(sources[0], t),
                        (unsigned long long)sum(sources, n,
                                                offsetof(struct source_stats, messages) +
                                                    (size_t)t * sizeof(uint64_t)));
    metrics_type(out, "sluice_kafka_dead_letters_total", "counter",
                 "Dead letters the brokers have");
    for (int l = 0; l < LETTERS; l++)
        text_printf(out, "sluice_kafka_dead_letters_total{error=\"%s\"} %llu\n", letter_word(l),
                    (unsigned long long)sum(sources, n,
                                            offsetof(struct source_stats, letters) +
                                                (size_t)l * sizeof(uint64_t)));
}

static int count_paused(struct source *const *sources, int n)
{
    int paused = 0;
    for (int i = 0; i < n; i++)
        paused += sources[i]->paused_why != NULL;
    return paused;
}

static void put_gauges(struct source *const *sources, int n, struct text *out)
{
    metrics_value(out, "sluice_kafka_partitions", "gauge", "Partitions assigned",
                  sum(sources, n, offsetof(struct source_stats, partitions)));
    metrics_value(out, "sluice_kafka_paused", "gauge", "Workers whose partitions are paused",
                  (uint64_t)count_paused(sources, n));
    metrics_value(out, "sluice_kafka_in_flight", "gauge", "Messages under way to their decision",
                  sum(sources, n, offsetof(struct source_stats, in_flight)));
    metrics_value(out, "sluice_kafka_backlog", "gauge", "Messages taken and not begun",
                  sum(sources, n, offsetof(struct source_stats, backlog)));
    metrics_value(out, "sluice_kafka_unsettled", "gauge",
                  "Decisions and dead letters not acknowledged yet",
                  sum_outlet(sources, n, offsetof(struct outlet_stats, unsettled)));
    metrics_value(out, "sluice_kafka_producer_waiting", "gauge",
                  "Of these, the ones the client library has no room for, or could not send",
                  sum_outlet(sources, n, offsetof(struct outlet_stats, waiting)));
    metrics_value(out, "sluice_kafka_producer_retries_total", "counter",
                  "Decisions and dead letters sent again",
                  sum_outlet(sources, n, offsetof(struct outlet_stats, retries)));
    metrics_value(out, "sluice_kafka_producers_renewed_total", "counter",
                  "Producers made again after a fatal error",
                  sum_outlet(sources, n, offsetof(struct outlet_stats, renewed)));
}

static void put_latency(struct source *const *sources, int n, struct text *out)
{
    const char *name = "sluice_kafka_delivery_seconds";
    struct latency total = {0};
    for (int i = 0; i < n; i++)
        latency_add(&total, &outlet_stats(sources[i]->outlet)->latency);
    metrics_type(out, name, "histogram", "From a decision to the brokers' acknowledgement");
    metrics_latency(out, name, "", &total);
}

void source_metrics(struct source *const *sources, int n, struct text *out)
{
    put_messages(sources, n, out);
    put_counters(sources, n, out);
    put_gauges(sources, n, out);
    put_latency(sources, n, out);
    put_lags(sources, n, out);
}

/* ---- readiness ---- */

bool source_all_assigned(struct source *const *sources, int n)
{
    for (int i = 0; i < n; i++)
        if (!sources[i]->has_assigned)
            return false;
    return true;
}

void source_notes(struct source *const *sources, int n, struct text *out)
{
    uint64_t partitions = sum(sources, n, offsetof(struct source_stats, partitions));
    for (int i = 0; i < n; i++) {
        const char *why = sources[i]->paused_why;
        if (why != NULL) {
            text_printf(out, "kafka: paused: %s\n", why);
            return;
        }
    }
    if (partitions == 0)
        text_str(out, "kafka: not assigned\n");
    else
        text_printf(out, "kafka: %llu partition%s\n", (unsigned long long)partitions,
                    partitions == 1 ? "" : "s");
}
