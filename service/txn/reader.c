#include "service/txn/reader.h"

#include "service/base/check.h"
#include "service/txn/card.h"
#include "service/txn/digest.h"
#include "service/txn/quoted.h"
#include "service/txn/slot.h"
#include "service/txn/trie.h"

enum { SEEN_WORDS = TRIE_PLACES_MAX / 64 };

/* An object or array that is open. */
struct level {
    const struct level *up;
    const struct trie_node *node; /* of the fields in it; NULL: none */
    struct digest_place place;    /* of the value that is being read in it */
    bool inside;                  /* a value is: its key or index is part of where we are */
};

/* A card number that is to be cut out of the body. */
struct hidden {
    size_t from; /* of the quote */
    size_t to;   /* behind the other quote */
    struct span text;
};

struct reader {
    const struct schema *schema;
    const struct hash_key *key;
    const char *base, *p, *end;
    struct arena *arena;
    struct txn_value *values;

    bool label;          /* by the trie that is used */
    bool turned_out_one; /* a label, while the other trie was used: read again */
    bool said_transaction;
    bool refused; /* by the schema; reading goes on, for it may not even be JSON */
    struct reader_error error;
    struct reader_error *last; /* of the missing fields that are told */

    struct hash128 digest;
    const struct level *level;
    int depth;
    int n_keys; /* in all */
    int n_open; /* of objects that are open, in `keys` */
    int n_hidden;
    struct geo geo;    /* of the geo field that is open; they do not nest */
    unsigned geo_seen; /* bit 0: lat, bit 1: lon */
    enum outcome outcome;
    bool has_txn_ts;
    int64_t txn_ts_ms;
    uint64_t seen[SEEN_WORDS];         /* by trie_place.id */
    struct span keys[READER_KEYS_MAX]; /* undeclared ones */
    struct hidden hidden[SCHEMA_FIELDS_MAX];
};

/* ---- errors ---------------------------------------------------------------------------------- */

static void put_segment(struct text *t, const struct digest_place *place)
{
    text_char(t, '/');
    if (place->index >= 0) {
        text_i64(t, place->index);
        return;
    }
    for (size_t i = 0; i < place->key.len; i++) {
        char c = place->key.base[i];
        if (c == '~' || c == '/')
            text_str(t, c == '~' ? "~0" : "~1");
        else
            text_char(t, c);
    }
}

/* The JSON Pointer of where the reader is, without the segments that do not fit. */
static void put_pointer(const struct reader *r, char *pointer)
{
    const struct level *path[SCHEMA_DEPTH_MAX];
    struct text t;
    int n = 0;
    for (const struct level *l = r->level; l; l = l->up)
        if (l->inside)
            path[n++] = l;
    text_init(&t, pointer, READER_POINTER_MAX - 1);
    while (n > 0) {
        size_t len = t.len;
        put_segment(&t, &path[--n]->place);
        if (t.overflow) {
            t.len = len;
            break;
        }
    }
    pointer[t.len] = '\0';
}

static void describe(struct reader *r, enum reader_fault fault, const char *at, const char *detail)
{
    struct text t;
    r->error.fault = fault;
    r->error.next = NULL;
    r->error.offset = (size_t)(at - r->base);
    put_pointer(r, r->error.pointer);
    text_init(&t, r->error.detail, sizeof r->error.detail - 1);
    text_str(&t, detail);
    r->error.detail[t.len] = '\0';
}

/* Not JSON, too large, or a key that must not get into a pointer: the end. */
static __attribute__((cold)) bool stop(struct reader *r, enum reader_fault fault, const char *at,
                                       const char *detail)
{
    describe(r, fault, at, detail);
    return false;
}

static bool not_json(struct reader *r, const char *detail)
{
    return stop(r, READER_NOT_JSON, r->p, detail);
}

/* Outside the schema: the first such error is kept, unless something stops us later. */
static __attribute__((cold)) bool refuse(struct reader *r, const char *at, const char *detail)
{
    if (detail == slot_no_space)
        return stop(r, READER_TOO_LARGE, at, detail);
    if (!r->refused)
        describe(r, READER_SCHEMA, at, detail);
    r->refused = true;
    return true;
}

static char *reserve(struct reader *r, size_t len)
{
    char *mem = arena_try(r->arena, len);
    if (mem == NULL)
        stop(r, READER_TOO_LARGE, r->p, slot_no_space);
    return mem;
}

