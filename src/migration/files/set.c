/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a folder of migrations, and finding one of them. */
#include "migration/files/files_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
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
        draft->files[draft->n_files++] =
            (mf_file){.role = role, .no_transaction = no_transaction, .path = path};
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

static df_code open_folder(mf_set *s, const char *path, df_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        int reason = errno;
        struct stat st;
        bool is_file = reason == ENOTDIR && stat(path, &st) == 0;
        df_code code = df_fail_errno(err, reason, path, "open folder");
        if (code == DF_NOT_FOUND && err) {
            df_fail(err, code, is_file ? "%s is a file, and no folder of migrations" : "there is no folder %s", path);
            df_error_at(err, path, 0);
            df_error_hint(err, is_file ? "name the folder that it is in: --migrations DIR"
                                       : "dataflow init makes it; or say where the migrations are: --migrations DIR");
        }
        return code;
    }
    if (s->fd >= 0) close(s->fd);
    s->fd = fd;
    s->set.folder = df_arena_printf(&s->set.arena, "%s", path);
    return DF_OK;
}

/* All folders inside, each with what it seems to hold. */
static df_code look_inside(mf_set *s, const mf_listing *listing, mf_candidate *out, size_t *count,
                           df_error *err)
{
    *count = 0;
    for (size_t i = 0; i < listing->count; i++) {
        const mf_entry *entry = &listing->items[i];
        if (!entry->folder || df_str_is(entry->name, "node_modules")) continue;
        mf_set inside = {.fd = openat(s->fd, entry->name.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        if (inside.fd < 0) continue; /* may not be ours to read */
        inside.set.folder = mf_path(s, entry->name.ptr);
        inside.set.dialect = s->set.dialect;
        mf_listing listed;
        mf_candidate *c = &out[(*count)++];
        *c = (mf_candidate){.name = entry->name.ptr};
        df_code code = mf_list(inside.fd, ".", inside.set.folder, &inside.set.arena, &listed, err);
        if (code == DF_OK) code = mf_recognise(&inside, &listed, &c->layout, err);
        df_arena_release(&inside.set.arena);
        close(inside.fd);
        DF_TRY(code);
        bool dialect = mf_is_dialect(entry->name, s->set.dialect, &c->named_so);
        c->named_so &= dialect;
        c->foreign = dialect && !c->named_so;
    }
    return DF_OK;
}

static bool holds_ways_down(df_str folder)
{
    return mf_same(folder, "down") || mf_same(folder, "undo") || mf_same(folder, "rollback") ||
           mf_same(folder, "rollbacks") || mf_same(folder, "revert");
}

static bool is_conventional(df_str folder)
{
    return mf_same(folder, "migrations") || mf_same(folder, "migration");
}

static df_code fail_many(mf_set *s, size_t total, const char *names, const char *first, df_error *err)
{
    df_code code = df_fail(err, DF_USAGE, "%s holds no migrations, but %s: %s", s->set.folder,
                           total ? "several of its folders do" : "some for other databases", names);
    if (total)
        df_error_hint(err, "name one of them: --migrations %s", mf_path(s, first));
    else
        df_error_hint(err, "name a database that they are for, or one of the folders: --migrations %s",
                      mf_path(s, first));
    return code;
}

/* The one folder that can be meant: the only one that is named for the database, the only one with migrations
 * that is not named for another one, or that which is called "migrations". NULL when no folder has any. */
static df_code choose(mf_set *s, const mf_candidate *folders, size_t count, const mf_candidate **out,
                      df_error *err)
{
    df_buf names = {0}, others = {0};
    size_t total = 0, so_named = 0;
    const mf_candidate *first = NULL, *first_so = NULL, *conventional = NULL, *foreign = NULL;
    for (size_t i = 0; i < count; i++) {
        const mf_candidate *c = &folders[i];
        if (c->layout == DF_LAYOUT_AUTO) continue;
        if (c->foreign) {
            df_buf_printf(&others, "%s%s", foreign ? ", " : "", c->name);
            if (!foreign) foreign = c;
            continue;
        }
        df_buf_printf(&names, "%s%s", total ? ", " : "", c->name);
        if (!total++ || holds_ways_down(df_str_from(first->name))) first = c;
        if (c->named_so && !so_named++) first_so = c;
        if (is_conventional(df_str_from(c->name))) conventional = c;
    }
    *out = total > 1 && so_named == 1 ? first_so : total > 1 && conventional ? conventional : first;
    df_code code = DF_OK;
    if (total > 1 && so_named != 1 && !conventional)
        code = fail_many(s, total, df_buf_cstr(&names), first->name, err);
    else if (!total && foreign)
        code = fail_many(s, total, df_buf_cstr(&others), foreign->name, err);
    df_buf_release(&names);
    df_buf_release(&others);
    return code;
}

/* A folder that holds common, dev or prod: "migrations" of "schema". NULL unless there is exactly one. */
static const char *holder_of_scopes(mf_set *s, const mf_listing *listing)
{
    const char *found = NULL;
    for (size_t i = 0; i < listing->count; i++) {
        const mf_entry *entry = &listing->items[i];
        mf_listing inside;
        bool holds = false;
        if (!entry->folder || df_str_is(entry->name, "node_modules") ||
            mf_list(s->fd, entry->name.ptr, entry->name.ptr, &s->set.arena, &inside, NULL) != DF_OK)
            continue;
        for (size_t k = 0; k < inside.count; k++)
            holds |= inside.items[k].folder && mf_is_scope(inside.items[k].name);
        if (holds && found) return NULL;
        if (holds) found = entry->name.ptr;
    }
    return found;
}

/* Flyway and neo4j-migrations read all folders below one; not those of other databases. */
static bool are_one(const mf_candidate *folders, size_t count, df_layout layout)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (folders[i].layout == DF_LAYOUT_AUTO || folders[i].foreign) continue;
        if (folders[i].layout != layout) return false;
        found++;
    }
    return found > 1;
}

