/*
 * ruleset_change.h -- what the handlers that show and change the ruleset share.
 *
 * Private to api/.
 */
#ifndef SLUICE_API_RULESET_CHANGE_H
#define SLUICE_API_RULESET_CHANGE_H

#include "api/request.h"
#include "api/spool.h"
#include "service/release/bundle.h"
#include "service/release/offers.h"

/* `"id"`, in the request's arena; NULL when that is full. */
const char *ruleset_etag(struct request *r, const char *id);

/*
 * The header If-Match as offers take it (if_match.h), in the request's arena; NULL: there is none.
 * Errors: ST_INVALID, ST_NO_SPACE, and the problem was sent.
 */
MUST_USE enum status ruleset_if_match(struct request *r, const char **ret_ids);

/* 404: no version of this id is kept; "": what was asked for cannot be the id of one. */
void ruleset_unknown(struct request *r, const char *id);

/*
 * Unpack a bundle into a folder of its own, beside the `versions` or, where that is NULL, in
 * `spool_dir`. ret_folder: remove it (files_remove) whatever came of it; "": there is none.
 * ret_path: the ruleset file in it. Blocks. Errors: as bundle_unpack, with a diagnostic.
 */
MUST_USE enum status ruleset_unpack(struct spool *upload, struct versions *versions,
                                    const char *spool_dir, struct diag_list *diags,
                                    char ret_folder[FILES_PATH_MAX],
                                    char ret_path[BUNDLE_PATH_BYTES]);

/* The answer to an offer: 200 and the report, or a problem with the report in it. */
void ruleset_reply(struct request *r, const struct offer_report *report);

#endif
