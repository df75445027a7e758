/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of a section: split, hashed, with placeholders, in batches, kept as text and read again. */
#include "folder.h"
#include "migration/files/files_int.h"

#include "base/digest.h"

static df_arena arena;

/* The statements of a text in a layout, one a line, numbers and lines in front; or the error. */
static const char *steps_text(df_layout layout, const df_sql_dialect *dialect, const char *text,
                              bool no_transaction, const df_placeholders *placeholders, df_steps *out)
{
    df_migration_set set = {.layout = layout, .dialect = dialect};
    df_section section = {.present = true,
                          .sql = df_str_from(text),
                          .path = "f.sql",
                          .first_line = 1,
                          .no_transaction = no_transaction,
                          .lock_ms = -1,
                          .statement_ms = -1};
    df_error err = {0};
    df_steps steps;
    df_buf shown = {0};
    if (df_section_steps(&set, &section, placeholders, &arena, &steps, &err) != DF_OK)
        df_buf_printf(&shown, "%s:%lld: statement %d: %s", err.file, (long long)err.line, err.statement,
                      err.message);
    else
        for (size_t i = 0; i < steps.count; i++)
            df_buf_printf(&shown, "%s%d:%d:%s%.*s", i ? "|" : "", steps.items[i].statement.number,
                          steps.items[i].statement.line, steps.items[i].whole ? "W:" : "",
                          DF_FMT(steps.items[i].statement.text));
    if (out) *out = steps;
    const char *kept = df_arena_cstr(&arena, df_buf_str(&shown));
    df_buf_release(&shown);
    return kept;
}

static const char *plain(df_layout layout, const char *text)
{
    return steps_text(layout, &df_sql_postgres, text, false, NULL, NULL);
}

static void splitting(void)
{
    check(same_text(plain(DF_LAYOUT_NATIVE, "-- UP\nSELECT 1; SELECT 2;\n\n-- c\nSELECT $$;$$"),
                    "1:2:SELECT 1|2:2:SELECT 2|3:5:SELECT $$;$$"),
          "statements with numbers and lines");
    check(same_text(plain(DF_LAYOUT_NATIVE, "-- nothing\n;;\n"), ""), "none");
    check(strstr(plain(DF_LAYOUT_NATIVE, "SELECT 1;\nSELECT '\n"),
                 "f.sql:2: statement 2: a quote that begins in line 2"),
          "an error has file, line and statement");
    df_migration_set set = {.layout = DF_LAYOUT_NATIVE, .dialect = &df_sql_postgres};
    df_section absent = {.lock_ms = -1};
    df_steps steps = {.count = 9};
    df_error err;
    check(df_section_steps(&set, &absent, NULL, &arena, &steps, &err) == DF_OK && steps.count == 0 &&
              !steps.checksum[0],
          "an absent section has no steps and no checksum");
}

static void parts(void)
{
    folder f;
    folder_init(&f);
    folder_put(&f, "v1.0/manifest.json", "{\"SchemaUpdateCqlFiles\":[\"b.sql\",\"a.sql\"]}");
    folder_put(&f, "v1.0/b.sql", "\nSELECT 'b'");
    folder_put(&f, "v1.0/a.sql", "SELECT 'a';\n\nSELECT '\n");
    df_migration_set *set = folder_open(&f, DF_LAYOUT_AUTO, NULL);
    df_steps steps;
    df_error err = {0};
    check(set && df_migration_load(set, &set->items[0], &err) == DF_OK &&
              df_section_steps(set, &set->items[0].up, NULL, &arena, &steps, &err) == DF_CORRUPT &&
              err.line == 3 && err.statement == 3 && strstr(err.file, "v1.0/a.sql"),
          "an error in a later file of one migration");
    df_migrations_close(set);
    folder_put(&f, "v1.0/a.sql", "SELECT 'a';\n\nSELECT 3");
    set = folder_open(&f, DF_LAYOUT_AUTO, NULL);
    bool fine = set && df_migration_load(set, &set->items[0], &err) == DF_OK &&
                df_section_steps(set, &set->items[0].up, NULL, &arena, &steps, &err) == DF_OK &&
                steps.count == 3;
    check(fine && strstr(steps.items[0].path, "b.sql") && steps.items[0].statement.line == 2 &&
              steps.items[0].statement.number == 1,
          "a file's last statement ends with it");
    check(fine && strstr(steps.items[2].path, "a.sql") && steps.items[2].statement.line == 3 &&
              steps.items[2].statement.number == 3,
          "lines are those of each file, numbers go on");
    df_migrations_close(set);
    folder_release(&f);
    folder_init(&f);
    folder_put(&f, "1_a.sql",
               "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n-- migrate:up\n\nSELECT 3;\n-- "
               "migrate:down\nSELECT 4;");
    set = folder_open(&f, DF_LAYOUT_AUTO, NULL);
    fine = set && df_migration_load(set, &set->items[0], &err) == DF_OK &&
           df_section_steps(set, &set->items[0].up, NULL, &arena, &steps, &err) == DF_OK && steps.count == 2;
    check(fine && steps.items[1].statement.line == 7 && str_is(steps.items[1].statement.text, "SELECT 3"),
          "dbmate's second block has its own lines");
    df_migrations_close(set);
    folder_release(&f);
}

