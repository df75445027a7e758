/* SPDX-License-Identifier: Apache-2.0 */
/* ledger ENGINE [PART]: the ledger's tests on the engine that TEST_URL_<ENGINE> names. */
#include "alone.h"
#include "cypher.h"
#include "ledger_test.h"

#include <ctype.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *engine;
const char sum_a[65] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const char sum_b[65] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
static const char *base_url;
static char folder[256];
static pid_t first_process; /* forked children drop nothing */

enum { MOST_DATABASES = 200 };
static char names[MOST_DATABASES][64], urls[MOST_DATABASES][1024];
static size_t n_databases;

_Noreturn static void give_up(const char *why)
{
    printf("not ok %d - %s\n", ++tap_count, why);
    tap_failed++;
    exit(tap_done());
}

bool check_code(df_code got, df_code expected, const df_error *err, const char *what)
{
    bool ok = check(got == expected, "%s", what);
    if (!ok) {
        note("got %s, expected %s: %s [%s]", df_code_name(got), df_code_name(expected),
             got == DF_OK ? "" : err->message, got == DF_OK ? "" : err->native);
    }
    return ok;
}

/* ---- databases ---- */

df_conn *connect_to(const char *url)
{
    df_error err;
    df_conn *conn;
    df_open_options options = {.create = true, .application = "ledger test"};
    if (df_connect(url, &options, &conn, &err) != DF_OK) give_up(err.message);
    return conn;
}

static df_code take_name(void *context, const df_row *row, df_error *err)
{
    (void)err;
    df_buf *drops = context;
    df_buf_printf(drops, "DROP CONSTRAINT %.*s IF EXISTS;\nDROP INDEX %.*s IF EXISTS;\n", DF_FMT(row->values[0].s), DF_FMT(row->values[0].s));
    return DF_OK;
}

/* A server of the free edition has one database: it is emptied. */
static void empty_graph(df_conn *conn)
{
    df_error err;
    df_buf drops = {0};
    df_code code = df_query(conn, "SHOW INDEXES YIELD name WHERE name STARTS WITH '_migration' RETURN name", NULL, 0, take_name, &drops, &err);
    if (code == DF_OK && drops.len) code = df_exec_script(conn, df_buf_cstr(&drops), &err);
    if (code == DF_OK) code = df_exec(conn, "MATCH (n) DETACH DELETE n", NULL, 0, NULL, &err);
    df_buf_release(&drops);
    if (code != DF_OK) give_up(err.message);
}

const char *new_database(void)
{
    char *name = names[n_databases], *url = urls[n_databases];
    if (n_databases++ == MOST_DATABASES) give_up("too many databases");
    snprintf(name, sizeof names[0], "ledger_%d_%zu", (int)getpid(), n_databases);
    if (is_engine("sqlite")) {
        snprintf(url, sizeof urls[0], "sqlite://%s/%s.db", folder, name);
        return url;
    }
    df_conn *conn = connect_to(base_url);
    if (is_engine("neo4j")) {
        empty_graph(conn);
        df_disconnect(conn);
        return base_url;
    }
    sql(conn, is_engine("mariadb") ? "CREATE DATABASE %s CHARACTER SET utf8mb4" : "CREATE DATABASE %s", name);
    df_disconnect(conn);
    const char *path = strstr(base_url, "/dataflow?");
    snprintf(url, sizeof urls[0], "%.*s/%s%s", (int)(path - base_url), base_url, name,
             path + strlen("/dataflow"));
    return url;
}

static void drop_all(void)
{
    int status;
    if (getpid() != first_process) return;
    if (is_engine("sqlite")) {
        shell(&status, "rm -rf '%s'", folder);
        return;
    }
    df_conn *conn = connect_to(base_url);
    if (is_engine("neo4j")) {
        empty_graph(conn);
        df_disconnect(conn);
        return;
    }
    for (size_t i = 0; i < n_databases; i++)
        sql(conn, is_engine("mariadb") ? "DROP DATABASE %s" : "DROP DATABASE %s WITH (FORCE)", names[i]);
    df_disconnect(conn);
}

place open_place_as(const char *url, bool create, const char *actor)
{
    place p = {.url = url, .conn = connect_to(url)};
    df_error err;
    df_ledger_options options = {
        .url = url, .environment = "test", .actor = actor, .program = "ledger test 1.0"};
    if (df_ledger_open(p.conn, &options, &p.ledger, &err) != DF_OK) give_up(err.message);
    if (create && df_ledger_create(p.ledger, &err) != DF_OK) give_up(err.message);
    return p;
}

place open_place(const char *url, bool create)
{
    return open_place_as(url, create, "ops");
}

void close_place(place *p)
{
    df_ledger_close(p->ledger);
    df_disconnect(p->conn);
    *p = (place){0};
}

/* ---- SQL ---- */

/* In the engine's own words. */
static void translate(char *text, size_t size)
{
    df_buf out = {0};
    if (!is_engine("neo4j")) return;
    cypher_of(text, &out);
    snprintf(text, size, "%s", df_buf_cstr(&out));
    df_buf_release(&out);
}

