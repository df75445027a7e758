/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts whose files stand side by side in one folder (Flyway: also in folders below). */
#include "migration/files/files_int.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* A file that belongs to the layout. */
typedef struct found {
    mf_name name;
    const char *path; /* relative to the folder */
    df_str scope;     /* the environment's folder it lies in; absent where there are none */
} found;

/* What becomes one migration: files of one version and name. */
typedef struct group {
    mf_name name; /* of the file that says what it is called */
    df_str scope;
    const char *up, *down;
    const char **alternatives; /* to `up`, which is the first of them */
    size_t n_alternatives;
    int up_rank, down_rank;    /* 2: for our dialect, 1: for all */
    bool up_alone, down_alone; /* .autocommit */
    bool gone;                 /* merged into another */
} group;

typedef struct collection {
    mf_set *s;
    found *items;
    size_t count, cap;
    group *groups;
    size_t n_groups, groups_cap;
    df_keymap by_name, by_version, elsewhere; /* elsewhere: versions with an up for another dialect */
    size_t n_other;
    df_buf others;    /* dialects, named once each */
    size_t n_idle;    /* scripts without a version */
    size_t n_foreign; /* files with the ending of another kind of database */
    const char *foreign;
} collection;

/* ---- names ---- */

static bool takes(df_layout layout, const mf_name *name, df_str file)
{
    switch (layout) {
    case DF_LAYOUT_PAIRS: return name->cls == MF_PAIR || name->cls == MF_REPEATABLE;
    case DF_LAYOUT_KRATOS: return name->cls == MF_PAIR;
    case DF_LAYOUT_SQLX: return name->cls == MF_PAIR || name->cls == MF_SINGLE || name->cls == MF_BESIDE;
    case DF_LAYOUT_AUTHELIA: return name->cls == MF_AUTHELIA_V;
    case DF_LAYOUT_FLYWAY:
        return name->cls == MF_FLYWAY_V || (name->cls == MF_REPEATABLE && df_str_starts(file, DF_STR("R__")));
    case DF_LAYOUT_NEO4J_MIGRATIONS:
        return (name->cls == MF_FLYWAY_V && name->kind != DF_BASELINE) ||
               (name->cls == MF_REPEATABLE && df_str_starts(file, DF_STR("R__")));
    case DF_LAYOUT_NATIVE:
        return name->cls == MF_SINGLE || name->cls == MF_BESIDE || name->cls == MF_REPEATABLE;
    default: return name->cls == MF_SINGLE;
    }
}

static const char *class_text(const mf_name *name)
{
    switch (name->cls) {
    case MF_SINGLE: return "a file with both directions (001_name)";
    case MF_PAIR: return "one of a pair (001_name.up)";
    case MF_BESIDE: return "a way down (001_name.rollback)";
    case MF_FLYWAY_V: return "named as Flyway and neo4j-migrations do (V1__name)";
    case MF_AUTHELIA_V: return "one of a pair (V0001.Name.up)";
    default: return "a repeatable one (R__name)";
    }
}

static bool has_folders_below(df_layout layout)
{
    return layout == DF_LAYOUT_FLYWAY || layout == DF_LAYOUT_NEO4J_MIGRATIONS;
}

static bool is_printable(df_str name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] < ' ' || name.ptr[i] == 0x7f) return false;
    return df_str_is_utf8(name);
}

/* Begins as a migration's name does: somebody meant it to run. */
static bool looks_meant(df_layout layout, df_str file)
{
    if (file.len < 2) return false;
    char first = has_folders_below(layout) && file.ptr[0] >= 'a' ? (char)(file.ptr[0] - 32) : file.ptr[0];
    bool numbered = mf_is_digit(file.ptr[1]);
    return mf_is_digit(first) || (memchr("VUB", first, 3) && numbered) ||
           (first == 'R' && layout == DF_LAYOUT_NEO4J_MIGRATIONS && numbered) ||
           (first == 'R' && df_str_starts(df_str_skip(file, 1), DF_STR("__")));
}

/* What Flyway runs by itself before and after. */
static bool is_callback(df_layout layout, df_str file)
{
    static const char *const names[] = {"beforeMigrate", "beforeEachMigrate", "afterEachMigrate",
                                        "afterMigrate",  "beforeRepeatables", "beforeConnect",
                                        "createSchema",  "afterVersioned",    "beforeUndo",
                                        "afterUndo",     "beforeValidate",    "afterValidate"};
    for (size_t i = 0; layout == DF_LAYOUT_FLYWAY && i < sizeof names / sizeof *names; i++)
        if (df_str_starts(file, df_str_from(names[i]))) return true;
    return false;
}

