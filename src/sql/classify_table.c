/* SPDX-License-Identifier: Apache-2.0 */
/* The actions of ALTER TABLE. */
#include "sql/sql_int.h"

/* What all actions together amount to. */
typedef struct actions {
    int once;       /* that cannot be done a second time … */
    int repeatable; /* … unless they say IF [NOT] EXISTS, as these do */
} actions;

static bool sees_one(const sql_reader *r, const char *const *words)
{
    for (; *words; words++) {
        if (sql_sees(r, *words)) return true;
    }
    return false;
}

/* The first column that is named stays. */
static void take_column(sql_facts *f)
{
    df_str name = sql_take_value(f);
    if (!f->facts.object.column.ptr) f->facts.object.column = name;
}

static void count(actions *a, bool guarded)
{
    if (guarded)
        a->repeatable++;
    else
        a->once++;
}

/* Reads to the end of the action. A key or a uniqueness is an index that has to be built, if none is named.
 */
static void rest_of_action(sql_facts *f)
{
    bool builds = false;
    while (!sql_sees_end(&f->r) && !sql_sees_symbol(&f->r, ',')) {
        if (sql_sees_symbol(&f->r, '(')) {
            sql_skip_parens(&f->r);
            continue;
        }
        if (sql_sees(&f->r, "PRIMARY") || sql_sees(&f->r, "UNIQUE") || sql_sees(&f->r, "EXCLUDE"))
            builds = true;
        if (sql_take(&f->r, "USING")) {
            if (sql_sees(&f->r, "INDEX")) builds = false;
            continue;
        }
        sql_read(&f->r);
    }
    if (builds) sql_flag(f, DF_SQL_INDEX_BUILD);
}

/* What can stand where a column may, too: in MariaDB more words than in the others, where they are columns'
 * names. */
static bool sees_other(const sql_facts *f)
{
    static const char *const all[] = {"CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "EXCLUDE", NULL};
    static const char *const mariadb[] = {"INDEX",  "KEY",    "FULLTEXT",  "SPATIAL",
                                          "PERIOD", "SYSTEM", "PARTITION", NULL};
    return sees_one(&f->r, all) || (sql_in(f, DF_SQL_MARIADB) && sees_one(&f->r, mariadb));
}

/* MariaDB: ADD UNIQUE INDEX IF NOT EXISTS, ADD FOREIGN KEY IF NOT EXISTS, ADD CONSTRAINT IF NOT EXISTS … */
static void add_other(sql_facts *f, actions *a)
{
    static const char *const words[] = {"CONSTRAINT", "PRIMARY",  "UNIQUE",  "FOREIGN",   "KEY",
                                        "INDEX",      "FULLTEXT", "SPATIAL", "PARTITION", NULL};
    static const char *const indexes[] = {"INDEX", "KEY", "FULLTEXT", "SPATIAL", NULL};
    if (sees_one(&f->r, indexes)) sql_flag(f, DF_SQL_INDEX_BUILD);
    sql_reader r = f->r;
    while (sees_one(&r, words)) sql_read(&r);
    bool guarded = sql_sees(&r, "IF");
    if (guarded) sql_flag(f, DF_SQL_IF_EXISTS);
    count(a, guarded);
}

static void add(sql_facts *f, actions *a)
{
    if (!sql_take(&f->r, "COLUMN") && sees_other(f)) {
        add_other(f, a);
        return;
    }
    count(a, sql_take_if_exists(f));
    sql_take_symbol(&f->r, '('); /* MariaDB: ADD (a …, b …) */
    take_column(f);
}

static void drop(sql_facts *f, actions *a)
{
    bool column = sql_take(&f->r, "COLUMN");
    if (!column && sees_other(f)) {
        if (sql_sees(&f->r, "PARTITION")) sql_flag(f, DF_SQL_DESTROYS);
        if (!sql_take(&f->r, "FOREIGN")) sql_take(&f->r, "PRIMARY");
        sql_read(&f->r);
        count(a, sql_take_if_exists(f));
        return;
    }
    count(a, sql_take_if_exists(f));
    sql_flag(f, DF_SQL_DESTROYS);
    take_column(f);
}

static void rename_action(sql_facts *f, actions *a)
{
    bool whole = sql_take(&f->r, "TO") || sql_take(&f->r, "AS") || sql_take_symbol(&f->r, '=');
    if (!whole && sees_other(f)) {
        count(a, false);
        return;
    }
    if (whole || (sql_in(f, DF_SQL_MARIADB) && !sql_sees(&f->r, "COLUMN"))) {
        df_sql_object renamed;
        count(a, false);
        if (sql_take_name(f, "table", &renamed)) f->facts.value = renamed.name;
        return;
    }
    sql_take(&f->r, "COLUMN");
    count(a, sql_take_if_exists(f));
    take_column(f);
    if (sql_take(&f->r, "TO")) f->facts.value = sql_take_value(f);
}

/* ALTER, MODIFY and CHANGE [COLUMN] [IF EXISTS] name; ALTER also of indexes and constraints. */
static void change(sql_facts *f, actions *a, bool renames)
{
    bool column = sql_take(&f->r, "COLUMN");
    if (!column && sees_other(f)) return;
    bool guarded = sql_take_if_exists(f);
    take_column(f);
    if (!renames) return;
    df_str name = f->facts.object.column, renamed = sql_take_value(f);
    if (df_str_eq(name, renamed)) return;
    f->facts.value = renamed;
    count(a, guarded);
}

static void detach(sql_facts *f)
{
    while (!sql_sees_end(&f->r) && !sql_sees_symbol(&f->r, ',')) {
        if (sql_take(&f->r, "CONCURRENTLY"))
            sql_flag(f, DF_SQL_NO_TRANSACTION);
        else
            sql_read(&f->r);
    }
}

static void action(sql_facts *f, actions *a)
{
    if (sql_take(&f->r, "ADD")) {
        add(f, a);
    } else if (sql_take(&f->r, "DROP")) {
        drop(f, a);
    } else if (sql_take(&f->r, "RENAME")) {
        rename_action(f, a);
    } else if (sql_take(&f->r, "ALTER") || sql_take(&f->r, "MODIFY")) {
        change(f, a, false);
    } else if (sql_take(&f->r, "CHANGE")) {
        change(f, a, true);
    } else if (sql_take(&f->r, "DETACH")) {
        detach(f);
    } else if (sql_take(&f->r, "TRUNCATE")) {
        sql_flag(f, DF_SQL_DESTROYS); /* MariaDB: a partition */
    }
    rest_of_action(f);
}

/* "IF EXISTS" before the table's name does not make what follows repeatable, so only the actions count. */
void sql_read_alter_table(sql_facts *f)
{
    actions a = {0};
    f->facts.flags &= ~(uint32_t)DF_SQL_IF_EXISTS;
    sql_take_symbol(&f->r, '*');
    while (!sql_sees_end(&f->r)) {
        action(f, &a);
        sql_take_symbol(&f->r, ',');
    }
    if (a.once) f->facts.flags &= ~(uint32_t)DF_SQL_IF_EXISTS;
    if (f->facts.table.name.ptr) f->facts.table.column = f->facts.object.column;
}
