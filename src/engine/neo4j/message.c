/* SPDX-License-Identifier: Apache-2.0 */
/* Requests, as bytes in the queue. */
#include "engine/neo4j/bolt_int.h"

enum { CHUNK = UINT16_MAX, PUSH_AT = 256 * 1024 };

/* ---- chunks ---- */

df_buf *bolt_message_begin(bolt *b, uint8_t tag, size_t fields)
{
    df_buf *out = &b->out.bytes;
    b->out.message = out->len;
    df_buf_add(out, "\0\0", 2); /* the first chunk's size */
    ps_put_struct(out, tag, fields);
    return out;
}

static void put_chunk_size(char *at, size_t size)
{
    at[0] = (char)(size >> 8);
    at[1] = (char)(size & 0xFF);
}

/* A large message's chunks move apart, the last one first, so that the sizes find room between them. */
static void spread(char *first, size_t len)
{
    size_t chunks = (len + CHUNK - 1) / CHUNK;
    for (size_t i = chunks; i-- > 0;) {
        size_t size = i + 1 == chunks ? len - i * CHUNK : CHUNK;
        if (i) memmove(first + i * (CHUNK + 2) + 2, first + 2 + i * CHUNK, size);
        put_chunk_size(first + i * (CHUNK + 2), size);
    }
}

/* Nothing of it is sent, and nothing that comes after it, until a reset: a COMMIT must not follow a lost RUN.
 */
static void refuse(bolt *b)
{
    b->refused = true;
    b->out.bytes.len = b->out.message;
    df_fail(&b->reason, DF_UNSUPPORTED, "a request of more than 2 GiB");
    df_error_hint(&b->reason, "send it in parts");
}

static void pend(bolt *b, bolt_request request)
{
    if (b->first == b->last) b->first = b->last = 0;
    if (b->first > b->cap / 2) { /* the front is free: moved down, once for each half */
        memmove(b->requests, b->requests + b->first, (b->last - b->first) * sizeof request);
        b->last -= b->first;
        b->first = 0;
    }
    DF_PUSH(b->requests, b->last, b->cap) = request;
}

void bolt_message_end(bolt *b, uint8_t tag)
{
    bolt_out *out = &b->out;
    size_t len = out->bytes.len - out->message - 2;
    if (b->lost || b->refused) {
        out->bytes.len = out->message;
        return;
    }
    if (len > INT32_MAX) {
        refuse(b);
        return;
    }
    size_t more = (len - 1) / CHUNK * 2;
    df_buf_reserve(&out->bytes, more + 2);
    spread(out->bytes.ptr + out->message, len);
    out->bytes.len += more;
    df_buf_add(&out->bytes, "\0\0", 2);
    if (tag != BOLT_GOODBYE)
        pend(b, (bolt_request){out->base + out->message, out->base + out->bytes.len, tag});
    if (bolt_unsent(b) >= PUSH_AT) bolt_push(b);
}

/* ---- a connection's beginning ---- */

static void put_entry(df_buf *out, const char *key, const char *value)
{
    ps_put_text(out, key);
    ps_put_text(out, value);
}

static void put_strings(df_buf *out, const char *const *strings)
{
    size_t count = 0;
    while (strings && strings[count]) count++;
    ps_put_list(out, count);
    for (size_t i = 0; i < count; i++) ps_put_text(out, strings[i]);
}

void bolt_put_bookmarks(df_buf *out, const char *const *bookmarks)
{
    put_strings(out, bookmarks);
}

static size_t count_auth(const bolt_options *o)
{
    return 1 + (size_t)(o->principal != NULL) + (size_t)(o->credentials != NULL) + (size_t)(o->realm != NULL);
}

static void put_auth(df_buf *out, const bolt_options *o)
{
    put_entry(out, "scheme", o->auth ? o->auth : "none");
    if (o->principal) put_entry(out, "principal", o->principal);
    if (o->credentials) put_entry(out, "credentials", o->credentials);
    if (o->realm) put_entry(out, "realm", o->realm);
}

static const char *agent_of(const bolt_options *o)
{
    return o->user_agent ? o->user_agent : "dataflow/" DF_VERSION;
}

static void put_agent(df_buf *out, const bolt_options *o)
{
    ps_put_text(out, "bolt_agent");
    ps_put_dict(out, 2);
    put_entry(out, "product", agent_of(o));
    put_entry(out, "language", "C");
}

