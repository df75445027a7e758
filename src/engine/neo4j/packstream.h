/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PackStream, the form in which Bolt carries values (neo4j.com/docs/bolt/current/packstream): version 1, and
 * the UUID that Bolt 6.1 adds. Reading is from memory, a value's head at a time, and copies nothing; writing
 * appends to a buffer. Whatever the bytes are, reading ends with a value or with DF_CORRUPT.
 */
#ifndef DF_ENGINE_NEO4J_PACKSTREAM_H
#define DF_ENGINE_NEO4J_PACKSTREAM_H

#include "base/buf.h"
#include "base/error.h"

typedef enum ps_type {
    PS_NULL,
    PS_BOOL,
    PS_INT,
    PS_FLOAT,
    PS_BYTES,
    PS_STRING,
    PS_LIST,
    PS_DICT,
    PS_STRUCT,
    PS_UUID
} ps_type;

/* Tags of structures (neo4j.com/docs/bolt/current/structure-semantics). */
enum {
    PS_NODE = 0x4E,
    PS_RELATIONSHIP = 0x52,
    PS_UNBOUND = 0x72,
    PS_PATH = 0x50,
    PS_DATE = 0x44,
    PS_TIME = 0x54,
    PS_LOCAL_TIME = 0x74,
    PS_DATE_TIME = 0x49,
    PS_DATE_TIME_ZONE = 0x69,
    PS_LOCAL_DATE_TIME = 0x64,
    PS_DURATION = 0x45,
    PS_POINT_2D = 0x58,
    PS_POINT_3D = 0x59,
    PS_VECTOR = 0x56,
    PS_UNSUPPORTED = 0x3F,
    PS_LEGACY_DATE_TIME = 0x46, /* 4.x without the "utc" patch: seconds are local, not UTC */
    PS_LEGACY_DATE_TIME_ZONE = 0x66,
};

/* The head of a value. What a list, dict or struct holds follows it in the bytes: `count` values, for a dict
 * `count` pairs of a string and a value. */
typedef struct ps_item {
    ps_type type;
    uint8_t tag;    /* of a structure */
    uint32_t count; /* of a list, dict or structure */
    union {
        bool b;
        int64_t i;
        double d;
        df_str s; /* PS_BYTES, PS_STRING, PS_UUID (16 bytes): a view of the message */
    };
} ps_item;

typedef struct ps_reader {
    df_str bytes;
    size_t at;
} ps_reader;

/* The next head. DF_CORRUPT: cut off, an unknown marker, more members than bytes are left. */
DF_MUST_USE df_code ps_read(ps_reader *reader, ps_item *out, df_error *err);
/* Passes over a whole value. Depth is bounded without recursion: nesting of any depth is safe. */
DF_MUST_USE df_code ps_skip(ps_reader *reader, df_error *err);
/* Finds the value of `key` in the dict whose head was just read (count pairs follow), from a copy of the
 * reader; *found false when it is not there. */
DF_MUST_USE df_code ps_find(ps_reader dict, uint32_t count, const char *key, ps_reader *value, bool *found,
                            df_error *err);

/* A string, bytes and counts have at most INT32_MAX members; bolt_run refuses a request that has more. */
void ps_put_null(df_buf *out);
void ps_put_bool(df_buf *out, bool b);
void ps_put_int(df_buf *out, int64_t i); /* in the smallest form */
void ps_put_float(df_buf *out, double d);
void ps_put_bytes(df_buf *out, df_str bytes);
void ps_put_string(df_buf *out, df_str text);
void ps_put_text(df_buf *out, const char *text);
void ps_put_list(df_buf *out, size_t count);
void ps_put_dict(df_buf *out, size_t count);
void ps_put_struct(df_buf *out, uint8_t tag, size_t count); /* count <= 15 */
void ps_put_uuid(df_buf *out, const char uuid[16]);         /* Bolt 6.1 */

/*
 * Appends a value as people read it and Cypher would write it: scalars plain at the top (text without
 * quotes), inside of lists and maps as literals; temporal values in ISO 8601, as toString() has them; (:Label
 * {a: 1}), [:TYPE {…}],
 * (:A)-[:R]->(:B). Bytes are 0x…. DF_CORRUPT as ps_read, and for structures whose members are not what their
 * tag says.
 */
DF_MUST_USE df_code ps_put_readable(ps_reader *reader, df_buf *out, df_error *err);

#endif
