/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a checkpoint of any kind: its one file, or its parts, and the sidecars that it names.
 *
 * Source: Delta Transaction Log Protocol, sections "Checkpoints" and "V2 Spec".
 */
#include "base/error.h"
#include "base/uri.h"
#include "delta/log/checkpoint.h"
#include "delta/log/reader.h"

#include <stdlib.h>

/* What stands between the files of a checkpoint and the caller's sink. */
typedef struct gate {
    delta_reader *reader;
    delta_checkpoint *checkpoint;
    unsigned want;
    delta_sink sink;
    bool has_protocol, has_metadata;
    bool in_sidecar;
    df_arena arena;
    df_str *sidecars; /* paths as written, in the arena */
    size_t n_sidecars, sidecars_cap;
} gate;

static df_code pass_on(gate *g, const delta_action *action, df_error *err)
{
    df_code code = g->sink.take(g->sink.context, action, err);
    g->reader->sink_failed = code != DF_OK;
    return code;
}

static df_code take(void *context, const delta_action *action, df_error *err)
{
    gate *g = context;
    switch (action->kind) {
    case DELTA_ADD: return g->want & DELTA_WANT_FILES ? pass_on(g, action, err) : DF_OK;
    case DELTA_REMOVE: return g->want & DELTA_WANT_TOMBSTONES ? pass_on(g, action, err) : DF_OK;
    case DELTA_PROTOCOL:
    case DELTA_METADATA:
    case DELTA_TXN:
    case DELTA_DOMAIN:
        if (g->in_sidecar) return DF_OK; /* only file actions can stand there */
        g->has_protocol |= action->kind == DELTA_PROTOCOL;
        g->has_metadata |= action->kind == DELTA_METADATA;
        return g->want & DELTA_WANT_REST ? pass_on(g, action, err) : DF_OK;
    case DELTA_SIDECAR:
        if (!g->in_sidecar)
            DF_PUSH(g->sidecars, g->n_sidecars, g->sidecars_cap) =
                df_arena_str(&g->arena, action->sidecar.path);
        return DF_OK;
    case DELTA_CDC:
    case DELTA_COMMIT_INFO:
    case DELTA_CHECKPOINT_METADATA:
    case DELTA_UNKNOWN: return DF_OK; /* of a commit, not of a state */
    }
    return DF_OK;
}

/* Names the damage and turns it into DF_CORRUPT, unless the failure is not the checkpoint's. */
static df_code damaged(gate *g, delta_defect_kind kind, const char *file, df_code code, df_error *err)
{
    bool of_file = code == DF_CORRUPT || code == DF_UNSUPPORTED || code == DF_NOT_FOUND;
    if (g->reader->sink_failed || !of_file) return code;
    g->checkpoint->bad = true;
    delta_defects_add(g->reader->defects, kind, file, err->line, "%s", err->message)->version =
        g->checkpoint->version;
    err->code = DF_CORRUPT;
    df_error_at(err, g->reader->path.ptr, 0);
    df_error_prefix(err, "%s", file);
    return DF_CORRUPT;
}

static df_code read_parquet(gate *g, const char *path, unsigned want, df_error *err)
{
    df_file *file;
    DF_TRY(df_file_open(path, &file, err));
    delta_sink sink = {.context = g, .take = take};
    df_code code = delta_checkpoint_parquet(&file->input, want, sink, g->reader->observer, err);
    df_file_close(file);
    return code;
}

static df_code read_json(gate *g, const char *path, const char *name, df_error *err)
{
    df_file *file;
    DF_TRY(df_file_open(path, &file, err));
    delta_source source = {.name = name, .version = g->checkpoint->version};
    delta_sink sink = {.context = g, .take = take};
    df_code code = delta_read_lines(g->reader, &source, &file->input, &sink, err);
    df_file_close(file);
    return code;
}

static df_code read_part(gate *g, const char *name, df_error *err)
{
    const char *path = delta_reader_path(g->reader, name);
    /* Protocol and metadata are always looked at: a checkpoint without them is damaged, whoever asks. */
    df_code code = g->checkpoint->kind == DELTA_CHECKPOINT_UUID_JSON
                       ? read_json(g, path, name, err)
                       : read_parquet(g, path, g->want | DELTA_WANT_REST, err);
    return code == DF_OK ? code : damaged(g, DELTA_DEFECT_BAD_CHECKPOINT, name, code, err);
}

/* ---- sidecars ---- */

