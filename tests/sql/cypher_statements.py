# SPDX-License-Identifier: Apache-2.0
"""Statements of Cypher, of our own, for the tests that ask a server. They are explained, not run, but for BATCHES."""

_READS = """
RETURN 1
RETURN 1 AS create
MATCH (n) RETURN n
MATCH (n:Person) RETURN n.name AS delete ORDER BY delete DESC SKIP 1 LIMIT 2
MATCH (set:Delete) RETURN set.create AS merge, set AS remove
MATCH (n:Create {set: 1}) WHERE n.delete = 'SET n.x = 1' RETURN n
MATCH (merge)-[create:DELETE]->(remove) RETURN merge, create, remove
MATCH (n) WHERE n:Set OR n:Merge RETURN n
MATCH (n) WHERE n.x IS NOT NULL AND NOT n.y IS NULL RETURN n
MATCH (n) WHERE n.x STARTS WITH 'SET' OR n.x ENDS WITH n.set RETURN n
MATCH (n) WHERE n.x IN [1, 2] RETURN n
MATCH (n) WHERE n.x CONTAINS 'DELETE' XOR n.y =~ 'x' RETURN n
MATCH (n) RETURN CASE WHEN n.x = 1 THEN n.set ELSE n.delete END AS x
MATCH (n) RETURN CASE n.x WHEN 1 THEN 'SET' WHEN 2 THEN 'REMOVE' END AS merge
WITH 1 AS set, 2 AS remove RETURN set + remove AS create
WITH 1 AS create WITH create AS merge RETURN merge
UNWIND [1, 2] AS delete RETURN delete
UNWIND [{set: 1, remove: {delete: 2}}] AS m RETURN m.remove.delete
OPTIONAL MATCH (n) RETURN n
MATCH (n) WHERE EXISTS { MATCH (n)-->(m:Set) WHERE m.x = 1 } RETURN n
MATCH (n) WHERE NOT EXISTS { (n)-[:CREATE]->() } RETURN n
MATCH (n) RETURN COUNT { (n)--() } AS set
MATCH (n) RETURN COLLECT { MATCH (n)-->(m) RETURN m.x } AS remove
MATCH (n) CALL (n) { MATCH (n)-->(m) RETURN m } RETURN m
MATCH (n) CALL { WITH n MATCH (n)-->(m) RETURN m AS create } RETURN create
CALL { RETURN 1 AS x UNION ALL RETURN 2 AS x } RETURN x
RETURN 1 AS x UNION RETURN 2 AS x
RETURN 1 AS set UNION ALL RETURN 2 AS set
MATCH (n) RETURN n {.create, .set, delete: n.x} AS m
MATCH (n) RETURN [x IN n.list WHERE x > 1 | x + 1] AS set
MATCH (n) RETURN reduce(set = 0, x IN n.list | set + x) AS merge
MATCH (n) RETURN all(x IN n.l WHERE x.delete = 1) AS x
MATCH p = (a)-[*1..3]->(b) RETURN p
MATCH p = shortestPath((a:A)-[:R*]-(b:B)) RETURN p
MATCH ((a)-->(b))+ RETURN a
MATCH ((a:A)-[:R]->(b))+ (c) RETURN c
MATCH (a)-[:R]->+(b) RETURN b
MATCH ((a)-->(b)){1,3} RETURN a
MATCH (a:A&!B|C) RETURN a
MATCH (a:%) RETURN a
MATCH (n) WHERE n:% RETURN n
MATCH (n)<-[r:A|B]-(m) WHERE r.x < 3 AND r.y > 2 RETURN n
MATCH (n) USING SCAN n:Person WHERE n:Person RETURN n
MATCH (n WHERE n.set = 1)-[r WHERE r.delete = 2]->() RETURN n
MATCH (n IS Person) RETURN n
MATCH (n) WHERE n.x IS :: STRING RETURN n
MATCH (n) WHERE n.x IS :: LIST<INTEGER NOT NULL> RETURN n
MATCH (n) FINISH
LOAD CSV FROM 'file:///x.csv' AS create RETURN create
LOAD CSV WITH HEADERS FROM 'file:///x.csv' AS row FIELDTERMINATOR ';' RETURN row.set
CALL db.labels()
CALL db.labels
CALL db.labels() YIELD label AS set RETURN set
CALL db.labels() YIELD label WHERE label <> 'SET' RETURN label
CALL `db`.`labels`() YIELD label RETURN label
MATCH (n) CALL db.propertyKeys() YIELD propertyKey RETURN n, propertyKey
CALL db.index.fulltext.queryNodes('i', 'create') YIELD node RETURN node
CALL db.awaitIndexes(10)
CALL db.schema.visualization()
CALL db.info()
CALL db.ping()
CALL dbms.components()
CALL dbms.listConfig()
CALL dbms.listConnections()
CALL dbms.queryJmx('*')
CALL dbms.info()
CALL tx.getMetaData()
SHOW INDEXES
SHOW INDEX
SHOW ALL INDEXES YIELD name, type WHERE type = 'RANGE' RETURN name
SHOW FULLTEXT INDEXES
SHOW CONSTRAINTS
SHOW CONSTRAINTS YIELD *
SHOW UNIQUE CONSTRAINTS
SHOW FUNCTIONS
SHOW BUILT IN FUNCTIONS
SHOW PROCEDURES
SHOW PROCEDURES YIELD name WHERE name STARTS WITH 'db.create' RETURN name
SHOW SETTINGS
SHOW TRANSACTIONS
TERMINATE TRANSACTIONS 'neo4j-transaction-1'
SHOW TRANSACTIONS YIELD transactionId AS t WHERE t = 'x' TERMINATE TRANSACTIONS t YIELD message RETURN message
USE neo4j MATCH (n) RETURN n
USE neo4j RETURN 1
CYPHER runtime=slotted MATCH (n) RETURN n
CYPHER 5 RETURN 1
CYPHER 5 planner=cost RETURN 1 AS set
RETURN 'CALL { CREATE (n) } IN TRANSACTIONS' AS x
RETURN 1 AS a // SET n.x = 1
RETURN /* DELETE n */ 1 AS a
MATCH (`create`) RETURN `create`.`set`
RETURN $create, $`set`
MATCH (n) WHERE n.x = $set RETURN n
RETURN 0x1F + 0o17 + 1e5 + .5 + 1_000
RETURN date('2024-01-01') + duration('P1D') AS x
RETURN point({x: 1, y: 2}) AS p
MATCH (n) RETURN count(*) AS c
MATCH (n) RETURN *
MATCH (n) WITH * RETURN *
MATCH (n) WITH n, count(*) AS c WHERE c > 1 RETURN n
MATCH (n) WITH DISTINCT n RETURN DISTINCT n
RETURN [1, 2, 3][0..2], [1][-1]
RETURN 1 + 2 * 3 % 4 ^ 5 - -6
RETURN NOT true AND false OR true XOR false
MATCH (a), (b) RETURN a = b, a <> b
MATCH (n) RETURN n['set'], n[$key]
CYPHER 25 RETURN 1 AS a NEXT RETURN a
CYPHER 25 LET a = 1 RETURN a
CYPHER 25 FOR x IN [1, 2] RETURN x
CYPHER 25 MATCH (n) FILTER n.x = 1 RETURN n
CYPHER 25 WHEN true THEN RETURN 1 AS x ELSE RETURN 2 AS x
CYPHER 25 WHEN true THEN { MATCH (set) RETURN 1 AS x } ELSE { RETURN 2 AS x }
"""

