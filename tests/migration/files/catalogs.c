/* SPDX-License-Identifier: Apache-2.0 */
/* Migration files of Neo4j that are not scripts: catalogs of neo4j-migrations, changelogs of Liquibase. */
#include "graph.h"

/* ---- catalogs ---- */

#define XML       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define MIGRATION "<migration xmlns=\"https://michael-simons.github.io/neo4j-migrations\">"

/* What the catalog of V2 is read as; "!", line and message when it is refused. V1 has an item of its own. */
static void catalog(const char *what, const char *inside, const char *expected)
{
    folder f;
    df_error err = {0};
    folder_init(&f);
    folder_put(&f, "V1__first.xml",
               XML MIGRATION "<catalog><indexes><index name='earlier'><type>READS</type>"
                             "<properties><property>at</property></properties></index></indexes>"
                             "</catalog></migration>");
    folder_put(&f, "V2__second.xml", inside);
    df_migration_set *set = open_set(&f, NULL);
    df_migration *m = set && set->count == 2 ? &set->items[1] : NULL;
    const char *found = m && df_migration_load(set, m, &err) == DF_OK ? steps_of(set, &m->up, NULL) : NULL;
    if (!found) found = df_arena_printf(&arena, "!%lld %s", (long long)err.line, err.message);
    check(same_text(found, expected), "catalog: %s", what);
    df_migrations_close(set);
    folder_release(&f);
}

#define ITEM(kind, type, of, properties)                                                                     \
    "<" kind " name='x' type='" type "'>" of "<properties>" properties "</properties></" kind ">"
#define CREATE(item) MIGRATION "\n<create>" item "</create></migration>"
#define REFACTOR(type, parameters)                                                                           \
    MIGRATION "<refactor type='" type "'><parameters>" parameters "</parameters></refactor></migration>"
#define PARAMETER(name, value) "<parameter name='" name "'>" value "</parameter>"

