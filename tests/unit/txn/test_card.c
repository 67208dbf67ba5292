#include "service/txn/card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define CARD "4111111111111111" /* synthetic numbers that networks publish for tests */

static void a_card_number_in_a_longer_text_is_seen(void **state)
{
    static const char *const texts[] = {
        CARD,
        CARD " ",
        "card:" CARD,
        "pan=" CARD "&cvv=",
        "(" CARD ")",
        "paid with 4111 1111 1111 1111 today",
        "paid with 4111-1111-1111-1111.",
        "3782 822463 10005 is Amex's",
        "no 5555555555554444, not 2",
        "2223003122003222 of the 2 series ",
        "6212 3456 7890 1232, or 6304000000000000000?",
        "\xE5\x8D\xA1\xE5\x8F\xB7" CARD, /* no blanks are written there */
        "4111111111111112 or " CARD,
    };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        if (!card_stands_in(span_str(texts[i])))
            fail_msg("not seen: %s", texts[i]);
}

static void other_digits_in_a_longer_text_are_left_alone(void **state)
{
    static const char *const texts[] = {
        "",
        "a text of words that is longer than a card number",
        "no 4111111111111112",
        "no 411111111111",
        "no 41111111111111111111",
        "no 4111  1111 1111 1111",
        "x" CARD,
        CARD "x",
        "BE45 0000 0000 0000 07",               /* an IBAN whose digits pass the check */
        "id 41111111-1111-1111-b111-111111111", /* a UUID's */
        "20260105120006 is a time",
        "at 1522540930007, in milliseconds",
        "0." CARD,
        CARD ".50 EUR",
        "9111111111111110 begins with 9, 2111111111111115 with 21",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        if (card_stands_in(span_str(texts[i])))
            fail_msg("taken for a card: %s", texts[i]);
}

static void a_card_number_is_seen_wherever_it_stands(void **state)
{
    char text[80];
    (void)state;
    for (int before = 0; before < 60; before++) {
        int n = snprintf(text, sizeof text, "%*s" CARD "!", before, before > 0 ? "1/" : "");
        assert_true(card_stands_in(span_of(text, (size_t)n)));
        assert_true(card_stands_in(span_of(text, (size_t)n - 1)));
        assert_false(card_stands_in(span_of(text, (size_t)n - 2)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_card_number_in_a_longer_text_is_seen),
        cmocka_unit_test(other_digits_in_a_longer_text_are_left_alone),
        cmocka_unit_test(a_card_number_is_seen_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
