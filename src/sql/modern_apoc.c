/* SPDX-License-Identifier: Apache-2.0 */
/* apoc.periodic.iterate, for which Cypher has CALL … IN TRANSACTIONS since 4.4. */
#include "sql/sql_int.h"

enum { V44 = 4004, V521 = 5021, V523 = 5023, DEEPEST = 2 };

/* The call, as far as it is written with literals. */
typedef struct iterate {
    df_str each, change; /* the texts; absent when they are no literals */
    size_t each_at, change_at;
    df_str size, workers; /* batchSize, concurrency: digits, or absent */
    bool parallel;
    size_t end; /* behind its ")" */
    bool plain; /* nothing that is not understood */
    bool alone; /* nothing follows */
} iterate;

static df_str take_text(sql_modern *m, sql_reader *r, size_t *at)
{
    df_buf text = {0};
    *at = r->token.offset;
    if (r->token.kind != DF_SQL_STRING || r->token.open) return DF_STR_NONE;
    sql_unescape(&text, r->token.text);
    df_str out = df_arena_str(m->arena, df_buf_str(&text));
    df_buf_release(&text);
    sql_read(r);
    return out;
}

/* {batchSize: 1000, parallel: false}: keys that change more than the size of batches are not understood. */
static bool take_settings(sql_reader *r, iterate *out)
{
    if (!sql_take_symbol(r, '{')) return false;
    while (!sql_take_symbol(r, '}')) {
        df_sql_token key = r->token;
        sql_read(r);
        if (!sql_take_symbol(r, ':')) return false;
        df_sql_token value = r->token;
        bool number = value.kind == DF_SQL_NUMBER;
        if (df_sql_is(key, "batchSize") && number)
            out->size = value.text;
        else if (df_sql_is(key, "concurrency") && number)
            out->workers = value.text;
        else if (df_sql_is(key, "parallel") && (df_sql_is(value, "true") || df_sql_is(value, "false")))
            out->parallel = df_sql_is(value, "true");
        else if (!df_sql_is(key, "iterateList") && !df_sql_is(key, "retries"))
            return false;
        sql_read(r);
        sql_take_symbol(r, ',');
    }
    return true;
}

static iterate read_iterate(sql_modern *m, sql_reader r)
{
    iterate out = {0};
    if (!sql_take_symbol(&r, '(')) return out;
    out.each = take_text(m, &r, &out.each_at);
    if (!out.each.ptr || !sql_take_symbol(&r, ',')) return out;
    out.change = take_text(m, &r, &out.change_at);
    if (!out.change.ptr) return out;
    if (sql_take_symbol(&r, ',') && !take_settings(&r, &out)) return out;
    out.end = r.token.offset + 1;
    out.plain = sql_take_symbol(&r, ')');
    out.alone = sql_sees_end(&r);
    return out;
}

/* What is found in a text of the call is told at the place of the text; gives its modern form, in one line.
 */
static df_str look_into(sql_modern *m, df_str text, size_t at)
{
    size_t count;
    df_buf normal = {0};
    sql_modern inner = {
        .dialect = m->dialect, .text = text, .version = m->version, .arena = m->arena, .depth = m->depth + 1};
    const df_sql_finding *found = sql_modern_findings(&inner, &count);
    df_str now = text;
    for (size_t i = 0; i < count; i++) {
        if (found[i].rewritten.ptr) now = found[i].rewritten;
        if (found[i].severity > DF_SQL_NOTICE)
            sql_find(m, at, found[i].rule, found[i].severity, "in the text that is run: %s", found[i].what);
    }
    df_sql_normalise(m->dialect, now, &normal);
    df_str out = df_arena_str(m->arena, df_buf_str(&normal));
    df_buf_release(&normal);
    return out;
}

/* Where the last RETURN of the query stands, outside of brackets; SIZE_MAX when none does. */
static size_t last_return(const sql_modern *m, df_str query)
{
    sql_reader r;
    size_t at = SIZE_MAX, depth = 0;
    for (sql_reader_init(&r, m->dialect, query); !sql_sees_end(&r); sql_read(&r)) {
        if (sql_sees_symbol(&r, '(') || sql_sees_symbol(&r, '[') || sql_sees_symbol(&r, '{')) depth++;
        if (sql_sees_symbol(&r, ')') || sql_sees_symbol(&r, ']') || sql_sees_symbol(&r, '}'))
            depth -= depth > 0;
        if (!depth && sql_sees(&r, "RETURN")) at = r.token.offset;
    }
    return at;
}

