/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Bolt connection, for tests: bolt_probe HOST PORT [option=value …] -- WORD …
 * Options: version=5.4, legacy=1, user_agent=, tls=verified|any, ca=FILE, auth=, user=, password=, database=,
 * connect_ms=, routing=HOST:PORT, deadline_ms= (for each reply), interrupt_ms= (from the start of the words),
 * notifications=. Words are done in order; each reply is a line of standard output: run QUERY, begin, commit,
 * rollback, pull N, discard N, params N (a string of N bytes as $p), text TEXT (as $p), receive (one reply),
 * all (until nothing is pending), count (all, records only counted), reset, route, info, mute (records are
 * not shown), sleep MS, close. An error is "error CODE NATIVE: MESSAGE [HINT]" and ends with status 1 unless
 * the word "lenient" came before.
 */
#include "engine/neo4j/bolt.h"
#include "engine/neo4j/socket.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct probe {
    bolt_options options;
    bolt *bolt;
    bolt_transaction transaction;
    df_buf params;
    df_buf query;
    int64_t deadline_ms, interrupt_ms;
    bool lenient, mute, in_transaction;
    int failed;
} probe;

static void say_error(probe *p, const df_error *err)
{
    printf("error %s %s: %s", df_code_name(err->code), err->native, err->message);
    if (err->hint[0]) printf(" [%s]", err->hint);
    if (err->sql_line) printf(" line %d offset %lld", err->sql_line, (long long)err->sql_offset);
    printf("\n");
    fflush(stdout);
    p->failed = 1;
    if (!p->lenient) {
        bolt_close(p->bolt);
        exit(1);
    }
}

static void show(df_str body, bool list)
{
    df_buf text = {0};
    df_error err = {0};
    ps_reader reader = {body, 0};
    ps_item head;
    df_code code = DF_OK;
    if (list) {
        code = ps_read(&reader, &head, &err);
        for (uint32_t i = 0; code == DF_OK && i < head.count; i++) {
            if (i) df_buf_text(&text, " | ");
            code = ps_put_readable(&reader, &text, &err);
        }
    } else if (body.len) {
        code = ps_put_readable(&reader, &text, &err);
    }
    printf(" %s\n", code == DF_OK ? df_buf_cstr(&text) : err.message);
    df_buf_release(&text);
}

/* false: an error */
static bool receive(probe *p, bool count, int64_t *records)
{
    static const char *const names[] = {"record", "success", "failure", "ignored"};
    bolt_message message;
    df_error err = {0};
    int64_t deadline = p->deadline_ms ? bolt_clock() + p->deadline_ms : 0;
    if (bolt_receive(p->bolt, deadline, &message, &err) != DF_OK) {
        say_error(p, &err);
        return false;
    }
    if (message.kind == BOLT_RECORD) {
        ++*records;
        if (count || p->mute) return true;
    }
    if (message.kind == BOLT_FAILURE) {
        if (bolt_error(message.body, &err) != DF_OK) {
            bolt_error_at(df_buf_str(&p->query), &err);
            bool lenient = p->lenient;
            p->lenient = true;
            say_error(p, &err);
            p->lenient = lenient;
        }
        return true;
    }
    fputs(names[message.kind], stdout);
    show(message.body, message.kind == BOLT_RECORD);
    return true;
}

static void receive_all(probe *p, bool count)
{
    int64_t records = 0;
    while (bolt_pending(p->bolt) && receive(p, count, &records)) {
    }
    if (count) printf("records %lld\n", (long long)records);
}

static void route(probe *p)
{
    static const char *const roles[] = {"route", "read", "write"};
    df_arena arena = {0};
    df_error err = {0};
    bolt_route *routes;
    size_t n;
    int64_t ttl;
    if (bolt_routes(p->bolt, p->transaction.database, NULL, &arena, &routes, &n, &ttl, &err) != DF_OK) {
        say_error(p, &err);
    } else {
        printf("ttl %lld\n", (long long)ttl);
        for (size_t i = 0; i < n; i++)
            printf("%s %s %u\n", roles[routes[i].role], routes[i].host, routes[i].port);
    }
    df_arena_release(&arena);
}

static void set_param(probe *p, df_str text)
{
    df_buf_clear(&p->params);
    ps_put_dict(&p->params, 1);
    ps_put_text(&p->params, "p");
    ps_put_string(&p->params, text);
}

static void set_long_param(probe *p, size_t size)
{
    char *bytes = malloc(size + 1);
    memset(bytes, 'x', size);
    set_param(p, (df_str){bytes, size});
    free(bytes);
}

static void run(probe *p, const char *query)
{
    df_buf_clear(&p->query);
    df_buf_text(&p->query, query);
    bolt_run(p->bolt, df_str_from(query), p->params.len ? df_buf_str(&p->params) : DF_STR_NONE,
             p->in_transaction ? NULL : &p->transaction);
}

static void reset(probe *p)
{
    df_error err = {0};
    p->in_transaction = false;
    if (bolt_reset(p->bolt, &err) != DF_OK)
        say_error(p, &err);
    else
        printf("reset\n");
}

