/* The extension module: what Python sees of plans, blocks and hashes. See _native.pyi for the signatures. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdlib.h>

#include "arrow.h"
#include "parse.h"

typedef struct { /* of the module: the types that have no constructor in Python */
    PyTypeObject *frame_type, *block_type;
} State;

/* Free a Python object after its members, and release its type. */
static void free_object(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

/* Allocate a zeroed object of the type. Returns NULL with an exception. */
static void *allocate_object(PyTypeObject *type) {
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return allocate(type, 0);
}

/* -- Frame --------------------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    Frame frame;
} FrameObject;

/* Move the frame into a Python object. Returns NULL with an exception; the caller still owns the frame then. */
static PyObject *make_frame_object(State *state, Frame *frame) {
    FrameObject *object = allocate_object(state->frame_type);
    if (!object) return NULL;
    object->frame = *frame;
    *frame = (Frame){0};
    return (PyObject *)object;
}

/* Release the array of a capsule, unless the consumer has moved it away. */
static void free_array_capsule(PyObject *capsule) {
    struct ArrowArray *array = PyCapsule_GetPointer(capsule, "arrow_array");
    if (array && array->release) array->release(array);
    free(array);
}

/* Release the schema of a capsule, unless the consumer has moved it away. */
static void free_schema_capsule(PyObject *capsule) {
    struct ArrowSchema *schema = PyCapsule_GetPointer(capsule, "arrow_schema");
    if (schema && schema->release) schema->release(schema);
    free(schema);
}

/* Frame.__arrow_c_array__: move the frame to two capsules, which release it.

Returns NULL with an exception; the frame stays then. A second export is a ValueError. */
static PyObject *export_frame(PyObject *self, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(keywords)) {
    Frame *frame = &((FrameObject *)self)->frame;
    if (!frame->array.release) {
        PyErr_SetString(PyExc_ValueError, "a frame can be exported only once");
        return NULL;
    }
    struct ArrowArray *array = calloc(1, sizeof *array); /* the capsules free both; so far they hold nothing */
    struct ArrowSchema *schema = calloc(1, sizeof *schema);
    PyObject *array_capsule = array ? PyCapsule_New(array, "arrow_array", free_array_capsule) : PyErr_NoMemory();
    PyObject *schema_capsule = schema ? PyCapsule_New(schema, "arrow_schema", free_schema_capsule) : PyErr_NoMemory();
    if (!array_capsule) free(array);
    if (!schema_capsule) free(schema);
    PyObject *pair = array_capsule && schema_capsule ? PyTuple_Pack(2, schema_capsule, array_capsule) : NULL;
    if (pair) {
        *array = frame->array;
        *schema = frame->schema;
        *frame = (Frame){0};
    }
    Py_XDECREF(array_capsule);
    Py_XDECREF(schema_capsule);
    return pair;
}

static void free_frame_object(PyObject *self) {
    release_frame(&((FrameObject *)self)->frame);
    free_object(self);
}

static PyMethodDef frame_methods[] = {
    {"__arrow_c_array__", (PyCFunction)(void (*)(void))export_frame, METH_VARARGS | METH_KEYWORDS,
     "Hand the columns over, once."},
    {0},
};
static PyType_Slot frame_slots[] = {
    {Py_tp_doc, "Columns in Arrow's memory."},
    {Py_tp_dealloc, free_frame_object},
    {Py_tp_methods, frame_methods},
    {0},
};
static PyType_Spec frame_spec = {
    "pixelstat.fastpath._native.Frame",
    sizeof(FrameObject),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    frame_slots,
};

/* -- Block --------------------------------------------------------------------------------------------------------- */

enum BlockField { LINE_COUNT, ROWS, EVENT_NAMES, RETURNED_LINES, RETURNED_LINE_NUMBERS, BLOCK_FIELDS };
static PyStructSequence_Field block_fields[] = {
    [LINE_COUNT] = {"line_count", "how many lines the block has"},
    [ROWS] = {"rows", "a Frame of simple lines"},
    [EVENT_NAMES] = {"event_names", "what the numbers of `event` from 2 on mean, as in the log"},
    [RETURNED_LINES] = {"returned_lines", "bytes of the lines that are not simple"},
    [RETURNED_LINE_NUMBERS] = {"returned_line_numbers", "their numbers, eight bytes each"},
    [BLOCK_FIELDS] = {0},
};
static PyStructSequence_Desc block_description = {
    "pixelstat.fastpath._native.Block",
    "The lines of one block.",
    block_fields,
    BLOCK_FIELDS,
};

/* List the event names of the block as text. Returns NULL with an exception. */
static PyObject *list_event_names(const Parser *parser) {
    PyObject *names = PyList_New(0);
    for (int index = 0; names && index < parser->event_name_count; index++) {
        Span name = parser->event_names[index];
        PyObject *text = PyUnicode_DecodeUTF8(name.start, (Py_ssize_t)name.length, "replace");
        if (!text || PyList_Append(names, text)) Py_CLEAR(names);
        Py_XDECREF(text);
    }
    return names;
}

/* Copy a buffer to bytes. Returns NULL with an exception. */
static PyObject *copy_buffer(const Buffer *buffer) {
    return PyBytes_FromStringAndSize(buffer->data, (Py_ssize_t)buffer->length);
}

/* Make the Block of a parser that is done and a frame of its rows. Returns NULL with an exception. */
static PyObject *make_block(State *state, const Parser *parser, Frame *rows) {
    PyObject *block = PyStructSequence_New(state->block_type);
    if (!block) return NULL;
    PyStructSequence_SetItem(block, LINE_COUNT, PyLong_FromLongLong(parser->line_count));
    PyStructSequence_SetItem(block, ROWS, make_frame_object(state, rows));
    PyStructSequence_SetItem(block, EVENT_NAMES, list_event_names(parser));
    PyStructSequence_SetItem(block, RETURNED_LINES, copy_buffer(&parser->returned_lines));
    PyStructSequence_SetItem(block, RETURNED_LINE_NUMBERS, copy_buffer(&parser->returned_line_numbers));
    if (PyErr_Occurred()) Py_CLEAR(block);
    return block;
}

/* -- Plan: how it is made ------------------------------------------------------------------------------------------ */

typedef struct {
    PyObject_HEAD
    Plan plan;
} PlanObject;

/* Find a word in a table of `count`. Returns its index, or -1 with ValueError. */
static int find_word(const char *word, const char *const *table, int count) {
    for (int index = 0; index < count; index++)
        if (!strcmp(word, table[index])) return index;
    PyErr_Format(PyExc_ValueError, "unknown kind: %s", word);
    return -1;
}

/* Whether `count` has room for one more and the column exists; else 0 with ValueError. */
static int may_add(const Plan *plan, int count, int most, int column) {
    if (count < most && column >= 0 && column < plan->column_count) return 1;
    PyErr_SetString(PyExc_ValueError, "too many fields or parameters, or no such column");
    return 0;
}

/* Read one field into the plan. Returns 0 with an exception. */
static int read_field(Plan *plan, PyObject *item) {
    const char *before, *kind_name;
    Py_ssize_t length;
    int kind, column, must_be_first_match;
    if (!PyArg_ParseTuple(item, "y#sip", &before, &length, &kind_name, &column, &must_be_first_match)) return 0;
    if ((kind = find_word(kind_name, field_kinds, FIELD_KINDS)) < 0 ||
        !may_add(plan, plan->field_count, MOST_FIELDS, column))
        return 0;
    return add_field(plan, before, (size_t)length, (enum FieldKind)kind, column, must_be_first_match) ||
           !PyErr_NoMemory();
}

/* Read one parameter into the plan. Returns 0 with an exception. */
static int read_parameter(Plan *plan, PyObject *item) {
    const char *name, *kind_name;
    Py_ssize_t length;
    int kind, column;
    if (!PyArg_ParseTuple(item, "y#si", &name, &length, &kind_name, &column)) return 0;
    if ((kind = find_word(kind_name, parameter_kinds, PARAMETER_KINDS)) < 0) return 0;
    if (!may_add(plan, plan->parameter_count, MOST_PARAMETERS, column)) return 0;
    return add_parameter(plan, name, (size_t)length, (enum ParameterKind)kind, column) || !PyErr_NoMemory();
}

/* Read one value that is no id into the plan. Returns 0 with an exception. */
static int read_placeholder(Plan *plan, PyObject *item) {
    const char *text;
    Py_ssize_t length;
    if (!PyArg_Parse(item, "y#", &text, &length)) return 0;
    if (!may_add(plan, plan->placeholder_count, MOST_PLACEHOLDERS, 0)) return 0;
    return add_placeholder(plan, text, (size_t)length) || !PyErr_NoMemory();
}

/* Read the name of one column of text into the plan. Returns 0 with an exception. */
static int read_text_column(Plan *plan, PyObject *item) {
    const char *name;
    if (!PyArg_Parse(item, "s", &name)) return 0;
    return set_name(&plan->columns[plan->column_count++], name) || !PyErr_NoMemory();
}

/* Read all items of a sequence. Returns 0 with an exception. */
static int read_items(Plan *plan, PyObject *items, int (*read_item)(Plan *, PyObject *)) {
    Py_ssize_t count = PySequence_Size(items);
    for (Py_ssize_t index = 0; index < count; index++) {
        PyObject *item = PySequence_GetItem(items, index);
        int is_done = item && read_item(plan, item);
        Py_XDECREF(item);
        if (!is_done) return 0;
    }
    return count >= 0;
}

/* Plan(...): copy everything that the plan needs. Returns NULL with an exception. */
static PyObject *create_plan(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"fields",       "last_literal", "ends_with_last", "parameters",
                            "row_columns",  "text_columns", "hashed_columns", "id_prefix",
                            "placeholders", "placeholder_letters", "earliest", "latest",
                            "longest_line", NULL};
    PyObject *fields, *parameters, *text_columns, *placeholders;
    const char *last, *prefix, *letters, *row_columns[ROW_COLUMNS];
    Py_ssize_t last_length, prefix_length, letter_count, longest_line;
    int ends_with_last, hashed[HASHED_COLUMNS];
    long long earliest, latest;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "$Oy#pO(ssssss)O(iiii)y#Oy#LLn", names, &fields, &last, &last_length,
                                     &ends_with_last, &parameters, &row_columns[0], &row_columns[1], &row_columns[2],
                                     &row_columns[3], &row_columns[4], &row_columns[5], &text_columns, &hashed[0],
                                     &hashed[1], &hashed[2], &hashed[3], &prefix, &prefix_length, &placeholders,
                                     &letters, &letter_count, &earliest, &latest, &longest_line))
        return NULL;
    Py_ssize_t column_count = PySequence_Size(text_columns);
    if (column_count < REQUEST_COLUMNS || column_count > MOST_COLUMNS || longest_line < 1) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "too few columns of text, too many, or no room for lines");
        return NULL;
    }
    PlanObject *object = allocate_object(type);
    if (!object) return NULL;
    Plan *plan = &object->plan;
    plan->ends_with_last = ends_with_last;
    plan->earliest = earliest;
    plan->latest = latest;
    plan->longest_line = (size_t)longest_line;
    for (int index = 0; index < HASHED_COLUMNS; index++)
        plan->hashed_columns[index] = hashed[index] < column_count ? hashed[index] : -1;
    for (Py_ssize_t at = 0; at < letter_count; at++) plan->is_placeholder_letter[(unsigned char)letters[at]] = 1;
    int has_memory = start_plan(plan) && set_literal(&plan->last, last, (size_t)last_length) &&
                     set_literal(&plan->id_prefix, prefix, (size_t)prefix_length);
    for (int column = 0; column < ROW_COLUMNS; column++)
        has_memory = has_memory && set_name(&plan->row_columns[column], row_columns[column]);
    if (!has_memory) PyErr_NoMemory();
    else if (read_items(plan, text_columns, read_text_column) && read_items(plan, fields, read_field) &&
             read_items(plan, parameters, read_parameter) && read_items(plan, placeholders, read_placeholder))
        return (PyObject *)object;
    Py_DECREF(object);
    return NULL;
}

