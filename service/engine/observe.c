/*
 * Observe: claim, append, read back. One round trip, one MULTI:
 *
 *     SET x:<hash> NX GET | for each entity: APPEND its record, GETRANGE its log
 *
 *       nothing stood there     -> OBSERVED_FIRST
 *       a claim, undecided      -> OBSERVED_UNDECIDED   the fold ends at the first attempt's record
 *       a claim, decided        -> OBSERVED_DECIDED
 *       a claim, another body   -> OBSERVED_CONFLICT
 *       parked labels           -> OBSERVED_PARKED
 *
 * A frame that is brought to Redis again looks at the claim first, and appends only what is not
 * there.
 */
#include "service/engine/covered.h"
#include "service/engine/learn.h"
#include "service/engine/steps.h"
#include "service/engine/upkeep.h"

#include "service/base/clock.h"

/* ---- the claim that stood there ---- */

static bool keep_answer(struct score_steps *x, struct span answer)
{
    char *room = arena_try(x->arena, answer.len);
    if (room == NULL)
        return false;
    memcpy(room, answer.base, answer.len);
    x->stored = span_of(room, answer.len);
    return true;
}

static bool is_same_body(const struct score_steps *x, const struct claim *claim)
{
    return claim->digest.lo == x->event.digest.lo && claim->digest.hi == x->event.digest.hi;
}

static enum observed_as judge_claim(struct score_steps *x, struct span found)
{
    struct claim claim;
    if (claim_decode(found, &claim) != ST_OK) {
        stats_add(&x->engine->stats->corrupt, 1);
        return OBSERVED_UNDECIDED; /* whatever it was: ours is written over it if it is undecided */
    }
    if (!is_same_body(x, &claim))
        return OBSERVED_CONFLICT;
    if (claim.state == 'd' && keep_answer(x, claim.rest))
        return OBSERVED_DECIDED;
    intent_credit(&x->intent, claim.nonce);
    return OBSERVED_UNDECIDED;
}

static enum observed_as judge(struct score_steps *x)
{
    switch (x->call.op.outcome) {
    case STATE_CLAIM_NONE:
        return OBSERVED_FIRST;
    case STATE_CLAIM_PARKED:
        return OBSERVED_PARKED;
    default:
        return judge_claim(x, x->found[0]);
    }
}

/* ---- the logs ---- */

static void take_value(struct score_steps *x, int feature, const struct window_value *v)
{
    x->seen.values[feature] = *v;
    covered_bound(x->snap, feature, x->event.ts_ms, &x->seen.values[feature]);
}

static void spread(struct score_steps *x, int key, const struct window_value *values)
{
    const struct feature_set *set = &x->snap->features;
    for (int i = 0; i < set->n_features; i++)
        if (set->features[i].key == key)
            take_value(x, i, &values[set->features[i].in_plan]);
}

static void note_seen(struct score_steps *x, int entity, const struct fold_seen *seen)
{
    const struct feature_key *k = &x->snap->features.keys[x->intent.keys[entity]];
    bool own = seen->own_nonce == x->intent.nonce;
    x->is_late |= seen->own_late;
    /* The claim was gone, but an earlier attempt is still a record: it is the one that counts. */
    if (seen->own_found && !own) {
        x->score->replayed |= !x->is_answered;
        intent_credit(&x->intent, seen->own_nonce);
    }
    if (seen->wants_fold && own)
        upkeep_offer(x->engine, x->snap, k->plan, &x->intent.entities[entity],
                     x->score->intake.now_ms);
}

static enum status fold_one(struct score_steps *x, int entity)
{
    int key = x->intent.keys[entity];
    struct window_value values[PLAN_FEATURES_MAX];
    struct fold_seen seen;
    struct fold_query query = {.log = x->intent.entities[entity].log,
                               .t_ms = x->event.ts_ms,
                               .has_own = true,
                               .own_txn = x->event.txn_hash,
                               .own_is_retry = x->as == OBSERVED_UNDECIDED};
    arena_reset(x->engine->parts->fold_scratch);
    enum status st = fold_read(x->snap->features.keys[key].plan, x->engine->layouts, &query,
                               x->engine->parts->fold_scratch, values, &seen);
    if (st != ST_OK)
        return st;
    spread(x, key, values);
    note_seen(x, entity, &seen);
    return ST_OK;
}

