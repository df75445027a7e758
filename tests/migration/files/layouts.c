/* SPDX-License-Identifier: Apache-2.0 */
/* Which layout a folder has, in which order its migrations run, and what is found odd about it. */
#include "folder.h"

static df_arena arena;

/* Files of a folder: name, text, name, text, …, NULL. */
typedef const char *const files[];

static void put_all(const folder *f, const char *const *list)
{
    for (; list[0]; list += 2) folder_put(f, list[0], list[1]);
}

static void expect(const char *what, const char *const *list, const df_sql_dialect *dialect, df_layout layout,
                   const char *ids, const char *findings)
{
    folder f;
    folder_init(&f);
    put_all(&f, list);
    df_migration_set *set = folder_open(&f, DF_LAYOUT_AUTO, dialect);
    check(set && same_text(df_layout_name(set->layout), df_layout_name(layout)), "%s: layout %s", what,
          df_layout_name(layout));
    if (set) {
        check(same_text(ids_of(set, &arena), ids), "%s: order", what);
        check(same_text(findings_of(set, &arena), findings), "%s: findings", what);
        size_t loaded = 0;
        for (size_t i = 0; i < set->count; i++) {
            df_error err = {0};
            bool fine = df_migration_load(set, &set->items[i], &err) == DF_OK && set->items[i].position == i;
            if (!fine) note("%s", err.message);
            loaded += fine;
        }
        check(loaded == set->count, "%s: all %zu can be read", what, set->count);
    }
    df_migrations_close(set);
    folder_release(&f);
}

static void native(void)
{
    expect("nothing", (files){NULL}, NULL, DF_LAYOUT_NATIVE, "", "");
    expect("native",
           (files){"10_c.sql", "-- UP\nSELECT 1;\n-- DOWN\n", "2_b.sql", "-- UP\n", "1_a.sql", "", "R__v.sql",
                   "SELECT 1", "R_a.sql", "", "README.md", "x", ".hidden.sql", "x", NULL},
           NULL, DF_LAYOUT_NATIVE, "1_a 2_b 10_c R_a R__v", "");
    expect("plain SQL is native", (files){"001_a.sql", "SELECT 1;", "002_b.sql", "SELECT 2;", NULL}, NULL,
           DF_LAYOUT_NATIVE, "001_a 002_b", "");
    expect("semantic versions",
           (files){"1.10.0_d.sql", "", "1.2.0_b.sql", "", "1.2.0-rc.1_a.sql", "-- UP\n", "1.9.9_c.sql", "",
                   NULL},
           NULL, DF_LAYOUT_NATIVE, "1.2.0-rc.1_a 1.2.0_b 1.9.9_c 1.10.0_d", "");
    expect("dates among stamps",
           (files){"20170924000000_b.sql", "-- UP\n", "2017-09-23-182408_a.sql", "", "20180101000000_c.sql",
                   "", NULL},
           NULL, DF_LAYOUT_NATIVE, "2017-09-23-182408_a 20170924000000_b 20180101000000_c", "");
    expect("a gap", (files){"001_a.sql", "", "002_b.sql", "", "003_c.sql", "", "005_e.sql", "", NULL}, NULL,
           DF_LAYOUT_NATIVE, "001_a 002_b 003_c 005_e", "version-gap:005_e.sql");
    expect("counting by tens",
           (files){"010_a.sql", "", "020_b.sql", "", "030_c.sql", "", "031_d.sql", "", NULL}, NULL,
           DF_LAYOUT_NATIVE, "010_a 020_b 030_c 031_d", "");
    expect("one version on two files", (files){"001_a.sql", "", "1_b.sql", "", "002_c.sql", "", NULL}, NULL,
           DF_LAYOUT_NATIVE, "001_a 1_b 002_c", "duplicate-version:1_b.sql!");
    expect("names that clash elsewhere", (files){"R__View.sql", "", "R__view.sql", "", "001_a.sql", "", NULL},
           NULL, DF_LAYOUT_NATIVE, "001_a R__View R__view", "case-clash:R__view.sql");
    expect("what does not run is told",
           (files){"001_a.sql",    "-- UP\n", "002_b.sql", "",  "003_c.sql",  "",  "schema.sql", "x",
                   "004add.sql",   "x",       "005_x.SQL", "x", "006_x.sql~", "x", "V7__x.sql",  "x",
                   "008_x.up.sql", "x",       "V9_x.sql",  "x", "010_x.go",   "x", NULL},
           NULL, DF_LAYOUT_NATIVE, "001_a 002_b 003_c",
           "bad-name:004add.sql! bad-name:005_x.SQL! ignored-file:006_x.sql~ mixed-layout:008_x.up.sql! "
           "foreign-code:010_x.go! "
           "mixed-layout:V7__x.sql! bad-name:V9_x.sql! ignored-file:schema.sql");
    expect("programs with stamps of their own",
           (files){"Version20240131120000.php", "", "Migration20240131120000.ts", "", "m240131_120000_a.php", "", "2024-01-31T12-00-00_a.ts", "",
                   "main20240131.go", "", "Migrations.ts", "", "m1.js", "", "2024-01-31Tea.md", "", NULL},
           NULL, DF_LAYOUT_NATIVE, "",
           "foreign-code:2024-01-31T12-00-00_a.ts! foreign-code:Migration20240131120000.ts! foreign-code:Version20240131120000.php! "
           "foreign-code:m240131_120000_a.php!");
    expect("SQL by other endings",
           (files){"001_a.sql", "", "002_b.psql", "", "003_c.sql.gz", "", "4.sqm", "", "schema.psql", "", "005_notes.md", "", NULL}, NULL,
           DF_LAYOUT_NATIVE, "001_a", "bad-name:002_b.psql! bad-name:003_c.sql.gz! bad-name:4.sqm!");
    expect("a folder named like a file",
           (files){"001_a.sql", "", "002_b.sql/x", "", "003_c/up.sql", "", "004_d.sql", "", "005_e.sql", "",
                   NULL},
           NULL, DF_LAYOUT_NATIVE, "001_a 004_d 005_e", "ignored-file:002_b.sql mixed-layout:003_c!");
}