static void catalogs(void)
{
    catalog("only items", XML "<!-- nothing -->\n" MIGRATION "<catalog><constraints/></catalog></migration>",
            "");
    catalog("its own item, and one of an earlier catalog",
            XML MIGRATION "\n<catalog>\n<constraints>" ITEM(
                "constraint", "unique", "<label>Book &amp; Co</label>",
                "<property>is`bn</property>") "</constraints></catalog>\n"
                                              "<create item='x'/>\n<drop ref='earlier' "
                                              "ifExists='false'/></migration>",
            "5:CREATE CONSTRAINT `x` IF NOT EXISTS FOR (n:`Book & Co`) REQUIRE n.`is``bn` IS UNIQUE|6:DROP "
            "INDEX `earlier`");
    catalog(
        "keys of two properties, of a relationship",
        CREATE(ITEM("constraint", "key", "<type>R</type>",
                    "<property>a</property><!-- no --><property>b</property>")),
        "2:CREATE CONSTRAINT `x` IF NOT EXISTS FOR ()-[r:`R`]-() REQUIRE (r.`a`, r.`b`) IS RELATIONSHIP KEY");
    catalog("a type",
            CREATE(ITEM("constraint", "property_type", "<label>B</label>",
                        "<property type='LOCAL TIME'>a</property>")),
            "2:CREATE CONSTRAINT `x` IF NOT EXISTS FOR (n:`B`) REQUIRE n.`a` IS :: LOCAL TIME");
    catalog("a full-text index",
            CREATE(ITEM("index", "fulltext", "<label>A|B</label>",
                        "<property>a</property><property>b</property>")),
            "2:CREATE FULLTEXT INDEX `x` IF NOT EXISTS FOR (n:`A`|`B`) ON EACH [n.`a`, n.`b`]");
    catalog("a label with a bar",
            CREATE(ITEM("index", "fulltext", "<label>Le\\|ft|Right</label>", "<property>a</property>")),
            "2:CREATE FULLTEXT INDEX `x` IF NOT EXISTS FOR (n:`Le|ft`|`Right`) ON EACH [n.`a`]");
    catalog("two labels of an index that has one",
            CREATE(ITEM("index", "property", "<label>A|B</label>", "<property>a</property>")),
            "!2 only a full-text index is for several labels or types: x");
    catalog(
        "options",
        CREATE("<index name='x' "
               "type='text'><label>A</label><properties><property>a</property></properties><options>"
               "indexProvider: 'text-2.0'</options></index>"),
        "2:CREATE TEXT INDEX `x` IF NOT EXISTS FOR (n:`A`) ON (n.`a`) OPTIONS {indexProvider: 'text-2.0'}");
    catalog(
        "rename a type, in batches",
        REFACTOR("rename.type", PARAMETER("from", "A") PARAMETER("to", "B C") PARAMETER("batchSize", "23")),
        "1:MATCH (a)-[old:`A`]->(b) CALL { WITH old, a, b CREATE (a)-[new:`B C`]->(b) SET new += "
        "properties(old) DELETE "
        "old } IN TRANSACTIONS OF 23 ROWS");
    catalog(
        "rename a label of what a query finds",
        REFACTOR("rename.label", PARAMETER("from", "A") PARAMETER("to", "B") PARAMETER(
                                     "customQuery", "MATCH (n:A) &lt;-[r]-() RETURN n AS `m` ORDER BY n.x")),
        "1:CALL { MATCH (n:A) <-[r]-() RETURN n AS `m` ORDER BY n.x } WITH `m` AS s REMOVE s:`A` SET s:`B`");
    catalog("a surrogate key",
            REFACTOR("addSurrogateKeyTo.nodes",
                     "<parameter name='labels'><value>A</value><value>B</value></parameter>" PARAMETER(
                         "generatorFunction", "elementId(%s)")),
            "1:MATCH (n:`A`:`B`) WHERE n.`id` IS NULL SET n.`id` = elementId(n)");
    catalog("booleans",
            REFACTOR("normalize.asBoolean",
                     PARAMETER("property",
                               "p") "<parameter name='trueValues'><value>it's</value><value>1"
                                    "</value></parameter><parameter name='falseValues'><value/></parameter>"),
            "1:CALL { MATCH (n) WHERE none(l IN labels(n) WHERE l STARTS WITH '_Migration' OR l STARTS WITH "
            "'__Neo4jMigration' OR l = 'Migration' AND n.migrationId IS NOT NULL) RETURN n AS t UNION ALL "
            "MATCH ()-[r]->() RETURN r AS t } WITH t AS e SET e.`p` = CASE WHEN "
            "e.`p` IN ['it\\'s', 1] THEN true WHEN e.`p` IN [] THEN false WHEN e.`p` IN [true, false] THEN "
            "e.`p` ELSE false END");
    catalog("another operation", MIGRATION "\n<forget/></migration>",
            "!2 this operation is not known: forget");
    catalog("another refactoring", REFACTOR("split.nodes", PARAMETER("sourceQuery", "x")),
            "!1 <refactor type=\"split.nodes\">: it is not known");
    catalog("verify behind something", MIGRATION "<drop item='earlier'/>\n<verify/></migration>",
            "!2 <verify> must stand in front of: drop");
    catalog("verify with something else", MIGRATION "<verify latest='true'/></migration>",
            "!1 <verify> has no such attribute: latest");
    catalog("verify of options", MIGRATION "<verify includeOptions='true' allowEquivalent='0'/></migration>",
            "!1 <verify> that compares options as text is not read");
    catalog("apply beside something", MIGRATION "<verify/><apply/>\n<drop item='earlier'/></migration>",
            "!1 <apply> must stand alone, and not beside: drop");
    catalog("merge without a query", REFACTOR("merge.nodes", PARAMETER("mergePolicy", "")),
            "!1 <refactor type=\"merge.nodes\">: it needs the parameter sourceQuery");
    catalog("merge with a policy that says nothing",
            REFACTOR(
                "merge.nodes",
                PARAMETER(
                    "sourceQuery",
                    "MATCH (n) RETURN n") "\n<parameter name='mergePolicy'><pattern>a</pattern></parameter>"),
            "!2 <refactor type=\"merge.nodes\">: a mergePolicy needs pattern and strategy");
    catalog("merge with a policy that nobody knows",
            REFACTOR("merge.nodes",
                     PARAMETER("sourceQuery",
                               "MATCH (n) RETURN n") "<parameter "
                                                     "name='mergePolicy'><pattern>a</pattern><strategy>KEEP</"
                                                     "strategy></parameter>"),
            "!1 <refactor type=\"merge.nodes\">: the strategy is KEEP_ALL, KEEP_FIRST or KEEP_LAST");
    catalog(
        "vectors, in batches",
        REFACTOR("listToVectorOn.nodes", "<parameter name='labels'><value>A</value></parameter>" PARAMETER(
                                             "elementType", "float32") PARAMETER("batchSize", "5")),
        "1:CYPHER 25 MATCH (e:`A`) WHERE e.`embedding` :: LIST<FLOAT NOT NULL> NOT NULL CALL (e) { SET "
        "e.`embedding` = vector(e.`embedding`, size(e.`embedding`), FLOAT32) } IN TRANSACTIONS OF 5 ROWS");
    catalog("no such item", MIGRATION "<create ref='nowhere'/></migration>",
            "!1 no catalog has this item: nowhere");
    catalog("earlier items that were reset",
            MIGRATION "<catalog reset='true'/><drop ref='earlier'/></migration>",
            "!1 no catalog has this item: earlier");
    catalog("no property", CREATE(ITEM("constraint", "unique", "<label>A</label>", "")),
            "!2 it has no property: constraint");
    catalog("a query without a name",
            REFACTOR("rename.label",
                     PARAMETER("from", "A") PARAMETER("to", "B") PARAMETER("customQuery", "RETURN 1 + 1")),
            "!1 <refactor type=\"rename.label\">: customQuery must return one column with a name");
}

