#include "service/trial/touches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct hash_key key;

/* Two key fields: slot 1 is text, slot 2 an integer. */
static struct snapshot *two_keys(void)
{
    static struct snapshot snap;
    snap.schema.count = 3;
    snap.schema.fields[1].type = FIELD_STRING;
    snap.schema.fields[2].type = FIELD_INTEGER;
    snap.features.n_keys = 2;
    snap.features.keys[0].slot = 1;
    snap.features.keys[1].slot = 2;
    return &snap;
}

static struct touches touches(enum event_kind kind, uint64_t txn, const char *text, int64_t number)
{
    struct txn_value values[3] = {{0}};
    struct event event = {.kind = kind, .txn_hash = txn, .values = values};
    struct touches t;
    values[1].present = text != NULL;
    if (text != NULL)
        values[1].text = span_str(text);
    values[2].present = number != 0;
    values[2].i64 = number;
    touches_of(two_keys(), &key, &event, &t);
    return t;
}

static bool share(struct touches a, struct touches b)
{
    assert_int_equal(touches_share(&a, &b), touches_share(&b, &a));
    return touches_share(&a, &b);
}

static void transactions_share_an_id_or_an_entity_or_nothing(void **state)
{
    struct touches one = touches(EVENT_TRANSACTION, 1, "a", 7);
    (void)state;
    assert_true(share(one, touches(EVENT_TRANSACTION, 1, NULL, 0)));
    assert_true(share(one, touches(EVENT_TRANSACTION, 2, "a", 8)));
    assert_true(share(one, touches(EVENT_TRANSACTION, 2, "b", 7)));
    assert_false(share(one, touches(EVENT_TRANSACTION, 2, "b", 8)));
    assert_false(share(one, touches(EVENT_TRANSACTION, 2, NULL, 0)));
    assert_false(share(touches(EVENT_TRANSACTION, 1, "", 0), touches(EVENT_TRANSACTION, 2, "", 0)));
}

static void a_label_is_alone(void **state)
{
    struct touches label = touches(EVENT_LABEL, 9, NULL, 0);
    (void)state;
    assert_true(share(label, touches(EVENT_TRANSACTION, 1, "a", 7)));
    assert_true(share(label, touches(EVENT_LABEL, 8, NULL, 0)));
}

static void nothing_shares_nothing_but_with_a_label(void **state)
{
    struct touches nothing = {0};
    (void)state;
    assert_false(share(nothing, nothing));
    assert_false(share(nothing, touches(EVENT_TRANSACTION, 1, "a", 7)));
    assert_true(share(nothing, touches(EVENT_LABEL, 1, NULL, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transactions_share_an_id_or_an_entity_or_nothing),
        cmocka_unit_test(a_label_is_alone),
        cmocka_unit_test(nothing_shares_nothing_but_with_a_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
