/* One step of a decoder over all layers. Included once per backend.
 *
 * Every thread runs `run_step`; they share each part's units by claiming them and meet after it.
 */

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
    FOR_EACH_UNIT(w->pool, row, step->rows) {
        embed_row(m, step->tokens[row], w->s->hidden + (size_t)row * width);
        turn_row(w, row);
    }
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
