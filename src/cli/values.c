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
    values->where = df_arena_zalloc(arena, (values->count + 1) * sizeof *values->where);
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
        case CLI_INT: DF_TRY(store_int(option, at, text, shown, err)); break;
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

static bool given_by(const cli_values *values, size_t first, size_t end, cli_origin origin)
{
    for (size_t i = first; i < end; i++)
        if (values->origin[i] == origin) return true;
    return false;
}

/* --timestamp on the command line overrules --version in the environment or file. */
static void forget_overruled(cli_values *values, size_t first, size_t end)
{
    if (!given_by(values, first, end, CLI_FROM_FLAG)) return;
    for (size_t i = first; i < end; i++) {
        bool exclusive = i == first ? end - first > 1 && values->options[first + 1].after == CLI_ONE_OF
                                    : values->options[i].after == CLI_ONE_OF;
        if (!exclusive || values->origin[i] == CLI_NOT_GIVEN || values->origin[i] == CLI_FROM_FLAG) continue;
        values->origin[i] = CLI_NOT_GIVEN;
        void *at = values->base + values->options[i].at;
        switch (values->options[i].type) {
        case CLI_FLAG: *(bool *)at = false; break;
        case CLI_INT: *(int64_t *)at = CLI_UNSET; break;
        case CLI_NUMBER: *(double *)at = (double)NAN; break;
        case CLI_TEXT: *(const char **)at = NULL; break;
        case CLI_LIST: *(cli_list *)at = (cli_list){0}; break;
        }
    }
}

static df_code from_environment(cli_context *cli, cli_values *values, df_error *err)
{
    for (size_t i = 0; i < values->count; i++) {
        const cli_option *o = &values->options[i];
        if (!o->env || values->origin[i] > CLI_FROM_ENVIRONMENT) continue;
        const char *text = getenv(o->env);
        if (!text || !*text) continue;
        const char *shown = df_arena_printf(&cli->arena, "environment variable %s", o->env);
        DF_TRY(cli_store(cli, values, i, text, CLI_FROM_ENVIRONMENT, shown, err));
    }
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
    if (o->env) df_error_hint(err, "give it, or set the environment variable %s", o->env);
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
        if (values->origin[i] == CLI_NOT_GIVEN && o->def)
            DF_TRY(cli_store(cli, values, i, o->def, CLI_FROM_DEFAULT, o->name, err));
    }
    return DF_OK;
}

void cli_put_value(df_buf *out, const cli_values *values, size_t n)
{
    const cli_option *o = &values->options[n];
    const void *at = values->base + o->at;
    if (values->origin[n] == CLI_NOT_GIVEN) return;
    if (o->secret) {
        df_buf_text(out, "***");
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

/* Which of the two tables `member` lies in. */
static const cli_values *home_of(const cli_context *cli, const void *member, size_t *n)
{
    const cli_values *both[] = {&cli->state->values, &cli->state->global_values};
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i < both[t]->count; i++)
            if ((const char *)member == both[t]->base + both[t]->options[i].at) {
                *n = i;
                return both[t];
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
    case CLI_NOT_GIVEN: return "not given";
    case CLI_FROM_DEFAULT: return "default";
    case CLI_FROM_FILE: return values->where[n];
    case CLI_FROM_ENVIRONMENT: return df_arena_printf(&cli->arena, "environment variable %s", o->env);
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
