#include "service/engine/intent.h"

#include "service/engine/frames.h"
#include "service/state/evidence.h"
#include "service/txn/slot.h"

#include <math.h>

/* ---- keys ---- */

enum status intent_key(struct span field, struct span value, struct arena *arena,
                       struct span *ret_key)
{
    size_t bytes = 3 + field.len + value.len;
    if (value.len > FEATURE_KEY_BYTES_MAX)
        return ST_TOO_LARGE;
    char *room = arena_try(arena, bytes);
    if (room == NULL)
        return ST_NO_SPACE;
    memcpy(room, "e:", 2);
    memcpy(room + 2, field.base, field.len);
    room[2 + field.len] = ':';
    memcpy(room + 3 + field.len, value.base, value.len);
    *ret_key = span_of(room, bytes);
    return ST_OK;
}

bool intent_has_entity(const struct snapshot *snap, int key, const struct txn_value *values)
{
    int slot = snap->features.keys[key].slot;
    const struct txn_value *v = &values[slot];
    return v->present && (snap->schema.fields[slot].type != FIELD_STRING || v->text.len > 0);
}

int64_t intent_log_ttl_ms(const struct feature_key *key)
{
    return plan_horizon_ms(key->plan) / 5 * 6;
}

/* A key field's value as the text that names its entity; an integer's digits go to the arena. */
static enum status key_value(enum field_type type, const struct txn_value *v, struct arena *arena,
                             struct span *ret_value)
{
    enum { DIGITS_MAX = 20 };
    struct text digits;
    if (type != FIELD_INTEGER) {
        *ret_value = v->text;
        return ST_OK;
    }
    char *room = arena_try(arena, DIGITS_MAX);
    if (room == NULL)
        return ST_NO_SPACE;
    text_init(&digits, room, DIGITS_MAX);
    text_i64(&digits, v->i64);
    *ret_value = text_span(&digits);
    return ST_OK;
}

enum status intent_key_of_text(const struct field *field, const struct hash_key *hash_key,
                               struct span text, struct arena *arena, struct span *ret_value,
                               struct span *ret_key, const char **ret_wrong)
{
    struct txn_value v;
    const char *wrong = slot_text(field, hash_key, text, arena, &v);
    if (wrong == slot_no_space)
        return ST_NO_SPACE;
    if (wrong != NULL) {
        *ret_wrong = wrong;
        return ST_INVALID;
    }
    enum status st = key_value(field->type, &v, arena, ret_value);
    return st == ST_OK ? intent_key(field->name, *ret_value, arena, ret_key) : st;
}

/* ---- columns and filters of a transaction ---- */

static int64_t hash_of_bytes(const struct hash_key *key, const void *bytes, size_t n)
{
    uint64_t hash = hash_u64(key, span_of(bytes, n));
    return (int64_t)(hash | (hash == 0)); /* 0 is an empty slot in tables of values */
}

static int64_t hash_of_field(enum field_type type, const struct txn_value *v,
                             const struct hash_key *key)
{
    switch (type) {
    case FIELD_STRING:
    case FIELD_IP:
        return hash_of_bytes(key, v->text.base, v->text.len);
    case FIELD_NUMBER:
        return hash_of_bytes(key, &v->f64, sizeof v->f64);
    case FIELD_BOOL:
        return v->flag ? 1 : 2;
    case FIELD_GEO:
        return hash_of_bytes(key, &v->geo, sizeof v->geo);
    default:
        return hash_of_bytes(key, &v->i64, sizeof v->i64);
    }
}

/* A column from a field; the reader has checked that an aggregated number fits. */
static bool field_column(struct feature_source source, enum field_type type,
                         const struct txn_value *v, const struct hash_key *key, int64_t *ret_value)
{
    if (!v->present)
        return false;
    switch (source.kind) {
    case COLUMN_E4:
    case COLUMN_E0:
        *ret_value = v->i64;
        return true;
    case COLUMN_E6:
        *ret_value = llround(v->f64 * 1e6);
        return true;
    case COLUMN_GEO:
        *ret_value = place_pack(v->geo.lat_deg, v->geo.lon_deg);
        return true;
    case COLUMN_HASH:
        *ret_value = hash_of_field(type, v, key);
        return true;
    }
    return false;
}

