/* SPDX-License-Identifier: Apache-2.0 */
/* What several commands print: migrations, findings, the report of a run. */
#include "commands.h"

#include "base/clock.h"

/* ---- values that may not be known ---- */

void put_ms_or_null(cli_view *view, int64_t ms)
{
    cli_put_ms(view, ms);
}

void put_int_or_null(cli_view *view, int64_t n, int64_t none)
{
    if (n == none)
        cli_put_null(view);
    else
        cli_put_int(view, n);
}

void put_count_or_null(cli_view *view, int64_t n)
{
    if (n == DF_MIGRATE_UNKNOWN)
        cli_put_null(view);
    else
        cli_put_count(view, n);
}

void put_time_or_null(cli_view *view, int64_t ms)
{
    if (ms)
        cli_put_time(view, ms);
    else
        cli_put_null(view);
}

static void put_filled(cli_view *view, const char *text)
{
    cli_put_text(view, text && *text ? text : NULL);
}

const char *file_or_id(const char *file, const char *id)
{
    return file && *file ? file : id ? id : "";
}

const char *plural(int64_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}

/* ---- findings ---- */

static cli_mark mark_of(const char *severity)
{
    if (strcmp(severity, "error") == 0) return CLI_MARK_FAILED;
    return strcmp(severity, "warning") == 0 ? CLI_MARK_WARNING : CLI_MARK_NONE;
}

/* "009_x.sql:12 (statement 3): "; nothing where the sentence begins with it. */
static const char *place_of(cli_context *cli, const df_migrate_finding *f)
{
    const char *name = file_or_id(f->file, f->id);
    if (!*name) return "";
    df_buf text = {0};
    df_buf_text(&text, name);
    if (f->line) df_buf_printf(&text, ":%lld", (long long)f->line);
    if (df_str_starts(df_str_from(f->what), df_buf_str(&text))) {
        df_buf_release(&text);
        return "";
    }
    if (f->statement) df_buf_printf(&text, " (statement %lld)", (long long)f->statement);
    df_buf_text(&text, ": ");
    const char *place = df_arena_cstr(&cli->arena, df_buf_str(&text));
    df_buf_release(&text);
    return place;
}

/* A text of several lines, such as statements that differ, each under the first. */
static void say_lines(cli_context *cli, const char *prefix, const char *text)
{
    while (text && *text) {
        size_t len = strcspn(text, "\n");
        cli_say(cli, "%s%.*s", prefix, (int)len, text);
        text += len + (text[len] == '\n');
    }
}

static void say_finding(cli_context *cli, const df_migrate_finding *f)
{
    size_t first = strcspn(f->what, "\n");
    cli_say_mark(cli, mark_of(f->severity), "%s%.*s", place_of(cli, f), (int)first, f->what);
    if (f->what[first]) say_lines(cli, "    ", f->what + first + 1);
    say_lines(cli, "    → ", f->hint);
}

void show_findings(cli_context *cli, const char *name, const df_migrate_finding *findings, size_t count)
{
    static const cli_column columns[] = {{.name = "severity"}, {.name = "rule"}, {.name = "migration"},
                                         {.name = "file"},     {.name = "line"}, {.name = "statement"},
                                         {.name = "what"},     {.name = "hint"}};
    for (size_t i = 0; !cli->json && i < count; i++)
        if (cli->verbose || strcmp(findings[i].severity, "note") != 0) say_finding(cli, &findings[i]);
    if (!cli->json) return;
    cli_view *rows = cli_rows(cli, name, columns, 8, CLI_AUTO);
    for (size_t i = 0; i < count; i++) {
        const df_migrate_finding *f = &findings[i];
        cli_put_text(rows, f->severity);
        cli_put_text(rows, f->rule);
        cli_put_text(rows, f->id);
        cli_put_text(rows, f->file);
        put_int_or_null(rows, f->line, 0);
        put_int_or_null(rows, f->statement, 0);
        cli_put_text(rows, f->what);
        cli_put_text(rows, f->hint);
    }
    cli_done(rows);
}

/* ---- migrations ---- */

static const cli_column item_columns[] = {
    {.name = "id"},         {.name = "version"},     {.name = "name"},         {.name = "file"},
    {.name = "state"},      {.name = "pending"},     {.name = "blocks"},       {.name = "repeatable"},
    {.name = "risk"},       {.name = "description"}, {.name = "author"},       {.name = "applied_at"},
    {.name = "applied_by"}, {.name = "duration_ms"}, {.name = "estimated_ms"}, {.name = "rows_affected"},
    {.name = "steps_done"}, {.name = "steps"},       {.name = "why"},          {.name = "hint"},
};

