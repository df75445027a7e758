/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of Cypher as they were written for Neo4j 3 and 4, and what is deprecated in 5. */
#include "sql/sql_int.h"

enum { V4 = 4000, V44 = 4004, V5 = 5000, V523 = 5023 };
enum { AHEAD = 256 }; /* tokens that are looked at from one */

typedef struct query {
    sql_modern *m;
    sql_reader r;
    df_sql_token last, before; /* the tokens read last */
    bool clause;               /* a clause was read: procedures and SHOW come first no longer */
    bool match;                /* inside of MATCH, before WHERE */
    df_str entities[48];       /* variables of patterns */
    size_t n_entities;
    df_str relationships[16]; /* of the MATCH that is read */
    size_t n_relationships;
} query;

static bool is_symbol(df_sql_token t, char symbol)
{
    return t.kind == DF_SQL_SYMBOL && t.text.ptr[0] == symbol;
}

static bool is_name(df_sql_token t)
{
    return t.kind == DF_SQL_WORD || t.kind == DF_SQL_NAME;
}

static bool one_of(df_sql_token t, const char *const *words)
{
    for (; *words; words++) {
        if (df_sql_is(t, *words)) return true;
    }
    return false;
}

static size_t end_of(df_sql_token t)
{
    return t.offset + t.text.len;
}

/* Words that begin a clause, or follow an expression. */
static const char *const behind_expression[] = {
    "AND",     "OR",       "XOR",    "RETURN", "WITH",  "SET",   "REMOVE", "DELETE", "DETACH",
    "CREATE",  "MERGE",    "UNWIND", "CALL",   "MATCH", "ORDER", "SKIP",   "LIMIT",  "UNION",
    "FOREACH", "OPTIONAL", "THEN",   "ELSE",   "END",   "WHEN",  NULL};
static const char *const before_expression[] = {"WHERE", "AND",  "OR",     "XOR", "NOT",
                                                "WHEN",  "WITH", "RETURN", NULL};

static bool ends_expression(df_sql_token t)
{
    return t.kind == DF_SQL_END || is_symbol(t, ')') || is_symbol(t, '}') || is_symbol(t, ']') ||
           is_symbol(t, ',') || is_symbol(t, '|') || df_sql_is(t, "AS") || one_of(t, behind_expression);
}

/* From the "(" at which the reader stands: past the ")" that belongs to it, whose place is in *close; false
 * when none does, or not near. */
static bool near_close(sql_reader *r, size_t *close)
{
    size_t depth = 0;
    for (int i = 0; i < AHEAD && !sql_sees_end(r); i++) {
        if (sql_sees_symbol(r, '(')) depth++;
        bool ends = sql_sees_symbol(r, ')') && --depth == 0;
        *close = r->token.offset;
        sql_read(r);
        if (ends) return true;
    }
    return false;
}

/* ---- expressions ---- */

/* exists(n.p) */
static void exists_property(query *q, df_sql_token word)
{
    df_sql_severity severity;
    sql_reader r = q->r, inner = q->r;
    size_t close;
    sql_read(&inner);
    if (!is_name(inner.token) || !near_close(&r, &close)) return;
    sql_read(&inner);
    if (!(sql_sees_symbol(&inner, '.') || sql_sees_symbol(&inner, '[')) || !sql_gone(q->m, V5, V4, &severity))
        return;
    bool plain = (one_of(q->last, before_expression) || is_symbol(q->last, '(')) && ends_expression(r.token);
    sql_find(q->m, word.offset, "exists", severity, "that a property exists is written IS NOT NULL");
    sql_edit(q->m, word.offset, q->r.token.offset + 1 - word.offset, plain ? DF_STR("") : DF_STR("("));
    sql_edit(q->m, close, 1, plain ? DF_STR(" IS NOT NULL") : DF_STR(" IS NOT NULL)"));
}