static void judge_script(mf_set *s, df_str file, const char *path)
{
    const char *extension = s->set.dialect->extension;
    df_arena *arena = &s->set.arena;
    if (is_callback(s->set.layout, file))
        mf_find(s, "callback", false, path, 0, "make it a hook of the configuration",
                "%s is a callback of Flyway; it does not run", path);
    else if (!looks_meant(s->set.layout, file))
        mf_find(s, "ignored-file", false, path, 0,
                df_arena_printf(arena, "give it a version if it is to run: 001_name.%s", extension),
                "%s has no version in its name; it does not run", path);
    else if (mf_is_digit(file.ptr[0]))
        mf_find(s, "bad-name", true, path, 0,
                df_arena_printf(arena, "an underscore parts version and name: 001_name.%s", extension),
                "%s cannot be read as version and name; it would not run", path);
    else
        mf_find(s, "bad-name", true, path, 0,
                df_arena_printf(
                    arena, "a capital letter, and two underscores between version and name: V1_2__name.%s",
                    extension),
                "%s cannot be read as version and name; it would not run", path);
}

void mf_find_code(mf_set *s, const char *path)
{
    mf_find(s, "foreign-code", true, path, 0,
            df_arena_printf(&s->set.arena, "write it as %s, or run it with the tool it is for",
                            mf_language(s->set.dialect)),
            "%s is a program, which only the tool it was written for can run", path);
}

/* SQL by another ending, or wrapped up: 001_a.psql, 001_a.sql.gz. */
static bool is_sql_otherwise(const mf_set *s, df_str file)
{
    static const char *const endings[] = {".psql", ".pgsql",  ".mysql",  ".ddl",      ".dml",
                                          ".sqm",  ".sql.gz", ".sql.j2", ".sql.tmpl", ".sql.erb"};
    for (size_t i = 0; s->set.dialect->family != DF_SQL_CYPHER && i < sizeof endings / sizeof *endings; i++)
        if (mf_ends(file, endings[i])) return true;
    return false;
}

static void judge_stranger(mf_set *s, df_str file, const char *path)
{
    static const char *const left_over[] = {"~", ".bak", ".orig", ".rej", ".swp", ".old", ".tmp"};
    df_str stem = file;
    const char *extension = s->set.dialect->extension;
    size_t len = strlen(extension);
    if (mf_ends_own(file, s->set.dialect)) {
        bool own;
        mf_take_ending(&stem, s->set.dialect, &own);
        if (!mf_take_callback(s, stem, path)) judge_script(s, file, path);
        return;
    }
    if (!looks_meant(s->set.layout, file)) return;
    if (is_sql_otherwise(s, file) || (file.len > len + 1 && file.ptr[file.len - len - 1] == '.' &&
                                      mf_same(df_str_skip(file, file.len - len), extension)))
        mf_find(s, "bad-name", true, path, 0,
                df_arena_printf(&s->set.arena, "rename it so that it ends in .%s", extension),
                "%s does not run: its ending is not .%s", path, extension);
    for (size_t i = 0; i < sizeof left_over / sizeof *left_over; i++)
        if (mf_ends(file, left_over[i]))
            mf_find(s, "ignored-file", false, path, 0, "delete it when nobody needs it",
                    "%s looks like what an editor left; it does not run", path);
}

static void judge_folder(mf_set *s, const mf_entry *entry, const char *path)
{
    df_str version, name;
    df_arena *arena = &s->set.arena;
    bool numbered = mf_split_version(entry->name, &version, &name);
    if (!numbered && !mf_ends_own(entry->name, s->set.dialect)) return;
    if (mf_exists(s->fd, mf_join(arena, path, mf_script(arena, "up", s->set.dialect))) ||
        mf_exists(s->fd, mf_join(arena, path, mf_script(arena, "migration", s->set.dialect))))
        mf_find(s, "mixed-layout", true, path, 0, "keep one layout in one folder",
                "%s is a migration in a folder of its own, while the others here are files; it would not run",
                path);
    else if (mf_ends_own(entry->name, s->set.dialect))
        mf_find(s, "ignored-file", false, path, 0, NULL, "%s is a folder, in spite of its name", path);
}

