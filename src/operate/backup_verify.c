/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proving a backup: its file is read to the end, it is restored into a scratch database, and what that holds
 * is compared with what was counted when the backup was made. Where the server cannot have a scratch database and
 * none was lent, what the file holds is counted by reading it.
 */
#include "operate/backup_int.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the file ---- */

static df_code sum(const df_backup_place *place, const df_input *input, char hex[DF_SHA256_HEX + 1],
                   df_error *err)
{
    unsigned char digest[DF_SHA256_BYTES];
    char *piece = df_alloc(BK_CHUNK_BYTES);
    df_sha256_stream stream;
    df_code code = df_sha256_begin(&stream, err);
    for (int64_t at = 0; code == DF_OK && at < input->size;) {
        size_t n = input->size - at < BK_CHUNK_BYTES ? (size_t)(input->size - at) : BK_CHUNK_BYTES;
        code = df_check_cancelled(place->observer, err);
        if (code == DF_OK) code = input->read_at(input->context, at, piece, n, err);
        if (code == DF_OK) code = df_sha256_add(&stream, piece, n, err);
        at += (int64_t)n;
    }
    df_code ended = df_sha256_end(&stream, digest, code == DF_OK ? err : NULL);
    free(piece);
    if (code == DF_OK) df_hex(digest, sizeof digest, hex);
    return code != DF_OK ? code : ended;
}

df_code bk_file_checksum(const df_backup_place *place, const char *path, char hex[DF_SHA256_HEX + 1],
                         df_error *err)
{
    df_file *file;
    DF_TRY(df_file_open(path, &file, err));
    df_code code = sum(place, &file->input, hex, err);
    df_file_close(file);
    return code;
}

static df_code check_sum(const df_backup_place *place, const char *id, const df_input *input,
                         const char *expected, df_error *err)
{
    char hex[DF_SHA256_HEX + 1];
    DF_TRY(sum(place, input, hex, err));
    if (strcmp(hex, expected) == 0) return DF_OK;
    df_fail(err, DF_CORRUPT,
            "the file of backup %s is not the one that was recorded: SHA-256 %s instead of %s", id, hex,
            expected);
    df_error_hint(err, "it was damaged or exchanged; use another backup");
    df_error_at(err, input->name, 0);
    return DF_CORRUPT;
}

static df_code parse(df_json_parser *parser, df_str text, const char *what, const char *path, df_json *out,
                     df_error *err)
{
    df_code code = df_json_parse(parser, text, out, err);
    if (code == DF_OK && df_json_typeof(*out) != DF_JSON_OBJECT)
        code = df_fail(err, DF_CORRUPT, "it is no JSON object");
    if (code == DF_OK) return DF_OK;
    df_error_prefix(err, "the %s of %s", what, path);
    df_error_at(err, path, 0);
    return code;
}

/* Seals and order, to the end. */
static df_code read_through(const df_backup_place *place, const char *id, bk_opened *o, df_error *err)
{
    bk_reader *reader;
    df_str piece;
    const df_input *input = &o->file->input;
    DF_TRY(bk_reader_open(input, place->key, &reader, err));
    df_code code;
    do {
        code = df_check_cancelled(place->observer, err);
        if (code == DF_OK) code = bk_read(reader, &piece, err);
        df_report_progress(place->observer, "checked bytes", id, bk_read_offset(reader), input->size);
    } while (code == DF_OK && piece.ptr);
    if (code == DF_OK) {
        df_str head = df_arena_str(&o->arena, bk_reader_head(reader)->json);
        df_str manifest = df_arena_str(&o->arena, bk_manifest(reader));
        code = parse(o->head_parser, head, "head", input->name, &o->head, err);
        if (code == DF_OK)
            code = parse(o->manifest_parser, manifest, "manifest", input->name, &o->manifest, err);
    }
    bk_reader_close(reader);
    return code;
}

df_code bk_open_checked(const df_backup_place *place, const char *id, const char *path, const char *checksum,
                        bk_opened *out, df_error *err)
{
    *out = (bk_opened){.head_parser = df_json_parser_open(), .manifest_parser = df_json_parser_open()};
    df_code code = df_file_open(path, &out->file, err);
    if (code == DF_OK && checksum && *checksum) code = check_sum(place, id, &out->file->input, checksum, err);
    if (code == DF_OK) code = read_through(place, id, out, err);
    if (code != DF_OK) bk_opened_close(out);
    return code;
}

