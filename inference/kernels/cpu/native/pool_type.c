/* `Pool(threads)`: threads, and room for the rows of single linears. */
#include "objects.h"

#include <stdlib.h>

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

PyTypeObject pool_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "inference.kernels.cpu._native.Pool",
    .tp_basicsize = sizeof(PoolObject),
    .tp_dealloc = pool_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = pool_make,
};
