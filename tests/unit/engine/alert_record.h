/*
 * alert_record.h -- alerts as an outbox keeps them, made by hand; for tests that need no
 * transaction.
 */
#ifndef SLUICE_TESTS_ENGINE_ALERT_RECORD_H
#define SLUICE_TESTS_ENGINE_ALERT_RECORD_H

#include "service/engine/alert.h"

enum { ALERT_RECORD_BYTES = 512 };

/* The record of transaction `id`, whose JSON is {"id":"<id>"}. */
struct span alert_record_make(const char *id, char room[ALERT_RECORD_BYTES]);

/* Is it that transaction's, with that JSON? */
bool alert_record_is(const struct alert *a, const char *id);

#endif
