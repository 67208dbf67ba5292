#include "models/model_formats.h"

#include "models/model_isolation.h"
#include "models/model_lightgbm.h"
#include "models/model_linear.h"
#include "models/model_xgboost.h"

const struct model_loader model_loaders[] = {
    {model_isolation_is_its, model_isolation_load},
    {model_lightgbm_is_its, model_lightgbm_load},
    {model_xgboost_is_its, model_xgboost_load},
    {model_linear_is_its, model_linear_load}, /* looks through the whole file */
    {NULL, NULL},
};
