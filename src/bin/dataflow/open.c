/* SPDX-License-Identifier: Apache-2.0 */
/* From settings to an open database: where its URL comes from, and whether people consent. */
#include "commands.h"

#include "io/file.h"
#include "io/process.h"

#include <sys/stat.h>

enum { MAX_URL = 1 << 16 };

/* ---- the URL ---- */

static const char *first_line(cli_context *cli, df_str text)
{
    const char *end = memchr(text.ptr, '\n', text.len);
    if (end) text.len = (size_t)(end - text.ptr);
    while (text.len && strchr(" \t\r", text.ptr[text.len - 1])) text.len--;
    while (text.len && strchr(" \t", text.ptr[0])) text = df_str_skip(text, 1);
    return df_arena_cstr(&cli->arena, text);
}

static df_code url_of_file(cli_context *cli, const char *path, const char **url, df_error *err)
{
    df_buf text = {0};
    df_code code = df_file_read_all(path, MAX_URL, &text, err);
    if (code == DF_OK) *url = first_line(cli, df_buf_str(&text));
    df_buf_release(&text);
    if (code == DF_OK && !**url) {
        code = df_fail(err, DF_USAGE, "%s is empty", path);
        df_error_at(err, path, 0);
    }
    return code == DF_OK ? DF_OK : df_error_prefix(err, "url-file");
}

static df_code url_of_command(cli_context *cli, const char *command, const char **url, df_error *err)
{
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    df_process_options options = {.argv = argv, .in = DF_PROCESS_NULL, .out = DF_PROCESS_PIPE};
    df_process process = {0};
    char text[MAX_URL];
    size_t len = 0, got = 0;
    df_code code = df_process_start(&options, &process, err);
    do {
        if (code == DF_OK)
            code = df_process_read(&process, text + len, sizeof text - len, &got, &cli->observer, err);
        len += got;
    } while (code == DF_OK && got && len < sizeof text);
    if (code == DF_OK) code = df_process_end(&process, &cli->observer, err);
    df_process_release(&process);
    if (code == DF_OK) *url = first_line(cli, (df_str){text, len});
    if (code == DF_OK && !**url) code = df_fail(err, DF_USAGE, "%s printed no URL", command);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "url-command");
}

/*
 * A variable that wins over the environment's own section is what the order of precedence says, and sometimes
 * an accident: another database than the one that the section names.
 */
static void warn_overruled(cli_context *cli, const settings *s)
{
    const char *where = NULL;
    const char *url = cli_overruled_text(cli, &s->url, &where);
    bool differs = url && s->url && strcmp(url, s->url) != 0;
    if (!url && cli_overruled_text(cli, &s->url_file, &where)) differs = true;
    if (!differs && !where && cli_overruled_text(cli, &s->url_command, &where)) differs = true;
    if (!differs) return;
    df_buf shown = {0};
    mask_secret(&shown, s->url);
    df_log(&cli->observer, DF_LOG_WARNING, "%s wins over the URL at %s: working on %s",
           cli_origin_text(cli, &s->url), where, df_buf_cstr(&shown));
    df_buf_release(&shown);
}

static df_code no_url(cli_context *cli, const settings *s, df_error *err)
{
    const char *lack = cli_lack_text(cli, &s->url);
    if (lack) {
        df_fail(err, DF_USAGE, "%s", lack);
        df_error_hint(err, "set it, or give --database-url");
        return DF_USAGE;
    }
    df_fail(err, DF_USAGE, "%s needs a database", cli->command->name);
    df_error_hint(
        err,
        "give --database-url, set the environment variable DATABASE_URL (or NEO4J_URI), or write url = … into dataflow.ini");
    return DF_USAGE;
}

static df_code find_url(cli_context *cli, need wanted, const char **url, df_error *err)
{
    const settings *s = settings_of(cli);
    warn_overruled(cli, s);
    *url = s->url;
    if (s->url_file) DF_TRY(url_of_file(cli, s->url_file, url, err));
    if (s->url_command) DF_TRY(url_of_command(cli, s->url_command, url, err));
    *url = *url ? url_with_credentials(cli, *url) : url_of_variables(cli);
    if (*url || wanted == NEED_FILES) return DF_OK;
    return no_url(cli, s, err);
}

/* ---- the rest ---- */

static size_t add_hooks(df_migrate_hook *out, size_t n, const char *when, const cli_list *list)
{
    for (size_t i = 0; i < list->count; i++) out[n++] = (df_migrate_hook){when, list->items[i]};
    return n;
}

