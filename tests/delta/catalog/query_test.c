/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the catalog, on every engine there is: random tables with history are loaded, and each answer is
 * held against a model in memory. Expressions are answered by SQL and, file by file, by the evaluator in C:
 * both must agree, and neither may lose a file in which some row matches.
 */
#include "delta/catalog/catalog.h"
#include "delta/catalog/query_int.h"

#include "load_server.h"
#include "where_random.h"

enum { MAX_FILES = 4000, PER_VERSION = 30, MAX_VERSION = 40 };

typedef struct model_file {
    random_file random;
    char path[64];
    int64_t added, removed; /* removed: INT64_MAX while live */
    df_hash128 key;
} model_file;

typedef struct model {
    delta_catalog *catalog;
    df_arena arena;
    delta_table table;
    model_file *files;
    size_t n_files;
    int64_t versions;
} model;

static bool lives_at(const model_file *f, int64_t version)
{
    return f->added <= version && version < f->removed;
}

static bool succeeded(df_code code, const df_error *err, const char *what)
{
    if (code != DF_OK) note("%s: %s", what, err->message);
    return code == DF_OK;
}

/* ---- loading ---- */

static df_code take_file(delta_loader *loader, delta_action_kind kind, model_file *f, df_error *err)
{
    delta_action action = {.kind = kind};
    df_str path = df_str_from(f->path);
    action.file = (delta_file){
        .path = path,
        .raw_path = path,
        .dv_id = DF_STR(""),
        .key = f->key,
        .size = 1000 + (int64_t)(f->key.low % 1000),
        .modification_time = 5,
        .deletion_timestamp = DELTA_ABSENT,
        .data_change = true,
        .extended_file_metadata = -1,
        .partition_values = df_buf_str(&f->random.partition),
        .num_records = DELTA_ABSENT,
        .base_row_id = DELTA_ABSENT,
        .default_row_commit_version = DELTA_ABSENT,
    };
    if (kind == DELTA_REMOVE) {
        action.file.modification_time = DELTA_ABSENT;
        action.file.deletion_timestamp = 77;
    } else if (!f->random.no_stats) {
        action.file.stats = df_buf_str(&f->random.stats);
        action.file.num_records = f->random.n_rows;
    }
    return delta_loader_take(loader, &action, err);
}

static df_code take_head(delta_loader *loader, int64_t version, df_error *err)
{
    if (version == 0) {
        delta_action protocol = {.kind = DELTA_PROTOCOL, .protocol = {1, 2, DF_STR_NONE, DF_STR_NONE}};
        delta_action metadata = {.kind = DELTA_METADATA,
                                 .metadata = {.id = DF_STR("an-id"),
                                              .format = DF_STR("{\"provider\":\"parquet\"}"),
                                              .schema = df_str_from(random_schema),
                                              .partition_columns = df_str_from(random_partition_columns),
                                              .configuration = DF_STR("{}"),
                                              .created_time = 1}};
        DF_TRY(delta_loader_take(loader, &protocol, err));
        DF_TRY(delta_loader_take(loader, &metadata, err));
    }
    delta_action txn = {.kind = DELTA_TXN,
                        .txn = {version % 2 ? DF_STR("odd") : DF_STR("even"), version, DELTA_ABSENT}};
    delta_action domain = {.kind = DELTA_DOMAIN, .domain = {DF_STR("d"), DF_STR("{}"), version % 3 == 0}};
    DF_TRY(delta_loader_take(loader, &txn, err));
    return delta_loader_take(loader, &domain, err);
}

static df_code load_version(model *m, delta_loader *loader, df_error *err)
{
    int64_t version = m->versions;
    DF_TRY(delta_loader_begin_version(loader, version, false, err));
    DF_TRY(take_head(loader, version, err));
    size_t before = m->n_files;
    for (size_t i = 0; i < before; i++) {
        if (!lives_at(&m->files[i], version) || random_below(12)) continue;
        m->files[i].removed = version;
        DF_TRY(take_file(loader, DELTA_REMOVE, &m->files[i], err));
    }
    for (unsigned i = 0; i < PER_VERSION; i++) {
        model_file *f = &m->files[m->n_files++];
        random_file_make(&f->random);
        if (m->n_files > 3 && random_below(2)) { /* partitions have several files */
            df_buf_release(&f->random.partition);
            const model_file *other = &m->files[random_below((unsigned)m->n_files - 1)];
            f->random.partition = (df_buf){0};
            df_buf_str_add(&f->random.partition, df_buf_str(&other->random.partition));
            for (size_t c = 0; c < N_COLUMNS; c++)
                for (unsigned r = 0; r < f->random.n_rows && random_columns[c].partition; r++)
                    f->random.rows[r][c] = other->random.rows[0][c];
        }
        snprintf(f->path, sizeof f->path, "part-%05zu.parquet", m->n_files);
        f->added = version;
        f->removed = INT64_MAX;
        f->key = delta_file_key(df_str_from(f->path), DF_STR(""));
        DF_TRY(take_file(loader, DELTA_ADD, f, err));
    }
    delta_version_info info = {.version = version,
                               .timestamp = 1000 * version,
                               .file_mtime = 1000 * version,
                               .commit_timestamp = DELTA_ABSENT,
                               .in_commit_timestamp = DELTA_ABSENT,
                               .operation = DF_STR("WRITE"),
                               .commit_info = DF_STR("{\"operation\":\"WRITE\"}")};
    DF_TRY(delta_loader_end_version(loader, &info, err));
    m->versions++;
    return DF_OK;
}

