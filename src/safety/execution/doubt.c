/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements in doubt: the intent was written, and then nothing. What the statement is about was noted before it ran;
 * nobody else changed it meanwhile, since the lock was ours, so that a changed state means that the statement took
 * effect.
 */
#include "safety/execution/execution_int.h"

/* What the statement is about: the object itself, else the table behind it. */
static const df_sql_object *subject_of(const df_step *step)
{
    if (step->facts.object.name.len && step->facts.object.kind) return &step->facts.object;
    if (step->facts.table.name.len && step->facts.table.kind) return &step->facts.table;
    return NULL;
}

static df_code state_of(execution *e, size_t i, df_str *out, bool *known, df_error *err)
{
    const df_step *step = &e->steps.items[i];
    const df_sql_object *subject = subject_of(step);
    df_buf text = {0};
    df_error mine = {0};
    *known = false;
    /* What holds data looks the same before and after it is written. */
    if (!subject || step->facts.cls == DF_SQL_DML) return DF_OK;
    df_code code = df_object_state(e->x->conn, subject->kind, subject->schema, subject->name, step->facts.table.name,
                                   &text, &mine);
    if (code == DF_OK) {
        *known = true;
        *out = df_arena_str(&e->arena, df_buf_str(&text));
    }
    df_buf_release(&text);
    if (code == DF_OK || code == DF_UNSUPPORTED) return DF_OK;
    if (err) *err = mine;
    return code;
}

df_code note_state(execution *e, size_t step, df_error *err)
{
    bool known;
    df_str state = DF_STR_NONE;
    e->rows[step].state_before = DF_STR_NONE;
    /* In doubt it is run again, and whether it changed anything the server tells. */
    bool told = e->x->set->dialect->schema_apart && (e->steps.items[step].facts.flags & DF_SQL_IF_EXISTS);
    if (told) return DF_OK;
    DF_TRY(state_of(e, step, &state, &known, err));
    if (known) e->rows[step].state_before = state;
    return DF_OK;
}

/* Statements that come to the same when they run twice. */
static bool is_repeatable(const df_step *step)
{
    if (step->facts.cls == DF_SQL_MAINTENANCE || step->facts.cls == DF_SQL_QUERY || step->facts.cls == DF_SQL_SESSION)
        return true;
    if (step->facts.flags & DF_SQL_IF_EXISTS) return true;
    static const char *const again[] = {"GRANT", "REVOKE", "COMMENT", "REFRESH", "ALTER SYSTEM", "TRUNCATE", "ANALYZE"};
    for (size_t i = 0; i < sizeof again / sizeof *again; i++)
        if (strncmp(step->facts.tag, again[i], strlen(again[i])) == 0) return true;
    return false;
}

bool commits_by_itself(const df_step *step)
{
    return (step->facts.flags & DF_SQL_BATCHES) && !(step->facts.flags & DF_SQL_IF_EXISTS);
}

bool partly_done(const execution *e, size_t i)
{
    const df_journal_row *row = &e->rows[i];
    bool batches = (e->steps.items[i].facts.flags & DF_SQL_BATCHES) != 0;
    return batches && row->ms > 0 && (row->status == DF_STEP_FAILED || row->status == DF_STEP_INTENT);
}

df_code resolve_doubt(execution *e, size_t i, const df_journal_row *intent, verdict_of_doubt *out, const char **why,
                      df_error *err)
{
    const df_step *step = &e->steps.items[i];
    bool known, dropped;
    df_str now = DF_STR_NONE;
    *out = DOUBT_AGAIN;
    if (step->facts.flags & DF_SQL_CONCURRENTLY) DF_TRY(drop_invalid_index(e, i, &dropped, err));
    DF_TRY(state_of(e, i, &now, &known, err));
    if (known && intent->state_before.ptr && !df_str_eq(now, intent->state_before)) {
        const df_sql_object *subject = subject_of(step);
        *out = DOUBT_DONE;
        *why = df_arena_printf(e->x->arena, "the catalog shows that it took effect (%s %.*s is no longer what it was before)",
                               subject->kind, DF_FMT(subject->name));
        return DF_OK;
    }
    if (is_repeatable(step)) {
        *why = "it may be run again, and is";
        return DF_OK;
    }
    if (known && intent->state_before.ptr) {
        *why = "the catalog shows that it did not take effect; it is run again";
        return DF_OK;
    }
    *out = DOUBT_UNDECIDED;
    if (commits_by_itself(step)) {
        *why = "it commits as it goes, was begun and did not end well, and may not be run again as it is written";
        return DF_OK;
    }
    *why = df_arena_printf(e->x->arena, "the run before ended while it ran, and the catalog cannot tell about %s",
                           *step->facts.tag ? step->facts.tag : "such a statement");
    return DF_OK;
}

