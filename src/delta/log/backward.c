/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/log/backward.h"

#include "base/error.h"
#include "delta/log/fast_file.h"

#include <stdlib.h>

enum { BLOCK = 256 << 10, LINE_LIMIT = 256 << 20 };

typedef struct backward {
    delta_reader *reader;
    delta_source *source;
    const df_input *input;
    const delta_sink *sink;
    int64_t start; /* of the input: where the chunk begins */
    size_t end;    /* in the chunk: bytes before it are still to be read */
} backward;

/* Puts the block before the chunk in front of what is left of it. */
static df_code prepend(backward *b, df_error *err)
{
    df_buf *chunk = &b->reader->chunk;
    DF_TRY(df_check_cancelled(b->reader->observer, err));
    if (b->end > LINE_LIMIT)
        return df_fail(err, DF_CORRUPT, "a line is longer than %d MiB", LINE_LIMIT >> 20);
    size_t more = b->end > BLOCK ? b->end : BLOCK;
    if ((int64_t)more > b->start) more = (size_t)b->start;
    chunk->len = b->end;
    if (!df_buf_try_reserve(chunk, more + DF_JSON_PADDING))
        return df_fail(err, DF_NO_MEMORY, "not enough memory for a line of %zu bytes", b->end);
    if (b->end) memmove(chunk->ptr + more, chunk->ptr, b->end);
    memset(chunk->ptr + more + b->end, 0, DF_JSON_PADDING);
    b->start -= (int64_t)more;
    b->end += more;
    return b->input->read_at(b->input->context, b->start, chunk->ptr, more, err);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The last line that is left; empty at the beginning of the file. */
static df_code last_line(backward *b, df_str *line, df_error *err)
{
    const df_buf *chunk = &b->reader->chunk;
    *line = DF_STR("");
    for (;;) {
        while (b->end && is_blank(chunk->ptr[b->end - 1])) b->end--;
        if (b->end) break;
        if (!b->start) return DF_OK;
        DF_TRY(prepend(b, err));
    }
    for (;;) {
        const char *newline = memrchr(chunk->ptr, '\n', b->end);
        size_t begin = newline ? (size_t)(newline - chunk->ptr) + 1 : 0;
        if (!newline && b->start) {
            DF_TRY(prepend(b, err));
            continue;
        }
        *line = (df_str){chunk->ptr + begin, b->end - begin};
        if (b->start == 0 && begin == 0 && df_str_starts(*line, DF_STR("\xEF\xBB\xBF")))
            *line = df_str_skip(*line, 3);
        return DF_OK;
    }
}

/* ---- for what is not one value a line: find the values forward, read them backward ---- */

typedef struct extent {
    int64_t offset, line;
    size_t len;
} extent;

static df_code take_extent(backward *b, const extent *e, df_error *err)
{
    df_buf *chunk = &b->reader->chunk;
    df_buf_clear(chunk);
    if (!df_buf_try_reserve(chunk, e->len + DF_JSON_PADDING))
        return df_fail(err, DF_NO_MEMORY, "not enough memory for a JSON value of %zu bytes", e->len);
    memset(chunk->ptr + e->len, 0, DF_JSON_PADDING);
    DF_TRY(b->input->read_at(b->input->context, e->offset, chunk->ptr, e->len, err));
    df_str text = {chunk->ptr, e->len};
    df_json value;
    DF_TRY(df_json_parse_padded(b->reader->parser, text, &value, err));
    return delta_take_value(b->reader, b->source, value, text, e->line, b->sink, err);
}

/* Reads what stands before byte `end` of the file. */
static df_code read_by_extents(backward *b, int64_t end, df_error *err)
{
    df_input head = *b->input;
    head.size = end;
    delta_ndjson nd;
    extent *extents = NULL;
    size_t count = 0, cap = 0;
    df_json value;
    df_str text;
    df_code code;
    delta_ndjson_begin(&nd, &head, b->reader->parser, &b->reader->chunk, b->reader->observer);
    while ((code = delta_ndjson_line(&nd, &text, err)) == DF_OK && text.len) {
        code = delta_ndjson_parse(&nd, &value, &text, err);
        if (code != DF_OK) break;
        DF_PUSH(extents, count, cap) = (extent){nd.value_offset, nd.value_line, text.len};
    }
    delta_name_quirks(b->reader, b->source, &nd);
    for (size_t i = count; code == DF_OK && i-- > 0;) code = take_extent(b, &extents[i], err);
    free(extents);
    return code;
}

/* ---- */

/* The number of the line that begins at `offset`, for a message. */
static int64_t line_number(const backward *b, int64_t offset)
{
    char block[4096];
    int64_t line = 1;
    for (int64_t at = 0; at < offset;) {
        size_t len = offset - at < (int64_t)sizeof block ? (size_t)(offset - at) : sizeof block;
        if (b->input->read_at(b->input->context, at, block, len, NULL) != DF_OK) return 0;
        for (size_t i = 0; i < len; i++) line += block[i] == '\n';
        at += (int64_t)len;
    }
    return line;
}

static df_code take_line(backward *b, df_str line, bool *is_value, df_error *err)
{
    delta_reader *reader = b->reader;
    df_json value;
    *is_value = true;
    if (delta_fast_file(line, &reader->scratch, &reader->action))
        return delta_take_action(reader, b->source, &reader->action, 0, b->sink, err);
    *is_value = df_json_parse_padded(reader->parser, line, &value, err) == DF_OK;
    return *is_value ? delta_take_value(reader, b->source, value, line, 0, b->sink, err) : DF_OK;
}

df_code delta_read_backward(delta_reader *reader, delta_source *source, const df_input *input,
                            const delta_sink *sink, df_error *err)
{
    backward b = {.reader = reader, .source = source, .input = input, .sink = sink, .start = input->size};
    source->backwards = true;
    df_buf_clear(&reader->chunk);
    for (;;) {
        df_str line;
        bool is_value;
        DF_TRY(last_line(&b, &line, err));
        if (!line.len) return DF_OK;
        int64_t line_end = b.start + (int64_t)b.end;
        df_code code = take_line(&b, line, &is_value, err);
        if (!is_value) return read_by_extents(&b, line_end, err);
        if (code != DF_OK) {
            if (!reader->sink_failed) df_error_at(err, NULL, line_number(&b, line_end - (int64_t)line.len));
            return code;
        }
        b.end = (size_t)(line.ptr - reader->chunk.ptr);
    }
}
