/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random logs, loaded in groups and pieces of random sizes, give at every version what the plain replay
 * gives; the size of groups makes no difference to a single row; and a load that is killed and continued ends
 * where an undisturbed one does.
 */
#include "delta/catalog/load_int.h"
#include "load_model.h"
#include "load_server.h"

#include <sys/wait.h>
#include <time.h>

static unsigned base_seed;

static delta_catalog *open_catalog(const char *url)
{
    df_error err = {0};
    delta_catalog *catalog = NULL;
    if (delta_catalog_open(url, DELTA_CATALOG_CREATE, NULL, &catalog, &err) != DF_OK) {
        note("%s: %s", url, err.message);
        exit(1);
    }
    return catalog;
}

static delta_load_options options_for(df_str table_id, int64_t batch)
{
    return (delta_load_options){.table_id = table_id,
                                .location = DF_STR("/data/x"),
                                .history = DF_STR("full"),
                                .batch_size = batch,
                                .files_total = -1};
}

/* Sizes of groups and pieces that make every path of the loader be taken. */
static df_code load(delta_catalog *catalog, const model_log *log, df_str table_id, int64_t batch,
                    int64_t piece, int64_t up_to, int64_t dies_at, df_error *err)
{
    delta_loader *loader;
    delta_load_options options = options_for(table_id, batch);
    DF_TRY(delta_table_lock(catalog, table_id, 5000, err));
    df_code code = delta_loader_open(catalog, &options, &loader, err);
    if (code == DF_OK) {
        loader->piece_size = piece;
        loader->hold_s = 0;
        code = model_load(log, loader, up_to, dies_at, err);
        if (code == DF_OK) code = delta_loader_finish(loader, DF_STR("[]"), err);
        delta_loader_close(loader);
    }
    delta_table_unlock(catalog, table_id);
    return code;
}

static df_str id_for(df_arena *arena, const char *what, unsigned seed)
{
    return df_str_from(df_arena_printf(arena, "load-%s-%u-%d", what, seed, (int)getpid()));
}

static void forget(delta_catalog *catalog, df_str table_id)
{
    int64_t rows;
    df_error err = {0};
    if (delta_table_remove(catalog, table_id, &rows, &err) != DF_OK) note("remove: %s", err.message);
}

static void check_groups(const test_server *server, unsigned seed)
{
    static const int64_t sizes[][2] = {{1, 1000}, {1, 3}, {10, 1000}, {40, 7}, {100000, 1000}, {100000, 11}};
    model_log log;
    df_arena arena = {0};
    delta_catalog *catalog = open_catalog(server->url);
    df_hash128 first = {0, 0};
    bool right = true, same = true;
    model_make(&log, seed, 30, 80);
    int64_t last = log.versions[log.count - 1].version;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && right; i++) {
        df_error err = {0};
        df_str id = id_for(&arena, "group", seed);
        if (load(catalog, &log, id, sizes[i][0], sizes[i][1], last, -1, &err) != DF_OK) {
            note("%s", err.message);
            right = false;
        }
        right = right && (i > 0 || model_equals(&log, catalog, id, last));
        df_hash128 dump = model_dump(catalog, id);
        if (i == 0) first = dump;
        if (!df_hash_eq(first, dump)) note("batch %d, piece %d differs", (int)sizes[i][0], (int)sizes[i][1]);
        same = same && df_hash_eq(first, dump);
        if (!same) right = model_equals(&log, catalog, id, last) && right;
        forget(catalog, id);
    }
    check(right, "%s: every version equals the replay, seed %u", server->name, seed);
    check(same, "%s: group sizes make no difference, seed %u", server->name, seed);
    model_release(&log);
    delta_catalog_close(catalog);
    df_arena_release(&arena);
}

static int64_t visible(delta_catalog *catalog, df_str table_id)
{
    df_arena arena = {0};
    delta_table table = {.version = -1};
    df_error err;
    if (delta_table_get(catalog, table_id, &arena, &table, &err) != DF_OK) table.version = -1;
    df_arena_release(&arena);
    return table.version;
}

