/* SPDX-License-Identifier: Apache-2.0 */
/* The part of why that is about migrations: what is half-way and where it stands, what failed, what is in the
 * way. */
#include "operate/operate_int.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_SHOWN = 160, ERROR_SHOWN = 300, LISTED = 10, DAY_MS = 24 * 3600 * 1000 };

static const char *direction_command(const df_applied *a)
{
    return a->down ? "dataflow down --steps 1" : "dataflow up";
}

/* ---- a statement in doubt ---- */

/* What the statement is about: the object itself, else the table behind it. */
static const df_sql_object *subject_of(const df_sql_facts *facts)
{
    if (facts->object.name.len && facts->object.kind) return &facts->object;
    return facts->table.name.len && facts->table.kind ? &facts->table : NULL;
}

typedef enum doubt { DOUBT_OPEN, DOUBT_DONE, DOUBT_NOT_DONE } doubt;

static doubt by_transaction(op_why *why, const df_journal_row *row)
{
    df_outcome outcome = DF_OUTCOME_UNKNOWN;
    const char *id = df_arena_cstr(why->look.arena, row->transaction);
    if (!*id || df_transaction_outcome(why->look.conn, id, &outcome, NULL) != DF_OK) return DOUBT_OPEN;
    if (outcome != DF_OUTCOME_COMMITTED && outcome != DF_OUTCOME_ABORTED) return DOUBT_OPEN;
    op_say(why, "migration", "info", 2, NULL, "its transaction %s was %s", id,
           outcome == DF_OUTCOME_COMMITTED ? "committed" : "rolled back");
    return outcome == DF_OUTCOME_COMMITTED ? DOUBT_DONE : DOUBT_NOT_DONE;
}

/* The object's state against the one noted before the statement ran. */
static doubt by_catalog(op_why *why, const df_journal_row *row, const df_sql_facts *facts)
{
    const df_sql_object *subject = subject_of(facts);
    df_buf now = {0};
    if (!subject || !row->state_before.ptr) return DOUBT_OPEN;
    df_code code = df_object_state(why->look.conn, subject->kind, subject->schema, subject->name,
                                   facts->table.name, &now, NULL);
    bool changed = !df_str_eq(df_buf_str(&now), row->state_before), exists = now.len > 0;
    bool half = (facts->flags & DF_SQL_CONCURRENTLY) && df_str_starts(df_buf_str(&now), DF_STR("invalid"));
    df_buf_release(&now);
    if (code != DF_OK) return DOUBT_OPEN;
    op_say(why, "migration", "info", 2, NULL, "%s %.*s %s", subject->kind, DF_FMT(subject->name),
           half      ? "is invalid: it was left half-way, and is built anew"
           : changed ? exists ? "is not what it was before: the statement took effect"
                              : "is gone: the statement took effect"
           : exists  ? "is what it was before: the statement did not take effect"
                     : "does not exist, as before: the statement did not take effect");
    return changed && !half ? DOUBT_DONE : DOUBT_NOT_DONE;
}

/* Statements that come to the same when they run twice: those the next run simply runs again. */
static bool is_repeatable(const df_sql_facts *facts)
{
    static const char *const again[] = {"GRANT",        "REVOKE",   "COMMENT", "REFRESH",
                                        "ALTER SYSTEM", "TRUNCATE", "ANALYZE"};
    if (facts->cls == DF_SQL_MAINTENANCE || facts->cls == DF_SQL_QUERY || facts->cls == DF_SQL_SESSION)
        return true;
    if (facts->flags & DF_SQL_IF_EXISTS) return true;
    for (size_t i = 0; i < sizeof again / sizeof *again; i++)
        if (strncmp(facts->tag, again[i], strlen(again[i])) == 0) return true;
    return false;
}

static doubt look_into(op_why *why, const df_journal_row *row)
{
    df_sql_facts facts = df_sql_classify(df_conn_dialect(why->look.conn), row->text, why->look.arena);
    doubt found = by_transaction(why, row);
    if (found == DOUBT_OPEN) found = by_catalog(why, row, &facts);
    if (found == DOUBT_DONE || !is_repeatable(&facts)) return found;
    op_say(why, "migration", "info", 2, NULL,
           "it comes to the same when it runs twice: the next run runs it again");
    return DOUBT_NOT_DONE;
}

