/* SPDX-License-Identifier: Apache-2.0 */
/* An application that embeds the migration runner: all through include/dataflow. */
#include <dataflow/migrate.h>

#include <tap.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct application {
    int logs, events, asked;
    bool stop;
} application;

static void take_log(void *context, df_log_level level, const char *text)
{
    (void)level;
    (void)text;
    ((application *)context)->logs++;
}

static bool cancelled(void *context)
{
    ((application *)context)->asked++;
    return ((application *)context)->stop;
}

static void take_event(void *context, const char *json)
{
    ((application *)context)->events += json[0] == '{' && json[strlen(json) - 1] == '}';
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file) return;
    fputs(text, file);
    fclose(file);
}

static df_code count_text(void *context, const char *text, size_t len, df_error *err)
{
    (void)text;
    (void)err;
    *(size_t *)context += len;
    return DF_OK;
}

static df_code count_entry(void *context, const df_migrate_audit_entry *entry, df_error *err)
{
    (void)err;
    *(int *)context += entry->hash && strlen(entry->hash) == 64;
    return DF_OK;
}

static void test_run(const char *folder, const char *url)
{
    application host = {0};
    df_observer observer = {&host, take_log, NULL, cancelled};
    df_migrate_config config = {.database_url = url, .folder = folder, .observer = &observer, .event = take_event, .event_context = &host};
    df_migrate *m = NULL;
    df_error err = {0};
    df_migrate_status status;
    df_migrate_run_report run;
    check(df_migrate_open(&config, &m, &err) == DF_OK, "a handle");
    check(df_migrate_status_read(m, DF_MIGRATE_DETAILS_PENDING, &status, &err) == DF_OK && status.pending == 2 && !status.initialised, "two are pending");
    df_migrate_run_options dry = {.dry_run = true};
    check(df_migrate_up(m, &dry, &run, &err) == DF_OK && run.count == 2 && strcmp(run.items[0].state, "would apply") == 0,
          "a rehearsal says what would happen");
    check(df_migrate_status_read(m, DF_MIGRATE_DETAILS_NONE, &status, &err) == DF_OK && status.pending == 2, "and changes nothing");
    host.stop = true;
    check(df_migrate_up(m, NULL, &run, &err) == DF_CANCELLED && run.done == 0, "a caller that says stop stops it");
    host.stop = false;
    check(df_migrate_up(m, NULL, &run, &err) == DF_OK && run.done == 2 && host.events > 4, "up applies both, and tells");
    check(df_migrate_status_read(m, DF_MIGRATE_DETAILS_NONE, &status, &err) == DF_OK && status.applied == 2 && strcmp(status.current, "002") == 0,
          "the status knows them");
    df_migrate_drift drift;
    size_t length = 0;
    int entries = 0;
    df_migrate_audit_proof proof;
    check(df_migrate_schema_validate(m, &drift, &err) == DF_OK && drift.count == 0, "no drift");
    check(df_migrate_schema_dump(m, count_text, &length, &err) == DF_OK && length > 20, "the schema as text");
    check(df_migrate_audit(m, NULL, 0, count_entry, &entries, &err) == DF_OK && entries >= 4, "the audit log");
    check(df_migrate_audit_verify(m, NULL, &proof, &err) == DF_OK && proof.entries == entries, "whose chain is whole");
    check(df_migrate_down(m, NULL, &run, &err) == DF_REFUSED && strstr(err.message, "orders: 1 row"), "down refuses to lose a row");
    df_migrate_run_options force = {.force = true, .reason = "test"};
    check(df_migrate_down(m, &force, &run, &err) == DF_OK && run.done == 1, "unless it is told to");
    df_migrate_close(m);
}

int main(void)
{
    char folder[] = "/tmp/dataflow-migrate-XXXXXX", url[128];
    if (!mkdtemp(folder)) return 2;
    char migrations[200];
    snprintf(url, sizeof url, "sqlite://%s/app.db", folder);
    snprintf(migrations, sizeof migrations, "%s/migrations", folder);
    if (mkdir(migrations, 0700) != 0) return 2;
    write_file(migrations, "001_users.sql", "-- UP\nCREATE TABLE users (id INTEGER PRIMARY KEY);\n-- DOWN\nDROP TABLE users;\n");
    write_file(migrations, "002_orders.sql",
               "-- UP\nCREATE TABLE orders (id INTEGER);\nINSERT INTO orders VALUES (1);\n-- DOWN\nDROP TABLE orders;\n");
    test_run(migrations, url);

    df_migrate *m = NULL;
    df_error err = {0};
    df_migrate_config bad = {.database_url = "nosuch:thing"};
    check(df_migrate_open(&bad, &m, &err) == DF_USAGE && strstr(err.message, "nosuch"), "a bad URL is refused at once");
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    check(system(command) == 0, "cleaned up");
    return tap_done();
}
