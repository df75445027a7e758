/* SPDX-License-Identifier: Apache-2.0 */
/* An expression as a condition in SQL; the twin of delta_where_may_match. */
#include "delta/catalog/query_int.h"
#include "delta/catalog/stats_index.h"

#include <float.h>
#include <math.h>

typedef struct writer {
    const delta_pushdown *push;
    bool optional;
    df_arena *arena;
    df_buf *sql;
    delta_params *params;
} writer;

/* `+column` is the column, but nothing that an index could be used for. */
static const char *hide(const writer *w, size_t column)
{
    return w->push->shy && column != w->push->driver ? "+" : "";
}

static const char *suffix_of(delta_kind kind)
{
    return kind == DELTA_KIND_REAL ? "real" : kind == DELTA_KIND_TEXT ? "text" : "int";
}

static df_value value_of(delta_kind kind, delta_datum datum)
{
    switch (kind) {
    case DELTA_KIND_REAL: return df_v_double(datum.d);
    case DELTA_KIND_TEXT: return df_v_str(datum.s);
    default: return df_v_int(datum.i);
    }
}

/*
 * A range's end against a stored bound. In the index infinities are the greatest numbers, and an unknown
 * maximum of a text is the greatest text: a literal that is out there is pulled in, and then includes its own
 * value.
 */
static void put_end(writer *w, size_t column, bool low, delta_datum end, bool open)
{
    delta_kind kind = w->push->where->columns[column].type.kind;
    if (kind == DELTA_KIND_REAL && !(fabs(end.d) < DBL_MAX)) {
        end.d = end.d < 0 ? -DBL_MAX : DBL_MAX;
        open = false;
    } else if (kind == DELTA_KIND_TEXT && low && df_str_cmp(end.s, DELTA_STATS_TEXT_MAX) >= 0) {
        end.s = DELTA_STATS_TEXT_MAX;
        open = false;
    }
    df_buf_printf(w->sql, "%ss%zu.%s_%s %s%s ?", hide(w, column), column, low ? "max" : "min",
                  suffix_of(kind), low ? ">" : "<", open ? "" : "=");
    delta_param(w->params, value_of(kind, end));
}

/* Files without any value have their bounds crossed. */
static void put_has_values(writer *w, size_t column)
{
    const char *suffix = suffix_of(w->push->where->columns[column].type.kind);
    df_buf_printf(w->sql, "%ss%zu.min_%s <= s%zu.max_%s", hide(w, column), column, suffix, column, suffix);
}

static void put_ranges(writer *w, const delta_where_node *node)
{
    put_has_values(w, node->column);
    df_buf_text(w->sql, " AND (");
    for (size_t i = 0; i < node->n_ranges; i++) {
        const delta_range *r = &node->ranges[i];
        if (i) df_buf_text(w->sql, " OR ");
        if (r->has_low && r->has_high && node->n_ranges > 1) df_buf_char(w->sql, '(');
        if (r->has_low) put_end(w, node->column, true, r->low, r->low_open);
        if (r->has_low && r->has_high) df_buf_text(w->sql, " AND ");
        if (r->has_high) put_end(w, node->column, false, r->high, r->high_open);
        if (r->has_low && r->has_high && node->n_ranges > 1) df_buf_char(w->sql, ')');
    }
    df_buf_char(w->sql, ')');
}

static void put_outside(writer *w, const delta_where_node *node)
{
    delta_kind kind = w->push->where->columns[node->column].type.kind;
    const char *suffix = suffix_of(kind);
    size_t c = node->column;
    put_has_values(w, c);
    df_buf_printf(w->sql, " AND NOT (%ss%zu.min_%s = s%zu.max_%s AND %ss%zu.min_%s IN (", hide(w, c), c,
                  suffix, c, suffix, hide(w, c), c, suffix);
    for (size_t i = 0; i < node->n_ranges; i++) {
        df_buf_text(w->sql, i ? ", ?" : "?");
        delta_param(w->params, value_of(kind, node->ranges[i].low));
    }
    df_buf_text(w->sql, "))");
}

/* Whether none of the values may be confused with what stands for an unknown bound. */
static bool in_reach(delta_kind kind, const delta_where_node *node)
{
    for (size_t i = 0; i < node->n_ranges; i++) {
        delta_datum value = node->ranges[i].low;
        if (kind == DELTA_KIND_TEXT && df_str_cmp(value.s, DELTA_STATS_TEXT_MAX) >= 0) return false;
    }
    return node->n_ranges > 0;
}

