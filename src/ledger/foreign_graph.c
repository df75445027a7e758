/* SPDX-License-Identifier: Apache-2.0 */
/* Other tools' histories in a graph, and the one among them that can be gone back to whole: a chain of nodes,
 * in the order of versions. */
#include "ledger/foreign.h"

#include "ledger_foreign_neo4j.h"

const foreign_tool foreign_graph_tools[] = {
    {DF_LAYOUT_NEO4J_MIGRATIONS, "__Neo4jMigration", "version", "", .read = SQL_read_chain},
    {DF_LAYOUT_LIQUIBASE, "__LiquibaseChangeSet", "id author changeLog", "", .read = SQL_read_liquibase},
    {DF_LAYOUT_NATIVE, "Migration", "filename checksum status", "", .read = SQL_read_nodes},
    {DF_LAYOUT_PAIRS, "SchemaMigration", "version dirty", "", .read = SQL_read_schema_migration, .only_newest = true, .clear = SQL_clear_schema_migration, .put = SQL_put_schema_migration},
    {0},
};

/* What the chain has of it; NULL: nothing. A repeatable one is known by its description. */
static const df_foreign_row *their_row(const handing *h, const df_migration *m)
{
    for (size_t i = 0; i < h->foreign->count; i++) {
        const df_foreign_row *row = &h->foreign->rows[i];
        bool repeatable = m->kind == DF_REPEATABLE;
        if (repeatable != !row->version.len) continue;
        if (repeatable ? foreign_is_description(row->name, m->name)
                       : df_version_compare(row->version, m->version) == 0)
            return row;
    }
    return NULL;
}

static df_code checksum_of(handing *h, df_migration *m, char out[12], df_error *err)
{
    df_buf file = {0};
    df_code code = foreign_read_up(h, m, &file, err);
    bool made = code == DF_OK && df_neo4j_migrations_checksum(file.len ? df_buf_str(&file) : DF_STR(""), out);
    df_buf_release(&file);
    if (code != DF_OK || made) return code;
    return df_fail(
        err, DF_UNSUPPORTED,
        "its checksum in that tool is not known: it is a catalog, or has \":use\" inside of a statement");
}

static df_value user_of(const handing *h)
{
    return df_v_text(*h->ledger->session.user ? h->ledger->session.user : h->ledger->actor);
}

/* `previous`: the version that it stands behind. */
static df_code put(handing *h, df_str previous, df_migration *m, const df_applied *row, df_error *err)
{
    char sum[12];
    DF_TRY(checksum_of(h, m, sum, err));
    df_value values[] = {df_v_str(previous),
                         df_v_str(m->version),
                         df_v_str(foreign_description(m->name, &h->arena)),
                         df_v_bool(m->kind == DF_REPEATABLE),
                         df_v_str(foreign_file_name(m->file)),
                         df_v_text(sum),
                         df_v_int(row->applied_ms),
                         df_v_int(row->duration_ms < 0 ? 0 : row->duration_ms),
                         ledger_name(row->applied_by),
                         user_of(h)};
    size_t before = h->written;
    DF_TRY(foreign_run(h, SQL_put_chain, values, sizeof values / sizeof *values, err));
    if (h->written > before) return DF_OK;
    return df_fail(err, DF_CORRUPT, "the chain has no version %.*s", DF_FMT(previous));
}

/* Run again since with another text. */
static df_code repeat(handing *h, df_migration *m, const df_applied *row, const df_foreign_row *theirs,
                      df_error *err)
{
    char sum[12];
    if (m->kind != DF_REPEATABLE || row->applied_ms <= theirs->applied_ms) return DF_OK;
    DF_TRY(checksum_of(h, m, sum, err));
    if (df_str_is(theirs->checksum, sum)) return DF_OK;
    df_value values[] = {df_v_str(m->version),         df_v_text(sum),
                         df_v_int(row->applied_ms),    df_v_int(row->duration_ms < 0 ? 0 : row->duration_ms),
                         ledger_name(row->applied_by), user_of(h)};
    return foreign_run(h, SQL_repeat_chain, values, sizeof values / sizeof *values, err);
}

df_code foreign_write_chain(handing *h, df_error *err)
{
    df_str previous = DF_STR("BASELINE");
    for (size_t i = 0; i < h->set->count; i++) {
        df_migration *m = &h->set->items[i];
        const df_applied *row = foreign_our_row(h, m);
        const df_foreign_row *theirs = their_row(h, m);
        bool applied = row && row->status == DF_APPLIED_COMPLETED,
             gone = row && row->status == DF_APPLIED_ROLLED_BACK;
        df_code code = DF_OK;
        if (!m->version.len || m->kind == DF_BASELINE) continue;
        if (applied && !theirs) code = put(h, previous, m, row, err);
        if (applied && theirs) code = repeat(h, m, row, theirs, err);
        if (gone && theirs)
            code = foreign_run(h, SQL_take_chain, &(df_value){.type = DF_TEXT, .s = m->version}, 1, err);
        if (code != DF_OK) return df_error_prefix(err, "%.*s", DF_FMT(m->id));
        if (applied || (theirs && !gone)) previous = m->version;
    }
    return DF_OK;
}
