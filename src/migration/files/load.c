/* SPDX-License-Identifier: Apache-2.0 */
/* One migration with all that its files say. */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- files that say how to run the others ---- */

static bool is_false(df_str value)
{
    return mf_same(value, "false") || mf_same(value, "off") || mf_same(value, "no");
}

/* Flyway: V1__name.sql.conf */
static df_code read_script_conf(mf_set *s, const mf_file *file, df_str text, df_migration *m, df_error *err)
{
    const char *path = mf_path(s, file->path);
    if (is_false(mf_setting(text, NULL, "executeInTransaction")))
        m->up.no_transaction = m->down.no_transaction = true;
    if (is_false(mf_setting(text, NULL, "placeholderReplacement")))
        m->up.no_placeholders = m->down.no_placeholders = true;
    df_str encoding = mf_setting(text, NULL, "encoding"), run = mf_setting(text, NULL, "shouldExecute");
    if (encoding.ptr && !mf_same(encoding, "utf-8") && !mf_same(encoding, "utf8") &&
        !mf_same(encoding, "us-ascii"))
        return mf_fail(err, DF_UNSUPPORTED, path, 0, "the script is in %.*s; only UTF-8 is read",
                       DF_FMT(encoding));
    if (!run.ptr || mf_same(run, "true")) return DF_OK;
    if (!is_false(run))
        return mf_fail(err, DF_UNSUPPORTED, path, 0, "shouldExecute=%.*s cannot be decided", DF_FMT(run));
    m->up.sql = (df_str){"", 0};
    m->up.n_parts = 0;
    return DF_OK;
}

static df_code read_config(mf_set *s, const mf_file *file, df_str text, df_migration *m, df_error *err)
{
    if (s->set.layout == DF_LAYOUT_FLYWAY) return read_script_conf(s, file, text, m, err);
    df_str value = mf_setting(text, NULL, "run_in_transaction");
    if (value.ptr && !mf_same(value, "true") && !mf_same(value, "false"))
        return mf_fail(err, DF_CORRUPT, mf_path(s, file->path), 0,
                       "run_in_transaction is %.*s, neither true nor false", DF_FMT(value));
    if (mf_same(value, "false")) m->up.no_transaction = m->down.no_transaction = true;
    return DF_OK;
}

/* ---- temporal ---- */

static df_code manifest_error(mf_set *s, const char *path, df_error *err, const char *what, df_str name)
{
    return mf_fail(err, DF_CORRUPT, mf_path(s, path), 0, "%s%s%.*s", what, name.len ? ": " : "",
                   DF_FMT(name));
}

static bool is_inside(df_str name)
{
    return name.len && name.ptr[0] != '/' && !memmem(name.ptr, name.len, "..", 2) &&
           !memchr(name.ptr, '\0', name.len);
}

static df_code read_manifest(mf_set *s, mf_draft *draft, df_json root, df_error *err)
{
    df_arena *arena = &s->set.arena;
    const char *path = draft->files[0].path;
    df_json list = df_json_get(root, "SchemaUpdateCqlFiles");
    df_str version = df_json_str(df_json_get(root, "CurrVersion"));
    if (df_json_typeof(list) != DF_JSON_ARRAY)
        return manifest_error(s, path, err, "the manifest has no list SchemaUpdateCqlFiles", DF_STR_NONE);
    if (version.ptr && df_version_compare(version, draft->version) != 0)
        return manifest_error(s, path, err, "CurrVersion of the manifest is not that of its folder", version);
    const char **files = df_arena_alloc(arena, (df_json_count(list) + 1) * sizeof *files);
    size_t count = 0;
    for (df_json_iter it = df_json_each(list); df_json_next(&it);) {
        df_str name = df_json_str(it.value);
        if (!is_inside(name))
            return manifest_error(s, path, err, "the manifest names a file outside of its folder", name);
        files[count++] = mf_join(arena, df_arena_cstr(arena, draft->id), df_arena_cstr(arena, name));
    }
    draft->described = df_arena_str(arena, df_json_str(df_json_get(root, "Description")));
    draft->listed = files;
    draft->n_listed = count;
    return DF_OK;
}

