#include "service/engine/metrics.h"

#include <math.h>

void metrics_type(struct text *out, const char *name, const char *type, const char *help)
{
    text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_value(struct text *out, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    metrics_type(out, name, type, help);
    text_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

void metrics_label(struct text *out, struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.base[i];
        if (c == '\\' || c == '"' || c == '\n')
            text_char(out, '\\');
        text_char(out, c == '\n' ? 'n' : c);
    }
}

void metrics_number(struct text *out, double value)
{
    if (isnan(value))
        text_str(out, "NaN");
    else if (isinf(value))
        text_str(out, value > 0 ? "+Inf" : "-Inf");
    else
        text_double(out, value);
}

static void put_edge(struct text *out, int class)
{
    static const int64_t edges_us[] = {
#define X(us) us,
        ENGINE_LATENCY_TABLE(X)
#undef X
    };
    if (class < ENGINE_LATENCY_CLASSES - 1)
        text_fixed(out, edges_us[class], 1000000);
    else
        text_str(out, "+Inf");
}

/* name_sum{labels}, without the braces where there are none. */
static void put_name(struct text *out, const char *name, const char *suffix, const char *labels)
{
    text_printf(out, "%s%s", name, suffix);
    if (labels[0] != '\0')
        text_printf(out, "{%s}", labels);
    text_char(out, ' ');
}

void metrics_latency(struct text *out, const char *name, const char *labels,
                     const struct latency *l)
{
    uint64_t count = 0;
    for (int i = 0; i < ENGINE_LATENCY_CLASSES; i++) {
        count += stats_get(&l->classes[i]);
        text_printf(out, "%s_bucket{%s%sle=\"", name, labels, labels[0] != '\0' ? "," : "");
        put_edge(out, i);
        text_printf(out, "\"} %llu\n", (unsigned long long)count);
    }
    put_name(out, name, "_sum", labels);
    text_fixed(out, (int64_t)stats_get(&l->sum_us), 1000000);
    text_char(out, '\n');
    put_name(out, name, "_count", labels);
    text_printf(out, "%llu\n", (unsigned long long)count);
}
