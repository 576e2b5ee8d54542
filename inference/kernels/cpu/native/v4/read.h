/* From Python's tuples to a `V4Model`. */
#ifndef SOVGATE_V4_READ_H
#define SOVGATE_V4_READ_H

#include "../objects.h"
#include "v4.h"

/* 0, or -1 with an exception; `v4_forget` frees either way. `args` must outlive the model. */
int v4_read(V4Model *model, PyObject *args);
void v4_forget(V4Model *model);

#endif
