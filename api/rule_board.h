/*
 * rule_board.h -- the table of rules (rule_table.h) for an answer: asked of the state, and made.
 *
 * Private to api/.
 *
 * Threads: of the request's worker.
 */
#ifndef SLUICE_API_RULE_BOARD_H
#define SLUICE_API_RULE_BOARD_H

#include "api/http_worker.h"
#include "service/engine/rule_table.h"

/*
 * Ask for the labels that were counted, and then call `show` once, with the table, or with NULL:
 * the state has not answered in time. The
 * table ends with the call, the request does not before it answers.
 */
void rule_board_ask(struct request *r, void (*show)(struct request *r, const struct rule_table *t));

/* `name`, and null where there are too few to say. */
void rule_board_put_share(struct text *out, const char *name, bool is_known, double share);

/* `name`, and {"fraud":2,"legitimate":1,"amounts":[{"currency":"EUR","fraud":190,...}]} */
void rule_board_put_labels(struct text *out, const char *name, const struct rule_labels *l);

#endif
