/*
 * if_match.h -- the header If-Match of who changes the ruleset (RFC 9110, section 13.1.1).
 *
 *     If-Match: *                                        any
 *     If-Match: "9f2c41d07be83a56"                       the ruleset of this id
 *     If-Match: "9f2c41d07be83a56", W/"0b1d", "of more"  one of several; weak ones never match
 *
 * An ETag that no ruleset of ours can have is well-formed all the same: it matches none.
 *
 * Private to api/.
 */
#ifndef SLUICE_API_IF_MATCH_H
#define SLUICE_API_IF_MATCH_H

#include "service/base/status.h"
#include "service/base/text.h"

/*
 * Write what offers take (offers.h, if_match): "*", or the ids among the strong tags, a blank
 * between two, "" where there are none. Never longer than the header.
 * Errors: ST_INVALID: it is neither * nor a list of ETags; part of it was perhaps written.
 */
MUST_USE enum status if_match_read(struct span header, struct text *ids);

#endif
