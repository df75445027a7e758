/* SPDX-License-Identifier: Apache-2.0 */
/* Making backups, and telling which there are. */
#include "operate/backup_int.h"

#include "base/clock.h"
#include "io/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

df_code bk_engine_of(const df_conn *conn, const bk_engine **out, df_error *err)
{
    static const bk_engine *const engines[] = {&bk_postgres_engine, &bk_mariadb_engine, &bk_sqlite_engine,
                                              &bk_neo4j_engine};
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
        *out = engines[i];
        if (strcmp(engines[i]->name, df_conn_engine(conn)) == 0) return DF_OK;
    }
    return df_fail(err, DF_UNSUPPORTED, "backups of %s cannot be made", df_conn_server(conn));
}

/* ---- pumping ---- */

static void tell(const bk_making *m)
{
    int64_t done = bk_written(m->writer), total = m->estimate;
    if (total && total < done) total = done; /* it was only an estimate */
    df_report_progress(m->place->observer, "bytes", m->id, done, total);
}

df_code bk_pump_out(bk_making *m, df_process *tool, bk_tap *tap, df_error *err)
{
    enum { PIECE = 256 * 1024 };
    char *piece = df_alloc(PIECE);
    df_code code = DF_OK;
    bool seen = tap == NULL;
    size_t n = 1;
    while (code == DF_OK && n) {
        code = df_process_read(tool, piece, PIECE, &n, m->place->observer, err);
        if (code == DF_OK && n) code = bk_write(m->writer, piece, n, err);
        if (code == DF_OK && n && !seen) code = tap->see(tap->context, (df_str){piece, n}, &seen, err);
        if (code == DF_OK) tell(m);
    }
    if (code == DF_OK) code = df_process_end(tool, m->place->observer, err);
    explicit_bzero(piece, PIECE);
    free(piece);
    return code;
}

void bk_keep_lines(df_process *tool, bool (*keep)(df_str line))
{
    df_buf kept = {0};
    for (df_str rest = df_buf_str(&tool->said); rest.len;) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        df_str line = {rest.ptr, end ? (size_t)(end - rest.ptr) + 1 : rest.len};
        if (keep(line)) df_buf_str_add(&kept, line);
        rest = df_str_skip(rest, line.len);
    }
    if (!kept.len) return;
    df_buf_clear(&tool->said);
    df_buf_str_add(&tool->said, df_buf_str(&kept));
    df_buf_release(&kept);
}

df_code bk_pump_in(bk_loading *l, bk_put_fn put, void *context, df_error *err)
{
    bk_reader *reader;
    df_str piece;
    DF_TRY(bk_reader_open(l->input, l->place->key, &reader, err));
    df_code code;
    do {
        code = df_check_cancelled(l->place->observer, err);
        if (code == DF_OK) code = bk_read(reader, &piece, err);
        if (code == DF_OK && piece.ptr) code = put(context, piece, err);
        df_report_progress(l->place->observer, "bytes", l->id, bk_read_offset(reader), l->input->size);
    } while (code == DF_OK && piece.ptr);
    bk_reader_close(reader);
    return code;
}

/* ---- making ---- */

typedef struct making {
    bk_making engine;
    const bk_engine *with;
    const df_migrate_backup_options *options;
    const char *folder, *filename, *path, *type;
    df_str database, last_migration;
    int64_t created_ms;
    bool finished; /* the file has its name */
    bk_totals totals;
} making;

static df_code find_last_migration(making *k, df_error *err)
{
    df_applied *rows;
    size_t count;
    DF_TRY(df_ledger_applied(k->engine.place->ledger, k->engine.arena, &rows, &count, err));
    k->last_migration = DF_STR_NONE;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].status == DF_APPLIED_COMPLETED && !rows[i].repeatable) k->last_migration = rows[i].id;
    }
    return DF_OK;
}

/* What is true before anything is read; also of the record's metadata. */
static void put_facts(const making *k, df_json_writer *w)
{
    df_json_add_text(w, "engine", k->with->name);
    df_json_add_text(w, "server", df_conn_server(k->engine.place->conn));
    df_json_add_text(w, "tool", k->engine.tool);
    df_json_add_text(w, "format", k->with->format);
    df_json_add_str(w, "database", k->database);
    df_json_add_str(w, "last_migration", k->last_migration);
}

