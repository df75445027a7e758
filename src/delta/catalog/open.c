/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a catalog, and making its schema. */
#include "delta/catalog/catalog_int.h"

#include <stdlib.h>

static const char SCHEMA_LOCK[] = "deltalakedb:schema";
enum { SCHEMA_WAIT_MS = 120 * 1000 };

df_code delta_catalog_version(delta_catalog *catalog, int64_t *version, df_error *err)
{
    int64_t there;
    *version = 0;
    DF_TRY(delta_ask_int(catalog, delta_impl(catalog)->dialect->has_catalog, NULL, 0, 0, &there, err));
    if (!there) return DF_OK;
    return delta_ask_int(catalog, "SELECT MAX(version) FROM delta_catalog", NULL, 0, 0, version, err);
}

/* ---- creating ---- */

static df_code make_scope(delta_catalog *catalog, df_error *err)
{
    const delta_dialect *dialect = delta_impl(catalog)->dialect;
    if (!dialect->make_scope) return DF_OK;
    df_arena arena = {0};
    df_value statement;
    df_code code = df_query_value(catalog->conn, dialect->make_scope, NULL, 0, &arena, &statement, err);
    if (code == DF_OK && statement.type == DF_TEXT)
        code = df_exec(catalog->conn, df_arena_cstr(&arena, statement.s), NULL, 0, NULL, err);
    if (code == DF_NOT_FOUND) {
        df_error_clear(err);
        code = DF_OK;
    }
    df_arena_release(&arena);
    return code;
}

/*
 * Every statement of the schema makes what is missing and leaves what is there, so that where DDL cannot be
 * rolled back a run that died half-way is simply repeated: the version row comes last.
 */
static df_code make_tables(delta_catalog *catalog, df_error *err)
{
    df_conn *conn = catalog->conn;
    const delta_dialect *dialect = delta_impl(catalog)->dialect;
    bool transactional = (df_conn_caps(conn) & DF_CAP_TRANSACTIONAL_DDL) != 0;
    if (transactional) DF_TRY(delta_begin(catalog, err));
    df_code code = make_scope(catalog, err);
    if (code == DF_OK) code = df_exec_script(conn, dialect->schema, err);
    if (code == DF_OK && !transactional) code = delta_begin(catalog, err);
    if (code == DF_OK) {
        df_value row[] = {df_v_int(DELTA_CATALOG_VERSION), df_v_text("deltalakedb " DF_VERSION)};
        code = df_exec(conn, "INSERT INTO delta_catalog (version, program) VALUES (?, ?)", row, 2, NULL, err);
    }
    if (code == DF_OK) return delta_commit(catalog, err);
    df_rollback(conn);
    return code;
}

static df_code refuse_newer(int64_t version, df_error *err)
{
    df_fail(err, DF_REFUSED, "the catalog has schema version %lld, this program knows only up to %d",
            (long long)version, DELTA_CATALOG_VERSION);
    df_error_hint(err, "use a newer deltalakedb");
    return DF_REFUSED;
}

df_code delta_catalog_upgrade(delta_catalog *catalog, int64_t *from, int64_t *to, df_error *err)
{
    bool taken;
    *to = DELTA_CATALOG_VERSION;
    DF_TRY(delta_catalog_version(catalog, from, err));
    if (*from > DELTA_CATALOG_VERSION) return refuse_newer(*from, err);
    if (*from == DELTA_CATALOG_VERSION) return DF_OK;
    DF_TRY(df_lock(catalog->conn, SCHEMA_LOCK, SCHEMA_WAIT_MS, &taken, err));
    if (!taken)
        return df_fail(err, DF_LOCKED, "another run has been making the catalog's tables for two minutes");
    /* Somebody else may have done it while this one waited. */
    df_code code = delta_catalog_version(catalog, from, err);
    if (code == DF_OK && *from > DELTA_CATALOG_VERSION)
        code = refuse_newer(*from, err);
    else if (code == DF_OK && *from < DELTA_CATALOG_VERSION)
        code = make_tables(catalog, err);
    if (code != DF_OK) df_error_prefix(err, "making the catalog's tables");
    df_code unlocked = df_unlock(catalog->conn, SCHEMA_LOCK, code == DF_OK ? err : NULL);
    return code != DF_OK ? code : unlocked;
}

/* ---- opening ---- */

static df_code check_version(delta_catalog *catalog, delta_catalog_mode mode, df_error *err)
{
    int64_t version, to;
    if (mode == DELTA_CATALOG_ANY) return DF_OK;
    if (mode == DELTA_CATALOG_CREATE) return delta_catalog_upgrade(catalog, &version, &to, err);
    DF_TRY(delta_catalog_version(catalog, &version, err));
    if (version == DELTA_CATALOG_VERSION) return DF_OK;
    if (version > DELTA_CATALOG_VERSION) return refuse_newer(version, err);
    if (version == 0) {
        df_fail(err, DF_NOT_FOUND, "there is no catalog in this database");
        df_error_hint(err, "run: deltalakedb init --database-url URL");
        return DF_NOT_FOUND;
    }
    df_fail(err, DF_REFUSED, "the catalog has the older schema version %lld", (long long)version);
    df_error_hint(err, "run: deltalakedb upgrade --database-url URL");
    return DF_REFUSED;
}

static df_code begin_session(delta_catalog_impl *impl, df_error *err)
{
    df_arena arena = {0};
    df_value scope;
    if (impl->dialect->session)
        DF_TRY(df_exec(impl->catalog.conn, impl->dialect->session, NULL, 0, NULL, err));
    df_code code = df_query_value(impl->catalog.conn, impl->dialect->scope, NULL, 0, &arena, &scope, err);
    if (code == DF_OK) impl->scope = df_strdup(scope.type == DF_TEXT ? scope.s : DF_STR(""));
    df_arena_release(&arena);
    return code;
}

df_code delta_catalog_open(const char *url, delta_catalog_mode mode, const df_observer *observer,
                           delta_catalog **out, df_error *err)
{
    df_open_options options = {.create = mode != DELTA_CATALOG_READ, .application = "deltalakedb"};
    df_conn *conn;
    DF_TRY(df_connect(url, &options, &conn, err));
    delta_catalog_impl *impl = df_zalloc(sizeof *impl);
    impl->catalog = (delta_catalog){.conn = conn, .observer = observer};
    impl->dialect = delta_dialect_of(conn);
    df_code code = DF_OK;
    if (!impl->dialect)
        code = df_fail(err, DF_UNSUPPORTED, "a catalog cannot be kept in this kind of database (%s)",
                       df_conn_engine(conn));
    if (code == DF_OK) code = check_version(&impl->catalog, mode, err);
    if (code == DF_OK) code = begin_session(impl, err);
    if (code != DF_OK) {
        delta_catalog_close(&impl->catalog);
        return code;
    }
    *out = &impl->catalog;
    return DF_OK;
}

void delta_catalog_close(delta_catalog *catalog)
{
    if (!catalog) return;
    delta_catalog_impl *impl = delta_impl(catalog);
    df_rollback(catalog->conn);
    while (impl->n_locks) delta_table_unlock(catalog, df_str_from(impl->locks[impl->n_locks - 1].table_id));
    df_disconnect(catalog->conn);
    df_buf_release(&impl->sql);
    free(impl->scope);
    free(impl->locks);
    free(impl);
}
