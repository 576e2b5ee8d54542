/* What the module's types share. Addresses of tensors come as integers (torch's data_ptr). */
#ifndef SOVGATE_OBJECTS_H
#define SOVGATE_OBJECTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pthread.h>

#include "decoder.h"
#include "pool.h"

typedef struct {
    PyObject_HEAD
    Pool *pool;
    pthread_mutex_t lock; /* held while the pool works */
    Rows rows;            /* of single linears */
    int count, *every;
} PoolObject;

typedef struct {
    PyObject_HEAD
    const Backend *backend;
    Weight weight;
} WeightObject;

extern PyTypeObject pool_type, weight_type, decoder_type, v4_type;

/* The backend of that name, or NULL with a ValueError where this processor has none. */
const Backend *find_backend(const char *name);

/* Names of those that run here, best first. */
PyObject *backend_names(PyObject *module, PyObject *nothing);

#endif