static df_code take_listing(collection *c, const mf_listing *listing, const char *prefix, int depth,
                            df_error *err);

/* Flyway and neo4j-migrations read the folders below, too; one that is named for another database is passed
 * over. */
static df_code take_folder(collection *c, const mf_entry *entry, const char *path, int depth, df_error *err)
{
    enum { DEEPEST = 8 };
    bool same = true;
    if (!has_folders_below(c->s->set.layout) || depth >= DEEPEST) {
        judge_folder(c->s, entry, path);
        return DF_OK;
    }
    if (mf_is_dialect(entry->name, c->s->set.dialect, &same) && !same) {
        mf_find(c->s, "other-dialect", false, path, 0, NULL, "%s is for another database", path);
        return DF_OK;
    }
    mf_listing inside;
    DF_TRY(mf_list(c->s->fd, path, mf_path(c->s, path), &c->s->set.arena, &inside, err));
    return take_listing(c, &inside, path, depth + 1, err);
}

/* The part of a path in front of its first "/" is an environment's folder, where there are such. */
static df_str scope_of(const mf_set *s, const char *path)
{
    const char *slash = s->n_scopes ? strchr(path, '/') : NULL;
    return slash ? (df_str){path, (size_t)(slash - path)} : DF_STR_NONE;
}

/* A name that a terminal may be shown: with \xHH for every byte that is not plain ASCII, when one is not printable. */
static const char *escaped(df_arena *arena, const char *path)
{
    if (is_printable(df_str_from(path))) return path;
    df_buf out = {0};
    for (const char *at = path; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if (c >= ' ' && c < 0x7F)
            df_buf_char(&out, *at);
        else
            df_buf_printf(&out, "\\x%02x", c);
    }
    const char *text = df_arena_cstr(arena, df_buf_str(&out));
    df_buf_release(&out);
    return text;
}

static void take_entry(collection *c, const mf_listing *listing, const mf_entry *entry, const char *path)
{
    mf_set *s = c->s;
    mf_name name = mf_name_among(listing, entry->name, s->set.dialect, &s->set.arena);
    if (name.cls == MF_CODE) {
        mf_find_code(s, path);
    } else if (name.cls == MF_FOREIGN) {
        if (!c->n_foreign++) c->foreign = path;
    } else if (name.cls == MF_NO_CLASS) {
        c->n_idle += mf_ends_own(entry->name, s->set.dialect);
        judge_stranger(s, entry->name, path);
    } else if (entry->strange || !is_printable(entry->name)) {
        const char *shown = escaped(&s->set.arena, path);
        mf_find(s, "bad-name", true, shown, 0, NULL,
                entry->strange ? "%s is no regular file; it cannot be run"
                               : "the name %s is not printable UTF-8, and cannot be kept in a history",
                shown);
    } else if (takes(s->set.layout, &name, entry->name)) {
        DF_PUSH(c->items, c->count, c->cap) = (found){name, path, scope_of(s, path)};
    } else {
        mf_find(s, "mixed-layout", true, path, 0,
                "keep one layout in one folder, or name the layout: --layout NAME",
                "%s is %s, while the layout of the folder is %s; it would not run", path, class_text(&name),
                df_layout_name(s->set.layout));
    }
}

static df_code take_listing(collection *c, const mf_listing *listing, const char *prefix, int depth,
                            df_error *err)
{
    for (size_t i = 0; i < listing->count; i++) {
        const mf_entry *entry = &listing->items[i];
        const char *path = prefix[0] ? mf_join(&c->s->set.arena, prefix, entry->name.ptr) : entry->name.ptr;
        if (entry->folder)
            DF_TRY(take_folder(c, entry, path, depth, err));
        else
            take_entry(c, listing, entry, path);
    }
    return DF_OK;
}

/* The folder itself, or the folders of all environments and of this one. */
static df_code take_all(collection *c, const mf_listing *listing, df_error *err)
{
    mf_set *s = c->s;
    if (!s->n_scopes) return take_listing(c, listing, "", 0, err);
    for (size_t i = 0; i < s->n_scopes; i++) {
        mf_listing inside;
        DF_TRY(mf_list(s->fd, s->scopes[i], mf_path(s, s->scopes[i]), &s->set.arena, &inside, err));
        DF_TRY(take_listing(c, &inside, s->scopes[i], 0, err));
    }
    return DF_OK;
}

