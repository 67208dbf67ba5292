#include "service/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/sluice-config-XXXXXX";
static char path[64];

static void write_file(const char *content)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(content, f);
    fclose(f);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/sluice.yaml", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static enum status load(const char *content, struct diag_list *diags, struct config *ret_config)
{
    *diags = (struct diag_list){0};
    write_file(content);
    return config_load(path, NULL, 0, diags, ret_config);
}

static void a_short_file_leaves_the_rest_at_its_defaults(void **state)
{
    struct diag_list diags;
    struct config c;
    (void)state;
    assert_int_equal(load("ruleset: /r.yaml\n", &diags, &c), ST_OK);
    assert_string_equal(c.listen, "127.0.0.1:8080");
    assert_int_equal(c.deadline_ms, 50);
    assert_int_equal(c.dedupe_for_ms, 48LL * 3600 * 1000);
    assert_int_equal(c.state_backend, CONFIG_BACKEND_MEMORY);
    assert_string_equal(c.ruleset, "/r.yaml");
}

static void the_example_of_the_design_is_read(void **state)
{
    struct diag_list diags;
    struct config c;
    (void)state;
    assert_int_equal(load("listen: 127.0.0.1:8080\n"
                          "ruleset: rules/ruleset.yaml\n"
                          "state: {backend: redis, start: degraded, exact_events: 16,\n"
                          "  redis: \"redis://127.0.0.1:6379/3\", prefix: \"p:\"}\n"
                          "journal: {dir: build/journal, fsync: always}\n"
                          "deadline_ms: 20\n"
                          "on_state_unavailable: reject\n"
                          "max_skew: 5m\n",
                          &diags, &c),
                     ST_OK);
    assert_int_equal(c.state_backend, CONFIG_BACKEND_REDIS);
    assert_int_equal(c.state_start, CONFIG_START_DEGRADED);
    assert_int_equal(c.state_exact_events, 16);
    assert_int_equal(c.journal_fsync, CONFIG_FSYNC_ALWAYS);
    assert_int_equal(c.on_state_unavailable, CONFIG_UNAVAILABLE_REJECT);
    assert_int_equal(c.max_skew_ms, 300000);
}

static void a_path_is_relative_to_the_file_that_names_it(void **state)
{
    struct diag_list diags;
    struct config c;
    char expected[128];
    (void)state;
    assert_int_equal(load("ruleset: a/r.yaml\n", &diags, &c), ST_OK);
    snprintf(expected, sizeof expected, "%s/a/r.yaml", folder);
    assert_string_equal(c.ruleset, expected);
}

static void a_folder_too_long_for_the_paths_below_it_is_refused(void **state)
{
    char file[600];
    (void)state;
    for (size_t folder_bytes = 479; folder_bytes <= 590; folder_bytes++) {
        struct diag_list diags = {0};
        struct config c;
        memset(file, 'x', sizeof file);
        for (size_t i = 0; i <= folder_bytes; i += 100)
            file[i] = '/';
        strcpy(file + folder_bytes, "/s.yaml");
        assert_int_equal(config_load(file, NULL, 0, &diags, &c), ST_INVALID);
        bool fits = strstr(diags.items[0].message, "cannot read the file") != NULL;
        assert_int_equal(fits, folder_bytes <= 480);
    }
}

static void an_unknown_key_is_an_error_that_names_the_nearest(void **state)
{
    struct diag_list diags;
    struct config c;
    (void)state;
    assert_int_equal(load("ruleset: r\nstate: {backand: redis}\n", &diags, &c), ST_INVALID);
    assert_int_equal(diags.count, 1);
    assert_string_equal(diags.items[0].message, "unknown key 'state.backand'");
    assert_string_equal(diags.items[0].hint, "did you mean 'state.backend'?");
    assert_int_equal(diags.items[0].line, 2);
    assert_int_equal(diags.items[0].col, 9);
}

