#include "service/state/journal.h"

#include "service/base/clock.h"
#include "service/state/journal_segment.h"
#include "tests/unit/state/scratch.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WAIT_US = 5000000 };

static char dir[SCRATCH_PATH_BYTES];
static char why[JOURNAL_WHY_BYTES];

static int make_dir(void **state)
{
    (void)state;
    scratch_make(dir);
    why[0] = '\0';
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    scratch_remove(dir);
    return 0;
}

static struct journal *open_with(struct journal_options o, struct journal_opened *ret_opened)
{
    struct journal *j = NULL;
    o.dir = dir;
    enum status st = journal_open(&o, &j, ret_opened, why);
    if (st != ST_OK)
        fail_msg("%s", why);
    return j;
}

static struct journal *open_mode(enum journal_fsync fsync)
{
    struct journal_opened opened;
    return open_with((struct journal_options){.fsync = fsync}, &opened);
}

static enum status try_open(void)
{
    struct journal *j = NULL;
    struct journal_opened opened;
    struct journal_options o = {.dir = dir, .fsync = JOURNAL_ALWAYS};
    enum status st = journal_open(&o, &j, &opened, why);
    if (st == ST_OK)
        journal_close(j);
    return st;
}

static uint64_t append(struct journal *j, const char *text)
{
    uint64_t seq = 0;
    assert_int_equal(journal_append(j, 7, span_str(text), &seq), ST_OK);
    return seq;
}

/* Each on disk before the next is appended, so that the next one proves it. */
static void append_synced(struct journal *j, int n)
{
    char text[32];
    for (int i = 0; i < n; i++) {
        (void)snprintf(text, sizeof text, "frame %d", i);
        append(j, text);
        assert_int_equal(journal_sync(j), ST_OK);
    }
}

struct seen {
    uint64_t first_seq, last_seq;
    int n, most;   /* stop after `most`, 0: never */
    char last[64]; /* its first bytes */
    size_t last_len;
};

static bool see(void *user, uint64_t seq, uint8_t kind, struct span bytes)
{
    struct seen *s = user;
    assert_int_equal(kind, 7);
    if (s->n++ == 0)
        s->first_seq = seq;
    else
        assert_int_equal(seq, s->last_seq + 1);
    s->last_seq = seq;
    s->last_len = bytes.len < sizeof s->last ? bytes.len : sizeof s->last;
    memcpy(s->last, bytes.base, s->last_len);
    return s->n != s->most;
}

static bool last_is(struct seen s, const char *text)
{
    return span_is(span_of(s.last, s.last_len), text);
}

static struct seen read_from(struct journal *j, uint64_t from_seq)
{
    struct seen s = {0};
    assert_int_equal(journal_read(j, from_seq, see, &s), ST_OK);
    return s;
}

static void path_of(uint64_t first_seq, char ret_path[SCRATCH_PATH_BYTES + SEGMENT_NAME_BYTES])
{
    char name[SEGMENT_NAME_BYTES];
    segment_name(first_seq, name);
    (void)snprintf(ret_path, SCRATCH_PATH_BYTES + SEGMENT_NAME_BYTES, "%s/%s", dir, name);
}

static off_t size_of(uint64_t first_seq)
{
    char path[SCRATCH_PATH_BYTES + SEGMENT_NAME_BYTES];
    struct stat file;
    path_of(first_seq, path);
    return stat(path, &file) == 0 ? file.st_size : -1;
}

static void cut_to(uint64_t first_seq, off_t bytes)
{
    char path[SCRATCH_PATH_BYTES + SEGMENT_NAME_BYTES];
    path_of(first_seq, path);
    assert_int_equal(truncate(path, bytes), 0);
}

static void flip_byte(uint64_t first_seq, off_t at)
{
    char path[SCRATCH_PATH_BYTES + SEGMENT_NAME_BYTES], byte;
    path_of(first_seq, path);
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)~byte;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* ---- frames ---- */

