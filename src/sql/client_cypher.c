/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines that are meant for cypher-shell or Neo4j Browser: they begin with a colon, where a statement would.
 * What only concerns those programs is passed over; `:use`, `:param` and the commands of transactions are
 * statements of their own; the others are refused, each with what to write instead.
 */
#include "sql/sql_int.h"

typedef struct command {
    const char *name;
    const char *instead; /* NULL: it is passed over */
} command;

#define INCLUDE "put the statements into this file"
#define CONNECT "one run has one connection: give the URL of the other server to a run of its own"
#define REQUEST "run it as a hook"
#define QUIT    "remove it, and what stands behind it"

static const command commands[] = {
    {"HELP", NULL},
    {"HISTORY", NULL},
    {"CLEAR", NULL},
    {"SYSINFO", NULL},
    {"STYLE", NULL},
    {"SCHEMA", NULL},
    {"PLAY", NULL},
    {"GUIDE", NULL},
    {"CONFIG", NULL},
    {"DBS", NULL},
    {"QUERIES", NULL},
    {"WELCOME", NULL},
    {"SOURCE", INCLUDE},
    {"CONNECT", CONNECT},
    {"DISCONNECT", CONNECT},
    {"SERVER", CONNECT},
    {"GET", REQUEST},
    {"POST", REQUEST},
    {"PUT", REQUEST},
    {"DELETE", REQUEST},
    {"HEAD", REQUEST},
    {"EXIT", QUIT},
    {"QUIT", QUIT},
    {"IMPERSONATE", "write ?impersonate=USER in the URL"},
    {"ACCESS-MODE", "remove it: what a statement does decides"},
};

/* Those that are statements: what they do concerns the server, or the statements behind them. */
static const char *const statements[] = {"USE", "PARAM", "PARAMS", "BEGIN", "COMMIT", "ROLLBACK"};

static df_str command_name(df_str sql, size_t at)
{
    size_t end = at + 1;
    while (end < sql.len && (sql_is(sql.ptr[end], C_WORD) || sql.ptr[end] == '-')) end++;
    return (df_str){sql.ptr + at + 1, end - at - 1};
}

static bool ends_line(char c)
{
    return c == '\n' || c == '\r';
}

static df_code refuse(const df_sql_splitter *s, size_t at, df_str name, const command *found, df_error *err)
{
    int len = name.len > 40 ? 40 : (int)name.len;
    df_fail(err, DF_UNSUPPORTED, ":%.*s is a command of cypher-shell, not of the server", len, name.ptr);
    df_error_hint(err, "%s", found ? found->instead : "remove it, or write what it does in Cypher");
    return sql_fail_at(s, at, err, DF_UNSUPPORTED);
}

df_code sql_command_end(const df_sql_splitter *s, size_t at, size_t *end, size_t *over, df_error *err)
{
    df_str sql = s->script;
    df_str name = command_name(sql, at);
    bool map = sql_word_is(name, "PARAM") || sql_word_is(name, "PARAMS");
    size_t depth = 0, i = at + 1 + name.len;
    *end = i;
    while (i < sql.len && (depth || !(ends_line(sql.ptr[i]) || sql.ptr[i] == ';'))) {
        sql_piece piece = sql_is(sql.ptr[i], C_CYPHER) ? sql_piece_at(s->dialect, sql, i) : (sql_piece){0};
        if (piece.open) {
            df_fail(err, DF_CORRUPT, "a quote or comment in :%.*s does not end", DF_FMT(name));
            return sql_fail_at(s, i, err, DF_CORRUPT);
        }
        if (map && sql.ptr[i] == '{') depth++;
        if (depth && sql.ptr[i] == '}') depth--;
        bool blank = piece.comment || sql_is(sql.ptr[i], C_SPACE);
        i += piece.len ? piece.len : 1;
        if (!blank) *end = i;
    }
    if (depth) {
        df_fail(err, DF_CORRUPT, "the map of :%.*s does not end", DF_FMT(name));
        return sql_fail_at(s, at, err, DF_CORRUPT);
    }
    *over = i;
    return DF_OK;
}

/* Whether nothing that the command would say follows it on its line: `:params` then only shows them. */
static bool is_alone(df_str sql, size_t at)
{
    while (at < sql.len && (sql.ptr[at] == ' ' || sql.ptr[at] == '\t' || sql.ptr[at] == ';')) at++;
    return at == sql.len || ends_line(sql.ptr[at]);
}

df_code sql_cypher_line(df_sql_splitter *s, size_t at, size_t *end, df_error *err)
{
    df_str name = command_name(s->script, at);
    size_t behind = at + 1 + name.len;
    if (sql_word_is(name, "AUTO")) { /* what Browser needs for CALL … IN TRANSACTIONS, which says so itself */
        *end = behind;
        return DF_OK;
    }
    bool params = sql_word_is(name, "PARAM") || sql_word_is(name, "PARAMS");
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        if (!sql_word_is(name, statements[i])) continue;
        if (params && is_alone(s->script, behind)) *end = behind;
        return DF_OK;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (!sql_word_is(name, commands[i].name)) continue;
        if (commands[i].instead) return refuse(s, at, name, &commands[i], err);
        *end = behind;
        while (*end < s->script.len && !ends_line(s->script.ptr[*end])) ++*end;
        return DF_OK;
    }
    return refuse(s, at, name, NULL, err);
}
