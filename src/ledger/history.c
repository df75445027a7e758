/* SPDX-License-Identifier: Apache-2.0 */
/* The history: what was applied, and the beginning and end of each run. */
#include "ledger/foreign.h"

#include <stdlib.h>

/* Longer texts are not kept: a migration that carries data would be in the database twice. */
enum { LONGEST_SOURCE = 1024 * 1024, LONGEST_ERROR = 4000 };

/*
 * Of a migration that was one transaction so many rows of the journal are kept: nothing goes on by them, and those of a
 * file of data would take longer than the data, in a transaction that some servers hold in memory. The audit log's hash is
 * over all statements.
 */
enum { MOST_ROWS = 1000 };

/* ---- reading ---- */

typedef struct applied_list {
    df_arena *arena;
    df_applied *items;
    size_t count, cap;
    bool partial; /* some began and did not end: their steps are to be counted */
} applied_list;

static df_code take_applied(void *context, const df_row *row, df_error *err)
{
    applied_list *list = context;
    df_arena *arena = list->arena;
    const df_value *v = row->values;
    df_applied a = {
        .id = ledger_text_of(&v[0], arena),
        .version = ledger_text_of(&v[1], arena),
        .name = ledger_text_of(&v[2], arena),
        .repeatable = df_str_is(v[4].s, "repeatable"),
        .adopted = !df_str_is(v[5].s, "run"),
        .sequence = ledger_int_of(&v[8], 0),
        .applied_ms = ledger_int_of(&v[9], 0),
        .applied_by = ledger_text_of(&v[10], arena),
        .environment = ledger_text_of(&v[11], arena),
        .error = ledger_text_of(&v[12], arena),
        .duration_ms = ledger_int_of(&v[13], -1),
        .estimated_ms = ledger_int_of(&v[14], -1),
        .rows_affected = ledger_int_of(&v[15], -1),
        .rolled_back_ms = ledger_int_of(&v[16], 0),
    };
    if (!df_applied_status_from_name(v[3].s, &a.status)) {
        return df_fail(err, DF_CORRUPT, "the history says \"%.*s\" of %.*s, which is no status",
                       DF_FMT(v[3].s), DF_FMT(a.id));
    }
    /* Another program's sums are not ours. */
    if (!df_str_is(v[5].s, "imported")) {
        a.checksum = ledger_text_of(&v[6], arena);
        a.raw = ledger_text_of(&v[7], arena);
    }
    bool began = a.status == DF_APPLIED_IN_PROGRESS || a.status == DF_APPLIED_FAILED;
    if (began && ledger_int_of(&v[19], 0)) {
        a.steps = (size_t)ledger_int_of(&v[17], 0);
        list->partial = true;
    }
    a.down = began && df_str_is(v[20].s, "down");
    DF_PUSH(list->items, list->count, list->cap) = a;
    return DF_OK;
}

static df_code take_steps(void *context, const df_row *row, df_error *err)
{
    (void)err;
    applied_list *list = context;
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].steps && df_str_eq(list->items[i].id, row->values[0].s))
            list->items[i].steps_done = (size_t)ledger_int_of(&row->values[1], 0);
    }
    return DF_OK;
}

df_code df_ledger_applied(df_ledger *ledger, df_arena *arena, df_applied **out, size_t *count, df_error *err)
{
    applied_list list = {.arena = arena};
    *out = NULL;
    *count = 0;
    if (!df_ledger_exists(ledger)) return DF_OK;
    df_code code = ledger_need(ledger, err);
    if (code == DF_OK) code = ledger_query(ledger, LEDGER_applied, NULL, 0, take_applied, &list, err);
    if (code == DF_OK && list.partial)
        code = ledger_query(ledger, LEDGER_steps_done, NULL, 0, take_steps, &list, err);
    if (code == DF_OK && list.count) {
        *out = df_arena_alloc(arena, list.count * sizeof **out);
        memcpy(*out, list.items, list.count * sizeof **out);
        *count = list.count;
    }
    free(list.items);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "reading the migration history");
}

typedef struct wanted_text {
    df_arena *arena;
    df_str *out;
} wanted_text;

static df_code take_text(void *context, const df_row *row, df_error *err)
{
    (void)err;
    wanted_text *wanted = context;
    *wanted->out = ledger_text_of(&row->values[0], wanted->arena);
    return DF_OK;
}

