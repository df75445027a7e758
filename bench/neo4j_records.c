/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the driver takes records: neo4j_records URL QUERY RUNS. Every record is taken and its value looked at. Prints
 * the seconds of each run, the rows and the sum of integers as JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/engine.h"

typedef struct {
    int64_t rows, sum;
    size_t bytes;
} seen;

static df_code look(void *context, const df_row *row, df_error *err)
{
    (void)err;
    seen *s = context;
    s->rows++;
    if (row->values[0].type == DF_INT64) s->sum += row->values[0].i;
    else if (row->values[0].type == DF_TEXT) s->bytes += row->values[0].s.len;
    return DF_OK;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: neo4j_records URL QUERY RUNS\n");
        return 2;
    }
    df_error err = {0};
    df_conn *conn = NULL;
    seen s = {0};
    int runs = atoi(argv[3]);
    df_code code = df_connect(argv[1], NULL, &conn, &err);
    if (code == DF_OK) printf("{\"seconds\": [");
    for (int run = 0; code == DF_OK && run < runs; run++) {
        double began = now();
        s = (seen){0};
        code = df_query(conn, argv[2], NULL, 0, look, &s, &err);
        printf("%s%.6f", run ? ", " : "", now() - began);
    }
    if (code == DF_OK)
        printf("], \"rows\": %" PRId64 ", \"sum\": %" PRId64 ", \"text\": %zu}\n", s.rows, s.sum, s.bytes);
    else
        fprintf(stderr, "%s\n", err.message);
    df_disconnect(conn);
    return code == DF_OK ? 0 : 1;
}
