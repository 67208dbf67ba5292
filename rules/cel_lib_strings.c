/*
 * The functions on strings. Positions and sizes count code points.
 *
 * Source: the CEL specification, "List of Standard Definitions"; cel-go, ext/strings.go.
 */
#include "rules/cel_library.h"

#include "rules/cel_format.h"
#include "rules/cel_ops.h"
#include "rules/cel_regex.h"
#include "rules/cel_utf8.h"

/* Bytes that one step of the budget pays for: in memchr-like loops, where characters are counted,
 * and where they are decoded. */
enum { BYTES_A_STEP = 64, COUNTED_A_STEP = 16, DECODED_A_STEP = 4 };

static struct cel_value limit(void)
{
    return cel_fault(CEL_ERR_LIMIT);
}

static struct cel_value out_of_bounds(void)
{
    return cel_fault(CEL_ERR_INDEX);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static struct cel_value contains(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct span s = args[0].text, part = args[1].text;
    UNUSED_ARGS;
    if (!cel_spend(cx, s.len / BYTES_A_STEP))
        return limit();
    return cel_bool(part.len == 0 || memmem(s.base, s.len, part.base, part.len) != NULL);
}

static struct cel_value starts_with(struct cel_context *cx, const struct cel_value *args,
                                    int n_args)
{
    UNUSED_ARGS;
    return cel_bool(span_starts(args[0].text, args[1].text));
}

static struct cel_value ends_with(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct span s = args[0].text, end = args[1].text;
    UNUSED_ARGS;
    return cel_bool(s.len >= end.len && span_eq(span_of(s.base + (s.len - end.len), end.len), end));
}

static void end_pattern(void *re)
{
    regex_free(re);
}

/* "invalid pattern at character 4: missing closing ]: [a-" */
static const char *wrong_pattern(const struct regex_report *report, struct span pattern,
                                 struct arena *arena)
{
    char buf[REGEX_WRONG_MAX + 64];
    struct text t;
    text_init(&t, buf, sizeof buf);
    text_str(&t, "invalid pattern");
    if (report->wrong_at < pattern.len)
        text_printf(&t, " at character %zu",
                    cel_utf8_count(span_of(pattern.base, report->wrong_at)) + 1);
    text_printf(&t, ": %s", report->wrong);
    struct span kept = arena_try_copy(arena, text_span(&t));
    return kept.base ? kept.base : "invalid pattern";
}

static const char *prepare_pattern(struct span text, struct arena *arena,
                                   struct cel_value *ret_value)
{
    struct regex_report report;
    struct regex *re = regex_new(text.base, text.len, REGEX_LOAD_BYTES, &report);
    if (re == NULL)
        return wrong_pattern(&report, text, arena);
    arena_on_end(arena, end_pattern, re);
    *ret_value = (struct cel_value){.kind = CEL_HANDLE, .handle = re};
    return NULL;
}

static struct cel_value matches_pattern(struct cel_context *cx, struct span s,
                                        const struct regex *re)
{
    int answer = regex_match(re, s.base, s.len, &cx->steps);
    return answer < 0 ? limit() : cel_bool(answer);
}

/* A pattern made while the rule runs: it ends with the call, and costs what it is worth. */
static struct cel_value matches_text(struct cel_context *cx, struct span s, struct span pattern)
{
    struct regex_report report;
    if (!cel_spend(cx, pattern.len))
        return limit();
    struct regex *re = regex_new(pattern.base, pattern.len, REGEX_RUN_BYTES, &report);
    struct cel_value answer = limit();
    if (cel_spend(cx, (size_t)report.steps))
        answer =
            re ? matches_pattern(cx, s, re)
               : cel_error(CEL_ERR_ARGUMENT, span_str(wrong_pattern(&report, pattern, cx->arena)));
    regex_free(re);
    return answer;
}

static struct cel_value matches(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    if (args[1].kind == CEL_HANDLE)
        return matches_pattern(cx, args[0].text, args[1].handle);
    return matches_text(cx, args[0].text, args[1].text);
}

/* ---- positions ------------------------------------------------------------------------------ */

/* The byte behind the character that begins at `i`. */
static size_t behind(struct span s, size_t i)
{
    i++;
    while (i < s.len && cel_utf8_continues(s.base[i]))
        i++;
    return i;
}

/* The byte at which code point `n` begins; the end counts as one. false: there is none. */
static bool byte_of(struct cel_context *cx, struct span s, int64_t n, size_t *ret_byte)
{
    size_t i = 0;
    for (; n > 0 && i < s.len; n--)
        i = behind(s, i);
    cel_spend(cx, i / COUNTED_A_STEP);
    *ret_byte = i;
    return n == 0;
}

static size_t points_before(struct span s, size_t byte)
{
    return cel_utf8_count(span_of(s.base, byte));
}

static struct cel_value char_at(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct span s = args[0].text;
    size_t from;
    UNUSED_ARGS;
    if (!byte_of(cx, s, args[1].i64, &from))
        return out_of_bounds();
    if (from == s.len)
        return cel_string(span_of(NULL, 0));
    return cel_string(span_of(s.base + from, behind(s, from) - from));
}

/* s.indexOf(part), s.indexOf(part, from) */
static struct cel_value index_of(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct span s = args[0].text, part = args[1].text;
    size_t from;
    if (!cel_spend(cx, s.len / BYTES_A_STEP))
        return limit();
    int64_t start = n_args > 2 ? args[2].i64 : 0;
    if (start < 0)
        return out_of_bounds();
    if (!byte_of(cx, s, start, &from)) /* nothing is everywhere, and at the end too */
        return cel_int(part.len > 0 ? -1 : (int64_t)points_before(s, s.len));
    if (part.len == 0) /* also of an empty text, which may have no base to find it at */
        return cel_int(start);
    const char *at = memmem(s.base + from, s.len - from, part.base, part.len);
    return cel_int(at ? (int64_t)points_before(s, (size_t)(at - s.base)) : -1);
}

/* s.lastIndexOf(part), s.lastIndexOf(part, from): the last that begins at `from` or before. */
static struct cel_value last_index_of(struct cel_context *cx, const struct cel_value *args,
                                      int n_args)
{
    struct span s = args[0].text, part = args[1].text;
    size_t at = s.len;
    if (!cel_spend(cx, s.len))
        return limit();
    if (n_args > 2 && args[2].i64 < 0)
        return out_of_bounds();
    bool within = n_args < 3 || (byte_of(cx, s, args[2].i64, &at) && at < s.len);
    if (!within)
        return cel_int(part.len > 0 ? -1 : (int64_t)points_before(s, s.len));
    if (part.len > s.len)
        return cel_int(-1);
    if (at > s.len - part.len)
        at = s.len - part.len;
    for (size_t i = at + 1; i-- > 0;) {
        if (span_eq(span_of(s.base + i, part.len), part))
            return cel_int((int64_t)points_before(s, i));
    }
    return cel_int(-1);
}

/* s.substring(from), s.substring(from, to) */
static struct cel_value substring(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct span s = args[0].text;
    size_t from, to = s.len;
    UNUSED_ARGS;
    if (!byte_of(cx, s, args[1].i64, &from) || (n_args > 2 && !byte_of(cx, s, args[2].i64, &to)) ||
        from > to)
        return out_of_bounds();
    return cel_string(span_of(s.base + from, to - from));
}

/* ---- new strings ---------------------------------------------------------------------------- */

/* Room to write a string of at most `size` bytes; false: over the limit. */
static bool writer(struct cel_context *cx, size_t size, struct text *ret_text)
{
    char *mem = cel_spend(cx, size / BYTES_A_STEP + 1) ? cel_room(cx, size) : NULL;
    if (mem == NULL)
        return false;
    text_init(ret_text, mem, size);
    return true;
}

static struct cel_value mapped(struct cel_context *cx, struct span s, char from, char to)
{
    struct text out;
    if (!writer(cx, s.len, &out))
        return limit();
    for (size_t i = 0; i < s.len; i++) {
        char c = s.base[i];
        text_char(&out, c >= from && c <= to ? (char)(c ^ 0x20) : c);
    }
    return cel_string(text_span(&out));
}

static struct cel_value lower_ascii(struct cel_context *cx, const struct cel_value *args,
                                    int n_args)
{
    UNUSED_ARGS;
    return mapped(cx, args[0].text, 'A', 'Z');
}

static struct cel_value upper_ascii(struct cel_context *cx, const struct cel_value *args,
                                    int n_args)
{
    UNUSED_ARGS;
    return mapped(cx, args[0].text, 'a', 'z');
}

/* Unicode's property White_Space. */
static bool is_space(int32_t c)
{
    return (c >= '\t' && c <= '\r') || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static struct cel_value trim(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct span s = args[0].text;
    size_t from = s.len, to = 0;
    (void)n_args;
    if (!cel_spend(cx, s.len / DECODED_A_STEP))
        return limit();
    for (size_t i = 0; i < s.len;) {
        size_t start = i;
        if (is_space(cel_utf8_next(s, &i)))
            continue;
        from = start < from ? start : from;
        to = i;
    }
    return cel_string(from < to ? span_of(s.base + from, to - from) : span_of(NULL, 0));
}

static struct cel_value reverse(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct span s = args[0].text;
    struct text out;
    UNUSED_ARGS;
    if (!writer(cx, s.len, &out))
        return limit();
    for (size_t end = s.len, i = s.len; i-- > 0;) {
        if (cel_utf8_continues(s.base[i]))
            continue;
        text_put(&out, span_of(s.base + i, end - i));
        end = i;
    }
    return cel_string(text_span(&out));
}

/* Where `part` next stands in s from `from` on; an empty part stands behind every character. */
static bool find_next(struct span s, struct span part, size_t from, size_t *ret_at)
{
    if (part.len > 0) {
        const char *at = memmem(s.base + from, s.len - from, part.base, part.len);
        *ret_at = at ? (size_t)(at - s.base) : 0;
        return at != NULL;
    }
    if (from >= s.len)
        return false;
    *ret_at = behind(s, from);
    return true;
}

static size_t occurrences(struct span s, struct span part, size_t max)
{
    size_t n = 0, at;
    for (size_t from = 0; n < max && find_next(s, part, from, &at); from = at + part.len)
        n++;
    return n;
}

/* s.replace(old, new), s.replace(old, new, n): the first n; n < 0: all. */
static struct cel_value replace(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct span s = args[0].text, old = args[1].text, by = args[2].text;
    size_t max = n_args > 3 && args[3].i64 >= 0 ? (size_t)args[3].i64 : SIZE_MAX, at, from = 0;
    if (!cel_spend(cx, s.len))
        return limit();
    size_t n = occurrences(s, old, max) + (old.len == 0);
    struct text out;
    if (!writer(cx, s.len + n * by.len, &out))
        return limit();
    if (old.len == 0 && max > 0) { /* before the first character, and behind each */
        text_put(&out, by);
        max--;
    }
    for (; max > 0 && find_next(s, old, from, &at); max--, from = at + old.len) {
        text_put(&out, span_of(s.base + from, at - from));
        text_put(&out, by);
    }
    text_put(&out, span_of(s.base + from, s.len - from));
    return cel_string(text_span(&out));
}

/* s.split(by), s.split(by, n): at most n parts, the last with the rest; n < 0: all. */
static struct cel_value split(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct span s = args[0].text, by = args[1].text;
    int64_t parts = n_args > 2 ? args[2].i64 : -1;
    size_t from = 0, at;
    if (!cel_spend(cx, s.len))
        return limit();
    struct cel_value list = cel_list_new(cx, 0);
    if (parts == 0)
        return list;
    while (parts != 1 && find_next(s, by, from, &at) && (by.len > 0 || at < s.len)) {
        struct cel_value part = cel_string(span_of(s.base + from, at - from));
        list = cel_list_append(cx, list, &part);
        from = at + by.len;
        parts -= parts > 0;
    }
    struct cel_value rest = cel_string(span_of(s.base + from, s.len - from));
    return s.len == 0 && by.len == 0 ? list : cel_list_append(cx, list, &rest);
}

/* The letter behind the backslash in a literal of this character; 0: it stands as it is. */
static char escape_of(char c)
{
    static const char from[] = "\a\b\f\n\r\t\v\\\"", letters[] = "abfnrtv\\\"";
    const char *at = c != '\0' ? strchr(from, c) : NULL;
    return at ? letters[at - from] : '\0';
}

/* strings.quote(s): s as a literal. */
static struct cel_value quote(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct span s = args[0].text;
    struct text out;
    UNUSED_ARGS;
    if (!writer(cx, 2 * s.len + 2, &out))
        return limit();
    text_char(&out, '"');
    for (size_t i = 0; i < s.len; i++) {
        char escape = escape_of(s.base[i]);
        if (escape != '\0')
            text_char(&out, '\\');
        text_char(&out, escape != '\0' ? escape : s.base[i]);
    }
    text_char(&out, '"');
    return cel_string(text_span(&out));
}

static struct cel_value format(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return cel_format(cx, args[0].text, args[1].list);
}

/* list.join(), list.join(separator) */
static struct cel_value join(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    const struct cel_list *list = args[0].list;
    struct span between = n_args > 1 ? args[1].text : span_of(NULL, 0);
    size_t size = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].kind != CEL_STRING)
            return cel_fault(CEL_ERR_NO_OVERLOAD);
        size += list->items[i].text.len + (i ? between.len : 0);
    }
    struct text out;
    if (!cel_spend(cx, list->count) || !writer(cx, size, &out))
        return limit();
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            text_put(&out, between);
        text_put(&out, list->items[i].text);
    }
    return cel_string(text_span(&out));
}

