/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a database holds, table by table: how many rows, and a checksum that does not depend on their order.
 * Made in one pass: the servers hash each row and add up, so that nothing but two numbers comes over the
 * wire; SQLite's rows are hashed here.
 *
 * The checksums are against accidents. PostgreSQL: the sum of 64-bit hashes of the rows' text; MariaDB: sum
 * and exclusive or of CRC-32 over the columns' CRC-32; SQLite: the sum of 128-bit hashes.
 */
#include "operate/backup_int.h"

#include "backup_sql_mariadb.h"
#include "backup_sql_postgres.h"
#include "backup_sql_sqlite.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- which tables ---- */

typedef struct listed {
    df_str schema, name; /* schema absent where there are none */
    df_str *columns;
    size_t n_columns, cap;
    bool exact;
} listed;

typedef struct listing {
    df_arena *arena;
    const char *const *exclude;
    listed *items;
    size_t count, cap;
} listing;

static df_str text_of(const df_value *value, df_arena *arena)
{
    return value->type == DF_TEXT || value->type == DF_BLOB ? df_arena_str(arena, value->s) : DF_STR_NONE;
}

static bool is_excluded(const char *const *globs, df_str name)
{
    for (; globs && *globs; globs++) {
        if (df_str_glob(name, *globs)) return true;
    }
    return false;
}

static df_code take_column(void *context, const df_row *row, df_error *err)
{
    (void)err;
    listing *l = context;
    df_str schema = text_of(&row->values[0], l->arena), name = text_of(&row->values[1], l->arena);
    df_str column = text_of(&row->values[2], l->arena);
    if (is_excluded(l->exclude, name)) return DF_OK;
    listed *last = l->count ? &l->items[l->count - 1] : NULL;
    if (!last || !df_str_eq(last->name, name) || !df_str_eq(last->schema, schema)) {
        bool exact = row->values[3].type != DF_NULL && row->values[3].i;
        DF_PUSH(l->items, l->count, l->cap) = (listed){.schema = schema, .name = name, .exact = exact};
        last = &l->items[l->count - 1];
    }
    if (column.ptr) DF_PUSH(last->columns, last->n_columns, last->cap) = column;
    return DF_OK;
}

static void release(listing *l)
{
    for (size_t i = 0; i < l->count; i++) free(l->items[i].columns);
    free(l->items);
}

/* ---- one table ---- */

typedef struct counted {
    df_arena *arena;
    int64_t rows;
    const char *checksum; /* NULL: not made */
} counted;

static df_code take_sums(void *context, const df_row *row, df_error *err)
{
    (void)err;
    counted *c = context;
    c->rows = row->values[0].i;
    df_str first = text_of(&row->values[1], c->arena);
    if (!first.ptr && row->values[1].type == DF_INT64)
        first = df_str_from(df_arena_printf(c->arena, "%lld", (long long)row->values[1].i));
    if (!first.ptr) return DF_OK;
    c->checksum = df_arena_cstr(c->arena, first);
    if (row->count < 3) return DF_OK;
    df_str second = text_of(&row->values[2], c->arena);
    c->checksum = df_arena_printf(c->arena, "%s:%.*s", c->checksum, DF_FMT(second));
    return DF_OK;
}

static void put_columns(df_conn *conn, df_buf *sql, const listed *table, const char *before,
                        const char *behind)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        df_buf_text(sql, i ? ", " : "");
        df_buf_text(sql, before);
        df_sql_put_name(df_conn_dialect(conn), sql, table->columns[i]);
        df_buf_text(sql, behind);
    }
}

static void put_table(df_conn *conn, df_buf *sql, const listed *table)
{
    if (table->schema.ptr) {
        df_sql_put_name(df_conn_dialect(conn), sql, table->schema);
        df_buf_char(sql, '.');
    }
    df_sql_put_name(df_conn_dialect(conn), sql, table->name);
}

/* Limits of the server's that a row as text may exceed, and functions that an old server lacks. */
static bool too_much(const df_error *err)
{
    return strcmp(err->native, "54000") == 0 || strcmp(err->native, "XX000") == 0 ||
           strcmp(err->native, "53200") == 0 || strcmp(err->native, "42883") == 0;
}

