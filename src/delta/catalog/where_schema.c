/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a column in a table's schema, and what its type means for comparing. */
#include "delta/catalog/where_int.h"

#include <stdio.h>
#include <strings.h>

enum { MAX_DEPTH = 64, SUGGESTIONS = 3, MAX_NAME = 128 };

df_code where_schema_open(where_schema *schema, const delta_metadata *metadata, df_error *err)
{
    *schema = (where_schema){.parser = df_json_parser_open(), .partition_parser = df_json_parser_open()};
    df_json configuration;
    df_code code = DF_OK;
    if (metadata->configuration.len) {
        code = df_json_parse(schema->parser, metadata->configuration, &configuration, err);
        if (code == DF_OK) {
            df_str mode = df_json_str(df_json_get(configuration, "delta.columnMapping.mode"));
            schema->mapped = df_str_is(mode, "name") || df_str_is(mode, "id");
        }
    }
    if (code == DF_OK && metadata->partition_columns.len)
        code = df_json_parse(schema->partition_parser, metadata->partition_columns,
                             &schema->partition_columns, err);
    if (code == DF_OK) code = df_json_parse(schema->parser, metadata->schema, &schema->root, err);
    if (code == DF_OK && df_json_typeof(df_json_get(schema->root, "fields")) != DF_JSON_ARRAY)
        code = df_fail(err, DF_CORRUPT, "the table's schema is not a struct type");
    if (code == DF_OK) return DF_OK;
    if (err && err->code != DF_OK) df_error_prefix(err, "reading the table's schema");
    where_schema_close(schema);
    return code;
}

void where_schema_close(where_schema *schema)
{
    df_json_parser_close(schema->parser);
    df_json_parser_close(schema->partition_parser);
    *schema = (where_schema){0};
}

/* ---- types ---- */

static bool decimal_type(df_str text, delta_type *type)
{
    unsigned precision = 10, scale = 0;
    if (!df_str_is(text, "decimal")) {
        char buffer[32];
        if (text.len >= sizeof buffer) return false;
        memcpy(buffer, text.ptr, text.len);
        buffer[text.len] = '\0';
        int used = 0;
        if (sscanf(buffer, "decimal( %2u , %2u )%n", &precision, &scale, &used) != 2 ||
            (size_t)used != text.len)
            return false;
    }
    if (precision < 1 || precision > 38 || scale > precision) return false;
    type->id = DELTA_TYPE_DECIMAL;
    type->kind = precision <= 18 ? DELTA_KIND_INT : DELTA_KIND_TEXT;
    type->precision = precision;
    type->scale = scale;
    return true;
}

/* n of "char(n)", 0 for anything else. */
static unsigned char_length(df_str text)
{
    int64_t n;
    if (!df_str_starts(text, DF_STR("char(")) || !df_str_ends(text, DF_STR(")"))) return 0;
    return df_str_int64((df_str){text.ptr + 5, text.len - 6}, &n) && n > 0 && n <= 65535 ? (unsigned)n : 0;
}

static bool was_float(df_json field_metadata)
{
    df_json_iter it = df_json_each(df_json_get(field_metadata, "delta.typeChanges"));
    while (df_json_next(&it))
        if (df_str_is(df_json_str(df_json_get(it.value, "fromType")), "float")) return true;
    return false;
}

static delta_type type_of(df_json field)
{
    static const struct {
        const char *name;
        delta_type_id id;
        delta_kind kind;
    } names[] = {
        {"boolean", DELTA_TYPE_BOOLEAN, DELTA_KIND_INT},
        {"byte", DELTA_TYPE_INTEGER, DELTA_KIND_INT},
        {"short", DELTA_TYPE_INTEGER, DELTA_KIND_INT},
        {"integer", DELTA_TYPE_INTEGER, DELTA_KIND_INT},
        {"long", DELTA_TYPE_INTEGER, DELTA_KIND_INT},
        {"float", DELTA_TYPE_FLOAT, DELTA_KIND_REAL},
        {"double", DELTA_TYPE_DOUBLE, DELTA_KIND_REAL},
        {"string", DELTA_TYPE_STRING, DELTA_KIND_TEXT},
        {"binary", DELTA_TYPE_BINARY, DELTA_KIND_TEXT},
        {"date", DELTA_TYPE_DATE, DELTA_KIND_INT},
        {"timestamp", DELTA_TYPE_TIMESTAMP, DELTA_KIND_INT},
        {"timestamp_ntz", DELTA_TYPE_TIMESTAMP_NTZ, DELTA_KIND_INT},
        {"timestamp_without_time_zone", DELTA_TYPE_TIMESTAMP_NTZ, DELTA_KIND_INT},
    };
    delta_type type = {0};
    df_str text = df_json_str(df_json_get(field, "type"));
    df_json metadata = df_json_get(field, "metadata");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!df_str_is(text, names[i].name)) continue;
        type.id = names[i].id;
        type.kind = names[i].kind;
    }
    if (df_str_starts(text, DF_STR("decimal"))) decimal_type(text, &type);
    df_str declared = df_json_str(df_json_get(metadata, "__CHAR_VARCHAR_TYPE_STRING"));
    if (df_str_starts(text, DF_STR("char(")) || df_str_starts(text, DF_STR("varchar("))) {
        type.id = DELTA_TYPE_STRING;
        type.kind = DELTA_KIND_TEXT;
        declared = text;
    } else if (df_str_starts(text, DF_STR("string collate"))) {
        type.id = DELTA_TYPE_STRING;
        type.kind = DELTA_KIND_TEXT;
        type.unordered = true;
    }
    if (type.id == DELTA_TYPE_STRING) {
        type.char_length = char_length(declared);
        if (df_json_get(metadata, "__COLLATIONS").at) type.unordered = true;
    }
    type.single = type.id == DELTA_TYPE_FLOAT || (type.id == DELTA_TYPE_DOUBLE && was_float(metadata));
    return type;
}

