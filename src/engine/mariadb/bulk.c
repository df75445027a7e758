/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bulk loading: LOAD DATA LOCAL INFILE, whose "file" is made by callbacks from the row source. Where the
 * server does not allow it, INSERTs of many rows.
 *
 * LOCAL implies IGNORE: a duplicate row is skipped, a value that does not fit is cut, and the server only
 * warns. So every warning is an error here.
 */
#include "engine/mariadb/private.h"

#include "engine/bulktext.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_BYTES = 64 * 1024 * 1024, INSERT_BYTES = 1024 * 1024, CLIENT_ERROR = 2000 };

static const df_bulk_format format = {.engine = "MariaDB", .yes = "1", .no = "0", .nul = true};

struct my_load {
    my_conn *c;
    const char *const *columns;
    size_t n_columns;
    const df_row_source *source;
    df_value *values;
    df_buf rows;
    size_t given;  /* bytes of `rows` that the library has taken */
    size_t sent;   /* bytes of this LOAD DATA */
    bool more;     /* the source has not ended */
    bool asked;    /* the server asked for the file */
    int64_t count; /* rows taken from the source */
    df_code code;  /* of the source, or of a value that cannot be held */
    df_error *err;
};

/* ---- the callbacks ---- */

static int infile_init(void **out, const char *name, void *context)
{
    my_conn *c = context;
    (void)name;
    *out = c->load;
    if (!c->load) return 1; /* a server that asks for a file unasked gets none */
    c->load->asked = true;
    return 0;
}

static df_code pull_row(my_load *l, df_error *err)
{
    if (atomic_load(&l->c->base.cancelled)) return df_fail(err, DF_CANCELLED, "interrupted");
    DF_TRY(l->source->next(l->source->context, l->values, &l->more, err));
    return DF_OK;
}

static int infile_read(void *context, char *out, unsigned room)
{
    my_load *l = context;
    while (l->rows.len - l->given < room && l->more && l->sent + l->rows.len < CHUNK_BYTES) {
        if (l->given == l->rows.len) {
            l->sent += l->rows.len;
            l->given = 0;
            df_buf_clear(&l->rows);
        }
        l->code = pull_row(l, l->err);
        if (l->code == DF_OK && l->more) {
            l->code = df_bulk_put_row(&l->rows, &format, l->columns, l->n_columns, l->values, l->err);
            l->count++;
        }
        if (l->code != DF_OK) return -1;
    }
    size_t left = l->rows.len - l->given, give = left < room ? left : room;
    if (give) memcpy(out, l->rows.ptr + l->given, give);
    l->given += give;
    if (l->given == l->rows.len) {
        l->sent += l->rows.len;
        l->given = 0;
        df_buf_clear(&l->rows);
    } else if (l->given > INSERT_BYTES) { /* do not let what was given pile up */
        l->sent += l->given;
        l->rows.len -= l->given;
        memmove(l->rows.ptr, l->rows.ptr + l->given, l->rows.len);
        l->given = 0;
    }
    return (int)give;
}

static void infile_end(void *context)
{
    (void)context;
}

static int infile_error(void *context, char *message, unsigned room)
{
    (void)context;
    snprintf(message, room, "no rows are offered");
    return CLIENT_ERROR;
}

void my_guard_infile(my_conn *c, MYSQL *db)
{
    mysql->set_local_infile_handler(db, infile_init, infile_read, infile_end, infile_error, c);
}

/* ---- LOAD DATA ---- */

static void put_columns(df_buf *out, const char *const *columns, size_t n_columns)
{
    for (size_t i = 0; i < n_columns; i++) {
        df_buf_text(out, i ? "," : " (");
        df_put_quoted(out, columns[i], '`');
    }
    df_buf_char(out, ')');
}

static df_code take_warning(void *context, const df_row *row, df_error *err)
{
    (void)err;
    df_error *first = context;
    char text[900];
    if (first->code != DF_OK) return DF_OK;
    snprintf(text, sizeof text, "%.*s", DF_FMT(row->values[2].s));
    char native[24];
    snprintf(native, sizeof native, "%lld", (long long)row->values[1].i);
    df_code code = my_code_of((unsigned)row->values[1].i, text);
    df_engine_fail(first, code == DF_CONNECT ? DF_FAILED : code, native, text);
    return DF_OK;
}

/* Rows were skipped or changed. */
static df_code fail_with_warning(my_conn *c, df_error *err)
{
    df_error first = {.code = DF_OK};
    int64_t ignored;
    DF_TRY(my_run(&c->base, "SHOW WARNINGS", NULL, 0, take_warning, &first, &ignored, err));
    if (first.code == DF_OK) return df_fail(err, DF_FAILED, "the server did not take every row");
    if (err) *err = first;
    return first.code;
}

