/* SPDX-License-Identifier: Apache-2.0 */
/* What is read out of one file: sections, directives, the header, the hashes. */
#include "folder.h"

static df_arena arena;

/* One file, loaded. */
typedef struct loaded {
    folder f;
    df_migration_set *set;
    df_migration *m;
    df_code code;
    df_error err;
} loaded;

static void load(loaded *l, df_layout layout, const char *const *list)
{
    memset(l, 0, sizeof *l);
    folder_init(&l->f);
    for (; list[0]; list += 2) folder_put(&l->f, list[0], list[1]);
    l->set = folder_open(&l->f, layout, NULL);
    l->m = l->set && l->set->count ? &l->set->items[0] : NULL;
    l->code = l->m ? df_migration_load(l->set, l->m, &l->err) : DF_BUG;
}

static void done(loaded *l)
{
    df_migrations_close(l->set);
    folder_release(&l->f);
}

#define LOAD(l, layout, ...) load(&(l), layout, (const char *const[]){__VA_ARGS__, NULL})

static bool section_is(const loaded *l, const df_section *s, int line, const char *text)
{
    if (l->code != DF_OK) note("%s", l->err.message);
    return l->code == DF_OK &&
           (text ? s->present && s->first_line == line && str_is(s->sql, text) : !s->present);
}

/* Loading fails, at this line, with this in its message. */
static void refuse(const char *what, df_layout layout, const char *text, int64_t line, const char *message)
{
    loaded l;
    LOAD(l, layout, "001_a.sql", text);
    bool fine = l.code == DF_CORRUPT && l.err.line == line && strstr(l.err.message, message) &&
                strstr(l.err.file, "/001_a.sql") && !l.m->loaded && !l.m->up.present;
    if (!fine) note("%s: line %lld: %s", df_code_name(l.code), (long long)l.err.line, l.err.message);
    check(fine, "refused: %s", what);
    done(&l);
}

