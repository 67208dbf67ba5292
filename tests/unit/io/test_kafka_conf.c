#include "service/io/kafka_conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static enum status check(const char *properties, struct diag_list *ret_diags)
{
    struct kafka_options o = {
        .brokers = "127.0.0.1:1", .group = "g", .properties = properties, .in_flight = 1};
    *ret_diags = (struct diag_list){0};
    return kafka_conf_check(&o, (struct diag_at){.file = "sluice.yaml", .line = 3, .col = 1},
                            ret_diags);
}

static void settings_of_librdkafka_are_fine(void **state)
{
    struct diag_list diags;
    (void)state;
    assert_int_equal(check("", &diags), ST_OK);
    assert_int_equal(check("linger.ms=20\nsession.timeout.ms=6000\nauto.offset.reset=latest\n"
                           "partition.assignment.strategy=cooperative-sticky\n",
                           &diags),
                     ST_OK);
    assert_int_equal(diags.count, 0);
}

static void an_unknown_setting_is_refused_with_the_nearest_name(void **state)
{
    struct diag_list diags;
    (void)state;
    assert_int_equal(check("sesion.timeout.ms=6000\n", &diags), ST_INVALID);
    assert_string_equal(diags.items[0].message,
                        "kafka.properties: librdkafka has no setting 'sesion.timeout.ms'");
    assert_string_equal(diags.items[0].hint, "did you mean 'session.timeout.ms'?");
    assert_int_equal(check("auto.ofset.reset=latest\n", &diags), ST_INVALID);
    assert_string_equal(diags.items[0].hint, "did you mean 'auto.offset.reset'?");
    assert_int_equal(check("colour=red\n", &diags), ST_INVALID);
    assert_string_equal(diags.items[0].hint, "");
}

static void a_bad_value_is_refused_and_not_shown(void **state)
{
    struct diag_list diags;
    (void)state;
    assert_int_equal(check("linger.ms=hunter2\n", &diags), ST_INVALID);
    assert_string_equal(diags.items[0].message,
                        "kafka.properties: 'linger.ms' does not take this value");
    assert_null(strstr(diags.items[0].hint, "hunter2"));
}

static void what_is_ours_is_refused_with_the_reason(void **state)
{
    struct diag_list diags;
    (void)state;
    assert_int_equal(check("bootstrap.servers=b\nenable.auto.commit=true\nacks=1\n", &diags),
                     ST_INVALID);
    assert_int_equal(diags.errors, 3);
    assert_string_equal(diags.items[0].message, "kafka.properties: 'bootstrap.servers' is not "
                                                "yours to set: kafka.brokers sets it");
}

static void settings_that_do_not_fit_together_are_refused(void **state)
{
    struct diag_list diags;
    (void)state;
    assert_int_equal(check("session.timeout.ms=60000\nmax.poll.interval.ms=10000\n", &diags),
                     ST_INVALID);
    assert_int_equal(diags.errors, 1);
    assert_int_equal(check("max.in.flight=1000\n", &diags), ST_INVALID);
}

static void clients_are_made_of_it(void **state)
{
    struct kafka_options o = {.brokers = "127.0.0.1:1", .group = "g", .properties = "acks=0\n"};
    char value[64];
    size_t size = sizeof value;
    (void)state;
    rd_kafka_conf_t *conf = kafka_conf_producer(&o);
    assert_int_equal(rd_kafka_conf_get(conf, "acks", value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, "-1");
    rd_kafka_conf_destroy(conf);
    conf = kafka_conf_consumer(&o);
    size = sizeof value;
    assert_int_equal(rd_kafka_conf_get(conf, "enable.auto.commit", value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, "false");
    rd_kafka_conf_destroy(conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_of_librdkafka_are_fine),
        cmocka_unit_test(an_unknown_setting_is_refused_with_the_nearest_name),
        cmocka_unit_test(a_bad_value_is_refused_and_not_shown),
        cmocka_unit_test(what_is_ours_is_refused_with_the_reason),
        cmocka_unit_test(settings_that_do_not_fit_together_are_refused),
        cmocka_unit_test(clients_are_made_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
