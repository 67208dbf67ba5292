#include "service/io/source.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/log.h"
#include "service/io/crash_notes.h"
#include "service/io/source_internal.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    PAUSE_AFTER_US = 1000000, /* a shorter wait just does not take */
    LAGS_EVERY_US = 1000000,
};

/* ---- the backlog ---- */

static struct source_message *backlog_at(const struct source *s, size_t i)
{
    return &s->backlog[(s->backlog_first + i) % s->backlog_cap];
}

static void push_back(struct source *s, const struct source_message *m)
{
    CHECK(s->backlog_n < s->backlog_cap);
    *backlog_at(s, s->backlog_n++) = *m;
}

void source_push_front(struct source *s, const struct source_message *m)
{
    CHECK(s->backlog_n < s->backlog_cap);
    s->backlog_first = (s->backlog_first + s->backlog_cap - 1) % s->backlog_cap;
    s->backlog_n++;
    *backlog_at(s, 0) = *m;
}

void source_drop_backlog(struct source *s, bool all)
{
    size_t n = s->backlog_n;
    for (size_t i = 0; i < n; i++) {
        struct source_message m = *backlog_at(s, 0);
        s->backlog_first = (s->backlog_first + 1) % s->backlog_cap;
        s->backlog_n--;
        if (!all && !m.partition->is_leaving && !m.partition->is_gone) {
            push_back(s, &m);
            continue;
        }
        rd_kafka_message_destroy(m.rkm);
        source_partition_drop(m.partition);
    }
}

/* ---- taking ---- */

/* Topics that are missing are told once, until they are there. */
static void note_error(struct source *s, const rd_kafka_message_t *rkm)
{
    stats_add(&s->stats.errors, 1);
    if (rkm->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && rkm->rkt != NULL) {
        bool is_labels = strcmp(rd_kafka_topic_name(rkm->rkt), s->kafka->labels) == 0;
        bool *told = &s->told_missing[is_labels ? SOURCE_LABELS : SOURCE_TRANSACTIONS];
        if (*told)
            return;
        *told = true;
    }
    log_warning("Kafka consumer", LOG_TEXT("error", rd_kafka_err2name(rkm->err)),
                LOG_TEXT("why", rd_kafka_message_errstr(rkm)));
}

/* Its partition's place in order. An offset that went back: the topic was made anew. */
static void take_ticket(struct source *s, struct source_message *m)
{
    struct source_partition *p = m->partition;
    enum status st = offsets_take(&p->offsets, m->rkm->offset, &m->ticket);
    if (st == ST_INVALID) {
        log_warning("Kafka offsets went back", LOG_TEXT("topic", source_topic_name(s, p->topic)),
                    LOG_INT("partition", p->id), LOG_INT("offset", m->rkm->offset));
        m->partition = source_partition_renew(s, p);
        st = offsets_take(&m->partition->offsets, m->rkm->offset, &m->ticket);
    }
    CHECK(st == ST_OK); /* is_full() leaves room for a batch */
}

