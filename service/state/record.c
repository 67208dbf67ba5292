#include "service/state/record.h"

#include "service/base/check.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records are read and written in place");

size_t record_encode(const struct record *r, const int64_t *columns, int n_columns, char *out)
{
    CHECK(n_columns >= 0 && n_columns <= RECORD_COLUMNS_MAX);
    bool correction = r->kind != RECORD_TRANSACTION;
    size_t bytes = RECORD_FIXED_BYTES + (correction ? 8u : 0u) + 8 * (size_t)n_columns;
    uint16_t length = (uint16_t)bytes;
    out[0] = (char)RECORD_MAGIC;
    out[1] = (char)r->kind;
    memcpy(out + 2, &length, sizeof length);
    memcpy(out + 4, &r->layout, sizeof r->layout);
    memcpy(out + 8, &r->ts_ms, sizeof r->ts_ms);
    memcpy(out + 16, &r->txn, sizeof r->txn);
    memcpy(out + 24, &r->nonce, sizeof r->nonce);
    memcpy(out + 28, &r->bits, sizeof r->bits);
    if (correction)
        memcpy(out + RECORD_FIXED_BYTES, &r->known_at_ms, sizeof r->known_at_ms);
    if (n_columns > 0)
        memcpy(out + bytes - 8 * (size_t)n_columns, columns, 8 * (size_t)n_columns);
    return bytes;
}