/* Of V3, whose catalog has `inside` in it, after one of V1 (indexes a, b) and one of V2 (a again, and a
 * constraint c). */
static df_migration_set *open_third(folder *f, const char *inside, df_migration **m)
{
#define INDEX(name, of)                                                                                      \
    "<index name='" name "'><label>" of "</label><properties><property>p</property></properties></index>"
    df_error err = {0};
    folder_init(f);
    folder_put(f, "V1__a.xml",
               MIGRATION "<catalog><indexes>" INDEX("a", "A")
                   INDEX("b", "B") "</indexes></catalog></migration>");
    folder_put(
        f, "V2__b.xml",
        MIGRATION "<catalog><indexes>" INDEX(
            "a",
            "A2") "</indexes><constraints><constraint name='c' type='unique'>"
                  "<label>C</label><properties><property>p</property></properties></constraint></constraints>"
                  "</catalog></migration>");
    folder_put(f, "V3__c.xml", inside);
    df_migration_set *set = open_set(f, NULL);
    *m = set && set->count == 3 && df_migration_load(set, &set->items[2], &err) == DF_OK ? &set->items[2]
                                                                                         : NULL;
    return set;
}

static bool has(const df_precondition *p, const char *text)
{
    return memmem(p->value.ptr, p->value.len, text, strlen(text)) != NULL;
}

