/* A ruleset is loaded as a whole, named by its content, and swapped at once or not at all. */
#include "service/engine/snapshot.h"

#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct snapshot_options options = {.exact_events = 256, .now_ms = 7};

static int make_files(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    world_files(w, world_ruleset, world_rules);
    *state = w;
    return 0;
}

static int drop_files(void **state)
{
    struct world *w = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", w->folder);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

static struct snapshot *load(struct world *w)
{
    struct snapshot *s = NULL;
    w->diags = (struct diag_list){0};
    return snapshot_load(w->ruleset, &options, &w->diags, &s) == ST_OK ? s : NULL;
}

static void a_ruleset_is_loaded_with_all_it_names(void **state)
{
    struct snapshot *s = load(*state);
    assert_non_null(s);
    assert_int_equal(s->schema.count, 6);
    assert_int_equal(s->n_derived, 1);
    assert_int_equal(s->features.n_features, 7);
    assert_int_equal(s->lists->count, 1);
    assert_int_equal(s->rules->count, 4);
    assert_int_equal(s->row_lists, 6);
    assert_int_equal(s->row_derived, 7);
    assert_int_equal(s->row_features, 8);
    assert_int_equal(s->row_covered, 15);
    assert_int_equal(s->row_count, 22);
    assert_int_equal(s->loaded_at_ms, 7);
    assert_int_equal(strlen(s->id_text), 16);
    assert_true(s->id == strtoull(s->id_text, NULL, 16));
    snapshot_unref(s);
}

static void the_files_it_was_loaded_from_are_kept_with_their_bytes(void **state)
{
    struct snapshot *s = load(*state);
    assert_non_null(s);
    assert_true(s->files.count >= 2);
    assert_string_equal(s->files.items[0].name, "ruleset.yaml");
    for (int i = 0; i < s->files.count; i++) {
        const struct snapshot_file *file = &s->files.items[i];
        char bytes[16 << 10];
        FILE *in = fopen(file->path, "rb");
        assert_non_null(in);
        size_t n = fread(bytes, 1, sizeof bytes, in);
        fclose(in);
        assert_int_equal(n, file->content.len);
        assert_memory_equal(bytes, file->content.base, n);
    }
    snapshot_unref(s);
}

static void a_row_holds_what_is_read_and_no_more(void **state)
{
    struct snapshot *s = load(*state);
    assert_non_null(s);
    assert_int_equal(s->n_features_read, 1); /* the burst's */
    assert_int_equal(s->n_fields_read, 3);   /* amount, timestamp, country */
    assert_true(s->derived[0].is_read);
    snapshot_unref(s);
}

static void a_row_may_hold_everything_for_expressions_in_no_rule(void **state)
{
    struct world *w = *state;
    struct snapshot_options all = options;
    struct snapshot *s = NULL;
    all.reads_all = true;
    assert_int_equal(snapshot_load(w->ruleset, &all, &w->diags, &s), ST_OK);
    assert_int_equal(s->n_features_read, s->features.n_features);
    assert_int_equal(s->n_fields_read, s->schema.count);
    const struct cel_name *name = cel_env_find(&s->env, s->features.features[6].name);
    assert_int_equal(name->slot, s->row_features + 6);
    snapshot_unref(s);
}

static void its_name_tells_which_of_two_list_files_is_the_empty_one(void **state)
{
    struct world *w = *state;
    char text[4096], ids[2][17];
    const char *lists = strstr(world_ruleset, "lists:\n");
    assert_non_null(lists);
    snprintf(text, sizeof text,
             "%.*slists:\n  block: {file: block.txt}\n  allow: {file: allow.txt, type: string}\n%s",
             (int)(lists - world_ruleset), world_ruleset, lists + strlen("lists:\n"));
    world_write(w, "ruleset.yaml", text);
    for (int i = 0; i < 2; i++) {
        world_write(w, "block.txt", i == 0 ? "d-1\n" : "");
        world_write(w, "allow.txt", i == 0 ? "" : "d-1\n");
        struct snapshot *s = load(w);
        memcpy(ids[i], s->id_text, sizeof ids[i]);
        snapshot_unref(s);
    }
    assert_string_not_equal(ids[0], ids[1]);
}

static void its_name_follows_every_file(void **state)
{
    struct world *w = *state;
    struct snapshot *a = load(w), *same = load(w);
    char text[4096];
    snprintf(text, sizeof text, "%s# a remark\n", world_rules);
    world_write(w, "rules.yaml", text);
    struct snapshot *b = load(w);
    assert_string_equal(a->id_text, same->id_text);
    assert_string_not_equal(a->id_text, b->id_text);
    snapshot_unref(a);
    snapshot_unref(same);
    snapshot_unref(b);
}

static void refused(struct world *w, const char *from, const char *to, const char *message)
{
    char text[4096];
    const char *at = strstr(world_ruleset, from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - world_ruleset), world_ruleset, to,
             at + strlen(from));
    world_write(w, "ruleset.yaml", text);
    assert_null(load(w));
    assert_true(w->diags.count > 0);
    assert_string_equal(w->diags.items[0].message, message);
}