static void frames_come_back_as_they_were_appended(void **state)
{
    (void)state;
    struct journal *j = open_mode(JOURNAL_ALWAYS);
    assert_int_equal(journal_last_seq(j), 0);
    assert_int_equal(append(j, "first"), 1);
    assert_int_equal(append(j, ""), 2);
    assert_int_equal(append(j, "third"), 3);
    assert_int_equal(journal_last_seq(j), 3);
    assert_int_equal(journal_sync(j), ST_OK);
    struct seen all = read_from(j, 1), one = {.most = 1};
    assert_int_equal(all.n, 3);
    assert_true(last_is(all, "third"));
    assert_int_equal(journal_read(j, 2, see, &one), ST_OK);
    assert_int_equal(one.n, 1);
    assert_int_equal(one.first_seq, 2);
    assert_int_equal(one.last_len, 0);
    assert_int_equal(read_from(j, 4).n, 0);
    journal_close(j);
}

static void the_longest_frame_fits_and_one_byte_more_does_not(void **state)
{
    (void)state;
    static char bytes[JOURNAL_FRAME_MAX + 1];
    struct journal *j = open_mode(JOURNAL_NO);
    uint64_t seq = 42;
    assert_int_equal(journal_append(j, 7, span_of(bytes, sizeof bytes), &seq), ST_TOO_LARGE);
    assert_int_equal(seq, 42);
    assert_int_equal(journal_append(j, 7, span_of(bytes, sizeof bytes - 1), &seq), ST_OK);
    assert_int_equal(seq, 1);
    assert_int_equal(journal_sync(j), ST_OK);
    assert_int_equal(read_from(j, 1).n, 1);
    journal_close(j);
}

static void numbers_go_on_after_it_was_closed(void **state)
{
    (void)state;
    struct journal_opened opened;
    journal_close(NULL);
    struct journal *j = open_mode(JOURNAL_EVERYSEC);
    append(j, "one");
    append(j, "two");
    journal_close(j);
    j = open_with((struct journal_options){.fsync = JOURNAL_NO}, &opened);
    assert_int_equal(opened.first_seq, 1);
    assert_int_equal(opened.next_seq, 3);
    assert_int_equal(opened.cut_bytes, 0);
    assert_int_equal(journal_safe_seq(j), 2);
    assert_int_equal(append(j, "three"), 3);
    assert_int_equal(journal_sync(j), ST_OK);
    assert_int_equal(read_from(j, 1).n, 3);
    journal_close(j);
}

static void a_folder_below_one_that_is_missing_is_made(void **state)
{
    (void)state;
    char outer[SCRATCH_PATH_BYTES], parent[SCRATCH_PATH_BYTES];
    memcpy(outer, dir, sizeof outer);
    (void)snprintf(parent, sizeof parent, "%.200s/a", outer);
    (void)snprintf(dir, sizeof dir, "%.200s/a/b", outer);
    journal_close(open_mode(JOURNAL_NO));
    scratch_remove(dir);
    assert_int_equal(rmdir(parent), 0);
    memcpy(dir, outer, sizeof dir);
}

static void a_second_one_in_the_same_folder_is_refused(void **state)
{
    (void)state;
    struct journal *j = open_mode(JOURNAL_NO);
    assert_int_equal(try_open(), ST_CONFLICT);
    assert_non_null(strstr(why, "another process"));
    journal_close(j);
    assert_int_equal(try_open(), ST_OK);
}

/* ---- segments ---- */

static struct journal *make_segments(int64_t max_bytes)
{
    struct journal_opened opened;
    struct journal *j = open_with((struct journal_options){.fsync = JOURNAL_ALWAYS,
                                                           .segment_bytes = 64,
                                                           .max_bytes = max_bytes},
                                  &opened);
    append_synced(j, 9); /* 28 bytes each: two to a segment after 16 of its head */
    return j;
}

