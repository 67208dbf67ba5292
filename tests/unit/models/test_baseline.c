#include "models/baseline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCK_BYTES = 64 << 10, FILE_BYTES = 4096 };

static struct model_input inputs[] = {{.name = {"amount", 6}}, {.name = {"hour", 4}}};
static const struct model model = {.n_inputs = 2, .inputs = inputs, .hash = "00112233aabbccdd"};
static char block[BLOCK_BYTES];
static struct diag_list diags;

static enum status load(const char *text, struct baseline *ret_baseline)
{
    struct arena a;
    struct model_file file = {
        .name = "b.json", .bytes = span_str(text), .arena = &a, .diags = &diags};
    arena_init(&a, block, sizeof block);
    memset(&diags, 0, sizeof diags);
    return baseline_load(&file, &model, ret_baseline);
}

/* A baseline whose distribution of `amount` is this. */
static const char *with_amount(const char *distribution)
{
    static char text[FILE_BYTES];
    snprintf(text, sizeof text,
             "{\"format\":\"sluice.baseline/1\",\"inputs\":{\"amount\":%s,"
             "\"hour\":{\"edges\":[],\"shares\":[1],\"missing\":0}},"
             "\"score\":{\"edges\":[0.5],\"shares\":[0.9,0.1],\"missing\":0}}",
             distribution);
    return text;
}

static void assert_refused(const char *text, const char *message)
{
    struct baseline b = {.n = 77};
    assert_int_equal(load(text, &b), ST_INVALID);
    assert_int_equal(diags.count, 1);
    assert_string_equal(diags.items[0].message, message);
    assert_int_equal(b.n, 77);
}

static void inputs_come_in_the_models_order_and_the_score_last(void **state)
{
    (void)state;
    struct baseline b;
    assert_int_equal(
        load(with_amount("{\"edges\":[9.5,40],\"shares\":[0.3,0.5,0.1],\"missing\":0.1}"), &b),
        ST_OK);
    assert_int_equal(b.n, 3);
    assert_int_equal(b.n_counts, 4 + 2 + 3);
    assert_int_equal(b.of[0].n_bins, 3);
    assert_true(b.of[0].edges[1] == 40 && b.of[0].shares[2] == 0.1 && b.of[0].shares[3] == 0.1);
    assert_int_equal(b.of[1].first, 4);
    assert_int_equal(b.of[1].n_bins, 1);
    assert_int_equal(b.of[2].first, 6);
    assert_true(b.of[2].shares[0] == 0.9);
}

static void edges_must_ascend_and_shares_fit_them(void **state)
{
    (void)state;
    assert_refused(with_amount("{\"edges\":[2,2],\"shares\":[0.3,0.5,0.2],\"missing\":0}"),
                   "`amount`: edges are numbers, each above the one before");
    assert_refused(with_amount("{\"edges\":[\"2\"],\"shares\":[0.5,0.5],\"missing\":0}"),
                   "`amount`: edges are numbers, each above the one before");
    assert_refused(with_amount("{\"edges\":[2],\"shares\":[1],\"missing\":0}"),
                   "`amount`: `shares` has to have one more than `edges`");
    assert_refused(with_amount("{\"edges\":[2],\"shares\":[1.5,-0.5],\"missing\":0}"),
                   "`amount`: `shares` and `missing` are numbers from 0 to 1");
    assert_refused(with_amount("{\"edges\":[2],\"shares\":[0.5,0.5]}"),
                   "`amount`: `shares` and `missing` are numbers from 0 to 1");
    assert_refused(with_amount("{\"edges\":[2],\"shares\":[0.5,0.4],\"missing\":0}"),
                   "`amount`: `shares` and `missing` together have to be 1");
    assert_refused(with_amount("{\"shares\":[1],\"missing\":0}"), "`amount`: `edges` is no list");
    assert_refused(with_amount("7"), "`amount`: `edges` is no list");
}

static void there_may_be_so_many_bins_and_no_more(void **state)
{
    (void)state;
    struct baseline b;
    char text[FILE_BYTES], *to = text;
    for (int edges = BASELINE_BINS_MAX - 1; edges <= BASELINE_BINS_MAX; edges++) {
        to = text + sprintf(text, "{\"edges\":[0");
        for (int i = 1; i < edges; i++)
            to += sprintf(to, ",%d", i);
        to += sprintf(to, "],\"shares\":[1");
        for (int i = 0; i < edges; i++)
            to += sprintf(to, ",0");
        sprintf(to, "],\"missing\":0}");
        if (edges < BASELINE_BINS_MAX)
            assert_int_equal(load(with_amount(text), &b), ST_OK);
        else
            assert_refused(with_amount(text), "`amount`: more than 31 edges");
    }
}

