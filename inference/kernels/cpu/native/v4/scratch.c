/* The buffers of a step of DeepSeek-V4, zeroed, since what pads a row is never written. */
#include "v4.h"

#include <stdlib.h>
#include <string.h>

#define SCORES_KEPT (1 << 24) /* floats of scores at a time, whatever the batch */

static void *zeroed(size_t count, size_t size)
{
    size_t bytes = (count * size + 63) / 64 * 64 + 64;
    void *memory = aligned_alloc(64, bytes);
    if (memory) memset(memory, 0, bytes);
    return memory;
}

static size_t padded_to(size_t count, size_t step)
{
    return (count + step - 1) / step * step;
}

/* All single buffers, so that they are made, looked at and freed alike. */
#define BUFFERS(s)                                                                               \
    {                                                                                            \
        (void **)&s->parts, (void **)&s->post, (void **)&s->square, (void **)&s->angles,         \
            (void **)&s->keys, (void **)&s->fresh, (void **)&s->wide, (void **)&s->values[0],    \
            (void **)&s->values[1], (void **)&s->gates[0], (void **)&s->gates[1],                \
            (void **)&s->queries, (void **)&s->wanted, (void **)&s->turned,                      \
            (void **)&s->weights, (void **)&s->scores, (void **)&s->chosen,                      \
            (void **)&s->attending, (void **)&s->out, (void **)&s->logits, (void **)&s->expert,  \
            (void **)&s->share, (void **)&s->num, (void **)&s->start, (void **)&s->running,      \
            (void **)&s->pair_row, (void **)&s->pair, (void **)&s->every                         \
    }
#define NUM_BUFFERS 28

void v4_scratch_free(V4Scratch *s)
{
    void **buffers[] = BUFFERS(s);
    for (int i = 0; i < NUM_BUFFERS; i++) free(*buffers[i]);
    Rows *rows[] = {&s->streams, &s->normed, &s->low,    &s->mixed,
                    &s->ranks,   &s->inner,  &s->shared, &s->given};
    for (int i = 0; i < 8; i++) rows_free(rows[i]);
    memset(s, 0, sizeof(*s));
}

/* Widest of all layers, and how many keys and scores positions up to `positions` come to. */
typedef struct {
    int rows[2], inner, shared, quantised;
    int64_t scores, keys;
} Widest;

static Widest widest_of(const V4Model *m, int64_t positions)
{
    Widest most = {.quantised = m->head->kind >= INT8};
    for (int l = 0; l < m->num_layers; l++) {
        const V4Layer *layer = &m->layers[l];
        const Compressor *both[] = {&layer->compressor, &layer->indexer};
        for (int i = 0; i < 2; i++)
            if (both[i]->rate && both[i]->row > most.rows[i]) most.rows[i] = both[i]->row;
        if (layer->routed.width > most.inner) most.inner = layer->routed.width;
        if (layer->shared.width > most.shared) most.shared = layer->shared.width;
        most.quantised |= layer->output->kind >= INT8;
        int64_t entries = layer->compressor.rate ? positions / layer->compressor.rate : 0;
        if (layer->indexer.rate) {
            if (entries > most.scores) most.scores = entries;
            if (entries > m->index_topk) entries = m->index_topk;
        }
        if (entries > most.keys) most.keys = entries;
    }
    return most;
}

static int allocate_rows(V4Scratch *s, const V4Model *m, const Widest *most, int count)
{
    int quantised = most->quantised, hidden = (int)padded_to(m->hidden, GROUP);
    int group = (int)padded_to((size_t)m->heads / m->groups * m->head_dim, GROUP);
    return rows_grow(&s->streams, count, STREAMS * hidden, 0)
        || rows_grow(&s->normed, count, hidden, quantised)
        || rows_grow(&s->low, count, m->query_rank, quantised)
        || rows_grow(&s->mixed, count, m->groups * group, quantised)
        || rows_grow(&s->ranks, count, m->groups * m->rank, quantised)
        || rows_grow(&s->inner, count * s->most, most->inner, quantised)
        || rows_grow(&s->shared, count, most->shared, quantised)
        || (m->draft.token && rows_grow(&s->given, count * STREAMS, hidden, quantised));
}