static void a_full_segment_is_followed_by_another(void **state)
{
    (void)state;
    struct journal_opened opened;
    journal_close(make_segments(0));
    assert_int_equal(size_of(1), 16 + 2 * 28);
    assert_int_equal(size_of(9), 16 + 28);
    struct journal *j = open_with((struct journal_options){.fsync = JOURNAL_NO}, &opened);
    assert_int_equal(opened.next_seq, 10);
    for (uint64_t from = 1; from <= 9; from++) {
        struct seen s = read_from(j, from);
        assert_int_equal(s.first_seq, from);
        assert_int_equal(s.last_seq, 9);
        assert_true(last_is(s, "frame 8"));
    }
    journal_close(j);
}

static void a_reader_goes_on_where_it_stopped(void **state)
{
    (void)state;
    struct journal_opened opened;
    struct journal_options o = {.fsync = JOURNAL_ALWAYS, .segment_bytes = 100};
    struct journal *j = open_with(o, &opened);
    struct journal_reader *r = journal_reader_open(j);
    struct seen s = {0};
    append_synced(j, 4);
    for (uint64_t at = 1; at <= 20; at = s.last_seq) { /* what was not taken comes again */
        s = (struct seen){.most = 2};
        assert_int_equal(journal_reader_read(r, at, see, &s), ST_OK);
        assert_int_equal(s.first_seq, at);
        append_synced(j, 1);
    }
    s = (struct seen){0};
    assert_int_equal(journal_reader_read(r, journal_last_seq(j) + 1, see, &s), ST_OK);
    assert_int_equal(s.n, 0);
    append(j, "last");
    assert_int_equal(journal_sync(j), ST_OK);
    assert_int_equal(journal_reader_read(r, journal_last_seq(j), see, &s), ST_OK);
    assert_true(last_is(s, "last"));
    s = (struct seen){0};
    assert_int_equal(journal_reader_read(r, 2, see, &s), ST_OK); /* or further back */
    assert_int_equal(s.first_seq, 2);
    assert_int_equal(s.last_seq, journal_last_seq(j));
    journal_reader_close(r);
    journal_close(j);
}

static void released_segments_go_only_when_there_is_too_much(void **state)
{
    (void)state;
    struct seen s = {0};
    struct journal *j = make_segments(100000);
    journal_release(j, 9);
    assert_int_equal(read_from(j, 1).n, 9);
    journal_close(j);

    struct journal_opened opened;
    struct journal_options o = {.fsync = JOURNAL_NO, .segment_bytes = 64, .max_bytes = 1};
    j = open_with(o, &opened);
    append_synced(j, 1);
    assert_int_equal(read_from(j, 1).n, 10); /* needed: nothing was released */
    journal_release(j, 6);
    assert_int_equal(journal_read(j, 1, see, &s), ST_NOT_FOUND);
    assert_int_equal(s.n, 0);
    assert_int_equal(read_from(j, 6).first_seq, 6);
    journal_release(j, 1000); /* the last one stays: it is written to */
    assert_int_equal(read_from(j, 10).n, 1);
    append_synced(j, 1);
    journal_close(j);
    j = open_with(o, &opened);
    assert_int_equal(opened.next_seq, 12);
    journal_close(j);
}

static void what_somebody_keeps_stays_whatever_is_released(void **state)
{
    (void)state;
    struct seen s = {0};
    struct journal_opened opened;
    struct journal_options o = {.fsync = JOURNAL_NO, .segment_bytes = 64, .max_bytes = 1};
    journal_close(make_segments(0)); /* two frames each: 1, 3, 5, 7, 9 */
    struct journal *j = open_with(o, &opened);
    journal_keep(j, 4);
    journal_release(j, 1000);
    assert_int_equal(journal_first_seq(j), 3);
    assert_int_equal(read_from(j, 4).n, 6);
    append_synced(j, 1);
    assert_int_equal(journal_first_seq(j), 3);
    journal_keep(j, 8);
    append_synced(j, 1); /* what is written makes room */
    assert_int_equal(journal_first_seq(j), 7);
    assert_int_equal(journal_read(j, 4, see, &s), ST_NOT_FOUND);
    journal_keep(j, UINT64_MAX);
    append_synced(j, 2);
    assert_true(journal_first_seq(j) > 9);
    journal_close(j);
}

