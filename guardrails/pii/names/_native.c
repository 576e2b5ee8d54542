/* The forward pass of guardrails/pii/names/network.py in C: the same sums in another order; what
 * the Latin tagger does before and after it stands in _tagger.h.
 *
 * Weights are kept in panels of 16 columns, so that a block of rows times a panel runs in
 * registers. Sequences are a few hundred tokens, so the interpreter lock is not given back.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PANEL 16
#define MAX_LAYERS 16
#define MAX_SLOTS 16

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define HAS_VARIANTS
#define FOR_EACH_CPU __attribute__((target_clones("avx512f", "fma", "default")))
#else
#define FOR_EACH_CPU
#endif

typedef struct {
    Py_ssize_t inner, outer, panels; /* rows and columns of the weight */
    float *weight;                   /* panels x inner x PANEL */
    float *bias;                     /* panels x PANEL */
} Affine;

typedef struct {
    PyObject_HEAD
    Py_buffer table; /* int8 (V, embedding) */
    Py_buffer scale; /* float32 (V,) */
    Py_ssize_t table_rows, embedding, columns;
    int slots, layers, context_after;
    Py_ssize_t slot_sizes[MAX_SLOTS], dilations[MAX_LAYERS];
    Affine mix, lift, context, out, layer[MAX_LAYERS];
} Network;

/* What a layer reads: `parts` rows at `apart` from one another, side by side. */
typedef struct {
    const float *first;
    Py_ssize_t stride, width, parts, apart;
} Input;

typedef enum { LINEAR, RELU, RESIDUAL } Finish;

/* (count, parts * width) of the input times the weight into `to`; RESIDUAL adds the middle part.
 * A block of rows times a panel stays in registers, so each kind of processor has its own vectors
 * and rows: gcc keeps wider vectors than a processor's in memory, ten times as slow. Each sum
 * takes its terms in the same order everywhere. */