static void a_section_may_be_empty(void **state)
{
    struct diag_list diags;
    struct config c;
    (void)state;
    assert_int_equal(load("ruleset: r\njournal:\n  # dir: build/journal\nlog:\n", &diags, &c),
                     ST_OK);
    assert_string_equal(c.journal_dir, "");
    assert_int_equal(load("ruleset: r\njurnal:\n", &diags, &c), ST_INVALID);
    assert_int_equal(load("ruleset: r\njournal: \"\"\n", &diags, &c), ST_INVALID);
    assert_int_equal(load("ruleset: r\ndeadline_ms:\n", &diags, &c), ST_INVALID);
}

static void values_out_of_range_are_refused_and_the_output_is_untouched(void **state)
{
    static const char *const wrong[] = {
        "deadline_ms: 0",      "deadline_ms: 60001",     "deadline_ms: fast", "deadline_ms: 5x",
        "max_skew: 5",         "max_skew: -5m",          "max_skew: 5 m",     "max_skew: 99999999d",
        "insecure_listen: on", "state: {backend: disk}", "workers: [1]",      "listen: 8080",
        "listen: host:x",      "listen: \"::1:80\"",     "state: 5",          "state: {redis: [a]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct diag_list diags;
        struct config c = {.deadline_ms = 7};
        char content[128];
        snprintf(content, sizeof content, "ruleset: r\n%s\n", wrong[i]);
        if (load(content, &diags, &c) != ST_INVALID)
            fail_msg("accepted: %s", wrong[i]);
        assert_true(diags.errors > 0);
        assert_int_equal(c.deadline_ms, 7);
    }
}

static void the_environment_beats_the_file_and_a_flag_beats_both(void **state)
{
    struct diag_list diags;
    struct config c;
    struct config_flag flag = {"deadline-ms", "30"};
    (void)state;
    setenv("SLUICE_DEADLINE_MS", "20", 1);
    assert_int_equal(load("ruleset: r\ndeadline_ms: 10\n", &diags, &c), ST_OK);
    assert_int_equal(c.deadline_ms, 20);
    assert_int_equal(config_load(path, &flag, 1, &diags, &c), ST_OK);
    assert_int_equal(c.deadline_ms, 30);
    unsetenv("SLUICE_DEADLINE_MS");
}

static void a_path_in_the_environment_is_taken_as_it_is(void **state)
{
    struct diag_list diags;
    struct config c;
    (void)state;
    setenv("SLUICE_RULESET", "here/r.yaml", 1);
    assert_int_equal(load("deadline_ms: 10\n", &diags, &c), ST_OK);
    assert_string_equal(c.ruleset, "here/r.yaml");
    unsetenv("SLUICE_RULESET");
}

static void write_secret(const char *content, char *ret_secret, size_t cap)
{
    snprintf(ret_secret, cap, "%s/secret", folder);
    FILE *f = fopen(ret_secret, "w");
    assert_non_null(f);
    fputs(content, f);
    fclose(f);
    setenv("SLUICE_STATE_REDIS_FILE", ret_secret, 1);
}

static void a_secret_may_come_from_a_file(void **state)
{
    struct diag_list diags;
    struct config c;
    char secret[96];
    (void)state;
    write_secret("redis://u:word@db:6380/1\n", secret, sizeof secret);
    assert_int_equal(load("ruleset: r\n", &diags, &c), ST_OK);
    assert_string_equal(c.state_redis, "redis://u:word@db:6380/1");
    unlink(secret);
    assert_int_equal(load("ruleset: r\n", &diags, &c), ST_INVALID);
    unsetenv("SLUICE_STATE_REDIS_FILE");
}

static void a_secret_of_a_file_may_be_as_long_as_any_text_and_is_never_cut(void **state)
{
    struct diag_list diags;
    struct config c;
    char secret[96], content[CONFIG_TEXT_MAX + 8];
    (void)state;
    snprintf(content, sizeof content, "%-*s\r\n", CONFIG_TEXT_MAX - 1, "redis://h");
    write_secret(content, secret, sizeof secret);
    assert_int_equal(load("ruleset: r\n", &diags, &c), ST_OK);
    assert_int_equal(strlen(c.state_redis), CONFIG_TEXT_MAX - 1);
    snprintf(content, sizeof content, "%-*s\n", CONFIG_TEXT_MAX, "redis://h");
    write_secret(content, secret, sizeof secret);
    assert_int_equal(load("ruleset: r\n", &diags, &c), ST_INVALID);
    assert_string_equal(diags.items[0].message, "state.redis must have 1 to 511 bytes");
    unlink(secret);
    unsetenv("SLUICE_STATE_REDIS_FILE");
}

