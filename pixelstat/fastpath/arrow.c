#include "arrow.h"

#include <stdlib.h>

#define NULLABLE 2
enum ArrowBuffer {
    VALIDITY,
    VALUES,
    FIRST_TEXTS,
    SECOND_TEXTS,
    TEXT_SIZES,
    TEXT_BUFFERS
}; /* numeric columns have two */

typedef struct { /* memory that all columns of a frame share */
    char *columns;
    size_t columns_size;
    Buffer line_texts, decoded_texts;
    int64_t text_sizes[2]; /* Arrow wants them in a buffer of their own */
} Memory;

static void free_memory(Memory *memory) {
    return_to_pool(memory->columns, memory->columns_size);
    return_to_pool(memory->line_texts.data, memory->line_texts.capacity);
    free(memory->decoded_texts.data);
}

/* -- releases: Arrow calls them once, and a released struct has no release ----------------------------------------- */

static void release_column(struct ArrowArray *array) {
    free((void *)array->buffers[VALIDITY]);
    free((void *)array->buffers);
    array->release = NULL;
}

static void release_struct(struct ArrowArray *array) {
    for (int64_t index = 0; index < array->n_children; index++) {
        struct ArrowArray *column = array->children[index];
        if (column && column->release) column->release(column); /* the consumer may have moved a column elsewhere */
        free(column);
    }
    free_memory(array->private_data);
    free(array->private_data);
    free(array->children);
    free((void *)array->buffers);
    array->release = NULL;
}

static void release_schema(struct ArrowSchema *schema) {
    for (int64_t index = 0; index < schema->n_children; index++) {
        struct ArrowSchema *column = schema->children[index];
        if (column && column->release) column->release(column);
        free(column);
    }
    free(schema->children);
    free((char *)schema->name);
    schema->release = NULL;
}

void release_frame(Frame *frame) {
    if (frame->array.release) frame->array.release(&frame->array);
    if (frame->schema.release) frame->schema.release(&frame->schema);
}

/* -- columns ------------------------------------------------------------------------------------------------------- */

/* Start a frame without columns that has room for `most_columns`. It owns the memory from now on, also on failure.

Returns 0 without memory. */
static int start_frame(Frame *frame, int64_t rows, int most_columns, Memory memory) {
    *frame = (Frame){0};
    Memory *owned = malloc(sizeof *owned);
    if (!owned) {
        free_memory(&memory);
        return 0;
    }
    *owned = memory;
    size_t room = (size_t)most_columns + 1;
    char *name = NULL;
    frame->array = (struct ArrowArray){
        .length = rows,
        .n_buffers = 1,
        .buffers = calloc(1, sizeof(void *)),
        .children = calloc(room, sizeof(void *)),
        .release = release_struct,
        .private_data = owned,
    };
    int has_name = set_name(&name, "");
    frame->schema = (struct ArrowSchema){
        .format = "+s",
        .name = name,
        .children = calloc(room, sizeof(void *)),
        .release = release_schema,
    };
    return frame->array.buffers && frame->array.children && frame->schema.children && has_name;
}

/* Make a bitmap of one byte a row, and count the zeros among them. `*validity` is NULL where there are none.

The caller frees the bitmap. Returns 0 without memory. */
static int make_validity(const char *presence, int64_t rows, int64_t *nulls, unsigned char **validity) {
    *nulls = 0;
    *validity = NULL;
    for (int64_t row = 0; presence && row < rows; row++) *nulls += !presence[row];
    if (!*nulls) return 1;
    if (!(*validity = calloc((size_t)(rows + 7) / 8, 1))) return 0;
    for (int64_t row = 0; row < rows; row++) (*validity)[row / 8] |= (unsigned char)(presence[row] << row % 8);
    return 1;
}