static void say_doubt(op_why *why, const df_applied *a, const df_journal_row *row)
{
    const op_look *look = &why->look;
    const char *id = op_shell(look->arena, a->id);
    op_say(why, "migration", "bad", 1, NULL,
           "statement %d (line %d) is in doubt: the run ended while it ran: %s", row->number, row->line,
           op_query(look->arena, row->text, TEXT_SHOWN));
    if (row->progress.len)
        op_say(why, "migration", "info", 2, NULL, "its batches are done up to %.*s", DF_FMT(row->progress));
    doubt found = row->progress.len ? DOUBT_NOT_DONE : look_into(why, row);
    if (found != DOUBT_OPEN) {
        op_next(why, OP_SOON, direction_command(a),
                "%.*s was interrupted at statement %d%s: the next run goes on %s it", DF_FMT(a->id),
                row->number, found == DOUBT_DONE ? ", which took effect" : "",
                found == DOUBT_DONE ? "behind" : "with");
        return;
    }
    const char *again =
        df_arena_printf(look->arena, "dataflow repair %s --statement-again %d --reason '…'", id, row->number);
    const char *done =
        df_arena_printf(look->arena, "dataflow repair %s --statement-done %d --reason '…'", id, row->number);
    op_say(why, "migration", "info", 2, again, "when it did not take effect");
    op_say(why, "migration", "info", 2, done, "when it did");
    op_next(why, OP_SOON, done,
            "%.*s was interrupted at statement %d: look whether it took effect; then this, or "
            "--statement-again %d",
            DF_FMT(a->id), row->number, row->number);
}

/* ---- one migration that began and did not end ---- */

static const df_journal_row *stopped_at(const df_journal_row *rows, size_t count)
{
    for (size_t i = count; i-- > 0;)
        if (rows[i].status == DF_STEP_INTENT || rows[i].status == DF_STEP_FAILED) return &rows[i];
    return NULL;
}

static void say_partial(op_why *why, const df_applied *a)
{
    const op_look *look = &why->look;
    df_journal_row *rows = NULL;
    size_t count = 0;
    df_error err;
    df_code code = df_ledger_journal(look->ledger, a->id, a->down ? DF_DOWN : DF_UP, look->arena, &rows, &count, &err);
    /* The history counts one whose batches are done in part: something of it is there. */
    size_t partly = 0;
    for (size_t i = 0; code == DF_OK && i < count; i++)
        partly += rows[i].progress.len && (rows[i].status == DF_STEP_INTENT || rows[i].status == DF_STEP_FAILED);
    if (partly > a->steps_done) partly = a->steps_done;
    op_say(why, "migration", "bad", 0, direction_command(a),
           "%.*s began to be %s and did not end: %zu of %zu statements took effect%s", DF_FMT(a->id),
           a->down ? "taken back" : "applied", a->steps_done - partly, a->steps, partly ? ", and a part of one" : "");
    if (code != DF_OK) {
        op_say(why, "migration", "warning", 1, NULL, "its journal could not be read: %s",
               op_reason(look->arena, &err));
        return;
    }
    const df_journal_row *row = stopped_at(rows, count);
    if (row && row->status == DF_STEP_INTENT) {
        say_doubt(why, a, row);
    } else if (row) {
        op_say(why, "migration", "bad", 1, NULL, "statement %d (line %d) failed: %s", row->number, row->line,
               op_query(look->arena, row->text, TEXT_SHOWN));
        df_str error = row->error.len ? row->error : a->error;
        if (error.len)
            op_say(why, "migration", "bad", 2, NULL, "%s", op_line(look->arena, error, ERROR_SHOWN));
        op_next(why, OP_SOON, direction_command(a),
                "%.*s failed at statement %d: remove the cause, and the next run goes on there",
                DF_FMT(a->id), row->number);
    } else if (a->status == DF_APPLIED_FAILED) {
        op_say(why, "migration", "bad", 1, NULL, "it failed: %s",
               a->error.len ? op_line(look->arena, a->error, ERROR_SHOWN) : "the record does not say why");
        op_next(why, OP_SOON, direction_command(a),
                "%.*s failed half-way: remove the cause, and the next run goes on there", DF_FMT(a->id));
    } else {
        op_next(why, OP_SOON, direction_command(a),
                "%.*s was interrupted: the next run goes on where it stopped", DF_FMT(a->id));
    }
}

