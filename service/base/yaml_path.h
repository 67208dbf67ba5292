/*
 * yaml_path.h -- a file whose name stands in a YAML file, relative to the folder of that one.
 *
 *     lists:
 *       blocked: {file: blocked.txt}
 *                       ^ what is wrong with it is shown here: it has no line of its own to show
 *
 * Threads: any; nothing is kept.
 */
#ifndef SLUICE_BASE_YAML_PATH_H
#define SLUICE_BASE_YAML_PATH_H

#include "service/base/files.h"
#include "service/base/yaml.h"

/* Where it is. false, with a diagnostic: `node` is no text, or a path empty or too long. */
bool yaml_path(const struct yaml_file *file, const struct yaml_node *node, struct diag_list *diags,
               char ret_path[FILES_PATH_MAX]);

/* May it be read? false, with a diagnostic. */
bool yaml_path_opens(const struct yaml_file *file, const struct yaml_node *node, const char *path,
                     struct diag_list *diags);

/*
 * What is in it, with a NUL behind it that is not counted, in the arena.
 * Errors: ST_IO, ST_TOO_LARGE (more than max_bytes), ST_NO_SPACE, each with a diagnostic.
 */
MUST_USE enum status yaml_path_read(const struct yaml_file *file, const struct yaml_node *node,
                                    const char *path, size_t max_bytes, struct arena *arena,
                                    struct diag_list *diags, struct span *ret_content);

#endif
