#include "api/spool.h"

#include "service/base/unnamed.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct spool {
    const char *dir;
    uint64_t max_bytes;
    uint64_t file_bytes; /* what is in the file; the block goes on from there */
    size_t block_bytes;
    int fd; /* -1: no file yet */
    char block[SPOOL_BLOCK_BYTES];
};

struct spool *spool_new(const char *dir, uint64_t max_bytes)
{
    struct spool *s = malloc(sizeof *s);
    if (s == NULL)
        return NULL;
    s->dir = dir;
    s->max_bytes = max_bytes;
    s->file_bytes = 0;
    s->block_bytes = 0;
    s->fd = -1;
    return s;
}

void spool_free(struct spool *s)
{
    if (s != NULL && s->fd >= 0)
        close(s->fd);
    free(s);
}

static enum status flush_block(struct spool *s)
{
    size_t done = 0;
    if (s->fd < 0 && (s->fd = unnamed_open(s->dir)) < 0)
        return ST_IO;
    while (done < s->block_bytes) {
        ssize_t n =
            pwrite(s->fd, s->block + done, s->block_bytes - done, (off_t)(s->file_bytes + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ST_IO; /* what was written lies behind file_bytes: not part of the spool */
        done += (size_t)n;
    }
    s->file_bytes += s->block_bytes;
    s->block_bytes = 0;
    return ST_OK;
}

enum status spool_put(struct spool *s, struct span bytes)
{
    if (bytes.len > s->max_bytes - spool_bytes(s) || bytes.len > SPOOL_BLOCK_BYTES)
        return ST_TOO_LARGE;
    if (bytes.len > SPOOL_BLOCK_BYTES - s->block_bytes) {
        enum status st = flush_block(s);
        if (st != ST_OK)
            return st;
    }
    if (bytes.len > 0)
        memcpy(s->block + s->block_bytes, bytes.base, bytes.len);
    s->block_bytes += bytes.len;
    return ST_OK;
}

uint64_t spool_bytes(const struct spool *s)
{
    return s->file_bytes + s->block_bytes;
}

ssize_t spool_read(struct spool *s, uint64_t offset, char *out, size_t cap)
{
    if (offset < s->file_bytes) {
        uint64_t there = s->file_bytes - offset;
        return pread(s->fd, out, there < cap ? (size_t)there : cap, (off_t)offset);
    }
    size_t from = (size_t)(offset - s->file_bytes);
    size_t n = s->block_bytes - from < cap ? s->block_bytes - from : cap;
    memcpy(out, s->block + from, n);
    return (ssize_t)n;
}
