/*
 * cofire.h -- which rules fire only where another one fires, too.
 *
 *     burst   fired 812 times, each time with: large, new-device
 *     large   fired 2,044 times, never alone with any other
 *
 * Of each rule the first ones that fired beside it are candidates; a transaction at which it fires
 * without one of them strikes that one out. So what is left has fired at every transaction at which
 * the rule has: the rule is covered by it. Counted since the ruleset is active in this process; a
 * candidate that is not among the first COFIRE_MAX is not found.
 *
 * Cost, of a transaction: one addition, and for each rule that fired at most COFIRE_MAX looks.
 *
 * Owns:    nothing. Threads: the loop alone writes, with relaxed stores; any thread may read.
 */
#ifndef SLUICE_ENGINE_COFIRE_H
#define SLUICE_ENGINE_COFIRE_H

#include "rules/rule_file.h"

#include <stdint.h>

enum { COFIRE_MAX = 8 }; /* rules that fire together are few, and one that covers is enough */

struct cofire_rule {
    uint16_t with[COFIRE_MAX]; /* their indexes plus one; 0: struck out, or never there */
    bool has_fired;
};

struct cofire {
    uint64_t ruleset;      /* snapshot.id; another one starts from zero */
    uint64_t transactions; /* decided by it */
    struct cofire_rule rules[RULES_MAX];
    uint64_t last[RULES_MAX]; /* private: the transaction at which it fired last */
};

/* A transaction decided by `ruleset`, at which these n rules (rule.index) fired. */
void cofire_note(struct cofire *c, uint64_t ruleset, const int *indexes, int n);

/* Keep in both[COFIRE_MAX] (as `with`) only what rule `index` has fired with here too; where
 * *has_fired is false yet, begin with that. `c` is of the ruleset that is meant. */
void cofire_join(const struct cofire *c, int index, bool *has_fired, uint16_t both[COFIRE_MAX]);

#endif
