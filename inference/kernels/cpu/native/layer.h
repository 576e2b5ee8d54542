/* One layer of a decoder, as all threads run it together. Included once per backend. */

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
    FOR_EACH_UNIT(w->pool, row, step->rows) place_row(w, layer, index, row);
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
                gate_lanes(layer->limit, share, &gate[i], &up[i],
                           s->inner.value + (size_t)row * s->inner.width + column);
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
