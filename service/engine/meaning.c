#include "service/engine/meaning.h"

#include "service/base/check.h"
#include "service/base/hash.h"

#include <stdio.h>

static void write_feature(const struct feature_set *set, const struct feature *f, struct text *out)
{
    const struct feature_key *key = &set->keys[f->key];
    const struct layout *layout = plan_layout(key->plan);
    const struct plan_need need = plan_feature_need(key->plan, f->in_plan);
    text_printf(out, "feature %s by %.*s, window %lld, delay %lld\n",
                feature_aggregate_text(f->aggregate), SPAN_ARG(key->field), (long long)f->window_ms,
                (long long)f->delay_ms);
    if (need.column >= 0) {
        const struct layout_column *column = &layout->columns[need.column];
        text_printf(out, "column %s %.*s\n", column_kind_text(column->kind),
                    SPAN_ARG(column->name));
    }
    if (need.filter >= 0)
        text_printf(out, "filter %.*s\n", SPAN_ARG(layout->filters[need.filter]));
}

static void write_name(const struct snapshot *s, int slot, struct text *out)
{
    if (slot < s->schema.count)
        text_printf(out, "field %s\n", field_type_text(s->schema.fields[slot].type));
    else if (slot >= s->row_derived && slot < s->row_features)
        text_printf(out, "derived %016llx\n",
                    (unsigned long long)s->derived[slot - s->row_derived].meaning);
    else if (slot >= s->row_features && slot < s->row_covered)
        write_feature(&s->features, &s->features.features[slot - s->row_features], out);
    else
        CHECK(false);
}

void meaning_of(const struct snapshot *s, int slot, char ret_hex[MEANING_DIGITS + 1])
{
    char bytes[LAYOUT_TEXT_MAX]; /* of which a column and a filter are a part */
    unsigned char digest[HASH_SHA256_BYTES];
    struct text text, hex;
    text_init(&text, bytes, sizeof bytes);
    write_name(s, slot, &text);
    hash_sha256(text_span(&text), digest);
    text_init(&hex, ret_hex, MEANING_DIGITS + 1);
    text_hex_bytes(&hex, digest, MEANING_DIGITS / 2);
    ret_hex[MEANING_DIGITS] = '\0';
}

void meanings_write(const struct snapshot *s, struct text *out)
{
    char hex[MEANING_DIGITS + 1];
    const char *separator = "{";
    for (int i = 0; i < s->env.n_names; i++) {
        const struct cel_name *name = &s->env.names[i];
        if (name->slot >= s->row_covered ||
            (name->slot >= s->row_lists && name->slot < s->row_derived))
            continue;
        meaning_of(s, name->slot, hex);
        text_str(out, separator);
        text_json_string(out, name->name);
        text_printf(out, ":\"%s\"", hex);
        separator = ",";
    }
    text_char(out, '}');
}

/* Was it trained on what the name of input i stands for now? */
static bool is_as_trained(const struct snapshot *s, const struct bound_model *m, int i)
{
    const char *then = m->baseline->of[i].meaning;
    char now[MEANING_DIGITS + 1];
    meaning_of(s, m->sources[i].slot, now);
    return then[0] == '\0' || strcmp(then, now) == 0;
}

static void compare_model(const struct snapshot *s, const struct bound_model *m,
                          struct diag_list *diags)
{
    char others[32] = "is";
    int n = 0, first = 0;
    for (int i = m->model.n_inputs - 1; i >= 0; i--)
        if (!is_as_trained(s, m, i)) {
            first = i;
            n++;
        }
    if (n > 1)
        snprintf(others, sizeof others, "and %d more are", n - 1);
    if (n > 0)
        diag_warning(diags, m->at, "its definition has changed: train anew, or take it back",
                     "'%.*s' %s not what the model '%.*s' was trained on",
                     SPAN_ARG(m->model.inputs[first].name), others, SPAN_ARG(m->name));
}

void meanings_compare(const struct snapshot *s, struct diag_list *diags)
{
    for (int i = 0; i < s->models.count; i++)
        if (s->models.items[i].baseline != NULL)
            compare_model(s, &s->models.items[i], diags);
}
