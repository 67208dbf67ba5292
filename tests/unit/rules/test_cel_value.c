#include "rules/cel_value.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(64 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void a_value_has_24_bytes_and_zero_is_missing(void **state)
{
    struct cel_value zero = {0};
    (void)state;
    assert_int_equal(sizeof zero, 24);
    assert_int_equal(zero.kind, CEL_MISSING);
}

static const char *written(struct cel_value v)
{
    static char buf[128];
    struct text t;
    memset(buf, 0, sizeof buf);
    text_init(&t, buf, sizeof buf - 1);
    cel_value_write(v, &t);
    return buf;
}

static void values_read_as_in_a_reason(void **state)
{
    (void)state;
    assert_string_equal(written(cel_int(-5)), "-5");
    assert_string_equal(written(cel_uint(UINT64_MAX)), "18446744073709551615");
    assert_string_equal(written(cel_double(0.1)), "0.1");
    assert_string_equal(written(cel_double(1e6)), "1000000");
    assert_string_equal(written(cel_string(span_str("a b"))), "a b");
    assert_string_equal(written(cel_bytes(span_str("\xff"))), "ff");
    assert_string_equal(written(cel_duration(INT64_C(-1500000000))), "-1.5s");
    assert_string_equal(written(cel_timestamp_ms(-1)), "1969-12-31T23:59:59.999Z");
    assert_string_equal(written(cel_range_int(9, 12)), "9..12");
    assert_string_equal(written(cel_range_int(9, 9)), "9");
    assert_string_equal(written(cel_range_double(0.5, 1)), "0.5..1");
    assert_string_equal(written((struct cel_value){0}), "?");
    assert_string_equal(written(cel_error(CEL_ERR_DIVIDE, span_str(""))), "?");
}

static void ints_and_uints_keep_their_order_past_53_bits(void **state)
{
    int order;
    (void)state;
    assert_true(cel_order(cel_int(INT64_MAX - 1), cel_uint(INT64_MAX), &order));
    assert_int_equal(order, -1);
    assert_true(cel_order(cel_int(-1), cel_uint(UINT64_MAX), &order));
    assert_int_equal(order, -1);
    assert_true(cel_order(cel_int(-2), cel_int(-1), &order));
    assert_int_equal(order, -1);
    assert_true(cel_order(cel_double(NAN), cel_int(0), &order));
    assert_int_equal(order, 2);
    assert_false(cel_order(cel_string(span_str("a")), cel_int(0), &order));
}

enum { MANY = 100000 };

static void an_index_finds_each_of_many_and_no_others(void **state)
{
    struct cel_value *items = arena_must(arena, MANY * sizeof *items);
    bool repeated;
    (void)state;
    for (int i = 0; i < MANY; i++)
        items[i] = cel_int(2 * i);
    struct cel_list list = {.count = MANY, .items = items};
    list.index = cel_index_build(arena, items, MANY, sizeof *items, &repeated);
    assert_non_null(list.index);
    assert_false(repeated);
    for (int i = 0; i < MANY; i++) {
        assert_true(cel_list_has(&list, cel_int(2 * i), NULL));
        assert_false(cel_list_has(&list, cel_uint((uint64_t)(2 * i + 1)), NULL));
    }
    assert_true(cel_list_has(&list, cel_double(-0.0), NULL));
    assert_false(cel_list_has(&list, cel_double(NAN), NULL));
    assert_false(cel_list_has(&list, cel_null(), NULL));
}

static void an_index_tells_what_is_repeated_or_has_no_hash(void **state)
{
    const struct cel_value twice[] = {cel_int(1), cel_double(1.0)};
    const struct cel_value odd[] = {cel_int(1), cel_null()};
    bool repeated = false;
    (void)state;
    assert_non_null(cel_index_build(arena, twice, 2, sizeof *twice, &repeated));
    assert_true(repeated);
    assert_null(cel_index_build(arena, odd, 2, sizeof *odd, &repeated));
}

static void looking_through_a_list_takes_steps(void **state)
{
    struct cel_value items[100] = {{0}};
    int64_t steps = 50;
    (void)state;
    for (size_t i = 0; i < COUNT(items); i++)
        items[i] = cel_int((int64_t)i);
    struct cel_list list = {.count = COUNT(items), .items = items};
    assert_false(cel_list_has(&list, cel_int(99), &steps));
    assert_true(steps <= 0);
    assert_true(cel_list_has(&list, cel_int(99), NULL));
}

static void what_is_kept_needs_the_scratch_no_longer(void **state)
{
    struct arena *scratch = arena_new(4096);
    struct cel_value *items = arena_must(scratch, 2 * sizeof *items);
    struct cel_list *list = arena_must(scratch, sizeof *list);
    struct cel_value *some = arena_must(scratch, sizeof *some);
    (void)state;
    items[0] = cel_string(arena_copy(scratch, span_str("EUR")));
    items[1] = cel_int(1);
    *list = (struct cel_list){.count = 2, .items = items};
    *some = cel_list_of(list);
    struct cel_value kept = cel_keep(cel_optional_of(some), scratch, arena);
    memset(scratch->base, 0xa5, scratch->used_bytes);
    arena_free(scratch);
    assert_string_equal(written(kept), "optional.of([EUR, 1])");
}

static void the_text_of_an_error_is_kept_too(void **state)
{
    struct arena *scratch = arena_new(1024);
    char text[64] = {0};
    struct text out;
    (void)state;
    struct cel_value v = cel_error(CEL_ERR_NO_KEY, arena_copy(scratch, span_str("EUR")));
    v = cel_keep(v, scratch, arena);
    memset(scratch->base, 0xa5, scratch->used_bytes);
    arena_free(scratch);
    text_init(&out, text, sizeof text - 1);
    cel_error_write(v, &out);
    assert_string_equal(text, "no such key EUR");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_value_has_24_bytes_and_zero_is_missing),
        TEST(values_read_as_in_a_reason),
        TEST(ints_and_uints_keep_their_order_past_53_bits),
        TEST(an_index_finds_each_of_many_and_no_others),
        TEST(an_index_tells_what_is_repeated_or_has_no_hash),
        TEST(looking_through_a_list_takes_steps),
        TEST(what_is_kept_needs_the_scratch_no_longer),
        TEST(the_text_of_an_error_is_kept_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