static void native(void)
{
    loaded l;
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", "-- a comment\n\n-- UP\nSELECT 1;\n\n-- down\nSELECT 2;\n");
    check(section_is(&l, &l.m->up, 3, "-- UP\nSELECT 1;\n\n") &&
              section_is(&l, &l.m->down, 6, "-- down\nSELECT 2;\n"),
          "up and down");
    check(!l.m->up.no_transaction && l.m->up.lock_ms == -1 && l.m->up.statement_ms == -1, "nothing is said");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", "SELECT 1;\nSELECT 2;");
    check(section_is(&l, &l.m->up, 1, "SELECT 1;\nSELECT 2;") && section_is(&l, &l.m->down, 0, NULL),
          "without sections all is up");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", "SELECT 1;\n-- DOWN\nSELECT 2;");
    check(section_is(&l, &l.m->up, 1, "SELECT 1;\n") && section_is(&l, &l.m->down, 2, "-- DOWN\nSELECT 2;"),
          "up needs no mark of its own");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", "-- DOWN\nSELECT 2;\n-- UP\nSELECT 1;");
    check(section_is(&l, &l.m->up, 3, "-- UP\nSELECT 1;") &&
              section_is(&l, &l.m->down, 1, "-- DOWN\nSELECT 2;\n"),
          "down first");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", "SELECT 1;\n-- DOWN\n-- nothing to take back\n");
    check(l.code == DF_OK && l.m->down.present && !l.set->n_findings, "an empty way down, and why");
    done(&l);
    static const char *const seeming[] = {
        "SELECT 1;\n-- ROLLBACK\nDROP TABLE a;\n",
        "SELECT 1;\n\n-- ====\n-- === Down migration: ===\n-- ====\n\nDROP TABLE a;\n"};
    static const char *const plain[] = {"-- Rollback:\n-- DROP TABLE a;\n\nSELECT 1;\n",
                                        "-- Rollback the flag\nSELECT 1;\n", "SELECT 1;\n-- undo\n"};
    for (size_t i = 0; i < sizeof seeming / sizeof *seeming + sizeof plain / sizeof *plain; i++) {
        size_t n = sizeof seeming / sizeof *seeming;
        LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", i < n ? seeming[i] : plain[i - n]);
        check(l.code == DF_OK && !l.m->down.present && l.set->n_findings == (i < n) &&
                  (i >= n || same_text(l.set->findings[0].kind, "seeming-down")),
              "%s", i < n ? "a comment that seems to begin a way down is told" : "others are not");
        done(&l);
    }
    static const char *const commented[] = {"SELECT 1;\n-- Down\n-- DROP TABLE a;\n",
                                            "-- UP\nSELECT 1;\n-- DOWN\n/* as it was:\nDROP TABLE a;\n*/\n"};
    for (size_t i = 0; i < sizeof commented / sizeof *commented; i++) {
        LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", commented[i]);
        check(l.code == DF_OK && l.m->up.present && !l.m->down.present && l.set->n_findings == 1 &&
                  same_text(l.set->findings[0].kind, "commented-out-down") && !l.set->findings[0].blocks,
              "a way down that is commented out is none");
        done(&l);
    }
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", "-- a note\n\n-- atlas:txmode none\nSELECT 1;\n");
    check(l.code == DF_OK && l.m->up.no_transaction, "Atlas' mark of a file without a transaction");
    check(l.m->up.plain, "a file without any mark of ours");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", "-- @placeholders on\nSELECT 1;\n");
    check(l.code == DF_OK && !l.m->up.plain, "a directive is one");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", "-- @metadata {}\nSELECT 1;\n");
    check(l.code == DF_OK && !l.m->up.plain, "and so is a header");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", "SELECT 1;\n-- atlas:txmode none\n-- disable-transaction\n");
    check(l.code == DF_OK && !l.m->up.no_transaction, "behind a statement it says nothing");
    done(&l);
    LOAD(l, DF_LAYOUT_PAIRS, "001_a.up.sql", "-- disable-transaction\nSELECT 1;\n", "001_a.down.sql",
         "SELECT 2;\n");
    check(l.code == DF_OK && l.m->up.no_transaction && !l.m->down.no_transaction,
          "of one direction of a pair");
    done(&l);
    LOAD(l, DF_LAYOUT_FLYWAY, "V1__a.sql", "-- flyway:executeInTransaction=false\n\nSELECT 1;\n");
    check(l.code == DF_OK && l.m->up.no_transaction, "Flyway's, as a comment");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", "");
    check(section_is(&l, &l.m->up, 1, "") && section_is(&l, &l.m->down, 0, NULL),
          "an empty file: an empty up, no down");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", "-- UP\n-- DOWN");
    check(section_is(&l, &l.m->up, 1, "-- UP\n") && section_is(&l, &l.m->down, 2, "-- DOWN"),
          "an empty down is not a missing one");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", "\xEF\xBB\xBF-- UP\r\nSELECT 1;\r\n-- DOWN\r\n");
    check(section_is(&l, &l.m->up, 1, "-- UP\r\nSELECT 1;\r\n") && l.m->down.present,
          "a byte order mark, and the line ends of Windows");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql",
         "-- UP\nSELECT '\n-- DOWN\n', $$\n-- DOWN\n$$ /*\n-- DOWN\n*/;\n-- DOWN");
    check(section_is(&l, &l.m->down, 9, "-- DOWN"), "marks inside of quotes and comments are none");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql",
         "-- Up we go\nSELECT 1;\n-- DOWN MIGRATION (extended): none\nSELECT 2;\n  -- UP and down\n");
    check(section_is(&l, &l.m->down, 0, NULL), "comments that only begin so are none");
    done(&l);
    refuse("two ways up", DF_LAYOUT_NATIVE, "-- UP\n\n-- UP\n", 3, "a second -- UP");
    refuse("two ways down", DF_LAYOUT_NATIVE, "-- UP\n-- DOWN\n\n-- DOWN\n", 4, "a second -- DOWN");
    refuse("a way down that quotes swallow", DF_LAYOUT_NATIVE,
           "-- UP\nSET standard_conforming_strings = off;\nSELECT 'it\\'s';\n-- DOWN\nSELECT 1;\n", 4, "inside of quotes");
    refuse("statements that would not run", DF_LAYOUT_NATIVE, "SELECT 1;\n-- UP\n", 1,
           "in front of the first section");
    refuse("goose's file in a native folder", DF_LAYOUT_NATIVE,
           "\n-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;", 2, "written for goose");
    refuse("dbmate's", DF_LAYOUT_NATIVE, "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;", 1,
           "written for dbmate");
    refuse("node-pg-migrate's", DF_LAYOUT_NATIVE, "SELECT 1;\n-- Down Migration\nSELECT 2;", 2,
           "written for node-pg-migrate");
}

static void nul_and_encodings(void)
{
    folder f;
    folder_init(&f);
    folder_put_bytes(&f, "001_a.sql", "SELECT\n\0;", 9);
    folder_put_bytes(&f, "002_b.sql", "\xFF\xFES\0E\0", 6);
    folder_put(&f, "003_c.sql", "SELECT '\xE4';");
    df_migration_set *set = folder_open(&f, DF_LAYOUT_AUTO, NULL);
    df_error err;
    check(set && df_migration_load(set, &set->items[0], &err) == DF_CORRUPT && err.line == 2 &&
              strstr(err.message, "NUL"),
          "a NUL byte");
    check(set && df_migration_load(set, &set->items[1], &err) == DF_CORRUPT &&
              strstr(err.message, "UTF-16") && strstr(err.hint, "iconv"),
          "UTF-16");
    check(set && df_migration_load(set, &set->items[2], &err) == DF_OK &&
              same_text(findings_of(set, &arena), "not-utf8:003_c.sql"),
          "bytes of another encoding are told");
    df_migrations_close(set);
    folder_release(&f);
}

/* What a sql_mode makes of a backslash is not known here; a mark that would be lost by it is no way to find out. */
static void hidden_mark(void)
{
    folder f;
    folder_init(&f);
    folder_put(&f, "001_a.sql", "-- UP\nSET sql_mode = 'NO_BACKSLASH_ESCAPES';\nSELECT 'a\\';\n-- DOWN\nDROP TABLE a;\n");
    folder_put(&f, "002_b.sql", "-- UP\nSELECT 'a\\\\';\n-- DOWN\nSELECT 1;\n");
    df_migration_set *set = folder_open(&f, DF_LAYOUT_AUTO, &df_sql_mariadb);
    df_error err;
    check(set && df_migration_load(set, &set->items[0], &err) == DF_CORRUPT && err.line == 4 &&
              strstr(err.message, "inside of quotes"),
          "a -- DOWN that quotes swallow");
    check(set && df_migration_load(set, &set->items[1], &err) == DF_OK && set->items[1].down.present,
          "but not one behind an escaped backslash");
    df_migrations_close(set);
    folder_release(&f);
}

