/*
 * cel_world.h -- what the targets of the language share: an env that has a name of every type, rows
 * of it, expressions to start from, and values and trees as one number each.
 */
#ifndef SLUICE_TESTS_FUZZ_CEL_WORLD_H
#define SLUICE_TESTS_FUZZ_CEL_WORLD_H

#include "rules/cel_ast.h"

/* X(name, text, group, type): the row's slots, in order */
#define CEL_WORLD_TABLE(X)                                \
    X(amount, "amount", "tx", cel_type_double)            \
    X(count, "count", "tx", cel_type_int)                 \
    X(currency, "currency", "tx", cel_type_string)        \
    X(time, "time", "tx", cel_type_timestamp)             \
    X(x, "x", "tx", cel_type_int)                         \
    X(y, "y", "tx", cel_type_double)                      \
    X(country, "merchant.country", "tx", cel_type_string) \
    X(flag, "flag", "tx", cel_type_bool)                  \
    X(u, "u", "tx", cel_type_uint)                        \
    X(raw, "raw", "tx", cel_type_bytes)                   \
    X(span, "span", "tx", cel_type_duration)              \
    X(none, "none", NULL, cel_type_null)                  \
    X(place, "place", "tx", cel_type_map_string_double)   \
    X(ints, "ints", "lists", cel_type_list_int)           \
    X(words, "words", "lists", cel_type_list_string)      \
    X(address, "address", "tx", cel_type_ip)              \
    X(network, "network", "tx", cel_type_cidr)            \
    X(kind, "kind", NULL, cel_type_type)                  \
    X(any, "any", "models", cel_type_dyn) /* bytes that are no text */

enum cel_world_slot {
#define X(name, text, group, type) CEL_WORLD_##name,
    CEL_WORLD_TABLE(X)
#undef X
        CEL_WORLD_FREE, /* from here on for the caller's own */
};

enum {
    CEL_WORLD_FREE_MAX = 32,
    CEL_WORLD_SLOTS = CEL_WORLD_FREE + CEL_WORLD_FREE_MAX,
};

/*
 * In CEL_WORLD_RANGES x and y are inexact, x in [9, 12] and y in [-1.5, 2.5]; the rows behind it
 * are what may be true then. In CEL_WORLD_EMPTY nothing is there.
 */
enum cel_world_row {
    CEL_WORLD_EMPTY,
    CEL_WORLD_RANGES,
    CEL_WORLD_LOW_LOW,
    CEL_WORLD_LOW_HIGH,
    CEL_WORLD_HIGH_LOW,
    CEL_WORLD_HIGH_HIGH,
    CEL_WORLD_WITHIN,
    CEL_WORLD_ROWS,
};

/* The rows are the caller's to change behind CEL_WORLD_FREE. */
struct cel_value *cel_world_row(enum cel_world_row row);

/* names[CEL_WORLD_FREE + i] of the env is the caller's to set, and env.n_names to raise. */
void cel_world_env(struct cel_name names[static CEL_WORLD_SLOTS], struct cel_env *ret_env);

/* For fuzz_seed and fuzz_word (fuzz.h). */
size_t cel_world_seed(size_t i, uint8_t *buf, size_t cap);
const char *cel_world_word(size_t i);

/* An empty arena with exactly the room that compiling `len` bytes may ask for. */
struct arena *cel_world_arena(size_t len);

/* CHECKs that each place is one of the source, and each message a text. */
void cel_world_check_diags(const struct diag_list *diags, struct span source);

/* ---- as one number, to be compared (FNV-1a) -------------------------------------------------- */

/* A NaN is a NaN; of a value that is endless, the first twenty thousand in it. */
uint64_t cel_world_value_hash(struct cel_value v);

enum cel_world_tree { CEL_WORLD_PLACES = 1, CEL_WORLD_TYPES = 2 };

/* With where its nodes stand, or their types, or both. */
uint64_t cel_world_tree_hash(const struct cel_node *root, unsigned with);

/* Calls visit(node, data) for each node, one that stands in several places as often; of a tree that
 * is endless that way, for the first hundred thousand. */
void cel_world_walk(const struct cel_node *root,
                    void (*visit)(const struct cel_node *node, void *data), void *data);

#endif
