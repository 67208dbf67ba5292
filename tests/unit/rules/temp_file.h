/* Small files for tests of loaders: written to a folder of their own, removed at the end. */
#ifndef SLUICE_TESTS_UNIT_RULES_TEMP_FILE_H
#define SLUICE_TESTS_UNIT_RULES_TEMP_FILE_H

enum { TEMP_PATH_MAX = 128 };

/* A new folder. */
void temp_folder_open(void);
/* Removes it and the files that were written. */
void temp_folder_close(void);
/* Writes a file there, at most 32 a folder; its path, good until temp_folder_close(). */
const char *temp_file(const char *name, const char *content);

#endif