static void goose(void)
{
    const char *block = "-- +goose Up\nSELECT 0;\n-- +goose StatementBegin\nSELECT 1;\nSELECT 2;\n-- +goose "
                        "StatementEnd\nSELECT 3;\n";
    check(same_text(plain(DF_LAYOUT_GOOSE, block), "1:2:SELECT 0|2:4:SELECT 1|3:5:SELECT 2|4:7:SELECT 3"),
          "goose: a block in a transaction is split");
    check(same_text(steps_text(DF_LAYOUT_GOOSE, &df_sql_postgres, block, true, NULL, NULL),
                    "1:2:SELECT 0|2:4:W:SELECT 1;\nSELECT 2;|3:7:SELECT 3"),
          "goose: outside of one it is sent whole");
    check(same_text(steps_text(DF_LAYOUT_GOOSE, &df_sql_sqlite, block, true, NULL, NULL),
                    "1:2:SELECT 0|2:4:SELECT 1|3:5:SELECT 2|4:7:SELECT 3"),
          "goose: where several at once are no transaction, it is split");
    check(same_text(
              steps_text(
                  DF_LAYOUT_GOOSE, &df_sql_postgres,
                  "-- +goose StatementBegin\nCREATE INDEX CONCURRENTLY i ON t (a);\n-- +goose StatementEnd\n",
                  true, NULL, NULL),
              "1:2:CREATE INDEX CONCURRENTLY i ON t (a)"),
          "goose: one statement in a block is one");
    check(same_text(plain(DF_LAYOUT_GOOSE, "-- +goose Up\n-- +goose StatementBegin\nSELECT ' unclosed\n-- "
                                           "+goose StatementEnd\nSELECT 1;"),
                    "1:3:W:SELECT ' unclosed|2:5:SELECT 1"),
          "goose: what the splitter does not understand goes to the server as it is");
    check(same_text(plain(DF_LAYOUT_GOOSE,
                          "-- +goose Up\n-- +goose StatementBegin\n-- nothing\n-- +goose StatementEnd\n"),
                    ""),
          "goose: an empty block");
    df_steps whole, split;
    const char *drops =
        "-- +goose StatementBegin\nCREATE TABLE a (i int);\nDROP TABLE b;\n-- +goose StatementEnd\n";
    steps_text(DF_LAYOUT_GOOSE, &df_sql_postgres, drops, true, NULL, &whole);
    steps_text(DF_LAYOUT_GOOSE, &df_sql_postgres, drops, false, NULL, &split);
    check(whole.count == 1 && split.count == 2 && whole.items[0].facts.flags & DF_SQL_DESTROYS,
          "goose: a block does what any of its statements does");
    check(strcmp(whole.checksum, split.checksum) == 0,
          "goose: the checksum is the same in one piece and in several");
}