static df_code open_writer(making *k, df_error *err)
{
    bk_making *m = &k->engine;
    df_buf head = {0};
    df_json_writer w = {.out = &head};
    char time[40];
    df_time_format(k->created_ms, time);
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "id", m->id);
    df_json_add_text(&w, "created", time);
    df_json_add_int(&w, "created_ms", k->created_ms);
    df_json_add_text(&w, "type", k->type);
    df_json_add_text(&w, "created_by", df_ledger_actor(m->place->ledger));
    put_facts(k, &w);
    df_code code = k->with->describe(m, &w, err);
    df_json_end(&w, '}');
    if (code == DF_OK)
        code = bk_writer_open(m->partial, df_buf_str(&head), !k->options->no_compress, m->place->key,
                              &m->writer, err);
    df_buf_release(&head);
    return code;
}

static void put_table(df_json_writer *w, const bk_table *table)
{
    df_json_begin(w, NULL, '{');
    df_json_add_text(w, "name", table->name);
    df_json_add_int(w, "rows", table->rows);
    df_json_add_text(w, "checksum", table->checksum);
    if (!table->exact) df_json_add_bool(w, "exact", false);
    df_json_end(w, '}');
}

static df_code finish_writer(making *k, df_error *err)
{
    bk_making *m = &k->engine;
    df_buf manifest = {0};
    df_json_writer w = {.out = &manifest};
    df_json_begin(&w, NULL, '{');
    df_json_add_int(&w, "dump_bytes", bk_written(m->writer));
    df_json_begin(&w, "tables", '[');
    for (size_t i = 0; i < m->content.count; i++) put_table(&w, &m->content.items[i]);
    df_json_end(&w, ']');
    df_code code = k->with->conclude(m, &w, err);
    df_json_end(&w, '}');
    if (code == DF_OK) code = bk_writer_finish(m->writer, df_buf_str(&manifest), &k->totals, err);
    df_buf_release(&manifest);
    return code;
}

/* The file gets its name when it is complete and on the disk. */
static df_code publish(making *k, df_error *err)
{
    if (rename(k->engine.partial, k->path) != 0) return df_fail_errno(err, errno, k->path, "make");
    k->finished = true;
    return df_folder_sync(k->folder, err);
}

static void make_metadata(const making *k, double seconds, df_buf *out)
{
    df_json_writer w = {.out = out};
    const bk_content *content = &k->engine.content;
    int64_t rows = 0, inexact = 0;
    for (size_t i = 0; i < content->count; i++) {
        if (!content->items[i].whole) rows += content->items[i].rows;
        inexact += !content->items[i].exact;
    }
    df_json_begin(&w, NULL, '{');
    put_facts(k, &w);
    df_json_add_int(&w, "tables", (int64_t)content->count);
    df_json_add_int(&w, "rows", rows);
    df_json_add_int(&w, "inexact_tables", inexact);
    df_json_add_int(&w, "dump_bytes", k->totals.dump_bytes);
    df_json_add_int(&w, "duration_ms", (int64_t)(seconds * 1000));
    df_json_end(&w, '}');
}

df_code bk_audit(const df_backup_place *place, df_audit_action action, const char *id, const char *name,
                 int64_t number, df_error *err)
{
    df_buf details = {0};
    df_json_writer w = {.out = &details};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "backup_id", id);
    if (name) df_json_add_int(&w, name, number);
    df_json_end(&w, '}');
    df_code code = df_audit_add(place->ledger, action, DF_STR_NONE, df_buf_str(&details), err);
    df_buf_release(&details);
    return code;
}

