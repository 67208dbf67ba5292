/* The models of a ruleset are loaded with it, bound to its names, and scored before its rules. */
#include "service/engine/model_set.h"

#include "tests/unit/engine/world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* What follows world_ruleset. */
#define FRAUD "models:\n  fraud: {file: fraud.yaml, threshold: 0.5}\n"
#define NEXT FRAUD "  next: {file: fraud.yaml, role: challenger}\n"

static const char fraud_yaml[] = "model: linear\n"
                                 "link: identity\n"
                                 "inputs:\n"
                                 "  amount: {weight: 0.01}\n"
                                 "  account_tx_count_5m: {weight: 0.1}\n"
                                 "  is_large: {weight: 1}\n";

static const char rules_yaml[] =
    "rules:\n"
    "  - {id: model, when: models.fraud > 0.25, score: 80, reason: 'score {models.fraud}'}\n";

static struct world world;

static const char *with(const char *models)
{
    static char text[8192];
    snprintf(text, sizeof text, "%s%s", world_ruleset, models);
    return text;
}

/* The files, and the snapshot if it loads; NULL with world.diags. */
static struct snapshot *load(const char *models, const char *model, const char *rules)
{
    static const struct snapshot_options options = {.exact_events = 256};
    struct snapshot *s = NULL;
    world = (struct world){0};
    world_files(&world, with(models), rules);
    if (model != NULL)
        world_write(&world, "fraud.yaml", model);
    return snapshot_load(world.ruleset, &options, &world.diags, &s) == ST_OK ? s : NULL;
}

static void drop(struct snapshot *s)
{
    char command[128];
    snapshot_unref(s);
    snprintf(command, sizeof command, "rm -rf '%s'", world.folder);
    assert_int_equal(system(command), 0);
}

static void refused(const char *models, const char *model, const char *message, const char *hint,
                    int line, int col)
{
    assert_null(load(models, model, rules_yaml));
    const struct diag *d = &world.diags.items[0];
    assert_true(world.diags.count > 0);
    assert_string_equal(d->message, message);
    assert_string_equal(d->hint, hint);
    assert_int_equal(d->line, line);
    assert_int_equal(d->col, col);
    drop(NULL);
}

static void a_model_stands_behind_its_name_in_the_row(void **state)
{
    (void)state;
    struct snapshot *s = load(FRAUD, fraud_yaml, rules_yaml);
    assert_non_null(s);
    assert_int_equal(s->models.count, 1);
    assert_int_equal(s->row_count, s->row_models + 1);
    assert_int_equal(cel_env_find(&s->env, span_str("models.fraud"))->slot, s->row_models);
    assert_int_equal(model_set_find(&s->models, span_str("fraud")), 0);
    assert_int_equal(model_set_find(&s->models, span_str("freud")), -1);
    const struct bound_model *m = &s->models.items[0];
    assert_int_equal(m->role, MODEL_CHAMPION);
    assert_true(m->threshold == 0.5);
    assert_int_equal(m->sources[1].feature, 0);
    assert_true(m->is_judged_by);
    drop(s);
}

static void its_file_is_one_of_the_rulesets(void **state)
{
    (void)state;
    struct snapshot *s = load(FRAUD, fraud_yaml, rules_yaml);
    assert_non_null(s);
    char id[17];
    memcpy(id, s->id_text, sizeof id);
    uint64_t observed_id = s->observed_id;
    assert_int_equal(s->files.count, 3);
    assert_string_equal(s->files.items[1].name, "fraud.yaml");
    assert_true(span_is(s->files.items[1].content, fraud_yaml));
    drop(s);

    char other[1024];
    snprintf(other, sizeof other, "# new\n%s", fraud_yaml);
    s = load(FRAUD, other, rules_yaml);
    assert_non_null(s);
    assert_string_not_equal(s->id_text, id);
    assert_true(s->observed_id == observed_id); /* it judges what is observed */
    drop(s);
}

static void a_row_holds_what_a_model_reads(void **state)
{
    (void)state;
    struct snapshot *s = load(FRAUD, fraud_yaml, "rules: []\n");
    assert_non_null(s);
    assert_int_equal(s->n_features_read, 1);
    assert_int_equal(s->n_fields_read, 1);
    assert_true(s->derived[0].is_read);
    drop(s);
}

