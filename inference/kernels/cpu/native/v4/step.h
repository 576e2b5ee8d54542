/* One step of DeepSeek-V4 over all layers: single tokens and runs of prompts alike. Included once
 * per backend.
 *
 * Every thread runs `run_v4`; they share each part's units by claiming them and meet after it.
 */
#include "v4.h"

typedef struct {
    struct Pool *pool;
    const V4Model *model;
    const V4Step *step;
    V4Scratch *s;
} V4Work;

#define V4_UNITS(w, unit, count) for (int unit; (unit = pool_claim((w)->pool)) < (count);)

INLINE int padded_lanes(int count)
{
    return (count + LANES - 1) / LANES * LANES;
}

#include "lanes.h"

#include "compress.h"

#include "mixing.h"

#include "index.h"

#include "attend.h"

#include "experts.h"

#include "products.h"

INLINE void embed_token(const V4Model *m, int64_t token, float *to)
{
    size_t at = (size_t)token * m->hidden;
    for (int k = 0; k < m->hidden; k++)
        to[k] = m->embedding_bf16 ? one_bf16(((const uint16_t *)m->embedding)[at + k])
                                  : ((const float *)m->embedding)[at + k];
}

INLINE void place_angles(const V4Work *w, int row)
{
    const V4Model *m = w->model;
    for (int i = 0; i < 2; i++)
        angles_at(m, i, w->step->row[row].position,
                  w->s->angles + ((size_t)row * 2 + i) * m->rope);
}

#include "draft.h"

static void enter_all(const V4Work *w, const Mixing *mixing, const float *norm)
{
    int units = mixing->function->panels * STREAMS;
    V4_UNITS(w, unit, units) mix_unit(w, mixing, unit);
    pool_meet(w->pool);
    V4_UNITS(w, row, w->step->rows) enter_block(w, mixing, norm, row);
    pool_meet(w->pool);
}

/* All that attention reads of a row's input. */
static void project_all(const V4Work *w, const V4Layer *layer)
{
    V4Scratch *s = w->s;
    int count = 2, lanes = padded_lanes(w->model->index_heads);
    V4Product products[7] = {
        product_of(layer->query_down, s->low.value, s->low.width),
        product_of(layer->key, s->keys, w->model->head_dim),
    };
    for (int i = 0; i < 2; i++) {
        const Compressor *c = i ? &layer->indexer : &layer->compressor;
        if (!c->rate) continue;
        products[count++] = product_of(c->values, s->values[i], c->row);
        products[count++] = product_of(c->gates, s->gates[i], c->row);
    }
    if (layer->indexer.rate)
        products[count++] = product_of(layer->index_weights, s->weights, lanes);
    multiply_all(w, &s->normed, products, count);
    V4_UNITS(w, row, w->step->rows) place_projections(w, layer, row);
    pool_meet(w->pool);
}

/* Queries of the heads and of the indexer; entries that the rows complete. */
static void raise_queries(const V4Work *w, const V4Layer *layer, int index)
{
    V4Scratch *s = w->s;
    const V4Model *m = w->model;
    int count = layer->indexer.rate ? 2 : 1;
    V4Product products[2] = {
        product_of(layer->query_up, s->queries, (size_t)m->heads * m->head_dim)};
    if (count == 2)
        products[1] = product_of(layer->index_query, s->wanted,
                                 (size_t)m->index_heads * m->index_dim);
    int entries = layer->compressor.rate ? 2 * w->step->rows : 0;
    int units = entries + units_of(products, count);
    V4_UNITS(w, unit, units) {
        if (unit < entries) make_entry(w, layer, index, unit % 2, unit / 2);
        else multiply_unit(w, &s->low, products, unit - entries);
    }
    pool_meet(w->pool);
}

