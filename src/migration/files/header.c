/* SPDX-License-Identifier: Apache-2.0 */
/* The header: -- @metadata { … }, JSON in comment lines. */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- where JSON is wrong ---- */

/* Only to say in which line: whether it is wrong is the parser's word. */
typedef struct json_walk {
    df_str text;
    size_t at;
    int depth;
} json_walk;

static void skip_blanks(json_walk *w)
{
    while (w->at < w->text.len && mf_is_blank(w->text.ptr[w->at])) w->at++;
}

static bool take(json_walk *w, char c)
{
    skip_blanks(w);
    if (w->at >= w->text.len || w->text.ptr[w->at] != c) return false;
    w->at++;
    return true;
}

static bool walk_string(json_walk *w)
{
    if (!take(w, '"')) return false;
    while (w->at < w->text.len && w->text.ptr[w->at] != '"') {
        if (w->text.ptr[w->at] == '\n') return false;
        w->at += w->text.ptr[w->at] == '\\' && w->at + 1 < w->text.len ? 2 : 1;
    }
    return take(w, '"');
}

static bool walk_value(json_walk *w);

static bool walk_list(json_walk *w, char end, bool members)
{
    if (take(w, end)) return true;
    do {
        skip_blanks(w);
        if (members && (!walk_string(w) || !take(w, ':'))) return false;
        if (!walk_value(w)) return false;
    } while (take(w, ','));
    return take(w, end);
}

static bool walk_word(json_walk *w)
{
    size_t from = w->at;
    while (w->at < w->text.len && (mf_is_letter(w->text.ptr[w->at]) || mf_is_digit(w->text.ptr[w->at]) ||
                                   memchr("+-.", w->text.ptr[w->at], 3)))
        w->at++;
    df_str word = mf_cut(w->text, from, w->at);
    bool fine = df_str_is(word, "true") || df_str_is(word, "false") || df_str_is(word, "null") ||
                (word.len && (mf_is_digit(word.ptr[0]) || word.ptr[0] == '-'));
    if (!fine) w->at = from;
    return fine;
}

static bool walk_value(json_walk *w)
{
    skip_blanks(w);
    if (w->at >= w->text.len || w->depth > 100) return false;
    w->depth++;
    char c = w->text.ptr[w->at];
    bool fine = c == '{' || c == '[' ? (w->at++, walk_list(w, c == '{' ? '}' : ']', c == '{'))
                : c == '"'           ? walk_string(w)
                                     : walk_word(w);
    w->depth--;
    return fine;
}

static int64_t broken_line(df_str json)
{
    json_walk w = {.text = json};
    if (walk_value(&w)) return 0;
    size_t at = w.at < json.len ? w.at : json.len;
    return mf_lines_before(json, json.ptr + at);
}

/* ---- collecting the comment lines ---- */

typedef struct header {
    mf_set *s;
    const mf_file *file;
    df_buf json;        /* its lines, without the dashes */
    int64_t first_line; /* of the text in `json` in the file */
    df_metadata *meta;
} header;

static df_code fail_at(header *h, int64_t line, df_error *err, const char *what, df_str name)
{
    return mf_fail(err, DF_CORRUPT, mf_path(h->s, h->file->path), line, "@metadata: %s%s%.*s", what,
                   name.len ? ": " : "", DF_FMT(name));
}

/* A line of the comment as it was written, but for its mark and the blank behind it. */
static df_str comment_content(char mark, df_str text, const mf_comment *comment)
{
    const char *from = text.ptr + comment->offset, *end = text.ptr + comment->next;
    while (from < end && mf_is_blank(*from)) from++;
    while (from < end && *from == mark) from++;
    if (from < end && *from == ' ') from++;
    while (end > from && (end[-1] == '\n' || end[-1] == '\r')) end--;
    return (df_str){from, (size_t)(end - from)};
}

