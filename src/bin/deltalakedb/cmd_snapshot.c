/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct snapshot_args {
    const char *table_id, *url, *timestamp;
    int64_t version;
} snapshot_args;

static const cli_option option_table[] = {
    OPERAND_TABLE_ID(snapshot_args),
    OPTION_DATABASE_URL(snapshot_args),
    OPTION_AS_OF(snapshot_args),
    {0},
};

/* What only programs read: schema, features, transactions. */
static void add_json(cli_context *cli, const delta_state *s)
{
    df_json_writer *w = cli_json(cli);
    df_json_add_raw(w, "schema", s->metadata.schema);
    df_json_add_raw(w, "partition_columns", s->metadata.partition_columns);
    df_json_add_raw(w, "configuration", s->metadata.configuration);
    df_json_add_int(w, "min_reader_version", s->protocol.min_reader_version);
    df_json_add_int(w, "min_writer_version", s->protocol.min_writer_version);
    df_json_add_raw(w, "reader_features", s->protocol.reader_features);
    df_json_add_raw(w, "writer_features", s->protocol.writer_features);
    df_json_begin(w, "transactions", '{');
    for (size_t i = 0; i < s->n_txns; i++)
        df_json_add_int(w, df_arena_cstr(&cli->arena, s->txns[i].app_id), s->txns[i].version);
    df_json_end(w, '}');
    df_json_begin(w, "domains", '[');
    for (size_t i = 0; i < s->n_domains; i++) df_json_add_str(w, NULL, s->domains[i].domain);
    df_json_end(w, ']');
}

static void add_text(cli_context *cli, cli_view *record, const delta_state *s)
{
    cli_put_str(cli_field(record, NULL, "Partitioned by"), s->metadata.partition_columns);
    cli_put_format(cli_field(record, NULL, "Protocol"), "reader %lld, writer %lld",
                   (long long)s->protocol.min_reader_version, (long long)s->protocol.min_writer_version);
    if (s->protocol.reader_features.ptr)
        cli_put_str(cli_field(record, NULL, "Reader features"), s->protocol.reader_features);
    if (s->protocol.writer_features.ptr)
        cli_put_str(cli_field(record, NULL, "Writer features"), s->protocol.writer_features);
    for (size_t i = 0; i < s->n_txns; i++)
        cli_put_format(cli_field(record, NULL, i ? "" : "Transactions"), "%.*s: %lld",
                       DF_FMT(s->txns[i].app_id), (long long)s->txns[i].version);
    for (size_t i = 0; i < s->n_domains; i++)
        cli_put_str(cli_field(record, NULL, i ? "" : "Domains"), s->domains[i].domain);
}

static void show(cli_context *cli, const delta_table *table, const delta_state *s)
{
    const delta_version_row *v = &s->version;
    cli_view *record = cli_record(cli, NULL);
    char digest[33];
    df_hash_hex(v->digest, digest);
    cli_put_str(cli_field(record, "table_id", "Table"), table->table_id);
    cli_put_str(cli_field(record, "location", "Location"), table->location);
    cli_put_int(cli_field(record, "version", "Version"), v->version);
    cli_put_time(cli_field(record, "timestamp", "Committed"), v->timestamp);
    cli_put_int(cli_field(record, "timestamp_ms", NULL), v->timestamp);
    cli_put_str(cli_field(record, "operation", "Operation"), v->operation);
    cli_put_count(cli_field(record, "num_files", "Files"), v->num_files);
    cli_put_bytes(cli_field(record, "size_in_bytes", "Size"), v->size_in_bytes);
    put_count_or_null(cli_field(record, "num_records", "Records"), v->num_records);
    cli_put_count(cli_field(record, "deletion_vector_files", "Files with deletion vectors"),
                  v->deletion_vector_files);
    cli_put_count(cli_field(record, "deleted_records", "Records deleted by them"), v->deleted_records);
    cli_put_count(cli_field(record, "tombstones", "Tombstones"), v->tombstones);
    cli_put_str(cli_field(record, "name", NULL), s->metadata.name);
    cli_put_str(cli_field(record, "metadata_id", NULL), s->metadata.id);
    cli_put_str(cli_field(record, "flag", table->flag.ptr ? "Flag" : NULL), table->flag);
    cli_put_text(cli_field(record, "state_digest", "Digest"), digest);
    if (cli->json)
        add_json(cli, s);
    else
        add_text(cli, record, s);
    cli_done(record);
}

static int run(cli_context *cli, const void *values)
{
    const snapshot_args *args = values;
    delta_as_of as_of;
    delta_catalog *catalog;
    delta_table table;
    delta_state state = {0};
    df_error err = {0};
    if (parse_as_of(args->version, args->timestamp, &as_of, &err) != DF_OK ||
        open_for_asking(cli, args->url, args->table_id, &catalog, &table, &err) != DF_OK)
        return cli_fail(cli, &err);
    df_code code = delta_state_at(catalog, &table, as_of, &cli->arena, &state, &err);
    if (code == DF_OK) show(cli, &table, &state);
    delta_catalog_close(catalog);
    return code == DF_OK ? 0 : cli_fail(cli, &err);
}

const cli_command snapshot_command = {
    .name = "snapshot",
    .group = "Ask the catalog",
    .help = "show a table's state: counts, sizes, protocol, transactions",
    .manual = "A few indexed rows, whatever the table's size: nothing is replayed.",
    .examples = "deltalakedb snapshot orders --database-url sqlite:catalog.db\n"
                "deltalakedb snapshot orders --database-url sqlite:catalog.db --timestamp 2026-11-20 --json",
    .options = option_table,
    .values_size = sizeof(snapshot_args),
    .run = run,
};
