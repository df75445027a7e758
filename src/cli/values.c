/* SPDX-License-Identifier: Apache-2.0 */
/* Texts to typed values, and which of flag, environment, file and default wins. */
#include "cli/cli_int.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

void cli_values_open(cli_values *values, df_arena *arena, const cli_option *options, size_t size)
{
    static const cli_option none[] = {{0}};
    *values =
        (cli_values){.options = options ? options : none, .count = cli_count_options(options), .size = size};
    values->base = df_arena_zalloc(arena, size + 1);
    values->origin = df_arena_zalloc(arena, (values->count + 1) * sizeof *values->origin);
    values->level = df_arena_zalloc(arena, (values->count + 1) * sizeof *values->level);
    const char ***texts[] = {&values->where, &values->lack, &values->beaten, &values->beaten_where};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = df_arena_zalloc(arena, (values->count + 1) * sizeof **texts[i]);
    for (size_t i = 0; i < values->count; i++) {
        void *at = values->base + options[i].at;
        if (options[i].type == CLI_INT) *(int64_t *)at = CLI_UNSET;
        if (options[i].type == CLI_NUMBER) *(double *)at = (double)NAN;
    }
}

static df_code store_flag(bool *at, const char *text, const char *shown, df_error *err)
{
    static const char *const words[] = {"true", "yes", "on", "1", "false", "no", "off", "0"};
    for (size_t i = 0; i < 8; i++) {
        if (strcmp(text, words[i])) continue;
        *at = i < 4;
        return DF_OK;
    }
    return df_fail(err, DF_USAGE, "%s is true or false, not \"%s\"", shown, text);
}

static void put_range(df_buf *out, const cli_option *option)
{
    if (option->min == 0 && option->max == 0) return;
    if (option->max == INT64_MAX)
        df_buf_printf(out, " of at least %lld", (long long)option->min);
    else
        df_buf_printf(out, " from %lld to %lld", (long long)option->min, (long long)option->max);
}

static df_code not_a_number(const cli_option *option, const char *text, const char *shown, const char *kind,
                            df_error *err)
{
    df_buf range = {0};
    put_range(&range, option);
    df_fail(err, DF_USAGE, "%s needs %s%s, not \"%s\"", shown, kind, df_buf_cstr(&range), text);
    df_buf_release(&range);
    return DF_USAGE;
}

static df_code store_int(const cli_option *option, int64_t *at, const char *text, const char *shown,
                         df_error *err)
{
    int64_t value;
    bool ok = df_str_int64(df_str_from(text), &value);
    if (ok && (option->min || option->max)) ok = value >= option->min && value <= option->max;
    if (!ok) return not_a_number(option, text, shown, "a whole number", err);
    *at = value;
    return DF_OK;
}

/* ---- durations ---- */

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"ms", 1},       {"s", 1000},       {"sec", 1000},     {"m", 60000},
             {"min", 60000},  {"h", 3600000},    {"hour", 3600000}, {"hours", 3600000},
             {"d", 86400000}, {"day", 86400000}, {"days", 86400000}};

static bool unit_of(df_str *text, int64_t *ms)
{
    size_t len = 0;
    while (len < text->len && text->ptr[len] >= 'a' && text->ptr[len] <= 'z') len++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (df_str_is((df_str){text->ptr, len}, units[i].name)) {
            *text = df_str_skip(*text, len);
            *ms = units[i].ms;
            return true;
        }
    return false;
}

static void skip_blanks(df_str *text)
{
    while (text->len && text->ptr[0] == ' ') *text = df_str_skip(*text, 1);
}

/* One number with its unit: "1.5 h". */
static bool take_part(df_str *text, int64_t *total)
{
    int64_t whole = 0, fraction = 0, scale = 1, ms;
    size_t digits = 0;
    for (; text->len && text->ptr[0] >= '0' && text->ptr[0] <= '9'; *text = df_str_skip(*text, 1), digits++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, text->ptr[0] - '0', &whole))
            return false;
    if (digits && text->len && text->ptr[0] == '.')
        for (*text = df_str_skip(*text, 1); text->len && text->ptr[0] >= '0' && text->ptr[0] <= '9';
             *text = df_str_skip(*text, 1))
            if (scale < 1000000) {
                fraction = fraction * 10 + (text->ptr[0] - '0');
                scale *= 10;
            }
    if (!digits) return false;
    skip_blanks(text);
    if (!unit_of(text, &ms) || __builtin_mul_overflow(whole, ms, &whole)) return false;
    return !__builtin_add_overflow(*total, whole + fraction * ms / scale, total);
}

bool cli_parse_duration(df_str text, int64_t *ms)
{
    int64_t total = 0;
    skip_blanks(&text);
    if (df_str_is(text, "0")) {
        *ms = 0;
        return true;
    }
    if (!text.len) return false;
    for (; text.len; skip_blanks(&text))
        if (!take_part(&text, &total)) return false;
    *ms = total;
    return true;
}