/* ---- groups ---- */

static df_hash128 version_hash(df_str scope, df_str version, df_str name, bool with_name)
{
    df_buf key = {0};
    mf_version_key(version, &key);
    if (with_name) {
        df_buf_char(&key, '/');
        df_buf_str_add(&key, name);
    }
    if (scope.len) {
        df_buf_text(&key, "//");
        df_buf_str_add(&key, scope);
    }
    df_hash128 hash = df_hash(df_buf_str(&key).ptr, key.len);
    df_buf_release(&key);
    return hash;
}

static bool has_twins(collection *c)
{
    df_keymap seen = {0};
    bool twins = false;
    for (size_t i = 0; i < c->count && !twins; i++) {
        const found *f = &c->items[i];
        if (f->name.kind != DF_VERSIONED || f->name.role == MF_DOWN) continue;
        bool added;
        df_keymap_put(&seen, version_hash(f->scope, f->name.version, f->name.name, false), &added);
        twins = !added;
    }
    df_keymap_release(&seen);
    return twins;
}

/*
 * 2024_01_15_120000_name, 20240115_02_name, 03.00.00_50_name: where several files would have one version, the
 * numbers behind it belong to it, in all names of the folder. Tools that have their own history keep theirs.
 */
static void take_longer_versions(collection *c)
{
    if (c->s->set.layout != DF_LAYOUT_NATIVE || !has_twins(c)) return;
    for (size_t i = 0; i < c->count; i++) {
        mf_name *name = &c->items[i].name;
        df_str rest, version = DF_STR_NONE;
        if (name->kind == DF_VERSIONED) version = mf_longer_version(name, &c->s->set.arena, &rest);
        if (!version.ptr) continue;
        name->version = version;
        name->name = rest;
    }
}

/* 2: for our dialect; 1: for every one; 0: for another. */
static int rank_of(collection *c, const mf_name *name, df_str scope)
{
    bool same = false;
    if (!name->dialect.ptr) return 1;
    mf_is_dialect(name->dialect, c->s->set.dialect, &same);
    if (same) return 2;
    c->n_other++;
    if (!c->others.len || !memmem(c->others.ptr, c->others.len, name->dialect.ptr, name->dialect.len)) {
        if (c->others.len) df_buf_text(&c->others, ", ");
        df_buf_str_add(&c->others, name->dialect);
    }
    if (name->role != MF_DOWN)
        df_keymap_put(&c->elsewhere, version_hash(scope, name->version, name->name, false), NULL);
    return 0;
}

static void put_file(group *g, const mf_name *name, const char *path, int rank)
{
    if (name->role == MF_DOWN) {
        g->down = path;
        g->down_rank = rank;
        g->down_alone = name->autocommit;
    } else {
        g->up = path;
        g->up_rank = rank;
        g->up_alone = name->autocommit;
        g->name = *name;
    }
}

static group *new_group(collection *c, const found *f, df_hash128 key)
{
    *df_keymap_put(&c->by_name, key, NULL) = (int64_t)c->n_groups;
    group *g = &DF_PUSH(c->groups, c->n_groups, c->groups_cap);
    *g = (group){.name = f->name, .scope = f->scope};
    return g;
}

/* Two files of one name, each with preconditions of its own: one of the two will be meant. */
static bool take_alternative(collection *c, group *g, const found *f, df_error *err, df_code *code)
{
    mf_set *s = c->s;
    bool alike = true;
    if (s->set.layout != DF_LAYOUT_NEO4J_MIGRATIONS || !df_str_eq(g->name.id, f->name.id)) return false;
    if (!g->n_alternatives) {
        g->alternatives = df_arena_alloc(&s->set.arena, sizeof *g->alternatives);
        g->alternatives[g->n_alternatives++] = g->up;
    }
    for (size_t i = 0; i < g->n_alternatives && *code == DF_OK; i++) {
        *code = mf_same_preconditions(s, g->alternatives[i], f->path, &alike, err);
        if (*code != DF_OK || alike) return false;
    }
    const char **list = df_arena_alloc(&s->set.arena, (g->n_alternatives + 1) * sizeof *list);
    memcpy(list, g->alternatives, g->n_alternatives * sizeof *list);
    list[g->n_alternatives++] = f->path;
    g->alternatives = list;
    return true;
}

