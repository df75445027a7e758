/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking after a database: what is wrong with it, what would stand in a migration's way, why nothing moves, and
 * its backups. The questions differ from engine to engine (src/operate/<engine>.c, sql/<engine>/); the
 * answers have one form.
 */
#ifndef DF_OPERATE_OPERATE_H
#define DF_OPERATE_OPERATE_H

#include "ledger/ledger.h"

#include <dataflow/migrate.h>

/* ---- health ---- */

/* Nothing here is asked inside a transaction: an answer that is refused would end it. */

/* All checks, in a fixed order; each is there, "unknown" with the reason when it could not be asked. Strings from `arena`. */
DF_MUST_USE df_code df_health(df_conn *conn, df_ledger *ledger, const char *backup_folder, df_arena *arena,
                              df_migrate_health *out, df_error *err);

/* ---- preflight ---- */

/* What a run is about to do, for looking at what would block it. */
typedef struct df_preflight_target {
    df_str schema, table;
    bool exclusive; /* takes a lock that stops readers */
} df_preflight_target;
/*
 * Sessions that hold locks on the targets, long and idle transactions (which also hold back CONCURRENTLY), prepared
 * transactions, replication lag and slots, free disk against table sizes where it can be known, connections, read-only or
 * recovery mode. severity "error": it cannot work; "warning": it will wait or hurt.
 */
DF_MUST_USE df_code df_preflight(df_conn *conn, const df_preflight_target *targets, size_t count, df_arena *arena,
                                 df_migrate_finding **findings, size_t *n_findings, df_error *err);
/* Milliseconds that the furthest replica is behind; -1: there is none or it cannot be told. For throttling. */
DF_MUST_USE df_code df_replica_lag(df_conn *conn, int64_t *ms, df_error *err);
/* Who blocks session `id` now: "pid 4711 (app, idle in transaction for 12 min): UPDATE users …"; empty when nobody. */
DF_MUST_USE df_code df_blockers(df_conn *conn, int64_t session_id, df_arena *arena, df_str **out, size_t *count, df_error *err);

/* How far the statement is that session `id` runs, as the server tells: "building index 38 %", "at most 12 batches begun"; NULL: it does not. */
DF_MUST_USE df_code df_doing(df_conn *conn, int64_t session_id, df_arena *arena, const char **text, df_error *err);

/* ---- ending others ---- */

/*
 * Ends somebody's transaction ("neo4j-transaction-12") or session ("4711"), named as `why` names it, with the server's own
 * command, which *command is. DF_NOT_FOUND when it is not there (any more), DF_REFUSED for our own session, DF_UNSUPPORTED
 * where there is no server that could.
 */
DF_MUST_USE df_code df_end_session(df_conn *conn, const char *name, df_arena *arena, const char **command, df_error *err);

/* ---- why ---- */

/* `plan`: the files against the history (may be NULL). `not_adopted`: what another program left that was not taken over (NULL:
 * nothing). */
DF_MUST_USE df_code df_why(df_conn *conn, df_ledger *ledger, const df_plan *plan, const char *not_adopted, df_arena *arena,
                           df_migrate_why *out, df_error *err);

/* ---- leftovers of CREATE INDEX CONCURRENTLY, and of a population that failed ---- */

typedef struct df_invalid_index {
    df_str schema, name, table, definition; /* pg_get_indexdef; `name_ccnew` leftovers of REINDEX too */
    df_str drop;                            /* the statement that takes it away */
} df_invalid_index;
/* None on engines that cannot have them. */
DF_MUST_USE df_code df_invalid_indexes(df_conn *conn, df_arena *arena, df_invalid_index **out, size_t *count, df_error *err);

#endif
