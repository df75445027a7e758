/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handing back: our history, written into another tool's table as that tool would have written it, so that it
 * finds nothing to do and nothing to complain about.
 */
#include "ledger/foreign.h"

#include "base/clock.h"
#include "base/digest.h"
#include "io/file.h"
#include "ledger_foreign.h"

#include <stdlib.h>
#include <string.h>

enum { LARGEST_FILE = 256 * 1024 * 1024 };

/* ---- matching ---- */

const df_applied *foreign_our_row(const handing *h, const df_migration *m)
{
    for (size_t i = 0; i < h->n_applied; i++) {
        if (df_str_eq(h->applied[i].id, m->id)) return &h->applied[i];
    }
    return NULL;
}

static bool ends_path(df_str longer, df_str shorter)
{
    return shorter.len && longer.len > shorter.len && df_str_ends(longer, shorter) &&
           strchr("/:", longer.ptr[longer.len - shorter.len - 1]);
}

bool df_foreign_same_changeset(df_str a, df_str b)
{
    return df_str_eq(a, b) || ends_path(a, b) || ends_path(b, a);
}

bool foreign_is_description(df_str description, df_str name)
{
    if (description.len != name.len) return false;
    for (size_t i = 0; i < name.len; i++) {
        if (description.ptr[i] != (name.ptr[i] == '_' ? ' ' : name.ptr[i])) return false;
    }
    return true;
}

static bool is_theirs(const handing *h, const df_foreign_row *row, const df_migration *m)
{
    if (h->foreign->layout == DF_LAYOUT_LIQUIBASE) return df_foreign_same_changeset(row->name, m->id);
    if (h->foreign->by_time) return df_str_eq(row->name, m->id);
    if (h->foreign->layout == DF_LAYOUT_NODE_PG || h->foreign->layout == DF_LAYOUT_SQL_MIGRATE || h->foreign->layout == DF_LAYOUT_RAMBLER)
        return df_str_eq(row->name, foreign_file_stem(m->file));
    if (h->foreign->layout == DF_LAYOUT_PRISMA) return df_str_eq(row->name, m->id);
    if (row->version.len && m->version.len) return df_version_compare(row->version, m->version) == 0;
    if (row->version.len || (m->version.len && m->kind != DF_REPEATABLE)) return false;
    return foreign_is_description(row->name, m->name);
}

static bool they_have(const handing *h, const df_migration *m)
{
    for (size_t i = 0; i < h->foreign->count; i++) {
        if (h->foreign->rows[i].success && is_theirs(h, &h->foreign->rows[i], m)) return true;
    }
    const df_foreign *f = h->foreign;
    return f->baseline.len && m->version.len && df_version_compare(m->version, f->baseline) <= 0;
}

/* ---- one row ---- */

df_code foreign_run(handing *h, const char *sql, const df_value *values, size_t count, df_error *err)
{
    int64_t affected = 0;
    DF_TRY(df_exec(h->ledger->conn, foreign_text(h->ledger, sql, h->foreign->table, &h->arena), values, count,
                   &affected, err));
    h->written += affected > 0;
    return DF_OK;
}

static df_code numeric(const df_migration *m, df_value *out, df_error *err)
{
    int64_t number;
    df_arena arena = {0};
    bool fine = df_str_int64(foreign_digits(m->version, &arena), &number);
    df_arena_release(&arena);
    if (!fine)
        return df_fail(err, DF_UNSUPPORTED, "version %.*s is no number, and that tool keeps numbers",
                       DF_FMT(m->version));
    *out = df_v_int(number);
    return DF_OK;
}

df_code foreign_read_up(handing *h, df_migration *m, df_buf *out, df_error *err)
{
    DF_TRY(df_migration_load(h->set, m, err));
    if (!m->up.path) return df_fail(err, DF_UNSUPPORTED, "%.*s has no file that applies it", DF_FMT(m->id));
    return df_file_read_all(m->up.path, LARGEST_FILE, out, err);
}

