/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements of Cypher that read or write the graph. Cypher reserves no words: `MATCH (set:Delete) SET
 * set.create = 1` is one that sets. So a word is a clause only where one can begin: at the beginning of a
 * query, and behind an operand that is complete; never inside of ( ), [ ] and maps.
 */
#include "sql/cypher_words.h"
#include "sql/sql_int.h"

enum { DEEPEST = 48 }; /* brackets inside each other that are told apart */

typedef enum level_kind { QUERY, PAREN, BRACKET, MAP } level_kind;
typedef enum level_state { START, OPERAND, AFTER } level_state;

typedef struct level {
    level_kind kind;
    level_state state;
    uint8_t clause;  /* of the query that it lies in */
    bool foreach_;   /* a query in the parentheses of FOREACH */
    bool call;       /* a query in the braces of CALL */
    bool pattern;    /* what is in the brackets is a node or relationship */
    bool where;      /* what is read here only restricts */
    bool keys;       /* the map of SET n += {…} */
    bool named;      /* the pattern's label was read */
    bool optional;   /* OPTIONAL MATCH behind another: restricts nothing */
    bool node;       /* the parentheses are a node */
    bool joined;     /* … at a relationship */
    bool odd;        /* … whose labels are more than names */
    bool only;       /* a map that says what a pattern's variable is */
    bool link;       /* the brackets are a relationship */
    uint32_t entries; /* of the map of a pattern */
    uint32_t tokens; /* read so far in brackets */
    uint32_t cases;  /* CASE without its END */
    uint32_t angles; /* LIST< … of a type */
    df_str variable; /* of a pattern */
    df_str labels;   /* of a pattern: the expression */
} level;

typedef struct walk {
    sql_reader *r;
    size_t depth, deeper; /* the innermost level; brackets beyond what is told apart */
    df_sql_token last;
    bool optional;        /* OPTIONAL was read */
    bool after_call;      /* the last token closed the braces of CALL */
    uint8_t first, write; /* clauses: the first one, and the first that writes */
    /* SET, REMOVE, DELETE: an item begins; its property was read; behind its "="; it is of all properties */
    bool item, keyed, value, whole;
    bool create;      /* SET of ON CREATE */
    df_sql_token key; /* the property */
    df_str variable;  /* in front of the last point */
    size_t at;        /* of the token that is read */
    size_t call, inside; /* of the outermost CALL { … } */
    sql_graph g;
    level levels[DEEPEST]; /* up to `depth` */
} walk;

static bool is_symbol(df_sql_token t, char symbol)
{
    return t.kind == DF_SQL_SYMBOL && t.text.ptr[0] == symbol;
}

static bool is_name(df_sql_token t)
{
    return t.kind == DF_SQL_WORD || t.kind == DF_SQL_NAME;
}

/* ---- brackets ---- */

static level *push(walk *w, level_kind kind)
{
    if (w->depth + 1 == DEEPEST) {
        w->deeper++;
        return NULL;
    }
    const level *outer = &w->levels[w->depth];
    level *l = &w->levels[++w->depth];
    *l = (level){.kind = kind, .clause = outer->clause, .where = outer->where, .optional = outer->optional};
    return l;
}

static level *push_query(walk *w, bool call)
{
    level *l = push(w, QUERY);
    if (!l) return NULL;
    l->where = l->optional = false;
    l->clause = NONE;
    l->call = call;
    return l;
}

static bool has_patterns(uint8_t clause)
{
    return clause == MATCH || clause == CREATE || clause == INSERT || clause == MERGE;
}

/* A node begins, or what is inside of one: the parentheses around a path and those in an expression of labels are none. */
static void begin_pattern(walk *w, level *outer, level *l, char c)
{
    if (!w->g.f->writes) return;
    bool inner = outer->kind != QUERY && outer->pattern;
    l->node = c == '(' && l->pattern;
    l->link = c == '[' && l->pattern;
    l->joined = is_symbol(w->last, '-') || is_symbol(w->last, '>');
    if (inner && c == '(') {
        bool labels = outer->labels.ptr || outer->tokens > 1;
        l->node = !labels;
        if (labels)
            outer->odd = true;
        else
            outer->node = false;
    }
    l->only = inner && c == '{' && (outer->clause == MATCH || outer->clause == MERGE);
    if (!l->only) return;
    l->variable = outer->variable;
    sql_write_where(&w->g, true);
}

