/* The plain lines of a text log, read in one pass: bytes -> columns of Arrow, which Polars takes as they are.

A line is plain if it fits its format from end to end and nothing in it needs a second look: no escape, no macro, no
payload, no value that is no number. Of such a line this file gives what the expressions of formats/ and protocols/
would give, or nothing at all: a line that it is not sure of is handed back as it stands. So it never decides what is
right; it only spares most lines the long way. See plain.py, which says what is asked of it.

Nothing here trusts its input: every read is bounded by the line, every write by a capacity that was asked for. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* -- Arrow's C data interface (https://arrow.apache.org/docs/format/CDataInterface.html) ---------------------------- */

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

#define NULLABLE 2
enum { VALIDITY, VALUES, LINES_TEXT, DECODED_TEXT, SIZES, BUFFERS };

#define IN_VIEW 12
typedef struct { /* of a text: up to so many bytes of it, or where they are */
    int32_t length;
    union {
        char inlined[IN_VIEW];
        struct { char prefix[4]; int32_t buffer, offset; } far;
    };
} View;

/* -- memory that grows ---------------------------------------------------------------------------------------------- */

typedef struct {
    char *data;
    size_t length, capacity;
} Bytes;

static int reserve(Bytes *bytes, size_t more) {
    if (bytes->capacity - bytes->length >= more) return 1;
    size_t capacity = bytes->capacity ? bytes->capacity : 4096;
    while (capacity - bytes->length < more) capacity *= 2;
    char *data = realloc(bytes->data, capacity);
    if (!data) return 0;
    bytes->data = data;
    bytes->capacity = capacity;
    return 1;
}

static int append(Bytes *bytes, const void *data, size_t length) {
    if (!reserve(bytes, length)) return 0;
    if (length) memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
    return 1;
}

/* The texts of a block are copied, and live as long as its rows. Memory that was in use before costs a third of fresh one. */
#define USUAL ((8u << 20) + 4096) /* bytes of it: a block of blocks.py */
#define SPARE 8
static char *spare[SPARE];

static char *memory_for(size_t length, size_t *capacity) {
    int is_usual = length > USUAL / 4 && length <= USUAL;
    *capacity = is_usual ? USUAL : length + 1;
    for (int place = 0; is_usual && place < SPARE; place++) {
        char *found = __atomic_exchange_n(&spare[place], NULL, __ATOMIC_ACQ_REL);
        if (found) return found;
    }
    return malloc(*capacity);
}