static void directives(void)
{
    loaded l;
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql",
         "-- UP no-transaction lock-timeout=500ms statement_timeout=10min\nSELECT 1;\n-- DOWN "
         "lockTimeout=2s\nSELECT 2;");
    check(l.code == DF_OK && l.m->up.no_transaction && l.m->up.lock_ms == 500 &&
              l.m->up.statement_ms == 600000,
          "behind -- UP");
    check(l.code == DF_OK && !l.m->down.no_transaction && l.m->down.lock_ms == 2000 &&
              l.m->down.statement_ms == -1,
          "each section has its own");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql",
         "-- UP\n-- @no-transaction\n--@lock_timeout 500ms\n  -- @statement-timeout=0\nSELECT '\n-- "
         "@lock_timeout 9s\n';\n-- @placeholders off\n-- DOWN\n");
    check(l.code == DF_OK && l.m->up.no_transaction && l.m->up.lock_ms == 500 && l.m->up.statement_ms == 0 &&
              l.m->up.no_placeholders,
          "as comment lines, outside of quotes");
    check(l.code == DF_OK && !l.m->down.no_placeholders && !l.m->down.no_transaction,
          "which count for their section");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql",
         "-- UP\n-- @author me\n-- @see that\n-- @no_transactions\n-- @frobnicate 1\nSELECT 1;\n");
    check(l.code == DF_OK && same_text(findings_of(l.set, &arena),
                                       "unknown-directive:001_a.sql unknown-directive:001_a.sql"),
          "unknown ones are told, words for readers are not");
    check(l.set->n_findings == 2 && l.set->findings[0].line == 4 && l.set->findings[0].hint &&
              strstr(l.set->findings[0].hint, "@no-transaction") && !l.set->findings[1].hint,
          "with their line, and what may have been meant");
    done(&l);
    refuse("a misspelt directive on the line of a section", DF_LAYOUT_NATIVE, "\n-- UP no-transactoin\n", 2,
           "\"no-transactoin\" is no directive");
    refuse("an unknown one", DF_LAYOUT_NATIVE, "-- UP speed=11\n", 1, "\"speed\" is no directive");
    refuse("a value that is no duration", DF_LAYOUT_NATIVE, "-- UP\n\n-- @lock_timeout soon\n", 3,
           "no duration");
    refuse("no value", DF_LAYOUT_NATIVE, "-- UP lock-timeout\n", 1, "no duration");
    refuse("a value too many", DF_LAYOUT_NATIVE, "-- UP\n-- @no-transaction please\n", 2, "takes no value");
    refuse("neither on nor off", DF_LAYOUT_NATIVE, "-- UP\n-- @placeholders maybe\n", 2,
           "neither on nor off");
}

