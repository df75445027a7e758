/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written of a journalled run. Each write is a transaction, so what can wait a moment goes with the next one: the
 * start with the first intents, the end of a change of the schema with the intents behind it, or with the record of the
 * whole. Until then such a statement is in doubt, which the catalog settles; of anything else the end is written at once.
 */
#include "safety/execution/execution_int.h"

df_code record_intents(execution *e, size_t first, size_t count, df_error *err)
{
    df_ledger *ledger = e->x->ledger;
    if (!e->noted_start)
        DF_TRY(df_ledger_start(ledger, &e->run, &e->rows[first], count, err));
    else
        DF_TRY(df_ledger_intend(ledger, &e->run, &e->rows[e->ended], e->n_ended, &e->rows[first], count, err));
    e->noted_start = true;
    e->n_ended = 0;
    return DF_OK;
}

df_code record_ends(execution *e, size_t first, size_t count, df_error *err)
{
    for (size_t i = first; i < first + count; i++)
        if (e->steps.items[i].facts.cls != DF_SQL_DDL) return df_ledger_settle(e->x->ledger, &e->run, &e->rows[first], count, err);
    e->ended = first;
    e->n_ended = count;
    return DF_OK;
}

df_code record_now(execution *e, df_error *err)
{
    if (!e->noted_start) return record_intents(e, 0, 0, err);
    DF_TRY(df_ledger_settle(e->x->ledger, &e->run, &e->rows[e->ended], e->n_ended, err));
    e->ended += e->n_ended;
    e->n_ended = 0;
    return DF_OK;
}
