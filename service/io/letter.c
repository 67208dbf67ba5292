#include "service/io/letter.h"

#include "service/txn/card.h"
#include "service/txn/slot.h"

#include <stdio.h>

enum { FRAMING_BYTES = 5 };

/* Begins what stands in place of a value that is left out. */
static const char left_out[] = "{\"left_out\":";

static const struct {
    const char *word, *why;
} letters[LETTERS] = {
#define X(name, word, why) {word, why},
    LETTER_TABLE(X)
#undef X
};

const char *letter_word(enum letter l)
{
    return letters[l].word;
}

const char *letter_why(enum letter l)
{
    return letters[l].why;
}

const char *letter_header_text(enum letter_header h)
{
    static const char *const names[] = {
#define X(name, header) header,
        LETTER_HEADER_TABLE(X)
#undef X
    };
    return names[h];
}

bool letter_header_is_ours(const char *name)
{
    for (int h = 0; h < LETTER_HEADERS; h++)
        if (strcmp(letter_header_text((enum letter_header)h), name) == 0)
            return true;
    return false;
}

bool letter_is_left_out(struct span value)
{
    return value.len > sizeof left_out && memcmp(value.base, left_out, sizeof left_out - 1) == 0;
}

static bool is_about_card(const struct reader_error *e)
{
    return strcmp(e->detail, slot_card_unmarked) == 0 || strstr(e->detail, "card number") != NULL;
}

enum letter letter_of(const struct score *s)
{
    if (s->kind == SCORE_CONFLICT)
        return LETTER_CONFLICT;
    if (is_about_card(&s->error))
        return LETTER_CARD;
    if (s->error.fault == READER_NOT_JSON)
        return LETTER_BAD_JSON;
    return s->error.fault == READER_TOO_LARGE ? LETTER_TOO_LARGE : LETTER_SCHEMA;
}

void letter_detail(const struct reader_error *e, char ret_detail[LETTER_DETAIL_MAX])
{
    const char *space = e->pointer[0] != '\0' ? " " : "";
    int n = snprintf(ret_detail, LETTER_DETAIL_MAX, "%s%s%s", e->pointer, space, e->detail);
    if (e->offset != READER_NO_OFFSET)
        snprintf(ret_detail + n, LETTER_DETAIL_MAX - (size_t)n, " (byte %zu)", e->offset);
}

static bool is_object(struct span s)
{
    size_t i = 0;
    while (i < s.len && strchr(" \t\r\n", s.base[i]) != NULL && s.base[i] != '\0')
        i++;
    return i < s.len && s.base[i] == '{';
}

enum letter letter_judge(struct span value, struct span *ret_body)
{
    struct span body = value;
    if (value.len == 0)
        return LETTER_EMPTY;
    if (value.base[0] == '\0') {
        if (value.len < FRAMING_BYTES)
            return LETTER_BAD_JSON;
        body = span_of(value.base + FRAMING_BYTES, value.len - FRAMING_BYTES);
        if (!is_object(body))
            return LETTER_FRAMING;
    }
    if (body.len > READER_BODY_MAX)
        return LETTER_TOO_LARGE;
    *ret_body = body;
    return LETTER_NONE;
}

/* ---- writing ---- */

static bool has_card(struct span s)
{
    return s.len > 0 && card_stands_in(s);
}

static int keep_headers(const struct letter_source *from, struct outlet_header *headers)
{
    int n = 0;
    for (int i = 0; i < from->n_headers && n < OUTLET_HEADERS_MAX - LETTER_HEADERS; i++)
        if (!has_card(from->headers[i].value) && !has_card(from->headers[i].name))
            headers[n++] = from->headers[i];
    return n;
}

static struct span number(char room[24], int64_t v)
{
    int n = snprintf(room, 24, "%lld", (long long)v);
    return span_of(room, (size_t)n);
}

static int put_own(enum letter l, const char *why, const struct letter_source *from,
                   struct letter_room *room, int n)
{
    const struct span values[LETTER_HEADERS] = {
        [LETTER_HEADER_ERROR] = span_str(letter_word(l)),
        [LETTER_HEADER_DETAIL] = span_str(why),
        [LETTER_HEADER_TOPIC] = span_str(from->topic),
        [LETTER_HEADER_PARTITION] = number(room->numbers[0], from->partition),
        [LETTER_HEADER_OFFSET] = number(room->numbers[1], from->offset),
        [LETTER_HEADER_TIMESTAMP] = number(room->numbers[2], from->timestamp_ms),
    };
    for (int h = 0; h < LETTER_HEADERS; h++)
        room->headers[n++] =
            (struct outlet_header){span_str(letter_header_text((enum letter_header)h)), values[h]};
    return n;
}

static struct span instead(const char *why, struct letter_room *room)
{
    struct text out;
    text_init(&out, room->value, sizeof room->value);
    text_str(&out, left_out);
    text_json_string(&out, span_str(why));
    text_char(&out, '}');
    return text_span(&out);
}

void letter_write(enum letter l, const char *why, const struct letter_source *from,
                  struct letter_room *room, struct outlet_message *ret_message)
{
    int n = keep_headers(from, room->headers);
    bool hide = l == LETTER_CARD || has_card(from->value);
    ret_message->topic = OUTLET_DEAD_LETTERS;
    ret_message->kind = l;
    ret_message->key = has_card(from->key) ? span_of(NULL, 0) : from->key;
    ret_message->value = hide ? instead("a card number stood in it in clear", room) : from->value;
    ret_message->headers = room->headers;
    ret_message->n_headers = put_own(l, why, from, room, n);
}

bool letter_is_shortest(const struct outlet_message *m)
{
    return m->n_headers == LETTER_HEADERS && m->key.base == NULL &&
           m->value.len < sizeof((struct letter_room *)NULL)->value;
}

void letter_shorten(const struct outlet_message *m, struct letter_room *room,
                    struct outlet_message *ret_message)
{
    bool was_short = m->value.len < sizeof room->value;
    *ret_message = *m;
    ret_message->value = instead("it is too large for this topic", room);
    if (!was_short)
        return;
    ret_message->key = span_of(NULL, 0);
    ret_message->headers = m->headers + m->n_headers - LETTER_HEADERS;
    ret_message->n_headers = LETTER_HEADERS;
}
