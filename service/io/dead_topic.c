#include "service/io/dead_topic.h"

#include "service/base/check.h"
#include "service/io/letter.h"

#include <stdio.h>
#include <string.h>

enum { ASK_MS = 15000, SILENCE_MS = 30000, SEND_MS = 60000, ROOM_MS = 100, GROUP_BYTES = 300 };

struct reading {
    const struct dead_topic_options *options;
    rd_kafka_t *consumer, *producer; /* the second: NULL while only looking */
    rd_kafka_topic_partition_list_t *at, *ends;
    struct dead_topic_counts counts;
    uint64_t n_failed;
    char *why;
};

/* ---- headers ---- */

/* The last one of this name: earlier ones are the message's own. */
static struct span header_of(const rd_kafka_message_t *m, enum letter_header h)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, letter_header_text(h), &value, &size) !=
            RD_KAFKA_RESP_ERR_NO_ERROR)
        return span_of(NULL, 0);
    return span_of(value, size);
}

/* Ours stand behind the message's own. NULL: there are none. */
static rd_kafka_headers_t *original_headers(const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *all, *kept;
    const char *name;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(m, &all) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return NULL;
    size_t n = rd_kafka_header_cnt(all), own = n < LETTER_HEADERS ? n : LETTER_HEADERS;
    kept = rd_kafka_headers_new(n);
    for (size_t i = 0; i < n; i++) {
        CHECK(rd_kafka_header_get_all(all, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR);
        if (i < n - own || !letter_header_is_ours(name))
            CHECK(rd_kafka_header_add(kept, name, -1, value, (ssize_t)size) ==
                  RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    return kept;
}

/* ---- one letter ---- */

static struct dead_letter dead_letter_of(const rd_kafka_message_t *m)
{
    struct dead_letter l = {.partition = m->partition,
                            .offset = m->offset,
                            .error = header_of(m, LETTER_HEADER_ERROR),
                            .detail = header_of(m, LETTER_HEADER_DETAIL),
                            .topic = header_of(m, LETTER_HEADER_TOPIC),
                            .from_partition = header_of(m, LETTER_HEADER_PARTITION),
                            .from_offset = header_of(m, LETTER_HEADER_OFFSET)};
    l.goes_back = l.topic.len > 0 && !letter_is_left_out(span_of(m->payload, m->len));
    return l;
}

static void fail(struct reading *r, const char *what, const char *why)
{
    r->n_failed++;
    snprintf(r->why, KAFKA_WHY_BYTES, "%s: %s", what, why);
}

static rd_kafka_resp_err_t produce(struct reading *r, const rd_kafka_message_t *m,
                                   const char *topic, rd_kafka_headers_t *headers)
{
    rd_kafka_vu_t with[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {m->key, m->key_len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {m->payload, m->len}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    size_t n = sizeof with / sizeof with[0] - (headers == NULL);
    rd_kafka_error_t *error = rd_kafka_produceva(r->producer, with, n);
    rd_kafka_resp_err_t err = rd_kafka_error_code(error);
    if (error != NULL)
        rd_kafka_error_destroy(error);
    return err;
}

/* A full queue has room again when its reports are served: to block on it would wait for ever. */
static rd_kafka_resp_err_t produce_when_room(struct reading *r, const rd_kafka_message_t *m,
                                             const char *topic, rd_kafka_headers_t *headers)
{
    rd_kafka_resp_err_t err;
    int waited_ms = 0;
    while ((err = produce(r, m, topic, headers)) == RD_KAFKA_RESP_ERR__QUEUE_FULL &&
           waited_ms < SEND_MS) {
        int served = rd_kafka_poll(r->producer, ROOM_MS);
        waited_ms = served > 0 ? 0 : waited_ms + ROOM_MS;
    }
    return err;
}

static void send_back(struct reading *r, const rd_kafka_message_t *m, struct span topic)
{
    char name[256];
    rd_kafka_headers_t *headers = original_headers(m);
    snprintf(name, sizeof name, "%.*s", SPAN_ARG(topic));
    rd_kafka_resp_err_t err = produce_when_room(r, m, name, headers);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail(r, name, rd_kafka_err2str(err));
        if (headers != NULL)
            rd_kafka_headers_destroy(headers);
    }
    rd_kafka_poll(r->producer, 0);
}

static void take(struct reading *r, const rd_kafka_message_t *m)
{
    struct dead_letter l = dead_letter_of(m);
    r->counts.letters++;
    r->counts.goes_back += l.goes_back;
    if (r->options->each != NULL)
        r->options->each(r->options->user, &l);
    if (r->producer != NULL && l.goes_back)
        send_back(r, m, l.topic);
}

/* ---- from where to where ---- */

static enum status refuse(struct reading *r, const char *what, rd_kafka_resp_err_t err)
{
    snprintf(r->why, KAFKA_WHY_BYTES, "%s: %s", what, rd_kafka_err2str(err));
    return ST_UNAVAILABLE;
}

/* A partition for each of the topic's. */
static enum status list_partitions(struct reading *r)
{
    const struct rd_kafka_metadata *found;
    const char *name = r->options->kafka->dead_letters;
    rd_kafka_resp_err_t err = kafka_ask_topic(r->consumer, name, ASK_MS, &found);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return refuse(r, "kafka.brokers", err);
    err = found->topics[0].err;
    for (int i = 0; i < found->topics[0].partition_cnt; i++)
        rd_kafka_topic_partition_list_add(r->at, name, found->topics[0].partitions[i].id);
    rd_kafka_metadata_destroy(found);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? ST_OK : refuse(r, name, err);
}

/* r->at: where to begin; r->ends: where to stop. */
static enum status find_offsets(struct reading *r)
{
    rd_kafka_resp_err_t err = rd_kafka_committed(r->consumer, r->at, ASK_MS);
    for (int i = 0; i < r->at->cnt && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        rd_kafka_topic_partition_t *p = &r->at->elems[i];
        int64_t low, high;
        err = rd_kafka_query_watermark_offsets(r->consumer, p->topic, p->partition, &low, &high,
                                               ASK_MS);
        if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
        if (p->offset < low || r->options->from_beginning)
            p->offset = low;
        rd_kafka_topic_partition_list_add(r->ends, p->topic, p->partition)->offset = high;
    }
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? ST_OK : refuse(r, "the group's offsets", err);
}

/* How many partitions are not read to their end. */
static int open_partitions(const struct reading *r)
{
    int n = 0;
    for (int i = 0; i < r->at->cnt; i++)
        n += r->at->elems[i].offset < r->ends->elems[i].offset;
    return n;
}

static rd_kafka_topic_partition_t *partition_of(struct reading *r, int32_t id)
{
    for (int i = 0; i < r->at->cnt; i++)
        if (r->at->elems[i].partition == id)
            return &r->at->elems[i];
    return NULL;
}

/* A message of a partition, or that it has no more. */
static enum status see(struct reading *r, const rd_kafka_message_t *m)
{
    rd_kafka_topic_partition_t *p = partition_of(r, m->partition);
    bool is_end = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    if (p == NULL || (m->err != RD_KAFKA_RESP_ERR_NO_ERROR && !is_end))
        return refuse(r, "reading", m->err);
    if (!is_end && m->offset < r->ends->elems[p - r->at->elems].offset)
        take(r, m);
    p->offset = is_end ? m->offset : m->offset + 1;
    return ST_OK;
}

static enum status read_all(struct reading *r)
{
    rd_kafka_resp_err_t err = rd_kafka_assign(r->consumer, r->at);
    enum status st =
        err == RD_KAFKA_RESP_ERR_NO_ERROR ? ST_OK : refuse(r, "assigning the partitions", err);
    while (st == ST_OK && open_partitions(r) > 0) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(r->consumer, SILENCE_MS);
        if (m == NULL)
            return refuse(r, "reading", RD_KAFKA_RESP_ERR__TIMED_OUT);
        st = see(r, m);
        rd_kafka_message_destroy(m);
    }
    return st;
}

/* ---- the end of a replay ---- */

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct reading *r = opaque;
    (void)rk;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        r->counts.sent++;
    else
        fail(r, rd_kafka_topic_name(m->rkt), rd_kafka_err2str(m->err));
}

static enum status finish(struct reading *r)
{
    if (r->producer == NULL)
        return ST_OK;
    rd_kafka_resp_err_t err = rd_kafka_flush(r->producer, SEND_MS);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return refuse(r, "sending", err);
    if (r->n_failed > 0)
        return ST_UNAVAILABLE; /* why says what */
    err = rd_kafka_commit(r->consumer, r->ends, 0);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? ST_OK : refuse(r, "committing", err);
}

/* ---- the whole ---- */

static rd_kafka_t *client_new(struct reading *r, rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_opaque(conf, r);
    rd_kafka_conf_set_log_cb(conf, NULL); /* what fails is answered; stdout is the letters' */
    rd_kafka_t *rk = rd_kafka_new(type, conf, r->why, KAFKA_WHY_BYTES);
    if (rk == NULL)
        rd_kafka_conf_destroy(conf);
    return rk;
}

static enum status open_clients(struct reading *r, const struct kafka_options *kafka)
{
    rd_kafka_conf_t *consumer = kafka_conf_consumer(kafka);
    CHECK(rd_kafka_conf_set(consumer, "enable.partition.eof", "true", NULL, 0) == RD_KAFKA_CONF_OK);
    r->consumer = client_new(r, RD_KAFKA_CONSUMER, consumer);
    if (r->consumer == NULL)
        return ST_UNAVAILABLE;
    rd_kafka_poll_set_consumer(r->consumer);
    if (!r->options->replay)
        return ST_OK;
    rd_kafka_conf_t *producer = kafka_conf_producer(kafka);
    rd_kafka_conf_set_dr_msg_cb(producer, on_report);
    r->producer = client_new(r, RD_KAFKA_PRODUCER, producer);
    return r->producer != NULL ? ST_OK : ST_UNAVAILABLE;
}

static void close_clients(struct reading *r)
{
    if (r->producer != NULL) {
        rd_kafka_purge(r->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(r->producer, ASK_MS);
        rd_kafka_destroy(r->producer);
    }
    if (r->consumer != NULL)
        rd_kafka_destroy(r->consumer);
    rd_kafka_topic_partition_list_destroy(r->at);
    rd_kafka_topic_partition_list_destroy(r->ends);
}

enum status dead_topic_read(const struct dead_topic_options *o,
                            struct dead_topic_counts *ret_counts, char *ret_why)
{
    char group[GROUP_BYTES];
    struct kafka_options kafka = *o->kafka;
    struct reading r = {.options = o,
                        .why = ret_why,
                        .at = rd_kafka_topic_partition_list_new(1),
                        .ends = rd_kafka_topic_partition_list_new(1)};
    snprintf(group, sizeof group, "%s.dlq", o->kafka->group);
    kafka.group = group;
    enum status st = open_clients(&r, &kafka);
    if (st == ST_OK)
        st = list_partitions(&r);
    if (st == ST_OK)
        st = find_offsets(&r);
    if (st == ST_OK)
        st = read_all(&r);
    if (st == ST_OK)
        st = finish(&r);
    close_clients(&r);
    if (st == ST_OK)
        *ret_counts = r.counts;
    return st;
}
