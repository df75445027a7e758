/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/catalog/stats_index.h"

#include <float.h>
#include <stdlib.h>

enum {
    BATCH_FILES = 20000,
    PATIENCE_MS = 2000, /* rather read statistics as text than wait long for a writer */
};

typedef struct indexed_column {
    size_t column; /* in the expression */
    int64_t id, through_file, through_version;
    bool present, other_kind, clash;
} indexed_column;

typedef struct indexer {
    delta_catalog *catalog;
    const delta_table *table;
    const delta_where *where;
    indexed_column *columns;
    size_t n_columns;
    int64_t last_file, last_version; /* of the table now */
    /* one batch */
    delta_bounds_reader reader;
    delta_bounds *bounds;
    df_arena texts;
    struct index_row *rows;
    size_t n_rows, rows_cap, next_row, n_files;
    int64_t at_version, at_file; /* where the batch ended */
} indexer;

typedef struct index_row {
    int64_t column_id, file_id;
    delta_kind kind;
    delta_datum min, max;
    int64_t nulls; /* DELTA_ABSENT */
} index_row;

int64_t delta_stats_column_id(df_str key)
{
    return (int64_t)df_hash(key.ptr, key.len).low;
}

/* ---- what is covered ---- */

static df_code take_column(void *context, const df_row *row, df_error *err)
{
    indexer *x = context;
    int64_t id = delta_int_of(&row->values[0], 0);
    for (size_t i = 0; i < x->n_columns; i++) {
        indexed_column *c = &x->columns[i];
        if (c->id != id) continue;
        const delta_where_column *column = &x->where->columns[c->column];
        c->present = true;
        c->clash = !df_str_eq(delta_view_of(&row->values[1]), column->key);
        c->other_kind = !df_str_eq(delta_view_of(&row->values[2]), column->kind_name);
        c->through_file = delta_int_of(&row->values[3], 0);
        c->through_version = delta_int_of(&row->values[4], -1);
    }
    return DF_OK;
}

static df_code take_table(void *context, const df_row *row, df_error *err)
{
    indexer *x = context;
    x->last_file = delta_int_of(&row->values[0], 1) - 1;
    x->last_version = delta_int_of(&row->values[1], -1);
    return DF_OK;
}

static df_code look(indexer *x, df_error *err)
{
    df_value id = df_v_str(x->table->table_id);
    for (size_t i = 0; i < x->n_columns; i++) {
        indexed_column *c = &x->columns[i];
        *c = (indexed_column){.column = c->column, .id = c->id, .through_version = -1};
    }
    DF_TRY(delta_ask(x->catalog, "SELECT next_file_id, version FROM delta_tables WHERE table_id = ?", &id, 1,
                     take_table, x, err));
    return delta_ask(
        x->catalog,
        "SELECT column_id, column_name, kind, through_file_id, through_version FROM delta_stats_columns "
        "WHERE table_id = ?",
        &id, 1, take_column, x, err);
}

static bool covered(const indexer *x)
{
    for (size_t i = 0; i < x->n_columns; i++) {
        const indexed_column *c = &x->columns[i];
        if (!c->present || c->clash || c->other_kind || c->through_file < x->last_file) return false;
    }
    return true;
}

static bool possible(const indexer *x, bool newest)
{
    for (size_t i = 0; i < x->n_columns; i++)
        if (x->columns[i].clash || (x->columns[i].other_kind && !newest)) return false;
    return true;
}

/* ---- rows ---- */

static delta_datum lowest(delta_kind kind)
{
    switch (kind) {
    case DELTA_KIND_REAL: return (delta_datum){.d = -DBL_MAX};
    case DELTA_KIND_TEXT: return (delta_datum){.s = DF_STR("")};
    default: return (delta_datum){.i = INT64_MIN};
    }
}

static delta_datum highest(delta_kind kind)
{
    switch (kind) {
    case DELTA_KIND_REAL: return (delta_datum){.d = DBL_MAX};
    case DELTA_KIND_TEXT: return (delta_datum){.s = DELTA_STATS_TEXT_MAX};
    default: return (delta_datum){.i = INT64_MAX};
    }
}

static void add_row(indexer *x, const indexed_column *c, int64_t file_id)
{
    delta_kind kind = x->where->columns[c->column].type.kind;
    const delta_bounds *b = &x->bounds[c->column];
    index_row row = {.column_id = c->id,
                     .file_id = file_id,
                     .kind = kind,
                     .nulls = b->has_nulls ? b->nulls : DELTA_ABSENT};
    row.min = b->has_min ? b->min : lowest(kind);
    row.max = b->has_max ? b->max : highest(kind);
    if (kind == DELTA_KIND_REAL) { /* infinities: not every engine has them */
        if (row.min.d < -DBL_MAX) row.min.d = -DBL_MAX;
        if (row.min.d > DBL_MAX) row.min.d = DBL_MAX;
        if (row.max.d > DBL_MAX) row.max.d = DBL_MAX;
        if (row.max.d < -DBL_MAX) row.max.d = -DBL_MAX;
    }
    if (b->has_values && b->values == 0) {
        row.min = highest(kind);
        row.max = lowest(kind);
    }
    if (kind == DELTA_KIND_TEXT) {
        row.min.s = df_arena_str(&x->texts, row.min.s);
        row.max.s = df_arena_str(&x->texts, row.max.s);
    }
    DF_PUSH(x->rows, x->n_rows, x->rows_cap) = row;
}

