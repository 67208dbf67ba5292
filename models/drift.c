#include "models/drift.h"

#include <math.h>

const char *drift_state_text(enum drift_state state)
{
    static const char *const texts[] = {
#define X(name, text) text,
        DRIFT_STATE_TABLE(X)
#undef X
    };
    return texts[state];
}

/* ---- what may stand there ---- */

static const struct shape window_shape = {.kind = SHAPE_DURATION};
static const struct shape number_shape = {.kind = SHAPE_NUMBER};

static const struct shape_key keys[] = {
    {"window", &window_shape, false,
     "The rows of how long are compared with those of training: `1d` if left out, 1m to 30d."},
    {"psi", &number_shape, false,
     "From this population stability index on an input, or the score, has drifted: 0.25 if left "
     "out."},
    {"missing", &number_shape, false,
     "And from this change of the share in which it is missing: 0.1 if left out."},
};
const struct shape drift_shape = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, keys)};

static bool read_window(const struct yaml_file *file, const struct yaml_node *node,
                        struct diag_list *diags, int64_t *ms)
{
    if (node == NULL)
        return true;
    if (!yaml_duration_ms(file, node, diags, ms))
        return false;
    if (*ms >= DRIFT_WINDOW_MIN_MS && *ms <= DRIFT_WINDOW_MAX_MS)
        return true;
    diag_error(diags, yaml_at(file, node), "window: 1d", "the window is from 1m to 30d");
    return false;
}

/* Above 0, and at most `max`. */
static bool read_bound(const struct yaml_file *file, const struct yaml_node *node, double max,
                       struct diag_list *diags, double *bound)
{
    if (node == NULL)
        return true;
    if (!yaml_double(file, node, diags, bound))
        return false;
    if (*bound > 0 && *bound <= max)
        return true;
    diag_error(diags, yaml_at(file, node), NULL, "it has to be above 0, and at most %g", max);
    return false;
}

enum status drift_load(const struct yaml_file *file, const struct yaml_node *node,
                       struct diag_list *diags, struct drift_bounds *ret_bounds)
{
    struct drift_bounds b = {
        .window_ms = DRIFT_WINDOW_DEFAULT_MS,
        .psi = DRIFT_PSI_DEFAULT,
        .missing = DRIFT_MISSING_DEFAULT,
    };
    if (node != NULL && (!shape_only(file, node, &drift_shape, diags) ||
                         !read_window(file, yaml_get(node, "window"), diags, &b.window_ms) ||
                         !read_bound(file, yaml_get(node, "psi"), DRIFT_PSI_MAX, diags, &b.psi) ||
                         !read_bound(file, yaml_get(node, "missing"), 1, diags, &b.missing)))
        return ST_INVALID;
    *ret_bounds = b;
    return ST_OK;
}

/* ---- what the rows of late come to ---- */

enum drift_state drift_state_of(const struct drift_bounds *bounds, const struct distribution *d,
                                const struct psi *psi)
{
    if (isnan(psi->index))
        return DRIFT_UNKNOWN;
    if (psi->index >= bounds->psi || fabs(psi->missing - d->shares[d->n_bins]) >= bounds->missing)
        return DRIFT_DRIFTED;
    return psi->index >= DRIFT_PSI_MOVING ? DRIFT_MOVING : DRIFT_STABLE;
}
