/* Rows -> Arrow's C data interface (https://arrow.apache.org/docs/format/CDataInterface.html), without a copy. */

#ifndef PIXELSTAT_ARROW_H
#define PIXELSTAT_ARROW_H

#include "rows.h"

struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children, *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children, *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

#define TEXT_FORMAT "vu" /* string views */

typedef struct { /* a struct array: named columns of equal length */
    struct ArrowArray array;
    struct ArrowSchema schema;
} Frame;

/* Make a frame of the rows: columns named as in the plan, in the order of enum RowColumn, then the wanted texts.

The frame takes all memory of the rows. Returns 0 without memory. In both cases the caller calls release_frame, or
hands the frame on. */
int export_rows(Rows *rows, Frame *frame);

/* Make a frame of one column `hash`. It takes the hashes, a piece of the pool. Returns 0 without memory, as above. */
int export_hashes(uint64_t *hashes, size_t capacity, int64_t count, Frame *frame);

/* Release what a frame holds; one that is empty or handed on holds nothing. */
void release_frame(Frame *frame);

/* Chain the hash of each text of a TEXT_FORMAT array to the hash of its row. */
void hash_texts(const struct ArrowArray *array, uint64_t *hashes);

#endif
