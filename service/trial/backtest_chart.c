#include "service/trial/backtest_chart.h"

enum {
    LEFT = 52, /* room of the axes */
    TOP = 30,
    RIGHT = CHART_WIDTH - 24,
    BOTTOM = CHART_HEIGHT - 46,
    BAR_LEFT = 190,
    BAR_HEIGHT = 34,
    BAR_GAP = 22,
    BARS_HEIGHT = 3 * (BAR_HEIGHT + BAR_GAP) + 34,
};

struct range {
    double low, high;
    bool is_log; /* both are then log10 of what they stand for */
};

struct plot {
    struct text *out;
    struct range x;
};

static double x_of(const struct plot *p, double value)
{
    double at = p->x.is_log ? log10(value) : value;
    return LEFT + (at - p->x.low) / (p->x.high - p->x.low) * (RIGHT - LEFT);
}

/* All our y axes are shares. */
static double y_of(double share)
{
    return BOTTOM - share * (BOTTOM - TOP);
}

/* ---- axes ---- */

static void open_svg(struct text *out, int height, const char *title)
{
    text_printf(out,
                "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">"
                "<title>%s</title>\n",
                CHART_WIDTH, height, title, title);
}

static void put_y_axis(const struct plot *p, const char *title)
{
    for (int percent = 0; percent <= 100; percent += 20) {
        double y = y_of(percent / 100.0);
        text_printf(p->out,
                    "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                    "<text class=\"tick\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">%d %%</text>\n",
                    LEFT, RIGHT, y, y, LEFT - 6, y + 4, percent);
    }
    text_printf(p->out, "<text class=\"axis\" x=\"4\" y=\"%d\">%s</text>\n", TOP - 15, title);
}

static void put_x_tick(const struct plot *p, double value, const char *format, double shown)
{
    double x = x_of(p, value);
    text_printf(p->out,
                "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>"
                "<text class=\"tick\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">",
                x, x, TOP, BOTTOM, x, BOTTOM + 18);
    text_printf(p->out, format, shown);
    text_str(p->out, "</text>\n");
}

static void put_x_title(const struct plot *p, const char *title)
{
    text_printf(p->out, "<text class=\"axis\" text-anchor=\"middle\" x=\"%d\" y=\"%d\">%s</text>\n",
                (LEFT + RIGHT) / 2, CHART_HEIGHT - 8, title);
}

/* Powers of ten; on a short axis, which may have but one, 2 and 5 times these as well. */
static void put_log_axis(const struct plot *p)
{
    static const int times[] = {1, 2, 5};
    int n = p->x.high - p->x.low < 2 ? 3 : 1;
    for (int power = (int)floor(p->x.low); power <= (int)floor(p->x.high); power++)
        for (int i = 0; i < n; i++) {
            double value = times[i] * pow(10, power);
            if (log10(value) >= p->x.low && log10(value) <= p->x.high)
                put_x_tick(p, value, power < 0 ? "%.3g" : "%.0f", value);
        }
}

/* ---- curves ---- */

/* Where a ruleset stands in a chart with this threshold: false: nowhere. */
typedef bool place(const struct measure *m, uint64_t flagged, uint64_t caught, double *ret_x,
                   double *ret_y);

static bool place_effort(const struct measure *m, uint64_t flagged, uint64_t caught, double *ret_x,
                         double *ret_y)
{
    if (flagged == 0 || m->counts.frauds == 0)
        return false;
    *ret_x = (double)flagged / m->days;
    *ret_y = measure_ratio(caught, m->counts.frauds);
    return true;
}

static bool place_precision(const struct measure *m, uint64_t flagged, uint64_t caught,
                            double *ret_x, double *ret_y)
{
    if (flagged == 0 || m->counts.frauds == 0)
        return false;
    *ret_x = measure_ratio(caught, m->counts.frauds);
    *ret_y = measure_ratio(caught, flagged);
    return true;
}

/* In steps: between two thresholds there is nothing to be had. A precision holds up to its recall,
 * so that the area below is the average precision; a recall holds from its effort on. */
static void put_curve(const struct plot *p, const char *class, const struct measure *m,
                      place *place_of)
{
    double x, y, before_x = 0, before_y = 0;
    bool is_first = true;
    text_printf(p->out, "<polyline class=\"curve %s\" points=\"", class);
    for (int i = 0; i < m->n_points; i++) {
        if (!place_of(m, m->points[i].flagged, m->points[i].caught, &x, &y))
            continue;
        if (place_of == place_precision)
            text_printf(p->out, "%.1f,%.1f ", x_of(p, before_x), y_of(y));
        else if (!is_first)
            text_printf(p->out, "%.1f,%.1f ", x_of(p, x), y_of(before_y));
        text_printf(p->out, "%.1f,%.1f ", x_of(p, x), y_of(y));
        before_x = x, before_y = y, is_first = false;
    }
    text_str(p->out, "\"/>\n");
}