static df_code load(model *m, df_str id, int64_t through, df_error *err)
{
    delta_load_options options = {.table_id = id,
                                  .location = DF_STR("/nowhere"),
                                  .history = DF_STR("full"),
                                  .batch_size = 50,
                                  .files_total = -1};
    delta_loader *loader;
    DF_TRY(delta_table_lock(m->catalog, id, 0, err));
    DF_TRY(delta_loader_open(m->catalog, &options, &loader, err));
    df_code code = DF_OK;
    while (code == DF_OK && m->versions <= through) code = load_version(m, loader, err);
    if (code == DF_OK) code = delta_loader_finish(loader, DF_STR("[]"), err);
    delta_loader_close(loader);
    delta_table_unlock(m->catalog, id);
    if (code == DF_OK) code = delta_table_get(m->catalog, id, &m->arena, &m->table, err);
    return code;
}

/* ---- files ---- */

typedef struct file_set {
    bool has[MAX_FILES];
    size_t count;
    int64_t wrong_versions, stats_seen;
    char last[64];
    bool sorted;
    const model *m;
} file_set;

static df_code collect(void *context, const delta_file *file, int64_t version, df_error *err)
{
    file_set *set = context;
    unsigned number = 0;
    char path[64];
    snprintf(path, sizeof path, "%.*s", DF_FMT(file->path));
    if (sscanf(path, "part-%5u", &number) != 1 || !number || number > set->m->n_files || set->has[number - 1])
        return df_fail(err, DF_BUG, "unexpected file %s", path);
    set->has[number - 1] = true;
    set->count++;
    set->wrong_versions += version != set->m->files[number - 1].added;
    set->stats_seen += file->stats.ptr != NULL;
    set->sorted = set->sorted && strcmp(set->last, path) < 0;
    strcpy(set->last, path);
    return DF_OK;
}

static df_code files_at(const model *m, int64_t version, const char *where, delta_files_how how,
                        file_set *set, delta_files_report *report, df_error *err)
{
    delta_files_query query = {
        .as_of = {version, DELTA_ABSENT}, .where = where, .ordered = true, .with_stats = !where};
    *set = (file_set){.m = m, .sorted = true};
    return delta_files_run(m->catalog, &m->table, &query, how, collect, set, report, err);
}

static void test_listing(const model *m)
{
    static file_set set;
    bool right = true;
    for (int64_t v = 0; v < m->versions && right; v++) {
        df_error err = {0};
        delta_files_report report;
        right = succeeded(files_at(m, v, NULL, DELTA_FILES_AUTO, &set, &report, &err), &err, "listing");
        for (size_t i = 0; i < m->n_files; i++) right = right && set.has[i] == lives_at(&m->files[i], v);
        right = right && !set.wrong_versions && set.sorted && set.stats_seen > 0 && report.version == v &&
                report.files == (int64_t)set.count && report.total_files == (int64_t)set.count;
    }
    check(right, "the files of each of %lld versions, sorted", (long long)m->versions);
}

