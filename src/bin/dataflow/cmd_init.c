/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct init_args {
    bool ini;
} init_args;

static const cli_option option_table[] = {
    {CLI_INTO(init_args, ini), .name = "ini", .help = "also write a dataflow.ini that explains itself"},
    {0},
};

static const char template[] =
    "# Settings of dataflow: for every environment here, for one below [env.NAME].\n"
    "# All of them: dataflow help settings. What holds, and why: dataflow config show --env production\n"
    "migrations = migrations\n"
    "\n"
    "[env.development]\n"
    "# url = sqlite:development.db\n"
    "\n"
    "[env.production]\n"
    "# The URL by reference: the password does not stand in this file.\n"
    "url = ${PROD_DATABASE_URL}\n"
    "max-risk = medium\n"
    "required-approvals = 1\n"
    "backup = fresh\n"
    "backup-max-age = 12h\n"
    "lock-timeout = 2s\n"
    "# before = kubectl set env deployment/api MAINTENANCE_MODE=true\n"
    "# check = post-migration-tests.sql\n"
    "# after = kubectl set env deployment/api MAINTENANCE_MODE=false\n";

/* *made: it was not there. */
static df_code make_folder(const char *path, bool *made, df_error *err)
{
    *made = mkdir(path, 0755) == 0;
    if (*made || errno == EEXIST) return DF_OK;
    return df_fail_errno(err, errno, path, "make the folder");
}

static df_code write_template(const char *path, bool *made, df_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    *made = fd >= 0;
    if (fd < 0 && errno == EEXIST) return DF_OK;
    if (fd < 0) return df_fail_errno(err, errno, path, "write");
    ssize_t n = write(fd, template, sizeof template - 1);
    int failed = n == (ssize_t)sizeof template - 1 ? 0 : n < 0 ? errno : ENOSPC;
    if (close(fd) && !failed) failed = errno;
    return failed ? df_fail_errno(err, failed, path, "write") : DF_OK;
}

typedef struct made {
    const char *path;
    bool folder, ini, ledger, database;
} made;

static df_code make_all(cli_context *cli, const init_args *args, made *m, df_error *err)
{
    df_migrate_config config;
    df_migrate *migrate = NULL;
    DF_TRY(configure(cli, NEED_FILES, &config, err));
    m->path = config.folder;
    DF_TRY(make_folder(config.folder, &m->folder, err));
    if (args->ini) DF_TRY(write_template("dataflow.ini", &m->ini, err));
    m->database = config.database_url != NULL;
    if (!m->database) return DF_OK;
    DF_TRY(df_migrate_open(&config, &migrate, err));
    df_code code = df_migrate_init(migrate, &m->ledger, err);
    df_migrate_close(migrate);
    return code;
}

static void say(cli_context *cli, bool is_new, const char *what)
{
    cli_say_mark(cli, CLI_MARK_OK, "%s: %s", what, is_new ? "made" : "is there already");
}

static int run(cli_context *cli, const void *values)
{
    const init_args *args = values;
    made m = {0};
    df_error err = {0};
    if (make_all(cli, args, &m, &err) != DF_OK) return cli_fail(cli, &err);
    if (cli->json) {
        cli_view *record = cli_record(cli, NULL);
        cli_put_text(cli_field(record, "folder", NULL), m.path);
        cli_put_bool(cli_field(record, "folder_created", NULL), m.folder);
        cli_put_bool(cli_field(record, "ini_created", NULL), m.ini);
        cli_put_bool(cli_field(record, "ledger_created", NULL), m.ledger);
        cli_put_bool(cli_field(record, "database", NULL), m.database);
        cli_done(record);
        return 0;
    }
    say(cli, m.folder, df_arena_printf(&cli->arena, "folder %s", m.path));
    if (args->ini) say(cli, m.ini, "dataflow.ini");
    if (m.database)
        say(cli, m.ledger, "the ledger's tables in the database");
    else
        cli_note(cli, "no database was named; `up` makes the ledger's tables by itself");
    return 0;
}

const cli_command init_command = {
    .name = "init",
    .group = "Begin",
    .help = "make the folder of migrations, and the ledger's tables in the database",
    .manual = "Harmless when they are there. `up` makes the tables by itself, so that this is needed only "
              "where the "
              "account that migrates may not make tables, and another one prepares the database.",
    .examples = "PROGRAM init --ini\nPROGRAM init --database-url postgresql://ops@db/shop",
    .options = option_table,
    .values_size = sizeof(init_args),
    .run = run,
};
