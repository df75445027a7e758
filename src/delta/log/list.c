/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listing: which files of `_delta_log` are commits, checkpoints, compactions and version checksums.
 * Everything else (Hadoop's .crc files, ._* of macOS, temporary files, other programs' folders) is not looked
 * at.
 *
 * Source: Delta Transaction Log Protocol, section "File Types".
 */
#include "base/buf.h"
#include "base/error.h"
#include "delta/log/hint.h"
#include "delta/log/log.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* One part of a multi-part checkpoint, before the parts are put together. */
typedef struct part {
    int64_t of, number;
    delta_log_file file;
} part;

typedef struct lister {
    delta_log *log;
    part *parts;
    size_t n_parts, parts_cap;
} lister;

/* Takes exactly `digits` decimal digits; false also when they do not fit. */
static bool take_number(df_str *s, size_t digits, int64_t *out)
{
    if (s->len < digits || s->ptr[0] < '0' || s->ptr[0] > '9') return false;
    if (!df_str_int64((df_str){s->ptr, digits}, out)) return false;
    *s = df_str_skip(*s, digits);
    return true;
}

static bool take_text(df_str *s, df_str text)
{
    if (!df_str_starts(*s, text)) return false;
    *s = df_str_skip(*s, text.len);
    return true;
}

static bool take_uuid(df_str *s)
{
    if (s->len < 36) return false;
    for (size_t i = 0; i < 36; i++) {
        char c = s->ptr[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? c != '-' : !hex) return false;
    }
    *s = df_str_skip(*s, 36);
    return true;
}

static void push_file(delta_log_files *files, delta_log_file file)
{
    DF_PUSH(files->items, files->count, files->cap) = file;
}

static void push_checkpoint(delta_log *log, delta_checkpoint_kind kind, delta_log_file file)
{
    delta_checkpoint checkpoint = {.version = file.version, .kind = kind, .complete = true};
    push_file(&checkpoint.parts, file);
    DF_PUSH(log->checkpoints, log->n_checkpoints, log->checkpoints_cap) = checkpoint;
}

/* `rest` is what follows "<version>.checkpoint." */
static void take_checkpoint(lister *l, df_str rest, delta_log_file file)
{
    int64_t number, of;
    df_str r = rest;
    if (df_str_is(rest, "parquet")) {
        push_checkpoint(l->log, DELTA_CHECKPOINT_CLASSIC, file);
    } else if (take_number(&r, 10, &number) && take_text(&r, DF_STR(".")) && take_number(&r, 10, &of) &&
               df_str_is(r, ".parquet")) {
        if (number < 1 || number > of) return;
        DF_PUSH(l->parts, l->n_parts, l->parts_cap) = (part){of, number, file};
    } else if (r = rest, take_uuid(&r)) {
        if (df_str_is(r, ".parquet")) push_checkpoint(l->log, DELTA_CHECKPOINT_UUID_PARQUET, file);
        if (df_str_is(r, ".json")) push_checkpoint(l->log, DELTA_CHECKPOINT_UUID_JSON, file);
    }
}

/* Whether the name can be one of ours, before the file is looked at. */
static bool has_version(const char *name)
{
    df_str rest = df_str_from(name);
    int64_t version;
    return take_number(&rest, 20, &version) && rest.len && rest.ptr[0] == '.';
}

static void classify(lister *l, delta_log_file file)
{
    df_str rest = df_str_from(file.name);
    if (!take_number(&rest, 20, &file.version)) return;
    file.from = file.version;
    int64_t last;
    df_str r = rest;
    if (df_str_is(rest, ".json")) {
        push_file(&l->log->commits, file);
    } else if (df_str_is(rest, ".crc")) {
        push_file(&l->log->crcs, file);
    } else if (take_text(&r, DF_STR(".checkpoint."))) {
        take_checkpoint(l, r, file);
    } else if (take_text(&r, DF_STR(".")) && take_number(&r, 20, &last) && df_str_is(r, ".compacted.json") &&
               last >= file.from) {
        file.version = last;
        push_file(&l->log->compactions, file);
    }
}