static void free_plan_object(PyObject *self) {
    free_plan(&((PlanObject *)self)->plan);
    free_object(self);
}

/* -- Plan: how blocks are read ------------------------------------------------------------------------------------- */

/* List different paths as text, from Spans in which they repeat. Returns NULL with an exception. */
static PyObject *list_paths(const Buffer *paths) {
    PyObject *unique = PySet_New(NULL);
    for (size_t at = 0; unique && at < paths->length; at += sizeof(Span)) {
        Span path;
        memcpy(&path, paths->data + at, sizeof path);
        PyObject *text = PyUnicode_DecodeUTF8(path.start, (Py_ssize_t)path.length, NULL);
        if (!text || PySet_Add(unique, text)) Py_CLEAR(unique);
        Py_XDECREF(text);
    }
    PyObject *list = unique ? PySequence_List(unique) : NULL;
    Py_XDECREF(unique);
    return list;
}

/* Add the paths of a list to the plan, with two actions each. Returns 0 with an exception. */
static int add_paths(Plan *plan, PyObject *paths, PyObject *actions) {
    char *codes;
    Py_ssize_t count = PyList_Size(paths), code_count, length;
    if (PyBytes_AsStringAndSize(actions, &codes, &code_count)) return 0;
    for (Py_ssize_t index = 0; index < code_count; index++)
        if ((unsigned char)codes[index] >= ACTIONS) code_count = -1;
    if (code_count != 2 * count) {
        PyErr_SetString(PyExc_ValueError, "classify must return two actions for each path");
        return 0;
    }
    for (Py_ssize_t index = 0; index < count; index++) {
        const char *text = PyUnicode_AsUTF8AndSize(PyList_GetItem(paths, index), &length);
        if (!text) return 0;
        if (!add_path(plan, text, (size_t)length, (enum Action)codes[2 * index], (enum Action)codes[2 * index + 1]))
            return !PyErr_NoMemory();
    }
    return 1;
}

