/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: Parquet checkpoints as actions; what is given as JSON must be JSON. */
#include "delta/log/checkpoint.h"
#include "base/error.h"
#include "base/json.h"
#include "delta/log/log.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_ACTIONS = 100000 };

typedef struct state {
    df_json_parser *parser;
    int64_t actions;
} state;

static void expect(bool holds)
{
    if (!holds) abort();
}

static void expect_json(state *s, df_str text, df_json_type type)
{
    df_json root;
    if (!text.ptr) return;
    expect(df_json_parse(s->parser, text, &root, NULL) == DF_OK && df_json_typeof(root) == type);
}

static void expect_text(df_str text)
{
    expect(!text.ptr || df_str_is_utf8(text));
}

static df_code take(void *context, const delta_action *a, df_error *err)
{
    state *s = context;
    switch (a->kind) {
    case DELTA_ADD:
    case DELTA_REMOVE:
        expect(a->file.path.ptr && df_str_is_utf8(a->file.path));
        expect_text(a->file.raw_path);
        expect_text(a->file.stats);
        /* Not parsed: decimals may be integers beyond 64 bits, which our parser refuses. */
        if (a->file.stats_rebuilt) expect(df_json_extent(a->file.stats) == a->file.stats.len);
        expect_json(s, a->file.partition_values, DF_JSON_OBJECT);
        expect_json(s, a->file.tags, DF_JSON_OBJECT);
        expect_json(s, a->file.deletion_vector, DF_JSON_OBJECT);
        expect(df_hash_eq(a->file.key, delta_file_key(a->file.path, a->file.dv_id)));
        break;
    case DELTA_METADATA:
        expect_text(a->metadata.schema);
        expect_json(s, a->metadata.format, DF_JSON_OBJECT);
        expect_json(s, a->metadata.configuration, DF_JSON_OBJECT);
        expect_json(s, a->metadata.partition_columns, DF_JSON_ARRAY);
        break;
    case DELTA_PROTOCOL:
        expect_json(s, a->protocol.reader_features, DF_JSON_ARRAY);
        expect_json(s, a->protocol.writer_features, DF_JSON_ARRAY);
        break;
    default: break;
    }
    return ++s->actions > MOST_ACTIONS ? df_fail(err, DF_CANCELLED, "enough") : DF_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    df_memory memory;
    df_memory_init(&memory, (df_str){(const char *)data, size}, "fuzzed");
    state s = {.parser = df_json_parser_open()};
    df_error err = {0};
    df_code code =
        delta_checkpoint_parquet(&memory.input, DELTA_WANT_ALL, (delta_sink){&s, take}, NULL, &err);
    expect(code == DF_OK || err.message[0]);
    df_json_parser_close(s.parser);
    return 0;
}
