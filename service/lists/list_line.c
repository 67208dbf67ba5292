#include "service/lists/list_line.h"

#include "service/txn/reader.h"

#include <jansson.h>

static void put_text(const char *name, struct span value, struct text *out)
{
    if (value.len == 0)
        return;
    text_printf(out, ",\"%s\":", name);
    text_json_string(out, value);
}

static const char *what(const struct list_line *line)
{
    return line->forget ? "forget" : line->change.out ? "out" : "in";
}

void list_line_write_rest(const struct list_line *line, struct text *out)
{
    char bytes[LIST_KEY_MAX];
    struct text value;
    text_init(&value, bytes, sizeof bytes);
    list_key_write(line->type, line->change.key, &value);
    text_str(out, "\"list\":");
    text_json_string(out, line->list);
    text_printf(out, ",\"type\":\"%s\",\"value\":", list_type_name(line->type));
    text_json_string(out, text_span(&value));
    text_printf(out, ",\"what\":\"%s\",\"at\":\"", what(line));
    text_time_ms(out, line->change.at_ms);
    text_char(out, '"');
    put_text("by", line->change.by, out);
    if (line->change.expires_ms != 0) {
        text_str(out, ",\"expires_at\":\"");
        text_time_ms(out, line->change.expires_ms);
        text_char(out, '"');
    }
    put_text("note", line->change.note, out);
    text_char(out, '}');
}

void list_line_write(const struct list_line *line, struct text *out)
{
    text_printf(out, "{\"n\":%llu,", (unsigned long long)line->change.n);
    list_line_write_rest(line, out);
}

static struct span member(const json_t *root, const char *name)
{
    const json_t *v = json_object_get(root, name);
    return json_is_string(v) ? span_of(json_string_value(v), json_string_length(v))
                             : span_of("", 0);
}

static bool read_type(struct span name, enum list_type *ret_type)
{
    static const struct {
        const char *name;
        enum list_type type;
    } types[] = {
#define X(name, type) {name, type},
        LIST_TYPE_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (span_is(name, types[i].name)) {
            *ret_type = types[i].type;
            return true;
        }
    }
    return false;
}

static bool read_time(const json_t *root, const char *name, int64_t *ret_ms)
{
    struct span text = member(root, name);
    if (json_object_get(root, name) == NULL) {
        *ret_ms = 0;
        return true;
    }
    return reader_timestamp(text, ret_ms);
}

static bool read_members(const json_t *root, struct list_line *l)
{
    struct span state = member(root, "what");
    const json_t *n = json_object_get(root, "n");
    struct list_change *c = &l->change;
    l->list = member(root, "list");
    l->forget = span_is(state, "forget");
    c->out = span_is(state, "out");
    c->by = member(root, "by");
    c->note = member(root, "note");
    if (!json_is_integer(n) || json_integer_value(n) < 0 || l->list.len == 0 ||
        l->list.len > LIST_NAME_MAX || c->by.len > LIST_BY_MAX || c->note.len > LIST_NOTE_MAX ||
        !(l->forget || c->out || span_is(state, "in")))
        return false;
    c->n = (uint64_t)json_integer_value(n);
    return read_type(member(root, "type"), &l->type) &&
           json_is_string(json_object_get(root, "value")) && read_time(root, "at", &c->at_ms) &&
           read_time(root, "expires_at", &c->expires_ms) &&
           list_key(l->type, member(root, "value"), l->key_bytes, &c->key);
}

enum status list_line_read(struct span text, struct list_line *ret_line, void **ret_owner)
{
    struct list_line *l = ret_line; /* its key may point into it */
    json_t *root = json_loadb(text.base, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    *l = (struct list_line){0};
    if (root == NULL || !json_is_object(root) || !read_members(root, l)) {
        json_decref(root);
        return ST_CORRUPT;
    }
    *ret_owner = root;
    return ST_OK;
}

void list_line_free(void *owner)
{
    json_decref(owner);
}
