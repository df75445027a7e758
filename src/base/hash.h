/* SPDX-License-Identifier: Apache-2.0 */
/* 128-bit hashes, and a map from them to integers. */
#ifndef DF_BASE_HASH_H
#define DF_BASE_HASH_H

#include "base/arena.h"

/* A hash, or a sum of hashes. */
typedef struct df_hash128 {
    uint64_t low, high;
} df_hash128;

/* XXH3, 128 bits. Fast and well mixed; not for use against an adversary. */
df_hash128 df_hash(const void *bytes, size_t len);

/*
 * A digest of a set is the sum of its members' hashes, lane by lane modulo 2^64:
 * it does not depend on order, and a member can be taken out again.
 */
static inline df_hash128 df_hash_add(df_hash128 a, df_hash128 b)
{
    return (df_hash128){a.low + b.low, a.high + b.high};
}
static inline df_hash128 df_hash_sub(df_hash128 a, df_hash128 b)
{
    return (df_hash128){a.low - b.low, a.high - b.high};
}
static inline bool df_hash_eq(df_hash128 a, df_hash128 b)
{
    return a.low == b.low && a.high == b.high;
}
/* 32 lower-case hexadecimal digits and a NUL. */
void df_hash_hex(df_hash128 hash, char out[33]);
/* false when `text` is not 32 hexadecimal digits. */
bool df_hash_from_hex(df_str text, df_hash128 *out);

/* Open-addressing map from hash to int64. `df_keymap m = {0};` is an empty one. */
typedef struct df_keymap_slot {
    df_hash128 key;
    int64_t value;
} df_keymap_slot;

typedef struct df_keymap {
    df_keymap_slot *slots;     /* a low half of 0 marks a slot without a key: see hash.c */
    size_t count, filled, cap; /* filled counts deleted slots too */
} df_keymap;

void df_keymap_release(df_keymap *map);
/* Forgets all entries, keeps the memory. */
void df_keymap_clear(df_keymap *map);
/* The value's address, NULL when the key is absent; valid until the next put. */
int64_t *df_keymap_get(const df_keymap *map, df_hash128 key);
/* Fetches the key's place into the processor's cache, for a put or get a moment later. */
static inline void df_keymap_prefetch(const df_keymap *map, df_hash128 key)
{
    if (map->cap) __builtin_prefetch(&map->slots[key.low & (map->cap - 1)], 1);
}
/* Finds or adds (with value 0); `*added` may be NULL. */
int64_t *df_keymap_put(df_keymap *map, df_hash128 key, bool *added);
/* false when it was not there. */
bool df_keymap_remove(df_keymap *map, df_hash128 key);

#endif