/* size((a)--(b)) */
static void size_of_pattern(query *q, df_sql_token word)
{
    df_sql_severity severity;
    sql_reader r = q->r, inner = q->r;
    size_t close, end;
    sql_read(&inner);
    if (!sql_sees_symbol(&inner, '(') || !near_close(&inner, &close)) return;
    if (!sql_sees_symbol(&inner, '-') && !sql_sees_symbol(&inner, '<')) return;
    bool right = sql_sees_symbol(&inner, '<');
    sql_read(&inner); /* a "-", and behind it what only a pattern has */
    if (right ? !sql_sees_symbol(&inner, '-')
              : !(sql_sees_symbol(&inner, '-') || sql_sees_symbol(&inner, '[')))
        return;
    if (!near_close(&r, &end) || !sql_gone(q->m, V5, V5, &severity)) return;
    sql_find(q->m, word.offset, "pattern-size", severity,
             "how often a pattern is found is written COUNT { … }");
    sql_edit(q->m, word.offset, q->r.token.offset + 1 - word.offset, DF_STR("COUNT { "));
    sql_edit(q->m, end, 1, DF_STR(" }"));
}

static void renamed_function(query *q, df_sql_token word)
{
    static const struct {
        const char *old, *now;
        int32_t removed;
    } functions[] = {
        {"toInt", "toInteger", V4}, {"rels", "relationships", V4}, {"distance", "point.distance", V5}};
    df_sql_severity severity;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (!df_sql_is(word, functions[i].old) ||
            !sql_gone(q->m, functions[i].removed, functions[i].removed, &severity))
            continue;
        sql_find(q->m, word.offset, "function", severity, "%s() is %s() now", functions[i].old,
                 functions[i].now);
        sql_edit(q->m, word.offset, word.text.len, df_str_from(functions[i].now));
    }
}

/* filter(x IN list WHERE …), extract(x IN list | …): [ … ] */
static void list_function(query *q, df_sql_token word)
{
    df_sql_severity severity;
    sql_reader r = q->r, inner = q->r;
    size_t close;
    sql_read(&inner);
    if (!is_name(inner.token) || !near_close(&r, &close)) return;
    sql_read(&inner);
    if (!sql_sees(&inner, "IN") || !sql_gone(q->m, V4, V4, &severity)) return;
    sql_find(q->m, word.offset, "function", severity,
             "%.*s(…) is written as a list comprehension: [x IN list …]", DF_FMT(word.text));
    sql_edit(q->m, word.offset, q->r.token.offset + 1 - word.offset, DF_STR("["));
    sql_edit(q->m, close, 1, DF_STR("]"));
}

static void function(query *q, df_sql_token word)
{
    if (!sql_sees_symbol(&q->r, '(') || is_symbol(q->last, '.') || is_symbol(q->last, ':')) return;
    if (df_sql_is(word, "exists")) exists_property(q, word);
    if (df_sql_is(word, "size")) size_of_pattern(q, word);
    if (df_sql_is(word, "filter") || df_sql_is(word, "extract")) list_function(q, word);
    if (df_sql_is(word, "id") && (!q->m->version || q->m->version >= V5))
        sql_find(q->m, word.offset, "id", DF_SQL_WARNING,
                 "id() is deprecated: elementId() identifies, and only within one transaction; a property of "
                 "your own lasts");
    renamed_function(q, word);
}

static void number(query *q, df_sql_token t)
{
    df_sql_severity severity;
    df_str n = t.text;
    if (n.len < 2 || n.ptr[0] != '0' || n.ptr[1] == '.' || !sql_gone(q->m, V5, V5, &severity)) return;
    bool octal = true;
    for (size_t i = 1; i < n.len; i++) octal &= n.ptr[i] >= '0' && n.ptr[i] <= '7';
    if (n.ptr[1] == 'X' || n.ptr[1] == 'O') {
        sql_find(q->m, t.offset, "number", severity, "%.*s is written with a small %c", DF_FMT(n),
                 n.ptr[1] | 0x20);
        sql_edit(q->m, t.offset + 1, 1, n.ptr[1] == 'X' ? DF_STR("x") : DF_STR("o"));
    } else if (octal) {
        sql_find(q->m, t.offset, "number", severity, "%.*s is written 0o%.*s", DF_FMT(n),
                 DF_FMT(df_str_skip(n, 1)));
        sql_edit(q->m, t.offset + 1, 0, DF_STR("o"));
    }
}