static df_code record(const making *k, df_str metadata, df_error *err)
{
    const bk_making *m = &k->engine;
    df_backup_record r = {.id = df_str_from(m->id),
                          .filename = df_str_from(k->filename),
                          .path = df_str_from(k->path),
                          .checksum = df_str_from(k->totals.checksum),
                          .type = df_str_from(k->type),
                          .size = k->totals.file_bytes,
                          .created_ms = k->created_ms,
                          .retention_days = k->options->retention_days,
                          .compressed = !k->options->no_compress,
                          .encrypted = m->place->key != NULL,
                          .metadata = metadata};
    df_conn *conn = m->place->conn;
    DF_TRY(df_begin(conn, err));
    df_code code = df_backup_record_add(m->place->ledger, &r, err);
    if (code == DF_OK)
        code = bk_audit(m->place, DF_AUDIT_BACKUP_CREATED, m->id, "size", k->totals.file_bytes, err);
    if (code == DF_OK) code = df_commit(conn, err);
    df_rollback(conn);
    return code;
}

static df_code prepare_folder(making *k, df_error *err)
{
    bk_making *m = &k->engine;
    DF_TRY(df_folder_make(m->place->folder, 0700, err));
    DF_TRY(bk_folder_clean(m->place->folder, err));
    DF_TRY(bk_folder_path(m->place->folder, m->arena, &k->folder, err));
    DF_TRY(bk_new_id(m->arena, &m->id, err));
    k->filename = df_arena_printf(m->arena, "%s.dfb", m->id);
    k->path = df_arena_printf(m->arena, "%s/%s", k->folder, k->filename);
    m->partial = df_arena_printf(m->arena, "%s.partial", k->path);
    return DF_OK;
}

static df_code check_options(const df_backup_place *place, df_error *err)
{
    unsigned char key[BK_KEY_BYTES];
    if (!place->key) return DF_OK;
    df_code code = bk_key_parse(place->key, key, err);
    explicit_bzero(key, sizeof key);
    return code;
}

static bool is_exact(const bk_content *content)
{
    for (size_t i = 0; i < content->count; i++) {
        if (!content->items[i].exact) return false;
    }
    return true;
}

/* Once, or as often as was asked for until it is of one moment. */
static df_code dump(making *k, df_error *err)
{
    bk_making *m = &k->engine;
    for (int64_t left = k->options->attempts; ; left--) {
        DF_TRY(open_writer(k, err));
        DF_TRY(k->with->dump(m, err));
        if (left <= 1 || is_exact(&m->content)) return DF_OK;
        df_log(m->place->observer, DF_LOG_WARNING, "%s: something was written while it was made; it is made once more",
               m->id);
        bk_writer_close(m->writer);
        m->writer = NULL;
        if (unlink(m->partial) != 0) return df_fail_errno(err, errno, m->partial, "remove");
        df_disconnect(m->conn);
        m->conn = NULL;
        DF_TRY(k->with->prepare(m, err));
    }
}

static df_code make(making *k, df_buf *metadata, df_error *err)
{
    bk_making *m = &k->engine;
    double start = df_monotonic_s();
    DF_TRY(k->with->prepare(m, err));
    DF_TRY(find_last_migration(k, err));
    DF_TRY(k->with->database(m->place, m->arena, &k->database, err));
    DF_TRY(dump(k, err));
    DF_TRY(finish_writer(k, err));
    DF_TRY(publish(k, err));
    make_metadata(k, df_monotonic_s() - start, metadata);
    return record(k, df_buf_str(metadata), err);
}

static void fill(const making *k, const df_buf *metadata, df_migrate_backup *out)
{
    df_arena *arena = k->engine.arena;
    *out = (df_migrate_backup){
        .id = k->engine.id,
        .filename = k->filename,
        .path = k->path,
        .type = k->type,
        .checksum = df_arena_cstr(arena, df_str_from(k->totals.checksum)),
        .created_by = df_arena_cstr(arena, df_str_from(df_ledger_actor(k->engine.place->ledger))),
        .metadata = df_arena_cstr(arena, df_buf_str(metadata)),
        .size = k->totals.file_bytes,
        .created_ms = k->created_ms,
        .compressed = !k->options->no_compress,
        .encrypted = k->engine.place->key != NULL,
        .present = true};
}

