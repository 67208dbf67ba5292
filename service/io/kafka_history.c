#include "service/io/kafka_history.h"

#include "service/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ASK_MS = 10000,
    SILENCE_MS = 30000, /* of one partition: a leader that dies is replaced well before */
    POLL_MS = 100,
    TOPIC_BYTES = 250,     /* Kafka's names have at most 249 */
    PROGRESS_EVERY = 1024, /* messages */
};

struct partition {
    rd_kafka_queue_t *queue;  /* its own: one that is ahead of the others waits by itself */
    rd_kafka_message_t *head; /* its next message; NULL: to be read, or there is none */
    int64_t next, end;        /* offsets; equal: all is read */
};

struct reading {
    const struct kafka_history_options *options;
    rd_kafka_t *consumer;
    rd_kafka_topic_partition_list_t *at; /* where to begin; in the order of ties */
    struct partition *partitions;        /* at->cnt of them; NULL before open_partitions() */
    uint64_t done, all, given;           /* offsets; messages */
    char said[KAFKA_WHY_BYTES / 2];      /* by librdkafka, of late */
    char *why;
};

/* ---- what goes wrong ---- */

/* That all brokers are down says less than what was said of one of them. */
static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct reading *r = opaque;
    (void)rk;
    if (err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || r->said[0] == '\0')
        snprintf(r->said, sizeof r->said, "%s", reason);
}

/* Let it say what is wrong: on_error() is called from here, and from nowhere else. */
static void hear(struct reading *r)
{
    rd_kafka_message_t *m = rd_kafka_consumer_poll(r->consumer, 0);
    if (m == NULL)
        return;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        on_error(r->consumer, (int)m->err, rd_kafka_message_errstr(m), r);
    rd_kafka_message_destroy(m);
}

static enum status refuse(struct reading *r, const char *what, const char *why)
{
    hear(r);
    int n = snprintf(r->why, KAFKA_WHY_BYTES, "%s: %s", what, why);
    if (r->said[0] != '\0' && n < KAFKA_WHY_BYTES)
        snprintf(r->why + n, (size_t)(KAFKA_WHY_BYTES - n), " (%s)", r->said);
    return ST_UNAVAILABLE;
}

static enum status refuse_partition(struct reading *r, int i, const char *why)
{
    char what[TOPIC_BYTES + 32];
    const rd_kafka_topic_partition_t *at = &r->at->elems[i];
    snprintf(what, sizeof what, "%s, partition %d", at->topic, (int)at->partition);
    return refuse(r, what, why);
}

/* ---- from where to where ---- */

static enum status add_partitions(struct reading *r, const char *name,
                                  const struct rd_kafka_metadata_topic *found)
{
    if (found->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        snprintf(r->why, KAFKA_WHY_BYTES, "%s: the brokers have no such topic", name);
        return ST_NOT_FOUND;
    }
    if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return refuse(r, name, rd_kafka_err2str(found->err));
    if (found->partition_cnt > KAFKA_HISTORY_PARTITIONS_MAX - r->at->cnt) {
        snprintf(r->why, KAFKA_WHY_BYTES, "%s: more than %d partitions in all", name,
                 KAFKA_HISTORY_PARTITIONS_MAX);
        return ST_INVALID;
    }
    for (int i = 0; i < found->partition_cnt; i++)
        rd_kafka_topic_partition_list_add(r->at, name, i);
    return ST_OK;
}

static enum status ask_topic(struct reading *r, const char *name)
{
    const struct rd_kafka_metadata *found;
    rd_kafka_resp_err_t err = kafka_ask_topic(r->consumer, name, ASK_MS, &found);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return refuse(r, r->options->kafka->brokers, rd_kafka_err2str(err));
    enum status st = add_partitions(r, name, &found->topics[0]);
    rd_kafka_metadata_destroy(found);
    return st;
}

static bool is_named(const rd_kafka_topic_partition_list_t *at, const char *name)
{
    return rd_kafka_topic_partition_list_find(at, name, 0) != NULL;
}

static enum status ask_topics(struct reading *r)
{
    char name[TOPIC_BYTES];
    const char *rest = r->options->topics;
    enum status st = ST_OK;
    for (bool more = true; st == ST_OK && more;) {
        size_t len = strcspn(rest, ",");
        more = rest[len] == ',';
        if (len == 0 || len >= sizeof name) {
            snprintf(r->why, KAFKA_WHY_BYTES, "no name of a topic, nor several with commas");
            return ST_INVALID;
        }
        snprintf(name, sizeof name, "%.*s", (int)len, rest);
        if (!is_named(r->at, name))
            st = ask_topic(r, name);
        rest += len + more;
    }
    return st;
}

/* Its beginning, and its end as it is now. */
static enum status ask_offsets(struct reading *r, int i)
{
    rd_kafka_topic_partition_t *at = &r->at->elems[i];
    struct partition *p = &r->partitions[i];
    int64_t low, high;
    rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(r->consumer, at->topic,
                                                               at->partition, &low, &high, ASK_MS);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return refuse_partition(r, i, rd_kafka_err2str(err));
    at->offset = p->next = low;
    p->end = high;
    r->all += (uint64_t)(high - low);
    return ST_OK;
}