static void strange_files(void)
{
    folder f;
    char path[600];
    folder_init(&f);
    folder_put(&f, "001_a.sql", "");
    snprintf(path, sizeof path, "%s/002_fifo.sql", f.path);
    int made = mkfifo(path, 0600);
    snprintf(path, sizeof path, "%s/003_gone.sql", f.path);
    made |= symlink("nowhere", path);
    snprintf(path, sizeof path, "%s/004_link.sql", f.path);
    made |= symlink("001_a.sql", path);
    folder_put(&f, "005_\xFF.sql", "");
    folder_put(&f, "006_\x01.sql", "");
    df_migration_set *set = folder_open(&f, DF_LAYOUT_AUTO, NULL);
    check(made == 0 && set && same_text(ids_of(set, &arena), "001_a 004_link"),
          "files and links to files, nothing else");
    check(set && same_text(findings_of(set, &arena),
                           "bad-name:002_fifo.sql! bad-name:003_gone.sql! bad-name:005_\\xff.sql! "
                           "bad-name:006_\\x01.sql!"),
          "a FIFO, a dangling link, bytes and control characters are named, for terminals to show");
    df_migrations_close(set);
    folder_release(&f);
}

static void pairs(void)
{
    expect("golang-migrate",
           (files){"000010_j.up.sql", "x", "000002_b.up.sql", "", "000002_b.down.sql", "", "000001_a.up.sql",
                   "", "000001_a.down.sql", "", NULL},
           NULL, DF_LAYOUT_PAIRS, "000001_a 000002_b 000010_j", "");
    expect("pairs that are odd",
           (files){"001_a.up.sql", "", "001_a.down.sql", "", "002_b.up.sql", "", "002_bee.down.sql", "",
                   "003_c.down.sql", "", "004_d.up.sql", "", "004_e.up.sql", "", "005_x.sql", "", NULL},
           NULL, DF_LAYOUT_PAIRS, "001_a 002_b 004_d 004_e",
           "mixed-layout:005_x.sql! name-differs:002_bee.down.sql orphan-down:003_c.down.sql "
           "duplicate-version:004_e.up.sql!");
    expect("two ways down", (files){"001_a.up.sql", "", "001_a.down.sql", "", "1_a.down.sql", "", NULL}, NULL,
           DF_LAYOUT_PAIRS, "001_a", "duplicate-version:1_a.down.sql!");
    expect("sqlx by its mark",
           (files){"1_a.up.sql", "-- no-transaction\nSELECT 1;", "1_a.down.sql", "", NULL}, NULL,
           DF_LAYOUT_SQLX, "1_a", "");
    expect("sqlx, simple", (files){"1_a.sql", "-- no-transaction\nSELECT 1;", "2_b.sql", "SELECT 1;", NULL},
           NULL, DF_LAYOUT_SQLX, "1_a 2_b", "");
    expect("sqlx beside a manifest", (files){"Cargo.toml", "", "migrations/1_a.sql", "SELECT 1;", NULL}, NULL,
           DF_LAYOUT_SQLX, "1_a", "");
    expect("authelia",
           (files){"V0010.C.up.sql", "", "V0002.B.up.sql", "", "V0001.A.up.sql", "", "V0001.A.down.sql", "",
                   NULL},
           NULL, DF_LAYOUT_AUTHELIA, "V0001.A V0002.B V0010.C", "");
}