/* A tool only says that it failed. Our own session beside it knows whether the server is still there. */
static df_code lost_or(const bk_engine *with, df_conn *conn, df_code code, df_error *err)
{
    df_error ignored;
    if (code != DF_FAILED || !conn) return code;
    if (!df_conn_lost(conn) && df_exec(conn, with->ping, NULL, 0, NULL, &ignored) == DF_OK) return code;
    if (!df_conn_lost(conn)) return code;
    if (err) err->code = DF_CONNECT;
    return DF_CONNECT;
}

df_code df_backup_create(const df_backup_place *place, const df_migrate_backup_options *options,
                         df_arena *arena, df_migrate_backup *out, df_error *err)
{
    df_buf metadata = {0};
    making k = {.engine = {.place = place, .arena = arena, .content = {.arena = arena}},
                .options = options,
                .type = df_arena_cstr(arena, df_str_from(options->type ? options->type : "full")),
                .created_ms = df_now_ms()};
    df_error own_error;
    if (!err) err = &own_error; /* some failures are looked into */
    *out = (df_migrate_backup){0};
    DF_TRY(check_options(place, err));
    DF_TRY(bk_engine_of(place->conn, &k.with, err));
    DF_TRY(df_backup_recover(place, err));
    DF_TRY(prepare_folder(&k, err));
    df_code code = lost_or(k.with, k.engine.conn, make(&k, &metadata, err), err);
    if (code == DF_OK) {
        fill(&k, &metadata, out);
    } else if (k.finished && df_conn_lost(place->conn)) {
        /* The record may have been committed. The file is whole, and stays. */
        df_error_prefix(err, "the backup %s is complete, but could not be recorded", k.engine.id);
    } else {
        df_error_prefix(err, "no backup was made");
        unlink(k.finished ? k.path : k.engine.partial);
    }
    bk_writer_close(k.engine.writer);
    df_disconnect(k.engine.conn);
    bk_content_release(&k.engine.content);
    df_buf_release(&metadata);
    return code;
}

/* ---- listing ---- */

static const char *text(df_arena *arena, df_str s)
{
    return s.ptr ? df_arena_cstr(arena, s) : "";
}

/* The file may have moved together with its folder. */
static void find_file(const df_backup_place *place, df_arena *arena, df_migrate_backup *b)
{
    b->present = access(b->path, F_OK) == 0;
    if (b->present || !*b->filename || strchr(b->filename, '/')) return;
    const char *here = df_arena_printf(arena, "%s/%s", place->folder, b->filename);
    b->present = access(here, F_OK) == 0;
    if (b->present) b->path = here;
}

void bk_from_record(const df_backup_place *place, df_arena *arena, const df_backup_record *r,
                    df_migrate_backup *out)
{
    *out = (df_migrate_backup){.id = text(arena, r->id),
                               .filename = text(arena, r->filename),
                               .path = text(arena, r->path),
                               .type = text(arena, r->type),
                               .checksum = text(arena, r->checksum),
                               .created_by = text(arena, r->created_by),
                               .metadata = text(arena, r->metadata),
                               .size = r->size,
                               .created_ms = r->created_ms,
                               .verified_ms = r->verified_ms,
                               .compressed = r->compressed,
                               .encrypted = r->encrypted};
    find_file(place, arena, out);
}

static int newest_first(const void *a, const void *b)
{
    const df_migrate_backup *x = a, *y = b;
    if (x->created_ms != y->created_ms) return x->created_ms < y->created_ms ? 1 : -1;
    return -strcmp(x->id, y->id);
}

df_code df_backup_list(const df_backup_place *place, df_arena *arena, df_migrate_backup **out, size_t *count,
                       df_error *err)
{
    df_backup_record *records;
    df_migrate_backup *files;
    size_t n_records, n_files, n = 0;
    *out = NULL;
    *count = 0;
    DF_TRY(df_backup_record_list(place->ledger, arena, &records, &n_records, err));
    DF_TRY(bk_folder_scan(place, records, n_records, false, arena, &files, &n_files, err));
    if (!n_records && !n_files) return DF_OK;
    df_migrate_backup *list = df_arena_alloc(arena, (n_records + n_files) * sizeof *list);
    for (; n < n_records; n++) bk_from_record(place, arena, &records[n], &list[n]);
    for (size_t i = 0; i < n_files; i++) list[n++] = files[i];
    qsort(list, n, sizeof *list, newest_first);
    *out = list;
    *count = n;
    return DF_OK;
}

