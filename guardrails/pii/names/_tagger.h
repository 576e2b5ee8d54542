/* Text to names in one call: tokens, their vectors from a cache, the network, spans of labels.
 *
 * What NameTagger, TokenVectors and Decoder do in Python. A token's vector is kept together with
 * what the first convolution makes of it as a left, own and right neighbour, which that layer then
 * only adds up. Keys are kept as their salted hash, so the cache holds no text. The interpreter's
 * lock is held throughout, but a call of Python for a key that is not ASCII may let others in.
 */
#ifndef SOVGATE_NAMES_TAGGER_H
#define SOVGATE_NAMES_TAGGER_H

#include "_tokens.h"

#define WAYS 4 /* places for keys of one set of the cache */
#define MAX_KINDS 16

typedef struct {
    Py_hash_t key;
    uint64_t call; /* by which it was entered; 0: free */
    int32_t fresh; /* its place among that call's new vectors */
    int32_t ready;
} Place;

typedef struct {
    PyObject_HEAD
    Network *network;
    PyObject *featurise; /* key -> COLUMNS rows */
    PyObject *kinds;     /* tuple of str */
    Py_ssize_t begin[MAX_KINDS], inside[MAX_KINDS];
    float least[MAX_KINDS];
    Affine third[3]; /* the first convolution of each neighbour */
    Py_ssize_t sets;
    Place *places;    /* sets x WAYS */
    uint8_t *next;    /* per set, which way is given up next */
    float *vectors;   /* sets x WAYS x 4 x width: vector, left, own, right */
    uint64_t calls;
} Tagger;

/* One text: what of its tokens was new. */
typedef struct {
    Py_ssize_t count, fresh;
    int32_t *from;  /* per token its new vector, or -1 */
    int32_t *rows;  /* of new ones */
    int64_t *place; /* of new ones; -1: kept nowhere */
    float *news;    /* of new ones, 4 x width */
    float *all;     /* per token, 4 x width */
} Vectors;

static int rows_of(const Tagger *self, PyObject *key, int32_t *to)
{
    if (PyUnicode_IS_ASCII(key)) {
        ascii_rows((const char *)PyUnicode_1BYTE_DATA(key), PyUnicode_GET_LENGTH(key), to);
        return 0;
    }
    PyObject *rows = PyObject_CallOneArg(self->featurise, key);
    int failed = !rows || !PyList_Check(rows) || PyList_GET_SIZE(rows) != COLUMNS;
    for (Py_ssize_t i = 0; !failed && i < COLUMNS; i++) {
        const long row = PyLong_AsLong(PyList_GET_ITEM(rows, i));
        failed = row < 0 || row >= self->network->table_rows;
        to[i] = (int32_t)row;
    }
    Py_XDECREF(rows);
    if (failed && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "a token has not the features that the network asks for");
    return failed ? -1 : 0;
}

/* The vector of one token, or where it will stand among the new ones. */
static int look_up(Tagger *self, Vectors *vectors, PyObject *key, uint64_t call, Py_ssize_t number)
{
    const Py_ssize_t size = 4 * self->network->out.inner;
    const Py_hash_t hash = PyObject_Hash(key);
    const Py_ssize_t set = (Py_ssize_t)((size_t)hash & (size_t)(self->sets - 1));
    Place *ways = self->places + set * WAYS;
    int64_t place = -2;
    for (int way = 0; way < WAYS && place == -2; way++) {
        if (!ways[way].call || ways[way].key != hash)
            continue;
        if (ways[way].ready) {
            vectors->from[number] = -1;
            memcpy(vectors->all + number * size, self->vectors + (set * WAYS + way) * size,
                   (size_t)size * sizeof(float));
            return 0;
        }
        if (ways[way].call == call) {
            vectors->from[number] = ways[way].fresh;
            return 0;
        }
        place = -1; /* another call is about to fill it */
    }
    const int32_t fresh = (int32_t)vectors->fresh;
    if (place == -2) {
        const int way = self->next[set];
        self->next[set] = (uint8_t)((way + 1) % WAYS);
        ways[way] = (Place){hash, call, fresh, 0};
        place = set * WAYS + way;
    }
    vectors->place[fresh] = place;
    vectors->from[number] = fresh;
    vectors->fresh++;
    return rows_of(self, key, vectors->rows + fresh * COLUMNS);
}

static int is_own(const Tagger *self, const Vectors *vectors, Py_ssize_t fresh, uint64_t call)
{
    const int64_t place = vectors->place[fresh];
    return place >= 0 && self->places[place].call == call && self->places[place].fresh == fresh;
}