static bool climbs(df_str path)
{
    for (size_t at = 0; at < path.len;) {
        const char *slash = memchr(path.ptr + at, '/', path.len - at);
        size_t end = slash ? (size_t)(slash - path.ptr) : path.len;
        if (end - at == 2 && memcmp(path.ptr + at, "..", 2) == 0) return true;
        at = end + 1;
    }
    return false;
}

static df_str base_name(df_str path)
{
    const char *slash = memrchr(path.ptr, '/', path.len);
    return slash ? df_str_skip(path, (size_t)(slash - path.ptr) + 1) : path;
}

/* Opens _sidecars/<path>. Whatever folder it is said to be in, a sidecar must lie in the log's own one. */
static df_code open_sidecar(gate *g, df_str written, df_file **out, df_error *err)
{
    df_buf decoded = {0}, name = {0};
    df_percent_decode(&decoded, written);
    df_str path = df_buf_str(&decoded);
    bool inside = path.len && path.ptr[0] != '/' && !climbs(path) && !memmem(path.ptr, path.len, ":/", 2) &&
                  !memchr(path.ptr, '\0', path.len);
    df_code code = DF_NOT_FOUND;
    if (inside) {
        df_buf_printf(&name, "_sidecars/%.*s", DF_FMT(path));
        code = df_file_open(delta_reader_path(g->reader, df_buf_cstr(&name)), out, err);
    }
    if (code == DF_NOT_FOUND) {
        df_buf_clear(&name);
        df_buf_printf(&name, "_sidecars/%.*s", DF_FMT(base_name(path)));
        code = df_file_open(delta_reader_path(g->reader, df_buf_cstr(&name)), out, err);
    }
    df_buf_release(&name);
    df_buf_release(&decoded);
    return code;
}

static df_code read_sidecar(gate *g, df_str written, df_error *err)
{
    const char *manifest = g->checkpoint->parts.items[0].name;
    df_file *file;
    df_code code = open_sidecar(g, written, &file, err);
    if (code == DF_NOT_FOUND) {
        df_fail(err, code, "it names the sidecar %.*s, which is not there",
                (int)(written.len < 300 ? written.len : 300), written.ptr);
        return damaged(g, DELTA_DEFECT_MISSING_SIDECAR, manifest, code, err);
    }
    if (code == DF_OK) {
        /* A state without its files was asked for: that the sidecar is there is enough. */
        unsigned want = g->want & (DELTA_WANT_FILES | DELTA_WANT_STATS | DELTA_WANT_TOMBSTONES);
        delta_sink sink = {.context = g, .take = take};
        g->in_sidecar = true;
        if (want) code = delta_checkpoint_parquet(&file->input, want, sink, g->reader->observer, err);
        g->in_sidecar = false;
        df_file_close(file);
    }
    if (code == DF_OK) return DF_OK;
    if (!g->reader->sink_failed)
        df_error_prefix(err, "sidecar %.*s", (int)(written.len < 300 ? written.len : 300), written.ptr);
    return damaged(g, DELTA_DEFECT_BAD_CHECKPOINT, manifest, code, err);
}

/* ---- the whole ---- */

static df_code read_all(gate *g, df_error *err)
{
    const delta_log_files *parts = &g->checkpoint->parts;
    for (size_t i = 0; i < parts->count; i++) DF_TRY(read_part(g, parts->items[i].name, err));
    if (!g->has_protocol || !g->has_metadata) {
        const char *lacks = g->has_protocol   ? "metaData"
                            : g->has_metadata ? "protocol"
                                              : "protocol and no metaData";
        delta_reader_path(g->reader, parts->items[0].name);
        df_fail(err, DF_CORRUPT, "it has no %s action", lacks);
        return damaged(g, DELTA_DEFECT_BAD_CHECKPOINT, parts->items[0].name, DF_CORRUPT, err);
    }
    for (size_t i = 0; i < g->n_sidecars; i++) DF_TRY(read_sidecar(g, g->sidecars[i], err));
    return DF_OK;
}

df_code delta_read_checkpoint(delta_reader *reader, delta_checkpoint *checkpoint, unsigned want,
                              delta_sink sink, df_error *err)
{
    df_error own;
    gate g = {.reader = reader, .checkpoint = checkpoint, .want = want, .sink = sink};
    reader->sink_failed = false;
    df_code code = read_all(&g, err ? err : &own);
    free(g.sidecars);
    df_arena_release(&g.arena);
    return code;
}
