#include "tests/unit/rules/temp_file.h"

#include "service/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 32 };

static char folder[32];
static char paths[FILES_MAX][TEMP_PATH_MAX];
static int n_paths;

void temp_folder_open(void)
{
    strcpy(folder, "/tmp/sluice-test-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    n_paths = 0;
}

void temp_folder_close(void)
{
    for (int i = 0; i < n_paths; i++)
        unlink(paths[i]);
    CHECK(rmdir(folder) == 0);
}

const char *temp_file(const char *name, const char *content)
{
    CHECK(n_paths < FILES_MAX);
    char *path = paths[n_paths++];
    snprintf(path, TEMP_PATH_MAX, "%s/%s", folder, name);
    FILE *out = fopen(path, "w");
    CHECK(out != NULL && fputs(content, out) >= 0 && fclose(out) == 0);
    return path;
}
