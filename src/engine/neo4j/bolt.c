/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's life: opening, replies, reset, the end. */
#include "engine/neo4j/bolt_int.h"

#include <stdio.h>
#include <stdlib.h>

enum { CONNECT_MS = 10000, RESET_MS = 30000 };

/* ---- metadata ---- */

df_code bolt_get(df_str dict, const char *key, ps_type type, ps_item *out, bool *found, df_error *err)
{
    ps_reader reader = {dict, 0}, value;
    ps_item head;
    *found = false;
    DF_TRY(ps_read(&reader, &head, err));
    if (head.type != PS_DICT) return df_fail(err, DF_CORRUPT, "metadata of the server is no dictionary");
    DF_TRY(ps_find(reader, head.count, key, &value, found, err));
    if (*found) DF_TRY(ps_read(&value, out, err));
    *found = *found && out->type == type;
    return DF_OK;
}

static df_code get_text(df_str dict, const char *key, char *out, size_t room, df_error *err)
{
    ps_item item;
    bool found;
    DF_TRY(bolt_get(dict, key, PS_STRING, &item, &found, err));
    if (found) snprintf(out, room, "%.*s", DF_FMT(item.s));
    return DF_OK;
}

/* ---- replies ---- */

static bool reply_of(uint8_t tag, bolt_reply *out)
{
    switch (tag) {
    case BOLT_TAG_RECORD: *out = BOLT_RECORD; return true;
    case BOLT_TAG_SUCCESS: *out = BOLT_SUCCESS; return true;
    case BOLT_TAG_FAILURE: *out = BOLT_FAILURE; return true;
    case BOLT_TAG_IGNORED: *out = BOLT_IGNORED; return true;
    default: return false;
    }
}

static df_code unexpected(bolt *b, uint8_t tag, df_error *err)
{
    df_fail(err, DF_CONNECT, "%s sent a message 0x%02X that nobody had asked for", b->socket.peer, tag);
    return bolt_lose(b, DF_CONNECT, err);
}

static df_code again(const bolt *b, df_error *err)
{
    if (err) *err = b->reason;
    return b->reason.code;
}

df_code bolt_receive_within(bolt *b, bool interruptible, int64_t deadline, bolt_message *out, df_error *err)
{
    uint8_t tag;
    if (b->lost || b->refused) return again(b, err);
    if (interruptible && atomic_load_explicit(&b->socket.interrupted, memory_order_relaxed))
        return df_fail(err, DF_CANCELLED, "interrupted");
    if (b->first == b->last) return df_fail(err, DF_BUG, "nothing was asked of %s", b->socket.peer);
    DF_TRY(bolt_next(b, interruptible, deadline, &tag, &out->body, err));
    if (!reply_of(tag, &out->kind)) return unexpected(b, tag, err);
    if (out->kind != BOLT_RECORD) {
        b->first++;
    } else if (b->requests[b->first].tag != BOLT_PULL) {
        return unexpected(b, tag, err);
    }
    return DF_OK;
}

df_code bolt_receive(bolt *b, int64_t deadline, bolt_message *out, df_error *err)
{
    return bolt_receive_within(b, true, deadline, out, err);
}

size_t bolt_pending(const bolt *b)
{
    return b->last - b->first;
}

/* ---- reset ---- */

static df_code drain(bolt *b, int64_t deadline, df_error *err)
{
    bolt_message message = {BOLT_SUCCESS, DF_STR_NONE};
    while (bolt_pending(b)) {
        df_code code = bolt_receive_within(b, false, deadline, &message, err);
        if (code == DF_RETRY) {
            df_fail(err, DF_CONNECT, "%s does not answer to a reset", b->socket.peer);
            return bolt_lose(b, DF_CONNECT, err);
        }
        DF_TRY(code);
    }
    if (message.kind == BOLT_SUCCESS) return DF_OK;
    if (message.kind == BOLT_FAILURE) {
        bolt_error(message.body, err);
        df_error_prefix(err, "%s refused a reset", b->socket.peer);
    } else {
        df_fail(err, DF_CONNECT, "%s ignored a reset", b->socket.peer);
    }
    if (err) err->code = DF_CONNECT;
    return bolt_lose(b, DF_CONNECT, err);
}

df_code bolt_reset(bolt *b, df_error *err)
{
    if (b->lost) return again(b, err);
    b->refused = false;
    if (!bolt_unsend(b)) {
        df_fail(err, DF_CONNECT,
                "stopped in the middle of sending a request to %s; the connection is given up",
                b->socket.peer);
        return bolt_lose(b, DF_CONNECT, err);
    }
    bolt_message_begin(b, BOLT_RESET, 0);
    bolt_message_end(b, BOLT_RESET);
    df_code code = drain(b, bolt_clock() + RESET_MS, err);
    bolt_socket_resume(&b->socket);
    return code;
}

void bolt_interrupt(bolt *b)
{
    bolt_socket_interrupt(&b->socket);
}

/* ---- opening ---- */

/* A reply of the beginning; whatever goes wrong there, there is no connection. */
static df_code greeted(bolt *b, int64_t deadline, bolt_message *out, df_error *err)
{
    df_code code = bolt_receive_within(b, false, deadline, out, err);
    if (code == DF_RETRY) return df_fail(err, DF_CONNECT, "%s has not answered in time", b->socket.peer);
    DF_TRY(code);
    if (out->kind == BOLT_FAILURE) return bolt_error(out->body, err);
    if (out->kind == BOLT_SUCCESS) return DF_OK;
    return df_fail(err, DF_CONNECT, "%s ignored the greeting", b->socket.peer);
}