_WRITES = """
CREATE ()
CREATE (n)
CREATE (:Person {name: 'x'})
CREATE (a:A)-[:R {x: 1}]->(b:B)
CREATE p = (a:A)-[:R]->(b)
CREATE index = (:A)
CREATE constraint = (:A)
CREATE database = (:A)
CREATE user = (:A)-[:B]->(:C)
CREATE (index:Index), (constraint:Constraint)
CREATE (n) RETURN n
INSERT (:Person)
INSERT (a:A)-[:R]->(b:B)
MERGE (n:Person {id: 1})
MERGE (n:Person {id: 1}) ON CREATE SET n.x = 1 ON MATCH SET n.y = 2
MERGE (n:Person {id: 1}) ON MATCH SET n.y = 2 RETURN n
MERGE (a:A)-[:R]->(b:B)
MATCH (n) SET n.x = 1
MATCH (n) SET n.x = 1, n.y = n.z + 1, n:Label
MATCH (n) SET n = {x: 1}
MATCH (n) SET n += {x: 1}
MATCH (n) SET n += $props
MATCH (n) SET n:A:B
MATCH (n) SET (n).x = 1
MATCH (n) SET (CASE WHEN n.x = 1 THEN n END).y = 2
MATCH (n) SET n.x = CASE WHEN n.y = 1 THEN 2 ELSE 3 END
MATCH (n) SET n.x = NULL
MATCH (n) WHERE n.x = 1 SET n.x = 2
MATCH (n) WHERE n:A SET n.x = 2
MATCH (n) WHERE n:A|B SET n.x = 2
MATCH (n) WHERE n:% SET n.x = 2
MATCH (n) WHERE n.x IS NULL SET n.x = 2
MATCH (n) WHERE n.x IS NOT NULL SET n.x = 2
MATCH (n) WHERE n.x IS :: STRING SET n.x = 2
MATCH (n) WHERE n.x IS :: LIST<STRING> SET n.x = 2
MATCH (n) WHERE n.x IS :: LIST<STRING NOT NULL> NOT NULL SET n.x = 2
MATCH (n) WHERE n.x STARTS WITH 'a' SET n.x = 2
MATCH (n) WHERE n.x ENDS WITH 'a' SET n.x = 2
MATCH (n) WHERE n.x CONTAINS 'a' SET n.x = 2
MATCH (n) WHERE n.x IN [1] SET n.x = 2
MATCH (n) WHERE EXISTS { (n)-->() } SET n.x = 2
MATCH (n) WHERE (n)-->() SET n.x = 2
MATCH (n) WHERE n['x'] = 1 SET n.x = 2
MATCH (n) WHERE all(x IN n.l WHERE x > 1) SET n.x = 2
MATCH (n) WHERE n.x = $p SET n.x = 2
MATCH (n) WHERE n.x = 'a' SET n.x = 2
MATCH (n) WHERE n.x = 1.5e-3 SET n.x = 2
MATCH (n) WHERE n.`x y` = 1 SET n.`x y` = 2
MATCH ((a)-->(b))+ FOREACH (x IN a | SET x.y = 1)
MATCH ((a)-->(b))* (c) DETACH DELETE c
MATCH ((a)-->(b)){2} FOREACH (x IN a | REMOVE x.y)
MATCH (a)-->*(b) SET b.x = 1
MATCH (a)-[r]->(b) SET r.x = 1
MATCH (a)-[*1..2]->(b) SET b.x = 1
MATCH (a)--(b) SET a.x = b.x
MATCH (n) REMOVE n.x
MATCH (n) REMOVE n:Label, n.x
MATCH (n) DELETE n
MATCH (n) DETACH DELETE n
MATCH (n) NODETACH DELETE n
MATCH ()-[r]->() DELETE r
MATCH (n)-[r]-() DELETE n, r
MATCH p = (a)-->(b) DELETE p
MATCH (n) WITH n LIMIT 10 DETACH DELETE n
MATCH (n) WITH collect(n) AS ns FOREACH (x IN ns | DETACH DELETE x)
FOREACH (x IN [1, 2] | CREATE (:A {x: x}))
FOREACH (x IN [1, 2] | FOREACH (y IN [3] | MERGE (:A {x: y})))
MATCH (n) FOREACH (x IN CASE WHEN n.x = 1 THEN [1] ELSE [] END | SET n.y = 1)
UNWIND [1] AS x CREATE (:A {x: x})
UNWIND $rows AS row MERGE (n:A {id: row.id}) SET n += row
WITH 1 AS x CREATE (:A {x: x})
OPTIONAL MATCH (n) SET n.x = 1
CALL { CREATE (n) RETURN n } RETURN n
MATCH (n) CALL (n) { SET n.x = 1 } RETURN n
MATCH (n) CALL (n) { MATCH (n)-->(m) CALL (m) { SET m.x = 1 } } RETURN n
MATCH (n) CALL { WITH n SET n.x = 1 }
LOAD CSV FROM 'file:///x.csv' AS row CREATE (:A {x: row[0]})
LOAD CSV WITH HEADERS FROM 'file:///x.csv' AS row MERGE (:A {x: row.x})
MATCH (n) CALL (n) { SET n.x = 1 } IN TRANSACTIONS
MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10 ROWS
MATCH (n) CALL (n) { SET n.x = 1 } IN 4 CONCURRENT TRANSACTIONS OF 10 ROWS ON ERROR CONTINUE REPORT STATUS AS s RETURN s
CREATE (n) RETURN n UNION ALL MATCH (n) RETURN n
MATCH (n) RETURN n.x AS x UNION ALL CREATE (m) RETURN m.x AS x
CREATE (a:A) WITH a MATCH (b:B) CREATE (a)-[:R]->(b)
MATCH (set) SET set.set = 1
MATCH (delete) DELETE delete
MATCH (n:Set) REMOVE n:Set
CALL db.labels() YIELD label CREATE (:L {name: label})
CALL db.createLabel('x')
CALL db.createProperty('x')
CALL db.createRelationshipType('x')
CALL db.create.setNodeVectorProperty(null, 'x', [1.0])
CALL db.index.vector.createNodeIndex('x', 'A', 'b', 10, 'cosine')
USE neo4j CREATE (n)
CYPHER 5 CREATE (n)
CYPHER runtime=slotted MATCH (n) SET n.x = 1
MATCH (n) SET n.create = 'a', n.`delete` = 'b' RETURN n.create AS set
CYPHER 25 MATCH (n) FILTER n.x = 1 SET n.x = 2
CYPHER 25 LET x = 1 CREATE (:A {x: x})
CYPHER 25 FOR x IN [1] CREATE (:A {x: x})
CYPHER 25 CREATE (a:A) MATCH (b) SET b.x = 1
CYPHER 25 MATCH (n) RETURN n NEXT SET n.x = 1
CYPHER 25 WHEN true THEN { CREATE (:A) } ELSE { CREATE (:B) }
"""

