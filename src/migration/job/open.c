/* SPDX-License-Identifier: Apache-2.0 */
/* A handle: one database, one folder; each is opened when it is first needed. */
#include "base/clock.h"
#include "migration/job/job_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

df_code df_migrate_open(const df_migrate_config *config, df_migrate **out, df_error *err)
{
    const char *engine = config->engine;
    if (config->database_url) DF_TRY(df_url_check(config->database_url, &engine, NULL, err));
    const df_sql_dialect *dialect = engine ? df_sql_dialect_of(engine) : NULL; /* NULL: as the files are */
    if (engine && !dialect) return df_fail(err, DF_USAGE, "no engine is called \"%s\"; known are postgres, sqlite, mariadb, neo4j", engine);
    df_migrate *m = df_zalloc(sizeof *m);
    m->config = *config;
    m->dialect = dialect;
    if (!m->config.folder) m->config.folder = "migrations";
    df_placeholder *placeholders = df_arena_zalloc(&m->arena, (config->n_placeholders + 1) * sizeof *placeholders);
    for (size_t i = 0; i < config->n_placeholders; i++)
        placeholders[i] = (df_placeholder){config->placeholders[i].name, config->placeholders[i].value};
    m->placeholders = (df_placeholders){.items = placeholders, .count = config->n_placeholders};
    *out = m;
    return DF_OK;
}

void df_migrate_close(df_migrate *m)
{
    if (!m) return;
    df_ledger_close(m->ledger);
    df_disconnect(m->conn);
    df_migrations_close(m->set);
    for (size_t i = 0; i < REPORT_COUNT; i++) df_arena_release(&m->reports[i]);
    df_arena_release(&m->arena);
    free(m);
}

df_arena *job_report(df_migrate *m, report_kind kind)
{
    df_arena_release(&m->reports[kind]);
    return &m->reports[kind];
}

/* Of the phases of other commands nothing runs: status and validate change nothing. */
static void take_callbacks(df_migrate *m)
{
    static const char *const phases[][2] = {{"beforeFirstUse", "before"}, {"beforeMigrate", "before"}, {"afterMigrate", "after"}};
    const df_migration_set *set = m->set;
    m->callbacks = df_arena_zalloc(&m->arena, (set->n_callbacks + 1) * sizeof *m->callbacks);
    for (size_t p = 0; p < sizeof phases / sizeof *phases; p++)
        for (size_t i = 0; i < set->n_callbacks; i++) {
            if (strcmp(set->callbacks[i].phase, phases[p][0]) != 0) continue;
            const char *path = df_arena_printf(&m->arena, "%s/%.*s", set->folder, DF_FMT(set->callbacks[i].path));
            m->callbacks[m->n_callbacks++] = (df_migrate_hook){phases[p][1], path};
        }
}

df_code job_files(df_migrate *m, df_error *err)
{
    if (m->set) return DF_OK;
    df_files_options options = {.folder = m->config.folder, .dialect = m->dialect, .observer = m->config.observer,
                                .environment = m->config.environment};
    if (m->config.layout && !df_layout_from_name(m->config.layout, &options.layout))
        return df_fail(err, DF_USAGE, "no layout is called \"%s\"", m->config.layout);
    if (!m->config.engine && !m->config.database_url) options.dialect = NULL; /* as the files have it */
    DF_TRY(df_migrations_open(&options, &m->set, err));
    m->dialect = m->set->dialect;
    take_callbacks(m);
    return DF_OK;
}

const char *job_environment(const df_migrate *m)
{
    return m->config.environment ? m->config.environment : "development";
}

static df_code open_ledger(df_migrate *m, df_error *err)
{
    df_ledger_options options = {.url = m->config.database_url, .environment = job_environment(m), .actor = m->config.actor,
                                 .program = m->config.program ? m->config.program : "libdataflow " DF_VERSION,
                                 .observer = m->config.observer};
    return df_ledger_open(m->conn, &options, &m->ledger, err);
}

static void disconnect(df_migrate *m)
{
    df_ledger_close(m->ledger);
    df_disconnect(m->conn);
    m->ledger = NULL;
    m->conn = NULL;
    m->imaginary = false;
}

/* Only where a restore is not one transaction can it leave a half; what such a database says of itself is not true. */
static df_code refuse_half_restored(df_migrate *m, df_error *err)
{
    if (m->half_restored_too || df_conn_caps(m->conn) & DF_CAP_TRANSACTIONAL_DDL) return DF_OK;
    df_backup_place place = job_backups(m);
    return df_backup_recover(&place, err);
}

