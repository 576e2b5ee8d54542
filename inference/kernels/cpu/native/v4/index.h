/* The indexer: which entries a row attends to where there are more than it may. Included once per
 * backend.
 */

INLINE int64_t visible_entries(const V4Row *row, const Compressor *c)
{
    return c->rate ? (row->position + 1) / c->rate : 0;
}

INLINE int is_choosing(const V4Work *w, const V4Layer *layer, int row)
{
    int64_t visible = visible_entries(&w->step->row[row], &layer->indexer);
    return layer->indexer.rate && visible > w->model->index_topk;
}

/* Keys' floats side by side, so that their values are broadcast without being widened again. */
INLINE void widen_keys(const V4Model *m, const void **keys, int count, int width, float *to)
{
    for (int i = 0; i < count; i++)
        for (int k = 0; k < width; k += WIDTH) {
            V value = m->cache_bf16 ? kept(1, keys[i], k) : kept(0, keys[i], k);
            v_store(to + i * width + k, value);
        }
}

/* Heads side by side, each rotated, and the weight of each. */
static void prepare_index(const V4Work *w, const V4Layer *layer, int row)
{
    V4Scratch *s = w->s;
    const V4Model *m = w->model;
    int dim = m->index_dim, heads = m->index_heads, lanes = padded_lanes(heads);
    float *from = s->wanted + (size_t)row * heads * dim;
    float *to = s->turned + (size_t)row * dim * lanes, *weights = s->weights + (size_t)row * lanes;
    for (int h = 0; h < heads; h++) {
        turn(m, from + h * dim, dim, row_angles(w, layer, row), 1);
        for (int d = 0; d < dim; d++) to[(size_t)d * lanes + h] = from[h * dim + d];
        weights[h] *= 1 / sqrtf(heads) / sqrtf(dim);
    }
}

/* What sixteen heads, each of them in a lane, give for `count` entries. */
INLINE void score_tile(const V4Work *w, const int count, const float *keys, const float *queries,
                       const float *weights, float *scores)
{
    int dim = w->model->index_dim, lanes = padded_lanes(w->model->index_heads);
    V totals[TILE] = {{0}};
    for (int h = 0; h < lanes; h += LANES) {
        V sums[TILE][PARTS] = {{{0}}};
        for (int d = 0; d < dim; d++)
            for (int p = 0; p < PARTS; p++) {
                V query = v_load(queries + (size_t)d * lanes + h + p * WIDTH);
                for (int i = 0; i < count; i++) sums[i][p] += query * keys[i * dim + d];
            }
        for (int i = 0; i < count; i++)
            for (int p = 0; p < PARTS; p++)
                totals[i] += v_larger(sums[i][p], (V){0}) * v_load(weights + h + p * WIDTH);
    }
    for (int i = 0; i < count; i++) scores[i] = v_sum(totals[i]);
}

/* SCORED entries of a row. `at`: the row's place among those scored now. */
static void score_unit(const V4Work *w, const V4Layer *layer, int index, int row, int at, int unit)
{
    V4Scratch *s = w->s;
    const V4Model *m = w->model;
    const V4Row *place = &w->step->row[row];
    const void *entries = w->step->memory[index].indexer.entries, *keys[TILE];
    int64_t visible = visible_entries(place, &layer->indexer), first = (int64_t)unit * SCORED;
    int64_t last = first + SCORED < visible ? first + SCORED : visible;
    int lanes = padded_lanes(m->index_heads);
    const float *queries = s->turned + (size_t)row * m->index_dim * lanes;
    const float *weights = s->weights + (size_t)row * lanes;
    float *scores = s->scores + (size_t)at * s->seen, wide[TILE * MAX_WIDTH];
    for (int64_t e = first; e < last; e += TILE) {
        int count = last - e < TILE ? (int)(last - e) : TILE;
        for (int i = 0; i < count; i++)
            keys[i] = entry_at(w, &layer->indexer, entries, place->blocks, e + i);
        widen_keys(m, keys, count, m->index_dim, wide);
        if (count == TILE) score_tile(w, TILE, wide, queries, weights, scores + e);
        else
            for (int i = 0; i < count; i++)
                score_tile(w, 1, wide + i * m->index_dim, queries, weights, scores + e + i);
    }
}

/* Order of floats as order of integers. */
INLINE uint32_t rank_of(float score)
{
    uint32_t bits;
    memcpy(&bits, &score, 4);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/* The rank that `count` of the scores reach or pass, digit by digit; `equal`: of those that have
 * just this rank, how many are among them. */
static uint32_t rank_reached(const float *scores, int64_t visible, int count, int *equal)
{
    uint32_t found = 0, known = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        int64_t digits[256] = {0};
        int digit = 255;
        for (int64_t e = 0; e < visible; e++) {
            uint32_t rank = rank_of(scores[e]);
            if ((rank & known) == found) digits[rank >> shift & 255]++;
        }
        while (digits[digit] < count) count -= (int)digits[digit--];
        found |= (uint32_t)digit << shift;
        known |= 255u << shift;
    }
    *equal = count;
    return found;
}

/* The best entries of a row, rising; among equals the first. */
static void choose_entries(const V4Work *w, const V4Layer *layer, int row, int at)
{
    V4Scratch *s = w->s;
    int count = w->model->index_topk, equal, found = 0;
    int *chosen = s->chosen + (size_t)row * count;
    const float *scores = s->scores + (size_t)at * s->seen;
    int64_t visible = visible_entries(&w->step->row[row], &layer->indexer);
    uint32_t least = rank_reached(scores, visible, count, &equal);
    for (int64_t e = 0; e < visible; e++) {
        uint32_t rank = rank_of(scores[e]);
        if (rank > least || (rank == least && equal-- > 0)) chosen[found++] = (int)e;
    }
}
