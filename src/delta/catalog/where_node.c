/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves: predicates as ranges of a column's values; and whether a file may satisfy them. */
#include "delta/catalog/where_int.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* More ranges than this on a column with statistics are merged with their neighbours: still nothing is lost.
 */
enum { MAX_STATS_RANGES = 200 };

delta_where_node *where_node_leaf(df_arena *arena, const delta_where *where, size_t column, delta_where_op op)
{
    delta_where_node *node = df_arena_zalloc(arena, sizeof *node);
    node->op = op;
    node->column = column;
    node->partition_only = where->columns[column].partition;
    return node;
}

/* Values that bounds with infinities in them are not held against, since not every database can store those.
 */
static bool beyond_index(const delta_where_column *column, delta_datum value)
{
    return column->type.kind == DELTA_KIND_REAL && !column->partition && !(fabs(value.d) < DBL_MAX);
}

static delta_where_node *range_leaf(df_arena *arena, const delta_where *where, size_t column,
                                    delta_range range)
{
    delta_where_node *node = where_node_leaf(arena, where, column, DELTA_WHERE_RANGE);
    node->ranges = df_arena_alloc(arena, sizeof range);
    node->ranges[0] = range;
    node->n_ranges = 1;
    return node;
}

static delta_where_node *never(df_arena *arena)
{
    delta_where_node *node = df_arena_zalloc(arena, sizeof *node);
    node->op = DELTA_WHERE_FALSE;
    node->column = SIZE_MAX;
    node->partition_only = true;
    return node;
}

/* NaN equals itself and is greater than every number. */
static delta_where_node *compare_with_nan(df_arena *arena, const delta_where *where, size_t column,
                                          where_op op)
{
    if (op == WHERE_GT) return never(arena);
    bool numbers = op == WHERE_LT || op == WHERE_LE || op == WHERE_NE;
    delta_where_node *node = range_leaf(arena, where, column, (delta_range){0});
    node->n_ranges = numbers;
    node->nan_matches = op != WHERE_LT && op != WHERE_NE;
    return node;
}

/* A literal that the column's kind cannot hold: the answer is the same for all values. */
static delta_where_node *compare_outside(df_arena *arena, const delta_where *where, size_t column,
                                         where_op op, bool above)
{
    bool all =
        op == WHERE_NE || (above ? op == WHERE_LT || op == WHERE_LE : op == WHERE_GT || op == WHERE_GE);
    return all ? where_node_leaf(arena, where, column, DELTA_WHERE_NOT_NULL) : never(arena);
}

/* Less than the least, or more than the most, that the kind can hold. */
static bool impossible(delta_kind kind, where_op op, const where_bound *bound)
{
    if (bound->between || (op != WHERE_LT && op != WHERE_GT)) return false;
    switch (kind) {
    case DELTA_KIND_INT: return op == WHERE_LT ? bound->high.i == INT64_MIN : bound->low.i == INT64_MAX;
    case DELTA_KIND_REAL: return op == WHERE_LT && bound->high.d < -DBL_MAX;
    case DELTA_KIND_TEXT: return op == WHERE_LT && bound->high.s.len == 0;
    case DELTA_KIND_NONE: break;
    }
    return false;
}

delta_where_node *where_node_compare(df_arena *arena, const delta_where *where, size_t column, where_op op,
                                     const where_bound *bound)
{
    const delta_type *type = &where->columns[column].type;
    if (type->unordered) return where_node_leaf(arena, where, column, DELTA_WHERE_NOT_NULL);
    if (bound->nan) return compare_with_nan(arena, where, column, op);
    if (impossible(type->kind, op, bound)) return never(arena);
    if (bound->above || bound->below) return compare_outside(arena, where, column, op, bound->above);
    bool real = type->kind == DELTA_KIND_REAL;
    bool single_value = !bound->between && where_compare(type->kind, bound->low, bound->high) == 0;
    delta_range range = {.low = bound->low, .high = bound->high};
    switch (op) {
    case WHERE_EQ:
        if (bound->between) return never(arena);
        range.has_low = range.has_high = true;
        break;
    case WHERE_NE:
        if (!single_value || beyond_index(&where->columns[column], bound->low)) {
            delta_where_node *any = range_leaf(arena, where, column, (delta_range){0});
            any->nan_matches = real;
            return any;
        }
        range.has_low = range.has_high = true;
        break;
    case WHERE_LT:
    case WHERE_LE:
        range.has_high = true;
        range.high_open = op == WHERE_LT && !bound->between;
        if (bound->between) range.high = bound->low;
        break;
    case WHERE_GT:
    case WHERE_GE:
        range.has_low = true;
        range.low_open = op == WHERE_GT && !bound->between;
        if (bound->between) range.low = bound->high;
        break;
    }
    delta_where_node *node = range_leaf(arena, where, column, range);
    if (op == WHERE_NE) node->op = DELTA_WHERE_OUTSIDE;
    node->nan_matches = real && (op == WHERE_NE || op == WHERE_GT || op == WHERE_GE);
    return node;
}