/* Let Python classify the paths, and remember its answer. Returns 0 with an exception. */
static int classify_paths(Plan *plan, const Buffer *paths, PyObject *classify) {
    if (!paths->length) return 1; /* another thread has added them meanwhile */
    PyObject *list = list_paths(paths);
    PyObject *actions = list ? PyObject_CallFunctionObjArgs(classify, list, NULL) : NULL;
    int is_done = actions && add_paths(plan, list, actions);
    Py_XDECREF(actions);
    Py_XDECREF(list);
    return is_done;
}

/* Parse a block with one call of `classify` at most; only it holds Python's lock. Returns 0 with an exception. */
static int parse_block(Parser *parser, Plan *plan, const char *at, size_t length, PyObject *classify) {
    const char *end = at + length;
    Buffer paths = {0};
    enum Outcome outcome = NO_MEMORY;
    Py_BEGIN_ALLOW_THREADS
    if (start_rows(&parser->rows, length)) outcome = parse_lines(parser, &at, end);
    if (outcome == UNKNOWN_PATH && !collect_unknown_paths(parser, at, end, &paths)) outcome = NO_MEMORY;
    Py_END_ALLOW_THREADS
    if (outcome == UNKNOWN_PATH) {
        int is_classified = classify_paths(plan, &paths, classify);
        free(paths.data);
        if (!is_classified) return 0;
        parser->stops_at_unknown_paths = 0;
        Py_BEGIN_ALLOW_THREADS
        outcome = parse_lines(parser, &at, end);
        Py_END_ALLOW_THREADS
    } else {
        free(paths.data);
    }
    return outcome == DONE || !PyErr_NoMemory();
}

