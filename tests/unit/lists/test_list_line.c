#include "service/lists/list_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct list_line sample(enum list_type type, struct span key)
{
    return (struct list_line){.list = span_str("muted"),
                              .type = type,
                              .change = {.key = key,
                                         .at_ms = 1767614400000,
                                         .expires_ms = 1767614400500,
                                         .by = span_str("me"),
                                         .note = span_str("a \"note\"\n"),
                                         .n = 12}};
}

static void what_is_written_is_read(void **state)
{
    static char bytes[LIST_LINE_MAX];
    struct list_line line = sample(LIST_STRING, span_of("d\0 9", 4)), read;
    struct text text;
    void *owner;
    (void)state;
    line.change.out = true;
    text_init(&text, bytes, sizeof bytes);
    list_line_write(&line, &text);
    assert_int_equal(list_line_read(text_span(&text), &read, &owner), ST_OK);
    assert_true(span_is(read.list, "muted") && read.type == LIST_STRING && !read.forget);
    assert_true(span_eq(read.change.key, line.change.key) && read.change.out);
    assert_true(span_eq(read.change.note, line.change.note) && span_is(read.change.by, "me"));
    assert_true(read.change.at_ms == line.change.at_ms && read.change.n == 12);
    assert_true(read.change.expires_ms == line.change.expires_ms);
    list_line_free(owner);
}

static void a_key_is_written_as_people_write_it(void **state)
{
    static char bytes[LIST_LINE_MAX];
    char buf[LIST_KEY_BYTES];
    struct text text;
    struct span key;
    (void)state;
    assert_true(list_key(LIST_INT, span_str("-7"), buf, &key));
    struct list_line line = sample(LIST_INT, key);
    text_init(&text, bytes, sizeof bytes);
    list_line_write(&line, &text);
    assert_non_null(memmem(bytes, text.len, "\"value\":\"-7\"", 12));
}

static void the_longest_line_fits(void **state)
{
    static char bytes[LIST_LINE_MAX], value[LIST_KEY_MAX], note[LIST_NOTE_MAX], by[LIST_BY_MAX];
    struct list_line line = sample(LIST_STRING, span_of(value, sizeof value));
    struct text text;
    (void)state; /* each zero is written as six bytes */
    line.change.note = span_of(note, sizeof note);
    line.change.by = span_of(by, sizeof by);
    text_init(&text, bytes, sizeof bytes);
    list_line_write(&line, &text);
    assert_false(text.overflow);
}

static void what_is_no_line_is_not_read(void **state)
{
    static const char *const lines[] = {
        "",
        "[]",
        "{\"n\":1}",
        "{\"n\":1,\"list\":\"a\",\"type\":\"double\",\"value\":\"x\",\"what\":\"in\"}",
        "{\"n\":1,\"list\":\"a\",\"type\":\"int\",\"value\":\"x\",\"what\":\"in\"}",
        "{\"n\":1,\"list\":\"a\",\"type\":\"string\",\"value\":\"x\",\"what\":\"on\"}",
        "{\"n\":-1,\"list\":\"a\",\"type\":\"string\",\"value\":\"x\",\"what\":\"in\"}",
        "{\"n\":1,\"list\":\"a\",\"type\":\"int\",\"value\":\"1\",\"what\":\"in\",\"at\":\"x\"}",
        "{\"n\":1,\"list\":\"a\",\"type\":\"string\",\"what\":\"in\"}",
    };
    struct list_line line;
    void *owner;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_int_equal(list_line_read(span_str(lines[i]), &line, &owner), ST_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_key_is_written_as_people_write_it),
        cmocka_unit_test(the_longest_line_fits),
        cmocka_unit_test(what_is_no_line_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
