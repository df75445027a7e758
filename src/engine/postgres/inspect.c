/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live schema, from the server's own catalogs: one round trip, one snapshot. Inside the caller's
 * transaction a savepoint gives the settings back, outside of one it is a transaction of its own.
 */
#include "engine/postgres/private.h"

#include "engine_postgres_inspect.h"

#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS = 5 };

static const char *const sections[] = {
    SQL_schemas,        SQL_extensions,
    SQL_enums,          SQL_composite_types,
    SQL_ranges,         SQL_base_types,
    SQL_domains,        SQL_sequences,
    SQL_tables,         SQL_columns,
    SQL_constraints,    SQL_indexes,
    SQL_views,          SQL_functions,
    SQL_aggregates,     SQL_triggers,
    SQL_event_triggers, SQL_rules,
    SQL_policies,       SQL_column_grants,
    SQL_grants,         SQL_default_privileges,
    SQL_comments,       SQL_security_labels,
    SQL_settings,       SQL_publications,
    SQL_subscriptions,  SQL_statistics,
    SQL_foreign_data,   SQL_collations,
    SQL_conversions,    SQL_casts,
    SQL_operators,      SQL_operator_classes,
    SQL_text_search,    SQL_languages,
};

/* What the printing of names, dates, numbers and bytes in definitions depends on. */
static const char canonical[] =
    "SET LOCAL search_path = '';SET LOCAL quote_all_identifiers = off;SET LOCAL DateStyle = ISO;"
    "SET LOCAL IntervalStyle = postgres;SET LOCAL TimeZone = 'UTC';"
    "SET LOCAL extra_float_digits = 1;SET LOCAL bytea_output = hex;";

/* "@13{new}{old}": one of the two, by the server's version. */
static void put_section(df_buf *out, const char *sql, int version)
{
    const char *mark;
    while ((mark = strchr(sql, '@')) != NULL) {
        char *at;
        df_buf_add(out, sql, (size_t)(mark - sql));
        long since = strtol(mark + 1, &at, 10) * 10000;
        size_t newer = strcspn(at + 1, "}"), older = strcspn(at + newer + 3, "}");
        if (version >= since)
            df_buf_add(out, at + 1, newer);
        else
            df_buf_add(out, at + newer + 3, older);
        sql = at + newer + older + 4;
    }
    df_buf_text(out, sql);
    df_buf_char(out, ';');
}

static df_str cell(const PGresult *result, int row, int column)
{
    if (pq->getisnull(result, row, column)) return DF_STR_NONE;
    return (df_str){pq->getvalue(result, row, column), (size_t)pq->getlength(result, row, column)};
}

static df_code take_objects(const PGresult *result, df_object_fn add, void *context, df_error *err)
{
    int rows = pq->ntuples(result);
    if (rows && pq->nfields(result) != COLUMNS)
        return df_fail(err, DF_BUG, "an object has %d columns", pq->nfields(result));
    for (int i = 0; i < rows; i++) {
        df_object object = {cell(result, i, 0), cell(result, i, 1), cell(result, i, 2), cell(result, i, 3),
                            cell(result, i, 4)};
        /* The functions that print definitions look at the present, not at the snapshot. */
        if (!object.name.ptr || !object.definition.ptr) {
            df_fail(err, DF_RETRY, "the %.*s \"%.*s\" was changed while the schema was read",
                    DF_FMT(object.kind), DF_FMT(object.name));
            df_error_hint(err, "run the same command again");
            return DF_RETRY;
        }
        DF_TRY(add(context, &object, err));
    }
    return DF_OK;
}

df_code pg_inspect(df_conn *conn, const df_inspect_options *options, df_object_fn add, void *context,
                   df_error *err)
{
    (void)options;
    pg_conn *c = pg_of(conn);
    bool inside = pg_in_transaction(conn);
    df_buf sql = {0};
    PGresult *result;
    df_error ignored;
    DF_TRY(pg_settle(c, err));
    df_buf_text(&sql, inside ? "SAVEPOINT df_inspect;" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;");
    df_buf_text(&sql, canonical);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        put_section(&sql, sections[i], c->version);
    df_buf_text(&sql, inside ? "ROLLBACK TO SAVEPOINT df_inspect;RELEASE SAVEPOINT df_inspect" : "ROLLBACK");

    df_code code = pq->sendQuery(c->db, df_buf_cstr(&sql)) ? DF_OK : pg_fail(c, NULL, err);
    while (code == DF_OK && (result = pq->getResult(c->db)) != NULL) {
        ExecStatusType status = pq->resultStatus(result);
        if (status == PGRES_TUPLES_OK)
            code = take_objects(result, add, context, err);
        else if (status != PGRES_COMMAND_OK)
            code = pg_fail(c, result, err);
        pq->clear(result);
    }
    pg_drain(c);
    if (pq->status(c->db) == CONNECTION_BAD) c->base.lost = true;
    if (code != DF_OK && !c->base.lost && !inside && pg_in_transaction(conn)) {
        df_code rolled_back = pg_simple(c, "ROLLBACK", &ignored);
        (void)rolled_back;
    }
    df_buf_release(&sql);
    return code == DF_OK && c->base.lost ? pg_fail(c, NULL, err) : code;
}