static void end_pattern(walk *w, const level *l, char c)
{
    (void)c;
    bool relationship = l->link;
    if (!w->g.f->writes || !has_patterns(l->clause) || (!l->node && !relationship)) return;
    bool joined = l->joined || sql_sees_symbol(w->r, '-') || sql_sees_symbol(w->r, '<');
    sql_pattern pattern = {.variable = l->variable,
                           .labels = l->labels,
                           .relationship = relationship,
                           .joined = joined,
                           .odd = l->odd,
                           .made = l->clause == CREATE || l->clause == INSERT,
                           .merged = l->clause == MERGE,
                           .entries = l->entries,
                           .optional = l->optional};
    sql_write_pattern(&w->g, &pattern);
}

static void open_bracket(walk *w, char c)
{
    level *outer = &w->levels[w->depth];
    outer->tokens++;
    if (outer->kind == QUERY && outer->state == START && c == '{') {
        push_query(w, false);
        return;
    }
    if (outer->kind == QUERY && outer->clause == FOREACH && c == '(' && df_sql_is(w->last, "FOREACH")) {
        level *query = push_query(w, false);
        if (!query) return;
        query->foreach_ = true;
        query->state = OPERAND;
        return;
    }
    if (outer->kind == QUERY && w->item && c == '(') { /* SET (n).x = … */
        w->item = false;
        w->g.target = DF_STR_NONE;
    }
    bool pattern = outer->kind == QUERY ? has_patterns(outer->clause) : outer->pattern;
    if (c == '{' && pattern && outer->kind != QUERY && outer->clause == MATCH)
        w->g.restricts |= !outer->optional;
    level *l = push(w, c == '(' ? PAREN : c == '[' ? BRACKET : MAP);
    if (!l) return;
    l->pattern = pattern && c != '{' && !l->where;
    begin_pattern(w, outer, l, c);
    if (c == '[' && !l->pattern && is_name(w->last)) l->variable = w->last.text;
    if (c == '{' && pattern && outer->clause == MATCH) l->where = true;
    l->keys = c == '{' && outer->kind == QUERY && outer->clause == SET && w->whole && is_symbol(w->last, '=');
}

/* The item of SET, REMOVE or DELETE is over; another one begins. */
static void end_item(walk *w, bool another)
{
    w->item = another;
    w->keyed = w->value = w->whole = false;
}

static bool closes(const level *l, char c)
{
    if (l->kind == QUERY) return l->foreach_ ? c == ')' : c == '}';
    return c == (l->kind == PAREN ? ')' : l->kind == BRACKET ? ']' : '}');
}

static void close_bracket(walk *w, char c)
{
    if (w->deeper) {
        w->deeper--;
        return;
    }
    level *l = &w->levels[w->depth];
    if (!w->depth || !closes(l, c)) return;
    bool call = l->call;
    if (l->kind == PAREN || l->kind == BRACKET) end_pattern(w, l, c);
    level *outer = &w->levels[--w->depth];
    outer->state = AFTER;
    w->after_call = call;
    if (l->kind == QUERY) end_item(w, false);
}

/* ---- properties ---- */

static void read_key(walk *w, df_sql_token t)
{
    level *l = &w->levels[w->depth];
    if (sql_sees_symbol(w->r, '(')) { /* a function in a name space */
        if (df_sql_is(t, "uuid")) w->g.unrepeatable = true;
        return;
    }
    bool written = l->kind == QUERY && !w->value && (l->clause == SET || l->clause == REMOVE);
    if (written) {
        w->keyed = true;
        w->key = t;
        if (l->clause == REMOVE) sql_note_lost_property(&w->g, &t);
        if (!w->create) sql_note_set(&w->g, t); /* what is new has nothing that it could depend on */
        if (!w->create) sql_write_target(&w->g, &t, false);
    } else if (l->where) {
        sql_write_filter(&w->g, w->variable, t, w->r, false);
    } else {
        sql_note_read(&w->g, t, w->variable);
    }
}

/* Functions and subqueries whose answer may be another one the second time. */
static void look_at_word(walk *w, df_sql_token t)
{
    bool function = sql_sees_symbol(w->r, '('), subquery = sql_sees_symbol(w->r, '{');
    if (!function && !subquery) return;
    if (function && (df_sql_is(t, "rand") || df_sql_is(t, "randomUUID"))) w->g.unrepeatable = true;
    if (w->levels[w->depth].where) return;
    if (function && df_sql_is(t, "labels")) w->g.reads_labels = true;
    if (df_sql_is(t, "exists") || (subquery && (df_sql_is(t, "COUNT") || df_sql_is(t, "COLLECT"))))
        w->g.looks = true;
}

/* ---- inside of brackets ---- */

