/* SPDX-License-Identifier: Apache-2.0 */
/* What Atlas' files say in their first lines: that they stand for all before them, that they are an archive
 * of several, and how statements end. */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

static const char directive[] = "atlas:";

bool mf_atlas_directive(const df_sql_dialect *dialect, df_str text, const char *name, df_str *value)
{
    df_str rest = text, line;
    while (mf_line(&rest, &line)) {
        line = mf_trim(line);
        if (!line.len) continue;
        if (!mf_take_mark(dialect, &line)) return false;
        if (!df_str_starts(line, df_str_from(directive))) continue;
        line = df_str_skip(line, sizeof directive - 1);
        if (!mf_same(mf_word(&line), name)) continue;
        *value = mf_trim(line);
        return true;
    }
    return false;
}

/* ---- checkpoints ---- */

df_code mf_find_checkpoints(mf_set *s, const mf_listing *listing, df_error *err)
{
    bool atlas = false;
    for (size_t i = 0; i < listing->count; i++) atlas |= df_str_is(listing->items[i].name, "atlas.sum");
    if (!atlas || s->set.layout != DF_LAYOUT_NATIVE) return DF_OK;
    df_buf head = {0};
    df_code code = DF_OK;
    for (size_t i = 0; i < s->n_drafts && code == DF_OK; i++) {
        mf_draft *draft = &s->drafts[i];
        df_str value;
        if (draft->kind != DF_VERSIONED || draft->n_files != 1) continue;
        code = mf_read_head(s, draft->files[0].path, &head, err);
        if (code == DF_OK && mf_atlas_directive(s->set.dialect, df_buf_str(&head), "checkpoint", &value))
            draft->kind = DF_BASELINE;
    }
    df_buf_release(&head);
    return code;
}

/* ---- archives ---- */

/* `-- name --` alone on its line, as txtar has it. */
static bool is_member(const df_sql_dialect *dialect, df_str line, df_str *name)
{
    df_str mark = df_str_from(dialect->comment);
    while (line.len && mf_is_blank(line.ptr[line.len - 1])) line.len--;
    if (!df_str_starts(line, mark) || line.len < 2 * mark.len + 3 || !mf_ends(line, dialect->comment))
        return false;
    *name = mf_trim(mf_cut(line, mark.len, line.len - mark.len));
    return line.ptr[mark.len] == ' ' && line.ptr[line.len - mark.len - 1] == ' ' && name->len;
}

bool mf_is_archive(const df_sql_dialect *dialect, df_str text)
{
    df_str value;
    return mf_atlas_directive(dialect, text, "txtar", &value);
}

typedef struct archive {
    mf_set *s;
    const mf_file *file;
    df_str text;
    df_migration *m;
    df_precondition *checks;
    size_t n_checks, cap;
} archive;

static int32_t line_of(const archive *a, const char *at)
{
    return a->file->line + mf_lines_before(a->text, at) + 1;
}

static void add_check(archive *a, df_str query, int32_t line, df_str name)
{
    df_arena *arena = &a->s->set.arena;
    DF_PUSH(a->checks, a->n_checks, a->cap) =
        (df_precondition){.kind = DF_PRECONDITION_QUERY,
                          .value = df_arena_str(arena, query),
                          .path = mf_path(a->s, a->file->path),
                          .line = line,
                          .said = df_arena_printf(arena, "what %.*s asks for", DF_FMT(name)),
                          .hint = "look at what the query finds: the migration runs once it answers true"};
}

/* Every query must answer true; behind `-- atlas:assert oneof` one of them. */
static df_code take_checks(archive *a, df_str name, df_str sql, df_error *err)
{
    const df_sql_dialect *dialect = a->s->set.dialect;
    df_str value;
    bool any = mf_atlas_directive(dialect, sql, "assert", &value) && mf_same(value, "oneof"), more = true;
    df_sql_splitter splitter = {.dialect = dialect, .script = sql, .first_line = line_of(a, sql.ptr)};
    df_buf either = {0};
    int32_t line = 0;
    df_code code = DF_OK;
    while (code == DF_OK && more) {
        df_sql_statement statement;
        code = df_sql_split(&splitter, &statement, &more, err);
        if (code != DF_OK || !more) break;
        if (!any) add_check(a, statement.text, statement.line, name);
        if (any) df_buf_printf(&either, "%s(%.*s)", line ? " OR " : "SELECT ", DF_FMT(statement.text));
        if (!line) line = statement.line;
    }
    if (code != DF_OK) df_error_at(err, mf_path(a->s, a->file->path), line_of(a, sql.ptr));
    if (code == DF_OK && either.len) add_check(a, df_buf_str(&either), line, name);
    df_buf_release(&either);
    return code;
}

static df_code take_member(archive *a, df_str name, df_str sql, df_error *err)
{
    bool up = df_str_is(name, "migration.sql"), down = df_str_is(name, "down.sql");
    const char *path = mf_path(a->s, a->file->path);
    if (df_str_is(name, "checks.sql") || df_str_starts(name, DF_STR("checks/")))
        return take_checks(a, name, sql, err);
    if (!up && !down) {
        mf_fail(err, DF_CORRUPT, path, line_of(a, sql.ptr),
                "\"%.*s\" is no file that belongs into a migration", DF_FMT(name));
        df_error_hint(
            err, "migration.sql, down.sql, checks.sql and checks/NAME.sql do; a comment must not look like "
                 "the name of one");
        return DF_CORRUPT;
    }
    df_section *section = up ? &a->m->up : &a->m->down;
    if (section->present)
        return mf_fail(err, DF_CORRUPT, path, line_of(a, sql.ptr), "a second %.*s", DF_FMT(name));
    mf_file piece = *a->file;
    piece.line = line_of(a, sql.ptr) - 1;
    *section = mf_whole_section(a->s, &piece, sql);
    return mf_directives(a->s, a->s->set.dialect, section, DF_STR_NONE, a->file->path, err);
}

static df_code take_members(archive *a, df_error *err)
{
    df_str rest = a->text, line, name = DF_STR_NONE, next;
    const char *from = a->text.ptr;
    while (mf_line(&rest, &line)) {
        if (!is_member(a->s->set.dialect, line, &next)) continue;
        if (name.ptr)
            DF_TRY(take_member(a, name, (df_str){from, (size_t)(line.ptr - from)}, err));
        else if (!df_sql_is_blank(a->s->set.dialect, mf_cut(a->text, 0, (size_t)(line.ptr - from))))
            return mf_fail(err, DF_CORRUPT, mf_path(a->s, a->file->path), line_of(a, from),
                           "statements in front of the first file of the archive would not run");
        name = next;
        from = line.ptr;
    }
    const char *end = a->text.ptr + a->text.len;
    if (name.ptr) DF_TRY(take_member(a, name, (df_str){from, (size_t)(end - from)}, err));
    if (a->m->up.present) return DF_OK;
    return mf_fail(err, DF_CORRUPT, mf_path(a->s, a->file->path), line_of(a, a->text.ptr),
                   "the archive has no migration.sql");
}

df_code mf_cut_archive(mf_set *s, const mf_file *file, df_str text, df_migration *m, df_error *err)
{
    archive a = {.s = s, .file = file, .text = text, .m = m};
    m->up.present = m->down.present = false;
    df_code code = take_members(&a, err);
    if (code == DF_OK && a.n_checks) {
        m->preconditions = df_arena_alloc(&s->set.arena, a.n_checks * sizeof *a.checks);
        memcpy(m->preconditions, a.checks, a.n_checks * sizeof *a.checks);
        m->n_preconditions = a.n_checks;
    }
    free(a.checks);
    return code;
}
