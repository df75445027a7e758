/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/log/reader.h"

#include "base/error.h"
#include "delta/log/fast_file.h"

#include <stdlib.h>

/* ---- what a commit has mentioned ---- */

enum { FIRST_SLOTS = 256, KEPT_SLOTS = 1 << 16 };

static void put(delta_seen *seen, uint64_t hash)
{
    size_t mask = seen->cap - 1, i = hash & mask;
    while (seen->slots[i]) i = (i + 1) & mask;
    seen->slots[i] = hash;
}

static void grow(delta_seen *seen)
{
    uint64_t *old = seen->slots;
    size_t old_cap = seen->cap;
    seen->cap = old_cap ? old_cap * 4 : FIRST_SLOTS;
    seen->slots = df_zalloc(seen->cap * sizeof *seen->slots);
    for (size_t i = 0; i < old_cap; i++)
        if (old[i]) put(seen, old[i]);
    free(old);
}

/* false when it is there already. */
static bool add_now(delta_seen *seen, uint64_t hash)
{
    size_t mask = seen->cap - 1, i = hash & mask;
    for (; seen->slots[i]; i = (i + 1) & mask)
        if (seen->slots[i] == hash) return false;
    seen->slots[i] = hash;
    seen->count++;
    return true;
}

int64_t delta_seen_add(delta_seen *seen, uint64_t hash, int64_t line)
{
    int64_t duplicate = 0;
    if (!hash) hash = 1;
    if (seen->count * 2 + DELTA_SEEN_WAITING * 2 >= seen->cap) grow(seen);
    __builtin_prefetch(&seen->slots[hash & (seen->cap - 1)], 1);
    size_t at = (seen->oldest + seen->n_waiting) % DELTA_SEEN_WAITING;
    if (seen->n_waiting == DELTA_SEEN_WAITING) {
        if (!add_now(seen, seen->waiting[at])) duplicate = seen->lines[at];
        seen->oldest = (seen->oldest + 1) % DELTA_SEEN_WAITING;
    } else {
        seen->n_waiting++;
    }
    seen->waiting[at] = hash;
    seen->lines[at] = line;
    return duplicate;
}

bool delta_seen_flush(delta_seen *seen, int64_t *line)
{
    while (seen->n_waiting) {
        size_t at = seen->oldest;
        seen->oldest = (seen->oldest + 1) % DELTA_SEEN_WAITING;
        seen->n_waiting--;
        if (add_now(seen, seen->waiting[at])) continue;
        *line = seen->lines[at];
        return true;
    }
    return false;
}

void delta_seen_clear(delta_seen *seen)
{
    seen->n_waiting = seen->oldest = 0;
    if (seen->cap > KEPT_SLOTS) {
        /* One huge commit must not make every small one after it slow. */
        free(seen->slots);
        *seen = (delta_seen){0};
    } else if (seen->count) {
        memset(seen->slots, 0, seen->cap * sizeof *seen->slots);
        seen->count = 0;
    }
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

static void name_duplicate(delta_reader *reader, delta_source *source, int64_t line)
{
    if (source->duplicates_named) return;
    source->duplicates_named = true;
    delta_defect *d =
        delta_defects_add(reader->defects, DELTA_DEFECT_DUPLICATE_ACTION, source->name, line,
                          "the file that line %lld adds or removes is added or removed by an earlier "
                          "line of the same commit too",
                          (long long)line);
    d->version = source->version;
    d->fallback = "the last one counts";
}

/* Two adds, or two removes, of one path in one commit. */
static void look_for_duplicate(delta_reader *reader, delta_source *source, const delta_action *action,
                               int64_t line)
{
    if (action->kind != DELTA_ADD && action->kind != DELTA_REMOVE) return;
    df_hash128 path = action->file.key;
    if (action->file.dv_id.len) path = delta_file_key(action->file.path, DF_STR(""));
    uint64_t hash = action->kind == DELTA_ADD ? path.low : path.high;
    int64_t duplicate = delta_seen_add(&reader->seen, hash, line);
    if (duplicate) name_duplicate(reader, source, duplicate);
}

static void name_unknown(delta_reader *reader, const delta_source *source, df_str name, int64_t line)
{
    bool added;
    df_keymap_put(&reader->unknown_names, df_hash(name.ptr, name.len), &added);
    if (!added) return;
    delta_defect *d =
        delta_defects_add(reader->defects, DELTA_DEFECT_UNKNOWN_ACTION, source->name, line,
                          "unknown action \"%.*s\"", (int)(name.len < 100 ? name.len : 100), name.ptr);
    d->version = source->version;
    d->fallback = "it is carried, and changes nothing";
}

df_code delta_take_action(delta_reader *reader, delta_source *source, const delta_action *action,
                          int64_t line, const delta_sink *sink, df_error *err)
{
    if (source->is_commit) look_for_duplicate(reader, source, action, line);
    df_code code = sink->take(sink->context, action, err);
    reader->sink_failed = code != DF_OK;
    return code;
}

static df_code take_member(delta_reader *reader, delta_source *source, const delta_member *member,
                           df_str text, int64_t line, const delta_sink *sink, df_error *err)
{
    delta_action *action = &reader->action;
    DF_TRY(delta_action_from_json(member->name, member->value, text, &reader->scratch, action, err));
    if (action->kind == DELTA_UNKNOWN) name_unknown(reader, source, member->name, line);
    return delta_take_action(reader, source, action, line, sink, err);
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

df_code delta_read_lines(delta_reader *reader, delta_source *source, const df_input *input,
                         const delta_sink *sink, df_error *err)
{
    delta_ndjson nd;
    df_json value;
    df_str text;
    df_code code;
    delta_seen_clear(&reader->seen);
    delta_ndjson_begin(&nd, input, reader->parser, &reader->chunk, reader->observer);
    while ((code = delta_ndjson_line(&nd, &text, err)) == DF_OK && text.len) {
        if (delta_fast_file(text, &reader->scratch, &reader->action)) {
            delta_ndjson_skip(&nd, text);
            code = delta_take_action(reader, source, &reader->action, nd.value_line, sink, err);
        } else {
            code = delta_ndjson_parse(&nd, &value, &text, err);
            if (code == DF_OK) code = delta_take_value(reader, source, value, text, nd.value_line, sink, err);
        }
        if (code != DF_OK) break;
    }
    int64_t duplicate;
    while (delta_seen_flush(&reader->seen, &duplicate)) name_duplicate(reader, source, duplicate);
    delta_name_quirks(reader, source, &nd);
    return code;
}
