#include "service/io/line_file.h"

#include "service/base/log.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char dir[32];
    char path[64];
};

static void make_place(struct place *p)
{
    strcpy(p->dir, "/tmp/sluice-lines-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->path, sizeof p->path, "%s/new/lines", p->dir);
}

static void remove_place(const struct place *p)
{
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", p->dir);
    assert_int_equal(system(command), 0);
}

static struct line_file *open_file(const struct place *p, uint64_t bytes_max, int files_max)
{
    struct line_file_options o = {p->path, bytes_max, files_max};
    struct line_file *f = NULL;
    assert_int_equal(line_file_open(&o, &f), ST_OK);
    return f;
}

static void put(struct line_file *f, const char *json)
{
    assert_int_equal(line_file_put(f, span_str(json)), ST_OK);
}

/* What FILE holds, n = 0, or FILE.n; "-": there is none. */
static const char *content(const struct place *p, int n)
{
    static char bytes[4096];
    char path[96];
    snprintf(path, sizeof path, n > 0 ? "%s.%d" : "%s", p->path, n);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return "-";
    bytes[fread(bytes, 1, sizeof bytes - 1, file)] = '\0';
    fclose(file);
    return bytes;
}

static void write_raw(const struct place *p, const char *bytes)
{
    FILE *file = fopen(p->path, "a");
    assert_non_null(file);
    fputs(bytes, file);
    fclose(file);
}

static void each_object_is_one_line_of_a_file_in_a_new_folder(void **state)
{
    struct place p;
    (void)state;
    make_place(&p);
    for (int i = 0; i < 2; i++) { /* opened again, it goes on at the end */
        struct line_file *f = open_file(&p, 0, 1);
        put(f, "{\n \"a\": 1\r\n}");
        line_file_close(f);
    }
    assert_string_equal(content(&p, 0), "{  \"a\": 1  }\n{  \"a\": 1  }\n");
    remove_place(&p);
}

static void without_a_path_lines_go_nowhere(void **state)
{
    struct line_file_options o = {"", 0, 1};
    struct line_file *f;
    (void)state;
    assert_int_equal(line_file_open(&o, &f), ST_OK);
    put(f, "{}");
    assert_int_equal(line_file_sync(f), ST_OK);
    line_file_close(f);
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
    struct line_file_options nowhere = {"/proc/nothing/lines", 0, 1}, full = {"/dev/full", 0, 1};
    struct line_file *f;
    (void)state;
    assert_int_equal(line_file_open(&nowhere, &f), ST_IO);
    assert_int_equal(line_file_open(&full, &f), ST_OK);
    assert_int_equal(line_file_put(f, span_str("{}")), ST_IO);
    line_file_close(f);
}

static void a_full_file_becomes_the_first_old_one_and_the_oldest_goes(void **state)
{
    struct place p;
    (void)state;
    make_place(&p);
    struct line_file *f = open_file(&p, 16, 3); /* two lines of 8 bytes */
    static const char *const lines[] = {"{\"n\":1}", "{\"n\":2}", "{\"n\":3}", "{\"n\":4}",
                                        "{\"n\":5}", "{\"n\":6}", "{\"n\":7}"};
    for (int i = 0; i < 7; i++)
        put(f, lines[i]);
    assert_int_equal(line_file_sync(f), ST_OK);
    assert_string_equal(content(&p, 0), "{\"n\":7}\n");
    assert_string_equal(content(&p, 1), "{\"n\":5}\n{\"n\":6}\n");
    assert_string_equal(content(&p, 2), "{\"n\":3}\n{\"n\":4}\n");
    assert_string_equal(content(&p, 3), "-");
    line_file_close(f);
    f = open_file(&p, 16, 2); /* fewer: the ones over go at the next turn */
    put(f, "{\"n\":8}");
    put(f, "{\"n\":9}");
    assert_string_equal(content(&p, 0), "{\"n\":9}\n");
    assert_string_equal(content(&p, 1), "{\"n\":7}\n{\"n\":8}\n");
    assert_string_equal(content(&p, 2), "-");
    line_file_close(f);
    remove_place(&p);
}

static void a_single_file_is_begun_anew_and_a_long_line_is_whole(void **state)
{
    struct place p;
    (void)state;
    make_place(&p);
    struct line_file *f = open_file(&p, 10, 1);
    put(f, "{\"longer than the limit\":1}");
    assert_string_equal(content(&p, 0), "{\"longer than the limit\":1}\n");
    put(f, "{}");
    assert_string_equal(content(&p, 0), "{}\n");
    assert_string_equal(content(&p, 1), "-");
    static char huge[LINE_FILE_LINE_MAX];
    assert_int_equal(line_file_put(f, span_of(huge, sizeof huge)), ST_TOO_LARGE);
    line_file_close(f);
    remove_place(&p);
}

static void a_link_stays_and_what_it_leads_to_is_rotated(void **state)
{
    struct place p, target;
    char link[64];
    (void)state;
    make_place(&p);
    snprintf(target.path, sizeof target.path, "%s/real", p.dir);
    snprintf(link, sizeof link, "%s/new", p.dir);
    assert_int_equal(mkdir(link, 0700), 0);
    write_raw(&target, "");
    assert_int_equal(symlink(target.path, p.path), 0);
    struct line_file *f = open_file(&p, 4, 2);
    put(f, "{1}");
    put(f, "{2}");
    assert_string_equal(content(&p, 0), "{2}\n");
    assert_string_equal(content(&target, 1), "{1}\n");
    line_file_close(f);
    remove_place(&p);
}

static void what_a_crash_has_left_of_a_line_is_cut_off(void **state)
{
    struct place p;
    (void)state;
    make_place(&p);
    struct line_file *f = open_file(&p, 0, 1);
    write_raw(&p, "{\"tor");
    put(f, "{1}");
    assert_string_equal(content(&p, 0), "{1}\n");
    write_raw(&p, "{\"tor");
    put(f, "{2}");
    assert_string_equal(content(&p, 0), "{1}\n{2}\n");
    line_file_close(f);
    remove_place(&p);
}

static void what_is_too_long_to_be_a_line_stays_and_the_next_begins_on_a_fresh_one(void **state)
{
    struct place p;
    static char foreign[2 * LINE_FILE_LINE_MAX];
    struct stat st;
    (void)state;
    make_place(&p);
    struct line_file *f = open_file(&p, 0, 1);
    memset(foreign, 'x', sizeof foreign - 1);
    write_raw(&p, foreign);
    put(f, "{1}");
    assert_int_equal(stat(p.path, &st), 0);
    assert_int_equal(st.st_size, sizeof foreign - 1 + strlen("\n{1}\n"));
    line_file_close(f);
    remove_place(&p);
}

/* A disk that is full takes the beginning of a line: so does a file at its size's limit. */
static void of_a_line_that_did_not_fit_nothing_is_left(void **state)
{
    struct place p;
    struct rlimit before, low;
    (void)state;
    make_place(&p);
    struct line_file *f = open_file(&p, 0, 1);
    put(f, "{1}");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    low = before;
    low.rlim_cur = 6;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    enum status st = line_file_put(f, span_str("{\"a\":2}"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(st, ST_IO);
    assert_string_equal(content(&p, 0), "{1}\n");
    put(f, "{\"a\":2}");
    assert_string_equal(content(&p, 0), "{1}\n{\"a\":2}\n");
    line_file_close(f);
    remove_place(&p);
}

static void a_file_that_was_moved_away_is_left_for_a_new_one(void **state)
{
    struct place p;
    char away[80];
    (void)state;
    make_place(&p);
    snprintf(away, sizeof away, "%s.1", p.path);
    struct line_file *f = open_file(&p, 0, 1);
    put(f, "{1}");
    assert_int_equal(rename(p.path, away), 0);
    put(f, "{2}");
    assert_string_equal(content(&p, 1), "{1}\n");
    assert_string_equal(content(&p, 0), "{2}\n");
    line_file_close(f);
    remove_place(&p);
}

enum { WRITERS = 3, LINES = 400, FILES = 40 };

static void write_lines(const struct place *p, int writer)
{
    struct line_file *f = open_file(p, 1000, FILES);
    char json[48];
    for (int i = 0; i < LINES; i++) {
        snprintf(json, sizeof json, "{\"w\":%d,\"n\":%04d}", writer, i);
        put(f, json);
    }
    line_file_close(f);
}

/* Read from the oldest file on, each writer's lines are all there, once and in order. */
static void check_lines(const struct place *p)
{
    int next[WRITERS] = {0};
    for (int n = FILES - 1; n >= 0; n--) {
        char *line = (char *)(uintptr_t)content(p, n), *rest;
        if (line[0] == '-')
            continue;
        for (line = strtok_r(line, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            int writer, number;
            assert_int_equal(sscanf(line, "{\"w\":%d,\"n\":%d}", &writer, &number), 2);
            assert_int_equal(number, next[writer]);
            next[writer]++;
        }
    }
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(next[i], LINES);
}

static void processes_that_share_a_file_lose_nothing_when_it_turns(void **state)
{
    struct place p;
    pid_t children[WRITERS];
    (void)state;
    make_place(&p);
    for (int i = 0; i < WRITERS; i++)
        if ((children[i] = fork()) == 0) {
            write_lines(&p, i);
            _exit(0);
        }
    for (int i = 0; i < WRITERS; i++) {
        int how;
        assert_int_equal(waitpid(children[i], &how, 0), children[i]);
        assert_int_equal(how, 0);
    }
    check_lines(&p);
    remove_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_object_is_one_line_of_a_file_in_a_new_folder),
        cmocka_unit_test(without_a_path_lines_go_nowhere),
        cmocka_unit_test(a_file_that_cannot_be_written_is_told),
        cmocka_unit_test(a_full_file_becomes_the_first_old_one_and_the_oldest_goes),
        cmocka_unit_test(a_single_file_is_begun_anew_and_a_long_line_is_whole),
        cmocka_unit_test(a_link_stays_and_what_it_leads_to_is_rotated),
        cmocka_unit_test(what_a_crash_has_left_of_a_line_is_cut_off),
        cmocka_unit_test(what_is_too_long_to_be_a_line_stays_and_the_next_begins_on_a_fresh_one),
        cmocka_unit_test(of_a_line_that_did_not_fit_nothing_is_left),
        cmocka_unit_test(a_file_that_was_moved_away_is_left_for_a_new_one),
        cmocka_unit_test(processes_that_share_a_file_lose_nothing_when_it_turns),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
