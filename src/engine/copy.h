/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of whole databases: by the engine itself (SQLite), by its own tools (pg_dump, mariadb-dump), which
 * need to know how this connection reached the database, or as a stream that the driver makes (Neo4j); and
 * digests of what a graph holds.
 */
#ifndef DF_ENGINE_COPY_H
#define DF_ENGINE_COPY_H

#include "base/log.h"
#include "engine/engine.h"

/*
 * What the engine's tools must be given to reach the same database as the same user. It holds the password:
 * an environment is seen only by the same user and root, an option file is handed over as a file in memory;
 * neither belongs on a command line, where everybody sees it, or in a message.
 */
typedef struct df_tool_access {
    const char *const *environment; /* "PGHOST=…", and names alone that must be taken out; NULL-terminated */
    df_str option_file;             /* MariaDB: the text of an option file; absent elsewhere */
    const char *database;
} df_tool_access;

/* Strings in `arena`. DF_UNSUPPORTED for an engine without such tools. */
DF_MUST_USE df_code df_tool_access_get(df_conn *conn, df_arena *arena, df_tool_access *out, df_error *err);

/*
 * SQLite: copies the database into a new file, as of one moment; others may go on writing (WAL), or wait.
 * DF_UNSUPPORTED for other engines. On failure or DF_CANCELLED the file is the caller's to remove.
 */
DF_MUST_USE df_code df_backup_to(df_conn *conn, const char *path, const df_observer *observer, df_error *err);
/*
 * SQLite: replaces the whole content of the connection's database by that of a file, in one transaction:
 * nobody sees a half of it, and after a failure or a crash all is as it was. DF_RETRY when another session is
 * in the way.
 */
DF_MUST_USE df_code df_backup_from(df_conn *conn, const char *path, const df_observer *observer,
                                   df_error *err);

/* ---- graphs ---- */

/* Takes the next bytes of a stream. */
typedef df_code (*df_write_fn)(void *context, const void *bytes, size_t len, df_error *err);
/* Hands out the next piece, valid until the next call; absent at the end. */
typedef df_code (*df_read_fn)(void *context, df_str *piece, df_error *err);

/* Nodes with the same set of labels, relationships of one type, or constraints and indexes. */
typedef struct df_content_group {
    const char *name; /* "(:A:B)", "()", "[:KNOWS]", "(schema)" */
    int64_t count;
    char digest[33]; /* of labels and properties, type and properties, or definitions; not of what hangs on what */
} df_content_group;

/*
 * What a graph holds. `digest` does not depend on ids, on the order in which anything was made, on the
 * server's or the protocol's version; it changes when a label, a property (to the bit), a relationship, its
 * direction or end, a constraint or an index does.
 *
 * It is made by colour refinement: a node's colour begins as the hash of its labels and properties, and takes
 * up the colours around it, round after round, until no more nodes are told apart (at most 40 rounds); the
 * digest is of the colours of all nodes and of the ends of all relationships. With colours == nodes every node
 * is told apart from every other, and equal digests mean equal graphs. With fewer, some nodes look alike from
 * where they stand: twins, which make no difference, or graphs of equal degrees all over (two triangles and
 * one hexagon of nodes that have nothing of their own), which it cannot tell apart.
 *
 * The hashes are strong against accidents, not against somebody who makes collisions.
 */
typedef struct df_content {
    int64_t nodes, relationships, constraints, indexes;
    int64_t colours;
    int rounds;
    char digest[65];
    df_content_group *groups; /* in the arena, sorted by name; more than 20,000 become "(nodes)" and "[relationships]" */
    size_t n_groups;
} df_content;

typedef struct df_content_options {
    const char *const *exclude; /* globs: nodes with such a label, and what hangs on them, constraints and
                                 * indexes of such labels, do not count; NULL */
    df_arena *arena;            /* of the groups; NULL: none are made */
    const df_observer *observer;
    const char *subject; /* of reports of progress ("nodes", "relationships"); NULL: "graph" */
} df_content_options;

/*
 * DF_UNSUPPORTED for engines without these. Memory: 36 bytes a node, and 24 a relationship, of which
 * 64 MiB are held and the rest is in a file without a name in TMPDIR. Reading sees what others commit
 * meanwhile; who must know compares two digests.
 */
DF_MUST_USE df_code df_content_digest(df_conn *conn, const df_content_options *options, df_content *out,
                                      df_error *err);

typedef struct df_dump_options {
    df_content_options content;
    const char *const *omit; /* globs: nodes with such a label (and what hangs on them) are left out of the dump,
                              * likewise constraints and indexes of such labels; NULL */
} df_dump_options;
typedef struct df_dump_report {
    df_content content;
    bool consistent;       /* nothing that counts was committed while it was read */
    int64_t dangling;      /* relationships left out because an end was not seen: made meanwhile */
    const char *meanwhile; /* how it was seen that something was written: "the content is another …"; NULL */
    df_content later;      /* not consistent: the content after it */
} df_dump_report;
/* Writes all of a graph. Not one moment of it: see `consistent`. */
DF_MUST_USE df_code df_dump(df_conn *conn, const df_dump_options *options, df_write_fn write, void *context,
                            df_dump_report *report, df_error *err);
/* The content of a dump, which is read to its end. DF_CORRUPT with what is wrong with it. `conn` only says whose
 * dump it is. */
DF_MUST_USE df_code df_dump_content(df_conn *conn, const df_content_options *options, df_read_fn read,
                                    void *context, df_content *out, df_error *err);

typedef struct df_load_options {
    bool replace;            /* what is there goes first; else DF_REFUSED unless the graph is empty */
    const char *const *keep; /* labels: such nodes stay, and constraints and indexes of them; NULL */
    const df_observer *observer;
    const char *subject;
} df_load_options;
/*
 * Makes a graph from a dump; indexes are populated when it returns. Many transactions: *begun (may be NULL) says
 * after a failure whether anything was changed.
 */
DF_MUST_USE df_code df_load(df_conn *conn, const df_load_options *options, df_read_fn read, void *context,
                            bool *begun, df_error *err);
/* Removes everything but `keep`, in many transactions. */
DF_MUST_USE df_code df_wipe(df_conn *conn, const df_load_options *options, df_error *err);

#endif
