#include "service/base/yaml_path.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

bool yaml_path(const struct yaml_file *file, const struct yaml_node *node, struct diag_list *diags,
               char ret_path[FILES_PATH_MAX])
{
    struct span name;
    if (!yaml_string(file, node, diags, &name))
        return false;
    if (files_beside(file->name, name, ret_path) == ST_OK)
        return true;
    diag_error(diags, yaml_at(file, node), NULL, "the file's name is %s",
               name.len == 0 ? "empty" : "too long");
    return false;
}

static void tell_unread(const struct yaml_file *file, const struct yaml_node *node,
                        const char *path, struct diag_list *diags)
{
    diag_error(diags, yaml_at(file, node), "names are relative to the file they stand in",
               "%s: cannot read the file: %s", path, strerror(errno));
}

bool yaml_path_opens(const struct yaml_file *file, const struct yaml_node *node, const char *path,
                     struct diag_list *diags)
{
    if (access(path, R_OK) == 0)
        return true;
    tell_unread(file, node, path, diags);
    return false;
}

enum status yaml_path_read(const struct yaml_file *file, const struct yaml_node *node,
                           const char *path, size_t max_bytes, struct arena *arena,
                           struct diag_list *diags, struct span *ret_content)
{
    char *bytes = NULL;
    size_t len;
    struct diag_at at = yaml_at(file, node);
    enum status st = files_read(path, max_bytes, &bytes, &len);
    if (st == ST_TOO_LARGE) {
        diag_error(diags, at, NULL, "%s: the file is larger than %zu MiB", path, max_bytes >> 20);
        return st;
    }
    if (st != ST_OK) {
        tell_unread(file, node, path, diags);
        return ST_IO;
    }
    struct span content = arena_try_copy(arena, span_of(bytes, len));
    free(bytes);
    if (content.base == NULL) {
        diag_error(diags, at, NULL, "%s: there is no memory left for the file", path);
        return ST_NO_SPACE;
    }
    *ret_content = content;
    return ST_OK;
}