/* One level further down, when nothing is here: into the one folder that can be meant, or into those of the
 * environment. `deeper`: the folders of environments may also lie in a folder of this one. */
static df_code step_inside(mf_set *s, mf_listing *listing, const char *environment, bool deeper,
                           df_layout *layout, df_error *err)
{
    mf_candidate *folders = df_arena_alloc(&s->set.arena, (listing->count + 1) * sizeof *folders);
    const mf_candidate *best;
    const char *into;
    size_t count;
    DF_TRY(look_inside(s, listing, folders, &count, err));
    if (mf_part(s, folders, count, environment, layout)) return DF_OK;
    static const df_layout deep[] = {DF_LAYOUT_NEO4J_MIGRATIONS, DF_LAYOUT_FLYWAY};
    for (size_t i = 0; i < sizeof deep / sizeof *deep; i++)
        if (are_one(folders, count, deep[i])) {
            *layout = deep[i];
            return DF_OK;
        }
    DF_TRY(choose(s, folders, count, &best, err));
    into = best ? best->name : deeper ? holder_of_scopes(s, listing) : NULL;
    for (size_t i = 0; !into && deeper && i < listing->count; i++)
        if (listing->items[i].folder && is_conventional(listing->items[i].name))
            into = listing->items[i].name.ptr;
    if (!into) return DF_OK;
    DF_TRY(open_folder(s, mf_path(s, into), err));
    DF_TRY(mf_list(s->fd, ".", s->set.folder, &s->set.arena, listing, err));
    if (!best) return step_inside(s, listing, environment, false, layout, err);
    *layout = best->layout;
    return DF_OK;
}