static void header(void)
{
    loaded l;
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql",
         "-- @metadata {\n--   \"author\": \"Ann \\\"A\\\"\",\n--   \"description\": \"adds { and }\",\n--   "
         "\"risk\": \"medium\",\n"
         "--   \"estimatedDuration\": 5000, \"breakingChange\": true, \"requiresDowntime\": false,\n--   "
         "\"dataVolume\": \"small\",\n"
         "--   \"tags\": [\"a\", \"b\"], \"dependencies\": [\"008\"], \"affectedTables\": [],\n--   "
         "\"rollbackStrategy\": \"down\"\n-- }\n\n-- UP\nSELECT 1;");
    const df_metadata *meta = &l.m->meta;
    check(l.code == DF_OK && str_is(meta->author, "Ann \"A\"") && str_is(meta->description, "adds { and }") &&
              meta->risk == DF_RISK_MEDIUM,
          "texts and the risk");
    check(meta->estimated_ms == 5000 && meta->breaking && !meta->requires_downtime &&
              str_is(meta->data_volume, "small") && str_is(meta->rollback_strategy, "down"),
          "numbers and truths");
    check(meta->n_tags == 2 && str_is(meta->tags[1], "b") && meta->n_dependencies == 1 &&
              meta->affected_tables && meta->n_affected_tables == 0,
          "lists");
    check(df_str_starts(meta->json, DF_STR("{\"author\":\"Ann \\\"A\\\"\",\"description\"")),
          "the object, compact");
    check(l.set->n_findings == 0 && section_is(&l, &l.m->up, 11, "-- UP\nSELECT 1;"), "sections behind it");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", "--@metadata\n--{\"estimatedDuration\": \"2min\"}\nSELECT 1;");
    check(l.code == DF_OK && l.m->meta.estimated_ms == 120000,
          "the object in the next line, a duration as a text");
    done(&l);
    LOAD(l, DF_LAYOUT_PAIRS, "1_a.up.sql", "-- @metadata {\"risk\": \"high\"}\nSELECT 1;", "1_a.down.sql",
         "-- @metadata {\"risk\": \"low\"}\n");
    check(l.code == DF_OK && l.m->meta.risk == DF_RISK_HIGH, "in other layouts, too: that of the way up");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql", "SELECT '\n-- @metadata {\"risk\": 5}\n';");
    check(l.code == DF_OK && l.m->meta.risk == DF_RISK_NONE && !l.m->meta.json.ptr &&
              l.m->meta.estimated_ms == -1,
          "none inside of quotes");
    done(&l);
    LOAD(l, DF_LAYOUT_NATIVE, "001_a.sql",
         "-- @metadata {\n--   \"autor\": \"x\",\n--   \"x\": null\n-- }\n");
    check(l.code == DF_OK && l.set->n_findings == 2 && l.set->findings[0].line == 2 &&
              strstr(l.set->findings[0].hint, "author") &&
              strcmp(l.set->findings[0].kind, "unknown-metadata") == 0 && l.set->findings[1].line == 3,
          "unknown members are told with their line");
    done(&l);
    refuse("a comma too many", DF_LAYOUT_NATIVE, "\n-- @metadata {\n--   \"author\": \"x\",\n-- }\n", 4,
           "not valid JSON");
    refuse("a word without quotes", DF_LAYOUT_NATIVE,
           "-- @metadata {\n--   \"author\": \"x\",\n--   risk: \"low\"\n-- }\n", 3, "not valid JSON");
    refuse("a brace that is not closed", DF_LAYOUT_NATIVE, "-- @metadata {\n--   \"a\": 1\nSELECT 1;", 1,
           "does not end");
    refuse("a text that is not closed", DF_LAYOUT_NATIVE, "-- @metadata {\n--   \"a\": \"b\n-- }\n", 2,
           "does not end in its line");
    refuse("no object", DF_LAYOUT_NATIVE, "-- @metadata author: x\n", 1, "an object in braces");
    refuse("something behind it", DF_LAYOUT_NATIVE, "-- @metadata {} x\n", 1, "behind the object");
    refuse("a second one", DF_LAYOUT_NATIVE, "-- @metadata {}\n\n-- @metadata {}\n", 3, "a second header");
    refuse("a risk that is none", DF_LAYOUT_NATIVE, "-- @metadata {\n--   \"risk\": \"huge\"}\n", 2,
           "low, medium, high or critical");
    refuse("a number for a text", DF_LAYOUT_NATIVE, "-- @metadata {\"author\": 7}\n", 1,
           "author must be a text");
    refuse("a text for a truth", DF_LAYOUT_NATIVE, "-- @metadata {\"breakingChange\": \"yes\"}\n", 1,
           "true or false");
    refuse("a text for a list", DF_LAYOUT_NATIVE, "-- @metadata {\"tags\": \"a\"}\n", 1, "a list of texts");
    refuse("numbers in a list", DF_LAYOUT_NATIVE, "-- @metadata {\"dependencies\": [8]}\n", 1,
           "a list of texts");
    refuse("a duration below zero", DF_LAYOUT_NATIVE, "-- @metadata {\"estimatedDuration\": -5}\n", 1,
           "milliseconds");
}

static void goose(void)
{
    loaded l;
    LOAD(l, DF_LAYOUT_GOOSE, "001_a.sql",
         "-- note\n-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;\n-- +goose down\nSELECT 2;\n");
    check(section_is(&l, &l.m->up, 3, "-- +goose Up\nSELECT 1;\n") &&
              section_is(&l, &l.m->down, 5, "-- +goose down\nSELECT 2;\n"),
          "goose: up and down");
    check(l.m->up.no_transaction && l.m->down.no_transaction, "goose: NO TRANSACTION is for the file");
    done(&l);
    LOAD(l, DF_LAYOUT_GOOSE, "001_a.sql", "-- +goose Up\nSELECT 1;\n");
    check(l.code == DF_OK && !l.m->down.present && !l.m->up.no_transaction, "goose: no down");
    done(&l);
    LOAD(l, DF_LAYOUT_GOOSE, "001_a.sql",
         "-- +goose ENVSUB ON\n-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;\n");
    check(l.code == DF_OK && l.m->up.substitute && l.m->down.substitute,
          "goose: ENVSUB ON in front of the sections is for both");
    done(&l);
    LOAD(l, DF_LAYOUT_GOOSE, "001_a.sql",
         "-- +goose Up\n-- +goose ENVSUB ON\nSELECT 1;\n-- +goose Down\n-- +goose ENVSUB OFF\nSELECT 2;\n");
    check(l.code == DF_OK && !l.m->up.substitute && l.m->down.substitute,
          "goose: and goes on from up into down");
    done(&l);
    LOAD(l, DF_LAYOUT_GOOSE, "001_a.sql",
         "-- +goose Up\n-- +goose ENVSUB ON\nSELECT 1;\n-- +goose ENVSUB OFF\n-- +goose Down\nSELECT 2;\n");
    check(l.code == DF_OK && !l.m->up.substitute && !l.m->down.substitute, "goose: unless it is ended");
    done(&l);
    LOAD(l, DF_LAYOUT_GOOSE, "001_a.sql", "\n");
    check(l.code == DF_OK && l.m->up.present && !l.m->down.present, "goose: an empty file");
    done(&l);
    refuse("goose: no Up", DF_LAYOUT_GOOSE, "SELECT 1;\n", 1, "no -- +goose Up");
    refuse("goose: statements in front", DF_LAYOUT_GOOSE, "SELECT 1;\n-- +goose Up\n", 1, "would not run");
    refuse("goose: an annotation it does not have", DF_LAYOUT_GOOSE, "-- +goose Up\n-- +goose Sideways\n", 2,
           "no such annotation");
    refuse("goose: Down first", DF_LAYOUT_GOOSE, "-- +goose Down\n", 1, "in front of +goose Up");
    refuse("goose: twice Up", DF_LAYOUT_GOOSE, "-- +goose Up\n-- +goose Up\n", 2, "a second +goose Up");
    refuse("goose: twice Down", DF_LAYOUT_GOOSE, "-- +goose Up\n-- +goose Down\n-- +goose Down\n", 3,
           "a second +goose Down");
    refuse("goose: a statement that does not end", DF_LAYOUT_GOOSE,
           "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n", 2, "without StatementEnd");
    refuse("goose: nor before Down", DF_LAYOUT_GOOSE,
           "-- +goose Up\n-- +goose StatementBegin\n-- +goose Down\n", 2, "without StatementEnd");
    refuse("goose: one inside of another", DF_LAYOUT_GOOSE,
           "-- +goose Up\n-- +goose StatementBegin\n-- +goose StatementBegin\n", 3, "inside of a statement");
    refuse("goose: an end without a begin", DF_LAYOUT_GOOSE, "-- +goose Up\n-- +goose StatementEnd\n", 2,
           "without StatementBegin");
    refuse("goose: a statement in front of Up", DF_LAYOUT_GOOSE, "-- +goose StatementBegin\n-- +goose Up\n",
           1, "must come behind");
    refuse("goose: dbmate's file", DF_LAYOUT_GOOSE, "-- migrate:up\n", 1, "written for dbmate");
}

