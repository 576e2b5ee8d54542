/* The expressions of a group as one deterministic automaton, made state by state while it reads.
 *
 * A state is the set of places (scan/places.py) at which an attempt may go on, and the expressions
 * that end there. Texts of one kind lead to the same few thousand states again and again, so a
 * character costs two looks into tables. A text that leads to too many new states is given up, and
 * who asked takes another way. Memory is bounded: a full table is emptied. The interpreter's lock
 * is held all the time, and keeps it whole.
 */
#define AT_END 0xffff      /* instead of a class: the end of the text */
#define ENDS_HERE 0x8000   /* in a row: some expression ends in that state */
#define MOST_DFAS 32       /* that read a text at once */
#define MOST_STATES 0x7fff /* a state's number has 15 bits; 0 stands for "not made yet" */

typedef struct {
    uint32_t places, place_count, ends, end_count, hash, next;
} State;

typedef struct {
    uint32_t *items, count, room;
} Numbers;

typedef struct {
    PyObject_HEAD
    Py_buffer kinds;            /* 256 bytes: the kind of each cell */
    Py_buffer classes;          /* (n, 32) bytes: bits over kinds */
    Py_buffer class_of;         /* uint16 of each place */
    Py_buffer next_first, next; /* uint32: where lists begin; the places behind each place */
    Py_buffer ends_of;          /* int32: expression that is whole with a place, or -1 */
    Py_buffer begins, initial;  /* uint32: places open everywhere; at a text's begin too */
    uint32_t place_count, kind_count, expressions, state_limit;
    Numbers *fresh, *fresh_ends; /* per kind: what begins with it opens, and ends */
    uint8_t *is_begin, *is_own; /* of places; of expressions */
    uint32_t *place_turn, *end_turn, turn; /* when each was last put into the set being made */
    Numbers set, set_ends, passed;
    uint32_t *fresh_state; /* per kind: where it leads if it goes on with nothing, or 0 */
    State *states;
    uint32_t state_count, *buckets, bucket_mask, start;
    uint16_t *rows;
    Numbers places, ends; /* of all states, one behind the other */
} LazyDfa;

static int keep_number(Numbers *numbers, uint32_t value)
{
    if (numbers->count == numbers->room) {
        const uint32_t room = numbers->room ? 2 * numbers->room : 256;
        uint32_t *grown = realloc(numbers->items, room * sizeof *grown);
        if (!grown)
            return -1;
        numbers->items = grown;
        numbers->room = room;
    }
    numbers->items[numbers->count++] = value;
    return 0;
}

static uint32_t mixed(uint32_t value)
{
    value *= 0x9e3779b1u;
    value ^= value >> 15;
    return value * 0x85ebca6bu;
}

static void next_turn(LazyDfa *self)
{
    if (++self->turn == 0) {
        memset(self->place_turn, 0, self->place_count * sizeof *self->place_turn);
        memset(self->end_turn, 0, self->expressions * sizeof *self->end_turn);
        self->turn = 1;
    }
    self->set.count = self->set_ends.count = 0;
}

/* A place that is open everywhere belongs to no state. */
static int open_place(LazyDfa *self, uint32_t place)
{
    if (self->place_turn[place] == self->turn || self->is_begin[place])
        return 0;
    self->place_turn[place] = self->turn;
    return keep_number(&self->set, place);
}

static int note_end(LazyDfa *self, uint32_t expression)
{
    if (self->end_turn[expression] == self->turn)
        return 0;
    self->end_turn[expression] = self->turn;
    return keep_number(&self->set_ends, expression);
}

static int pass_place(LazyDfa *self, uint32_t place)
{
    const uint32_t *first = self->next_first.buf, *next = self->next.buf;
    const int32_t end = ((const int32_t *)self->ends_of.buf)[place];
    if (end >= 0 && note_end(self, (uint32_t)end) < 0)
        return -1;
    for (uint32_t i = first[place]; i < first[place + 1]; i++)
        if (open_place(self, next[i]) < 0)
            return -1;
    return 0;
}

static int accepts_kind(const LazyDfa *self, uint32_t place, uint32_t kind)
{
    const uint16_t number = ((const uint16_t *)self->class_of.buf)[place];
    return number != AT_END && has(self->classes.buf, number, (uint8_t)kind);
}

