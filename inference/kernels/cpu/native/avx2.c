/* Processors with AVX2 and FMA: Haswell, Zen 1 and later. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx2,fma,f16c")
#define HAVE_AVX2
#define BACKEND avx2
#include "backend.h"
#endif