/* ---- what a value means ---------------------------------------------------------------------- */
/* Each answers false only when reading must stop. `at` is where the value starts.                */

static void add_leaf(struct reader *r, enum digest_type type, struct span value)
{
    digest_add(&r->digest, r->key, r->level->place, type, value);
}

static void add_number(struct reader *r, const struct number *n)
{
    char buf[NUMBER_BYTES_MAX + 13];
    int32_t exponent = n->exp10;
    if (n->wide) {
        memcpy(buf, &exponent, 4);
        buf[4] = n->negative;
        add_leaf(r, DIGEST_WIDE_NUMBER, span_of(buf, 5 + number_digits(n, buf + 5)));
        return;
    }
    memcpy(buf, &n->mantissa, 8);
    memcpy(buf + 8, &exponent, 4);
    buf[12] = n->negative;
    add_leaf(r, DIGEST_NUMBER, span_of(buf, 13));
}

static const char *expected_at(const struct reader *r, const struct trie_place *place)
{
    switch (place->kind) {
    case PLACE_FIELD:
    case PLACE_GEO:
        return slot_expected(&r->schema->fields[place->slot]);
    case PLACE_TOWARDS:
        return "must be an object or an array, with fields of the schema in it";
    case PLACE_LAT:
    case PLACE_LON:
        return "must be a number of degrees";
    case PLACE_KIND:
        return "must be \"transaction\" or \"label\"";
    case PLACE_OUTCOME:
        return "must be \"fraud\", \"legitimate\", \"declined\" or \"reversed\"";
    case PLACE_TXN_TIMESTAMP:
        return "must be a date and time as in RFC 3339 with an offset, at most to the millisecond";
    }
    return NULL;
}

/* A dotted field may stand at two places; only one may have a value. */
static bool take_slot(struct reader *r, const struct trie_place *place, const char *at,
                      const char *wrong, const struct txn_value *value)
{
    struct txn_value *slot = &r->values[place->slot];
    if (wrong)
        return refuse(r, at, wrong);
    if (slot->present)
        return refuse(r, at, "has the value of a field that stands elsewhere too");
    *slot = *value;
    return true;
}

static bool take_kind(struct reader *r, const struct trie_place *place, const char *at,
                      struct span text)
{
    bool label = span_is(text, "label");
    if (!label && !span_is(text, "transaction"))
        return refuse(r, at, expected_at(r, place));
    r->said_transaction = !label;
    r->turned_out_one = label && !r->label;
    return !r->turned_out_one;
}

static bool take_outcome(struct reader *r, const struct trie_place *place, const char *at,
                         struct span text)
{
#define X(name, value, name_text)   \
    if (span_is(text, name_text)) { \
        r->outcome = name;          \
        return true;                \
    }
    OUTCOME_TABLE(X)
#undef X
    return refuse(r, at, expected_at(r, place));
}

/* Puts a card number's hash in place of *text, here and, later, in the body. */
static bool hide_card(struct reader *r, const char *at, struct span *text)
{
    const char *wrong = slot_hide_card(r->key, r->arena, text);
    if (wrong != NULL)
        return stop(r, READER_TOO_LARGE, r->p, wrong);
    CHECK(r->n_hidden < SCHEMA_FIELDS_MAX); /* one for each field: see take_field_string() */
    r->hidden[r->n_hidden++] =
        (struct hidden){(size_t)(at - r->base), (size_t)(r->p - r->base), *text};
    return true;
}

static bool take_field_string(struct reader *r, const struct trie_place *place, const char *at,
                              struct span text)
{
    const struct field *field = &r->schema->fields[place->slot];
    struct txn_value value;
    struct number n;
    const char *wrong = slot_string(field, text, r->arena, &value);
    bool taken = r->values[place->slot].present; /* then take_slot() refuses the whole body */
    if (field->card && wrong == NULL && text.len > 0 && !taken) {
        if (!hide_card(r, at, &text))
            return false;
        value.text = text;
    }
    if (field->type == FIELD_DECIMAL && number_parse(text, &n))
        add_number(r, &n);
    else
        add_leaf(r, DIGEST_STRING, text);
    return take_slot(r, place, at, wrong, &value);
}

