/*
 * /v1/lists: the ruleset's lists, what is in them, and changes of them.
 *
 *     GET    /v1/lists                  each with how many items it has
 *     GET    /v1/lists/{name}           and what was changed of it
 *     GET    /v1/lists/{name}/{value}   is it in?
 *     PUT    /v1/lists/{name}/{value}   {"expires_in": "30d", "note": "of a test"}, or nothing
 *     DELETE /v1/lists/{name}/{value}   it is out, also if the file has it; what lies in a network
 *                                       of the list stays in, covered_by that
 */
#include "api/http_worker.h"
#include "api/offload.h"
#include "rules/cel_utf8.h"
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/decode.h"
#include "service/base/log.h"
#include "service/lists/roster.h"
#include "service/txn/card.h"

#include <jansson.h>
#include <stdio.h>

enum {
    PAGE_DEFAULT = 100,
    PAGE_MAX = 1000,
    LISTS_TEXT_BYTES = 1 << 20,
    /* A page of the longest values and notes, every byte escaped, is cut to this. */
    PAGE_TEXT_BYTES = 4 << 20,
    ITEM_TEXT_BYTES = 6 * (LIST_KEY_MAX + LIST_NOTE_MAX + LIST_BY_MAX + LIST_KEY_BYTES) + 1024,
    DETAIL_BYTES = 160,
    EXPIRES_DAYS_MAX = 36500, /* a hundred years; more is a mistake, and 0 is written for never */
};

static struct roster *roster_of(const struct request *r)
{
    return r->worker->server->options.roster;
}

static void put_text(struct text *out, const char *name, struct span value)
{
    text_printf(out, "\"%s\":", name);
    text_json_string(out, value);
}

static void put_time(struct text *out, const char *name, int64_t at_ms)
{
    text_printf(out, ",\"%s\":\"", name);
    text_time_ms(out, at_ms);
    text_char(out, '"');
}

/* ---- one value ------------------------------------------------------------------------------ */

static void put_value(struct text *out, enum list_type type, struct span key)
{
    char bytes[LIST_KEY_MAX];
    struct text value;
    text_init(&value, bytes, sizeof bytes);
    list_key_write(type, key, &value);
    put_text(out, "value", text_span(&value));
}

/* Who, when and why, of what was changed. */
static void put_change(struct text *out, const struct list_change *c)
{
    put_time(out, "since", c->at_ms);
    if (c->expires_ms != 0)
        put_time(out, "expires_at", c->expires_ms);
    if (c->by.len > 0) {
        text_char(out, ',');
        put_text(out, "by", c->by);
    }
    if (c->note.len > 0) {
        text_char(out, ',');
        put_text(out, "note", c->note);
    }
}

static void put_item(struct text *out, struct span list, const struct roster_item *item)
{
    text_char(out, '{');
    put_text(out, "list", list);
    text_char(out, ',');
    put_value(out, item->type, item->change.key);
    text_printf(out, ",\"in\":%s,\"in_file\":%s,\"changed\":%s", item->in ? "true" : "false",
                item->in_file ? "true" : "false", item->changed ? "true" : "false");
    if (item->covered_by.len > 0) {
        text_char(out, ',');
        put_text(out, "covered_by", item->covered_by);
    }
    if (item->changed)
        put_change(out, &item->change);
    text_printf(out, ",\"version\":%llu}", (unsigned long long)item->version);
}

static void reply_item(struct request *r, const struct roster_item *item)
{
    struct text out;
    if (request_heap_text(r, ITEM_TEXT_BYTES, &out) != ST_OK)
        return;
    put_item(&out, r->params[0], item);
    CHECK(!out.overflow);
    request_reply(r, 200, "application/json", text_span(&out));
}

/* What the list's type takes. */
static void reply_no_item(struct request *r)
{
    static const char *const holds[] = {
        [LIST_STRING] = "strings",
        [LIST_INT] = "whole numbers such as 4711",
        [LIST_NETWORK] = "addresses and networks: 192.0.2.7, 192.0.2.0%2F24, 2001:db8::%2F32",
    };
    char detail[DETAIL_BYTES];
    struct snapshot *s = snapshot_current(r->worker->engine->snapshots);
    const struct list *list = lists_find(s->lists, r->params[0]);
    struct roster_info info = {.type = LIST_STRING}; /* and gone by now, if it is NULL */
    if (list != NULL)
        roster_info(roster_of(r), s, (int)(list - s->lists->items), &info);
    snprintf(detail, sizeof detail, "the value is no item of this list, which holds %s",
             holds[info.type]);
    request_problem(r, PROBLEM_PARAMETER, detail);
    snapshot_unref(s);
}

