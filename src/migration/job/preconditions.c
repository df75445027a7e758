/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a migration says must hold before it runs: of the server's version and edition, and of what a query answers. What is
 * asserted and does not hold stops the run; what is assumed and does not hold passes the migration over, and that is told.
 */
#include "migration/job/job_int.h"
#include "sql/modern.h"

#include <stdlib.h>
#include <string.h>

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

/* What differs, in words; empty when nothing does. */
static df_code ask_difference(df_migrate *m, const df_precondition *p, df_arena *arena, df_str *why, df_error *err)
{
    df_value value = DF_V_NULL;
    char *query = df_strdup(p->value);
    df_code code = df_query_value(m->conn, query, NULL, 0, arena, &value, err);
    free(query);
    if (code != DF_OK) return df_error_prefix(err, "%s", p->said);
    *why = value.type == DF_TEXT ? value.s : DF_STR_NONE;
    return DF_OK;
}

static df_code test(df_migrate *m, const df_precondition *p, df_arena *arena, bool *holds, df_str *why, df_error *err)
{
    df_str version, edition;
    df_code code = DF_OK;
    take_apart(df_conn_server(m->conn), &version, &edition);
    if (p->kind == DF_PRECONDITION_QUERY)
        code = ask(m, p, arena, holds, err);
    else if (p->kind == DF_PRECONDITION_DIFFERENCE)
        *holds = (code = ask_difference(m, p, arena, why, err)) == DF_OK && !why->len;
    else if (p->kind == DF_PRECONDITION_EDITION && !edition.len)
        code = df_fail(err, DF_UNSUPPORTED, "%s does not say which edition it is", df_conn_server(m->conn));
    else
        *holds = df_precondition_holds(p, version, edition);
    if (code != DF_OK) df_error_at(err, p->path, p->line);
    return code;
}

typedef struct unmet {
    const df_precondition *what; /* NULL: all hold */
    df_str why;                  /* absent: it is just not so */
} unmet;

/*
 * The first that does not hold. Of a migration that is begun already those that ask for what is in the database are not
 * asked again: they held, and the migration may have changed it itself. (Among alternatives they tell which one is meant.)
 */
static df_code find_unmet(df_migrate *m, const df_migration *migration, bool begun, df_arena *arena, unmet *out, df_error *err)
{
    *out = (unmet){0};
    for (size_t i = 0; i < migration->n_preconditions; i++) {
        const df_precondition *p = &migration->preconditions[i];
        bool holds = false, of_server = p->kind == DF_PRECONDITION_VERSION || p->kind == DF_PRECONDITION_EDITION;
        df_str why = DF_STR_NONE;
        if (begun && !of_server && migration->n_alternatives <= 1) continue;
        if (out->what && p->said) continue; /* passed over: what it would need is no matter */
        DF_TRY(test(m, p, arena, &holds, &why, err));
        if (holds) continue;
        /* An assertion outweighs an assumption: what stops is what people must know. */
        if (!out->what || !p->assume) *out = (unmet){p, why};
        if (!p->assume) return DF_OK;
    }
    return DF_OK;
}

static df_code refuse(df_migrate *m, const df_migration *migration, const unmet *u, const char *text, df_error *err)
{
    df_fail(err, DF_REFUSED, "%.*s: %s%s%s does not hold on %s%s%.*s", DF_FMT(migration->id), u->what->said ? "" : "\"", text,
            u->what->said ? "" : "\"", df_conn_server(m->conn), u->why.len ? ": " : "", DF_FMT(u->why));
    df_error_at(err, u->what->path, u->what->line);
    const char *hint = u->what->hint;
    df_error_hint(err, "%s", hint ? hint : "the file demands it; with `assume` instead of `assert` the migration would be passed over");
    return DF_REFUSED;
}

/* ---- what is dropped first ---- */

typedef struct clearing {
    df_str *items;
    size_t count, cap;
    df_arena *arena;
} clearing;

static void add_cleared(clearing *c, df_str statement)
{
    for (size_t i = 0; i < c->count; i++)
        if (df_str_eq(c->items[i], statement)) return;
    DF_PUSH(c->items, c->count, c->cap) = df_arena_str(c->arena, statement);
}

static df_code take_statement(void *context, const df_row *row, df_error *err)
{
    (void)err;
    if (row->count && row->values[0].type == DF_TEXT) add_cleared(context, row->values[0].s);
    return DF_OK;
}

/* What an earlier attempt has dropped, or was about to; *on: it came to what follows. */
static df_code take_journal(df_migrate *m, const df_migration *migration, clearing *c, bool *on, df_error *err)
{
    df_journal_row *rows;
    size_t count;
    DF_TRY(df_ledger_journal(m->ledger, migration->id, DF_UP, c->arena, &rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        bool drops = df_str_starts(rows[i].tag, DF_STR("DROP"));
        bool touched = rows[i].status != DF_STEP_FAILED && rows[i].status != DF_STEP_UNDONE;
        if (drops) add_cleared(c, rows[i].text);
        *on |= !drops && touched;
    }
    return DF_OK;
}

/* A migration that is begun keeps its list: its statements are known by their numbers. */
static df_code clear_first(df_migrate *m, df_migration *migration, bool begun, df_arena *arena, df_error *err)
{
    clearing c = {.arena = arena};
    bool on = false;
    df_code code = begun ? take_journal(m, migration, &c, &on, err) : DF_OK;
    for (size_t i = 0; migration->up.clearing[i] && code == DF_OK && !on; i++)
        code = df_query(m->conn, migration->up.clearing[i], NULL, 0, take_statement, &c, err);
    df_str *all = df_arena_alloc(arena, (c.count + 1) * sizeof *all);
    if (c.count) memcpy(all, c.items, c.count * sizeof *all);
    migration->up.cleared = all;
    migration->up.n_cleared = c.count;
    free(c.items);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "asking for what is to be dropped first");
}

df_code job_choose(df_migrate *m, df_migration *migration, bool begun, df_arena *arena, const char **passed_over, df_error *err)
{
    unmet now, first = {0};
    *passed_over = NULL;
    size_t count = migration->n_alternatives > 1 ? migration->n_alternatives : 1;
    for (size_t i = 0; i < count; i++) {
        if (count > 1) df_migration_choose(m->set, migration, i);
        DF_TRY(df_migration_load(m->set, migration, err));
        DF_TRY(find_unmet(m, migration, begun, arena, &now, err));
        if (!now.what) return migration->up.clearing ? clear_first(m, migration, begun, arena, err) : DF_OK;
        if (!first.what || (first.what->assume && !now.what->assume)) first = now;
    }
    df_buf text = {0};
    df_precondition_text(first.what, &text);
    const char *said = df_arena_cstr(arena, df_buf_str(&text));
    df_buf_release(&text);
    if (!first.what->assume) return refuse(m, migration, &first, said, err);
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
        if (job_choose(m, item->migration, false, arena, &passed_over, &ignored) != DF_OK || !passed_over) continue;
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
