/*
 * The journal under kill -9, and under a machine that stops: files are then cut to the length they
 * had when they were last synced, as if nothing else had reached the disk.
 *
 * A child appends numbered frames. Its sync function notes each file's length in memory it
 * shares with the test, which kills it at a random moment, cuts the files, and reads what is left.
 */
#include "service/state/journal.h"

#include "service/base/clock.h"
#include "tests/unit/state/scratch.h"
#include "tests/unit/state/sync_witness.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    FRAMES_MAX = 1 << 20,
    SLACK_US = 1000000, /* a busy machine may sync late */
    WAIT_MS = 5000,     /* and start late */
};

/* What the child leaves behind. */
struct progress {
    _Atomic uint64_t appended_seq, written_seq, safe_seq; /* at least */
    int64_t appended_us[FRAMES_MAX];                      /* by sequence */
};

static struct progress *progress;
static uint64_t seed = 88172645463325252;

/* The child: appends until it is killed. The payload repeats the sequence. */
static void append_for_ever(const struct journal_options *o)
{
    struct journal *j = NULL;
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES], bytes[2048] = {0};
    uint64_t own_seed = seed;
    if (journal_open(o, &j, &opened, why) != ST_OK)
        _exit(1);
    for (uint64_t next = opened.next_seq; next < FRAMES_MAX; next++) {
        uint64_t seq = 0;
        size_t len = sizeof next + scratch_random(&own_seed) % (sizeof bytes - sizeof next);
        memcpy(bytes, &next, sizeof next);
        progress->appended_us[next] = clock_mono_us();
        if (journal_append(j, 1, span_of(bytes, len), &seq) != ST_OK || seq != next)
            _exit(2);
        progress->appended_seq = seq;
        progress->written_seq = journal_written_seq(j);
        progress->safe_seq = journal_safe_seq(j);
        usleep((unsigned)(scratch_random(&own_seed) % 300));
    }
    pause();
}

static int64_t run_and_kill(const struct journal_options *o, unsigned run_us)
{
    pid_t child = fork();
    int status = 0;
    if (child == 0)
        append_for_ever(o);
    for (int waited_ms = 0; progress->appended_seq == 0 && waited_ms < WAIT_MS; waited_ms++)
        usleep(1000);
    usleep(run_us);
    int64_t killed_us = clock_mono_us();
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return killed_us;
}

static bool is_own_number(void *user, uint64_t seq, uint8_t kind, struct span bytes)
{
    uint64_t number = 0;
    (void)kind;
    if (bytes.len >= sizeof number)
        memcpy(&number, bytes.base, sizeof number);
    if (number != seq)
        return false;
    *(uint64_t *)user = seq;
    return true;
}

/* The last frame that is left; all before it are whole and in order. */
static uint64_t last_kept(const char *dir)
{
    struct journal *j = NULL;
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES] = "";
    uint64_t last = 0;
    struct journal_options o = {.dir = dir, .fsync = JOURNAL_NO};
    if (journal_open(&o, &j, &opened, why) != ST_OK)
        fail_msg("%s", why);
    assert_int_equal(journal_read(j, 1, is_own_number, &last), ST_OK);
    assert_int_equal(last + 1, opened.next_seq);
    journal_close(j);
    return last;
}

struct crash {
    int64_t killed_us;
    uint64_t kept_by_kernel; /* the process alone was killed */
    uint64_t kept_by_disk;   /* the machine stopped */
};

static struct crash crash(enum journal_fsync fsync, int64_t segment_bytes, unsigned run_us)
{
    char dir[SCRATCH_PATH_BYTES];
    scratch_make(dir);
    struct journal_options o = {
        .dir = dir, .fsync = fsync, .segment_bytes = segment_bytes, .sync = sync_witness_sync};
    memset(progress, 0, sizeof *progress);
    sync_witness_reset();
    struct crash c = {.killed_us = run_and_kill(&o, run_us)};
    c.kept_by_kernel = last_kept(dir);
    sync_witness_cut(dir);
    c.kept_by_disk = last_kept(dir);
    scratch_remove(dir);
    assert_true(c.kept_by_kernel >= progress->written_seq);
    assert_true(c.kept_by_disk >= (fsync == JOURNAL_NO ? 0 : progress->safe_seq));
    assert_true(c.kept_by_disk <= c.kept_by_kernel);
    return c;
}

static unsigned between(unsigned from_us, unsigned to_us)
{
    return from_us + (unsigned)(scratch_random(&seed) % (to_us - from_us));
}

static void always_loses_nothing_that_was_safe(void **state)
{
    (void)state;
    uint64_t safe = 0;
    for (int i = 0; i < 12; i++) {
        (void)crash(JOURNAL_ALWAYS, i % 2 ? 4096 : 0, between(20000, 100000));
        safe += progress->safe_seq;
    }
    assert_true(safe > 0);
}

static void everysec_loses_about_a_second(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct crash c = crash(JOURNAL_EVERYSEC, i == 1 ? 65536 : 0, between(1300000, 2300000));
        uint64_t appended = progress->appended_seq;
        assert_true(appended > 0);
        assert_true(c.kept_by_disk > 0);
        if (c.kept_by_disk < appended)
            assert_true(progress->appended_us[c.kept_by_disk + 1] >
                        c.killed_us - 1000000 - SLACK_US);
    }
}

static void everysec_keeps_nothing_on_disk_before_its_first_second(void **state)
{
    (void)state;
    struct crash c = crash(JOURNAL_EVERYSEC, 0, 300000);
    assert_int_equal(c.kept_by_disk, 0);
    assert_true(c.kept_by_kernel > 0);
}

static void no_loses_the_segment_that_was_written_to(void **state)
{
    (void)state;
    struct crash c = crash(JOURNAL_NO, 0, 1400000);
    assert_int_equal(c.kept_by_disk, 0);
    assert_true(c.kept_by_kernel > 0);
    c = crash(JOURNAL_NO, 65536, 500000);
    assert_true(c.kept_by_disk > 0); /* finished segments are synced in every mode */
}

static int share_progress(void **state)
{
    (void)state;
    progress =
        mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return progress == MAP_FAILED;
}

static int unshare_progress(void **state)
{
    (void)state;
    return munmap(progress, sizeof *progress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(always_loses_nothing_that_was_safe),
        cmocka_unit_test(everysec_loses_about_a_second),
        cmocka_unit_test(everysec_keeps_nothing_on_disk_before_its_first_second),
        cmocka_unit_test(no_loses_the_segment_that_was_written_to),
    };
    return cmocka_run_group_tests_name("state/journal_crash", tests, share_progress,
                                       unshare_progress);
}
