#include "parse.h"

#include <stdlib.h>

/* -- values of fields ---------------------------------------------------------------------------------------------- */

/* Read `count` digits as a number. Returns -1 where one is not a digit. */
static int parse_digits(const char *text, int count) {
    int value = 0;
    for (int at = 0; at < count; at++) {
        if (!is_digit(text[at])) return -1;
        value = value * 10 + text[at] - '0';
    }
    return value;
}

static int has_only_digits(Text text) {
    for (size_t at = 0; at < text.length; at++)
        if (!is_digit(text.start[at])) return 0;
    return 1;
}

/* Count the days from 1970-01-01 to a day of the Gregorian calendar. Years begin in March, so leap days come last. */
static int64_t count_days(int year, int month, int day) {
    year -= month <= 2;
    int era = year / 400, year_of_era = year - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return (int64_t)era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/* Read the name of a month. Returns 1 to 12, or 0 where it is none. */
static int parse_month(const char *text) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int month = 1; month <= 12; month++)
        if (!memcmp(text, names + 3 * (month - 1), 3)) return month;
    return 0;
}

#define TIME_LENGTH 26
/* Read `07/Sep/2026:10:00:00 +0200` in microseconds since 1970. Returns 0 where anything is out of place or range. */
static int parse_time(const Plan *plan, Text text, int64_t *time) {
    static const int month_lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (text.length != TIME_LENGTH) return 0;
    const char *at = text.start;
    if (at[2] != '/' || at[6] != '/' || at[11] != ':' || at[14] != ':' || at[17] != ':' || at[20] != ' ') return 0;
    int day = parse_digits(at, 2), month = parse_month(at + 3), year = parse_digits(at + 7, 4);
    int hour = parse_digits(at + 12, 2), minute = parse_digits(at + 15, 2), second = parse_digits(at + 18, 2);
    if (!month || day < 1 || year < 1970 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
        second > 59)
        return 0;
    int is_leap_year = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > month_lengths[month - 1] + (month == 2 && is_leap_year)) return 0;
    int offset = parse_digits(at + 22, 4); /* hhmm east of UTC */
    if (offset < 0 || offset > 1400 || (at[21] != '+' && at[21] != '-')) return 0;
    int offset_minutes = offset / 100 * 60 + offset % 100;
    int64_t minutes =
        (count_days(year, month, day) * 24 + hour) * 60 + minute - (at[21] == '+' ? offset_minutes : -offset_minutes);
    *time = (minutes * 60 + second) * 1000000;
    return *time >= plan->earliest && *time <= plan->latest;
}

/* Read `GET /path?query HTTP/1.1` into METHOD, PATH and QUERY. Returns 0 for anything that is not exactly this. */
static int parse_request(Row *row, Text text) {
    const char *at = text.start, *end = at + text.length;
    if (text.length > 4 && !memcmp(at, "GET ", 4)) at += 3;
    while (at < end && is_letter(*at)) at++;
    if (at == text.start || at == end || *at != ' ') return 0;
    row->texts[METHOD] = (Text){.start = text.start, .length = (size_t)(at - text.start), .source = IN_LINE};
    const char *path = ++at;
    if (at == end || *at != '/') return 0;
    const char *path_end = find_either_byte(at, end, '?', ' ', ' '), *target_end = path_end;
    if (path_end < end && *path_end == '?') target_end = memchr(path_end, ' ', (size_t)(end - path_end));
    if (!target_end) return 0;
    size_t version_length = (size_t)(end - target_end);
    if ((version_length != 9 && version_length != 7) || memcmp(target_end, " HTTP/", 6) || !is_digit(target_end[6]))
        return 0;
    if (version_length == 9 && (target_end[7] != '.' || !is_digit(target_end[8]))) return 0;
    row->texts[PATH] = (Text){.start = path, .length = (size_t)(path_end - path), .source = IN_LINE};
    row->texts[QUERY] = (Text){0};
    if (path_end < target_end)
        row->texts[QUERY] =
            (Text){.start = path_end + 1, .length = (size_t)(target_end - path_end - 1), .source = IN_LINE};
    return 1;
}

