/* SPDX-License-Identifier: Apache-2.0 */
/* Messages out of chunks, and the queue onto the wire: reading and writing go on side by side, so that
 * neither side can wait for the other to read first. */
#include "engine/neo4j/bolt_int.h"

#include <stdlib.h>

enum {
    IN_SIZE = 256 * 1024,
    IN_KEEP = 4 * 1024 * 1024, /* a buffer that a large message has left behind is given back */
    READ_LEAST = 64 * 1024,
    GREETING_MOST = 1024 * 1024, /* who has not been authenticated gets no more memory */
};

df_code bolt_lose(bolt *b, df_code code, df_error *err)
{
    if (b->lost) return code;
    b->lost = true;
    if (err)
        b->reason = *err;
    else
        df_fail(&b->reason, code, "the connection to %s was lost", b->socket.peer);
    b->reason.code = code;
    return code;
}

void bolt_stream_release(bolt *b)
{
    free(b->in.ptr);
    free(b->requests);
    df_buf_release(&b->out.bytes);
}

/* ---- out ---- */

size_t bolt_unsent(const bolt *b)
{
    return b->out.bytes.len - b->out.sent;
}

/* What was sent goes, once it is the larger part: each byte is moved at most once on the average. */
static void forget_sent(bolt_out *out)
{
    size_t left = out->bytes.len - out->sent;
    if (out->sent < left) return;
    if (left) memmove(out->bytes.ptr, out->bytes.ptr + out->sent, left);
    out->base += out->sent;
    out->bytes.len = left;
    out->sent = 0;
    if (!left && out->bytes.cap > IN_KEEP) df_buf_release(&out->bytes);
}

/* *some: whether anything went out. A broken pipe is not told here: what the server said before it hung up is
 * read first. */
static void send_some(bolt *b, bool *some)
{
    size_t sent = 0;
    *some = false;
    if (b->out.broken || !bolt_unsent(b)) return;
    if (bolt_socket_write(&b->socket, b->out.bytes.ptr + b->out.sent, bolt_unsent(b), &sent, NULL) != DF_OK) {
        b->out.broken = true;
        return;
    }
    b->out.sent += sent;
    *some = sent > 0;
    forget_sent(&b->out);
}

void bolt_push(bolt *b)
{
    bool some = true;
    while (some && !b->lost) send_some(b, &some);
}

bool bolt_unsend(bolt *b)
{
    uint64_t sent = b->out.base + b->out.sent;
    while (b->last > b->first && b->requests[b->last - 1].begin >= sent) b->last--;
    if (b->last > b->first && b->requests[b->last - 1].end > sent) return false;
    b->out.bytes.len = b->out.sent;
    forget_sent(&b->out);
    return true;
}

/* ---- in ---- */

/* Moves what is unread, or the message that it belongs to, to the front. */
static void to_front(bolt_in *in)
{
    size_t from = in->length ? in->message : in->at;
    if (!from) return;
    memmove(in->ptr, in->ptr + from, in->end - from);
    in->at -= from;
    in->end -= from;
    in->message = in->length ? in->message - from : 0;
}

static df_code make_room(bolt *b, df_error *err)
{
    bolt_in *in = &b->in;
    if (in->at == in->end) { /* what comes next goes where it belongs */
        if (!in->length) in->message = 0;
        in->at = in->end = in->message + in->length;
    }
    if (in->cap > IN_KEEP && !in->end) {
        free(in->ptr);
        in->ptr = NULL;
        in->cap = 0;
    }
    if (in->cap - in->end < READ_LEAST) to_front(in);
    if (in->cap - in->end >= READ_LEAST) return DF_OK;
    size_t cap = in->cap ? in->cap * 2 : IN_SIZE;
    char *grown = realloc(in->ptr, cap);
    if (!grown)
        return df_fail(err, DF_NO_MEMORY, "not enough memory for a message of more than %zu bytes from %s",
                       in->length, b->socket.peer);
    in->ptr = grown;
    in->cap = cap;
    return DF_OK;
}

static df_code read_some(bolt *b, bool *some, df_error *err)
{
    size_t got;
    DF_TRY(make_room(b, err));
    DF_TRY(bolt_socket_read(&b->socket, b->in.ptr + b->in.end, b->in.cap - b->in.end, &got, err));
    b->in.end += got;
    *some = got > 0;
    return DF_OK;
}

