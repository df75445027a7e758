/* SPDX-License-Identifier: Apache-2.0 */
/* Findings and what they change of the text; the rules are in modern_*.c. */
#include "sql/modern.h"
#include "sql/sql_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- findings ---- */

/* Doubles the room of a list in an arena. */
static void *grow(df_arena *arena, void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room) return items;
    *room = *room ? 2 * *room : 8;
    void *larger = df_arena_alloc(arena, *room * size);
    if (count) memcpy(larger, items, count * size);
    return larger;
}

void sql_find(sql_modern *m, size_t offset, const char *rule, df_sql_severity severity, const char *what, ...)
{
    char text[400];
    va_list args;
    va_start(args, what);
    vsnprintf(text, sizeof text, what, args);
    va_end(args);
    m->found = grow(m->arena, m->found, m->n_found, &m->found_room, sizeof *m->found);
    sql_found *f = &m->found[m->n_found++];
    *f = (sql_found){.finding = {.rule = rule,
                                 .severity = severity,
                                 .offset = offset,
                                 .what = df_arena_printf(m->arena, "%s", text)}};
}

void sql_edit(sql_modern *m, size_t offset, size_t len, df_str text)
{
    m->edits = grow(m->arena, m->edits, m->n_edits, &m->edits_room, sizeof *m->edits);
    m->edits[m->n_edits] = (sql_edit_of){.offset = offset, .len = len, .order = m->n_edits, .text = text};
    m->n_edits++;
    if (m->n_found) m->found[m->n_found - 1].edited = true;
}

bool sql_gone(const sql_modern *m, int32_t removed, int32_t replaced, df_sql_severity *severity)
{
    *severity = !m->version || m->version >= removed ? DF_SQL_ERROR : DF_SQL_WARNING;
    return !m->version || m->version >= replaced;
}

/* ---- the new text ---- */

static int by_edit(const void *a, const void *b)
{
    const sql_edit_of *x = a, *y = b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    if (!x->len != !y->len) return x->len ? 1 : -1; /* insertions first */
    return x->order < y->order ? -1 : x->order > y->order;
}

static df_str rewrite(sql_modern *m)
{
    df_buf out = {0};
    size_t at = 0;
    if (!m->n_edits) return DF_STR_NONE;
    qsort(m->edits, m->n_edits, sizeof *m->edits, by_edit);
    for (size_t i = 0; i < m->n_edits; i++) {
        const sql_edit_of *e = &m->edits[i];
        if (e->offset < at) continue; /* inside of what is replaced already */
        df_buf_add(&out, m->text.ptr + at, e->offset - at);
        df_buf_str_add(&out, e->text);
        at = e->offset + e->len;
    }
    df_buf_add(&out, m->text.ptr + at, m->text.len - at);
    df_str text = df_arena_str(m->arena, df_buf_str(&out));
    df_buf_release(&out);
    return text;
}

static int by_offset(const void *a, const void *b)
{
    const df_sql_finding *x = &((const sql_found *)a)->finding, *y = &((const sql_found *)b)->finding;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return x->severity != y->severity ? (x->severity < y->severity ? 1 : -1) : strcmp(x->rule, y->rule);
}

static const df_sql_finding *give(sql_modern *m, size_t *count)
{
    df_str text = rewrite(m);
    int32_t line = 1;
    size_t counted = 0;
    if (m->n_found) qsort(m->found, m->n_found, sizeof *m->found, by_offset);
    df_sql_finding *out = df_arena_alloc(m->arena, (m->n_found + 1) * sizeof *out);
    for (size_t i = 0; i < m->n_found; i++) {
        out[i] = m->found[i].finding;
        for (; counted < out[i].offset; counted++) line += m->text.ptr[counted] == '\n';
        out[i].line = line;
        if (m->found[i].edited) out[i].rewritten = text;
    }
    *count = m->n_found;
    return out;
}

/* ---- reading ---- */

static void read_language(sql_modern *m)
{
    sql_reader r;
    sql_reader_init(&r, m->dialect, m->text);
    while (sql_take(&r, "EXPLAIN") || sql_take(&r, "PROFILE")) continue;
    if (!sql_take(&r, "CYPHER") || r.token.kind != DF_SQL_NUMBER) return;
    df_sql_token number = r.token;
    if (df_str_is(number.text, "25")) {
        m->language = 25;
        if (m->version && m->version < 2025006)
            sql_find(m, number.offset, "language", DF_SQL_ERROR, "CYPHER 25 is known from Neo4j 2025.06 on");
        return;
    }
    if (df_str_is(number.text, "5") || (m->version && m->version < 5000)) return;
    sql_find(m, number.offset, "language", DF_SQL_ERROR, "CYPHER %.*s was a language of Neo4j 4 and before",
             DF_FMT(number.text));
    sql_edit(m, number.offset, number.text.len, DF_STR("5"));
}

static void note_batch(sql_modern *m)
{
    if (!(m->facts.flags & DF_SQL_BATCHES) || (m->facts.flags & DF_SQL_IF_EXISTS)) return;
    sql_find(
        m, 0, "batch-not-repeatable", DF_SQL_WARNING,
        "what it did stays when a later batch fails, and running it again does it twice: MERGE instead of "
        "CREATE, and a WHERE that leaves out what is done");
}

const df_sql_finding *sql_modern_findings(sql_modern *m, size_t *count)
{
    m->facts = df_sql_classify(m->dialect, m->text, m->arena);
    if (df_str_starts(m->text, DF_STR(":"))) {
        if (strcmp(m->facts.tag, ":param") == 0)
            sql_find(m, 0, "param", DF_SQL_ERROR,
                     "parameters of cypher-shell are known to it alone: write a placeholder");
        return give(m, count);
    }
    read_language(m);
    if (m->facts.cls == DF_SQL_DDL && !(m->facts.flags & DF_SQL_ADMINISTRATION))
        sql_modern_schema(m);
    else
        sql_modern_query(m);
    note_batch(m);
    return give(m, count);
}

const df_sql_finding *df_sql_modern(const df_sql_dialect *dialect, df_str statement, int32_t version,
                                    df_arena *arena, size_t *count)
{
    *count = 0;
    if (dialect->family != DF_SQL_CYPHER || !statement.len) return NULL;
    sql_modern m = {.dialect = dialect, .text = statement, .version = version, .arena = arena};
    return sql_modern_findings(&m, count);
}

unsigned df_sql_concern(const df_sql_facts *facts)
{
    if (facts->flags & DF_SQL_ADMINISTRATION) return DF_SQL_OF_SYSTEM;
    if (facts->cls == DF_SQL_DDL) return DF_SQL_OF_SCHEMA;
    if (facts->cls == DF_SQL_DML) return DF_SQL_OF_DATA;
    if (facts->cls != DF_SQL_ROUTINE) return 0;
    bool schema = (facts->flags & DF_SQL_NO_TRANSACTION) && !(facts->flags & DF_SQL_BATCHES);
    return schema ? DF_SQL_OF_SCHEMA : DF_SQL_OF_DATA;
}
