/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking back the first statements of a migration that failed where the engine commits each of them: for every one that
 * took effect the down section is asked for the statement that undoes it, and those are run, newest first. A statement
 * about a table that the migration itself created needs none of its own: it goes with the table.
 *
 * In a graph a label has no beginning: what MATCH (t:T) DELETE t takes may have been there before. So one statement may take back what
 * several have made, but only when it would take no more than those have surely made.
 */
#include "safety/execution/execution_int.h"
#include "safety/execution/loss_int.h"

#include <stdlib.h>

typedef struct undoing {
    execution *e;
    df_steps down;
    bool *used;   /* one a down step */
    size_t *undo; /* one a step: the down step that undoes it, or SIZE_MAX */
} undoing;

static bool tag_is(const df_step *step, const char *verb)
{
    size_t len = strlen(verb);
    return strncmp(step->facts.tag, verb, len) == 0 && (step->facts.tag[len] == '\0' || step->facts.tag[len] == ' ');
}

/* What a statement does in the end: "DETACH DELETE" of "MATCH … DETACH DELETE". */
static const char *write_of(const df_step *step)
{
    const char *mark = strstr(step->facts.tag, "… ");
    return mark ? mark + strlen("… ") : step->facts.tag;
}

/* Of clauses that write a graph. */
static bool writes_are_inverse(const df_step *up, const df_step *down)
{
    static const char *const makes[] = {"CREATE", "INSERT", "MERGE"}, *const removes[] = {"DELETE", "DETACH DELETE"};
    const char *u = write_of(up), *d = write_of(down);
    for (size_t i = 0; i < sizeof makes / sizeof *makes; i++)
        for (size_t k = 0; k < sizeof removes / sizeof *removes; k++)
            if ((strcmp(u, makes[i]) == 0 && strcmp(d, removes[k]) == 0) || (strcmp(d, makes[i]) == 0 && strcmp(u, removes[k]) == 0))
                return true;
    bool sets = strcmp(u, "SET") == 0 || strcmp(u, "REMOVE") == 0, unsets = strcmp(d, "SET") == 0 || strcmp(d, "REMOVE") == 0;
    return sets && unsets && !(strcmp(u, "REMOVE") == 0 && strcmp(d, "REMOVE") == 0);
}