/* New vectors and their three parts, into the cache and to the tokens. */
static int fill_news(Tagger *self, Vectors *vectors, uint64_t call)
{
    const Network *network = self->network;
    const Py_ssize_t width = network->out.inner, size = 4 * width, fresh = vectors->fresh;
    float *plain = malloc((size_t)(fresh * width) * sizeof *plain);
    if (!plain || embed_all(network, vectors->rows, fresh, plain) < 0) {
        free(plain);
        return -1;
    }
    const Input in = {plain, width, width, 1, 0};
    for (int part = 0; part < 3; part++)
        apply(&self->third[part], &in, fresh, vectors->news + (part + 1) * width, size, LINEAR);
    for (Py_ssize_t i = 0; i < fresh; i++) {
        float *one = vectors->news + i * size;
        memcpy(one, plain + i * width, (size_t)width * sizeof *one);
        if (!is_own(self, vectors, i, call))
            continue;
        memcpy(self->vectors + vectors->place[i] * size, one, (size_t)size * sizeof *one);
        self->places[vectors->place[i]].ready = 1;
    }
    free(plain);
    return 0;
}

static int find_vectors(Tagger *self, Vectors *vectors, const Tokens *tokens)
{
    const Py_ssize_t size = 4 * self->network->out.inner;
    const uint64_t call = ++self->calls;
    int failed = 0;
    for (Py_ssize_t i = 0; i < tokens->count && !failed; i++)
        failed = look_up(self, vectors, tokens->items[i].key, call, i);
    if (!failed && vectors->fresh && (failed = fill_news(self, vectors, call)) < 0)
        PyErr_NoMemory();
    if (failed) {
        for (Py_ssize_t i = 0; i < vectors->fresh; i++)
            if (is_own(self, vectors, i, call))
                self->places[vectors->place[i]].call = 0;
        return -1;
    }
    for (Py_ssize_t i = 0; i < tokens->count; i++)
        if (vectors->from[i] >= 0)
            memcpy(vectors->all + i * size, vectors->news + vectors->from[i] * size,
                   (size_t)size * sizeof(float));
    return 0;
}

/* The first convolution from its parts: vectors (count, width) and what they become. */
FOR_EACH_CPU static void first_layer(const Network *network, const float *parts, Py_ssize_t count,
                                     float *to)
{
    const Py_ssize_t width = network->out.inner, size = 4 * width, far = network->dilations[0];
    const float *bias = network->layer[0].bias;
    for (Py_ssize_t row = 0; row < count; row++, to += width) {
        const float *own = parts + row * size;
        const float *left = row >= far ? own - far * size + width : NULL;
        const float *right = row + far < count ? own + far * size + 3 * width : NULL;
        for (Py_ssize_t i = 0; i < width; i++)
            to[i] = bias[i] + own[2 * width + i];
        for (Py_ssize_t i = 0; left && i < width; i++)
            to[i] += left[i];
        for (Py_ssize_t i = 0; right && i < width; i++)
            to[i] += right[i];
        for (Py_ssize_t i = 0; i < width; i++)
            to[i] = own[i] + (to[i] > 0 ? to[i] : 0);
    }
}

/* The kind of a token, -1 for none; its likelihood, and whether it rather begins a name. */
static Py_ssize_t kind_of(const Tagger *self, const float *scores, float *likely, int *begins)
{
    const Py_ssize_t kinds = PyTuple_GET_SIZE(self->kinds);
    Py_ssize_t best = 0;
    float most = -1;
    for (Py_ssize_t kind = 0; kind < kinds; kind++) {
        const float sum = scores[self->begin[kind]] + scores[self->inside[kind]];
        const float reach = sum / self->least[kind];
        if (reach > most) {
            most = reach;
            best = kind;
            *likely = sum;
        }
    }
    *begins = scores[self->begin[best]] > scores[self->inside[best]];
    return most >= 1 ? best : -1;
}

/* Appends (start, end, kind, score) without the marks at its ends. */
static int add_name(const Tagger *self, PyObject *names, const Tokens *tokens, Py_ssize_t first,
                    Py_ssize_t last, Py_ssize_t kind, float score)
{
    while (first <= last && is_mark(tokens->items[first].key))
        first++;
    while (last >= first && is_mark(tokens->items[last].key))
        last--;
    if (first > last)
        return 0;
    PyObject *name =
        Py_BuildValue("(nnOd)", tokens->items[first].start, tokens->items[last].end,
                      PyTuple_GET_ITEM(self->kinds, kind), (double)score);
    const int failed = !name || PyList_Append(names, name) < 0;
    Py_XDECREF(name);
    return failed ? -1 : 0;
}

