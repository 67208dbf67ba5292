/*
 * rule_test_message.h -- an event of a rule test as the message that the service is sent.
 *
 *     merchant.country: BE, amount: 30.00     {"transaction_id":"t-1","amount":"30.00",
 *                                              "timestamp":"2026-01-05T12:00:00Z",
 *                                              "merchant":{"country":"BE"}}
 *
 * A field stands where its path says, and is written as its type asks: NO is a country, 4961 an
 * account, and an amount keeps its digits.
 *
 * Threads: pure.
 */
#ifndef SLUICE_TRIAL_RULE_TEST_MESSAGE_H
#define SLUICE_TRIAL_RULE_TEST_MESSAGE_H

#include "service/trial/rule_test.h"

/* One of an event's times. */
struct rule_test_moment {
    const struct rule_test *test;
    const struct rule_test_event *event;
    int number; /* of the message within the test, from 1: the id is t-1 where none is given */
    int64_t ts_ms;
};

/* The message, for free(); the event's own fields before the test's defaults before the file's.
 * NULL: two paths do not go together in one message. CHECKs on no memory. */
MUST_USE char *rule_test_message(const struct rule_test_file *file,
                                 const struct rule_test_moment *moment);

#endif
