#include "memory.h"

#include <stdlib.h>

int grow_buffer(Buffer *buffer, size_t more) {
    size_t capacity = buffer->capacity ? buffer->capacity : 4096;
    while (capacity - buffer->length < more) capacity *= 2;
    char *data = realloc(buffer->data, capacity);
    if (!data) return 0;
    buffer->data = data;
    buffer->capacity = capacity;
    return 1;
}

/* Every block of a log needs pieces of the same size, which live as long as its rows. A used piece costs a third of
a fresh one, whose pages the system has to clear. A slot is emptied and filled by one atomic exchange. */
#define POOLED ((8u << 20) + 4096) /* the size of every piece in the pool: a block of a log, and some */
#define SLOTS 8
static char *buffer_pool[SLOTS];

char *take_from_pool(size_t length, size_t *capacity) {
    int is_pooled = length > POOLED / 4 && length <= POOLED; /* a small text shall not hold a large piece */
    *capacity = is_pooled ? POOLED : length + 1;
    for (int slot = 0; is_pooled && slot < SLOTS; slot++) {
        char *piece = __atomic_exchange_n(&buffer_pool[slot], NULL, __ATOMIC_ACQ_REL);
        if (piece) return piece;
    }
    return malloc(*capacity);
}

void return_to_pool(char *piece, size_t capacity) {
    for (int slot = 0; piece && capacity == POOLED && slot < SLOTS; slot++) {
        char *empty = NULL;
        if (__atomic_compare_exchange_n(&buffer_pool[slot], &empty, piece, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return;
    }
    free(piece);
}