static void dbmate(void)
{
    loaded l;
    LOAD(l, DF_LAYOUT_DBMATE, "001_a.sql",
         "-- note\n\n-- migrate:up transaction:false\nSELECT 1;\n-- migrate:down\nSELECT 2;\n");
    check(section_is(&l, &l.m->up, 3, "-- migrate:up transaction:false\nSELECT 1;\n") &&
              l.m->up.no_transaction,
          "dbmate: up outside of a transaction");
    check(section_is(&l, &l.m->down, 5, "-- migrate:down\nSELECT 2;\n") && !l.m->down.no_transaction,
          "dbmate: down inside");
    done(&l);
    LOAD(l, DF_LAYOUT_DBMATE, "001_a.sql",
         "--migrate:up\nSELECT 1;\n--  migrate:down\nSELECT 2;\n-- migrate:up\nSELECT 3;\n-- migrate:down "
         "transaction:false\nSELECT 4;");
    check(section_is(&l, &l.m->up, 1, "--migrate:up\nSELECT 1;\n-- migrate:up\nSELECT 3;\n"),
          "dbmate: two blocks up are one way up");
    check(l.m->up.n_parts == 2 && l.m->up.parts[1].first_line == 5 && l.m->down.n_parts == 2 &&
              l.m->down.parts[1].first_line == 7,
          "each with its line");
    check(l.m->down.no_transaction && !l.m->up.no_transaction,
          "one block outside of a transaction is enough");
    done(&l);
    LOAD(l, DF_LAYOUT_DBMATE, "001_a.sql", "-- migrate:up\nSELECT 1;\n");
    check(l.code == DF_OK && !l.m->down.present, "dbmate: no down");
    done(&l);
    refuse("dbmate: no up", DF_LAYOUT_DBMATE, "SELECT 1;\n", 1, "no -- migrate:up");
    refuse("dbmate: statements in front", DF_LAYOUT_DBMATE, "SELECT 1;\n-- migrate:up\n", 1, "would not run");
    refuse("dbmate: down first", DF_LAYOUT_DBMATE, "-- migrate:down\n-- migrate:up\n", 1,
           "in front of migrate:up");
    refuse("dbmate: two downs", DF_LAYOUT_DBMATE, "-- migrate:up\n-- migrate:down\n-- migrate:down\n", 3,
           "a second migrate:down");
    refuse("dbmate: goose's file", DF_LAYOUT_DBMATE, "-- +goose Up\n", 1, "written for goose");
}

