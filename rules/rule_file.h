/*
 * rule_file.h -- one file of rules, read, checked and compiled.
 *
 *     engine: 0.1                        the oldest Sluice these rules are for, or left out
 *     rules:
 *       - id: account-burst              [a-z0-9][a-z0-9._-]{0,63}, once in the whole rule set
 *         title: Burst of payments
 *         description: ...
 *         when: account_tx_count_5m > 10 CEL, bool
 *         score: 80                      a number or CEL
 *         reason: "{account_tx_count_5m} payments in 5 minutes"
 *         severity: high                 low | medium | high | critical
 *         tags: [velocity, card-testing]
 *         mode: live                     live | shadow | off
 *         rollout: 10%                   with live only: for this share of the accounts
 *         decision: flag                 allow | flag: forces it
 *         override: true                 with allow only: beats flag
 *
 * Needed: id, when, and one of score and decision. A reason left out is the title, a title
 * left out the id. An unknown key is an error; what an older Sluice than `engine` does not know
 * is not told, only that it is too old.
 *
 * Owns: everything lives in the arena given to rule_file_load. Read-only afterwards.
 */
#ifndef SLUICE_RULES_RULE_FILE_H
#define SLUICE_RULES_RULE_FILE_H

#include "rules/cel.h"
#include "rules/rollout.h"
#include "rules/template.h"
#include "service/base/shape.h"

enum {
    RULES_MAX = 2000, /* of a rule set, all files; each costs some 100 ns a transaction */
    RULE_ID_MAX = 64,
    RULE_TITLE_MAX = 256,
    RULE_TAGS_MAX = 16,
    RULE_TAG_MAX = 64,
    RULE_SCORE_MAX = 1000000000, /* from zero: the sum of all rules stays exact, and finite */
};

/* X(name, text), in ascending order */
#define RULE_SEVERITY_TABLE(X)        \
    X(RULE_SEVERITY_LOW, "low")       \
    X(RULE_SEVERITY_MEDIUM, "medium") \
    X(RULE_SEVERITY_HIGH, "high")     \
    X(RULE_SEVERITY_CRITICAL, "critical")

enum rule_severity {
#define X(name, text) name,
    RULE_SEVERITY_TABLE(X)
#undef X
};

/* X(name, text) */
#define RULE_MODE_TABLE(X)                                    \
    X(RULE_LIVE, "live")     /* counts */                     \
    X(RULE_SHADOW, "shadow") /* runs, is shown, counts not */ \
    X(RULE_OFF, "off")       /* is checked, never run */

enum rule_mode {
#define X(name, text) name,
    RULE_MODE_TABLE(X)
#undef X
};

/* What a rule that fired says of the decision besides its score. */
enum rule_force { RULE_FORCE_NONE, RULE_FORCE_ALLOW, RULE_FORCE_FLAG, RULE_FORCE_ALLOW_OVERRIDE };

struct rule {
    struct span id;
    struct span title;
    struct span description; /* may be empty */
    const struct cel_program *when;
    const struct cel_program *guarded; /* what is run: `when`, behind a guard if it can have one */
    const struct cel_program *score_program; /* NULL: `score` is the number */
    double score;
    struct template reason;
    enum rule_severity severity; /* medium unless said */
    enum rule_mode mode;
    struct rollout rollout; /* of a live rule: for whom it is; shadow for the others */
    enum rule_force force;
    struct span *tags;
    int n_tags;
    int index;         /* its place in the rule set, over all files: for counters by rule */
    struct diag_at at; /* where its id stands */
};

/* What a file of rules may hold. */
extern const struct shape rule_file_shape;

struct rule_file {
    struct yaml_file yaml; /* its name and bytes, for the ruleset's hash */
    struct rule *rules;    /* [count], in the order of the file */
    int count;
};

/* "low", "live"; static storage. */
const char *rule_severity_text(enum rule_severity severity);
const char *rule_mode_text(enum rule_mode mode);

/* Has its condition thresholds that can be moved (cel_relax.h)? */
static inline bool rule_has_near(const struct rule *rule)
{
    return rule->guarded != rule->when;
}

/* The mode of `rule` for this row: a live one is shadow for an account outside its rollout. */
enum rule_mode rule_mode_for(const struct rule *rule, const struct cel_value *row);

/*
 * Load and compile `path`. Mistakes are all told, as far as DIAG_MAX goes.
 * Errors: ST_INVALID, ST_IO, ST_NO_SPACE, each with a diagnostic.
 */
MUST_USE enum status rule_file_load(const char *path, const struct cel_env *env,
                                    struct arena *arena, struct diag_list *diags,
                                    struct rule_file *ret_file);

#endif