/*
 * One run that dies at a random action, in a process of its own. true: it came to the end. Each lives a little longer than the
 * one before, so that also a version of very many actions is got over one day.
 */
static bool run_until_death(const test_server *server, const model_log *log, df_str id, int deaths, unsigned *seed)
{
    int64_t last = log->versions[log->count - 1].version;
    int64_t batch = (int64_t[]){1, 20, 200}[model_random(seed, 3)],
            piece = (int64_t[]){5, 1000}[model_random(seed, 2)];
    int64_t dies_at = model_random(seed, 120 + 4 * (unsigned)deaths);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        df_error err = {0};
        delta_catalog *catalog = open_catalog(server->url);
        df_code code = load(catalog, log, id, batch, piece, last, dies_at, &err);
        if (code != DF_OK) fprintf(stderr, "child: %s\n", err.message);
        _exit(code == DF_OK ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void check_death(const test_server *server, unsigned seed)
{
    model_log log;
    df_arena arena = {0};
    df_error err = {0};
    model_make(&log, seed, 25, 60);
    int64_t last = log.versions[log.count - 1].version;
    df_str id = id_for(&arena, "death", seed), undisturbed = id_for(&arena, "calm", seed);
    delta_catalog *catalog = open_catalog(server->url);
    bool whole = true, done = false;
    int deaths = 0;
    unsigned random = seed;
    while (!done && deaths < 200) {
        done = run_until_death(server, &log, id, deaths, &random);
        deaths += !done;
        int64_t version = visible(catalog, id);
        whole = whole && (version < 0 || model_equals(&log, catalog, id, version));
    }
    check(done && whole, "%s: after each of %d deaths whole versions are visible, seed %u", server->name,
          deaths, seed);
    if (load(catalog, &log, undisturbed, 1000, 1000, last, -1, &err) != DF_OK) note("%s", err.message);
    check(df_hash_eq(model_dump(catalog, id), model_dump(catalog, undisturbed)),
          "%s: the result is that of an undisturbed load, seed %u", server->name, seed);
    forget(catalog, id);
    forget(catalog, undisturbed);
    delta_catalog_close(catalog);
    model_release(&log);
    df_arena_release(&arena);
}

/* A table that follows its log: many short runs, each a few versions further. */
static void check_following(const test_server *server, unsigned seed)
{
    model_log log;
    df_arena arena = {0};
    df_error err = {0};
    bool right = true;
    unsigned random = seed;
    model_make(&log, seed, 25, 30);
    df_str id = id_for(&arena, "follow", seed);
    delta_catalog *catalog = open_catalog(server->url);
    for (size_t i = 0; i < log.count && right; i += 1 + model_random(&random, 5)) {
        right = load(catalog, &log, id, 1 + model_random(&random, 50), 1 + model_random(&random, 20),
                     log.versions[i].version, -1, &err) == DF_OK;
        if (!right) note("%s", err.message);
        right = right && model_equals(&log, catalog, id, log.versions[i].version);
    }
    check(right, "%s: following a log version by version, seed %u", server->name, seed);
    forget(catalog, id);
    delta_catalog_close(catalog);
    model_release(&log);
    df_arena_release(&arena);
}

int main(void)
{
    test_server servers[TEST_SERVERS];
    const char *given = getenv("TEST_SEED");
    base_seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL) % 100000;
    note("TEST_SEED=%u", base_seed);
    test_servers(servers);
    for (int i = 0; i < TEST_SERVERS; i++) {
        if (!servers[i].url) {
            skip("no server");
            continue;
        }
        unsigned rounds = i == 0 ? 12 : 4;
        for (unsigned round = 0; round < rounds; round++) {
            check_groups(&servers[i], base_seed + round);
            check_following(&servers[i], base_seed + 100 + round);
        }
        for (unsigned round = 0; round < rounds / 2; round++)
            check_death(&servers[i], base_seed + 200 + round);
    }
    test_servers_done(servers);
    return tap_done();
}