df_code df_ledger_source(df_ledger *ledger, df_str id, const char *section, df_arena *arena, df_str *out,
                         df_error *err)
{
    df_value values[] = {df_v_str(id), df_v_text(section)};
    wanted_text wanted = {arena, out};
    *out = DF_STR_NONE;
    if (!df_ledger_exists(ledger)) return DF_OK;
    return ledger_query(ledger, LEDGER_source, values, 2, take_text, &wanted, err);
}

df_code df_ledger_outcome(df_ledger *ledger, const df_run *run, bool *completed, df_error *err)
{
    int64_t rows;
    bool up = run->direction == DF_UP;
    df_value values[] = {df_v_str(run->migration->id), df_v_text(run->run_id), df_v_text(up ? "up" : "down"),
                         df_v_text(up ? "completed" : "rolled_back")};
    *completed = false;
    DF_TRY(ledger_ask(ledger, LEDGER_outcome, values, 4, 0, &rows, err));
    *completed = rows > 0;
    return DF_OK;
}

/* ---- one run's row ---- */

static const char *kind_of(const df_migration *m)
{
    return m->kind == DF_REPEATABLE ? "repeatable" : m->kind == DF_BASELINE ? "baseline" : "versioned";
}

bool ledger_first(const df_ledger *ledger, const df_run *run)
{
    bool graph = ledger->dialect->graph; /* its statements are right for a journal that is written step by step, too */
    return run->first && ledger->dialect->sql[LEDGER_complete_first] && (graph || !run->journalled);
}

size_t ledger_put_file(const df_ledger *ledger, const df_migration *m, df_arena *arena, df_value *v)
{
    if (!ledger->dialect->graph) return 0;
    bool described = m->loaded && m->meta.description.len;
    v[0] = df_v_str(m->file);
    v[1] = df_v_str(described ? m->meta.description : foreign_description(m->name, arena));
    v[2] = ledger_name(m->loaded && m->meta.version.len ? m->meta.version : m->version);
    return 3;
}

df_str ledger_raw(const df_migration *m, df_arena *arena)
{
    char hex[33];
    if (!m->raw.low && !m->raw.high) return DF_STR_NONE;
    df_hash_hex(m->raw, hex);
    return df_arena_str(arena, df_str_from(hex));
}

/* The values that start, complete_up and fail_up have in common; returns how many. */
static size_t put_run(ledger_batch *batch, const df_run *run, df_value *v)
{
    df_ledger *ledger = batch->ledger;
    const df_migration *m = run->migration;
    bool known = m->loaded;
    size_t n = 0;
    v[n++] = df_v_str(m->id);
    v[n++] = ledger_name(m->name.ptr ? m->name : DF_STR(""));
    v[n++] = df_v_text(run->checksum && *run->checksum ? run->checksum : NULL);
    v[n++] = ledger_name(df_str_from(ledger->actor));
    v[n++] = df_v_str(known && m->meta.json.ptr ? m->meta.json : DF_STR("{}"));
    v[n++] = df_v_str(ledger_cut(df_str_from(ledger->environment), 64));
    v[n++] = ledger_name(m->version);
    v[n++] = df_v_text(kind_of(m));
    v[n++] = df_v_str(ledger_raw(m, &batch->arena));
    v[n++] = df_v_int((int64_t)run->n_steps);
    v[n++] = df_v_bool(run->journalled);
    v[n++] = known ? ledger_known(m->meta.estimated_ms) : DF_V_NULL;
    v[n++] = df_v_text(run->run_id);
    return n;
}

static df_code take_sequence(void *context, const df_row *row, df_error *err)
{
    (void)err;
    df_ledger *ledger = context;
    ledger->sequence = ledger_int_of(&row->values[0], 0);
    return DF_OK;
}

/*
 * What the node of a run has more than a row: the file, what it is for, `described` in the words of the moment (absent: what
 * it is for), and its number, which the holder of the lock counts, and the time. Nothing on engines with rows.
 */
