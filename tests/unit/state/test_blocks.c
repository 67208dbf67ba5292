#include "service/state/blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_class_is_the_smallest_that_holds(void **state)
{
    (void)state;
    assert_int_equal(block_class(1), 0);
    for (unsigned class = 0; class < BLOCK_CLASSES; class ++) {
        assert_int_equal(block_class(block_bytes(class)), class);
        assert_int_equal(block_class(block_bytes(class) + 1), class + 1);
    }
    assert_int_equal(block_bytes(BLOCK_SMALL_CLASSES - 1), BLOCK_SMALL_MAX);
    assert_int_equal(block_bytes(BLOCK_CLASSES - 1), BLOCK_MAX);
}

static void a_class_wastes_a_fifth_at_most(void **state)
{
    (void)state;
    for (size_t bytes = BLOCK_MIN; bytes < 100000; bytes++)
        assert_true(block_bytes(block_class(bytes)) <= bytes + bytes / 4);
}

static void a_freed_block_is_the_next_of_its_class(void **state)
{
    (void)state;
    struct block_source source;
    block_source_init(&source);
    struct block_pool pool = {.source = &source};
    char *a = block_alloc(&pool, 3), *b = block_alloc(&pool, 3);
    assert_true(a != b);
    block_free(&pool, a, 3);
    assert_ptr_not_equal(block_alloc(&pool, 4), a);
    assert_ptr_equal(block_alloc(&pool, 3), a);
    block_source_fini(&source);
}

static void a_freed_block_is_cut_up_for_smaller_ones(void **state)
{
    (void)state;
    struct block_source source;
    block_source_init(&source);
    struct block_pool pool = {.source = &source};
    const unsigned large = block_class(2048), small = block_class(256);
    char *freed = block_alloc(&pool, large);
    block_free(&pool, freed, large);
    for (int i = 0; i < 2048 / 256; i++)
        assert_ptr_equal(block_alloc(&pool, small), freed + 256 * i);
    assert_false(block_alloc(&pool, small) < freed + 2048);
    block_source_fini(&source);
}

/* Each block is filled with its own number, and none overwrites another. */
static void blocks_of_all_classes_lie_apart(void **state)
{
    (void)state;
    enum { BLOCKS = 5000 };
    static char *blocks[BLOCKS];
    struct block_source source;
    block_source_init(&source);
    struct block_pool pools[2] = {{.source = &source}, {.source = &source}};
    for (unsigned i = 0; i < BLOCKS; i++) {
        unsigned class = i * 7 % (BLOCK_SMALL_CLASSES + 2);
        blocks[i] = block_alloc(&pools[i % 2], class);
        assert_non_null(blocks[i]);
        memset(blocks[i], (int)(i % 251), block_bytes(class));
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        unsigned class = i * 7 % (BLOCK_SMALL_CLASSES + 2);
        for (size_t k = 0; k < block_bytes(class); k++)
            assert_int_equal((unsigned char)blocks[i][k], i % 251);
        block_free(&pools[i % 2], blocks[i], class);
    }
    block_source_fini(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_class_is_the_smallest_that_holds),
        cmocka_unit_test(a_class_wastes_a_fifth_at_most),
        cmocka_unit_test(a_freed_block_is_the_next_of_its_class),
        cmocka_unit_test(a_freed_block_is_cut_up_for_smaller_ones),
        cmocka_unit_test(blocks_of_all_classes_lie_apart),
    };
    return cmocka_run_group_tests_name("state/blocks", tests, NULL, NULL);
}
