/* SPDX-License-Identifier: Apache-2.0 */
/* Indexes and constraints as they were written before Neo4j 5. */
#include "sql/sql_int.h"

/* FOR and REQUIRE are known to 4.4; indexes have been FOR … ON since 4.0. */
enum { V4 = 4000, V44 = 4004, V5 = 5000 };

static size_t end_of(df_sql_token t)
{
    return t.offset + t.text.len;
}

static df_str text_between(const sql_modern *m, size_t from, size_t to)
{
    return (df_str){m->text.ptr + from, to - from};
}

static void replace(sql_modern *m, df_sql_token t, const char *text)
{
    sql_edit(m, t.offset, t.text.len, df_str_from(text));
}

/* [name] [IF [NOT] EXISTS]; what is missing is said. The reader stands behind INDEX or CONSTRAINT. */
static void read_name(sql_modern *m, sql_reader *r, size_t behind, bool drop)
{
    bool named = false, exists = false;
    while (!sql_sees_end(r) && !sql_sees(r, "FOR") && !sql_sees(r, "ON")) {
        if (sql_sees(r, "IF")) exists = true;
        if (!exists) {
            named = true;
            behind = end_of(r->token);
        }
        sql_read(r);
    }
    if (drop && !sql_sees_end(r)) return; /* by its schema */
    if (!exists) {
        sql_find(m, 0, "not-repeatable", DF_SQL_NOTICE, "without IF %sEXISTS it fails when it is run again",
                 drop ? "" : "NOT ");
        sql_edit(m, behind, 0, drop ? DF_STR(" IF EXISTS") : DF_STR(" IF NOT EXISTS"));
    }
    if (!named && !drop)
        sql_find(m, 0, "unnamed", DF_SQL_NOTICE,
                 "without a name of your own nothing can drop it by name later");
}

/* OPTIONS {indexProvider: 'native-btree-1.0'} */
static void read_options(sql_modern *m, sql_reader *r)
{
    df_sql_severity severity;
    for (; !sql_sees_end(r); sql_read(r)) {
        df_str text = r->token.text;
        bool provider = r->token.kind == DF_SQL_STRING && (memmem(text.ptr, text.len, "native-btree", 12) ||
                                                           memmem(text.ptr, text.len, "lucene+native", 13));
        if (!provider || !sql_gone(m, V5, V5, &severity)) continue;
        sql_find(m, r->token.offset, "btree", severity, "the provider %.*s went with BTREE indexes",
                 DF_FMT(text));
        if (m->language != 25) sql_edit(m, r->token.offset, text.len, DF_STR("'range-1.0'"));
    }
}

/* ASSERT exists(n.p): REQUIRE n.p IS NOT NULL. The reader stands at exists. */
static void read_exists(sql_modern *m, sql_reader *r)
{
    df_sql_token word = r->token;
    sql_read(r);
    df_sql_token open = r->token;
    while (!sql_sees_end(r) && !sql_sees_symbol(r, ')')) sql_read(r);
    if (sql_sees_end(r)) return;
    sql_edit(m, word.offset, end_of(open) - word.offset, DF_STR(""));
    sql_edit(m, r->token.offset, 1, DF_STR(" IS NOT NULL"));
    sql_read(r);
}

static void create_constraint(sql_modern *m, sql_reader *r, size_t behind)
{
    df_sql_severity severity;
    read_name(m, r, behind, false);
    bool on = sql_sees(r, "ON"), told = false;
    if (on && sql_gone(m, V5, V44, &severity)) {
        told = true;
        sql_find(m, r->token.offset, "assert", severity,
                 "constraints are written FOR … REQUIRE instead of ON … ASSERT");
        replace(m, r->token, "FOR");
    }
    while (!sql_sees_end(r) && !sql_sees(r, "ASSERT") && !sql_sees(r, "REQUIRE")) {
        if (sql_sees_symbol(r, '('))
            sql_skip_parens(r);
        else
            sql_read(r);
    }
    if (told && sql_sees(r, "ASSERT")) replace(m, r->token, "REQUIRE");
    if (sql_sees_end(r)) return;
    sql_read(r);
    if (sql_sees(r, "EXISTS")) {
        if (!told && sql_gone(m, V5, V44, &severity)) {
            told = true;
            sql_find(m, r->token.offset, "assert", severity, "that a property exists is written IS NOT NULL");
        }
        if (told) read_exists(m, r);
    }
    read_options(m, r);
}

/* ON :Label(p, q): FOR (n:Label) ON (n.p, n.q) */
static void index_on(sql_modern *m, sql_reader *r)
{
    df_sql_severity severity;
    df_sql_token on = r->token;
    sql_read(r);
    if (!sql_take_symbol(r, ':') || !sql_gone(m, V5, V4, &severity)) return;
    df_sql_token label = r->token;
    df_buf text = {0};
    sql_find(m, on.offset, "index-on", severity, "indexes are written FOR (n:Label) ON (n.property)");
    df_buf_printf(&text, "FOR (n:%.*s) ON (", DF_FMT(label.text));
    sql_read(r);
    size_t properties = 0;
    if (sql_take_symbol(r, '('))
        for (; !sql_sees_end(r) && !sql_sees_symbol(r, ')'); sql_read(r)) {
            if (sql_sees_symbol(r, ',')) continue;
            df_buf_printf(&text, "%sn.%.*s", properties++ ? ", " : "", DF_FMT(r->token.text));
        }
    df_buf_char(&text, ')');
    if (sql_sees_symbol(r, ')') && properties)
        sql_edit(m, on.offset, end_of(r->token) - on.offset, df_arena_str(m->arena, df_buf_str(&text)));
    df_buf_release(&text);
}

static void create_index(sql_modern *m, sql_reader *r, size_t behind)
{
    read_name(m, r, behind, false);
    if (sql_sees(r, "ON")) index_on(m, r);
    read_options(m, r);
}

static void drop_by_schema(sql_modern *m, sql_reader *r, const char *kind)
{
    df_sql_severity severity;
    if (!sql_sees(r, "ON") || !sql_gone(m, V5, V4, &severity)) return;
    df_str about = text_between(m, r->token.offset, m->text.len);
    int len = about.len > 100 ? 100 : (int)about.len;
    sql_find(m, r->token.offset, "drop-by-schema", severity,
             "it is dropped by its name: DROP %s name IF EXISTS, with the name that SHOW %s shows for %.*s",
             kind, kind[0] == 'I' ? "INDEXES" : "CONSTRAINTS", len, about.ptr);
}

void sql_modern_schema(sql_modern *m)
{
    sql_reader r;
    df_sql_severity severity;
    sql_reader_init(&r, m->dialect, m->text);
    bool drop = strncmp(m->facts.tag, "DROP", 4) == 0;
    while (!sql_sees_end(&r)) {
        df_sql_token t = r.token;
        sql_read(&r);
        if (df_sql_is(t, "BTREE") && sql_gone(m, V5, V5, &severity)) {
            sql_find(m, t.offset, "btree", severity,
                     "BTREE indexes are RANGE indexes now (and POINT ones for points)");
            replace(m, t, "RANGE");
        } else if (df_sql_is(t, "INDEX") || df_sql_is(t, "CONSTRAINT")) {
            bool index = df_sql_is(t, "INDEX");
            if (drop) {
                read_name(m, &r, end_of(t), true);
                drop_by_schema(m, &r, index ? "INDEX" : "CONSTRAINT");
            } else if (index) {
                create_index(m, &r, end_of(t));
            } else {
                create_constraint(m, &r, end_of(t));
            }
            return;
        }
    }
}
