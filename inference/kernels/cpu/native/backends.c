/* Which backends this processor runs. */
#include "objects.h"

#include <string.h>

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

const Backend *find_backend(const char *name)
{
    for (size_t i = 0; i < NUM_BACKENDS; i++)
        if (!strcmp(all_backends[i]->name, name) && usable(name)) return all_backends[i];
    PyErr_Format(PyExc_ValueError, "this processor has no backend %s", name);
    return NULL;
}

PyObject *backend_names(PyObject *module, PyObject *nothing)
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