_SCHEMA = """
CREATE INDEX FOR (n:A) ON (n.x)
CREATE INDEX i FOR (n:A) ON (n.x, n.y)
CREATE INDEX i IF NOT EXISTS FOR (n:A) ON n.x
CREATE RANGE INDEX i FOR ()-[r:R]-() ON (r.x)
CREATE TEXT INDEX i FOR (n:A) ON (n.x)
CREATE POINT INDEX FOR (n:A) ON (n.x)
CREATE FULLTEXT INDEX i FOR (n:A|B) ON EACH [n.x, n.y]
CREATE FULLTEXT INDEX i FOR ()-[r:A|B]-() ON EACH [r.x]
CREATE LOOKUP INDEX i FOR (n) ON EACH labels(n)
CREATE LOOKUP INDEX FOR ()-[r]-() ON EACH type(r)
CREATE VECTOR INDEX i FOR (n:A) ON (n.x) OPTIONS {indexConfig: {`vector.dimensions`: 3, `vector.similarity_function`: 'cosine'}}
CREATE CONSTRAINT FOR (n:A) REQUIRE n.x IS UNIQUE
CREATE CONSTRAINT c IF NOT EXISTS FOR (n:A) REQUIRE (n.x, n.y) IS UNIQUE
CREATE CONSTRAINT c FOR (n:A) REQUIRE n.x IS NOT NULL
CREATE CONSTRAINT c FOR (n:A) REQUIRE n.x IS NODE KEY
CREATE CONSTRAINT c FOR (n:A) REQUIRE n.x IS :: STRING
CREATE CONSTRAINT c FOR ()-[r:R]-() REQUIRE r.x IS NOT NULL
CREATE CONSTRAINT $name FOR (n:A) REQUIRE n.x IS UNIQUE
DROP INDEX i
DROP INDEX `a b` IF EXISTS
DROP CONSTRAINT c
DROP CONSTRAINT c IF EXISTS
CREATE USER u SET PASSWORD 'abcdefgh'
CREATE OR REPLACE USER u SET PASSWORD 'abcdefgh' CHANGE NOT REQUIRED
ALTER USER u SET PASSWORD 'abcdefgh'
ALTER CURRENT USER SET PASSWORD FROM 'abcdefgh' TO 'hgfedcba'
DROP USER u IF EXISTS
RENAME USER a TO b
SHOW USERS
SHOW USERS YIELD user
SHOW CURRENT USER
SHOW DATABASES
SHOW DATABASE neo4j
SHOW DEFAULT DATABASE
CALL db.clearQueryCaches()
"""


