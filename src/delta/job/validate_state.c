/* SPDX-License-Identifier: Apache-2.0 */
/* Protocol, metadata, transactions and domains of the newest state. */
#include "base/error.h"
#include "delta/job/validate_int.h"

#include <stdio.h>
#include <stdlib.h>

/* The log's side, gathered by the backward replay. */
typedef struct log_state {
    df_arena arena;
    delta_metadata metadata;
    delta_protocol protocol;
    delta_txn *txns;
    size_t n_txns, txns_cap;
    delta_domain *domains;
    size_t n_domains, domains_cap;
} log_state;

static df_code take(void *context, const delta_action *action, df_error *err)
{
    log_state *s = context;
    df_arena *a = &s->arena;
    switch (action->kind) {
    case DELTA_METADATA: {
        const delta_metadata *m = &action->metadata;
        s->metadata = (delta_metadata){
            .id = df_arena_str(a, m->id),
            .name = df_arena_str(a, m->name),
            .description = df_arena_str(a, m->description),
            .format = df_arena_str(a, m->format),
            .schema = df_arena_str(a, m->schema),
            .partition_columns = df_arena_str(a, m->partition_columns),
            .configuration = df_arena_str(a, m->configuration),
            .created_time = m->created_time,
        };
        break;
    }
    case DELTA_PROTOCOL:
        s->protocol = action->protocol;
        s->protocol.reader_features = df_arena_str(a, action->protocol.reader_features);
        s->protocol.writer_features = df_arena_str(a, action->protocol.writer_features);
        break;
    case DELTA_TXN:
        DF_PUSH(s->txns, s->n_txns, s->txns_cap) =
            (delta_txn){df_arena_str(a, action->txn.app_id), action->txn.version, action->txn.last_updated};
        break;
    case DELTA_DOMAIN:
        if (action->domain.removed) break;
        DF_PUSH(s->domains, s->n_domains, s->domains_cap) = (delta_domain){
            df_arena_str(a, action->domain.domain), df_arena_str(a, action->domain.configuration), false};
        break;
    default: break;
    }
    return DF_OK;
}

/* Absent and empty JSON containers are one: a checkpoint cannot tell them apart. */
static df_str normal(df_str s)
{
    if (df_str_is(s, "{}") || df_str_is(s, "[]") || df_str_is(s, "")) return DF_STR_NONE;
    return s;
}

static int64_t compare_text(validation *v, const char *what, df_str in_log, df_str in_sql)
{
    in_log = normal(in_log);
    in_sql = normal(in_sql);
    if (df_str_eq(in_log, in_sql)) return 0;
    char kind[64];
    snprintf(kind, sizeof kind, "differs in %s", what);
    delta_difference(v, kind, DF_STR("table"), DF_STR(""), in_log, in_sql, false);
    return 1;
}

static int64_t compare_number(validation *v, const char *what, int64_t in_log, int64_t in_sql)
{
    df_buf a = {0}, b = {0};
    df_buf_int(&a, in_log);
    df_buf_int(&b, in_sql);
    int64_t wrong = compare_text(v, what, df_buf_str(&a), df_buf_str(&b));
    df_buf_release(&a);
    df_buf_release(&b);
    return wrong;
}

static int64_t compare_metadata(validation *v, const log_state *log, const delta_state *sql)
{
    const delta_metadata *a = &log->metadata, *b = &sql->metadata;
    int64_t wrong = compare_text(v, "metadata id", a->id, b->id);
    wrong += compare_text(v, "name", a->name, b->name);
    wrong += compare_text(v, "description", a->description, b->description);
    wrong += compare_text(v, "schema", a->schema, b->schema);
    wrong += compare_text(v, "partition_columns", a->partition_columns, b->partition_columns);
    wrong += compare_text(v, "configuration", a->configuration, b->configuration);
    const delta_protocol *p = &log->protocol, *q = &sql->protocol;
    wrong += compare_number(v, "min_reader_version", p->min_reader_version, q->min_reader_version);
    wrong += compare_number(v, "min_writer_version", p->min_writer_version, q->min_writer_version);
    wrong += compare_text(v, "reader_features", p->reader_features, q->reader_features);
    return wrong + compare_text(v, "writer_features", p->writer_features, q->writer_features);
}

