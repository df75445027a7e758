/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and reading the histories of other tools. They are known by their columns: several share a table's
 * name. */
#include "ledger/foreign.h"

#include "base/digest.h"
#include "ledger_foreign.h"

#include <stdlib.h>

const foreign_tool foreign_tools[] = {
    {DF_LAYOUT_PAIRS, "schema_migrations", "version dirty", "", .read = SQL_read_golang, .only_newest = true, .clear = SQL_clear, .put = SQL_put_golang},
    {DF_LAYOUT_DBMATE, "schema_migrations", "version", "*", .read = SQL_read_dbmate},
    {DF_LAYOUT_GOOSE, "goose_db_version", "id version_id is_applied tstamp", "", .read = SQL_read_goose},
    {DF_LAYOUT_FLYWAY, "flyway_schema_history",
     "installed_rank version description type script checksum installed_by installed_on execution_time "
     "success",
     "", .read = SQL_read_flyway},
    {DF_LAYOUT_FLYWAY, "schema_version",
     "installed_rank version description type script checksum installed_by installed_on execution_time "
     "success",
     "", .read = SQL_read_flyway},
    {DF_LAYOUT_DIESEL, "__diesel_schema_migrations", "version run_on", "", .read = SQL_read_diesel},
    {DF_LAYOUT_SQLX, "_sqlx_migrations", "version description installed_on success checksum execution_time",
     "", .read = SQL_read_sqlx},
    {DF_LAYOUT_PRISMA, "_prisma_migrations",
     "id checksum finished_at migration_name rolled_back_at started_at applied_steps_count", "",
     .read = SQL_read_prisma},
    {DF_LAYOUT_NODE_PG, "pgmigrations", "id name run_on", "", .read = SQL_read_node_pg},
    {DF_LAYOUT_SQITCH, "changes", "change_id change project committed_at", "", .read = SQL_read_sqitch},
    {DF_LAYOUT_AUTHELIA, "migrations", "id applied version_before version_after application_version", "",
     .read = SQL_read_authelia, .only_newest = true},
    {DF_LAYOUT_KRATOS, "schema_migration", "version", "dirty", .read = SQL_read_kratos},
    {DF_LAYOUT_TEMPORAL, "schema_version", "curr_version min_compatible_version creation_time", "",
     .read = SQL_read_temporal, .only_newest = true},
    {DF_LAYOUT_SQL_MIGRATE, "gorp_migrations", "id applied_at", "", .read = SQL_read_sql_migrate},
    {DF_LAYOUT_RAMBLER, "migrations", "migration", "*", .read = SQL_read_rambler},
    {DF_LAYOUT_TERN, "schema_version", "version", "*", .read = SQL_read_tern, .only_newest = true, .clear = SQL_clear, .put = SQL_put_version},
    {DF_LAYOUT_MYBATIS, "changelog", "id applied_at description", "", .read = SQL_read_mybatis},
    {DF_LAYOUT_MYBATIS, "CHANGELOG", "ID APPLIED_AT DESCRIPTION", "", .read = SQL_read_mybatis},
    {DF_LAYOUT_EVOLUTIONS, "play_evolutions", "id hash applied_at apply_script revert_script state", "", .read = SQL_read_evolutions},
    {DF_LAYOUT_SHMIG, "shmig_version", "version migrated_at", "", .read = SQL_read_shmig},
    {DF_LAYOUT_LIQUIBASE, "databasechangelog", "id author filename dateexecuted orderexecuted exectype md5sum", "", .read = SQL_read_liquibase},
    {DF_LAYOUT_LIQUIBASE, "DATABASECHANGELOG", "ID AUTHOR FILENAME DATEEXECUTED ORDEREXECUTED EXECTYPE MD5SUM", "", .read = SQL_read_liquibase},
    /* Three whose files are like our own: Atlas, Supabase, Drizzle. */
    {DF_LAYOUT_NATIVE, "atlas_schema_revisions", "version description type applied total executed_at hash", "",
     .read = SQL_read_atlas, .name = "atlas"},
    {DF_LAYOUT_NATIVE, "schema_migrations", "version statements name", "", .read = SQL_read_supabase, .name = "supabase"},
    {DF_LAYOUT_NATIVE, "__drizzle_migrations", "id hash created_at", "", .read = SQL_read_drizzle, .name = "drizzle", .by_time = true},
    {0},
};

/* ---- tables ---- */

typedef struct table {
    df_str schema, name;
    df_buf columns; /* " version dirty " */
    size_t n_columns;
} table;

typedef struct table_list {
    df_arena *arena;
    table *items;
    size_t count, cap;
} table_list;

