/*
 * identity.h -- what an instance keeps beside its journal, so that it is the same after a restart.
 *
 *     <dir>/identity    32 hex of the instance's name, '\n', 32 hex of the hash key, '\n'
 *                       mode 0600
 *
 * The journal's frames name transactions by hashes under that key; with Redis the key is Redis's,
 * and the copy here is what a degraded start goes by.
 */
#ifndef SLUICE_CLI_IDENTITY_H
#define SLUICE_CLI_IDENTITY_H

#include "service/base/hash.h"
#include "service/base/status.h"

enum { IDENTITY_NAME_BYTES = 33 }; /* 32 hex and a NUL */

struct identity {
    char instance[IDENTITY_NAME_BYTES];
    struct hash_key key;
};

/* From the folder. Errors: ST_NOT_FOUND (it has none), ST_IO, ST_CORRUPT. */
MUST_USE enum status identity_load(const char *dir, struct identity *ret_identity);
/* A random one, written there; not beside frames, which stand under another key. Errors: ST_IO. */
MUST_USE enum status identity_create(const char *dir, struct identity *ret_identity);
MUST_USE enum status identity_save(const char *dir, const struct identity *identity);

/* One that nobody keeps. */
void identity_random(struct identity *ret_identity);

#endif