/* ---- lists ---- */

typedef struct sorter {
    delta_kind kind;
} sorter;

static int by_low(const void *a, const void *b, void *context)
{
    const delta_range *x = a, *y = b;
    const sorter *s = context;
    return where_compare(s->kind, x->low, y->low);
}

/* Sorts, and joins what overlaps, so that both ends rise. */
static size_t normalise(delta_kind kind, delta_range *ranges, size_t count)
{
    sorter s = {kind};
    qsort_r(ranges, count, sizeof *ranges, by_low, &s);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept && where_compare(kind, ranges[i].low, ranges[kept - 1].high) <= 0) {
            if (where_compare(kind, ranges[i].high, ranges[kept - 1].high) > 0)
                ranges[kept - 1].high = ranges[i].high;
        } else {
            ranges[kept++] = ranges[i];
        }
    }
    return kept;
}

/* Leaves at most MAX_STATS_RANGES by joining neighbours. */
static size_t coalesce(delta_range *ranges, size_t count)
{
    if (count <= MAX_STATS_RANGES) return count;
    size_t group = (count + MAX_STATS_RANGES - 1) / MAX_STATS_RANGES, kept = 0;
    for (size_t i = 0; i < count; i += group) {
        delta_range joined = ranges[i];
        joined.high = ranges[i + group <= count ? i + group - 1 : count - 1].high;
        ranges[kept++] = joined;
    }
    return kept;
}

delta_where_node *where_node_in(df_arena *arena, const delta_where *where, size_t column, bool negate,
                                const where_bounds *bounds)
{
    const delta_where_column *c = &where->columns[column];
    if (c->type.unordered) return where_node_leaf(arena, where, column, DELTA_WHERE_NOT_NULL);
    delta_range *ranges = df_arena_alloc(arena, (bounds->count + 1) * sizeof *ranges);
    size_t count = 0;
    bool nan = false;
    for (size_t i = 0; i < bounds->count; i++) {
        const where_bound *b = &bounds->items[i];
        nan = nan || b->nan;
        if (b->nan || b->between || b->below || b->above) continue;
        /* NOT IN may only use values that are one for certain. */
        if (negate && (where_compare(c->type.kind, b->low, b->high) != 0 || beyond_index(c, b->low)))
            continue;
        ranges[count++] = (delta_range){.low = b->low, .high = b->high, .has_low = true, .has_high = true};
    }
    count = normalise(c->type.kind, ranges, count);
    delta_where_node *node;
    if (negate) {
        bool too_many = !c->partition && count > MAX_STATS_RANGES;
        node = where_node_leaf(arena, where, column, DELTA_WHERE_OUTSIDE);
        if (too_many) count = 0;
        node->nan_matches = c->type.kind == DELTA_KIND_REAL && !nan;
    } else {
        if (!count && !nan) return never(arena);
        node = where_node_leaf(arena, where, column, DELTA_WHERE_RANGE);
        if (!c->partition) count = coalesce(ranges, count);
        node->nan_matches = nan;
    }
    node->ranges = ranges;
    node->n_ranges = count;
    return node;
}

delta_where_node *where_node_like(df_arena *arena, const delta_where *where, size_t column, bool negate,
                                  df_str pattern)
{
    const delta_type *type = &where->columns[column].type;
    if (type->unordered || type->char_length)
        return where_node_leaf(arena, where, column, DELTA_WHERE_NOT_NULL);
    bool whole;
    df_str prefix = where_like_prefix(arena, pattern, &whole);
    delta_range range = {.low.s = prefix, .has_low = prefix.len > 0 || whole, .has_high = whole};
    range.high.s = prefix;
    if (!whole) {
        df_str after = where_after_prefix(arena, prefix);
        range.has_high = after.ptr != NULL;
        range.high.s = after;
        range.high_open = true;
    }
    delta_where_node *node = range_leaf(arena, where, column, range);
    node->op = negate ? DELTA_WHERE_NOT_LIKE : DELTA_WHERE_LIKE;
    node->pattern = pattern;
    return node;
}

