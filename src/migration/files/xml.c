/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML as catalogs need it: elements, attributes, text, processing instructions; names without their prefixes.
 * What a document type could change (entities, defaults) is refused, and so is everything that is not well
 * formed.
 */
#include "migration/files/files_int.h"

#include <string.h>

enum { DEEPEST = 64 };

typedef struct reader {
    df_str text;
    size_t at;
    const char *path;
    df_arena *arena;
    df_error *err;
    size_t counted; /* up to here there are `lines` */
    int32_t lines;
} reader;

static int32_t line_at(reader *r, size_t at)
{
    if (at < r->counted) return mf_lines_before(r->text, r->text.ptr + at) + 1;
    r->lines += mf_lines_before(df_str_skip(r->text, r->counted), r->text.ptr + at);
    r->counted = at;
    return r->lines + 1;
}

static df_code fail(reader *r, size_t at, const char *what)
{
    return mf_fail(r->err, DF_CORRUPT, r->path, line_at(r, at), "%s", what);
}

static bool sees(const reader *r, const char *what)
{
    return df_str_starts(df_str_skip(r->text, r->at), df_str_from(what));
}

static void skip_blanks(reader *r)
{
    while (r->at < r->text.len && mf_is_blank(r->text.ptr[r->at])) r->at++;
}

/* Goes behind the next `end`; *inside is what stands before it. */
static df_code take_until(reader *r, const char *end, df_str *inside, const char *what)
{
    size_t from = r->at, len = strlen(end);
    const char *found = memmem(r->text.ptr + from, r->text.len - from, end, len);
    if (!found) return fail(r, from, what);
    *inside = mf_cut(r->text, from, (size_t)(found - r->text.ptr));
    r->at = from + inside->len + len;
    return DF_OK;
}

static bool is_name(char c)
{
    return mf_is_letter(c) || mf_is_digit(c) || c == '_' || c == '-' || c == '.' || c == ':' ||
           (unsigned char)c >= 0x80;
}

static df_code take_name(reader *r, df_str *name)
{
    size_t from = r->at;
    while (r->at < r->text.len && is_name(r->text.ptr[r->at])) r->at++;
    *name = mf_cut(r->text, from, r->at);
    bool fine = name->len && !mf_is_digit(name->ptr[0]) && name->ptr[0] != '-' && name->ptr[0] != '.';
    return fine ? DF_OK : fail(r, from, "a name is expected");
}

static df_str local(df_str name)
{
    const char *colon = memchr(name.ptr, ':', name.len);
    return colon ? df_str_skip(name, (size_t)(colon + 1 - name.ptr)) : name;
}

/* ---- text ---- */

static bool put_code_point(uint32_t c, df_buf *out)
{
    if (!c || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return false;
    if (c < 0x80) {
        df_buf_char(out, (char)c);
    } else if (c < 0x800) {
        df_buf_char(out, (char)(0xC0 | c >> 6));
        df_buf_char(out, (char)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        df_buf_char(out, (char)(0xE0 | c >> 12));
        df_buf_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
        df_buf_char(out, (char)(0x80 | (c & 0x3F)));
    } else {
        df_buf_char(out, (char)(0xF0 | c >> 18));
        df_buf_char(out, (char)(0x80 | (c >> 12 & 0x3F)));
        df_buf_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
        df_buf_char(out, (char)(0x80 | (c & 0x3F)));
    }
    return true;
}

/* "lt", "#65", "#x41" */
static bool put_reference(df_str name, df_buf *out)
{
    static const struct {
        const char *name;
        char c;
    } known[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"apos", '\''}, {"quot", '"'}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!df_str_is(name, known[i].name)) continue;
        df_buf_char(out, known[i].c);
        return true;
    }
    bool hex = name.len > 2 && name.ptr[1] == 'x';
    uint32_t c = 0;
    if (name.len < 2 || name.len > 9 || name.ptr[0] != '#') return false;
    for (size_t i = hex ? 2 : 1; i < name.len; i++) {
        char d = mf_lower(name.ptr[i]);
        if (!mf_is_digit(d) && !(hex && d >= 'a' && d <= 'f')) return false;
        c = c * (hex ? 16 : 10) + (uint32_t)(mf_is_digit(d) ? d - '0' : d - 'a' + 10);
    }
    return put_code_point(c, out);
}