static void put_dot(const struct plot *p, const char *class, const struct measure *m,
                    place *place_of)
{
    double x, y;
    if (place_of(m, m->counts.flagged, m->counts.caught, &x, &y))
        text_printf(p->out, "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"6\"/>\n", class,
                    x_of(p, x), y_of(y));
}

static void put_both(const struct plot *p, const struct backtest_report *r, place *place_of)
{
    const struct measure *ours = &r->result->candidate.measure;
    const struct measure *theirs = &r->result->baseline.measure;
    put_curve(p, "base", theirs, place_of);
    put_curve(p, "cand", ours, place_of);
    put_dot(p, "base", theirs, place_of);
    put_dot(p, "cand", ours, place_of);
}

/* From the fewest a curve or a dot has to all of them, a day. */
static struct range effort_range(const struct backtest_report *r)
{
    const struct measure *sides[] = {&r->result->candidate.measure, &r->result->baseline.measure};
    double low = INFINITY, high = 1;
    for (int i = 0; i < 2; i++) {
        const struct measure *m = sides[i];
        if (m->n_points == 0)
            continue;
        low = fmin(low, (double)m->points[0].flagged / m->days);
        high = fmax(high, (double)m->counts.transactions / m->days);
        if (m->counts.flagged > 0)
            low = fmin(low, (double)m->counts.flagged / m->days);
    }
    if (!(low < high))
        low = high / 10;
    return (struct range){log10(low) - 0.1, log10(high) + 0.05, true};
}

void chart_effort(const struct backtest_report *r, struct text *out)
{
    struct plot p = {out, effort_range(r)};
    open_svg(out, CHART_HEIGHT, "Frauds caught over transactions flagged a day");
    put_y_axis(&p, "of all frauds, caught");
    put_log_axis(&p);
    put_x_title(&p, "transactions flagged a day (logarithmic)");
    put_both(&p, r, place_effort);
    text_str(out, "</svg>\n");
}

void chart_precision(const struct backtest_report *r, struct text *out)
{
    struct plot p = {out, {0, 1, false}};
    open_svg(out, CHART_HEIGHT, "Precision over recall");
    put_y_axis(&p, "of what is flagged, fraud");
    for (int percent = 0; percent <= 100; percent += 20)
        put_x_tick(&p, percent / 100.0, "%.0f %%", percent);
    put_x_title(&p, "of all frauds, caught");
    put_both(&p, r, place_precision);
    text_str(out, "</svg>\n");
}

/* ---- bars ---- */

static void put_bar(struct text *out, int row, const char *title, const char *class,
                    const struct measure_shares *s, uint64_t most)
{
    double scale = most == 0 ? 0 : (double)(RIGHT - BAR_LEFT - 120) / (double)most;
    double width = (double)s->transactions * scale, fraud = (double)s->frauds * scale;
    int y = 8 + row * (BAR_HEIGHT + BAR_GAP);
    text_printf(out, "<text class=\"bar\" x=\"0\" y=\"%d\">%s</text>\n", y + 22, title);
    text_printf(out,
                "<rect class=\"%s pale\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"3\"/>"
                "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"3\"/>\n",
                class, BAR_LEFT, y, width, BAR_HEIGHT, class, BAR_LEFT, y, fraud, BAR_HEIGHT);
    text_printf(out, "<text class=\"bar\" x=\"%.1f\" y=\"%d\">", BAR_LEFT + width + 8, y + 16);
    backtest_put_count(out, s->transactions);
    text_printf(out, "</text><text class=\"tick\" x=\"%.1f\" y=\"%d\">", BAR_LEFT + width + 8,
                y + 31);
    backtest_put_count(out, s->frauds);
    text_str(out, " fraud</text>\n");
}

void chart_overlap(const struct backtest_report *r, struct text *out)
{
    const struct measure_overlap *o = &r->result->overlap;
    uint64_t most = o->both.transactions;
    most = o->only_a.transactions > most ? o->only_a.transactions : most;
    most = o->only_b.transactions > most ? o->only_b.transactions : most;
    open_svg(out, BARS_HEIGHT, "Flagged by both, and by one alone");
    put_bar(out, 0, "by both", "both", &o->both, most);
    put_bar(out, 1, "by the candidate alone", "cand", &o->only_a, most);
    put_bar(out, 2, "by the running rules alone", "base", &o->only_b, most);
    text_printf(out,
                "<text class=\"tick\" x=\"%d\" y=\"%d\">full colour: fraud; pale: the rest of what "
                "was flagged</text>\n</svg>\n",
                BAR_LEFT, BARS_HEIGHT - 10);
}
