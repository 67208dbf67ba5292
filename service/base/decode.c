#include "service/base/decode.h"

int decode_hex_digit(int c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool decode_u64(struct span digits, int base, uint64_t *ret_v)
{
    uint64_t v = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int d = decode_hex_digit(digits.base[i]);
        if (d < 0 || d >= base || __builtin_mul_overflow(v, base, &v) ||
            __builtin_add_overflow(v, d, &v))
            return false;
    }
    if (digits.len == 0)
        return false;
    *ret_v = v;
    return true;
}

bool decode_percent(struct span raw, struct text *out)
{
    for (size_t i = 0; i < raw.len; i++) {
        uint64_t byte = (unsigned char)raw.base[i];
        if (byte == '%') {
            if (raw.len - i < 3 || !decode_u64(span_of(raw.base + i + 1, 2), 16, &byte))
                return false;
            i += 2;
        }
        text_char(out, (char)byte);
    }
    return !out->overflow;
}