static uint64_t observed_with(struct world *w, const char *from, const char *to)
{
    char text[4096];
    const char *at = strstr(world_ruleset, from);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - world_ruleset), world_ruleset, to,
             at + strlen(from));
    world_write(w, "ruleset.yaml", text);
    struct snapshot *s = load(w);
    assert_non_null(s);
    uint64_t id = s->observed_id;
    snapshot_unref(s);
    return id;
}

static void what_is_observed_has_a_name_of_its_own(void **state)
{
    struct world *w = *state;
    uint64_t id = observed_with(w, "flag_at", "flag_at");
    assert_true(observed_with(w, "flag_at: 70", "flag_at: 71") == id);
    assert_true(observed_with(w, "windows: [5m, 1d]", "windows: [5m, 2d]") != id);
    world_write(w, "rules.yaml", "rules: []\n");
    assert_true(observed_with(w, "flag_at", "flag_at") == id);
}

/* Sections that share a line are not told apart: then the name follows all of them. */
static void in_a_flow_mapping_nothing_observed_is_missed(void **state)
{
    static const char flow[] =
        "{schema: {transaction_id: {type: string, required: true},\n"
        "  account_id: {type: string, required: true}, amount: {type: decimal, required: true},\n"
        "  timestamp: {type: timestamp, required: true}}, flag_at: 70, rules: [],\n"
        "  features: {n: {by: account_id, aggregate: count,\n"
        "  windows: [%s]}}, lists: {x: [1]}}\n";
    struct world *w = *state;
    uint64_t ids[2];
    const char *windows[] = {"1d", "2d"};
    for (int i = 0; i < 2; i++) {
        char text[1024];
        snprintf(text, sizeof text, flow, windows[i]);
        world_write(w, "ruleset.yaml", text);
        struct snapshot *s = load(w);
        assert_non_null(s);
        ids[i] = s->observed_id;
        snapshot_unref(s);
    }
    assert_true(ids[0] != ids[1]);
}

static void names_share_one_space(void **state)
{
    struct world *w = *state;
    refused(w, "is_large: amount", "country: amount",
            "'country' is already the name of a field, derived field or feature");
    refused(w, "watched: [KP]", "tx: [KP]", "'tx' is reserved");
    refused(w, "is_large: amount", "watched: amount", "'watched' is already the name of a list");
}

static void mistakes_of_the_whole_are_told(void **state)
{
    struct world *w = *state;
    refused(w, "flag_at: 70\n", "", "the ruleset has no `flag_at:`");
    refused(w, "rules: [rules.yaml]", "rules: rules.yaml", "`rules:` is a list of files");
    refused(w, "flag_at: 70", "flagat: 70", "unknown key 'flagat'");
    char message[DIAG_MESSAGE_MAX];
    snprintf(message, sizeof message,
             "%s/ruels.yaml: cannot read the file: No such file or directory", w->folder);
    refused(w, "[rules.yaml]", "[ruels.yaml]", message);
    assert_int_equal(w->diags.items[0].line, 20);
    assert_int_equal(w->diags.items[0].col, 9);
}