static void info(probe *p)
{
    unsigned v = bolt_version(p->bolt);
    printf("bolt %u.%u %s %s utc %d pending %zu\n", v >> 8, v & 255, bolt_server(p->bolt),
           bolt_connection_id(p->bolt), bolt_utc(p->bolt), bolt_pending(p->bolt));
}

/* How many of the words were taken. */
static int with_word(probe *p, const char *word, const char *next)
{
    int64_t records = 0;
    bool is_run = strcmp(word, "run") == 0;
    if (is_run) return run(p, next), 2;
    if (strcmp(word, "pull") == 0) return bolt_pull(p->bolt, atoll(next)), 2;
    if (strcmp(word, "discard") == 0) return bolt_discard(p->bolt, atoll(next)), 2;
    if (strcmp(word, "params") == 0) return set_long_param(p, (size_t)atoll(next)), 2;
    if (strcmp(word, "text") == 0) return set_param(p, df_str_from(next)), 2;
    if (strcmp(word, "sleep") == 0) return usleep((useconds_t)atoi(next) * 1000), 2;
    if (strcmp(word, "begin") == 0) {
        bolt_begin(p->bolt, &p->transaction);
        p->in_transaction = true;
    } else if (strcmp(word, "commit") == 0) {
        bolt_commit(p->bolt);
        p->in_transaction = false;
    } else if (strcmp(word, "rollback") == 0) {
        bolt_rollback(p->bolt);
        p->in_transaction = false;
    } else if (strcmp(word, "receive") == 0) {
        receive(p, false, &records);
    } else if (strcmp(word, "all") == 0) {
        receive_all(p, false);
    } else if (strcmp(word, "count") == 0) {
        receive_all(p, true);
    } else if (strcmp(word, "reset") == 0) {
        reset(p);
    } else if (strcmp(word, "route") == 0) {
        route(p);
    } else if (strcmp(word, "info") == 0) {
        info(p);
    } else if (strcmp(word, "lenient") == 0) {
        p->lenient = true;
    } else if (strcmp(word, "mute") == 0) {
        p->mute = true;
    } else {
        fprintf(stderr, "unknown word %s\n", word);
        exit(2);
    }
    return 1;
}

static void *interrupt_later(void *context)
{
    probe *p = context;
    usleep((useconds_t)p->interrupt_ms * 1000);
    bolt_interrupt(p->bolt);
    return NULL;
}

static void set_option(probe *p, const char *name, const char *value)
{
    unsigned major = 0, minor = 0;
    bolt_options *o = &p->options;
    if (strcmp(name, "version") == 0 && sscanf(value, "%u.%u", &major, &minor) == 2) {
        o->only = (uint16_t)(major << 8 | minor);
    } else if (strcmp(name, "legacy") == 0) {
        o->legacy_handshake = true;
    } else if (strcmp(name, "tls") == 0) {
        o->tls = strcmp(value, "any") == 0 ? BOLT_TLS_ANY_CERTIFICATE : BOLT_TLS_VERIFIED;
    } else if (strcmp(name, "ca") == 0) {
        o->ca_file = value;
    } else if (strcmp(name, "auth") == 0) {
        o->auth = value;
    } else if (strcmp(name, "user") == 0) {
        o->principal = value;
        if (!o->auth) o->auth = "basic";
    } else if (strcmp(name, "password") == 0) {
        o->credentials = value;
    } else if (strcmp(name, "database") == 0) {
        p->transaction.database = value;
    } else if (strcmp(name, "timeout_ms") == 0) {
        p->transaction.timeout_ms = atoll(value);
    } else if (strcmp(name, "connect_ms") == 0) {
        o->connect_ms = atoll(value);
    } else if (strcmp(name, "user_agent") == 0) {
        o->user_agent = value;
    } else if (strcmp(name, "routing") == 0) {
        o->routing_address = value;
    } else if (strcmp(name, "notifications") == 0) {
        o->notifications = value;
    } else if (strcmp(name, "deadline_ms") == 0) {
        p->deadline_ms = atoll(value);
    } else if (strcmp(name, "interrupt_ms") == 0) {
        p->interrupt_ms = atoll(value);
    } else {
        fprintf(stderr, "unknown option %s\n", name);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    probe p = {0};
    df_error err = {0};
    pthread_t thread;
    if (argc < 4) return 2;
    p.options.host = argv[1];
    p.options.port = (unsigned)atoi(argv[2]);
    int i = 3;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals) return 2;
        *equals = '\0';
        set_option(&p, argv[i], equals + 1);
    }
    if (bolt_open(&p.options, &p.bolt, &err) != DF_OK) {
        say_error(&p, &err);
        return 1;
    }
    if (p.interrupt_ms) pthread_create(&thread, NULL, interrupt_later, &p);
    for (i++; i < argc;) i += with_word(&p, argv[i], i + 1 < argc ? argv[i + 1] : "");
    if (p.interrupt_ms) pthread_join(thread, NULL);
    bolt_close(p.bolt);
    df_buf_release(&p.params);
    df_buf_release(&p.query);
    return p.failed;
}