/* Read the size of a response; `-` is a null. Returns 0 where it is not a number of at most 18 digits. */
static int parse_bytes(Row *row, Text text) {
    row->bytes = 0;
    row->has_bytes = text.length != 1 || *text.start != '-';
    if (!row->has_bytes) return 1;
    if (!text.length || text.length > 18 || !has_only_digits(text)) return 0;
    for (size_t at = 0; at < text.length; at++) row->bytes = row->bytes * 10 + (text.start[at] - '0');
    return 1;
}

/* Whether the text can be a list of addresses and not the name of a host. */
static int may_be_addresses(Text text) {
    int letters = 0, colons = 0;
    for (size_t at = 0; at < text.length; at++) {
        letters |= is_letter(text.start[at]);
        colons += text.start[at] == ':';
    }
    return !letters || colons > 1;
}

static int is_lower_or_digit(char letter) { return is_digit(letter) || (letter >= 'a' && letter <= 'z'); }

/* Whether a client is one that nobody has to change: text/addresses.py has the same as a regular expression.

That is an IPv4 address or the name of a host, with a dot, or an IPv6 address in lower case. */
static int is_usual_client(Text text) {
    size_t dots = 0, colons = 0, others = 0; /* others: what no IPv6 address holds */
    if (!text.length || !is_lower_or_digit(*text.start)) return 0;
    for (size_t at = 0; at < text.length; at++) {
        char letter = text.start[at];
        if (letter == '.') {
            dots++;
            if (text.start[at - 1] == '.' || at + 1 == text.length) return 0;
        } else if (letter == ':') {
            colons++;
        } else if (!is_lower_or_digit(letter) && letter != '-') {
            return 0;
        } else {
            others += letter == '-' || letter > 'f';
        }
    }
    return colons ? colons > 1 && !dots && !others : dots > 0;
}

/* -- fields of a line ---------------------------------------------------------------------------------------------- */

/* Find the end of the field that begins at `at`. Returns NULL where the line ends too early. */
static const char *find_field_end(const Field *field, const char *at, const char *end) {
    if (field->is_quoted) return memchr(at, '"', (size_t)(end - at));
    if (field->kind == TIME) return end - at < TIME_LENGTH ? NULL : at + TIME_LENGTH;
    if (field->kind == VHOST) {
        while (at < end && (is_letter(*at) || is_digit(*at) || *at == '.' || *at == '-' || *at == '_')) at++;
        return at;
    }
    return find_either_byte(at, end, ' ', '\t', '"');
}

/* Whether the literal occurs in [at, here). It stands at `here` too, so each comparison ends within the line. */
static int occurs_before(const Literal *literal, const char *at, const char *here) {
    while ((at = memchr(at, *literal->text, (size_t)(here - at))))
        if (equal_bytes(at++, literal->text, literal->length)) return 1;
    return 0;
}

/* Read one field into the row. Returns 0 where its text is not simple. */
static int parse_field(const Plan *plan, Row *row, const Field *field, Text text) {
    int is_absent = !text.length || (text.length == 1 && *text.start == '-');
    switch (field->kind) {
    case TIME:
        return parse_time(plan, text, &row->time);
    case REQUEST:
        return parse_request(row, text);
    case STATUS:
        row->status = text.length == 3 ? parse_digits(text.start, 3) : -1;
        row->has_status = 1;
        return row->status >= 0;
    case BYTES:
        return parse_bytes(row, text);
    case CLIENT:
        row->texts[field->column] = text;
        return is_usual_client(text);
    case VHOST:
        row->texts[field->column] = text;
        return text.length && *text.start != '-' && !memchr(text.start, ':', text.length);
    case PORT:
        return has_only_digits(text);
    case USER_AGENT: /* an absent one is empty, as formats/fields.py has it */
        row->texts[field->column] = is_absent ? (Text){.start = "", .source = IN_LINE} : text;
        return 1;
    case FORWARDED_FOR:
        row->texts[field->column] = is_absent ? (Text){0} : text;
        return is_absent || may_be_addresses(text);
    case TEXT:
        row->texts[field->column] = is_absent ? (Text){0} : text;
        return 1;
    default:
        return 1;
    }
}

