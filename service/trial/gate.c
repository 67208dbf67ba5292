#include "service/trial/gate.h"

#include "service/base/clock.h"
#include "service/trial/backtest_report.h"
#include "service/trial/history.h"

#include <stdarg.h>
#include <unistd.h>

enum {
    /* A transaction has two frames, its event and its decision; labels and retries have some. */
    FRAMES_PER_EVENT = 3,
};

#define GATE_SPOOL_BYTES (UINT64_C(4) << 30)

__attribute__((format(printf, 2, 3))) static void say(struct gate_finding *f, const char *format,
                                                      ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(f->words, sizeof f->words, format, args);
    va_end(args);
}

/* ---- arithmetic ---- */

double gate_change_of(uint64_t before, uint64_t after)
{
    if (before == 0)
        return after == 0 ? 0 : (double)INFINITY;
    return ((double)after - (double)before) / (double)before;
}

bool gate_is_beyond(const struct gate_change *c, uint64_t floor)
{
    uint64_t apart = c->after > c->before ? c->after - c->before : c->before - c->after;
    return fabs(c->change) > c->bound && apart > floor;
}

static struct gate_change change_of(const struct rule *rule, uint64_t before, uint64_t after,
                                    uint64_t transactions, double bound)
{
    return (struct gate_change){.rule = rule,
                                .before = before,
                                .after = after,
                                .transactions = transactions,
                                .change = gate_change_of(before, after),
                                .bound = bound};
}

/* ---- in words ---- */

static void put_percent(struct text *out, double share)
{
    text_printf(out, share < 0.01 ? "%.3g %%" : "%.1f %%", share * 100);
}

static void put_change(struct text *out, double change)
{
    if (isinf(change))
        text_str(out, "from nothing");
    else
        text_printf(out, fabs(change) < 10 ? "%+.3g %%" : "%+.0f %%", change * 100);
}

/* "refuses 6.1 % of the last 10,000 transactions, which were accepted" */
static void put_refused(const struct gate_change *c, struct text *out)
{
    text_str(out, "refuses ");
    put_percent(out, (double)c->after / (double)c->transactions);
    text_str(out, " of the last ");
    backtest_put_count(out, c->transactions);
    text_str(out, " transactions, which were accepted: its schema takes less");
}

/* "flags 6.1 % of the last 10,000 transactions, the running ruleset 3.0 %: +103 %, the bound is
 * 50 %" */
static void put_words(const struct gate_change *c, struct text *out)
{
    if (c->is_of_refused) {
        put_refused(c, out);
        return;
    }
    if (c->rule == NULL)
        text_str(out, "flags ");
    else
        text_printf(out, "rule %.*s fires on ", SPAN_ARG(c->rule->id));
    put_percent(out, (double)c->after / (double)c->transactions);
    text_str(out, " of the last ");
    backtest_put_count(out, c->transactions);
    text_str(out, " transactions, the running ruleset");
    text_str(out, c->rule == NULL ? " " : "'s on ");
    put_percent(out, (double)c->before / (double)c->transactions);
    text_str(out, ": ");
    put_change(out, c->change);
    text_printf(out, ", the bound is %.3g %%", c->bound * 100);
}

/* "rule over (+5 %)" */
static void put_briefly(const struct gate_change *c, struct text *out)
{
    if (c->rule == NULL)
        text_str(out, "the flag rate (");
    else
        text_printf(out, "rule %.*s (", SPAN_ARG(c->rule->id));
    put_change(out, c->change);
    text_char(out, ')');
}

static void put_others(const struct gate_finding *f, struct text *out)
{
    int told = f->n_beyond < GATE_TOLD_MAX ? f->n_beyond : GATE_TOLD_MAX;
    if (told < 2)
        return;
    text_str(out, told == 2 ? "; beyond its bound is also " : "; beyond their bounds are also ");
    for (int i = 1; i < told; i++) {
        text_str(out, i > 1 ? ", " : "");
        put_briefly(&f->beyond[i], out);
    }
    if (f->n_beyond > told)
        text_printf(out, " and %d more", f->n_beyond - told);
}

static void tell(struct gate_finding *f, const struct snapshot *active)
{
    struct text out;
    text_init(&out, f->words, sizeof f->words - 1);
    put_words(f->is_refused ? &f->beyond[0] : &f->flags, &out);
    put_others(f, &out);
    if (f->is_refused && active->was_forced)
        text_str(&out,
                 "; the running ruleset was itself forced past the gate: roll back to the one "
                 "before it, or force this one, too");
    out.base[out.len] = '\0';
}

/* ---- judging ---- */

/* 0: what is refused; 1: the flag rate; 2: a rule's. */
static int rank_of(const struct gate_change *c)
{
    return c->is_of_refused ? 0 : c->rule == NULL ? 1 : 2;
}

static bool is_before(const struct gate_change *a, const struct gate_change *b)
{
    int rank_a = rank_of(a), rank_b = rank_of(b);
    return rank_a != rank_b ? rank_a < rank_b : fabs(a->change) > fabs(b->change);
}

static void note(struct gate_finding *f, const struct gate_change *c)
{
    int at = f->n_beyond < GATE_TOLD_MAX ? f->n_beyond : GATE_TOLD_MAX;
    for (; at > 0 && is_before(c, &f->beyond[at - 1]); at--)
        if (at < GATE_TOLD_MAX)
            f->beyond[at] = f->beyond[at - 1];
    if (at < GATE_TOLD_MAX)
        f->beyond[at] = *c;
    f->n_beyond++;
    f->is_refused = true;
}

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool runs(const struct snapshot *snap, int index)
{
    return index >= 0 && snap->rules->rules[index]->mode != RULE_OFF;
}

