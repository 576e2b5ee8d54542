/* Rows times panels of a weight. Included once per backend.
 *
 * A block's sums stay in registers. Each sum runs over the inputs in one order, whatever else is
 * in the block, so a row's result does not depend on the rows beside it.
 */

#define AHEAD 4096 /* bytes fetched before a single row needs them */

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
            U packed = *(const U *)((const uint32_t *)w->scale + place * LANES);
            F step = (F)(packed << 16), least = (F)(packed & 0xffff0000);
            for (int r = 0; r < count; r++) {
                size_t group = (size_t)rows[r] * x->groups + g;
                F dots = __builtin_convertvector(ints[r * panels + p], F);
                sums[r * panels + p] += dots * (step * x->scale[group]);
                sums[r * panels + p] += least * x->total[group];
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
    for (int i = 0; i < count * panels; i++) sums[i] = held[i];
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

INLINE int rows_at_once(int left)
{
    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

INLINE int panels_at_once(int count, int left)
{
    /* A single row waits for memory, which is read fastest from one place on. */
    return count == 8 || count == 1 || left < 2 ? 1 : 2;
}

/* What becomes of a block's sums: row, first of its columns, 16 values. */
typedef struct {
    float *to; /* [rows, stride] */
    size_t stride;
    int columns, add, bf16;
} Sink;

INLINE void drain(const Sink *sink, size_t row, int column, F value)
{
    int count = sink->columns - column < LANES ? sink->columns - column : LANES;
    if (sink->bf16) {
        Half halves = narrow(value);
        memcpy((uint16_t *)sink->to + row * sink->stride + column, &halves, count * 2);
        return;
    }
    float *to = sink->to + row * sink->stride + column;
    if (count == LANES) store(to, sink->add ? load(to) + value : value);
    else
        for (int i = 0; i < count; i++) to[i] = sink->add ? to[i] + value[i] : value[i];
}

/* The listed rows times panels `from` to `to`, over groups `first` to `last`. */
static void multiply(const Weight *w, const Rows *x, const int *rows, int count, int from, int to,
                     int first, int last, const Sink *sink)
{
    F sums[8];
    to = to < w->panels ? to : w->panels;
    for (int row = 0, n; row < count; row += n) {
        n = rows_at_once(count - row);
        for (int panel = from, m; panel < to; panel += m) {
            m = panels_at_once(n, to - panel);
            any_block(n, m, w, x, rows + row, panel, first, last, sums);
            for (int r = 0; r < n; r++)
                for (int p = 0; p < m; p++)
                    drain(sink, rows[row + r], (panel + p) * LANES, sums[r * m + p]);
        }
    }
}
