/* Vectors as wide as the processor's registers, in GCC's vector extension; which instructions
 * there are says the including file (HAVE_VNNI, HAVE_AVX2). Functions of them begin with v_.
 */
#ifndef SOVGATE_VECTOR_H
#define SOVGATE_VECTOR_H

#include <stdint.h>
#include <string.h>

#if defined(HAVE_VNNI)
#define WIDTH 16
#elif defined(HAVE_AVX2)
#define WIDTH 8
#else
#define WIDTH 4
#endif

#if defined(HAVE_VNNI) || defined(HAVE_AVX2)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float V __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef int32_t VI __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef uint32_t VU __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef uint16_t VHalf __attribute__((vector_size(2 * WIDTH), aligned(2), may_alias));
typedef int8_t VCodes __attribute__((vector_size(WIDTH), aligned(1), may_alias));

INLINE V v_load(const float *from)
{
    return *(const V *)from;
}

INLINE void v_store(float *to, V value)
{
    *(V *)to = value;
}

INLINE V v_splat(float value)
{
    return value - (V){0};
}

INLINE V v_load_bf16(const uint16_t *from)
{
    return (V)(__builtin_convertvector(*(const VHalf *)from, VU) << 16);
}

/* To the nearest, ties to even. */
INLINE VHalf v_narrow(V value)
{
    VU bits = (VU)value;
    return __builtin_convertvector((bits + 0x7fff + (bits >> 16 & 1)) >> 16, VHalf);
}

INLINE V v_larger(V a, V b)
{
#if defined(HAVE_AVX2)
    return (V)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return (V)(((VI)a & (a > b)) | ((VI)b & ~(a > b)));
#endif
}

#if WIDTH == 8
/* Lanes are halved until one is left: 4 and 4, 2 and 2, 1 and 1. */
#define V_FOLD(value, operation)                                                                   \
    __m128 four = operation(_mm256_castps256_ps128((__m256)value),                                 \
                            _mm256_extractf128_ps((__m256)value, 1));                              \
    four = operation(four, _mm_movehl_ps(four, four));                                             \
    return _mm_cvtss_f32(operation(four, _mm_movehdup_ps(four)))

INLINE float v_sum(V value)
{
    V_FOLD(value, _mm_add_ps);
}

INLINE float v_largest(V value)
{
    V_FOLD(value, _mm_max_ps);
}

INLINE void v_store_codes(int8_t *to, VI codes)
{
    __m128i half = _mm_packs_epi32(_mm256_castsi256_si128((__m256i)codes),
                                   _mm256_extracti128_si256((__m256i)codes, 1));
    _mm_storeu_si64(to, _mm_packs_epi16(half, half));
}
#else
INLINE float v_sum(V value)
{
    float sums[WIDTH];
    memcpy(sums, &value, sizeof(sums));
    for (int half = WIDTH / 2; half; half /= 2)
        for (int i = 0; i < half; i++) sums[i] += sums[i + half];
    return sums[0];
}

INLINE float v_largest(V value)
{
    float most[WIDTH];
    memcpy(most, &value, sizeof(most));
    for (int half = WIDTH / 2; half; half /= 2)
        for (int i = 0; i < half; i++) most[i] = most[i] > most[i + half] ? most[i] : most[i + half];
    return most[0];
}

INLINE void v_store_codes(int8_t *to, VI codes)
{
    *(VCodes *)to = __builtin_convertvector(codes, VCodes);
}
#endif

/* To the nearest integer, for magnitudes below 2^22. */
INLINE VI v_rounded(V value)
{
    const float magic = 12582912.0f;
    return (VI)(value + magic) - 0x4b400000;
}

INLINE V v_float(VI value)
{
    return __builtin_convertvector(value, V);
}

/* e to the power of `value`; relative error 2e-7, no less than 1e-38. */
INLINE V v_exponential(V value)
{
    V x = v_larger(value, v_splat(-87.0f));
    x = -v_larger(-x, v_splat(-88.0f));
    VI whole = v_rounded(x * 1.44269504088896341f);
    V n = v_float(whole);
    V r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    V p = v_splat(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    return p * (V)((whole + 127) << 23);
}

#endif