static df_code take_column(void *context, const df_row *row, df_error *err)
{
    (void)err;
    table_list *list = context;
    const df_value *v = row->values;
    table *last = list->count ? &list->items[list->count - 1] : NULL;
    if (!last || !df_str_eq(last->schema, v[0].s) || !df_str_eq(last->name, v[1].s)) {
        DF_PUSH(list->items, list->count, list->cap) =
            (table){ledger_text_of(&v[0], list->arena), ledger_text_of(&v[1], list->arena), {0}, 0};
        last = &list->items[list->count - 1];
        df_buf_char(&last->columns, ' ');
    }
    df_buf_str_add(&last->columns, v[2].s);
    df_buf_char(&last->columns, ' ');
    last->n_columns++;
    return DF_OK;
}

/* How many of the words are columns; *words: how many there are. */
static size_t count_columns(const table *t, const char *text, size_t *words)
{
    size_t found = 0;
    *words = 0;
    for (df_str rest = df_str_from(text); rest.len;) {
        const char *blank = memchr(rest.ptr, ' ', rest.len);
        df_str word = {rest.ptr, blank ? (size_t)(blank - rest.ptr) : rest.len};
        df_buf wanted = {0};
        df_buf_printf(&wanted, " %.*s ", DF_FMT(word));
        found += memmem(t->columns.ptr, t->columns.len, wanted.ptr, wanted.len) != NULL;
        df_buf_release(&wanted);
        (*words)++;
        rest = df_str_skip(rest, word.len + (blank != NULL));
    }
    return found;
}

static bool is_of(const table *t, const foreign_tool *candidate)
{
    size_t words, others;
    if (!df_str_is(t->name, candidate->table)) return false;
    if (count_columns(t, candidate->columns, &words) != words) return false;
    if (strcmp(candidate->not, "*") == 0) return t->n_columns == words;
    return count_columns(t, candidate->not, &others) == 0;
}

/* ---- statements ---- */

const char *foreign_text(df_ledger *ledger, const char *sql, const char *name, df_arena *arena)
{
    const df_sql_dialect *dialect = df_conn_dialect(ledger->conn);
    const char *dot = strchr(name, '.');
    bool sqlite = strcmp(ledger->dialect->engine, "sqlite") == 0;
    df_buf qualified = {0}, replaced = {0}, expanded = {0};
    if (dot) {
        df_sql_put_name(dialect, &qualified, (df_str){name, (size_t)(dot - name)});
        df_buf_char(&qualified, '.');
    } else {
        df_buf_text(&qualified, ledger->prefix);
    }
    df_sql_put_name(dialect, &qualified, df_str_from(dot ? dot + 1 : name));
    for (const char *at = sql; *at;) {
        bool here = strncmp(at, "{f}", 3) == 0, epoch = strncmp(at, "{epoch}", 7) == 0;
        if (here) df_buf_str_add(&replaced, df_buf_str(&qualified));
        if (epoch) df_buf_text(&replaced, sqlite ? "?" : "{at}");
        if (!here && !epoch) df_buf_char(&replaced, *at);
        at += here ? 3 : epoch ? 7 : 1;
    }
    ledger_expand(ledger, df_buf_cstr(&replaced), &expanded);
    const char *text = df_arena_cstr(arena, df_buf_str(&expanded));
    df_buf_release(&qualified);
    df_buf_release(&replaced);
    df_buf_release(&expanded);
    return text;
}

/* ---- rows ---- */

typedef struct row_list {
    df_arena *arena;
    df_foreign *foreign;
    df_foreign_row *items;
    size_t count, cap;
} row_list;

/* Text, number, or bytes in hexadecimal: as people see it. */
static df_str shown(const df_value *value, df_arena *arena)
{
    char *text;
    switch (value->type) {
    case DF_INT64:
    case DF_BOOL: return df_str_from(df_arena_printf(arena, "%lld", (long long)value->i));
    case DF_BLOB:
        text = df_arena_alloc(arena, 2 * value->s.len + 1);
        df_hex((const unsigned char *)value->s.ptr, value->s.len, text);
        return (df_str){text, 2 * value->s.len};
    case DF_TEXT: return df_arena_str(arena, value->s);
    default: return DF_STR_NONE;
    }
}

/* Forgets what an undo or a deletion has taken back: the latest row with this version or description. */
static void take_back(row_list *list, const df_foreign_row *row)
{
    for (size_t i = list->count; i > 0; i--) {
        const df_foreign_row *other = &list->items[i - 1];
        bool same = row->version.ptr ? df_str_eq(other->version, row->version)
                                     : !other->version.ptr && df_str_eq(other->name, row->name);
        if (!same) continue;
        memmove(&list->items[i - 1], &list->items[i], (list->count - i) * sizeof *list->items);
        list->count--;
        return;
    }
}