static void the_network_is_listened_to_only_when_asked_for(void **state)
{
    struct diag_list diags;
    struct config c;
    (void)state;
    assert_int_equal(load("ruleset: r\nlisten: 0.0.0.0:80\n", &diags, &c), ST_INVALID);
    assert_int_equal(load("ruleset: r\nlisten: 0.0.0.0:80\ninsecure_listen: true\n"
                          "admin: {listen: \"127.0.0.1:81\"}\n",
                          &diags, &c),
                     ST_OK);
    assert_int_equal(load("ruleset: r\nlisten: \"[::1]:80\"\n", &diags, &c), ST_OK);
    assert_int_equal(load("ruleset: r\nlisten: localhost:80\n", &diags, &c), ST_OK);
    assert_false(config_is_loopback("127.evil.example:80"));
}

static const struct {
    const char *yaml;
    const char *message; /* NULL: it is fine */
} admins[] = {
    {"admin: {listen: \"127.0.0.1:81\"}", NULL},
    {"admin: {listen: \"[::1]:81\"}", NULL},
    {"admin: {listen: 81}", "admin.listen must be ADDRESS:PORT"},
    {"admin: {listen: \"0.0.0.0:81\"}", "whoever reaches admin.listen could change the rules"},
    {"admin: {listen: \"0.0.0.0:81\", keys: {alice: 0123456789abcdef}}", NULL},
    {"listen: 0.0.0.0:80\ninsecure_listen: true", "whoever reaches listen could change the rules"},
    {"listen: 0.0.0.0:80\ninsecure_listen: true\nadmin: {keys: {a: 0123456789abcdef}}", NULL},
    {"listen: 0.0.0.0:80\ninsecure_listen: true\nadmin: {listen: localhost:81}", NULL},
    {"admin: {keys: {alice: 0123456789abcde}}", "the token of 'alice' is shorter than 16"},
    {"admin: {keys: {\"a b\": 0123456789abcdef}}", "a name of admin.keys is none"},
};

static void rules_are_changed_over_the_network_with_keys_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof admins / sizeof *admins; i++) {
        struct diag_list diags;
        struct config c;
        char yaml[256];
        snprintf(yaml, sizeof yaml, "ruleset: r\n%s\n", admins[i].yaml);
        enum status st = load(yaml, &diags, &c);
        assert_int_equal(st, admins[i].message == NULL ? ST_OK : ST_INVALID);
        if (admins[i].message != NULL)
            assert_non_null(strstr(diags.items[0].message, admins[i].message));
    }
}

static void the_ruleset_is_required(void **state)
{
    struct diag_list diags;
    struct config c;
    (void)state;
    assert_int_equal(load("deadline_ms: 10\n", &diags, &c), ST_INVALID);
    assert_string_equal(diags.items[0].message, "ruleset is missing");
}

static void what_the_whole_refuses_is_told_where_its_value_came_from(void **state)
{
    const struct config_flag flags[] = {{"listen", "0.0.0.0:80"}, {"state.redis", "foo"}};
    const char *file = "ruleset: r\nstate:\n  backend: redis\n  redis: bar\n";
    struct diag_list diags;
    struct config c;
    (void)state;
    assert_int_equal(load(file, &diags, &c), ST_INVALID);
    assert_string_equal(diags.items[0].file, path);
    assert_int_equal(diags.items[0].line, 4);
    assert_int_equal(diags.items[0].col, 10);
    assert_string_equal(diags.items[0].source, ""); /* what is no address may be a password */
    setenv("SLUICE_STATE_REDIS", "foo", 1);
    assert_int_equal(load(file, &diags, &c), ST_INVALID);
    assert_string_equal(diags.items[0].file, "SLUICE_STATE_REDIS");
    assert_int_equal(diags.items[0].line, 0);
    unsetenv("SLUICE_STATE_REDIS");
    diags = (struct diag_list){0};
    assert_int_equal(config_load(path, flags, 2, &diags, &c), ST_INVALID);
    assert_int_equal(diags.count, 3); /* listen also for the rules that it would let be changed */
    assert_string_equal(diags.items[0].file, "command line");
    assert_string_equal(diags.items[1].file, "command line");
    diags = (struct diag_list){0};
    assert_int_equal(config_load(NULL, NULL, 0, &diags, &c), ST_INVALID);
    assert_string_equal(diags.items[0].message, "ruleset is missing");
    assert_string_equal(diags.items[0].file, "configuration");
}

