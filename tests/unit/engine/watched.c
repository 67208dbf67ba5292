#include "tests/unit/engine/watched.h"

#include "tests/unit/engine/world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct snapshot *watched_load(const char *models, const char *rules)
{
    static const struct snapshot_options options = {.exact_events = 256};
    static struct world world;
    struct snapshot *s = NULL;
    char ruleset[8192], command[128];
    world = (struct world){0};
    snprintf(ruleset, sizeof ruleset, "%smodels:\n%s", world_ruleset, models);
    world_files(&world, ruleset, rules);
    world_write(&world, "fraud.yaml",
                "model: linear\nlink: identity\ninputs: {amount: {weight: 0.05}}\n");
    world_write(&world, "next.yaml",
                "model: linear\nlink: identity\ninputs: {amount: {weight: 0.1}}\n");
    world_write(&world, "b.json",
                "{\"format\":\"sluice.baseline/1\",\"inputs\":{"
                "\"amount\":{\"edges\":[10],\"shares\":[0.5,0.5],\"missing\":0}},"
                "\"score\":{\"edges\":[0.5],\"shares\":[0.5,0.5],\"missing\":0}}");
    world_write(&world, "c.json",
                "{\"format\":\"sluice.baseline/1\",\"inputs\":{"
                "\"amount\":{\"edges\":[10],\"shares\":[0.4,0.5],\"missing\":0.1}},"
                "\"score\":{\"edges\":[0.5],\"shares\":[0.5,0.5],\"missing\":0}}");
    assert_int_equal(snapshot_load(world.ruleset, &options, &world.diags, &s), ST_OK);
    snprintf(command, sizeof command, "rm -rf '%s'", world.folder);
    assert_int_equal(system(command), 0);
    return s;
}

struct model_result watched_row(double amount, double *inputs)
{
    inputs[0] = amount;
    return (struct model_result){
        .score = amount / 20, .output = amount / 20, .inputs = inputs, .n_missing = isnan(amount)};
}
