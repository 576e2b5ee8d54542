/* Sixteen lanes, of which a panel has its columns, whatever the processor's registers hold. */
#ifndef SOVGATE_SIMD_H
#define SOVGATE_SIMD_H

#include "decoder.h"
#include "vector.h"

/* Codes of 8 bits lie in memory as unsigned bytes where those are what is multiplied. */
#if defined(HAVE_AVX2)
#define BYTE_BIAS 0
#else
#define BYTE_BIAS 128
#endif

#define PARTS (LANES / WIDTH)

typedef float F __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t I __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint32_t U __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint16_t Half __attribute__((vector_size(32), aligned(2), may_alias));

/* The same sixteen lanes as one vector and as those of the processor. */
typedef union {
    F all;
    V part[PARTS];
} Lanes;

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

/* Sixteen bytes as floats. */
INLINE F from_bytes(const uint8_t *from)
{
    typedef uint8_t Bytes __attribute__((vector_size(16), aligned(1), may_alias));
    return __builtin_convertvector(__builtin_convertvector(*(const Bytes *)from, I), F);
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
    Lanes x = {a}, y = {b};
    for (int i = 0; i < PARTS; i++) x.part[i] = v_larger(x.part[i], y.part[i]);
    return x.all;
}

INLINE float sum_of(F value)
{
    Lanes x = {value};
    for (int i = 1; i < PARTS; i++) x.part[0] += x.part[i];
    return v_sum(x.part[0]);
}

INLINE float largest_of(F value)
{
    Lanes x = {value};
    for (int i = 1; i < PARTS; i++) x.part[0] = v_larger(x.part[0], x.part[i]);
    return v_largest(x.part[0]);
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
    Lanes x = {value};
    for (int i = 0; i < PARTS; i++) x.part[i] = v_exponential(x.part[i]);
    return x.all;
}

#endif
