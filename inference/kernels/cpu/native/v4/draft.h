/* What the draft module reads: streams of the step before, and the tokens that follow. Included once
 * per backend.
 *
 * Each stream and each token's embedding is normed and multiplied by itself; their sum is what the
 * module's layer runs on (`DraftModule.run` of models/deepseek_v4/mtp.py).
 */

/* A row's streams and token, normed; nothing comes before the first position. */
static void read_given(const V4Work *w, int row)
{
    const V4Model *m = w->model;
    V4Scratch *s = w->s;
    int width = s->normed.width;
    float *token = s->normed.value + (size_t)row * width;
    if (w->step->row[row].position) embed_token(m, w->step->tokens[row], token);
    else memset(token, 0, m->hidden * sizeof(float));
    norm_wide(token, m->draft.token_norm, m->hidden, width, m->eps);
    if (s->normed.code) quantise_row(&s->normed, row);
    for (int i = 0; i < STREAMS; i++) {
        int at = row * STREAMS + i;
        float *stream = s->given.value + (size_t)at * width;
        size_t from = (size_t)at * m->hidden;
        for (int k = 0; k < m->hidden; k++)
            stream[k] = m->cache_bf16 ? one_bf16(((const uint16_t *)w->step->given)[from + k])
                                      : ((const float *)w->step->given)[from + k];
        norm_wide(stream, m->draft.stream_norm, m->hidden, width, m->eps);
        if (s->given.code) quantise_row(&s->given, at);
    }
}

static void add_token(const V4Work *w, int row)
{
    int width = w->s->normed.width;
    const float *token = w->s->out + (size_t)row * width;
    float *to = w->s->streams.value + (size_t)row * w->s->streams.width;
    for (int i = 0; i < STREAMS; i++)
        for (int k = 0; k < width; k += WIDTH)
            v_store(to + (size_t)i * width + k, v_load(to + (size_t)i * width + k) + v_load(token + k));
}

static void enter_draft(const V4Work *w)
{
    V4Scratch *s = w->s;
    const V4Draft *draft = &w->model->draft;
    int rows = w->step->rows, width = s->normed.width;
    V4Product token = product_of(draft->token, s->out, width);
    Sink streams = {.to = s->streams.value, .stride = width, .columns = draft->stream->out};
    V4_UNITS(w, row, rows) {
        place_angles(w, row);
        read_given(w, row);
    }
    pool_meet(w->pool);
    int own = units_of(&token, 1), units = own + (draft->stream->panels + 1) / 2;
    V4_UNITS(w, unit, units) {
        int panel = (unit - own) * 2;
        if (unit < own) multiply_unit(w, &s->normed, &token, unit);
        else
            multiply(draft->stream, &s->given, s->every, rows * STREAMS, panel, panel + 2, 0,
                     draft->stream->groups, &streams);
    }
    pool_meet(w->pool);
    V4_UNITS(w, row, rows) add_token(w, row);
    pool_meet(w->pool);
}
