#include "rules/cel_bounds.h"
#include "rules/cel_networks.h"
#include "rules/list_view.h"
#include "tests/unit/rules/cel_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct fixture f;
static struct cel_bounds of_a, of_b, of_text;
static struct cel_name names[3];

/* a and b are ints within their bounds, text is a string. */
static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    of_a = of_b = of_text = cel_bounds_any;
    of_text.bytes_max = 2;
    names[0] = (struct cel_name){span_str("a"), "tx", &cel_type_int, 0, NULL, &of_a, 0};
    names[1] = (struct cel_name){span_str("b"), "tx", &cel_type_int, 1, NULL, &of_b, 0};
    names[2] = (struct cel_name){span_str("text"), "tx", &cel_type_string, 2, NULL, &of_text, 0};
    f.env = (struct cel_env){.names = names, .n_names = 3, .is_strict = true};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_fini(&f);
    return 0;
}

/* What a comparison is over all pairs of values. */
struct found {
    bool some_true, some_false;
};

static struct found try_all(const char *source)
{
    struct found found = {false, false};
    f.env.is_strict = false;
    const struct cel_program *program = fixture_compile(&f, source);
    f.env.is_strict = true;
    assert_non_null(program);
    for (int a = (int)of_a.lo; a <= (int)of_a.hi; a++) {
        for (int b = (int)of_b.lo; b <= (int)of_b.hi; b++) {
            f.row[0] = cel_int(a);
            f.row[1] = cel_int(b);
            f.row[2] = cel_string(span_str((a + b) % 2 == 0 ? "x" : "y"));
            arena_reset(f.scratch);
            struct cel_value v = cel_run(program, f.row, f.scratch);
            found.some_true |= v.kind == CEL_BOOL && v.flag;
            found.some_false |= v.kind == CEL_BOOL && !v.flag;
        }
    }
    return found;
}

static void nothing_is_refused_that_could_matter(const char *source)
{
    struct found found = try_all(source);
    if (fixture_compile(&f, source) != NULL)
        return;
    const char *message = f.diags.items[0].message;
    bool never = strstr(message, "can never hold") != NULL;
    bool always = strstr(message, "always holds") != NULL;
    assert_true(never || always);
    if (never ? found.some_true : found.some_false)
        fail_msg("%s, a in %g..%g, b in %g..%g", message, of_a.lo, of_a.hi, of_b.lo, of_b.hi);
}

static const char *const signs[] = {"<", "<=", ">", ">=", "==", "!="};

/* With every small interval, every operator and every small constant. */
static void with_all_intervals(const char *const *forms, size_t n)
{
    char source[128];
    for (int lo = -2; lo <= 2; lo++) {
        for (int hi = lo; hi <= 2; hi++) {
            of_a.lo = lo;
            of_a.hi = hi;
            of_b.lo = -hi;
            of_b.hi = 1 - lo;
            for (size_t i = 0; i < n * COUNT(signs) * 9; i++) {
                int k = (int)(i % 9) - 4;
                snprintf(source, sizeof source, forms[i / 9 / COUNT(signs)],
                         signs[i / 9 % COUNT(signs)], k);
                nothing_is_refused_that_could_matter(source);
                arena_reset(f.arena);
            }
        }
    }
}

static void no_comparison_is_refused_that_may_hold_and_may_fail(void **state)
{
    static const char *const forms[] = {
        "a %s %d",           "a + b %s %d",
        "a - b %s %d",       "a * b %s %d",
        "a %% b %s %d",      "-a %s %d",
        "a %s b + %d",       "(text == 'x' ? a : b) %s %d",
        "double(a) %s %d.5", "int(double(b) - 0.5) %s %d",
    };
    (void)state;
    with_all_intervals(forms, COUNT(forms));
}

static void every_order_that_is_settled_is_refused(void **state)
{
    char source[64];
    (void)state;
    of_a.lo = -1;
    of_a.hi = 2;
    of_b.lo = of_b.hi = 0;
    for (int i = 0; i < 4 * 9; i++) {
        snprintf(source, sizeof source, "a %s %d", signs[i % 4], i / 4 - 4);
        struct found found = try_all(source);
        bool is_open = found.some_true && found.some_false;
        assert_int_equal(fixture_compile(&f, source) != NULL, is_open);
    }
}