/* {name}, where a map could not be. */
static void parameter(query *q, df_sql_token open)
{
    static const char *const before[] = {"IN",       "SKIP", "LIMIT", "UNWIND", "RETURN", "WHERE",
                                         "CONTAINS", "AND",  "OR",    "FROM",   NULL};
    df_sql_severity severity;
    sql_reader r = q->r;
    bool number = r.token.kind == DF_SQL_NUMBER;
    if (!is_name(r.token) && !number) return;
    df_str name = r.token.text;
    sql_read(&r);
    if (!sql_sees_symbol(&r, '}')) return;
    bool arrow = is_symbol(q->last, '>') && is_symbol(q->before, '-'); /* -[:R]->{2} */
    bool label = is_name(q->last) && is_symbol(q->before, ':');        /* (n:Label {props}) */
    bool behind = q->last.kind == DF_SQL_SYMBOL ? strchr("=<>+-*/%^,([:", q->last.text.ptr[0]) && !arrow
                                                : one_of(q->last, before);
    if (!(behind || (label && !number)) || !sql_gone(q->m, V4, V4, &severity)) return;
    sql_find(q->m, open.offset, "parameter", severity, "the parameter {%.*s} is written $%.*s", DF_FMT(name),
             DF_FMT(name));
    sql_edit(q->m, open.offset, r.token.offset + 1 - open.offset,
             df_str_from(df_arena_printf(q->m->arena, "$%.*s", DF_FMT(name))));
}

/* ---- patterns ---- */

static bool has(const df_str *list, size_t n, df_str name)
{
    for (size_t i = 0; i < n; i++) {
        if (df_str_eq(list[i], name)) return true;
    }
    return false;
}

/* [r:A|:B]; the reader stands behind the bracket. */
static void type_colons(query *q, bool variable)
{
    df_sql_severity severity;
    sql_reader r = q->r;
    size_t colons[16], n = 0;
    bool more = variable, bar = false;
    for (int i = 0; i < AHEAD && !sql_sees_end(&r) && !sql_sees_symbol(&r, ']'); i++) {
        if (bar && sql_sees_symbol(&r, ':') && n < sizeof colons / sizeof *colons)
            colons[n++] = r.token.offset;
        bar = sql_sees_symbol(&r, '|');
        more |= sql_sees_symbol(&r, '{') || sql_sees_symbol(&r, '*');
        sql_read(&r);
    }
    if (!n || !sql_gone(q->m, V5, V4, &severity)) return;
    sql_find(q->m, colons[0], "type-colon", more ? severity : DF_SQL_WARNING,
             "types are separated by | without a colon: A|B");
    for (size_t i = 0; i < n; i++) sql_edit(q->m, colons[i], 1, DF_STR(""));
}

/* A bracket behind a minus is a relationship. */
static void relationship(query *q)
{
    bool pattern = is_symbol(q->last, '-');
    bool variable = is_name(q->r.token);
    if (!pattern) return;
    type_colons(q, variable);
    if (!variable || !q->match) return;
    df_str name = q->r.token.text;
    if (has(q->relationships, q->n_relationships, name)) {
        sql_find(q->m, q->r.token.offset, "relationship-twice", DF_SQL_WARNING,
                 "nothing matches: within one MATCH each relationship is found once, and %.*s stands for two",
                 DF_FMT(name));
    } else if (q->n_relationships < sizeof q->relationships / sizeof *q->relationships) {
        q->relationships[q->n_relationships++] = name;
    }
}

/* (name …) and -[name …], but not f(name …). */
static void note_entity(query *q, df_sql_token bracket)
{
    static const char *const clauses[] = {"MATCH", "MERGE", "CREATE", "INSERT", NULL};
    bool node = is_symbol(bracket, '(') && (!is_name(q->last) || one_of(q->last, clauses));
    bool relation = is_symbol(bracket, '[') && is_symbol(q->last, '-');
    if (!is_name(q->r.token) || (!node && !relation)) return;
    df_str name = q->r.token.text;
    if (q->n_entities < sizeof q->entities / sizeof *q->entities && !has(q->entities, q->n_entities, name))
        q->entities[q->n_entities++] = name;
}

/* SET a = b, SET a += b of two nodes or relationships. The token is the "=". */
static void set_entity(query *q)
{
    df_sql_severity severity;
    df_sql_token value = q->r.token;
    sql_reader r = q->r;
    df_sql_token target = is_symbol(q->last, '+') ? q->before : q->last;
    if (!is_name(value) || !is_name(target)) return;
    sql_read(&r);
    if (!ends_expression(r.token) || df_sql_is(r.token, "AS") ||
        one_of(r.token, (const char *const[]){"AND", "OR", "XOR", NULL}))
        return;
    if (!has(q->entities, q->n_entities, value.text) || !has(q->entities, q->n_entities, target.text)) return;
    if (!sql_gone(q->m, INT32_MAX, V5, &severity)) return;
    severity = q->m->language == 25 ? DF_SQL_ERROR : DF_SQL_WARNING;
    sql_find(q->m, value.offset, "set-entity", severity,
             "properties of a node or relationship are taken with properties(%.*s)", DF_FMT(value.text));
    sql_edit(q->m, value.offset, value.text.len,
             df_str_from(df_arena_printf(q->m->arena, "properties(%.*s)", DF_FMT(value.text))));
}

