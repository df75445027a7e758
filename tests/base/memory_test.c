/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas, growing arrays and buffers. */
#include "base/arena.h"
#include "base/buf.h"

#include <tap.h>

#include <stdlib.h>

/* The address sanitizer must give NULL too, not stop the program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void arenas(void)
{
    df_arena arena = {0};
    bool aligned = true, kept = true;
    char *pieces[500];
    for (size_t i = 0; i < 500; i++) {
        pieces[i] = df_arena_alloc(&arena, i * 7 + 1);
        aligned &= (uintptr_t)pieces[i] % 16 == 0;
        memset(pieces[i], (int)(i & 0x7f), i * 7 + 1);
    }
    for (size_t i = 0; i < 500; i++)
        for (size_t j = 0; j < i * 7 + 1; j++) kept &= pieces[i][j] == (char)(i & 0x7f);
    check(aligned, "what is handed out is aligned to 16 bytes");
    check(kept, "and does not overlap");
    size_t used = arena.used;
    check(used >= 500 * 501 / 2 * 7, "use is counted");
    char *large = df_arena_alloc(&arena, 5 << 20);
    memset(large, 1, 5 << 20);
    df_arena_reset(&arena);
    check(arena.used == 0 && df_arena_alloc(&arena, 4 << 20) == large, "reset keeps the largest block");
    check(df_arena_try(&arena, SIZE_MAX - 8) == NULL && df_arena_try(&arena, SIZE_MAX / 2) == NULL,
          "an absurd size gives NULL");
    check(df_arena_try(&arena, 0) != NULL, "nothing is something");
    const char *zeros = df_arena_zalloc(&arena, 100);
    bool zero = true;
    for (int i = 0; i < 100; i++) zero &= !zeros[i];
    check(zero, "zalloc clears");
    df_str copy = df_arena_str(&arena, DF_STR("a\0b"));
    check(copy.len == 3 && memcmp(copy.ptr, "a\0b", 4) == 0, "a copied text has a NUL behind it");
    check(df_arena_str(&arena, DF_STR_NONE).ptr == NULL, "absent stays absent");
    check(strcmp(df_arena_printf(&arena, "%d-%s", 7, "x"), "7-x") == 0, "printf");
    df_arena_release(&arena);
    check(arena.blocks == NULL && arena.used == 0, "released");
    df_arena_reset(&arena);
    df_arena_release(&arena);
    check(true, "reset and release of an empty arena");
}

static void arrays(void)
{
    int *items = NULL;
    size_t count = 0, cap = 0;
    for (int i = 0; i < 1000; i++) DF_PUSH(items, count, cap) = i;
    bool right = count == 1000 && cap >= 1000;
    for (int i = 0; i < 1000; i++) right &= items[i] == i;
    check(right, "a growing array keeps its items");
    free(items);
    char *copy = df_strdup((df_str){"hello", 4});
    check(strcmp(copy, "hell") == 0, "strdup of a view");
    free(copy);
}

static void buffers(void)
{
    df_buf buf = {0};
    check(df_buf_str(&buf).ptr && df_buf_str(&buf).len == 0, "an empty buffer is empty, not absent");
    df_buf_add(&buf, "abc", 3);
    df_buf_char(&buf, '-');
    df_buf_int(&buf, INT64_MIN);
    df_buf_char(&buf, ' ');
    df_buf_int(&buf, INT64_MAX);
    df_buf_char(&buf, ' ');
    df_buf_int(&buf, 0);
    check(strcmp(df_buf_cstr(&buf), "abc--9223372036854775808 9223372036854775807 0") == 0, "integers: %s",
          df_buf_cstr(&buf));
    df_buf_clear(&buf);
    for (int i = 0; i < 10000; i++) df_buf_printf(&buf, "%d,", i % 10);
    check(buf.len == 20000 && strncmp(buf.ptr + 19998, "9,", 2) == 0, "printf grows it");
    check(!df_buf_try_reserve(&buf, SIZE_MAX - 100) && !df_buf_try_reserve(&buf, SIZE_MAX / 2),
          "an absurd size is refused");
    check(buf.len == 20000, "and what was there stays");
    check(df_buf_try_reserve(&buf, 1 << 20) && buf.cap - buf.len >= 1 << 20, "a sane one is not");
    df_buf_add(&buf, NULL, 0);
    df_buf_str_add(&buf, DF_STR_NONE);
    check(buf.len == 20000, "adding nothing");
    df_buf_release(&buf);
    check(buf.ptr == NULL && buf.cap == 0, "released");
}

int main(void)
{
    arenas();
    arrays();
    buffers();
    return tap_done();
}
