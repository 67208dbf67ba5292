/*
 * rollout.h -- `rollout: 10%`: a rule that is live for a share of the accounts, and shadow for the
 * others.
 *
 *     bucket = XXH3(account_id, seeded by SHA-256 of the rule's id) % 10,000      0 .. 9,999
 *     in     = bucket < share_e4
 *
 * No secret and no chance is in it: an account is in or out on every instance, after a restart and
 * in a replay, and one that is in at 10 % is in at 20 %. Each rule draws its own accounts.
 *
 * Threads: pure.
 */
#ifndef SLUICE_RULES_ROLLOUT_H
#define SLUICE_RULES_ROLLOUT_H

#include "rules/cel_value.h"
#include "service/base/hash.h"
#include "service/base/text.h"

enum { ROLLOUT_ALL_E4 = 10000 };

struct rollout {
    int share_e4;        /* 0 .. ROLLOUT_ALL_E4; that one: no rollout, nothing else is looked at */
    int slot;            /* account_id's, of the row: a string or an int */
    struct hash_key key; /* the rule's own */
};

/* A percentage as "10%", "0.5%", "12.25%": at most two decimals, 0 to 100. false: it is none. */
bool rollout_read(struct span text, int *ret_share_e4);
/* "12.25%". */
void rollout_write(int share_e4, struct text *out);

/* Of the rule called `rule_id`. */
struct rollout rollout_of(struct span rule_id, int share_e4, int slot);

/* Is the row's account in the share? O(1). */
bool rollout_has(const struct rollout *r, const struct cel_value *row);

#endif
