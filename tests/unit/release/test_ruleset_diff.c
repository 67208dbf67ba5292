#include "service/release/ruleset_diff.h"

#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HEAD                                                      \
    "schema:\n"                                                   \
    "  transaction_id: {type: string, required: true, max: 64}\n" \
    "  account_id: {type: string, required: true, max: 64}\n"     \
    "  amount: {type: decimal, required: true}\n"                 \
    "  timestamp: {type: timestamp, required: true}\n"

#define RULESET                                                                    \
    HEAD "  country: {type: string, max: 2}\n"                                     \
         "derived: {is_big: amount > 100.0}\n"                                     \
         "features: {tx: {by: account_id, aggregate: count, windows: [5m, 1h]}}\n" \
         "lists: {bad: [XX, YY], devices: {file: devices.txt}}\n"                  \
         "flag_at: 70\n"                                                           \
         "rules: [rules.yaml]\n"

#define RULE_A "  - {id: a, when: amount > 10.0, score: 80}\n"
#define RULE_B "  - {id: b, when: tx_5m > 3, score: 10, mode: shadow}\n"
#define RULES "rules:\n" RULE_A RULE_B
#define ALONE " differs in order, comments or `engine:` alone\n"
#define DEVICES "d-1\nd-2\nd-3\n"

/* A ruleset of three files; the caller's world keeps its folder until the end. */
static struct snapshot *load(struct world *w, const char *ruleset, const char *rules,
                             const char *devices)
{
    static const struct snapshot_options options = {.exact_events = 256};
    struct snapshot *s = NULL;
    world_files(w, ruleset, rules);
    world_write(w, "devices.txt", devices);
    w->diags = (struct diag_list){0};
    assert_int_equal(snapshot_load(w->ruleset, &options, &w->diags, &s), ST_OK);
    return s;
}

static void drop(struct world *w, struct snapshot *s)
{
    char command[128];
    snapshot_unref(s);
    snprintf(command, sizeof command, "rm -rf '%s'", w->folder);
    assert_int_equal(system(command), 0);
}

static const struct {
    const char *ruleset, *rules, *devices; /* NULL: as before */
    const char *words;
} changes[] = {
    {NULL, NULL, NULL, ""},
    {NULL, "rules:\n" RULE_B RULE_A, NULL, "file rules.yaml" ALONE},
    {NULL, "# a remark\n" RULES, "d-3\nd-1\nd-2\n",
     "file devices.txt" ALONE "file rules.yaml" ALONE},
    {NULL, "engine: \"0.1\"\n" RULES, NULL, "file rules.yaml" ALONE},
    {NULL, "rules:\n" RULE_A, "d-3\nd-1\nd-2\n", "rule b is gone\n"},
    {NULL, "rules:\n" RULE_A, NULL, "rule b is gone\n"},
    {NULL, RULES "  - {id: c, when: is_big, score: 1}\n", NULL, "rule c is new\n"},
    {NULL, "rules:\n  - {id: a, when: amount > 20.0, score: 80}\n" RULE_B, NULL,
     "rule a: when was `amount > 10.0`, is `amount > 20.0`\n"},
    {NULL, "rules:\n" RULE_A "  - {id: b, when: tx_5m > 3, score: 15}\n", NULL,
     "rule b: score was `10`, is `15`\nrule b: mode was `shadow`, is not there\n"},
    {NULL, "rules:\n  - {id: a, when: amount > 10.0, score: 80, tags: [x, y]}\n" RULE_B, NULL,
     "rule a: tags was not there, is `[x, y]`\n"},
    {NULL, "rules:\n  - {id: a, when: amount > 10.0, score: 80, title: \"\\e[2J\\r\"}\n" RULE_B,
     NULL, "rule a: title was not there, is ` [2J `\n"},
    {NULL, NULL, "d-1\nd-3\nd-4\nd-5\n", "list devices: 2 items more, 1 less\n"},
    {NULL, NULL, "d-1\nd-2\nd-3\nd-4\n", "list devices: 1 item more, 0 less\n"},
    {"limits: {evaluation_steps: 9000}\n" RULESET, NULL, NULL,
     "limits was not there, is `{evaluation_steps: 9000}`\n"},
    {NULL, "rules:\n" RULE_A "  - {id: b, when: tx_5m > 3, score: 10, rollout: 5%}\n", NULL,
     "rule b: mode was `shadow`, is not there\nrule b: rollout was not there, is `5%`\n"},
    {HEAD "  country: {type: string, max: 3}\n"
          "features: {tx: {by: account_id, aggregate: count, windows: [5m, 1d]},\n"
          "           sum: {by: account_id, aggregate: sum, of: amount, windows: [1d]}}\n"
          "lists: {bad: [XX], devices: {file: devices.txt}}\n"
          "flag_at: 80\n"
          "rules: [rules.yaml]\n",
     NULL, NULL,
     "flag_at was `70`, is `80`\n"
     "field country: max was `2`, is `3`\n"
     "derived field is_big is gone\n"
     "feature tx: windows was `[5m, 1h]`, is `[5m, 1d]`\n"
     "feature sum is new\n"
     "list bad was `[XX, YY]`, is `[XX]`\n"},
};