static void pattern_token(walk *w, level *l, df_sql_token t)
{
    if (l->tokens == 0 && is_name(t)) l->variable = t.text;
    if (df_sql_is(t, "WHERE") && l->tokens) {
        l->where = true;
        l->pattern = false;
        w->g.restricts |= l->clause == MATCH && !l->optional;
        sql_write_where(&w->g, false);
        return;
    }
    bool mark = is_symbol(w->last, ':') || (df_sql_is(w->last, "IS") && l->tokens > 1);
    if (is_symbol(t, '$')) sql_write_uncounted(&w->g);
    if (l->labels.ptr)
        l->labels.len = (size_t)(t.text.ptr - l->labels.ptr) + t.text.len;
    else if (mark)
        l->labels = t.text;
    if (!mark || l->named || !is_name(t)) return;
    l->named = true;
    bool relationship = l->kind == BRACKET;
    if (l->clause == MATCH) w->g.restricts |= !l->optional;
    sql_note_bound(&w->g, l->variable, t, relationship);
    if (l->clause != MATCH) sql_note_object(&w->g, t, relationship);
}

/* At a point: what stands in front of it. A parameter is no variable of the graph. */
static void note_variable(walk *w)
{
    w->variable = is_name(w->last) ? w->last.text : DF_STR_NONE;
}

static void inner_token(walk *w, level *l, df_sql_token t)
{
    if (l->pattern) pattern_token(w, l, t);
    if (is_symbol(t, '.')) note_variable(w);
    if (is_symbol(t, ':') && l->kind == PAREN && !l->pattern && !l->where) w->g.reads_labels = true;
    bool key = is_symbol(w->last, '.') && is_name(t);
    if (key)
        read_key(w, t);
    else if (is_name(t))
        look_at_word(w, t);
    if (l->keys && is_symbol(t, ':') && is_name(w->last)) {
        sql_note_set(&w->g, w->last);
        if (!w->create) sql_write_target(&w->g, &w->last, false);
    }
    if (l->kind == MAP && is_symbol(t, ':') && is_name(w->last)) w->levels[w->depth - 1].entries++;
    if (l->only && is_symbol(t, ':') && is_name(w->last)) sql_write_filter(&w->g, l->variable, w->last, w->r, true);
    if (l->kind == MAP && is_symbol(t, '*') && is_symbol(w->last, '.')) w->g.unrepeatable = true;
    if (l->kind == BRACKET && !l->pattern && t.kind == DF_SQL_STRING && !l->tokens && !l->where)
        sql_note_read(&w->g, t, l->variable);
    l->tokens++;
}

/* ---- clauses ---- */

/* CALL … IN [n CONCURRENT] TRANSACTIONS; the reader stands behind IN. */
static void take_transactions(walk *w)
{
    enum { LONGEST = 6 };
    sql_reader before = *w->r;
    for (int i = 0; i < LONGEST && !sql_sees_end(w->r); i++) {
        if (sql_take(w->r, "TRANSACTIONS") || sql_take(w->r, "TRANSACTION")) {
            w->g.batches = true;
            return;
        }
        sql_read(w->r);
    }
    *w->r = before;
}

static void begin_call(walk *w, level *l)
{
    l->state = AFTER;
    l->clause = CALL;
    l->where = false;
    end_item(w, false);
    if (!w->first) w->first = CALL;
    if (sql_sees_symbol(w->r, '(')) sql_skip_parens(w->r);
    if (sql_take_symbol(w->r, '{')) {
        if (!w->depth) {
            w->call = w->at;
            w->inside = w->r->token.offset;
        }
        push_query(w, true);
        return;
    }
    sql_note_call(&w->g);
}

/* LOAD CSV [WITH HEADERS] FROM … */
static void begin_load(walk *w)
{
    sql_take(w->r, "CSV");
    if (sql_take(w->r, "WITH")) sql_take(w->r, "HEADERS");
    sql_take(w->r, "FROM");
}

static void note_clause(walk *w, level *l, word_id id)
{
    sql_graph *g = &w->g;
    bool writes = id >= CREATE && id <= DETACH;
    if (!w->first) w->first = (uint8_t)id;
    if (writes) sql_write_clause(&w->g, id == SET && w->create);
    if (writes && !w->write) {
        bool call = w->depth == 1 && w->levels[1].call;
        sql_write_begins(&w->g, w->at, call ? w->call : 0, call ? w->inside : 0, !w->depth || call);
        w->write = (uint8_t)id;
    }
    g->writes |= writes;
    l->optional = id == MATCH && w->optional && g->matches;
    w->optional = false;
    g->matches |= id == MATCH;
    g->looks |= l->optional;
    g->sets |= id == SET;
    g->deletes |= id == DELETE || id == DETACH;
    g->creates |= id == CREATE || id == INSERT;
    g->destroys |= id == DELETE || id == DETACH || id == REMOVE;
    l->clause = id == DETACH ? DELETE : (uint8_t)id;
    l->state = OPERAND;
    l->where = false;
    end_item(w, id == SET || id == REMOVE || id == DELETE || id == DETACH);
    if (id != SET) w->create = false;
}

