/*
 * status.h -- what a function that depends on the world can answer.
 *
 * A bug is a CHECK (check.h); what the world can break is a status. A function
 * that answers anything but ST_OK has left its outputs untouched.
 */
#ifndef SLUICE_BASE_STATUS_H
#define SLUICE_BASE_STATUS_H

#define MUST_USE __attribute__((warn_unused_result))

/* X(name, text): the one table behind the enum and status_text(). */
#define STATUS_TABLE(X)                     \
    X(ST_OK, "ok")                          \
    X(ST_NO_SPACE, "out of space")          \
    X(ST_NOT_FOUND, "not found")            \
    X(ST_INVALID, "invalid input")          \
    X(ST_TOO_LARGE, "over a limit")         \
    X(ST_CONFLICT, "conflict")              \
    X(ST_UNAVAILABLE, "unavailable")        \
    X(ST_TIMEOUT, "deadline passed")        \
    X(ST_IO, "input or output error")       \
    X(ST_UNSUPPORTED, "not supported here") \
    X(ST_CORRUPT, "corrupt data")

enum status {
#define X(name, text) name,
    STATUS_TABLE(X)
#undef X
};

/* The table's text for `st`; static storage, never NULL. */
const char *status_text(enum status st);

#endif