/* Read the fields of the line [at, end) into the row. Returns 0 where one is not simple. */
static int parse_fields(const Plan *plan, Row *row, const char *at, const char *end) {
    const char *last_quote = at; /* behind it, expressions look for literals */
    for (int index = 0; index < plan->field_count; index++) {
        const Field *field = &plan->fields[index];
        const Literal *before = &field->before;
        if ((size_t)(end - at) < before->length || !equal_bytes(at, before->text, before->length)) return 0;
        if (field->must_be_first_match && occurs_before(before, last_quote, at)) return 0;
        if (field->behind_quote) last_quote = at + field->behind_quote;
        at += before->length;
        const char *field_end = find_field_end(field, at, end);
        if (!field_end || (field_end == at && !field->is_quoted)) return 0;
        if (!parse_field(plan, row, field, (Text){.start = at, .length = (size_t)(field_end - at), .source = IN_LINE}))
            return 0;
        at = field_end;
    }
    const Literal *last = &plan->last;
    if ((size_t)(end - at) < last->length || !equal_bytes(at, last->text, last->length)) return 0;
    return !plan->ends_with_last || at + last->length == end;
}

/* -- text ---------------------------------------------------------------------------------------------------------- */

/* Count the bytes that must follow the first one of a character beyond ASCII. Returns 0 where it cannot be first. */
static int count_following_bytes(unsigned first) {
    if (first >= 0xC2 && first <= 0xDF) return 1;
    if (first >= 0xE0 && first <= 0xEF) return 2;
    return first >= 0xF0 && first <= 0xF4 ? 3 : 0;
}

/* Whether all bytes are UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
static int is_utf8(const char *text, size_t length) {
    const unsigned char *at = (const unsigned char *)text, *end = at + length;
    while (at < end) {
        unsigned first = *at++, low = 0x80, high = 0xBF; /* the limits of the second byte */
        if (first < 0x80) continue;
        int more = count_following_bytes(first);
        if (!more || end - at < more) return 0;
        if (first == 0xE0) low = 0xA0;
        else if (first == 0xED) high = 0x9F;
        else if (first == 0xF0) low = 0x90;
        else if (first == 0xF4) high = 0x8F;
        if (*at < low || *at > high) return 0;
        for (at++, more--; more; at++, more--)
            if (*at < 0x80 || *at > 0xBF) return 0;
    }
    return 1;
}

/* Whether the text is UTF-8 without escapes, without NULs and without a byte-order mark in front. */
static int is_plain_text(const char *text, size_t length) {
    unsigned char high = 0, other = 0;
    for (size_t at = 0; at < length; at++) { /* without an early end, so that the compiler takes many bytes at once */
        high |= (unsigned char)text[at];
        other |= (unsigned char)((text[at] == '\\') | (text[at] == 0));
    }
    return !other && (high < 0x80 || (is_utf8(text, length) && memcmp(text, "\xEF\xBB\xBF", 3)));
}

/* -- parameters of a query ----------------------------------------------------------------------------------------- */