static void each_change_is_told_in_words(void **state)
{
    static char bytes[64 << 10];
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct world before = {.folder = ""}, after = {.folder = ""};
        struct snapshot *a = load(&before, RULESET, RULES, DEVICES);
        struct snapshot *b = load(&after, changes[i].ruleset ? changes[i].ruleset : RULESET,
                                  changes[i].rules ? changes[i].rules : RULES,
                                  changes[i].devices ? changes[i].devices : DEVICES);
        struct arena *arena = arena_new(DIFF_ARENA_BYTES);
        struct ruleset_diff diff;
        struct text out;
        assert_int_equal(ruleset_diff_make(a, b, arena, &diff), ST_OK);
        text_init(&out, bytes, sizeof bytes - 1);
        ruleset_diff_text(&diff, &out);
        bytes[out.len] = '\0';
        assert_string_equal(bytes, changes[i].words);
        arena_free(arena);
        drop(&before, a);
        drop(&after, b);
    }
}

#define LINEAR(weight) "model: linear\ninputs:\n  amount: {weight: " #weight "}\n"

static struct snapshot *load_models(struct world *w, const char *models, const char *fraud)
{
    static const struct snapshot_options options = {.exact_events = 256};
    struct snapshot *s = NULL;
    char ruleset[4096];
    snprintf(ruleset, sizeof ruleset, "%s%s", RULESET, models);
    world_files(w, ruleset, RULES);
    world_write(w, "devices.txt", DEVICES);
    world_write(w, "fraud.yaml", fraud);
    world_write(w, "next.yaml", LINEAR(2));
    w->diags = (struct diag_list){0};
    assert_int_equal(snapshot_load(w->ruleset, &options, &w->diags, &s), ST_OK);
    return s;
}

/* The words with `#` replaced by the hash of the model's file before, `@` by that after. */
static void put_words(struct text *out, const char *words, const char *before, const char *after)
{
    for (const char *c = words; *c != '\0'; c++)
        if (*c == '#')
            text_str(out, before);
        else if (*c == '@')
            text_str(out, after);
        else
            text_char(out, *c);
    text_char(out, '\0');
}

static void each_change_of_a_model_is_told_in_words(void **state)
{
    static const char fraud[] = "models: {fraud: {file: fraud.yaml, threshold: 0.5}}\n";
    static const struct {
        const char *models, *fraud, *words;
    } cases[] = {
        {fraud, LINEAR(1), ""},
        {fraud, LINEAR(3), "model fraud: hash was `#`, is `@`\n"},
        {"models: {fraud: {file: fraud.yaml, threshold: 0.6}}\n", LINEAR(1),
         "model fraud: threshold was `0.5`, is `0.6`\n"},
        {"models: {fraud: {file: fraud.yaml, threshold: 0.5, calibration: {platt: {a: -1, b: "
         "0}}}}\n",
         LINEAR(1), "model fraud: calibration was not there, is `{platt: {a: -1, b: 0}}`\n"},
        {"models:\n  fraud: {file: fraud.yaml, threshold: 0.5}\n"
         "  next: {file: next.yaml, role: challenger, threshold: 0.5}\n",
         LINEAR(1), "model next is new\n"},
        {"models:\n  fraud: {file: next.yaml, threshold: 0.5}\n", LINEAR(1),
         "model fraud: file was `fraud.yaml`, is `next.yaml`\n"
         "model fraud: hash was `#`, is `@`\n"},
        {"", LINEAR(1), "model fraud is gone\n"},
    };
    static char bytes[64 << 10], words[1024];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world before = {.folder = ""}, after = {.folder = ""};
        struct snapshot *a = load_models(&before, fraud, LINEAR(1));
        struct snapshot *b = load_models(&after, cases[i].models, cases[i].fraud);
        struct arena *arena = arena_new(DIFF_ARENA_BYTES);
        struct ruleset_diff diff;
        struct text out;
        assert_int_equal(ruleset_diff_make(a, b, arena, &diff), ST_OK);
        text_init(&out, bytes, sizeof bytes - 1);
        ruleset_diff_text(&diff, &out);
        bytes[out.len] = '\0';
        const char *after_hash = b->models.count > 0 ? b->models.items[0].model.hash : "";
        struct text expected;
        text_init(&expected, words, sizeof words);
        put_words(&expected, cases[i].words, a->models.items[0].model.hash, after_hash);
        assert_string_equal(bytes, words);
        arena_free(arena);
        drop(&before, a);
        drop(&after, b);
    }
}

