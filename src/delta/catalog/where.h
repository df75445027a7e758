/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `--where EXPR`: which files may contain a row for which the expression is true.
 *
 *     expr       = and { OR and }
 *     and        = not { AND not }
 *     not        = { NOT } primary
 *     primary    = "(" expr ")" | predicate | TRUE | FALSE | NULL
 *     predicate  = operand op operand                          one side a column, the other a literal
 *                | column [NOT] IN "(" literal { "," literal } ")"
 *                | column [NOT] BETWEEN literal AND literal
 *                | column [NOT] LIKE string
 *                | column IS [NOT] NULL
 *                | column                                      a boolean column
 *     op         = "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">="
 *     column     = name { "." name }                           name: plain, `back-ticked` or "double-quoted"
 *     literal    = [+-]number | 'string' | TRUE | FALSE | NULL | DATE 'yyyy-mm-dd'
 *                | TIMESTAMP 'yyyy-mm-dd hh:mm[:ss[.ffffff]][zone]' | X'hex'
 *
 * docs/where.md explains it to users. An expression is compiled against the schema of one version: columns
 * are resolved, literals become values of the columns' types, NOT is pushed down to the predicates. What
 * remains is AND and OR over predicates, each answered from what is known of a file's column: the exact value
 * of a partition column, or true bounds made from statistics. What is not known may always match.
 */
#ifndef DF_DELTA_CATALOG_WHERE_H
#define DF_DELTA_CATALOG_WHERE_H

#include "base/json.h"
#include "delta/log/action.h"

/* ---- columns ---- */

/* How values of a type are held and compared. */
typedef enum delta_kind {
    DELTA_KIND_NONE, /* not comparable: only IS NULL makes sense */
    DELTA_KIND_INT,  /* int64: integers, booleans, days, microseconds, decimals of up to 18 digits at the
                        column's scale */
    DELTA_KIND_REAL, /* float and double */
    DELTA_KIND_TEXT, /* bytes: strings, binary; wider decimals as text that sorts like the number */
} delta_kind;

typedef enum delta_type_id {
    DELTA_TYPE_OTHER, /* struct, array, map, variant, void, … */
    DELTA_TYPE_BOOLEAN,
    DELTA_TYPE_INTEGER, /* byte, short, integer, long */
    DELTA_TYPE_FLOAT,
    DELTA_TYPE_DOUBLE,
    DELTA_TYPE_DECIMAL,
    DELTA_TYPE_STRING,
    DELTA_TYPE_BINARY,
    DELTA_TYPE_DATE,
    DELTA_TYPE_TIMESTAMP,
    DELTA_TYPE_TIMESTAMP_NTZ,
} delta_type_id;

typedef struct delta_type {
    delta_type_id id;
    delta_kind kind;
    unsigned precision, scale; /* decimals */
    unsigned char_length;      /* CHAR(n), whose values may be padded with blanks; else 0 */
    bool single;               /* values may have been written as 32-bit floats */
    bool unordered;            /* a collation other than by bytes: bounds say nothing */
} delta_type;

typedef struct delta_where_column {
    df_str name; /* logical, as the schema writes it, parts joined by '.' */
    df_str key;  /* physical, for delta_column_stats: parts joined by '.', or a JSON array when a part has a
                    '.' */
    df_str kind_name; /* of the type, for delta_stats_columns.kind: bounds of equal kind_name are
                         interchangeable */
    df_str *path;     /* physical parts */
    size_t n_path;
    delta_type type;
    bool partition;
} delta_where_column;

/* ---- what is known of one column in one file ---- */

typedef union delta_datum {
    int64_t i;
    double d;
    df_str s;
} delta_datum;

typedef enum delta_nan { DELTA_NAN_MAYBE, DELTA_NAN_NEVER, DELTA_NAN_ALWAYS } delta_nan;

/*
 * True bounds: every value that is neither null nor NaN lies in [min, max]. The zero value says that nothing
 * is known. Counts are upper bounds when rows were deleted, which is safe: only 0 is made use of.
 */
typedef struct delta_bounds {
    bool has_min, has_max, has_nulls, has_values;
    bool exact;    /* min is max and is the only value: a partition value */
    delta_nan nan; /* floats only */
    delta_datum min, max;
    int64_t nulls;  /* rows in which the column is null; when has_nulls */
    int64_t values; /* rows in which it is not; when has_values */
} delta_bounds;

/* ---- expressions ---- */

typedef enum delta_where_op {
    DELTA_WHERE_TRUE,
    DELTA_WHERE_FALSE,
    DELTA_WHERE_AND,
    DELTA_WHERE_OR,
    DELTA_WHERE_RANGE,   /* the column lies in one of `ranges` */
    DELTA_WHERE_OUTSIDE, /* the column is none of the values in `ranges` (each low == high) */
    DELTA_WHERE_LIKE,    /* exact values: matches `pattern`; bounds: `ranges` */
    DELTA_WHERE_NOT_LIKE,
    DELTA_WHERE_IS_NULL,
    DELTA_WHERE_NOT_NULL,
} delta_where_op;

/* low .. high; an open end excludes the value itself. */
typedef struct delta_range {
    delta_datum low, high;
    bool has_low, has_high, low_open, high_open;
} delta_range;

typedef struct delta_where_node {
    delta_where_op op;
    bool partition_only; /* no statistics below */
    bool nan_matches; /* RANGE and OUTSIDE over floats: NaN, which is greater than all else, makes it true */
    size_t column;    /* of leaves: index in columns */
    struct delta_where_node **children;
    size_t n_children;
    delta_range *ranges; /* sorted by low */
    size_t n_ranges;
    df_str pattern;
} delta_where_node;

typedef struct delta_where {
    delta_where_node *root;
    delta_where_column *columns; /* those the expression names */
    size_t n_columns, columns_cap, n_leaves;
    bool has_partition, has_stats;
} delta_where;

/*
 * Compiles `text` for the table described by `metadata`. Everything lives in `arena`. DF_USAGE: message with
 * the position, hint with a caret line and, for an unknown column, the nearest names. DF_CORRUPT: the schema
 * cannot be read.
 */
DF_MUST_USE df_code delta_where_compile(const char *text, const delta_metadata *metadata, df_arena *arena,
                                        delta_where **out, df_error *err);

/* Whether a file of which `bounds` (one a column of the expression) are known may hold a matching row. */
bool delta_where_may_match(const delta_where *where, const delta_bounds *bounds);
/* The same for a part of the expression. */
bool delta_where_node_may_match(const delta_where *where, const delta_where_node *node,
                                const delta_bounds *bounds);

/* ---- bounds from what the log holds ---- */

/* Buffers for reading values; texts in bounds live until the next read with the same reader. */
typedef struct delta_bounds_reader {
    df_arena arena;
    df_json_parser *parser;
} delta_bounds_reader;
void delta_bounds_reader_release(delta_bounds_reader *reader);

/*
 * Sets bounds[i] for every partition column of `where` from partitionValues (JSON object; absent: unknown),
 * and leaves the others as they are. Forgets what the reader read before.
 */
void delta_bounds_of_partition(delta_bounds_reader *reader, const delta_where *where, df_str partition_values,
                               delta_bounds *bounds);
/* Sets bounds[i] for every column that is not a partition column from a file's statistics (JSON text; absent:
 * unknown). */
void delta_bounds_of_stats(delta_bounds_reader *reader, const delta_where *where, df_str stats,
                           delta_bounds *bounds);

#endif
