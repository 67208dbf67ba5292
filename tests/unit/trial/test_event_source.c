/* Events of a file: in order, whole, with what is wrong in its place; ahead or not. */
#include "service/trial/event_source.h"

#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct bed {
    struct world w;
    FILE *file;
    struct snapshot *snap;
    struct event_source *source;
};

static int open_bed(void **state)
{
    struct bed *b = calloc(1, sizeof *b);
    world_open(&b->w, world_ruleset, world_rules, NULL);
    b->file = tmpfile();
    assert_non_null(b->file);
    b->snap = snapshot_current(b->w.snapshots);
    *state = b;
    return 0;
}

static int close_bed(void **state)
{
    struct bed *b = *state;
    event_source_free(b->source);
    snapshot_unref(b->snap);
    fclose(b->file);
    world_close(&b->w);
    free(b);
    return 0;
}

static void begin(struct bed *b, bool ahead)
{
    static const struct hash_key key;
    struct event_source_options o = {
        .fd = fileno(b->file), .schema = &b->snap->schema, .hash_key = &key, .threaded = ahead};
    fflush(b->file);
    assert_int_equal(lseek(fileno(b->file), 0, SEEK_SET), 0);
    event_source_free(b->source);
    b->source = event_source_new(&o);
}

static void put_line(struct bed *b, int i)
{
    char id[32];
    snprintf(id, sizeof id, "t-%d", i);
    fprintf(b->file, "%s\n", world_txn(id, i));
}

static void assert_all(struct bed *b, int n)
{
    char id[32];
    for (int i = 0; i < n; i++) {
        const struct sourced_event *e = event_source_next(b->source);
        assert_non_null(e);
        assert_int_equal(e->status, ST_OK);
        assert_int_equal(e->line, i + 1);
        snprintf(id, sizeof id, "t-%d", i);
        assert_true(span_is(e->event.transaction_id, id));
    }
    assert_null(event_source_next(b->source));
    assert_null(event_source_next(b->source));
    assert_int_equal(event_source_status(b->source), ST_OK);
}

static void all_lines_come_in_order_ahead_or_not(void **state)
{
    struct bed *b = *state;
    for (int i = 0; i < 10000; i++) /* several batches */
        put_line(b, i);
    begin(b, false);
    assert_all(b, 10000);
    begin(b, true);
    assert_all(b, 10000);
    assert_int_equal(event_source_bytes(b->source), ftell(b->file));
}

static void an_empty_file_has_no_events(void **state)
{
    struct bed *b = *state;
    begin(b, true);
    assert_all(b, 0);
    begin(b, false);
    assert_all(b, 0);
}

static void the_last_line_may_lack_its_end(void **state)
{
    struct bed *b = *state;
    fputs(world_txn("t-0", 0), b->file);
    begin(b, false);
    assert_all(b, 1);
}

static void blank_lines_are_skipped_and_counted(void **state)
{
    struct bed *b = *state;
    fputs("\n  \r\n", b->file);
    put_line(b, 0);
    begin(b, false);
    const struct sourced_event *e = event_source_next(b->source);
    assert_non_null(e);
    assert_int_equal(e->line, 3);
    assert_null(event_source_next(b->source));
}

static void a_line_that_is_refused_says_why(void **state)
{
    struct bed *b = *state;
    fputs("{\"transaction_id\":\n", b->file);
    put_line(b, 0);
    begin(b, true);
    const struct sourced_event *e = event_source_next(b->source);
    assert_int_equal(e->status, ST_INVALID);
    assert_int_equal(e->error.fault, READER_NOT_JSON);
    e = event_source_next(b->source);
    assert_int_equal(e->status, ST_OK);
    assert_int_equal(e->line, 2);
}

static void a_line_that_is_too_long_is_told_once(void **state)
{
    struct bed *b = *state;
    static const size_t lengths[] = {READER_BODY_MAX + 1, 1 << 20, 0};
    for (int i = 0; lengths[i] > 0; i++) {
        for (size_t n = 0; n < lengths[i]; n++)
            fputc('x', b->file);
        fputc('\n', b->file);
    }
    put_line(b, 0);
    begin(b, true);
    for (uint64_t line = 1; line <= 2; line++) {
        const struct sourced_event *e = event_source_next(b->source);
        assert_int_equal(e->status, ST_TOO_LARGE);
        assert_int_equal(e->line, line);
    }
    const struct sourced_event *e = event_source_next(b->source);
    assert_int_equal(e->status, ST_OK);
    assert_int_equal(e->line, 3);
    assert_null(event_source_next(b->source));
}

static void it_may_be_left_before_its_end(void **state)
{
    struct bed *b = *state;
    for (int i = 0; i < 10000; i++)
        put_line(b, i);
    begin(b, true);
    assert_non_null(event_source_next(b->source));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_bed, close_bed)
    const struct CMUnitTest tests[] = {
        TEST(all_lines_come_in_order_ahead_or_not), TEST(an_empty_file_has_no_events),
        TEST(the_last_line_may_lack_its_end),       TEST(blank_lines_are_skipped_and_counted),
        TEST(a_line_that_is_refused_says_why),      TEST(a_line_that_is_too_long_is_told_once),
        TEST(it_may_be_left_before_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
