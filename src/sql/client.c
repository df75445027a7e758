/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines that are meant for psql, sqlite3 or mariadb and not for the server. What only changes how those
 * programs print is passed over; what would change what runs is refused, each with what to write instead.
 */
#include "sql/sql_int.h"

#include <stdio.h>

typedef struct command {
    const char *name;
    const char *instead; /* NULL: it changes nothing, and is passed over */
} command;

#define INCLUDE "put the statements into this file"
#define CONNECT "one run has one connection: give the URL of the other database to a run of its own"
#define SHELL   "run it as a hook"
#define ENDS    "end the statement with a semicolon"
#define QUIT    "remove it, and what stands behind it"

static const command psql_commands[] = {
    {"restrict", NULL},
    {"unrestrict", NULL},
    {"echo", NULL},
    {"qecho", NULL},
    {"warn", NULL},
    {"timing", NULL},
    {"pset", NULL},
    {"a", NULL},
    {"t", NULL},
    {"x", NULL},
    {"f", NULL},
    {"C", NULL},
    {"H", NULL},
    {"T", NULL},
    {"p", NULL},
    {"conninfo", NULL},
    {"errverbose", NULL},
    {"copyright", NULL},
    {"h", NULL},
    {"help", NULL},
    {"?", NULL},
    {"unset", NULL},
    {"i", INCLUDE},
    {"include", INCLUDE},
    {"ir", INCLUDE},
    {"include_relative", INCLUDE},
    {"copy", "write COPY … FROM STDIN; with the data in the lines behind it and \\. at their end"},
    {"c", CONNECT},
    {"connect", CONNECT},
    {"!", SHELL},
    {"cd", SHELL},
    {"o", SHELL},
    {"out", SHELL},
    {"w", SHELL},
    {"write", SHELL},
    {"g", ENDS},
    {"gx", ENDS},
    {"G", ENDS},
    {"gdesc", ENDS},
    {"crosstabview", ENDS},
    {"watch", ENDS},
    {";", ENDS},
    {"gexec", "loop over the query in a DO block, with EXECUTE"},
    {"gset", "use a variable of a DO block"},
    {"if", "use IF in a DO block"},
    {"elif", "use IF in a DO block"},
    {"else", "use IF in a DO block"},
    {"endif", "use IF in a DO block"},
    {"q", QUIT},
    {"quit", QUIT},
    {"prompt", "use a placeholder"},
    {"set", "use a placeholder"},
    {"encoding", "write SET client_encoding"},
    {".", "it ends the data of COPY … FROM STDIN, and there is none"},
};

static const command sqlite_commands[] = {
    {"echo", NULL},
    {"headers", NULL},
    {"header", NULL},
    {"mode", NULL},
    {"timer", NULL},
    {"changes", NULL},
    {"print", NULL},
    {"show", NULL},
    {"width", NULL},
    {"nullvalue", NULL},
    {"separator", NULL},
    {"explain", NULL},
    {"eqp", NULL},
    {"stats", NULL},
    {"prompt", NULL},
    {"version", NULL},
    {"help", NULL},
    {"tables", NULL},
    {"schema", NULL},
    {"indexes", NULL},
    {"databases", NULL},
    {"read", INCLUDE},
    {"import", "write INSERT statements"},
    {"open", CONNECT},
    {"connection", CONNECT},
    {"restore", CONNECT},
    {"shell", SHELL},
    {"system", SHELL},
    {"output", SHELL},
    {"once", SHELL},
    {"quit", QUIT},
    {"exit", QUIT},
};

static const command mariadb_commands[] = {
    {"nopager", NULL},
    {"notee", NULL},
    {"nowarning", NULL},
    {"pager", NULL},
    {"print", NULL},
    {"prompt", NULL},
    {"rehash", NULL},
    {"status", NULL},
    {"warnings", NULL},
    {"source", INCLUDE},
    {".", INCLUDE},
    {"connect", CONNECT},
    {"r", CONNECT},
    {"system", SHELL},
    {"!", SHELL},
    {"tee", SHELL},
    {"T", SHELL},
    {"edit", SHELL},
    {"e", SHELL},
    {"charset", "write SET NAMES"},
    {"C", "write SET NAMES"},
    {"ego", ENDS},
    {"go", ENDS},
    {"g", ENDS},
    {"G", ENDS},
    {"c", "remove the statement that it takes back"},
    {"clear", "remove the statement that it takes back"},
    {"quit", QUIT},
    {"exit", QUIT},
    {"q", QUIT},
    {"d", "write DELIMITER on a line of its own"},
    {"u", "write USE"},
    {"W", NULL},
    {"w", NULL},
    {"p", NULL},
    {"n", NULL},
    {"t", NULL},
    {"P", NULL},
    {"R", NULL},
    {"s", NULL},
    {"h", NULL},
    {"?", NULL},
    {"#", NULL},
};

