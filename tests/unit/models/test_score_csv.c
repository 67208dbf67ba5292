#include "models/score_csv.h"

#include "service/base/csv.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a model of two trees: amount < 0.5 ? 1 : 2, and country in {FR} ? 20 : 10 ---- */

static struct forest_node nodes[] = {{.threshold = 0.5, .left = 1, .lane = 1},
                                     {.value = 1, .left = 0},
                                     {.value = 2, .left = 1},
                                     {.set = {0, 1}, .left = 4, .lane = 2, .kind = 1},
                                     {.value = 20, .left = 3},
                                     {.value = 10, .left = 4}};
static struct forest_tree trees[] = {{.root = 0, .n_nodes = 3, .depth = 1},
                                     {.root = 3, .n_nodes = 3, .depth = 1, .has_categories = true}};
static struct forest_lane lanes[] = {{0, 0}, {0, FOREST_MISSING_RIGHT}, {1, FOREST_MISSING_RIGHT}};
static uint64_t sets[] = {1u << 1};
static const struct forest forest = {.nodes = nodes,
                                     .trees = trees,
                                     .lanes = lanes,
                                     .sets = sets,
                                     .n_nodes = 6,
                                     .n_trees = 2,
                                     .n_lanes = 3,
                                     .n_outputs = 1,
                                     .n_set_words = 1};
static struct span countries[] = {{"BE", 2}, {"FR", 2}};
static struct model_input inputs[] = {
    {.name = {"amount", 6}},
    {.name = {"country", 7}, .is_category = true, .categories = countries, .n_categories = 2}};
static double base[] = {0};
static const struct model model = {
    .inputs = inputs, .n_inputs = 2, .n_outputs = 1, .scale = 1, .base = base, .forest = &forest};

/* ---- what becomes of a text ---- */

struct scored {
    enum status status;
    char out[512];
    struct score_csv_counts counts;
    struct diag_list diags;
};

static struct scored score(struct score_csv_options options, const char *rows)
{
    struct scored s = {.status = ST_OK};
    FILE *in = tmpfile(), *out = tmpfile();
    options.model = options.model != NULL ? options.model : &model;
    options.name = "rows.csv";
    assert_true(in != NULL && out != NULL);
    fputs(rows, in);
    rewind(in);
    s.status = score_csv(&options, fileno(in), out, &s.diags, &s.counts);
    rewind(out);
    s.out[fread(s.out, 1, sizeof s.out - 1, out)] = '\0';
    fclose(in);
    fclose(out);
    return s;
}

static void assert_scored(struct score_csv_options options, const char *rows, const char *expected)
{
    struct scored s = score(options, rows);
    assert_int_equal(s.status, ST_OK);
    assert_string_equal(s.out, expected);
}

static void assert_refused(const char *rows, int line, int col, const char *message)
{
    struct scored s = score((struct score_csv_options){0}, rows);
    assert_int_equal(s.status, ST_INVALID);
    assert_int_equal(s.diags.items[0].line, line);
    assert_int_equal(s.diags.items[0].col, col);
    assert_string_equal(s.diags.items[0].message, message);
}

/* ---- tests ---- */

static void inputs_are_found_by_name_and_other_columns_passed_over(void **state)
{
    (void)state;
    assert_scored((struct score_csv_options){0},
                  "country,\"a note\",amount\nBE,\"x,\ny\",0.25\nFR,,1e3\n", "score\n11\n22\n");
}

static void an_empty_cell_is_missing_and_true_is_one(void **state)
{
    (void)state;
    assert_scored((struct score_csv_options){0},
                  "amount,country\n,BE\nnan,FR\nTrue,BE\nfalse,BE\n 0.4 ,BE\n",
                  "score\n12\n22\n12\n11\n11\n");
}

static void a_time_is_its_seconds_and_infinity_a_number(void **state)
{
    (void)state;
    assert_scored((struct score_csv_options){0},
                  "amount,country\n1970-01-01T00:00:00.4Z,BE\n1970-01-01T00:00:01Z,BE\n"
                  "inf,BE\n-Inf,BE\n",
                  "score\n11\n12\n12\n11\n");
}

static void a_category_that_is_not_known_is_missing_and_counted(void **state)
{
    (void)state;
    struct scored s = score((struct score_csv_options){0}, "amount,country\n0,ZZ\n0,\n0,fr\n");
    assert_int_equal(s.status, ST_OK);
    assert_int_equal(s.counts.rows, 3);
    assert_int_equal(s.counts.unknown_categories, 2);
    assert_string_equal(s.out, "score\n11\n11\n11\n");
}

static void an_id_stands_before_the_score(void **state)
{
    struct score_csv_options csv = {.id = "id"}, json = {.id = "id", .is_json = true};
    (void)state;
    assert_scored(csv, "id,amount,country\n\"a,\"\"b\",0,BE\n", "id,score\n\"a,\"\"b\",11\n");
    assert_scored(json, "id,amount,country\n\"a,\"\"b\",0,BE\n",
                  "{\"id\":\"a,\\\"b\",\"score\":11}\n");
}

