/*
 * standalone.c -- a main for fuzz targets, so that `make test` needs no libFuzzer.
 *
 *     fuzz_x [CORPUS FILE OR FOLDER ...]
 *
 * Runs the target over each file as it is, then over mutations of them, the same ones at
 * every run (seed 1). The target aborts, or a sanitizer does, on what it finds, and an alarm ends
 * what hangs; the input is then in <program>.last. The target's own seeds come first; without any
 * input the mutations start from the empty one.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    INPUTS_MAX = 4096,
    INPUT_BYTES_MAX = 64 << 10,
    MUTATIONS = 100000, /* seconds under sanitizers; libFuzzer is for the long runs */
    EDITS_MAX = 8,
    TRY_S_MAX = 20, /* milliseconds are usual; a machine may be busy */
    WORDS_MAX = 4096,
};

struct input {
    uint8_t *data;
    size_t len;
};

static struct input inputs[INPUTS_MAX];
static size_t n_inputs;

static const char *words[WORDS_MAX];
static size_t n_words;

static int last_fd; /* of <program>.last: written before each try, so it survives what ends us */

static uint64_t random_next(void)
{
    static uint64_t state = 1;
    state += 0x9e3779b97f4a7c15u; /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t random_below(size_t n)
{
    return n ? (size_t)(random_next() % n) : 0;
}

static void add_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_BYTES_MAX);
    if (in == NULL || data == NULL || n_inputs == INPUTS_MAX) {
        fprintf(stderr, "%s: cannot be read, or one too many\n", path);
        exit(2);
    }
    inputs[n_inputs].len = fread(data, 1, INPUT_BYTES_MAX, in);
    inputs[n_inputs++].data = data;
    fclose(in);
}

static void add_seeds(void)
{
    static uint8_t buf[INPUT_BYTES_MAX];
    for (size_t i = 0; fuzz_seed && n_inputs < INPUTS_MAX; i++) {
        size_t len = fuzz_seed(i, buf, sizeof buf);
        if (len == SIZE_MAX)
            return;
        uint8_t *data = malloc(len ? len : 1);
        if (data == NULL)
            exit(2);
        memcpy(data, buf, len);
        inputs[n_inputs++] = (struct input){data, len};
    }
}

static void add_words(void)
{
    const char *word;
    while (fuzz_word && n_words < WORDS_MAX && (word = fuzz_word(n_words)) != NULL)
        words[n_words++] = word;
}

static void add(const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    if (n < 0) {
        add_file(path);
        return;
    }
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            add_file(file);
        free(names[i]);
    }
    free(names);
}

static void try_one(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1); /* of exactly this size, so that ASan sees its end */
    if (copy == NULL)
        exit(2);
    if (len > 0)
        memcpy(copy, data, len);
    if (pwrite(last_fd, data, len, 0) != (ssize_t)len || ftruncate(last_fd, (off_t)len) != 0)
        exit(2);
    alarm(TRY_S_MAX);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static size_t insert(uint8_t *buf, size_t len, size_t at, const uint8_t *bytes, size_t n)
{
    if (n > INPUT_BYTES_MAX - len)
        return len;
    memmove(buf + at + n, buf + at, len - at);
    memcpy(buf + at, bytes, n);
    return len + n;
}

/* A piece of another input, at most 64 bytes, so that tokens travel between them. */
static size_t graft(uint8_t *buf, size_t len, size_t at)
{
    const struct input *other = &inputs[random_below(n_inputs)];
    size_t from = random_below(other->len + 1);
    size_t n = random_below(other->len - from + 1);
    return insert(buf, len, at, other->data + from, n < 64 ? n : 64);
}

static size_t put_word(uint8_t *buf, size_t len, size_t at)
{
    const char *word = n_words > 0 ? words[random_below(n_words)] : "";
    return insert(buf, len, at, (const uint8_t *)word, strlen(word));
}

static size_t edit(uint8_t *buf, size_t len)
{
    static const char edges[] = "\"\\{}[]:,.-+eE0919 \n\t\xff\x80\xc0";
    size_t at = random_below(len + 1);
    uint8_t edge = (uint8_t)edges[random_below(sizeof edges)];
    size_t cut = random_below(len - at + 1);
    switch (random_below(n_words > 0 ? 6 : 5)) {
    case 0:
        return insert(buf, len, at, &edge, 1);
    case 1:
        return graft(buf, len, at);
    case 2:
        memmove(buf + at, buf + at + cut, len - at - cut);
        return len - cut;
    case 3:
        if (at < len)
            buf[at] = edge;
        return len;
    case 5:
        return put_word(buf, len, at);
    default:
        if (at < len)
            buf[at] ^= (uint8_t)(1u << random_below(8));
        return len;
    }
}

static void open_last(const char *program)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.last", program);
    last_fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (last_fd < 0) {
        perror(path);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static uint8_t nothing, buf[INPUT_BYTES_MAX];
    LLVMFuzzerInitialize(&argc, &argv);
    open_last(argv[0]);
    add_seeds();
    add_words();
    for (int i = 1; i < argc; i++)
        add(argv[i]);
    if (n_inputs == 0)
        inputs[n_inputs++] = (struct input){&nothing, 0};
    for (size_t i = 0; i < n_inputs; i++)
        try_one(inputs[i].data, inputs[i].len);
    int mutations = fuzz_mutations ? fuzz_mutations() : MUTATIONS;
    for (int i = 0; i < mutations; i++) {
        const struct input *from = &inputs[random_below(n_inputs)];
        size_t len = from->len;
        memcpy(buf, from->data, len);
        for (size_t edits = random_below(EDITS_MAX) + 1; edits > 0; edits--)
            len = edit(buf, len);
        try_one(buf, len);
    }
    printf("%zu inputs, %d mutations\n", n_inputs, mutations);
    return 0;
}
