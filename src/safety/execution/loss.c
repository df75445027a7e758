/* SPDX-License-Identifier: Apache-2.0 */
/* What statements would destroy, counted before they run. */
#include "base/clock.h"
#include "safety/execution/loss_int.h"

/*
 * `condition` NULL: all rows. -1 when there is no such table or column, so that nothing can be lost. What is there and cannot be
 * counted is an error: unknown is not nothing.
 */
static df_code count_rows(loss_finder *f, df_str table, const char *condition, int64_t *rows, df_error *err)
{
    df_value value;
    df_error mine = {0}, ignored = {0};
    *rows = -1;
    const char *sql = df_arena_printf(&f->arena, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM %.*s%s%s LIMIT %d) AS counted",
                                      DF_FMT(table), condition ? " WHERE " : "", condition ? condition : "", LOSS_COUNT_AT_MOST);
    df_code code = df_query_value(f->x->conn, sql, NULL, 0, &f->arena, &value, &mine);
    if (code == DF_OK) {
        *rows = value.i;
        return DF_OK;
    }
    const char *probe = df_arena_printf(&f->arena, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM %.*s LIMIT 1) AS counted", DF_FMT(table));
    df_code there = df_query_value(f->x->conn, probe, NULL, 0, &f->arena, &value, &ignored);
    bool gone = there != DF_OK && there != DF_PERMISSION && !df_conn_lost(f->x->conn);
    if (gone || (there == DF_OK && condition)) return DF_OK;
    if (err) *err = mine;
    return df_error_prefix(err, "counting what would be lost of %.*s", DF_FMT(table));
}

/* Each once, however many statements say it: a list of the same would leave no room for others. */
void loss_add(loss_finder *f, int64_t rows, const char *what)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->items[i].what, what) == 0) return;
    if (f->count == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 8;
        df_loss *items = df_arena_alloc(f->x->arena, cap * sizeof *items);
        if (f->count) memcpy(items, f->items, f->count * sizeof *items);
        f->items = items;
        f->cap = cap;
    }
    f->items[f->count++] = (df_loss){.id = df_arena_cstr(f->x->arena, f->migration->id), .what = what, .rows = rows};
}

/* `unit` in the plural, its s first to go: "rows", "values". */
void loss_add_counted(loss_finder *f, int64_t rows, df_str name, const char *unit, const char *behind)
{
    df_buf text = {0};
    if (rows <= 0) return;
    df_buf_str_add(&text, name);
    df_buf_text(&text, ": ");
    df_put_count(&text, rows);
    df_buf_printf(&text, "%s %.*s%s", rows >= LOSS_COUNT_AT_MOST ? " or more" : "", (int)strlen(unit) - (rows == 1), unit, behind);
    loss_add(f, rows, df_arena_cstr(f->x->arena, df_buf_str(&text)));
    df_buf_release(&text);
}

/* A name as written: parts with dots. Empty when none stands at the lexer. `next` gets the token behind it. */
static df_str read_name(df_sql_lexer *lexer, df_sql_token first, df_sql_token *next)
{
    df_str name = first.text;
    if (first.kind != DF_SQL_WORD && first.kind != DF_SQL_NAME) return DF_STR_NONE;
    for (;;) {
        *next = df_sql_next_word(lexer);
        if (next->kind != DF_SQL_SYMBOL || next->text.ptr[0] != '.') return name;
        df_sql_token part = df_sql_next_word(lexer);
        name.len = part.offset + part.text.len - first.offset;
    }
}

static bool skip_words(df_sql_lexer *lexer, df_sql_token *t, const char *const *words)
{
    bool any = false;
    for (size_t i = 0; words[i]; i++)
        while (df_sql_is(*t, words[i])) {
            *t = df_sql_next_word(lexer);
            any = true;
        }
    return any;
}

/* DROP TABLE [IF EXISTS] a, b; TRUNCATE [TABLE] a, b */
static df_code tables_lost(loss_finder *f, const df_step *step, df_error *err)
{
    static const char *const before[] = {"DROP", "TRUNCATE", "TEMPORARY", "FOREIGN", "TABLE", "IF", "EXISTS", "ONLY", NULL};
    df_sql_lexer lexer = {.dialect = df_conn_dialect(f->x->conn), .text = step->statement.text};
    df_sql_token t = df_sql_next_word(&lexer), next = {0};
    skip_words(&lexer, &t, before);
    for (;;) {
        df_str name = read_name(&lexer, t, &next);
        if (!name.len) return DF_OK;
        int64_t rows;
        DF_TRY(count_rows(f, name, NULL, &rows, err));
        loss_add_counted(f, rows, name, "rows", "");
        if (next.kind != DF_SQL_SYMBOL || next.text.ptr[0] != ',') return DF_OK;
        t = df_sql_next_word(&lexer);
        static const char *const only[] = {"ONLY", NULL};
        skip_words(&lexer, &t, only);
    }
}

