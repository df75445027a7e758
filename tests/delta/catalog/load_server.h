/* SPDX-License-Identifier: Apache-2.0 */
/* The databases that a test runs on: SQLite always, in a folder of its own; servers when TEST_URL_… names
 * them. */
#ifndef TESTS_LOAD_SERVER_H
#define TESTS_LOAD_SERVER_H

#include "base/buf.h"
#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

typedef struct test_server {
    const char *name;
    char *url;
    char folder[64]; /* of SQLite; else empty */
} test_server;

enum { TEST_SERVERS = 3 };

/* url is NULL when there is no such server. */
static inline void test_servers(test_server servers[TEST_SERVERS])
{
    static const char *const names[TEST_SERVERS] = {"sqlite", "postgres", "mariadb"};
    static const char *const variables[TEST_SERVERS] = {NULL, "TEST_URL_POSTGRES", "TEST_URL_MARIADB"};
    for (int i = 0; i < TEST_SERVERS; i++) {
        servers[i] = (test_server){.name = names[i]};
        const char *url = variables[i] ? getenv(variables[i]) : NULL;
        if (url && *url) servers[i].url = df_strdup(df_str_from(url));
    }
    const char *tmp = getenv("TMPDIR");
    snprintf(servers[0].folder, sizeof servers[0].folder, "%.40s/load-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(servers[0].folder)) exit(99);
    df_buf url = {0};
    df_buf_printf(&url, "sqlite://%s/catalog.db", servers[0].folder);
    servers[0].url = df_strdup(df_buf_str(&url));
    df_buf_release(&url);
}

static inline void test_servers_done(test_server servers[TEST_SERVERS])
{
    static const char *const files[] = {"catalog.db", "catalog.db-wal", "catalog.db-shm",
                                        "catalog.db-dataflow-lock"};
    char path[160];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", servers[0].folder, files[i]);
        unlink(path);
    }
    rmdir(servers[0].folder);
    for (int i = 0; i < TEST_SERVERS; i++) free(servers[i].url);
}

#endif