static df_code put_text(reader *r, df_str text, df_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '&') {
            df_buf_char(out, text.ptr[i]);
            continue;
        }
        const char *end = memchr(text.ptr + i, ';', text.len - i);
        size_t len = end ? (size_t)(end - text.ptr) - i : 0;
        if (!len || !put_reference(mf_cut(text, i + 1, i + len), out))
            return fail(r, (size_t)(text.ptr + i - r->text.ptr),
                        "this reference is not known; write &amp; for &");
        i += len;
    }
    return DF_OK;
}

/* ---- nodes ---- */

static df_code take_attributes(reader *r, mf_xml *node)
{
    df_buf value = {0};
    for (;;) {
        size_t before = r->at;
        skip_blanks(r);
        if (r->at >= r->text.len || r->text.ptr[r->at] == '>' || r->text.ptr[r->at] == '/') return DF_OK;
        if (before == r->at) return fail(r, r->at, "a blank is expected in front of an attribute");
        mf_xml_attribute *a = df_arena_zalloc(r->arena, sizeof *a);
        df_str name, inside;
        size_t at = r->at;
        DF_TRY(take_name(r, &name));
        a->name = local(name);
        if (mf_xml_get(node, df_arena_cstr(r->arena, a->name)).ptr && a->name.len == name.len)
            return fail(r, at, "an attribute is there twice");
        skip_blanks(r);
        if (!sees(r, "=")) return fail(r, r->at, "\"=\" is expected");
        r->at++;
        skip_blanks(r);
        char quote = r->at < r->text.len ? r->text.ptr[r->at] : '\0';
        if (quote != '"' && quote != '\'') return fail(r, r->at, "a value in quotes is expected");
        r->at++;
        DF_TRY(take_until(r, quote == '"' ? "\"" : "'", &inside, "a value does not end"));
        if (memchr(inside.ptr, '<', inside.len)) return fail(r, at, "\"<\" in a value");
        df_buf_clear(&value);
        df_code code = put_text(r, inside, &value);
        a->value = df_arena_str(r->arena, df_buf_str(&value));
        df_buf_release(&value);
        DF_TRY(code);
        a->next = node->attributes;
        node->attributes = a;
    }
}

static df_code take_element(reader *r, int depth, mf_xml **out);

/* <?name text?> */
static df_code take_instruction(reader *r, mf_xml **out)
{
    mf_xml *node = df_arena_zalloc(r->arena, sizeof *node);
    df_str inside;
    node->instruction = true;
    node->line = line_at(r, r->at);
    r->at += 2;
    DF_TRY(take_name(r, &node->name));
    DF_TRY(take_until(r, "?>", &inside, "an instruction does not end"));
    node->text = mf_trim(inside);
    *out = node;
    return DF_OK;
}

/* Takes what is neither element nor text; *node stays NULL for a comment. */
static df_code take_other(reader *r, mf_xml **node, df_buf *text, bool *taken)
{
    df_str inside;
    *taken = true;
    if (sees(r, "<!--")) {
        r->at += 4;
        return take_until(r, "-->", &inside, "a comment does not end");
    }
    if (sees(r, "<![CDATA[") && text) {
        r->at += 9;
        DF_TRY(take_until(r, "]]>", &inside, "CDATA does not end"));
        df_buf_str_add(text, inside);
        return DF_OK;
    }
    if (sees(r, "<!"))
        return mf_fail(r->err, DF_UNSUPPORTED, r->path, line_at(r, r->at), "document types are not read");
    if (sees(r, "<?")) return take_instruction(r, node);
    *taken = false;
    return DF_OK;
}

/* Where the text of the node begins. */
static void see_text(reader *r, mf_xml *node, size_t from, size_t to)
{
    while (from < to && mf_is_blank(r->text.ptr[from])) from++;
    if (!node->text_line && from < to) node->text_line = line_at(r, from);
}

