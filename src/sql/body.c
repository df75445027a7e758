/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which semicolon ends a statement that has statements inside. Each kind of body is a small machine that is
 * fed tokens; keywords count only where a keyword can stand, because many of them are names elsewhere (`end`,
 * `begin`).
 */
#include "sql/sql_int.h"

enum { MAX_HEAD = 24 }; /* tokens before PROCEDURE, TRIGGER … that are looked at */

static bool one_of(df_sql_token token, const char *const *words)
{
    if (token.kind != DF_SQL_WORD) return false;
    for (; *words; words++) {
        if (sql_word_is(token.text, *words)) return true;
    }
    return false;
}

static bool is_word(df_sql_token token, const char *word)
{
    return token.kind == DF_SQL_WORD && sql_word_is(token.text, word);
}

static bool is_symbol(df_sql_token token, char symbol)
{
    return token.kind == DF_SQL_SYMBOL && token.text.ptr[0] == symbol;
}

/* ---- which kind ---- */

static sql_body_kind postgres_kind(sql_reader *r)
{
    if (sql_take(r, "COPY")) return SQL_BODY_COPY;
    if (!sql_take(r, "CREATE")) return SQL_BODY_NONE;
    if (sql_take(r, "OR")) sql_take(r, "REPLACE");
    if (sql_sees(r, "FUNCTION") || sql_sees(r, "PROCEDURE")) return SQL_BODY_ATOMIC;
    return sql_sees(r, "RULE") ? SQL_BODY_RULE : SQL_BODY_NONE;
}

static sql_body_kind sqlite_kind(sql_reader *r)
{
    if (sql_take(r, "EXPLAIN") && sql_take(r, "QUERY")) sql_take(r, "PLAN");
    if (!sql_take(r, "CREATE")) return SQL_BODY_NONE;
    if (!sql_take(r, "TEMP")) sql_take(r, "TEMPORARY");
    return sql_sees(r, "TRIGGER") ? SQL_BODY_TRIGGER : SQL_BODY_NONE;
}

/* The openers of blocks in MariaDB. */
static const char *const blocks[] = {"BEGIN", "IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR", NULL};

/* CREATE [OR REPLACE] [DEFINER = user@host] [AGGREGATE] FUNCTION: what a definer may look like is left open.
 */
static sql_body_kind mariadb_routine(sql_reader *r)
{
    static const char *const passed[] = {"OR", "REPLACE", "DEFINER", "AGGREGATE", NULL};
    bool value = false; /* a name follows */
    for (int i = 0; i < MAX_HEAD && !sql_sees_end(r); i++) {
        df_sql_token t = r->token;
        if (!value && (is_word(t, "PROCEDURE") || is_word(t, "FUNCTION"))) return SQL_BODY_ROUTINE;
        if (!value && is_word(t, "TRIGGER")) return SQL_BODY_ROW;
        if (!value && is_word(t, "EVENT")) return SQL_BODY_EVENT;
        if (t.kind == DF_SQL_WORD && !value && !one_of(t, passed)) return SQL_BODY_NONE;
        value = is_symbol(t, '=') || is_symbol(t, '@');
        sql_read(r);
    }
    return SQL_BODY_NONE;
}

static sql_body_kind mariadb_kind(sql_reader *r)
{
    if (sql_take(r, "CREATE") || sql_take(r, "ALTER")) return mariadb_routine(r);
    if (sql_take(r, "BEGIN")) return sql_sees(r, "NOT") ? SQL_BODY_COMPOUND : SQL_BODY_NONE;
    if (one_of(r->token, blocks)) return SQL_BODY_COMPOUND;
    if (r->token.kind != DF_SQL_WORD && r->token.kind != DF_SQL_NAME) return SQL_BODY_NONE;
    sql_read(r);
    return sql_sees_symbol(r, ':') ? SQL_BODY_COMPOUND : SQL_BODY_NONE;
}

sql_body_kind sql_body_of(const df_sql_dialect *dialect, df_str text)
{
    sql_reader r;
    sql_reader_init(&r, dialect, text);
    switch (dialect->family) {
    case DF_SQL_POSTGRES: return postgres_kind(&r);
    case DF_SQL_SQLITE: return sqlite_kind(&r);
    case DF_SQL_CYPHER: return SQL_BODY_NONE;
    default: return mariadb_kind(&r);
    }
}

