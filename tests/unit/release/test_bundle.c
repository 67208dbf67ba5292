#include "service/release/bundle.h"

#include "service/base/check.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* An archive as somebody may send it. */
struct packing {
    struct archive *archive;
    char *bytes;
    size_t cap, len;
};

enum { BLOCK = 64 << 10 };

static struct diag_list diags;
static char folder[64], ruleset[BUNDLE_PATH_BYTES];

static void begin(struct packing *p, size_t cap, bool gzip)
{
    *p = (struct packing){.archive = archive_write_new(), .cap = cap, .bytes = malloc(cap)};
    CHECK(p->bytes != NULL);
    if (gzip)
        archive_write_add_filter_gzip(p->archive);
    archive_write_set_format_pax_restricted(p->archive);
    CHECK(archive_write_open_memory(p->archive, p->bytes, cap, &p->len) == ARCHIVE_OK);
}

/* `type` of a file, AE_IFREG and so on; `link` of a symbolic or (with AE_IFREG) a hard one. */
static void add(struct packing *p, const char *name, unsigned type, const char *link,
                const char *content, size_t len)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, type);
    archive_entry_set_perm(entry, 0777);
    archive_entry_set_size(entry, (la_int64_t)len);
    if (link != NULL && type == AE_IFLNK)
        archive_entry_set_symlink(entry, link);
    else if (link != NULL)
        archive_entry_set_hardlink(entry, link);
    CHECK(archive_write_header(p->archive, entry) == ARCHIVE_OK);
    if (len > 0)
        CHECK(archive_write_data(p->archive, content, len) == (la_ssize_t)len);
    archive_entry_free(entry);
}

static void add_text(struct packing *p, const char *name, const char *content)
{
    add(p, name, AE_IFREG, NULL, content, strlen(content));
}

static enum status unpack_bytes(const char *bytes, size_t len)
{
    char command[192];
    struct span span = span_of(bytes, len);
    struct bundle_source source = bundle_of_span(&span);
    snprintf(command, sizeof command, "rm -rf '%s' && mkdir '%s'", folder, folder);
    assert_int_equal(system(command), 0);
    diags = (struct diag_list){0};
    strcpy(ruleset, "untouched");
    enum status st = bundle_unpack(&source, folder, &diags, ruleset);
    assert_int_equal(st == ST_OK, diags.errors == 0);
    return st;
}

static enum status unpack(struct packing *p)
{
    CHECK(archive_write_close(p->archive) == ARCHIVE_OK);
    archive_write_free(p->archive);
    enum status st = unpack_bytes(p->bytes, p->len);
    free(p->bytes);
    return st;
}

static void assert_file(const char *name, const char *content)
{
    char path[256], bytes[256] = "";
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    size_t n = fread(bytes, 1, sizeof bytes - 1, in);
    fclose(in);
    assert_int_equal(n, strlen(content));
    assert_string_equal(bytes, content);
}

static const struct snapshot_file three[] = {
    {"/x/cards.yaml", "ruleset.yaml", {"rules: []\n", 10}},
    {"/x/lists/empty.txt", "lists/empty.txt", {"", 0}},
    {"/x/v.yaml", "v.yaml", {"a: 1\n", 5}},
};

static void what_is_packed_comes_out_again(void **state)
{
    struct snapshot_file items[4] = {three[0], three[1], three[2], three[1]};
    const struct snapshot_files files = {items, 4};
    char *bytes = NULL, *again = NULL;
    size_t len = 0, again_len = 0;
    (void)state;
    assert_int_equal(bundle_pack(&files, &diags, &bytes, &len), ST_OK);
    assert_int_equal(unpack_bytes(bytes, len), ST_OK);
    assert_file("ruleset.yaml", "rules: []\n");
    assert_file("lists/empty.txt", "");
    assert_file("v.yaml", "a: 1\n");
    assert_int_equal(bundle_pack(&files, &diags, &again, &again_len), ST_OK);
    assert_int_equal(len, again_len);
    assert_memory_equal(bytes, again, len); /* no times, no owners */
    free(bytes);
    free(again);
}

static void a_file_outside_of_the_folder_is_not_packed(void **state)
{
    struct snapshot_file items[2] = {three[0], {"/elsewhere.txt", NULL, {"x", 1}}};
    const struct snapshot_files files = {items, 2};
    char *bytes = NULL;
    size_t len = 0;
    (void)state;
    diags = (struct diag_list){0};
    assert_int_equal(bundle_pack(&files, &diags, &bytes, &len), ST_INVALID);
    assert_null(bytes);
    assert_string_equal(diags.items[0].file, "/elsewhere.txt");
}

