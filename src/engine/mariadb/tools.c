/* SPDX-License-Identifier: Apache-2.0 */
/* How mariadb-dump and mariadb reach the database that this connection has reached: as the text of an option
 * file. */
#include "engine/mariadb/private.h"

/* In double quotes, where # begins no comment and blanks at the ends count. */
static void put(df_buf *out, const char *name, const char *value)
{
    static const struct {
        char plain, written;
    } escapes[] = {{'\\', '\\'}, {'"', '"'}, {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}, {'\b', 'b'}};
    if (!value) return;
    df_buf_printf(out, "%s=\"", name);
    for (const char *p = value; *p; p++) {
        char written = 0;
        for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
            if (escapes[i].plain == *p) written = escapes[i].written;
        }
        if (written) df_buf_char(out, '\\');
        df_buf_char(out, written ? written : *p);
    }
    df_buf_text(out, "\"\n");
}

static void put_tls(df_buf *out, const my_conn *c)
{
    const struct st_mysql_options *o = &c->db->options;
    if (!mysql->get_ssl_cipher(c->db)) {
        df_buf_text(out, "skip-ssl\n");
        return;
    }
    df_buf_text(out, "ssl\n");
    put(out, "ssl-ca", o->ssl_ca);
    put(out, "ssl-capath", o->ssl_capath);
    put(out, "ssl-cert", o->ssl_cert);
    put(out, "ssl-key", o->ssl_key);
    df_buf_text(out, c->options.tls == MY_TLS_VERIFIED ? "ssl-verify-server-cert\n"
                                                       : "loose-skip-ssl-verify-server-cert\n");
}

df_code my_tool_access(df_conn *conn, df_arena *arena, df_tool_access *out, df_error *err)
{
    (void)err;
    my_conn *c = my_of(conn);
    static const char *const environment[] = {"MYSQL_PWD",          "MYSQL_HOST",           "MYSQL_TCP_PORT",
                                              "MYSQL_UNIX_PORT",    "MARIADB_HOME",         "MYSQL_HOME",
                                              "MYSQL_GROUP_SUFFIX", "MARIADB_GROUP_SUFFIX", NULL};
    df_buf text = {0};
    df_buf_text(&text, "[client]\n");
    put(&text, "user", c->db->user);
    put(&text, "password", c->db->passwd);
    if (c->db->unix_socket) {
        put(&text, "socket", c->db->unix_socket);
        df_buf_text(&text, "protocol=socket\n");
    } else {
        put(&text, "host", c->db->host);
        df_buf_printf(&text, "port=%u\nprotocol=tcp\n", c->db->port);
    }
    put_tls(&text, c);
    out->option_file = df_arena_str(arena, df_buf_str(&text));
    out->environment = environment;
    out->database = df_arena_cstr(arena, df_str_from(c->options.url.path));
    /* It held the password. */
    if (text.ptr) explicit_bzero(text.ptr, text.cap);
    df_buf_release(&text);
    return DF_OK;
}
