/* SPDX-License-Identifier: Apache-2.0 */
/* Whose layout a folder has: by names where they tell, else by marks in a few files. */
#include "migration/files/files_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { HEAD = 64 << 10, SAMPLES = 5, PROBES = 8 };

/* ---- layouts by name ---- */

static const struct {
    const char *name, *text;
} layouts[DF_LAYOUT_COUNT] = {[DF_LAYOUT_AUTO] = {"auto", "recognised by the folder's names and contents"},
#define DF_X(id, name_, text_) [DF_LAYOUT_##id] = {name_, text_},
                              DF_LAYOUTS(DF_X)
#undef DF_X
};

static bool known(df_layout layout)
{
    return (int)layout >= 0 && layout < DF_LAYOUT_COUNT;
}

const char *df_layout_name(df_layout layout)
{
    return layouts[known(layout) ? layout : DF_LAYOUT_AUTO].name;
}

const char *df_layout_text(df_layout layout)
{
    return layouts[known(layout) ? layout : DF_LAYOUT_AUTO].text;
}

bool df_layout_from_name(const char *name, df_layout *out)
{
    static const struct {
        const char *name;
        df_layout layout;
    } others[] = {{"pairs", DF_LAYOUT_PAIRS},
                  {"migrate", DF_LAYOUT_PAIRS},
                  {"ory", DF_LAYOUT_KRATOS},
                  {"node_pg_migrate", DF_LAYOUT_NODE_PG}};
    for (int i = 0; i < DF_LAYOUT_COUNT; i++) {
        if (!mf_same(df_str_from(name), layouts[i].name)) continue;
        *out = (df_layout)i;
        return true;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (!mf_same(df_str_from(name), others[i].name)) continue;
        *out = others[i].layout;
        return true;
    }
    return false;
}

/* ---- marks in a text ---- */

static df_layout mark_of(const df_sql_dialect *dialect, df_str line, bool first)
{
    df_str text = mf_trim(line), mark = df_str_from(dialect->comment);
    if (first && mf_is_changelog(dialect, line)) return DF_LAYOUT_LIQUIBASE;
    mf_mark tool = mf_tool_mark(line);
    if (tool.kind) return tool.layout;
    if (!df_str_starts(text, mark)) return DF_LAYOUT_AUTO;
    text = df_str_skip(text, mark.len);
    if (first && text.ptr == line.ptr + mark.len && df_str_starts(text, DF_STR(" no-transaction")))
        return DF_LAYOUT_SQLX;
    text = mf_trim(text);
    if (df_str_starts(text, DF_STR("+goose "))) return DF_LAYOUT_GOOSE;
    if (line.ptr[0] == mark.ptr[0] &&
        (df_str_starts(text, DF_STR("migrate:up")) || df_str_starts(text, DF_STR("migrate:down"))))
        return DF_LAYOUT_DBMATE;
    if (mf_same(text, "up migration") || mf_same(text, "down migration")) return DF_LAYOUT_NODE_PG;
    df_str rest = text, word = mf_word(&rest);
    if ((mf_same(word, "up") || mf_same(word, "down")) && mf_are_directives(rest)) return DF_LAYOUT_NATIVE;
    return DF_LAYOUT_AUTO;
}

df_layout mf_marks(const df_sql_dialect *dialect, df_str text)
{
    df_str rest = text, line;
    bool first = true;
    if (df_str_starts(rest, DF_STR("\xEF\xBB\xBF"))) rest = df_str_skip(rest, 3);
    while (mf_line(&rest, &line)) {
        if (!mf_trim(line).len) continue;
        df_layout mark = mark_of(dialect, line, first);
        if (mark != DF_LAYOUT_AUTO) return mark;
        first = false;
    }
    return DF_LAYOUT_AUTO;
}

/* ---- looking into files ---- */

