/*
 * offload.h -- slow work of a handler (files, a Redis that is waited for), off the loops.
 *
 *     worker's loop:  handler ── request_offload() ──╮            after(r, user) ──> the reply
 *                     the connection sleeps          │              ^
 *     libuv's pool:                                  ╰─ work(user) ─╯
 *
 * Threads: call on the request's worker; `after` runs there; `work` does not, and sees of the
 * request nothing but what `user` copied or what nobody changes until `after` (params, body).
 */
#ifndef SLUICE_API_OFFLOAD_H
#define SLUICE_API_OFFLOAD_H

#include "api/request.h"

/* Under way on one worker; past that 503. The pool has four threads, of which a checkpoint and
 * the drain want one each: more would only wait there. */
enum { OFFLOADS_MAX = 16 };

/*
 * Holds `r` until `after` has returned, so a drain waits for it; `work` must therefore end by
 * itself, within its own timeouts. `after` is called always and answers `r`, also when its client
 * has left: it may not ask for headers or query parameters, take those before. From a handler
 * only. Errors: ST_NO_SPACE: OFFLOADS_MAX are under way or there is no memory; the problem was
 * sent, and neither will be called.
 */
MUST_USE enum status request_offload(struct request *r, void (*work)(void *user),
                                     void (*after)(struct request *r, void *user), void *user);

#endif
