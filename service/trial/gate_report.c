#include "service/trial/gate_report.h"

static void put_count(struct text *out, const char *name, uint64_t n)
{
    text_printf(out, ",\"%s\":%llu", name, (unsigned long long)n);
}

void gate_report_write(const struct gate_report *report, struct text *out)
{
    if (report->why[0] == '\0') {
        text_str(out, "null");
        return;
    }
    text_printf(out, "{\"judged\":%s,\"refused\":%s,\"why\":", report->is_judged ? "true" : "false",
                report->is_refused ? "true" : "false");
    text_json_string(out, span_str(report->why));
    if (report->is_judged) {
        put_count(out, "transactions", report->transactions);
        put_count(out, "flagged", report->flagged);
        put_count(out, "flagged_before", report->flagged_before);
    }
    text_char(out, '}');
}
