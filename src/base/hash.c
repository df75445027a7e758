/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <stdlib.h>

/* Inlined: a second libxxhash in the process must not decide which code runs. */
#define XXH_INLINE_ALL
#include <xxhash.h>

df_hash128 df_hash(const void *bytes, size_t len)
{
    XXH128_hash_t h = XXH3_128bits(bytes, len);
    return (df_hash128){h.low64, h.high64};
}

void df_hash_hex(df_hash128 hash, char out[33])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        out[i] = digits[(hash.high >> (60 - 4 * i)) & 15];
        out[16 + i] = digits[(hash.low >> (60 - 4 * i)) & 15];
    }
    out[32] = '\0';
}

bool df_hash_from_hex(df_str text, df_hash128 *out)
{
    if (text.len != 32) return false;
    uint64_t lanes[2] = {0, 0};
    for (size_t i = 0; i < 32; i++) {
        char c = text.ptr[i];
        unsigned digit;
        if (c >= '0' && c <= '9') digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f') digit = (unsigned)(c - 'a' + 10);
        else return false;
        lanes[i / 16] = lanes[i / 16] << 4 | digit;
    }
    *out = (df_hash128){.low = lanes[1], .high = lanes[0]};
    return true;
}

enum { FREE, USED, DELETED };

void df_keymap_release(df_keymap *map)
{
    free(map->slots);
    free(map->state);
    *map = (df_keymap){0};
}

void df_keymap_clear(df_keymap *map)
{
    if (map->cap) memset(map->state, FREE, map->cap);
    map->count = map->filled = 0;
}

/* The key's slot, or else the first slot where it may be put. cap is a power of two with free slots. */
static size_t find(const df_keymap *map, df_hash128 key)
{
    size_t mask = map->cap - 1, i = key.low & mask, reuse = SIZE_MAX;
    for (;; i = (i + 1) & mask) {
        if (map->state[i] == FREE) return reuse != SIZE_MAX ? reuse : i;
        if (map->state[i] == DELETED) {
            if (reuse == SIZE_MAX) reuse = i;
        } else if (df_hash_eq(map->slots[i].key, key)) {
            return i;
        }
    }
}

int64_t *df_keymap_get(const df_keymap *map, df_hash128 key)
{
    if (!map->count) return NULL;
    size_t i = find(map, key);
    return map->state[i] == USED ? &map->slots[i].value : NULL;
}

static void rehash(df_keymap *map)
{
    df_keymap old = *map;
    size_t cap = old.count * 2 < 64 ? 64 : old.cap;
    while (cap * 5 / 8 <= old.count) cap *= 2;
    *map = (df_keymap){.slots = df_alloc(cap * sizeof *map->slots), .state = df_zalloc(cap), .cap = cap};
    for (size_t i = 0; i < old.cap; i++) {
        if (old.state[i] != USED) continue;
        size_t to = find(map, old.slots[i].key);
        map->state[to] = USED;
        map->slots[to] = old.slots[i];
    }
    map->count = map->filled = old.count;
    free(old.slots);
    free(old.state);
}

int64_t *df_keymap_put(df_keymap *map, df_hash128 key, bool *added)
{
    if (map->filled + 1 > map->cap * 3 / 4) rehash(map);
    size_t i = find(map, key);
    if (added) *added = map->state[i] != USED;
    if (map->state[i] != USED) {
        map->filled += map->state[i] == FREE;
        map->count++;
        map->state[i] = USED;
        map->slots[i] = (df_keymap_slot){key, 0};
    }
    return &map->slots[i].value;
}

bool df_keymap_remove(df_keymap *map, df_hash128 key)
{
    if (!map->count) return false;
    size_t i = find(map, key);
    if (map->state[i] != USED) return false;
    map->state[i] = DELETED;
    map->count--;
    return true;
}