/* Bounds made for one kind name can serve every type of that kind name. */
static df_str kind_name(const delta_type *type, df_arena *arena)
{
    switch (type->id) {
    case DELTA_TYPE_BOOLEAN: return DF_STR("boolean");
    case DELTA_TYPE_INTEGER: return DF_STR("integer");
    case DELTA_TYPE_FLOAT: return DF_STR("float");
    case DELTA_TYPE_DOUBLE: return type->single ? DF_STR("float") : DF_STR("double");
    case DELTA_TYPE_DATE: return DF_STR("date");
    case DELTA_TYPE_TIMESTAMP: return DF_STR("timestamp");
    case DELTA_TYPE_TIMESTAMP_NTZ: return DF_STR("timestamp_ntz");
    case DELTA_TYPE_STRING: return type->unordered ? DF_STR("other") : DF_STR("string");
    case DELTA_TYPE_DECIMAL:
        return df_str_from(df_arena_printf(
            arena, "%s(%u)", type->kind == DELTA_KIND_INT ? "decimal" : "wide decimal", type->scale));
    case DELTA_TYPE_BINARY:
    case DELTA_TYPE_OTHER: break;
    }
    return DF_STR("other");
}

/* ---- names ---- */

static bool same_ignoring_case(df_str a, df_str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

/* The struct whose fields a part of a name may name: a field's type, or the schema itself. */
static df_json fields_of(df_json struct_type)
{
    return df_str_is(df_json_str(df_json_get(struct_type, "type")), "struct")
               ? df_json_get(struct_type, "fields")
               : (df_json){0};
}

static where_found find_field(df_json fields, df_str name, df_json *out, df_buf *advice)
{
    df_json_iter it = df_json_each(fields);
    size_t alike = 0;
    df_buf names = {0};
    while (df_json_next(&it)) {
        df_str candidate = df_json_str(df_json_get(it.value, "name"));
        if (!candidate.ptr || !same_ignoring_case(candidate, name)) continue;
        *out = it.value;
        if (df_str_eq(candidate, name)) {
            df_buf_release(&names);
            return WHERE_FOUND;
        }
        df_buf_printf(&names, "%s%.*s", alike++ ? ", " : "", DF_FMT(candidate));
    }
    if (alike > 1) df_buf_printf(advice, "write it exactly as one of: %.*s", DF_FMT(df_buf_str(&names)));
    df_buf_release(&names);
    return alike == 1 ? WHERE_FOUND : alike ? WHERE_AMBIGUOUS : WHERE_NO_SUCH;
}

typedef struct suggestion {
    size_t distance;
    df_str name;
} suggestion;

typedef struct suggester {
    df_str wanted;
    df_arena arena;
    suggestion best[SUGGESTIONS];
    size_t n_best;
    df_buf first; /* the first columns, when none is near */
    size_t n_columns;
} suggester;

/* Edit distance without regard to case; names longer than MAX_NAME are far from everything. */
static size_t distance(df_str a, df_str b)
{
    if (a.len > MAX_NAME || b.len > MAX_NAME) return SIZE_MAX;
    size_t row[MAX_NAME + 1];
    for (size_t j = 0; j <= b.len; j++) row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change =
                diagonal + !same_ignoring_case((df_str){a.ptr + i - 1, 1}, (df_str){b.ptr + j - 1, 1});
            diagonal = row[j];
            size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < step ? change : step;
        }
    }
    return row[b.len];
}