/* Read a hexadecimal digit. Returns -1 where it is none. */
static int parse_hex_digit(char letter) {
    if (is_digit(letter)) return letter - '0';
    letter |= 32;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* Decode `%XX` and `+` once, behind a prefix, to the end of the decoded texts; the text then lies there.

The line must be plain text. Returns NOT_SIMPLE where the result is not UTF-8 or does not fit, else DONE or NO_MEMORY.
*/
static enum Outcome decode_percent(Buffer *decoded, Text *text, const Literal *prefix) {
    if (decoded->length + text->length + prefix->length > INT32_MAX) return NOT_SIMPLE; /* Arrow's offsets end there */
    if (!reserve(decoded, text->length + prefix->length)) return NO_MEMORY;
    char *out = decoded->data + decoded->length;
    size_t length = prefix->length;
    int has_decoded_high_bytes = 0;
    if (length) memcpy(out, prefix->text, length);
    for (size_t at = 0; at < text->length; at++) {
        char letter = text->start[at];
        if (letter == '%' && text->length - at > 2) {
            int high = parse_hex_digit(text->start[at + 1]), low = parse_hex_digit(text->start[at + 2]);
            if (high >= 0 && low >= 0) {
                letter = (char)(high * 16 + low);
                has_decoded_high_bytes |= high >= 8;
                at += 2;
            }
        } else if (letter == '+') {
            letter = ' ';
        }
        out[length++] = letter;
    }
    if (has_decoded_high_bytes && !is_utf8(out, length)) return NOT_SIMPLE;
    *text = (Text){.offset = decoded->length, .length = length, .source = DECODED};
    decoded->length += length;
    return DONE;
}

/* Whether the text is a decimal number that needs no rounding: at most 15 digits, a minus sign, a point. */
static int is_simple_number(Text text) {
    size_t at = text.length && *text.start == '-', digits = 0, points = 0;
    for (; at < text.length; at++) {
        if (text.start[at] == '.' && digits && !points) points++;
        else if (is_digit(text.start[at])) digits++;
        else return 0;
    }
    return digits && digits <= 15 && text.start[text.length - 1] != '.';
}

/* Find the number of an event name in the block, or give it the next one. Returns -1 where there are too many. */
static int number_event(Parser *parser, Text name) {
    for (int index = 0; index < parser->event_name_count; index++) {
        Span other = parser->event_names[index];
        if (other.length == name.length && equal_bytes(other.start, name.start, name.length))
            return FIRST_NAMED_EVENT + index;
    }
    if (parser->event_name_count == MOST_EVENT_NAMES) return -1;
    parser->event_names[parser->event_name_count] = (Span){name.start, name.length};
    return FIRST_NAMED_EVENT + parser->event_name_count++;
}

enum Letter { ORDINARY, ENDS_NAME, ENDS_PARAMETER, ENCODES, OPENS_MACRO };

/* What a byte of a query may mean. A macro begins with a brace or contains a bar, encoded (%7B, %7C) or not. */
static const uint8_t letters[256] = {
    ['='] = ENDS_NAME, ['&'] = ENDS_PARAMETER, ['%'] = ENCODES,
    ['+'] = ENCODES,   ['{'] = OPENS_MACRO,    ['|'] = OPENS_MACRO,
};

static int is_encoded_macro(const char *at, const char *end) {
    return end - at > 2 && at[0] == '%' && at[1] == '7' && ((at[2] | 32) == 'b' || (at[2] | 32) == 'c');
}

static char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? (char)(letter | 32) : letter; }

/* Return the first letter of a text that is not empty, decoded. */
static unsigned char decode_first_letter(Text text) {
    if (*text.start == '+') return ' ';
    if (*text.start != '%' || text.length < 3) return (unsigned char)*text.start;
    int high = parse_hex_digit(text.start[1]), low = parse_hex_digit(text.start[2]);
    return (unsigned char)(high < 0 || low < 0 ? '%' : high * 16 + low);
}

/* Whether the text encodes a letter, a digit or a dash, which nothing but a disguise needs. */
static int encodes_plain_letters(Text text) {
    for (size_t at = 0; at + 2 < text.length; at++) {
        if (text.start[at] != '%') continue;
        int high = parse_hex_digit(text.start[at + 1]), low = parse_hex_digit(text.start[at + 2]);
        if (high < 0 || low < 0) continue;
        char letter = (char)(high * 16 + low);
        if (high < 8 && (is_letter(letter) || is_digit(letter) || letter == '-')) return 1;
    }
    return 0;
}

enum IdKind { AN_ID, A_PLACEHOLDER, UNCLEAR };

/* Tell whether the value of an id is a placeholder, such as `undefined`; where it is unclear expressions have to look.

The value is not empty, and still encoded. */
static enum IdKind judge_id(const Plan *plan, Text value) {
    if (value.source == ENCODED_IN_LINE && encodes_plain_letters(value)) return UNCLEAR;
    size_t zeros = 0;
    while (zeros < value.length && (value.start[zeros] == '0' || value.start[zeros] == '-')) zeros++;
    if (zeros == value.length) return A_PLACEHOLDER;
    if (plan->is_placeholder_letter[decode_first_letter(value)]) return UNCLEAR;
    for (int index = 0; index < plan->placeholder_count; index++) {
        const Literal *word = &plan->placeholders[index];
        size_t at = 0;
        if (value.length < word->length) continue;
        while (at < word->length && lower(value.start[at]) == word->text[at]) at++;
        if (at < word->length) continue;
        if (at == value.length) return A_PLACEHOLDER;
        if (value.start[at] == '+' || value.start[at] == '%') return UNCLEAR; /* perhaps a blank */
    }
    return zeros && (value.start[zeros] == '+' || value.start[zeros] == '%') ? UNCLEAR : AN_ID;
}

