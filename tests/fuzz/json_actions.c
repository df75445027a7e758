/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a commit. Besides not crashing:
 *   - a line that the fast reader takes, the general one takes too, with the same result;
 *   - reading forward and backward either both fail, or give the same actions in opposite order.
 */
#include "base/error.h"
#include "delta/log/backward.h"
#include "delta/log/fast_file.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                   \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

typedef struct trail {
    uint64_t *items; /* a fingerprint an action */
    size_t count, cap;
} trail;

static uint64_t mix(uint64_t sum, df_str s)
{
    df_hash128 h = df_hash(s.ptr ? s.ptr : "", s.len);
    return (sum ^ h.low ^ (s.ptr ? 1 : 0)) * 0x9E3779B97F4A7C15u;
}

static uint64_t mix_int(uint64_t sum, int64_t n)
{
    return mix(sum, (df_str){(const char *)&n, sizeof n});
}

static uint64_t file_print(uint64_t sum, const delta_file *f)
{
    const df_str texts[] = {f->path,  f->raw_path, f->dv_id,           f->partition_values,
                            f->stats, f->tags,     f->deletion_vector, f->clustering_provider};
    const int64_t numbers[] = {f->size,
                               f->modification_time,
                               f->deletion_timestamp,
                               f->data_change,
                               f->extended_file_metadata,
                               f->num_records,
                               f->dv_cardinality,
                               f->base_row_id,
                               f->default_row_commit_version,
                               (int64_t)f->key.low,
                               (int64_t)f->key.high};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) sum = mix(sum, texts[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sum = mix_int(sum, numbers[i]);
    MUST(df_str_is_utf8(f->path) && !memchr(f->path.ptr, '\0', f->path.len));
    return sum;
}

static uint64_t print_of(const delta_action *a)
{
    uint64_t sum = mix_int(0, a->kind);
    switch (a->kind) {
    case DELTA_ADD:
    case DELTA_REMOVE:
    case DELTA_CDC: return file_print(sum, &a->file);
    case DELTA_METADATA:
        sum = mix(mix(mix(sum, a->metadata.id), a->metadata.schema), a->metadata.configuration);
        return mix(mix(mix(sum, a->metadata.format), a->metadata.partition_columns), a->metadata.name);
    case DELTA_PROTOCOL:
        sum = mix(mix(sum, a->protocol.reader_features), a->protocol.writer_features);
        return mix_int(mix_int(sum, a->protocol.min_reader_version), a->protocol.min_writer_version);
    case DELTA_TXN: return mix_int(mix_int(mix(sum, a->txn.app_id), a->txn.version), a->txn.last_updated);
    case DELTA_DOMAIN:
        return mix_int(mix(mix(sum, a->domain.domain), a->domain.configuration), a->domain.removed);
    case DELTA_COMMIT_INFO: return mix_int(mix(sum, a->commit_info.operation), a->commit_info.timestamp);
    case DELTA_SIDECAR: return mix_int(mix(sum, a->sidecar.path), a->sidecar.size);
    case DELTA_CHECKPOINT_METADATA: return sum;
    case DELTA_UNKNOWN: return mix(sum, a->unknown.name);
    }
    return sum;
}

static df_code note_action(void *context, const delta_action *action, df_error *err)
{
    trail *t = context;
    DF_PUSH(t->items, t->count, t->cap) = print_of(action);
    return DF_OK;
}

static void compare_readers(delta_scratch *scratch, df_json_parser *parser, df_str line)
{
    delta_action fast, slow;
    df_json value;
    if (!delta_fast_file(line, scratch, &fast)) return;
    uint64_t print = print_of(&fast);
    MUST(df_json_parse(parser, line, &value, NULL) == DF_OK);
    df_json_iter it = df_json_each(value);
    MUST(df_json_next(&it));
    MUST(delta_action_from_json(it.key, it.value, line, scratch, &slow, NULL) == DF_OK);
    MUST(print_of(&slow) == print);
    MUST(!df_json_next(&it));
}

/* Each line apart, with just the padding that is promised behind it. */
static void compare_lines(const char *bytes, size_t size)
{
    delta_scratch scratch = {0};
    df_json_parser *parser = df_json_parser_open();
    for (const char *p = bytes, *end = bytes + size; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t len = newline ? (size_t)(newline - p) : (size_t)(end - p);
        char *copy = malloc(len + DF_JSON_PADDING);
        memcpy(copy, p, len);
        memset(copy + len, '"', DF_JSON_PADDING);
        compare_readers(&scratch, parser, (df_str){copy, len});
        free(copy);
        p += len + 1;
    }
    df_json_parser_close(parser);
    delta_scratch_release(&scratch);
}

static void compare_directions(df_str bytes)
{
    delta_defects defects = {0};
    delta_reader *reader = delta_reader_open(NULL, &defects, NULL);
    df_memory memory;
    df_memory_init(&memory, bytes, "fuzz");
    trail forward = {0}, backward = {0};
    delta_source source = {.name = "forward", .is_commit = true};
    df_error err = {0};
    df_code code =
        delta_read_lines(reader, &source, &memory.input, &(delta_sink){&forward, note_action}, &err);
    MUST(code == DF_OK || (code == DF_CORRUPT && err.line > 0 && err.message[0]));
    source = (delta_source){.name = "backward"};
    df_code other =
        delta_read_backward(reader, &source, &memory.input, &(delta_sink){&backward, note_action}, &err);
    MUST(other == code);
    if (code == DF_OK) {
        MUST(forward.count == backward.count);
        for (size_t i = 0; i < forward.count; i++)
            MUST(forward.items[i] == backward.items[forward.count - 1 - i]);
    }
    free(forward.items);
    free(backward.items);
    delta_reader_close(reader);
    delta_defects_release(&defects);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    compare_lines((const char *)data, size);
    compare_directions((df_str){(const char *)data, size});
    return 0;
}
