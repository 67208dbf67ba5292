/*
 * kafka_bare.c -- the floor of the Kafka bench: librdkafka consumes and produces the same messages,
 * with nothing in between.
 *
 *     kafka_bare BROKERS GROUP FROM TO THREADS
 *
 * Each thread has a consumer of the group and a producer, with the settings that Sluice has. Runs
 * until it is killed.
 */
#include "service/base/check.h"
#include "service/io/kafka_conf.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCH = 1000, WAIT_MS = 100 };

struct pipe {
    struct kafka_options options;
    const char *from, *to;
};

static rd_kafka_t *client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char why[KAFKA_WHY_BYTES] = "";
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (rk == NULL)
        fprintf(stderr, "kafka_bare: %s\n", why);
    CHECK(rk != NULL);
    return rk;
}

static rd_kafka_t *consumer_new(const struct pipe *p)
{
    rd_kafka_conf_t *conf = kafka_conf_consumer(&p->options);
    CHECK(rd_kafka_conf_set(conf, "enable.auto.commit", "true", NULL, 0) == RD_KAFKA_CONF_OK);
    CHECK(rd_kafka_conf_set(conf, "enable.auto.offset.store", "true", NULL, 0) == RD_KAFKA_CONF_OK);
    rd_kafka_t *rk = client_new(RD_KAFKA_CONSUMER, conf);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_add(topics, p->from, RD_KAFKA_PARTITION_UA);
    CHECK(rd_kafka_subscribe(rk, topics) == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(topics);
    return rk;
}

static void pass_on(rd_kafka_t *producer, rd_kafka_topic_t *to, const rd_kafka_message_t *m)
{
    while (rd_kafka_produce(to, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, m->payload, m->len,
                            m->key, m->key_len, NULL) != 0)
        rd_kafka_poll(producer, WAIT_MS); /* its queue is full */
}

static void *run(void *arg)
{
    const struct pipe *p = arg;
    rd_kafka_message_t *messages[BATCH];
    rd_kafka_t *consumer = consumer_new(p);
    rd_kafka_t *producer = client_new(RD_KAFKA_PRODUCER, kafka_conf_producer(&p->options));
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    rd_kafka_topic_t *to = rd_kafka_topic_new(producer, p->to, NULL);
    for (;;) {
        ssize_t n = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, BATCH);
        for (ssize_t i = 0; i < n; i++) {
            if (messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR)
                pass_on(producer, to, messages[i]);
            rd_kafka_message_destroy(messages[i]);
        }
        rd_kafka_poll(producer, 0);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: kafka_bare BROKERS GROUP FROM TO THREADS\n");
        return 2;
    }
    static struct pipe p;
    p.options = (struct kafka_options){
        .brokers = argv[1], .group = argv[2], .transactions = argv[3], .properties = ""};
    p.from = argv[3];
    p.to = argv[4];
    for (int i = atoi(argv[5]); i > 0; i--) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, run, &p) == 0);
    }
    pause();
    return 0;
}
