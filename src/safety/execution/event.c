/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "safety/execution/execution_int.h"

bool event_begin(const df_executor *x, df_json_writer *w, df_buf *out, const char *name)
{
    if (!x->event) return false;
    char now[40];
    df_time_format(df_now_ms(), now);
    *w = (df_json_writer){.out = out};
    df_json_begin(w, NULL, '{');
    df_json_add_text(w, "event", name);
    df_json_add_text(w, "time", now);
    df_json_add_text(w, "run_id", x->run_id);
    return true;
}

void event_end(const df_executor *x, df_json_writer *w, df_buf *out)
{
    df_json_end(w, '}');
    x->event(x->event_context, df_buf_cstr(out));
    df_buf_release(out);
}
