/*
 * rule_test_expect.h -- what a rule test expects of an event, as a list of questions; a step of
 * rule_test_load().
 */
#ifndef SLUICE_TRIAL_RULE_TEST_EXPECT_H
#define SLUICE_TRIAL_RULE_TEST_EXPECT_H

#include "service/trial/rule_test.h"

/* What may stand below `expect:`. */
extern const struct shape rule_test_expect_shape;

/* What the steps of one load share. */
struct rule_test_load {
    const struct yaml_file *yaml;
    const struct snapshot *snap;
    struct arena *arena;
    struct diag_list *diags;
};

/* Zeroed memory, or NULL with a diagnostic. */
void *rule_test_alloc(const struct rule_test_load *l, size_t size_bytes);

/*
 * The questions of `node`, the mapping below `expect:`, about an event of which `is_label` is so.
 * Errors: ST_INVALID, ST_NO_SPACE, with diagnostics.
 */
MUST_USE enum status rule_test_expect(const struct rule_test_load *l, const struct yaml_node *node,
                                      bool is_label, const struct rule_test_ask **ret_asks,
                                      int *ret_count);

#endif