/* ---- clauses ---- */

/* CALL { WITH a, b … }: CALL (a, b) { … }. The reader stands at the brace. */
static void call_scope(query *q, df_sql_token call)
{
    sql_reader r = q->r;
    size_t behind = end_of(call);
    if (q->m->version && q->m->version < V523) return;
    sql_find(q->m, call.offset, "call-scope", DF_SQL_WARNING,
             "what a subquery sees is written in parentheses: CALL (x) { … }");
    sql_read(&r);
    if (!sql_sees(&r, "WITH")) {
        sql_edit(q->m, behind, 0, DF_STR(" ()"));
        return;
    }
    size_t with = r.token.offset, from, to = 0;
    sql_read(&r);
    from = r.token.offset;
    for (int i = 0; i < AHEAD; i++) {
        if (!is_name(r.token) && !sql_sees_symbol(&r, '*')) break;
        to = end_of(r.token);
        sql_read(&r);
        if (!sql_take_symbol(&r, ',')) break;
    }
    bool imports = to && (sql_sees_symbol(&r, '}') || one_of(r.token, behind_expression)) &&
                   !sql_sees(&r, "ORDER") && !sql_sees(&r, "SKIP") && !sql_sees(&r, "LIMIT");
    if (!imports) return;
    df_str names = {q->m->text.ptr + from, to - from};
    sql_edit(q->m, behind, 0, df_str_from(df_arena_printf(q->m->arena, " (%.*s)", DF_FMT(names))));
    sql_edit(q->m, with, r.token.offset - with, DF_STR(""));
}

/* A name with points behind CALL. */
static void call_procedure(query *q, df_sql_token call, bool first)
{
    char name[120];
    size_t len = 0;
    sql_reader r = q->r;
    while (is_name(r.token) && len + r.token.text.len + 1 < sizeof name) {
        df_str part = r.token.text;
        if (r.token.kind == DF_SQL_NAME && part.len >= 2) part = (df_str){part.ptr + 1, part.len - 2};
        memcpy(name + len, part.ptr, part.len);
        len += part.len;
        sql_read(&r);
        if (!sql_take_symbol(&r, '.')) break;
        name[len++] = '.';
    }
    sql_modern_procedure(q->m, (df_str){name, len}, call.offset, first, r);
}

/* USING PERIODIC COMMIT n LOAD CSV … AS row [FIELDTERMINATOR t] rest: the rest becomes a subquery. */
static void periodic_commit(query *q, df_sql_token using)
{
    df_sql_severity severity;
    sql_reader r = q->r;
    if (!sql_take(&r, "PERIODIC") || !sql_take(&r, "COMMIT") || !sql_gone(q->m, V5, V44, &severity)) return;
    df_str rows = r.token.kind == DF_SQL_NUMBER ? r.token.text : DF_STR_NONE;
    if (rows.len) sql_read(&r);
    sql_find(q->m, using.offset, "periodic-commit", severity,
             "batches are written CALL (row) { … } IN TRANSACTIONS OF n ROWS");
    size_t load = r.token.offset, rest = 0, end = 0;
    if (!sql_sees(&r, "LOAD")) return;
    df_str row = DF_STR_NONE;
    bool returns = false;
    for (df_sql_token last = {0}; !sql_sees_end(&r); last = r.token, sql_read(&r)) {
        if (df_sql_is(last, "AS") && !row.ptr) {
            row = r.token.text;
        } else if (row.ptr && !rest && !sql_sees(&r, "FIELDTERMINATOR") &&
                   !df_sql_is(last, "FIELDTERMINATOR")) {
            rest = r.token.offset;
        }
        returns |= sql_sees(&r, "RETURN");
        end = end_of(r.token);
    }
    if (!rest || returns) return; /* a person says what is to be returned of which rows */
    bool scope = !q->m->version || q->m->version >= V523;
    sql_edit(q->m, using.offset, load - using.offset, DF_STR(""));
    sql_edit(q->m, rest, 0,
             df_str_from(
                 df_arena_printf(q->m->arena, scope ? "CALL (%.*s) { " : "CALL { WITH %.*s ", DF_FMT(row))));
    const char *behind = rows.len
                             ? df_arena_printf(q->m->arena, " } IN TRANSACTIONS OF %.*s ROWS", DF_FMT(rows))
                             : " } IN TRANSACTIONS";
    sql_edit(q->m, end, 0, df_str_from(behind));
}