static void kratos(void)
{
    files list = {"1_a.up.sql",
                  "generic",
                  "1_a.sqlite3.up.sql",
                  "lite",
                  "1_a.down.sql",
                  "generic",
                  "2_b.postgres.up.sql",
                  "pg",
                  "2_b.postgres.down.sql",
                  "pg",
                  "3_c.mysql.up.sql",
                  "my",
                  "3_c.down.sql",
                  "",
                  "4_d.autocommit.up.sql",
                  "x",
                  "4_d.down.sql",
                  "",
                  "5_e.up.sql",
                  "",
                  "5_e.postgres.autocommit.down.sql",
                  "pg",
                  NULL};
    expect("kratos for PostgreSQL", list, &df_sql_postgres, DF_LAYOUT_KRATOS, "1_a 2_b 4_d 5_e",
           "other-dialect: version-gap:4_d.autocommit.up.sql");
    expect("kratos for SQLite", list, &df_sql_sqlite, DF_LAYOUT_KRATOS, "1_a 4_d 5_e", "other-dialect:");
    expect("kratos for MariaDB", list, &df_sql_mariadb, DF_LAYOUT_KRATOS, "1_a 3_c 4_d 5_e",
           "other-dialect: version-gap:3_c.mysql.up.sql");
    folder f;
    folder_init(&f);
    put_all(&f, list);
    df_migration_set *set = folder_open(&f, DF_LAYOUT_AUTO, &df_sql_sqlite);
    df_migration *m = set ? &set->items[0] : NULL;
    df_error err;
    check(m && df_migration_load(set, m, &err) == DF_OK && str_is(m->up.sql, "lite") &&
              str_is(m->down.sql, "generic"),
          "a dialect's way up with everybody's way down");
    m = set ? &set->items[1] : NULL;
    check(m && df_migration_load(set, m, &err) == DF_OK && m->up.no_transaction && !m->down.no_transaction,
          ".autocommit counts for one direction");
    df_migrations_close(set);
    set = folder_open(&f, DF_LAYOUT_AUTO, &df_sql_postgres);
    m = set ? &set->items[3] : NULL;
    check(m && df_migration_load(set, m, &err) == DF_OK && !m->up.no_transaction && m->down.no_transaction &&
              str_is(m->down.sql, "pg"),
          "and may stand in the dialect's file alone");
    df_migrations_close(set);
    folder_release(&f);
}

static void flyway(void)
{
    expect("flyway",
           (files){"V1_10__c.sql", "", "V1_2__b.sql", "", "V1__a.sql", "", "U1__undo.sql", "", "R__v.sql", "",
                   "B1_2__base.sql", "", "V1__a.sql.conf", "executeInTransaction=false", NULL},
           NULL, DF_LAYOUT_FLYWAY, "V1__a B1_2__base V1_2__b V1_10__c R__v", "");
    expect("flyway's silent mistake",
           (files){"V1__a.sql", "", "V2_b.sql", "", "U9__x.sql", "", "R_v.sql", "", NULL}, NULL,
           DF_LAYOUT_FLYWAY, "V1__a", "mixed-layout:R_v.sql! bad-name:V2_b.sql! orphan-down:U9__x.sql");
    expect("flyway: callbacks, and small letters",
           (files){"V1__a.sql", "", "afterMigrate.sql", "", "v2__b.sql", "", "r__c.sql", "", "data.sql", "",
                   NULL},
           NULL, DF_LAYOUT_FLYWAY, "V1__a",
           "callback:afterMigrate.sql ignored-file:data.sql bad-name:r__c.sql! bad-name:v2__b.sql!");
    expect("flyway in folders",
           (files){"V1__a.sql", "", "v2/V2__b.sql", "", "v2/deep/V3__c.sql", "", "mysql/V2__b.sql", "", NULL},
           &df_sql_postgres, DF_LAYOUT_FLYWAY, "V1__a V2__b V3__c", "other-dialect:mysql");
    expect("the folder of our database",
           (files){"mysql/V1__a.sql", "", "postgres/V1__b.sql", "", "h2/V1__c.sql", "", NULL},
           &df_sql_postgres, DF_LAYOUT_FLYWAY, "V1__b", "");
    expect("flyway duplicates", (files){"V1__a.sql", "", "V1.0__b.sql", "", NULL}, NULL, DF_LAYOUT_FLYWAY,
           "V1.0__b V1__a", "duplicate-version:V1__a.sql!");
}