/* The object that begins behind @metadata, over as many comment lines as it needs. */
static df_code gather(header *h, df_str text, size_t at, const mf_comment *first, df_error *err)
{
    int64_t line = mf_lines_before(text, text.ptr + first->offset) + 1, begun = line;
    df_str content = df_str_skip(first->text, strlen("@metadata"));
    mf_comment comment = *first;
    df_json_scan scan = {0};
    h->first_line = line;
    for (;;) {
        if (!h->json.len) {
            content = mf_trim(content);
            h->first_line = line;
            if (content.len && content.ptr[0] != '{')
                return fail_at(h, line, err, "an object in braces is expected", content);
        }
        if (h->json.len || content.len) {
            df_buf_str_add(&h->json, content);
            df_buf_char(&h->json, '\n');
            df_json_scanned state = df_json_scan_on(&scan, df_buf_str(&h->json));
            if (state == DF_JSON_BROKEN)
                return fail_at(h, line, err, "a text does not end in its line", DF_STR_NONE);
            if (state == DF_JSON_ENDED) break;
        }
        size_t expected = comment.next;
        if (!mf_next_comment(h->s->set.dialect, text, &at, &comment) || comment.offset != expected)
            return fail_at(h, begun, err, "the object does not end in the comment lines behind it",
                           DF_STR_NONE);
        content = comment_content(h->s->set.dialect->comment[0], text, &comment);
        line++;
    }
    df_str rest = mf_trim(df_str_skip(df_buf_str(&h->json), scan.at));
    if (rest.len) return fail_at(h, line, err, "there is something behind the object", rest);
    h->json.len = scan.at;
    return DF_OK;
}

/* ---- members ---- */

static int64_t line_of(header *h, df_str member)
{
    df_str json = df_buf_str(&h->json);
    df_buf name = {0};
    df_buf_printf(&name, "\"%.*s\"", DF_FMT(member));
    const char *at = json.ptr;
    while ((at = memmem(at, (size_t)(json.ptr + json.len - at), name.ptr, name.len))) {
        size_t behind = (size_t)(at - json.ptr) + name.len;
        while (behind < json.len && mf_is_blank(json.ptr[behind])) behind++;
        if (behind < json.len && json.ptr[behind] == ':') break; /* else it is a value */
        at++;
    }
    df_buf_release(&name);
    return h->first_line + (at ? mf_lines_before(json, at) : 0);
}

static df_code wrong(header *h, df_str member, const char *expected, df_error *err)
{
    return mf_fail(err, DF_CORRUPT, mf_path(h->s, h->file->path), line_of(h, member),
                   "@metadata: %.*s must be %s", DF_FMT(member), expected);
}

static df_code get_text(header *h, df_str member, df_json value, df_str *out, df_error *err)
{
    if (df_json_typeof(value) == DF_JSON_NULL) return DF_OK;
    if (df_json_typeof(value) != DF_JSON_STRING) return wrong(h, member, "a text", err);
    *out = df_arena_str(&h->s->set.arena, df_json_str(value));
    return DF_OK;
}

static df_code get_bool(header *h, df_str member, df_json value, bool *out, df_error *err)
{
    return df_json_bool(value, out) ? DF_OK : wrong(h, member, "true or false", err);
}

static df_code get_list(header *h, df_str member, df_json value, df_str **out, size_t *count, df_error *err)
{
    if (df_json_typeof(value) != DF_JSON_ARRAY) return wrong(h, member, "a list of texts", err);
    df_str *list = df_arena_alloc(&h->s->set.arena, (df_json_count(value) + 1) * sizeof *list);
    *count = 0;
    for (df_json_iter it = df_json_each(value); df_json_next(&it);) {
        df_str text = df_json_str(it.value);
        if (!text.ptr) return wrong(h, member, "a list of texts", err);
        list[(*count)++] = df_arena_str(&h->s->set.arena, text);
    }
    *out = list;
    return DF_OK;
}

/* Milliseconds, or a duration as a text. */
static df_code get_duration(header *h, df_str member, df_json value, int64_t *out, df_error *err)
{
    double number;
    if (df_json_int(value, out) && *out >= 0) return DF_OK;
    if (df_json_typeof(value) == DF_JSON_DOUBLE && df_json_double(value, &number) && number >= 0 &&
        number < 9e15) {
        *out = (int64_t)number;
        return DF_OK;
    }
    df_str text = df_json_str(value);
    if (text.ptr && mf_duration(text, out)) return DF_OK;
    return wrong(h, member, "a number of milliseconds", err);
}

