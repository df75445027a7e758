/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL as text, for every dialect: tokens, statements, what kind of statement one is, its normal form. Nothing
 * here speaks to a database, nothing here decides that a statement is *invalid*: what is not understood is
 * DF_SQL_UNKNOWN, and the server has the last word.
 */
#ifndef DF_SQL_SQL_H
#define DF_SQL_SQL_H

#include "base/buf.h"
#include "base/error.h"

/* ---- dialects ---- */

typedef enum df_sql_family { DF_SQL_POSTGRES, DF_SQL_SQLITE, DF_SQL_MARIADB, DF_SQL_CYPHER } df_sql_family;

/* What differs between dialects for somebody who reads tokens; one constant each. */
typedef struct df_sql_dialect {
    df_sql_family family;
    bool backslash;      /* a backslash escapes inside '…' and "…" */
    bool escape_strings; /* E'…' with backslashes, $tag$…$tag$, nested comments: PostgreSQL */
    bool backtick;       /* `…` quotes a name */
    bool bracket;        /* […] quotes a name: SQLite */
    bool hash_comment;   /* # to the end of the line, and `--` only before white space */
    bool delimiter;      /* the client command DELIMITER */
    bool slash_comment;  /* `//` to the end of the line, and no `--` (which is a relationship): Cypher */
    const char *extension; /* of files: "sql", "cypher" */
    const char *comment;   /* what begins a comment line in them: "--", "//" */
    bool ddl_commits; /* a change of the schema commits what is open, so that nothing with one is a transaction */
    /* Where a file is no single transaction, neighbours that may share one do: what is half done is less. (PostgreSQL
     * rather gives back its locks after each.) */
    bool neighbours_share;
    bool schema_apart; /* changes of the schema may share a transaction, with nothing else in it: Neo4j */
    bool indexes_references; /* makes an index for the columns of a foreign key by itself: MariaDB */
    bool modes_first; /* SET TRANSACTION stands behind BEGIN, before any query: PostgreSQL */
} df_sql_dialect;

extern const df_sql_dialect df_sql_postgres, df_sql_sqlite, df_sql_mariadb, df_sql_cypher;

/* "postgres", "sqlite", "mariadb", "neo4j": the names of the engines; NULL for any other. */
const df_sql_dialect *df_sql_dialect_of(const char *engine);

/* ---- tokens ---- */

typedef enum df_sql_token_kind {
    DF_SQL_END,
    DF_SQL_SPACE,
    DF_SQL_COMMENT, /* but not those that MariaDB executes: their inside is tokens, their marks are symbols */
    DF_SQL_WORD,    /* keyword or plain name */
    DF_SQL_NAME,    /* quoted name, with its quotes */
    DF_SQL_STRING,  /* '…', E'…' with what continues it, $$…$$, x'…', and "…" in MariaDB */
    DF_SQL_NUMBER,
    DF_SQL_SYMBOL, /* one operator or punctuation character, `::` and the like token by token */
} df_sql_token_kind;

typedef struct df_sql_token {
    df_sql_token_kind kind;
    df_str text;
    size_t offset; /* in the text that is read */
    bool open;     /* a quote or comment that does not end */
} df_sql_token;

typedef struct df_sql_lexer {
    const df_sql_dialect *dialect;
    df_str text;
    size_t at;
    bool executed; /* the reader's own: inside a comment that MariaDB executes */
} df_sql_lexer;

/* The next token; kind DF_SQL_END at the end, again and again. */
df_sql_token df_sql_next_token(df_sql_lexer *lexer);
/* The same without white space and comments. */
df_sql_token df_sql_next_word(df_sql_lexer *lexer);
/* Whether it is the keyword (or the unquoted name), in any case of letters. */
bool df_sql_is(df_sql_token token, const char *keyword);

/* ---- statements ---- */

typedef struct df_sql_statement {
    df_str text;    /* from the first token to the last, without its delimiter; a view of the script */
    df_str data;    /* PostgreSQL: the lines behind COPY … FROM STDIN, up to \. ; else absent */
    size_t offset;  /* of `text` in the script */
    int32_t number; /* 1-based */
    int32_t line;   /* 1-based, of the first token, counted from the script's line */
} df_sql_statement;