static df_code load_chunk(my_load *l, df_str sql, df_error *err)
{
    my_conn *c = l->c;
    int64_t before = l->count;
    l->sent = l->given = 0;
    df_buf_clear(&l->rows);
    c->load = l;
    int failed = mysql->real_query(c->db, sql.ptr, (unsigned long)sql.len);
    c->load = NULL;
    if (failed) {
        df_error native;
        df_code code = my_fail(c, DF_STR_NONE, &native);       /* also notices a lost connection */
        if (l->code != DF_OK && !c->base.lost) return l->code; /* the cause, already in err */
        if (err) *err = native;
        return code;
    }
    uint64_t taken = mysql->affected_rows(c->db);
    if (mysql->warning_count(c->db) || taken != (uint64_t)(l->count - before))
        return fail_with_warning(c, err);
    return DF_OK;
}

static bool is_refusal(MYSQL *db)
{
    switch (mysql->error_number(db)) {
    case 1148: /* not allowed with this version */
    case 3948: /* disabled on the server (MySQL) */
    case 3950:
    case 4166: /* disabled on the server (MariaDB) */
    case 2068: /* disabled in an option file of the client */ return true;
    default: return false;
    }
}

/* *refused: the server (or an option file) does not allow it, and nothing was pulled. */
static df_code load_data(my_load *l, const char *table, bool *refused, df_error *err)
{
    df_buf sql = {0};
    df_code code = DF_OK;
    df_buf_text(&sql, "LOAD DATA LOCAL INFILE 'rows' INTO TABLE ");
    df_put_quoted(&sql, table, '`');
    /* binary: texts arrive as they are, and are checked against each column's character set */
    df_buf_text(
        &sql, " CHARACTER SET binary FIELDS TERMINATED BY x'09' ESCAPED BY x'5c' LINES TERMINATED BY x'0a'");
    put_columns(&sql, l->columns, l->n_columns);
    while (code == DF_OK && l->more) code = load_chunk(l, df_buf_str(&sql), err);
    *refused = code != DF_OK && !l->asked && is_refusal(l->c->db);
    df_buf_release(&sql);
    return code;
}

/* ---- INSERT ---- */

static df_code put_values(my_load *l, df_buf *out, df_error *err)
{
    for (size_t i = 0; i < l->n_columns; i++) {
        df_buf_char(out, i ? ',' : '(');
        if (my_put_literal(l->c, out, &l->values[i], err) != DF_OK) {
            return df_error_prefix(err, "column %s", l->columns[i]);
        }
    }
    df_buf_char(out, ')');
    return DF_OK;
}

static df_code flush_insert(my_load *l, size_t head, df_error *err)
{
    if (l->rows.len == head) return DF_OK;
    if (l->rows.len >= l->c->max_packet) {
        df_fail(err, DF_FAILED, "a row is larger than the server's max_allowed_packet (%llu bytes)",
                (unsigned long long)l->c->max_packet);
        df_error_hint(err,
                      "allow LOAD DATA LOCAL (local_infile=ON), or raise max_allowed_packet on the server");
        return DF_FAILED;
    }
    if (mysql->real_query(l->c->db, l->rows.ptr, (unsigned long)l->rows.len) != 0) {
        return my_fail(l->c, DF_STR_NONE, err);
    }
    l->rows.len = head;
    return DF_OK;
}

static df_code insert_rows(my_load *l, const char *table, df_error *err)
{
    df_buf_clear(&l->rows);
    df_buf_text(&l->rows, "INSERT INTO ");
    df_put_quoted(&l->rows, table, '`');
    put_columns(&l->rows, l->columns, l->n_columns);
    df_buf_text(&l->rows, " VALUES ");
    size_t head = l->rows.len,
           limit = l->c->max_packet / 2 < INSERT_BYTES ? l->c->max_packet / 2 : INSERT_BYTES;
    for (;;) {
        DF_TRY(pull_row(l, err));
        if (!l->more) return flush_insert(l, head, err);
        size_t before = l->rows.len;
        if (before > head) df_buf_char(&l->rows, ',');
        DF_TRY(put_values(l, &l->rows, err));
        l->count++;
        if (l->rows.len >= limit) DF_TRY(flush_insert(l, head, err));
    }
}

df_code my_bulk_load(df_conn *conn, const char *table, const char *const *columns, size_t n_columns,
                     const df_row_source *source, int64_t *loaded, df_error *err)
{
    my_conn *c = my_of(conn);
    my_load l = {
        .c = c, .columns = columns, .n_columns = n_columns, .source = source, .more = true, .err = err};
    l.values = df_zalloc(n_columns * sizeof *l.values);
    bool refused = !c->local_infile;
    df_code code = refused ? DF_OK : load_data(&l, table, &refused, err);
    if (refused) {
        c->local_infile = false;
        df_error_clear(err); /* the refusal was only an answer */
        code = insert_rows(&l, table, err);
    }
    *loaded = l.count;
    free(l.values);
    df_buf_release(&l.rows);
    return code;
}
