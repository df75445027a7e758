/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that make up where.h; nobody else includes this. */
#ifndef DF_DELTA_CATALOG_WHERE_INT_H
#define DF_DELTA_CATALOG_WHERE_INT_H

#include "base/json.h"
#include "delta/catalog/where.h"

__extension__ typedef __int128 where_int128;
__extension__ typedef unsigned __int128 where_uint128;

/* ---- tokens (where_lex.c) ---- */

typedef enum where_token_kind {
    WHERE_END,
    WHERE_NAME,   /* plain: may be a keyword */
    WHERE_QUOTED, /* a name for certain */
    WHERE_NUMBER, /* text as written, without sign */
    WHERE_STRING,
    WHERE_HEX,    /* X'…': text is the bytes */
    WHERE_SYMBOL, /* text: one of = == != <> < <= > >= ( ) , . + - */
} where_token_kind;

typedef struct where_token {
    where_token_kind kind;
    df_str text; /* unquoted */
    size_t at;   /* byte offset in the expression */
} where_token;

typedef struct where_lexer {
    df_str text;
    size_t next;
    df_arena *arena;
    where_token token; /* the current one */
} where_lexer;

/* Moves to the next token. */
df_code where_advance(where_lexer *lexer, df_error *err);
/* DF_USAGE with the position, and a caret line as the hint; `advice` (may be NULL) is the hint's last line.
 */
df_code where_fail_at(df_str text, size_t at, const char *advice, df_error *err, const char *fmt, ...)
    DF_PRINTF(5, 6);

/* ---- the table's schema (where_schema.c) ---- */

typedef struct where_schema {
    df_json_parser *parser, *partition_parser;
    df_json root;              /* the struct type */
    df_json partition_columns; /* array of strings */
    bool mapped;               /* column mapping: statistics and partition values go by physical names */
} where_schema;

df_code where_schema_open(where_schema *schema, const delta_metadata *metadata, df_error *err);
void where_schema_close(where_schema *schema);

typedef enum where_found { WHERE_FOUND, WHERE_NO_SUCH, WHERE_AMBIGUOUS } where_found;
/* Finds the column of these name parts. Otherwise `advice` gets what to say: nearest names, or the
 * candidates. */
where_found where_resolve(const where_schema *schema, const df_str *parts, size_t n_parts, df_arena *arena,
                          delta_where_column *out, df_buf *advice);

/* ---- values (where_value.c) ---- */

/* An exact number: unscaled / 10^scale. `rounded`: it may have gone through a double on its way. */
typedef struct where_decimal {
    where_int128 unscaled;
    int scale;       /* never negative */
    unsigned digits; /* significant ones */
    bool exponent;
} where_decimal;

/* A JSON or SQL number of at most 38 significant digits. */
bool where_decimal_parse(df_str text, where_decimal *out);
/*
 * The number at `scale`, rounded down and up; `slack`: first widened by what a double may have lost. A
 * result beyond 128 bits becomes the nearest that fits.
 */
void where_decimal_at(const where_decimal *number, unsigned scale, bool slack, where_int128 *floor,
                      where_int128 *ceiling);
/* Text that sorts as the numbers do: 32 hexadecimal digits. */
df_str where_sortable(df_arena *arena, where_int128 value);
/* A finite double from a text that is a number from start to end. */
bool where_double_parse(df_str text, double *out);
/* A float32 read from decimal text may mean either double next to it: both. */
void where_single(double value, double *low, double *high);
int where_compare(delta_kind kind, delta_datum a, delta_datum b);
/* Smallest text greater than all texts that begin with `prefix`; absent when there is none. */
df_str where_after_prefix(df_arena *arena, df_str prefix);
/* SQL LIKE with % and _ and backslash as the escape. */
bool where_like(df_str text, df_str pattern);
/* What of the pattern stands before the first wildcard; *whole: there is no wildcard. */
df_str where_like_prefix(df_arena *arena, df_str pattern, bool *whole);

/* ---- literals (where_literal.c) ---- */

typedef enum where_literal_kind {
    WHERE_LITERAL_NULL,
    WHERE_LITERAL_BOOL,
    WHERE_LITERAL_NUMBER,
    WHERE_LITERAL_STRING,
    WHERE_LITERAL_DATE,      /* i: days */
    WHERE_LITERAL_TIMESTAMP, /* i: microseconds */
    WHERE_LITERAL_BINARY,
} where_literal_kind;

typedef struct where_literal {
    where_literal_kind kind;
    size_t at;
    df_str text; /* of strings, binary and numbers (with sign) */
    int64_t i;   /* of booleans, dates and timestamps */
} where_literal;

/*
 * A literal as a value of a column's type. `low` and `high` differ when the literal lies between two values
 * of the type (`between`: 5.5 against integers), or may mean any of them (32-bit floats, padded CHAR).
 */
typedef struct where_bound {
    delta_datum low, high;
    bool between;
    bool below, above; /* outside of what the kind can hold */
    bool nan;
} where_bound;

/* DF_USAGE when the literal makes no sense for the column. */
df_code where_bind(df_str expression, const delta_where_column *column, const where_literal *literal,
                   df_arena *arena, where_bound *out, df_error *err);

/* ---- leaves (where_node.c) ---- */

typedef enum where_op { WHERE_EQ, WHERE_NE, WHERE_LT, WHERE_LE, WHERE_GT, WHERE_GE } where_op;

typedef struct where_bounds {
    where_bound *items;
    size_t count, cap;
} where_bounds;

delta_where_node *where_node_leaf(df_arena *arena, const delta_where *where, size_t column,
                                  delta_where_op op);
delta_where_node *where_node_compare(df_arena *arena, const delta_where *where, size_t column, where_op op,
                                     const where_bound *bound);
delta_where_node *where_node_in(df_arena *arena, const delta_where *where, size_t column, bool negate,
                                const where_bounds *bounds);
delta_where_node *where_node_like(df_arena *arena, const delta_where *where, size_t column, bool negate,
                                  df_str pattern);

/* A date or a timestamp as text. */
typedef struct where_time {
    int64_t us; /* rounded down */
    bool has_zone;
    unsigned digits; /* of the fraction of a second */
} where_time;
bool where_time_parse(df_str text, where_time *out);

/* ---- statistics as text (where_json.c) ---- */

/* Values of an object's members by name, as they are written; what is not found stays as it was. */
void where_json_members(delta_bounds_reader *reader, df_str object, const df_str *names,
                        df_str *const *values, size_t n);
/* The value at a path of members; absent. */
df_str where_json_at(delta_bounds_reader *reader, df_str object, const df_str *path, size_t n_path);
/* A string's content, in the reader's arena; absent when its escapes are wrong. */
df_str where_json_string(delta_bounds_reader *reader, df_str token);

#endif
