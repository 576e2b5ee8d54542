/* The buffers of a step, zeroed, since what pads a row is never written. */
#include "decoder.h"

#include <stdlib.h>
#include <string.h>

static void *zeroed(size_t count, size_t size)
{
    size_t bytes = (count * size + 63) / 64 * 64 + 64;
    void *memory = aligned_alloc(64, bytes);
    if (memory) memset(memory, 0, bytes);
    return memory;
}

static int padded_to_group(int count)
{
    return (count + GROUP - 1) / GROUP * GROUP;
}

void rows_free(Rows *rows)
{
    free(rows->value);
    free(rows->code);
    free(rows->scale);
    free(rows->total);
    free(rows->bias);
    memset(rows, 0, sizeof(*rows));
}

/* 0, or -1 where memory is out. */
int rows_grow(Rows *rows, int count, int width, int quantised)
{
    rows_free(rows);
    rows->width = padded_to_group(width);
    rows->groups = rows->width / GROUP;
    rows->value = zeroed((size_t)count * rows->width, sizeof(float));
    if (!rows->value) return -1;
    if (!quantised) return 0;
    rows->code = zeroed((size_t)count * rows->width, 1);
    rows->scale = zeroed((size_t)count * rows->groups, sizeof(float));
    rows->total = zeroed((size_t)count * rows->groups, sizeof(float));
    rows->bias = zeroed((size_t)count * rows->groups, sizeof(int32_t));
    return rows->code && rows->scale && rows->total && rows->bias ? 0 : -1;
}

void scratch_free(Scratch *s)
{
    free(s->hidden);
    free(s->joint);
    free(s->gates);
    free(s->angles);
    free(s->scores);
    free(s->every);
    free(s->active);
    free(s->num);
    rows_free(&s->normed);
    rows_free(&s->mixed);
    rows_free(&s->inner);
    memset(s, 0, sizeof(*s));
}

static int grow_rows(Scratch *s, const Model *m, int count)
{
    int experts = 1, inner = GROUP, quantised = m->head->kind >= INT8;
    for (int l = 0; l < m->num_layers; l++) {
        const Layer *layer = &m->layers[l];
        experts = layer->experts > experts ? layer->experts : experts;
        int width = layer->experts * layer->width;
        inner = width > inner ? width : inner;
        quantised |= layer->qkv->kind >= INT8;
    }
    int columns = (m->heads + 2 * m->kv_heads) * m->head_dim;
    int mixed = m->heads * m->head_dim;
    s->hidden = zeroed((size_t)count * padded_to_group(m->hidden), sizeof(float));
    s->joint = zeroed((size_t)count * columns, sizeof(float));
    s->gates = zeroed((size_t)count * experts, sizeof(float));
    s->angles = zeroed((size_t)count * m->head_dim, sizeof(float));
    s->every = zeroed(count, sizeof(int));
    s->active = zeroed((size_t)count * experts, sizeof(int));
    s->num = zeroed(experts, sizeof(int));
    if (!s->hidden || !s->joint || !s->gates || !s->angles) return -1;
    if (!s->every || !s->active || !s->num) return -1;
    for (int i = 0; i < count; i++) s->every[i] = i;
    s->rows = count;
    if (rows_grow(&s->normed, count, m->hidden, quantised)) return -1;
    if (rows_grow(&s->mixed, count, mixed, quantised)) return -1;
    return rows_grow(&s->inner, count, inner, quantised);
}

/* Room for `rows` rows that attend to `context` positions; 0, or -1 where memory is out. */
int scratch_grow(Scratch *s, const Model *model, int threads, int rows, int context)
{
    if (rows > s->rows) {
        float *scores = s->scores;
        int before = s->context;
        s->scores = NULL;
        scratch_free(s);
        s->scores = scores;
        s->context = before;
        if (grow_rows(s, model, rows < 16 ? 16 : rows)) {
            s->rows = 0;
            return -1;
        }
    }
    if (context <= s->context) return 0;
    free(s->scores);
    s->context = 0;
    s->scores = zeroed((size_t)threads * 4 * 2 * context, sizeof(float));
    if (!s->scores) return -1;
    s->context = 2 * context;
    return 0;
}