static bool prints(const struct config *c, const char *part)
{
    static char bytes[CONFIG_PRINT_MAX + 1];
    struct text out;
    text_init(&out, bytes, CONFIG_PRINT_MAX);
    config_print(c, &out);
    assert_false(out.overflow);
    bytes[out.len] = '\0';
    return strstr(bytes, part) != NULL;
}

static void the_printed_configuration_hides_passwords(void **state)
{
    struct diag_list diags;
    struct config c;
    (void)state;
    assert_int_equal(
        load("ruleset: /r\nmax_skew: 90s\nstate: {redis: \"redis://u:w0rd@h:1/0\"}\n", &diags, &c),
        ST_OK);
    assert_false(prints(&c, "w0rd"));
    assert_true(prints(&c, "  redis: \"redis://u:***@h:1/0\"\n"));
    assert_true(prints(&c, "max_skew: 90s\n"));
    assert_true(prints(&c, "state:\n  backend: memory\n"));
    assert_true(prints(&c, "remember_for: 0s\n"));
}

static void the_printed_configuration_reads_back_the_same(void **state)
{
    static char bytes[CONFIG_PRINT_MAX + 1];
    struct diag_list diags;
    struct config c, again;
    struct text out;
    (void)state;
    assert_int_equal(load("ruleset: /r\nworkers: 3\nlog: {level: error}\n", &diags, &c), ST_OK);
    text_init(&out, bytes, CONFIG_PRINT_MAX);
    config_print(&c, &out);
    bytes[out.len] = '\0';
    assert_int_equal(load(bytes, &diags, &again), ST_OK);
    assert_memory_equal(&c, &again, sizeof c);
}

static void the_reference_names_every_key(void **state)
{
    static char bytes[CONFIG_PRINT_MAX + 1];
    struct text out;
    (void)state;
    text_init(&out, bytes, CONFIG_PRINT_MAX);
    config_reference(&out);
    assert_false(out.overflow);
    bytes[out.len] = '\0';
#define X(kind, member, key, default_text, min, max, secret, doc) \
    assert_non_null(strstr(bytes, "| `" key "` |"));
    CONFIG_TABLE(X)
#undef X
    assert_non_null(strstr(bytes, "`SLUICE_STATE_REDIS_FILE`"));
}

static void a_map_takes_names_with_their_dots_and_keeps_secrets_hidden(void **state)
{
    struct diag_list diags;
    struct config c;
    char printed[CONFIG_PRINT_MAX];
    struct text out;
    (void)state;
    assert_int_equal(load("ruleset: /r.yaml\nkafka:\n  properties:\n    linger.ms: 5\n"
                          "    sasl.password: hunter2\n",
                          &diags, &c),
                     ST_OK);
    assert_string_equal(c.kafka_properties, "linger.ms=5\nsasl.password=hunter2\n");
    text_init(&out, printed, sizeof printed - 1);
    config_print(&c, &out);
    printed[out.len] = '\0';
    assert_null(strstr(printed, "hunter2"));
    assert_non_null(strstr(printed, "{\"linger.ms\": \"5\", \"sasl.password\": \"***\"}"));
}

static void tokens_of_admins_are_not_shown(void **state)
{
    struct diag_list diags;
    struct config c;
    (void)state;
    assert_int_equal(
        load("ruleset: /r.yaml\nadmin: {keys: {alice: 0123456789abcdefXY}}\n", &diags, &c), ST_OK);
    assert_true(prints(&c, "  keys: {\"alice\": \"***\"}\n"));
}

