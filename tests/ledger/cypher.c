/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

typedef struct word {
    const char *at;
    size_t len;
} word;

enum { MOST_WORDS = 400 };
typedef struct text {
    word words[MOST_WORDS];
    size_t count;
    bool history; /* whose status has other words */
} text;

static const char *const tables[][2] = {
    {"_migration_meta", "_MigrationMeta"},
    {"_migration_history", "Migration"},
    {"v_migration_status", "Migration"},
    {"_migration_locks", "_MigrationLock"},
    {"_migration_audit_log", "_MigrationAudit"},
    {"_migration_rollback_history", "_MigrationRollback"},
    {"_migration_journal", "_MigrationJournal"},
    {"_migration_sources", "_MigrationSource"},
    {"_migration_schema", "_MigrationSchema"},
    {"_backup_history", "_MigrationBackup"},
    {"dataflow_migration_locks", "_MigrationLock"},
    {"_backup_restoration_history", "_MigrationRestoration"},
};
static const char *const columns[][2] = {{"duration_ms", "duration"}, {"database_id", "databaseId"}};
static const char *const keywords[] = {"AND",      "OR",   "NOT", "IS", "NULL", "IN",
                                       "DISTINCT", "DESC", "ASC", "AS", "true", "false"};
static const char *const states[][2] = {{"'completed'", "'SUCCESS'"},
                                        {"'failed'", "'FAILED'"},
                                        {"'in_progress'", "'RUNNING'"},
                                        {"'rolled_back'", "'ROLLED_BACK'"}};

static bool is(word w, const char *what)
{
    return w.len == strlen(what) && strncasecmp(w.at, what, w.len) == 0;
}

static void cut(const char *sql, text *t)
{
    for (const char *p = sql; *p && t->count < MOST_WORDS;) {
        const char *from = p;
        if (isspace((unsigned char)*p)) {
            p++;
            continue;
        }
        if (*p == '\'') {
            for (p++; *p && (*p != '\'' || p[1] == '\''); p++) p += *p == '\'';
            p += *p != '\0';
        } else if (*p == '"') {
            from = p + 1;
            for (p++; *p && *p != '"'; p++) continue;
            t->words[t->count++] = (word){from, (size_t)(p - from)};
            p += *p != '\0';
            continue;
        } else if (isalnum((unsigned char)*p) || *p == '_') {
            while (isalnum((unsigned char)*p) || *p == '_' || *p == '.') p++;
        } else {
            p += strncmp(p, "<>", 2) == 0 || strncmp(p, "<=", 2) == 0 || strncmp(p, ">=", 2) == 0 ? 2 : 1;
        }
        t->words[t->count++] = (word){from, (size_t)(p - from)};
    }
}

static void put_property(const text *t, word w, df_buf *out)
{
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        if (!is(w, columns[i][0])) continue;
        df_buf_text(out, t->history ? "executionTime" : columns[i][1]);
        return;
    }
    for (size_t i = 0; i < w.len; i++) {
        bool hump = w.at[i] == '_' && i + 1 < w.len;
        if (hump) i++;
        df_buf_char(out, hump ? (char)toupper((unsigned char)w.at[i]) : w.at[i]);
    }
}

static void put_label(text *t, word w, df_buf *out)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (!is(w, tables[i][0])) continue;
        df_buf_text(out, tables[i][1]);
        t->history = strcmp(tables[i][1], "Migration") == 0;
        return;
    }
    df_buf_add(out, w.at, w.len);
}

/* Words of an expression: names are properties of t. */
static void put_expression(const text *t, size_t from, size_t to, df_buf *out)
{
    for (size_t i = from; i < to; i++) {
        word w = t->words[i];
        bool name = isalpha((unsigned char)w.at[0]) || w.at[0] == '_',
             call = i + 1 < to && is(t->words[i + 1], "(");
        for (size_t k = 0; k < sizeof keywords / sizeof *keywords; k++) name = name && !is(w, keywords[k]);
        df_buf_char(out, ' ');
        if (is(w, "COUNT") || is(w, "MAX")) {
            df_buf_text(out, is(w, "MAX") ? "max" : "count");
        } else if (is(w, "NOW")) {
            df_buf_text(out, "datetime");
        } else if (is(w, "FROM_UNIXTIME") && i + 2 < to) { /* ( seconds ) */
            df_buf_printf(out, "datetime({epochSeconds: %.*s})", (int)t->words[i + 2].len,
                          t->words[i + 2].at);
            i += 3;
        } else if (is(w, "LIKE") && i + 1 < to) { /* '%what%' */
            df_buf_printf(out, "CONTAINS '%.*s'", (int)t->words[i + 1].len - 4, t->words[i + 1].at + 2);
            i++;
        } else if (name && !call) {
            df_buf_text(out, "t.");
            put_property(t, w, out);
        } else {
            size_t k = 0;
            while (t->history && k < 4 && !is(w, states[k][0])) k++;
            if (t->history && k < 4)
                df_buf_text(out, states[k][1]);
            else if (w.at[0] == '\'') /* '' is a quote */
                for (size_t c = 0; c < w.len; c++) {
                    bool twice = c && c + 2 < w.len && w.at[c] == '\'' && w.at[c + 1] == '\'';
                    if (twice || w.at[c] == '\\') df_buf_char(out, '\\');
                    c += twice;
                    df_buf_char(out, w.at[c]);
                }
            else
                df_buf_add(out, w.at, w.len);
        }
    }
}