static df_code put_node(ledger_batch *batch, const df_run *run, df_str described, df_value *v, size_t *n, df_error *err)
{
    df_ledger *ledger = batch->ledger;
    if (!ledger->dialect->graph) return DF_OK;
    if (!ledger->sequence)
        DF_TRY(ledger_query(ledger, LEDGER_sequence, NULL, 0, take_sequence, ledger, err));
    *n += ledger_put_file(ledger, run->migration, &batch->arena, v + *n);
    v[*n] = described.ptr ? df_v_str(described) : v[*n - 2];
    ++*n;
    v[(*n)++] = df_v_int(++ledger->sequence);
    v[(*n)++] = df_v_int(ledger_now_ms(ledger));
    if (!df_lease_held(ledger)) ledger->sequence = 0;
    return DF_OK;
}

static df_code check_run(df_ledger *ledger, const df_run *run, df_error *err)
{
    DF_TRY(ledger_need(ledger, err));
    df_str id = run->migration->id;
    if (id.len && id.len <= LEDGER_NAME_MAX) return DF_OK;
    df_fail(err, DF_USAGE, "the name of migration %.*s is longer than %d bytes", DF_FMT(ledger_cut(id, 60)),
            LEDGER_NAME_MAX);
    df_error_hint(err, "rename its file");
    return DF_USAGE;
}

/* ---- what the audit log is told ---- */

static void begin_details(df_json_writer *w, const df_run *run)
{
    df_json_begin(w, NULL, '{');
    df_json_add_text(w, "run_id", run->run_id);
    df_json_add_int(w, "statements", (int64_t)run->n_steps);
    df_json_add_text(w, "mode", run->journalled ? "statement by statement" : "one transaction");
}

static df_str end_details(df_json_writer *w, df_arena *arena)
{
    df_json_end(w, '}');
    df_str text = df_arena_str(arena, df_buf_str(w->out));
    df_buf_release(w->out);
    return text;
}

static df_code audit_start(ledger_batch *batch, const df_run *run, int64_t ago_ms, df_error *err)
{
    df_buf text = {0};
    df_json_writer w = {.out = &text};
    bool up = run->direction == DF_UP;
    begin_details(&w, run);
    if (run->checksum && *run->checksum) df_json_add_text(&w, "checksum", run->checksum);
    if (run->reason) df_json_add_text(&w, "reason", run->reason);
    return ledger_add_audit(batch, up ? DF_AUDIT_MIGRATION_STARTED : DF_AUDIT_ROLLBACK_STARTED,
                            run->migration->id, end_details(&w, &batch->arena), ago_ms, err);
}

/* The hash over the statements' own: what ran, whatever the files say later. */
static void add_statements_hash(df_json_writer *w, const df_run_result *result)
{
    if (!result->rows) return;
    df_buf all = {0};
    char hex[33];
    for (size_t i = 0; i < result->n_rows; i++) df_buf_text(&all, result->rows[i].hash);
    df_hash_hex(df_hash(all.ptr, all.len), hex);
    df_json_add_text(w, "statements_hash", hex);
    df_buf_release(&all);
}

static df_code audit_end(ledger_batch *batch, const df_run *run, const df_run_result *result, df_error *err)
{
    df_buf text = {0};
    df_json_writer w = {.out = &text};
    bool up = run->direction == DF_UP;
    begin_details(&w, run);
    if (run->checksum && *run->checksum) df_json_add_text(&w, "checksum", run->checksum);
    df_json_add_int(&w, "duration_ms", result->duration_ms);
    if (result->rows_affected >= 0) df_json_add_int(&w, "rows_affected", result->rows_affected);
    if (!run->journalled) add_statements_hash(&w, result); /* there the journal was written before, but for its end */
    return ledger_add_audit(batch, up ? DF_AUDIT_MIGRATION_COMPLETED : DF_AUDIT_ROLLBACK_COMPLETED,
                            run->migration->id, end_details(&w, &batch->arena), 0, err);
}

/* ---- start ---- */