def _lines(text):
    return [line for line in text.splitlines() if line]


def _combined():
    """Each beginning with each end."""
    beginnings = ["MATCH (n:A)", "MATCH (n)-[r:R]->(m) WHERE n.x = 1", "OPTIONAL MATCH (n)", "MATCH (n) WITH n ORDER BY n.x LIMIT 1",
                  "UNWIND [1] AS delete MATCH (n {id: delete})", "MATCH (n) WITH n AS n, 1 AS set", "CALL { MATCH (k) RETURN k AS n }",
                  "MATCH (n) CALL (n) { RETURN 1 AS create }", "LOAD CSV FROM 'file:///x' AS remove MATCH (n)"]
    ends = ["RETURN n", "RETURN n.set AS x", "SET n.x = 1", "SET n:X", "REMOVE n.x", "DETACH DELETE n", "CREATE (n)-[:R]->(:X)",
            "MERGE (n)-[:R]->(:X)", "FOREACH (x IN [1] | SET n.x = x)", "CALL (n) { SET n.x = 1 }",
            "CALL (n) { SET n.x = 1 } IN TRANSACTIONS", "CALL (n) { RETURN 1 AS y } RETURN y"]
    return [f"{beginning} {end}" for beginning in beginnings for end in ends]


STATEMENTS = _lines(_READS) + _lines(_WRITES) + _lines(_SCHEMA) + _combined()

