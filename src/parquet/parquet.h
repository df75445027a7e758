/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of Parquet files (Apache Parquet format 2.10), streaming page by page, projecting columns.
 *
 *     parquet_open(input, &file)                        the footer, as a tree of nodes
 *     parquet_scan_open(file, leaves, n, &scan)         the columns that are wanted
 *     for each row group: parquet_scan_start(scan, g)   positions them; reads nothing yet
 *         parquet_column_read(column, …, &batch)        levels and values, a batch at a time
 *      or parquet_cursor_seek / _step                   entry by entry, to put records together
 *
 * Whatever is wrong with the bytes is DF_CORRUPT, whatever is right but not understood (encryption, LZO) is
 * DF_UNSUPPORTED; both say which column and page. A file is read through `read_at` only: one window a column,
 * one page a column in memory. A file may be shared by threads, a scan belongs to one.
 */
#ifndef DF_PARQUET_PARQUET_H
#define DF_PARQUET_PARQUET_H

#include "io/file.h"

/* ---- the schema ---- */

typedef enum parquet_type {
    PARQUET_BOOLEAN,
    PARQUET_INT32,
    PARQUET_INT64,
    PARQUET_INT96,
    PARQUET_FLOAT,
    PARQUET_DOUBLE,
    PARQUET_BYTE_ARRAY,
    PARQUET_FIXED, /* FIXED_LEN_BYTE_ARRAY */
    PARQUET_GROUP, /* not a leaf */
} parquet_type;

typedef enum parquet_repetition { PARQUET_REQUIRED, PARQUET_OPTIONAL, PARQUET_REPEATED } parquet_repetition;

/* What the values mean: the logical type, or the older converted type in the same words. */
typedef enum parquet_meaning {
    PARQUET_PLAIN, /* nothing more than the physical type */
    PARQUET_STRING,
    PARQUET_ENUM,
    PARQUET_JSON,
    PARQUET_BSON,
    PARQUET_UUID,
    PARQUET_FLOAT16,
    PARQUET_DECIMAL,   /* scale, precision */
    PARQUET_DATE,      /* days since 1970 */
    PARQUET_TIME,      /* unit, utc */
    PARQUET_TIMESTAMP, /* unit, utc */
    PARQUET_INTEGER,   /* bits, is_signed */
    PARQUET_INTERVAL,
    PARQUET_NULLS, /* the "unknown" type: every value is null */
    PARQUET_LIST,
    PARQUET_MAP,
    PARQUET_OTHER, /* a logical type newer than this reader: read it as its physical type */
} parquet_meaning;

typedef enum parquet_unit { PARQUET_MILLIS, PARQUET_MICROS, PARQUET_NANOS } parquet_unit;

typedef struct parquet_node parquet_node;
struct parquet_node {
    df_str name;
    const parquet_node *parent; /* NULL: the root */
    const parquet_node *first_child, *next;
    parquet_type type;
    parquet_repetition repetition;
    parquet_meaning meaning;
    parquet_unit unit;
    bool utc, is_signed;
    int bits;
    int type_length; /* bytes of a PARQUET_FIXED value */
    int scale, precision;
    int converted_type; /* as in the file; -1: none */
    int field_id;       /* -1: none */
    uint8_t max_def, max_rep;
    size_t leaf;   /* number of its first leaf */
    size_t leaves; /* how many leaves below (1 for a leaf) */
};

typedef struct parquet_file parquet_file;

/*
 * Reads and checks the footer. `input` must outlive the file. DF_CORRUPT for what is not a Parquet file or is
 * cut off, DF_UNSUPPORTED for an encrypted one; err->file is the input's name.
 */
DF_MUST_USE df_code parquet_open(const df_input *input, parquet_file **out, df_error *err);
void parquet_close(parquet_file *file);

/* The root group. Nodes live as long as the file. */
const parquet_node *parquet_schema(const parquet_file *file);
size_t parquet_num_leaves(const parquet_file *file);
/* Leaf by number, 0 <= number < parquet_num_leaves. */
const parquet_node *parquet_leaf(const parquet_file *file, size_t number);
size_t parquet_num_row_groups(const parquet_file *file);
/* Rows of one row group; of all of them. */
int64_t parquet_row_group_rows(const parquet_file *file, size_t row_group);
int64_t parquet_num_rows(const parquet_file *file);
/* The writer's name and version; empty when it left none. */
df_str parquet_created_by(const parquet_file *file);

/* A group's child by name, exactly; NULL when there is none, or `group` is NULL. */
const parquet_node *parquet_child(const parquet_node *group, const char *name);
/* "a.b.c"; appended. */
void parquet_put_path(df_buf *out, const parquet_node *node);

/*
 * What holds a list's entries, whatever the writer called it: list/element, bag/array, a bare repeated field.
 * An entry exists where def >= repeated->max_def, and is null where def < element->max_def.
 */
