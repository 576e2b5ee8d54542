/* Rows times panels of a weight. Included once per backend.
 *
 * A block is up to eight rows times one or two panels, and its sums stay in registers. Each sum
 * runs over the inputs in one order, whatever else is in the block, so a row's result does not
 * depend on the rows beside it.
 */

#define AHEAD 4096 /* bytes of a weight that are fetched before they are needed */

#if defined(HAVE_AVX2)
#include "gemm_avx2.h"
#else
#include "gemm_vector.h"
#endif

INLINE int rows_at_once(int left)
{
    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

INLINE int panels_at_once(int count, int left)
{
#if defined(HAVE_AVX2)
    return count == 8 || left < 2 ? 1 : 2; /* a single row waits for memory: two places at once */
#else
    return count == 8 || count == 1 || left < 2 ? 1 : 2;
#endif
}

/* What becomes of a block's sums: row, first of its columns, 16 values. */
typedef struct {
    float *to; /* [rows, stride] */
    size_t stride;
    int columns, add, bf16;
} Sink;

INLINE void drain(const Sink *sink, size_t row, int column, const F *value)
{
    int count = sink->columns - column < LANES ? sink->columns - column : LANES;
    const float *from = (const float *)value;
    if (sink->bf16) {
        Half halves = narrow(*value);
        memcpy((uint16_t *)sink->to + row * sink->stride + column, &halves, count * 2);
        return;
    }
    float *to = sink->to + row * sink->stride + column;
    if (count == LANES)
        for (int i = 0; i < LANES; i += WIDTH) {
            V given = v_load(from + i);
            if (sink->add) given += v_load(to + i);
            v_store(to + i, given);
        }
    else
        for (int i = 0; i < count; i++) to[i] = sink->add ? to[i] + from[i] : from[i];
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
                    drain(sink, rows[row + r], (panel + p) * LANES, &sums[r * m + p]);
        }
    }
}