/* What comes of a partition that is not ours any more, or when we end, is another's to take. */
static void take_one(struct source *s, rd_kafka_message_t *rkm)
{
    struct source_message m = {.rkm = rkm};
    if (rkm->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        note_error(s, rkm);
    else
        m.partition = source_partition_find(s, rd_kafka_topic_name(rkm->rkt), rkm->partition);
    if (m.partition == NULL || m.partition->is_leaving || s->phase != SOURCE_RUNNING) {
        rd_kafka_message_destroy(rkm);
        return;
    }
    take_ticket(s, &m);
    m.partition->held++;
    s->told_missing[m.partition->topic] = false;
    stats_add(&s->stats.messages[m.partition->topic], 1);
    push_back(s, &m);
}

/* How many the backlog can take when all that is under way comes back to it, too. */
static size_t backlog_room(const struct source *s)
{
    return s->backlog_cap - s->backlog_n - (size_t)(s->next - s->first) - s->n_failed;
}

/* One batch, or only what the library has to tell. */
static void poll_kafka(struct source *s)
{
    rd_kafka_message_t *batch[SOURCE_BATCH_MAX];
    size_t room = backlog_room(s);
    ssize_t n = rd_kafka_consume_batch_queue(s->leaving != NULL ? s->leaving : s->queue, 0, batch,
                                             room < SOURCE_BATCH_MAX ? room : SOURCE_BATCH_MAX);
    for (ssize_t i = 0; i < n; i++)
        take_one(s, batch[i]);
    if (n <= 0)
        return;
    stats_add(&s->stats.batches, 1);
    source_again(s);
}

static bool is_full(const struct source *s)
{
    const struct source_partition *p;
    for (int at = 0; (p = source_partition_next(s, &at)) != NULL;)
        if (offsets_pending(&p->offsets) >= (size_t)s->kafka->unsettled)
            return true;
    return false;
}

/* Why no batch is taken now; NULL: one is. */
static const char *why_not_take(const struct source *s)
{
    const char *blocked = source_blocked(s);
    if (blocked != NULL)
        return blocked;
    if (is_full(s))
        return "decisions wait for the broker";
    return s->backlog_n > 0 ? "messages wait to be scored" : NULL;
}

/* Not before half of what is too much is gone. */
static bool may_resume(const struct source *s)
{
    return outlet_unsettled(s->outlet) <= (size_t)s->kafka->unsettled / 2;
}

static void take_or_pause(struct source *s)
{
    const char *why = why_not_take(s);
    if (why == NULL && s->is_paused && may_resume(s))
        source_resume(s);
    if (why == NULL && !s->is_paused) {
        s->took_us = clock_mono_us();
        poll_kafka(s);
        return;
    }
    if (why != NULL && (s->is_paused || clock_mono_us() - s->took_us > PAUSE_AFTER_US))
        source_pause(s, why);
    if (s->is_paused)
        poll_kafka(s); /* polling on: the group must not think that we are dead */
}

/* ---- the end ---- */

static bool is_settled(const struct source *s)
{
    const struct source_partition *p;
    if (s->first < s->next || s->backlog_n > 0 || outlet_unsettled(s->outlet) > 0)
        return false;
    for (int at = 0; (p = source_partition_next(s, &at)) != NULL;)
        if (!source_is_committed(p))
            return false;
    return true;
}

static void leave(struct source *s)
{
    static const uint64_t one = 1;
    s->phase = SOURCE_LEAVING;
    s->leaving = rd_kafka_queue_new(s->rk);
    rd_kafka_queue_io_event_enable(s->leaving, s->event_fd, &one, sizeof one);
    rd_kafka_error_destroy(rd_kafka_consumer_close_queue(s->rk, s->leaving));
}

static void drain_on(struct source *s)
{
    if (s->phase == SOURCE_DRAINING && is_settled(s))
        leave(s);
    else if (s->phase == SOURCE_DRAINING)
        source_commit(s, true);
    poll_kafka(s);
    if (s->phase == SOURCE_LEAVING && rd_kafka_consumer_closed(s->rk))
        s->phase = SOURCE_LEFT;
}

void source_drain(struct source *s)
{
    if (s->phase != SOURCE_RUNNING)
        return;
    s->phase = SOURCE_DRAINING;
    source_pause(s, "shutting down");
    source_drop_backlog(s, true);
    source_again(s);
}

bool source_is_drained(const struct source *s)
{
    return s->phase >= SOURCE_LEFT;
}

/* ---- turns of the loop ---- */

static void turn(struct source *s)
{
    if (s->phase >= SOURCE_LEFT)
        return;
    source_fly(s);
    if (s->phase == SOURCE_RUNNING)
        take_or_pause(s);
    else
        drain_on(s);
}

static void on_again(uv_idle_t *handle)
{
    uv_idle_stop(handle);
    turn(handle->data);
}

void source_again(struct source *s)
{
    if (s->phase < SOURCE_LEFT)
        uv_idle_start(&s->again, on_again);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct source *s = handle->data;
    uint64_t times;
    (void)status;
    (void)events;
    if (read(s->event_fd, &times, sizeof times) == sizeof times)
        turn(s);
}

static void on_tick(uv_timer_t *handle)
{
    struct source *s = handle->data;
    if (s->phase >= SOURCE_LEFT)
        return;
    outlet_tick(s->outlet);
    turn(s);
    source_commit(s, false);
    source_revoke_on(s);
    if (clock_mono_us() - s->lags_at_us > LAGS_EVERY_US)
        source_note_lags(s);
}

/* ---- open and close ---- */

static void on_error(rd_kafka_t *rk, int err, const char *why, void *user)
{
    struct source *s = user;
    char text[KAFKA_WHY_BYTES];
    (void)why; /* its log has told */
    stats_add(&s->stats.errors, 1);
    if (err != RD_KAFKA_RESP_ERR__FATAL)
        return;
    err = rd_kafka_fatal_error(rk, text, sizeof text);
    log_error("Kafka consumer has ended", LOG_TEXT("error", rd_kafka_err2name(err)),
              LOG_TEXT("why", text));
}

static void subscribe(struct source *s)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(SOURCE_TOPICS);
    for (unsigned t = 0; t < SOURCE_TOPICS; t++)
        if (source_topic_name(s, t)[0] != '\0')
            rd_kafka_topic_partition_list_add(list, source_topic_name(s, t), RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(s->rk, list);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        log_error("Kafka cannot be subscribed to", LOG_TEXT("why", rd_kafka_err2str(err)));
    rd_kafka_topic_partition_list_destroy(list);
}

static void make_consumer(struct source *s)
{
    static const uint64_t one = 1;
    char why[KAFKA_WHY_BYTES] = "";
    rd_kafka_conf_t *conf = kafka_conf_consumer(s->kafka);
    rd_kafka_conf_set_opaque(conf, s);
    rd_kafka_conf_set_rebalance_cb(conf, source_on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, source_on_commit);
    rd_kafka_conf_set_error_cb(conf, on_error);
    s->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    CHECK(s->rk != NULL); /* the settings were tried at start */
    rd_kafka_poll_set_consumer(s->rk);
    s->queue = rd_kafka_queue_get_consumer(s->rk);
    rd_kafka_queue_io_event_enable(s->queue, s->event_fd, &one, sizeof one);
    subscribe(s);
}

static void make_flights(struct source *s)
{
    s->n_flights = (uint64_t)s->kafka->in_flight;
    if (crash_notes_any())
        s->n_singly = SOURCE_SINGLY * (s->n_flights + SOURCE_BATCH_MAX);
    s->flights = calloc(s->n_flights, sizeof *s->flights);
    s->failed = calloc(s->n_flights, sizeof *s->failed);
    s->backlog_cap = SOURCE_BACKLOG_MAX + s->n_flights;
    s->backlog = calloc(s->backlog_cap, sizeof *s->backlog);
    CHECK(s->flights != NULL && s->failed != NULL && s->backlog != NULL);
    for (uint64_t i = 0; i < s->n_flights; i++) {
        s->flights[i].source = s;
        s->flights[i].score.arena = arena_new(SCORE_ARENA_BYTES);
    }
}

static void make_handles(struct source *s)
{
    s->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(s->event_fd >= 0);
    CHECK(uv_poll_init(s->loop, &s->poll, s->event_fd) == 0);
    CHECK(uv_timer_init(s->loop, &s->tick) == 0);
    CHECK(uv_idle_init(s->loop, &s->again) == 0);
    s->poll.data = s->tick.data = s->again.data = s;
    s->open_handles = 3;
    CHECK(uv_poll_start(&s->poll, UV_READABLE, on_poll) == 0);
    CHECK(uv_timer_start(&s->tick, on_tick, SOURCE_TICK_MS, SOURCE_TICK_MS) == 0);
}

struct source *source_open(const struct source_options *o, uv_loop_t *loop)
{
    struct source *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    s->options = *o;
    s->kafka = o->kafka;
    s->engine = o->engine;
    s->loop = loop;
    CHECK(pthread_mutex_init(&s->lags_lock, NULL) == 0);
    make_flights(s);
    make_handles(s);
    struct outlet_options outlet = {.kafka = o->kafka,
                                    .loop = loop,
                                    .delivered = source_delivered,
                                    .refused = source_refused,
                                    .forgotten = source_forgotten,
                                    .user = s};
    s->outlet = outlet_open(&outlet);
    make_consumer(s);
    return s;
}

/* Consumed messages go before their consumer. */
static void drop_messages(struct source *s)
{
    while (s->n_failed > 0)
        source_push_front(s, &s->failed[--s->n_failed]);
    source_drop_backlog(s, true);
    for (; s->first < s->next; s->first++) {
        struct source_flight *f = &s->flights[s->first % s->n_flights];
        CHECK(f->is_done && f->is_released);
        rd_kafka_message_destroy(f->message.rkm);
        source_partition_drop(f->message.partition);
    }
}

/*
 * One that has not left the group, with a commit under way and no coordinator, would be waited for
 * as long as its session lasts, and busily: it is left to end with the process.
 */
static void end_consumer(struct source *s)
{
    if (s->leaving != NULL)
        rd_kafka_queue_destroy(s->leaving);
    if (s->revoking != NULL)
        rd_kafka_topic_partition_list_destroy(s->revoking);
    rd_kafka_queue_io_event_enable(s->queue, -1, NULL, 0); /* the descriptor goes */
    rd_kafka_queue_destroy(s->queue);
    if (s->has_left)
        rd_kafka_destroy_flags(s->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

static void free_all(struct source *s)
{
    drop_messages(s);
    end_consumer(s);
    source_partitions_free(s);
    for (uint64_t i = 0; i < s->n_flights; i++)
        arena_free(s->flights[i].score.arena);
    free(s->flights);
    free(s->failed);
    free(s->backlog);
    free(s->lags);
    pthread_mutex_destroy(&s->lags_lock);
    close(s->event_fd);
    free(s);
}

static void on_closed(uv_handle_t *handle)
{
    struct source *s = handle->data;
    if (--s->open_handles == 0)
        free_all(s);
}

void source_close(struct source *s)
{
    if (s == NULL)
        return;
    if (s->phase != SOURCE_LEFT)
        log_warning("Kafka source ends before it was drained",
                    LOG_INT("under_way", (int64_t)(s->next - s->first)),
                    LOG_INT("unsettled", (int64_t)outlet_unsettled(s->outlet)));
    s->has_left = s->phase == SOURCE_LEFT;
    s->phase = SOURCE_CLOSING;
    outlet_close(s->outlet);
    uv_close((uv_handle_t *)&s->poll, on_closed);
    uv_close((uv_handle_t *)&s->tick, on_closed);
    uv_close((uv_handle_t *)&s->again, on_closed);
}
