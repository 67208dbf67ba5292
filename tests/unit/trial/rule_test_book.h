/* rule_test_book.h -- a file of rule tests over the world's ruleset; for tests of those. */
#ifndef SLUICE_TESTS_ENGINE_RULE_TEST_BOOK_H
#define SLUICE_TESTS_ENGINE_RULE_TEST_BOOK_H

#include "service/trial/rule_test.h"
#include "tests/unit/engine/world.h"

struct book {
    struct world world; /* its folder and diagnostics */
    char path[128];
    struct arena *arena;
    struct rule_test_file file;
    enum status status;
};

/* Write and load it; "ruleset: ruleset.yaml" stands before `content` already. `ruleset` NULL: the
 * world's. */
void book_open(struct book *b, const char *ruleset, const char *content);
void book_close(struct book *b);

#endif
