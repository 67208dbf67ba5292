/*
 * ubjson_write.h -- UBJSON as XGBoost writes it, from jansson's values: arrays of one type where
 * all are real or all are whole (int8 or int32), counted ones elsewhere, lengths of int64.
 */
#ifndef SLUICE_TESTS_UBJSON_WRITE_H
#define SLUICE_TESTS_UBJSON_WRITE_H

#include "service/base/text.h"

#include <jansson.h>

void ubjson_write(const json_t *json, struct text *out);

#endif