/* Chooses entries for the rows that see more than they may attend to, some rows at a time. */
static void choose_all(const V4Work *w, const V4Layer *layer, int index)
{
    const V4Step *step = w->step;
    int64_t most = 0;
    for (int row = 0; row < step->rows; row++)
        if (is_choosing(w, layer, row) && visible_entries(&step->row[row], &layer->indexer) > most)
            most = visible_entries(&step->row[row], &layer->indexer);
    if (!most) return;
    V4_UNITS(w, row, step->rows) prepare_index(w, layer, row);
    pool_meet(w->pool);
    int tiles = (int)((most + SCORED - 1) / SCORED);
    for (int first = 0; first < step->rows; first += w->s->scored) {
        int rows = step->rows - first < w->s->scored ? step->rows - first : w->s->scored;
        V4_UNITS(w, unit, rows * tiles) {
            int at = unit / tiles;
            if (is_choosing(w, layer, first + at))
                score_unit(w, layer, index, first + at, at, unit % tiles);
        }
        pool_meet(w->pool);
        V4_UNITS(w, at, rows)
            if (is_choosing(w, layer, first + at)) choose_entries(w, layer, first + at, at);
        pool_meet(w->pool);
    }
}

/* Each group of heads to its rank, all ranks to the output. */
static void project_out(const V4Work *w, const V4Layer *layer)
{
    V4Scratch *s = w->s;
    const V4Model *m = w->model;
    int width = s->mixed.width / m->groups, panels = (layer->groups[0]->panels + 1) / 2;
    quantise_all(w, &s->mixed, layer->groups[0]);
    V4_UNITS(w, unit, panels * m->groups) {
        int group = unit / panels;
        Rows x = seen_from(&s->mixed, -(group * width / GROUP));
        V4Product product = product_of(layer->groups[group], s->ranks.value + group * m->rank,
                                       s->ranks.width);
        multiply_unit(w, &x, &product, unit % panels);
    }
    pool_meet(w->pool);
    quantise_all(w, &s->ranks, layer->output);
    V4Product output = product_of(layer->output, s->out, s->normed.width);
    multiply_all(w, &s->ranks, &output, 1);
}

/* Has rows of `from` answered, into `out`; they are padded as `normed` is. */
static void ask_all(const V4Work *w, int layer, int what, const float *from, int thread)
{
    const V4Step *step = w->step;
    int hidden = w->model->hidden, width = w->s->normed.width;
    V4_UNITS(w, row, step->rows)
        memcpy(step->passed + (size_t)row * hidden, from + (size_t)row * width,
               hidden * sizeof(float));
    pool_meet(w->pool);
    if (thread == 0 && step->ask(step->caller, layer, what)) w->s->failed = 1;
    pool_meet(w->pool);
    V4_UNITS(w, row, step->rows)
        memcpy(w->s->out + (size_t)row * width, step->passed + (size_t)row * hidden,
               hidden * sizeof(float));
    pool_meet(w->pool);
}

static void run_attention_block(const V4Work *w, const V4Layer *layer, int index, int thread)
{
    enter_all(w, &layer->attention_mixing, layer->attention_norm);
    project_all(w, layer);
    raise_queries(w, layer, index);
    if (layer->indexer.rate) choose_all(w, layer, index);
    int blocks = padded_lanes(w->model->heads) / LANES;
    V4_UNITS(w, unit, blocks * w->step->rows)
        attend_unit(w, layer, index, unit / blocks, unit % blocks, thread);
    pool_meet(w->pool);
    project_out(w, layer);
    if (w->step->asked & ASK_ATTENTION) ask_all(w, index, ASK_ATTENTION, w->s->out, thread);
    V4_UNITS(w, row, w->step->rows) {
        leave_block(w, row);
        write_rings(w, layer, index, row);
    }
    pool_meet(w->pool);
}

static void run_expert_block(const V4Work *w, const V4Layer *layer, int index, int thread)
{
    V4Product router = product_of(layer->router, w->s->logits, w->model->experts);
    enter_all(w, &layer->feed_mixing, layer->feed_norm);
    multiply_all(w, &w->s->normed, &router, 1);
    V4_UNITS(w, row, w->step->rows) route_row(w, layer, row);
    pool_meet(w->pool);
    if (w->step->asked & ASK_EXPERTS) ask_all(w, index, ASK_EXPERTS, w->s->normed.value, thread);
    else run_experts(w, layer, thread);
    V4_UNITS(w, row, w->step->rows) leave_block(w, row);
    pool_meet(w->pool);
}