static void say_failed(op_why *why, const df_applied *a)
{
    const char *colon = a->error.len ? ": " : "",
               *error = a->error.len ? op_line(why->look.arena, a->error, ERROR_SHOWN) : "";
    if (a->down)
        op_say(why, "migration", "bad", 0, direction_command(a),
               "%.*s could not be taken back, and is as it was%s%s", DF_FMT(a->id), colon, error);
    else
        op_say(why, "migration", "bad", 0, direction_command(a), "%.*s failed, and nothing of it is left%s%s",
               DF_FMT(a->id), colon, error);
    op_next(why, OP_SOON, direction_command(a), "%.*s failed%s: remove the cause, then run it again",
            DF_FMT(a->id), a->down ? " to be taken back" : "");
}

static void say_running(op_why *why, const df_applied *a)
{
    df_arena *arena = why->look.arena;
    df_journal_row *rows = NULL;
    size_t count = 0;
    double taken = (double)(why->facts.now_ms - (a->down ? why->lock.acquired_ms : a->applied_ms)) / 1000;
    bool late = a->estimated_ms > 0 && taken * 1000 > 2 * (double)a->estimated_ms;
    op_say(why, "migration", late ? "warning" : "info", 0, NULL,
           "%.*s is being %s for %s: %zu of %zu statements done%s%s%s", DF_FMT(a->id),
           a->down ? "taken back" : "applied", op_duration(arena, taken), a->steps_done, a->steps,
           a->estimated_ms > 0 ? "; estimated at " : "",
           a->estimated_ms > 0 ? op_duration(arena, (double)a->estimated_ms / 1000) : "",
           late ? "; it takes longer than it should, but ending it may cost more than waiting" : "");
    if (df_ledger_journal(why->look.ledger, a->id, a->down ? DF_DOWN : DF_UP, arena, &rows, &count, NULL) !=
        DF_OK)
        return;
    const df_journal_row *row = stopped_at(rows, count);
    if (row && row->status == DF_STEP_INTENT)
        op_say(why, "migration", "info", 1, NULL, "now at statement %d (line %d): %s", row->number, row->line,
               op_query(arena, row->text, TEXT_SHOWN));
}

static void say_unfinished(op_why *why, const df_applied *a)
{
    if (a->status == DF_APPLIED_IN_PROGRESS && why->locked)
        say_running(why, a);
    else if (a->status == DF_APPLIED_IN_PROGRESS || a->steps_done > 0)
        say_partial(why, a);
    else
        say_failed(why, a);
}

/* ---- files against the history ---- */

static const char *verdict_command(const op_look *look, const df_plan_item *item)
{
    df_str id = item->migration ? item->migration->id : item->applied->id;
    switch (item->verdict) {
    case DF_VERDICT_LATE: return "dataflow up --out-of-order";
    case DF_VERDICT_MISSING:
        return df_arena_printf(look->arena, "dataflow repair %s --forget-missing --dry-run",
                               op_shell(look->arena, id));
    case DF_VERDICT_MODIFIED:
    case DF_VERDICT_RENAMED:
        return df_arena_printf(look->arena, "dataflow repair %s --dry-run", op_shell(look->arena, id));
    default: return "dataflow validate";
    }
}

/* What was found in the folder, where no migration stands for it: files that would not run, for one. */
static size_t say_blocking_findings(op_why *why, const df_plan *plan)
{
    static const char command[] = "dataflow validate";
    size_t said = 0;
    for (size_t i = 0; plan->set && i < plan->set->n_findings; i++) {
        const df_file_finding *found = &plan->set->findings[i];
        if (!df_plan_finding_blocks(plan, found) || said++ >= LISTED) continue;
        op_say(why, "migration", "bad", 0, command, "%s%s%s", found->what, found->hint ? "; " : "",
               found->hint ? found->hint : "");
        op_next(why, OP_SOON, command, "the folder keeps the next run from starting: %s", found->what);
    }
    return said;
}