static int is_same(const LazyDfa *self, const State *state)
{
    if (state->place_count != self->set.count || state->end_count != self->set_ends.count)
        return 0;
    for (uint32_t i = 0; i < state->place_count; i++)
        if (self->place_turn[self->places.items[state->places + i]] != self->turn)
            return 0;
    for (uint32_t i = 0; i < state->end_count; i++)
        if (self->end_turn[self->ends.items[state->ends + i]] != self->turn)
            return 0;
    return 1;
}

/* The number of the state of the present set; 0 if there is no room for it, -1 without memory. */
static int32_t state_of_set(LazyDfa *self)
{
    uint32_t hash = self->set_ends.count;
    for (uint32_t i = 0; i < self->set.count; i++)
        hash += mixed(self->set.items[i]);
    for (uint32_t i = 0; i < self->set_ends.count; i++)
        hash += mixed(self->set_ends.items[i] + self->place_count);
    uint32_t *bucket = self->buckets + (mixed(hash) & self->bucket_mask);
    for (uint32_t number = *bucket; number; number = self->states[number].next)
        if (self->states[number].hash == hash && is_same(self, &self->states[number]))
            return (int32_t)number;
    if (self->state_count > self->state_limit)
        return 0;
    State state = {self->places.count, self->set.count, self->ends.count, self->set_ends.count,
                   hash, *bucket};
    for (uint32_t i = 0; i < self->set.count; i++)
        if (keep_number(&self->places, self->set.items[i]) < 0)
            return -1;
    for (uint32_t i = 0; i < self->set_ends.count; i++)
        if (keep_number(&self->ends, self->set_ends.items[i]) < 0)
            return -1;
    const uint32_t number = self->state_count++;
    self->states[number] = state;
    *bucket = number;
    return (int32_t)number;
}

/* The state behind a character of `kind` that goes on with `passed`; as state_of_set. */
static int32_t state_behind(LazyDfa *self, uint32_t kind)
{
    if (!self->passed.count && self->fresh_state[kind])
        return (int32_t)self->fresh_state[kind];
    next_turn(self);
    const Numbers *fresh = self->fresh + kind, *fresh_ends = self->fresh_ends + kind;
    for (uint32_t i = 0; i < fresh->count; i++)
        if (open_place(self, fresh->items[i]) < 0)
            return -1;
    for (uint32_t i = 0; i < fresh_ends->count; i++)
        if (note_end(self, fresh_ends->items[i]) < 0)
            return -1;
    for (uint32_t i = 0; i < self->passed.count; i++)
        if (pass_place(self, self->passed.items[i]) < 0)
            return -1;
    const int32_t number = state_of_set(self);
    if (!self->passed.count && number > 0)
        self->fresh_state[kind] = (uint32_t)number;
    return number;
}

/* Where `from` goes with a character of `kind`: a row's entry, 0 without room, -1 without memory. */
static int32_t step_to(LazyDfa *self, uint32_t from, uint32_t kind)
{
    const State *state = self->states + from;
    self->passed.count = 0;
    for (uint32_t i = 0; i < state->place_count; i++) {
        const uint32_t place = self->places.items[state->places + i];
        if (accepts_kind(self, place, kind) && keep_number(&self->passed, place) < 0)
            return -1;
    }
    const int32_t number = state_behind(self, kind);
    if (number <= 0)
        return number;
    const uint16_t entry = (uint16_t)(number | (self->states[number].end_count ? ENDS_HERE : 0));
    self->rows[(size_t)from * self->kind_count + kind] = entry;
    return entry;
}

/* No state but that of a text's begin. */
static int empty_states(LazyDfa *self)
{
    memset(self->rows, 0, (size_t)self->state_count * self->kind_count * sizeof *self->rows);
    memset(self->buckets, 0, (self->bucket_mask + 1) * sizeof *self->buckets);
    memset(self->fresh_state, 0, self->kind_count * sizeof *self->fresh_state);
    self->state_count = 1;
    self->places.count = self->ends.count = 0;
    next_turn(self);
    const uint32_t *initial = self->initial.buf;
    for (size_t i = 0; i < (size_t)self->initial.len / sizeof *initial; i++)
        if (open_place(self, initial[i]) < 0)
            return -1;
    self->start = (uint32_t)state_of_set(self);
    return self->start == 1 ? 0 : -1;
}

