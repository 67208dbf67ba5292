#include "service/engine/outbox_mark.h"

#include "service/base/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH_BYTES = 1024 };

struct outbox_mark {
    int fd;
    uint64_t seq;
};

static uint64_t read_mark(int fd)
{
    uint64_t pair[2];
    if (pread(fd, pair, sizeof pair, 0) != (ssize_t)sizeof pair || pair[0] != ~pair[1])
        return 0;
    return pair[0];
}

enum status outbox_mark_open(const char *dir, struct outbox_mark **ret_mark, uint64_t *ret_seq)
{
    char path[PATH_BYTES];
    if (snprintf(path, sizeof path, "%s/outbox", dir) >= (int)sizeof path)
        return ST_IO;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return ST_IO;
    struct outbox_mark *m = calloc(1, sizeof *m);
    CHECK(m != NULL);
    m->fd = fd;
    m->seq = *ret_seq = read_mark(fd);
    *ret_mark = m;
    return ST_OK;
}

void outbox_mark_close(struct outbox_mark *m)
{
    if (m == NULL)
        return;
    close(m->fd);
    free(m);
}

enum status outbox_mark_set(struct outbox_mark *m, uint64_t seq)
{
    const uint64_t pair[2] = {seq, ~seq};
    if (seq == m->seq)
        return ST_OK;
    if (pwrite(m->fd, pair, sizeof pair, 0) != (ssize_t)sizeof pair)
        return ST_IO;
    m->seq = seq;
    return ST_OK;
}

enum status outbox_mark_move(struct outbox_mark *m, struct outbox *o, struct journal *j,
                             const struct delivery *delivery)
{
    uint64_t last = delivery != NULL ? delivery_reached(delivery) : journal_last_seq(j);
    uint64_t seq = outbox_acknowledged_seq(o, last);
    enum status st = outbox_mark_set(m, seq);
    if (st == ST_OK)
        journal_keep(j, seq + 1);
    return st;
}
