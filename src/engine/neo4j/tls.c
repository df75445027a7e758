/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/neo4j/tls.h"

#include "base/library.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- the libraries ---- */

/* clang-format off */
#define SSL_FUNCTIONS(X)                                \
    X(client_method, TLS_client_method)                 \
    X(ctx_new, SSL_CTX_new)                             \
    X(ctx_free, SSL_CTX_free)                           \
    X(ctx_ctrl, SSL_CTX_ctrl)                           \
    X(ctx_read_buffer, SSL_CTX_set_default_read_buffer_len) \
    X(ctx_system_roots, SSL_CTX_set_default_verify_paths) \
    X(ctx_roots, SSL_CTX_load_verify_locations)         \
    X(ctx_verify, SSL_CTX_set_verify)                   \
    X(new, SSL_new)                                     \
    X(free, SSL_free)                                   \
    X(ctrl, SSL_ctrl)                                   \
    X(read_ahead, SSL_set_read_ahead)                   \
    X(set_host, SSL_set1_host)                          \
    X(param, SSL_get0_param)                            \
    X(set_bio, SSL_set_bio)                             \
    X(connect, SSL_connect)                             \
    X(read, SSL_read_ex)                                \
    X(write, SSL_write_ex)                              \
    X(shutdown, SSL_shutdown)                           \
    X(error, SSL_get_error)                             \
    X(verify_result, SSL_get_verify_result)
#define CRYPTO_FUNCTIONS(X)                             \
    X(err_get, ERR_get_error)                           \
    X(err_peek, ERR_peek_error)                         \
    X(err_clear, ERR_clear_error)                       \
    X(err_reason, ERR_reason_error_string)              \
    X(verify_text, X509_verify_cert_error_string)       \
    X(param_ip, X509_VERIFY_PARAM_set1_ip_asc)          \
    X(bio_type, BIO_get_new_index)                      \
    X(method_new, BIO_meth_new)                         \
    X(method_free, BIO_meth_free)                       \
    X(method_read, BIO_meth_set_read)                   \
    X(method_write, BIO_meth_set_write)                 \
    X(method_ctrl, BIO_meth_set_ctrl)                   \
    X(bio_new, BIO_new)                                 \
    X(bio_set_init, BIO_set_init)                       \
    X(bio_set_data, BIO_set_data)                       \
    X(bio_data, BIO_get_data)                           \
    X(bio_set_flags, BIO_set_flags)                     \
    X(bio_clear_flags, BIO_clear_flags)
/* clang-format on */

typedef struct ssl_functions {
    SSL_FUNCTIONS(DF_LIBRARY_MEMBER)
} ssl_functions;
typedef struct crypto_functions {
    CRYPTO_FUNCTIONS(DF_LIBRARY_MEMBER)
} crypto_functions;

#define SSL_ENTRY(member, function)    {#function, offsetof(ssl_functions, member)},
#define CRYPTO_ENTRY(member, function) {#function, offsetof(crypto_functions, member)},
static const df_library_function ssl_list[] = {SSL_FUNCTIONS(SSL_ENTRY)};
static const df_library_function crypto_list[] = {CRYPTO_FUNCTIONS(CRYPTO_ENTRY)};

static ssl_functions ssl;
static crypto_functions crypto;