static void put_leaf(writer *w, const delta_where_node *node)
{
    size_t c = node->column;
    delta_kind kind = w->push->where->columns[c].type.kind;
    bool bounded = node->n_ranges > 0 && (node->ranges[0].has_low || node->ranges[0].has_high);
    bool nan = kind == DELTA_KIND_REAL && node->nan_matches;
    df_buf_char(w->sql, '(');
    if (w->optional) df_buf_printf(w->sql, "s%zu.file_id IS NULL OR (", c);
    if (node->op == DELTA_WHERE_IS_NULL)
        df_buf_printf(w->sql, "s%zu.null_count IS NULL OR s%zu.null_count > 0", c, c);
    else if (node->op == DELTA_WHERE_RANGE && !nan && !node->n_ranges)
        df_buf_text(w->sql, "1 = 0");
    else if ((node->op == DELTA_WHERE_RANGE && !nan && bounded) || (node->op == DELTA_WHERE_LIKE && bounded))
        put_ranges(w, node);
    else if (node->op == DELTA_WHERE_OUTSIDE && !nan && in_reach(kind, node))
        put_outside(w, node);
    else
        put_has_values(w, c);
    if (w->optional) df_buf_char(w->sql, ')');
    df_buf_char(w->sql, ')');
}

typedef enum truth { NO, YES, DEPENDS } truth;

/* What is known of a node before SQL: partitions may have decided it for all files. */
static truth known(const writer *w, const delta_where_node *node, bool top)
{
    const delta_partition_set *set = w->push->partitions;
    if (node->op == DELTA_WHERE_TRUE) return YES;
    if (node->op == DELTA_WHERE_FALSE) return NO;
    if (node->partition_only) {
        if (top || !set) return YES;
        for (size_t i = 0; i < set->n_parts; i++) {
            if (set->parts[i] != node) continue;
            if (set->varying >> i & 1) return DEPENDS;
            return set->count && (set->bits[0] >> i & 1) ? YES : NO;
        }
        return YES;
    }
    if (node->op != DELTA_WHERE_AND && node->op != DELTA_WHERE_OR) return w->push->use_stats ? DEPENDS : YES;
    truth decided = node->op == DELTA_WHERE_AND ? NO : YES, all = node->op == DELTA_WHERE_AND ? YES : NO;
    for (size_t i = 0; i < node->n_children; i++) {
        truth child = known(w, node->children[i], top && node->op == DELTA_WHERE_AND);
        if (child == decided) return decided;
        if (child == DEPENDS) all = DEPENDS;
    }
    return all;
}

static bool has_partition_part(const delta_where_node *node)
{
    bool found = node->partition_only;
    for (size_t i = 0; i < node->n_children && !found; i++) found = has_partition_part(node->children[i]);
    return found;
}

static void put_node(writer *w, const delta_where_node *node, bool top);

/* The files of the partitions in which part `j` holds. */
static void put_partition_part(writer *w, size_t j)
{
    const delta_partition_set *set = w->push->partitions;
    if (!w->push->catalog) {
        df_buf_printf(w->sql, "((q.bits & %lld) <> 0)", 1LL << j);
        return;
    }
    delta_partition_set chosen = {.total = set->total};
    chosen.ids = df_arena_alloc(w->arena, (set->count + 1) * sizeof *chosen.ids);
    chosen.bits = df_arena_zalloc(w->arena, (set->count + 1) * sizeof *chosen.bits);
    for (size_t i = 0; i < set->count; i++)
        if (set->bits[i] >> j & 1) chosen.ids[chosen.count++] = set->ids[i];
    delta_put_partition_test(w->push->catalog, &chosen, "f.partition_id", w->arena, w->sql, w->params);
}

static void use_columns(const delta_where_node *node, bool *used)
{
    if (node->op == DELTA_WHERE_AND || node->op == DELTA_WHERE_OR)
        for (size_t i = 0; i < node->n_children; i++) use_columns(node->children[i], used);
    else
        used[node->column] = true;
}

