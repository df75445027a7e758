/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of variables, .env: NAME=VALUE lines that stand in for environment variables, for us and for what
 * we start. It belongs to many programs, so a line that is not understood is a warning, not an error.
 */
#include "cli/cli_int.h"
#include "io/file.h"

#include <stdlib.h>
#include <unistd.h>

enum { MAX_VARIABLES = 1 << 20 };

typedef struct variables_reader {
    cli_context *cli;
    const char *path;
    int64_t line;
    df_str rest;
} variables_reader;

static bool name_char(char c, bool first)
{
    return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (!first && c >= '0' && c <= '9');
}

static size_t name_length(df_str s)
{
    size_t len = 0;
    while (len < s.len && name_char(s.ptr[len], len == 0)) len++;
    return len;
}

/* The length of "${NAME}" or "${NAME:-instead}" at the beginning of `s`; 0 when it is something else. */
static size_t reference(df_str s, df_str *name, df_str *instead)
{
    if (!df_str_starts(s, DF_STR("${"))) return 0;
    *name = df_str_skip(s, 2);
    name->len = name_length(*name);
    df_str rest = df_str_skip(s, 2 + name->len);
    *instead = DF_STR_NONE;
    if (!name->len) return 0;
    if (df_str_starts(rest, DF_STR(":-"))) {
        *instead = df_str_skip(rest, 2);
        const char *end = memchr(instead->ptr, '}', instead->len);
        if (!end) return 0;
        instead->len = (size_t)(end - instead->ptr);
        rest = df_str_skip(rest, 2 + instead->len);
    }
    return rest.len && rest.ptr[0] == '}' ? (size_t)(rest.ptr + 1 - s.ptr) : 0;
}

bool cli_expand(df_buf *out, df_str text, df_str *missing)
{
    bool complete = true;
    while (text.len) {
        df_str name, instead;
        size_t len = reference(text, &name, &instead);
        char variable[128];
        const char *value = NULL;
        if (len && name.len < sizeof variable) {
            memcpy(variable, name.ptr, name.len);
            variable[name.len] = '\0';
            value = getenv(variable);
        }
        if (!len) {
            df_buf_char(out, text.ptr[0]);
            len = 1;
        } else if (value && *value)
            df_buf_text(out, value);
        else if (instead.ptr)
            df_buf_str_add(out, instead);
        else {
            if (complete) *missing = name;
            complete = false;
            df_buf_add(out, text.ptr, len);
        }
        text = df_str_skip(text, len);
    }
    return complete;
}

static void skip_blanks(variables_reader *r)
{
    while (r->rest.len && strchr(" \t\r", r->rest.ptr[0])) r->rest = df_str_skip(r->rest, 1);
}

static void skip_line(variables_reader *r)
{
    const char *end = memchr(r->rest.ptr, '\n', r->rest.len);
    r->rest =
        end ? df_str_skip(r->rest, (size_t)(end + 1 - r->rest.ptr)) : (df_str){r->rest.ptr + r->rest.len, 0};
    r->line++;
}

/* 'as it is', or "with \n and ${NAME}"; both may go over several lines. False when it does not end. */
static bool quoted(variables_reader *r, df_buf *out)
{
    char quote = r->rest.ptr[0];
    df_str s = df_str_skip(r->rest, 1);
    df_buf text = {0};
    int64_t lines = 0;
    while (s.len && s.ptr[0] != quote) {
        char c = s.ptr[0];
        lines += c == '\n';
        if (quote == '"' && c == '\\' && s.len > 1) {
            char next = s.ptr[1];
            const char *known = strchr("nrt\"\\$", next);
            if (!known) df_buf_char(&text, '\\');
            df_buf_char(&text, next == 'n' ? '\n' : next == 'r' ? '\r' : next == 't' ? '\t' : next);
            s = df_str_skip(s, 1);
        } else
            df_buf_char(&text, c);
        s = df_str_skip(s, 1);
    }
    bool ended = s.len > 0;
    df_str missing;
    if (ended && quote == '"')
        cli_expand(out, df_buf_str(&text), &missing);
    else
        df_buf_str_add(out, df_buf_str(&text));
    df_buf_release(&text);
    if (!ended) return false;
    r->rest = df_str_skip(s, 1);
    r->line += lines;
    return true;
}

