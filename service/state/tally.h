/*
 * tally.h -- what labels say of the transactions that a rule fired at, as a table of sums.
 *
 *     row "l:EUR:account-burst"   | fraud | legitimate | fraud_e4 | legitimate_e4 | lag | used |
 *     row "f:EUR:"                |   2   |     1      |  1900000 |     950000    | ... | ...  |
 *
 * A row has a name, which its user makes and reads; the state knows nothing of rules. The label
 * that stands of a transaction is its verdict. It adds one to each of the transaction's rows, and
 * the amount, and how long it took to come; another one that supersedes it takes that back first.
 * So the sums are those of the verdicts that stand, whatever came before, and however often.
 *
 * Owns:    a tally owns its rows. Threads: none of its own.
 */
#ifndef SLUICE_STATE_TALLY_H
#define SLUICE_STATE_TALLY_H

#include "service/base/span.h"
#include "service/base/status.h"

#include <stdint.h>

enum {
    TALLY_NAME_MAX = 96, /* a kind, a currency, a rule's id, or a model's name and hash */
    TALLY_ROWS_MAX =
        4096, /* two rulesets of RULES_MAX; past that the one unused for longest goes */
    /* Rows of one transaction: RULES_SHOWN_MAX live and shadow, MODELS_MAX, and two. */
    TALLY_NAMES_MAX = 82,
};

/* X(name, letter): the letter is the column's in Redis. */
#define TALLY_COLUMN_TABLE(X)                                                     \
    X(TALLY_FRAUD, "f")                                                           \
    X(TALLY_LEGITIMATE, "l")                                                      \
    X(TALLY_FRAUD_E4, "F") /* amounts, in 1e-4 of the currency */                 \
    X(TALLY_LEGITIMATE_E4, "L")                                                   \
    X(TALLY_LAG_MS, "d")  /* of all verdicts: label's time minus transaction's */ \
    X(TALLY_USED_MS, "u") /* when it was last added to */

enum tally_column {
#define X(name, letter) name,
    TALLY_COLUMN_TABLE(X)
#undef X
        TALLY_COLUMNS,
};

/* What a label says of its transaction. */
struct verdict {
    bool is_fraud;
    int64_t known_at_ms;
    int64_t lag_ms;
};

/* Does `v` take the place of the one that stands? The later one does; of two at once, fraud. */
bool verdict_supersedes(const struct verdict *v, const struct verdict *stood);

/* Add the verdict to a row's columns, or take it out again. A sum that would leave int64 stays. */
void tally_count(int64_t columns[TALLY_COLUMNS], const struct verdict *v, int64_t amount_e4,
                 bool takes_back);

struct tally_row {
    char name[TALLY_NAME_MAX];
    uint8_t name_len;
    int64_t columns[TALLY_COLUMNS];
};

/* Rows by name, ascending. */
struct tally {
    struct tally_row *rows; /* [cap] */
    int n, cap;
};

/* Empty. CHECKs on no memory. */
void tally_init(struct tally *t);
void tally_fini(struct tally *t);

/* The row's columns, made zero when it is new; valid until the next one. NULL: a name over
 * TALLY_NAME_MAX, or a row over TALLY_ROWS_MAX. O(rows). */
int64_t *tally_row(struct tally *t, struct span name);

/* Add up what two places have of a row; the later use counts. */
void tally_add(struct tally *t, struct span name, const int64_t columns[TALLY_COLUMNS]);

#endif
