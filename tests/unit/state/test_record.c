#include "service/state/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_record_reads_back_as_it_was_written(void **state)
{
    (void)state;
    char bytes[RECORD_BYTES_MAX];
    const int64_t columns[] = {INT64_MIN, 42};
    struct record in = {.kind = RECORD_TRANSACTION,
                        .layout = 7,
                        .ts_ms = -1,
                        .txn = UINT64_MAX,
                        .nonce = 9,
                        .bits = 3};
    struct record out;
    assert_int_equal(record_encode(&in, columns, 2, bytes), 48);
    assert_int_equal(record_decode(span_of(bytes, 48), &out), ST_OK);
    assert_int_equal(out.layout, 7);
    assert_int_equal(out.ts_ms, -1);
    assert_int_equal(out.known_at_ms, -1);
    assert_true(out.txn == UINT64_MAX);
    assert_int_equal(out.nonce, 9);
    assert_int_equal(out.bits, 3);
    assert_true(record_column(&out, 0) == INT64_MIN);
    assert_int_equal(record_column(&out, 1), 42);
    assert_int_equal(out.bytes, 48);
}

static void a_correction_carries_when_it_became_known(void **state)
{
    (void)state;
    char bytes[RECORD_BYTES_MAX];
    struct record in = {.kind = RECORD_DECLINED, .ts_ms = 100, .known_at_ms = 900};
    struct record out;
    size_t n = record_encode(&in, NULL, 0, bytes);
    assert_int_equal(record_decode(span_of(bytes, n), &out), ST_OK);
    assert_int_equal(out.known_at_ms, 900);
    assert_int_equal(record_age_key(&out), 900);
}

static void a_record_ages_by_its_time_when_it_was_known_before(void **state)
{
    (void)state;
    struct record r = {.kind = RECORD_FRAUD, .ts_ms = 100, .known_at_ms = 50};
    assert_int_equal(record_age_key(&r), 100);
}

static void damaged_bytes_are_corrupt_and_leave_the_output_alone(void **state)
{
    (void)state;
    char good[RECORD_BYTES_MAX], bad[RECORD_BYTES_MAX];
    struct record in = {.kind = RECORD_TRANSACTION, .ts_ms = 5};
    size_t n = record_encode(&in, NULL, 0, good);
    const struct {
        size_t at;
        char byte;
    } damages[] = {{0, 0}, {1, RECORD_KINDS}, {2, 31}, {2, 33}, {2, 0}, {3, 127}};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct record out = {.ts_ms = 77};
        memcpy(bad, good, n);
        bad[damages[i].at] = damages[i].byte;
        assert_int_equal(record_decode(span_of(bad, n), &out), ST_CORRUPT);
        assert_int_equal(out.ts_ms, 77);
    }
}

static void a_cut_record_is_corrupt_at_every_length(void **state)
{
    (void)state;
    char bytes[RECORD_BYTES_MAX];
    const int64_t column = 1;
    struct record out, in = {.kind = RECORD_TRANSACTION};
    size_t n = record_encode(&in, &column, 1, bytes);
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(record_decode(span_of(bytes, cut), &out), ST_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_reads_back_as_it_was_written),
        cmocka_unit_test(a_correction_carries_when_it_became_known),
        cmocka_unit_test(a_record_ages_by_its_time_when_it_was_known_before),
        cmocka_unit_test(damaged_bytes_are_corrupt_and_leave_the_output_alone),
        cmocka_unit_test(a_cut_record_is_corrupt_at_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
