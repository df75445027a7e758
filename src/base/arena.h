/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arenas: memory that is given back all at once. A run, a stage and a batch
 * each have one; what lives in it is never freed singly.
 */
#ifndef DF_BASE_ARENA_H
#define DF_BASE_ARENA_H

#include "base/error.h"
#include "base/str.h"

typedef struct df_arena_block df_arena_block;

typedef struct df_arena {
    df_arena_block *blocks; /* newest first */
    char *next, *end;       /* free space of the newest block */
    size_t used;            /* bytes handed out since the last reset */
} df_arena;

/* An empty arena allocates nothing; `df_arena a = {0};` is the same. */
void df_arena_init(df_arena *arena);
/* Gives everything back. The arena may be used again. */
void df_arena_release(df_arena *arena);
/* Forgets what it holds but keeps its largest block for the next batch. */
void df_arena_reset(df_arena *arena);

/* 16-byte aligned, not zeroed. Aborts when memory is exhausted: for sizes of our own making. */
void *df_arena_alloc(df_arena *arena, size_t size);
/* The same, zeroed. */
void *df_arena_zalloc(df_arena *arena, size_t size);
/* For sizes that come from input: NULL instead of an abort. */
void *df_arena_try(df_arena *arena, size_t size);
/* A copy with a NUL behind it; absent stays absent. */
df_str df_arena_str(df_arena *arena, df_str s);
char *df_arena_cstr(df_arena *arena, df_str s);
char *df_arena_printf(df_arena *arena, const char *fmt, ...) DF_PRINTF(2, 3);

/* malloc, realloc, strndup that abort with a message when memory is exhausted. Freed with free(). */
void *df_alloc(size_t size);
void *df_zalloc(size_t size);
void *df_realloc(void *old, size_t size);
char *df_strdup(df_str s);

/*
 * Grows `*items` so that one more of `item_size` fits after `count`; doubling.
 * Use through DF_PUSH: `DF_PUSH(list->items, list->count, list->cap) = item;`
 */
void *df_grow(void *items, size_t count, size_t *cap, size_t item_size);
#define DF_PUSH(items, count, cap)                                                                           \
    (*((items) = df_grow((items), (count), &(cap), sizeof *(items)), &(items)[(count)++]))

#endif