/* The names that RETURN gives, "n, m"; false when one has none. The reader stands behind RETURN. */
static bool returned_names(sql_reader *r, df_buf *names)
{
    sql_take(r, "DISTINCT");
    df_str name = DF_STR_NONE;
    size_t tokens = 0, depth = 0;
    for (;; sql_read(r)) {
        bool ends = sql_sees_end(r) || sql_sees(r, "ORDER") || sql_sees(r, "SKIP") || sql_sees(r, "LIMIT");
        if (ends || (!depth && sql_sees_symbol(r, ','))) {
            if (tokens != 1 || !name.ptr) return false;
            df_buf_printf(names, "%s%.*s", names->len ? ", " : "", DF_FMT(name));
            tokens = 0;
            if (ends) return true;
            continue;
        }
        if (sql_sees_symbol(r, '(') || sql_sees_symbol(r, '[') || sql_sees_symbol(r, '{')) depth++;
        if (sql_sees_symbol(r, ')') || sql_sees_symbol(r, ']') || sql_sees_symbol(r, '}')) depth -= depth > 0;
        bool named = r->token.kind == DF_SQL_WORD || r->token.kind == DF_SQL_NAME;
        if (!depth && sql_sees(r, "AS"))
            tokens = 0;
        else
            tokens++;
        name = named ? r->token.text : DF_STR_NONE;
    }
}

/* Whether the second text is one that can be put into braces: it has no parameters of APOC's own. */
static bool fits_braces(const sql_modern *m, df_str change)
{
    sql_reader r;
    if (!change.len || last_return(m, change) != SIZE_MAX) return false;
    for (sql_reader_init(&r, m->dialect, change); !sql_sees_end(&r); sql_read(&r))
        if (sql_sees_symbol(&r, '$') || sql_sees_symbol(&r, ';')) return false;
    return true;
}

static void rewrite_iterate(sql_modern *m, size_t call, const iterate *it, df_str each, df_str change)
{
    size_t at = last_return(m, each);
    sql_reader r;
    df_buf names = {0}, out = {0};
    if (at == SIZE_MAX || !fits_braces(m, change)) return;
    sql_reader_init(&r, m->dialect, df_str_skip(each, at + 6));
    if (returned_names(&r, &names)) {
        bool scope = !m->version || m->version >= V523;
        df_buf_printf(&out, "%.*sWITH%.*s CALL ", (int)at, each.ptr, DF_FMT(df_str_skip(each, at + 6)));
        if (scope)
            df_buf_printf(&out, "(%s) { ", df_buf_cstr(&names));
        else
            df_buf_printf(&out, "{ WITH %s ", df_buf_cstr(&names));
        df_buf_printf(&out, "%.*s } IN ", DF_FMT(change));
        if (it->parallel)
            df_buf_printf(&out, "%.*s%sCONCURRENT ", DF_FMT(it->workers), it->workers.len ? " " : "");
        df_buf_text(&out, "TRANSACTIONS");
        if (it->size.len) df_buf_printf(&out, " OF %.*s ROWS", DF_FMT(it->size));
        sql_edit(m, call, it->end - call, df_arena_str(m->arena, df_buf_str(&out)));
    }
    df_buf_release(&names);
    df_buf_release(&out);
}

void sql_modern_iterate(sql_modern *m, size_t call, bool first, sql_reader r)
{
    if (m->depth >= DEEPEST) return;
    iterate it = read_iterate(m, r);
    df_str each = it.each.ptr ? look_into(m, it.each, it.each_at) : DF_STR_NONE;
    df_str change = it.change.ptr ? look_into(m, it.change, it.change_at) : DF_STR_NONE;
    if (m->version && m->version < V44) return;
    sql_find(m, call, "apoc-batch", DF_SQL_NOTICE,
             "it needs the plugin APOC; Cypher itself has CALL (x) { … } IN TRANSACTIONS OF n ROWS");
    bool known = !it.parallel || !m->version || m->version >= V521;
    if (first && it.plain && it.alone && known) rewrite_iterate(m, call, &it, each, change);
}
