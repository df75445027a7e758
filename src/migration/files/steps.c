/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of a section as they run, and its checksum. */
#include "migration/files/files_int.h"

#include "base/digest.h"

#include <stdlib.h>
#include <string.h>

/* ---- the checksum ---- */

/* Normal forms, one a line; *hashes (may be NULL) gets one hash for each. */
static df_code checksum_of(const df_sql_dialect *dialect, const mf_raws *raws, df_hash128 *hashes,
                           char out[65], df_error *err)
{
    df_buf text = {0};
    for (size_t i = 0; i < raws->count; i++) {
        size_t from = text.len;
        mf_normal(dialect, &raws->items[i], &text);
        if (hashes) hashes[i] = df_hash(df_buf_str(&text).ptr + from, text.len - from);
        df_buf_char(&text, '\n');
    }
    df_code code = df_sha256_hex(df_buf_str(&text).ptr, text.len, out, err);
    df_buf_release(&text);
    return code;
}

df_code df_migration_checksum(df_migration_set *set, df_migration *migration, char out[65], df_error *err)
{
    mf_raws raws = {0};
    DF_TRY(df_migration_load(set, migration, err));
    out[0] = '\0';
    if (!migration->up.present) return DF_OK;
    df_code code = mf_split(set, &migration->up, &raws, err);
    if (code == DF_OK) code = checksum_of(set->dialect, &raws, NULL, out, err);
    free(raws.items);
    return code;
}

/* ---- directives in front of a statement ---- */

static bool can_batch(const df_sql_facts *facts)
{
    return facts->cls == DF_SQL_DML && (df_str_starts(df_str_from(facts->tag), DF_STR("UPDATE")) ||
                                        df_str_starts(df_str_from(facts->tag), DF_STR("DELETE")) ||
                                        df_str_starts(df_str_from(facts->tag), DF_STR("INSERT")) ||
                                        df_str_starts(df_str_from(facts->tag), DF_STR("REPLACE")));
}

static df_code find_batch(const df_migration_set *set, const mf_raw *raw, df_arena *arena, df_step *step,
                          df_error *err)
{
    mf_comment comment;
    df_str gap = raw->gap;
    if (gap.len < 7 || !memmem(gap.ptr, gap.len, "@batch", 6)) return DF_OK;
    for (size_t at = 0; mf_next_comment(set->dialect, gap, &at, &comment);) {
        df_str rest = comment.text, word = mf_word(&rest);
        if (!df_str_is(word, "@batch")) continue;
        int64_t line = raw->gap_line + mf_lines_before(gap, comment.text.ptr);
        if (!can_batch(&step->facts)) {
            mf_fail(err, DF_CORRUPT, raw->path, line, "@batch stands in front of %s%s",
                    step->facts.tag[0] ? "" : "a statement", step->facts.tag);
            df_error_hint(err, set->dialect->family == DF_SQL_CYPHER
                                   ? "write CALL (…) { … } IN TRANSACTIONS OF 1000 ROWS"
                                   : "only UPDATE, DELETE and INSERT … SELECT run in batches");
            return DF_CORRUPT;
        }
        DF_TRY(mf_batch(rest, raw->path, line, arena, &step->batch, err));
    }
    return DF_OK;
}

/* ---- steps ---- */

/* Of a block that is sent whole: what any of its statements does. */
static df_sql_facts classify_block(const df_sql_dialect *dialect, df_str text, df_arena *arena)
{
    df_sql_facts all = df_sql_classify(dialect, text, arena);
    df_sql_splitter splitter = {.dialect = dialect, .script = text};
    df_sql_statement statement;
    bool more, first = true;
    while (df_sql_split(&splitter, &statement, &more, NULL) == DF_OK && more) {
        df_sql_facts facts = df_sql_classify(dialect, statement.text, arena);
        if (first)
            all = facts;
        else
            all.flags |= facts.flags;
        if (!first && facts.cls != all.cls) all.cls = DF_SQL_UNKNOWN;
        first = false;
    }
    return all;
}

static df_code make_step(const df_migration_set *set, const df_section *section,
                         const df_placeholders *placeholders, const mf_raw *raw, df_arena *arena,
                         df_step *step, df_error *err)
{
    *step = (df_step){.statement = raw->statement, .path = raw->path, .whole = raw->whole};
    if (placeholders && !section->no_placeholders && (placeholders->count || !section->plain)) {
        df_sql_statement *s = &step->statement;
        DF_TRY(mf_substitute(set, placeholders, raw, s->text, arena, &s->text, err));
        if (s->data.ptr) DF_TRY(mf_substitute(set, placeholders, raw, s->data, arena, &s->data, err));
    }
    step->facts = raw->whole ? classify_block(set->dialect, step->statement.text, arena)
                             : df_sql_classify(set->dialect, step->statement.text, arena);
    return find_batch(set, raw, arena, step, err);
}