static const command *find(const command *commands, size_t n, df_str name)
{
    for (size_t i = 0; i < n; i++) {
        if (name.len && name.ptr[0] == commands[i].name[0] && df_str_is(name, commands[i].name))
            return &commands[i];
    }
    return NULL;
}
#define FIND(commands, name) find(commands, sizeof(commands) / sizeof *(commands), name)

static size_t line_end(df_str sql, size_t at)
{
    const char *end = at < sql.len ? memchr(sql.ptr + at, '\n', sql.len - at) : NULL;
    return end ? (size_t)(end - sql.ptr) : sql.len;
}

static df_code refuse(const df_sql_splitter *s, size_t at, const char *program, df_str shown,
                      const command *found, df_error *err)
{
    int len = shown.len > 40 ? 40 : (int)shown.len;
    df_fail(err, DF_UNSUPPORTED, "%.*s is a command of %s, not of the server", len, shown.ptr, program);
    if (found)
        df_error_hint(err, "%s", found->instead);
    else
        df_error_hint(err, "remove it, or write what it does in SQL");
    return sql_fail_at(s, at, err, DF_UNSUPPORTED);
}

/* ---- psql ---- */

/* Letters of a name, or one other character, from `at`. */
static df_str command_name(df_str sql, size_t at)
{
    size_t end = at;
    while (end < sql.len && sql_is(sql.ptr[end], C_START)) end++;
    if (end == at && at < sql.len && !sql_is(sql.ptr[at], C_SPACE)) end++;
    return (df_str){sql.ptr + at, end - at};
}

/* The n-th word of a line, "" when there is none; quotes of psql are taken off. */
static df_str argument(df_str line, int n)
{
    df_str word = {line.ptr, 0};
    for (size_t at = 0; n > 0; n--) {
        at = sql_skip_space(line, at);
        size_t from = at;
        while (at < line.len && !sql_is(line.ptr[at], C_SPACE)) at++;
        word = (df_str){line.ptr + from, at - from};
    }
    if (word.len > 1 && word.ptr[0] == '\'' && word.ptr[word.len - 1] == '\'') word.ptr++, word.len -= 2;
    return word;
}

static bool says_no(df_str value)
{
    return sql_word_is(value, "OFF") || sql_word_is(value, "FALSE") || sql_word_is(value, "NO") ||
           df_str_is(value, "0");
}

/* \set of what only concerns psql itself. ON_ERROR_STOP is what we do; its opposite is not. */
static bool is_harmless_set(df_str rest)
{
    static const char *const variables[] = {"ECHO",         "ECHO_HIDDEN", "QUIET",       "VERBOSITY",
                                            "SHOW_CONTEXT", "FETCH_COUNT", "HISTFILE",    "HISTSIZE",
                                            "PROMPT1",      "PROMPT2",     "HISTCONTROL", "PROMPT3"};
    df_str name = argument(rest, 1);
    if (df_str_is(name, "ON_ERROR_STOP")) return !says_no(argument(rest, 2));
    if (df_str_is(name, "AUTOCOMMIT")) return !says_no(argument(rest, 2));
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        if (df_str_is(name, variables[i])) return true;
    }
    return !name.len;
}

static bool is_utf8(df_str name)
{
    return !name.len || sql_word_is(name, "UTF8") || sql_word_is(name, "UTF-8") ||
           sql_word_is(name, "UNICODE");
}

/* \d, \dt+, \l, \sf …: queries of the catalog. */
static bool describes(df_str name)
{
    return (name.ptr[0] == 'd' && name.len <= 4) || df_str_is(name, "l") || df_str_is(name, "list") ||
           df_str_is(name, "sf") || df_str_is(name, "sv") || df_str_is(name, "z");
}

static df_code psql_line(const df_sql_splitter *s, size_t at, size_t *end, df_error *err)
{
    df_str name = command_name(s->script, at + 1);
    df_str rest = {name.ptr + name.len, 0};
    *end = line_end(s->script, at);
    rest.len = *end - (size_t)(rest.ptr - s->script.ptr);
    const command *found = FIND(psql_commands, name);
    if (memmem(rest.ptr, rest.len, "\\\\", 2)) /* behind two backslashes SQL goes on */
        return refuse(s, at, "psql", (df_str){s->script.ptr + at, *end - at}, NULL, err);
    if (found && !found->instead) return DF_OK;
    if (df_str_is(name, "set") && is_harmless_set(rest)) return DF_OK;
    if (df_str_is(name, "encoding") && is_utf8(argument(rest, 1))) return DF_OK;
    if (!found && name.len && describes(name)) return DF_OK;
    return refuse(s, at, "psql", (df_str){s->script.ptr + at, name.len + 1}, found, err);
}

/* ---- sqlite3 ---- */

