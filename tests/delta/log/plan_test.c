/* SPDX-License-Identifier: Apache-2.0 */
/* Listing and planning on folders of empty files; the protocol gate; commit timestamps. */
#include "base/error.h"
#include "delta/log/log.h"
#include "delta/log/protocol.h"
#include "delta/log/timestamps.h"

#include <tap.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/plan_test.XXXXXX";

static void touch(const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/_delta_log/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file) return;
    fputs(text, file);
    fclose(file);
}

static void clear(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s/_delta_log' && mkdir -p '%s/_delta_log'", folder, folder);
    if (system(command) != 0) note("cannot clear the folder");
}

/* Commits of "0-3 5" and checkpoints of "3 7": ranges, separated by blanks. */
static void files_of(const char *ranges, const char *suffix)
{
    for (const char *p = ranges; *p;) {
        char *end;
        long from = strtol(p, &end, 10), to = from;
        if (*end == '-') to = strtol(end + 1, &end, 10);
        for (long v = from; v <= to; v++) {
            char name[64];
            snprintf(name, sizeof name, "%020ld%s", v, suffix);
            touch(name, "{}");
        }
        p = *end ? end + 1 : end;
    }
}

typedef struct wanted {
    const char *commits, *checkpoints;
    bool latest_only;
    int64_t up_to;
    int64_t bad_commit, bad_checkpoint; /* -1: none */
    df_code code;
    const char *segments; /* "base-last …" */
    const char *defects;  /* "kind kind …" */
} wanted;

static void describe(const delta_plan *plan, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < plan->count; i++)
        snprintf(out + strlen(out), size - strlen(out), "%s%lld..%lld", i ? " " : "",
                 (long long)plan->segments[i].base_version, (long long)plan->segments[i].last);
}

static bool has_fallbacks(const delta_defects *defects, char *kinds, size_t size)
{
    bool all = true;
    kinds[0] = '\0';
    for (size_t i = 0; i < defects->count; i++) {
        snprintf(kinds + strlen(kinds), size - strlen(kinds), "%s%s", i ? " " : "",
                 delta_defect_name(defects->items[i].kind));
        all &= defects->items[i].fallback[0] != '\0';
    }
    return all;
}