typedef struct df_sql_splitter {
    /* Changes behind SET standard_conforming_strings and SET sql_mode: a statement was read with what stood
     * here before the call that returned it. */
    const df_sql_dialect *dialect;
    df_str script;
    int32_t first_line; /* the script's first line in its file; 0 means 1 */
    /* the reader's own: zero to begin with */
    size_t at, counted;
    int32_t line, number;
    char delimiter[16];
} df_sql_splitter;

/*
 * The next statement; *more false at the end. Statements end at the delimiter (";", or what DELIMITER said)
 * outside of quotes, comments, the parentheses of CREATE RULE … DO (…; …), BEGIN ATOMIC bodies, and the
 * bodies of triggers, procedures, functions and events (SQLite: BEGIN … END with nested CASE; MariaDB:
 * compound statements, also without DELIMITER, but for those of sql_mode=ORACLE). Blank statements are passed
 * over. A leading byte order mark is white space.
 *
 * DF_CORRUPT, with err->line and err->statement: a quote, comment or body that does not end (the line where
 * it began; SQLite takes a comment that is open at the end, and so does this), a NUL byte, data of COPY …
 * FROM STDIN that has no end. DF_UNSUPPORTED: a command of a client program (\i, \copy, \connect, .read,
 * source …), named, with what to write instead. Those that change nothing (\restrict, \unrestrict, \echo,
 * \timing, \set ON_ERROR_STOP on, \pset, .headers …) are passed over: pg_dump and habit put them there. After
 * an error the splitter stays where it is.
 *
 * Cypher: as cypher-shell splits it, but a backslash means nothing inside `…`, as to the server. Its commands :use,
 * :param, :begin, :commit and :rollback are statements of their own, to the end of their line; :auto is passed
 * over; :source, :connect and others are refused.
 */
DF_MUST_USE df_code df_sql_split(df_sql_splitter *splitter, df_sql_statement *statement, bool *more,
                                 df_error *err);

/* ---- what a statement is ---- */

typedef enum df_sql_class {
    DF_SQL_UNKNOWN,
    DF_SQL_QUERY, /* SELECT, VALUES, SHOW, EXPLAIN, TABLE, WITH … SELECT */
    DF_SQL_DML,   /* INSERT, UPDATE, DELETE, MERGE, REPLACE, COPY … FROM, LOAD DATA; WITH … of these */
    DF_SQL_DDL,   /* CREATE, ALTER, DROP, TRUNCATE, RENAME, COMMENT, GRANT, REVOKE, REFRESH … */
    DF_SQL_TRANSACTION, /* BEGIN, START TRANSACTION, COMMIT, END, ROLLBACK, SAVEPOINT, RELEASE, ABORT */
    DF_SQL_SESSION,     /* SET, RESET, USE, PRAGMA that sets, LOCK TABLES, DISCARD, PREPARE, LISTEN, ATTACH */
    DF_SQL_ROUTINE,     /* CALL, DO, EXECUTE, MariaDB's BEGIN NOT ATOMIC, IF …: whatever their body does */
    DF_SQL_MAINTENANCE, /* VACUUM, ANALYZE, REINDEX, CLUSTER, CHECKPOINT, OPTIMIZE … */
} df_sql_class;

enum {
    /* The server refuses it inside a transaction block, or does nothing (SQLite: PRAGMA foreign_keys). What
     * it refuses may depend on what is there (DROP SUBSCRIPTION with its slot): then it is set. */
    DF_SQL_NO_TRANSACTION = 1u << 0,
    DF_SQL_IMPLICIT_COMMIT = 1u << 1, /* MariaDB: commits what is open, before and after */
    DF_SQL_BEGIN = 1u << 2,           /* opens a transaction */
    DF_SQL_COMMIT = 1u << 3,          /* ends one, keeping it */
    DF_SQL_ROLLBACK = 1u << 4,        /* ends one, undoing it (not ROLLBACK TO) */
    DF_SQL_CONCURRENTLY = 1u << 5,    /* of an index: an invalid one may be left */
    DF_SQL_ADD_VALUE = 1u << 6,       /* of ALTER TYPE: the label can be used only after commit */
    DF_SQL_DESTROYS = 1u << 7,        /* DROP of what holds data, DROP COLUMN, TRUNCATE, DELETE */
    DF_SQL_WHOLE_TABLE = 1u << 8,     /* UPDATE or DELETE without WHERE or LIMIT */
    DF_SQL_TEMPORARY = 1u << 9,       /* CREATE or DROP TEMPORARY …: belongs to the session */
    /* Has IF EXISTS, IF NOT EXISTS or OR REPLACE: may be run again. ALTER TABLE: each of its actions that
     * adds or drops has it; before the table's name it does not count. */
    DF_SQL_IF_EXISTS = 1u << 10,
    DF_SQL_COPY_IN = 1u << 11,      /* COPY … FROM STDIN: has data */
    DF_SQL_INDEX_BUILD = 1u << 12,  /* also ADD PRIMARY KEY, UNIQUE, REINDEX: takes long */
    DF_SQL_DYNAMIC = 1u << 13,      /* DO, CALL, EXECUTE …: what it does is not known */
    DF_SQL_FOREIGN_KEYS = 1u << 14, /* SQLite: PRAGMA foreign_keys = … */
    /* Cypher: CALL … IN TRANSACTIONS, PERIODIC COMMIT: commits as it goes, and what it did stays when it fails;
     * sent outside of a transaction (DF_SQL_NO_TRANSACTION is set, too) */
    DF_SQL_BATCHES = 1u << 15,
    DF_SQL_ADMINISTRATION = 1u << 16, /* Cypher: of databases, users, roles: belongs to the database `system` */
};

