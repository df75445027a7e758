/* SPDX-License-Identifier: Apache-2.0 */
/* Two snapshots against each other: a merge of sorted lines. Only what differs is looked into. */
#include "safety/verification/verification_int.h"

typedef struct differences {
    df_arena *arena;
    df_json_parser *parser;
    df_migrate_difference *items;
    size_t count, cap;
} differences;

static df_migrate_difference *grow(differences *d)
{
    if (d->count == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 16;
        df_migrate_difference *items = df_arena_alloc(d->arena, d->cap * sizeof *items);
        if (d->count) memcpy(items, d->items, d->count * sizeof *items);
        d->items = items;
    }
    return &d->items[d->count++];
}

/* Either line may be NULL. */
static df_code add(differences *d, const snap_line *expected, const snap_line *found, df_error *err)
{
    snap_object object = {0};
    df_buf name = {0};
    df_migrate_difference *out = grow(d);
    *out = (df_migrate_difference){.change = !expected ? "added" : !found ? "removed" : "changed"};
    if (expected) {
        DF_TRY(snap_parse(d->parser, expected, &object, err));
        out->expected = df_arena_cstr(d->arena, object.definition);
    }
    if (found) {
        DF_TRY(snap_parse(d->parser, found, &object, err));
        out->found = df_arena_cstr(d->arena, object.definition);
    }
    out->kind = df_arena_cstr(d->arena, object.kind);
    snap_put_name(&name, &object);
    out->name = df_arena_cstr(d->arena, df_buf_str(&name));
    df_buf_release(&name);
    return DF_OK;
}

/* One step of the merge. Objects of one name (there should be one) are paired in the order of their
 * definitions. */
static df_code merge(differences *d, snap_reader *expected, snap_reader *found, df_error *err)
{
    const snap_line *e = expected->line.text.ptr ? &expected->line : NULL,
                    *f = found->line.text.ptr ? &found->line : NULL;
    int order = !e ? 1 : !f ? -1 : df_str_cmp(e->key, f->key);
    if (order < 0) {
        DF_TRY(add(d, e, NULL, err));
        return snap_next(expected, err);
    }
    if (order > 0) {
        DF_TRY(add(d, NULL, f, err));
        return snap_next(found, err);
    }
    if (!df_str_eq(e->definition, f->definition)) DF_TRY(add(d, e, f, err));
    DF_TRY(snap_next(expected, err));
    return snap_next(found, err);
}

df_code df_schema_compare(df_str expected, df_str found, df_arena *arena, df_migrate_difference **out,
                          size_t *count, df_error *err)
{
    snap_reader a = {.rest = expected, .which = "recorded"}, b = {.rest = found, .which = "live"};
    differences d = {.arena = arena, .parser = df_json_parser_open()};
    *out = NULL;
    *count = 0;
    df_code code = snap_next(&a, err);
    if (code == DF_OK) code = snap_next(&b, err);
    while (code == DF_OK && (a.line.text.ptr || b.line.text.ptr)) code = merge(&d, &a, &b, err);
    df_json_parser_close(d.parser);
    if (code != DF_OK) return code;
    *out = d.items;
    *count = d.count;
    return DF_OK;
}
