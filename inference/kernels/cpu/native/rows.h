/* What is done to the rows of a step one by one. Included once per backend. */

typedef struct {
    struct Pool *pool;
    const Model *model;
    const Step *step;
    Scratch *s;
} Work;

#define FOR_EACH_UNIT(pool, unit, count)                                                          \
    for (int unit; (unit = pool_claim(pool)) < (count);)

static void embed_row(const Model *model, int64_t token, float *to)
{
    size_t at = (size_t)token * model->hidden;
    for (int i = 0; i < model->hidden; i++)
        to[i] = model->embedding_bf16 ? one_bf16(((const uint16_t *)model->embedding)[at + i])
                                      : ((const float *)model->embedding)[at + i];
}

/* Cosines and sines of a row's position, in halves. */
static void turn_row(const Work *w, int row)
{
    int half = w->model->head_dim / 2;
    float *angles = w->s->angles + (size_t)row * w->model->head_dim;
    for (int i = 0; i < half; i++) {
        float angle = w->step->positions[row] * w->model->frequencies[i];
        angles[i] = cosf(angle);
        angles[half + i] = sinf(angle);
    }
}

/* to = weight * from / root mean square; `width` is padded with zeros to lanes. */
static void norm_row(const float *from, const float *weight, int count, int width, float eps,
                     float *to)
{
    V squares = {0};
    for (int k = 0; k < width; k += WIDTH) squares += v_load(from + k) * v_load(from + k);
    float scale = 1 / sqrtf(v_sum(squares) / count + eps);
    for (int k = 0; k < width; k += WIDTH)
        v_store(to + k, v_load(from + k) * scale * v_load(weight + k));
}

static void norm_head(float *head, const float *weight, int count, float eps)
{
    float sum = 0;
    for (int i = 0; i < count; i++) sum += head[i] * head[i];
    float scale = 1 / sqrtf(sum / count + eps);
    for (int i = 0; i < count; i++) head[i] *= scale * weight[i];
}

/* Halves layout, as `rotate` in kernels/reference. */
static void rotate_head(float *restrict head, int half, const float *restrict angles, float scale)
{
    for (int i = 0; i < half; i++) {
        float low = head[i], high = head[half + i], cosine = angles[i], sine = angles[half + i];
        head[i] = (low * cosine - high * sine) * scale;
        head[half + i] = (high * cosine + low * sine) * scale;
    }
}

static void cache_row(const Work *w, const float *key, const float *value, int layer, int64_t slot)
{
    const Model *m = w->model;
    int size = w->step->block_size, rows = padded(size), width = padded(m->head_dim);
    size_t block = slot / size, at = slot % size;
    void *keys = (void *)(intptr_t)w->step->cache[2 * layer];
    void *values = (void *)(intptr_t)w->step->cache[2 * layer + 1];
    for (int h = 0; h < m->kv_heads; h++) {
        size_t head = block * m->kv_heads + h;
        for (int i = 0; i < m->head_dim; i++) {
            size_t from = (size_t)h * m->head_dim + i;
            put_cached(keys, (head * m->head_dim + i) * rows + at, m->cache_bf16, key[from]);
            put_cached(values, (head * rows + at) * width + i, m->cache_bf16, value[from]);
        }
    }
}

/* Norms and rotates a row's heads and puts its key and value into the cache. */
static void place_row(const Work *w, const Layer *layer, int index, int row)
{
    const Model *m = w->model;
    int dim = m->head_dim;
    const float *angles = w->s->angles + (size_t)row * dim;
    float *joint = w->s->joint + (size_t)row * (m->heads + 2 * m->kv_heads) * dim;
    for (int h = 0; h < m->heads + m->kv_heads; h++) {
        const float *weight = h < m->heads ? layer->query_norm : layer->key_norm;
        if (weight) norm_head(joint + h * dim, weight, dim, m->eps);
        rotate_head(joint + h * dim, dim / 2, angles, h < m->heads ? 1 / sqrtf(dim) : 1);
    }
    const float *key = joint + m->heads * dim;
    cache_row(w, key, key + m->kv_heads * dim, index, w->step->slots[row]);
}

static void attend_row(const Work *w, int layer, int row, int head, float *scores)
{
    const Model *m = w->model;
    int group = m->heads / m->kv_heads, first = head * group * m->head_dim;
    Past past = {
        .keys = (void *)(intptr_t)w->step->cache[2 * layer],
        .values = (void *)(intptr_t)w->step->cache[2 * layer + 1],
        .table = w->step->tables[row],
        .bf16 = m->cache_bf16,
        .length = (int)w->step->positions[row] + 1,
        .size = w->step->block_size,
        .head = head,
        .kv_heads = m->kv_heads,
        .dim = m->head_dim,
    };
    const float *joint = w->s->joint + (size_t)row * (m->heads + 2 * m->kv_heads) * m->head_dim;
    float *to = w->s->mixed.value + (size_t)row * w->s->mixed.width + first;
    attend(group, &past, joint + first, scores, w->s->context, to);
}

/* to = SwiGLU of LANES columns, times a row's share; `limit` cuts gate and up, 0: not. */
INLINE void gate_lanes(float limit, float share, const F *gates, const F *ups, float *to)
{
    for (int i = 0; i < LANES; i += WIDTH) {
        V gate = v_load((const float *)gates + i), up = v_load((const float *)ups + i);
        if (limit > 0) {
            V most = v_splat(limit);
            gate = -v_larger(-gate, -most);
            up = v_larger(-v_larger(-up, -most), -most);
        }
        v_store(to + i, gate / (1.0f + v_exponential(-gate)) * up * share);
    }
}
