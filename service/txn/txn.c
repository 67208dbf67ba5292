#include "service/txn/txn.h"

#include "service/base/check.h"

const char *outcome_text(enum outcome o)
{
    static const char *const texts[] = {
#define X(name, value, text) [name] = (text),
        OUTCOME_TABLE(X)
#undef X
    };
    CHECK((size_t)o < sizeof texts / sizeof texts[0] && texts[o] != NULL);
    return texts[o];
}
