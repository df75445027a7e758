/* SPDX-License-Identifier: Apache-2.0 */
/* The parser: recursive descent, with NOT pushed down as it goes (`negate`) and literals bound at once. */
#include "delta/catalog/where_int.h"

#include <stdlib.h>
#include <strings.h>

enum { MAX_DEPTH = 200, MAX_LEAVES = 20000, MAX_TEXT = 4 << 20, MAX_NAME_PARTS = 64 };

typedef struct parser {
    where_lexer lexer;
    where_schema schema;
    df_arena *arena;
    delta_where *where;
    unsigned depth;
    df_error *err;
} parser;

typedef delta_where_node node;

/* ---- nodes (where_node.c makes leaves; here they are combined) ---- */

static node *constant(parser *p, bool value)
{
    node *n = df_arena_zalloc(p->arena, sizeof *n);
    n->op = value ? DELTA_WHERE_TRUE : DELTA_WHERE_FALSE;
    n->partition_only = true;
    return n;
}

typedef struct node_list {
    node **items;
    size_t count, cap;
} node_list;

static void add_child(node_list *list, delta_where_op op, node *child)
{
    if (child->op == op) { /* a AND (b AND c) is one AND of three */
        for (size_t i = 0; i < child->n_children; i++) add_child(list, op, child->children[i]);
        return;
    }
    DF_PUSH(list->items, list->count, list->cap) = child;
}

static bool has_ceiling(const node *n)
{
    if (n->op != DELTA_WHERE_RANGE || n->nan_matches) return false;
    for (size_t i = 0; i < n->n_ranges; i++)
        if (!n->ranges[i].has_high) return false;
    return true;
}

/* Where one condition of an AND keeps NaN out, its siblings on the same column need not fear it. */
static void bar_nan(node_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!has_ceiling(list->items[i])) continue;
        for (size_t j = 0; j < list->count; j++)
            if (list->items[j]->column == list->items[i]->column) list->items[j]->nan_matches = false;
    }
}

/* Takes the list's memory. Constants disappear. */
static node *combine(parser *p, delta_where_op op, node_list *list)
{
    delta_where_op absorbing = op == DELTA_WHERE_AND ? DELTA_WHERE_FALSE : DELTA_WHERE_TRUE;
    delta_where_op neutral = op == DELTA_WHERE_AND ? DELTA_WHERE_TRUE : DELTA_WHERE_FALSE;
    node *result = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->op == absorbing) result = list->items[i];
        if (list->items[i]->op != neutral) list->items[kept++] = list->items[i];
    }
    list->count = kept;
    if (!result && !kept) result = constant(p, op == DELTA_WHERE_AND);
    if (!result && kept == 1) result = list->items[0];
    if (!result) {
        if (op == DELTA_WHERE_AND && kept <= 100) bar_nan(list);
        result = df_arena_zalloc(p->arena, sizeof *result);
        result->op = op;
        result->partition_only = true;
        result->column = SIZE_MAX;
        result->children = df_arena_alloc(p->arena, kept * sizeof *result->children);
        memcpy(result->children, list->items, kept * sizeof *result->children);
        result->n_children = kept;
        for (size_t i = 0; i < kept; i++)
            result->partition_only = result->partition_only && list->items[i]->partition_only;
    }
    free(list->items);
    *list = (node_list){0};
    return result;
}

/* ---- tokens ---- */

static bool at_symbol(const parser *p, const char *symbol)
{
    return p->lexer.token.kind == WHERE_SYMBOL && df_str_is(p->lexer.token.text, symbol);
}

static bool at_keyword(const parser *p, const char *word)
{
    df_str text = p->lexer.token.text;
    return p->lexer.token.kind == WHERE_NAME && text.len == strlen(word) &&
           !strncasecmp(text.ptr, word, text.len);
}

