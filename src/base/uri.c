/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uri.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

void df_percent_decode(df_buf *out, df_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        int high = -1, low = -1;
        if (s.ptr[i] == '%' && s.len - i > 2) {
            high = hex_digit(s.ptr[i + 1]);
            low = hex_digit(s.ptr[i + 2]);
        }
        if (high < 0 || low < 0) {
            df_buf_char(out, s.ptr[i]);
        } else {
            df_buf_char(out, (char)(high << 4 | low));
            i += 2;
        }
    }
}

void df_percent_encode(df_buf *out, df_str s, const char *also_plain)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     (c && (strchr("-._~", c) || strchr(also_plain, c)));
        if (plain) {
            df_buf_char(out, (char)c);
        } else {
            df_buf_char(out, '%');
            df_buf_char(out, digits[c >> 4]);
            df_buf_char(out, digits[c & 15]);
        }
    }
}
