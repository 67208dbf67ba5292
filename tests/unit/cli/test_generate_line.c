#include "service/cli/generate_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_line(const struct booking *k, const char *wanted)
{
    char buf[1024];
    struct text t;
    text_init(&t, buf, sizeof buf);
    line_put_booking(&t, k, INT64_C(1704067200000)); /* 2024-01-01 */
    text_char(&t, '\0');
    assert_false(t.overflow);
    assert_string_equal(buf, wanted);
}

static void what_a_booking_has_not_is_not_written(void **state)
{
    (void)state;
    assert_line(&(struct booking){.operation = OPERATION_CREDIT,
                                  .channel = CHANNEL_MOBILE,
                                  .scenario = BANK_SALARY,
                                  .cents = 250050,
                                  .account = {'a', 7},
                                  .payer = {'e', 3},
                                  .account_opened = BANK_NEVER},
                ",\"account_id\":\"a-7\",\"operation\":\"credit\",\"channel\":\"mobile\","
                "\"amount\":2500.5,\"currency\":\"EUR\",\"payer\":{\"account\":\"e-3\"},"
                "\"scenario\":\"salary\"");
}

static void what_it_has_is_all_written(void **state)
{
    (void)state;
    assert_line(
        &(struct booking){.operation = OPERATION_REFUND,
                          .channel = CHANNEL_POS,
                          .scenario = BANK_ACCOUNT_TAKEOVER,
                          .fraud_case = 4,
                          .cents = -1205,
                          .account = {'a', 7},
                          .card = {'c', 7},
                          .bin = 990007,
                          .terminal = {'m', 9},
                          .merchant_country = "BE",
                          .category = "5411",
                          .merchant_opened = -1,
                          .device = {'d', 1},
                          .ip = 0xc6120001,
                          .ip_country = "US",
                          .payee = {'z', 2},
                          .is_placed = true,
                          .place = {508500, -43500},
                          .home = {510000, 40000},
                          .account_opened = 1,
                          .password_changed_s = 3600},
        ",\"account_id\":\"a-7\",\"operation\":\"refund\",\"channel\":\"pos\","
        "\"amount\":-12.05,\"currency\":\"EUR\",\"card_id\":\"c-7\","
        "\"card\":{\"bin\":\"990007\"},\"terminal_id\":\"m-9\",\"merchant\":{"
        "\"country\":\"BE\",\"category\":\"5411\",\"opened\":\"2023-12-31T00:00:00Z\"},"
        "\"device_id\":\"d-1\",\"ip\":\"198.18.0.1\",\"ip_country\":\"US\","
        "\"payee\":{\"account\":\"z-2\"},\"location\":{\"lat\":50.85,\"lon\":-4.35},"
        "\"holder\":{\"home\":{\"lat\":51,\"lon\":4}},\"account\":{"
        "\"opened\":\"2024-01-02T00:00:00Z\",\"password_changed\":\"2024-01-01T01:00:00Z\"},"
        "\"scenario\":\"account-takeover\",\"case\":4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_booking_has_not_is_not_written),
        cmocka_unit_test(what_it_has_is_all_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
