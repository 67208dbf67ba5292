#include "models/model_lightgbm.h"

#include "models/lightgbm_categories.h"
#include "models/lightgbm_tree.h"

#include <jansson.h>

/* Lines before the first tree that are read. X(name, key) */
#define HEADER_TABLE(X)                                 \
    X(VERSION, "version")                               \
    X(NUM_CLASS, "num_class")                           \
    X(NUM_TREE_PER_ITERATION, "num_tree_per_iteration") \
    X(MAX_FEATURE_IDX, "max_feature_idx")               \
    X(OBJECTIVE, "objective")                           \
    X(AVERAGE_OUTPUT, "average_output")                 \
    X(FEATURE_NAMES, "feature_names")                   \
    X(FEATURE_INFOS, "feature_infos")

enum header_key {
#define X(name, key) name,
    HEADER_TABLE(X)
#undef X
        HEADER_KEYS
};

static const char *const header_keys[] = {
#define X(name, key) key,
    HEADER_TABLE(X)
#undef X
        NULL};

/* One file while it is read. */
struct load {
    const struct model_file *file;
    struct lightgbm_text text;
    struct lightgbm_value header[HEADER_KEYS];
    struct model model;
};

static struct diag_at at_line(const struct load *l, int line)
{
    return (struct diag_at){.file = l->file->name, .line = line};
}

static enum status reserve(const struct load *l, size_t n, size_t size, void **ret_mem)
{
    enum status st = arena_alloc(l->file->arena, n * size, ret_mem);
    if (st != ST_OK)
        diag_error(l->file->diags, at_line(l, 0), NULL, "no room for the model");
    return st;
}

/* Words of the file in a message: what is long is cut, what is no plain text not shown. */
static struct span shown(struct span word)
{
    enum { SHOWN_MAX = 40 };
    for (size_t i = 0; i < word.len; i++)
        if (word.base[i] < ' ' || word.base[i] > '~')
            return span_str("?");
    return word.len <= SHOWN_MAX ? word : span_of(word.base, SHOWN_MAX);
}

/* ---- the header ---- */

bool model_lightgbm_is_its(struct span bytes)
{
    return span_starts(bytes, span_str("tree\n")) || span_starts(bytes, span_str("tree\r\n"));
}

static enum status read_header(struct load *l)
{
    struct lightgbm_text next = l->text;
    struct span line;
    while (lightgbm_line(&next, &line) && !span_starts(line, span_str("Tree=")) &&
           !span_is(line, "end of trees")) {
        enum status st = lightgbm_keep(&next, line, header_keys, l->header);
        if (st != ST_OK)
            return st;
        l->text = next;
    }
    for (int i = 0; i < HEADER_KEYS; i++)
        if (l->header[i].line == 0 && i != OBJECTIVE && i != AVERAGE_OUTPUT) {
            diag_error(l->file->diags, at_line(l, l->text.line), NULL,
                       "%s is missing before the first tree", header_keys[i]);
            return ST_INVALID;
        }
    return ST_OK;
}

static enum status check_version(const struct load *l)
{
    const struct lightgbm_value *version = &l->header[VERSION];
    struct span word = shown(version->text);
    if (span_is(version->text, "v3") || span_is(version->text, "v4"))
        return ST_OK;
    diag_error(l->file->diags, at_line(l, version->line),
               "save it with LightGBM 3 or 4; these write v3 and v4",
               "version '%.*s' of LightGBM's text is not known", SPAN_ARG(word));
    return ST_UNSUPPORTED;
}

static enum status read_whole(const struct load *l, enum header_key key, double least, double most,
                              int *ret_v)
{
    double v;
    enum status st = lightgbm_numbers(l->file, "", header_keys[key], &l->header[key],
                                      (struct lightgbm_range){least, most, true}, 1, &v);
    if (st == ST_OK)
        *ret_v = (int)v;
    return st;
}

static enum status read_sizes(struct load *l)
{
    int classes, last_input;
    enum status st = read_whole(l, NUM_CLASS, 1, FOREST_OUTPUTS_MAX, &classes);
    if (st == ST_OK)
        st = read_whole(l, NUM_TREE_PER_ITERATION, 1, FOREST_OUTPUTS_MAX, &l->model.n_outputs);
    if (st == ST_OK)
        st = read_whole(l, MAX_FEATURE_IDX, 0, MODEL_INPUTS_MAX - 1, &last_input);
    if (st != ST_OK)
        return st;
    if (classes != l->model.n_outputs) {
        diag_error(l->file->diags, at_line(l, l->header[NUM_TREE_PER_ITERATION].line), NULL,
                   "num_tree_per_iteration is %d, and num_class is %d", l->model.n_outputs,
                   classes);
        return ST_UNSUPPORTED;
    }
    l->model.n_inputs = last_input + 1;
    l->model.averages = l->header[AVERAGE_OUTPUT].line != 0;
    return ST_OK;
}

