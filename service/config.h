/*
 * config.h -- the effective configuration: flag > environment > file > default.
 *
 *     --deadline_ms 20   >   SLUICE_DEADLINE_MS=20   >   deadline_ms: 20   >   config_table.h
 *
 * A path in the file is relative to the file's folder; in a flag or the environment, to the
 * current one. A key the table does not know is an error.
 *
 * Owns:    nothing; a struct config is plain data.
 * Threads: load at start; read anywhere afterwards.
 */
#ifndef SLUICE_CONFIG_H
#define SLUICE_CONFIG_H

#include "service/base/diag.h"
#include "service/base/status.h"
#include "service/base/text.h"
#include "service/config_table.h"

enum {
    CONFIG_TEXT_MAX = 512,       /* bytes of a text or path, the NUL included */
    CONFIG_MAP_MAX = 4096,       /* bytes of all lines of a map, the NUL included */
    CONFIG_FLAGS_MAX = 128,      /* more than the table has rows */
    CONFIG_PRINT_MAX = 64 << 10, /* room config_print and config_reference need */
};

struct config {
#define CONFIG_TEXT_MEMBER(m) char m[CONFIG_TEXT_MAX];
#define CONFIG_PATH_MEMBER(m) char m[CONFIG_TEXT_MAX];
#define CONFIG_INT_MEMBER(m) int64_t m;
#define CONFIG_DURATION_MEMBER(m) int64_t m;
#define CONFIG_BOOL_MEMBER(m) bool m;
#define CONFIG_CHOICE_MEMBER(m) int m;
#define CONFIG_MAP_MEMBER(m) char m[CONFIG_MAP_MAX];
#define X(kind, member, path, default_text, min, max, secret, doc) kind##_MEMBER(member)
    CONFIG_TABLE(X)
#undef X
};

/* `--path value` of the command line, as given. */
struct config_flag {
    const char *path; /* dots as in the file; '-' stands for '_' */
    const char *value;
};

/* Does a flag of this name (without the dashes) set a key of the table? */
bool config_is_key(const char *path);

/*
 * Read `file` (NULL: none), the environment and the flags, in rising rank, and check the whole.
 * Errors: ST_INVALID with diagnostics; *ret_config is then untouched.
 */
MUST_USE enum status config_load(const char *file, const struct config_flag *flags, size_t n_flags,
                                 struct diag_list *diags, struct config *ret_config);

/* The effective configuration as YAML; secrets, and passwords within addresses, as
 * "***". */
void config_print(const struct config *config, struct text *out);

/* CONFIGURATION.md, from the table. */
void config_reference(struct text *out);

/* Is `listen` ("127.0.0.1:80", "localhost:80", "[::1]:80") an address of this host alone? */
bool config_is_loopback(const char *listen);

/* "[host]:port" apart; ret_host has room for CONFIG_TEXT_MAX. false: not of that form. */
bool config_split_listen(const char *listen, char *ret_host, int *ret_port);

#endif
