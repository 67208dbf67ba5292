#include "models/model_formats.h"

const struct model_loader model_loaders[] = {
    {NULL, NULL},
};
