/*
 * model_json.h -- a model's file as jansson's values, from JSON or UBJSON.
 *
 * jansson takes some 50 bytes for a value, and some hundred more for its name, or for an array or
 * object, whatever that takes in the file: their number is bound before they are made.
 *
 * Owns:    nothing.
 * Threads: any.
 */
#ifndef SLUICE_MODELS_MODEL_JSON_H
#define SLUICE_MODELS_MODEL_JSON_H

#include "models/model_formats.h"
#include "models/ubjson.h"

#include <jansson.h>

enum {
    MODEL_VALUES_MAX = 8 << 20,           /* 64 MiB of JSON have as many; 400 MB while it is read */
    MODEL_NESTED_MAX = UBJSON_NESTED_MAX, /* of them arrays and objects: 300 bytes each */
    MODEL_NAMES_MAX = UBJSON_NAMES_MAX,   /* of them in objects: 100 bytes each for the name */
};

/* Of what there may be too much in it, such as "8388608 values"; NULL: of nothing. O(bytes). */
const char *model_json_over(struct span json);

/* Do they begin an object, in JSON or UBJSON, whose first name is `name`? */
bool model_json_begins(struct span bytes, const char *name);

/*
 * The object that the file is; json_decref() it. A name that is there twice is refused.
 * Errors: ST_INVALID, ST_TOO_LARGE, ST_NO_SPACE, with a diagnostic.
 */
MUST_USE enum status model_json_read(const struct model_file *file, json_t **ret_object);

/*
 * A model from the file's object: `read` makes it of `begun`, and what it makes is *ret_model when
 * it says ST_OK. Errors: model_json_read's, and those of `read`.
 */
MUST_USE enum status model_json_load(const struct model_file *file, struct model begun,
                                     enum status (*read)(const struct model_file *file,
                                                         json_t *object, struct model *model),
                                     struct model *ret_model);

/*
 * Trees are written as columns: under each of keys[n] an array, with a value for each node. Puts
 * them to columns[n], borrowed; -1, or the first of them that is no array of n_values.
 */
int model_json_columns(const json_t *tree, const char *const *keys, int n, size_t n_values,
                       const json_t **columns);

#endif