static void what_is_kept_and_not_released_stays_too(void **state)
{
    (void)state;
    struct journal_opened opened;
    struct journal_options o = {.fsync = JOURNAL_NO, .segment_bytes = 64, .max_bytes = 1};
    journal_close(make_segments(0));
    struct journal *j = open_with(o, &opened);
    journal_keep(j, 9);
    append_synced(j, 1);
    assert_int_equal(journal_first_seq(j), 1);
    journal_release(j, 6);
    assert_int_equal(journal_first_seq(j), 5);
    journal_close(j);
}

/* ---- torn tails and damage ---- */

static void a_torn_tail_is_cut_at_the_last_whole_frame_wherever_it_is_torn(void **state)
{
    (void)state;
    struct journal_opened opened;
    struct journal *j = open_mode(JOURNAL_ALWAYS);
    append_synced(j, 2);
    off_t whole = size_of(1);
    for (off_t torn = 0; torn < 28; torn++) {
        append_synced(j, 1);
        journal_close(j);
        cut_to(1, whole + torn);
        j = open_with((struct journal_options){.fsync = JOURNAL_ALWAYS}, &opened);
        assert_int_equal(opened.next_seq, 3);
        assert_int_equal(opened.cut_bytes, torn);
        assert_int_equal(size_of(1), whole);
        assert_int_equal(read_from(j, 1).n, 2);
    }
    journal_close(j);
}

static void a_segment_without_a_whole_head_begins_again(void **state)
{
    (void)state;
    struct journal_opened opened;
    for (off_t bytes = 0; bytes <= 16; bytes++) {
        struct journal *j = open_with((struct journal_options){.fsync = JOURNAL_NO}, &opened);
        append(j, "lost");
        journal_close(j);
        cut_to(1, bytes);
        j = open_with((struct journal_options){.fsync = JOURNAL_NO}, &opened);
        assert_int_equal(opened.next_seq, 1);
        assert_int_equal(opened.cut_bytes, bytes < 16 ? bytes : 0);
        append(j, "kept");
        assert_int_equal(journal_sync(j), ST_OK);
        assert_true(last_is(read_from(j, 1), "kept"));
        journal_close(j);
        cut_to(1, 16);
    }
}

static void a_hole_in_what_was_never_synced_is_a_torn_tail(void **state)
{
    (void)state;
    struct journal_opened opened;
    struct journal *j = open_mode(JOURNAL_NO);
    for (int i = 0; i < 10; i++)
        append(j, "frame 0");
    journal_close(j);
    flip_byte(1, 16 + 3 * 28 + 22);
    j = open_with((struct journal_options){.fsync = JOURNAL_NO}, &opened);
    assert_int_equal(opened.next_seq, 4);
    assert_int_equal(opened.cut_bytes, 7 * 28);
    journal_close(j);
}

static void damage_before_the_tail_is_refused_with_its_place(void **state)
{
    (void)state;
    struct journal *j = open_mode(JOURNAL_ALWAYS);
    append_synced(j, 5);
    journal_close(j);
    for (off_t at = 0; at < 16 + 3 * 28; at += 5) {
        char place[64];
        flip_byte(1, at);
        off_t frame = at < 16 ? 0 : 16 + (at - 16) / 28 * 28;
        bool is_padding = at >= 16 && (at - 16) % 28 >= 21 + 7;
        (void)snprintf(place, sizeof place, "0000000000000001.log: damaged at offset %d",
                       (int)frame);
        if (!is_padding) {
            assert_int_equal(try_open(), ST_CORRUPT);
            assert_non_null(strstr(why, place));
        }
        flip_byte(1, at);
    }
    assert_int_equal(try_open(), ST_OK);
}

