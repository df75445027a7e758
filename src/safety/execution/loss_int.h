/* SPDX-License-Identifier: Apache-2.0 */
/* Counting what would be lost: of tables in loss.c, of a graph in loss_graph.c. */
#ifndef DF_SAFETY_LOSS_INT_H
#define DF_SAFETY_LOSS_INT_H

#include "safety/execution/execution_int.h"

enum { LOSS_COUNT_AT_MOST = 1000000 };

typedef struct loss_finder {
    df_executor *x;
    const df_migration *migration;
    df_arena arena;
    df_loss *items;
    size_t count, cap;
} loss_finder;

/* `what` lives in the executor's arena. */
void loss_add(loss_finder *f, int64_t rows, const char *what);
/* "users: 1,204 rows, of which some are deleted"; nothing for none. `unit` in the plural, its s first to go. */
void loss_add_counted(loss_finder *f, int64_t rows, df_str name, const char *unit, const char *behind);
/* What a statement of a graph would take now, loss by loss; not `known` when it cannot be counted by its own clauses. */
enum { LOSS_MOST_EXACT = 16 };
typedef struct loss_exact {
    const df_sql_loss *losses; /* in the arena */
    int64_t rows[LOSS_MOST_EXACT];
    size_t count;
    bool known;
} loss_exact;
DF_MUST_USE df_code loss_exactly(df_executor *x, const df_step *step, df_arena *arena, loss_exact *out, df_error *err);
DF_MUST_USE df_code loss_of_graph(loss_finder *f, const df_step *step, df_error *err);

#endif