static bool verbs_are_inverse(const df_step *up, const df_step *down)
{
    static const char *const pairs[][2] = {{"CREATE", "DROP"}, {"DROP", "CREATE"},     {"INSERT", "DELETE"}, {"DELETE", "INSERT"},
                                           {"UPDATE", "UPDATE"}, {"ALTER", "ALTER"},   {"RENAME", "RENAME"}, {"GRANT", "REVOKE"},
                                           {"REVOKE", "GRANT"},  {"REPLACE", "DELETE"}, {"CREATE", "ALTER"}, {"ALTER", "DROP"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (tag_is(up, pairs[i][0]) && tag_is(down, pairs[i][1])) return true;
    return writes_are_inverse(up, down);
}

static bool same_name(df_str a, df_str b)
{
    return a.len && df_str_eq(a, b);
}

static bool undoes(const df_step *up, const df_step *down)
{
    if (!verbs_are_inverse(up, down)) return false;
    const df_sql_facts *u = &up->facts, *d = &down->facts;
    bool renamed = same_name(u->value, d->object.name) && same_name(u->object.name, d->value);
    if (renamed) return true;
    if (!same_name(u->object.name, d->object.name)) {
        /* CREATE INDEX i ON t is also undone by ALTER TABLE t DROP INDEX i. */
        return tag_is(down, "ALTER") && u->object.kind && strcmp(u->object.kind, "index") == 0 &&
               same_name(u->table.name, d->object.name) && memmem(down->statement.text.ptr, down->statement.text.len,
                                                                 u->object.name.ptr, u->object.name.len) != NULL;
    }
    if (u->object.column.len && d->object.column.len) return same_name(u->object.column, d->object.column);
    if (tag_is(up, "CREATE") && tag_is(down, "DROP"))
        return !u->object.kind || !d->object.kind || strcmp(u->object.kind, d->object.kind) == 0;
    return !(tag_is(up, "CREATE") && tag_is(down, "ALTER"));
}

static bool is_graph(const undoing *u)
{
    return !(df_conn_caps(u->e->x->conn) & DF_CAP_SQL);
}

/* DELETE, and REMOVE in a graph: what they take is counted, so that they may be for several. */
static bool is_counted(const undoing *u, const df_step *down)
{
    bool takes = is_graph(u) ? (down->facts.flags & DF_SQL_DESTROYS) != 0 : tag_is(down, "DELETE");
    return takes && down->facts.cls == DF_SQL_DML;
}

static size_t find_undo(const undoing *u, const df_step *up)
{
    size_t shared = SIZE_MAX;
    for (size_t k = 0; k < u->down.count; k++) {
        if (!undoes(up, &u->down.items[k])) continue;
        if (!u->used[k]) return k;
        if (is_counted(u, &u->down.items[k])) shared = k;
    }
    return shared;
}

/* Only changes want undoing. */
static bool changes(const df_step *step)
{
    df_sql_class cls = step->facts.cls;
    return cls != DF_SQL_QUERY && cls != DF_SQL_SESSION && cls != DF_SQL_TRANSACTION && cls != DF_SQL_MAINTENANCE &&
           !(step->facts.flags & DF_SQL_TEMPORARY);
}

static bool took_effect(const execution *e, size_t i)
{
    df_step_status status = e->rows[i].status;
    return (status == DF_STEP_DONE || status == DF_STEP_SKIPPED || e->rows[i].progress.len || partly_done(e, i)) && changes(&e->steps.items[i]);
}

/* It ran, and there was nothing to change: MERGE of what was there, CREATE … IF NOT EXISTS of what was there before. */
static bool changed_nothing(const execution *e, size_t i)
{
    if (e->effects[i] == NOT_RUN_HERE || partly_done(e, i)) return false;
    bool was_there = tag_is(&e->steps.items[i], "CREATE") && (e->steps.items[i].facts.flags & DF_SQL_IF_EXISTS) && e->rows[i].state_before.len;
    return e->effects[i] == RAN_IDLE || was_there;
}

/* IF NOT EXISTS, and nobody knows whether it was there before: to take it back could take what is not ours. */
static bool may_be_older(const execution *e, size_t i)
{
    const df_step *step = &e->steps.items[i];
    bool makes = (step->facts.flags & DF_SQL_IF_EXISTS) && step->facts.cls == DF_SQL_DDL && !tag_is(step, "DROP");
    bool known = e->effects[i] != NOT_RUN_HERE && (e->x->set->dialect->schema_apart || (tag_is(step, "CREATE") && e->rows[i].state_before.ptr));
    return makes && took_effect(e, i) && !known;
}

/* The earlier statement that made the table this one is about; SIZE_MAX when none did. */
static size_t maker_of_table(const execution *e, size_t i)
{
    const df_sql_object *table = &e->steps.items[i].facts.table;
    for (size_t k = 0; table->name.len && k < i; k++) {
        const df_step *earlier = &e->steps.items[k];
        if (took_effect(e, k) && tag_is(earlier, "CREATE") && earlier->facts.object.kind &&
            strcmp(earlier->facts.object.kind, "table") == 0 && df_str_eq(earlier->facts.object.name, table->name) &&
            !(earlier->facts.flags & DF_SQL_IF_EXISTS))
            return k;
    }
    return SIZE_MAX;
}

/* Which down statement undoes which step; false, and the step, when there is one that nothing undoes. */
static bool plan_undo(undoing *u, size_t *missing)
{
    const execution *e = u->e;
    for (size_t i = e->steps.count; i-- > 0;) {
        u->undo[i] = took_effect(e, i) && !changed_nothing(e, i) ? find_undo(u, &e->steps.items[i]) : SIZE_MAX;
        if (u->undo[i] != SIZE_MAX) u->used[u->undo[i]] = true;
    }
    for (size_t i = 0; i < e->steps.count; i++) {
        if (!may_be_older(e, i) && (!took_effect(e, i) || changed_nothing(e, i) || u->undo[i] != SIZE_MAX)) continue;
        size_t maker = maker_of_table(e, i); /* which a CREATE … IF NOT EXISTS is not */
        if (maker != SIZE_MAX && u->undo[maker] != SIZE_MAX) continue;
        *missing = i;
        return false;
    }
    return true;
}

/* ---- no more than was made ---- */

static bool is_of(const df_sql_made *made, const df_sql_loss *loss)
{
    switch (loss->kind) {
    case DF_SQL_LOSES_NODES: return made->kind == DF_SQL_MADE_NODES && df_str_eq(made->name, loss->label);
    case DF_SQL_LOSES_RELATIONSHIPS: return made->kind == DF_SQL_MADE_RELATIONSHIPS && df_str_eq(made->name, loss->label);
    case DF_SQL_LOSES_PROPERTY: return made->kind == DF_SQL_MADE_VALUES && df_str_eq(made->name, loss->property);
    default: return false;
    }
}

/* At least so many of it were made by the statements that down statement `k` takes back. */
static int64_t surely_made(const undoing *u, size_t k, const df_sql_loss *loss)
{
    int64_t sum = 0;
    for (size_t i = 0; i < u->e->steps.count; i++) {
        size_t count;
        int64_t changes, rows = u->e->rows[i].rows;
        if (u->undo[i] != k || rows <= 0) continue;
        const df_sql_made *made =
            df_sql_makes(df_conn_dialect(u->e->x->conn), u->e->steps.items[i].statement.text, &u->e->arena, &count, &changes);
        for (size_t m = 0; m < count; m++)
            if (is_of(&made[m], loss)) sum += made[m].times * ((rows + changes - 1) / changes);
    }
    return sum;
}

/* The rows that were inserted by the statements that down statement `k` takes back; false when that cannot be told. */
static bool surely_inserted(const undoing *u, size_t k, int64_t *rows)
{
    *rows = 0;
    for (size_t i = 0; i < u->e->steps.count; i++) {
        if (u->undo[i] != k) continue;
        df_str text = u->e->steps.items[i].statement.text;
        df_sql_lexer lexer = {.dialect = df_conn_dialect(u->e->x->conn), .text = text};
        bool plain = tag_is(&u->e->steps.items[i], "INSERT");
        for (df_sql_token t = df_sql_next_word(&lexer); plain && t.kind != DF_SQL_END; t = df_sql_next_word(&lexer))
            plain = !df_sql_is(t, "DUPLICATE"); /* an updated row counts as two */
        if (!plain || u->e->rows[i].rows < 0) return false;
        *rows += u->e->rows[i].rows;
    }
    return true;
}

/* The same of tables: the rows that the DELETE would find are counted, by its own FROM and WHERE. */
static const char *deletes_more(const undoing *u, size_t k)
{
    const df_step *down = &u->down.items[k];
    df_arena *arena = &u->e->arena;
    df_sql_lexer lexer = {.dialect = df_conn_dialect(u->e->x->conn), .text = down->statement.text};
    df_sql_token verb = df_sql_next_word(&lexer), from = df_sql_next_word(&lexer);
    df_value found;
    int64_t made;
    const char *sql = df_arena_printf(arena, "SELECT COUNT(*) %.*s", DF_FMT(df_str_skip(down->statement.text, from.offset)));
    bool counted = df_sql_is(verb, "DELETE") && df_sql_is(from, "FROM") && surely_inserted(u, k, &made) &&
                   df_query_value(u->e->x->conn, sql, NULL, 0, arena, &found, NULL) == DF_OK;
    if (!counted)
        return df_arena_printf(arena, "what its down statement %d (%s) would take cannot be counted", (int)down->statement.number, down->facts.tag);
    if (found.i <= made) return NULL;
    return df_arena_printf(arena, "its down statement %d (%s) would take %lld rows, and this run has inserted %lld", (int)down->statement.number,
                           down->facts.tag, (long long)found.i, (long long)made);
}

/* Whether a down statement would take more than that, and what is said of it then. */
static df_code takes_more(const undoing *u, size_t k, const char **why, df_error *err)
{
    const df_step *down = &u->down.items[k];
    loss_exact exact;
    *why = is_graph(u) ? NULL : deletes_more(u, k);
    if (!is_graph(u)) return DF_OK;
    DF_TRY(loss_exactly(u->e->x, down, &u->e->arena, &exact, err));
    if (!exact.known)
        *why = df_arena_printf(&u->e->arena, "what its down statement %d (%s) would take cannot be counted", (int)down->statement.number,
                               down->facts.tag);
    for (size_t i = 0; exact.known && !*why && i < exact.count; i++) {
        int64_t made = surely_made(u, k, &exact.losses[i]);
        if (exact.rows[i] <= made) continue;
        *why = df_arena_printf(&u->e->arena, "its down statement %d (%s) would take %lld, and this run has surely made no more than %lld of them",
                               (int)down->statement.number, down->facts.tag, (long long)exact.rows[i], (long long)made);
    }
    return DF_OK;
}

static df_code check_counted(const undoing *u, const char **why, df_error *err)
{
    *why = NULL;
    for (size_t k = 0; !*why && k < u->down.count; k++)
        if (u->used[k] && is_counted(u, &u->down.items[k])) DF_TRY(takes_more(u, k, why, err));
    return DF_OK;
}

static df_code run_undo(undoing *u, size_t step, size_t k, df_error *err)
{
    execution *e = u->e;
    char *sql = df_strdup(u->down.items[k].statement.text);
    df_log(e->x->observer, DF_LOG_WARNING, "taking back statement %d: %s", (int)e->rows[step].number,
           first_line(e->x->arena, u->down.items[k].statement.text));
    df_limits limits = {e->x->lock_timeout_ms, 0};
    df_code code = df_set_limits(e->x->conn, &limits, err);
    if (code == DF_OK) code = df_exec(e->x->conn, sql, NULL, 0, NULL, err);
    free(sql);
    return code;
}

static df_code settle_undone(undoing *u, size_t step, df_error *err)
{
    step_state(u->e, step, DF_STEP_UNDONE, "undone", NULL);
    return df_ledger_settle(u->e->x->ledger, &u->e->run, &u->e->rows[step], 1, err);
}

/* Newest first; what goes with its table is settled when all is done. */
static df_code take_back(undoing *u, size_t *undone, df_error *err)
{
    execution *e = u->e;
    for (size_t i = e->steps.count; i-- > 0;) {
        if (u->undo[i] == SIZE_MAX) continue;
        if (u->used[u->undo[i]]) DF_TRY(run_undo(u, i, u->undo[i], err)); /* else it was run for one behind it */
        u->used[u->undo[i]] = false;
        ++*undone;
        DF_TRY(settle_undone(u, i, err));
    }
    for (size_t i = e->steps.count; i-- > 0;)
        if (took_effect(e, i)) DF_TRY(settle_undone(u, i, err));
    return DF_OK;
}

const char *undo_done(execution *e)
{
    undoing u = {.e = e};
    df_error err = {0};
    size_t total = 0, undone = 0, missing = 0;
    for (size_t i = 0; i < e->steps.count; i++) total += took_effect(e, i);
    if (!total) return "all";
    if (df_section_steps(e->x->set, &e->migration->down, &e->x->placeholders, &e->arena, &u.down, &err) != DF_OK) {
        df_log(e->x->observer, DF_LOG_WARNING, "its down section cannot be read: %s", err.message);
        return "none";
    }
    u.used = df_arena_zalloc(&e->arena, (u.down.count + 1) * sizeof *u.used);
    u.undo = df_arena_zalloc(&e->arena, (e->steps.count + 1) * sizeof *u.undo);
    if (!plan_undo(&u, &missing)) { /* all or nothing: half undone is no better than half done */
        const char *why = may_be_older(e, missing) ? "it is not known whether there was before what was made IF NOT EXISTS by"
                                                   : "the down section has nothing that takes back";
        df_log(e->x->observer, DF_LOG_WARNING, "%.*s: it is left as it is, since %s statement %d (%s)", DF_FMT(e->migration->id), why,
               (int)e->rows[missing].number, e->steps.items[missing].facts.tag);
        return "none";
    }
    const char *why = NULL;
    if (check_counted(&u, &why, &err) == DF_OK && why) {
        df_log(e->x->observer, DF_LOG_WARNING, "%.*s: it is left as it is, since %s; `dataflow down` tells what would go, and asks",
               DF_FMT(e->migration->id), why);
        return "none";
    }
    if (!err.code && take_back(&u, &undone, &err) == DF_OK) return "all";
    df_log(e->x->observer, DF_LOG_WARNING, "%.*s: not all of it was taken back: %s", DF_FMT(e->migration->id), err.message);
    return undone ? "part" : "none";
}
