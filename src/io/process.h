/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other programs, run as children. A child dies with the thread that started it (also when that is killed),
 * is not reached by the terminal's interrupt (who started it decides), and gets no file of ours but those
 * named.
 */
#ifndef DF_IO_PROCESS_H
#define DF_IO_PROCESS_H

#include "base/buf.h"
#include "base/log.h"

#include <sys/types.h>

enum {
    DF_PROCESS_PIPE = -1, /* we write to it, or read from it */
    DF_PROCESS_NULL = -2, /* /dev/null */
};

typedef struct df_process_options {
    const char *const *argv; /* argv[0]: a path */
    /* NULL-terminated: "NAME=value" is set, "NAME" alone is taken out; the rest is as ours. NULL: all as
     * ours. */
    const char *const *environment;
    int in,
        out; /* the child's standard input and output: DF_PROCESS_…, or a file of ours, which stays ours */
    const int *keep; /* files of ours that the child finds under the same number */
    size_t n_keep;
} df_process_options;

typedef struct df_process df_process;
struct df_process {
    char *name; /* of the program, without folders */
    pid_t pid;
    int in, out, errors; /* our ends; -1: closed, or none */
    df_buf said;         /* the last of what it wrote to standard error */
    bool ended;          /* it was waited for: `status` is as of waitpid */
    int status;
    df_process
        *beside; /* another child, whose standard error is read too while we wait for this one; may be NULL */
};

/* The first executable of that name in PATH, in `arena`; NULL when there is none. */
const char *df_program_find(const char *name, df_arena *arena);

/* DF_NOT_FOUND, DF_PERMISSION … when it cannot be run. */
DF_MUST_USE df_code df_process_start(const df_process_options *options, df_process *out, df_error *err);

/*
 * Writing to its standard input, reading from its standard output; both wait, notice what it writes to
 * standard error, and stop with DF_CANCELLED when the observer says so.
 */
/* DF_FAILED ("… ended") when it reads no more: df_process_end knows why. */
DF_MUST_USE df_code df_process_write(df_process *process, const void *bytes, size_t len,
                                     const df_observer *observer, df_error *err);
/* At most `cap` bytes; *len 0: the end. */
DF_MUST_USE df_code df_process_read(df_process *process, void *bytes, size_t cap, size_t *len,
                                    const df_observer *observer, df_error *err);
/* No more input. */
void df_process_close_in(df_process *process);
/*
 * Waits until it has ended by itself; what it still writes is read and forgotten. DF_FAILED when its status
 * is not 0, with the last of what it said; DF_CANCELLED leaves it running, for df_process_release.
 */
DF_MUST_USE df_code df_process_end(df_process *process, const df_observer *observer, df_error *err);
/* Fills `err` from what an ended child has said: DF_FAILED and its last complaint. */
df_code df_process_failed(const df_process *process, df_error *err);
/* Ends it if it still runs (SIGTERM, after two seconds SIGKILL), and frees. A zeroed process is fine. */
void df_process_release(df_process *process);

/* A pipe from one child to another: [0] is read from. Both ends are the caller's to close once the children have them. */
DF_MUST_USE df_code df_process_pipe(int ends[2], df_error *err);
/* A file in memory with this content, for `keep`: its path is /dev/fd/NUMBER; nobody else can read it. */
DF_MUST_USE df_code df_memory_file(df_str content, int *fd, df_error *err);

#endif
