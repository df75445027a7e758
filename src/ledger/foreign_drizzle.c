/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drizzle's history keeps no names: a row has the time at which its file was made, and the folder's journal
 * says which file that was.
 */
#include "ledger/foreign.h"

#include "base/json.h"
#include "io/file.h"

#include <stdlib.h>

enum { LARGEST_JOURNAL = 64 * 1024 * 1024 };

static df_code take_entries(df_json document, foreign_journal *out, const char *path, df_arena *arena, df_error *err)
{
    df_json entries = df_json_get(document, "entries");
    if (df_json_typeof(entries) != DF_JSON_ARRAY)
        return df_fail(err, DF_CORRUPT, "%s has no list \"entries\"", path);
    df_json_iter it = df_json_each(entries);
    while (df_json_next(&it)) {
        foreign_made e = {.tag = df_json_str(df_json_get(it.value, "tag"))};
        if (!e.tag.len || !df_json_int(df_json_get(it.value, "when"), &e.when))
            return df_fail(err, DF_CORRUPT, "%s: entry %zu has no \"tag\" or no \"when\"", path, out->count + 1);
        e.tag = df_arena_str(arena, e.tag);
        DF_PUSH(out->items, out->count, out->cap) = e;
    }
    return DF_OK;
}

df_code foreign_read_journal(const df_migration_set *set, foreign_journal *out, df_arena *arena, df_error *err)
{
    const char *path = df_arena_printf(arena, "%s/meta/_journal.json", set->folder);
    df_json_parser *parser = df_json_parser_open();
    df_buf text = {0};
    df_json document;
    df_code code = df_file_read_all(path, LARGEST_JOURNAL, &text, err);
    if (code != DF_OK)
        df_error_hint(err, "Drizzle's table tells its migrations by what this file says of them");
    else if ((code = df_json_parse(parser, df_buf_str(&text), &document, err)) != DF_OK)
        df_error_prefix(err, "%s", path);
    else
        code = take_entries(document, out, path, arena, err);
    df_json_parser_close(parser);
    df_buf_release(&text);
    return code;
}

df_code df_foreign_name(const df_migration_set *set, df_foreign *foreign, df_arena *arena, df_error *err)
{
    foreign_journal all = {0};
    if (!foreign->by_time) return DF_OK;
    df_code code = foreign_read_journal(set, &all, arena, err);
    for (size_t i = 0; code == DF_OK && i < foreign->count; i++) {
        df_foreign_row *row = &foreign->rows[i];
        for (size_t k = 0; k < all.count; k++)
            if (all.items[k].when == row->made_ms) row->name = all.items[k].tag;
    }
    free(all.items);
    return code;
}

df_code foreign_time_of(const handing *h, const df_migration *migration, int64_t *out, df_error *err)
{
    for (size_t k = 0; k < h->journal.count; k++) {
        if (!df_str_eq(h->journal.items[k].tag, migration->id)) continue;
        *out = h->journal.items[k].when;
        return DF_OK;
    }
    df_fail(err, DF_UNSUPPORTED, "%s/meta/_journal.json has no entry for it", h->set->folder);
    df_error_hint(err, "Drizzle knows only what drizzle-kit has made: let it generate a migration of this name");
    return DF_UNSUPPORTED;
}
