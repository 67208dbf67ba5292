/*
 * backtest_chart.h -- the charts of a backtest's page: SVG that stands within HTML.
 *
 *     (0,0)  ┌──────────────────────────┐
 *            │ y axis │  curves          │   CHART_WIDTH x CHART_HEIGHT units; colours are
 *            │        └───────────────── │   classes, which the page's style gives for light and
 *            │          x axis           │   dark
 *            └──────────────────────────┘
 *
 * Threads: pure.
 */
#ifndef SLUICE_TRIAL_BACKTEST_CHART_H
#define SLUICE_TRIAL_BACKTEST_CHART_H

#include "service/trial/backtest_report.h"

enum { CHART_WIDTH = 560, CHART_HEIGHT = 330 };

/* Recall over transactions flagged a day, which are logarithmic; a dot where each ruleset is. */
void chart_effort(const struct backtest_report *r, struct text *out);

/* Precision over recall, likewise. */
void chart_precision(const struct backtest_report *r, struct text *out);

/* What both, one and the other have flagged, as bars; of each the part that was fraud. */
void chart_overlap(const struct backtest_report *r, struct text *out);

#endif
