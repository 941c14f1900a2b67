/* Simple lines of one block: bytes -> rows.

A line is simple where it fits its format from end to end and nothing in it needs a second look: no escape, no macro,
no payload, no value that should be a number and is not. Its method is not HEAD. Such a line becomes exactly the row
that the expressions of formats/ and protocols/ make of it, or is ignored as they would. Every other line is returned as
it is. So nothing here decides what is right.

The input is not trusted: every read ends at the line's end, every write at a capacity. */

#ifndef PIXELSTAT_PARSE_H
#define PIXELSTAT_PARSE_H

#include "rows.h"

#define MOST_EVENT_NAMES 1024 /* in a block; lines with further ones are returned */

typedef struct { /* text of the block */
    const char *start;
    size_t length;
} Span;

typedef struct { /* the state of one block */
    const Plan *plan;
    uint64_t first_line_number;                       /* each further line of the block has the next one */
    int64_t line_count;                               /* lines that are done */
    int stops_at_unknown_paths;                       /* else their lines are returned */
    int decoded_columns[MOST_COLUMNS], decoded_count; /* the wanted columns that parameters fill */
    Row row;                                          /* the line that is parsed */
    Rows rows;
    Span event_names[MOST_EVENT_NAMES];
    int event_name_count;
    Buffer returned_lines;        /* each with CR and LF */
    Buffer returned_line_numbers; /* a uint64_t each */
} Parser;

/* Parse the lines in [*at, end) and move `*at` behind those that are done.

Returns DONE, NO_MEMORY, or UNKNOWN_PATH: `*at` is then the first line whose path the plan does not know. The caller
owns the parser and frees it by free_parser. Event names point into the block, which must outlive them. */
enum Outcome parse_lines(Parser *parser, const char **at, const char *end);

/* Collect the paths in [at, end) that the plan does not know, one Span for each line, repeated paths too.

The caller frees `paths`. Returns 0 without memory. */
int collect_unknown_paths(Parser *parser, const char *at, const char *end, Buffer *paths);

/* Free what the parser owns, but not the parser. */
void free_parser(Parser *parser);

#endif