static void test_expressions(const model *m, unsigned n)
{
    static file_set by_sql, by_scan;
    unsigned unequal = 0, lost = 0, failed = 0;
    size_t kept = 0, all = 0;
    for (unsigned i = 0; i < n; i++) {
        expression *e = random_expression(random_below(4));
        df_buf text = {0};
        put_expression(&text, e);
        int64_t version = random_below(2) ? m->versions - 1 : random_below((unsigned)m->versions);
        df_error err = {0};
        delta_files_report report;
        if (!succeeded(files_at(m, version, df_buf_cstr(&text), DELTA_FILES_AUTO, &by_sql, &report, &err),
                       &err, "SQL") ||
            !succeeded(files_at(m, version, df_buf_cstr(&text), DELTA_FILES_SCAN, &by_scan, NULL, &err), &err,
                       "scan")) {
            if (!failed++) note("%s", df_buf_cstr(&text));
        } else {
            if (memcmp(by_sql.has, by_scan.has, sizeof by_sql.has) && !unequal++)
                note("%zu by SQL, %zu by scan: %s", by_sql.count, by_scan.count, df_buf_cstr(&text));
            for (size_t f = 0; f < m->n_files; f++) {
                bool does = false;
                for (unsigned r = 0; r < m->files[f].random.n_rows && lives_at(&m->files[f], version); r++)
                    does = does || evaluate(e, m->files[f].random.rows[r]) == TRUE_;
                if (does && !by_sql.has[f] && !lost++)
                    note("lost %s: %s", m->files[f].path, df_buf_cstr(&text));
            }
            kept += by_sql.count;
            all += (size_t)report.total_files;
        }
        df_buf_release(&text);
        free_expression(e);
    }
    check(!failed, "%u random expressions can be asked", n);
    check(!unequal, "SQL and the evaluator in C agree (%u differ)", unequal);
    check(!lost, "no file that matches is lost (%u are)", lost);
    check(kept < all * 3 / 4, "files are really left out: %zu of %zu kept", kept, all);
}

/* Where the index cannot be written, because somebody else is writing, the answer is the same. */
static void test_unwritable(const model *m, const char *url)
{
    static file_set by_sql, by_scan;
    df_conn *other = NULL;
    df_error err = {0};
    df_open_options options = {0};
    int64_t columns = -1;
    const char *where = "i > 0 AND pi < 3 OR s LIKE 'a%'";
    if (df_connect(url, &options, &other, &err) == DF_OK && df_begin(other, &err) == DF_OK) {
        succeeded(files_at(m, -1, where, DELTA_FILES_AUTO, &by_sql, NULL, &err), &err, "files");
        succeeded(files_at(m, -1, where, DELTA_FILES_SCAN, &by_scan, NULL, &err), &err, "scan");
        succeeded(delta_ask_int(m->catalog, "SELECT COUNT(*) FROM delta_stats_columns", NULL, 0, -1, &columns,
                                &err),
                  &err, "count");
    }
    df_disconnect(other);
    check(columns == 0 && by_sql.count && !memcmp(by_sql.has, by_scan.has, sizeof by_sql.has),
          "while another writes, statistics are read as text: %zu files", by_sql.count);
}

/* Otherwise the agreement above would be that of the evaluator with itself. */
static void test_index(const model *m)
{
    df_error err = {0};
    df_value id = df_v_str(m->table.table_id);
    int64_t columns = 0, rows = 0, behind = 0;
    bool asked =
        delta_ask_int(m->catalog, "SELECT COUNT(*) FROM delta_stats_columns WHERE table_id = ?", &id, 1, 0,
                      &columns, &err) == DF_OK &&
        delta_ask_int(m->catalog, "SELECT COUNT(*) FROM delta_column_stats WHERE table_id = ?", &id, 1, 0,
                      &rows, &err) == DF_OK &&
        delta_ask_int(m->catalog,
                      "SELECT COUNT(*) FROM delta_stats_columns WHERE table_id = ? AND through_file_id < 100",
                      &id, 1, 0, &behind, &err) == DF_OK;
    check(succeeded(asked ? DF_OK : err.code, &err, "index") && columns == 10 &&
              rows >= columns * PER_VERSION && !behind,
          "statistics of %lld columns are indexed, in %lld rows", (long long)columns, (long long)rows);
}

/* ---- versions and state ---- */

static df_code count_version(void *context, const delta_version_row *row, df_error *err)
{
    int64_t *next = context;
    if (row->version != *next) return df_fail(err, DF_BUG, "version %lld", (long long)row->version);
    --*next;
    return DF_OK;
}