static df_code take_file(collection *c, const found *f, df_error *err)
{
    df_code code = DF_OK;
    int rank = rank_of(c, &f->name, f->scope);
    if (!rank) return DF_OK;
    /* Names of undo files may differ, and those of baselines stand beside the versions. */
    bool named = !has_folders_below(c->s->set.layout) || f->name.kind != DF_VERSIONED;
    df_str label = f->name.kind == DF_VERSIONED ? f->name.name : f->name.id;
    df_hash128 key = version_hash(f->scope, f->name.version, label, named);
    const int64_t *at = df_keymap_get(&c->by_name, key);
    group *g = at ? &c->groups[*at] : new_group(c, f, key);
    bool down = f->name.role == MF_DOWN;
    const char *there = down ? g->down : g->up;
    int had = down ? g->down_rank : g->up_rank;
    if (!there || rank > had) {
        put_file(g, &f->name, f->path, rank);
    } else if (rank == had && !down) {
        if (!take_alternative(c, g, f, err, &code) && code == DF_OK)
            put_file(new_group(c, f, key), &f->name, f->path, rank); /* mf_order names both */
    } else if (rank == had) {
        mf_find(c->s, "duplicate-version", true, f->path, 0, "keep one of them",
                "%s and %s are both the way down of one version", there, f->path);
    }
    return code;
}

/* ---- ups and downs that do not go by one name ---- */

static void find_pairs_by_version(collection *c)
{
    for (size_t i = 0; i < c->n_groups; i++) {
        group *g = &c->groups[i];
        if (!g->up || g->name.kind != DF_VERSIONED) continue;
        bool added;
        int64_t *at = df_keymap_put(&c->by_version,
                                    version_hash(g->scope, g->name.version, g->name.name, false), &added);
        if (added) {
            *at = (int64_t)i;
            continue;
        }
        group *other = &c->groups[*at];
        if (c->s->set.layout != DF_LAYOUT_KRATOS || other->up_rank == g->up_rank) continue; /* a duplicate */
        other->gone = other->up_rank < g->up_rank;
        g->gone = !other->gone;
        if (other->gone) *at = (int64_t)i;
    }
}

static void settle_orphan(collection *c, group *g)
{
    df_hash128 version = version_hash(g->scope, g->name.version, g->name.name, false);
    const int64_t *at = df_keymap_get(&c->by_version, version);
    group *up = at ? &c->groups[*at] : NULL;
    g->gone = true;
    if (up && (!up->down || up->down_rank < g->down_rank)) {
        up->down = g->down;
        up->down_rank = g->down_rank;
        up->down_alone = g->down_alone;
        if (c->s->set.layout != DF_LAYOUT_KRATOS)
            mf_find(c->s, "name-differs", false, g->down, 0, "give both the same name",
                    "%s is taken for the way down of %s: their versions are the same, their names differ",
                    g->down, up->up);
    } else if (up ? up->down_rank == g->down_rank : !df_keymap_get(&c->elsewhere, version)) {
        mf_find(c->s, "orphan-down", false, g->down, 0, "its way up may be misspelt or missing",
                "%s has no way up that belongs to it", g->down);
    }
}

/* ---- migrations ---- */

static int by_text(const void *key, const void *entry)
{
    return df_str_cmp(*(const df_str *)key, ((const mf_entry *)entry)->name);
}

/* Flyway's settings for one script lie beside it. */
static const char *conf_beside(collection *c, const mf_listing *listing, const char *path)
{
    if (!path || c->s->set.layout != DF_LAYOUT_FLYWAY) return NULL;
    char *conf = df_arena_printf(&c->s->set.arena, "%s.conf", path);
    df_str name = df_str_from(conf);
    bool there = memchr(path, '/', strlen(path)) ? mf_exists(c->s->fd, conf)
                                                 : bsearch(&name, listing->items, listing->count,
                                                           sizeof *listing->items, by_text) != NULL;
    return there ? conf : NULL;
}

