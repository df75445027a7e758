/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the whole program, which are the settings of the configuration file. */
#include "commands.h"

#include "engine/engine.h"
#include "migration/files/files.h"

#define LAYOUT_CHOICE(id, name, text) "|" name

const cli_option settings_options[] = {
    {CLI_INTO(settings, env), .name = "env", .arg = "NAME", .def = "development", .env = "DATAFLOW_ENV",
     .help = "the environment: whose section of the configuration file holds, and what is recorded",
     .manual =
         "Without any section [env.NAME] in the file there are development, staging, production and test."},
    {CLI_INTO(settings, url), .name = "database-url", .also = "url", .arg = "URL", .secret = true,
     .env = "DATAFLOW_DATABASE_URL|DATABASE_URL",
     .help = "the database: postgresql:, sqlite:, mariadb:, mysql:, bolt: or neo4j:",
     .manual =
         "`postgresql://user@host/db` (`?schema=NAME` works in that schema), `sqlite:relative.db`, "
         "`sqlite:///absolute/path.db`, `mariadb://user@host/db` or `mysql://…`, `bolt://user@host:7687/db`, "
         "`neo4j+s://user@host/db`. Where no URL is given, NEO4J_URI, NEO4J_USERNAME, NEO4J_PASSWORD and NEO4J_DATABASE "
         "name a Neo4j database together, and give a URL of one the credentials that it lacks. Passwords are better kept "
         "in "
         "variables: those, PGPASSWORD, ~/.pgpass, an option file, or in a variable that the configuration file refers to: "
         "`url = ${PROD_DATABASE_URL}`."},
    {CLI_INTO(settings, url_file), .name = "url-file", .after = CLI_ONE_OF, .arg = "FILE", .setting = true,
     .help = "read the database's URL from the first line of a file"},
    {CLI_INTO(settings, url_command), .name = "url-command", .after = CLI_ONE_OF, .arg = "COMMAND",
     .setting = true, .verbatim = true, .help = "take the database's URL from what a shell command prints"},
    {CLI_INTO(settings, migrations), .name = "migrations", .arg = "DIR", .def = "migrations",
     .env = "DATAFLOW_MIGRATIONS", .help = "the folder with the migrations",
     .manual = "Where it is not named and `migrations` is not there, `schema/migrations` is taken when that is."},
    {CLI_INTO(settings, env_file), .name = "env-file", .arg = "FILE",
     .help = "variables, instead of .env in the current directory"},

    {CLI_INTO(settings, layout), .name = "layout", .arg = "NAME", .choices = "auto" DF_LAYOUTS(LAYOUT_CHOICE) "|pairs",
     .def = "auto", .setting = true, .help = "how the migrations are written; auto: recognised"},
    {CLI_INTO(settings, engine), .name = "engine", .choices = "postgres|sqlite|mariadb|neo4j", .setting = true,
     .help = "for which engine files are read where there is no URL"},
    {CLI_INTO(settings, actor), .name = "actor", .arg = "NAME", .env = "DATAFLOW_ACTOR", .setting = true,
     .help = "who runs it, for the record (default: the user)"},

    {CLI_INTO(settings, wait), .name = "wait", .arg = "TIME", .duration = true, .def = "0", .setting = true,
     .help = "how long to wait for another run's migration lock"},
    {CLI_INTO(settings, lease), .name = "lease", .arg = "TIME", .duration = true, .def = "1min",
     .setting = true, .help = "how long the migration lock outlives a holder that stopped moving"},
    {CLI_INTO(settings, lock_timeout), .name = "lock-timeout", .arg = "TIME", .duration = true, .min = -1,
     .max = INT64_MAX, .def = "2s", .setting = true,
     .help = "how long a statement may stand in front of traffic, waiting for a lock"},
    {CLI_INTO(settings, retries), .name = "retries", .arg = "N", .min = 0, .max = 100000, .def = "20",
     .setting = true, .help = "how often a statement is tried again after that, with growing pauses"},
    {CLI_INTO(settings, statement_timeout), .name = "statement-timeout", .arg = "TIME", .duration = true,
     .min = -1, .max = INT64_MAX, .def = "none", .setting = true,
     .help = "how long a statement may take that builds no index"},
    {CLI_INTO(settings, index_timeout), .name = "index-timeout", .arg = "TIME", .duration = true, .min = -1,
     .max = INT64_MAX, .def = "none", .setting = true,
     .help = "how long index builds, validations and maintenance may take"},
    {CLI_INTO(settings, allow_late), .name = "allow-late", .setting = true,
     .help = "apply migrations that are older than the newest applied one"},

    {CLI_INTO(settings, max_risk), .name = "max-risk", .choices = "low|medium|high|critical", .setting = true,
     .help = "refuse migrations whose risk is higher"},
    {CLI_INTO(settings, required_approvals), .name = "required-approvals", .arg = "N", .min = 0, .max = 1000,
     .def = "0", .setting = true, .help = "how many people must have approved (up --approved-by)"},
    {CLI_INTO(settings, require_yes), .name = "require-yes", .setting = true,
     .help = "ask for consent before anything is destroyed (default: in production)"},

    {CLI_INTO(settings, backup), .name = "backup", .choices = "never|fresh|always", .def = "never",
     .setting = true, .help = "before up: no backup, a verified one that is young enough, or a new one"},
    {CLI_INTO(settings, backup_max_age), .name = "backup-max-age", .arg = "TIME", .duration = true,
     .def = "1d", .setting = true, .help = "how old a fresh backup may be"},
    {CLI_INTO(settings, backup_folder), .name = "backup-folder", .arg = "DIR", .def = "backups",
     .setting = true, .help = "where backups are kept"},
    {CLI_INTO(settings, backup_keep), .name = "backup-keep", .arg = "N", .min = 0, .max = INT64_MAX,
     .def = "0", .setting = true, .help = "after a backup that a run took, keep so many; 0: all"},
    {CLI_INTO(settings, encryption_key), .name = "encryption-key", .arg = "KEY", .secret = true,
     .env = "BACKUP_ENCRYPTION_KEY", .setting = true,
     .help = "64 hexadecimal digits: backups are encrypted with them"},

    {CLI_INTO(settings, before), .name = "before", .arg = "HOOK", .verbatim = true, .setting = true,
     .help = "a shell command or file of statements, before a run",
     .manual =
         "A hook that ends in `.sql` or `.cypher` is a file that runs on the database, anything else a command line for "
         "/bin/sh. Commands find DATAFLOW_HOOK, DATAFLOW_DIRECTION, DATAFLOW_ENV, DATAFLOW_MIGRATION, "
         "DATAFLOW_RUN_ID "
         "and DATAFLOW_FAILED in their environment. A failing hook ends the run; docs/how-to/hooks.md says "
         "more."},
    {CLI_INTO(settings, after), .name = "after", .arg = "HOOK", .verbatim = true, .setting = true,
     .help = "a shell command or file of statements, after a run, however it ended"},
    {CLI_INTO(settings, before_each), .name = "before-each", .arg = "HOOK", .verbatim = true, .setting = true,
     .help = "before each migration"},
    {CLI_INTO(settings, after_each), .name = "after-each", .arg = "HOOK", .verbatim = true, .setting = true,
     .help = "after each migration"},
    {CLI_INTO(settings, check), .name = "check", .arg = "HOOK", .verbatim = true, .setting = true,
     .help = "after success; when it fails, the run failed and is taken back"},
    {CLI_INTO(settings, failed), .name = "failed", .arg = "HOOK", .verbatim = true, .setting = true,
     .help = "when a run failed"},
    {CLI_INTO(settings, keep_on_failed_check), .name = "keep-on-failed-check", .setting = true,
     .help = "a failing check does not take the run's migrations back"},
    {CLI_INTO(settings, schema_snapshot), .name = "schema-snapshot", .def = "true", .setting = true,
     .help = "record the schema after success, for schema validate"},
    {CLI_INTO(settings, placeholder), .name = "placeholder", .arg = "NAME=VALUE", .keyed = true,
     .setting = true, .help = "what ${NAME} in migrations stands for; in the file placeholder.NAME = VALUE"},
    {0},
};

void mask_secret(df_buf *out, const char *secret)
{
    df_error ignored = {0};
    const char *engine;
    df_buf shown = {0};
    if (df_url_check(secret, &engine, &shown, &ignored) == DF_OK)
        df_buf_str_add(out, df_buf_str(&shown));
    else
        df_buf_text(out, "***");
    df_buf_release(&shown);
}