static void say_blocking_files(op_why *why, const df_plan *plan)
{
    size_t said = say_blocking_findings(why, plan);
    for (size_t i = 0; i < plan->count; i++) {
        const df_plan_item *item = &plan->items[i];
        if (!item->blocks || item->verdict == DF_VERDICT_RUNNING || said++ >= LISTED) continue;
        df_str id = item->migration ? item->migration->id : item->applied->id;
        const char *command = verdict_command(&why->look, item);
        op_say(why, "migration", "bad", 0, command, "%.*s is %s: %s%s%s", DF_FMT(id),
               df_verdict_name(item->verdict), item->why ? item->why : df_verdict_text(item->verdict),
               item->hint ? "; " : "", item->hint ? item->hint : "");
        op_next(why, OP_SOON, command, "%.*s keeps the next run from starting: it is %s", DF_FMT(id),
                df_verdict_name(item->verdict));
    }
    if (said > LISTED)
        op_say(why, "migration", "info", 0, "dataflow validate", "and %zu more", said - LISTED);
}

static void say_pending(op_why *why, const df_plan *plan)
{
    if (why->locked) op_next(why, OP_LATER, NULL, "a run is at work"); /* also on the last one, or a down */
    if (!plan->n_pending) {
        op_say(why, "migration", "ok", 0, NULL, "no migration is pending");
        return;
    }
    bool first = why->urgency >= OP_SOON || why->locked; /* something else comes first */
    op_say(why, "migration", "ok", 0, first ? NULL : "dataflow up", "%zu migration%s pending",
           plan->n_pending, plan->n_pending == 1 ? " is" : "s are");
    if (!why->locked)
        op_next(why, OP_LATER, "dataflow up", "%zu migration%s pending", plan->n_pending,
                plan->n_pending == 1 ? " is" : "s are");
}

/* "The application does not start since the migration": what it was, and how it is looked at and taken back.
 */
static void say_newest(op_why *why, const df_applied *newest)
{
    if (!newest || newest->adopted || why->urgency >= OP_SOON ||
        why->facts.now_ms - newest->applied_ms > DAY_MS)
        return;
    op_say(why, "migration", "info", 0, "dataflow schema validate",
           "the newest, %.*s, was applied %s ago by %.*s; should the application fail since, look whether "
           "the schema is what it should be, "
           "or take it back: dataflow down",
           DF_FMT(newest->id),
           op_duration(why->look.arena, (double)(why->facts.now_ms - newest->applied_ms) / 1000),
           DF_FMT(newest->applied_by));
}

static void say_not_adopted(op_why *why, const char *what)
{
    if (!what) return;
    op_say(why, "migration", "bad", 0, "dataflow adopt", "%s", what);
    op_next(why, OP_SOON, "dataflow adopt", "another program's history was not taken over, and up refuses to begin without it");
}

df_code op_why_migrations(op_why *why, const df_plan *plan, const char *not_adopted, df_error *err)
{
    df_applied *applied = NULL;
    size_t count = 0;
    const df_applied *newest = NULL;
    if (!why->look.ledger || !df_ledger_exists(why->look.ledger)) {
        op_say(why, "migration", "info", 0, NULL, "no migration was ever run here by this program");
    } else {
        df_error mine;
        if (df_ledger_applied(why->look.ledger, why->look.arena, &applied, &count, &mine) != DF_OK) {
            if (df_conn_lost(why->look.conn)) {
                if (err) *err = mine;
                return mine.code;
            }
            op_say(why, "migration", "bad", 0, NULL, "the history could not be read: %s",
                   op_reason(why->look.arena, &mine));
            op_next(why, OP_SOON, "dataflow health", "the history could not be read");
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (applied[i].status == DF_APPLIED_COMPLETED) newest = &applied[i];
        if (applied[i].status == DF_APPLIED_IN_PROGRESS || applied[i].status == DF_APPLIED_FAILED)
            say_unfinished(why, &applied[i]);
    }
    if (plan) {
        say_blocking_files(why, plan);
        say_not_adopted(why, not_adopted);
        say_pending(why, plan);
    }
    say_newest(why, newest);
    return DF_OK;
}
