/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's SQL: marks replaced, statements run one by one or as a batch. */
#include "ledger/ledger_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- marks ---- */

/* The length of the mark at `at`, its replacement appended; 0 when there is none. */
static size_t put_mark(const df_ledger *ledger, df_str at, df_buf *out)
{
    const ledger_dialect *d = ledger->dialect;
    const struct {
        const char *mark, *text;
    } marks[] = {{"{s}", ledger->prefix}, {"{t}", d->text},  {"{j}", d->json},
                 {"{at}", d->at},         {"{now}", d->now}, {"{address}", d->address}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (!df_str_starts(at, df_str_from(marks[i].mark))) continue;
        df_buf_text(out, marks[i].text);
        return strlen(marks[i].mark);
    }
    if (!df_str_starts(at, DF_STR("{ms:"))) return 0;
    size_t end = 4, depth = 1;
    while (end < at.len && (depth += at.ptr[end] == '{', depth -= at.ptr[end] == '}')) end++;
    df_buf inner = {0};
    df_buf_add(&inner, at.ptr + 4, end - 4);
    df_buf_text(out, d->ms_before);
    ledger_expand(ledger, df_buf_cstr(&inner), out);
    df_buf_text(out, d->ms_behind);
    df_buf_release(&inner);
    return end + 1;
}

void ledger_expand(const df_ledger *ledger, const char *sql, df_buf *out)
{
    df_str rest = df_str_from(sql);
    while (rest.len) {
        const char *mark = memchr(rest.ptr, '{', rest.len);
        size_t plain = mark ? (size_t)(mark - rest.ptr) : rest.len;
        df_buf_add(out, rest.ptr, plain);
        rest = df_str_skip(rest, plain);
        if (!rest.len) break;
        size_t len = put_mark(ledger, rest, out);
        if (!len) df_buf_char(out, rest.ptr[0]);
        rest = df_str_skip(rest, len ? len : 1);
    }
}

const char *ledger_text(df_ledger *ledger, ledger_sql which)
{
    if (ledger->texts[which] || !ledger->dialect->sql[which]) return ledger->texts[which];
    df_buf text = {0};
    ledger_expand(ledger, ledger->dialect->sql[which], &text);
    df_buf_cstr(&text);
    return ledger->texts[which] = text.ptr;
}

/* ---- values ---- */

df_str ledger_cut(df_str text, size_t bytes)
{
    if (text.len <= bytes) return text;
    while (bytes && ((unsigned char)text.ptr[bytes] & 0xC0) == 0x80) bytes--;
    return (df_str){text.ptr, bytes};
}

df_value ledger_name(df_str text)
{
    return df_v_str(ledger_cut(text, LEDGER_NAME_MAX));
}

df_str ledger_text_of(const df_value *value, df_arena *arena)
{
    return value->type == DF_TEXT || value->type == DF_BLOB ? df_arena_str(arena, value->s) : DF_STR_NONE;
}

int64_t ledger_int_of(const df_value *value, int64_t missing)
{
    return value->type == DF_INT64 || value->type == DF_BOOL ? value->i : missing;
}

static bool is_ascii(df_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] >= 0x80) return false;
    }
    return true;
}

const df_value *ledger_adapt(const df_ledger *ledger, const df_value *values, size_t count, df_value *copy)
{
    for (size_t i = 0; i < count; i++) {
        copy[i] = values[i];
        if (ledger->dialect->wide_as_blob && copy[i].type == DF_TEXT && !is_ascii(copy[i].s))
            copy[i].type = DF_BLOB;
    }
    return count ? copy : NULL;
}

/* A number as text, whose type is that of the column. */
static df_value as_text(df_arena *arena, const df_value *value)
{
    char text[32];
    switch (value->type) {
    case DF_INT64: snprintf(text, sizeof text, "%lld", (long long)value->i); break;
    case DF_BOOL: return df_v_text(value->i ? "t" : "f");
    case DF_DOUBLE: snprintf(text, sizeof text, "%.17g", value->d); break;
    default: return *value;
    }
    return df_v_str(df_arena_str(arena, df_str_from(text)));
}

/* ---- one statement ---- */

enum { MOST_VALUES = 32 };

df_code ledger_exec(df_ledger *ledger, ledger_sql which, const df_value *values, size_t count,
                    int64_t *affected, df_error *err)
{
    df_value copy[MOST_VALUES];
    return df_exec(ledger->conn, ledger_text(ledger, which), ledger_adapt(ledger, values, count, copy), count,
                   affected, err);
}

df_code ledger_query(df_ledger *ledger, ledger_sql which, const df_value *values, size_t count, df_row_fn fn,
                     void *context, df_error *err)
{
    df_value copy[MOST_VALUES];
    return df_query(ledger->conn, ledger_text(ledger, which), ledger_adapt(ledger, values, count, copy),
                    count, fn, context, err);
}