static bool take_string(struct reader *r, const struct trie_place *place, const char *at,
                        struct span text)
{
    bool field = place && place->kind == PLACE_FIELD;
    bool may_be_card = field && r->schema->fields[place->slot].card;
    if (!may_be_card && card_stands_in(text))
        return refuse(r, at, slot_card_unmarked);
    if (field)
        return take_field_string(r, place, at, text);
    add_leaf(r, DIGEST_STRING, text);
    if (place == NULL)
        return true;
    if (place->kind == PLACE_KIND)
        return take_kind(r, place, at, text);
    if (place->kind == PLACE_OUTCOME)
        return take_outcome(r, place, at, text);
    if (place->kind != PLACE_TXN_TIMESTAMP || !reader_timestamp(text, &r->txn_ts_ms))
        return refuse(r, at, expected_at(r, place));
    r->has_txn_ts = true;
    return true;
}

static bool take_degrees(struct reader *r, const struct trie_place *place, const char *at,
                         const struct number *n)
{
    bool lat = place->kind == PLACE_LAT;
    double degrees = number_double(n), limit = lat ? 90 : 180;
    if (degrees < -limit || degrees > limit)
        return refuse(r, at, lat ? "must be from -90 to 90" : "must be from -180 to 180");
    *(lat ? &r->geo.lat_deg : &r->geo.lon_deg) = degrees;
    r->geo_seen |= lat ? 1U : 2U;
    return true;
}

static bool take_number(struct reader *r, const struct trie_place *place, const char *at,
                        const struct number *n)
{
    const struct field *field =
        place && place->kind == PLACE_FIELD ? &r->schema->fields[place->slot] : NULL;
    struct txn_value value;
    if (n->literal.len > NUMBER_BYTES_MAX)
        return refuse(r, at, "has too many digits");
    add_number(r, n);
    if (n->integer && (field == NULL || field->type == FIELD_STRING) &&
        card_matches_integer(n->literal))
        return refuse(r, at, "looks like a card number");
    if (field) {
        const char *wrong = slot_number(field, n, &value);
        return take_slot(r, place, at, wrong, &value);
    }
    if (!number_in_range(n))
        return refuse(r, at, "is out of range");
    if (place == NULL)
        return true;
    if (place->kind == PLACE_LAT || place->kind == PLACE_LON)
        return take_degrees(r, place, at, n);
    return refuse(r, at, expected_at(r, place));
}

static bool take_bool(struct reader *r, const struct trie_place *place, const char *at, bool flag)
{
    struct txn_value value;
    add_leaf(r, flag ? DIGEST_TRUE : DIGEST_FALSE, span_of(NULL, 0));
    if (place == NULL)
        return true;
    if (place->kind != PLACE_FIELD)
        return refuse(r, at, expected_at(r, place));
    const char *wrong = slot_bool(&r->schema->fields[place->slot], flag, &value);
    return take_slot(r, place, at, wrong, &value);
}

/* null is as good as absent, except where a key says what the event is. */
static bool take_null(struct reader *r, const struct trie_place *place, const char *at)
{
    add_leaf(r, DIGEST_NULL, span_of(NULL, 0));
    if (place &&
        (place->kind == PLACE_KIND || place->kind == PLACE_LAT || place->kind == PLACE_LON))
        return refuse(r, at, expected_at(r, place));
    return true;
}

/* ---- the grammar (RFC 8259) ------------------------------------------------------------------ */

static bool read_value(struct reader *r, const struct trie_place *place);

