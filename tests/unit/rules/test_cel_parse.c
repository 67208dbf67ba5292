#include "rules/cel_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct arena *arena;
static struct diag_list diags;
static struct cel_env env;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(16 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct cel_node *parse(struct span source)
{
    struct cel_unit unit = {.env = &env, .source = source, .arena = arena, .diags = &diags};
    memset(&diags, 0, sizeof diags);
    return cel_parse(&unit);
}

/* The tree as text: operators and calls in prefix form, a loop as its parts. */
static void write_tree(const struct cel_node *n, struct text *out)
{
    if (n->kind == CEL_NODE_CONST) {
        cel_value_write(n->value, out);
        return;
    }
    if (n->kind == CEL_NODE_LOOP) {
        text_printf(out, "for %.*s in ", SPAN_ARG(n->loop->var));
        write_tree(n->loop->range, out);
        text_str(out, ": ");
        write_tree(n->loop->step, out);
        return;
    }
    if (n->left != NULL) {
        write_tree(n->left, out);
        text_str(out, n->is_test ? ".?" : ".");
    }
    text_put(out, n->name);
    if (n->kind == CEL_NODE_IDENT || n->kind == CEL_NODE_SELECT)
        return;
    text_char(out, n->kind == CEL_NODE_CALL ? '(' : n->kind == CEL_NODE_LIST ? '[' : '{');
    for (int i = 0; i < n->n_args; i++) {
        text_str(out, i ? " " : "");
        write_tree(n->args[i], out);
    }
    text_char(out, n->kind == CEL_NODE_CALL ? ')' : n->kind == CEL_NODE_LIST ? ']' : '}');
}

struct tree {
    const char *source, *tree;
};

static void all_parse(const struct tree *trees, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char buf[1024] = {0};
        struct text t;
        const struct cel_node *root = parse(span_str(trees[i].source));
        assert_non_null(root);
        text_init(&t, buf, sizeof buf - 1);
        write_tree(root, &t);
        assert_string_equal(buf, trees[i].tree);
    }
}

static void precedence_is_that_of_the_specification(void **state)
{
    static const struct tree trees[] = {
        {"a + b * c", "_+_(a _*_(b c))"},
        {"a - b - c", "_-_(_-_(a b) c)"},
        {"a || b && c", "_||_(a _&&_(b c))"},
        {"a < b == c", "_==_(_<_(a b) c)"},
        {"a in b && c", "_&&_(@in(a b) c)"},
        {"a ? b : c ? d : e", "_?_:_(a b _?_:_(c d e))"},
        {"!a.b", "!_(a.b)"},
        {"-a.b[c]", "-_(_[_](a.b c))"},
        {"-1 - -2", "_-_(-1 -2)"},
        {"--1", "-_(-1)"},
        {"(a + b) * c", "_*_(_+_(a b) c)"},
        {"-9223372036854775808", "-9223372036854775808"},
    };
    (void)state;
    all_parse(trees, COUNT(trees));
}

static void members_calls_and_literals_are_read(void **state)
{
    static const struct tree trees[] = {
        {"a.b.c(d, e).f", "a.b.c(d e).f"},
        {"f()", "f()"},
        {".a.b", "a.b"},
        {"[a, b,]", "[a b]"},
        {"{'a': 1, b: c,}", "{a 1 b c}"},
        {"a.`b-c`", "a.b-c"},
        {"a.while", "a.while"},
        {"'x'.size()", "x.size()"},
    };
    (void)state;
    all_parse(trees, COUNT(trees));
}

static void macros_become_loops_and_tests(void **state)
{
    static const struct tree trees[] = {
        {"has(a.b)", "a.?b"},
        {"l.all(x, x > 1)", "for x in l: _&&_(@result _>_(x 1))"},
        {"l.exists(x, p)", "for x in l: _||_(@result p)"},
        {"l.map(x, f(x))", "for x in l: @append(@result f(x))"},
        {"l.filter(x, p)", "for x in l: _?_:_(p @append(@result x) @result)"},
        {"l.map(x, p, x)", "for x in l: _?_:_(p @append(@result x) @result)"},
        {"l.exists_one(x, p)", "for x in l: _?_:_(p _+_(@result 1) @result)"},
        {"map(x, y)", "map(x y)"}, /* no receiver: no macro */
    };
    (void)state;
    all_parse(trees, COUNT(trees));
}

struct fault {
    const char *source, *message;
    int col;
};

static void mistakes_are_pointed_at(void **state)
{
    static const struct fault faults[] = {
        {"", "the expression is empty", 1},
        {"1 +", "the expression ends where a value is missing", 4},
        {"(1", "the expression ends where ')' is missing", 3},
        {"[1, 2", "the expression ends where ']' is missing", 6},
        {"f(1,)", "')' stands where an argument is missing", 5},
        {"a > > b", "'>' stands where a value is missing", 5},
        {"a b", "'b' stands where an operator is missing", 3},
        {"{'a' 1}", "'1' stands where ':' is missing", 6},
        {"a.1", "a name may not begin right behind a number", 0},
        {"while", "the word 'while' is reserved", 1},
        {"Foo{a: 1}", "there are no message types here", 4},
        {"has(1)", "has() asks for a field", 5},
        {"l.all(1, p)", "argument 1 of all() must be a name", 7},
        {"9223372036854775808", "the number does not fit into an int", 1},
        {"a ? b", "the expression ends where ':' is missing", 6},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(faults); i++) {
        assert_null(parse(span_str(faults[i].source)));
        assert_int_equal(diags.errors, 1); /* one mistake a text */
        if (faults[i].col == 0)
            continue; /* only that it is refused */
        assert_string_equal(diags.items[0].message, faults[i].message);
        assert_int_equal(diags.items[0].col, faults[i].col);
    }
}

static struct span repeated(const char *piece, int times, const char *end)
{
    struct text t;
    size_t cap = strlen(piece) * (size_t)times + strlen(end);
    text_init(&t, arena_must(arena, cap), cap);
    for (int i = 0; i < times; i++)
        text_str(&t, piece);
    text_str(&t, end);
    return text_span(&t);
}

static void depth_and_length_have_limits(void **state)
{
    (void)state;
    assert_non_null(parse(repeated("a || ", CEL_DEPTH_MAX - 1, "a")));
    assert_null(parse(repeated("a || ", CEL_DEPTH_MAX, "a")));
    assert_string_equal(diags.items[0].message, "the expression is nested deeper than 200");
    assert_null(parse(repeated("(", 100000 / 8, "")));
    assert_null(parse(repeated("[", CEL_DEPTH_MAX + 1, "")));
    assert_null(parse(repeated("!", CEL_DEPTH_MAX + 1, "a")));
    assert_null(parse(repeated("- ", CEL_DEPTH_MAX + 1, "a")));
    assert_null(parse(repeated("a.", CEL_DEPTH_MAX + 1, "a")));
    assert_null(parse(repeated(" ", CEL_SOURCE_MAX, "a")));
    assert_string_equal(diags.items[0].message, "the expression is longer than 16384 bytes");
    assert_non_null(parse(repeated(" ", CEL_SOURCE_MAX - 1, "a")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(precedence_is_that_of_the_specification),
        TEST(members_calls_and_literals_are_read),
        TEST(macros_become_loops_and_tests),
        TEST(mistakes_are_pointed_at),
        TEST(depth_and_length_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
