#include "service/io/letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CARD "4111111111111111" /* a test number of a card scheme */

static enum letter judge(const void *value, size_t len)
{
    struct span body;
    return letter_judge(span_of(value, len), &body);
}

static void only_json_may_be_scored_framed_or_not(void **state)
{
    struct span body = span_of(NULL, 0);
    (void)state;
    assert_int_equal(letter_judge(span_str("{}"), &body), LETTER_NONE);
    assert_true(span_is(body, "{}"));
    assert_int_equal(letter_judge(span_of("\0\0\0\0\7 {}", 8), &body), LETTER_NONE);
    assert_true(span_is(body, " {}"));
    assert_int_equal(judge("", 0), LETTER_EMPTY);
    assert_int_equal(judge(NULL, 0), LETTER_EMPTY);
    assert_int_equal(judge("\0\0\0\0\7\2x", 7), LETTER_FRAMING);
    assert_int_equal(judge("\0\0\0\0\7", 5), LETTER_FRAMING);
    assert_int_equal(judge("\0{}", 3), LETTER_BAD_JSON);
}

static void the_largest_event_is_scored_and_one_byte_more_is_a_letter(void **state)
{
    static char value[READER_BODY_MAX + 1] = "{";
    (void)state;
    assert_int_equal(judge(value, READER_BODY_MAX), LETTER_NONE);
    assert_int_equal(judge(value, READER_BODY_MAX + 1), LETTER_TOO_LARGE);
}

static void a_detail_has_the_place_and_no_value(void **state)
{
    struct reader_error e = {.offset = 17, .pointer = "/amount", .detail = "must be a number"};
    char detail[LETTER_DETAIL_MAX];
    (void)state;
    letter_detail(&e, detail);
    assert_string_equal(detail, "/amount must be a number (byte 17)");
    e = (struct reader_error){.offset = READER_NO_OFFSET, .detail = "expected an object"};
    letter_detail(&e, detail);
    assert_string_equal(detail, "expected an object");
}

static struct span value_of(const struct outlet_message *m, const char *name)
{
    for (int i = m->n_headers - 1; i >= 0; i--)
        if (span_is(m->headers[i].name, name))
            return m->headers[i].value;
    fail_msg("no header %s", name);
    return span_of(NULL, 0);
}

static const struct outlet_header headers[] = {
    {{"h", 1}, {"\xff", 1}}, {{"h", 1}, {NULL, 0}}, {{"pan", 3}, {CARD, 16}}};

static struct letter_source source(const char *key, const char *value)
{
    return (struct letter_source){.topic = "in",
                                  .partition = 3,
                                  .offset = 1234567890123,
                                  .timestamp_ms = -1,
                                  .key = span_str(key),
                                  .value = span_str(value),
                                  .headers = headers,
                                  .n_headers = 3};
}

static void a_letter_is_the_message_and_says_why_and_where(void **state)
{
    struct letter_source from = source("a-1", "{bad");
    struct letter_room room;
    struct outlet_message m = {.n_headers = 0};
    (void)state;
    letter_write(LETTER_BAD_JSON, "why", &from, &room, &m);
    assert_true(span_is(m.key, "a-1") && span_is(m.value, "{bad"));
    assert_int_equal(m.n_headers, 2 + 6);
    assert_memory_equal(m.headers[0].value.base, "\xff", 1);
    assert_null(m.headers[1].value.base);
    assert_true(span_is(value_of(&m, "error"), "bad_json"));
    assert_true(span_is(value_of(&m, "error.detail"), "why"));
    assert_true(span_is(value_of(&m, "topic"), "in"));
    assert_true(span_is(value_of(&m, "partition"), "3"));
    assert_true(span_is(value_of(&m, "offset"), "1234567890123"));
    assert_true(span_is(value_of(&m, "timestamp"), "-1"));
}

static void a_card_number_is_left_out_wherever_it_stands(void **state)
{
    struct letter_source from = source(CARD, "{\"pan\":\"" CARD "\"");
    struct letter_room room;
    struct outlet_message m = {.n_headers = 0};
    (void)state;
    letter_write(LETTER_BAD_JSON, "why", &from, &room, &m);
    assert_null(m.key.base);
    assert_true(span_is(m.value, "{\"left_out\":\"a card number stood in it in clear\"}"));
    assert_int_equal(m.n_headers, 2 + 6);
    from = source("k", "{}");
    letter_write(LETTER_CARD, "why", &from, &room, &m);
    assert_null(memmem(m.value.base, m.value.len, "{}", 2));
}

static void a_letter_has_as_many_headers_as_an_outlet_takes(void **state)
{
    struct outlet_header many[OUTLET_HEADERS_MAX];
    struct letter_source from = source("k", "v");
    struct letter_room room;
    struct outlet_message m = {.n_headers = 0};
    (void)state;
    for (int i = 0; i < OUTLET_HEADERS_MAX; i++)
        many[i] = headers[0];
    from.headers = many;
    from.n_headers = OUTLET_HEADERS_MAX;
    letter_write(LETTER_EMPTY, "why", &from, &room, &m);
    assert_int_equal(m.n_headers, OUTLET_HEADERS_MAX);
    assert_true(span_is(value_of(&m, "error"), "empty"));
}

#define TOO_LARGE "{\"left_out\":\"it is too large for this topic\"}"

static void a_letter_that_is_too_large_loses_its_value_first(void **state)
{
    static char value[2 * sizeof(struct letter_room)];
    struct letter_source from = source("k", "");
    struct letter_room room, shorter;
    struct outlet_message m = {.n_headers = 0}, less;
    (void)state;
    from.value = span_of(value, sizeof value);
    letter_write(LETTER_SCHEMA, "why", &from, &room, &m);
    letter_shorten(&m, &shorter, &less);
    assert_true(span_is(less.value, TOO_LARGE));
    assert_int_equal(less.n_headers, m.n_headers);
    assert_true(span_is(less.key, "k"));
}

static void a_short_letter_that_is_too_large_keeps_our_headers_alone(void **state)
{
    struct letter_source from = source("k", "a short value");
    struct letter_room room, shorter;
    struct outlet_message m = {.n_headers = 0}, less;
    (void)state;
    letter_write(LETTER_SCHEMA, "why", &from, &room, &m);
    letter_shorten(&m, &shorter, &less);
    assert_true(span_is(less.value, TOO_LARGE));
    assert_int_equal(less.key.len, 0);
    assert_true(less.n_headers > 0 && less.n_headers < m.n_headers);
    assert_true(span_is(less.headers[0].name, "error"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_json_may_be_scored_framed_or_not),
        cmocka_unit_test(the_largest_event_is_scored_and_one_byte_more_is_a_letter),
        cmocka_unit_test(a_detail_has_the_place_and_no_value),
        cmocka_unit_test(a_letter_is_the_message_and_says_why_and_where),
        cmocka_unit_test(a_card_number_is_left_out_wherever_it_stands),
        cmocka_unit_test(a_letter_has_as_many_headers_as_an_outlet_takes),
        cmocka_unit_test(a_letter_that_is_too_large_loses_its_value_first),
        cmocka_unit_test(a_short_letter_that_is_too_large_keeps_our_headers_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
