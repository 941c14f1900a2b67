/* Memory that grows, and a pool of large pieces. */

#ifndef PIXELSTAT_MEMORY_H
#define PIXELSTAT_MEMORY_H

#include <stddef.h>
#include <string.h>

typedef struct { /* bytes that grow; the owner frees `data` */
    char *data;
    size_t length, capacity;
} Buffer;

/* Move the buffer to memory for `more` further bytes. Returns 0 without memory; the buffer is then unchanged. */
int grow_buffer(Buffer *buffer, size_t more);

/* Make sure that `more` bytes fit behind the buffer's end. Returns 0 without memory. */
static inline int reserve(Buffer *buffer, size_t more) {
    return buffer->capacity - buffer->length >= more || grow_buffer(buffer, more);
}

/* Copy `length` bytes to the buffer's end. Returns 0 without memory; the buffer is then unchanged. */
static inline int append(Buffer *buffer, const void *data, size_t length) {
    if (!reserve(buffer, length)) return 0;
    if (length) memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
    return 1;
}

/* Take at least `length` bytes from the pool, or from malloc. Writes their number to `capacity`.

Returns NULL without memory. The caller gives the piece back by return_to_pool with the same capacity. */
char *take_from_pool(size_t length, size_t *capacity);

/* Give a piece of take_from_pool back; NULL is ignored. Any thread may do so. */
void return_to_pool(char *piece, size_t capacity);

#endif
