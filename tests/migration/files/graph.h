/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of Neo4j's migration files share. */
#ifndef DF_TEST_GRAPH_FILES_H
#define DF_TEST_GRAPH_FILES_H

#include "folder.h"
#include "migration/files/files_int.h"

static df_arena arena;

typedef const char *const files[];

static inline void put_all(const folder *f, const char *const *list)
{
    for (; list[0]; list += 2) folder_put(f, list[0], list[1]);
}

static inline df_migration_set *open_set(const folder *f, const char *environment)
{
    df_files_options options = {.folder = f->path, .dialect = &df_sql_cypher, .environment = environment};
    df_migration_set *set = NULL;
    df_error err = {0};
    if (df_migrations_open(&options, &set, &err) == DF_OK) return set;
    note("%s", err.message);
    return NULL;
}

/* Layout, order and findings of a folder, all of which can be read. */
static inline void expect(const char *what, const char *const *list, df_layout layout, const char *ids,
                          const char *findings)
{
    folder f;
    folder_init(&f);
    put_all(&f, list);
    df_migration_set *set = open_set(&f, NULL);
    check(set && same_text(df_layout_name(set->layout), df_layout_name(layout)), "%s: layout %s", what,
          df_layout_name(layout));
    if (set) {
        size_t loaded = 0;
        check(same_text(ids_of(set, &arena), ids), "%s: order", what);
        check(same_text(findings_of(set, &arena), findings), "%s: findings", what);
        for (size_t i = 0; i < set->count; i++) {
            df_error err = {0};
            bool fine = df_migration_load(set, &set->items[i], &err) == DF_OK && set->items[i].up.present;
            if (!fine) note("%s", err.message);
            loaded += fine;
        }
        check(loaded == set->count, "%s: all %zu can be read", what, set->count);
    }
    df_migrations_close(set);
    folder_release(&f);
}

/* One migration, loaded; NULL after a failure, which is in `err`. */
static inline df_migration *load(const folder *f, df_migration_set **set, df_error *err)
{
    *set = open_set(f, NULL);
    if (!*set || (*set)->count < 1) return NULL;
    df_migration *m = &(*set)->items[0];
    return df_migration_load(*set, m, err) == DF_OK ? m : NULL;
}

static inline const char *steps_of(const df_migration_set *set, const df_section *section,
                                   const df_placeholders *values)
{
    df_steps steps;
    df_error err = {0};
    df_buf out = {0};
    if (df_section_steps(set, section, values, &arena, &steps, &err) != DF_OK)
        df_buf_printf(&out, "%lld: %s", (long long)err.line, err.message);
    for (size_t i = 0; i < steps.count && !err.code; i++)
        df_buf_printf(&out, "%s%d:%.*s", i ? "|" : "", steps.items[i].statement.line,
                      DF_FMT(steps.items[i].statement.text));
    const char *text = df_arena_cstr(&arena, df_buf_str(&out));
    df_buf_release(&out);
    return text;
}

#endif
