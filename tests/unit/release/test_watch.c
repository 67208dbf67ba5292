#include "service/release/watch.h"

#include "service/base/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { DEBOUNCE_MS = 20, TOO_LONG_MS = 20000 };

struct world {
    uv_loop_t loop;
    uv_timer_t limit;
    struct watch *watch;
    char folder[64];
    int changes;
    bool timed_out;
};

static void on_change(void *user)
{
    struct world *w = user;
    w->changes++;
    uv_stop(&w->loop);
}

static void on_limit(uv_timer_t *timer)
{
    struct world *w = timer->data;
    w->timed_out = true;
    uv_stop(&w->loop);
}

/* Until something has changed; false: nothing has within `ms`. */
static bool run_for(struct world *w, uint64_t ms)
{
    w->timed_out = false;
    uv_timer_start(&w->limit, on_limit, ms, 0);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    return !w->timed_out;
}

static const char *below(const struct world *w, const char *name)
{
    static char path[4][128];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", w->folder, name);
    return path[next];
}

static void put(const struct world *w, const char *name, const char *content)
{
    FILE *out = fopen(below(w, name), "w");
    assert_non_null(out);
    fputs(content, out);
    fclose(out);
}

static void watch_one(struct world *w, const char *name)
{
    static struct watch_list list;
    watch_list_add(&list, below(w, name));
    watch_files(w->watch, &list);
    watch_list_clear(&list);
}

static int set_up(void **state)
{
    static struct world w;
    w = (struct world){.folder = "/tmp/sluice-watch-XXXXXX"};
    if (mkdtemp(w.folder) == NULL || uv_loop_init(&w.loop) != 0)
        return -1;
    uv_timer_init(&w.loop, &w.limit);
    w.limit.data = &w;
    w.watch = watch_new(&w.loop, DEBOUNCE_MS, on_change, &w);
    put(&w, "rules.yaml", "one");
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    watch_close(w->watch);
    uv_close((uv_handle_t *)&w->limit, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&w->loop) == 0 && files_remove(w->folder) == ST_OK ? 0 : -1;
}

static void a_file_written_in_place_is_a_change(void **state)
{
    struct world *w = *state;
    watch_one(w, "rules.yaml");
    put(w, "rules.yaml", "two");
    assert_true(run_for(w, TOO_LONG_MS));
}

static void a_file_renamed_over_it_is_a_change_each_time(void **state)
{
    struct world *w = *state;
    watch_one(w, "rules.yaml");
    for (int i = 0; i < 3; i++) {
        put(w, "new", "other");
        assert_int_equal(rename(below(w, "new"), below(w, "rules.yaml")), 0);
        assert_true(run_for(w, TOO_LONG_MS));
    }
    assert_int_equal(w->changes, 3);
}

static void a_swapped_link_as_of_kubernetes_is_a_change(void **state)
{
    struct world *w = *state;
    assert_int_equal(files_make_folder(below(w, "..1")), ST_OK);
    assert_int_equal(files_make_folder(below(w, "..2")), ST_OK);
    put(w, "..1/cards.yaml", "one");
    put(w, "..2/cards.yaml", "two");
    assert_int_equal(symlink("..1", below(w, "..data")), 0);
    assert_int_equal(symlink("..data/cards.yaml", below(w, "cards.yaml")), 0);
    watch_one(w, "cards.yaml");
    assert_int_equal(symlink("..2", below(w, "..new")), 0);
    assert_int_equal(rename(below(w, "..new"), below(w, "..data")), 0);
    assert_true(run_for(w, TOO_LONG_MS));
}

static void a_link_further_up_is_seen_by_looking(void **state)
{
    struct world *w = *state;
    assert_int_equal(files_make_folder(below(w, "v1")), ST_OK);
    assert_int_equal(files_make_folder(below(w, "v2")), ST_OK);
    put(w, "v1/cards.yaml", "one");
    put(w, "v2/cards.yaml", "two");
    assert_int_equal(symlink("v1", below(w, "current")), 0);
    watch_one(w, "current/cards.yaml");
    assert_int_equal(symlink("v2", below(w, "next")), 0);
    assert_int_equal(rename(below(w, "next"), below(w, "current")), 0);
    assert_true(run_for(w, TOO_LONG_MS));
}

static void a_burst_is_one_change_and_other_files_are_none(void **state)
{
    struct world *w = *state;
    watch_one(w, "rules.yaml");
    put(w, "alerts.ndjson", "x");
    assert_false(run_for(w, 5 * DEBOUNCE_MS));
    for (int i = 0; i < 50; i++)
        put(w, "rules.yaml", i % 2 ? "a" : "b");
    assert_true(run_for(w, TOO_LONG_MS));
    assert_false(run_for(w, 5 * DEBOUNCE_MS));
    assert_int_equal(w->changes, 1);
}

static void what_is_not_there_yet_is_seen_when_it_comes(void **state)
{
    struct world *w = *state;
    watch_one(w, "later/rules.yaml");
    assert_int_equal(files_make_folder(below(w, "later")), ST_OK);
    put(w, "later/rules.yaml", "x");
    assert_true(run_for(w, TOO_LONG_MS));
}

static void what_changes_between_the_list_and_the_watch_is_a_change(void **state)
{
    struct world *w = *state;
    static struct watch_list list;
    watch_list_add(&list, below(w, "rules.yaml"));
    watch_list_add(&list, below(w, "not-yet.yaml"));
    put(w, "not-yet.yaml", "x");
    watch_files(w->watch, &list);
    watch_list_clear(&list);
    assert_true(run_for(w, TOO_LONG_MS));
    assert_false(run_for(w, 5 * DEBOUNCE_MS));
}

static void files_past_the_limit_are_not_listed(void **state)
{
    static struct watch_list list;
    (void)state;
    for (int i = 0; i < WATCH_FILES_MAX; i++)
        watch_list_add(&list, "/nowhere/file");
    watch_list_add(&list, "/nowhere/other");
    assert_int_equal(list.count, WATCH_FILES_MAX);
    assert_string_equal(list.items[WATCH_FILES_MAX - 1].path, "/nowhere/file");
    watch_list_clear(&list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_written_in_place_is_a_change),
        TEST(a_file_renamed_over_it_is_a_change_each_time),
        TEST(a_swapped_link_as_of_kubernetes_is_a_change),
        TEST(a_link_further_up_is_seen_by_looking),
        TEST(a_burst_is_one_change_and_other_files_are_none),
        TEST(what_is_not_there_yet_is_seen_when_it_comes),
        TEST(what_changes_between_the_list_and_the_watch_is_a_change),
        TEST(files_past_the_limit_are_not_listed),
    };
    return cmocka_run_group_tests_name("engine/watch", tests, NULL, NULL);
}
