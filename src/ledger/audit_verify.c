/* SPDX-License-Identifier: Apache-2.0 */
/* Proving the audit log: every hash made again, in the order of the entries. */
#include "ledger/ledger_int.h"

#include <stdarg.h>
#include <stdio.h>

static const char genesis[] = "0000000000000000000000000000000000000000000000000000000000000000";

typedef struct chain {
    df_audit_proof *proof;
    df_json_parser *parser;
    const char *expected; /* a head that must occur; NULL: none was given */
    bool expected_found, head_found;
    ledger_head head; /* as it was before the first entry was read */
    char last[65];    /* hash of the entry before */
    int64_t last_id;
    int64_t beyond_id; /* the first entry that the head does not count; 0 */
    char wanted[65];   /* the predecessor that the first misfit names; empty: no such misfit */
} chain;

static df_code broken(chain *c, int64_t id, const char *fmt, ...) DF_PRINTF(3, 4);
static df_code broken(chain *c, int64_t id, const char *fmt, ...)
{
    va_list args;
    c->proof->intact = false;
    c->proof->broken_at = id;
    va_start(args, fmt);
    vsnprintf(c->proof->what, sizeof c->proof->what, fmt, args);
    va_end(args);
    return DF_MISMATCH;
}

/* DF_MISMATCH ends the reading; the proof says why. */
static df_code check_entry(void *context, const df_row *row, df_error *err)
{
    chain *c = context;
    df_audit_entry entry;
    df_arena arena = {0};
    char hash[65];
    ledger_entry_of(row, &entry);
    if (!df_str_is(entry.previous, c->last)) {
        df_str wanted = ledger_cut(entry.previous, sizeof c->wanted - 1);
        memcpy(c->wanted, wanted.ptr ? wanted.ptr : "", wanted.len);
        return broken(c, entry.id, "entry %lld does not follow from the one before it", (long long)entry.id);
    }
    df_code code = DF_OK;
    if (entry.details.ptr) {
        code = ledger_canonical(c->parser, entry.details, &arena, &entry.details, err);
        if (code != DF_OK && code != DF_NO_MEMORY)
            code = broken(c, entry.id, "entry %lld was changed", (long long)entry.id);
    }
    if (code == DF_OK) code = ledger_entry_hash(&entry, entry.previous, hash, err);
    df_arena_release(&arena);
    if (code != DF_OK) return code;
    if (!df_str_is(entry.hash, hash))
        return broken(c, entry.id, "entry %lld was changed", (long long)entry.id);

    memcpy(c->last, hash, sizeof hash);
    c->last_id = entry.id;
    c->proof->entries++;
    if (c->expected && strcmp(c->expected, hash) == 0) c->expected_found = true;
    if (c->proof->entries == c->head.entries) c->head_found = strcmp(c->head.hash, hash) == 0;
    if (c->proof->entries == c->head.entries + 1) c->beyond_id = entry.id;
    return DF_OK;
}

/* The first misfit names a predecessor: where that one is tells what was done. */
static df_code explain_misfit(df_ledger *ledger, chain *c, df_error *err)
{
    int64_t at, misfit = c->proof->broken_at, between = misfit - c->last_id - 1;
    df_value hash = df_v_text(c->wanted);
    if (c->head_found && c->proof->entries == c->head.entries)
        return broken(c, misfit, "entry %lld was inserted at the end", (long long)misfit);
    DF_TRY(ledger_ask(ledger, LEDGER_audit_find, &hash, 1, 0, &at, err));
    if (at >= misfit)
        return broken(c, misfit, "entry %lld is out of order: it belongs behind entry %lld",
                      (long long)misfit, (long long)at);
    if (at > 0 || strcmp(c->wanted, genesis) == 0) {
        df_value after = df_v_int(at);
        DF_TRY(ledger_ask(ledger, LEDGER_audit_next, &after, 1, misfit, &at, err));
        return broken(c, at, "entry %lld was inserted, or is out of order", (long long)at);
    }
    if (between == 1) return broken(c, misfit, "entry %lld is missing", (long long)misfit - 1);
    if (between > 1 || !c->last_id)
        return broken(c, misfit, "entries are missing between %lld and %lld", (long long)c->last_id,
                      (long long)misfit);
    return broken(c, c->last_id, "entry %lld was changed, and its hash with it", (long long)c->last_id);
}

/* The entries fit together; do they agree with what is written elsewhere? */
static df_code check_end(df_ledger *ledger, chain *c, df_error *err)
{
    ledger_head now;
    df_audit_proof *proof = c->proof;
    long long missing = (long long)(c->head.entries - proof->entries);
    if (missing > 0)
        return broken(c, c->last_id, "the end was cut off: %lld %s missing", missing,
                      missing == 1 ? "entry is" : "entries are");
    if (c->head.entries && !c->head_found)
        return broken(c, c->last_id, "the log was rewritten: its head is not the one that was recorded");
    DF_TRY(ledger_read_head(ledger, LEDGER_audit_head_read, &now, err));
    if (c->beyond_id && now.entries == c->head.entries)
        return broken(c, c->beyond_id, "entry %lld was inserted at the end", (long long)c->beyond_id);
    if (c->expected && !c->expected_found)
        return broken(c, c->last_id, "the log was rewritten: the expected head does not occur in it");
    return DF_OK;
}

df_code df_audit_verify(df_ledger *ledger, const char *expected_head, df_audit_proof *out, df_error *err)
{
    df_error problem;
    chain c = {.proof = out, .expected = expected_head};
    c.expected_found = expected_head && strcmp(expected_head, genesis) == 0;
    *out = (df_audit_proof){.intact = true};
    DF_TRY(ledger_need(ledger, err));
    memcpy(c.last, genesis, sizeof c.last);
    c.parser = df_json_parser_open();
    df_code code = ledger_read_head(ledger, LEDGER_audit_head_read, &c.head, &problem);
    if (code == DF_CORRUPT) code = broken(&c, 0, "%s", problem.message);
    if (code == DF_OK) code = ledger_query(ledger, LEDGER_audit_all, NULL, 0, check_entry, &c, &problem);
    if (code == DF_MISMATCH && *c.wanted) code = explain_misfit(ledger, &c, &problem);
    if (code == DF_OK) code = check_end(ledger, &c, &problem);
    df_json_parser_close(c.parser);
    memcpy(out->head, c.last, sizeof out->head);
    if (code == DF_OK || (code == DF_MISMATCH && !out->intact)) return DF_OK;
    if (err) *err = problem;
    return df_error_prefix(err, "verifying the audit log");
}