/* ---- answering ---- */

/* The index holds infinities as the greatest numbers (stats_index.c), so that an end out there includes its own
 * value; what is read from statistics here answers alike. */
static bool open_end(delta_kind kind, bool open, delta_datum end, const delta_bounds *b)
{
    return open && (kind != DELTA_KIND_REAL || b->exact || fabs(end.d) < DBL_MAX);
}

static bool reaches(delta_kind kind, const delta_range *r, const delta_bounds *b)
{
    if (r->has_low && b->has_max) {
        int order = where_compare(kind, b->max, r->low);
        if (order < 0 || (order == 0 && open_end(kind, r->low_open, r->low, b))) return false;
    }
    if (r->has_high && b->has_min) {
        int order = where_compare(kind, b->min, r->high);
        if (order > 0 || (order == 0 && open_end(kind, r->high_open, r->high, b))) return false;
    }
    return true;
}

/* First range of a list that does not end below `value`. */
static size_t first_not_below(delta_kind kind, const delta_where_node *node, delta_datum value)
{
    size_t low = 0, high = node->n_ranges;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (where_compare(kind, node->ranges[middle].high, value) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool in_ranges(delta_kind kind, const delta_where_node *node, const delta_bounds *b)
{
    if (b->nan == DELTA_NAN_ALWAYS) return node->nan_matches;
    if (kind == DELTA_KIND_REAL && node->nan_matches && b->nan == DELTA_NAN_MAYBE) return true;
    if (node->n_ranges <= 1) return node->n_ranges && reaches(kind, node->ranges, b);
    if (!b->has_min) return reaches(kind, &node->ranges[0], b);
    size_t at = first_not_below(kind, node, b->min);
    return at < node->n_ranges && reaches(kind, &node->ranges[at], b);
}

static bool outside(delta_kind kind, const delta_where_node *node, const delta_bounds *b)
{
    if (kind == DELTA_KIND_REAL) {
        if (b->nan == DELTA_NAN_ALWAYS) return node->nan_matches;
        if (node->nan_matches && b->nan == DELTA_NAN_MAYBE) return true;
    }
    if (!b->has_min || !b->has_max || where_compare(kind, b->min, b->max) != 0) return true;
    size_t at = first_not_below(kind, node, b->min);
    return at == node->n_ranges || where_compare(kind, node->ranges[at].low, b->min) != 0;
}

static bool leaf_may_match(const delta_where *where, const delta_where_node *node, const delta_bounds *b)
{
    delta_kind kind = where->columns[node->column].type.kind;
    if (node->op == DELTA_WHERE_IS_NULL) return !b->has_nulls || b->nulls > 0;
    if (b->has_values && b->values == 0) return false;
    switch (node->op) {
    case DELTA_WHERE_RANGE: return in_ranges(kind, node, b);
    case DELTA_WHERE_OUTSIDE: return outside(kind, node, b);
    case DELTA_WHERE_LIKE:
        return b->exact ? where_like(b->min.s, node->pattern) : reaches(kind, node->ranges, b);
    case DELTA_WHERE_NOT_LIKE: return !b->exact || !where_like(b->min.s, node->pattern);
    default: return true; /* IS NOT NULL */
    }
}

bool delta_where_node_may_match(const delta_where *where, const delta_where_node *node,
                                const delta_bounds *bounds)
{
    switch (node->op) {
    case DELTA_WHERE_TRUE: return true;
    case DELTA_WHERE_FALSE: return false;
    case DELTA_WHERE_AND:
        for (size_t i = 0; i < node->n_children; i++)
            if (!delta_where_node_may_match(where, node->children[i], bounds)) return false;
        return true;
    case DELTA_WHERE_OR:
        for (size_t i = 0; i < node->n_children; i++)
            if (delta_where_node_may_match(where, node->children[i], bounds)) return true;
        return false;
    default: return leaf_may_match(where, node, &bounds[node->column]);
    }
}

bool delta_where_may_match(const delta_where *where, const delta_bounds *bounds)
{
    return delta_where_node_may_match(where, where->root, bounds);
}
