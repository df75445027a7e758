/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting: the URL first, then option files and MYSQL_PWD as the mariadb client reads them. */
#include "engine/mariadb/private.h"

#include "engine/bulktext.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { DEFAULT_CONNECT_TIMEOUT_S = 10, LONGEST_TIMEOUT_S = 365 * 86400 };

static const char known_params[] =
    "ssl-mode, ssl-ca, ssl-capath, ssl-cert, ssl-key, socket, default-file, default-group, connect-timeout, "
    "read-timeout, write-timeout, user, password";

/*
 * What a statement means must not depend on the server's settings: errors where data would be lost, standard
 * quotes and || as in the other engines, UTC, bytes compared as bytes. The server waits long for a client
 * that is busy with a row.
 */
static const char session_setup[] =
    "SET sql_mode = "
    "'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION,"
    "ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES', time_zone = '+00:00', autocommit = 1, "
    "sql_auto_is_null = 0, session_track_state_change = 1, "
    "character_set_client = utf8mb4, character_set_results = utf8mb4, character_set_connection = utf8mb4, "
    "collation_connection = 'utf8mb4_bin', net_write_timeout = 3600, net_read_timeout = 3600";

/* A guest's statements mean what they mean in the mariadb client; a session that holds a lock is not ended
 * for idling. */
static const char guest_setup[] =
    "SET autocommit = 1, session_track_state_change = 1, character_set_client = utf8mb4, "
    "character_set_results = utf8mb4, character_set_connection = utf8mb4, "
    "net_write_timeout = 3600, net_read_timeout = 3600, wait_timeout = 28800";

/* ---- the URL ---- */

static df_code set_tls(my_options *o, const char *mode, df_error *err)
{
    static const struct {
        const char *name;
        my_tls tls;
    } modes[] =
        {
            {"disabled", MY_TLS_DISABLED},        {"preferred", MY_TLS_PREFERRED},
            {"required", MY_TLS_REQUIRED},        {"verify-ca", MY_TLS_VERIFIED},
            {"verify-identity", MY_TLS_VERIFIED}, /* the library checks both or neither */
        };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcasecmp(mode, modes[i].name) != 0) continue;
        o->tls = modes[i].tls;
        return DF_OK;
    }
    return df_fail(err, DF_USAGE, "ssl-mode is disabled, preferred, required, verify-ca or verify-identity");
}

static df_code set_param(my_options *o, const df_url_param *param, df_error *err)
{
    const struct {
        const char *name;
        const char **text;
        int64_t *number;
    } known[] = {
        {"ssl-ca", &o->ca, NULL},
        {"ssl-capath", &o->capath, NULL},
        {"ssl-cert", &o->cert, NULL},
        {"ssl-key", &o->key, NULL},
        {"socket", &o->socket, NULL},
        {"default-file", &o->file, NULL},
        {"default-group", &o->group, NULL},
        {"user", &o->url.user, NULL},
        {"password", &o->url.password, NULL},
        {"connect-timeout", NULL, &o->connect_timeout},
        {"read-timeout", NULL, &o->read_timeout},
        {"write-timeout", NULL, &o->write_timeout},
    };
    if (strcmp(param->name, "ssl-mode") == 0) return set_tls(o, param->value, err);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(param->name, known[i].name) != 0) continue;
        if (known[i].number) return df_url_number(param, 0, LONGEST_TIMEOUT_S, known[i].number, err);
        *known[i].text = param->value;
        return DF_OK;
    }
    return df_url_unknown_param(param, "MariaDB", known_params, err);
}

