/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/log/reader.h"

#include "base/error.h"

#include <stdlib.h>

/* ---- the set ---- */

enum { FIRST_SLOTS = 256, KEPT_SLOTS = 1 << 16 };

static void put(delta_hash_set *set, uint64_t hash)
{
    size_t mask = set->cap - 1, i = hash & mask;
    while (set->slots[i]) i = (i + 1) & mask;
    set->slots[i] = hash;
}

static void grow(delta_hash_set *set)
{
    delta_hash_set old = *set;
    set->cap = old.cap ? old.cap * 4 : FIRST_SLOTS;
    set->slots = df_zalloc(set->cap * sizeof *set->slots);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i]) put(set, old.slots[i]);
    free(old.slots);
}

bool delta_hash_set_add(delta_hash_set *set, uint64_t hash)
{
    if (!hash) hash = 1;
    if (set->count * 2 >= set->cap) grow(set);
    size_t mask = set->cap - 1, i = hash & mask;
    for (; set->slots[i]; i = (i + 1) & mask)
        if (set->slots[i] == hash) return false;
    set->slots[i] = hash;
    set->count++;
    return true;
}

void delta_hash_set_clear(delta_hash_set *set)
{
    if (!set->count) return;
    if (set->cap > KEPT_SLOTS) {
        /* One huge commit must not make every small one after it slow. */
        free(set->slots);
        *set = (delta_hash_set){0};
        return;
    }
    memset(set->slots, 0, set->cap * sizeof *set->slots);
    set->count = 0;
}

/* ---- the reader ---- */

delta_reader *delta_reader_open(const delta_log *log, delta_defects *defects, const df_observer *observer)
{
    delta_reader *reader = df_zalloc(sizeof *reader);
    reader->log = log;
    reader->defects = defects;
    reader->observer = observer;
    reader->parser = df_json_parser_open();
    return reader;
}

void delta_reader_close(delta_reader *reader)
{
    if (!reader) return;
    df_json_parser_close(reader->parser);
    df_buf_release(&reader->chunk);
    df_buf_release(&reader->path);
    delta_scratch_release(&reader->scratch);
    free(reader->members);
    free(reader->seen.slots);
    df_keymap_release(&reader->unknown_names);
    free(reader);
}

const char *delta_reader_path(delta_reader *reader, const char *name)
{
    df_buf_clear(&reader->path);
    df_buf_printf(&reader->path, "%s/%s", reader->log->directory, name);
    return df_buf_cstr(&reader->path);
}

/* ---- lines to actions ---- */

/* Two adds, or two removes, of one path in one commit. */
static void look_for_duplicate(delta_reader *reader, delta_source *source, const delta_action *action, int64_t line)
{
    if (action->kind != DELTA_ADD && action->kind != DELTA_REMOVE) return;
    df_hash128 path = action->file.key;
    if (action->file.dv_id.len) path = delta_file_key(action->file.path, DF_STR(""));
    uint64_t hash = action->kind == DELTA_ADD ? path.low : path.high;
    if (delta_hash_set_add(&reader->seen, hash) || source->duplicates_named) return;
    source->duplicates_named = true;
    delta_defect *d = delta_defects_add(reader->defects, DELTA_DEFECT_DUPLICATE_ACTION, source->name, line,
                                        "%.200s is %s twice by one commit", action->file.raw_path.ptr,
                                        action->kind == DELTA_ADD ? "added" : "removed");
    d->version = source->version;
    d->fallback = "the last one in the file counts";
}

static void name_unknown(delta_reader *reader, const delta_source *source, df_str name, int64_t line)
{
    bool added;
    df_keymap_put(&reader->unknown_names, df_hash(name.ptr, name.len), &added);
    if (!added) return;
    delta_defect *d = delta_defects_add(reader->defects, DELTA_DEFECT_UNKNOWN_ACTION, source->name, line,
                                        "unknown action \"%.*s\"", (int)(name.len < 100 ? name.len : 100), name.ptr);
    d->version = source->version;
    d->fallback = "it is carried, and changes nothing";
}

static df_code take_member(delta_reader *reader, delta_source *source, const delta_member *member, df_str text,
                           int64_t line, const delta_sink *sink, df_error *err)
{
    delta_action action;
    DF_TRY(delta_action_from_json(member->name, member->value, text, &reader->scratch, &action, err));
    if (action.kind == DELTA_UNKNOWN) name_unknown(reader, source, member->name, line);
    if (source->is_commit) look_for_duplicate(reader, source, &action, line);
    df_code code = sink->take(sink->context, &action, err);
    reader->sink_failed = code != DF_OK;
    return code;
}

df_code delta_take_value(delta_reader *reader, delta_source *source, df_json value, df_str text, int64_t line,
                         const delta_sink *sink, df_error *err)
{
    if (df_json_typeof(value) != DF_JSON_OBJECT) {
        df_fail(err, DF_CORRUPT, "not a JSON object");
        df_error_at(err, NULL, line);
        return DF_CORRUPT;
    }
    reader->n_members = 0;
    size_t all = 0;
    df_json_iter it = df_json_each(value);
    for (; df_json_next(&it); all++) {
        if (df_json_typeof(it.value) == DF_JSON_NULL) continue;
        DF_PUSH(reader->members, reader->n_members, reader->members_cap) = (delta_member){it.key, it.value};
    }
    if (all != 1) text = DF_STR_NONE;
    df_code code = DF_OK;
    for (size_t i = 0; i < reader->n_members && code == DF_OK; i++) {
        size_t which = source->backwards ? reader->n_members - 1 - i : i;
        code = take_member(reader, source, &reader->members[which], text, line, sink, err);
    }
    if (code != DF_OK && !reader->sink_failed) df_error_at(err, NULL, line);
    return code;
}

void delta_name_quirks(delta_reader *reader, const delta_source *source, const delta_ndjson *nd)
{
    delta_defect *d;
    if (nd->garbage_line) {
        d = delta_defects_add(reader->defects, DELTA_DEFECT_TRAILING_GARBAGE, source->name, nd->garbage_line,
                              "\"%s\" stands behind the JSON", nd->garbage);
        d->version = source->version;
        d->fallback = "the JSON before it is read, here and on later lines";
    }
    if (nd->multi_line) {
        d = delta_defects_add(reader->defects, DELTA_DEFECT_MULTI_LINE_JSON, source->name, nd->multi_line,
                              "a JSON value is spread over several lines");
        d->version = source->version;
        d->fallback = "the lines are joined";
    }
}

df_code delta_read_lines(delta_reader *reader, delta_source *source, const df_input *input, const delta_sink *sink,
                         df_error *err)
{
    delta_ndjson nd;
    df_json value;
    df_str text;
    df_code code;
    delta_ndjson_begin(&nd, input, reader->parser, &reader->chunk, reader->observer);
    while ((code = delta_ndjson_next(&nd, &value, &text, err)) == DF_OK && value.at) {
        code = delta_take_value(reader, source, value, text, nd.value_line, sink, err);
        if (code != DF_OK) break;
    }
    delta_name_quirks(reader, source, &nd);
    return code;
}
