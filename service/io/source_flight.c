/*
 * A message on its way: declared in source_internal.h.
 *
 *     backlog ──> judged ──> score_start ──> done, released ──> landed, in order
 *                   │ a letter at once                             │ decided: outlet
 *                   └─────────────────────────────────────────────>│ refused: letter, outlet
 *                                                                  │ a label: finished
 *                                                                  └ no state: backlog again
 *
 * One connection's commands are executed in order, so transactions may be under way together. A
 * label takes two round trips: nothing behind it starts before it has landed. When one could not be
 * scored for want of state, all behind it are scored again with it, so that answers keep their
 * order; those that were decided get the same answer.
 */
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/log.h"
#include "service/engine/delivery.h"
#include "service/io/cloud_event.h"
#include "service/io/crash_notes.h"
#include "service/io/source_internal.h"
#include "service/txn/card.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SLICE = 64, /* messages started in one turn of the loop: HTTP has its turn in between */
    BACKOFF_MIN_US = 50000,
    BACKOFF_MAX_US = 1000000,
    TELL_FAILING_US = 10000000,
};

static struct source_flight *flight_of(const struct source *s, uint64_t number)
{
    return &s->flights[number % s->n_flights];
}

/* ---- finished ---- */

static void finish(struct source *s, struct source_partition *p, uint64_t ticket)
{
    if (p->is_gone)
        stats_add(&s->stats.late, 1);
    else
        offsets_finish(&p->offsets, ticket);
    source_partition_drop(p);
}

void source_delivered(void *user, const struct outlet_message *m)
{
    struct source *s = user;
    if (m->topic == OUTLET_DECISIONS)
        stats_add(&s->stats.decisions, 1);
    else
        stats_add(&s->stats.letters[m->kind], 1);
    if (m->owner != NULL) /* else it was no message of ours */
        finish(s, m->owner, m->ticket);
    source_again(s);
}

/* ---- letters ---- */

static struct span span_or_null(const void *base, size_t len)
{
    static const char empty[1] = "";
    return base == NULL && len > 0 ? span_of(empty, 0) : span_of(base, len);
}

