/* Events as lines of one file, wherever they came from. */
#include "service/trial/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char why[HISTORY_WHY_BYTES];

static struct history *make(uint64_t bytes_max)
{
    struct history *h = NULL;
    assert_int_equal(history_new("/tmp", bytes_max, &h, why), ST_OK);
    return h;
}

static void assert_holds(struct history *h, const char *content)
{
    char bytes[256];
    int fd = -1;
    assert_int_equal(history_take(h, &fd), ST_OK);
    ssize_t n = read(fd, bytes, sizeof bytes);
    assert_int_equal(n, strlen(content));
    assert_memory_equal(bytes, content, strlen(content));
    close(fd);
}

static void an_event_is_a_line_whatever_breaks_it_has(void **state)
{
    struct history *h = make(1000);
    (void)state;
    assert_int_equal(history_add(h, span_str("{\"a\":1}")), ST_OK);
    assert_int_equal(history_add(h, span_str("{\r\n\"b\":2}")), ST_OK);
    assert_int_equal(history_events(h), 2);
    assert_holds(h, "{\"a\":1}\n{  \"b\":2}\n");
    history_free(h);
}

static void a_file_is_taken_as_it_is(void **state)
{
    struct history *h = make(1000);
    FILE *f = tmpfile();
    (void)state;
    fputs("one\ntwo", f);
    rewind(f);
    assert_int_equal(history_add_file(h, fileno(f)), ST_OK);
    assert_holds(h, "one\ntwo");
    fclose(f);
    history_free(h);
}

static bool says(void *user)
{
    return *(bool *)user;
}

static void whoever_gives_up_is_heard(void **state)
{
    struct history *h = make(1000);
    bool goes_on = true;
    int fd = -1;
    (void)state;
    history_ask(h, says, &goes_on);
    assert_int_equal(history_add(h, span_str("{\"a\":1}")), ST_OK);
    goes_on = false;
    assert_int_equal(history_take(h, &fd), ST_CONFLICT);
    assert_int_equal(fd, -1);
    goes_on = true;
    assert_holds(h, "{\"a\":1}\n");
    history_free(h);
}

static void more_than_there_is_room_for_is_refused(void **state)
{
    struct history *h = make(10);
    (void)state;
    assert_int_equal(history_add(h, span_str("123456")), ST_OK);
    assert_int_equal(history_add(h, span_str("123")), ST_TOO_LARGE);
    assert_int_equal(history_add(h, span_str("12")), ST_OK);
    assert_int_equal(history_events(h), 2);
    assert_holds(h, "123456\n12\n");
    history_free(h);
}

static void a_file_over_the_limit_is_refused(void **state)
{
    struct history *h = make(1 << 20);
    FILE *f = tmpfile();
    (void)state;
    for (int i = 0; i < 40000; i++)
        fputs("thirty-three bytes with the break\n", f);
    rewind(f);
    assert_int_equal(history_add_file(h, fileno(f)), ST_TOO_LARGE);
    fclose(f);
    history_free(h);
}

static void a_folder_or_a_journal_that_is_not_there_is_named(void **state)
{
    struct history *h = NULL;
    (void)state;
    assert_int_equal(history_new("/tmp/sluice-no-such", 10, &h, why), ST_IO);
    assert_string_equal(why, "/tmp/sluice-no-such: No such file or directory");
    h = make(10);
    assert_int_equal(history_add_journal(h, "/tmp/sluice-no-such", 0, why), ST_NOT_FOUND);
    assert_string_equal(why, "/tmp/sluice-no-such: No such file or directory");
    history_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_a_line_whatever_breaks_it_has),
        cmocka_unit_test(a_file_is_taken_as_it_is),
        cmocka_unit_test(whoever_gives_up_is_heard),
        cmocka_unit_test(more_than_there_is_room_for_is_refused),
        cmocka_unit_test(a_file_over_the_limit_is_refused),
        cmocka_unit_test(a_folder_or_a_journal_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
