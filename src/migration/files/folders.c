/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts with a folder for each migration: diesel, prisma, temporal. */
#include "migration/files/files_int.h"

#include <string.h>

static mf_draft *new_draft(mf_set *s, const mf_entry *entry, df_str version, df_str name, const char *file,
                           mf_role role)
{
    mf_draft *draft = mf_add(s);
    draft->id = entry->name;
    draft->version = draft->order = version;
    draft->name = name;
    const char *path = mf_join(&s->set.arena, entry->name.ptr, file);
    draft->file = df_str_from(path);
    mf_add_file(draft, role, path, false);
    return draft;
}

static void add_if_there(mf_set *s, const mf_entry *entry, const char *file, mf_role role)
{
    const char *path = mf_join(&s->set.arena, entry->name.ptr, file);
    if (mf_exists(s->fd, path)) mf_add_file(&s->drafts[s->n_drafts - 1], role, path, false);
}

static bool has(mf_set *s, const mf_entry *entry, const char *file)
{
    return mf_exists(s->fd, mf_join(&s->set.arena, entry->name.ptr, file));
}

static void missing(mf_set *s, const mf_entry *entry, const char *file)
{
    mf_find(s, "missing-file", true, entry->name.ptr, 0, "restore the file, or remove the folder",
            "%s has no %s in it; it would not run", entry->name.ptr, file);
}

static void take_diesel(mf_set *s, const mf_entry *entry)
{
    df_str version, name;
    df_arena *arena = &s->set.arena;
    const char *up = mf_script(arena, "up", s->set.dialect), *down = mf_script(arena, "down", s->set.dialect);
    bool numbered = mf_split_version(entry->name, &version, &name);
    if (!has(s, entry, up)) {
        if (numbered) missing(s, entry, up);
        return;
    }
    if (!numbered) {
        mf_find(s, "bad-name", true, entry->name.ptr, 0, "name it as diesel does: 2024-01-31-120000_name",
                "%s does not begin with a version; it would not run", entry->name.ptr);
        return;
    }
    new_draft(s, entry, version, name, up, MF_UP);
    add_if_there(s, entry, down, MF_DOWN);
    add_if_there(s, entry, "metadata.toml", MF_CONFIG);
}

/* Prisma takes every folder and orders them by their names, which it also keeps: two may have one stamp. */
static void take_prisma(mf_set *s, const mf_entry *entry)
{
    df_str version, name;
    if (!mf_split_version(entry->name, &version, &name)) version = name = entry->name;
    const char *script = mf_script(&s->set.arena, "migration", s->set.dialect);
    if (!has(s, entry, script)) {
        missing(s, entry, script);
        return;
    }
    mf_draft *draft = new_draft(s, entry, version, name, script, MF_UP);
    draft->order = entry->name;
    draft->by_text = true;
}

static void take_temporal(mf_set *s, const mf_entry *entry)
{
    df_str version, name;
    if (entry->name.len < 2 || entry->name.ptr[0] != 'v' ||
        !mf_split_version(df_str_skip(entry->name, 1), &version, &name))
        return;
    if (has(s, entry, "manifest.json"))
        new_draft(s, entry, version, entry->name, "manifest.json", MF_CONFIG);
    else
        missing(s, entry, "manifest.json");
}

/* Files between the folders: those that look like migrations would not run. */
static void judge_file(mf_set *s, const mf_entry *entry)
{
    mf_name name = mf_name_parse(entry->name, s->set.dialect, &s->set.arena);
    if (name.cls == MF_CODE)
        mf_find_code(s, entry->name.ptr);
    else if (name.cls == MF_FOREIGN)
        mf_find(s, "other-dialect", false, entry->name.ptr, 0, NULL, "%s is for another kind of database",
                entry->name.ptr);
    else if (name.cls != MF_NO_CLASS)
        mf_find(s, "mixed-layout", true, entry->name.ptr, 0,
                "keep one layout in one folder, or name the layout: --layout NAME",
                "%s is a file, while each migration here has a folder of its own (%s); it would not run",
                entry->name.ptr, df_layout_name(s->set.layout));
    else if (mf_ends_own(entry->name, s->set.dialect))
        mf_find(s, "ignored-file", false, entry->name.ptr, 0, NULL,
                "%s has no version in its name; it does not run", entry->name.ptr);
}

/* The database that prisma wrote the files for. */
static df_code check_provider(mf_set *s, df_error *err)
{
    bool same = false;
    df_str text;
    DF_TRY(mf_read_text(s, "migration_lock.toml", &text, err));
    df_str provider = mf_setting(text, NULL, "provider");
    if (!provider.ptr || df_str_is(provider, "cockroachdb")) return DF_OK;
    if (mf_is_dialect(provider, s->set.dialect, &same) && same) return DF_OK;
    mf_find(s, "other-dialect", true, "migration_lock.toml", 0, "name a database of that kind",
            "these migrations are written for %.*s", DF_FMT(provider));
    return DF_OK;
}

df_code mf_collect_folders(mf_set *s, const mf_listing *listing, df_error *err)
{
    for (size_t i = 0; i < listing->count; i++) {
        const mf_entry *entry = &listing->items[i];
        if (!entry->folder) {
            if (df_str_is(entry->name, "migration_lock.toml") && s->set.layout == DF_LAYOUT_PRISMA)
                DF_TRY(check_provider(s, err));
            judge_file(s, entry);
        } else if (!df_str_is_utf8(entry->name)) {
            mf_find(s, "bad-name", true, entry->name.ptr, 0, NULL,
                    "the name %s is not UTF-8, and cannot be kept in a history", entry->name.ptr);
        } else if (s->set.layout == DF_LAYOUT_DIESEL) {
            take_diesel(s, entry);
        } else if (s->set.layout == DF_LAYOUT_PRISMA) {
            take_prisma(s, entry);
        } else {
            take_temporal(s, entry);
        }
    }
    return DF_OK;
}
