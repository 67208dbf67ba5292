/* One page to be shown around: words, numbers, charts, rules, and how it was measured. */
#include "service/trial/backtest_chart.h"

static const struct backtest_row share = {.kind = BACKTEST_SHARE};
static const struct backtest_row money = {.kind = BACKTEST_MONEY};
static const struct backtest_row area = {.kind = BACKTEST_AREA};

/* Two colours that anybody can tell apart (blue and orange), each for light and for dark. */
static const char style[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--soft:#59636e;--line:#d9dee3;"
    "--card:#f6f8fa;--cand:#1d5fd1;--base:#c2650a;--both:#6e5aa8;--good:#1a7f37;--bad:#b42318}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#0f1318;--fg:#e6e9ed;--soft:#9aa4af;"
    "--line:#2c343d;--card:#171d24;--cand:#6ea8ff;--base:#f0a04b;--both:#b7a4f0;--good:#4cc06a;"
    "--bad:#ff7b72}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);"
    "font:16px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif}\n"
    "main{max-width:1180px;margin:0 auto;padding:32px 24px 64px}h1{font-size:28px;margin:0 0 4px}"
    "h2{font-size:19px;margin:40px 0 12px}\n"
    ".soft,figcaption,footer{color:var(--soft)}.lead{font-size:18px;max-width:62em}"
    "code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.92em}\n"
    ".key b{font-weight:600}.key i{display:inline-block;width:12px;height:12px;border-radius:3px;"
    "margin:0 6px 0 0}i.cand{background:var(--cand)}i.base{background:var(--base);margin-left:18px}"
    "\n.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:14px;"
    "margin:24px 0}.card{background:var(--card);border:1px solid var(--line);border-radius:10px;"
    "padding:14px 16px}.card b{display:block;font-size:27px;line-height:1.3}\n"
    ".good{color:var(--good)}.bad{color:var(--bad)}.charts{display:grid;"
    "grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));gap:18px}\n"
    "figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:10px;"
    "padding:16px}figcaption{font-size:14px;margin-top:8px}figure h3{margin:0 0 8px;font-size:16px}"
    "svg{width:100%;height:auto;display:block}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;"
    "font-variant-numeric:tabular-nums}th,td{padding:7px 10px;border-bottom:1px solid var(--line);"
    "text-align:right;white-space:nowrap}th:first-child,td:first-child{text-align:left;"
    "white-space:normal}th{color:var(--soft);font-weight:600;font-size:14px}"
    ".wide{grid-column:1/-1}.wide svg{max-width:720px}.card span{display:block;white-space:nowrap}"
    "td small{color:var(--soft);display:block}.tag{font-size:12px;border:1px solid var(--line);"
    "border-radius:99px;padding:1px 8px;color:var(--soft)}\n"
    ".grid{stroke:var(--line);stroke-width:1}.tick{fill:var(--soft);font-size:12px}"
    ".axis{fill:var(--soft);font-size:13px}.bar{fill:var(--fg);font-size:13px}"
    ".curve{fill:none;stroke-width:2.5;stroke-linejoin:round}.curve.cand{stroke:var(--cand)}"
    ".curve.base{stroke:var(--base)}.dot{stroke:var(--card);stroke-width:2}"
    ".dot.cand,rect.cand{fill:var(--cand)}.dot.base,rect.base{fill:var(--base)}"
    "rect.both{fill:var(--both)}.pale{opacity:.28}footer{font-size:14px;margin-top:40px}\n"
    "@media print{main{max-width:none;padding:0}figure,.card{break-inside:avoid}}\n";

static void put_escaped(struct text *out, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        switch (s.base[i]) {
        case '<':
            text_str(out, "&lt;");
            break;
        case '>':
            text_str(out, "&gt;");
            break;
        case '&':
            text_str(out, "&amp;");
            break;
        case '"':
            text_str(out, "&quot;");
            break;
        default:
            text_char(out, s.base[i]);
        }
    }
}

/* ---- the head, in words ---- */

static void put_head(const struct backtest_report *r, struct text *out)
{
    text_printf(out,
                "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                "<title>Backtest %s</title>\n<style>\n",
                r->candidate->id_text);
    text_str(out, style);
    text_str(out, "</style></head><body><main>\n<h1>Backtest of a candidate ruleset</h1>\n");
    text_printf(out,
                "<p class=\"key\"><i class=\"cand\"></i><b>candidate</b> <code>%s</code>"
                "<i class=\"base\"></i><b>running rules</b> <code>%s</code></p>\n",
                r->candidate->id_text, r->baseline->id_text);
}

