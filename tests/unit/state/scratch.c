#include "tests/unit/state/scratch.h"

#include "service/base/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void scratch_make(char ret_path[SCRATCH_PATH_BYTES])
{
    const char *below = getenv("TMPDIR");
    int n = snprintf(ret_path, SCRATCH_PATH_BYTES, "%s/sluice-unit-XXXXXX",
                     below != NULL ? below : "/tmp");
    CHECK(n > 0 && n < SCRATCH_PATH_BYTES);
    CHECK(mkdtemp(ret_path) != NULL);
}

void scratch_remove(const char *path)
{
    DIR *dir = opendir(path);
    CHECK(dir != NULL);
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.')
            CHECK(unlinkat(dirfd(dir), e->d_name, 0) == 0);
    closedir(dir);
    CHECK(rmdir(path) == 0);
}

uint64_t scratch_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545f4914f6cdd1d;
}
