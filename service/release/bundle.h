/*
 * bundle.h -- a ruleset as one piece of bytes: a tar of its folder, by gzip or not.
 *
 *     ruleset.yaml
 *     velocity.yaml
 *     lists/devices.txt
 *
 * Written: gzip, the ruleset file first, without times or owners, so that the same files give the
 * same bytes. Read: what `tar czf` makes of a folder, or of what is in it; ruleset.yaml stands at
 * the top or in the only folder there. Who sends one is not trusted: names are relative and clean
 * (snapshot_file_clean), everything is a plain file or a folder, nothing stands there twice, and
 * the limits below hold for what comes out.
 *
 * Source: POSIX.1-2017 pax; libarchive.
 */
#ifndef SLUICE_RELEASE_BUNDLE_H
#define SLUICE_RELEASE_BUNDLE_H

#include "service/base/diag.h"
#include "service/base/status.h"
#include "service/engine/snapshot_files.h"

#include <stdint.h>
#include <sys/types.h>

enum {
    BUNDLE_FILES_MAX = 1024,        /* a ruleset names 529 at most; a folder has a README too */
    BUNDLE_PACKED_BYTES = 64 << 20, /* a list of a million items is 20 MB, by gzip a third */
    BUNDLE_BYTES_MAX = 256 << 20,   /* of all files, unpacked: what a snapshot may take */
    BUNDLE_PATH_BYTES = 4096,
};

/* Where packed bytes come from. Up to `cap` from `offset`; 0 at the end, -1 when they cannot be
 * read. */
struct bundle_source {
    ssize_t (*read)(void *user, uint64_t offset, char *out, size_t cap);
    void *user;
};

/* From bytes in memory; `bytes` outlives the source. */
struct bundle_source bundle_of_span(const struct span *bytes);

/*
 * Unpack into `folder`, which is there and empty. ret_ruleset: the path of the ruleset file.
 * Errors: ST_INVALID (no tar, names, links, no ruleset), ST_TOO_LARGE (a limit), ST_IO (our disk,
 * or the source); each with a diagnostic. What was unpacked by then is left for the caller.
 */
MUST_USE enum status bundle_unpack(const struct bundle_source *from, const char *folder,
                                   struct diag_list *diags, char ret_ruleset[BUNDLE_PATH_BYTES]);

/*
 * Pack `files`, which must all have names and their content; a file named twice goes once. The
 * bytes are the caller's, free(). O(bytes). Errors: ST_INVALID: one is outside of the folder, or
 * two would have one name (diagnostic); ST_TOO_LARGE (BUNDLE_PACKED_BYTES, diagnostic).
 */
MUST_USE enum status bundle_pack(const struct snapshot_files *files, struct diag_list *diags,
                                 char **ret_bytes, size_t *ret_len);

#endif