static void reply_failed(struct request *r, enum status st)
{
    switch (st) {
    case ST_NOT_FOUND:
        request_problem(r, PROBLEM_NOT_FOUND,
                        "the ruleset has no list of this name; GET /v1/lists tells which it has");
        return;
    case ST_INVALID:
        reply_no_item(r);
        return;
    case ST_TOO_LARGE:
        request_problem(r, PROBLEM_STORAGE,
                        "the lists hold all the changes they may, a million of 1,024 lists: take "
                        "some out, or put them into the lists' files");
        return;
    default:
        request_problem(r, PROBLEM_UNAVAILABLE,
                        "the change could not be kept, in lists.file or in Redis, and was not "
                        "made: ask again");
    }
}

/* A value that can be in a list at all; else the problem was sent. */
static bool is_fit(struct request *r)
{
    struct span value = r->params[1];
    const char *wrong = value.len > LIST_KEY_MAX    ? "the value is longer than 4096 bytes"
                        : !cel_utf8_is_valid(value) ? "the value is not UTF-8"
                        : card_stands_in(value)
                            ? "the value looks like a card's number: lists hold "
                              "none, for they are kept and shown"
                            : NULL;
    if (wrong != NULL)
        request_problem(r, PROBLEM_PARAMETER, wrong);
    return wrong == NULL;
}

/* ---- off the loop --------------------------------------------------------------------------- */

/* The roster may be waited for (roster.h). */
struct work {
    struct roster *roster;
    struct roster_order order;
    enum status (*run)(struct roster *r, const struct roster_order *o,
                       struct roster_item *ret_item);
    struct audit *audit;
    const char *action;            /* in the audit; NULL: nothing is changed */
    const struct request *request; /* held; what it says of who is not changed any more */
    enum status status;
    struct roster_item item;
};

/* What a line of the audit says of the change; the longest values do not fit. */
static void put_audit(struct text *out, const struct work *w, bool with_value)
{
    text_char(out, ',');
    put_text(out, "list", w->order.list);
    if (with_value) {
        text_char(out, ',');
        put_value(out, w->item.type, w->item.change.key);
    }
    text_printf(out, ",\"version\":%llu", (unsigned long long)w->item.version);
}

static void write_audit(struct work *w)
{
    char bytes[AUDIT_MORE_MAX];
    struct text more;
    text_init(&more, bytes, sizeof bytes);
    put_audit(&more, w, true);
    if (more.overflow) {
        text_init(&more, bytes, sizeof bytes);
        put_audit(&more, w, false);
    }
    const struct audit_entry entry = {.who = w->request->who,
                                      .address = w->request->address,
                                      .request_id = w->request->id,
                                      .action = w->action,
                                      .result = "done",
                                      .more = text_span(&more)};
    if (audit_append(w->audit, &entry) != ST_OK)
        log_error("the audit log cannot be written", LOG_TEXT("action", w->action));
}

static void do_work(void *user)
{
    struct work *w = user;
    w->status = w->run(w->roster, &w->order, &w->item);
    if (w->status == ST_OK && w->action != NULL)
        write_audit(w);
}

static void work_done(struct request *r, void *user)
{
    const struct work *w = user;
    if (w->status != ST_OK) {
        reply_failed(r, w->status);
        return;
    }
    reply_item(r, &w->item);
}

static struct work *work_new(struct request *r, const char *action,
                             enum status (*run)(struct roster *r, const struct roster_order *o,
                                                struct roster_item *ret_item))
{
    void *mem;
    CHECK(arena_alloc(&r->arena, sizeof(struct work), &mem) == ST_OK);
    struct work *w = mem;
    w->roster = roster_of(r);
    w->audit = r->worker->server->options.audit;
    w->action = action;
    w->run = run;
    w->request = r;
    w->order = (struct roster_order){.list = r->params[0],
                                     .value = r->params[1],
                                     .now_ms = clock_wall_ms(),
                                     .by = span_str(r->who)};
    return w;
}

static void start(struct request *r, struct work *w)
{
    (void)!request_offload(r, do_work, work_done, w);
}

static enum status find(struct roster *r, const struct roster_order *o,
                        struct roster_item *ret_item)
{
    return roster_find(r, o->list, o->value, ret_item);
}

void on_list_item(struct request *r)
{
    if (is_fit(r))
        start(r, work_new(r, NULL, find));
}

/* ---- changes -------------------------------------------------------------------------------- */

/* One member of the body that is wrong, and how. */
static void reply_wrong(struct request *r, const char *pointer, const char *detail)
{
    request_problem_about(
        r, PROBLEM_SCHEMA,
        &(struct problem_error){.pointer = pointer, .offset = -1, .detail = detail});
}

