#include "api/if_match.h"

#include "service/release/versions.h"

/* What is not read yet. */
struct rest {
    const char *at, *end;
};

static bool take(struct rest *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static void skip_blanks(struct rest *r)
{
    while (take(r, ' ') || take(r, '\t'))
        ;
}

/* etagc of section 8.8.3: any byte but a quote, a blank, a control character. */
static bool is_etagc(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte > ' ' && byte != '"' && byte != 0x7F;
}

/* entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE */
static bool take_tag(struct rest *r, bool *ret_is_weak, struct span *ret_tag)
{
    *ret_is_weak = take(r, 'W');
    if ((*ret_is_weak && !take(r, '/')) || !take(r, '"'))
        return false;
    const char *from = r->at;
    while (r->at < r->end && is_etagc(*r->at))
        r->at++;
    *ret_tag = span_of(from, (size_t)(r->at - from));
    return take(r, '"');
}

static void put_id(struct text *ids, struct span tag)
{
    char id[VERSION_ID_BYTES] = "";
    if (tag.len != VERSION_ID_BYTES - 1)
        return;
    memcpy(id, tag.base, tag.len);
    if (!version_is_id(id))
        return;
    text_str(ids, ids->len > 0 ? " " : "");
    text_put(ids, tag);
}

enum status if_match_read(struct span header, struct text *ids)
{
    struct rest r = {header.base, header.base + header.len};
    bool is_weak, any = false;
    struct span tag;
    if (span_is(header, "*")) {
        text_char(ids, '*');
        return ST_OK;
    }
    do { /* an element of the list may be empty (section 5.6.1.2), but not each of them */
        skip_blanks(&r);
        if (r.at == r.end || *r.at == ',')
            continue;
        if (!take_tag(&r, &is_weak, &tag))
            return ST_INVALID;
        if (!is_weak)
            put_id(ids, tag);
        any = true;
        skip_blanks(&r);
    } while (take(&r, ','));
    return any && r.at == r.end ? ST_OK : ST_INVALID;
}