static void the_environment_adds_to_the_map_of_the_file(void **state)
{
    struct diag_list diags;
    struct config c;
    (void)state;
    setenv("SLUICE_KAFKA_PROPERTIES", "a.b=2;c=3,4", 1);
    enum status st = load("ruleset: /r.yaml\nkafka: {properties: {a.b: 1, d: 5}}\n", &diags, &c);
    unsetenv("SLUICE_KAFKA_PROPERTIES");
    assert_int_equal(st, ST_OK);
    assert_string_equal(c.kafka_properties, "d=5\na.b=2\nc=3,4\n");
}

static void a_map_of_maps_is_refused(void **state)
{
    struct diag_list diags;
    struct config c;
    (void)state;
    assert_int_equal(load("ruleset: /r.yaml\nkafka: {properties: {ssl: {ca: x}}}\n", &diags, &c),
                     ST_INVALID);
    assert_string_equal(diags.items[0].message, "kafka.properties holds single values");
}

static void topics_need_brokers_and_differ(void **state)
{
    struct diag_list diags;
    struct config c;
    (void)state;
    assert_int_equal(load("ruleset: /r.yaml\nkafka: {alerts: a}\n", &diags, &c), ST_INVALID);
    assert_string_equal(diags.items[0].message, "kafka.alerts needs brokers");
    assert_int_equal(
        load("ruleset: /r.yaml\nkafka: {brokers: h, alerts: a, decisions: a}\n", &diags, &c),
        ST_INVALID);
    assert_string_equal(diags.items[0].message, "kafka.decisions and kafka.alerts are one topic");
    assert_int_equal(load("ruleset: /r.yaml\nkafka: {brokers: h, transactions: ^t.*, "
                          "dead_letters: d}\n",
                          &diags, &c),
                     ST_INVALID);
    assert_string_equal(diags.items[0].message, "kafka.transactions: a topic's name has letters, "
                                                "digits, '.', '_' and '-' alone");
    assert_int_equal(load("ruleset: /r.yaml\nkafka: {brokers: h, transactions: t}\n", &diags, &c),
                     ST_INVALID);
    assert_string_equal(diags.items[0].message,
                        "kafka.dead_letters is missing: what cannot be scored must go somewhere");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_file_leaves_the_rest_at_its_defaults),
        cmocka_unit_test(the_example_of_the_design_is_read),
        cmocka_unit_test(a_path_is_relative_to_the_file_that_names_it),
        cmocka_unit_test(a_folder_too_long_for_the_paths_below_it_is_refused),
        cmocka_unit_test(an_unknown_key_is_an_error_that_names_the_nearest),
        cmocka_unit_test(a_section_may_be_empty),
        cmocka_unit_test(values_out_of_range_are_refused_and_the_output_is_untouched),
        cmocka_unit_test(the_environment_beats_the_file_and_a_flag_beats_both),
        cmocka_unit_test(a_path_in_the_environment_is_taken_as_it_is),
        cmocka_unit_test(a_secret_may_come_from_a_file),
        cmocka_unit_test(a_secret_of_a_file_may_be_as_long_as_any_text_and_is_never_cut),
        cmocka_unit_test(the_network_is_listened_to_only_when_asked_for),
        cmocka_unit_test(rules_are_changed_over_the_network_with_keys_alone),
        cmocka_unit_test(the_ruleset_is_required),
        cmocka_unit_test(what_the_whole_refuses_is_told_where_its_value_came_from),
        cmocka_unit_test(the_printed_configuration_hides_passwords),
        cmocka_unit_test(the_printed_configuration_reads_back_the_same),
        cmocka_unit_test(the_reference_names_every_key),
        cmocka_unit_test(a_map_takes_names_with_their_dots_and_keeps_secrets_hidden),
        cmocka_unit_test(tokens_of_admins_are_not_shown),
        cmocka_unit_test(the_environment_adds_to_the_map_of_the_file),
        cmocka_unit_test(a_map_of_maps_is_refused),
        cmocka_unit_test(topics_need_brokers_and_differ),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