static void all_writes_outputs_and_margins(void **state)
{
    (void)state;
    assert_scored((struct score_csv_options){.all = true}, "amount,country\n0,BE\n",
                  "score_0,margin_0\n11,11\n");
    assert_scored((struct score_csv_options){.all = true, .is_json = true},
                  "amount,country\n0,BE\n", "{\"score_0\":11,\"margin_0\":11}\n");
}

static void contributions_stand_behind_the_margin(void **state)
{
    static double covers[] = {4, 1, 3, 4, 2, 2};
    struct forest counted = forest;
    struct model explained = model;
    struct score_csv_options options = {.contributes = true, .model = &explained};
    (void)state;
    counted.covers = covers;
    explained.forest = &counted;
    struct scored s = score(options, "amount,country\n0,BE\n");
    double base_margin, amount, country;
    assert_int_equal(sscanf(s.out,
                            "score,margin,base,contribution_amount,contribution_country\n"
                            "11,11,%lf,%lf,%lf",
                            &base_margin, &amount, &country),
                     3);
    assert_true(fabs(base_margin - 16.75) < 1e-12);
    assert_true(fabs(amount + 0.75) < 1e-12 && fabs(country + 5) < 1e-12);
    explained.forest = &forest;
    s = score(options, "amount,country\n0,BE\n");
    assert_int_equal(s.status, ST_UNSUPPORTED);
    assert_int_equal(s.diags.errors, 1);
}

static void an_id_that_is_no_utf8_is_refused_as_json_alone(void **state)
{
    (void)state;
    struct scored s = score((struct score_csv_options){.id = "id", .is_json = true},
                            "id,amount,country\n\xff,0,BE\n");
    assert_int_equal(s.status, ST_INVALID);
    assert_int_equal(s.diags.items[0].line, 2);
    assert_scored((struct score_csv_options){.id = "id"}, "id,amount,country\n\xff,0,BE\n",
                  "id,score\n\xff,11\n");
}

static void a_wrong_file_is_shown_where_it_is_wrong(void **state)
{
    (void)state;
    assert_refused("", 0, 0, "no row: the first one names the columns");
    assert_refused("amount,land\n", 1, 1, "there is no column 'country', which the model asks for");
    assert_refused("amount,country,amount\n", 1, 16, "column 'amount' is there twice");
    assert_refused("amount,country\n1,BE\n1,BE,3\n", 3, 0, "3 cells, and the header has 2");
    assert_refused("amount,country\n1,BE\n\n 1x,BE\n", 4, 1,
                   "'amount' is ' 1x', which is no number");
    assert_refused("amount,country\n1,\"B\" E\n", 2, 6,
                   "a comma or the end of the row has to follow a quoted cell");
}

static void the_nearest_column_is_named(void **state)
{
    (void)state;
    struct scored s = score((struct score_csv_options){0}, "amuont,country\n");
    assert_string_equal(s.diags.items[0].hint, "the nearest column is 'amuont'");
}

static void a_row_that_is_refused_has_a_line_without_a_score(void **state)
{
    static const char rows[] = "id,amount,country\nt-1,0,BE\nt-2,x,BE\nt-3\n,1,FR\n";
    (void)state;
    struct scored s = score((struct score_csv_options){.id = "id"}, rows);
    assert_int_equal(s.status, ST_INVALID);
    assert_string_equal(s.out, "id,score\nt-1,11\nt-2,\nt-3,\n,22\n");
    assert_int_equal(s.counts.rows, 4);
    assert_int_equal(s.counts.refused, 2);
    assert_int_equal(s.counts.without_score, 0);
    assert_int_equal(s.diags.items[0].line, 3);
    assert_int_equal(s.diags.items[1].line, 4);
    s = score((struct score_csv_options){.id = "id", .is_json = true, .all = true}, rows);
    assert_non_null(strstr(s.out, "{\"id\":\"t-2\",\"score_0\":null,\"margin_0\":null}\n"));
    s = score((struct score_csv_options){.id = "country", .is_json = true}, rows);
    assert_non_null(strstr(s.out, "{\"country\":null,\"score\":null}\n")); /* t-3 has none */
}

static void what_stands_before_the_end_of_what_is_csv_is_scored(void **state)
{
    (void)state;
    struct scored s = score((struct score_csv_options){0}, "amount,country\n0,BE\n1,\"B\n");
    assert_int_equal(s.status, ST_INVALID);
    assert_string_equal(s.out, "score\n11\n");
    assert_int_equal(s.counts.rows, 1);
}

