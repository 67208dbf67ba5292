/*
 * diag.h -- what is wrong with a user's file, and what to do about it.
 *
 *     rules/velocity.yaml:4:11: unknown name 'account_tx_cuont_5m'
 *         when: account_tx_cuont_5m > 10
 *               ^
 *     did you mean 'account_tx_count_5m'?
 *
 * A list holds at most DIAG_MAX; the rest is counted. All texts are copied. Of a file that has
 * secrets no line is shown that may hold one, and what a message or hint quotes of an address is
 * stars up to its last '@'.
 */
#ifndef SLUICE_BASE_DIAG_H
#define SLUICE_BASE_DIAG_H

#include "service/base/span.h"
#include "service/base/text.h"

enum {
    DIAG_MAX = 20,          /* nobody reads more at once */
    DIAG_MESSAGE_MAX = 240, /* bytes of a message, a hint or a source line; longer ones are cut */
    DIAG_FILE_MAX = 256,
};

enum diag_level { DIAG_ERROR, DIAG_WARNING };

/* A place in a file; line and col count from 1, col in bytes; 0: not known. */
struct diag_at {
    const char *file;    /* NUL-terminated, as the user named it; may be NULL */
    struct span content; /* the file's bytes, to show the line; may be empty */
    int line;
    int col;
};

struct diag {
    enum diag_level level;
    int line;
    int col;
    char file[DIAG_FILE_MAX];
    char message[DIAG_MESSAGE_MAX];
    char source[DIAG_MESSAGE_MAX]; /* the line of the file, "" when not known; of a long one what
                                    * stands around col, between "..." */
    int source_col;                /* where in `source` the caret goes */
    char hint[DIAG_MESSAGE_MAX];   /* "" when there is none */
};

struct diag_list {
    struct diag items[DIAG_MAX];
    int count;        /* items that are filled */
    int errors;       /* of level DIAG_ERROR, those past DIAG_MAX included */
    int dropped;      /* past DIAG_MAX */
    bool has_secrets; /* the file that is read now */
};

/* Adds one error or warning; `hint` may be NULL. */
__attribute__((format(printf, 4, 5))) void diag_error(struct diag_list *list, struct diag_at at,
                                                      const char *hint, const char *format, ...);
__attribute__((format(printf, 4, 5))) void diag_warning(struct diag_list *list, struct diag_at at,
                                                        const char *hint, const char *format, ...);

/* One diagnostic, or all, as shown above, each line ended by '\n'. */
void diag_print(const struct diag *d, struct text *out);
void diag_print_all(const struct diag_list *list, struct text *out);

/* "rules.yaml:4:11: unknown name", in one line; the place as far as it is known. */
void diag_write_line(const struct diag *d, struct text *out);
/* {"level":"error","file":...,"line":4,"col":11,"message":...,"hint":...}, without a newline. */
void diag_write_json(const struct diag *d, struct text *out);

/* Take `folder` and the slash behind it off the files that begin with it: what was unpacked to some
 * place is shown by the names its sender knows. */
void diag_strip_folder(struct diag_list *list, const char *folder);

/*
 * The name of `names[0..n)` nearest to `wrong` by edit distance (two neighbours swapped are
 * one edit), when it is near enough to be meant (a third of its length), else NULL.
 * O(n * len^2).
 */
const char *diag_nearest(struct span wrong, const char *const *names, size_t n);
/* The same of spans: its index, or -1. */
int diag_nearest_span(struct span wrong, const struct span *names, int n);

#endif
