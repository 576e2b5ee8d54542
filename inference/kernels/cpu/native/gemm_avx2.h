/* Blocks of rows for AVX2, whose sixteen registers hold eight lanes each. Included by gemm.h.
 *
 * Bytes are multiplied in pairs that are added up in 16 bits, which weights of 4 bits cannot
 * overflow within a group (16 x 15 x 127 < 2^15). Of codes of 8 bits the sizes are multiplied, by row
 * codes that take over their signs, and each pair (2 x 127 x 127 < 2^15) is widened at once.
 * A part of a block is `halves` times 8 columns, from `panel` on.
 */

#define PART_ARGUMENTS                                                                             \
    const int count, const int halves, const Weight *w, const Rows *x, const int *rows, int panel,  \
        int first, int last, __m256 *sums

INLINE __m256i four_codes(const int8_t *codes)
{
    int32_t four;
    memcpy(&four, codes, 4);
    return _mm256_set1_epi32(four);
}

/* Sums are added to one after the other, where they are. Left to itself GCC makes all products of a
 * block first, has no registers left for them, and keeps the sums in memory.
 */
#define ADD_TO(sum, more, begin, size)                                                             \
    if (begin) {                                                                                   \
        sum = more;                                                                                \
        __asm__ volatile("" : "+x"(sum) : : "memory");                                             \
    } else __asm__ volatile("vpadd" size " %1, %0, %0" : "+x"(sum) : "x"(more) : "memory")

INLINE void float_part(PART_ARGUMENTS)
{
    const float *from = (const float *)w->data + (size_t)panel * w->groups * GROUP * LANES;
    const float *at[4];
    const size_t next = (size_t)w->groups * GROUP * LANES; /* panel */
    for (int r = 0; r < count; r++) at[r] = x->value + (size_t)rows[r] * x->width;
    for (int k = first * GROUP; k < last * GROUP; k++)
        for (int h = 0; h < halves; h++) {
            __m256 column = _mm256_load_ps(from + h / 2 * next + (size_t)k * LANES + h % 2 * 8);
            for (int r = 0; r < count; r++)
                sums[r * halves + h] =
                    _mm256_fmadd_ps(column, _mm256_broadcast_ss(at[r] + k), sums[r * halves + h]);
        }
}

INLINE void bf16_part(PART_ARGUMENTS)
{
    const uint16_t *from = (const uint16_t *)w->data + (size_t)panel * w->groups * GROUP * LANES;
    const size_t next = (size_t)w->groups * GROUP * LANES; /* panel */
    const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
    const float *at[4];
    for (int r = 0; r < count; r++) at[r] = x->value + (size_t)rows[r] * x->width;
    for (int k = first * GROUP; k < last * GROUP; k += 2)
        for (int h = 0; h < halves; h++) {
            const uint16_t *place = from + h / 2 * next + (size_t)k * LANES + h % 2 * 16;
            if (count == 1) __builtin_prefetch(place + AHEAD / 2);
            __m256i both = _mm256_load_si256((const __m256i *)place);
            __m256 even = _mm256_castsi256_ps(_mm256_slli_epi32(both, 16));
            __m256 odd = _mm256_castsi256_ps(_mm256_and_si256(both, upper));
            for (int r = 0; r < count; r++) {
                __m256 sum = sums[r * halves + h];
                sum = _mm256_fmadd_ps(even, _mm256_broadcast_ss(at[r] + k), sum);
                sums[r * halves + h] = _mm256_fmadd_ps(odd, _mm256_broadcast_ss(at[r] + k + 1), sum);
            }
        }
}

INLINE void int8_part(PART_ARGUMENTS)
{
    const __m256i one = _mm256_set1_epi16(1);
    const int8_t *at[4];
    const float *scale[4];
    size_t place = (size_t)panel * w->groups + first;
    const uint8_t *from = w->data + place * GROUP * LANES;
    const uint16_t *scales = (const uint16_t *)w->scale + place * LANES;
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        at[r] = x->code + (size_t)rows[r] * x->width + first * GROUP;
        scale[r] = x->scale + (size_t)rows[r] * x->groups + first;
    }
    for (size_t g = 0, k = 0; g < (size_t)(last - first); g++, scales += LANES) {
        __m256i dots[8];
#pragma GCC unroll 8
        for (int q = 0; q < 8; q++, k += 4, from += 64) {
            __m256i code[2], size[2];
            __builtin_prefetch(from + AHEAD);
            for (int h = 0; h < halves; h++) {
                code[h] = _mm256_load_si256((const __m256i *)(from + h * 32));
                size[h] = _mm256_abs_epi8(code[h]);
            }
            for (int r = 0; r < count; r++) {
                __m256i codes = four_codes(at[r] + k);
                for (int h = 0; h < halves; h++) {
                    __m256i two = _mm256_maddubs_epi16(size[h], _mm256_sign_epi8(codes, code[h]));
                    ADD_TO(dots[r * halves + h], _mm256_madd_epi16(two, one), q == 0, "d");
                }
            }
        }
        for (int h = 0; h < halves; h++) {
            __m256i wide = _mm256_cvtepu16_epi32(_mm_load_si128((const __m128i *)(scales + h * 8)));
            __m256 own = _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
            for (int r = 0; r < count; r++) {
                __m256 both = _mm256_mul_ps(own, _mm256_broadcast_ss(scale[r] + g));
                sums[r * halves + h] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots[r * halves + h]),
                                                       both, sums[r * halves + h]);
            }
        }
    }
}

