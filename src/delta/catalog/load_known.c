/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/catalog/load_known.h"

#include "base/arena.h"

#include <stdlib.h>

/*
 * Each key sets one bit in each of the eight words of one 64-byte block: one cache line a look-up. With 16
 * bits a key about one answer in a thousand is a false "maybe", which costs a needless look, never a wrong
 * result.
 */
enum { FIRST_LAYER_KEYS = 1 << 16, BITS_PER_KEY = 16, BLOCK_WORDS = 8, BLOCK_BITS = 512 };

static size_t keys_of(size_t layer)
{
    return (size_t)FIRST_LAYER_KEYS << layer;
}

static size_t blocks_of(size_t layer)
{
    return keys_of(layer) * BITS_PER_KEY / BLOCK_BITS;
}

void delta_known_clear(delta_known *known)
{
    for (size_t i = 0; i < known->n_layers; i++) free(known->layers[i]);
    known->n_layers = known->in_last = 0;
}

static const uint32_t salts[BLOCK_WORDS] = {0x8a5cd789, 0x635d2daf, 0x1d8b2f65, 0xc2b2ae35,
                                            0x27d4eb2f, 0x9e3779b1, 0x51ed270b, 0xb5297a4d};

static uint64_t bit_of(uint64_t hash, size_t word)
{
    return (uint64_t)1 << (((uint32_t)hash * salts[word]) >> 26);
}

static size_t block_of(uint64_t hash, size_t layer)
{
    return (size_t)(((hash >> 32) * blocks_of(layer)) >> 32) * BLOCK_WORDS;
}

static bool in_layer(const delta_known *known, size_t layer, uint64_t hash)
{
    const uint64_t *block = known->layers[layer] + block_of(hash, layer);
    for (size_t i = 0; i < BLOCK_WORDS; i++)
        if (!(block[i] & bit_of(hash, i))) return false;
    return true;
}

void delta_known_add(delta_known *known, uint64_t hash)
{
    bool full = !known->n_layers || known->in_last >= keys_of(known->n_layers - 1);
    if (full && known->n_layers < DELTA_KNOWN_LAYERS) {
        size_t layer = known->n_layers++;
        known->layers[layer] = df_zalloc(blocks_of(layer) * BLOCK_WORDS * sizeof(uint64_t));
        known->in_last = 0;
    }
    uint64_t *block = known->layers[known->n_layers - 1] + block_of(hash, known->n_layers - 1);
    for (size_t i = 0; i < BLOCK_WORDS; i++) block[i] |= bit_of(hash, i);
    known->in_last++;
}

bool delta_known_maybe(const delta_known *known, uint64_t hash)
{
    if (!known->complete) return true;
    for (size_t i = known->n_layers; i-- > 0;)
        if (in_layer(known, i, hash)) return true;
    return false;
}
