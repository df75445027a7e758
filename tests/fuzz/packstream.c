/* SPDX-License-Identifier: Apache-2.0 */
/* PackStream from a hostile server: passing over, reading, finding and showing agree on what is a value. */
#include "engine/neo4j/bolt.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) abort();
}

/* Reads a value head by head and writes it again: the copy is a value of the same shape. */
static df_code rewrite(ps_reader *reader, df_buf *out)
{
    ps_item item;
    for (uint64_t wanted = 1; wanted; wanted--) {
        DF_TRY(ps_read(reader, &item, NULL));
        switch (item.type) {
        case PS_NULL: ps_put_null(out); break;
        case PS_BOOL: ps_put_bool(out, item.b); break;
        case PS_INT: ps_put_int(out, item.i); break;
        case PS_FLOAT: ps_put_float(out, item.d); break;
        case PS_BYTES: ps_put_bytes(out, item.s); break;
        case PS_STRING: ps_put_string(out, item.s); break;
        case PS_LIST: ps_put_list(out, item.count); break;
        case PS_DICT: ps_put_dict(out, item.count); break;
        case PS_STRUCT: ps_put_struct(out, item.tag, item.count); break;
        case PS_UUID: ps_put_uuid(out, item.s.ptr); break;
        }
        wanted += (uint64_t)item.count * (item.type == PS_DICT ? 2 : 1);
    }
    return DF_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df_str bytes = {(const char *)data, size};
    df_buf once = {0}, twice = {0}, text = {0};
    ps_reader skipping = {bytes, 0}, reading = {bytes, 0}, showing = {bytes, 0}, found;
    df_error err = {0};
    ps_item head;
    bool there;

    bool whole = ps_skip(&skipping, &err) == DF_OK;
    must(whole || err.code == DF_CORRUPT);
    must((rewrite(&reading, &once) == DF_OK) == whole);
    if (whole) {
        must(reading.at == skipping.at);
        must(once.len <= skipping.at);
        ps_reader again = {df_buf_str(&once), 0};
        must(rewrite(&again, &twice) == DF_OK && df_str_eq(df_buf_str(&once), df_buf_str(&twice)));
    }
    if (ps_put_readable(&showing, &text, &err) == DF_OK) must(whole && showing.at == skipping.at);
    reading = (ps_reader){bytes, 0};
    if (ps_read(&reading, &head, NULL) == DF_OK && head.type == PS_DICT) {
        df_code code = ps_find(reading, head.count, "key", &found, &there, NULL);
        must(code == DF_OK ? !there || found.at <= size : code == DF_CORRUPT);
    }
    df_code code = bolt_error(bytes, &err);
    must(code != DF_OK && code == err.code);
    bolt_error_at(bytes, &err);
    df_buf_release(&once);
    df_buf_release(&twice);
    df_buf_release(&text);
    return 0;
}
