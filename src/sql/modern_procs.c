/* SPDX-License-Identifier: Apache-2.0 */
/* Procedures that are no longer there, and the commands that took their place. */
#include "sql/sql_int.h"

typedef struct old_procedure {
    const char *name;
    int32_t removed;     /* the first version without it */
    int32_t removed_25;  /* 25: it is not there in Cypher 25, where `removed` may be never */
    const char *instead; /* said */
    const char *command; /* put in place of CALL name(…), unless it is absent */
    bool arguments;      /* … with what stood in the parentheses behind it */
    const char *columns; /* that the command yields under the same names, or as "old=new" */
} old_procedure;

enum { V4 = 4000, V5 = 5000, NEVER = INT32_MAX };

#define INDEX_COLUMNS                                                                                        \
    " id name state populationPercent type entityType labelsOrTypes properties provider=indexProvider "
#define TRANSACTION_COLUMNS                                                                                  \
    " transactionId username status startTime connectionId clientAddress metaData currentQuery "             \
    "currentQueryId "                                                                                        \
    "queryId=currentQueryId query=currentQuery "

static const old_procedure procedures[] = {
    {"db.constraints", V5, 0, "SHOW CONSTRAINTS", "SHOW CONSTRAINTS", false,
     " id name type entityType labelsOrTypes properties "},
    {"db.indexes", V5, 0, "SHOW INDEXES", "SHOW INDEXES", false, INDEX_COLUMNS},
    {"db.indexDetails", V5, 0, "SHOW INDEXES YIELD * WHERE name = …", NULL, false, NULL},
    {"db.schemaStatements", V5, 0, "SHOW INDEXES and SHOW CONSTRAINTS, which yield createStatement", NULL,
     false, NULL},
    {"db.schema", V4, 0, "CALL db.schema.visualization()", "CALL db.schema.visualization()", false,
     " nodes relationships "},
    {"db.schema.visualisation", V4, 0, "CALL db.schema.visualization()", "CALL db.schema.visualization()",
     false, " nodes relationships "},
    {"db.createIndex", V5, 0, "CREATE INDEX … FOR … ON …", NULL, false, NULL},
    {"db.createUniquePropertyConstraint", V5, 0, "CREATE CONSTRAINT … REQUIRE … IS UNIQUE", NULL, false,
     NULL},
    {"db.createNodeKey", V5, 0, "CREATE CONSTRAINT … REQUIRE … IS NODE KEY", NULL, false, NULL},
    {"db.index.fulltext.createNodeIndex", V5, 0, "CREATE FULLTEXT INDEX … FOR (n:Label) ON EACH [n.property]",
     NULL, false, NULL},
    {"db.index.fulltext.createRelationshipIndex", V5, 0,
     "CREATE FULLTEXT INDEX … FOR ()-[r:TYPE]-() ON EACH [r.property]", NULL, false, NULL},
    {"db.index.fulltext.drop", V5, 0, "DROP INDEX name", NULL, false, NULL},
    {"db.index.vector.createNodeIndex", NEVER, 25, "CREATE VECTOR INDEX … FOR … ON … OPTIONS {…}", NULL,
     false, NULL},
    {"db.create.setVectorProperty", NEVER, 25, "db.create.setNodeVectorProperty",
     "CALL db.create.setNodeVectorProperty", true, NULL},
    {"dbms.listTransactions", V5, 0, "SHOW TRANSACTIONS", "SHOW TRANSACTIONS", false, TRANSACTION_COLUMNS},
    {"dbms.listQueries", V5, 0, "SHOW TRANSACTIONS", "SHOW TRANSACTIONS", false, TRANSACTION_COLUMNS},
    {"dbms.listActiveLocks", V5, 0, "SHOW TRANSACTIONS YIELD transactionId, activeLockCount", NULL, false,
     NULL},
    {"dbms.killTransaction", V5, 0, "TERMINATE TRANSACTIONS", "TERMINATE TRANSACTIONS ", true, NULL},
    {"dbms.killTransactions", V5, 0, "TERMINATE TRANSACTIONS", "TERMINATE TRANSACTIONS ", true, NULL},
    {"dbms.killQuery", V5, 0, "TERMINATE TRANSACTIONS, with the id of the transaction that runs the query",
     NULL, false, NULL},
    {"dbms.killQueries", V5, 0,
     "TERMINATE TRANSACTIONS, with the ids of the transactions that run the queries", NULL, false, NULL},
    {"dbms.procedures", V5, 0, "SHOW PROCEDURES", "SHOW PROCEDURES", false,
     " name signature description mode "},
    {"dbms.functions", V5, 0, "SHOW FUNCTIONS", "SHOW FUNCTIONS", false,
     " name signature description category "},
    {"dbms.database.state", V5, 0, "SHOW DATABASE name YIELD currentStatus", NULL, false, NULL},
    {"dbms.getTXMetaData", V5, 0, "CALL tx.getMetaData()", "CALL tx.getMetaData()", false, " metadata "},
    {"dbms.setTXMetaData", V5, 0, "CALL tx.setMetaData(…)", "CALL tx.setMetaData", true, NULL},
    {"dbms.upgrade", NEVER, 25, "the upgrade that the server does on its own", NULL, false, NULL},
    {"dbms.upgradeStatus", NEVER, 25, "the upgrade that the server does on its own", NULL, false, NULL},
    {"dbms.cluster.routing.getRoutingTable", NEVER, 0, "dbms.routing.getRoutingTable",
     "CALL dbms.routing.getRoutingTable", true, " ttl servers "},
    {"dbms.security.createUser", V5, 0, "CREATE USER", NULL, false, NULL},
    {"dbms.security.deleteUser", V5, 0, "DROP USER", NULL, false, NULL},
    {"dbms.security.changePassword", V5, 0, "ALTER CURRENT USER SET PASSWORD FROM … TO …", NULL, false, NULL},
    {"dbms.security.listUsers", V5, 0, "SHOW USERS", NULL, false, NULL},
};