#define PRODUCT(name, floats, most_rows, target)                                                   \
    typedef float name##_lane __attribute__((vector_size(4 * (floats)), aligned(4)));              \
                                                                                                   \
    static inline __attribute__((always_inline)) void name##_block(                                \
        const int rows, const Affine *affine, const Input *in, Py_ssize_t panel, Py_ssize_t row,   \
        float *to, Py_ssize_t to_stride, Finish finish)                                            \
    {                                                                                              \
        enum { LANES = PANEL / (floats) };                                                         \
        const float *w = affine->weight + panel * affine->inner * PANEL;                           \
        const float *from = in->first + row * in->stride;                                          \
        name##_lane sums[most_rows][LANES];                                                        \
        for (int r = 0; r < rows; r++)                                                             \
            for (int l = 0; l < LANES; l++)                                                        \
                sums[r][l] = ((const name##_lane *)(affine->bias + panel * PANEL))[l];             \
        for (Py_ssize_t part = 0; part < in->parts; part++)                                        \
            for (Py_ssize_t k = 0; k < in->width; k++, w += PANEL)                                 \
                for (int r = 0; r < rows; r++)                                                     \
                    for (int l = 0; l < LANES; l++)                                                \
                        sums[r][l] += ((const name##_lane *)w)[l] *                                \
                                      from[r * in->stride + part * in->apart + k];                 \
        to += row * to_stride + panel * PANEL;                                                     \
        for (int r = 0; r < rows; r++, to += to_stride) {                                          \
            for (int l = 0; l < LANES; l++) {                                                      \
                if (finish != LINEAR)                                                              \
                    for (int c = 0; c < (floats); c++)                                             \
                        sums[r][l][c] = sums[r][l][c] > 0 ? sums[r][l][c] : 0;                     \
                if (finish == RESIDUAL)                                                            \
                    sums[r][l] += ((const name##_lane *)(from + r * in->stride + in->apart +       \
                                                         panel * PANEL))[l];                       \
                ((name##_lane *)to)[l] = sums[r][l];                                               \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    target static void name(const Affine *affine, const Input *in, Py_ssize_t count, float *to,    \
                            Py_ssize_t to_stride, Finish finish)                                   \
    {                                                                                              \
        const Py_ssize_t blocks = (count + (most_rows) - 1) / (most_rows);                         \
        for (Py_ssize_t panel = 0; panel < affine->panels; panel++)                                \
            for (Py_ssize_t block = 0; block < blocks; block++) {                                  \
                const Py_ssize_t row = block * count / blocks;                                     \
                switch ((block + 1) * count / blocks - row) {                                      \
                    ROWS_##most_rows(name##_block)                                                 \
                }                                                                                  \
            }                                                                                      \
    }

#define ROWS(block, rows)                                                                          \
    case rows:                                                                                     \
        block(rows, affine, in, panel, row, to, to_stride, finish);                                \
        break;
#define ROWS_2(block) ROWS(block, 1) ROWS(block, 2)
#define ROWS_6(block) ROWS_2(block) ROWS(block, 3) ROWS(block, 4) ROWS(block, 5) ROWS(block, 6)
#define ROWS_8(block) ROWS_6(block) ROWS(block, 7) ROWS(block, 8)

PRODUCT(apply_plain, 4, 2, )
#ifdef HAS_VARIANTS
PRODUCT(apply_fma, 8, 6, __attribute__((target("fma"))))
PRODUCT(apply_avx512, 16, 8, __attribute__((target("avx512f"))))
#endif

static void (*apply)(const Affine *, const Input *, Py_ssize_t, float *, Py_ssize_t,
                     Finish) = apply_plain;

/* Once, when the module is loaded. */
static void choose_product(void)
{
#ifdef HAS_VARIANTS
    if (__builtin_cpu_supports("avx512f"))
        apply = apply_avx512;
    else if (__builtin_cpu_supports("fma"))
        apply = apply_fma;
#endif
}

/* One row's features: rows of the table, scaled, summed slot by slot. */
FOR_EACH_CPU static void embed(const Network *self, const int32_t *row, float *to)
{
    const int8_t *table = self->table.buf;
    const float *scale = self->scale.buf;
    const Py_ssize_t width = self->embedding;
    memset(to, 0, (size_t)(self->slots * width) * sizeof *to);
    for (int slot = 0; slot < self->slots; slot++, to += width)
        for (Py_ssize_t column = 0; column < self->slot_sizes[slot]; column++) {
            const Py_ssize_t at = *row++;
            const int8_t *values = table + at * width;
            const float step = scale[at];
            for (Py_ssize_t i = 0; i < width; i++)
                to[i] += step * (float)values[i];
        }
}

static void softmax(float *values, Py_ssize_t count)
{
    float most = values[0], sum = 0;
    for (Py_ssize_t i = 1; i < count; i++)
        most = values[i] > most ? values[i] : most;
    for (Py_ssize_t i = 0; i < count; i++)
        sum += values[i] = expf(values[i] - most);
    for (Py_ssize_t i = 0; i < count; i++)
        values[i] /= sum;
}

/* The mean over the sequence through the context layer, added to every row. */
static int add_context(const Network *self, float *state, Py_ssize_t count)
{
    const Py_ssize_t width = self->context.inner;
    float *mean = calloc((size_t)(width + self->context.panels * PANEL), sizeof *mean);
    if (!mean)
        return -1;
    float *change = mean + width;
    for (Py_ssize_t row = 0; row < count; row++)
        for (Py_ssize_t i = 0; i < width; i++)
            mean[i] += state[row * width + i];
    for (Py_ssize_t i = 0; i < width; i++)
        mean[i] /= (float)count;
    const Input in = {mean, width, width, 1, 0};
    apply(&self->context, &in, 1, change, 0, RELU);
    for (Py_ssize_t row = 0; row < count; row++)
        for (Py_ssize_t i = 0; i < width; i++)
            state[row * width + i] += change[i];
    free(mean);
    return 0;
}

/* (count, width) state before layer `first` -> (count, labels) probabilities; 0, or -1 without
 * memory. Before the first layer the state is the vectors. */
static int tag(const Network *self, const float *vectors, int first, Py_ssize_t count, float *to)
{
    const Py_ssize_t width = self->out.inner, labels = self->out.outer;
    const Py_ssize_t wide = self->out.panels * PANEL;
    Py_ssize_t margin = 0;
    for (int i = 0; i < self->layers; i++)
        margin = self->dilations[i] > margin ? self->dilations[i] : margin;
    const size_t size = (size_t)((count + 2 * margin) * width);
    float *memory = calloc(2 * size + (size_t)(count * wide), sizeof *memory);
    if (!memory)
        return -1;
    float *state = memory + margin * width, *next = state + size, *scores = memory + 2 * size;
    int failed = 0;
    memcpy(state, vectors, (size_t)(count * width) * sizeof *state);
    for (int i = first; i < self->layers && !failed; i++) {
        if (i == self->context_after)
            failed = add_context(self, state, count);
        const Py_ssize_t far = self->dilations[i] * width;
        const Input in = {state - far, width, width, 3, far};
        apply(&self->layer[i], &in, count, next, width, RESIDUAL);
        float *old = state;
        state = next;
        next = old;
    }
    const Input in = {state, width, width, 1, 0};
    apply(&self->out, &in, count, scores, wide, LINEAR);
    for (Py_ssize_t row = 0; row < count; row++, to += labels) {
        memcpy(to, scores + row * wide, (size_t)labels * sizeof *to);
        softmax(to, labels);
    }
    free(memory);
    return failed;
}

static int fits(const Py_buffer *buffer, Py_ssize_t bytes)
{
    if (buffer->len == bytes)
        return 1;
    PyErr_SetString(PyExc_ValueError, "an array has not the size that the network asks for");
    return 0;
}

static PyObject *Network_scores(PyObject *object, PyObject *args)
{
    const Network *self = (const Network *)object;
    Py_buffer vectors, out;
    if (!PyArg_ParseTuple(args, "y*w*", &vectors, &out))
        return NULL;
    const Py_ssize_t count = vectors.len / ((Py_ssize_t)sizeof(float) * self->out.inner);
    int done = fits(&vectors, count * self->out.inner * (Py_ssize_t)sizeof(float)) &&
               fits(&out, count * self->out.outer * (Py_ssize_t)sizeof(float));
    if (done && tag(self, vectors.buf, 0, count, out.buf) < 0) {
        PyErr_NoMemory();
        done = 0;
    }
    PyBuffer_Release(&vectors);
    PyBuffer_Release(&out);
    if (!done)
        return NULL;
    Py_RETURN_NONE;
}

static int embed_all(const Network *self, const int32_t *rows, Py_ssize_t count, float *to)
{
    const Py_ssize_t slots = self->slots * self->embedding;
    const Py_ssize_t hidden = self->mix.panels * PANEL;
    float *memory = malloc((size_t)(count * (slots + hidden)) * sizeof *memory);
    if (!memory)
        return -1;
    float *mixed = memory + count * slots;
    for (Py_ssize_t row = 0; row < count; row++)
        embed(self, rows + row * self->columns, memory + row * slots);
    const Input in = {memory, slots, slots, 1, 0};
    apply(&self->mix, &in, count, mixed, hidden, RELU);
    const Input lifted = {mixed, hidden, self->lift.inner, 1, 0};
    apply(&self->lift, &lifted, count, to, self->lift.outer, LINEAR);
    free(memory);
    return 0;
}

static PyObject *Network_vectors(PyObject *object, PyObject *args)
{
    const Network *self = (const Network *)object;
    Py_buffer rows, out;
    if (!PyArg_ParseTuple(args, "y*w*", &rows, &out))
        return NULL;
    const Py_ssize_t count = rows.len / ((Py_ssize_t)sizeof(int32_t) * self->columns);
    int done = fits(&rows, count * self->columns * (Py_ssize_t)sizeof(int32_t)) &&
               fits(&out, count * self->lift.outer * (Py_ssize_t)sizeof(float));
    const int32_t *values = rows.buf;
    for (Py_ssize_t i = 0; done && i < count * self->columns; i++)
        if (values[i] < 0 || values[i] >= self->table_rows) {
            PyErr_SetString(PyExc_IndexError, "there is no such row in the network's table");
            done = 0;
        }
    if (done && embed_all(self, values, count, out.buf) < 0) {
        PyErr_NoMemory();
        done = 0;
    }
    PyBuffer_Release(&rows);
    PyBuffer_Release(&out);
    if (!done)
        return NULL;
    Py_RETURN_NONE;
}

/* (weight, bias), both float32 -> panels; the columns past the last are zeros. */
static int read_affine(PyObject *pair, Affine *affine)
{
    Py_buffer weight, bias;
    if (!PyArg_ParseTuple(pair, "y*y*", &weight, &bias))
        return -1;
    affine->outer = bias.len / (Py_ssize_t)sizeof(float);
    affine->inner = affine->outer ? weight.len / bias.len : 0;
    affine->panels = (affine->outer + PANEL - 1) / PANEL;
    int failed = !fits(&weight, affine->inner * bias.len) || !affine->inner;
    const size_t columns = (size_t)affine->panels * PANEL;
    if (!failed) {
        affine->weight = calloc(columns * (size_t)affine->inner, sizeof(float));
        affine->bias = calloc(columns, sizeof(float));
        failed = !affine->weight || !affine->bias;
        if (failed)
            PyErr_NoMemory();
    }
    const float *from = weight.buf;
    for (Py_ssize_t k = 0; !failed && k < affine->inner; k++)
        for (Py_ssize_t c = 0; c < affine->outer; c++)
            affine->weight[(c / PANEL * affine->inner + k) * PANEL + c % PANEL] = *from++;
    if (!failed)
        memcpy(affine->bias, bias.buf, (size_t)bias.len);
    PyBuffer_Release(&weight);
    PyBuffer_Release(&bias);
    return failed ? -1 : 0;
}

static int read_sizes(PyObject *numbers, Py_ssize_t *to, int most)
{
    const Py_ssize_t count = PyTuple_Size(numbers);
    if (count < 0 || count > most) {
        PyErr_SetString(PyExc_ValueError, "the network has too many layers or slots");
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        to[i] = PyLong_AsSsize_t(PyTuple_GetItem(numbers, i));
        if (to[i] < 1) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "dilations and slots are at least 1");
            return -1;
        }
    }
    return (int)count;
}

/* Widths go in whole panels from layer to layer, so that no row spills into the next. */
static int is_consistent(const Network *self)
{
    const Py_ssize_t width = self->lift.outer;
    int good = width % PANEL == 0 && self->mix.inner == self->slots * self->embedding &&
               self->lift.inner == self->mix.outer && self->context.inner == width &&
               self->context.outer == width && self->out.inner == width;
    for (int i = 0; i < self->layers; i++)
        good = good && self->layer[i].inner == 3 * width && self->layer[i].outer == width;
    if (!good)
        PyErr_SetString(PyExc_ValueError, "the layers of the network do not fit together");
    return good;
}

static int Network_init(PyObject *object, PyObject *args, PyObject *named)
{
    static char *names[] = {"table", "scale", "slots", "mix", "lift", "context", "out",
                            "convolutions", "dilations", "context_after", NULL};
    Network *self = (Network *)object;
    PyObject *slots, *mix, *lift, *context, *out, *convolutions, *dilations;
    if (self->table.obj || self->scale.obj) {
        PyErr_SetString(PyExc_TypeError, "a Network is made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(
            args, named, "y*y*O!O!O!O!O!O!O!i", names, &self->table, &self->scale, &PyTuple_Type,
            &slots, &PyTuple_Type, &mix, &PyTuple_Type, &lift, &PyTuple_Type, &context,
            &PyTuple_Type, &out, &PyTuple_Type, &convolutions, &PyTuple_Type, &dilations,
            &self->context_after))
        return -1;
    self->table_rows = self->scale.len / (Py_ssize_t)sizeof(float);
    self->embedding = self->table_rows ? self->table.len / self->table_rows : 0;
    if (!fits(&self->table, self->table_rows * self->embedding))
        return -1;
    self->slots = read_sizes(slots, self->slot_sizes, MAX_SLOTS);
    const int layers = read_sizes(dilations, self->dilations, MAX_LAYERS);
    if (self->slots < 0 || layers < 0 || PyTuple_Size(convolutions) != layers)
        return -1;
    for (int i = 0; i < self->slots; i++)
        self->columns += self->slot_sizes[i];
    for (; self->layers < layers; self->layers++)
        if (read_affine(PyTuple_GetItem(convolutions, self->layers),
                        &self->layer[self->layers]) < 0)
            return -1;
    if (read_affine(mix, &self->mix) < 0 || read_affine(lift, &self->lift) < 0 ||
        read_affine(context, &self->context) < 0 || read_affine(out, &self->out) < 0)
        return -1;
    return is_consistent(self) ? 0 : -1;
}

static void free_affine(Affine *affine)
{
    free(affine->weight);
    free(affine->bias);
}

static void Network_dealloc(PyObject *object)
{
    Network *self = (Network *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyBuffer_Release(&self->table);
    PyBuffer_Release(&self->scale);
    free_affine(&self->mix);
    free_affine(&self->lift);
    free_affine(&self->context);
    free_affine(&self->out);
    for (int i = 0; i < MAX_LAYERS; i++)
        free_affine(&self->layer[i]);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyTypeObject *network_type;

#include "_tagger.h"

static PyMethodDef network_methods[] = {
    {"vectors", Network_vectors, METH_VARARGS,
     "vectors(rows, out)\n\n(n, columns) int32 feature rows -> (n, d) float32 vectors."},
    {"scores", Network_scores, METH_VARARGS,
     "scores(vectors, out)\n\n(n, d) float32 vectors -> (n, labels) float32 probabilities."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot network_slots[] = {
    {Py_tp_doc, "The weights of a TaggerNetwork. Immutable, so safe to share between threads."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, Network_init},
    {Py_tp_dealloc, Network_dealloc},
    {Py_tp_methods, network_methods},
    {0, NULL}};

static PyType_Spec network_spec = {
    "guardrails.pii.names._native.Network", sizeof(Network), 0, Py_TPFLAGS_DEFAULT, network_slots};

static int module_exec(PyObject *module)
{
    PyObject *network = PyType_FromSpec(&network_spec), *tagger = PyType_FromSpec(&tagger_spec);
    int failed = !network || !tagger || PyModule_AddObjectRef(module, "Network", network) < 0 ||
                 PyModule_AddObjectRef(module, "Tagger", tagger) < 0;
    fill_crc_table();
    choose_product();
    Py_XDECREF(tagger);
    if (failed)
        Py_XDECREF(network);
    else
        network_type = (PyTypeObject *)network; /* kept as long as the process */
    return failed ? -1 : 0;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, module_exec}, {0, NULL}};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT, "_native", "A tagger's network in C.", 0, module_methods, module_slots,
    NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&module_def); }
