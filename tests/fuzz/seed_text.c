#include "tests/fuzz/seed_text.h"

#include "service/base/text.h"

size_t fuzz_seed_text(const char *const *texts, size_t n, size_t i, uint8_t *buf, size_t cap)
{
    struct text t;
    if (i >= n)
        return SIZE_MAX;
    text_init(&t, buf, cap);
    text_str(&t, texts[i]);
    return t.len;
}