static df_str stamp_in_milliseconds(df_arena *arena, df_str version)
{
    if (version.len != 17) return version;
    int64_t n[7];
    static const size_t widths[7] = {4, 2, 2, 2, 2, 2, 3};
    for (size_t i = 0, at = 0; i < 7; at += widths[i++])
        if (!df_str_int64(mf_cut(version, at, at + widths[i]), &n[i])) return version;
    if (n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > 31) return version;
    int64_t days = df_days_from_civil(n[0], (unsigned)n[1], (unsigned)n[2]);
    int64_t ms = (((days * 24 + n[3]) * 60 + n[4]) * 60 + n[5]) * 1000 + n[6];
    return df_str_from(df_arena_printf(arena, "%lld", (long long)ms));
}

static void make_draft(collection *c, const mf_listing *listing, const group *g)
{
    mf_set *s = c->s;
    mf_draft *draft = mf_add(s);
    const mf_name *name = &g->name;
    draft->id = name->id;
    if (g->scope.len)
        draft->id =
            df_str_from(df_arena_printf(&s->set.arena, "%.*s/%.*s", DF_FMT(g->scope), DF_FMT(name->id)));
    draft->alternatives = g->alternatives;
    draft->n_alternatives = g->n_alternatives;
    draft->name = name->name;
    draft->version = draft->order = name->version;
    draft->kind = name->kind;
    draft->file = df_str_from(g->up);
    if (s->set.layout == DF_LAYOUT_NODE_PG)
        draft->order = stamp_in_milliseconds(&s->set.arena, name->version);
    mf_add_file(draft, name->role == MF_UP ? MF_UP : MF_BOTH, g->up, g->up_alone);
    if (g->down) mf_add_file(draft, MF_DOWN, g->down, g->down_alone);
    const char *conf = conf_beside(c, listing, g->up);
    if (conf) mf_add_file(draft, MF_CONFIG, conf, false);
}

static void tell_others(collection *c)
{
    if (c->n_other)
        mf_find(c->s, "other-dialect", false, NULL, 0, NULL, "%zu files are for other databases: %s",
                c->n_other, df_buf_cstr(&c->others));
    if (c->n_idle && !c->n_groups && !c->n_foreign && !c->n_other)
        mf_find(c->s, "ignored-file", true, NULL, 0,
                df_arena_printf(&c->s->set.arena,
                                "name them 001_name.%s, or say how they are named: --layout NAME",
                                c->s->set.dialect->extension),
                "no script of the folder has a version in its name: none of %zu would run", c->n_idle);
    /* Refinery's U files, a folder of ways down: what another tool would run is no reason to say "nothing to
     * do". */
    if (c->n_groups && !c->s->n_drafts && !c->n_other)
        mf_find(c->s, "orphan-down", true, NULL, 0,
                "name the folder that holds the ways up, or name those that are meant as ways up so",
                "no script of the folder is a way up: none of %zu would run", c->n_groups);
    if (!c->n_foreign) return;
    /* Where there are no others, the wrong database was named, or the wrong folder. */
    const char *language = mf_language(c->s->set.dialect);
    const char *hint =
        df_arena_printf(&c->s->set.arena, "name a database they are for, or write them as %s", language);
    if (c->n_foreign == 1)
        mf_find(c->s, "other-dialect", !c->n_groups, c->foreign, 0, hint, "%s is not %s; it does not run",
                c->foreign, language);
    else
        mf_find(c->s, "other-dialect", !c->n_groups, c->foreign, 0, hint,
                "%s and %zu more are not %s; they do not run", c->foreign, c->n_foreign - 1, language);
}

df_code mf_collect_files(mf_set *s, const mf_listing *listing, df_error *err)
{
    collection c = {.s = s};
    df_code code = take_all(&c, listing, err);
    if (code == DF_OK) take_longer_versions(&c);
    for (size_t i = 0; i < c.count && code == DF_OK; i++) code = take_file(&c, &c.items[i], err);
    if (code == DF_OK) {
        find_pairs_by_version(&c);
        for (size_t i = 0; i < c.n_groups; i++)
            if (!c.groups[i].up) settle_orphan(&c, &c.groups[i]);
        for (size_t i = 0; i < c.n_groups; i++)
            if (!c.groups[i].gone) make_draft(&c, listing, &c.groups[i]);
        tell_others(&c);
    }
    free(c.items);
    free(c.groups);
    df_keymap_release(&c.by_name);
    df_keymap_release(&c.by_version);
    df_keymap_release(&c.elsewhere);
    df_buf_release(&c.others);
    return code;
}