static void give_back(char *memory, size_t capacity) {
    for (int place = 0; memory && capacity == USUAL && place < SPARE; place++) {
        char *none = NULL;
        if (__atomic_compare_exchange_n(&spare[place], &none, memory, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return;
    }
    free(memory);
}

/* -- what is asked ---------------------------------------------------------------------------------------------------- */

enum Kind { SKIPPED, TEXT, CLIENT, VHOST, PORT, TIME, REQUEST, STATUS, SIZE, AGENT, FORWARDED, KINDS, SOUGHT = 16 };
enum Verdict { UNKNOWN, NO_PIXEL, ASK, PAGE_VIEW, OPEN, VERDICT = 7, WITH_QUERY = 8, BARE_IS_NONE = 16 };
enum Column { METHOD, PATH, QUERY, SIGNALLING };     /* the first columns of text */
enum Name { EVENT = 1, NUMBER = 2, SIGNAL = 4, ID = 8 }; /* it names the event, must be a number, tells of consent, of who */
#define MOST_FIELDS 64
#define MOST_COLUMNS 255
#define MOST_NAMES 1024
#define MOST_EVENTS 1024                            /* distinct ones in a block; lines with further ones go the long way */
#define PATHS (1u << 17)                            /* places for them, half of which may be taken */
#define LONGEST_PATH 1024
#define PROBES 32
#define AGENTS 1024
#define SAME 4                                      /* columns that the content is made of */
#define PLACE_OF_LINE "place of line"               /* what plain.py calls this column, */
#define CONTENT "its content"                       /* and duplicates.py this one */

typedef struct {
    char *before; /* the literal in front */
    size_t length;
    enum Kind kind;
    int column, is_quoted;
    int is_sought;  /* the long way looks for the literal from the last quote on: it must stand here first */
    size_t outside; /* behind the literal's last quote, 0 without one */
} Field;

typedef struct {
    char *text;
    size_t length;
    int column, flags, next; /* of the same name */
} Parameter;

typedef struct {
    uint32_t length;
    uint8_t verdict;
    char text[];
} Path;

typedef struct {
    PyObject_HEAD
    Field fields[MOST_FIELDS];
    char *columns_named[MOST_COLUMNS];
    int field_count, columns, first_parameter, is_whole; /* columns: fields of the line, then parameters */
    int agent;                 /* its column; -1 where there is none */
    Field last; /* the literal behind the last field */
    Parameter names[MOST_NAMES];
    int name_count;
    char is_fed[MOST_COLUMNS]; /* by a parameter: its texts may be encoded */
    char is_id[MOST_COLUMNS];  /* by one that is an id: */
    Field of_id;               /* this stands in front of it */
    int same[SAME];            /* the columns that content is made of; -1 for one that such lines never have */
    int16_t by_name[2 * MOST_NAMES];
    int64_t earliest, latest;
    size_t longest; /* bytes of a line */
    Path **paths;   /* only added to, while others read */
    uint32_t path_count;
} Plan;

/* Most texts here are short: a call of memcmp would take longer than the comparison. */
static inline int is_same(const char *one, const char *other, size_t length) {
    uint64_t first, second;
    for (; length >= 8; one += 8, other += 8, length -= 8) {
        memcpy(&first, one, 8);
        memcpy(&second, other, 8);
        if (first != second) return 0;
    }
    while (length--)
        if (one[length] != other[length]) return 0;
    return 1;
}

/* Both halves of the product: every bit of either tells in every bit of what comes out. */
static inline uint64_t mixed(uint64_t one, uint64_t other) {
    __uint128_t product = (__uint128_t)one * other;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t eight(const char *text) {
    uint64_t word;
    memcpy(&word, text, 8);
    return word;
}

/* The first of one or two letters, eight bytes at a time: most texts are short, and of any length; a loop by the byte
is guessed wrong at the end of nearly each. Beyond the first the marks may be wrong. */
#define EACH 0x0101010101010101u
static inline uint64_t marks(uint64_t word, char letter) {
    uint64_t other = word ^ EACH * (unsigned char)letter;
    return (other - EACH) & ~other & EACH * 0x80;
}

static inline const char *first_of(const char *at, const char *end, char one, char other, uint64_t ignored) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; end - at >= 8; at += 8) {
        uint64_t word = eight(at), found = marks(word & ~ignored, one) | marks(word, other);
        if (found) return at + __builtin_ctzll(found) / 8;
    }
#endif
    while (at < end && (*at & ~(char)ignored) != one && *at != other) at++;
    return at;
}

/* Any odd numbers, one for each use: where two are alike, two words of a text can change places unseen. */
#define KEY 0x9E3779B97F4A7C15u
#define SECOND_KEY 0xC4CEB9FE1A85EC53u
#define THIRD_KEY 0xFF51AFD7ED558CCDu
#define FOURTH_KEY 0xD6E8FEB86659FD93u
#define FIFTH_KEY 0xA0761D6478BD642Fu

/* 64 bits that stand for a text within this run; in two lanes, for each multiplication waits for the one before. */
static inline uint64_t hashed(const char *text, size_t length) {
    const char *end = text + length;
    uint64_t hash = SECOND_KEY, lane = FOURTH_KEY;
    for (; end - text > 32; text += 32) {
        hash = mixed(eight(text) ^ KEY, eight(text + 8) ^ hash);
        lane = mixed(eight(text + 16) ^ THIRD_KEY, eight(text + 24) ^ lane);
    }
    if (end - text > 16) hash = mixed(eight(text) ^ KEY, eight(text + 8) ^ hash);
    uint64_t first = 0, last = 0;
    if (length >= 16) { /* the last 16, whether they were read before or not */
        first = eight(end - 16);
        last = eight(end - 8);
    } else if (length >= 8) {
        first = eight(text);
        last = eight(end - 8);
    } else {
        for (; text < end; text++) first = first << 8 | (unsigned char)*text;
    }
    return mixed(mixed(first ^ FIFTH_KEY, last ^ hash ^ lane) ^ length, KEY); /* apart: a length and a letter may differ alike */
}

static uint8_t verdict_of(const Plan *plan, const char *text, size_t length, uint64_t place) {
    for (int probe = 0; probe < PROBES; probe++) {
        const Path *path = __atomic_load_n(&plan->paths[(place + probe) % PATHS], __ATOMIC_ACQUIRE);
        if (!path) return UNKNOWN;
        if (path->length == length && is_same(path->text, text, length)) return path->verdict;
    }
    return UNKNOWN;
}

/* The key of a name, letter by letter: names are read so, and short. */
static inline uint64_t keyed(uint64_t key, char letter) { return (key << 7 | key >> 57) ^ (unsigned char)letter; }
static inline uint64_t place_of_name(uint64_t key) { return key * SECOND_KEY >> 40; }

static inline const Parameter *parameter_of(const Plan *plan, const char *text, size_t length, uint64_t key) {
    for (uint64_t place = place_of_name(key);; place++) {
        int16_t found = plan->by_name[place % (2 * MOST_NAMES)];
        if (found < 0) return NULL;
        const Parameter *name = &plan->names[found];
        if (name->length == length && is_same(name->text, text, length)) return name;
    }
}

/* -- what is found ---------------------------------------------------------------------------------------------------- */

typedef struct { /* of a text in a line, or decoded */
    const char *text;
    size_t length;
    int is_decoded;
} Slice;

typedef struct {
    const char *text;
    size_t length;
} Word;

typedef struct {
    const Plan *plan;
    const unsigned char *wanted;
    int keeping[MOST_COLUMNS], keeping_count;   /* the columns that are wanted */
    int decoding[MOST_COLUMNS], decoding_count; /* those of them that are parameters */
    uint64_t first_place; /* of the lines, of which each has the next one, */
    const char *places;   /* unless they stand here, eight bytes each */
    int64_t place_count;
    Bytes kept, decoded;                 /* the bytes of texts */
    View agents[AGENTS];                 /* those kept last: most lines have one that stands there already */
    View *views[MOST_COLUMNS];           /* of each column where its texts are, */
    char *are[MOST_COLUMNS];             /* and whether they are there */
    int64_t *time, *size;
    uint64_t *content;                   /* where it is wanted */
    int has_content;
    int16_t *status;
    char *has_status, *has_size;
    uint64_t *place;
    uint32_t *event;
    char *columns;                       /* the memory that all of these lie in */
    size_t columns_capacity, room;       /* its bytes, and the rows that it has room for */
    Bytes left, left_place;              /* the lines handed back */
    Bytes unknown, unknown_place, path_views;
    Word events[MOST_EVENTS];
    int event_count;
    int64_t rows, unknown_rows, lines;
    const char *seen_until;              /* of the block: up to here it is known */
    int is_clean;                        /* whether what was looked at last is plain text */
    char second[26], minute[17];         /* the last time that was read, its minute, */
    int64_t second_time, minute_time;    /* and what they stand for */
    Slice row[MOST_COLUMNS];
    int64_t row_time, row_size;
    int16_t row_status;
    int row_has_status, row_has_size, row_event, row_signals;
    uint64_t row_path;                   /* its hash */
    uint8_t verdict;
} Reading;

/* Written piece by piece where it stays: put together elsewhere and moved, it would take four times as long. */
static void put_view(View *view, const char *text, size_t length, int buffer, size_t offset) {
    view->length = (int32_t)length;
    if (length > IN_VIEW) {
        memcpy(view->far.prefix, text, 4);
        view->far.buffer = buffer;
        view->far.offset = (int32_t)offset;
        return;
    }
    memset(view->inlined, 0, sizeof view->inlined);
    for (size_t at = 0; at < length; at++) view->inlined[at] = text[at];
}

static int push_view(Bytes *views, const char *text, size_t length, size_t offset) {
    if (!reserve(views, sizeof(View))) return 0;
    put_view((View *)(void *)(views->data + views->length), text, length, 0, offset);
    views->length += sizeof(View);
    return 1;
}

/* Memory for so many rows, a multiple of 16, the widest columns first; what is there already comes along. */
static int make_room(Reading *reading, size_t rows) {
    size_t row = (size_t)reading->keeping_count * (sizeof(View) + 1) + 4 * sizeof(int64_t) + sizeof(uint32_t) + sizeof(int16_t) + 2;
    size_t capacity, done = (size_t)reading->rows;
    char *memory = memory_for(rows * row, &capacity), *at = memory;
    if (!memory) return 0;
    if (capacity / row / 16 * 16 > rows) rows = capacity / row / 16 * 16;
#define PLACE(array) (done ? memcpy(at, array, done * sizeof *(array)) : NULL, (array) = (void *)at, at += rows * sizeof *(array))
    for (int each = 0; each < reading->keeping_count; each++) PLACE(reading->views[reading->keeping[each]]);
    PLACE(reading->time);
    PLACE(reading->size);
    PLACE(reading->content);
    PLACE(reading->place);
    PLACE(reading->event);
    PLACE(reading->status);
    for (int each = 0; each < reading->keeping_count; each++) PLACE(reading->are[reading->keeping[each]]);
    PLACE(reading->has_status);
    PLACE(reading->has_size);
#undef PLACE
    give_back(reading->columns, reading->columns_capacity);
    reading->columns = memory;
    reading->columns_capacity = capacity;
    reading->room = rows;
    return 1;
}

/* -- fields ------------------------------------------------------------------------------------------------------------ */

static int is_digit(char letter) { return letter >= '0' && letter <= '9'; }
static int is_letter(char letter) { return (letter | 32) >= 'a' && (letter | 32) <= 'z'; }

static int number(const char *text, int digits) {
    int value = 0;
    for (int at = 0; at < digits; at++) {
        if (!is_digit(text[at])) return -1;
        value = value * 10 + text[at] - '0';
    }
    return value;
}

static int64_t days(int year, int month, int day) { /* since 1970-01-01, of the Gregorian calendar */
    year -= month <= 2;
    int era = year / 400, of_era = year - era * 400;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* `07/Sep/2026:10:00:00 +0200` in microseconds since 1970; false where anything in it is out of place. */
static int time_of(Reading *reading, const char *text, int64_t *time) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const int longest[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (is_same(text, reading->second, 26)) return *time = reading->second_time, 1;
    if (!is_same(text, reading->minute, 17)) {
        int day = number(text, 2), year = number(text + 7, 4), hour = number(text + 12, 2), minute = number(text + 15, 2);
        int month = 0;
        while (month < 12 && memcmp(text + 3, months + 3 * month, 3)) month++;
        if (month == 12 || day < 1 || year < 1970 || hour < 0 || hour > 23 || minute < 0 || minute > 59) return 0;
        if (text[2] != '/' || text[6] != '/' || text[11] != ':' || text[14] != ':') return 0;
        int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        if (day > longest[month] + (month == 1 && is_leap)) return 0;
        reading->minute_time = (days(year, month + 1, day) * 24 + hour) * 60 + minute;
        memcpy(reading->minute, text, 17);
    }
    int second = number(text + 18, 2), east = number(text + 22, 4);
    if (text[17] != ':' || text[20] != ' ' || (text[21] != '+' && text[21] != '-')) return 0;
    if (second < 0 || second > 59 || east < 0 || east > 1400) return 0;
    east -= east / 100 * 40;
    int64_t minutes = reading->minute_time - (text[21] == '+' ? east : -east);
    *time = (minutes * 60 + second) * 1000000;
    if (*time < reading->plan->earliest || *time > reading->plan->latest) return 0;
    memcpy(reading->second, text, 26);
    reading->second_time = *time;
    return 1;
}

/* `GET /path?query HTTP/1.1`: false for anything that is not exactly this. */
static int request_of(Reading *reading, const char *text, size_t length) {
    const char *end = text + length, *at = text;
    if (length > 4 && !memcmp(text, "GET ", 4)) at += 3;
    while (at < end && is_letter(*at)) at++;
    if (at == text || at == end || *at != ' ') return 0;
    reading->row[METHOD] = (Slice){text, (size_t)(at - text), 0};
    const char *target = ++at;
    if (at == end || *at != '/') return 0;
    const char *query = first_of(at, end, '?', ' ', 0), *behind = query;
    if (query < end && *query == '?') behind = memchr(query, ' ', (size_t)(end - query));
    if (!behind) return 0;
    size_t version = (size_t)(end - behind);
    if ((version != 9 && version != 7) || memcmp(behind, " HTTP/", 6) || !is_digit(behind[6])) return 0;
    if (version == 9 && (behind[7] != '.' || !is_digit(behind[8]))) return 0;
    reading->row[PATH] = (Slice){target, (size_t)(query - target), 0};
    reading->row[QUERY] = query < behind ? (Slice){query + 1, (size_t)(behind - query - 1), 0} : (Slice){0};
    return 1;
}

/* The addresses of a chain of proxies, and no host's name. */
static int is_chain(Slice text) {
    int letters = 0, colons = 0;
    for (size_t at = 0; at < text.length; at++) {
        letters |= is_letter(text.text[at]);
        colons += text.text[at] == ':';
    }
    return !letters || colons > 1;
}

static const char *end_of(const Field *field, const char *at, const char *end) {
    if (field->is_quoted) return memchr(at, '"', (size_t)(end - at));
    if (field->kind == TIME) return end - at < 26 ? NULL : at + 26;
    if (field->kind == VHOST) {
        while (at < end && (is_letter(*at) || is_digit(*at) || *at == '.' || *at == '-' || *at == '_')) at++;
        return at;
    }
    return first_of(at, end, ' ', '\t', EACH * (' ' ^ '"')); /* or a quote, which differs from a blank in one bit */
}

/* Whether the literal in front of the field stands nowhere between these. */
static int is_first(const Field *field, const char *from, const char *here) {
    while ((from = memchr(from, *field->before, (size_t)(here - from)))) /* as much can be read there as here */
        if (is_same(from++, field->before, field->length)) return 0;
    return 1;
}

/* The fields of a line into `row`; false where it is not sure of one. */
static int cut(Reading *reading, const char *at, const char *end) {
    const Plan *plan = reading->plan;
    const char *outside = at; /* of the quotes so far */
    for (int place = 0; place < plan->field_count; place++) {
        const Field *field = &plan->fields[place];
        if ((size_t)(end - at) < field->length || !is_same(at, field->before, field->length)) return 0;
        if (field->is_sought && !is_first(field, outside, at)) return 0;
        if (field->outside) outside = at + field->outside;
        at += field->length;
        const char *stop = end_of(field, at, end);
        if (!stop) return 0;
        Slice text = {at, (size_t)(stop - at), 0};
        at = stop;
        if (!text.length && !field->is_quoted) return 0;
        int is_dash = text.length == 1 && *text.text == '-', is_absent = is_dash || !text.length;
        switch (field->kind) {
        case TIME:
            if (text.length != 26 || !time_of(reading, text.text, &reading->row_time)) return 0;
            break;
        case REQUEST:
            if (!request_of(reading, text.text, text.length)) return 0;
            break;
        case STATUS:
            if (text.length != 3 || (reading->row_status = (int16_t)number(text.text, 3)) < 0) return 0;
            reading->row_has_status = 1;
            break;
        case SIZE:
            reading->row_has_size = !is_dash;
            reading->row_size = 0;
            if (is_dash) break;
            if (!text.length || text.length > 18) return 0;
            for (size_t digit = 0; digit < text.length; digit++) {
                if (!is_digit(text.text[digit])) return 0;
                reading->row_size = reading->row_size * 10 + (text.text[digit] - '0');
            }
            break;
        case CLIENT:
        case VHOST:
            if (!text.length || *text.text == '-' || (field->kind == VHOST && memchr(text.text, ':', text.length))) return 0;
            reading->row[field->column] = text;
            break;
        case PORT:
            for (size_t digit = 0; digit < text.length; digit++)
                if (!is_digit(text.text[digit])) return 0;
            break;
        case AGENT:
            reading->row[field->column] = is_absent ? (Slice){"", 0, 0} : text;
            break;
        case FORWARDED:
            if (!is_absent && !is_chain(text)) return 0;
            reading->row[field->column] = is_absent ? (Slice){0} : text;
            break;
        case TEXT:
            reading->row[field->column] = is_absent ? (Slice){0} : text;
            break;
        default:
            break;
        }
    }
    const Field *last = &plan->last;
    if ((size_t)(end - at) < last->length || !is_same(at, last->before, last->length)) return 0;
    return !plan->is_whole || at + last->length == end;
}

/* -- parameters --------------------------------------------------------------------------------------------------------- */

static int hex(char letter) {
    if (is_digit(letter)) return letter - '0';
    letter |= 32;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

static int is_utf8(const unsigned char *at, const unsigned char *end) {
    while (at < end) {
        unsigned lead = *at++;
        if (lead < 0x80) continue;
        int more = lead >= 0xC2 && lead <= 0xDF ? 1 : lead >= 0xE0 && lead <= 0xEF ? 2 : lead >= 0xF0 && lead <= 0xF4 ? 3 : 0;
        if (!more || end - at < more) return 0;
        unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80, high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (*at < low || *at > high) return 0;
        for (at++, more--; more; at++, more--)
            if (*at < 0x80 || *at > 0xBF) return 0;
    }
    return 1;
}

/* `%XX` and `+` of a text, undone once, behind this and the others that are decoded; -1: no memory, 0: no text. */
static int decode(Reading *reading, Slice *text, const Field *front) {
    Bytes *decoded = &reading->decoded;
    if (decoded->length + text->length + front->length > INT32_MAX) return 0; /* a view could not say where it is */
    if (!reserve(decoded, text->length + front->length)) return -1;
    char *out = decoded->data + decoded->length;
    size_t length = front->length;
    if (length) memcpy(out, front->before, length);
    for (size_t at = 0; at < text->length; at++) {
        char letter = text->text[at];
        if (letter == '%' && text->length - at > 2) {
            int high = hex(text->text[at + 1]), low = hex(text->text[at + 2]);
            if (high >= 0 && low >= 0) {
                letter = (char)(high * 16 + low);
                at += 2;
            }
        } else if (letter == '+') {
            letter = ' ';
        }
        out[length++] = letter;
    }
    if (!is_utf8((unsigned char *)out, (unsigned char *)out + length)) return 0;
    *text = (Slice){(char *)(uintptr_t)decoded->length, length, 1}; /* a place: the memory may move */
    decoded->length += length;
    return 1;
}

static int is_plain_number(Slice text) {
    size_t at = text.length && *text.text == '-', digits = 0, points = 0;
    for (; at < text.length; at++) {
        if (text.text[at] == '.' && digits && !points) points++;
        else if (is_digit(text.text[at])) digits++;
        else return 0;
    }
    return digits && digits <= 15 && text.text[text.length - 1] != '.';
}

/* The number of an event among those of the block; -1: there are too many. */
static int event_of(Reading *reading, Slice text) {
    for (int place = 2; place < reading->event_count; place++) {
        Word word = reading->events[place];
        if (word.length == text.length && is_same(word.text, text.text, text.length)) return place;
    }
    if (reading->event_count == MOST_EVENTS) return -1;
    reading->events[reading->event_count] = (Word){text.text, text.length};
    return reading->event_count++;
}

enum Letter { ORDINARY, ENDS_NAME, ENDS_PART, ENCODES, OPENS_MACRO };

/* What a byte of a query may mean. A macro begins with a brace or has a bar in it, encoded (%7B, %7C) or not. */
static const uint8_t letters[256] = {['='] = ENDS_NAME, ['&'] = ENDS_PART, ['%'] = ENCODES, ['+'] = ENCODES, ['{'] = OPENS_MACRO, ['|'] = OPENS_MACRO};

static int is_macro_encoded(const char *at, const char *end) {
    return end - at > 2 && at[0] == '%' && at[1] == '7' && ((at[2] | 32) == 'b' || (at[2] | 32) == 'c');
}

/* The parameters of the query into `row`: the last of each that has a value. -1: no memory, 0: it takes a second look. */
static int parameters(Reading *reading) {
    const Plan *plan = reading->plan;
    Slice event = {0};
    memset(&reading->row[plan->first_parameter], 0, sizeof(Slice) * (size_t)(plan->columns - plan->first_parameter));
    const char *at = reading->row[QUERY].text, *end = at ? at + reading->row[QUERY].length : at;
    while (at < end) {
        const Parameter *name = NULL;
        const char *part = at, *value = NULL;
        int is_encoded = 0;
        uint64_t key = KEY;
        for (; at < end; at++) { /* the name */
            uint8_t letter = letters[(unsigned char)*at];
            if (letter == ENDS_NAME || letter == ENDS_PART) break;
            if (letter == OPENS_MACRO || (letter == ENCODES && is_macro_encoded(at, end))) return 0;
            key = keyed(key, *at);
        }
        if (at < end && *at == '=') {
            name = parameter_of(plan, part, (size_t)(at - part), key);
            for (value = ++at; at < end; at++) {
                uint8_t letter = letters[(unsigned char)*at];
                if (letter <= ENDS_NAME) continue;
                if (letter == ENDS_PART) break;
                if (letter == OPENS_MACRO || is_macro_encoded(at, end)) return 0;
                is_encoded = 1;
            }
        }
        Slice text = {value, (size_t)(at - value), is_encoded};
        for (at++; name && text.length; name = name->next < 0 ? NULL : &plan->names[name->next]) {
            if (name->flags & NUMBER && !is_plain_number(text)) return 0;
            if (name->flags & EVENT) event = text;
            else if (name->flags & SIGNAL) reading->row_signals = 1;
            else reading->row[name->column] = text;
        }
    }
    reading->row[SIGNALLING] = reading->row_signals ? reading->row[QUERY] : (Slice){0};
    reading->row_event = reading->verdict == OPEN;
    if (event.text && (reading->row_event = event_of(reading, event)) < 0) return 0;
    static const Field nothing;
    for (int each = 0; each < reading->decoding_count; each++) {
        int column = reading->decoding[each], is_id = plan->is_id[column];
        Slice *text = &reading->row[column];
        int done = text->is_decoded || (is_id && text->text) ? decode(reading, text, is_id ? &plan->of_id : &nothing) : 1;
        if (done < 1) return done;
    }
    return 1;
}

/* -- lines ---------------------------------------------------------------------------------------------------------------- */

static uint64_t place_of(const Reading *reading, int64_t line) {
    uint64_t place = reading->first_place + (uint64_t)line;
    if (reading->places && line < reading->place_count) memcpy(&place, reading->places + line * (int64_t)sizeof place, sizeof place);
    return place;
}

/* What is handed back ends in CR and LF, so that a further CR in front of them stays one of the line's. */
static int hand_back(Reading *reading, const char *line, size_t length) {
    uint64_t place = place_of(reading, reading->lines);
    return append(&reading->left, line, length) && append(&reading->left, "\r\n", 2) && append(&reading->left_place, &place, sizeof place);
}

/* 64 bits that are the same for two rows whose texts are, null beside null; each text's hash is added in turn. */
#define NO_CONTENT SECOND_KEY
#define NO_TEXT THIRD_KEY
static inline uint64_t with_text(uint64_t content, int is_there, uint64_t hash) {
    return mixed(content, is_there ? hash : NO_TEXT);
}

static uint64_t content_of(const Reading *reading) {
    uint64_t content = NO_CONTENT;
    for (int each = 0; each < SAME; each++) {
        int column = reading->plan->same[each];
        Slice text = column < 0 ? (Slice){0} : reading->row[column];
        uint64_t hash = !text.text ? 0 : column == PATH ? reading->row_path : hashed(text.text, text.length);
        content = with_text(content, text.text != NULL, hash);
    }
    return content;
}

static int keep(Reading *reading, const char *line, size_t length) {
    size_t row = (size_t)reading->rows;
    if (row == reading->room && !make_room(reading, 2 * row)) return 0;
    for (int each = 0; each < reading->keeping_count; each++) {
        int column = reading->keeping[each];
        Slice text = reading->row[column];
        int is_there = text.text != NULL || text.is_decoded;
        size_t offset = text.is_decoded ? (size_t)(uintptr_t)text.text : reading->kept.length;
        const char *bytes = text.is_decoded ? reading->decoded.data + offset : text.text;
        reading->are[column][row] = (char)is_there;
        View *view = &reading->views[column][row], *known = NULL;
        if (!text.is_decoded && text.length > IN_VIEW) {
            if (column == reading->plan->agent) {
                known = &reading->agents[hashed(text.text, text.length) % AGENTS];
                if ((size_t)known->length == text.length && !memcmp(reading->kept.data + known->far.offset, text.text, text.length)) {
                    *view = *known;
                    continue;
                }
            }
            if (offset + text.length > INT32_MAX) return hand_back(reading, line, length); /* no view could say where it is */
            if (!append(&reading->kept, bytes, text.length)) return 0;
        }
        put_view(view, bytes, text.length, text.is_decoded, offset);
        if (known) *known = *view;
    }
    if (reading->has_content) reading->content[row] = content_of(reading);
    reading->place[row] = place_of(reading, reading->lines);
    reading->time[row] = reading->row_time;
    reading->status[row] = reading->row_status;
    reading->has_status[row] = (char)reading->row_has_status;
    reading->size[row] = reading->row_size;
    reading->has_size[row] = (char)reading->row_has_size;
    reading->event[row] = (uint32_t)reading->row_event;
    reading->rows++;
    return 1;
}

static int learn_first(Reading *reading, const char *line, size_t length) {
    uint64_t place = place_of(reading, reading->lines);
    Slice path = reading->row[PATH];
    size_t base = reading->unknown.length;
    reading->unknown_rows++;
    return append(&reading->unknown, line, length) && append(&reading->unknown, "\r\n", 2) &&
           push_view(&reading->path_views, path.text, path.length, base + (size_t)(path.text - line)) &&
           append(&reading->unknown_place, &place, sizeof place);
}

/* A text, in which nothing is escaped. */
static int is_plain_text(const char *text, size_t length) {
    unsigned char high = 0, other = 0;
    for (size_t at = 0; at < length; at++) { /* without a way out, so that it is done many bytes at once */
        high |= (unsigned char)text[at];
        other |= (unsigned char)((text[at] == '\\') | (text[at] == 0));
    }
    return !other && (high < 0x80 || (is_utf8((const unsigned char *)text, (const unsigned char *)text + length) && memcmp(text, "\xEF\xBB\xBF", 3)));
}

#define STRETCH 16384 /* bytes that are looked at together: that is faster than line by line, and mostly tells as much */

/* Whether the line is plain text. */
static int is_plain(Reading *reading, const char *line, size_t length, const char *end) {
    if (line + length > reading->seen_until) {
        size_t stretch = (size_t)(end - line) < length + STRETCH ? (size_t)(end - line) : length + STRETCH;
        reading->is_clean = is_plain_text(line, stretch);
        reading->seen_until = line + stretch;
    }
    return reading->is_clean || is_plain_text(line, length);
}

static int read_line(Reading *reading, const char *line, size_t length, const char *end) {
    const Plan *plan = reading->plan;
    reading->row_has_status = reading->row_has_size = reading->row_signals = 0;
    reading->row_status = 0;
    reading->row_size = 0;
    if (!length || *line == '#' || length > plan->longest || !cut(reading, line, line + length) || !is_plain(reading, line, length, end))
        return hand_back(reading, line, length);
    Slice path = reading->row[PATH], method = reading->row[METHOD];
    reading->row_path = hashed(path.text, path.length);
    uint8_t found = path.length > LONGEST_PATH ? ASK : verdict_of(plan, path.text, path.length, reading->row_path);
    reading->verdict = found & VERDICT;
    if (found == NO_PIXEL) return 1;
    if (found == UNKNOWN)
        return plan->path_count * 2 < PATHS ? learn_first(reading, line, length) : hand_back(reading, line, length);
    int is_read = (method.length == 3 && !memcmp(method.text, "GET", 3)) ||
                  (method.length == 4 && (!memcmp(method.text, "HEAD", 4) || !memcmp(method.text, "POST", 4)));
    if (found & BARE_IS_NONE && is_read && !reading->row[QUERY].text) return 1;
    size_t decoded = reading->decoded.length;
    int done = reading->verdict == ASK || !is_read || (found & WITH_QUERY && !reading->row[QUERY].text) ? 0 : parameters(reading);
    if (done > 0) return keep(reading, line, length);
    reading->decoded.length = decoded;
    return done < 0 ? 0 : hand_back(reading, line, length);
}

static int read_block(Reading *reading, const char *at, size_t length) {
    const char *end = at + length;
    if (!(reading->kept.data = memory_for(length, &reading->kept.capacity)) || !make_room(reading, 16 * (length / 4096 + 1))) return 0;
    reading->event_count = 2; /* page_view, open: what a pixel means that names no event */
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at)), *line_end = stop ? stop : end;
        if (line_end > at && line_end[-1] == '\r') line_end--;
        if (!read_line(reading, at, (size_t)(line_end - at), end)) return 0;
        reading->lines++;
        at = stop ? stop + 1 : end;
    }
    return 1;
}