static bool at_any_keyword(const parser *p)
{
    static const char *const words[] = {"AND",     "OR",   "NOT",  "IN",   "IS",
                                        "BETWEEN", "LIKE", "NULL", "TRUE", "FALSE"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (at_keyword(p, words[i])) return true;
    return false;
}

static df_code advance(parser *p)
{
    return where_advance(&p->lexer, p->err);
}

static df_code unexpected(parser *p, const char *wanted)
{
    df_str text = p->lexer.text;
    where_token token = p->lexer.token;
    if (token.kind == WHERE_END)
        return where_fail_at(text, token.at, NULL, p->err, "expected %s, but the expression ends", wanted);
    const char *advice = at_any_keyword(p) ? "a column with such a name needs `back-ticks`" : NULL;
    return where_fail_at(text, token.at, advice, p->err, "expected %s", wanted);
}

static df_code expect_symbol(parser *p, const char *symbol, const char *wanted)
{
    if (!at_symbol(p, symbol)) return unexpected(p, wanted);
    return advance(p);
}

static df_code expect_keyword(parser *p, const char *word)
{
    if (!at_keyword(p, word)) return unexpected(p, word);
    return advance(p);
}

/* ---- operands ---- */

/* DATE and TIMESTAMP are literals only when a text follows; else they are columns. */
static df_code parse_time(parser *p, where_literal *out, bool *found)
{
    bool date = at_keyword(p, "DATE");
    *found = false;
    if (!date && !at_keyword(p, "TIMESTAMP") && !at_keyword(p, "TIMESTAMP_NTZ")) return DF_OK;
    where_lexer before = p->lexer;
    DF_TRY(advance(p));
    if (p->lexer.token.kind != WHERE_STRING) {
        p->lexer = before;
        return DF_OK;
    }
    where_time time;
    *found = true;
    out->kind = date ? WHERE_LITERAL_DATE : WHERE_LITERAL_TIMESTAMP;
    if (!where_time_parse(p->lexer.token.text, &time) || time.digits > 6 || (date && time.us % 86400000000))
        return where_fail_at(p->lexer.text, p->lexer.token.at,
                             date ? "write DATE '2026-01-31'" : "write TIMESTAMP '2026-01-31 12:00:00Z'",
                             p->err, "this is no %s", date ? "date" : "timestamp");
    out->i = date ? time.us / 86400000000 : time.us;
    return advance(p);
}

static df_code parse_number(parser *p, where_literal *out, const char *sign)
{
    if (p->lexer.token.kind != WHERE_NUMBER) return unexpected(p, "a number");
    df_str digits = p->lexer.token.text;
    out->kind = WHERE_LITERAL_NUMBER;
    out->text = df_str_from(df_arena_printf(p->arena, "%s%.*s", sign, DF_FMT(digits)));
    return advance(p);
}

/* *found: whether there was a literal. */
static df_code parse_literal(parser *p, where_literal *out, bool *found)
{
    where_token token = p->lexer.token;
    *out = (where_literal){.at = token.at, .text = token.text};
    *found = true;
    if (at_symbol(p, "-") || at_symbol(p, "+")) {
        bool minus = at_symbol(p, "-");
        DF_TRY(advance(p));
        return parse_number(p, out, minus ? "-" : "");
    }
    if (token.kind == WHERE_NUMBER) return parse_number(p, out, "");
    if (token.kind == WHERE_STRING || token.kind == WHERE_HEX) {
        out->kind = token.kind == WHERE_STRING ? WHERE_LITERAL_STRING : WHERE_LITERAL_BINARY;
        return advance(p);
    }
    if (at_keyword(p, "NULL")) return advance(p);
    if (at_keyword(p, "TRUE") || at_keyword(p, "FALSE")) {
        out->kind = WHERE_LITERAL_BOOL;
        out->i = at_keyword(p, "TRUE");
        return advance(p);
    }
    return parse_time(p, out, found);
}

static df_code need_literal(parser *p, where_literal *out)
{
    bool found;
    DF_TRY(parse_literal(p, out, &found));
    if (found) return DF_OK;
    if (p->lexer.token.kind == WHERE_NAME || p->lexer.token.kind == WHERE_QUOTED)
        return where_fail_at(p->lexer.text, p->lexer.token.at, "a text is written in single quotes: 'abc'",
                             p->err, "expected a literal, not a name");
    return unexpected(p, "a literal");
}

static df_code parse_column(parser *p, size_t *column)
{
    df_str parts[MAX_NAME_PARTS];
    size_t n_parts = 0, at = p->lexer.token.at;
    for (;;) {
        bool name = p->lexer.token.kind == WHERE_QUOTED ||
                    (p->lexer.token.kind == WHERE_NAME && (n_parts || !at_any_keyword(p)));
        if (!name) return unexpected(p, n_parts ? "a field's name" : "a column or a literal");
        if (n_parts == MAX_NAME_PARTS)
            return where_fail_at(p->lexer.text, at, NULL, p->err, "too many parts in a name");
        parts[n_parts++] = p->lexer.token.text;
        DF_TRY(advance(p));
        if (!at_symbol(p, ".")) break;
        DF_TRY(advance(p));
    }
    delta_where_column found;
    df_buf advice = {0};
    where_found how = where_resolve(&p->schema, parts, n_parts, p->arena, &found, &advice);
    if (how != WHERE_FOUND) {
        df_code code = where_fail_at(p->lexer.text, at, df_buf_cstr(&advice), p->err,
                                     how == WHERE_AMBIGUOUS ? "several columns are called like this"
                                                            : "the table has no column %.*s%s%.*s",
                                     DF_FMT(parts[0]), n_parts > 1 ? "." : "",
                                     DF_FMT(n_parts > 1 ? parts[1] : DF_STR("")));
        df_buf_release(&advice);
        return code;
    }
    df_buf_release(&advice);
    delta_where *w = p->where;
    for (*column = 0; *column < w->n_columns; ++*column)
        if (df_str_eq(w->columns[*column].key, found.key)) return DF_OK;
    delta_where_column *grown = df_arena_alloc(p->arena, (w->n_columns + 1) * sizeof *grown);
    if (w->n_columns) memcpy(grown, w->columns, w->n_columns * sizeof *grown);
    grown[w->n_columns++] = found;
    w->columns = grown;
    return DF_OK;
}

/* ---- predicates ---- */

static df_code comparison(parser *p, size_t column, where_op op, const where_literal *literal, node **out)
{
    if (literal->kind == WHERE_LITERAL_NULL) {
        *out = constant(p, false);
        return DF_OK;
    }
    where_bound bound;
    DF_TRY(where_bind(p->lexer.text, &p->where->columns[column], literal, p->arena, &bound, p->err));
    *out = where_node_compare(p->arena, p->where, column, op, &bound);
    return DF_OK;
}

static where_op negated(where_op op)
{
    static const where_op opposite[] = {
        [WHERE_EQ] = WHERE_NE, [WHERE_NE] = WHERE_EQ, [WHERE_LT] = WHERE_GE,
        [WHERE_GE] = WHERE_LT, [WHERE_GT] = WHERE_LE, [WHERE_LE] = WHERE_GT,
    };
    return opposite[op];
}

static where_op mirrored(where_op op)
{
    static const where_op mirror[] = {
        [WHERE_EQ] = WHERE_EQ, [WHERE_NE] = WHERE_NE, [WHERE_LT] = WHERE_GT,
        [WHERE_GT] = WHERE_LT, [WHERE_LE] = WHERE_GE, [WHERE_GE] = WHERE_LE,
    };
    return mirror[op];
}

static bool take_op(const parser *p, where_op *op)
{
    static const struct {
        const char *symbol;
        where_op op;
    } ops[] = {{"=", WHERE_EQ}, {"==", WHERE_EQ}, {"!=", WHERE_NE}, {"<>", WHERE_NE},
               {"<", WHERE_LT}, {"<=", WHERE_LE}, {">", WHERE_GT},  {">=", WHERE_GE}};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (!at_symbol(p, ops[i].symbol)) continue;
        *op = ops[i].op;
        return true;
    }
    return false;
}