/* What the column `name` is called now, in the list of the procedure; absent when it is not there. */
static df_str column_now(const char *columns, df_str name)
{
    for (const char *p = columns; *p == ' ' && p[1];) {
        const char *end = strchr(p + 1, ' ');
        df_str entry = {p + 1, (size_t)(end - p - 1)};
        const char *same = memchr(entry.ptr, '=', entry.len);
        df_str old = {entry.ptr, same ? (size_t)(same - entry.ptr) : entry.len};
        if (df_str_eq(old, name)) return same ? df_str_skip(entry, old.len + 1) : entry;
        p = end;
    }
    return DF_STR_NONE;
}

static bool ends_list(const sql_reader *r)
{
    return sql_sees_end(r) || sql_sees(r, "WHERE") || sql_sees(r, "RETURN") || sql_sees(r, "WITH") ||
           sql_sees(r, "ORDER") || sql_sees(r, "SKIP") || sql_sees(r, "LIMIT");
}

/* YIELD a, b AS c: whether all are there; with `write` those that have another name are renamed. */
static bool yields(sql_modern *m, const old_procedure *p, sql_reader r, bool write)
{
    enum { MOST = 64 };
    if (sql_sees_end(&r)) return true;
    if (!sql_take(&r, "YIELD") || !p->columns) return false;
    for (int i = 0; i < MOST && !ends_list(&r); i++) {
        df_sql_token t = r.token;
        sql_read(&r);
        bool renamed = sql_take(&r, "AS");
        if (renamed) sql_read(&r);
        df_str now = t.kind == DF_SQL_WORD ? column_now(p->columns, t.text) : DF_STR_NONE;
        if (!now.ptr) return false;
        if (write && !df_str_eq(now, t.text)) {
            const char *text = df_arena_printf(m->arena, "%.*s AS %.*s", DF_FMT(now), DF_FMT(t.text));
            sql_edit(m, t.offset, t.text.len, renamed ? now : df_str_from(text));
        }
        if (!sql_take_symbol(&r, ',') && !ends_list(&r)) return false;
    }
    return true;
}

/* Behind the parenthesis at which the reader stands; returns where the one is that closes it, 0 when none
 * does. */
static size_t closing(sql_reader *r)
{
    enum { AHEAD = 256 }; /* tokens that are looked at */
    size_t depth = 0, at = 0;
    int left = AHEAD;
    do {
        if (sql_sees_symbol(r, '(')) depth++;
        if (sql_sees_symbol(r, ')')) depth--;
        at = r->token.offset;
        sql_read(r);
    } while (depth && --left && !sql_sees_end(r));
    return depth ? 0 : at;
}

/* Puts the command in place of CALL name(…). Only a statement that begins with it can be one of its kind. */
static void put_command(sql_modern *m, const old_procedure *p, size_t call, bool first, sql_reader r)
{
    bool parens = sql_sees_symbol(&r, '(');
    bool same = strncmp(p->command, "CALL", 4) == 0; /* may stand where it stood */
    size_t open = r.token.offset, close = parens ? closing(&r) : 0;
    df_str command = df_str_from(p->command);
    if (parens && !close) return;
    if (p->arguments && parens && same) {
        if (sql_sees(&r, "YIELD") && !yields(m, p, r, false)) return;
        sql_edit(m, call, open - call, command);
    } else if (p->arguments) {
        if (!parens || !first || !sql_sees_end(&r)) return;
        sql_edit(m, call, open + 1 - call, command);
        sql_edit(m, close, 1, DF_STR(""));
    } else if ((first || same) && yields(m, p, r, false)) {
        size_t end = parens ? close + 1 : open;
        while (end > call && sql_is(m->text.ptr[end - 1], C_SPACE)) end--;
        sql_edit(m, call, end - call, command);
        yields(m, p, r, true);
    }
}

void sql_modern_procedure(sql_modern *m, df_str name, size_t call, bool first, sql_reader r)
{
    if (df_str_is(name, "apoc.periodic.iterate")) sql_modern_iterate(m, call, first, r);
    for (size_t i = 0; i < sizeof procedures / sizeof *procedures; i++) {
        const old_procedure *p = &procedures[i];
        if (!df_str_is(name, p->name)) continue;
        bool never = p->removed == NEVER;
        bool gone = (!never && (!m->version || m->version >= p->removed)) ||
                    (p->removed_25 == 25 && m->language == 25);
        if (!gone && (!never || (m->version && m->version < V5))) return;
        sql_find(m, call, "procedure", gone ? DF_SQL_ERROR : DF_SQL_WARNING, "%s is %s: write %s", p->name,
                 gone ? "no longer there" : "deprecated", p->instead);
        if (p->command) put_command(m, p, call, first, r);
        return;
    }
}
