/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share: classes of characters, ends of quotes, reading words. */
#ifndef DF_SQL_SQL_INT_H
#define DF_SQL_SQL_INT_H

#include "sql/modern.h"
#include "sql/sql.h"

/* ---- characters (chars.c) ---- */

enum {
    C_SPACE = 1u << 0,
    C_WORD = 1u << 1,  /* inside of a name: letters, digits, _, $, everything beyond ASCII */
    C_START = 1u << 2, /* at the beginning of one */
    C_DIGIT = 1u << 3,
    /* Where a quote or comment may begin, or a statement end. */
    C_POSTGRES = 1u << 4,
    C_SQLITE = 1u << 5,
    C_MARIADB = 1u << 6,
    C_CYPHER = 1u << 7,
    C_STOP = C_POSTGRES | C_SQLITE | C_MARIADB | C_CYPHER,
};
extern const uint8_t sql_chars[256];

static inline bool sql_is(char c, unsigned classes)
{
    return (sql_chars[(unsigned char)c] & classes) != 0;
}

/* The character at `at`, NUL behind the end. */
static inline char sql_at(df_str sql, size_t at)
{
    return at < sql.len ? sql.ptr[at] : '\0';
}

static inline size_t sql_skip_space(df_str sql, size_t at)
{
    while (at < sql.len && sql_is(sql.ptr[at], C_SPACE)) at++;
    return at;
}

