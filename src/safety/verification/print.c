/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot for people: a paragraph an object. */
#include "safety/verification/verification_int.h"

/* Definitions of one line stand behind the name, longer ones below it. */
static void put_object(df_buf *out, const snap_object *object)
{
    bool lines = object->definition.len && memchr(object->definition.ptr, '\n', object->definition.len);
    df_buf_str_add(out, object->kind);
    df_buf_char(out, ' ');
    snap_put_name(out, object);
    df_buf_text(out, !object->definition.len ? "" : lines ? ":\n" : ": ");
    df_buf_str_add(out, object->definition);
    if (!out->len || out->ptr[out->len - 1] != '\n') df_buf_char(out, '\n');
    df_buf_char(out, '\n');
}

df_code df_schema_print(df_str snapshot,
                        df_code (*write)(void *context, const char *text, size_t len, df_error *err),
                        void *context, df_error *err)
{
    snap_reader reader = {.rest = snapshot, .which = "kept"};
    df_json_parser *parser = df_json_parser_open();
    df_buf text = {0};
    df_code code = snap_next(&reader, err);
    while (code == DF_OK && reader.line.text.ptr) {
        snap_object object = {0};
        code = snap_parse(parser, &reader.line, &object, err);
        df_buf_clear(&text);
        if (code == DF_OK) put_object(&text, &object);
        if (code == DF_OK) code = write(context, text.ptr, text.len, err);
        if (code == DF_OK) code = snap_next(&reader, err);
    }
    df_buf_release(&text);
    df_json_parser_close(parser);
    return code;
}
