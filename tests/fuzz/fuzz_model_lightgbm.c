/*
 * fuzz_model_lightgbm.c -- any text is a LightGBM model, or is refused with a reason; of what is
 * loaded model_world.h's promises hold.
 */
#include "tests/fuzz/fuzz.h"

#include "models/model_lightgbm.h"
#include "service/base/check.h"
#include "tests/fuzz/model_world.h"
#include "tests/fuzz/seed_text.h"

enum { BLOCK_BYTES = 32 << 20 };

static char block[BLOCK_BYTES];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct model model;
    arena_init(&arena, block, sizeof block);
    if (!model_world_load("fuzz.txt", span_of(data, size), &arena, &model) ||
        model.format != MODEL_LIGHTGBM)
        return 0;
    CHECK(model.n_inputs >= 1);
    model_world_check(&model);
    return 0;
}

/* ---- where mutations start ---- */

#define HEAD(classes, objective)                                                                   \
    "tree\nversion=v4\nnum_class=" classes "\nnum_tree_per_iteration=" classes "\nlabel_index=0\n" \
    "max_feature_idx=1\nobjective=" objective "\nfeature_names=amount country\n"                   \
    "feature_infos=[0:950] -1:2:0:1\n\n"
#define SPLITS(number)                                                                          \
    "Tree=" number "\nnum_leaves=4\nnum_cat=1\nsplit_feature=0 1 0\nthreshold=0.5 0 inf\n"      \
    "decision_type=10 1 8\nleft_child=2 -2 -1\nright_child=1 -3 -4\nleaf_value=1 0.1 -2e-1 3\n" \
    "leaf_count=30 20 10 5\ninternal_count=65 30 35\ncat_boundaries=0 2\ncat_threshold=4 2\n"   \
    "is_linear=0\nshrinkage=1\n\n\n"
#define LEAF(number) "Tree=" number "\nnum_leaves=1\nnum_cat=0\nleaf_value=0.25\nshrinkage=1\n\n\n"
#define TAIL                                                                       \
    "end of trees\n\nparameters:\n[categorical_feature: 1]\nend of parameters\n\n" \
    "pandas_categorical:[[\"FR\", \"GB\", 5411, true]]\n"

static const char *const files[] = {
    HEAD("1", "binary sigmoid:1") SPLITS("0") LEAF("1") TAIL,
    HEAD("1", "regression sqrt") SPLITS("0") SPLITS("1") "end of trees\n",
    HEAD("2", "multiclass num_class:2\naverage_output") SPLITS("0") SPLITS("1") TAIL,
    HEAD("1", "poisson") SPLITS("0") SPLITS("1") SPLITS("2") SPLITS("3") SPLITS("4") SPLITS("5")
        SPLITS("6") SPLITS("7") SPLITS("8") TAIL,
};

size_t fuzz_seed(size_t i, uint8_t *buf, size_t cap)
{
    return fuzz_seed_text(files, sizeof files / sizeof *files, i, buf, cap);
}

const char *fuzz_word(size_t i)
{
    static const char *const words[] = {
        "Tree=",
        "num_leaves=",
        "num_cat=",
        "\nthreshold=",
        "decision_type=",
        "left_child=",
        "right_child=",
        "leaf_value=",
        "leaf_count=",
        "internal_count=",
        "is_linear=1",
        "cat_boundaries=",
        "cat_threshold=",
        "end of trees\n",
        "average_output\n",
        " -1",
        " 4294967295",
        " 1e308",
        " inf",
        "split_feature=",
        " 65536",
        "sigmoid:0.5",
        "multiclassova",
        "1 2 3",
        "\n\n",
        "tweedie",
        "version=v3\n",
        "num_class=3\n",
        "max_feature_idx=511",
    };
    return i < sizeof words / sizeof *words ? words[i] : NULL;
}
