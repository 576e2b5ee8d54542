/* A model's weights and sizes, from the tuples of kernels/cpu/native_v4.py. */
#include "read.h"

#include <stdlib.h>

#define AT(type, address) ((type)(uintptr_t)(address))

/* The weight of a Python object, or -1 with an exception. */
static int read_weight(PyObject *object, const Weight **to)
{
    if (!PyObject_TypeCheck(object, &weight_type)) {
        PyErr_Format(PyExc_TypeError, "a weight is needed, not %R", object);
        return -1;
    }
    *to = &((WeightObject *)object)->weight;
    return 0;
}

static int read_mixing(PyObject *tuple, Mixing *to)
{
    unsigned long long scale, base;
    PyObject *function;
    if (!PyArg_ParseTuple(tuple, "OKK", &function, &scale, &base)) return -1;
    if (read_weight(function, &to->function)) return -1;
    if (to->function->groups % STREAMS) {
        PyErr_SetString(PyExc_ValueError, "a mixing's function has no whole groups per stream");
        return -1;
    }
    to->scale = AT(const float *, scale);
    to->base = AT(const float *, base);
    return 0;
}

/* None: the layer has no such compressor. */
static int read_compressor(PyObject *tuple, Compressor *to)
{
    unsigned long long bias, norm;
    PyObject *values, *gates;
    if (tuple == Py_None) return 0;
    if (!PyArg_ParseTuple(tuple, "OOKKiii", &values, &gates, &bias, &norm, &to->rate, &to->overlap,
                          &to->width))
        return -1;
    if (read_weight(values, &to->values) || read_weight(gates, &to->gates)) return -1;
    to->row = to->values->out;
    to->bias = AT(const float *, bias);
    to->norm = AT(const float *, norm);
    if (to->rate > 0 && to->width % LANES == 0 && to->row == to->width * (1 + to->overlap)) return 0;
    PyErr_SetString(PyExc_ValueError, "a compressor's width, rate and weights do not fit");
    return -1;
}

/* None: they are asked for. */
static int read_experts(PyObject *tuple, Experts *to)
{
    PyObject *gate, *up, *down;
    if (tuple == Py_None) return 0;
    if (!PyArg_ParseTuple(tuple, "OOOif", &gate, &up, &down, &to->width, &to->limit)) return -1;
    if (to->width > 0 && to->width % GROUP == 0)
        return read_weight(gate, &to->gate) || read_weight(up, &to->up)
             || read_weight(down, &to->down) ? -1 : 0;
    PyErr_SetString(PyExc_ValueError, "an expert's width is no multiple of a group");
    return -1;
}

static int read_groups(const V4Model *m, PyObject *tuple, const Weight ***to)
{
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != m->groups) {
        PyErr_SetString(PyExc_ValueError, "a layer needs a weight for each group of heads");
        return -1;
    }
    *to = calloc(m->groups, sizeof(**to));
    if (!*to) {
        PyErr_NoMemory();
        return -1;
    }
    for (int g = 0; g < m->groups; g++)
        if (read_weight(PyTuple_GET_ITEM(tuple, g), &(*to)[g])) return -1;
    return 0;
}

static int read_attention(const V4Model *m, PyObject *tuple, V4Layer *to)
{
    unsigned long long query_norm, key_norm, sinks;
    PyObject *down, *up, *key, *groups, *output, *compressor, *indexer, *query, *weights;
    if (!PyArg_ParseTuple(tuple, "OKOOKKOOOOOO", &down, &query_norm, &up, &key, &key_norm, &sinks,
                          &groups, &output, &compressor, &indexer, &query, &weights))
        return -1;
    to->query_norm = AT(const float *, query_norm);
    to->key_norm = AT(const float *, key_norm);
    to->sinks = AT(const float *, sinks);
    to->compresses = compressor != Py_None;
    if (read_weight(down, &to->query_down) || read_weight(up, &to->query_up)
        || read_weight(key, &to->key) || read_weight(output, &to->output)
        || read_groups(m, groups, &to->groups) || read_compressor(compressor, &to->compressor)
        || read_compressor(indexer, &to->indexer))
        return -1;
    if (indexer == Py_None) return 0;
    return read_weight(query, &to->index_query) || read_weight(weights, &to->index_weights) ? -1 : 0;
}

static int read_router(PyObject *tuple, V4Layer *to)
{
    unsigned long long bias, table;
    PyObject *router;
    if (!PyArg_ParseTuple(tuple, "OKKi", &router, &bias, &table, &to->table_width)) return -1;
    to->router_bias = AT(const float *, bias);
    to->table = AT(const int64_t *, table);
    return read_weight(router, &to->router);
}