void show_items(cli_context *cli, const char *name, const df_migrate_item *items, size_t count)
{
    if (!cli->json) return;
    cli_view *rows = cli_rows(cli, name, item_columns, sizeof item_columns / sizeof *item_columns, CLI_AUTO);
    for (size_t i = 0; i < count; i++) {
        const df_migrate_item *m = &items[i];
        cli_put_text(rows, m->id);
        put_filled(rows, m->version);
        cli_put_text(rows, m->name);
        cli_put_text(rows, m->file);
        cli_put_text(rows, m->state);
        cli_put_bool(rows, m->pending);
        cli_put_bool(rows, m->blocks);
        cli_put_bool(rows, m->repeatable);
        put_filled(rows, m->risk);
        put_filled(rows, m->description);
        put_filled(rows, m->author);
        put_time_or_null(rows, m->applied_ms);
        put_filled(rows, m->applied_by);
        put_ms_or_null(rows, m->duration_ms);
        put_ms_or_null(rows, m->estimated_ms);
        put_count_or_null(rows, m->rows_affected);
        cli_put_int(rows, m->steps_done);
        cli_put_int(rows, m->steps);
        cli_put_text(rows, m->why);
        cli_put_text(rows, m->hint);
    }
    cli_done(rows);
}

void say_pending(cli_context *cli, const df_migrate_item *items, size_t count)
{
    int64_t pending = 0;
    for (size_t i = 0; i < count; i++) pending += items[i].pending;
    cli_say(cli, "Pending migrations: %lld", (long long)pending);
    for (size_t i = 0; i < count; i++) {
        const df_migrate_item *m = &items[i];
        if (!m->pending) continue;
        const char *risk = m->risk && *m->risk ? df_arena_printf(&cli->arena, " (risk: %s)", m->risk) : "";
        cli_say(cli, "- %s%s", file_or_id(m->file, m->id), risk);
    }
}

/* ---- the report of a run ---- */

static void show_steps_json(cli_context *cli, const df_migrate_run_item *item)
{
    static const cli_column columns[] = {
        {.name = "number"}, {.name = "line"},      {.name = "tag"},     {.name = "text"},
        {.name = "state"},  {.name = "note"},      {.name = "ms"},      {.name = "rows"},
        {.name = "locks"},  {.name = "rewritten"}, {.name = "scanned"},   {.name = "plan"},
    };
    cli_view *rows = cli_rows(cli, "statements", columns, 12, CLI_AUTO);
    for (size_t i = 0; i < item->n_steps; i++) {
        const df_migrate_step *s = &item->steps[i];
        cli_put_int(rows, s->number);
        cli_put_int(rows, s->line);
        cli_put_text(rows, s->tag);
        cli_put_text(rows, s->text);
        cli_put_text(rows, s->state);
        cli_put_text(rows, s->note);
        if (s->ms > 0)
            cli_put_double(rows, s->ms, 1);
        else
            cli_put_null(rows);
        put_count_or_null(rows, s->rows);
        cli_put_text(rows, s->locks);
        cli_put_text(rows, s->rewritten);
        cli_put_text(rows, s->scanned);
        cli_put_text(rows, s->plan);
    }
    cli_done(rows);
}

static void put_item_error(cli_context *cli, const df_error *err)
{
    cli_view *record = cli_record(cli, "error");
    cli_put_text(cli_field(record, "code", NULL), df_code_name(err->code));
    cli_put_text(cli_field(record, "message", NULL), err->message);
    put_filled(cli_field(record, "file", NULL), err->file);
    put_int_or_null(cli_field(record, "line", NULL), err->line, 0);
    put_int_or_null(cli_field(record, "statement", NULL), err->statement, 0);
    put_filled(cli_field(record, "hint", NULL), err->hint);
    put_filled(cli_field(record, "engine", NULL), err->engine);
    put_filled(cli_field(record, "native", NULL), err->native);
    cli_done(record);
}

