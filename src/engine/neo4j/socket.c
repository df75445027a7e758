/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/neo4j/socket.h"

#include "base/clock.h"
#include "engine/neo4j/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

int64_t bolt_clock(void)
{
    return (int64_t)(df_monotonic_s() * 1000);
}

/* ---- connecting ---- */

static void tune(int fd)
{
    int on = 1, idle = 60, interval = 15, probes = 4;
    /* Best effort: none of them changes what is said, only how fast and for how long. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

/* 0, or the errno that says why not. */
static int connect_within(int fd, const struct addrinfo *address, int64_t wait_ms)
{
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    int64_t deadline = bolt_clock() + wait_ms;
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    for (;;) {
        int64_t left = deadline - bolt_clock();
        int ready = poll(&poll_fd, 1, left > 0 ? (int)left : 0);
        if (ready == 0) return ETIMEDOUT;
        if (ready > 0) break;
        if (errno != EINTR) return errno;
    }
    int reason = 0;
    socklen_t size = sizeof reason;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &size) == 0 ? reason : errno;
}

/* Each address gets its share of the time, so that one that drops packets does not use up all of it. */
static int connect_any(const struct addrinfo *addresses, int64_t deadline, int *out)
{
    int reason = EADDRNOTAVAIL;
    int64_t count = 0;
    for (const struct addrinfo *a = addresses; a; a = a->ai_next) count++;
    for (const struct addrinfo *a = addresses; a; a = a->ai_next, count--) {
        int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
        if (fd < 0) {
            reason = errno;
            continue;
        }
        int64_t left = deadline - bolt_clock();
        reason = left > 0 ? connect_within(fd, a, left / count) : ETIMEDOUT;
        if (reason == 0) {
            *out = fd;
            return 0;
        }
        close(fd);
    }
    return reason;
}

static df_code connect_to(bolt_socket *s, const bolt_options *options, int64_t deadline, df_error *err)
{
    char port[16];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *addresses = NULL;
    snprintf(port, sizeof port, "%u", options->port);
    int resolved = getaddrinfo(options->host, port, &hints, &addresses);
    if (resolved == EAI_NONAME ||
        resolved == EAI_ADDRFAMILY) { /* such as ::1 where there is no IPv6 elsewhere */
        hints.ai_flags = 0;
        resolved = getaddrinfo(options->host, port, &hints, &addresses);
    }
    if (resolved != 0)
        return df_fail(err, DF_CONNECT, "cannot reach %s: %s", s->peer,
                       resolved == EAI_SYSTEM ? strerror(errno) : gai_strerror(resolved));
    int reason = connect_any(addresses, deadline, &s->fd);
    freeaddrinfo(addresses);
    if (reason != 0) return df_fail(err, DF_CONNECT, "cannot reach %s: %s", s->peer, strerror(reason));
    tune(s->fd);
    return DF_OK;
}

static df_code prepare(bolt_socket *s, df_error *err)
{
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return s->wake < 0 ? df_fail(err, DF_CONNECT, "cannot make an event descriptor: %s", strerror(errno))
                       : DF_OK;
}

static void clear(bolt_socket *s)
{
    *s = (bolt_socket){.fd = -1, .wake = -1};
    atomic_init(&s->interrupted, false);
}

df_code bolt_socket_open(bolt_socket *s, const bolt_options *options, int64_t deadline, df_error *err)
{
    clear(s);
    bool v6 = strchr(options->host, ':') != NULL;
    snprintf(s->peer, sizeof s->peer, "%s%.256s%s:%u", v6 ? "[" : "", options->host, v6 ? "]" : "",
             options->port);
    df_code code = prepare(s, err);
    if (code == DF_OK) code = connect_to(s, options, deadline, err);
    if (code == DF_OK && options->tls != BOLT_PLAIN) code = bolt_tls_open(s, options, deadline, err);
    if (code != DF_OK) bolt_socket_close(s);
    return code;
}

df_code bolt_socket_adopt(bolt_socket *s, int fd, const char *peer, df_error *err)
{
    clear(s);
    s->fd = fd;
    snprintf(s->peer, sizeof s->peer, "%s", peer);
    df_code code = prepare(s, err);
    int flags = fcntl(fd, F_GETFL);
    if (code == DF_OK && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
        code = df_fail(err, DF_CONNECT, "not a socket: %s", strerror(errno));
    if (code != DF_OK) bolt_socket_close(s);
    return code;
}

void bolt_socket_close(bolt_socket *s)
{
    if (s->tls) bolt_tls_close(s);
    if (s->fd >= 0) close(s->fd);
    if (s->wake >= 0) close(s->wake);
    s->fd = s->wake = -1;
}

/* ---- bytes ---- */

static bool would_block(int reason)
{
    return reason == EAGAIN || reason == EWOULDBLOCK || reason == EINTR;
}

df_code bolt_socket_read(bolt_socket *s, void *to, size_t room, size_t *got, df_error *err)
{
    *got = 0;
    if (s->tls) return bolt_tls_read(s, to, room, got, err);
    ssize_t n = recv(s->fd, to, room, 0);
    if (n > 0) {
        *got = (size_t)n;
        return DF_OK;
    }
    if (n == 0) return df_fail(err, DF_CONNECT, "%s closed the connection", s->peer);
    if (would_block(errno)) return DF_OK;
    return df_fail(err, DF_CONNECT, "lost the connection to %s: %s", s->peer, strerror(errno));
}

df_code bolt_socket_write(bolt_socket *s, const void *from, size_t len, size_t *sent, df_error *err)
{
    *sent = 0;
    if (s->tls) return bolt_tls_write(s, from, len, sent, err);
    ssize_t n = send(s->fd, from, len, MSG_NOSIGNAL);
    if (n >= 0) {
        *sent = (size_t)n;
        return DF_OK;
    }
    if (would_block(errno)) return DF_OK;
    return df_fail(err, DF_CONNECT, "lost the connection to %s: %s", s->peer, strerror(errno));
}

/* ---- waiting ---- */

static df_code interrupted(df_error *err)
{
    return df_fail(err, DF_CANCELLED, "interrupted");
}

df_code bolt_socket_wait(bolt_socket *s, bool writing, bool interruptible, int64_t deadline, df_error *err)
{
    bool room = s->read_wants_write || (writing && !s->write_wants_read);
    short events = (short)(POLLIN | (room ? POLLOUT : 0));
    struct pollfd polled[2] = {{.fd = s->fd, .events = events}, {.fd = s->wake, .events = POLLIN}};
    for (;;) {
        if (interruptible && atomic_load(&s->interrupted)) return interrupted(err);
        int64_t left = deadline ? deadline - bolt_clock() : -1;
        if (deadline && left <= 0) return df_fail(err, DF_RETRY, "%s has not answered in time", s->peer);
        int ready = poll(polled, interruptible ? 2 : 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (ready < 0 && errno != EINTR)
            return df_fail(err, DF_CONNECT, "cannot wait for %s: %s", s->peer, strerror(errno));
        if (ready > 0 && polled[0].revents) return DF_OK;
    }
}

void bolt_socket_interrupt(bolt_socket *s)
{
    uint64_t one = 1;
    atomic_store(&s->interrupted, true);
    /* Fails only when the counter is full, and then it wakes as well. */
    ssize_t ignored = write(s->wake, &one, sizeof one);
    (void)ignored;
}

void bolt_socket_resume(bolt_socket *s)
{
    uint64_t count;
    atomic_store(&s->interrupted, false);
    ssize_t ignored = read(s->wake, &count, sizeof count);
    (void)ignored;
}