static df_code get_risk(header *h, df_str member, df_json value, df_risk *out, df_error *err)
{
    if (df_risk_from_name(df_json_str(value), out)) return DF_OK;
    return wrong(h, member, "low, medium, high or critical", err);
}

static df_code take_member(header *h, df_str name, df_json value, df_error *err)
{
    static const char *const known[] = {
        "author",          "description", "risk",         "estimatedDuration", "breakingChange",
        "dataVolume",      "tags",        "dependencies", "requiresDowntime",  "affectedTables",
        "rollbackStrategy"};
    df_metadata *m = h->meta;
    if (df_str_is(name, "author")) return get_text(h, name, value, &m->author, err);
    if (df_str_is(name, "description")) return get_text(h, name, value, &m->description, err);
    if (df_str_is(name, "dataVolume")) return get_text(h, name, value, &m->data_volume, err);
    if (df_str_is(name, "rollbackStrategy")) return get_text(h, name, value, &m->rollback_strategy, err);
    if (df_str_is(name, "risk")) return get_risk(h, name, value, &m->risk, err);
    if (df_str_is(name, "estimatedDuration")) return get_duration(h, name, value, &m->estimated_ms, err);
    if (df_str_is(name, "breakingChange")) return get_bool(h, name, value, &m->breaking, err);
    if (df_str_is(name, "requiresDowntime")) return get_bool(h, name, value, &m->requires_downtime, err);
    if (df_str_is(name, "tags")) return get_list(h, name, value, &m->tags, &m->n_tags, err);
    if (df_str_is(name, "dependencies"))
        return get_list(h, name, value, &m->dependencies, &m->n_dependencies, err);
    if (df_str_is(name, "affectedTables"))
        return get_list(h, name, value, &m->affected_tables, &m->n_affected_tables, err);
    const char *hint = NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known && !hint; i++)
        if (mf_distance(name, df_str_from(known[i]), 2) <= 2)
            hint = df_arena_printf(&h->s->set.arena, "did you mean %s?", known[i]);
    mf_find(h->s, "unknown-metadata", false, h->file->path, line_of(h, name), hint,
            "%s: @metadata has a member %.*s, which is not known", h->file->path, DF_FMT(name));
    return DF_OK;
}

static df_code parse(header *h, df_error *err)
{
    df_json root;
    df_str text = df_buf_str(&h->json);
    if (!h->s->json) h->s->json = df_json_parser_open();
    df_code code = df_json_parse(h->s->json, text, &root, err);
    if (code != DF_OK) {
        df_error parser = {0};
        if (err) parser = *err;
        return fail_at(h, h->first_line + broken_line(text), err, "this is not valid JSON",
                       df_str_from(parser.message));
    }
    for (df_json_iter it = df_json_each(root); df_json_next(&it);)
        DF_TRY(take_member(h, it.key, it.value, err));
    df_buf compact = {0};
    df_json_put(&compact, root);
    h->meta->json = df_arena_str(&h->s->set.arena, df_buf_str(&compact));
    df_buf_release(&compact);
    return DF_OK;
}

df_code mf_header(mf_set *s, const mf_file *file, df_str text, df_metadata *out, df_error *err)
{
    mf_comment comment;
    header h = {.s = s, .file = file, .meta = out};
    df_code code = DF_OK;
    bool found = false;
    if (!text.len || !memmem(text.ptr, text.len, "@metadata", 9)) return DF_OK;
    for (size_t at = 0; code == DF_OK && mf_next_comment(s->set.dialect, text, &at, &comment);) {
        if (!df_str_starts(comment.text, DF_STR("@metadata"))) continue;
        h.first_line = mf_lines_before(text, text.ptr + comment.offset) + 1;
        if (found) {
            code = fail_at(&h, h.first_line, err, "a second header", DF_STR_NONE);
            break;
        }
        found = true;
        code = gather(&h, text, at, &comment, err);
        if (code == DF_OK) code = parse(&h, err);
    }
    df_buf_release(&h.json);
    return code;
}
