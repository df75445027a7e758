/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log: a chain of entries, each hashed together with its predecessor's hash. The newest hash and
 * the number of entries stand in _migration_meta, whose row is locked while an entry is appended, so that no
 * two entries have one predecessor, whoever writes them.
 */
#include "ledger/ledger_int.h"

#include "base/clock.h"
#include "base/digest.h"

#include <math.h>
#include <stdlib.h>

static const char *const action_names[] = {
#define DF_X(id, name) name,
    DF_AUDIT_ACTIONS(DF_X)
#undef DF_X
};

/* ---- canonical JSON ---- */

/* A number that one engine's JSON type would give back in other digits than were written. */
static bool is_wide(df_json v)
{
    double number;
    df_json_iter it = df_json_each(v);
    while (df_json_next(&it)) {
        if (is_wide(it.value)) return true;
    }
    return df_json_typeof(v) == DF_JSON_UINT ||
           (df_json_typeof(v) == DF_JSON_DOUBLE && df_json_double(v, &number) && fabs(number) >= 0x1p53);
}

df_code ledger_canonical(df_json_parser *parser, df_str json, df_arena *arena, df_str *out, df_error *err)
{
    df_json value;
    df_buf text = {0};
    df_code code = df_json_parse(parser, json, &value, err);
    if (code == DF_OK && df_json_typeof(value) != DF_JSON_OBJECT)
        code = df_fail(err, DF_USAGE, "details of the audit log must be a JSON object");
    if (code == DF_OK && is_wide(value))
        code = df_fail(err, DF_USAGE, "details of the audit log hold a number beyond 2^53");
    if (code == DF_OK) {
        df_json_put_canonical(&text, value);
        *out = df_arena_str(arena, df_buf_str(&text));
    }
    df_buf_release(&text);
    return code;
}

static void put_member(df_buf *out, const char *name, df_str value)
{
    df_buf_printf(out, "\"%s\":", name);
    if (value.ptr)
        df_json_put_str(out, value);
    else
        df_buf_text(out, "null");
    df_buf_char(out, ',');
}

/* Members in the order of their names. */
void ledger_entry_json(const df_audit_entry *entry, df_buf *before, df_buf *behind)
{
    df_buf_char(before, '{');
    put_member(before, "action", entry->action);
    put_member(before, "actor", entry->actor);
    put_member(before, "address", entry->address);
    put_member(before, "database_user", entry->database_user);
    df_buf_text(before, "\"details\":");
    df_buf_str_add(before, entry->details.ptr ? entry->details : DF_STR("null"));
    df_buf_char(before, ',');
    put_member(before, "environment", entry->environment);
    put_member(before, "migration_id", entry->migration_id);
    df_buf_text(before, "\"time\":");
    df_buf_char(behind, ',');
    put_member(behind, "user_agent", entry->user_agent);
    behind->ptr[behind->len - 1] = '}';
}

df_code ledger_entry_hash(const df_audit_entry *entry, df_str previous, char out[65], df_error *err)
{
    df_buf text = {0}, behind = {0};
    df_buf_str_add(&text, previous);
    ledger_entry_json(entry, &text, &behind);
    df_buf_int(&text, entry->time_ms);
    df_buf_str_add(&text, df_buf_str(&behind));
    df_code code = df_sha256_hex(text.ptr, text.len, out, err);
    df_buf_release(&text);
    df_buf_release(&behind);
    return code;
}

/* ---- adding ---- */

static df_str or_absent(const char *text)
{
    return *text ? df_str_from(text) : DF_STR_NONE;
}

/* Until it is written, time_ms is how long ago it was. */
df_code ledger_add_audit(ledger_batch *batch, df_audit_action action, df_str migration_id, df_str details,
                         int64_t ago_ms, df_error *err)
{
    df_ledger *ledger = batch->ledger;
    df_str canonical = DF_STR_NONE;
    DF_TRY(ledger_session(ledger, err));
    if (details.ptr) {
        if (!ledger->json) ledger->json = df_json_parser_open();
        DF_TRY(ledger_canonical(ledger->json, details, &batch->arena, &canonical, err));
    }
    DF_PUSH(batch->entries, batch->n_entries, batch->entries_cap) = (df_audit_entry){
        .time_ms = ago_ms,
        .action = df_str_from(action_names[action]),
        .migration_id = ledger_cut(migration_id, LEDGER_NAME_MAX),
        .actor = ledger_cut(df_str_from(ledger->actor), LEDGER_NAME_MAX),
        .address = or_absent(ledger->session.address),
        .user_agent = df_str_from(ledger->program),
        .database_user = or_absent(ledger->session.user),
        .environment = ledger_cut(df_str_from(ledger->environment), 64),
        .details = canonical,
    };
    return DF_OK;
}