/* Flyway's log tells what happened; what is wanted is what is applied. */
static void take_flyway(row_list *list, df_str type, const df_foreign_row *row)
{
    bool baseline = df_str_is(type, "BASELINE"), sql_baseline = df_str_is(type, "SQL_BASELINE");
    if (df_str_is(type, "SCHEMA")) return;
    if ((baseline || sql_baseline) && row->success) list->foreign->baseline = row->version;
    if (baseline) return;
    if (df_str_starts(type, DF_STR("UNDO_")) || df_str_is(type, "DELETE")) {
        if (row->success) take_back(list, row);
        return;
    }
    if (!row->version.ptr) take_back(list, row); /* a repeatable one counts as it was run last */
    DF_PUSH(list->items, list->count, list->cap) = *row;
}

static df_code take_row(void *context, const df_row *r, df_error *err)
{
    (void)err;
    row_list *list = context;
    const df_value *v = r->values;
    df_foreign_row row = {
        .version = shown(&v[0], list->arena),
        .name = shown(&v[1], list->arena),
        .checksum = shown(&v[2], list->arena),
        .applied_ms = ledger_int_of(&v[3], 0),
        .success = ledger_int_of(&v[4], 0) != 0,
    };
    switch (list->foreign->layout) {
    case DF_LAYOUT_PAIRS:
        list->foreign->dirty = row.success;
        row.success = !row.success;
        break;
    case DF_LAYOUT_FLYWAY: take_flyway(list, v[5].s, &row); return DF_OK;
    case DF_LAYOUT_LIQUIBASE: /* what a changeset is called here, as a graph's history says it: file::author:id */
        if (r->count < 6) break;
        row.name = df_str_from(df_arena_printf(list->arena, "%.*s::%.*s:%.*s", DF_FMT(row.name), DF_FMT(shown(&v[5], list->arena)), DF_FMT(row.version)));
        row.version = DF_STR_NONE;
        take_back(list, &row); /* one that ran again counts as it ran last */
        break;
    case DF_LAYOUT_NATIVE:
        if (list->foreign->by_time) row.made_ms = ledger_int_of(&v[0], 0);
        if (r->count > 5 && ledger_int_of(&v[5], 0) & 1) list->foreign->baseline = row.version;
        break;
    case DF_LAYOUT_PRISMA: /* SQLite: it keeps milliseconds */
        if (v[5].type == DF_INT64) row.applied_ms = v[5].i;
        break;
    default: break;
    }
    DF_PUSH(list->items, list->count, list->cap) = row;
    return DF_OK;
}

static df_code read_table(df_ledger *ledger, const foreign_tool *t, const table *where, df_arena *arena,
                          df_foreign *out, df_error *err)
{
    bool here = df_str_is(where->schema, ledger->scope);
    *out = (df_foreign){.layout = t->layout, .tool = t->name ? t->name : df_layout_name(t->layout), .only_newest = t->only_newest, .by_time = t->by_time};
    out->table = here ? t->table : df_arena_printf(arena, "%.*s.%s", DF_FMT(where->schema), t->table);
    row_list list = {.arena = arena, .foreign = out};
    const char *sql = foreign_text(ledger, t->read, out->table, arena);
    df_code code = df_query(ledger->conn, sql, NULL, 0, take_row, &list, err);
    if (code == DF_OK && list.count) {
        out->rows = df_arena_alloc(arena, list.count * sizeof *out->rows);
        memcpy(out->rows, list.items, list.count * sizeof *out->rows);
        out->count = list.count;
    }
    free(list.items);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "reading %s", out->table);
}

bool df_foreign_knows(const df_ledger *ledger, const char *name)
{
    for (const foreign_tool *t = ledger->dialect->tools; t->table; t++)
        if (strcmp(t->name ? t->name : df_layout_name(t->layout), name) == 0 || strcmp(df_layout_name(t->layout), name) == 0) return true;
    return false;
}

df_code df_foreign_find(df_ledger *ledger, df_arena *arena, df_foreign **out, size_t *count, df_error *err)
{
    table_list list = {.arena = arena};
    df_value scope = df_v_text(ledger->scope);
    df_foreign *found = NULL;
    size_t n = 0, cap = 0;
    *out = NULL;
    *count = 0;
    df_code code = ledger_query(ledger, LEDGER_foreign_columns, &scope, 1, take_column, &list, err);
    for (size_t i = 0; code == DF_OK && i < list.count; i++) {
        for (const foreign_tool *t = ledger->dialect->tools; code == DF_OK && t->table; t++) {
            if (!is_of(&list.items[i], t)) continue;
            code = read_table(ledger, t, &list.items[i], arena, &DF_PUSH(found, n, cap), err);
        }
    }
    if (code == DF_OK && n) {
        *out = df_arena_alloc(arena, n * sizeof **out);
        memcpy(*out, found, n * sizeof **out);
        *count = n;
    }
    for (size_t i = 0; i < list.count; i++) df_buf_release(&list.items[i].columns);
    free(list.items);
    free(found);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "looking for other tools' histories");
}