typedef struct parquet_list {
    const parquet_node *repeated, *element; /* may be the same node */
} parquet_list;
/* false when the node is not a list. */
bool parquet_as_list(const parquet_node *node, parquet_list *out);

/* A map's entries: key_value, entries, map or any other name. `value` is NULL for a map used as a set. */
typedef struct parquet_map {
    const parquet_node *repeated, *key, *value;
} parquet_map;
/* false when the node is not a map. */
bool parquet_as_map(const parquet_node *node, parquet_map *out);

/* ---- reading columns ---- */

typedef struct parquet_scan parquet_scan;
typedef struct parquet_column parquet_column;

/*
 * A projection. No column's data is read, and none of its memory taken, before it is asked for.
 * `leaves` is copied; the file must outlive the scan. The same leaf may be named once only.
 */
DF_MUST_USE df_code parquet_scan_open(const parquet_file *file, const parquet_node *const *leaves, size_t n,
                                      parquet_scan **out, df_error *err);
void parquet_scan_close(parquet_scan *scan);
/* Goes to the start of a row group, in any order. */
DF_MUST_USE df_code parquet_scan_start(parquet_scan *scan, size_t row_group, df_error *err);
/* Column by its place in `leaves`. */
parquet_column *parquet_scan_column(parquet_scan *scan, size_t i);
/* Bytes of pages, windows and batches held now. */
size_t parquet_scan_memory(const parquet_scan *scan);
/* The most that they may grow to (default 1 GiB); more is DF_NO_MEMORY. */
void parquet_scan_limit(parquet_scan *scan, size_t bytes);

/* The most entries in a batch. */
enum { PARQUET_BATCH = 2048 };

/*
 * A run of entries of one column. An entry is one pair of levels; there is a value where def == max_def of
 * the leaf. Everything is valid until the column is read again or the scan starts another row group.
 */
typedef struct parquet_batch {
    size_t count;             /* entries; 0: the row group is at its end */
    size_t n_values;          /* entries that have a value */
    const uint8_t *def, *rep; /* `count` levels each; zeros where the leaf's maximum is 0 */
    union {                   /* `n_values` values, by physical type */
        const void *values;
        const uint8_t *booleans;
        const int32_t *int32s;
        const int64_t *int64s;
        const float *floats;
        const double *doubles;
        const df_str *strings; /* BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY, INT96 (12 bytes) */
    };
} parquet_batch;

/* The next `max` entries, or fewer: a batch ends with its page. */
DF_MUST_USE df_code parquet_column_read(parquet_column *column, size_t max, parquet_batch *out,
                                        df_error *err);
const parquet_node *parquet_column_leaf(const parquet_column *column);

/* ---- putting records together ---- */

/*
 * A place in a column. Rows are counted from 0 in each row group; rows passed over are skipped when the next
 * one is asked for, so that a column nobody looks at costs nothing.
 */
typedef struct parquet_cursor {
    parquet_column *column;
    parquet_batch batch;
    size_t at, value_at; /* this entry; its value, if it has one */
    int64_t row;         /* the row that entry `at` begins or belongs to */
    uint8_t max_def, max_rep;
    bool inside; /* `at` is not the first entry of its row */
} parquet_cursor;

/* At the first row; after every parquet_scan_start. */
void parquet_cursor_init(parquet_cursor *cursor, parquet_column *column);
/* As parquet_cursor_seek, for what it cannot do at once. */
DF_MUST_USE df_code parquet_cursor_seek_far(parquet_cursor *cursor, int64_t row, df_error *err);

/* To the first entry of a row at or after the present one. DF_CORRUPT when the column ends before it. */
DF_MUST_USE static inline df_code parquet_cursor_seek(parquet_cursor *cursor, int64_t row, df_error *err)
{
    size_t next = cursor->at + 1;
    if (!cursor->inside && next < cursor->batch.count && cursor->row + 1 == row && !cursor->batch.rep[next]) {
        cursor->value_at += cursor->batch.def[cursor->at] == cursor->max_def;
        cursor->at = next;
        cursor->row = row;
        return DF_OK;
    }
    if (cursor->row == row && cursor->at < cursor->batch.count && !cursor->inside) return DF_OK;
    return parquet_cursor_seek_far(cursor, row, err);
}

/*
 * To the next entry; *more is false when it begins another row. Views of the entry before may be gone.
 */
DF_MUST_USE df_code parquet_cursor_step(parquet_cursor *cursor, bool *more, df_error *err);

static inline uint8_t parquet_cursor_def(const parquet_cursor *cursor)
{
    return cursor->batch.def[cursor->at];
}

static inline bool parquet_cursor_has_value(const parquet_cursor *cursor)
{
    return cursor->batch.def[cursor->at] == cursor->max_def && cursor->value_at < cursor->batch.n_values;
}

#endif
