#include "api/score_reply.h"

void score_reply(const struct score *s, struct reply *reply)
{
    bool taken = s->kind == SCORE_DECIDED || s->kind == SCORE_LABELLED;
    reply->state_us = s->state_us;
    reply->replayed = s->replayed;
    if (!taken && s->kind != SCORE_PARKED)
        return;
    reply->status = taken ? 200 : 202;
    reply->content_type = "application/json";
    reply->body = s->answer;
}

static enum problem problem_of_fault(enum reader_fault fault)
{
    switch (fault) {
    case READER_NOT_JSON:
        return PROBLEM_NOT_JSON;
    case READER_TOO_LARGE:
        return PROBLEM_TOO_LARGE;
    case READER_SCHEMA:
        return PROBLEM_SCHEMA;
    }
    return PROBLEM_INTERNAL;
}

enum problem score_problem(const struct score *s)
{
    switch (s->kind) {
    case SCORE_REFUSED:
        return problem_of_fault(s->error.fault);
    case SCORE_CONFLICT:
        return PROBLEM_CONFLICT;
    case SCORE_UNAVAILABLE:
        return PROBLEM_UNAVAILABLE;
    case SCORE_OVERLOADED:
        return PROBLEM_OVERLOADED;
    case SCORE_DECIDED:
    case SCORE_LABELLED:
    case SCORE_PARKED:
        break; /* no problem at all */
    }
    return PROBLEM_INTERNAL;
}

const struct problem_error *score_problem_error(const struct score *s, struct problem_error *room)
{
    if (s->kind != SCORE_REFUSED && s->kind != SCORE_CONFLICT)
        return NULL;
    const struct reader_error *e = &s->error;
    bool has_offset = e->offset != READER_NO_OFFSET;
    *room = (struct problem_error){.pointer = has_offset || e->pointer[0] ? e->pointer : NULL,
                                   .offset = has_offset ? (int64_t)e->offset : -1,
                                   .detail = e->detail,
                                   .more = e->next};
    return room;
}
