/*
 * fuzz_cel_lex.c -- any bytes are tokens, or tell what is wrong with them.
 *
 * The tokens and the blanks between them are the source, byte for byte. What a token is, it is by
 * its own bytes: written on lines of their own, the tokens are read as the same ones again.
 */
#include "tests/fuzz/cel_world.h"
#include "tests/fuzz/fuzz.h"

#include "rules/cel_lex.h"
#include "rules/cel_utf8.h"
#include "service/base/check.h"

struct tokens {
    struct cel_token items[CEL_SOURCE_MAX + 1]; /* a token has a byte at least, but for the end */
    size_t count;                               /* without the end, or what is no token */
    struct cel_token last;                      /* that */
};

/* Blanks and comments, told by other means than the lexer's. */
static bool is_blank(struct span s)
{
    bool comment = false;
    for (size_t i = 0; i < s.len; i++) {
        if (!comment && span_starts(span_of(s.base + i, s.len - i), span_str("//")))
            comment = true;
        if (s.base[i] == '\n')
            comment = false;
        if (!comment && (s.base[i] == '\0' || strchr(" \t\r\n\f", s.base[i]) == NULL))
            return false;
    }
    return true;
}

static struct span part(struct span source, size_t from, size_t to)
{
    CHECK(from <= to && to <= source.len);
    return span_of(source.base + from, to - from);
}

static void check_literal(const struct cel_token *t)
{
    CHECK(t->value.kind >= CEL_NULL && t->value.kind <= CEL_BYTES);
    if (t->value.kind == CEL_STRING)
        CHECK(cel_utf8_is_valid(t->value.text));
    if (t->value.kind == CEL_STRING || t->value.kind == CEL_BYTES)
        CHECK(t->value.text.len < t->end - t->offset); /* the quotes are more */
}

/* Reads all, and sees that nothing of the source lies between. */
static void lex(struct span source, struct arena *arena, struct tokens *ret_tokens)
{
    struct cel_lexer lexer = {.source = source, .arena = arena};
    size_t done = 0;
    ret_tokens->count = 0;
    for (;;) {
        struct cel_token t = cel_lex_next(&lexer);
        if (t.kind == CEL_TOK_ERROR) {
            CHECK(t.message != NULL && t.offset >= done && t.offset <= source.len);
            ret_tokens->last = t;
            return;
        }
        CHECK(is_blank(part(source, done, t.offset)));
        if (t.kind == CEL_TOK_END) {
            CHECK(t.offset == source.len);
            ret_tokens->last = t;
            return;
        }
        CHECK(t.end > t.offset && t.end <= source.len);
        if (t.kind == CEL_TOK_LITERAL)
            check_literal(&t);
        ret_tokens->items[ret_tokens->count++] = t;
        done = t.end;
    }
}

static void check_same(const struct cel_token *a, const struct cel_token *b)
{
    CHECK(a->kind == b->kind && a->is_reserved == b->is_reserved);
    CHECK(a->is_min_magnitude == b->is_min_magnitude);
    CHECK(a->end - a->offset == b->end - b->offset && span_eq(a->text, b->text));
    CHECK(cel_world_value_hash(a->value) == cel_world_value_hash(b->value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tokens once, again;
    static char lines[2 * CEL_SOURCE_MAX];
    struct text out;
    if (size > CEL_SOURCE_MAX)
        return 0;
    struct span source = span_of(data, size);
    struct arena *arena = cel_world_arena(size);
    lex(source, arena, &once);
    text_init(&out, lines, sizeof lines);
    for (size_t i = 0; i < once.count; i++) {
        text_put(&out, part(source, once.items[i].offset, once.items[i].end));
        text_char(&out, '\n');
    }
    CHECK(!out.overflow);
    lex(text_span(&out), arena, &again);
    CHECK(again.count == once.count && again.last.kind == CEL_TOK_END);
    for (size_t i = 0; i < once.count; i++)
        check_same(&once.items[i], &again.items[i]);
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