static int headers_of(const rd_kafka_message_t *rkm, struct outlet_header *headers)
{
    rd_kafka_headers_t *all;
    const char *name;
    const void *value;
    size_t size;
    int n = 0;
    if (rd_kafka_message_headers(rkm, &all) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    while (n < OUTLET_HEADERS_MAX && rd_kafka_header_get_all(all, (size_t)n, &name, &value,
                                                             &size) == RD_KAFKA_RESP_ERR_NO_ERROR)
        headers[n++] = (struct outlet_header){span_str(name), span_or_null(value, size)};
    return n;
}

static void send_letter(struct source *s, const struct source_message *m, enum letter l,
                        const char *why)
{
    struct outlet_header headers[OUTLET_HEADERS_MAX];
    struct letter_room room;
    struct outlet_message out = {.owner = m->partition, .ticket = m->ticket};
    rd_kafka_timestamp_type_t type;
    struct letter_source from = {
        .topic = source_topic_name(s, m->partition->topic),
        .partition = m->rkm->partition,
        .offset = m->rkm->offset,
        .timestamp_ms = rd_kafka_message_timestamp(m->rkm, &type),
        .key = span_or_null(m->rkm->key, m->rkm->key_len),
        .value = span_or_null(m->rkm->payload, m->rkm->len),
        .headers = headers,
        .n_headers = headers_of(m->rkm, headers),
    };
    letter_write(l, why, &from, &room, &out);
    outlet_send(s->outlet, &out);
}

void source_bury(struct source *s, struct span label)
{
    bool has_labels = s->kafka->labels[0] != '\0';
    struct letter_room room;
    struct outlet_message out = {0};
    struct letter_source from = {
        .topic = source_topic_name(s, has_labels ? SOURCE_LABELS : SOURCE_TRANSACTIONS),
        .partition = -1,
        .offset = -1,
        .timestamp_ms = -1,
        .value = label,
    };
    letter_write(LETTER_UNMATCHED, letter_why(LETTER_UNMATCHED), &from, &room, &out);
    outlet_send(s->outlet, &out);
}

/* A decision that no broker will ever take: a letter in its place says which. */
static void give_up_decision(struct source *s, const struct outlet_message *m, const char *why)
{
    struct letter_room room;
    struct outlet_message out = {.owner = m->owner, .ticket = m->ticket};
    const struct source_partition *p = m->owner;
    struct letter_source from = {
        .topic = source_topic_name(s, p->topic),
        .partition = p->id,
        .offset = offsets_at(&p->offsets, m->ticket),
        .timestamp_ms = -1,
        .key = m->key,
        .value = span_str("{\"left_out\":\"its transaction was decided\"}"), /* stays there */
        .headers = m->headers,
        .n_headers = m->n_headers,
    };
    letter_write(LETTER_UNDELIVERED, why, &from, &room, &out);
    outlet_send(s->outlet, &out);
}

void source_refused(void *user, const struct outlet_message *m, const char *why)
{
    struct source *s = user;
    struct source_partition *p = m->owner;
    struct letter_room room;
    struct outlet_message shorter;
    stats_add(&s->stats.left_out, 1);
    log_error("Kafka message refused",
              LOG_TEXT("what", m->topic == OUTLET_DECISIONS ? "decision" : "dead letter"),
              LOG_TEXT("of", p != NULL ? source_topic_name(s, p->topic) : ""),
              LOG_INT("partition", p != NULL ? p->id : -1), LOG_TEXT("why", why));
    if (p == NULL)
        return; /* the file has it */
    if (p->is_gone || (m->topic == OUTLET_DEAD_LETTERS && letter_is_shortest(m))) {
        finish(s, p, m->ticket);
    } else if (m->topic == OUTLET_DECISIONS) {
        give_up_decision(s, m, why);
    } else {
        letter_shorten(m, &room, &shorter);
        outlet_send(s->outlet, &shorter);
    }
}

void source_forgotten(void *user, const struct outlet_message *m)
{
    (void)user;
    if (m->owner != NULL)
        source_partition_drop(m->owner);
}

/* ---- decisions ---- */

/* The message's own, unless a card number stands in it in clear. */
static struct span key_of(const struct source_flight *f)
{
    const rd_kafka_message_t *rkm = f->message.rkm;
    struct span key = span_or_null(rkm->key, rkm->key_len);
    return key.len > 0 && !card_stands_in(key) ? key : score_account_id(&f->score);
}

static void send_decision(struct source *s, struct source_flight *f)
{
    const struct source_message *m = &f->message;
    struct cloud_event_headers headers;
    char id[HASH_ID_DIGITS + 1];
    struct cloud_event event = {.type = "sluice.decision.v1",
                                .id = id,
                                .subject = score_transaction_id(&f->score),
                                .traceparent = f->score.intake.traceparent,
                                .time_ms = INT64_MIN};
    hash_id("decision:", event.subject, id);
    cloud_event_write(&event, &headers);
    struct outlet_message out = {
        .topic = OUTLET_DECISIONS,
        .key = key_of(f),
        .value = f->score.answer,
        .headers = headers.headers,
        .n_headers = headers.n,
        .owner = m->partition,
        .ticket = m->ticket,
    };
    outlet_send(s->outlet, &out);
}

/* ---- landing ---- */

static bool must_try_again(const struct source_flight *f)
{
    return f->letter == LETTER_NONE &&
           (f->score.kind == SCORE_UNAVAILABLE || f->score.kind == SCORE_OVERLOADED);
}

static void land_refused(struct source *s, struct source_flight *f)
{
    char detail[LETTER_DETAIL_MAX];
    letter_detail(&f->score.error, detail);
    send_letter(s, &f->message, letter_of(&f->score), detail);
}

static void land(struct source *s, struct source_flight *f)
{
    struct source_message *m = &f->message;
    if (f->letter != LETTER_NONE)
        send_letter(s, m, f->letter, letter_why(f->letter));
    else if (f->score.kind == SCORE_REFUSED || f->score.kind == SCORE_CONFLICT)
        land_refused(s, f);
    else if (f->score.kind == SCORE_DECIDED && s->kafka->decisions[0] != '\0')
        send_decision(s, f);
    else
        finish(s, m->partition, m->ticket);
}

static void note_progress(struct source *s)
{
    if (s->failing_since_us != 0)
        log_info("Kafka scores again",
                 LOG_INT("after_ms", (clock_mono_us() - s->failing_since_us) / 1000));
    s->failing_since_us = 0;
    s->backoff_us = 0;
}

/* What was scored under an assignment that has ended, or ends, is done again by another member,
 * unless it can still be finished. */
static void land_first(struct source *s, struct source_flight *f)
{
    struct source_message *m = &f->message;
    if (m->partition->is_gone || (m->partition->is_leaving && s->is_failing)) {
        stats_add(&s->stats.late, 1);
        rd_kafka_message_destroy(m->rkm);
        source_partition_drop(m->partition);
        return;
    }
    if (s->is_failing) {
        s->failed[s->n_failed++] = *m;
        return;
    }
    note_progress(s);
    land(s, f);
    rd_kafka_message_destroy(m->rkm);
}

static void tell_failing(struct source *s, const struct source_message *first)
{
    int64_t now_us = clock_mono_us();
    if (s->failing_since_us == 0)
        s->failing_since_us = s->told_failing_us = now_us;
    if (now_us - s->told_failing_us < TELL_FAILING_US)
        return;
    s->told_failing_us = now_us;
    log_warning("Kafka waits: a message cannot be scored now",
                LOG_TEXT("topic", source_topic_name(s, first->partition->topic)),
                LOG_INT("partition", first->rkm->partition), LOG_INT("offset", first->rkm->offset),
                LOG_INT("for_ms", (now_us - s->failing_since_us) / 1000));
}

/* All have landed: those that failed are the next again, in their order. */
static void try_again(struct source *s)
{
    s->is_failing = false;
    if (s->n_failed == 0)
        return;
    tell_failing(s, &s->failed[0]);
    stats_add(&s->stats.retries, s->n_failed);
    while (s->n_failed > 0)
        source_push_front(s, &s->failed[--s->n_failed]);
    s->backoff_us = s->backoff_us == 0                   ? BACKOFF_MIN_US
                    : 2 * s->backoff_us < BACKOFF_MAX_US ? 2 * s->backoff_us
                                                         : BACKOFF_MAX_US;
    s->retry_at_us = clock_mono_us() + s->backoff_us;
    source_drop_backlog(s, s->phase != SOURCE_RUNNING);
}

static void land_all(struct source *s)
{
    while (s->first < s->next) {
        struct source_flight *f = flight_of(s, s->first);
        if (!f->is_done || !f->is_released)
            return;
        s->is_failing |= must_try_again(f);
        land_first(s, f);
        s->first++;
        s->n_singly -= s->n_singly > 0;
    }
    if (s->is_failing)
        try_again(s);
}

/* ---- starting ---- */

#ifdef __SANITIZE_ADDRESS__
/* The program of the tests crashes over a message that holds the variable's text. */
static void crash_if_told(const char *variable, const struct source_flight *f)
{
    const char *text = getenv(variable);
    const rd_kafka_message_t *rkm = f->message.rkm;
    if (text != NULL && memmem(rkm->payload, rkm->len, text, strlen(text)) != NULL)
        abort();
}
#else
#define crash_if_told(variable, f) (void)0
#endif

static void on_done(struct score *score)
{
    struct source_flight *f = score->user;
    crash_if_told("SLUICE_CRASH_AT_END", f);
    f->is_done = true;
    f->source->is_failing |= must_try_again(f);
}

static void on_released(struct score *score)
{
    struct source_flight *f = score->user;
    f->is_released = true;
    crash_notes_hand(NULL, 0, 0);
    if (f->source->barrier == f)
        f->source->barrier = NULL;
    if (!f->source->is_pumping)
        source_again(f->source);
}

/* Perhaps a label. That a transaction has these letters somewhere costs it a round trip alone. */
static bool may_be_label(const struct source_message *m, struct span body)
{
    return m->partition->topic == SOURCE_LABELS ||
           memmem(body.base, body.len, "label", 5) != NULL ||
           memmem(body.base, body.len, "\\u", 2) != NULL;
}

static struct span traceparent_of(const rd_kafka_message_t *rkm, char *room)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(rkm, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, "traceparent", &value, &size) !=
            RD_KAFKA_RESP_ERR_NO_ERROR)
        return span_of(NULL, 0);
    return trace_parent_pass(span_of(value, size), room);
}