static df_code take_number(void *context, const df_row *row, df_error *err)
{
    (void)err;
    int64_t *out = context;
    *out = ledger_int_of(&row->values[0], *out);
    return DF_OK;
}

df_code ledger_ask(df_ledger *ledger, ledger_sql which, const df_value *values, size_t count, int64_t missing,
                   int64_t *out, df_error *err)
{
    *out = missing;
    return ledger_query(ledger, which, values, count, take_number, out, err);
}

/* ---- batches ---- */

void ledger_add_text(ledger_batch *batch, const char *sql, const df_value *values, size_t count)
{
    df_value *copy = df_arena_alloc(&batch->arena, (count + 1) * sizeof *copy);
    const df_value *adapted = ledger_adapt(batch->ledger, values, count, copy);
    for (size_t i = 0; batch->ledger->dialect->plain_numbers && i < count; i++)
        copy[i] = as_text(&batch->arena, &copy[i]);
    DF_PUSH(batch->commands, batch->count, batch->cap) =
        (df_command){.sql = sql, .params = adapted, .n_params = count};
}

void ledger_pause(int64_t ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

void ledger_add(ledger_batch *batch, ledger_sql which, const df_value *values, size_t count)
{
    ledger_add_text(batch, ledger_text(batch->ledger, which), values, count);
}

df_code ledger_drop(ledger_batch *batch, df_code code)
{
    free(batch->commands);
    free(batch->entries);
    df_arena_release(&batch->arena);
    return code;
}

/* How the entries of the audit log are written: by the server, which hashes them; behind the head that is remembered; or in
 * a second round trip, behind the head that the first has read. */
typedef enum audit_way { BY_SERVER, BY_MEMORY, BY_READING } audit_way;

static audit_way way_of(const ledger_batch *batch)
{
    const ledger_dialect *d = batch->ledger->dialect;
    if (d->sql[LEDGER_audit_append] || !batch->n_entries) return BY_SERVER;
    return batch->ledger->head.found && df_lease_held(batch->ledger) ? BY_MEMORY : BY_READING;
}

/* Guard and check in front, the entries of the audit log behind, or the lock on its head when the hashes are
 * ours to make. */
static df_command *assemble(ledger_batch *batch, bool fenced, audit_way way, ledger_head *head, size_t *count, size_t *check)
{
    df_ledger *ledger = batch->ledger;
    df_command *commands = df_alloc((batch->count + 3 + MOST_CHECKS) * sizeof *commands);
    *count = *check = 0;
    if (ledger->dialect->sql[LEDGER_guard])
        commands[(*count)++] = (df_command){.sql = ledger_text(ledger, LEDGER_guard)};
    if (fenced) {
        *count += ledger_check_commands(ledger, &batch->arena, commands + *count);
        *check = *count;
    }
    for (size_t i = 0; i < batch->count; i++) commands[(*count)++] = batch->commands[i];
    if (way == BY_READING) ledger_audit_head_command(ledger, head, &commands[(*count)++]);
    return commands;
}

bool ledger_divided(const df_error *err)
{
    return strcmp(err->native, "22012") == 0 || strstr(err->native, "ArithmeticError");
}

static df_code deletes_us(df_error *err)
{
    df_fail(
        err, DF_REFUSED,
        "this migration deletes or changes the nodes in which the migration history itself is kept (labels "
        "Migration and _Migration…); nothing of it was done");
    df_error_hint(err,
                  "restrict its MATCH by label: MATCH (n:Person) DETACH DELETE n; for everything else: MATCH "
                  "(n) WHERE NOT "
                  "n:Migration AND none(l IN labels(n) WHERE l STARTS WITH '_Migration') DETACH DELETE n");
    return DF_REFUSED;
}

/* Somebody else has written to the audit log since we looked. */
static df_code overtaken(df_error *err)
{
    return df_fail(err, DF_RETRY, "another session has written to the audit log meanwhile");
}

/* One round trip where the engine has pipelines, two where the hashes are ours; else one a statement. */
static df_code run_commands(ledger_batch *batch, bool own, bool fenced, bool commit, df_error *err)
{
    df_ledger *ledger = batch->ledger;
    audit_way way = way_of(batch);
    size_t count, check, recorded = batch->count;
    ledger_head head = {0};
    if (way == BY_SERVER) ledger_audit_commands(batch);
    if (way == BY_MEMORY) DF_TRY(ledger_audit_guess(batch, &head, err));
    df_command *commands = assemble(batch, fenced, way, &head, &count, &check);
    batch->count = recorded;
    unsigned flags = (own ? DF_MANY_BEGIN : 0) | (commit && way != BY_READING ? DF_MANY_COMMIT : 0);
    df_code code = df_exec_many(ledger->conn, commands, count, flags, err);
    free(commands);
    if (way == BY_MEMORY) ledger_remember_head(ledger, code == DF_OK ? &head : NULL);
    if (code != DF_OK && ledger_divided(err)) {
        bool fence = (size_t)err->statement <= check;
        code = fence && own ? ledger_lost(ledger, err) : fence ? deletes_us(err) : way == BY_MEMORY ? overtaken(err) : ledger_no_head(err);
    }
    return code == DF_OK && way == BY_READING ? ledger_audit_write(batch, &head, commit, err) : code;
}

static df_code run_once(ledger_batch *batch, bool own, bool fenced, bool commit, df_error *err)
{
    df_ledger *ledger = batch->ledger;
    bool compound = ledger_can_compound(batch);
    df_code code = compound ? ledger_run_compound(batch, own, fenced, err) : DF_OK;
    if (compound && code != DF_OK && strcmp(err->native, "1064") == 0) {
        ledger->no_compound = true; /* sql_mode = ORACLE, perhaps of a script, has another grammar: nothing was done */
        compound = false;
        if (!own) df_transaction_goes_on(ledger->conn);
    }
    if (!compound)
        code = run_commands(batch, own, fenced, commit, err);
    else if (code == DF_OK && !own && commit)
        code = df_commit(ledger->conn, err);
    if (code != DF_OK && commit) df_rollback(ledger->conn);
    return code;
}

/* What a script did to our tables shows when its end is recorded, in its transaction. */
static bool tables_are_gone(const df_error *err)
{
    static const char *const natives[] = {"42P01", "3F000", "1146"};
    for (size_t i = 0; i < sizeof natives / sizeof *natives; i++)
        if (strcmp(err->native, natives[i]) == 0) return true;
    return strstr(err->message, "no such table") != NULL;
}

static void explain_gone(const df_ledger *ledger, df_error *err)
{
    bool schemas = (df_conn_caps(ledger->conn) & DF_CAP_SCHEMAS) != 0;
    df_error_prefix(err, "this migration takes away the tables in which the migration history itself is kept");
    df_error_hint(err, schemas ? "let it drop its own tables by name; where it must drop the whole schema, keep the history in another: "
                                 "?schema=NAME in the database URL"
                               : "let it drop its own tables by name");
}

static df_code explain_conflict(df_error *err)
{
    if (strstr(err->message, "_migration_audit_log") || strstr(err->message, "_MigrationAudit"))
        return ledger_unknown_entry(err);
    bool theirs = strstr(err->message, "label `Migration`") &&
                  (strstr(err->message, "`filename`") || strstr(err->message, "`version`"));
    if (!theirs) return err->code;
    df_error_prefix(
        err, "another program's node for this migration stands in the way, by a constraint of that program");
    df_error_hint(err,
                  "take its history over first: dataflow adopt; or drop that constraint (SHOW CONSTRAINTS)");
    return err->code;
}

static df_code run_batch(ledger_batch *batch, const char *doing, df_error *err)
{
    enum { TRIES = 6, FIRST_PAUSE_MS = 10 };
    df_ledger *ledger = batch->ledger;
    bool own = !df_in_transaction(ledger->conn), commit = own || batch->commit;
    /* In a transaction the check was at its beginning; what ran since may have deleted what the check looks at. */
    bool fenced = (own || ledger->dialect->graph) && !batch->unfenced && df_lease_held(ledger);
    if (own && !batch->unfenced && ledger_lease_lost(ledger))
        return ledger_drop(batch, ledger_lost(ledger, err));

    df_code code;
    for (int64_t tries = 0;; tries++) {
        code = run_once(batch, own, fenced, commit, err);
        /* A deadlock, a serialisation failure: another writer of the audit log was there, and is soon gone.
         */
        if (code != DF_RETRY || !own || batch->once || tries + 1 >= TRIES) break;
        ledger_pause(FIRST_PAUSE_MS << tries);
    }
    if (code == DF_CONFLICT) code = explain_conflict(err);
    if (code != DF_OK && !own && tables_are_gone(err)) explain_gone(ledger, err);
    if (code != DF_OK) {
        err->statement = 0; /* a number of ours, which would mean nothing */
        if (code != DF_LOCKED) df_error_prefix(err, "%s", doing);
    }
    return ledger_drop(batch, code);
}

/*
 * A statement that committed implicitly (MariaDB) has ended the caller's transaction behind its back: what we
 * record wants one of its own, and the caller finds another open, unless it is committed anyway.
 */
df_code ledger_run(ledger_batch *batch, const char *doing, df_error *err)
{
    df_error own_error;
    df_conn *conn = batch->ledger->conn;
    if (!err) err = &own_error;
    bool ended = df_in_transaction(conn) && !df_conn_lost(conn) && !df_server_in_transaction(conn);
    bool again = ended && !batch->commit;
    if (ended) {
        df_code code = df_commit(conn, err);
        if (code != DF_OK) return ledger_drop(batch, code);
    }
    df_code code = run_batch(batch, doing, err);
    return code == DF_OK && again ? df_begin(conn, err) : code;
}
