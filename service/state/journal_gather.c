#include "service/state/journal_gather.h"

#include "service/base/check.h"
#include "service/state/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NAME_BYTES = 24 };

static void name_of(int index, char out[NAME_BYTES])
{
    CHECK(snprintf(out, NAME_BYTES, "gather-%d", index) < NAME_BYTES);
}

/* -1, with errno. */
static int open_file(int dir_fd, const char *name, bool *ret_is_new)
{
    int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    *ret_is_new = fd >= 0;
    return fd >= 0 || errno != EEXIST ? fd : openat(dir_fd, name, O_RDWR | O_CLOEXEC);
}

/* NULL: it cannot be; *ret_is_old says whether a file stands there that an earlier process left. */
static char *map_file(int dir_fd, const char *name, bool *ret_is_old)
{
    bool is_new;
    int fd = open_file(dir_fd, name, &is_new);
    void *map = MAP_FAILED;
    *ret_is_old = !is_new && (fd >= 0 || faccessat(dir_fd, name, F_OK, 0) == 0);
    if (fd < 0)
        return NULL;
    if (posix_fallocate(fd, 0, JOURNAL_BUFFER_BYTES) == 0)
        map = mmap(NULL, JOURNAL_BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED && is_new)
        (void)unlinkat(dir_fd, name, 0); /* half reserved it is of no use */
    return map != MAP_FAILED ? map : NULL;
}

enum status gather_open(int dir_fd, int index, bool fresh, struct gather *ret_gather)
{
    char name[NAME_BYTES];
    bool is_old;
    name_of(index, name);
    if (fresh)
        (void)unlinkat(dir_fd, name, 0);
    struct gather g = {.base = map_file(dir_fd, name, &is_old)};
    g.is_mapped = g.base != NULL;
    if (!g.is_mapped && is_old)
        return ST_IO;
    if (!g.is_mapped)
        g.base = calloc(1, JOURNAL_BUFFER_BYTES);
    CHECK(g.base != NULL);
    *ret_gather = g;
    return ST_OK;
}

void gather_close(struct gather *g, int dir_fd, int index, bool done)
{
    char name[NAME_BYTES];
    name_of(index, name);
    if (g->is_mapped)
        munmap(g->base, JOURNAL_BUFFER_BYTES);
    else
        free(g->base);
    if (done)
        (void)unlinkat(dir_fd, name, 0);
}

struct span gather_left(const struct gather *g, uint64_t next_seq, uint64_t *ret_seq)
{
    size_t at = 0, from = 0;
    struct frame f;
    uint64_t expected = 0; /* 0: any; frames of one batch follow each other */
    while (frame_read(span_of(g->base + at, JOURNAL_BUFFER_BYTES - at), &f) &&
           (expected == 0 || f.seq == expected)) {
        if (f.seq == next_seq)
            from = at;
        at += frame_size(f.bytes.len);
        expected = f.seq + 1;
    }
    if (expected <= next_seq || expected == 0)
        return span_of(NULL, 0);
    bool begins_later = from == 0 && frame_read(span_of(g->base, at), &f) && f.seq != next_seq;
    if (begins_later)
        return span_of(NULL, 0);
    *ret_seq = expected - 1;
    return span_of(g->base + from, at - from);
}
