/* SPDX-License-Identifier: Apache-2.0 */
/* New migrations: what is made is found again as the newest, can be read, and never lies over something. */
#include "folder.h"
#include "migration/files/files_int.h"

#include <pwd.h>

static df_arena arena;

static df_code make(const folder *f, df_new_options *o, const char **path, df_error *err)
{
    o->folder = f->path;
    return df_migration_new(o, &arena, path, err);
}

/* A migration made in a folder with these files is the newest of `count`, and its id ends as said. */
static void made(const char *what, const char *const *list, df_new_options o, df_layout layout, size_t count,
                 const char *id, const char *file)
{
    folder f;
    const char *path = NULL;
    df_error err = {0};
    folder_init(&f);
    for (; list[0]; list += 2) folder_put(&f, list[0], list[1]);
    if (!o.name) o.name = "Add notification-system!";
    df_code code = make(&f, &o, &path, &err);
    if (code != DF_OK) note("%s", err.message);
    check(code == DF_OK && path && access(path, R_OK) == 0 &&
              df_str_ends(df_str_from(path), df_str_from(file)),
          "%s: %s", what, path ? path + strlen(f.path) : "");
    df_migration_set *set = folder_open(&f, o.layout, df_sql_dialect_of(o.dialect ? o.dialect : "postgres"));
    df_migration *m = NULL;
    bool fine = set && set->layout == layout && set->count == count &&
                df_migration_find(set, DF_STR("latest"), &m, &err) == DF_OK && m &&
                df_migration_load(set, m, &err) == DF_OK && m->position == count - 1;
    if (!fine && set) note("%s: %s; %s", df_layout_name(set->layout), ids_of(set, &arena), err.message);
    df_steps steps;
    check(fine && df_str_ends(m->id, df_str_from(id)) &&
              df_section_steps(set, &m->up, NULL, &arena, &steps, &err) == DF_OK,
          "%s: it is %s, and can be read", what, id);
    check(fine && same_text(findings_of(set, &arena), ""), "%s: nothing odd", what);
    df_migrations_close(set);
    folder_release(&f);
}

typedef const char *const files[];
#define O(...) ((df_new_options){__VA_ARGS__})
#define WHO    " 2013-12-31T00:00:00Z Marge N. <marge@example.com>"

