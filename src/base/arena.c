/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_BLOCK = 4096, LARGEST_STEP = 1 << 20, ALIGNMENT = 16 };

struct df_arena_block {
    df_arena_block *older;
    size_t size;   /* of data */
    size_t unused; /* keeps `data` 16-byte aligned behind two words and this one */
    size_t unused2;
    char data[];
};

static void out_of_memory(size_t size)
{
    fprintf(stderr, "out of memory: %zu bytes were asked for\n", size);
    abort();
}

void *df_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p) out_of_memory(size);
    return p;
}

void *df_zalloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);
    if (!p) out_of_memory(size);
    return p;
}

void *df_realloc(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p) out_of_memory(size);
    return p;
}

char *df_strdup(df_str s)
{
    char *copy = df_alloc(s.len + 1);
    if (s.len) memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

void *df_grow(void *items, size_t count, size_t *cap, size_t item_size)
{
    if (count < *cap) return items;
    *cap = *cap ? *cap * 2 : 8;
    return df_realloc(items, *cap * item_size);
}

void df_arena_init(df_arena *arena)
{
    *arena = (df_arena){0};
}

static void free_blocks(df_arena_block *block)
{
    while (block) {
        df_arena_block *older = block->older;
        free(block);
        block = older;
    }
}

void df_arena_release(df_arena *arena)
{
    free_blocks(arena->blocks);
    *arena = (df_arena){0};
}

void df_arena_reset(df_arena *arena)
{
    df_arena_block *largest = arena->blocks;
    if (!largest) return;
    for (df_arena_block *b = largest->older; b; b = b->older)
        if (b->size > largest->size) largest = b;
    for (df_arena_block *b = arena->blocks; b;) {
        df_arena_block *older = b->older;
        if (b != largest) free(b);
        b = older;
    }
    largest->older = NULL;
    *arena = (df_arena){.blocks = largest, .next = largest->data, .end = largest->data + largest->size};
}

static bool add_block(df_arena *arena, size_t size)
{
    size_t want = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
    if (want > LARGEST_STEP) want = LARGEST_STEP;
    if (want < size) want = size;
    if (want > SIZE_MAX - sizeof(df_arena_block)) return false;
    df_arena_block *block = malloc(sizeof *block + want);
    if (!block) return false;
    block->older = arena->blocks;
    block->size = want;
    arena->blocks = block;
    arena->next = block->data;
    arena->end = block->data + want;
    return true;
}

void *df_arena_try(df_arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT) return NULL;
    size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (!rounded) rounded = ALIGNMENT;
    if ((size_t)(arena->end - arena->next) < rounded && !add_block(arena, rounded)) return NULL;
    void *p = arena->next;
    arena->next += rounded;
    arena->used += rounded;
    return p;
}

void *df_arena_alloc(df_arena *arena, size_t size)
{
    void *p = df_arena_try(arena, size);
    if (!p) out_of_memory(size);
    return p;
}

void *df_arena_zalloc(df_arena *arena, size_t size)
{
    return memset(df_arena_alloc(arena, size), 0, size);
}

df_str df_arena_str(df_arena *arena, df_str s)
{
    if (!s.ptr) return s;
    return (df_str){df_arena_cstr(arena, s), s.len};
}

char *df_arena_cstr(df_arena *arena, df_str s)
{
    char *copy = df_arena_alloc(arena, s.len + 1);
    if (s.len) memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

char *df_arena_printf(df_arena *arena, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) len = 0;
    char *text = df_arena_alloc(arena, (size_t)len + 1);
    text[0] = '\0';
    vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}
