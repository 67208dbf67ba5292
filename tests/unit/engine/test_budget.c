/* What a ruleset costs: sums, the dearest first, and limits. That the numbers are those of a real
 * Redis is seen in tests/system/test_budget.py; the messages are in tests/messages/limits.txt. */
#include "service/engine/budget.h"

#include "tests/unit/engine/world.h"
#include "tests/unit/models/xgboost_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct snapshot *load(struct world *w, const char *ruleset, const char *rules)
{
    struct snapshot *snap;
    struct snapshot_options options = {.exact_events = 256};
    *w = (struct world){0};
    world_files(w, ruleset, rules);
    return snapshot_load(w->ruleset, &options, &w->diags, &snap) == ST_OK ? snap : NULL;
}

static void end(struct world *w, struct snapshot *snap)
{
    char command[128];
    snapshot_unref(snap);
    snprintf(command, sizeof command, "rm -rf '%s'", w->folder);
    assert_int_equal(system(command), 0);
}

static void commands_and_bytes_are_summed_over_the_key_fields(void **state)
{
    (void)state;
    struct world w;
    struct budget b;
    struct snapshot *snap = load(&w, world_ruleset, world_rules);
    assert_non_null(snap);
    budget_of(snap, &b);
    assert_int_equal(b.n_keys, 2);
    assert_int_equal(b.redis_commands, 3 + 2 * 2 + 1);
    assert_int_equal(b.redis_commands_flagged, 3 + 2 * 2 + 4);
    assert_int_equal(b.redis_commands_max, 3 + 2 * 4 + 4 + 1);
    assert_true(span_is(b.keys[0].field, "account_id"));
    assert_int_equal(b.keys[0].record_bytes, 40); /* 32 and the amount */
    assert_int_equal(b.keys[1].record_bytes, 32);
    assert_int_equal(b.keys[0].n_tiers, 2);
    assert_int_equal(b.bytes_read_usual, 64 * (40 + 32));
    assert_int_equal(b.bytes_read_max, b.keys[0].bytes_max + b.keys[1].bytes_max);
    assert_true(b.bytes_per_entity_max == (int64_t)b.keys[0].bytes_max ||
                b.bytes_per_entity_max == (int64_t)b.keys[1].bytes_max);
    end(&w, snap);
}

static void the_dearest_come_first_and_what_is_off_costs_nothing(void **state)
{
    (void)state;
    struct world w;
    struct budget b;
    struct snapshot *snap =
        load(&w, world_ruleset,
             "rules:\n"
             "  - {id: a, when: amount > 1.0, score: 1}\n"
             "  - {id: b, when: '[1, 2, 3].exists(x, amount > double(x))', score: 1}\n"
             "  - {id: c, when: amount > 2.0, score: 1}\n"
             "  - {id: d, when: amount > 3.0, score: 1}\n"
             "  - {id: e, when: amount > 4.0, score: 1}\n"
             "  - {id: f, when: amount > 5.0, score: 1}\n"
             "  - {id: g, when: '[1, 2, 3, 4].exists(x, amount > double(x))',\n"
             "     score: 1, mode: off}\n");
    assert_non_null(snap);
    budget_of(snap, &b);
    int64_t steps = 0;
    assert_int_equal(b.n_dearest, BUDGET_DEAREST_MAX);
    assert_string_equal(b.dearest[0].kind, "rule");
    assert_true(span_is(b.dearest[0].name, "b"));
    for (int i = 1; i < b.n_dearest; i++)
        assert_true(b.dearest[i - 1].steps >= b.dearest[i].steps);
    for (int i = 0; i < snap->rules->count - 1; i++)
        steps += snap->rules->rules[i]->guarded->cost;
    assert_true(b.steps_max > steps); /* derived and where are in it */
    assert_true(b.steps_max < steps + 20);
    end(&w, snap);
}

static void a_ruleset_without_features_has_its_claim_alone(void **state)
{
    (void)state;
    struct world w;
    struct budget b;
    char bytes[1024];
    struct text t;
    struct snapshot *snap = load(&w,
                                 "schema:\n"
                                 "  transaction_id: {type: string, required: true}\n"
                                 "  account_id:     {type: string, required: true}\n"
                                 "  amount:         {type: decimal, required: true}\n"
                                 "  timestamp:      {type: timestamp, required: true}\n"
                                 "limits: {bytes_read: 0, bytes_per_entity: 0, redis_commands: 8}\n"
                                 "flag_at: 70\n"
                                 "rules: []\n",
                                 NULL);
    assert_non_null(snap);
    budget_of(snap, &b);
    text_init(&t, bytes, sizeof bytes);
    budget_write(&b, &t);
    text_char(&t, '\0');
    assert_string_equal(bytes, "a transaction costs\n"
                               "  4 commands of Redis in one round trip, 7 in two when flagged, "
                               "at most 8\n"
                               "  0 bytes read, at most 0 bytes\n"
                               "  0 steps of expressions at most\n");
    end(&w, snap);
}

