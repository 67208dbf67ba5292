#include "service/io/alert_topic.h"

#include "service/base/check.h"
#include "service/base/log.h"
#include "service/io/cloud_event.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct alert_topic {
    struct alert_topic_options options;
    rd_kafka_t *producer;
    int wake_fd; /* readable: delivery reports wait */
    uv_poll_t poll;
    bool is_fatal; /* the producer gives nothing out any more: another one takes its place */
};

/* ---- reports ---- */

/* What no broker will take however often it is sent. */
static bool is_permanent(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
           err == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE || err == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
           err == RD_KAFKA_RESP_ERR_POLICY_VIOLATION;
}

static void come_back(struct alert_topic *t, struct outbox_item *item, rd_kafka_resp_err_t err)
{
    const struct alert_topic_options *o = &t->options;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        o->done(o->user, item);
    else if (is_permanent(err))
        o->refused(o->user, item, rd_kafka_err2str(err));
    else
        o->again(o->user, item);
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    come_back(opaque, m->_private, m->err);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct alert_topic *t = opaque;
    (void)rk;
    if (err != RD_KAFKA_RESP_ERR__FATAL)
        return; /* librdkafka logs it, and tries again */
    t->is_fatal = true;
    log_error("producer of alerts failed", LOG_TEXT("why", reason));
}

/* ---- the producer ---- */

static enum status open_producer(struct alert_topic *t, char *ret_why)
{
    rd_kafka_conf_t *conf = kafka_conf_producer(t->options.kafka);
    rd_kafka_conf_set_opaque(conf, t);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
    t->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, ret_why, KAFKA_WHY_BYTES);
    if (t->producer == NULL) {
        rd_kafka_conf_destroy(conf);
        return ST_UNSUPPORTED;
    }
    static const uint64_t one = 1;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(t->producer);
    rd_kafka_queue_io_event_enable(queue, t->wake_fd, &one, sizeof one);
    rd_kafka_queue_destroy(queue);
    t->is_fatal = false;
    return ST_OK;
}

/* All that was put comes back before this returns. */
static void close_producer(struct alert_topic *t)
{
    rd_kafka_purge(t->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(t->producer) > 0)
        rd_kafka_poll(t->producer, 10);
    rd_kafka_destroy(t->producer);
    t->producer = NULL;
}

static void replace_producer(struct alert_topic *t)
{
    char why[KAFKA_WHY_BYTES] = "";
    close_producer(t);
    CHECK(open_producer(t, why) == ST_OK); /* the same settings were fine before */
}

static void on_wake(uv_poll_t *handle, int status, int events)
{
    struct alert_topic *t = handle->data;
    uint64_t n;
    (void)status;
    (void)events;
    if (read(t->wake_fd, &n, sizeof n) < 0)
        return; /* nothing waits */
    rd_kafka_poll(t->producer, 0);
    if (t->is_fatal)
        replace_producer(t);
}

enum status alert_topic_open(const struct alert_topic_options *o, struct alert_topic **ret_topic,
                             char *ret_why)
{
    struct alert_topic *t = calloc(1, sizeof *t);
    CHECK(t != NULL);
    t->options = *o;
    t->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(t->wake_fd >= 0);
    enum status st = open_producer(t, ret_why);
    if (st != ST_OK) {
        close(t->wake_fd);
        free(t);
        return st;
    }
    t->poll.data = t;
    CHECK(uv_poll_init(o->loop, &t->poll, t->wake_fd) == 0);
    CHECK(uv_poll_start(&t->poll, UV_READABLE, on_wake) == 0);
    *ret_topic = t;
    return ST_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct alert_topic *t = handle->data;
    close(t->wake_fd);
    free(t);
}

void alert_topic_close(struct alert_topic *t, int wait_ms)
{
    if (t == NULL)
        return;
    rd_kafka_flush(t->producer, wait_ms); /* what it leaves is purged, and comes back */
    close_producer(t);
    uv_close((uv_handle_t *)&t->poll, on_closed);
}

/* ---- messages ---- */

static rd_kafka_headers_t *headers_of(const struct alert *a)
{
    struct cloud_event e = {.type = "sluice.alert.v1",
                            .id = span_str(a->id),
                            .subject = a->transaction_id,
                            .traceparent = a->traceparent,
                            .time_ms = a->ts_ms};
    return cloud_event_headers(&e);
}

/* The headers are taken with success alone. */
static rd_kafka_resp_err_t produce(struct alert_topic *t, struct outbox_item *item,
                                   rd_kafka_headers_t *headers)
{
    const struct alert *a = &item->alert;
    rd_kafka_vu_t with[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = t->options.kafka->alerts},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {(void *)(uintptr_t)a->transaction_id.base, a->transaction_id.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)a->json.base, a->json.len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = item},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(t->producer, with, sizeof with / sizeof with[0]);
    rd_kafka_resp_err_t err = rd_kafka_error_code(error);
    if (error != NULL)
        rd_kafka_error_destroy(error);
    return err;
}

enum status alert_topic_put(struct alert_topic *t, struct outbox_item *item)
{
    rd_kafka_headers_t *headers = t->is_fatal ? NULL : headers_of(&item->alert);
    if (headers == NULL)
        return ST_NO_SPACE;
    rd_kafka_resp_err_t err = produce(t, item, headers);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return ST_OK;
    rd_kafka_headers_destroy(headers);
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL || !is_permanent(err))
        return ST_NO_SPACE;
    come_back(t, item, err);
    return ST_OK;
}

int alert_topic_depth(const struct alert_topic *t)
{
    return rd_kafka_outq_len(t->producer);
}
