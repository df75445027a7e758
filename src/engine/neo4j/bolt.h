/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bolt, versions 4.4, 5.0 to 5.8, 6.0 and 6.1 (neo4j.com/docs/bolt/current): one connection, its requests and
 * replies. Requests are queued; they go out with the next bolt_receive, or when the queue is large. Replies
 * come in the order of the requests; after a FAILURE the server ignores what was queued behind it until
 * bolt_reset.
 */
#ifndef DF_ENGINE_NEO4J_BOLT_H
#define DF_ENGINE_NEO4J_BOLT_H

#include "engine/neo4j/packstream.h"

typedef enum bolt_tls { BOLT_PLAIN, BOLT_TLS_VERIFIED, BOLT_TLS_ANY_CERTIFICATE } bolt_tls;

typedef struct bolt_options {
    const char *host; /* name or address, without brackets */
    unsigned port;
    bolt_tls tls;
    const char *ca_file;                         /* trusted instead of the system's; NULL */
    const char *auth;                            /* "none", "basic", "bearer", "kerberos" */
    const char *principal, *credentials, *realm; /* NULL: not sent */
    const char *user_agent;                      /* "dataflow/0.2.0" */
    const char *routing_address;                 /* "host:port" as in a neo4j:// URL; NULL: no routing */
    const char *notifications;                   /* the least severity that is told: "OFF", "WARNING",
                                                  * "INFORMATION"; NULL: the server's default */
    const char *const *notifications_off;        /* classes that are not told, NULL-terminated; or NULL */
    int64_t connect_ms;                          /* for connecting and the handshake; 0: 10 s */
    uint16_t only;                               /* 0, or the one version to offer: 0x0404, 0x0508 … */
    bool legacy_handshake;                       /* no manifest */
} bolt_options;

typedef struct bolt bolt; /* used by one thread at a time, bolt_interrupt excepted */

/*
 * Connects, agrees on a version, says HELLO and LOGON. DF_CONNECT: "cannot reach host:port: …", an HTTP port,
 * no common version, a certificate that is not trusted (the hint names +ssc and ssl-ca); DF_PERMISSION: wrong
 * password, with the server's code in err->native; credentials that are expired are DF_PERMISSION, too.
 */
DF_MUST_USE df_code bolt_open(const bolt_options *options, bolt **out, df_error *err);
void bolt_close(bolt *b); /* GOODBYE, without waiting; NULL is fine */

unsigned bolt_version(const bolt *b);          /* 0x0508: 5.8 */
const char *bolt_server(const bolt *b);        /* "Neo4j/5.26.0" */
const char *bolt_connection_id(const bolt *b); /* "bolt-17" */
bool bolt_utc(const bolt *b);                  /* date-times come in UTC (always but for an old 4.4) */
bool bolt_lost(const bolt *b);                 /* the socket is gone, or what came over it was not Bolt */

/* ---- requests ---- */

/* What BEGIN and an auto-commit RUN carry. Zeroed is fine. */
typedef struct bolt_transaction {
    const char *database, *impersonate; /* NULL: the server's choice, nobody */
    bool read;                          /* mode "r" */
    bool no_timeout;                    /* tx_timeout 0: for ever, whatever the server's default is */
    int64_t timeout_ms;                 /* 0: the server's default */
    const char *const *bookmarks;       /* NULL-terminated */
    df_str metadata;                    /* a PackStream dict; absent */
} bolt_transaction;

/* `parameters`: a PackStream dict, absent for none. `transaction` NULL inside an explicit transaction. */
void bolt_run(bolt *b, df_str query, df_str parameters, const bolt_transaction *transaction);
void bolt_pull(bolt *b, int64_t n);    /* -1: all; of the last query */
void bolt_discard(bolt *b, int64_t n); /* likewise */
void bolt_begin(bolt *b, const bolt_transaction *transaction);
void bolt_commit(bolt *b);
void bolt_rollback(bolt *b);
size_t bolt_pending(const bolt *b); /* requests whose final reply has not been received */

/* ---- replies ---- */

typedef enum bolt_reply { BOLT_RECORD, BOLT_SUCCESS, BOLT_FAILURE, BOLT_IGNORED } bolt_reply;

typedef struct bolt_message {
    bolt_reply kind;
    df_str body; /* RECORD: the list of values; else the dict of metadata (PackStream); valid until the next
                    receive */
} bolt_message;

/*
 * Sends what is queued and waits for the next reply. RECORDs belong to the oldest pending PULL; any other
 * kind ends the oldest pending request. DF_CONNECT: lost; DF_CANCELLED: bolt_interrupt was called; DF_RETRY:
 * `deadline` (monotonic milliseconds, as df_monotonic_s has them; 0: none) has passed, and the reply may
 * still be received later.
 */
DF_MUST_USE df_code bolt_receive(bolt *b, int64_t deadline, bolt_message *out, df_error *err);
/* Receives and drops everything that is pending, sends RESET and waits for it (at most 30 s): the connection
 * is as new (an open transaction is rolled back). DF_CONNECT when it is not. Also the way to stop a running
 * statement. */
DF_MUST_USE df_code bolt_reset(bolt *b, df_error *err);
/* From any thread: makes a waiting bolt_receive, and those that follow, return DF_CANCELLED until bolt_reset.
 */
void bolt_interrupt(bolt *b);

/*
 * Turns a FAILURE's metadata, of either shape, into an error: DF_RETRY for what may be tried again
 * (TransientError but Terminated and LockClientStopped; NotALeader, ForbiddenOnReadOnlyDatabase,
 * AuthorizationExpired), DF_PERMISSION, DF_CONFLICT, DF_NOT_FOUND, DF_NO_MEMORY, DF_DISK_FULL, else
 * DF_FAILED; DF_CORRUPT when it is no such metadata. err->native is "Neo.ClientError.Statement.SyntaxError";
 * the message is the server's first line, what its causes say beyond that, and the GQLSTATUS. err->sql_line,
 * and err->sql_offset counted in UTF-16 units, as the server does (see bolt_error_at), are set when the
 * server tells a position. Returns the code.
 */
df_code bolt_error(df_str metadata, df_error *err);
/* Makes err->sql_offset, and err->sql_line, those of bytes in `query`, which was what the server got. */
void bolt_error_at(df_str query, df_error *err);

/* ---- routing ---- */

typedef enum bolt_role { BOLT_ROLE_ROUTE, BOLT_ROLE_READ, BOLT_ROLE_WRITE } bolt_role;
typedef struct bolt_route {
    bolt_role role;
    char host[256];
    unsigned port;
} bolt_route;
/* ROUTE: the table of `database` (NULL: the default), in `arena`; *ttl_ms how long it holds. Nothing may be
 * pending. A refusal is bolt_error's, and the connection is usable after it. */
DF_MUST_USE df_code bolt_routes(bolt *b, const char *database, const char *const *bookmarks, df_arena *arena,
                                bolt_route **out, size_t *count, int64_t *ttl_ms, df_error *err);

#endif
