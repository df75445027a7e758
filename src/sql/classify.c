/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of statement one is: the table of first words, and what only needs a look at the second. */
#include "sql/sql_int.h"

typedef struct first_word {
    const char *word;
    uint8_t families;
    df_sql_class cls;
    const char *tag;
    void (*read)(sql_facts *f); /* NULL: nothing more to find out */
    uint32_t flags;
} first_word;

#define PG  (1u << DF_SQL_POSTGRES)
#define SL  (1u << DF_SQL_SQLITE)
#define MY  (1u << DF_SQL_MARIADB)
#define ALL (PG | SL | MY)

/* ---- transactions ---- */

static bool takes_chain(sql_facts *f)
{
    return sql_take(&f->r, "AND") && sql_take(&f->r, "CHAIN");
}

static void skip_work(sql_facts *f)
{
    if (!sql_take(&f->r, "WORK")) sql_take(&f->r, "TRANSACTION");
}

static void read_begin(sql_facts *f)
{
    if (sql_in(f, DF_SQL_MARIADB) && sql_take(&f->r, "NOT")) {
        f->facts.cls = DF_SQL_ROUTINE;
        f->facts.tag = "BEGIN NOT ATOMIC";
        f->facts.flags = DF_SQL_DYNAMIC;
    }
}

static void read_start(sql_facts *f)
{
    if (sql_take(&f->r, "TRANSACTION")) return;
    f->facts.flags = 0;
    f->facts.cls = sql_in(f, DF_SQL_MARIADB) ? DF_SQL_MAINTENANCE : DF_SQL_UNKNOWN;
    f->facts.tag = sql_in(f, DF_SQL_MARIADB) ? "START SLAVE" : "";
}

static void read_commit(sql_facts *f)
{
    if (sql_take(&f->r, "PREPARED")) {
        f->facts.tag = "COMMIT PREPARED";
        f->facts.flags = DF_SQL_NO_TRANSACTION;
        return;
    }
    skip_work(f);
    if (takes_chain(f)) sql_flag(f, DF_SQL_BEGIN);
}

static void read_rollback(sql_facts *f)
{
    if (sql_take(&f->r, "PREPARED")) {
        f->facts.tag = "ROLLBACK PREPARED";
        f->facts.flags = DF_SQL_NO_TRANSACTION;
        return;
    }
    skip_work(f);
    if (sql_sees(&f->r, "TO")) f->facts.flags = 0;
    if (takes_chain(f)) sql_flag(f, DF_SQL_BEGIN);
}

static void read_xa(sql_facts *f)
{
    if (sql_sees(&f->r, "START") || sql_sees(&f->r, "BEGIN"))
        sql_flag(f, DF_SQL_BEGIN | DF_SQL_NO_TRANSACTION);
    else if (sql_sees(&f->r, "COMMIT"))
        sql_flag(f, DF_SQL_COMMIT);
    else if (sql_sees(&f->r, "ROLLBACK"))
        sql_flag(f, DF_SQL_ROLLBACK);
    else if (sql_sees(&f->r, "RECOVER"))
        f->facts.cls = DF_SQL_QUERY;
}

/* PREPARE TRANSACTION ends the session's transaction, PREPARE name AS … does not. */
static void read_prepare(sql_facts *f)
{
    if (!sql_in(f, DF_SQL_POSTGRES) || !sql_take(&f->r, "TRANSACTION")) return;
    f->facts.cls = DF_SQL_TRANSACTION;
    f->facts.tag = "PREPARE TRANSACTION";
    f->facts.flags = DF_SQL_COMMIT;
}

/* ---- routines ---- */

/* Whether COMMIT or ROLLBACK is a statement of this PL/pgSQL text. */
static bool body_commits(df_str body)
{
    static const char *const before[] = {"BEGIN", "THEN", "ELSE", "LOOP"};
    sql_reader r;
    bool start = true;
    sql_reader_init(&r, &df_sql_postgres, body);
    while (!sql_sees_end(&r)) {
        if (start && (sql_take(&r, "COMMIT") || sql_take(&r, "ROLLBACK"))) {
            if (sql_sees_symbol(&r, ';') || sql_sees(&r, "AND")) return true;
            start = false;
            continue;
        }
        start = sql_sees_symbol(&r, ';') || sql_sees_symbol(&r, '>'); /* <<label>> */
        for (size_t i = 0; !start && i < sizeof before / sizeof *before; i++) start = sql_sees(&r, before[i]);
        sql_read(&r);
    }
    return false;
}

