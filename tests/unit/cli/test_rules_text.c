#include "service/cli/rules_text.h"

#include "tests/unit/cli/shown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_table_has_its_numbers_below_each_other(void **state)
{
    (void)state;
    assert_shows(
        rules_text,
        "{\"ruleset\":\"9f2c41d07be83a56\",\"since\":\"2026-01-05T12:00:00.000Z\","
        "\"transactions\":1003333,\"labels\":{"
        "\"flagged\":{\"fraud\":96,\"legitimate\":4,\"amounts\":[]},"
        "\"allowed\":{\"fraud\":136,\"legitimate\":9000,\"amounts\":[]},"
        "\"precision\":0.96,\"recall\":0.4138,\"mean_lag_s\":1,\"unattributed\":2},\"rules\":["
        "{\"rule\":\"account-burst\",\"mode\":\"live\",\"severity\":\"high\",\"fired\":1204,"
        "\"shadow_fired\":0,\"near_misses\":83,"
        "\"live\":{\"fraud\":96,\"legitimate\":4,\"amounts\":["
        "{\"currency\":\"EUR\",\"fraud\":91200.005,\"legitimate\":380}]},"
        "\"shadow\":{\"fraud\":0,\"legitimate\":0,\"amounts\":[]},"
        "\"precision\":0.96,\"recall\":0.4138,\"mean_lag_s\":1828800},"
        "{\"rule\":\"large\",\"mode\":\"shadow\",\"severity\":\"low\",\"fired\":0,"
        "\"shadow_fired\":811,\"near_misses\":0,"
        "\"live\":{\"fraud\":1,\"legitimate\":0,\"amounts\":["
        "{\"currency\":\"USD\",\"fraud\":7,\"legitimate\":0}]},"
        "\"shadow\":{\"fraud\":1,\"legitimate\":1,\"amounts\":["
        "{\"currency\":\"\",\"fraud\":1234567.5,\"legitimate\":0},"
        "{\"currency\":\"USD\",\"fraud\":3,\"legitimate\":1}]},"
        "\"precision\":null,\"recall\":0.0086,\"mean_lag_s\":3661,\"hint\":\"covered_by\","
        "\"covered_by\":\"account-burst\"},"
        "{\"rule\":\"tried\",\"mode\":\"live\",\"rollout\":\"12.5%\",\"severity\":\"high\","
        "\"fired\":7,\"shadow_fired\":49,\"near_misses\":5,"
        "\"live\":{\"fraud\":3,\"legitimate\":0,\"amounts\":["
        "{\"currency\":\"EUR\",\"fraud\":12,\"legitimate\":0}]},"
        "\"shadow\":{\"fraud\":17,\"legitimate\":1,\"amounts\":["
        "{\"currency\":\"EUR\",\"fraud\":90,\"legitimate\":4}]},"
        "\"precision\":0.9523,\"recall\":0.0862,\"mean_lag_s\":60},"
        "{\"rule\":\"begun\",\"mode\":\"live\",\"rollout\":\"1%\",\"severity\":\"low\","
        "\"fired\":0,\"shadow_fired\":0,\"near_misses\":0,"
        "\"precision\":null,\"recall\":null,\"mean_lag_s\":null},"
        "{\"rule\":\"old\",\"mode\":\"removed\",\"fired\":0,\"shadow_fired\":0,\"near_misses\":0,"
        "\"precision\":null,\"recall\":null,\"mean_lag_s\":null}]}",
        "ruleset 9f2c41d07be83a56 since 2026-01-05T12:00:00.000Z: 1,003,333 transactions of this "
        "process\n"
        "labels: 232 fraud, 96 of them flagged; 9,004 legitimate, 4 of them flagged; precision "
        "0.960, recall 0.414; 2 unattributed\n"
        "\n"
        "RULE           MODE        SEVERITY  FIRED  PER 10K  NEAR  FRAUD  LEGIT  PRECISION  "
        "RECALL                   CAUGHT  FALSE POSITIVES     LAG  HINT\n"
        "account-burst  live        high      1,204     12.0    83     96      4      0.960  "
        " 0.414            EUR 91,200.01       EUR 380.00  21d 4h\n"
        "large          shadow      low         811      8.1     0      1      1          -  "
        " 0.009  1,234,567.50 + USD 3.00         USD 1.00   1h 1m  covered by account-burst\n"
        "               live                      0      0.0            1      0             "
        "                       USD 7.00                -\n"
        "tried          live 12.5%  high          7      0.1     5      3      0      0.952  "
        " 0.086                EUR 12.00                -   1m 0s\n"
        "               shadow                   49      0.5           17      1             "
        "                      EUR 90.00         EUR 4.00\n"
        "begun          live 1%     low           0      0.0     0      0      0          -  "
        "     -                        -                -       -\n"
        "               shadow                    0      0.0            0      0             "
        "                              -                -\n"
        "old            removed                   0      0.0     0      0      0          -  "
        "     -                        -                -       -\n");
}

static void what_an_answer_lacks_is_shown_as_nothing(void **state)
{
    (void)state;
    assert_shows(rules_text, "{}",
                 "ruleset  since : 0 transactions of this process\n"
                 "labels: 0 fraud, 0 of them flagged; 0 legitimate, 0 of them flagged; precision "
                 "-, recall -; 0 unattributed\n"
                 "\n"
                 "RULE  MODE  SEVERITY  FIRED  PER 10K  NEAR  FRAUD  LEGIT  PRECISION  RECALL  "
                 "CAUGHT  FALSE POSITIVES  LAG  HINT\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_has_its_numbers_below_each_other),
        cmocka_unit_test(what_an_answer_lacks_is_shown_as_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