static void by_marks(void)
{
    expect("goose", (files){"2_b.sql", "-- +goose Up\n", "10_c.sql", "-- +goose Up\n", "1_a.sql", "", NULL},
           NULL, DF_LAYOUT_GOOSE, "1_a 2_b 10_c", "");
    expect("goose with Go", (files){"1_a.sql", "/* licence */\n-- +goose Up\n", "2_b.go", "package", NULL},
           NULL, DF_LAYOUT_GOOSE, "1_a", "foreign-code:2_b.go!");
    expect("dbmate",
           (files){"1_a.sql", "-- migrate:up\n", "2_b.sql", "-- migrate:up\n", "10_c.sql", "-- migrate:up\n",
                   NULL},
           NULL, DF_LAYOUT_DBMATE, "1_a 2_b 10_c", "version-order:10_c.sql");
    expect("node-pg-migrate by its marks",
           (files){"1_a.sql", "-- Up Migration\n", "2_b.sql", "-- Up Migration\n", NULL}, NULL,
           DF_LAYOUT_NODE_PG, "1_a 2_b", "");
    expect("node-pg-migrate by its stamps",
           (files){"1391877300255_a.sql", "", "20200513070724505_b.sql", "", "1700000000000_c.sql", "",
                   "1600000000000_x.js", "", NULL},
           NULL, DF_LAYOUT_NODE_PG, "1391877300255_a 20200513070724505_b 1700000000000_c",
           "foreign-code:1600000000000_x.js!");
}

/* Marks that part both directions in the files of other tools: read as something else, the way down would run
 * together with the way up. */
static void by_other_marks(void)
{
    expect("sql-migrate",
           (files){"20240101-a.sql", "\n-- +migrate Up\nSELECT 1;\n-- +migrate Down\nSELECT 2;\n",
                   "20240102-b.sql", "-- +migrate Up notransaction\nSELECT 1;\n", NULL},
           NULL, DF_LAYOUT_SQL_MIGRATE, "20240101-a 20240102-b", "");
    expect("micrate", (files){"1_a.sql", "-- +micrate Up\nSELECT 1;\n-- +micrate Down\nSELECT 2;\n", NULL},
           NULL, DF_LAYOUT_SQL_MIGRATE, "1_a", "");
    expect("tern",
           (files){"001_a.sql", "SELECT 1;\n\n---- create above / drop below ----\n\nSELECT 2;\n",
                   "002_b.sql", "SELECT 1;\n", NULL},
           NULL, DF_LAYOUT_TERN, "001_a 002_b", "");
    expect("mybatis",
           (files){"20240101120000_a.sql", "-- // an a\nSELECT 1;\n\n-- //@UNDO\nSELECT 2;\n",
                   "bootstrap.sql", "SELECT 0;", NULL},
           NULL, DF_LAYOUT_MYBATIS, "20240101120000_a", "ignored-file:bootstrap.sql");
    expect("evolutions",
           (files){"1.sql", "# --- !Ups\nSELECT 1;\n# --- !Downs\nSELECT 2;\n", "2.sql",
                   "-- !Ups\nSELECT 1;\n", NULL},
           NULL, DF_LAYOUT_EVOLUTIONS, "1 2", "");
    expect(
        "shmig",
        (files){"1485643154-a.sql",
                "-- Migration: a\n-- ====  UP  ====\nBEGIN;\nCOMMIT;\n-- ==== DOWN ====\nBEGIN;\nCOMMIT;\n",
                NULL},
        NULL, DF_LAYOUT_SHMIG, "1485643154-a", "");
    expect("rambler", (files){"1_a.sql", "-- rambler up\nSELECT 1;\n-- rambler down\nSELECT 2;\n", NULL},
           NULL, DF_LAYOUT_RAMBLER, "1_a", "");
    expect(
        "a comment that only reads alike",
        (files){"001_a.sql", "-- == UP to here ==\n-- rambler upstairs\n-- see //@UNDO\nSELECT 1;\n", NULL},
        NULL, DF_LAYOUT_NATIVE, "001_a", "");
}

/* Pairs by the end of the name, where both are there; the way down beside a file. */
static void by_suffix(void)
{
    expect("_up and _down",
           (files){"001_a_up.sql", "", "001_a_down.sql", "", "002_scale_up.sql", "SELECT 1;",
                   "002_scale_down.sql", "", NULL},
           NULL, DF_LAYOUT_PAIRS, "001_a 002_scale", "");
    expect("-up and -down", (files){"001-a-up.sql", "", "001-a-down.sql", "", NULL}, NULL, DF_LAYOUT_PAIRS,
           "001-a", "");
    expect("a name that ends so", (files){"001_scale_up.sql", "", "002_shut_down.sql", "", NULL}, NULL,
           DF_LAYOUT_NATIVE, "001_scale_up 002_shut_down", "");
    expect("postgrator",
           (files){"001.do.a.sql", "", "001.undo.a.sql", "", "002.do.sql", "", "002.undo.sql", "", NULL},
           NULL, DF_LAYOUT_PAIRS, "001.do.a 002.do", "");
    expect("rollback beside",
           (files){"001_a.sql", "", "001_a.rollback.sql", "", "002_b.sql", "", "002_b_rollback.sql", "",
                   "003_c.sql", "", "003_c.down.sql", "", NULL},
           NULL, DF_LAYOUT_NATIVE, "001_a 002_b 003_c", "");
    expect("two ways down", (files){"001_a.sql", "", "001_a.rollback.sql", "", "001_a.undo.sql", "", NULL},
           NULL, DF_LAYOUT_NATIVE, "001_a", "duplicate-version:001_a.undo.sql!");
}