static void marked(void)
{
    loaded l;
    LOAD(l, DF_LAYOUT_SQL_MIGRATE, "1_a.sql",
         "-- +migrate Up\nSELECT 1;\n-- +migrate Down notransaction\nSELECT 2;\n");
    check(section_is(&l, &l.m->up, 2, "SELECT 1;\n") && section_is(&l, &l.m->down, 4, "SELECT 2;\n") &&
              !l.m->up.no_transaction && l.m->down.no_transaction,
          "sql-migrate: up, down, notransaction");
    done(&l);
    LOAD(l, DF_LAYOUT_SQL_MIGRATE, "1_a.sql", "-- +migrate Down\nSELECT 2;\n-- +migrate Up\nSELECT 1;");
    check(section_is(&l, &l.m->up, 4, "SELECT 1;") && section_is(&l, &l.m->down, 2, "SELECT 2;\n"),
          "sql-migrate: down first");
    done(&l);
    refuse("sql-migrate: no up", DF_LAYOUT_SQL_MIGRATE, "SELECT 1;\n", 1, "not marked");
    refuse("sql-migrate: in front of it", DF_LAYOUT_SQL_MIGRATE, "SELECT 1;\n-- +migrate Up\n", 1,
           "in front of");
    LOAD(l, DF_LAYOUT_SQL_MIGRATE, "1_a.sql",
         "-- +migrate Up\nSELECT 1;\n-- +migrate Down\nSELECT 3;\n-- +migrate Up notransaction\nSELECT 2;\n");
    check(l.code == DF_OK && str_is(l.m->up.sql, "SELECT 1;\nSELECT 2;\n") && l.m->up.no_transaction &&
              section_is(&l, &l.m->down, 4, "SELECT 3;\n"),
          "sql-migrate: several ways up are one");
    done(&l);
    refuse("rambler: two ways up", DF_LAYOUT_RAMBLER, "-- rambler up\n-- rambler up\n", 2, "second way up");
    refuse("sql-migrate: misspelt", DF_LAYOUT_SQL_MIGRATE, "-- +migrate Up\n-- +migrate Dwon\n", 2,
           "no such annotation");
    refuse("sql-migrate: an open block", DF_LAYOUT_SQL_MIGRATE,
           "-- +migrate Up\n-- +migrate StatementBegin\nSELECT 1;\n-- +migrate Down\n", 2,
           "without StatementEnd");
    LOAD(l, DF_LAYOUT_TERN, "1_a.sql", "SELECT 1;\n---- create above / drop below ----\nSELECT 2;\n");
    check(section_is(&l, &l.m->up, 1, "SELECT 1;\n") && section_is(&l, &l.m->down, 3, "SELECT 2;\n"), "tern");
    done(&l);
    LOAD(l, DF_LAYOUT_TERN, "1_a.sql", "---- tern: disable-tx ----\nSELECT 1;\n");
    check(l.code == DF_OK && l.m->up.no_transaction && section_is(&l, &l.m->down, 0, NULL),
          "tern: without a transaction, without a way down");
    done(&l);
    LOAD(l, DF_LAYOUT_MYBATIS, "1_a.sql", "-- // words\nSELECT 1;\n-- //@UNDO\nSELECT 2;\n");
    check(section_is(&l, &l.m->up, 1, "-- // words\nSELECT 1;\n") &&
              section_is(&l, &l.m->down, 4, "SELECT 2;\n"),
          "mybatis");
    done(&l);
    LOAD(l, DF_LAYOUT_EVOLUTIONS, "1.sql", "# --- !Ups\nSELECT 1;\n# --- !Downs\nSELECT 2;\n");
    check(section_is(&l, &l.m->up, 2, "SELECT 1;\n") && section_is(&l, &l.m->down, 4, "SELECT 2;\n"),
          "evolutions: marks that are no comments stand in no section");
    done(&l);
    LOAD(l, DF_LAYOUT_EVOLUTIONS, "1.sql",
         "# A schema\n\n# --- made by hand\n# --- !Ups\nDO $$ BEGIN PERFORM 1;; END $$;\n\n# --- !Downs\n");
    check(section_is(&l, &l.m->up, 5, "DO $$ BEGIN PERFORM 1; END $$;\n\n") &&
              section_is(&l, &l.m->down, 8, ""),
          "evolutions: what stands in front, and semicolons that do not end a statement");
    done(&l);
    LOAD(l, DF_LAYOUT_SHMIG, "1_a.sql", "-- ==== UP ====\nSELECT 1;\n-- ==== DOWN ====\n");
    check(section_is(&l, &l.m->up, 2, "SELECT 1;\n") && section_is(&l, &l.m->down, 4, ""), "shmig");
    done(&l);
    LOAD(l, DF_LAYOUT_RAMBLER, "1_a.sql", "\n-- rambler up\nSELECT 1;\n-- rambler down");
    check(section_is(&l, &l.m->up, 3, "SELECT 1;\n") && section_is(&l, &l.m->down, 4, ""), "rambler");
    done(&l);
    refuse("native: sql-migrate's file", DF_LAYOUT_NATIVE, "-- +migrate Up\nSELECT 1;\n-- +migrate Down\n", 1,
           "written for sql-migrate");
    refuse("native: tern's file", DF_LAYOUT_NATIVE, "SELECT 1;\n---- create above / drop below ----\n", 2,
           "written for tern");
    refuse("goose: MyBatis' file", DF_LAYOUT_GOOSE, "SELECT 1;\n--//@UNDO\nSELECT 2;", 2,
           "written for mybatis");
    refuse("native: Play's file", DF_LAYOUT_NATIVE, "# --- !Ups\nSELECT 1;\n", 1, "written for evolutions");
    refuse("sql-migrate: goose's file", DF_LAYOUT_SQL_MIGRATE, "-- +goose Up\n", 1, "written for goose");
}