/* The same ruleset with a limit one below what it takes, and at it. */
static void a_limit_holds_to_the_last_byte(void **state)
{
    (void)state;
    struct world w;
    struct budget b;
    struct snapshot *snap = load(&w, world_ruleset, world_rules);
    budget_of(snap, &b);
    end(&w, snap);
    for (int less = 0; less <= 1; less++) {
        char ruleset[4096];
        snprintf(ruleset, sizeof ruleset, "%slimits: {bytes_per_entity: %lld}\n", world_ruleset,
                 (long long)b.bytes_per_entity_max - less);
        snap = load(&w, ruleset, world_rules);
        assert_int_equal(snap == NULL, less);
        end(&w, snap);
    }
}

static void limits_change_no_window(void **state)
{
    (void)state;
    struct world w, other;
    char ruleset[4096];
    snprintf(ruleset, sizeof ruleset, "%slimits: {redis_commands: 100}\n", world_ruleset);
    struct snapshot *snap = load(&w, world_ruleset, world_rules);
    struct snapshot *limited = load(&other, ruleset, world_rules);
    assert_true(snap->observed_id == limited->observed_id);
    assert_true(snap->id != limited->id);
    end(&w, snap);
    end(&other, limited);
}

#define MODELS                      \
    "models:\n"                     \
    "  fraud: {file: fraud.yaml}\n" \
    "  trees: {file: trees.json}\n"

/* Over the world's ruleset with two models: one input, and two trees of depth 2 and 1. */
static struct snapshot *load_models(struct world *w, const char *more)
{
    struct snapshot *snap;
    struct snapshot_options options = {.exact_events = 256};
    char ruleset[4096];
    *w = (struct world){0};
    snprintf(ruleset, sizeof ruleset, "%s" MODELS "%s", world_ruleset, more);
    world_files(w, ruleset, world_rules);
    world_write(w, "fraud.yaml", "model: linear\ninputs:\n  amount: {weight: 1}\n");
    world_write(w, "trees.json", xgboost_case);
    return snapshot_load(w->ruleset, &options, &w->diags, &snap) == ST_OK ? snap : NULL;
}

static void models_take_the_steps_of_their_trees(void **state)
{
    (void)state;
    struct world w;
    struct budget b;
    char bytes[4096];
    struct text t;
    struct snapshot *snap = load_models(&w, "");
    assert_non_null(snap);
    budget_of(snap, &b);
    assert_int_equal(b.n_models, 2);
    assert_int_equal(b.model_steps, 1 + 3);
    text_init(&t, bytes, sizeof bytes - 1);
    budget_write(&b, &t);
    bytes[t.len] = '\0';
    assert_non_null(strstr(bytes, "\n  4 steps of models: fraud 1, trees 3\n"));
    text_init(&t, bytes, sizeof bytes - 1);
    budget_write_json(&b, &t);
    bytes[t.len] = '\0';
    assert_non_null(strstr(bytes, "\"model_steps\":4,\"models\":[{\"name\":\"fraud\",\"steps\":1},"
                                  "{\"name\":\"trees\",\"steps\":3}]}"));
    end(&w, snap);
}

static void a_limit_of_models_holds_to_the_step(void **state)
{
    (void)state;
    struct world w;
    struct snapshot *snap = load_models(&w, "limits: {model_steps: 4}\n");
    assert_non_null(snap);
    end(&w, snap);
    snap = load_models(&w, "limits: {model_steps: 3}\n");
    assert_null(snap);
    const struct diag *d = &w.diags.items[w.diags.count - 1];
    assert_string_equal(d->message,
                        "a transaction takes 4 steps of models at most, and 3 are allowed here");
    assert_string_equal(d->hint, "levels of trees, and inputs of linear models: fraud 1, trees 3");
    end(&w, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_and_bytes_are_summed_over_the_key_fields),
        cmocka_unit_test(the_dearest_come_first_and_what_is_off_costs_nothing),
        cmocka_unit_test(a_ruleset_without_features_has_its_claim_alone),
        cmocka_unit_test(a_limit_holds_to_the_last_byte),
        cmocka_unit_test(limits_change_no_window),
        cmocka_unit_test(models_take_the_steps_of_their_trees),
        cmocka_unit_test(a_limit_of_models_holds_to_the_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
