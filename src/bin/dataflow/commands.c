/* SPDX-License-Identifier: Apache-2.0 */
/* The list of commands. */
#include "commands.h"

static const cli_command *const commands[] = {
    &init_command,
    &new_command,
    &status_command,
    &validate_command,
    &up_command,
    &down_command,
    &redo_command,
    &verify_command,
    &history_command,
    &audit_command,
    &schema_validate_command,
    &schema_dump_command,
    &schema_accept_command,
    &repair_command,
    &adopt_command,
    &backup_command,
    &backup_list_command,
    &backup_verify_command,
    &backup_restore_command,
    &backup_prune_command,
    &backup_dump_command,
    &backup_load_command,
    &health_command,
    &why_command,
    &lock_status_command,
    &lock_release_command,
    NULL,
};

/* What the runbook tells people to look for. */
static const char *const shown[] = {"Attempting to acquire migration lock", "Migration lock acquired",
                                    "Backup created:", "Backup accepted:", NULL};

const cli_program dataflow_program = {
    .name = "dataflow",
    .version = DF_VERSION,
    .help = "versioned migrations of PostgreSQL, SQLite, MariaDB and Neo4j that survive anything",
    .manual = "Applies migrations (files of SQL or Cypher with an up and a down section, or the files of another tool) in "
              "their order, "
              "under a lock that cannot lie, and records each in the database. Killed anywhere, it goes on "
              "at the first "
              "unfinished statement. It rehearses, takes backups and proves them, takes migrations back, "
              "proves that they can "
              "be taken back, and tells when the schema is no longer what the migrations made.\n\n"
              "A migration that fails is rolled back by itself: by its transaction, or by its down "
              "statements where the engine "
              "commits implicitly. What is left after a failure is said, recorded, and the next `up` goes on "
              "from there.",
    .see = "docs/tutorial-dataflow.md walks through it; docs/how-to/production-migration.md is the runbook",
    .commands = commands,
    .options = settings_options,
    .values_size = sizeof(settings),
    .environments = "development|staging|production|test",
    .env_file = true,
    .log_env = "LOG_LEVEL",
    .progress_word = "PROGRESS",
    .shown = shown,
    .mask = mask_secret,
};
