/* What of the journal has reached Redis, and what is wanted again. */
#include "service/engine/delivery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct bed {
    struct watermark *reached;
    struct delivery *delivery;
};

static int open_bed(void **state)
{
    static struct bed b;
    b.reached = watermark_new(0);
    b.delivery = delivery_new(b.reached, 2);
    *state = &b;
    return 0;
}

static int close_bed(void **state)
{
    struct bed *b = *state;
    delivery_free(b->delivery);
    watermark_free(b->reached);
    return 0;
}

static void assert_wanted(const struct bed *b, uint64_t from_seq, uint64_t to_seq)
{
    uint64_t from, to;
    assert_true(delivery_wanted(b->delivery, &from, &to));
    assert_int_equal(from, from_seq);
    assert_int_equal(to, to_seq);
}

static void what_is_lost_is_wanted_until_it_has_arrived(void **state)
{
    struct bed *b = *state;
    delivery_done(b->delivery, 1);
    delivery_lost(b->delivery, 2);
    delivery_done(b->delivery, 3);
    assert_false(delivery_is_whole(b->delivery));
    assert_wanted(b, 2, 2);
    delivery_done(b->delivery, 2);
    assert_true(delivery_is_whole(b->delivery));
    assert_int_equal(delivery_reached(b->delivery), 3);
}

static void a_frame_that_arrives_while_a_connection_comes_up_is_wanted_too(void **state)
{
    struct bed *b = *state;
    delivery_done(b->delivery, 1);
    /* Another worker's frame 2 may have arrived before, and is forgotten ... */
    delivery_done(b->delivery, 2);
    delivery_connected(b->delivery, 1);
    delivery_done(b->delivery, 3);
    /* ... but the newest frame is looked at after that. */
    delivery_lost(b->delivery, 3);
    assert_wanted(b, 2, 3);
    delivery_done(b->delivery, 2);
    assert_true(delivery_is_whole(b->delivery));
    assert_int_equal(delivery_reached(b->delivery), 3);
}

static void a_beacon_says_nothing_of_numbers_that_were_given_again(void **state)
{
    struct bed *b = *state; /* the journal had 2 frames left, Redis has 9 */
    for (uint64_t seq = 3; seq <= 12; seq++)
        delivery_lost(b->delivery, seq);
    delivery_connected(b->delivery, 9);
    assert_wanted(b, 3, 12);
    for (uint64_t seq = 3; seq <= 12; seq++)
        delivery_done(b->delivery, seq);
    delivery_connected(b->delivery, 9); /* now it is our own */
    assert_int_equal(delivery_reached(b->delivery), 9);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_bed, close_bed)
    const struct CMUnitTest tests[] = {
        TEST(what_is_lost_is_wanted_until_it_has_arrived),
        TEST(a_frame_that_arrives_while_a_connection_comes_up_is_wanted_too),
        TEST(a_beacon_says_nothing_of_numbers_that_were_given_again),
    };
    return cmocka_run_group_tests_name("engine/delivery", tests, NULL, NULL);
}
