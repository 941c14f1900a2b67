#include "rows.h"

#include <stdlib.h>

/* Move all columns to memory for `room` rows, a multiple of 16. Wide columns come first, so each is aligned.

Returns 0 without memory; the rows are then unchanged. */
static int resize_rows(Rows *rows, size_t room) {
    size_t row_size =
        (size_t)rows->wanted_count * (sizeof(View) + 1) + 4 * sizeof(int64_t) + sizeof(uint32_t) + sizeof(int16_t) + 2;
    size_t size, count = rows->count;
    char *memory = take_from_pool(room * row_size, &size), *at = memory;
    if (!memory) return 0;
    if (size / row_size / 16 * 16 > room) room = size / row_size / 16 * 16;
/* Copy the rows of one column to `at`, let the column begin there, and move `at` behind its room. */
#define MOVE(column)                                                                                                   \
    (count ? memcpy(at, column, count * sizeof *(column)) : NULL, (column) = (void *)at, at += room * sizeof *(column))
    for (int index = 0; index < rows->wanted_count; index++) MOVE(rows->texts[rows->wanted_columns[index]]);
    MOVE(rows->time);
    MOVE(rows->bytes);
    MOVE(rows->request_hash);
    MOVE(rows->line_number);
    MOVE(rows->event);
    MOVE(rows->status);
    for (int index = 0; index < rows->wanted_count; index++) MOVE(rows->has_text[rows->wanted_columns[index]]);
    MOVE(rows->has_status);
    MOVE(rows->has_bytes);
#undef MOVE
    return_to_pool(rows->memory, rows->memory_size);
    rows->memory = memory;
    rows->memory_size = size;
    rows->room = room;
    return 1;
}

int start_rows(Rows *rows, size_t length) {
    rows->line_texts.data = take_from_pool(length, &rows->line_texts.capacity);
    return rows->line_texts.data && resize_rows(rows, 16 * (length / 4096 + 1));
}

void free_rows(Rows *rows) {
    return_to_pool(rows->memory, rows->memory_size);
    return_to_pool(rows->line_texts.data, rows->line_texts.capacity);
    free(rows->decoded_texts.data);
}

int shrink_rows(Rows *rows) {
    size_t room = (rows->count + 15) / 16 * 16;
    if (room * 4 < rows->room && !resize_rows(rows, room)) return 0;
    Buffer *texts = &rows->line_texts;
    if (texts->length < texts->capacity / 4) {
        Buffer small = {.data = take_from_pool(texts->length, &small.capacity)};
        if (!small.data) return 0;
        append(&small, texts->data, texts->length);
        return_to_pool(texts->data, texts->capacity);
        *texts = small;
    }
    return 1;
}

/* Write the view of a text that lies at `offset` of a buffer. Short texts are copied into the view. */
static void write_view(View *view, const char *text, size_t length, enum TextBuffer buffer, size_t offset) {
    view->length = (int32_t)length;
    if (length > MOST_INLINED) {
        memcpy(view->far.prefix, text, sizeof view->far.prefix);
        view->far.buffer = buffer;
        view->far.offset = (int32_t)offset;
        return;
    }
    memset(view->inlined, 0, sizeof view->inlined);
    if (length) memcpy(view->inlined, text, length);
}

/* Return the slot that remembers the view of this user agent. Most lines repeat a user agent that has a view already.
Its bytes are then not copied again, which saves a tenth of the memory of a whole run. */
static View *user_agent_slot(Rows *rows, Text text) {
    return &rows->user_agents[hash_text(text.start, text.length) % SHARED_VIEWS];
}

/* Write a text that lies in the line to row `index`. Returns as append_row does. */
static enum Outcome append_line_text(Rows *rows, int column, size_t index, Text text) {
    View *view = &rows->texts[column][index];
    size_t offset = rows->line_texts.length;
    if (text.length <= MOST_INLINED) {
        write_view(view, text.start, text.length, LINE_TEXTS, offset);
        return DONE;
    }
    View *shared = column == rows->plan->user_agent_column ? user_agent_slot(rows, text) : NULL;
    if (shared && (size_t)shared->length == text.length &&
        !memcmp(rows->line_texts.data + shared->far.offset, text.start, text.length)) {
        *view = *shared;
        return DONE;
    }
    if (offset + text.length > INT32_MAX) return NOT_SIMPLE;
    if (!append(&rows->line_texts, text.start, text.length)) return NO_MEMORY;
    write_view(view, text.start, text.length, LINE_TEXTS, offset);
    if (shared) *shared = *view;
    return DONE;
}

/* Hash the texts by which two requests are the same. hash_requests in request_hash.py must give the same number. */
static uint64_t hash_request(const Plan *plan, const Row *row) {
    uint64_t chain = EMPTY_HASH;
    for (int index = 0; index < HASHED_COLUMNS; index++) {
        int column = plan->hashed_columns[index];
        Text text = column < 0 ? (Text){0} : row->texts[column];
        uint64_t hash = 0;
        if (text.source != ABSENT) hash = column == PATH ? row->path_hash : hash_text(text.start, text.length);
        chain = chain_hash(chain, text.source != ABSENT, hash);
    }
    return chain;
}

enum Outcome append_row(Rows *rows, const Row *row) {
    size_t index = rows->count;
    if (index == rows->room && !resize_rows(rows, 2 * index)) return NO_MEMORY;
    for (int each = 0; each < rows->wanted_count; each++) {
        int column = rows->wanted_columns[each];
        Text text = row->texts[column];
        rows->has_text[column][index] = text.source != ABSENT;
        if (text.source == DECODED) {
            write_view(&rows->texts[column][index], rows->decoded_texts.data + text.offset, text.length, DECODED_TEXTS,
                       text.offset);
        } else {
            enum Outcome outcome = append_line_text(rows, column, index, text);
            if (outcome != DONE) return outcome;
        }
    }
    if (rows->wants_hash) rows->request_hash[index] = hash_request(rows->plan, row);
    rows->line_number[index] = row->line_number;
    rows->time[index] = row->time;
    rows->bytes[index] = row->bytes;
    rows->has_bytes[index] = (char)row->has_bytes;
    rows->status[index] = (int16_t)row->status;
    rows->has_status[index] = (char)row->has_status;
    rows->event[index] = (uint32_t)row->event;
    rows->count++;
    return DONE;
}