static void put_share(struct text *out, uint64_t part, uint64_t whole)
{
    backtest_put(out, &share, measure_ratio(part, whole));
}

static void put_flags(struct text *out, const struct measure_counts *ours,
                      const struct measure_counts *theirs)
{
    uint64_t apart = ours->flagged > theirs->flagged ? ours->flagged - theirs->flagged
                                                     : theirs->flagged - ours->flagged;
    text_str(out, "The candidate flags <b>");
    backtest_put_count(out, ours->flagged);
    text_str(out, "</b> of ");
    backtest_put_count(out, ours->transactions);
    text_str(out, " transactions (");
    put_share(out, ours->flagged, ours->transactions);
    text_str(out, "), ");
    if (apart > 0) {
        backtest_put_count(out, apart);
        text_str(out, ours->flagged > theirs->flagged ? " more than" : " fewer than");
    } else {
        text_str(out, "as many as");
    }
    text_str(out, " the running rules. ");
}

static void put_catch(struct text *out, const struct measure_counts *ours,
                      const struct measure_counts *theirs)
{
    if (ours->frauds == 0) {
        text_str(out, "No transaction is labelled as fraud, so nothing can be said about what "
                      "it catches.");
        if (ours->labelled == 0)
            text_str(out, " None is labelled at all: what needs labels is left out.");
        return;
    }
    text_str(out, "It catches <b>");
    backtest_put_count(out, ours->caught);
    text_str(out, "</b> of ");
    backtest_put_count(out, ours->frauds);
    text_str(out, " frauds (");
    put_share(out, ours->caught, ours->frauds);
    text_str(out, "; the running rules ");
    put_share(out, theirs->caught, theirs->frauds);
    text_str(out, ") and stops <b>");
    backtest_put(out, &money, (double)ours->stopped_e4 / 10000);
    text_str(out, "</b> of ");
    backtest_put(out, &money, (double)ours->fraud_e4 / 10000);
    text_str(out, " lost to fraud (the running rules ");
    backtest_put(out, &money, (double)theirs->stopped_e4 / 10000);
    text_str(out, ").");
}

static void put_day(struct text *out, int64_t ms)
{
    char bytes[40];
    struct text t;
    text_init(&t, bytes, sizeof bytes);
    text_time_ms(&t, ms);
    text_put(out, span_of(bytes, 10));
}

static void put_words(const struct backtest_report *r, struct text *out)
{
    text_str(out, "<p class=\"lead\">");
    if (r->candidate->id == r->baseline->id)
        text_str(out, "The candidate <b>is</b> the running ruleset. ");
    put_flags(out, &r->result->candidate.measure.counts, &r->result->baseline.measure.counts);
    put_catch(out, &r->result->candidate.measure.counts, &r->result->baseline.measure.counts);
    text_str(out, "</p>\n<p class=\"soft\">Events of <code>");
    put_escaped(out, span_str(r->events));
    if (r->result->baseline.measure.counts.transactions == 0) {
        text_str(out, "</code>; there was nothing to measure.</p>\n");
        return;
    }
    text_str(out, "</code>, measured from ");
    put_day(out, r->result->first_ms);
    text_str(out, " to ");
    put_day(out, r->result->last_ms);
    text_printf(out, " (%.1f days).", r->result->baseline.measure.days);
    if (r->result->several_currencies)
        text_str(out, " Amounts are in several currencies, and are added as numbers.");
    text_str(out, "</p>\n");
}

/* ---- numbers ---- */

static const char *class_of(const struct backtest_row *row, double candidate, double baseline)
{
    if (row->better == BACKTEST_NEITHER || !(candidate < baseline || candidate > baseline))
        return "soft";
    bool is_better = (candidate > baseline) == (row->better == BACKTEST_MORE);
    return is_better ? "good" : "bad";
}

static void put_change(struct text *out, const struct backtest_row *row, double ours, double theirs)
{
    text_printf(out, "<span class=\"%s\">", class_of(row, ours, theirs));
    backtest_put_change(out, row, ours, theirs);
    text_str(out, "</span>");
}

/* A row's value of both and the change; between[i] stands behind the i-th of the three. */
static void put_pair(struct text *out, const struct backtest_row *row,
                     const struct backtest_report *r, const char *const between[3])
{
    double ours = row->of(&r->result->candidate.measure);
    double theirs = row->of(&r->result->baseline.measure);
    backtest_put(out, row, ours);
    text_str(out, between[0]);
    backtest_put(out, row, theirs);
    text_str(out, between[1]);
    put_change(out, row, ours, theirs);
    text_str(out, between[2]);
}

