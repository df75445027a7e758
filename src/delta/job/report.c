/* SPDX-License-Identifier: Apache-2.0 */
/* What all reports are made of. */
#include "delta/job/job.h"

#include "base/uri.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

df_arena *delta_report_memory(void **private_memory)
{
    if (!*private_memory) *private_memory = df_zalloc(sizeof(df_arena));
    return *private_memory;
}

void delta_report_free(void **private_memory)
{
    if (!*private_memory) return;
    df_arena_release(*private_memory);
    free(*private_memory);
    *private_memory = NULL;
}

static const df_str uri_prefix = {"file://", 7};

const char *delta_location_text(const char *path, df_arena *arena)
{
    df_str plain = df_str_from(path);
    if (df_str_is_utf8(plain) && !df_str_starts(plain, uri_prefix)) return df_arena_cstr(arena, plain);
    df_buf uri = {0};
    df_buf_str_add(&uri, uri_prefix);
    df_percent_encode(&uri, plain, "/");
    const char *text = df_arena_cstr(arena, df_buf_str(&uri));
    df_buf_release(&uri);
    return text;
}

const char *delta_location_path(df_str text, df_arena *arena)
{
    if (!df_str_starts(text, uri_prefix)) return df_arena_cstr(arena, text);
    df_buf path = {0};
    df_percent_decode(&path, df_str_skip(text, uri_prefix.len));
    const char *plain = df_arena_cstr(arena, df_buf_str(&path));
    df_buf_release(&path);
    return plain;
}

void delta_report_warnings(const delta_defects *defects, df_arena *arena, df_delta_warning **out,
                           size_t *count)
{
    *count = defects->count;
    *out = df_arena_zalloc(arena, (defects->count + 1) * sizeof **out);
    for (size_t i = 0; i < defects->count; i++) {
        const delta_defect *d = &defects->items[i];
        (*out)[i] = (df_delta_warning){
            .kind = delta_defect_name(d->kind),
            .file = d->file ? df_arena_cstr(arena, df_str_from(d->file)) : NULL,
            .line = d->line,
            .version = d->version,
            .what = df_arena_cstr(arena, df_str_from(d->what ? d->what : "")),
            .fallback = df_arena_cstr(arena, df_str_from(d->fallback ? d->fallback : "")),
        };
    }
}

void delta_warnings_json(const df_delta_warning *warnings, size_t count, df_buf *out)
{
    df_json_writer w = {.out = out};
    df_json_begin(&w, NULL, '[');
    for (size_t i = 0; i < count; i++) {
        df_json_begin(&w, NULL, '{');
        df_json_add_text(&w, "kind", warnings[i].kind);
        df_json_add_text(&w, "file", warnings[i].file);
        if (warnings[i].line) df_json_add_int(&w, "line", warnings[i].line);
        if (warnings[i].version >= 0) df_json_add_int(&w, "version", warnings[i].version);
        df_json_add_text(&w, "what", warnings[i].what);
        df_json_add_text(&w, "fallback", warnings[i].fallback);
        df_json_end(&w, '}');
    }
    df_json_end(&w, ']');
}

void delta_report_check(df_arena *arena, df_delta_check **checks, size_t *count, const char *name,
                        const char *title, const char *result, const char *evidence, const char *fmt, ...)
{
    char detail[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    df_delta_check *grown = df_arena_alloc(arena, (*count + 1) * sizeof *grown);
    if (*count) memcpy(grown, *checks, *count * sizeof *grown);
    grown[(*count)++] = (df_delta_check){.name = name,
                                         .title = title,
                                         .result = result,
                                         .detail = df_arena_cstr(arena, df_str_from(detail)),
                                         .evidence = evidence};
    *checks = grown;
}

/* Finds the table in an open catalog; the location decides when only a path is given. */
static df_code find_table(delta_catalog *catalog, const char *table_id, const char *path, df_arena *arena,
                          delta_table *table, df_error *err)
{
    char *real = path ? realpath(path, NULL) : NULL;
    const char *location = real ? delta_location_text(real, arena) : NULL;
    df_code code;
    if (table_id) {
        code = delta_table_get(catalog, df_str_from(table_id), arena, table, err);
        if (code == DF_OK && location && !df_str_is(table->location, location)) {
            code = df_fail(err, DF_CONFLICT, "table %s was imported from %.*s, not from %s", table_id,
                           DF_FMT(table->location), location);
            df_error_hint(err, "leave out the path, or name the table that was imported from it");
        }
    } else if (!path) {
        code = df_fail(err, DF_USAGE, "neither a path nor a table id is given");
    } else {
        /* A folder that is gone can still be asked about by the path it was imported from. */
        code = delta_table_at(catalog, df_str_from(location ? location : path), arena, table, err);
    }
    free(real);
    return code;
}

df_code delta_open_table(const char *database_url, const char *table_id, const char *path,
                         const df_observer *observer, df_arena *arena, delta_catalog **catalog,
                         delta_table *table, df_error *err)
{
    DF_TRY(delta_catalog_open(database_url, DELTA_CATALOG_READ, observer, catalog, err));
    df_code code = find_table(*catalog, table_id, path, arena, table, err);
    if (code != DF_OK) {
        delta_catalog_close(*catalog);
        *catalog = NULL;
    }
    return code;
}