static void layouts(void)
{
    made("native, empty", (files){NULL}, O(.risk = DF_RISK_LOW), DF_LAYOUT_NATIVE, 1,
         "001_add_notification_system", "/001_add_notification_system.sql");
    made("native, dated", (files){NULL}, O(.dated = true), DF_LAYOUT_NATIVE, 1, "_add_notification_system",
         "_add_notification_system.sql");
    made("native", (files){"008_x.sql", "-- UP\n", "007_x.sql", "", NULL}, O(.name = "y"), DF_LAYOUT_NATIVE,
         3, "009_y", "/009_y.sql");
    made("native, with dashes", (files){"0008-x.sql", "-- UP\n", NULL}, O(.name = "y z"), DF_LAYOUT_NATIVE, 2,
         "0009-y_z", "/0009-y_z.sql");
    made("sql-migrate", (files){"20240101120000-x.sql", "-- +migrate Up\n", NULL}, O(.name = "y z"),
         DF_LAYOUT_SQL_MIGRATE, 2, "-y_z", "-y_z.sql");
    made("tern", (files){"007_x.sql", "---- create above / drop below ----\n", NULL}, O(.name = "y"),
         DF_LAYOUT_TERN, 2, "008_y", "/008_y.sql");
    made("mybatis", (files){"20240101120000_x.sql", "-- //@UNDO\n", NULL}, O(.name = "y"), DF_LAYOUT_MYBATIS,
         2, "_y", "_y.sql");
    made("evolutions", (files){"9.sql", "# --- !Ups\n", NULL}, O(.name = "y"), DF_LAYOUT_EVOLUTIONS, 2, "10",
         "/10.sql");
    made("shmig", (files){NULL}, O(.name = "y", .layout = DF_LAYOUT_SHMIG), DF_LAYOUT_SHMIG, 1, "-y",
         "-y.sql");
    made("rambler", (files){"201409272258_x.sql", "-- rambler up\n", NULL}, O(.name = "y"), DF_LAYOUT_RAMBLER,
         2, "_y", "_y.sql");
    made("native, semantic", (files){"1.9.9_x.sql", "-- UP\n", NULL}, O(.name = "y"), DF_LAYOUT_NATIVE, 2,
         "1.9.10_y", "/1.9.10_y.sql");
    made("golang-migrate", (files){"000009_x.up.sql", "", "000009_x.down.sql", "", NULL}, O(.name = "y"),
         DF_LAYOUT_PAIRS, 2, "000010_y", "/000010_y.up.sql");
    made("goose", (files){"00009_x.sql", "-- +goose Up\n", NULL}, O(.name = "y"), DF_LAYOUT_GOOSE, 2,
         "00010_y", "/00010_y.sql");
    made("goose, empty", (files){NULL}, O(.name = "y", .layout = DF_LAYOUT_GOOSE), DF_LAYOUT_GOOSE, 1, "_y",
         "_y.sql");
    made("dbmate", (files){"20240101000000_x.sql", "-- migrate:up\n", NULL}, O(.name = "y"), DF_LAYOUT_DBMATE,
         2, "_y", "_y.sql");
    made("flyway", (files){"V1_9__x.sql", "", NULL}, O(.name = "y"), DF_LAYOUT_FLYWAY, 2, "V1_10__y",
         "/V1_10__y.sql");
    made("diesel", (files){"2017-09-23-182408_x/up.sql", "", NULL}, O(.name = "y"), DF_LAYOUT_DIESEL, 2, "_y",
         "_y/up.sql");
    made("sqlx, simple", (files){"20240101000000_x.sql", "-- no-transaction\n", NULL}, O(.name = "y"),
         DF_LAYOUT_SQLX, 2, "_y", "_y.sql");
    made("sqlx, pairs",
         (files){"20240101000000_x.up.sql", "-- no-transaction\n", "20240101000000_x.down.sql", "", NULL},
         O(.name = "y"), DF_LAYOUT_SQLX, 2, "_y", "_y.up.sql");
    made("prisma",
         (files){"migration_lock.toml", "provider = \"postgresql\"", "20240101000000_x/migration.sql", "",
                 NULL},
         O(.name = "y"), DF_LAYOUT_PRISMA, 2, "_y", "_y/migration.sql");
    made("node-pg-migrate", (files){"1391877300255_x.sql", "-- Up Migration\n", NULL}, O(.name = "y"),
         DF_LAYOUT_NODE_PG, 2, "_y", "_y.sql");
    made("sqitch", (files){"sqitch.plan", "%project=p\nx" WHO "\n", "deploy/x.sql", "", NULL},
         O(.name = "y", .author = "Ann <a@b.c>"), DF_LAYOUT_SQITCH, 2, "y", "/deploy/y.sql");
    made("authelia", (files){"V0009.X.up.sql", "", "V0009.X.down.sql", "", NULL}, O(.risk = DF_RISK_LOW),
         DF_LAYOUT_AUTHELIA, 2, "V0010.AddNotificationSystem", "/V0010.AddNotificationSystem.up.sql");
    made("kratos",
         (files){"20150100000001000000_x.postgres.up.sql", "", "20150100000001000000_x.postgres.down.sql", "",
                 NULL},
         O(.name = "y", .dialect = "postgres"), DF_LAYOUT_KRATOS, 2, "_y", "_y.postgres.up.sql");
    made("kratos for SQLite", (files){"20150100000001000000_x.sqlite3.up.sql", "", NULL},
         O(.name = "y", .dialect = "sqlite"), DF_LAYOUT_KRATOS, 2, "_y", "_y.sqlite3.up.sql");
    made("temporal", (files){"v1.9/manifest.json", "{\"SchemaUpdateCqlFiles\":[]}", NULL}, O(.name = "y"),
         DF_LAYOUT_TEMPORAL, 2, "v1.10", "/v1.10/y.sql");
    made("in the folder inside", (files){"migrations/008_x.sql", "", "schema.sql", "", NULL}, O(.name = "y"),
         DF_LAYOUT_NATIVE, 2, "009_y", "/migrations/009_y.sql");
}