static void test_versions(model *m)
{
    df_error err = {0};
    delta_version_row row;
    int64_t next = m->versions - 1;
    check(succeeded(delta_versions_each(m->catalog, &m->table, 0, count_version, &next, &err), &err,
                    "history") &&
              next == -1,
          "history, newest first");
    next = m->versions - 1;
    check(delta_versions_each(m->catalog, &m->table, 3, count_version, &next, &err) == DF_OK &&
              next == m->versions - 4,
          "the three newest");
    df_code code = delta_version_find(m->catalog, &m->table, (delta_as_of){-1, 2500}, &m->arena, &row, &err);
    check(succeeded(code, &err, "find") && row.version == 2 && df_str_is(row.operation, "WRITE"),
          "newest version at a time");
    code = delta_version_find(m->catalog, &m->table, (delta_as_of){-1, DELTA_ABSENT}, &m->arena, &row, &err);
    check(code == DF_OK && row.version == m->versions - 1, "the newest version");
    code = delta_version_find(m->catalog, &m->table, (delta_as_of){99, DELTA_ABSENT}, &m->arena, &row, &err);
    check(code == DF_NOT_FOUND && strstr(err.message, "there are 0 to "), "%s", err.message);
    code = delta_version_find(m->catalog, &m->table, (delta_as_of){-1, -5}, &m->arena, &row, &err);
    check(code == DF_NOT_FOUND && strstr(err.message, "1970-01-01T00:00:00.000Z"), "%s", err.message);
    delta_table none = m->table;
    none.table_id = DF_STR("no such table");
    code = delta_version_find(m->catalog, &none, (delta_as_of){-1, DELTA_ABSENT}, &m->arena, &row, &err);
    check(code == DF_NOT_FOUND, "%s", err.message);

    delta_state state;
    code = delta_state_at(m->catalog, &m->table, (delta_as_of){4, DELTA_ABSENT}, &m->arena, &state, &err);
    check(succeeded(code, &err, "state") && state.n_txns == 2 && df_str_is(state.txns[0].app_id, "even") &&
              state.txns[0].version == 4 && state.txns[1].version == 3 && state.n_domains == 1,
          "transactions and domains at a version");
    code = delta_state_at(m->catalog, &m->table, (delta_as_of){6, DELTA_ABSENT}, &m->arena, &state, &err);
    check(code == DF_OK && state.n_domains == 0 && state.protocol.min_writer_version == 2 &&
              df_str_is(state.metadata.schema, random_schema),
          "a removed domain is left out; protocol and metadata are there");
}

/* ---- changes ---- */

typedef struct change_set {
    char change[MAX_FILES];
    const model *m;
    size_t count;
} change_set;

static df_code collect_change(void *context, char change, const delta_file *file, df_error *err)
{
    change_set *set = context;
    unsigned number;
    char path[64];
    snprintf(path, sizeof path, "%.*s", DF_FMT(file->path));
    if (sscanf(path, "part-%5u", &number) != 1 || set->change[number - 1])
        return df_fail(err, DF_BUG, "%s twice", path);
    set->change[number - 1] = change;
    set->count++;
    return DF_OK;
}

static void test_diff(const model *m)
{
    static change_set set;
    bool right = true;
    for (unsigned i = 0; i < 20 && right; i++) {
        int64_t from = random_below((unsigned)m->versions), to = random_below((unsigned)m->versions);
        df_error err = {0};
        memset(&set, 0, sizeof set);
        set.m = m;
        right =
            succeeded(delta_diff(m->catalog, &m->table, from, to, collect_change, &set, &err), &err, "diff");
        for (size_t f = 0; f < m->n_files; f++) {
            bool before = lives_at(&m->files[f], from), after = lives_at(&m->files[f], to);
            char wanted = before == after ? '\0' : after ? '+' : '-';
            right = right && set.change[f] == wanted;
        }
    }
    check(right, "differences between random versions, in both directions");
}

typedef struct action_counts {
    int64_t adds, removes, others, wrong;
    const model *m;
    int64_t version;
} action_counts;

static df_code count_action(void *context, const delta_action *action, df_error *err)
{
    action_counts *c = context;
    unsigned number = 0;
    if (action->kind != DELTA_ADD && action->kind != DELTA_REMOVE) {
        c->others++;
        return DF_OK;
    }
    char path[64];
    snprintf(path, sizeof path, "%.*s", DF_FMT(action->file.path));
    sscanf(path, "part-%5u", &number);
    const model_file *f = &c->m->files[number - 1];
    bool add = action->kind == DELTA_ADD;
    c->adds += add;
    c->removes += !add;
    if (add)
        c->wrong += f->added != c->version || action->file.modification_time != 5 ||
                    (!action->file.stats.ptr != f->random.no_stats);
    else
        c->wrong += f->removed != c->version || action->file.deletion_timestamp != 77;
    c->wrong += !df_str_eq(action->file.partition_values, df_buf_str(&f->random.partition));
    return DF_OK;
}