/* As much of the current chunk as is here, put behind the message so far. */
static void take_chunk(bolt_in *in)
{
    size_t here = in->end - in->at, n = here < in->chunk ? here : in->chunk;
    size_t to = in->message + in->length;
    if (to != in->at) memmove(in->ptr + to, in->ptr + in->at, n);
    in->length += n;
    in->at += n;
    in->chunk -= n;
}

/* *whole: in->message and in->length are a message. */
static df_code assemble(bolt *b, bool *whole, df_error *err)
{
    bolt_in *in = &b->in;
    *whole = false;
    for (;;) {
        if (in->chunk) take_chunk(in);
        if (in->chunk || in->end - in->at < 2) return DF_OK;
        const unsigned char *head = (const unsigned char *)in->ptr + in->at;
        size_t size = (size_t)head[0] << 8 | head[1];
        in->at += 2;
        if (size == 0) {
            if (!in->length) continue; /* a sign of life */
            *whole = true;
            return DF_OK;
        }
        if (in->length + size > (b->greeted ? INT32_MAX : GREETING_MOST))
            return df_fail(err, DF_UNSUPPORTED, "%s sent a message of more than %s", b->socket.peer,
                           b->greeted ? "2 GiB" : "1 MiB for a greeting");
        if (!in->length) in->message = in->at;
        in->chunk = size;
    }
}

static df_code parse(bolt *b, uint8_t *tag, df_str *body, df_error *err)
{
    bolt_in *in = &b->in;
    ps_reader reader = {{in->ptr + in->message, in->length}, 0};
    ps_item head;
    in->length = 0;
    if (ps_read(&reader, &head, err) != DF_OK || head.type != PS_STRUCT || head.count > 1)
        return df_fail(err, DF_CONNECT, "what %s sent is no Bolt message", b->socket.peer);
    *tag = head.tag;
    *body = df_str_skip(reader.bytes, reader.at);
    return DF_OK;
}

/* How long to wait: until `deadline`, or until the server's promised sign of life is due. */
static df_code wait_for(bolt *b, bool interruptible, int64_t deadline, int64_t heard, df_error *err)
{
    int64_t silent = b->silence_ms ? heard + b->silence_ms : 0;
    bool by_silence = silent && (!deadline || silent < deadline);
    df_code code = bolt_socket_wait(&b->socket, bolt_unsent(b) && !b->out.broken, interruptible,
                                    by_silence ? silent : deadline, err);
    if (code == DF_RETRY && by_silence)
        return df_fail(err, DF_CONNECT, "%s has been silent for %lld s", b->socket.peer,
                       (long long)b->silence_ms / 1000);
    return code;
}

/* One round of sending and reading, or of waiting when neither moves. */
static df_code turn(bolt *b, bool interruptible, int64_t deadline, int64_t *heard, df_error *err)
{
    bool sent = false, got = false;
    send_some(b, &sent);
    DF_TRY(read_some(b, &got, err));
    if (got) *heard = bolt_clock();
    if (got && deadline && *heard >= deadline)
        return df_fail(err, DF_RETRY, "%s has not answered in time", b->socket.peer);
    return sent || got ? DF_OK : wait_for(b, interruptible, deadline, *heard, err);
}

/* Neither leaves the stream of bytes in doubt. */
static bool harmless(df_code code)
{
    return code == DF_RETRY || code == DF_CANCELLED;
}

df_code bolt_next(bolt *b, bool interruptible, int64_t deadline, uint8_t *tag, df_str *body, df_error *err)
{
    bool whole = false, sent;
    int64_t heard = 0;
    if (bolt_unsent(b)) send_some(b, &sent);
    for (;;) {
        df_code code = assemble(b, &whole, err);
        if (code == DF_OK && whole) code = parse(b, tag, body, err);
        if (code == DF_OK && whole) return DF_OK;
        if (code == DF_OK && !heard) heard = bolt_clock();
        if (code == DF_OK) code = turn(b, interruptible, deadline, &heard, err);
        if (code != DF_OK) return harmless(code) ? code : bolt_lose(b, code, err);
    }
}

df_code bolt_take(bolt *b, void *to, size_t len, int64_t deadline, df_error *err)
{
    int64_t heard = bolt_clock();
    while (b->in.end - b->in.at < len) {
        df_code code = turn(b, false, deadline, &heard, err);
        if (code != DF_OK) return bolt_lose(b, code, err);
    }
    memcpy(to, b->in.ptr + b->in.at, len);
    b->in.at += len;
    return DF_OK;
}
