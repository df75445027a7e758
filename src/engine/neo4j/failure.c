/* SPDX-License-Identifier: Apache-2.0 */
/* What the server says when it refuses: {code, message}, or since 5.7 {neo4j_code, gql_status, message,
 * description, diagnostic_record, cause}, whose cause is such a dict again. Both are read whatever the
 * version is. */
#include "engine/driver.h"
#include "engine/neo4j/bolt_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAUSES_MOST = 8 };

typedef struct failure {
    df_str code, status, message, description;
    int64_t line, offset; /* of a syntax error; offset -1: unknown */
} failure;

/* ---- classification ---- */

/* The longest beginnings first. */
static const struct {
    const char *begins;
    df_code code;
} codes[] = {
    {"Neo.ClientError.Security.AuthorizationExpired", DF_RETRY},
    {"Neo.ClientError.Security.", DF_PERMISSION},
    {"Neo.ClientError.Statement.AccessMode", DF_PERMISSION},
    {"Neo.ClientError.General.WriteOnReadOnlyAccessDatabase", DF_PERMISSION},
    {"Neo.ClientError.General.ForbiddenOnReadOnlyDatabase", DF_RETRY},
    {"Neo.ClientError.Cluster.NotALeader", DF_RETRY},
    {"Neo.ClientError.Database.DatabaseNotFound", DF_NOT_FOUND},
    {"Neo.ClientError.Database.ExistingDatabaseFound", DF_CONFLICT},
    {"Neo.ClientError.Database.ExistingAliasFound", DF_CONFLICT},
    {"Neo.ClientError.Statement.EntityNotFound", DF_NOT_FOUND},
    {"Neo.ClientError.Schema.ConstraintNotFound", DF_NOT_FOUND},
    {"Neo.ClientError.Schema.IndexNotFound", DF_NOT_FOUND},
    {"Neo.ClientError.Schema.ConstraintAlreadyExists", DF_CONFLICT},
    {"Neo.ClientError.Schema.ConstraintWithNameAlreadyExists", DF_CONFLICT},
    {"Neo.ClientError.Schema.EquivalentSchemaRuleAlreadyExists", DF_CONFLICT},
    {"Neo.ClientError.Schema.IndexAlreadyExists", DF_CONFLICT},
    {"Neo.ClientError.Schema.IndexWithNameAlreadyExists", DF_CONFLICT},
    {"Neo.TransientError.Transaction.Terminated", DF_FAILED},
    {"Neo.TransientError.Transaction.LockClientStopped", DF_FAILED},
    {"Neo.TransientError.General.MemoryPoolOutOfMemoryError", DF_NO_MEMORY},
    {"Neo.TransientError.General.TransactionOutOfMemoryError", DF_NO_MEMORY},
    {"Neo.TransientError.General.TransactionMemoryLimit", DF_NO_MEMORY},
    {"Neo.TransientError.General.OutOfMemoryError", DF_NO_MEMORY},
    {"Neo.TransientError.General.StackOverFlowError", DF_FAILED},
    {"Neo.DatabaseError.General.OutOfMemoryError", DF_NO_MEMORY},
    {"Neo.TransientError.", DF_RETRY},
};

static bool contains(df_str text, const char *what)
{
    return text.len && memmem(text.ptr, text.len, what, strlen(what)) != NULL;
}

/* Constraints are of several kinds, one code has them all; only a duplicate is "already there". */
static bool duplicate(const failure *f)
{
    if (df_str_is(f->status, "22N79") || df_str_is(f->status, "22N80")) return true;
    return contains(f->message, "already exists with") || contains(f->message, "have the label") ||
           contains(f->message, "have the same");
}

static df_code code_of(const failure *f)
{
    if (contains(f->message, "No space left on device") ||
        contains(f->description, "No space left on device"))
        return DF_DISK_FULL;
    if (df_str_is(f->code, "Neo.ClientError.Schema.ConstraintValidationFailed") ||
        df_str_is(f->code, "Neo.DatabaseError.Schema.ConstraintCreationFailed") ||
        df_str_is(f->code, "Neo.ClientError.Schema.ConstraintCreationFailed"))
        return duplicate(f) ? DF_CONFLICT : DF_FAILED;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (df_str_starts(f->code, df_str_from(codes[i].begins))) return codes[i].code;
    }
    return DF_FAILED;
}

