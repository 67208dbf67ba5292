#include "service/cli/generate_line.h"

static const int64_t day_ms = 86400 * 1000;

static void put_text(struct text *t, const char *key, const char *value)
{
    if (value == NULL)
        return;
    text_str(t, key);
    text_char(t, '"');
    text_str(t, value);
    text_char(t, '"');
}

static void put_name(struct text *t, const char *key, struct name name)
{
    if (name.kind == 0)
        return;
    text_str(t, key);
    text_char(t, '"');
    text_char(t, name.kind);
    text_char(t, '-');
    text_i64(t, (int64_t)name.number);
    text_char(t, '"');
}

static void put_time(struct text *t, const char *key, int64_t ms)
{
    text_str(t, key);
    text_char(t, '"');
    text_time_ms(t, ms);
    text_char(t, '"');
}

static void put_place(struct text *t, const char *key, struct place place)
{
    text_str(t, key);
    text_str(t, "{\"lat\":");
    text_fixed(t, place.lat_e4, 10000);
    text_str(t, ",\"lon\":");
    text_fixed(t, place.lon_e4, 10000);
    text_char(t, '}');
}

static void put_ip(struct text *t, uint32_t ip)
{
    if (ip == 0)
        return;
    text_str(t, ",\"ip\":\"");
    for (int shift = 24; shift >= 0; shift -= 8) {
        text_i64(t, ip >> shift & 255);
        text_char(t, shift > 0 ? '.' : '"');
    }
}

static void put_card(struct text *t, const struct booking *k)
{
    put_name(t, ",\"card_id\":", k->card);
    if (k->bin == 0)
        return;
    text_str(t, ",\"card\":{\"bin\":\"");
    text_i64(t, k->bin);
    text_str(t, "\"}");
}

static void put_shop(struct text *t, const struct booking *k, int64_t start_ms)
{
    put_name(t, ",\"terminal_id\":", k->terminal);
    if (k->merchant_country == NULL)
        return;
    put_text(t, ",\"merchant\":{\"country\":", k->merchant_country);
    put_text(t, ",\"category\":", k->category);
    put_time(t, ",\"opened\":", start_ms + k->merchant_opened * day_ms);
    text_char(t, '}');
}

static void put_holder(struct text *t, const struct booking *k, int64_t start_ms)
{
    if (k->is_placed) {
        put_place(t, ",\"location\":", k->place);
        put_place(t, ",\"holder\":{\"home\":", k->home);
        text_char(t, '}');
    }
    if (k->account_opened == BANK_NEVER)
        return;
    put_time(t, ",\"account\":{\"opened\":", start_ms + k->account_opened * day_ms);
    if (k->password_changed_s != BANK_NEVER)
        put_time(t, ",\"password_changed\":", start_ms + k->password_changed_s * 1000);
    text_char(t, '}');
}

static void put_truth(struct text *t, const struct booking *k)
{
    put_text(t, ",\"scenario\":", bank_scenario_name(k->scenario));
    if (k->fraud_case == 0)
        return;
    text_str(t, ",\"case\":");
    text_i64(t, k->fraud_case);
}

void line_put_booking(struct text *t, const struct booking *k, int64_t start_ms)
{
    put_name(t, ",\"account_id\":", k->account);
    put_text(t, ",\"operation\":", bank_operation_name(k->operation));
    put_text(t, ",\"channel\":", bank_channel_name(k->channel));
    text_str(t, ",\"amount\":");
    text_fixed(t, k->cents, 100);
    text_str(t, ",\"currency\":\"EUR\"");
    put_card(t, k);
    put_shop(t, k, start_ms);
    put_name(t, ",\"device_id\":", k->device);
    put_ip(t, k->ip);
    put_text(t, ",\"ip_country\":", k->ip_country);
    put_name(t, ",\"payee\":{\"account\":", k->payee);
    text_str(t, k->payee.kind ? "}" : "");
    put_name(t, ",\"payer\":{\"account\":", k->payer);
    text_str(t, k->payer.kind ? "}" : "");
    put_holder(t, k, start_ms);
    put_truth(t, k);
}
