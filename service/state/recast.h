/*
 * recast.h -- the records of a log, in the layout of a ruleset that needs less.
 *
 *     record of a layout with columns a b c     ──>  record of the plan's: a c
 *                         of one without c      ──>  as it is: it does not say what c was
 *
 * Pure. A record's transaction, attempt and times stay.
 */
#ifndef SLUICE_STATE_RECAST_H
#define SLUICE_STATE_RECAST_H

#include "service/state/plan.h"

/*
 * `log`, its header as it is, into `arena`; never longer. Errors: ST_NOT_FOUND (a layout that is
 * not in the book), ST_CORRUPT, ST_NO_SPACE.
 */
MUST_USE enum status recast_log(const struct plan *plan, const struct layout_book *book,
                                struct span log, struct arena *arena, struct span *ret_log);

#endif
