/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live schema of the current database, without its name, so that two databases can be compared. There is
 * no snapshot to be had: who changes the schema meanwhile is seen half.
 */
#include "engine/mariadb/private.h"

#include "engine/bulktext.h"
#include "engine_mariadb_inspect.h"

#include <stdlib.h>

/* Names that are asked for first, since a row function cannot ask. */
typedef struct listing {
    df_arena arena;
    df_str *names, *types;
    size_t count, names_cap, types_cap;
} listing;

static df_code take_name(void *context, const df_row *row, df_error *err)
{
    (void)err;
    listing *l = context;
    size_t count = l->count;
    DF_PUSH(l->types, count, l->types_cap) = df_arena_str(&l->arena, row->values[1].s);
    DF_PUSH(l->names, l->count, l->names_cap) = df_arena_str(&l->arena, row->values[0].s);
    return DF_OK;
}

typedef struct inspection {
    my_conn *c;
    const df_inspect_options *options;
    df_object_fn add;
    void *context;
} inspection;

static bool excluded(const inspection *in, df_str name)
{
    for (const char *const *glob = in->options->exclude; glob && *glob; glob++) {
        if (df_str_glob(name, *glob)) return true;
    }
    return false;
}

/* What SHOW CREATE needs and where its text stands, by the type that information_schema tells. */
static const struct shown {
    const char *type, *what, *kind;
    unsigned column;
} shown[] = {
    {"BASE TABLE", "TABLE", "table", 1},
    {"SYSTEM VERSIONED", "TABLE", "table", 1},
    {"SYSTEM VIEW", "VIEW", "view", 1},
    {"VIEW", "VIEW", "view", 1},
    {"SEQUENCE", "SEQUENCE", "sequence", 1},
    {"PROCEDURE", "PROCEDURE", "procedure", 2},
    {"FUNCTION", "FUNCTION", "function", 2},
    {"PACKAGE", "PACKAGE", "package", 2},
    {"PACKAGE BODY", "PACKAGE BODY", "package body", 2},
    {"EVENT", "EVENT", "event", 3},
};

static const struct shown *shown_of(df_str type)
{
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        if (df_str_is(type, shown[i].type)) return &shown[i];
    }
    return NULL;
}

static df_code show(const inspection *in, df_str name, df_str type, df_error *err)
{
    df_buf quoted = {0}, sql = {0}, definition = {0};
    const struct shown *s = shown_of(type);
    if (!s) {
        return df_fail(err, DF_UNSUPPORTED, "\"%.*s\" is a %.*s, which this program does not know",
                       DF_FMT(name), DF_FMT(type));
    }
    df_put_quoted(&quoted, name.ptr, '`');
    df_code code = my_show_create(in->c, s->what, df_buf_cstr(&quoted), s->column, &sql, err);
    if (code == DF_OK && strcmp(s->kind, "table") == 0) {
        code = my_table_objects(name, df_buf_str(&sql), in->add, in->context, err);
    } else if (code == DF_OK) {
        my_put_canonical(&definition, df_buf_str(&sql), in->c->database);
        df_object object = {
            .kind = df_str_from(s->kind), .name = name, .definition = df_buf_str(&definition)};
        code = in->add(in->context, &object, err);
    }
    df_buf_release(&quoted);
    df_buf_release(&sql);
    df_buf_release(&definition);
    return code;
}

static df_code show_all(const inspection *in, const char *query, bool relations, df_error *err)
{
    listing l = {.count = 0};
    int64_t ignored;
    df_code code = my_run(&in->c->base, query, NULL, 0, take_name, &l, &ignored, err);
    for (size_t i = 0; code == DF_OK && i < l.count; i++) {
        if (!relations || !excluded(in, l.names[i])) code = show(in, l.names[i], l.types[i], err);
    }
    free(l.names);
    free(l.types);
    df_arena_release(&l.arena);
    return code;
}

static df_code take_object(void *context, const df_row *row, df_error *err)
{
    const inspection *in = context;
    const df_value *v = row->values;
    if (v[3].type == DF_NULL || v[2].type == DF_NULL)
        return df_fail(err, DF_PERMISSION, "Permission denied: the definition of a %.*s is not visible",
                       DF_FMT(v[0].s));
    df_object object = {.kind = v[0].s,
                        .parent = v[1].type == DF_NULL ? DF_STR_NONE : v[1].s,
                        .name = v[2].s,
                        .definition = v[3].s};
    return in->add(in->context, &object, err);
}

static df_code rows(const inspection *in, const char *query, df_error *err)
{
    int64_t ignored;
    inspection copy = *in;
    return my_run(&in->c->base, query, NULL, 0, take_object, &copy, &ignored, err);
}

/* Who may not read the server's own tables sees no privileges of routines. */
static df_code routine_grants(const inspection *in, df_error *err)
{
    df_error refused;
    df_code code = rows(in, SQL_routine_grants, &refused);
    if (code == DF_OK || code == DF_PERMISSION) return DF_OK;
    if (err) *err = refused;
    return code;
}

df_code my_inspect(df_conn *conn, const df_inspect_options *options, df_object_fn add, void *context,
                   df_error *err)
{
    inspection in = {my_of(conn), options, add, context};
    if (!in.c->database[0]) {
        df_fail(err, DF_USAGE, "no database is selected");
        df_error_hint(err, "name it in the URL: mariadb://user@host/database");
        return DF_USAGE;
    }
    DF_TRY(show_all(&in, SQL_relations, true, err));
    DF_TRY(show_all(&in, SQL_routines, false, err));
    DF_TRY(show_all(&in, SQL_events, false, err));
    DF_TRY(rows(&in, SQL_triggers, err));
    DF_TRY(rows(&in, SQL_database, err));
    DF_TRY(rows(&in, SQL_grants, err));
    return routine_grants(&in, err);
}