/* ON CREATE SET, ON MATCH SET; ON ERROR CONTINUE. */
static void take_on(walk *w, level *l)
{
    bool create = sql_take(w->r, "CREATE");
    if (!create && !sql_take(w->r, "MATCH")) return;
    w->create = create;
    l->state = START;
}

static void take_using(walk *w, level *l)
{
    if (!sql_take(w->r, "PERIODIC") || !sql_take(w->r, "COMMIT")) return;
    if (w->r->token.kind == DF_SQL_NUMBER) sql_read(w->r);
    w->g.batches = true;
    l->state = START;
}

static void restrict_by(walk *w, level *l, word_id id)
{
    w->g.restricts |= !l->optional;
    if (id != LIMIT) sql_write_where(&w->g, false);
    l->where = id == WHERE || id == FILTER;
    l->clause = (uint8_t)id;
    l->state = OPERAND;
}

/* A word where a clause, or what stands between clauses, may be. */
static void clause_word(walk *w, level *l, word_id id)
{
    level_state before = l->state;
    l->state = id == END || id == NONE ? AFTER : OPERAND;
    switch (id) {
    case CALL: begin_call(w, l); break;
    case LOAD:
        note_clause(w, l, LOAD);
        begin_load(w);
        break;
    case FINISH:
        note_clause(w, l, FINISH);
        l->state = AFTER;
        break;
    case DETACH:
        sql_take(w->r, "DELETE");
        note_clause(w, l, DETACH);
        break;
    case OPTIONAL:
        w->optional = true;
        l->state = START;
        break;
    case NODETACH:
    case NEXT: l->state = START; break;
    case UNION:
        if (!sql_take(w->r, "ALL")) sql_take(w->r, "DISTINCT");
        sql_write_union(&w->g);
        l->state = START;
        break;
    case USING:
        l->state = AFTER;
        take_using(w, l);
        break;
    case FILTER:
    case WHERE:
    case LIMIT: restrict_by(w, l, id); break;
    case ORDER: sql_take(w->r, "BY"); break;
    case ON:
        l->state = AFTER;
        take_on(w, l);
        break;
    case THEN:
    case ELSE: l->state = l->cases ? OPERAND : START; break;
    case WHEN:
        if (!l->cases && !w->first) w->first = WHEN;
        break;
    case END: l->cases -= l->cases > 0; break;
    case IN:
        if (before == AFTER && w->after_call) {
            l->state = AFTER;
            take_transactions(w);
        }
        break;
    case USE:
    case YIELD: l->clause = (uint8_t)id; break;
    case NONE:
    case INFIX: break;
    default: note_clause(w, l, id); break;
    }
}

/* ---- operands ---- */

/* SET n:Label, REMOVE n:Label */
static void written_label(walk *w, level *l, df_sql_token t)
{
    if (w->value || (l->clause != SET && l->clause != REMOVE)) return;
    w->g.writes_labels = true;
    sql_write_uncounted(&w->g);
    if (l->clause == REMOVE) sql_note_lost_label(&w->g, t);
    if (l->clause == REMOVE) sql_write_target(&w->g, &t, true);
    sql_note_object(&w->g, t, false);
}

static bool is_label_mark(df_sql_token t)
{
    return is_symbol(t, ':') || is_symbol(t, '&') || is_symbol(t, '|');
}

static void operand_word(walk *w, level *l, df_sql_token t)
{
    if (df_sql_is(t, "NOT") || df_sql_is(t, "DISTINCT")) return;
    if (df_sql_is(t, "CASE")) {
        l->cases++;
        return;
    }
    if (df_sql_is(t, "WHEN") && df_sql_is(w->last, "CASE")) return;
    l->state = AFTER;
    look_at_word(w, t);
    if (is_symbol(w->last, '.')) {
        read_key(w, t);
    } else if (w->item) {
        w->g.target = t.text;
        w->item = false;
        if (l->clause == DELETE) {
            sql_note_target(&w->g, true);
            sql_write_target(&w->g, NULL, false);
        }
    } else if (is_label_mark(w->last)) {
        written_label(w, l, t);
    } else if (w->value && is_symbol(w->last, '=') && df_sql_is(t, "NULL") && !w->whole) {
        sql_note_lost_property(&w->g, w->keyed ? &w->key : NULL);
        w->g.destroys = true;
    } else if (df_sql_is(w->last, "AS") && (l->clause == UNWIND || l->clause == LOAD)) {
        sql_note_row(&w->g, t.text);
    } else if (w->value && w->whole && df_str_eq(t.text, w->g.target)) {
        w->g.unrepeatable = true;
    }
}

