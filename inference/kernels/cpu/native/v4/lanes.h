/* What the other files need beside vector.h. Included once per backend. */

#define TILE (WIDTH == 16 ? 8 : 4) /* keys or heads whose sums stay in registers */

INLINE void v_store_bf16(uint16_t *to, V value)
{
    *(VHalf *)to = v_narrow(value);
}

/* Of `count` values, a multiple of LANES. */
INLINE float sum_of_squares(const float *from, int count)
{
    V sums[PARTS] = {{0}}, sum = {0};
    for (int k = 0; k < count; k += LANES)
        for (int p = 0; p < PARTS; p++) {
            V value = v_load(from + k + p * WIDTH);
            sums[p] += value * value;
        }
    for (int p = 0; p < PARTS; p++) sum += sums[p];
    return v_sum(sum);
}