df_code df_ledger_start(df_ledger *ledger, const df_run *run, const df_journal_row *intents, size_t n_intents,
                        df_error *err)
{
    ledger_batch batch = {.ledger = ledger};
    df_value values[MOST_LEDGER_VALUES];
    DF_TRY(check_run(ledger, run, err));
    df_value more = df_v_int(run->resumed ? 0 : 1);
    df_code code = DF_OK;
    if (run->direction == DF_UP) {
        size_t n = put_run(&batch, run, values);
        values[n++] = more;
        code = put_node(&batch, run, DF_STR_NONE, values, &n, err);
        bool first = ledger_first(ledger, run) && ledger->dialect->sql[LEDGER_start_first];
        ledger_add(&batch, first ? LEDGER_start_first : LEDGER_start, values, n);
    } else {
        df_value down[] = {more, df_v_int((int64_t)run->n_steps), df_v_bool(run->journalled),
                           df_v_text(run->run_id), df_v_str(run->migration->id)};
        ledger_add(&batch, LEDGER_start_down, down, 5);
    }
    ledger_add_journal(&batch, run, intents, n_intents);
    if (code == DF_OK) code = audit_start(&batch, run, 0, err);
    return code == DF_OK ? ledger_run(&batch, "recording the start", err) : ledger_drop(&batch, code);
}

/* ---- end ---- */

void ledger_add_sources(ledger_batch *batch, const df_migration *m, bool first)
{
    const struct {
        const char *name;
        const df_section *section;
    } all[] = {{"up", &m->up}, {"down", &m->down}, {"verify", &m->verify}};
    df_value values[15];
    size_t n = 0;
    df_buf sql = {0};
    if (!m->loaded) return;
    df_buf_text(&sql, ledger_text(batch->ledger, LEDGER_source_head));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i].section->present) continue;
        df_buf kept = {0};
        df_section_text(all[i].section, &kept);
        df_str text = df_arena_str(&batch->arena, df_buf_str(&kept));
        df_buf_release(&kept);
        if (n) df_buf_text(&sql, ", ");
        df_buf_text(&sql, ledger_text(batch->ledger, LEDGER_source_row));
        values[n++] = df_v_str(m->id);
        values[n++] = df_v_text(all[i].name);
        values[n++] = text.len <= LONGEST_SOURCE ? df_v_str(text.ptr ? text : DF_STR("")) : DF_V_NULL;
        values[n++] = df_v_int((int64_t)text.len);
        if (batch->ledger->dialect->graph) values[n++] = df_v_int(ledger_now_ms(batch->ledger));
    }
    if (n) {
        const char *end = ledger_text(batch->ledger, first ? LEDGER_source_first : LEDGER_source_upsert);
        if (end) df_buf_text(&sql, end);
        ledger_add_text(batch, df_arena_cstr(&batch->arena, df_buf_str(&sql)), values, n);
    }
    df_buf_release(&sql);
}

static void add_rollback(ledger_batch *batch, const df_run *run, int64_t duration_ms, bool success,
                         df_str error)
{
    df_buf text = {0};
    df_json_writer w = {.out = &text};
    begin_details(&w, run);
    df_str metadata = end_details(&w, &batch->arena);
    df_value values[] = {df_v_str(run->migration->id),
                         ledger_name(df_str_from(batch->ledger->actor)),
                         df_v_text(run->reason),
                         df_v_int(duration_ms),
                         df_v_bool(success),
                         df_v_str(error),
                         df_v_str(metadata)};
    ledger_add(batch, LEDGER_rollback_write, values, 7);
}

df_code df_ledger_complete(df_ledger *ledger, const df_run *run, const df_run_result *result, df_error *err)
{
    ledger_batch batch = {.ledger = ledger, .commit = true};
    df_value values[MOST_LEDGER_VALUES];
    DF_TRY(check_run(ledger, run, err));
    df_code code = DF_OK;
    if (run->direction == DF_UP) {
        bool first = ledger_first(ledger, run);
        size_t n = put_run(&batch, run, values);
        values[n++] = df_v_int(result->duration_ms);
        values[n++] = ledger_known(result->rows_affected);
        if (ledger->dialect->graph && !first) values[n++] = df_v_int(run->journalled ? 0 : 1); /* attempts more */
        code = put_node(&batch, run, DF_STR_NONE, values, &n, err);
        ledger_add(&batch, first ? LEDGER_complete_first : LEDGER_complete_up, values, n);
        ledger_add_sources(&batch, run->migration, first);
    } else {
        df_value down[] = {df_v_int(result->duration_ms), df_v_int((int64_t)run->n_steps),
                           df_v_bool(run->journalled), df_v_text(run->run_id), df_v_str(run->migration->id)};
        ledger_add(&batch, LEDGER_complete_down, down, 5);
        add_rollback(&batch, run, result->duration_ms, true, DF_STR_NONE);
    }
    ledger_add_journal(&batch, run, result->rows, result->n_rows < MOST_ROWS ? result->n_rows : MOST_ROWS);
    if (code == DF_OK && !run->journalled) code = audit_start(&batch, run, result->duration_ms, err);
    if (code == DF_OK) code = audit_end(&batch, run, result, err);
    return code == DF_OK ? ledger_run(&batch, "at its commit", err) : ledger_drop(&batch, code);
}