/* Which folder below is meant, when the one that was named holds no migrations. */
static void folders_below(void)
{
    static const char *const vendors[] = {"common/V1__a.sql",
                                          "",
                                          "postgresql/V2__b.sql",
                                          "",
                                          "mysql/V2__b.sql",
                                          "",
                                          "common/R__views.sql",
                                          "",
                                          "afterMigrate.sql",
                                          "",
                                          NULL};
    expect("Flyway's common folder and that of the database", vendors, &df_sql_postgres, DF_LAYOUT_FLYWAY,
           "V1__a V2__b R__views", "callback:afterMigrate.sql other-dialect:mysql");
    expect("Flyway's common folder alone", vendors, &df_sql_sqlite, DF_LAYOUT_FLYWAY, "V1__a R__views", "");
    expect("Flyway: years", (files){"2023/V1__a.sql", "", "2024/V2__b.sql", "", NULL}, NULL, DF_LAYOUT_FLYWAY,
           "V1__a V2__b", "");
    expect(
        "migrations among others",
        (files){"migrations/001_a.sql", "SELECT 1;", "seeds/001_s.sql", "SELECT 1;", "schema.sql", "", NULL},
        NULL, DF_LAYOUT_NATIVE, "001_a", "");
    expect("that of the database, two levels down",
           (files){"migrations/mysql/1_m.up.sql", "", "migrations/sqlite3/1_s.up.sql", "",
                   "migrations/migrations.go", "", NULL},
           &df_sql_sqlite, DF_LAYOUT_PAIRS, "1_s", "");
    expect("not that of another database", (files){"mysql/1_m.up.sql", "", "sqls/1_s.up.sql", "", NULL},
           &df_sql_sqlite, DF_LAYOUT_PAIRS, "1_s", "");
    expect("endings in capitals", (files){"001_a.UP.sql", "", "001_a.DOWN.sql", "", NULL}, NULL,
           DF_LAYOUT_PAIRS, "001_a", "");
}

/* "Nothing to do" would be a lie where scripts lie further below than anybody looks. */
static void further_below(void)
{
    expect("a project's folder",
           (files){"package.json", "", "prisma/schema.prisma", "", "prisma/migrations/1_a/migration.sql", "",
                   "prisma/migrations/2_b/migration.sql", "", NULL},
           NULL, DF_LAYOUT_NATIVE, "", "ignored-file:!");
    expect("resources with Flyway's folder",
           (files){"application.yml", "", "db/migration/V1__a.sql", "", "db/migration/V2__b.sql", "", NULL}, NULL,
           DF_LAYOUT_NATIVE, "", "ignored-file:!");
    expect("scripts in folders that are named for releases",
           (files){"1.1.0/update.sql", "", "1.2.0/update.sql", "", NULL}, NULL, DF_LAYOUT_NATIVE, "", "ignored-file:!");
    files vendors = {"db/mysql/migrations/1_a/migration.sql", "", "db/mysql/schema.prisma", "", NULL};
    expect("for other databases alone", vendors, &df_sql_postgres, DF_LAYOUT_NATIVE, "", "other-dialect:!");
    expect("for ours", vendors, &df_sql_mariadb, DF_LAYOUT_NATIVE, "", "ignored-file:!");
    expect("what has no script in it", (files){"docs/001_notes.md", "", "a/bin/001_setup.sh", "", "a/b/x.cypher", "", NULL},
           NULL, DF_LAYOUT_NATIVE, "", "");
    expect("beside migrations", (files){"001_a.sql", "", "old/2019/001_x.sql", "", NULL}, NULL, DF_LAYOUT_NATIVE, "001_a", "");
    expect("ways down alone", (files){"001_a.down.sql", "", "002_b.down.sql", "", NULL}, NULL, DF_LAYOUT_PAIRS, "",
           "orphan-down:001_a.down.sql orphan-down:002_b.down.sql orphan-down:!");
    expect("Flyway's undo scripts alone", (files){"U1__a.sql", "", "U2__b.sql", "", NULL}, NULL, DF_LAYOUT_FLYWAY, "",
           "orphan-down:U1__a.sql orphan-down:U2__b.sql orphan-down:!");
    expect("an environment without any of its own", (files){"prod/001_a.sql", "", "dev/x/y.sql", "", NULL}, NULL,
           DF_LAYOUT_NATIVE, "", "");
    folder f;
    folder_init(&f);
    folder_put(&f, "prisma/migrations/1_a/migration.sql", "");
    char link[600];
    snprintf(link, sizeof link, "%s/prisma/again", f.path);
    check(symlink("..", link) == 0, "a link that leads back up");
    df_migration_set *set = folder_open(&f, DF_LAYOUT_AUTO, NULL);
    const df_file_finding *found = set && set->n_findings == 1 ? &set->findings[0] : NULL;
    check(found && strstr(found->what, "a folder below does: prisma/migrations") &&
              strstr(found->hint, "/prisma/migrations") && found->blocks,
          "the folder that is meant is named");
    df_migrations_close(set);
    folder_release(&f);
}