/* -- columns -> Arrow ------------------------------------------------------------------------------------------------------- */

typedef struct { /* that the columns of a frame share */
    char *kept, *decoded; /* texts */
    char *values;         /* what is not text, and where the texts are */
    size_t kept_capacity, values_capacity;
    int64_t sizes[2];     /* of the texts, as Arrow wants to know them */
} Memory;

static void release_column(struct ArrowArray *array) {
    free((void *)array->buffers[VALIDITY]);
    free((void *)array->buffers);
    array->release = NULL;
}

static void release_memory(Memory *memory) {
    if (!memory) return;
    give_back(memory->kept, memory->kept_capacity);
    give_back(memory->values, memory->values_capacity);
    free(memory->decoded);
}

static void release_frame(struct ArrowArray *array) {
    for (int64_t child = 0; child < array->n_children; child++) {
        struct ArrowArray *column = array->children[child];
        if (column && column->release) column->release(column);
        free(column);
    }
    release_memory(array->private_data);
    free(array->private_data);
    free(array->children);
    free((void *)array->buffers);
    array->release = NULL;
}

static void release_schema(struct ArrowSchema *schema) {
    for (int64_t child = 0; child < schema->n_children; child++) {
        if (schema->children[child] && schema->children[child]->release) schema->children[child]->release(schema->children[child]);
        free(schema->children[child]);
    }
    free(schema->children);
    free((char *)schema->name);
    schema->release = NULL;
}