static size_t find(const text *t, size_t from, const char *what)
{
    while (from < t->count && !is(t->words[from], what)) from++;
    return from;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* MATCH (t:label) WHERE …; returns where the condition ends. */
static size_t put_match(text *t, size_t table, size_t where, df_buf *out)
{
    size_t end = least(find(t, table, "ORDER"), find(t, table, "LIMIT"));
    df_buf_text(out, "MATCH (t:");
    put_label(t, t->words[table], out);
    df_buf_char(out, ')');
    if (t->history) df_buf_text(out, " WHERE t.migrationId IS NOT NULL");
    if (where < end) {
        df_buf_text(out, t->history ? " AND (" : " WHERE");
        put_expression(t, where + 1, end, out);
        if (t->history) df_buf_char(out, ')');
    }
    return end;
}

static void put_select(text *t, df_buf *out)
{
    size_t from = find(t, 1, "FROM"), order = find(t, from, "ORDER"), limit = find(t, from, "LIMIT"),
           offset = find(t, from, "OFFSET");
    put_match(t, from + 1, find(t, from, "WHERE"), out);
    df_buf_text(out, " RETURN");
    put_expression(t, 1, from, out);
    if (order < t->count) {
        df_buf_text(out, " ORDER BY");
        put_expression(t, order + 2, limit, out);
    }
    if (offset + 1 < t->count)
        df_buf_printf(out, " SKIP %.*s", (int)t->words[offset + 1].len, t->words[offset + 1].at);
    if (limit + 1 < t->count)
        df_buf_printf(out, " LIMIT %.*s", (int)t->words[limit + 1].len, t->words[limit + 1].at);
}

/* The comma or parenthesis behind a value. */
static size_t end_of_value(const text *t, size_t from)
{
    for (int depth = 0; from < t->count; from++) {
        if (!depth && (is(t->words[from], ",") || is(t->words[from], ")"))) break;
        depth += is(t->words[from], "(") - is(t->words[from], ")");
    }
    return from;
}

/* INSERT INTO t (a, b) VALUES (1, 2), (3, 4) */
static void put_insert(text *t, df_buf *out)
{
    size_t names = find(t, 0, "("), values = find(t, 0, "VALUES");
    df_buf label = {0};
    put_label(t, t->words[2], &label);
    for (size_t i = values; i + 1 < t->count;) {
        size_t name = names + 1;
        df_buf_printf(out, "%sCREATE (:%s {", i == values ? "" : " ", df_buf_cstr(&label));
        for (i += 2; i < t->count; name += 2) {
            size_t end = end_of_value(t, i);
            if (name > names + 1) df_buf_text(out, ", ");
            if (name < values - 1)
                put_property(t, t->words[name], out);
            else
                df_buf_text(out, "n"); /* without names there is one column */
            df_buf_char(out, ':');
            put_expression(t, i, end, out);
            i = end + 1;
            if (end >= t->count || is(t->words[end], ")")) break;
        }
        df_buf_text(out, "})");
    }
    df_buf_release(&label);
}

void cypher_of(const char *sql, df_buf *out)
{
    text t = {0};
    cut(sql, &t);
    if (t.count > 2 && is(t.words[0], "SELECT") && find(&t, 1, "FROM") < t.count) {
        put_select(&t, out);
    } else if (t.count > 3 && is(t.words[0], "UPDATE")) {
        size_t where = find(&t, 0, "WHERE");
        put_match(&t, 1, where, out);
        df_buf_text(out, " SET");
        put_expression(&t, 3, where, out);
    } else if (t.count > 2 && is(t.words[0], "DELETE")) {
        put_match(&t, 2, find(&t, 0, "WHERE"), out);
        df_buf_text(out, " DETACH DELETE t");
    } else if (t.count > 4 && is(t.words[0], "INSERT")) {
        put_insert(&t, out);
    } else if (t.count > 2 && is(t.words[0], "DROP") && is(t.words[1], "TABLE")) {
        df_buf_printf(out, "MATCH (t:_Table {name: '%.*s'}) DELETE t", (int)t.words[2].len, t.words[2].at);
    } else if (t.count > 2 && is(t.words[0], "CREATE") && is(t.words[1], "TABLE")) {
        df_buf_printf(out, "MERGE (:_Table {name: '%.*s'})", (int)t.words[2].len, t.words[2].at);
    } else {
        df_buf_text(out, sql);
    }
}