static void damage_in_the_segment_before_the_last_is_refused(void **state)
{
    (void)state;
    journal_close(make_segments(0)); /* 1 3 5 7 9 */
    flip_byte(7, size_of(7) - 1);
    assert_int_equal(try_open(), ST_CORRUPT);
    assert_non_null(strstr(why, "0000000000000007.log: damaged at offset 44"));
    flip_byte(7, size_of(7) - 1);
    cut_to(7, 16 + 28);
    assert_int_equal(try_open(), ST_CORRUPT);
    assert_non_null(strstr(why, "0000000000000007.log: ends at offset 44 with frame 7"));
}

static void damage_in_an_older_segment_is_met_by_who_reads_it(void **state)
{
    (void)state;
    struct seen s = {0};
    journal_close(make_segments(0));
    flip_byte(3, 16 + 28 + 4);
    struct journal *j = open_mode(JOURNAL_NO);
    assert_string_equal(journal_damage(j), "");
    assert_int_equal(journal_read(j, 1, see, &s), ST_CORRUPT);
    assert_int_equal(s.last_seq, 3);
    assert_non_null(strstr(journal_damage(j), "0000000000000003.log: damaged at offset 44"));
    assert_int_equal(read_from(j, 5).n, 5);
    journal_close(j);
}

static void an_older_segment_that_ends_early_is_damage_too(void **state)
{
    (void)state;
    struct seen s = {0};
    journal_close(make_segments(0));
    cut_to(3, 16 + 28);
    struct journal *j = open_mode(JOURNAL_NO);
    assert_int_equal(journal_read(j, 1, see, &s), ST_CORRUPT);
    assert_int_equal(s.last_seq, 3);
    assert_non_null(strstr(journal_damage(j), "0000000000000003.log: damaged at offset 44"));
    journal_close(j);
}

/* ---- what the disk says ---- */

static _Atomic bool sync_fails, sync_blocks;
static _Atomic int syncs;

static int watched_sync(int fd)
{
    syncs++;
    while (sync_blocks)
        usleep(1000);
    return sync_fails ? -1 : fdatasync(fd);
}

static bool wait_for_health(const struct journal *j, enum status want)
{
    for (int64_t end = clock_mono_us() + WAIT_US; clock_mono_us() < end; usleep(1000))
        if (journal_health(j) == want)
            return true;
    return false;
}

static void a_sync_that_fails_ends_all_promises(void **state)
{
    (void)state;
    struct journal_opened opened;
    uint64_t seq = 42;
    sync_fails = false;
    struct journal *j =
        open_with((struct journal_options){.fsync = JOURNAL_ALWAYS, .sync = watched_sync}, &opened);
    append_synced(j, 1);
    sync_fails = true;
    append(j, "never safe");
    assert_true(wait_for_health(j, ST_IO));
    sync_fails = false;
    assert_int_equal(journal_append(j, 7, span_str("refused"), &seq), ST_IO);
    assert_int_equal(seq, 42);
    assert_int_equal(journal_sync(j), ST_IO);
    assert_int_equal(journal_safe_seq(j), 1);
    journal_close(j);
}