typedef struct {
    struct ArrowArray array;
    struct ArrowSchema schema;
} Arrow;

static void release(Arrow *columns) {
    if (columns->array.release) columns->array.release(&columns->array);
    if (columns->schema.release) columns->schema.release(&columns->schema);
}

static char *copied(const char *text) {
    char *copy = malloc(strlen(text) + 1);
    return copy ? strcpy(copy, text) : NULL;
}

/* An empty frame with room for so many columns, whose memory is the frame's from now on. */
static int start_frame(Arrow *frame, int64_t rows, int columns, Memory given) {
    Memory *memory = malloc(sizeof *memory);
    if (!memory) {
        release_memory(&given);
        return 0;
    }
    *memory = given;
    frame->array = (struct ArrowArray){.length = rows, .n_buffers = 1, .buffers = calloc(1, sizeof(void *)),
                                       .children = calloc((size_t)columns + 1, sizeof(void *)), .release = release_frame, .private_data = memory};
    frame->schema = (struct ArrowSchema){.format = "+s", .name = copied(""), .children = calloc((size_t)columns + 1, sizeof(void *)), .release = release_schema};
    return frame->array.buffers && frame->array.children && frame->schema.children && frame->schema.name && given.kept && given.decoded;
}

/* `are` says where there is a value; where it is NULL there is one everywhere. */
static int add_column(Arrow *frame, const char *name, const char *format, const void *values, const char *are) {
    int64_t rows = frame->array.length, nulls = 0;
    unsigned char *validity = NULL;
    Memory *memory = frame->array.private_data;
    if (are) {
        for (int64_t row = 0; row < rows; row++) nulls += !are[row];
        if (nulls) {
            if (!(validity = calloc((size_t)(rows + 7) / 8, 1))) return 0;
            for (int64_t row = 0; row < rows; row++) validity[row / 8] |= (unsigned char)(are[row] << row % 8);
        }
    }
    int is_text = !strcmp(format, "vu");
    const void **buffers = calloc(BUFFERS, sizeof *buffers);
    struct ArrowArray *array = calloc(1, sizeof *array);
    struct ArrowSchema *schema = calloc(1, sizeof *schema);
    char *label = copied(name);
    if (!buffers || !array || !schema || !label) {
        free(validity), free(buffers), free(array), free(schema), free(label);
        return 0;
    }
    buffers[VALIDITY] = validity;
    buffers[VALUES] = values ? values : memory; /* of no rows there may be no memory, which Arrow does not like */
    if (is_text) {
        buffers[LINES_TEXT] = memory->kept;
        buffers[DECODED_TEXT] = memory->decoded;
        buffers[SIZES] = memory->sizes;
    }
    *array = (struct ArrowArray){.length = rows, .null_count = nulls, .n_buffers = is_text ? BUFFERS : 2, .buffers = buffers, .release = release_column};
    *schema = (struct ArrowSchema){.format = format, .name = label, .flags = NULLABLE, .release = release_schema};
    frame->array.children[frame->array.n_children++] = array;
    frame->schema.children[frame->schema.n_children++] = schema;
    return 1;
}

