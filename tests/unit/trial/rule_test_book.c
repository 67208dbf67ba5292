#include "tests/unit/trial/rule_test_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

void book_open(struct book *b, const char *ruleset, const char *content)
{
    struct snapshot_options options = {.exact_events = 16};
    *b = (struct book){.arena = arena_new(RULE_TEST_ARENA_BYTES)};
    world_files(&b->world, ruleset != NULL ? ruleset : world_ruleset, world_rules);
    char *whole;
    assert_true(asprintf(&whole, "ruleset: ruleset.yaml\n%s", content) > 0);
    world_write(&b->world, "a_test.yaml", whole);
    free(whole);
    snprintf(b->path, sizeof b->path, "%s/a_test.yaml", b->world.folder);
    b->status = rule_test_load(b->path, &options, b->arena, &b->world.diags, &b->file);
}

void book_close(struct book *b)
{
    char command[128];
    if (b->status == ST_OK)
        rule_test_unload(&b->file);
    arena_free(b->arena);
    snprintf(command, sizeof command, "rm -rf '%s'", b->world.folder);
    assert_int_equal(system(command), 0);
}
