/* One step of a decoder over all layers. Included once per backend.
 *
 * Every thread runs `run_step`; they share each part's units by claiming them and meet after it.
 */

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

/* to = weight * from / root mean square; `width` is padded with zeros to lanes. */
static void norm_row(const float *from, const float *weight, int count, int width, float eps,
                     float *to)
{
    F squares = {0};
    for (int k = 0; k < width; k += LANES) squares += load(from + k) * load(from + k);
    float scale = 1 / sqrtf(sum_of(squares) / count + eps);
    for (int k = 0; k < width; k += LANES)
        store(to + k, load(from + k) * scale * load(weight + k));
}

static void norm_head(float *head, const float *weight, int count, float eps)
{
    float sum = 0;
    for (int i = 0; i < count; i++) sum += head[i] * head[i];
    float scale = 1 / sqrtf(sum / count + eps);
    for (int i = 0; i < count; i++) head[i] *= scale * weight[i];
}

/* Halves layout, as `rotate` in kernels/reference. */
static void rotate_head(float *head, int half, const float *angles, float scale)
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
static void place_row(const Work *w, const Layer *layer, int index, int row, float *angles)
{
    const Model *m = w->model;
    int dim = m->head_dim, half = dim / 2;
    float *joint = w->s->joint + (size_t)row * (m->heads + 2 * m->kv_heads) * dim;
    for (int i = 0; i < half; i++) {
        float angle = w->step->positions[row] * m->frequencies[i];
        angles[i] = cosf(angle);
        angles[half + i] = sinf(angle);
    }
    for (int h = 0; h < m->heads + m->kv_heads; h++) {
        const float *weight = h < m->heads ? layer->query_norm : layer->key_norm;
        if (weight) norm_head(joint + h * dim, weight, dim, m->eps);
        rotate_head(joint + h * dim, half, angles, h < m->heads ? 1 / sqrtf(dim) : 1);
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

static void run_attention(const Work *w, const Layer *layer, int index, int thread)
{
    const Model *m = w->model;
    const Step *step = w->step;
    Scratch *s = w->s;
    int columns = (m->heads + 2 * m->kv_heads) * m->head_dim, units;
    float *scores = s->scores + (size_t)thread * 4 * s->context;
    Sink joint = {.to = s->joint, .stride = columns, .columns = columns};
    units = (layer->qkv->panels + 1) / 2;
    FOR_EACH_UNIT(w->pool, unit, units)
        multiply(layer->qkv, &s->normed, s->every, step->rows, unit * 2, unit * 2 + 2, 0,
                 layer->qkv->groups, &joint);
    pool_meet(w->pool);
    FOR_EACH_UNIT(w->pool, row, step->rows) place_row(w, layer, index, row, scores);
    pool_meet(w->pool);
    units = step->rows * m->kv_heads;
    FOR_EACH_UNIT(w->pool, unit, units)
        attend_row(w, index, unit / m->kv_heads, unit % m->kv_heads, scores);
    pool_meet(w->pool);
    if (is_quantised(layer->output)) {
        FOR_EACH_UNIT(w->pool, row, step->rows) quantise_row(&s->mixed, row);
        pool_meet(w->pool);
    }
    Sink hidden = {
        .to = s->hidden, .stride = s->normed.width, .columns = m->hidden, .add = 1};
    units = (layer->output->panels + 1) / 2;
    FOR_EACH_UNIT(w->pool, unit, units)
        multiply(layer->output, &s->mixed, s->every, step->rows, unit * 2, unit * 2 + 2, 0,
                 layer->output->groups, &hidden);
    pool_meet(w->pool);
}

INLINE F gated(const Layer *layer, F gate, F up)
{
    if (layer->limit > 0) {
        F limit = splat(layer->limit);
        gate = -larger(-gate, -limit);
        up = larger(-larger(-up, -limit), -limit);
    }
    return gate / (1.0f + exponential(-gate)) * up;
}

/* 32 columns of the inner state, of the rows that activate their expert. */
static void gate_unit(const Work *w, const Layer *layer, int unit)
{
    Scratch *s = w->s;
    int expert = unit * GROUP / layer->width, count = s->num[expert], panel = unit * 2;
    const int *rows = s->active + (size_t)expert * s->rows;
    for (int at = 0, n; at < count; at += n) {
        F gate[8], up[8];
        n = rows_at_once(count - at);
        for (int p = 0, m = panels_at_once(n, 2); p < 2; p += m) {
            any_block(n, m, layer->gate, &s->normed, rows + at, panel + p, 0, layer->gate->groups,
                      gate);
            any_block(n, m, layer->up, &s->normed, rows + at, panel + p, 0, layer->up->groups, up);
            for (int i = 0; i < n * m; i++) {
                int row = rows[at + i / m], column = (panel + p + i % m) * LANES;
                float share = s->gates[(size_t)row * layer->experts + expert];
                store(s->inner.value + (size_t)row * s->inner.width + column,
                      gated(layer, gate[i], up[i]) * share);
            }
        }
        for (int r = 0; r < n && is_quantised(layer->down); r++)
            quantise_group(&s->inner, rows[at + r], unit);
    }
}

static void list_active(const Work *w, const Layer *layer)
{
    Scratch *s = w->s;
    for (int e = 0; e < layer->experts; e++) {
        s->num[e] = 0;
        for (int row = 0; row < w->step->rows; row++)
            if (s->gates[(size_t)row * layer->experts + e] != 0)
                s->active[(size_t)e * s->rows + s->num[e]++] = row;
    }
}

static void run_feed_forward(const Work *w, const Layer *layer, int thread)
{
    Scratch *s = w->s;
    if (thread == 0) list_active(w, layer);
    pool_meet(w->pool);
    int units = layer->experts * layer->width / GROUP, groups = layer->width / GROUP;
    FOR_EACH_UNIT(w->pool, unit, units) gate_unit(w, layer, unit);
    pool_meet(w->pool);
    Sink hidden = {
        .to = s->hidden, .stride = s->normed.width, .columns = w->model->hidden, .add = 1};
    units = (layer->down->panels + 1) / 2;
    FOR_EACH_UNIT(w->pool, unit, units)
        for (int e = 0; e < layer->experts; e++)
            multiply(layer->down, &s->inner, s->active + (size_t)e * s->rows, s->num[e], unit * 2,
                     unit * 2 + 2, e * groups, (e + 1) * groups, &hidden);
    pool_meet(w->pool);
}

static void norm_rows(const Work *w, const float *weight, const Layer *route_for)
{
    const Model *m = w->model;
    const Step *step = w->step;
    const Rows *x = &w->s->normed;
    FOR_EACH_UNIT(w->pool, row, step->rows) {
        float *to = x->value + (size_t)row * x->width;
        norm_row(w->s->hidden + (size_t)row * x->width, weight, m->hidden, x->width, m->eps, to);
        if (x->code) quantise_row(x, row);
        if (!route_for) continue;
        int budget = (int)(step->budgets ? step->budgets[row] : step->budget);
        route(route_for, to, x->width, budget, w->s->gates + (size_t)row * route_for->experts);
    }
    pool_meet(w->pool);
}

/* Logits of the rows that sample, in their order. */
static void run_head(const Work *w)
{
    const Model *m = w->model;
    const Step *step = w->step;
    const Rows *x = &w->s->normed;
    FOR_EACH_UNIT(w->pool, i, step->sampled) {
        const float *from = w->s->hidden + (size_t)step->sample_rows[i] * x->width;
        norm_row(from, m->norm, m->hidden, x->width, m->eps, x->value + (size_t)i * x->width);
        if (is_quantised(m->head)) quantise_row(x, i);
    }
    pool_meet(w->pool);
    Sink logits = {.to = step->logits, .stride = m->vocab, .columns = m->vocab};
    int units = (m->head->panels + 15) / 16;
    FOR_EACH_UNIT(w->pool, unit, units)
        for (int panel = unit * 16; panel < unit * 16 + 16; panel += 4)
            multiply(m->head, x, w->s->every, step->sampled, panel, panel + 4, 0, m->head->groups,
                     &logits);
    pool_meet(w->pool);
}

static void copy_states(const Work *w)
{
    const Model *m = w->model;
    norm_rows(w, m->norm, NULL);
    FOR_EACH_UNIT(w->pool, row, w->step->rows)
        memcpy(w->step->states + (size_t)row * m->hidden,
               w->s->normed.value + (size_t)row * w->s->normed.width, m->hidden * sizeof(float));
}

static void run_step(void *argument, int thread)
{
    const Work *w = argument;
    const Model *m = w->model;
    const Step *step = w->step;
    int width = w->s->normed.width;
    FOR_EACH_UNIT(w->pool, row, step->rows)
        embed_row(m, step->tokens[row], w->s->hidden + (size_t)row * width);
    pool_meet(w->pool);
    for (int l = 0; l < m->num_layers; l++) {
        norm_rows(w, m->layers[l].input_norm, NULL);
        run_attention(w, &m->layers[l], l, thread);
        norm_rows(w, m->layers[l].post_norm, &m->layers[l]);
        run_feed_forward(w, &m->layers[l], thread);
    }
    if (step->logits) run_head(w);
    if (step->states) copy_states(w);
}

static void step(struct Pool *pool, const Model *model, const Step *given, Scratch *scratch)
{
    Work work = {pool, model, given, scratch};
    pool_run(pool, run_step, &work);
}
