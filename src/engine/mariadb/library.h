/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmariadb, loaded at the first connection (see base/library.h): mysql_query is mysql->query. A function
 * that is to be used needs its line here, and nothing else. (errno is a macro, and cannot be a member's
 * name.)
 */
#ifndef DF_ENGINE_MARIADB_LIBRARY_H
#define DF_ENGINE_MARIADB_LIBRARY_H

#include "base/library.h"

#include <mysql.h>

/* clang-format off */
#define MYSQL_FUNCTIONS(X)                                      \
    X(affected_rows, mysql_affected_rows)                       \
    X(close, mysql_close)                                       \
    X(error_number, mysql_errno)                                \
    X(error, mysql_error)                                       \
    X(fetch_fields, mysql_fetch_fields)                         \
    X(fetch_lengths, mysql_fetch_lengths)                       \
    X(fetch_row, mysql_fetch_row)                               \
    X(field_count, mysql_field_count)                           \
    X(free_result, mysql_free_result)                           \
    X(get_socket, mysql_get_socket)                             \
    X(get_ssl_cipher, mysql_get_ssl_cipher)                     \
    X(init, mysql_init)                                         \
    X(next_result, mysql_next_result)                           \
    X(num_fields, mysql_num_fields)                             \
    X(optionsv, mysql_optionsv)                                 \
    X(real_connect, mysql_real_connect)                         \
    X(real_query, mysql_real_query)                             \
    X(select_db, mysql_select_db)                               \
    X(server_init, mysql_server_init)                           \
    X(set_character_set, mysql_set_character_set)               \
    X(set_local_infile_handler, mysql_set_local_infile_handler) \
    X(thread_id, mysql_thread_id)                               \
    X(use_result, mysql_use_result)                             \
    X(warning_count, mysql_warning_count)
/* clang-format on */

typedef struct mysql_functions {
    MYSQL_FUNCTIONS(DF_LIBRARY_MEMBER)
} mysql_functions;

/* Its members are NULL until my_load_library has returned DF_OK once. */
extern const mysql_functions *const mysql;

/* DF_CONNECT when the library is not installed or cannot be used. From any thread, as often as you like. */
DF_MUST_USE df_code my_load_library(df_error *err);

#endif