static void two_files_of_one_name_are_not_packed(void **state)
{
    struct snapshot_file items[2] = {three[0], {"/x/ruleset.yaml", "ruleset.yaml", {"x", 1}}};
    const struct snapshot_files files = {items, 2};
    char *bytes = NULL;
    size_t len = 0;
    (void)state;
    assert_int_equal(bundle_pack(&files, &diags, &bytes, &len), ST_INVALID);
    assert_null(bytes);
}

static void the_ruleset_may_stand_in_the_only_folder(void **state)
{
    struct packing p;
    char wanted[BUNDLE_PATH_BYTES];
    (void)state;
    begin(&p, 64 << 10, false);
    add(&p, "cards/", AE_IFDIR, NULL, NULL, 0);
    add_text(&p, "cards/ruleset.yaml", "rules: []\n");
    assert_int_equal(unpack(&p), ST_OK);
    snprintf(wanted, sizeof wanted, "%s/cards/ruleset.yaml", folder);
    assert_string_equal(ruleset, wanted);
    begin(&p, 64 << 10, true);
    add(&p, "./", AE_IFDIR, NULL, NULL, 0);
    add_text(&p, "./ruleset.yaml", "rules: []\n");
    assert_int_equal(unpack(&p), ST_OK);
    snprintf(wanted, sizeof wanted, "%s/ruleset.yaml", folder);
    assert_string_equal(ruleset, wanted);
    begin(&p, 64 << 10, false);
    add_text(&p, "cards/ruleset.yaml", "rules: []\n");
    add_text(&p, "loans/ruleset.yaml", "rules: []\n");
    assert_int_equal(unpack(&p), ST_INVALID);
    assert_string_equal(ruleset, "untouched");
}

static const struct {
    const char *name;
    unsigned type;
    const char *link;
    const char *message;
} hostile[] = {
    {"../up.yaml", AE_IFREG, NULL, "a name that is not allowed"},
    {"/tmp/abs.yaml", AE_IFREG, NULL, "a name that is not allowed"},
    {"a/../../up.yaml", AE_IFREG, NULL, "a name that is not allowed"},
    {"..", AE_IFDIR, NULL, "a name that is not allowed"},
    {"../", AE_IFDIR, NULL, "a name that is not allowed"},
    {"link.yaml", AE_IFLNK, "/etc/passwd", "only plain files"},
    {"hard.yaml", AE_IFREG, "ruleset.yaml", "only plain files"},
    {"pipe", AE_IFIFO, NULL, "only plain files"},
    {"zero", AE_IFCHR, NULL, "only plain files"},
    {"disk", AE_IFBLK, NULL, "only plain files"},
    {"ruleset.yaml", AE_IFREG, NULL, "twice"},
    {"ruleset.yaml/below", AE_IFREG, NULL, "twice"},
};

static void links_devices_and_names_that_lead_out_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        struct packing p;
        begin(&p, 64 << 10, true);
        add_text(&p, "ruleset.yaml", "rules: []\n");
        add(&p, hostile[i].name, hostile[i].type, hostile[i].link, NULL, 0);
        assert_int_equal(unpack(&p), ST_INVALID);
        assert_non_null(strstr(diags.items[0].message, hostile[i].message));
        assert_string_equal(ruleset, "untouched");
    }
}

static void what_is_no_tar_or_damaged_is_refused(void **state)
{
    char *bytes = NULL;
    size_t len = 0;
    const struct snapshot_files files = {(struct snapshot_file *)(uintptr_t)three, 3};
    (void)state;
    assert_int_equal(unpack_bytes("", 0), ST_INVALID);
    assert_int_equal(unpack_bytes("rules: []\n", 10), ST_INVALID);
    assert_int_equal(unpack_bytes("PK\3\4 a zip, and no tar", 22), ST_INVALID);
    assert_int_equal(bundle_pack(&files, &diags, &bytes, &len), ST_OK);
    for (size_t cut = 1; cut + 8 < len; cut += 5) /* gzip's last 8 bytes are its own check */
        if (unpack_bytes(bytes, cut) == ST_OK)
            assert_file("ruleset.yaml", "rules: []\n"); /* only tar's empty end is missing */
    free(bytes);
}

static void more_files_than_the_limit_are_refused(void **state)
{
    for (int extra = 0; extra < 2; extra++) {
        struct packing p;
        begin(&p, 4 << 20, true);
        add_text(&p, "ruleset.yaml", "rules: []\n");
        for (int i = 1; i < BUNDLE_FILES_MAX + extra; i++) {
            char name[32];
            snprintf(name, sizeof name, "f%d.txt", i);
            add_text(&p, name, "");
        }
        assert_int_equal(unpack(&p), extra ? ST_TOO_LARGE : ST_OK);
    }
    (void)state;
}