/* In the largest unit that needs no fraction, so that it reads back as the same. */
void cli_put_duration_text(df_buf *out, int64_t ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } large[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}};
    if (ms < 0) df_buf_text(out, "none");
    if (ms == 0) df_buf_text(out, "0");
    if (ms <= 0) return;
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        if (ms % large[i].ms == 0) {
            df_buf_printf(out, "%lld%s", (long long)(ms / large[i].ms), large[i].name);
            return;
        }
    df_buf_printf(out, "%lldms", (long long)ms);
}

static df_code store_duration(const cli_option *option, int64_t *at, const char *text, const char *shown,
                              df_error *err)
{
    if (option->min == -1 && strcmp(text, "none") == 0) {
        *at = -1;
        return DF_OK;
    }
    if (cli_parse_duration(df_str_from(text), at)) return DF_OK;
    df_fail(err, DF_USAGE, "%s needs a duration with its unit%s, not \"%s\"", shown,
            option->min == -1 ? ", or none" : "", text);
    df_error_hint(err, "write it as 500ms, 30s, 10min, 2h or 1d");
    return DF_USAGE;
}

/* ---- numbers and texts ---- */

static df_code store_number(const cli_option *option, double *at, const char *text, const char *shown,
                            df_error *err)
{
    char *end;
    double value = strtod(text, &end);
    bool ok = *text && !*end && isfinite(value);
    if (ok && (option->min || option->max)) ok = value >= (double)option->min && value <= (double)option->max;
    if (!ok) return not_a_number(option, text, shown, "a number", err);
    *at = value;
    return DF_OK;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);
    while (*choices) {
        size_t n = strcspn(choices, "|");
        if (n == len && memcmp(choices, text, n) == 0) return true;
        choices += n + (choices[n] == '|');
    }
    return false;
}

static df_code check_text(const cli_option *option, const char *text, const char *shown, df_error *err)
{
    if (option->choices && !is_choice(option->choices, text)) {
        df_buf list = {0};
        for (const char *p = option->choices; *p; p++) {
            if (*p == '|')
                df_buf_text(&list, strchr(p + 1, '|') ? ", " : " or ");
            else
                df_buf_char(&list, *p);
        }
        df_fail(err, DF_USAGE, "%s is %s, not \"%s\"", shown, df_buf_cstr(&list), text);
        df_buf_release(&list);
        return DF_USAGE;
    }
    if (!*text && option->required) return df_fail(err, DF_USAGE, "%s is empty", shown);
    return DF_OK;
}

/* Lists grow by one; copying them each time is nothing at the length of a command line. */
static void append(cli_context *cli, cli_list *list, const char *text)
{
    const char **items = df_arena_alloc(&cli->arena, (list->count + 1) * sizeof *items);
    for (size_t i = 0; i < list->count; i++) items[i] = list->items[i];
    items[list->count] = text;
    *list = (cli_list){items, list->count + 1};
}

df_code cli_store(cli_context *cli, cli_values *values, size_t n, const char *text, cli_origin origin,
                  const char *shown, df_error *err)
{
    const cli_option *option = &values->options[n];
    void *at = values->base + option->at;
    if (option->count && origin == CLI_FROM_FLAG) {
        int64_t *counter = at;
        *counter = *counter == CLI_UNSET ? 1 : *counter + 1;
    } else {
        switch (option->type) {
        case CLI_FLAG: DF_TRY(store_flag(at, text, shown, err)); break;
        case CLI_INT:
            DF_TRY((option->duration ? store_duration : store_int)(option, at, text, shown, err));
            break;
        case CLI_NUMBER: DF_TRY(store_number(option, at, text, shown, err)); break;
        case CLI_TEXT:
            DF_TRY(check_text(option, text, shown, err));
            *(const char **)at = df_arena_cstr(&cli->arena, df_str_from(text));
            break;
        case CLI_LIST:
            DF_TRY(check_text(option, text, shown, err));
            append(cli, at, df_arena_cstr(&cli->arena, df_str_from(text)));
            break;
        }
    }
    values->origin[n] = origin;
    return DF_OK;
}

/* The entries first .. end-1 are one entry and its alternatives. */
static size_t chain_end(const cli_values *values, size_t first)
{
    size_t end = first + 1;
    while (end < values->count && values->options[end].after != CLI_ALONE) end++;
    return end;
}

/* How strong a value is: where it came from, and of the file which part. What the file wants to give counts,
 * too. */
static int rank_of(const cli_values *values, size_t n)
{
    cli_origin origin = values->lack[n] ? CLI_FROM_FILE : values->origin[n];
    return (int)origin * 4 + values->level[n];
}

