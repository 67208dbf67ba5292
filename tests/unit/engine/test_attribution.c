/* Reasons and contributions, as answers and alerts show them. */
#include "service/engine/attribution.h"

#include "service/engine/engine_internal.h"
#include "service/engine/outbox.h"
#include "tests/unit/engine/world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char schema[] = "schema:\n"
                             "  transaction_id: {type: string, required: true}\n"
                             "  account_id:     {type: string, required: true}\n"
                             "  amount:         {type: decimal, required: true}\n"
                             "  timestamp:      {type: timestamp, required: true}\n"
                             "  note:           {type: string, max: 2000}\n"
                             "  channel:        {type: string}\n"
                             "  age:            {type: number, private: true}\n"
                             "derived:\n"
                             "  is_large: amount > 100.0\n"
                             "  decades: age / 10.0\n"
                             "  score_of_age: decades * 2.0\n"
                             "features:\n"
                             "  count: {by: account_id, aggregate: count, windows: [5m]}\n"
                             "flag_at: 70\n"
                             "rules: [rules.yaml]\n";

static const char rules[] = "rules:\n"
                            "  - {id: any, when: amount > 5.0, score: 80, reason: why}\n";

/* amount adds 0.01 each, age 0.1 beyond 20, the web 1, a large one 2, a payment before 0.5. */
static const char fraud[] = "model: linear\n"
                            "link: identity\n"
                            "intercept: -3\n"
                            "inputs:\n"
                            "  amount: {weight: 0.01}\n"
                            "  age: {weight: 0.1, mean: 20, missing: 20}\n"
                            "  channel: {categories: {web: 1}, other: 0, missing: 0.75}\n"
                            "  is_large: {weight: 2}\n"
                            "  count_5m: {weight: 0.5, mean: 1, missing: 1}\n";

static struct world w;
static struct outbox *outbox;
static struct outbox_item *item; /* the alert that was taken last */
static char file[64];            /* the model's */
static const char *account = "a-1";

/* `models` says {file: %s}, or two of them. */
static void open_with_file(const char *models, const char *content)
{
    static const struct outbox_options options = {.waiting_max = 4};
    static char ruleset[4096];
    int n = snprintf(ruleset, sizeof ruleset, "%s", schema);
    snprintf(file, sizeof file, "/tmp/sluice-attribution-XXXXXX");
    FILE *f = fdopen(mkstemp(file), "w");
    assert_non_null(f);
    fputs(content, f);
    assert_int_equal(fclose(f), 0);
    for (const char *at = models; *at != '\0'; at++)
        n += snprintf(ruleset + n, sizeof ruleset - (size_t)n, "%.*s", *at == '@' ? 64 : 1,
                      *at == '@' ? file : at);
    world_open(&w, ruleset, rules, NULL);
    w.engine.outbox = outbox = outbox_new(&options);
}

static void open_with(const char *models)
{
    open_with_file(models, fraud);
}

static int drop(void **state)
{
    (void)state;
    if (item != NULL)
        outbox_done(outbox, item);
    item = NULL;
    outbox_free(outbox);
    world_close(&w);
    remove(file);
    return 0;
}

static void score_one(const char *id, double amount, const char *more)
{
    char body[4096];
    snprintf(body, sizeof body,
             "{\"transaction_id\":\"%s\",\"account_id\":\"%s\",\"amount\":%.2f%s,"
             "\"timestamp\":\"2026-01-05T12:00:00Z\"}",
             id, account, amount, more);
    assert_int_equal(world_score(&w, body), SCORE_DECIDED);
}

static void answer_says(const char *expected)
{
    if (!world_says(&w, expected))
        print_error("%s\n    does not say\n%s\n", w.answer, expected);
    assert_true(world_says(&w, expected));
}

static void take_alert(void)
{
    if (item != NULL)
        outbox_done(outbox, item);
    item = outbox_take(outbox);
    assert_non_null(item);
}

static bool alert_says(const char *expected)
{
    struct span json = item->alert.json;
    return memmem(json.base, json.len, expected, strlen(expected)) != NULL;
}

