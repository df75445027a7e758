/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file: `option = value` lines for every command that has the option, `[command]` sections
 * for one, and `[env.NAME]` sections for an environment. All of it is checked; then what holds for this call
 * is stored, the strongest part first: the environment's section, the command's, the top.
 */
#include "cli/cli_int.h"
#include "io/file.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_CONFIG = 1 << 20 };

typedef struct section {
    enum cli_level level;
    const cli_command *command; /* CLI_LEVEL_COMMAND */
    const char *name;           /* CLI_LEVEL_ENVIRONMENT: of the environment */
    int64_t line;
} section;

typedef struct entry {
    size_t section;
    int64_t line;
    df_str key, value;
} entry;

typedef struct config_reader {
    cli_context *cli;
    const char *path;
    int64_t line;
    section *sections; /* the first is the top */
    size_t n_sections, cap_sections;
    entry *entries;
    size_t n_entries, cap_entries;
    bool secret; /* some secret was found */
} config_reader;

static df_str trim(df_str s)
{
    while (s.len && strchr(" \t\r", s.ptr[0])) s = df_str_skip(s, 1);
    while (s.len && strchr(" \t\r", s.ptr[s.len - 1])) s.len--;
    return s;
}

/* The option that `key` means; of `placeholder.NAME` the rest goes to *sub. */
static size_t find_option(const cli_option *options, df_str key, df_str *sub)
{
    *sub = DF_STR_NONE;
    for (size_t i = 0; options && options[i].name; i++) {
        if (options[i].operand) continue;
        size_t len = strlen(options[i].name);
        if (options[i].keyed) {
            if (key.len > len + 1 && memcmp(key.ptr, options[i].name, len) == 0 && key.ptr[len] == '.') {
                *sub = df_str_skip(key, len + 1);
                return i;
            }
        } else if (cli_option_is(&options[i], key))
            return i;
    }
    return SIZE_MAX;
}

static bool has_option(const cli_option *options, df_str key)
{
    df_str sub;
    return find_option(options, key, &sub) != SIZE_MAX;
}

/* ---- what is wrong ---- */

static df_code at_line(const config_reader *r, df_error *err)
{
    df_error_at(err, r->path, r->line);
    return DF_USAGE;
}

static void suggest_among(cli_suggestion *s, const cli_option *options)
{
    for (; options && options->name; options++)
        if (!options->operand) cli_suggest(s, options->name);
}

static df_code unknown_key(const config_reader *r, const section *in, df_str key, df_error *err)
{
    const cli_program *program = r->cli->program;
    char *name = df_arena_cstr(&r->cli->arena, key);
    cli_suggestion s = {.word = name};
    if (in->command) suggest_among(&s, in->command->options);
    const cli_command *command;
    for (size_t i = 0; in->level == CLI_LEVEL_TOP && (command = cli_nth_command(program, i)); i++)
        suggest_among(&s, command->options);
    suggest_among(&s, program->options);
    if (in->level != CLI_LEVEL_ENVIRONMENT) suggest_among(&s, cli_global_options);
    const char *where = df_arena_printf(&r->cli->arena, "%s:%lld", r->path, (long long)r->line);
    if (in->command)
        df_fail(err, DF_USAGE, "%s: %s has no option \"%s\"", where, in->command->name, name);
    else if (in->level == CLI_LEVEL_ENVIRONMENT)
        df_fail(err, DF_USAGE, "%s: an environment has no setting \"%s\"", where, name);
    else if (program->options)
        df_fail(err, DF_USAGE, "%s: there is no setting or option \"%s\"", where, name);
    else
        df_fail(err, DF_USAGE, "%s: no command has an option \"%s\"", where, name);
    if (s.best) df_error_hint(err, "did you mean %s?", s.best);
    return at_line(r, err);
}

static bool usable_global(df_str key)
{
    return has_option(cli_global_options, key) && !df_str_is(key, "help") && !df_str_is(key, "version") &&
           !df_str_is(key, "config");
}

