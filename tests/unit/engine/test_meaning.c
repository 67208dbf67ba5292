/* A name's meaning changes with what it stands for, and with nothing else. */
#include "service/engine/meaning.h"

#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char ruleset[] =
    "schema:\n"
    "  transaction_id: {type: string, required: true}\n"
    "  account_id: {type: string, required: true}\n"
    "  amount: {type: decimal, required: true}\n"
    "  timestamp: {type: timestamp, required: true}\n"
    "  fee: {type: number}\n"
    "derived:\n"
    "  is_large: amount > 1000.0\n"
    "  is_huge: is_large && amount > 9000.0\n"
    "  doubled: amount * 2.0\n"
    "features:\n"
    "  n: {by: account_id, aggregate: count, windows: [5m, 1h]}\n"
    "  large: {by: account_id, aggregate: count, where: is_large, windows: [1d]}\n"
    "  spent: {by: account_id, aggregate: sum, of: doubled, windows: [1d], delay: 1h}\n"
    "flag_at: 70\n"
    "rules: [rules.yaml]\n";

static const char rules[] = "rules:\n  - {id: r, when: amount > 1.0, score: 1, reason: r}\n";

/* All meanings of the ruleset with `find`, which is there, as `put`. */
static const char *meanings_with(const char *find, const char *put)
{
    static char json[2][4096];
    static int next;
    const struct snapshot_options options = {.exact_events = 256};
    char text[4096];
    struct world world = {0};
    struct snapshot *s;
    struct text out;
    const char *at = strstr(ruleset, find);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - ruleset), ruleset, put, at + strlen(find));
    world_files(&world, text, rules);
    if (snapshot_load(world.ruleset, &options, &world.diags, &s) != ST_OK)
        fail_msg("%s", world.diags.items[0].message);
    next = 1 - next;
    text_init(&out, json[next], sizeof json[next] - 1);
    meanings_write(s, &out);
    assert_false(out.overflow);
    json[next][out.len] = '\0';
    snapshot_unref(s);
    snprintf(text, sizeof text, "rm -rf '%s'", world.folder);
    assert_int_equal(system(text), 0);
    return json[next];
}

/* Where the meaning of `name` begins: 16 digits. */
static const char *meaning(const char *json, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(json, key);
    assert_non_null(at);
    return at + strlen(key);
}

static bool differs(const char *a, const char *b, const char *name)
{
    return memcmp(meaning(a, name), meaning(b, name), MEANING_DIGITS) != 0;
}

static void each_name_has_one(void **state)
{
    (void)state;
    static const char *const names[] = {
        "transaction_id", "account_id", "amount", "timestamp", "fee",      "is_large",
        "is_huge",        "doubled",    "n_5m",   "n_1h",      "large_1d", "spent_1d"};
    const char *json = meanings_with("rules:", "rules:");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(strspn(meaning(json, names[i]), "0123456789abcdef"), MEANING_DIGITS);
    assert_true(differs(json, json, "n_5m") == false);
    assert_memory_not_equal(meaning(json, "n_5m"), meaning(json, "n_1h"), MEANING_DIGITS);
    assert_memory_equal(meaning(json, "transaction_id"), meaning(json, "account_id"),
                        MEANING_DIGITS); /* both are texts */
}

static void it_changes_with_the_definition(void **state)
{
    (void)state;
    static const struct {
        const char *find, *put, *name;
    } cases[] = {
        {"fee: {type: number}", "fee: {type: integer}", "fee"},
        {"> 1000.0", "> 1001.0", "is_large"},
        {"aggregate: count, windows: [5m, 1h]", "aggregate: fraud_count, windows: [5m, 1h]",
         "n_5m"},
        {"where: is_large, windows", "where: amount > 1.0, windows", "large_1d"},
        {"where: is_large, windows", "windows", "large_1d"},
        {"delay: 1h", "delay: 2h", "spent_1d"},
        {"of: doubled", "of: amount", "spent_1d"},
        {"large: {by: account_id", "large: {by: transaction_id", "large_1d"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(differs(meanings_with("rules:", "rules:"),
                            meanings_with(cases[i].find, cases[i].put), cases[i].name));
}

static void it_changes_with_what_the_definition_reads(void **state)
{
    (void)state;
    const char *before = meanings_with("rules:", "rules:");
    const char *after = meanings_with("amount > 1000.0", "amount > 1001.0");
    assert_true(differs(before, after, "is_huge"));
    assert_true(differs(before, after, "large_1d"));
    assert_false(differs(before, after, "spent_1d"));
    before = meanings_with("rules:", "rules:");
    after = meanings_with("* 2.0", "* 3.0");
    assert_true(differs(before, after, "spent_1d"));
}

static void it_does_not_change_with_others(void **state)
{
    (void)state;
    const char *before = meanings_with("rules:", "rules:");
    const char *after = meanings_with("  n: {", "  # first\n  m: {by: account_id, aggregate: avg, "
                                                "of: fee, windows: [2h]}\n  n: {");
    static const char *const names[] = {"amount", "is_large", "n_5m",
                                        "n_1h",   "large_1d", "spent_1d"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_false(differs(before, after, names[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_has_one),
        cmocka_unit_test(it_changes_with_the_definition),
        cmocka_unit_test(it_changes_with_what_the_definition_reads),
        cmocka_unit_test(it_does_not_change_with_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
