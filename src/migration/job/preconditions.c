/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a migration says must hold before it runs: of the server's version and edition, and of what a query answers. What is
 * asserted and does not hold stops the run; what is assumed and does not hold passes the migration over, and that is told.
 */
#include "migration/job/job_int.h"
#include "sql/modern.h"

#include <stdlib.h>

/* "Neo4j 5.26.30 community": absent what it does not say. */
static void take_apart(const char *server, df_str *version, df_str *edition)
{
    *version = *edition = DF_STR_NONE;
    for (const char *at = server; *at;) {
        size_t len = strcspn(at, " ");
        if (len && at[0] >= '0' && at[0] <= '9' && !version->ptr)
            *version = (df_str){at, len};
        else if (len && version->ptr && !edition->ptr)
            *edition = (df_str){at, len};
        at += len + (at[len] == ' ');
    }
}

int32_t job_server_version(const df_migrate *m)
{
    df_str version, edition;
    take_apart(df_conn_server(m->conn), &version, &edition);
    const char *dot = version.ptr ? memchr(version.ptr, '.', version.len) : NULL;
    return version.ptr ? df_sql_version((int32_t)strtol(version.ptr, NULL, 10), dot ? (int32_t)strtol(dot + 1, NULL, 10) : 0) : 0;
}

/* A query of somebody else's: whatever it does, it is taken back. */
static df_code ask(df_migrate *m, const df_precondition *p, df_arena *arena, bool *holds, df_error *err)
{
    df_value value = DF_V_NULL;
    char *query = df_strdup(p->value);
    df_code code = df_begin(m->conn, err);
    if (code == DF_OK) code = df_query_value(m->conn, query, NULL, 0, arena, &value, err);
    df_rollback(m->conn);
    free(query);
    if (code == DF_NOT_FOUND) return df_fail(err, DF_FAILED, "the query of a precondition gives no row");
    if (code != DF_OK) return df_error_prefix(err, "the query of a precondition");
    if (value.type != DF_BOOL && value.type != DF_INT64)
        return df_fail(err, DF_FAILED, "the query of a precondition gives no boolean");
    *holds = value.i != 0;
    return DF_OK;
}

static df_code test(df_migrate *m, const df_precondition *p, df_arena *arena, bool *holds, df_error *err)
{
    df_str version, edition;
    df_code code = DF_OK;
    take_apart(df_conn_server(m->conn), &version, &edition);
    if (p->kind == DF_PRECONDITION_QUERY)
        code = ask(m, p, arena, holds, err);
    else if (p->kind == DF_PRECONDITION_EDITION && !edition.len)
        code = df_fail(err, DF_UNSUPPORTED, "%s does not say which edition it is", df_conn_server(m->conn));
    else
        *holds = df_precondition_holds(p, version, edition);
    if (code != DF_OK) df_error_at(err, p->path, p->line);
    return code;
}

/* The first that does not hold; NULL when all do. */
static df_code find_unmet(df_migrate *m, const df_migration *migration, df_arena *arena, const df_precondition **out, df_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < migration->n_preconditions; i++) {
        bool holds = false;
        DF_TRY(test(m, &migration->preconditions[i], arena, &holds, err));
        if (holds) continue;
        /* An assertion outweighs an assumption: what stops is what people must know. */
        if (!*out || !migration->preconditions[i].assume) *out = &migration->preconditions[i];
        if (!migration->preconditions[i].assume) return DF_OK;
    }
    return DF_OK;
}

static df_code refuse(df_migrate *m, const df_migration *migration, const df_precondition *unmet, const char *text, df_error *err)
{
    df_fail(err, DF_REFUSED, "%.*s: \"%s\" does not hold on %s", DF_FMT(migration->id), text, df_conn_server(m->conn));
    df_error_at(err, unmet->path, unmet->line);
    df_error_hint(err, "the file demands it; with `assume` instead of `assert` the migration would be passed over");
    return DF_REFUSED;
}

df_code job_choose(df_migrate *m, df_migration *migration, df_arena *arena, const char **passed_over, df_error *err)
{
    const df_precondition *unmet = NULL, *first = NULL;
    *passed_over = NULL;
    size_t count = migration->n_alternatives > 1 ? migration->n_alternatives : 1;
    for (size_t i = 0; i < count; i++) {
        if (count > 1) df_migration_choose(m->set, migration, i);
        DF_TRY(df_migration_load(m->set, migration, err));
        DF_TRY(find_unmet(m, migration, arena, &unmet, err));
        if (!unmet) return DF_OK;
        if (!first || (first->assume && !unmet->assume)) first = unmet;
    }
    df_buf text = {0};
    df_precondition_text(first, &text);
    const char *said = df_arena_cstr(arena, df_buf_str(&text));
    df_buf_release(&text);
    if (!first->assume) return refuse(m, migration, first, said, err);
    *passed_over = df_arena_printf(arena, "\"%s\" does not hold on %s", said, df_conn_server(m->conn));
    return DF_OK;
}

void job_excuse_late(df_migrate *m, df_plan *plan, df_arena *arena)
{
    for (size_t i = 0; i < plan->count; i++) {
        df_plan_item *item = &plan->items[i];
        const char *passed_over = NULL;
        df_error ignored = {0};
        if (item->verdict != DF_VERDICT_LATE || !item->blocks || !m->conn) continue;
        if (df_migration_load(m->set, item->migration, &ignored) != DF_OK) continue;
        if (!item->migration->n_preconditions && item->migration->n_alternatives <= 1) continue;
        if (job_choose(m, item->migration, arena, &passed_over, &ignored) != DF_OK || !passed_over) continue;
        item->blocks = false;
        item->why = passed_over;
        item->hint = NULL;
        if (plan->n_blocking) plan->n_blocking--;
    }
}

df_code job_note_passed_over(df_migrate *m, const df_migration *migration, const char *why, const char *run_id, df_error *err)
{
    df_buf details = {0};
    df_json_writer w = {.out = &details};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "reason", why);
    df_json_add_text(&w, "run_id", run_id);
    df_json_end(&w, '}');
    df_log(m->config.observer, DF_LOG_WARNING, "%.*s: %s", DF_FMT(migration->id), why);
    df_code code = df_audit_add(m->ledger, DF_AUDIT_MIGRATION_SKIPPED, migration->id, df_buf_str(&details), err);
    df_buf_release(&details);
    return code;
}
