/* SPDX-License-Identifier: Apache-2.0 */
/*
 * split DIALECT RUNS FILE...: how fast SQL is split, classified, and brought into its normal form; and, for
 * postgres, how fast libpg_query splits the same, with its scanner and with its parser. Prints a JSON object:
 * bytes, statements, and for each kind of work the MB/s of each run, by the processor's time of the one
 * thread. Every file is a script of its own. Built by split.py.
 */
#include "base/clock.h"
#include "sql/sql.h"

#include <dlfcn.h>
#include <pg_query.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { AT_LEAST_MS = 200 }; /* one run goes over the files as often as fills that */

typedef struct corpus {
    const df_sql_dialect *dialect;
    df_str *files;
    df_sql_statement *statements;
    size_t n_files, cap_files, n_statements, cap_statements;
    size_t bytes;
} corpus;

static PgQuerySplitResult (*by_scanner)(const char *), (*by_parser)(const char *);
static void (*release)(PgQuerySplitResult);

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "split: %s: %s\n", what, why);
    exit(1);
}

static df_str read_file(const char *path)
{
    df_buf text = {0};
    FILE *file = fopen(path, "rb");
    size_t got;
    if (!file) fail(path, "cannot be read");
    while ((got = fread(df_buf_reserve(&text, 65536), 1, 65536, file)) > 0) text.len += got;
    fclose(file);
    df_buf_cstr(&text);
    return df_buf_str(&text);
}

/* ---- kinds of work, each over the whole ---- */

static size_t split_all(const corpus *c, df_sql_statement *out)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_files; i++) {
        df_sql_splitter splitter = {.dialect = c->dialect, .script = c->files[i]};
        df_sql_statement statement;
        df_error err;
        bool more;
        for (;;) {
            if (df_sql_split(&splitter, &statement, &more, &err) != DF_OK) fail("a file", err.message);
            if (!more) break;
            if (out) out[n] = statement;
            n++;
        }
    }
    return n;
}

static size_t split(const corpus *c)
{
    return split_all(c, NULL);
}

static size_t classify(const corpus *c)
{
    df_arena arena = {0};
    size_t sum = 0;
    for (size_t i = 0; i < c->n_statements; i++) {
        sum += df_sql_classify(c->dialect, c->statements[i].text, &arena).flags;
        df_arena_reset(&arena);
    }
    df_arena_release(&arena);
    return sum;
}

static size_t normalise(const corpus *c)
{
    df_buf out = {0};
    size_t sum = 0;
    for (size_t i = 0; i < c->n_statements; i++) {
        df_buf_clear(&out);
        df_sql_normalise(c->dialect, c->statements[i].text, &out);
        sum += out.len;
    }
    df_buf_release(&out);
    return sum;
}

static size_t peer(const corpus *c, PgQuerySplitResult (*function)(const char *))
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_files; i++) {
        PgQuerySplitResult result = function(c->files[i].ptr);
        n += (size_t)result.n_stmts;
        release(result);
    }
    return n;
}

static size_t peer_scanner(const corpus *c)
{
    return peer(c, by_scanner);
}

static size_t peer_parser(const corpus *c)
{
    return peer(c, by_parser);
}

static void measure(const corpus *c, const char *name, size_t (*work)(const corpus *c), int runs)
{
    static volatile size_t sink;
    printf(",\n \"%s\": [", name);
    for (int run = -1; run < runs; run++) { /* the first warms up */
        double began = seconds(), spent = 0;
        int rounds = 0;
        do {
            sink += work(c);
            rounds++;
            spent = seconds() - began;
        } while (spent < AT_LEAST_MS / 1000.0);
        if (run >= 0) printf("%s%.1f", run ? ", " : "", (double)c->bytes * rounds / spent / 1e6);
    }
    printf("]");
}

static bool load_peer(void)
{
    void *library = dlopen("libpg_query.so.1504.0", RTLD_NOW | RTLD_LOCAL);
    if (!library) return false;
    *(void **)&by_scanner = dlsym(library, "pg_query_split_with_scanner");
    *(void **)&by_parser = dlsym(library, "pg_query_split_with_parser");
    *(void **)&release = dlsym(library, "pg_query_free_split_result");
    return by_scanner && by_parser && release;
}

int main(int argc, char **argv)
{
    corpus c = {.dialect = argc > 3 ? df_sql_dialect_of(argv[1]) : NULL};
    if (!c.dialect) fail("usage", "split postgres|sqlite|mariadb RUNS FILE...");
    for (int i = 3; i < argc; i++) {
        DF_PUSH(c.files, c.n_files, c.cap_files) = read_file(argv[i]);
        c.bytes += c.files[c.n_files - 1].len;
    }
    c.n_statements = split(&c);
    c.statements = df_alloc((c.n_statements + 1) * sizeof *c.statements);
    split_all(&c, c.statements);
    printf("{\"files\": %zu, \"bytes\": %zu, \"statements\": %zu", c.n_files, c.bytes, c.n_statements);
    measure(&c, "split", split, atoi(argv[2]));
    measure(&c, "classify", classify, atoi(argv[2]));
    measure(&c, "normalise", normalise, atoi(argv[2]));
    if (c.dialect == &df_sql_postgres && load_peer()) {
        measure(&c, "libpg_query scanner", peer_scanner, atoi(argv[2]));
        measure(&c, "libpg_query parser", peer_parser, atoi(argv[2]));
    }
    printf("}\n");
    return 0;
}
