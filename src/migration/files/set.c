/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a folder of migrations, and finding one of them. */
#include "migration/files/files_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- names of risks ---- */

static const char *const risks[] = {"", "low", "medium", "high", "critical"};

const char *df_risk_name(df_risk risk)
{
    return (size_t)risk < sizeof risks / sizeof *risks ? risks[risk] : "";
}

bool df_risk_from_name(df_str name, df_risk *out)
{
    for (size_t i = 1; i < sizeof risks / sizeof *risks; i++) {
        if (!mf_same(name, risks[i])) continue;
        *out = (df_risk)i;
        return true;
    }
    return false;
}

/* ---- what is collected ---- */

mf_draft *mf_add(mf_set *s)
{
    mf_draft *draft = &DF_PUSH(s->drafts, s->n_drafts, s->drafts_cap);
    *draft = (mf_draft){0};
    return draft;
}

void mf_add_file(mf_draft *draft, mf_role role, const char *path, bool no_transaction)
{
    if (draft->n_files < sizeof draft->files / sizeof *draft->files)
        draft->files[draft->n_files++] = (mf_file){role, no_transaction, path};
}

void mf_find(mf_set *s, const char *kind, bool blocks, const char *file, int64_t line, const char *hint,
             const char *fmt, ...)
{
    va_list args;
    char what[1024];
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    df_migration_set *set = &s->set;
    DF_PUSH(set->findings, set->n_findings, s->findings_cap) =
        (df_file_finding){kind, blocks, file, line, df_arena_printf(&set->arena, "%s", what), hint};
}

const char *mf_path(mf_set *s, const char *file)
{
    return mf_join(&s->set.arena, s->set.folder, file);
}

/* ---- which folder ---- */

/* A folder inside that may be the one which is meant. */
typedef struct candidate {
    const char *name;
    df_layout layout;
    bool named_so; /* for our dialect: "postgres" */
} candidate;

static df_code open_folder(mf_set *s, const char *path, df_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        df_code code = df_fail_errno(err, errno, path, "open folder");
        if (code == DF_NOT_FOUND && err) {
            df_fail(err, code, "there is no folder %s", path);
            df_error_at(err, path, 0);
            df_error_hint(err, "dataflow init makes it; or say where the migrations are: --migrations DIR");
        }
        return code;
    }
    if (s->fd >= 0) close(s->fd);
    s->fd = fd;
    s->set.folder = df_arena_printf(&s->set.arena, "%s", path);
    return DF_OK;
}

