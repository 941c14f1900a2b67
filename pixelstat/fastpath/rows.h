/* The events of one block, column by column, as Arrow wants them. */

#ifndef PIXELSTAT_ROWS_H
#define PIXELSTAT_ROWS_H

#include "memory.h"
#include "plan.h"

enum Outcome { NO_MEMORY, NOT_SIMPLE, UNKNOWN_PATH, DONE }; /* NOT_SIMPLE: expressions have to read the line */

#define FIRST_NAMED_EVENT 2 /* event numbers: 0 page_view, 1 open, from here on the event names of the block */

enum Source { ABSENT, IN_LINE, ENCODED_IN_LINE, DECODED };

typedef struct { /* one value of a line; all zeros are a null */
    union {
        const char *start; /* in the line */
        size_t offset;     /* in the decoded texts of the block: their memory may move */
    };
    size_t length;
    enum Source source;
} Text;

typedef struct { /* one line, parsed */
    Text texts[MOST_COLUMNS];
    int64_t time, bytes; /* microseconds since 1970; size of the response */
    int has_bytes;
    int status, has_status;
    Text event_name;         /* as in the query; absent where it gives none */
    int event;               /* 0 page_view, 1 open, or FIRST_NAMED_EVENT + the index of another name */
    int has_consent_signals; /* the query has a parameter of the kind CONSENT_SIGNAL */
    uint64_t path_hash, line_number;
} Row;

#define MOST_INLINED 12
typedef struct { /* Arrow's string view: the text itself, or where it is */
    int32_t length;
    union {
        char inlined[MOST_INLINED];
        struct {
            char prefix[4];
            int32_t buffer, offset;
        } far;
    };
} View;
enum TextBuffer { LINE_TEXTS, DECODED_TEXTS };

#define SHARED_VIEWS 1024

typedef struct { /* the rows of a block */
    const Plan *plan;
    int wanted_columns[MOST_COLUMNS], wanted_count; /* the columns of text that have memory here */
    int wants_hash;
    size_t count, room;           /* rows in use, and rows that fit */
    View *texts[MOST_COLUMNS];    /* by column of text; NULL where it is not wanted */
    char *has_text[MOST_COLUMNS]; /* one byte a row */
    uint64_t *line_number, *request_hash;
    int64_t *time, *bytes;
    uint32_t *event;
    int16_t *status;
    char *has_status, *has_bytes;
    char *memory; /* all columns lie in this piece of the pool */
    size_t memory_size;
    Buffer line_texts, decoded_texts; /* the bytes behind the views; the first is a piece of the pool */
    View user_agents[SHARED_VIEWS];   /* the views of user agents that were written last */
} Rows;

/* Take memory for the rows of a block of `length` bytes. Returns 0 without memory; free_rows frees what there is. */
int start_rows(Rows *rows, size_t length);

/* Free what the rows own, but not the rows. */
void free_rows(Rows *rows);

/* Append a row. Returns DONE, NO_MEMORY, or NOT_SIMPLE where its texts do not fit in Arrow's 31-bit offsets. */
enum Outcome append_row(Rows *rows, const Row *row);

/* Move few rows to little memory, because a report may hold them for long. Returns 0 without memory. */
int shrink_rows(Rows *rows);

#endif