/* ---- PostgreSQL ---- */

static bool rule_ends(sql_body *body, df_sql_token token)
{
    if (is_symbol(token, '(') && body->depth++ == 0) body->opened = token.offset;
    if (is_symbol(token, ')') && body->depth > 0) body->depth--;
    return is_symbol(token, ';') && body->depth == 0;
}

/* A keyword behind a point or AS is a name. */
static bool atomic_ends(sql_body *body, df_sql_token token)
{
    if (is_symbol(token, ';')) return body->depth == 0;
    if (is_symbol(body->last, '.') || is_word(body->last, "AS")) return false;
    if (!body->depth && is_word(token, "ATOMIC") && is_word(body->last, "BEGIN")) {
        body->depth = 1;
        body->opened = body->last.offset;
    } else if (body->depth && is_word(token, "CASE")) {
        body->depth++;
    } else if (body->depth && is_word(token, "END")) {
        body->depth--;
    }
    return false;
}

/* ---- SQLite ---- */

/* As sqlite3_complete() has it: the body's END is the one behind a semicolon. CASE … END never is. */
static bool trigger_ends(sql_body *body, df_sql_token token)
{
    if (is_symbol(token, ';')) return !body->depth;
    if (!body->inside && is_word(token, "BEGIN") && !is_symbol(body->last, '.')) {
        body->inside = true;
        body->depth = 1;
        body->opened = token.offset;
    } else if (body->depth && is_word(token, "END") && is_symbol(body->last, ';')) {
        body->depth = 0;
    }
    return false;
}

/* ---- MariaDB ---- */

/* Words that begin a statement which has no block of its own; SET is a type, too, and part of CHARACTER SET.
 */
static const char *const simple[] = {"RETURN",  "SELECT",   "INSERT", "UPDATE",  "DELETE", "REPLACE",
                                     "CALL",    "DO",       "WITH",   "CREATE",  "DROP",   "ALTER",
                                     "RENAME",  "TRUNCATE", "SIGNAL", "EXECUTE", "COMMIT", "ROLLBACK",
                                     "ANALYZE", "VALUES",   "GET",    NULL};

static void enter_body(sql_body *body)
{
    body->inside = true;
    body->start = true;
}

/* CREATE PROCEDURE name (…) characteristics body: no keyword says where the body begins. */
static void routine_header(sql_body *body, df_sql_token token)
{
    enum { BEFORE, PARAMETERS, BEHIND };
    if (is_symbol(token, '(')) {
        if (body->header == BEFORE) body->header = PARAMETERS;
        body->depth++;
    } else if (is_symbol(token, ')') && body->depth > 0) {
        if (--body->depth == 0) body->header = BEHIND;
    } else if (body->header == BEHIND && body->depth == 0) {
        bool set =
            is_word(token, "SET") && !is_word(body->last, "CHARACTER") && !is_word(body->last, "RETURNS");
        if (set || one_of(token, simple) || one_of(token, blocks)) enter_body(body);
        body->label = token.kind == DF_SQL_WORD || token.kind == DF_SQL_NAME;
    }
}

/* … FOR EACH ROW [FOLLOWS | PRECEDES other] body */
static void row_header(sql_body *body, df_sql_token token)
{
    enum { BEFORE, ROW, ORDER };
    if (body->header == BEFORE) {
        if (is_word(token, "ROW") && is_word(body->last, "EACH")) body->header = ROW;
    } else if (body->header == ROW && (is_word(token, "FOLLOWS") || is_word(token, "PRECEDES"))) {
        body->header = ORDER;
    } else if (body->header == ROW) {
        enter_body(body);
    } else {
        body->header = ROW; /* the other trigger's name */
    }
}

static void event_header(sql_body *body, df_sql_token token)
{
    if (is_symbol(token, '(')) body->depth++;
    if (is_symbol(token, ')') && body->depth > 0) body->depth--;
    if (body->depth == 0 && is_word(body->last, "DO")) enter_body(body);
}

