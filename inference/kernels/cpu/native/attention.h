/* Attention of one row over the paged cache, for the heads that share a key head.
 *
 * Keys lie with positions side by side, [blocks, kv_heads, head_dim, size], values as
 * [blocks, kv_heads, size, width]; size and width are padded to 16. Included once per backend.
 */

INLINE int padded(int count)
{
    return (count + LANES - 1) / LANES * LANES;
}

INLINE V load_cached(const void *cache, size_t at, const int bf16)
{
    return bf16 ? v_load_bf16((const uint16_t *)cache + at) : v_load((const float *)cache + at);
}

INLINE void put_cached(void *cache, size_t at, int bf16, float value)
{
    if (bf16) ((uint16_t *)cache + at)[0] = to_bf16(value);
    else ((float *)cache + at)[0] = value;
}

typedef struct {
    const void *keys, *values;
    const int64_t *table;
    int bf16, length, size, head, kv_heads, dim;
} Past;

typedef struct {
    int at, count;             /* first of its positions, how many are attended to */
    size_t keys, values;       /* where they lie */
} Tile;

INLINE Tile tile_of(const Past *past, int index)
{
    int padded_size = padded(past->size), parts = padded_size / LANES, part = index % parts * LANES;
    size_t block = past->table[index / parts] * past->kv_heads + past->head;
    Tile tile = {.at = index / parts * past->size + part};
    int here = past->size - part < LANES ? past->size - part : LANES;
    tile.count = past->length - tile.at < here ? past->length - tile.at : here;
    tile.keys = block * past->dim * padded_size + part;
    tile.values = (block * padded_size + part) * padded(past->dim);
    return tile;
}

INLINE int tiles_of(const Past *past)
{
    int parts = padded(past->size) / LANES, whole = past->length / past->size;
    return whole * parts + (past->length % past->size + LANES - 1) / LANES;
}

#define HEAD_ARGUMENTS const int heads, const int bf16, const Past *past
#define MIXED 4 /* vectors of values that are summed at a time */

/* Scores of a tile's positions, -inf beyond the last. */
INLINE void score_positions(HEAD_ARGUMENTS, const Tile *tile, const float *query, float *scores,
                       size_t stride)
{
    int step = padded(past->size);
    V sums[4 * PARTS];
    for (int i = 0; i < heads * PARTS; i++) sums[i] = (V){0};
    for (int d = 0; d < past->dim; d++) {
        V key[PARTS];
        for (int p = 0; p < PARTS; p++)
            key[p] = load_cached(past->keys, tile->keys + (size_t)d * step + p * WIDTH, bf16);
        for (int h = 0; h < heads; h++)
            for (int p = 0; p < PARTS; p++) sums[h * PARTS + p] += key[p] * query[h * past->dim + d];
    }
    for (int h = 0; h < heads; h++) {
        for (int p = 0; p < PARTS; p++)
            v_store(scores + h * stride + p * WIDTH, sums[h * PARTS + p]);
        for (int i = tile->count; i < LANES; i++) scores[h * stride + i] = -__builtin_inff();
    }
}

/* Scores become weights that add up to the number returned. */
static float exponentiate(float *scores, int count)
{
    V most = v_load(scores), sum = {0};
    for (int i = WIDTH; i < count; i += WIDTH) most = v_larger(most, v_load(scores + i));
    float top = v_largest(most);
    for (int i = 0; i < count; i += WIDTH) {
        V weight = v_exponential(v_load(scores + i) - top);
        v_store(scores + i, weight);
        sum += weight;
    }
    return v_sum(sum);
}

/* Columns `from` to `from + vectors * WIDTH` of the values, weighted. */
INLINE void mix_columns(HEAD_ARGUMENTS, const int vectors, const float *scores, size_t stride,
                        int tiles, int from, const float *totals, float *out)
{
    V sums[4 * MIXED];
    for (int i = 0; i < heads * MIXED; i++) sums[i] = (V){0};
    int width = padded(past->dim);
    for (int t = 0; t < tiles; t++) {
        Tile tile = tile_of(past, t);
        for (int i = 0; i < tile.count; i++)
            for (int v = 0; v < vectors; v++) {
                size_t at = tile.values + (size_t)i * width + from + v * WIDTH;
                V value = load_cached(past->values, at, bf16);
                for (int h = 0; h < heads; h++)
                    sums[h * MIXED + v] += value * scores[h * stride + (size_t)t * LANES + i];
            }
    }
    for (int h = 0; h < heads; h++)
        for (int v = 0; v < vectors; v++) {
            int column = from + v * WIDTH, left = past->dim - column;
            V value = sums[h * MIXED + v] / totals[h];
            float *to = out + h * past->dim + column;
            if (left >= WIDTH) v_store(to, value);
            else
                for (int i = 0; i < left; i++) to[i] = value[i];
        }
}

INLINE void attend_heads(HEAD_ARGUMENTS, const float *query, float *scores, size_t stride,
                         float *out)
{
    int tiles = tiles_of(past), width = padded(past->dim), from = 0;
    float totals[4];
    for (int t = 0; t < tiles; t++) {
        Tile tile = tile_of(past, t);
        score_positions(heads, bf16, past, &tile, query, scores + (size_t)t * LANES, stride);
    }
    for (int h = 0; h < heads; h++) totals[h] = exponentiate(scores + h * stride, tiles * LANES);
    for (; from + MIXED * WIDTH <= width; from += MIXED * WIDTH)
        mix_columns(heads, bf16, past, MIXED, scores, stride, tiles, from, totals, out);
    for (; from < width; from += WIDTH)
        mix_columns(heads, bf16, past, 1, scores, stride, tiles, from, totals, out);
}

/* `query` and `out` hold `heads` heads, `scores` four times `stride` floats. */
static void attend(int heads, const Past *past, const float *query, float *scores, size_t stride,
                   float *out)
{
#define HEADS(n)                                                                                  \
    else if (now == n && past->bf16) attend_heads(n, 1, past, from, scores, stride, to);          \
    else if (now == n) attend_heads(n, 0, past, from, scores, stride, to)
    for (int h = 0, now; h < heads; h += now) {
        const float *from = query + h * past->dim;
        float *to = out + h * past->dim;
        now = heads - h < 4 ? heads - h : 4;
        if (now == 0) return;
        HEADS(4);
        HEADS(3);
        HEADS(2);
        HEADS(1);
    }
#undef HEADS
}