static bool known(const config_reader *r, const section *in, df_str key)
{
    const cli_program *program = r->cli->program;
    /* An environment chooses neither itself nor a file that was read before it was known. */
    if (in->level == CLI_LEVEL_ENVIRONMENT)
        return has_option(program->options, key) && !df_str_is(key, "env") && !df_str_is(key, "env-file");
    if (df_str_is(key, "env-file")) return false;
    if (usable_global(key) || has_option(program->options, key)) return true;
    if (in->command) return has_option(in->command->options, key);
    const cli_command *command;
    for (size_t i = 0; (command = cli_nth_command(program, i)); i++)
        if (has_option(command->options, key)) return true;
    return false;
}

/* ---- reading ---- */

static df_code read_section(config_reader *r, df_str line, df_error *err)
{
    const cli_program *program = r->cli->program;
    char *name = df_arena_cstr(&r->cli->arena, trim((df_str){line.ptr + 1, line.len - 2}));
    section found = {.level = CLI_LEVEL_COMMAND, .line = r->line};
    if (program->environments && strncmp(name, "env.", 4) == 0 && name[4]) {
        found.level = CLI_LEVEL_ENVIRONMENT;
        found.name = name + 4;
    } else if (!(found.command = cli_find_command(program, name))) {
        cli_suggestion s = {.word = name};
        const cli_command *command;
        for (size_t i = 0; (command = cli_nth_command(program, i)); i++) cli_suggest(&s, command->name);
        df_fail(err, DF_USAGE, "%s:%lld: section [%s] is no command of %s%s", r->path, (long long)r->line,
                name, program->name, program->environments ? " and no environment" : "");
        if (s.best)
            df_error_hint(err, "did you mean [%s]?", s.best);
        else if (program->environments)
            df_error_hint(err, "an environment is written [env.NAME]");
        return at_line(r, err);
    }
    DF_PUSH(r->sections, r->n_sections, r->cap_sections) = found;
    return DF_OK;
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
        return at_line(r, err);
    }
    size_t at = (size_t)(equals - line.ptr);
    df_str key = trim((df_str){line.ptr, at}), value = trim(df_str_skip(line, at + 1));
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = (df_str){value.ptr + 1, value.len - 2};
    if (!known(r, &r->sections[r->n_sections - 1], key))
        return unknown_key(r, &r->sections[r->n_sections - 1], key, err);
    DF_PUSH(r->entries, r->n_entries, r->cap_entries) = (entry){r->n_sections - 1, r->line, key, value};
    return DF_OK;
}

static df_code read_lines(config_reader *r, df_str text, df_error *err)
{
    DF_PUSH(r->sections, r->n_sections, r->cap_sections) = (section){.level = CLI_LEVEL_TOP};
    if (df_str_starts(text, DF_STR("\xEF\xBB\xBF"))) text = df_str_skip(text, 3);
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        r->line++;
        DF_TRY(read_line(r, (df_str){text.ptr, len}, err));
        text = df_str_skip(text, len + (end != NULL));
    }
    return DF_OK;
}

/* ---- which environment ---- */

/* The member of the program's options that holds the environment's name. */
static size_t environment_option(const cli_context *cli)
{
    df_str sub;
    return find_option(cli->state->program_values.options, DF_STR("env"), &sub);
}

/* Flag, environment variable, file of variables, the file's top, default: the same order as for any option.
 * *line: of the file, 0 when it came from elsewhere. */
static df_str chosen_environment(const config_reader *r, size_t n, int64_t *line, bool *said)
{
    const cli_context *cli = r->cli;
    const cli_values *values = &cli->state->program_values;
    const cli_option *o = &values->options[n];
    *line = 0;
    *said = true;
    if (values->origin[n] == CLI_FROM_FLAG) return df_str_from(*(const char *const *)(values->base + o->at));
    df_str name;
    for (int file = 0; file < 2; file++)
        for (size_t i = 0; (name = cli_nth_env(o->env, i)).ptr; i++) {
            const char *where, *value = cli_variable_of(cli, name, &where);
            if (value && (where != NULL) == file) return df_str_from(value);
        }
    for (size_t i = r->n_entries; i-- > 0;)
        if (r->entries[i].section == 0 && df_str_is(r->entries[i].key, "env")) {
            *line = r->entries[i].line;
            return r->entries[i].value;
        }
    *said = false;
    return df_str_from(o->def ? o->def : "");
}