void gate_compare(const struct gate_options *o, const struct snapshot *active,
                  const struct snapshot *candidate, const struct backtest_result *r,
                  struct gate_finding *ret_finding)
{
    struct backtest_report both = {.result = r, .candidate = candidate, .baseline = active};
    const struct measure *before = &r->baseline.measure, *after = &r->candidate.measure;
    uint64_t n = before->counts.transactions;
    struct gate_finding f = {.is_judged = true};
    struct backtest_pair pair;
    int at = 0;
    struct gate_change refused =
        change_of(NULL, 0, n - min_of(n, after->counts.transactions), n, 0);
    refused.is_of_refused = true;
    if (gate_is_beyond(&refused, o->floor))
        note(&f, &refused);
    f.flags =
        change_of(NULL, before->counts.flagged, after->counts.flagged, n, o->flag_rate_change);
    if (gate_is_beyond(&f.flags, o->floor))
        note(&f, &f.flags);
    while (backtest_next_pair(&both, &at, &pair)) {
        if (!runs(candidate, pair.candidate) || !runs(active, pair.baseline))
            continue;
        struct gate_change c =
            change_of(pair.rule, before->rules[pair.baseline].fired,
                      after->rules[pair.candidate].fired, n, o->rule_rate_change);
        if (gate_is_beyond(&c, o->floor))
            note(&f, &c);
    }
    tell(&f, active);
    *ret_finding = f;
}

static void predict(const struct snapshot *candidate, const struct measure *m,
                    struct gate_rates *ret_predicted)
{
    *ret_predicted = (struct gate_rates){.ruleset = candidate->id,
                                         .transactions = m->counts.transactions,
                                         .flagged = m->counts.flagged,
                                         .n_rules = m->n_rules};
    for (int i = 0; i < m->n_rules; i++)
        ret_predicted->fired[i] = m->rules[i].fired;
}

/* What was on its way must not slip in because nobody waited for the judgement. */
static enum status give_up(struct gate_finding *f)
{
    say(f, "not judged: the service stops");
    return ST_CONFLICT;
}

/* The last events of the journal, as a file. Errors: ST_CONFLICT: given up. */
static enum status open_history(const struct gate_options *o, struct gate_finding *f, int *ret_fd)
{
    char why[HISTORY_WHY_BYTES] = "";
    struct history *h;
    enum status st = history_new(o->spool_dir, GATE_SPOOL_BYTES, &h, why);
    if (st == ST_OK) {
        history_ask(h, o->goes_on, o->user);
        st = history_add_journal(h, o->journal_dir, (o->events + o->history) * FRAMES_PER_EVENT,
                                 why);
        if (st == ST_OK)
            st = history_take(h, ret_fd);
        history_free(h);
    }
    if (st == ST_CONFLICT)
        return give_up(f);
    if (st != ST_OK)
        say(f, "not judged: %s", why[0] ? why : status_text(st));
    return st;
}

static bool on_progress(void *user, const struct backtest_progress *p)
{
    const struct gate_options *o = user;
    (void)p;
    return o->goes_on(o->user);
}

static enum status judge_over(const struct gate_options *o, int fd, struct snapshot *active,
                              struct snapshot *candidate, struct gate_finding *f,
                              struct gate_rates *ret_predicted)
{
    struct backtest_options options = {.candidate = candidate,
                                       .baseline = active,
                                       .engine = o->engine,
                                       .events_fd = fd,
                                       .from_ms = INT64_MIN,
                                       .to_ms = INT64_MAX,
                                       .last_n = o->events,
                                       .nice = o->nice,
                                       .progress = o->goes_on != NULL ? on_progress : NULL,
                                       .user = (void *)o};
    struct backtest_result r;
    enum status st = backtest_run(&options, &r);
    if (st == ST_CONFLICT)
        return give_up(f);
    if (st != ST_OK) {
        say(f, "not judged: %s", status_text(st));
        return ST_OK;
    }
    uint64_t n = r.baseline.measure.counts.transactions;
    if (n < GATE_EVENTS_MIN) {
        say(f, "not judged: the journal has %llu transactions, %d at least are needed",
            (unsigned long long)n, GATE_EVENTS_MIN);
    } else {
        gate_compare(o, active, candidate, &r, f);
        predict(candidate, &r.candidate.measure, ret_predicted);
    }
    backtest_fini(&r);
    return f->is_refused ? ST_CONFLICT : ST_OK;
}

enum status gate_judge(const struct gate_options *o, struct snapshot *active,
                       struct snapshot *candidate, struct gate_finding *ret_finding,
                       struct gate_rates *ret_predicted)
{
    struct gate_finding f = {.is_judged = false};
    int64_t started_us = clock_mono_us();
    enum status st = ST_OK;
    int fd;
    if (o->events == 0)
        say(&f, "not judged: the gate is open");
    else if (o->journal_dir[0] == '\0')
        say(&f, "not judged: there is no journal");
    else if ((st = open_history(o, &f, &fd)) == ST_OK) {
        st = judge_over(o, fd, active, candidate, &f, ret_predicted);
        close(fd);
    }
    if (st != ST_CONFLICT)
        st = ST_OK; /* what cannot be judged is not refused */
    f.elapsed_us = clock_mono_us() - started_us;
    *ret_finding = f;
    return st;
}