static df_str inside_dollars(df_str quoted)
{
    const char *end = memchr(quoted.ptr + 1, '$', quoted.len - 1);
    size_t tag = end ? (size_t)(end - quoted.ptr) + 1 : 0;
    if (!tag || quoted.len < 2 * tag) return DF_STR_NONE;
    return (df_str){quoted.ptr + tag, quoted.len - 2 * tag};
}

static void read_do(sql_facts *f)
{
    if (!sql_in(f, DF_SQL_POSTGRES)) return;
    for (; !sql_sees_end(&f->r); sql_read(&f->r)) {
        df_sql_token t = f->r.token;
        if (t.kind != DF_SQL_STRING || t.open) continue;
        df_str body = t.text.ptr[0] == '$' ? inside_dollars(t.text) : sql_name_of(f, t);
        if (body.ptr && body_commits(body)) sql_flag(f, DF_SQL_NO_TRANSACTION);
    }
}

/* ---- looking at the second word ---- */

static void read_explain(sql_facts *f)
{
    bool runs = false;
    if (sql_in(f, DF_SQL_POSTGRES) && sql_sees_symbol(&f->r, '(')) {
        for (; !sql_sees_end(&f->r) && !sql_sees_symbol(&f->r, ')'); sql_read(&f->r)) {
            if (sql_sees(&f->r, "ANALYZE") || sql_sees(&f->r, "ANALYSE")) runs = true;
            if (runs && (sql_sees(&f->r, "FALSE") || sql_sees(&f->r, "OFF"))) runs = false;
        }
        sql_take_symbol(&f->r, ')');
    } else if (sql_in(f, DF_SQL_POSTGRES)) {
        runs = sql_take(&f->r, "ANALYZE") || sql_take(&f->r, "ANALYSE");
        sql_take(&f->r, "VERBOSE");
    }
    if (!runs) return;
    sql_read_statement(f);
    f->facts.tag = "EXPLAIN";
}

/* ANALYZE [TABLE] t; MariaDB's ANALYZE of a statement runs it. */
static void read_analyze(sql_facts *f)
{
    if (!sql_in(f, DF_SQL_MARIADB)) {
        sql_read_maintenance(f);
        return;
    }
    static const char *const tables[] = {"TABLE", "TABLES", "LOCAL", "NO_WRITE_TO_BINLOG"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (!sql_sees(&f->r, tables[i])) continue;
        sql_flag(f, DF_SQL_IMPLICIT_COMMIT);
        sql_read_maintenance(f);
        return;
    }
    if (sql_take(&f->r, "FORMAT")) {
        sql_take_symbol(&f->r, '=');
        sql_read(&f->r);
    }
    sql_read_statement(f);
}

static void read_discard(sql_facts *f)
{
    if (sql_sees(&f->r, "ALL")) sql_flag(f, DF_SQL_NO_TRANSACTION);
}

/* MariaDB: RESET MASTER, RESET QUERY CACHE … */
static void read_reset(sql_facts *f)
{
    if (sql_in(f, DF_SQL_MARIADB)) {
        f->facts.cls = DF_SQL_MAINTENANCE;
        sql_flag(f, DF_SQL_IMPLICIT_COMMIT);
    } else {
        f->facts.value = sql_take_value(f);
    }
}

static void read_lock(sql_facts *f)
{
    if (!sql_take(&f->r, "TABLES")) sql_take(&f->r, "TABLE");
    sql_take(&f->r, "ONLY");
    if (sql_take_name(f, "table", &f->facts.object)) f->facts.table = f->facts.object;
}

static void read_use(sql_facts *f)
{
    sql_take_name(f, "database", &f->facts.object);
}

static void read_cluster(sql_facts *f)
{
    sql_read_maintenance(f);
    if (!f->facts.object.name.ptr) sql_flag(f, DF_SQL_NO_TRANSACTION);
}

static void read_vacuum(sql_facts *f)
{
    if (sql_in(f, DF_SQL_POSTGRES)) sql_read_maintenance(f);
}