static df_code parse_between(parser *p, size_t column, bool negate, node **out)
{
    where_literal low, high;
    DF_TRY(need_literal(p, &low));
    DF_TRY(expect_keyword(p, "AND"));
    DF_TRY(need_literal(p, &high));
    node *parts[2];
    DF_TRY(comparison(p, column, negate ? WHERE_LT : WHERE_GE, &low, &parts[0]));
    DF_TRY(comparison(p, column, negate ? WHERE_GT : WHERE_LE, &high, &parts[1]));
    node_list list = {0};
    for (int i = 0; i < 2; i++) DF_PUSH(list.items, list.count, list.cap) = parts[i];
    *out = combine(p, negate ? DELTA_WHERE_OR : DELTA_WHERE_AND, &list);
    return DF_OK;
}

static df_code parse_in_list(parser *p, size_t column, where_bounds *bounds, bool *has_null)
{
    DF_TRY(expect_symbol(p, "(", "( and a list of literals"));
    for (;;) {
        where_literal literal;
        where_bound bound;
        DF_TRY(need_literal(p, &literal));
        if (literal.kind == WHERE_LITERAL_NULL) {
            *has_null = true;
        } else {
            DF_TRY(where_bind(p->lexer.text, &p->where->columns[column], &literal, p->arena, &bound, p->err));
            DF_PUSH(bounds->items, bounds->count, bounds->cap) = bound;
        }
        if (!at_symbol(p, ",")) break;
        DF_TRY(advance(p));
    }
    return expect_symbol(p, ")", ", or )");
}