/* Make a parser for the columns that are wanted. Returns NULL with an exception; the caller frees it. */
static Parser *make_parser(const Plan *plan, const char *wanted, uint64_t first_line_number) {
    Parser *parser = calloc(1, sizeof *parser);
    if (!parser) {
        PyErr_NoMemory();
        return NULL;
    }
    Rows *rows = &parser->rows;
    parser->plan = rows->plan = plan;
    parser->first_line_number = first_line_number;
    parser->stops_at_unknown_paths = 1;
    for (int column = 0; column < plan->column_count; column++) {
        if (!wanted[column]) continue;
        rows->wanted_columns[rows->wanted_count++] = column;
        if (plan->is_parameter[column]) parser->decoded_columns[parser->decoded_count++] = column;
    }
    rows->wants_hash = wanted[plan->column_count] != 0;
    return parser;
}

/* Plan.read: read a block that nobody changes meanwhile. Returns a Block, or NULL with an exception. */
static PyObject *read_block(PyObject *self, PyObject *args) {
    Plan *plan = &((PlanObject *)self)->plan;
    Py_buffer block, wanted;
    PyObject *classify, *result = NULL;
    unsigned long long first_line_number;
    if (!PyArg_ParseTuple(args, "y*y*KO", &block, &wanted, &first_line_number, &classify)) return NULL;
    Parser *parser = NULL;
    if (wanted.len != plan->column_count + 1 || block.len > INT32_MAX / 2)
        PyErr_SetString(PyExc_ValueError, "`wanted` or the block has a wrong length");
    else parser = make_parser(plan, wanted.buf, first_line_number);
    if (parser && parse_block(parser, plan, block.buf, (size_t)block.len, classify)) {
        Frame rows = {0};
        int is_exported;
        Py_BEGIN_ALLOW_THREADS
        is_exported = shrink_rows(&parser->rows) && export_rows(&parser->rows, &rows);
        Py_END_ALLOW_THREADS
        if (is_exported) result = make_block(PyModule_GetState(PyType_GetModule(Py_TYPE(self))), parser, &rows);
        else PyErr_NoMemory();
        release_frame(&rows);
    }
    if (parser) free_parser(parser);
    free(parser);
    PyBuffer_Release(&block);
    PyBuffer_Release(&wanted);
    return result;
}