df_code mf_read_head(mf_set *s, const char *name, df_buf *out, df_error *err)
{
    df_buf_clear(out);
    int fd = openat(s->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return df_fail_errno(err, errno, mf_path(s, name), "open");
    ssize_t n = read(fd, df_buf_reserve(out, HEAD), HEAD);
    int failed = errno;
    close(fd);
    if (n < 0) return df_fail_errno(err, failed, mf_path(s, name), "read");
    out->len = (size_t)n;
    return DF_OK;
}

/* Marks of up to SAMPLES files that are not empty, spread over those of one class. */
static df_code sample(mf_set *s, const mf_listing *listing, const mf_class *classes, mf_class cls,
                      size_t count, df_layout *out, df_error *err)
{
    size_t votes[DF_LAYOUT_COUNT] = {0}, seen = 0, read = 0, step = count / SAMPLES + 1;
    df_buf head = {0};
    df_code code = DF_OK;
    for (size_t i = 0; i < listing->count && read < SAMPLES && code == DF_OK; i++) {
        const mf_entry *entry = &listing->items[i];
        if (classes[i] != cls || entry->strange || entry->folder ||
            !mf_ends_own(entry->name, s->set.dialect) || seen++ % step)
            continue;
        code = mf_read_head(s, listing->items[i].name.ptr, &head, err);
        df_str text = df_buf_str(&head);
        if (code == DF_OK && !mf_trim(text).len) {
            seen--; /* the next one instead */
            continue;
        }
        if (code == DF_OK) votes[mf_marks(s->set.dialect, text)]++;
        read++;
    }
    df_buf_release(&head);
    *out = DF_LAYOUT_AUTO;
    votes[DF_LAYOUT_AUTO] = 0;
    for (int i = 1; i < DF_LAYOUT_COUNT; i++)
        if (votes[i] > votes[*out]) *out = (df_layout)i;
    return code;
}

/* Beside a Rust program's migrations lies its manifest. */
static bool beside_cargo(mf_set *s)
{
    return mf_exists(s->fd, "../Cargo.toml") || mf_exists(s->fd, "../.sqlx") ||
           mf_exists(s->fd, "../sqlx-data.json");
}

static bool all_milliseconds(mf_set *s, const mf_listing *listing, const mf_class *classes, df_arena *scratch)
{
    for (size_t i = 0; i < listing->count; i++) {
        if (classes[i] != MF_SINGLE && classes[i] != MF_CODE) continue;
        size_t len = mf_name_parse(listing->items[i].name, s->set.dialect, scratch).version.len;
        if (len != 13 && len != 17) return false;
    }
    return true;
}

/* ---- the folder ---- */

static df_layout by_folders(mf_set *s, const mf_listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        const mf_entry *entry = &listing->items[i];
        if (entry->folder) continue;
        if (df_str_is(entry->name, "sqitch.plan") || df_str_is(entry->name, "sqitch.conf"))
            return DF_LAYOUT_SQITCH;
        if (df_str_is(entry->name, "migration_lock.toml")) return DF_LAYOUT_PRISMA;
    }
    mf_listing numbered = {df_alloc(listing->count * sizeof(mf_entry) + 1), 0}, versioned = numbered;
    versioned.items = df_alloc(listing->count * sizeof(mf_entry) + 1);
    df_str version, name;
    for (size_t i = 0; i < listing->count; i++) {
        const mf_entry *entry = &listing->items[i];
        if (!entry->folder) continue;
        if (mf_split_version(entry->name, &version, &name)) numbered.items[numbered.count++] = *entry;
        if (entry->name.len > 1 && entry->name.ptr[0] == 'v' && mf_is_digit(entry->name.ptr[1]))
            versioned.items[versioned.count++] = *entry;
    }
    df_layout layout = DF_LAYOUT_AUTO;
    if (mf_folders_with(s->fd, &versioned, "manifest.json", PROBES))
        layout = DF_LAYOUT_TEMPORAL;
    else if (mf_folders_with(s->fd, &numbered, mf_script(&s->set.arena, "up", s->set.dialect), PROBES))
        layout = DF_LAYOUT_DIESEL;
    else if (mf_folders_with(s->fd, &numbered, mf_script(&s->set.arena, "migration", s->set.dialect), PROBES))
        layout = DF_LAYOUT_PRISMA;
    free(numbered.items);
    free(versioned.items);
    return layout;
}

