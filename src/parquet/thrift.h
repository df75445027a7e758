/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thrift's compact protocol, reading only, without generated code: enough for Parquet's footers and page
 * headers.
 *
 *     thrift_struct s = {0};
 *     while (thrift_next(r, &s)) switch (s.id) { case 1: x = thrift_int(r, s.type); break; default:
 * thrift_skip(r, s.type); }
 *
 * Failure is sticky: after the first bad byte every call returns zero and every loop ends, so that it is
 * checked once, at the end, by `r->failed`.
 *
 * Source: the Thrift compact protocol specification.
 */
#ifndef DF_PARQUET_THRIFT_H
#define DF_PARQUET_THRIFT_H

#include "base/str.h"

enum {
    THRIFT_STOP,
    THRIFT_TRUE,
    THRIFT_FALSE,
    THRIFT_BYTE,
    THRIFT_I16,
    THRIFT_I32,
    THRIFT_I64,
    THRIFT_DOUBLE,
    THRIFT_BINARY,
    THRIFT_LIST,
    THRIFT_SET,
    THRIFT_MAP,
    THRIFT_STRUCT,
    THRIFT_UUID,
};

typedef struct thrift_reader {
    const uint8_t *at, *end;
    bool failed;
} thrift_reader;

/* A struct being read; zeroed to begin with. After thrift_next: the field at hand. */
typedef struct thrift_struct {
    int32_t id;
    uint8_t type;
} thrift_struct;

static inline thrift_reader thrift_over(const void *bytes, size_t len)
{
    return (thrift_reader){.at = bytes, .end = (const uint8_t *)bytes + len};
}

/* false at the struct's end, or when the bytes are bad. */
bool thrift_next(thrift_reader *r, thrift_struct *s);
/* An integer of any width. A field of another type is passed over and is 0. */
int64_t thrift_int(thrift_reader *r, uint8_t type);
/* As thrift_int, for what must fit 32 bits; anything beyond fails. */
int32_t thrift_int32(thrift_reader *r, uint8_t type);
bool thrift_bool(thrift_reader *r, uint8_t type);
df_str thrift_binary(thrift_reader *r, uint8_t type);
/* The head of a list; its length is never more than the bytes that are left. 0 for any other type. */
size_t thrift_list(thrift_reader *r, uint8_t type, uint8_t *element_type);
/* Whether the field is a struct; passes over it when not. */
bool thrift_is_struct(thrift_reader *r, uint8_t type);
/* Passes over a value of any type. */
void thrift_skip(thrift_reader *r, uint8_t type);

#endif
