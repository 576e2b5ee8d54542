/* Processors with AVX-512 and VNNI: Ice Lake, Zen 4 and later. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")
#define HAVE_VNNI
#define BACKEND avx512
#include "backend.h"
#endif
