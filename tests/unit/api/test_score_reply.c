#include "api/score_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct score answered(enum score_answer kind)
{
    return (struct score){.kind = kind,
                          .answer = {"{}", 2},
                          .error = {.fault = READER_SCHEMA,
                                    .offset = 7,
                                    .pointer = "/amount",
                                    .detail = "amount is missing"},
                          .state_us = 40};
}

static void what_was_taken_is_the_answer_itself(void **state)
{
    static const struct {
        enum score_answer kind;
        unsigned status;
    } taken[] = {{SCORE_DECIDED, 200}, {SCORE_LABELLED, 200}, {SCORE_PARKED, 202}};
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        struct score s = answered(taken[i].kind);
        struct reply reply = {0};
        score_reply(&s, &reply);
        assert_int_equal(reply.status, taken[i].status);
        assert_true(span_is(reply.body, "{}"));
        assert_int_equal(reply.state_us, 40);
    }
}

static void each_refusal_has_its_problem(void **state)
{
    static const struct {
        enum score_answer kind;
        enum reader_fault fault;
        enum problem problem;
        bool has_place;
    } refused[] = {
        {SCORE_REFUSED, READER_NOT_JSON, PROBLEM_NOT_JSON, true},
        {SCORE_REFUSED, READER_TOO_LARGE, PROBLEM_TOO_LARGE, true},
        {SCORE_REFUSED, READER_SCHEMA, PROBLEM_SCHEMA, true},
        {SCORE_CONFLICT, READER_SCHEMA, PROBLEM_CONFLICT, true},
        {SCORE_UNAVAILABLE, READER_SCHEMA, PROBLEM_UNAVAILABLE, false},
        {SCORE_OVERLOADED, READER_SCHEMA, PROBLEM_OVERLOADED, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct score s = answered(refused[i].kind);
        struct reply reply = {0};
        struct problem_error room;
        s.error.fault = refused[i].fault;
        score_reply(&s, &reply);
        assert_int_equal(reply.status, 0);
        assert_int_equal(score_problem(&s), refused[i].problem);
        const struct problem_error *place = score_problem_error(&s, &room);
        assert_int_equal(place != NULL, refused[i].has_place);
        if (place != NULL)
            assert_string_equal(place->pointer, "/amount");
    }
}

static void what_the_contract_refuses_has_a_pointer_and_no_offset(void **state)
{
    struct score s = answered(SCORE_CONFLICT);
    struct problem_error room;
    (void)state;
    assert_int_equal(score_problem_error(&s, &room)->offset, 7);
    s.error.offset = READER_NO_OFFSET;
    assert_int_equal(score_problem_error(&s, &room)->offset, -1);
    assert_string_equal(room.pointer, "/amount");
    s.error.pointer[0] = '\0';
    assert_null(score_problem_error(&s, &room)->pointer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_taken_is_the_answer_itself),
        cmocka_unit_test(each_refusal_has_its_problem),
        cmocka_unit_test(what_the_contract_refuses_has_a_pointer_and_no_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