/* Where files would share a version, the numbers behind it count. */
static void longer_versions(void)
{
    expect("dates with underscores",
           (files){"2024_01_15_120000_b.sql", "", "2024_01_15_090000_a.sql", "", "2023_12_31_000000_z.sql",
                   "", NULL},
           NULL, DF_LAYOUT_NATIVE, "2023_12_31_000000_z 2024_01_15_090000_a 2024_01_15_120000_b", "");
    expect("a day's number",
           (files){"20240115_10_k.sql", "", "20240115_02_x.sql", "", "20240115_02_x.rollback.sql", "", NULL},
           NULL, DF_LAYOUT_NATIVE, "20240115_02_x 20240115_10_k", "");
    expect("a release's number",
           (files){"03.00.00_50_b.sql", "", "03.00.00_01_a.sql", "", "03.01.00_01_c.sql", "", NULL}, NULL,
           DF_LAYOUT_NATIVE, "03.00.00_01_a 03.00.00_50_b 03.01.00_01_c", "");
    expect("a duplicate all the same", (files){"001_2_a.sql", "", "001_2_b.sql", "", NULL}, NULL,
           DF_LAYOUT_NATIVE, "001_2_a 001_2_b", "duplicate-version:001_2_b.sql!");
    expect("no version at all", (files){"v1_a.sql", "SELECT 1;", "v2_b.sql", "SELECT 2;", NULL}, NULL,
           DF_LAYOUT_NATIVE, "", "ignored-file:v1_a.sql ignored-file:v2_b.sql ignored-file:!");
}

static void by_folders(void)
{
    expect("diesel",
           (files){"2018-01-01-000000_b/up.sql", "", "20170101000000_a/up.sql", "",
                   "20170101000000_a/down.sql", "", "20190101000000_c/up.sql", "",
                   "20190101000000_c/metadata.toml", "run_in_transaction = false",
                   "20200101000000_d/down.sql", "", "x/up.sql", "", "5_x.sql", "", NULL},
           NULL, DF_LAYOUT_DIESEL, "20170101000000_a 2018-01-01-000000_b 20190101000000_c",
           "missing-file:20200101000000_d! mixed-layout:5_x.sql! bad-name:x!");
    expect("prisma, from the folder above",
           (files){"schema.prisma", "", "migrations/migration_lock.toml", "provider = \"postgresql\"",
                   "migrations/20240101000000_b.sql/migration.sql", "", "migrations/0_init/migration.sql", "",
                   "migrations/20240101000000_a/migration.sql", "", "migrations/20240102000000_c/x", "",
                   NULL},
           &df_sql_postgres, DF_LAYOUT_PRISMA, "0_init 20240101000000_a 20240101000000_b.sql",
           "missing-file:20240102000000_c!");
    expect("prisma for another database",
           (files){"migration_lock.toml", "provider = \"mysql\"", "1_a/migration.sql", "", NULL},
           &df_sql_sqlite, DF_LAYOUT_PRISMA, "1_a", "other-dialect:migration_lock.toml!");
    expect("temporal, from the folder above",
           (files){"schema.sql", "", "versioned/v1.10/manifest.json", "{\"SchemaUpdateCqlFiles\":[]}",
                   "versioned/v1.2/manifest.json",
                   "{\"CurrVersion\":\"1.2\",\"SchemaUpdateCqlFiles\":[\"a.sql\",\"b.sql\"]}",
                   "versioned/v1.2/a.sql", "SELECT 1;", "versioned/v1.2/b.sql", "SELECT 2",
                   "versioned/v0.1/x", "", NULL},
           NULL, DF_LAYOUT_TEMPORAL, "v1.2 v1.10", "missing-file:v0.1!");
}

