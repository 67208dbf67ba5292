#include "service/io/kafka_conf.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/log.h"
#include "service/base/pairs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    NAME_MAX_BYTES = 128, /* librdkafka's longest has 45 */
    VALUE_MAX_BYTES = 4096,
    NAMES_MAX = 512,          /* librdkafka 2.0 has 170 of the client and 30 of topics */
    LOG_LINES_MAX = 10,       /* of librdkafka, in LOG_WINDOW_US; a broker that is away is told */
    LOG_WINDOW_US = 10000000, /* each second by each client */
    SYSLOG_ERROR = 3,
    SYSLOG_WARNING = 4,
};

/* ---- its log ---- */

static struct {
    pthread_mutex_t lock;
    int64_t since_us;
    int lines, left_out;
} flood = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* May one more line be said? *ret_left_out: those that were not, since one was. */
static bool may_log(int *ret_left_out)
{
    int64_t now_us = clock_mono_us();
    pthread_mutex_lock(&flood.lock);
    if (now_us - flood.since_us > LOG_WINDOW_US) {
        flood.since_us = now_us;
        flood.lines = 0;
    }
    bool may = flood.lines < LOG_LINES_MAX;
    *ret_left_out = flood.left_out;
    flood.lines += may;
    flood.left_out = may ? 0 : flood.left_out + 1;
    pthread_mutex_unlock(&flood.lock);
    return may;
}

/* Producer's settings given to a consumer and the like are warned of: we give all to both. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    int left_out;
    if (level > SYSLOG_WARNING || strcmp(facility, "CONFWARN") == 0 || !may_log(&left_out))
        return;
    log_at(level > SYSLOG_ERROR ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "Kafka",
           LOG_TEXT("client", rk != NULL ? rd_kafka_name(rk) : ""), LOG_TEXT("facility", facility),
           LOG_TEXT("why", text), LOG_INT("left_out", left_out));
}

/* ---- ours ---- */

/* X(name, why) */
#define OURS_TABLE(X)                                                                    \
    X("bootstrap.servers", "kafka.brokers sets it")                                      \
    X("metadata.broker.list", "kafka.brokers sets it")                                   \
    X("group.id", "kafka.group sets it")                                                 \
    X("group.instance.id", "each worker is a member of its own")                         \
    X("enable.auto.commit", "Sluice commits what is finished, and nothing before")       \
    X("enable.auto.offset.store", "Sluice commits what is finished, and nothing before") \
    X("auto.commit.enable", "Sluice commits what is finished, and nothing before")       \
    X("enable.partition.eof", "Sluice does not need it")                                 \
    X("acks", "Sluice waits for all of them")                                            \
    X("request.required.acks", "Sluice waits for all of them")                           \
    X("enable.idempotence", "Sluice sends nothing twice")                                \
    X("enable.gapless.guarantee", "Sluice sends again itself")                           \
    X("message.timeout.ms", "Sluice gives up nothing that it sends")                     \
    X("delivery.timeout.ms", "Sluice gives up nothing that it sends")                    \
    X("message.send.max.retries", "Sluice gives up nothing that it sends")               \
    X("retries", "Sluice gives up nothing that it sends")                                \
    X("transactional.id", "Sluice does not use transactions of Kafka")                   \
    X("delivery.report.only.error", "Sluice waits for all reports")

static const struct {
    const char *name, *why;
} ours[] = {
#define X(name, why) {name, why},
    OURS_TABLE(X)
#undef X
};

/* Why a setting is not the user's; NULL: it is. */
static const char *why_ours(struct span name)
{
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (span_is(name, ours[i].name))
            return ours[i].why;
    return NULL;
}

/* ---- making ---- */

struct setting {
    const char *name, *value;
};

static void set_all(rd_kafka_conf_t *conf, const struct setting *settings, size_t n)
{
    char why[KAFKA_WHY_BYTES];
    for (size_t i = 0; i < n; i++)
        CHECK(rd_kafka_conf_set(conf, settings[i].name, settings[i].value, why, sizeof why) ==
              RD_KAFKA_CONF_OK);
}

static rd_kafka_conf_res_t set_pair(rd_kafka_conf_t *conf, struct span name, struct span value,
                                    char *ret_why)
{
    char name_text[NAME_MAX_BYTES], value_text[VALUE_MAX_BYTES];
    snprintf(name_text, sizeof name_text, "%.*s", SPAN_ARG(name));
    snprintf(value_text, sizeof value_text, "%.*s", SPAN_ARG(value));
    return rd_kafka_conf_set(conf, name_text, value_text, ret_why, KAFKA_WHY_BYTES);
}

static void set_pairs(rd_kafka_conf_t *conf, const char *pairs)
{
    char why[KAFKA_WHY_BYTES];
    struct span name, value;
    while (pairs_next(&pairs, &name, &value))
        if (why_ours(name) == NULL)
            CHECK(set_pair(conf, name, value, why) == RD_KAFKA_CONF_OK);
}