static void an_explained_answer_has_what_each_input_moved(void **state)
{
    (void)state;
    open_with("models: {fraud: {file: @}}\n");
    score_one("t-1", 200, ",\"channel\":\"web\",\"age\":10");
    answer_says("\"score\":1,\"reasons\":["
                "{\"input\":\"amount\",\"share\":0.4,\"contribution\":2,"
                "\"reason\":\"amount is 200\"},"
                "{\"input\":\"is_large\",\"share\":0.4,\"contribution\":2,"
                "\"reason\":\"is_large is true\"},"
                "{\"input\":\"channel\",\"share\":0.2,\"contribution\":1,"
                "\"reason\":\"channel is web\"}],"
                "\"margin\":1,\"base\":-3,\"contributions\":{\"amount\":2,\"channel\":1,"
                "\"is_large\":2,\"count_5m\":0},\"private\":-1}]");
}

static void the_rulesets_texts_stand_in_place_of_names_and_values(void **state)
{
    (void)state;
    open_with("models:\n"
              "  fraud:\n"
              "    file: @\n"
              "    reasons_least: 0\n"
              "    reasons:\n"
              "      amount: '{amount:.2f} of {account_id}'\n"
              "      count_5m: '{count_5m} in {note}'\n"
              "      channel: 'by {channel}'\n");
    score_one("t-1", 50, ",\"note\":\"\\\"haste\\\"\"");
    answer_says("\"reason\":\"channel is missing\"},{\"input\":\"amount\","); /* 0.75, 0.5 */
    answer_says("\"share\":0.4,\"contribution\":0.5,\"reason\":\"50.00 of a-1\"}],");
    score_one("t-2", 50, ",\"note\":\"\\\"haste\\\"\",\"channel\":\"web\"");
    answer_says("[{\"input\":\"channel\",\"share\":0.5,\"contribution\":1,"
                "\"reason\":\"by web\"},");
    answer_says("\"reason\":\"2 in \\\"haste\\\"\"}],");
}

static void so_many_are_told_as_the_ruleset_says(void **state)
{
    (void)state;
    open_with("models:\n"
              "  one:   {file: @, reasons_max: 1}\n"
              "  large: {file: @, reasons_least: 0.3}\n"
              "  none:  {file: @, reasons_max: 0}\n");
    score_one("t-1", 200, ",\"channel\":\"web\"");
    answer_says("[{\"input\":\"amount\",\"share\":0.4,\"contribution\":2,"
                "\"reason\":\"amount is 200\"}],\"margin\"");
    answer_says("\"reason\":\"is_large is true\"}],\"margin\"");
    answer_says("\"role\":\"champion\",\"score\":2,\"missing\":1,\"margin\":2,\"base\"");
    take_alert();
    assert_true(alert_says("\"role\":\"champion\",\"score\":2,\"missing\":1}],"));
}

static void a_private_field_is_a_reason_by_the_rulesets_word_alone(void **state)
{
    (void)state;
    open_with("models:\n"
              "  silent: {file: @}\n"
              "  told:   {file: @, reasons: {age: 'an age that is rare'}}\n");
    score_one("t-1", 10, ",\"age\":70");
    take_alert();
    assert_false(alert_says("age is") || alert_says("70"));
    assert_true(alert_says("\"reason\":\"an age that is rare\"}"));
    answer_says("\"private\":5}");
    assert_false(world_says(&w, "\"age\":"));
}

static void what_is_derived_from_a_private_field_is_as_private(void **state)
{
    static const char by_age[] = "model: linear\n"
                                 "link: identity\n"
                                 "inputs:\n"
                                 "  amount: {weight: 0.01}\n"
                                 "  score_of_age: {weight: 1, missing: 0}\n";
    (void)state;
    open_with_file("models:\n"
                   "  silent: {file: @}\n"
                   "  told:   {file: @, reasons: {score_of_age: 'an age that is rare'}}\n",
                   by_age);
    score_one("t-1", 10, ",\"age\":70");
    take_alert();
    assert_false(alert_says("score_of_age is"));
    assert_true(alert_says("\"reason\":\"an age that is rare\"}"));
    answer_says("\"contributions\":{\"amount\":0.1},\"private\":14}");
}

