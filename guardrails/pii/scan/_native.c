/* Where rules may match, in C: what scan/candidates.py does in Python, and closer.
 *
 * `Reports` collects what the automata report. `Programs` holds one program per rule (made by
 * scan/program.py): it accepts at least what the rule's pattern accepts at a place, so whatever it
 * refuses needs no look at the pattern. Every run is bounded by LONGEST characters.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 32       /* characters that a program looks at; beyond it accepts */
#define WITH_LOCK 20000  /* longer texts are searched without the interpreter's lock */
#define NEW_STATES 64    /* that a text may lead to, and one more for each 64 characters */

enum { MATCH, CHARS, SPLIT, JUMP, BEFORE, AFTER };

/* op | edge << 8 | class << 16, and where to go on */
typedef struct {
    uint32_t word, to;
} Step;

typedef struct {
    int32_t expression, program, length, first, least, most, digits, reach, context;
} Target;

typedef struct {
    uint32_t number, end;
} Report;

typedef struct {
    PyObject_HEAD
    Report *items;
    Py_ssize_t count, room;
} Reports;

typedef struct {
    PyObject_HEAD
    Py_buffer classes, steps, targets; /* (n, 32) bits; Step; Target, by expression */
    Py_ssize_t target_count, expressions, longest;
    int32_t digit, before, after, far;
    int32_t *first_target; /* per expression, one more at the end */
} Programs;

/* One call's memory. `ends` are those of all reports, by expression from `first` on. */
typedef struct {
    const uint8_t *data;
    Py_ssize_t length;
    uint32_t *first, *ends;
    uint32_t *marks[2], turn;
    int32_t *list[2], *stack;
    int32_t *places;
    Py_ssize_t place_room;
    int32_t *found; /* target, how many, starts */
    Py_ssize_t found_count, found_room;
} Search;

static int has(const uint8_t *classes, uint32_t number, uint8_t cell)
{
    return classes[number * 32 + (cell >> 3)] >> (cell & 7) & 1;
}

/* Does the program accept at `start`? Sets of steps, character by character. */
static int accepts(const Programs *self, Search *search, const Target *target, Py_ssize_t start)
{
    const uint8_t *classes = self->classes.buf;
    const Step *steps = (const Step *)self->steps.buf + target->program;
    const Py_ssize_t end = search->length - start > LONGEST ? start + LONGEST : search->length;
    int32_t *now = search->list[0], *next = search->list[1], *stack = search->stack;
    Py_ssize_t count = 1;
    now[0] = 0;
    if (search->turn > UINT32_MAX - 2 * LONGEST) { /* no mark may look like a later turn's */
        memset(search->marks[0], 0, 2 * (size_t)(self->longest + 1) * sizeof *search->marks[0]);
        search->turn = 0;
    }
    for (Py_ssize_t at = start;; at++) {
        const uint32_t turn = ++search->turn;
        Py_ssize_t coming = 0;
        if (at == end && end < search->length)
            return 1;
        for (Py_ssize_t i = 0; i < count; i++) {
            Py_ssize_t depth = 0;
            stack[depth++] = now[i];
            while (depth) {
                const int32_t pc = stack[--depth];
                if (search->marks[0][pc] == turn)
                    continue;
                search->marks[0][pc] = turn;
                const uint32_t word = steps[pc].word, number = word >> 16;
                switch (word & 0xff) {
                case MATCH:
                    return 1;
                case CHARS:
                    if (at < search->length && has(classes, number, search->data[at]) &&
                        search->marks[1][pc + 1] != turn) {
                        search->marks[1][pc + 1] = turn;
                        next[coming++] = pc + 1;
                    }
                    break;
                case SPLIT:
                    stack[depth++] = (int32_t)steps[pc].to;
                    stack[depth++] = pc + 1;
                    break;
                case JUMP:
                    stack[depth++] = (int32_t)steps[pc].to;
                    break;
                case BEFORE:
                    if (at ? has(classes, number, search->data[at - 1]) : (int)(word >> 8 & 1))
                        stack[depth++] = pc + 1;
                    break;
                case AFTER:
                    if (at < search->length ? has(classes, number, search->data[at])
                                            : (int)(word >> 8 & 1))
                        stack[depth++] = pc + 1;
                    break;
                }
            }
        }
        if (!coming)
            return 0;
        int32_t *old = now;
        now = next;
        next = old;
        count = coming;
    }
}

