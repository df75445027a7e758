/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What partitionValues and statistics say of a column, as true bounds. Writers round: long strings are cut,
 * timestamps lose their microseconds, decimals go through doubles, NaN is left out. Each rounding is undone
 * outward here, so that nobody after this needs to know of it.
 *
 * Source: Delta Transaction Log Protocol, "Per-file Statistics" and "Partition Value Serialization".
 */
#include "delta/catalog/where_int.h"

#include <math.h>
#include <strings.h>

enum {
    CUT_CHARACTERS = 32, /* a maximum this long may have been cut by its writer */
    KEPT_BYTES = 200,    /* of a string's bound; more would only make indexes wide */
};

static const int64_t DAY_US = 86400000000;
static const int64_t ZONE_US = 18 * 3600000000; /* the furthest that a zone may be from UTC */

void delta_bounds_reader_release(delta_bounds_reader *reader)
{
    df_arena_release(&reader->arena);
    df_json_parser_close(reader->parser);
    reader->parser = NULL;
}

static df_code parse(delta_bounds_reader *reader, df_str text, df_json *out)
{
    if (!reader->parser) reader->parser = df_json_parser_open();
    return df_json_parse(reader->parser, text, out, NULL);
}

/* ---- one value ---- */

static bool is_word(df_str text, const char *word)
{
    return text.len == strlen(word) && !strncasecmp(text.ptr, word, text.len);
}

/* What a text says, before any widening: low <= the value <= high. */
typedef struct reading {
    delta_datum low, high;
    bool nan;
} reading;

static int64_t add_saturating(int64_t a, int64_t b)
{
    int64_t sum;
    return !__builtin_add_overflow(a, b, &sum) ? sum : b > 0 ? INT64_MAX : INT64_MIN;
}

static bool read_number(df_arena *arena, const delta_type *type, df_str text, bool slack, reading *out)
{
    where_decimal number;
    where_int128 floor, ceiling;
    if (!where_decimal_parse(text, &number)) return false;
    where_decimal_at(&number, type->scale, slack, &floor, &ceiling);
    if (!slack && floor != ceiling) return false;
    if (type->kind == DELTA_KIND_TEXT) {
        out->low.s = where_sortable(arena, ceiling);
        out->high.s = where_sortable(arena, floor);
        return true;
    }
    if (ceiling < INT64_MIN || ceiling > INT64_MAX || floor < INT64_MIN || floor > INT64_MAX) return false;
    out->low.i = (int64_t)ceiling;
    out->high.i = (int64_t)floor;
    return true;
}

static bool read_real(const delta_type *type, df_str text, reading *out)
{
    double value;
    if (is_word(text, "NaN")) {
        out->nan = true;
        return true;
    }
    if (is_word(text, "Infinity") || is_word(text, "Inf") || is_word(text, "+Infinity"))
        value = HUGE_VAL;
    else if (is_word(text, "-Infinity") || is_word(text, "-Inf"))
        value = -HUGE_VAL;
    else if (!where_double_parse(text, &value))
        return false;
    out->low.d = out->high.d = value;
    if (type->single) where_single(value, &out->low.d, &out->high.d);
    return true;
}

static bool read_time(const delta_type *type, df_str text, bool written_by_stats, reading *out)
{
    where_time time;
    if (!where_time_parse(text, &time)) return false;
    int64_t low = time.us, high = time.us;
    if (type->id == DELTA_TYPE_DATE) {
        low = high = time.us / DAY_US - (time.us % DAY_US < 0);
    } else if (written_by_stats) {
        /* Cut to milliseconds by most writers: towards the past, by some towards 1970. */
        int64_t lost = time.digits <= 3 || time.us % 1000 == 0 ? 999 : time.digits > 6;
        high = add_saturating(high, lost);
        if (low < 0) low = add_saturating(low, -lost);
        if (type->id == DELTA_TYPE_TIMESTAMP && !time.has_zone && text.len > 10) {
            high = add_saturating(high, ZONE_US);
            low = add_saturating(low, -ZONE_US);
        }
    }
    out->low.i = low;
    out->high.i = high;
    return true;
}

/* ---- partition values ---- */

/* Bytes written as one character each, which is how some writers put binary into a string; absent when it is
 * not that. */