static void unknown_inputs_are_told_with_the_near_names(void **state)
{
    (void)state;
    refused("models:\n  fraud: {file: fraud.yaml}\n",
            "model: linear\ninputs:\n  acount_tx_count_5m: {weight: 1}\n",
            "the model 'fraud' has the input 'acount_tx_count_5m', and there is no such field or "
            "feature",
            "did you mean 'account_tx_count_5m'?", 22, 3);
    refused("models:\n  fraud: {file: fraud.yaml, inputs: {amuont: amount}}\n", fraud_yaml,
            "the model has no input 'amuont'", "did you mean 'amount'?", 22, 38);
    refused("models:\n  fraud: {file: fraud.yaml, inputs: {amount: amuont}}\n", fraud_yaml,
            "the model 'fraud' has the input 'amuont', and there is no such field or feature",
            "did you mean 'amount'?", 22, 46);
}

static void texts_need_categories(void **state)
{
    (void)state;
    refused("models:\n  fraud: {file: fraud.yaml}\n",
            "model: linear\ninputs:\n  country: {weight: 1}\n",
            "'country' is a text, and the model's file does not name its categories",
            "categories: {country: [first, second]}, in the order of their codes", 22, 3);
    refused("models:\n  fraud: {file: fraud.yaml, categories: {contry: [XX]}}\n", fraud_yaml,
            "no input of the model is bound to 'contry'", "", 22, 42);
    refused("models:\n  fraud: {file: fraud.yaml, inputs: {amount: country},\n"
            "          categories: {country: [XX, YY, XX]}}\n",
            fraud_yaml, "the category 'XX' stands twice", "", 23, 33);
}

static void lists_are_no_inputs(void **state)
{
    (void)state;
    refused("models:\n  fraud: {file: fraud.yaml, inputs: {amount: watched}}\n", fraud_yaml,
            "'watched' is no input for a model",
            "a number, bool, timestamp, duration or text is; derive one, as double(NAME)", 22, 46);
}

static void what_is_wrong_with_a_model_is_told_at_its_place(void **state)
{
    (void)state;
    refused("models: [fraud.json]\n", NULL, "`models:` holds names and their files",
            "models: {fraud: {file: fraud.json}}", 21, 9);
    refused("models:\n  fraud: fraud.json\n", NULL, "a mapping is expected here",
            "{file: fraud.json}", 22, 10);
    refused("models:\n  fraud: {}\n", NULL, "a model needs its `file:`", "{file: fraud.json}", 22,
            3);
    refused("models:\n  my-model: {file: x.json}\n", NULL, "'my-model' cannot be a model's name",
            "write letters, digits and _", 22, 3);
    refused("models:\n  amount: {file: fraud.yaml}\n", fraud_yaml,
            "'amount' is already the name of a field, derived field or feature",
            "names of fields, features, lists and models share one space", 22, 3);
    refused("models:\n  fraud: {file: fraud.yaml, role: boss}\n", fraud_yaml,
            "the role is `champion` or `challenger`", "", 22, 35);
    refused("models:\n  fraud: {file: fraud.yaml, class: 1}\n", fraud_yaml,
            "expected an integer from 0 to 0", "", 22, 36);
    refused("models:\n  fraud: {file: fraud.yaml, thresold: 1}\n", fraud_yaml,
            "unknown key 'thresold'", "did you mean 'threshold'?", 22, 29);
    refused("models:\n  fraud: {file: fraud.yaml, challenges: fraud}\n", fraud_yaml,
            "a champion challenges nobody", "role: challenger", 22, 41);
}

static void a_file_that_is_not_there_is_shown_where_it_is_named(void **state)
{
    (void)state;
    char message[DIAG_MESSAGE_MAX];
    assert_null(load(FRAUD, NULL, rules_yaml));
    snprintf(message, sizeof message,
             "%s/fraud.yaml: cannot read the file: No such file or directory", world.folder);
    assert_string_equal(world.diags.items[0].message, message);
    assert_int_equal(world.diags.items[0].line, 22);
    assert_int_equal(world.diags.items[0].col, 17);
    drop(NULL);
}

/* ---- its baseline ---- */

#define WATCHED "models:\n  fraud: {file: fraud.yaml, baseline: b.json%s}\n"
#define BASELINE(amount)                                                   \
    "{\"format\":\"sluice.baseline/1\",\"inputs\":{\"amount\":" amount "," \
    "\"account_tx_count_5m\":{\"edges\":[],\"shares\":[1],\"missing\":0}," \
    "\"is_large\":{\"edges\":[],\"shares\":[1],\"missing\":0}},"           \
    "\"score\":{\"edges\":[0.5],\"shares\":[0.9,0.1],\"missing\":0}}"
#define AMOUNT "{\"edges\":[10],\"shares\":[0.5,0.5],\"missing\":0}"