/* Entries of a chain that exclude each other. */
static bool exclusive(const cli_values *values, size_t first, size_t end, size_t n)
{
    if (n > first) return values->options[n].after == CLI_ONE_OF;
    return end - first > 1 && values->options[first + 1].after == CLI_ONE_OF;
}

static void forget(cli_values *values, size_t n)
{
    void *at = values->base + values->options[n].at;
    values->origin[n] = CLI_NOT_GIVEN;
    values->level[n] = CLI_NO_LEVEL;
    values->lack[n] = NULL;
    switch (values->options[n].type) {
    case CLI_FLAG: *(bool *)at = false; break;
    case CLI_INT: *(int64_t *)at = CLI_UNSET; break;
    case CLI_NUMBER: *(double *)at = (double)NAN; break;
    case CLI_TEXT: *(const char **)at = NULL; break;
    case CLI_LIST: *(cli_list *)at = (cli_list){0}; break;
    }
}

/* What the environment's own section said and a variable overrules may have been meant: people can be told.
 */
static void note_beaten(cli_values *values, size_t n)
{
    if (values->level[n] != CLI_LEVEL_ENVIRONMENT || values->options[n].type != CLI_TEXT) return;
    const char *text =
        values->lack[n] ? values->lack[n] : *(const char **)(values->base + values->options[n].at);
    values->beaten[n] = text;
    values->beaten_where[n] = values->where[n];
}

/* --timestamp on the command line overrules --version in the environment or file. */
static void forget_overruled(cli_values *values, size_t first, size_t end)
{
    int strongest = 0;
    for (size_t i = first; i < end; i++)
        if (rank_of(values, i) > strongest) strongest = rank_of(values, i);
    for (size_t i = first; i < end; i++) {
        if (!exclusive(values, first, end, i) || rank_of(values, i) >= strongest) continue;
        if (strongest >= (int)CLI_FROM_ENV_FILE * 4 && strongest < (int)CLI_FROM_FLAG * 4)
            note_beaten(values, i);
        forget(values, i);
    }
}

const char *cli_variable_of(const cli_context *cli, df_str name, const char **where)
{
    *where = NULL;
    for (size_t i = 0; i < cli->state->n_variables; i++)
        if (df_str_is(name, cli->state->variables[i].name)) *where = cli->state->variables[i].where;
    char text[128];
    if (name.len >= sizeof text) return NULL;
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    const char *value = getenv(text);
    return value && *value ? value : NULL;
}

/* The first variable that is set: in the environment, else in the file of variables. */
static const char *find_variable(const cli_context *cli, const char *env, df_str *name, const char **where)
{
    for (int file = 0; file < 2; file++)
        for (size_t i = 0; (*name = cli_nth_env(env, i)).ptr; i++) {
            const char *value = cli_variable_of(cli, *name, where);
            if (value && (*where != NULL) == file) return value;
        }
    return NULL;
}

static df_code store_variable(cli_context *cli, cli_values *values, size_t n, df_error *err)
{
    df_str name;
    const char *where;
    const char *text = find_variable(cli, values->options[n].env, &name, &where);
    if (!text) return DF_OK;
    note_beaten(values, n);
    const char *shown = df_arena_printf(&cli->arena, "environment variable %.*s", DF_FMT(name));
    values->where[n] = where ? df_arena_printf(&cli->arena, "%s: %.*s", where, DF_FMT(name)) : shown;
    values->lack[n] = NULL;
    values->level[n] = CLI_NO_LEVEL;
    return cli_store(cli, values, n, text, where ? CLI_FROM_ENV_FILE : CLI_FROM_ENVIRONMENT,
                     where ? values->where[n] : shown, err);
}

static df_code from_environment(cli_context *cli, cli_values *values, df_error *err)
{
    for (size_t i = 0; i < values->count; i++)
        if (values->options[i].env && values->origin[i] != CLI_FROM_FLAG)
            DF_TRY(store_variable(cli, values, i, err));
    return DF_OK;
}

static void put_shown(df_buf *out, const cli_option *option)
{
    df_buf_printf(out, "%s%s", option->operand ? "" : "--", option->name);
}

static df_code check_missing(const cli_context *cli, const cli_values *values, size_t first, size_t end,
                             df_error *err)
{
    const cli_option *o = &values->options[first];
    df_buf text = {0};
    for (size_t i = first; i < end; i++) {
        if (i > first) df_buf_text(&text, " or ");
        cli_put_usage(&text, &values->options[i]);
    }
    df_fail(err, DF_USAGE, "%s needs %s", cli->command->name, df_buf_cstr(&text));
    df_buf_release(&text);
    if (o->env)
        df_error_hint(err, "give it, or set the environment variable %.*s", DF_FMT(cli_nth_env(o->env, 0)));
    return DF_USAGE;
}