static void a_full_buffer_refuses_and_what_it_took_is_kept(void **state)
{
    (void)state;
    static char bytes[JOURNAL_FRAME_MAX];
    struct journal_opened opened;
    uint64_t seq = 0;
    enum status st = ST_OK;
    sync_blocks = true; /* the second segment waits for the first one's sync */
    struct journal *j = open_with((struct journal_options){.fsync = JOURNAL_ALWAYS,
                                                           .segment_bytes = 64,
                                                           .sync = watched_sync},
                                  &opened);
    int most = 2 + 3 * JOURNAL_BUFFER_BYTES / JOURNAL_FRAME_MAX, taken = 0;
    while (taken < most && (st = journal_append(j, 7, span_of(bytes, sizeof bytes), &seq)) == ST_OK)
        taken++;
    assert_int_equal(st, ST_NO_SPACE);
    assert_int_equal(seq, taken);
    assert_int_equal(journal_health(j), ST_OK);
    sync_blocks = false;
    assert_int_equal(journal_sync(j), ST_OK);
    assert_int_equal(read_from(j, 1).n, taken);
    append(j, "there is room again");
    journal_close(j);
}

static void the_modes_sync_at_once_each_second_or_when_asked(void **state)
{
    (void)state;
    struct journal_opened opened;
    const enum journal_fsync modes[] = {JOURNAL_ALWAYS, JOURNAL_EVERYSEC, JOURNAL_NO};
    const uint64_t safe_soon[] = {1, 0, 1};
    const int syncs_soon[] = {1, 0, 0}, syncs_later[] = {1, 1, 0};
    struct journal *j[3];
    for (int i = 0; i < 3; i++) {
        struct journal_options o = {.fsync = modes[i], .sync = watched_sync};
        syncs = 0;
        scratch_remove(dir);
        scratch_make(dir);
        j[i] = open_with(o, &opened);
        append(j[i], "one");
        usleep(300000);
        assert_int_equal(journal_written_seq(j[i]), 1);
        assert_int_equal(journal_safe_seq(j[i]), safe_soon[i]);
        assert_int_equal(syncs, syncs_soon[i]);
        usleep(1000000);
        assert_int_equal(journal_safe_seq(j[i]), 1);
        assert_int_equal(syncs, syncs_later[i]);
        assert_int_equal(journal_sync(j[i]), ST_OK);
        assert_int_equal(syncs, 1);
        journal_close(j[i]);
    }
}

static void count_call(void *user)
{
    atomic_fetch_add((_Atomic int *)user, 1);
}

static void listeners_are_woken_until_they_are_taken_out(void **state)
{
    (void)state;
    _Atomic int a = 0, b = 0;
    struct journal *j = open_mode(JOURNAL_ALWAYS);
    journal_on_safe(j, count_call, &a);
    journal_on_safe(j, count_call, &b);
    append_synced(j, 1);
    journal_on_safe(j, NULL, &a);
    int a_before = a;
    append_synced(j, 2);
    journal_close(j);
    assert_true(a_before > 0);
    assert_int_equal(a, a_before);
    assert_true(b > a_before);
}

enum { APPENDERS = 4, APPENDS = 5000 };

static void *append_many(void *arg)
{
    struct journal *j = arg;
    uint64_t last = 0;
    for (uint64_t i = 0; i < APPENDS; i++) {
        uint64_t seq = 0;
        while (journal_append(j, 7, span_of(&i, sizeof i), &seq) == ST_NO_SPACE)
            usleep(100);
        if (seq <= last)
            return arg;
        last = seq;
    }
    return NULL;
}

static void threads_append_without_gaps_beside_a_reader(void **state)
{
    (void)state;
    struct journal_opened opened;
    struct journal *j = open_with(
        (struct journal_options){.fsync = JOURNAL_EVERYSEC, .segment_bytes = 50000}, &opened);
    pthread_t threads[APPENDERS];
    for (int i = 0; i < APPENDERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, append_many, j), 0);
    for (int i = 0; i < 5; i++)
        (void)read_from(j, 1);
    for (int i = 0; i < APPENDERS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(journal_sync(j), ST_OK);
    assert_int_equal(read_from(j, 1).n, APPENDERS * APPENDS);
    journal_close(j);
}

/* ---- a disk without space: a small file system, where the kernel lets a test mount one ---- */

