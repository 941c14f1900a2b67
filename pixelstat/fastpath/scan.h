/* Short texts, eight bytes at a time.

Most texts of a log line are short and of any length. A loop over single bytes is mispredicted at the end of nearly
each, and a call of memcmp takes longer than the comparison. Each of these two functions saves 4 % of the reading. */

#ifndef PIXELSTAT_SCAN_H
#define PIXELSTAT_SCAN_H

#include <stdint.h>
#include <string.h>

/* Read eight bytes in the byte order of the machine. All eight must be readable. */
static inline uint64_t load_u64(const char *text) {
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return word;
}

/* Compare two texts of `length` bytes. Returns 1 where they are equal, else 0. */
static inline int equal_bytes(const char *left, const char *right, size_t length) {
    for (; length >= 8; left += 8, right += 8, length -= 8)
        if (load_u64(left) != load_u64(right)) return 0;
    while (length--)
        if (left[length] != right[length]) return 0;
    return 1;
}

#define EACH_BYTE 0x0101010101010101u

/* Mark the bytes of a word that equal `byte` by their highest bit. Only the lowest mark is certain. */
static inline uint64_t mark_equal_bytes(uint64_t word, char byte) {
    uint64_t differences = word ^ EACH_BYTE * (unsigned char)byte;
    return (differences - EACH_BYTE) & ~differences & EACH_BYTE * 0x80;
}

/* Find the first of three bytes in [at, end). Pass one of them twice to look for two. Returns `end` where none is. */
static inline const char *find_either_byte(const char *at, const char *end, char first, char second, char third) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; end - at >= 8; at += 8) {
        uint64_t word = load_u64(at);
        uint64_t marks = mark_equal_bytes(word, first) | mark_equal_bytes(word, second) | mark_equal_bytes(word, third);
        if (marks) return at + __builtin_ctzll(marks) / 8;
    }
#endif
    while (at < end && *at != first && *at != second && *at != third) at++;
    return at;
}

static inline int is_digit(char letter) { return letter >= '0' && letter <= '9'; }
static inline int is_letter(char letter) { return (letter | 32) >= 'a' && (letter | 32) <= 'z'; }

#endif
