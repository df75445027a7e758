/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders that part migrations by environments: what lies in common runs everywhere, what lies in dev or prod
 * only there. All that run are one history, in the order of their versions; what lies in the folder of
 * another environment is neither pending nor missing.
 */
#include "migration/files/files_int.h"

#include <string.h>

/* Two names of one environment stand in one row. `begins`: the folder alone tells what the others are. */
static const struct {
    const char *names[2];
    bool begins;
} known[] = {
    {{"common", NULL}, true},   {{"dev", "development"}, true}, {{"prod", "production"}, true},
    {{"staging", NULL}, false}, {{"test", NULL}, false},
};
enum { COMMON, DEVELOPMENT, PRODUCTION, KNOWN = sizeof known / sizeof *known };

static int row_of(df_str name)
{
    for (int i = 0; i < KNOWN; i++)
        for (int k = 0; k < 2; k++)
            if (known[i].names[k] && mf_same(name, known[i].names[k])) return i;
    return -1;
}

bool mf_is_environment(const mf_set *s, df_str word)
{
    df_str own = s->environment && s->environment[0] ? df_str_from(s->environment) : DF_STR("development");
    return mf_same(word, own.ptr) || (row_of(word) >= 0 && row_of(word) == row_of(own));
}

bool mf_is_scope(df_str folder)
{
    int row = row_of(folder);
    return row >= 0 && known[row].begins;
}

static bool is_file_layout(df_layout layout)
{
    switch (layout) {
    case DF_LAYOUT_AUTO:
    case DF_LAYOUT_DIESEL:
    case DF_LAYOUT_PRISMA:
    case DF_LAYOUT_TEMPORAL:
    case DF_LAYOUT_SQITCH:
    case DF_LAYOUT_LIQUIBASE: return false;
    default: return true;
    }
}

/* The folder is named for the environment; else, unless it is production's, development's stands in. */
static bool is_meant(df_str folder, df_str environment, bool own)
{
    int folder_row = row_of(folder), row = row_of(environment);
    if (folder_row == COMMON) return true;
    if (own) return folder_row >= 0 ? folder_row == row : df_str_eq(folder, environment);
    return row != PRODUCTION && folder_row == DEVELOPMENT;
}

static bool is_environment(const mf_candidate *folder, df_str environment)
{
    df_str name = df_str_from(folder->name);
    return row_of(name) >= 0 || df_str_eq(name, environment);
}

bool mf_part(mf_set *s, const mf_candidate *folders, size_t count, const char *environment, df_layout *layout)
{
    df_str wanted = environment && environment[0] ? df_str_from(environment) : DF_STR("development");
    bool begins = false, own = false;
    for (size_t i = 0; i < count; i++) {
        df_str name = df_str_from(folders[i].name);
        if (!is_environment(&folders[i], wanted) || folders[i].named_so) {
            if (folders[i].layout == DF_LAYOUT_AUTO) continue;
            return false; /* which of the folders is meant cannot be told */
        }
        if (folders[i].layout != DF_LAYOUT_AUTO && !is_file_layout(folders[i].layout)) return false;
        begins |= mf_is_scope(name) && folders[i].layout != DF_LAYOUT_AUTO;
        own |= row_of(name) != COMMON && is_meant(name, wanted, true);
    }
    if (!begins) return false;
    s->scopes = df_arena_alloc(&s->set.arena, count * sizeof *s->scopes);
    s->other_scopes = df_arena_alloc(&s->set.arena, count * sizeof *s->other_scopes);
    *layout = DF_LAYOUT_AUTO;
    for (size_t i = 0; i < count; i++) {
        df_str name = df_str_from(folders[i].name);
        if (!is_environment(&folders[i], wanted)) continue;
        if (!is_meant(name, wanted, own)) {
            s->other_scopes[s->n_other_scopes++] = folders[i].name;
            continue;
        }
        s->scopes[s->n_scopes++] = folders[i].name;
        if (*layout == DF_LAYOUT_AUTO) *layout = folders[i].layout;
    }
    for (size_t i = 0; i < count && *layout == DF_LAYOUT_AUTO; i++) *layout = folders[i].layout;
    return true;
}

bool mf_is_elsewhere(const mf_set *s, df_str id)
{
    for (size_t i = 0; i < s->n_other_scopes; i++) {
        df_str scope = df_str_from(s->other_scopes[i]);
        if (df_str_starts(id, scope) && id.len > scope.len && id.ptr[scope.len] == '/') return true;
    }
    return false;
}
