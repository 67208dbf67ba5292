/*
 * fuzz_score_csv.c -- any bytes are rows for a model, or are refused at a line and column.
 *
 * A line is written for each row that was read, and a header, or an object of JSON for each. The
 * first byte chooses what is asked for, the rest are the rows.
 */
#include "tests/fuzz/fuzz.h"

#include "models/score_csv.h"
#include "service/base/check.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/seed_text.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK_BYTES = 1 << 20 };
enum { ALL = 1, CONTRIBUTES = 2, JSON = 4, ID = 8 };

#define MODEL                                                    \
    "model: linear\nintercept: -1\ninputs:\n"                    \
    "  amount: {weight: 0.5, mean: 10, scale: 4, missing: 18}\n" \
    "  country: {categories: {GB: 0.25, NO: 1.5}, other: 2}\n"

static const struct model *the_model(void)
{
    static char block[BLOCK_BYTES];
    static struct diag_list diags;
    static struct model model;
    static struct arena arena;
    if (model.inputs == NULL) {
        arena_init(&arena, block, sizeof block);
        CHECK(model_load("m.yaml", span_str(MODEL), &arena, &diags, &model) == ST_OK);
    }
    return &model;
}

/* Lines that hold no other line: the ids of rows may, in quotes. */
static void check_lines(const struct score_csv_options *o, const struct score_csv_counts *counts,
                        struct span out)
{
    uint64_t n = 0;
    for (size_t i = 0; i < out.len; i++)
        n += out.base[i] == '\n';
    if (o->id == NULL || o->is_json)
        CHECK(n == counts->rows + !o->is_json);
    while (o->is_json && out.len > 0) {
        size_t len = (size_t)((const char *)memchr(out.base, '\n', out.len) - out.base);
        json_t *object = json_loadb(out.base, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
        CHECK(json_is_object(object));
        json_decref(object);
        out = span_of(out.base + len + 1, out.len - len - 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct diag_list diags;
    struct score_csv_counts counts = {0};
    int what = size > 0 ? data[0] : 0;
    struct score_csv_options o = {.model = the_model(),
                                  .name = "rows.csv",
                                  .id = what & ID ? "id" : NULL,
                                  .all = what & ALL,
                                  .contributes = what & CONTRIBUTES,
                                  .is_json = what & JSON};
    char *bytes;
    size_t len;
    int fd = memory_file(data + (size > 0), size - (size > 0));
    FILE *out = open_memstream(&bytes, &len);
    CHECK(out != NULL);
    memset(&diags, 0, sizeof diags);
    enum status st = score_csv(&o, fd, out, &diags, &counts);
    CHECK(fclose(out) == 0);
    CHECK((st == ST_OK) == (diags.errors == 0));
    if (st == ST_OK)
        check_lines(&o, &counts, span_of(bytes, len));
    free(bytes);
    close(fd);
    return 0;
}

static const char *const files[] = {
    "0id,country,amount,note\nt-1,GB,12.5,\"a, b\"\nt-2,,,\n",
    "\3amount,country\n1e300,FR\n true ,\"NO\"\r\nnan,GB\n",
    "\17amount,id,country\n-5,\"a\"\"\nb\",GB\n17,\xff,NO\n",
};

size_t fuzz_seed(size_t i, uint8_t *buf, size_t cap)
{
    return fuzz_seed_text(files, sizeof files / sizeof *files, i, buf, cap);
}

const char *fuzz_word(size_t i)
{
    static const char *const words[] = {"amount", "country", "id",   "\"\"", "\r\n", ",",
                                        "-1e308", "5e-324",  "true", "nan",  "GB",   "\xff"};
    return i < sizeof words / sizeof *words ? words[i] : NULL;
}

int fuzz_mutations(void)
{
    return 10000; /* a reader and what explains have some megabytes */
}
