/* Attention of one row over shared keys that are the values too: the window, then entries; a sink
 * takes weight and gives nothing. Sixteen heads at a time stand side by side. Included once per
 * backend.
 */

/* A thread's buffers, for up to `count` keys. */
typedef struct {
    const void **keys;                /* [count] */
    float *queries, *weights, *wide; /* [head_dim, 16], [count, 16], [TILE, head_dim] */
} Attending;

INLINE Attending attending_of(const V4Work *w, int thread)
{
    V4Scratch *s = w->s;
    int dim = w->model->head_dim;
    float *from = s->attending + (size_t)thread * s->attending_size;
    return (Attending){
        .queries = from,
        .wide = from + dim * LANES,
        .keys = (const void **)(from + dim * (LANES + MOST_TILE)),
        .weights = from + dim * (LANES + MOST_TILE) + 2 * (size_t)s->keys_seen,
    };
}

/* Keys that a row sees, by position; how many. */
static int gather_keys(const V4Work *w, const V4Layer *layer, int index, int row, const void **keys)
{
    V4Scratch *s = w->s;
    const V4Model *m = w->model;
    const V4Row *at = &w->step->row[row];
    const V4Memory *memory = &w->step->memory[index];
    const Compressor *c = &layer->compressor;
    size_t state = (size_t)at->state * w->step->raw_stride;
    int64_t first = at->position - m->window + 1, visible = visible_entries(at, c);
    int count = 0, choosing = is_choosing(w, layer, row);
    for (int64_t p = first < 0 ? 0 : first; p <= at->position; p++) {
        size_t fresh = (size_t)(at->first + p - at->start) * m->head_dim;
        size_t old = state + (size_t)(p % m->ring) * m->head_dim;
        keys[count++] = p < at->start ? element(m, memory->raw, old) : element(m, s->fresh, fresh);
    }
    if (choosing) visible = m->index_topk;
    for (int64_t i = 0; i < visible; i++) {
        int64_t number = choosing ? s->chosen[(size_t)row * m->index_topk + i] : i;
        keys[count++] = entry_at(w, c, memory->compressor.entries, at->blocks, number);
    }
    return count;
}

/* Heads side by side: normed, rotated, scaled. */
static void read_queries(const V4Work *w, const V4Layer *layer, int row, int first, int heads,
                         float *to)
{
    const V4Model *m = w->model;
    int dim = m->head_dim;
    float scale = 1 / sqrtf(dim);
    for (int h = 0; h < heads; h++) {
        float *head = w->s->queries + ((size_t)row * m->heads + first + h) * dim;
        norm_wide(head, NULL, dim, dim, m->eps);
        turn(m, head, dim, row_angles(w, layer, row), 1);
        for (int d = 0; d < dim; d++) to[d * LANES + h] = head[d] * scale;
    }
}

/* `parts` registers of heads. */
INLINE void score_keys(const int parts, const int count, int dim, const float *keys,
                       const float *queries, float *scores)
{
    V sums[TILE][PARTS] = {{{0}}};
    for (int d = 0; d < dim; d++)
        for (int p = 0; p < parts; p++) {
            V query = v_load(queries + d * LANES + p * WIDTH);
            for (int i = 0; i < count; i++) sums[i][p] += query * keys[i * dim + d];
        }
    for (int i = 0; i < count; i++)
        for (int p = 0; p < parts; p++) v_store(scores + i * LANES + p * WIDTH, sums[i][p]);
}

INLINE void score_all(const int parts, const V4Model *m, const Attending *a, int count)
{
    int dim = m->head_dim;
    for (int i = 0; i < count; i += TILE) {
        int n = count - i < TILE ? count - i : TILE;
        float *scores = a->weights + (size_t)i * LANES;
        widen_keys(m, a->keys + i, n, dim, a->wide);
        if (n == TILE) score_keys(parts, TILE, dim, a->wide, a->queries, scores);
        else
            for (int k = 0; k < n; k++)
                score_keys(parts, 1, dim, a->wide + k * dim, a->queries, scores + k * LANES);
    }
}

/* Scores become weights that add up to one with the sink's. */
INLINE void weigh_keys(float *scores, int count, V sink)
{
    V most = sink, total;
    for (int i = 0; i < count; i++) most = v_larger(most, v_load(scores + (size_t)i * LANES));
    total = v_exponential(sink - most);
    for (int i = 0; i < count; i++) {
        V weight = v_exponential(v_load(scores + (size_t)i * LANES) - most);
        v_store(scores + (size_t)i * LANES, weight);
        total += weight;
    }
    total = 1.0f / total;
    for (int i = 0; i < count; i++) {
        float *at = scores + (size_t)i * LANES;
        v_store(at, v_load(at) * total);
    }
}

INLINE void mix_values(const int heads, const int bf16, int dim, const Attending *a, int count,
                       int from, float **to)
{
    for (int k = 0; k < dim; k += LANES) {
        V sums[TILE][PARTS] = {{{0}}};
        for (int i = 0; i < count; i++) {
            const float *weights = a->weights + (size_t)i * LANES + from;
            for (int p = 0; p < PARTS; p++) {
                V value = kept(bf16, a->keys[i], k + p * WIDTH);
                for (int h = 0; h < heads; h++) sums[h][p] += value * weights[h];
            }
        }
        for (int h = 0; h < heads; h++)
            for (int p = 0; p < PARTS; p++) v_store(to[h] + k + p * WIDTH, sums[h][p]);
    }
}

INLINE void mix_some(const int heads, const V4Model *m, const Attending *a, int count, int from,
                     float **to)
{
    if (m->cache_bf16) mix_values(heads, 1, m->head_dim, a, count, from, to);
    else mix_values(heads, 0, m->head_dim, a, count, from, to);
}

INLINE float *mixed_head(const V4Work *w, int row, int head)
{
    const V4Model *m = w->model;
    int each = m->heads / m->groups, group = head / each;
    return w->s->mixed.value + (size_t)row * w->s->mixed.width
         + (size_t)group * (w->s->mixed.width / m->groups) + (head % each) * m->head_dim;
}

/* Heads `16 unit` to `16 unit + 15` of a row, turned back at the end. */
static void attend_unit(const V4Work *w, const V4Layer *layer, int index, int row, int unit,
                        int thread)
{
    const V4Model *m = w->model;
    Attending a = attending_of(w, thread);
    int first = unit * LANES, dim = m->head_dim;
    int heads = m->heads - first < LANES ? m->heads - first : LANES;
    int count = gather_keys(w, layer, index, row, a.keys);
    float sinks[LANES] = {0};
    memcpy(sinks, layer->sinks + first, heads * sizeof(float));
    read_queries(w, layer, row, first, heads, a.queries);
    if (heads > WIDTH) score_all(PARTS, m, &a, count);
    else score_all(1, m, &a, count);
    for (int p = 0; p < heads; p += WIDTH) weigh_keys(a.weights + p, count, v_load(sinks + p));
    for (int h = 0, n; h < heads; h += n) {
        float *to[TILE];
        n = heads - h < TILE ? 1 : TILE;
        for (int i = 0; i < n; i++) to[i] = mixed_head(w, row, first + h + i);
        if (n == TILE) mix_some(TILE, m, &a, count, h, to);
        else mix_some(1, m, &a, count, h, to);
        for (int i = 0; i < n; i++) turn(m, to[i], dim, row_angles(w, layer, row), -1);
    }
}
