#include "models/reasons.h"

#include "service/base/check.h"

#include <math.h>
#include <string.h>

static double raised_by(double contribution)
{
    return isfinite(contribution) && contribution > 0 ? contribution : 0;
}

static double raised_by_all(const struct model *m, const double *contributions)
{
    double sum = 0;
    for (int i = 0; i < m->n_inputs; i++)
        sum += raised_by(contributions[i]);
    return sum;
}

/* Behind all that raised as much; the last falls out where there is no room. */
static int insert(struct reason *reasons, int n, int n_max, struct reason r)
{
    int at = n;
    while (at > 0 && reasons[at - 1].raised < r.raised)
        at--;
    if (at == n_max)
        return n;
    n = n < n_max ? n + 1 : n_max;
    memmove(&reasons[at + 1], &reasons[at], (size_t)(n - 1 - at) * sizeof r);
    reasons[at] = r;
    return n;
}

int reasons_top(const struct model *m, const double *contributions, double least_share, int n_max,
                struct reason *reasons)
{
    double all = raised_by_all(m, contributions);
    int n = 0;
    CHECK(n_max >= 0 && n_max <= REASONS_MAX);
    for (int i = 0; i < m->n_inputs; i++) {
        double raised = raised_by(contributions[i]);
        if (raised > 0 && raised / all >= least_share)
            n = insert(reasons, n, n_max,
                       (struct reason){.input = i, .raised = raised, .share = raised / all});
    }
    return n;
}
