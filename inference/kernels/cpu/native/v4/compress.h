/* Keys of the sliding window, and windows of projections pooled into entries. Included once per
 * backend.
 *
 * A row reads what is older than its run from the rings, what is younger from the run's buffers;
 * the rings are written when all rows have read.
 */

/* Neighbouring pairs of a head's last channels turn; `sign` -1 turns back. */
INLINE void turn(const V4Model *m, float *head, int width, const float *angles, float sign)
{
    float *at = head + width - m->rope;
    for (int i = 0; i < m->rope / 2; i++) {
        float even = at[2 * i], odd = at[2 * i + 1];
        float cosine = angles[i], sine = sign * angles[m->rope / 2 + i];
        at[2 * i] = even * cosine - odd * sine;
        at[2 * i + 1] = odd * cosine + even * sine;
    }
}

INLINE void angles_at(const V4Model *m, int compresses, int64_t position, float *angles)
{
    for (int i = 0; i < m->rope / 2; i++) {
        float angle = (float)position * m->frequencies[compresses][i];
        angles[i] = cosf(angle);
        angles[m->rope / 2 + i] = sinf(angle);
    }
}

INLINE const float *row_angles(const V4Work *w, const V4Layer *layer, int row)
{
    return w->s->angles + ((size_t)row * 2 + layer->compresses) * w->model->rope;
}

/* values *= norm / root mean square; `width` is a multiple of LANES. */
INLINE void norm_wide(float *values, const float *norm, int count, int width, float eps)
{
    float scale = 1 / sqrtf(sum_of_squares(values, width) / count + eps);
    for (int k = 0; k < width; k += WIDTH)
        v_store(values + k, v_load(values + k) * scale * (norm ? v_load(norm + k) : v_splat(1)));
}

INLINE void *element(const V4Model *m, const void *cache, size_t at)
{
    return (char *)cache + at * (m->cache_bf16 ? 2 : 4);
}

INLINE void keep(const V4Model *m, const float *from, int width, void *to)
{
    for (int k = 0; k < width; k += WIDTH) {
        if (m->cache_bf16) v_store_bf16((uint16_t *)to + k, v_load(from + k));
        else v_store((float *)to + k, v_load(from + k));
    }
}

INLINE V kept(const int bf16, const void *from, int at)
{
    return bf16 ? v_load_bf16((const uint16_t *)from + at) : v_load((const float *)from + at);
}

/* The entry `number` of a sequence with these blocks. */
INLINE void *entry_at(const V4Work *w, const Compressor *c, const void *entries,
                      const int64_t *blocks, int64_t number)
{
    int64_t per_block = w->step->block_size / c->rate;
    size_t place = (size_t)(blocks[number / per_block] * per_block + number % per_block);
    return element(w->model, entries, place * c->width);
}

/* After the projections: norms, rotation, and the bias of a place in its window. */
static void place_projections(const V4Work *w, const V4Layer *layer, int row)
{
    V4Scratch *s = w->s;
    const V4Model *m = w->model;
    int64_t position = w->step->row[row].position;
    float *key = s->keys + (size_t)row * m->head_dim;
    float *low = s->low.value + (size_t)row * s->low.width;
    norm_wide(low, layer->query_norm, m->query_rank, s->low.width, m->eps);
    if (s->low.code) quantise_row(&s->low, row);
    norm_wide(key, layer->key_norm, m->head_dim, m->head_dim, m->eps);
    turn(m, key, m->head_dim, row_angles(w, layer, row), 1);
    keep(m, key, m->head_dim, element(m, s->fresh, (size_t)row * m->head_dim));
    const Compressor *both[] = {&layer->compressor, &layer->indexer};
    for (int i = 0; i < 2; i++) {
        const Compressor *c = both[i];
        if (!c->rate) continue;
        const float *bias = c->bias + (size_t)(position % c->rate) * c->row;
        float *gates = s->gates[i] + (size_t)row * c->row;
        for (int k = 0; k < c->row; k += WIDTH)
            v_store(gates + k, v_load(gates + k) + v_load(bias + k));
    }
}

