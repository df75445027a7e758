/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct schema_args {
    const char *table_id, *url, *timestamp;
    int64_t version;
} schema_args;

static const cli_option option_table[] = {
    OPERAND_TABLE_ID(schema_args),
    OPTION_DATABASE_URL(schema_args),
    OPTION_AS_OF(schema_args),
    {0},
};

enum { DEEPEST = 64 };

static const char *physical_name(cli_context *cli, df_json field)
{
    df_json metadata = df_json_get(field, "metadata");
    df_str name = df_json_str(df_json_get(metadata, "delta.columnMapping.physicalName"));
    return name.ptr ? df_arena_cstr(&cli->arena, name) : NULL;
}

/* "decimal(10,2)", "array<struct>", "map<string, long>" */
static void put_type(df_buf *out, df_json type, int depth)
{
    if (df_json_typeof(type) == DF_JSON_STRING || depth > DEEPEST) {
        df_buf_str_add(out, df_json_str(type));
        return;
    }
    df_str name = df_json_str(df_json_get(type, "type"));
    df_buf_str_add(out, name);
    if (df_str_is(name, "array")) {
        df_buf_char(out, '<');
        put_type(out, df_json_get(type, "elementType"), depth + 1);
        df_buf_char(out, '>');
    } else if (df_str_is(name, "map")) {
        df_buf_char(out, '<');
        put_type(out, df_json_get(type, "keyType"), depth + 1);
        df_buf_text(out, ", ");
        put_type(out, df_json_get(type, "valueType"), depth + 1);
        df_buf_char(out, '>');
    }
}

/* The struct whose fields stand below a field: itself a struct, or an array's or map's element. */
static df_json struct_below(df_json type, int depth)
{
    for (; depth < DEEPEST; depth++) {
        df_str name = df_json_str(df_json_get(type, "type"));
        if (df_str_is(name, "struct")) return type;
        if (df_str_is(name, "array"))
            type = df_json_get(type, "elementType");
        else if (df_str_is(name, "map"))
            type = df_json_get(type, "valueType");
        else
            break;
    }
    return (df_json){0};
}

static bool is_partition(df_str partition_columns, df_str name)
{
    df_buf quoted = {0};
    df_json_put_str(&quoted, name);
    bool found =
        partition_columns.ptr && memmem(partition_columns.ptr, partition_columns.len, quoted.ptr, quoted.len);
    df_buf_release(&quoted);
    return found;
}

static void put_fields(cli_context *cli, cli_view *rows, df_json fields, df_str partition_columns,
                       const char *prefix, int depth)
{
    df_json_iter it = df_json_each(fields);
    df_buf type = {0};
    while (depth < DEEPEST && df_json_next(&it)) {
        df_str name = df_json_str(df_json_get(it.value, "name"));
        bool nullable = true;
        df_json_bool(df_json_get(it.value, "nullable"), &nullable);
        type.len = 0;
        put_type(&type, df_json_get(it.value, "type"), 0);
        const char *path = df_arena_printf(&cli->arena, "%s%.*s", prefix, DF_FMT(name));
        cli_put_text(rows, path);
        cli_put_str(rows, df_buf_str(&type));
        cli_put_bool(rows, nullable);
        cli_put_bool(rows, depth == 0 && is_partition(partition_columns, name));
        cli_put_text(rows, physical_name(cli, it.value));
        df_json below = struct_below(df_json_get(it.value, "type"), depth);
        if (below.at)
            put_fields(cli, rows, df_json_get(below, "fields"), partition_columns,
                       df_arena_printf(&cli->arena, "%s.", path), depth + 1);
    }
    df_buf_release(&type);
}

static df_code show(cli_context *cli, const delta_state *s, df_error *err)
{
    static const cli_column columns[] = {
        {.name = "name", .title = "COLUMN", .cut = CLI_CUT_NEVER},
        {.name = "type", .title = "TYPE", .cut = CLI_CUT_END},
        {.name = "nullable", .title = "NULLABLE"},
        {.name = "partition", .title = "PARTITION"},
        {.name = "physical_name", .title = "PHYSICAL NAME"},
    };
    df_json_parser *parser = df_json_parser_open();
    df_json root;
    df_code code = df_json_parse(parser, s->metadata.schema, &root, err);
    if (code == DF_OK) {
        cli_view *record = cli->json ? cli_record(cli, NULL) : NULL;
        if (record) {
            cli_put_int(cli_field(record, "version", NULL), s->version.version);
            cli_put_raw(cli_field(record, "schema", NULL), s->metadata.schema);
            cli_put_raw(cli_field(record, "partition_columns", NULL), s->metadata.partition_columns);
        }
        cli_view *rows = cli_rows(cli, "columns", columns, 5, CLI_AUTO);
        put_fields(cli, rows, df_json_get(root, "fields"), s->metadata.partition_columns, "", 0);
        cli_done(rows);
        if (record) cli_done(record);
    } else {
        df_error_prefix(err, "the schema of version %lld", (long long)s->version.version);
    }
    df_json_parser_close(parser);
    return code;
}

static int run(cli_context *cli, const void *values)
{
    const schema_args *args = values;
    delta_as_of as_of;
    delta_catalog *catalog;
    delta_table table;
    delta_state state;
    df_error err = {0};
    if (parse_as_of(args->version, args->timestamp, &as_of, &err) != DF_OK ||
        open_for_asking(cli, args->url, args->table_id, &catalog, &table, &err) != DF_OK)
        return cli_fail(cli, &err);
    df_code code = delta_state_at(catalog, &table, as_of, &cli->arena, &state, &err);
    delta_catalog_close(catalog);
    if (code == DF_OK) code = show(cli, &state, &err);
    return code == DF_OK ? 0 : cli_fail(cli, &err);
}

const cli_command schema_command = {
    .name = "schema",
    .group = "Ask the catalog",
    .help = "show a table's columns, also as they were",
    .examples = "deltalakedb schema orders --database-url sqlite:catalog.db --version 3",
    .options = option_table,
    .values_size = sizeof(schema_args),
    .run = run,
};
