/*
 * fuzz_template.c -- any text is a reason, or is refused with reasons.
 *
 * The same each time. What is accepted renders over every row, within its limit, to the same text
 * twice; a format changes how a number is written, and not whether it is accepted.
 */
#include "tests/fuzz/cel_world.h"
#include "tests/fuzz/fuzz.h"

#include "rules/cel_utf8.h"
#include "rules/template.h"
#include "service/base/check.h"

enum { ARENA_BYTES = 64 << 20 }; /* of some hundred expressions */

static struct diag_list diags;

static struct arena *empty_arena(void)
{
    static struct arena *arena;
    if (arena == NULL)
        arena = arena_new(ARENA_BYTES);
    arena_reset(arena);
    return arena;
}

static bool compile(struct span source, struct template *ret_template)
{
    static struct cel_name names[CEL_WORLD_SLOTS];
    static struct cel_env env;
    const struct diag_at at = {.file = "fuzz", .line = 1, .col = 1};
    cel_world_env(names, &env);
    memset(&diags, 0, sizeof diags);
    enum status st = template_compile(&env, source, at, empty_arena(), &diags, ret_template);
    CHECK((st == ST_OK) == (diags.errors == 0));
    cel_world_check_diags(&diags, source);
    return st == ST_OK;
}

static struct span render(const struct template *t, enum cel_world_row row, struct arena *scratch)
{
    struct span text;
    arena_reset(scratch);
    CHECK(template_render(t, cel_world_row(row), scratch, scratch, &text) == ST_OK);
    CHECK(text.len <= TEMPLATE_RENDERED_MAX);
    return text;
}

static void render_twice(const struct template *t, enum cel_world_row row)
{
    static char block[256 << 10];
    char first[TEMPLATE_RENDERED_MAX];
    struct arena scratch;
    arena_init(&scratch, block, sizeof block);
    struct span text = render(t, row, &scratch);
    size_t len = text.len;
    memcpy(first, text.base, len);
    CHECK(span_eq(render(t, row, &scratch), span_of(first, len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span source = span_of(data, size);
    struct template t;
    if (size > CEL_SOURCE_MAX / 4 || !cel_utf8_is_valid(source))
        return 0;
    if (!compile(source, &t))
        return 0;
    CHECK(t.count <= TEMPLATE_PIECES_MAX);
    for (int i = 0; i < t.count; i++)
        CHECK(t.pieces[i].program != NULL || t.pieces[i].format.style == TEMPLATE_AS_IT_IS);
    for (enum cel_world_row row = CEL_WORLD_EMPTY; row < CEL_WORLD_ROWS; row++)
        render_twice(&t, row);
    return 0;
}

/* Expressions between braces, some with a format. */
size_t fuzz_seed(size_t i, uint8_t *buf, size_t cap)
{
    static const char *const ends[] = {"}", ":%}", ":.2f} of it", ":.0%} {{}} {x ? y : amount:%}"};
    const char *end = ends[i % 4];
    size_t room = strlen(end) + 1;
    size_t n = cap > room ? cel_world_seed(i, buf + 1, cap - room) : SIZE_MAX;
    if (n == SIZE_MAX)
        return n;
    buf[0] = '{';
    memcpy(buf + 1 + n, end, room - 1);
    return n + room;
}

const char *fuzz_word(size_t i)
{
    static const char *const words[] = {"{", "}", "{{", "}}", ":%}", ":.2f}", ":.0%}", ":"};
    enum { WORDS = sizeof words / sizeof *words };
    return i < WORDS ? words[i] : cel_world_word(i - WORDS);
}