static df_code put_flyway(handing *h, df_migration *m, const df_applied *row, df_error *err)
{
    df_buf file = {0};
    df_code code = foreign_read_up(h, m, &file, err);
    int32_t sum = foreign_crc_of_lines(df_buf_str(&file));
    df_buf_release(&file);
    if (code != DF_OK) return code;
    df_value values[] = {df_v_str(m->version),
                         df_v_str(foreign_description(m->name, &h->arena)),
                         df_v_str(m->file),
                         df_v_int(sum),
                         df_v_text(*h->ledger->session.user ? h->ledger->session.user : h->ledger->actor),
                         df_v_int(row->applied_ms),
                         df_v_int(row->duration_ms < 0 ? 0 : row->duration_ms),
                         df_v_bool(true)};
    return foreign_run(h, SQL_put_flyway, values, 8, err);
}

static df_code put_sqlx(handing *h, df_migration *m, const df_applied *row, df_error *err)
{
    unsigned char digest[DF_SHA384_BYTES];
    df_buf file = {0};
    df_value version;
    df_code code = numeric(m, &version, err);
    if (code == DF_OK) code = foreign_read_up(h, m, &file, err);
    if (code == DF_OK) code = df_sha384(file.ptr ? file.ptr : "", file.len, digest, err);
    df_buf_release(&file);
    if (code != DF_OK) return code;
    df_value values[] = {version,
                         df_v_str(foreign_description(m->name, &h->arena)),
                         df_v_int(row->applied_ms),
                         df_v_bool(true),
                         {.type = DF_BLOB, .s = {(const char *)digest, sizeof digest}},
                         df_v_int((row->duration_ms < 0 ? 0 : row->duration_ms) * 1000000)};
    return foreign_run(h, SQL_put_sqlx, values, 6, err);
}

static df_code put_prisma(handing *h, df_migration *m, const df_applied *row, df_error *err)
{
    char hex[DF_SHA256_HEX + 1], id[37];
    df_buf file = {0};
    df_code code = foreign_read_up(h, m, &file, err);
    if (code == DF_OK) code = df_sha256_hex(file.ptr ? file.ptr : "", file.len, hex, err);
    df_buf_release(&file);
    if (code != DF_OK) return code;
    ledger_uuid(id);
    int64_t took = row->duration_ms < 0 ? 0 : row->duration_ms;
    df_value values[] = {df_v_text(id), df_v_text(hex), df_v_int(row->applied_ms), df_v_str(m->id),
                         df_v_int(row->applied_ms - took)};
    return foreign_run(h, SQL_put_prisma, values, 5, err);
}

static df_code put_drizzle(handing *h, df_migration *m, df_error *err)
{
    char hex[DF_SHA256_HEX + 1];
    df_buf file = {0};
    int64_t made;
    df_code code = foreign_time_of(h, m, &made, err);
    if (code == DF_OK) code = foreign_read_up(h, m, &file, err);
    if (code == DF_OK) code = df_sha256_hex(file.ptr ? file.ptr : "", file.len, hex, err);
    df_buf_release(&file);
    if (code != DF_OK) return code;
    return foreign_run(h, SQL_put_drizzle, (df_value[]){df_v_text(hex), df_v_int(made)}, 2, err);
}

/* What Liquibase calls a changeset: its id, its author, and its file as the rows that are there write its folder. */
static void name_changeset(handing *h, const df_migration *m, df_value out[3])
{
    df_str folder = {"", 0}, path = df_str_skip(m->id, 0);
    for (size_t i = 0; i < h->foreign->count && !folder.len; i++) {
        df_str theirs = h->foreign->rows[i].name;
        for (size_t k = 0; k < h->set->count && !folder.len; k++)
            if (ends_path(theirs, h->set->items[k].id))
                folder = (df_str){theirs.ptr, theirs.len - h->set->items[k].id.len};
    }
    path.len -= m->name.len + 2;
    out[0] = df_v_str(m->version);
    out[1] = df_v_str((df_str){m->name.ptr, m->name.len - m->version.len - 1});
    out[2] = df_v_text(df_arena_printf(&h->arena, "%.*s%.*s", DF_FMT(folder), DF_FMT(path)));
}

