/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nine real histories: listed, read and split. What is expected stands in their INDEX.md, which was written
 * from runs with other tools and servers. The folder is the only argument.
 */
#include "folder.h"

#include <dirent.h>

static const char *root;
static df_arena arena;

/* One folder of a history for one dialect. */
typedef struct history {
    const char *path, *engine;
    df_layout layout;
    size_t count, repeatable;        /* migrations */
    int downs;                       /* with a way down that is not empty; -1: not known */
    const char *first, *last, *then; /* `then` is followed by `next` */
    const char *next;
} history;

static const history histories[] = {
    {"ory-kratos/persistence/sql/migrations/sql", "postgres", DF_LAYOUT_KRATOS, 346, 0, 236,
     "20150100000001000000_networks", NULL, NULL, NULL},
    {"ory-kratos/persistence/sql/migrations/sql", "sqlite", DF_LAYOUT_KRATOS, 694, 0, 496,
     "20150100000001000000_networks", NULL, NULL, NULL},
    {"ory-kratos/persistence/sql/migrations/sql", "mariadb", DF_LAYOUT_KRATOS, 352, 0, -1,
     "20150100000001000000_networks", NULL, NULL, NULL},
    {"taproot-assets/tapdb/sqlc/migrations", "sqlite", DF_LAYOUT_PAIRS, 60, 0, -1, "000001_macaroons",
     "000060_asset_transfers_superseded", "000009_", "000010_"},
    {"authelia/internal/storage/migrations/postgres", "postgres", DF_LAYOUT_AUTHELIA, 26, 0, 21,
     "V0001.Initial_Schema", "V0026.StorageAADRowScoped", "V0009", "V0010"},
    {"authelia/internal/storage/migrations/sqlite", "sqlite", DF_LAYOUT_AUTHELIA, 26, 0, -1,
     "V0001.Initial_Schema", "V0026.StorageAADRowScoped", "V0009", "V0010"},
    {"authelia/internal/storage/migrations/mysql", "mariadb", DF_LAYOUT_AUTHELIA, 26, 0, -1,
     "V0001.Initial_Schema", "V0026.StorageAADRowScoped", "V0009", "V0010"},
    {"authelia/internal/storage/migrations", "sqlite", DF_LAYOUT_AUTHELIA, 26, 0, -1, "V0001.Initial_Schema",
     "V0026.StorageAADRowScoped", "V0009", "V0010"},
    {"crates.io/migrations", "postgres", DF_LAYOUT_DIESEL, 285, 0, 280, "00000000000000_diesel_initial_setup",
     "2026-07-30-140000-0000_add_users_username_index", "20170820180453", "2017-08-31-230457"},
    {"marquez/api/src/main/resources/marquez/db/migration", "postgres", DF_LAYOUT_FLYWAY, 84, 3, 0,
     "V1__initial_schema", "R__Runs_view", "V9__", "V10__"},
    {"kestra/jdbc-postgres/src/main/resources/migrations/postgres", "postgres", DF_LAYOUT_FLYWAY, 26, 0, 0,
     "V1_1__initial", NULL, "V1_2__", "V1_3__"},
    {"kestra/jdbc-mysql/src/main/resources/migrations/mysql", "mariadb", DF_LAYOUT_FLYWAY, 24, 0, 0,
     "V1_1__initial", "V1_26__skipped", "V1_9__", "V1_10__"},
    {"e2b-infra/packages/db/migrations", "postgres", DF_LAYOUT_GOOSE, 131, 0, -1, "20000101000000_auth",
     "20260814120000_add_snapshot_template_list_index", NULL, NULL},
    {"langfuse/packages/shared/prisma", "postgres", DF_LAYOUT_PRISMA, 434, 0, 0, "20230518191501_init", NULL,
     "20250517173700_add_event_log_migration_background_migration.sql", NULL},
    {"temporal/schema/postgresql/v12/temporal", "postgres", DF_LAYOUT_TEMPORAL, 20, 0, 0, "v1.0", "v1.19",
     "v1.9", "v1.10"},
    {"temporal/schema/postgresql/v12/visibility/versioned", "postgres", DF_LAYOUT_TEMPORAL, 0, 0, 0, "v1.0",
     NULL, NULL, NULL},
    {"temporal/schema/mysql/v8/temporal/versioned", "mariadb", DF_LAYOUT_TEMPORAL, 20, 0, 0, "v1.0", "v1.19",
     "v1.9", "v1.10"},
};

static bool starts(const df_migration *m, const char *prefix)
{
    bool fine = df_str_starts(m->id, df_str_from(prefix));
    if (!fine) note("%.*s instead of %s", DF_FMT(m->id), prefix);
    return fine;
}