static void header(sql_body *body, df_sql_token token)
{
    if (body->kind == SQL_BODY_COMPOUND) enter_body(body);
    if (body->kind == SQL_BODY_ROUTINE) routine_header(body, token);
    if (body->kind == SQL_BODY_ROW) row_header(body, token);
    if (body->kind == SQL_BODY_EVENT) event_header(body, token);
    if (body->inside) body->depth = 0;
}

static void open_block(sql_body *body, df_sql_token token)
{
    if (body->depth++ == 0) body->opened = token.offset;
}

static void close_block(sql_body *body)
{
    if (body->depth > 0) body->depth--;
    body->until = false;
}

/* The first word of a statement. What it does to `start` says whether another statement follows it at once.
 */
static void first_word(sql_body *body, df_sql_token token)
{
    static const char *const openers[] = {"BEGIN", "LOOP", "REPEAT", NULL};
    static const char *const transparent[] = {"ELSE", "NOT", "ATOMIC", NULL}; /* BEGIN NOT ATOMIC */
    body->label = false;
    if (one_of(token, blocks)) {
        open_block(body, token);
        body->start = one_of(token, openers);
        return;
    }
    body->start = one_of(token, transparent);
    if (is_word(token, "END")) close_block(body);
    body->until = is_word(token, "UNTIL");
    body->declare = is_word(token, "DECLARE");
    body->label = !body->start;
}

/* DECLARE … HANDLER FOR condition, … statement */
static void handler_word(sql_body *body, df_sql_token token)
{
    enum { NONE, FOR, CONDITION, BEHIND };
    static const char *const parts[] = {"NOT", "SQLSTATE", "VALUE", NULL}; /* NOT FOUND, SQLSTATE VALUE '…' */
    if (body->handler == NONE) {
        if (is_word(token, "HANDLER")) body->handler = FOR;
    } else if (body->handler == FOR) {
        body->handler = CONDITION;
    } else if (body->handler == CONDITION) {
        if (!one_of(token, parts)) body->handler = BEHIND;
    } else if (is_symbol(token, ',')) {
        body->handler = CONDITION;
    } else {
        body->declare = false;
        body->handler = NONE;
        first_word(body, token);
    }
}

static void later_word(sql_body *body, df_sql_token token)
{
    if (body->label) {
        body->label = false;
        if (is_symbol(token, ':')) {
            body->start = true;
            return;
        }
    }
    if (body->declare) {
        handler_word(body, token);
    } else if (is_symbol(body->last, '.') || is_symbol(body->last, '@')) {
        return;
    } else if (is_word(token, "CASE")) {
        if (!is_word(body->last, "END")) body->cases++;
    } else if (is_word(token, "END")) {
        if (body->cases > 0)
            body->cases--;
        else if (body->until)
            close_block(body);
    } else if (body->cases == 0 &&
               (is_word(token, "THEN") || is_word(token, "ELSE") || is_word(token, "DO"))) {
        body->start = true;
    }
}

static bool mariadb_ends(sql_body *body, df_sql_token token)
{
    bool label = body->label && !body->inside;
    if (!body->inside) {
        header(body, token);
        if (!body->inside && label && is_symbol(token, ':')) {
            enter_body(body);
            return false;
        }
    }
    if (is_symbol(token, ';')) {
        if (!body->inside || body->depth == 0) return true;
        body->start = true;
        body->cases = 0;
        body->label = body->until = body->declare = false;
        body->handler = 0;
    } else if (body->inside && body->start) {
        first_word(body, token);
    } else if (body->inside) {
        later_word(body, token);
    }
    return false;
}

bool sql_body_ends(sql_body *body, df_sql_token token)
{
    bool ends;
    switch (body->kind) {
    case SQL_BODY_NONE:
    case SQL_BODY_COPY: ends = is_symbol(token, ';'); break;
    case SQL_BODY_RULE: ends = rule_ends(body, token); break;
    case SQL_BODY_ATOMIC: ends = atomic_ends(body, token); break;
    case SQL_BODY_TRIGGER: ends = trigger_ends(body, token); break;
    default: ends = mariadb_ends(body, token); break;
    }
    body->last = token;
    return ends;
}
