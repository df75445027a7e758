/* SPDX-License-Identifier: Apache-2.0 */
/* What the first lines of Atlas' files say: archives with checks, delimiters (and migratus'), checkpoints. */
#include "folder.h"

static df_arena arena;
static folder f;
static df_migration_set *set;

static void begin(const char *const *list)
{
    folder_init(&f);
    for (; list[0]; list += 2) folder_put(&f, list[0], list[1]);
    set = folder_open(&f, DF_LAYOUT_NATIVE, NULL);
}

static void end(void)
{
    df_migrations_close(set);
    folder_release(&f);
}

#define BEGIN(...) begin((const char *const[]){__VA_ARGS__, NULL})

static bool section_is(const df_section *s, int line, const char *text)
{
    return text ? s->present && s->first_line == line && str_is(s->sql, text) : !s->present;
}

/* A failure of loading, at this line, with this in its message. */
static void refuse(const char *text, int64_t line, const char *message)
{
    df_error err = {0};
    BEGIN("1_a.sql", text);
    bool fine = df_migration_load(set, &set->items[0], &err) == DF_CORRUPT && err.line == line &&
                strstr(err.message, message);
    if (!fine) note("line %lld: %s", (long long)err.line, err.message);
    check(fine, "refused: %s", message);
    end();
}

static void archives(void)
{
    df_error err = {0};
    BEGIN("1_a.sql",
          "-- atlas:txtar\n\n-- checks.sql --\nSELECT true;\nSELECT\n  1 = 1;\n\n-- migration.sql --\n-- "
          "atlas:txmode none\nSELECT 1;\n"
          "-- down.sql --\nSELECT 2;\n",
          "2_b.sql",
          "-- atlas:txtar\r\n-- migration.sql --\r\nSELECT 1;\r\n-- checks/a.sql --\r\n-- atlas:assert "
          "oneof\r\nSELECT false;\r\n"
          "SELECT true;\r\n",
          "3_c.sql", "-- atlas:nolint\nSELECT 1;\n-- down.sql --\nSELECT 2;\n");
    df_migration *a = &set->items[0], *b = &set->items[1], *c = &set->items[2];
    check(df_migration_load(set, a, &err) == DF_OK &&
              section_is(&a->up, 8, "-- migration.sql --\n-- atlas:txmode none\nSELECT 1;\n") &&
              section_is(&a->down, 11, "-- down.sql --\nSELECT 2;\n"),
          "an archive has a way up and a way down");
    check(a->up.no_transaction && !a->down.no_transaction,
          "what stands in one of its files is for that file");
    check(a->n_preconditions == 2 && a->preconditions[0].kind == DF_PRECONDITION_QUERY &&
              str_is(a->preconditions[0].value, "SELECT true") && a->preconditions[0].line == 4 &&
              str_is(a->preconditions[1].value, "SELECT\n  1 = 1") && a->preconditions[1].line == 5 &&
              !a->preconditions[0].assume && strstr(a->preconditions[0].said, "checks.sql"),
          "each of its checks is asserted");
    check(df_migration_load(set, b, &err) == DF_OK && b->up.present && !b->down.present &&
              b->n_preconditions == 1 &&
              str_is(b->preconditions[0].value, "SELECT (SELECT false) OR (SELECT true)"),
          "or one of them; a way down need not be there");
    check(df_migration_load(set, c, &err) == DF_OK &&
              str_is(c->up.sql, "-- atlas:nolint\nSELECT 1;\n-- down.sql --\nSELECT 2;\n"),
          "without the first line it is a comment");
    end();
    refuse("-- atlas:txtar\n-- down.sql --\nSELECT 1;\n", 1, "no migration.sql");
    refuse("-- atlas:txtar\n-- migration.sql --\nSELECT 1;\n-- migration.sql --\n", 4,
           "a second migration.sql");
    refuse("-- atlas:txtar\nSELECT 1;\n-- migration.sql --\n", 1, "would not run");
    refuse("-- atlas:txtar\n-- migration.sql --\nSELECT 1;\n-- notes --\nSELECT 2;\n", 4,
           "\"notes\" is no file");
    refuse("-- atlas:txtar\n-- checks.sql --\nSELECT '\n-- migration.sql --\nSELECT 1;\n", 3, "a quote");
}

