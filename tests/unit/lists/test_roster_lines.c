#include "service/lists/roster_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool add(struct roster_lines *lines, const char *value)
{
    const struct list_change change = {
        .key = span_str(value), .by = span_str("me"), .note = span_str("why"), .n = 7};
    return roster_lines_add(lines, span_str("muted"), LIST_STRING, &change);
}

static void the_newest_goes_first(void **state)
{
    struct roster_lines lines = {0};
    (void)state;
    assert_null(roster_lines_last(&lines));
    assert_true(add(&lines, "a") && add(&lines, "b"));
    const struct list_line *line = roster_lines_last(&lines);
    assert_true(span_is(line->change.key, "b") && span_is(line->change.by, "me"));
    assert_true(span_is(line->change.note, "why") && span_is(line->list, "muted"));
    assert_true(line->change.n == 7);
    roster_lines_drop_last(&lines);
    assert_true(span_is(roster_lines_last(&lines)->change.key, "a"));
    roster_lines_fini(&lines);
    assert_null(roster_lines_last(&lines));
}

static void more_than_the_most_are_left_out(void **state)
{
    struct roster_lines lines = {0};
    (void)state;
    for (int i = 0; i < ROSTER_LINES_MAX; i++)
        assert_true(add(&lines, "a"));
    assert_false(add(&lines, "b"));
    assert_true(span_is(roster_lines_last(&lines)->change.key, "a"));
    roster_lines_fini(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_goes_first),
        cmocka_unit_test(more_than_the_most_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