/* Every DROP [COLUMN] c at the top level of an ALTER TABLE. */
static df_code columns_lost(loss_finder *f, const df_step *step, df_error *err)
{
    static const char *const before[] = {"ALTER", "TABLE", "IF", "EXISTS", "ONLY", NULL};
    static const char *const other[] = {"CONSTRAINT", "INDEX", "KEY", "PRIMARY", "FOREIGN", "CHECK", "DEFAULT", "NOT",
                                        "IDENTITY", "EXPRESSION", "PARTITION", "SYSTEM", "PERIOD"};
    df_sql_lexer lexer = {.dialect = df_conn_dialect(f->x->conn), .text = step->statement.text};
    df_sql_token t = df_sql_next_word(&lexer), next = {0};
    skip_words(&lexer, &t, before);
    df_str table = read_name(&lexer, t, &next);
    bool clause = true; /* a clause begins here */
    int depth = 0;
    for (t = next; table.len && t.kind != DF_SQL_END; t = df_sql_next_word(&lexer)) {
        if (t.kind == DF_SQL_SYMBOL) depth += t.text.ptr[0] == '(' ? 1 : t.text.ptr[0] == ')' ? -1 : 0;
        bool drop = clause && depth == 0 && df_sql_is(t, "DROP");
        clause = depth == 0 && t.kind == DF_SQL_SYMBOL && t.text.ptr[0] == ',';
        if (!drop) continue;
        static const char *const column_words[] = {"COLUMN", "IF", "EXISTS", NULL};
        t = df_sql_next_word(&lexer);
        bool is_column = skip_words(&lexer, &t, column_words);
        for (size_t i = 0; !is_column && i < sizeof other / sizeof *other; i++)
            if (df_sql_is(t, other[i])) t.kind = DF_SQL_SYMBOL;
        if (t.kind != DF_SQL_WORD && t.kind != DF_SQL_NAME) continue;
        int64_t rows;
        const char *condition = df_arena_printf(&f->arena, "%.*s IS NOT NULL", DF_FMT(t.text));
        DF_TRY(count_rows(f, table, condition, &rows, err));
        const char *name = df_arena_printf(&f->arena, "%.*s.%.*s", DF_FMT(table), DF_FMT(t.text));
        loss_add_counted(f, rows, df_str_from(name), "values", "");
    }
    return DF_OK;
}

static df_code rows_deleted(loss_finder *f, const df_step *step, bool all, df_error *err)
{
    int64_t rows;
    df_buf name = {0};
    const df_sql_object *table = step->facts.table.name.len ? &step->facts.table : &step->facts.object;
    if (!table->name.len) return DF_OK;
    if (table->schema.len) {
        df_sql_put_name(df_conn_dialect(f->x->conn), &name, table->schema);
        df_buf_char(&name, '.');
    }
    df_sql_put_name(df_conn_dialect(f->x->conn), &name, table->name);
    df_code code = count_rows(f, df_buf_str(&name), NULL, &rows, err);
    if (code == DF_OK) loss_add_counted(f, rows, df_buf_str(&name), "rows", all ? "" : ", of which some are deleted");
    df_buf_release(&name);
    return code;
}

/* ALTER TABLE t DROP PARTITION a, b; TRUNCATE PARTITION a */
static df_code partitions_lost(loss_finder *f, const df_step *step, df_error *err)
{
    static const char *const before[] = {"ALTER", "ONLINE", "IGNORE", "TABLE", "IF", "EXISTS", NULL}, *const verbs[] = {"DROP", "TRUNCATE"};
    static const char *const behind[] = {"PARTITION", "IF", "EXISTS", NULL};
    df_sql_lexer lexer = {.dialect = df_conn_dialect(f->x->conn), .text = step->statement.text};
    df_sql_token t = df_sql_next_word(&lexer), next = {0};
    skip_words(&lexer, &t, before);
    df_str table = read_name(&lexer, t, &next);
    if (!table.len || (!df_sql_is(next, verbs[0]) && !df_sql_is(next, verbs[1]))) return DF_OK;
    t = df_sql_next_word(&lexer);
    if (!df_sql_is(t, "PARTITION")) return DF_OK;
    skip_words(&lexer, &t, behind);
    if (t.kind == DF_SQL_END || df_sql_is(t, "ALL")) return rows_deleted(f, step, true, err);
    df_str names = df_str_skip(step->statement.text, t.offset);
    const char *from = df_arena_printf(&f->arena, "%.*s PARTITION (%.*s)", DF_FMT(table), DF_FMT(names));
    int64_t rows;
    DF_TRY(count_rows(f, df_str_from(from), NULL, &rows, err));
    loss_add_counted(f, rows, df_str_from(from), "rows", "");
    return DF_OK;
}

