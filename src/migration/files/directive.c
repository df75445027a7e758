/* SPDX-License-Identifier: Apache-2.0 */
/* Comment lines that say something to us: sections, directives, @batch. */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- comment lines ---- */

/* Nothing but blanks between the line's begin and `at`; *begin is where the line begins. */
static bool leads_line(df_str text, size_t at, size_t *begin)
{
    size_t i = at;
    while (i > 0 && text.ptr[i - 1] != '\n') {
        if (!mf_is_blank(text.ptr[i - 1])) return false;
        i--;
    }
    *begin = i;
    return true;
}

static size_t next_line(df_str text, size_t at)
{
    const char *end = at < text.len ? memchr(text.ptr + at, '\n', text.len - at) : NULL;
    return end ? (size_t)(end - text.ptr) + 1 : text.len;
}

bool mf_next_comment(const df_sql_dialect *dialect, df_str text, size_t *at, mf_comment *out)
{
    static const bool starts[256] = {['\''] = true, ['"'] = true, ['`'] = true, ['['] = true,
                                     ['$'] = true,  ['/'] = true, ['#'] = true, ['-'] = true};
    const char mark = dialect->comment[0];
    for (size_t i = *at; i < text.len;) {
        size_t len = starts[(unsigned char)text.ptr[i]] ? df_sql_skip(dialect, text, i) : 0;
        if (!len) {
            i++;
            continue;
        }
        if (len >= 2 && text.ptr[i] == mark && text.ptr[i + 1] == mark && leads_line(text, i, &out->offset)) {
            size_t from = i;
            while (from < i + len && text.ptr[from] == mark) from++;
            out->text = mf_trim(mf_cut(text, from, i + len));
            *at = out->next = next_line(text, i + len);
            return true;
        }
        i += len;
    }
    *at = text.len;
    return false;
}

void mf_place(const df_section *section, const char *at, const char **path, int64_t *line)
{
    size_t offset = (size_t)(at - section->sql.ptr), from = 0;
    *path = section->path;
    *line = section->first_line;
    for (size_t i = 0; i < section->n_parts && section->parts[i].offset <= offset; i++) {
        *path = section->parts[i].path;
        *line = section->parts[i].first_line;
        from = section->parts[i].offset;
    }
    *line += mf_lines_before(df_str_skip(section->sql, from), at);
}

/* ---- words ---- */

enum {
    D_NO_TRANSACTION,
    D_LOCK_TIMEOUT,
    D_STATEMENT_TIMEOUT,
    D_PLACEHOLDERS,
    D_BATCH,
    D_METADATA,
    D_UNKNOWN
};
static const char *const directives[] = {"no-transaction", "lock-timeout", "statement-timeout",
                                         "placeholders",   "batch",        "metadata"};

/* Words that comments for readers begin with. */
static const char *const for_readers[] = {
    "author",     "since",    "see",      "param",       "return",    "returns", "version", "date",
    "name",       "title",    "desc",     "description", "todo",      "fixme",   "note",    "notes",
    "deprecated", "ticket",   "issue",    "link",        "copyright", "license", "example", "throws",
    "type",       "default",  "internal", "ignore",      "file",      "brief",   "summary", "created",
    "updated",    "reviewed", "reviewer", "jira",        "risk",      "owner",   "team",    "migration"};

static int directive_of(df_str word)
{
    int i = 0;
    for (; i < D_UNKNOWN; i++) {
        const char *name = directives[i];
        size_t k = 0, j = 0; /* lock-timeout, lock_timeout, lockTimeout */
        for (; k < word.len && name[j]; k++, j++) {
            if (name[j] == '-' && (word.ptr[k] == '_' || word.ptr[k] == '-')) continue;
            if (name[j] == '-') j++;
            if (mf_lower(word.ptr[k]) != name[j]) break;
        }
        if (k == word.len && !name[j]) return i;
    }
    return i;
}

