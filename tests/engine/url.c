/* SPDX-License-Identifier: Apache-2.0 */
/* Database URLs: what is shown of them, how they are taken apart, and the SQL scanner beside them. */
#include "engine/url.h"

#include "engine/bulktext.h"
#include "engine/engine.h"
#include "sql/sql.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

static void test_masks(void)
{
    static const struct {
        const char *url, *shown;
    } cases[] = {
        {"sqlite:///var/lib/c.db", "sqlite:///var/lib/c.db"},
        {"sqlite:c.db?mode=ro", "sqlite:c.db?mode=ro"},
        {"sqlite:user:x@y.db", "sqlite:user:x@y.db"},
        {"postgresql://host/db", "postgresql://host/db"},
        {"postgresql://me@host/db", "postgresql://me@host/db"},
        {"postgresql://me:secret@host/db", "postgresql://me:***@host/db"},
        {"postgresql://me:@host/db", "postgresql://me:***@host/db"},
        {"postgresql://:secret@host/db", "postgresql://:***@host/db"},
        {"postgresql://me:se@cr@et@host:5432/db?sslmode=require",
         "postgresql://me:***@host:5432/db?sslmode=require"},
        {"postgresql://me:s%40%3Fcret@host/db", "postgresql://me:***@host/db"},
        {"postgresql://me:se/cret@host/db", "postgresql://me:***@host/db"},
        {"postgresql://me:se?cret@host/db", "postgresql://me:***@host/db"},
        {"postgresql://me:s@e/c?r@e:t@host/db", "postgresql://me:***@host/db"},
        {"postgresql://me:se?a=b@host/db", "postgresql://me:***@host/db"},
        {"postgresql://me:secret@h1:1,h2:2/db", "postgresql://me:***@h1:1,h2:2/db"},
        {"postgresql://host/db?user=me&password=secret", "postgresql://host/db?user=me&password=***"},
        {"postgresql://host/db?PASSWORD=secret&x=1", "postgresql://host/db?PASSWORD=***&x=1"},
        {"postgresql://host/db?pass%77ord=secret", "postgresql://host/db?pass%77ord=***"},
        {"postgresql://host/db?sslpassword=a%26b&sslkey=/k",
         "postgresql://host/db?sslpassword=***&sslkey=/k"},
        {"postgresql://host/db?passfile=/home/me/.pgpass", "postgresql://host/db?passfile=/home/me/.pgpass"},
        {"postgresql://host:5432/db?user=me@corp", "postgresql://host:5432/db?user=me@corp"},
        {"postgresql://me:pw@host/db?password=a&password=b",
         "postgresql://me:***@host/db?password=***&password=***"},
        {"postgresql://[::1]:5432/db", "postgresql://[::1]:5432/db"},
        {"mysql://root:r00t@localhost/x?ssl-password=p&pwd=q",
         "mysql://root:***@localhost/x?ssl-password=***&pwd=***"},
        {"mariadb://u:p:w@h/d", "mariadb://u:***@h/d"},
        {"bolt://neo4j:secret@host:7687/db", "bolt://neo4j:***@host:7687/db"},
        {"bolt+s://neo4j:se@cret@host", "bolt+s://neo4j:***@host"},
        {"neo4j+ssc://neo4j:secret@host?database=x", "neo4j+ssc://neo4j:***@host?database=x"},
        {"neo4j://:ticket@host?auth=bearer", "neo4j://:***@host?auth=bearer"},
        {"bolt+ssc://host?user=me&password=secret", "bolt+ssc://host?user=me&password=***"},
        {"neo4j+s://[::1]:7687", "neo4j+s://[::1]:7687"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        df_buf shown = {0};
        df_error err;
        const char *engine = NULL;
        df_code code = df_url_check(cases[i].url, &engine, &shown, &err);
        check(code == DF_OK && engine && strcmp(df_buf_cstr(&shown), cases[i].shown) == 0, "%s",
              cases[i].shown);
        if (code == DF_OK && strcmp(df_buf_cstr(&shown), cases[i].shown) != 0)
            note("got %s", df_buf_cstr(&shown));
        df_buf_release(&shown);
    }
}

/* Every URL here is refused, by df_url_check or df_connect, without a word of the secret. */
static void test_refused(void)
{
    static const char *const urls[] = {
        "",
        "catalog.db",
        "/tmp/hunter2.db",
        "oracle://me:hunter2@host/db",
        "host=h password=hunter2",
        "sqlite:",
        "sqlite://",
        "sqlite:x.db?mode=hunter2",
        "sqlite:x.db?colour=hunter2",
        "sqlite:x.db?busy_timeout=hunter2",
        "sqlite:x.db?hunter2",
        "sqlite:a%00b.db",
        "postgresql:me:hunter2@host",
        "postgresql://me:hun@ter2@host/db",
        "postgresql://me:hunter2/x@host/db",
        "postgresql://me:hunter2?x@host/db",
        "postgresql://me:hunter2%zz@host/db",
        "postgresql://me:x@host:hunter2/db",
        "postgresql://me@host/db?password=hunter2&colour=blue",
        "postgresql://me@host/db?schema=",
        "postgresql://me@host/"
        "db?schema=a_name_that_is_much_longer_than_the_sixty_three_bytes_that_names_may_have",
        "mariadb://me:hunter2@host:port/db",
        "mariadb://me:hunter2@host:99999/db",
        "mariadb://me:hunter2/x@host/db",
        "mariadb://me:hunter2?x@host/db",
        "mariadb://me:hunter2@[::1/db",
        "mariadb://me:hunter2@[::1]x/db",
        "mariadb://me:hunter2@host/a/b",
        "mariadb://me@host/db?ssl-mode=hunter2",
        "mariadb://me@host/db?connect-timeout=hunter2",
        "mariadb://me@host/db?colour=hunter2",
        "mariadb://me@host/db?hunter2",
        "mariadb://me:hunter2%00@host/db",
        "bolt:me:hunter2@host",
        "bolt+x://me:hunter2@host",
        "bolt://me:hun@ter2@host/db",
        "bolt://me:hunter2@host:port",
        "bolt://me:hunter2@host?bolt=five",
        "bolt://me:hunter2@host?bolt=5.4x",
        "bolt://me:hunter2@host?auth=hunter2",
        "bolt://me:hunter2@host?colour=hunter2",
        "bolt://me:hunter2@host?connect-timeout=0",
        "bolt://:hunter2@host?auth=basic",
        "bolt://host?auth=bearer",
        "neo4j+ssc://me:hunter2@host?ssl-ca=/x",
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        df_error err;
        df_conn *conn = NULL;
        df_code code = df_connect(urls[i], NULL, &conn, &err);
        bool told =
            strstr(err.message, "hunter2") || strstr(err.hint, "hunter2") || strstr(err.file, "hunter2");
        check(code == DF_USAGE && !told, "refused: %s", err.message);
        if (code != DF_USAGE || told) note("%s: %s", urls[i], df_code_name(code));
    }
}

static void test_parsing(void)
{
    df_arena arena = {0};
    df_url url;
    df_error err;
    df_code code =
        df_url_parse("mariadb://us%40er:p%2Fw%3F@[::1]:3307/d%20b?ssl_ca=/x%26y&socket=", &arena, &url, &err);
    check(code == DF_OK && strcmp(url.user, "us@er") == 0 && strcmp(url.password, "p/w?") == 0 &&
              strcmp(url.host, "::1") == 0 && url.port == 3307 && strcmp(url.path, "d b") == 0,
          "the parts are decoded");
    check(url.n_params == 2 && strcmp(url.params[0].name, "ssl-ca") == 0 &&
              strcmp(url.params[0].value, "/x&y") == 0 && strcmp(url.params[1].value, "") == 0,
          "so are the parameters");
    code = df_url_parse("mysql:///db", &arena, &url, &err);
    check(code == DF_OK && !url.user && !url.password && !url.host && !url.port &&
              strcmp(url.path, "db") == 0,
          "what is not given is absent");
    code = df_url_parse("mysql://host", &arena, &url, &err);
    check(code == DF_OK && strcmp(url.host, "host") == 0 && strcmp(url.path, "") == 0, "a host alone");

    df_buf rest = {0};
    const char *value;
    code = df_url_take_param("postgresql://h/d?a=1&schema=my%22s&b=2", "schema", &arena, &rest, &value, &err);
    check(code == DF_OK && strcmp(df_buf_cstr(&rest), "postgresql://h/d?a=1&b=2") == 0 &&
              strcmp(value, "my\"s") == 0,
          "a parameter is taken out");
    df_buf_clear(&rest);
    code = df_url_take_param("postgresql://h/d?schema=x", "schema", &arena, &rest, &value, &err);
    check(code == DF_OK && strcmp(df_buf_cstr(&rest), "postgresql://h/d") == 0, "also the only one");
    df_buf_release(&rest);
    df_arena_release(&arena);
}

static void test_scanner(void)
{
    const df_sql_dialect pg = {.escape_strings = true}, my = {.backtick = true, .hash_comment = true},
                         old = {.backtick = true, .hash_comment = true, .backslash = true},
                         lite = {.backtick = true};
    static const struct {
        const char *sql;
        int pg, my, old, lite; /* parameters found */
    } cases[] = {
        {"a = ? AND b = ?", 2, 2, 2, 2},
        {"'?' ? '''?' ?", 2, 2, 2, 2},
        {"\"?\" ? -- ?\n ?", 2, 2, 2, 2},
        {"/* ? /* ? */ ? */ ?", 1, 2, 2, 2},
        {"$$ ? $$ ? $a$ ? $$ ? $a$ ?", 2, 5, 5, 5},
        {"$1 ? a$b$ ?", 2, 2, 2, 2},
        {"E'\\'?' ?", 1, 1, 1, 1},
        {"'\\' ? '", 1, 1, 0, 1},
        {"`?` ?", 2, 1, 1, 1},
        {"# ?\n ?", 2, 1, 1, 2},
        {"5 --? ", 0, 1, 1, 0},
        {"'not ended ?", 0, 0, 0, 0},
        {"/* not ended ?", 0, 0, 0, 0},
        {"$$ not ended ?", 0, 1, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const df_sql_dialect *dialects[] = {&pg, &my, &old, &lite};
        int wanted[] = {cases[i].pg, cases[i].my, cases[i].old, cases[i].lite}, wrong = -1;
        for (int d = 0; d < 4; d++) {
            int found = 0;
            df_str sql = df_str_from(cases[i].sql);
            for (size_t at = 0; (at = df_sql_next_param(dialects[d], sql, at)) < sql.len; at++) found++;
            if (found != wanted[d]) wrong = d;
        }
        check(wrong < 0, "parameters case %zu in each dialect", i);
        if (wrong >= 0) note("%s: dialect %d", cases[i].sql, wrong);
    }
}

static void test_doubles(void)
{
    static const double values[] = {0, 5, -1.5, 0.1, 1e300, 5e-324, 123456789012345678.0, 1.0 / 3};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        df_buf text = {0};
        df_put_sql_double(&text, values[i]);
        double back = strtod(df_buf_cstr(&text), NULL);
        check(back == values[i] && strpbrk(df_buf_cstr(&text), ".e"), "%s reads back", df_buf_cstr(&text));
        df_buf_release(&text);
    }
}

int main(void)
{
    test_masks();
    test_refused();
    test_parsing();
    test_scanner();
    test_doubles();
    return tap_done();
}