static void a_challenger_that_takes_over_is_told(void **state)
{
    (void)state;
    struct world before = {.folder = ""}, after = {.folder = ""};
    struct snapshot *a = load_models(&before,
                                     "models:\n  fraud: {file: fraud.yaml}\n"
                                     "  next: {file: next.yaml, role: challenger}\n",
                                     LINEAR(1));
    struct snapshot *b = load_models(&after,
                                     "models:\n  next: {file: next.yaml}\n"
                                     "  fraud: {file: fraud.yaml, role: challenger}\n",
                                     LINEAR(1));
    struct arena *arena = arena_new(DIFF_ARENA_BYTES);
    struct ruleset_diff diff;
    struct text out;
    char bytes[1024];
    assert_int_equal(ruleset_diff_make(a, b, arena, &diff), ST_OK);
    text_init(&out, bytes, sizeof bytes - 1);
    ruleset_diff_text(&diff, &out);
    bytes[out.len] = '\0';
    assert_string_equal(bytes, "model fraud: role was not there, is `challenger`\n"
                               "model next: role was `challenger`, is not there\n");
    arena_free(arena);
    drop(&before, a);
    drop(&after, b);
}

static void a_long_value_is_cut_between_two_characters(void **state)
{
    static char rules[4096], bytes[8192];
    struct world before = {.folder = ""}, after = {.folder = ""};
    struct ruleset_diff diff;
    struct text out;
    size_t n = (size_t)snprintf(rules, sizeof rules,
                                "rules:\n" RULE_B "  - {id: a, when: amount > 10.0, score: 80, "
                                "description: \"x");
    (void)state;
    for (int i = 0; i < 600; i++)
        n += (size_t)snprintf(rules + n, sizeof rules - n, "\xC3\xA9");
    snprintf(rules + n, sizeof rules - n, "\"}\n");
    struct snapshot *a = load(&before, RULESET, RULES, DEVICES);
    struct snapshot *b = load(&after, RULESET, rules, DEVICES);
    struct arena *arena = arena_new(DIFF_ARENA_BYTES);
    assert_int_equal(ruleset_diff_make(a, b, arena, &diff), ST_OK);
    assert_int_equal(diff.count, 1);
    assert_true(diff.first->after.len <= DIFF_SHOWN_MAX);
    assert_true(diff.first->after.len >= DIFF_SHOWN_MAX - 2);
    assert_int_equal(diff.first->after.len % 2, 1); /* x, and whole characters of two bytes */
    text_init(&out, bytes, sizeof bytes - 1);
    ruleset_diff_json(&diff, &out);
    bytes[out.len] = '\0';
    assert_non_null(strstr(bytes, "{\"kind\":\"rule\",\"name\":\"a\",\"change\":\"changed\","
                                  "\"key\":\"description\",\"before\":null,\"after\":\"x"));
    arena_free(arena);
    drop(&before, a);
    drop(&after, b);
}

static void an_arena_that_is_too_small_is_told(void **state)
{
    struct world before = {.folder = ""};
    struct snapshot *a = load(&before, RULESET, RULES, DEVICES);
    struct arena *arena = arena_new(1024);
    struct ruleset_diff diff = {.count = 7};
    (void)state;
    assert_int_equal(ruleset_diff_make(a, a, arena, &diff), ST_NO_SPACE);
    assert_int_equal(diff.count, 7);
    arena_free(arena);
    drop(&before, a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_is_told_in_words),
        cmocka_unit_test(each_change_of_a_model_is_told_in_words),
        cmocka_unit_test(a_challenger_that_takes_over_is_told),
        cmocka_unit_test(a_long_value_is_cut_between_two_characters),
        cmocka_unit_test(an_arena_that_is_too_small_is_told),
    };
    return cmocka_run_group_tests_name("engine/ruleset_diff", tests, NULL, NULL);
}
