/* SPDX-License-Identifier: Apache-2.0 */
/* backup, and backup list, verify, restore, prune, dump, load. */
#include "commands.h"

typedef struct backup_args {
    const char *id, *type, *restore, *scratch_url, *home, *path, *database;
    int64_t keep, retention_days, attempts;
    bool compress, skip_safety, dry_run, yes;
} backup_args;

/* ---- what all of them print ---- */

static const cli_column columns[] = {
    {.name = "id", .title = "ID", .cut = CLI_CUT_NEVER},
    {.name = "created_at", .title = "CREATED"},
    {.name = "type", .title = "TYPE"},
    {.name = "size", .title = "SIZE"},
    {.name = "encrypted", .title = "ENCRYPTED"},
    {.name = "verified_at", .title = "VERIFIED"},
    {.name = "present", .title = "PRESENT"},
    {.name = "created_by", .title = "BY"},
    {.name = "filename"},
    {.name = "path"},
    {.name = "checksum"},
    {.name = "compressed"},
    {.name = "metadata"},
};

static void show_backups(cli_context *cli, const char *name, const df_migrate_backup *list, size_t count)
{
    cli_view *rows = cli_rows(cli, name, columns, cli->json ? 13 : 8, CLI_AUTO);
    for (size_t i = 0; i < count; i++) {
        const df_migrate_backup *b = &list[i];
        cli_put_text(rows, b->id);
        put_time_or_null(rows, b->created_ms);
        cli_put_text(rows, b->type);
        cli_put_bytes(rows, b->size);
        cli_put_bool(rows, b->encrypted);
        put_time_or_null(rows, b->verified_ms);
        cli_put_bool(rows, b->present);
        cli_put_text(rows, b->created_by);
        if (!cli->json) continue;
        cli_put_text(rows, b->filename);
        cli_put_text(rows, b->path);
        cli_put_text(rows, b->checksum);
        cli_put_bool(rows, b->compressed);
        if (b->metadata && *b->metadata)
            cli_put_raw(rows, df_str_from(b->metadata));
        else
            cli_put_null(rows);
    }
    cli_done(rows);
}

/* ---- backup restore, and `backup --restore ID` ---- */

static int restore(cli_context *cli, const char *id, const backup_args *args)
{
    df_migrate *migrate = NULL;
    df_migrate_backup restored = {0}, safety = {0};
    df_error err = {0};
    df_code code = ask_consent(cli, args->yes, true, "replaces the content of the live database", &err);
    if (code == DF_OK) code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK)
        code = df_migrate_backup_restore(migrate, id, args->skip_safety, &restored, &safety, &err);
    int status = 0;
    if (code != DF_OK)
        status = cli_fail(cli, &err);
    else if (cli->json) {
        cli_view *record = cli_record(cli, NULL);
        cli_put_text(cli_field(record, "restored", NULL), restored.id);
        cli_put_text(cli_field(record, "safety_backup", NULL), safety.id);
        cli_done(record);
    } else {
        cli_say_mark(cli, CLI_MARK_OK, "Backup restored: %s", restored.id);
        if (safety.id) cli_say(cli, "    the state before it: %s", safety.id);
    }
    df_migrate_close(migrate);
    return status;
}

static int run_restore(cli_context *cli, const void *values)
{
    const backup_args *args = values;
    return restore(cli, args->id, args);
}

/* ---- backup ---- */

static int run_backup(cli_context *cli, const void *values)
{
    const backup_args *args = values;
    df_migrate *migrate = NULL;
    df_migrate_backup made = {0};
    df_error err = {0};
    if (args->restore) return restore(cli, args->restore, args);
    df_migrate_backup_options options = {
        .type = args->type,
        .no_compress = !args->compress,
        .retention_days = args->retention_days == CLI_UNSET ? 0 : args->retention_days,
        .attempts = args->attempts,
    };
    df_code code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK) code = df_migrate_backup_create(migrate, &options, &made, &err);
    if (code == DF_OK && cli->json) show_backups(cli, NULL, &made, 1);
    if (code == DF_OK && !cli->json) {
        cli_say(cli, "Backup created: %s", made.id);
        cli_view *record = cli_record(cli, NULL);
        cli_put_text(cli_field(record, NULL, "File"), made.path && *made.path ? made.path : made.filename);
        cli_put_bytes(cli_field(record, NULL, "Size"), made.size);
        cli_put_text(cli_field(record, NULL, "SHA-256"), made.checksum);
        cli_put_bool(cli_field(record, NULL, "Encrypted"), made.encrypted);
        cli_done(record);
    }
    df_migrate_close(migrate);
    return code == DF_OK ? 0 : cli_fail(cli, &err);
}