static void configure_hooks(cli_context *cli, const settings *s, df_migrate_config *out)
{
    const struct {
        const char *when;
        const cli_list *list;
    } all[] = {{"before", &s->before}, {"before-each", &s->before_each}, {"after-each", &s->after_each},
               {"check", &s->check},   {"failed", &s->failed},           {"after", &s->after}};
    size_t count = 0, n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) count += all[i].list->count;
    if (!count) return;
    df_migrate_hook *hooks = df_arena_zalloc(&cli->arena, count * sizeof *hooks);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) n = add_hooks(hooks, n, all[i].when, all[i].list);
    out->hooks = hooks;
    out->n_hooks = n;
}

static df_code configure_placeholders(cli_context *cli, const settings *s, df_migrate_config *out,
                                      df_error *err)
{
    const cli_list *list = &s->placeholder;
    if (!list->count) return DF_OK;
    df_migrate_pair *pairs = df_arena_zalloc(&cli->arena, list->count * sizeof *pairs);
    for (size_t i = 0; i < list->count; i++) {
        const char *equals = strchr(list->items[i], '=');
        if (!equals || equals == list->items[i])
            return df_fail(err, DF_USAGE, "--placeholder %s is not NAME=VALUE", list->items[i]);
        df_str name = {list->items[i], (size_t)(equals - list->items[i])};
        pairs[i] = (df_migrate_pair){df_arena_cstr(&cli->arena, name), equals + 1};
    }
    out->placeholders = pairs;
    out->n_placeholders = list->count;
    return DF_OK;
}

/* The library's 0 is "as usual", and -1 "none" or "for ever"; ours say what they mean. */
static int64_t or_none(int64_t ms)
{
    return ms < 0 ? 0 : ms;
}

/* Some keep them below the folder of their schema; what was asked for is never second-guessed. */
static const char *folder_of(cli_context *cli, const settings *s)
{
    static const char below_schema[] = "schema/migrations";
    struct stat st;
    bool chosen = cli_origin_of(cli, &s->migrations) != CLI_FROM_DEFAULT;
    if (chosen || stat(s->migrations, &st) == 0 || stat(below_schema, &st) != 0) return s->migrations;
    return below_schema;
}

df_code configure(cli_context *cli, need wanted, df_migrate_config *out, df_error *err)
{
    const settings *s = settings_of(cli);
    *out = (df_migrate_config){
        .folder = folder_of(cli, s),
        .layout = s->layout,
        .engine = s->engine,
        .environment = s->env,
        .actor = s->actor,
        .program = "dataflow " DF_VERSION,
        .wait_ms = s->wait,
        .lease_ms = s->lease,
        .lock_timeout_ms = s->lock_timeout == 0 ? -1 : s->lock_timeout,
        .lock_retries = s->retries == 0 ? -1 : s->retries,
        .statement_timeout_ms = or_none(s->statement_timeout),
        .index_timeout_ms = or_none(s->index_timeout),
        .max_risk = s->max_risk,
        .required_approvals = s->required_approvals,
        .backup = s->backup,
        .backup_max_age_ms = s->backup_max_age,
        .backup_folder = s->backup_folder,
        .encryption_key = s->encryption_key,
        .backup_keep = s->backup_keep,
        .allow_late = s->allow_late,
        .keep_on_failed_check = s->keep_on_failed_check,
        .no_schema_snapshot = !s->schema_snapshot,
        .observer = &cli->observer,
    };
    configure_hooks(cli, s, out);
    DF_TRY(configure_placeholders(cli, s, out, err));
    return find_url(cli, wanted, &out->database_url, err);
}

df_code open_migrate(cli_context *cli, need wanted, df_migrate **out, df_error *err)
{
    df_migrate_config *config = df_arena_zalloc(&cli->arena, sizeof *config);
    DF_TRY(configure(cli, wanted, config, err));
    return df_migrate_open(config, out, err);
}

/* ---- consent ---- */

df_code ask_consent(cli_context *cli, bool yes, bool always, const char *doing, df_error *err)
{
    const settings *s = settings_of(cli);
    bool asks = cli_origin_of(cli, &s->require_yes) == CLI_NOT_GIVEN ? strcmp(s->env, "production") == 0
                                                                     : s->require_yes;
    if (yes || (!asks && !always)) return DF_OK;
    df_buf where = {0};
    if (s->url)
        mask_secret(&where, s->url);
    else
        df_buf_text(&where, "its database");
    bool consent = cli_confirm(cli, false, "%s %s in %s (%s). Go on?", cli->command->name, doing, s->env,
                               df_buf_cstr(&where));
    if (!consent) {
        df_fail(err, DF_REFUSED, "%s %s in %s (%s), and nobody consented", cli->command->name, doing, s->env,
                df_buf_cstr(&where));
        df_error_hint(err, "give --yes, or answer on a terminal");
    }
    df_buf_release(&where);
    return consent ? DF_OK : DF_REFUSED;
}
