/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *text;
    int status;
} codes[] = {
#define DF_X(id, name_, status_, text_) [DF_##id] = {name_, text_, status_},
    DF_ERROR_CODES(DF_X)
#undef DF_X
};

static bool known(df_code code)
{
    return (int)code >= 0 && code < DF_CODE_COUNT;
}

const char *df_code_name(df_code code)
{
    return known(code) ? codes[code].name : "bug";
}

const char *df_code_text(df_code code)
{
    return known(code) ? codes[code].text : "not a code";
}

int df_code_exit_status(df_code code)
{
    return known(code) ? codes[code].status : 70;
}

void df_error_clear(df_error *err)
{
    if (err) memset(err, 0, sizeof *err);
}

df_code df_fail(df_error *err, df_code code, const char *fmt, ...)
{
    if (!err) return code;
    df_error_clear(err);
    err->code = code;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    return code;
}

static df_code code_of_errno(int errno_value)
{
    switch (errno_value) {
    case EACCES:
    case EPERM:
    case EROFS: return DF_PERMISSION;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return DF_DISK_FULL;
    case ENOENT:
    case ENOTDIR: return DF_NOT_FOUND;
    case ENOMEM: return DF_NO_MEMORY;
    default: return DF_IO;
    }
}

df_code df_fail_errno(df_error *err, int errno_value, const char *path, const char *doing)
{
    df_code code = code_of_errno(errno_value);
    if (code == DF_PERMISSION) {
        df_fail(err, code, "Permission denied: cannot %s %s (%s)", doing, path, strerror(errno_value));
        df_error_hint(err, "check who owns it and its mode with: ls -ld '%s'", path);
    } else if (code == DF_DISK_FULL) {
        df_fail(err, code, "Disk space exhausted: cannot %s %s (%s)", doing, path, strerror(errno_value));
        df_error_hint(err, "free some space (df -h shows where) and run the same command again");
    } else {
        df_fail(err, code, "cannot %s %s: %s", doing, path, strerror(errno_value));
    }
    df_error_at(err, path, 0);
    return code;
}

df_code df_error_prefix(df_error *err, const char *fmt, ...)
{
    if (!err) return DF_FAILED;
    char context[256], message[sizeof err->message];
    va_list args;
    va_start(args, fmt);
    vsnprintf(context, sizeof context, fmt, args);
    va_end(args);
    memcpy(message, err->message, sizeof message);
    /* Cutting a long message is what the fixed size is for. */
    int written = snprintf(err->message, sizeof err->message, "%s: ", context);
    size_t used = written < 0 ? 0 : (size_t)written;
    snprintf(err->message + used, sizeof err->message - used, "%.*s", (int)(sizeof err->message - 1 - used),
             message);
    return err->code;
}

void df_error_hint(df_error *err, const char *fmt, ...)
{
    if (!err) return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, args);
    va_end(args);
}

void df_error_at(df_error *err, const char *file, int64_t line)
{
    if (!err) return;
    if (!err->file[0] && file) snprintf(err->file, sizeof err->file, "%s", file);
    if (!err->line) err->line = line;
}