static void check_order(const history *h, const df_migration_set *set)
{
    size_t repeatable = 0;
    for (size_t i = 0; i < set->count; i++) repeatable += set->items[i].kind == DF_REPEATABLE;
    check(set->layout == h->layout, "%s: layout %s", h->path, df_layout_name(set->layout));
    check((h->count ? set->count == h->count : set->count > 0) && repeatable == h->repeatable,
          "%s for %s: %zu migrations", h->path, h->engine, set->count);
    check(set->count && starts(&set->items[0], h->first) &&
              (!h->last || starts(&set->items[set->count - 1], h->last)),
          "%s: first and last", h->path);
    bool found = !h->then;
    for (size_t i = 0; i + 1 < set->count && !found; i++)
        found = df_str_starts(set->items[i].id, df_str_from(h->then)) &&
                (!h->next || starts(&set->items[i + 1], h->next));
    check(found, "%s: %s, then %s", h->path, h->then ? h->then : "", h->next ? h->next : "");
    for (size_t i = 0; i < set->n_findings; i++)
        if (set->findings[i].blocks) note("%s", set->findings[i].what);
    size_t blocking = 0;
    for (size_t i = 0; i < set->n_findings; i++) blocking += set->findings[i].blocks;
    check(blocking == 0, "%s: nothing blocks", h->path);
}

static void check_statements(const history *h, df_migration_set *set)
{
    size_t split = 0, downs = 0, raw = 0;
    for (size_t i = 0; i < set->count; i++) {
        df_migration *m = &set->items[i];
        df_error err = {0};
        df_steps up, down, again;
        df_arena scratch = {0};
        char sum[65];
        bool fine = df_migration_load(set, m, &err) == DF_OK &&
                    df_section_steps(set, &m->up, NULL, &scratch, &up, &err) == DF_OK &&
                    df_section_steps(set, &m->down, NULL, &scratch, &down, &err) == DF_OK &&
                    df_migration_checksum(set, m, sum, &err) == DF_OK && strcmp(sum, up.checksum) == 0;
        if (!fine) note("%.*s: %s", DF_FMT(m->id), err.message);
        split += fine;
        downs += fine && m->down.present && m->down.sql.len && (h->layout != DF_LAYOUT_GOOSE || down.count);
        /* What is kept in a history can be taken back without the file. */
        df_buf text = {0};
        df_section kept;
        df_section_text(&m->down, &text);
        if (fine && m->down.present)
            fine = df_section_of_text(set, df_buf_str(&text), "kept", &kept, &err) == DF_OK &&
                   kept.no_transaction == m->down.no_transaction &&
                   df_section_steps(set, &kept, NULL, &scratch, &again, &err) == DF_OK &&
                   again.count == down.count && strcmp(again.checksum, down.checksum) == 0;
        raw += fine;
        df_buf_release(&text);
        df_arena_release(&scratch);
    }
    check(split == set->count, "%s for %s: all of them are split", h->path, h->engine);
    check(raw == set->count, "%s for %s: kept as text, each says the same", h->path, h->engine);
    if (h->downs >= 0) check((int)downs == h->downs, "%s for %s: %zu ways down", h->path, h->engine, downs);
}

static void check_history(const history *h)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", root, h->path);
    df_files_options options = {.folder = path, .dialect = df_sql_dialect_of(h->engine)};
    df_migration_set *set;
    df_error err;
    if (df_migrations_open(&options, &set, &err) != DF_OK) {
        note("%s", err.message);
        check(false, "%s can be opened", h->path);
        return;
    }
    check_order(h, set);
    check_statements(h, set);
    df_migrations_close(set);
}

/* Flags that the files carry: 7 metadata.toml, 40 files NO TRANSACTION (some of both directions). */
static void check_transactions(void)
{
    static const struct {
        const char *path;
        size_t expected;
    } cases[] = {{"crates.io/migrations", 7},
                 {"e2b-infra/packages/db/migrations", 0},
                 {"langfuse/packages/shared/prisma", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[1000];
        snprintf(path, sizeof path, "%s/%s", root, cases[i].path);
        df_files_options options = {.folder = path};
        df_migration_set *set;
        df_error err;
        size_t outside = 0, concurrently = 0, without = 0;
        if (df_migrations_open(&options, &set, &err) != DF_OK) continue;
        for (size_t k = 0; k < set->count; k++) {
            df_steps steps;
            df_arena scratch = {0};
            if (df_migration_load(set, &set->items[k], &err) == DF_OK &&
                df_section_steps(set, &set->items[k].up, NULL, &scratch, &steps, &err) == DF_OK) {
                bool any = false;
                for (size_t j = 0; j < steps.count; j++)
                    any |= (steps.items[j].facts.flags & DF_SQL_CONCURRENTLY) != 0;
                outside += set->items[k].up.no_transaction;
                concurrently += any;
                without += any && !set->items[k].up.no_transaction;
            }
            df_arena_release(&scratch);
        }
        if (cases[i].expected)
            check(outside == cases[i].expected, "%s: %zu run outside of a transaction", cases[i].path,
                  outside);
        else if (set->layout == DF_LAYOUT_PRISMA)
            check(outside == 0 && concurrently > 0 && concurrently <= 99,
                  "%s marks none, and %zu have CONCURRENTLY", cases[i].path, concurrently);
        else
            check(outside > 0 && without == 0, "%s: each of %zu with CONCURRENTLY says so (%zu do)",
                  cases[i].path, concurrently, outside);
        df_migrations_close(set);
    }
}

int main(int argc, char **argv)
{
    root = argc > 1 ? argv[1] : "";
    DIR *there = opendir(root);
    if (!there) {
        skip("the histories are not there");
        return tap_done();
    }
    closedir(there);
    for (size_t i = 0; i < sizeof histories / sizeof *histories; i++) check_history(&histories[i]);
    check_transactions();
    df_arena_release(&arena);
    return tap_done();
}