static df_code take_hints(bolt *b, df_str hello, df_error *err)
{
    ps_reader reader = {hello, 0}, hints, value;
    ps_item item;
    bool found;
    DF_TRY(ps_read(&reader, &item, err)); /* bolt_get has seen that it is a dictionary */
    DF_TRY(ps_find(reader, item.count, "hints", &hints, &found, err));
    if (!found) return DF_OK;
    DF_TRY(ps_read(&hints, &item, err));
    if (item.type != PS_DICT) return DF_OK;
    DF_TRY(ps_find(hints, item.count, "connection.recv_timeout_seconds", &value, &found, err));
    if (!found) return DF_OK;
    DF_TRY(ps_read(&value, &item, err));
    if (item.type == PS_INT && item.i > 0 && item.i < INT32_MAX) b->silence_ms = item.i * 1000;
    return DF_OK;
}

/* A 4.4 that knows the patch says so. */
static df_code take_patch(bolt *b, df_str hello, df_error *err)
{
    ps_reader reader = {hello, 0}, patches;
    ps_item item;
    bool found;
    b->utc = b->version >= 0x0500;
    if (b->utc) return DF_OK;
    DF_TRY(ps_read(&reader, &item, err));
    DF_TRY(ps_find(reader, item.count, "patch_bolt", &patches, &found, err));
    if (!found) return DF_OK;
    DF_TRY(ps_read(&patches, &item, err));
    for (uint32_t left = item.type == PS_LIST ? item.count : 0; left; left--) {
        DF_TRY(ps_read(&patches, &item, err));
        if (item.type == PS_STRING && df_str_is(item.s, "utc")) b->utc = true;
    }
    return DF_OK;
}

static df_code take_hello(bolt *b, df_str hello, df_error *err)
{
    DF_TRY(get_text(hello, "server", b->server, sizeof b->server, err));
    DF_TRY(get_text(hello, "connection_id", b->id, sizeof b->id, err));
    DF_TRY(take_hints(b, hello, err));
    return take_patch(b, hello, err);
}

static df_code take_logon(df_str logon, df_error *err)
{
    ps_item item;
    bool found;
    DF_TRY(bolt_get(logon, "credentials_expired", PS_BOOL, &item, &found, err));
    if (!found || !item.b) return DF_OK;
    df_fail(err, DF_PERMISSION,
            "the password has expired, or was never changed since the server was installed");
    df_error_hint(err, "on database system: ALTER CURRENT USER SET PASSWORD FROM 'old' TO 'new'");
    if (err) snprintf(err->native, sizeof err->native, "Neo.ClientError.Security.CredentialsExpired");
    return DF_PERMISSION;
}

static df_code greet(bolt *b, const bolt_options *options, int64_t deadline, df_error *err)
{
    bolt_message reply;
    bool logon = b->version >= 0x0501;
    bolt_put_hello(b, options);
    if (logon) bolt_put_logon(b, options);
    DF_TRY(greeted(b, deadline, &reply, err));
    DF_TRY(take_hello(b, reply.body, err));
    if (logon) DF_TRY(greeted(b, deadline, &reply, err));
    return take_logon(reply.body, err);
}

static df_code open_over(bolt *b, const bolt_options *options, int64_t deadline, bolt **out, df_error *err)
{
    df_code code = bolt_handshake(b, options, deadline, err);
    if (code == DF_RETRY) code = df_fail(err, DF_CONNECT, "%s has not answered in time", b->socket.peer);
    if (code == DF_OK) code = greet(b, options, deadline, err);
    if (code != DF_OK) {
        b->lost = true;
        bolt_close(b);
        return code;
    }
    b->greeted = true;
    *out = b;
    return DF_OK;
}

static int64_t deadline_of(const bolt_options *options)
{
    return bolt_clock() + (options->connect_ms > 0 ? options->connect_ms : CONNECT_MS);
}

df_code bolt_open(const bolt_options *options, bolt **out, df_error *err)
{
    int64_t deadline = deadline_of(options);
    bolt *b = df_zalloc(sizeof *b);
    df_code code = bolt_socket_open(&b->socket, options, deadline, err);
    if (code == DF_OK) return open_over(b, options, deadline, out, err);
    free(b);
    return code;
}

df_code bolt_open_over(int fd, const bolt_options *options, bolt **out, df_error *err)
{
    int64_t deadline = deadline_of(options);
    bolt *b = df_zalloc(sizeof *b);
    df_code code = bolt_socket_adopt(&b->socket, fd, "the server", err);
    if (code == DF_OK) return open_over(b, options, deadline, out, err);
    free(b);
    return code;
}

void bolt_close(bolt *b)
{
    if (!b) return;
    if (!b->lost && bolt_unsend(b)) {
        bolt_message_begin(b, BOLT_GOODBYE, 0);
        bolt_message_end(b, BOLT_GOODBYE);
        bolt_push(b);
    }
    bolt_socket_close(&b->socket);
    bolt_stream_release(b);
    free(b);
}

/* ---- what is known of it ---- */

unsigned bolt_version(const bolt *b)
{
    return b->version;
}

const char *bolt_server(const bolt *b)
{
    return b->server;
}

const char *bolt_connection_id(const bolt *b)
{
    return b->id;
}

bool bolt_utc(const bolt *b)
{
    return b->utc;
}

bool bolt_lost(const bolt *b)
{
    return b->lost;
}
