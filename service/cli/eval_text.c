#include "service/cli/eval_text.h"

#include "rules/cel_time.h"
#include "service/cli/eval_json.h"

static void write_nested(struct cel_value v, int depth, struct text *out);

static void write_list(const struct cel_list *list, int depth, struct text *out)
{
    text_char(out, '[');
    for (size_t i = 0; i < list->count && !out->overflow; i++) {
        text_str(out, i ? ", " : "");
        write_nested(list->items[i], depth, out);
    }
    text_char(out, ']');
}

static void write_map(const struct cel_map *map, int depth, struct text *out)
{
    text_char(out, '{');
    for (size_t i = 0; i < map->count && !out->overflow; i++) {
        text_str(out, i ? ", " : "");
        write_nested(map->entries[i].key, depth, out);
        text_str(out, ": ");
        write_nested(map->entries[i].value, depth, out);
    }
    text_char(out, '}');
}

static void write_bytes(struct span bytes, struct text *out)
{
    text_str(out, "b\"");
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.base[i];
        if (c == '"' || c == '\\')
            text_printf(out, "\\%c", c);
        else if (c >= ' ' && c <= '~')
            text_char(out, c);
        else
            text_printf(out, "\\x%02x", (unsigned char)c);
    }
    text_char(out, '"');
}

static void write_double(double v, struct text *out)
{
    bool is_number = v - v == 0;
    text_str(out, is_number ? "" : "double(\"");
    eval_double_write(v, out);
    text_str(out, is_number ? "" : "\")");
}

/* duration("1.5s"), as one would write it. */
static void write_called(const char *function, struct cel_value v, struct text *out)
{
    text_printf(out, "%s(\"", function);
    eval_text_write(v, out);
    text_str(out, "\")");
}

static void write_optional(const struct cel_value *some, int depth, struct text *out)
{
    text_str(out, some ? "optional.of(" : "optional.none(");
    if (some != NULL)
        write_nested(*some, depth, out);
    text_char(out, ')');
}

static void write_nested(struct cel_value v, int depth, struct text *out)
{
    if (depth == 0) {
        out->overflow = true;
        return;
    }
    switch ((enum cel_kind)v.kind) {
    case CEL_STRING:
        eval_string_write(v.text, out);
        break;
    case CEL_UINT:
        cel_value_write(v, out);
        text_char(out, 'u');
        break;
    case CEL_DOUBLE:
        write_double(v.f64, out);
        break;
    case CEL_BYTES:
        write_bytes(v.text, out);
        break;
    case CEL_LIST:
        write_list(v.list, depth - 1, out);
        break;
    case CEL_MAP:
        write_map(v.map, depth - 1, out);
        break;
    case CEL_OPTIONAL:
        write_optional(v.some, depth - 1, out);
        break;
    case CEL_TIMESTAMP:
        write_called("timestamp", v, out);
        break;
    case CEL_DURATION:
        write_called("duration", v, out);
        break;
    case CEL_IP:
        write_called("ip", v, out);
        break;
    case CEL_CIDR:
        write_called("cidr", v, out);
        break;
    default:
        cel_value_write(v, out);
    }
}

void eval_text_write(struct cel_value value, struct text *out)
{
    switch ((enum cel_kind)value.kind) {
    case CEL_STRING:
        text_put(out, value.text);
        break;
    case CEL_TIMESTAMP:
        cel_time_write(value, out);
        break;
    case CEL_DURATION:
    case CEL_IP:
    case CEL_CIDR:
        cel_value_write(value, out);
        break;
    default:
        write_nested(value, EVAL_DEPTH_MAX, out);
    }
}
