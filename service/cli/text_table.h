/*
 * text_table.h -- cells in columns, as wide as the widest cell of each, for people.
 *
 *     RULE     FIRED  HINT
 *     burst      120
 *     allways  1,084  always fires
 */
#ifndef SLUICE_CLI_TEXT_TABLE_H
#define SLUICE_CLI_TEXT_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { TEXT_CELL_BYTES = 192 }; /* an input's name, or amounts in several currencies */

struct text_column {
    const char *heading;
    bool right; /* is to the right */
};

/* cells[n_rows][n_columns], and above them the headings; two blanks between columns, none at a
 * line's end. */
void text_table_print(const struct text_column *columns, int n_columns,
                      char (*cells)[TEXT_CELL_BYTES], size_t n_rows, FILE *out);

/* 1234567 as 1,234,567 */
void text_cell_count(char cell[TEXT_CELL_BYTES], int64_t n);
/* 0.123; - when it is no number. */
void text_cell_share(char cell[TEXT_CELL_BYTES], const json_t *share);

/* A member of an answer, which may be of another version: 0 and "" where it is not there. */
int64_t text_json_number(const json_t *object, const char *name);
const char *text_json_text(const json_t *object, const char *name);

#endif