/* "30d", "90s", "250ms". */
static bool duration_ms(struct span text, int64_t *ret_ms)
{
    static const struct unit {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    size_t digits = 0;
    uint64_t n;
    while (digits < text.len && text.base[digits] >= '0' && text.base[digits] <= '9')
        digits++;
    struct span unit = span_of(text.base + digits, text.len - digits);
    if (!decode_u64(span_of(text.base, digits), 10, &n))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (!span_is(unit, units[i].name))
            continue;
        if (n == 0 || n > (uint64_t)EXPIRES_DAYS_MAX * 86400000 / (uint64_t)units[i].ms)
            return false;
        *ret_ms = (int64_t)n * units[i].ms;
        return true;
    }
    return false;
}

static struct span text_of(const json_t *v)
{
    return json_is_string(v) ? span_of(json_string_value(v), json_string_length(v))
                             : span_of("", 0);
}

static const char *take_expires_at(const json_t *v, struct roster_order *o)
{
    if (!json_is_string(v) || !reader_timestamp(text_of(v), &o->expires_ms))
        return "expires_at must be an RFC 3339 time with an offset, such as 2026-01-05T12:00:00Z";
    return o->expires_ms > o->now_ms ? NULL
                                     : "expires_at is in the past: DELETE takes an item out now";
}

static const char *take_expires_in(const json_t *v, struct roster_order *o)
{
    int64_t in_ms;
    if (!json_is_string(v) || !duration_ms(text_of(v), &in_ms))
        return "expires_in must be a duration such as 30d, 12h or 90s, of 1ms to 36500d; an item "
               "without it never expires";
    o->expires_ms = o->now_ms + in_ms;
    return NULL;
}

static const char *take_note(const json_t *v, struct roster_order *o)
{
    o->note = text_of(v);
    if (!json_is_string(v) || o->note.len > LIST_NOTE_MAX)
        return "note must be a text of at most 256 bytes";
    return card_stands_in(o->note)
               ? "a card's number stands in the note: notes are kept and shown, and hold none"
               : NULL;
}

/* The body's members; false, and the problem was sent. */
static bool read_members(struct request *r, json_t *root, struct roster_order *o)
{
    static const struct {
        const char *name, *pointer;
        const char *(*take)(const json_t *v, struct roster_order *o);
    } members[] = {
        {"expires_at", "/expires_at", take_expires_at},
        {"expires_in", "/expires_in", take_expires_in},
        {"note", "/note", take_note},
    };
    size_t known = 0;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const json_t *v = json_object_get(root, members[i].name);
        const char *wrong = v != NULL ? members[i].take(v, o) : NULL;
        known += v != NULL;
        if (wrong != NULL) {
            reply_wrong(r, members[i].pointer, wrong);
            return false;
        }
    }
    bool has_both =
        json_object_get(root, "expires_at") != NULL && json_object_get(root, "expires_in") != NULL;
    if (known == json_object_size(root) && !has_both)
        return true;
    reply_wrong(r, "",
                has_both ? "expires_at and expires_in are both there: keep one of them"
                         : "the body takes expires_at or expires_in, and note, and nothing else");
    return false;
}

/* The note is copied: the document ends here. */
static bool read_body(struct request *r, struct roster_order *o)
{
    json_error_t error;
    if (span_is_blank(r->body))
        return true;
    json_t *root = json_loadb(r->body.base, r->body.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL || !json_is_object(root)) {
        request_problem_about(r, PROBLEM_NOT_JSON,
                              &(struct problem_error){.pointer = NULL,
                                                      .offset = root == NULL ? error.position : 0,
                                                      .detail = "this is no JSON object"});
        json_decref(root);
        return false;
    }
    bool good = read_members(r, root, o);
    if (good)
        o->note = arena_copy(&r->arena, o->note);
    json_decref(root);
    return good;
}

/* A path has no other blanks. Else the problem was sent. */
static bool has_no_blank_end(struct request *r)
{
    struct span value = r->params[1];
    bool has = value.len > 0 && (value.base[0] == ' ' || value.base[value.len - 1] == ' ');
    if (has)
        request_problem(r, PROBLEM_PARAMETER,
                        "the value begins or ends with a blank, which is left out in a list's "
                        "file: leave it out here, too");
    return !has;
}

void on_list_put(struct request *r)
{
    if (!is_fit(r) || !has_no_blank_end(r))
        return;
    struct work *w = work_new(r, "list.put", roster_put);
    if (read_body(r, &w->order))
        start(r, w);
}