typedef struct {
    PyObject_HEAD
    Arrow columns;
} Frame;

static void free_array_capsule(PyObject *capsule) {
    struct ArrowArray *array = PyCapsule_GetPointer(capsule, "arrow_array");
    if (array && array->release) array->release(array);
    free(array);
}

static void free_schema_capsule(PyObject *capsule) {
    struct ArrowSchema *schema = PyCapsule_GetPointer(capsule, "arrow_schema");
    if (schema && schema->release) schema->release(schema);
    free(schema);
}

/* Once: what was handed over is no longer here. */
static PyObject *frame_arrow(PyObject *self, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(named)) {
    Arrow *frame = &((Frame *)self)->columns;
    if (!frame->array.release) {
        PyErr_SetString(PyExc_ValueError, "a frame is handed over once");
        return NULL;
    }
    struct ArrowArray *array = malloc(sizeof *array);
    struct ArrowSchema *schema = malloc(sizeof *schema);
    if (!array || !schema) {
        free(array), free(schema);
        return PyErr_NoMemory();
    }
    *array = frame->array;
    *schema = frame->schema;
    frame->array.release = NULL;
    frame->schema.release = NULL;
    PyObject *of_schema = PyCapsule_New(schema, "arrow_schema", free_schema_capsule);
    PyObject *of_array = PyCapsule_New(array, "arrow_array", free_array_capsule);
    PyObject *pair = of_schema && of_array ? PyTuple_Pack(2, of_schema, of_array) : NULL;
    Py_XDECREF(of_schema);
    Py_XDECREF(of_array);
    return pair;
}