static void a_name_from_elsewhere_is_answered_with_what_stands_here(void **state)
{
    struct world *w = *state;
    refused(w, "where: is_large", "where: account_tx_count_1d > 3",
            "unknown name 'account_tx_count_1d'");
    assert_string_equal(
        w->diags.items[0].hint,
        "`where:` sees the transaction only: fields, derived names, lists; no features");
    refused(w, "is_large: amount", "is_large: account_tx_count_1d",
            "unknown name 'account_tx_count_1d'");
    assert_string_equal(w->diags.items[0].hint,
                        "`derived:` sees fields, lists and the derived names above; no features");
}

static void a_reload_swaps_the_whole_or_leaves_it(void **state)
{
    struct world *w = *state;
    struct snapshot_slot *slot = snapshot_slot_new(load(w));
    struct snapshot *before = snapshot_current(slot);
    world_write(w, "rules.yaml", "rules:\n  - {id: x, when: nothing_of_that > 1, score: 1}\n");
    assert_int_equal(snapshot_offer(slot, w->ruleset, &options, "test", &w->diags), ST_INVALID);
    struct snapshot *still = snapshot_current(slot);
    assert_ptr_equal(still, before);
    world_write(w, "rules.yaml", "rules:\n  - {id: x, when: amount > 1.0, score: 1}\n");
    w->diags = (struct diag_list){0};
    assert_int_equal(snapshot_offer(slot, w->ruleset, &options, "test", &w->diags), ST_OK);
    struct snapshot *after = snapshot_current(slot);
    assert_ptr_not_equal(after, before);
    assert_string_equal(after->loaded_by, "test");
    assert_int_equal(before->rules->count, 4); /* held: still whole */
    snapshot_unref(before);
    snapshot_unref(still);
    snapshot_unref(after);
    snapshot_slot_free(slot);
}

/* What a pattern owns is outside the arena; LeakSanitizer tells if it stays. */
static void patterns_end_with_their_ruleset_loaded_or_refused(void **state)
{
    struct world *w = *state;
    world_write(w, "rules.yaml",
                "rules:\n  - {id: x, when: 'account_id.matches(\"^a-[0-9]+$\")', score: 1}\n");
    struct snapshot *s = load(w);
    assert_non_null(s);
    snapshot_unref(s);
    world_write(w, "rules.yaml",
                "rules:\n  - {id: x, when: 'account_id.matches(\"^a-[0-9]+$\")', score: 1}\n"
                "  - {id: y, when: nothing_of_that > 1, score: 1}\n");
    assert_null(load(w));
}

static void half_a_file_is_never_a_ruleset(void **state)
{
    struct world *w = *state;
    struct snapshot_slot *slot = snapshot_slot_new(load(w));
    struct snapshot *before = snapshot_current(slot);
    char text[4096];
    /* Every cut within the last two lines, where what is left is YAML most of the time. */
    for (size_t n = strlen(world_ruleset) - 2; n > strlen(world_ruleset) - 30; n--) {
        snprintf(text, sizeof text, "%.*s", (int)n, world_ruleset);
        world_write(w, "ruleset.yaml", text);
        w->diags = (struct diag_list){0};
        if (snapshot_offer(slot, w->ruleset, &options, "test", &w->diags) == ST_OK)
            continue; /* flag_at: 70 and no rules is a ruleset */
        struct snapshot *now = snapshot_current(slot);
        assert_int_equal(now->schema.count, 6);
        snapshot_unref(now);
        assert_true(w->diags.errors > 0);
    }
    snapshot_unref(before);
    snapshot_slot_free(slot);
}

static void layouts_of_all_rulesets_stay_known(void **state)
{
    struct world *w = *state;
    struct snapshot_slot *slot = snapshot_slot_new(load(w));
    const struct layout_book *book = layouts_book(snapshot_slot_layouts(slot));
    assert_int_equal(book->count, 2);
    uint32_t first = book->entries[0]->id;
    char text[4096];
    const char *at = strstr(world_ruleset, "windows: [5m, 1d]");
    snprintf(text, sizeof text, "%.*swindows: [6m, 1d]%s", (int)(at - world_ruleset), world_ruleset,
             at + strlen("windows: [5m, 1d]"));
    world_write(w, "ruleset.yaml", text);
    world_write(w, "rules.yaml", "rules: []\n");
    w->diags = (struct diag_list){0};
    assert_int_equal(snapshot_offer(slot, w->ruleset, &options, "test", &w->diags), ST_OK);
    assert_int_equal(book->count, 3);
    assert_non_null(layout_book_find(book, first));
    snapshot_slot_free(slot);
}

