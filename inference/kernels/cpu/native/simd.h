/* Sixteen lanes in GCC's vector extension, which compiles for every processor; where a processor
 * multiplies bytes itself the including file says so (HAVE_VNNI, HAVE_AVX2). */
#ifndef SOVGATE_SIMD_H
#define SOVGATE_SIMD_H

#include <stdint.h>
#include <string.h>

#if defined(HAVE_VNNI) || defined(HAVE_AVX2)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float F __attribute__((vector_size(64), aligned(4)));
typedef int32_t I __attribute__((vector_size(64), aligned(4)));
typedef uint32_t U __attribute__((vector_size(64), aligned(4)));
typedef uint16_t Half __attribute__((vector_size(32), aligned(2)));
typedef int8_t Codes __attribute__((vector_size(16), aligned(1)));

INLINE F load(const float *from)
{
    return *(const F *)from;
}

INLINE void store(float *to, F value)
{
    *(F *)to = value;
}

INLINE F splat(float value)
{
    return value - (F){0};
}

INLINE F widen(Half half)
{
    return (F)(__builtin_convertvector(half, U) << 16);
}

INLINE F load_bf16(const void *from)
{
    return widen(*(const Half *)from);
}

INLINE float one_bf16(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, 4);
    return value;
}

/* To the nearest, ties to even. */
INLINE uint16_t to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

INLINE Half narrow(F value)
{
    U bits = (U)value;
    return __builtin_convertvector((bits + 0x7fff + (bits >> 16 & 1)) >> 16, Half);
}

INLINE F larger(F a, F b)
{
    return (F)(((I)a & (a > b)) | ((I)b & ~(a > b)));
}

INLINE float sum_of(F value)
{
    float sums[8];
    for (int i = 0; i < 8; i++) sums[i] = value[i] + value[i + 8];
    for (int i = 0; i < 4; i++) sums[i] += sums[i + 4];
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

INLINE float largest_of(F value)
{
    float most = value[0];
    for (int i = 1; i < LANES; i++) most = value[i] > most ? value[i] : most;
    return most;
}

/* To the nearest integer, for magnitudes below 2^22. */
INLINE I rounded(F value)
{
    const float magic = 12582912.0f;
    return (I)(value + magic) - 0x4b400000;
}

/* e to the power of `value`; relative error 2e-7, no less than 1e-38. */
INLINE F exponential(F value)
{
    F low = splat(-87.0f), high = splat(88.0f);
    F x = larger(value, low);
    x = -larger(-x, -high);
    I whole = rounded(x * 1.44269504088896341f);
    F n = __builtin_convertvector(whole, F);
    F r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    F p = splat(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    return p * (F)((whole + 127) << 23);
}

/* Adds to each lane four unsigned bytes of `weight` times the four signed bytes at `codes`. */
INLINE I dot(I sum, U weight, const int8_t *codes)
{
    int32_t four;
    memcpy(&four, codes, 4);
#if defined(HAVE_VNNI)
    return (I)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)weight, _mm512_set1_epi32(four));
#elif defined(HAVE_AVX2)
    union {
        I all;
        __m256i half[2];
    } to = {sum}, from = {(I)weight};
    const __m256i code = _mm256_set1_epi32(four), low = _mm256_set1_epi16(0xff);
    const __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(code, 8), 8);
    const __m256i odd = _mm256_srai_epi16(code, 8);
    for (int i = 0; i < 2; i++) {
        __m256i a = _mm256_madd_epi16(_mm256_and_si256(from.half[i], low), even);
        __m256i b = _mm256_madd_epi16(_mm256_srli_epi16(from.half[i], 8), odd);
        to.half[i] = _mm256_add_epi32(to.half[i], _mm256_add_epi32(a, b));
    }
    return to.all;
#else
    for (int i = 0; i < 4; i++) sum += (I)(weight >> (8 * i) & 255) * codes[i];
    return sum;
#endif
}

#endif
