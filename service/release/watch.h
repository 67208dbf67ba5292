/*
 * watch.h -- files are watched for changes, however they are made.
 *
 *     in place ──────────────╮
 *     written and renamed ───┼─> an event of the folder ─╮
 *     ..data link swapped ───╯                           ├─ quiet for debounce_ms ──> changed()
 *     anything else (NFS, a link further up) ── a look each 2 s ─╯
 *
 * Folders are watched and not files: an editor renames a new file over the old one, and Kubernetes
 * swaps a link beside it; a watch on the file itself would stay with what is gone. Events about
 * other files of those folders are left alone.
 *
 * Owns:    handles of the loop. Threads: of the loop.
 */
#ifndef SLUICE_RELEASE_WATCH_H
#define SLUICE_RELEASE_WATCH_H

#include "service/base/span.h"

#include <uv.h>

enum {
    WATCH_FILES_MAX = 1024, /* a ruleset names 513 at most, each perhaps through a link */
    WATCH_FOLDERS_MAX = 64, /* more are looked at each 2 s alone */
    WATCH_LOOK_MS = 2000,
};

/* What a file was when it was named: which one, how large, since when; all -1: it was not there. */
struct watch_file {
    char *path;
    int64_t facts[5];
};

struct watch_list {
    struct watch_file items[WATCH_FILES_MAX];
    int count;
};

/* Before the file is read: what changes behind that is a change. A link's target is added too. Past
 * WATCH_FILES_MAX nothing is. */
void watch_list_add(struct watch_list *list, const char *path);
void watch_list_clear(struct watch_list *list);

struct watch;

/* CHECKs on no memory. `changed` is told once for each burst of events. */
struct watch *watch_new(uv_loop_t *loop, int64_t debounce_ms, void (*changed)(void *user),
                        void *user);
/* The loop must run until it has let go of its handles; the rest goes then. NULL is fine. */
void watch_close(struct watch *w);

/* Watch these instead of what was watched; they are copied. One that has changed since it was
 * put on the list is a change. */
void watch_files(struct watch *w, const struct watch_list *files);

#endif