static df_code parse_in(parser *p, size_t column, bool negate, node **out)
{
    where_bounds bounds = {0};
    bool has_null = false;
    df_code code = parse_in_list(p, column, &bounds, &has_null);
    if (code == DF_OK) {
        /* x NOT IN (…, NULL) is never true. */
        if (negate && has_null)
            *out = constant(p, false);
        else
            *out = where_node_in(p->arena, p->where, column, negate, &bounds);
    }
    free(bounds.items);
    return code;
}

static df_code parse_like(parser *p, size_t column, bool negate, node **out)
{
    if (p->lexer.token.kind != WHERE_STRING) return unexpected(p, "a text: 'prefix%'");
    const delta_where_column *c = &p->where->columns[column];
    if (c->type.id != DELTA_TYPE_STRING)
        return where_fail_at(p->lexer.text, p->lexer.token.at, NULL, p->err,
                             "LIKE needs a string, and column %.*s is none", DF_FMT(c->name));
    *out = where_node_like(p->arena, p->where, column, negate, p->lexer.token.text);
    return advance(p);
}

static df_code parse_is_null(parser *p, size_t column, bool negate, node **out)
{
    if (at_keyword(p, "NOT")) {
        negate = !negate;
        DF_TRY(advance(p));
    }
    DF_TRY(expect_keyword(p, "NULL"));
    *out = where_node_leaf(p->arena, p->where, column, negate ? DELTA_WHERE_NOT_NULL : DELTA_WHERE_IS_NULL);
    return DF_OK;
}

static df_code parse_bare_column(parser *p, size_t column, size_t at, bool negate, node **out)
{
    const delta_where_column *c = &p->where->columns[column];
    if (c->type.id != DELTA_TYPE_BOOLEAN)
        return where_fail_at(p->lexer.text, p->lexer.token.at, NULL, p->err,
                             "expected a comparison, IN, BETWEEN, LIKE or IS NULL after column %.*s",
                             DF_FMT(c->name));
    where_literal literal = {.kind = WHERE_LITERAL_BOOL, .i = !negate, .at = at};
    return comparison(p, column, WHERE_EQ, &literal, out);
}

static df_code parse_after_column(parser *p, size_t column, size_t at, bool negate, node **out)
{
    where_op op;
    if (take_op(p, &op)) {
        where_literal literal;
        DF_TRY(advance(p));
        DF_TRY(need_literal(p, &literal));
        return comparison(p, column, negate ? negated(op) : op, &literal, out);
    }
    bool any_not = at_keyword(p, "NOT");
    if (at_keyword(p, "IS")) {
        DF_TRY(advance(p));
        return parse_is_null(p, column, negate, out);
    }
    if (any_not) DF_TRY(advance(p));
    negate = negate != any_not;
    static df_code (*const parts[])(parser *, size_t, bool, node **) = {parse_in, parse_between, parse_like};
    static const char *const words[] = {"IN", "BETWEEN", "LIKE"};
    for (size_t i = 0; i < 3; i++) {
        if (!at_keyword(p, words[i])) continue;
        DF_TRY(advance(p));
        return parts[i](p, column, negate, out);
    }
    if (any_not) return unexpected(p, "IN, BETWEEN or LIKE");
    return parse_bare_column(p, column, at, negate, out);
}

