/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpg_query. It takes a thread-specific key for each thread that parses and never gives it back, of which a
 * process has 1,024; so one thread parses for all, and lives as long as the process. The splitter of the
 * library is what is called: it parses without making a tree, neither recurses with the depth of the
 * statement nor touches the process's standard error, both of which its other functions do.
 */
#include "sql/sql_int.h"

#include <stdio.h>

#ifdef DF_HAVE_PG_QUERY

#include "base/library.h"

#include <pg_query.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define PG_QUERY_FUNCTIONS(X)                                                                                \
    X(split, pg_query_split_with_parser)                                                                     \
    X(free_split, pg_query_free_split_result)

typedef struct pg_query_functions {
    PG_QUERY_FUNCTIONS(DF_LIBRARY_MEMBER)
} pg_query_functions;

#define ENTRY(member, function) {#function, offsetof(pg_query_functions, member)},
static const df_library_function functions[] = {PG_QUERY_FUNCTIONS(ENTRY)};
static pg_query_functions pg_query;
static df_library library = {
    .file = "libpg_query.so.1504.0",
    .package = "libpg-query1504.0",
    .functions = functions,
    .n_functions = sizeof functions / sizeof *functions,
    .table = &pg_query,
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

enum {
    MAX_STATEMENT = 1 << 20, /* longer ones are mostly data */
    STACK = 1 << 20,
};

/* The thread, and the one statement that it has in hand. */
typedef struct parser {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pid_t process;   /* that the thread lives in; a forked child has none */
    const char *sql; /* to be parsed; NULL when there is nothing to do */
    df_sql_parse *out;
} parser;
static parser the_parser = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
/* One asks at a time. */
static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;

/* Bytes before the n-th character, 1-based. */
static size_t offset_of(const char *sql, int character)
{
    size_t at = 0;
    for (; sql[at] && character > 1; character--) {
        do at++;
        while (((unsigned char)sql[at] & 0xc0) == 0x80);
    }
    return at;
}

static void parse(const char *sql, df_sql_parse *out)
{
    PgQuerySplitResult result = pg_query.split(sql);
    out->known = true;
    out->parses = !result.error;
    if (result.error) {
        const char *message = result.error->message ? result.error->message : "";
        out->known = strncmp(message, "memory exhausted", 16) != 0; /* nested too deep for the parser */
        out->offset = offset_of(sql, result.error->cursorpos);
        snprintf(out->message, sizeof out->message, "%s", message);
    }
    pg_query.free_split(result);
}

static void *serve(void *context)
{
    parser *p = context;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->sql) pthread_cond_wait(&p->changed, &p->lock);
        parse(p->sql, p->out);
        p->sql = NULL;
        pthread_cond_broadcast(&p->changed);
    }
    return NULL;
}

/* Signals are for the threads of the program. */
static bool start(parser *p)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    if (p->process) return p->process == getpid();
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool started = pthread_create(&thread, &attributes, serve, p) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (started) p->process = getpid();
    return started;
}

static void ask(parser *p, const char *sql, df_sql_parse *out)
{
    pthread_mutex_lock(&asking);
    if (start(p)) {
        pthread_mutex_lock(&p->lock);
        p->sql = sql;
        p->out = out;
        pthread_cond_broadcast(&p->changed);
        while (p->sql) pthread_cond_wait(&p->changed, &p->lock);
        pthread_mutex_unlock(&p->lock);
    }
    pthread_mutex_unlock(&asking);
}

void df_sql_parse_check(const df_sql_dialect *dialect, df_str statement, df_sql_parse *out)
{
    *out = (df_sql_parse){0};
    if (dialect->family != DF_SQL_POSTGRES || statement.len > MAX_STATEMENT) return;
    if (memchr(statement.ptr ? statement.ptr : "", '\0', statement.len)) return;
    if (df_library_load(&library, NULL) != DF_OK) return;
    char *sql = df_strdup(statement);
    ask(&the_parser, sql, out);
    free(sql);
}

#else

void df_sql_parse_check(const df_sql_dialect *dialect, df_str statement, df_sql_parse *out)
{
    (void)dialect, (void)statement;
    *out = (df_sql_parse){0};
}

#endif
