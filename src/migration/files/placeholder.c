/* SPDX-License-Identifier: Apache-2.0 */
/* ${name} in native, Flyway's and neo4j-migrations' files; {{.name}} in tern's; goose's variables of the
 * environment. */
#include "migration/files/files_int.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- ${name} ---- */

static bool is_name_char(char c)
{
    return mf_is_letter(c) || mf_is_digit(c) || c == '_' || c == '.' || c == ':' || c == '-';
}

/* The name in a `${…}` that begins at `at`; absent when it is none. */
static df_str name_at(df_str text, size_t at)
{
    size_t from = at + 2, to = from;
    while (to < text.len && is_name_char(text.ptr[to])) to++;
    if (to == from || to >= text.len || text.ptr[to] != '}') return DF_STR_NONE;
    return mf_cut(text, from, to);
}

/* Flyway's own names that are known here; those of the database come from the caller. */
static bool put_flyway(df_str name, const char *path, df_buf *out)
{
    if (!df_str_starts(name, DF_STR("flyway:"))) return false;
    name = df_str_skip(name, 7);
    if (mf_same(name, "filename")) {
        const char *slash = strrchr(path, '/');
        df_buf_text(out, slash ? slash + 1 : path);
    } else if (mf_same(name, "timestamp")) {
        char time[40];
        df_time_format(df_now_ms(), time);
        df_buf_printf(out, "%.10s %.8s", time, time + 11);
    } else if (mf_same(name, "workingDirectory")) {
        char *cwd = getcwd(NULL, 0);
        df_buf_text(out, cwd ? cwd : ".");
        free(cwd);
    } else if (mf_same(name, "table")) {
        df_buf_text(out, "flyway_schema_history");
    } else {
        return false;
    }
    return true;
}

static bool put_value(const df_placeholders *p, df_str name, const char *path, df_buf *out)
{
    if (df_str_starts(name, DF_STR("nm:"))) name = df_str_skip(name, 3); /* neo4j-migrations' own prefix */
    for (size_t i = 0; i < p->count; i++) {
        if (!mf_same(name, p->items[i].name)) continue;
        df_buf_text(out, p->items[i].value ? p->items[i].value : "");
        return true;
    }
    return put_flyway(name, path, out);
}

static df_code replace_names(const df_sql_dialect *dialect, const df_placeholders *p, const mf_raw *raw,
                             df_str text, df_buf *out, df_error *err)
{
    size_t done = 0;
    for (size_t at = 0; at + 2 < text.len;) {
        const char *dollar = memmem(text.ptr + at, text.len - at, "${", 2);
        if (!dollar) break;
        at = (size_t)(dollar - text.ptr);
        df_str name = name_at(text, at);
        if (!name.ptr) {
            at += 2;
            continue;
        }
        df_buf_add(out, text.ptr + done, at - done);
        done = at;
        if (put_value(p, name, raw->path, out)) {
            done = at + name.len + 3;
        } else if (!p->keep_unknown) {
            int64_t line = raw->statement.line + mf_lines_before(text, dollar);
            mf_fail(err, DF_USAGE, raw->path, line, "there is no value for the placeholder ${%.*s}",
                    DF_FMT(name));
            df_error_hint(
                err, "give it one: --placeholder %.*s=VALUE; or leave such text alone: %s @placeholders off",
                DF_FMT(name), dialect->comment);
            return DF_USAGE;
        }
        at += name.len + 3;
    }
    df_buf_add(out, text.ptr + done, text.len - done);
    return DF_OK;
}

/* ---- tern ---- */

/* The name in a `{{.name}}` that begins at `at`; absent when it is another action. *end: behind the action.
 */
static df_str field_at(df_str text, size_t at, size_t *end)
{
    const char *close = memmem(text.ptr + at, text.len - at, "}}", 2);
    *end = close ? (size_t)(close - text.ptr) + 2 : text.len;
    df_str inner = mf_trim(mf_cut(text, at + 2, close ? *end - 2 : text.len));
    if (!close || inner.len < 2 || inner.ptr[0] != '.') return DF_STR_NONE;
    for (size_t i = 1; i < inner.len; i++)
        if (!mf_is_letter(inner.ptr[i]) && !mf_is_digit(inner.ptr[i]) && inner.ptr[i] != '_')
            return DF_STR_NONE;
    return df_str_skip(inner, 1);
}