static bool among(const char *list, df_str name)
{
    df_str one;
    for (size_t i = 0; (one = cli_nth_env(list, i)).ptr; i++)
        if (df_str_eq(one, name)) return true;
    return false;
}

/* A name counts when it has a section; without any section in the file, also when the program knows it. */
static df_code check_environment(const config_reader *r, df_str name, int64_t line, bool said, df_error *err)
{
    df_arena *arena = &r->cli->arena;
    cli_suggestion s = {.word = df_arena_cstr(arena, name)};
    bool sections = false;
    df_buf list = {0};
    for (size_t i = 0; i < r->n_sections; i++) {
        const section *in = &r->sections[i];
        if (in->level != CLI_LEVEL_ENVIRONMENT) continue;
        if (df_str_is(name, in->name)) {
            df_buf_release(&list);
            return DF_OK;
        }
        df_buf_printf(&list, "%s%s", sections ? ", " : "", in->name);
        sections = true;
        cli_suggest(&s, in->name);
    }
    const char *ours = r->cli->program->environments;
    df_str one;
    for (size_t i = 0; !sections && (one = cli_nth_env(ours, i)).ptr; i++) {
        df_buf_printf(&list, "%s%.*s", i ? ", " : "", DF_FMT(one));
        cli_suggest(&s, df_arena_cstr(arena, one));
    }
    bool fine = among(ours, name) && (!sections || !said);
    if (!fine) {
        const char *there = sections ? df_arena_printf(arena, "%s has %s", r->path, df_buf_cstr(&list))
                                     : df_arena_printf(arena, "there are %s", df_buf_cstr(&list));
        df_fail(err, DF_USAGE, "unknown environment \"%s\"", s.word);
        if (s.best)
            df_error_hint(err, "did you mean %s? (%s)", s.best, there);
        else
            df_error_hint(err, "%s; a section [env.%s] in %s makes it one", there, s.word,
                          r->path ? r->path : "the configuration file");
        if (r->path) df_error_at(err, r->path, line);
    }
    df_buf_release(&list);
    return fine ? DF_OK : DF_USAGE;
}

static df_code choose_environment(const config_reader *r, df_str *out, df_error *err)
{
    *out = DF_STR_NONE;
    size_t n = r->cli->program->environments ? environment_option(r->cli) : SIZE_MAX;
    if (n == SIZE_MAX) return DF_OK;
    int64_t line;
    bool said;
    *out = chosen_environment(r, n, &line, &said);
    return check_environment(r, *out, line, said, err);
}

/* ---- storing ---- */

/* A literal password in the file, as opposed to a reference, or a URL without one. */
static bool holds_password(df_str value)
{
    return !memmem(value.ptr, value.len, "${", 2) &&
           (!memchr(value.ptr, ':', value.len) || memchr(value.ptr, '@', value.len) ||
            memmem(value.ptr, value.len, "password", 8));
}

static bool list_has(const cli_list *list, df_str name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strncmp(list->items[i], name.ptr, name.len) == 0 && list->items[i][name.len] == '=') return true;
    return false;
}

/* Whether something stronger, or as strong and of one value, is there already. */
static bool taken(const cli_values *values, size_t n, enum cli_level level, df_str sub)
{
    const cli_option *o = &values->options[n];
    if (o->keyed) return list_has((const cli_list *)(values->base + o->at), sub);
    return values->origin[n] == CLI_FROM_FLAG || values->level[n] > (int)level;
}