#define PLAN "%syntax-version=1.0.0\n%project=flipr\n\n# a comment\n"
#define WHO  " 2013-12-31T00:00:00Z Marge N. <marge@example.com>"

static void sqitch(void)
{
    files list = {"sqitch.plan",
                  PLAN "schema" WHO " # The schema\nusers [schema]" WHO "\n@v1" WHO
                       " # Tag it\nlists [users !old other:thing]" WHO "\n@v2" WHO
                       "\nusers [users@v1 @v1]" WHO " # again\n",
                  "deploy/schema.sql",
                  "",
                  "deploy/users@v1.sql",
                  "SELECT 'old';",
                  "deploy/users.sql",
                  "SELECT 'new';",
                  "deploy/lists.sql",
                  "",
                  "revert/users.sql",
                  "x",
                  "verify/users.sql",
                  "y",
                  "deploy/forgotten.sql",
                  "",
                  NULL};
    expect("sqitch", list, NULL, DF_LAYOUT_SQITCH, "schema users lists users#2",
           "other-project:sqitch.plan ignored-file:deploy/forgotten.sql");
    folder f;
    folder_init(&f);
    put_all(&f, list);
    df_migration_set *set = folder_open(&f, DF_LAYOUT_AUTO, NULL);
    df_error err = {0};
    bool fine = set && set->count == 4;
    for (size_t i = 0; fine && i < 4; i++) fine = df_migration_load(set, &set->items[i], &err) == DF_OK;
    check(fine, "all of them can be read");
    if (fine) {
        const df_migration *old = &set->items[1], *lists = &set->items[2], *again = &set->items[3];
        check(str_is(old->file, "deploy/users@v1.sql") && str_is(again->file, "deploy/users.sql"),
              "scripts of a reworked change");
        check(!old->down.present && again->down.present && str_is(again->verify.sql, "y"),
              "revert and verify");
        check(str_is(again->meta.description, "again") &&
                  str_is(again->meta.author, "Marge N. <marge@example.com>"),
              "note and planner");
        check(again->meta.n_dependencies == 2 && str_is(again->meta.dependencies[0], "users") &&
                  str_is(again->meta.dependencies[1], "users"),
              "a change as of a tag, and a tag, are found");
        check(lists->meta.n_dependencies == 1 && lists->meta.n_conflicts == 1 &&
                  str_is(lists->meta.conflicts[0], "old"),
              "conflicts");
        df_migration *found = NULL;
        check(df_migration_find(set, DF_STR("@v2"), &found, &err) == DF_OK && found == lists,
              "a tag finds its change");
        check(df_migration_find(set, DF_STR("users"), &found, &err) == DF_OK && found == old,
              "a name finds the first instance");
        check(df_migration_find(set, DF_STR("latest"), &found, &err) == DF_OK && found == again, "latest");
    }
    df_migrations_close(set);
    folder_release(&f);
    expect("sqitch.conf",
           (files){"sqitch.conf", "[core]\n\ttop_dir = db\n\tengine = pg\n", "db/sqitch.plan",
                   PLAN "a" WHO "\n", "db/deploy/a.sql", "", NULL},
           NULL, DF_LAYOUT_SQITCH, "a", "");
    folder_init(&f);
    put_all(&f, (files){"sqitch.plan", PLAN "a" WHO "\nb" WHO "\n", "deploy/a.sql", "", NULL});
    set = folder_open(&f, DF_LAYOUT_AUTO, NULL);
    check(set && same_text(findings_of(set, &arena), "missing-file:deploy/b.sql!") &&
              df_migration_load(set, &set->items[1], &err) == DF_NOT_FOUND &&
              strstr(err.file, "deploy/b.sql"),
          "a script that the plan names is missing");
    df_migrations_close(set);
    folder_release(&f);
}

/* A folder that cannot be opened: the code, and a part of the message. */
static void refuse(const char *what, const char *const *list, df_layout layout, df_code code, int64_t line,
                   const char *message)
{
    folder f;
    folder_init(&f);
    put_all(&f, list);
    df_files_options options = {.folder = f.path, .layout = layout, .dialect = &df_sql_postgres};
    df_migration_set *set = NULL;
    df_error err = {0};
    df_code got = df_migrations_open(&options, &set, &err);
    if (got == DF_OK) df_migrations_close(set);
    bool fine = got == code && strstr(err.message, message) && err.line == line;
    if (!fine) note("%s, line %lld: %s", df_code_name(got), (long long)err.line, err.message);
    check(fine, "%s", what);
    folder_release(&f);
}

