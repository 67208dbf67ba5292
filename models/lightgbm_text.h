/*
 * lightgbm_text.h -- LightGBM's text: lines `key=value`, and values that are numbers.
 *
 *     Tree=0
 *     num_leaves=31
 *     threshold=0.5 1.0000000180025095e-35 ...
 *
 * A number is read as strtod() reads it, so it is the double that LightGBM wrote.
 *
 * Owns:    nothing; all are views of the file's bytes.
 * Threads: pure, but for the file's list of diagnostics.
 */
#ifndef SLUICE_MODELS_LIGHTGBM_TEXT_H
#define SLUICE_MODELS_LIGHTGBM_TEXT_H

#include "models/model_formats.h"

/* Where reading stands. A copy is a bookmark. */
struct lightgbm_text {
    const struct model_file *file;
    struct span rest; /* behind the line that was taken last */
    int line;         /* its number, from 1 */
};

/* A value, and where it stands. */
struct lightgbm_value {
    struct span text;
    int line; /* 0: there is none */
    int col;
};

/* What each of a value's numbers must be. */
struct lightgbm_range {
    double least, most;
    bool is_whole;
};

struct lightgbm_text lightgbm_text_of(const struct model_file *file);

/* The next line, without its end; false: there is none. */
bool lightgbm_line(struct lightgbm_text *t, struct span *ret_line);

/*
 * Put what stands behind "=" of the line that was taken last to where its key is in `keys`, which
 * ends with NULL. A line without "=" is a key alone; one of another key is passed over.
 * Errors: ST_INVALID: the key was there before.
 */
MUST_USE enum status lightgbm_keep(const struct lightgbm_text *t, struct span line,
                                   const char *const *keys, struct lightgbm_value *values);

/*
 * The numbers of a value, between blanks, to numbers[n]. `of` is how the message begins:
 * "tree 4: ", or "".
 * Errors: ST_INVALID: there are more or less than n, or one is not in its range.
 */
MUST_USE enum status lightgbm_numbers(const struct model_file *file, const char *of,
                                      const char *key, const struct lightgbm_value *value,
                                      struct lightgbm_range range, size_t n, double *numbers);

/* Its parts between blanks. O(bytes). */
size_t lightgbm_count(struct span text);
/* The next part between blanks, taken off `text`; empty: there is none. */
struct span lightgbm_word(struct span *text);

#endif