void bk_opened_close(bk_opened *o)
{
    df_file_close(o->file);
    if (o->head_parser) df_json_parser_close(o->head_parser);
    if (o->manifest_parser) df_json_parser_close(o->manifest_parser);
    df_arena_release(&o->arena);
    *o = (bk_opened){0};
}

/* ---- the comparison ---- */

static void read_manifest(const bk_opened *o, bk_content *out)
{
    for (df_json_iter it = df_json_each(df_json_get(o->manifest, "tables")); df_json_next(&it);) {
        df_str name = df_json_str(df_json_get(it.value, "name"));
        df_str checksum = df_json_str(df_json_get(it.value, "checksum"));
        bool exact = true;
        int64_t rows = 0;
        (void)df_json_bool(df_json_get(it.value, "exact"), &exact);
        (void)df_json_int(df_json_get(it.value, "rows"), &rows);
        DF_PUSH(out->items, out->count, out->cap) =
            (bk_table){.name = df_arena_cstr(out->arena, name),
                       .rows = rows,
                       .checksum = checksum.ptr ? df_arena_cstr(out->arena, checksum) : NULL,
                       .exact = exact};
    }
}

typedef struct comparison {
    df_arena *arena;
    df_migrate_backup_check *out;
    size_t cap, unsure; /* differing ones that were not counted exactly */
    const char *what;   /* "tables", "labels and types" */
} comparison;

static void compare(comparison *c, const bk_table *then, const bk_table *now)
{
    df_migrate_backup_check *out = c->out;
    bool equal = then && now && bk_table_same(then, now);
    DF_PUSH(out->tables, out->count, c->cap) = (df_migrate_backup_table){
        .name = then ? then->name : now->name,
        .rows_backup = then ? then->rows : DF_MIGRATE_UNKNOWN,
        .rows_scratch = now ? now->rows : DF_MIGRATE_UNKNOWN,
        .equal = equal,
    };
    out->differing += !equal;
    c->unsure += !equal && then && now && !then->exact;
}

static void compare_all(comparison *c, const bk_content *then, const bk_content *now)
{
    size_t hint = 0;
    for (size_t i = 0; i < then->count; i++)
        compare(c, &then->items[i], bk_content_find(now, then->items[i].name, &hint));
    hint = 0;
    for (size_t i = 0; i < now->count; i++) {
        if (!bk_content_find(then, now->items[i].name, &hint)) compare(c, NULL, &now->items[i]);
    }
    df_migrate_backup_check *out = c->out;
    if (!out->count) return;
    df_migrate_backup_table *copy = df_arena_alloc(c->arena, out->count * sizeof *copy);
    memcpy(copy, out->tables, out->count * sizeof *copy);
    free(out->tables);
    out->tables = copy;
}

/* Names the first few. */
static df_code verdict(const comparison *c, df_error *err)
{
    const df_migrate_backup_check *out = c->out;
    df_buf names = {0};
    size_t shown = 0;
    if (!out->differing) return DF_OK;
    for (size_t i = 0; i < out->count && shown < 5; i++) {
        const df_migrate_backup_table *t = &out->tables[i];
        if (t->equal) continue;
        df_buf_printf(&names, "%s%s", shown++ ? ", " : "", t->name);
        if (t->rows_scratch < 0)
            df_buf_text(&names, " (is missing)");
        else if (t->rows_backup < 0)
            df_buf_text(&names, " (was not there)");
        else if (t->rows_backup != t->rows_scratch)
            df_buf_printf(&names, " (%lld rows instead of %lld)", (long long)t->rows_scratch,
                          (long long)t->rows_backup);
        else
            df_buf_text(&names, " (another content)");
    }
    bool unsure = c->unsure == out->differing;
    if (unsure) {
        df_fail(err, DF_UNKNOWN,
                "%zu of %zu %s differ from what was counted, but they were being written while the "
                "backup was made: "
                "%s",
                out->differing, out->count, c->what, df_buf_cstr(&names));
        df_error_hint(err, "take a backup while nobody writes, and verify that");
    } else {
        df_fail(err, DF_MISMATCH, "%s%zu of %zu %s differ from what was backed up: %s",
                out->restored ? "restored, " : "", out->differing, out->count, c->what, df_buf_cstr(&names));
        df_error_hint(err, "do not rely on this backup; take another one");
    }
    df_buf_release(&names);
    return unsure ? DF_UNKNOWN : DF_MISMATCH;
}

