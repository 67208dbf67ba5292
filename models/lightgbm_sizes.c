#include "models/lightgbm_sizes.h"

static enum status complain_of_size(const struct lightgbm_text *t, const char *what, int most)
{
    diag_error(t->file->diags, (struct diag_at){.file = t->file->name, .line = t->line}, NULL,
               "more than %d %s", most, what);
    return ST_TOO_LARGE;
}

static enum status measure_leaves(const struct lightgbm_text *t, struct span value,
                                  struct lightgbm_sizes *sizes)
{
    struct lightgbm_value v = {.text = value, .line = t->line, .col = sizeof "num_leaves="};
    double leaves;
    enum status st =
        lightgbm_numbers(t->file, "", "num_leaves", &v,
                         (struct lightgbm_range){1, LIGHTGBM_COUNT_MAX, true}, 1, &leaves);
    if (st != ST_OK)
        return st;
    if (leaves > (double)t->rest.len / 2) { /* so a claim costs no more than its file */
        diag_error(t->file->diags, (struct diag_at){.file = t->file->name, .line = t->line},
                   "is it whole?", "num_leaves is %.0f, and the file has no room for them", leaves);
        return ST_INVALID;
    }
    if (leaves > FOREST_NODES_MAX / 2 - sizes->leaves) /* n leaves are 2n - 1 nodes */
        return complain_of_size(t, "nodes in all trees", FOREST_NODES_MAX);
    sizes->leaves += (uint32_t)leaves;
    sizes->leaves_most = leaves > sizes->leaves_most ? (uint32_t)leaves : sizes->leaves_most;
    return ST_OK;
}

static enum status measure_line(const struct lightgbm_text *t, struct span line,
                                struct lightgbm_sizes *sizes)
{
    struct span leaves = span_str("num_leaves="), words = span_str("cat_threshold=");
    if (span_starts(line, span_str("Tree=")) && ++sizes->trees > FOREST_TREES_MAX)
        return complain_of_size(t, "trees", FOREST_TREES_MAX);
    if (span_starts(line, words)) {
        uint32_t n = (uint32_t)lightgbm_count(line); /* the file is not that large */
        sizes->set_words_most = n > sizes->set_words_most ? n : sizes->set_words_most;
    }
    if (!span_starts(line, leaves))
        return ST_OK;
    return measure_leaves(t, span_of(line.base + leaves.len, line.len - leaves.len), sizes);
}

enum status lightgbm_measure(struct lightgbm_text t, struct lightgbm_sizes *ret_sizes)
{
    struct lightgbm_sizes sizes = {0};
    struct span line;
    while (lightgbm_line(&t, &line)) {
        if (span_is(line, "end of trees")) {
            *ret_sizes = sizes;
            return ST_OK;
        }
        enum status st = measure_line(&t, line, &sizes);
        if (st != ST_OK)
            return st;
    }
    diag_error(t.file->diags, (struct diag_at){.file = t.file->name, .line = t.line},
               "is it whole?", "the file ends without \"end of trees\"");
    return ST_INVALID;
}
