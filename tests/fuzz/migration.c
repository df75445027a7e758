/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzing what is read out of migration files: the first byte chooses the layout, the second the dialect,
 * then come a file name up to a NUL and the text. Whatever they are: no crash, no leak, errors that name a
 * place, and texts that mean the same when they are read twice.
 */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds) abort();
}

static void try_names(const df_sql_dialect *dialect, df_str name, df_arena *arena)
{
    df_buf a = {0}, b = {0};
    mf_name parsed = mf_name_parse(name, dialect, arena);
    df_str half = mf_cut(name, 0, name.len / 2);
    if (parsed.cls == MF_SINGLE || parsed.cls == MF_PAIR)
        expect(parsed.version.len && parsed.name.ptr + parsed.name.len <= name.ptr + name.len &&
               parsed.id.len <= name.len);
    int order = df_version_compare(name, half), back = df_version_compare(half, name);
    expect((order > 0) == (back < 0) && (order == 0) == (back == 0) && df_version_compare(name, name) == 0);
    mf_version_key(name, &a);
    mf_version_key(half, &b);
    expect(df_str_eq(df_buf_str(&a), df_buf_str(&b)) == (order == 0));
    int64_t numbers[4];
    (void)mf_version_numbers(name, numbers, 4);
    (void)mf_next_version(DF_LAYOUT_NATIVE, parsed.version, false, 1800000000000, arena);
    df_buf_release(&a);
    df_buf_release(&b);
}

/* What Cypher has more: block headers, preconditions that say the same when they are written again,
 * checksums. */
static void try_cypher(mf_set *s, const mf_file *file, df_str text)
{
    df_migration m = {.version = DF_STR("1")}, again = {0};
    df_error err = {0};
    df_buf written = {0};
    char sum[12];
    mf_block_header(s, file, text, &m);
    expect(!m.meta.n_dependencies || m.meta.json.ptr);
    df_code code = mf_preconditions(s, file, text, &m, &err);
    expect(code == DF_OK || (err.message[0] && err.line > 0));
    for (size_t i = 0; i < m.n_preconditions; i++) {
        df_buf_text(&written, "// ");
        df_precondition_text(&m.preconditions[i], &written);
        df_buf_char(&written, '\n');
        (void)df_precondition_holds(&m.preconditions[i], DF_STR("5.26.30"), DF_STR("community"));
    }
    if (code == DF_OK)
        expect(mf_preconditions(s, file, df_buf_str(&written), &again, &err) == DF_OK &&
               again.n_preconditions == m.n_preconditions);
    for (size_t i = 0; code == DF_OK && i < m.n_preconditions; i++)
        expect(df_str_eq(m.preconditions[i].value, again.preconditions[i].value));
    if (df_neo4j_migrations_checksum(text, sum))
        expect(strlen(sum) < sizeof sum && df_neo4j_migrations_checksum_is(text, df_str_from(sum)));
    df_buf_release(&written);
    /* A catalog: what it is read as can be split, but for texts of its own that do not end. */
    mf_file xml = {.role = MF_UP, .path = "V1__fuzz.xml"};
    df_str statements;
    const char *const *clearing;
    df_migration read = {0};
    code = mf_catalog_text(s, &xml, text, &read, &statements, &clearing, &err);
    expect(code == DF_OK || (err.message[0] && err.code != DF_BUG && err.line > 0));
    expect(mf_preconditions(s, &xml, text, &again, &err) == DF_OK || err.line > 0);
}

/* A changelog in XML: each changeset can be cut, in as many lines as it says. */
static void try_changelog(mf_set *s, df_str text)
{
    df_keymap ids = {0}, included = {0};
    df_error err = {0};
    size_t others = 0, first = s->n_drafts;
    mf_changelog c = {.s = s, .path = "fuzz.xml", .given = "fuzz.xml", .text = text, .ids = &ids, .included = &included, .others = &others};
    df_code code = mf_xml_changelog(&c, &err);
    expect(code == DF_OK || (err.message[0] && err.code != DF_BUG && err.line > 0));
    for (size_t i = first; i < s->n_drafts; i++) {
        df_migration m = {.up = {.lock_ms = -1, .statement_ms = -1}, .down = {.lock_ms = -1, .statement_ms = -1}};
        const mf_file *file = &s->drafts[i].files[0];
        df_steps steps;
        df_arena arena = {0};
        df_section section;
        code = mf_cut_changeset(s, file, file->text, &m, &err);
        expect(code == DF_OK || (err.message[0] && err.line > 0));
        for (int way = 0; code == DF_OK && way < 2; way++) {
            section = way ? m.down : m.up;
            if (df_section_steps(&s->set, &section, NULL, &arena, &steps, &err) != DF_OK) continue;
            for (size_t k = 0; k < steps.count; k++) expect(steps.items[k].statement.line > file->line);
        }
        df_arena_release(&arena);
    }
    df_keymap_release(&ids);
    df_keymap_release(&included);
}