/* The statements of a file, with "|" between them. */
static bool splits_as(df_layout layout, const df_sql_dialect *dialect, const char *text, const char *expected)
{
    df_migration_set plain = {.layout = layout, .dialect = dialect};
    df_section section = {.present = true,
                          .sql = df_str_from(text),
                          .path = "f.sql",
                          .first_line = 1,
                          .lock_ms = -1,
                          .statement_ms = -1};
    df_error err = {0};
    df_steps steps;
    df_buf got = {0};
    df_code code = df_section_steps(&plain, &section, NULL, &arena, &steps, &err);
    for (size_t i = 0; code == DF_OK && i < steps.count; i++)
        df_buf_printf(&got, "%s%d:%.*s", i ? "|" : "", steps.items[i].statement.line,
                      DF_FMT(steps.items[i].statement.text));
    if (code != DF_OK) df_buf_text(&got, err.message);
    bool same = same_text(df_buf_cstr(&got), expected);
    df_buf_release(&got);
    return same;
}

static bool splits(const df_sql_dialect *dialect, const char *text, const char *expected)
{
    return splits_as(DF_LAYOUT_NATIVE, dialect, text, expected);
}

static void delimiters(void)
{
    static const char migratus[] = "SELECT 1\n--;; one\nSELECT '\n--;;\n';\n--;;\nSELECT 3;SELECT 4\n--;;";
    check(splits_as(DF_LAYOUT_PAIRS, &df_sql_postgres, migratus,
                    "1:SELECT 1|3:SELECT '\n--;;\n'|7:SELECT 3|7:SELECT 4"),
          "migratus' lines stand for semicolons");
    check(splits(&df_sql_mariadb,
                 "-- atlas:delimiter //\nCREATE PROCEDURE p() BEGIN\n SELECT 1;\nEND;\n//\nSELECT '//'; "
                 "SELECT 2 // SELECT 3",
                 "2:CREATE PROCEDURE p() BEGIN\n SELECT 1;\nEND|6:SELECT '//'|6:SELECT 2|6:SELECT 3"),
          "what a delimiter parts");
    check(splits(&df_sql_sqlite, "-- a note\n-- atlas:delimiter \\nGO\nSELECT GO\nGO\n-- GO\nSELECT 2;\nGO\n",
                 "3:SELECT GO|6:SELECT 2"),
          "GO begins a line");
    check(splits(&df_sql_postgres, "-- atlas:delimiter \\n\\n\\n\nSELECT 1;\n\n\nSELECT 2;",
                 "2:SELECT 1|5:SELECT 2") &&
              splits(&df_sql_postgres, "-- atlas:delimiter -- end\nSELECT 1;\n-- end\nSELECT 2;",
                     "2:SELECT 1|4:SELECT 2"),
          "white space and comments part nothing by themselves");
    check(splits(&df_sql_postgres, "SELECT 1;\n-- atlas:delimiter //\nSELECT 2;", "1:SELECT 1|3:SELECT 2"),
          "only in front of the first statement");
}

static const char *kinds(void)
{
    static const char *const names[] = {"versioned", "repeatable", "baseline"};
    df_buf text = {0};
    for (size_t i = 0; set && i < set->count; i++)
        df_buf_printf(&text, "%s%s", i ? " " : "", names[set->items[i].kind]);
    const char *kept = df_arena_cstr(&arena, df_buf_str(&text));
    df_buf_release(&text);
    return kept;
}

static void checkpoints(void)
{
    static const char checkpoint[] = "-- atlas:checkpoint v2\n\nSELECT 1;";
    BEGIN("1_a.sql", "SELECT 1;", "2_b.sql", checkpoint, "3_c.sql", "SELECT 1;\n-- atlas:checkpoint\n",
          "atlas.sum", "h1:");
    check(same_text(kinds(), "versioned baseline versioned"),
          "a checkpoint stands for what is in front of it");
    end();
    BEGIN("1_a.sql", "SELECT 1;", "2_b.sql", checkpoint);
    check(same_text(kinds(), "versioned versioned"), "in Atlas' folders alone");
    end();
}

int main(void)
{
    archives();
    delimiters();
    checkpoints();
    df_arena_release(&arena);
    return tap_done();
}
