/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <tap.h>

#include <errno.h>
#include <string.h>

static void codes(void)
{
    bool named = true;
    for (int code = 0; code < DF_CODE_COUNT; code++) {
        const char *name = df_code_name((df_code)code);
        named &= name && name[0] && df_code_text((df_code)code)[0];
        for (int other = 0; other < code; other++) named &= strcmp(name, df_code_name((df_code)other)) != 0;
    }
    check(named, "every code has a name of its own, and a text");
    check(df_code_exit_status(DF_OK) == 0 && df_code_exit_status(DF_CANCELLED) == 130, "exit statuses");
    check(df_code_exit_status((df_code)999) == 70 && strcmp(df_code_name((df_code)-1), "bug") == 0,
          "what is no code is a bug");
}

static void setting(void)
{
    df_error err;
    check(df_fail(&err, DF_CORRUPT, "page %d", 7) == DF_CORRUPT && strcmp(err.message, "page 7") == 0, "set");
    df_error_at(&err, "a.parquet", 3);
    df_error_at(&err, "outer", 9);
    check(strcmp(err.file, "a.parquet") == 0 && err.line == 3, "the deeper name stays");
    check(df_error_prefix(&err, "reading %s", "x") == DF_CORRUPT &&
              strcmp(err.message, "reading x: page 7") == 0,
          "prefixed");
    df_error_hint(&err, "do %s", "this");
    check(strcmp(err.hint, "do this") == 0, "hint");
    df_fail(&err, DF_IO, "again");
    check(!err.hint[0] && !err.file[0] && !err.line, "setting anew forgets the old");
    char longer[4000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    df_fail(&err, DF_IO, "%s", longer);
    df_error_prefix(&err, "%s", longer);
    df_error_at(&err, longer, 1);
    df_error_hint(&err, "%s", longer);
    check(strlen(err.message) == sizeof err.message - 1 && strlen(err.file) == sizeof err.file - 1,
          "long texts are cut");
    check(df_fail(NULL, DF_IO, "x") == DF_IO, "NULL is allowed");
    df_error_prefix(NULL, "x");
    df_error_at(NULL, "x", 1);
    df_error_hint(NULL, "x");
    df_error_clear(NULL);
}

static void system_errors(void)
{
    df_error err;
    check(df_fail_errno(&err, EACCES, "/x", "open") == DF_PERMISSION &&
              strstr(err.message, "Permission denied") && err.hint[0],
          "%s", err.message);
    check(df_fail_errno(&err, ENOSPC, "/x", "write") == DF_DISK_FULL &&
              strstr(err.message, "Disk space exhausted"),
          "%s", err.message);
    check(df_fail_errno(&err, ENOENT, "/x", "open") == DF_NOT_FOUND && strcmp(err.file, "/x") == 0, "%s",
          err.message);
    check(df_fail_errno(&err, EIO, "/x", "read") == DF_IO, "%s", err.message);
}

int main(void)
{
    codes();
    setting();
    system_errors();
    return tap_done();
}
