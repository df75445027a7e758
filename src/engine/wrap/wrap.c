/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/wrap/private.h"

#include <stdlib.h>

static void end(df_observer_state *state)
{
    df_observe_end(df_inner_observer(state));
    free(state);
}

df_code df_wrap_observer(df_conn *inner,
                         df_code (*observe)(df_conn *conn, df_observer_state *state, df_arena *arena,
                                            df_observation *out, df_error *err),
                         df_observer_state **out, df_error *err)
{
    df_observer_state *state;
    DF_TRY(df_observe_begin(inner, &state, err));
    df_wrapped_observer *wrapped = df_zalloc(sizeof *wrapped);
    wrapped->base = (df_observer_state){.observe = observe, .end = end};
    wrapped->inner = state;
    *out = &wrapped->base;
    return DF_OK;
}
