#include "service/cli/kafka.h"

struct kafka_options kafka_options_of(const struct config *c)
{
    return (struct kafka_options){
        .brokers = c->kafka_brokers,
        .group = c->kafka_group,
        .transactions = c->kafka_transactions,
        .labels = c->kafka_labels,
        .decisions = c->kafka_decisions,
        .alerts = c->kafka_alerts,
        .dead_letters = c->kafka_dead_letters,
        .properties = c->kafka_properties,
        .explain = c->kafka_explain,
        .historic = c->kafka_historic,
        .in_flight = (int)c->kafka_in_flight,
        .unsettled = (int)c->kafka_unsettled,
    };
}

enum status kafka_check(const struct config *c, const char *file, struct diag_list *diags)
{
    struct kafka_options options = kafka_options_of(c);
    if (c->kafka_brokers[0] == '\0')
        return ST_OK;
    return kafka_conf_check(&options, (struct diag_at){.file = file}, diags);
}

enum status kafka_load_config(const struct cli_args *args, struct config *ret_config)
{
    static struct diag_list diags;
    enum status st = cli_load_config(args, ret_config);
    if (st != ST_OK)
        return st;
    diags = (struct diag_list){0};
    st = kafka_check(ret_config, args->config_file, &diags);
    cli_print_diags(&diags, false, stderr);
    return st;
}
