/* When live traffic has left the prediction: soon when it has, and never by looking often. */
#include "service/trial/drift.h"

#include "tests/unit/engine/world.h"
#include "tests/unit/state/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_near(double value, double wanted, double tolerance)
{
    if (!(fabs(value - wanted) <= tolerance))
        fail_msg("%.9g is not %.9g", value, wanted);
}

/* 10 of 100: by hand, z = 3.5, z^2 = 12.25: middle (0.1 + 0.06125) / 1.1225 = 0.143653,
 * half 3.5 / 1.1225 * sqrt(0.0009 + 0.00030625) = 0.108294 */
static void a_rate_is_as_uncertain_as_wilson_says(void **state)
{
    double low, high;
    (void)state;
    drift_wilson(10, 100, &low, &high);
    assert_near(low, 0.143653 - 0.108294, 1e-5);
    assert_near(high, 0.143653 + 0.108294, 1e-5);
    drift_wilson(0, 100, &low, &high);
    assert_near(low, 0, 1e-12);
    assert_true(high > 0.05 && high < 0.2);
    drift_wilson(100, 100, &low, &high);
    assert_near(high, 1, 1e-12);
}

/* x = 1 of n = 2: B(1.5, 1.5) / B(.5, .5) = (pi/8) / pi = 1/8; the likelihood at 0.5 is 1/4. */
static void evidence_is_the_mixture_over_the_best_that_is_allowed(void **state)
{
    (void)state;
    assert_near(drift_log_evidence(1, 2, 0.4, 0.6), log(0.5), 1e-12);
    assert_near(drift_log_evidence(1, 2, 0.1, 0.2), log(0.125 / 0.16), 1e-12);
    assert_near(drift_log_evidence(0, 2, 0, 0.1), log(0.375), 1e-12);
    assert_true(isinf(drift_log_evidence(1, 100, 0, 0)));
}

struct bed {
    struct world w;
    struct snapshot *snap;
    struct drift d;
    struct gate_rates live;
};

static struct bed bed;

static int open_bed(void **state)
{
    (void)state;
    memset(&bed, 0, sizeof bed);
    world_open(&bed.w, world_ruleset,
               "rules:\n  - {id: one, when: amount > 1.0, score: 80}\n"
               "  - {id: two, when: amount > 1.0, score: 80, mode: shadow}\n",
               NULL);
    bed.snap = snapshot_current(bed.w.snapshots);
    bed.d = (struct drift){.change = 0.5, .rules = bed.snap->rules};
    bed.d.predicted = (struct gate_rates){
        .transactions = 10000, .flagged = 300, .n_rules = 2, .fired = {300, 100}};
    return 0;
}

static int close_bed(void **state)
{
    (void)state;
    snapshot_unref(bed.snap);
    world_close(&bed.w);
    return 0;
}

static bool goes(uint64_t n, uint64_t flagged)
{
    bed.live = (struct gate_rates){.transactions = n, .flagged = flagged, .fired = {flagged, n}};
    return drift_look(&bed.d, &bed.live).is_beyond;
}

static void what_was_predicted_may_go_on(void **state)
{
    (void)state;
    assert_false(goes(10000, 300));
    assert_false(goes(10000, 400)); /* within half more */
    assert_false(goes(10000, 210));
    assert_false(goes(1000000, 30000));
}

static void twice_as_much_is_seen_within_a_thousand_or_two(void **state)
{
    struct drift_finding f;
    (void)state;
    assert_true(goes(5000, 500));
    assert_true(goes(100, 50));
    f = drift_look(&bed.d, &bed.live);
    assert_string_equal(f.words, "flags 50 % of 100 live transactions, the gate predicted 3 %; the "
                                 "bound is 50 % more or less");
}

static void silence_is_seen_too(void **state)
{
    (void)state;
    assert_false(goes(100, 0));
    assert_true(goes(2000, 0));
}

static void a_few_transactions_say_nothing(void **state)
{
    (void)state;
    assert_false(goes(DRIFT_EVENTS_MIN - 1, DRIFT_EVENTS_MIN - 1));
    assert_true(goes(DRIFT_EVENTS_MIN, DRIFT_EVENTS_MIN));
}

static void a_live_rule_is_watched_and_a_shadow_rule_is_not(void **state)
{
    struct drift_finding f;
    (void)state;
    bed.live = (struct gate_rates){.transactions = 1000, .flagged = 30, .fired = {30, 1000}};
    assert_false(drift_look(&bed.d, &bed.live).is_beyond);
    bed.live.fired[0] = 500;
    f = drift_look(&bed.d, &bed.live);
    assert_true(f.is_beyond);
    assert_non_null(strstr(f.words, "rule one fires on 50 % of 1000 live transactions"));
}

/* 200 streams of 5,000 at the very edge of what is allowed, looked at after every transaction: with
 * alpha 1/10,000 none may be rejected, as good as surely. */
static void looking_often_rejects_nothing_that_is_allowed(void **state)
{
    uint64_t seed = 7;
    double low, high;
    (void)state;
    drift_wilson(300, 10000, &low, &high);
    high *= 1.5;
    int rejected = 0;
    for (int stream = 0; stream < 200; stream++) {
        uint64_t x = 0;
        double most = 0;
        for (uint64_t n = 1; n <= 5000; n++) {
            x += (double)(scratch_random(&seed) >> 11) * 0x1p-53 < high;
            double e = n % 16 == 0 ? drift_log_evidence(x, n, low / 1.5, high) : 0;
            most = e > most ? e : most;
        }
        rejected += most > log(1 / DRIFT_ALPHA);
    }
    assert_int_equal(rejected, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bed, close_bed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_is_as_uncertain_as_wilson_says),
        cmocka_unit_test(evidence_is_the_mixture_over_the_best_that_is_allowed),
        TEST(what_was_predicted_may_go_on),
        TEST(twice_as_much_is_seen_within_a_thousand_or_two),
        TEST(silence_is_seen_too),
        TEST(a_few_transactions_say_nothing),
        TEST(a_live_rule_is_watched_and_a_shadow_rule_is_not),
        cmocka_unit_test(looking_often_rejects_nothing_that_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