/* An array of records: what rows of cells cannot hold. */
static void show_run_items_json(cli_context *cli, const df_migrate_run_report *r)
{
    df_json_writer *w = cli_json(cli);
    df_json_begin(w, "migrations", '[');
    for (size_t i = 0; i < r->count; i++) {
        const df_migrate_run_item *m = &r->items[i];
        cli_view *record = cli_record(cli, NULL);
        cli_put_text(cli_field(record, "id", NULL), m->id);
        put_filled(cli_field(record, "version", NULL), m->version);
        cli_put_text(cli_field(record, "file", NULL), m->file);
        put_filled(cli_field(record, "risk", NULL), m->risk);
        put_filled(cli_field(record, "description", NULL), m->description);
        cli_put_text(cli_field(record, "state", NULL), m->state);
        cli_put_text(cli_field(record, "mode", NULL), m->mode);
        cli_put_text(cli_field(record, "undone", NULL), m->undone);
        put_ms_or_null(cli_field(record, "duration_ms", NULL), m->duration_ms);
        put_ms_or_null(cli_field(record, "estimated_ms", NULL), m->estimated_ms);
        put_count_or_null(cli_field(record, "rows_affected", NULL), m->rows);
        show_steps_json(cli, m);
        if (m->error.code) put_item_error(cli, &m->error);
        cli_done(record);
    }
    df_json_end(w, ']');
}

static bool anything(const df_migrate_run_item *item, const char *(*of)(const df_migrate_step *))
{
    for (size_t i = 0; i < item->n_steps; i++)
        if (of(&item->steps[i])) return true;
    return false;
}
static const char *locks_of(const df_migrate_step *s)
{
    return s->locks;
}

/* What a rehearsal found of a statement's effect on tables, in one cell. */
static const char *effect_of(cli_context *cli, const df_migrate_step *s)
{
    if (s->rewritten && s->scanned)
        return df_arena_printf(&cli->arena, "rewrites %s; scans %s", s->rewritten, s->scanned);
    if (s->rewritten) return df_arena_printf(&cli->arena, "rewrites %s", s->rewritten);
    return s->scanned ? df_arena_printf(&cli->arena, "scans %s", s->scanned) : NULL;
}

/* The steps that are worth showing: all, or, of a long file that failed, those around the failure. */
static void choose_steps(const cli_context *cli, const df_migrate_run_item *item, size_t *first, size_t *end)
{
    enum { LONG = 60, BEFORE = 20, BEHIND = 5 };
    *first = 0;
    *end = item->n_steps;
    if (item->n_steps <= LONG || !item->error.code || cli->verbose) return;
    size_t at = 0;
    while (at + 1 < item->n_steps && strcmp(item->steps[at].state, "failed") != 0) at++;
    if (at > BEFORE) *first = at - BEFORE;
    if (at + BEHIND < item->n_steps) *end = at + BEHIND;
}

static void say_steps(cli_context *cli, const df_migrate_run_item *item)
{
    static const cli_column all[] = {
        {.title = "#"},     {.title = "LINE"},   {.title = "STATEMENT", .cut = CLI_CUT_END},
        {.title = "STATE"}, {.title = "TIME"},   {.title = "ROWS"},
        {.title = "LOCKS"}, {.title = "TABLES"},
    };
    size_t columns = anything(item, locks_of) ? 8 : 6;
    size_t first, end;
    choose_steps(cli, item, &first, &end);
    cli_view *rows = cli_rows(cli, NULL, all, columns, CLI_AUTO);
    for (size_t i = first; i < end; i++) {
        const df_migrate_step *s = &item->steps[i];
        cli_put_int(rows, s->number);
        cli_put_int(rows, s->line);
        cli_put_text(rows, s->text && *s->text ? s->text : s->tag);
        cli_put_text(rows, s->state);
        if (s->ms > 0) /* else it was planned, or passed over */
            cli_put_duration(rows, s->ms / 1000);
        else
            cli_put_null(rows);
        put_count_or_null(rows, s->rows);
        if (columns < 8) continue;
        cli_put_text(rows, s->locks);
        cli_put_text(rows, effect_of(cli, s));
    }
    cli_done(rows);
    if (end - first < item->n_steps)
        cli_say(cli, "    %zu of %zu statements; --verbose shows all", end - first, item->n_steps);
    for (size_t i = first; i < end; i++) {
        const df_migrate_step *s = &item->steps[i];
        if (s->note) cli_say(cli, "    statement %lld: %s", (long long)s->number, s->note);
        if (s->plan && cli->verbose) say_lines(cli, "        ", s->plan);
    }
}

static bool is_state(const df_migrate_run_item *m, const char *state)
{
    return m->state && strcmp(m->state, state) == 0;
}

