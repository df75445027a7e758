/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Cypher statement is: the options in front of it, the commands of cypher-shell, those about schema
 * and administration, SHOW. What reads or writes the graph is in cypher_data.c.
 */
#include "sql/sql_int.h"

enum { NT = DF_SQL_NO_TRANSACTION };

/* ---- cypher-shell ---- */

static void read_command(sql_facts *f)
{
    static const struct {
        const char *word, *tag;
        df_sql_class cls;
        uint32_t flags;
    } commands[] = {
        {"USE", ":use", DF_SQL_SESSION, 0},
        {"PARAM", ":param", DF_SQL_SESSION, 0},
        {"PARAMS", ":param", DF_SQL_SESSION, 0},
        {"BEGIN", ":begin", DF_SQL_TRANSACTION, DF_SQL_BEGIN},
        {"COMMIT", ":commit", DF_SQL_TRANSACTION, DF_SQL_COMMIT},
        {"ROLLBACK", ":rollback", DF_SQL_TRANSACTION, DF_SQL_ROLLBACK},
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (!sql_take(&f->r, commands[i].word)) continue;
        f->facts.cls = commands[i].cls;
        f->facts.tag = commands[i].tag;
        f->facts.flags = commands[i].flags;
        if (i == 0 && sql_take_name(f, "database", &f->facts.object)) f->facts.value = f->facts.object.name;
        if (i == 1) f->facts.value = sql_take_value(f);
        return;
    }
}

/* ---- schema ---- */

/* (n:Label …), ()-[r:TYPE]-(), and the old :Label(property): what an index or constraint is about. */
static void take_pattern(sql_facts *f)
{
    bool type = false;
    while (!sql_sees_end(&f->r) && !sql_sees_symbol(&f->r, ':')) {
        if (sql_sees(&f->r, "ON") || sql_sees(&f->r, "REQUIRE") || sql_sees(&f->r, "ASSERT")) return;
        type |= sql_sees_symbol(&f->r, '[');
        sql_read(&f->r);
    }
    if (!sql_take_symbol(&f->r, ':')) return;
    df_str name = sql_name_of(f, f->r.token);
    if (!name.ptr) return;
    f->facts.table = (df_sql_object){.kind = type ? "relationship type" : "label", .name = name};
    sql_read(&f->r);
}

/* The first property behind the pattern: n.p, or what stands in the parentheses of the old form. */
static void take_property(sql_facts *f)
{
    bool old = sql_sees_symbol(&f->r, '(');
    while (!old && !sql_sees_end(&f->r) && !sql_sees_symbol(&f->r, '.')) {
        if (sql_sees(&f->r, "OPTIONS")) return;
        sql_read(&f->r);
    }
    sql_read(&f->r);
    if (f->facts.table.kind) f->facts.table.column = sql_name_of(f, f->r.token);
}

static bool sees_name(const sql_facts *f)
{
    static const char *const others[] = {"IF", "FOR", "ON", "SET", NULL};
    for (size_t i = 0; others[i]; i++) {
        if (sql_sees(&f->r, others[i])) return false;
    }
    return f->r.token.kind == DF_SQL_WORD || f->r.token.kind == DF_SQL_NAME;
}

/* Behind INDEX or CONSTRAINT. A parameter as name leaves it unknown. */
static void read_schema(sql_facts *f, const char *kind)
{
    f->facts.cls = DF_SQL_DDL;
    f->facts.object.kind = kind;
    sql_flag(f, NT);
    if (sql_take_symbol(&f->r, '$'))
        sql_read(&f->r);
    else if (sees_name(f))
        sql_take_name(f, kind, &f->facts.object);
    sql_take_if_exists(f);
    if (!sql_take(&f->r, "FOR") && !sql_take(&f->r, "ON")) return;
    take_pattern(f);
    take_property(f);
}

