#include "service/txn/card.h"

#include "service/base/text.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Is text[i] a digit, or a separator between two? */
static bool is_in_run(struct span text, size_t i)
{
    char c = text.base[i];
    return is_digit(c) || ((c == ' ' || c == '-') && i > 0 && i + 1 < text.len &&
                           is_digit(text.base[i - 1]) && is_digit(text.base[i + 1]));
}

/* The digits of `text`: 0 when it holds anything else, or separators elsewhere than between two. */
static size_t digits_of(struct span text, char ret_digits[CARD_DIGITS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_in_run(text, i))
            return 0;
        if (!is_digit(text.base[i]))
            continue;
        if (n == CARD_DIGITS_MAX)
            return 0;
        ret_digits[n++] = text.base[i];
    }
    return n;
}

/* Every second digit from the right counts twice, that is, its two digits once each. */
static int counted(char digit, size_t from_right)
{
    int d = (digit - '0') * (from_right % 2 == 1 ? 2 : 1);
    return d > 9 ? d - 9 : d;
}

/* The digits of all add up to tens. */
static bool check_digit_is_right(const char *digits, size_t n)
{
    int sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += counted(digits[n - 1 - i], i);
    return sum % 10 == 0;
}

bool card_check_digit(struct span text)
{
    int sum = 0;
    size_t n = 0;
    for (size_t i = text.len; i-- > 0;) {
        if (!is_in_run(text, i))
            return false;
        if (is_digit(text.base[i]))
            sum = (sum + counted(text.base[i], n++)) % 10;
    }
    return n >= 2 && sum == 0;
}

bool card_matches(struct span text)
{
    char digits[CARD_DIGITS_MAX];
    if (text.len < CARD_DIGITS_MIN || text.len > CARD_TEXT_MAX || !is_digit(text.base[0]))
        return false;
    size_t n = digits_of(text, digits);
    return n >= CARD_DIGITS_MIN && check_digit_is_right(digits, n);
}

/* ---- within a longer text ---- */

static struct span run_around(struct span text, size_t i)
{
    size_t from = i, to = i + 1;
    while (from > 0 && is_in_run(text, from - 1))
        from--;
    while (to < text.len && is_in_run(text, to))
        to++;
    return span_of(text.base + from, to - from);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Part of a word (an IBAN, a UUID), or of a decimal number? */
static bool is_part_of_more(struct span text, struct span run)
{
    size_t from = (size_t)(run.base - text.base), to = from + run.len;
    const char *c = text.base;
    if ((from > 0 && is_letter(c[from - 1])) || (to < text.len && is_letter(c[to])))
        return true;
    return (from > 1 && c[from - 1] == '.' && is_digit(c[from - 2])) ||
           (to + 1 < text.len && c[to] == '.' && is_digit(c[to + 1]));
}

/* 22 to 69, as numbers of banks and merchants do (ISO/IEC 7812-1, table 1): no date, no time in
 * Unix milliseconds. Where there are groups, the first has 4 digits or 6; a UUID's has 8. */
static bool begins_as_card(struct span run)
{
    enum { GROUP_MAX = 6 };
    size_t group = 0;
    while (group < run.len && is_digit(run.base[group]))
        group++;
    bool issuer = run.base[0] == '2' ? run.base[1] >= '2' && run.base[1] <= '7'
                                     : run.base[0] >= '3' && run.base[0] <= '6';
    return issuer && (group == run.len || group <= GROUP_MAX);
}

bool card_stands_in(struct span text)
{
    if (text.len < CARD_DIGITS_MIN)
        return false;
    if (card_matches(text))
        return true;
    /* A run has at least 13 bytes, so that one of them is looked at. */
    for (size_t i = CARD_DIGITS_MIN - 1; i < text.len; i += CARD_DIGITS_MIN) {
        if (!is_in_run(text, i))
            continue;
        struct span run = run_around(text, i);
        if (card_matches(run) && begins_as_card(run) && !is_part_of_more(text, run))
            return true;
        i = (size_t)(run.base - text.base) + run.len - 1;
    }
    return false;
}

bool card_matches_integer(struct span literal)
{
    return literal.len > 0 && literal.base[0] >= '2' && literal.base[0] <= '6' &&
           card_matches(literal);
}

bool card_is_hidden(struct span text)
{
    const struct span prefix = span_str("card:");
    if (text.len != CARD_HIDDEN_BYTES || !span_starts(text, prefix))
        return false;
    for (size_t i = prefix.len; i < text.len; i++) {
        char c = text.base[i];
        if (!is_digit(c) && !(c >= 'a' && c <= 'f'))
            return false;
    }
    return true;
}

void card_hide(const struct hash_key *key, struct span text, char ret_hidden[CARD_HIDDEN_BYTES])
{
    char digits[CARD_DIGITS_MAX];
    struct text out;
    if (card_is_hidden(text)) {
        memcpy(ret_hidden, text.base, CARD_HIDDEN_BYTES);
        return;
    }
    size_t n = digits_of(text, digits);
    text_init(&out, ret_hidden, CARD_HIDDEN_BYTES);
    text_str(&out, "card:");
    text_hex(&out, hash_u64(key, n > 0 ? span_of(digits, n) : text), 16);
}
