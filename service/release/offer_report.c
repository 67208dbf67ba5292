#include "service/release/offer_report.h"

static const struct {
    const char *text;
    bool is_good;
} results[OFFER_RESULTS] = {
#define X(name, text, is_good) {text, is_good},
    OFFER_RESULT_TABLE(X)
#undef X
};

const char *offer_result_text(enum offer_result result)
{
    return results[result].text;
}

bool offer_result_is_good(enum offer_result result)
{
    return results[result].is_good;
}

static void put_id(struct text *out, const char *name, const char *id)
{
    text_str(out, name);
    if (id[0] == '\0')
        text_str(out, "null");
    else
        text_json_string(out, span_str(id));
}

static void put_bool(struct text *out, const char *name, bool value)
{
    text_str(out, name);
    text_str(out, value ? "true" : "false");
}

static void put_diags(struct text *out, const struct diag_list *diags)
{
    text_str(out, ",\"diagnostics\":[");
    for (int i = 0; i < diags->count; i++) {
        if (i > 0)
            text_char(out, ',');
        diag_write_json(&diags->items[i], out);
    }
    text_printf(out, "],\"diagnostics_omitted\":%d", diags->dropped);
}

void offer_report_write(const struct offer_report *r, struct text *out)
{
    text_str(out, "{\"result\":");
    text_json_string(out, span_str(offer_result_text(r->result)));
    put_id(out, ",\"ruleset\":", r->ruleset);
    put_id(out, ",\"previous\":", r->previous);
    put_bool(out, ",\"dry_run\":", r->is_dry_run);
    put_diags(out, &r->diags);
    text_str(out, ",\"gate\":");
    gate_report_write(&r->gate, out);
    put_bool(out, ",\"kept\":", r->is_kept);
    put_bool(out, ",\"published\":", r->is_published);
    text_str(out, ",\"notes\":[");
    if (r->note[0] != '\0')
        text_json_string(out, span_str(r->note));
    text_str(out, "]}");
}