/* Add a column to a frame that has room. The values lie in the frame's memory. `presence` has one byte a row, or is
NULL where no value is missing. Returns 0 without memory; the frame is then unchanged. */
static int add_column(Frame *frame, const char *name, const char *format, const void *values, const char *presence) {
    int64_t rows = frame->array.length, nulls;
    Memory *memory = frame->array.private_data;
    unsigned char *validity;
    char *label = NULL;
    int is_text = !strcmp(format, TEXT_FORMAT), has_validity = make_validity(presence, rows, &nulls, &validity);
    const void **buffers = calloc(TEXT_BUFFERS, sizeof *buffers);
    struct ArrowArray *array = calloc(1, sizeof *array);
    struct ArrowSchema *schema = calloc(1, sizeof *schema);
    if (!has_validity || !buffers || !array || !schema || !set_name(&label, name)) {
        free(validity), free(buffers), free(array), free(schema);
        return 0;
    }
    buffers[VALIDITY] = validity;
    buffers[VALUES] = values;
    if (is_text) {
        buffers[FIRST_TEXTS + LINE_TEXTS] = memory->line_texts.data;
        buffers[FIRST_TEXTS + DECODED_TEXTS] = memory->decoded_texts.data;
        buffers[TEXT_SIZES] = memory->text_sizes;
    }
    *array = (struct ArrowArray){
        .length = rows,
        .null_count = nulls,
        .n_buffers = is_text ? TEXT_BUFFERS : 2,
        .buffers = buffers,
        .release = release_column,
    };
    *schema = (struct ArrowSchema){.format = format, .name = label, .flags = NULLABLE, .release = release_schema};
    frame->array.children[frame->array.n_children++] = array;
    frame->schema.children[frame->schema.n_children++] = schema;
    return 1;
}

int export_rows(Rows *rows, Frame *frame) {
    const Plan *plan = rows->plan;
    char *const *names = plan->row_columns;
    if (!reserve(&rows->decoded_texts, 1)) return 0; /* Arrow wants an address, also of no bytes */
    Memory memory = {
        .columns = rows->memory,
        .columns_size = rows->memory_size,
        .line_texts = rows->line_texts,
        .decoded_texts = rows->decoded_texts,
        .text_sizes = {(int64_t)rows->line_texts.length, (int64_t)rows->decoded_texts.length},
    };
    rows->memory = NULL;
    rows->line_texts = rows->decoded_texts = (Buffer){0};
    if (!start_frame(frame, (int64_t)rows->count, rows->wanted_count + ROW_COLUMNS, memory) ||
        !add_column(frame, names[LINE_NUMBER_COLUMN], "L", rows->line_number, NULL) ||
        !add_column(frame, names[TIME_COLUMN], "tsu:UTC", rows->time, NULL) ||
        !add_column(frame, names[STATUS_COLUMN], "s", rows->status, rows->has_status) ||
        !add_column(frame, names[BYTES_COLUMN], "l", rows->bytes, rows->has_bytes) ||
        !add_column(frame, names[EVENT_COLUMN], "I", rows->event, NULL) ||
        (rows->wants_hash && !add_column(frame, names[HASH_COLUMN], "L", rows->request_hash, NULL)))
        return 0;
    for (int index = 0; index < rows->wanted_count; index++) {
        int column = rows->wanted_columns[index];
        if (!add_column(frame, plan->columns[column], TEXT_FORMAT, rows->texts[column], rows->has_text[column]))
            return 0;
    }
    return 1;
}

int export_hashes(uint64_t *hashes, size_t capacity, int64_t count, Frame *frame) {
    Memory memory = {.columns = (char *)hashes, .columns_size = capacity};
    return start_frame(frame, count, 1, memory) && add_column(frame, "hash", "L", hashes, NULL);
}

void hash_texts(const struct ArrowArray *array, uint64_t *hashes) {
    const unsigned char *validity = array->buffers[VALIDITY];
    const View *views = (const View *)array->buffers[VALUES] + array->offset;
    for (int64_t row = 0; row < array->length; row++) {
        int64_t bit = array->offset + row;
        int is_present = !validity || (validity[bit / 8] >> bit % 8 & 1);
        uint64_t hash = 0;
        if (is_present) { /* the view of a null may hold anything */
            const View *view = &views[row];
            const char *texts = view->length > MOST_INLINED ? array->buffers[FIRST_TEXTS + view->far.buffer] : NULL;
            hash = hash_text(texts ? texts + view->far.offset : view->inlined, (size_t)view->length);
        }
        hashes[row] = chain_hash(hashes[row], is_present, hash);
    }
}
