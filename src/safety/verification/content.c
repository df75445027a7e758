/* SPDX-License-Identifier: Apache-2.0 */
/* What is stored, by its digest, where the engine has one: a way back that leaves or loses data is none. */
#include "safety/verification/verification.h"

void df_content_snapshot_release(df_content_snapshot *snapshot)
{
    df_arena_release(&snapshot->arena);
    *snapshot = (df_content_snapshot){0};
}

df_code df_content_snapshot_take(df_conn *conn, df_content_snapshot *out, df_error *err)
{
    df_error mine = {0};
    df_content_snapshot_release(out);
    df_content_options options = {.exclude = df_ledger_names(conn), .arena = &out->arena};
    df_code code = df_content_digest(conn, &options, &out->content, &mine);
    out->known = code == DF_OK;
    if (code == DF_OK || code == DF_UNSUPPORTED) return DF_OK;
    if (err) *err = mine;
    return df_error_prefix(err, "reading what is stored");
}

bool df_content_same(const df_content_snapshot *a, const df_content_snapshot *b)
{
    return !a->known || !b->known || strcmp(a->content.digest, b->content.digest) == 0;
}

static void put(df_buf *out, const char *name, int64_t expected, int64_t found)
{
    if (out->len) df_buf_text(out, "; ");
    if (expected == found)
        df_buf_printf(out, "%s: %lld, with other properties", name, (long long)found);
    else
        df_buf_printf(out, "%s: %lld instead of %lld", name, (long long)found, (long long)expected);
}

/* Schema objects are compared one by one elsewhere. */
static bool is_schema(const df_content_group *group)
{
    return strcmp(group->name, "(schema)") == 0;
}

int df_content_differences(const df_content_snapshot *expected, const df_content_snapshot *found, df_buf *out)
{
    const df_content *a = &expected->content, *b = &found->content;
    int direction = 0;
    for (size_t i = 0, k = 0; i < a->n_groups || k < b->n_groups;) {
        int order = i == a->n_groups ? 1 : k == b->n_groups ? -1 : strcmp(a->groups[i].name, b->groups[k].name);
        const df_content_group *e = order <= 0 ? &a->groups[i++] : NULL, *f = order >= 0 ? &b->groups[k++] : NULL;
        if (is_schema(e ? e : f) || (e && f && e->count == f->count && strcmp(e->digest, f->digest) == 0)) continue;
        int64_t was = e ? e->count : 0, is = f ? f->count : 0;
        put(out, e ? e->name : f->name, was, is);
        direction |= is > was ? 1 : is < was ? 2 : 3;
    }
    if (direction) return direction == 1 ? 1 : direction == 2 ? -1 : 0;
    if (!out->len) df_buf_text(out, "what hangs on what is another");
    return 0;
}
