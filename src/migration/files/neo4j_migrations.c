/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checksums of neo4j-migrations: CRC32 in decimal over the bytes of the statements of a script, as that
 * tool splits it: at each ";" that ends a line, wherever it stands, the pieces trimmed, `:use` lines pieces
 * of their own. Comments count.
 */
#include "migration/files/files_int.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

/* How a text is read: neo4j-migrations has a setting for line ends, and accepts sums without preconditions.
 */
typedef struct reading {
    bool unix_lines, without_preconditions;
} reading;

/* ---- pieces ---- */

/* Length of a line end at `at`: "\r\n", "\n", "\r"; 0 when there is none. */
static size_t line_end(df_str text, size_t at)
{
    if (at < text.len && text.ptr[at] == '\r') return at + 1 < text.len && text.ptr[at + 1] == '\n' ? 2 : 1;
    return at < text.len && text.ptr[at] == '\n';
}

/* What Java trims: everything up to the blank. */
static df_str trim(df_str s)
{
    while (s.len && (unsigned char)s.ptr[0] <= ' ') s.ptr++, s.len--;
    while (s.len && (unsigned char)s.ptr[s.len - 1] <= ' ') s.len--;
    return s;
}

/* Takes what stands in front of the next ";" that ends a line. */
static bool next_piece(df_str *rest, df_str *piece)
{
    if (!rest->len) return false;
    size_t at = 0;
    for (; at < rest->len; at++) {
        const char *semicolon = memchr(rest->ptr + at, ';', rest->len - at);
        if (!semicolon) break;
        at = (size_t)(semicolon - rest->ptr);
        size_t end = line_end(*rest, at + 1);
        if (!end) continue;
        *piece = mf_cut(*rest, 0, at);
        *rest = df_str_skip(*rest, at + 1 + end);
        return true;
    }
    *piece = *rest;
    *rest = DF_STR_NONE;
    return true;
}

/* ---- :use ---- */

/* Length of `:use name` with a semicolon and line end behind it at `at`; 0 when there is none. */
static size_t use_length(df_str text, size_t at)
{
    size_t i = at + 4, from;
    if (text.len - at < 8 || !mf_same(mf_cut(text, at, at + 4), ":use") || text.ptr[i] != ' ') return 0;
    while (i < text.len && text.ptr[i] == ' ') i++;
    from = i;
    if (i >= text.len || !mf_is_letter(text.ptr[i])) return 0;
    while (
        i < text.len && i - from < 63 &&
        (mf_is_letter(text.ptr[i]) || mf_is_digit(text.ptr[i]) || text.ptr[i] == '.' || text.ptr[i] == '-'))
        i++;
    if (i - from < 3) return 0;
    if (i < text.len && text.ptr[i] == ';') i++;
    return i - at + line_end(text, i);
}

/* ---- sums ---- */

static uLong add(uLong sum, df_str text)
{
    return crc32(sum, (const Bytef *)text.ptr, (uInt)text.len);
}

/* Lines of the beginning of a statement that are preconditions are taken out. */
static void put_without_preconditions(df_str statement, df_buf *out)
{
    df_str rest = statement, line;
    bool leading = true;
    while (rest.len) {
        const char *from = rest.ptr;
        mf_line(&rest, &line);
        df_str text = trim(line);
        bool comment = df_str_starts(text, DF_STR("//"));
        leading &= comment;
        if (leading && rest.len && mf_is_precondition(mf_trim(df_str_skip(text, 2)))) continue;
        df_buf_add(out, from, (size_t)(rest.len ? rest.ptr - from : statement.ptr + statement.len - from));
    }
}

static uLong add_statement(uLong sum, df_str statement, const reading *how)
{
    df_buf text = {0};
    if (!how->without_preconditions) return add(sum, statement);
    put_without_preconditions(statement, &text);
    sum = add(sum, df_buf_str(&text));
    df_buf_release(&text);
    return sum;
}

/* One piece: its `:use` lines, then what is left. A second one inside of several lines is refused. */
static bool add_piece(uLong *sum, df_str piece, const reading *how)
{
    df_buf left = {0};
    size_t uses = 0, done = 0;
    bool lines = piece.len && memchr(piece.ptr, '\n', piece.len), fine = true;
    for (size_t at = 0; at < piece.len && fine; at++) {
        size_t len = piece.ptr[at] == ':' ? use_length(piece, at) : 0;
        if (!len) continue;
        fine = !uses++ || !lines;
        *sum = add(*sum, trim(mf_cut(piece, at, at + len)));
        df_buf_add(&left, piece.ptr + done, at - done);
        done = at + len;
        at = done - 1;
    }
    df_buf_add(&left, piece.ptr + done, piece.len - done);
    if (left.len) *sum = add_statement(*sum, df_buf_str(&left), how);
    df_buf_release(&left);
    return fine;
}

static void put_unix(df_str text, df_buf *out)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '\r' || i + 1 == text.len || text.ptr[i + 1] != '\n')
            df_buf_char(out, text.ptr[i]);
}

static bool sum_of(df_str text, const reading *how, uLong *sum)
{
    df_str rest = text, piece;
    df_buf lines = {0};
    bool fine = true;
    *sum = crc32(0, NULL, 0);
    while (fine && next_piece(&rest, &piece)) {
        piece = trim(piece);
        if (piece.len && piece.ptr[piece.len - 1] == ';') piece = trim(mf_cut(piece, 0, piece.len - 1));
        if (how->unix_lines) {
            df_buf_clear(&lines);
            put_unix(piece, &lines);
            piece = df_buf_str(&lines);
        }
        if (piece.len) fine = add_piece(sum, piece, how);
    }
    df_buf_release(&lines);
    return fine;
}

/* Flyway's way: all lines without their ends, as a number with a sign. */
static uLong sum_of_lines(df_str text)
{
    uLong sum = crc32(0, NULL, 0);
    if (df_str_starts(text, DF_STR("\xEF\xBB\xBF"))) text = df_str_skip(text, 3);
    for (size_t at = 0, from = 0; at <= text.len; at++) {
        size_t end = line_end(text, at);
        if (at < text.len && !end) continue;
        sum = add(sum, mf_cut(text, from, at));
        if (end) at += end - 1;
        from = at + 1;
    }
    return sum;
}

/* A catalog's checksum is made of its canonical XML, which nobody here writes. */
static bool is_catalog(df_str text)
{
    if (df_str_starts(text, DF_STR("\xEF\xBB\xBF"))) text = df_str_skip(text, 3);
    text = mf_trim(text);
    return text.len && text.ptr[0] == '<';
}

bool df_neo4j_migrations_checksum(df_str file_text, char out[12])
{
    static const reading plain = {0};
    uLong sum;
    out[0] = '\0';
    if (is_catalog(file_text)) return false;
    bool fine = sum_of(file_text, &plain, &sum);
    snprintf(out, 12, "%lu", sum);
    return fine;
}

bool df_neo4j_migrations_checksum_is(df_str file_text, df_str checksum)
{
    char text[16];
    uLong sum;
    if (is_catalog(file_text)) return false;
    for (int i = 0; i < 4; i++) {
        reading how = {.unix_lines = i & 1, .without_preconditions = i & 2};
        if (!sum_of(file_text, &how, &sum)) continue;
        snprintf(text, sizeof text, "%lu", sum);
        if (df_str_is(checksum, text)) return true;
    }
    snprintf(text, sizeof text, "%d", (int)(uint32_t)sum_of_lines(file_text));
    return df_str_is(checksum, text);
}