/* file_id, stats, and of history removed_version */
static df_code take_file(void *context, const df_row *row, df_error *err)
{
    indexer *x = context;
    int64_t file_id = delta_int_of(&row->values[0], 0);
    delta_bounds_of_stats(&x->reader, x->where, delta_view_of(&row->values[1]), x->bounds);
    for (size_t i = 0; i < x->n_columns; i++)
        if (file_id > x->columns[i].through_file) add_row(x, &x->columns[i], file_id);
    x->n_files++;
    x->at_file = file_id;
    if (row->count > 2) x->at_version = delta_int_of(&row->values[2], 0);
    return DF_OK;
}

static df_code next_row(void *context, df_value *values, bool *more, df_error *err)
{
    indexer *x = context;
    *more = x->next_row < x->n_rows;
    if (!*more) return DF_OK;
    const index_row *row = &x->rows[x->next_row++];
    values[0] = df_v_str(x->table->table_id);
    values[1] = df_v_int(row->column_id);
    values[2] = df_v_int(row->file_id);
    for (size_t i = 3; i < 9; i++) values[i] = DF_V_NULL;
    if (row->kind == DELTA_KIND_REAL) {
        values[5] = df_v_double(row->min.d);
        values[6] = df_v_double(row->max.d);
    } else if (row->kind == DELTA_KIND_TEXT) {
        values[7] = df_v_str(row->min.s);
        values[8] = df_v_str(row->max.s);
    } else {
        values[3] = df_v_int(row->min.i);
        values[4] = df_v_int(row->max.i);
    }
    values[9] = delta_v_int(row->nulls);
    return DF_OK;
}

static df_code store_batch(indexer *x, df_error *err)
{
    static const char *const columns[] = {"table_id", "column_id", "file_id",  "min_int",  "max_int",
                                          "min_real", "max_real",  "min_text", "max_text", "null_count"};
    df_row_source source = {x, next_row};
    x->next_row = 0;
    df_code code = x->n_rows
                       ? df_bulk_load(x->catalog->conn, "delta_column_stats", columns, 10, &source, NULL, err)
                       : DF_OK;
    x->n_rows = x->n_files = 0;
    df_arena_reset(&x->texts);
    return code != DF_OK ? code : df_check_cancelled(x->catalog->observer, err);
}

/* ---- filling ---- */

static int64_t first_uncovered(const indexer *x, int64_t *version)
{
    int64_t file = INT64_MAX;
    *version = INT64_MAX;
    for (size_t i = 0; i < x->n_columns; i++) {
        if (x->columns[i].through_file < file) file = x->columns[i].through_file;
        if (x->columns[i].through_version < *version) *version = x->columns[i].through_version;
    }
    return file;
}

/* History first: a file that is removed meanwhile is then rather met twice, which fails, than never, which
 * nobody would see. */
static df_code index_history(indexer *x, df_error *err)
{
    int64_t from_version, from_file = first_uncovered(x, &from_version);
    x->at_version = from_version;
    x->at_file = INT64_MAX;
    do {
        df_value params[] = {df_v_str(x->table->table_id), df_v_int(x->at_version), df_v_int(x->at_version),
                             df_v_int(x->at_file),         df_v_int(from_file),     df_v_int(x->last_file),
                             df_v_int(BATCH_FILES)};
        DF_TRY(delta_ask(x->catalog,
                         "SELECT file_id, stats, removed_version FROM delta_file_history WHERE table_id = ? "
                         "AND removed_version >= ? AND NOT (removed_version = ? AND file_id <= ?) "
                         "AND file_id > ? AND file_id <= ? ORDER BY removed_version, file_id LIMIT ?",
                         params, 7, take_file, x, err));
        if (!x->n_files) break;
        DF_TRY(store_batch(x, err));
    } while (true);
    return DF_OK;
}

static df_code index_live(indexer *x, df_error *err)
{
    int64_t ignored;
    x->at_file = first_uncovered(x, &ignored);
    while (x->at_file < x->last_file) {
        df_value params[] = {df_v_str(x->table->table_id), df_v_int(x->at_file), df_v_int(x->last_file),
                             df_v_int(BATCH_FILES)};
        DF_TRY(delta_ask(
            x->catalog,
            "SELECT file_id, stats FROM delta_files WHERE table_id = ? AND file_id > ? AND file_id <= ? "
            "ORDER BY file_id LIMIT ?",
            params, 4, take_file, x, err));
        if (!x->n_files) break;
        DF_TRY(store_batch(x, err));
    }
    return DF_OK;
}

