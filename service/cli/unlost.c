#include "service/cli/unlost.h"

#include "service/base/files.h"
#include "service/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 64 };

static bool path_of(const char *dir, char path[FILES_PATH_MAX])
{
    int n = snprintf(path, FILES_PATH_MAX, "%s/unlost", dir);
    return n > 0 && n < FILES_PATH_MAX;
}

static enum status write_state(const char *dir, int64_t since_ms, const char *state)
{
    char path[FILES_PATH_MAX], bytes[BYTES_MAX];
    struct text out;
    if (!path_of(dir, path))
        return ST_IO;
    text_init(&out, bytes, sizeof bytes);
    text_printf(&out, "%" PRId64 " %s\n", since_ms, state);
    return files_write(path, text_span(&out));
}

/* false: it was not closed in order, or nothing says that it was. */
static bool was_closed(const char *dir, int64_t *ret_since_ms)
{
    char path[FILES_PATH_MAX], state[8] = "";
    char *bytes;
    size_t len;
    if (!path_of(dir, path) || files_read(path, BYTES_MAX, &bytes, &len) != ST_OK)
        return false;
    bool is_read = sscanf(bytes, "%" SCNd64 " %7s", ret_since_ms, state) == 2;
    free(bytes);
    return is_read && strcmp(state, "closed") == 0;
}

enum status unlost_open(const char *dir, bool has_frames, bool loses_none, int64_t now_ms,
                        int64_t *ret_since_ms)
{
    int64_t since_ms;
    if (!was_closed(dir, &since_ms))
        since_ms = has_frames ? now_ms : 0;
    enum status st = write_state(dir, since_ms, loses_none ? "closed" : "open");
    if (st == ST_OK)
        *ret_since_ms = since_ms;
    return st;
}

enum status unlost_close(const char *dir, int64_t since_ms)
{
    return write_state(dir, since_ms, "closed");
}