static PyMethodDef plan_methods[] = {
    {"read", read_block, METH_VARARGS, "read(block, wanted, first_line_number, classify, /) -> Block"},
    {0},
};
static PyType_Slot plan_slots[] = {
    {Py_tp_doc, "How the simple lines of one log format are read."},
    {Py_tp_new, create_plan},
    {Py_tp_dealloc, free_plan_object},
    {Py_tp_methods, plan_methods},
    {0},
};
static PyType_Spec plan_spec = {"pixelstat.fastpath._native.Plan", sizeof(PlanObject), 0, Py_TPFLAGS_DEFAULT,
                                plan_slots};

/* -- hashes of columns --------------------------------------------------------------------------------------------- */

/* Chain the texts of one column to the hashes of its rows. Returns 0 with ValueError where it is not `rows` texts. */
static int hash_column(PyObject *column, uint64_t *hashes, int64_t rows) {
    PyObject *capsule = PyObject_CallMethod(column, "__arrow_c_stream__", NULL);
    struct ArrowArrayStream *stream = capsule ? PyCapsule_GetPointer(capsule, "arrow_array_stream") : NULL;
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    int64_t done = 0;
    int is_text = stream && !stream->get_schema(stream, &schema) && !strcmp(schema.format, TEXT_FORMAT);
    if (schema.release) schema.release(&schema);
    while (is_text && !stream->get_next(stream, &array) && array.release) {
        is_text = done + array.length <= rows;
        if (is_text) {
            Py_BEGIN_ALLOW_THREADS
            hash_texts(&array, hashes + done);
            Py_END_ALLOW_THREADS
        }
        done += array.length;
        array.release(&array);
        array = (struct ArrowArray){0};
    }
    Py_XDECREF(capsule); /* releases the stream */
    if (is_text && done == rows) return 1;
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "each column must have text in all rows");
    return 0;
}

