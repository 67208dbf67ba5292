#include "tests/unit/rules/zone_oracle.h"

#include "service/base/check.h"

#include <stdlib.h>
#include <time.h>

enum { HALF_AN_HOUR_S = 1800, YEAR_S = 367 * 86400 };

/* Where years begin: of a file's own transitions, about 2037, and without or with a leap day. */
static const int64_t years_s[] = {
    788918400,   /* 1995 */
    1735689600,  /* 2025 */
    2114380800,  /* 2037 */
    4102444800,  /* 2100 */
    13569465600, /* 2400 */
};

void oracle_set(const char *tz)
{
    CHECK(setenv("TZ", tz, 1) == 0);
    tzset();
}

int32_t oracle_offset(int64_t unix_s)
{
    time_t t = unix_s;
    struct tm local;
    CHECK(localtime_r(&t, &local) != NULL);
    return (int32_t)local.tm_gmtoff;
}

int64_t oracle_next(int64_t unix_s)
{
    int64_t next = unix_s % HALF_AN_HOUR_S == 0 ? unix_s + HALF_AN_HOUR_S - 1 : unix_s + 1;
    for (size_t i = 0; i < sizeof years_s / sizeof *years_s; i++) {
        if (next < years_s[i])
            return years_s[i];
        if (next < years_s[i] + YEAR_S)
            return next;
    }
    return -1;
}
