/* SPDX-License-Identifier: Apache-2.0 */
/* The schema as objects, and the state of one: what they hold. inspect.py compares with the engines' own
 * dumps. */
#include "contract.h"

#include "engine/session.h"

#include <string.h>

static bool is(const char *engine)
{
    return strcmp(fl->engine, engine) == 0;
}

typedef struct seen {
    df_buf text; /* "kind parent.name: definition", one a line */
    df_buf last;
    size_t count;
    bool sorted;
} seen;

static df_code take(void *context, const df_object *o, df_error *err)
{
    (void)err;
    seen *s = context;
    df_buf key = {0};
    df_buf_printf(&key, "%.*s%c%.*s%c%.*s%c%.*s", DF_FMT(o->kind), 1, DF_FMT(o->schema), 1, DF_FMT(o->parent),
                  1, DF_FMT(o->name));
    if (s->count++ && df_str_cmp(df_buf_str(&s->last), df_buf_str(&key)) > 0) s->sorted = false;
    df_buf_clear(&s->last);
    df_buf_str_add(&s->last, df_buf_str(&key));
    df_buf_printf(&s->text, "%.*s %.*s.%.*s: %.*s\n", DF_FMT(o->kind), DF_FMT(o->parent), DF_FMT(o->name),
                  DF_FMT(o->definition));
    df_buf_release(&key);
    return DF_OK;
}

static void look(df_conn *conn, seen *s, const char *const *exclude)
{
    df_error err;
    df_buf_clear(&s->text);
    df_buf_clear(&s->last);
    s->count = 0;
    s->sorted = true;
    df_inspect_options options = {.schema = df_conn_schema(conn), .exclude = exclude};
    df_code code = df_inspect(conn, &options, take, s, &err);
    if (code != DF_OK) check_code(code, DF_OK, &err, "inspect");
    df_buf_cstr(&s->text);
}

static bool shows(const seen *s, const char *line)
{
    return check(s->text.ptr && strstr(s->text.ptr, line) != NULL, "it shows %s", line);
}

static const char *const common[] = {
    "CREATE TABLE parent (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(40) DEFAULT 'x')",
    "CREATE TABLE child (id INTEGER NOT NULL, parent_id INTEGER, n INTEGER CHECK (n > 0), "
    "CONSTRAINT child_parent FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE)",
    "CREATE UNIQUE INDEX child_id ON child (id, n)",
    "CREATE VIEW shown AS SELECT id FROM parent",
};

static void test_objects(df_conn *conn)
{
    seen s = {.sorted = true}, again = {.sorted = true};
    df_error err;
    static const char *const no_child[] = {"chil?", NULL};
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) run_sql(conn, DF_OK, "%s", common[i]);
    look(conn, &s, NULL);
    check(s.sorted, "%zu objects, sorted", s.count);
    shows(&s, "table .parent: ");
    shows(&s, "column parent.name: ");
    shows(&s, "constraint child.child_parent: ");
    shows(&s, "index child.child_id: ");
    shows(&s, "view .shown: ");
    check(strstr(s.text.ptr, "> 0") != NULL, "with the check");
    look(conn, &again, NULL);
    check(df_str_eq(df_buf_str(&s.text), df_buf_str(&again.text)), "twice the same");
    if (df_conn_caps(conn) & DF_CAP_TRANSACTIONAL_DDL) {
        check(df_begin(conn, &err) == DF_OK, "begin");
        run_sql(conn, DF_OK, "CREATE TABLE inside (id INTEGER)");
        look(conn, &again, NULL);
        shows(&again, "column inside.id: ");
        run_sql(conn, DF_OK, "CREATE TABLE inside2 (id INTEGER)");
        df_rollback(conn);
        look(conn, &again, NULL);
        check(df_str_eq(df_buf_str(&s.text), df_buf_str(&again.text)), "what is rolled back is gone");
    }
    look(conn, &again, no_child);
    check(!strstr(again.text.ptr, "child") && strstr(again.text.ptr, "parent.id"),
          "a table left out, with all that hangs on it");
    run_sql(conn, DF_OK, "ALTER TABLE parent ADD COLUMN extra INTEGER");
    look(conn, &again, NULL);
    check(!df_str_eq(df_buf_str(&s.text), df_buf_str(&again.text)), "a change shows");
    run_sql(conn, DF_OK, "ALTER TABLE parent DROP COLUMN extra");
    look(conn, &again, NULL);
    check(df_str_eq(df_buf_str(&s.text), df_buf_str(&again.text)), "and is gone when taken back");
    df_buf_release(&s.text), df_buf_release(&s.last), df_buf_release(&again.text),
        df_buf_release(&again.last);
}

