/*
 * fuzz_model_xgboost.c -- any bytes are a model of XGBoost, in JSON or UBJSON, or are refused with
 * a reason; of what is loaded model_world.h's promises hold.
 */
#include "tests/fuzz/fuzz.h"

#include "service/base/check.h"
#include "tests/fuzz/model_world.h"
#include "tests/unit/models/xgboost_case.h"

enum { BLOCK_BYTES = 64 << 20 }; /* of them what a model does not ask for is not touched */

static char block[BLOCK_BYTES];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct model model;
    arena_init(&arena, block, sizeof block);
    if (model_world_load("fuzz.json", span_of(data, size), &arena, &model) &&
        model.format == MODEL_XGBOOST)
        model_world_check(&model);
    return 0;
}

size_t fuzz_seed(size_t i, uint8_t *buf, size_t cap)
{
    struct text text;
    text_init(&text, buf, cap);
    if (i == 0)
        text_str(&text, xgboost_case);
    else if (i == 1)
        xgboost_case_ubjson(&text);
    else
        return SIZE_MAX;
    CHECK(!text.overflow);
    return text.len;
}

const char *fuzz_word(size_t i)
{
    static const char *const words[] = {
        "\"num_class\":\"2\"",
        "multi:softprob",
        "reg:gamma",
        "reg:squarederror",
        "\"name\":\"dart\"",
        "\"gbtree\":",
        "\"weight_drop\":",
        "[1,3,-1,-1,-1]",
        "[2,4,-1,-1,-1]",
        "[0,1,0,0,0]",
        "[1,0,0]",
        "-1",
        "1E38",
        "1E-45",
        "65535",
        "4294967295",
        "null",
        "true",
        "{}",
        "[]",
        "$d#L",
        "$l#L",
        "[#L",
        "\"iteration_indptr\"",
        "\"categories_nodes\"",
        "\"split_type\"",
        NULL,
    };
    return words[i];
}
