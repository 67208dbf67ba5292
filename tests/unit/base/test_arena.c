#include "service/base/arena.h"

#include "service/base/text.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

static void bytes_are_zeroed_also_after_a_reset(void **state)
{
    (void)state;
    alignas(max_align_t) char block[64];
    memset(block, 'x', sizeof block);
    struct arena a;
    arena_init(&a, block, sizeof block);
    for (int round = 0; round < 2; round++) {
        char *mem = arena_must(&a, 20);
        for (int i = 0; i < 20; i++)
            assert_int_equal(mem[i], 0);
        memset(mem, 'y', 20);
        arena_reset(&a);
    }
}

static void every_block_is_aligned_for_any_type(void **state)
{
    (void)state;
    alignas(max_align_t) char block[256];
    struct arena a;
    arena_init(&a, block, sizeof block);
    for (size_t n = 1; n < 8; n++)
        assert_int_equal((uintptr_t)arena_must(&a, n) % alignof(max_align_t), 0);
}

static void blocks_do_not_overlap(void **state)
{
    (void)state;
    alignas(max_align_t) char block[128];
    struct arena a;
    arena_init(&a, block, sizeof block);
    char *first = arena_must(&a, 17), *second = arena_must(&a, 17);
    assert_true(second >= first + 17);
}

static void a_full_block_refuses_and_leaves_ret_alone(void **state)
{
    (void)state;
    alignas(max_align_t) char block[32];
    struct arena a;
    void *mem = &a;
    arena_init(&a, block, sizeof block);
    assert_int_equal(arena_alloc(&a, 33, &mem), ST_NO_SPACE);
    assert_ptr_equal(mem, &a);
    assert_int_equal(a.used_bytes, 0);
}

static void the_last_byte_can_be_used(void **state)
{
    (void)state;
    alignas(max_align_t) char block[35]; /* no multiple of the alignment */
    struct arena a;
    arena_init(&a, block, sizeof block);
    assert_non_null(arena_try(&a, 32));
    assert_non_null(arena_try(&a, 3));
    assert_int_equal(a.used_bytes, 35);
    assert_null(arena_try(&a, 1));
}

static void a_size_near_the_largest_does_not_wrap(void **state)
{
    (void)state;
    alignas(max_align_t) char block[64];
    struct arena a;
    arena_init(&a, block, sizeof block);
    assert_non_null(arena_try(&a, 1));
    assert_null(arena_try(&a, SIZE_MAX));
    assert_null(arena_try(&a, SIZE_MAX - 8));
    assert_non_null(arena_try(&a, 1));
}

static void a_reset_gives_the_same_bytes_again(void **state)
{
    (void)state;
    alignas(max_align_t) char block[64];
    struct arena a;
    arena_init(&a, block, sizeof block);
    void *before = arena_must(&a, 40);
    arena_reset(&a);
    assert_ptr_equal(arena_must(&a, 40), before);
}

static void a_copy_ends_with_a_nul_that_is_not_counted(void **state)
{
    (void)state;
    struct arena *a = arena_new(64);
    char text[] = "abc";
    struct span copy = arena_copy(a, span_of(text, 2));
    text[0] = 'x';
    assert_int_equal(copy.len, 2);
    assert_string_equal(copy.base, "ab");
    arena_free(a);
}

static void a_copy_that_does_not_fit_has_no_base(void **state)
{
    (void)state;
    alignas(max_align_t) char block[4];
    struct arena a;
    arena_init(&a, block, sizeof block);
    assert_null(arena_try_copy(&a, span_str("four")).base);
    assert_string_equal(arena_try_copy(&a, span_str("NUL")).base, "NUL");
}

static void a_copy_of_the_empty_span_is_an_empty_string(void **state)
{
    (void)state;
    struct arena *a = arena_new(64);
    struct span copy = arena_copy(a, span_of(NULL, 0));
    assert_int_equal(copy.len, 0);
    assert_string_equal(copy.base, "");
    arena_free(a);
}

static void note(void *of)
{
    struct text *seen = of;
    text_char(seen, (char)('a' + seen->len));
}

static void note_again(void *of)
{
    text_char(of, '!');
}

static void what_ends_with_the_arena_ends_once_and_the_last_first(void **state)
{
    (void)state;
    char buf[8];
    struct text seen;
    struct arena *a = arena_new(256);
    text_init(&seen, buf, sizeof buf);
    arena_on_end(a, note, &seen);
    arena_on_end(a, note_again, &seen);
    arena_reset(a);
    assert_true(span_is(text_span(&seen), "!b"));
    arena_on_end(a, note, &seen);
    arena_free(a);
    assert_true(span_is(text_span(&seen), "!bc"));
}

static void pages_that_are_never_touched_cost_nothing(void **state)
{
    (void)state;
    enum { LARGE_BYTES = 64 << 20, PAGES = LARGE_BYTES / 4096 };
    struct arena *a = arena_new(LARGE_BYTES);
    assert_non_null(arena_try(a, LARGE_BYTES));
    a->base[0] = a->base[LARGE_BYTES - 1] = 1;
    static unsigned char here[PAGES];
    assert_int_equal(mincore(a->base, LARGE_BYTES, here), 0);
    int n = 0;
    for (int i = 0; i < PAGES; i++)
        n += here[i] & 1;
    assert_in_range(n, 2, 2 * 512); /* two, or two huge ones */
    arena_free(a);
}

static void freeing_null_is_fine(void **state)
{
    (void)state;
    arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_zeroed_also_after_a_reset),
        cmocka_unit_test(every_block_is_aligned_for_any_type),
        cmocka_unit_test(blocks_do_not_overlap),
        cmocka_unit_test(a_full_block_refuses_and_leaves_ret_alone),
        cmocka_unit_test(the_last_byte_can_be_used),
        cmocka_unit_test(a_size_near_the_largest_does_not_wrap),
        cmocka_unit_test(a_reset_gives_the_same_bytes_again),
        cmocka_unit_test(a_copy_ends_with_a_nul_that_is_not_counted),
        cmocka_unit_test(a_copy_that_does_not_fit_has_no_base),
        cmocka_unit_test(a_copy_of_the_empty_span_is_an_empty_string),
        cmocka_unit_test(what_ends_with_the_arena_ends_once_and_the_last_first),
        cmocka_unit_test(pages_that_are_never_touched_cost_nothing),
        cmocka_unit_test(freeing_null_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
