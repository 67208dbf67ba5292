/*
 * audit.h -- who changed what decides, when, and what became of it: one JSON object a line.
 *
 *     {"at":"2026-01-05T12:00:00.123Z","who":"alice","address":"127.0.0.1","request":"5f0c...",
 *      "action":"ruleset","from":"PUT","result":"loaded","ruleset":"9f2c41d07be83a56",
 *      "previous":"0b1d...","errors":0,"warnings":1,"dry_run":false,"forced":false,"gate":null}
 *
 *     who    alice                 a name of admin.keys
 *            anonymous@10.0.0.7    whoever is there, where there are no keys
 *            local                 the machine's own: its start, SIGHUP, a file, drift
 *            alice@node-1:8080     a node, or `sluice publish`, by way of Redis
 *
 * A line is on the disk when audit_append() answers. The file is never rotated here: somebody else
 * may move it away (line_file.h).
 *
 * Owns:    the file. Threads: any; one lock.
 */
#ifndef SLUICE_IO_AUDIT_H
#define SLUICE_IO_AUDIT_H

#include "service/base/span.h"
#include "service/base/status.h"

#include <stdint.h>

enum {
    AUDIT_MORE_MAX = 8 << 10, /* bytes of an entry's own members */
    AUDIT_TEXT_MAX = 512,     /* of each text; what is longer is cut */
};

struct audit_entry {
    int64_t at_ms;       /* wall clock; 0: now */
    const char *who;     /* as above */
    const char *address; /* "": it did not come over the network */
    uint64_t request_id; /* 0: none */
    const char *action;  /* "ruleset", "list.put" */
    const char *result;  /* "loaded", "refused" */
    struct span more;    /* members of its own, each with a comma before it: `,"list":"bad"`; may be
                          * empty */
};

struct audit;

/* `path` "": nothing is written. Folders are made. Errors: ST_IO, ST_TOO_LARGE (the path). */
MUST_USE enum status audit_open(const char *path, struct audit **ret_audit);
void audit_close(struct audit *a); /* NULL is fine */

/* Errors: ST_IO: the line is perhaps not on the disk; ST_TOO_LARGE. What it speaks of has happened
 * all the same: log it. */
MUST_USE enum status audit_append(struct audit *a, const struct audit_entry *e);

#endif