static void state(df_conn *conn, const char *kind, const char *name, const char *table, char out[128])
{
    df_error err;
    df_buf text = {0};
    df_code code =
        df_object_state(conn, kind, DF_STR_NONE, df_str_from(name), df_str_from(table), &text, &err);
    if (code != DF_OK) check_code(code, DF_OK, &err, name);
    snprintf(out, 128, "%s", code == DF_OK ? df_buf_cstr(&text) : "?");
    df_buf_release(&text);
}

/* Each statement changes the state of its object. */
static void test_states(df_conn *conn)
{
    static const struct {
        const char *engine, *kind, *name, *table, *sql;
    } steps[] = {
        {"", "table", "st", NULL, "CREATE TABLE st (id INTEGER)"},
        {"", "table", "st", NULL, "ALTER TABLE st ADD COLUMN a INTEGER"},
        {"", "table", "st", NULL, "ALTER TABLE st RENAME COLUMN a TO b"},
        {"", "index", "st_id", "st", "CREATE INDEX st_id ON st (id)"},
        {"", "view", "sv", NULL, "CREATE VIEW sv AS SELECT id FROM st"},
        {"", "view", "sv", NULL, "DROP VIEW sv"},
        {"postgres", "index", "st_id", "st", "DROP INDEX st_id"},
        {"postgres", "table", "st", NULL, "ALTER TABLE st ALTER COLUMN b SET DEFAULT 7"},
        {"postgres", "table", "st", NULL, "ALTER TABLE st ADD CONSTRAINT sc CHECK (b > 0) NOT VALID"},
        {"postgres", "constraint", "sc", "st", "ALTER TABLE st VALIDATE CONSTRAINT sc"},
        {"postgres", "table", "st", NULL, "ALTER TABLE st SET (fillfactor = 50)"},
        {"postgres", "table", "st", NULL, "COMMENT ON COLUMN st.b IS 'bees'"},
        {"postgres", "table", "st", NULL, "GRANT SELECT ON st TO PUBLIC"},
        {"postgres", "table", "st", NULL, "TRUNCATE st"},
        {"postgres", "table", "st", NULL, "VACUUM FULL st"},
        {"postgres", "index", "st_c", "st", "CREATE INDEX CONCURRENTLY st_c ON st (b)"},
        {"postgres", "index", "st_c", "st", "REINDEX INDEX CONCURRENTLY st_c"},
        {"postgres", "index", "st_c", "st", "DROP INDEX CONCURRENTLY st_c"},
        {"postgres", "type", "se", NULL, "CREATE TYPE se AS ENUM ('a')"},
        {"postgres", "type", "se", NULL, "ALTER TYPE se ADD VALUE 'b'"},
        {"postgres", "domain", "sd", NULL, "CREATE DOMAIN sd AS INTEGER"},
        {"postgres", "domain", "sd", NULL, "ALTER DOMAIN sd ADD CHECK (VALUE > 0)"},
        {"postgres", "sequence", "sq", NULL, "CREATE SEQUENCE sq"},
        {"postgres", "sequence", "sq", NULL, "ALTER SEQUENCE sq INCREMENT BY 7"},
        {"postgres", "function", "sf", NULL,
         "CREATE FUNCTION sf() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"},
        {"postgres", "function", "sf", NULL,
         "CREATE OR REPLACE FUNCTION sf() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"},
        {"postgres", "trigger", "sg", "st",
         "CREATE TRIGGER sg BEFORE INSERT ON st FOR EACH ROW EXECUTE FUNCTION sf()"},
        {"postgres", "trigger", "sg", "st", "ALTER TABLE st DISABLE TRIGGER sg"},
        {"postgres", "policy", "sp", "st", "CREATE POLICY sp ON st USING (true)"},
        {"postgres", "rule", "sr", "st", "CREATE RULE sr AS ON DELETE TO st DO INSTEAD NOTHING"},
        {"postgres", "materialized view", "sm", NULL, "CREATE MATERIALIZED VIEW sm AS SELECT id FROM st"},
        {"postgres", "statistics", "ss", NULL, "CREATE STATISTICS ss ON id, b FROM st"},
        {"postgres", "schema", "contract_state", NULL, "CREATE SCHEMA contract_state"},
        {"postgres", "schema", "contract_state", NULL, "DROP SCHEMA contract_state"},
        {"postgres", "publication", "contract_p", NULL, "CREATE PUBLICATION contract_p FOR TABLE st"},
        {"postgres", "publication", "contract_p", NULL, "DROP PUBLICATION contract_p"},
        {"postgres", "role", "contract_r", NULL, "CREATE ROLE contract_r"},
        {"postgres", "user", "contract_r", NULL, "ALTER ROLE contract_r CREATEDB"},
        {"postgres", "role", "contract_r", NULL, "DROP ROLE contract_r"},
        {"postgres", "extension", "plpgsql", NULL, NULL},
        {"postgres", "database", "dataflow", NULL, NULL},
        {"mariadb", "index", "st_id", "st", "DROP INDEX st_id ON st"},
        {"mariadb", "sequence", "sq", NULL, "CREATE SEQUENCE sq"},
        {"mariadb", "sequence", "sq", NULL, "ALTER SEQUENCE sq INCREMENT 7"},
        {"mariadb", "procedure", "sp", NULL, "CREATE PROCEDURE sp() SELECT 1"},
        {"mariadb", "function", "sf", NULL, "CREATE FUNCTION sf() RETURNS INT DETERMINISTIC RETURN 1"},
        {"mariadb", "trigger", "sg", "st",
         "CREATE TRIGGER sg BEFORE INSERT ON st FOR EACH ROW SET NEW.b = 1"},
        {"mariadb", "trigger", "sg", "st", "DROP TRIGGER sg"},
        {"mariadb", "event", "sx", NULL, "CREATE EVENT sx ON SCHEDULE EVERY 1 DAY DO SELECT 1"},
        {"mariadb", "event", "sx", NULL, "ALTER EVENT sx DISABLE"},
        {"mariadb", "database", "contract_state", NULL, "CREATE DATABASE contract_state"},
        {"mariadb", "database", "contract_state", NULL, "DROP DATABASE contract_state"},
        {"sqlite", "index", "st_id", "st", "DROP INDEX st_id"},
        {"sqlite", "trigger", "sg", "st", "CREATE TRIGGER sg AFTER INSERT ON st BEGIN SELECT 1; END"},
        {"sqlite", "table", "ST", NULL, "CREATE INDEX st_b ON st (b)"},
    };
    char before[128], after[128];
    df_error err;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (steps[i].engine[0] && !is(steps[i].engine)) continue;
        state(conn, steps[i].kind, steps[i].name, steps[i].table, before);
        if (!steps[i].sql) {
            check(before[0] != '\0', "the %s %s has a state", steps[i].kind, steps[i].name);
            continue;
        }
        run_sql(conn, DF_OK, "%s", steps[i].sql);
        state(conn, steps[i].kind, steps[i].name, steps[i].table, after);
        bool made = strncmp(steps[i].sql, "CREATE ", 7) == 0 && !strstr(steps[i].sql, "OR REPLACE") &&
                    !(is("sqlite") && strcmp(steps[i].kind, "table") == 0 && i > 1);
        bool dropped = strncmp(steps[i].sql, "DROP ", 5) == 0;
        bool ok =
            strcmp(before, after) != 0 && (!made || !before[0]) && (dropped ? !after[0] : after[0] != '\0');
        if (strcmp(steps[i].kind, "index") == 0 && !dropped) ok = ok && strncmp(after, "valid ", 6) == 0;
        check(ok, "%s", steps[i].sql);
        if (!ok) note("before \"%s\", after \"%s\"", before, after);
    }
    df_buf text = {0};
    check(df_object_state(conn, "weather", DF_STR_NONE, DF_STR("x"), DF_STR_NONE, &text, &err) ==
              DF_UNSUPPORTED,
          "%s", err.message);
    state(conn, "table", "st", NULL, before);
    run_sql(conn, DF_OK, "INSERT INTO st (id) VALUES (1)");
    state(conn, "table", "st", NULL, after);
    check(strcmp(before, after) == 0, "rows are no change");
    df_buf_release(&text);
}

/* An index that CREATE INDEX CONCURRENTLY left behind. */
static void test_invalid_index(df_conn *conn)
{
    char after[128];
    if (!is("postgres")) return;
    run_sql(conn, DF_OK, "CREATE TABLE iv (id INTEGER)");
    run_sql(conn, DF_OK, "INSERT INTO iv VALUES (1), (1)");
    run_sql(conn, DF_CONFLICT, "CREATE UNIQUE INDEX CONCURRENTLY iv_id ON iv (id)");
    state(conn, "index", "iv_id", "iv", after);
    check(strncmp(after, "invalid ", 8) == 0, "an invalid index is one: %s", after);
    seen s = {.sorted = true};
    look(conn, &s, NULL);
    check(strstr(s.text.ptr, "INVALID") != NULL, "also in the schema");
    df_buf_release(&s.text);
    df_buf_release(&s.last);
}

void test_inspect(void)
{
    df_conn *conn = connect_or_die();
    test_objects(conn);
    test_states(conn);
    test_invalid_index(conn);
    df_disconnect(conn);
}