df_code mf_manifest(mf_set *s, mf_draft *draft, df_error *err)
{
    df_str text;
    df_json root;
    const char *path = draft->files[0].path;
    if (draft->listed) return DF_OK;
    DF_TRY(mf_read_text(s, path, &text, err));
    if (!s->json) s->json = df_json_parser_open();
    df_code code = df_json_parse(s->json, text, &root, err);
    if (code == DF_OK) return read_manifest(s, draft, root, err);
    df_error_prefix(err, "the manifest is not valid JSON");
    df_error_at(err, mf_path(s, path), 0);
    return code;
}

/* The listed files, one behind the other. */
static df_code load_listed(mf_set *s, mf_draft *draft, df_migration *m, mf_raw_hash *raw, df_error *err)
{
    df_arena *arena = &s->set.arena;
    df_str *texts = df_arena_alloc(arena, (draft->n_listed + 1) * sizeof *texts);
    df_section_part *parts = df_arena_alloc(arena, (draft->n_listed + 1) * sizeof *parts);
    size_t size = 0;
    for (size_t i = 0; i < draft->n_listed; i++) {
        DF_TRY(mf_read_text(s, draft->listed[i], &texts[i], err));
        mf_raw_add(raw, MF_UP, df_buf_str(&s->read));
        parts[i] = (df_section_part){size, mf_path(s, draft->listed[i]), 1};
        size += texts[i].len + 1;
    }
    char *joined = df_arena_try(arena, size + 1);
    if (!joined) return df_fail(err, DF_NO_MEMORY, "not enough memory to read %s", draft->file.ptr);
    for (size_t i = 0; i < draft->n_listed; i++) {
        memcpy(joined + parts[i].offset, texts[i].ptr, texts[i].len);
        joined[parts[i].offset + texts[i].len] = '\n';
    }
    joined[size] = '\0';
    m->up.sql = (df_str){joined, size};
    m->up.present = true;
    m->up.path = draft->n_listed ? parts[0].path : mf_path(s, draft->files[0].path);
    m->up.first_line = 1;
    m->up.parts = parts;
    m->up.n_parts = draft->n_listed;
    if (draft->described.ptr) m->meta.description = draft->described;
    return mf_directives(s, s->set.dialect, &m->up, DF_STR_NONE, draft->file.ptr, err);
}

/* ---- all of it ---- */

static df_code take_section(mf_set *s, const mf_file *file, df_str text, df_section *out, df_error *err)
{
    bool no_transaction = out->no_transaction, no_placeholders = out->no_placeholders;
    *out = mf_whole_section(s, file, text);
    out->no_transaction |= no_transaction;
    out->no_placeholders |= no_placeholders;
    return mf_directives(s, s->set.dialect, out, DF_STR_NONE, file->path, err);
}

/* Preconditions are those of the way up: what stands in comments of the way down is taken out again. */
static void keep_those_of_up(df_migration *m)
{
    size_t kept = 0;
    bool last = m->down.first_line > m->up.first_line; /* down reaches to the end of the file */
    for (size_t i = 0; i < m->n_preconditions && m->down.present; i++) {
        int32_t line = m->preconditions[i].line;
        bool down = line >= m->down.first_line && (last || line < m->up.first_line);
        if (!down || m->preconditions[i].said) m->preconditions[kept++] = m->preconditions[i];
    }
    if (m->down.present) m->n_preconditions = kept;
}