static rd_kafka_conf_t *conf_new(const struct kafka_options *o)
{
    const struct setting both[] = {{"client.id", "sluice"}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    CHECK(conf != NULL);
    rd_kafka_conf_set_log_cb(conf, on_log);
    set_all(conf, both, sizeof both / sizeof both[0]);
    if (o->brokers[0] != '\0')
        set_all(conf, &(struct setting){"bootstrap.servers", o->brokers}, 1);
    return conf;
}

rd_kafka_conf_t *kafka_conf_consumer(const struct kafka_options *o)
{
    const struct setting before[] = {
        {"auto.offset.reset", "earliest"},
        /* Partitions of a process that was killed are another's after 20 s, not 45: librdkafka
         * tells from a thread of its own that we live, however busy the loop is. */
        {"session.timeout.ms", "20000"},
        {"heartbeat.interval.ms", "2000"},
        {"topic.metadata.refresh.interval.ms", "10000"}, /* a topic that is yet to be created */
        {"group.id", o->group},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
    };
    rd_kafka_conf_t *conf = conf_new(o);
    set_all(conf, before, sizeof before / sizeof before[0]);
    set_pairs(conf, o->properties);
    return conf;
}

/* Keys go to the partitions that Kafka's own clients give them. */
rd_kafka_conf_t *kafka_conf_producer(const struct kafka_options *o)
{
    const struct setting before[] = {
        {"compression.type", "lz4"},    {"linger.ms", "5"}, {"partitioner", "murmur2_random"},
        {"enable.idempotence", "true"}, {"acks", "all"},    {"message.timeout.ms", "0"}, /* never */
    };
    rd_kafka_conf_t *conf = conf_new(o);
    set_all(conf, before, sizeof before / sizeof before[0]);
    set_pairs(conf, o->properties);
    return conf;
}

/* ---- checking ---- */

struct names {
    const char *names[NAMES_MAX];
    size_t n;
};

static void add_names(struct names *names, const char **dump, size_t n)
{
    for (size_t i = 0; i < n && names->n < NAMES_MAX; i += 2)
        names->names[names->n++] = dump[i];
}

/* The name of librdkafka's that may be meant goes to the hint. */
static void refuse_unknown(struct span name, struct diag_at at, struct diag_list *diags)
{
    struct names names = {0};
    char hint[NAME_MAX_BYTES + 32] = "";
    size_t n_client, n_topic;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_conf_t *topic = rd_kafka_topic_conf_new();
    CHECK(conf != NULL && topic != NULL);
    const char **client_dump = rd_kafka_conf_dump(conf, &n_client);
    const char **topic_dump = rd_kafka_topic_conf_dump(topic, &n_topic);
    add_names(&names, client_dump, n_client);
    add_names(&names, topic_dump, n_topic);
    const char *nearest = diag_nearest(name, names.names, names.n);
    if (nearest != NULL)
        snprintf(hint, sizeof hint, "did you mean '%.100s'?", nearest);
    diag_error(diags, at, hint[0] != '\0' ? hint : NULL,
               "kafka.properties: librdkafka has no setting '%.*s'", SPAN_ARG(name));
    rd_kafka_conf_dump_free(client_dump, n_client);
    rd_kafka_conf_dump_free(topic_dump, n_topic);
    rd_kafka_conf_destroy(conf);
    rd_kafka_topic_conf_destroy(topic);
}

static void check_pair(rd_kafka_conf_t *scratch, struct span name, struct span value,
                       struct diag_at at, struct diag_list *diags)
{
    char why[KAFKA_WHY_BYTES];
    const char *own = why_ours(name);
    if (own != NULL) {
        diag_error(diags, at, "leave it out", "kafka.properties: '%.*s' is not yours to set: %s",
                   SPAN_ARG(name), own);
        return;
    }
    rd_kafka_conf_res_t res = name.len < NAME_MAX_BYTES && value.len < VALUE_MAX_BYTES
                                  ? set_pair(scratch, name, value, why)
                                  : RD_KAFKA_CONF_UNKNOWN;
    if (res == RD_KAFKA_CONF_UNKNOWN)
        refuse_unknown(name, at, diags);
    else if (res == RD_KAFKA_CONF_INVALID) /* its own text has the value */
        diag_error(diags, at, "librdkafka's CONFIGURATION.md has the range of each setting",
                   "kafka.properties: '%.*s' does not take this value", SPAN_ARG(name));
}

/* What only shows when a client is made: settings that do not fit together. Without brokers it
 * connects to nobody. */
static void check_whole(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct diag_at at,
                        struct diag_list *diags)
{
    char why[KAFKA_WHY_BYTES] = "";
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (rk != NULL) {
        rd_kafka_destroy(rk);
        return;
    }
    rd_kafka_conf_destroy(conf);
    diag_error(diags, at, NULL, "kafka.properties: %s", why);
}

enum status kafka_conf_check(const struct kafka_options *o, struct diag_at at,
                             struct diag_list *diags)
{
    const char *pairs = o->properties;
    int errors_before = diags->errors;
    struct span name, value;
    struct kafka_options nobody = *o;
    rd_kafka_conf_t *scratch = rd_kafka_conf_new();
    CHECK(scratch != NULL);
    while (pairs_next(&pairs, &name, &value))
        check_pair(scratch, name, value, at, diags);
    rd_kafka_conf_destroy(scratch);
    if (diags->errors > errors_before)
        return ST_INVALID;
    nobody.brokers = "";
    check_whole(RD_KAFKA_CONSUMER, kafka_conf_consumer(&nobody), at, diags);
    if (diags->errors == errors_before)
        check_whole(RD_KAFKA_PRODUCER, kafka_conf_producer(&nobody), at, diags);
    return diags->errors > errors_before ? ST_INVALID : ST_OK;
}

rd_kafka_resp_err_t kafka_ask_topic(rd_kafka_t *client, const char *name, int timeout_ms,
                                    const struct rd_kafka_metadata **ret_found)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    CHECK(topic != NULL);
    rd_kafka_resp_err_t err = rd_kafka_metadata(client, 0, topic, ret_found, timeout_ms);
    rd_kafka_topic_destroy(topic);
    return err;
}