static df_code put(handing *h, df_migration *m, const df_applied *row, df_error *err)
{
    df_value at = df_v_int(row->applied_ms), number;
    switch (h->foreign->layout) {
    case DF_LAYOUT_DBMATE:
    case DF_LAYOUT_KRATOS:
        return foreign_run(h, SQL_put_version, &(df_value){.type = DF_TEXT, .s = m->version}, 1, err);
    case DF_LAYOUT_GOOSE:
        DF_TRY(numeric(m, &number, err));
        return foreign_run(h, SQL_put_goose, (df_value[]){number, df_v_bool(true), at}, 3, err);
    case DF_LAYOUT_DIESEL:
        return foreign_run(h, SQL_put_diesel,
                           (df_value[]){df_v_str(foreign_digits(m->version, &h->arena)), at}, 2, err);
    case DF_LAYOUT_NODE_PG:
        return foreign_run(h, SQL_put_node_pg, (df_value[]){df_v_str(foreign_file_stem(m->file)), at}, 2,
                           err);
    case DF_LAYOUT_SQL_MIGRATE:
        return foreign_run(h, SQL_put_sql_migrate, (df_value[]){df_v_str(foreign_file_name(m->file)), at}, 2, err);
    case DF_LAYOUT_RAMBLER:
        return foreign_run(h, SQL_put_rambler, &(df_value){.type = DF_TEXT, .s = foreign_file_name(m->file)}, 1, err);
    case DF_LAYOUT_SHMIG:
        DF_TRY(numeric(m, &number, err));
        return foreign_run(h, SQL_put_shmig, (df_value[]){number, at}, 2, err);
    case DF_LAYOUT_FLYWAY: return put_flyway(h, m, row, err);
    case DF_LAYOUT_SQLX: return put_sqlx(h, m, row, err);
    case DF_LAYOUT_PRISMA: return put_prisma(h, m, row, err);
    case DF_LAYOUT_NATIVE: return put_drizzle(h, m, err);
    case DF_LAYOUT_LIQUIBASE: {
        df_value values[4] = {[3] = at};
        name_changeset(h, m, values);
        return foreign_run(h, SQL_put_liquibase, values, 4, err);
    }
    default: return DF_OK;
    }
}

/* Rolled back by us; that tool must not count it as applied any more. */
static df_code take(handing *h, const df_migration *m, const df_applied *row, df_error *err)
{
    df_value version = df_v_str(m->version), number;
    switch (h->foreign->layout) {
    case DF_LAYOUT_DIESEL: version = df_v_str(foreign_digits(m->version, &h->arena)); /* fall through */
    case DF_LAYOUT_DBMATE:
    case DF_LAYOUT_KRATOS:
    case DF_LAYOUT_FLYWAY: return foreign_run(h, SQL_take_version, &version, 1, err);
    case DF_LAYOUT_GOOSE:
        DF_TRY(numeric(m, &number, err));
        return foreign_run(h, SQL_take_goose, &number, 1, err);
    case DF_LAYOUT_SQL_MIGRATE:
    case DF_LAYOUT_RAMBLER: {
        bool gorp = h->foreign->layout == DF_LAYOUT_SQL_MIGRATE;
        df_value file = df_v_str(foreign_file_name(m->file));
        return foreign_run(h, gorp ? SQL_take_sql_migrate : SQL_take_rambler, &file, 1, err);
    }
    case DF_LAYOUT_SHMIG:
    case DF_LAYOUT_SQLX:
        DF_TRY(numeric(m, &number, err));
        return foreign_run(h, SQL_take_version, &number, 1, err);
    case DF_LAYOUT_NODE_PG:
        return foreign_run(h, SQL_take_node_pg, &(df_value){.type = DF_TEXT, .s = foreign_file_stem(m->file)},
                           1, err);
    case DF_LAYOUT_PRISMA:
        return foreign_run(h, SQL_take_prisma, (df_value[]){df_v_int(row->rolled_back_ms), df_v_str(m->id)},
                           2, err);
    case DF_LAYOUT_NATIVE:
        DF_TRY(foreign_time_of(h, m, &number.i, err));
        number = df_v_int(number.i);
        return foreign_run(h, SQL_take_drizzle, &number, 1, err);
    case DF_LAYOUT_LIQUIBASE: {
        df_value values[3];
        name_changeset(h, m, values);
        return foreign_run(h, SQL_take_liquibase, values, 3, err);
    }
    default: return DF_OK;
    }
}