/* What is hashed: the text before and behind the time, and how long ago it was. */
static size_t put_hashed(ledger_batch *batch, const df_audit_entry *e, df_value *v)
{
    df_buf before = {0}, behind = {0};
    ledger_entry_json(e, &before, &behind);
    v[0] = df_v_str(df_arena_str(&batch->arena, df_buf_str(&before)));
    v[1] = df_v_int(e->time_ms);
    v[2] = df_v_str(df_arena_str(&batch->arena, df_buf_str(&behind)));
    df_buf_release(&before);
    df_buf_release(&behind);
    return 3;
}

static size_t put_columns(const df_audit_entry *e, df_value *v)
{
    df_value columns[] = {df_v_str(e->migration_id), df_v_str(e->action),        df_v_str(e->actor),
                          df_v_int(e->time_ms),      df_v_str(e->address),       df_v_str(e->user_agent),
                          df_v_str(e->details),      df_v_str(e->database_user), df_v_str(e->environment)};
    memcpy(v, columns, sizeof columns);
    return sizeof columns / sizeof *columns;
}

void ledger_audit_commands(ledger_batch *batch)
{
    for (size_t i = 0; i < batch->n_entries; i++) {
        const df_audit_entry *one = &batch->entries[i], *two = one + 1;
        bool pair = i + 1 < batch->n_entries;
        df_value values[MOST_LEDGER_VALUES];
        size_t n = put_hashed(batch, one, values);
        if (pair) {
            n += put_hashed(batch, two, values + n);
            memcpy(values + n, values, 3 * sizeof *values); /* the hash between them is made twice */
            n += 3;
        }
        n += put_columns(one, values + n);
        if (pair) n += put_columns(two, values + n);
        ledger_add(batch, pair ? LEDGER_audit_append_two : LEDGER_audit_append, values, n);
        i += pair;
    }
}

df_code ledger_unknown_entry(df_error *err)
{
    df_fail(err, DF_CORRUPT, "the audit log has an entry that its head does not know of");
    df_error_hint(err, "somebody has written to it by hand: dataflow audit --verify names the entry");
    return DF_CORRUPT;
}

static df_code take_head(void *context, const df_row *row, df_error *err)
{
    ledger_head *head = context;
    df_str hash = row->values[1].s;
    if (row->values[1].type != DF_TEXT || hash.len != 64)
        return df_fail(err, DF_CORRUPT, "the head of the audit log is not a hash");
    head->entries = ledger_int_of(&row->values[0], 0);
    memcpy(head->hash, hash.ptr, 64);
    head->hash[64] = '\0';
    head->now_ms = row->count > 2 ? ledger_int_of(&row->values[2], 0) : 0;
    head->last_id = row->count > 4 ? ledger_int_of(&row->values[4], 0) : 0;
    head->found = true;
    if (head->ledger && head->now_ms) {
        head->ledger->clock_ms = head->now_ms;
        head->ledger->clock_read_ms = (int64_t)(df_monotonic_s() * 1000);
    }
    if (row->count > 3 && row->values[3].type == DF_TEXT && head->entries && !df_str_is(row->values[3].s, head->hash))
        return ledger_unknown_entry(err);
    return DF_OK;
}

df_code ledger_no_head(df_error *err)
{
    df_fail(err, DF_CORRUPT, "the head of the audit log is missing");
    df_error_hint(err, "somebody has deleted rows of _migration_meta; see docs/ledger.md");
    return DF_CORRUPT;
}

df_code ledger_read_head(df_ledger *ledger, ledger_sql which, ledger_head *head, df_error *err)
{
    *head = (ledger_head){.ledger = ledger};
    DF_TRY(ledger_query(ledger, which, NULL, 0, take_head, head, err));
    return head->found ? DF_OK : ledger_no_head(err);
}

void ledger_audit_head_command(df_ledger *ledger, ledger_head *head, df_command *out)
{
    head->ledger = ledger;
    *out = (df_command){.sql = ledger_text(ledger, LEDGER_audit_head), .fn = take_head, .context = head};
}

/* Adds the entries as they stand behind the head, which moves on. */
static df_code add_entries(ledger_batch *batch, ledger_head *head, df_error *err)
{
    df_arena *arena = &batch->arena;
    bool graph = batch->ledger->dialect->graph;
    for (size_t i = 0; i < batch->n_entries; i++) {
        df_audit_entry entry = batch->entries[i], *e = &entry;
        char hash[65];
        e->time_ms = head->now_ms - e->time_ms;
        DF_TRY(ledger_entry_hash(e, df_str_from(head->hash), hash, err));
        df_value row[] = {
            df_v_str(e->migration_id),
            df_v_str(e->action),
            df_v_str(e->actor),
            df_v_int(e->time_ms),
            df_v_str(e->address),
            df_v_str(e->user_agent),
            df_v_str(e->details),
            df_v_str(e->database_user),
            df_v_str(e->environment),
            df_v_str(df_arena_str(arena, df_str_from(head->hash))),
            df_v_str(df_arena_str(arena, df_str_from(hash))),
            df_v_int(++head->last_id),
        };
        ledger_add(batch, LEDGER_audit_write, row, sizeof row / sizeof *row - !graph);
        memcpy(head->hash, hash, sizeof hash);
        head->entries++;
    }
    return DF_OK;
}

