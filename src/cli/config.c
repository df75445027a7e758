/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file: `option = value` lines for every command that has the option, and
 * `[command]` sections for one. Read twice, first what is for all, then the command's section over it.
 */
#include "cli/cli_int.h"
#include "io/file.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_CONFIG = 1 << 20 };

typedef struct config_reader {
    cli_context *cli;
    const char *path;
    int64_t line;
    const cli_command *section; /* NULL: the part for every command */
    bool sections;              /* this round stores what stands in the command's section */
    bool secret;                /* some secret was found */
} config_reader;

static df_str trim(df_str s)
{
    while (s.len && strchr(" \t\r", s.ptr[0])) s = df_str_skip(s, 1);
    while (s.len && strchr(" \t\r", s.ptr[s.len - 1])) s.len--;
    return s;
}

static size_t find_option(const cli_option *options, df_str name)
{
    for (size_t i = 0; options && options[i].name; i++)
        if (!options[i].operand && df_str_is(name, options[i].name)) return i;
    return SIZE_MAX;
}

static void suggest_among(cli_suggestion *s, const cli_option *options)
{
    for (; options && options->name; options++)
        if (!options->operand) cli_suggest(s, options->name);
}

static df_code unknown_key(const config_reader *r, df_str key, df_error *err)
{
    char *name = df_arena_cstr(&r->cli->arena, key);
    cli_suggestion s = {.word = name};
    if (r->section) suggest_among(&s, r->section->options);
    const cli_command *command;
    for (size_t i = 0; !r->section && (command = cli_nth_command(r->cli->program, i)); i++)
        suggest_among(&s, command->options);
    suggest_among(&s, cli_global_options);
    df_fail(err, DF_USAGE, "%s:%lld: %s%s has no option \"%s\"", r->path, (long long)r->line,
            r->section ? "" : "no command of ", r->section ? r->section->name : r->cli->program->name, name);
    if (!r->section)
        df_fail(err, DF_USAGE, "%s:%lld: no command has an option \"%s\"", r->path, (long long)r->line, name);
    if (s.best) df_error_hint(err, "did you mean %s?", s.best);
    df_error_at(err, r->path, r->line);
    return DF_USAGE;
}

static bool known_to_any(const cli_program *program, df_str key)
{
    const cli_command *command;
    for (size_t i = 0; (command = cli_nth_command(program, i)); i++)
        if (find_option(command->options, key) != SIZE_MAX) return true;
    return false;
}

/* Stores into the table that knows the name, unless argv did. */
static df_code store(config_reader *r, cli_values *values, size_t n, df_str value, df_error *err)
{
    if (values->origin[n] == CLI_FROM_FLAG) return DF_OK;
    df_arena *arena = &r->cli->arena;
    const char *where = df_arena_printf(arena, "%s:%lld", r->path, (long long)r->line);
    const char *shown = df_arena_printf(arena, "%s: %s", where, values->options[n].name);
    if (values->options[n].secret) r->secret = true;
    if (cli_store(r->cli, values, n, df_arena_cstr(arena, value), CLI_FROM_FILE, shown, err)) {
        df_error_at(err, r->path, r->line);
        return err ? err->code : DF_USAGE;
    }
    values->where[n] = where;
    return DF_OK;
}

static df_code read_key(config_reader *r, df_str key, df_str value, df_error *err)
{
    cli_context *cli = r->cli;
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = (df_str){value.ptr + 1, value.len - 2};
    size_t global = find_option(cli_global_options, key);
    bool usable = global != SIZE_MAX && !df_str_is(key, "help") && !df_str_is(key, "version") &&
                  !df_str_is(key, "config");
    bool known =
        r->section ? find_option(r->section->options, key) != SIZE_MAX : known_to_any(cli->program, key);
    if (!known && !usable) return unknown_key(r, key, err);
    bool mine = r->section ? r->section == cli->command : true;
    if (!mine || r->sections != (r->section != NULL)) return DF_OK;
    size_t own = cli->command ? find_option(cli->command->options, key) : SIZE_MAX;
    if (own != SIZE_MAX) return store(r, &cli->state->values, own, value, err);
    if (usable) return store(r, &cli->state->global_values, global, value, err);
    return DF_OK;
}