static int push(Search *search, int32_t value)
{
    if (search->found_count == search->found_room) {
        const Py_ssize_t room = search->found_room ? 2 * search->found_room : 256;
        int32_t *grown = realloc(search->found, (size_t)room * sizeof *grown);
        if (!grown)
            return -1;
        search->found = grown;
        search->found_room = room;
    }
    search->found[search->found_count++] = value;
    return 0;
}

/* A word's end may stand where a rule looks for context around start to end. */
static int word_near(const Programs *self, const uint32_t *words, Py_ssize_t count,
                     Py_ssize_t start, Py_ssize_t end)
{
    Py_ssize_t low = 0, high = count;
    const Py_ssize_t least = start - self->before;
    while (low < high) {
        const Py_ssize_t middle = (low + high) / 2;
        if ((Py_ssize_t)words[middle] < least)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && (Py_ssize_t)words[low] <= end + self->after;
}

/* Ranges of starts, first and last, in order and apart, into search->places; -1 without memory. */
static Py_ssize_t find_places(Search *search, const Target *target, const uint32_t *ends,
                              Py_ssize_t count)
{
    if (search->place_room < 2 * count) {
        int32_t *grown = realloc(search->places, (size_t)(2 * count) * sizeof *grown);
        if (!grown)
            return -1;
        search->places = grown;
        search->place_room = 2 * count;
    }
    int32_t *to = search->places;
    if (target->most < 0) {
        to[0] = 0;
        to[1] = (int32_t)ends[count - 1] - target->least;
        return 1;
    }
    Py_ssize_t places = 1;
    to[0] = (int32_t)ends[0] > target->most ? (int32_t)ends[0] - target->most : 0;
    to[1] = (int32_t)ends[0] - target->least;
    for (Py_ssize_t i = 1; i < count; i++) {
        const int32_t low = (int32_t)ends[i] - target->most;
        if (low > to[2 * places - 1] + 1)
            to[2 * places++] = low;
        to[2 * places - 1] = (int32_t)ends[i] - target->least;
    }
    return places;
}

/* Places with a context word about: what one match can join is kept or dropped together. */
static Py_ssize_t keep_near(const Programs *self, Search *search, const Target *target,
                            Py_ssize_t count, const uint32_t *words, Py_ssize_t word_count)
{
    int32_t *places = search->places;
    Py_ssize_t kept = 0;
    for (Py_ssize_t first = 0, last; first < count; first = last) {
        for (last = first + 1; last < count; last++)
            if (places[2 * last] > places[2 * last - 1] + target->reach)
                break;
        const Py_ssize_t end = (Py_ssize_t)places[2 * last - 1] + target->reach;
        if (!word_near(self, words, word_count, places[2 * first], end))
            continue;
        const Py_ssize_t numbers = 2 * (last - first);
        memmove(places + 2 * kept, places + 2 * first, (size_t)numbers * sizeof *places);
        kept += last - first;
    }
    return kept;
}

static int has_digits(const Programs *self, const Search *search, const Target *target,
                      Py_ssize_t low, Py_ssize_t end)
{
    int32_t seen = 0;
    for (Py_ssize_t at = low; at < end && at < search->length; at++) {
        seen += has(self->classes.buf, (uint32_t)self->digit, search->data[at]);
        if (seen >= target->digits)
            return 1;
    }
    return 0;
}

static int search_target(const Programs *self, Search *search, Py_ssize_t number)
{
    const Target *target = (const Target *)self->targets.buf + number;
    const uint8_t *classes = self->classes.buf;
    const uint32_t *first = search->first;
    Py_ssize_t count = find_places(search, target, search->ends + first[target->expression],
                                   first[target->expression + 1] - first[target->expression]);
    if (count < 0)
        return -1;
    if (target->context >= 0 && target->reach >= 0 && target->reach < self->far)
        count = keep_near(self, search, target, count, search->ends + first[target->context],
                          first[target->context + 1] - first[target->context]);
    const Py_ssize_t head = search->found_count;
    for (Py_ssize_t i = 0; i < count; i++) {
        const Py_ssize_t low = search->places[2 * i], high = search->places[2 * i + 1];
        if (target->digits && target->reach >= 0 &&
            !has_digits(self, search, target, low, high + target->reach))
            continue;
        for (Py_ssize_t at = low; at <= high && at < search->length; at++) {
            if (target->first >= 0 && !has(classes, (uint32_t)target->first, search->data[at]))
                continue;
            if (!accepts(self, search, target, at))
                continue;
            if (search->found_count == head &&
                (push(search, (int32_t)number) < 0 || push(search, 0) < 0))
                return -1;
            if (push(search, (int32_t)at) < 0)
                return -1;
        }
    }
    if (search->found_count > head)
        search->found[head + 1] = (int32_t)(search->found_count - head - 2);
    return 0;
}

static int by_value(const void *one, const void *other)
{
    const uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

/* Ends by expression, in order. */
static void sort_reports(const Programs *self, const Reports *reports, Search *search)
{
    uint32_t *first = search->first, *ends = search->ends;
    for (Py_ssize_t i = 0; i < reports->count; i++)
        first[reports->items[i].number + 1]++;
    for (Py_ssize_t i = 0; i < self->expressions; i++)
        first[i + 1] += first[i];
    for (Py_ssize_t i = 0; i < reports->count; i++)
        ends[first[reports->items[i].number]++] = reports->items[i].end;
    for (Py_ssize_t i = self->expressions; i > 0; i--)
        first[i] = first[i - 1];
    first[0] = 0;
    for (Py_ssize_t i = 0; i < self->expressions; i++)
        for (uint32_t j = first[i] + 1; j < first[i + 1]; j++)
            if (ends[j] < ends[j - 1]) {
                qsort(ends + first[i], first[i + 1] - first[i], sizeof *ends, by_value);
                break;
            }
}

static int search_all(const Programs *self, const Reports *reports, const uint8_t *chosen,
                      Search *search)
{
    const Target *targets = self->targets.buf;
    const size_t steps = (size_t)self->longest + 1, expressions = (size_t)self->expressions + 1;
    uint32_t *memory = calloc(expressions + (size_t)reports->count + 2 * steps, sizeof *memory);
    int32_t *lists = malloc((2 * steps + 2 * steps + 2) * sizeof *lists);
    int failed = !memory || !lists;
    if (!failed) {
        search->first = memory;
        search->ends = memory + expressions;
        search->marks[0] = search->ends + reports->count;
        search->marks[1] = search->marks[0] + steps;
        search->list[0] = lists;
        search->list[1] = lists + steps;
        search->stack = lists + 2 * steps;
        sort_reports(self, reports, search);
        for (Py_ssize_t e = 0; e < self->expressions && !failed; e++)
            for (int32_t t = self->first_target[e];
                 t < self->first_target[e + 1] && !failed && search->first[e + 1] > search->first[e];
                 t++) {
                const int32_t context = targets[t].context;
                if (chosen[t] &&
                    (context < 0 || search->first[context + 1] > search->first[context]))
                    failed = search_target(self, search, t);
            }
    }
    free(memory);
    free(lists);
    free(search->places);
    return failed ? -1 : 0;
}

/* [(target, [start, ...]), ...] */
static PyObject *as_list(const Search *search)
{
    PyObject *result = PyList_New(0);
    for (Py_ssize_t at = 0; result && at < search->found_count;) {
        const int32_t number = search->found[at], count = search->found[at + 1];
        PyObject *starts = PyList_New(count), *pair = NULL;
        for (int32_t i = 0; starts && i < count; i++) {
            PyObject *start = PyLong_FromLong(search->found[at + 2 + i]);
            if (!start) {
                Py_CLEAR(starts);
                break;
            }
            PyList_SET_ITEM(starts, i, start);
        }
        if (starts)
            pair = Py_BuildValue("(iN)", number, starts);
        if (!pair || PyList_Append(result, pair) < 0)
            Py_CLEAR(result);
        Py_XDECREF(pair);
        at += 2 + count;
    }
    return result;
}

static PyTypeObject *reports_type;

static PyObject *Programs_candidates(PyObject *object, PyObject *args)
{
    const Programs *self = (const Programs *)object;
    Py_buffer data, chosen;
    PyObject *given, *result = NULL;
    if (!PyArg_ParseTuple(args, "y*O!y*", &data, reports_type, &given, &chosen))
        return NULL;
    const Reports *reports = (const Reports *)given;
    int good = chosen.len == self->target_count && data.len < INT32_MAX;
    for (Py_ssize_t i = 0; good && i < reports->count; i++)
        good = reports->items[i].number < self->expressions && reports->items[i].end <= data.len;
    if (!good)
        PyErr_SetString(PyExc_ValueError, "these are not this plan's reports of this text");
    Search search = {.data = data.buf, .length = data.len};
    int failed = 0;
    if (good && data.len > WITH_LOCK) {
        Py_BEGIN_ALLOW_THREADS
        failed = search_all(self, reports, chosen.buf, &search);
        Py_END_ALLOW_THREADS
    } else if (good)
        failed = search_all(self, reports, chosen.buf, &search);
    if (failed)
        PyErr_NoMemory();
    else if (good)
        result = as_list(&search);
    free(search.found);
    PyBuffer_Release(&data);
    PyBuffer_Release(&chosen);
    return result;
}

/* Every step leads to a step of its program, every number to a class or an expression. */
static int is_consistent(Programs *self)
{
    const Py_ssize_t classes = self->classes.len / 32;
    const Py_ssize_t all = self->steps.len / (Py_ssize_t)sizeof(Step);
    const Target *targets = self->targets.buf;
    int good = self->digit >= 0 && self->digit < classes;
    for (Py_ssize_t t = 0; t < self->target_count && good; t++) {
        const Target *target = targets + t;
        good = target->expression >= 0 && target->expression < self->expressions &&
               (!t || targets[t - 1].expression <= target->expression) && target->length > 0 &&
               target->program >= 0 && target->program + (Py_ssize_t)target->length <= all &&
               target->first < classes && target->context < self->expressions;
        const Step *steps = (const Step *)self->steps.buf + target->program;
        for (int32_t i = 0; good && i < target->length; i++) {
            const uint32_t op = steps[i].word & 0xff;
            good = op <= AFTER && (op == MATCH || op == JUMP || i + 1 < target->length) &&
                   ((op != SPLIT && op != JUMP) || steps[i].to < (uint32_t)target->length) &&
                   (op == MATCH || op == SPLIT || op == JUMP || steps[i].word >> 16 < classes);
        }
        if (good && target->length > self->longest)
            self->longest = target->length;
    }
    if (!good)
        PyErr_SetString(PyExc_ValueError, "the programs of the rules do not fit together");
    return good;
}

static int Programs_init(PyObject *object, PyObject *args, PyObject *named)
{
    static char *names[] = {"classes", "steps",  "targets", "expressions", "digit",
                            "before",  "after", "far",     NULL};
    Programs *self = (Programs *)object;
    if (self->classes.obj || self->first_target) {
        PyErr_SetString(PyExc_TypeError, "Programs are made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(args, named, "y*y*y*niiii", names, &self->classes,
                                     &self->steps, &self->targets, &self->expressions,
                                     &self->digit, &self->before, &self->after, &self->far))
        return -1;
    self->target_count = self->targets.len / (Py_ssize_t)sizeof(Target);
    if (self->expressions < 0 || !is_consistent(self))
        return -1;
    self->first_target = calloc((size_t)self->expressions + 1, sizeof *self->first_target);
    if (!self->first_target) {
        PyErr_NoMemory();
        return -1;
    }
    const Target *targets = self->targets.buf;
    for (Py_ssize_t t = 0; t < self->target_count; t++)
        self->first_target[targets[t].expression + 1]++;
    for (Py_ssize_t e = 0; e < self->expressions; e++)
        self->first_target[e + 1] += self->first_target[e];
    return 0;
}

static void Programs_dealloc(PyObject *object)
{
    Programs *self = (Programs *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyBuffer_Release(&self->classes);
    PyBuffer_Release(&self->steps);
    PyBuffer_Release(&self->targets);
    free(self->first_target);
    type->tp_free(object);
    Py_DECREF(type);
}

static int keep_report(Reports *self, uint32_t number, uint32_t end)
{
    if (self->count == self->room) {
        const Py_ssize_t room = self->room ? 2 * self->room : 256;
        Report *grown = realloc(self->items, (size_t)room * sizeof *grown);
        if (!grown)
            return -1;
        self->items = grown;
        self->room = room;
    }
    self->items[self->count++] = (Report){number, end};
    return 0;
}

#include "_lazy_dfa.h"

static PyObject *Reports_add(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    Reports *self = (Reports *)object;
    if (count < 3) {
        PyErr_SetString(PyExc_TypeError, "add() takes a number, a start and an end");
        return NULL;
    }
    const unsigned long number = PyLong_AsUnsignedLong(args[0]), end = PyLong_AsUnsignedLong(args[2]);
    if (PyErr_Occurred())
        return NULL;
    if (keep_report(self, (uint32_t)number, (uint32_t)end) < 0)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *Reports_ends(PyObject *object, PyObject *wanted)
{
    const Reports *self = (const Reports *)object;
    const unsigned long number = PyLong_AsUnsignedLong(wanted);
    if (PyErr_Occurred())
        return NULL;
    PyObject *result = PyList_New(0);
    for (Py_ssize_t i = 0; result && i < self->count; i++) {
        if (self->items[i].number != number)
            continue;
        PyObject *end = PyLong_FromUnsignedLong(self->items[i].end);
        if (!end || PyList_Append(result, end) < 0)
            Py_CLEAR(result);
        Py_XDECREF(end);
    }
    if (result && PyList_Sort(result) < 0)
        Py_CLEAR(result);
    return result;
}

static void Reports_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    free(((Reports *)object)->items);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *Reports_numbers(PyObject *object, PyObject *unused)
{
    (void)unused;
    const Reports *self = (Reports *)object;
    PyObject *result = PyFrozenSet_New(NULL);
    for (Py_ssize_t i = 0; result && i < self->count; i++) {
        PyObject *number = PyLong_FromUnsignedLong(self->items[i].number);
        if (!number || PySet_Add(result, number) < 0)
            Py_CLEAR(result);
        Py_XDECREF(number);
    }
    return result;
}

static PyMethodDef programs_methods[] = {
    {"candidates", Programs_candidates, METH_VARARGS,
     "candidates(data, reports, chosen)\n\nWhere targets may match: [(target, [start, ...]), ...]."},
    {NULL, NULL, 0, NULL}};

static PyMethodDef reports_methods[] = {
    {"add", (PyCFunction)(void (*)(void))Reports_add, METH_FASTCALL,
     "add(number, start, end, ...)\n\nAn expression ends there."},
    {"ends", Reports_ends, METH_O, "ends(number)\n\nWhere an expression ends, in order."},
    {"numbers", Reports_numbers, METH_NOARGS, "numbers()\n\nThe expressions that end anywhere."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot programs_slots[] = {
    {Py_tp_doc, "The programs of all rules. Immutable, so safe to share between threads."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, Programs_init},
    {Py_tp_dealloc, Programs_dealloc},
    {Py_tp_methods, programs_methods},
    {0, NULL}};

static PyType_Slot reports_slots[] = {
    {Py_tp_doc, "What the automata report of one text."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_dealloc, Reports_dealloc},
    {Py_tp_methods, reports_methods},
    {0, NULL}};

static PyType_Spec programs_spec = {
    "guardrails.pii.scan._native.Programs", sizeof(Programs), 0, Py_TPFLAGS_DEFAULT,
    programs_slots};
static PyType_Spec reports_spec = {
    "guardrails.pii.scan._native.Reports", sizeof(Reports), 0, Py_TPFLAGS_DEFAULT, reports_slots};

static int module_exec(PyObject *module)
{
    PyObject *programs = PyType_FromSpec(&programs_spec);
    PyObject *reports = PyType_FromSpec(&reports_spec);
    PyObject *lazy_dfa = PyType_FromSpec(&lazy_dfa_spec);
    int failed = !programs || !reports || !lazy_dfa ||
                 PyModule_AddObjectRef(module, "Programs", programs) < 0 ||
                 PyModule_AddObjectRef(module, "LazyDfa", lazy_dfa) < 0 ||
                 PyModule_AddObjectRef(module, "Reports", reports) < 0;
    Py_XDECREF(programs);
    if (failed) {
        Py_XDECREF(reports);
        Py_XDECREF(lazy_dfa);
    } else {
        lazy_dfa_type = (PyTypeObject *)lazy_dfa;
        reports_type = (PyTypeObject *)reports; /* both kept as long as the process */
    }
    return failed ? -1 : 0;
}

static PyMethodDef module_methods[] = {
    {"report", report_all, METH_VARARGS,
     "report(dfas, data, reports)\n\nCollect where the expressions of some automata end; the "
     "numbers of those that gave the text up, of which nothing is collected."},
    {NULL, NULL, 0, NULL}};

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, module_exec}, {0, NULL}};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT, "_native", "Where rules may match, in C.", 0, module_methods, module_slots,
    NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&module_def); }