/* ---- the objective ---- */

/* X(name, transform) */
#define OBJECTIVE_TABLE(X)           \
    X(binary, MODEL_SIGMOID)         \
    X(cross_entropy, MODEL_SIGMOID)  \
    X(multiclass, MODEL_SOFTMAX)     \
    X(multiclassova, MODEL_SIGMOID)  \
    X(regression, MODEL_IDENTITY)    \
    X(regression_l1, MODEL_IDENTITY) \
    X(huber, MODEL_IDENTITY)         \
    X(fair, MODEL_IDENTITY)          \
    X(quantile, MODEL_IDENTITY)      \
    X(mape, MODEL_IDENTITY)          \
    X(lambdarank, MODEL_IDENTITY)    \
    X(rank_xendcg, MODEL_IDENTITY)   \
    X(poisson, MODEL_EXP)            \
    X(gamma, MODEL_EXP)              \
    X(tweedie, MODEL_EXP)

static const struct objective {
    const char *name;
    enum model_transform transform;
} objectives[] = {
#define X(name, transform) {#name, transform},
    OBJECTIVE_TABLE(X)
#undef X
};

static const char known_objectives[] = "known are"
#define X(name, transform) " " #name
    OBJECTIVE_TABLE(X)
#undef X
    ;

static enum status complain_of_objective(const struct load *l)
{
    struct span words = shown(l->header[OBJECTIVE].text);
    diag_error(l->file->diags, at_line(l, l->header[OBJECTIVE].line), known_objectives,
               "the objective '%.*s' is not known", SPAN_ARG(words));
    return ST_UNSUPPORTED;
}

/* "sigmoid:0.7", of what stands behind the objective's name. */
static enum status read_sigmoid(struct load *l, struct span word)
{
    const struct lightgbm_value *line = &l->header[OBJECTIVE];
    struct lightgbm_value value = {.line = line->line};
    size_t key = strlen("sigmoid:");
    value.text = span_of(word.base + key, word.len - key);
    value.col = line->col + (int)(value.text.base - line->text.base);
    return lightgbm_numbers(l->file, "", "sigmoid", &value,
                            (struct lightgbm_range){1e-6, 1e6, false}, 1, &l->model.scale);
}

static enum status read_words(struct load *l, struct span rest)
{
    struct span word;
    while ((word = lightgbm_word(&rest)).len > 0) {
        if (span_is(word, "sqrt") && l->model.transform == MODEL_IDENTITY) {
            l->model.transform = MODEL_SQUARE;
        } else if (span_starts(word, span_str("sigmoid:"))) {
            enum status st = read_sigmoid(l, word);
            if (st != ST_OK)
                return st;
        } else if (!span_starts(word, span_str("num_class:"))) { /* num_class= says it */
            return complain_of_objective(l);
        }
    }
    return ST_OK;
}

static enum status read_objective(struct load *l)
{
    struct span rest = l->header[OBJECTIVE].text;
    struct span name = lightgbm_word(&rest);
    l->model.scale = 1;
    l->model.transform = MODEL_IDENTITY;
    l->model.objective = span_str("custom");
    if (l->header[OBJECTIVE].line == 0)
        return ST_OK;
    for (size_t i = 0; i < sizeof objectives / sizeof objectives[0]; i++) {
        if (!span_is(name, objectives[i].name))
            continue;
        l->model.transform = objectives[i].transform;
        l->model.objective = span_str(objectives[i].name);
        return read_words(l, rest);
    }
    return complain_of_objective(l);
}

/* ---- inputs ---- */

static enum status complain_of_name(const struct load *l, int input, const char *what)
{
    diag_error(l->file->diags, at_line(l, l->header[FEATURE_NAMES].line), NULL,
               "the name of input %d %s", input, what);
    return ST_INVALID;
}

/* Names come into JSON and into messages. */
static bool is_text(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.base[i] < ' ')
            return false;
    json_t *text = json_stringn(s.base, s.len); /* NULL: not UTF-8 */
    bool ok = text != NULL;
    json_decref(text);
    return ok;
}