/* SHOW BTREE INDEXES BRIEF, SHOW EXISTS CONSTRAINTS VERBOSE */
static void show(query *q, df_sql_token word)
{
    static const struct {
        const char *word, *now, *what;
    } words[] = {{"BTREE", "RANGE", "BTREE indexes are RANGE indexes now"},
                 {"BRIEF", "", "BRIEF is what it does without a word"},
                 {"VERBOSE", "YIELD *", "VERBOSE is written YIELD *"},
                 {"EXISTS", "EXIST", "EXISTS is written EXIST"}};
    df_sql_severity severity;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!df_sql_is(word, words[i].word) || !sql_gone(q->m, V5, V5, &severity)) continue;
        sql_find(q->m, word.offset, i ? "show" : "btree", severity, "%s", words[i].what);
        sql_edit(q->m, word.offset, word.text.len, df_str_from(words[i].now));
    }
}

static void old_clause(query *q, df_sql_token word)
{
    df_sql_severity severity;
    if (!sql_gone(q->m, V4, V4, &severity)) return;
    if (df_sql_is(word, "CREATE") && sql_sees(&q->r, "UNIQUE"))
        sql_find(q->m, word.offset, "create-unique", severity,
                 "CREATE UNIQUE is no longer there: write MERGE");
    if (!df_sql_is(word, "START") || q->clause || !is_name(q->r.token)) return;
    sql_reader r = q->r;
    sql_read(&r);
    if (sql_sees_symbol(&r, '='))
        sql_find(q->m, word.offset, "start", severity, "START is no longer there: write MATCH … WHERE");
}

static void clause(query *q, df_sql_token t)
{
    static const char *const others[] = {"MATCH",  "MERGE", "CREATE",  "UNWIND", "WITH",
                                         "RETURN", "LOAD",  "FOREACH", "SET",    NULL};
    bool first = !q->clause;
    if (df_sql_is(t, "CALL")) {
        q->clause = true;
        if (sql_sees_symbol(&q->r, '{'))
            call_scope(q, t);
        else
            call_procedure(q, t, first);
    }
    if (first && df_sql_is(t, "USING")) {
        q->clause = true;
        periodic_commit(q, t);
    }
    old_clause(q, t);
    if (one_of(t, others)) {
        q->clause = true;
        q->match = df_sql_is(t, "MATCH");
        q->n_relationships = 0;
    } else if (df_sql_is(t, "WHERE")) {
        q->match = false;
    }
}

static void word(query *q, df_sql_token t)
{
    bool name = is_symbol(q->last, '.') || is_symbol(q->last, ':') || is_symbol(q->last, '$') ||
                df_sql_is(q->last, "AS");
    if (name) return;
    if (strncmp(q->m->facts.tag, "SHOW", 4) == 0) show(q, t);
    function(q, t);
    if (!sql_sees_symbol(&q->r, ':') && !sql_sees_symbol(&q->r, '.') && !is_symbol(q->last, '['))
        clause(q, t);
}

void sql_modern_query(sql_modern *m)
{
    query q = {.m = m};
    sql_reader_init(&q.r, m->dialect, m->text);
    while (!sql_sees_end(&q.r)) {
        df_sql_token t = q.r.token;
        sql_read(&q.r);
        if (t.kind == DF_SQL_WORD) word(&q, t);
        if (t.kind == DF_SQL_NUMBER) number(&q, t);
        if (is_symbol(t, '{')) parameter(&q, t);
        if (is_symbol(t, '[')) relationship(&q);
        if (is_symbol(t, '(') || is_symbol(t, '[')) note_entity(&q, t);
        if (is_symbol(t, '=')) set_entity(&q);
        q.before = q.last;
        q.last = t;
    }
}
