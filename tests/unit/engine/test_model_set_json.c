#include "service/engine/model_set_json.h"

#include "tests/unit/engine/world.h"
#include "tests/unit/models/xgboost_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void a_model_is_told_with_what_its_file_says(void **state)
{
    (void)state;
    struct world w = {0};
    struct snapshot_options options = {.exact_events = 256};
    struct snapshot *s;
    char ruleset[4096], bytes[2048], expected[2048], command[128];
    struct text t;
    snprintf(ruleset, sizeof ruleset, "%s%s", world_ruleset,
             "models:\n"
             "  fraud: {file: trees.json, threshold: 0.5}\n"
             "  points: {file: points.yaml, role: challenger, threshold: 40}\n");
    world_files(&w, ruleset, world_rules);
    world_write(&w, "trees.json", xgboost_case);
    world_write(
        &w, "points.yaml",
        "model: scorecard\ninputs:\n  amount: {bins: [{below: 5, points: 1}, {points: 2}]}\n");
    assert_int_equal(snapshot_load(w.ruleset, &options, &w.diags, &s), ST_OK);
    text_init(&t, bytes, sizeof bytes - 1);
    model_set_write_json(&s->models, &t);
    bytes[t.len] = '\0';
    snprintf(expected, sizeof expected,
             "[{\"name\":\"fraud\",\"hash\":\"%s\",\"format\":\"xgboost\","
             "\"objective\":\"binary:logistic\",\"role\":\"champion\",\"threshold\":0.5,"
             "\"inputs\":2,\"trees\":2,\"steps\":3},"
             "{\"name\":\"points\",\"hash\":\"%s\",\"format\":\"scorecard\","
             "\"objective\":\"points\",\"role\":\"challenger\",\"challenges\":\"fraud\","
             "\"threshold\":40,\"inputs\":1,\"steps\":1}]",
             s->models.items[0].model.hash, s->models.items[1].model.hash);
    assert_string_equal(bytes, expected);
    snapshot_unref(s);
    snprintf(command, sizeof command, "rm -rf '%s'", w.folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_told_with_what_its_file_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
