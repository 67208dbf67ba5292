#include "service/engine/fill_chunk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char bytes[512];
static struct text out;

static void put_two(void)
{
    text_init(&out, bytes, sizeof bytes);
    fill_chunk_put(
        &(struct fill_chunk){.feed = 3, .answers = 5, .ruleset = 7, .from_ms = INT64_MIN}, &out);
    fill_chunk_put_frame(&(struct fill_frame){11, 1, span_str("first")}, &out);
    fill_chunk_put_frame(&(struct fill_frame){12, 2, span_str("")}, &out);
}

static void frames_come_back_in_their_order(void **state)
{
    struct fill_chunk c;
    struct fill_frame f;
    (void)state;
    put_two();
    assert_int_equal(fill_chunk_parse(text_span(&out), &c), ST_OK);
    assert_true(c.feed == 3 && c.answers == 5 && c.ruleset == 7 && c.from_ms == INT64_MIN);
    assert_int_equal(fill_chunk_next(&c, &f), ST_OK);
    assert_true(f.at_ms == 11 && f.kind == 1 && span_is(f.bytes, "first"));
    assert_int_equal(fill_chunk_next(&c, &f), ST_OK);
    assert_true(f.at_ms == 12 && f.kind == 2 && f.bytes.len == 0);
    assert_int_equal(fill_chunk_next(&c, &f), ST_NOT_FOUND);
}

static void what_is_cut_anywhere_is_corrupt_or_ends_with_a_whole_frame(void **state)
{
    (void)state;
    put_two();
    for (size_t n = 0; n < out.len; n++) {
        struct fill_chunk c;
        struct fill_frame f;
        enum status st = fill_chunk_parse(span_of(bytes, n), &c);
        assert_int_equal(st, n < FILL_CHUNK_HEAD_BYTES ? ST_CORRUPT : ST_OK);
        while (st == ST_OK)
            st = fill_chunk_next(&c, &f);
        size_t first = FILL_CHUNK_HEAD_BYTES + FILL_CHUNK_FRAME_HEAD_BYTES + 5;
        bool whole = n == FILL_CHUNK_HEAD_BYTES || n == first;
        assert_int_equal(st, whole ? ST_NOT_FOUND : ST_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_back_in_their_order),
        cmocka_unit_test(what_is_cut_anywhere_is_corrupt_or_ends_with_a_whole_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