static void free_object(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static void frame_free(PyObject *self) {
    release(&((Frame *)self)->columns);
    free_object(self);
}

static PyMethodDef frame_methods[] = {
    {"__arrow_c_array__", (PyCFunction)(void (*)(void))frame_arrow, METH_VARARGS | METH_KEYWORDS, "The columns, once."},
    {0},
};
static PyType_Slot frame_slots[] = {{Py_tp_dealloc, frame_free}, {Py_tp_methods, frame_methods}, {0}};
static PyType_Spec frame_spec = {"pixelstat._plain.Frame", sizeof(Frame), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, frame_slots};

typedef struct {
    PyObject *frame;
} State;

static struct PyModuleDef module;

/* -- the plan, as Python sees it --------------------------------------------------------------------------------------------- */

static int set_literal(Field *field, const char *text, Py_ssize_t length) {
    field->before = malloc((size_t)length + 1);
    if (!field->before) return 0;
    memcpy(field->before, text, (size_t)length);
    field->length = (size_t)length;
    return 1;
}

static int add_field(Plan *plan, PyObject *item) {
    const char *before;
    Py_ssize_t length;
    int kind, column;
    if (!PyArg_ParseTuple(item, "y#ii", &before, &length, &kind, &column)) return 0;
    int is_sought = kind & SOUGHT && length > 0;
    kind &= ~SOUGHT;
    if (plan->field_count == MOST_FIELDS || kind < 0 || kind >= KINDS || column < 0 || column >= plan->columns) {
        PyErr_SetString(PyExc_ValueError, "no such field");
        return 0;
    }
    Field *field = &plan->fields[plan->field_count];
    if (!set_literal(field, before, length)) return PyErr_NoMemory() != NULL;
    *field = (Field){field->before, field->length, (enum Kind)kind, column, length && before[length - 1] == '"', is_sought, 0};
    for (size_t at = 0; at < field->length; at++)
        if (before[at] == '"') field->outside = at + 1;
    if (kind == AGENT) plan->agent = column;
    plan->field_count++;
    if (column >= plan->first_parameter) plan->first_parameter = column + 1;
    return 1;
}

static int add_name(Plan *plan, PyObject *item) {
    const char *text;
    Py_ssize_t length;
    int column, flags;
    if (!PyArg_ParseTuple(item, "y#ii", &text, &length, &column, &flags)) return 0;
    if (plan->name_count == MOST_NAMES || column < 0 || column >= plan->columns) {
        PyErr_SetString(PyExc_ValueError, "no such parameter");
        return 0;
    }
    uint64_t key = KEY;
    for (Py_ssize_t at = 0; at < length; at++) key = keyed(key, text[at]);
    Parameter *name = &plan->names[plan->name_count], *other = (Parameter *)parameter_of(plan, text, (size_t)length, key);
    *name = (Parameter){malloc((size_t)length + 1), (size_t)length, column, flags, -1};
    if (!name->text) return PyErr_NoMemory() != NULL;
    memcpy(name->text, text, (size_t)length);
    if (other) {
        while (other->next >= 0) other = &plan->names[other->next];
        other->next = plan->name_count;
    } else {
        uint64_t place = place_of_name(key);
        while (plan->by_name[place % (2 * MOST_NAMES)] >= 0) place++;
        plan->by_name[place % (2 * MOST_NAMES)] = (int16_t)plan->name_count;
    }
    plan->is_fed[column] = 1;
    plan->is_id[column] |= (flags & ID) != 0;
    plan->name_count++;
    return 1;
}

static int add_named(Plan *plan, PyObject *item) {
    const char *name;
    if (!PyArg_Parse(item, "s", &name)) return 0;
    if (!(plan->columns_named[plan->columns] = copied(name))) return PyErr_NoMemory() != NULL;
    plan->columns++;
    return 1;
}

static int add_all(Plan *plan, PyObject *items, int (*add)(Plan *, PyObject *)) {
    Py_ssize_t count = PySequence_Size(items);
    for (Py_ssize_t place = 0; place < count; place++) {
        PyObject *item = PySequence_GetItem(items, place);
        int done = item && add(plan, item);
        Py_XDECREF(item);
        if (!done) return 0;
    }
    return count >= 0;
}

static PyObject *plan_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(named)) {
    PyObject *fields, *names, *columns;
    const char *last, *of_id;
    Py_ssize_t last_length, of_id_length, longest;
    int is_whole, same[SAME];
    long long earliest, latest;
    if (!PyArg_ParseTuple(args, "Oy#pOO(iiii)y#LLn", &fields, &last, &last_length, &is_whole, &names, &columns, &same[0], &same[1], &same[2], &same[3], &of_id, &of_id_length, &earliest, &latest, &longest)) return NULL;
    Py_ssize_t count = PySequence_Size(columns);
    if (count <= SIGNALLING || count > MOST_COLUMNS || longest < 1) {
        PyErr_SetString(PyExc_ValueError, "too few columns, or too many");
        return NULL;
    }
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Plan *plan = (Plan *)alloc(type, 0);
    if (!plan) return NULL;
    memset(plan->by_name, 0xFF, sizeof plan->by_name);
    for (int each = 0; each < SAME; each++) plan->same[each] = same[each] < count ? same[each] : -1;
    plan->first_parameter = SIGNALLING + 1;
    plan->agent = -1;
    plan->is_whole = is_whole;
    plan->earliest = earliest;
    plan->latest = latest;
    plan->longest = (size_t)longest;
    plan->paths = calloc(PATHS, sizeof *plan->paths);
    if (!plan->paths || !set_literal(&plan->last, last, last_length) || !set_literal(&plan->of_id, of_id, of_id_length)) {
        PyErr_NoMemory();
    } else if (add_all(plan, columns, add_named) && add_all(plan, fields, add_field) && add_all(plan, names, add_name)) {
        return (PyObject *)plan;
    }
    Py_DECREF(plan);
    return NULL;
}