static df_code read_section(config_reader *r, df_str line, df_error *err)
{
    char *name = df_arena_cstr(&r->cli->arena, trim((df_str){line.ptr + 1, line.len - 2}));
    r->section = cli_find_command(r->cli->program, name);
    if (r->section) return DF_OK;
    cli_suggestion s = {.word = name};
    const cli_command *command;
    for (size_t i = 0; (command = cli_nth_command(r->cli->program, i)); i++) cli_suggest(&s, command->name);
    df_fail(err, DF_USAGE, "%s:%lld: section [%s] is no command of %s", r->path, (long long)r->line, name,
            r->cli->program->name);
    if (s.best) df_error_hint(err, "did you mean [%s]?", s.best);
    df_error_at(err, r->path, r->line);
    return DF_USAGE;
}

static df_code read_line(config_reader *r, df_str line, df_error *err)
{
    line = trim(line);
    if (!line.len || line.ptr[0] == '#' || line.ptr[0] == ';') return DF_OK;
    if (line.ptr[0] == '[' && line.ptr[line.len - 1] == ']') return read_section(r, line, err);
    const char *equals = memchr(line.ptr, '=', line.len);
    if (!equals || memchr(line.ptr, '\0', line.len)) {
        df_fail(err, DF_USAGE, "%s:%lld: neither `option = value` nor `[command]`", r->path,
                (long long)r->line);
        df_error_at(err, r->path, r->line);
        return DF_USAGE;
    }
    size_t key = (size_t)(equals - line.ptr);
    return read_key(r, trim((df_str){line.ptr, key}), trim(df_str_skip(line, key + 1)), err);
}

static df_code read_lines(config_reader *r, df_str text, df_error *err)
{
    r->line = 0;
    r->section = NULL;
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        r->line++;
        DF_TRY(read_line(r, (df_str){text.ptr, len}, err));
        text = df_str_skip(text, len + (end != NULL));
    }
    return DF_OK;
}

/* --config, PROGRAM_CONFIG, ./program.ini, ~/.config/program.ini; NULL when there is none. */
static const char *find_config(cli_context *cli)
{
    df_arena *arena = &cli->arena;
    if (cli->state->globals.config) return cli->state->globals.config;
    df_buf name = {0};
    cli_put_env_name(&name, cli->program, "_CONFIG");
    const char *named = getenv(df_buf_cstr(&name));
    df_buf_release(&name);
    if (named && *named) return named;
    const char *here = df_arena_printf(arena, "%s.ini", cli->program->name);
    if (access(here, F_OK) == 0) return here;
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    const char *mine = NULL;
    if (xdg && *xdg)
        mine = df_arena_printf(arena, "%s/%s.ini", xdg, cli->program->name);
    else if (home && *home)
        mine = df_arena_printf(arena, "%s/.config/%s.ini", home, cli->program->name);
    return mine && access(mine, F_OK) == 0 ? mine : NULL;
}

df_code cli_read_config(cli_context *cli, df_error *err)
{
    const char *path = find_config(cli);
    if (!path) return DF_OK;
    df_buf text = {0};
    config_reader r = {.cli = cli, .path = path};
    df_code code = df_file_read_all(path, MAX_CONFIG, &text, err);
    if (code) df_error_prefix(err, "configuration file");
    if (!code) code = read_lines(&r, df_buf_str(&text), err);
    r.sections = true;
    if (!code) code = read_lines(&r, df_buf_str(&text), err);
    df_buf_release(&text);
    struct stat st;
    if (!code && r.secret && stat(path, &st) == 0 && (st.st_mode & 077)) cli->state->config_exposed = path;
    return code;
}