static void rows_of_many_batches_keep_their_order(void **state)
{
    enum { N = 3 * SCORE_CSV_ROWS + 1, ID_BYTES = 9000 };
    static char rows[N * 32 + ID_BYTES], expected[N * 32 + ID_BYTES];
    char *to = rows + sprintf(rows, "id,amount,country\n");
    char *wanted = expected + sprintf(expected, "id,score\n");
    FILE *in = tmpfile(), *out = tmpfile();
    struct score_csv_options o = {.model = &model, .name = "rows.csv", .id = "id"};
    struct score_csv_counts counts;
    struct diag_list diags = {0};
    (void)state;
    for (int i = 0; i < N; i++) {
        to += sprintf(to, "t-%d,%d,%s\n", i, i % 2, i % 3 == 0 ? "FR" : "BE");
        wanted += sprintf(wanted, "t-%d,%d\n", i, (i % 2 == 0 ? 1 : 2) + (i % 3 == 0 ? 20 : 10));
    }
    assert_true(in != NULL && out != NULL);
    fwrite(rows, 1, (size_t)(to - rows), in);
    rewind(in);
    assert_int_equal(score_csv(&o, fileno(in), out, &diags, &counts), ST_OK);
    assert_int_equal(counts.rows, N);
    rewind(out);
    assert_int_equal(fread(rows, 1, sizeof rows, out), wanted - expected);
    assert_memory_equal(rows, expected, (size_t)(wanted - expected));
    fclose(in);
    fclose(out);
}

/* More of them than there is room for at once. */
static void long_ids_are_written_whole(void **state)
{
    enum { ID_BYTES = CSV_ROW_MAX / 2, N = 9 };
    static char id[ID_BYTES + 1], line[ID_BYTES + 16];
    FILE *in = tmpfile(), *out = tmpfile();
    struct score_csv_options o = {.model = &model, .name = "rows.csv", .id = "id"};
    struct score_csv_counts counts;
    struct diag_list diags = {0};
    (void)state;
    assert_true(in != NULL && out != NULL);
    fputs("id,amount,country\n", in);
    for (int i = 0; i < N; i++) {
        memset(id, 'a' + i, ID_BYTES);
        fprintf(in, "%s,%d,BE\n", id, i % 2);
    }
    rewind(in);
    assert_int_equal(score_csv(&o, fileno(in), out, &diags, &counts), ST_OK);
    rewind(out);
    assert_string_equal(fgets(line, sizeof line, out), "id,score\n");
    for (int i = 0; i < N; i++) {
        assert_non_null(fgets(line, sizeof line, out));
        assert_true(line[0] == 'a' + i && line[ID_BYTES - 1] == 'a' + i);
        assert_string_equal(line + ID_BYTES, i % 2 == 0 ? ",11\n" : ",12\n");
    }
    fclose(in);
    fclose(out);
}

static void a_rulesets_names_and_calibration_hold(void **state)
{
    static const struct model_category categories[] = {{{"Belgium", 7}, 0}, {{"France", 6}, 1}};
    static const struct score_csv_input bound[] = {{.name = {"value", 5}},
                                                   {{"land", 4}, categories, 2, 1}};
    static const struct calibration platt = {.kind = CALIBRATION_PLATT, .a = -1, .b = 11};
    (void)state;
    struct score_csv_options o = {.inputs = bound, .calibration = &platt};
    assert_scored(o, "value,land\n0,Belgium\n", "score\n0.5\n");
    struct scored s = score((struct score_csv_options){.inputs = bound}, "value,land\n0,Spain\n");
    assert_string_equal(s.out, "score\n21\n"); /* as the ruleset's says of one that is unknown */
    assert_int_equal(s.counts.unknown_categories, 1);
    s = score(o, "amount,land\n");
    assert_string_equal(s.diags.items[0].message,
                        "there is no column 'value', which the model asks for");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_are_found_by_name_and_other_columns_passed_over),
        cmocka_unit_test(an_empty_cell_is_missing_and_true_is_one),
        cmocka_unit_test(a_time_is_its_seconds_and_infinity_a_number),
        cmocka_unit_test(a_category_that_is_not_known_is_missing_and_counted),
        cmocka_unit_test(an_id_stands_before_the_score),
        cmocka_unit_test(all_writes_outputs_and_margins),
        cmocka_unit_test(contributions_stand_behind_the_margin),
        cmocka_unit_test(an_id_that_is_no_utf8_is_refused_as_json_alone),
        cmocka_unit_test(a_wrong_file_is_shown_where_it_is_wrong),
        cmocka_unit_test(the_nearest_column_is_named),
        cmocka_unit_test(a_row_that_is_refused_has_a_line_without_a_score),
        cmocka_unit_test(what_stands_before_the_end_of_what_is_csv_is_scored),
        cmocka_unit_test(rows_of_many_batches_keep_their_order),
        cmocka_unit_test(long_ids_are_written_whole),
        cmocka_unit_test(a_rulesets_names_and_calibration_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