static int read_layer(const V4Model *m, PyObject *tuple, V4Layer *to)
{
    unsigned long long attention_norm, feed_norm;
    PyObject *mixing, *attention, *feed_mixing, *router, *routed, *shared;
    if (!PyArg_ParseTuple(tuple, "OKOOKOOO", &mixing, &attention_norm, &attention, &feed_mixing,
                          &feed_norm, &router, &routed, &shared))
        return -1;
    to->attention_norm = AT(const float *, attention_norm);
    to->feed_norm = AT(const float *, feed_norm);
    return read_mixing(mixing, &to->attention_mixing) || read_mixing(feed_mixing, &to->feed_mixing)
        || read_attention(m, attention, to) || read_router(router, to)
        || read_experts(routed, &to->routed) || read_experts(shared, &to->shared) ? -1 : 0;
}

static int read_layers(V4Model *model, PyObject *tuples)
{
    if (!PyTuple_Check(tuples)) {
        PyErr_SetString(PyExc_TypeError, "layers must be a tuple of tuples");
        return -1;
    }
    model->layers = calloc(PyTuple_GET_SIZE(tuples) + 1, sizeof(V4Layer));
    if (!model->layers) {
        PyErr_NoMemory();
        return -1;
    }
    for (; model->num_layers < PyTuple_GET_SIZE(tuples); model->num_layers++) {
        PyObject *tuple = PyTuple_GET_ITEM(tuples, model->num_layers);
        if (read_layer(model, tuple, &model->layers[model->num_layers])) {
            model->num_layers++;
            return -1;
        }
    }
    return 0;
}

/* None: a trunk, which begins with embeddings alone. */
static int read_draft(const V4Model *m, PyObject *tuple, V4Draft *to)
{
    unsigned long long token_norm, stream_norm;
    PyObject *token, *stream;
    if (tuple == Py_None) return 0;
    if (!PyArg_ParseTuple(tuple, "KKOO", &token_norm, &stream_norm, &token, &stream)) return -1;
    to->token_norm = AT(const float *, token_norm);
    to->stream_norm = AT(const float *, stream_norm);
    if (read_weight(token, &to->token) || read_weight(stream, &to->stream)) return -1;
    if (to->token->in == m->hidden && to->token->out == m->hidden && to->stream->in == m->hidden
        && to->stream->out == m->hidden)
        return 0;
    PyErr_SetString(PyExc_ValueError, "a draft module's projections are not [hidden, hidden]");
    return -1;
}

static int is_run(const V4Model *m)
{
    if (m->head_dim % LANES == 0 && m->head_dim <= MAX_WIDTH && m->index_dim % LANES == 0
        && m->index_dim <= m->head_dim && m->rope <= m->index_dim && m->rope <= MAX_ROPE
        && m->groups > 0 && m->heads % m->groups == 0 && m->experts <= MAX_EXPERTS
        && m->iterations > 0)
        return 1;
    PyErr_SetString(PyExc_ValueError, "sizes that C does not run");
    return 0;
}

int v4_read(V4Model *m, PyObject *args)
{
    unsigned long long plain, stretched, embedding, norm;
    PyObject *sizes, *mixing, *head, *layers, *draft;
    if (!PyArg_ParseTuple(args, "OfffKKKppOKOOO", &sizes, &m->eps, &m->hc_eps, &m->scaling, &plain,
                          &stretched, &embedding, &m->embedding_bf16, &m->cache_bf16, &mixing,
                          &norm, &head, &layers, &draft))
        return -1;
    if (!PyArg_ParseTuple(sizes, "iiiiiiiiiiiiiiii", &m->vocab, &m->hidden, &m->heads, &m->head_dim,
                          &m->rope, &m->query_rank, &m->groups, &m->rank, &m->window, &m->ring,
                          &m->index_heads, &m->index_dim, &m->index_topk, &m->experts,
                          &m->shared_experts, &m->iterations)
        || !is_run(m))
        return -1;
    m->frequencies[0] = AT(const float *, plain);
    m->frequencies[1] = AT(const float *, stretched);
    m->embedding = AT(const void *, embedding);
    m->norm = AT(const float *, norm);
    return read_mixing(mixing, &m->mixing) || read_weight(head, &m->head)
        || read_draft(m, draft, &m->draft) || read_layers(m, layers) ? -1 : 0;
}

void v4_forget(V4Model *m)
{
    for (int l = 0; l < m->num_layers; l++) free(m->layers[l].groups);
    free(m->layers);
}