static struct snapshot *load_watched(const char *more, const char *baseline)
{
    static const struct snapshot_options options = {.exact_events = 256};
    struct snapshot *s = NULL;
    char models[256];
    snprintf(models, sizeof models, WATCHED, more);
    world = (struct world){0};
    world_files(&world, with(models), rules_yaml);
    world_write(&world, "fraud.yaml", fraud_yaml);
    if (baseline != NULL)
        world_write(&world, "b.json", baseline);
    return snapshot_load(world.ruleset, &options, &world.diags, &s) == ST_OK ? s : NULL;
}

static void a_baseline_is_one_of_the_rulesets_files(void **state)
{
    (void)state;
    struct snapshot *s = load_watched(", drift: {psi: 0.5}", BASELINE(AMOUNT));
    assert_non_null(s);
    const struct bound_model *m = &s->models.items[0];
    char id[17], hash[sizeof m->baseline_hash];
    assert_int_equal(m->baseline->n, 4);
    assert_true(m->drift.psi == 0.5);
    assert_int_equal(s->files.count, 4);
    assert_string_equal(s->files.items[2].name, "b.json");
    assert_true(span_is(s->files.items[2].content, BASELINE(AMOUNT)));
    memcpy(id, s->id_text, sizeof id);
    memcpy(hash, m->baseline_hash, sizeof hash);
    drop(s);

    s = load_watched(", drift: {psi: 0.5}", BASELINE(AMOUNT) "\n");
    assert_non_null(s);
    assert_string_not_equal(s->id_text, id);
    assert_string_not_equal(s->models.items[0].baseline_hash, hash);
    drop(s);
}

static void a_bad_baseline_is_told_by_its_file(void **state)
{
    (void)state;
    char file[sizeof world.folder + 16];
    assert_null(load_watched("", BASELINE("{\"edges\":[10],\"shares\":[0.5,0.6],\"missing\":0}")));
    snprintf(file, sizeof file, "%s/b.json", world.folder);
    assert_string_equal(world.diags.items[0].file, file);
    assert_string_equal(world.diags.items[0].message,
                        "`amount`: `shares` and `missing` together have to be 1");
    drop(NULL);
    assert_null(load_watched("", NULL));
    assert_int_equal(world.diags.items[0].line, 22);
    assert_int_equal(world.diags.items[0].col, 39);
    drop(NULL);
}

static void a_baseline_has_a_largest_size(void **state)
{
    (void)state;
    char *baseline = malloc(BASELINE_FILE_MAX + 2), message[DIAG_MESSAGE_MAX];
    assert_non_null(baseline);
    memset(baseline, ' ', BASELINE_FILE_MAX + 1);
    memcpy(baseline, BASELINE(AMOUNT), strlen(BASELINE(AMOUNT)));
    baseline[BASELINE_FILE_MAX] = '\0';
    struct snapshot *s = load_watched("", baseline);
    assert_non_null(s);
    drop(s);
    baseline[BASELINE_FILE_MAX] = ' ';
    baseline[BASELINE_FILE_MAX + 1] = '\0';
    assert_null(load_watched("", baseline));
    snprintf(message, sizeof message, "%s/b.json: the file is larger than 4 MiB", world.folder);
    assert_string_equal(world.diags.items[0].message, message);
    drop(NULL);
    free(baseline);
}

static void drift_needs_a_baseline(void **state)
{
    (void)state;
    refused("models:\n  fraud: {file: fraud.yaml, drift: {psi: 0.5}}\n", fraud_yaml,
            "without its baseline nobody can tell how a model drifts",
            "baseline: fraud.baseline.json", 22, 29);
}

static void there_are_so_many_models_and_no_more(void **state)
{
    (void)state;
    for (int more = 0; more <= 1; more++) {
        char models[2048];
        struct text t;
        text_init(&t, models, sizeof models - 1);
        text_str(&t, "models:\n");
        for (int i = 0; i < MODELS_MAX + more; i++)
            text_printf(&t, "  m%d: {file: fraud.yaml}\n", i);
        models[t.len] = '\0';
        struct snapshot *s = load(models, fraud_yaml, "rules: []\n");
        assert_int_equal(s != NULL, !more);
        if (more)
            assert_string_equal(world.diags.items[0].message, "more than 16 models");
        drop(s);
    }
}

