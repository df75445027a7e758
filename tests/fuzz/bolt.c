/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile server: the input is all that it ever says, from the handshake on. The first byte chooses what
 * the client asks for, the second how the connection is opened and in which pieces the bytes arrive.
 */
#include "engine/neo4j/bolt_int.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 100000, WAIT_MS = 2000 };

static void ask(bolt *b, unsigned what)
{
    bolt_transaction transaction = {.database = "neo4j", .read = what & 1};
    if (what & 2) bolt_begin(b, &transaction);
    bolt_run(b, DF_STR("RETURN 1"), DF_STR_NONE, what & 2 ? NULL : &transaction);
    bolt_pull(b, what & 4 ? 1000 : -1);
    if (what & 2) bolt_commit(b);
}

static void receive(bolt *b)
{
    bolt_message message;
    df_error err = {0};
    df_buf text = {0};
    while (bolt_pending(b)) {
        size_t before = bolt_pending(b);
        if (bolt_receive(b, bolt_clock() + WAIT_MS, &message, &err) != DF_OK) {
            if (!bolt_lost(b)) abort(); /* the other side has hung up */
            break;
        }
        if (bolt_pending(b) != before - (message.kind != BOLT_RECORD)) abort();
        ps_reader reader = {message.body, 0};
        df_buf_clear(&text);
        if (message.kind == BOLT_FAILURE) {
            if (bolt_error(message.body, &err) == DF_OK) abort();
        } else if (ps_put_readable(&reader, &text, &err) != DF_OK && !err.message[0]) {
            abort();
        }
    }
    df_buf_release(&text);
}

static void use(bolt *b, unsigned what)
{
    df_arena arena = {0};
    bolt_route *routes;
    size_t n;
    int64_t ttl;
    if (what & 8) {
        df_code ignored = bolt_routes(b, NULL, NULL, &arena, &routes, &n, &ttl, NULL);
        (void)ignored;
    }
    ask(b, what);
    receive(b);
    if (what & 16) {
        df_code code = bolt_reset(b, NULL);
        if ((code == DF_OK) == bolt_lost(b)) abort();
        ask(b, what >> 4);
        receive(b);
    }
    df_arena_release(&arena);
}

/* Packets keep their borders: each is one read of the client's. The socket holds only so many. */
static void say(int fd, const uint8_t *data, size_t size, size_t piece)
{
    enum { PACKETS = 150, WHOLE = 32768 };
    if (!piece) piece = WHOLE;
    if (piece < size / PACKETS + 1) piece = size / PACKETS + 1;
    for (size_t n; size; data += n, size -= n) {
        n = size < piece ? size : piece;
        if (send(fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) break; /* full: it ends here */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t versions[] = {0, 0, 0x0404, 0x0501};
    int pair[2];
    if (size < 2 || size > MOST || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) return 0;
    unsigned what = data[0];
    bolt_options options = {.auth = "none",
                            .connect_ms = WAIT_MS,
                            .only = versions[data[1] & 3],
                            .legacy_handshake = data[1] & 4};
    bolt *b = NULL;
    say(pair[1], data + 2, size - 2, (size_t)(data[1] >> 3));
    shutdown(pair[1], SHUT_WR);
    if (bolt_open_over(pair[0], &options, &b, NULL) == DF_OK) {
        use(b, what);
        bolt_close(b);
    }
    close(pair[1]);
    return 0;
}
