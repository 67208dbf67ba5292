#include "rules/rule_file.h"

#include "tests/unit/rules/cel_fixture.h"
#include "tests/unit/rules/temp_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct fixture f;
static struct rule_file file;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    temp_folder_open();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_folder_close();
    fixture_fini(&f);
    return 0;
}

static enum status load(const char *yaml)
{
    memset(&f.diags, 0, sizeof f.diags);
    return rule_file_load(temp_file("rules.yaml", yaml), &f.env, f.arena, &f.diags, &file);
}

static void a_rule_with_everything_is_loaded(void **state)
{
    (void)state;
    assert_int_equal(load("rules:\n"
                          "  - id: account-burst\n"
                          "    title: Burst of payments\n"
                          "    description: Many payments.\n"
                          "    when: count > 10\n"
                          "    score: 80\n"
                          "    reason: \"{count} payments\"\n"
                          "    severity: high\n"
                          "    tags: [velocity, card-testing]\n"
                          "    mode: shadow\n"
                          "    decision: allow\n"
                          "    override: true\n"),
                     ST_OK);
    const struct rule *r = &file.rules[0];
    assert_int_equal(file.count, 1);
    assert_true(span_is(r->id, "account-burst"));
    assert_true(span_is(r->title, "Burst of payments"));
    assert_true(span_is(r->description, "Many payments."));
    assert_true(r->score == 80 && r->score_program == NULL);
    assert_int_equal(r->severity, RULE_SEVERITY_HIGH);
    assert_int_equal(r->mode, RULE_SHADOW);
    assert_int_equal(r->force, RULE_FORCE_ALLOW_OVERRIDE);
    assert_int_equal(r->n_tags, 2);
    assert_true(span_is(r->tags[1], "card-testing"));
    assert_int_equal(r->at.line, 2);
    assert_true(file.yaml.content.len > 0);
    assert_true(cel_is_true(cel_run(r->when, f.row, f.scratch)));
}

static void what_is_left_out_has_its_default(void **state)
{
    (void)state;
    assert_int_equal(load("rules:\n  - {id: a, when: count > 1, score: 'amount / 10.0'}\n"
                          "  - {id: b, when: 'true', decision: flag}\n"),
                     ST_OK);
    const struct rule *a = &file.rules[0], *b = &file.rules[1];
    struct span reason;
    assert_true(span_is(a->title, "a"));
    assert_int_equal(a->severity, RULE_SEVERITY_MEDIUM);
    assert_int_equal(a->mode, RULE_LIVE);
    assert_int_equal(a->rollout.share_e4, ROLLOUT_ALL_E4);
    assert_int_equal(a->force, RULE_FORCE_NONE);
    assert_non_null(a->score_program);
    assert_int_equal(template_render(&a->reason, f.row, f.scratch, f.scratch, &reason), ST_OK);
    assert_true(span_is(reason, "a"));
    assert_int_equal(b->force, RULE_FORCE_FLAG);
    assert_true(b->score == 0);
}

static void a_title_with_braces_is_no_template(void **state)
{
    struct span reason;
    (void)state;
    assert_int_equal(load("rules:\n  - {id: a, title: 'x {y', when: 'true', score: 1}\n"), ST_OK);
    assert_int_equal(template_render(&file.rules[0].reason, f.row, f.scratch, f.scratch, &reason),
                     ST_OK);
    assert_true(span_is(reason, "x {y"));
}

struct mistake {
    const char *yaml, *message, *hint;
    int line, col;
};