static df_library crypto_library = {
    .file = "libcrypto.so.3",
    .package = "libssl3",
    .functions = crypto_list,
    .n_functions = sizeof crypto_list / sizeof *crypto_list,
    .table = &crypto,
    .lock = PTHREAD_MUTEX_INITIALIZER,
};
static df_library ssl_library = {
    .file = "libssl.so.3",
    .package = "libssl3",
    .functions = ssl_list,
    .n_functions = sizeof ssl_list / sizeof *ssl_list,
    .table = &ssl,
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

struct bolt_tls_state {
    SSL_CTX *context;
    SSL *ssl;
    BIO_METHOD *method;
    bool shaken; /* hands */
    bool spoken; /* the server has sent something */
};

/* ---- below TLS: the socket, without SIGPIPE ---- */

static int after_io(BIO *bio, ssize_t n, int retry)
{
    crypto.bio_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        crypto.bio_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    return (int)n;
}

static int bio_read(BIO *bio, char *to, int room)
{
    bolt_socket *s = crypto.bio_data(bio);
    ssize_t n = recv(s->fd, to, (size_t)room, 0);
    if (n > 0) s->tls->spoken = true;
    return after_io(bio, n, BIO_FLAGS_READ);
}

static int bio_write(BIO *bio, const char *from, int len)
{
    bolt_socket *s = crypto.bio_data(bio);
    return after_io(bio, send(s->fd, from, (size_t)len, MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO *make_bio(bolt_socket *s)
{
    struct bolt_tls_state *t = s->tls;
    t->method = crypto.method_new(BIO_TYPE_SOURCE_SINK, "dataflow socket");
    if (!t->method || !crypto.method_read(t->method, bio_read) ||
        !crypto.method_write(t->method, bio_write) || !crypto.method_ctrl(t->method, bio_ctrl))
        return NULL;
    BIO *bio = crypto.bio_new(t->method);
    if (!bio) return NULL;
    crypto.bio_set_data(bio, s);
    crypto.bio_set_init(bio, 1);
    return bio;
}

/* ---- setting up ---- */

static const char *last_reason(void)
{
    const char *text = crypto.err_reason(crypto.err_peek());
    return text ? text : "OpenSSL gave no reason";
}

static df_code fail_here(const char *doing, df_error *err)
{
    df_fail(err, DF_CONNECT, "TLS: %s: %s", doing, last_reason());
    crypto.err_clear();
    return DF_CONNECT;
}

static df_code trust(struct bolt_tls_state *t, const bolt_options *options, df_error *err)
{
    if (options->tls != BOLT_TLS_VERIFIED) {
        ssl.ctx_verify(t->context, SSL_VERIFY_NONE, NULL);
        return DF_OK;
    }
    ssl.ctx_verify(t->context, SSL_VERIFY_PEER, NULL);
    if (!options->ca_file) {
        return ssl.ctx_system_roots(t->context) ? DF_OK
                                                : fail_here("the system's authorities cannot be read", err);
    }
    if (ssl.ctx_roots(t->context, options->ca_file, NULL)) return DF_OK;
    char doing[600];
    snprintf(doing, sizeof doing, "the authorities in %.500s cannot be read", options->ca_file);
    return fail_here(doing, err);
}

static bool is_address(const char *host)
{
    unsigned char ignored[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, ignored) == 1 || inet_pton(AF_INET6, host, ignored) == 1;
}

/* The name that the certificate must have; an address is not sent as one (RFC 6066). */
static df_code name_host(struct bolt_tls_state *t, const bolt_options *options, df_error *err)
{
    bool address = is_address(options->host);
    if (!address && !ssl.ctrl(t->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                              (void *)(uintptr_t)options->host))
        return fail_here("the host's name cannot be sent", err);
    if (options->tls != BOLT_TLS_VERIFIED) return DF_OK;
    int set =
        address ? crypto.param_ip(ssl.param(t->ssl), options->host) : ssl.set_host(t->ssl, options->host);
    return set ? DF_OK : fail_here("the host's name cannot be checked", err);
}

static df_code set_up(bolt_socket *s, const bolt_options *options, df_error *err)
{
    struct bolt_tls_state *t = s->tls;
    t->context = ssl.ctx_new(ssl.client_method());
    if (!t->context) return fail_here("no context", err);
    ssl.ctx_ctrl(t->context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
    ssl.ctx_ctrl(t->context, SSL_CTRL_MODE,
                 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, NULL);
    ssl.ctx_read_buffer(t->context, 128 * 1024);
    DF_TRY(trust(t, options, err));
    t->ssl = ssl.new(t->context);
    if (!t->ssl) return fail_here("no session", err);
    ssl.read_ahead(t->ssl, 1);
    DF_TRY(name_host(t, options, err));
    BIO *bio = make_bio(s);
    if (!bio) return fail_here("no way to the socket", err);
    ssl.set_bio(t->ssl, bio, bio);
    return DF_OK;
}

/* ---- shaking hands ---- */

static df_code not_trusted(bolt_socket *s, const bolt_options *options, long result, df_error *err)
{
    df_fail(err, DF_CONNECT, "the certificate of %s is not trusted: %s", s->peer, crypto.verify_text(result));
    if (result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        df_error_hint(err,
                      "use the host name that the certificate was made for, or accept any certificate with "
                      "bolt+ssc:// or neo4j+ssc://");
    } else if (result == X509_V_ERR_CERT_HAS_EXPIRED) {
        df_error_hint(err, "the server needs a new certificate; bolt+ssc:// or neo4j+ssc:// accept any");
    } else {
        df_error_hint(err,
                      "name its authority with ?ssl-ca=FILE%s, or accept any certificate with bolt+ssc:// or "
                      "neo4j+ssc://",
                      options->ca_file ? " (the one that was named has not signed it)" : "");
    }
    return DF_CONNECT;
}

static df_code not_tls(bolt_socket *s, const char *reason, df_error *err)
{
    df_fail(err, DF_CONNECT, "%s does not speak TLS: %s", s->peer, reason);
    df_error_hint(err, "use the scheme bolt or neo4j, without +s or +ssc");
    return DF_CONNECT;
}

static df_code not_shaken(bolt_socket *s, const bolt_options *options, int kind, int saved_errno,
                          df_error *err)
{
    long result = ssl.verify_result(s->tls->ssl);
    unsigned long reason = crypto.err_peek();
    if (options->tls == BOLT_TLS_VERIFIED && result != X509_V_OK && s->tls->spoken &&
        ERR_GET_REASON(reason) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        not_trusted(s, options, result, err);
    } else if (ERR_GET_REASON(reason) == SSL_R_WRONG_VERSION_NUMBER ||
               ERR_GET_REASON(reason) == SSL_R_HTTP_REQUEST) {
        not_tls(s, "its answer is something else", err);
    } else if (!s->tls->spoken && (kind == SSL_ERROR_SYSCALL || kind == SSL_ERROR_SSL)) {
        not_tls(s, saved_errno && !reason ? strerror(saved_errno) : "it closed the connection", err);
    } else {
        df_fail(err, DF_CONNECT, "TLS with %s failed: %s", s->peer,
                reason ? last_reason() : "the connection was closed");
    }
    crypto.err_clear();
    return DF_CONNECT;
}

static df_code wait_shaking(bolt_socket *s, bool writing, int64_t deadline, df_error *err)
{
    int64_t left = deadline - bolt_clock();
    struct pollfd polled = {.fd = s->fd, .events = writing ? POLLOUT : POLLIN};
    if (left > 0 && poll(&polled, 1, left < INT32_MAX ? (int)left : INT32_MAX) != 0) return DF_OK;
    df_fail(err, DF_CONNECT, "%s has not answered to TLS in time", s->peer);
    df_error_hint(err, "if it does not speak TLS, use the scheme bolt or neo4j, without +s or +ssc");
    return DF_CONNECT;
}

static df_code shake(bolt_socket *s, const bolt_options *options, int64_t deadline, df_error *err)
{
    for (;;) {
        crypto.err_clear();
        errno = 0;
        int done = ssl.connect(s->tls->ssl), saved_errno = errno;
        if (done == 1) return DF_OK;
        int kind = ssl.error(s->tls->ssl, done);
        if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE)
            return not_shaken(s, options, kind, saved_errno, err);
        DF_TRY(wait_shaking(s, kind == SSL_ERROR_WANT_WRITE, deadline, err));
    }
}

df_code bolt_tls_open(bolt_socket *s, const bolt_options *options, int64_t deadline, df_error *err)
{
    DF_TRY(df_library_load(&crypto_library, err));
    DF_TRY(df_library_load(&ssl_library, err));
    s->tls = df_zalloc(sizeof *s->tls);
    df_code code = set_up(s, options, err);
    if (code == DF_OK) code = shake(s, options, deadline, err);
    if (code == DF_OK) s->tls->shaken = true;
    return code;
}

void bolt_tls_close(bolt_socket *s)
{
    struct bolt_tls_state *t = s->tls;
    if (t->ssl && t->shaken) ssl.shutdown(t->ssl); /* not after a failure: shaken is false then */
    if (t->ssl) ssl.free(t->ssl);
    if (t->method) crypto.method_free(t->method);
    if (t->context) ssl.ctx_free(t->context);
    crypto.err_clear();
    free(t);
    s->tls = NULL;
}

/* ---- bytes ---- */

static df_code broken(bolt_socket *s, int kind, int saved_errno, df_error *err)
{
    s->tls->shaken = false;
    bool closed = kind == SSL_ERROR_ZERO_RETURN || (kind == SSL_ERROR_SYSCALL && !saved_errno) ||
                  ERR_GET_REASON(crypto.err_peek()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    if (closed)
        df_fail(err, DF_CONNECT, "%s closed the connection", s->peer);
    else
        df_fail(err, DF_CONNECT, "lost the connection to %s: %s", s->peer,
                crypto.err_peek() ? last_reason() : strerror(saved_errno));
    crypto.err_clear();
    return DF_CONNECT;
}

df_code bolt_tls_read(bolt_socket *s, void *to, size_t room, size_t *got, df_error *err)
{
    crypto.err_clear();
    errno = 0;
    s->read_wants_write = false;
    int done = ssl.read(s->tls->ssl, to, room, got), saved_errno = errno;
    if (done > 0) return DF_OK;
    *got = 0;
    int kind = ssl.error(s->tls->ssl, done);
    s->read_wants_write = kind == SSL_ERROR_WANT_WRITE;
    return kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE ? DF_OK
                                                                       : broken(s, kind, saved_errno, err);
}

df_code bolt_tls_write(bolt_socket *s, const void *from, size_t len, size_t *sent, df_error *err)
{
    crypto.err_clear();
    errno = 0;
    s->write_wants_read = false;
    int done = ssl.write(s->tls->ssl, from, len, sent), saved_errno = errno;
    if (done > 0) return DF_OK;
    *sent = 0;
    int kind = ssl.error(s->tls->ssl, done);
    s->write_wants_read = kind == SSL_ERROR_WANT_READ;
    return kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE ? DF_OK
                                                                       : broken(s, kind, saved_errno, err);
}