static df_str as_latin1(df_arena *arena, df_str text)
{
    char *bytes = df_arena_alloc(arena, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x80) {
            bytes[n++] = (char)c;
        } else if ((c == 0xC2 || c == 0xC3) && i + 1 < text.len) {
            bytes[n++] =
                (char)(unsigned char)((unsigned)(c & 3) << 6 | ((unsigned char)text.ptr[++i] & 0x3F));
        } else {
            return text;
        }
    }
    return (df_str){bytes, n};
}

static bool read_partition_text(df_arena *arena, const delta_type *type, df_str text, reading *out)
{
    switch (type->id) {
    case DELTA_TYPE_BOOLEAN:
        out->low.i = out->high.i = is_word(text, "true");
        return is_word(text, "true") || is_word(text, "false");
    case DELTA_TYPE_INTEGER:
    case DELTA_TYPE_DECIMAL: return read_number(arena, type, text, false, out);
    case DELTA_TYPE_FLOAT:
    case DELTA_TYPE_DOUBLE: return read_real(type, text, out);
    case DELTA_TYPE_DATE:
    case DELTA_TYPE_TIMESTAMP:
    case DELTA_TYPE_TIMESTAMP_NTZ: return read_time(type, text, false, out);
    case DELTA_TYPE_STRING: out->low.s = out->high.s = df_arena_str(arena, text); return true;
    case DELTA_TYPE_BINARY: {
        df_str bytes = df_arena_str(arena, text), other = as_latin1(arena, bytes);
        bool ordered = df_str_cmp(bytes, other) <= 0;
        out->low.s = ordered ? bytes : other;
        out->high.s = ordered ? other : bytes;
        return true;
    }
    case DELTA_TYPE_OTHER: break;
    }
    return false;
}

static delta_bounds partition_bounds(df_arena *arena, const delta_type *type, df_json value)
{
    delta_bounds b = {0};
    df_str text = df_json_str(value);
    reading r = {0};
    if (df_json_typeof(value) == DF_JSON_NULL || (text.ptr && text.len == 0)) {
        b = (delta_bounds){.has_nulls = true, .nulls = 1, .has_values = true};
    } else if (text.ptr && read_partition_text(arena, type, text, &r)) {
        b = (delta_bounds){.has_nulls = true, .has_values = true, .values = 1, .exact = true};
        b.has_min = b.has_max = !r.nan;
        b.nan = r.nan ? DELTA_NAN_ALWAYS : DELTA_NAN_NEVER;
        b.min = r.low;
        b.max = r.high;
    }
    return b;
}

void delta_bounds_of_partition(delta_bounds_reader *reader, const delta_where *where, df_str partition_values,
                               delta_bounds *bounds)
{
    df_json object = {0};
    df_arena_reset(&reader->arena);
    bool known = partition_values.ptr && parse(reader, partition_values, &object) == DF_OK;
    for (size_t i = 0; i < where->n_columns; i++) {
        const delta_where_column *column = &where->columns[i];
        if (!column->partition) continue;
        bounds[i] = (delta_bounds){0};
        if (!known) continue;
        df_json_iter it = df_json_each(object);
        while (df_json_next(&it))
            if (df_str_eq(it.key, column->path[0]))
                bounds[i] = partition_bounds(&reader->arena, &column->type, it.value);
    }
}

/* ---- statistics ---- */

/* `text` without what would not fit into an index or a database; true when something was cut. */
static bool shorten(df_str *text)
{
    const char *nul = memchr(text->ptr, '\0', text->len);
    size_t len = nul ? (size_t)(nul - text->ptr) : text->len;
    if (len > KEPT_BYTES) {
        len = KEPT_BYTES;
        while (len && ((unsigned char)text->ptr[len] & 0xC0) == 0x80) len--;
    }
    bool cut = len != text->len;
    text->len = len;
    return cut;
}

/* Writers that cut a maximum put one of these behind, so that it stays a maximum. */
static bool take_tie_breaker(df_str *text)
{
    static const df_str breakers[] = {{"\x7F", 1}, {"\xEF\xBF\xBD", 3}, {"\xF4\x8F\xBF\xBF", 4}};
    for (size_t i = 0; i < 3; i++) {
        if (!df_str_ends(*text, breakers[i])) continue;
        text->len -= breakers[i].len;
        return true;
    }
    return false;
}

static void string_maximum(df_arena *arena, df_str text, delta_bounds *b)
{
    size_t characters = 0;
    for (size_t i = 0; i < text.len; i++) characters += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    bool open = characters >= CUT_CHARACTERS;
    while (take_tie_breaker(&text)) open = true;
    open = shorten(&text) || open;
    b->max.s = open ? where_after_prefix(arena, text) : text;
    b->has_max = b->max.s.ptr != NULL;
}

