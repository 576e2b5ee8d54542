/* Sums of a linear head's weights over the windows of a text: guardrails/linear/features.py in C.
 *
 * The arithmetic is that of features.py and fold.py, step by step, so the sums are the same
 * integers; tests/guardrails/linear/test_native.py compares them. Text is already cleaned.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BASE UINT64_C(0x9E3779B97F4A7C15)
#define WORD_CAP 63
#define MAX_ORDER 16
#define WORD_SALT 1000
/* Below this many code points, giving the interpreter lock back costs more than it gives. */
#define LONG_TEXT 20000

enum { SEPARATOR, SYMBOL, LETTER, IDEOGRAPH };

typedef struct {
    PyObject_HEAD
    Py_buffer classes; /* uint8 per code point */
    Py_buffer mapped;  /* uint32 per code point */
    Py_ssize_t table_size;
    int symbols;
    int char_top, word_top;                                 /* the longest gram */
    unsigned char is_char[MAX_ORDER + 1], is_word[MAX_ORDER + 1];
    Py_ssize_t window, stride;
    uint64_t powers[WORD_CAP + 1];
} Hasher;

typedef struct {
    Py_ssize_t length, words;
    uint64_t *mixed;       /* per folded code point */
    uint8_t *kinds;        /* per folded code point */
    uint64_t *word_hashes; /* per word */
    Py_ssize_t *word_starts;
} Folded;

/* Distinct hashes of one window: an entry counts if it bears the window's number. */
typedef struct {
    uint64_t *slots;
    uint64_t mask, round;
    int64_t count;
    const int8_t *weights;
    Py_ssize_t buckets, outputs;
    int64_t *sums;
} Tally;

static inline uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
    return value ^ (value >> 31);
}

static inline void take(Tally *tally, uint64_t gram, int salt)
{
    uint64_t hash = mix(gram + (uint64_t)salt) >> 32;
    uint64_t entry = tally->round << 32 | hash, at = hash & tally->mask;
    while (tally->slots[at] >> 32 == tally->round) {
        if (tally->slots[at] == entry)
            return;
        at = (at + 1) & tally->mask;
    }
    tally->slots[at] = entry;
    tally->count++;
    const int8_t *row = tally->weights + (hash & (uint64_t)(tally->buckets - 1)) * tally->outputs;
    for (Py_ssize_t output = 0; output < tally->outputs; output++)
        tally->sums[output] += row[output];
}

/* Class and replacement of every code point, runs of blanks as one, a blank at either end. */
static void fold(const Hasher *self, int kind, const void *data, Py_ssize_t size, Folded *out)
{
    const uint8_t *classes = self->classes.buf;
    const uint32_t *mapped = self->mapped.buf;
    const uint64_t blank = mix(0x20);
    Py_ssize_t length = 0;
    out->mixed[length] = blank;
    out->kinds[length++] = SEPARATOR;
    for (Py_ssize_t i = 0; i < size; i++) {
        uint32_t code = PyUnicode_READ(kind, data, i);
        uint8_t class = IDEOGRAPH;
        if ((Py_ssize_t)code < self->table_size) {
            class = classes[code];
            code = mapped[code];
        }
        if (class == SEPARATOR || (class == SYMBOL && !self->symbols)) {
            if (out->kinds[length - 1] == SEPARATOR)
                continue;
            class = SEPARATOR;
            code = 0x20;
        }
        out->mixed[length] = mix(code);
        out->kinds[length++] = class;
    }
    if (out->kinds[length - 1] != SEPARATOR) {
        out->mixed[length] = blank;
        out->kinds[length++] = SEPARATOR;
    }
    out->length = length;
}

/* A word is a run of letters, or one ideograph or symbol. Its end is where the next begins. */
static void find_words(const Hasher *self, Folded *text)
{
    text->words = 0;
    for (Py_ssize_t i = 1; i < text->length;) {
        uint8_t class = text->kinds[i];
        if (class == SEPARATOR) {
            i++;
            continue;
        }
        Py_ssize_t start = i;
        uint64_t sum = 0;
        do {
            Py_ssize_t offset = i - start;
            sum += text->mixed[i] * self->powers[offset < WORD_CAP ? offset : WORD_CAP];
            i++;
        } while (class == LETTER && text->kinds[i] == LETTER); /* the last is a blank */
        text->word_starts[text->words] = start;
        text->word_hashes[text->words++] = sum;
    }
}