static void more_folders_than_the_limit_are_refused(void **state)
{
    struct packing p;
    (void)state;
    begin(&p, 4 << 20, true);
    for (int i = 0; i <= 2 * BUNDLE_FILES_MAX; i++) {
        char name[32];
        snprintf(name, sizeof name, "f%d/", i);
        add(&p, name, AE_IFDIR, NULL, NULL, 0);
    }
    assert_int_equal(unpack(&p), ST_TOO_LARGE);
}

static void a_bomb_is_stopped_at_the_limit_of_bytes(void **state)
{
    enum { PIECE = 32 << 20 };
    char *zeros = calloc(1, PIECE);
    struct packing p;
    struct stat st;
    char path[128];
    (void)state;
    begin(&p, 4 << 20, true); /* 288 MiB of zeros, by gzip 280 KiB */
    add_text(&p, "ruleset.yaml", "rules: []\n");
    for (int i = 0; i < BUNDLE_BYTES_MAX / PIECE + 1; i++) {
        char name[32];
        snprintf(name, sizeof name, "f%d.txt", i);
        add(&p, name, AE_IFREG, NULL, zeros, PIECE);
    }
    assert_int_equal(unpack(&p), ST_TOO_LARGE);
    snprintf(path, sizeof path, "%s/f%d.txt", folder, BUNDLE_BYTES_MAX / PIECE);
    assert_int_equal(stat(path, &st),
                     -1); /* the last was not begun, for the text before it counts */
    free(zeros);
}

/* POSIX.1-2017 pax, "ustar Interchange Format". */
static void put_header(char tar[512], const char *name, char type, int size)
{
    unsigned sum = 0;
    snprintf(tar, 100, "%s", name);
    strcpy(tar + 100, "0000755");
    snprintf(tar + 124, 12, "%011o", (unsigned)size);
    memset(tar + 148, ' ', 8);
    tar[156] = type;
    memcpy(tar + 257, "ustar\00000", 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)tar[i];
    snprintf(tar + 148, 8, "%06o", sum);
}

/* libarchive writes no such thing, but reads it, and skips what nobody has counted. */
static void a_folder_with_content_is_refused(void **state)
{
    char tar[6 * 512] = "";
    (void)state;
    put_header(tar, "PaxHeaders/rules", 'x', 12);
    strcpy(tar + 512, "12 size=512\n");
    put_header(tar + 1024, "rules/", '5', 0);
    assert_int_equal(unpack_bytes(tar, sizeof tar), ST_INVALID);
    assert_string_equal(diags.items[0].message, "a folder in it has content of its own");
}

static void a_full_disk_is_told_as_one(void **state)
{
    char *zeros = calloc(1, 4 * BLOCK);
    struct rlimit all, little;
    struct packing p;
    (void)state;
    begin(&p, 1 << 20, true);
    add(&p, "ruleset.yaml", AE_IFREG, NULL, zeros, 4 * BLOCK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
    little = (struct rlimit){BLOCK + 7, all.rlim_max}; /* part of a write has room */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    enum status st = unpack(&p);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
    assert_int_equal(st, ST_IO);
    assert_string_equal(diags.items[0].message, "ruleset.yaml: cannot be written: File too large");
    free(zeros);
}

static void files_are_private_whatever_the_bundle_says(void **state)
{
    struct packing p;
    struct stat st;
    char path[128];
    (void)state;
    begin(&p, 64 << 10, false);
    add_text(&p, "ruleset.yaml", "rules: []\n");
    assert_int_equal(unpack(&p), ST_OK);
    snprintf(path, sizeof path, "%s/ruleset.yaml", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/sluice-bundle-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int drop_folder(void **state)
{
    char command[192];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_comes_out_again),
        cmocka_unit_test(a_file_outside_of_the_folder_is_not_packed),
        cmocka_unit_test(two_files_of_one_name_are_not_packed),
        cmocka_unit_test(the_ruleset_may_stand_in_the_only_folder),
        cmocka_unit_test(links_devices_and_names_that_lead_out_are_refused),
        cmocka_unit_test(what_is_no_tar_or_damaged_is_refused),
        cmocka_unit_test(more_files_than_the_limit_are_refused),
        cmocka_unit_test(more_folders_than_the_limit_are_refused),
        cmocka_unit_test(a_bomb_is_stopped_at_the_limit_of_bytes),
        cmocka_unit_test(a_folder_with_content_is_refused),
        cmocka_unit_test(a_full_disk_is_told_as_one),
        cmocka_unit_test(files_are_private_whatever_the_bundle_says),
    };
    return cmocka_run_group_tests_name("engine/bundle", tests, make_folder, drop_folder);
}
