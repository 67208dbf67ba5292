#include "service/state/journal_folder.h"

#include "service/base/check.h"
#include "service/state/journal_segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* printf into ret_why, then the status: `return refuse(ret_why, ST_IO, "...", ...);` */
__attribute__((format(printf, 3, 4))) static enum status refuse(char *ret_why, enum status st,
                                                                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(ret_why, JOURNAL_WHY_BYTES, format, args);
    va_end(args);
    return st;
}

/* ---- open ---- */

static bool make_folder(const char *path)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (n >= sizeof part) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0750) != 0 && errno != EEXIST)
            return false;
    }
    return true;
}

static enum status take_lock(struct folder *f, char *ret_why)
{
    f->lock_fd = openat(f->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (f->lock_fd < 0)
        return refuse(ret_why, ST_IO, "%s/lock: %s", f->path, strerror(errno));
    if (flock(f->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return ST_OK;
    if (errno == EWOULDBLOCK)
        return refuse(ret_why, ST_CONFLICT, "%s: another process has this journal open", f->path);
    return refuse(ret_why, ST_IO, "%s/lock: %s", f->path, strerror(errno));
}

static enum status add_segment(struct folder *f, uint64_t first_seq, uint64_t bytes)
{
    if (f->n == f->cap) {
        size_t cap = f->cap == 0 ? 16 : f->cap * 2;
        struct segment *grown = realloc(f->segments, cap * sizeof *grown);
        if (grown == NULL)
            return ST_NO_SPACE;
        f->segments = grown;
        f->cap = cap;
    }
    f->segments[f->n++] = (struct segment){.first_seq = first_seq, .bytes = bytes};
    f->bytes += bytes;
    return ST_OK;
}

static enum status add_file(struct folder *f, const char *name, char *ret_why)
{
    uint64_t first_seq;
    struct stat file;
    if (!segment_name_parse(name, &first_seq))
        return ST_OK; /* not ours: a checkpoint, the lock */
    if (fstatat(f->dir_fd, name, &file, 0) != 0)
        return refuse(ret_why, ST_IO, "%s/%s: %s", f->path, name, strerror(errno));
    if (f->n == JOURNAL_SEGMENTS_MAX)
        return refuse(ret_why, ST_TOO_LARGE, "%s: over %d segments; move the oldest away", f->path,
                      JOURNAL_SEGMENTS_MAX);
    if (add_segment(f, first_seq, (uint64_t)file.st_size) != ST_OK)
        return refuse(ret_why, ST_IO, "%s: no memory", f->path);
    return ST_OK;
}

static int by_first_seq(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;
    return (x->first_seq > y->first_seq) - (x->first_seq < y->first_seq);
}

static enum status list_segments(struct folder *f, char *ret_why)
{
    DIR *dir = opendir(f->path);
    if (dir == NULL)
        return refuse(ret_why, ST_IO, "%s: %s", f->path, strerror(errno));
    enum status st = ST_OK;
    for (struct dirent *e; st == ST_OK && (e = readdir(dir)) != NULL;)
        st = add_file(f, e->d_name, ret_why);
    closedir(dir);
    if (f->n > 0)
        qsort(f->segments, f->n, sizeof *f->segments, by_first_seq);
    return st;
}

/* `ours`: it is made when missing, and locked. */
static enum status open_folder(const char *path, bool ours, struct folder *ret_folder,
                               char *ret_why)
{
    struct folder f = {.path = strdup(path), .dir_fd = -1, .lock_fd = -1};
    if (f.path == NULL)
        return refuse(ret_why, ST_IO, "%s: no memory", path);
    enum status st = ST_OK;
    if ((ours && !make_folder(path)) ||
        (f.dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        st = refuse(ret_why, !ours && errno == ENOENT ? ST_NOT_FOUND : ST_IO, "%s: %s", path,
                    strerror(errno));
    if (st == ST_OK && ours)
        st = take_lock(&f, ret_why);
    if (st == ST_OK)
        st = list_segments(&f, ret_why);
    if (st == ST_OK)
        *ret_folder = f;
    else
        folder_close(&f);
    return st;
}

enum status folder_open(const char *path, struct folder *ret_folder, char *ret_why)
{
    return open_folder(path, true, ret_folder, ret_why);
}

enum status folder_look(const char *path, struct folder *ret_folder, char *ret_why)
{
    return open_folder(path, false, ret_folder, ret_why);
}

void folder_close(struct folder *f)
{
    if (f->lock_fd >= 0)
        close(f->lock_fd); /* and with it the lock */
    if (f->dir_fd >= 0)
        close(f->dir_fd);
    free(f->segments);
    free(f->path);
}

/* ---- the check at start ---- */

struct ending {
    enum status st;    /* ST_NOT_FOUND: a clean end; ST_CORRUPT: a broken frame */
    uint64_t offset;   /* of the end of the last whole frame */
    uint64_t next_seq; /* after it */
    bool proven;       /* the broken frame had been on disk once */
};

static enum status find_ending(const struct folder *f, const struct segment *s,
                               struct ending *ret_ending)
{
    struct segment_reader r;
    struct frame frame;
    struct ending e = {.st = ST_OK};
    enum status st = segment_reader_open(&r, f->dir_fd, s->first_seq);
    if (st != ST_OK)
        return ST_IO;
    while (e.st == ST_OK)
        e.st = segment_next(&r, &frame);
    e.offset = r.offset;
    e.next_seq = r.next_seq;
    if (e.st == ST_CORRUPT)
        st = segment_proves_damage(&r, &e.proven);
    if (e.st == ST_IO)
        st = ST_IO;
    segment_reader_close(&r);
    if (st == ST_OK)
        *ret_ending = e;
    return st;
}

static enum status check_segment(const struct folder *f, size_t i, struct ending *ret_ending,
                                 char *ret_why)
{
    const struct segment *s = &f->segments[i];
    char name[SEGMENT_NAME_BYTES];
    segment_name(s->first_seq, name);
    bool is_last = i + 1 == f->n;
    if (find_ending(f, s, ret_ending) != ST_OK)
        return refuse(ret_why, ST_IO, "%s/%s: cannot read it: %s", f->path, name, strerror(errno));
    const struct ending *e = ret_ending;
    if (e->st == ST_CORRUPT && (e->proven || !is_last))
        return refuse(ret_why, ST_CORRUPT,
                      "%s/%s: damaged at offset %" PRIu64 ", before the end of the journal",
                      f->path, name, e->offset);
    if (!is_last && e->next_seq != f->segments[i + 1].first_seq)
        return refuse(ret_why, ST_CORRUPT,
                      "%s/%s: ends at offset %" PRIu64 " with frame %" PRIu64
                      ", and the next segment begins with %" PRIu64,
                      f->path, name, e->offset, e->next_seq - 1, f->segments[i + 1].first_seq);
    return ST_OK;
}

static bool write_head(int fd, uint64_t first_seq)
{
    char head[SEGMENT_HEAD_BYTES];
    segment_head_write(first_seq, head);
    ssize_t n = pwrite(fd, head, sizeof head, 0);
    if (n >= 0 && n != sizeof head)
        errno = ENOSPC;
    return n == sizeof head;
}

static bool cut_file(const struct folder *f, const struct segment *s, uint64_t offset)
{
    char name[SEGMENT_NAME_BYTES];
    segment_name(s->first_seq, name);
    int fd = openat(f->dir_fd, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = ftruncate(fd, (off_t)offset) == 0;
    if (ok && offset == 0) /* not even its head was whole */
        ok = write_head(fd, s->first_seq);
    ok = ok && fdatasync(fd) == 0;
    close(fd);
    return ok;
}

static enum status cut_tail(struct folder *f, const struct ending *e, uint64_t *ret_cut_bytes,
                            char *ret_why)
{
    struct segment *s = folder_last(f);
    uint64_t whole = e->offset > 0 ? e->offset : SEGMENT_HEAD_BYTES;
    uint64_t cut = s->bytes - e->offset;
    bool is_clean = cut == 0 && e->offset > 0;
    if (!is_clean && !cut_file(f, s, e->offset))
        return refuse(ret_why, ST_IO, "%s: cannot cut the torn tail: %s", f->path, strerror(errno));
    f->bytes = f->bytes - s->bytes + whole;
    s->bytes = whole;
    *ret_cut_bytes = cut;
    return ST_OK;
}

static enum status make_first(struct folder *f, char *ret_why)
{
    int fd;
    enum status st = folder_create(f, 1, &fd);
    if (st != ST_OK)
        return refuse(ret_why, ST_IO, "%s: cannot create a segment: %s", f->path, strerror(errno));
    close(fd);
    st = folder_push(f, 1);
    return st == ST_OK ? ST_OK : refuse(ret_why, ST_IO, "%s: no memory", f->path);
}

enum status folder_check(struct folder *f, struct journal_opened *ret_opened, char *ret_why)
{
    struct ending end = {0};
    uint64_t cut_bytes = 0;
    enum status st = f->n == 0 ? make_first(f, ret_why) : ST_OK;
    if (st == ST_OK && f->n > 1)
        st = check_segment(f, f->n - 2, &end, ret_why);
    if (st == ST_OK)
        st = check_segment(f, f->n - 1, &end, ret_why);
    if (st == ST_OK)
        st = cut_tail(f, &end, &cut_bytes, ret_why);
    if (st == ST_OK)
        *ret_opened = (struct journal_opened){
            .first_seq = f->segments[0].first_seq,
            .next_seq = end.next_seq,
            .cut_bytes = cut_bytes,
        };
    return st;
}

/* ---- while it runs ---- */

struct segment *folder_last(struct folder *f)
{
    CHECK(f->n > 0);
    return &f->segments[f->n - 1];
}

enum status folder_create(const struct folder *f, uint64_t first_seq, int *ret_fd)
{
    char name[SEGMENT_NAME_BYTES];
    segment_name(first_seq, name);
    /* Not O_EXCL: an attempt that found the disk full has left the file. */
    int fd = openat(f->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd >= 0 && write_head(fd, first_seq) && fsync(f->dir_fd) == 0) {
        *ret_fd = fd;
        return ST_OK;
    }
    enum status st = errno == ENOSPC || errno == EDQUOT ? ST_NO_SPACE : ST_IO;
    if (fd >= 0)
        close(fd);
    return st;
}

enum status folder_push(struct folder *f, uint64_t first_seq)
{
    return add_segment(f, first_seq, SEGMENT_HEAD_BYTES);
}

bool folder_find(const struct folder *f, uint64_t seq, uint64_t *ret_first_seq)
{
    size_t i = f->n;
    while (i > 0 && f->segments[i - 1].first_seq > seq)
        i--;
    if (i == 0)
        return false;
    *ret_first_seq = f->segments[i - 1].first_seq;
    return true;
}

void folder_trim(struct folder *f, uint64_t max_bytes, uint64_t needed_seq)
{
    char name[SEGMENT_NAME_BYTES];
    size_t gone = 0;
    while (gone + 1 < f->n && f->bytes > max_bytes &&
           f->segments[gone + 1].first_seq <= needed_seq) {
        segment_name(f->segments[gone].first_seq, name);
        if (unlinkat(f->dir_fd, name, 0) != 0 && errno != ENOENT)
            break;
        f->bytes -= f->segments[gone++].bytes;
    }
    f->n -= gone;
    memmove(f->segments, f->segments + gone, f->n * sizeof *f->segments);
}