/* Write a value to the column of its parameter, and to the columns of the next ones that share the name.

Returns 0 where it is not simple. */
static int set_parameter(const Plan *plan, Row *row, const Parameter *parameter, Text value) {
    for (; parameter; parameter = parameter->next < 0 ? NULL : &plan->parameters[parameter->next]) {
        enum IdKind kind = parameter->kind == ID || parameter->kind == VISITOR_ID ? judge_id(plan, value) : AN_ID;
        if (kind == UNCLEAR || (parameter->kind == NUMBER && !is_simple_number(value))) return 0;
        if (parameter->kind == EVENT_NAME) row->event_name = value;
        else if (parameter->kind == CONSENT_SIGNAL) row->has_consent_signals = 1;
        else row->texts[parameter->column] = kind == A_PLACEHOLDER ? (Text){0} : value;
    }
    return 1;
}

/* Read the parameter at `*at` into the row and move `*at` to the next one. One without a value is ignored.

Returns 0 where it is not simple. */
static int parse_parameter(const Plan *plan, Row *row, const char **at, const char *end) {
    const char *name = *at, *here = name;
    uint64_t hash = FIRST_KEY;
    for (; here < end; here++) {
        uint8_t letter = letters[(unsigned char)*here];
        if (letter == ENDS_NAME || letter == ENDS_PARAMETER) break;
        if (letter == OPENS_MACRO || (letter == ENCODES && is_encoded_macro(here, end))) return 0;
        hash = hash_letter(hash, *here);
    }
    *at = here + 1;
    if (here == end || *here == '&') return 1;
    const Parameter *parameter = find_parameter(plan, name, (size_t)(here - name), hash);
    Text value = {.start = ++here, .source = IN_LINE};
    for (; here < end; here++) {
        uint8_t letter = letters[(unsigned char)*here];
        if (letter <= ENDS_NAME) continue;
        if (letter == ENDS_PARAMETER) break;
        if (letter == OPENS_MACRO || is_encoded_macro(here, end)) return 0;
        value.source = ENCODED_IN_LINE;
    }
    *at = here + 1;
    value.length = (size_t)(here - value.start);
    return !parameter || !value.length || set_parameter(plan, row, parameter, value);
}

/* Decode the texts of the row that are encoded, and put the prefix in front of visitor ids.

Returns as decode_percent does. */
static enum Outcome decode_parameters(Parser *parser) {
    static const Literal no_prefix;
    const Plan *plan = parser->plan;
    for (int index = 0; index < parser->decoded_count; index++) {
        int column = parser->decoded_columns[index], is_visitor_id = plan->is_visitor_id[column];
        Text *text = &parser->row.texts[column];
        if (text->source != ENCODED_IN_LINE && !(is_visitor_id && text->source == IN_LINE)) continue;
        const Literal *prefix = is_visitor_id ? &plan->id_prefix : &no_prefix;
        enum Outcome outcome = decode_percent(&parser->rows.decoded_texts, text, prefix);
        if (outcome != DONE) return outcome;
    }
    return DONE;
}

/* Read the parameters of QUERY into the row. If a name repeats, its last non-empty value wins.

The event of the row must be that of a request without an event name. Returns DONE, NOT_SIMPLE or NO_MEMORY; unless
DONE, decoded texts may be left behind. */
static enum Outcome parse_parameters(Parser *parser) {
    const Plan *plan = parser->plan;
    Row *row = &parser->row;
    int first = plan->first_parameter_column;
    memset(&row->texts[first], 0, sizeof *row->texts * (size_t)(plan->column_count - first));
    row->event_name = (Text){0};
    row->has_consent_signals = 0;
    Text query = row->texts[QUERY];
    const char *at = query.start, *end = at ? at + query.length : at;
    while (at < end)
        if (!parse_parameter(plan, row, &at, end)) return NOT_SIMPLE;
    row->texts[CONSENT_QUERY] = row->has_consent_signals ? query : (Text){0};
    if (row->event_name.source != ABSENT && (row->event = number_event(parser, row->event_name)) < 0) return NOT_SIMPLE;
    return decode_parameters(parser);
}

/* -- lines --------------------------------------------------------------------------------------------------------- */

static int is_method(Text method, const char *name) {
    return method.length == strlen(name) && !memcmp(method.start, name, method.length);
}

/* Whether a request by this method can be a pixel's. */
static int is_pixel_method(Text method) {
    return is_method(method, "GET") || is_method(method, "POST") || is_method(method, "HEAD");
}

