#include "service/io/outlet.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/log.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

enum {
    RETRY_US = 200000, /* after a refusal that may pass: a topic is missing, rights are */
    TELL_EVERY_US = 30000000,
    FLUSH_SLICE_MS = 50,
};

struct item {
    TAILQ_ENTRY(item) link;
    size_t bytes;    /* key, value and headers */
    uint64_t number; /* in the order of outlet_send */
    int64_t sent_us;
    bool is_suspect; /* refused, perhaps for what was in a batch with it: it is sent alone */
    struct outlet_message message;
    struct outlet_header headers[]; /* behind them: their bytes, the key's, the value's */
};

TAILQ_HEAD(items, item);

struct outlet {
    struct outlet_options options;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    rd_kafka_topic_t *topics[OUTLET_TOPICS]; /* NULL: not wanted */
    int event_fd;
    uv_poll_t poll;
    struct items waiting, sending;
    uint64_t next_number;
    struct item *came_back; /* of those that wait, the one put there last by a report; or NULL */
    size_t n_unsettled, n_waiting;
    size_t n_bytes; /* of those not acknowledged */
    int64_t retry_at_us, told_at_us;
    bool is_fatal;
    struct outlet_stats stats;
};

/* ---- items ---- */

static struct span copy(char **to, struct span s)
{
    if (s.base == NULL)
        return s;
    memcpy(*to, s.base, s.len);
    struct span copied = span_of(*to, s.len);
    (*to)[s.len] = '\0';
    *to += s.len + 1;
    return copied;
}

static size_t bytes_of(const struct outlet_message *m)
{
    size_t n = m->key.len + m->value.len + 2;
    for (int i = 0; i < m->n_headers; i++)
        n += m->headers[i].name.len + m->headers[i].value.len + 2;
    return n;
}

/* librdkafka allocates for each message too; there is no fixed room for what may be a megabyte. */
static struct item *item_new(struct outlet *o, const struct outlet_message *m)
{
    size_t heads = (size_t)m->n_headers * sizeof(struct outlet_header);
    size_t bytes = bytes_of(m);
    struct item *item = malloc(sizeof *item + heads + bytes);
    CHECK(item != NULL);
    *item = (struct item){.bytes = bytes, .number = o->next_number++, .sent_us = clock_mono_us()};
    char *at = (char *)item + sizeof *item + heads;
    for (int i = 0; i < m->n_headers; i++) {
        item->headers[i].name = copy(&at, m->headers[i].name);
        item->headers[i].value = copy(&at, m->headers[i].value);
    }
    item->message = *m;
    item->message.headers = item->headers;
    item->message.key = copy(&at, m->key);
    item->message.value = copy(&at, m->value);
    return item;
}

static void note_gauges(struct outlet *o)
{
    __atomic_store_n(&o->stats.unsettled, o->n_unsettled, __ATOMIC_RELAXED);
    __atomic_store_n(&o->stats.waiting, o->n_waiting, __ATOMIC_RELAXED);
}

/* By number: what comes back was sent before what waits. Thousands may come back in their order:
 * each is looked for from the one before. */
static void put_waiting(struct outlet *o, struct item *item)
{
    struct item *after = TAILQ_FIRST(&o->waiting);
    if (o->came_back != NULL && o->came_back->number < item->number)
        after = TAILQ_NEXT(o->came_back, link);
    while (after != NULL && after->number < item->number)
        after = TAILQ_NEXT(after, link);
    if (after != NULL)
        TAILQ_INSERT_BEFORE(after, item, link);
    else
        TAILQ_INSERT_TAIL(&o->waiting, item, link);
    o->came_back = item;
    o->n_waiting++;
}

static void take_waiting(struct outlet *o, struct item *item)
{
    TAILQ_REMOVE(&o->waiting, item, link);
    o->n_waiting--;
    if (o->came_back == item)
        o->came_back = NULL;
}

/* In no list any more; the caller hears of it, and may send again. */
static void settle(struct outlet *o, struct item *item, const char *refused)
{
    o->n_unsettled--;
    o->n_bytes -= item->bytes;
    if (refused == NULL)
        o->options.delivered(o->options.user, &item->message);
    else
        o->options.refused(o->options.user, &item->message, refused);
    free(item);
}

/* ---- producing ---- */

static rd_kafka_headers_t *headers_of(const struct item *item)
{
    const struct outlet_message *m = &item->message;
    rd_kafka_headers_t *headers = rd_kafka_headers_new((size_t)m->n_headers);
    CHECK(headers != NULL);
    for (int i = 0; i < m->n_headers; i++)
        CHECK(rd_kafka_header_add(headers, m->headers[i].name.base, (ssize_t)m->headers[i].name.len,
                                  m->headers[i].value.base,
                                  (ssize_t)m->headers[i].value.len) == RD_KAFKA_RESP_ERR_NO_ERROR);
    return headers;
}