static void verified(void)
{
    folder f;
    df_migration *m;
    df_migration_set *set = open_third(&f,
                                       MIGRATION "<catalog><indexes>" INDEX("d", "D") "</indexes></catalog>\n"
                                                                                      "<verify/></migration>",
                                       &m);
    check(m && m->n_preconditions == 2 && m->preconditions[0].kind == DF_PRECONDITION_DIFFERENCE &&
              !m->preconditions[0].assume && m->preconditions[0].line == 2 &&
              has(&m->preconditions[0], "SHOW CONSTRAINTS") &&
              has(&m->preconditions[0], "[['c', 'unique', 'NODE', ['C'], ['p'], null]]") &&
              has(&m->preconditions[1], "SHOW INDEXES") &&
              has(&m->preconditions[1], "[['a', 'property', 'NODE', ['A2'], ['p'], null], ['b', 'property', "
                                        "'NODE', ['B'], ['p'], null]]") &&
              !has(&m->preconditions[1], "w[0] = h[0]"),
          "verify asks for the items in front of its catalog, the newest of each name");
    df_migrations_close(set);
    folder_release(&f);
    set = open_third(&f,
                     MIGRATION "<catalog reset='true'><indexes>" INDEX(
                         "d", "D") "</indexes></catalog>"
                                   "<verify useCurrent='true' allowEquivalent='false'/></migration>",
                     &m);
    check(m && m->n_preconditions == 2 && has(&m->preconditions[0], "wanted IN [[]]") &&
              has(&m->preconditions[1], "[['d', 'property', 'NODE', ['D'], ['p'], null]]") &&
              has(&m->preconditions[1], "w[0] = h[0]"),
          "and for its own with useCurrent, names included without allowEquivalent; a reset begins anew");
    df_migrations_close(set);
    folder_release(&f);
    set = open_third(&f,
                     MIGRATION
                     "<refactor type='merge.nodes'><parameters><parameter name='sourceQuery'>MATCH (n) "
                     "RETURN n</parameter>"
                     "</parameters></refactor><refactor type='migrate.replaceBTreeIndexes'/></migration>",
                     &m);
    check(m && m->n_preconditions == 2 && m->preconditions[0].kind == DF_PRECONDITION_VERSION &&
              m->preconditions[0].hint &&
              !df_precondition_holds(&m->preconditions[0], DF_STR("5.25.1"), DF_STR("community")) &&
              df_precondition_holds(&m->preconditions[0], DF_STR("2026.08.1"), DF_STR("community")) &&
              m->preconditions[1].kind == DF_PRECONDITION_DIFFERENCE && m->n_alternatives <= 1,
          "merging asks for a version, replacing BTREE indexes that there are none");
    df_migrations_close(set);
    folder_release(&f);
}

static void applied(void)
{
    static const df_str drops[] = {{"DROP INDEX `x` IF EXISTS", 24}, {"DROP INDEX `y` IF EXISTS", 24}};
    folder f;
    df_error err = {0};
    df_migration *m;
    df_steps before, after;
    df_migration_set *set = open_third(&f, MIGRATION "\n<apply/></migration>", &m);
    bool fine = m && m->up.clearing && m->up.clearing[0] &&
                df_section_steps(set, &m->up, NULL, &arena, &before, &err) == DF_OK;
    check(fine && same_text(steps_of(set, &m->up, NULL), "2:CREATE CONSTRAINT `c` FOR (n:`C`) REQUIRE n.`p` "
                                                         "IS UNIQUE|2:CREATE INDEX `a` FOR (n:`A2`) ON "
                                                         "(n.`p`)|2:CREATE INDEX `b` FOR (n:`B`) ON (n.`p`)"),
          "apply creates all items as of its catalog");
    if (fine) {
        m->up.cleared = drops;
        m->up.n_cleared = 2;
        fine = df_section_steps(set, &m->up, NULL, &arena, &after, &err) == DF_OK;
    }
    check(fine && after.count == before.count + 2 && strcmp(after.checksum, before.checksum) == 0 &&
              after.items[0].facts.cls == DF_SQL_DDL && after.items[1].statement.number == 2 &&
              df_str_eq(after.items[1].statement.text, drops[1]) && after.items[2].statement.number == 3 &&
              before.items[0].statement.number == 1 &&
              memcmp(&after.items[4].hash, &before.items[2].hash, sizeof(df_hash128)) == 0,
          "what the database was asked for is dropped first, and is no part of the checksum");
    df_migrations_close(set);
    folder_release(&f);
    folder_init(&f);
    folder_put(&f, "V1__a.cypher", "DROP CONSTRAINTS AND INDEXES;\n");
    set = open_set(&f, NULL);
    check(set && set->count == 1 && df_migration_load(set, &set->items[0], &err) == DF_OK &&
              !set->items[0].up.clearing &&
              df_section_steps(set, &set->items[0].up, NULL, &arena, &before, &err) == DF_OK &&
              before.count == 1,
          "a script cannot say that by itself");
    df_migrations_close(set);
    folder_release(&f);
}