static void allocate(V4Scratch *s, const V4Model *m, const Widest *most, size_t count)
{
    size_t lanes = padded_to(m->index_heads, LANES), pairs = count * s->most;
    s->parts = zeroed(STREAMS * count * MIX_WIDTH, sizeof(float));
    s->post = zeroed(count * STREAMS, sizeof(float));
    s->square = zeroed(count * LANES, sizeof(float));
    s->angles = zeroed(count * 2 * m->rope, sizeof(float));
    s->keys = zeroed(count * m->head_dim, sizeof(float));
    s->fresh = zeroed(count * m->head_dim, sizeof(float));
    s->wide = zeroed(count * 2 * m->head_dim, sizeof(float));
    for (int i = 0; i < 2; i++) {
        s->values[i] = zeroed(count * most->rows[i], sizeof(float));
        s->gates[i] = zeroed(count * most->rows[i], sizeof(float));
    }
    s->queries = zeroed(count * m->heads * m->head_dim, sizeof(float));
    s->wanted = zeroed(count * m->index_heads * m->index_dim, sizeof(float));
    s->turned = zeroed(count * m->index_dim * lanes, sizeof(float));
    s->weights = zeroed(count * lanes, sizeof(float));
    s->scores = zeroed(s->scored * (size_t)s->seen, sizeof(float));
    s->chosen = zeroed(count * m->index_topk, sizeof(int));
    s->attending = zeroed(s->threads * s->attending_size, sizeof(float));
    s->out = zeroed(count * padded_to(m->hidden, GROUP), sizeof(float));
    s->logits = zeroed(count * m->experts, sizeof(float));
    s->expert = zeroed(pairs, sizeof(int));
    s->share = zeroed(pairs, sizeof(float));
    s->num = zeroed(count, sizeof(int));
    s->start = zeroed(m->experts + 1, sizeof(int));
    s->running = zeroed(m->experts, sizeof(int));
    s->pair_row = zeroed(pairs, sizeof(int));
    s->pair = zeroed(pairs, sizeof(int));
    s->every = zeroed(count * STREAMS, sizeof(int));
}

static int64_t larger_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int v4_scratch_grow(V4Scratch *s, const V4Model *m, int threads, int rows, int most,
                    int64_t positions)
{
    Widest widest = widest_of(m, positions);
    int64_t keys = padded_to(m->window + widest.keys, MOST_TILE);
    if (rows <= s->rows && most <= s->most && keys <= s->keys_seen && widest.scores <= s->seen
        && threads == s->threads)
        return 0;
    V4Scratch grown = {
        .rows = (int)larger_of(larger_of(rows, s->rows), 16),
        .most = (int)larger_of(most, s->most),
        .threads = threads,
        .seen = larger_of(s->seen, widest.scores > s->seen ? 2 * widest.scores : 0),
        .keys_seen = larger_of(s->keys_seen, keys > s->keys_seen ? 2 * keys : 0),
    };
    v4_scratch_free(s);
    *s = grown;
    s->scored = s->seen * s->rows > SCORES_KEPT ? (int)larger_of(1, SCORES_KEPT / s->seen) : s->rows;
    s->attending_size = padded_to((size_t)m->head_dim * (LANES + MOST_TILE) + (LANES + 2) * s->keys_seen,
                                  LANES);
    allocate(s, m, &widest, s->rows);
    int failed = allocate_rows(s, m, &widest, s->rows);
    void **buffers[] = BUFFERS(s);
    for (int i = 0; i < NUM_BUFFERS; i++) failed |= !*buffers[i];
    if (failed) {
        v4_scratch_free(s);
        return -1;
    }
    for (int i = 0; i < s->rows * STREAMS; i++) s->every[i] = i;
    return 0;
}
