#include "service/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DESCRIPTORS_MAX = 16 }; /* of a walk; deeper folders are opened again and again */

enum status files_make_folder(const char *path)
{
    char part[FILES_PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return len == 0 ? ST_OK : ST_TOO_LARGE;
    for (const char *p = strchr(path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        memcpy(part, path, (size_t)(p - path));
        part[p - path] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return ST_IO;
    }
    return mkdir(path, 0777) == 0 || errno == EEXIST ? ST_OK : ST_IO;
}

/* The folder a file is in; "." when it is named without one. */
static bool folder_of(const char *path, char ret_folder[FILES_PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    if (len >= FILES_PATH_MAX)
        return false;
    memcpy(ret_folder, slash == NULL ? "." : path, len);
    ret_folder[len] = '\0';
    return true;
}

enum status files_make_folder_of(const char *path)
{
    char folder[FILES_PATH_MAX];
    return folder_of(path, folder) ? files_make_folder(folder) : ST_TOO_LARGE;
}

enum status files_beside(const char *beside, struct span name, char ret_path[FILES_PATH_MAX])
{
    char path[FILES_PATH_MAX];
    const char *slash = strrchr(beside, '/');
    bool is_below = slash != NULL && name.len > 0 && name.base[0] != '/';
    int folder = is_below ? (int)(slash + 1 - beside) : 0;
    int len = snprintf(path, sizeof path, "%.*s%.*s", folder, beside, SPAN_ARG(name));
    if (name.len == 0 || len < 0 || (size_t)len >= sizeof path)
        return ST_INVALID;
    memcpy(ret_path, path, (size_t)len + 1);
    return ST_OK;
}

enum status files_sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ST_IO;
    enum status st = fsync(fd) == 0 ? ST_OK : ST_IO;
    close(fd);
    return st;
}

enum status files_write_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.base, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ST_IO;
        bytes = span_of(bytes.base + n, bytes.len - (size_t)n);
    }
    return ST_OK;
}

static enum status write_beside(const char *path, struct span bytes, char *part)
{
    int fd = mkostemp(part, O_CLOEXEC);
    if (fd < 0)
        return ST_IO;
    enum status st = files_write_all(fd, bytes);
    if (st == ST_OK && fsync(fd) != 0)
        st = ST_IO;
    if (close(fd) != 0 || (st == ST_OK && rename(part, path) != 0))
        st = ST_IO;
    if (st != ST_OK)
        unlink(part);
    return st;
}

enum status files_write(const char *path, struct span bytes)
{
    char part[FILES_PATH_MAX], folder[FILES_PATH_MAX];
    int n = snprintf(part, sizeof part, "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof part || !folder_of(path, folder))
        return ST_TOO_LARGE;
    enum status st = write_beside(path, bytes, part);
    return st == ST_OK ? files_sync_folder(folder) : st;
}

static enum status read_open(FILE *in, size_t max_bytes, char **ret_bytes, size_t *ret_len)
{
    struct stat st;
    if (fstat(fileno(in), &st) != 0)
        return ST_IO;
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        return ST_IO;
    }
    if ((uint64_t)st.st_size > max_bytes)
        return ST_TOO_LARGE;
    size_t len = (size_t)st.st_size;
    char *bytes = malloc(len + 1);
    if (bytes == NULL || fread(bytes, 1, len, in) != len) {
        free(bytes);
        return ST_IO;
    }
    bytes[len] = '\0';
    *ret_bytes = bytes;
    *ret_len = len;
    return ST_OK;
}

enum status files_read(const char *path, size_t max_bytes, char **ret_bytes, size_t *ret_len)
{
    FILE *in = fopen(path, "rbe");
    if (in == NULL)
        return errno == ENOENT || errno == ENOTDIR ? ST_NOT_FOUND : ST_IO;
    enum status st = read_open(in, max_bytes, ret_bytes, ret_len);
    int why = errno;
    fclose(in);
    errno = why;
    return st;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

enum status files_remove(const char *path)
{
    if (nftw(path, remove_one, DESCRIPTORS_MAX, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return ST_OK;
    return ST_IO;
}