/* ws = *( %x20 / %x09 / %x0A / %x0D ) */
static inline void skip_space(struct reader *r)
{
    const char *p = r->p, *end = r->end;
    while (p < end && *p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    r->p = p;
}

static inline bool next_is(const struct reader *r, char c)
{
    return r->p < r->end && *r->p == c;
}

/* A string that is not all plain ASCII, from behind its quote on; unescaped in the arena. */
static bool read_hard(struct reader *r, struct span *ret_text)
{
    struct quoted q;
    const char *wrong = quoted_scan(&r->p, r->end, &q);
    if (wrong)
        return not_json(r, wrong);
    if (q.escaped) {
        char *mem = reserve(r, q.raw.len);
        if (mem == NULL)
            return false;
        q.raw = quoted_unescape(q.raw, mem);
    }
    *ret_text = q.raw;
    return true;
}

static inline bool read_quoted(struct reader *r, struct span *ret_text)
{
    const char *from = ++r->p;
    const char *to = quoted_skip_plain(from, r->end);
    if (to == r->end || *to != '"')
        return read_hard(r, ret_text);
    r->p = to + 1;
    *ret_text = span_of(from, (size_t)(to - from));
    return true;
}

static bool read_string(struct reader *r, const struct trie_place *place)
{
    const char *at = r->p;
    size_t mark_bytes = r->arena->used_bytes;
    struct span text;
    if (!read_quoted(r, &text) || !take_string(r, place, at, text))
        return false;
    if (place == NULL) /* nobody keeps it */
        r->arena->used_bytes = mark_bytes;
    return true;
}

static bool read_number(struct reader *r, const struct trie_place *place)
{
    const char *at = r->p;
    struct number n;
    if (!number_scan(&r->p, r->end, &n))
        return not_json(r, "expected a digit");
    return take_number(r, place, at, &n);
}

static bool read_word(struct reader *r, const struct trie_place *place)
{
    const char *at = r->p;
    struct span rest = span_of(at, (size_t)(r->end - at));
    if (span_starts(rest, span_str("true"))) {
        r->p += 4;
        return take_bool(r, place, at, true);
    }
    if (span_starts(rest, span_str("false"))) {
        r->p += 5;
        return take_bool(r, place, at, false);
    }
    if (span_starts(rest, span_str("null"))) {
        r->p += 4;
        return take_null(r, place, at);
    }
    return not_json(r, "expected a value");
}

/* Has the key, which is not of the schema, been in this object before? */
static bool add_key(struct reader *r, int first, struct span key)
{
    for (int i = first; i < r->n_open; i++)
        if (span_eq(r->keys[i], key))
            return false;
    r->keys[r->n_open++] = key;
    return true;
}

/* A place is in one object only, so that a bit says whether its key was there. */
static bool see(struct reader *r, const struct trie_place *place)
{
    uint64_t *word = &r->seen[place->id / 64], bit = UINT64_C(1) << place->id % 64;
    bool first = (*word & bit) == 0;
    *word |= bit;
    return first;
}

/* key ws ":" ws; `first` of r->keys is this object's. */
static bool read_key(struct reader *r, struct level *l, int first,
                     const struct trie_place **ret_place)
{
    const char *at = r->p;
    struct span key;
    l->inside = false;
    if (!next_is(r, '"'))
        return not_json(r, "expected a key in quotes");
    if (!read_quoted(r, &key))
        return false;
    if (r->n_keys++ == READER_KEYS_MAX)
        return stop(r, READER_TOO_LARGE, at, "the message has too many keys");
    if (card_stands_in(key))
        return stop(r, READER_SCHEMA, at, "has a key that looks like a card number");
    const struct trie_place *place = trie_find(l->node, key);
    l->place.key = key;
    l->inside = true;
    if (!(place ? see(r, place) : add_key(r, first, key)))
        return stop(r, READER_NOT_JSON, at, "the key is in this object twice");
    skip_space(r);
    if (!next_is(r, ':'))
        return not_json(r, "expected ':'");
    r->p++;
    skip_space(r);
    *ret_place = place;
    return true;
}

/* Behind an item: *ret_more says whether another follows. */
static bool read_separator(struct reader *r, char close, bool *ret_more)
{
    skip_space(r);
    *ret_more = next_is(r, ',');
    if (!*ret_more && !next_is(r, close))
        return not_json(r, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
    r->p++;
    skip_space(r);
    return true;
}

/* member *( "," member ) "}" */
static bool read_members(struct reader *r, struct level *l)
{
    int first = r->n_open;
    bool more = true;
    while (more) {
        const struct trie_place *place;
        if (!read_key(r, l, first, &place) || !read_value(r, place) ||
            !read_separator(r, '}', &more))
            return false;
    }
    r->n_open = first;
    return true;
}

/* value *( "," value ) "]" */
static bool read_items(struct reader *r, struct level *l)
{
    bool more = true;
    l->inside = true;
    for (l->place.index = 0; more; l->place.index++)
        if (!read_value(r, trie_find_index(l->node, l->place.index)) ||
            !read_separator(r, ']', &more))
            return false;
    return true;
}

/* "{" [ members ] or "[" [ items ]; what is in it belongs to `node`, if that is not NULL. */
static bool read_container(struct reader *r, const struct trie_node *node)
{
    bool object = *r->p == '{';
    if (r->depth == SCHEMA_DEPTH_MAX)
        return not_json(r, "nested too deeply");
    r->p++;
    skip_space(r);
    if (next_is(r, object ? '}' : ']')) {
        r->p++;
        if (r->level)
            add_leaf(r, object ? DIGEST_OBJECT : DIGEST_ARRAY, span_of(NULL, 0));
        return true;
    }
    uint64_t id = r->level ? digest_container(r->key, r->level->place) : 0;
    struct level l = {r->level, node, {.container = id, .index = -1}, false};
    r->level = &l;
    r->depth++;
    bool ok = object ? read_members(r, &l) : read_items(r, &l);
    r->depth--;
    r->level = l.up;
    return ok;
}

/* A geo field's object, with lat and lon. */
static bool read_geo(struct reader *r, const struct trie_place *place)
{
    const char *at = r->p;
    if (*at != '{' && !refuse(r, at, expected_at(r, place)))
        return false;
    r->geo_seen = 0;
    if (!read_container(r, place->below))
        return false;
    if (r->geo_seen != 3)
        return refuse(r, at, expected_at(r, place));
    struct txn_value value = {.present = true, .geo = r->geo};
    return take_slot(r, place, at, NULL, &value);
}

static bool read_nested(struct reader *r, const struct trie_place *place)
{
    if (place && place->kind == PLACE_GEO)
        return read_geo(r, place);
    if (place && place->kind != PLACE_TOWARDS && !refuse(r, r->p, expected_at(r, place)))
        return false;
    return read_container(r, place ? place->below : NULL);
}

/* value = false / null / true / object / array / number / string */
static bool read_value(struct reader *r, const struct trie_place *place)
{
    char c = r->p < r->end ? *r->p : '\0';
    if (c == '"')
        return read_string(r, place);
    if (c == '-' || (c >= '0' && c <= '9'))
        return read_number(r, place);
    if (c == '{' || c == '[')
        return read_nested(r, place);
    return read_word(r, place);
}

/* ws object ws, and no more */
static bool read_document(struct reader *r)
{
    if (r->end - r->p > READER_BODY_MAX)
        return stop(r, READER_TOO_LARGE, r->p + READER_BODY_MAX, "the message is too large");
    skip_space(r);
    if (next_is(r, '['))
        return not_json(r, "expected an object, not an array; a body, or a line, is one event");
    if (!next_is(r, '{'))
        return not_json(r, "expected an object");
    if (!read_container(r, r->label ? r->schema->labels : r->schema->root))
        return false;
    skip_space(r);
    return r->p == r->end || not_json(r, "expected nothing more");
}

/* ---- the event ------------------------------------------------------------------------------- */

static void begin(struct reader *r, struct span body, bool label)
{
    r->base = r->p = body.base;
    r->end = body.base + body.len;
    r->label = label;
    r->turned_out_one = r->said_transaction = r->refused = false;
    r->digest = (struct hash128){0, 0};
    r->level = NULL;
    r->depth = r->n_keys = r->n_open = r->n_hidden = 0;
    r->outcome = (enum outcome)0;
    r->has_txn_ts = false;
    memset(r->seen, 0, ((size_t)r->schema->places + 63) / 64 * sizeof r->seen[0]);
    memset(r->values, 0, (size_t)r->schema->count * sizeof *r->values);
}

static void describe_missing(const struct reader *r, struct span name, struct span pointer,
                             struct reader_error *ret_error)
{
    struct text t;
    size_t len = pointer.len;
    while (len >= READER_POINTER_MAX) /* without the segments that do not fit */
        len = (size_t)((const char *)memrchr(pointer.base, '/', len) - pointer.base);
    *ret_error =
        (struct reader_error){.fault = READER_SCHEMA, .offset = (size_t)(r->end - r->base)};
    memcpy(ret_error->pointer, pointer.base, len);
    text_init(&t, ret_error->detail, sizeof ret_error->detail - 1);
    text_printf(&t, "the field %.*s is missing", SPAN_ARG(name));
}

/* The first is the error, the others follow it. */
static void refuse_missing(struct reader *r, struct span name, struct span pointer)
{
    struct reader_error *e = r->refused ? arena_try(r->arena, sizeof *e) : &r->error;
    if (e == NULL)
        return;
    describe_missing(r, name, pointer, e);
    if (r->refused)
        r->last->next = e;
    r->last = e;
    r->refused = true;
}

static void look_for_label_fields(struct reader *r)
{
    static const int needed[] = {SCHEMA_TRANSACTION_ID, SCHEMA_TIMESTAMP};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        const struct field *field = &r->schema->fields[needed[i]];
        char pointer[SCHEMA_NAME_MAX + 1] = "/";
        memcpy(pointer + 1, field->name.base, field->name.len);
        if (!r->values[needed[i]].present)
            refuse_missing(r, field->name, span_of(pointer, field->name.len + 1));
    }
    if (r->outcome == 0)
        refuse_missing(r, span_str("outcome"), span_str("/outcome"));
}

static void look_for_transaction_fields(struct reader *r)
{
    for (int i = 0; i < r->schema->count; i++) {
        const struct field *field = &r->schema->fields[i];
        if (field->required && !r->values[i].present)
            refuse_missing(r, field->name, field->path);
    }
}

/* A field with a wrong value is not missing: looked at only when all that is there is well. */
static bool is_whole(struct reader *r)
{
    if (r->refused)
        return false;
    if (r->label)
        look_for_label_fields(r);
    else
        look_for_transaction_fields(r);
    return !r->refused;
}

/* The body with hashes where card numbers were; the message itself when there were none. */
static bool clean_body(struct reader *r, struct span body, struct span *ret_body)
{
    struct text t;
    size_t from = 0, cap = body.len + (size_t)r->n_hidden * (CARD_HIDDEN_BYTES + 2);
    if (r->n_hidden == 0) {
        *ret_body = body;
        return true;
    }
    char *mem = reserve(r, cap);
    if (mem == NULL)
        return false;
    text_init(&t, mem, cap);
    for (int i = 0; i < r->n_hidden; i++) {
        text_put(&t, span_of(body.base + from, r->hidden[i].from - from));
        text_json_string(&t, r->hidden[i].text);
        from = r->hidden[i].to;
    }
    text_put(&t, span_of(body.base + from, body.len - from));
    *ret_body = text_span(&t);
    return true;
}

/* Did everything go well, to the last required field? */
static bool read_event(struct reader *r, struct span body, struct span *ret_body)
{
    return read_document(r) && is_whole(r) && clean_body(r, body, ret_body);
}

/* Of a key that was not looked at, nothing is known. */
static enum reader_kind kind_said(const struct reader *r)
{
    if (r->label)
        return READER_KIND_LABEL;
    if (r->said_transaction)
        return READER_KIND_TRANSACTION;
    const struct trie_place *kind = trie_find(r->schema->root, span_str("kind"));
    bool stands_there = (r->seen[kind->id / 64] >> kind->id % 64 & 1) != 0;
    return r->p == r->end && !stands_there ? READER_KIND_LEFT_OUT : READER_KIND_UNKNOWN;
}

enum status reader_read(const struct schema *schema, const struct hash_key *key, struct span body,
                        struct arena *arena, struct txn_value *values, struct event *ret_event,
                        struct reader_error *ret_error)
{
    struct reader r; /* most of it is written before it is read: never zeroed whole */
    const size_t mark_bytes = arena->used_bytes;
    struct span clean;
    r.schema = schema;
    r.key = key;
    r.arena = arena;
    r.values = values;
    begin(&r, body, false);
    bool ok = read_event(&r, body, &clean);
    if (r.turned_out_one) {
        arena->used_bytes = mark_bytes;
        begin(&r, body, true);
        ok = read_event(&r, body, &clean);
    }
    if (!ok) {
        *ret_error = r.error;
        ret_error->kind = kind_said(&r);
        return ST_INVALID;
    }
    struct span id = values[SCHEMA_TRANSACTION_ID].text;
    *ret_event = (struct event){
        .kind = r.label ? EVENT_LABEL : EVENT_TRANSACTION,
        .body = clean,
        .transaction_id = id,
        .txn_hash = hash_u64(key, id),
        .digest = r.digest,
        .ts_ms = values[SCHEMA_TIMESTAMP].i64,
        .values = values,
        .outcome = r.outcome,
        .has_txn_ts = r.has_txn_ts,
        .txn_ts_ms = r.has_txn_ts ? r.txn_ts_ms : 0,
    };
    return ST_OK;
}
