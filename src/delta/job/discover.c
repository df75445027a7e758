/* SPDX-License-Identifier: Apache-2.0 */
/* Finding tables below a folder, and giving each an id of its own. */
#include "base/error.h"
#include "delta/job/job.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    DEEPEST = 64
}; /* folders below each other; a link cannot make it endless, a broken file system might */

typedef struct walk {
    const df_observer *observer;
    df_arena *arena;
    bool recursive;
    df_delta_found *tables;
    size_t count, cap;
    delta_defects defects;
    df_keymap seen; /* device and inode of each folder, so that links do not lead in circles */
    size_t root_len;
} walk;

static bool first_visit(walk *w, const struct stat *st)
{
    uint64_t id[2] = {(uint64_t)st->st_dev, (uint64_t)st->st_ino};
    bool added;
    df_keymap_put(&w->seen, df_hash(id, sizeof id), &added);
    return added;
}

static df_str base_name(df_str path)
{
    size_t start = path.len;
    while (start && path.ptr[start - 1] != '/') start--;
    return df_str_skip(path, start);
}

/* The newest version by names alone; -1 when the log has none. */
static int64_t newest_version(const char *path)
{
    delta_log *log;
    delta_defects ignored = {0};
    int64_t newest = -1;
    if (delta_log_open(path, &log, &ignored, NULL) == DF_OK) {
        newest = delta_log_newest(log);
        delta_log_close(log);
    }
    delta_defects_release(&ignored);
    return newest;
}

static void add_table(walk *w, const char *path)
{
    char *real = realpath(path, NULL);
    df_delta_found found = {
        .path = df_arena_cstr(w->arena, df_str_from(path)),
        .table_id = df_arena_cstr(w->arena, base_name(df_str_from(real ? real : path))),
        .version = newest_version(path),
    };
    free(real);
    DF_PUSH(w->tables, w->count, w->cap) = found;
    df_report_progress(w->observer, "tables", path, (int64_t)w->count, 0);
}

static bool is_folder(const char *path, struct stat *st)
{
    return stat(path, st) == 0 && S_ISDIR(st->st_mode);
}

static char *join(const char *folder, const char *name)
{
    df_buf path = {0};
    df_buf_text(&path, folder);
    if (!path.len || path.ptr[path.len - 1] != '/') df_buf_char(&path, '/');
    df_buf_text(&path, name);
    df_buf_cstr(&path);
    return path.ptr;
}

static void unreadable(walk *w, const char *path, int errno_value)
{
    delta_defects_add(&w->defects, DELTA_DEFECT_UNREADABLE_FOLDER, path, 0, "%s: %s", path,
                      strerror(errno_value))
        ->fallback = "tables below it are not listed";
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the folders in `path` that may lead to tables, sorted; NULL-terminated. */
static char **child_folders(walk *w, const char *path, size_t *count)
{
    char **names = NULL;
    size_t cap = 0;
    *count = 0;
    DIR *dir = opendir(path);
    if (!dir) {
        unreadable(w, path, errno);
        return NULL;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        /* Hidden and underscore folders are Delta's and Hive's own. */
        if (entry->d_name[0] == '.' || entry->d_name[0] == '_') continue;
        if (entry->d_type != DT_DIR && entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN) continue;
        DF_PUSH(names, *count, cap) = df_strdup(df_str_from(entry->d_name));
    }
    closedir(dir);
    if (*count) qsort(names, *count, sizeof *names, by_name);
    return names;
}

static void visit(walk *w, const char *path, int depth)
{
    struct stat st;
    if (!is_folder(path, &st) || !first_visit(w, &st)) return;
    if (w->observer && w->observer->cancelled && w->observer->cancelled(w->observer->context)) return;
    char *log = join(path, "_delta_log");
    if (is_folder(log, &st)) add_table(w, path);
    free(log);
    if (depth >= (w->recursive ? DEEPEST : 1)) return;
    size_t count;
    char **names = child_folders(w, path, &count);
    for (size_t i = 0; i < count; i++) {
        char *child = join(path, names[i]);
        visit(w, child, depth + 1);
        free(child);
        free(names[i]);
    }
    free(names);
}

/* Two tables with one folder name both take their relative path, so that an id never depends on the order of
 * listing. */
static void make_ids_distinct(walk *w)
{
    df_keymap names = {0};
    for (size_t i = 0; i < w->count; i++)
        ++*df_keymap_put(&names, df_hash(w->tables[i].table_id, strlen(w->tables[i].table_id)), NULL);
    for (size_t i = 0; i < w->count; i++) {
        df_delta_found *t = &w->tables[i];
        if (*df_keymap_get(&names, df_hash(t->table_id, strlen(t->table_id))) < 2) continue;
        const char *relative = t->path + w->root_len;
        while (*relative == '/') relative++;
        if (*relative) t->table_id = relative;
        t->renamed = true;
    }
    df_keymap_release(&names);
}

df_code df_delta_discover(const char *path, bool recursive, const df_observer *observer,
                          df_delta_discovery *out, df_error *err)
{
    *out = (df_delta_discovery){0};
    struct stat st;
    if (stat(path, &st) != 0) return df_fail_errno(err, errno, path, "open");
    if (!S_ISDIR(st.st_mode)) return df_fail(err, DF_USAGE, "%s is not a folder", path);
    walk w = {
        .observer = observer, .arena = delta_report_memory(&out->private_memory), .recursive = recursive};
    char *root = df_strdup(df_str_from(path));
    while (strlen(root) > 1 && root[strlen(root) - 1] == '/') root[strlen(root) - 1] = '\0';
    w.root_len = strlen(root);
    visit(&w, root, 0);
    make_ids_distinct(&w);
    out->count = w.count;
    out->tables = df_arena_zalloc(w.arena, (w.count + 1) * sizeof *out->tables);
    if (w.count) memcpy(out->tables, w.tables, w.count * sizeof *w.tables);
    delta_report_warnings(&w.defects, w.arena, &out->warnings, &out->n_warnings);
    delta_defects_release(&w.defects);
    df_keymap_release(&w.seen);
    free(w.tables);
    free(root);
    return df_check_cancelled(observer, err);
}

void df_delta_discovery_release(df_delta_discovery *discovery)
{
    delta_report_free(&discovery->private_memory);
    *discovery = (df_delta_discovery){0};
}