/* The files whose statistics satisfy a part in which there is no partition column. */
static void put_stats_part(writer *w, const delta_where_node *node)
{
    const delta_where *where = w->push->where;
    size_t driver = delta_choose_driver(where, node);
    delta_pushdown push = {.where = where, .use_stats = true, .driver = driver, .shy = w->push->shy};
    writer inner = {&push, false, w->arena, w->sql, w->params};
    bool *used = df_arena_zalloc(w->arena, where->n_columns * sizeof *used);
    use_columns(node, used);
    df_buf_printf(w->sql, "f.file_id IN (SELECT s%zu.file_id FROM delta_column_stats s%zu", driver, driver);
    for (size_t i = 0; i < where->n_columns; i++) {
        if (!used[i] || i == driver) continue;
        df_buf_printf(w->sql,
                      " JOIN delta_column_stats s%zu ON s%zu.table_id = s%zu.table_id AND s%zu.column_id = ? "
                      "AND s%zu.file_id = s%zu.file_id",
                      i, i, driver, i, i, driver);
        delta_param(w->params, df_v_int(delta_stats_column_id(where->columns[i].key)));
    }
    df_buf_printf(w->sql, " WHERE s%zu.table_id = ? AND s%zu.column_id = ? AND ", driver, driver);
    delta_param(w->params, df_v_str(w->push->table_id));
    delta_param(w->params, df_v_int(delta_stats_column_id(where->columns[driver].key)));
    put_node(&inner, node, false);
    df_buf_char(w->sql, ')');
}

static void put_node(writer *w, const delta_where_node *node, bool top)
{
    if (node->partition_only) {
        const delta_partition_set *set = w->push->partitions;
        for (size_t i = 0; i < set->n_parts; i++)
            if (set->parts[i] == node) put_partition_part(w, i);
        return;
    }
    if (w->push->catalog && !has_partition_part(node)) {
        put_stats_part(w, node);
        return;
    }
    if (node->op != DELTA_WHERE_AND && node->op != DELTA_WHERE_OR) {
        put_leaf(w, node);
        return;
    }
    bool inner_top = top && node->op == DELTA_WHERE_AND, any = false;
    df_buf_char(w->sql, '(');
    for (size_t i = 0; i < node->n_children; i++) {
        if (known(w, node->children[i], inner_top) != DEPENDS)
            continue; /* neutral here, or known() had decided it all */
        if (any) df_buf_text(w->sql, node->op == DELTA_WHERE_AND ? " AND " : " OR ");
        any = true;
        put_node(w, node->children[i], inner_top);
    }
    df_buf_char(w->sql, ')');
}

/* How much a condition narrows, by its looks: a range of numbers with two ends, one with one, a text. */
static unsigned promise(const delta_where *where, const delta_where_node *leaf)
{
    if (leaf->column >= where->n_columns || where->columns[leaf->column].partition) return 0;
    if ((leaf->op != DELTA_WHERE_RANGE && leaf->op != DELTA_WHERE_LIKE) || leaf->nan_matches ||
        !leaf->n_ranges)
        return 1;
    bool closed = leaf->ranges[0].has_low && leaf->ranges[0].has_high;
    bool text = where->columns[leaf->column].type.kind == DELTA_KIND_TEXT;
    return 2u + closed + (text ? 0u : 2u);
}

static size_t any_column(const delta_where *where, const delta_where_node *node)
{
    size_t found = SIZE_MAX;
    if (node->op != DELTA_WHERE_AND && node->op != DELTA_WHERE_OR)
        return node->column < where->n_columns && !where->columns[node->column].partition ? node->column
                                                                                          : SIZE_MAX;
    for (size_t i = 0; i < node->n_children && found == SIZE_MAX; i++)
        found = any_column(where, node->children[i]);
    return found;
}

size_t delta_choose_driver(const delta_where *where, const delta_where_node *root)
{
    size_t best = SIZE_MAX;
    unsigned most = 0;
    size_t n = root->op == DELTA_WHERE_AND ? root->n_children : 1;
    for (size_t i = 0; i < n; i++) {
        const delta_where_node *leaf = root->op == DELTA_WHERE_AND ? root->children[i] : root;
        if (promise(where, leaf) <= most) continue;
        most = promise(where, leaf);
        best = leaf->column;
    }
    return best != SIZE_MAX ? best : any_column(where, root);
}

bool delta_put_where(const delta_pushdown *push, bool optional, df_arena *arena, df_buf *sql,
                     delta_params *params)
{
    writer w = {push, optional, arena, sql, params};
    switch (known(&w, push->where->root, true)) {
    case YES: return false;
    case NO: df_buf_text(sql, "1 = 0"); return true;
    case DEPENDS: put_node(&w, push->where->root, true); return true;
    }
    return false;
}

size_t delta_where_stats_terms(const delta_where_node *node)
{
    if (node->op != DELTA_WHERE_AND && node->op != DELTA_WHERE_OR)
        return node->partition_only ? 1 : 1 + 2 * node->n_ranges;
    size_t terms = 0;
    for (size_t i = 0; i < node->n_children; i++) terms += delta_where_stats_terms(node->children[i]);
    return terms;
}
