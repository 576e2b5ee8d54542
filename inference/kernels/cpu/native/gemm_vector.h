/* Blocks of rows in whole vectors, for processors with sixteen lanes or none. Included by gemm.h. */

/* Adds to each lane four unsigned bytes of `weight` times the four signed bytes at `codes`. */
INLINE I dot(I sum, U weight, const int8_t *codes)
{
#if defined(HAVE_VNNI)
    int32_t four;
    memcpy(&four, codes, 4);
    return (I)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)weight, _mm512_set1_epi32(four));
#else
    for (int i = 0; i < 4; i++) sum += (I)(weight >> (8 * i) & 255) * codes[i];
    return sum;
#endif
}

#define BLOCK_ARGUMENTS                                                                          \
    const int count, const int panels, const Weight *w, const Rows *x, const int *rows, int panel, \
        int first, int last, F *sums

INLINE void float_block(BLOCK_ARGUMENTS)
{
    const float *at[8];
    for (int r = 0; r < count; r++) at[r] = x->value + (size_t)rows[r] * x->width;
    for (int k = first * GROUP; k < last * GROUP; k++)
        for (int p = 0; p < panels; p++) {
            F column = load((const float *)w->data
                            + ((size_t)(panel + p) * w->groups * GROUP + k) * LANES);
            for (int r = 0; r < count; r++) sums[r * panels + p] += column * at[r][k];
        }
}

INLINE void bf16_block(BLOCK_ARGUMENTS)
{
    const float *at[8];
    for (int r = 0; r < count; r++) at[r] = x->value + (size_t)rows[r] * x->width;
    for (int k = first * GROUP; k < last * GROUP; k += 2)
        for (int p = 0; p < panels; p++) {
            U pair = *(const U *)(w->data + ((size_t)(panel + p) * w->groups * GROUP + k) * LANES * 2);
            F even = (F)(pair << 16), odd = (F)(pair & 0xffff0000);
            for (int r = 0; r < count; r++) {
                sums[r * panels + p] += even * at[r][k];
                sums[r * panels + p] += odd * at[r][k + 1];
            }
        }
}

INLINE void int8_block(BLOCK_ARGUMENTS)
{
    for (int g = first; g < last; g++) {
        I ints[8];
        for (int r = 0; r < count; r++)
            for (int p = 0; p < panels; p++)
                ints[r * panels + p] = x->bias[(size_t)rows[r] * x->groups + g] - (I){0};
        for (int q = 0; q < 8; q++)
            for (int p = 0; p < panels; p++) {
                size_t place = (size_t)(panel + p) * w->groups + g;
                const uint8_t *from = w->data + (place * 8 + q) * 4 * LANES;
                U weight = *(const U *)from;
                if (count == 1) __builtin_prefetch(from + AHEAD);
                for (int r = 0; r < count; r++) {
                    const int8_t *codes = x->code + (size_t)rows[r] * x->width + g * GROUP + q * 4;
                    ints[r * panels + p] = dot(ints[r * panels + p], weight, codes);
                }
            }
        for (int p = 0; p < panels; p++) {
            size_t place = (size_t)(panel + p) * w->groups + g;
            F scale = load_bf16((const uint16_t *)w->scale + place * LANES);
            for (int r = 0; r < count; r++) {
                F both = scale * x->scale[(size_t)rows[r] * x->groups + g];
                sums[r * panels + p] += __builtin_convertvector(ints[r * panels + p], F) * both;
            }
        }
    }
}

INLINE void int4_block(BLOCK_ARGUMENTS)
{
    for (int g = first; g < last; g++) {
        I ints[8] = {0};
        for (int q = 0; q < 4; q++)
            for (int p = 0; p < panels; p++) {
                size_t place = (size_t)(panel + p) * w->groups + g;
                const uint8_t *from = w->data + (place * 4 + q) * 4 * LANES;
                U both = *(const U *)from;
                if (count == 1) __builtin_prefetch(from + AHEAD);
                U low = both & 0x0f0f0f0f, high = both >> 4 & 0x0f0f0f0f;
                for (int r = 0; r < count; r++) {
                    const int8_t *codes = x->code + (size_t)rows[r] * x->width + g * GROUP + q * 4;
                    ints[r * panels + p] = dot(ints[r * panels + p], low, codes);
                    ints[r * panels + p] = dot(ints[r * panels + p], high, codes + 16);
                }
            }
        for (int p = 0; p < panels; p++) {
            size_t place = (size_t)(panel + p) * w->groups + g;
            const uint8_t *steps = (const uint8_t *)w->scale + place * 2 * LANES;
            F step = from_bytes(steps), least = from_bytes(steps + LANES) * 8.0f;
            for (int r = 0; r < count; r++) {
                size_t group = (size_t)rows[r] * x->groups + g;
                F dots = __builtin_convertvector(ints[r * panels + p], F);
                sums[r * panels + p] += dots * step * x->scale[group];
                sums[r * panels + p] -= least * x->total[group];
            }
        }
    }
}

INLINE void block(BLOCK_ARGUMENTS)
{
    F held[8] = {0};
    if (w->kind == INT8) int8_block(count, panels, w, x, rows, panel, first, last, held);
    else if (w->kind == INT4) int4_block(count, panels, w, x, rows, panel, first, last, held);
    else if (w->kind == BF16) bf16_block(count, panels, w, x, rows, panel, first, last, held);
    else float_block(count, panels, w, x, rows, panel, first, last, held);
    for (int r = 0; r < count; r++)
        for (int p = 0; p < panels; p++) {
            F unit = w->kind == INT4 ? load(w->unit + (size_t)(panel + p) * LANES) : splat(1);
            sums[r * panels + p] = held[r * panels + p] * unit;
        }
}

/* sums[count][panels], of the numbers that the two functions below give. */
static void any_block(int count, int panels, const Weight *w, const Rows *x, const int *rows,
                      int panel, int first, int last, F *sums)
{
#define SHAPE(c, p)                                                                              \
    if (count == c && panels == p) {                                                             \
        block(c, p, w, x, rows, panel, first, last, sums);                                       \
        return;                                                                                  \
    }
    SHAPE(8, 1)
    SHAPE(4, 2)
    SHAPE(4, 1)
    SHAPE(2, 2)
    SHAPE(2, 1)
    SHAPE(1, 1)
#undef SHAPE
}