/* Append the line to the returned lines. Each ends in CR and LF, so that a CR before these stays part of the line.

Returns DONE or NO_MEMORY. */
static enum Outcome return_line(Parser *parser, const char *line, size_t length) {
    uint64_t number = parser->first_line_number + (uint64_t)parser->line_count;
    int is_done = append(&parser->returned_lines, line, length) && append(&parser->returned_lines, "\r\n", 2) &&
                  append(&parser->returned_line_numbers, &number, sizeof number);
    return is_done ? DONE : NO_MEMORY;
}

/* Read the fields of a line into the row. Returns 0 where the line is not simple, as far as fields tell. */
static int parse_simple_line(const Plan *plan, Row *row, const char *line, size_t length) {
    return length && *line != '#' && length <= plan->longest_line && parse_fields(plan, row, line, line + length);
}

/* Find what the plan knows of the row's path, by the hash that it leaves in the row. Returns NULL for nothing. */
static const Path *find_row_path(const Plan *plan, Row *row) {
    Text path = row->texts[PATH];
    row->path_hash = hash_text(path.start, path.length);
    return find_path(plan, path.start, path.length, row->path_hash);
}

/* Append the row of a line, ignore the line or return it.

Returns DONE, NO_MEMORY, or UNKNOWN_PATH: the line is then untouched. */
static enum Outcome parse_line(Parser *parser, const char *line, size_t length) {
    const Plan *plan = parser->plan;
    Row *row = &parser->row;
    if (!parse_simple_line(plan, row, line, length) || !is_plain_text(line, length))
        return return_line(parser, line, length);
    if (row->texts[PATH].length > LONGEST_PATH) return return_line(parser, line, length);
    const Path *path = find_row_path(plan, row);
    if (!path) {
        if (parser->stops_at_unknown_paths && has_room_for_paths(plan)) return UNKNOWN_PATH;
        return return_line(parser, line, length);
    }
    if (path->with_query == IGNORE && path->without_query == IGNORE) return DONE; /* whatever the method */
    enum Action action = row->texts[QUERY].source == ABSENT ? path->without_query : path->with_query;
    if (action == RETURN || !is_pixel_method(row->texts[METHOD])) return return_line(parser, line, length);
    if (action == IGNORE) return DONE;
    if (is_method(row->texts[METHOD], "HEAD")) return return_line(parser, line, length); /* it is a bot's */
    Buffer *decoded = &parser->rows.decoded_texts;
    size_t decoded_length = decoded->length;
    row->event = action == OPEN;
    row->line_number = parser->first_line_number + (uint64_t)parser->line_count;
    enum Outcome outcome = parse_parameters(parser);
    if (outcome == DONE) outcome = append_row(&parser->rows, row);
    if (outcome != NOT_SIMPLE) return outcome;
    decoded->length = decoded_length;
    return return_line(parser, line, length);
}

/* Write the length of the line at `at`, without its line end, to `length`. Returns the next line, or `end`. */
static const char *find_next_line(const char *at, const char *end, size_t *length) {
    const char *newline = memchr(at, '\n', (size_t)(end - at)), *line_end = newline ? newline : end;
    if (line_end > at && line_end[-1] == '\r') line_end--;
    *length = (size_t)(line_end - at);
    return newline ? newline + 1 : end;
}

enum Outcome parse_lines(Parser *parser, const char **at, const char *end) {
    while (*at < end) {
        size_t length;
        const char *next = find_next_line(*at, end, &length);
        enum Outcome outcome = parse_line(parser, *at, length);
        if (outcome != DONE) return outcome;
        parser->line_count++;
        *at = next;
    }
    return DONE;
}

int collect_unknown_paths(Parser *parser, const char *at, const char *end, Buffer *paths) {
    for (size_t length; at < end;) {
        const char *line = at;
        at = find_next_line(at, end, &length);
        if (!parse_simple_line(parser->plan, &parser->row, line, length)) continue;
        Text text = parser->row.texts[PATH];
        if (text.length > LONGEST_PATH || find_row_path(parser->plan, &parser->row) ||
            !is_plain_text(text.start, text.length))
            continue;
        Span path = {text.start, text.length};
        if (!append(paths, &path, sizeof path)) return 0;
    }
    return 1;
}

void free_parser(Parser *parser) {
    free_rows(&parser->rows);
    free(parser->returned_lines.data);
    free(parser->returned_line_numbers.data);
}