/* ---- backup list ---- */

static int run_list(cli_context *cli, const void *values)
{
    df_migrate *migrate = NULL;
    df_migrate_backup *list = NULL;
    size_t count = 0;
    df_error err = {0};
    df_code code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK) code = df_migrate_backup_list(migrate, &list, &count, &err);
    if (code == DF_OK) show_backups(cli, NULL, list, count);
    df_migrate_close(migrate);
    return code == DF_OK ? 0 : cli_fail(cli, &err);
}

/* ---- backup verify ---- */

static void show_check(cli_context *cli, const df_migrate_backup_check *c, bool good)
{
    static const cli_column tables[] = {{.name = "table", .cut = CLI_CUT_MIDDLE},
                                        {.name = "rows_backup", .title = "ROWS THEN"},
                                        {.name = "rows_scratch", .title = "ROWS RESTORED"},
                                        {.name = "equal"}};
    cli_view *record = cli->json ? cli_record(cli, NULL) : NULL;
    if (record) {
        cli_put_text(cli_field(record, "id", NULL), c->id);
        cli_put_bool(cli_field(record, "good", NULL), good);
        cli_put_bool(cli_field(record, "checksum_ok", NULL), c->checksum_ok);
        cli_put_bool(cli_field(record, "restored", NULL), c->restored);
        cli_put_text(cli_field(record, "scratch", NULL), c->scratch);
        cli_put_int(cli_field(record, "differing", NULL), (int64_t)c->differing);
        cli_put_duration(cli_field(record, "duration_s", NULL), c->duration_s);
    }
    if (cli->json || !good || cli->verbose) {
        cli_view *rows = cli_rows(cli, "tables", tables, 4, CLI_AUTO);
        for (size_t i = 0; i < c->count; i++) {
            cli_put_text(rows, c->tables[i].name);
            put_count_or_null(rows, c->tables[i].rows_backup);
            put_count_or_null(rows, c->tables[i].rows_scratch);
            cli_put_bool(rows, c->tables[i].equal);
        }
        cli_done(rows);
    }
    if (record) cli_done(record);
    if (good && c->restored)
        cli_say_mark(cli, CLI_MARK_OK,
                     "Backup verified: %s, restored into a scratch database, %zu table%s equal", c->id,
                     c->count, c->count == 1 ? "" : "s");
    else if (good)
        cli_say_mark(cli, CLI_MARK_OK,
                     "Backup verified: %s, read to its end, %zu labels and types as they were counted", c->id,
                     c->count);
}

static int run_verify(cli_context *cli, const void *values)
{
    const backup_args *args = values;
    df_migrate *migrate = NULL;
    df_migrate_backup_check check = {0};
    df_error err = {0};
    df_code code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK) code = df_migrate_backup_verify(migrate, args->id, args->scratch_url, &check, &err);
    int status = 0;
    if (code == DF_OK || (code == DF_MISMATCH && check.id)) show_check(cli, &check, code == DF_OK);
    if (code == DF_MISMATCH && check.id && cli->json)
        status = df_code_exit_status(code);
    else if (code != DF_OK)
        status = cli_fail(cli, &err);
    df_migrate_close(migrate);
    return status;
}

/* ---- backup prune ---- */

static int run_prune(cli_context *cli, const void *values)
{
    const backup_args *args = values;
    df_migrate *migrate = NULL;
    df_migrate_backup *removed = NULL;
    size_t count = 0;
    df_error err = {0};
    df_code code = args->dry_run ? DF_OK : ask_consent(cli, args->yes, false, "removes backups", &err);
    if (code == DF_OK) code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK)
        code = df_migrate_backup_prune(migrate, args->keep, args->dry_run, &removed, &count, &err);
    if (code == DF_OK && (cli->json || count)) show_backups(cli, NULL, removed, count);
    if (code == DF_OK)
        cli_say_mark(cli, CLI_MARK_OK, "%zu %s %s", count, plural((int64_t)count, "backup", "backups"),
                     args->dry_run ? "would be removed" : "removed");
    df_migrate_close(migrate);
    return code == DF_OK ? 0 : cli_fail(cli, &err);
}