static void refused(void)
{
    df_files_options options = {.folder = "/nowhere/at/all"};
    df_migration_set *set;
    df_error err;
    check(df_migrations_open(&options, &set, &err) == DF_NOT_FOUND && strstr(err.hint, "dataflow init"),
          "a folder that is not there");
    refuse("several folders that may be meant", (files){"a/001_x.sql", "", "b/001_x.sql", "", NULL},
           DF_LAYOUT_AUTO, DF_USAGE, 0, "a, b");
    refuse("folders of other databases alone", (files){"mysql/1_x.up.sql", "", "sqlite/1_x.up.sql", "", NULL},
           DF_LAYOUT_AUTO, DF_USAGE, 0, "some for other databases: mysql, sqlite");
    refuse("sqitch: no plan", (files){"x", "", NULL}, DF_LAYOUT_SQITCH, DF_NOT_FOUND, 0, "sqitch.plan");
    refuse("sqitch: a change twice", (files){"sqitch.plan", "a" WHO "\na" WHO "\n", NULL}, DF_LAYOUT_SQITCH,
           DF_CORRUPT, 2, "no tag in between");
    refuse("sqitch: a tag twice", (files){"sqitch.plan", "a" WHO "\n@v" WHO "\n@v" WHO "\n", NULL},
           DF_LAYOUT_SQITCH, DF_CORRUPT, 3, "@v");
    refuse("sqitch: a tag first", (files){"sqitch.plan", "@v" WHO "\n", NULL}, DF_LAYOUT_SQITCH, DF_CORRUPT,
           1, "in front of");
    refuse("sqitch: a list that does not end", (files){"sqitch.plan", "a [b" WHO "\n", NULL},
           DF_LAYOUT_SQITCH, DF_CORRUPT, 1, "does not end");
    refuse("sqitch: a change taken back", (files){"sqitch.plan", "a" WHO "\n-a" WHO "\n", NULL},
           DF_LAYOUT_SQITCH, DF_UNSUPPORTED, 2, "-a");
    refuse("UTF-16",
           (files){"sqitch.plan",
                   "\xFF\xFE"
                   "a",
                   NULL},
           DF_LAYOUT_SQITCH, DF_CORRUPT, 1, "UTF-16");
}

static void finding_one(void)
{
    folder f;
    folder_init(&f);
    put_all(&f, (files){"009_add_notifications.sql", "", "010_same.sql", "", "011_same.sql", "", "v_x.sql",
                        "", NULL});
    df_migration_set *set = folder_open(&f, DF_LAYOUT_AUTO, NULL);
    static const char *const ways[] = {
        "9",  "009", "9.0", "v9", "009_add_notifications", "009_add_notifications.sql", "add_notifications",
        " 9 "};
    df_migration *found;
    df_error err;
    for (size_t i = 0; i < sizeof ways / sizeof *ways && set; i++)
        check(df_migration_find(set, df_str_from(ways[i]), &found, &err) == DF_OK && found == &set->items[0],
              "found as \"%s\"", ways[i]);
    check(set && df_migration_find(set, DF_STR("latest"), &found, &err) == DF_OK && found == &set->items[2],
          "found as \"latest\"");
    check(set && df_migration_find(set, DF_STR("nothing"), &found, &err) == DF_OK && !found,
          "what is not there");
    check(set && df_migration_find(set, DF_STR(""), &found, &err) == DF_OK && !found, "nothing at all");
    check(set && df_migration_find(set, DF_STR("same"), &found, &err) == DF_USAGE &&
              strstr(err.message, "010_same.sql or 011_same.sql"),
          "a name that two have");
    df_migrations_close(set);
    folder_release(&f);
}

static void layout_names(void)
{
    df_layout layout;
    check(df_layout_from_name("Goose", &layout) && layout == DF_LAYOUT_GOOSE, "by name, in any case");
    check(df_layout_from_name("pairs", &layout) && layout == DF_LAYOUT_PAIRS &&
              df_layout_from_name("auto", &layout),
          "by other names");
    check(!df_layout_from_name("alembic", &layout), "unknown ones are not taken");
    for (int i = 0; i < DF_LAYOUT_COUNT; i++)
        check(df_layout_from_name(df_layout_name((df_layout)i), &layout) && layout == (df_layout)i &&
                  df_layout_text(layout)[0],
              "%s", df_layout_name((df_layout)i));
    df_risk risk;
    check(df_risk_from_name(DF_STR("High"), &risk) && risk == DF_RISK_HIGH &&
              !df_risk_from_name(DF_STR(""), &risk) &&
              strcmp(df_risk_name(DF_RISK_CRITICAL), "critical") == 0,
          "risks");
}

int main(void)
{
    native();
    strange_files();
    pairs();
    kratos();
    flyway();
    by_marks();
    by_other_marks();
    by_suffix();
    longer_versions();
    folders_below();
    further_below();
    by_folders();
    sqitch();
    refused();
    finding_one();
    layout_names();
    df_arena_release(&arena);
    return tap_done();
}