/* The bytes stay ours until the report. */
static rd_kafka_resp_err_t produce(struct outlet *o, struct item *item)
{
    const struct outlet_message *m = &item->message;
    rd_kafka_headers_t *headers = headers_of(item);
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = o->topics[m->topic]},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)m->key.base, m->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)m->value.base, m->value.len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = item},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(o->rk, parts, sizeof parts / sizeof parts[0]);
    if (error == NULL)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_resp_err_t err = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    rd_kafka_headers_destroy(headers);
    return err;
}

/* Would it be refused for ever, if it was alone? */
static bool is_permanent(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
           err == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
           err == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE || err == RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

/* Told again each so often while it lasts: a topic that does not exist shows nowhere else. */
static void refused_for_now(struct outlet *o, const struct item *item, rd_kafka_resp_err_t err)
{
    int64_t now_us = clock_mono_us();
    o->retry_at_us = now_us + RETRY_US;
    if (o->told_at_us != 0 && now_us - o->told_at_us < TELL_EVERY_US)
        return;
    o->told_at_us = now_us;
    log_warning("Kafka does not take what is sent",
                LOG_TEXT("topic", rd_kafka_topic_name(o->topics[item->message.topic])),
                LOG_TEXT("why", rd_kafka_err2str(err)), LOG_INT("waiting", (int64_t)o->n_waiting));
}

/* Nothing goes beside one that is suspect. */
static bool may_send(const struct outlet *o, const struct item *item)
{
    const struct item *before = TAILQ_FIRST(&o->sending);
    return !o->is_fatal && (o->retry_at_us == 0 || clock_mono_us() >= o->retry_at_us) &&
           (before == NULL || (!before->is_suspect && !item->is_suspect));
}

static void send_waiting(struct outlet *o)
{
    struct item *item;
    while ((item = TAILQ_FIRST(&o->waiting)) != NULL && may_send(o, item)) {
        rd_kafka_resp_err_t err = produce(o, item);
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return; /* a report makes room */
        if (err != RD_KAFKA_RESP_ERR_NO_ERROR && !is_permanent(err)) {
            o->is_fatal |= err == RD_KAFKA_RESP_ERR__FATAL;
            refused_for_now(o, item, err);
            return;
        }
        take_waiting(o, item);
        o->retry_at_us = 0;
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
            TAILQ_INSERT_TAIL(&o->sending, item, link);
        else
            settle(o, item, rd_kafka_err2str(err));
    }
}

void outlet_send(struct outlet *o, const struct outlet_message *m)
{
    CHECK(o->topics[m->topic] != NULL && m->n_headers <= OUTLET_HEADERS_MAX);
    struct item *item = item_new(o, m);
    o->n_unsettled++;
    o->n_bytes += item->bytes;
    o->n_waiting++;
    TAILQ_INSERT_TAIL(&o->waiting, item, link);
    if (TAILQ_FIRST(&o->waiting) == item)
        send_waiting(o);
    note_gauges(o);
}

/* ---- reports ---- */

static void note_delivered(struct outlet *o, const struct item *item)
{
    stats_add(&o->stats.delivered, 1);
    latency_note(&o->stats.latency, clock_mono_us() - item->sent_us);
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *report, void *user)
{
    struct outlet *o = user;
    struct item *item = report->_private;
    (void)rk;
    TAILQ_REMOVE(&o->sending, item, link);
    if (report->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        note_delivered(o, item);
        settle(o, item, NULL);
    } else if (is_permanent(report->err) && item->is_suspect) {
        settle(o, item, rd_kafka_err2str(report->err));
    } else if (is_permanent(report->err)) { /* brokers judge whole batches */
        stats_add(&o->stats.retries, 1);
        item->is_suspect = true;
        put_waiting(o, item);
    } else {
        stats_add(&o->stats.retries, 1);
        put_waiting(o, item);
        refused_for_now(o, item, report->err);
    }
}

static void on_error(rd_kafka_t *rk, int err, const char *why, void *user)
{
    struct outlet *o = user;
    char text[KAFKA_WHY_BYTES];
    (void)why; /* its log has told, each broker that is away included */
    if (err != RD_KAFKA_RESP_ERR__FATAL)
        return;
    err = rd_kafka_fatal_error(rk, text, sizeof text);
    log_error("Kafka producer is made again", LOG_TEXT("error", rd_kafka_err2name(err)),
              LOG_TEXT("why", text));
    o->is_fatal = true;
}

/* ---- the producer ---- */

static void make_topics(struct outlet *o)
{
    const struct kafka_options *k = o->options.kafka;
    const char *const names[] = {[OUTLET_DECISIONS] = k->decisions,
                                 [OUTLET_DEAD_LETTERS] = k->dead_letters,
                                 [OUTLET_ALERTS] = k->alerts};
    for (int i = 0; i < OUTLET_TOPICS; i++) {
        o->topics[i] = names[i][0] != '\0' ? rd_kafka_topic_new(o->rk, names[i], NULL) : NULL;
        CHECK(names[i][0] == '\0' || o->topics[i] != NULL);
    }
}

static void make_producer(struct outlet *o)
{
    static const uint64_t one = 1;
    char why[KAFKA_WHY_BYTES] = "";
    rd_kafka_conf_t *conf = kafka_conf_producer(o->options.kafka);
    rd_kafka_conf_set_opaque(conf, o);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
    o->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    CHECK(o->rk != NULL); /* the settings were tried at start */
    make_topics(o);
    o->queue = rd_kafka_queue_get_main(o->rk);
    rd_kafka_queue_io_event_enable(o->queue, o->event_fd, &one, sizeof one);
}

/* Reports that were not served come no more: what they were of is nobody's but ours again. */
static void end_producer(struct outlet *o)
{
    rd_kafka_purge(o->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                              RD_KAFKA_PURGE_F_NON_BLOCKING);
    rd_kafka_queue_destroy(o->queue);
    for (int i = 0; i < OUTLET_TOPICS; i++)
        if (o->topics[i] != NULL)
            rd_kafka_topic_destroy(o->topics[i]);
    rd_kafka_destroy(o->rk);
}

static void renew(struct outlet *o)
{
    struct item *item;
    rd_kafka_poll(o->rk, 0);
    end_producer(o);
    while ((item = TAILQ_LAST(&o->sending, items)) != NULL) {
        TAILQ_REMOVE(&o->sending, item, link);
        put_waiting(o, item);
    }
    stats_add(&o->stats.renewed, 1);
    o->is_fatal = false;
    o->retry_at_us = 0;
    make_producer(o);
}

/* ---- the loop ---- */

void outlet_tick(struct outlet *o)
{
    rd_kafka_poll(o->rk, 0);
    if (o->is_fatal)
        renew(o);
    send_waiting(o);
    note_gauges(o);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct outlet *o = handle->data;
    uint64_t times;
    (void)status;
    (void)events;
    if (read(o->event_fd, &times, sizeof times) < 0)
        return; /* it was read already */
    outlet_tick(o);
}

struct outlet *outlet_open(const struct outlet_options *options)
{
    struct outlet *o = calloc(1, sizeof *o);
    CHECK(o != NULL);
    o->options = *options;
    TAILQ_INIT(&o->waiting);
    TAILQ_INIT(&o->sending);
    o->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(o->event_fd >= 0);
    CHECK(uv_poll_init(options->loop, &o->poll, o->event_fd) == 0);
    o->poll.data = o;
    CHECK(uv_poll_start(&o->poll, UV_READABLE, on_poll) == 0);
    make_producer(o);
    return o;
}

static void forget_all(struct outlet *o, struct items *items)
{
    struct item *item;
    while ((item = TAILQ_FIRST(items)) != NULL) {
        TAILQ_REMOVE(items, item, link);
        if (o->options.forgotten != NULL)
            o->options.forgotten(o->options.user, &item->message);
        free(item);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct outlet *o = handle->data;
    close(o->event_fd);
    free(o);
}

void outlet_close(struct outlet *o)
{
    if (o == NULL)
        return;
    end_producer(o);
    forget_all(o, &o->waiting);
    forget_all(o, &o->sending);
    uv_close((uv_handle_t *)&o->poll, on_closed);
}

void outlet_flush(struct outlet *o, int wait_ms)
{
    int64_t end_us = clock_mono_us() + (int64_t)wait_ms * 1000;
    while (o->n_unsettled > 0 && clock_mono_us() < end_us) {
        rd_kafka_flush(o->rk, FLUSH_SLICE_MS);
        outlet_tick(o);
    }
}

bool outlet_is_full(const struct outlet *o, size_t count_max)
{
    return o->n_unsettled >= count_max || o->n_bytes >= OUTLET_BYTES_MAX;
}

size_t outlet_unsettled(const struct outlet *o)
{
    return o->n_unsettled;
}

const struct outlet_stats *outlet_stats(const struct outlet *o)
{
    return &o->stats;
}
