#include "service/txn/txn.h"

#include "service/base/check.h"

const char *outcome_text(enum outcome o)
{
    switch (o) {
#define X(name, value, text)                                                   \
    case name:                                                                 \
        return text;
        OUTCOME_TABLE(X)
#undef X
    }
    CHECK(!"an outcome of the table");
    return NULL;
}