/* CREATE [kind] INDEX, CREATE CONSTRAINT; nothing is read when it is something else. */
static bool create_schema(sql_facts *f)
{
    static const struct {
        const char *word, *tag;
    } kinds[] = {{"BTREE", "CREATE BTREE INDEX"},       {"RANGE", "CREATE RANGE INDEX"},
                 {"TEXT", "CREATE TEXT INDEX"},         {"POINT", "CREATE POINT INDEX"},
                 {"FULLTEXT", "CREATE FULLTEXT INDEX"}, {"VECTOR", "CREATE VECTOR INDEX"},
                 {"LOOKUP", "CREATE LOOKUP INDEX"}};
    sql_reader before = f->r;
    const char *tag = "CREATE INDEX";
    if (sql_take(&f->r, "CONSTRAINT")) {
        if (!sql_sees_symbol(&f->r, '=')) {
            f->facts.tag = "CREATE CONSTRAINT";
            sql_flag(f, DF_SQL_INDEX_BUILD);
            read_schema(f, "constraint");
            return true;
        }
    } else {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            if (!sql_take(&f->r, kinds[i].word)) continue;
            tag = kinds[i].tag;
            break;
        }
        if (sql_take(&f->r, "INDEX") && !sql_sees_symbol(&f->r, '=')) {
            f->facts.tag = tag;
            sql_flag(f, DF_SQL_INDEX_BUILD);
            read_schema(f, "index");
            return true;
        }
    }
    f->r = before;
    return false;
}

static bool drop_schema(sql_facts *f)
{
    bool constraint = sql_take(&f->r, "CONSTRAINT");
    if (!constraint && !sql_take(&f->r, "INDEX")) return false;
    f->facts.tag = constraint ? "DROP CONSTRAINT" : "DROP INDEX";
    read_schema(f, constraint ? "constraint" : "index");
    return true;
}

/* ALTER CURRENT GRAPH TYPE SET { … } */
static bool alter_graph_type(sql_facts *f)
{
    sql_reader before = f->r;
    if (sql_take(&f->r, "CURRENT") && sql_take(&f->r, "GRAPH") && sql_take(&f->r, "TYPE")) {
        f->facts.cls = DF_SQL_DDL;
        f->facts.tag = "ALTER CURRENT GRAPH TYPE";
        f->facts.object.kind = "graph type";
        sql_flag(f, NT | DF_SQL_INDEX_BUILD);
        return true;
    }
    f->r = before;
    return false;
}

/* ---- administration ---- */

typedef struct admin_kind {
    const char *word, *kind, *create, *drop, *alter, *rename;
} admin_kind;

static const admin_kind admin_kinds[] = {
    {"DATABASE", "database", "CREATE DATABASE", "DROP DATABASE", "ALTER DATABASE", ""},
    {"USER", "user", "CREATE USER", "DROP USER", "ALTER USER", "RENAME USER"},
    {"ROLE", "role", "CREATE ROLE", "DROP ROLE", "", "RENAME ROLE"},
    {"ALIAS", "alias", "CREATE ALIAS", "DROP ALIAS", "ALTER ALIAS", ""},
    {"SERVER", "server", "", "DROP SERVER", "ALTER SERVER", "RENAME SERVER"},
    {"AUTH", "auth rule", "CREATE AUTH RULE", "DROP AUTH RULE", "ALTER AUTH RULE", "RENAME AUTH RULE"},
};

static const admin_kind *take_admin_kind(sql_facts *f)
{
    sql_reader before = f->r;
    if (!sql_take(&f->r, "COMPOSITE") && !sql_take(&f->r, "CURRENT")) sql_take(&f->r, "IMMUTABLE");
    for (size_t i = 0; i < sizeof admin_kinds / sizeof *admin_kinds; i++) {
        if (!sql_take(&f->r, admin_kinds[i].word)) continue;
        if (sql_sees_symbol(&f->r, '=')) break; /* CREATE user = (…) */
        sql_take(&f->r, "RULE");
        return &admin_kinds[i];
    }
    f->r = before;
    return NULL;
}

