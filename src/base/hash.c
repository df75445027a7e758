/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <stdlib.h>
#include <sys/mman.h>

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
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a' + 10);
        else
            return false;
        lanes[i / 16] = lanes[i / 16] << 4 | digit;
    }
    *out = (df_hash128){.low = lanes[1], .high = lanes[0]};
    return true;
}

/*
 * A look-up in a large map costs a cache miss, so the slot itself says whether it is used: no key has a low
 * half of 0 (one that has gets 1). Free slots are all zero, deleted ones have a high half of 1.
 */
static df_hash128 own_key(df_hash128 key)
{
    if (!key.low) key.low = 1;
    return key;
}

static bool is_used(const df_keymap_slot *slot)
{
    return slot->key.low != 0;
}

static bool is_free(const df_keymap_slot *slot)
{
    return !slot->key.low && !slot->key.high;
}

void df_keymap_release(df_keymap *map)
{
    free(map->slots);
    *map = (df_keymap){0};
}

void df_keymap_clear(df_keymap *map)
{
    if (map->cap) memset(map->slots, 0, map->cap * sizeof *map->slots);
    map->count = map->filled = 0;
}

/* The key's slot, or else the first slot where it may be put. cap is a power of two with free slots. */
static df_keymap_slot *find(const df_keymap *map, df_hash128 key)
{
    size_t mask = map->cap - 1;
    df_keymap_slot *reuse = NULL;
    for (size_t i = key.low & mask;; i = (i + 1) & mask) {
        df_keymap_slot *slot = &map->slots[i];
        if (df_hash_eq(slot->key, key)) return slot;
        if (is_free(slot)) return reuse ? reuse : slot;
        if (!is_used(slot) && !reuse) reuse = slot;
    }
}

int64_t *df_keymap_get(const df_keymap *map, df_hash128 key)
{
    if (!map->count) return NULL;
    df_keymap_slot *slot = find(map, own_key(key));
    return is_used(slot) ? &slot->value : NULL;
}

/* Zeroed slots. A large map is read all over: with huge pages the processor finds its pages sooner. */
static df_keymap_slot *alloc_slots(size_t cap)
{
    enum { HUGE_PAGE = 2 << 20 };
    size_t size = cap * sizeof(df_keymap_slot);
    if (size < HUGE_PAGE) return df_zalloc(size);
    void *slots = aligned_alloc(HUGE_PAGE, (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
    if (!slots) return df_zalloc(size);
    madvise(slots, size, MADV_HUGEPAGE); /* a wish; without it the map is only slower */
    return memset(slots, 0, size);
}

static void rehash(df_keymap *map)
{
    df_keymap old = *map;
    size_t cap = old.count * 2 < 64 ? 64 : old.cap;
    while (cap * 5 / 8 <= old.count) cap *= 2;
    *map = (df_keymap){.slots = alloc_slots(cap), .cap = cap};
    for (size_t i = 0; i < old.cap; i++)
        if (is_used(&old.slots[i])) *find(map, old.slots[i].key) = old.slots[i];
    map->count = map->filled = old.count;
    free(old.slots);
}

int64_t *df_keymap_put(df_keymap *map, df_hash128 key, bool *added)
{
    if (map->filled + 1 > map->cap * 3 / 4) rehash(map);
    key = own_key(key);
    df_keymap_slot *slot = find(map, key);
    bool is_new = !is_used(slot);
    if (added) *added = is_new;
    if (is_new) {
        map->filled += is_free(slot);
        map->count++;
        *slot = (df_keymap_slot){key, 0};
    }
    return &slot->value;
}

bool df_keymap_remove(df_keymap *map, df_hash128 key)
{
    if (!map->count) return false;
    df_keymap_slot *slot = find(map, own_key(key));
    if (!is_used(slot)) return false;
    slot->key = (df_hash128){.low = 0, .high = 1};
    map->count--;
    return true;
}
