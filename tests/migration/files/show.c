/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what a folder of migrations is read as, for tests that compare it with other tools:
 *     show [--dialect NAME] [--layout NAME] [--sql] FOLDER
 * One line a migration (tabs between: position, id, version, name, file, kind, statements up, statements
 * down, flags, checksum), one a finding, the layout first. --sql: the statements of all ways up, each behind
 * a line with its file and line.
 */
#include "migration/files/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {"versioned", "repeatable", "baseline"};

static int failed(const df_error *err)
{
    printf("error\t%s\t%s\t%lld\t%d\t%s\n", df_code_name(err->code), err->file, (long long)err->line,
           err->statement, err->message);
    return 1;
}

static void print_count(const df_migration_set *set, const df_section *section, df_arena *arena)
{
    df_steps steps;
    df_error err = {0};
    if (!section->present)
        printf("\t-");
    else if (df_section_steps(set, section, NULL, arena, &steps, &err) != DF_OK)
        printf("\t!%s", err.message);
    else
        printf("\t%zu", steps.count);
}

static void print_sql(const df_migration_set *set, const df_section *section, df_arena *arena)
{
    df_steps steps;
    if (df_section_steps(set, section, NULL, arena, &steps, NULL) != DF_OK) return;
    for (size_t i = 0; i < steps.count; i++)
        printf("%s %s:%d\n%.*s;\n", set->dialect->comment, steps.items[i].path, steps.items[i].statement.line,
               DF_FMT(steps.items[i].statement.text));
}

static int show(df_migration_set *set, bool sql)
{
    if (!sql) printf("layout\t%s\t%s\t%zu\n", df_layout_name(set->layout), set->folder, set->count);
    for (size_t i = 0; i < set->count; i++) {
        df_migration *m = &set->items[i];
        df_error err = {0};
        df_arena arena = {0};
        char checksum[65] = "";
        if (df_migration_load(set, m, &err) != DF_OK) return failed(&err);
        if (sql) {
            print_sql(set, &m->up, &arena);
        } else {
            printf("%zu\t%.*s\t%.*s\t%.*s\t%.*s\t%s", m->position, DF_FMT(m->id), DF_FMT(m->version),
                   DF_FMT(m->name), DF_FMT(m->file), kinds[m->kind]);
            print_count(set, &m->up, &arena);
            print_count(set, &m->down, &arena);
            if (df_migration_checksum(set, m, checksum, &err) != DF_OK) strcpy(checksum, "-");
            printf("\t%s%s\t%s\n", m->up.no_transaction ? "u" : "", m->down.no_transaction ? "d" : "",
                   checksum);
        }
        df_arena_release(&arena);
    }
    for (size_t i = 0; i < set->n_findings && !sql; i++) {
        const df_file_finding *f = &set->findings[i];
        printf("finding\t%s\t%s\t%s\t%lld\t%s\n", f->kind, f->blocks ? "blocks" : "", f->file ? f->file : "",
               (long long)f->line, f->what);
    }
    return 0;
}

int main(int argc, char **argv)
{
    df_files_options options = {.dialect = &df_sql_postgres};
    bool sql = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--dialect") == 0 && i + 1 < argc)
            options.dialect = df_sql_dialect_of(argv[++i]);
        else if (strcmp(argv[i], "--layout") == 0 && i + 1 < argc)
            df_layout_from_name(argv[++i], &options.layout);
        else if (strcmp(argv[i], "--sql") == 0)
            sql = true;
        else
            options.folder = argv[i];
    }
    df_migration_set *set;
    df_error err;
    if (!options.folder) return 2;
    if (df_migrations_open(&options, &set, &err) != DF_OK) return failed(&err);
    int status = show(set, sql);
    df_migrations_close(set);
    return status;
}