static void score(struct source *s, struct source_flight *f, struct span body)
{
    struct arena *arena = f->score.arena;
    arena_reset(arena);
    f->score = (struct score){
        .engine = s->engine,
        .arena = arena,
        .intake = {.now_ms = clock_wall_ms(),
                   .historic = s->kafka->historic,
                   .detail = s->kafka->explain ? DECISION_RULES : DECISION_PLAIN,
                   .labels_allowed = true,
                   .transactions_allowed = f->message.partition->topic == SOURCE_TRANSACTIONS,
                   .patient = true,
                   .traceparent = traceparent_of(f->message.rkm, f->trace)},
        .done = on_done,
        .released = on_released,
        .user = f,
    };
    if (may_be_label(&f->message, body))
        s->barrier = f;
    score_start(&f->score, body);
}

/* After a crash messages are under way one by one for a while, and each is in hand until its end:
 * then it is known over which one we crash. Else only while this thread works on it. */
static void score_in_hand(struct source *s, struct source_flight *f, struct span body)
{
    const rd_kafka_message_t *rkm = f->message.rkm;
    crash_notes_hand(source_topic_name(s, f->message.partition->topic), rkm->partition,
                     rkm->offset);
    crash_if_told("SLUICE_CRASH_AT_START", f);
    score(s, f, body);
    if (s->n_singly == 0)
        crash_notes_hand(NULL, 0, 0);
}