static void a_challenger_is_compared_with_a_champion(void **state)
{
    (void)state;
    struct snapshot *s = load(NEXT, fraud_yaml, rules_yaml);
    assert_non_null(s);
    assert_int_equal(s->models.items[0].challenges, -1);
    assert_int_equal(s->models.items[1].challenges, 0);
    assert_int_equal(s->models.items[1].role, MODEL_CHALLENGER);
    drop(s);
    refused(FRAUD "  other: {file: fraud.yaml}\n  next: {file: fraud.yaml, role: challenger}\n",
            fraud_yaml, "which champion does it challenge?",
            "challenges: NAME, a model that is no challenger itself", 24, 3);
    refused(NEXT "  third: {file: fraud.yaml, role: challenger, challenges: next}\n", fraud_yaml,
            "there is no champion of that name",
            "challenges: NAME, a model that is no challenger itself", 24, 59);
}

static void a_live_rule_reads_no_challenger(void **state)
{
    (void)state;
    struct snapshot *s = load(
        NEXT, fraud_yaml, "rules:\n  - {id: n, when: models.next > 0.5, score: 1, mode: shadow}\n");
    assert_non_null(s);
    assert_false(s->models.items[1].is_judged_by);
    drop(s);
    assert_null(load(NEXT, fraud_yaml, "rules:\n  - {id: n, when: models.next > 0.5, score: 1}\n"));
    assert_string_equal(world.diags.items[0].message,
                        "the rule 'n' is live, and models.next is a challenger");
    assert_int_equal(world.diags.items[0].line, 2);
    drop(NULL);
}

static void expect_warning(const char *models, const char *rules, const char *message)
{
    struct snapshot *s = load(models, fraud_yaml, rules);
    assert_non_null(s);
    assert_int_equal(world.diags.count, message != NULL);
    if (message != NULL) {
        assert_int_equal(world.diags.items[0].level, DIAG_WARNING);
        assert_string_equal(world.diags.items[0].message, message);
    }
    drop(s);
}

#define BY_MODEL "{id: n, when: models.fraud > 0.5, score: 80"

static void a_champion_that_no_rule_reads_is_warned_of(void **state)
{
    (void)state;
    static const char message[] = "no rule reads the score of 'fraud': it moves no decision";
    static const char amounts[] = "rules:\n  - {id: n, when: amount > 1.0, score: 80}\n";
    expect_warning(FRAUD, "rules:\n  - " BY_MODEL "}\n", NULL);
    expect_warning(FRAUD, "rules:\n  - " BY_MODEL ", mode: shadow}\n", NULL);
    expect_warning(FRAUD, "rules:\n  - {id: n, when: amount > 1.0, score: '80.0 * models.fraud'}\n",
                   NULL);
    expect_warning(FRAUD, amounts, message);
    expect_warning(FRAUD, "rules:\n  - " BY_MODEL ", mode: off}\n", message);
}

static void two_without_thresholds_do_not_agree(void **state)
{
    (void)state;
    static const char rules[] = "rules:\n  - " BY_MODEL "}\n";
    expect_warning(NEXT, rules,
                   "whether 'next' and 'fraud' agree is not counted: 'next' has no threshold");
    expect_warning(FRAUD "  next: {file: fraud.yaml, role: challenger, threshold: 0.7}\n", rules,
                   NULL);
    expect_warning("models:\n  fraud: {file: fraud.yaml}\n"
                   "  next: {file: fraud.yaml, role: challenger, threshold: 0.7}\n",
                   rules,
                   "whether 'next' and 'fraud' agree is not counted: 'fraud' has no threshold");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_stands_behind_its_name_in_the_row),
        cmocka_unit_test(its_file_is_one_of_the_rulesets),
        cmocka_unit_test(a_row_holds_what_a_model_reads),
        cmocka_unit_test(unknown_inputs_are_told_with_the_near_names),
        cmocka_unit_test(texts_need_categories),
        cmocka_unit_test(lists_are_no_inputs),
        cmocka_unit_test(what_is_wrong_with_a_model_is_told_at_its_place),
        cmocka_unit_test(a_file_that_is_not_there_is_shown_where_it_is_named),
        cmocka_unit_test(a_baseline_is_one_of_the_rulesets_files),
        cmocka_unit_test(a_bad_baseline_is_told_by_its_file),
        cmocka_unit_test(a_baseline_has_a_largest_size),
        cmocka_unit_test(drift_needs_a_baseline),
        cmocka_unit_test(there_are_so_many_models_and_no_more),
        cmocka_unit_test(a_challenger_is_compared_with_a_champion),
        cmocka_unit_test(a_live_rule_reads_no_challenger),
        cmocka_unit_test(a_champion_that_no_rule_reads_is_warned_of),
        cmocka_unit_test(two_without_thresholds_do_not_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