/* What ends with the text, where the automaton is in `number`. */
static int report_last(LazyDfa *self, Reports *reports, uint32_t number, uint32_t end)
{
    const State *state = self->states + number;
    for (uint32_t i = 0; i < state->place_count; i++) {
        const uint32_t place = self->places.items[state->places + i];
        const int32_t expression = ((const int32_t *)self->ends_of.buf)[place];
        if (((const uint16_t *)self->class_of.buf)[place] == AT_END && expression >= 0 &&
            keep_report(reports, (uint32_t)expression, end) < 0)
            return -1;
    }
    return 0;
}

/* One automaton on its way through a text. */
typedef struct {
    LazyDfa *dfa;
    uint32_t at;
    Py_ssize_t new_states; /* that it may still make */
    int given_up;
} Walk;

/* The state at which `walk` arrives with data[i], where that is not made yet or ends something.
 * 0 if it gives up, -1 without memory. */
static int arrive(Walk *walk, int32_t entry, const uint8_t *data, Py_ssize_t i, Reports *reports)
{
    LazyDfa *self = walk->dfa;
    if (!entry) {
        if (walk->new_states-- <= 0)
            return 0;
        entry = step_to(self, walk->at, ((const uint8_t *)self->kinds.buf)[data[i]]);
        if (entry <= 0)
            return entry < 0 ? -1 : empty_states(self);
    }
    walk->at = (uint32_t)entry & MOST_STATES;
    if (entry & ENDS_HERE) {
        const State *state = self->states + walk->at;
        for (uint32_t e = 0; e < state->end_count; e++)
            if (keep_report(reports, self->ends.items[state->ends + e], (uint32_t)i + 1) < 0)
                return -1;
    }
    return 1;
}

/* What `walk` reported goes again. */
static void take_back(const Walk *walk, Reports *reports, Py_ssize_t since)
{
    Py_ssize_t kept = since;
    for (Py_ssize_t i = since; i < reports->count; i++) {
        const uint32_t number = reports->items[i].number;
        if (number >= walk->dfa->expressions || !walk->dfa->is_own[number])
            reports->items[kept++] = reports->items[i];
    }
    reports->count = kept;
}

/* Several automata at once: each waits for memory at every character, and so they wait together.
 * Those that give the text up have `given_up` set and report nothing; -1 without memory. */
static int walk_text(Walk *walks, int count, const uint8_t *data, Py_ssize_t length,
                     Reports *reports)
{
    const Py_ssize_t since = reports->count;
    for (Py_ssize_t i = 0; i < length; i++) {
        for (int w = 0; w < count; w++) {
            Walk *walk = walks + w;
            const LazyDfa *dfa = walk->dfa;
            const uint8_t *kinds = dfa->kinds.buf;
            if (walk->given_up)
                continue;
            if (i + 1 == length && data[i] == '\n' &&
                report_last(walk->dfa, reports, walk->at, (uint32_t)i) < 0)
                return -1;
            const uint16_t entry =
                dfa->rows[(size_t)walk->at * dfa->kind_count + kinds[data[i]]];
            if (entry && !(entry & ENDS_HERE)) {
                walk->at = entry;
                continue;
            }
            const int arrived = arrive(walk, entry, data, i, reports);
            if (arrived < 0)
                return -1;
            walk->given_up = !arrived;
        }
    }
    for (int w = 0; w < count; w++) {
        if (walks[w].given_up)
            take_back(walks + w, reports, since);
        else if (report_last(walks[w].dfa, reports, walks[w].at, (uint32_t)length) < 0)
            return -1;
    }
    return 0;
}

static PyTypeObject *lazy_dfa_type;