static void a_meaning_is_kept_with_its_input(void **state)
{
    (void)state;
    struct baseline b;
    const char *of_amount = "{\"edges\":[],\"shares\":[1],\"missing\":0,\"meaning\":%s}";
    char text[128];
    snprintf(text, sizeof text, of_amount, "\"9f2c41d07be83a56\"");
    assert_int_equal(load(with_amount(text), &b), ST_OK);
    assert_string_equal(b.of[0].meaning, "9f2c41d07be83a56");
    assert_string_equal(b.of[1].meaning, "");
    static const char *const wrong[] = {"7", "\"9f2c41d07be83a5\"", "\"9f2c41d07be83a566\"",
                                        "\"9f2c41d07be83a5x\""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, of_amount, wrong[i]);
        assert_refused(with_amount(text), "`amount`: `meaning` is 16 hex digits");
    }
}

static void it_must_be_of_this_model(void **state)
{
    (void)state;
    assert_refused("{\"format\":\"sluice.baseline/1\",\"inputs\":{}}",
                   "`amount`: it is not in the baseline");
    assert_refused(with_amount("{\"edges\":[],\"shares\":[1],\"missing\":0},\"card\":{}"),
                   "`card`: it is no input of the model");
    assert_string_equal(diags.items[0].hint, "is it the baseline of another model?");
    assert_refused(with_amount("{\"edges\":[],\"shares\":[1],\"missing\":0},\"amuont\":{}"),
                   "`amuont`: it is no input of the model");
    assert_string_equal(diags.items[0].hint, "did you mean 'amount'?");
    assert_int_equal(diags.items[0].line, 1);
    assert_int_equal(diags.items[0].col, 88);
    assert_refused("{\"format\":\"sluice.baseline/2\"}",
                   "`format`: it has to be \"sluice.baseline/1\"");
    assert_refused("{}", "`format`: it has to be \"sluice.baseline/1\"");
}

/* A baseline that says of which model it is. */
static const char *of_model(const char *sha256)
{
    static char text[FILE_BYTES];
    snprintf(text, sizeof text, "{\"model_sha256\":%s,%s", sha256,
             with_amount("{\"edges\":[],\"shares\":[1],\"missing\":0}") + 1);
    return text;
}

static void it_may_say_of_which_file_it_is(void **state)
{
    (void)state;
    struct baseline b;
    const char *own = "\"00112233aabbccdd00112233aabbccdd00112233aabbccdd00112233aabbccdd\"";
    const char *other = "\"00112233aabbccde00112233aabbccdd00112233aabbccdd00112233aabbccdd\"";
    assert_int_equal(load(of_model(own), &b), ST_OK);
    assert_refused(of_model(other), "`model_sha256`: this is the baseline of another model");
    assert_refused(of_model("\"00112233aabbccdd\""), "`model_sha256`: it has to be 64 hex digits");
    assert_refused(of_model("7"), "`model_sha256`: it has to be 64 hex digits");
}

static void what_is_no_json_is_refused(void **state)
{
    (void)state;
    struct baseline b;
    assert_int_equal(load("{\"format\"", &b), ST_INVALID);
    assert_int_equal(diags.count, 1);
}

static void without_room_it_is_refused(void **state)
{
    (void)state;
    struct baseline b;
    struct arena a;
    struct model_file file = {
        .name = "b.json", .bytes = span_str("{}"), .arena = &a, .diags = &diags};
    arena_init(&a, block, sizeof(struct distribution));
    memset(&diags, 0, sizeof diags);
    assert_int_equal(baseline_load(&file, &model, &b), ST_NO_SPACE);
    assert_int_equal(diags.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_come_in_the_models_order_and_the_score_last),
        cmocka_unit_test(edges_must_ascend_and_shares_fit_them),
        cmocka_unit_test(there_may_be_so_many_bins_and_no_more),
        cmocka_unit_test(a_meaning_is_kept_with_its_input),
        cmocka_unit_test(it_must_be_of_this_model),
        cmocka_unit_test(it_may_say_of_which_file_it_is),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(without_room_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