static void read_security(sql_facts *f)
{
    if (sql_take(&f->r, "LABEL")) sql_read_comment(f);
}

/* ---- the table ---- */

enum {
    NT = DF_SQL_NO_TRANSACTION,
    IC = DF_SQL_IMPLICIT_COMMIT,
};

static const first_word words[] = {
    {"CREATE", ALL, DF_SQL_DDL, "CREATE", sql_read_create, 0},
    {"ALTER", ALL, DF_SQL_DDL, "ALTER", sql_read_alter, 0},
    {"DROP", ALL, DF_SQL_DDL, "DROP", sql_read_drop, 0},
    {"INSERT", ALL, DF_SQL_DML, "INSERT", sql_read_insert, 0},
    {"UPDATE", ALL, DF_SQL_DML, "UPDATE", sql_read_update, 0},
    {"DELETE", ALL, DF_SQL_DML, "DELETE", sql_read_delete, 0},
    {"SELECT", ALL, DF_SQL_QUERY, "SELECT", sql_read_select, 0},
    {"WITH", ALL, DF_SQL_QUERY, "SELECT", sql_read_with, 0},
    {"SET", PG | MY, DF_SQL_SESSION, "SET", sql_read_set, 0},
    {"COMMENT", PG, DF_SQL_DDL, "COMMENT", sql_read_comment, 0},
    {"DO", PG | MY, DF_SQL_ROUTINE, "DO", read_do, DF_SQL_DYNAMIC},
    {"PRAGMA", SL, DF_SQL_SESSION, "PRAGMA", sql_read_pragma, 0},
    {"GRANT", PG | MY, DF_SQL_DDL, "GRANT", sql_read_grant, 0},
    {"REVOKE", PG | MY, DF_SQL_DDL, "REVOKE", sql_read_grant, 0},
    {"TRUNCATE", PG | MY, DF_SQL_DDL, "TRUNCATE", sql_read_truncate, 0},
    {"RENAME", MY, DF_SQL_DDL, "RENAME TABLE", sql_read_rename, 0},
    {"REFRESH", PG, DF_SQL_DDL, "REFRESH MATERIALIZED VIEW", sql_read_refresh, 0},
    {"SECURITY", PG, DF_SQL_DDL, "SECURITY LABEL", read_security, 0},
    {"REASSIGN", PG, DF_SQL_DDL, "REASSIGN OWNED", NULL, 0},
    {"IMPORT", PG, DF_SQL_DDL, "IMPORT FOREIGN SCHEMA", NULL, 0},
    {"INSTALL", MY, DF_SQL_DDL, "INSTALL", NULL, IC},
    {"UNINSTALL", MY, DF_SQL_DDL, "UNINSTALL", NULL, IC},

    {"BEGIN", ALL, DF_SQL_TRANSACTION, "BEGIN", read_begin, DF_SQL_BEGIN},
    {"START", PG | MY, DF_SQL_TRANSACTION, "START TRANSACTION", read_start, DF_SQL_BEGIN},
    {"COMMIT", ALL, DF_SQL_TRANSACTION, "COMMIT", read_commit, DF_SQL_COMMIT},
    {"END", PG | SL, DF_SQL_TRANSACTION, "COMMIT", read_commit, DF_SQL_COMMIT},
    {"ROLLBACK", ALL, DF_SQL_TRANSACTION, "ROLLBACK", read_rollback, DF_SQL_ROLLBACK},
    {"ABORT", PG, DF_SQL_TRANSACTION, "ROLLBACK", read_rollback, DF_SQL_ROLLBACK},
    {"SAVEPOINT", ALL, DF_SQL_TRANSACTION, "SAVEPOINT", NULL, 0},
    {"RELEASE", ALL, DF_SQL_TRANSACTION, "RELEASE", NULL, 0},
    {"XA", MY, DF_SQL_TRANSACTION, "XA", read_xa, 0},

    {"REPLACE", SL | MY, DF_SQL_DML, "REPLACE", sql_read_insert, 0},
    {"MERGE", PG, DF_SQL_DML, "MERGE", sql_read_merge, 0},
    {"COPY", PG, DF_SQL_DML, "COPY", sql_read_copy, 0},
    {"LOAD", PG | MY, DF_SQL_DML, "LOAD", sql_read_load, 0},

    {"VALUES", ALL, DF_SQL_QUERY, "SELECT", NULL, 0},
    {"TABLE", PG, DF_SQL_QUERY, "SELECT", NULL, 0},
    {"SHOW", PG | MY, DF_SQL_QUERY, "SHOW", NULL, 0},
    {"EXPLAIN", ALL, DF_SQL_QUERY, "EXPLAIN", read_explain, 0},
    {"DESCRIBE", MY, DF_SQL_QUERY, "EXPLAIN", NULL, 0},
    {"DESC", MY, DF_SQL_QUERY, "EXPLAIN", NULL, 0},
    {"HELP", MY, DF_SQL_QUERY, "HELP", NULL, 0},

    {"RESET", PG | MY, DF_SQL_SESSION, "RESET", read_reset, 0},
    {"USE", MY, DF_SQL_SESSION, "USE", read_use, 0},
    {"LOCK", PG, DF_SQL_SESSION, "LOCK TABLE", read_lock, 0},
    {"LOCK", MY, DF_SQL_SESSION, "LOCK TABLES", read_lock, IC},
    {"UNLOCK", MY, DF_SQL_SESSION, "UNLOCK TABLES", NULL, IC},
    {"DISCARD", PG, DF_SQL_SESSION, "DISCARD", read_discard, 0},
    {"PREPARE", PG | MY, DF_SQL_SESSION, "PREPARE", read_prepare, 0},
    {"DEALLOCATE", PG | MY, DF_SQL_SESSION, "DEALLOCATE", NULL, 0},
    {"LISTEN", PG, DF_SQL_SESSION, "LISTEN", NULL, 0},
    {"UNLISTEN", PG, DF_SQL_SESSION, "UNLISTEN", NULL, 0},
    {"NOTIFY", PG, DF_SQL_SESSION, "NOTIFY", NULL, 0},
    {"DECLARE", PG, DF_SQL_SESSION, "DECLARE CURSOR", NULL, 0},
    {"CLOSE", PG, DF_SQL_SESSION, "CLOSE CURSOR", NULL, 0},
    {"FETCH", PG, DF_SQL_QUERY, "FETCH", NULL, 0},
    {"MOVE", PG, DF_SQL_SESSION, "MOVE", NULL, 0},
    {"HANDLER", MY, DF_SQL_SESSION, "HANDLER", NULL, 0},
    {"ATTACH", SL, DF_SQL_SESSION, "ATTACH", NULL, 0},
    {"DETACH", SL, DF_SQL_SESSION, "DETACH", NULL, 0},

    {"CALL", PG | MY, DF_SQL_ROUTINE, "CALL", NULL, DF_SQL_DYNAMIC},
    {"EXECUTE", PG | MY, DF_SQL_ROUTINE, "EXECUTE", NULL, DF_SQL_DYNAMIC},
    {"IF", MY, DF_SQL_ROUTINE, "IF", NULL, DF_SQL_DYNAMIC},
    {"CASE", MY, DF_SQL_ROUTINE, "CASE", NULL, DF_SQL_DYNAMIC},
    {"LOOP", MY, DF_SQL_ROUTINE, "LOOP", NULL, DF_SQL_DYNAMIC},
    {"WHILE", MY, DF_SQL_ROUTINE, "WHILE", NULL, DF_SQL_DYNAMIC},
    {"REPEAT", MY, DF_SQL_ROUTINE, "REPEAT", NULL, DF_SQL_DYNAMIC},
    {"FOR", MY, DF_SQL_ROUTINE, "FOR", NULL, DF_SQL_DYNAMIC},

    {"VACUUM", PG | SL, DF_SQL_MAINTENANCE, "VACUUM", read_vacuum, NT},
    {"ANALYZE", ALL, DF_SQL_MAINTENANCE, "ANALYZE", read_analyze, 0},
    {"ANALYSE", PG, DF_SQL_MAINTENANCE, "ANALYZE", read_analyze, 0},
    {"REINDEX", PG | SL, DF_SQL_MAINTENANCE, "REINDEX", sql_read_reindex, 0},
    {"CLUSTER", PG, DF_SQL_MAINTENANCE, "CLUSTER", read_cluster, 0},
    {"CHECKPOINT", PG, DF_SQL_MAINTENANCE, "CHECKPOINT", NULL, 0},
    {"OPTIMIZE", MY, DF_SQL_MAINTENANCE, "OPTIMIZE TABLE", sql_read_maintenance, IC},
    {"REPAIR", MY, DF_SQL_MAINTENANCE, "REPAIR TABLE", sql_read_maintenance, IC},
    {"CHECK", MY, DF_SQL_MAINTENANCE, "CHECK TABLE", sql_read_maintenance, IC},
    {"CHECKSUM", MY, DF_SQL_MAINTENANCE, "CHECKSUM TABLE", sql_read_maintenance, 0},
    {"FLUSH", MY, DF_SQL_MAINTENANCE, "FLUSH", NULL, IC},
    {"CACHE", MY, DF_SQL_MAINTENANCE, "CACHE INDEX", NULL, 0},
    {"KILL", MY, DF_SQL_MAINTENANCE, "KILL", NULL, 0},
    {"SHUTDOWN", MY, DF_SQL_MAINTENANCE, "SHUTDOWN", NULL, IC},
    {"PURGE", MY, DF_SQL_MAINTENANCE, "PURGE", NULL, 0},
    {"CHANGE", MY, DF_SQL_MAINTENANCE, "CHANGE MASTER", NULL, 0},
    {"STOP", MY, DF_SQL_MAINTENANCE, "STOP SLAVE", NULL, NT},
    {"BACKUP", MY, DF_SQL_MAINTENANCE, "BACKUP", NULL, IC},
};