static void begin_row(const V4Work *w, int row)
{
    const V4Model *m = w->model;
    V4Scratch *s = w->s;
    float *to = s->streams.value + (size_t)row * s->streams.width;
    embed_token(m, w->step->tokens[row], to);
    for (int i = 1; i < STREAMS; i++)
        memcpy(to + (size_t)i * s->normed.width, to, m->hidden * sizeof(float));
    place_angles(w, row);
}

/* Streams without padding, as the draft module reads them. */
static void copy_streams(const V4Work *w, int row)
{
    const V4Model *m = w->model;
    V4Scratch *s = w->s;
    for (int i = 0; i < STREAMS; i++) {
        const float *from = s->streams.value + (size_t)row * s->streams.width
                          + (size_t)i * s->normed.width;
        size_t to = ((size_t)row * STREAMS + i) * m->hidden;
        for (int k = 0; k < m->hidden; k++)
            if (m->cache_bf16) ((uint16_t *)w->step->streams)[to + k] = to_bf16(from[k]);
            else ((float *)w->step->streams)[to + k] = from[k];
    }
}

/* One stream of a row, normed, into the place `to` of the rows that are multiplied next. */
static void end_row(const V4Work *w, int row, int to)
{
    V4Scratch *s = w->s;
    float weights[LANES], *normed = s->normed.value + (size_t)to * s->normed.width;
    head_weights(w, row, weights);
    collapse(w, row, weights, w->model->norm, normed);
    if (w->step->logits && is_quantised(w->model->head)) quantise_row(&s->normed, to);
    if (w->step->states)
        memcpy(w->step->states + (size_t)to * w->model->hidden, normed,
               w->model->hidden * sizeof(float));
}

/* Logits of the rows that sample, in their order, or the states of all. */
static void run_end(const V4Work *w)
{
    const V4Model *m = w->model;
    const V4Step *step = w->step;
    int units = m->mixing.function->panels * STREAMS;
    if (step->streams)
        V4_UNITS(w, row, step->rows) copy_streams(w, row);
    pool_meet(w->pool);
    V4_UNITS(w, unit, units) mix_unit(w, &m->mixing, unit);
    pool_meet(w->pool);
    int rows = step->logits ? step->sampled : step->rows;
    V4_UNITS(w, i, rows) end_row(w, step->logits ? (int)step->sample_rows[i] : i, i);
    pool_meet(w->pool);
    if (!step->logits) return;
    Sink logits = {.to = step->logits, .stride = m->head->out, .columns = m->head->out};
    units = (m->head->panels + 3) / 4;
    V4_UNITS(w, unit, units)
        multiply(m->head, &w->s->normed, w->s->every, step->sampled, unit * 4, unit * 4 + 4, 0,
                 m->head->groups, &logits);
    pool_meet(w->pool);
}

static void run_v4(void *argument, int thread)
{
    const V4Work *w = argument;
    if (w->model->draft.token) {
        enter_draft(w);
    } else {
        V4_UNITS(w, row, w->step->rows) begin_row(w, row);
        pool_meet(w->pool);
    }
    for (int l = 0; l < w->model->num_layers; l++) {
        run_attention_block(w, &w->model->layers[l], l, thread);
        if (w->s->failed) return;
        run_expert_block(w, &w->model->layers[l], l, thread);
        if (w->s->failed) return;
    }
    run_end(w);
}

static void v4_step(struct Pool *pool, const V4Model *model, const V4Step *step, V4Scratch *scratch)
{
    V4Work work = {pool, model, step, scratch};
    scratch->failed = 0;
    pool_run(pool, run_v4, &work);
}