/* In place of what stands for them: the statements that the database was asked for. */
static void put_cleared(const df_migration_set *set, const df_section *section, const mf_raw *raw,
                        df_arena *arena, df_steps *out)
{
    df_buf text = {0};
    for (size_t i = 0; i < section->n_cleared; i++) {
        df_step *step = &out->items[out->count++];
        *step = (df_step){.statement = raw->statement, .path = raw->path};
        step->statement.text = section->cleared[i];
        step->facts = df_sql_classify(set->dialect, step->statement.text, arena);
        df_buf_clear(&text);
        df_sql_normalise(set->dialect, step->statement.text, &text);
        step->hash = df_hash(df_buf_str(&text).ptr, text.len);
    }
    df_buf_release(&text);
}

static void number_steps(df_steps *steps)
{
    for (size_t i = 0; i < steps->count; i++) steps->items[i].statement.number = (int32_t)i + 1;
}

df_code df_section_steps(const df_migration_set *set, const df_section *section,
                         const df_placeholders *placeholders, df_arena *arena, df_steps *out, df_error *err)
{
    *out = (df_steps){0};
    if (!section->present) return DF_OK;
    mf_raws raws = {0};
    df_code code = mf_split(set, section, &raws, err);
    if (code == DF_OK) {
        out->items = df_arena_zalloc(arena, (raws.count + section->n_cleared + 1) * sizeof *out->items);
        df_hash128 *hashes = df_alloc((raws.count + 1) * sizeof *hashes);
        code = checksum_of(set->dialect, &raws, hashes, out->checksum, err);
        for (size_t i = 0; i < raws.count && code == DF_OK; i++) {
            if (section->clearing && df_str_is(raws.items[i].statement.text, MF_CLEARING)) {
                put_cleared(set, section, &raws.items[i], arena, out);
                continue;
            }
            df_step *step = &out->items[out->count];
            code = make_step(set, section, placeholders, &raws.items[i], arena, step, err);
            step->hash = hashes[i];
            if (code == DF_OK) out->count++;
            if (code != DF_OK && err && !err->statement) err->statement = raws.items[i].statement.number;
        }
        free(hashes);
        if (section->clearing) number_steps(out);
    }
    free(raws.items);
    return code;
}

/* ---- sections that are kept ---- */

#define KEPT " @kept" /* behind the mark of a comment */

void df_section_text(const df_section *section, df_buf *out)
{
    if (section->no_transaction || section->no_placeholders || section->lock_ms >= 0 ||
        section->statement_ms >= 0) {
        df_buf_text(out, section->comment ? section->comment : "--");
        df_buf_text(out, KEPT);
        if (section->no_transaction) df_buf_text(out, " no-transaction");
        if (section->no_placeholders) df_buf_text(out, " placeholders=off");
        if (section->lock_ms >= 0) df_buf_printf(out, " lock-timeout=%lld", (long long)section->lock_ms);
        if (section->statement_ms >= 0)
            df_buf_printf(out, " statement-timeout=%lld", (long long)section->statement_ms);
        df_buf_char(out, '\n');
    }
    if (section->substitute)
        df_buf_printf(out, "%s +goose ENVSUB ON\n", section->comment ? section->comment : "--");
    df_buf_str_add(out, section->sql);
}

df_code df_section_of_text(const df_migration_set *set, df_str text, const char *path, df_section *out,
                           df_error *err)
{
    df_str rest = text, line, words = DF_STR_NONE;
    *out = (df_section){.present = text.ptr != NULL,
                        .sql = text,
                        .comment = set->dialect->comment,
                        .path = path,
                        .first_line = 1,
                        .lock_ms = -1,
                        .statement_ms = -1};
    if (!text.ptr) return DF_OK;
    df_str mark = df_str_from(set->dialect->comment);
    if (df_str_starts(text, mark) && df_str_starts(df_str_skip(text, mark.len), DF_STR(KEPT)) &&
        mf_line(&rest, &line)) {
        words = df_str_skip(line, mark.len + strlen(KEPT));
        out->sql = rest;
    }
    /* The words stand in front of the text: a mistake in them is one of line 1. */
    df_section first = *out;
    first.sql = text;
    first.sql.len = (size_t)(out->sql.ptr - text.ptr);
    DF_TRY(mf_directives(NULL, set->dialect, &first, words, path, err));
    out->no_transaction = first.no_transaction;
    out->no_placeholders = first.no_placeholders;
    out->lock_ms = first.lock_ms;
    out->statement_ms = first.statement_ms;
    mf_comment comment;
    size_t at = 0;
    if (set->layout == DF_LAYOUT_NATIVE && mf_next_comment(set->dialect, out->sql, &at, &comment) &&
        comment.offset == 0) {
        df_str more = comment.text, word = mf_word(&more);
        words =
            (mf_same(word, "up") || mf_same(word, "down")) && mf_are_directives(more) ? more : DF_STR_NONE;
    } else {
        words = DF_STR_NONE;
    }
    return mf_directives(NULL, set->dialect, out, words, path, err);
}