static void checksums(void)
{
    df_steps a, b;
    char expected[65];
    df_error err;
    steps_text(DF_LAYOUT_NATIVE, &df_sql_postgres, "SELECT 1;\nSELECT  'a  b' ;", false, NULL, &a);
    const char *normal = "SELECT 1\nSELECT 'a  b'\n";
    check(df_sha256_hex(normal, strlen(normal), expected, &err) == DF_OK && same_text(a.checksum, expected),
          "SHA-256 over normal forms, one a line");
    steps_text(DF_LAYOUT_NATIVE, &df_sql_postgres,
               "\xEF\xBB\xBF-- licence\nSELECT /* x */ 1; ;\r\n\r\nSELECT\t'a  b'", false, NULL, &b);
    check(strcmp(a.checksum, b.checksum) == 0 && df_hash_eq(a.items[1].hash, b.items[1].hash),
          "comments, white space, line ends and BOM do not count");
    steps_text(DF_LAYOUT_NATIVE, &df_sql_postgres, "SELECT 1;SELECT 'a b'", false, NULL, &b);
    check(strcmp(a.checksum, b.checksum) != 0 && !df_hash_eq(a.items[1].hash, b.items[1].hash),
          "what is in quotes does");
    steps_text(DF_LAYOUT_NATIVE, &df_sql_postgres, "SELECT 1 SELECT 'a  b'", false, NULL, &b);
    check(strcmp(a.checksum, b.checksum) != 0, "where a statement ends does, too");
    steps_text(DF_LAYOUT_NATIVE, &df_sql_postgres, "COPY t FROM STDIN;\n1\ta\n\\.\n", false, NULL, &a);
    steps_text(DF_LAYOUT_NATIVE, &df_sql_postgres, "COPY t FROM STDIN;\n1\tb\n\\.\n", false, NULL, &b);
    check(a.count == 1 && strcmp(a.checksum, b.checksum) != 0 && str_is(a.items[0].statement.data, "1\ta\n"),
          "the data of COPY does");
    steps_text(DF_LAYOUT_NATIVE, &df_sql_postgres, "COPY t FROM STDIN;\r\n1\ta\r\n\\.\r\n", false, NULL, &b);
    check(strcmp(a.checksum, b.checksum) == 0, "but for its line ends");
    df_placeholder value = {"n", "7"};
    df_placeholders placeholders = {&value, 1, false};
    steps_text(DF_LAYOUT_NATIVE, &df_sql_postgres, "SELECT ${n}", false, &placeholders, &a);
    value.value = "8";
    steps_text(DF_LAYOUT_NATIVE, &df_sql_postgres, "SELECT ${n}", false, &placeholders, &b);
    check(strcmp(a.checksum, b.checksum) == 0 && df_hash_eq(a.items[0].hash, b.items[0].hash) &&
              str_is(b.items[0].statement.text, "SELECT 8"),
          "values of placeholders do not");
}

