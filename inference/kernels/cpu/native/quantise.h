/* Rows rounded to bytes, group by group, each by itself. Included once per backend. */

/* Codes of one group of a row, from its floats: the nearest of 255 steps. */
INLINE void quantise_group(const Rows *rows, int row, int group)
{
    size_t at = (size_t)row * rows->width + group * GROUP;
    size_t place = (size_t)row * rows->groups + group;
    V value[GROUP / WIDTH], sizes = {0};
    for (int i = 0; i < GROUP / WIDTH; i++) {
        value[i] = v_load(rows->value + at + i * WIDTH);
        sizes = v_larger(sizes, v_larger(value[i], -value[i]));
    }
    float most = v_largest(sizes), scale = most / 127, inverse = most > 0 ? 127 / most : 0;
    VI sums = {0};
    for (int i = 0; i < GROUP / WIDTH; i++) {
        VI code = v_rounded(value[i] * inverse);
        v_store_codes(rows->code + at + i * WIDTH, code);
        sums += code;
    }
    int32_t sum = (int32_t)v_sum(v_float(sums)); /* exact: below 2^24 */
    rows->scale[place] = scale;
    rows->total[place] = scale * sum;
    rows->bias[place] = -BYTE_BIAS * sum;
}

INLINE void quantise_row(const Rows *rows, int row)
{
    for (int group = 0; group < rows->groups; group++) quantise_group(rows, row, group);
}

INLINE int is_quantised(const Weight *weight)
{
    return weight->kind == INT8 || weight->kind == INT4;
}