/* Runs of tokens of one kind; a token that rather begins a name starts a new run. */
static PyObject *names_of(const Tagger *self, const Tokens *tokens, const float *scores)
{
    const Py_ssize_t labels = self->network->out.outer;
    PyObject *names = PyList_New(0);
    Py_ssize_t first = 0, last = -2, kind = -1;
    float score = 0;
    int failed = !names;
    for (Py_ssize_t i = 0; i <= tokens->count && !failed; i++) {
        float likely = 0;
        int begins = 1;
        const Py_ssize_t own =
            i < tokens->count ? kind_of(self, scores + i * labels, &likely, &begins) : -1;
        if (own >= 0 && own == kind && last == i - 1 && !begins) {
            last = i;
            score = likely > score ? likely : score;
            continue;
        }
        if (kind >= 0 && (own >= 0 || i == tokens->count)) {
            failed = add_name(self, names, tokens, first, last, kind, score);
            kind = -1;
        }
        if (own >= 0) {
            first = last = i;
            kind = own;
            score = likely;
        }
    }
    if (failed)
        Py_CLEAR(names);
    return names;
}

static PyObject *tag_tokens(Tagger *self, const Tokens *tokens)
{
    const Network *network = self->network;
    const Py_ssize_t width = network->out.inner, count = tokens->count;
    const size_t floats = (size_t)(count * (9 * width + network->out.outer));
    const size_t numbers = (size_t)(count * (1 + COLUMNS));
    float *memory = malloc(floats * sizeof *memory);
    int32_t *integers = malloc(numbers * sizeof *integers);
    int64_t *places = malloc((size_t)count * sizeof *places);
    PyObject *names = NULL;
    if (memory && integers && places) {
        Vectors vectors = {count, 0, integers, integers + count, places, memory,
                           memory + count * 4 * width};
        float *state = memory + count * 8 * width, *scores = state + count * width;
        if (find_vectors(self, &vectors, tokens) == 0) {
            first_layer(network, vectors.all, count, state);
            if (tag(network, state, 1, count, scores) < 0)
                PyErr_NoMemory();
            else
                names = names_of(self, tokens, scores);
        }
    } else
        PyErr_NoMemory();
    free(memory);
    free(integers);
    free(places);
    return names;
}

static PyObject *Tagger_find(PyObject *object, PyObject *text)
{
    Tokens tokens;
    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "find() takes a str");
        return NULL;
    }
    if (tokenise(text, &tokens) < 0)
        return NULL;
    PyObject *names = tokens.count ? tag_tokens((Tagger *)object, &tokens) : PyList_New(0);
    free_tokens(&tokens);
    return names;
}

/* The rows of the first convolution's weight that are for one neighbour. */
static int read_third(const Affine *from, int part, Affine *to)
{
    const Py_ssize_t inner = from->inner / 3;
    *to = (Affine){inner, from->outer, from->panels, NULL, NULL};
    to->weight = malloc((size_t)(inner * from->panels * PANEL) * sizeof(float));
    to->bias = calloc((size_t)(from->panels * PANEL), sizeof(float));
    if (!to->weight || !to->bias)
        return -1;
    for (Py_ssize_t panel = 0; panel < from->panels; panel++)
        memcpy(to->weight + panel * inner * PANEL,
               from->weight + (panel * from->inner + part * inner) * PANEL,
               (size_t)(inner * PANEL) * sizeof(float));
    return 0;
}

static int read_kinds(Tagger *self, PyObject *begin, PyObject *inside, PyObject *least)
{
    const Py_ssize_t kinds = PyTuple_GET_SIZE(self->kinds);
    int good = kinds <= MAX_KINDS && PyTuple_GET_SIZE(begin) == kinds &&
               PyTuple_GET_SIZE(inside) == kinds && PyTuple_GET_SIZE(least) == kinds;
    for (Py_ssize_t i = 0; good && i < kinds; i++) {
        self->begin[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(begin, i));
        self->inside[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(inside, i));
        self->least[i] = (float)PyFloat_AsDouble(PyTuple_GET_ITEM(least, i));
        const Py_ssize_t labels = self->network->out.outer;
        good = self->begin[i] >= 0 && self->begin[i] < labels && self->inside[i] >= 0 &&
               self->inside[i] < labels && self->least[i] > 0;
    }
    if (!good && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "the kinds of the tagger do not fit its network");
    return good && !PyErr_Occurred() ? 0 : -1;
}