/* Length of the byte order mark at the beginning of the text, which is white space there: 3 or 0. */
static inline size_t sql_byte_order_mark(df_str sql)
{
    return sql.len >= 3 && memcmp(sql.ptr, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* Length of the white space beyond ASCII at `at`, which only Cypher takes for such; 0 when none is there. */
size_t sql_wide_space(const df_sql_dialect *dialect, df_str sql, size_t at);

/* Whether what stands right before `at` belongs to a name. */
static inline bool sql_behind_word(df_str sql, size_t at)
{
    return at > 0 && sql_is(sql.ptr[at - 1], C_WORD) && !(at == 3 && sql_byte_order_mark(sql));
}

/* Whether the word and the keyword, which is in capitals, are the same but for case. */
bool sql_word_is(df_str word, const char *keyword);

/* ---- quotes and comments (text.c) ---- */

/* Something of the text that is read as a whole. */
typedef struct sql_piece {
    size_t len;   /* 0: none begins here */
    bool comment; /* else a quote */
    bool open;    /* it does not end */
} sql_piece;

/* The quote or comment that begins at `at`. A comment that MariaDB executes is none. */
sql_piece sql_piece_at(const df_sql_dialect *dialect, df_str sql, size_t at);
/* The '…' at `at`; `escape`: it is PostgreSQL's E'…', to which the pieces that continue it belong, too. */
sql_piece sql_string_at(const df_sql_dialect *dialect, df_str sql, size_t at, bool escape);
/* Length of a mark of a comment that MariaDB executes: "/" "*!50001", which begins one, and inside of one the
 * "*" "/" that ends it. 0 when there is none. Keeps `executed`, whether one is open. */
size_t sql_take_mark(const df_sql_dialect *dialect, df_str sql, size_t at, bool *executed);

/* ---- reading words ---- */

/* A reader of words that can look one ahead, and passes over the marks of executed comments. */
typedef struct sql_reader {
    df_sql_lexer lexer;
    df_sql_token token; /* the one to be read next */
} sql_reader;

void sql_reader_init(sql_reader *r, const df_sql_dialect *dialect, df_str text);
/* Goes on to the next token. */
void sql_read(sql_reader *r);
/* Goes on when the token is this keyword. */
bool sql_take(sql_reader *r, const char *keyword);
/* Goes on when it is this symbol. */
bool sql_take_symbol(sql_reader *r, char symbol);
static inline bool sql_sees(const sql_reader *r, const char *keyword)
{
    return r->token.kind == DF_SQL_WORD && sql_word_is(r->token.text, keyword);
}
static inline bool sql_sees_symbol(const sql_reader *r, char symbol)
{
    return r->token.kind == DF_SQL_SYMBOL && r->token.text.ptr[0] == symbol;
}
static inline bool sql_sees_end(const sql_reader *r)
{
    return r->token.kind == DF_SQL_END;
}
/* At a "(": goes on behind the ")" that belongs to it. Else nothing. */
void sql_skip_parens(sql_reader *r);

/* ---- bodies (body.c) ---- */

/* What has to be known of a statement before it is known which semicolon ends it. */
typedef enum sql_body_kind {
    SQL_BODY_NONE,
    SQL_BODY_ATOMIC,   /* PostgreSQL: CREATE FUNCTION … BEGIN ATOMIC … END */
    SQL_BODY_RULE,     /* PostgreSQL: CREATE RULE … DO (…; …) */
    SQL_BODY_COPY,     /* PostgreSQL: COPY …, which may have data behind it */
    SQL_BODY_TRIGGER,  /* SQLite: CREATE TRIGGER … BEGIN …; END */
    SQL_BODY_ROUTINE,  /* MariaDB: a procedure or function; the body follows the parameters */
    SQL_BODY_ROW,      /* MariaDB: a trigger; the body follows FOR EACH ROW */
    SQL_BODY_EVENT,    /* MariaDB: an event; the body follows DO */
    SQL_BODY_COMPOUND, /* MariaDB: it is the body itself */
} sql_body_kind;

/* Of the statement that begins with the first token of `text`. */
sql_body_kind sql_body_of(const df_sql_dialect *dialect, df_str text);

typedef struct sql_body {
    sql_body_kind kind;
    bool inside;       /* the body has begun */
    int32_t depth;     /* blocks, or parentheses, that are open */
    int32_t cases;     /* CASE expressions that are open */
    size_t opened;     /* offset of the outermost block that is open */
    df_sql_token last; /* the token before */
    /* MariaDB: */
    bool start;      /* a statement may begin here */
    bool label;      /* what was read may be a label */
    bool until;      /* inside UNTIL …, which END follows without a semicolon */
    bool declare;    /* inside DECLARE */
    uint8_t handler; /* inside a handler's conditions */
    uint8_t header;  /* how much of what stands before the body was read */
} sql_body;

/* Whether the statement ends at this token, a ";". To be called with each token but space and comments. */
bool sql_body_ends(sql_body *body, df_sql_token token);

/* ---- commands of client programs (client.c) ---- */

/*
 * A statement begins at `at`; if that is a line for psql, sqlite3 or mariadb, *end is where it ends, else 0.
 * DELIMITER is carried out, what changes nothing is passed over, anything else refused.
 */
DF_MUST_USE df_code sql_client_line(df_sql_splitter *splitter, size_t at, size_t *end, df_error *err);
/* The same for lines that begin with a colon, and are for cypher-shell or Neo4j Browser (client_cypher.c). A
 * command that is a statement of its own (:use, :begin …) is left for sql_command_end(). */
DF_MUST_USE df_code sql_cypher_line(df_sql_splitter *splitter, size_t at, size_t *end, df_error *err);
/* Where the text of a command of cypher-shell ends that begins at `at`, without a comment behind it; and the line,
 * or the semicolon, with which it is over. The map of `:param {…}` may have several lines. */
DF_MUST_USE df_code sql_command_end(const df_sql_splitter *splitter, size_t at, size_t *end, size_t *over,
                                    df_error *err);
/* A backslash inside a statement: psql's and mariadb's commands that end one (\gexec, \G). */
df_code sql_client_backslash(const df_sql_splitter *splitter, size_t at, df_error *err);
/* Sets line and statement of an error at `at`. Returns err's code. */
df_code sql_fail_at(const df_sql_splitter *splitter, size_t at, df_error *err, df_code code);

/* ---- what a statement is (classify*.c) ---- */

/* What a statement of Cypher takes away, while it is collected. */
typedef struct sql_losses {
    df_sql_loss *items;
    size_t count, room;
} sql_losses;

/* What a statement of Cypher does to single nodes, while it is collected (cypher_writes.c). */
typedef struct sql_writes sql_writes;

/* A statement while it is classified: the reader stands behind what was understood. */
typedef struct sql_facts {
    sql_reader r;
    df_sql_facts facts;
    df_arena *arena;
    df_sql_family family;
    int depth; /* statements inside of statements: EXPLAIN ANALYZE …, SET STATEMENT … FOR … */
    bool repeatable; /* Cypher: running it again behind a failure comes to the same */
    sql_losses *losses; /* Cypher: collected when it is not NULL */
    sql_writes *writes; /* Cypher: the same */
} sql_facts;

/* A kind of object, as CREATE, ALTER, DROP, COMMENT ON … name it. */
typedef struct sql_kind {
    const char *words[3];
    const char *name;
    const char *create, *alter, *drop; /* tags */
    uint8_t families;                  /* 1 << family: who knows it */
    uint8_t holds;                     /* SQL_HOLDS_… */
} sql_kind;

enum {
    SQL_HOLDS_NOTHING,
    SQL_HOLDS_ROWS,  /* dropping it destroys data */
    SQL_HOLDS_OTHERS /* dropping it with CASCADE drops tables or columns */
};

/* The kind whose words come next, which are read; NULL, and nothing read, when they are none. */
const sql_kind *sql_take_kind(sql_facts *f);
/* A token without its quotes, folded as the dialect does; absent when it is no name. */
df_str sql_name_of(const sql_facts *f, df_sql_token token);
/* Reads [schema.]name into `object`, which gets the kind; false when there is none. */
bool sql_take_name(sql_facts *f, const char *kind, df_sql_object *object);
/* The same of at most three parts, the last of which is in parts[n - 1]; returns n, 0 when it is no name. */
size_t sql_take_parts(sql_facts *f, df_str parts[3]);
/* Reads one name or literal; absent when there is none. */
df_str sql_take_value(sql_facts *f);
/* IF [NOT] EXISTS: sets the flag when it is there. */
bool sql_take_if_exists(sql_facts *f);
/* Reads up to the word at this level of parentheses, and past it; false at the end. */
bool sql_take_until(sql_reader *r, const char *keyword);

static inline void sql_flag(sql_facts *f, uint32_t flags)
{
    f->facts.flags |= flags;
}
static inline bool sql_in(const sql_facts *f, df_sql_family family)
{
    return f->family == family;
}

/* CREATE, ALTER, DROP, each behind its first word. */
void sql_read_create(sql_facts *f);
void sql_read_alter(sql_facts *f);
void sql_read_drop(sql_facts *f);
/* What follows the name in ALTER TABLE. */
void sql_read_alter_table(sql_facts *f);
/* The other statements that change a schema; the word is read. */
void sql_read_truncate(sql_facts *f);
void sql_read_rename(sql_facts *f);
void sql_read_comment(sql_facts *f);
void sql_read_grant(sql_facts *f);
void sql_read_refresh(sql_facts *f);
/* Data: INSERT, UPDATE, DELETE … */
void sql_read_insert(sql_facts *f);
void sql_read_update(sql_facts *f);
void sql_read_delete(sql_facts *f);
void sql_read_merge(sql_facts *f);
void sql_read_copy(sql_facts *f);
void sql_read_load(sql_facts *f);
void sql_read_with(sql_facts *f);
void sql_read_select(sql_facts *f);
/* Sessions and maintenance. */
void sql_read_set(sql_facts *f);
void sql_read_pragma(sql_facts *f);
void sql_read_maintenance(sql_facts *f);
void sql_read_reindex(sql_facts *f);
/* A statement of Cypher, all of its facts. */
void sql_read_cypher(sql_facts *f);
/* One that reads or writes the graph (cypher_data.c). */
void sql_read_graph(sql_facts *f);

/* What is known of such a statement while it is read; names are as written, views of the statement. */
typedef struct sql_graph {
    sql_facts *f;
    size_t n_bound, n_read, n_set, n_rows, n_targets;
    df_str target;     /* the variable of the item of SET, REMOVE or DELETE that is read */
    bool unrepeatable; /* sets something that depends on what it sets, or on chance */
    bool creates;      /* CREATE, INSERT */
    bool sets, deletes;
    bool reads_labels, writes_labels; /* read outside of patterns and WHERE */
    bool looks;        /* for what need not be there: OPTIONAL MATCH, EXISTS, COUNT outside of WHERE */
    bool writes, matches, restricts, destroys, batches;
    bool changes;        /* the first clause that writes deletes or changes what is there */
    unsigned procedures; /* SQL_PROC_…, of all that are called */
    bool unknown;        /* one of them is not known to only read */
    const char *call;    /* "CALL" and the name of the first */
    /* Lists, not cleared: what lies behind their counts is not read. */
    struct {
        df_str name, label; /* of a variable: what its pattern says first */
        bool relationship;
    } bound[48];
    struct {
        df_str key, variable; /* … of which it is read: absent when that is no variable */
    } read[64];               /* outside of WHERE */
    df_str set[32];           /* keys of properties that are set */
    df_str rows[16];          /* variables of LOAD CSV and UNWIND */
    df_str targets[32];       /* variables that are changed */
} sql_graph;

/* Notes of cypher_notes.c. A pattern's `(name:label` or `[name:label`. */
void sql_note_bound(sql_graph *g, df_str name, df_sql_token label, bool relationship);
/* What the statement is about, unless that is known. */
void sql_note_object(sql_graph *g, df_sql_token label, bool relationship);
void sql_note_row(sql_graph *g, df_str name);
/* A key of a property that is set, or that is read of a variable. */
void sql_note_set(sql_graph *g, df_sql_token key);
void sql_note_read(sql_graph *g, df_sql_token key, df_str variable);
/* The item's variable is written; `deletes`: it is gone. */
void sql_note_target(sql_graph *g, bool deletes);
/* The item's variable loses a property; NULL: all, or one that is computed. */
void sql_note_lost_property(sql_graph *g, const df_sql_token *key);
void sql_note_lost_label(sql_graph *g, df_sql_token label);

/* The same for df_sql_lone_writes (cypher_writes.c): nothing when nobody asks. */
typedef struct sql_pattern {
    df_str variable;
    df_str labels; /* the expression, as written */
    bool relationship;
    bool joined;   /* stands at one */
    bool odd;      /* its labels are more than names */
    bool made;     /* by CREATE */
    bool merged;
    uint32_t entries; /* of its map */
    bool optional; /* restricts nothing that is bound */
} sql_pattern;
void sql_write_pattern(sql_graph *g, const sql_pattern *pattern);
/* A WHERE or a map begins; `sure`: it surely says something of what a node is. */
void sql_write_where(sql_graph *g, bool sure);
/* The reader stands behind the key; `map`: behind its colon. */
void sql_write_filter(sql_graph *g, df_str variable, df_sql_token key, const sql_reader *r, bool map);
void sql_write_loose(sql_graph *g);
/* Behind UNION the names are others. */
void sql_write_union(sql_graph *g);
/* The first clause that writes is at `at`; in the braces of CALL at `call` that open before `inside`, unless that is 0; `simple`: it
 * lies no deeper. */
void sql_write_begins(sql_graph *g, size_t at, size_t call, size_t inside, bool simple);
/* The item's variable is written; `name`: the property or label; NULL: all of it. */
void sql_write_target(sql_graph *g, const df_sql_token *name, bool label);
/* A clause that writes begins, inside of a MERGE (ON CREATE) or not; an item of SET has a value. */
void sql_write_clause(sql_graph *g, bool on_create);
void sql_write_value(sql_graph *g, const df_sql_token *property, bool on_create);
/* What is made cannot be counted. */
void sql_write_uncounted(sql_graph *g);

/* CALL of a procedure: the reader stands at its name, and behind it afterwards. */
void sql_note_call(sql_graph *g);
/* Appends what a literal of Cypher says; \uXXXX stays as it is. */
void sql_unescape(df_buf *out, df_str literal);
/* Class, flags, whether it may be repeated; the tag is there. */
void sql_conclude(sql_graph *g);

/* What a procedure does, as far as its name says it; nothing of these: not known. */
enum {
    SQL_PROC_READS = 1,
    SQL_PROC_SCHEMA = 2,  /* changes indexes and constraints: mixes with no other writing */
    SQL_PROC_BATCHES = 4, /* commits on its own */
    SQL_PROC_ADMIN = 8,
    SQL_PROC_DESTROYS = 16,
};
unsigned sql_procedure_of(df_str name);
/* The statement that begins where the reader stands, all of its facts. */
void sql_read_statement(sql_facts *f);

/* ---- what will not run (modern*.c) ---- */

typedef struct sql_found {
    df_sql_finding finding;
    bool edited;
} sql_found;

typedef struct sql_edit_of {
    size_t offset, len, order;
    df_str text;
} sql_edit_of;

typedef struct sql_modern {
    const df_sql_dialect *dialect;
    df_str text;
    int32_t version, language; /* language: 25 when the statement says so */
    int depth;                 /* texts inside of the statement */
    df_arena *arena;
    df_sql_facts facts;
    sql_found *found;
    size_t n_found, found_room;
    sql_edit_of *edits;
    size_t n_edits, edits_room;
} sql_modern;

/* All that is found in m->text; the other members are set or zero. */
const df_sql_finding *sql_modern_findings(sql_modern *m, size_t *count);
void sql_find(sql_modern *m, size_t offset, const char *rule, df_sql_severity severity, const char *what, ...)
    DF_PRINTF(5, 6);
/* What the finding before changes: `len` bytes at `offset` become `text`, which has to stay. */
void sql_edit(sql_modern *m, size_t offset, size_t len, df_str text);
/* Whether it is worth telling for a server that has what replaces it; `severity` says whether it runs. */
bool sql_gone(const sql_modern *m, int32_t removed, int32_t replaced, df_sql_severity *severity);
void sql_modern_schema(sql_modern *m);
void sql_modern_query(sql_modern *m);
/* apoc.periodic.iterate, as sql_modern_procedure() (modern_apoc.c). */
void sql_modern_iterate(sql_modern *m, size_t call, bool first, sql_reader r);
/* A procedure that is called: its name, where CALL stands, the reader behind the name. */
void sql_modern_procedure(sql_modern *m, df_str name, size_t call, bool first, sql_reader r);

#endif
