#include "service/engine/bounds.h"

#include "service/txn/card.h"
#include "service/txn/slot.h"

#include <math.h>
#include <netinet/in.h>

/* A decimal is an int64 in 1e-4; one more for what rounding adds. */
static const double decimal_max = 922337203685479.0;

/* Latitude and longitude in degrees, as the reader lets them in. */
static const struct cel_bounds lat = {.lo = -90, .hi = 90, .bytes_max = INT64_MAX};
static const struct cel_bounds lon = {.lo = -180, .hi = 180, .bytes_max = INT64_MAX};
static const struct cel_bounds_key place[] = {{"lat", &lat}, {"lon", &lon}};

static struct cel_bounds *any_bounds(struct arena *arena)
{
    struct cel_bounds *b = arena_must(arena, sizeof *b);
    *b = cel_bounds_any;
    return b;
}

static bool may_be_card(struct span text)
{
    return text.len == 0 || card_is_hidden(text);
}

static void of_string(struct cel_bounds *b, const struct field *field)
{
    b->bytes_min = field->required;
    b->bytes_max = field->max_bytes;
    if (!field->card)
        return;
    b->bytes_max = INT64_MAX; /* what stands for it may be longer than it */
    b->may_be = may_be_card;
    b->form = "a keyed hash, as card:0123456789abcdef; card numbers are not kept";
}

static void of_ip(struct cel_bounds *b)
{
    b->bytes_max = INET6_ADDRSTRLEN - 1;
    b->may_be = slot_is_canonical_ip;
    b->form = "one address in its shortest spelling, as 192.0.2.1 or 2001:db8::1";
}

const struct cel_bounds *bounds_of_field(const struct field *field, struct arena *arena)
{
    struct cel_bounds *b = any_bounds(arena);
    switch (field->type) {
    case FIELD_STRING:
        of_string(b, field);
        break;
    case FIELD_DECIMAL:
        b->lo = -decimal_max;
        b->hi = decimal_max;
        break;
    case FIELD_IP:
        of_ip(b);
        break;
    case FIELD_GEO:
        b->keys = place;
        b->n_keys = sizeof place / sizeof *place;
        break;
    case FIELD_NUMBER:
    case FIELD_INTEGER:
    case FIELD_BOOL:
    case FIELD_TIMESTAMP:
        break;
    }
    return b;
}

const struct cel_bounds *bounds_of_feature(const struct feature *feature, struct arena *arena)
{
    struct cel_bounds *b = any_bounds(arena);
    switch (feature->aggregate) {
    case AGG_COUNT:
    case AGG_STDDEV:
    case AGG_DISTINCT:
    case AGG_FRAUD_COUNT:
    case AGG_DECLINE_COUNT:
    case AGG_REVERSAL_COUNT:
    case AGG_SPEED_KMH:
        b->lo = 0;
        break;
    case AGG_IS_NEW:
    case AGG_FRAUD_RATE:
        b->lo = 0;
        b->hi = 1;
        break;
    case AGG_SINCE_LAST:
    case AGG_SINCE_FIRST: /* seconds, back to where the window begins */
        b->lo = 0;
        b->hi = (double)(feature->window_ms + feature->delay_ms) / 1000;
        break;
    case AGG_SUM:
    case AGG_AVG:
    case AGG_MIN:
    case AGG_MAX:
    case AGGREGATES:
        break;
    }
    return b;
}
