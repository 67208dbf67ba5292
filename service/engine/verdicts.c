#include "service/engine/verdicts.h"

#include "rules/rule_file.h"

enum { HASH_CHARS = 16 };

_Static_assert(2 * DECISION_REASONS_MAX + MODELS_MAX + 1 <= TALLY_NAMES_MAX,
               "a row for each rule and each model of an answer");
_Static_assert(2 + CLAIM_CURRENCY_MAX + 1 + MODEL_NAME_MAX + 1 + HASH_CHARS <= TALLY_NAME_MAX,
               "a name fits");
_Static_assert(2 + CLAIM_CURRENCY_MAX + 1 + RULE_ID_MAX <= TALLY_NAME_MAX, "a name fits");

/* The rows of one transaction, as they are made. */
struct rows {
    struct arena *arena;
    struct span currency;
    struct span *names; /* [TALLY_NAMES_MAX] */
    int n;
};

/* Of what: a rule, or a model and the hash of its file. */
static enum status add_row(struct rows *r, enum verdict_row_kind kind, struct span of,
                           struct span hash)
{
    char *room = arena_try(r->arena, TALLY_NAME_MAX);
    struct text name;
    if (room == NULL || r->n == TALLY_NAMES_MAX)
        return ST_NO_SPACE;
    text_init(&name, room, TALLY_NAME_MAX);
    text_char(&name, (char)kind);
    text_char(&name, ':');
    text_put(&name, r->currency);
    text_char(&name, ':');
    text_put(&name, of);
    if (hash.len > 0)
        text_printf(&name, "@%.*s", SPAN_ARG(hash));
    if (name.overflow)
        return ST_CORRUPT; /* no rule of ours has such an id */
    r->names[r->n++] = text_span(&name);
    return ST_OK;
}

/* ---- the answer ---- */

/* Where `mark` ends in `text`, or NULL. */
static const char *behind(struct span text, const char *mark)
{
    const char *found = memmem(text.base, text.len, mark, strlen(mark));
    return found != NULL ? found + strlen(mark) : NULL;
}

/* As much of `text` as stands before `mark`; all of it where there is none. */
static struct span before(struct span text, const char *mark)
{
    const char *found = memmem(text.base, text.len, mark, strlen(mark));
    return found != NULL ? span_of(text.base, (size_t)(found - text.base)) : text;
}

static struct span from(const char *at, struct span text)
{
    return span_of(at, (size_t)(text.base + text.len - at));
}

static enum status add_rules(struct rows *r, enum verdict_row_kind kind, struct span hits)
{
    enum status st = ST_OK;
    for (const char *id; st == ST_OK && (id = behind(hits, "{\"rule\":\"")) != NULL;) {
        hits = from(id, hits);
        st = add_row(r, kind, before(hits, "\""), span_of(NULL, 0));
    }
    return st;
}

/* Takes what stands before `mark` off *rest, and the mark. false: it is not there. */
static bool take(struct span *rest, const char *mark, struct span *ret_part)
{
    const char *end = behind(*rest, mark);
    if (end == NULL)
        return false;
    *ret_part = before(*rest, mark);
    *rest = from(end, *rest);
    return true;
}

/* `rest` begins behind {"name":" and goes on as decision.h says. One without a threshold or a score
 * says nothing. */
static enum status add_model(struct rows *r, struct span rest)
{
    struct span name, hash, role, score;
    if (!take(&rest, "\",\"hash\":\"", &name) || !take(&rest, "\",\"role\":\"", &hash) ||
        !take(&rest, "\",\"score\":", &role) || !take(&rest, ",\"above\":", &score))
        return ST_OK;
    bool is_model = name.len <= MODEL_NAME_MAX && hash.len == HASH_CHARS &&
                    memchr(score.base, '}', score.len) == NULL &&
                    memchr(score.base, ',', score.len) == NULL;
    if (!is_model)
        return ST_OK;
    bool is_above = span_starts(rest, span_str("true"));
    return add_row(r, is_above ? VERDICT_ROW_ABOVE : VERDICT_ROW_BELOW, name, hash);
}