static df_code write_each(handing *h, df_error *err)
{
    for (size_t i = 0; i < h->set->count; i++) {
        df_migration *m = &h->set->items[i];
        const df_applied *row = foreign_our_row(h, m);
        if (!row || m->kind == DF_BASELINE) continue;
        bool theirs = they_have(h, m);
        df_code code = DF_OK;
        if (row->status == DF_APPLIED_COMPLETED && !theirs) code = put(h, m, row, err);
        if (row->status == DF_APPLIED_ROLLED_BACK && theirs) code = take(h, m, row, err);
        if (code != DF_OK) return df_error_prefix(err, "%.*s", DF_FMT(m->id));
    }
    return DF_OK;
}

/* ---- tools that know one version ---- */

/* The newest applied one, before which nothing may be missing. */
static df_code find_newest(const handing *h, const df_migration **out, df_error *err)
{
    const df_migration *gap = NULL;
    *out = NULL;
    for (size_t i = 0; i < h->set->count; i++) {
        const df_migration *m = &h->set->items[i];
        const df_applied *row = foreign_our_row(h, m);
        bool applied = row && row->status == DF_APPLIED_COMPLETED;
        if (m->kind != DF_VERSIONED) continue;
        if (!applied && !gap) gap = m;
        if (!applied) continue;
        if (gap) {
            df_fail(err, DF_REFUSED,
                    "%.*s is applied, and %.*s before it is not: that tool knows the newest version alone",
                    DF_FMT(m->id), DF_FMT(gap->id));
            df_error_hint(err, "apply %.*s first", DF_FMT(gap->id));
            return DF_REFUSED;
        }
        *out = m;
    }
    return DF_OK;
}

/* golang-migrate and tern. */
static df_code write_newest(handing *h, df_error *err)
{
    const df_migration *newest;
    df_value number = DF_V_NULL;
    DF_TRY(find_newest(h, &newest, err));
    bool there = h->foreign->count > 0;
    if (newest) {
        DF_TRY(numeric(newest, &number, err));
        if (there && is_theirs(h, &h->foreign->rows[0], newest) && !h->foreign->dirty) return DF_OK;
    } else if (!there) {
        return DF_OK;
    }
    DF_TRY(foreign_run(h, h->tool->clear, NULL, 0, err));
    h->written = 0;
    if (!newest) return DF_OK;
    bool dirty_too = h->tool->layout == DF_LAYOUT_PAIRS;
    return foreign_run(h, h->tool->put, (df_value[]){number, df_v_bool(false)}, dirty_too ? 2 : 1, err);
}

static df_code write_authelia(handing *h, df_error *err)
{
    const df_migration *newest;
    int64_t now = 0, wanted = 0;
    df_value number;
    DF_TRY(find_newest(h, &newest, err));
    if (h->foreign->count && !df_str_int64(h->foreign->rows[0].version, &now))
        return df_fail(err, DF_CORRUPT, "%s holds a version that is no number", h->foreign->table);
    if (newest) {
        DF_TRY(numeric(newest, &number, err));
        wanted = number.i;
    }
    for (size_t i = 0; i < h->set->count && now < wanted; i++) {
        const df_migration *m = &h->set->items[i];
        const df_applied *row = foreign_our_row(h, m);
        if (m->kind != DF_VERSIONED || !row) continue;
        DF_TRY(numeric(m, &number, err));
        if (number.i <= now) continue;
        df_value values[] = {df_v_int(row->applied_ms), df_v_int(now), number, df_v_text("dataflow")};
        DF_TRY(foreign_run(h, SQL_put_authelia, values, 4, err));
        now = number.i;
    }
    if (now <= wanted) return DF_OK;
    df_value values[] = {df_v_int(df_now_ms()), df_v_int(now), df_v_int(wanted), df_v_text("dataflow")};
    return foreign_run(h, SQL_put_authelia, values, 4, err);
}