static df_code store(config_reader *r, const entry *e, cli_values *values, size_t n, df_str sub,
                     df_error *err)
{
    const cli_option *o = &values->options[n];
    enum cli_level level = r->sections[e->section].level;
    if (taken(values, n, level, sub)) return DF_OK;
    df_arena *arena = &r->cli->arena;
    const char *where = df_arena_printf(arena, "%s:%lld", r->path, (long long)e->line);
    if (o->secret && holds_password(e->value)) r->secret = true;
    df_buf value = {0};
    df_str missing = DF_STR_NONE;
    if (sub.ptr) df_buf_printf(&value, "%.*s=", DF_FMT(sub));
    bool complete = true;
    if (r->cli->program->env_file && !o->verbatim)
        complete = cli_expand(&value, e->value, &missing);
    else
        df_buf_str_add(&value, e->value);
    cli_origin before = values->origin[n];
    df_code code = DF_OK;
    if (!complete && o->secret) {
        values->origin[n] = CLI_NOT_GIVEN;
        *(const char **)(values->base + o->at) = NULL;
        values->lack[n] =
            df_arena_printf(arena, "%s: the environment variable %.*s is not set", where, DF_FMT(missing));
    } else if (!complete) {
        code = df_fail(err, DF_USAGE, "%s: %s: the environment variable %.*s is not set", where, o->name,
                       DF_FMT(missing));
        df_error_hint(err, "set it, or write ${%.*s:-VALUE} for a value without it", DF_FMT(missing));
    } else {
        const char *shown = df_arena_printf(arena, "%s: %s", where, o->name);
        code =
            cli_store(r->cli, values, n, df_arena_cstr(arena, df_buf_str(&value)), CLI_FROM_FILE, shown, err);
    }
    df_buf_release(&value);
    if (code) {
        df_error_at(err, r->path, e->line);
        return code;
    }
    if (complete) values->lack[n] = NULL;
    values->level[n] = (int)level;
    values->where[n] = where;
    if (before == CLI_FROM_FLAG) { /* a keyed one: the flags' names are still the strongest */
        values->origin[n] = before;
        values->level[n] = CLI_NO_LEVEL;
    }
    return DF_OK;
}

static df_code store_level(config_reader *r, enum cli_level level, df_str environment, df_error *err)
{
    cli_context *cli = r->cli;
    for (size_t i = 0; i < r->n_entries; i++) {
        const entry *e = &r->entries[i];
        const section *in = &r->sections[e->section];
        if (in->level != level || (in->command && in->command != cli->command) ||
            (in->name && !df_str_is(environment, in->name)))
            continue;
        for (size_t t = level == CLI_LEVEL_ENVIRONMENT ? 1 : 0; t < CLI_TABLES; t++) {
            cli_values *values = cli_table(cli, t);
            df_str sub;
            size_t n = find_option(values->options, e->key, &sub);
            if (n == SIZE_MAX) continue;
            DF_TRY(store(r, e, values, n, sub, err));
            break;
        }
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

static df_code store_all(config_reader *r, df_error *err)
{
    df_str environment;
    DF_TRY(choose_environment(r, &environment, err));
    for (int level = CLI_LEVEL_ENVIRONMENT; level >= CLI_LEVEL_TOP; level--)
        DF_TRY(store_level(r, (enum cli_level)level, environment, err));
    return DF_OK;
}

df_code cli_read_config(cli_context *cli, df_error *err)
{
    config_reader r = {.cli = cli, .path = find_config(cli)};
    df_buf text = {0};
    df_code code = DF_OK;
    if (r.path) {
        code = df_file_read_all(r.path, MAX_CONFIG, &text, err);
        if (code) df_error_prefix(err, "configuration file");
    }
    if (!code) code = read_lines(&r, df_buf_str(&text), err);
    if (!code) code = store_all(&r, err);
    df_buf_release(&text);
    free(r.sections);
    free(r.entries);
    struct stat st;
    if (!code && r.secret && stat(r.path, &st) == 0 && (st.st_mode & 077))
        cli->state->config_exposed = r.path;
    return code;
}