static void put_notifications(df_buf *out, uint16_t version, const bolt_options *o)
{
    if (o->notifications) put_entry(out, "notifications_minimum_severity", o->notifications);
    if (!o->notifications_off) return;
    ps_put_text(out, version >= 0x0506 ? "notifications_disabled_classifications"
                                       : "notifications_disabled_categories");
    put_strings(out, o->notifications_off);
}

void bolt_put_hello(bolt *b, const bolt_options *o)
{
    uint16_t v = b->version;
    bool auth = v < 0x0501, notifications = v >= 0x0502, agent = v >= 0x0503, patch = v < 0x0500;
    size_t entries =
        1 + (size_t)(o->routing_address != NULL) + (auth ? count_auth(o) : 0) + (size_t)agent + (size_t)patch;
    if (notifications) entries += (size_t)(o->notifications != NULL) + (size_t)(o->notifications_off != NULL);

    df_buf *out = bolt_message_begin(b, BOLT_HELLO, 1);
    ps_put_dict(out, entries);
    put_entry(out, "user_agent", agent_of(o));
    if (o->routing_address) {
        ps_put_text(out, "routing");
        ps_put_dict(out, 1);
        put_entry(out, "address", o->routing_address);
    }
    if (auth) put_auth(out, o);
    if (agent) put_agent(out, o);
    if (patch) {
        ps_put_text(out, "patch_bolt");
        ps_put_list(out, 1);
        ps_put_text(out, "utc");
    }
    if (notifications) put_notifications(out, v, o);
    bolt_message_end(b, BOLT_HELLO);
}

void bolt_put_logon(bolt *b, const bolt_options *o)
{
    df_buf *out = bolt_message_begin(b, BOLT_LOGON, 1);
    ps_put_dict(out, count_auth(o));
    put_auth(out, o);
    bolt_message_end(b, BOLT_LOGON);
}

/* ---- statements ---- */

static void put_extra(df_buf *out, const bolt_transaction *t)
{
    static const bolt_transaction none;
    if (!t) t = &none;
    bool bookmarks = t->bookmarks && t->bookmarks[0], timeout = t->no_timeout || t->timeout_ms > 0;
    ps_put_dict(out, (size_t)bookmarks + (size_t)timeout + (size_t)(t->metadata.ptr != NULL) +
                         (size_t)t->read + (size_t)(t->database != NULL) + (size_t)(t->impersonate != NULL));
    if (bookmarks) {
        ps_put_text(out, "bookmarks");
        put_strings(out, t->bookmarks);
    }
    if (timeout) {
        ps_put_text(out, "tx_timeout");
        ps_put_int(out, t->no_timeout ? 0 : t->timeout_ms);
    }
    if (t->metadata.ptr) {
        ps_put_text(out, "tx_metadata");
        df_buf_str_add(out, t->metadata);
    }
    if (t->read) put_entry(out, "mode", "r");
    if (t->database) put_entry(out, "db", t->database);
    if (t->impersonate) put_entry(out, "imp_user", t->impersonate);
}

void bolt_run(bolt *b, df_str query, df_str parameters, const bolt_transaction *transaction)
{
    df_buf *out = bolt_message_begin(b, BOLT_RUN, 3);
    ps_put_string(out, query);
    if (parameters.ptr) {
        df_buf_str_add(out, parameters);
    } else {
        ps_put_dict(out, 0);
    }
    put_extra(out, transaction);
    bolt_message_end(b, BOLT_RUN);
}

static void put_stream(bolt *b, uint8_t tag, int64_t n)
{
    df_buf *out = bolt_message_begin(b, tag, 1);
    ps_put_dict(out, 1);
    ps_put_text(out, "n");
    ps_put_int(out, n);
    bolt_message_end(b, tag);
}

void bolt_pull(bolt *b, int64_t n)
{
    put_stream(b, BOLT_PULL, n);
}

void bolt_discard(bolt *b, int64_t n)
{
    put_stream(b, BOLT_DISCARD, n);
}

void bolt_begin(bolt *b, const bolt_transaction *transaction)
{
    put_extra(bolt_message_begin(b, BOLT_BEGIN, 1), transaction);
    bolt_message_end(b, BOLT_BEGIN);
}

static void put_bare(bolt *b, uint8_t tag)
{
    bolt_message_begin(b, tag, 0);
    bolt_message_end(b, tag);
}

void bolt_commit(bolt *b)
{
    put_bare(b, BOLT_COMMIT);
}

void bolt_rollback(bolt *b)
{
    put_bare(b, BOLT_ROLLBACK);
}
