/* Linears and whole steps of a decoder on the CPU; inference/kernels/cpu/native does the work.
 *
 * Addresses of tensors come as integers (torch's data_ptr), shapes beside them; kernels/cpu/
 * native_kernels.py is the only caller and keeps the tensors alive. The interpreter's lock is
 * given back while something is computed. A pool does one thing at a time.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "native/decoder.h"
#include "native/pool.h"

typedef struct {
    PyObject_HEAD
    Pool *pool;
    pthread_mutex_t lock;
    Rows rows; /* of single linears */
    int count, *every;
} PoolObject;

typedef struct {
    PyObject_HEAD
    const Backend *backend;
    Weight weight;
} WeightObject;

typedef struct {
    PyObject_HEAD
    const Backend *backend;
    Model model;
    Scratch scratch;
    PoolObject *pool;
    PyObject *kept;
} DecoderObject;

static PyTypeObject pool_type, weight_type, decoder_type;

/* -- backends ------------------------------------------------------------------------------- */

static int usable(const char *name)
{
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
    if (!strcmp(name, "avx512"))
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("fma");
    if (!strcmp(name, "avx2"))
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return !strcmp(name, "plain");
}

static const Backend *const all_backends[] = {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
    &backend_avx512,
    &backend_avx2,
#endif
    &backend_plain,
};

#define NUM_BACKENDS (sizeof(all_backends) / sizeof(*all_backends))

static const Backend *find_backend(const char *name)
{
    for (size_t i = 0; i < NUM_BACKENDS; i++)
        if (!strcmp(all_backends[i]->name, name) && usable(name)) return all_backends[i];
    PyErr_Format(PyExc_ValueError, "this processor has no backend %s", name);
    return NULL;
}

static PyObject *backends(PyObject *module, PyObject *nothing)
{
    PyObject *names = PyList_New(0);
    (void)module, (void)nothing;
    for (size_t i = 0; names && i < NUM_BACKENDS; i++) {
        if (!usable(all_backends[i]->name)) continue;
        PyObject *name = PyUnicode_FromString(all_backends[i]->name);
        if (!name || PyList_Append(names, name)) Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

/* -- Pool ----------------------------------------------------------------------------------- */

static PyObject *pool_make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    int threads;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "i", &threads)) return NULL;
    if (threads < 1 || threads > 1024)
        return PyErr_Format(PyExc_ValueError, "1 to 1024 threads, not %d", threads);
    PoolObject *self = (PoolObject *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    pthread_mutex_init(&self->lock, NULL);
    self->pool = pool_new(threads);
    if (!self->pool) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void pool_dealloc(PyObject *object)
{
    PoolObject *self = (PoolObject *)object;
    pool_free(self->pool);
    rows_free(&self->rows);
    free(self->every);
    Py_TYPE(object)->tp_free(object);
}

/* Room for `count` rows of `weight`; called with the lock held. */
static int grow_pool(PoolObject *self, const Weight *weight, int count)
{
    int width = weight->groups * GROUP;
    if (count > self->count) {
        free(self->every);
        self->every = malloc(count * sizeof(int));
        self->count = self->every ? count : 0;
        if (!self->every) return -1;
        for (int i = 0; i < count; i++) self->every[i] = i;
        rows_free(&self->rows);
    }
    if (self->rows.width == width) return 0;
    return rows_grow(&self->rows, self->count, width, 1);
}

/* -- Weight --------------------------------------------------------------------------------- */

static int allocate(Weight *w)
{
    static const double bytes[] = {4, 2, 1, 0.5};
    size_t places = (size_t)w->panels * w->groups * LANES;
    w->data = aligned_alloc(64, (size_t)(places * GROUP * bytes[w->kind]));
    if (w->data) memset(w->data, w->kind == INT8 ? 128 : 0, places * GROUP * bytes[w->kind]);
    if (w->kind < INT8) return w->data ? 0 : -1;
    w->scale = aligned_alloc(64, places * 4);
    if (w->scale) memset(w->scale, 0, places * 4);
    return w->data && w->scale ? 0 : -1;
}

static PyObject *weight_make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    const char *name;
    unsigned long long address;
    int kind, out, in;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "siKii", &name, &kind, &address, &out, &in)) return NULL;
    const Backend *backend = find_backend(name);
    if (!backend) return NULL;
    if (kind < F32 || kind > INT4 || out < 1 || in < 1)
        return PyErr_Format(PyExc_ValueError, "no weight of kind %d is [%d, %d]", kind, out, in);
    WeightObject *self = (WeightObject *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    self->backend = backend;
    self->weight = (Weight){.kind = kind, .in = in, .out = out};
    self->weight.groups = (in + GROUP - 1) / GROUP;
    self->weight.panels = (out + LANES - 1) / LANES;
    if (allocate(&self->weight)) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS
    backend->pack(&self->weight, (const float *)(uintptr_t)address);
    Py_END_ALLOW_THREADS
    return (PyObject *)self;
}