static void mistakes_are_pointed_at(void **state)
{
    static const struct mistake mistakes[] = {
        {"", "the file is empty", "write `rules:` and a list of rules", 1, 1},
        {"engine: new\nrules: []\n", "expected a version like 0.1 or 0.1.0", "", 1, 9},
        {"engine: 1.\nrules: []\n", "expected a version like 0.1 or 0.1.0", "", 1, 9},
        {"engine: [1]\nrules: []\n", "expected a text",
         "a text that begins with [ or { stands in quotes", 1, 9},
        {"rules: 5\n", "`rules` is a list of rules", "each begins with `- id:`", 1, 8},
        {"rules:\n  - {when: 'true', score: 1}\n", "a rule needs an `id`",
         "write `id: large-amount`", 2, 5},
        {"rules:\n  - {id: a, score: 1}\n", "a rule needs a condition, `when`",
         "write `when: amount > 1000`", 2, 5},
        {"rules:\n  - {id: a, when: 'true'}\n", "a rule needs a `score`, or a `decision`",
         "write `score: 50`", 2, 5},
        {"rules:\n  - {id: A b, when: 'true', score: 1}\n", "'A b' cannot be a rule's id",
         "write a-z, 0-9, then also . _ - ; at most 64 characters", 2, 10},
        {"rules:\n  - id: a\n    score: 1\n    when: counnt > 10\n", "unknown name 'counnt'",
         "did you mean 'count'?", 4, 11},
        {"rules:\n  - id: a\n    score: 1\n    when: count + 1\n", "the condition is int, not bool",
         "write a comparison, as amount > 1000", 4, 11},
        {"rules:\n  - id: a\n    when: 'true'\n    score: currency\n",
         "the score is string, not a number", "write a number, or what gives one", 4, 12},
        {"rules:\n  - id: a\n    when: 'true'\n    score: 1\n    reason: \"{counnt} x\"\n",
         "unknown name 'counnt'", "did you mean 'count'?", 5, 15},
        {"rules:\n  - id: a\n    when: 'true'\n    score: 1\n    severity: hihg\n",
         "'hihg' is no severity", "it is one of low, medium, high, critical", 5, 15},
        {"rules:\n  - id: a\n    when: 'true'\n    score: 1\n    mode: on\n", "'on' is no mode",
         "it is one of live, shadow, off", 5, 11},
        {"rules:\n  - id: a\n    when: 'true'\n    score: 1\n    rollout: 110%\n",
         "'110%' is no share of the accounts",
         "write `rollout: 10%`, from 0% to 100%, two decimals", 5, 14},
        {"rules:\n  - id: a\n    when: 'true'\n    score: 1\n    mode: off\n    rollout: 1%\n",
         "`rollout` goes with `mode: live` only",
         "take `mode` out: outside its share a live rule is shadow", 6, 14},
        {"rules:\n  - id: a\n    when: 'true'\n    score: 1\n    rollout: 1%\n",
         "`rollout` goes by account_id, and there is none", "", 5, 14},
        {"rules:\n  - id: a\n    when: 'true'\n    decision: flag\n    override: true\n",
         "`override` goes with `decision: allow` only",
         "a flag beats any allow that does not override", 5, 15},
        {"rules:\n  - id: a\n    when: 'true'\n    score: 1\n    tags: fraud\n",
         "tags are a list of at most 16", "write [velocity, card-testing]", 5, 11},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        const struct mistake *m = &mistakes[i];
        assert_int_equal(load(m->yaml), ST_INVALID);
        assert_string_equal(f.diags.items[0].message, m->message);
        assert_string_equal(f.diags.items[0].hint, m->hint);
        assert_int_equal(f.diags.items[0].line, m->line);
        assert_int_equal(f.diags.items[0].col, m->col);
    }
}

static void unknown_keys_are_errors(void **state)
{
    (void)state;
    assert_int_equal(load("rules:\n  - {id: a, wen: 'true', score: 1}\n"), ST_INVALID);
    assert_true(f.diags.errors > 0);
    assert_non_null(strstr(f.diags.items[0].hint, "when"));
}

static void rules_for_this_engine_or_an_older_one_are_loaded(void **state)
{
    static const char *const versions[] = {"0", "0.1", "'0.1'", "0.0.99", SLUICE_VERSION};
    char yaml[128];
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        snprintf(yaml, sizeof yaml, "engine: %s\nrules: []\n", versions[i]);
        assert_int_equal(load(yaml), ST_OK);
    }
}

/* Not what this one does not know of the newer one's language: only that it is too old. */
static void rules_for_a_newer_engine_say_so_and_nothing_else(void **state)
{
    static const char *const versions[] = {"99", "99.0.1", SLUICE_VERSION ".1"};
    char yaml[128], message[128];
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        snprintf(yaml, sizeof yaml, "new: 1\nengine: %s\nrules: [x]\n", versions[i]);
        assert_int_equal(load(yaml), ST_INVALID);
        snprintf(message, sizeof message, "these rules need Sluice %s or newer, and this is %s",
                 versions[i], SLUICE_VERSION);
        assert_int_equal(f.diags.errors, 1);
        assert_string_equal(f.diags.items[0].message, message);
        assert_int_equal(f.diags.items[0].line, 2);
    }
}