void sql(df_conn *conn, const char *fmt, ...)
{
    char text[8192];
    va_list args;
    df_error err;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    translate(text, sizeof text);
    df_code code = df_exec(conn, text, NULL, 0, NULL, &err);
    if (code != DF_OK) check_code(code, DF_OK, &err, text);
}

static df_value first_value(df_conn *conn, const char *text, df_arena *arena)
{
    df_error err;
    df_value value = DF_V_NULL;
    df_code code = df_query_value(conn, text, NULL, 0, arena, &value, &err);
    if (code != DF_OK) check_code(code, DF_OK, &err, text);
    return value;
}

int64_t ask(df_conn *conn, const char *fmt, ...)
{
    char text[4096];
    va_list args;
    df_arena arena = {0};
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    translate(text, sizeof text);
    df_value value = first_value(conn, text, &arena);
    df_arena_release(&arena);
    return value.type == DF_INT64 || value.type == DF_BOOL ? value.i : -1;
}

const char *ask_text(df_conn *conn, const char *fmt, ...)
{
    static char out[4096];
    char text[4096];
    va_list args;
    df_arena arena = {0};
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    translate(text, sizeof text);
    df_value value = first_value(conn, text, &arena);
    bool texts = value.type == DF_TEXT || value.type == DF_BLOB;
    snprintf(out, sizeof out, "%.*s", texts ? (int)value.s.len : 0, texts ? value.s.ptr : "");
    df_arena_release(&arena);
    return out;
}

/* ---- migrations ---- */

static df_section section(const char *text)
{
    return (df_section){.present = text != NULL,
                        .sql = df_str_from(text),
                        .path = "made by hand",
                        .first_line = 1,
                        .lock_ms = -1,
                        .statement_ms = -1};
}

df_migration make_migration(const char *id, const char *version, const char *name, const char *up,
                            const char *down)
{
    df_migration m = {.id = df_str_from(id),
                      .version = df_str_from(version),
                      .name = df_str_from(name),
                      .file = df_str_from(id),
                      .kind = version ? DF_VERSIONED : DF_REPEATABLE,
                      .loaded = true,
                      .up = section(up),
                      .down = section(down)};
    m.meta.estimated_ms = 1500;
    m.meta.json = DF_STR("{\"author\":\"Zoë\",\"risk\":\"low\",\"estimatedDuration\":1500}");
    m.raw = df_hash(up, strlen(up));
    return m;
}

df_run make_run(const df_migration *migration, df_direction direction, bool journalled)
{
    static int number;
    df_run run = {.migration = migration,
                  .direction = direction,
                  .checksum = sum_a,
                  .n_steps = 2,
                  .journalled = journalled,
                  .reason = direction == DF_DOWN ? "a test" : NULL};
    snprintf(run.run_id, sizeof run.run_id, "run-%d-%d", (int)getpid(), ++number);
    return run;
}

df_journal_row make_row(int32_t number, const char *text, df_step_status status)
{
    df_journal_row row = {.number = number,
                          .line = number * 10,
                          .status = status,
                          .tag = DF_STR("CREATE TABLE"),
                          .text = df_str_from(text),
                          .rows = number,
                          .ms = 1.5};
    df_hash_hex(df_hash(text, strlen(text)), row.hash);
    return row;
}

void lease_or_die(place *p, int64_t ttl_ms)
{
    df_error err;
    /* A session that has just ended may be seen for a moment. */
    df_lease_options options = {.ttl_ms = ttl_ms, .purpose = "up", .wait_ms = is_engine("neo4j") ? 10000 : 0};
    if (df_lease_take(p->ledger, &options, &err) != DF_OK) give_up(err.message);
}

void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

const char *shell(int *status, const char *fmt, ...)
{
    static char out[65536];
    char command[4096];
    va_list args;
    va_start(args, fmt);
    vsnprintf(command, sizeof command, fmt, args);
    va_end(args);
    out[0] = '\0';
    *status = -1;
    fflush(stdout);
    FILE *pipe = popen(command, "r");
    if (!pipe) return out;
    size_t len = fread(out, 1, sizeof out - 1, pipe);
    out[len] = '\0';
    while (fgetc(pipe) != EOF) continue;
    *status = pclose(pipe);
    return out;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } parts[] = {
        {"tables", test_tables}, {"history", test_history}, {"journal", test_journal},
        {"audit", test_audit},   {"records", test_records}, {"locks", test_locks},
        {"graph", test_graph},
    };
    const char *part = argc > 2 ? argv[2] : NULL;
    char variable[64] = "TEST_URL_";
    engine = argc > 1 ? argv[1] : "sqlite";
    for (size_t i = 0; engine[i] && i < 40; i++) variable[9 + i] = (char)toupper((unsigned char)engine[i]);
    base_url = getenv(variable);
    first_process = getpid();
    if (is_engine("sqlite")) {
        snprintf(folder, sizeof folder, "%s/ledger-XXXXXX", base_url ? base_url : "/tmp");
        if (!mkdtemp(folder)) return 2;
    } else if (!base_url) {
        printf("1..0 # SKIP %s is not set (tests/run.py starts the servers)\n", variable);
        return 0;
    } else if (is_engine("neo4j")) {
        alone_with(engine);
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!part || strcmp(part, parts[i].name) == 0) parts[i].run();
    }
    drop_all();
    return tap_done();
}