static void note_admin(sql_facts *f, const char *tag)
{
    f->facts.cls = DF_SQL_DDL;
    f->facts.tag = tag;
    sql_flag(f, NT | DF_SQL_ADMINISTRATION);
}

static bool read_admin(sql_facts *f, size_t tag_at, uint32_t flags)
{
    const admin_kind *kind = take_admin_kind(f);
    if (!kind) return false;
    const char *tags[] = {kind->create, kind->drop, kind->alter, kind->rename};
    note_admin(f, tags[tag_at]);
    sql_flag(f, flags);
    f->facts.object.kind = kind->kind;
    if (sees_name(f)) sql_take_name(f, kind->kind, &f->facts.object);
    sql_take_if_exists(f);
    return true;
}

static void read_privilege(sql_facts *f)
{
    note_admin(f, sql_sees(&f->r, "GRANT") ? "GRANT" : sql_sees(&f->r, "DENY") ? "DENY" : "REVOKE");
}

/* START and STOP DATABASE, and the commands of clusters. */
static bool read_operation(sql_facts *f)
{
    static const struct {
        const char *words[2], *tag;
    } operations[] = {{{"START", "DATABASE"}, "START DATABASE"},
                      {{"STOP", "DATABASE"}, "STOP DATABASE"},
                      {{"ENABLE", "SERVER"}, "ENABLE SERVER"},
                      {{"DEALLOCATE", "DATABASES"}, "DEALLOCATE DATABASES"},
                      {{"DEALLOCATE", "DATABASE"}, "DEALLOCATE DATABASES"},
                      {{"REALLOCATE", "DATABASES"}, "REALLOCATE DATABASES"},
                      {{"REALLOCATE", "DATABASE"}, "REALLOCATE DATABASES"},
                      {{"DRYRUN", NULL}, "DRYRUN"}};
    sql_reader before = f->r;
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        f->r = before;
        if (!sql_take(&f->r, operations[i].words[0])) continue;
        if (operations[i].words[1] && !sql_take(&f->r, operations[i].words[1])) continue;
        note_admin(f, operations[i].tag);
        if (i < 2) sql_take_name(f, "database", &f->facts.object);
        return true;
    }
    f->r = before;
    return false;
}

static void read_show(sql_facts *f)
{
    static const struct {
        const char *word, *tag;
        bool system;
    } kinds[] = {
        {"INDEXES", "SHOW INDEXES", false},
        {"INDEX", "SHOW INDEXES", false},
        {"CONSTRAINTS", "SHOW CONSTRAINTS", false},
        {"CONSTRAINT", "SHOW CONSTRAINTS", false},
        {"FUNCTIONS", "SHOW FUNCTIONS", false},
        {"FUNCTION", "SHOW FUNCTIONS", false},
        {"PROCEDURES", "SHOW PROCEDURES", false},
        {"PROCEDURE", "SHOW PROCEDURES", false},
        {"SETTINGS", "SHOW SETTINGS", false},
        {"SETTING", "SHOW SETTINGS", false},
        {"TRANSACTIONS", "SHOW TRANSACTIONS", false},
        {"TRANSACTION", "SHOW TRANSACTIONS", false},
        {"GRAPH", "SHOW GRAPH TYPE", false},
        {"DATABASES", "SHOW DATABASES", true},
        {"DATABASE", "SHOW DATABASES", true},
        {"USERS", "SHOW USERS", true},
        {"USER", "SHOW USERS", true},
        {"ROLES", "SHOW ROLES", true},
        {"ROLE", "SHOW ROLES", true},
        {"PRIVILEGES", "SHOW PRIVILEGES", true},
        {"PRIVILEGE", "SHOW PRIVILEGES", true},
        {"ALIASES", "SHOW ALIASES", true},
        {"ALIAS", "SHOW ALIASES", true},
        {"SERVERS", "SHOW SERVERS", true},
        {"SERVER", "SHOW SERVERS", true},
        {"AUTH", "SHOW AUTH RULES", true},
    };
    f->facts.cls = DF_SQL_QUERY;
    f->facts.tag = "SHOW";
    for (int words = 0; words < 6 && f->r.token.kind == DF_SQL_WORD; words++, sql_read(&f->r)) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            if (!sql_sees(&f->r, kinds[i].word)) continue;
            f->facts.tag = kinds[i].tag;
            if (kinds[i].system) sql_flag(f, NT | DF_SQL_ADMINISTRATION);
            if (sql_take_until(&f->r, "TERMINATE")) f->facts.cls = DF_SQL_MAINTENANCE;
            return;
        }
    }
}