static void tally_window(
    const Hasher *self, const Folded *text, Py_ssize_t low, Py_ssize_t high,
    Py_ssize_t first_word, Tally *tally)
{
    tally->round++;
    tally->count = 0;
    memset(tally->sums, 0, (size_t)tally->outputs * sizeof(int64_t));
    for (Py_ssize_t i = low; i < high; i++) {
        Py_ssize_t left = text->length - i;
        int top = left < self->char_top ? (int)left : self->char_top;
        uint64_t gram = 0;
        for (int order = 1; order <= top; order++) {
            gram = gram * BASE + text->mixed[i + order - 1];
            if (self->is_char[order])
                take(tally, gram, order);
        }
    }
    for (Py_ssize_t i = first_word; i < text->words && text->word_starts[i] < high; i++) {
        Py_ssize_t left = text->words - i;
        int top = left < self->word_top ? (int)left : self->word_top;
        uint64_t gram = 0;
        for (int order = 1; order <= top; order++) {
            gram = gram * BASE + text->word_hashes[i + order - 1];
            if (self->is_word[order])
                take(tally, gram, WORD_SALT + order);
        }
    }
}

static Py_ssize_t count_windows(const Hasher *self, Py_ssize_t length, int whole)
{
    if (whole || length <= self->window + self->stride / 2)
        return 1;
    Py_ssize_t last = length - self->window;
    return last > 0 ? (last + self->stride - 1) / self->stride + 1 : 1;
}

/* Rows of 1 + outputs: the distinct hashes, then the sums. */
static void tally_all(
    const Hasher *self, const Folded *text, Py_ssize_t windows, Tally *tally, int64_t *rows)
{
    Py_ssize_t word = 0, last = text->length - self->window;
    for (Py_ssize_t i = 0; i < windows; i++) {
        Py_ssize_t low = 0, high = text->length;
        if (windows > 1) {
            low = i == windows - 1 ? last : i * self->stride;
            high = low + self->window;
        }
        while (word < text->words && text->word_starts[word] < low)
            word++;
        int64_t *row = rows + i * (1 + tally->outputs);
        tally->sums = row + 1;
        tally_window(self, text, low, high, word, tally);
        row[0] = tally->count;
    }
}

static PyObject *rows_as_list(const int64_t *rows, Py_ssize_t windows, Py_ssize_t width)
{
    PyObject *list = PyList_New(windows);
    for (Py_ssize_t i = 0; list && i < windows; i++) {
        PyObject *row = PyTuple_New(width);
        if (row)
            PyList_SET_ITEM(list, i, row);
        for (Py_ssize_t j = 0; row && j < width; j++) {
            PyObject *value = PyLong_FromLongLong(rows[i * width + j]);
            if (value)
                PyTuple_SET_ITEM(row, j, value);
            else
                row = NULL; /* the list owns it */
        }
        if (!row)
            Py_CLEAR(list);
    }
    return list;
}

/* Slots for every gram of the largest window, at most half of them filled. */
static uint64_t count_slots(const Hasher *self, const Folded *text, Py_ssize_t windows)
{
    uint64_t span = (uint64_t)(windows > 1 ? self->window : text->length);
    uint64_t words = (uint64_t)text->words, orders = 0, word_orders = 0, slots = 64;
    for (int order = 1; order <= MAX_ORDER; order++) {
        orders += self->is_char[order];
        word_orders += self->is_word[order];
    }
    uint64_t grams = span * orders + (words < span ? words : span) * word_orders;
    while (slots < 2 * grams)
        slots *= 2;
    return slots;
}

static PyObject *sum_text(
    const Hasher *self, PyObject *given, const Py_buffer *weights, Py_ssize_t outputs, int whole)
{
    Py_ssize_t size = PyUnicode_GET_LENGTH(given);
    int kind = PyUnicode_KIND(given);
    const void *data = PyUnicode_DATA(given);
    size_t room = (size_t)size + 2;
    Folded text = {0};
    int64_t *rows = NULL;
    Tally tally = {0};
    PyObject *result = NULL;
    PyThreadState *released = size > LONG_TEXT ? PyEval_SaveThread() : NULL;

    text.mixed = malloc(room * sizeof(uint64_t));
    text.kinds = malloc(room);
    text.word_hashes = malloc(room * sizeof(uint64_t));
    text.word_starts = malloc(room * sizeof(Py_ssize_t));
    if (!text.mixed || !text.kinds || !text.word_hashes || !text.word_starts)
        goto done;
    fold(self, kind, data, size, &text);
    find_words(self, &text);
    Py_ssize_t windows = count_windows(self, text.length, whole);
    uint64_t slots = count_slots(self, &text, windows);
    tally.weights = weights->buf;
    tally.buckets = weights->len / outputs;
    tally.outputs = outputs;
    tally.mask = slots - 1;
    tally.slots = calloc((size_t)slots, sizeof(uint64_t));
    rows = calloc((size_t)windows * (size_t)(1 + outputs), sizeof(int64_t));
    if (tally.slots && rows)
        tally_all(self, &text, windows, &tally, rows);

done:
    if (released)
        PyEval_RestoreThread(released);
    if (tally.slots && rows)
        result = rows_as_list(rows, windows, 1 + outputs);
    else
        PyErr_NoMemory();
    free(text.mixed);
    free(text.kinds);
    free(text.word_hashes);
    free(text.word_starts);
    free(tally.slots);
    free(rows);
    return result;
}