/* ---- the scratch database ---- */

static bk_loading loading_of(const df_backup_place *place, const df_migrate_backup *b, const bk_opened *o,
                             df_arena *arena)
{
    return (bk_loading){.place = place,
                        .id = b->id,
                        .arena = arena,
                        .head = o->head,
                        .manifest = o->manifest,
                        .input = &o->file->input};
}

static df_code fill_scratch(const df_backup_place *place, const df_migrate_backup *b, const bk_opened *o,
                            const df_scratch *scratch, df_conn *conn, df_arena *arena, df_error *err)
{
    const bk_engine *engine;
    bk_loading loading = loading_of(place, b, o, arena);
    loading.conn = conn;
    loading.file = bk_scratch_path(scratch);
    DF_TRY(bk_engine_of(place->conn, &engine, err));
    return engine->load(&loading, err);
}

static df_code count_scratch(const df_backup_place *place, const df_migrate_backup *b, df_conn *conn,
                             bk_content *now, df_error *err)
{
    const bk_engine *engine;
    DF_TRY(bk_engine_of(conn, &engine, err));
    if (engine->settle) DF_TRY(engine->settle(conn, err));
    return bk_content_read(conn, place->observer, b->id, now, err);
}

static df_code judge(comparison *c, const bk_opened *o, const bk_content *now, df_error *err)
{
    bk_content then = {.arena = c->arena};
    read_manifest(o, &then);
    compare_all(c, &then, now);
    bk_content_release(&then);
    return verdict(c, err);
}

static df_code try_restore(const df_backup_place *place, const df_migrate_backup *b, const bk_opened *o,
                           const df_scratch *scratch, comparison *c, df_error *err)
{
    df_conn *conn = NULL;
    bk_content now = {.arena = c->arena};
    df_open_options options = {.application = "dataflow restore", .guest = true};
    bool server = df_conn_caps(place->conn) & DF_CAP_SERVER;
    df_code code = server ? df_connect(scratch->url, &options, &conn, err) : DF_OK;
    if (code == DF_OK) code = fill_scratch(place, b, o, scratch, conn, c->arena, err);
    if (code == DF_OK && !server) code = bk_sqlite_open(scratch->name, false, c->arena, &conn, err);
    if (code == DF_OK) {
        c->out->restored = true;
        code = count_scratch(place, b, conn, &now, err);
    }
    if (code == DF_OK) code = judge(c, o, &now, err);
    df_disconnect(conn);
    bk_content_release(&now);
    return code;
}

/* ---- where the server has none ---- */

/* Filled, compared and emptied. It was empty, or nothing was put into it. */
static df_code try_lent(const df_backup_place *place, const df_migrate_backup *b, const bk_opened *o, comparison *c,
                        df_error *err)
{
    const bk_engine *engine, *there;
    df_conn *conn = NULL;
    df_error ignored;
    bk_content now = {.arena = c->arena};
    df_open_options options = {.application = "dataflow restore", .guest = true};
    bk_loading loading = loading_of(place, b, o, c->arena);
    DF_TRY(bk_engine_of(place->conn, &engine, err));
    DF_TRY(df_connect(place->scratch_url, &options, &conn, err));
    df_code code = bk_engine_of(conn, &there, err);
    if (code == DF_OK && there != engine)
        code = df_fail(err, DF_USAGE, "a scratch database of %s for a backup of %s", there->name, engine->name);
    loading.conn = conn;
    if (code == DF_OK) code = engine->load(&loading, err);
    c->out->restored = code == DF_OK;
    if (code == DF_OK) code = bk_content_read(conn, place->observer, b->id, &now, err);
    if (code == DF_OK) code = judge(c, o, &now, err);
    if (code != DF_REFUSED && code != DF_USAGE && engine->clear(conn, NULL, &ignored) != DF_OK)
        df_log(place->observer, DF_LOG_WARNING, "the scratch database is not empty again: %s", ignored.message);
    df_disconnect(conn);
    bk_content_release(&now);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "on the scratch database");
}

