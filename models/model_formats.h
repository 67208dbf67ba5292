/*
 * model_formats.h -- the files a model may come in, and who reads which.
 *
 * Each loader is given the whole file, and fills a `struct model` (model.h) that it has checked:
 * the indices of nodes, lanes, inputs, outputs and sets are within their arrays, children come
 * behind their parent, each node has one parent, and every number is finite that must be.
 */
#ifndef SLUICE_MODELS_MODEL_FORMATS_H
#define SLUICE_MODELS_MODEL_FORMATS_H

#include "models/model.h"

struct model_file {
    const char *name; /* in diagnostics */
    struct span bytes;
    struct arena *arena; /* for what the model keeps */
    struct diag_list *diags;
};

struct model_loader {
    /* By its first bytes: no other loader takes it, so the errors of this one are the user's. */
    bool (*is_its)(struct span bytes);
    enum status (*load)(const struct model_file *file, struct model *ret_model);
};

/* Ends with an empty one. */
extern const struct model_loader model_loaders[];

#endif