static void an_alert_has_the_champions_reasons_whatever_was_asked(void **state)
{
    static const char champion[] =
        "\"role\":\"champion\",\"score\":1,\"missing\":1,\"reasons\":["
        "{\"input\":\"amount\",\"share\":0.5,\"contribution\":2,\"reason\":\"amount is 200\"},"
        "{\"input\":\"is_large\",\"share\":0.5,\"contribution\":2,"
        "\"reason\":\"is_large is true\"}]},{\"name\":\"next\"";
    (void)state;
    open_with("models:\n"
              "  fraud: {file: @}\n"
              "  next:  {file: @, role: challenger}\n");
    for (int detail = DECISION_PLAIN; detail <= DECISION_EXPLAINED; detail++) {
        char id[16];
        snprintf(id, sizeof id, "t-%d", detail);
        w.score.intake.detail = (enum decision_detail)detail;
        account = id; /* what it did before would be another reason */
        score_one(id, 200, ",\"channel\":\"other\"");
        take_alert();
        assert_true(alert_says(champion));
        assert_false(alert_says("\"contributions\""));
        assert_int_equal(world_says(&w, "\"input\""), detail == DECISION_EXPLAINED);
    }
    account = "a-1";
    answer_says("\"role\":\"challenger\",\"score\":1,\"missing\":1,\"reasons\":[{\"input\"");
}

static void without_an_alert_nobody_looks(void **state)
{
    (void)state;
    open_with("models: {fraud: {file: @}}\n");
    struct arena *room = w.engine.parts->attributions;
    w.score.intake.detail = DECISION_RULES;
    score_one("t-1", 1, "");
    w.engine.outbox = NULL;
    score_one("t-2", 200, "");
    assert_true(w.score.flagged);
    assert_int_equal(room->used_bytes, 0);
    w.engine.outbox = outbox;
    score_one("t-3", 200, "");
    assert_true(room->used_bytes > 0);
}

static void a_long_text_is_cut(void **state)
{
    char more[2200], note[1500];
    (void)state;
    open_with("models:\n"
              "  fraud: {file: @, reasons: {amount: 'noted: {note}'}}\n");
    memset(note, 'x', sizeof note - 1);
    note[sizeof note - 1] = '\0';
    snprintf(more, sizeof more, ",\"note\":\"%s\"", note);
    score_one("t-1", 200, more);
    const char *at = strstr(w.answer, "noted: ");
    assert_non_null(at);
    assert_int_equal(strspn(at + 7, "x"), TEMPLATE_RENDERED_MAX - 7);
    note[200] = '\0';
    snprintf(more, sizeof more, ",\"channel\":\"%s\"", note);
    score_one("t-2", 200, more);
    assert_false(world_says(&w, note));
}

static void a_model_without_a_score_has_no_reasons(void **state)
{
    (void)state;
    open_with("models: {fraud: {file: @}}\n");
    world_score(&w, "{\"transaction_id\":\"t-1\",\"account_id\":\"a\",\"amount\":6,"
                    "\"timestamp\":\"2026-01-05T12:00:00Z\",\"age\":1e300}");
    answer_says("\"margin\":");
    struct snapshot *snap = snapshot_current(w.snapshots);
    struct arena *room = w.engine.parts->attributions;
    const struct model_result none = {.score = NAN};
    struct row row = {.scratch = w.engine.parts->row_scratch};
    const struct attribution *a =
        attribution_find(snap, &row, NULL, &none, ATTRIBUTION_OF_ALL, room);
    assert_null(a->contributions);
    snapshot_unref(snap);
}

static void what_cannot_be_explained_says_why(void **state)
{
    static const struct attribution none;
    struct bound_model m = {.reasons = {.unexplained = MODEL_WITHOUT_COUNTS}};
    char bytes[64];
    struct text out;
    (void)state;
    text_init(&out, bytes, sizeof bytes);
    attribution_write(NULL, &m, &none, false, &out);
    assert_int_equal(out.len, 0);
    attribution_write(NULL, &m, &none, true, &out);
    assert_true(span_is(text_span(&out), ",\"unexplained\":\"without_counts\""));
    out.len = 0;
    m.reasons.unexplained = MODEL_TOO_LARGE;
    attribution_write(NULL, &m, &none, true, &out);
    assert_true(span_is(text_span(&out), ",\"unexplained\":\"too_large\""));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, drop)
    const struct CMUnitTest tests[] = {
        TEST(an_explained_answer_has_what_each_input_moved),
        TEST(the_rulesets_texts_stand_in_place_of_names_and_values),
        TEST(so_many_are_told_as_the_ruleset_says),
        TEST(a_private_field_is_a_reason_by_the_rulesets_word_alone),
        TEST(what_is_derived_from_a_private_field_is_as_private),
        TEST(an_alert_has_the_champions_reasons_whatever_was_asked),
        TEST(without_an_alert_nobody_looks),
        TEST(a_long_text_is_cut),
        TEST(a_model_without_a_score_has_no_reasons),
        cmocka_unit_test(what_cannot_be_explained_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
