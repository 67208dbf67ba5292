/*
 * rule_test_compare.h -- what came of one event beside what was expected of it; a step of
 * rule_test_run().
 */
#ifndef SLUICE_TRIAL_RULE_TEST_COMPARE_H
#define SLUICE_TRIAL_RULE_TEST_COMPARE_H

#include "service/engine/score.h"
#include "service/trial/rule_test_run.h"

/*
 * Answer the questions about `event`, which `score` has told, explained. true: all is as expected;
 * else *ret_failure says what is not, without its place in the test.
 */
bool rule_test_compare(const struct snapshot *snap, const struct score *score,
                       const struct rule_test_event *event, struct arena *arena,
                       struct rule_test_failure *ret_failure);

#endif
