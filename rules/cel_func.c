#include "rules/cel_func.h"

#include "rules/cel_library.h"
#include "service/base/check.h"

#include <pthread.h>
#include <stdlib.h>

static const struct cel_library *const libraries[] = {
    &cel_lib_standard, &cel_lib_optional, &cel_lib_strings,  &cel_lib_math,  &cel_lib_network,
    &cel_lib_lists,    &cel_lib_sets,     &cel_lib_encoders, &cel_lib_fraud,
};

enum { LIBRARIES = sizeof libraries / sizeof *libraries, FUNCTIONS_MAX = 1024 };

/* All of them by style and name; those of one name in the order of their libraries. */
static struct cel_func functions[FUNCTIONS_MAX];
static int n_functions;
static pthread_once_t gathered = PTHREAD_ONCE_INIT;

static int by_name(const struct cel_func *f, bool is_method, struct span name)
{
    return f->is_method != is_method ? f->is_method - is_method : span_cmp(span_str(f->name), name);
}

/* Insertion keeps the order of equals; the tables are nearly sorted groups, and this runs once. */
static void insert(const struct cel_func *f)
{
    int at = n_functions++;
    CHECK(n_functions <= FUNCTIONS_MAX);
    for (; at > 0 && by_name(&functions[at - 1], f->is_method, span_str(f->name)) > 0; at--)
        functions[at] = functions[at - 1];
    functions[at] = *f;
}

static void gather(void)
{
    for (int i = 0; i < LIBRARIES; i++) {
        for (int j = 0; j < libraries[i]->count; j++)
            insert(&libraries[i]->functions[j]);
    }
}

/* The functions of one name that begin at `first`, if they do. */
static const struct cel_func *group_at(const struct cel_func *table, int n, int first,
                                       struct span name, bool is_method, int *ret_count)
{
    int end = first;
    while (end < n && by_name(&table[end], is_method, name) == 0)
        end++;
    *ret_count = end - first;
    return end > first ? &table[first] : NULL;
}

static const struct cel_func *find_sorted(struct span name, bool is_method, int *ret_count)
{
    int low = 0, high = n_functions; /* the group, if there is one, begins in [low, high] */
    while (low < high) {
        int mid = low + (high - low) / 2;
        if (by_name(&functions[mid], is_method, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return group_at(functions, n_functions, low, name, is_method, ret_count);
}

const struct cel_func *cel_func_find(const struct cel_env *env, struct span name, bool is_method,
                                     int *ret_count)
{
    for (int i = 0; i < env->n_functions; i++) {
        if (by_name(&env->functions[i], is_method, name) == 0)
            return group_at(env->functions, env->n_functions, i, name, is_method, ret_count);
    }
    pthread_once(&gathered, gather);
    return find_sorted(name, is_method, ret_count);
}

size_t cel_func_names(bool is_method, const char **ret_names, size_t max)
{
    size_t n = 0;
    pthread_once(&gathered, gather);
    for (int i = 0; i < n_functions && n < max; i++) {
        const struct cel_func *f = &functions[i];
        if (f->is_method == is_method && f->run != NULL && f->name[0] != '@' &&
            (n == 0 || strcmp(ret_names[n - 1], f->name) != 0))
            ret_names[n++] = f->name;
    }
    return n;
}

static bool takes(const struct cel_func *f, const struct cel_value *args, int n_args)
{
    if (f->n_args != n_args || f->run == NULL)
        return false;
    for (int i = 0; i < n_args; i++) {
        if (!cel_type_takes(f->args[i], args[i]))
            return false;
    }
    return true;
}

struct cel_value cel_func_call(struct cel_context *cx, const struct cel_func *funcs, int count,
                               const struct cel_value *args, int n_args)
{
    bool range = false;
    for (int i = 0; i < n_args; i++) {
        if (args[i].kind == CEL_ERROR)
            return args[i];
        range |= args[i].kind == CEL_RANGE;
    }
    for (int i = 0; i < count; i++) {
        if (takes(&funcs[i], args, n_args) && (!range || funcs[i].takes_ranges))
            return funcs[i].run(cx, args, n_args);
    }
    return cel_fault(range ? CEL_ERR_INEXACT : CEL_ERR_NO_OVERLOAD);
}

void *cel_room(struct cel_context *cx, size_t size)
{
    void *mem = arena_try(cx->arena, size ? size : 1);
    if (mem == NULL)
        cx->steps = 0;
    return mem;
}
