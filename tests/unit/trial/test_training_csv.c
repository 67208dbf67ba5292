/* The rows to train on: their columns, what stands in a cell, and which row gets which label. */
#include "service/trial/training_csv.h"

#include "service/base/files.h"
#include "service/engine/row.h"
#include "service/txn/reader.h"
#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const char ruleset[] =
    "schema:\n"
    "  transaction_id: {type: string, required: true}\n"
    "  account_id:     {type: string, required: true}\n"
    "  amount:         {type: decimal, required: true}\n"
    "  timestamp:      {type: timestamp, required: true}\n"
    "  note:           {type: string}\n"
    "  email:          {type: string, private: true}\n"
    "  card_id:        {type: string, card: true}\n"
    "  home:           {type: geo}\n"
    "derived:\n"
    "  is_large: amount > 1000.0\n"
    "  age: timestamp - timestamp('2026-01-01T00:00:00Z')\n"
    "  ratio: 1.0 / (amount - 10.0)\n"
    "  parts: '[amount, 2.0]'\n"
    "features:\n"
    "  tx_count: {by: account_id, aggregate: count, windows: [1d]}\n"
    "  tx_avg: {by: account_id, aggregate: avg, of: amount, windows: [1d]}\n"
    "flag_at: 70\n"
    "rules: [rules.yaml]\n";

enum { TEXT_BYTES = 8192 };

struct bed {
    struct world world; /* its files alone */
    struct snapshot *snap;
    struct diag_list diags;
    char *text;
    size_t len;
    FILE *out;
    struct training_csv *csv;
};

static void load(struct bed *b, const char *text)
{
    struct snapshot_options o = {.exact_events = 16, .reads_all = true};
    world_files(&b->world, text, "rules:\n  - {id: r, when: amount > 5.0, score: 1}\n");
    assert_int_equal(snapshot_load(b->world.ruleset, &o, &b->diags, &b->snap), ST_OK);
    b->out = open_memstream(&b->text, &b->len);
}

static int open_bed(void **state)
{
    struct bed *b = calloc(1, sizeof *b);
    *state = b;
    if (b == NULL)
        return 1;
    load(b, ruleset);
    return 0;
}

static int close_bed(void **state)
{
    struct bed *b = *state;
    training_csv_close(b->csv);
    snapshot_unref(b->snap);
    fclose(b->out);
    free(b->text);
    assert_int_equal(files_remove(b->world.folder), ST_OK);
    free(b);
    return 0;
}

static enum status open_csv(struct bed *b, const char *columns)
{
    struct training_csv_options o = {
        .out = b->out, .snap = b->snap, .columns = columns, .dir = "/tmp"};
    return training_csv_open(&o, &b->diags, &b->csv);
}

static void assert_written(struct bed *b, const char *expected)
{
    assert_int_equal(training_csv_finish(b->csv), ST_OK);
    assert_string_equal(b->text, expected);
}

/* A row of it: t-ID, of an amount, with one feature that is missing. */
static void put_row(struct bed *b, uint64_t id, double amount)
{
    static const char body[] = "{\"transaction_id\":\"t-%d\",\"account_id\":\"a\",\"amount\":%.4f,"
                               "\"timestamp\":\"2026-01-01T00:00:01.500Z\",\"note\":\"a, b\","
                               "\"email\":\"x@y\"}";
    struct window_value values[] = {{.exact = true, .scale = 1, .value.i64 = 3},
                                    {.missing = true, .exact = true}};
    static const struct hash_key key;
    struct arena *arena = arena_new(1 << 20), *scratch = arena_new(ROW_SCRATCH_BYTES);
    struct txn_value fields[SCHEMA_FIELDS_MAX];
    struct reader_error error;
    struct event event;
    struct row row;
    char bytes[512];
    int n = snprintf(bytes, sizeof bytes, body, (int)id, amount);
    assert_int_equal(reader_read(&b->snap->schema, &key, span_of(bytes, (size_t)n), arena, fields,
                                 &event, &error),
                     ST_OK);
    assert_int_equal(row_init(&row, b->snap, fields, scratch, arena), ST_OK);
    training_csv_row(b->csv, id, row.cells, values);
    arena_free(arena);
    arena_free(scratch);
}

static void a_row_has_fields_derived_fields_features_and_the_label(void **state)
{
    struct bed *b = *state;
    assert_int_equal(open_csv(b, NULL), ST_OK);
    put_row(b, 1, 12.5);
    put_row(b, 2, 2000);
    assert_int_equal(training_csv_label(b->csv, 1, OUTCOME_FRAUD, 1767614400000), ST_OK);
    assert_written(b, "transaction_id,account_id,amount,timestamp,note,is_large,age,ratio,"
                      "tx_count_1d,tx_avg_1d,outcome,outcome_timestamp\n"
                      "t-1,a,12.5,2026-01-01T00:00:01.500Z,\"a, b\",0,1.5,0.4,3,,"
                      "fraud,2026-01-05T12:00:00Z\n"
                      "t-2,a,2000,2026-01-01T00:00:01.500Z,\"a, b\",1,1.5,"
                      "0.0005025125628140704,3,,,\n");
}

static void what_is_no_finite_number_is_told_as_such(void **state)
{
    struct bed *b = *state;
    assert_int_equal(open_csv(b, "ratio"), ST_OK);
    put_row(b, 1, 10);
    assert_written(b, "ratio\ninf\n");
}

