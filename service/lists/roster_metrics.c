/* The metrics of roster.h. */
#include "service/engine/metrics.h"
#include "service/lists/roster.h"

/* A gauge for each list, whose name needs no escapes. */
static const struct gauge {
    const char *name, *help;
    size_t offset;
} gauges[] = {
    {"sluice_list_entries", "Items of a list", offsetof(struct roster_info, count)},
    {"sluice_list_changes", "Items that were put in or taken out while the service ran",
     offsetof(struct roster_info, changed)},
    {"sluice_list_bytes", "Memory of a list", offsetof(struct roster_info, bytes)},
};

static void put_lists(struct roster *r, const struct snapshot *s, struct text *out)
{
    for (size_t g = 0; g < sizeof gauges / sizeof *gauges && s->lists->count > 0; g++) {
        metrics_type(out, gauges[g].name, "gauge", gauges[g].help);
        for (int i = 0; i < s->lists->count; i++) {
            struct roster_info info;
            size_t value;
            roster_info(r, s, i, &info);
            memcpy(&value, (const char *)&info + gauges[g].offset, sizeof value);
            text_printf(out, "%s{list=\"%.*s\"} %zu\n", gauges[g].name, SPAN_ARG(info.name), value);
        }
    }
}

static void put_counter(struct text *out, const char *name, const char *help, uint64_t value)
{
    metrics_type(out, name, "counter", help);
    text_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

void roster_metrics(struct roster *r, const struct snapshot *s, struct text *out)
{
    struct roster_counts counts;
    roster_counts(r, &counts);
    put_lists(r, s, out);
    put_counter(out, "sluice_lists_changes_total", "Changes of lists that were applied",
                counts.changes);
    put_counter(out, "sluice_lists_refused_total",
                "Changes that were kept somewhere and are over the limits or not understood",
                counts.refused);
    put_counter(out, "sluice_lists_expired_total", "Changes whose time was over", counts.expired);
    put_counter(out, "sluice_lists_generations_total", "Times that changed lists became active",
                counts.generations);
    metrics_type(out, "sluice_lists_behind_seconds", "gauge",
                 "Since changes of other instances were read last");
    text_str(out, "sluice_lists_behind_seconds ");
    text_fixed(out, counts.behind_ms, 1000);
    text_char(out, '\n');
}