static void hint(const failure *f, df_code code, df_error *err)
{
    if (df_str_starts(f->code, DF_STR("Neo.ClientError.Transaction.TransactionTimedOut"))) {
        df_error_hint(err, "the transaction took longer than it may (tx_timeout of the client, or "
                           "db.transaction.timeout of the server); give it more time, or less to do");
    } else if (code == DF_NO_MEMORY) {
        df_error_hint(err,
                      "do it in smaller parts (CALL { … } IN TRANSACTIONS), or give the server more memory "
                      "(dbms.memory.transaction.total.max, server.memory.heap.max_size)");
    } else if (df_str_is(f->code, "Neo.ClientError.Security.CredentialsExpired")) {
        df_error_hint(err, "on database system: ALTER CURRENT USER SET PASSWORD FROM 'old' TO 'new'");
    } else if (df_str_is(f->code, "Neo.ClientError.Transaction.ForbiddenDueToTransactionType")) {
        df_error_hint(err, "a transaction either changes the schema or writes data");
    }
}

/* ---- reading ---- */

static df_code take_position(ps_reader value, failure *f, df_error *err)
{
    ps_item head, item;
    ps_reader found;
    bool there;
    DF_TRY(ps_read(&value, &head, err));
    if (head.type != PS_DICT) return DF_OK;
    DF_TRY(ps_find(value, head.count, "line", &found, &there, err));
    if (there) DF_TRY(ps_read(&found, &item, err));
    if (there && item.type == PS_INT && item.i > 0) f->line = item.i;
    DF_TRY(ps_find(value, head.count, "offset", &found, &there, err));
    if (there) DF_TRY(ps_read(&found, &item, err));
    if (there && item.type == PS_INT && item.i >= 0) f->offset = item.i;
    return DF_OK;
}

static df_code take_record(ps_reader value, failure *f, df_error *err)
{
    ps_item head;
    ps_reader found;
    bool there;
    DF_TRY(ps_read(&value, &head, err));
    if (head.type != PS_DICT) return DF_OK;
    DF_TRY(ps_find(value, head.count, "_position", &found, &there, err));
    return there ? take_position(found, f, err) : DF_OK;
}

/* One level; *cause is its cause's reader, when *deeper. */
static df_code take_failure(ps_reader *reader, failure *f, ps_reader *cause, bool *deeper, df_error *err)
{
    ps_item head, key, value;
    *deeper = false;
    DF_TRY(ps_read(reader, &head, err));
    if (head.type != PS_DICT)
        return df_fail(err, DF_CORRUPT, "what the server said of a failure is no dictionary");
    for (uint32_t i = 0; i < head.count; i++) {
        DF_TRY(ps_read(reader, &key, err));
        if (key.type != PS_STRING)
            return df_fail(err, DF_CORRUPT, "what the server said of a failure is damaged");
        ps_reader at = *reader;
        DF_TRY(ps_skip(reader, err));
        ps_reader peek = at;
        DF_TRY(ps_read(&peek, &value, err));
        if (df_str_is(key.s, "diagnostic_record")) DF_TRY(take_record(at, f, err));
        if (df_str_is(key.s, "cause")) *cause = at, *deeper = value.type == PS_DICT;
        if (value.type != PS_STRING) continue;
        if (df_str_is(key.s, "code") || df_str_is(key.s, "neo4j_code")) f->code = value.s;
        if (df_str_is(key.s, "gql_status")) f->status = value.s;
        if (df_str_is(key.s, "message")) f->message = value.s;
        if (df_str_is(key.s, "description")) f->description = value.s;
    }
    return DF_OK;
}

static int64_t number_behind(df_str text, const char *what)
{
    const char *at = text.len ? memmem(text.ptr, text.len, what, strlen(what)) : NULL;
    if (!at) return -1;
    int64_t value = 0;
    const char *end = text.ptr + text.len, *digits = at + strlen(what);
    for (at = digits; at < end && isdigit((unsigned char)*at) && value < INT32_MAX; at++)
        value = value * 10 + (*at - '0');
    return at > digits ? value : -1;
}

