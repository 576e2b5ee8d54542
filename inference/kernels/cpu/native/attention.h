/* Attention of one row over the paged cache, for the heads that share a key head.
 *
 * Keys lie with positions side by side, [blocks, kv_heads, head_dim, size], values as
 * [blocks, kv_heads, size, width]; size and width are padded to 16. Included once per backend.
 */

INLINE int padded(int count)
{
    return (count + LANES - 1) / LANES * LANES;
}

INLINE F load_cached(const void *cache, size_t at, int bf16)
{
    return bf16 ? load_bf16((const uint16_t *)cache + at) : load((const float *)cache + at);
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

INLINE void score_heads(const int heads, const Past *past, const float *query, float *scores,
                        size_t stride, int tiles)
{
    int step = padded(past->size);
    for (int t = 0; t < tiles; t++) {
        Tile tile = tile_of(past, t);
        F sums[4] = {0};
        for (int d = 0; d < past->dim; d++) {
            F key = load_cached(past->keys, tile.keys + (size_t)d * step, past->bf16);
            for (int h = 0; h < heads; h++) sums[h] += key * query[h * past->dim + d];
        }
        for (int h = 0; h < heads; h++) {
            store(scores + h * stride + (size_t)t * LANES, sums[h]);
            for (int i = tile.count; i < LANES; i++)
                scores[h * stride + (size_t)t * LANES + i] = -__builtin_inff();
        }
    }
}

/* Scores become weights that add up to the number returned. */
INLINE float exponentiate(float *scores, int tiles)
{
    F most = load(scores), sum = {0};
    for (int t = 1; t < tiles; t++) most = larger(most, load(scores + (size_t)t * LANES));
    float top = largest_of(most);
    for (int t = 0; t < tiles; t++) {
        F weight = exponential(load(scores + (size_t)t * LANES) - top);
        store(scores + (size_t)t * LANES, weight);
        sum += weight;
    }
    return sum_of(sum);
}

INLINE void mix_heads(const int heads, const int lanes, const Past *past, const float *scores,
                      size_t stride, int tiles, int from, const float *totals, float *out)
{
    F sums[16] = {0};
    int width = padded(past->dim);
    for (int t = 0; t < tiles; t++) {
        Tile tile = tile_of(past, t);
        for (int i = 0; i < tile.count; i++)
            for (int l = 0; l < lanes; l++) {
                size_t at = tile.values + (size_t)i * width + from + l * LANES;
                F value = load_cached(past->values, at, past->bf16);
                for (int h = 0; h < heads; h++)
                    sums[h * lanes + l] += value * scores[h * stride + (size_t)t * LANES + i];
            }
    }
    for (int h = 0; h < heads; h++)
        for (int l = 0; l < lanes; l++) {
            int column = from + l * LANES, left = past->dim - column;
            F value = sums[h * lanes + l] / totals[h];
            float *to = out + h * past->dim + column;
            for (int i = 0; i < (left < LANES ? left : LANES); i++) to[i] = value[i];
        }
}

INLINE void attend_heads(const int heads, const Past *past, const float *query, float *scores,
                         size_t stride, float *out)
{
    int tiles = tiles_of(past), width = padded(past->dim);
    float totals[4];
    score_heads(heads, past, query, scores, stride, tiles);
    for (int h = 0; h < heads; h++) totals[h] = exponentiate(scores + h * stride, tiles);
    int from = 0;
    for (; from + 4 * LANES <= width; from += 4 * LANES)
        mix_heads(heads, 4, past, scores, stride, tiles, from, totals, out);
    for (; from < width; from += LANES)
        mix_heads(heads, 1, past, scores, stride, tiles, from, totals, out);
}

/* `query` and `out` hold `heads` heads, `scores` four times `stride` floats. */
static void attend(int heads, const Past *past, const float *query, float *scores, size_t stride,
                   float *out)
{
    for (int h = 0, n; h < heads; h += n) {
        const float *from = query + h * past->dim;
        float *to = out + h * past->dim;
        n = heads - h < 4 ? heads - h : 4;
        if (n == 4) attend_heads(4, past, from, scores, stride, to);
        else if (n == 3) attend_heads(3, past, from, scores, stride, to);
        else if (n == 2) attend_heads(2, past, from, scores, stride, to);
        else attend_heads(1, past, from, scores, stride, to);
    }
}