/* WITH gone AS (DELETE FROM t …) SELECT … */
static df_code rows_deleted_inside(loss_finder *f, const df_step *step, df_error *err)
{
    df_sql_lexer lexer = {.dialect = df_conn_dialect(f->x->conn), .text = step->statement.text};
    for (df_sql_token t = df_sql_next_word(&lexer), next; t.kind != DF_SQL_END; t = df_sql_next_word(&lexer)) {
        static const char *const before[] = {"DELETE", "FROM", "ONLY", NULL};
        if (!df_sql_is(t, "DELETE")) continue;
        skip_words(&lexer, &t, before);
        df_str name = read_name(&lexer, t, &next);
        int64_t rows;
        if (!name.len) continue;
        DF_TRY(count_rows(f, name, NULL, &rows, err));
        loss_add_counted(f, rows, name, "rows", ", of which some are deleted");
    }
    return DF_OK;
}

/* ---- what goes with something else: PostgreSQL ---- */

typedef struct column_list {
    df_arena *arena;
    df_str (*items)[2]; /* table and column, quoted */
    size_t count, cap;
} column_list;

static df_code take_column(void *context, const df_row *row, df_error *err)
{
    (void)err;
    column_list *list = context;
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 8;
        df_str(*items)[2] = df_arena_alloc(list->arena, cap * sizeof *items);
        if (list->count) memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->cap = cap;
    }
    for (size_t i = 0; i < 2; i++) list->items[list->count][i] = df_arena_str(list->arena, row->values[i].s);
    list->count++;
    return DF_OK;
}

/* DROP TYPE, DOMAIN or EXTENSION … CASCADE takes every column of the type with it, and says so only in a notice. */
static df_code typed_columns_lost(loss_finder *f, const df_step *step, df_error *err)
{
    static const char columns[] =
        "SELECT format('%I.%I', n.nspname, c.relname), quote_ident(a.attname) FROM pg_catalog.pg_attribute a"
        " JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_catalog.pg_type t ON t.oid = a.atttypid WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped";
    static const char of_type[] = " AND to_regtype(?) IN (t.oid, t.typelem, t.typbasetype)";
    static const char of_extension[] =
        " AND EXISTS (SELECT 1 FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid WHERE e.extname = ?"
        " AND d.classid = 'pg_catalog.pg_type'::regclass AND d.deptype = 'e' AND d.objid IN (t.oid, t.typelem, t.typbasetype))";
    static const char *const before[] = {"DROP", "TYPE", "DOMAIN", "EXTENSION", "IF", "EXISTS", NULL};
    bool extension = strcmp(step->facts.tag, "DROP EXTENSION") == 0;
    df_sql_lexer lexer = {.dialect = df_conn_dialect(f->x->conn), .text = step->statement.text};
    df_sql_token t = df_sql_next_word(&lexer), next = {0};
    skip_words(&lexer, &t, before);
    column_list list = {.arena = &f->arena};
    const char *sql = df_arena_printf(&f->arena, "%s%s", columns, extension ? of_extension : of_type);
    for (;; t = df_sql_next_word(&lexer)) {
        df_str name = read_name(&lexer, t, &next);
        if (!name.len) break;
        df_value param = df_v_str(extension ? step->facts.object.name : name);
        DF_TRY(df_query(f->x->conn, sql, &param, 1, take_column, &list, err));
        if (next.kind != DF_SQL_SYMBOL || next.text.ptr[0] != ',') break;
    }
    if (!df_sql_is(next, "CASCADE")) return DF_OK;
    for (size_t i = 0; i < list.count; i++) {
        df_str table = list.items[i][0], column = list.items[i][1];
        int64_t rows;
        DF_TRY(count_rows(f, table, df_arena_printf(&f->arena, "%.*s IS NOT NULL", DF_FMT(column)), &rows, err));
        loss_add_counted(f, rows, df_str_from(df_arena_printf(&f->arena, "%.*s.%.*s", DF_FMT(table), DF_FMT(column))), "values", "");
    }
    return DF_OK;
}