/* ---- backup dump, backup load ---- */

static int run_admin(cli_context *cli, const void *values, bool load)
{
    const backup_args *args = values;
    df_migrate_dump dump;
    df_error err = {0};
    df_migrate_dump_options options = {
        .neo4j_home = args->home, .database = args->database, .path = args->path, .observer = &cli->observer};
    df_code code = load ? ask_consent(cli, args->yes, true, "replaces the database of a stopped Neo4j", &err) : DF_OK;
    if (code == DF_OK) code = (load ? df_migrate_dump_load : df_migrate_dump_make)(&options, &dump, &err);
    if (code != DF_OK) return cli_fail(cli, &err);
    if (!cli->json) cli_say_mark(cli, CLI_MARK_OK, "%s %s", load ? "Loaded:" : "Dump made:", dump.path);
    cli_view *record = cli_record(cli, NULL);
    if (cli->json) cli_put_text(cli_field(record, "path", NULL), dump.path);
    cli_put_bytes(cli_field(record, "size", "Size"), dump.size);
    cli_put_text(cli_field(record, "sha256", "SHA-256"), dump.checksum);
    cli_done(record);
    return 0;
}

static int run_dump(cli_context *cli, const void *values)
{
    return run_admin(cli, values, false);
}

static int run_load(cli_context *cli, const void *values)
{
    return run_admin(cli, values, true);
}

/* ---- the table ---- */

#define OPERAND_ID(help_)                                                                                    \
    {                                                                                                        \
        CLI_INTO(backup_args, id), .name = "ID", .operand = true, .required = true, .help = help_            \
    }
#define OPTION_SKIP_SAFETY                                                                                   \
    {                                                                                                        \
        CLI_INTO(backup_args, skip_safety), .name = "skip-safety",                                           \
                                            .help = "do not back the present state up before restoring"      \
    }

static const cli_option backup_options[] = {
    {CLI_INTO(backup_args, type), .name = "type", .choices = "full|scheduled|critical", .def = "full",
     .help = "how it is recorded"},
    {CLI_INTO(backup_args, compress), .name = "compress", .def = "true", .help = "compress it"},
    {CLI_INTO(backup_args, retention_days), .name = "retention-days", .arg = "N", .min = 1, .max = 36500,
     .help = "prune removes it after so many days"},
    {CLI_INTO(backup_args, attempts), .name = "attempts", .arg = "N", .min = 1, .max = 100, .def = "1",
     .help = "make it anew, so often at most, when it is not of one moment because something was written"},
    {CLI_INTO(backup_args, restore), .name = "restore", .arg = "ID",
     .help = "restore that one instead: see backup restore"},
    OPTION_SKIP_SAFETY,
    OPTION_YES(backup_args),
    {0},
};
static const cli_option verify_options[] = {
    OPERAND_ID("its id, or latest"),
    {CLI_INTO(backup_args, scratch_url), .name = "scratch-url", .arg = "URL", .secret = true,
     .env = "DATAFLOW_SCRATCH_URL",
     .help = "an empty database to restore it into, for Neo4j (default: the file is read and counted)"},
    {0},
};
#define OPTIONS_ADMIN                                                                                        \
    {CLI_INTO(backup_args, home), .name = "neo4j-home", .arg = "FOLDER", .env = "NEO4J_HOME",                \
     .help = "where Neo4j is installed"},                                                                    \
    {                                                                                                        \
        CLI_INTO(backup_args, database), .name = "database", .arg = "NAME", .def = "neo4j",                  \
                                         .help = "the database's name"                                       \
    }