/* With what the URL says of the session (foreign_keys), so that a rehearsal is judged as the run will be. */
static df_code connect_to_nothing(df_migrate *m, df_error *err)
{
    df_buf url = {0};
    const char *query = strchr(m->config.database_url, '?');
    df_buf_printf(&url, "sqlite::memory:%s", query ? query : "");
    df_code code = df_connect(df_buf_cstr(&url), &m->open_options, &m->conn, err);
    df_buf_release(&url);
    return code;
}

df_code job_connect(df_migrate *m, bool write, df_error *err)
{
    if (!m->config.database_url) {
        df_fail(err, DF_USAGE, "no database is named");
        df_error_hint(err, "give its URL with --database-url, in DATABASE_URL or in dataflow.ini");
        return DF_USAGE;
    }
    if (m->conn && ((m->imaginary && write) || df_conn_lost(m->conn))) disconnect(m);
    if (m->conn) return DF_OK;
    m->open_options = (df_open_options){.create = write, .guest = true, .application = "dataflow"};
    df_code code = df_connect(m->config.database_url, &m->open_options, &m->conn, err);
    /* A database file that is not there yet is an empty one, until somebody writes. */
    if (code == DF_NOT_FOUND && !write && !(df_url_caps(m->config.database_url) & DF_CAP_SERVER)) {
        m->imaginary = true;
        code = connect_to_nothing(m, err);
    }
    if (code == DF_OK) code = open_ledger(m, err);
    if (code == DF_OK && !write) code = refuse_half_restored(m, err);
    if (code != DF_OK) disconnect(m);
    return code;
}

df_backup_place job_backups(df_migrate *m)
{
    const df_migrate_config *c = &m->config;
    return (df_backup_place){.conn = m->conn, .ledger = m->ledger, .url = c->database_url,
                             .folder = c->backup_folder ? c->backup_folder : "backups", .key = c->encryption_key,
                             .observer = c->observer};
}

df_code job_ledger(df_migrate *m, bool *created, df_error *err)
{
    DF_TRY(job_connect(m, true, err));
    if (!m->half_restored_too) {
        df_backup_place place = job_backups(m);
        DF_TRY(df_backup_recover(&place, err));
    }
    if (created) *created = !df_ledger_exists(m->ledger);
    return df_ledger_create(m->ledger, err);
}

df_code df_migrate_init(df_migrate *m, bool *created, df_error *err)
{
    return job_ledger(m, created, err);
}

df_lease_options job_lease(const df_migrate *m, const char *purpose)
{
    return (df_lease_options){.wait_ms = m->config.wait_ms, .ttl_ms = m->config.lease_ms, .purpose = purpose};
}

static int64_t or_default(int64_t value, int64_t standard)
{
    return value == 0 ? standard : value < 0 ? 0 : value;
}

void job_executor(df_migrate *m, df_executor *x, df_arena *arena)
{
    enum { LOCK_MS = 2000, RETRIES = 20 };
    uint32_t chance = 0;
    char now[40];
    const df_migrate_config *c = &m->config;
    *x = (df_executor){.conn = m->conn, .ledger = m->ledger, .set = m->set, .url = c->database_url,
                       .open_options = &m->open_options, .placeholders = m->placeholders,
                       .lock_timeout_ms = or_default(c->lock_timeout_ms, LOCK_MS),
                       .lock_retries = or_default(c->lock_retries, RETRIES),
                       .statement_timeout_ms = c->statement_timeout_ms, .index_timeout_ms = c->index_timeout_ms,
                       .observer = c->observer, .event = c->event, .event_context = c->event_context,
                       .no_statement_events = c->no_statement_events, .arena = arena};
    if (getrandom(&chance, sizeof chance, 0) != (ssize_t)sizeof chance) chance = (uint32_t)df_now_ms();
    df_time_format(df_now_ms(), now);
    snprintf(x->run_id, sizeof x->run_id, "%.4s%.2s%.2sT%.2s%.2s%.2sZ-%08x", now, now + 5, now + 8, now + 11, now + 14, now + 17,
             chance);
}

void job_executor_done(df_migrate *m, df_executor *x)
{
    m->conn = x->conn;
    df_watch_close(x->watch);
    x->watch = NULL;
}

/* ---- findings ---- */

void job_add(job_findings *list, df_migrate_finding finding)
{
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 16;
        df_migrate_finding *items = df_arena_alloc(list->arena, cap * sizeof *items);
        if (list->count) memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = finding;
}

void job_add_error(job_findings *list, const char *rule, const char *id, const df_error *err)
{
    df_arena *a = list->arena;
    job_add(list, (df_migrate_finding){.severity = "error", .rule = rule, .id = id,
                                       .file = *err->file ? df_arena_printf(a, "%s", err->file) : NULL,
                                       .line = err->line, .statement = err->statement,
                                       .what = df_arena_printf(a, "%s", err->message),
                                       .hint = *err->hint ? df_arena_printf(a, "%s", err->hint) : NULL});
}
