/* `Decoder(...)`: the weights of all layers, and `step`, which runs them. */
#include "objects.h"

#include <stdlib.h>

typedef struct {
    PyObject_HEAD
    const Backend *backend;
    Model model;
    Scratch scratch;
    PoolObject *pool;
    PyObject *kept;
} DecoderObject;

#define FLOATS(address) ((const float *)(uintptr_t)(address))

static int read_layer(PyObject *tuple, Layer *layer)
{
    unsigned long long input, query, key, post, router, bias;
    WeightObject *qkv, *output, *gate, *up, *down;
    int routing;
    if (!PyArg_ParseTuple(tuple, "KKKKO!O!O!O!O!iiiipKKf", &input, &query, &key, &post,
                          &weight_type, &qkv, &weight_type, &output, &weight_type, &gate,
                          &weight_type, &up, &weight_type, &down, &layer->experts, &layer->width,
                          &layer->shared, &routing, &layer->normalise, &router, &bias,
                          &layer->limit))
        return -1;
    if (layer->experts < 1 || layer->experts > MAX_EXPERTS || layer->width % GROUP) {
        PyErr_SetString(PyExc_ValueError, "a layer has too many experts or an odd width");
        return -1;
    }
    layer->routing = routing;
    layer->input_norm = FLOATS(input);
    layer->query_norm = FLOATS(query);
    layer->key_norm = FLOATS(key);
    layer->post_norm = FLOATS(post);
    layer->qkv = &qkv->weight;
    layer->output = &output->weight;
    layer->gate = &gate->weight;
    layer->up = &up->weight;
    layer->down = &down->weight;
    layer->router = FLOATS(router);
    layer->router_bias = FLOATS(bias);
    return 0;
}

static int read_layers(Model *model, PyObject *tuples)
{
    if (!PyTuple_Check(tuples)) {
        PyErr_SetString(PyExc_TypeError, "layers must be a tuple of tuples");
        return -1;
    }
    model->num_layers = (int)PyTuple_GET_SIZE(tuples);
    model->layers = calloc(model->num_layers + 1, sizeof(Layer));
    if (!model->layers) {
        PyErr_NoMemory();
        return -1;
    }
    for (int i = 0; i < model->num_layers; i++)
        if (read_layer(PyTuple_GET_ITEM(tuples, i), &model->layers[i])) return -1;
    return 0;
}

static PyObject *decoder_make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    const char *name;
    PoolObject *pool;
    PyObject *layers;
    WeightObject *head;
    Model m = {0};
    unsigned long long frequencies, embedding, norm;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "sO!iiiiifKKppKO!O", &name, &pool_type, &pool, &m.hidden, &m.heads,
                          &m.kv_heads, &m.head_dim, &m.vocab, &m.eps, &frequencies, &embedding,
                          &m.embedding_bf16, &m.cache_bf16, &norm, &weight_type, &head, &layers))
        return NULL;
    const Backend *backend = find_backend(name);
    if (!backend) return NULL;
    DecoderObject *self = (DecoderObject *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    m.frequencies = FLOATS(frequencies);
    m.embedding = (const void *)(uintptr_t)embedding;
    m.norm = FLOATS(norm);
    m.head = &head->weight;
    self->backend = backend;
    self->model = m;
    self->pool = (PoolObject *)Py_NewRef(pool);
    self->kept = PyTuple_Pack(2, layers, head);
    if (!self->kept || read_layers(&self->model, layers)) Py_CLEAR(self);
    return (PyObject *)self;
}

static void decoder_dealloc(PyObject *object)
{
    DecoderObject *self = (DecoderObject *)object;
    scratch_free(&self->scratch);
    free(self->model.layers);
    Py_XDECREF(self->pool);
    Py_XDECREF(self->kept);
    Py_TYPE(object)->tp_free(object);
}

/* Each row's blocks, from a table of the single rows and (row, count, address) of each chunk. */
static const int64_t **read_tables(int rows, unsigned long long decode, int singles, int most,
                                   PyObject *chunks)
{
    const int64_t **tables = calloc(rows, sizeof(*tables));
    if (!tables) return (const int64_t **)PyErr_NoMemory();
    for (int row = 0; row < singles && row < rows; row++)
        tables[row] = (const int64_t *)(uintptr_t)decode + (size_t)row * most;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(chunks); i++) {
        int first, count;
        unsigned long long address;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(chunks, i), "iiK", &first, &count, &address)) {
            free(tables);
            return NULL;
        }
        for (int row = first; row < first + count && row < rows; row++)
            tables[row] = (const int64_t *)(uintptr_t)address;
    }
    return tables;
}

/* Most positions that a row attends to, or -1 with an exception for what cannot be computed. */
static int longest(const Model *m, const Step *step)
{
    int64_t most = 0;
    for (int row = 0; row < step->rows; row++) {
        if (!step->tables[row] || step->tokens[row] < 0 || step->tokens[row] >= m->vocab) {
            PyErr_SetString(PyExc_ValueError, "a row has no blocks, or a token that is not known");
            return -1;
        }
        if (step->positions[row] >= most) most = step->positions[row] + 1;
    }
    return (int)most;
}

static int run(DecoderObject *self, Step *step, int positions)
{
    int lanes = (step->block_size + LANES - 1) / LANES * LANES, failed;
    int context = (positions / step->block_size + 1) * lanes + self->model.head_dim;
    Py_BEGIN_ALLOW_THREADS
    pthread_mutex_lock(&self->pool->lock);
    failed = scratch_grow(&self->scratch, &self->model, pool_threads(self->pool->pool), step->rows,
                          context);
    if (!failed) self->backend->step(self->pool->pool, &self->model, step, &self->scratch);
    pthread_mutex_unlock(&self->pool->lock);
    Py_END_ALLOW_THREADS
    return failed;
}

static PyObject *decoder_step(PyObject *object, PyObject *args)
{
    DecoderObject *self = (DecoderObject *)object;
    Step step = {0};
    unsigned long long tokens, positions, slots, budgets, sample, decode, cache, logits, states;
    int singles, most;
    long long budget;
    PyObject *chunks;
    if (!PyArg_ParseTuple(args, "iKKKKLKiKiiO!iKKK", &step.rows, &tokens, &positions, &slots,
                          &budgets, &budget, &sample, &step.sampled, &decode, &singles, &most,
                          &PyList_Type, &chunks, &step.block_size, &cache, &logits, &states))
        return NULL;
    step.tokens = (const int64_t *)(uintptr_t)tokens;
    step.positions = (const int64_t *)(uintptr_t)positions;
    step.slots = (const int64_t *)(uintptr_t)slots;
    step.budgets = (const int64_t *)(uintptr_t)budgets;
    step.budget = budget;
    step.sample_rows = (const int64_t *)(uintptr_t)sample;
    step.cache = (const int64_t *)(uintptr_t)cache;
    step.logits = (float *)(uintptr_t)logits;
    step.states = (float *)(uintptr_t)states;
    step.tables = read_tables(step.rows, decode, singles, most, chunks);
    if (!step.tables) return NULL;
    int count = longest(&self->model, &step);
    int failed = count < 0 ? 0 : run(self, &step, count);
    free(step.tables);
    if (failed) return PyErr_NoMemory();
    if (count < 0) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef decoder_methods[] = {
    {"step", decoder_step, METH_VARARGS, NULL},
    {0},
};

PyTypeObject decoder_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "inference.kernels.cpu._native.Decoder",
    .tp_basicsize = sizeof(DecoderObject),
    .tp_dealloc = decoder_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_methods = decoder_methods,
    .tp_new = decoder_make,
};