/* Where the checksum cannot be made, rows are still counted; the snapshot's transaction must live on. */
static df_code count_within(df_conn *conn, const char *sql, const char *plain, counted *out, df_error *err)
{
    DF_TRY(df_exec(conn, "SAVEPOINT one_table", NULL, 0, NULL, err));
    df_code code = df_query(conn, sql, NULL, 0, take_sums, out, err);
    if (code != DF_OK && !df_conn_lost(conn) && err && too_much(err)) {
        DF_TRY(df_exec(conn, "ROLLBACK TO SAVEPOINT one_table", NULL, 0, NULL, err));
        out->checksum = NULL;
        code = df_query(conn, plain, NULL, 0, take_sums, out, err);
    }
    if (code == DF_OK) code = df_exec(conn, "RELEASE SAVEPOINT one_table", NULL, 0, NULL, err);
    return code;
}

static df_code count_postgres(df_conn *conn, const listed *table, counted *out, df_error *err)
{
    df_buf sql = {0}, plain = {0};
    df_buf_text(&sql, "SELECT count(*), coalesce(sum(pg_catalog.hashtextextended(ROW(");
    put_columns(conn, &sql, table, "t.", "");
    df_buf_text(&sql, ")::text COLLATE \"C\", 0)), 0)::text FROM ONLY ");
    put_table(conn, &sql, table);
    df_buf_text(&sql, " t");
    df_buf_text(&plain, "SELECT count(*), NULL::text FROM ONLY ");
    put_table(conn, &plain, table);
    df_code code = count_within(conn, df_buf_cstr(&sql), df_buf_cstr(&plain), out, err);
    df_buf_release(&sql);
    df_buf_release(&plain);
    return code;
}

static df_code count_mariadb(df_conn *conn, const listed *table, counted *out, df_error *err)
{
    df_buf row = {0}, sql = {0};
    df_buf_text(&row, "CRC32(CONCAT_WS(',', ");
    put_columns(conn, &row, table, "IFNULL(CRC32(", "), 'N')");
    df_buf_text(&row, "))");
    df_buf_printf(
        &sql,
        "SELECT COUNT(*), CAST(COALESCE(SUM(%s), 0) AS CHAR), CAST(COALESCE(BIT_XOR(%s), 0) AS CHAR) FROM ",
        df_buf_cstr(&row), df_buf_cstr(&row));
    put_table(conn, &sql, table);
    df_code code = df_query(conn, df_buf_cstr(&sql), NULL, 0, take_sums, out, err);
    df_buf_release(&row);
    df_buf_release(&sql);
    return code;
}

typedef struct row_sum {
    df_hash128 sum;
    int64_t rows;
    df_buf row;
} row_sum;

/* Type, length and bytes of each value, so that no two rows look alike. */
static df_code add_row(void *context, const df_row *row, df_error *err)
{
    (void)err;
    row_sum *s = context;
    df_buf_clear(&s->row);
    for (size_t i = 0; i < row->count; i++) {
        const df_value *v = &row->values[i];
        df_buf_char(&s->row, (char)v->type);
        if (v->type == DF_TEXT || v->type == DF_BLOB) {
            df_buf_add(&s->row, &v->s.len, sizeof v->s.len);
            df_buf_str_add(&s->row, v->s);
        } else if (v->type != DF_NULL) {
            df_buf_add(&s->row, &v->i, sizeof v->i);
        }
    }
    s->sum = df_hash_add(s->sum, df_hash(s->row.ptr, s->row.len));
    s->rows++;
    return DF_OK;
}

static df_code count_sqlite(df_conn *conn, const listed *table, counted *out, df_error *err)
{
    df_buf sql = {0};
    row_sum sum = {{0, 0}, 0, {0}};
    char hex[33];
    df_buf_text(&sql, "SELECT * FROM main.");
    put_table(conn, &sql, table);
    df_code code = df_query(conn, df_buf_cstr(&sql), NULL, 0, add_row, &sum, err);
    df_hash_hex(sum.sum, hex);
    out->rows = sum.rows;
    out->checksum = df_arena_cstr(out->arena, df_str_from(hex));
    df_buf_release(&sql);
    df_buf_release(&sum.row);
    return code;
}

/* ---- all of them ---- */