/* What begins with a literal: a comparison with the column on the right, or a constant. */
static df_code parse_after_literal(parser *p, const where_literal *literal, bool negate, node **out)
{
    where_op op;
    if (!take_op(p, &op)) {
        if (literal->kind != WHERE_LITERAL_BOOL && literal->kind != WHERE_LITERAL_NULL)
            return unexpected(p, "a comparison after the literal");
        *out = constant(p, literal->kind == WHERE_LITERAL_BOOL && (literal->i != 0) != negate);
        return DF_OK;
    }
    DF_TRY(advance(p));
    if (p->lexer.token.kind != WHERE_NAME && p->lexer.token.kind != WHERE_QUOTED)
        return unexpected(p, "a column");
    size_t column;
    DF_TRY(parse_column(p, &column));
    op = mirrored(op);
    return comparison(p, column, negate ? negated(op) : op, literal, out);
}

static df_code parse_or(parser *p, bool negate, node **out);

static df_code parse_primary(parser *p, bool negate, node **out)
{
    if (++p->where->n_leaves > MAX_LEAVES)
        return where_fail_at(p->lexer.text, p->lexer.token.at, NULL, p->err, "more than %d conditions",
                             MAX_LEAVES);
    if (at_symbol(p, "(")) {
        if (++p->depth > MAX_DEPTH)
            return where_fail_at(p->lexer.text, p->lexer.token.at, NULL, p->err,
                                 "more than %d parentheses deep", MAX_DEPTH);
        DF_TRY(advance(p));
        DF_TRY(parse_or(p, negate, out));
        p->depth--;
        return expect_symbol(p, ")", "AND, OR or )");
    }
    where_literal literal;
    bool found;
    DF_TRY(parse_literal(p, &literal, &found));
    if (found) return parse_after_literal(p, &literal, negate, out);
    size_t column, at = p->lexer.token.at;
    DF_TRY(parse_column(p, &column));
    return parse_after_column(p, column, at, negate, out);
}

static df_code parse_not(parser *p, bool negate, node **out)
{
    while (at_keyword(p, "NOT")) {
        negate = !negate;
        DF_TRY(advance(p));
    }
    return parse_primary(p, negate, out);
}

typedef df_code (*parse_fn)(parser *, bool, node **);

static df_code parse_chain(parser *p, const char *word, delta_where_op op, parse_fn part, bool negate,
                           node **out)
{
    node_list list = {0};
    for (;;) {
        node *child;
        df_code code = part(p, negate, &child);
        if (code == DF_OK) add_child(&list, op, child);
        bool more = code == DF_OK && at_keyword(p, word);
        if (more) code = advance(p);
        if (code != DF_OK) {
            free(list.items);
            return code;
        }
        if (!more) break;
    }
    *out = combine(p, op, &list);
    return DF_OK;
}

static df_code parse_and(parser *p, bool negate, node **out)
{
    return parse_chain(p, "AND", negate ? DELTA_WHERE_OR : DELTA_WHERE_AND, parse_not, negate, out);
}

static df_code parse_or(parser *p, bool negate, node **out)
{
    return parse_chain(p, "OR", negate ? DELTA_WHERE_AND : DELTA_WHERE_OR, parse_and, negate, out);
}

static df_code parse_all(parser *p)
{
    DF_TRY(advance(p));
    if (p->lexer.token.kind == WHERE_END) return df_fail(p->err, DF_USAGE, "the expression is empty");
    DF_TRY(parse_or(p, false, &p->where->root));
    if (p->lexer.token.kind != WHERE_END) return unexpected(p, "AND, OR or the end");
    return DF_OK;
}

df_code delta_where_compile(const char *text, const delta_metadata *metadata, df_arena *arena,
                            delta_where **out, df_error *err)
{
    parser p = {.lexer = {.text = df_str_from(text), .arena = arena}, .arena = arena, .err = err};
    if (p.lexer.text.len > MAX_TEXT)
        return df_fail(err, DF_USAGE, "the expression is longer than %d bytes", MAX_TEXT);
    if (!df_str_is_utf8(p.lexer.text)) return df_fail(err, DF_USAGE, "the expression is not valid UTF-8");
    p.lexer.text = df_arena_str(arena, p.lexer.text);
    DF_TRY(where_schema_open(&p.schema, metadata, err));
    p.where = df_arena_zalloc(arena, sizeof *p.where);
    df_code code = parse_all(&p);
    where_schema_close(&p.schema);
    if (code != DF_OK) return code;
    for (size_t i = 0; i < p.where->n_columns; i++) {
        p.where->has_partition |= p.where->columns[i].partition;
        p.where->has_stats |= !p.where->columns[i].partition;
    }
    *out = p.where;
    return DF_OK;
}
