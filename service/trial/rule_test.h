/*
 * rule_test.h -- a file of rule tests: what a ruleset is to decide about simulated events.
 *
 *     ruleset: ruleset.yaml                          relative to the file of tests
 *     defaults: {account_id: a-1, amount: 950.00}    fields of each event that has no others
 *     tests:
 *       - name: the eleventh is flagged
 *         start: 2026-01-05T12:00:00Z                `at` counts from here
 *         events:                                    in order of arrival
 *           - {at: 0s, every: 1s, times: 10}
 *           - {at: 10s, expect: {decision: flag, score: 80, fired: [account-burst]}}
 *
 * What is expected becomes a list of questions (struct rule_test_ask), each with its place in the
 * file; rule_test_run.h answers them. Names of fields, rules, features and models are looked up at
 * the load: one that the ruleset has not is refused there, with the nearest that it has.
 *
 * Owns:    a loaded file lives in the arena given to rule_test_load; it holds one reference of its
 *          snapshot, until rule_test_unload.
 * Threads: read-only once loaded.
 */
#ifndef SLUICE_TRIAL_RULE_TEST_H
#define SLUICE_TRIAL_RULE_TEST_H

#include "service/engine/snapshot.h"

enum {
    RULE_TESTS_MAX = 1000, /* of one file, which nobody reads any more then */
    /* Of one test, repetitions counted: a burst that floods a window is hundreds, and what takes
     * more is a replay's. 100,000 take two seconds. */
    RULE_TEST_EVENTS_MAX = 100000,
    /* YAML_NODES_MAX nodes of 150 bytes, as much again for what is made of them, and the text. */
    RULE_TEST_ARENA_BYTES = 128 << 20,
};

/* What may stand in a file of rule tests. */
extern const struct shape rule_test_shape;

/* X(kind, text): what is asked of an event, and how a report calls it. */
#define RULE_TEST_ASK_TABLE(X)                                                      \
    X(ASK_DECISION, "decision")                                                     \
    X(ASK_SCORE, "score")                                                           \
    X(ASK_FIRED, "rule")           /* this live rule fired */                       \
    X(ASK_NOT_FIRED, "rule")       /* it did not */                                 \
    X(ASK_NONE_FIRED, "rule")      /* no live rule did */                           \
    X(ASK_SHADOW, "rule")          /* this rule fired in shadow */                  \
    X(ASK_NO_OTHER_SHADOW, "rule") /* no shadow rule but `rules` did */             \
    X(ASK_REASON, "reason of")     /* the text of a rule that fired, live or not */ \
    X(ASK_VALUE, "feature")        /* missing, or a number */                       \
    X(ASK_EXACT, "exactness of")                                                    \
    X(ASK_LO, "lower bound of")                                                     \
    X(ASK_HI, "upper bound of")                                                     \
    X(ASK_MODEL, "model")          /* it has no score, or this one */               \
    X(ASK_MODEL_AT_LEAST, "model") /* its score is this or more */                  \
    X(ASK_MODEL_BELOW, "model")    /* its score is less */                          \
    X(ASK_MODEL_MISSING, "missing inputs of")                                       \
    X(ASK_STATUS, "label") /* what became of a label */                             \
    X(ASK_EVENT, "event")  /* that it is taken; asked of every event */

enum rule_test_ask_kind {
#define X(kind, text) kind,
    RULE_TEST_ASK_TABLE(X)
#undef X
};

struct rule_test_ask {
    enum rule_test_ask_kind kind;
    const struct yaml_node *at; /* the value that says so */
    int index;                  /* of a rule, a feature or a model; -1: of none */
    bool flag;                  /* decision: flag; exact; value: missing; model: no score */
    double number;
    struct span text;
    const int *rules; /* [n_rules], of ASK_NO_OTHER_SHADOW */
    int n_rules;
};

/* A member of an event's message. */
struct rule_test_field {
    const struct field *of; /* NULL: what only labels have, by its name at the top level */
    const struct yaml_node *value;
};

struct rule_test_fields {
    const struct rule_test_field *items;
    int count;
};

struct rule_test_event {
    const struct yaml_node *node;
    int64_t at_ms, every_ms; /* after the test's start; from one to the next */
    int times;               /* 1 or more */
    bool is_label;
    struct rule_test_fields fields;
    const struct rule_test_ask *asks;
    int n_asks;
};

struct rule_test {
    const struct yaml_node *node;
    struct span name;
    int64_t start_ms;
    struct rule_test_fields defaults;
    const struct rule_test_event *events;
    int n_events;
};

struct rule_test_file {
    struct yaml_file yaml;
    struct snapshot *snap;
    struct rule_test_fields defaults;
    const struct rule_test *tests;
    int n_tests;
};

/* What became of a label, in the words of `expect: {status: ...}`; NULL-terminated. */
extern const char *const rule_test_statuses[];

/*
 * Load a file of tests, and its ruleset. Mistakes are all told, as far as DIAG_MAX goes.
 * Errors: ST_INVALID, ST_IO, ST_NO_SPACE, each with a diagnostic. Warnings about the ruleset may be
 * there also on ST_OK.
 */
MUST_USE enum status rule_test_load(const char *path, const struct snapshot_options *o,
                                    struct arena *arena, struct diag_list *diags,
                                    struct rule_test_file *ret_file);
void rule_test_unload(struct rule_test_file *file);

#endif