/* Takes the column's row for this transaction, so that two who fill it go one after the other. */
static df_code claim_column(indexer *x, indexed_column *c, df_error *err)
{
    const delta_where_column *column = &x->where->columns[c->column];
    df_value key[] = {df_v_str(x->table->table_id), df_v_int(c->id)};
    if (c->present && c->other_kind) {
        DF_TRY(delta_exec(x->catalog, "DELETE FROM delta_column_stats WHERE table_id = ? AND column_id = ?",
                          key, 2, NULL, err));
        DF_TRY(delta_exec(x->catalog, "DELETE FROM delta_stats_columns WHERE table_id = ? AND column_id = ?",
                          key, 2, NULL, err));
        *c = (indexed_column){.column = c->column, .id = c->id, .through_version = -1};
    }
    if (c->present)
        return delta_exec(x->catalog,
                          "UPDATE delta_stats_columns SET through_file_id = through_file_id WHERE table_id = "
                          "? AND column_id = ?",
                          key, 2, NULL, err);
    df_value row[] = {key[0], key[1], df_v_str(column->key), df_v_str(column->kind_name)};
    return delta_exec(
        x->catalog,
        "INSERT INTO delta_stats_columns (table_id, column_id, column_name, kind) VALUES (?, ?, ?, ?)", row,
        4, NULL, err);
}

static df_code fill(indexer *x, bool newest, df_error *err)
{
    DF_TRY(look(x, err));
    if (covered(x) || !possible(x, newest)) return DF_OK;
    for (size_t i = 0; i < x->n_columns; i++) DF_TRY(claim_column(x, &x->columns[i], err));
    /* Again: whoever was first may have filled it while this one waited. */
    DF_TRY(look(x, err));
    if (covered(x)) return DF_OK;
    df_log(x->catalog->observer, DF_LOG_DEBUG, "indexing statistics of %zu column(s) of table %.*s",
           x->n_columns, DF_FMT(x->table->table_id));
    DF_TRY(index_history(x, err));
    DF_TRY(index_live(x, err));
    for (size_t i = 0; i < x->n_columns; i++) {
        df_value params[] = {df_v_int(x->last_file), df_v_int(x->last_version), df_v_str(x->table->table_id),
                             df_v_int(x->columns[i].id)};
        DF_TRY(delta_exec(x->catalog,
                          "UPDATE delta_stats_columns SET through_file_id = ?, through_version = ? "
                          "WHERE table_id = ? AND column_id = ?",
                          params, 4, NULL, err));
    }
    return DF_OK;
}

/* Fills in a transaction of its own. What goes wrong here costs speed, not answers: only a wish to stop is
 * passed on. */
static df_code try_fill(indexer *x, bool newest, df_error *err)
{
    df_error problem = {0};
    df_code code = delta_begin_within(x->catalog, PATIENCE_MS, &problem);
    if (code == DF_OK) {
        code = fill(x, newest, &problem);
        if (code == DF_OK)
            code = delta_commit(x->catalog, &problem);
        else
            df_rollback(x->catalog->conn);
    }
    if (code == DF_CANCELLED) {
        if (err) *err = problem;
        return code;
    }
    if (code != DF_OK)
        df_log(x->catalog->observer, DF_LOG_DEBUG,
               "statistics are read as text, for they cannot be indexed now: %s", problem.message);
    return DF_OK;
}

static df_code ensure(indexer *x, bool newest, bool *usable, df_error *err)
{
    DF_TRY(look(x, err));
    *usable = covered(x);
    if (*usable || !possible(x, newest) || df_in_transaction(x->catalog->conn)) return DF_OK;
    DF_TRY(try_fill(x, newest, err));
    DF_TRY(look(x, err));
    *usable = covered(x);
    return DF_OK;
}

df_code delta_stats_index_ensure(delta_catalog *catalog, const delta_table *table, const delta_where *where,
                                 bool newest, bool *usable, df_error *err)
{
    indexer x = {.catalog = catalog, .table = table, .where = where};
    x.columns = df_zalloc((where->n_columns + 1) * sizeof *x.columns);
    x.bounds = df_zalloc((where->n_columns + 1) * sizeof *x.bounds);
    for (size_t i = 0; i < where->n_columns; i++) {
        if (where->columns[i].partition) continue;
        indexed_column *c = &x.columns[x.n_columns++];
        c->column = i;
        c->id = delta_stats_column_id(where->columns[i].key);
    }
    df_code code = ensure(&x, newest, usable, err);
    delta_bounds_reader_release(&x.reader);
    df_arena_release(&x.texts);
    free(x.rows);
    free(x.columns);
    free(x.bounds);
    return code;
}