static void cypher(void)
{
    static const char pairs[] = "20251015_143022_x.up.cypher", downs[] = "20251015_143022_x.down.cypher";
    made("Cypher, empty", (files){NULL}, O(.dialect = "neo4j"), DF_LAYOUT_NATIVE, 1,
         "001_add_notification_system", "/001_add_notification_system.cypher");
    made("Cypher, with its other ending", (files){"008_x.cql", "// UP\n", NULL},
         O(.name = "y", .dialect = "neo4j"), DF_LAYOUT_NATIVE, 2, "009_y", "/009_y.cql");
    made("Cypher, pairs", (files){pairs, "", downs, "", NULL}, O(.name = "y", .dialect = "neo4j"),
         DF_LAYOUT_PAIRS, 2, "_y", "_y.up.cypher");
    made("Cypher, pairs of another form", (files){"2199-12-31_235959_x.up.cypher", "", NULL},
         O(.name = "y", .dialect = "neo4j"), DF_LAYOUT_PAIRS, 2, "2200-01-01_000000_y",
         "/2200-01-01_000000_y.up.cypher");
    made("Cypher, by environments",
         (files){"common/2025-10-15_143022_x.up.cypher", "", "dev/2025-10-15_143023_x.up.cypher", "", NULL},
         O(.name = "y", .dialect = "neo4j"), DF_LAYOUT_PAIRS, 3, "_y", "_y.up.cypher");
    made("Cypher, for one environment",
         (files){"common/2025-10-15_143022_x.up.cypher", "", "dev/2025-10-15_143023_x.up.cypher", "", NULL},
         O(.name = "dev/seed users", .dialect = "neo4j"), DF_LAYOUT_PAIRS, 3, "_seed_users",
         "_seed_users.up.cypher");
    made("neo4j-migrations", (files){"V1_9__x.cypher", "", "R1_10__z.cypher", "", NULL},
         O(.name = "y", .dialect = "neo4j"), DF_LAYOUT_NEO4J_MIGRATIONS, 3, "V1_11__y", "/V1_11__y.cypher");
    made("liquibase", (files){"log.cypher", "--liquibase formatted cypher\n--changeset a:b\nRETURN 1;", NULL},
         O(.name = "y z", .dialect = "neo4j", .author = "Ann B"), DF_LAYOUT_LIQUIBASE, 2,
         "log.cypher::Ann B:y_z", "/log.cypher");
}

/* What stands in the two files of a pair. */
static void block(void)
{
    folder f;
    const char *path = NULL;
    df_error err = {0};
    folder_init(&f);
    folder_put(&f, "common/2025-10-15_143022_x.up.cypher", "");
    df_new_options o = {.name = "Add */ teams", .dialect = "neo4j", .author = "@ann"};
    df_migration_set *set = NULL;
    df_migration *m = NULL;
    bool fine = make(&f, &o, &path, &err) == DF_OK &&
                (set = folder_open(&f, DF_LAYOUT_AUTO, &df_sql_cypher)) && set->count == 2 &&
                df_migration_load(set, m = &set->items[1], &err) == DF_OK;
    check(fine && str_is(m->meta.author, "@ann") && str_is(m->meta.description, "Add  / teams") &&
              m->meta.n_dependencies == 0 && m->down.present && set->n_findings == 0 &&
              df_str_starts(m->id, DF_STR("common/20")),
          "a pair in Cypher has the block header, whose version is the file's");
    check(fine && df_str_starts(m->up.sql, DF_STR("/*\n * Migration: Add  / teams\n * Version: 20")) &&
              df_str_starts(m->down.sql, DF_STR("/*\n * Rollback Migration: ")) &&
              df_sql_is_blank(&df_sql_cypher, m->up.sql),
          "and nothing else");
    df_migrations_close(set);
    o = (df_new_options){.name = "risky", .dialect = "neo4j", .risk = DF_RISK_HIGH};
    fine = make(&f, &o, &path, &err) == DF_OK && (set = folder_open(&f, DF_LAYOUT_AUTO, &df_sql_cypher)) &&
           df_migration_load(set, m = &set->items[2], &err) == DF_OK;
    check(fine && m->meta.risk == DF_RISK_HIGH && df_str_starts(m->up.sql, DF_STR("// @metadata {")),
          "what the block does not know is said in @metadata");
    df_migrations_close(set);
    folder_release(&f);
}