static df_code check_chain(const cli_context *cli, const cli_values *values, size_t first, size_t end,
                           df_error *err)
{
    size_t seen = SIZE_MAX;
    for (size_t i = first; i < end; i++) {
        if (values->origin[i] == CLI_NOT_GIVEN) continue;
        if (seen != SIZE_MAX && values->options[i].after == CLI_ONE_OF) {
            df_buf text = {0};
            put_shown(&text, &values->options[seen]);
            df_buf_text(&text, " and ");
            put_shown(&text, &values->options[i]);
            df_fail(err, DF_USAGE, "%s exclude each other: give one of them", df_buf_cstr(&text));
            df_buf_release(&text);
            return DF_USAGE;
        }
        if (seen == SIZE_MAX) seen = i;
    }
    if (seen == SIZE_MAX && values->options[first].required)
        return check_missing(cli, values, first, end, err);
    return DF_OK;
}

df_code cli_resolve(cli_context *cli, cli_values *values, bool complete, df_error *err)
{
    DF_TRY(from_environment(cli, values, err));
    for (size_t i = 0; i < values->count; i = chain_end(values, i)) {
        forget_overruled(values, i, chain_end(values, i));
        if (complete) DF_TRY(check_chain(cli, values, i, chain_end(values, i), err));
    }
    for (size_t i = 0; i < values->count; i++) {
        const cli_option *o = &values->options[i];
        if (values->origin[i] == CLI_NOT_GIVEN && !values->lack[i] && o->def)
            DF_TRY(cli_store(cli, values, i, o->def, CLI_FROM_DEFAULT, o->name, err));
    }
    return DF_OK;
}

void cli_put_value(df_buf *out, const cli_program *program, const cli_values *values, size_t n)
{
    const cli_option *o = &values->options[n];
    const void *at = values->base + o->at;
    if (values->origin[n] == CLI_NOT_GIVEN) return;
    if (o->secret && o->type == CLI_TEXT && program->mask) {
        program->mask(out, *(const char *const *)at);
        return;
    }
    if (o->secret) {
        df_buf_text(out, "***");
        return;
    }
    if (o->duration) {
        cli_put_duration_text(out, *(const int64_t *)at);
        return;
    }
    switch (o->type) {
    case CLI_FLAG: df_buf_text(out, *(const bool *)at ? "true" : "false"); break;
    case CLI_INT: df_buf_int(out, *(const int64_t *)at); break;
    case CLI_NUMBER: df_buf_printf(out, "%g", *(const double *)at); break;
    case CLI_TEXT: df_buf_text(out, *(const char *const *)at); break;
    case CLI_LIST:
        for (size_t i = 0; i < ((const cli_list *)at)->count; i++)
            df_buf_printf(out, "%s%s", i ? ", " : "", ((const cli_list *)at)->items[i]);
        break;
    }
}

/* In which of the tables `member` lies. */
static const cli_values *home_of(const cli_context *cli, const void *member, size_t *n)
{
    for (size_t t = 0; t < CLI_TABLES; t++) {
        const cli_values *values = cli_table(cli, t);
        for (size_t i = 0; i < values->count; i++)
            if ((const char *)member == values->base + values->options[i].at) {
                *n = i;
                return values;
            }
    }
    return NULL;
}

cli_origin cli_origin_of(const cli_context *cli, const void *member)
{
    size_t n;
    const cli_values *values = home_of(cli, member, &n);
    return values ? values->origin[n] : CLI_NOT_GIVEN;
}

const char *cli_nth_origin_text(cli_context *cli, const cli_values *values, size_t n)
{
    const cli_option *o = &values->options[n];
    switch (values->origin[n]) {
    case CLI_NOT_GIVEN: return values->lack[n] ? values->lack[n] : "not given";
    case CLI_FROM_DEFAULT: return "default";
    case CLI_FROM_FILE:
    case CLI_FROM_ENV_FILE:
    case CLI_FROM_ENVIRONMENT: return values->where[n];
    case CLI_FROM_FLAG: return df_arena_printf(&cli->arena, o->operand ? "%s" : "option --%s", o->name);
    }
    return "not given";
}

const char *cli_origin_text(cli_context *cli, const void *member)
{
    size_t n;
    const cli_values *values = home_of(cli, member, &n);
    return values ? cli_nth_origin_text(cli, values, n) : "not given";
}

const char *cli_lack_text(const cli_context *cli, const void *member)
{
    size_t n;
    const cli_values *values = home_of(cli, member, &n);
    return values ? values->lack[n] : NULL;
}

const char *cli_overruled_text(const cli_context *cli, const void *member, const char **where)
{
    size_t n;
    const cli_values *values = home_of(cli, member, &n);
    *where = values ? values->beaten_where[n] : NULL;
    return values ? values->beaten[n] : NULL;
}