static void plans(void)
{
    static const wanted cases[] = {
        {"0-5", "", false, -1, -1, -1, DF_OK, "-1..5", ""},
        {"0-5", "3", false, -1, -1, -1, DF_OK, "-1..5", ""},
        {"0-5", "3", true, -1, -1, -1, DF_OK, "3..5", ""},
        {"0-5", "3", true, 2, -1, -1, DF_OK, "-1..2", ""},
        {"0-5", "3", true, 3, -1, -1, DF_OK, "3..3", ""},
        {"0-5", "", false, 9, -1, -1, DF_NOT_FOUND, "", ""},
        {"4-5", "3", false, -1, -1, -1, DF_OK, "3..5", ""},
        {"2-5", "3", false, -1, -1, -1, DF_OK, "3..5", ""},
        {"4-5", "3", false, 2, -1, -1, DF_NOT_FOUND, "", ""},
        {"1 3-5", "3", false, -1, -1, -1, DF_OK, "3..5", "gap"},
        {"0-2 4-5", "3", false, -1, -1, -1, DF_OK, "-1..2 3..5", "gap"},
        {"0-1 5-6", "4", false, -1, -1, -1, DF_OK, "-1..1 4..6", "gap"},
        {"0-1 5-6", "4", true, -1, -1, -1, DF_OK, "4..6", ""},
        {"0-1 3", "", false, -1, -1, -1, DF_CORRUPT, "", ""},
        {"0-1 3", "", false, 1, -1, -1, DF_OK, "-1..1", ""},
        {"0-1 3", "", true, -1, -1, -1, DF_CORRUPT, "", ""},
        {"1-3", "", false, -1, -1, -1, DF_CORRUPT, "", ""},
        {"", "7", false, -1, -1, -1, DF_OK, "7..7", ""},
        {"0-3", "9", false, -1, -1, -1, DF_OK, "-1..3 9..9", "gap"},
        {"0-3", "9", true, 3, -1, -1, DF_OK, "-1..3", ""},
        {"0-5", "3", true, -1, -1, 3, DF_OK, "-1..5", "bad-checkpoint"},
        {"0-5", "2-4", true, -1, -1, 4, DF_OK, "3..5", "bad-checkpoint"},
        {"0-5", "3", false, -1, -1, 3, DF_OK, "-1..5", "bad-checkpoint"},
        {"4-5", "3", false, -1, -1, 3, DF_CORRUPT, "", "bad-checkpoint"},
        {"0-5", "4", false, -1, 2, -1, DF_OK, "-1..1 4..5", ""},
        {"0-5", "4", true, -1, 2, -1, DF_OK, "4..5", ""},
        {"0-5", "", false, -1, 5, -1, DF_CORRUPT, "", ""},
        {"0-5", "5", false, -1, 5, -1, DF_OK, "-1..4 5..5", ""},
        {"0-9", "", false, -1, 0, -1, DF_CORRUPT, "", ""},
        {"0-9", "0 4", false, -1, 0, -1, DF_OK, "0..9", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const wanted *w = &cases[i];
        clear();
        files_of(w->commits, ".json");
        files_of(w->checkpoints, ".checkpoint.parquet");
        delta_log *log;
        delta_defects defects = {0};
        delta_plan plan = {0};
        df_error err = {0};
        char segments[256] = "", kinds[256];
        df_code code = delta_log_open(folder, &log, &defects, &err);
        if (!check(code == DF_OK, "commits %s, checkpoints %s are listed", w->commits, w->checkpoints))
            continue;
        for (size_t c = 0; c < log->n_checkpoints; c++)
            log->checkpoints[c].bad = log->checkpoints[c].version == w->bad_checkpoint;
        delta_plan_options options = {.latest_only = w->latest_only, .up_to = w->up_to};
        code = delta_log_plan(log, &options, &w->bad_commit, w->bad_commit >= 0, &plan, &defects, &err);
        if (code == DF_OK) describe(&plan, segments, sizeof segments);
        bool told = has_fallbacks(&defects, kinds, sizeof kinds);
        check(code == w->code && strcmp(segments, w->segments) == 0 && strcmp(kinds, w->defects) == 0,
              "case %zu: %s [%s] %s", i, df_code_name(code), segments, kinds);
        check(code == DF_OK ? told : err.message[0] && err.file[0] && (err.hint[0] || code == DF_NOT_FOUND),
              "what was done instead, or what to do, is said%s%s", code == DF_OK ? "" : ": ",
              code == DF_OK ? "" : err.message);
        delta_plan_release(&plan);
        delta_log_close(log);
        delta_defects_release(&defects);
    }
}

static void listing(void)
{
    clear();
    static const char *const noise[] = {
        "0000000000000000000.json",   /* 19 digits */
        "000000000000000000000.json", /* 21 */
        "99999999999999999999.json",  /* beyond 64 bits */
        "00000000000000000001.json.tmp",
        "._00000000000000000001.json",
        ".00000000000000000001.json.crc",
        "00000000000000000002.checkpoint.0000000003.0000000002.parquet",
        "00000000000000000002.checkpoint.0000000000.0000000002.parquet",
        "00000000000000000002.checkpoint.1.2.parquet",
        "00000000000000000002.checkpoint.x.parquet",
        "00000000000000000003.00000000000000000001.compacted.json",
        "info.txt",
        ",",
        "00000000000000000005.checkpoint.parquet.tmp",
    };
    for (size_t i = 0; i < sizeof noise / sizeof *noise; i++) touch(noise[i], "x");
    touch("00000000000000000000.json", "{}");
    touch("09223372036854775807.json", "{}");
    touch("00000000000000000000.crc", "{}");
    touch("00000000000000000001.00000000000000000003.compacted.json", "");
    touch("00000000000000000002.checkpoint.0000000001.0000000002.parquet", "");
    touch("00000000000000000002.checkpoint.0000000002.0000000002.parquet", "");
    touch("00000000000000000002.checkpoint.0000000001.0000000003.parquet", "");
    touch("00000000000000000002.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json", "");
    touch("00000000000000000002.checkpoint.80A083E8-7026-4e79-81be-64bd76c43a11.parquet", "");
    char path[512], target[512];
    snprintf(path, sizeof path, "%s/_delta_log/00000000000000000007.json", folder);
    check(mkdir(path, 0755) == 0, "a folder with a commit's name");
    snprintf(path, sizeof path, "%s/_delta_log/00000000000000000008.json", folder);
    check(symlink("nowhere", path) == 0, "a dangling link");
    snprintf(path, sizeof path, "%s/_delta_log/00000000000000000001.json", folder);
    snprintf(target, sizeof target, "%s/_delta_log/00000000000000000000.json", folder);
    check(symlink(target, path) == 0, "a link to a commit");

    delta_log *log;
    delta_defects defects = {0};
    df_error err;
    char slashes[600];
    snprintf(slashes, sizeof slashes, "%s///", folder);
    if (check(delta_log_open(slashes, &log, &defects, &err) == DF_OK,
              "listed, with slashes behind the path")) {
        check(strcmp(log->table_path, folder) == 0 && log->location[0] == '/', "the path is cleaned");
        check(log->commits.count == 3 && log->commits.items[1].version == 1 &&
                  log->commits.items[2].version == INT64_MAX,
              "%zu commits, one by a link, one with the largest version", log->commits.count);
        check(log->crcs.count == 1 && log->compactions.count == 1 && log->compactions.items[0].from == 1 &&
                  log->compactions.items[0].version == 3,
              "a checksum and a compaction");
        check(log->n_checkpoints == 4, "%zu checkpoints at one version", log->n_checkpoints);
        check(!log->checkpoints[0].complete && log->checkpoints[0].expected_parts == 3 &&
                  log->checkpoints[3].complete,
              "the incomplete one comes first");
        df_hash128 all = delta_log_fingerprint(log, INT64_MAX), first = delta_log_fingerprint(log, 0);
        check(!df_hash_eq(all, first), "the fingerprint depends on the version");
        delta_log_close(log);
        touch("00000000000000000000.json", "{ }");
        check(delta_log_open(folder, &log, &defects, &err) == DF_OK &&
                  !df_hash_eq(first, delta_log_fingerprint(log, 0)),
              "and on a commit's size");
        delta_log_close(log);
    }
    delta_defects_release(&defects);
}

static void hints(void)
{
    static const struct {
        const char *text, *kind;
    } cases[] = {{"{\"version\":3,\"size\":1}", ""},
                 {"{\"version\":1}", "stale-hint"},
                 {"{\"version\":2}", "dangling-hint"},
                 {"{\"version\":9}", "dangling-hint"},
                 {"{\"version\":", "bad-hint"},
                 {"{}", "bad-hint"},
                 {"", "bad-hint"},
                 {"{\"version\":-1}", "bad-hint"},
                 {"[3]", "bad-hint"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        clear();
        files_of("0-4", ".json");
        files_of("1 3", ".checkpoint.parquet");
        touch("_last_checkpoint", cases[i].text);
        delta_log *log;
        delta_defects defects = {0};
        char kinds[256];
        if (delta_log_open(folder, &log, &defects, NULL) != DF_OK) continue;
        bool told = has_fallbacks(&defects, kinds, sizeof kinds);
        check(strcmp(kinds, cases[i].kind) == 0 && told, "hint %s: %s", cases[i].text, kinds);
        delta_log_close(log);
        delta_defects_release(&defects);
    }
}

static void nothing(void)
{
    delta_log *log;
    delta_defects defects = {0};
    df_error err;
    clear();
    check(delta_log_open(folder, &log, &defects, &err) == DF_NOT_FOUND &&
              strstr(err.message, "No checkpoint or JSON files found in /tmp/plan_test") &&
              strstr(err.message, "_delta_log"),
          "an empty log: %s", err.message);
    check(delta_log_open("/no/such/table", &log, &defects, &err) == DF_NOT_FOUND &&
              strstr(err.hint, "/no/such/table"),
          "no folder: %s; %s", err.message, err.hint);
    check(delta_log_open("/dev/null", &log, &defects, &err) == DF_NOT_FOUND, "no folder but a file: %s",
          err.message);
    if (geteuid() != 0) {
        char path[512];
        snprintf(path, sizeof path, "%s/_delta_log", folder);
        chmod(path, 0);
        check(delta_log_open(folder, &log, &defects, &err) == DF_PERMISSION &&
                  strstr(err.message, "Permission denied"),
              "a folder that may not be listed: %s", err.message);
        chmod(path, 0755);
    } else {
        skip("root may list every folder");
    }
    delta_defects_release(&defects);
}

static void gates(void)
{
    static const struct {
        int64_t reader, writer;
        const char *reader_features, *writer_features;
        df_code code;
        const char *defects;
    } cases[] = {
        {1, 2, NULL, NULL, DF_OK, ""},
        {3, 7, "[\"columnMapping\",\"deletionVectors\",\"timestampNtz\",\"v2Checkpoint\"]",
         "[\"appendOnly\",\"liquid\"]", DF_OK, ""},
        {3, 7, NULL, NULL, DF_OK, ""},
        {4, 7, NULL, NULL, DF_UNSUPPORTED, "unknown-feature"},
        {3, 7, "[\"holographic\"]", "[\"holographic\"]", DF_UNSUPPORTED, "unknown-feature unknown-feature"},
        {3, 7, "[]", "[\"holographic\"]", DF_OK, "unknown-feature"},
        {3, 9, NULL, NULL, DF_OK, "unknown-feature"},
        {3, 7, "[\"catalogManaged\"]", "[\"catalogManaged\"]", DF_REFUSED, "catalog-managed"},
        {3, 7, "[\"catalogOwned-preview\"]", NULL, DF_REFUSED, "catalog-managed"},
        {1, 7, NULL, "[\"catalogOwned\"]", DF_REFUSED, "catalog-managed"},
        {3, 7, "[\"notcatalogManaged\"]", NULL, DF_UNSUPPORTED, "unknown-feature"},
        {3, 7, "[\"appendOnly\"]", NULL, DF_OK, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        delta_protocol protocol = {cases[i].reader, cases[i].writer, df_str_from(cases[i].reader_features),
                                   df_str_from(cases[i].writer_features)};
        delta_defects defects = {0}, forced = {0};
        df_error err = {0};
        char kinds[256];
        df_code code = delta_protocol_gate(&protocol, NULL, false, &defects, &err);
        has_fallbacks(&defects, kinds, sizeof kinds);
        check(code == cases[i].code && strcmp(kinds, cases[i].defects) == 0, "gate %zu: %s, %s", i,
              df_code_name(code), kinds);
        if (code != DF_OK)
            check(strstr(err.hint, "--force") && err.message[0], "says why, and names the flag: %s",
                  err.message);
        check(delta_protocol_gate(&protocol, NULL, true, &forced, NULL) == DF_OK &&
                  has_fallbacks(&forced, kinds, sizeof kinds),
              "forced, what was passed over is a defect: %s", kinds);
        delta_defects_release(&defects);
        delta_defects_release(&forced);
    }
}

static void timestamps(void)
{
    delta_commit_clock clock;
    delta_time_source source;
    delta_commit_clock_init(&clock);
    delta_commit_info info = {.timestamp = 100, .in_commit_timestamp = 500};
    check(delta_commit_clock_tick(&clock, 0, NULL, 50, &source) == 50 && source == DELTA_TIME_FILE,
          "the file's time");
    check(delta_commit_clock_tick(&clock, 1, &info, 60, &source) == 100 && source == DELTA_TIME_COMMIT,
          "commitInfo before it");
    info.timestamp = 90;
    check(delta_commit_clock_tick(&clock, 2, &info, 60, NULL) == 101,
          "a clock that went back is put forward by 1 ms");
    info.timestamp = DELTA_ABSENT;
    check(delta_commit_clock_tick(&clock, 3, &info, DELTA_ABSENT, &source) == 102 &&
              source == DELTA_TIME_NONE,
          "nothing is known");
    delta_metadata m = {.configuration = DF_STR("{\"delta.enableInCommitTimestamps\":\"true\","
                                                "\"delta.inCommitTimestampEnablementTimestamp\":\"500\","
                                                "\"delta.inCommitTimestampEnablementVersion\":\"5\"}")};
    delta_commit_clock_metadata(&clock, &m);
    info = (delta_commit_info){.timestamp = 200, .in_commit_timestamp = 900};
    check(delta_commit_clock_tick(&clock, 4, &info, 1, &source) == 200 && source == DELTA_TIME_COMMIT,
          "before the enablement");
    info.in_commit_timestamp = 500;
    check(delta_commit_clock_tick(&clock, 5, &info, 1, &source) == 500 && source == DELTA_TIME_IN_COMMIT,
          "from it on");
    m.configuration = DF_STR("{\"delta.enableInCommitTimestamps\":\"false\"}");
    delta_commit_clock_metadata(&clock, &m);
    info = (delta_commit_info){.timestamp = 700, .in_commit_timestamp = 600};
    check(delta_commit_clock_tick(&clock, 6, &info, 1, &source) == 700 && source == DELTA_TIME_COMMIT,
          "switched off");
    m.configuration = DF_STR("{\"delta.enableInCommitTimestamps\":\"true\"}");
    delta_commit_clock_init(&clock);
    delta_commit_clock_metadata(&clock, &m);
    check(delta_commit_clock_tick(&clock, 0, &info, 1, NULL) == 600, "on from the beginning");
    info.in_commit_timestamp = INT64_MAX;
    check(delta_commit_clock_tick(&clock, 1, &info, 1, NULL) == INT64_MAX &&
              delta_commit_clock_tick(&clock, 2, &info, 1, NULL) == INT64_MAX,
          "the end of the range");
}

int main(void)
{
    if (!mkdtemp(folder)) return 1;
    plans();
    listing();
    hints();
    nothing();
    gates();
    timestamps();
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0 || tap_done();
}