static const first_word *find(const sql_facts *f)
{
    df_str word = f->r.token.text;
    if (f->r.token.kind != DF_SQL_WORD || !word.len) return NULL;
    char first = (char)(word.ptr[0] & ~0x20);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (words[i].word[0] == first && words[i].families >> f->family & 1 &&
            sql_word_is(word, words[i].word))
            return &words[i];
    }
    return NULL;
}

/* MariaDB commits around every change of a schema but a temporary table's. */
static void note_implicit_commit(sql_facts *f)
{
    bool temporary = f->facts.flags & DF_SQL_TEMPORARY;
    if (f->facts.cls == DF_SQL_DDL && !temporary) sql_flag(f, DF_SQL_IMPLICIT_COMMIT);
    if (f->facts.cls == DF_SQL_TRANSACTION && f->facts.flags & DF_SQL_BEGIN &&
        !(f->facts.flags & (DF_SQL_COMMIT | DF_SQL_ROLLBACK | DF_SQL_NO_TRANSACTION)))
        sql_flag(f, DF_SQL_IMPLICIT_COMMIT);
}

void sql_read_statement(sql_facts *f)
{
    enum { DEEPEST = 8 };
    f->facts.cls = DF_SQL_UNKNOWN;
    f->facts.tag = "";
    if (++f->depth > DEEPEST) return;
    if (sql_sees_symbol(&f->r, '(')) { /* (SELECT …) UNION (SELECT …) */
        f->facts.cls = DF_SQL_QUERY;
        f->facts.tag = "SELECT";
        return;
    }
    const first_word *word = find(f);
    if (word) {
        f->facts.cls = word->cls;
        f->facts.tag = word->tag;
        f->facts.flags = word->flags;
        sql_read(&f->r);
        if (word->read) word->read(f);
        if (sql_in(f, DF_SQL_MARIADB)) note_implicit_commit(f);
        return;
    }
    if (!sql_in(f, DF_SQL_MARIADB) || sql_sees_end(&f->r)) return;
    sql_read(&f->r);
    if (sql_sees_symbol(&f->r, ':')) { /* label: LOOP … */
        f->facts.cls = DF_SQL_ROUTINE;
        f->facts.tag = "LOOP";
        sql_flag(f, DF_SQL_DYNAMIC);
    }
}

df_sql_facts df_sql_classify(const df_sql_dialect *dialect, df_str statement, df_arena *arena)
{
    sql_facts f = {.arena = arena, .family = dialect->family};
    sql_reader_init(&f.r, dialect, statement);
    if (dialect->family == DF_SQL_CYPHER)
        sql_read_cypher(&f);
    else
        sql_read_statement(&f);
    return f.facts;
}