/* A window's projections, a position at a time. */
typedef struct {
    const float *fresh, *ring; /* of the run's first row; of the sequence's state */
    int64_t start, length;
    int row;
} Projected;

INLINE const float *projected(const Projected *p, int64_t position)
{
    if (position >= p->start) return p->fresh + (size_t)(position - p->start) * p->row;
    return p->ring + (size_t)(position % p->length) * p->row;
}

INLINE int ring_of(const Compressor *c)
{
    return (1 + c->overlap) * c->rate + SPARE;
}

/* A softmax over the positions of each channel, applied to it. */
INLINE void pool_window(const Compressor *c, const Projected *values, const Projected *gates,
                        int64_t from, int64_t own, float *entry)
{
    int64_t last = own + c->rate;
    for (int k = 0; k < c->width; k += WIDTH) {
        V most = v_splat(-__builtin_inff()), total = {0}, sum = {0};
        for (int64_t p = from; p < last; p++) {
            int part = k + (p >= own ? c->row - c->width : 0);
            most = v_larger(most, v_load(projected(gates, p) + part));
        }
        for (int64_t p = from; p < last; p++) {
            int part = k + (p >= own ? c->row - c->width : 0);
            V weight = v_exponential(v_load(projected(gates, p) + part) - most);
            total += weight;
            sum += weight * v_load(projected(values, p) + part);
        }
        v_store(entry + k, sum / total);
    }
}

/* The entry that the row's position completes, if it does. */
static void make_entry(const V4Work *w, const V4Layer *layer, int index, int which, int row)
{
    V4Scratch *s = w->s;
    const V4Model *m = w->model;
    const V4Row *at = &w->step->row[row];
    const V4Memory *memory = &w->step->memory[index];
    const Compressor *c = which ? &layer->indexer : &layer->compressor;
    const V4Pool *pool = which ? &memory->indexer : &memory->compressor;
    if (!c->rate || (at->position + 1) % c->rate) return;
    size_t state = (size_t)at->state * w->step->state_stride;
    size_t first = (size_t)at->first * c->row;
    Projected values = {s->values[which] + first, pool->values + state, at->start, ring_of(c),
                        c->row};
    Projected gates = {s->gates[which] + first, pool->gates + state, at->start, ring_of(c), c->row};
    int64_t number = at->position / c->rate, own = number * c->rate;
    int64_t from = number && c->overlap ? own - c->rate : own;
    float angles[MAX_ROPE], *entry = s->wide + (size_t)(2 * row + which) * m->head_dim;
    pool_window(c, &values, &gates, from, own, entry);
    norm_wide(entry, c->norm, c->width, c->width, m->eps);
    angles_at(m, 1, own, angles);
    turn(m, entry, c->width, angles, 1);
    keep(m, entry, c->width, entry_at(w, c, pool->entries, at->blocks, number));
}

/* What later steps read of a row, where no later row of its run takes its place. */
static void write_rings(const V4Work *w, const V4Layer *layer, int index, int row)
{
    V4Scratch *s = w->s;
    const V4Model *m = w->model;
    const V4Step *step = w->step;
    const V4Row *at = &step->row[row];
    const V4Memory *memory = &step->memory[index];
    if (row + m->ring >= at->last) {
        size_t place = (size_t)at->state * step->raw_stride
                     + (size_t)(at->position % m->ring) * m->head_dim;
        memcpy(element(m, memory->raw, place), element(m, s->fresh, (size_t)row * m->head_dim),
               m->head_dim * (m->cache_bf16 ? 2 : 4));
    }
    for (int i = 0; i < 2; i++) {
        const Compressor *c = i ? &layer->indexer : &layer->compressor;
        const V4Pool *pool = i ? &memory->indexer : &memory->compressor;
        if (!c->rate || row + ring_of(c) < at->last) continue;
        size_t place = (size_t)at->state * step->state_stride
                     + (size_t)(at->position % ring_of(c)) * c->row;
        size_t from = (size_t)row * c->row;
        memcpy(pool->values + place, s->values[i] + from, c->row * sizeof(float));
        memcpy(pool->gates + place, s->gates[i] + from, c->row * sizeof(float));
    }
}