# These are run, in transactions that are rolled back, on a database that may have anything in it.
BATCHES = [
    "UNWIND [1] AS x CALL (x) { MATCH (n:Never) SET n.y = x } IN TRANSACTIONS",
    "UNWIND [1] AS x CALL { WITH x MATCH (n:Never) SET n.y = x } IN TRANSACTIONS OF 5 ROWS",
    "UNWIND [1] AS x CALL (x) { MATCH (n:Never) SET n.y = x } IN 2 CONCURRENT TRANSACTIONS",
    "UNWIND [1] AS x CALL (x) { MATCH (n:Never) SET n.y = x } IN CONCURRENT TRANSACTIONS OF 5 ROWS ON ERROR BREAK",
    "unwind [1] as x call(x){match (n:Never) set n.y = x}in transactions",
    "UNWIND [1] AS x CALL (x) /* in */ { MATCH (n:Never) SET n.y = x } // of\n IN // no\n TRANSACTIONS",
    "UNWIND [1] AS x CALL (x) { RETURN 1 AS y } IN TRANSACTIONS RETURN y",
]
NO_BATCHES = [
    "RETURN 'CALL { CREATE (n) } IN TRANSACTIONS' AS x",
    "RETURN 1 AS x // CALL { CREATE (n) } IN TRANSACTIONS",
    "RETURN /* CALL { CREATE (n) } IN TRANSACTIONS */ 1 AS x",
    "WITH 1 AS `} IN TRANSACTIONS` RETURN *",
    "MATCH (transactions:Transactions) WHERE transactions.x IN transactions.y RETURN transactions",
    "WITH [1] AS transactions RETURN 1 IN transactions AS x",
    "WITH [1] AS transactions CALL { RETURN 1 AS x } WITH x, transactions WHERE x IN transactions RETURN x",
    "UNWIND [] AS x CALL (x) { RETURN {transactions: 1} AS y } RETURN y.transactions AS IN",
]

