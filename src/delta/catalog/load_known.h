/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which keys the database may hold: a Bloom filter. "No" is certain, so that adds of new
 * files, nearly all there are, need no look into the database. It grows by layers, each twice as large.
 */
#ifndef DF_DELTA_CATALOG_LOAD_KNOWN_H
#define DF_DELTA_CATALOG_LOAD_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DELTA_KNOWN_LAYERS = 16 };

typedef struct delta_known {
    uint64_t *layers[DELTA_KNOWN_LAYERS];
    size_t n_layers, in_last; /* keys in the newest layer */
    bool complete;            /* every key of the database is in it; else everything may be known */
} delta_known;

/* Forgets all keys and gives the memory back; `complete` is left as it is. */
void delta_known_clear(delta_known *known);
void delta_known_add(delta_known *known, uint64_t hash);
/* false: certainly not in the database. */
bool delta_known_maybe(const delta_known *known, uint64_t hash);

#endif
