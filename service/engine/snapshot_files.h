/*
 * snapshot_files.h -- which files a ruleset is made of.
 *
 *     ruleset.yaml   rules: [velocity.yaml, ../shared/geo.yaml]   lists: {bad: {file: bad.txt}}
 *          │          models: {fraud: {file: fraud.json, baseline: fraud.baseline.json}}
 *          └─> rules/cards/ruleset.yaml     "ruleset.yaml"      always the first
 *              rules/cards/bad.txt          "bad.txt"           lists, in their order
 *              rules/cards/fraud.json       "fraud.json"        models, in theirs, each
 *              rules/cards/fraud.base...    "fraud.base..."     before its baseline
 *              rules/cards/velocity.yaml    "velocity.yaml"     then rules, in theirs
 *              rules/cards/../shared/geo.yaml   NULL            it is outside of the folder
 *
 * Found in the ruleset file alone, before any of the others is read: so they are known too where
 * one of them is missing or wrong.
 *
 * Owns: all lives in the arena given.
 */
#ifndef SLUICE_ENGINE_SNAPSHOT_FILES_H
#define SLUICE_ENGINE_SNAPSHOT_FILES_H

#include "service/base/yaml.h"

/* What the ruleset file is called in a bundle and in a kept version, whatever it was before. */
#define SNAPSHOT_RULESET_NAME "ruleset.yaml"

enum {
    SNAPSHOT_NAME_MAX = 255,  /* bytes of a name within the folder */
    SNAPSHOT_NAME_PARTS = 16, /* of it: folders and the file */
};

struct snapshot_file {
    const char *path;    /* as it is opened */
    const char *name;    /* within the ruleset's folder, clean; NULL: it is outside */
    struct span content; /* its bytes, once the whole was loaded */
};

struct snapshot_files {
    struct snapshot_file *items;
    int count;
};

/*
 * The files that `ruleset`, loaded from `path`, names, itself first. `is_confined`: a name that
 * leads out of the folder is refused, for whoever sent the ruleset may not read our disk.
 * Errors: ST_INVALID, ST_NO_SPACE, each with a diagnostic.
 */
MUST_USE enum status snapshot_files_find(const struct yaml_file *ruleset, const char *path,
                                         bool is_confined, struct arena *arena,
                                         struct diag_list *diags, struct snapshot_files *ret_files);

/*
 * `name` without "." and empty parts. Errors: ST_INVALID: it is absolute, has "..", control
 * characters or a backslash, or is over one of the limits; ret_clean is then untouched.
 */
MUST_USE enum status snapshot_file_clean(struct span name, char ret_clean[SNAPSHOT_NAME_MAX + 1]);

#endif