/* Drizzle's mark is a comment to PostgreSQL and SQLite, but not to MariaDB. */
static void breakpoints(void)
{
    folder f;
    df_error err = {0};
    df_steps steps = {0};
    folder_init(&f);
    folder_put(
        &f, "0000_a.sql",
        "CREATE TABLE a (i int);\n--> statement-breakpoint\nCREATE TABLE b (i int);--> statement-breakpoint\n"
        "INSERT INTO a VALUES (1);\n");
    df_migration_set *set = folder_open(&f, DF_LAYOUT_AUTO, &df_sql_mariadb);
    check(set && df_migration_load(set, &set->items[0], &err) == DF_OK &&
              df_section_steps(set, &set->items[0].up, NULL, &arena, &steps, &err) == DF_OK &&
              steps.count == 3 && str_is(steps.items[1].statement.text, "CREATE TABLE b (i int)") &&
              steps.items[1].statement.line == 3,
          "drizzle's marks part statements on MariaDB, too");
    df_migrations_close(set);
    folder_release(&f);
}

static void others(void)
{
    loaded l;
    LOAD(l, DF_LAYOUT_NODE_PG, "1_a.sql",
         "-- x\n-- Up Migration\nSELECT 1;\n-- - down   Migration follows\nSELECT 2;\n");
    check(section_is(&l, &l.m->up, 2, "-- Up Migration\nSELECT 1;\n") &&
              section_is(&l, &l.m->down, 4, "-- - down   Migration follows\nSELECT 2;\n"),
          "node-pg-migrate: up and down");
    done(&l);
    LOAD(l, DF_LAYOUT_NODE_PG, "1_a.sql", "SELECT 1;");
    check(section_is(&l, &l.m->up, 1, "SELECT 1;") && !l.m->down.present,
          "node-pg-migrate: without marks all is up");
    done(&l);
    LOAD(l, DF_LAYOUT_NODE_PG, "1_a.sql", "-- Down Migration\nSELECT 2;\n-- Up Migration\nSELECT 1;");
    check(section_is(&l, &l.m->up, 3, "-- Up Migration\nSELECT 1;") &&
              section_is(&l, &l.m->down, 1, "-- Down Migration\nSELECT 2;\n"),
          "node-pg-migrate: down first");
    done(&l);
    LOAD(l, DF_LAYOUT_SQLX, "1_a.up.sql", "-- no-transaction\nSELECT 1;", "1_a.down.sql", "SELECT 2;");
    check(l.code == DF_OK && l.m->up.no_transaction && !l.m->down.no_transaction,
          "sqlx: -- no-transaction is for its file");
    done(&l);
    LOAD(l, DF_LAYOUT_FLYWAY, "V1__a.sql", "SELECT ${x};", "V1__a.sql.conf",
         "executeInTransaction=false\nplaceholderReplacement=false\n", "U1__a.sql", "SELECT 2;");
    check(l.code == DF_OK && l.m->up.no_transaction && l.m->up.no_placeholders &&
              str_is(l.m->down.sql, "SELECT 2;"),
          "flyway: the script's settings");
    done(&l);
    LOAD(l, DF_LAYOUT_FLYWAY, "V1__a.sql", "SELECT 1;", "V1__a.sql.conf", "shouldExecute=false\n");
    check(l.code == DF_OK && l.m->up.present && l.m->up.sql.len == 0,
          "flyway: what should not run, does not");
    done(&l);
    LOAD(l, DF_LAYOUT_FLYWAY, "V1__a.sql", "SELECT 1;", "V1__a.sql.conf", "shouldExecute=${x}==y\n");
    check(l.code == DF_UNSUPPORTED && strstr(l.err.file, "V1__a.sql.conf"),
          "flyway: what cannot be decided is refused");
    done(&l);
    LOAD(l, DF_LAYOUT_FLYWAY, "V1__a.sql", "SELECT 1;", "V1__a.sql.conf", "encoding=ISO-8859-1\n");
    check(l.code == DF_UNSUPPORTED && strstr(l.err.message, "ISO-8859-1"), "flyway: another encoding");
    done(&l);
    LOAD(l, DF_LAYOUT_DIESEL, "1_a/up.sql", "SELECT 1;", "1_a/metadata.toml",
         "run_in_transaction = false # CONCURRENTLY\n");
    check(l.code == DF_OK && l.m->up.no_transaction && !l.m->down.present, "diesel: metadata.toml");
    done(&l);
    LOAD(l, DF_LAYOUT_DIESEL, "1_a/up.sql", "SELECT 1;", "1_a/metadata.toml", "run_in_transaction = 0\n");
    check(l.code == DF_CORRUPT && strstr(l.err.file, "metadata.toml"), "diesel: neither true nor false");
    done(&l);
    LOAD(l, DF_LAYOUT_TEMPORAL, "v1.0/manifest.json",
         "{\"Description\":\"first\",\"SchemaUpdateCqlFiles\":[\"b.sql\",\"a.sql\"]}", "v1.0/a.sql",
         "SELECT 'a';", "v1.0/b.sql", "SELECT 'b'");
    check(section_is(&l, &l.m->up, 1, "SELECT 'b'\nSELECT 'a';\n") && l.m->up.n_parts == 2 &&
              strstr(l.m->up.parts[1].path, "v1.0/a.sql"),
          "temporal: the files in the manifest's order");
    check(str_is(l.m->meta.description, "first") && !l.m->down.present, "temporal: its description");
    done(&l);
    static const char *const bad[] = {"{",
                                      "{\"SchemaUpdateCqlFiles\":\"a.sql\"}",
                                      "{\"SchemaUpdateCqlFiles\":[\"../a.sql\"]}",
                                      "{\"SchemaUpdateCqlFiles\":[\"/a.sql\"]}",
                                      "{\"SchemaUpdateCqlFiles\":[5]}",
                                      "{\"CurrVersion\":\"1.1\",\"SchemaUpdateCqlFiles\":[]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        LOAD(l, DF_LAYOUT_TEMPORAL, "v1.0/manifest.json", bad[i]);
        df_error err;
        check(l.code == DF_CORRUPT && strstr(l.err.file, "manifest.json") &&
                  df_migration_hash(l.set, l.m, &err) == DF_CORRUPT,
              "temporal: refused: %s", bad[i]);
        done(&l);
    }
    LOAD(l, DF_LAYOUT_TEMPORAL, "v1.0/manifest.json", "{\"SchemaUpdateCqlFiles\":[\"a.sql\"]}");
    check(l.code == DF_NOT_FOUND && strstr(l.err.message, "v1.0/a.sql"),
          "temporal: a file that is not there");
    done(&l);
}