static void plan_free(PyObject *self) {
    Plan *plan = (Plan *)self;
    for (int place = 0; place < plan->field_count; place++) free(plan->fields[place].before);
    for (int place = 0; place < plan->name_count; place++) free(plan->names[place].text);
    for (int column = 0; column < plan->columns; column++) free(plan->columns_named[column]);
    free(plan->last.before);
    free(plan->of_id.before);
    for (uint32_t place = 0; plan->paths && place < PATHS; place++) free(plan->paths[place]);
    free(plan->paths);
    free_object(self);
}

static PyObject *plan_learn(PyObject *self, PyObject *args) {
    Plan *plan = (Plan *)self;
    const char *text;
    Py_ssize_t length;
    int verdict;
    if (!PyArg_ParseTuple(args, "s#i", &text, &length, &verdict)) return NULL;
    uint64_t place = hashed(text, (size_t)length);
    if (length > LONGEST_PATH || plan->path_count * 2 >= PATHS || verdict_of(plan, text, (size_t)length, place)) Py_RETURN_NONE;
    for (int probe = 0; probe < PROBES; probe++) {
        Path **slot = &plan->paths[(place + (uint64_t)probe) % PATHS];
        if (*slot) continue;
        Path *path = malloc(sizeof *path + (size_t)length);
        if (!path) return PyErr_NoMemory();
        path->length = (uint32_t)length;
        path->verdict = (uint8_t)verdict;
        memcpy(path->text, text, (size_t)length);
        __atomic_store_n(slot, path, __ATOMIC_RELEASE); /* under the lock of Python, beside readers without it */
        plan->path_count++;
        break;
    }
    Py_RETURN_NONE;
}

static void free_reading(Reading *reading) {
    if (!reading) return;
    give_back(reading->columns, reading->columns_capacity);
    give_back(reading->kept.data, reading->kept.capacity);
    Bytes *all[] = {&reading->decoded, &reading->left, &reading->left_place, &reading->unknown, &reading->unknown_place, &reading->path_views};
    for (size_t each = 0; each < sizeof all / sizeof *all; each++) free(all[each]->data);
    free(reading);
}

static PyObject *events_of(const Reading *reading) {
    PyObject *events = PyList_New(0);
    for (int place = 2; events && place < reading->event_count; place++) {
        Word word = reading->events[place];
        PyObject *text = PyUnicode_DecodeUTF8(word.text, (Py_ssize_t)word.length, "replace");
        if (!text || PyList_Append(events, text)) Py_CLEAR(events);
        Py_XDECREF(text);
    }
    return events;
}

/* The plain rows as columns, and the paths that nobody has told of yet: 0 where there is no memory. */
static int make_columns(Reading *reading, Arrow *rows, Arrow *paths) {
    size_t used = ((size_t)reading->rows + 15) / 16 * 16;
    if (used * 4 < reading->room && !make_room(reading, used)) return 0; /* few rows shall not hold much memory */
    if (reading->kept.length < reading->kept.capacity / 4) {
        Bytes few = {.data = memory_for(reading->kept.length, &few.capacity)};
        if (!few.data || !append(&few, reading->kept.data, reading->kept.length)) return 0;
        give_back(reading->kept.data, reading->kept.capacity);
        reading->kept = few;
    }
    Memory memory = {
        .kept = reading->kept.data, .kept_capacity = reading->kept.capacity, .decoded = reading->decoded.data ? reading->decoded.data : malloc(1),
        .values = reading->columns, .values_capacity = reading->columns_capacity,
        .sizes = {(int64_t)reading->kept.length, (int64_t)reading->decoded.length},
    };
    reading->kept = reading->decoded = (Bytes){0};
    reading->columns = NULL;
    if (!start_frame(rows, reading->rows, reading->keeping_count + 6, memory) ||
        !add_column(rows, PLACE_OF_LINE, "L", reading->place, NULL) || !add_column(rows, "time", "tsu:UTC", reading->time, NULL) ||
        !add_column(rows, "status", "s", reading->status, reading->has_status) ||
        !add_column(rows, "bytes", "l", reading->size, reading->has_size) || !add_column(rows, "event", "I", reading->event, NULL) ||
        (reading->has_content && !add_column(rows, CONTENT, "L", reading->content, NULL)))
        return 0;
    for (int each = 0; each < reading->keeping_count; each++) {
        int column = reading->keeping[each];
        if (!add_column(rows, reading->plan->columns_named[column], "vu", reading->views[column], reading->are[column])) return 0;
    }
    Bytes lines = {0}, views = reading->path_views; /* of the lines a copy: they are handed back, too */
    if (!reserve(&lines, reading->unknown.length + 1) || !append(&lines, reading->unknown.data, reading->unknown.length)) return 0;
    Memory of_paths = {.kept = lines.data, .decoded = malloc(1), .values = views.data, .sizes = {(int64_t)lines.length, 0}};
    reading->path_views = (Bytes){0};
    return start_frame(paths, reading->unknown_rows, 1, of_paths) && add_column(paths, "path", "vu", views.data, NULL);
}

static PyObject *frame_of(PyObject *type, Arrow *columns) {
    allocfunc alloc = (allocfunc)PyType_GetSlot((PyTypeObject *)type, Py_tp_alloc);
    Frame *frame = (Frame *)alloc((PyTypeObject *)type, 0);
    if (!frame) return NULL;
    frame->columns = *columns;
    *columns = (Arrow){0};
    return (PyObject *)frame;
}

static PyObject *bytes_of(const Bytes *bytes) { return PyBytes_FromStringAndSize(bytes->data, (Py_ssize_t)bytes->length); }