static void placeholders(void)
{
    df_placeholder values[] = {{"schema", "app"}, {"empty", ""}, {"flyway:user", "ann"}};
    df_placeholders some = {values, 3, false}, lenient = {values, 3, true}, none = {0};
    const char *text = "SELECT '${schema}', \"${SCHEMA}\", '${empty}', '${ no }', '${}', '$${x', ${schema}.t";
    check(same_text(steps_text(DF_LAYOUT_NATIVE, &df_sql_postgres, text, false, &some, NULL),
                    "1:1:SELECT 'app', \"app\", '', '${ no }', '${}', '$${x', app.t"),
          "everywhere, also in quotes; what is no name stays");
    check(same_text(steps_text(DF_LAYOUT_NATIVE, &df_sql_postgres, "SELECT 1;\nSELECT 2,\n ${other}", false,
                               &some, NULL),
                    "f.sql:3: statement 2: there is no value for the placeholder ${other}"),
          "an unknown one is an error, with its line");
    check(same_text(steps_text(DF_LAYOUT_NATIVE, &df_sql_postgres, "SELECT ${other}, ${schema}", false,
                               &lenient, NULL),
                    "1:1:SELECT ${other}, app"),
          "or stays, when asked so");
    check(same_text(plain(DF_LAYOUT_NATIVE, "SELECT ${schema}"), "1:1:SELECT ${schema}"),
          "without values nothing is looked for");
    check(same_text(steps_text(DF_LAYOUT_PAIRS, &df_sql_postgres, "SELECT ${schema}", false, &none, NULL),
                    "1:1:SELECT ${schema}"),
          "layouts that have none are left alone");
    check(same_text(steps_text(DF_LAYOUT_FLYWAY, &df_sql_postgres,
                               "SELECT '${flyway:user}', '${flyway:filename}', '${flyway:table}'", false,
                               &some, NULL),
                    "1:1:SELECT 'ann', 'f.sql', 'flyway_schema_history'"),
          "flyway's own names");
    const char *now =
        steps_text(DF_LAYOUT_FLYWAY, &df_sql_postgres, "SELECT '${flyway:timestamp}'", false, &none, NULL);
    check(strlen(now) == strlen("1:1:SELECT '2026-11-20 19:06:16'") && strstr(now, "'2"), "its time");
    check(strstr(steps_text(DF_LAYOUT_FLYWAY, &df_sql_postgres, "SELECT '${flyway:database}'", false, &none,
                            NULL),
                 "${flyway:database}"),
          "those of the database must be given");
    check(
        same_text(steps_text(
                      DF_LAYOUT_TERN, &df_sql_postgres,
                      "CREATE TABLE {{.schema}}.t (a text DEFAULT '{{ .empty }}{1}', b int[] DEFAULT '{1}');",
                      false, &some, NULL),
                  "1:1:CREATE TABLE app.t (a text DEFAULT '{1}', b int[] DEFAULT '{1}')"),
        "tern's data, also in quotes");
    check(same_text(steps_text(DF_LAYOUT_TERN, &df_sql_postgres, "SELECT 1;\nSELECT\n {{.other}};", false,
                               &some, NULL),
                    "f.sql:3: statement 2: there is no value for {{.other}}"),
          "which must be given");
    check(same_text(steps_text(DF_LAYOUT_TERN, &df_sql_postgres, "SELECT {{.other}}, {{.schema}}", false,
                               &lenient, NULL),
                    "1:1:SELECT {{.other}}, app"),
          "or stays, when asked so");
    static const char *const actions[] = {
        "{{ template \"shared/v1.sql\" . }}", "{{sub 43 1}}", "{{.schema", "{{.}}", "{{ .a.b }}", "{{"};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        check(strstr(steps_text(DF_LAYOUT_TERN, &df_sql_postgres, actions[i], false, &some, NULL),
                     "only tern itself fills in {{"),
              "what else its templates do is refused: %s", actions[i]);
    df_migration_set set = {.layout = DF_LAYOUT_NATIVE, .dialect = &df_sql_postgres};
    df_section off = {
        .present = true, .sql = DF_STR("SELECT ${x}"), .path = "f.sql", .no_placeholders = true};
    df_steps steps;
    check(df_section_steps(&set, &off, &none, &arena, &steps, NULL) == DF_OK && steps.count == 1,
          "-- @placeholders off");
    df_section other = {.present = true, .sql = DF_STR("SELECT 'Hi ${x}'"), .path = "f.sql", .plain = true};
    check(df_section_steps(&set, &other, &none, &arena, &steps, NULL) == DF_OK &&
              str_is(steps.items[0].statement.text, "SELECT 'Hi ${x}'"),
          "in a file that nothing marks as ours they are text, where nobody gives values");
    check(df_section_steps(&set, &other, &some, &arena, &steps, NULL) == DF_USAGE, "else they are not");
}

