/*
 * fuzz_cel_parse.c -- any text has one tree, or one mistake that is told.
 *
 * The same text gives the same tree, and so do its tokens with other blanks between them. The tree
 * is whole, no higher than CEL_DEPTH_MAX, and takes no more room than cel_compile asks for.
 */
#include "tests/fuzz/cel_world.h"
#include "tests/fuzz/fuzz.h"

#include "rules/cel_lex.h"
#include "rules/cel_parse.h"
#include "service/base/check.h"

static struct diag_list diags;

static const struct cel_node *parse(struct span source)
{
    static struct cel_name names[CEL_WORLD_SLOTS];
    static struct cel_env env;
    struct cel_unit unit = {.env = &env,
                            .source = source,
                            .at = {.file = "fuzz", .line = 1, .col = 1},
                            .arena = cel_world_arena(source.len),
                            .diags = &diags};
    memset(&diags, 0, sizeof diags);
    cel_world_env(names, &env);
    const struct cel_node *root = cel_parse(&unit);
    CHECK((root == NULL) == (diags.errors > 0));
    CHECK(diags.errors <= 2); /* what follows the first is guesswork; the lexer is one ahead */
    cel_world_check_diags(&diags, source);
    return root;
}

static void check_below(const struct cel_node *n, const struct cel_node *child)
{
    CHECK(child != NULL && child->height < n->height);
}

static void check_node(const struct cel_node *n, void *data)
{
    const struct span *source = data;
    CHECK(n->offset <= source->len && n->start <= n->offset);
    CHECK(n->height >= 1 && n->height <= CEL_DEPTH_MAX);
    CHECK((n->kind == CEL_NODE_LOOP) == (n->loop != NULL));
    CHECK(n->kind != CEL_NODE_MAP || n->n_args % 2 == 0);
    for (int i = 0; i < n->n_args; i++)
        check_below(n, n->args[i]);
    if (n->left != NULL)
        check_below(n, n->left);
    if (n->loop == NULL)
        return;
    const struct cel_loop *l = n->loop;
    check_below(n, l->range);
    check_below(n, l->init);
    check_below(n, l->condition);
    check_below(n, l->step);
    check_below(n, l->result);
    CHECK(l->var.len > 0 && l->accu.len > 0);
}

/* The tokens, a comment behind each. */
static struct span respaced(struct span source)
{
    static char bytes[6 * CEL_SOURCE_MAX], literals[2 * CEL_SOURCE_MAX];
    struct arena arena;
    struct text out;
    struct cel_token t;
    arena_init(&arena, literals, sizeof literals);
    struct cel_lexer lexer = {.source = source, .arena = &arena};
    text_init(&out, bytes, sizeof bytes);
    while ((t = cel_lex_next(&lexer)).kind > CEL_TOK_ERROR) {
        text_put(&out, span_of(source.base + t.offset, t.end - t.offset));
        text_str(&out, " //'\n");
        arena_reset(&arena);
    }
    CHECK(t.kind == CEL_TOK_END && !out.overflow);
    return text_span(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span source = span_of(data, size);
    if (size > CEL_SOURCE_MAX)
        return 0;
    const struct cel_node *root = parse(source);
    if (root == NULL)
        return 0;
    cel_world_walk(root, check_node, &source);
    uint64_t placed = cel_world_tree_hash(root, CEL_WORLD_PLACES);
    uint64_t plain = cel_world_tree_hash(root, 0);
    root = parse(source);
    CHECK(root != NULL && cel_world_tree_hash(root, CEL_WORLD_PLACES) == placed);
    struct span other = respaced(source);
    if (other.len > CEL_SOURCE_MAX)
        return 0;
    root = parse(other);
    CHECK(root != NULL && cel_world_tree_hash(root, 0) == plain);
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