# Run twice, on seven nodes of the label SqlTest with i, x = i, y = 2 i, z.
_BODIES = """
SET n.x = 1
SET n.x = n.y
SET n.x = n.x + 1
SET n.x = n.y + n.x
SET n.y = n.x, n.x = n.y + 1
SET n += {x: 5, w: n.y}
SET n += {x: n.x + 1}
SET n.w = toUpper(n.z), n:Other
SET n.w = randomUUID()
SET n.w = rand()
SET n['x'] = n.x + 1
SET n:Other REMOVE n.y
REMOVE n.x, n.y
WITH n, n.x + 1 AS k SET n.x = k
WITH n, n.y + 1 AS k SET n.x = k
CREATE (:SqlTest {i: 100 + n.i})
CREATE (n)-[:R]->(n)
MERGE (n)-[:R]->(n)
MERGE (m:SqlTest {i: 100 + n.i}) SET m.x = n.y
MERGE (m:SqlTest {i: 1}) ON MATCH SET m.x = m.x + 1
MERGE (m:SqlTest {i: 100 + n.i}) ON CREATE SET m.x = m.i
FOREACH (k IN [1, 2] | SET n.x = k)
FOREACH (k IN [1, 2] | SET n.x = n.x + k)
FOREACH (k IN [1, 2] | CREATE (n)-[:R]->(n))
MATCH (m:SqlTest) WHERE m.i = n.i SET m.x = n.x + 1
SET n.w = CASE WHEN n.y > 4 THEN 'big' ELSE 'small' END
SET n.z = n.z + 'b'
SET n.w = CASE WHEN n:Other THEN 1 ELSE 2 END SET n:Other
SET n.w = (n:Other), n:Other
SET n.w = labels(n), n:Other
SET n.w = CASE WHEN n:Other THEN 1 ELSE 2 END
DETACH DELETE n
"""
REPEATED = [f"MATCH (n:SqlTest) WHERE n.i <= 7 CALL (n) {{ {body} }} IN TRANSACTIONS OF 2 ROWS" for body in _lines(_BODIES)] + [
    "UNWIND range(1, 9) AS row CALL (row) { MERGE (n:SqlTest {i: row}) SET n.x = row } IN TRANSACTIONS OF 2 ROWS",
    "UNWIND [{i: 3, x: 7}, {i: 9, x: 8}] AS row CALL (row) { MERGE (n:SqlTest {i: row.i}) SET n.x = row.x } IN TRANSACTIONS",
    "UNWIND [{i: 3, x: 7}] AS row CALL (row) { MERGE (n:SqlTest {i: row.i}) SET n.x = n.x + row.x } IN TRANSACTIONS",
    "UNWIND [{i: 3, x: 7}, {i: 9, x: 8}] AS row CALL (row) { MERGE (n:SqlTest {i: row.i}) SET n += row } IN TRANSACTIONS",
]