/* report(dfas, data, reports) */
static PyObject *report_all(PyObject *module, PyObject *args)
{
    (void)module;
    Py_buffer data;
    PyObject *dfas, *given, *given_up = NULL;
    if (!PyArg_ParseTuple(args, "O!y*O!", &PyTuple_Type, &dfas, &data, reports_type, &given))
        return NULL;
    Reports *reports = (Reports *)given;
    const Py_ssize_t count = PyTuple_GET_SIZE(dfas), before = reports->count;
    Walk walks[MOST_DFAS];
    int good = count <= MOST_DFAS && data.len < INT32_MAX;
    for (Py_ssize_t w = 0; good && w < count; w++) {
        LazyDfa *dfa = (LazyDfa *)PyTuple_GET_ITEM(dfas, w);
        good = Py_TYPE(dfa) == lazy_dfa_type;
        if (good)
            walks[w] = (Walk){dfa, dfa->start, NEW_STATES + data.len / 64, 0};
    }
    if (!good)
        PyErr_SetString(PyExc_ValueError, "these are no automata, or too many");
    else if (walk_text(walks, (int)count, data.buf, data.len, reports) < 0)
        PyErr_NoMemory();
    else
        given_up = PyList_New(0);
    for (Py_ssize_t w = 0; given_up && w < count; w++) {
        PyObject *number = walks[w].given_up ? PyLong_FromSsize_t(w) : NULL;
        if (walks[w].given_up && (!number || PyList_Append(given_up, number) < 0))
            Py_CLEAR(given_up);
        Py_XDECREF(number);
    }
    PyBuffer_Release(&data);
    if (!given_up)
        reports->count = before;
    return given_up;
}

static PyObject *LazyDfa_states(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromLong((long)((LazyDfa *)object)->state_count - 1);
}

/* Every number names a place, a class, a kind or an expression. */
static int tables_fit(const LazyDfa *self)
{
    const uint8_t *kinds = self->kinds.buf;
    const uint16_t *class_of = self->class_of.buf;
    const uint32_t *first = self->next_first.buf, *next = self->next.buf;
    const int32_t *ends_of = self->ends_of.buf;
    const Py_ssize_t n = self->place_count, count = self->next.len / (Py_ssize_t)sizeof *next;
    int good = n > 0 && self->kinds.len == 256 && self->kind_count > 0 && self->kind_count <= 256 &&
               self->next_first.len == (n + 1) * (Py_ssize_t)sizeof *first &&
               self->ends_of.len == n * (Py_ssize_t)sizeof *ends_of && first[0] == 0 &&
               (Py_ssize_t)first[n] == count && self->state_limit < MOST_STATES &&
               self->state_limit > 0;
    for (int cell = 0; good && cell < 256; cell++)
        good = kinds[cell] < self->kind_count;
    for (Py_ssize_t p = 0; good && p < n; p++)
        good = first[p] <= first[p + 1] && ends_of[p] < (int32_t)self->expressions &&
               (class_of[p] == AT_END || class_of[p] < self->classes.len / 32);
    for (Py_ssize_t i = 0; good && i < count; i++)
        good = next[i] < (uint32_t)n;
    const Py_buffer *lists[2] = {&self->begins, &self->initial};
    for (int l = 0; good && l < 2; l++)
        for (size_t i = 0; good && i < (size_t)lists[l]->len / sizeof(uint32_t); i++)
            good = ((const uint32_t *)lists[l]->buf)[i] < (uint32_t)n;
    return good;
}

/* What every character opens and ends by itself, kind by kind. */
static int find_fresh(LazyDfa *self)
{
    const uint32_t *begins = self->begins.buf;
    const size_t count = (size_t)self->begins.len / sizeof *begins;
    for (size_t i = 0; i < count; i++)
        self->is_begin[begins[i]] = 1;
    for (uint32_t place = 0; place < self->place_count; place++)
        if (((const int32_t *)self->ends_of.buf)[place] >= 0)
            self->is_own[((const int32_t *)self->ends_of.buf)[place]] = 1;
    for (uint32_t kind = 0; kind < self->kind_count; kind++) {
        next_turn(self);
        for (size_t i = 0; i < count; i++)
            if (accepts_kind(self, begins[i], kind) && pass_place(self, begins[i]) < 0)
                return -1;
        for (uint32_t i = 0; i < self->set.count; i++)
            if (keep_number(self->fresh + kind, self->set.items[i]) < 0)
                return -1;
        for (uint32_t i = 0; i < self->set_ends.count; i++)
            if (keep_number(self->fresh_ends + kind, self->set_ends.items[i]) < 0)
                return -1;
    }
    return 0;
}

