#include "service/io/offsets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t take(struct offsets *o, int64_t offset)
{
    uint64_t ticket = UINT64_MAX;
    assert_int_equal(offsets_take(o, offset, &ticket), ST_OK);
    return ticket;
}

static void nothing_is_done_before_the_first_is_finished(void **state)
{
    struct offsets o;
    (void)state;
    offsets_init(&o, 4);
    assert_int_equal(offsets_done(&o), -1);
    uint64_t first = take(&o, 17);
    uint64_t second = take(&o, 18);
    offsets_finish(&o, second);
    assert_int_equal(offsets_done(&o), -1);
    offsets_finish(&o, first);
    assert_int_equal(offsets_done(&o), 19);
    assert_int_equal(offsets_pending(&o), 0);
    offsets_fini(&o);
}

static void a_gap_is_passed_with_the_message_behind_it(void **state)
{
    struct offsets o;
    (void)state;
    offsets_init(&o, 4);
    uint64_t before = take(&o, 5);
    uint64_t behind = take(&o, 9);
    offsets_finish(&o, before);
    assert_int_equal(offsets_done(&o), 6);
    offsets_finish(&o, behind);
    assert_int_equal(offsets_done(&o), 10);
    offsets_fini(&o);
}

static void one_past_the_bound_is_refused_until_the_oldest_is_finished(void **state)
{
    struct offsets o;
    uint64_t untouched = 77;
    (void)state;
    offsets_init(&o, 2);
    uint64_t first = take(&o, 0);
    uint64_t second = take(&o, 1);
    offsets_finish(&o, second);
    assert_int_equal(offsets_take(&o, 2, &untouched), ST_NO_SPACE);
    assert_int_equal(untouched, 77);
    offsets_finish(&o, first);
    take(&o, 2);
    offsets_fini(&o);
}

static void an_offset_that_was_taken_already_is_refused(void **state)
{
    struct offsets o;
    uint64_t ticket;
    (void)state;
    offsets_init(&o, 4);
    take(&o, 8);
    assert_int_equal(offsets_take(&o, 8, &ticket), ST_INVALID);
    assert_int_equal(offsets_take(&o, 3, &ticket), ST_INVALID);
    offsets_fini(&o);
}

/* ---- against a model that keeps everything ---- */

enum { ROUNDS = 20, MESSAGES = 4000, UNDER_WAY_MAX = 700 };

struct model {
    int64_t offsets[MESSAGES];
    uint64_t tickets[MESSAGES];
    bool finished[MESSAGES];
    int n;
};

static int64_t model_done(const struct model *m)
{
    int64_t done = -1;
    for (int i = 0; i < m->n && m->finished[i]; i++)
        done = m->offsets[i] + 1;
    return done;
}

static int unfinished(const struct model *m, unsigned *seed)
{
    int from = m->n > 0 ? rand_r(seed) % m->n : 0;
    for (int i = 0; i < m->n; i++)
        if (!m->finished[(from + i) % m->n])
            return (from + i) % m->n;
    return -1;
}

static void model_take(struct model *m, struct offsets *o, unsigned *seed)
{
    int64_t before = m->n > 0 ? m->offsets[m->n - 1] : rand_r(seed) % 100;
    int64_t offset = before + 1 + (rand_r(seed) % 10 == 0 ? rand_r(seed) % 5 : 0);
    uint64_t ticket;
    if (m->n == MESSAGES || offsets_take(o, offset, &ticket) != ST_OK)
        return;
    m->offsets[m->n] = offset;
    m->tickets[m->n] = ticket;
    m->finished[m->n++] = false;
}

static void model_finish(struct model *m, struct offsets *o, unsigned *seed)
{
    int i = unfinished(m, seed);
    if (i < 0)
        return;
    m->finished[i] = true;
    offsets_finish(o, m->tickets[i]);
}

static void any_order_of_finishing_comes_to_what_a_plain_model_says(void **state)
{
    static struct model m;
    (void)state;
    for (unsigned round = 1; round <= ROUNDS; round++) {
        unsigned seed = round;
        struct offsets o;
        m.n = 0;
        offsets_init(&o, UNDER_WAY_MAX);
        for (int step = 0; step < MESSAGES; step++) {
            if (rand_r(&seed) % 20 < 11)
                model_take(&m, &o, &seed);
            else
                model_finish(&m, &o, &seed);
            if (step % 16 == 0)
                assert_int_equal(offsets_done(&o), model_done(&m));
        }
        while (unfinished(&m, &seed) >= 0)
            model_finish(&m, &o, &seed);
        assert_int_equal(offsets_done(&o), model_done(&m));
        assert_int_equal(offsets_pending(&o), 0);
        offsets_fini(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_done_before_the_first_is_finished),
        cmocka_unit_test(a_gap_is_passed_with_the_message_behind_it),
        cmocka_unit_test(one_past_the_bound_is_refused_until_the_oldest_is_finished),
        cmocka_unit_test(an_offset_that_was_taken_already_is_refused),
        cmocka_unit_test(any_order_of_finishing_comes_to_what_a_plain_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