static void suggest(suggester *s, df_str name)
{
    if (s->n_columns++ < 8) df_buf_printf(&s->first, "%s%.*s", s->n_columns > 1 ? ", " : "", DF_FMT(name));
    size_t far = distance(s->wanted, name);
    if (far > s->wanted.len / 3 + 1 || far >= s->wanted.len) return;
    size_t at = s->n_best;
    while (at && s->best[at - 1].distance > far) at--;
    if (at == SUGGESTIONS) return;
    if (s->n_best < SUGGESTIONS) s->n_best++;
    for (size_t i = s->n_best - 1; i > at; i--) s->best[i] = s->best[i - 1];
    s->best[at] = (suggestion){far, df_arena_str(&s->arena, name)};
}

static void suggest_fields(suggester *s, df_json fields, df_str parent, unsigned depth)
{
    df_json_iter it = df_json_each(fields);
    while (depth < MAX_DEPTH && df_json_next(&it)) {
        df_str name = df_json_str(df_json_get(it.value, "name"));
        if (!name.ptr) continue;
        if (parent.len)
            name = df_str_from(df_arena_printf(&s->arena, "%.*s.%.*s", DF_FMT(parent), DF_FMT(name)));
        df_json nested = fields_of(df_json_get(it.value, "type"));
        if (nested.at)
            suggest_fields(s, nested, name, depth + 1);
        else
            suggest(s, name);
    }
}

static void advise_names(const where_schema *schema, df_str wanted, df_buf *advice)
{
    suggester s = {.wanted = wanted};
    suggest_fields(&s, df_json_get(schema->root, "fields"), DF_STR(""), 0);
    if (s.n_best) df_buf_text(advice, "did you mean ");
    for (size_t i = 0; i < s.n_best; i++)
        df_buf_printf(advice, "%s%.*s", !i ? "" : i + 1 < s.n_best ? ", " : " or ", DF_FMT(s.best[i].name));
    if (s.n_best)
        df_buf_char(advice, '?');
    else if (s.n_columns)
        df_buf_printf(advice, "columns are: %.*s%s", DF_FMT(df_buf_str(&s.first)),
                      s.n_columns > 8 ? ", …" : "");
    else
        df_buf_text(advice, "the table has no columns");
    df_buf_release(&s.first);
    df_arena_release(&s.arena);
}

static bool is_partition_column(const where_schema *schema, df_str name)
{
    df_json_iter it = df_json_each(schema->partition_columns);
    bool alike = false;
    while (df_json_next(&it)) {
        df_str column = df_json_str(it.value);
        if (column.ptr && df_str_eq(column, name)) return true;
        alike = alike || (column.ptr && same_ignoring_case(column, name));
    }
    return alike;
}

static df_str physical_name(const where_schema *schema, df_json field)
{
    df_str physical =
        df_json_str(df_json_get(df_json_get(field, "metadata"), "delta.columnMapping.physicalName"));
    return schema->mapped && physical.ptr ? physical : df_json_str(df_json_get(field, "name"));
}

/* Parts joined by dots; `unique`: as a JSON array when that could be read in two ways. */
static df_str join(df_arena *arena, const df_str *parts, size_t n_parts, bool unique)
{
    df_buf text = {0};
    bool array = false;
    for (size_t i = 0; unique && i < n_parts; i++)
        array =
            array || (parts[i].len && (parts[i].ptr[0] == '[' || memchr(parts[i].ptr, '.', parts[i].len)));
    if (array) df_buf_char(&text, '[');
    for (size_t i = 0; i < n_parts; i++) {
        if (i) df_buf_char(&text, array ? ',' : '.');
        if (array)
            df_json_put_str(&text, parts[i]);
        else
            df_buf_str_add(&text, parts[i]);
    }
    if (array) df_buf_char(&text, ']');
    df_str out = df_arena_str(arena, df_buf_str(&text));
    df_buf_release(&text);
    return out;
}

where_found where_resolve(const where_schema *schema, const df_str *parts, size_t n_parts, df_arena *arena,
                          delta_where_column *out, df_buf *advice)
{
    *out = (delta_where_column){.path = df_arena_alloc(arena, n_parts * sizeof(df_str)), .n_path = n_parts};
    df_str *names = df_arena_alloc(arena, n_parts * sizeof(df_str));
    df_json fields = df_json_get(schema->root, "fields"), field = {0};
    for (size_t i = 0; i < n_parts; i++) {
        where_found found = find_field(fields, parts[i], &field, advice);
        if (found != WHERE_FOUND) {
            if (found == WHERE_NO_SUCH) advise_names(schema, join(arena, parts, n_parts, false), advice);
            return found;
        }
        names[i] = df_arena_str(arena, df_json_str(df_json_get(field, "name")));
        out->path[i] = df_arena_str(arena, physical_name(schema, field));
        fields = fields_of(df_json_get(field, "type"));
    }
    out->name = join(arena, names, n_parts, false);
    out->key = join(arena, out->path, n_parts, true);
    out->type = type_of(field);
    out->partition = n_parts == 1 && is_partition_column(schema, names[0]);
    out->kind_name = kind_name(&out->type, arena);
    return WHERE_FOUND;
}