static void are_fine(const char *const *sources, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *said = fixture_diags(&f, sources[i]);
        assert_string_equal(said, "");
    }
}

static void what_is_not_known_settles_nothing(void **state)
{
    static const char *const sources[] = {
        "a < 0",
        "a <= 9223372036854775807",
        "a >= -9223372036854775807",
        "a + 1 > 0",
        "a / b > 1000",
        "dyn(a) == 'x'",
        "[a, b].exists(x, x < 0)",
        "[a, b].map(x, x + 1)[0] == -7",
        "has(tx.a) || a == 1",
        "tx.?a.orValue(5) == 7",
    };
    (void)state;
    of_b.lo = 0;
    are_fine(sources, COUNT(sources));
}

/* 2^53 + 1 is 2^53 as a double: the two are as good as equal there. */
static void past_the_exact_doubles_bounds_are_wider(void **state)
{
    static const char *const sources[] = {
        "a == 9007199254740992.0",
        "a < 9007199254740993",
        "a + 9007199254740992 == b",
    };
    (void)state;
    of_a.lo = 9007199254740992.0;
    of_a.hi = 9007199254740994.0;
    of_b.lo = 0;
    of_b.hi = 1e19;
    are_fine(sources, COUNT(sources));
}

static void literals_alone_are_left_alone(void **state)
{
    static const char *const sources[] = {
        "1 < 2", "'a' == 'b'", "size([]) > 5", "1 in []", "[1, 2].all(x, x > 0)", "null == 5",
    };
    (void)state;
    are_fine(sources, COUNT(sources));
}

static void only_a_strict_env_refuses(void **state)
{
    static const char *const sources[] = {"a < -5", "text == 'BEL'", "text in []", "1 / 0 == 1"};
    (void)state;
    of_a.lo = 0;
    for (size_t i = 0; i < COUNT(sources); i++)
        assert_null(fixture_compile(&f, sources[i]));
    f.env.is_strict = false;
    are_fine(sources, COUNT(sources));
}

static bool may_be_address(struct span text)
{
    struct cel_address address;
    return cel_address_parse(text, &address);
}

/* The list's one item is no address; of type network it has many, of type string none. */
static void an_address_may_be_in_a_list_of_networks_alone(void **state)
{
    const struct span key = span_str("10.66.0.0/16");
    (void)state;
    of_text = cel_bounds_any;
    of_text.may_be = may_be_address;
    of_text.form = "one address";
    for (enum list_type type = LIST_STRING; type <= LIST_NETWORK; type += LIST_NETWORK) {
        struct list_view *view = list_view_new(type, &key, 1);
        const struct cel_value list = cel_list_of(list_view_list(view));
        names[1] =
            (struct cel_name){span_str("tor"), "lists", &cel_type_list_string, 0, &list, NULL, 0};
        const char *said = fixture_diags(&f, "text in lists.tor");
        if (type == LIST_NETWORK)
            assert_string_equal(said, "");
        else
            assert_non_null(strstr(said, "can never hold: it is one address"));
        list_view_unref(view);
    }
}

static void a_program_has_the_bounds_of_its_value(void **state)
{
    (void)state;
    of_a.lo = 2;
    of_a.hi = 5;
    const struct cel_program *p = fixture_compile(&f, "a * 10 - 1");
    assert_non_null(p);
    assert_true(p->bounds->lo == 19 && p->bounds->hi == 49);
    p = fixture_compile(&f, "text + 'xyz'");
    assert_int_equal(p->bounds->bytes_min, 3);
    assert_int_equal(p->bounds->bytes_max, 5);
    p = fixture_compile(&f, "cel.bind(x, a, x + x)");
    assert_true(p->bounds->lo == 4 && p->bounds->hi == 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_comparison_is_refused_that_may_hold_and_may_fail),
        TEST(every_order_that_is_settled_is_refused),
        TEST(what_is_not_known_settles_nothing),
        TEST(past_the_exact_doubles_bounds_are_wider),
        TEST(literals_alone_are_left_alone),
        TEST(only_a_strict_env_refuses),
        TEST(an_address_may_be_in_a_list_of_networks_alone),
        TEST(a_program_has_the_bounds_of_its_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
