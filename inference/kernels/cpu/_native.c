/* Linears and whole steps of a decoder on the CPU; inference/kernels/cpu/native does the work.
 *
 * kernels/cpu/native_kernels.py and native_step.py are the only callers and keep the tensors
 * alive. The interpreter's lock is given back while something is computed. A pool does one thing
 * at a time.
 */
#include "native/objects.h"

static PyMethodDef functions[] = {
    {"backends", backend_names, METH_NOARGS, NULL},
    {0},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, .m_name = "_native", .m_size = -1, .m_methods = functions,
};

PyMODINIT_FUNC PyInit__native(void)
{
    PyObject *self = PyModule_Create(&module);
    if (!self || PyModule_AddType(self, &pool_type) || PyModule_AddType(self, &weight_type)
        || PyModule_AddType(self, &decoder_type) || PyModule_AddType(self, &v4_type))
        Py_CLEAR(self);
    return self;
}