/* Up to the line's end, or to a # behind a blank. */
static void bare(variables_reader *r, df_buf *out)
{
    size_t len = 0;
    df_str s = r->rest, missing;
    while (len < s.len && s.ptr[len] != '\n' &&
           !(s.ptr[len] == '#' && (!len || strchr(" \t", s.ptr[len - 1]))))
        len++;
    df_str value = {s.ptr, len};
    while (value.len && strchr(" \t\r", value.ptr[value.len - 1])) value.len--;
    cli_expand(out, value, &missing);
    r->rest = df_str_skip(s, len);
}

static void keep(variables_reader *r, df_str name, int64_t line, const char *value)
{
    cli_state *state = r->cli->state;
    char *copy = df_arena_cstr(&r->cli->arena, name);
    const char *where;
    bool ours = cli_variable_of(r->cli, name, &where) && where;
    if (!ours && getenv(copy)) return; /* the environment itself wins, also with an empty value */
    setenv(copy, value, 1);
    DF_PUSH(state->variables, state->n_variables, state->cap_variables) =
        (cli_variable){copy, df_arena_printf(&r->cli->arena, "%s:%lld", r->path, (long long)line)};
}

static bool read_variable(variables_reader *r)
{
    int64_t line = r->line;
    if (df_str_starts(r->rest, DF_STR("export ")) || df_str_starts(r->rest, DF_STR("export\t"))) {
        r->rest = df_str_skip(r->rest, 7);
        skip_blanks(r);
    }
    df_str name = {r->rest.ptr, name_length(r->rest)};
    r->rest = df_str_skip(r->rest, name.len);
    skip_blanks(r);
    if (!name.len || !r->rest.len || r->rest.ptr[0] != '=') return false;
    r->rest = df_str_skip(r->rest, 1);
    skip_blanks(r);
    df_buf value = {0};
    bool ok = true;
    if (r->rest.len && (r->rest.ptr[0] == '"' || r->rest.ptr[0] == '\''))
        ok = quoted(r, &value);
    else
        bare(r, &value);
    skip_blanks(r);
    if (ok && r->rest.len && r->rest.ptr[0] != '\n' && r->rest.ptr[0] != '#') ok = false;
    if (ok && memchr(df_buf_str(&value).ptr, '\0', value.len)) ok = false;
    if (ok) keep(r, name, line, df_buf_cstr(&value));
    df_buf_release(&value);
    return ok;
}

static void read_all(variables_reader *r)
{
    if (df_str_starts(r->rest, DF_STR("\xEF\xBB\xBF"))) r->rest = df_str_skip(r->rest, 3);
    r->line = 1;
    while (r->rest.len) {
        skip_blanks(r);
        int64_t line = r->line;
        if (r->rest.len && r->rest.ptr[0] != '\n' && r->rest.ptr[0] != '#' && !read_variable(r))
            df_log(&r->cli->observer, DF_LOG_WARNING, "%s:%lld: not a line NAME=VALUE; left out", r->path,
                   (long long)line);
        skip_line(r);
    }
}

/* The program's option env-file, when it was given; else .env in the current directory, when it is there. */
static const char *find_file(const cli_context *cli)
{
    const cli_values *values = &cli->state->program_values;
    for (size_t i = 0; i < values->count; i++)
        if (strcmp(values->options[i].name, "env-file") == 0 && values->origin[i] == CLI_FROM_FLAG)
            return *(const char **)(values->base + values->options[i].at);
    return access(".env", F_OK) == 0 ? ".env" : NULL;
}

df_code cli_read_variables(cli_context *cli, df_error *err)
{
    const char *path = cli->program->env_file ? find_file(cli) : NULL;
    if (!path || !*path) return DF_OK;
    df_buf text = {0};
    df_code code = df_file_read_all(path, MAX_VARIABLES, &text, err);
    if (code) {
        df_buf_release(&text);
        return df_error_prefix(err, "file of variables");
    }
    variables_reader r = {.cli = cli, .path = path, .rest = df_buf_str(&text)};
    read_all(&r);
    df_buf_release(&text);
    return DF_OK;
}
