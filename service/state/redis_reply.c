#include "service/state/redis_reply.h"

static char no_room_text[] = "ERR the reply is larger than any that was asked for";
static redisReply no_room = {
    .type = REDIS_REPLY_ERROR, .str = no_room_text, .len = sizeof no_room_text - 1};

static void put_into_parent(const redisReadTask *task, redisReply *r)
{
    redisReply *parent = task->parent != NULL ? task->parent->obj : NULL;
    if (parent != NULL && parent != &no_room)
        parent->element[task->idx] = r;
}

/* With `more` bytes behind it. A reply that stands in no other ends the life of the one before. */
static redisReply *make(const redisReadTask *task, size_t more)
{
    struct arena *a = task->privdata;
    if (task->parent == NULL)
        arena_reset(a);
    redisReply *r = more <= a->cap_bytes ? arena_try(a, sizeof(redisReply) + more) : NULL;
    if (r == NULL)
        r = &no_room;
    else
        *r = (redisReply){.type = task->type};
    put_into_parent(task, r);
    return r;
}

static void *make_string(const redisReadTask *task, char *text, size_t len)
{
    redisReply *r = make(task, len + 1);
    if (r == &no_room)
        return r;
    r->str = (char *)(r + 1);
    r->len = len;
    memcpy(r->str, text, len);
    r->str[len] = '\0';
    return r;
}

#if HIREDIS_MAJOR >= 1
typedef size_t array_count;
#else
typedef int array_count;
#endif

static void *make_array(const redisReadTask *task, array_count n)
{
    size_t bytes = (size_t)n * sizeof(redisReply *);
    redisReply *r = make(task, bytes);
    if (r == &no_room)
        return r;
    r->elements = (size_t)n;
    r->element = (redisReply **)(r + 1);
    return r;
}

static void *make_integer(const redisReadTask *task, long long n)
{
    redisReply *r = make(task, 0);
    if (r != &no_room)
        r->integer = n;
    return r;
}

/* The task says what it might have been. */
static void *make_nil(const redisReadTask *task)
{
    redisReply *r = make(task, 0);
    if (r != &no_room)
        r->type = REDIS_REPLY_NIL;
    return r;
}

static void free_nothing(void *reply)
{
    (void)reply;
}

static redisReplyObjectFunctions functions = {.createString = make_string,
                                              .createArray = make_array,
                                              .createInteger = make_integer,
                                              .createNil = make_nil,
                                              .freeObject = free_nothing};

void redis_reply_use(redisReader *reader, struct arena *a)
{
    reader->fn = &functions;
    reader->privdata = a;
}
