/* What the lines of one log format look like, and which columns their parts fill.

Python builds a plan once; many threads read it. Only its table of paths grows later. */

#ifndef PIXELSTAT_PLAN_H
#define PIXELSTAT_PLAN_H

#include "hash.h"

#define MOST_FIELDS 64
#define MOST_COLUMNS 255
#define MOST_PARAMETERS 1024
#define LONGEST_PATH 1024 /* lines with longer paths are returned */
#define PATH_SLOTS (1u << 17)
#define MOST_PATHS (PATH_SLOTS / 2) /* beyond that, lines with new paths are returned */
#define PATH_PROBES 32
#define MOST_PLACEHOLDERS 128
#define PARAMETER_SLOTS (2 * MOST_PARAMETERS)
#define HASHED_COLUMNS 4

enum RowColumn { LINE_NUMBER_COLUMN, TIME_COLUMN, STATUS_COLUMN, BYTES_COLUMN, EVENT_COLUMN, HASH_COLUMN, ROW_COLUMNS };
enum TextColumn { METHOD, PATH, QUERY, CONSENT_QUERY, REQUEST_COLUMNS }; /* the first columns of text */

enum FieldKind {
    SKIPPED,
    TEXT,
    CLIENT,
    VHOST,
    PORT,
    TIME,
    REQUEST,
    STATUS,
    BYTES,
    USER_AGENT,
    FORWARDED_FOR,
    FIELD_KINDS
};
extern const char *const field_kinds[FIELD_KINDS]; /* the names by which Python calls them */

enum ParameterKind { VALUE, NUMBER, EVENT_NAME, CONSENT_SIGNAL, ID, VISITOR_ID, PARAMETER_KINDS };
extern const char *const parameter_kinds[PARAMETER_KINDS];

enum Action { IGNORE, RETURN, PAGE_VIEW, OPEN, ACTIONS }; /* what becomes of a line; the last two: it is this event */

typedef struct { /* text that the plan owns; not terminated */
    char *text;
    size_t length;
} Literal;

typedef struct {
    Literal before; /* stands in front of the field */
    enum FieldKind kind;
    int column;              /* of text, for the kinds that fill one */
    int is_quoted;           /* a quote ends it */
    int must_be_first_match; /* expressions look for the literal from the last quote on: it must not occur earlier */
    size_t behind_quote;     /* offset behind the last quote of the literal; 0 without a quote */
} Field;

typedef struct {
    Literal name;
    enum ParameterKind kind;
    int column;
    int next; /* index of the next parameter of the same name, which fills another column; -1 at the end */
} Parameter;

typedef struct { /* a path that Python has classified */
    uint32_t length;
    uint8_t with_query, without_query; /* the Action for requests of either sort */
    char text[];
} Path;

typedef struct {
    Field fields[MOST_FIELDS];
    int field_count;
    Literal last;                   /* stands behind the last field */
    int ends_with_last;             /* nothing may follow it */
    char *row_columns[ROW_COLUMNS]; /* names of the columns that are not text */
    char *columns[MOST_COLUMNS];    /* names of the columns of text: those of fields, then those of parameters */
    int column_count, first_parameter_column, user_agent_column; /* the last is -1 where there is none */
    Parameter parameters[MOST_PARAMETERS];
    int parameter_count;
    int16_t parameter_slots[PARAMETER_SLOTS]; /* hash table: indices of parameters, -1 where empty */
    char is_parameter[MOST_COLUMNS];          /* a parameter fills the column: its texts may be encoded */
    char is_visitor_id[MOST_COLUMNS];         /* its texts begin with the prefix */
    Literal id_prefix;
    Literal placeholders[MOST_PLACEHOLDERS]; /* values that are no id, in lower case */
    int placeholder_count;
    char is_placeholder_letter[256]; /* an id that begins with it may be a placeholder */
    int hashed_columns[HASHED_COLUMNS]; /* the request hash is made of these; -1 for a column that is always null */
    int64_t earliest, latest;           /* microseconds since 1970 */
    size_t longest_line;                /* bytes */
    Path **paths;                       /* hash table of PATH_SLOTS; entries are added while other threads read */
    uint32_t path_count;
} Plan;

/* Empty a zeroed plan and allocate its table of paths. Returns 0 without memory; free_plan frees what there is. */
int start_plan(Plan *plan);

/* Free everything that the plan owns, but not the plan. */
void free_plan(Plan *plan);

/* Copy `length` bytes of text to the literal. Returns 0 without memory. */
int set_literal(Literal *literal, const char *text, size_t length);

/* Copy the name of a column to its place. Returns 0 without memory. */
int set_name(char **place, const char *name);

/* Add a field or a parameter; the caller has checked numbers and columns. Each returns 0 without memory. */
int add_field(Plan *plan, const char *before, size_t length, enum FieldKind kind, int column, int must_be_first_match);
int add_parameter(Plan *plan, const char *name, size_t length, enum ParameterKind kind, int column);

/* Add a value that is no id; the caller has checked the number. Returns 0 without memory. */
int add_placeholder(Plan *plan, const char *text, size_t length);

/* Remember what becomes of lines with this path. A path is ignored where it is too long, known, or has no room.

Returns 0 without memory. One thread at a time may call it; others may read. */
int add_path(Plan *plan, const char *text, size_t length, enum Action with_query, enum Action without_query);

/* Whether add_path still takes paths. */
static inline int has_room_for_paths(const Plan *plan) {
    return __atomic_load_n(&plan->path_count, __ATOMIC_RELAXED) < MOST_PATHS;
}

/* Find a path by its text and hash_text of it. Returns NULL where nobody has added it. */
static inline const Path *find_path(const Plan *plan, const char *text, size_t length, uint64_t hash) {
    for (int probe = 0; probe < PATH_PROBES; probe++) {
        const Path *path = __atomic_load_n(&plan->paths[(hash + (uint64_t)probe) % PATH_SLOTS], __ATOMIC_ACQUIRE);
        if (!path) return NULL;
        if (path->length == length && equal_bytes(path->text, text, length)) return path;
    }
    return NULL;
}

/* Hash a parameter's name letter by letter, from FIRST_KEY on: the parser meets its letters one by one. */
static inline uint64_t hash_letter(uint64_t hash, char letter) {
    return (hash << 7 | hash >> 57) ^ (unsigned char)letter;
}

/* Find the slot where the search for a name with this hash begins. */
static inline uint64_t find_parameter_slot(uint64_t hash) { return (hash * SECOND_KEY >> 40) % PARAMETER_SLOTS; }

/* Find the first parameter of this name; `hash` is made by hash_letter. Returns NULL where there is none. */
static inline const Parameter *find_parameter(const Plan *plan, const char *name, size_t length, uint64_t hash) {
    for (uint64_t slot = find_parameter_slot(hash);; slot = (slot + 1) % PARAMETER_SLOTS) {
        int16_t index = plan->parameter_slots[slot];
        if (index < 0) return NULL; /* at least half of the slots are empty */
        const Parameter *parameter = &plan->parameters[index];
        if (parameter->name.length == length && equal_bytes(parameter->name.text, name, length)) return parameter;
    }
}

#endif