/* The directive that may have been meant; NULL when the word is like none. */
static const char *similar(df_str word)
{
    const char *best = NULL;
    size_t least = 3;
    for (int i = 0; i < D_UNKNOWN; i++) {
        size_t distance = mf_distance(word, directives[i] ? df_str_from(directives[i]) : DF_STR_NONE, 3);
        if (distance < least) {
            least = distance;
            best = directives[i];
        }
    }
    return best;
}

static df_str key_of(df_str word)
{
    const char *equals = memchr(word.ptr, '=', word.len);
    return equals ? mf_cut(word, 0, (size_t)(equals - word.ptr)) : word;
}

bool mf_are_directives(df_str words)
{
    df_str word;
    while ((word = mf_word(&words)).len) {
        df_str key = key_of(word);
        if (directive_of(key) == D_UNKNOWN && (!memchr(word.ptr, '-', word.len) || !similar(key)) &&
            key.len == word.len)
            return false;
    }
    return true;
}

/* ---- directives of a section ---- */

static df_code set_directive(df_section *section, int directive, df_str value, const char *at, df_error *err)
{
    const char *path;
    int64_t line, *limit = directive == D_LOCK_TIMEOUT ? &section->lock_ms : &section->statement_ms;
    mf_place(section, at, &path, &line);
    switch (directive) {
    case D_NO_TRANSACTION:
        if (value.len)
            return mf_fail(err, DF_CORRUPT, path, line, "no-transaction takes no value, and has %.*s",
                           DF_FMT(value));
        section->no_transaction = true;
        return DF_OK;
    case D_LOCK_TIMEOUT:
    case D_STATEMENT_TIMEOUT:
        if (mf_duration(value, limit)) return DF_OK;
        mf_fail(err, DF_CORRUPT, path, line, "%s is \"%.*s\", which is no duration", directives[directive],
                DF_FMT(value));
        df_error_hint(err, "write 500ms, 30s, 10min, 2h, or 0 for no limit");
        return DF_CORRUPT;
    case D_PLACEHOLDERS:
        if (!mf_same(value, "on") && !mf_same(value, "off"))
            return mf_fail(err, DF_CORRUPT, path, line, "placeholders is \"%.*s\", neither on nor off",
                           DF_FMT(value));
        section->no_placeholders = mf_same(value, "off");
        section->plain = false;
        return DF_OK;
    default: return DF_OK; /* @batch belongs to a statement, @metadata to the file */
    }
}

/* `lock-timeout=500ms no-transaction` behind -- UP */
static df_code read_words(df_section *section, df_str words, df_error *err)
{
    df_str word;
    while ((word = mf_word(&words)).len) {
        df_str key = key_of(word), value = df_str_skip(word, key.len + 1);
        int directive = directive_of(key);
        if (directive < D_BATCH) {
            DF_TRY(
                set_directive(section, directive, key.len < word.len ? value : DF_STR_NONE, word.ptr, err));
            continue;
        }
        const char *path, *meant = similar(key);
        int64_t line;
        mf_place(section, word.ptr, &path, &line);
        mf_fail(err, DF_CORRUPT, path, line, "\"%.*s\" is no directive of a section", DF_FMT(key));
        if (meant && directive == D_UNKNOWN) df_error_hint(err, "did you mean %s?", meant);
        return DF_CORRUPT;
    }
    return DF_OK;
}

static bool is_for_readers(df_str word)
{
    if (word.len && word.ptr[word.len - 1] == ':') word.len--;
    for (size_t i = 0; i < sizeof for_readers / sizeof *for_readers; i++)
        if (mf_same(word, for_readers[i])) return true;
    return false;
}

static void tell_unknown(mf_set *s, const df_section *section, df_str word, const char *shown)
{
    const char *path, *meant = similar(word);
    int64_t line;
    if (!s || !word.len || is_for_readers(word)) return;
    mf_place(section, word.ptr, &path, &line);
    const char *hint = meant ? df_arena_printf(&s->set.arena, "did you mean @%s?", meant) : NULL;
    mf_find(s, "unknown-directive", false, shown, line, hint,
            "%s:%lld: @%.*s is no directive; it does nothing", shown, (long long)line, DF_FMT(word));
}