struct bk_counter {
    const char *columns_sql;
    df_code (*count)(df_conn *conn, const listed *table, counted *out, df_error *err);
    /* What is in no table; NULL. */
    df_code (*count_rest)(df_conn *conn, bk_content *content, df_error *err);
};

static void add(bk_content *content, const listed *table, const counted *c)
{
    const char *name = table->schema.ptr ? df_arena_printf(content->arena, "%.*s.%.*s", DF_FMT(table->schema),
                                                           DF_FMT(table->name))
                                         : df_arena_cstr(content->arena, table->name);
    DF_PUSH(content->items, content->count, content->cap) =
        (bk_table){.name = name, .rows = c->rows, .checksum = c->checksum, .exact = table->exact};
}

/* Large objects count as one table. */
static df_code count_large_objects(df_conn *conn, bk_content *content, df_error *err)
{
    counted c = {.arena = content->arena};
    listed as = {.name = DF_STR("(large objects)"), .exact = true};
    DF_TRY(count_within(conn, SQL_pg_large_objects, SQL_pg_large_object_count, &c, err));
    if (c.rows) add(content, &as, &c);
    return DF_OK;
}

const bk_counter bk_postgres_counter = {SQL_pg_columns, count_postgres, count_large_objects};
const bk_counter bk_mariadb_counter = {SQL_my_columns, count_mariadb, NULL};
const bk_counter bk_sqlite_counter = {SQL_sl_tables, count_sqlite, NULL};

static df_code count_tables(df_conn *conn, const bk_counter *how, const listing *l, const df_observer *observer,
                            const char *subject, bk_content *content, df_error *err)
{
    for (size_t i = 0; i < l->count; i++) {
        counted c = {.arena = content->arena};
        DF_TRY(df_check_cancelled(observer, err));
        df_report_progress(observer, "tables", subject, (int64_t)i, (int64_t)l->count);
        df_code code = how->count(conn, &l->items[i], &c, err);
        if (code != DF_OK) {
            return df_error_prefix(err, "counting the rows of %.*s", DF_FMT(l->items[i].name));
        }
        add(content, &l->items[i], &c);
    }
    df_report_progress(observer, "tables", subject, (int64_t)l->count, (int64_t)l->count);
    return DF_OK;
}

static df_code count_all(df_conn *conn, const bk_counter *how, const df_observer *observer, const char *subject,
                         bk_content *content, df_error *err)
{
    listing l = {.arena = content->arena, .exclude = df_ledger_names(conn)};
    df_code code = df_query(conn, how->columns_sql, NULL, 0, take_column, &l, err);
    if (code == DF_OK) code = count_tables(conn, how, &l, observer, subject, content, err);
    if (code == DF_OK && how->count_rest) code = how->count_rest(conn, content, err);
    release(&l);
    return code;
}

df_code bk_content_read(df_conn *conn, const df_observer *observer, const char *subject, bk_content *content,
                        df_error *err)
{
    const bk_engine *engine;
    DF_TRY(bk_engine_of(conn, &engine, err));
    content->count = 0;
    return engine->counter ? count_all(conn, engine->counter, observer, subject, content, err)
                           : engine->content(conn, observer, subject, content, err);
}

void bk_content_release(bk_content *content)
{
    free(content->items);
    content->items = NULL;
    content->count = content->cap = 0;
}

const bk_table *bk_content_find(const bk_content *content, const char *name, size_t *hint)
{
    for (size_t i = 0; i < content->count; i++) {
        size_t at = (*hint + i) % content->count;
        if (strcmp(content->items[at].name, name) != 0) continue;
        *hint = at + 1;
        return &content->items[at];
    }
    return NULL;
}

bool bk_table_same(const bk_table *a, const bk_table *b)
{
    if (a->rows != b->rows || !a->checksum != !b->checksum) return false;
    return !a->checksum || strcmp(a->checksum, b->checksum) == 0;
}

void bk_content_agree(bk_content *content, const bk_content *later)
{
    for (size_t i = 0, hint = 0; i < content->count; i++) {
        const bk_table *then = bk_content_find(later, content->items[i].name, &hint);
        if (!then || !bk_table_same(&content->items[i], then)) content->items[i].exact = false;
    }
}