static PyObject *plan_read(PyObject *self, PyObject *args) {
    Plan *plan = (Plan *)self;
    Py_buffer block, wanted, places = {0};
    PyObject *result = NULL, *of_places = Py_None;
    unsigned long long first_place = 0;
    if (!PyArg_ParseTuple(args, "y*y*|KO", &block, &wanted, &first_place, &of_places)) return NULL;
    if (of_places != Py_None && PyObject_GetBuffer(of_places, &places, PyBUF_SIMPLE)) goto end;
    if (wanted.len != plan->columns + 1 || block.len > INT32_MAX / 2) {
        PyErr_SetString(PyExc_ValueError, "what is wanted, or the block, has the wrong length");
        goto end;
    }
    Reading *reading = calloc(1, sizeof *reading);
    if (!reading) {
        PyErr_NoMemory();
        goto end;
    }
    reading->plan = plan;
    reading->wanted = wanted.buf;
    reading->has_content = reading->wanted[plan->columns];
    for (int column = 0; column < plan->columns; column++) {
        if (reading->wanted[column]) reading->keeping[reading->keeping_count++] = column;
        if (reading->wanted[column] && plan->is_fed[column]) reading->decoding[reading->decoding_count++] = column;
    }
    reading->first_place = first_place;
    reading->places = places.buf;
    reading->place_count = places.len / (Py_ssize_t)sizeof(uint64_t);
    int done;
    Arrow rows = {0}, paths = {0};
    Py_BEGIN_ALLOW_THREADS
    done = read_block(reading, block.buf, (size_t)block.len) && make_columns(reading, &rows, &paths);
    Py_END_ALLOW_THREADS
    if (!done) {
        PyErr_NoMemory();
    } else if (places.obj && reading->lines != reading->place_count) {
        PyErr_SetString(PyExc_ValueError, "a place for each line is wanted");
    } else {
        PyObject *type = ((State *)PyModule_GetState(PyType_GetModule(Py_TYPE(self))))->frame;
        PyObject *found[] = {
            frame_of(type, &rows), events_of(reading), bytes_of(&reading->left), bytes_of(&reading->left_place),
            bytes_of(&reading->unknown), bytes_of(&reading->unknown_place), frame_of(type, &paths),
        };
        if (!PyErr_Occurred())
            result = Py_BuildValue("LOOOOOOO", (long long)reading->lines, found[0], found[1], found[2], found[3], found[4], found[5], found[6]);
        for (size_t each = 0; each < sizeof found / sizeof *found; each++) Py_XDECREF(found[each]);
    }
    release(&rows);
    release(&paths);
    Py_BEGIN_ALLOW_THREADS
    free_reading(reading);
    Py_END_ALLOW_THREADS
end:
    PyBuffer_Release(&block);
    PyBuffer_Release(&wanted);
    if (places.obj) PyBuffer_Release(&places);
    return result;
}

/* -- content of columns ------------------------------------------------------------------------------------------------------- */

static void add_texts(const struct ArrowArray *array, uint64_t *content) {
    const unsigned char *validity = array->buffers[VALIDITY];
    const View *views = (const View *)array->buffers[VALUES] + array->offset;
    for (int64_t row = 0; row < array->length; row++) {
        int64_t bit = array->offset + row;
        int is_there = !validity || (validity[bit / 8] >> bit % 8 & 1);
        uint64_t hash = 0;
        if (is_there) { /* else anything may stand in the view */
            const View *view = &views[row];
            const char *far = view->length > IN_VIEW ? array->buffers[LINES_TEXT + view->far.buffer] : NULL;
            hash = hashed(far ? far + view->far.offset : view->inlined, (size_t)view->length);
        }
        content[row] = with_text(content[row], is_there, hash);
    }
}

/* The texts of a column, added to what its rows hold so far; false, with an exception, where they are no such texts. */
static int add_column_of_texts(PyObject *column, uint64_t *content, int64_t rows) {
    PyObject *capsule = PyObject_CallMethod(column, "__arrow_c_stream__", NULL);
    struct ArrowArrayStream *stream = capsule ? PyCapsule_GetPointer(capsule, "arrow_array_stream") : NULL;
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    int64_t done = 0;
    int is_good = stream && !stream->get_schema(stream, &schema) && !strcmp(schema.format, "vu");
    if (schema.release) schema.release(&schema);
    while (is_good && !stream->get_next(stream, &array) && array.release) {
        is_good = done + array.length <= rows;
        if (is_good) {
            Py_BEGIN_ALLOW_THREADS
            add_texts(&array, content + done);
            Py_END_ALLOW_THREADS
        }
        done += array.length;
        array.release(&array);
        array = (struct ArrowArray){0};
    }
    Py_XDECREF(capsule);
    if (is_good && done == rows) return 1;
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "columns of text with so many rows are wanted");
    return 0;
}

static PyObject *content_of_columns(PyObject *module, PyObject *args) {
    PyObject *columns, *result = NULL;
    Py_ssize_t rows;
    if (!PyArg_ParseTuple(args, "On", &columns, &rows)) return NULL;
    size_t capacity;
    Py_ssize_t count = PySequence_Size(columns);
    if (count < 0 || rows < 0) return count < 0 ? NULL : PyErr_Format(PyExc_ValueError, "no number of rows");
    uint64_t *content = (void *)memory_for((size_t)rows * sizeof *content, &capacity);
    if (!content) return PyErr_NoMemory();
    for (Py_ssize_t row = 0; row < rows; row++) content[row] = NO_CONTENT;
    for (Py_ssize_t place = 0; place < count; place++) {
        PyObject *column = PySequence_GetItem(columns, place);
        int done = column && add_column_of_texts(column, content, rows);
        Py_XDECREF(column);
        if (!done) {
            give_back((char *)content, capacity);
            return NULL;
        }
    }
    Arrow frame = {0};
    Memory memory = {.kept = malloc(1), .decoded = malloc(1), .values = (char *)content, .values_capacity = capacity};
    if (start_frame(&frame, rows, 1, memory) && add_column(&frame, CONTENT, "L", content, NULL))
        result = frame_of(((State *)PyModule_GetState(module))->frame, &frame);
    else
        PyErr_NoMemory();
    release(&frame);
    return result;
}

static PyMethodDef module_methods[] = {
    {"content", content_of_columns, METH_VARARGS, "content(columns, rows): 64 bits for the texts of each row."},
    {0},
};

static PyMethodDef plan_methods[] = {
    {"learn", plan_learn, METH_VARARGS, "learn(path, verdict): what a path is."},
    {"read", plan_read, METH_VARARGS, "read(block, wanted, first_place=0, places=None) -> how many lines, rows, events, left, their places, unknown, their places, their paths"},
    {0},
};
static PyType_Slot plan_slots[] = {{Py_tp_new, plan_new}, {Py_tp_dealloc, plan_free}, {Py_tp_methods, plan_methods}, {0}};
static PyType_Spec plan_spec = {"pixelstat._plain.Plan", sizeof(Plan), 0, Py_TPFLAGS_DEFAULT, plan_slots};

static int module_exec(PyObject *self) {
    State *state = PyModule_GetState(self);
    PyObject *plan = PyType_FromModuleAndSpec(self, &plan_spec, NULL);
    state->frame = PyType_FromModuleAndSpec(self, &frame_spec, NULL);
    int done = plan && state->frame && !PyModule_AddObjectRef(self, "Plan", plan);
    Py_XDECREF(plan);
    return done ? 0 : -1;
}

static int module_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(((State *)PyModule_GetState(self))->frame);
    return 0;
}

static int module_clear(PyObject *self) {
    Py_CLEAR(((State *)PyModule_GetState(self))->frame);
    return 0;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, module_exec}, {0}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, .m_name = "pixelstat._plain", .m_doc = "The plain lines of a text log, read in one pass.",
    .m_size = sizeof(State), .m_methods = module_methods, .m_slots = module_slots, .m_traverse = module_traverse, .m_clear = module_clear,
};

PyMODINIT_FUNC PyInit__plain(void) { return PyModuleDef_Init(&module); }
