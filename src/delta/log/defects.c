/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/log/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name, *text;
} kinds[] = {
#define DF_X(id, name_, text_) [DELTA_DEFECT_##id] = {name_, text_},
    DELTA_DEFECTS(DF_X)
#undef DF_X
};

const char *delta_defect_name(delta_defect_kind kind)
{
    return (int)kind >= 0 && kind < DELTA_DEFECT_COUNT ? kinds[kind].name : "unknown";
}

const char *delta_defect_text(delta_defect_kind kind)
{
    return (int)kind >= 0 && kind < DELTA_DEFECT_COUNT ? kinds[kind].text : "not a kind of defect";
}

/* Where a defect stands. Without a file only its text tells two of a kind apart. */
static df_hash128 place(delta_defect_kind kind, const char *file, int64_t line, const char *what)
{
    df_str text = df_str_from(file ? file : what);
    df_hash128 hash = df_hash(text.ptr, text.len);
    int64_t lanes[5] = {(int64_t)hash.low, (int64_t)hash.high, (int64_t)kind, line, file != NULL};
    return df_hash(lanes, sizeof lanes);
}

delta_defect *delta_defects_add(delta_defects *defects, delta_defect_kind kind, const char *file,
                                int64_t line, const char *fmt, ...)
{
    char what[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    bool added;
    int64_t *index = df_keymap_put(&defects->known, place(kind, file, line, what), &added);
    if (!added) return &defects->items[*index];
    *index = (int64_t)defects->count;
    delta_defect defect = {
        .kind = kind,
        .file = df_arena_str(&defects->arena, df_str_from(file)).ptr,
        .line = line,
        .version = -1,
        .what = df_arena_cstr(&defects->arena, df_str_from(what)),
        .fallback = "",
    };
    DF_PUSH(defects->items, defects->count, defects->cap) = defect;
    return &defects->items[defects->count - 1];
}

void delta_defects_release(delta_defects *defects)
{
    free(defects->items);
    df_arena_release(&defects->arena);
    df_keymap_release(&defects->known);
    *defects = (delta_defects){0};
}