static df_code look_inside(mf_set *s, const mf_listing *listing, candidate *best, size_t *count,
                           df_buf *names, df_error *err)
{
    size_t so_named = 0, total = 0;
    candidate first_so = {0};
    for (size_t i = 0; i < listing->count; i++) {
        const mf_entry *entry = &listing->items[i];
        if (!entry->folder || df_str_is(entry->name, "node_modules")) continue;
        mf_set inside = {.fd = openat(s->fd, entry->name.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        if (inside.fd < 0) continue; /* may not be ours to read */
        inside.set.folder = mf_path(s, entry->name.ptr);
        mf_listing listed;
        candidate c = {.name = entry->name.ptr};
        df_code code = mf_list(inside.fd, ".", inside.set.folder, &inside.set.arena, &listed, err);
        if (code == DF_OK) code = mf_recognise(&inside, &listed, &c.layout, err);
        df_arena_release(&inside.set.arena);
        close(inside.fd);
        DF_TRY(code);
        if (c.layout == DF_LAYOUT_AUTO) continue;
        mf_is_dialect(entry->name, s->set.dialect, &c.named_so);
        df_buf_printf(names, "%s%s", total ? ", " : "", c.name);
        if (!total++) *best = c;
        if (c.named_so && !so_named++) first_so = c;
    }
    if (total > 1 && so_named == 1) {
        *best = first_so;
        total = 1;
    }
    *count = total;
    return DF_OK;
}

/* One level further down, when nothing is here and only one folder can be meant. */
static df_code step_inside(mf_set *s, mf_listing *listing, df_layout *layout, df_error *err)
{
    candidate best = {0};
    size_t count = 0;
    df_buf names = {0};
    df_code code = look_inside(s, listing, &best, &count, &names, err);
    if (code == DF_OK && count > 1) {
        code = df_fail(err, DF_USAGE, "%s holds no migrations, but several of its folders do: %s",
                       s->set.folder, df_buf_cstr(&names));
        df_error_hint(err, "name one of them: --migrations %s/%s", s->set.folder, best.name);
    }
    df_buf_release(&names);
    if (code != DF_OK || !count) return code;
    DF_TRY(open_folder(s, mf_path(s, best.name), err));
    DF_TRY(mf_list(s->fd, ".", s->set.folder, &s->set.arena, listing, err));
    *layout = best.layout;
    return DF_OK;
}

static df_code collect(mf_set *s, const mf_listing *listing, df_error *err)
{
    switch (s->set.layout) {
    case DF_LAYOUT_DIESEL:
    case DF_LAYOUT_PRISMA:
    case DF_LAYOUT_TEMPORAL: return mf_collect_folders(s, listing, err);
    case DF_LAYOUT_SQITCH: return mf_collect_sqitch(s, listing, err);
    default: return mf_collect_files(s, listing, err);
    }
}

static df_code open_set(mf_set *s, const df_files_options *options, df_error *err)
{
    mf_listing listing;
    df_layout found;
    DF_TRY(open_folder(s, options->folder, err));
    DF_TRY(mf_list(s->fd, ".", s->set.folder, &s->set.arena, &listing, err));
    DF_TRY(mf_recognise(s, &listing, &found, err));
    if (found == DF_LAYOUT_AUTO) DF_TRY(step_inside(s, &listing, &found, err));
    if (options->layout != DF_LAYOUT_AUTO) found = options->layout;
    s->set.layout = found == DF_LAYOUT_AUTO ? DF_LAYOUT_NATIVE : found;
    DF_TRY(collect(s, &listing, err));
    mf_order(s);
    return DF_OK;
}

df_code df_migrations_open(const df_files_options *options, df_migration_set **out, df_error *err)
{
    mf_set *s = df_zalloc(sizeof *s);
    s->fd = -1;
    s->set.dialect = options->dialect ? options->dialect : &df_sql_postgres;
    s->observer = options->observer;
    df_code code = open_set(s, options, err);
    if (code != DF_OK) {
        df_migrations_close(&s->set);
        return code;
    }
    df_log(s->observer, DF_LOG_DEBUG, "%s: %zu migrations, layout %s, %zu findings", s->set.folder,
           s->set.count, df_layout_name(s->set.layout), s->set.n_findings);
    *out = &s->set;
    return DF_OK;
}

void df_migrations_close(df_migration_set *set)
{
    if (!set) return;
    mf_set *s = mf_impl(set);
    if (s->fd >= 0) close(s->fd);
    if (s->json) df_json_parser_close(s->json);
    df_buf_release(&s->read);
    free(s->drafts);
    free(set->items);
    free(set->findings);
    df_arena_release(&set->arena);
    free(s);
}

/* ---- finding one ---- */

static bool has_tag(df_str tags, df_str tag)
{
    df_str rest = tags, word;
    while ((word = mf_word(&rest)).len)
        if (df_str_eq(word, tag)) return true;
    return false;
}

/* "9", "v1.2": names of sqitch's changes are none. */
static bool is_version(df_str text)
{
    size_t at = text.len > 1 && mf_lower(text.ptr[0]) == 'v';
    return text.len && mf_is_digit(text.ptr[at]);
}

/* By how little may be wrong with it: exact id first, then version, file, name, tag. */
static bool matches(mf_set *s, const df_migration *m, df_str wanted, int how)
{
    switch (how) {
    case 0: return df_str_eq(m->id, wanted);
    case 1:
        return m->version.ptr && s->set.layout != DF_LAYOUT_SQITCH && is_version(wanted) &&
               df_version_compare(m->version, wanted) == 0;
    case 2: return df_str_eq(m->file, wanted);
    case 3: return df_str_eq(m->name, wanted);
    default: return has_tag(mf_draft_of(s, m)->tag, wanted);
    }
}

static df_migration *latest(df_migration_set *set)
{
    df_migration *last = NULL;
    for (size_t i = 0; i < set->count; i++)
        if (set->items[i].kind == DF_VERSIONED) last = &set->items[i];
    return last;
}

df_code df_migration_find(df_migration_set *set, df_str wanted, df_migration **out, df_error *err)
{
    *out = NULL;
    wanted = mf_trim(wanted);
    if (mf_same(wanted, "latest")) {
        *out = latest(set);
        return DF_OK;
    }
    for (int how = 0; how < 5 && !*out; how++) {
        for (size_t i = 0; i < set->count; i++) {
            df_migration *m = &set->items[i];
            if (!matches(mf_impl(set), m, wanted, how)) continue;
            if (!*out) {
                *out = m;
                continue;
            }
            df_fail(err, DF_USAGE, "\"%.*s\" may mean %.*s or %.*s", DF_FMT(wanted), DF_FMT((*out)->file),
                    DF_FMT(m->file));
            df_error_hint(err, "name it as \"%.*s\"", DF_FMT((*out)->id));
            *out = NULL;
            return DF_USAGE;
        }
    }
    return DF_OK;
}