static df_code owned_lost(loss_finder *f, const df_step *step, df_error *err)
{
    df_sql_lexer lexer = {.dialect = df_conn_dialect(f->x->conn), .text = step->statement.text};
    static const char *const before[] = {"DROP", "OWNED", "BY", NULL};
    df_sql_token t = df_sql_next_word(&lexer);
    skip_words(&lexer, &t, before);
    df_value owner = df_v_str(t.text);
    column_list tables = {.arena = &f->arena};
    DF_TRY(df_query(f->x->conn,
                    "SELECT format('%I.%I', n.nspname, c.relname), '' FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
                    " ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relowner = to_regrole(?)",
                    &owner, 1, take_column, &tables, err));
    for (size_t i = 0; i < tables.count; i++) {
        int64_t rows;
        DF_TRY(count_rows(f, tables.items[i][0], NULL, &rows, err));
        loss_add_counted(f, rows, tables.items[i][0], "rows", "");
    }
    return DF_OK;
}

static df_code lost_besides(loss_finder *f, const df_step *step, bool *found, df_error *err)
{
    const char *tag = step->facts.tag;
    *found = true;
    if (strcmp(tag, "DROP TYPE") == 0 || strcmp(tag, "DROP DOMAIN") == 0 || strcmp(tag, "DROP EXTENSION") == 0)
        return typed_columns_lost(f, step, err);
    if (strncmp(tag, "DROP OWNED", 10) == 0) return owned_lost(f, step, err);
    *found = false;
    return DF_OK;
}

/* CREATE OR REPLACE TABLE drops the one that is there. */
static bool replaces_table(const loss_finder *f, const df_step *step)
{
    df_sql_lexer lexer = {.dialect = df_conn_dialect(f->x->conn), .text = step->statement.text};
    return strcmp(step->facts.tag, "CREATE TABLE") == 0 && df_sql_is(df_sql_next_word(&lexer), "CREATE") &&
           df_sql_is(df_sql_next_word(&lexer), "OR");
}

static df_code look_at(loss_finder *f, const df_step *step, df_error *err)
{
    const char *tag = step->facts.tag;
    if (!(df_conn_caps(f->x->conn) & DF_CAP_SQL)) return loss_of_graph(f, step, err);
    if (step->facts.flags & DF_SQL_TEMPORARY) return DF_OK;
    df_sql_family family = df_conn_dialect(f->x->conn)->family;
    bool found = false;
    if (family == DF_SQL_POSTGRES) DF_TRY(lost_besides(f, step, &found, err));
    if (found) return DF_OK;
    if (family == DF_SQL_MARIADB && replaces_table(f, step)) return rows_deleted(f, step, true, err);
    if (!(step->facts.flags & DF_SQL_DESTROYS)) return DF_OK;
    if (strcmp(tag, "DROP TABLE") == 0 || strncmp(tag, "TRUNCATE", 8) == 0) return tables_lost(f, step, err);
    if (strcmp(tag, "ALTER TABLE") == 0 && family == DF_SQL_MARIADB) DF_TRY(partitions_lost(f, step, err));
    if (strcmp(tag, "ALTER TABLE") == 0) return columns_lost(f, step, err);
    bool inside = step->facts.cls == DF_SQL_DML || step->facts.cls == DF_SQL_QUERY;
    bool plain = strcmp(tag, "DELETE") == 0 && step->facts.object.name.len;
    if (strcmp(tag, "MERGE") == 0) return rows_deleted(f, step, false, err);
    if (family == DF_SQL_POSTGRES && inside && !plain) return rows_deleted_inside(f, step, err);
    if (strcmp(tag, "DELETE") == 0) return rows_deleted(f, step, (step->facts.flags & DF_SQL_WHOLE_TABLE) != 0, err);
    if (strcmp(tag, "DROP SCHEMA") == 0 || strcmp(tag, "DROP DATABASE") == 0)
        loss_add(f, -1, df_arena_printf(f->x->arena, "%s %.*s with everything in it", tag, DF_FMT(step->facts.object.name)));
    return DF_OK;
}

df_code df_losses(df_executor *x, df_migration *const *migrations, size_t count, df_direction direction, df_loss **out,
                  size_t *n_out, df_error *err)
{
    loss_finder f = {.x = x};
    df_code code = DF_OK;
    for (size_t i = 0; code == DF_OK && i < count; i++) {
        df_steps steps = {0};
        f.migration = migrations[i];
        code = df_migration_load(x->set, migrations[i], err);
        const df_section *section = direction == DF_UP ? &migrations[i]->up : &migrations[i]->down;
        if (code == DF_OK) code = df_section_steps(x->set, section, &x->placeholders, &f.arena, &steps, err);
        for (size_t k = 0; code == DF_OK && k < steps.count; k++) code = look_at(&f, &steps.items[k], err);
    }
    df_arena_release(&f.arena);
    *out = f.items;
    *n_out = f.count;
    return code;
}