/* "… (line 1, column 8 (offset: 7))" and then the line itself with a mark under it, which is left out. */
static void position_of_text(failure *f)
{
    int64_t line = number_behind(f->message, "(line "), offset = number_behind(f->message, "(offset: ");
    if (line <= 0 || offset < 0) return;
    f->line = line;
    f->offset = offset;
    const char *mark = memmem(f->message.ptr, f->message.len, "(offset: ", 9);
    const char *end = memchr(mark, '\n', f->message.len - (size_t)(mark - f->message.ptr));
    if (end) f->message.len = (size_t)(end - f->message.ptr);
}

static void trim(df_str *text)
{
    const char *line = text->len ? memrchr(text->ptr, '\n', text->len) : NULL;
    if (line && text->ptr[text->len - 1] == '^')
        text->len = (size_t)(line - text->ptr); /* the mark below it */
    while (text->len && (isspace((unsigned char)text->ptr[text->len - 1]) || text->ptr[text->len - 1] == '.'))
        text->len--;
}

/* "42I06: Invalid input …": what is behind the status. */
static df_str without_status(df_str words)
{
    enum { STATUS = 5 };
    return words.len > STATUS + 2 && words.ptr[STATUS] == ':' ? df_str_skip(words, STATUS + 2) : words;
}

/* Where they are not among those that are told already, or begin as those do. */
static void put_words(df_buf *text, df_str words)
{
    enum { SAME = 24 };
    df_str said = without_status(words);
    size_t same = said.len < SAME ? said.len : SAME;
    if (!words.len || (text->len && memmem(text->ptr, text->len, said.ptr, same))) return;
    if (text->len) df_buf_text(text, "; ");
    df_buf_str_add(text, words);
}

static df_code put_causes(ps_reader cause, df_buf *text, failure *f, df_error *err)
{
    bool deeper = true;
    for (int i = 0; deeper && i < CAUSES_MOST; i++) {
        failure inner = {.offset = -1};
        ps_reader next = cause;
        DF_TRY(take_failure(&cause, &inner, &next, &deeper, err));
        df_str words = inner.message.len ? inner.message : inner.description;
        trim(&words);
        put_words(text, words);
        if (f->offset < 0 && inner.offset >= 0) f->offset = inner.offset, f->line = inner.line;
        cause = next;
    }
    return DF_OK;
}

static df_code put_message(df_str metadata, failure *f, df_buf *text, df_error *err)
{
    ps_reader reader = {metadata, 0}, cause = {DF_STR_NONE, 0};
    bool deeper;
    DF_TRY(take_failure(&reader, f, &cause, &deeper, err));
    position_of_text(f);
    df_str words = f->message.len ? f->message : f->description;
    trim(&words);
    put_words(text, words);
    if (deeper) DF_TRY(put_causes(cause, text, f, err));
    if (!text->len) df_buf_text(text, "the server gave no reason");
    if (f->status.len && !df_str_is(f->status, "50N42")) /* which only says that there is no better one */
        df_buf_printf(text, " (GQLSTATUS %.*s)", (int)(f->status.len < 8 ? f->status.len : 8), f->status.ptr);
    return DF_OK;
}

df_code bolt_error(df_str metadata, df_error *err)
{
    failure f = {.offset = -1};
    df_buf text = {0};
    df_code code = put_message(metadata, &f, &text, err);
    if (code == DF_OK) {
        char native[80];
        snprintf(native, sizeof native, "%.*s", f.code.len < sizeof native ? (int)f.code.len : 79,
                 f.code.ptr ? f.code.ptr : "");
        code = code_of(&f);
        df_engine_fail(err, code, native, df_buf_cstr(&text));
        hint(&f, code, err);
        if (err && f.offset >= 0 && f.line > 0) {
            err->sql_line = f.line < INT32_MAX ? (int32_t)f.line : 0;
            err->sql_offset = f.offset + 1;
        }
    }
    df_buf_release(&text);
    return code;
}

void bolt_error_at(df_str query, df_error *err)
{
    if (!err || err->sql_offset <= 0) return;
    size_t at = 0;
    for (int64_t units = err->sql_offset - 1; units > 0 && at < query.len;) {
        unsigned char c = (unsigned char)query.ptr[at++];
        units -= c >= 0xF0 ? 2 : 1; /* what UTF-8 has in four bytes UTF-16 has in two units */
        while (at < query.len && ((unsigned char)query.ptr[at] & 0xC0) == 0x80) at++;
    }
    df_engine_fail_at(err, query, at);
}