static enum status put_input(struct load *l, int i, struct span name, struct span info)
{
    if (name.len > MODEL_INPUT_NAME_MAX)
        return complain_of_name(l, i, "is longer than 128 bytes");
    if (!is_text(name))
        return complain_of_name(l, i, "is no text in UTF-8");
    for (int j = 0; j < i; j++)
        if (span_eq(l->model.inputs[j].name, name))
            return complain_of_name(l, i, "is that of another");
    struct span copy = arena_try_copy(l->file->arena, name);
    if (copy.base == NULL) {
        diag_error(l->file->diags, at_line(l, 0), NULL, "no room for the model");
        return ST_NO_SPACE;
    }
    /* "[0:950]" an interval, "none" one value alone; else the categories, "-1:0:2". */
    bool is_category = !span_starts(info, span_str("[")) && !span_is(info, "none");
    l->model.inputs[i] = (struct model_input){.name = copy, .is_category = is_category};
    return ST_OK;
}

static enum status check_count(const struct load *l, enum header_key key)
{
    size_t n = lightgbm_count(l->header[key].text);
    if (n == (size_t)l->model.n_inputs)
        return ST_OK;
    diag_error(l->file->diags, at_line(l, l->header[key].line), NULL,
               "%s has %zu, and max_feature_idx is %d", header_keys[key], n, l->model.n_inputs - 1);
    return ST_INVALID;
}

static enum status read_inputs(struct load *l)
{
    struct span names = l->header[FEATURE_NAMES].text, infos = l->header[FEATURE_INFOS].text;
    void *mem;
    enum status st = check_count(l, FEATURE_NAMES);
    if (st == ST_OK)
        st = check_count(l, FEATURE_INFOS);
    if (st == ST_OK)
        st = reserve(l, (size_t)l->model.n_inputs, sizeof *l->model.inputs, &mem);
    if (st != ST_OK)
        return st;
    l->model.inputs = mem;
    for (int i = 0; i < l->model.n_inputs && st == ST_OK; i++) {
        struct span name = lightgbm_word(&names);
        st = put_input(l, i, name, lightgbm_word(&infos));
    }
    return st;
}

/* ---- trees ---- */

static enum status check_trees(const struct load *l, const struct lightgbm_sizes *sizes)
{
    if (sizes->trees > 0 && sizes->trees % (uint32_t)l->model.n_outputs == 0)
        return ST_OK;
    diag_error(l->file->diags, at_line(l, l->text.line), NULL,
               "%u trees, and num_tree_per_iteration is %d", sizes->trees, l->model.n_outputs);
    return ST_INVALID;
}

static enum status read_all_trees(struct load *l, const struct lightgbm_sizes *sizes,
                                  struct forest_build *b)
{
    struct lightgbm_trees trees = {.build = b,
                                   .inputs = l->model.inputs,
                                   .scratch = arena_new(lightgbm_scratch_bytes(sizes)),
                                   .n_outputs = (uint32_t)l->model.n_outputs,
                                   .has_covers = true};
    struct forest *forest;
    enum status st = ST_OK;
    for (uint32_t i = 0; i < sizes->trees && st == ST_OK; i++)
        st = lightgbm_tree_read(&trees, &l->text);
    if (st == ST_OK)
        st = forest_build_done(b, &forest);
    if (st == ST_OK) {
        forest->n_outputs = trees.n_outputs;
        forest->covers = trees.has_covers ? forest->covers : NULL;
        l->model.forest = forest;
    }
    arena_free(trees.scratch);
    return st;
}

static enum status read_trees(struct load *l)
{
    struct lightgbm_sizes sizes;
    struct forest_build b;
    void *base;
    enum status st = lightgbm_measure(l->text, &sizes);
    if (st == ST_OK)
        st = check_trees(l, &sizes);
    if (st == ST_OK)
        st = reserve(l, (size_t)l->model.n_outputs, sizeof *l->model.base, &base);
    if (st != ST_OK)
        return st;
    l->model.base = base;
    st = forest_build_init(&b, l->file, (uint32_t)l->model.n_inputs, sizes.trees, 2 * sizes.leaves,
                           true);
    if (st == ST_OK)
        st = read_all_trees(l, &sizes, &b);
    forest_build_fini(&b);
    return st;
}

enum status model_lightgbm_load(const struct model_file *file, struct model *ret_model)
{
    struct load l = {.file = file, .text = lightgbm_text_of(file), .model = *ret_model};
    l.model.format = MODEL_LIGHTGBM;
    enum status st = read_header(&l);
    if (st == ST_OK)
        st = check_version(&l);
    if (st == ST_OK)
        st = read_sizes(&l);
    if (st == ST_OK)
        st = read_objective(&l);
    if (st == ST_OK)
        st = read_inputs(&l);
    if (st == ST_OK)
        st = read_trees(&l);
    if (st == ST_OK)
        st = lightgbm_categories_read(&l.text, l.model.inputs, l.model.n_inputs);
    if (st == ST_OK)
        *ret_model = l.model;
    return st;
}