static const cli_option dump_options[] = {
    {CLI_INTO(backup_args, path), .name = "to-path", .arg = "FOLDER", .required = true,
     .help = "where DATABASE.dump is made; the folder is made, too"},
    OPTIONS_ADMIN,
    {0},
};
static const cli_option load_options[] = {
    {CLI_INTO(backup_args, path), .name = "from-path", .arg = "FOLDER", .required = true,
     .help = "where DATABASE.dump is"},
    OPTIONS_ADMIN,
    OPTION_YES(backup_args),
    {0},
};
static const cli_option restore_options[] = {
    OPERAND_ID("its id, or latest"),
    OPTION_SKIP_SAFETY,
    OPTION_YES(backup_args),
    {0},
};
static const cli_option prune_options[] = {
    {CLI_INTO(backup_args, keep), .name = "keep", .arg = "N", .min = 1, .max = INT64_MAX, .def = "1",
     .help = "so many of the newest stay"},
    {CLI_INTO(backup_args, dry_run), .name = "dry-run", .help = "show what would be removed"},
    OPTION_YES(backup_args),
    {0},
};

const cli_command backup_command = {
    .name = "backup",
    .group = "Back up",
    .help = "back the database up with the engine's own tool, and record it",
    .manual = "pg_dump, mariadb-dump, SQLite's online backup, or (Neo4j, while it runs) a dump over Bolt, into the "
              "folder of `backup-folder`; compressed, with a checksum, and encrypted and authenticated where "
              "BACKUP_ENCRYPTION_KEY is set.",
    .examples = "PROGRAM backup\nBACKUP_ID=$(PROGRAM backup | grep \"Backup created:\" | cut -d: -f2)",
    .options = backup_options,
    .values_size = sizeof(backup_args),
    .run = run_backup,
};

const cli_command backup_list_command = {
    .name = "backup list",
    .group = "Back up",
    .help = "list the backups, newest first",
    .examples = "PROGRAM backup list",
    .run = run_list,
};

const cli_command backup_verify_command = {
    .name = "backup verify",
    .group = "Back up",
    .help = "prove a backup: restore it into a scratch database and compare",
    .manual =
        "Row counts and checksums of every table, as they were counted when the backup was made, with what "
        "comes out of it. On Neo4j without --scratch-url the file is read and counted, label by label and type by "
        "type. `up` in an environment with `backup = fresh` accepts only backups that were proved so.\n\n"
        "Status 0: good. 4: something differs.",
    .examples = "PROGRAM backup verify latest",
    .options = verify_options,
    .values_size = sizeof(backup_args),
    .run = run_verify,
};

const cli_command backup_restore_command = {
    .name = "backup restore",
    .group = "Back up",
    .help = "replace the content of the live database by a backup's",
    .manual = "Asks for --yes in every environment, and backs the present state up first.",
    .examples = "PROGRAM backup restore latest --yes",
    .options = restore_options,
    .values_size = sizeof(backup_args),
    .run = run_restore,
};

const cli_command backup_prune_command = {
    .name = "backup prune",
    .group = "Back up",
    .help = "remove old backups",
    .manual =
        "All but the newest --keep, and those over their retention; never the newest one that was proved.",
    .examples = "PROGRAM backup prune --keep 3 --dry-run",
    .options = prune_options,
    .values_size = sizeof(backup_args),
    .run = run_prune,
};

const cli_command backup_dump_command = {
    .name = "backup dump",
    .group = "Back up",
    .help = "neo4j-admin database dump, of a Neo4j on this machine that is stopped",
    .manual = "Finds neo4j-admin (in FOLDER/bin, in PATH, or among the jars in FOLDER/lib), checks that the server is "
              "stopped, makes the folder, and writes the dump's size and SHA-256 beside it. While the server runs: "
              "`backup`.",
    .examples = "PROGRAM backup dump --to-path /backups/pre-migration-$(date +%Y%m%d-%H%M%S)",
    .options = dump_options,
    .values_size = sizeof(backup_args),
    .run = run_dump,
};

const cli_command backup_load_command = {
    .name = "backup load",
    .group = "Back up",
    .help = "neo4j-admin database load, into a Neo4j on this machine that is stopped",
    .manual = "Replaces the database. The dump is held against the size and the SHA-256 that `backup dump` noted; "
              "asks for --yes in every environment.",
    .examples = "PROGRAM backup load --from-path /backups/pre-migration-20261128-120000 --yes",
    .options = load_options,
    .values_size = sizeof(backup_args),
    .run = run_load,
};