static void add_head(ledger_batch *batch, const ledger_head *before, const ledger_head *head)
{
    df_str was = df_arena_str(&batch->arena, df_str_from(before->hash)), is = df_arena_str(&batch->arena, df_str_from(head->hash));
    df_value rows[] = {df_v_int(head->entries), df_v_str(is)};
    df_value node[] = {df_v_text("audit"), df_v_int(before->entries), df_v_int(head->entries),
                       df_v_str(is),       df_v_str(was),             df_v_int(head->last_id)};
    bool graph = batch->ledger->dialect->graph;
    ledger_add(batch, LEDGER_audit_head_write, graph ? node : rows, graph ? 6 : 2);
}

df_code ledger_audit_write(ledger_batch *batch, const ledger_head *found, bool commit, df_error *err)
{
    ledger_head head = *found;
    size_t before = batch->count;
    if (!head.found) return ledger_no_head(err);
    DF_TRY(add_entries(batch, &head, err));
    add_head(batch, found, &head);
    size_t count = batch->count - before;
    batch->count = before;
    df_code code = df_exec_many(batch->ledger->conn, batch->commands + before, count, commit ? DF_MANY_COMMIT : 0, err);
    ledger_remember_head(batch->ledger, code == DF_OK ? &head : NULL);
    return code;
}

/* ---- behind a head that is remembered ---- */

void ledger_remember_head(df_ledger *ledger, const ledger_head *head)
{
    ledger->head.found = false;
    if (head && ledger->dialect->graph && df_lease_held(ledger)) ledger->head = *head;
}

df_code ledger_audit_guess(ledger_batch *batch, ledger_head *head, df_error *err)
{
    const df_ledger *ledger = batch->ledger;
    *head = ledger->head;
    head->now_ms = ledger_now_ms(ledger);
    DF_TRY(add_entries(batch, head, err));
    add_head(batch, &ledger->head, head);
    return DF_OK;
}

df_code df_audit_add(df_ledger *ledger, df_audit_action action, df_str migration_id, df_str details,
                     df_error *err)
{
    ledger_batch batch = {.ledger = ledger, .unfenced = true};
    DF_TRY(ledger_need(ledger, err));
    df_code code = ledger_add_audit(&batch, action, migration_id, details, 0, err);
    return code == DF_OK ? ledger_run(&batch, "writing the audit log", err) : ledger_drop(&batch, code);
}

/* ---- reading ---- */

static df_str view(const df_value *value)
{
    return value->type == DF_TEXT || value->type == DF_BLOB ? value->s : DF_STR_NONE;
}

void ledger_entry_of(const df_row *row, df_audit_entry *out)
{
    const df_value *v = row->values;
    *out = (df_audit_entry){
        .id = ledger_int_of(&v[0], 0),
        .time_ms = ledger_int_of(&v[1], 0),
        .action = view(&v[2]),
        .migration_id = view(&v[3]),
        .actor = view(&v[4]),
        .address = view(&v[5]),
        .user_agent = view(&v[6]),
        .details = view(&v[7]),
        .previous = view(&v[8]),
        .hash = view(&v[9]),
        .database_user = view(&v[10]),
        .environment = view(&v[11]),
    };
}

typedef struct listing {
    df_audit_fn fn;
    void *context;
} listing;

static df_code list_entry(void *context, const df_row *row, df_error *err)
{
    listing *l = context;
    df_audit_entry entry;
    ledger_entry_of(row, &entry);
    return l->fn(l->context, &entry, err);
}

df_code df_audit_list(df_ledger *ledger, df_str migration_id, int64_t limit, df_audit_fn fn, void *context,
                      df_error *err)
{
    listing l = {fn, context};
    df_value values[] = {df_v_str(migration_id), df_v_int(limit > 0 ? limit : INT64_MAX)};
    if (!df_ledger_exists(ledger)) return DF_OK;
    bool one = migration_id.ptr != NULL;
    return ledger_query(ledger, one ? LEDGER_audit_newest_of : LEDGER_audit_newest, one ? values : values + 1,
                        one ? 2 : 1, list_entry, &l, err);
}