static df_code parse_url(my_conn *c, const char *url, const df_open_options *options, df_error *err)
{
    my_options *o = &c->options;
    o->connect_timeout = DEFAULT_CONNECT_TIMEOUT_S;
    o->group = "dataflow";
    o->application =
        df_arena_cstr(&c->arena, df_str_from(options->application ? options->application : "dataflow"));
    DF_TRY(df_url_parse(url, &c->arena, &o->url, err));
    for (size_t i = 0; i < o->url.n_params; i++) DF_TRY(set_param(o, &o->url.params[i], err));
    if (strchr(o->url.path, '/'))
        return df_fail(err, DF_USAGE, "the database URL has more than one name in its path");
    return DF_OK;
}

/* ---- connecting ---- */

static void set_timeout(MYSQL *db, enum mysql_option option, int64_t seconds)
{
    unsigned value = (unsigned)seconds;
    if (value) mysql->optionsv(db, option, &value);
}

static bool over_socket(const my_options *o)
{
    return o->socket || !o->url.host || strcmp(o->url.host, "localhost") == 0;
}

/*
 * SSL_ENFORCE only makes the library offer TLS: it goes on without where the server has none (see
 * check_tls). Over a socket of this machine "preferred" does not bother.
 */
static void set_tls_options(MYSQL *db, const my_options *o)
{
    my_bool offer = o->tls != MY_TLS_DISABLED && (o->tls != MY_TLS_PREFERRED || !over_socket(o));
    my_bool verify = o->tls == MY_TLS_VERIFIED;
    if (o->ca) mysql->optionsv(db, MYSQL_OPT_SSL_CA, o->ca);
    if (o->capath) mysql->optionsv(db, MYSQL_OPT_SSL_CAPATH, o->capath);
    if (o->cert) mysql->optionsv(db, MYSQL_OPT_SSL_CERT, o->cert);
    if (o->key) mysql->optionsv(db, MYSQL_OPT_SSL_KEY, o->key);
    mysql->optionsv(db, MYSQL_OPT_SSL_ENFORCE, &offer);
    if (verify) mysql->optionsv(db, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
}

/* Nothing but the authentication has gone over the wire yet. */
static df_code check_tls(my_conn *c, df_error *err)
{
    if (c->options.tls < MY_TLS_REQUIRED || mysql->get_ssl_cipher(c->db)) return DF_OK;
    df_engine_fail(err, DF_CONNECT, "2026", "TLS is required by ssl-mode, but the server does not offer it");
    df_error_hint(err, "set up TLS on the server, or use ssl-mode=preferred");
    return DF_CONNECT;
}

/* A peer that vanished without a word is noticed within two minutes, even while a statement runs for hours.
 */
static void set_keepalive(MYSQL *db)
{
    int fd = (int)mysql->get_socket(db), on = 1, idle = 60, interval = 10, count = 6;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void start_library(void)
{
    mysql->server_init(0, NULL, NULL);
}

/* NULL when there is no memory; otherwise look at mysql_errno. */
static MYSQL *connect_once(my_conn *c)
{
    const my_options *o = &c->options;
    pthread_once(&library_once, start_library);
    MYSQL *db = mysql->init(NULL);
    if (!db) return NULL;
    unsigned local_infile = 1;
    mysql->optionsv(db, MYSQL_OPT_LOCAL_INFILE, &local_infile);
    my_guard_infile(c, db);
    mysql->optionsv(db, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql->optionsv(db, MYSQL_READ_DEFAULT_GROUP, o->group);
    if (o->file) mysql->optionsv(db, MYSQL_READ_DEFAULT_FILE, o->file);
    mysql->optionsv(db, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", o->application);
    set_timeout(db, MYSQL_OPT_CONNECT_TIMEOUT, o->connect_timeout);
    set_timeout(db, MYSQL_OPT_READ_TIMEOUT, o->read_timeout);
    set_timeout(db, MYSQL_OPT_WRITE_TIMEOUT, o->write_timeout);
    set_tls_options(db, o);
    /* Affected rows are those that an UPDATE found, as in the other engines. */
    if (mysql->real_connect(db, o->url.host, o->url.user, o->url.password, *o->url.path ? o->url.path : NULL,
                            o->url.port, o->socket, CLIENT_FOUND_ROWS)) {
        set_keepalive(db);
    }
    return db;
}

static df_code connect_failed(MYSQL *db, df_error *err)
{
    char native[16];
    if (!db) return df_fail(err, DF_NO_MEMORY, "not enough memory for a connection");
    unsigned number = mysql->error_number(db);
    snprintf(native, sizeof native, "%u", number);
    df_engine_fail(err, DF_CONNECT, native, mysql->error(db));
    if (number != 1049) return DF_CONNECT;
    if (err) err->code = DF_NOT_FOUND;
    df_error_hint(err, "create the database first: CREATE DATABASE … CHARACTER SET utf8mb4");
    return DF_NOT_FOUND;
}

/* ---- the session ---- */

static void take_name(char to[256], df_value value)
{
    if (value.type == DF_TEXT) snprintf(to, 256, "%.*s", DF_FMT(value.s));
}

static df_code take_facts(void *context, const df_row *row, df_error *err)
{
    (void)err;
    my_conn *c = context;
    df_str version = row->values[0].s;
    c->mariadb = version.ptr && memmem(version.ptr, version.len, "MariaDB", 7);
    size_t digits = 0;
    while (digits < version.len && version.ptr[digits] != '-') digits++;
    snprintf(c->base.server, sizeof c->base.server, "%s %.*s", c->mariadb ? "MariaDB" : "MySQL", (int)digits,
             version.ptr ? version.ptr : "");
    c->local_infile = row->values[1].i != 0;
    c->max_packet = (uint64_t)row->values[2].i;
    take_name(c->database, row->values[3]);
    if (row->count > 4) take_name(c->role, row->values[4]);
    return DF_OK;
}

df_code my_own_settings(my_conn *c, df_error *err)
{
    DF_TRY(my_setting(c, c->guest ? guest_setup : session_setup, err));
    return c->read_only ? my_setting(c, "SET SESSION TRANSACTION READ ONLY", err) : DF_OK;
}

static df_code prepare_session(my_conn *c, const df_open_options *options, df_error *err)
{
    int64_t ignored;
    c->guest = options->guest;
    c->read_only = options->read_only;
    if (mysql->set_character_set(c->db, "utf8mb4") != 0) return my_fail(c, DF_STR_NONE, err);
    DF_TRY(my_own_settings(c, err));
    df_code code = my_run(
        &c->base,
        "SELECT VERSION(), @@local_infile, @@max_allowed_packet, DATABASE() /*M!100005 , CURRENT_ROLE() */",
        NULL, 0, take_facts, c, &ignored, err);
    c->changed = false;
    return code;
}

df_code my_open(df_conn *conn, const char *url, const df_open_options *options, df_error *err)
{
    my_conn *c = my_of(conn);
    df_code code = parse_url(c, url, options, err);
    if (code == DF_OK) code = my_load_library(err);
    if (code == DF_OK) {
        c->db = connect_once(c);
        if (!c->db || mysql->error_number(c->db)) code = connect_failed(c->db, err);
    }
    if (code == DF_OK) {
        c->session = mysql->thread_id(c->db);
        code = check_tls(c, err);
    }
    if (code == DF_OK) code = prepare_session(c, options, err);
    if (code != DF_OK) my_close(conn);
    return code;
}

void my_close(df_conn *conn)
{
    my_conn *c = my_of(conn);
    if (c->db) mysql->close(c->db);
    df_buf_release(&c->temporary);
    df_arena_release(&c->arena);
}

void my_cancel(df_conn *conn)
{
    my_conn *c = my_of(conn);
    char sql[64];
    MYSQL *second = connect_once(c);
    if (!second) return;
    snprintf(sql, sizeof sql, "KILL QUERY %lu", c->session);
    if (!mysql->error_number(second)) mysql->real_query(second, sql, strlen(sql));
    mysql->close(second);
}
