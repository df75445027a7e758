/* SPDX-License-Identifier: Apache-2.0 */
/* What procedures of Neo4j and APOC do, as far as their names say it. */
#include "sql/sql_int.h"

typedef struct procedure {
    const char *name; /* ending in ".": all that begin so */
    unsigned what;    /* SQL_PROC_… */
} procedure;

#define READS    SQL_PROC_READS
#define SCHEMA   SQL_PROC_SCHEMA
#define BATCHES  SQL_PROC_BATCHES
#define ADMIN    SQL_PROC_ADMIN
#define DESTROYS SQL_PROC_DESTROYS
#define OTHER    0

/* The longest that fits decides. */
static const procedure procedures[] = {
    {"db.", READS},
    {"db.clearQueryCaches", READS},
    {"db.create.", OTHER},
    {"db.createIndex", SCHEMA},
    {"db.createLabel", OTHER},
    {"db.createNodeKey", SCHEMA},
    {"db.createProperty", OTHER},
    {"db.createRelationshipType", OTHER},
    {"db.createUniquePropertyConstraint", SCHEMA},
    {"db.index.fulltext.createNodeIndex", SCHEMA},
    {"db.index.fulltext.createRelationshipIndex", SCHEMA},
    {"db.index.fulltext.drop", SCHEMA},
    {"db.index.vector.createNodeIndex", SCHEMA},
    {"dbms.components", READS},
    {"dbms.database.state", READS},
    {"dbms.functions", READS},
    {"dbms.getTXMetaData", READS},
    {"dbms.info", READS},
    {"dbms.list", READS}, /* listConfig, listConnections, listCapabilities, and the old ones */
    {"dbms.procedures", READS},
    {"dbms.queryJmx", READS},
    {"dbms.routing.", READS},
    {"dbms.cluster.routing.", READS},
    {"dbms.cluster.overview", READS},
    {"dbms.cluster.role", READS},
    {"dbms.showCurrentUser", READS},
    {"dbms.upgradeStatus", READS},
    {"dbms.security.", ADMIN},
    {"tx.getMetaData", READS},

    {"apoc.algo.", READS},
    {"apoc.case", READS},
    {"apoc.cypher.run", READS},
    {"apoc.cypher.runFile", OTHER},
    {"apoc.cypher.runMany", OTHER},
    {"apoc.cypher.runManyReadOnly", READS},
    {"apoc.cypher.runSchema", SCHEMA},
    {"apoc.cypher.runTimeboxed", OTHER},
    {"apoc.create.vNode", READS},
    {"apoc.create.vRelationship", READS},
    {"apoc.help", READS},
    {"apoc.load.", READS},
    {"apoc.meta.", READS},
    {"apoc.monitor.", READS},
    {"apoc.neighbors.", READS},
    {"apoc.nodes.delete", DESTROYS},
    {"apoc.path.", READS},
    {"apoc.periodic.commit", BATCHES},
    {"apoc.periodic.iterate", BATCHES},
    {"apoc.periodic.list", READS},
    {"apoc.periodic.repeat", BATCHES},
    {"apoc.periodic.submit", BATCHES},
    {"apoc.periodic.countdown", BATCHES},
    {"apoc.periodic.truncate", BATCHES | DESTROYS},
    {"apoc.schema.assert", SCHEMA | DESTROYS},
    {"apoc.schema.nodes", READS},
    {"apoc.schema.relationships", READS},
    {"apoc.schema.properties.", READS},
    {"apoc.search.", READS},
    {"apoc.stats.degrees", READS},
    {"apoc.trigger.", ADMIN},
    {"apoc.trigger.list", READS},
    {"apoc.trigger.show", READS},
    {"apoc.util.", READS},
    {"apoc.version", READS},
    {"apoc.warmup.", READS},
    {"apoc.when", READS},
};

static bool covers(const procedure *p, df_str name, size_t len)
{
    bool family = p->name[len - 1] == '.' || strcmp(p->name, "dbms.list") == 0;
    return name.len >= len && memcmp(name.ptr, p->name, len) == 0 && (family || name.len == len);
}

unsigned sql_procedure_of(df_str name)
{
    unsigned what = OTHER;
    size_t longest = 0;
    for (size_t i = 0; i < sizeof procedures / sizeof *procedures; i++) {
        size_t len = strlen(procedures[i].name);
        if (len <= longest || !covers(&procedures[i], name, len)) continue;
        what = procedures[i].what;
        longest = len;
    }
    return what;
}