void observe_fold(struct score_steps *x)
{
    x->fold_status = ST_OK;
    for (int i = 0; i < x->intent.n_entities; i++)
        fold_prefetch(x->call.op.entities[i].log);
    for (int i = 0; i < x->intent.n_entities && x->fold_status == ST_OK; i++)
        x->fold_status = fold_one(x, i);
}

/* ---- the round trip, and another one when a layout was not known ---- */

static void count_latency(struct score_steps *x)
{
    if (x->engine->loop == NULL)
        return;
    int64_t us = clock_mono_us() - x->started_us;
    struct engine_stats *stats = x->engine->stats;
    latency_note(&stats->state_latency, us);
    if (!x->is_answered)
        x->score->state_us = us;
}

static void take_reread(struct call *c)
{
    observe_fold(c->user);
}

static void observed(struct score_steps *x)
{
    if (x->fold_status != ST_OK && x->as != OBSERVED_DECIDED && x->as != OBSERVED_CONFLICT) {
        stats_add(&x->engine->stats->corrupt, 1);
        x->seen.without_state = true;
    }
    count_latency(x);
    score_observed(x);
}

static void reread(struct call *c)
{
    observed(steps_returned(c));
}

static void learned(void *user, enum status st)
{
    struct score_steps *x = user;
    struct state_op op = {
        .verb = STATE_READ, .entities = x->intent.entities, .n_entities = x->intent.n_entities};
    if (st == ST_OK)
        steps_call(x, &op, take_reread, reread);
    else
        observed(x);
}

static void take(struct call *c)
{
    struct score_steps *x = c->user;
    x->as = judge(x);
    if (x->as != OBSERVED_DECIDED && x->as != OBSERVED_CONFLICT)
        observe_fold(x);
}

static void returned(struct call *c)
{
    struct score_steps *x = steps_returned(c);
    if (c->status == ST_OK && x->fold_status == ST_NOT_FOUND)
        learn_layouts(x->engine, &x->learning, learned, x);
    else
        observed(x);
}

static void claim_and_append(struct score_steps *x)
{
    struct state_op op = {.verb = STATE_OBSERVE,
                          .claim = intent_claim(&x->intent),
                          .ttl_ms = engine_claim_ttl_ms(x->engine, x->snap),
                          .entities = x->intent.entities,
                          .n_entities = x->intent.n_entities,
                          .found = x->found};
    x->as = OBSERVED_NOTHING;
    x->started_us = x->engine->loop != NULL ? clock_mono_us() : 0;
    steps_call(x, &op, take, returned);
}

/* ---- a frame that is brought to Redis again ---- */

/*
 * A record that has folded does not know its own second copy, so it must not get one. Claim and
 * records come in one MULTI: under a claim of this attempt, or of another with the same body,
 * stands all there is to append.
 */
static void take_standing(struct call *c)
{
    struct score_steps *x = c->user;
    struct claim claim;
    x->as = OBSERVED_NOTHING;
    if (x->found[0].len == 0 || claim_is_parked(x->found[0]) ||
        claim_decode(x->found[0], &claim) != ST_OK)
        return;
    if (claim.nonce == x->intent.nonce || is_same_body(x, &claim))
        x->as = OBSERVED_DECIDED;
    else if (claim.state == 'd')
        x->as = OBSERVED_CONFLICT;
}

static void looked(struct call *c)
{
    struct score_steps *x = steps_returned(c);
    if (c->status != ST_OK)
        score_refuse(x, SCORE_UNAVAILABLE);
    else if (x->as == OBSERVED_NOTHING)
        claim_and_append(x);
    else if (x->as == OBSERVED_CONFLICT)
        score_conflict(x);
    else
        score_refuse(x, SCORE_DECIDED);
}

void observe_start(struct score_steps *x)
{
    struct state_op look = {
        .verb = STATE_PEEK, .hashes = &x->event.txn_hash, .n_hashes = 1, .found = x->found};
    if (x->score->intake.redo_seq != 0 && !x->engine->state_keeps_journal)
        steps_call(x, &look, take_standing, looked);
    else
        claim_and_append(x);
}