static bool hash_of_cell(const struct cel_value *v, const struct hash_key *key, int64_t *ret_value)
{
    if (v->kind == CEL_STRING || v->kind == CEL_BYTES)
        *ret_value = hash_of_bytes(key, v->text.base, v->text.len);
    else if (v->kind == CEL_BOOL)
        *ret_value = v->flag ? 1 : 2;
    else if (v->kind == CEL_INT || v->kind == CEL_UINT || v->kind == CEL_DOUBLE ||
             v->kind == CEL_TIMESTAMP || v->kind == CEL_DURATION)
        *ret_value = hash_of_bytes(key, &v->u64, sizeof v->u64);
    else
        return false;
    return true;
}

/* A column from a derived field; one that has no value, or none that fits, gives none. */
static bool derived_column(struct feature_source source, const struct cel_value *v,
                           const struct hash_key *key, int64_t *ret_value)
{
    if (source.kind == COLUMN_HASH)
        return hash_of_cell(v, key, ret_value);
    if (source.kind == COLUMN_E0 && v->kind == CEL_INT) {
        *ret_value = v->i64;
        return true;
    }
    if (source.kind != COLUMN_E6 || v->kind != CEL_DOUBLE || !(fabs(v->f64) <= 9.2e12))
        return false;
    *ret_value = llround(v->f64 * 1e6);
    return true;
}

/* All columns of one key; answers the bits of those that hold a value. */
static uint32_t fill_columns(const struct feature_key *k, const struct snapshot *snap,
                             const struct event *event, const struct row *row,
                             const struct hash_key *key, int64_t *columns)
{
    uint32_t bits = 0;
    for (int i = 0; i < k->n_columns; i++) {
        struct feature_source s = k->columns[i];
        columns[i] = 0;
        bool there = s.slot < snap->row_derived
                         ? field_column(s, snap->schema.fields[s.slot].type, &event->values[s.slot],
                                        key, &columns[i])
                         : derived_column(s, &row->cells[s.slot], key, &columns[i]);
        bits |= (uint32_t)there << i;
    }
    return bits;
}

static uint32_t run_filters(const struct feature_key *k, const struct row *row)
{
    uint32_t bits = 0;
    for (int i = 0; i < k->n_filters; i++) {
        arena_reset(row->scratch);
        bits |= (uint32_t)cel_is_true(cel_run(k->filters[i], row->cells, row->scratch)) << i;
    }
    return bits;
}

/* ---- records ---- */

static enum status put_record(const struct record *r, const int64_t *columns, int n_columns,
                              struct arena *arena, struct span *ret_record)
{
    size_t bytes = RECORD_FIXED_BYTES + 8 + 8 * (size_t)n_columns;
    char *room = arena_try(arena, bytes);
    if (room == NULL)
        return ST_NO_SPACE;
    *ret_record = span_of(room, record_encode(r, columns, n_columns, room));
    return ST_OK;
}

static enum status add_entity(struct intent *in, const struct feature_key *k, int key,
                              struct span value, struct span record, struct arena *arena)
{
    struct state_entity *e = &in->entities[in->n_entities];
    *e = (struct state_entity){.record = record, .ttl_ms = intent_log_ttl_ms(k)};
    in->keys[in->n_entities] = key;
    enum status st = intent_key(k->field, value, arena, &e->key);
    in->n_entities += st == ST_OK;
    return st;
}

/* The record of one key field, and what the claim remembers of it. */
static enum status add_transaction(struct intent *in, const struct snapshot *snap, int key,
                                   const struct hash_key *hash_key, const struct event *event,
                                   const struct row *row, struct arena *arena, struct claim *claim)
{
    const struct feature_key *k = &snap->features.keys[key];
    int64_t columns[RECORD_COLUMNS_MAX];
    struct span value, record;
    uint32_t filter_bits = run_filters(k, row);
    uint32_t column_bits = fill_columns(k, snap, event, row, hash_key, columns);
    struct record r = {.kind = RECORD_TRANSACTION,
                       .layout = plan_layout(k->plan)->id,
                       .ts_ms = event->ts_ms,
                       .txn = event->txn_hash,
                       .nonce = in->nonce,
                       .bits = column_bits | filter_bits << k->n_columns};
    enum status st = put_record(&r, columns, k->n_columns, arena, &record);
    if (st == ST_OK)
        st = key_value(snap->schema.fields[k->slot].type, &event->values[k->slot], arena, &value);
    if (st == ST_OK)
        st = add_entity(in, k, key, value, record, arena);
    if (st == ST_OK)
        claim->keys[claim->n_keys++] = (struct claim_key){k->field, value, filter_bits, r.layout};
    return st;
}