static df_code collect(mf_set *s, const mf_listing *listing, df_error *err)
{
    switch (s->set.layout) {
    case DF_LAYOUT_DIESEL:
    case DF_LAYOUT_PRISMA:
    case DF_LAYOUT_TEMPORAL: return mf_collect_folders(s, listing, err);
    case DF_LAYOUT_SQITCH: return mf_collect_sqitch(s, listing, err);
    case DF_LAYOUT_LIQUIBASE: return mf_collect_liquibase(s, listing, err);
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
    for (size_t i = 0; i < listing.count && found == DF_LAYOUT_AUTO; i++)
        if (!listing.items[i].folder && mf_is_xml_changelog(s, listing.items[i].name)) found = DF_LAYOUT_LIQUIBASE;
    if (found == DF_LAYOUT_AUTO) DF_TRY(step_inside(s, &listing, options->environment, true, &found, err));
    for (size_t i = 0; i < listing.count && found == DF_LAYOUT_AUTO; i++)
        if (!listing.items[i].folder && mf_is_other_changelog(s, listing.items[i].name))
            found = DF_LAYOUT_LIQUIBASE;
    if (options->layout != DF_LAYOUT_AUTO) found = options->layout;
    s->set.layout = found == DF_LAYOUT_AUTO ? DF_LAYOUT_NATIVE : found;
    DF_TRY(collect(s, &listing, err));
    mf_look_further_below(s, &listing);
    DF_TRY(mf_find_checkpoints(s, &listing, err));
    mf_sort_callbacks(s);
    mf_order(s);
    return DF_OK;
}

static df_code open_as(const df_files_options *options, const df_sql_dialect *dialect, mf_set **out,
                       df_error *err)
{
    mf_set *s = df_zalloc(sizeof *s);
    s->fd = -1;
    s->set.dialect = dialect;
    s->observer = options->observer;
    s->environment = df_arena_cstr(&s->set.arena, df_str_from(options->environment ? options->environment : ""));
    df_code code = open_set(s, options, err);
    if (code == DF_OK)
        *out = s;
    else
        df_migrations_close(&s->set);
    return code;
}

/* Without a dialect: SQL, unless there is none in the folder, and Cypher is. */
static df_code open_as_is(const df_files_options *options, mf_set **out, df_error *err)
{
    mf_set *other = NULL;
    DF_TRY(open_as(options, &df_sql_postgres, out, err));
    if ((*out)->set.count || open_as(options, &df_sql_cypher, &other, NULL) != DF_OK) return DF_OK;
    if (other->set.count) {
        mf_set *first = *out;
        *out = other;
        other = first;
    }
    df_migrations_close(&other->set);
    return DF_OK;
}

df_code df_migrations_open(const df_files_options *options, df_migration_set **out, df_error *err)
{
    mf_set *s;
    DF_TRY(options->dialect ? open_as(options, options->dialect, &s, err) : open_as_is(options, &s, err));
    df_log(s->observer, DF_LOG_DEBUG, "%s: %zu migrations, layout %s, %zu findings", s->set.folder,
           s->set.count, df_layout_name(s->set.layout), s->set.n_findings);
    *out = &s->set;
    return DF_OK;
}

void df_migrations_close(df_migration_set *set)
{
    if (!set) return;
    mf_set *s = mf_impl(set);
    mf_wait_ahead(s);
    if (s->fd >= 0) close(s->fd);
    if (s->json) df_json_parser_close(s->json);
    df_buf_release(&s->read);
    free(s->drafts);
    free(set->items);
    free(set->findings);
    free(set->callbacks);
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

/* By how little may be wrong with it: exact id first, then version, file, name, tag. Ids and files also
 * without the environment's folder in front of them. */
static bool matches(mf_set *s, const df_migration *m, df_str wanted, int how)
{
    char stamp[15];
    switch (how) {
    case 0: return df_str_eq(m->id, wanted) || df_str_eq(mf_base(m->id), wanted);
    case 1:
        return m->version.ptr && s->set.layout != DF_LAYOUT_SQITCH && s->set.layout != DF_LAYOUT_LIQUIBASE &&
               is_version(wanted) && df_version_compare(m->version, mf_wanted_version(wanted, stamp)) == 0;
    case 2: return df_str_eq(m->file, wanted) || df_str_eq(mf_base(m->file), wanted);
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

/* By the whole id, when only one has it. */
static bool find_exactly(df_migration_set *set, df_str wanted, df_migration **out)
{
    size_t found = 0, last = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (!df_str_eq(set->items[i].id, wanted)) continue;
        last = i;
        found++;
    }
    if (found == 1) *out = &set->items[last];
    return found == 1;
}

df_code df_migration_find(df_migration_set *set, df_str wanted, df_migration **out, df_error *err)
{
    *out = NULL;
    wanted = mf_trim(wanted);
    if (mf_same(wanted, "latest")) {
        *out = latest(set);
        return DF_OK;
    }
    if (find_exactly(set, wanted, out)) return DF_OK;
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