/* ---- the first words ---- */

/* CYPHER [5 | 25] name=value …, EXPLAIN, PROFILE, USE graph. */
static bool take_options(sql_facts *f)
{
    bool explain = false;
    for (;;) {
        if (sql_take(&f->r, "EXPLAIN")) {
            explain = true;
        } else if (sql_take(&f->r, "CYPHER")) {
            while (f->r.token.kind == DF_SQL_NUMBER) sql_read(&f->r);
            for (;;) {
                sql_reader before = f->r;
                sql_read(&f->r);
                if (before.token.kind != DF_SQL_WORD || !sql_take_symbol(&f->r, '=')) {
                    f->r = before;
                    break;
                }
                sql_read(&f->r);
            }
        } else if (!sql_take(&f->r, "PROFILE")) {
            return explain;
        }
    }
}

/* Up to the next clause: a name with points, or graph.byName(…). */
static void skip_use(sql_facts *f)
{
    if (!sql_take(&f->r, "USE")) return;
    do {
        sql_read(&f->r);
    } while (sql_take_symbol(&f->r, '.'));
    sql_skip_parens(&f->r);
}

static bool read_definition(sql_facts *f)
{
    sql_reader before = f->r;
    if (sql_take(&f->r, "CREATE")) {
        bool replace = sql_take(&f->r, "OR") && sql_take(&f->r, "REPLACE");
        if (replace) sql_flag(f, DF_SQL_IF_EXISTS);
        if (create_schema(f) || read_admin(f, 0, 0)) return true;
        f->facts.flags = 0;
    } else if (sql_take(&f->r, "DROP")) {
        if (drop_schema(f) || read_admin(f, 1, DF_SQL_DESTROYS)) return true;
    } else if (sql_take(&f->r, "ALTER")) {
        if (alter_graph_type(f) || read_admin(f, 2, 0)) return true;
    } else if (sql_take(&f->r, "RENAME")) {
        if (read_admin(f, 3, 0)) return true;
    } else if (sql_sees(&f->r, "GRANT") || sql_sees(&f->r, "DENY") || sql_sees(&f->r, "REVOKE")) {
        read_privilege(f);
        return true;
    } else if (sql_take(&f->r, "SHOW")) {
        read_show(f);
        return true;
    } else if (sql_take(&f->r, "TERMINATE")) {
        f->facts.cls = DF_SQL_MAINTENANCE;
        f->facts.tag = "TERMINATE TRANSACTIONS";
        return true;
    } else if (read_operation(f)) {
        return true;
    }
    f->r = before;
    return false;
}

void sql_read_cypher(sql_facts *f)
{
    f->facts.tag = "";
    if (sql_take_symbol(&f->r, ':')) {
        read_command(f);
        return;
    }
    if (take_options(f)) { /* nothing runs */
        f->facts.cls = DF_SQL_QUERY;
        f->facts.tag = "EXPLAIN";
        return;
    }
    sql_reader before = f->r;
    skip_use(f);
    if (read_definition(f)) return;
    f->r = before;
    sql_read_graph(f);
}