static void put_cards(const struct backtest_report *r, struct text *out)
{
    static const char *const shown[] = {"fraud money stopped", "recall", "precision",
                                        "false positives a day"};
    text_str(out, "<div class=\"cards\">\n");
    for (int i = 0; i < BACKTEST_ROWS; i++) {
        const struct backtest_row *row = &backtest_rows[i];
        bool wanted = false;
        for (size_t k = 0; k < sizeof shown / sizeof shown[0]; k++)
            wanted |= strcmp(shown[k], row->title) == 0;
        if (!wanted)
            continue;
        text_printf(out, "<div class=\"card\"><span class=\"soft\">%s</span><b>", row->title);
        put_pair(
            out, row, r,
            (const char *[]){"</b><span class=\"soft\">running rules ", " </span>", "</div>\n"});
    }
    text_str(out, "</div>\n");
}

static void put_numbers(const struct backtest_report *r, struct text *out)
{
    text_str(out, "<h2>All numbers</h2><div class=\"scroll\"><table><tr><th></th><th>candidate</th>"
                  "<th>running rules</th><th>change</th></tr>\n");
    for (int i = 0; i < BACKTEST_ROWS; i++) {
        const struct backtest_row *row = &backtest_rows[i];
        text_printf(out, "<tr><td>%s</td><td>", row->title);
        put_pair(out, row, r, (const char *[]){"</td><td>", "</td><td>", "</td></tr>\n"});
    }
    text_str(out, "</table></div>\n");
}

/* ---- charts ---- */

static void put_figure(const struct backtest_report *r, struct text *out, const char *class,
                       const char *title,
                       void (*chart)(const struct backtest_report *, struct text *),
                       const char *caption)
{
    text_printf(out, "<figure class=\"%s\"><h3>%s</h3>\n", class, title);
    chart(r, out);
    text_printf(out, "<figcaption>%s</figcaption></figure>\n", caption);
}

/* Of what is caught: without frauds there is nothing to draw. */
static void put_curves(const struct backtest_report *r, struct text *out)
{
    put_figure(r, out, "half", "How much work catches how much fraud", chart_effort,
               "Each point is a threshold of the score. The dots are what the rulesets flag as "
               "they are; higher and further left is better.");
    put_figure(r, out, "half", "Precision over recall", chart_precision,
               "Higher and further right is better. The area below is the average precision.");
}

static void put_charts(const struct backtest_report *r, struct text *out)
{
    bool has_frauds = r->result->candidate.measure.counts.frauds > 0;
    text_printf(out, "<h2>%s</h2><div class=\"charts\">\n",
                has_frauds ? "For every threshold" : "What is flagged");
    if (has_frauds)
        put_curves(r, out);
    put_figure(r, out, "wide", "Who flags what", chart_overlap,
               "Transactions that both rulesets flag, and those that only one of them does.");
    text_str(out, "</div>\n");
}

/* ---- rules ---- */

static void put_tags(struct text *out, const struct backtest_pair *p)
{
    if (p->candidate < 0 || p->baseline < 0)
        text_printf(out, " <span class=\"tag\">%s</span>", p->candidate < 0 ? "gone" : "new");
    text_str(out, " <span class=\"tag\">");
    backtest_put_mode(out, p->rule);
    text_str(out, "</span>");
}

static void put_count_or_none(struct text *out, const struct measure_rule *rule)
{
    text_str(out, "</td><td>");
    if (rule == NULL)
        text_char(out, '-');
    else
        backtest_put_count(out, rule->fired);
}

static void put_cell(struct text *out, const struct backtest_row *row, double value)
{
    text_str(out, "</td><td>");
    backtest_put(out, row, value);
}

