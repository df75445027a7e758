/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/log/ndjson.h"

#include "base/error.h"

#include <stdio.h>

enum { CHUNK = 256 << 10, VALUE_LIMIT = 256 << 20 };

void delta_ndjson_begin(delta_ndjson *nd, const df_input *input, df_json_parser *parser, df_buf *chunk,
                        const df_observer *observer)
{
    df_buf_clear(chunk);
    *nd = (delta_ndjson){.input = input, .parser = parser, .observer = observer, .chunk = chunk, .line = 1};
}

static bool at_end(const delta_ndjson *nd)
{
    return nd->offset >= nd->input->size;
}

/* The part of the chunk that was not consumed yet. */
static df_str unread(const delta_ndjson *nd)
{
    return (df_str){nd->chunk->ptr + nd->at, nd->chunk->len - nd->at};
}

static df_code too_long(const delta_ndjson *nd, df_error *err)
{
    df_fail(err, DF_CORRUPT, "a JSON value is longer than %d MiB", VALUE_LIMIT >> 20);
    df_error_at(err, NULL, nd->line);
    return DF_CORRUPT;
}

/* Moves what is unread to the front and reads on behind it: a chunk, or as much again as a long value has. */
static df_code refill(delta_ndjson *nd, df_error *err)
{
    df_buf *chunk = nd->chunk;
    DF_TRY(df_check_cancelled(nd->observer, err));
    size_t kept = chunk->len - nd->at;
    if (kept > VALUE_LIMIT) return too_long(nd, err);
    if (kept && nd->at) memmove(chunk->ptr, chunk->ptr + nd->at, kept);
    chunk->len = kept;
    nd->at = 0;
    size_t more = kept > CHUNK ? kept : CHUNK;
    if ((int64_t)more > nd->input->size - nd->offset) more = (size_t)(nd->input->size - nd->offset);
    if (!df_buf_try_reserve(chunk, more + DF_JSON_PADDING))
        return df_fail(err, DF_NO_MEMORY, "not enough memory for a JSON value of %zu bytes", kept + more);
    DF_TRY(nd->input->read_at(nd->input->context, nd->offset, chunk->ptr + kept, more, err));
    /* The parser may look at the padding, so it has a value. */
    memset(chunk->ptr + kept + more, 0, DF_JSON_PADDING);
    if (nd->offset == 0 && more >= 3 && memcmp(chunk->ptr, "\xEF\xBB\xBF", 3) == 0) nd->at = 3;
    chunk->len += more;
    nd->offset += (int64_t)more;
    return DF_OK;
}

static void skip_blank(delta_ndjson *nd)
{
    for (; nd->at < nd->chunk->len; nd->at++) {
        char c = nd->chunk->ptr[nd->at];
        if (c == '\n')
            nd->line++;
        else if (c != ' ' && c != '\t' && c != '\r')
            return;
    }
}

/* Makes the chunk reach to the end of the line that holds byte `from` of what is unread; *end is where it
 * ends. */
static df_code find_line_end(delta_ndjson *nd, size_t from, size_t *end, df_error *err)
{
    for (;;) {
        df_str rest = unread(nd);
        const char *newline = from < rest.len ? memchr(rest.ptr + from, '\n', rest.len - from) : NULL;
        *end = newline ? (size_t)(newline - rest.ptr) : rest.len;
        if (newline || at_end(nd)) return DF_OK;
        from = rest.len;
        DF_TRY(refill(nd, err));
    }
}

static df_code not_json(const delta_ndjson *nd, df_error *err)
{
    df_error_at(err, NULL, nd->line);
    return DF_CORRUPT;
}

static int64_t count_lines(df_str text)
{
    int64_t lines = 0;
    for (const char *p = text.ptr, *end = text.ptr + text.len; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        lines++;
    return lines;
}

/* Where the value at hand ends, wherever its line ends. */
static df_code find_value_end(delta_ndjson *nd, size_t *length, df_error *err)
{
    df_json_scan scan = {0};
    for (;;) {
        switch (df_json_scan_on(&scan, unread(nd))) {
        case DF_JSON_ENDED: *length = scan.at; return DF_OK;
        case DF_JSON_BROKEN: return not_json(nd, err); /* the parser's own words are in `err` */
        case DF_JSON_OPEN: break;
        }
        if (at_end(nd)) {
            df_fail(err, DF_CORRUPT, "the JSON that begins here is cut short");
            return not_json(nd, err);
        }
        DF_TRY(refill(nd, err));
    }
}

/* Looks at what follows a value on its line, `from`..`end` of what is unread; returns where to go on. */
static size_t judge_rest(delta_ndjson *nd, size_t from, size_t end)
{
    df_str rest = {nd->chunk->ptr + nd->at + from, end - from};
    while (rest.len && (rest.ptr[0] == ' ' || rest.ptr[0] == '\t' || rest.ptr[0] == '\r'))
        rest = df_str_skip(rest, 1);
    if (rest.len && rest.ptr[0] == '{') return from;
    if (rest.len && !nd->garbage_line) {
        nd->garbage_line = nd->line;
        snprintf(nd->garbage, sizeof nd->garbage, "%.*s", DF_FMT(rest));
    }
    return end;
}

/* The line is not one JSON value: is it more than one, part of one, or one with something behind it? */
static df_code next_by_extent(delta_ndjson *nd, df_json *out, df_str *text, df_error *err)
{
    size_t length, end;
    DF_TRY(find_value_end(nd, &length, err));
    DF_TRY(find_line_end(nd, length, &end, err));
    *text = (df_str){nd->chunk->ptr + nd->at, length};
    if (df_json_parse_padded(nd->parser, *text, out, err) != DF_OK) return not_json(nd, err);
    int64_t lines = count_lines(*text);
    if (lines && !nd->multi_line) nd->multi_line = nd->line;
    nd->line += lines;
    nd->at += judge_rest(nd, length, end);
    return DF_OK;
}

df_code delta_ndjson_line(delta_ndjson *nd, df_str *line, df_error *err)
{
    *line = DF_STR("");
    for (skip_blank(nd); nd->at == nd->chunk->len; skip_blank(nd)) {
        if (at_end(nd)) return DF_OK;
        DF_TRY(refill(nd, err));
    }
    size_t end;
    DF_TRY(find_line_end(nd, 0, &end, err));
    nd->value_line = nd->line;
    nd->value_offset = nd->offset - (int64_t)unread(nd).len;
    *line = (df_str){nd->chunk->ptr + nd->at, end};
    return DF_OK;
}

void delta_ndjson_skip(delta_ndjson *nd, df_str line)
{
    nd->at += line.len;
}

df_code delta_ndjson_parse(delta_ndjson *nd, df_json *out, df_str *text, df_error *err)
{
    if (df_json_parse_padded(nd->parser, *text, out, err) != DF_OK) return next_by_extent(nd, out, text, err);
    nd->at += text->len;
    return DF_OK;
}
