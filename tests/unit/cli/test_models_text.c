#include "service/cli/models_text.h"

#include "tests/unit/cli/shown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_model_has_a_line_and_its_inputs_a_table(void **state)
{
    (void)state;
    assert_shows(
        models_text,
        "{\"ruleset\":\"9f2c41d07be83a56\",\"since\":\"2026-01-05T12:00:00.000Z\",\"models\":["
        "{\"name\":\"fraud\",\"hash\":\"39d8aeba82d4d196\",\"format\":\"xgboost\","
        "\"role\":\"champion\",\"threshold\":0.5,\"scored\":9210,\"missing\":3,\"above\":31,"
        "\"precision\":0.875,\"recall\":null,\"inputs\":2,\"drift\":{\"window_s\":86400,\"rows\":"
        "9210,\"state\":\"drifted\","
        "\"score\":{\"psi\":0.034,\"missing\":0,\"missing_in_training\":0,\"state\":\"stable\"},"
        "\"inputs\":[{\"input\":\"amount\",\"psi\":1.2041,\"missing\":0.5,"
        "\"missing_in_training\":0.25,\"state\":\"drifted\"},"
        "{\"input\":\"age\",\"psi\":null,\"missing\":null,\"missing_in_training\":0,"
        "\"state\":\"unknown\"}]}},"
        "{\"name\":\"next\",\"hash\":\"07be83a569f2c41d\",\"format\":\"lightgbm\","
        "\"role\":\"challenger\",\"challenges\":\"fraud\",\"threshold\":null,\"scored\":9213,"
        "\"missing\":0,\"above\":0,\"agreed\":300,\"differed\":100,\"inputs\":18}]}",
        "ruleset 9f2c41d07be83a56 since 2026-01-05T12:00:00.000Z: 2 models\n"
        "\n"
        "MODEL  ROLE        FORMAT    INPUTS  THRESHOLD  SCORED  ABOVE  MISSING  AGREED  "
        "PRECISION  RECALL   ROWS  SCORE PSI  STATE    HASH\n"
        "fraud  champion    xgboost        2        0.5   9,210     31        3       -  "
        "    0.875       -  9,210      0.034  drifted  39d8aeba82d4d196\n"
        "next   challenger  lightgbm      18          -   9,213      0        0   0.750  "
        "        -       -                             07be83a569f2c41d\n"
        "\n"
        "fraud: 9,210 transactions of the last 1d against those of training\n"
        "INPUT      PSI  MISSING  IN TRAINING  STATE\n"
        "amount   1.204    0.500        0.250  drifted\n"
        "age          -        -        0.000  unknown\n"
        "(score)  0.034    0.000        0.000  stable\n");
}

static void an_answer_without_models_is_shown_as_such(void **state)
{
    (void)state;
    assert_shows(models_text, "{}",
                 "ruleset  since : 0 models\n"
                 "\n"
                 "MODEL  ROLE  FORMAT  INPUTS  THRESHOLD  SCORED  ABOVE  MISSING  AGREED  "
                 "PRECISION  RECALL  ROWS  SCORE PSI  STATE  HASH\n");
}

static void a_window_is_told_in_its_largest_unit(void **state)
{
    static const char *const windows[][2] = {
        {"172800", "2d"}, {"21600", "6h"}, {"5400", "90m"}, {"61.5", "61s"}};
    (void)state;
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        char json[256], bytes[4096] = "", expected[64];
        snprintf(json, sizeof json, "{\"models\":[{\"drift\":{\"window_s\":%s}}]}", windows[i][0]);
        snprintf(expected, sizeof expected, "of the last %s against", windows[i][1]);
        FILE *out = fmemopen(bytes, sizeof bytes, "w");
        json_t *answer = json_loads(json, 0, NULL);
        assert_true(out != NULL && answer != NULL);
        models_text(answer, out);
        assert_int_equal(fclose(out), 0);
        json_decref(answer);
        assert_non_null(strstr(bytes, expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_has_a_line_and_its_inputs_a_table),
        cmocka_unit_test(an_answer_without_models_is_shown_as_such),
        cmocka_unit_test(a_window_is_told_in_its_largest_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
