#include "service/txn/slot.h"

#include "service/txn/card.h"
#include "service/txn/reader.h"

#include <arpa/inet.h>
#include <math.h>

const char slot_no_space[] = "needs more memory than a message may take";
const char slot_card_unmarked[] =
    "looks like a card number, and the field is not marked 'card: true'";

const char *slot_expected(const struct field *field)
{
    static const char *const expected[] = {
        [FIELD_STRING] = "must be a string",
        [FIELD_DECIMAL] = "must be a number, or a string that is one",
        [FIELD_NUMBER] = "must be a number",
        [FIELD_INTEGER] = "must be an integer",
        [FIELD_BOOL] = "must be true or false",
        [FIELD_TIMESTAMP] = "must be a string with a date and time",
        [FIELD_IP] = "must be a string with an IP address",
        [FIELD_GEO] = "must be an object with lat and lon",
    };
    return expected[field->type];
}

static const char *take_text(const struct field *field, struct span text,
                             struct txn_value *ret_value)
{
    /* What was hidden is read again when a journal is: it may be longer than what it stands for. */
    bool fits = text.len <= (size_t)field->max_bytes || (field->card && card_is_hidden(text));
    if (!fits)
        return field->too_long;
    if (field->required && text.len == 0)
        return "must not be empty";
    *ret_value = (struct txn_value){.present = true, .text = text};
    return NULL;
}

static const char *take_timestamp(struct span text, struct txn_value *ret_value)
{
    int64_t ms;
    if (!reader_timestamp(text, &ms))
        return "must be a date and time as in RFC 3339 with an offset, at most to the millisecond";
    *ret_value = (struct txn_value){.present = true, .i64 = ms};
    return NULL;
}

/* The one text that all spellings of an address have (RFC 5952). An IPv4-mapped one, as a socket
 * of both families has it, is the IPv4 address that it holds (RFC 4291, 2.5.5.2). */
static bool canonical_ip(struct span text, char ret_canonical[INET6_ADDRSTRLEN])
{
    static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    char given[INET6_ADDRSTRLEN] = "";
    unsigned char address[sizeof(struct in6_addr)];
    int family = text.len > 0 && memchr(text.base, ':', text.len) ? AF_INET6 : AF_INET;
    if (text.len < sizeof given && text.len > 0)
        memcpy(given, text.base, text.len);
    if (inet_pton(family, given, address) != 1)
        return false;
    bool is_mapped = family == AF_INET6 && memcmp(address, mapped, sizeof mapped) == 0;
    return inet_ntop(is_mapped ? AF_INET : family, is_mapped ? address + sizeof mapped : address,
                     ret_canonical, INET6_ADDRSTRLEN) != NULL;
}

bool slot_is_canonical_ip(struct span text)
{
    char canonical[INET6_ADDRSTRLEN];
    return canonical_ip(text, canonical) && span_is(text, canonical);
}

static const char *take_ip(struct span text, struct arena *arena, struct txn_value *ret_value)
{
    char canonical[INET6_ADDRSTRLEN];
    if (!canonical_ip(text, canonical))
        return "must be an IPv4 or IPv6 address";
    struct span one = span_str(canonical);
    if (!span_eq(text, one)) {
        char *copy = arena_try(arena, one.len);
        if (copy == NULL)
            return slot_no_space;
        memcpy(copy, one.base, one.len);
        text = span_of(copy, one.len);
    }
    *ret_value = (struct txn_value){.present = true, .text = text};
    return NULL;
}

const char *slot_string(const struct field *field, struct span text, struct arena *arena,
                        struct txn_value *ret_value)
{
    struct number n;
    switch (field->type) {
    case FIELD_STRING:
        return take_text(field, text, ret_value);
    case FIELD_DECIMAL:
        return number_parse(text, &n) ? slot_number(field, &n, ret_value) : slot_expected(field);
    case FIELD_TIMESTAMP:
        return take_timestamp(text, ret_value);
    case FIELD_IP:
        return take_ip(text, arena, ret_value);
    case FIELD_NUMBER:
    case FIELD_INTEGER:
    case FIELD_BOOL:
    case FIELD_GEO:
        break;
    }
    return slot_expected(field);
}

static const char *take_scaled(const struct number *n, int digits, const char *fraction,
                               struct txn_value *ret_value)
{
    int64_t v;
    switch (number_scaled(n, digits, &v)) {
    case NUMBER_HAS_FRACTION:
        return fraction;
    case NUMBER_OUT_OF_RANGE:
        return "is out of range";
    case NUMBER_FITS:
        break;
    }
    *ret_value = (struct txn_value){.present = true, .i64 = v};
    return NULL;
}

static const char *take_double(const struct field *field, const struct number *n,
                               struct txn_value *ret_value)
{
    double v = number_double(n);
    if (!isfinite(v) || (field->aggregated && fabs(v) > SLOT_AGGREGATED_MAX))
        return "is out of range";
    *ret_value = (struct txn_value){.present = true, .f64 = v};
    return NULL;
}

const char *slot_number(const struct field *field, const struct number *n,
                        struct txn_value *ret_value)
{
    if (field->type == FIELD_DECIMAL)
        return take_scaled(n, 4, "has more than 4 digits after the point", ret_value);
    if (field->type == FIELD_INTEGER)
        return take_scaled(n, 0, "must be an integer", ret_value);
    if (field->type == FIELD_NUMBER)
        return take_double(field, n, ret_value);
    return slot_expected(field);
}

const char *slot_hide_card(const struct hash_key *key, struct arena *arena, struct span *text)
{
    char *hidden = arena_try(arena, CARD_HIDDEN_BYTES);
    if (hidden == NULL)
        return slot_no_space;
    card_hide(key, *text, hidden);
    *text = span_of(hidden, CARD_HIDDEN_BYTES);
    return NULL;
}

const char *slot_text(const struct field *field, const struct hash_key *key, struct span text,
                      struct arena *arena, struct txn_value *ret_value)
{
    struct number n;
    struct txn_value value;
    if (field->type == FIELD_INTEGER)
        return number_parse(text, &n) ? slot_number(field, &n, ret_value) : slot_expected(field);
    if (!field->card && card_stands_in(text))
        return slot_card_unmarked;
    const char *wrong = slot_string(field, text, arena, &value);
    if (wrong == NULL && field->card && text.len > 0)
        wrong = slot_hide_card(key, arena, &value.text);
    if (wrong == NULL)
        *ret_value = value;
    return wrong;
}

const char *slot_bool(const struct field *field, bool flag, struct txn_value *ret_value)
{
    if (field->type != FIELD_BOOL)
        return slot_expected(field);
    *ret_value = (struct txn_value){.present = true, .flag = flag};
    return NULL;
}
