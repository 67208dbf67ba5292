#include "tests/unit/state/sync_witness.h"

#include "service/base/check.h"
#include "service/state/journal_segment.h"
#include "tests/unit/state/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEGMENTS_MAX = 4096, SYNC_TAKES_US = 500 };

struct witness {
    int n;
    struct {
        uint64_t first_seq;
        int64_t synced_bytes;
    } segments[SEGMENTS_MAX];
};

static struct witness *witness;

void sync_witness_reset(void)
{
    if (witness == NULL)
        witness =
            mmap(NULL, sizeof *witness, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(witness != MAP_FAILED);
    memset(witness, 0, sizeof *witness);
}

static int64_t *synced_bytes_of(uint64_t first_seq)
{
    int i = 0;
    while (i < witness->n && witness->segments[i].first_seq != first_seq)
        i++;
    CHECK(i < SEGMENTS_MAX);
    if (i == witness->n) {
        witness->segments[i].first_seq = first_seq;
        witness->n++;
    }
    return &witness->segments[i].synced_bytes;
}

int sync_witness_sync(int fd)
{
    char link[64], path[SCRATCH_PATH_BYTES + SEGMENT_NAME_BYTES] = "";
    struct stat file;
    uint64_t first_seq;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) < 0 || fstat(fd, &file) != 0 ||
        !segment_name_parse(strrchr(path, '/') + 1, &first_seq))
        return -1;
    usleep(SYNC_TAKES_US);
    *synced_bytes_of(first_seq) = file.st_size;
    return 0;
}

void sync_witness_cut(const char *dir)
{
    DIR *d = opendir(dir);
    CHECK(d != NULL);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        uint64_t first_seq;
        struct stat file;
        if (strncmp(e->d_name, "gather-", 7) == 0) /* never synced: the power took it too */
            CHECK(unlinkat(dirfd(d), e->d_name, 0) == 0);
        if (!segment_name_parse(e->d_name, &first_seq))
            continue;
        int fd = openat(dirfd(d), e->d_name, O_WRONLY);
        CHECK(fd >= 0 && fstat(fd, &file) == 0 && file.st_size >= *synced_bytes_of(first_seq));
        CHECK(ftruncate(fd, *synced_bytes_of(first_seq)) == 0);
        close(fd);
    }
    closedir(d);
}
