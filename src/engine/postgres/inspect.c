/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live schema, from the server's own catalogs: two round trips, one snapshot. Inside the caller's
 * transaction a savepoint gives the settings back, outside of one it is a transaction of its own.
 */
#include "engine/postgres/private.h"

#include "engine_postgres_inspect.h"

#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS = 5 };

/*
 * The queries, and how to see that there is nothing for them to find: planning them all would take longer
 * than reading a small schema. Objects with numbers below 16384 are the server's own.
 */
static const struct section {
    const char *sql, *probe; /* a condition, NULL: always */
} sections[] = {
    {SQL_schemas, NULL},
    {SQL_extensions, NULL},
    {SQL_enums, "FROM pg_type WHERE typtype = 'e' AND oid >= 16384"},
    {SQL_composite_types, "FROM pg_class WHERE relkind = 'c' AND oid >= 16384"},
    {SQL_ranges, "FROM pg_range WHERE rngtypid >= 16384"},
    {SQL_base_types,
     "FROM pg_type WHERE oid >= 16384 AND (typtype = 'p' OR (typtype = 'b' AND typcategory <> 'A'))"},
    {SQL_domains, "FROM pg_type WHERE typtype = 'd' AND oid >= 16384"},
    {SQL_sequences, "FROM pg_sequence"},
    {SQL_tables, NULL},
    {SQL_columns, NULL},
    {SQL_constraints, NULL},
    {SQL_indexes, NULL},
    {SQL_views, "FROM pg_class WHERE relkind IN ('v', 'm') AND oid >= 16384"},
    {SQL_functions, "FROM pg_proc WHERE oid >= 16384"},
    {SQL_aggregates, "FROM pg_aggregate WHERE aggfnoid >= 16384"},
    {SQL_triggers, "FROM pg_trigger WHERE NOT tgisinternal"},
    {SQL_event_triggers, "FROM pg_event_trigger"},
    {SQL_rules, "FROM pg_rewrite WHERE rulename <> '_RETURN' AND oid >= 16384"},
    {SQL_policies, "FROM pg_policy"},
    {SQL_column_grants, NULL},
    {SQL_grants, NULL},
    {SQL_default_privileges, "FROM pg_default_acl"},
    {SQL_comments, NULL},
    {SQL_security_labels, "FROM pg_seclabel"},
    {SQL_settings, "FROM pg_db_role_setting"},
    {SQL_publications, "FROM pg_publication"},
    {SQL_subscriptions, "FROM pg_subscription"},
    {SQL_statistics, "FROM pg_statistic_ext"},
    {SQL_foreign_data, "FROM pg_foreign_data_wrapper"},
    {SQL_collations, "FROM pg_collation WHERE oid >= 16384"},
    {SQL_conversions, "FROM pg_conversion WHERE oid >= 16384"},
    {SQL_casts, "FROM pg_cast WHERE oid >= 16384"},
    {SQL_operators, "FROM pg_operator WHERE oid >= 16384"},
    {SQL_operator_classes,
     "FROM pg_opfamily WHERE oid >= 16384 UNION ALL SELECT FROM pg_opclass WHERE oid >= 16384"},
    {SQL_text_search,
     "FROM pg_ts_config WHERE oid >= 16384 UNION ALL SELECT FROM pg_ts_dict WHERE oid >= 16384 "
     "UNION ALL SELECT FROM pg_ts_parser WHERE oid >= 16384 "
     "UNION ALL SELECT FROM pg_ts_template WHERE oid >= 16384"},
    {SQL_languages, "FROM pg_language WHERE oid >= 16384 UNION ALL SELECT FROM pg_am WHERE oid >= 16384 "
                    "UNION ALL SELECT FROM pg_transform WHERE oid >= 16384"},
};
enum { N_SECTIONS = sizeof sections / sizeof *sections };

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

/* One letter a section: "t" when there may be something to find. */
static df_code take_probes(const PGresult *result, char probes[N_SECTIONS + 1])
{
    df_str found = pq->ntuples(result) == 1 ? cell(result, 0, 0) : DF_STR_NONE;
    snprintf(probes, N_SECTIONS + 1, "%.*s", DF_FMT(found));
    return DF_OK;
}

static void put_probes(df_buf *sql)
{
    df_buf_text(sql, "SELECT concat(");
    for (size_t i = 0; i < N_SECTIONS; i++) {
        if (i) df_buf_char(sql, ',');
        if (sections[i].probe)
            df_buf_printf(sql, "EXISTS (SELECT %s)", sections[i].probe);
        else
            df_buf_text(sql, "true");
    }
    df_buf_text(sql, ");");
}

/* Where the results of a request go: to the objects, or to the probes. */
typedef struct taker {
    df_object_fn add;
    void *context;
    char *probes; /* NULL: objects */
} taker;

/* Several statements, one round trip. */
static df_code ask(pg_conn *c, df_buf *sql, const taker *to, df_error *err)
{
    PGresult *result;
    df_code code = pq->sendQuery(c->db, df_buf_cstr(sql)) ? DF_OK : pg_fail(c, NULL, err);
    while (code == DF_OK && (result = pq->getResult(c->db)) != NULL) {
        ExecStatusType status = pq->resultStatus(result);
        if (status == PGRES_TUPLES_OK && to->probes)
            code = take_probes(result, to->probes);
        else if (status == PGRES_TUPLES_OK)
            code = take_objects(result, to->add, to->context, err);
        else if (status != PGRES_COMMAND_OK)
            code = pg_fail(c, result, err);
        pq->clear(result);
    }
    pg_drain(c);
    if (pq->status(c->db) == CONNECTION_BAD) c->base.lost = true;
    return code == DF_OK && c->base.lost ? pg_fail(c, NULL, err) : code;
}

df_code pg_inspect(df_conn *conn, const df_inspect_options *options, df_object_fn add, void *context,
                   df_error *err)
{
    (void)options;
    pg_conn *c = pg_of(conn);
    bool inside = pg_in_transaction(conn);
    char probes[N_SECTIONS + 1] = "";
    df_buf sql = {0};
    df_error ignored;
    DF_TRY(pg_settle(c, err));
    df_buf_text(&sql, inside ? "SAVEPOINT df_inspect;" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;");
    df_buf_text(&sql, canonical);
    put_probes(&sql);
    df_code code = ask(c, &sql, &(taker){.probes = probes}, err);
    if (code == DF_OK) {
        df_buf_clear(&sql);
        for (size_t i = 0; i < N_SECTIONS; i++) {
            if (probes[i] != 'f') put_section(&sql, sections[i].sql, c->version);
        }
        df_buf_text(&sql,
                    inside ? "ROLLBACK TO SAVEPOINT df_inspect;RELEASE SAVEPOINT df_inspect" : "ROLLBACK");
        code = ask(c, &sql, &(taker){.add = add, .context = context}, err);
    }
    if (code != DF_OK && !c->base.lost && !inside && pg_in_transaction(conn)) {
        df_code rolled_back = pg_simple(c, "ROLLBACK", &ignored);
        (void)rolled_back;
    }
    df_buf_release(&sql);
    return code;
}
