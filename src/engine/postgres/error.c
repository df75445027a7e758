/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/postgres/private.h"

#include <stdio.h>

/* Exact SQLSTATEs first, then their classes (two characters). */
static const struct {
    const char *state;
    df_code code;
} codes[] = {
    {"53100", DF_DISK_FULL}, {"53200", DF_NO_MEMORY}, {"42501", DF_PERMISSION}, {"25006", DF_PERMISSION},
    {"23505", DF_CONFLICT},  {"42P07", DF_CONFLICT},  {"42P06", DF_CONFLICT},   {"42710", DF_CONFLICT},
    {"42P04", DF_CONFLICT},  {"42P01", DF_NOT_FOUND}, {"3F000", DF_NOT_FOUND},  {"3D000", DF_NOT_FOUND},
    {"40001", DF_RETRY},     {"40P01", DF_RETRY},     {"55P03", DF_RETRY},      {"57P01", DF_CONNECT},
    {"57P02", DF_CONNECT},   {"57P03", DF_CONNECT},   {"57P05", DF_CONNECT},    {"25P03", DF_CONNECT},
    {"53300", DF_CONNECT},   {"XX001", DF_CORRUPT},   {"XX002", DF_CORRUPT},    {"08", DF_CONNECT},
};

static df_code code_of(const char *state)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (strncmp(state, codes[i].state, strlen(codes[i].state)) == 0) return codes[i].code;
    }
    return DF_FAILED;
}

static const char *field(const PGresult *result, int which)
{
    const char *text = result ? pq->resultErrorField(result, which) : NULL;
    return text ? text : "";
}

/* What is behind the codes of limits; messages come in the server's language, so they say little. */
static void hint_limit(const pg_conn *c, const char *state, const char *message, df_error *err)
{
    if (strcmp(state, "55P03") == 0 && c->limits.lock_ms > 0 && !strstr(message, "could not obtain lock")) {
        df_error_hint(err,
                      "lock_timeout is %lld ms: another session holds a lock that this statement needs; run "
                      "it again when that is gone",
                      (long long)c->limits.lock_ms);
    } else if (strcmp(state, "57014") == 0 && !atomic_load(&c->base.cancelled)) {
        if (c->limits.statement_ms > 0 && !strstr(message, "user request")) {
            df_error_hint(err, "statement_timeout is %lld ms; give the statement more time, or less to do",
                          (long long)c->limits.statement_ms);
        } else {
            df_error_hint(
                err,
                "a limit of the server (statement_timeout) or another session (pg_cancel_backend) ended it");
        }
    }
}

/* Where it happened, when that is not in our own text: the innermost function's line, the row of a COPY. */
static df_str place_of(const char *context)
{
    if (strncmp(context, "COPY ", 5) != 0 && strncmp(context, "PL/", 3) != 0 &&
        strncmp(context, "SQL function", 12) != 0)
        return (df_str){"", 0};
    return (df_str){context, strcspn(context, "\n")};
}

df_code pg_fail(pg_conn *c, const PGresult *result, df_error *err)
{
    const char *state = field(result, PG_DIAG_SQLSTATE), *message = field(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = field(result, PG_DIAG_MESSAGE_DETAIL), *hint = field(result, PG_DIAG_MESSAGE_HINT);
    const char *severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    df_str place = place_of(field(result, PG_DIAG_CONTEXT));
    if (pq->status(c->db) == CONNECTION_BAD || strcmp(severity, "FATAL") == 0 ||
        strcmp(severity, "PANIC") == 0)
        c->base.lost = true;

    df_code code = code_of(state);
    if (strstr(message, "No space left on device")) code = DF_DISK_FULL; /* comes as an I/O error, too */
    if (strcmp(state, "57014") == 0 && atomic_load(&c->base.cancelled)) code = DF_CANCELLED;
    if (code == DF_CONNECT && *state) code = DF_FAILED; /* of a foreign server or dblink, unless: */
    if (c->base.lost) code = DF_CONNECT;
    if (!*message) message = result ? pq->resultErrorMessage(result) : pq->errorMessage(c->db);
    if (!*message) message = "the server closed the connection";

    char text[1024];
    snprintf(text, sizeof text, "%s%s%s%s%s%.*s", message, *detail ? " (" : "", detail, *detail ? ")" : "",
             place.len ? "; " : "", DF_FMT(place));
    df_engine_fail(err, code, state, text);
    hint_limit(c, state, message, err);
    if (*hint && code != DF_DISK_FULL) df_error_hint(err, "%s", hint);
    return code;
}

bool pg_error_offset(const PGresult *result, df_str sent, size_t *offset)
{
    int64_t characters;
    const char *text = field(result, PG_DIAG_STATEMENT_POSITION);
    if (!df_str_int64(df_str_from(text), &characters) || characters < 1) return false;
    size_t i = 0;
    while (i < sent.len && --characters > 0) {
        i++;
        while (i < sent.len && ((unsigned char)sent.ptr[i] & 0xC0) == 0x80) i++;
    }
    *offset = i;
    return true;
}
