#include "service/cli/text_table.h"

#include "service/base/check.h"

#include <stdlib.h>
#include <string.h>

/* ---- cells ---- */

void text_cell_count(char cell[TEXT_CELL_BYTES], int64_t n)
{
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)n), at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
            cell[at++] = ',';
        cell[at++] = digits[i];
    }
    cell[at] = '\0';
}

void text_cell_share(char cell[TEXT_CELL_BYTES], const json_t *share)
{
    if (json_is_number(share))
        snprintf(cell, TEXT_CELL_BYTES, "%.3f", json_number_value(share));
    else
        snprintf(cell, TEXT_CELL_BYTES, "-");
}

int64_t text_json_number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

const char *text_json_text(const json_t *object, const char *name)
{
    const char *s = json_string_value(json_object_get(object, name));
    return s != NULL ? s : "";
}

/* ---- the table ---- */

/* What is written of a text: not the second bytes of UTF-8's characters. */
static int width_of(const char *text)
{
    int n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static const char *cell_of(const struct text_column *columns, int n_columns,
                           char (*cells)[TEXT_CELL_BYTES], size_t row, int column)
{
    if (row == 0)
        return columns[column].heading;
    return cells[(row - 1) * (size_t)n_columns + (size_t)column];
}

void text_table_print(const struct text_column *columns, int n_columns,
                      char (*cells)[TEXT_CELL_BYTES], size_t n_rows, FILE *out)
{
    int *widths = calloc((size_t)n_columns, sizeof *widths);
    CHECK(widths != NULL);
    for (size_t row = 0; row <= n_rows; row++)
        for (int i = 0; i < n_columns; i++) {
            int width = width_of(cell_of(columns, n_columns, cells, row, i));
            widths[i] = width > widths[i] ? width : widths[i];
        }
    for (size_t row = 0; row <= n_rows; row++) {
        int pending = 0; /* blanks that only a later cell makes necessary */
        for (int i = 0; i < n_columns; i++) {
            const char *cell = cell_of(columns, n_columns, cells, row, i);
            int width = width_of(cell), blanks = widths[i] - width;
            int before = pending + (columns[i].right ? blanks : 0);
            if (width > 0)
                fprintf(out, "%*s%s", before, "", cell);
            pending = (width > 0 ? 0 : before + width) + (columns[i].right ? 0 : blanks) + 2;
        }
        fputc('\n', out);
    }
    free(widths);
}