static void test_actions(const model *m)
{
    bool right = true;
    for (int64_t v = 0; v < m->versions && right; v++) {
        action_counts counts = {.m = m, .version = v};
        df_error err = {0};
        int64_t added = 0, removed = 0;
        right = succeeded(
            delta_version_actions(m->catalog, &m->table, v, (delta_sink){&counts, count_action}, &err), &err,
            "actions");
        for (size_t f = 0; f < m->n_files; f++) {
            added += m->files[f].added == v;
            removed += m->files[f].removed == v;
        }
        right = right && counts.adds == added && counts.removes == removed && !counts.wrong &&
                counts.others == (v ? 3 : 5);
        if (!right)
            note("version %lld: %lld adds, %lld removes, %lld others, %lld wrong", (long long)v,
                 (long long)counts.adds, (long long)counts.removes, (long long)counts.others,
                 (long long)counts.wrong);
    }
    check(right, "the actions of every version, as they were committed");
}

static df_code count_tombstone(void *context, const delta_file *file, int64_t version, df_error *err)
{
    int64_t *sum = context;
    *sum += version;
    return DF_OK;
}

static df_code take_event(void *context, const delta_path_event *event, df_error *err)
{
    delta_path_event *last = context;
    *last = *event;
    last->reason = df_str_is(event->reason, "live")      ? DF_STR("live")
                   : df_str_is(event->reason, "removed") ? DF_STR("removed")
                                                         : DF_STR("?");
    return DF_OK;
}

static void test_tombstones_and_paths(const model *m)
{
    df_error err = {0};
    int64_t sum = 0, wanted = 0;
    for (size_t f = 0; f < m->n_files; f++)
        wanted += m->files[f].removed == INT64_MAX ? 0 : m->files[f].removed;
    check(succeeded(delta_tombstones_each(m->catalog, &m->table, count_tombstone, &sum, &err), &err,
                    "tombstones") &&
              sum == wanted,
          "tombstones with their versions");
    bool right = true;
    for (size_t f = 0; f < m->n_files && f < 40; f++) {
        delta_path_event event = {0};
        bool live = m->files[f].removed == INT64_MAX;
        right = right &&
                succeeded(delta_path_history(m->catalog, &m->table, df_str_from(m->files[f].path), take_event,
                                             &event, &err),
                          &err, "path") &&
                event.version == m->files[f].added && df_str_is(event.reason, live ? "live" : "removed") &&
                event.removed_version == (live ? -1 : m->files[f].removed);
    }
    check(right, "the life of single paths");
}

static void test_one_server(const test_server *server, uint64_t seed, unsigned expressions)
{
    note("%s, seed %llu", server->name, (unsigned long long)seed);
    random_state = seed;
    model m = {.files = df_zalloc(MAX_FILES * sizeof *m.files)};
    df_error err = {0};
    char name[64];
    snprintf(name, sizeof name, "query %llu", (unsigned long long)seed);
    df_str id = df_str_from(name);
    if (!check(succeeded(delta_catalog_open(server->url, DELTA_CATALOG_CREATE, NULL, &m.catalog, &err), &err,
                         "open"),
               "%s: a catalog", server->name))
        return;
    if (check(succeeded(load(&m, id, 11, &err), &err, "load"), "%s: twelve versions", server->name)) {
        test_listing(&m);
        test_versions(&m);
        if (!strcmp(server->name, "sqlite"))
            test_unwritable(&m, server->url); /* it has one writer at a time */
        test_expressions(&m, expressions);
        test_index(&m);
        if (check(succeeded(load(&m, id, 15, &err), &err, "sync"), "four versions more")) {
            test_listing(&m);
            test_expressions(&m, expressions); /* the statistics' index is brought forward */
            test_diff(&m);
            test_actions(&m);
            test_tombstones_and_paths(&m);
        }
        int64_t rows;
        check(succeeded(delta_table_remove(m.catalog, id, &rows, &err), &err, "remove") && rows > 0,
              "removed");
    }
    for (size_t i = 0; i < m.n_files; i++) random_file_release(&m.files[i].random);
    free(m.files);
    delta_catalog_close(m.catalog);
    df_arena_release(&m.arena);
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)df_now_ms();
    unsigned expressions = argc > 2 ? (unsigned)atoi(argv[2]) : 200;
    test_server servers[TEST_SERVERS];
    test_servers(servers);
    for (int i = 0; i < TEST_SERVERS; i++) {
        if (servers[i].url)
            test_one_server(&servers[i], seed, expressions);
        else
            skip(servers[i].name);
    }
    test_servers_done(servers);
    return tap_done();
}