static int LazyDfa_init(PyObject *object, PyObject *args, PyObject *named)
{
    static char *names[] = {"kinds", "classes", "class_of", "next_first", "next", "ends_of",
                            "begins", "initial", "expressions", "states", NULL};
    LazyDfa *self = (LazyDfa *)object;
    if (self->kinds.obj) {
        PyErr_SetString(PyExc_TypeError, "a LazyDfa is made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(args, named, "y*y*y*y*y*y*y*y*II", names, &self->kinds,
                                     &self->classes, &self->class_of, &self->next_first,
                                     &self->next, &self->ends_of, &self->begins, &self->initial,
                                     &self->expressions, &self->state_limit))
        return -1;
    self->place_count = (uint32_t)(self->class_of.len / (Py_ssize_t)sizeof(uint16_t));
    for (int cell = 0; cell < 256 && self->kinds.len == 256; cell++)
        if (((const uint8_t *)self->kinds.buf)[cell] >= self->kind_count)
            self->kind_count = ((const uint8_t *)self->kinds.buf)[cell] + 1u;
    if (!tables_fit(self)) {
        PyErr_SetString(PyExc_ValueError, "the tables of the automaton do not fit together");
        return -1;
    }
    const size_t states = (size_t)self->state_limit + 1;
    self->bucket_mask = 1;
    while (self->bucket_mask < states)
        self->bucket_mask = 2 * self->bucket_mask + 1;
    self->fresh = calloc(self->kind_count, sizeof *self->fresh);
    self->fresh_ends = calloc(self->kind_count, sizeof *self->fresh_ends);
    self->fresh_state = calloc(self->kind_count, sizeof *self->fresh_state);
    self->is_begin = calloc(self->place_count, 1);
    self->is_own = calloc(self->expressions + 1u, 1);
    self->place_turn = calloc(self->place_count, sizeof *self->place_turn);
    self->end_turn = calloc(self->expressions + 1u, sizeof *self->end_turn);
    self->states = calloc(states + 1, sizeof *self->states);
    self->buckets = calloc(self->bucket_mask + 1u, sizeof *self->buckets);
    self->rows = calloc((states + 1) * self->kind_count, sizeof *self->rows);
    self->state_count = 1;
    if (!self->fresh || !self->fresh_ends || !self->fresh_state || !self->is_begin ||
        !self->is_own || !self->place_turn || !self->end_turn || !self->states || !self->buckets || !self->rows ||
        find_fresh(self) < 0 || empty_states(self) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static void LazyDfa_dealloc(PyObject *object)
{
    LazyDfa *self = (LazyDfa *)object;
    PyTypeObject *type = Py_TYPE(object);
    Py_buffer *buffers[] = {&self->kinds, &self->classes, &self->class_of, &self->next_first,
                            &self->next, &self->ends_of, &self->begins, &self->initial};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        PyBuffer_Release(buffers[i]);
    for (uint32_t kind = 0; kind < self->kind_count; kind++) {
        if (self->fresh)
            free(self->fresh[kind].items);
        if (self->fresh_ends)
            free(self->fresh_ends[kind].items);
    }
    void *all[] = {self->fresh, self->fresh_ends, self->fresh_state, self->is_begin,
                   self->is_own, self->place_turn, self->end_turn, self->states, self->buckets, self->rows,
                   self->set.items, self->set_ends.items, self->passed.items, self->places.items,
                   self->ends.items};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyGetSetDef lazy_dfa_members[] = {
    {"states", LazyDfa_states, NULL, "How many were made.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot lazy_dfa_slots[] = {
    {Py_tp_doc, "Expressions as one automaton, made while it reads."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, LazyDfa_init},
    {Py_tp_dealloc, LazyDfa_dealloc},
    {Py_tp_getset, lazy_dfa_members},
    {0, NULL}};

static PyType_Spec lazy_dfa_spec = {
    "guardrails.pii.scan._native.LazyDfa", sizeof(LazyDfa), 0, Py_TPFLAGS_DEFAULT,
    lazy_dfa_slots};
