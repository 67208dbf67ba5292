#include "models/model_formats.h"

#include "models/model_lightgbm.h"
#include "models/model_linear.h"

const struct model_loader model_loaders[] = {
    {model_linear_is_its, model_linear_load},
    {model_lightgbm_is_its, model_lightgbm_load},
    {NULL, NULL},
};