static void columns_are_those_that_are_named_in_their_order(void **state)
{
    struct bed *b = *state;
    assert_int_equal(open_csv(b, "outcome,email,tx_count_1d,amount"), ST_OK);
    put_row(b, 1, 12.5);
    assert_int_equal(training_csv_label(b->csv, 1, OUTCOME_LEGITIMATE, 0), ST_OK);
    assert_written(b, "email,tx_count_1d,amount,outcome\nx@y,3,12.5,legitimate\n");
}

static void a_part_of_the_ruleset_stands_for_its_columns(void **state)
{
    struct bed *b = *state;
    assert_int_equal(open_csv(b, "tx_avg_1d,@features,@derived,amount,@schema"), ST_OK);
    assert_written(b, "tx_avg_1d,tx_count_1d,is_large,age,ratio,amount,transaction_id,account_id,"
                      "timestamp,note\n");
}

static void the_last_label_counts_and_one_of_another_transaction_does_not(void **state)
{
    struct bed *b = *state;
    assert_int_equal(open_csv(b, "outcome"), ST_OK);
    put_row(b, 1, 1);
    put_row(b, 2, 1);
    assert_int_equal(training_csv_label(b->csv, 1, OUTCOME_LEGITIMATE, 20), ST_OK);
    assert_int_equal(training_csv_label(b->csv, 1, OUTCOME_FRAUD, 10), ST_OK);
    assert_int_equal(training_csv_label(b->csv, 3, OUTCOME_FRAUD, 10), ST_OK);
    assert_written(b, "outcome\nlegitimate\n\n");
}

static void without_the_labels_columns_a_row_is_written_at_once(void **state)
{
    struct bed *b = *state;
    assert_int_equal(open_csv(b, "amount"), ST_OK);
    put_row(b, 1, 12.5);
    fflush(b->out);
    assert_string_equal(b->text, "amount\n12.5\n");
    assert_int_equal(training_csv_label(b->csv, 1, OUTCOME_FRAUD, 0), ST_OK);
    assert_written(b, "amount\n12.5\n");
}

static void assert_refused(struct bed *b, const char *columns, int col, const char *message,
                           const char *hint)
{
    b->diags = (struct diag_list){0};
    assert_int_equal(open_csv(b, columns), ST_INVALID);
    assert_int_equal(b->diags.items[0].col, col);
    assert_string_equal(b->diags.items[0].message, message);
    assert_string_equal(b->diags.items[0].hint, hint);
}

static void what_has_no_column_is_refused(void **state)
{
    struct bed *b = *state;
    assert_refused(b, "amount,is_larg", 8,
                   "the ruleset has no field, derived field or feature 'is_larg'",
                   "did you mean 'is_large'?");
    assert_refused(b, "amount,amount", 8, "'amount' stands twice", "");
    assert_refused(b, "@derived,is_large", 10, "'is_large' stands twice", "");
    assert_refused(b, "@feature", 1,
                   "the ruleset has no field, derived field or feature '@feature'",
                   "did you mean '@features'?");
    assert_refused(b, "card_id", 1, "'card_id' has no column",
                   "it may hold card numbers, which are written nowhere");
    assert_refused(b, "home", 1, "'home' has no column",
                   "a place is no cell; derive what a model is to see of it");
    assert_refused(b, "parts", 1, "'parts' has no column",
                   "only a bool, int, double, string, timestamp or duration is a cell");
    assert_refused(b, "", 1, "the ruleset has no field, derived field or feature ''", "");
    fflush(b->out);
    assert_int_equal(b->len, 0);
}

static void a_name_that_is_a_label_columns_is_refused_unless_left_out(void **state)
{
    struct bed *b = *state;
    char text[2048];
    close_bed(state);
    *state = b = calloc(1, sizeof *b);
    snprintf(text, sizeof text, "%.*s  outcome: amount > 1.0\n%s",
             (int)(strstr(ruleset, "features:") - ruleset), ruleset, strstr(ruleset, "features:"));
    load(b, text);
    assert_int_equal(open_csv(b, NULL), ST_INVALID);
    assert_string_equal(b->diags.items[0].message,
                        "the ruleset has a 'outcome', which is what the labels' column is called");
    assert_int_equal(open_csv(b, "amount"), ST_OK);
}

static void a_folder_that_is_not_there_is_told(void **state)
{
    struct bed *b = *state;
    struct training_csv_options o = {.out = b->out, .snap = b->snap, .dir = "/no/such/folder"};
    assert_int_equal(training_csv_open(&o, &b->diags, &b->csv), ST_IO);
    assert_non_null(strstr(b->diags.items[0].message, "No such file or directory"));
}

static void a_full_disk_is_an_error(void **state)
{
    struct bed *b = *state;
    FILE *full = fopen("/dev/full", "w");
    struct training_csv_options o = {
        .out = full, .snap = b->snap, .columns = "amount,outcome", .dir = "/tmp"};
    assert_non_null(full);
    assert_int_equal(training_csv_open(&o, &b->diags, &b->csv), ST_OK);
    put_row(b, 1, 1);
    assert_int_equal(training_csv_finish(b->csv), ST_IO);
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_bed, close_bed)
        TEST(a_row_has_fields_derived_fields_features_and_the_label),
        TEST(what_is_no_finite_number_is_told_as_such),
        TEST(columns_are_those_that_are_named_in_their_order),
        TEST(a_part_of_the_ruleset_stands_for_its_columns),
        TEST(the_last_label_counts_and_one_of_another_transaction_does_not),
        TEST(without_the_labels_columns_a_row_is_written_at_once),
        TEST(what_has_no_column_is_refused),
        TEST(a_name_that_is_a_label_columns_is_refused_unless_left_out),
        TEST(a_folder_that_is_not_there_is_told),
        TEST(a_full_disk_is_an_error),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