/* ---- symbols of a query ---- */

/* "=" in SET: the value follows; of all properties unless a key was read. */
static void assignment(walk *w, level *l)
{
    if (l->clause != SET || w->value) return;
    bool adds = is_symbol(w->last, '+');
    if (is_symbol(w->last, ']') && !w->create) w->g.unrepeatable = true; /* a key that is computed */
    w->whole = adds || (!w->keyed && is_name(w->last));
    if (w->whole && !adds) sql_note_lost_property(&w->g, NULL);
    sql_note_target(&w->g, false);
    sql_write_value(&w->g, w->keyed ? &w->key : NULL, w->create);
    bool named = w->keyed || (adds && sql_sees_symbol(w->r, '{'));
    if (!named && !w->create) sql_write_target(&w->g, NULL, false);
    w->value = true;
}

static void query_symbol(walk *w, level *l, df_sql_token t)
{
    char c = t.text.ptr[0];
    bool quantified = is_symbol(w->last, ')') && has_patterns(l->clause);
    bool operand = l->state == OPERAND;
    l->state = OPERAND;
    switch (c) {
    case ',': end_item(w, l->clause == SET || l->clause == REMOVE || l->clause == DELETE); break;
    case '*':
        if (operand || quantified) l->state = AFTER;
        break;
    case '+':
        if (quantified) l->state = AFTER;
        break;
    case '%':
        if (operand) l->state = AFTER;
        break;
    case '<':
        if (df_sql_is(w->last, "LIST") || df_sql_is(w->last, "ARRAY")) l->angles++;
        break;
    case '>':
        if (!l->angles) break;
        l->angles--;
        l->state = AFTER;
        break;
    case '|':
        if (l->foreach_ && l->clause == NONE) l->state = START;
        break;
    case ':':
        w->g.reads_labels |=
            !has_patterns(l->clause) && !l->where && (w->value || (l->clause != SET && l->clause != REMOVE));
        break;
    case '=': assignment(w, l); break;
    case '.': note_variable(w); break;
    default: break;
    }
}

/* ---- all ---- */

/* What of a WHERE is more than the properties that it speaks of. */
static void look_at_where(walk *w, df_sql_token t)
{
    if (df_sql_is(t, "OR") || df_sql_is(t, "XOR") || df_sql_is(t, "NOT")) sql_write_loose(&w->g);
    if (is_symbol(t, ':') || (df_sql_is(t, "labels") && sql_sees_symbol(w->r, '('))) sql_write_where(&w->g, true);
}

static void token(walk *w, df_sql_token t)
{
    char c = t.kind == DF_SQL_SYMBOL ? t.text.ptr[0] : '\0';
    level *l = &w->levels[w->depth];
    w->at = t.offset;
    if (w->g.f->writes && l->where && !w->deeper) look_at_where(w, t);
    if (c == '(' || c == '[' || c == '{') {
        if (w->deeper)
            w->deeper++;
        else
            open_bracket(w, c);
    } else if (c == ')' || c == ']' || c == '}') {
        close_bracket(w, c);
        return; /* after_call stays */
    } else if (w->deeper) {
        return;
    } else if (l->kind != QUERY) {
        inner_token(w, l, t);
    } else if (c) {
        query_symbol(w, l, t);
    } else if (!is_name(t)) {
        l->state = AFTER;
    } else if (l->state == OPERAND) {
        operand_word(w, l, t);
    } else {
        clause_word(w, l, cypher_word(t));
    }
    w->after_call = false;
}

void sql_read_graph(sql_facts *f)
{
    walk w; /* its lists are long, and most statements are short: only what is in front of them is cleared */
    memset(&w, 0, offsetof(walk, g));
    memset(&w.g, 0, offsetof(sql_graph, bound));
    w.levels[0] = (level){.kind = QUERY};
    w.g.f = f;
    w.r = &f->r;
    while (!sql_sees_end(&f->r)) {
        df_sql_token t = f->r.token;
        sql_read(&f->r);
        token(&w, t);
        w.last = t;
    }
    f->facts.tag = cypher_tag(w.first, w.write, w.g.call);
    w.g.changes = w.write >= SET;
    sql_conclude(&w.g);
}