/* ---- the claim, with room for the answer ---- */

static enum status put_claim(struct intent *in, const struct claim *claim, uint64_t txn_hash,
                             struct arena *arena)
{
    enum {
        ROOM = FRAME_DECISION_HEAD_BYTES + CLAIM_FIXED_BYTES_MAX + DECISION_BYTES_MAX +
               ALERT_BYTES_MAX + FRAME_FLAGGED_TAIL_BYTES
    };
    char *room = arena_try(arena, ROOM);
    if (room == NULL)
        return ST_NO_SPACE;
    text_init(&in->decision, room, ROOM);
    text_raw(&in->decision, &txn_hash, sizeof txn_hash);
    claim_encode(claim, &in->decision);
    if (in->decision.overflow)
        return ST_NO_SPACE;
    in->claim_bytes = in->decision.len - FRAME_DECISION_HEAD_BYTES;
    in->decision.cap = in->decision.len + DECISION_BYTES_MAX;
    in->alert_at = 0;
    return ST_OK;
}

/* A code of ISO 4217. Nothing else from outside becomes the name of a sum. */
static bool is_currency(struct span code)
{
    for (size_t i = 0; i < code.len; i++)
        if (code.base[i] < 'A' || code.base[i] > 'Z')
            return false;
    return code.len == CLAIM_CURRENCY_MAX;
}

/* For what labels say of it later. */
static void add_amount(struct claim *claim, const struct snapshot *snap, const struct event *event,
                       char room[CLAIM_AMOUNT_BYTES])
{
    struct span currency = {0};
    if (snap->currency_slot >= 0 && event->values[snap->currency_slot].present)
        currency = event->values[snap->currency_slot].text;
    if (!is_currency(currency))
        currency = span_of(NULL, 0);
    claim_add_amount(claim, event->values[SCHEMA_AMOUNT].i64, currency, room);
}

enum status intent_of_transaction(const struct snapshot *snap, const struct hash_key *hash_key,
                                  const struct event *event, const struct row *row, uint32_t nonce,
                                  struct arena *arena, struct intent *ret_intent)
{
    struct claim claim;
    char amount[CLAIM_AMOUNT_BYTES];
    enum status st = ST_OK;
    ret_intent->nonce = nonce;
    ret_intent->n_entities = 0;
    claim.state = 'u';
    claim.nonce = nonce;
    claim.digest = event->digest;
    claim.ts_ms = event->ts_ms;
    claim.ruleset = snap->id;
    claim.n_keys = 0;
    claim.rest = span_of(NULL, 0);
    for (int i = 0; i < snap->features.n_keys && st == ST_OK; i++)
        if (intent_has_entity(snap, i, event->values))
            st = add_transaction(ret_intent, snap, i, hash_key, event, row, arena, &claim);
    add_amount(&claim, snap, event, amount);
    return st == ST_OK ? put_claim(ret_intent, &claim, event->txn_hash, arena) : st;
}

struct span intent_claim(const struct intent *in)
{
    return span_of(in->decision.base + FRAME_DECISION_HEAD_BYTES, in->claim_bytes);
}

/* Where the answer ends. */
static size_t decided_bytes(const struct intent *in)
{
    return in->alert_at > 0 ? in->alert_at : in->decision.len;
}

struct span intent_decided(const struct intent *in)
{
    in->decision.base[FRAME_DECISION_HEAD_BYTES + 1] = 'd'; /* claim.h: byte 1 is its state */
    return span_of(in->decision.base + FRAME_DECISION_HEAD_BYTES,
                   decided_bytes(in) - FRAME_DECISION_HEAD_BYTES);
}

struct span intent_answer(const struct intent *in)
{
    size_t at = FRAME_DECISION_HEAD_BYTES + in->claim_bytes;
    return span_of(in->decision.base + at, decided_bytes(in) - at);
}