static void weight_dealloc(PyObject *object)
{
    WeightObject *self = (WeightObject *)object;
    free(self->weight.data);
    free(self->weight.scale);
    Py_TYPE(object)->tp_free(object);
}

static PyObject *weight_multiply(PyObject *object, PyObject *args)
{
    WeightObject *self = (WeightObject *)object;
    PoolObject *pool;
    unsigned long long from, to;
    int count, bf16, failed;
    if (!PyArg_ParseTuple(args, "O!KKip", &pool_type, &pool, &from, &to, &count, &bf16))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    pthread_mutex_lock(&pool->lock);
    failed = grow_pool(pool, &self->weight, count);
    if (!failed)
        self->backend->linear(pool->pool, &self->weight, &pool->rows, pool->every, count,
                              (const void *)(uintptr_t)from, (void *)(uintptr_t)to, bf16);
    pthread_mutex_unlock(&pool->lock);
    Py_END_ALLOW_THREADS
    if (failed) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *weight_nbytes(PyObject *object, void *closure)
{
    const Weight *w = &((WeightObject *)object)->weight;
    static const double bytes[] = {32 * 4, 32 * 2, 32 + 2, 16 + 4};
    (void)closure;
    return PyLong_FromDouble((double)w->panels * w->groups * LANES * bytes[w->kind]);
}

static PyMethodDef weight_methods[] = {
    {"multiply", weight_multiply, METH_VARARGS, NULL},
    {0},
};

static PyGetSetDef weight_fields[] = {
    {"nbytes", weight_nbytes, NULL, NULL, NULL},
    {0},
};

/* -- Decoder -------------------------------------------------------------------------------- */

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

/* -- module --------------------------------------------------------------------------------- */

static PyTypeObject pool_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "inference.kernels.cpu._native.Pool",
    .tp_basicsize = sizeof(PoolObject),
    .tp_dealloc = pool_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = pool_make,
};

static PyTypeObject weight_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "inference.kernels.cpu._native.Weight",
    .tp_basicsize = sizeof(WeightObject),
    .tp_dealloc = weight_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_methods = weight_methods,
    .tp_getset = weight_fields,
    .tp_new = weight_make,
};

static PyTypeObject decoder_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "inference.kernels.cpu._native.Decoder",
    .tp_basicsize = sizeof(DecoderObject),
    .tp_dealloc = decoder_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_methods = decoder_methods,
    .tp_new = decoder_make,
};

static PyMethodDef functions[] = {
    {"backends", backends, METH_NOARGS, NULL},
    {0},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, .m_name = "_native", .m_size = -1, .m_methods = functions,
};

PyMODINIT_FUNC PyInit__native(void)
{
    PyObject *self = PyModule_Create(&module);
    if (!self || PyModule_AddType(self, &pool_type) || PyModule_AddType(self, &weight_type)
        || PyModule_AddType(self, &decoder_type))
        Py_CLEAR(self);
    return self;
}
