/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: one list of codes, one struct that the caller owns.
 *
 * Every function that can fail returns a df_code and takes a `df_error *` as
 * its last argument. The struct lives on the caller's stack, is never
 * allocated, and is written once, where the failure happens; callers on the way up
 * may only prefix context. Passing NULL is allowed everywhere.
 */
#ifndef DATAFLOW_ERROR_H
#define DATAFLOW_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DF_API               __attribute__((visibility("default")))
#define DF_MUST_USE          __attribute__((warn_unused_result))
#define DF_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/*
 * The list of codes: identifier, JSON name, exit status of the programs,
 * what it means. The enum, the texts, the exit statuses and the manual's
 * EXIT STATUS section are all made from it.
 */
#define DF_ERROR_CODES(X)                                                                                    \
    X(OK, "ok", 0, "done")                                                                                   \
    X(FAILED, "failed", 1, "failed; nothing of the failing step is visible")                                 \
    X(USAGE, "usage", 2, "the command line, a URL or an expression is not valid")                            \
    X(REFUSED, "refused", 3, "refused by a safety rule; the message names the rule and the flag")            \
    X(MISMATCH, "mismatch", 4, "two things that should be equal differ")                                     \
    X(CONNECT, "connect", 5, "the database cannot be reached")                                               \
    X(LOCKED, "locked", 6, "another run holds the lock")                                                     \
    X(INCOMPLETE, "incomplete", 7, "stopped half-way; the state is recorded, resume continues")              \
    X(UNKNOWN, "unknown", 8, "could not tell: the evidence is missing or unreadable")                        \
    X(NOT_FOUND, "not_found", 1, "the named thing does not exist")                                           \
    X(CORRUPT, "corrupt", 1, "the input is damaged")                                                         \
    X(UNSUPPORTED, "unsupported", 3, "the input needs something this program does not understand")           \
    X(PERMISSION, "permission", 1, "permission denied")                                                      \
    X(DISK_FULL, "disk_full", 1, "disk space exhausted")                                                     \
    X(IO, "io", 1, "reading or writing failed")                                                              \
    X(NO_MEMORY, "no_memory", 1, "not enough memory")                                                        \
    X(CONFLICT, "conflict", 1, "a row, file or object is already there")                                     \
    X(RETRY, "retry", 1, "a transient failure of the database: deadlock, serialisation, busy")               \
    X(CANCELLED, "cancelled", 130, "interrupted; the state is recorded")                                     \
    X(BUG, "bug", 70, "an internal check failed; please report it")

typedef enum df_code {
#define DF_X(id, name, status, text) DF_##id,
    DF_ERROR_CODES(DF_X)
#undef DF_X
        DF_CODE_COUNT
} df_code;

/* What went wrong. All strings are NUL-terminated and cut to fit. */
typedef struct df_error {
    df_code code;
    char engine[16];    /* "postgres", "sqlite", …; empty when no database was involved */
    char native[80];    /* SQLSTATE, "Neo.ClientError.…", the engine's own code; empty when there is none */
    char file[512];     /* the input at fault; empty when there is none */
    int64_t line;       /* 1-based line in `file`; 0 when it does not apply */
    int32_t statement;  /* 1-based statement of a script; 0 when it does not apply */
    int32_t sql_line;   /* 1-based line in the SQL text; 0 when the engine did not say */
    int64_t sql_offset; /* 1-based byte in the SQL text; 0 when the engine did not say */
    char message[1024]; /* one line, no final full stop */
    char hint[512];     /* what to do about it; may be empty */
} df_error;

/* The code's stable name, as `--json` prints it. Never NULL. */
DF_API const char *df_code_name(df_code code);
/* What the code means, one line. Never NULL. */
DF_API const char *df_code_text(df_code code);
/* The exit status the programs end with for this code. */
DF_API int df_code_exit_status(df_code code);

#ifdef __cplusplus
}
#endif
#endif