static df_code only_read(const df_backup_place *place, const df_migrate_backup *b, const bk_opened *o, comparison *c,
                         df_error *err)
{
    const bk_engine *engine;
    bk_content now = {.arena = c->arena};
    bk_loading loading = loading_of(place, b, o, c->arena);
    DF_TRY(bk_engine_of(place->conn, &engine, err));
    df_code code = engine->read(&loading, &now, err);
    if (code == DF_OK) code = judge(c, o, &now, err);
    bk_content_release(&now);
    return code;
}

/* Equal: the record says so from now on. */
static df_code record(const df_backup_place *place, const df_migrate_backup *b,
                      const df_migrate_backup_check *check, df_arena *arena, df_error *err)
{
    df_backup_record r;
    bool found;
    DF_TRY(bk_record_of(place, b->id, arena, &r, &found, err));
    if (!found) return DF_OK;
    r.verified_ms = df_now_ms();
    r.metadata = bk_metadata_with_time(r.metadata, check->restored ? "verified_at" : "read_at", r.verified_ms, arena);
    DF_TRY(df_begin(place->conn, err));
    df_code code = df_backup_record_update(place->ledger, &r, err);
    if (code == DF_OK)
        code = bk_audit(place, DF_AUDIT_BACKUP_VERIFIED, b->id, "tables", (int64_t)check->count, err);
    if (code == DF_OK) code = df_commit(place->conn, err);
    df_rollback(place->conn);
    return code;
}

static df_code verify(const df_backup_place *place, const df_migrate_backup *b, const bk_opened *o,
                      df_arena *arena, df_migrate_backup_check *out, df_error *err)
{
    df_scratch scratch;
    df_error ignored;
    comparison c = {.arena = arena, .out = out, .what = "tables"};
    const bk_engine *engine;
    out->checksum_ok = true;
    out->scratch = "";
    DF_TRY(bk_engine_of(place->conn, &engine, err));
    if (engine->read) {
        c.what = "labels and types";
        if (place->scratch_url) out->scratch = "given";
        df_code read = (place->scratch_url ? try_lent : only_read)(place, b, o, &c, err);
        return read == DF_OK ? record(place, b, out, arena, err) : read;
    }
    if (place->scratch_url)
        df_log(place->observer, DF_LOG_INFO, "%s makes its scratch database itself; the one that was lent is left alone",
               df_conn_server(place->conn));
    DF_TRY(df_scratch_create(place->conn, place->url, &scratch, err));
    out->scratch = df_arena_cstr(arena, df_str_from(scratch.name));
    df_code code = try_restore(place, b, o, &scratch, &c, err);
    if (df_scratch_drop(place->conn, &scratch, &ignored) != DF_OK)
        df_log(place->observer, DF_LOG_WARNING, "%s", ignored.message);
    return code == DF_OK ? record(place, b, out, arena, err) : code;
}

df_code df_backup_verify(const df_backup_place *place, const char *id, df_arena *arena,
                         df_migrate_backup_check *out, df_error *err)
{
    df_migrate_backup b;
    bk_opened opened;
    double start = df_monotonic_s();
    df_error own_error;
    if (!err) err = &own_error; /* some failures are looked into */
    *out = (df_migrate_backup_check){0};
    DF_TRY(df_backup_recover(place, err));
    DF_TRY(bk_find_present(place, id, arena, &b, err));
    out->id = b.id;
    DF_TRY(bk_open_checked(place, b.id, b.path, b.checksum, &opened, err));
    df_code code = verify(place, &b, &opened, arena, out, err);
    bk_opened_close(&opened);
    out->duration_s = df_monotonic_s() - start;
    return code == DF_OK ? DF_OK : df_error_prefix(err, "backup %s", b.id);
}
