/*
 * score_reply.h -- what the engine answered, as HTTP.
 *
 *     SCORE_DECIDED, SCORE_LABELLED  200      SCORE_PARKED  202
 *     SCORE_REFUSED                  400, 413 or 422, as the reader says
 *     SCORE_CONFLICT                 422      SCORE_UNAVAILABLE, SCORE_OVERLOADED  503
 */
#ifndef SLUICE_API_SCORE_REPLY_H
#define SLUICE_API_SCORE_REPLY_H

#include "api/request.h"

/* The answer into *reply, or status 0 when it is a problem. Borrows from the score's arena. */
void score_reply(const struct score *s, struct reply *reply);

/* Which problem it is. */
enum problem score_problem(const struct score *s);

/* Where in the body; NULL when that says nothing (503). Borrows from the score. */
const struct problem_error *score_problem_error(const struct score *s, struct problem_error *room);

#endif