/*
 * In the child, whose folder is on the small file system. Answers 0, or the number of the step
 * that failed.
 */
static int fill_the_disk(void)
{
    static char bytes[4096];
    struct journal *j = NULL;
    struct journal_opened opened;
    struct journal_options o = {.dir = dir, .fsync = JOURNAL_ALWAYS};
    char filler[SCRATCH_PATH_BYTES + 8];
    uint64_t seq = 0, safe;
    (void)snprintf(filler, sizeof filler, "%s/filler", dir);
    int fd = open(filler, O_WRONLY | O_CREAT, 0600);
    if (fd < 0 || posix_fallocate(fd, 0, 512 << 10) != 0 || close(fd) != 0)
        return 1;
    if (journal_open(&o, &j, &opened, why) != ST_OK)
        return 2;
    while (journal_append(j, 7, span_of(bytes, sizeof bytes), &seq) == ST_OK)
        usleep(100);
    if (journal_health(j) != ST_IO || journal_sync(j) != ST_IO)
        return 3;
    safe = journal_safe_seq(j);
    usleep(50000);
    if (safe == 0 || safe >= seq || journal_safe_seq(j) != safe)
        return 4;
    if (unlink(filler) != 0 || !wait_for_health(j, ST_OK))
        return 5;
    if (journal_append(j, 7, span_str("there is room again"), &seq) != ST_OK)
        return 6;
    if (journal_sync(j) != ST_OK || (uint64_t)read_from(j, 1).n != seq)
        return 7;
    journal_close(j);
    return 0;
}

enum { CANNOT_MOUNT = 100 };

static int mount_and_fill(void)
{
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return CANNOT_MOUNT;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return CANNOT_MOUNT;
    return mount("none", dir, "tmpfs", 0, "size=1m") == 0 ? fill_the_disk() : CANNOT_MOUNT;
}

static void a_full_disk_acknowledges_nothing_and_goes_on_when_there_is_room(void **state)
{
    (void)state;
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(mount_and_fill());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT_MOUNT)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        IN_DIR(frames_come_back_as_they_were_appended),
        IN_DIR(the_longest_frame_fits_and_one_byte_more_does_not),
        IN_DIR(numbers_go_on_after_it_was_closed),
        IN_DIR(a_folder_below_one_that_is_missing_is_made),
        IN_DIR(a_second_one_in_the_same_folder_is_refused),
        IN_DIR(a_full_segment_is_followed_by_another),
        IN_DIR(a_reader_goes_on_where_it_stopped),
        IN_DIR(released_segments_go_only_when_there_is_too_much),
        IN_DIR(what_somebody_keeps_stays_whatever_is_released),
        IN_DIR(what_is_kept_and_not_released_stays_too),
        IN_DIR(a_torn_tail_is_cut_at_the_last_whole_frame_wherever_it_is_torn),
        IN_DIR(a_segment_without_a_whole_head_begins_again),
        IN_DIR(a_hole_in_what_was_never_synced_is_a_torn_tail),
        IN_DIR(damage_before_the_tail_is_refused_with_its_place),
        IN_DIR(damage_in_the_segment_before_the_last_is_refused),
        IN_DIR(damage_in_an_older_segment_is_met_by_who_reads_it),
        IN_DIR(an_older_segment_that_ends_early_is_damage_too),
        IN_DIR(a_sync_that_fails_ends_all_promises),
        IN_DIR(a_full_buffer_refuses_and_what_it_took_is_kept),
        IN_DIR(the_modes_sync_at_once_each_second_or_when_asked),
        IN_DIR(listeners_are_woken_until_they_are_taken_out),
        IN_DIR(threads_append_without_gaps_beside_a_reader),
        IN_DIR(a_full_disk_acknowledges_nothing_and_goes_on_when_there_is_room),
    };
    return cmocka_run_group_tests_name("state/journal", tests, NULL, NULL);
}
