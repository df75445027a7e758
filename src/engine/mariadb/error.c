/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/mariadb/private.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    unsigned number;
    df_code code;
} codes[] = {
    {1021, DF_DISK_FULL},  {1114, DF_DISK_FULL},  {1037, DF_NO_MEMORY},  {1038, DF_NO_MEMORY},
    {1044, DF_PERMISSION}, {1142, DF_PERMISSION}, {1143, DF_PERMISSION}, {1227, DF_PERMISSION},
    {1290, DF_PERMISSION}, {1370, DF_PERMISSION}, {1792, DF_PERMISSION}, {1836, DF_PERMISSION},
    {1007, DF_CONFLICT},   {1050, DF_CONFLICT},   {1061, DF_CONFLICT},   {1062, DF_CONFLICT},
    {1169, DF_CONFLICT},   {1586, DF_CONFLICT},   {1049, DF_NOT_FOUND},  {1051, DF_NOT_FOUND},
    {1146, DF_NOT_FOUND},  {1008, DF_NOT_FOUND},  {1020, DF_RETRY},      {1205, DF_RETRY},
    {1213, DF_RETRY},      {1040, DF_CONNECT},    {1045, DF_CONNECT},    {1053, DF_CONNECT},
    {1077, DF_CONNECT},    {1129, DF_CONNECT},    {1130, DF_CONNECT},    {1152, DF_CONNECT},
    {1158, DF_CONNECT},    {1159, DF_CONNECT},    {1160, DF_CONNECT},    {1161, DF_CONNECT},
    {1203, DF_CONNECT},    {1927, DF_CONNECT},    {2002, DF_CONNECT},    {2003, DF_CONNECT},
    {2006, DF_CONNECT},    {2013, DF_CONNECT},    {2026, DF_CONNECT},    {2027, DF_CONNECT},
    {2055, DF_CONNECT},    {2008, DF_NO_MEMORY},
};

df_code my_code_of(unsigned number, const char *message)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i].number == number) return codes[i].code;
    }
    /* "Error writing file … (Errcode: 28 …)", "Got error 28 from storage engine" */
    if (strstr(message, "Errcode: 28") || strstr(message, "errno: 28") || strstr(message, "Got error 28 ") ||
        strstr(message, "No space left on device")) {
        return DF_DISK_FULL;
    }
    return DF_FAILED;
}

/* "… near 'text' at line 3": the text is what follows the error, cut after 80 characters. */
static void find_position(const char *message, df_str sql, df_error *err)
{
    const char *near = strstr(message, " near '"), *line = NULL, *next = message;
    while ((next = strstr(next, "' at line ")) != NULL) line = next++;
    if (!near || !line || line < near + 7) return;
    int64_t wanted = atoll(line + 10), number = 1;
    df_str text = {near + 7, (size_t)(line - near - 7)};
    size_t start = 0;
    while (start < sql.len && number < wanted) number += sql.ptr[start++] == '\n';
    const char *found =
        text.len ? memmem(sql.ptr + start, sql.len - start, text.ptr, text.len) : sql.ptr + sql.len;
    /* Not there: it is the text of a statement that a routine prepared. */
    if (found) df_engine_fail_at(err, sql, (size_t)(found - sql.ptr));
}

/* The limits of df_set_limits behind an error. */
static void hint_limit(const my_conn *c, unsigned number, df_error *err)
{
    enum { LOCK_WAIT = 1205, TOO_LONG = 1969, TOO_LONG_MYSQL = 3024, KILLED = 1317 };
    if (number == LOCK_WAIT && c->limits.lock_ms > 0) {
        df_error_hint(err,
                      "lock_wait_timeout is %lld ms: another session holds a lock that this statement needs; "
                      "run it again when that is gone",
                      (long long)c->limits.lock_ms);
    } else if ((number == TOO_LONG || number == TOO_LONG_MYSQL) && c->limits.statement_ms > 0) {
        df_error_hint(err, "max_statement_time is %lld ms; give the statement more time, or less to do",
                      (long long)c->limits.statement_ms);
    } else if (number == KILLED && !atomic_load(&c->base.cancelled)) {
        df_error_hint(err, "another session ended it (KILL QUERY)");
    }
}

typedef struct reason {
    df_error *err;
    bool found;
} reason;

/* Of the warnings the one that is not the error itself. */
static df_code take_reason(void *context, const df_row *row, df_error *err)
{
    (void)err;
    reason *r = context;
    enum { INCORRECT_KEY = 150 };
    if (r->found || row->values[1].type != DF_INT64 || row->values[1].i != INCORRECT_KEY) return DF_OK;
    df_str what = row->values[2].s;
    while (what.len && (what.ptr[what.len - 1] == '.' || what.ptr[what.len - 1] == ' ')) what.len--;
    size_t used = strlen(r->err->message);
    snprintf(r->err->message + used, sizeof r->err->message - used, "; %.*s", DF_FMT(what));
    r->found = true;
    return DF_OK;
}

/* "Foreign key constraint is incorrectly formed" does not say which, and why; the warnings beside it do. */
static void explain_foreign_key(my_conn *c, unsigned number, df_error *err)
{
    enum { NO_TABLE = 1005, NO_RENAME = 1025, NO_KEY = 1215 };
    if (!err || (number != NO_TABLE && number != NO_RENAME && number != NO_KEY)) return;
    int64_t ignored;
    df_error unheard;
    reason r = {err, false};
    df_notice_fn notice = c->base.notice;
    c->base.notice = NULL;
    df_code code = my_run(&c->base, "SHOW WARNINGS", NULL, 0, take_reason, &r, &ignored, &unheard);
    (void)code; /* what is there says enough */
    c->base.notice = notice;
}

df_code my_fail(my_conn *c, df_str sql, df_error *err)
{
    unsigned number = mysql->error_number(c->db);
    const char *message = mysql->error(c->db);
    df_code code = my_code_of(number, message);
    char native[16];
    if (code == DF_CONNECT) c->base.lost = true;
    if (number == 1317 && atomic_load(&c->base.cancelled)) code = DF_CANCELLED;
    snprintf(native, sizeof native, "%u", number);
    df_engine_fail(err, code, native, *message ? message : "unknown error");
    hint_limit(c, number, err);
    explain_foreign_key(c, number, err);
    if (sql.ptr && number == 1064) find_position(message, sql, err);
    return code;
}
