/* `DeepseekV4(...)`: a prepared model, and its steps. kernels/cpu/native_v4.py is the only caller. */
#include "read.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    PyObject_HEAD
    const V4Backend *backend;
    V4Model model;
    V4Scratch scratch;
    PoolObject *pool;
    PyObject *kept;
} V4Object;

#define AT(type, address) ((type)(uintptr_t)(address))

static const V4Backend *const v4_backends[] = {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
    &v4_avx512,
    &v4_avx2,
#endif
    &v4_plain,
};

static PyObject *v4_make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    const char *name;
    PoolObject *pool;
    PyObject *given;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "sO!O!", &name, &pool_type, &pool, &PyTuple_Type, &given))
        return NULL;
    if (!find_backend(name)) return NULL;
    V4Object *self = (V4Object *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    for (size_t i = 0; i < sizeof(v4_backends) / sizeof(*v4_backends); i++)
        if (!strcmp(v4_backends[i]->name, name)) self->backend = v4_backends[i];
    self->pool = (PoolObject *)Py_NewRef(pool);
    self->kept = Py_NewRef(given);
    if (v4_read(&self->model, given)) Py_CLEAR(self);
    return (PyObject *)self;
}

static void v4_dealloc(PyObject *object)
{
    V4Object *self = (V4Object *)object;
    v4_scratch_free(&self->scratch);
    v4_forget(&self->model);
    Py_XDECREF(self->pool);
    Py_XDECREF(self->kept);
    Py_TYPE(object)->tp_free(object);
}

/* What the rows stand for: single tokens first, then runs of (row, count, start, state, blocks). */
typedef struct {
    unsigned long long tokens, positions, states, blocks;
    int singles, most;
    PyObject *chunks;
} Given;

static void read_singles(const Given *given, V4Row *rows)
{
    const int64_t *positions = AT(const int64_t *, given->positions);
    for (int row = 0; row < given->singles; row++)
        rows[row] = (V4Row){
            .first = row,
            .last = row + 1,
            .start = positions[row],
            .position = positions[row],
            .state = AT(const int64_t *, given->states)[row],
            .blocks = AT(const int64_t *, given->blocks) + (size_t)row * given->most,
        };
}

static int read_chunks(const Given *given, V4Row *rows, int count)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(given->chunks); i++) {
        int first, length;
        long long start, state;
        unsigned long long blocks;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(given->chunks, i), "iiLLK", &first, &length, &start,
                              &state, &blocks))
            return -1;
        for (int row = first; row < first + length && row < count; row++)
            rows[row] = (V4Row){first, first + length, start, start + row - first, state,
                                AT(const int64_t *, blocks)};
    }
    return 0;
}

/* 0, or -1 with an exception for what cannot be computed. */
static int check(const V4Model *m, const V4Step *step)
{
    for (int row = 0; row < step->rows; row++)
        if (step->tokens[row] < 0 || step->tokens[row] >= m->vocab || !step->row[row].last) {
            PyErr_SetString(PyExc_ValueError, "a row has no sequence, or a token that is not known");
            return -1;
        }
    for (int l = 0; l < m->num_layers && !(step->asked & ASK_EXPERTS); l++)
        if (!m->layers[l].routed.gate || !m->layers[l].shared.gate) {
            PyErr_SetString(PyExc_ValueError, "a layer has no experts, and nobody is asked for them");
            return -1;
        }
    if (m->draft.token && !step->given) {
        PyErr_SetString(PyExc_ValueError, "a draft module needs the streams of a step");
        return -1;
    }
    for (int i = 0; i < step->sampled; i++)
        if (step->sample_rows[i] < 0 || step->sample_rows[i] >= step->rows) {
            PyErr_SetString(PyExc_ValueError, "a row that samples is not among the rows");
            return -1;
        }
    return 0;
}

/* Most experts that a row chooses. */
static int most_chosen(const V4Model *m, const V4Step *step)
{
    int64_t most = step->budget;
    for (int row = 0; step->budgets && row < step->rows; row++)
        if (!row || step->budgets[row] > most) most = step->budgets[row];
    most -= m->shared_experts;
    return (int)(most < 1 ? 1 : most > m->experts ? m->experts : most);
}

static int run(V4Object *self, const V4Step *step)
{
    int64_t positions = 0;
    int failed;
    for (int row = 0; row < step->rows; row++)
        if (step->row[row].position >= positions) positions = step->row[row].position + 1;
    Py_BEGIN_ALLOW_THREADS
    pthread_mutex_lock(&self->pool->lock);
    failed = v4_scratch_grow(&self->scratch, &self->model, pool_threads(self->pool->pool),
                             step->rows, most_chosen(&self->model, step), positions);
    if (!failed) self->backend->step(self->pool->pool, &self->model, step, &self->scratch);
    pthread_mutex_unlock(&self->pool->lock);
    Py_END_ALLOW_THREADS
    if (failed) PyErr_NoMemory();
    return failed || self->scratch.failed; /* who was asked has said why */
}

/* Calls Python in the thread that called the step. */
static int ask(void *caller, int layer, int what)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *answer = PyObject_CallFunction(caller, "ii", layer, what);
    Py_XDECREF(answer);
    PyGILState_Release(state);
    return answer ? 0 : -1;
}

static PyObject *v4_step(PyObject *object, PyObject *args)
{
    V4Object *self = (V4Object *)object;
    V4Step step = {0};
    Given given = {0};
    unsigned long long budgets, shares, active, sample, memory, raw, state, logits, states, streams;
    unsigned long long given_streams, passed = 0, gates = 0;
    long long budget;
    if (!PyArg_ParseTuple(args, "iKKiKKiO!KLKKKiiKKKKKKK|OiKK", &step.rows, &given.tokens,
                          &given.positions, &given.singles, &given.states, &given.blocks,
                          &given.most, &PyList_Type, &given.chunks, &budgets, &budget, &shares,
                          &active, &sample, &step.sampled, &step.block_size, &memory, &raw, &state,
                          &logits, &states, &streams, &given_streams, &step.caller, &step.asked,
                          &passed, &gates))
        return NULL;
    step.tokens = AT(const int64_t *, given.tokens);
    step.budgets = AT(const int64_t *, budgets);
    step.budget = budget;
    step.shares = AT(const float *, shares);
    step.active = AT(int64_t *, active);
    step.sample_rows = AT(const int64_t *, sample);
    step.memory = AT(const V4Memory *, memory);
    step.raw_stride = raw;
    step.state_stride = state;
    step.logits = AT(float *, logits);
    step.states = AT(float *, states);
    step.streams = AT(void *, streams);
    step.given = AT(const void *, given_streams);
    step.ask = ask;
    step.passed = AT(float *, passed);
    step.gates = AT(float *, gates);
    V4Row *rows = calloc(step.rows + 1, sizeof(*rows));
    if (!rows) return PyErr_NoMemory();
    step.row = rows;
    if (given.singles <= step.rows) read_singles(&given, rows);
    int failed = read_chunks(&given, rows, step.rows) || check(&self->model, &step)
              || run(self, &step);
    free(rows);
    if (failed) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef v4_methods[] = {
    {"step", v4_step, METH_VARARGS, NULL},
    {0},
};

PyTypeObject v4_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "inference.kernels.cpu._native.DeepseekV4",
    .tp_basicsize = sizeof(V4Object),
    .tp_dealloc = v4_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_methods = v4_methods,
    .tp_new = v4_make,
};
