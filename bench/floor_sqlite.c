/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor_sqlite FROM.db TO.db BATCH: the least that filling a catalog can cost on SQLite. Reads every row of
 * every table of FROM into memory, then (timed) writes them into the same tables of TO, which exist and are
 * empty, by one prepared INSERT a table, COMMIT every BATCH rows (0: once). Prints {"rows", "seconds"};
 * seconds end after the database is closed. Pragmas are those of the program.
 */
#define _GNU_SOURCE
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MAX_TABLES = 64, MAX_COLUMNS = 64 };

typedef struct value {
    int type;
    int length;
    union {
        int64_t i;
        double d;
        size_t at;
    } as; /* at: offset into the texts */
} value;

typedef struct table {
    char name[128];
    int columns;
    size_t rows, cap;
    value *values;
    char *texts;
    size_t used, texts_cap;
} table;

static void die(sqlite3 *db, const char *what)
{
    fprintf(stderr, "floor_sqlite: %s: %s\n", what, db ? sqlite3_errmsg(db) : "");
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

static void *grow(void *p, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap) return p;
    *cap = need * 2;
    p = realloc(p, *cap * size);
    if (!p) die(NULL, "out of memory");
    return p;
}

static void keep_row(table *t, sqlite3_stmt *s)
{
    t->values = grow(t->values, &t->cap, (t->rows + 1) * (size_t)t->columns, sizeof(value));
    for (int c = 0; c < t->columns; c++) {
        value *v = &t->values[t->rows * (size_t)t->columns + (size_t)c];
        v->type = sqlite3_column_type(s, c);
        if (v->type == SQLITE_INTEGER)
            v->as.i = sqlite3_column_int64(s, c);
        else if (v->type == SQLITE_FLOAT)
            v->as.d = sqlite3_column_double(s, c);
        else if (v->type != SQLITE_NULL) {
            const void *bytes = sqlite3_column_blob(s, c);
            v->length = sqlite3_column_bytes(s, c);
            t->texts = grow(t->texts, &t->texts_cap, t->used + (size_t)v->length, 1);
            if (v->length) memcpy(t->texts + t->used, bytes, (size_t)v->length);
            v->as.at = t->used;
            t->used += (size_t)v->length;
        }
    }
    t->rows++;
}

static int read_all(const char *path, table *tables)
{
    sqlite3 *db;
    sqlite3_stmt *names;
    int count = 0;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL)) die(db, path);
    const char *list = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND "
                       "name <> 'delta_catalog'";
    if (sqlite3_prepare_v2(db, list, -1, &names, NULL)) die(db, path);
    while (sqlite3_step(names) == SQLITE_ROW && count < MAX_TABLES) {
        table *t = &tables[count];
        char sql[256];
        sqlite3_stmt *rows;
        snprintf(t->name, sizeof t->name, "%s", (const char *)sqlite3_column_text(names, 0));
        snprintf(sql, sizeof sql, "SELECT * FROM \"%s\"", t->name);
        if (sqlite3_prepare_v2(db, sql, -1, &rows, NULL)) die(db, sql);
        t->columns = sqlite3_column_count(rows);
        while (sqlite3_step(rows) == SQLITE_ROW) keep_row(t, rows);
        sqlite3_finalize(rows);
        count += t->rows > 0;
    }
    sqlite3_finalize(names);
    sqlite3_close(db);
    return count;
}

static void run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL)) die(db, sql);
}

static void bind_row(sqlite3_stmt *s, const table *t, size_t row)
{
    for (int c = 0; c < t->columns; c++) {
        const value *v = &t->values[row * (size_t)t->columns + (size_t)c];
        if (v->type == SQLITE_INTEGER)
            sqlite3_bind_int64(s, c + 1, v->as.i);
        else if (v->type == SQLITE_FLOAT)
            sqlite3_bind_double(s, c + 1, v->as.d);
        else if (v->type == SQLITE_NULL)
            sqlite3_bind_null(s, c + 1);
        else
            sqlite3_bind_text(s, c + 1, t->texts + v->as.at, v->length, SQLITE_STATIC);
    }
}

static size_t write_table(sqlite3 *db, const table *t, size_t batch, size_t *since)
{
    char sql[1024];
    int at = snprintf(sql, sizeof sql, "INSERT INTO \"%s\" VALUES (?", t->name);
    for (int c = 1; c < t->columns; c++) at += snprintf(sql + at, sizeof sql - (size_t)at, ",?");
    snprintf(sql + at, sizeof sql - (size_t)at, ")");
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL)) die(db, sql);
    for (size_t row = 0; row < t->rows; row++) {
        bind_row(s, t, row);
        if (sqlite3_step(s) != SQLITE_DONE) die(db, t->name);
        sqlite3_reset(s);
        if (batch && ++*since == batch) {
            run(db, "COMMIT");
            run(db, "BEGIN IMMEDIATE");
            *since = 0;
        }
    }
    sqlite3_finalize(s);
    return t->rows;
}

int main(int argc, char **argv)
{
    static table tables[MAX_TABLES];
    if (argc != 4) {
        fprintf(stderr, "usage: floor_sqlite FROM.db TO.db BATCH\n");
        return 2;
    }
    int count = read_all(argv[1], tables);
    sqlite3 *db;
    size_t since = 0, rows = 0;
    double began = now(), processor_began = processor();
    if (sqlite3_open(argv[2], &db)) die(db, argv[2]);
    run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-106496; PRAGMA "
            "journal_size_limit=67108864");
    run(db, "BEGIN IMMEDIATE");
    for (int i = 0; i < count; i++) rows += write_table(db, &tables[i], strtoul(argv[3], NULL, 10), &since);
    run(db, "COMMIT");
    if (sqlite3_close(db)) die(db, "close");
    printf("{\"rows\": %zu, \"seconds\": %.6f, \"cpu_s\": %.6f}\n", rows, now() - began,
           processor() - processor_began);
    return 0;
}