static void header(void)
{
    folder f;
    const char *path = NULL;
    df_error err = {0};
    folder_init(&f);
    df_new_options o = {
        .name = "a \"quoted\" name", .breaking = true, .risk = DF_RISK_HIGH, .author = "Ann \\ O'Neil"};
    df_migration_set *set = NULL;
    df_migration *m = NULL;
    bool fine = make(&f, &o, &path, &err) == DF_OK && (set = folder_open(&f, DF_LAYOUT_AUTO, NULL)) &&
                df_migration_load(set, m = &set->items[0], &err) == DF_OK;
    check(fine && m->meta.breaking && m->meta.risk == DF_RISK_HIGH &&
              str_is(m->meta.author, "Ann \\ O'Neil") && str_is(m->meta.description, "a \"quoted\" name") &&
              m->up.present && m->down.present,
          "the header says what was asked for");
    check(fine && str_is(m->id, "001_a_quoted_name"), "the name is made of it");
    df_migrations_close(set);
    o = (df_new_options){.name = "second"};
    fine = make(&f, &o, &path, &err) == DF_OK && (set = folder_open(&f, DF_LAYOUT_AUTO, NULL)) &&
           df_migration_load(set, m = &set->items[1], &err) == DF_OK;
    const struct passwd *user = getpwuid(getuid());
    check(fine && user &&
              (df_str_starts(df_str_from(user->pw_gecos), m->meta.author) ||
               df_str_is(m->meta.author, user->pw_name)),
          "without an author it is the user");
    df_migrations_close(set);
    folder_release(&f);
    folder_init(&f);
    folder_put(&f, "1_a.sql", "-- +goose Up\n");
    o = (df_new_options){.name = "x", .breaking = true, .risk = DF_RISK_HIGH};
    fine = make(&f, &o, &path, &err) == DF_OK && (set = folder_open(&f, DF_LAYOUT_AUTO, NULL)) &&
           df_migration_load(set, m = &set->items[1], &err) == DF_OK;
    check(fine && m->meta.breaking && m->meta.risk == DF_RISK_HIGH && set->layout == DF_LAYOUT_GOOSE,
          "other layouts get a header when there is something to say");
    df_migrations_close(set);
    folder_release(&f);
}

static void refused(void)
{
    folder f;
    const char *path = NULL;
    df_error err = {0};
    folder_init(&f);
    df_new_options o = {.name = "!?"};
    check(make(&f, &o, &path, &err) == DF_USAGE && err.hint[0], "a name without a letter");
    o.name = NULL;
    check(make(&f, &o, &path, &err) == DF_USAGE, "no name");
    folder_put(&f, "000001_x.up.sql", "");
    folder_put(&f, "000002_y.down.sql", "mine");
    o = (df_new_options){.name = "y"};
    check(make(&f, &o, &path, &err) == DF_CONFLICT && strstr(err.file, "000002_y.down.sql") &&
              !folder_has(&f, "000002_y.up.sql"),
          "never over a file; and what was made before is taken back");
    folder_release(&f);
    folder_init(&f);
    folder_put(&f, "sqitch.plan", "x" WHO "\n");
    o = (df_new_options){.name = "x"};
    check(make(&f, &o, &path, &err) == DF_CONFLICT && !folder_has(&f, "deploy/x.sql"),
          "sqitch: a change that is planned already");
    folder_release(&f);
    check(make(&f, &o, &path, &err) == DF_NOT_FOUND, "a folder that is not there");
}

/* Twenty in a second: each gets a version of its own. */
static void quick(void)
{
    folder f;
    const char *path = NULL;
    df_error err = {0};
    folder_init(&f);
    size_t good = 0;
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%02d", i);
        df_new_options o = {.name = name, .dated = true};
        good += make(&f, &o, &path, &err) == DF_OK;
    }
    df_migration_set *set = folder_open(&f, DF_LAYOUT_AUTO, NULL);
    bool ordered = set && set->count == 20 && set->n_findings == 0;
    for (size_t i = 0; ordered && i < 20; i++)
        ordered = set->items[i].name.ptr[1] - '0' == (char)(i / 10) &&
                  set->items[i].name.ptr[2] - '0' == (char)(i % 10);
    check(good == 20 && ordered, "many in one second keep their order");
    df_migrations_close(set);
    folder_release(&f);
}

int main(void)
{
    layouts();
    cypher();
    block();
    header();
    refused();
    quick();
    df_arena_release(&arena);
    return tap_done();
}
