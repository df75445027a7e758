/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzing `--where`: the first byte chooses a schema, the rest up to a NUL is the expression, and behind that
 * come statistics and partition values, each up to a NUL. Whatever they are: no crash, no leak, and errors
 * that say something.
 */
#include "delta/catalog/where.h"

#include <stdlib.h>

#define F(name, type) "{\"name\":\"" name "\",\"type\":\"" type "\",\"metadata\":{}},"
static const char all_types[] = "{\"type\":\"struct\",\"fields\":[" F("i", "long") F("d", "double")
    F("f", "float") F("s", "string") F("b", "boolean") F("t", "timestamp") F("n", "timestamp_ntz")
        F("day", "date") F("x", "binary") F("p", "decimal(10,2)")
            F("w", "decimal(38,18)") "{\"name\":\"st\",\"type\":{\"type\":\"struct\",\"fields\":[{\"name\":"
                                     "\"a.b\",\"type\":\"long\"}]},\"metadata\":{}},"
                                     "{\"name\":\"c\",\"type\":\"string\",\"metadata\":{\"__CHAR_VARCHAR_"
                                     "TYPE_STRING\":\"char(7)\"}}]}";

#define PARTITION_COLUMNS "[\"i\",\"d\",\"f\",\"s\",\"b\",\"t\",\"n\",\"day\",\"x\",\"p\",\"w\",\"c\"]"
#define MAPPED            "{\"delta.columnMapping.mode\":\"name\"}"

static const delta_metadata metadatas[] = {
    {.schema = {all_types, sizeof all_types - 1}, .partition_columns = {"[]", 2}, .configuration = {"{}", 2}},
    {.schema = {all_types, sizeof all_types - 1},
     .partition_columns = {PARTITION_COLUMNS, sizeof PARTITION_COLUMNS - 1},
     .configuration = {MAPPED, sizeof MAPPED - 1}},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static df_str next_part(df_str *rest)
{
    const char *end = memchr(rest->ptr, '\0', rest->len);
    df_str part = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    *rest = df_str_skip(*rest, part.len + 1);
    return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    const delta_metadata *metadata = &metadatas[data[0] & 1];
    df_str rest = {(const char *)data + 1, size - 1};
    df_arena arena = {0};
    char *expression = df_arena_cstr(&arena, next_part(&rest));
    df_str stats = next_part(&rest), partition = next_part(&rest);
    df_error err = {0};
    delta_where *where;
    if (delta_where_compile(expression, metadata, &arena, &where, &err) == DF_OK) {
        delta_bounds_reader readers[2] = {0};
        delta_bounds *bounds = df_zalloc((where->n_columns + 1) * sizeof *bounds);
        delta_bounds_of_partition(&readers[0], where, partition, bounds);
        delta_bounds_of_stats(&readers[1], where, stats, bounds);
        (void)delta_where_may_match(where, bounds);
        free(bounds);
        delta_bounds_reader_release(&readers[0]);
        delta_bounds_reader_release(&readers[1]);
    } else if (!err.message[0] || err.code == DF_BUG) {
        abort();
    }
    df_arena_release(&arena);
    return 0;
}