static void put_rule(const struct backtest_report *r, const struct backtest_pair *p,
                     struct text *out)
{
    const struct backtest_side *ours = &r->result->candidate, *theirs = &r->result->baseline;
    const struct measure_rule *after = backtest_rule(ours, p->candidate);
    const struct measure_rule *before = backtest_rule(theirs, p->baseline);
    const struct measure_rule *rule = after != NULL ? after : before;
    const struct measure_counts *all = &(after != NULL ? ours : theirs)->measure.counts;
    text_str(out, "<tr><td>");
    put_escaped(out, p->rule->title);
    put_tags(out, p);
    text_str(out, "<small>");
    put_escaped(out, p->rule->id);
    text_str(out, "</small>");
    put_count_or_none(out, after);
    put_count_or_none(out, before);
    put_cell(out, &share, measure_precision(all, rule->frauds, rule->fired));
    put_cell(out, &share, measure_ratio(rule->frauds, all->frauds));
    put_cell(out, &money, measure_money(all, rule->caught_e4));
    put_cell(out, &money, measure_money(all, rule->disturbed_e4));
    text_str(out, "</td><td>");
    backtest_put_count(out, rule->alone);
    text_str(out, "</td></tr>\n");
}

static void put_rules(const struct backtest_report *r, struct text *out)
{
    struct backtest_pair pair;
    int at = 0;
    text_str(out, "<h2>By rule</h2><div class=\"scroll\"><table><tr><th>rule</th><th>fires</th>"
                  "<th>running rules</th><th>precision</th><th>recall</th><th>fraud caught</th>"
                  "<th>good money disturbed</th><th>fires alone</th></tr>\n");
    while (backtest_next_pair(r, &at, &pair))
        put_rule(r, &pair, out);
    text_str(out, "</table></div>\n");
}

/* ---- models ---- */

static void put_model(const struct bound_model *model, const char *side, const struct measure *m,
                      int i, struct text *out)
{
    const struct measure_model *mm = &m->models[i];
    bool has_threshold = !isnan(model->threshold);
    double precision = measure_precision(&m->counts, mm->caught, mm->above);
    double recall = measure_ratio(mm->caught, mm->frauds);
    text_str(out, "<tr><td>");
    put_escaped(out, model->name);
    text_printf(out, " <span class=\"tag\">%s</span><small>%s</small></td><td>%s</td><td>",
                model_role_text(model->role), model->model.hash, side);
    backtest_put_count(out, mm->scored);
    put_cell(out, &area, mm->auc_roc);
    put_cell(out, &area, mm->average_precision);
    put_cell(out, &area, mm->median);
    put_cell(out, &area, mm->p99);
    put_cell(out, &share, has_threshold ? precision : (double)NAN);
    put_cell(out, &share, has_threshold ? recall : (double)NAN);
    text_str(out, "</td></tr>\n");
}

static void put_models_of(const struct snapshot *snap, const struct backtest_side *side,
                          const char *title, struct text *out)
{
    for (int i = 0; i < snap->models.count; i++)
        put_model(&snap->models.items[i], title, &side->measure, i, out);
}

static void put_models(const struct backtest_report *r, struct text *out)
{
    if (r->candidate->models.count + r->baseline->models.count == 0)
        return;
    text_str(out, "<h2>By model</h2><div class=\"scroll\"><table><tr><th>model</th><th>of</th>"
                  "<th>scored</th><th>AUC ROC</th><th>average precision</th><th>median score</th>"
                  "<th>99th percentile</th><th>precision</th><th>recall</th></tr>\n");
    put_models_of(r->candidate, &r->result->candidate, "candidate", out);
    put_models_of(r->baseline, &r->result->baseline, "running rules", out);
    text_str(out, "</table></div>\n");
}

static void put_foot(const struct backtest_report *r, struct text *out)
{
    text_str(
        out,
        "<footer><p>Both rulesets decided over the same events with the code that serves. "
        "A decision saw the labels that were known at its time, and no others; what it "
        "was worth is told by the last label of each transaction by the end of the "
        "history. A transaction without a label counts as no fraud. Precision: of what "
        "was flagged, the part that was fraud. Recall: of the frauds, the part that was "
        "flagged. A rule's numbers are of what it fired on, whatever was decided; "
        "<em>alone</em>: no other rule did. Thresholds are of scores alone, without the "
        "rules that have a decision of their own. A model's precision and recall are of what it "
        "scored at its threshold or over it, whatever was decided. Before the measured time ");
    backtest_put_count(out,
                       r->result->transactions - r->result->baseline.measure.counts.transactions);
    text_str(out, " transactions filled the windows or lay outside it.</p></footer>\n");
}

void backtest_html(const struct backtest_report *r, struct text *out)
{
    put_head(r, out);
    put_words(r, out);
    put_cards(r, out);
    put_charts(r, out);
    put_rules(r, out);
    put_models(r, out);
    put_numbers(r, out);
    put_foot(r, out);
    text_str(out, "</main></body></html>\n");
}
