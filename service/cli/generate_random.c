#include "service/cli/generate_random.h"

#define ONE_Q32 (INT64_C(1) << 32)

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void random_init(struct random *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix64(&seed);
}

uint64_t random_trait(uint64_t key)
{
    return splitmix64(&key);
}

static uint64_t rotate(uint64_t v, int by)
{
    return (v << by) | (v >> (64 - by));
}

uint64_t random_bits(struct random *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* ISO C has no 128-bit integer, gcc and clang have. */
uint64_t random_multiply_shift(uint64_t a, uint64_t b, int shift)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)(product >> shift);
}

uint32_t random_below(struct random *r, uint32_t n)
{
    return (uint32_t)random_multiply_shift(random_bits(r), n, 64);
}

int32_t random_range(struct random *r, int32_t low, int32_t high)
{
    return (int32_t)(low + (int64_t)random_below(r, (uint32_t)((int64_t)high - low + 1)));
}

int64_t random_normal_q32(struct random *r)
{
    int64_t sum = 0;
    for (int i = 0; i < 6; i++) {
        uint64_t two = random_bits(r);
        sum += (int64_t)(two >> 32) + (int64_t)(uint32_t)two;
    }
    return sum - 6 * ONE_Q32;
}