/* One object that a statement is about. Names are unquoted, folded and cut as the dialect does it. */
typedef struct df_sql_object {
    /* Cypher: "index", "constraint", "label", "relationship type", "database", "user" … */
    const char *kind; /* "table", "index", "view", "materialized view", "sequence", "type", "function", … */
    df_str schema, name; /* schema absent when not written */
    df_str column;       /* ADD/DROP/ALTER/RENAME COLUMN: the (first) column; Cypher, of the label that an index or
                          * constraint is for: its (first) property; else absent */
} df_sql_object;

typedef struct df_sql_facts {
    df_sql_class cls;
    uint32_t flags;
    const char *tag;      /* "CREATE INDEX", "ALTER TABLE", "UPDATE": never NULL; "" when unknown */
    df_sql_object object; /* what is changed, the first of several; name absent when it is unclear */
    df_sql_object table;  /* of an index, trigger, policy, rule; the object itself when it is a table */
    df_str value; /* ALTER TYPE … ADD VALUE: the label; RENAME TO: the new name; PRAGMA, SET: its name */
} df_sql_facts;

/*
 * Names go into `arena`, where the tag may lie, too. Never fails.
 *
 * Cypher: what writes anywhere, also in subqueries and FOREACH, is DML; CALL of a procedure that is not known to
 * only read is DF_SQL_ROUTINE and DF_SQL_DYNAMIC. DF_SQL_WHOLE_TABLE: deletes or changes what no label, type,
 * property, WHERE or LIMIT restricts. DROP of an index or constraint destroys no data. DF_SQL_IF_EXISTS is also
 * set for statements that commit in batches and can be repeated behind a failure: they only MERGE, DELETE,
 * REMOVE, or SET what does not depend on what they set. The object of what writes is the label or relationship
 * type that is written, deleted or changed first.
 */
df_sql_facts df_sql_classify(const df_sql_dialect *dialect, df_str statement, df_arena *arena);

/* What a statement of Cypher takes away: with `label` (absent: any) what is deleted, or loses a label or property. */
typedef struct df_sql_loss {
    enum { DF_SQL_LOSES_NODES, DF_SQL_LOSES_RELATIONSHIPS, DF_SQL_LOSES_PROPERTY, DF_SQL_LOSES_LABEL } kind;
    bool relationship; /* `label` is a relationship type */
    df_str label;
    df_str property; /* DF_SQL_LOSES_PROPERTY: the key; absent: all of them (SET n = …) or one that is computed */
} df_sql_loss;

/*
 * In the order of the statement, each once; *count 0 when it takes nothing away, in other dialects always. What a
 * variable holds is known from the pattern that binds it; one that comes from elsewhere has no label. What
 * procedures do is not known, but for what apoc.periodic.iterate and .commit are given as text.
 */
const df_sql_loss *df_sql_losses(const df_sql_dialect *dialect, df_str statement, df_arena *arena, size_t *count);

/* A property that WHERE, or the map of a pattern, speaks of. */
typedef struct df_sql_filter {
    df_str variable, property;
    bool is_null; /* … IS NULL is said of it */
    df_str equals; /* the string that it must be, where that is written out; else absent */
} df_sql_filter;

