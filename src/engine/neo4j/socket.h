/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to and from a server, plain or through TLS. Nothing here blocks but bolt_socket_open and
 * bolt_socket_wait.
 */
#ifndef DF_ENGINE_NEO4J_SOCKET_H
#define DF_ENGINE_NEO4J_SOCKET_H

#include "engine/neo4j/bolt.h"

#include <stdatomic.h>

typedef struct bolt_socket {
    int fd, wake;                            /* wake: an eventfd that bolt_socket_interrupt writes to */
    atomic_bool interrupted;                 /* set by bolt_socket_interrupt, cleared by bolt_socket_resume */
    struct bolt_tls_state *tls;              /* NULL: plain */
    bool read_wants_write, write_wants_read; /* TLS has messages of its own */
    char peer[300];                          /* "host:port", for messages */
} bolt_socket;

/* Milliseconds of the monotonic clock, which deadlines are told in. */
int64_t bolt_clock(void);

/* Connects, and shakes hands for TLS, until `deadline`. DF_CONNECT. On failure nothing is left to close. */
DF_MUST_USE df_code bolt_socket_open(bolt_socket *s, const bolt_options *options, int64_t deadline,
                                     df_error *err);
/* Takes over a connected descriptor (tests). */
DF_MUST_USE df_code bolt_socket_adopt(bolt_socket *s, int fd, const char *peer, df_error *err);
void bolt_socket_close(bolt_socket *s);

/* *got 0: nothing is there now. DF_CONNECT: closed by the server, broken. */
DF_MUST_USE df_code bolt_socket_read(bolt_socket *s, void *to, size_t room, size_t *got, df_error *err);
/* *sent 0: no room now. DF_CONNECT: broken; what the server said last may still be read. */
DF_MUST_USE df_code bolt_socket_write(bolt_socket *s, const void *from, size_t len, size_t *sent,
                                      df_error *err);
/* Waits for bytes, and for room when `writing`. DF_RETRY: `deadline` has passed (0: none); DF_CANCELLED:
 * interrupted (when `interruptible`). */
DF_MUST_USE df_code bolt_socket_wait(bolt_socket *s, bool writing, bool interruptible, int64_t deadline,
                                     df_error *err);
void bolt_socket_interrupt(bolt_socket *s); /* from any thread, also from a signal handler */
void bolt_socket_resume(bolt_socket *s);

#endif