static void xml(void)
{
    static const struct {
        const char *text, *expected;
    } bad[] = {{"", "!1 there is no element"},
               {"<a>", "!1 an element does not end"},
               {"<a>\n</b>", "!2 another element is open here"},
               {"<a/><b/>", "!1 there is something behind the root element"},
               {"<a x='1' x='2'/>", "!1 an attribute is there twice"},
               {"<a x=1/>", "!1 a value in quotes is expected"},
               {"<a>&nbsp;</a>", "!1 this reference is not known; write &amp; for &"},
               {"<a>&#xD800;</a>", "!1 this reference is not known; write &amp; for &"},
               {"<!DOCTYPE a [<!ENTITY x 'y'>]>\n<a>&x;</a>", "!1 document types are not read"},
               {"<a><!-- </a>", "!1 a comment does not end"},
               {"<migrations/>", "!1 <migration> is expected: migrations"},
               {"text", "!1 an element is expected"},
               {"<a>\xFF</a>", "!1 the file is not UTF-8"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        catalog(bad[i].expected, bad[i].text, bad[i].expected);
    catalog("references, CDATA, prefixes",
            "<m:migration xmlns:m='x'><m:drop><m:index name='&#65;&#x1F600;&lt;'/></m:drop><refactor "
            "type=\"rename.label\">"
            "<parameters><parameter name='from'><![CDATA[<&]]></parameter><parameter "
            "name='to'>b</parameter></parameters>"
            "</refactor></m:migration>",
            "1:DROP INDEX `A\xF0\x9F\x98\x80<` IF EXISTS|1:MATCH (s:`<&`) REMOVE s:`<&` SET s:`b`");
    folder f;
    df_error err = {0};
    folder_init(&f);
    put_all(&f, (files){"old/V1__a.xml", "<?assume that version is lt 5?>\n<migration/>", "new/V1__a.xml",
                        "<migration>\n<?assume that version is ge 5 ?></migration>", NULL});
    df_migration_set *set = open_set(&f, NULL);
    df_migration *m = set ? set->items : NULL;
    char sum[12];
    check(m && set->count == 1 && m->n_alternatives == 2 && df_migration_load(set, m, &err) == DF_OK &&
              m->n_preconditions == 1 && m->preconditions[0].op == DF_PRECONDITION_GE &&
              m->preconditions[0].line == 2 &&
              !df_neo4j_migrations_checksum(DF_STR("\xEF\xBB\xBF <migration/>"), sum),
          "catalogs have preconditions and alternatives, and no checksum of that tool");
    df_migrations_close(set);
    folder_release(&f);
}

/* ---- Liquibase ---- */

#define CHANGELOG                                                                                            \
    "<?xml version=\"1.0\"?>\n<databaseChangeLog xmlns=\"http://www.liquibase.org/xml/ns/dbchangelog\" "     \
    "xmlns:neo4j=\"http://www.liquibase.org/xml/ns/dbchangelog-ext\">\n"

static void xml_changelogs(void)
{
    folder f;
    df_error err = {0};
    folder_init(&f);
    put_all(
        &f,
        (files){
            "root.xml",
            CHANGELOG
            "<changeSet id='one' author='ann' "
            "runInTransaction='false'>\n<comment>the\nfirst</comment>\n<neo4j:cypher>\n\n"
            "CREATE (:A {x: 'a;b'});\nCREATE (:B) // both;\n</neo4j:cypher>\n"
            "<sql splitStatements='false'><![CDATA[\nMATCH (a)<--(b) RETURN a]]></sql>\n"
            "<rollback>MATCH (n:B)\nDELETE n</rollback><rollback><neo4j:cypher>MATCH (n:A) DELETE "
            "n</neo4j:cypher></rollback>"
            "</changeSet>\n"
            "<include file='db/changes/inner.xml'/>\n<includeAll path='all' "
            "relativeToChangelogFile='true'/>\n"
            "<changeSet id='last' author='ann' runOnChange='true'><sql>RETURN "
            "2</sql><rollback/></changeSet>\n"
            "<changeSet id='h2' author='ann' dbms='h2'><sql>RETURN 3</sql></changeSet>\n</databaseChangeLog>",
            "changes/inner.xml",
            CHANGELOG "<include file='next.cypher' relativeToChangelogFile='true'/></databaseChangeLog>",
            "changes/next.cypher", "--liquibase formatted cypher\n--changeset ben:n\nCREATE (:N);\n",
            "all/2.cypher", "CREATE (:Two)", "all/1/x.cypher", "CREATE (:One)", NULL});
    df_migration_set *set = open_set(&f, NULL);
    check(set && set->layout == DF_LAYOUT_LIQUIBASE &&
              same_text(findings_of(set, &arena), "other-dialect:") &&
              same_text(ids_of(set, &arena),
                        "root.xml::ann:one next.cypher::ben:n all/1/x.cypher::includeAll:raw "
                        "all/2.cypher::includeAll:raw root.xml::ann:last"),
          "a changelog in XML, with what it includes, in its order");
    bool fine = set && set->count == 5;
    for (size_t i = 0; fine && i < set->count; i++)
        fine = df_migration_load(set, &set->items[i], &err) == DF_OK;
    check(fine && set->items[0].up.no_transaction && str_is(set->items[0].meta.description, "the first") &&
              same_text(steps_of(set, &set->items[0].up, NULL),
                        "8:CREATE (:A {x: 'a;b'})|9:CREATE (:B)|12:MATCH (a)<--(b) RETURN a") &&
              same_text(steps_of(set, &set->items[0].down, NULL),
                        "13:MATCH (n:B)\nDELETE n|15:MATCH (n:A) DELETE n"),
          "its statements, with their lines, and its way down");
    check(fine && same_text(steps_of(set, &set->items[1].up, NULL), "3:CREATE (:N)") &&
              same_text(steps_of(set, &set->items[2].up, NULL), "1:CREATE (:One)") &&
              set->items[4].kind == DF_REPEATABLE && set->items[4].down.present &&
              !set->items[3].down.present,
          "those that are included");
    df_migrations_close(set);
    folder_put(&f, "root.xml",
               CHANGELOG "<property name='a' value='b'/>\n<preConditions/>\n<changeSet id='a' author='b' "
                         "runOrder='last'>\n<neo4j:mergeNodes/>"
                         "<sql endDelimiter='/'>x</sql></changeSet>\n<include file='nowhere.xml'/>\n<include "
                         "file='../up.xml'/></databaseChangeLog>");
    set = open_set(&f, NULL);
    check(
        set &&
            same_text(
                findings_of(set, &arena),
                "foreign-code:root.xml! foreign-code:root.xml! foreign-code:root.xml! foreign-code:root.xml! "
                "unknown-attribute:root.xml! missing-file:root.xml! missing-file:root.xml!") &&
            set->findings[0].line == 3 && set->findings[2].line == 6,
        "what else it asks for blocks, with its line");
    df_migrations_close(set);
    folder_put(&f, "root.xml", CHANGELOG "<include file='root.xml'/></databaseChangeLog>");
    check(!open_set(&f, NULL), "one that includes itself is refused");
    folder_release(&f);
}

static void liquibase(void)
{
    folder f;
    df_error err = {0};
    folder_init(&f);
    folder_put(
        &f, "changeLog.cypher",
        "--liquibase formatted cypher\n\n-- changeset ann:init runInTransaction:false\n--comment: the first\n"
        "CREATE (:Movie {title: 'My Life'});\nCREATE (a)--(b);\n\n--changeset \"Ann B\":translate "
        "dbms:neo4j,h2\n"
        "MATCH (m:Movie) SET m.genre = 'x'\n-- rollback MATCH (m:Movie)\n--rollback SET m.genre = 'y'\n"
        "--changeset ann:again runOnChange:true\nRETURN 1;\n/* liquibase rollback\nRETURN 2;\n*/\n"
        "--changeset ann:none dbms:postgresql\nSELECT 1;\n--changeset ann:nothing\nRETURN 3;\n--rollback "
        "empty\n");
    folder_put(&f, "other.xml", "<databaseChangeLog/>");
    folder_put(&f, "other.yaml", "databaseChangeLog: []");
    df_migration_set *set = open_set(&f, NULL);
    check(set && set->layout == DF_LAYOUT_LIQUIBASE &&
              same_text(ids_of(set, &arena), "changeLog.cypher::ann:init changeLog.cypher::Ann B:translate "
                                             "changeLog.cypher::ann:again changeLog.cypher::ann:nothing") &&
              same_text(findings_of(set, &arena),
                        "ignored-file:other.xml foreign-code:other.yaml! other-dialect:"),
          "changesets are migrations in their order");
    bool fine = set && set->count == 4;
    for (size_t i = 0; fine && i < 4; i++) fine = df_migration_load(set, &set->items[i], &err) == DF_OK;
    check(fine, "all can be read");
    if (fine) {
        df_migration *m = set->items, *found = NULL;
        check(m[0].up.no_transaction && !m[1].up.no_transaction &&
                  str_is(m[0].meta.description, "the first") && str_is(m[1].meta.author, "Ann B") &&
                  m[2].kind == DF_REPEATABLE,
              "what its line says");
        check(same_text(steps_of(set, &m[0].up, NULL),
                        "5:CREATE (:Movie {title: 'My Life'})|6:CREATE (a)--(b)") &&
                  !m[0].down.present,
              "statements with their lines; a relationship is no comment");
        check(same_text(steps_of(set, &m[1].down, NULL), "10:MATCH (m:Movie)\nSET m.genre = 'y'") &&
                  same_text(steps_of(set, &m[2].down, NULL), "15:RETURN 2") && m[3].down.present &&
                  same_text(steps_of(set, &m[3].down, NULL), ""),
              "rollbacks: of several lines, in a comment, empty");
        check(df_migration_find(set, DF_STR("ann:init"), &found, &err) == DF_OK && found == m,
              "found by author and id");
        df_hash128 raw = m[0].raw;
        check(df_migration_hash(set, m, &err) == DF_OK && df_hash_eq(raw, m[0].raw) &&
                  !df_hash_eq(m[0].raw, m[1].raw),
              "each has its own raw hash");
    }
    df_migrations_close(set);
    folder_put(
        &f, "changeLog.cypher",
        "--liquibase formatted cypher\n--changeset a:b runOrder:last\nRETURN 1;\n--changeset a:b\n"
        "--preconditions onFail:HALT\nRETURN 1;\n--changeset a:c\n--rollback changesetId:b\n");
    folder_remove(&f, "other.xml");
    folder_remove(&f, "other.yaml");
    set = open_set(&f, NULL);
    check(set &&
              same_text(findings_of(set, &arena), "unknown-attribute:changeLog.cypher! "
                                                  "duplicate-version:changeLog.cypher!") &&
              set->findings[1].line == 4,
          "what decides whether it runs, and one id twice, block");
    check(set && strstr(set->findings[0].hint, "folders"), "with what to do about it");
    check(set && df_migration_load(set, &set->items[1], &err) == DF_UNSUPPORTED && err.line == 5 &&
              df_migration_load(set, &set->items[2], &err) == DF_UNSUPPORTED && err.line == 8,
          "what is not read is refused, with its line");
    df_migrations_close(set);
    folder_put(&f, "changeLog.cypher", "--liquibase formatted cypher\n--changeset a:b endDelimiter:/\nRETURN 1/\n");
    set = open_set(&f, NULL);
    check(set && set->n_findings == 1 && strstr(set->findings[0].hint, "end the statements with ;"),
          "another delimiter blocks, too, and has a hint of its own");
    df_migrations_close(set);
    folder_put(&f, "changeLog.cypher",
               "--liquibase formatted cypher\n--changeset a:b\n -- keys; it's for readers\nCREATE (:A);\n-- "
               "(so it is)\n"
               "MATCH (a:A)\n--(b)\n-- what follows (b)\n-->(c) RETURN c;\n");
    set = open_set(&f, NULL);
    check(set && set->count == 1 && df_migration_load(set, &set->items[0], &err) == DF_OK &&
              str_is(set->items[0].file, "changeLog.cypher::a:b") &&
              same_text(steps_of(set, &set->items[0].up, NULL),
                        "4:CREATE (:A)|6:MATCH (a:A)\n--(b)\n\n-->(c) RETURN c"),
          "lines of dashes are comments, but for those that go on with a pattern");
    df_migrations_close(set);
    folder_put(&f, "changeLog.cypher", "--liquibase formatted cypher\n--changeset nobody\n");
    df_files_options options = {.folder = f.path, .dialect = &df_sql_cypher};
    check(df_migrations_open(&options, &set, &err) == DF_CORRUPT && err.line == 2,
          "a changeset without an id");
    folder_release(&f);
    expect("only XML",
           (files){"db.changelog.xml",
                   "<databaseChangeLog><changeSet id='1' author='a'>"
                   "<createIndex/></changeSet></databaseChangeLog>",
                   NULL},
           DF_LAYOUT_LIQUIBASE, "db.changelog.xml::a:1", "foreign-code:db.changelog.xml!");
}

/* As Liquibase's documentation says of its expressions, for an environment that is called production. */
static void contexts(void)
{
    static const struct {
        const char *expression;
        bool runs;
    } cases[] = {
        {"prod", true}, {"PRODUCTION", true}, {"test", false}, {"!test", true}, {"\"not prod\"", false}, {"test,prod", true},
        {"\"test or prod\"", true}, {"\"prod and !slow\"", true}, {"\"prod and slow\"", false}, {"\"!(test or prod)\"", false},
        {"\"a and b or prod\"", true}, {"\"prod or a and b\"", true}, {"@prod", true}, {"\"((prod\"", true}, {"\"\"", true},
    };
    df_error err = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        folder f;
        folder_init(&f);
        df_buf text = {0};
        df_buf_printf(&text, "--liquibase formatted sql\n--changeset a:b labels:x context:%s\nSELECT 1;\n", cases[i].expression);
        folder_put(&f, "a.sql", df_buf_cstr(&text));
        df_buf_release(&text);
        df_migration_set *set = NULL;
        df_files_options options = {.folder = f.path, .dialect = &df_sql_postgres, .environment = "production"};
        check(df_migrations_open(&options, &set, &err) == DF_OK && set->count == cases[i].runs &&
                  same_text(findings_of(set, &arena), cases[i].runs ? "labels:a.sql" : "other-context:a.sql"),
              cases[i].expression);
        df_migrations_close(set);
        folder_release(&f);
    }
}

int main(void)
{
    contexts();
    catalogs();
    verified();
    applied();
    xml();
    liquibase();
    xml_changelogs();
    df_arena_release(&arena);
    return tap_done();
}