/* Whether a comment line may begin with "@": quickly, for files without any. */
static bool may_have_directives(const df_sql_dialect *dialect, df_str sql)
{
    char near[4] = {dialect->comment[0], dialect->comment[1], '@'},
         apart[5] = {dialect->comment[0], dialect->comment[1], ' ', '@'};
    return sql.ptr && (memmem(sql.ptr, sql.len, apart, 4) || memmem(sql.ptr, sql.len, near, 3));
}

df_code mf_directives(mf_set *s, const df_sql_dialect *dialect, df_section *section, df_str words,
                      const char *shown, df_error *err)
{
    mf_comment comment;
    df_str sql = section->sql;
    if (words.len) DF_TRY(read_words(section, words, err));
    if (!may_have_directives(dialect, sql)) return DF_OK;
    for (size_t at = 0; mf_next_comment(dialect, sql, &at, &comment);) {
        if (!comment.text.len || comment.text.ptr[0] != '@') continue;
        df_str rest = df_str_skip(comment.text, 1), word = mf_word(&rest), key = key_of(word);
        df_str value = key.len < word.len ? df_str_skip(word, key.len + 1) : mf_trim(rest);
        int directive = directive_of(key);
        if (directive == D_UNKNOWN)
            tell_unknown(s, section, key, shown);
        else
            DF_TRY(set_directive(section, directive, value, word.ptr, err));
    }
    return DF_OK;
}

/* ---- @batch ---- */

static df_code batch_number(df_str value, bool duration, const char *key, const char *path, int64_t line,
                            int64_t *out, df_error *err)
{
    bool fine = duration ? mf_duration(value, out) : df_str_int64(value, out) && *out > 0;
    if (fine) return DF_OK;
    return mf_fail(err, DF_CORRUPT, path, line, "@batch: %s is \"%.*s\", which is no %s", key, DF_FMT(value),
                   duration ? "duration" : "number of rows");
}

df_code mf_batch(df_str words, const char *path, int64_t line, df_arena *arena, const df_batch **out,
                 df_error *err)
{
    df_batch *batch = df_arena_zalloc(arena, sizeof *batch);
    *batch = (df_batch){.size = 10000, .max_lag_ms = -1};
    df_str word;
    while ((word = mf_word(&words)).len) {
        df_str key = key_of(word), value = df_str_skip(word, key.len + 1);
        if (key.len == word.len || !value.len)
            return mf_fail(err, DF_CORRUPT, path, line, "@batch: \"%.*s\" has no value", DF_FMT(word));
        if (mf_same(key, "table")) {
            batch->table = df_arena_str(arena, value);
        } else if (mf_same(key, "key")) {
            batch->key = df_arena_str(arena, value);
        } else if (mf_same(key, "size")) {
            DF_TRY(batch_number(value, false, "size", path, line, &batch->size, err));
        } else if (mf_same(key, "pause")) {
            DF_TRY(batch_number(value, true, "pause", path, line, &batch->pause_ms, err));
        } else if (mf_same(key, "max-lag") || mf_same(key, "max_lag")) {
            DF_TRY(batch_number(value, true, "max-lag", path, line, &batch->max_lag_ms, err));
        } else {
            mf_fail(err, DF_CORRUPT, path, line, "@batch has no \"%.*s\"", DF_FMT(key));
            df_error_hint(err, "it knows table, key, size, pause and max-lag");
            return DF_CORRUPT;
        }
    }
    if (!batch->key.len) {
        mf_fail(err, DF_CORRUPT, path, line, "@batch does not say by which key");
        df_error_hint(err, "write @batch key=id, a column with an index");
        return DF_CORRUPT;
    }
    *out = batch;
    return DF_OK;
}