static PyObject *Hasher_sums(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"text", "weights", "outputs", "whole", NULL};
    PyObject *text, *result = NULL;
    Py_buffer weights;
    Py_ssize_t outputs;
    int whole = 0;
    if (!PyArg_ParseTupleAndKeywords(
            args, kwargs, "Uy*n|p", names, &text, &weights, &outputs, &whole))
        return NULL;
    Py_ssize_t buckets = outputs > 0 ? weights.len / outputs : 0;
    if (buckets < 1 || buckets * outputs != weights.len || (buckets & (buckets - 1)))
        PyErr_SetString(PyExc_ValueError, "weights must be [a power of two, outputs]");
    else
        result = sum_text((const Hasher *)self, text, &weights, outputs, whole);
    PyBuffer_Release(&weights);
    return result;
}

static int read_orders(PyObject *orders, unsigned char *is_order, int *top)
{
    PyObject *items = PySequence_Fast(orders, "orders must be a sequence");
    if (!items)
        return -1;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items); i++) {
        long order = PyLong_AsLong(PySequence_Fast_GET_ITEM(items, i));
        if (order < 1 || order > MAX_ORDER) {
            if (!PyErr_Occurred())
                PyErr_Format(PyExc_ValueError, "orders must lie in 1..%d", MAX_ORDER);
            Py_DECREF(items);
            return -1;
        }
        is_order[order] = 1;
        if (order > *top)
            *top = (int)order;
    }
    Py_DECREF(items);
    return 0;
}

static int Hasher_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {
        "classes", "mapped", "symbols", "char_orders", "word_orders", "window", "stride", NULL};
    Hasher *self = (Hasher *)object;
    PyObject *char_orders, *word_orders;
    if (self->classes.obj || self->mapped.obj) {
        PyErr_SetString(PyExc_TypeError, "a Hasher is made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(
            args, kwargs, "y*y*pOOnn", names, &self->classes, &self->mapped, &self->symbols,
            &char_orders, &word_orders, &self->window, &self->stride))
        return -1;
    self->table_size = self->classes.len;
    if (self->mapped.len != 4 * self->table_size || self->stride < 1 ||
        self->window < self->stride) {
        PyErr_SetString(PyExc_ValueError, "the tables or the windows do not fit");
        return -1;
    }
    self->powers[0] = BASE;
    for (int i = 1; i <= WORD_CAP; i++)
        self->powers[i] = self->powers[i - 1] * BASE;
    if (read_orders(char_orders, self->is_char, &self->char_top) < 0)
        return -1;
    return read_orders(word_orders, self->is_word, &self->word_top);
}

static void Hasher_dealloc(PyObject *object)
{
    Hasher *self = (Hasher *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyBuffer_Release(&self->classes);
    PyBuffer_Release(&self->mapped);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef hasher_methods[] = {
    {"sums", (PyCFunction)(void (*)(void))Hasher_sums, METH_VARARGS | METH_KEYWORDS,
     "sums(text, weights, outputs, whole=False) -> list of (distinct hashes, sum per output)\n\n"
     "One tuple per window of a cleaned text, or one for the whole of it."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot hasher_slots[] = {
    {Py_tp_doc,
     "Hasher(classes, mapped, symbols, char_orders, word_orders, window, stride)\n\n"
     "A FeatureSpec with fold.py's tables. Immutable, so safe to share between threads."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, Hasher_init},
    {Py_tp_dealloc, Hasher_dealloc},
    {Py_tp_methods, hasher_methods},
    {0, NULL}};

static PyType_Spec hasher_spec = {
    "guardrails.linear._native.Hasher", sizeof(Hasher), 0, Py_TPFLAGS_DEFAULT, hasher_slots};

static int module_exec(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&hasher_spec);
    int failed = !type || PyModule_AddObjectRef(module, "Hasher", type) < 0;
    Py_XDECREF(type);
    return failed ? -1 : 0;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, module_exec}, {0, NULL}};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT, "_native", "Hashed n-grams in C.", 0, NULL, module_slots,
    NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&module_def); }
