/*
 * page.h -- a verb that asks a running Sluice for one page and shows it: `sluice rules`, `models`.
 *
 *     -c FILE --url URL --format text|json --KEY VALUE
 */
#ifndef SLUICE_CLI_PAGE_H
#define SLUICE_CLI_PAGE_H

#include <jansson.h>
#include <stdio.h>

struct page {
    const char *verb, *usage;
    const char *path; /* "/v1/rules" */
    /* What it answers, as people read it; --format json shows it as it is. */
    void (*text)(const json_t *answer, FILE *out);
};

/* The verb's exit status. */
int page_show(const struct page *page, int argc, char **argv);

#endif
