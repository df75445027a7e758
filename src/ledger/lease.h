/* SPDX-License-Identifier: Apache-2.0 */
/* The migration lock's own declarations: lease.c takes it, holder.c judges whoever has it. */
#ifndef DF_LEDGER_LEASE_H
#define DF_LEDGER_LEASE_H

#include "ledger/heart.h"

struct ledger_lease {
    char lock_id[37];
    int64_t fence, ttl_ms;
    bool named; /* the engine's named lock is ours, too; not when a frozen holder on SQLite still has it */
    bool lost;
    char ended[37]; /* lock_id of the frozen holder whose session we ended while taking */
    char *about;    /* members of the row's metadata */
    ledger_heart *heart;
};

/* The row, judged. */
typedef struct lock_row {
    df_arena arena;
    bool present;
    int64_t counter; /* the highest fence that was ever given */
    df_lock_status status;
} lock_row;

/* Reads and judges; `named_held`: somebody (not this session) has the named lock. */
DF_MUST_USE df_code ledger_lock_row(df_ledger *ledger, lock_row *row, bool named_held, df_error *err);
/* "held by ops@host pid 4711 for 3 min (up), lease until …" */
void ledger_describe_holder(const df_lock_status *status, df_buf *out);

/* Who we are, beyond the database session. */
typedef struct holder_self {
    char host[256];
    int64_t pid;
    char started[40]; /* of the session, or (where the engine has none) of the process */
} holder_self;
void ledger_self(const df_ledger *ledger, holder_self *out);

/* Locks the counter and the row, without waiting, and takes the row away; DF_RETRY when the counter has
 * moved. */
void ledger_lock_guard(ledger_batch *batch, int64_t counter);
df_str ledger_lock_details(const lock_row *row, const char *purpose, int64_t fence, df_arena *arena);
/* Gives the named lock back. */
df_code ledger_unname(df_ledger *ledger, ledger_lease *lease, df_error *err);

#endif