static enum letter judge(const struct source *s, const struct source_message *m,
                         struct span *ret_body)
{
    struct span value = span_of(m->rkm->payload, m->rkm->payload != NULL ? m->rkm->len : 0);
    if (crash_notes_has(source_topic_name(s, m->partition->topic), m->rkm->partition,
                        m->rkm->offset))
        return LETTER_CRASHED;
    return letter_judge(value, ret_body);
}

static void start(struct source *s, const struct source_message *m)
{
    struct source_flight *f = flight_of(s, s->next++);
    struct span body = span_of(NULL, 0);
    f->message = *m;
    f->is_done = f->is_released = false;
    f->letter = judge(s, m, &body);
    if (f->letter == LETTER_NONE)
        score_in_hand(s, f, body);
    else
        f->is_done = f->is_released = true;
}

static bool has_room(const struct source *s)
{
    return s->next - s->first < (s->n_singly > 0 ? 1 : s->n_flights);
}

static struct source_message pop(struct source *s)
{
    struct source_message m = s->backlog[s->backlog_first];
    s->backlog_first = (s->backlog_first + 1) % s->backlog_cap;
    s->backlog_n--;
    return m;
}

const char *source_blocked(const struct source *s)
{
    if (!state_available(s->engine->state))
        return "state is away";
    if (s->engine->delivery != NULL && delivery_is_coming(s->engine->delivery))
        return "state is incomplete: the journal is being delivered again";
    if (s->is_failing || (s->failing_since_us != 0 && clock_mono_us() < s->retry_at_us))
        return "state or journal refuses";
    if (outlet_is_full(s->outlet, (size_t)s->kafka->unsettled))
        return "decisions wait for the broker";
    return NULL;
}

void source_fly(struct source *s)
{
    int started = 0;
    s->is_pumping = true;
    land_all(s);
    while (s->backlog_n > 0 && s->barrier == NULL && has_room(s) && started < SLICE &&
           source_blocked(s) == NULL) {
        struct source_message m = pop(s);
        start(s, &m);
        started++;
        land_all(s);
    }
    s->is_pumping = false;
    if (started == SLICE)
        source_again(s);
    __atomic_store_n(&s->stats.in_flight, s->next - s->first, __ATOMIC_RELAXED);
    __atomic_store_n(&s->stats.backlog, s->backlog_n, __ATOMIC_RELAXED);
}