static void environment(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"$A ${A} x", "one one x"},
        {"${NOT}|${NOT:-two}|${NOT-two}|${EMPTY-x}|${EMPTY:-x}", "|two|two||x"},
        {"${NOT:-${A}}", "one"},
        {"$$A \\$A $(A)", "$A $A $(A)"},
        {"${A:1}|${A:0:2}|${A:-2}", "ne|on|one"},
        {"${A: -2}", "ne"},
        {"${A:5}|${A:1:-1}|${A:0:99}", "|n|one"},
        {"100$", "100$"},
        {"${A?needed}", "one"},
        {"a\\\\b\r\n", "a\\\\b\r\n"},
    };
    static const char *const bad[] = {"$1",     "${A", "${1}",    "${A!x}", "${NOT?is needed}",
                                      "${A:x}", "$ x", "${A:1:x}"};
    setenv("A", "one", 1);
    setenv("EMPTY", "", 1);
    unsetenv("NOT");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        df_buf out = {0};
        df_error err = {0};
        check(mf_environment(df_str_from(cases[i].in), &out, &err) == DF_OK &&
                  same_text(df_buf_cstr(&out), cases[i].out),
              "variables: %s", cases[i].in);
        df_buf_release(&out);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        df_buf out = {0};
        df_error err = {0};
        check(mf_environment(df_str_from(bad[i]), &out, &err) != DF_OK && err.message[0], "refused: %s",
              bad[i]);
        df_buf_release(&out);
    }
    df_placeholders none = {0};
    check(same_text(steps_text(DF_LAYOUT_GOOSE, &df_sql_postgres,
                               "-- +goose Up\nSELECT '$A';\n-- +goose ENVSUB ON\nSELECT '$A',\n-- +goose "
                               "ENVSUB OFF\n'$A';\nSELECT '${A}';\n",
                               false, &none, NULL),
                    "1:2:SELECT '$A'|2:4:SELECT 'one',\n-- +goose ENVSUB OFF\n'$A'|3:7:SELECT '${A}'"),
          "goose: only between ENVSUB ON and OFF");
    check(strstr(steps_text(DF_LAYOUT_GOOSE, &df_sql_postgres, "-- +goose ENVSUB ON\nSELECT\n $1;", false,
                            &none, NULL),
                 "f.sql:3: statement 1"),
          "goose: an error there has its line");
}

