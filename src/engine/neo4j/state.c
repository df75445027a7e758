/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a constraint or index, for asking later whether a statement took effect; and waiting for
 * indexes, which the server builds after the statement has ended. How far an index is belongs not to its
 * state: that changes by itself.
 */
#include "engine/neo4j/private.h"

#include <stdio.h>
#include <time.h>

typedef struct search {
    const char *kind; /* "index", "constraint", "label", "relationship type" */
    df_str name;
    df_buf *out;
} search;

static bool has_label(const neo_rule *rule, df_str label)
{
    for (size_t i = 0; i < rule->n_labels; i++) {
        if (df_str_eq(rule->labels[i], label)) return true;
    }
    return false;
}

static bool is_meant(const search *s, const neo_rule *rule)
{
    if (strcmp(s->kind, "index") == 0)
        return !rule->constraint && !rule->owned && df_str_eq(rule->name, s->name);
    if (strcmp(s->kind, "constraint") == 0) return rule->constraint && df_str_eq(rule->name, s->name);
    bool relationship = strcmp(s->kind, "relationship type") == 0;
    return !rule->owned && rule->relationship == relationship && has_label(rule, s->name);
}

static df_code take_state(void *context, const neo_rule *rule, df_error *err)
{
    search *s = context;
    if (!is_meant(s, rule)) return DF_OK;
    if (s->out->len) df_buf_char(s->out, '\n');
    df_buf_printf(s->out, "%s ", rule->constraint ? "constraint" : "index");
    df_sql_put_name(&df_sql_cypher, s->out, rule->name);
    df_buf_char(s->out, ' ');
    return neo_put_definition(rule, s->out, err);
}

/* "label" and "relationship type": all rules on it, for statements that name none. */
df_code neo_object_state(df_conn *conn, const char *kind, df_str schema, df_str name, df_str table,
                         df_buf *out, df_error *err)
{
    (void)schema, (void)table;
    neo_conn *c = neo_of(conn);
    search s = {.kind = kind, .name = name, .out = out};
    if (strcmp(kind, "constraint") == 0) return neo_rules_of(c, true, take_state, &s, err);
    if (strcmp(kind, "index") == 0) return neo_rules_of(c, false, take_state, &s, err);
    if (strcmp(kind, "label") == 0 || strcmp(kind, "relationship type") == 0)
        return neo_rules(c, take_state, &s, err);
    return df_fail(err, DF_UNSUPPORTED, "Neo4j objects of the kind \"%s\" have no state to look up", kind);
}

/* ---- waiting for indexes ---- */

typedef struct settling {
    size_t populating;
    char name[128], failed[128], reason[512];
} settling;

static df_code take_progress(void *context, const neo_rule *rule, df_error *err)
{
    (void)err;
    settling *s = context;
    if (rule->constraint) return DF_OK;
    if (df_str_is(rule->state, "FAILED") && !s->failed[0]) {
        snprintf(s->failed, sizeof s->failed, "%.*s", DF_FMT(rule->name));
        snprintf(s->reason, sizeof s->reason, "%.*s", DF_FMT(rule->failure));
    } else if (!df_str_is(rule->state, "ONLINE") && !df_str_is(rule->state, "FAILED")) {
        s->populating++;
        snprintf(s->name, sizeof s->name, "%.*s", DF_FMT(rule->name));
    }
    return DF_OK;
}

static df_code pause_ms(neo_conn *c, int64_t ms, df_error *err)
{
    if (atomic_load(&c->base.cancelled))
        return df_fail(err, DF_CANCELLED, "interrupted while waiting for indexes");
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
    return DF_OK;
}

/* Asked again and again rather than by db.awaitIndexes: that holds a transaction, and says less. */
df_code neo_settle_schema(df_conn *conn, int64_t timeout_ms, df_error *err)
{
    enum { FIRST_PAUSE_MS = 2, LONGEST_PAUSE_MS = 500 };
    neo_conn *c = neo_of(conn);
    int64_t end = neo_now_ms() + timeout_ms;
    for (int64_t pause = FIRST_PAUSE_MS;; pause = pause < LONGEST_PAUSE_MS ? pause * 2 : pause) {
        settling s = {.populating = 0};
        DF_TRY(neo_rules_of(c, false, take_progress, &s, err));
        if (s.failed[0]) {
            df_fail(err, DF_FAILED, "the index \"%s\" could not be built: %s", s.failed, s.reason);
            df_error_hint(err, "DROP INDEX it, repair the data, and create it again");
            return DF_FAILED;
        }
        if (!s.populating) return DF_OK;
        if (timeout_ms > 0 && neo_now_ms() >= end) {
            df_fail(err, DF_RETRY, "the index \"%s\" was still being built after %lld ms", s.name,
                    (long long)timeout_ms);
            df_error_hint(err,
                          "it is built on by itself: look at SHOW INDEXES, then run the same command again");
            return DF_RETRY;
        }
        DF_TRY(pause_ms(c, pause, err));
    }
}
