/* SPDX-License-Identifier: Apache-2.0 */
/* Files, as bytes that can be read at any offset. */
#ifndef DF_IO_FILE_H
#define DF_IO_FILE_H

#include "base/buf.h"

/*
 * Something with a size that can be read at any offset: a file, or memory.
 * Whoever reads through it takes it by pointer and never closes it.
 */
typedef struct df_input {
    void *context;
    int64_t size;
    const char *name; /* for messages: the path */
    /* Reads exactly `len` bytes; a short file is DF_CORRUPT. Thread-safe for files. */
    df_code (*read_at)(void *context, int64_t offset, void *out, size_t len, df_error *err);
} df_input;

typedef struct df_file {
    df_input input; /* &file->input is what readers take */
    int fd;
    int64_t mtime_ms;
    char *path;
} df_file;

/* Opens a regular file for reading. DF_NOT_FOUND, DF_PERMISSION, … with the path in the message. */
DF_MUST_USE df_code df_file_open(const char *path, df_file **out, df_error *err);
void df_file_close(df_file *file);

/* Memory as an input: &memory->input. It must stay where it is, and `bytes` must outlive it. */
typedef struct df_memory {
    df_input input;
    df_str bytes;
} df_memory;
void df_memory_init(df_memory *memory, df_str bytes, const char *name);

/* Appends a whole file to `out`; DF_CORRUPT when it is larger than `limit` bytes. */
DF_MUST_USE df_code df_file_read_all(const char *path, size_t limit, df_buf *out, df_error *err);

#endif
