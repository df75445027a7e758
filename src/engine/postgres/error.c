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

df_code pg_fail(pg_conn *c, const PGresult *result, df_error *err)
{
    const char *state = field(result, PG_DIAG_SQLSTATE), *message = field(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = field(result, PG_DIAG_MESSAGE_DETAIL), *where = field(result, PG_DIAG_CONTEXT);
    const char *hint = field(result, PG_DIAG_MESSAGE_HINT);
    if (pq->status(c->db) == CONNECTION_BAD) c->base.lost = true;

    df_code code = code_of(state);
    if (strstr(message, "No space left on device")) code = DF_DISK_FULL; /* comes as an I/O error, too */
    if (strcmp(state, "57014") == 0 && atomic_load(&c->base.cancelled)) code = DF_CANCELLED;
    if (c->base.lost) code = DF_CONNECT;
    if (!*message) message = result ? pq->resultErrorMessage(result) : pq->errorMessage(c->db);
    if (!*message) message = "the server closed the connection";

    char text[1024];
    snprintf(text, sizeof text, "%s%s%s%s%s%s", message, *detail ? " (" : "", detail, *detail ? ")" : "",
             strncmp(where, "COPY ", 5) == 0 ? "; " : "", strncmp(where, "COPY ", 5) == 0 ? where : "");
    df_engine_fail(err, code, state, text);
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