/* A record counts more than a file that only lies there: it may be another database's of the same name. */
static const df_migrate_backup *latest(const df_migrate_backup *list, size_t count)
{
    const df_migrate_backup *loose = NULL;
    for (size_t i = 0; i < count; i++) {
        if (list[i].present && *list[i].checksum) return &list[i];
        if (list[i].present && !loose) loose = &list[i];
    }
    return loose;
}

static df_code not_there(const df_backup_place *place, const char *id, size_t count, df_error *err)
{
    if (strcmp(id, "latest") != 0)
        df_fail(err, DF_NOT_FOUND, "there is no backup %s", id);
    else if (count)
        df_fail(err, DF_NOT_FOUND, "of %zu recorded backups none has its file at its place", count);
    else
        df_fail(err, DF_NOT_FOUND, "there is no backup");
    df_error_hint(err, "see which there are: dataflow backup list (looking into %s)", place->folder);
    return DF_NOT_FOUND;
}

df_code df_backup_find(const df_backup_place *place, const char *id, df_arena *arena, df_migrate_backup *out,
                       df_error *err)
{
    df_migrate_backup *list;
    size_t count;
    const df_migrate_backup *found = NULL;
    *out = (df_migrate_backup){0};
    DF_TRY(df_backup_list(place, arena, &list, &count, err));
    if (strcmp(id, "latest") == 0) found = latest(list, count);
    for (size_t i = 0; i < count && !found; i++) {
        if (strcmp(list[i].id, id) == 0) found = &list[i];
    }
    /* Whoever names one may mean that of another database: the lost one had another name, or lay elsewhere.
     */
    if (!found && strcmp(id, "latest") != 0) {
        size_t n;
        DF_TRY(bk_folder_scan(place, NULL, 0, true, arena, &list, &n, err));
        for (size_t i = 0; i < n && !found; i++) {
            if (strcmp(list[i].id, id) == 0) found = &list[i];
        }
    }
    if (!found) return not_there(place, id, count, err);
    *out = *found;
    return DF_OK;
}

df_code bk_find_present(const df_backup_place *place, const char *id, df_arena *arena, df_migrate_backup *out,
                        df_error *err)
{
    DF_TRY(df_backup_find(place, id, arena, out, err));
    if (out->present) return DF_OK;
    df_fail(err, DF_NOT_FOUND, "the file of backup %s is not there: %s", out->id, out->path);
    df_error_hint(err, "put it back there, or into the folder %s", place->folder);
    return DF_NOT_FOUND;
}

df_code bk_record_of(const df_backup_place *place, const char *id, df_arena *arena, df_backup_record *out,
                     bool *found, df_error *err)
{
    df_backup_record *records;
    size_t count;
    *found = false;
    DF_TRY(df_backup_record_list(place->ledger, arena, &records, &count, err));
    for (size_t i = 0; i < count && !*found; i++) {
        *found = df_str_is(records[i].id, id);
        if (*found) *out = records[i];
    }
    return DF_OK;
}

df_str bk_metadata_with_time(df_str metadata, const char *name, int64_t ms, df_arena *arena)
{
    df_json_parser *parser = df_json_parser_open();
    df_json json = {0};
    df_buf out = {0};
    df_json_writer w = {.out = &out};
    char time[40];
    df_time_format(ms, time);
    if (!metadata.ptr || df_json_parse(parser, metadata, &json, NULL) != DF_OK) json = (df_json){0};
    df_json_begin(&w, NULL, '{');
    for (df_json_iter it = df_json_each(json); df_json_next(&it);) {
        df_buf value = {0};
        if (df_str_is(it.key, name)) continue;
        df_json_put(&value, it.value);
        df_json_add_raw(&w, df_arena_cstr(arena, it.key), df_buf_str(&value));
        df_buf_release(&value);
    }
    df_json_add_text(&w, name, time);
    df_json_end(&w, '}');
    df_str copy = df_arena_str(arena, df_buf_str(&out));
    df_buf_release(&out);
    df_json_parser_close(parser);
    return copy;
}