static const struct cel_func strings[] = {
    METHOD("contains", contains, BOOL, STRING, STRING),
    METHOD("startsWith", starts_with, BOOL, STRING, STRING),
    METHOD("endsWith", ends_with, BOOL, STRING, STRING),
    {.name = "matches",
     .n_args = 2,
     .args = {STRING, STRING},
     .result = BOOL,
     .run = matches,
     .prepare = prepare_pattern},
    {.name = "matches",
     .is_method = true,
     .n_args = 2,
     .args = {STRING, STRING},
     .result = BOOL,
     .run = matches,
     .prepare = prepare_pattern},
    METHOD("charAt", char_at, STRING, STRING, INT),
    METHOD("indexOf", index_of, INT, STRING, STRING),
    METHOD("indexOf", index_of, INT, STRING, STRING, INT),
    METHOD("lastIndexOf", last_index_of, INT, STRING, STRING),
    METHOD("lastIndexOf", last_index_of, INT, STRING, STRING, INT),
    METHOD("lowerAscii", lower_ascii, STRING, STRING),
    METHOD("upperAscii", upper_ascii, STRING, STRING),
    METHOD("trim", trim, STRING, STRING),
    METHOD("reverse", reverse, STRING, STRING),
    METHOD("replace", replace, STRING, STRING, STRING, STRING),
    METHOD("replace", replace, STRING, STRING, STRING, STRING, INT),
    METHOD("split", split, STRINGS, STRING, STRING),
    METHOD("split", split, STRINGS, STRING, STRING, INT),
    METHOD("substring", substring, STRING, STRING, INT),
    METHOD("substring", substring, STRING, STRING, INT, INT),
    FUNCTION("strings.quote", quote, STRING, STRING),
    {.name = "format",
     .is_method = true,
     .n_args = 2,
     .args = {STRING, LIST},
     .result = STRING,
     .run = format,
     .review = cel_format_review},
    METHOD("join", join, STRING, STRINGS),
    METHOD("join", join, STRING, STRINGS, STRING),
};

LIBRARY(cel_lib_strings, strings);