/* Steps with and without values have one checksum; a section that was kept says the same. */
static void try_section(mf_set *s, const df_section *section, df_arena *arena)
{
    static const df_placeholder items[] = {{"a", "1"}, {"schema", "x;y"}};
    static const df_placeholders values = {items, 2, true};
    df_error err = {0};
    df_steps plain, filled, again;
    df_section kept;
    df_buf text = {0};
    df_code code = df_section_steps(&s->set, section, NULL, arena, &plain, &err);
    expect(code == DF_OK || (err.message[0] && err.code != DF_BUG && err.line > 0));
    if (code == DF_OK && df_section_steps(&s->set, section, &values, arena, &filled, &err) == DF_OK)
        expect(filled.count == plain.count && strcmp(filled.checksum, plain.checksum) == 0);
    df_section_text(section, &text);
    /* With parts, what stood in several files is one text: a statement may reach over their border. */
    if (code == DF_OK && section->present && !section->n_parts &&
        df_section_of_text(&s->set, df_buf_str(&text), "kept", &kept, &err) == DF_OK) {
        kept.no_transaction = section->no_transaction;
        expect(df_section_steps(&s->set, &kept, NULL, arena, &again, &err) == DF_OK &&
               again.count == plain.count && strcmp(again.checksum, plain.checksum) == 0);
    }
    df_buf_release(&text);
}

static void try_text(mf_set *s, df_str text, mf_role role)
{
    mf_file file = {.role = role, .path = "fuzz.sql"};
    df_migration m = {.up = {.lock_ms = -1, .statement_ms = -1}, .down = {.lock_ms = -1, .statement_ms = -1}};
    df_error err = {0};
    df_arena arena = {0};
    (void)mf_marks(s->set.dialect, text);
    try_cypher(s, &file, text);
    if (s->set.dialect == &df_sql_cypher) try_changelog(s, text);
    df_code code = mf_refuse_foreign(s, &file, text, &err);
    if (code == DF_OK) code = mf_header(s, &file, text, &m.meta, &err);
    expect(code == DF_OK || (err.message[0] && err.code != DF_BUG && err.line > 0));
    code = DF_OK;
    if (role == MF_BOTH) {
        code = mf_cut_sections(s, &file, text, &m, &err);
    } else {
        m.up = mf_whole_section(s, &file, text);
        code = mf_directives(s, s->set.dialect, &m.up, DF_STR_NONE, file.path, &err);
    }
    expect(code == DF_OK || (err.message[0] && err.code != DF_BUG && err.line > 0));
    if (code == DF_OK) {
        expect(m.up.present);
        try_section(s, &m.up, &arena);
        try_section(s, &m.down, &arena);
    }
    df_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const df_sql_dialect *const dialects[] = {&df_sql_postgres, &df_sql_sqlite, &df_sql_mariadb,
                                                     &df_sql_cypher};
    if (size < 2) return 0;
    mf_set s = {.fd = -1};
    s.set.layout = (df_layout)(1 + data[0] % (DF_LAYOUT_COUNT - 1));
    s.set.dialect = dialects[data[1] % 4];
    s.set.folder = "fuzz";
    df_str rest = {(const char *)data + 2, size - 2};
    const char *nul = memchr(rest.ptr, '\0', rest.len);
    char *name =
        df_strdup(mf_cut(rest, 0, nul ? (size_t)(nul - rest.ptr) : 0)); /* exactly as long as it is */
    rest = nul ? df_str_skip(rest, strlen(name) + 1) : rest;
    char *text = df_alloc(rest.len + 1);
    memcpy(text, rest.ptr, rest.len);
    text[rest.len] = '\0';
    if (!memchr(text, '\0', rest.len)) {
        try_text(&s, (df_str){text, rest.len}, MF_BOTH);
        try_text(&s, (df_str){text, rest.len}, MF_UP);
    }
    df_arena scratch = {0};
    try_names(s.set.dialect, df_str_from(name), &scratch);
    df_arena_release(&scratch);
    free(name);
    free(text);
    if (s.json) df_json_parser_close(s.json);
    free(s.set.findings);
    free(s.drafts);
    df_arena_release(&s.set.arena);
    return 0;
}
