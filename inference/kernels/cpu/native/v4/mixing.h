/* Manifold-constrained hyper-connections: how a block reads the streams and writes to them
 * (`mix_in`, `mix_out`, `mix_head` of the reference). Included once per backend.
 */

/* A matrix of 4 x 4, row after row. */
typedef struct {
    V part[PARTS];
} Square;

#define EACH_PART(i) for (int i = 0; i < PARTS; i++)

#if WIDTH == 16
#define SHUFFLED(v, a, b, c, d)                                                                    \
    __builtin_shufflevector(v, v, a, b, c, d, 4 + a, 4 + b, 4 + c, 4 + d, 8 + a, 8 + b, 8 + c,     \
                            8 + d, 12 + a, 12 + b, 12 + c, 12 + d)
#define BY_ONE_ROW(v)                                                                              \
    __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11)
#define BY_TWO_ROWS(v)                                                                             \
    __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)
#elif WIDTH == 8
#define SHUFFLED(v, a, b, c, d)                                                                    \
    __builtin_shufflevector(v, v, a, b, c, d, 4 + a, 4 + b, 4 + c, 4 + d)
#define BY_ONE_ROW(v) __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3)
#else
#define SHUFFLED(v, a, b, c, d) __builtin_shufflevector(v, v, a, b, c, d)
#endif

INLINE V row_sums(V v)
{
    v += SHUFFLED(v, 1, 0, 3, 2);
    return v + SHUFFLED(v, 2, 3, 0, 1);
}

INLINE V row_largest(V v)
{
    v = v_larger(v, SHUFFLED(v, 1, 0, 3, 2));
    return v_larger(v, SHUFFLED(v, 2, 3, 0, 1));
}

INLINE V column_sums(Square s)
{
    V sum = s.part[0];
    for (int i = 1; i < PARTS; i++) sum += s.part[i];
#if WIDTH == 16
    sum += BY_TWO_ROWS(sum);
#endif
#if WIDTH >= 8
    sum += BY_ONE_ROW(sum);
#endif
    return sum;
}

INLINE Square columns_to_one(Square s, float eps)
{
    V scale = 1.0f / (column_sums(s) + eps);
    EACH_PART(i) s.part[i] *= scale;
    return s;
}

/* Sinkhorn-Knopp after a softmax: rows and columns add up to one. */
INLINE Square doubly_stochastic(Square s, int iterations, float eps)
{
    EACH_PART(i) s.part[i] = v_exponential(s.part[i] - row_largest(s.part[i]));
    EACH_PART(i) s.part[i] = s.part[i] / row_sums(s.part[i]) + eps;
    s = columns_to_one(s, eps);
    for (int n = 1; n < iterations; n++) {
        EACH_PART(i) s.part[i] = s.part[i] / (row_sums(s.part[i]) + eps);
        s = columns_to_one(s, eps);
    }
    return s;
}

/* Of the first LANES values. */
INLINE void sigmoids(const float *from, float *to)
{
    EACH_PART(i) v_store(to + i * WIDTH, 1.0f / (1.0f + v_exponential(-v_load(from + i * WIDTH))));
}

/* The product of the streams and a mixing's function, in one part per stream. */
static void mix_unit(const V4Work *w, const Mixing *mixing, int unit)
{
    V4Scratch *s = w->s;
    int panels = mixing->function->panels, part = unit / panels, panel = unit % panels;
    int groups = mixing->function->groups / STREAMS;
    Sink sink = {
        .to = s->parts + (size_t)part * s->rows * MIX_WIDTH,
        .stride = MIX_WIDTH,
        .columns = mixing->function->out,
    };
    multiply(mixing->function, &s->streams, s->every, w->step->rows, panel, panel + 1,
             part * groups, (part + 1) * groups, &sink);
}

