/* SPDX-License-Identifier: Apache-2.0 */
/* An application that embeds the library: import, validate, sync, roll back, stop half-way; all through include/dataflow. */
#include <dataflow/delta.h>

#include <tap.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct application {
    int logs, progress, asked;
    bool stop;
} application;

static void take_log(void *context, df_log_level level, const char *text)
{
    (void)level;
    (void)text;
    ((application *)context)->logs++;
}

static void take_progress(void *context, const df_progress *progress)
{
    (void)progress;
    ((application *)context)->progress++;
}

static bool cancelled(void *context)
{
    ((application *)context)->asked++;
    return ((application *)context)->stop;
}

int main(int argc, char **argv)
{
    if (argc < 2) return 2;
    char folder[] = "/tmp/dataflow-api-XXXXXX", url[128], table[4096], broken[4200];
    if (!mkdtemp(folder)) return 2;
    snprintf(url, sizeof url, "sqlite://%s/catalog.db", folder);
    snprintf(table, sizeof table, "%s/trips", argv[1]);
    snprintf(broken, sizeof broken, "%s/nothing", argv[1]);
    application host = {0};
    df_observer observer = {&host, take_log, take_progress, cancelled};
    df_error err;

    df_delta_import_options import = {.path = table, .database_url = url, .observer = &observer};
    df_delta_import_report imported;
    host.stop = true;
    check(df_delta_import(&import, &imported, &err) == DF_CANCELLED, "a caller that says stop stops it");
    df_delta_import_release(&imported);
    host.stop = false;
    import.resume = true;
    check(df_delta_import(&import, &imported, &err) == DF_OK, "and goes on later");
    check(imported.version == 14 && imported.num_files == 16 && !strcmp(imported.status, "completed"),
          "version %lld, %lld files", (long long)imported.version, (long long)imported.num_files);
    df_delta_import_release(&imported);

    df_delta_validate_options validate = {.database_url = url, .path = table};
    df_delta_validate_report validated;
    check(df_delta_validate(&validate, &validated, NULL) == DF_OK && !strcmp(validated.result, "match"),
          "it validates, without an error struct");
    check(validated.n_checks == 6, "%zu checks are reported", validated.n_checks);
    df_delta_validate_release(&validated);

    df_delta_sync_options sync = {.database_url = url, .table_id = "trips"};
    check(df_delta_sync(&sync, &imported, &err) == DF_OK && !strcmp(imported.status, "unchanged"), "nothing is new");
    df_delta_import_release(&imported);

    import.path = broken;
    check(df_delta_import(&import, &imported, &err) == DF_NOT_FOUND && strstr(err.message, "_delta_log") && err.hint[0],
          "an error says what and what to do: %s", err.message);
    df_delta_import_release(&imported);
    int64_t rows = 0;
    check(df_delta_rollback(url, "trips", NULL, &rows, &err) == DF_OK && rows > 16, "the rows go");
    check(df_delta_rollback(url, "trips", NULL, &rows, &err) == DF_NOT_FOUND, "and are gone");
    check(host.asked > 0, "the observer was asked");

    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0) note("%s is left", folder);
    return tap_done();
}
