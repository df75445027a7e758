/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/postgres/library.h"

#define ENTRY(member, function) {#function, offsetof(pq_functions, member)},
static const df_library_function functions[] = {PQ_FUNCTIONS(ENTRY)};

static pq_functions table;
const pq_functions *const pq = &table;

static df_library library = {
    .file = "libpq.so.5",
    .package = "libpq5",
    .functions = functions,
    .n_functions = sizeof functions / sizeof *functions,
    .table = &table,
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

df_code pq_load(df_error *err)
{
    df_code code = df_library_load(&library, err);
    if (code != DF_OK) df_error_prefix(err, "Database connection failed");
    return code;
}
