#include "service/io/line_file.h"

#include "service/base/check.h"
#include "service/base/files.h"
#include "service/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NTH_BYTES = PATH_MAX + 16, /* a path with ".1000" behind it */
    MOVED_MAX = 8,             /* times in a row that the file may be moved away under us */
};

struct line_file {
    char path[PATH_MAX];
    uint64_t bytes_max;
    int files_max;
    int fd; /* -1: not open, or nowhere */
    bool is_regular;
    bool is_unsynced; /* has lines that may not be on the disk */
    bool name_is_new; /* nor its name in the folder */
    bool sync_failed; /* of a file that was left since */
    char line[LINE_FILE_LINE_MAX];
};

/* ---- open and close ---- */

static enum status open_file(struct line_file *f)
{
    struct stat st;
    f->fd = open(f->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (f->fd < 0 || fstat(f->fd, &st) != 0)
        return ST_IO;
    f->is_regular = S_ISREG(st.st_mode);
    f->name_is_new = f->is_regular;
    return ST_OK;
}

static void close_file(struct line_file *f)
{
    if (f->is_unsynced && f->is_regular && fdatasync(f->fd) != 0)
        f->sync_failed = true;
    f->is_unsynced = false;
    close(f->fd);
    f->fd = -1;
}

/* A link stays where it is, /dev/stdout above all: what it leads to is rotated. */
static void follow_links(struct line_file *f)
{
    char path[PATH_MAX];
    if (f->is_regular && realpath(f->path, path) != NULL)
        strcpy(f->path, path);
}

static enum status open_first(struct line_file *f)
{
    (void)!files_make_folder_of(f->path); /* whether that worked is seen when it is opened */
    enum status st = open_file(f);
    if (st == ST_OK)
        follow_links(f);
    return st;
}

enum status line_file_open(const struct line_file_options *o, struct line_file **ret_file)
{
    CHECK(o->files_max >= 1);
    if (strlen(o->path) >= PATH_MAX)
        return ST_TOO_LARGE;
    struct line_file *f = calloc(1, sizeof *f);
    CHECK(f != NULL);
    f->bytes_max = o->bytes_max;
    f->files_max = o->files_max;
    f->fd = -1;
    strcpy(f->path, o->path);
    enum status st = f->path[0] != '\0' ? open_first(f) : ST_OK;
    if (st == ST_OK)
        *ret_file = f;
    else
        line_file_close(f);
    return st;
}

void line_file_close(struct line_file *f)
{
    if (f != NULL && f->fd >= 0)
        close(f->fd);
    free(f);
}

/* ---- the lock ---- */

static bool is_at_path(const struct line_file *f)
{
    struct stat ours, there;
    return fstat(f->fd, &ours) == 0 && stat(f->path, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

/* Where there are no locks the lines of one process are still whole. */
static void lock(struct line_file *f)
{
    while (flock(f->fd, LOCK_EX) != 0 && errno == EINTR)
        continue;
}

/* The file that the path names now, locked. */
static enum status lock_current(struct line_file *f)
{
    for (int i = 0; i < MOVED_MAX; i++) {
        if (f->fd < 0 && open_file(f) != ST_OK)
            return ST_IO;
        lock(f);
        if (!f->is_regular || is_at_path(f))
            return ST_OK;
        close_file(f);
    }
    return ST_IO;
}

/* ---- rotation; locked ---- */

static const char *nth_path(const struct line_file *f, int n, char bytes[NTH_BYTES])
{
    if (n == 0)
        return f->path;
    snprintf(bytes, NTH_BYTES, "%s.%d", f->path, n);
    return bytes;
}

static bool remove_nth(const struct line_file *f, int n)
{
    char path[NTH_BYTES];
    return unlink(nth_path(f, n, path)) == 0;
}

/* Files that are over the number of them, of an earlier configuration say, go too. */
static void rotate(const struct line_file *f)
{
    char from[NTH_BYTES], to[NTH_BYTES];
    for (int n = f->files_max; remove_nth(f, n); n++)
        continue;
    if (f->files_max == 1)
        remove_nth(f, 0);
    for (int n = f->files_max - 1; n > 0; n--)
        if (rename(nth_path(f, n - 1, from), nth_path(f, n, to)) != 0)
            continue; /* not that many yet; or FILE stays where it is, and grows */
}

static uint64_t size_of(const struct line_file *f)
{
    struct stat st;
    return f->is_regular && fstat(f->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static bool is_full(const struct line_file *f, size_t line_bytes)
{
    uint64_t size = size_of(f);
    return f->bytes_max > 0 && size > 0 && size + line_bytes > f->bytes_max;
}

/* ---- a line; locked ---- */

static bool write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        bytes += done;
        n -= (size_t)done;
    }
    return true;
}

/* Cut off what stands behind the last newline, with the line's room to look for it in. */
static bool cut_torn(struct line_file *f, uint64_t size)
{
    size_t n = size < sizeof f->line ? (size_t)size : sizeof f->line;
    uint64_t from = size - n;
    if (pread(f->fd, f->line, n, (off_t)from) != (ssize_t)n)
        return false;
    const char *newline = memrchr(f->line, '\n', n);
    if (newline == NULL && from > 0)
        return write_all(f->fd, "\n", 1);
    uint64_t keep = newline ? from + (size_t)(newline - f->line) + 1 : 0;
    log_warning("torn line cut", LOG_TEXT("file", f->path),
                LOG_INT("bytes", (int64_t)(size - keep)));
    return ftruncate(f->fd, (off_t)keep) == 0;
}

static bool mend(struct line_file *f)
{
    uint64_t size = size_of(f);
    char last;
    if (size == 0 || (pread(f->fd, &last, 1, (off_t)size - 1) == 1 && last == '\n'))
        return true;
    return cut_torn(f, size);
}

static void fill_line(struct line_file *f, struct span json)
{
    if (json.len > 0)
        memcpy(f->line, json.base, json.len);
    for (size_t i = 0; i < json.len; i++)
        if (f->line[i] == '\n' || f->line[i] == '\r')
            f->line[i] = ' ';
    f->line[json.len] = '\n';
}

static enum status append(struct line_file *f, struct span json)
{
    if (!mend(f))
        return ST_IO;
    uint64_t size = size_of(f);
    fill_line(f, json);
    if (write_all(f->fd, f->line, json.len + 1)) {
        f->is_unsynced = true;
        return ST_OK;
    }
    if (f->is_regular && ftruncate(f->fd, (off_t)size) != 0)
        return ST_IO; /* the next line begins with mending */
    return ST_IO;
}

enum status line_file_put(struct line_file *f, struct span json)
{
    if (f->path[0] == '\0')
        return ST_OK;
    if (json.len >= sizeof f->line)
        return ST_TOO_LARGE;
    enum status st = lock_current(f);
    if (st == ST_OK && is_full(f, json.len + 1)) {
        rotate(f);
        st = lock_current(f);
    }
    if (st != ST_OK)
        return st;
    st = append(f, json);
    flock(f->fd, LOCK_UN);
    return st;
}

/* ---- the disk ---- */

static bool sync_folder(const char *path)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL)
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path) + 1, path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

enum status line_file_sync(struct line_file *f)
{
    bool ok = !f->sync_failed;
    f->sync_failed = false;
    if (f->fd < 0 || !f->is_regular)
        return ok ? ST_OK : ST_IO;
    if (f->is_unsynced && fdatasync(f->fd) != 0)
        ok = false;
    if (f->name_is_new && !sync_folder(f->path))
        ok = false;
    f->is_unsynced = f->name_is_new = !ok;
    return ok ? ST_OK : ST_IO;
}
