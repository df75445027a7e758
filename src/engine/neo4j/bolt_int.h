/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the Bolt client share. */
#ifndef DF_ENGINE_NEO4J_BOLT_INT_H
#define DF_ENGINE_NEO4J_BOLT_INT_H

#include "engine/neo4j/socket.h"

/* Tags of messages. */
enum {
    BOLT_HELLO = 0x01,
    BOLT_GOODBYE = 0x02,
    BOLT_RESET = 0x0F,
    BOLT_RUN = 0x10,
    BOLT_BEGIN = 0x11,
    BOLT_COMMIT = 0x12,
    BOLT_ROLLBACK = 0x13,
    BOLT_DISCARD = 0x2F,
    BOLT_PULL = 0x3F,
    BOLT_ROUTE = 0x66,
    BOLT_LOGON = 0x6A,
    BOLT_TAG_SUCCESS = 0x70,
    BOLT_TAG_RECORD = 0x71,
    BOLT_TAG_IGNORED = 0x7E,
    BOLT_TAG_FAILURE = 0x7F,
};

/* A request whose final reply is still to come. */
typedef struct bolt_request {
    uint64_t begin, end; /* in all that was ever queued */
    uint8_t tag;
} bolt_request;

/* Requests in their order, ready to be sent. */
typedef struct bolt_out {
    df_buf bytes;
    size_t sent;    /* of `bytes` */
    uint64_t base;  /* what was queued before the first of `bytes` */
    size_t message; /* where the message that is being written begins */
    bool broken;    /* writing has failed: only what the server said last can still be read */
} bolt_out;

/*
 * What came in. A message's chunks are pushed together where they lie, so that a message of one chunk is not
 * moved at all, and each byte of a larger one at most once.
 */
typedef struct bolt_in {
    char *ptr;
    size_t cap, at, end;    /* bytes that were not looked at yet: [at, end) */
    size_t message, length; /* the message so far */
    size_t chunk;           /* bytes of the current chunk that are still to come */
} bolt_in;

struct bolt {
    bolt_socket socket;
    uint16_t version; /* 0x0508 */
    bool utc, lost, refused;
    bool greeted;       /* HELLO and LOGON have succeeded */
    int64_t silence_ms; /* the server promises a sign of life within; 0: no promise */
    char server[64], id[64];
    bolt_out out;
    bolt_in in;
    bolt_request *requests;
    size_t first, last, cap; /* pending: [first, last) */
    df_error reason;         /* why `lost`, or why a request was refused before it was sent */
};

/* ---- message.c ---- */

/* Begins a message of `fields` fields in the queue; they are written to the buffer it returns. */
df_buf *bolt_message_begin(bolt *b, uint8_t tag, size_t fields);
/* Cuts it into chunks and makes it pending (GOODBYE is not). */
void bolt_message_end(bolt *b, uint8_t tag);
void bolt_put_hello(bolt *b, const bolt_options *options);
void bolt_put_logon(bolt *b, const bolt_options *options);
void bolt_put_bookmarks(df_buf *out, const char *const *bookmarks);

/* ---- stream.c ---- */

/* The next message, with its tag; DF_CONNECT, DF_CANCELLED (when interruptible), DF_RETRY. */
DF_MUST_USE df_code bolt_next(bolt *b, bool interruptible, int64_t deadline, uint8_t *tag, df_str *body,
                              df_error *err);
/* Exactly `len` bytes, outside of messages (handshake). */
DF_MUST_USE df_code bolt_take(bolt *b, void *to, size_t len, int64_t deadline, df_error *err);
/* Sends as much of the queue as goes without waiting. */
void bolt_push(bolt *b);
/* Marks the connection as lost; returns code. */
df_code bolt_lose(bolt *b, df_code code, df_error *err);
/* Takes back what was queued and not sent; false when a request has been sent by half. */
bool bolt_unsend(bolt *b);
size_t bolt_unsent(const bolt *b);
void bolt_stream_release(bolt *b);

/* ---- handshake.c ---- */

DF_MUST_USE df_code bolt_handshake(bolt *b, const bolt_options *options, int64_t deadline, df_error *err);

/* ---- bolt.c ---- */

/* bolt_open over a descriptor that is connected (tests); it is closed in any case. */
DF_MUST_USE df_code bolt_open_over(int fd, const bolt_options *options, bolt **out, df_error *err);
/* bolt_receive, which an interrupt need not end. */
DF_MUST_USE df_code bolt_receive_within(bolt *b, bool interruptible, int64_t deadline, bolt_message *out,
                                        df_error *err);
/* Finds `key` in a dict (metadata); *found false when there is none, or it is of another type. */
DF_MUST_USE df_code bolt_get(df_str dict, const char *key, ps_type type, ps_item *out, bool *found,
                             df_error *err);

#endif
