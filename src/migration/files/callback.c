/* SPDX-License-Identifier: Apache-2.0 */
/* Callbacks of neo4j-migrations: files that are named for the point of time at which they run. */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

static const char *const phases[] = {"beforeFirstUse", "beforeMigrate", "afterMigrate",
                                     "beforeClean",    "afterClean",    "beforeValidate",
                                     "afterValidate",  "beforeInfo",    "afterInfo"};

bool mf_take_callback(mf_set *s, df_str stem, const char *path)
{
    if (s->set.dialect->family != DF_SQL_CYPHER) return false;
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        df_str phase = df_str_from(phases[i]), rest = df_str_skip(stem, phase.len);
        if (!df_str_starts(stem, phase)) continue;
        bool named = rest.len > 2 && df_str_starts(rest, DF_STR("__"));
        if (rest.len && !named) continue;
        DF_PUSH(s->set.callbacks, s->set.n_callbacks, s->callbacks_cap) =
            (df_callback){.phase = phases[i],
                          .path = df_str_from(path),
                          .name = named ? df_arena_str(&s->set.arena, df_str_skip(rest, 2)) : DF_STR_NONE};
        return true;
    }
    return false;
}

static int by_phase(const void *a, const void *b)
{
    const df_callback *x = a, *y = b;
    size_t i = 0, k = 0;
    while (phases[i] != x->phase) i++;
    while (phases[k] != y->phase) k++;
    if (i != k) return i < k ? -1 : 1;
    int order = df_str_cmp(x->name, y->name);
    return order ? order : df_str_cmp(x->path, y->path);
}

void mf_sort_callbacks(mf_set *s)
{
    if (s->set.n_callbacks) qsort(s->set.callbacks, s->set.n_callbacks, sizeof *s->set.callbacks, by_phase);
}
