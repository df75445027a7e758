/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/mariadb/library.h"

#define ENTRY(member, function) {#function, offsetof(mysql_functions, member)},
static const df_library_function functions[] = {MYSQL_FUNCTIONS(ENTRY)};

static mysql_functions table;
const mysql_functions *const mysql = &table;

static df_library library = {
    .file = "libmariadb.so.3",
    .package = "libmariadb3",
    .functions = functions,
    .n_functions = sizeof functions / sizeof *functions,
    .table = &table,
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

df_code my_load_library(df_error *err)
{
    df_code code = df_library_load(&library, err);
    if (code != DF_OK) df_error_prefix(err, "Database connection failed");
    return code;
}
