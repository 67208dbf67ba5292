#include "service/cli/dead_letters.h"

#include "service/base/check.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct dead_letters {
    FILE *file; /* NULL: nowhere */
};

/* Each folder of `path` that is missing. Whether it worked is seen when the file is opened. */
static void make_folders(const char *path)
{
    char folder[PATH_MAX];
    for (const char *p = strchr(path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        size_t n = (size_t)(p - path);
        if (n >= sizeof folder)
            return;
        memcpy(folder, path, n);
        folder[n] = '\0';
        if (mkdir(folder, 0777) != 0)
            continue;
    }
}

enum status dead_letters_open(const char *path, struct dead_letters **ret_letters)
{
    FILE *file = NULL;
    if (path[0] != '\0') {
        make_folders(path);
        file = fopen(path, "ae");
        if (file == NULL)
            return ST_IO;
    }
    struct dead_letters *d = calloc(1, sizeof *d);
    CHECK(d != NULL);
    d->file = file;
    *ret_letters = d;
    return ST_OK;
}

void dead_letters_close(struct dead_letters *d)
{
    if (d != NULL && d->file != NULL)
        fclose(d->file);
    free(d);
}

/* A newline within JSON can only be space between tokens. */
static bool put_line(FILE *file, struct span json)
{
    for (size_t i = 0; i < json.len; i++) {
        char c = json.base[i];
        if (putc(c == '\n' || c == '\r' ? ' ' : c, file) == EOF)
            return false;
    }
    return putc('\n', file) != EOF;
}

enum status dead_letters_put(struct dead_letters *d, struct span json)
{
    if (d->file == NULL)
        return ST_OK;
    return put_line(d->file, json) && fflush(d->file) == 0 ? ST_OK : ST_IO;
}