static void batches(void)
{
    df_steps steps;
    steps_text(DF_LAYOUT_NATIVE, &df_sql_postgres,
               "-- @batch key=id\nUPDATE a SET b = 1;\nSELECT 1;\n-- why\n-- @batch table=s.t key=k size=500 "
               "pause=50ms max-lag=5s\nDELETE FROM t WHERE x;\n"
               "SELECT '\n-- @batch key=id\n';",
               false, NULL, &steps);
    const df_batch *first = steps.count == 4 ? steps.items[0].batch : NULL,
                   *third = steps.count == 4 ? steps.items[2].batch : NULL;
    check(first && str_is(first->key, "id") && !first->table.ptr && first->size == 10000 &&
              first->pause_ms == 0 && first->max_lag_ms == -1,
          "a batch with defaults");
    check(third && str_is(third->table, "s.t") && str_is(third->key, "k") && third->size == 500 &&
              third->pause_ms == 50 && third->max_lag_ms == 5000,
          "and with all that it knows");
    check(steps.count == 4 && !steps.items[1].batch && !steps.items[3].batch,
          "only what stands behind the directive");
    static const char *const bad[][2] = {
        {"-- @batch key=id\nCREATE TABLE a (b int);",
         "f.sql:1: statement 1: @batch stands in front of CREATE TABLE"},
        {"SELECT 1;\n-- @batch size=5\nDELETE FROM t;",
         "f.sql:2: statement 2: @batch does not say by which key"},
        {"-- @batch key=id speed=1\nDELETE FROM t;", "f.sql:1: statement 1: @batch has no \"speed\""},
        {"-- @batch key=id size=0\nDELETE FROM t;", "size is \"0\", which is no number of rows"},
        {"-- @batch key=id pause=x\nDELETE FROM t;", "pause is \"x\", which is no duration"},
        {"-- @batch key\nDELETE FROM t;", "\"key\" has no value"},
        {"DELETE FROM t;\n-- @batch key=id\n",
         "f.sql:2: statement 0: there is no statement behind this @batch"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *got = plain(DF_LAYOUT_NATIVE, bad[i][0]);
        bool fine = strstr(got, bad[i][1]);
        if (!fine) note("%s", got);
        check(fine, "refused: %s", bad[i][1]);
    }
}

static void keeping(void)
{
    df_migration_set set = {.layout = DF_LAYOUT_NATIVE, .dialect = &df_sql_postgres};
    df_section in = {.present = true,
                     .sql = DF_STR("-- DOWN\nSELECT '\n"),
                     .path = "f.sql",
                     .first_line = 9,
                     .lock_ms = 500,
                     .statement_ms = -1,
                     .no_transaction = true},
               out;
    df_buf text = {0};
    df_error err;
    df_section_text(&in, &text);
    check(df_section_of_text(&set, df_buf_str(&text), "kept", &out, &err) == DF_OK && out.no_transaction &&
              !out.no_placeholders && out.lock_ms == 500 && out.statement_ms == -1 &&
              df_str_eq(out.sql, in.sql) && out.present && out.first_line == 1,
          "a section that is kept says the same when it is read again");
    df_buf_clear(&text);
    in = (df_section){.present = true,
                      .sql = DF_STR("-- UP no-transaction statement-timeout=1s\nSELECT 1;"),
                      .lock_ms = -1,
                      .statement_ms = -1};
    df_section_text(&in, &text);
    check(df_str_eq(df_buf_str(&text), in.sql), "nothing is added where nothing is to be said");
    check(df_section_of_text(&set, df_buf_str(&text), "kept", &out, &err) == DF_OK && out.no_transaction &&
              out.statement_ms == 1000,
          "its own directives count");
    check(df_section_of_text(&set, DF_STR("-- @kept lock-timeout=x\nSELECT 1"), "kept", &out, &err) ==
                  DF_CORRUPT &&
              err.line == 1,
          "and are checked");
    check(df_section_of_text(&set, DF_STR_NONE, "kept", &out, &err) == DF_OK && !out.present, "none is none");
    set.layout = DF_LAYOUT_GOOSE;
    in = (df_section){.present = true,
                      .sql = DF_STR("-- +goose Down\nSELECT '$A';"),
                      .substitute = true,
                      .no_transaction = true,
                      .lock_ms = -1,
                      .statement_ms = -1};
    df_placeholders none = {0};
    df_steps steps;
    setenv("A", "one", 1);
    for (int kept = 0; kept < 2; kept++) {
        df_buf_clear(&text);
        df_section_text(&in, &text);
        if (kept)
            check(df_section_of_text(&set, df_buf_str(&text), "kept", &in, &err) == DF_OK, "goose's is read");
        check(df_section_steps(&set, &in, &none, &arena, &steps, &err) == DF_OK && steps.count == 1 &&
                  str_is(steps.items[0].statement.text, "SELECT 'one'"),
              "goose: ENVSUB that was on in front of a section is on%s", kept ? " when it is kept, too" : "");
    }
    df_buf_release(&text);
}

static void difference(void)
{
    folder f;
    folder_init(&f);
    folder_put(&f, "001_a.sql",
               "-- UP\nCREATE TABLE a (i int);\n\nCREATE TABLE\n  new (i int);\nSELECT 3;\n");
    df_migration_set *set = folder_open(&f, DF_LAYOUT_AUTO, NULL);
    df_buf out = {0};
    df_error err = {0};
    df_str old = DF_STR("CREATE  TABLE a (i int);\nCREATE TABLE old (i int); SELECT 3; SELECT 4");
    check(set && df_plan_difference(set, &set->items[0], old, 10, &out, &err) == DF_OK &&
              same_text(df_buf_cstr(&out), "- statement 2, line 2: CREATE TABLE old (i int)\n+ statement 2, "
                                           "line 4: CREATE TABLE new (i int)\n"
                                           "- statement 4, line 2: SELECT 4\n"),
          "what was, and what is");
    df_buf_clear(&out);
    check(set &&
              df_plan_difference(set, &set->items[0], DF_STR("SELECT 8; SELECT 9"), 2, &out, &err) == DF_OK &&
              same_text(df_buf_cstr(&out),
                        "- statement 1, line 1: SELECT 8\n- statement 2, line 1: SELECT 9\n… and 3 more\n"),
          "no more lines than asked for");
    df_buf_clear(&out);
    check(set && df_plan_difference(set, &set->items[0], set->items[0].up.sql, 0, &out, &err) == DF_OK &&
              out.len == 0,
          "nothing");
    check(set && df_plan_difference(set, &set->items[0], DF_STR("SELECT '"), 0, &out, &err) == DF_CORRUPT,
          "a text that cannot be split");
    df_buf_release(&out);
    df_migrations_close(set);
    folder_release(&f);
}

int main(void)
{
    splitting();
    parts();
    goose();
    checksums();
    placeholders();
    environment();
    batches();
    keeping();
    difference();
    df_arena_release(&arena);
    return tap_done();
}
