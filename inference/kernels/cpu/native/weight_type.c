/* `Weight(backend, kind, address, out, in)`: a matrix of floats [out, in], packed. */
#include "objects.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* In huge pages where they fill such: a step reads all of it once, and with pages of 4 KiB it waits
 * for their addresses too. */
static void *zeroed(size_t bytes)
{
    int huge = bytes >= HUGE_PAGE;
    void *memory = aligned_alloc(huge ? HUGE_PAGE : 64, (bytes + 63) / 64 * 64);
    if (!memory) return NULL;
#if defined(MADV_HUGEPAGE)
    if (huge) madvise(memory, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE); /* a wish */
#endif
    memset(memory, 0, bytes);
    return memory;
}

static int allocate(Weight *w)
{
    static const double bytes[] = {4, 2, 1, 0.5};
    size_t columns = (size_t)w->panels * LANES, places = columns * w->groups;
    w->data = zeroed((size_t)(places * GROUP * bytes[w->kind]));
    if (!w->data || w->kind < INT8) return w->data ? 0 : -1;
    w->scale = zeroed(places * 2);
    w->unit = zeroed(columns * sizeof(float));
    return w->scale && w->unit ? 0 : -1;
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
    free(self->weight.unit);
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
    static const double bytes[] = {32 * 4, 32 * 2, 32 + 2, 16 + 2};
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

PyTypeObject weight_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "inference.kernels.cpu._native.Weight",
    .tp_basicsize = sizeof(WeightObject),
    .tp_dealloc = weight_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_methods = weight_methods,
    .tp_getset = weight_fields,
    .tp_new = weight_make,
};
