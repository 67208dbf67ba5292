#include "service/io/crash_notes.h"

#include "service/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MAX = 64 << 10,  /* the last of it; a process that crashed 600 times has other worries */
    LINE_MAX_BYTES = 320, /* a topic's name has 249 bytes */
};

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
enum { SIGNALS = sizeof signals / sizeof signals[0] };

static struct {
    int fd;                   /* -1: not opened */
    char known[FILE_MAX + 2]; /* '\n', the lines, NUL: each line has a newline before it */
    struct sigaction before[SIGNALS];
} notes = {.fd = -1};

static _Thread_local struct {
    const char *topic;
    int32_t partition;
    int64_t offset;
    bool is_watched; /* the thread has messages */
} hand;

void crash_notes_hand(const char *topic, int32_t partition, int64_t offset)
{
    hand.topic = topic;
    hand.partition = partition;
    hand.offset = offset;
    hand.is_watched = true;
}

/* ---- in the handler: nothing that locks or allocates ---- */

struct line {
    char bytes[LINE_MAX_BYTES];
    size_t len;
};

static void put_char(struct line *l, char c)
{
    if (l->len < sizeof l->bytes)
        l->bytes[l->len++] = c;
}

static void put_text(struct line *l, const char *s)
{
    for (; *s != '\0'; s++)
        put_char(l, *s);
}

static void put_number(struct line *l, int64_t v)
{
    char digits[24];
    int n = 0;
    do
        digits[n++] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    while (n > 0)
        put_char(l, digits[--n]);
}

static void put_line(struct line *l, const char *topic, int32_t partition, int64_t offset)
{
    put_text(l, topic);
    put_char(l, ' ');
    put_number(l, partition);
    put_char(l, ' ');
    put_number(l, offset);
    put_char(l, '\n');
}

static void hand_on(int number)
{
    for (int i = 0; i < SIGNALS; i++)
        if (signals[i] == number)
            sigaction(number, &notes.before[i], NULL);
}

/* When this returns a fault comes again, and abort() raises again: then for who had it before. */
static void on_crash(int number)
{
    int saved = errno;
    struct line l = {.len = 0};
    if (hand.is_watched) {
        put_line(&l, hand.topic != NULL ? hand.topic : "-", hand.topic != NULL ? hand.partition : 0,
                 hand.topic != NULL ? hand.offset : 0);
        if (write(notes.fd, l.bytes, l.len) < 0)
            errno = saved; /* then it is not noted */
    }
    hand_on(number);
    errno = saved;
}

/* ---- opening ---- */

static void watch(void)
{
    struct sigaction action = {.sa_handler = on_crash};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < SIGNALS; i++)
        CHECK(sigaction(signals[i], &action, &notes.before[i]) == 0);
}

static bool read_known(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return false;
    off_t from = st.st_size > FILE_MAX ? st.st_size - FILE_MAX : 0;
    ssize_t n = pread(fd, notes.known + 1, FILE_MAX, from);
    if (n < 0)
        return false;
    notes.known[0] = '\n';
    notes.known[n + 1] = '\0';
    return true;
}

enum status crash_notes_open(const char *dir)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/crashed", dir);
    int fd = n < PATH_MAX ? open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return ST_IO;
    if (!read_known(fd)) {
        close(fd);
        return ST_IO;
    }
    notes.fd = fd;
    watch();
    return ST_OK;
}

void crash_notes_close(bool orderly)
{
    if (notes.fd < 0)
        return;
    for (int i = 0; i < SIGNALS; i++)
        hand_on(signals[i]);
    if (orderly && ftruncate(notes.fd, 0) != 0)
        errno = 0; /* what is noted stays noted */
    close(notes.fd);
    notes.fd = -1;
}

/* ---- what is known ---- */

bool crash_notes_any(void)
{
    return notes.fd >= 0 && notes.known[1] != '\0';
}

bool crash_notes_has(const char *topic, int32_t partition, int64_t offset)
{
    struct line l = {.len = 0};
    int times = 0;
    if (!crash_notes_any())
        return false;
    put_char(&l, '\n');
    put_line(&l, topic, partition, offset);
    const char *at = notes.known;
    size_t left = strlen(at);
    const char *found;
    while ((found = memmem(at, left, l.bytes, l.len)) != NULL) {
        times++;
        left -= (size_t)(found + l.len - 1 - at); /* its newline may be the next one's */
        at = found + l.len - 1;
    }
    return times >= CRASH_TIMES_MAX;
}
