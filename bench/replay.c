/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast a table's log is read, without a database: JSON commits into actions (forward), and the backward
 * replay to a snapshot.
 *
 *     replay TABLE [RUNS [commits|snapshot]]
 *
 * Prints one line a run: bytes, seconds, GB/s by the clock and by the processor's time, actions. The files
 * should be in the page cache (the first run puts them there); one thread does all the work.
 */
#include "base/clock.h"
#include "base/error.h"
#include "delta/log/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct tally {
    int64_t actions, files, size, records;
    df_hash128 keys;
} tally;

static df_code count(void *context, const delta_action *action, df_error *err)
{
    tally *t = context;
    t->actions++;
    if (action->kind != DELTA_ADD && action->kind != DELTA_REMOVE) return DF_OK;
    t->files++;
    if (action->file.size != DELTA_ABSENT) t->size += action->file.size;
    if (action->file.num_records != DELTA_ABSENT) t->records += action->file.num_records;
    t->keys = df_hash_add(t->keys, action->file.key);
    return DF_OK;
}

typedef struct stopwatch {
    double wall, cpu;
} stopwatch;

static stopwatch now(void)
{
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return (stopwatch){df_monotonic_s(), (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9};
}

static void print_run(const char *what, int64_t bytes, stopwatch began, int64_t actions)
{
    stopwatch ended = now();
    double wall = ended.wall - began.wall, cpu = ended.cpu - began.cpu;
    printf("%-9s %9.1f MB %7.3f s %6.2f GB/s (%.2f by CPU time) %9lld actions, %.0f ns each\n", what,
           (double)bytes / 1e6, wall, (double)bytes / 1e9 / wall, (double)bytes / 1e9 / cpu,
           (long long)actions, actions ? cpu * 1e9 / (double)actions : 0);
}

static df_code forward(const delta_log *log, delta_reader *reader, df_error *err)
{
    tally t = {0};
    int64_t bytes = 0;
    stopwatch began = now();
    for (size_t i = 0; i < log->commits.count; i++) {
        delta_sink sink = {.context = &t, .take = count};
        DF_TRY(delta_read_commit(reader, &log->commits.items[i], sink, err));
        bytes += log->commits.items[i].size;
    }
    print_run("commits", bytes, began, t.actions);
    return DF_OK;
}

static df_code backward(delta_log *log, delta_reader *reader, delta_defects *defects, df_error *err)
{
    delta_plan plan;
    delta_snapshot_summary sum;
    tally t = {0};
    stopwatch began = now();
    DF_TRY(delta_log_plan(log, &(delta_plan_options){.latest_only = true, .up_to = -1}, NULL, 0, &plan,
                          defects, err));
    const delta_segment *segment = &plan.segments[0];
    int64_t bytes = 0;
    for (size_t i = 0; i < log->commits.count; i++)
        if (log->commits.items[i].version > segment->base_version) bytes += log->commits.items[i].size;
    if (segment->checkpoint >= 0)
        for (size_t i = 0; i < log->checkpoints[segment->checkpoint].parts.count; i++)
            bytes += log->checkpoints[segment->checkpoint].parts.items[i].size;
    df_code code = delta_snapshot(reader, log, segment->checkpoint, plan.version, DELTA_WANT_ALL,
                                  (delta_sink){.context = &t, .take = count}, &sum, err);
    if (code == DF_OK) {
        print_run("snapshot", bytes, began, t.actions);
        char digest[33];
        df_hash_hex(sum.digest, digest);
        printf("          version %lld: %lld files, %lld bytes, digest %s\n", (long long)sum.version,
               (long long)sum.num_files, (long long)sum.size_in_bytes, digest);
    }
    delta_plan_release(&plan);
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2) return fprintf(stderr, "usage: %s TABLE [RUNS [commits|snapshot]]\n", argv[0]), 2;
    int runs = argc > 2 ? atoi(argv[2]) : 3;
    df_error err;
    delta_defects defects = {0};
    delta_log *log;
    df_code code = delta_log_open(argv[1], &log, &defects, &err);
    if (code == DF_OK) {
        delta_reader *reader = delta_reader_open(log, &defects, NULL);
        const char *only = argc > 3 ? argv[3] : "";
        for (int i = 0; i < runs && code == DF_OK && strcmp(only, "snapshot") != 0; i++)
            code = forward(log, reader, &err);
        for (int i = 0; i < runs && code == DF_OK && strcmp(only, "commits") != 0; i++)
            code = backward(log, reader, &defects, &err);
        delta_reader_close(reader);
        delta_log_close(log);
    }
    delta_defects_release(&defects);
    if (code != DF_OK) fprintf(stderr, "%s: %s\n", err.file, err.message);
    return df_code_exit_status(code);
}