static df_code refuse_action(const df_sql_dialect *dialect, df_str action, df_str name, df_error *err)
{
    if (name.ptr) {
        df_fail(err, DF_USAGE, "there is no value for %.*s", DF_FMT(action));
        df_error_hint(err,
                      "give it the one of tern.conf's [data]: --placeholder %.*s=VALUE; or leave such text "
                      "alone: %s @placeholders off",
                      DF_FMT(name), dialect->comment);
    } else {
        df_fail(err, DF_USAGE, "only tern itself fills in %.*s", DF_FMT(action));
        df_error_hint(
            err, "write what it stands for into the file; or leave such text alone: %s @placeholders off",
            dialect->comment);
    }
    return DF_USAGE;
}

/* tern takes the whole file for a template. Of that the fields of its data are known here, and the rest is
 * refused: it is no SQL. */
static df_code replace_fields(const df_sql_dialect *dialect, const df_placeholders *p, const mf_raw *raw,
                              df_str text, df_buf *out, df_error *err)
{
    size_t done = 0;
    const char *open;
    while ((open = memmem(text.ptr + done, text.len - done, "{{", 2))) {
        size_t at = (size_t)(open - text.ptr), end;
        df_str name = field_at(text, at, &end);
        df_buf_add(out, text.ptr + done, at - done);
        done = end;
        if (name.ptr && put_value(p, name, raw->path, out)) continue;
        if (!p->keep_unknown) {
            df_code code = refuse_action(dialect, mf_cut(text, at, end), name, err);
            df_error_at(err, raw->path, raw->statement.line + mf_lines_before(text, open));
            return code;
        }
        df_buf_add(out, open, end - at);
    }
    df_buf_add(out, text.ptr + done, text.len - done);
    return DF_OK;
}

/* ---- goose ---- */

/* Only lines between ENVSUB ON and OFF. */
static df_code replace_variables(const df_sql_dialect *dialect, const mf_raw *raw, df_str text, df_buf *out,
                                 df_error *err)
{
    bool on = raw->substitute;
    df_str rest = text, line;
    while (rest.len) {
        const char *from = rest.ptr;
        mf_line(&rest, &line);
        df_str whole = {from, (size_t)(rest.ptr - from)}, mark = mf_trim(line);
        if (mf_take_mark(dialect, &mark) && memmem(mark.ptr, mark.len, "+goose", 6)) {
            if (mf_ends(mark, "ENVSUB ON")) on = true;
            if (mf_ends(mark, "ENVSUB OFF")) on = false;
        } else if (on) {
            df_code code = mf_environment(whole, out, err);
            if (code == DF_OK) continue;
            df_error_at(err, raw->path, raw->statement.line + mf_lines_before(text, from));
            return code;
        }
        df_buf_str_add(out, whole);
    }
    return DF_OK;
}

df_code mf_substitute(const df_migration_set *set, const df_placeholders *placeholders, const mf_raw *raw,
                      df_str text, df_arena *arena, df_str *out, df_error *err)
{
    *out = text;
    bool goose = set->layout == DF_LAYOUT_GOOSE, tern = set->layout == DF_LAYOUT_TERN;
    if (!goose && !tern && set->layout != DF_LAYOUT_NATIVE && set->layout != DF_LAYOUT_FLYWAY &&
        set->layout != DF_LAYOUT_NEO4J_MIGRATIONS)
        return DF_OK;
    if (!text.len || !memchr(text.ptr, tern ? '{' : '$', text.len)) return DF_OK;
    df_buf buf = {0};
    df_code code = goose  ? replace_variables(set->dialect, raw, text, &buf, err)
                   : tern ? replace_fields(set->dialect, placeholders, raw, text, &buf, err)
                          : replace_names(set->dialect, placeholders, raw, text, &buf, err);
    if (code == DF_OK) *out = df_arena_str(arena, df_buf_str(&buf));
    df_buf_release(&buf);
    return code;
}
