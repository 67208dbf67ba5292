#include "tests/unit/cli/shown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void assert_shows(void (*show)(const json_t *answer, FILE *out), const char *answer,
                  const char *expected)
{
    char bytes[4096] = "";
    FILE *out = fmemopen(bytes, sizeof bytes, "w");
    json_t *json = json_loads(answer, 0, NULL);
    assert_non_null(out);
    assert_non_null(json);
    show(json, out);
    assert_int_equal(fclose(out), 0);
    json_decref(json);
    assert_string_equal(bytes, expected);
}