/* ---- all of it ---- */

/* Those whose records nobody else can make, and what to do instead. */
static df_code check_tool(const df_foreign *foreign, bool graph, df_error *err)
{
    const struct {
        df_layout layout;
        const char *hint;
    } own[] = {
        {DF_LAYOUT_SQITCH, "let it write them itself: sqitch deploy --log-only"},
        {DF_LAYOUT_TEMPORAL, "update its schema_version with temporal-sql-tool"},
        {DF_LAYOUT_LIQUIBASE, "let it write them itself: liquibase changelog-sync"},
        {DF_LAYOUT_MYBATIS, "insert ID, APPLIED_AT and DESCRIPTION of each file into its table by hand"},
        {DF_LAYOUT_EVOLUTIONS, "its rows hold hashes that only Play makes: let it apply them to an empty database, and copy its table"},
        {DF_LAYOUT_NATIVE, graph ? "it keeps paths as they are on its machine, which nobody else knows; its nodes for migrations that "
                                   "were adopted keep what they said in formerFilename and formerChecksum"
                                 : "let it write them itself: atlas migrate set VERSION, supabase migration repair --status applied VERSION"},
    };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (own[i].layout != foreign->layout || foreign->by_time || (own[i].layout == DF_LAYOUT_LIQUIBASE && !graph)) continue;
        df_fail(err, DF_UNSUPPORTED, "the records of %s cannot be made by another program",
                foreign->tool);
        df_error_hint(err, "%s", own[i].hint);
        return DF_UNSUPPORTED;
    }
    return DF_OK;
}

static df_code record(handing *h, df_error *err)
{
    df_buf text = {0};
    df_json_writer w = {.out = &text};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "what", "handed back");
    df_json_add_text(&w, "tool", h->foreign->tool);
    df_json_add_text(&w, "table", h->foreign->table);
    df_json_add_int(&w, "rows", (int64_t)h->written);
    df_json_end(&w, '}');
    df_code code = df_audit_add(h->ledger, DF_AUDIT_ADOPTED, DF_STR_NONE, df_buf_str(&text), err);
    df_buf_release(&text);
    return code;
}

df_code df_foreign_write(df_ledger *ledger, df_migration_set *set, const df_foreign *foreign, size_t *written,
                         df_error *err)
{
    handing h = {.ledger = ledger, .set = set, .foreign = foreign, .tool = ledger->dialect->tools};
    while (h.tool->table && (h.tool->layout != foreign->layout || h.tool->by_time != foreign->by_time)) h.tool++;
    *written = 0;
    DF_TRY(check_tool(foreign, ledger->dialect->graph, err));
    DF_TRY(ledger_need(ledger, err));
    DF_TRY(ledger_session(ledger, err));
    df_code code = df_ledger_applied(ledger, &h.arena, &h.applied, &h.n_applied, err);
    if (code == DF_OK && foreign->by_time) code = foreign_read_journal(set, &h.journal, &h.arena, err);
    if (code == DF_OK)
        code = df_lease_held(ledger) ? df_ledger_begin(ledger, err) : df_begin(ledger->conn, err);
    if (code == DF_OK) {
        code = h.tool->clear                                   ? write_newest(&h, err)
               : foreign->layout == DF_LAYOUT_AUTHELIA         ? write_authelia(&h, err)
               : foreign->layout == DF_LAYOUT_NEO4J_MIGRATIONS ? foreign_write_chain(&h, err)
                                                               : write_each(&h, err);
        if (code == DF_OK) code = record(&h, err);
        if (code == DF_OK) code = df_commit(ledger->conn, err);
        if (code != DF_OK) df_rollback(ledger->conn);
    }
    if (code == DF_OK) *written = h.written;
    free(h.journal.items);
    df_arena_release(&h.arena);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "writing %s", foreign->table);
}