static enum status add_models(struct rows *r, struct span models)
{
    enum status st = ST_OK;
    int n = 0;
    for (const char *at; st == ST_OK && (at = behind(models, "{\"name\":\"")) != NULL;) {
        models = from(at, models);
        if (n++ < MODELS_MAX)
            st = add_model(r, before(models, "{\"name\":\""));
    }
    return st;
}

/*
 * The answer is ours (decision.h), and its keys have their order. What is looked for has bare
 * quotes, which no text in it has: theirs are escaped. So a look suffices, and takes no memory.
 */
static enum status add_answer(struct rows *r, struct span answer)
{
    const char *decision = behind(answer, ",\"decision\":\"");
    const char *reasons = behind(answer, ",\"reasons\":[");
    if (decision == NULL || reasons == NULL)
        return ST_CORRUPT;
    bool is_flagged = span_starts(from(decision, answer), span_str("flag\""));
    struct span told = before(from(reasons, answer), ",\"ruleset\":\"");
    told = before(before(told, ",\"features\":{"), ",\"rules\":[");
    struct span hits = before(told, ",\"models\":[");
    struct span live = before(hits, ",\"shadow\":[");
    enum status st = add_row(r, is_flagged ? VERDICT_ROW_FLAGGED : VERDICT_ROW_ALLOWED,
                             span_of(NULL, 0), span_of(NULL, 0));
    if (st == ST_OK)
        st = add_rules(r, VERDICT_ROW_LIVE, live);
    if (st == ST_OK)
        st = add_rules(r, VERDICT_ROW_SHADOW, from(live.base + live.len, hits));
    if (st == ST_OK)
        st = add_models(r, from(hits.base + hits.len, told));
    return st;
}

enum status verdict_of(const struct claim *claim, enum outcome outcome, int64_t known_at_ms,
                       struct arena *arena, struct state_verdict *ret_verdict)
{
    struct rows r = {.arena = arena};
    int64_t amount_e4 = 0;
    if (claim->state != 'd')
        return ST_NOT_FOUND;
    (void)claim_amount(claim, &amount_e4, &r.currency); /* an old claim has none: 0, and no name */
    r.names = arena_try(arena, TALLY_NAMES_MAX * sizeof *r.names);
    if (r.names == NULL)
        return ST_NO_SPACE;
    enum status st = add_answer(&r, claim->rest);
    if (st != ST_OK)
        return st;
    /* A label that carries another time of its transaction may seem to come before it. */
    int64_t lag_ms = known_at_ms > claim->ts_ms ? known_at_ms - claim->ts_ms : 0;
    *ret_verdict =
        (struct state_verdict){.verdict = {outcome == OUTCOME_FRAUD, known_at_ms, lag_ms},
                               .amount_e4 = amount_e4,
                               .rows = r.names,
                               .n_rows = r.n};
    return ST_OK;
}

bool verdict_row_read(struct span name, struct verdict_row *ret_row)
{
    static const char kinds[] = {
#define X(name, letter) letter,
        VERDICT_ROW_TABLE(X)
#undef X
    };
    if (name.len < 3 || memchr(kinds, name.base[0], sizeof kinds) == NULL || name.base[1] != ':')
        return false;
    const char *currency = name.base + 2;
    const char *end = memchr(currency, ':', name.len - 2);
    if (end == NULL)
        return false;
    struct span of = span_of(end + 1, name.len - (size_t)(end + 1 - name.base));
    struct verdict_row row = {.kind = (enum verdict_row_kind)name.base[0],
                              .currency = span_of(currency, (size_t)(end - currency))};
    if (row.kind == VERDICT_ROW_ABOVE || row.kind == VERDICT_ROW_BELOW) {
        row.hash = of;
        if (!take(&row.hash, "@", &row.model))
            return false;
    } else
        row.rule = of;
    *ret_row = row;
    return true;
}