static void all_mistakes_of_a_file_are_told(void **state)
{
    (void)state;
    assert_int_equal(load("rules:\n"
                          "  - {id: a, when: x1, score: 1}\n"
                          "  - {id: b, when: x2, score: 1, mode: on}\n"),
                     ST_INVALID);
    assert_int_equal(f.diags.errors, 3);
}

static void ids_have_a_length(void **state)
{
    char yaml[256];
    (void)state;
    for (int n = RULE_ID_MAX; n <= RULE_ID_MAX + 1; n++) {
        char id[RULE_ID_MAX + 2] = {0};
        memset(id, 'a', (size_t)n);
        struct text t;
        text_init(&t, yaml, sizeof yaml);
        text_printf(&t, "rules:\n  - {id: %s, when: 'true', score: 1}\n", id);
        text_char(&t, '\0');
        assert_int_equal(load(yaml), n <= RULE_ID_MAX ? ST_OK : ST_INVALID);
    }
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(rule_file_load("/nowhere/rules.yaml", &f.env, f.arena, &f.diags, &file),
                     ST_IO);
    assert_int_equal(f.diags.errors, 1);
}

/* Loading into so much of the arena; what does not fit is told, and of the first rule only. */
static enum status load_within(const char *path, size_t cap_bytes)
{
    struct arena part;
    arena_init(&part, f.arena->base, cap_bytes);
    memset(&f.diags, 0, sizeof f.diags);
    enum status st = rule_file_load(path, &f.env, &part, &f.diags, &file);
    assert_true(st == ST_OK || (st == ST_NO_SPACE && f.diags.count > 0));
    for (int i = 0; i < f.diags.count; i++)
        assert_in_range(f.diags.items[i].line, 0, 2);
    return st;
}

/* Its reason takes more than a compilation asks for: what is behind it meets a full arena. */
static const char *long_rule(const char *name, const char *behind)
{
    enum { REASON = 600 << 10, ALL = REASON + 256 };
    static char yaml[ALL];
    struct text t;
    text_init(&t, yaml, sizeof yaml);
    text_str(&t, "rules:\n  - {id: a, when: 'true', score: 1, tags: [x, y, z], reason: ");
    memset(yaml + t.len, 'r', REASON);
    t.len += REASON;
    text_printf(&t, "}\n%s", behind);
    text_char(&t, '\0');
    return temp_file(name, yaml);
}

static size_t least_room(const char *path)
{
    size_t too_little = 1 << 20, enough = f.arena->cap_bytes;
    while (enough - too_little > 16) {
        size_t half = too_little + (enough - too_little) / 2;
        if (load_within(path, half) == ST_OK)
            enough = half;
        else
            too_little = half;
    }
    return enough;
}

static void a_rule_that_does_not_quite_fit_is_out_of_space(void **state)
{
    (void)state;
    const char *path = long_rule("rules.yaml", "");
    size_t room = least_room(path);
    for (size_t less = 16; less <= 1024; less += 16)
        assert_int_equal(load_within(path, room - less), ST_NO_SPACE);
}

static void behind_a_rule_that_does_not_fit_none_is_tried(void **state)
{
    (void)state;
    size_t room = least_room(long_rule("one.yaml", ""));
    const char *path = long_rule("two.yaml", "  - {id: b, when: 'true', score: 1}\n");
    assert_int_equal(load_within(path, room), ST_NO_SPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rule_with_everything_is_loaded),
        TEST(what_is_left_out_has_its_default),
        TEST(a_title_with_braces_is_no_template),
        TEST(mistakes_are_pointed_at),
        TEST(unknown_keys_are_errors),
        TEST(rules_for_this_engine_or_an_older_one_are_loaded),
        TEST(rules_for_a_newer_engine_say_so_and_nothing_else),
        TEST(all_mistakes_of_a_file_are_told),
        TEST(ids_have_a_length),
        TEST(a_file_that_is_not_there_is_an_error),
        TEST(a_rule_that_does_not_quite_fit_is_out_of_space),
        TEST(behind_a_rule_that_does_not_fit_none_is_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
