/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies further below a folder that holds no migrations. Such a folder has nothing to do; where there are
 * scripts below, though, another one was meant (a project's own folder instead of its prisma/migrations,
 * say), and a run that ends well without doing anything would hide that.
 */
#include "migration/files/files_int.h"

#include <fcntl.h>
#include <unistd.h>

enum { DEEPEST = 6, MOST_FOLDERS = 1000, NAMED = 4 };

typedef struct search {
    mf_set *s;
    bool foreign; /* also into folders that are named for other databases */
    size_t looked_into;
    size_t n_folders, n_scripts; /* folders with migrations; scripts in the others */
    const char *folder, *script; /* the first of each, relative to the folder */
    df_buf names;
} search;

static bool has_folder_for_each(df_layout layout)
{
    return layout == DF_LAYOUT_DIESEL || layout == DF_LAYOUT_PRISMA || layout == DF_LAYOUT_TEMPORAL ||
           layout == DF_LAYOUT_SQITCH;
}

static const char *first_script(const search *at, const mf_listing *listing, size_t *count)
{
    const char *first = NULL;
    *count = 0;
    for (size_t i = 0; i < listing->count; i++) {
        const mf_entry *entry = &listing->items[i];
        if (entry->folder || entry->strange || !mf_ends_own(entry->name, at->s->set.dialect)) continue;
        if (!(*count)++) first = entry->name.ptr;
    }
    return first;
}

static bool is_passed_over(const search *at, df_str folder)
{
    bool same = true;
    if (df_str_is(folder, "node_modules")) return true;
    return !at->foreign && mf_is_dialect(folder, at->s->set.dialect, &same) && !same;
}

static void look_into(search *at, const char *path, int depth);

static void look_below(search *at, const mf_listing *listing, const char *path, int depth)
{
    for (size_t i = 0; i < listing->count && depth < DEEPEST; i++) {
        const mf_entry *entry = &listing->items[i];
        if (entry->folder && !is_passed_over(at, entry->name))
            look_into(at, path[0] ? mf_join(&at->s->set.arena, path, entry->name.ptr) : entry->name.ptr,
                      depth + 1);
    }
}

static void note_folder(search *at, const char *path)
{
    if (at->n_folders < NAMED) df_buf_printf(&at->names, "%s%s", at->n_folders ? ", " : "", path);
    if (!at->n_folders++) at->folder = path;
}

/* What cannot be read is nothing: it may not be ours. Links are not followed, since they may lead back up. */
static void look_into(search *at, const char *path, int depth)
{
    mf_set *s = at->s;
    if (at->looked_into++ >= MOST_FOLDERS) return;
    mf_set inside = {.fd = openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (inside.fd < 0) return;
    inside.set.folder = mf_path(s, path);
    inside.set.dialect = s->set.dialect;
    mf_listing listing;
    df_layout layout = DF_LAYOUT_AUTO;
    if (mf_list(inside.fd, ".", path, &inside.set.arena, &listing, NULL) == DF_OK &&
        mf_recognise(&inside, &listing, &layout, NULL) == DF_OK) {
        size_t scripts;
        const char *script = first_script(at, &listing, &scripts);
        if (layout != DF_LAYOUT_AUTO && (scripts || has_folder_for_each(layout))) {
            note_folder(at, path);
        } else {
            if (script && !at->n_scripts) at->script = mf_join(&s->set.arena, path, script);
            at->n_scripts += scripts;
            look_below(at, &listing, path, depth);
        }
    }
    df_arena_release(&inside.set.arena);
    close(inside.fd);
}

static void tell_folders(search *at)
{
    mf_set *s = at->s;
    df_arena *arena = &s->set.arena;
    const char *first = mf_path(s, at->folder), *names = df_buf_cstr(&at->names),
               *more = at->n_folders > NAMED ? df_arena_printf(arena, " and %zu more", at->n_folders - NAMED)
                                             : "";
    if (at->foreign)
        mf_find(s, "other-dialect", true, NULL, 0,
                df_arena_printf(arena,
                                "name a database that they are for, or one of the folders: --migrations %s",
                                first),
                "%s holds no migrations, but some for other databases lie below: %s%s", s->set.folder, names,
                more);
    else
        mf_find(s, "ignored-file", true, NULL, 0,
                df_arena_printf(arena, "name the one that is meant: --migrations %s", first),
                "%s holds no migrations, but %s: %s%s", s->set.folder,
                at->n_folders == 1 ? "a folder below does" : "folders below do", names, more);
}

static void tell_scripts(search *at)
{
    mf_set *s = at->s;
    mf_find(s, "ignored-file", true, NULL, 0,
            df_arena_printf(&s->set.arena,
                            "put those that are meant into one folder, and name them 001_name.%s",
                            s->set.dialect->extension),
            "%s holds no migrations, and what lies further below does not run: %zu script%s, as %s",
            s->set.folder, at->n_scripts, at->n_scripts == 1 ? "" : "s", at->script);
}

/* Whether there was anything to tell. */
static bool look(mf_set *s, const mf_listing *listing, bool foreign)
{
    search at = {.s = s, .foreign = foreign};
    look_below(&at, listing, "", 0);
    if (at.n_folders)
        tell_folders(&at);
    else if (at.n_scripts)
        tell_scripts(&at);
    df_buf_release(&at.names);
    return at.n_folders || at.n_scripts;
}

void mf_look_further_below(mf_set *s, const mf_listing *listing)
{
    bool blocked = false;
    for (size_t i = 0; i < s->set.n_findings; i++) blocked |= s->set.findings[i].blocks;
    if (s->n_drafts || s->n_scopes || blocked || look(s, listing, false)) return;
    look(s, listing, true);
}
