/*
 * versions.h -- the rulesets that have decided here, kept on disk by their content.
 *
 *     DIR/active.json                    {"ruleset":ID,"previous":ID,"file":ID}
 *     DIR/9f2c41d07be83a56/version.json  {"ruleset":ID,"previous":ID,"who":...,"from":"PUT", ...}
 *                          files/ruleset.yaml, and what it names
 *     DIR/incoming-XXXXXX/           what is being unpacked or written; gone with the next start
 *
 * A version is written beside, synced and renamed: it is there whole or not at all. A ruleset of
 * which a file stands outside of its folder cannot be kept. Beyond `keep` the ones that were
 * active longest ago go, never the active one or the one before it.
 *
 * active.json also tells what the configured file was when that ruleset became active, or when the
 * gate refused it since: at the next start it decides which of the two is newer (versions_choose).
 *
 * Owns:    the folder. Two services in one folder find each other's versions, and write over each
 *          other's note of what is active: give each its own.
 * Threads: any; one lock.
 */
#ifndef SLUICE_RELEASE_VERSIONS_H
#define SLUICE_RELEASE_VERSIONS_H

#include "service/base/files.h"
#include "service/engine/snapshot.h"

enum {
    VERSION_ID_BYTES = 17, /* 16 hex and a NUL */
    VERSION_WHO_BYTES = 128,
    VERSION_FROM_BYTES = 16,
    VERSIONS_MAX = 10000, /* that are kept: each look at them reads all their version.json */
};

struct version {
    char id[VERSION_ID_BYTES];
    char previous[VERSION_ID_BYTES]; /* "": none */
    char who[VERSION_WHO_BYTES];
    char from[VERSION_FROM_BYTES]; /* "PUT" */
    int64_t at_ms;                 /* it became active last */
};

struct version_active {
    char id[VERSION_ID_BYTES]; /* "": none was noted */
    char previous[VERSION_ID_BYTES];
    char file[VERSION_ID_BYTES]; /* what the configured file was then; "": it could not be loaded */
};

struct versions;

/* Makes the folder. Errors: ST_IO, ST_TOO_LARGE (the path); ret_why[256] says what. */
MUST_USE enum status versions_open(const char *dir, int keep, struct versions **ret_versions,
                                   char *ret_why);
void versions_close(struct versions *v); /* NULL is fine */

/* Is `text` of the form of an id: 16 lower-case hex digits? */
bool version_is_id(const char *text);

/*
 * Keep the files of `snap` as the version info->id, or note info about one that is kept already.
 * Errors: ST_INVALID (a file outside of the ruleset's folder; a diagnostic, a warning, says
 * which), ST_IO, ST_TOO_LARGE.
 */
MUST_USE enum status versions_keep(struct versions *v, const struct snapshot *snap,
                                   const struct version *info, struct diag_list *diags);

/* And let go of what is beyond the limit. Errors: ST_IO. */
MUST_USE enum status versions_note_active(struct versions *v, const struct version_active *active);
struct version_active versions_active(struct versions *v);

/* Up to `max`, the one that was active last first; how many. O(versions). */
int versions_list(struct versions *v, struct version *ret_list, int max);
/* Errors: ST_NOT_FOUND. */
MUST_USE enum status versions_find(struct versions *v, const char *id, struct version *ret_version);
/* The path of a version's ruleset file, whether it is there or not. */
void versions_path(const struct versions *v, const char *id, char ret_path[FILES_PATH_MAX]);

/* A new folder of its own below DIR, to be unpacked into; files_remove() it. Errors: ST_IO. */
MUST_USE enum status versions_scratch(struct versions *v, char ret_folder[FILES_PATH_MAX]);

/*
 * At a start: the newest change wins. `file_id` is what the configured file holds now, "" when it
 * cannot be loaded. true: the version noted active is kept, is another one, and the file is what
 * it was when that became active (or is broken): load *ret_id.
 */
bool versions_choose(struct versions *v, const char *file_id, char ret_id[VERSION_ID_BYTES]);

#endif
