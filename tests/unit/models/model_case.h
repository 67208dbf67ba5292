/*
 * model_case.h -- the model of a test: the one it loaded last, and what was said of its file.
 *
 * The tests of one loader share it; each load begins anew.
 */
#ifndef SLUICE_TESTS_MODEL_CASE_H
#define SLUICE_TESTS_MODEL_CASE_H

#include "models/model.h"

enum { MODEL_CASE_BYTES = 16 << 20 }; /* of its arena */

extern struct arena arena;
extern struct diag_list diags;
extern struct model model; /* all zero when it was refused */

/* model_load() of `bytes` as the file `name`, into `model`. */
MUST_USE enum status load_model(const char *name, struct span bytes);

/* Asserts that it is loaded. */
void expect_loaded(const char *name, struct span bytes, enum model_format format);

/* Asserts that in an arena too small for it, however small, it is refused with one reason. */
void expect_refused_where_room_ends(const char *name, struct span bytes);

#endif