/* ---- hashes ---- */

static df_hash128 raw_of(df_layout layout, const char *const *list, bool by_load)
{
    loaded l;
    load(&l, layout, list);
    df_hash128 loaded_raw = l.m->raw;
    df_error err;
    bool fine =
        l.code == DF_OK && df_migration_hash(l.set, l.m, &err) == DF_OK && df_hash_eq(loaded_raw, l.m->raw);
    if (!fine) note("loading and hashing differ");
    df_hash128 raw = fine ? l.m->raw : (df_hash128){0};
    done(&l);
    (void)by_load;
    return raw;
}

#define RAW(layout, ...) raw_of(layout, (const char *const[]){__VA_ARGS__, NULL}, true)

static void hashes(void)
{
    df_hash128 plain = df_hash("SELECT 1;", 9);
    check(df_hash_eq(RAW(DF_LAYOUT_NATIVE, "1_a.sql", "SELECT 1;"), plain),
          "of one file: the hash of its bytes");
    check(!df_hash_eq(RAW(DF_LAYOUT_NATIVE, "1_a.sql", "SELECT 1;\r\n"),
                      RAW(DF_LAYOUT_NATIVE, "1_a.sql", "SELECT 1;\n")),
          "every byte counts");
    df_hash128 both = RAW(DF_LAYOUT_PAIRS, "1_a.up.sql", "SELECT 1;", "1_a.down.sql", "");
    check(!df_hash_eq(both, plain), "an empty way down is not a missing one");
    check(!df_hash_eq(both, RAW(DF_LAYOUT_PAIRS, "1_a.up.sql", "", "1_a.down.sql", "SELECT 1;")),
          "nor is it the way up");
    check(df_hash_eq(both, RAW(DF_LAYOUT_PAIRS, "7_b.up.sql", "SELECT 1;", "7_b.down.sql", "")),
          "names do not count");
    df_hash128 listed = RAW(DF_LAYOUT_TEMPORAL, "v1/manifest.json", "{\"SchemaUpdateCqlFiles\":[\"a.sql\"]}",
                            "v1/a.sql", "x");
    check(!df_hash_eq(listed, RAW(DF_LAYOUT_TEMPORAL, "v1/manifest.json",
                                  "{\"SchemaUpdateCqlFiles\":[\"a.sql\"]}", "v1/a.sql", "y")),
          "listed files count");
    loaded l;
    LOAD(l, DF_LAYOUT_NATIVE, "1_a.sql", "-- UP\nSELECT 1;\n-- DOWN\n");
    check(l.code == DF_OK && df_hash_eq(l.m->raw_up, df_hash("-- UP\nSELECT 1;\n", 16)),
          "of the way up alone");
    df_error err = {0};
    folder_remove(&l.f, "1_a.sql");
    check(df_migration_load(l.set, l.m, &err) == DF_OK, "a second load does not read again");
    check(df_migration_hash(l.set, l.m, &err) == DF_NOT_FOUND && strstr(err.file, "1_a.sql"), "hashing does");
    done(&l);
    enum { LARGE = 300000 };
    folder f;
    folder_init(&f);
    char *text = df_alloc(LARGE);
    memset(text, ' ', LARGE);
    folder_put_bytes(&f, "1_a.sql", text, LARGE);
    df_migration_set *set = folder_open(&f, DF_LAYOUT_AUTO, NULL);
    check(set && df_migration_hash(set, &set->items[0], &err) == DF_OK &&
              df_hash_eq(set->items[0].raw, df_hash(text, LARGE)),
          "a file larger than a buffer");
    df_migrations_close(set);
    folder_release(&f);
    free(text);
}

int main(void)
{
    native();
    nul_and_encodings();
    hidden_mark();
    directives();
    header();
    goose();
    dbmate();
    marked();
    breakpoints();
    others();
    hashes();
    df_arena_release(&arena);
    return tap_done();
}