/* Queues first: what is assigned later goes to them, and nothing to the consumer's. */
static enum status open_partitions(struct reading *r)
{
    enum status st = ST_OK;
    r->partitions = calloc((size_t)r->at->cnt, sizeof *r->partitions);
    CHECK(r->partitions != NULL);
    for (int i = 0; i < r->at->cnt && st == ST_OK; i++) {
        const rd_kafka_topic_partition_t *at = &r->at->elems[i];
        r->partitions[i].queue =
            rd_kafka_queue_get_partition(r->consumer, at->topic, at->partition);
        CHECK(r->partitions[i].queue != NULL);
        rd_kafka_queue_forward(r->partitions[i].queue, NULL);
        st = ask_offsets(r, i);
    }
    if (st != ST_OK)
        return st;
    rd_kafka_resp_err_t err = rd_kafka_assign(r->consumer, r->at);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR
               ? ST_OK
               : refuse(r, "assigning the partitions", rd_kafka_err2str(err));
}

/* ---- reading ---- */

/* A message of a partition, which keeps it as its head; or that it has no more, or what is wrong.
 * Its last offsets may be no messages but the marks of transactions: then its end is told alone. */
static enum status see(struct reading *r, int i, rd_kafka_message_t *m)
{
    struct partition *p = &r->partitions[i];
    enum status st = ST_OK;
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        p->next = p->end;
    else if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        st = refuse_partition(r, i, "the topic's retention overtook the reading; try again");
    else if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        st = refuse_partition(r, i, rd_kafka_message_errstr(m));
    else if (m->offset >= p->end)
        p->next = p->end;
    else
        p->head = m;
    if (p->head != m)
        rd_kafka_message_destroy(m);
    return st;
}

/* Wait until the partition has a head, or is at its end. */
static enum status fill(struct reading *r, int i)
{
    struct partition *p = &r->partitions[i];
    enum status st = ST_OK;
    int waited_ms = 0;
    while (st == ST_OK && p->head == NULL && p->next < p->end) {
        rd_kafka_message_t *m = rd_kafka_consume_queue(p->queue, POLL_MS);
        if (m != NULL) {
            st = see(r, i, m);
            continue;
        }
        hear(r);
        waited_ms += POLL_MS;
        if (waited_ms >= SILENCE_MS)
            st = refuse_partition(r, i, "nothing came for 30 s");
    }
    return st;
}

static int64_t time_of(const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type;
    return rd_kafka_message_timestamp(m, &type);
}

/* The partition whose head is next, or -1. */
static int earliest(const struct reading *r)
{
    int found = -1;
    int64_t least_ms = INT64_MAX;
    for (int i = 0; i < r->at->cnt; i++) {
        const rd_kafka_message_t *head = r->partitions[i].head;
        if (head != NULL && time_of(head) < least_ms) {
            least_ms = time_of(head);
            found = i;
        }
    }
    return found;
}

static enum status give(struct reading *r, int i)
{
    struct partition *p = &r->partitions[i];
    const struct kafka_history_options *o = r->options;
    rd_kafka_message_t *m = p->head;
    enum status st = ST_OK;
    if (m->payload != NULL && m->len > 0)
        st = o->each(o->user, span_of(m->payload, m->len));
    r->done += (uint64_t)(m->offset + 1 - p->next);
    p->next = m->offset + 1;
    p->head = NULL;
    rd_kafka_message_destroy(m);
    if (o->progress != NULL && ++r->given % PROGRESS_EVERY == 0)
        o->progress(o->user, r->done, r->all);
    return st;
}

static enum status read_all(struct reading *r)
{
    enum status st = ST_OK;
    for (int i = 0; i < r->at->cnt && st == ST_OK; i++)
        st = fill(r, i);
    for (int i; st == ST_OK && (i = earliest(r)) >= 0;) {
        st = give(r, i);
        if (st == ST_OK)
            st = fill(r, i);
    }
    return st;
}

/* ---- the whole ---- */

/* Ours, whatever the user's settings are. */
static rd_kafka_conf_t *conf_new(struct reading *r)
{
    char kilobytes[16];
    const char *settings[][2] = {
        {"enable.partition.eof", "true"},
        {"auto.offset.reset", "error"}, /* not silently on from what retention has left */
        {"allow.auto.create.topics", "false"},
        {"queued.max.messages.kbytes", kilobytes},
    };
    rd_kafka_conf_t *conf = kafka_conf_consumer(r->options->kafka);
    snprintf(kilobytes, sizeof kilobytes, "%d", KAFKA_HISTORY_QUEUED_KB);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        CHECK(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], NULL, 0) == RD_KAFKA_CONF_OK);
    rd_kafka_conf_set_opaque(conf, r);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, NULL); /* what fails is answered; stdout is the report's */
    return conf;
}

static enum status open_consumer(struct reading *r)
{
    rd_kafka_conf_t *conf = conf_new(r);
    r->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, r->why, KAFKA_WHY_BYTES);
    if (r->consumer == NULL) {
        rd_kafka_conf_destroy(conf);
        return ST_UNAVAILABLE;
    }
    rd_kafka_poll_set_consumer(r->consumer);
    return ST_OK;
}

static void close_all(struct reading *r)
{
    for (int i = 0; r->partitions != NULL && i < r->at->cnt; i++) {
        if (r->partitions[i].head != NULL)
            rd_kafka_message_destroy(r->partitions[i].head);
        if (r->partitions[i].queue != NULL)
            rd_kafka_queue_destroy(r->partitions[i].queue);
    }
    free(r->partitions);
    if (r->consumer != NULL)
        rd_kafka_destroy(r->consumer);
    rd_kafka_topic_partition_list_destroy(r->at);
}

enum status kafka_history_read(const struct kafka_history_options *o, char *ret_why)
{
    struct reading r = {.options = o, .why = ret_why, .at = rd_kafka_topic_partition_list_new(1)};
    enum status st = open_consumer(&r);
    if (st == ST_OK)
        st = ask_topics(&r);
    if (st == ST_OK)
        st = open_partitions(&r);
    if (st == ST_OK)
        st = read_all(&r);
    close_all(&r);
    return st;
}
