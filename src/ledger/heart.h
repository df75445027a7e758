/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heartbeat: a thread with a connection of its own that renews a lease. It sleeps for a third of the
 * lease before it even connects, so that a short run pays for a thread that sleeps, and nothing else.
 */
#ifndef DF_LEDGER_HEART_H
#define DF_LEDGER_HEART_H

#include "ledger/ledger_int.h"

typedef struct ledger_heart ledger_heart;

typedef struct ledger_heart_options {
    const char *url;
    const char *beat, *session; /* statements; session NULL: none, for the connection that was made */
    const char *lock_id,
        *about; /* about: what the row's metadata says, members of a JSON object without the braces */
    int64_t fence, ttl_ms;
    bool hold_connection; /* keep it between two beats */
} ledger_heart_options;

/* NULL when the thread could not be made. Copies everything. */
ledger_heart *ledger_heart_start(const ledger_heart_options *options);
/* Ends it; soon, also when its server does not answer: then the thread frees what it has by itself, later. */
void ledger_heart_stop(ledger_heart *heart);
void ledger_heart_tell(ledger_heart *heart, const char *doing);
/* Whether it saw that the row is gone or another's. */
bool ledger_heart_lost(const ledger_heart *heart);
/* {about, "doing": …}, what the row's metadata says. */
void ledger_heart_metadata(const char *about, const char *doing, df_buf *out);

#endif
