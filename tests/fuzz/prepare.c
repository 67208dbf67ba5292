/*
 * prepare.c -- what libFuzzer takes as files, from the target's own tables:
 *
 *     fuzz_x --prepare FOLDER      FOLDER/words.dict, FOLDER/seeds/0000 ...
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SEED_BYTES_MAX = 64 << 10, PATH_BYTES_MAX = 4096 };

static FILE *create(const char *folder, const char *name)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "wb");
    if (out == NULL) {
        perror(path);
        exit(2);
    }
    return out;
}

static void close_written(FILE *out)
{
    if (ferror(out) || fclose(out) != 0) {
        perror("fuzz --prepare");
        exit(2);
    }
}

/* One line: "word", with \" \\ and \xNN. */
static void write_word(FILE *out, const char *word)
{
    putc('"', out);
    for (const unsigned char *c = (const unsigned char *)word; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c >= ' ' && *c < 0x7f)
            putc(*c, out);
        else
            fprintf(out, "\\x%02X", *c);
    }
    fputs("\"\n", out);
}

static void write_words(const char *folder)
{
    FILE *out = create(folder, "words.dict");
    const char *word;
    for (size_t i = 0; fuzz_word && (word = fuzz_word(i)) != NULL; i++)
        write_word(out, word);
    close_written(out);
}

static void write_seeds(const char *folder)
{
    static uint8_t buf[SEED_BYTES_MAX];
    size_t len;
    for (size_t i = 0; fuzz_seed && (len = fuzz_seed(i, buf, sizeof buf)) != SIZE_MAX; i++) {
        char name[32];
        snprintf(name, sizeof name, "seeds/%04zu", i);
        FILE *out = create(folder, name);
        fwrite(buf, 1, len, out);
        close_written(out);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char seeds[PATH_BYTES_MAX];
    if (*argc != 3 || strcmp((*argv)[1], "--prepare") != 0)
        return 0;
    const char *folder = (*argv)[2];
    snprintf(seeds, sizeof seeds, "%s/seeds", folder);
    if (mkdir(seeds, 0755) != 0 && errno != EEXIST) {
        perror(seeds);
        exit(2);
    }
    write_words(folder);
    write_seeds(folder);
    exit(0);
}