static df_code take_file(mf_set *s, const mf_file *file, df_str text, df_migration *m, df_error *err)
{
    if (file->role != MF_CONFIG) {
        DF_TRY(mf_refuse_foreign(s, file, text, err));
        if (!df_str_is_utf8(text))
            mf_find(s, "not-utf8", false, file->path, 0, "save it as UTF-8", "%s is not UTF-8", file->path);
    }
    if (mf_is_catalog(file->path) && s->set.layout != DF_LAYOUT_LIQUIBASE) {
        DF_TRY(mf_preconditions(s, file, text, m, err));
        const char *const *clearing;
        DF_TRY(mf_catalog_text(s, file, text, m, &text, &clearing, err));
        DF_TRY(take_section(s, file, text, &m->up, err));
        m->up.clearing = clearing;
        m->up.generated = true;
        return DF_OK;
    }
    if (file->role == MF_UP || file->role == MF_BOTH) {
        DF_TRY(mf_header(s, file, text, &m->meta, err));
        if (!m->meta.json.ptr) mf_block_header(s, file, text, m);
        DF_TRY(mf_preconditions(s, file, text, m, err));
    }
    switch (file->role) {
    case MF_BOTH:
        DF_TRY(mf_cut_sections(s, file, text, m, err));
        keep_those_of_up(m);
        return DF_OK;
    case MF_UP: return take_section(s, file, text, &m->up, err);
    case MF_DOWN: return take_section(s, file, text, &m->down, err);
    case MF_VERIFY: return take_section(s, file, text, &m->verify, err);
    case MF_CONFIG: return read_config(s, file, text, m, err);
    }
    return DF_OK;
}

static void take_plan(const mf_draft *draft, df_metadata *meta)
{
    if (draft->requires) {
        meta->dependencies = draft->requires;
        meta->n_dependencies = draft->n_requires;
    }
    meta->conflicts = draft->conflicts;
    meta->n_conflicts = draft->n_conflicts;
    if (draft->note.ptr && !meta->description.ptr) meta->description = draft->note;
    if (draft->author.ptr && !meta->author.ptr) meta->author = draft->author;
}

static df_code load(mf_set *s, mf_draft *draft, df_migration *m, df_error *err)
{
    mf_raw_hash raw;
    raw.count = 0;
    if (s->set.layout == DF_LAYOUT_TEMPORAL) DF_TRY(mf_manifest(s, draft, err));
    for (size_t i = 0; i < draft->n_files; i++) {
        df_str text = draft->files[i].text;
        if (!text.ptr) DF_TRY(mf_read_text(s, draft->files[i].path, &text, err));
        mf_raw_add(&raw, draft->files[i].role, draft->files[i].text.ptr ? text : df_buf_str(&s->read));
        if (s->set.layout != DF_LAYOUT_TEMPORAL) DF_TRY(take_file(s, &draft->files[i], text, m, err));
    }
    if (s->set.layout == DF_LAYOUT_TEMPORAL) DF_TRY(load_listed(s, draft, m, &raw, err));
    take_plan(draft, &m->meta);
    m->raw = mf_raw_end(&raw);
    m->raw_up = df_hash(m->up.sql.ptr, m->up.sql.len);
    return DF_OK;
}

static void clear(df_migration *m)
{
    static const df_section absent = {.lock_ms = -1, .statement_ms = -1};
    m->up = m->down = m->verify = absent;
    m->meta = (df_metadata){.estimated_ms = -1};
    m->preconditions = NULL;
    m->n_preconditions = 0;
}

df_code df_migration_load(df_migration_set *set, df_migration *m, df_error *err)
{
    mf_set *s = mf_impl(set);
    if (m->loaded) return DF_OK;
    mf_wait_ahead(s);
    clear(m);
    df_code code = load(s, mf_draft_of(s, m), m, err);
    if (code != DF_OK) {
        clear(m);
        return code;
    }
    m->loaded = true;
    return DF_OK;
}

void df_migration_choose(df_migration_set *set, df_migration *m, size_t alternative)
{
    mf_draft *draft = mf_draft_of(mf_impl(set), m);
    if (alternative >= draft->n_alternatives || alternative == m->alternative) return;
    mf_wait_ahead(mf_impl(set));
    draft->files[0].path = draft->alternatives[alternative];
    draft->files[0].hashed = false;
    m->file = df_str_from(draft->files[0].path);
    m->alternative = alternative;
    m->loaded = false;
    clear(m);
}

df_code df_callback_section(df_migration_set *set, const df_callback *callback, df_section *out,
                            df_error *err)
{
    mf_set *s = mf_impl(set);
    mf_file file = {.role = MF_UP, .path = df_arena_cstr(&set->arena, callback->path)};
    df_str text;
    DF_TRY(mf_read_text(s, file.path, &text, err));
    *out = mf_whole_section(s, &file, text);
    return mf_directives(s, set->dialect, out, DF_STR_NONE, file.path, err);
}