static const delta_txn *find_txn(const delta_txn *txns, size_t count, df_str app_id)
{
    for (size_t i = 0; i < count; i++)
        if (df_str_eq(txns[i].app_id, app_id)) return &txns[i];
    return NULL;
}

static int64_t compare_txns(validation *v, const log_state *log, const delta_state *sql)
{
    int64_t wrong = 0;
    for (size_t i = 0; i < log->n_txns; i++) {
        const delta_txn *t = find_txn(sql->txns, sql->n_txns, log->txns[i].app_id);
        if (t && t->version == log->txns[i].version) continue;
        delta_difference(v, t ? "differs in transaction version" : "missing in SQL", log->txns[i].app_id,
                         DF_STR(""), DF_STR("transaction"), t ? DF_STR("transaction") : DF_STR_NONE, false);
        wrong++;
    }
    for (size_t i = 0; i < sql->n_txns; i++) {
        if (find_txn(log->txns, log->n_txns, sql->txns[i].app_id)) continue;
        /* A checkpoint may drop transactions that have expired. */
        delta_difference(v, "not in the log", sql->txns[i].app_id, DF_STR(""), DF_STR_NONE,
                         DF_STR("transaction"), !v->same_base);
        wrong += v->same_base;
    }
    return wrong;
}

static const delta_domain *find_domain(const delta_domain *domains, size_t count, df_str name)
{
    for (size_t i = 0; i < count; i++)
        if (df_str_eq(domains[i].domain, name)) return &domains[i];
    return NULL;
}

static int64_t compare_domains(validation *v, const log_state *log, const delta_state *sql)
{
    int64_t wrong = 0;
    for (size_t i = 0; i < log->n_domains; i++) {
        const delta_domain *d = find_domain(sql->domains, sql->n_domains, log->domains[i].domain);
        if (d && df_str_eq(d->configuration, log->domains[i].configuration)) continue;
        delta_difference(v, d ? "differs in domain configuration" : "missing in SQL", log->domains[i].domain,
                         DF_STR(""), log->domains[i].configuration, d ? d->configuration : DF_STR_NONE,
                         false);
        wrong++;
    }
    for (size_t i = 0; i < sql->n_domains; i++) {
        if (find_domain(log->domains, log->n_domains, sql->domains[i].domain)) continue;
        delta_difference(v, "not in the log", sql->domains[i].domain, DF_STR(""), DF_STR_NONE,
                         sql->domains[i].configuration, false);
        wrong++;
    }
    return wrong;
}

df_code delta_check_state(validation *v, df_error *err)
{
    log_state log = {0};
    delta_state sql = {0};
    const delta_segment *s = &v->segments[v->n_segments - 1].segment;
    delta_snapshot_summary summary;
    df_code code = delta_snapshot(v->reader, v->log, s->checkpoint, s->last, DELTA_WANT_REST,
                                  (delta_sink){&log, take}, &summary, err);
    if (code == DF_OK)
        code = delta_state_at(v->catalog, &v->table, (delta_as_of){v->table.version, DELTA_ABSENT}, v->arena,
                              &sql, err);
    if (code == DF_OK) {
        int64_t wrong =
            compare_metadata(v, &log, &sql) + compare_txns(v, &log, &sql) + compare_domains(v, &log, &sql);
        delta_verdict(v, "table-state", "Protocol, metadata, transactions", wrong ? "mismatch" : "match",
                      "backward replay of the log",
                      wrong ? "%lld differ" : "schema, features, %lld transactions and domains",
                      (long long)(wrong ? wrong : (int64_t)(log.n_txns + log.n_domains)));
    }
    df_arena_release(&log.arena);
    free(log.txns);
    free(log.domains);
    return code;
}
