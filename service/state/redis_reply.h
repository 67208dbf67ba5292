/*
 * redis_reply.h -- hiredis's replies in an arena of their connection, not on the heap.
 *
 * One MULTI of a transaction has twenty replies and more, each of them two blocks of the heap
 * otherwise. They are redisReply as ever, and live until the next reply is read.
 *
 * A string or array that the arena has no room for becomes an error reply, and so does what would
 * have stood in it; what follows is read on.
 *
 * Owns:    nothing. Threads: of the reader.
 */
#ifndef SLUICE_STATE_REDIS_REPLY_H
#define SLUICE_STATE_REDIS_REPLY_H

#include "service/base/arena.h"

#include <hiredis/hiredis.h>

/* All replies of `reader`, which has read nothing yet, are made in `a`. */
void redis_reply_use(redisReader *reader, struct arena *a);

#endif