void on_list_remove(struct request *r)
{
    if (is_fit(r))
        start(r, work_new(r, "list.remove", roster_remove));
}

/* ---- lists ---------------------------------------------------------------------------------- */

static void put_info(struct text *out, const struct roster_info *info)
{
    text_char(out, '{');
    put_text(out, "name", info->name);
    text_printf(out,
                ",\"type\":\"%s\",\"items\":%zu,\"in_file\":%zu,\"changed\":%zu,\"version\":%llu,"
                "\"bytes\":%zu",
                list_type_name(info->type), info->count, info->in_file, info->changed,
                (unsigned long long)info->version, info->bytes);
}

void on_lists(struct request *r)
{
    struct text out;
    if (request_heap_text(r, LISTS_TEXT_BYTES, &out) != ST_OK)
        return;
    struct snapshot *s = snapshot_current(r->worker->engine->snapshots);
    text_char(&out, '{');
    put_text(&out, "ruleset", span_str(s->id_text));
    text_char(&out, ',');
    put_text(&out, "decided_by", span_str(s->decided_by));
    text_str(&out, ",\"lists\":[");
    for (int i = 0; i < s->lists->count; i++) {
        struct roster_info info;
        roster_info(roster_of(r), s, i, &info);
        text_str(&out, i ? "," : "");
        put_info(&out, &info);
        text_char(&out, '}');
    }
    text_str(&out, "]}");
    snapshot_unref(s);
    request_reply(r, 200, "application/json", text_span(&out));
}

/* Written off the loop, into the request's memory. */
struct page {
    struct roster *roster;
    struct snapshot_slot *snapshots;
    struct span name;
    uint64_t from, limit;
    struct text out;
    bool is_known;
    enum list_type type;
    int n;
};

static void put_page_change(void *user, const struct list_change *c)
{
    struct page *p = user;
    text_str(&p->out, p->n++ ? ",{" : "{");
    put_value(&p->out, p->type, c->key);
    text_printf(&p->out, ",\"in\":%s", c->out ? "false" : "true");
    put_change(&p->out, c);
    text_char(&p->out, '}');
}

static bool read_number(struct request *r, const char *name, uint64_t least, uint64_t most,
                        const char *wrong, uint64_t *ret_number)
{
    const char *text = request_query(r, name);
    if (text == NULL ||
        (decode_u64(span_str(text), 10, ret_number) && *ret_number >= least && *ret_number <= most))
        return true;
    request_problem(r, PROBLEM_PARAMETER, wrong);
    return false;
}

static int list_named(const struct snapshot *s, struct span name)
{
    const struct list *list = lists_find(s->lists, name);
    return list != NULL ? (int)(list - s->lists->items) : -1;
}

/* List number `i`, and a page of its changes. */
static void put_list(struct page *p, const struct snapshot *s, int i)
{
    struct roster_info info;
    roster_info(p->roster, s, i, &info);
    p->type = info.type;
    put_info(&p->out, &info);
    text_str(&p->out, ",\"changes\":[");
    size_t next = roster_each_change(p->roster, s, i, p->from, (int)p->limit, put_page_change, p);
    text_char(&p->out, ']');
    if (next > 0)
        text_printf(&p->out, ",\"next\":%zu", next);
    text_char(&p->out, '}');
}

static void write_page(void *user)
{
    struct page *p = user;
    struct snapshot *s = snapshot_current(p->snapshots);
    int i = list_named(s, p->name);
    p->is_known = i >= 0;
    if (p->is_known)
        put_list(p, s, i);
    snapshot_unref(s);
}

static void page_done(struct request *r, void *user)
{
    const struct page *p = user;
    if (!p->is_known)
        reply_failed(r, ST_NOT_FOUND);
    else if (p->out.overflow)
        request_problem(r, PROBLEM_PARAMETER, "the page is too large: ask for fewer with limit");
    else
        request_reply(r, 200, "application/json", text_span(&p->out));
}

void on_list(struct request *r)
{
    void *mem;
    CHECK(arena_alloc(&r->arena, sizeof(struct page), &mem) == ST_OK);
    struct page *p = mem;
    p->roster = roster_of(r);
    p->snapshots = r->worker->engine->snapshots;
    p->name = r->params[0];
    p->limit = PAGE_DEFAULT;
    if (read_number(r, "from", 0, SIZE_MAX, "from must be the `next` of the page before",
                    &p->from) &&
        read_number(r, "limit", 1, PAGE_MAX, "limit must be 1 to 1000", &p->limit) &&
        request_heap_text(r, PAGE_TEXT_BYTES, &p->out) == ST_OK)
        (void)!request_offload(r, write_page, page_done, p);
}