static int64_t mtime_ms(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

static df_code read_folder(lister *l, df_error *err)
{
    delta_log *log = l->log;
    DIR *dir = opendir(log->directory);
    if (!dir && (errno == ENOENT || errno == ENOTDIR)) return DF_OK; /* nothing found, said by the caller */
    if (!dir) return df_fail_errno(err, errno, log->directory, "list");
    struct dirent *entry;
    int failed = 0;
    while (errno = 0, (entry = readdir(dir))) {
        if (!has_version(entry->d_name)) continue;
        struct stat st;
        /* What vanishes while we list, dangling links and folders are not files of the log. */
        if (fstatat(dirfd(dir), entry->d_name, &st, 0) != 0) {
            if (errno == ENOENT || errno == ELOOP) continue;
            failed = errno;
            break;
        }
        if (!S_ISREG(st.st_mode)) continue;
        const char *name = df_arena_cstr(&log->arena, df_str_from(entry->d_name));
        classify(l, (delta_log_file){.name = name, .size = st.st_size, .mtime_ms = mtime_ms(&st)});
    }
    if (!failed) failed = errno;
    closedir(dir);
    return failed ? df_fail_errno(err, failed, log->directory, "list") : DF_OK;
}

static size_t count_staged(const delta_log *log)
{
    df_buf path = {0};
    df_buf_printf(&path, "%s/_staged_commits", log->directory);
    DIR *dir = opendir(df_buf_cstr(&path));
    df_buf_release(&path);
    if (!dir) return 0;
    size_t n = 0;
    struct dirent *entry;
    while ((entry = readdir(dir)))
        n += has_version(entry->d_name) && df_str_ends(df_str_from(entry->d_name), DF_STR(".json"));
    closedir(dir);
    return n;
}

static int by_part(const void *a, const void *b)
{
    const part *x = a, *y = b;
    if (x->file.version != y->file.version) return x->file.version < y->file.version ? -1 : 1;
    if (x->of != y->of) return x->of < y->of ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* Parts of one version with the same total are one checkpoint; with another total they are another. */
static void join_parts(lister *l)
{
    if (l->n_parts) qsort(l->parts, l->n_parts, sizeof *l->parts, by_part);
    for (size_t i = 0; i < l->n_parts;) {
        const part *first = &l->parts[i];
        delta_checkpoint checkpoint = {
            .version = first->file.version, .kind = DELTA_CHECKPOINT_MULTIPART, .expected_parts = first->of};
        for (;
             i < l->n_parts && l->parts[i].file.version == first->file.version && l->parts[i].of == first->of;
             i++)
            push_file(&checkpoint.parts, l->parts[i].file);
        /* File names are unique and every number is in 1..of: as many as `of` means all of them. */
        checkpoint.complete = (int64_t)checkpoint.parts.count == first->of;
        DF_PUSH(l->log->checkpoints, l->log->n_checkpoints, l->log->checkpoints_cap) = checkpoint;
    }
    free(l->parts);
}

static int by_version(const void *a, const void *b)
{
    const delta_log_file *x = a, *y = b;
    if (x->version != y->version) return x->version < y->version ? -1 : 1;
    return (x->from > y->from) - (x->from < y->from);
}

static void sort_files(delta_log_files *files)
{
    if (files->count) qsort(files->items, files->count, sizeof *files->items, by_version);
}

/* What is simplest to read is best: one file before one with sidecars, before many parts. */
static int preference(const delta_checkpoint *c)
{
    if (!c->complete) return 0;
    switch (c->kind) {
    case DELTA_CHECKPOINT_MULTIPART: return 1;
    case DELTA_CHECKPOINT_UUID_JSON: return 2;
    case DELTA_CHECKPOINT_UUID_PARQUET: return 3;
    case DELTA_CHECKPOINT_CLASSIC: return 4;
    }
    return 0;
}

static int by_choice(const void *a, const void *b)
{
    const delta_checkpoint *x = a, *y = b;
    if (x->version != y->version) return x->version < y->version ? -1 : 1;
    int order = preference(x) - preference(y);
    return order ? order : strcmp(x->parts.items[0].name, y->parts.items[0].name);
}

/* Makes the paths; DF_OK also when the folder is not there, which the empty listing tells. */
static df_code locate(delta_log *log, const char *path, df_error *err)
{
    df_str trimmed = df_str_from(path);
    while (trimmed.len > 1 && trimmed.ptr[trimmed.len - 1] == '/') trimmed.len--;
    log->table_path = df_strdup(trimmed);
    log->location = realpath(log->table_path[0] ? log->table_path : ".", NULL);
    if (!log->location && errno != ENOENT && errno != ENOTDIR)
        return df_fail_errno(err, errno, log->table_path, "open");
    df_buf directory = {0};
    const char *folder = log->location ? log->location : log->table_path;
    df_buf_printf(&directory, "%s/_delta_log", strcmp(folder, "/") == 0 ? "" : folder);
    log->directory = df_strdup(df_buf_str(&directory));
    df_buf_release(&directory);
    return DF_OK;
}

static df_code nothing_found(const delta_log *log, df_error *err)
{
    df_fail(err, DF_NOT_FOUND, "No checkpoint or JSON files found in %s%s_delta_log", log->table_path,
            strcmp(log->table_path, "/") == 0 ? "" : "/");
    df_error_at(err, log->directory, 0);
    if (!log->location)
        df_error_hint(err, "there is no folder %s; is the path right?", log->table_path);
    else
        df_error_hint(err, "give the folder of a Delta table: the one that contains _delta_log");
    return DF_NOT_FOUND;
}

df_code delta_log_open(const char *path, delta_log **out, delta_defects *defects, df_error *err)
{
    delta_log *log = df_zalloc(sizeof *log);
    log->hint_version = -1;
    lister l = {.log = log};
    df_code code = locate(log, path, err);
    if (code == DF_OK && log->location) code = read_folder(&l, err);
    join_parts(&l);
    if (code == DF_OK && !log->commits.count && !log->n_checkpoints) code = nothing_found(log, err);
    if (code != DF_OK) {
        delta_log_close(log);
        return code;
    }
    sort_files(&log->commits);
    sort_files(&log->compactions);
    sort_files(&log->crcs);
    if (log->n_checkpoints) qsort(log->checkpoints, log->n_checkpoints, sizeof *log->checkpoints, by_choice);
    log->n_staged = count_staged(log);
    delta_read_hint(log, defects);
    *out = log;
    return DF_OK;
}

void delta_log_close(delta_log *log)
{
    if (!log) return;
    for (size_t i = 0; i < log->n_checkpoints; i++) free(log->checkpoints[i].parts.items);
    free(log->checkpoints);
    free(log->commits.items);
    free(log->compactions.items);
    free(log->crcs.items);
    free(log->table_path);
    free(log->location);
    free(log->directory);
    df_arena_release(&log->arena);
    free(log);
}

static const delta_log_file *find_version(const delta_log_files *files, int64_t version)
{
    size_t low = 0, high = files->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (files->items[middle].version < version)
            low = middle + 1;
        else
            high = middle;
    }
    return low < files->count && files->items[low].version == version ? &files->items[low] : NULL;
}

int64_t delta_log_newest(const delta_log *log)
{
    int64_t newest = log->commits.count ? log->commits.items[log->commits.count - 1].version : -1;
    for (size_t i = 0; i < log->n_checkpoints; i++)
        if (log->checkpoints[i].complete && log->checkpoints[i].version > newest)
            newest = log->checkpoints[i].version;
    return newest;
}

const delta_log_file *delta_log_commit(const delta_log *log, int64_t version)
{
    return find_version(&log->commits, version);
}

const delta_log_file *delta_log_crc(const delta_log *log, int64_t version)
{
    return find_version(&log->crcs, version);
}

static df_hash128 add_file(df_hash128 sum, const delta_log_file *file)
{
    df_hash128 name = df_hash(file->name, strlen(file->name));
    int64_t lanes[4] = {(int64_t)name.low, (int64_t)name.high, file->size, file->mtime_ms};
    return df_hash_add(sum, df_hash(lanes, sizeof lanes));
}

df_hash128 delta_log_fingerprint(const delta_log *log, int64_t version)
{
    df_hash128 sum = {0};
    for (size_t i = 0; i < log->commits.count && log->commits.items[i].version <= version; i++)
        sum = add_file(sum, &log->commits.items[i]);
    for (size_t i = 0; i < log->n_checkpoints && log->checkpoints[i].version <= version; i++)
        for (size_t j = 0; j < log->checkpoints[i].parts.count; j++)
            sum = add_file(sum, &log->checkpoints[i].parts.items[j]);
    return sum;
}
