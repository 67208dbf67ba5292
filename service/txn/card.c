#include "service/txn/card.h"

#include "service/base/text.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits of `text`: 0 when it holds anything else, or separators elsewhere than between two. */
static size_t digits_of(struct span text, char ret_digits[CARD_DIGITS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.base[i];
        bool separator = (c == ' ' || c == '-') && i > 0 && i + 1 < text.len &&
                         is_digit(text.base[i - 1]) && is_digit(text.base[i + 1]);
        if (separator)
            continue;
        if (!is_digit(c) || n == CARD_DIGITS_MAX)
            return 0;
        ret_digits[n++] = c;
    }
    return n;
}

/* Every second digit from the right counts twice; the digits of all add up to tens. */
static bool check_digit_is_right(const char *digits, size_t n)
{
    int sum = 0;
    for (size_t i = 0; i < n; i++) {
        int d = digits[n - 1 - i] - '0';
        d *= i % 2 == 1 ? 2 : 1;
        sum += d > 9 ? d - 9 : d;
    }
    return sum % 10 == 0;
}

bool card_matches(struct span text)
{
    char digits[CARD_DIGITS_MAX];
    if (text.len < CARD_DIGITS_MIN || text.len > CARD_TEXT_MAX || !is_digit(text.base[0]))
        return false;
    size_t n = digits_of(text, digits);
    return n >= CARD_DIGITS_MIN && check_digit_is_right(digits, n);
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