/* `s` with KP out of its only list, and XX in. */
static struct snapshot *with_lists(struct snapshot *s)
{
    const struct list_edit edits[] = {{span_str("KP"), false}, {span_str("XX"), true}};
    struct list_view *view = list_view_edit(s->lists->items[0].view, edits, 2);
    const struct snapshot_lists lists = {&view, 7, "0123456789abcdef"};
    struct snapshot *made = snapshot_with_lists(s, &lists);
    list_view_unref(view);
    return made;
}

static void other_lists_share_all_else_and_outlive_what_was_loaded(void **state)
{
    struct snapshot *loaded = load(*state), *first = with_lists(loaded), *second;
    assert_true(first->id == loaded->id && first->lists_id == 7 && first->rules == loaded->rules);
    assert_string_equal(first->decided_by, "0123456789abcdef");
    assert_true(snapshot_loaded(first) == loaded && snapshot_loaded(loaded) == loaded);
    second = with_lists(first);
    assert_true(snapshot_loaded(second) == loaded); /* no chain of those between */
    assert_false(snapshot_is_last(loaded));
    snapshot_unref(loaded);
    snapshot_unref(first);
    const struct list_view *view = second->lists->items[0].view;
    assert_true(list_view_has(view, span_str("XX")) && !list_view_has(view, span_str("KP")));
    assert_ptr_equal(second->lists->items[0].value.list, list_view_list((struct list_view *)view));
    assert_true(snapshot_is_last(second));
    snapshot_unref(second);
}

static void other_lists_are_active_only_over_what_they_were_made_of(void **state)
{
    struct world *w = *state;
    struct snapshot *first = load(w);
    struct snapshot_slot *slot = snapshot_slot_new(first);
    struct snapshot *listed = with_lists(first), *late = with_lists(first);
    snapshot_slot_relist(slot, listed);
    assert_true(snapshot_is_current(slot, listed));
    assert_int_equal(snapshot_offer(slot, w->ruleset, &options, "test", &w->diags), ST_OK);
    snapshot_slot_relist(slot, late);
    assert_false(snapshot_is_current(slot, late));
    snapshot_slot_free(slot);
}

static void who_holds_one_of_before_is_not_left_to_free_it(void **state)
{
    struct world *w = *state;
    struct snapshot_slot *slot = snapshot_slot_new(load(w));
    struct snapshot *held = snapshot_current(slot);
    assert_int_equal(snapshot_offer(slot, w->ruleset, &options, "test", &w->diags), ST_OK);
    assert_int_equal(snapshot_slot_sweep(slot), 1);
    assert_false(snapshot_is_last(held));
    snapshot_unref(held);
    assert_int_equal(snapshot_slot_sweep(slot), 0);
    snapshot_slot_free(slot);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_files, drop_files)
    const struct CMUnitTest tests[] = {
        TEST(a_ruleset_is_loaded_with_all_it_names),
        TEST(the_files_it_was_loaded_from_are_kept_with_their_bytes),
        TEST(a_row_holds_what_is_read_and_no_more),
        TEST(a_row_may_hold_everything_for_expressions_in_no_rule),
        TEST(its_name_follows_every_file),
        TEST(its_name_tells_which_of_two_list_files_is_the_empty_one),
        TEST(what_is_observed_has_a_name_of_its_own),
        TEST(in_a_flow_mapping_nothing_observed_is_missed),
        TEST(names_share_one_space),
        TEST(mistakes_of_the_whole_are_told),
        TEST(a_name_from_elsewhere_is_answered_with_what_stands_here),
        TEST(a_reload_swaps_the_whole_or_leaves_it),
        TEST(patterns_end_with_their_ruleset_loaded_or_refused),
        TEST(half_a_file_is_never_a_ruleset),
        TEST(layouts_of_all_rulesets_stay_known),
        TEST(other_lists_share_all_else_and_outlive_what_was_loaded),
        TEST(other_lists_are_active_only_over_what_they_were_made_of),
        TEST(who_holds_one_of_before_is_not_left_to_free_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
