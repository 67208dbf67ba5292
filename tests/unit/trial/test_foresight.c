/* Looking ahead is a hint: whatever comes, nothing is kept, and no event is passed over. */
#include "service/trial/foresight.h"

#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { EVENTS = 600 };

/* Transactions, with a label, a line that is none, and accounts without a name among them. */
static void put_events(FILE *file)
{
    char id[32];
    for (int i = 0; i < EVENTS; i++) {
        snprintf(id, sizeof id, "t-%d", i);
        if (i % 7 == 3)
            fprintf(file, "%s\n", world_label("t-0", "fraud", i));
        else if (i % 11 == 5)
            fprintf(file, "{\"amount\": oh}\n");
        else
            fprintf(file, "%s\n", world_txn_of(id, i % 5 ? "a-1" : "", "p-1", i));
    }
    fflush(file);
    assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
}

static void looking_ahead_changes_nothing_and_loses_no_event(void **state)
{
    (void)state;
    static const struct hash_key key;
    struct world w;
    struct foresight f;
    FILE *file = tmpfile();
    world_open(&w, world_ruleset, world_rules, NULL);
    struct state_table_stats before = state_table_stats(w.table);
    struct snapshot *snap = snapshot_current(w.snapshots);
    struct state *view = state_mem_open(w.table, true);
    put_events(file);
    struct event_source_options o = {
        .fd = fileno(file), .schema = &snap->schema, .hash_key = &key, .threaded = true};
    struct event_source *source = event_source_new(&o);
    foresight_init(&f, snap, view);
    const struct sourced_event *e;
    uint64_t n = 0;
    while ((e = event_source_next(source)) != NULL) {
        foresight_look(&f, source);
        assert_int_equal(e->line, ++n);
    }
    assert_int_equal(n, EVENTS);
    assert_int_equal(f.n, EVENTS);
    struct state_table_stats after = state_table_stats(w.table);
    assert_memory_equal(&before, &after, sizeof before);
    foresight_fini(&f);
    event_source_free(source);
    state_close(view);
    snapshot_unref(snap);
    fclose(file);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looking_ahead_changes_nothing_and_loses_no_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