void intent_put_alert(struct intent *in, const struct alert_source *from)
{
    in->alert_at = in->decision.len;
    in->decision.cap = in->decision.len + ALERT_BYTES_MAX + FRAME_FLAGGED_TAIL_BYTES;
    alert_write(from, &in->decision);
}

struct span intent_alert(const struct intent *in)
{
    if (in->alert_at == 0)
        return span_of(NULL, 0);
    return span_of(in->decision.base + in->alert_at, in->decision.len - in->alert_at);
}

struct span intent_frame(struct intent *in, uint8_t *ret_kind)
{
    struct text frame = in->decision;
    intent_decided(in);
    *ret_kind = in->alert_at > 0 ? FRAME_FLAGGED : FRAME_DECISION;
    if (in->alert_at > 0)
        frame_end_flagged(intent_alert(in), &frame);
    return text_span(&frame);
}

void intent_credit(struct intent *in, uint32_t nonce)
{
    memcpy(in->decision.base + FRAME_DECISION_HEAD_BYTES + CLAIM_NONCE_AT, &nonce, sizeof nonce);
}

/* ---- labels ---- */

bool intent_label_carries(const struct snapshot *snap, enum outcome outcome,
                          const struct txn_value *fields)
{
    for (int i = 0; i < snap->features.n_keys; i++) {
        const struct feature_key *k = &snap->features.keys[i];
        if (!plan_counts(k->plan, (enum record_kind)outcome))
            continue;
        if (k->n_filters > 0 || !intent_has_entity(snap, i, fields))
            return false;
    }
    return true;
}

static struct record correction(const struct intent_correction *c, uint32_t layout, uint32_t bits)
{
    return (struct record){.kind = (enum record_kind)c->outcome,
                           .layout = layout,
                           .ts_ms = c->ts_ms,
                           .known_at_ms = c->known_at_ms,
                           .txn = c->txn_hash,
                           .bits = bits};
}

static enum status add_correction(struct intent *in, const struct feature_key *k, int key,
                                  struct span value, const struct record *r, struct arena *arena)
{
    struct span record;
    enum status st = put_record(r, NULL, 0, arena, &record);
    return st == ST_OK ? add_entity(in, k, key, value, record, arena) : st;
}

enum status intent_of_label(const struct snapshot *snap, const struct intent_correction *c,
                            const struct txn_value *fields, struct arena *arena,
                            struct intent *ret_intent)
{
    enum status st = ST_OK;
    ret_intent->n_entities = 0;
    for (int i = 0; i < snap->features.n_keys && st == ST_OK; i++) {
        const struct feature_key *k = &snap->features.keys[i];
        struct span value;
        if (!plan_counts(k->plan, (enum record_kind)c->outcome))
            continue;
        struct record r = correction(c, plan_layout(k->plan)->id, 0);
        st = key_value(snap->schema.fields[k->slot].type, &fields[k->slot], arena, &value);
        if (st == ST_OK)
            st = add_correction(ret_intent, k, i, value, &r, arena);
    }
    return st;
}

static const struct claim_key *remembered_key(const struct claim *claim, struct span field)
{
    for (int i = 0; i < claim->n_keys; i++)
        if (span_eq(claim->keys[i].field, field))
            return &claim->keys[i];
    return NULL;
}

enum status intent_of_remembered(const struct snapshot *snap, const struct layout_book *book,
                                 const struct intent_correction *c, const struct claim *claim,
                                 struct arena *arena, struct intent *ret_intent)
{
    enum status st = ST_OK;
    ret_intent->n_entities = 0;
    for (int i = 0; i < snap->features.n_keys && st == ST_OK; i++) {
        const struct feature_key *k = &snap->features.keys[i];
        const struct claim_key *known = remembered_key(claim, k->field);
        if (!plan_counts(k->plan, (enum record_kind)c->outcome) || known == NULL ||
            known->value.len == 0)
            continue;
        const struct layout *layout = layout_book_find(book, known->layout);
        if (layout == NULL)
            return ST_NOT_FOUND;
        struct record r = correction(c, known->layout, known->bits << layout->n_columns);
        st = add_correction(ret_intent, k, i, known->value, &r, arena);
    }
    return st;
}
