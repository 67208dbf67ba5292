#include "service/base/pairs.h"

#include <stdint.h>
#include <stdio.h>

bool pairs_next(const char **pairs, struct span *ret_name, struct span *ret_value)
{
    const char *line = *pairs, *equals = strchr(line, '=');
    if (equals == NULL)
        return false;
    const char *end = equals + strcspn(equals, "\n");
    *ret_name = span_of(line, (size_t)(equals - line));
    *ret_value = span_of(equals + 1, (size_t)(end - equals - 1));
    *pairs = *end == '\n' ? end + 1 : end;
    return true;
}

static void drop(char *pairs, struct span name)
{
    const char *at = pairs;
    struct span old, value;
    while (pairs_next(&at, &old, &value))
        if (span_eq(old, name)) {
            memmove((char *)(uintptr_t)old.base, at, strlen(at) + 1);
            return;
        }
}

static bool has(struct span s, char c)
{
    return s.len > 0 && memchr(s.base, c, s.len) != NULL;
}

enum status pairs_set(char *pairs, size_t cap, struct span name, struct span value)
{
    drop(pairs, name);
    size_t len = strlen(pairs), more = name.len + value.len + 2;
    if (name.len == 0 || has(name, '=') || has(name, '\n') || has(value, '\n'))
        return ST_INVALID;
    if (len + more >= cap)
        return ST_NO_SPACE;
    snprintf(pairs + len, cap - len, "%.*s=%.*s\n", SPAN_ARG(name), SPAN_ARG(value));
    return ST_OK;
}
