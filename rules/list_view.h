/*
 * list_view.h -- a list at one moment: what a transaction sees of it from its first rule to its
 * last.
 *
 *     type       an item                       its key in the set         `x in list`
 *     string     any text                      the text                   is the text in it?
 *     int        -7                            8 bytes                    is the number?
 *     network    10.1.2.3/8, 2001:db8::/32     "10.0.0.0/8": as RFC 5952  is the address in one?
 *
 * A view never changes; a change makes another, which shares what it can (list_set.h). Networks
 * are besides in list_ranges.h, which says what a change of them costs.
 * A list of strings that are all networks is, too, for inNetworks(); taking one of these away
 * looks at all of them, some 0.4 us each.
 *
 * Up to LIST_WALKED_MAX items can also be gone through by macros and functions: in the order of the
 * file, and once the list was changed, in their own.
 *
 * Owns:    its memory, by reference. Threads: as list_set.h.
 */
#ifndef SLUICE_RULES_LIST_VIEW_H
#define SLUICE_RULES_LIST_VIEW_H

#include "rules/cel_value.h"
#include "rules/list_set.h"

enum {
    /* Items of a list that rules may go through: 24 bytes each, anew with each change. What
     * takes a step an item would be over CEL_COST_MAX soon behind. */
    LIST_WALKED_MAX = 1024,
    LIST_KEY_BYTES = 64, /* room for a key that is not its text: a network's longest has 43 */
};

/* X(name in YAML, LIST_x) */
#define LIST_TYPE_TABLE(X)   \
    X("string", LIST_STRING) \
    X("int", LIST_INT)       \
    X("network", LIST_NETWORK)

enum list_type {
#define X(name, type) type,
    LIST_TYPE_TABLE(X)
#undef X
};

const char *list_type_name(enum list_type type);

/*
 * The key of an item as it is written; points at `text` or into `buf`. false: it is none of this
 * type, or longer than LIST_KEY_MAX. Whether a text is UTF-8 is the caller's to ask.
 */
bool list_key(enum list_type type, struct span text, char buf[LIST_KEY_BYTES],
              struct span *ret_key);
/* The item as it is written: what list_key() made the key of, or its one spelling. */
void list_key_write(enum list_type type, struct span key, struct text *out);

/* Of a network's key: the key of the one that is wider by a bit. false: there is none, and *ret is
 * untouched. `key` may be in `buf`. */
bool list_key_wider(struct span key, char buf[LIST_KEY_BYTES], struct span *ret_key);

struct list_view;

/* Of `keys`, some of which may be equal. CHECKs on no memory. O(n log n) of networks, else O(n). */
struct list_view *list_view_new(enum list_type type, const struct span *keys, size_t n);
/* Another, with the edits applied in order; what list_set_edit() costs. */
struct list_view *list_view_edit(const struct list_view *view, const struct list_edit *edits,
                                 size_t n);
struct list_view *list_view_ref(struct list_view *view);
void list_view_unref(struct list_view *view); /* NULL is fine */

/* What programs read; lives as long as the view. Its `slot` is the caller's, who may set it before
 * the view is shared. */
struct cel_list *list_view_list(struct list_view *view);
enum list_type list_view_type(const struct list_view *view);
bool list_view_has(const struct list_view *view, struct span key);
size_t list_view_count(const struct list_view *view);
size_t list_view_bytes(const struct list_view *view); /* of memory, what is shared included */

#endif