static cli_mark mark_of_item(const df_migrate_run_item *m)
{
    if (m->error.code) return CLI_MARK_FAILED;
    if (is_state(m, "not reached")) return CLI_MARK_NONE;
    return is_state(m, "cannot be rehearsed") || is_state(m, "failed") || is_state(m, "passed over") ? CLI_MARK_WARNING : CLI_MARK_OK;
}

static void say_item(cli_context *cli, const df_migrate_run_report *r, const df_migrate_run_item *m)
{
    df_buf text = {0};
    df_buf_text(&text, file_or_id(m->file, m->id));
    if (m->risk && *m->risk) df_buf_printf(&text, " (risk: %s)", m->risk);
    if (m->state) df_buf_printf(&text, ": %s", m->state);
    if (m->mode && *m->mode && (r->dry_run || cli->verbose || is_state(m, "passed over")))
        df_buf_printf(&text, ", %s", m->mode);
    if (m->duration_ms >= 0 && !is_state(m, "not reached"))
        df_buf_printf(&text, ", %lld ms", (long long)m->duration_ms);
    if (m->duration_ms >= 0 && m->estimated_ms > 0)
        df_buf_printf(&text, " (estimated %lld ms)", (long long)m->estimated_ms);
    if (m->rows > 0) df_buf_printf(&text, ", %lld %s", (long long)m->rows, plural(m->rows, "row", "rows"));
    cli_say_mark(cli, mark_of_item(m), "%s", df_buf_cstr(&text));
    df_buf_release(&text);
    if (m->error.code && m->undone) cli_say(cli, "    undone: %s", m->undone);
    if (m->n_steps && (r->dry_run || cli->verbose || m->error.code)) say_steps(cli, m);
}

/* Such a migration had its line when it ended. */
static bool completed(const df_migrate_run_item *m)
{
    return !m->error.code && (is_state(m, "applied") || is_state(m, "resumed") || is_state(m, "rolled_back"));
}

static void say_end(cli_context *cli, const df_migrate_run_report *r, const char *verb, df_code code)
{
    df_buf time = {0};
    df_put_duration(&time, r->duration_s);
    if (r->backup_id) cli_say(cli, "Backup: %s", r->backup_id);
    if (code == DF_OK && r->dry_run)
        cli_say_mark(cli, CLI_MARK_OK, "dry run: nothing was changed (%s)", df_buf_cstr(&time));
    else if (code == DF_OK && !r->done)
        cli_say_mark(cli, CLI_MARK_OK, "nothing to do");
    else if (r->done || code == DF_OK)
        cli_say_mark(cli, code == DF_OK ? CLI_MARK_OK : CLI_MARK_WARNING, "%lld %s %s in %s",
                     (long long)r->done, plural(r->done, "migration", "migrations"), verb,
                     df_buf_cstr(&time));
    df_buf_release(&time);
}

int show_run(cli_context *cli, const df_migrate_run_report *r, const char *verb, df_code code,
             const df_error *err)
{
    if (code && !r->run_id && !r->count && !r->n_findings) return cli_fail(cli, err);
    int status = 0;
    if (cli->json) {
        cli_view *record = cli_record(cli, NULL);
        cli_put_text(cli_field(record, "run_id", NULL), r->run_id);
        cli_put_bool(cli_field(record, "dry_run", NULL), r->dry_run);
        cli_put_int(cli_field(record, "done", NULL), r->done);
        cli_put_text(cli_field(record, "backup_id", NULL), r->backup_id);
        cli_put_duration(cli_field(record, "duration_s", NULL), r->duration_s);
        show_run_items_json(cli, r);
        show_findings(cli, "findings", r->findings, r->n_findings);
        if (code) status = cli_fail_within(cli, err);
        cli_done(record);
        return status;
    }
    for (size_t i = 0; i < r->n_findings; i++) /* what ended the run is said as its error */
        if (!code || strncmp(r->findings[i].what, err->message, sizeof err->message - 1) != 0)
            show_findings(cli, NULL, &r->findings[i], 1);
    int64_t unreached = 0;
    for (size_t i = 0; i < r->count; i++) {
        bool reached = !is_state(&r->items[i], "not reached");
        unreached += !reached;
        if (r->dry_run || cli->verbose || (reached && !completed(&r->items[i]))) say_item(cli, r, &r->items[i]);
    }
    if (unreached && r->done) cli_say(cli, "  %lld more %s not reached", (long long)unreached, plural(unreached, "was", "were"));
    say_end(cli, r, verb, code);
    return code ? cli_fail(cli, err) : 0;
}
