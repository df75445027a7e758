/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/foreign.h"

#include <stdlib.h>

/* CRC-32 (IEEE 802.3), bit by bit: a few files, once. */
static uint32_t crc_on(uint32_t crc, df_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        crc ^= (unsigned char)s.ptr[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return crc;
}

int32_t foreign_crc_of_lines(df_str file)
{
    uint32_t crc = 0xFFFFFFFFu;
    if (df_str_starts(file, DF_STR("\xEF\xBB\xBF"))) file = df_str_skip(file, 3);
    for (size_t from = 0, at = 0; from < file.len; from = at) {
        while (at < file.len && file.ptr[at] != '\n' && file.ptr[at] != '\r') at++;
        crc = crc_on(crc, (df_str){file.ptr + from, at - from});
        if (at + 1 < file.len && file.ptr[at] == '\r' && file.ptr[at + 1] == '\n') at++;
        if (at < file.len) at++;
    }
    return (int32_t)(crc ^ 0xFFFFFFFFu);
}

df_str foreign_description(df_str name, df_arena *arena)
{
    df_str copy = df_arena_str(arena, name.ptr ? name : DF_STR(""));
    char *text = df_arena_cstr(arena, copy);
    for (size_t i = 0; i < copy.len; i++) {
        if (text[i] == '_') text[i] = ' ';
    }
    return (df_str){text, copy.len};
}

df_str foreign_digits(df_str version, df_arena *arena)
{
    char *text = df_arena_alloc(arena, version.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < version.len; i++) {
        if (version.ptr[i] != '-') text[len++] = version.ptr[i];
    }
    text[len] = '\0';
    return (df_str){text, len};
}

df_str foreign_file_name(df_str file)
{
    for (size_t i = file.len; i > 0; i--) {
        if (file.ptr[i - 1] == '/') return df_str_skip(file, i);
    }
    return file;
}

df_str foreign_file_stem(df_str file)
{
    file = foreign_file_name(file);
    if (df_str_ends(file, DF_STR(".sql"))) file.len -= 4;
    return file;
}
