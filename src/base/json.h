/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading JSON: simdjson parses a text with full validation (grammar, UTF-8,
 * depth) into its tape, and the inline functions below walk that tape.
 * Integers are exact int64 or uint64, never a double in between.
 *
 * Writing JSON: into a df_buf.
 *
 * Tape format: simdjson's doc/tape.md (version 3.0).
 */
#ifndef DF_BASE_JSON_H
#define DF_BASE_JSON_H

#include "base/buf.h"

typedef struct df_json_parser df_json_parser;

/* Where a parsed document lies; belongs to the parser. */
typedef struct df_json_doc {
    const uint64_t *tape;
    const uint8_t *strings;
} df_json_doc;

/* A value inside a parsed document; valid until the parser's next parse or close. */
typedef struct df_json {
    const uint64_t *at; /* its tape word; NULL: there is no such value */
    const df_json_doc *doc;
} df_json;

/* A parser is reused for many documents, by one thread at a time. */
df_json_parser *df_json_parser_open(void);
void df_json_parser_close(df_json_parser *parser);

/* Bytes behind a text that df_json_parse_padded may read (their content does not matter). */
enum { DF_JSON_PADDING = 64 };

/*
 * Copies a JSON text with quotes around every number that neither 64 bits nor a double can hold, so that its
 * text survives as a string; false when there is none. The parse functions use it when they must.
 */
bool df_json_quote_wide_numbers(df_str text, df_buf *out);

/* Parses one document; white space around it is allowed, anything else is DF_CORRUPT. Copies the text first.
 */
DF_MUST_USE df_code df_json_parse(df_json_parser *parser, df_str text, df_json *out, df_error *err);
/* The same without the copy: DF_JSON_PADDING readable bytes must follow the text. */
DF_MUST_USE df_code df_json_parse_padded(df_json_parser *parser, df_str text, df_json *out, df_error *err);

/*
 * Finding where a JSON value (object or array) ends, by balancing brackets outside of strings, for texts that
 * are not one value a line; the value itself is still to be parsed. The text may grow between calls: the scan
 * goes on where it stopped. `df_json_scan scan = {0};` begins one.
 */
typedef struct df_json_scan {
    size_t at; /* bytes looked at; once it has ended: the value's length */
    size_t depth;
    bool in_string;
} df_json_scan;

typedef enum df_json_scanned {
    DF_JSON_OPEN, /* the text ends before the value */
    DF_JSON_ENDED,
    DF_JSON_BROKEN, /* no value begins here, or a string in it holds a raw line end */
} df_json_scanned;

df_json_scanned df_json_scan_on(df_json_scan *scan, df_str text);

/* Length of the object or array that starts at text[0]; 0 when it does not end. */
size_t df_json_extent(df_str text);

typedef enum df_json_type {
    DF_JSON_NONE,
    DF_JSON_NULL,
    DF_JSON_BOOL,
    DF_JSON_INT,  /* fits int64 */
    DF_JSON_UINT, /* above INT64_MAX */
    DF_JSON_DOUBLE,
    DF_JSON_STRING,
    DF_JSON_ARRAY,
    DF_JSON_OBJECT,
} df_json_type;

#define DF_JSON_PAYLOAD(word) ((word)&0x00FFFFFFFFFFFFFFu)

static inline df_json_type df_json_typeof(df_json v)
{
    if (!v.at) return DF_JSON_NONE;
    switch ((char)(*v.at >> 56)) {
    case 'n': return DF_JSON_NULL;
    case 't':
    case 'f': return DF_JSON_BOOL;
    case 'l': return DF_JSON_INT;
    case 'u': return DF_JSON_UINT;
    case 'd': return DF_JSON_DOUBLE;
    case '"': return DF_JSON_STRING;
    case '[': return DF_JSON_ARRAY;
    case '{': return DF_JSON_OBJECT;
    default: return DF_JSON_NONE;
    }
}