/* V1_2__name, with R1_3__name in Cypher alone. */
static df_layout versioned_layout(const df_sql_dialect *dialect)
{
    return dialect->family == DF_SQL_CYPHER ? DF_LAYOUT_NEO4J_MIGRATIONS : DF_LAYOUT_FLYWAY;
}

static df_code by_files(mf_set *s, const mf_listing *listing, const mf_class *classes, const size_t *counts,
                        size_t with_dialect, df_arena *scratch, df_layout *out, df_error *err)
{
    mf_class most = MF_SINGLE;
    for (mf_class c = MF_SINGLE; c <= MF_AUTHELIA_V; c++)
        if (counts[c] > counts[most]) most = c;
    if (!counts[most]) {
        DF_TRY(sample(s, listing, classes, MF_NO_CLASS, counts[MF_NO_CLASS], out, err));
        if (*out == DF_LAYOUT_LIQUIBASE) return DF_OK;
        if (!counts[MF_REPEATABLE] && !counts[MF_CODE])
            *out = DF_LAYOUT_AUTO;
        else
            *out = counts[MF_CODE] && all_milliseconds(s, listing, classes, scratch) ? DF_LAYOUT_NODE_PG
                                                                                     : DF_LAYOUT_NATIVE;
        return DF_OK;
    }
    *out = most == MF_FLYWAY_V     ? versioned_layout(s->set.dialect)
           : most == MF_AUTHELIA_V ? DF_LAYOUT_AUTHELIA
                                   : DF_LAYOUT_KRATOS;
    if (most != MF_SINGLE && (most != MF_PAIR || with_dialect)) return DF_OK;
    df_layout marks;
    DF_TRY(sample(s, listing, classes, most, counts[most], &marks, err));
    if (most == MF_PAIR)
        *out = marks == DF_LAYOUT_SQLX || beside_cargo(s) ? DF_LAYOUT_SQLX : DF_LAYOUT_PAIRS;
    else if (marks != DF_LAYOUT_AUTO)
        *out = marks;
    else
        *out = beside_cargo(s)                                  ? DF_LAYOUT_SQLX
               : all_milliseconds(s, listing, classes, scratch) ? DF_LAYOUT_NODE_PG
                                                                : DF_LAYOUT_NATIVE;
    return DF_OK;
}

df_code mf_recognise(mf_set *s, const mf_listing *listing, df_layout *out, df_error *err)
{
    size_t counts[MF_FOREIGN + 1] = {0}, with_dialect = 0;
    *out = by_folders(s, listing);
    if (*out == DF_LAYOUT_SQITCH) return DF_OK;
    df_arena scratch = {0};
    mf_class *classes = df_zalloc(listing->count * sizeof *classes + 1);
    for (size_t i = 0; i < listing->count; i++) {
        if (listing->items[i].folder) continue;
        mf_name name = mf_name_among(listing, listing->items[i].name, s->set.dialect, &scratch);
        classes[i] = name.cls;
        counts[name.cls]++;
        with_dialect += name.dialect.ptr || name.autocommit;
    }
    df_code code = DF_OK;
    size_t files = counts[MF_SINGLE] + counts[MF_PAIR] + counts[MF_FLYWAY_V] + counts[MF_AUTHELIA_V],
           folders = 0;
    for (size_t i = 0; i < listing->count; i++) folders += listing->items[i].folder;
    if (*out == DF_LAYOUT_AUTO || files > folders)
        code = by_files(s, listing, classes, counts, with_dialect, &scratch, out, err);
    free(classes);
    df_arena_release(&scratch);
    return code;
}