static df_code sqlite_line(const df_sql_splitter *s, size_t at, size_t *end, df_error *err)
{
    df_str name = command_name(s->script, at + 1);
    df_str rest = {name.ptr + name.len, 0};
    *end = line_end(s->script, at);
    rest.len = *end - (size_t)(rest.ptr - s->script.ptr);
    const command *found = FIND(sqlite_commands, name);
    if (found && !found->instead) return DF_OK;
    if (df_str_is(name, "bail") && !says_no(argument(rest, 1))) return DF_OK;
    return refuse(s, at, "sqlite3", (df_str){s->script.ptr + at, name.len + 1}, found, err);
}

/* ---- mariadb ---- */

static df_code set_delimiter(df_sql_splitter *s, size_t at, size_t end, df_error *err)
{
    df_str value = argument((df_str){s->script.ptr + at, end - at}, 1);
    if (value.len > 1 && (value.ptr[0] == '"' || value.ptr[0] == '`') &&
        value.ptr[value.len - 1] == value.ptr[0])
        value.ptr++, value.len -= 2;
    if (!value.len || memchr(value.ptr, '\\', value.len) || value.len >= sizeof s->delimiter) {
        df_fail(err, DF_UNSUPPORTED, "DELIMITER wants 1 to %zu characters without a backslash",
                sizeof s->delimiter - 1);
        return sql_fail_at(s, at, err, DF_UNSUPPORTED);
    }
    memcpy(s->delimiter, value.ptr, value.len);
    s->delimiter[value.len] = '\0';
    return DF_OK;
}

/* Where a command of one word ends: with its line, or at a delimiter, behind which SQL may go on. */
static size_t word_command_end(const df_sql_splitter *s, size_t at)
{
    size_t line = line_end(s->script, at);
    const char *end = memmem(s->script.ptr + at, line - at, s->delimiter, strlen(s->delimiter));
    return end ? (size_t)(end - s->script.ptr) : line;
}

/* Words in any case of letters; a backslash and one letter, where the case matters. */
static df_code mariadb_line(df_sql_splitter *s, size_t at, size_t *end, df_error *err)
{
    bool backslash = s->script.ptr[at] == '\\';
    df_str name = command_name(s->script, at + backslash);
    if (backslash && name.len > 1) name.len = 1;
    size_t behind = at + backslash + name.len;
    if (!backslash && sql_word_is(name, "DELIMITER")) {
        *end = line_end(s->script, at);
        return set_delimiter(s, behind, *end, err);
    }
    char lower[16];
    if (name.len >= sizeof lower) return DF_OK;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        lower[i] = !backslash && c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    const command *found =
        backslash != (name.len == 1) ? NULL : FIND(mariadb_commands, ((df_str){lower, name.len}));
    if (!found && !backslash) return DF_OK;
    if (found && !found->instead) {
        *end = backslash ? behind : word_command_end(s, at);
        return DF_OK;
    }
    return refuse(s, at, "mariadb", (df_str){s->script.ptr + at, behind - at}, found, err);
}

/* ---- all ---- */

/* Whether only blanks stand before it on its line. */
static bool begins_line(df_str sql, size_t at)
{
    while (at > 0 && (sql.ptr[at - 1] == ' ' || sql.ptr[at - 1] == '\t')) at--;
    return at == 0 || sql.ptr[at - 1] == '\n' || sql.ptr[at - 1] == '\r' || at == sql_byte_order_mark(sql);
}

df_code sql_client_line(df_sql_splitter *s, size_t at, size_t *end, df_error *err)
{
    char c = s->script.ptr[at];
    *end = 0;
    switch (s->dialect->family) {
    case DF_SQL_POSTGRES: return c == '\\' ? psql_line(s, at, end, err) : DF_OK;
    case DF_SQL_CYPHER: return c == ':' ? sql_cypher_line(s, at, end, err) : DF_OK;
    case DF_SQL_SQLITE:
        if (c == '.' && begins_line(s->script, at)) return sqlite_line(s, at, end, err);
        if (c == '#' && begins_line(s->script, at)) *end = line_end(s->script, at); /* sqlite3's comments */
        return DF_OK;
    default:
        if (c == '\\' && sql_at(s->script, at + 1) == 'N') return DF_OK;
        return c == '\\' || sql_is(c, C_START) ? mariadb_line(s, at, end, err) : DF_OK;
    }
}

df_code sql_client_backslash(const df_sql_splitter *s, size_t at, df_error *err)
{
    bool psql = s->dialect->family == DF_SQL_POSTGRES;
    df_str name = command_name(s->script, at + 1);
    if (!psql && name.len > 1) name.len = 1;
    const command *found = psql ? FIND(psql_commands, name) : FIND(mariadb_commands, name);
    static const command inside = {"", "move it out of the statement, or remove it"};
    if (found && !found->instead) found = &inside;
    return refuse(s, at, psql ? "psql" : "mariadb", (df_str){s->script.ptr + at, name.len + 1}, found, err);
}