/* ---- what CONCURRENTLY leaves ---- */

static bool left_by(const df_step *step, const df_invalid_index *index)
{
    bool reindex = strncmp(step->facts.tag, "REINDEX", 7) == 0;
    const df_sql_object *object = &step->facts.object;
    if (object->schema.len && !df_str_eq(object->schema, index->schema)) return false;
    if (!reindex) return df_str_eq(object->name, index->name);
    /* REINDEX CONCURRENTLY builds name_ccnew (or name_ccnew1 …) beside the old one. */
    const char *mark = memmem(index->name.ptr, index->name.len, "_ccnew", 6);
    if (!mark) return false;
    df_str stem = {index->name.ptr, (size_t)(mark - index->name.ptr)};
    return df_str_eq(object->name, stem) || df_str_eq(object->name, index->table) || df_str_eq(step->facts.table.name, index->table);
}

static df_code drop_index(execution *e, const df_invalid_index *index, const char *left_by, df_error *err)
{
    const char *sql = df_arena_cstr(&e->arena, index->drop);
    df_log(e->x->observer, DF_LOG_WARNING, "dropping the invalid index %.*s%s%.*s, which %s left", DF_FMT(index->schema),
           index->schema.len ? "." : "", DF_FMT(index->name), left_by);
    df_code code = df_exec(e->x->conn, sql, NULL, 0, NULL, err);
    if (code != DF_OK) df_error_prefix(err, "dropping the invalid index %.*s", DF_FMT(index->name));
    return code;
}

df_code drop_invalid_index(execution *e, size_t i, bool *dropped, df_error *err)
{
    const df_step *step = &e->steps.items[i];
    *dropped = false;
    bool builds = strncmp(step->facts.tag, "CREATE", 6) == 0 || strncmp(step->facts.tag, "REINDEX", 7) == 0;
    if (!(step->facts.flags & DF_SQL_CONCURRENTLY) || !builds) return DF_OK;
    df_invalid_index *indexes;
    size_t count;
    DF_TRY(df_invalid_indexes(e->x->conn, &e->arena, &indexes, &count, err));
    for (size_t k = 0; k < count; k++) {
        if (!left_by(step, &indexes[k])) continue;
        DF_TRY(drop_index(e, &indexes[k], "an unfinished CONCURRENTLY", err));
        *dropped = true;
    }
    return DF_OK;
}

/* ---- what the server finishes later ---- */

static bool has_made(const execution *e, size_t i, const df_invalid_index *index)
{
    const df_step *step = &e->steps.items[i];
    bool done = e->rows[i].status == DF_STEP_DONE || e->rows[i].status == DF_STEP_SKIPPED;
    return done && step->facts.cls == DF_SQL_DDL && strncmp(step->facts.tag, "CREATE", 6) == 0 &&
           df_str_eq(step->facts.object.name, index->name);
}

/* The index that could not be built goes, so that its statement can be run again when the cause is mended. *at: that statement. */
static df_code drop_unfinished(execution *e, const df_error *why, size_t *at, df_error *err)
{
    df_invalid_index *indexes;
    size_t count;
    DF_TRY(df_invalid_indexes(e->x->conn, &e->arena, &indexes, &count, err));
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < e->steps.count; i++) {
            if (!has_made(e, i, &indexes[k]) || !indexes[k].drop.len) continue;
            DF_TRY(drop_index(e, &indexes[k], "a population that failed", err));
            step_state(e, i, DF_STEP_FAILED, "failed", NULL);
            e->rows[i].error = df_arena_str(e->x->arena, df_str_from(why->message));
            DF_TRY(df_ledger_settle(e->x->ledger, &e->run, &e->rows[i], 1, err));
            if (*at == SIZE_MAX) *at = i;
        }
    return DF_OK;
}

df_code settle_schema(execution *e, df_error *err)
{
    if (!e->unsettled) return DF_OK;
    df_error mine = {0}, ignored = {0};
    size_t at = SIZE_MAX;
    df_code code = df_settle_schema(e->x->conn, e->x->index_timeout_ms, &mine);
    e->unsettled = code != DF_OK;
    if (code == DF_OK) return DF_OK;
    if (code == DF_FAILED && !df_conn_lost(e->x->conn) && drop_unfinished(e, &mine, &at, &ignored) != DF_OK)
        df_log(e->x->observer, DF_LOG_WARNING, "an index that could not be built may be left: %s", ignored.message);
    if (at != SIZE_MAX) step_explain(e, at, &mine);
    else df_error_prefix(&mine, "waiting for the indexes");
    if (err) *err = mine;
    return code;
}