/* ---- failure ---- */

static df_str failure_text(const df_error *why, df_arena *arena)
{
    df_buf text = {0};
    if (!why) return DF_STR("failed");
    if (why->file[0]) df_buf_printf(&text, "%s:%lld: ", why->file, (long long)why->line);
    /* What runs statements says both already. */
    if (why->statement && !strstr(why->message, "statement ")) df_buf_printf(&text, "statement %d: ", why->statement);
    df_buf_text(&text, why->message);
    if (why->native[0] && !strstr(why->message, why->native)) df_buf_printf(&text, " [%s]", why->native);
    df_str out = df_arena_str(arena, ledger_cut(df_buf_str(&text), LONGEST_ERROR));
    df_buf_release(&text);
    return out;
}

static df_code audit_failure(ledger_batch *batch, const df_run *run, const df_error *why, const char *undone,
                             int64_t duration_ms, df_str error, df_error *err)
{
    df_buf text = {0};
    df_json_writer w = {.out = &text};
    bool up = run->direction == DF_UP;
    if (!run->journalled) DF_TRY(audit_start(batch, run, duration_ms, err));
    begin_details(&w, run);
    df_json_add_int(&w, "duration_ms", duration_ms);
    df_json_add_str(&w, "error", error);
    df_json_add_text(&w, "undone", undone);
    if (why && why->statement) df_json_add_int(&w, "statement", why->statement);
    return ledger_add_audit(batch, up ? DF_AUDIT_MIGRATION_FAILED : DF_AUDIT_ROLLBACK_FAILED,
                            run->migration->id, end_details(&w, &batch->arena), 0, err);
}

df_code df_ledger_fail(df_ledger *ledger, const df_run *run, const df_error *why, const char *undone,
                       int64_t duration_ms, df_error *err)
{
    ledger_batch batch = {.ledger = ledger};
    df_value values[MOST_LEDGER_VALUES], id = df_v_str(run->migration->id);
    bool all = strcmp(undone, "all") == 0;
    DF_TRY(check_run(ledger, run, err));
    df_str error = failure_text(why, &batch.arena);
    df_code code = DF_OK;
    if (run->direction == DF_UP) {
        size_t n = put_run(&batch, run, values);
        values[n++] = df_v_int(duration_ms);
        values[n++] = df_v_str(error);
        values[n++] = df_v_text(undone);
        df_str described = df_str_from(df_arena_printf(&batch.arena, "FAILED: %.*s", DF_FMT(error)));
        code = put_node(&batch, run, described, values, &n, err);
        if (ledger->dialect->graph) values[n++] = df_v_bool(run->journalled);
        ledger_add(&batch, LEDGER_fail_up, values, n);
    } else {
        /* A rollback that was itself taken back leaves the migration applied. */
        df_value down[] = {df_v_text(all ? "completed" : "failed"),
                           df_v_str(error),
                           df_v_text(undone),
                           df_v_text(run->run_id),
                           df_v_int((int64_t)run->n_steps),
                           df_v_bool(run->journalled),
                           id};
        ledger_add(&batch, LEDGER_fail_down, down, 7);
        add_rollback(&batch, run, duration_ms, false, error);
    }
    df_value undo[] = {id, df_v_text(run->direction == DF_UP ? "up" : "down"), id};
    if (all && run->journalled) ledger_add(&batch, LEDGER_undo_steps, undo, 3);
    if (code == DF_OK) code = audit_failure(&batch, run, why, undone, duration_ms, error, err);
    return code == DF_OK ? ledger_run(&batch, "recording the failure", err) : ledger_drop(&batch, code);
}
