#include "service/lists/roster_file.h"

#include "service/base/check.h"
#include "service/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WHY_BYTES = 256,
    CHUNK_BYTES = 1 << 20, /* of one write, when all is written anew; many LIST_LINE_MAX */
};

struct roster_file {
    char path[PATH_MAX];
    int fd;
    size_t lines, bytes;
    _Atomic bool is_dirty;
    char line[LIST_LINE_MAX];
};

/* ---- reading -------------------------------------------------------------------------------- */

static char *read_whole(int fd, size_t size)
{
    char *bytes = malloc(size + 1);
    size_t done = 0;
    CHECK(bytes != NULL);
    while (done < size) {
        ssize_t n = read(fd, bytes + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (done == size)
        return bytes;
    free(bytes);
    return NULL;
}

static enum status read_lines(struct roster_file *f, struct span content,
                              void (*visit)(void *user, const struct list_line *line), void *user,
                              char *why)
{
    const char *nl;
    struct list_line line;
    void *owner;
    while (content.len > 0 && (nl = memchr(content.base, '\n', content.len)) != NULL) {
        size_t len = (size_t)(nl - content.base);
        f->lines++;
        if (list_line_read(span_of(content.base, len), &line, &owner) != ST_OK) {
            snprintf(why, WHY_BYTES, "%.160s:%zu: this is no change of a list", f->path, f->lines);
            return ST_CORRUPT;
        }
        visit(user, &line);
        list_line_free(owner);
        f->bytes += len + 1;
        content = span_of(nl + 1, content.len - len - 1);
    }
    return ST_OK;
}

static enum status failed(const struct roster_file *f, const char *what, char *why)
{
    snprintf(why, WHY_BYTES, "%.160s: %s: %s", f->path, what, strerror(errno));
    return ST_IO;
}

/* What is read, and the torn end cut off. */
static enum status load(struct roster_file *f,
                        void (*visit)(void *user, const struct list_line *line), void *user,
                        char *why)
{
    struct stat about;
    if (flock(f->fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return failed(f, "cannot be locked", why);
        snprintf(why, WHY_BYTES, "%.160s: another process has it", f->path);
        return ST_CONFLICT;
    }
    if (fstat(f->fd, &about) != 0)
        return failed(f, "cannot be read", why);
    if (about.st_size > ROSTER_FILE_BYTES_MAX) {
        errno = EFBIG;
        return failed(f, "cannot be read", why);
    }
    char *bytes = read_whole(f->fd, (size_t)about.st_size);
    if (bytes == NULL)
        return failed(f, "cannot be read", why);
    enum status st = read_lines(f, span_of(bytes, (size_t)about.st_size), visit, user, why);
    free(bytes);
    if (st == ST_OK && ftruncate(f->fd, (off_t)f->bytes) != 0)
        return failed(f, "cannot be written", why);
    return st;
}

enum status roster_file_open(const char *path,
                             void (*visit)(void *user, const struct list_line *line), void *user,
                             struct roster_file **ret_file, char *why)
{
    struct roster_file *f = calloc(1, sizeof *f);
    CHECK(f != NULL);
    snprintf(f->path, sizeof f->path, "%s", path);
    f->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    enum status st = f->fd < 0 ? failed(f, "cannot be opened", why) : load(f, visit, user, why);
    if (st != ST_OK) {
        if (f->fd >= 0)
            close(f->fd);
        free(f);
        return st;
    }
    *ret_file = f;
    return ST_OK;
}

void roster_file_close(struct roster_file *f)
{
    if (f == NULL)
        return;
    (void)roster_file_sync(f);
    close(f->fd);
    free(f);
}

/* ---- writing -------------------------------------------------------------------------------- */

static struct span text_of(struct roster_file *f, const struct list_line *line)
{
    struct text text;
    text_init(&text, f->line, sizeof f->line);
    list_line_write(line, &text);
    text_char(&text, '\n');
    CHECK(!text.overflow);
    return text_span(&text);
}

enum status roster_file_append(struct roster_file *f, const struct list_line *line)
{
    struct span text = text_of(f, line);
    if (files_write_all(f->fd, text) != ST_OK) {
        /* half a line, if it cannot be cut off, is joined by the next one: both are lost at the
         * start, which then says so */
        (void)!ftruncate(f->fd, (off_t)f->bytes);
        return ST_IO;
    }
    f->bytes += text.len;
    f->lines++;
    f->is_dirty = true;
    return ST_OK;
}

bool roster_file_sync(struct roster_file *f)
{
    if (!atomic_exchange(&f->is_dirty, false) || fdatasync(f->fd) == 0)
        return true;
    f->is_dirty = true;
    return false;
}

bool roster_file_is_loose(const struct roster_file *f, size_t live)
{
    return f->lines > ROSTER_FILE_LINES_MIN && f->lines > 2 * live;
}

/* All lines into the file `fd`. Some thousand a write: others wait for the lock meanwhile. */
static bool write_lines(struct roster_file *f, int fd,
                        bool (*next)(void *user, struct list_line *ret_line), void *user,
                        struct roster_file *ret_counts)
{
    struct list_line line;
    struct text chunk;
    char *bytes = malloc(CHUNK_BYTES);
    CHECK(bytes != NULL);
    text_init(&chunk, bytes, CHUNK_BYTES);
    bool ok = true;
    while (ok && next(user, &line)) {
        struct span text = text_of(f, &line);
        ret_counts->bytes += text.len;
        ret_counts->lines++;
        text_put(&chunk, text);
        if (chunk.len <= CHUNK_BYTES - sizeof f->line)
            continue;
        ok = files_write_all(fd, text_span(&chunk)) == ST_OK;
        text_init(&chunk, bytes, CHUNK_BYTES);
    }
    ok = ok && files_write_all(fd, text_span(&chunk)) == ST_OK;
    free(bytes);
    return ok;
}

/* The same, and it is safe on disk then. */
static bool write_all(struct roster_file *f, int fd,
                      bool (*next)(void *user, struct list_line *ret_line), void *user,
                      struct roster_file *ret_counts)
{
    return write_lines(f, fd, next, user, ret_counts) && fsync(fd) == 0 &&
           flock(fd, LOCK_EX | LOCK_NB) == 0;
}

enum status roster_file_rewrite(struct roster_file *f,
                                bool (*next)(void *user, struct list_line *ret_line), void *user)
{
    static const char suffix[] = ".new";
    char path[PATH_MAX + sizeof suffix];
    struct roster_file counts = {.lines = 0};
    snprintf(path, sizeof path, "%s%s", f->path, suffix);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0)
        return ST_IO;
    if (!write_all(f, fd, next, user, &counts) || rename(path, f->path) != 0) {
        close(fd);
        unlink(path);
        return ST_IO;
    }
    close(f->fd);
    f->fd = fd;
    f->lines = counts.lines;
    f->bytes = counts.bytes;
    f->is_dirty = false;
    return ST_OK;
}