/* Text of a string, unescaped (it may hold NUL); absent for any other value. */
static inline df_str df_json_str(df_json v)
{
    if (df_json_typeof(v) != DF_JSON_STRING) return DF_STR_NONE;
    const uint8_t *p = v.doc->strings + DF_JSON_PAYLOAD(*v.at);
    uint32_t len;
    memcpy(&len, p, sizeof len);
    return (df_str){(const char *)p + sizeof len, len};
}

static inline bool df_json_int(df_json v, int64_t *out)
{
    if (df_json_typeof(v) != DF_JSON_INT) return false;
    *out = (int64_t)v.at[1];
    return true;
}

static inline bool df_json_bool(df_json v, bool *out)
{
    if (df_json_typeof(v) != DF_JSON_BOOL) return false;
    *out = (*v.at >> 56) == 't';
    return true;
}

/* Any number, as a double. */
bool df_json_double(df_json v, double *out);

static inline const uint64_t *df_json_after(const uint64_t *at, const df_json_doc *doc)
{
    switch ((char)(*at >> 56)) {
    case 'l':
    case 'u':
    case 'd': return at + 2;
    case '[':
    case '{': return doc->tape + (uint32_t)*at;
    default: return at + 1;
    }
}

/*
 * Walking an object or array:
 *     df_json_iter it = df_json_each(object);
 *     while (df_json_next(&it)) use(it.key, it.value);
 * For anything that is neither, there is nothing to walk. `key` is absent in arrays.
 */
typedef struct df_json_iter {
    const uint64_t *at; /* next word; NULL: the end */
    const df_json_doc *doc;
    bool object;
    df_str key;
    df_json value;
} df_json_iter;

df_json_iter df_json_each(df_json v);

static inline bool df_json_next(df_json_iter *it)
{
    if (!it->at) return false;
    char type = (char)(*it->at >> 56);
    if (type == ']' || type == '}') {
        it->at = NULL;
        return false;
    }
    if (it->object) {
        it->key = df_json_str((df_json){it->at, it->doc});
        it->at++;
    }
    it->value = (df_json){it->at, it->doc};
    it->at = df_json_after(it->at, it->doc);
    return true;
}

/* Member of an object by name (the last one wins when a name is repeated); .at NULL when absent. */
df_json df_json_get(df_json object, const char *name);
/* How many elements or members. */
size_t df_json_count(df_json v);

/* ---- writing ---- */

/* A string with quotes and escapes. `s` must be UTF-8; bytes that are not become U+FFFD. */
void df_json_put_str(df_buf *out, df_str s);
/* The same for a string that is known to be UTF-8, such as one that was parsed. */
void df_json_put_utf8(df_buf *out, df_str s);
/* Shortest text that reads back as the same double; NaN and infinities, which JSON lacks, as strings. */
void df_json_put_double(df_buf *out, double value);
/* A parsed value again as compact JSON, members in their order. */
void df_json_put(df_buf *out, df_json v);
/* The same in canonical form: members sorted by name (bytes), so that equal values give equal texts. */
void df_json_put_canonical(df_buf *out, df_json v);

/*
 * Building a document member by member; commas are placed by themselves.
 *     df_json_writer w = {.out = &buf};
 *     df_json_begin(&w, NULL, '{');  df_json_add_int(&w, "version", 3);  df_json_end(&w, '}');
 * `name` is NULL inside arrays and at the top.
 */
typedef struct df_json_writer {
    df_buf *out;
    unsigned depth;
    bool started[32];
    int indent; /* 0: compact; else spaces a level */
} df_json_writer;

void df_json_begin(df_json_writer *w, const char *name, char bracket);
void df_json_end(df_json_writer *w, char bracket);
void df_json_add_str(df_json_writer *w, const char *name, df_str value);       /* absent gives null */
void df_json_add_text(df_json_writer *w, const char *name, const char *value); /* NULL gives null */
void df_json_add_int(df_json_writer *w, const char *name, int64_t value);
void df_json_add_double(df_json_writer *w, const char *name, double value);
void df_json_add_bool(df_json_writer *w, const char *name, bool value);
void df_json_add_null(df_json_writer *w, const char *name);
void df_json_add_raw(df_json_writer *w, const char *name, df_str json); /* already JSON; absent gives null */

#endif
