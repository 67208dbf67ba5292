#include "api/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct span write_problem(enum problem p, struct problem_about about)
{
    static char bytes[PROBLEM_BYTES_MAX];
    struct text out;
    text_init(&out, bytes, sizeof bytes);
    problem_write(p, &about, &out);
    assert_false(out.overflow);
    return text_span(&out);
}

static void a_bare_problem_has_type_title_and_status(void **state)
{
    (void)state;
    assert_true(span_is(write_problem(PROBLEM_NOT_FOUND, (struct problem_about){0}),
                        "{\"type\":\"urn:sluice:problem:not-found\","
                        "\"title\":\"There is nothing here\",\"status\":404}"));
}

static void the_place_in_the_body_is_told(void **state)
{
    struct problem_error error = {.pointer = "/a~1b", .offset = 17, .detail = "say \"what\""};
    (void)state;
    assert_true(span_is(
        write_problem(PROBLEM_SCHEMA,
                      (struct problem_about){.detail = "d", .error = &error, .request_id = 0xabc}),
        "{\"type\":\"urn:sluice:problem:schema\","
        "\"title\":\"The body does not fit the schema\",\"status\":422,\"detail\":\"d\","
        "\"instance\":\"urn:sluice:request:0000000000000abc\",\"errors\":["
        "{\"pointer\":\"/a~1b\",\"offset\":17,\"detail\":\"say \\\"what\\\"\"}]}"));
}

static bool ends(struct span s, const char *end)
{
    size_t n = strlen(end);
    return s.len >= n && memcmp(s.base + s.len - n, end, n) == 0;
}

static void further_errors_follow_the_first(void **state)
{
    struct reader_error third = {.offset = 2, .pointer = "/c", .detail = "3"};
    struct reader_error second = {.offset = 2, .pointer = "/b", .detail = "2", .next = &third};
    struct problem_error error = {.pointer = "/a", .offset = 2, .detail = "1", .more = &second};
    struct span s = write_problem(PROBLEM_SCHEMA, (struct problem_about){.error = &error});
    (void)state;
    assert_true(ends(s, "\"errors\":[{\"pointer\":\"/a\",\"offset\":2,\"detail\":\"1\"},"
                        "{\"pointer\":\"/b\",\"offset\":2,\"detail\":\"2\"},"
                        "{\"pointer\":\"/c\",\"offset\":2,\"detail\":\"3\"}]}"));
}

static void errors_without_room_are_left_out_whole(void **state)
{
    struct reader_error rest[100];
    struct problem_error error = {.pointer = "/a", .detail = "first", .more = rest};
    (void)state;
    for (int i = 0; i < 100; i++)
        rest[i] = (struct reader_error){.pointer = "/b", .next = i < 99 ? &rest[i + 1] : NULL};
    for (size_t n = 1; n < READER_DETAIL_MAX; n++) { /* so that the last byte is met */
        memset(rest[0].detail, 'x', n);
        struct span s = write_problem(PROBLEM_SCHEMA, (struct problem_about){.error = &error});
        assert_true(s.len > PROBLEM_BYTES_MAX - 64);
        assert_true(ends(s, "\"}]}"));
    }
}

static void what_has_no_byte_has_no_offset(void **state)
{
    struct problem_error error = {.pointer = "/timestamp", .offset = -1, .detail = "d"};
    (void)state;
    assert_true(
        span_is(write_problem(PROBLEM_CONFLICT, (struct problem_about){.error = &error}),
                "{\"type\":\"urn:sluice:problem:conflict\","
                "\"title\":\"The transaction was answered with another body\",\"status\":422,"
                "\"errors\":[{\"pointer\":\"/timestamp\",\"detail\":\"d\"}]}"));
}

static void what_is_about_no_part_of_the_body_has_no_errors(void **state)
{
    struct problem_error error = {.pointer = NULL, .offset = -1, .detail = "d"};
    (void)state;
    assert_true(span_is(
        write_problem(PROBLEM_TOO_LARGE, (struct problem_about){.detail = "d", .error = &error}),
        "{\"type\":\"urn:sluice:problem:too-large\",\"title\":\"The body is over the limit\","
        "\"status\":413,\"detail\":\"d\"}"));
}

static void a_line_of_a_batch_opens_with_its_number(void **state)
{
    struct span s = write_problem(PROBLEM_NOT_JSON, (struct problem_about){.line = 7});
    (void)state;
    assert_true(span_starts(s, span_str("{\"line\":7,\"type\":")));
}

static void the_longest_pointer_and_detail_fit(void **state)
{
    char pointer[256], detail[160];
    struct problem_error error = {.pointer = pointer, .offset = INT64_MAX, .detail = detail};
    (void)state;
    memset(pointer, 1, sizeof pointer - 1); /* six bytes each when escaped */
    memset(detail, 1, sizeof detail - 1);
    pointer[sizeof pointer - 1] = detail[sizeof detail - 1] = '\0';
    write_problem(PROBLEM_SCHEMA,
                  (struct problem_about){.detail = detail, .error = &error, .request_id = 1});
}

static void each_status_has_a_problem(void **state)
{
    static const unsigned statuses[] = {400, 404, 405, 408, 413, 414, 415, 417, 422, 431, 503, 505};
    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        assert_int_equal(problem_status(problem_of_status(statuses[i])), statuses[i]);
    assert_int_equal(problem_of_status(599), PROBLEM_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bare_problem_has_type_title_and_status),
        cmocka_unit_test(the_place_in_the_body_is_told),
        cmocka_unit_test(further_errors_follow_the_first),
        cmocka_unit_test(errors_without_room_are_left_out_whole),
        cmocka_unit_test(what_has_no_byte_has_no_offset),
        cmocka_unit_test(what_is_about_no_part_of_the_body_has_no_errors),
        cmocka_unit_test(a_line_of_a_batch_opens_with_its_number),
        cmocka_unit_test(the_longest_pointer_and_detail_fit),
        cmocka_unit_test(each_status_has_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