/* One row of that product over the root mean square of its streams. */
static void read_mixes(const V4Work *w, int row, float *mixes)
{
    V4Scratch *s = w->s;
    const float *streams = s->streams.value + (size_t)row * s->streams.width;
    float mean = sum_of_squares(streams, s->streams.width) / (STREAMS * w->model->hidden);
    float scale = 1 / sqrtf(mean + w->model->eps);
    for (int k = 0; k < MIX_WIDTH; k += WIDTH) {
        V sum = {0};
        for (int part = 0; part < STREAMS; part++)
            sum += v_load(s->parts + ((size_t)part * s->rows + row) * MIX_WIDTH + k);
        v_store(mixes + k, sum * scale);
    }
}

/* `to` = the streams of a row, weighted, then normed. */
static void collapse(const V4Work *w, int row, const float *weights, const float *norm, float *to)
{
    V4Scratch *s = w->s;
    int width = s->normed.width;
    const float *from = s->streams.value + (size_t)row * s->streams.width;
    for (int k = 0; k < width; k += WIDTH) {
        V sum = v_load(from + k) * weights[0];
        for (int i = 1; i < STREAMS; i++) sum += v_load(from + (size_t)i * width + k) * weights[i];
        v_store(to + k, sum);
    }
    norm_wide(to, norm, w->model->hidden, width, w->model->eps);
}

/* What a block reads: the row's normed input, and what `leave_block` needs. */
static void enter_block(const V4Work *w, const Mixing *mixing, const float *norm, int row)
{
    V4Scratch *s = w->s;
    const V4Model *m = w->model;
    float mixes[MIX_WIDTH + LANES], weights[LANES];
    Square square;
    read_mixes(w, row, mixes);
    for (int i = 0; i < 2 * STREAMS; i++)
        mixes[i] = mixes[i] * mixing->scale[i / STREAMS] + mixing->base[i];
    sigmoids(mixes, weights);
    for (int i = 0; i < STREAMS; i++) {
        s->post[(size_t)row * STREAMS + i] = 2 * weights[STREAMS + i];
        weights[i] += m->hc_eps;
    }
    EACH_PART(i) {
        int at = 2 * STREAMS + i * WIDTH;
        square.part[i] = v_load(mixes + at) * mixing->scale[2] + v_load(mixing->base + at);
    }
    square = doubly_stochastic(square, m->iterations, m->hc_eps);
    EACH_PART(i) v_store(s->square + (size_t)row * LANES + i * WIDTH, square.part[i]);
    collapse(w, row, weights, norm, s->normed.value + (size_t)row * s->normed.width);
    if (s->normed.code) quantise_row(&s->normed, row);
}

/* Streams of a row after a block's output. */
static void leave_block(const V4Work *w, int row)
{
    V4Scratch *s = w->s;
    int width = s->normed.width;
    float *streams = s->streams.value + (size_t)row * s->streams.width;
    const float *out = s->out + (size_t)row * width, *post = s->post + (size_t)row * STREAMS;
    const float *square = s->square + (size_t)row * LANES;
    for (int k = 0; k < width; k += WIDTH) {
        V before[STREAMS], given = v_load(out + k);
        for (int j = 0; j < STREAMS; j++) before[j] = v_load(streams + (size_t)j * width + k);
        for (int to = 0; to < STREAMS; to++) {
            V sum = given * post[to];
            for (int j = 0; j < STREAMS; j++) sum += before[j] * square[j * STREAMS + to];
            v_store(streams + (size_t)to * width + k, sum);
        }
    }
}

static void head_weights(const V4Work *w, int row, float *weights)
{
    const Mixing *mixing = &w->model->mixing;
    float mixes[MIX_WIDTH];
    read_mixes(w, row, mixes);
    for (int i = 0; i < STREAMS; i++) mixes[i] = mixes[i] * mixing->scale[0] + mixing->base[i];
    sigmoids(mixes, weights);
    for (int i = 0; i < STREAMS; i++) weights[i] += w->model->hc_eps;
}
