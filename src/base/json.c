/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

df_json_scanned df_json_scan_on(df_json_scan *scan, df_str text)
{
    for (; scan->at < text.len; scan->at++) {
        char c = text.ptr[scan->at];
        if (scan->in_string) {
            if (c == '\n') return DF_JSON_BROKEN;
            if (c == '"') scan->in_string = false;
            if (c != '\\') continue;
            if (scan->at + 1 == text.len)
                return DF_JSON_OPEN; /* the escape is cut in two: look at it again */
            scan->at++;
        } else if (c == '"') {
            scan->in_string = true;
        } else if (c == '{' || c == '[') {
            scan->depth++;
        } else if ((c == '}' || c == ']') && scan->depth && --scan->depth == 0) {
            scan->at++;
            return DF_JSON_ENDED;
        }
        if (!scan->depth) return DF_JSON_BROKEN;
    }
    return DF_JSON_OPEN;
}

size_t df_json_extent(df_str text)
{
    df_json_scan scan = {0};
    return df_json_scan_on(&scan, text) == DF_JSON_ENDED ? scan.at : 0;
}

static bool number_char(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static bool is_wide(df_str number)
{
    char text[512];
    if (number.len >= sizeof text) return strspn(number.ptr + 1, "0123456789") + 1 >= number.len;
    memcpy(text, number.ptr, number.len);
    text[number.len] = '\0';
    char *end;
    if (strpbrk(text, ".eE")) return !isfinite(strtod(text, &end)) && !*end;
    errno = 0;
    if (text[0] == '-')
        (void)strtoll(text, &end, 10);
    else
        (void)strtoull(text, &end, 10);
    return errno == ERANGE && !*end;
}

bool df_json_quote_wide_numbers(df_str text, df_buf *out)
{
    bool any = false, in_string = false;
    for (size_t i = 0; i < text.len;) {
        char c = text.ptr[i];
        size_t n = 1;
        if (in_string) {
            n = c == '\\' && i + 1 < text.len ? 2 : 1;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            while (i + n < text.len && number_char(text.ptr[i + n])) n++;
            if (is_wide((df_str){text.ptr + i, n})) {
                df_buf_char(out, '"');
                df_buf_add(out, text.ptr + i, n);
                df_buf_char(out, '"');
                i += n;
                any = true;
                continue;
            }
        }
        df_buf_add(out, text.ptr + i, n);
        i += n;
    }
    return any;
}

bool df_json_double(df_json v, double *out)
{
    switch (df_json_typeof(v)) {
    case DF_JSON_INT: *out = (double)(int64_t)v.at[1]; return true;
    case DF_JSON_UINT: *out = (double)v.at[1]; return true;
    case DF_JSON_DOUBLE: memcpy(out, v.at + 1, sizeof *out); return true;
    default: return false;
    }
}

df_json_iter df_json_each(df_json v)
{
    df_json_type type = df_json_typeof(v);
    if (type != DF_JSON_OBJECT && type != DF_JSON_ARRAY) return (df_json_iter){0};
    return (df_json_iter){.at = v.at + 1, .doc = v.doc, .object = type == DF_JSON_OBJECT};
}

df_json df_json_get(df_json object, const char *name)
{
    df_json found = {0};
    if (df_json_typeof(object) != DF_JSON_OBJECT) return found;
    df_str wanted = df_str_from(name);
    df_json_iter it = df_json_each(object);
    while (df_json_next(&it))
        if (df_str_eq(it.key, wanted)) found = it.value;
    return found;
}

size_t df_json_count(df_json v)
{
    size_t n = 0;
    df_json_iter it = df_json_each(v);
    while (df_json_next(&it)) n++;
    return n;
}

/* ---- writing ---- */

/* Escape for each byte below 0x20 that has a short one. */
static char short_escape(unsigned char c)
{
    switch (c) {
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
    }
}

static void put_special(df_buf *out, unsigned char c)
{
    char escape = short_escape(c);
    if (c == '"' || c == '\\') {
        df_buf_char(out, '\\');
        df_buf_char(out, (char)c);
    } else if (escape) {
        df_buf_char(out, '\\');
        df_buf_char(out, escape);
    } else {
        df_buf_printf(out, "\\u%04x", c);
    }
}

static void put_str_checked(df_buf *out, df_str s, bool valid)
{
    df_buf_char(out, '"');
    size_t plain = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool bad = !valid && c >= 0x80;
        if (c >= 0x20 && c != '"' && c != '\\' && !bad) continue;
        df_buf_add(out, s.ptr + plain, i - plain);
        plain = i + 1;
        if (bad)
            df_buf_text(out, "\xEF\xBF\xBD");
        else
            put_special(out, c);
    }
    df_buf_add(out, s.ptr + plain, s.len - plain);
    df_buf_char(out, '"');
}

void df_json_put_str(df_buf *out, df_str s)
{
    put_str_checked(out, s, df_str_is_utf8(s));
}

void df_json_put_utf8(df_buf *out, df_str s)
{
    put_str_checked(out, s, true);
}

