/*
 * fuzz_cel_check.c -- any tree gets types and slots, or is refused with reasons.
 *
 * Both the same each time. What is accepted is resolved to the last node: no name is left, each
 * node has a type, each slot is one of the row, and the whole has a type that a rule's author
 * knows. What is accepted checked is accepted unchecked.
 */
#include "tests/fuzz/cel_world.h"
#include "tests/fuzz/fuzz.h"

#include "rules/cel_check.h"
#include "service/base/check.h"

static struct diag_list diags;

/* The tree, or NULL: it was refused, by parser or checker. */
static const struct cel_node *check(struct span source, bool unchecked)
{
    static struct cel_name names[CEL_WORLD_SLOTS];
    static struct cel_env env;
    cel_world_env(names, &env);
    env.unchecked = unchecked;
    struct cel_unit unit = {.env = &env,
                            .source = source,
                            .at = {.file = "fuzz", .line = 1, .col = 1},
                            .arena = cel_world_arena(source.len),
                            .diags = &diags};
    memset(&diags, 0, sizeof diags);
    struct cel_node *root = cel_parse(&unit);
    bool good = root != NULL && cel_check(&unit, root) == ST_OK;
    CHECK(good == (diags.errors == 0));
    cel_world_check_diags(&diags, source);
    return good ? root : NULL;
}

/* Said in words: no variable or parameter of the inference is left in it. */
static void check_type(const struct cel_type *t)
{
    CHECK(t != NULL);
    CHECK(t->kind != CEL_T_VAR && t->kind != CEL_T_PARAM && t->kind != CEL_T_ERROR);
    for (int i = 0; i < t->n_params; i++)
        check_type(t->params[i]);
}

static void check_node(const struct cel_node *n, void *data)
{
    (void)data;
    CHECK(n->type != NULL && n->type->kind != CEL_T_ERROR);
    CHECK(n->kind != CEL_NODE_IDENT);
    if (n->kind == CEL_NODE_SLOT)
        CHECK(n->slot >= 0 && n->slot < CEL_WORLD_FREE);
    if (n->kind == CEL_NODE_LOCAL)
        CHECK(n->owner != NULL);
    if (n->kind == CEL_NODE_CALL)
        CHECK(n->calls != NULL && n->n_calls >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span source = span_of(data, size);
    if (size > CEL_SOURCE_MAX)
        return 0;
    const unsigned all = CEL_WORLD_PLACES | CEL_WORLD_TYPES;
    const struct cel_node *root = check(source, false);
    bool accepted = root != NULL;
    int errors = diags.errors;
    uint64_t tree = 0;
    if (accepted) {
        cel_world_walk(root, check_node, NULL);
        check_type(root->type);
        tree = cel_world_tree_hash(root, all);
    }
    root = check(source, false);
    CHECK((root != NULL) == accepted && diags.errors == errors);
    CHECK(!accepted || cel_world_tree_hash(root, all) == tree);
    root = check(source, true);
    CHECK(root != NULL || !accepted);
    return 0;
}

size_t fuzz_seed(size_t i, uint8_t *buf, size_t cap)
{
    return cel_world_seed(i, buf, cap);
}

const char *fuzz_word(size_t i)
{
    return cel_world_word(i);
}