typedef struct stats_text {
    df_str minimum, maximum, nulls; /* the JSON objects; absent */
    int64_t records;                /* -1: not given */
} stats_text;

static bool read_stats_value(delta_bounds_reader *reader, const delta_type *type, df_str token, reading *out)
{
    bool quoted = token.len && token.ptr[0] == '"';
    df_str text = quoted ? where_json_string(reader, token) : token;
    if (!text.ptr) return false;
    switch (type->id) {
    case DELTA_TYPE_BOOLEAN:
        out->low.i = out->high.i = is_word(text, "true");
        return is_word(text, "true") || is_word(text, "false");
    case DELTA_TYPE_INTEGER:
        return read_number(&reader->arena, type, text,
                           memchr(text.ptr, 'e', text.len) || memchr(text.ptr, 'E', text.len), out);
    case DELTA_TYPE_DECIMAL: return read_number(&reader->arena, type, text, true, out);
    case DELTA_TYPE_FLOAT:
    case DELTA_TYPE_DOUBLE: return read_real(type, text, out) && !out->nan;
    case DELTA_TYPE_DATE:
    case DELTA_TYPE_TIMESTAMP:
    case DELTA_TYPE_TIMESTAMP_NTZ: return quoted && read_time(type, text, true, out);
    case DELTA_TYPE_STRING: out->low.s = out->high.s = text; return quoted;
    case DELTA_TYPE_BINARY: /* how it is written is not agreed on */
    case DELTA_TYPE_OTHER: break;
    }
    return false;
}

static void set_counts(df_str nulls, int64_t records, delta_bounds *b)
{
    int64_t count;
    if (!nulls.ptr || !df_str_int64(nulls, &count) || count < 0) return;
    if (records >= 0 && count > records) return;
    b->has_nulls = true;
    b->nulls = count;
    b->has_values = records >= 0;
    b->values = records >= 0 ? records - count : 0;
}

static delta_bounds stats_bounds(delta_bounds_reader *reader, const delta_where_column *column,
                                 const stats_text *stats)
{
    delta_bounds b = {0};
    const delta_type *type = &column->type;
    if (type->id == DELTA_TYPE_OTHER) return b;
    set_counts(where_json_at(reader, stats->nulls, column->path, column->n_path), stats->records, &b);
    reading low = {0}, high = {0};
    if (type->unordered) return b;
    df_str minimum = where_json_at(reader, stats->minimum, column->path, column->n_path);
    df_str maximum = where_json_at(reader, stats->maximum, column->path, column->n_path);
    b.has_min = minimum.ptr && read_stats_value(reader, type, minimum, &low);
    b.has_max = maximum.ptr && read_stats_value(reader, type, maximum, &high);
    b.min = low.low;
    b.max = high.high;
    if (type->id == DELTA_TYPE_STRING) {
        if (b.has_min) shorten(&b.min.s);
        if (b.has_max) string_maximum(&reader->arena, high.high.s, &b);
    }
    /* A minimum of NaN tells of a writer that did not keep NaN apart: nothing it says holds. */
    if (type->kind == DELTA_KIND_REAL && minimum.ptr && !b.has_min) b.has_max = false;
    if (b.has_min && b.has_max && where_compare(type->kind, b.min, b.max) > 0) b.has_min = b.has_max = false;
    return b;
}

void delta_bounds_of_stats(delta_bounds_reader *reader, const delta_where *where, df_str stats,
                           delta_bounds *bounds)
{
    stats_text parts = {.records = -1};
    df_arena_reset(&reader->arena);
    if (stats.ptr) {
        df_str records = DF_STR_NONE;
        const df_str names[] = {DF_STR("minValues"), DF_STR("maxValues"), DF_STR("nullCount"),
                                DF_STR("numRecords")};
        df_str *values[] = {&parts.minimum, &parts.maximum, &parts.nulls, &records};
        where_json_members(reader, stats, names, values, 4);
        if (records.ptr && (!df_str_int64(records, &parts.records) || parts.records < 0)) parts.records = -1;
    }
    for (size_t i = 0; i < where->n_columns; i++)
        if (!where->columns[i].partition) bounds[i] = stats_bounds(reader, &where->columns[i], &parts);
}
