#include "service/engine/gate_report.h"

void gate_report_write(const struct gate_report *report, struct text *out)
{
    if (!report->is_judged) {
        text_str(out, "null");
        return;
    }
    text_printf(out, "{\"refused\":%s,\"why\":", report->is_refused ? "true" : "false");
    text_json_string(out, span_str(report->why));
    text_char(out, '}');
}