/* Up to the end tag of `node`, whose start tag has been read. */
static df_code take_content(reader *r, int depth, mf_xml *node, df_str name, df_buf *text)
{
    mf_xml **next = &node->first;
    for (;;) {
        mf_xml *child = NULL;
        bool taken;
        size_t from = r->at;
        const char *open = memchr(r->text.ptr + from, '<', r->text.len - from);
        if (!open) return fail(r, from, "an element does not end");
        r->at = (size_t)(open - r->text.ptr);
        see_text(r, node, from, r->at);
        DF_TRY(put_text(r, mf_cut(r->text, from, r->at), text));
        if (sees(r, "</")) {
            df_str end;
            r->at += 2;
            DF_TRY(take_name(r, &end));
            skip_blanks(r);
            if (!df_str_eq(end, name) || !sees(r, ">")) return fail(r, r->at, "another element is open here");
            r->at++;
            return DF_OK;
        }
        bool cdata = sees(r, "<![CDATA[");
        size_t inside = r->at + 9;
        DF_TRY(take_other(r, &child, text, &taken));
        if (cdata) see_text(r, node, inside, r->at - 3);
        if (!taken) DF_TRY(take_element(r, depth + 1, &child));
        if (!child) continue;
        *next = child;
        next = &child->next;
    }
}

static df_code take_element(reader *r, int depth, mf_xml **out)
{
    mf_xml *node = df_arena_zalloc(r->arena, sizeof *node);
    df_buf text = {0};
    df_str name;
    if (depth > DEEPEST) return fail(r, r->at, "elements lie too deep in each other");
    node->line = line_at(r, r->at);
    if (!sees(r, "<")) return fail(r, r->at, "an element is expected");
    r->at++;
    DF_TRY(take_name(r, &name));
    node->name = local(name);
    DF_TRY(take_attributes(r, node));
    *out = node;
    if (sees(r, "/>")) {
        r->at += 2;
        return DF_OK;
    }
    if (!sees(r, ">")) return fail(r, r->at, "\">\" is expected");
    r->at++;
    df_code code = take_content(r, depth, node, name, &text);
    node->text = df_arena_str(r->arena, mf_trim(df_buf_str(&text)));
    df_buf_release(&text);
    return code;
}

df_code mf_xml_parse(df_str text, const char *path, df_arena *arena, mf_xml **first, df_error *err)
{
    reader r = {.text = text, .path = path, .arena = arena, .err = err};
    mf_xml **next = first;
    bool root = false;
    *first = NULL;
    if (!df_str_is_utf8(text)) return fail(&r, 0, "the file is not UTF-8");
    for (skip_blanks(&r); r.at < text.len; skip_blanks(&r)) {
        mf_xml *node = NULL;
        bool taken;
        DF_TRY(take_other(&r, &node, NULL, &taken));
        if (!taken) {
            if (root) return fail(&r, r.at, "there is something behind the root element");
            DF_TRY(take_element(&r, 0, &node));
            root = true;
        }
        if (!node) continue;
        *next = node;
        next = &node->next;
    }
    return root ? DF_OK : fail(&r, 0, "there is no element");
}

df_str mf_xml_get(const mf_xml *node, const char *attribute)
{
    for (const mf_xml_attribute *a = node->attributes; a; a = a->next)
        if (df_str_is(a->name, attribute)) return a->value;
    return DF_STR_NONE;
}

const mf_xml *mf_xml_child(const mf_xml *node, const char *name)
{
    const mf_xml *child = node->first;
    while (child && (child->instruction || !df_str_is(child->name, name))) child = child->next;
    return child;
}

const mf_xml *mf_xml_root(const mf_xml *first)
{
    while (first && first->instruction) first = first->next;
    return first;
}

bool mf_xml_true(const mf_xml *node, const char *attribute, bool otherwise)
{
    df_str value = mf_xml_get(node, attribute);
    return value.ptr ? df_str_is(value, "true") || df_str_is(value, "1") : otherwise;
}
