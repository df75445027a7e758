/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void df_buf_release(df_buf *buf)
{
    free(buf->ptr);
    *buf = (df_buf){0};
}

static size_t next_capacity(const df_buf *buf, size_t need)
{
    size_t cap = buf->cap < 64 ? 64 : buf->cap;
    while (cap < need) cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    return cap;
}

char *df_buf_reserve(df_buf *buf, size_t more)
{
    if (buf->cap - buf->len < more) {
        size_t cap = next_capacity(buf, buf->len + more);
        buf->ptr = df_realloc(buf->ptr, cap);
        buf->cap = cap;
    }
    return buf->ptr + buf->len;
}

bool df_buf_try_reserve(df_buf *buf, size_t more)
{
    if (buf->cap - buf->len >= more) return true;
    if (more > SIZE_MAX / 2 - buf->len) return false;
    size_t cap = next_capacity(buf, buf->len + more);
    char *grown = realloc(buf->ptr, cap);
    if (!grown) return false;
    buf->ptr = grown;
    buf->cap = cap;
    return true;
}

void df_buf_text(df_buf *buf, const char *text)
{
    df_buf_add(buf, text, strlen(text));
}

void df_buf_int(df_buf *buf, int64_t value)
{
    char digits[20];
    size_t n = 0;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do digits[n++] = (char)('0' + rest % 10);
    while (rest /= 10);
    char *out = df_buf_reserve(buf, n + 1);
    if (value < 0) *out++ = '-', buf->len++;
    for (size_t i = 0; i < n; i++) out[i] = digits[n - 1 - i];
    buf->len += n;
}

void df_buf_printf(df_buf *buf, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len > 0) {
        vsnprintf(df_buf_reserve(buf, (size_t)len + 1), (size_t)len + 1, fmt, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

const char *df_buf_cstr(df_buf *buf)
{
    *df_buf_reserve(buf, 1) = '\0';
    return buf->ptr;
}