enum { DF_SQL_MOST_LABELS = 4 };

/* What a statement of Cypher does to a node that was there before it, or may have been. */
typedef struct df_sql_write {
    enum {
        DF_SQL_WRITES_NODE,     /* deletes it, or sets properties that are not named */
        DF_SQL_WRITES_PROPERTY, /* sets or removes the property `name` */
        DF_SQL_REMOVES_LABEL,   /* takes the label `name` from it */
    } kind;
    df_str variable, name;
    df_str labels[DF_SQL_MOST_LABELS]; /* it has one of these */
    size_t n_labels;                   /* 0: it may be any node */
    bool handed_on; /* the variable is of no pattern (a list's element, an alias): it may be of the pattern with these labels */
    bool filtered;  /* WHERE, a map or an expression of labels stands before it: not any node that has such a label */
    bool loose;     /* … with OR, XOR or NOT */
    const df_sql_filter *filters; /* of all that was read before */
    size_t n_filters;
    bool many; /* there are more filters */
    /* The clauses that read, before the first that writes: RETURN … may be put behind them. Absent where that is not so simple. */
    df_str reads;
} df_sql_write;

/*
 * What may be done to a node that stands alone, with one label and no relationship: what a pattern joins to a relationship, gives two
 * labels, or makes is left out. In the order of the statement; *count 0 when there is nothing, in other dialects always. Of procedures
 * only the texts that apoc.periodic.iterate and .commit are given are looked into.
 */
const df_sql_write *df_sql_lone_writes(const df_sql_dialect *dialect, df_str statement, df_arena *arena, size_t *count);

/* What one run through a statement of Cypher makes of something: nodes with a label, relationships of a type, values of a property. */
typedef struct df_sql_made {
    enum { DF_SQL_MADE_NODES, DF_SQL_MADE_RELATIONSHIPS, DF_SQL_MADE_VALUES } kind;
    df_str name;
    int64_t times;
} df_sql_made;

/*
 * *changes: how much the server at most counts as changed (nodes, relationships, labels, properties) each time, so that a statement
 * that has changed R of them made each of these at least times * R / *changes, rounded up. *count 0 where that cannot be said: of more
 * than one clause that writes, of what is computed, of MERGE that also changes what is there.
 */
const df_sql_made *df_sql_makes(const df_sql_dialect *dialect, df_str statement, df_arena *arena, size_t *count, int64_t *changes);

/* ---- normal form ---- */

/*
 * Appends the statement with comments taken out, and one blank between any two tokens that had white space or
 * a comment between them; none is added where none was. Inside quotes nothing changes, but \r\n becomes \n.
 * Two statements with one normal form do the same; a normal form is its own. For comparing: it need not be
 * run.
 */
void df_sql_normalise(const df_sql_dialect *dialect, df_str statement, df_buf *out);

/* ---- the server's grammar ---- */

typedef struct df_sql_parse {
    bool known; /* the parser is there and has an opinion */
    bool parses;
    size_t offset; /* where it stopped, in bytes, when it does not parse */
    char message[256];
} df_sql_parse;

/*
 * What PostgreSQL 15's grammar says of a statement (libpg_query, loaded at the first call; from any thread).
 * `known` is false for other dialects, and where the library is not installed. A statement that does not
 * parse may still be right for a newer server: warn, never refuse.
 */
void df_sql_parse_check(const df_sql_dialect *dialect, df_str statement, df_sql_parse *out);

/* ---- for engines ---- */

/* Length of the quoted text or comment that starts at sql.ptr[at], 0 when none does there. One that does not
 * end reaches to the end of the text. */
size_t df_sql_skip(const df_sql_dialect *dialect, df_str sql, size_t at);
/* Whether there is anything but white space, comments and semicolons. */
bool df_sql_is_blank(const df_sql_dialect *dialect, df_str sql);
/* Position of the next `?` outside of quotes and comments at or after `at`; sql.len when there is none. */
size_t df_sql_next_param(const df_sql_dialect *dialect, df_str sql, size_t at);
/* Appends a name in the dialect's quotes, a text as a literal. */
void df_sql_put_name(const df_sql_dialect *dialect, df_buf *out, df_str name);
void df_sql_put_literal(const df_sql_dialect *dialect, df_buf *out, df_str text);

#endif
