#include "service/cli/model_alarm.h"

#include "service/base/log.h"
#include "service/engine/model_windows.h"
#include "tests/unit/engine/watched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct bed {
    struct snapshot *snap;
    struct engine_stats stats;
    struct engine engine;
    struct model_alarm *alarm;
    FILE *log;
    char said[8192]; /* by the last look */
    int64_t now_ms;
};

static int open_bed(void **state)
{
    struct bed *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->snap = watched_load(WATCHED_FRAUD, WATCHED_RULES);
    b->engine = (struct engine){.stats = &b->stats, .windows = model_windows_new()};
    b->alarm = model_alarm_new();
    b->log = tmpfile();
    assert_non_null(b->log);
    log_set_fd(fileno(b->log));
    model_windows_follow(b->engine.windows, b->snap);
    *state = b;
    return 0;
}

static int close_bed(void **state)
{
    struct bed *b = *state;
    log_set_fd(1);
    fclose(b->log);
    model_alarm_free(b->alarm);
    model_windows_free(b->engine.windows);
    snapshot_unref(b->snap);
    free(b);
    return 0;
}

/* `low` rows below the edge and `high` above it: half and half in training. */
static void add(struct bed *b, int low, int high)
{
    double inputs[1];
    for (int i = 0; i < low + high; i++) {
        struct model_result row = watched_row(i < low ? 5 : 15, inputs);
        model_windows_add(b->engine.windows, b->snap, b->now_ms, &row);
    }
}

/* What is said, whole. */
static const char *look(struct bed *b)
{
    const struct engine *engine = &b->engine;
    struct model_table t;
    off_t from = lseek(fileno(b->log), 0, SEEK_END);
    model_table_init(&t, b->snap, &engine, 1, b->now_ms);
    model_alarm_look(b->alarm, &t);
    model_table_fini(&t);
    ssize_t n = pread(fileno(b->log), b->said, sizeof b->said - 1, from);
    assert_true(n >= 0);
    b->said[n] = '\0';
    return b->said;
}

static void what_is_like_training_is_not_told(void **state)
{
    struct bed *b = *state;
    assert_string_equal(look(b), "");
    add(b, 999, 0); /* too few to say */
    assert_string_equal(look(b), "");
    add(b, 0, 999);
    assert_string_equal(look(b), "");
}

static void an_input_past_its_bound_is_told_once(void **state)
{
    struct bed *b = *state;
    add(b, 1000, 0);
    const char *said = look(b);
    assert_non_null(strstr(said, "\"level\":\"warning\",\"message\":\"model drifts\","
                                 "\"model\":\"fraud\""));
    assert_non_null(strstr(said, "\"rows\":1000,\"inputs_drifted\":1"));
    assert_non_null(strstr(said, "(score) psi 4.604, missing 0.000 (0.000 in training); amount "
                                 "psi 4.604"));
    assert_string_equal(look(b), "");
    add(b, 1000, 0);
    assert_string_equal(look(b), "");
}

static void what_is_back_is_told_and_a_number_on_the_bound_is_not(void **state)
{
    struct bed *b = *state;
    add(b, 3000, 1000); /* 0.275 */
    assert_non_null(strstr(look(b), "psi 0.275"));
    add(b, 0, 110); /* 0.229: below the bound, above nine tenths of it */
    assert_string_equal(look(b), "");
    add(b, 0, 90); /* 0.196 */
    const char *said = look(b);
    assert_non_null(strstr(said, "\"level\":\"info\",\"message\":\"model drifts less\""));
    assert_non_null(strstr(said, "\"back\":\"(score) psi 0.196"));
    assert_string_equal(look(b), "");
    add(b, 10000, 0);
    assert_non_null(strstr(look(b), "\"model drifts\""));
}

static void an_empty_window_says_neither(void **state)
{
    struct bed *b = *state;
    add(b, 1000, 0);
    assert_non_null(strstr(look(b), "\"model drifts\""));
    b->now_ms = INT64_C(2) * 86400000;
    assert_string_equal(look(b), "");
    add(b, 1000, 0);
    assert_string_equal(look(b), ""); /* it still drifts */
}

static void another_baseline_begins_anew(void **state)
{
    struct bed *b = *state;
    add(b, 1000, 0);
    look(b);
    snapshot_unref(b->snap);
    b->snap = watched_load("  fraud: {file: fraud.yaml, baseline: c.json}\n", WATCHED_RULES);
    model_windows_follow(b->engine.windows, b->snap);
    assert_string_equal(look(b), "");
    add(b, 1000, 0);
    assert_non_null(strstr(look(b), "\"model drifts\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bed, close_bed)
        TEST(what_is_like_training_is_not_told),
        TEST(an_input_past_its_bound_is_told_once),
        TEST(what_is_back_is_told_and_a_number_on_the_bound_is_not),
        TEST(an_empty_window_says_neither),
        TEST(another_baseline_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
