/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor_postgres CONNINFO TABLE=FILE...: a bare COPY. Reads the files (COPY's text format) into memory, then
 * (timed) opens a connection, copies each into its table within one transaction, commits and closes. Prints
 * {"bytes", "seconds"}.
 */
#define _GNU_SOURCE
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { CHUNK = 1 << 16 };

static void die(PGconn *c, const char *what)
{
    fprintf(stderr, "floor_postgres: %s: %s\n", what, c ? PQerrorMessage(c) : "");
    exit(1);
}

/* Processor seconds of this process. */
static double processor(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *slurp(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f) die(NULL, path);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    char *text = malloc(*size + 1);
    if (!text || fread(text, 1, *size, f) != *size) die(NULL, path);
    fclose(f);
    return text;
}

static void run(PGconn *c, const char *sql, ExecStatusType wanted)
{
    PGresult *r = PQexec(c, sql);
    if (PQresultStatus(r) != wanted) die(c, sql);
    PQclear(r);
}

/* In chunks that end at a line, as a COPY client sends them. */
static void copy(PGconn *c, const char *table, const char *text, size_t size)
{
    char sql[512];
    snprintf(sql, sizeof sql, "COPY %s FROM STDIN", table);
    run(c, sql, PGRES_COPY_IN);
    for (size_t at = 0; at < size;) {
        size_t n = size - at < CHUNK ? size - at : CHUNK;
        if (PQputCopyData(c, text + at, (int)n) != 1) die(c, table);
        at += n;
    }
    if (PQputCopyEnd(c, NULL) != 1) die(c, table);
    PGresult *r = PQgetResult(c);
    if (PQresultStatus(r) != PGRES_COMMAND_OK) die(c, table);
    PQclear(r);
    while ((r = PQgetResult(c))) PQclear(r);
}

int main(int argc, char **argv)
{
    char *texts[64];
    size_t sizes[64], total = 0;
    if (argc < 3 || argc > 66) {
        fprintf(stderr, "usage: floor_postgres CONNINFO TABLE=FILE...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        char *file = strchr(argv[i], '=');
        if (!file) die(NULL, argv[i]);
        *file = '\0';
        texts[i - 2] = slurp(file + 1, &sizes[i - 2]);
        total += sizes[i - 2];
    }
    double began = now(), processor_began = processor();
    PGconn *c = PQconnectdb(argv[1]);
    if (PQstatus(c) != CONNECTION_OK) die(c, "connect");
    run(c, "BEGIN", PGRES_COMMAND_OK);
    for (int i = 2; i < argc; i++) copy(c, argv[i], texts[i - 2], sizes[i - 2]);
    run(c, "COMMIT", PGRES_COMMAND_OK);
    PQfinish(c);
    printf("{\"bytes\": %zu, \"seconds\": %.6f, \"cpu_s\": %.6f}\n", total, now() - began,
           processor() - processor_began);
    return 0;
}