static int Tagger_init(PyObject *object, PyObject *args, PyObject *named)
{
    static char *names[] = {"network", "featurise", "kinds", "begin", "inside",
                            "least",   "capacity",  NULL};
    Tagger *self = (Tagger *)object;
    PyObject *network, *featurise, *kinds, *begin, *inside, *least;
    Py_ssize_t capacity;
    if (self->network) {
        PyErr_SetString(PyExc_TypeError, "a Tagger is made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(args, named, "O!OO!O!O!O!n", names, network_type, &network,
                                     &featurise, &PyTuple_Type, &kinds, &PyTuple_Type, &begin,
                                     &PyTuple_Type, &inside, &PyTuple_Type, &least, &capacity))
        return -1;
    self->network = (Network *)Py_NewRef(network);
    self->featurise = Py_NewRef(featurise);
    self->kinds = Py_NewRef(kinds);
    if (read_kinds(self, begin, inside, least) < 0)
        return -1;
    const Network *own = self->network;
    if (own->columns != COLUMNS || own->layers < 2 || own->context_after < 1 ||
        own->table_rows < GRAM_AT + GRAMS) {
        PyErr_SetString(PyExc_ValueError, "this network does not read the features of tokens");
        return -1;
    }
    for (self->sets = 1; self->sets * WAYS < capacity;)
        self->sets *= 2;
    const size_t places = (size_t)self->sets * WAYS;
    self->places = calloc(places, sizeof *self->places);
    self->next = calloc((size_t)self->sets, 1);
    self->vectors = calloc(places * 4 * (size_t)own->out.inner, sizeof(float));
    int failed = !self->places || !self->next || !self->vectors;
    for (int part = 0; part < 3 && !failed; part++)
        failed = read_third(&own->layer[0], part, &self->third[part]);
    if (failed)
        PyErr_NoMemory();
    return failed ? -1 : 0;
}

static void Tagger_dealloc(PyObject *object)
{
    Tagger *self = (Tagger *)object;
    PyTypeObject *type = Py_TYPE(object);
    Py_XDECREF(self->network);
    Py_XDECREF(self->featurise);
    Py_XDECREF(self->kinds);
    for (int part = 0; part < 3; part++)
        free_affine(&self->third[part]);
    free(self->places);
    free(self->next);
    free(self->vectors);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef tagger_methods[] = {
    {"find", Tagger_find, METH_O, "find(text)\n\nNames in order: [(start, end, kind, score), ...]."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot tagger_slots[] = {
    {Py_tp_doc, "A NameTagger. Threads may share it."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, Tagger_init},
    {Py_tp_dealloc, Tagger_dealloc},
    {Py_tp_methods, tagger_methods},
    {0, NULL}};

static PyType_Spec tagger_spec = {
    "guardrails.pii.names._native.Tagger", sizeof(Tagger), 0, Py_TPFLAGS_DEFAULT, tagger_slots};

/* (keys, starts, ends) */
static PyObject *tokens_of(PyObject *module, PyObject *text)
{
    (void)module;
    Tokens tokens;
    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "tokens() takes a str");
        return NULL;
    }
    if (tokenise(text, &tokens) < 0)
        return NULL;
    PyObject *columns[3] = {PyList_New(tokens.count), PyList_New(tokens.count),
                            PyList_New(tokens.count)};
    for (Py_ssize_t i = 0; columns[0] && columns[1] && columns[2] && i < tokens.count; i++) {
        PyList_SET_ITEM(columns[0], i, Py_NewRef(tokens.items[i].key));
        PyList_SET_ITEM(columns[1], i, PyLong_FromSsize_t(tokens.items[i].start));
        PyList_SET_ITEM(columns[2], i, PyLong_FromSsize_t(tokens.items[i].end));
    }
    free_tokens(&tokens);
    return Py_BuildValue("(NNN)", columns[0], columns[1], columns[2]);
}

static PyObject *rows_of_key(PyObject *module, PyObject *key)
{
    (void)module;
    int32_t rows[COLUMNS];
    if (!PyUnicode_Check(key) || !PyUnicode_IS_ASCII(key) || !PyUnicode_GET_LENGTH(key)) {
        PyErr_SetString(PyExc_ValueError, "feature_rows() takes some ASCII");
        return NULL;
    }
    ascii_rows((const char *)PyUnicode_1BYTE_DATA(key), PyUnicode_GET_LENGTH(key), rows);
    PyObject *result = PyList_New(COLUMNS);
    for (Py_ssize_t i = 0; result && i < COLUMNS; i++)
        PyList_SET_ITEM(result, i, PyLong_FromLong(rows[i]));
    return result;
}

static PyMethodDef module_methods[] = {
    {"tokens", tokens_of, METH_O, "tokens(text)\n\n(keys, starts, ends), as tokenise() gives them."},
    {"feature_rows", rows_of_key, METH_O, "feature_rows(key)\n\nOf a key in ASCII."},
    {NULL, NULL, 0, NULL}};

#endif
