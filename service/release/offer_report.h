/*
 * offer_report.h -- what became of a ruleset that was offered.
 *
 *     {"result":"refused","ruleset":null,"previous":"9f2c41d07be83a56","dry_run":false,
 *      "diagnostics":[{"level":"error","file":"rules.yaml","line":4,"col":11,"message":"...",
 *                      "hint":"..."}],"diagnostics_omitted":0,"gate":null,"kept":false,
 *      "published":false,"notes":[]}
 */
#ifndef SLUICE_RELEASE_OFFER_REPORT_H
#define SLUICE_RELEASE_OFFER_REPORT_H

#include "service/base/diag.h"
#include "service/trial/gate_report.h"

enum {
    OFFER_ID_BYTES = 17, /* 16 hex and a NUL */
    OFFER_NOTE_MAX = 256,
    OFFER_REPORT_BYTES = 128 << 10, /* room for offer_report_write(): DIAG_MAX texts, escaped */
};

/* X(name, text, did it end well?) */
#define OFFER_RESULT_TABLE(X)                                                        \
    X(OFFER_LOADED, "loaded", true)       /* it decides now */                       \
    X(OFFER_UNCHANGED, "unchanged", true) /* it has decided before */                \
    X(OFFER_CHECKED, "checked", true)     /* a dry run: it would be loaded */        \
    X(OFFER_REFUSED, "refused", false)    /* its diagnostics say why */              \
    X(OFFER_GATED, "gated", false)        /* the gate says why */                    \
    X(OFFER_MISMATCH, "mismatch", false)  /* another one decides than was thought */ \
    X(OFFER_BUSY, "busy", false)          /* another offer is under way */

enum offer_result {
#define X(name, text, is_good) name,
    OFFER_RESULT_TABLE(X)
#undef X
        OFFER_RESULTS
};

const char *offer_result_text(enum offer_result result);
bool offer_result_is_good(enum offer_result result);

struct offer_report {
    enum offer_result result;
    bool is_dry_run;
    char ruleset[OFFER_ID_BYTES];  /* "": it could not be loaded */
    char previous[OFFER_ID_BYTES]; /* what decided before */
    struct diag_list diags;
    struct gate_report gate;
    bool is_kept;              /* as a version that can be gone back to */
    bool is_published;         /* to all instances */
    char note[OFFER_NOTE_MAX]; /* why it was not kept, or not published; "" */
};

/* As above, without a newline. */
void offer_report_write(const struct offer_report *report, struct text *out);

#endif