void df_json_put_double(df_buf *out, double value)
{
    if (!isfinite(value)) {
        df_buf_text(out, isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    df_buf_text(out, text);
    /* A number that was written with a point stays one that reads back as a double. */
    if (!strpbrk(text, ".en")) df_buf_text(out, ".0");
}

typedef struct member {
    df_str key;
    df_json value;
} member;

static int by_key(const void *a, const void *b)
{
    const member *x = a, *y = b;
    int order = df_str_cmp(x->key, y->key);
    /* Equal names keep their order: tape addresses grow with it. */
    return order ? order : (x->value.at > y->value.at) - (x->value.at < y->value.at);
}

static void put(df_buf *out, df_json v, bool canonical);

static void put_sorted(df_buf *out, df_json v)
{
    size_t count = 0, cap = 0;
    member *members = NULL;
    df_json_iter it = df_json_each(v);
    while (df_json_next(&it)) DF_PUSH(members, count, cap) = (member){it.key, it.value};
    if (count) qsort(members, count, sizeof *members, by_key);
    df_buf_char(out, '{');
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        /* A repeated name counts once, with its last value. */
        if (i + 1 < count && df_str_eq(members[i].key, members[i + 1].key)) continue;
        if (!first) df_buf_char(out, ',');
        first = false;
        put_str_checked(out, members[i].key, true);
        df_buf_char(out, ':');
        put(out, members[i].value, true);
    }
    df_buf_char(out, '}');
    free(members);
}

static void put_container(df_buf *out, df_json v, bool object, bool canonical)
{
    df_buf_char(out, object ? '{' : '[');
    df_json_iter it = df_json_each(v);
    for (bool first = true; df_json_next(&it); first = false) {
        if (!first) df_buf_char(out, ',');
        if (object) {
            put_str_checked(out, it.key, true);
            df_buf_char(out, ':');
        }
        put(out, it.value, canonical);
    }
    df_buf_char(out, object ? '}' : ']');
}

static void put(df_buf *out, df_json v, bool canonical)
{
    double number;
    switch (df_json_typeof(v)) {
    case DF_JSON_NONE:
    case DF_JSON_NULL: df_buf_text(out, "null"); break;
    case DF_JSON_BOOL: df_buf_text(out, (*v.at >> 56) == 't' ? "true" : "false"); break;
    case DF_JSON_INT: df_buf_int(out, (int64_t)v.at[1]); break;
    case DF_JSON_UINT: df_buf_printf(out, "%llu", (unsigned long long)v.at[1]); break;
    case DF_JSON_DOUBLE:
        memcpy(&number, v.at + 1, sizeof number);
        df_json_put_double(out, number);
        break;
    case DF_JSON_STRING: put_str_checked(out, df_json_str(v), true); break;
    case DF_JSON_ARRAY: put_container(out, v, false, canonical); break;
    case DF_JSON_OBJECT:
        if (canonical)
            put_sorted(out, v);
        else
            put_container(out, v, true, false);
        break;
    }
}

void df_json_put(df_buf *out, df_json v)
{
    put(out, v, false);
}

void df_json_put_canonical(df_buf *out, df_json v)
{
    put(out, v, true);
}

/* ---- the writer ---- */

static void new_line(df_json_writer *w)
{
    if (!w->indent) return;
    df_buf_char(w->out, '\n');
    for (unsigned i = 0; i < w->depth * (unsigned)w->indent; i++) df_buf_char(w->out, ' ');
}

static void lead_in(df_json_writer *w, const char *name)
{
    if (w->started[w->depth]) df_buf_char(w->out, ',');
    if (w->depth) new_line(w);
    w->started[w->depth] = true;
    if (!name) return;
    df_json_put_str(w->out, df_str_from(name));
    df_buf_text(w->out, w->indent ? ": " : ":");
}

void df_json_begin(df_json_writer *w, const char *name, char bracket)
{
    lead_in(w, name);
    df_buf_char(w->out, bracket);
    if (w->depth + 1 < sizeof w->started) w->depth++;
    w->started[w->depth] = false;
}

void df_json_end(df_json_writer *w, char bracket)
{
    bool any = w->started[w->depth];
    if (w->depth) w->depth--;
    if (any) new_line(w);
    df_buf_char(w->out, bracket);
}

void df_json_add_str(df_json_writer *w, const char *name, df_str value)
{
    lead_in(w, name);
    if (value.ptr)
        df_json_put_str(w->out, value);
    else
        df_buf_text(w->out, "null");
}

void df_json_add_text(df_json_writer *w, const char *name, const char *value)
{
    df_json_add_str(w, name, df_str_from(value));
}

void df_json_add_int(df_json_writer *w, const char *name, int64_t value)
{
    lead_in(w, name);
    df_buf_int(w->out, value);
}

void df_json_add_double(df_json_writer *w, const char *name, double value)
{
    lead_in(w, name);
    df_json_put_double(w->out, value);
}

void df_json_add_bool(df_json_writer *w, const char *name, bool value)
{
    lead_in(w, name);
    df_buf_text(w->out, value ? "true" : "false");
}

void df_json_add_null(df_json_writer *w, const char *name)
{
    lead_in(w, name);
    df_buf_text(w->out, "null");
}

void df_json_add_raw(df_json_writer *w, const char *name, df_str json)
{
    lead_in(w, name);
    if (json.ptr)
        df_buf_str_add(w->out, json);
    else
        df_buf_text(w->out, "null");
}
