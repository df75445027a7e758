/* SPDX-License-Identifier: Apache-2.0 */
/* What does not fit into memory goes into a file that has no name: it holds numbers and hashes, no data. */
#include "engine/neo4j/graph.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    HELD_MAX = (64 << 20) / sizeof(graph_edge),
    PIECE = (1 << 20) / sizeof(graph_edge), /* read at a time */
};

static const char *folder(void)
{
    const char *name = getenv("TMPDIR");
    return name && *name ? name : "/tmp";
}

static df_code open_file(graph_edges *edges, df_error *err)
{
    df_buf name = {0};
    df_buf_printf(&name, "%s/dataflow-XXXXXX", folder());
    df_buf_cstr(&name);
    int fd = mkostemp(name.ptr, O_CLOEXEC);
    df_code code = fd < 0 ? df_fail_errno(err, errno, folder(), "create a temporary file in") : DF_OK;
    if (fd >= 0) unlink(name.ptr);
    edges->file = fd + 1;
    df_buf_release(&name);
    return code;
}

static df_code spill(graph_edges *edges, df_error *err)
{
    const char *from = (const char *)edges->held;
    size_t left = edges->n_held * sizeof *edges->held;
    if (!edges->file) DF_TRY(open_file(edges, err));
    while (left) {
        ssize_t n = write(edges->file - 1, from, left);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return df_fail_errno(err, errno, folder(), "write a temporary file in");
        from += n;
        left -= (size_t)n;
    }
    edges->in_file += (int64_t)edges->n_held;
    edges->n_held = 0;
    return DF_OK;
}

df_code graph_edges_add(graph_edges *edges, const graph_edge *edge, df_error *err)
{
    if (edges->n_held == HELD_MAX) DF_TRY(spill(edges, err));
    DF_PUSH(edges->held, edges->n_held, edges->cap) = *edge;
    return DF_OK;
}

static df_code read_piece(graph_edges *edges, graph_edge *piece, int64_t at, size_t count, df_error *err)
{
    char *to = (char *)piece;
    size_t left = count * sizeof *piece;
    off_t from = (off_t)at * (off_t)sizeof *piece;
    while (left) {
        ssize_t n = pread(edges->file - 1, to, left, from);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return df_fail_errno(err, errno, folder(), "read a temporary file in");
        if (n == 0) return df_fail(err, DF_IO, "a temporary file in %s is cut off", folder());
        to += n;
        from += n;
        left -= (size_t)n;
    }
    return DF_OK;
}

df_code graph_edges_each(graph_edges *edges, graph_edges_fn fn, void *context, df_error *err)
{
    df_code code = DF_OK;
    if (edges->in_file) {
        graph_edge *piece = df_alloc(PIECE * sizeof *piece);
        for (int64_t at = 0; code == DF_OK && at < edges->in_file; at += PIECE) {
            size_t n = edges->in_file - at < PIECE ? (size_t)(edges->in_file - at) : PIECE;
            code = read_piece(edges, piece, at, n, err);
            if (code == DF_OK) fn(context, piece, n);
        }
        free(piece);
    }
    if (code == DF_OK) fn(context, edges->held, edges->n_held);
    return code;
}

void graph_edges_release(graph_edges *edges)
{
    if (edges->file) close(edges->file - 1);
    free(edges->held);
    *edges = (graph_edges){0};
}