INLINE void int4_part(PART_ARGUMENTS)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    const int8_t *at[4];
    const float *scale[4], *total[4];
    size_t place = (size_t)panel * w->groups + first;
    const uint8_t *from = w->data + place * GROUP * LANES / 2;
    const uint8_t *steps = (const uint8_t *)w->scale + place * 2 * LANES;
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        at[r] = x->code + (size_t)rows[r] * x->width + first * GROUP;
        scale[r] = x->scale + (size_t)rows[r] * x->groups + first;
        total[r] = x->total + (size_t)rows[r] * x->groups + first;
    }
    for (size_t g = 0, k = 0; g < (size_t)(last - first); g++, k += 16, steps += 2 * LANES) {
        __m256i dots[8];
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++, k += 4, from += 64) {
            __builtin_prefetch(from + AHEAD);
            __m256i below[2], above[2];
            for (int h = 0; h < halves; h++) {
                __m256i bytes = _mm256_load_si256((const __m256i *)(from + h * 32));
                below[h] = _mm256_and_si256(bytes, nibble);
                above[h] = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble);
            }
            for (int r = 0; r < count; r++) {
                __m256i codes = four_codes(at[r] + k);
                for (int h = 0; h < halves; h++)
                    ADD_TO(dots[r * halves + h], _mm256_maddubs_epi16(below[h], codes), q == 0, "w");
                codes = four_codes(at[r] + k + 16);
                for (int h = 0; h < halves; h++)
                    ADD_TO(dots[r * halves + h], _mm256_maddubs_epi16(above[h], codes), 0, "w");
            }
        }
        for (int h = 0; h < halves; h++) {
            __m256i step = _mm256_cvtepu8_epi32(_mm_loadu_si64(steps + h * 8));
            __m256i least = _mm256_cvtepu8_epi32(_mm_loadu_si64(steps + LANES + h * 8));
            step = _mm256_or_si256(step, _mm256_slli_epi32(step, 16));
            __m256 start = _mm256_cvtepi32_ps(_mm256_slli_epi32(least, 3));
            for (int r = 0; r < count; r++) {
                __m256 whole = _mm256_cvtepi32_ps(_mm256_madd_epi16(dots[r * halves + h], step));
                __m256 sum = _mm256_fmadd_ps(whole, _mm256_broadcast_ss(scale[r] + g),
                                             sums[r * halves + h]);
                sums[r * halves + h] =
                    _mm256_fnmadd_ps(start, _mm256_broadcast_ss(total[r] + g), sum);
            }
        }
    }
}

INLINE void finish_part(const int count, const int halves, const Weight *w, int panel,
                        const int panels, __m256 *from, F *sums)
{
    for (int h = 0; h < halves; h++) {
        size_t column = (size_t)panel * LANES + h * 8;
        for (int r = 0; r < count; r++) {
            __m256 sum = from[r * halves + h];
            if (w->kind == INT4) sum = _mm256_mul_ps(sum, _mm256_load_ps(w->unit + column));
            _mm256_storeu_ps((float *)(sums + r * panels) + h * 8, sum);
        }
    }
}

/* sums[count][panels]; the numbers are those that the functions below give. A single row of floats
 * waits for memory, which gives more from two panels at once than from one; a single row of codes
 * does not wait as long. */
static void any_block(int count, int panels, const Weight *w, const Rows *x, const int *rows,
                      int panel, int first, int last, F *sums)
{
#define PART(kind, c, h, r, p)                                                                   \
    {                                                                                            \
        __m256 held[c * h];                                                                      \
        for (int i = 0; i < c * h; i++) held[i] = _mm256_setzero_ps();                           \
        kind##_part(c, h, w, x, rows + (r), panel + (p), first, last, held);                     \
        finish_part(c, h, w, panel + (p), panels, held, sums + (r) * panels + (p));              \
    }
#define BLOCK(kind)                                                                              \
    for (int p = 0; p < panels; p++) {                                                           \
        if (count == 1) PART(kind, 1, 2, 0, p)                                                   \
        else if (count == 2) PART(kind, 2, 2, 0, p)                                              \
        else for (int r = 0; r < count; r += 4) PART(kind, 4, 2, r, p)                           \
    }
    if (w->kind == F32) {
        if (count == 1 && panels == 2) PART(float, 1, 4, 0, 0)
        else BLOCK(float)
    } else if (w->kind == BF16) {
        if (count == 1 && panels == 2) PART(bf16, 1, 4, 0, 0)
        else BLOCK(bf16)
    } else if (w->kind == INT8) {
        BLOCK(int8)
    } else {
        BLOCK(int4)
    }
#undef BLOCK
#undef PART
}
