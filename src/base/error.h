/* SPDX-License-Identifier: Apache-2.0 */
/* Setting and passing on errors; the codes are in <dataflow/error.h>. */
#ifndef DF_BASE_ERROR_H
#define DF_BASE_ERROR_H

#include <dataflow/error.h>

/*
 * Fills `err` (when not NULL) and returns `code`, so that a failure is one
 * statement: `return df_fail(err, DF_CORRUPT, "page %d is cut short", n);`
 */
df_code df_fail(df_error *err, df_code code, const char *fmt, ...) DF_PRINTF(3, 4);

/* As df_fail, with the text of `errno_value`; EACCES, ENOSPC … choose the code. `path` becomes err->file. */
df_code df_fail_errno(df_error *err, int errno_value, const char *path, const char *doing);

/* Puts "context: " in front of the message; keeps everything else. Returns err->code. */
df_code df_error_prefix(df_error *err, const char *fmt, ...) DF_PRINTF(2, 3);

/* Says what to do about it. Overwrites an earlier hint. */
void df_error_hint(df_error *err, const char *fmt, ...) DF_PRINTF(2, 3);

/* Names the input at fault; `line` 0 when it does not apply. An earlier, deeper name stays. */
void df_error_at(df_error *err, const char *file, int64_t line);

/* Empties the struct; not needed before a call that sets it. */
void df_error_clear(df_error *err);

/* Returns from the calling function when `expr` is not DF_OK. */
#define DF_TRY(expr)                                                                                         \
    do {                                                                                                     \
        df_code df_try_code_ = (expr);                                                                       \
        if (df_try_code_ != DF_OK) return df_try_code_;                                                      \
    } while (0)

#endif
