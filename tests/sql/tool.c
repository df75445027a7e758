/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql-tool DIALECT [VERSION]: reads a script from standard input and prints a JSON line a statement, for tests in
 * Python: number, line, offset, text, data, normal form, class, flags, tag, object, table, value, findings (for a
 * server whose version is the second argument); an error as the last line.
 */
#include "sql/modern.h"
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void put_text(const char *name, df_str text)
{
    if (!text.ptr) return;
    printf(", \"%s\": \"", name);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            printf("\\u%04x", c); /* a byte a character: latin-1, for Python to encode again */
        else
            putchar(c);
    }
    putchar('"');
}

static void put_object(const char *name, const df_sql_object *object)
{
    if (!object->kind) return;
    printf(", \"%s\": {\"kind\": \"%s\"", name, object->kind);
    put_text("schema", object->schema);
    put_text("name", object->name);
    put_text("column", object->column);
    putchar('}');
}

static void put_findings(const df_sql_dialect *dialect, df_str text, int32_t version, df_arena *arena)
{
    static const char *const severities[] = {"notice", "warning", "error"};
    size_t count;
    const df_sql_finding *findings = df_sql_modern(dialect, text, version, arena, &count);
    printf(", \"findings\": [");
    for (size_t i = 0; i < count; i++) {
        printf("%s{\"rule\": \"%s\", \"severity\": \"%s\", \"offset\": %zu, \"at\": %d", i ? ", " : "", findings[i].rule,
               severities[findings[i].severity], findings[i].offset, findings[i].line);
        put_text("what", df_str_from(findings[i].what));
        put_text("rewritten", findings[i].rewritten);
        putchar('}');
    }
    putchar(']');
}

static void put_statement(const df_sql_dialect *dialect, const df_sql_statement *s, int32_t version)
{
    static const char *const classes[] = {"unknown",     "query",   "dml",     "ddl",
                                          "transaction", "session", "routine", "maintenance"};
    static const char *const flags[] = {"no_transaction", "implicit_commit", "begin",       "commit",
                                        "rollback",       "concurrently",    "add_value",   "destroys",
                                        "whole_table",    "temporary",       "if_exists",   "copy_in",
                                        "index_build",    "dynamic",         "foreign_keys", "batches", "administration"};
    df_arena arena = {0};
    df_buf normal = {0};
    df_sql_facts facts = df_sql_classify(dialect, s->text, &arena);
    df_sql_normalise(dialect, s->text, &normal);
    printf("{\"number\": %d, \"line\": %d, \"offset\": %zu", s->number, s->line, s->offset);
    put_text("text", s->text);
    put_text("data", s->data);
    put_text("normal", df_buf_str(&normal));
    printf(", \"class\": \"%s\", \"tag\": \"%s\", \"flags\": [", classes[facts.cls], facts.tag);
    bool comma = false;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (!(facts.flags >> i & 1)) continue;
        printf("%s\"%s\"", comma ? ", " : "", flags[i]);
        comma = true;
    }
    putchar(']');
    put_object("object", &facts.object);
    put_object("table", &facts.table);
    put_text("value", facts.value);
    put_findings(dialect, s->text, version, &arena);
    printf("}\n");
    df_buf_release(&normal);
    df_arena_release(&arena);
}

int main(int argc, char **argv)
{
    const df_sql_dialect *dialect = argc >= 2 ? df_sql_dialect_of(argv[1]) : NULL;
    if (!dialect) {
        fprintf(stderr, "usage: sql-tool postgres|sqlite|mariadb|neo4j [VERSION] < SCRIPT\n");
        return 2;
    }
    int32_t version = argc > 2 ? atoi(argv[2]) : 0;
    df_buf script = {0};
    ssize_t got;
    while ((got = read(0, df_buf_reserve(&script, 65536), 65536)) > 0) script.len += (size_t)got;
    df_sql_splitter splitter = {.dialect = dialect, .script = df_buf_str(&script)};
    df_sql_statement statement;
    bool more = true;
    df_error err;
    df_code code;
    while ((code = df_sql_split(&splitter, &statement, &more, &err)) == DF_OK && more)
        put_statement(splitter.dialect, &statement, version);
    if (code != DF_OK) {
        printf("{\"error\": \"%s\", \"line\": %lld, \"statement\": %d", df_code_name(code),
               (long long)err.line, err.statement);
        put_text("message", df_str_from(err.message));
        put_text("hint", df_str_from(err.hint));
        printf("}\n");
    }
    df_buf_release(&script);
    return 0;
}
