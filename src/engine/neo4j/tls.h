/* SPDX-License-Identifier: Apache-2.0 */
/* TLS over a connected, non-blocking socket; OpenSSL is loaded at the first call (see base/library.h). */
#ifndef DF_ENGINE_NEO4J_TLS_H
#define DF_ENGINE_NEO4J_TLS_H

#include "engine/neo4j/socket.h"

/* Shakes hands until `deadline`. DF_CONNECT with a hint when the certificate is not trusted, or no TLS is
 * spoken. */
DF_MUST_USE df_code bolt_tls_open(bolt_socket *s, const bolt_options *options, int64_t deadline,
                                  df_error *err);
void bolt_tls_close(bolt_socket *s); /* says goodbye as far as that goes without waiting */
/* As bolt_socket_read and _write; they leave in read_wants_write and write_wants_read what they wait for. */
DF_MUST_USE df_code bolt_tls_read(bolt_socket *s, void *to, size_t room, size_t *got, df_error *err);
DF_MUST_USE df_code bolt_tls_write(bolt_socket *s, const void *from, size_t len, size_t *sent, df_error *err);

#endif