/* hash_texts: hash the texts of each row, column after column. Returns a Frame, or NULL with an exception. */
static PyObject *hash_text_columns(PyObject *module, PyObject *args) {
    PyObject *columns, *result = NULL;
    Py_ssize_t rows;
    if (!PyArg_ParseTuple(args, "On", &columns, &rows)) return NULL;
    Py_ssize_t count = PySequence_Size(columns);
    if (count < 0) return NULL;
    if (rows < 0) return PyErr_Format(PyExc_ValueError, "the number of rows must not be negative");
    size_t capacity;
    uint64_t *hashes = (void *)take_from_pool((size_t)rows * sizeof *hashes, &capacity);
    if (!hashes) return PyErr_NoMemory();
    for (Py_ssize_t row = 0; row < rows; row++) hashes[row] = EMPTY_HASH;
    for (Py_ssize_t index = 0; index < count; index++) {
        PyObject *column = PySequence_GetItem(columns, index);
        int is_hashed = column && hash_column(column, hashes, rows);
        Py_XDECREF(column);
        if (!is_hashed) {
            return_to_pool((char *)hashes, capacity);
            return NULL;
        }
    }
    Frame frame;
    if (export_hashes(hashes, capacity, rows, &frame)) result = make_frame_object(PyModule_GetState(module), &frame);
    else PyErr_NoMemory();
    release_frame(&frame);
    return result;
}

/* -- the module ---------------------------------------------------------------------------------------------------- */

static PyMethodDef module_methods[] = {
    {"hash_texts", hash_text_columns, METH_VARARGS, "hash_texts(columns, rows, /) -> Frame"},
    {0},
};

/* Add types and constants to a new module. Returns -1 with an exception. */
static int fill_module(PyObject *module) {
    State *state = PyModule_GetState(module);
    state->frame_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &frame_spec, NULL);
    state->block_type = PyStructSequence_NewType(&block_description);
    PyObject *plan_type = PyType_FromModuleAndSpec(module, &plan_spec, NULL);
    int is_done =
        state->frame_type && state->block_type && plan_type && !PyModule_AddObjectRef(module, "Plan", plan_type) &&
        !PyModule_AddIntConstant(module, "IGNORE", IGNORE) && !PyModule_AddIntConstant(module, "RETURN", RETURN) &&
        !PyModule_AddIntConstant(module, "PAGE_VIEW", PAGE_VIEW) && !PyModule_AddIntConstant(module, "OPEN", OPEN);
    Py_XDECREF(plan_type);
    return is_done ? 0 : -1;
}

static int visit_module(PyObject *module, visitproc visit, void *arg) {
    State *state = PyModule_GetState(module);
    Py_VISIT(state->frame_type);
    Py_VISIT(state->block_type);
    return 0;
}

static int clear_module(PyObject *module) {
    State *state = PyModule_GetState(module);
    Py_CLEAR(state->frame_type);
    Py_CLEAR(state->block_type);
    return 0;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill_module}, {0}};
static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pixelstat.fastpath._native",
    .m_doc = "Simple lines of text logs, read in one pass.",
    .m_size = sizeof(State),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = visit_module,
    .m_clear = clear_module,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&module_definition); }
