/* SPDX-License-Identifier: Apache-2.0 */
/* Statements about rows. */
#include "sql/sql_int.h"

static void take_target(sql_facts *f)
{
    sql_take(&f->r, "ONLY");
    if (sql_take_name(f, "table", &f->facts.object)) f->facts.table = f->facts.object;
}

/* MariaDB's LOW_PRIORITY, IGNORE …, SQLite's OR REPLACE. */
static void skip_manner(sql_facts *f)
{
    static const char *const words[] = {"LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "IGNORE"};
    if (sql_in(f, DF_SQL_SQLITE) && sql_take(&f->r, "OR")) sql_read(&f->r);
    if (!sql_in(f, DF_SQL_MARIADB)) return;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (sql_take(&f->r, words[i])) i = (size_t)-1;
    }
}

/* LIMIT says which rows, too. */
static void look_for_where(sql_facts *f)
{
    while (!sql_sees_end(&f->r)) {
        if (sql_sees(&f->r, "WHERE") || sql_sees(&f->r, "LIMIT")) return;
        if (sql_sees_symbol(&f->r, '('))
            sql_skip_parens(&f->r);
        else
            sql_read(&f->r);
    }
    sql_flag(f, DF_SQL_WHOLE_TABLE);
}

void sql_read_insert(sql_facts *f)
{
    skip_manner(f);
    sql_take(&f->r, "INTO");
    take_target(f);
}

void sql_read_update(sql_facts *f)
{
    skip_manner(f);
    take_target(f);
    look_for_where(f);
}

void sql_read_delete(sql_facts *f)
{
    sql_flag(f, DF_SQL_DESTROYS);
    skip_manner(f);
    sql_take(&f->r, "FROM"); /* MariaDB: DELETE a, b FROM … */
    take_target(f);
    look_for_where(f);
}

void sql_read_merge(sql_facts *f)
{
    sql_take(&f->r, "INTO");
    take_target(f);
    while (sql_take_until(&f->r, "THEN")) {
        if (sql_sees(&f->r, "DELETE")) sql_flag(f, DF_SQL_DESTROYS);
    }
}

/* COPY t (…) FROM …; TO only reads. */
void sql_read_copy(sql_facts *f)
{
    sql_take(&f->r, "BINARY");
    if (sql_sees_symbol(&f->r, '('))
        sql_skip_parens(&f->r);
    else
        take_target(f);
    sql_skip_parens(&f->r);
    if (!sql_take(&f->r, "FROM")) {
        f->facts.cls = DF_SQL_QUERY;
        f->facts.object = f->facts.table = (df_sql_object){0};
    } else if (sql_sees(&f->r, "STDIN")) {
        sql_flag(f, DF_SQL_COPY_IN);
    }
}

/* MariaDB: LOAD DATA, LOAD XML, LOAD INDEX INTO CACHE; PostgreSQL: LOAD 'library'; */
void sql_read_load(sql_facts *f)
{
    if (sql_in(f, DF_SQL_POSTGRES)) {
        f->facts.cls = DF_SQL_SESSION;
    } else if (sql_take(&f->r, "INDEX")) {
        f->facts.cls = DF_SQL_MAINTENANCE;
        f->facts.tag = "LOAD INDEX";
    } else {
        f->facts.tag = sql_sees(&f->r, "XML") ? "LOAD XML" : "LOAD DATA";
        if (sql_take_until(&f->r, "TABLE")) take_target(f);
    }
}

/* PostgreSQL's SELECT … INTO t makes a table. */
void sql_read_select(sql_facts *f)
{
    if (!sql_in(f, DF_SQL_POSTGRES) || !sql_take_until(&f->r, "INTO")) return;
    f->facts.cls = DF_SQL_DDL;
    f->facts.tag = "SELECT INTO";
    if (sql_take(&f->r, "TEMP") || sql_take(&f->r, "TEMPORARY")) sql_flag(f, DF_SQL_TEMPORARY);
    sql_take(&f->r, "UNLOGGED");
    sql_take(&f->r, "TABLE");
    take_target(f);
}

/* The tag of a statement that changes rows, NULL for another word. */
static const char *changes_rows(const sql_reader *r)
{
    static const char *const words[] = {"INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (sql_sees(r, words[i])) return words[i];
    }
    return NULL;
}

/* WITH a AS (…), b AS (…) statement: a part in parentheses may change rows as well. */
void sql_read_with(sql_facts *f)
{
    const char *inner = NULL;
    bool behind = false; /* a ")" was the last token: the statement itself may begin */
    while (!sql_sees_end(&f->r)) {
        bool verb = sql_sees(&f->r, "SELECT") || sql_sees(&f->r, "VALUES") || sql_sees(&f->r, "TABLE");
        if (behind && (verb || changes_rows(&f->r))) break;
        behind = sql_sees_symbol(&f->r, '(');
        if (behind) {
            sql_reader r = f->r;
            sql_read(&r);
            if (!inner) inner = changes_rows(&r);
            if (sql_sees(&r, "DELETE")) sql_flag(f, DF_SQL_DESTROYS);
            sql_skip_parens(&f->r);
        } else {
            sql_read(&f->r);
        }
    }
    uint32_t flags = f->facts.flags;
    if (!sql_sees_end(&f->r)) sql_read_statement(f);
    sql_flag(f, flags);
    if (inner && f->facts.cls == DF_SQL_QUERY) {
        f->facts.cls = DF_SQL_DML;
        f->facts.tag = inner;
    }
}
